/* SPDX-License-Identifier: Apache-2.0 */
/* VariantChangeType: each row is a value, a type, and what comes of it, as text or as a code. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/cleanup.h"
#include "ndr/memory.h"
#include "ndr/variant-number.h"
#include "winerror.h"

#define OVERFLOWS "0x8002000A"
#define MISMATCH  "0x80020005"

static BSTR bstr(const char *text)
{
    WCHAR wide[512];
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i++)
        wide[i] = (unsigned char)text[i];
    return SysAllocStringLen(wide, (UINT)length);
}

/* The value, of whatever type, or the code. */
static void say(HRESULT hr, const VARIANT *value, char *text, size_t size)
{
    switch (FAILED(hr) ? VT_EMPTY : value->vt) {
    case VT_EMPTY:
        snprintf(text, size, "0x%08X", (unsigned)hr);
        break;
    case VT_BSTR:
        for (size_t i = 0; i <= SysStringLen(value->bstrVal) && i < size; i++)
            text[i] = (char)value->bstrVal[i];
        break;
    case VT_R4:
        snprintf(text, size, "%g", (double)value->fltVal);
        break;
    case VT_R8:
    case VT_DATE:
        snprintf(text, size, "%.17g", value->dblVal);
        break;
    case VT_CY:
        snprintf(text, size, "%lld", (long long)value->cyVal.int64);
        break;
    case VT_DECIMAL:
        snprintf(text, size, "%s%x:%llu/%u", value->decVal.sign ? "-" : "", value->decVal.Hi32,
                 (unsigned long long)value->decVal.Lo64, value->decVal.scale);
        break;
    case VT_I1:
        snprintf(text, size, "%d", value->cVal);
        break;
    case VT_UI1:
        snprintf(text, size, "%u", value->bVal);
        break;
    case VT_I2:
    case VT_BOOL:
        snprintf(text, size, "%d", value->iVal);
        break;
    case VT_UI2:
        snprintf(text, size, "%u", value->uiVal);
        break;
    case VT_I4:
    case VT_INT:
        snprintf(text, size, "%d", value->lVal);
        break;
    case VT_UI4:
    case VT_UINT:
        snprintf(text, size, "%u", value->ulVal);
        break;
    case VT_I8:
        snprintf(text, size, "%lld", (long long)value->llVal);
        break;
    case VT_UI8:
        snprintf(text, size, "%llu", (unsigned long long)value->ullVal);
        break;
    default:
        snprintf(text, size, "type %u", value->vt);
    }
}

static void check_flags(VARIANT source, VARTYPE vt, USHORT flags, const char *wanted)
{
    char got[600] = "";
    VARIANT value = {.vt = VT_I4, .lVal = 4711};
    HRESULT hr = VariantChangeType(&value, &source, flags, vt);
    assert_true(FAILED(hr) ? value.vt == VT_I4 && value.lVal == 4711 : value.vt == vt);
    say(hr, &value, got, sizeof(got));
    if (strcmp(got, wanted) != 0) fail_msg("to %u: %s, not %s", vt, got, wanted);
    assert_int_equal(VariantClear(&value), S_OK);
    assert_int_equal(VariantClear(&source), S_OK);
}

static void check(VARIANT source, VARTYPE vt, const char *wanted)
{
    check_flags(source, vt, 0, wanted);
}

#define TEXT_OF(text)   ((VARIANT){.vt = VT_BSTR, .bstrVal = bstr(text)})
#define I4_OF(number)   ((VARIANT){.vt = VT_I4, .lVal = (number)})
#define I8_OF(number)   ((VARIANT){.vt = VT_I8, .llVal = (number)})
#define UI8_OF(number)  ((VARIANT){.vt = VT_UI8, .ullVal = (number)})
#define R8_OF(number)   ((VARIANT){.vt = VT_R8, .dblVal = (number)})
#define CY_OF(number)   ((VARIANT){.vt = VT_CY, .cyVal = {.int64 = (number)}})
#define DATE_OF(number) ((VARIANT){.vt = VT_DATE, .date = (number)})
#define BOOL_OF(truth)  ((VARIANT){.vt = VT_BOOL, .boolVal = (truth)})

static VARIANT decimal_of(ULONG high, ULONGLONG low, BYTE scale, BYTE sign)
{
    VARIANT value = {.decVal = {.Hi32 = high, .Lo64 = low, .scale = scale, .sign = sign}};
    value.vt = VT_DECIMAL;
    return value;
}

static void test_integers(void **state)
{
    check(I4_OF(127), VT_I1, "127");
    check(I4_OF(128), VT_I1, OVERFLOWS);
    check(I4_OF(-128), VT_I1, "-128");
    check(I4_OF(-129), VT_I1, OVERFLOWS);
    check(I4_OF(255), VT_UI1, "255");
    check(I4_OF(256), VT_UI1, OVERFLOWS);
    check(I4_OF(-1), VT_UI1, OVERFLOWS);
    check(I4_OF(65535), VT_UI2, "65535");
    check(I4_OF(32768), VT_I2, OVERFLOWS);
    check(I8_OF(INT32_MIN), VT_INT, "-2147483648");
    check(I8_OF(INT64_C(2147483648)), VT_I4, OVERFLOWS);
    check(I8_OF(INT64_C(4294967295)), VT_UINT, "4294967295");
    check(I8_OF(INT64_MIN), VT_I8, "-9223372036854775808");
    check(I8_OF(INT64_MIN), VT_UI8, OVERFLOWS);
    check(UI8_OF(UINT64_MAX), VT_UI8, "18446744073709551615");
    check(UI8_OF(UINT64_C(1) << 63), VT_I8, OVERFLOWS);
    check((VARIANT){.vt = VT_EMPTY}, VT_I4, "0");
    check((VARIANT){.vt = VT_NULL}, VT_I4, MISMATCH);
    check((VARIANT){.vt = VT_ERROR}, VT_I4, MISMATCH);
    check(I4_OF(1), VT_NULL, MISMATCH);
}

static void test_rounding(void **state)
{
    check(R8_OF(0.5), VT_I4, "0");
    check(R8_OF(1.5), VT_I4, "2");
    check(R8_OF(2.5), VT_I4, "2");
    check(R8_OF(-2.5), VT_I4, "-2");
    check(CY_OF(25000), VT_I4, "2");
    check(CY_OF(25001), VT_I4, "3");
    check(CY_OF(-35000), VT_I4, "-4");
    check(TEXT_OF("2.5"), VT_I4, "2");
    check(TEXT_OF("3.5"), VT_I4, "4");
    check(R8_OF(2147483647.4), VT_I4, "2147483647");
    check(R8_OF(2147483647.5), VT_I4, OVERFLOWS);
    check(R8_OF(9.2233720368547758e18), VT_I8, OVERFLOWS);
    check(R8_OF(-9.2233720368547758e18), VT_I8, "-9223372036854775808");
    check(R8_OF(1.8446744073709552e19), VT_UI8, OVERFLOWS);
    check(R8_OF(NAN), VT_I4, OVERFLOWS);
    check(R8_OF(INFINITY), VT_UI8, OVERFLOWS);
    check(R8_OF(1e39), VT_R4, OVERFLOWS);
    check(R8_OF(0.25), VT_R4, "0.25");
}

static void test_money_and_decimals(void **state)
{
    check(R8_OF(1.23455), VT_CY, "12346");
    check(TEXT_OF("-0.00005"), VT_CY, "0");
    check(TEXT_OF("-0.00015"), VT_CY, "-2");
    check(TEXT_OF("922337203685477.5807"), VT_CY, "9223372036854775807");
    check(TEXT_OF("922337203685477.5808"), VT_CY, OVERFLOWS);
    check(TEXT_OF("-922337203685477.5808"), VT_CY, "-9223372036854775808");
    check(CY_OF(-12500), VT_BSTR, "-1.25");
    check(CY_OF(5), VT_BSTR, "0.0005");
    check(CY_OF(100000), VT_BSTR, "10");
    check(CY_OF(12500), VT_R8, "1.25");
    check(R8_OF(0.1), VT_DECIMAL, "0:1/1");
    check(R8_OF(-1e20), VT_DECIMAL, "-5:7766279631452241920/0");
    check(R8_OF(1e29), VT_DECIMAL, OVERFLOWS);
    check(R8_OF(1e-28), VT_DECIMAL, "0:1/28");
    check(R8_OF(1e-60), VT_DECIMAL, "0:0/0");
    check(TEXT_OF("79228162514264337593543950335"), VT_DECIMAL, "ffffffff:18446744073709551615/0");
    check(TEXT_OF("0.1000"), VT_DECIMAL, "0:1000/4");
    check(decimal_of(0, 150, 2, DECIMAL_NEG), VT_BSTR, "-1.5");
    check(decimal_of(UINT32_MAX, UINT64_MAX, 28, 0), VT_BSTR, "7.9228162514264337593543950335");
    check(decimal_of(0, 5, 1, 0), VT_I4, "0");
    check(decimal_of(UINT32_MAX, 0, 0, 0), VT_I8, OVERFLOWS);
    check(decimal_of(0, 1, 29, 0), VT_I8, "0x80070057");
    check(decimal_of(0, 1, 3, 0), VT_R8, "0.001");
}

static void test_conditions(void **state)
{
    check(BOOL_OF(VARIANT_TRUE), VT_I4, "-1");
    check(BOOL_OF(VARIANT_TRUE), VT_UI1, "255");
    check(BOOL_OF(VARIANT_TRUE), VT_UI8, "18446744073709551615");
    check(BOOL_OF(VARIANT_TRUE), VT_BSTR, "-1");
    check_flags(BOOL_OF(VARIANT_TRUE), VT_BSTR, VARIANT_ALPHABOOL, "True");
    check_flags(BOOL_OF(VARIANT_FALSE), VT_BSTR, VARIANT_ALPHABOOL, "False");
    check(R8_OF(0.1), VT_BOOL, "-1");
    check(I4_OF(0), VT_BOOL, "0");
    check(TEXT_OF("tRUE"), VT_BOOL, "-1");
    check(TEXT_OF("#FALSE#"), VT_BOOL, "0");
    check(TEXT_OF("0.0"), VT_BOOL, "0");
    check(TEXT_OF("7"), VT_BOOL, "-1");
    check(TEXT_OF("maybe"), VT_BOOL, MISMATCH);
    check(TEXT_OF("true"), VT_I4, MISMATCH);
}

static void test_texts(void **state)
{
    static const char *const bad[] = {"",     " ",     "-",   ".",   "1 2", "1e", "1e+",
                                      "0x10", "1.2.3", "nan", "inf", "1,5", "e5"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        check(TEXT_OF(bad[i]), VT_R8, MISMATCH);
    check(TEXT_OF(" \t-1.5e3\r\n"), VT_R8, "-1500");
    check(TEXT_OF(".5"), VT_R8, "0.5");
    check(TEXT_OF("5."), VT_R8, "5");
    check(TEXT_OF("1e400"), VT_R8, OVERFLOWS);
    check(TEXT_OF("0.1"), VT_R8, "0.10000000000000001");
    check(TEXT_OF("123456789012345678901234567890"), VT_R8, "1.2345678901234568e+29");
    check(I8_OF(INT64_MIN), VT_BSTR, "-9223372036854775808");
    check(R8_OF(0.1), VT_BSTR, "0.1");
    check(R8_OF(1e20), VT_BSTR, "1E+20");
    check(R8_OF(-0.0), VT_BSTR, "0");
    check((VARIANT){.vt = VT_R4, .fltVal = 0.1f}, VT_BSTR, "0.1");
    check((VARIANT){.vt = VT_EMPTY}, VT_BSTR, "");
    check((VARIANT){.vt = VT_BSTR}, VT_I4, MISMATCH);
    VARIANT odd = {.vt = VT_BSTR, .bstrVal = SysAllocString(u"\u0661")};
    check(odd, VT_I4, MISMATCH);
    check((VARIANT){.vt = VT_ARRAY | VT_UI1, .parray = SafeArrayCreateVector(VT_UI1, 0, 2)}, VT_BSTR,
          MISMATCH);
}

static void test_dates(void **state)
{
    check(DATE_OF(0), VT_BSTR, "1899-12-30");
    check(DATE_OF(45351.5), VT_BSTR, "2024-02-29 12:00:00");
    check(DATE_OF(0.75), VT_BSTR, "18:00:00");
    check(DATE_OF(-1.25), VT_BSTR, "1899-12-29 06:00:00");
    check(DATE_OF(1.9999999), VT_BSTR, "1900-01-01");
    check(DATE_OF(-657434), VT_BSTR, "0100-01-01");
    check(DATE_OF(2958465), VT_BSTR, "9999-12-31");
    check(DATE_OF(2958466), VT_BSTR, OVERFLOWS);
    check(TEXT_OF("2024-02-29"), VT_DATE, "45351");
    check(TEXT_OF("2024-02-29T12:00"), VT_DATE, "45351.5");
    check(TEXT_OF("1899-12-29 06:00:00"), VT_DATE, "-1.25");
    check(TEXT_OF("18:00"), VT_DATE, "0.75");
    check(TEXT_OF("45351.5"), VT_DATE, "45351.5");
    check(TEXT_OF("2023-02-29"), VT_DATE, MISMATCH);
    check(TEXT_OF("2024-13-01"), VT_DATE, MISMATCH);
    check(TEXT_OF("2024-02-29 24:00"), VT_DATE, MISMATCH);
    check(TEXT_OF("2024-02-29x12:00"), VT_DATE, MISMATCH);
    check(TEXT_OF("2024-02-2"), VT_DATE, MISMATCH);
    check(R8_OF(2958466), VT_DATE, OVERFLOWS);
    check(DATE_OF(2.5), VT_I4, "2");
}

static void test_references_and_itself(void **state)
{
    LONG number = 42;
    VARIANT value = {.vt = VT_BYREF | VT_I4, .plVal = &number};
    check(value, VT_BSTR, "42");
    assert_int_equal(VariantChangeType(&value, &value, 0, VT_BSTR), S_OK);
    assert_int_equal(value.vt, VT_BSTR);
    assert_int_equal(VariantChangeType(&value, &value, 0, VT_R8), S_OK);
    assert_true(value.dblVal == 42);
    assert_int_equal(VariantChangeType(&value, &value, 0, VT_BYREF | VT_I4), DISP_E_BADVARTYPE);
    assert_int_equal(VariantChangeType(&value, &value, 0, VT_VARIANT), DISP_E_BADVARTYPE);
    assert_int_equal(VariantChangeType(&value, &value, 0, VT_RECORD), E_NOTIMPL);
    assert_int_equal(VariantChangeType(NULL, &value, 0, VT_I4), E_INVALIDARG);
    ndr_memory_fail_after(0);
    assert_int_equal(VariantChangeType(&value, &value, 0, VT_BSTR), E_OUTOFMEMORY);
    ndr_memory_fail_after(-1);
    assert_true(value.vt == VT_R8 && value.dblVal == 42);
    (void)ndr_memory_failed();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_money_and_decimals),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_references_and_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
