/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces that derive from one in another file: the base's methods have tables only there. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#define COBJMACROS
#include "ndr/testing.h"
#include "derived.h"

static HRESULT query(void *This, REFIID iid, void **ret_object)
{
    return E_NOINTERFACE;
}
static ULONG count(void *This)
{
    return 1;
}
static HRESULT first(void *This, LONG a, LONG *b)
{
    *b = a + 1;
    return S_OK;
}
static HRESULT second(void *This, LONG a, LONG *b)
{
    *b = a + 2;
    return S_OK;
}
static HRESULT third(void *This, LONG a, LONG *b)
{
    *b = a + 3;
    return S_OK;
}
static void *vtable[] = {(void *)query, (void *)count,  (void *)count,
                         (void *)first, (void *)second, (void *)third};
static IDerivedTwice object = {(IDerivedTwiceVtbl *)vtable};

static void test_inherited(void **state)
{
    TestProxy test;
    LONG b = 0;
    test_proxy_init(&test, &IID_IDerivedTwice, &object);
    IDerivedTwice *twice = (IDerivedTwice *)&test;
    assert_int_equal(IDerivedTwice_First(twice, 10, &b), S_OK);
    assert_int_equal(b, 11);
    assert_int_equal(IDerivedTwice_Second(twice, 10, &b), S_OK);
    assert_int_equal(b, 12);
    assert_int_equal(IDerivedTwice_Third(twice, 10, &b), S_OK);
    assert_int_equal(b, 13);
    test_proxy_deinit(&test);
    test_proxy_init(&test, &IID_IDerived, &object);
    assert_int_equal(IDerived_First((IDerived *)&test, 20, &b), S_OK);
    assert_int_equal(b, 21);
    test_proxy_deinit(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inherited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
