/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of the short forms of IClientSecurity: what they pass on, what they hold, and what has none
 * (PB-1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include <string.h>
#define CONST_VTBL const
#include "base/cleanup.h"
#include "objbase.h"

/* An object that is no proxy of Mantle's and has blankets all the same; it writes down what it is asked. */
static struct {
    IClientSecurity security;
    bool refuses;
    unsigned queries, references, calls;
    const void *pointer;
    DWORD numbers[5];
    const void *texts[2];
} object;

static HRESULT STDMETHODCALLTYPE query(IClientSecurity *self, REFIID iid, void **ret_object)
{
    object.queries++;
    *ret_object = NULL;
    if (object.refuses || !IsEqualIID(iid, &IID_IClientSecurity)) return E_NOINTERFACE;
    object.references++;
    *ret_object = self;
    return S_OK;
}

static ULONG STDMETHODCALLTYPE add_ref(IClientSecurity *self)
{
    return ++object.references;
}

static ULONG STDMETHODCALLTYPE release(IClientSecurity *self)
{
    return --object.references;
}

static HRESULT STDMETHODCALLTYPE query_blanket(IClientSecurity *self, IUnknown *pointer, DWORD *service,
                                               DWORD *authz, OLECHAR **principal, DWORD *level,
                                               DWORD *impersonation, void **auth_info, DWORD *capabilities)
{
    object.calls++;
    object.pointer = pointer;
    *service = 1;
    *authz = 2;
    *principal = (OLECHAR *)&object;
    *level = 3;
    *impersonation = 4;
    *auth_info = &object;
    *capabilities = 5;
    return S_FALSE;
}

static HRESULT STDMETHODCALLTYPE set_blanket(IClientSecurity *self, IUnknown *pointer, DWORD service,
                                             DWORD authz, OLECHAR *principal, DWORD level,
                                             DWORD impersonation, void *auth_info, DWORD capabilities)
{
    const DWORD numbers[] = {service, authz, level, impersonation, capabilities};
    object.calls++;
    object.pointer = pointer;
    memcpy(object.numbers, numbers, sizeof(numbers));
    object.texts[0] = principal;
    object.texts[1] = auth_info;
    return S_FALSE;
}

static HRESULT STDMETHODCALLTYPE copy_proxy(IClientSecurity *self, IUnknown *pointer, IUnknown **ret_copy)
{
    object.calls++;
    object.pointer = pointer;
    *ret_copy = (IUnknown *)(void *)&object.calls;
    return S_FALSE;
}

static const IClientSecurityVtbl vtable = {query, add_ref, release, query_blanket, set_blanket, copy_proxy};

static IUnknown *fresh(bool refuses)
{
    memset(&object, 0, sizeof(object));
    object.security.lpVtbl = &vtable;
    object.refuses = refuses;
    return (IUnknown *)&object.security;
}

/* Asked for the interface once, called once, released. */
static void expect_one_call(const IUnknown *pointer)
{
    assert_int_equal(object.queries, 1);
    assert_int_equal(object.calls, 1);
    assert_int_equal(object.references, 0);
    assert_ptr_equal(object.pointer, pointer);
}

static void PB_1_the_short_forms_are_the_methods(void **state)
{
    static WCHAR name[] = u"host/a.lab.test";
    IUnknown *pointer = fresh(false), *copy = NULL;
    DWORD service, authz, level, impersonation, capabilities;
    OLECHAR *principal;
    void *auth_info;

    assert_int_equal(CoSetProxyBlanket(pointer, 11, 12, name, 13, 14, &authz, 15), S_FALSE);
    expect_one_call(pointer);
    for (DWORD i = 0; i < 5; i++)
        assert_int_equal(object.numbers[i], 11 + i);
    assert_ptr_equal(object.texts[0], name);
    assert_ptr_equal(object.texts[1], &authz);

    pointer = fresh(false);
    assert_int_equal(CoQueryProxyBlanket(pointer, &service, &authz, &principal, &level, &impersonation,
                                         &auth_info, &capabilities),
                     S_FALSE);
    expect_one_call(pointer);
    assert_true(service == 1 && authz == 2 && level == 3 && impersonation == 4 && capabilities == 5);
    assert_ptr_equal(principal, &object);
    assert_ptr_equal(auth_info, &object);

    pointer = fresh(false);
    assert_int_equal(CoCopyProxy(pointer, &copy), S_FALSE);
    expect_one_call(pointer);
    assert_ptr_equal(copy, &object.calls);
}

static void PB_1_what_has_no_client_security_has_no_blanket(void **state)
{
    IUnknown *pointer = fresh(true), *copy = pointer;

    assert_int_equal(CoSetProxyBlanket(pointer, 16, 0, NULL, 6, 3, NULL, 0), E_NOINTERFACE);
    assert_int_equal(CoQueryProxyBlanket(pointer, NULL, NULL, NULL, NULL, NULL, NULL, NULL), E_NOINTERFACE);
    assert_int_equal(CoCopyProxy(pointer, &copy), E_NOINTERFACE);
    assert_null(copy);
    assert_int_equal(object.queries, 3);
    assert_int_equal(object.calls, 0);
    assert_int_equal(CoSetProxyBlanket(NULL, 16, 0, NULL, 6, 3, NULL, 0), E_INVALIDARG);
    assert_int_equal(CoCopyProxy(NULL, &copy), E_INVALIDARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(PB_1_the_short_forms_are_the_methods),
        cmocka_unit_test(PB_1_what_has_no_client_security_has_no_blanket),
    };
    return cmocka_run_group_tests_name("clientsecurity", tests, NULL, NULL);
}
