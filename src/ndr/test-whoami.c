/* SPDX-License-Identifier: Apache-2.0 */
/* The sample interface, from generated proxy to generated stub. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#define COBJMACROS
#include "ndr/testing.h"
#include "whoami.h"

static HRESULT query(IMantleWhoami *This, REFIID iid, void **ret_object)
{
    return E_NOINTERFACE;
}
static ULONG count(IMantleWhoami *This)
{
    return 1;
}
static HRESULT who_am_i(IMantleWhoami *This, ULONG index, LPCWSTR plan, LPWSTR *report)
{
    if (index == 99) RpcRaiseException(RPC_S_SERVER_TOO_BUSY);
    *report = CoTaskMemAlloc(3 * sizeof(WCHAR));
    if (!*report) return E_OUTOFMEMORY;
    (*report)[0] = plan[0];
    (*report)[1] = (WCHAR)(u'0' + index);
    (*report)[2] = 0;
    return S_FALSE;
}
static HRESULT echo(IMantleWhoami *This, ULONG length, const BYTE *data, BYTE *copy)
{
    memcpy(copy, data, length);
    return S_OK;
}
static HRESULT nothing(IMantleWhoami *This)
{
    return S_OK;
}
static IMantleWhoamiVtbl vtable = {query, count, count, who_am_i, echo, nothing};
static IMantleWhoami object = {&vtable};

static void test_calls(void **state)
{
    TestProxy test;
    test_proxy_init(&test, &IID_IMantleWhoami, &object);
    IMantleWhoami *proxy = (IMantleWhoami *)&test;
    LPWSTR report = NULL;
    assert_int_equal(IMantleWhoami_WhoAmI(proxy, 7, OLESTR("xyz"), &report), S_FALSE);
    assert_memory_equal(report, OLESTR("x7"), 6);
    CoTaskMemFree(report);
    BYTE data[1000], copy[1000];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (BYTE)i;
    assert_int_equal(IMantleWhoami_Echo(proxy, sizeof(data), data, copy), S_OK);
    assert_memory_equal(data, copy, sizeof(data));
    assert_int_equal(IMantleWhoami_Echo(proxy, 0, data, copy), S_OK);
    assert_int_equal(IMantleWhoami_Null(proxy), S_OK);
    assert_int_equal(test.message[0].method, 3);
    test_proxy_deinit(&test);
}

/* A method that calls on: what it raises inside ends the inner call alone. */
static IMantleWhoami *inner;
static HRESULT echo_onward(IMantleWhoami *This, ULONG length, const BYTE *data, BYTE *copy)
{
    LPWSTR report = NULL;
    HRESULT hr = IMantleWhoami_WhoAmI(inner, 99, OLESTR("x"), &report);
    if (hr != HRESULT_FROM_WIN32(RPC_S_SERVER_TOO_BUSY) || report) return E_UNEXPECTED;
    if (length == 0) RpcRaiseException(RPC_S_CALL_CANCELLED);
    return IMantleWhoami_Echo(inner, length, data, copy);
}
static void test_nested(void **state)
{
    IMantleWhoamiVtbl outer_vtable = {query, count, count, who_am_i, echo_onward, nothing};
    IMantleWhoami outer_object = {&outer_vtable};
    TestProxy outer, onward;
    test_proxy_init(&outer, &IID_IMantleWhoami, &outer_object);
    test_proxy_init(&onward, &IID_IMantleWhoami, &object);
    inner = (IMantleWhoami *)&onward;
    BYTE data[3] = {1, 2, 3}, copy[3] = {0};
    assert_int_equal(IMantleWhoami_Echo((IMantleWhoami *)&outer, 3, data, copy), S_OK);
    assert_memory_equal(data, copy, 3);
    assert_int_equal(IMantleWhoami_Echo((IMantleWhoami *)&outer, 0, data, copy),
                     HRESULT_FROM_WIN32(RPC_S_CALL_CANCELLED));
    test_proxy_deinit(&outer);
    test_proxy_deinit(&onward);
}

static void test_refusals(void **state)
{
    TestProxy test;
    test_proxy_init(&test, &IID_IMantleWhoami, &object);
    IMantleWhoami *proxy = (IMantleWhoami *)&test;
    LPWSTR report = (LPWSTR)(uintptr_t)1;
    /* what a method raises is the client's result */
    assert_int_equal(IMantleWhoami_WhoAmI(proxy, 99, OLESTR("x"), &report),
                     HRESULT_FROM_WIN32(RPC_S_SERVER_TOO_BUSY));
    assert_null(report);
    assert_int_equal(IMantleWhoami_WhoAmI(proxy, 1, NULL, &report),
                     HRESULT_FROM_WIN32(RPC_X_NULL_REF_POINTER));
    assert_int_equal(IMantleWhoami_WhoAmI(proxy, 1, OLESTR("x"), NULL),
                     HRESULT_FROM_WIN32(RPC_X_NULL_REF_POINTER));
    assert_int_equal(IMantleWhoami_Echo(proxy, 0x80000000u, NULL, NULL),
                     HRESULT_FROM_WIN32(RPC_X_NULL_REF_POINTER));
    BYTE one = 0;
    assert_int_equal(IMantleWhoami_Echo(proxy, 0x80000000u, &one, &one),
                     HRESULT_FROM_WIN32(RPC_S_INVALID_BOUND));
    const NdrInterface *iface = ndr_interface_find(&IID_IMantleWhoami);
    for (unsigned method = 0; method < 10; method++)
        if (method < 3 || method > 5)
            assert_int_equal(test_serve(iface, &object, method, NULL, 0, &test.arena, NULL),
                             RPC_S_PROCNUM_OUT_OF_RANGE);
    /* a count that is not the array's; a count that the reply's memory could not hold */
    const uint32_t lie[] = {2, 1, 0};
    assert_int_equal(test_serve(iface, &object, 4, (const uint8_t *)lie, 9, &test.arena, NULL),
                     RPC_X_BAD_STUB_DATA);
    assert_null(ndr_interface_find(&GUID_NULL));
    test_proxy_deinit(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
