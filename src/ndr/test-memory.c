/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <combaseapi.h>
#include <oleauto.h>
#include "ndr/memory.h"

static void test_bstr(void **state)
{
    BSTR text = SysAllocString(OLESTR("abc"));
    assert_int_equal(SysStringLen(text), 3);
    assert_int_equal(SysStringByteLen(text), 6);
    assert_memory_equal(text, OLESTR("abc"), 8);
    assert_true(SysReAllocStringLen(&text, OLESTR("wxyz"), 4));
    assert_int_equal(SysStringLen(text), 4);
    assert_true(SysReAllocString(&text, NULL));
    assert_null(text);
    assert_int_equal(SysStringLen(NULL), 0);
    assert_null(SysAllocString(NULL));

    BSTR odd = SysAllocStringByteLen("12345", 5);
    assert_int_equal(SysStringByteLen(odd), 5);
    assert_int_equal(SysStringLen(odd), 2);
    assert_memory_equal(odd, "12345\0\0", 7);
    SysFreeString(odd);

    BSTR blank = SysAllocStringLen(NULL, 2);
    assert_memory_equal(blank, "\0\0\0\0\0\0", 6);
    SysFreeString(blank);
    SysFreeString(NULL);
}

static void test_too_long(void **state)
{
    assert_null(SysAllocStringLen(NULL, UINT32_MAX));
    assert_null(SysAllocStringByteLen(NULL, UINT32_MAX - 1));
}

static void test_task_memory(void **state)
{
    char *block = CoTaskMemAlloc(0);
    assert_non_null(block);
    block = CoTaskMemRealloc(block, 100);
    block[99] = 1;
    assert_null(CoTaskMemRealloc(block, 0));
    CoTaskMemFree(NULL);
}

static void test_failures(void **state)
{
    BSTR text = SysAllocString(OLESTR("old")), kept = text;
    ndr_memory_fail_after(1);
    void *block = CoTaskMemAlloc(1);
    assert_non_null(block);
    assert_false(ndr_memory_failed());
    assert_false(SysReAllocString(&text, OLESTR("new")));
    assert_ptr_equal(text, kept);
    assert_true(ndr_memory_failed());
    ndr_memory_fail_after(-1);
    CoTaskMemFree(block);
    SysFreeString(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bstr),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_task_memory),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
