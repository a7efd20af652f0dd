/* SPDX-License-Identifier: Apache-2.0 */
/* VariantChangeType: the same in every locale. Dates as text are ISO 8601's. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "ndr/automation.h"
#include "ndr/variant-number.h"

/* [MS-OAUT] 2.2.25: days since 30 December 1899, from the year 100 to 9999; the time of day counts up in
 * either direction */
#define DATE_MIN        (-657434.0)
#define DATE_MAX        2958466.0
#define DATE_UNIX       25569
#define SECONDS_PER_DAY 86400

/* ---- dates ---- */

/* Days since 1970 of a date of the Gregorian calendar; eras of 400 years that begin in March. */
static int days_of(int year, int month, int day)
{
    year -= month <= 2;
    int era = (year >= 0 ? year : year - 399) / 400, in_era = year - era * 400;
    int in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;
}

static void date_of(int days, int *ret_year, int *ret_month, int *ret_day)
{
    days += 719468;
    int era = (days >= 0 ? days : days - 146096) / 146097, in_era = days - era * 146097;
    int year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int in_year = in_era - (365 * year + year / 4 - year / 100), month = (5 * in_year + 2) / 153;
    *ret_day = in_year - (153 * month + 2) / 5 + 1;
    *ret_month = month < 10 ? month + 3 : month - 9;
    *ret_year = year + era * 400 + (*ret_month <= 2);
}

static HRESULT date_to_text(DATE date, char text[NUMBER_TEXT_MAX])
{
    int year, month, day;
    if (!(date > DATE_MIN - 1 && date < DATE_MAX)) return DISP_E_OVERFLOW;
    int days = (int)trunc(date), seconds = (int)rint(fabs(date - trunc(date)) * SECONDS_PER_DAY);
    if (seconds == SECONDS_PER_DAY) {
        days++;
        seconds = 0;
    }
    date_of(days - DATE_UNIX, &year, &month, &day);
    int hour = seconds / 3600, minute = seconds / 60 % 60;
    if (seconds == 0)
        snprintf(text, NUMBER_TEXT_MAX, "%04d-%02d-%02d", year, month, day);
    else if (days == 0)
        snprintf(text, NUMBER_TEXT_MAX, "%02d:%02d:%02d", hour, minute, seconds % 60);
    else
        snprintf(text, NUMBER_TEXT_MAX, "%04d-%02d-%02d %02d:%02d:%02d", year, month, day, hour, minute,
                 seconds % 60);
    return S_OK;
}

/* `count` digits; -1 when they are not there. */
static int digits_at(const WCHAR *text, size_t length, size_t at, size_t count)
{
    int value = 0;
    if (at > length || count > length - at) return -1;
    for (size_t i = at; i < at + count; i++) {
        if (text[i] < '0' || text[i] > '9') return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

/* HH:MM or HH:MM:SS, all of it; -1. */
static int seconds_of_text(const WCHAR *text, size_t length)
{
    int hour = digits_at(text, length, 0, 2), minute = digits_at(text, length, 3, 2), second = 0;
    if (length == 8) second = text[5] == ':' ? digits_at(text, length, 6, 2) : -1;
    if ((length != 5 && length != 8) || text[2] != ':' || hour < 0 || hour > 23 || minute < 0 ||
        minute > 59 || second < 0 || second > 59)
        return -1;
    return hour * 3600 + minute * 60 + second;
}

/* YYYY-MM-DD, and perhaps a time behind a blank or a T; or a time. */
static bool date_of_text(const WCHAR *text, size_t length, DATE *ret_date)
{
    int days = DATE_UNIX + 1, seconds = 0;
    size_t time = 0;
    if (length >= 10 && text[4] == '-') {
        int year = digits_at(text, length, 0, 4), month = digits_at(text, length, 5, 2),
            day = digits_at(text, length, 8, 2);
        int check_year, check_month, check_day;
        if (text[7] != '-' || year < 100 || month < 1 || month > 12 || day < 1) return false;
        days = days_of(year, month, day);
        date_of(days, &check_year, &check_month, &check_day);
        if (check_month != month || check_day != day) return false; /* 30 February */
        days += DATE_UNIX;
        time = length > 10 ? 11 : 10;
        if (length > 10 && text[10] != ' ' && text[10] != 'T') return false;
    } else {
        days = 0;
    }
    if (time != 10) seconds = seconds_of_text(text + time, length - time);
    if (seconds < 0) return false;
    double part = seconds / (double)SECONDS_PER_DAY;
    *ret_date = days < 0 ? days - part : days + part;
    return true;
}

/* ---- sources ---- */

static bool is_word(const VARIANT *text, const char *word)
{
    UINT length = SysStringLen(text->bstrVal);
    if (length != strlen(word)) return false;
    for (UINT i = 0; i < length; i++)
        if ((text->bstrVal[i] | 0x20) != (word[i] | 0x20)) return false;
    return true;
}

/* Texts that are no numbers: what conditions and dates are called. */
static bool number_of_word(const VARIANT *text, VARTYPE target, Number *ret_number)
{
    DATE date;
    if (target == VT_BOOL && (is_word(text, "True") || is_word(text, "#TRUE#"))) {
        *ret_number = number_of_integer(VARIANT_TRUE);
    } else if (target == VT_BOOL && (is_word(text, "False") || is_word(text, "#FALSE#"))) {
        *ret_number = number_of_integer(VARIANT_FALSE);
    } else if (target == VT_DATE && date_of_text(text->bstrVal, SysStringLen(text->bstrVal), &date)) {
        *ret_number = number_of_real(date);
    } else {
        return false;
    }
    return true;
}

static HRESULT number_of(const VARIANT *source, VARTYPE target, Number *ret_number)
{
    switch (source->vt) {
    case VT_EMPTY:
        return *ret_number = number_of_integer(0), S_OK;
    case VT_I1:
        return *ret_number = number_of_integer(source->cVal), S_OK;
    case VT_UI1:
        return *ret_number = number_of_integer(source->bVal), S_OK;
    case VT_I2:
    case VT_BOOL:
        return *ret_number = number_of_integer(source->iVal), S_OK;
    case VT_UI2:
        return *ret_number = number_of_integer(source->uiVal), S_OK;
    case VT_I4:
    case VT_INT:
        return *ret_number = number_of_integer(source->lVal), S_OK;
    case VT_UI4:
    case VT_UINT:
        return *ret_number = number_of_integer(source->ulVal), S_OK;
    case VT_I8:
        return *ret_number = number_of_integer(source->llVal), S_OK;
    case VT_UI8:
        return *ret_number = number_of_unsigned(source->ullVal), S_OK;
    case VT_R4:
        return *ret_number = number_of_real(source->fltVal), S_OK;
    case VT_R8:
    case VT_DATE:
        return *ret_number = number_of_real(source->dblVal), S_OK;
    case VT_CY:
        return *ret_number = number_of_currency(source->cyVal), S_OK;
    case VT_DECIMAL:
        return number_of_decimal(&source->decVal, ret_number) ? S_OK : E_INVALIDARG;
    case VT_BSTR:
        if (number_of_word(source, target, ret_number)) return S_OK;
        return number_of_text(source->bstrVal, SysStringLen(source->bstrVal), ret_number);
    default:
        return DISP_E_TYPEMISMATCH;
    }
}

/* ---- targets ---- */

static HRESULT to_unsigned(const Number *number, bool truth, uint64_t high, VARIANT *value)
{
    /* a condition has all bits, in every size */
    if (truth && number->digits > 0) {
        value->ullVal = high;
        return S_OK;
    }
    return number_to_unsigned(number, high, &value->ullVal);
}

static HRESULT to_real(const Number *number, VARIANT *value)
{
    double real = number_to_real(number);
    if (value->vt == VT_R4) {
        if (isfinite(real) && !isfinite((float)real)) return DISP_E_OVERFLOW;
        value->fltVal = (float)real;
        return S_OK;
    }
    if (value->vt == VT_DATE && !(real > DATE_MIN - 1 && real < DATE_MAX)) return DISP_E_OVERFLOW;
    value->dblVal = real;
    return S_OK;
}

/* value->vt says what is wanted; the rest is zero. */
static HRESULT number_to(const Number *number, bool truth, VARIANT *value)
{
    switch (value->vt) {
    case VT_I1:
        return number_to_integer(number, INT8_MIN, INT8_MAX, &value->llVal);
    case VT_I2:
        return number_to_integer(number, INT16_MIN, INT16_MAX, &value->llVal);
    case VT_I4:
    case VT_INT:
        return number_to_integer(number, INT32_MIN, INT32_MAX, &value->llVal);
    case VT_I8:
        return number_to_integer(number, INT64_MIN, INT64_MAX, &value->llVal);
    case VT_UI1:
        return to_unsigned(number, truth, UINT8_MAX, value);
    case VT_UI2:
        return to_unsigned(number, truth, UINT16_MAX, value);
    case VT_UI4:
    case VT_UINT:
        return to_unsigned(number, truth, UINT32_MAX, value);
    case VT_UI8:
        return to_unsigned(number, truth, UINT64_MAX, value);
    case VT_R4:
    case VT_R8:
    case VT_DATE:
        return to_real(number, value);
    case VT_BOOL:
        value->boolVal =
            (number->is_real ? number->real != 0 : number->digits > 0) ? VARIANT_TRUE : VARIANT_FALSE;
        return S_OK;
    case VT_CY:
        return number_to_currency(number, &value->cyVal);
    case VT_DECIMAL: {
        HRESULT hr = number_to_decimal(number, &value->decVal);
        value->vt = VT_DECIMAL; /* it lies under the number */
        return hr;
    }
    default:
        return DISP_E_TYPEMISMATCH;
    }
}

static HRESULT to_text(const VARIANT *source, USHORT flags, VARIANT *value)
{
    char text[NUMBER_TEXT_MAX];
    WCHAR wide[NUMBER_TEXT_MAX];
    Number number;
    if (source->vt == VT_EMPTY) {
        text[0] = 0;
    } else if (source->vt == VT_BOOL && (flags & VARIANT_ALPHABOOL)) {
        snprintf(text, sizeof(text), "%s", source->boolVal ? "True" : "False");
    } else if (source->vt == VT_DATE) {
        HRESULT hr = date_to_text(source->date, text);
        if (FAILED(hr)) return hr;
    } else {
        HRESULT hr = number_of(source, VT_BSTR, &number);
        if (FAILED(hr)) return hr;
        number_to_text(&number, source->vt == VT_R4 ? 7 : 15, text);
    }
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i++)
        wide[i] = (WCHAR)text[i];
    value->bstrVal = SysAllocStringLen(wide, (UINT)length);
    return value->bstrVal ? S_OK : E_OUTOFMEMORY;
}

static HRESULT to_interface(const VARIANT *source, VARIANT *value)
{
    if (automation_type(source->vt).kind != AUTOMATION_INTERFACE) return DISP_E_TYPEMISMATCH;
    if (!source->punkVal) return S_OK;
    HRESULT hr = source->punkVal->lpVtbl->QueryInterface(
        source->punkVal, value->vt == VT_DISPATCH ? &IID_IDispatch : &IID_IUnknown, (void **)&value->punkVal);
    return FAILED(hr) ? DISP_E_TYPEMISMATCH : S_OK;
}

/* `source` is no reference. */
static HRESULT changed(const VARIANT *source, USHORT flags, VARTYPE vt, VARIANT *ret_value)
{
    VARIANT value = {.vt = vt};
    Number number;
    HRESULT hr;
    if (source->vt == vt) {
        VariantInit(&value);
        hr = VariantCopy(&value, source);
    } else if ((vt | source->vt) & VT_ARRAY) {
        hr = DISP_E_TYPEMISMATCH;
    } else if (vt == VT_BSTR) {
        hr = to_text(source, flags, &value);
    } else if (automation_type(vt).kind == AUTOMATION_INTERFACE) {
        hr = to_interface(source, &value);
    } else {
        hr = number_of(source, vt, &number);
        if (SUCCEEDED(hr)) hr = number_to(&number, source->vt == VT_BOOL, &value);
    }
    if (SUCCEEDED(hr)) *ret_value = value;
    return hr;
}

HRESULT VariantChangeTypeEx(VARIANTARG *pvargDest, const VARIANTARG *pvarSrc, LCID lcid, USHORT wFlags,
                            VARTYPE vt)
{
    VARIANT plain, value;
    if (!pvargDest || !pvarSrc) return E_INVALIDARG;
    HRESULT hr = vt & VT_BYREF ? DISP_E_BADVARTYPE : automation_check(vt);
    if (FAILED(hr)) return hr;
    VariantInit(&plain);
    hr = VariantCopyInd(&plain, pvarSrc);
    if (FAILED(hr)) return hr;
    hr = changed(&plain, wFlags, vt, &value);
    (void)VariantClear(&plain); /* a copy, which can be cleared */
    if (FAILED(hr)) return hr;
    hr = VariantClear(pvargDest);
    if (FAILED(hr))
        (void)VariantClear(&value); /* just made, so it can be cleared */
    else
        *pvargDest = value;
    return hr;
}

HRESULT VariantChangeType(VARIANTARG *pvargDest, const VARIANTARG *pvarSrc, USHORT wFlags, VARTYPE vt)
{
    return VariantChangeTypeEx(pvargDest, pvarSrc, 0, wFlags, vt);
}
