/* SPDX-License-Identifier: Apache-2.0 */
/* Class objects and activation within a process that talks to nobody, and what needs an apartment. */
#define COBJMACROS
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <string.h>
#include "base/cleanup.h"
#include "com/classobject.h"
#include "com/process.h"
#include "com/testing-party.h"
#include "com/thread.h"
#include "oleauto.h"
#include "winerror.h"

/* Runs a function on a thread of its own and waits for it. */
static void elsewhere(void *(*function)(void *), void *argument)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, function, argument), 0);
    pthread_join(thread, NULL);
}

/* Apartments */

static void test_functions_need_an_apartment(void **state)
{
    IParty *party = party_new();
    IStream *stream = NULL;
    DWORD cookie;
    void *object;
    CLSID clsid;
    MULTI_QI result = {.pIID = &IID_IUnknown};
    assert_int_equal(CreateStreamOnHGlobal(NULL, TRUE, &stream), S_OK);
    assert_int_equal(CoCreateInstance(&CLSID_PARTY, NULL, CLSCTX_ALL, &IID_IUnknown, &object),
                     CO_E_NOTINITIALIZED);
    assert_int_equal(CoCreateInstanceEx(&CLSID_PARTY, NULL, CLSCTX_ALL, NULL, 1, &result),
                     CO_E_NOTINITIALIZED);
    assert_int_equal(result.hr, CO_E_NOTINITIALIZED);
    assert_int_equal(CoGetClassObject(&CLSID_PARTY, CLSCTX_ALL, NULL, &IID_IUnknown, &object),
                     CO_E_NOTINITIALIZED);
    assert_int_equal(CoRegisterClassObject(&CLSID_PARTY, (IUnknown *)&party_factory, CLSCTX_INPROC_SERVER,
                                           REGCLS_MULTIPLEUSE, &cookie),
                     CO_E_NOTINITIALIZED);
    assert_int_equal(CoMarshalInterface(stream, &IID_IParty, (IUnknown *)party, MSHCTX_LOCAL, NULL, 0),
                     CO_E_NOTINITIALIZED);
    assert_int_equal(CoUnmarshalInterface(stream, &IID_IParty, &object), CO_E_NOTINITIALIZED);
    assert_int_equal(CoReleaseMarshalData(stream), CO_E_NOTINITIALIZED);
    assert_int_equal(CoDisconnectObject((IUnknown *)party, 0), CO_E_NOTINITIALIZED);
    assert_int_equal(CoRegisterPSClsid(&IID_IParty, &CLSID_PARTY), CO_E_NOTINITIALIZED);
    assert_int_equal(CoGetPSClsid(&IID_IParty, &clsid), CO_E_NOTINITIALIZED);
    assert_int_equal(CoResumeClassObjects(), CO_E_NOTINITIALIZED);
    stream->lpVtbl->Release(stream);
    IParty_Release(party);
}

static void test_leaving_drops_the_error_object(void **state)
{
    ICreateErrorInfo *create;
    IErrorInfo *error;
    assert_int_equal(CoInitialize(NULL), S_OK);
    assert_int_equal(CreateErrorInfo(&create), S_OK);
    create->lpVtbl->QueryInterface(create, &IID_IErrorInfo, (void **)&error);
    SetErrorInfo(0, error);
    error->lpVtbl->Release(error);
    create->lpVtbl->Release(create);
    CoUninitialize();
    assert_null(com_thread()->error);
}

/* Class objects */

static HRESULT register_class(DWORD context, DWORD flags, DWORD *ret_cookie)
{
    return CoRegisterClassObject(&CLSID_PARTY, (IUnknown *)&party_factory, context, flags, ret_cookie);
}

/* sdk:REGCLS, without the rows that need mantled. */
static void test_contexts_and_kinds_of_class_objects(void **state)
{
    static const struct {
        DWORD context, flags;
        HRESULT expected;
    } rows[] = {
        {CLSCTX_INPROC_SERVER, REGCLS_SINGLEUSE, E_INVALIDARG},
        {CLSCTX_INPROC_SERVER, REGCLS_MULTIPLEUSE, S_OK},
        {CLSCTX_INPROC_SERVER, REGCLS_MULTI_SEPARATE, S_OK},
        {CLSCTX_INPROC_SERVER, REGCLS_MULTI_SEPARATE | REGCLS_MULTIPLEUSE, E_INVALIDARG},
        {CLSCTX_INPROC_SERVER | CLSCTX_LOCAL_SERVER, REGCLS_SINGLEUSE, E_INVALIDARG},
        {CLSCTX_INPROC_HANDLER, REGCLS_MULTIPLEUSE, E_INVALIDARG},
        {CLSCTX_REMOTE_SERVER, REGCLS_MULTIPLEUSE, E_INVALIDARG},
        {0, REGCLS_MULTIPLEUSE, E_INVALIDARG},
        {CLSCTX_INPROC_SERVER, 0x40, E_INVALIDARG},
    };
    assert_int_equal(CoInitializeEx(NULL, COINIT_MULTITHREADED), S_OK);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        DWORD cookie = 7;
        assert_int_equal(register_class(rows[i].context, rows[i].flags, &cookie), rows[i].expected);
        assert_int_equal(cookie != 0, rows[i].expected == S_OK);
        if (cookie) assert_int_equal(CoRevokeClassObject(cookie), S_OK);
    }
    CoUninitialize();
}

static void test_parameters_of_register(void **state)
{
    DWORD cookie;
    assert_int_equal(CoInitializeEx(NULL, COINIT_MULTITHREADED), S_OK);
    assert_int_equal(CoRegisterClassObject(NULL, (IUnknown *)&party_factory, CLSCTX_INPROC_SERVER,
                                           REGCLS_MULTIPLEUSE, &cookie),
                     E_INVALIDARG);
    assert_int_equal(
        CoRegisterClassObject(&CLSID_PARTY, NULL, CLSCTX_INPROC_SERVER, REGCLS_MULTIPLEUSE, &cookie),
        E_INVALIDARG);
    assert_int_equal(register_class(CLSCTX_INPROC_SERVER, REGCLS_MULTIPLEUSE, NULL), E_INVALIDARG);
    assert_int_equal(CoRevokeClassObject(0), E_INVALIDARG);
    CoUninitialize();
}

static void test_class_object_within_the_process(void **state)
{
    DWORD cookie, second;
    IParty *party = NULL;
    IClassFactory *factory = NULL;
    assert_int_equal(CoInitializeEx(NULL, COINIT_MULTITHREADED), S_OK);
    assert_int_equal(CoCreateInstance(&CLSID_PARTY, NULL, CLSCTX_INPROC_SERVER, &IID_IParty, (void **)&party),
                     REGDB_E_CLASSNOTREG);
    assert_int_equal(register_class(CLSCTX_INPROC_SERVER, REGCLS_MULTIPLEUSE, &cookie), S_OK);
    assert_int_equal(register_class(CLSCTX_INPROC_SERVER, REGCLS_MULTIPLEUSE, &second), CO_E_OBJISREG);
    assert_int_equal(CoCreateInstance(&CLSID_PARTY, NULL, CLSCTX_INPROC_SERVER, &IID_IParty, (void **)&party),
                     S_OK);
    assert_int_equal(IParty_Release(party), 0);
    assert_int_equal(
        CoGetClassObject(&CLSID_PARTY, CLSCTX_INPROC_SERVER, NULL, &IID_IClassFactory, (void **)&factory),
        S_OK);
    assert_ptr_equal(factory, &party_factory);
    assert_int_equal(
        CoCreateInstance(&CLSID_PARTY, NULL, CLSCTX_INPROC_SERVER, &IID_IPartyNobody, (void **)&party),
        E_NOINTERFACE);
    assert_null(party);
    assert_int_equal(CoRevokeClassObject(cookie), S_OK);
    assert_int_equal(CoCreateInstance(&CLSID_PARTY, NULL, CLSCTX_INPROC_SERVER, &IID_IParty, (void **)&party),
                     REGDB_E_CLASSNOTREG);
    CoUninitialize();
}

static void test_results_of_one_activation(void **state)
{
    DWORD cookie;
    IParty *outer = party_new();
    MULTI_QI results[] = {{.pIID = &IID_IParty}, {.pIID = &IID_IPartyNobody}};
    assert_int_equal(CoInitializeEx(NULL, COINIT_MULTITHREADED), S_OK);
    assert_int_equal(register_class(CLSCTX_INPROC_SERVER, REGCLS_MULTIPLEUSE, &cookie), S_OK);
    assert_int_equal(CoCreateInstanceEx(&CLSID_PARTY, NULL, CLSCTX_INPROC_SERVER, NULL, 2, results),
                     CO_S_NOTALLINTERFACES);
    assert_int_equal(results[0].hr, S_OK);
    assert_int_equal(results[1].hr, E_NOINTERFACE);
    IUnknown_Release(results[0].pItf);
    /* An outer object may ask for IUnknown only; this class does not let itself be aggregated. */
    assert_int_equal(
        CoCreateInstanceEx(&CLSID_PARTY, (IUnknown *)outer, CLSCTX_INPROC_SERVER, NULL, 1, results),
        E_INVALIDARG);
    results[0].pIID = &IID_IUnknown;
    assert_int_equal(
        CoCreateInstanceEx(&CLSID_PARTY, (IUnknown *)outer, CLSCTX_INPROC_SERVER, NULL, 1, results),
        CLASS_E_NOAGGREGATION);
    assert_int_equal(CoCreateInstanceEx(&CLSID_PARTY, NULL, CLSCTX_INPROC_SERVER, NULL, 0, results),
                     E_INVALIDARG);
    assert_int_equal(CoCreateInstanceEx(&CLSID_PARTY, NULL, CLSCTX_INPROC_SERVER, NULL, 1, NULL),
                     E_INVALIDARG);
    results[0].pIID = NULL;
    assert_int_equal(CoCreateInstanceEx(&CLSID_PARTY, NULL, CLSCTX_INPROC_SERVER, NULL, 1, results),
                     E_INVALIDARG);
    IParty_Release(outer);
    CoUninitialize(); /* revokes the class */
    assert_int_equal(CoInitializeEx(NULL, COINIT_MULTITHREADED), S_OK);
    assert_int_equal(CoRevokeClassObject(cookie), E_INVALIDARG);
    CoUninitialize();
}

static void test_suspended_class_object_is_not_found(void **state)
{
    DWORD cookie;
    IUnknown *found = NULL;
    assert_int_equal(CoInitializeEx(NULL, COINIT_MULTITHREADED), S_OK);
    assert_int_equal(register_class(CLSCTX_INPROC_SERVER, REGCLS_MULTIPLEUSE | REGCLS_SUSPENDED, &cookie),
                     S_OK);
    assert_int_equal(class_object_find(&CLSID_PARTY, &found), REGDB_E_CLASSNOTREG);
    assert_int_equal(CoResumeClassObjects(), S_OK);
    assert_int_equal(class_object_find(&CLSID_PARTY, &found), S_OK);
    assert_int_equal(CoSuspendClassObjects(), S_OK);
    assert_int_equal(class_object_find(&CLSID_PARTY, &found), REGDB_E_CLASSNOTREG);
    CoUninitialize();
}

static void *register_and_leave(void *argument)
{
    DWORD *cookie = argument;
    assert_int_equal(CoInitialize(NULL), S_OK);
    assert_int_equal(register_class(CLSCTX_INPROC_SERVER, REGCLS_MULTIPLEUSE, cookie), S_OK);
    CoUninitialize();
    return NULL;
}

static void *revoke_from_outside(void *argument)
{
    IUnknown *found = NULL;
    DWORD *cookie = argument;
    assert_int_equal(class_object_find(&CLSID_PARTY, &found), REGDB_E_CLASSNOTREG);
    assert_int_equal(CoRevokeClassObject(*cookie), RPC_E_WRONG_THREAD);
    return NULL;
}

static void test_class_object_belongs_to_its_apartment(void **state)
{
    DWORD cookie = 0;
    elsewhere(register_and_leave, &cookie);
    assert_int_equal(CoInitialize(NULL), S_OK);
    assert_int_equal(CoRevokeClassObject(cookie), E_INVALIDARG); /* it went with its apartment */
    assert_int_equal(register_class(CLSCTX_INPROC_SERVER, REGCLS_MULTIPLEUSE, &cookie), S_OK);
    elsewhere(revoke_from_outside, &cookie);
    assert_int_equal(CoRevokeClassObject(cookie), S_OK);
    CoUninitialize();
}

static int setup(void **state)
{
    Conf *conf;
    return conf_new(&conf) < 0 || FAILED(process_set_conf(conf));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_functions_need_an_apartment),
        cmocka_unit_test(test_leaving_drops_the_error_object),
        cmocka_unit_test(test_contexts_and_kinds_of_class_objects),
        cmocka_unit_test(test_parameters_of_register),
        cmocka_unit_test(test_class_object_within_the_process),
        cmocka_unit_test(test_results_of_one_activation),
        cmocka_unit_test(test_suspended_class_object_is_not_found),
        cmocka_unit_test(test_class_object_belongs_to_its_apartment),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
