/* SPDX-License-Identifier: Apache-2.0 */
/* Asynchronous calls, for the one interface that has an asynchronous face (com-async.h). */
#include "tests/realm/com-fixture.h"
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <winerror.h>
#include "tests/realm/com-async.h"

#define IMPERSONATE RPC_C_IMP_LEVEL_IMPERSONATE
#define IDENTIFY    RPC_C_IMP_LEVEL_IDENTIFY
#define ALICE       "alice/impersonate/privacy"
#define BOB         "bob/impersonate/privacy"
#define COMPLETE    "0x80010117"
/* What ASYNC_REPORTS tells: impersonates; after Signal no more, but what it took stays until it reverts. */
#define REPORT(caller) caller " ok " COMPLETE " acting ok itself " COMPLETE

static const WireSide plain = {.level = IMPERSONATE},
                      cloaking = {.level = IMPERSONATE, .cloaking = EOAC_DYNAMIC_CLOAKING},
                      on_a = {.host = "a", .level = IMPERSONATE};

/* ---- the server ---- */

static int ready[2], end[2];
static WireProcess server;

static void serve(FILE *out, void *argument)
{
    DWORD cookie;
    char one = 0;
    close(end[1]);
    wire_async_register();
    for (unsigned mode = ASYNC_REPORTS; mode <= ASYNC_REFUSES; mode++) {
        CLSID class = WIRE_CLSID(mode);
        if (FAILED(CoRegisterClassObject(&class, (IUnknown *)wire_async_factory(mode), CLSCTX_LOCAL_SERVER,
                                         REGCLS_MULTIPLEUSE, &cookie)))
            abort();
    }
    if (write(ready[1], &one, 1) != 1) abort();
    while (read(end[0], &one, 1) > 0)
        ;
}

static int start(void **state)
{
    char one;
    wire_admin("cpw -pw " WIRE_PASSWORD " bob");
    if (pipe(ready) != 0 || pipe(end) != 0) return -1;
    wire_in_background(&server, &on_a, serve, NULL);
    return read(ready[0], &one, 1) == 1 ? 0 : -1;
}

static int stop(void **state)
{
    close(end[1]);
    close(end[0]);
    free(wire_join(&server));
    return 0;
}

/* ---- clients ---- */

static IUnknown *opened(unsigned mode)
{
    OLECHAR host[] = u"a";
    CLSID class = WIRE_CLSID(mode);
    COSERVERINFO info = {.pwszName = host};
    MULTI_QI wanted = {.pIID = &IID_IWireAside};
    if (FAILED(CoCreateInstanceEx(&class, NULL, CLSCTX_REMOTE_SERVER, &info, 1, &wanted))) abort();
    return wanted.pItf;
}

/* A call object for the proxy, which it keeps. */
static AsyncIWireAside *call_of(IUnknown *proxy)
{
    ICallFactory *factory;
    AsyncIWireAside *call;
    if (FAILED(IUnknown_QueryInterface(proxy, &IID_ICallFactory, (void **)&factory))) abort();
    if (FAILED(ICallFactory_CreateCall(factory, &IID_AsyncIWireAside, NULL, &IID_AsyncIWireAside,
                                       (IUnknown **)&call)))
        abort();
    ICallFactory_Release(factory);
    return call;
}

static AsyncIWireAside *call_to(unsigned mode)
{
    wire_async_register();
    IUnknown *proxy = opened(mode);
    AsyncIWireAside *call = call_of(proxy);
    IUnknown_Release(proxy);
    return call;
}

static void say_finish(FILE *out, AsyncIWireAside *call)
{
    LPWSTR seen;
    HRESULT hr = call->lpVtbl->Finish_Who(call, &seen);
    if (FAILED(hr))
        wire_say_result(out, hr);
    else
        wire_say(out, wire_narrow(seen));
    CoTaskMemFree(seen);
}

static HRESULT waited(AsyncIWireAside *call, DWORD milliseconds)
{
    ISynchronize *synchronize;
    if (FAILED(call->lpVtbl->QueryInterface(call, &IID_ISynchronize, (void **)&synchronize))) abort();
    HRESULT hr = ISynchronize_Wait(synchronize, 0, milliseconds);
    ISynchronize_Release(synchronize);
    return hr;
}

static void reports(FILE *out, void *argument)
{
    AsyncIWireAside *call = call_to(ASYNC_REPORTS);
    wire_say_result(out, call->lpVtbl->Begin_Who(call));
    wire_say_result(out, waited(call, INFINITE));
    say_finish(out, call);
    say_finish(out, call);
    /* once more by the same object */
    wire_say_result(out, call->lpVtbl->Begin_Who(call));
    say_finish(out, call);
    call->lpVtbl->Release(call);
}

static void SRV_8_a_call_that_was_signalled_is_complete_while_begin_runs(void **state)
{
    wire_expect(&plain, reports, NULL, "ok ok " REPORT(ALICE) " " COMPLETE " ok " REPORT(ALICE));
}

/* It is still running: the thread that will signal it waits for the other call, which was not made yet. */
static void overlaps(FILE *out, void *argument)
{
    AsyncIWireAside *first = call_to(ASYNC_WAITS), *second = call_to(ASYNC_REPORTS);
    wire_say_result(out, first->lpVtbl->Begin_Who(first));
    wire_say_result(out, waited(first, 0));
    wire_say_result(out, waited(first, 20));
    wire_say_result(out, first->lpVtbl->Begin_Who(first));
    wire_say_result(out, second->lpVtbl->Begin_Who(second));
    say_finish(out, first);
    say_finish(out, second);
    first->lpVtbl->Release(first);
    second->lpVtbl->Release(second);
}

static void SRV_8_what_begin_took_ends_with_it_and_the_answer_comes_later(void **state)
{
    wire_expect(&plain, overlaps, NULL,
                "ok 0x80010115 0x80010115 0x80010115 ok " ALICE " ok itself " REPORT(ALICE));
}

static void fails(FILE *out, void *mode)
{
    AsyncIWireAside *call = call_to((unsigned)(uintptr_t)mode);
    wire_say_result(out, call->lpVtbl->Begin_Who(call));
    say_finish(out, call);
    call->lpVtbl->Release(call);
}

static void calls_that_nobody_can_complete_or_that_begin_refused_fail(void **state)
{
    wire_expect(&plain, fails, (void *)ASYNC_LOSES, "ok 0x80010002");
    wire_expect(&plain, fails, (void *)ASYNC_REFUSES, "ok 0x80004004");
}

/* PB-20 */

static void say_blanket(FILE *out, void *proxy)
{
    DWORD level, impersonation, capabilities;
    char *text = NULL;
    HRESULT hr = CoQueryProxyBlanket(proxy, NULL, NULL, NULL, &level, &impersonation, NULL, &capabilities);
    if (FAILED(hr)) return wire_say_result(out, hr);
    if (asprintf(&text, "%u/%u/0x%x", level, impersonation, capabilities) < 0) abort();
    wire_say(out, text);
}

static void has_blanket(FILE *out, void *argument)
{
    wire_async_register();
    IUnknown *proxy = opened(ASYNC_REPORTS), *unknown;
    AsyncIWireAside *call = call_of(proxy), *other = call_of(proxy);
    IClientSecurity *security;
    IUnknown *copy;
    wire_say_result(out, call->lpVtbl->QueryInterface(call, &IID_IClientSecurity, (void **)&security));
    say_blanket(out, call);
    wire_say_result(out, wire_blanket(call, IDENTIFY, EOAC_NONE));
    say_blanket(out, call);
    say_blanket(out, other);
    say_blanket(out, proxy);
    /* only what calls has one */
    wire_say_result(out, call->lpVtbl->QueryInterface(call, &IID_IUnknown, (void **)&unknown));
    say_blanket(out, unknown);
    say_blanket(out, security);
    wire_say_result(out, IClientSecurity_CopyProxy(security, (IUnknown *)call, &copy));
    wire_say_result(out, call->lpVtbl->Begin_Who(call));
    say_blanket(out, call);
    say_finish(out, call);
    wire_say_result(out, other->lpVtbl->Begin_Who(other));
    say_finish(out, other);
    IUnknown_Release(unknown);
    IClientSecurity_Release(security);
    call->lpVtbl->Release(call);
    other->lpVtbl->Release(other);
    IUnknown_Release(proxy);
}

static void PB_20_a_call_object_has_a_blanket_of_its_own(void **state)
{
    wire_expect(&plain, has_blanket, NULL,
                "ok 6/3/0x0 ok 6/2/0x0 6/3/0x0 6/3/0x0 ok 0x80070057 0x80070057 0x80070057 "
                "ok 6/2/0x0 " REPORT("alice/identify/privacy") " ok " REPORT(ALICE));
}

/* What SetBlanket says while a call is on its way is for the next one. */
static void sets_while_it_runs(FILE *out, void *argument)
{
    AsyncIWireAside *call = call_to(ASYNC_REPORTS);
    wire_async_hold(true);
    wire_say_result(out, call->lpVtbl->Begin_Who(call));
    wire_say_result(out, wire_blanket(call, IDENTIFY, EOAC_NONE));
    say_blanket(out, call);
    wire_say_result(out, wire_blanket(call, 9, EOAC_NONE));
    say_blanket(out, call);
    wire_async_hold(false);
    say_finish(out, call);
    wire_say_result(out, call->lpVtbl->Begin_Who(call));
    say_finish(out, call);
    call->lpVtbl->Release(call);
}

static void PB_20_a_call_keeps_the_blanket_that_it_was_begun_with(void **state)
{
    wire_expect(&plain, sets_while_it_runs, NULL,
                "ok ok 6/2/0x0 0x80070057 6/2/0x0 " REPORT(ALICE) " ok " REPORT("alice/identify/privacy"));
}

/* Under dynamic cloaking the identity is that of the thread when the call begins. */
static void begins_as(FILE *out, void *argument)
{
    AsyncIWireAside *call = call_to(ASYNC_REPORTS);
    wire_become("bob");
    wire_say_result(out, call->lpVtbl->Begin_Who(call));
    wire_become(NULL);
    say_finish(out, call);
    wire_say_result(out, call->lpVtbl->Begin_Who(call));
    wire_become("bob");
    say_finish(out, call);
    wire_become(NULL);
    call->lpVtbl->Release(call);
}

static void PB_20_a_call_object_shows_who_began_the_call(void **state)
{
    wire_expect(&cloaking, begins_as, NULL, "ok " REPORT(BOB) " ok " REPORT(ALICE));
}

static void asks_wrongly(FILE *out, void *argument)
{
    wire_async_register();
    IUnknown *proxy = opened(ASYNC_REPORTS), *call;
    ICallFactory *factory;
    IUnknown *back;
    if (FAILED(IUnknown_QueryInterface(proxy, &IID_ICallFactory, (void **)&factory))) abort();
    wire_say_result(out, ICallFactory_CreateCall(factory, &IID_IWire, NULL, &IID_IUnknown, &call));
    wire_say_result(out, ICallFactory_CreateCall(factory, &IID_AsyncIWireAside, proxy, &IID_IUnknown, &call));
    wire_say_result(out, ICallFactory_CreateCall(factory, &IID_AsyncIWireAside, NULL, &IID_IWire, &call));
    wire_say_result(out, ICallFactory_QueryInterface(factory, &IID_IWireAside, (void **)&back));
    wire_say(out, strdup(back == proxy ? "same" : "another"));
    IUnknown_Release(back);
    ICallFactory_Release(factory);
    IUnknown_Release(proxy);
}

static void call_objects_are_made_for_what_is_asynchronous(void **state)
{
    wire_expect(&plain, asks_wrongly, NULL, "0x80004002 0x80040110 0x80004002 ok same");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* the first one: it opens the server's gate */
        cmocka_unit_test(SRV_8_what_begin_took_ends_with_it_and_the_answer_comes_later),
        cmocka_unit_test(SRV_8_a_call_that_was_signalled_is_complete_while_begin_runs),
        cmocka_unit_test(calls_that_nobody_can_complete_or_that_begin_refused_fail),
        cmocka_unit_test(PB_20_a_call_object_has_a_blanket_of_its_own),
        cmocka_unit_test(PB_20_a_call_keeps_the_blanket_that_it_was_begun_with),
        cmocka_unit_test(PB_20_a_call_object_shows_who_began_the_call),
        cmocka_unit_test(call_objects_are_made_for_what_is_asynchronous),
    };
    return cmocka_run_group_tests_name("com-async", tests, start, stop);
}
