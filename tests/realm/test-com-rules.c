/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of process-wide security and of cloaking that no other test of COM over the wire is about, each by
 * itself. */
#include "tests/realm/com-fixture.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <winerror.h>

#define IDENTIFY    RPC_C_IMP_LEVEL_IDENTIFY
#define IMPERSONATE RPC_C_IMP_LEVEL_IMPERSONATE
#define DELEGATE    RPC_C_IMP_LEVEL_DELEGATE
#define STATIC      EOAC_STATIC_CLOAKING
#define DYNAMIC     EOAC_DYNAMIC_CLOAKING
#define ALICE       "alice/impersonate/privacy"
#define BOB         "bob/impersonate/privacy"
#define CAROL       "carol/impersonate/privacy"
#define WEAK        "0x80070542"
#define DENIED      "0x80070005"
#define NO_PACKAGE  "0x8001011A"
#define TOO_LATE    "0x80010119"

static const WireSide plain = {.level = IMPERSONATE}, by_static = {.level = IMPERSONATE, .cloaking = STATIC},
                      delegating = {.level = DELEGATE}, identifying = {.level = IDENTIFY},
                      silent_host = {.host = "a", .level = 0};
/* On a: of no cloaking and dynamic, at IMPERSONATE; on b: one that calls at IDENTIFY. */
static WireServer servers[3];

static IWire *opened(const char *host, unsigned index)
{
    IWire *proxy = NULL;
    if (FAILED(wire_open(host, index, 0, &proxy))) abort();
    return proxy;
}

/* CoInitializeSecurity */

static HRESULT initialize(LONG services, DWORD authn)
{
    return CoInitializeSecurity(NULL, services, NULL, NULL, authn, IMPERSONATE, NULL, EOAC_NONE, NULL);
}

static void marshals_first(FILE *out, void *argument)
{
    IWire *own = wire_object_new();
    IStream *stream = NULL;
    if (!own || FAILED(CreateStreamOnHGlobal(NULL, TRUE, &stream))) abort();
    wire_say_result(out, CoMarshalInterface(stream, &IID_IWire, (IUnknown *)own, MSHCTX_DIFFERENTMACHINE,
                                            NULL, MSHLFLAGS_NORMAL));
    wire_say_result(out, initialize(-1, RPC_C_AUTHN_LEVEL_PKT_PRIVACY));
    CoDisconnectObject((IUnknown *)own, 0);
    IStream_Release(stream);
    IWire_Release(own);
}

static void CIS_2_the_first_interface_that_is_marshalled_decides(void **state)
{
    wire_expect(&silent_host, marshals_first, NULL, "ok " TOO_LATE);
}

/* A process is both, by different parameters: callers come at their own level, its own calls go at its own.
 */
static void both_sides(FILE *out, void *argument)
{
    IWire *proxy = opened("b", WIRE_NONE);
    wire_say(out, wire_run(proxy, "who open:a:0 call impersonate blanket:dynamic:identify call", NULL));
    IWire_Release(proxy);
}

static void CIS_3_CIS_9_a_process_s_level_is_for_its_own_calls(void **state)
{
    wire_expect(&plain, both_sides, NULL, ALICE " ok host-b/identify/integrity ok ok 0x8009030E");
    wire_expect(&delegating, both_sides, NULL,
                "alice/delegate/privacy ok host-b/identify/integrity ok ok alice/identify/privacy");
    wire_expect(&identifying, both_sides, NULL,
                "alice/identify/privacy ok host-b/identify/integrity ok ok " WEAK);
}

/* What nothing was registered for cannot be called securely; it can call. */
static void called_back(FILE *out, void *argument)
{
    if (FAILED(initialize(*(LONG *)argument, RPC_C_AUTHN_LEVEL_PKT_PRIVACY))) abort();
    IWire *own = wire_object_new(), *proxy = opened("b", WIRE_NONE);
    wire_say(out, wire_who(proxy));
    wire_say(out, wire_run(proxy, "peer", own));
    IWire_Release(proxy);
    CoDisconnectObject((IUnknown *)own, 0);
    IWire_Release(own);
}

static void CIS_3_CIS_5_without_a_service_nobody_calls_in(void **state)
{
    static LONG all = -1, none = 0;
    wire_expect(&silent_host, called_back, &all, "host-a/impersonate/privacy host-b/identify/privacy");
    wire_expect(&silent_host, called_back, &none, "host-a/impersonate/privacy " NO_PACKAGE);
}

/* A server whose level is privacy, until its end of the pipe is closed. */
static void serve_at_privacy(FILE *out, void *argument)
{
    const int *pipes = argument; /* ready: write to [1]; end: read from [2] */
    CLSID class = WIRE_CLSID(WIRE_SPARE);
    DWORD cookie;
    char end;
    close(pipes[3]);
    HRESULT hr = initialize(-1, RPC_C_AUTHN_LEVEL_PKT_PRIVACY);
    if (SUCCEEDED(hr))
        hr = CoRegisterClassObject(&class, (IUnknown *)&wire_factory, CLSCTX_LOCAL_SERVER, REGCLS_MULTIPLEUSE,
                                   &cookie);
    if (write(pipes[1], FAILED(hr) ? "-" : "+", 1) != 1) abort();
    while (read(pipes[2], &end, 1) > 0)
        ;
    if (FAILED(hr) || FAILED(CoRevokeClassObject(cookie))) abort();
}

static HRESULT at_level(void *proxy, DWORD authn)
{
    return CoSetProxyBlanket(proxy, RPC_C_AUTHN_GSS_KERBEROS, RPC_C_AUTHZ_NONE, COLE_DEFAULT_PRINCIPAL, authn,
                             IMPERSONATE, NULL, EOAC_NONE);
}

static void call_at_each_level(FILE *out, void *argument)
{
    IWire *proxy = opened("a", WIRE_SPARE);
    IWireAside *aside = NULL;
    IUnknown *unknown = NULL;
    wire_say(out, wire_who(proxy)); /* negotiated, whatever this process's own level is */
    for (DWORD authn = RPC_C_AUTHN_LEVEL_CONNECT; authn <= RPC_C_AUTHN_LEVEL_PKT_PRIVACY; authn++) {
        wire_say_result(out, at_level(proxy, authn));
        wire_say(out, wire_who(proxy));
    }
    IWire_QueryInterface(proxy, &IID_IUnknown, (void **)&unknown);
    wire_say_result(out, at_level(unknown, RPC_C_AUTHN_LEVEL_PKT_INTEGRITY));
    wire_say_result(out, IWire_QueryInterface(proxy, &IID_IWireAside, (void **)&aside));
    wire_say_result(out, at_level(unknown, RPC_C_AUTHN_LEVEL_PKT_PRIVACY));
    wire_say_result(out, IWire_QueryInterface(proxy, &IID_IWireAside, (void **)&aside));
    if (aside) IWireAside_Release(aside);
    IUnknown_Release(unknown);
    IWire_Release(proxy);
}

static void CIS_8_NEG_2_a_server_s_level_is_a_floor(void **state)
{
    WireProcess server;
    WireSide low = {.level = IMPERSONATE, .authn = RPC_C_AUTHN_LEVEL_CONNECT};
    int pipes[4];
    char ready;
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(pipe(pipes + 2), 0);
    wire_in_background(&server, &silent_host, serve_at_privacy, pipes);
    close(pipes[1]);
    close(pipes[2]);
    assert_int_equal(read(pipes[0], &ready, 1), 1);
    assert_int_equal(ready, '+');
    wire_expect(&low, call_at_each_level, NULL,
                ALICE " ok " DENIED " ok " DENIED " ok " DENIED " ok " DENIED " ok " ALICE " ok " DENIED
                      " ok ok");
    close(pipes[0]);
    close(pipes[3]);
    free(wire_join(&server));
}

/* Blankets */

static unsigned living(IWire *proxy)
{
    ULONG count = 0;
    if (FAILED(IWire_Living(proxy, &count))) abort();
    return count;
}

/* Windows keeps a copy of such a proxy until CoUninitialize; here nothing is left behind. */
static void released_with_blanket(FILE *out, void *argument)
{
    IWire *watcher = opened("a", WIRE_NONE), *proxy = opened("a", WIRE_NONE);
    IUnknown *unknown = NULL;
    IWire_QueryInterface(proxy, &IID_IUnknown, (void **)&unknown);
    wire_become("bob");
    wire_say_result(out, wire_blanket(unknown, IMPERSONATE, STATIC));
    wire_become(NULL);
    fprintf(out, "%u ", living(watcher));
    IUnknown_Release(unknown);
    IWire_Release(proxy);
    fprintf(out, "%u ", living(watcher));
    IWire_Release(watcher);
}

static void PB_5_a_blanket_on_IUnknown_keeps_nothing(void **state)
{
    wire_expect(&plain, released_with_blanket, NULL, "ok 2 1");
}

static unsigned short *copied(const unsigned short *text, ULONG length)
{
    unsigned short *copy = malloc(length * sizeof(*copy));
    if (!copy) abort();
    return memcpy(copy, text, length * sizeof(*copy));
}

static void discard(unsigned short *text, ULONG length)
{
    memset(text, 'x', length * sizeof(*text));
    free(text);
}

/* The caller's memory is gone before the first call, and with it every text in it. */
static void discarded_identity(FILE *out, void *argument)
{
    IWire *proxy = opened("a", WIRE_NONE);
    SEC_WINNT_AUTH_IDENTITY_W source, *carol = malloc(sizeof(*carol));
    if (!carol) abort();
    wire_identity(&source, "carol", WIRE_PASSWORD);
    *carol = source;
    carol->User = copied(source.User, source.UserLength);
    carol->Domain = copied(source.Domain, source.DomainLength);
    carol->Password = copied(source.Password, source.PasswordLength);
    wire_say_result(out, CoSetProxyBlanket((IUnknown *)proxy, RPC_C_AUTHN_GSS_KERBEROS, RPC_C_AUTHZ_NONE,
                                           COLE_DEFAULT_PRINCIPAL, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, IMPERSONATE,
                                           carol, EOAC_NONE));
    discard(carol->User, carol->UserLength);
    discard(carol->Domain, carol->DomainLength);
    discard(carol->Password, carol->PasswordLength);
    free(carol);
    wire_say(out, wire_who(proxy));
    wire_say(out, wire_who(proxy));
    IWire_Release(proxy);
}

static void PB_19_RPC_3_an_identity_s_memory_may_go(void **state)
{
    wire_expect(&plain, discarded_identity, NULL, "ok " CAROL " " CAROL);
}

/* Cloaking */

/* Process-wide static cloaking has a first call on each interface's proxy, and IUnknown's is none of them
 * (ERR-3). */
static void first_calls(FILE *out, void *argument)
{
    IWire *proxy = opened("a", WIRE_NONE);
    IWireAside *aside = NULL;
    wire_become("bob");
    wire_say_result(out, IWire_QueryInterface(proxy, &IID_IWireAside, (void **)&aside));
    wire_become("carol");
    wire_say(out, wire_who(proxy));
    wire_become(NULL);
    wire_say(out, wire_who_aside(aside));
    wire_become("bob");
    wire_say(out, wire_who(proxy));
    wire_say(out, wire_who_aside(aside));
    wire_become(NULL);
    IWireAside_Release(aside);
    IWire_Release(proxy);
}

static void CLK_11_each_interface_has_its_first_call(void **state)
{
    wire_expect(&by_static, first_calls, NULL, "ok " CAROL " " ALICE " " CAROL " " ALICE);
}

/* What a server sees of its callers has nothing to do with the cloaking that it chose for its own calls. */
static void only_serves(FILE *out, void *argument)
{
    for (unsigned index = 0; index < 2; index++) {
        IWire *proxy = opened("a", index ? WIRE_DYNAMIC : WIRE_NONE);
        wire_say(out, wire_run(proxy, "who level impersonating impersonate level who revert level", NULL));
        IWire_Release(proxy);
    }
}

static void CLK_12_who_only_serves_does_not_cloak(void **state)
{
    static const char expected[] =
        ALICE " - no ok impersonate " ALICE " ok - " ALICE " - no ok impersonate " ALICE " ok -";
    wire_expect(&plain, only_serves, NULL, expected);
}

static void act_as(HANDLE token)
{
    if (!SetThreadToken(NULL, token)) abort();
}

/* The proxy keeps the token as it was at SetBlanket: what the thread has since, or that the handle is closed,
 * does not matter until the next SetBlanket. */
static void kept_token(FILE *out, void *argument)
{
    IWire *proxy = opened("a", WIRE_NONE);
    HANDLE bob = wire_logon("bob"), weak = NULL;
    if (!bob || !DuplicateTokenEx(bob, 0, NULL, SecurityIdentification, TokenImpersonation, &weak)) abort();
    act_as(bob);
    wire_say_result(out, wire_blanket(proxy, IMPERSONATE, STATIC));
    act_as(weak);
    CloseHandle(bob);
    wire_say(out, wire_who(proxy));
    wire_say_result(out, wire_blanket(proxy, IMPERSONATE, STATIC));
    CloseHandle(weak);
    wire_become("carol");
    wire_say(out, wire_who(proxy));
    wire_say_result(out, wire_blanket(proxy, IMPERSONATE, STATIC));
    wire_become(NULL);
    wire_say(out, wire_who(proxy));
    IWire_Release(proxy);
}

static void CLK_14_a_captured_token_stays_as_it_was(void **state)
{
    wire_expect(&plain, kept_token, NULL, "ok " BOB " ok " WEAK " ok " CAROL);
}

static int setup(void **state)
{
    wire_users((const char *const[]){"carol"}, 1);
    wire_admin("cpw -pw " WIRE_PASSWORD " bob");
    wire_server_start(&servers[0], "a", WIRE_NONE, "none", "mta");
    wire_server_start(&servers[1], "a", WIRE_DYNAMIC, "dynamic", "mta");
    wire_server_start_at(&servers[2], "b", WIRE_NONE, "none", "mta", "identify");
    return 0;
}

static int teardown(void **state)
{
    int left = 0;
    for (unsigned i = 0; i < 3; i++)
        left |= wire_server_stop(&servers[i]);
    return left == WIRE_ALL_RELEASED ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(CIS_2_the_first_interface_that_is_marshalled_decides),
        cmocka_unit_test(CIS_3_CIS_9_a_process_s_level_is_for_its_own_calls),
        cmocka_unit_test(CIS_3_CIS_5_without_a_service_nobody_calls_in),
        cmocka_unit_test(CIS_8_NEG_2_a_server_s_level_is_a_floor),
        cmocka_unit_test(PB_5_a_blanket_on_IUnknown_keeps_nothing),
        cmocka_unit_test(PB_19_RPC_3_an_identity_s_memory_may_go),
        cmocka_unit_test(CLK_11_each_interface_has_its_first_call),
        cmocka_unit_test(CLK_12_who_only_serves_does_not_cloak),
        cmocka_unit_test(CLK_14_a_captured_token_stays_as_it_was),
    };
    return cmocka_run_group_tests_name("com-rules", tests, setup, teardown);
}
