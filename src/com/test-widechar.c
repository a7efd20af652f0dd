/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-16 and UTF-8 by the functions that Windows programs convert with: sizes, limits, malformed text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "windows.h"

static const char UTF8[] = "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80";
static const WCHAR UTF16[] = u"a\u00E4\u20AC\U0001F600";
enum { BYTES = sizeof(UTF8) - 1, UNITS = ARRAYSIZE(UTF16) - 1 };

static void both_ways(void **state)
{
    WCHAR wide[UNITS + 1];
    char bytes[BYTES + 1];
    assert_int_equal(MultiByteToWideChar(CP_UTF8, 0, UTF8, -1, NULL, 0), UNITS + 1);
    assert_int_equal(MultiByteToWideChar(CP_UTF8, 0, UTF8, -1, wide, UNITS + 1), UNITS + 1);
    assert_memory_equal(wide, UTF16, sizeof(UTF16));
    assert_int_equal(WideCharToMultiByte(CP_ACP, 0, UTF16, -1, NULL, 0, NULL, NULL), BYTES + 1);
    assert_int_equal(WideCharToMultiByte(CP_ACP, 0, UTF16, -1, bytes, BYTES + 1, NULL, NULL), BYTES + 1);
    assert_memory_equal(bytes, UTF8, sizeof(UTF8));
}

static void counted_text_has_no_nul(void **state)
{
    char bytes[4] = "????";
    assert_int_equal(WideCharToMultiByte(CP_UTF8, 0, UTF16, 2, bytes, 3, NULL, NULL), 3);
    assert_memory_equal(bytes, "a\xC3\xA4?", 4);
    assert_int_equal(lstrlenW(UTF16), UNITS);
    assert_int_equal(lstrlenW(NULL), 0);
}

static void one_too_small(void **state)
{
    WCHAR wide[UNITS + 1];
    char bytes[BYTES + 1];
    assert_int_equal(MultiByteToWideChar(CP_UTF8, 0, UTF8, -1, wide, UNITS), 0);
    assert_int_equal(GetLastError(), ERROR_INSUFFICIENT_BUFFER);
    assert_int_equal(WideCharToMultiByte(CP_UTF8, 0, UTF16, -1, bytes, BYTES, NULL, NULL), 0);
    assert_int_equal(GetLastError(), ERROR_INSUFFICIENT_BUFFER);
}

static void malformed_text(void **state)
{
    static const WCHAR lone[] = {0xD800, 'x', 0xDC00}, replaced[] = {0xFFFD, 'x'};
    WCHAR wide[2];
    assert_int_equal(MultiByteToWideChar(CP_UTF8, 0, "\xC3x", 2, wide, 2), 2);
    assert_memory_equal(wide, replaced, sizeof(replaced));
    assert_int_equal(MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, "a\xC3", 2, wide, 2), 0);
    assert_int_equal(GetLastError(), ERROR_NO_UNICODE_TRANSLATION);
    assert_int_equal(WideCharToMultiByte(CP_UTF8, 0, lone, 3, NULL, 0, NULL, NULL), 7);
    assert_int_equal(WideCharToMultiByte(CP_UTF8, WC_ERR_INVALID_CHARS, lone, 3, NULL, 0, NULL, NULL), 0);
    assert_int_equal(GetLastError(), ERROR_NO_UNICODE_TRANSLATION);
}

static void refused(INT result, DWORD error)
{
    assert_int_equal(result, 0);
    assert_int_equal(GetLastError(), error);
}

static void wrong_arguments(void **state)
{
    WCHAR wide[2] = {0};
    char bytes[2] = "";
    BOOL used;
    refused(MultiByteToWideChar(1252, 0, "a", 1, wide, 2), ERROR_INVALID_PARAMETER);
    refused(MultiByteToWideChar(CP_UTF8, 2, "a", 1, wide, 2), ERROR_INVALID_FLAGS);
    refused(MultiByteToWideChar(CP_UTF8, 0, NULL, 1, wide, 2), ERROR_INVALID_PARAMETER);
    refused(MultiByteToWideChar(CP_UTF8, 0, "a", 0, wide, 2), ERROR_INVALID_PARAMETER);
    refused(MultiByteToWideChar(CP_UTF8, 0, "a", -2, wide, 2), ERROR_INVALID_PARAMETER);
    refused(MultiByteToWideChar(CP_UTF8, 0, "a", 1, NULL, 2), ERROR_INVALID_PARAMETER);
    refused(MultiByteToWideChar(CP_UTF8, 0, "a", 1, wide, -1), ERROR_INVALID_PARAMETER);
    refused(WideCharToMultiByte(CP_UTF8, 0, wide, 1, (char *)wide, 2, NULL, NULL), ERROR_INVALID_PARAMETER);
    refused(WideCharToMultiByte(CP_UTF8, 0, wide, 1, bytes, 2, "?", NULL), ERROR_INVALID_PARAMETER);
    refused(WideCharToMultiByte(CP_UTF8, 0, wide, 1, bytes, 2, NULL, &used), ERROR_INVALID_PARAMETER);
}

static void interlocked(void **state)
{
    LONG count = 1;
    int object;
    PVOID place = NULL;
    assert_int_equal(InterlockedIncrement(&count), 2);
    assert_int_equal(InterlockedDecrement(&count), 1);
    assert_int_equal(InterlockedExchangeAdd(&count, 4), 1);
    assert_int_equal(InterlockedExchange(&count, 7), 5);
    assert_int_equal(InterlockedCompareExchange(&count, 9, 8), 7);
    assert_int_equal(InterlockedCompareExchange(&count, 9, 7), 7);
    assert_int_equal(count, 9);
    assert_null(InterlockedCompareExchangePointer(&place, &object, NULL));
    assert_ptr_equal(InterlockedExchangePointer(&place, NULL), &object);
    assert_null(place);
}

static void memory(void **state)
{
    char bytes[4];
    FillMemory(bytes, 4, 'x');
    ZeroMemory(bytes, 1);
    CopyMemory(bytes + 1, "ab", 2);
    assert_memory_equal(bytes, "\0abx", 4);
    assert_ptr_equal(SecureZeroMemory(bytes, 3), bytes);
    assert_memory_equal(bytes, "\0\0\0x", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways),       cmocka_unit_test(counted_text_has_no_nul),
        cmocka_unit_test(one_too_small),   cmocka_unit_test(malformed_text),
        cmocka_unit_test(wrong_arguments), cmocka_unit_test(interlocked),
        cmocka_unit_test(memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
