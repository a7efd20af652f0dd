/* SPDX-License-Identifier: Apache-2.0 */
/* Who activates. The KDC's log is the witness: whoever activated on host a got a ticket for RPCSS/a. */
#include "tests/realm/com-fixture.h"
#include <rpcdce.h>
#include <stdlib.h>
#include <string.h>
#include <winerror.h>

#define IMPERSONATE RPC_C_IMP_LEVEL_IMPERSONATE
#define ALICE       "alice/impersonate/privacy"
#define WEAK        "0x80070542"

static const WireSide plain = {.level = IMPERSONATE},
                      by_static = {.level = IMPERSONATE, .cloaking = EOAC_STATIC_CLOAKING},
                      by_dynamic = {.level = IMPERSONATE, .cloaking = EOAC_DYNAMIC_CLOAKING};
static WireServer server;

/* One activation, as somebody who never activated before in this lab: each case has users of its own. */
typedef struct Case {
    const char *user; /* of the thread's token; NULL: none */
    DWORD context;
    const COAUTHINFO *info; /* NULL: none */
    const char *identity;   /* of pAuthIdentityData; NULL: none */
    const char *password;
    bool weak; /* the token is at IDENTIFY */
} Case;

static HRESULT activate(const Case *scene, IWire **ret_proxy)
{
    SEC_WINNT_AUTH_IDENTITY_W identity;
    COAUTHINFO info = scene->info ? *scene->info : (COAUTHINFO){0};
    COSERVERINFO where = {.pwszName = u"a", .pAuthInfo = scene->info ? &info : NULL};
    MULTI_QI wanted = {.pIID = &IID_IWire};
    CLSID class = WIRE_CLSID(WIRE_NONE);
    if (scene->identity) {
        wire_identity(&identity, scene->identity, scene->password ? scene->password : WIRE_PASSWORD);
        info.pAuthIdentityData = (COAUTHIDENTITY *)&identity;
    }
    HRESULT hr = CoCreateInstanceEx(&class, NULL, CLSCTX_REMOTE_SERVER | scene->context, &where, 1, &wanted);
    *ret_proxy = (IWire *)wanted.pItf;
    return hr;
}

/* The result; who of {the thread's user, the explicit identity} has a ticket for a's resolver; whom a call
 * shows. */
static void play(FILE *out, void *argument)
{
    const Case *scene = argument;
    IWire *proxy = NULL;
    if (scene->user && scene->weak)
        wire_become_at(scene->user, SecurityIdentification);
    else
        wire_become(scene->user);
    HRESULT hr = activate(scene, &proxy);
    wire_say_result(out, hr);
    bool thread = scene->user && wire_tickets(scene->user, "RPCSS/a");
    bool identity = scene->identity && wire_tickets(scene->identity, "RPCSS/a");
    fprintf(out, "%s ", identity ? "identity" : thread ? "thread" : "process");
    wire_become(NULL);
    if (!proxy) return;
    wire_say(out, wire_who(proxy));
    IWire_Release(proxy);
}

static void check(const WireSide *side, Case scene, const char *expected)
{
    wire_expect(side, play, &scene, expected);
}

#define CLOAKED CLSCTX_ENABLE_CLOAKING

static void ACT_1_the_process_s_cloaking_counts_either_way(void **state)
{
    check(&plain, (Case){.user = "u1"}, "ok process " ALICE);
    check(&by_static, (Case){.user = "u2"}, "ok thread " ALICE);
    check(&by_dynamic, (Case){.user = "u3"}, "ok thread " ALICE);
    check(&by_static, (Case){.user = NULL}, "ok process " ALICE);
}

/* There is no capture-once: what an earlier activation showed is over. */
static void not_captured(FILE *out, void *argument)
{
    Case scene = {.user = "u4"};
    play(out, &scene);
    scene.user = "u5";
    play(out, &scene);
}

static void ACT_1_nothing_is_captured(void **state)
{
    wire_expect(&by_static, not_captured, NULL, "ok thread " ALICE " ok thread " ALICE);
}

static void ACT_2_ENABLE_CLOAKING_counts_for_one_activation(void **state)
{
    check(&plain, (Case){.user = "u6", .context = CLOAKED}, "ok thread " ALICE);
    check(&plain, (Case){.user = "u7"}, "ok process " ALICE);
    check(&plain, (Case){.context = CLOAKED}, "ok process " ALICE);
}

static void CLK_8_a_weak_token_does_not_activate(void **state)
{
    check(&plain, (Case){.user = "u8", .context = CLOAKED, .weak = true}, WEAK " process");
    check(&by_static, (Case){.user = "u8", .weak = true}, WEAK " process");
    check(&by_dynamic, (Case){.user = "u8", .weak = true}, WEAK " process");
    check(&plain, (Case){.user = "u8", .weak = true}, "ok process " ALICE);
    assert_int_equal(wire_tickets("u8", ""), 0);
}

static const COAUTHINFO good = {
    RPC_C_AUTHN_GSS_KERBEROS, RPC_C_AUTHZ_NONE, NULL, RPC_C_AUTHN_LEVEL_PKT_INTEGRITY, IMPERSONATE, NULL, 0};

static void ACT_3_the_identity_is_for_the_activation_only(void **state)
{
    check(&plain, (Case){.identity = "i1", .info = &good}, "ok identity " ALICE);
    check(&plain, (Case){.user = "u9", .context = CLOAKED, .identity = "i2", .info = &good},
          "ok identity " ALICE);
    check(&plain, (Case){.identity = "i3", .info = &good, .password = "wrong"}, "0x8007052E process");
}

static COAUTHINFO with(DWORD authz, const WCHAR *principal, DWORD level, DWORD capabilities)
{
    COAUTHINFO info = good;
    info.dwAuthzSvc = authz;
    info.pwszServerPrincName = (WCHAR *)principal;
    info.dwImpersonationLevel = level;
    info.dwCapabilities = capabilities;
    return info;
}

static void ACT_4_bad_values_are_replaced_by_defaults(void **state)
{
    static WCHAR half_a_character[] = {u'h', 0xD800, 0};
    const COAUTHINFO infos[] = {
        with(77, NULL, IMPERSONATE, 0),
        with(RPC_C_AUTHZ_NONE, half_a_character, IMPERSONATE, 0),
        with(RPC_C_AUTHZ_NONE, u"", IMPERSONATE, 0),
        with(RPC_C_AUTHZ_NONE, NULL, RPC_C_IMP_LEVEL_IDENTIFY, 0),
        with(RPC_C_AUTHZ_NONE, NULL, 99, 0),
        with(RPC_C_AUTHZ_NONE, NULL, IMPERSONATE, 0xFFFF0000),
        with(RPC_C_AUTHZ_NONE, NULL, IMPERSONATE, RPC_C_QOS_CAPABILITIES_MUTUAL_AUTH),
    };
    for (size_t i = 0; i < sizeof(infos) / sizeof(*infos); i++)
        check(&plain, (Case){.info = &infos[i]}, "ok process " ALICE);
    /* Cloaking is no capability here: it is asked for by the context or the process. */
    const COAUTHINFO cloaked[] = {with(RPC_C_AUTHZ_NONE, NULL, IMPERSONATE, EOAC_STATIC_CLOAKING),
                                  with(RPC_C_AUTHZ_NONE, NULL, IMPERSONATE, EOAC_DYNAMIC_CLOAKING)};
    check(&plain, (Case){.user = "u10", .info = &cloaked[0]}, "ok process " ALICE);
    check(&plain, (Case){.user = "u10", .info = &cloaked[1]}, "ok process " ALICE);
    check(&plain, (Case){.user = "u10", .info = &good, .context = CLOAKED}, "ok thread " ALICE);
}

static void ACT_4_bad_services_and_levels_are_reported(void **state)
{
    COAUTHINFO info = good;
    info.dwAuthnSvc = RPC_C_AUTHN_GSS_SCHANNEL;
    check(&plain, (Case){.info = &info}, "0x800706D3 process");
    info = good;
    info.dwAuthnLevel = 7;
    check(&plain, (Case){.info = &info}, "0x80070057 process");
    info = with(RPC_C_AUTHZ_NONE, u"RPCSS/nowhere.lab.test", IMPERSONATE, 0); /* a name, only a wrong one */
    check(&plain, (Case){.info = &info}, "0x80090303 process");
}

static void ACT_11_unsecured_activation_is_asked_for_plainly(void **state)
{
    COAUTHINFO info = good;
    info.dwAuthnLevel = RPC_C_AUTHN_LEVEL_NONE;
    check(&plain, (Case){.info = &info}, "0x80070005 process"); /* mantled's floor */
    info.dwImpersonationLevel = RPC_C_IMP_LEVEL_IDENTIFY;
    check(&plain, (Case){.info = &info}, "0x800706BA process");
}

/* A class object by itself is an object like others; an activation is mantled's affair (DEVIATIONS 1). */
static void made_by(FILE *out, void *argument)
{
    CLSID class = WIRE_CLSID(WIRE_NONE);
    COSERVERINFO where = {.pwszName = u"a"};
    IClassFactory *factory = NULL;
    IWire *made = NULL, *activated = NULL;
    wire_say_result(
        out, CoGetClassObject(&class, CLSCTX_REMOTE_SERVER, &where, &IID_IClassFactory, (void **)&factory));
    wire_say_result(out, wire_blanket(factory, IMPERSONATE, EOAC_DYNAMIC_CLOAKING));
    wire_become("u1");
    wire_say_result(out, IClassFactory_CreateInstance(factory, NULL, &IID_IWire, (void **)&made));
    wire_say(out, wire_run(made, "who made", NULL));
    wire_become(NULL);
    wire_say_result(out, wire_open("a", WIRE_NONE, 0, &activated));
    wire_say(out, wire_run(activated, "who made", NULL));
    IWire_Release(activated);
    IWire_Release(made);
    IClassFactory_Release(factory);
}

static void DEV_1_a_class_object_sees_who_calls_it(void **state)
{
    wire_expect(&plain, made_by, NULL, "ok ok ok " ALICE " u1/impersonate/privacy ok " ALICE " 0x80010117");
}

static int setup(void **state)
{
    static const char *const users[] = {"u1", "u2", "u3",  "u4", "u5", "u6", "u7",
                                        "u8", "u9", "u10", "i1", "i2", "i3"};
    wire_users(users, sizeof(users) / sizeof(*users));
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
        cmocka_unit_test(ACT_1_the_process_s_cloaking_counts_either_way),
        cmocka_unit_test(ACT_1_nothing_is_captured),
        cmocka_unit_test(ACT_2_ENABLE_CLOAKING_counts_for_one_activation),
        cmocka_unit_test(CLK_8_a_weak_token_does_not_activate),
        cmocka_unit_test(ACT_3_the_identity_is_for_the_activation_only),
        cmocka_unit_test(ACT_4_bad_values_are_replaced_by_defaults),
        cmocka_unit_test(ACT_4_bad_services_and_levels_are_reported),
        cmocka_unit_test(DEV_1_a_class_object_sees_who_calls_it),
        cmocka_unit_test(ACT_11_unsecured_activation_is_asked_for_plainly),
    };
    return cmocka_run_group_tests_name("com-activation", tests, setup, teardown);
}
