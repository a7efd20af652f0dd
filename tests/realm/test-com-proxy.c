/* SPDX-License-Identifier: Apache-2.0 */
/* Blankets of proxies, as the server sees them: whose they are, what they keep, what they refuse. */
#include "tests/realm/com-fixture.h"
#include <pthread.h>
#include <rpcdce.h>
#include <stdlib.h>
#include <string.h>
#include <winerror.h>

#define IMPERSONATE RPC_C_IMP_LEVEL_IMPERSONATE
#define NONE        EOAC_NONE
#define STATIC      EOAC_STATIC_CLOAKING
#define DYNAMIC     EOAC_DYNAMIC_CLOAKING
#define ALICE       "alice/impersonate/privacy"
#define BOB         "bob/impersonate/privacy"
#define CAROL       "carol/impersonate/privacy"
#define WEAK        "0x80070542" /* a token at IDENTIFY or below under cloaking */

static const WireSide plain = {.level = IMPERSONATE}, by_static = {.level = IMPERSONATE, .cloaking = STATIC},
                      by_dynamic = {.level = IMPERSONATE, .cloaking = DYNAMIC},
                      with_identity = {.level = IMPERSONATE, .identity = "carol"},
                      secure_refs = {.level = IMPERSONATE, .cloaking = EOAC_SECURE_REFS};
static WireServer server;

static IWire *opened(void)
{
    IWire *proxy = NULL;
    if (FAILED(wire_open("a", WIRE_NONE, 0, &proxy))) abort();
    return proxy;
}

static IWireAside *aside_of(IWire *proxy)
{
    IWireAside *aside = NULL;
    if (FAILED(IWire_QueryInterface(proxy, &IID_IWireAside, (void **)&aside))) abort();
    return aside;
}

static unsigned living(IWire *proxy)
{
    ULONG count = 0;
    if (FAILED(IWire_Living(proxy, &count))) abort();
    return count;
}

/* A capture belongs to the moment of SetBlanket, and the next one replaces it */

static void recapture(FILE *out, void *argument)
{
    IWire *proxy = opened();
    wire_become("bob");
    wire_say_result(out, wire_blanket(proxy, IMPERSONATE, STATIC));
    wire_become("carol");
    wire_say(out, wire_who(proxy));
    wire_say_result(out, wire_blanket(proxy, IMPERSONATE, STATIC));
    wire_say(out, wire_who(proxy));
    wire_become(NULL);
    wire_say(out, wire_who(proxy));
    wire_say_result(out, wire_blanket(proxy, IMPERSONATE, STATIC));
    wire_say(out, wire_who(proxy));
    IWire_Release(proxy);
}

static void CLK_3_captures_again_at_each_SetBlanket(void **state)
{
    static const char expected[] = "ok " BOB " ok " CAROL " " CAROL " ok " ALICE;
    wire_expect(&plain, recapture, NULL, expected);
    wire_expect(&by_static, recapture, NULL, expected);
    wire_expect(&by_dynamic, recapture, NULL, expected);
}

/* One interface's blanket is not the other's */

static void per_interface(FILE *out, void *argument)
{
    IWire *proxy = opened();
    IWireAside *aside = aside_of(proxy);
    wire_become("bob");
    wire_say_result(out, wire_blanket(proxy, IMPERSONATE, STATIC));
    wire_say(out, wire_who(proxy));
    wire_say(out, wire_who_aside(aside));
    wire_say_result(out, wire_blanket(aside, IMPERSONATE, DYNAMIC));
    wire_say_result(out, wire_blanket(proxy, IMPERSONATE, NONE));
    wire_become("carol");
    wire_say(out, wire_who(proxy));
    wire_say(out, wire_who_aside(aside));
    wire_become(NULL);
    IWireAside_Release(aside);
    IWire_Release(proxy);
}

static void PB_2_a_blanket_is_one_interface_s(void **state)
{
    wire_expect(&plain, per_interface, NULL, "ok " BOB " " ALICE " ok ok " ALICE " " CAROL);
    wire_expect(&by_dynamic, per_interface, NULL, "ok " BOB " " BOB " ok ok " ALICE " " CAROL);
}

/* Everybody who has the pointer has its blanket: the same interface asked for again is the same proxy. */
static void shared(FILE *out, void *argument)
{
    IWire *proxy = opened(), *again = NULL;
    wire_become("bob");
    wire_say_result(out, wire_blanket(proxy, IMPERSONATE, STATIC));
    wire_become(NULL);
    wire_say_result(out, IWire_QueryInterface(proxy, &IID_IWire, (void **)&again));
    wire_say(out, wire_who(again));
    IWire_Release(again);
    IWire_Release(proxy);
}

static void PB_2_a_blanket_is_shared_by_all_holders(void **state)
{
    wire_expect(&plain, shared, NULL, "ok ok " BOB);
}

static void returned(FILE *out, void *argument)
{
    IWire *proxy = opened(), *another = NULL;
    wire_become("bob");
    wire_say_result(out, wire_blanket(proxy, IMPERSONATE, STATIC));
    wire_say_result(out, IWire_Another(proxy, &another));
    wire_become("carol");
    wire_say(out, wire_who(another));
    wire_say_result(out, wire_blanket(another, IMPERSONATE, DYNAMIC));
    wire_say(out, wire_who(another));
    wire_become(NULL);
    wire_say(out, wire_who(proxy));
    IWire_Release(another);
    IWire_Release(proxy);
}

static void PB_2_returned_pointers_are_not_cloaked(void **state)
{
    wire_expect(&plain, returned, NULL, "ok ok " ALICE " ok " CAROL " " BOB);
    /* Each proxy has a first call of its own, and that is what the process's settings count. */
    wire_expect(&by_static, returned, NULL, "ok ok " CAROL " ok " CAROL " " BOB);
}

/* IUnknown */

static void unknown_blanket(FILE *out, void *argument)
{
    IWire *proxy = opened();
    IUnknown *unknown = NULL;
    IWireAside *aside = NULL;
    DWORD level = 0, capabilities = 0;
    IWire_QueryInterface(proxy, &IID_IUnknown, (void **)&unknown);
    wire_say_result(out, wire_blanket(unknown, RPC_C_IMP_LEVEL_IDENTIFY, DYNAMIC));
    wire_say_result(out, CoQueryProxyBlanket(unknown, NULL, NULL, NULL, NULL, &level, NULL, &capabilities));
    fprintf(out, "%u-%x ", level, capabilities);
    wire_say_result(
        out, CoQueryProxyBlanket((IUnknown *)proxy, NULL, NULL, NULL, NULL, &level, NULL, &capabilities));
    fprintf(out, "%u-%x ", level, capabilities);
    /* QueryInterface goes as the thread says now: a token that cannot be shown is refused, a better one is
     * not. */
    wire_become_at("bob", SecurityIdentification);
    wire_say_result(out, IWire_QueryInterface(proxy, &IID_IWireAside, (void **)&aside));
    wire_say(out, wire_who(proxy));
    fprintf(out, "%u ", wire_tickets("bob", "host/a"));
    wire_become("bob");
    wire_say_result(out, IWire_QueryInterface(proxy, &IID_IWireAside, (void **)&aside));
    fprintf(out, "%u ", wire_tickets("bob", "host/a") > 0);
    wire_say(out, wire_who_aside(aside));
    wire_become(NULL);
    IWireAside_Release(aside);
    IUnknown_Release(unknown);
    IWire_Release(proxy);
}

static void PB_3_IUnknown_has_a_blanket_of_its_own(void **state)
{
    wire_expect(&plain, unknown_blanket, NULL, "ok ok 2-40 ok 3-0 " WEAK " " ALICE " 0 ok 1 " ALICE);
}

/* Without one it is the process's, whoever the thread acts as. */
static void unknown_default(FILE *out, void *argument)
{
    IWire *proxy = opened();
    IWireAside *aside = NULL;
    wire_become_at("carol", SecurityIdentification);
    wire_say_result(out, IWire_QueryInterface(proxy, &IID_IWireAside, (void **)&aside));
    wire_say(out, wire_who(proxy));
    if (aside) IWireAside_Release(aside);
    IWire_Release(proxy);
}

static void REF_3_IUnknown_goes_as_the_process_otherwise(void **state)
{
    wire_expect(&plain, unknown_default, NULL, "ok " ALICE);
    wire_expect(&by_static, unknown_default, NULL, "ok " WEAK);
    wire_expect(&by_dynamic, unknown_default, NULL, "ok " WEAK);
}

static void multi_query(FILE *out, void *argument)
{
    IWire *proxy = opened();
    IUnknown *unknown = NULL;
    IMultiQI *multi = NULL;
    MULTI_QI query = {.pIID = &IID_IWireAside};
    IWire_QueryInterface(proxy, &IID_IUnknown, (void **)&unknown);
    IWire_QueryInterface(proxy, &IID_IMultiQI, (void **)&multi);
    wire_say_result(out, wire_blanket(unknown, IMPERSONATE, DYNAMIC));
    wire_become_at("bob", SecurityIdentification);
    wire_say_result(out, IMultiQI_QueryMultipleInterfaces(multi, 1, &query));
    wire_say_result(out, query.hr);
    wire_become(NULL);
    wire_say_result(out, IMultiQI_QueryMultipleInterfaces(multi, 1, &query));
    wire_say_result(out, query.hr);
    if (query.pItf) IUnknown_Release(query.pItf);
    IMultiQI_Release(multi);
    IUnknown_Release(unknown);
    IWire_Release(proxy);
}

static void PB_3_IMultiQI_uses_IUnknown_s_blanket(void **state)
{
    wire_expect(&plain, multi_query, NULL, "ok " WEAK " " WEAK " ok ok");
}

static void local_interfaces(FILE *out, void *argument)
{
    IWire *proxy = opened();
    IUnknown *locals[2] = {NULL}, *copy = NULL;
    IWire_QueryInterface(proxy, &IID_IClientSecurity, (void **)&locals[0]);
    IWire_QueryInterface(proxy, &IID_IMultiQI, (void **)&locals[1]);
    for (unsigned i = 0; i < 2; i++) {
        wire_say_result(out, wire_blanket(locals[i], IMPERSONATE, NONE));
        wire_say_result(out, CoQueryProxyBlanket(locals[i], NULL, NULL, NULL, NULL, NULL, NULL, NULL));
        wire_say_result(out, CoCopyProxy(locals[i], &copy));
        IUnknown_Release(locals[i]);
    }
    wire_say(out, wire_who(proxy));
    IWire_Release(proxy);
}

static void PB_3_local_interfaces_have_none(void **state)
{
    wire_expect(&plain, local_interfaces, NULL,
                "0x80070057 0x80070057 0x80070057 0x80070057 0x80070057 0x80070057 " ALICE);
}

static void secured_references(FILE *out, void *argument)
{
    IWire *proxy = opened();
    IUnknown *unknown = NULL;
    IWire_QueryInterface(proxy, &IID_IUnknown, (void **)&unknown);
    wire_say_result(out, wire_blanket(unknown, IMPERSONATE, DYNAMIC));
    wire_say_result(out, wire_blanket(proxy, IMPERSONATE, DYNAMIC));
    wire_become("bob");
    wire_say(out, wire_who(proxy));
    wire_become(NULL);
    IUnknown_Release(unknown);
    IWire_Release(proxy);
}

static void PB_4_secure_references_have_no_blanket(void **state)
{
    wire_expect(&plain, secured_references, NULL, "ok ok " BOB);
    wire_expect(&secure_refs, secured_references, NULL, "0x80070057 ok " BOB);
}

/* The release needs nobody's power but the process's own (REF-3), so nothing lingers. */
static void last_release(FILE *out, void *argument)
{
    IWire *watcher = opened(), *proxy = opened();
    fprintf(out, "%u ", living(watcher));
    wire_become("bob");
    wire_say_result(out, wire_blanket(proxy, IMPERSONATE, STATIC));
    wire_say(out, wire_who(proxy));
    wire_become_at("bob", SecurityIdentification);
    IWire_Release(proxy);
    wire_become(NULL);
    fprintf(out, "%u ", living(watcher));
    IWire_Release(watcher);
}

static void PB_6_the_last_release_goes_as_the_process(void **state)
{
    wire_expect(&plain, last_release, NULL, "2 ok " BOB " 1");
    wire_expect(&by_dynamic, last_release, NULL, "2 ok " BOB " 1");
}

/* With a blanket on IUnknown whose identity cannot be shown at the end, the object stays until it is run
 * down. */
static void release_refused(FILE *out, void *argument)
{
    IWire *watcher = opened(), *proxy = opened();
    IUnknown *unknown = NULL;
    IWire_QueryInterface(proxy, &IID_IUnknown, (void **)&unknown);
    wire_say_result(out, wire_blanket(unknown, IMPERSONATE, DYNAMIC));
    wire_become_at("bob", SecurityIdentification);
    IUnknown_Release(unknown);
    IWire_Release(proxy);
    wire_become(NULL);
    fprintf(out, "%u ", living(watcher));
    for (unsigned tries = 0; tries < 100 && living(watcher) > 1; tries++)
        nanosleep(&(struct timespec){0, 100000000}, NULL);
    fprintf(out, "%u ", living(watcher));
    IWire_Release(watcher);
}

static void PB_6_a_release_that_is_refused_is_run_down(void **state)
{
    wire_expect(&plain, release_refused, NULL, "ok 2 1");
}

/* Tokens that may not be shown */

static void levels_of_tokens(FILE *out, void *argument)
{
    IWire *proxy = opened();
    for (SECURITY_IMPERSONATION_LEVEL level = SecurityAnonymous; level <= SecurityImpersonation; level++) {
        wire_become_at("bob", level);
        wire_say_result(out, wire_blanket(proxy, IMPERSONATE, STATIC));
        wire_say(out, wire_who(proxy));
        wire_say_result(out, wire_blanket(proxy, IMPERSONATE, DYNAMIC));
        wire_say(out, wire_who(proxy));
        wire_say_why(out, level < SecurityImpersonation ? "*IDENTIFY or below*" : "no sentence");
        wire_say_result(out, wire_blanket(proxy, IMPERSONATE, NONE));
        wire_say(out, wire_who(proxy));
        wire_become(NULL);
    }
    IWire_Release(proxy);
}

static void CLK_8_a_weak_token_is_not_shown(void **state)
{
    wire_expect(&plain, levels_of_tokens, NULL,
                "ok " WEAK " ok " WEAK " ok ok " ALICE " ok " WEAK " ok " WEAK " ok ok " ALICE " ok " BOB
                " ok " BOB " ok ok " ALICE);
}

/* A call that was refused is no first call. */
static void weak_first(FILE *out, void *argument)
{
    IWire *proxy = opened();
    wire_become_at("bob", SecurityIdentification);
    wire_say(out, wire_who(proxy));
    wire_become("carol");
    wire_say(out, wire_who(proxy));
    wire_become_at("bob", SecurityIdentification);
    wire_say(out, wire_who(proxy));
    wire_become(NULL);
    IWire_Release(proxy);
}

static void CLK_8_a_refused_call_captures_nothing(void **state)
{
    wire_expect(&by_static, weak_first, NULL, WEAK " " CAROL " " CAROL);
    wire_expect(&by_dynamic, weak_first, NULL, WEAK " " CAROL " " WEAK);
}

/* What SetBlanket keeps, and what it refuses */

static HRESULT set(IWire *proxy, DWORD service, OLECHAR *principal, DWORD authn, void *identity,
                   DWORD capabilities)
{
    return CoSetProxyBlanket((IUnknown *)proxy, service, RPC_C_AUTHZ_NONE, principal, authn, IMPERSONATE,
                             identity, capabilities);
}

static void assigned(FILE *out, void *argument)
{
    static const DWORD authn[] = {RPC_C_AUTHN_LEVEL_CONNECT, RPC_C_AUTHN_LEVEL_CALL, RPC_C_AUTHN_LEVEL_PKT,
                                  RPC_C_AUTHN_LEVEL_PKT_INTEGRITY, RPC_C_AUTHN_LEVEL_PKT_PRIVACY};
    IWire *proxy = opened();
    for (size_t i = 0; i < sizeof(authn) / sizeof(*authn); i++) {
        if (FAILED(set(proxy, RPC_C_AUTHN_GSS_KERBEROS, COLE_DEFAULT_PRINCIPAL, authn[i], NULL, NONE)))
            abort();
        wire_say(out, wire_who(proxy));
    }
    for (DWORD level = RPC_C_IMP_LEVEL_ANONYMOUS; level <= RPC_C_IMP_LEVEL_DELEGATE; level++) {
        if (FAILED(wire_blanket(proxy, level, NONE))) abort();
        wire_say(out, wire_who(proxy));
    }
    IWire_Release(proxy);
}

/* ANONYMOUS means nothing over a network: it arrives as IDENTIFY (LVL-1). CALL is PKT (RPC-5). */
static void PB_7_LVL_1_RPC_5_levels_are_assigned(void **state)
{
    wire_expect(&plain, assigned, NULL,
                "alice/impersonate/connect alice/impersonate/pkt alice/impersonate/pkt "
                "alice/impersonate/integrity " ALICE " alice/identify/privacy alice/identify/privacy " ALICE
                " alice/delegate/privacy");
}

static void no_security(FILE *out, void *argument)
{
    IWire *proxy = opened();
    wire_say_result(out, set(proxy, RPC_C_AUTHN_NONE, NULL, RPC_C_AUTHN_LEVEL_CONNECT, NULL, NONE));
    wire_say_result(out, set(proxy, RPC_C_AUTHN_GSS_KERBEROS, COLE_DEFAULT_PRINCIPAL, RPC_C_AUTHN_LEVEL_NONE,
                             NULL, NONE));
    wire_say(out, wire_who(proxy));
    wire_say_result(out, set(proxy, RPC_C_AUTHN_NONE, NULL, RPC_C_AUTHN_LEVEL_NONE, NULL, NONE));
    wire_say(out, wire_who(proxy)); /* the server's floor is CONNECT */
    IWire_Release(proxy);
}

static void PB_9_no_service_and_no_level_go_together(void **state)
{
    wire_expect(&plain, no_security, NULL, "0x80070057 0x80070057 " ALICE " ok 0x80070005");
}

static void principals(FILE *out, void *argument)
{
    static WCHAR other[] = u"host/b.lab.test", nowhere[] = u"host/nowhere.lab.test";
    IWire *proxy = opened();
    LPOLESTR name = NULL;
    wire_say_result(out,
                    set(proxy, RPC_C_AUTHN_GSS_KERBEROS, other, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, NULL, NONE));
    wire_say(out, wire_who(proxy));
    wire_say_result(out,
                    set(proxy, RPC_C_AUTHN_GSS_KERBEROS, NULL, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, NULL, NONE));
    CoQueryProxyBlanket((IUnknown *)proxy, NULL, NULL, &name, NULL, NULL, NULL, NULL);
    wire_say(out, wire_narrow(name));
    CoTaskMemFree(name);
    wire_say(out, wire_who(proxy));
    wire_say_result(out,
                    set(proxy, RPC_C_AUTHN_GSS_KERBEROS, nowhere, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, NULL, NONE));
    wire_say(out, wire_who(proxy));
    wire_say_why(out, "*host/nowhere.lab.test*");
    wire_say_result(out, set(proxy, RPC_C_AUTHN_GSS_KERBEROS, COLE_DEFAULT_PRINCIPAL,
                             RPC_C_AUTHN_LEVEL_PKT_PRIVACY, NULL, NONE));
    wire_say(out, wire_who(proxy));
    IWire_Release(proxy);
}

static void PB_12_NULL_keeps_the_principal(void **state)
{
    wire_expect(&plain, principals, NULL,
                "ok 0x80090322 ok host/b.lab.test 0x80090322 ok 0x80090303 ok ok " ALICE);
}

static void identities(FILE *out, void *argument)
{
    SEC_WINNT_AUTH_IDENTITY_W carol, wrong;
    IWire *proxy = opened();
    void *info = NULL;
    wire_identity(&carol, "carol", WIRE_PASSWORD);
    wire_say_result(out, set(proxy, RPC_C_AUTHN_GSS_KERBEROS, COLE_DEFAULT_PRINCIPAL,
                             RPC_C_AUTHN_LEVEL_PKT_PRIVACY, &carol, NONE));
    memset(carol.Password, 'x', carol.PasswordLength * sizeof(*carol.Password)); /* PB-19 */
    wire_become("bob");
    wire_say(out, wire_who(proxy));
    wire_say_result(out, CoQueryProxyBlanket((IUnknown *)proxy, NULL, NULL, NULL, NULL, NULL, &info, NULL));
    wire_identity(&wrong, "carol", "wrong");
    wire_say_result(out, set(proxy, RPC_C_AUTHN_GSS_KERBEROS, COLE_DEFAULT_PRINCIPAL,
                             RPC_C_AUTHN_LEVEL_PKT_PRIVACY, &wrong, NONE));
    wire_say(out, wire_who(proxy));
    wire_say_result(out, wire_blanket(proxy, IMPERSONATE, NONE));
    wire_say(out, wire_who(proxy));
    wire_say_result(out, set(proxy, RPC_C_AUTHN_GSS_KERBEROS, COLE_DEFAULT_PRINCIPAL,
                             RPC_C_AUTHN_LEVEL_PKT_PRIVACY, COLE_DEFAULT_AUTHINFO, DYNAMIC));
    wire_say(out, wire_who(proxy));
    IWire_Release(proxy);
}

static void PB_13_RPC_10_the_explicit_identity_is_shown(void **state)
{
    wire_expect(&plain, identities, NULL, "ok " CAROL " ok ok 0x8007052E ok " ALICE " ok " BOB);
    /* pAuthList's identity comes before the process, and by COLE_DEFAULT_AUTHINFO before cloaking (ERR-5,
     * ERR-11). */
    wire_expect(&with_identity, identities, NULL, "ok " CAROL " ok ok 0x8007052E ok " CAROL " ok " CAROL);
}

static void contradictions(FILE *out, void *argument)
{
    SEC_WINNT_AUTH_IDENTITY_W carol;
    IWire *proxy = opened();
    wire_identity(&carol, "carol", WIRE_PASSWORD);
    wire_become("bob");
    wire_say_result(out, wire_blanket(proxy, IMPERSONATE, STATIC));
    static const DWORD capabilities[] = {STATIC, DYNAMIC, STATIC | DYNAMIC};
    for (unsigned i = 0; i < 3; i++)
        wire_say_result(out, set(proxy, RPC_C_AUTHN_GSS_KERBEROS, COLE_DEFAULT_PRINCIPAL,
                                 RPC_C_AUTHN_LEVEL_PKT_PRIVACY, &carol, capabilities[i]));
    wire_say_result(out, wire_blanket(proxy, IMPERSONATE, STATIC | DYNAMIC));
    wire_say_result(out, set(proxy, RPC_C_AUTHN_GSS_SCHANNEL, COLE_DEFAULT_PRINCIPAL,
                             RPC_C_AUTHN_LEVEL_PKT_PRIVACY, NULL, STATIC));
    wire_become("carol");
    wire_say(out, wire_who(proxy)); /* what was refused changed nothing */
    wire_become(NULL);
    IWire_Release(proxy);
}

static void PB_14_cloaking_and_an_identity_exclude_each_other(void **state)
{
    wire_expect(&plain, contradictions, NULL,
                "ok 0x80070057 0x80070057 0x80070057 0x80070057 0x80070057 " BOB);
}

static void capability_bits(FILE *out, void *argument)
{
    IWire *proxy = opened();
    for (unsigned bit = 0; bit < 16; bit++)
        fputc(SUCCEEDED(wire_blanket(proxy, IMPERSONATE, 1u << bit)) ? '1' : '0', out);
    fputc(' ', out);
    IWire_Release(proxy);
}

/* From MUTUAL_AUTH (bit 0) on: STATIC 5, DYNAMIC 6, ANY_AUTHORITY 7, MAKE_FULLSIC 8, DEFAULT 11. */
static void PB_15_six_capabilities_are_accepted(void **state)
{
    wire_expect(&plain, capability_bits, NULL, "1000011110010000");
}

static void all_defaults(FILE *out, void *argument)
{
    IWire *proxy = opened();
    wire_become("bob");
    wire_say_result(out, CoSetProxyBlanket((IUnknown *)proxy, RPC_C_AUTHN_DEFAULT, RPC_C_AUTHZ_DEFAULT,
                                           COLE_DEFAULT_PRINCIPAL, RPC_C_AUTHN_LEVEL_DEFAULT,
                                           RPC_C_IMP_LEVEL_DEFAULT, COLE_DEFAULT_AUTHINFO, EOAC_DEFAULT));
    wire_become("dave");
    wire_say(out, wire_who(proxy));
    wire_become(NULL);
    IWire_Release(proxy);
}

static void PB_16_all_defaults_are_the_process_s(void **state)
{
    wire_expect(&plain, all_defaults, NULL, "ok " ALICE);
    wire_expect(&by_static, all_defaults, NULL, "ok " BOB); /* captured by SetBlanket */
    wire_expect(&by_dynamic, all_defaults, NULL, "ok dave/impersonate/privacy");
    wire_expect(&with_identity, all_defaults, NULL, "ok " CAROL);
}

/* A process that says nothing of its security */

static HRESULT say_now(void)
{
    return CoInitializeSecurity(NULL, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, IMPERSONATE, NULL,
                                DYNAMIC, NULL);
}

static void unsaid(FILE *out, void *argument)
{
    IWire *proxy = opened();
    wire_say_result(out, say_now());
    wire_become("bob");
    wire_say(out, wire_who(proxy));
    wire_say_result(out, wire_blanket(proxy, RPC_C_IMP_LEVEL_DEFAULT, DYNAMIC)); /* NEG-6 */
    wire_say(out, wire_who(proxy));
    wire_become(NULL);
    IWire_Release(proxy);
}

static void said_in_time(FILE *out, void *argument)
{
    wire_say_result(out, say_now());
    wire_say_result(out, say_now());
    IWire *proxy = opened();
    wire_become("bob");
    wire_say(out, wire_who(proxy));
    wire_become(NULL);
    IWire_Release(proxy);
}

static void CIS_2_LVL_8_security_is_chosen_once(void **state)
{
    static const WireSide silent = {.level = 0};
    wire_expect(&silent, said_in_time, NULL, "ok 0x80010119 " BOB);
    /* CIS-18: as itself, at IDENTIFY, and never below integrity. */
    wire_expect(&silent, unsaid, NULL, "0x80010119 alice/identify/integrity ok bob/identify/privacy");
}

/* CoCopyProxy */

static void copies(FILE *out, void *argument)
{
    IWire *proxy = opened(), *copy = NULL, *from_copy = NULL;
    DWORD capabilities = 99;
    wire_become("bob");
    wire_say_result(out, wire_blanket(proxy, IMPERSONATE, STATIC));
    wire_say_result(out, CoCopyProxy((IUnknown *)proxy, (IUnknown **)&copy));
    wire_say_result(out,
                    CoQueryProxyBlanket((IUnknown *)copy, NULL, NULL, NULL, NULL, NULL, NULL, &capabilities));
    fprintf(out, "%x %s ", capabilities, copy == proxy ? "same" : "private");
    wire_say_result(out, IWire_QueryInterface(copy, &IID_IWire, (void **)&from_copy));
    fprintf(out, "%s ", from_copy == proxy ? "original" : "other");
    IWire_Release(from_copy);
    wire_say(out, wire_who(copy));
    wire_become("carol");
    wire_say_result(out, wire_blanket(copy, RPC_C_IMP_LEVEL_IDENTIFY, STATIC));
    wire_say(out, wire_who(copy));
    wire_say(out, wire_who(proxy));
    wire_become(NULL);
    IWire_Release(proxy);
    wire_say(out, wire_who(copy)); /* it holds the object by itself */
    fprintf(out, "%u ", IWire_Release(copy));
}

static void PB_17_a_copy_has_the_default_blanket(void **state)
{
    wire_expect(&plain, copies, NULL,
                "ok ok ok 0 private ok original " ALICE " ok carol/identify/privacy " BOB
                " carol/identify/privacy 0");
    wire_expect(&by_dynamic, copies, NULL,
                "ok ok ok 40 private ok original " BOB " ok carol/identify/privacy " BOB
                " carol/identify/privacy 0");
}

static void copies_refused(FILE *out, void *argument)
{
    IWire *proxy = opened(), *own = wire_object_new();
    IUnknown *unknown = NULL, *copy = NULL;
    IWire_QueryInterface(proxy, &IID_IUnknown, (void **)&unknown);
    wire_say_result(out, CoCopyProxy(unknown, &copy));
    wire_say_result(out, CoCopyProxy((IUnknown *)own, &copy));
    wire_say_result(out, CoCopyProxy((IUnknown *)proxy, &copy));
    if (copy) IUnknown_Release(copy);
    IUnknown_Release(unknown);
    IWire_Release(proxy);
    IWire_Release(own);
}

static void PB_17_IUnknown_is_not_copied(void **state)
{
    wire_expect(&plain, copies_refused, NULL, "0x80070057 0x80004002 ok");
}

/* Another apartment */

typedef struct Passage {
    IStream *stream;
    DWORD apartment;
    FILE *out;
} Passage;

static void *arrive(void *argument)
{
    Passage *passage = argument;
    IWire *proxy = NULL;
    if (FAILED(CoInitializeEx(NULL, passage->apartment))) abort();
    wire_say_result(passage->out, CoUnmarshalInterface(passage->stream, &IID_IWire, (void **)&proxy));
    wire_say(passage->out, wire_who(proxy));
    wire_become("carol");
    wire_say_result(passage->out, wire_blanket(proxy, IMPERSONATE, STATIC));
    wire_become(NULL);
    wire_say(passage->out, wire_who(proxy));
    IWire_Release(proxy);
    CoUninitialize();
    return NULL;
}

static void pass_on(FILE *out, void *argument)
{
    Passage passage = {.apartment = *(DWORD *)argument, .out = out};
    IWire *proxy = NULL;
    pthread_t thread;
    /* By the name that references carry: another name is another server, as far as Kerberos can tell. */
    if (FAILED(wire_open("a.lab.test", WIRE_NONE, 0, &proxy))) abort();
    wire_become("bob");
    wire_say_result(out, wire_blanket(proxy, IMPERSONATE, STATIC));
    wire_become(NULL);
    if (FAILED(CreateStreamOnHGlobal(NULL, TRUE, &passage.stream))) abort();
    wire_say_result(out, CoMarshalInterface(passage.stream, &IID_IWire, (IUnknown *)proxy, MSHCTX_INPROC,
                                            NULL, MSHLFLAGS_NORMAL));
    IStream_Seek(passage.stream, (LARGE_INTEGER){0}, STREAM_SEEK_SET, NULL);
    if (pthread_create(&thread, NULL, arrive, &passage) != 0) abort();
    pthread_join(thread, NULL);
    wire_say(out, wire_who(proxy));
    IStream_Release(passage.stream);
    IWire_Release(proxy);
}

/* A proxy and its blanket belong to an apartment; in the same one the same reference is the same proxy. */
static void PB_21_another_apartment_begins_with_defaults(void **state)
{
    static DWORD single = COINIT_APARTMENTTHREADED, same = COINIT_MULTITHREADED;
    wire_expect(&plain, pass_on, &single, "ok ok ok " ALICE " ok " CAROL " " BOB);
    wire_expect(&by_static, pass_on, &single, "ok ok ok " ALICE " ok " CAROL " " BOB);
    wire_expect(&plain, pass_on, &same, "ok ok ok " BOB " ok " CAROL " " CAROL);
}

static void queried(FILE *out, void *argument)
{
    IWire *proxy = opened(), *own = wire_object_new();
    DWORD service, authz, authn, level, capabilities;
    LPOLESTR principal = NULL;
    void *info = out;
    wire_say_result(out, CoQueryProxyBlanket((IUnknown *)proxy, &service, &authz, &principal, &authn, &level,
                                             &info, &capabilities));
    char *name = wire_narrow(principal);
    fprintf(out, "%u-%u-%s-%u-%u-%s-%x ", service, authz, name, authn, level, info ? "list" : "null",
            capabilities);
    free(name);
    CoTaskMemFree(principal);
    wire_say_result(out, CoQueryProxyBlanket((IUnknown *)own, NULL, NULL, NULL, NULL, NULL, NULL, NULL));
    IWire_Release(proxy);
    IWire_Release(own);
}

static void PB_18_the_blanket_can_be_asked_for(void **state)
{
    wire_expect(&by_static, queried, NULL, "ok 16-0-host/a.lab.test@LAB.TEST-6-3-null-20 0x80004002");
    wire_expect(&with_identity, queried, NULL, "ok 16-0-host/a.lab.test@LAB.TEST-6-3-list-0 0x80004002");
}

static int setup(void **state)
{
    wire_users((const char *const[]){"carol", "dave"}, 2);
    wire_admin("cpw -pw " WIRE_PASSWORD " bob");
    wire_server_start(&server, "a", WIRE_NONE, "none", "mta");
    return 0;
}

static int teardown(void **state)
{
    return wire_server_stop(&server) == WIRE_ALL_RELEASED ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(PB_3_IUnknown_has_a_blanket_of_its_own), /* before bob has a ticket */
        cmocka_unit_test(CLK_3_captures_again_at_each_SetBlanket),
        cmocka_unit_test(PB_2_a_blanket_is_one_interface_s),
        cmocka_unit_test(PB_2_a_blanket_is_shared_by_all_holders),
        cmocka_unit_test(PB_2_returned_pointers_are_not_cloaked),
        cmocka_unit_test(REF_3_IUnknown_goes_as_the_process_otherwise),
        cmocka_unit_test(PB_3_IMultiQI_uses_IUnknown_s_blanket),
        cmocka_unit_test(PB_3_local_interfaces_have_none),
        cmocka_unit_test(PB_4_secure_references_have_no_blanket),
        cmocka_unit_test(PB_6_the_last_release_goes_as_the_process),
        cmocka_unit_test(PB_6_a_release_that_is_refused_is_run_down),
        cmocka_unit_test(CLK_8_a_weak_token_is_not_shown),
        cmocka_unit_test(CLK_8_a_refused_call_captures_nothing),
        cmocka_unit_test(PB_7_LVL_1_RPC_5_levels_are_assigned),
        cmocka_unit_test(PB_9_no_service_and_no_level_go_together),
        cmocka_unit_test(PB_12_NULL_keeps_the_principal),
        cmocka_unit_test(PB_13_RPC_10_the_explicit_identity_is_shown),
        cmocka_unit_test(PB_14_cloaking_and_an_identity_exclude_each_other),
        cmocka_unit_test(PB_15_six_capabilities_are_accepted),
        cmocka_unit_test(PB_16_all_defaults_are_the_process_s),
        cmocka_unit_test(CIS_2_LVL_8_security_is_chosen_once),
        cmocka_unit_test(PB_17_a_copy_has_the_default_blanket),
        cmocka_unit_test(PB_17_IUnknown_is_not_copied),
        cmocka_unit_test(PB_18_the_blanket_can_be_asked_for),
        cmocka_unit_test(PB_21_another_apartment_begins_with_defaults),
    };
    return cmocka_run_group_tests_name("com-proxy", tests, setup, teardown);
}
