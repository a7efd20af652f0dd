/* SPDX-License-Identifier: Apache-2.0 */
/* Activation and remote objects from process to process, without security: a machine, a server with a
 * multithreaded and one with a single-threaded apartment, and this process as their client. */
#define COBJMACROS
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "com/marshal.h"
#include "com/marshal.h"
#include "com/testing-machine.h"
#include "com/testing-party.h"
#include "oleauto.h"
#include "processthreadsapi.h"
#include "rpcdce.h"
#include "winerror.h"

static const CLSID CLSID_SINGLE_THREADED = {0x9a47, 1, 1, {9}}, CLSID_NOWHERE = {0x9a47, 1, 1, {10}};
static Machine machine;
static MachineProcess free_server, single_server;
static DWORD cookies[2];
static unsigned threads_before;

/* The servers */

static int serve_free(void)
{
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    if (SUCCEEDED(hr))
        hr = CoRegisterClassObject(&CLSID_PARTY, (IUnknown *)&party_factory, CLSCTX_LOCAL_SERVER,
                                   REGCLS_MULTIPLEUSE, &cookies[0]);
    if (SUCCEEDED(hr))
        hr = CoRegisterClassObject(&CLSID_PARTY_SINGLE, (IUnknown *)&party_factory, CLSCTX_LOCAL_SERVER,
                                   REGCLS_SINGLEUSE, &cookies[1]);
    return FAILED(hr);
}

static int leave_free(void)
{
    HRESULT hr = CoRevokeClassObject(cookies[0]);
    CoUninitialize(); /* cuts off clients that did not release */
    return FAILED(hr) || party_count() != 0;
}

static int serve_single(void)
{
    HRESULT hr = CoInitializeEx(NULL, COINIT_APARTMENTTHREADED);
    if (SUCCEEDED(hr))
        hr = CoRegisterClassObject(&CLSID_SINGLE_THREADED, (IUnknown *)&party_factory, CLSCTX_LOCAL_SERVER,
                                   REGCLS_MULTIPLEUSE, &cookies[0]);
    return FAILED(hr);
}

static int leave_single(void)
{
    CoUninitialize(); /* revokes the class, too */
    return party_count() != 0;
}

/* The client */

static COAUTHINFO unsecured = {.dwAuthnLevel = RPC_C_AUTHN_LEVEL_NONE,
                               .dwImpersonationLevel = RPC_C_IMP_LEVEL_IMPERSONATE};
static COSERVERINFO here = {.pAuthInfo = &unsecured};

static HRESULT create(const CLSID *clsid, const IID *iid, void **ret_object)
{
    MULTI_QI result = {.pIID = iid};
    HRESULT hr = CoCreateInstanceEx(clsid, NULL, CLSCTX_LOCAL_SERVER, &here, 1, &result);
    *ret_object = result.pItf;
    return hr;
}

static IParty *create_party(const CLSID *clsid)
{
    IParty *party = NULL;
    assert_int_equal(create(clsid, &IID_IParty, (void **)&party), S_OK);
    assert_non_null(party);
    return party;
}

static ULONG process_of(IParty *party)
{
    ULONG process = 0, thread;
    assert_int_equal(IParty_Place(party, &process, &thread), S_OK);
    return process;
}

static ULONG living(IParty *party)
{
    ULONG objects = 0;
    BOOL crowded;
    assert_int_equal(IParty_Count(party, &objects, &crowded), S_OK);
    return objects;
}

/* The sentence of the thread's error object. */
static void sentence(char text[256])
{
    IErrorInfo *error = NULL;
    BSTR description = NULL;
    text[0] = '\0';
    if (GetErrorInfo(0, &error) != S_OK) return;
    error->lpVtbl->GetDescription(error, &description);
    error->lpVtbl->Release(error);
    size_t i = 0;
    for (; description && description[i] && i < 255; i++)
        text[i] = (char)description[i];
    text[i] = '\0';
    SysFreeString(description);
}

static unsigned entries(const char *folder)
{
    unsigned count = 0;
    DIR *directory = opendir(folder);
    assert_non_null(directory);
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static void *nothing(void *argument)
{
    return argument;
}

static int setup(void **state)
{
    machine_start(&machine);
    machine_process_start(&machine, serve_free, leave_free, &free_server);
    machine_process_start(&machine, serve_single, leave_single, &single_server);
    machine_enter(&machine);
    pthread_t first; /* a sanitizer adds one of its own to it */
    assert_int_equal(pthread_create(&first, NULL, nothing, NULL), 0);
    pthread_join(first, NULL);
    threads_before = entries("/proc/self/task");
    assert_int_equal(CoInitializeEx(NULL, COINIT_MULTITHREADED), S_OK);
    return 0;
}

static int teardown(void **state)
{
    CoUninitialize();
    assert_int_equal(machine_process_stop(&single_server), 0);
    machine_stop(&machine);
    return 0;
}

/* Activation */

static void test_object_is_made_in_its_server(void **state)
{
    IParty *party = create_party(&CLSID_PARTY);
    assert_int_equal(process_of(party), free_server.pid);
    assert_int_equal(IParty_Release(party), 0);
}

static void test_machine_named_in_every_form(void **state)
{
    static const char *const forms[] = {"127.0.0.1:%u", "//127.0.0.1:%u", "\\\\127.0.0.1:%u",
                                        "[::ffff:127.0.0.1]:%u"};
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        WCHAR wide[64];
        char text[64];
        int length = snprintf(text, sizeof(text), forms[i], machine.port);
        for (int c = 0; c <= length; c++)
            wide[c] = (unsigned char)text[c];
        COSERVERINFO server = {.pwszName = wide, .pAuthInfo = &unsecured};
        MULTI_QI result = {.pIID = &IID_IParty};
        assert_int_equal(CoCreateInstanceEx(&CLSID_PARTY, NULL, CLSCTX_REMOTE_SERVER, &server, 1, &result),
                         S_OK);
        assert_int_equal(process_of((IParty *)result.pItf), free_server.pid);
        result.pItf->lpVtbl->Release(result.pItf);
    }
}

static void test_each_interface_has_its_own_result(void **state)
{
    MULTI_QI results[] = {{.pIID = &IID_IParty}, {.pIID = &IID_IPartyNobody}, {.pIID = &IID_IPartyName}};
    assert_int_equal(CoCreateInstanceEx(&CLSID_PARTY, NULL, CLSCTX_LOCAL_SERVER, &here, 3, results),
                     CO_S_NOTALLINTERFACES);
    assert_int_equal(results[0].hr, S_OK);
    assert_int_equal(results[1].hr, E_NOINTERFACE);
    assert_null(results[1].pItf);
    assert_int_equal(results[2].hr, S_OK);
    LPWSTR name = NULL;
    assert_int_equal(IPartyName_Name((IPartyName *)results[2].pItf, &name), S_OK);
    assert_memory_equal(name, u"party", sizeof(u"party"));
    CoTaskMemFree(name);
    IUnknown_Release(results[0].pItf);
    IUnknown_Release(results[2].pItf);
}

static void test_no_interface_at_all(void **state)
{
    IUnknown *object = (IUnknown *)1;
    assert_int_equal(create(&CLSID_PARTY, &IID_IPartyNobody, (void **)&object), E_NOINTERFACE);
    assert_null(object);
}

static void test_unknown_class(void **state)
{
    char text[256];
    IUnknown *object;
    assert_int_equal(create(&CLSID_NOWHERE, &IID_IParty, (void **)&object), REGDB_E_CLASSNOTREG);
    sentence(text);
    assert_non_null(strstr(text, "serves"));
    assert_int_equal(
        CoCreateInstance(&CLSID_NOWHERE, NULL, CLSCTX_INPROC_SERVER, &IID_IParty, (void **)&object),
        REGDB_E_CLASSNOTREG);
    sentence(text);
    assert_non_null(strstr(text, "not registered in this process: call CoRegisterClassObject"));
}

static void test_single_use_class_is_gone_after_its_use(void **state)
{
    IParty *party = create_party(&CLSID_PARTY_SINGLE);
    IUnknown *object;
    assert_int_equal(create(&CLSID_PARTY_SINGLE, &IID_IParty, (void **)&object), REGDB_E_CLASSNOTREG);
    IParty_Release(party);
}

static void test_outer_object_stays_at_home(void **state)
{
    IParty *outer = party_new();
    MULTI_QI result = {.pIID = &IID_IUnknown};
    assert_int_equal(
        CoCreateInstanceEx(&CLSID_PARTY, (IUnknown *)outer, CLSCTX_LOCAL_SERVER, &here, 1, &result),
        CLASS_E_NOAGGREGATION);
    IParty_Release(outer);
}

static void test_class_object_elsewhere(void **state)
{
    IClassFactory *factory = NULL;
    IParty *party = NULL, *outer = party_new();
    assert_int_equal(
        CoGetClassObject(&CLSID_PARTY, CLSCTX_LOCAL_SERVER, &here, &IID_IClassFactory, (void **)&factory),
        S_OK);
    assert_int_equal(IClassFactory_CreateInstance(factory, NULL, &IID_IParty, (void **)&party), S_OK);
    assert_int_equal(process_of(party), free_server.pid);
    IParty_Release(party);
    assert_int_equal(IClassFactory_CreateInstance(factory, (IUnknown *)outer, &IID_IUnknown, (void **)&party),
                     CLASS_E_NOAGGREGATION);
    assert_int_equal(IClassFactory_CreateInstance(factory, NULL, &IID_IPartyNobody, (void **)&party),
                     E_NOINTERFACE);
    assert_int_equal(IClassFactory_LockServer(factory, TRUE), S_OK);
    assert_int_equal(IClassFactory_LockServer(factory, FALSE), S_FALSE);
    IClassFactory_Release(factory);
    IParty_Release(outer);
}

static void test_class_that_may_not_be_served(void **state)
{
    DWORD cookie = 7;
    char text[256];
    assert_int_equal(CoRegisterClassObject(&CLSID_FORBIDDEN, (IUnknown *)&party_factory, CLSCTX_LOCAL_SERVER,
                                           REGCLS_MULTIPLEUSE, &cookie),
                     E_ACCESSDENIED);
    assert_int_equal(cookie, 0);
    sentence(text);
    assert_non_null(strstr(text, "nobody may serve it"));
}

static void test_suspended_class_waits_for_resume(void **state)
{
    DWORD cookie;
    IParty *party;
    assert_int_equal(CoRegisterClassObject(&CLSID_PARTY_LOCAL, (IUnknown *)&party_factory,
                                           CLSCTX_LOCAL_SERVER, REGCLS_MULTIPLEUSE | REGCLS_SUSPENDED,
                                           &cookie),
                     S_OK);
    assert_true(FAILED(create(&CLSID_PARTY_LOCAL, &IID_IParty, (void **)&party)));
    assert_int_equal(CoResumeClassObjects(), S_OK);
    party = create_party(&CLSID_PARTY_LOCAL);
    assert_int_equal(process_of(party), getpid()); /* our own object came home */
    assert_int_equal(party_factory_saw,
                     RPC_E_CALL_COMPLETE); /* nobody's call: who activates is hearsay here */
    IParty_Release(party);
    assert_int_equal(CoSuspendClassObjects(), S_OK);
    assert_true(FAILED(create(&CLSID_PARTY_LOCAL, &IID_IParty, (void **)&party)));
    assert_int_equal(CoRevokeClassObject(cookie), S_OK);
    assert_int_equal(CoRevokeClassObject(cookie), E_INVALIDARG);
    assert_int_equal(party_count(), 0);
}

/* Objects */

static void test_identity_is_one_pointer(void **state)
{
    IParty *party = create_party(&CLSID_PARTY), *again = NULL;
    IPartyName *name = NULL;
    IUnknown *first = NULL, *second = NULL, *nobody = (IUnknown *)1;
    assert_int_equal(IParty_QueryInterface(party, &IID_IPartyName, (void **)&name), S_OK);
    assert_int_equal(IParty_QueryInterface(party, &IID_IUnknown, (void **)&first), S_OK);
    assert_int_equal(IPartyName_QueryInterface(name, &IID_IUnknown, (void **)&second), S_OK);
    assert_ptr_equal(first, second);
    assert_int_equal(IPartyName_QueryInterface(name, &IID_IParty, (void **)&again), S_OK);
    assert_ptr_equal(again, party);
    assert_int_equal(IParty_QueryInterface(party, &IID_IPartyNobody, (void **)&nobody), E_NOINTERFACE);
    assert_null(nobody);
    IUnknown_Release(first);
    IUnknown_Release(second);
    IParty_Release(again);
    IPartyName_Release(name);
    assert_int_equal(IParty_Release(party), 0);
}

static void test_several_interfaces_by_one_question(void **state)
{
    IParty *party = create_party(&CLSID_PARTY);
    IMultiQI *multi = NULL;
    MULTI_QI results[] = {{.pIID = &IID_IPartyName}, {.pIID = &IID_IPartyNobody}, {.pIID = &IID_IParty}};
    assert_int_equal(IParty_QueryInterface(party, &IID_IMultiQI, (void **)&multi), S_OK);
    assert_int_equal(multi->lpVtbl->QueryMultipleInterfaces(multi, 3, results), S_FALSE);
    assert_int_equal(results[0].hr, S_OK);
    assert_int_equal(results[1].hr, E_NOINTERFACE);
    assert_ptr_equal(results[2].pItf, party);
    IUnknown_Release(results[0].pItf);
    IUnknown_Release(results[2].pItf);
    multi->lpVtbl->Release(multi);
    IParty_Release(party);
}

static void test_last_release_ends_the_object(void **state)
{
    IParty *party = create_party(&CLSID_PARTY), *made = NULL;
    ULONG before = living(party);
    assert_int_equal(IParty_Make(party, &made), S_OK);
    assert_int_equal(living(party), before + 1);
    assert_int_equal(IParty_Release(made), 0);
    assert_int_equal(living(party), before);
    IParty_Release(party);
}

static void test_own_object_comes_home(void **state)
{
    IParty *party = create_party(&CLSID_PARTY), *own = party_new(), *back = NULL;
    assert_int_equal(IParty_Keep(party, own), S_OK);
    assert_int_equal(IParty_Kept(party, &back), S_OK);
    assert_ptr_equal(back, own);
    assert_int_equal(IParty_Keep(party, NULL), S_OK); /* its reference is given back at once */
    IParty_Release(back);
    assert_int_equal(IParty_Release(own), 0);
    assert_int_equal(party_count(), 0);
    IParty_Release(party);
}

/* A peer that knows an IPID of ours sends it back as another interface. */
static void test_reference_home_that_lies(void **state)
{
    _cleanup_(writer_deinitp) Writer writer = {0};
    IParty *own = party_new();
    IPartyName *name = NULL;
    Objref objref;
    writer_init(&writer, 0);
    assert_int_equal(marshal_interface(NULL, &IID_IParty, (IUnknown *)own, &writer), S_OK);
    assert_int_equal(objref_parse(writer.data, writer.length, &objref), 0);
    const Guid honest = objref.iid;
    memcpy(&objref.iid, &IID_IPartyName, sizeof(objref.iid));
    assert_int_equal(marshal_take(&objref, &IID_IPartyName, (void **)&name), RPC_E_INVALID_OBJREF);
    assert_null(name);
    objref.iid = honest;
    assert_int_equal(marshal_take(&objref, &IID_IPartyName, (void **)&name), S_OK);
    WCHAR *text = NULL;
    assert_int_equal(IPartyName_Name(name, &text), S_OK);
    CoTaskMemFree(text);
    IPartyName_Release(name);
    assert_int_equal(IParty_Release(own), 0);
}

static void test_proxy_handed_to_a_third_process(void **state)
{
    IParty *party = create_party(&CLSID_PARTY), *other = create_party(&CLSID_SINGLE_THREADED), *back = NULL;
    assert_int_equal(IParty_Keep(other, party), S_OK);
    assert_int_equal(IParty_Kept(other, &back), S_OK);
    assert_ptr_equal(back, party);
    IParty_Release(back);
    IParty_Release(party);
    assert_int_equal(IParty_Kept(other, &back), S_OK); /* the third process keeps it alive */
    assert_int_equal(process_of(back), free_server.pid);
    IParty_Release(back);
    IParty_Release(other);
}

static void test_error_info_travels(void **state)
{
    char text[256];
    IParty *party = create_party(&CLSID_PARTY);
    assert_int_equal(IParty_Fail(party, E_ACCESSDENIED, u"The party is over."), E_ACCESSDENIED);
    sentence(text);
    assert_string_equal(text, "The party is over.");
    assert_int_equal(process_of(party), free_server.pid);
    sentence(text);
    assert_string_equal(text, "");
    IParty_Release(party);
}

static void test_disconnected_object_cannot_be_called(void **state)
{
    IParty *party = create_party(&CLSID_PARTY), *own = party_new();
    ULONG visits;
    assert_int_equal(IParty_Visit(party, own, 1, &visits), S_OK);
    assert_int_equal(IParty_Keep(party, own), S_OK);
    assert_int_equal(CoDisconnectObject((IUnknown *)own, 0), S_OK);
    assert_int_equal(IParty_Release(own), 0);
    assert_int_equal(party_count(), 0);
    IParty_Release(party);
}

/* Streams */

static IStream *rewound(IStream *stream)
{
    LARGE_INTEGER start = {0};
    assert_int_equal(stream->lpVtbl->Seek(stream, start, STREAM_SEEK_SET, NULL), S_OK);
    return stream;
}

static void marshal_and_back(IParty *party)
{
    IStream *stream = NULL;
    IParty *back = NULL;
    assert_int_equal(CreateStreamOnHGlobal(NULL, TRUE, &stream), S_OK);
    assert_int_equal(
        CoMarshalInterface(stream, &IID_IParty, (IUnknown *)party, MSHCTX_LOCAL, NULL, MSHLFLAGS_NORMAL),
        S_OK);
    assert_int_equal(CoUnmarshalInterface(rewound(stream), &IID_IParty, (void **)&back), S_OK);
    assert_ptr_equal(back, party);
    IParty_Release(back);
    rewound(stream);
    assert_int_equal(CoMarshalInterface(stream, &IID_IParty, (IUnknown *)party, MSHCTX_DIFFERENTMACHINE, NULL,
                                        MSHLFLAGS_NORMAL),
                     S_OK);
    assert_int_equal(CoReleaseMarshalData(rewound(stream)), S_OK);
    stream->lpVtbl->Release(stream);
}

static void test_marshal_own_object_and_proxy(void **state)
{
    IParty *own = party_new(), *party = create_party(&CLSID_PARTY);
    marshal_and_back(own);
    assert_int_equal(IParty_Release(own), 0);
    marshal_and_back(party);
    assert_int_equal(IParty_Release(party), 0);
}

static void test_iid_nobody_can_marshal(void **state)
{
    static const IID unknown = {0x77, 7, 7, {7}};
    IStream *stream = NULL;
    IParty *own = party_new();
    CLSID clsid;
    assert_int_equal(CreateStreamOnHGlobal(NULL, TRUE, &stream), S_OK);
    assert_int_equal(
        CoMarshalInterface(stream, &unknown, (IUnknown *)own, MSHCTX_LOCAL, NULL, MSHLFLAGS_NORMAL),
        REGDB_E_IIDNOTREG);
    assert_int_equal(CoGetPSClsid(&unknown, &clsid), REGDB_E_IIDNOTREG);
    assert_int_equal(CoRegisterPSClsid(&unknown, &CLSID_PARTY), S_OK);
    assert_int_equal(CoGetPSClsid(&unknown, &clsid), S_OK);
    assert_memory_equal(&clsid, &CLSID_PARTY, sizeof(clsid));
    assert_int_equal(CoGetPSClsid(&IID_IParty, &clsid), S_OK);
    assert_memory_equal(&clsid, &IID_IParty, sizeof(clsid));
    stream->lpVtbl->Release(stream);
    IParty_Release(own);
}

static void test_stream_that_holds_no_reference(void **state)
{
    IStream *stream = NULL;
    IUnknown *object = (IUnknown *)1;
    assert_int_equal(CreateStreamOnHGlobal(NULL, TRUE, &stream), S_OK);
    stream->lpVtbl->Write(stream, "MEOWmeowMEOWmeowMEOWmeow", 24, NULL);
    assert_int_equal(CoUnmarshalInterface(rewound(stream), &IID_IUnknown, (void **)&object),
                     RPC_E_INVALID_OBJREF);
    assert_null(object);
    stream->lpVtbl->Release(stream);
}

/* A peer does not choose what is loaded here. */
static void test_reference_that_marshals_itself(void **state)
{
    static const uint8_t custom[] = {
        'M', 'E', 'O', 'W', 4, 0, 0, 0,                                    /* OBJREF_CUSTOM */
        0,   0,   0,   0,   0, 0, 0, 0, 0xc0, 0,   0,   0,  0, 0, 0, 0x46, /* IID_IUnknown */
        1,   2,   3,   4,   5, 6, 7, 8, 9,    1,   2,   3,  4, 5, 6, 7,    /* its class */
        0,   0,   0,   0,   4, 0, 0, 0, 'd',  'a', 't', 'a'};
    IStream *stream = NULL;
    IUnknown *object = (IUnknown *)1;
    assert_int_equal(CreateStreamOnHGlobal(NULL, TRUE, &stream), S_OK);
    stream->lpVtbl->Write(stream, custom, sizeof(custom), NULL);
    assert_int_equal(CoUnmarshalInterface(rewound(stream), &IID_IUnknown, (void **)&object),
                     RPC_E_INVALID_OBJREF);
    assert_null(object);
    stream->lpVtbl->Release(stream);
    /* The same as an argument of a call. */
    void *argument = NULL;
    Reader reader;
    reader_init(&reader, custom, sizeof(custom));
    assert_int_equal(marshal_read(NULL, &IID_IUnknown, &reader, &argument), E_ACCESSDENIED);
    assert_null(argument);
    (void)SetErrorInfo(0, NULL);
}

/* Chains and apartments */

static void visit(const CLSID *clsid)
{
    IParty *party = create_party(clsid), *own = party_new();
    ULONG visits = 0;
    assert_int_equal(IParty_Visit(party, own, 20, &visits), S_OK);
    assert_int_equal(visits, 21);
    IParty_Release(party);
    assert_int_equal(IParty_Release(own), 0);
}

static void test_callbacks_of_one_chain(void **state)
{
    visit(&CLSID_PARTY);
}

static void test_callbacks_into_a_single_threaded_apartment(void **state)
{
    visit(&CLSID_SINGLE_THREADED);
}

static void *sleeper(void *argument)
{
    return (void *)(intptr_t)IParty_Sleep((IParty *)argument, 30);
}

/* Several threads at once in one object; whether they met there. */
static bool crowd(const CLSID *clsid)
{
    IParty *party = create_party(clsid);
    pthread_t threads[4];
    ULONG objects;
    BOOL crowded = FALSE;
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, sleeper, party), 0);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        void *hr;
        pthread_join(threads[i], &hr);
        assert_int_equal((intptr_t)hr, S_OK);
    }
    assert_int_equal(IParty_Count(party, &objects, &crowded), S_OK);
    IParty_Release(party);
    return crowded;
}

static void test_apartment_runs_one_call_at_a_time(void **state)
{
    assert_true(crowd(&CLSID_PARTY));
    assert_false(crowd(&CLSID_SINGLE_THREADED));
}

static void test_apartment_has_one_thread(void **state)
{
    IParty *party = create_party(&CLSID_SINGLE_THREADED), *made = NULL;
    ULONG process, first = 0, second = 1;
    assert_int_equal(IParty_Make(party, &made), S_OK);
    assert_int_equal(IParty_Place(party, &process, &first), S_OK);
    assert_int_equal(IParty_Place(made, &process, &second), S_OK);
    assert_int_equal(first, second);
    IParty_Release(made);
    IParty_Release(party);
}

/* Calls that are ended */

typedef struct Caller {
    IParty *party;
    ULONG milliseconds;
    _Atomic DWORD thread; /* once it may be cancelled */
} Caller;

static void *patient_caller(void *argument)
{
    Caller *caller = argument;
    HRESULT hr = CoEnableCallCancellation(NULL);
    if (FAILED(hr)) return (void *)(intptr_t)hr;
    atomic_store(&caller->thread, GetCurrentThreadId());
    return (void *)(intptr_t)IParty_Sleep(caller->party, caller->milliseconds);
}

/* What the caller's call returns that is cancelled as soon as it is made. */
static HRESULT cancelled(const CLSID *clsid, ULONG milliseconds, ULONG timeout)
{
    Caller caller = {.party = create_party(clsid), .milliseconds = milliseconds};
    pthread_t thread;
    HRESULT hr = RPC_E_CALL_COMPLETE;
    void *result;
    assert_int_equal(pthread_create(&thread, NULL, patient_caller, &caller), 0);
    for (int tries = 0; tries < 30000 && hr == RPC_E_CALL_COMPLETE; tries++) {
        const DWORD id = atomic_load(&caller.thread);
        if (id) hr = CoCancelCall(id, timeout);
        usleep(1000);
    }
    assert_int_equal(hr, S_OK);
    pthread_join(thread, &result);
    assert_int_equal(CoCancelCall(atomic_load(&caller.thread), 0), CO_E_CANCEL_DISABLED); /* it has gone */
    IParty_Release(caller.party);
    return (HRESULT)(intptr_t)result;
}

static void test_cancelled_calls(void **state)
{
    /* A method that asks ends at once; one that does not is left alone, and others are served meanwhile. */
    assert_int_equal(cancelled(&CLSID_PARTY, 60000, 60), RPC_E_CALL_CANCELED);
    assert_int_equal(cancelled(&CLSID_SINGLE_THREADED, 60000, 60), RPC_E_CALL_CANCELED);
    assert_int_equal(cancelled(&CLSID_PARTY, 3001, 0), RPC_E_CALL_CANCELED);
    assert_int_equal(cancelled(&CLSID_PARTY, 60000, 60), RPC_E_CALL_CANCELED);

    IParty *party = create_party(&CLSID_PARTY);
    assert_int_equal(IParty_Sleep(party, 2), S_OK);
    assert_int_equal(CoCancelCall(0, 0), CO_E_CANCEL_DISABLED);
    assert_int_equal(CoDisableCallCancellation(NULL), CO_E_CANCEL_DISABLED);
    assert_int_equal(CoEnableCallCancellation(party), E_INVALIDARG);
    assert_int_equal(CoEnableCallCancellation(NULL), S_OK);
    assert_int_equal(CoCancelCall(0, 0), RPC_E_CALL_COMPLETE);
    assert_int_equal(IParty_Sleep(party, 2), S_OK); /* nobody cancelled */
    assert_int_equal(CoDisableCallCancellation(NULL), S_OK);
    assert_int_equal(CoDisableCallCancellation(NULL), CO_E_CANCEL_DISABLED);
    assert_int_equal(CoTestCancel(), RPC_E_CALL_COMPLETE);
    IParty_Release(party);
}

/* The end */

static void test_last_uninitialize_takes_everything_down(void **state)
{
    IParty *party = create_party(&CLSID_PARTY), *own = party_new();
    assert_int_equal(IParty_Keep(party, own), S_OK);
    assert_true(IParty_Release(own) > 0); /* the server has it */
    CoUninitialize();
    assert_int_equal(party_count(), 0);
    assert_int_equal(entries("/proc/self/task"), threads_before);
    assert_int_equal(IParty_Release(party), 0); /* too late, but harmless */
    assert_int_equal(create(&CLSID_PARTY, &IID_IParty, (void **)&party), CO_E_NOTINITIALIZED);
    assert_int_equal(CoInitializeEx(NULL, COINIT_MULTITHREADED), S_OK);
    CoUninitialize();
    unsigned descriptors = entries("/proc/self/fd");

    assert_int_equal(CoInitializeEx(NULL, COINIT_MULTITHREADED), S_OK);
    visit(&CLSID_PARTY);
    CoUninitialize();
    assert_int_equal(entries("/proc/self/fd"), descriptors);
    assert_int_equal(CoInitializeEx(NULL, COINIT_MULTITHREADED), S_OK);
}

static void test_servers_find_a_mantled_that_came_back(void **state)
{
    IParty *party = create_party(&CLSID_PARTY), *again = NULL;
    machine_restart(&machine);
    assert_int_equal(process_of(party), free_server.pid); /* calls do not need it */
    HRESULT hr = E_FAIL;
    for (int tries = 0; tries < 100 && FAILED(hr); tries++) {
        usleep(50 * 1000);
        hr = create(&CLSID_PARTY, &IID_IParty, (void **)&again);
    }
    assert_int_equal(hr, S_OK);
    assert_int_equal(process_of(again), free_server.pid);
    IParty_Release(again);
    IParty_Release(party);
}

/* The last test: nobody can be forked off in its place once this process has threads. */
static void test_server_that_has_gone(void **state)
{
    IParty *party = create_party(&CLSID_PARTY);
    ULONG process, thread;
    assert_int_equal(machine_process_stop(&free_server), 0);
    assert_true(FAILED(IParty_Place(party, &process, &thread)));
    IParty_Release(party);
    assert_int_equal(create(&CLSID_PARTY, &IID_IParty, (void **)&party), REGDB_E_CLASSNOTREG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_object_is_made_in_its_server),
        cmocka_unit_test(test_machine_named_in_every_form),
        cmocka_unit_test(test_each_interface_has_its_own_result),
        cmocka_unit_test(test_no_interface_at_all),
        cmocka_unit_test(test_unknown_class),
        cmocka_unit_test(test_single_use_class_is_gone_after_its_use),
        cmocka_unit_test(test_outer_object_stays_at_home),
        cmocka_unit_test(test_class_object_elsewhere),
        cmocka_unit_test(test_class_that_may_not_be_served),
        cmocka_unit_test(test_suspended_class_waits_for_resume),
        cmocka_unit_test(test_identity_is_one_pointer),
        cmocka_unit_test(test_several_interfaces_by_one_question),
        cmocka_unit_test(test_last_release_ends_the_object),
        cmocka_unit_test(test_own_object_comes_home),
        cmocka_unit_test(test_reference_home_that_lies),
        cmocka_unit_test(test_proxy_handed_to_a_third_process),
        cmocka_unit_test(test_error_info_travels),
        cmocka_unit_test(test_disconnected_object_cannot_be_called),
        cmocka_unit_test(test_marshal_own_object_and_proxy),
        cmocka_unit_test(test_iid_nobody_can_marshal),
        cmocka_unit_test(test_stream_that_holds_no_reference),
        cmocka_unit_test(test_reference_that_marshals_itself),
        cmocka_unit_test(test_callbacks_of_one_chain),
        cmocka_unit_test(test_callbacks_into_a_single_threaded_apartment),
        cmocka_unit_test(test_apartment_runs_one_call_at_a_time),
        cmocka_unit_test(test_apartment_has_one_thread),
        cmocka_unit_test(test_cancelled_calls),
        cmocka_unit_test(test_last_uninitialize_takes_everything_down),
        cmocka_unit_test(test_servers_find_a_mantled_that_came_back),
        cmocka_unit_test(test_server_that_has_gone),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
