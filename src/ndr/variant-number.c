/* SPDX-License-Identifier: Apache-2.0 */
#include "ndr/variant-number.h"
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "winerror.h"

#define CURRENCY_SCALE 4u
#define REAL_DIGITS    15

static const unsigned __int128 digits_max = (((unsigned __int128)1) << 96) - 1;

static unsigned __int128 power(unsigned exponent)
{
    unsigned __int128 result = 1;
    while (exponent-- > 0)
        result *= 10;
    return result;
}

/* ---- to numbers ---- */

Number number_of_unsigned(uint64_t value)
{
    return (Number){.digits = value};
}

Number number_of_integer(int64_t value)
{
    return (Number){.negative = value < 0, .digits = value < 0 ? 0 - (uint64_t)value : (uint64_t)value};
}

Number number_of_real(double value)
{
    return (Number){.is_real = true, .real = value};
}

Number number_of_currency(CY value)
{
    Number number = number_of_integer(value.int64);
    number.scale = CURRENCY_SCALE;
    return number;
}

bool number_of_decimal(const DECIMAL *value, Number *ret_number)
{
    if (value->scale > NUMBER_SCALE_MAX || (value->sign & ~DECIMAL_NEG)) return false;
    *ret_number = (Number){.negative = value->sign != 0,
                           .digits = (unsigned __int128)value->Hi32 << 64 | value->Lo64,
                           .scale = value->scale};
    return true;
}

static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void c_locale_make(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

/* Text that was checked already. */
static double real_of(const char *text)
{
    pthread_once(&c_locale_once, c_locale_make);
    return c_locale ? strtod_l(text, NULL, c_locale) : strtod(text, NULL);
}

/* Digits with a point, exactly; false when they are too many. */
static bool exact(const char *text, Number *ret_number)
{
    Number number = {.negative = *text == '-'};
    bool point = false;
    for (text += *text == '-' || *text == '+'; *text; text++) {
        if (*text == '.') {
            point = true;
            continue;
        }
        unsigned __int128 digits = number.digits * 10 + (unsigned)(*text - '0');
        if (digits > digits_max || number.scale + point > NUMBER_SCALE_MAX) return false;
        number.digits = digits;
        number.scale += point;
    }
    *ret_number = number;
    return true;
}

/* What may stand in a number, in order; where it ends, or NULL. */
static const char *number_end(const char *text, bool *ret_exponent)
{
    size_t digits = 0;
    *ret_exponent = false;
    text += *text == '-' || *text == '+';
    for (; *text >= '0' && *text <= '9'; text++)
        digits++;
    if (*text == '.')
        for (text++; *text >= '0' && *text <= '9'; text++)
            digits++;
    if (digits == 0) return NULL;
    if ((*text | 0x20) != 'e') return text;
    *ret_exponent = true;
    text++;
    text += *text == '-' || *text == '+';
    if (*text < '0' || *text > '9') return NULL;
    while (*text >= '0' && *text <= '9')
        text++;
    return text;
}

static bool is_blank(WCHAR character)
{
    return character == ' ' || (character >= 9 && character <= 13);
}

HRESULT number_of_text(const WCHAR *text, size_t length, Number *ret_number)
{
    enum { LENGTH_MAX = 400 }; /* the longest double has fewer */
    char narrow[LENGTH_MAX + 1];
    bool exponent;
    while (length > 0 && is_blank(text[0]))
        text++, length--;
    while (length > 0 && is_blank(text[length - 1]))
        length--;
    if (length > LENGTH_MAX) return DISP_E_TYPEMISMATCH;
    for (size_t i = 0; i < length; i++)
        narrow[i] = text[i] > 0 && text[i] < 128 ? (char)text[i] : '?';
    narrow[length] = 0;
    const char *end = number_end(narrow, &exponent);
    if (!end || *end) return DISP_E_TYPEMISMATCH;
    if (!exponent && exact(narrow, ret_number)) return S_OK;
    double real = real_of(narrow);
    if (!isfinite(real)) return DISP_E_OVERFLOW;
    *ret_number = number_of_real(real);
    return S_OK;
}

/* ---- from numbers ---- */

/* The digits at another scale, to the even neighbour. */
static unsigned __int128 rescaled(const Number *number, unsigned scale)
{
    if (number->scale <= scale) return number->digits * power(scale - number->scale);
    unsigned __int128 divisor = power(number->scale - scale), whole = number->digits / divisor,
                      rest = number->digits % divisor, half = divisor / 2;
    if (rest > half || (rest == half && (whole & 1))) whole++;
    return whole;
}

static HRESULT scaled_integer(const Number *number, unsigned scale, int64_t low, int64_t high,
                              int64_t *ret_value)
{
    if (number->is_real) {
        double rounded = rint(number->real * (double)power(scale));
        /* 2^63 is a double, the largest integer is none */
        if (!(rounded >= (double)low && (high == INT64_MAX ? rounded < 0x1p63 : rounded <= (double)high)))
            return DISP_E_OVERFLOW;
        *ret_value = (int64_t)rounded;
        return S_OK;
    }
    unsigned __int128 value = rescaled(number, scale);
    /* above 2^96 * 10^4 nothing wraps round */
    if (number->negative) {
        if (value > (unsigned __int128)0 - (unsigned __int128)(__int128)low && value > 0)
            return DISP_E_OVERFLOW;
        *ret_value = (int64_t)(0 - (uint64_t)value);
    } else {
        if (high < 0 || value > (uint64_t)high) return DISP_E_OVERFLOW;
        *ret_value = (int64_t)value;
    }
    return S_OK;
}

HRESULT number_to_integer(const Number *number, int64_t low, int64_t high, int64_t *ret_value)
{
    return scaled_integer(number, 0, low, high, ret_value);
}

HRESULT number_to_unsigned(const Number *number, uint64_t high, uint64_t *ret_value)
{
    if (number->is_real) {
        double rounded = rint(number->real);
        if (!(rounded >= 0 && (high == UINT64_MAX ? rounded < 0x1p64 : rounded <= (double)high)))
            return DISP_E_OVERFLOW;
        *ret_value = (uint64_t)rounded;
        return S_OK;
    }
    unsigned __int128 value = rescaled(number, 0);
    if (value > high || (number->negative && value > 0)) return DISP_E_OVERFLOW;
    *ret_value = (uint64_t)value;
    return S_OK;
}

HRESULT number_to_currency(const Number *number, CY *ret_value)
{
    int64_t value;
    HRESULT hr = scaled_integer(number, CURRENCY_SCALE, INT64_MIN, INT64_MAX, &value);
    if (SUCCEEDED(hr)) ret_value->int64 = value;
    return hr;
}

/* A double's digits as an exact number. */
static HRESULT real_digits(double real, Number *ret_number)
{
    char text[NUMBER_TEXT_MAX];
    Number number = {.negative = real < 0};
    int exponent = 0;
    if (!isfinite(real) || fabs(real) >= 0x1p96) return DISP_E_OVERFLOW;
    snprintf(text, sizeof(text), "%.*e", REAL_DIGITS - 1, fabs(real));
    char *at = text;
    for (; *at && *at != 'e'; at++)
        if (*at >= '0' && *at <= '9') number.digits = number.digits * 10 + (unsigned)(*at - '0');
    if (*at == 'e') exponent = atoi(at + 1);
    int scale = REAL_DIGITS - 1 - exponent;
    while (scale > 0 && number.digits % 10 == 0 && number.digits > 0)
        number.digits /= 10, scale--;
    if (number.digits == 0) scale = 0;
    if (scale < 0) {
        number.digits *= power((unsigned)-scale);
        scale = 0;
    }
    number.scale = (unsigned)scale;
    if (number.scale > NUMBER_SCALE_MAX) {
        /* smaller than the last place, or partly so; 10^38 is more than any double of 15 digits needs */
        if (number.scale - NUMBER_SCALE_MAX > REAL_DIGITS) return *ret_number = (Number){0}, S_OK;
        number.digits = rescaled(&number, NUMBER_SCALE_MAX);
        number.scale = NUMBER_SCALE_MAX;
    }
    if (number.digits > digits_max) return DISP_E_OVERFLOW;
    *ret_number = number;
    return S_OK;
}

HRESULT number_to_decimal(const Number *number, DECIMAL *ret_value)
{
    Number digits = *number;
    if (number->is_real) {
        HRESULT hr = real_digits(number->real, &digits);
        if (FAILED(hr)) return hr;
    }
    *ret_value = (DECIMAL){.scale = (BYTE)digits.scale,
                           .sign = digits.negative && digits.digits ? DECIMAL_NEG : 0,
                           .Hi32 = (ULONG)(digits.digits >> 64),
                           .Lo64 = (ULONGLONG)digits.digits};
    return S_OK;
}

double number_to_real(const Number *number)
{
    if (number->is_real) return number->real;
    char text[NUMBER_TEXT_MAX];
    number_to_text(number, 0, text);
    return real_of(text);
}

/* Without what a locale writes for the point. */
static void real_to_text(double real, int digits, char text[NUMBER_TEXT_MAX])
{
    char local[NUMBER_TEXT_MAX];
    size_t length = 0;
    bool point = false;
    snprintf(local, sizeof(local), "%.*G", digits, real == 0 ? 0.0 : real);
    for (const char *at = local; *at; at++) {
        bool known = (*at >= '0' && *at <= '9') || (*at >= 'A' && *at <= 'Z') || *at == '-' || *at == '+';
        if (known)
            text[length++] = *at;
        else if (!point)
            text[length++] = '.';
        point |= !known;
    }
    text[length] = 0;
}

void number_to_text(const Number *number, int digits, char text[NUMBER_TEXT_MAX])
{
    if (number->is_real) {
        real_to_text(number->real, digits, text);
        return;
    }
    char reversed[NUMBER_TEXT_MAX];
    unsigned __int128 rest = number->digits;
    unsigned scale = number->scale, length = 0, at = 0;
    while (scale > 0 && rest % 10 == 0)
        rest /= 10, scale--;
    for (; rest > 0 || length <= scale; rest /= 10) {
        if (length == scale && scale > 0 && at == length) reversed[at++] = '.';
        reversed[at++] = (char)('0' + (unsigned)(rest % 10));
        length++;
    }
    if (number->negative && number->digits > 0) reversed[at++] = '-';
    for (unsigned i = 0; i < at; i++)
        text[i] = reversed[at - 1 - i];
    text[at] = 0;
}
