/* SPDX-License-Identifier: Apache-2.0 */
/* NTLM by its number in COM: explicit identities in SetBlanket and COAUTHINFO, what it cannot do, and that a
 * caller by NTLM goes no further than the server it called. */
#include "tests/realm/com-fixture.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <winerror.h>

#define SECRET_MAX 64

/* A client without COM of its own: alice of Kerberos, whom no call by NTLM may show. */
static const WireSide alice = {.level = RPC_C_IMP_LEVEL_IMPERSONATE};

static WireServer servers[3];

static void read_password(const char *user, char ret_password[SECRET_MAX])
{
    char *path = wire_path("users/%s.password", user);
    FILE *file = fopen(path, "re");
    free(path);
    if (!file || !fgets(ret_password, SECRET_MAX, file)) abort();
    ret_password[strcspn(ret_password, "\n")] = '\0';
    fclose(file);
}

/* One call after SetBlanket by NTLM. */
typedef struct Ask {
    const char *user, *domain, *password; /* user NULL: no identity; password NULL: the right one */
    DWORD service, level, impersonation, capabilities;
    bool hash;
    unsigned index;
    const char *steps; /* NULL: who it is */
} Ask;

static const Ask bob = {.user = "bob",
                        .domain = "LAB",
                        .service = RPC_C_AUTHN_WINNT,
                        .level = RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                        .impersonation = RPC_C_IMP_LEVEL_IMPERSONATE};

static void fill(const Ask *ask, SEC_WINNT_AUTH_IDENTITY_A *ret_identity, char password[SECRET_MAX])
{
    if (ask->password)
        snprintf(password, SECRET_MAX, "%s", ask->password);
    else
        read_password(ask->user, password);
    *ret_identity = (SEC_WINNT_AUTH_IDENTITY_A){.User = (unsigned char *)ask->user,
                                                .UserLength = (ULONG)strlen(ask->user),
                                                .Domain = (unsigned char *)ask->domain,
                                                .DomainLength = (ULONG)strlen(ask->domain),
                                                .Password = (unsigned char *)password,
                                                .PasswordLength = (ULONG)strlen(password),
                                                .Flags = SEC_WINNT_AUTH_IDENTITY_ANSI |
                                                         (ask->hash ? MANTLE_AUTH_IDENTITY_NT_HASH : 0)};
}

static void ask_it(FILE *out, void *argument)
{
    const Ask *ask = argument;
    SEC_WINNT_AUTH_IDENTITY_A identity;
    char password[SECRET_MAX];
    IWire *proxy = NULL;

    HRESULT hr = wire_open("a", ask->index, 0, &proxy);
    if (FAILED(hr)) return wire_say_result(out, hr);
    if (ask->user) fill(ask, &identity, password);
    hr = CoSetProxyBlanket((IUnknown *)proxy, ask->service, RPC_C_AUTHZ_NONE, COLE_DEFAULT_PRINCIPAL,
                           ask->level, ask->impersonation, ask->user ? &identity : NULL, ask->capabilities);
    wire_say_result(out, hr);
    if (SUCCEEDED(hr)) {
        char *steps = ask->steps ? strdup(ask->steps) : NULL;
        wire_say(out, steps ? wire_run(proxy, steps, NULL) : wire_who(proxy));
        free(steps);
    }
    IWire_Release(proxy);
}

static void expect(const Ask *ask, const char *expected)
{
    wire_expect(&alice, ask_it, (void *)ask, expected);
}

static void who_the_file_of_users_says(void **state)
{
    Ask ask = bob;
    expect(&ask, "ok LAB\\bob/impersonate/privacy");
    ask.level = RPC_C_AUTHN_LEVEL_PKT_INTEGRITY;
    expect(&ask, "ok LAB\\bob/impersonate/integrity");
    ask.domain = "lab";
    expect(&ask, "ok LAB\\bob/impersonate/integrity");
}

/* Negotiate takes Kerberos where there is a KDC for the name, and NTLM where there is none, but not to
 * delegate. */
static void CIS_10_Negotiate_takes_NTLM_where_there_is_no_KDC(void **state)
{
    Ask ask = bob;
    ask.service = RPC_C_AUTHN_GSS_NEGOTIATE;
    ask.domain = "LAB.TEST";
    expect(&ask, "ok bob/impersonate/privacy");
    ask.password = "wrong"; /* the KDC has the last word */
    expect(&ask, "ok 0x8007052E");
    ask.password = NULL;
    ask.domain = "LAB";
    expect(&ask, "ok LAB\\bob/impersonate/privacy");
    ask.impersonation = RPC_C_IMP_LEVEL_IDENTIFY;
    expect(&ask, "ok LAB\\bob/identify/privacy");
    ask.impersonation = RPC_C_IMP_LEVEL_DELEGATE;
    expect(&ask, "ok 0x8009030E");
    ask.user = NULL; /* the process: a ticket, and no password */
    expect(&ask, "ok alice/delegate/privacy");
}

static void LVL_7_identify(void **state)
{
    Ask ask = bob;
    ask.impersonation = RPC_C_IMP_LEVEL_IDENTIFY;
    expect(&ask, "ok LAB\\bob/identify/privacy");
}

static void a_hash_instead_of_the_password(void **state)
{
    Ask ask = bob;
    ask.hash = true;
    ask.user = "hashed";
    ask.password = "a4f49c406510bdcab6824ee7c30fd852";
    expect(&ask, "ok LAB\\hashed/impersonate/privacy");
    ask.password = "a4f49c406510bdcab6824ee7c30fd853";
    expect(&ask, "ok 0x80070005");
    ask.password = "not a hash";
    expect(&ask, "0x80070057");
    ask.password = "a4f49c406510bdcab6824ee7c30fd852";
    ask.service = RPC_C_AUTHN_GSS_KERBEROS;
    expect(&ask, "0x80070057");
}

/* Nobody else's identity takes the place of one that is refused. */
static void a_wrong_identity_is_refused(void **state)
{
    Ask ask = bob;
    ask.password = "wrong";
    expect(&ask, "ok 0x80070005");
    ask.user = "carol";
    expect(&ask, "ok 0x80070005");
    ask = bob;
    ask.domain = "EVIL";
    expect(&ask, "ok 0x80070005");
}

static void without_a_password_there_is_nothing_to_show(void **state)
{
    Ask ask = bob;
    ask.user = NULL;
    expect(&ask, "ok 0x8009030E");
}

static void PB_10_DEL_11_no_delegation(void **state)
{
    Ask ask = bob;
    ask.impersonation = RPC_C_IMP_LEVEL_DELEGATE;
    expect(&ask, "0x80070057");
}

static void RPC_6_mutual_authentication_is_refused(void **state)
{
    Ask ask = bob;
    ask.capabilities = EOAC_MUTUAL_AUTH;
    expect(&ask, "ok 0x80070721");
    ask.service = RPC_C_AUTHN_GSS_NEGOTIATE; /* which would end with NTLM */
    expect(&ask, "ok 0x80070721");
    ask.domain = "LAB.TEST"; /* and here with Kerberos */
    expect(&ask, "ok bob/impersonate/privacy");
    ask.service = RPC_C_AUTHN_GSS_KERBEROS;
    ask.user = NULL;
    expect(&ask, "ok alice/impersonate/privacy");
}

/* The server may act for its caller on its own machine, and shows nobody else where it cannot. */
static void CLK_15_a_caller_by_NTLM_goes_no_further(void **state)
{
    Ask ask = bob;
    ask.index = WIRE_DYNAMIC;
    ask.steps = "who impersonate level cloaked:b:0 revert level";
    expect(&ask, "ok LAB\\bob/impersonate/privacy ok impersonate 0x8009030E ok -");
    ask.steps = "open:b:0 impersonate blanket:dynamic:impersonate call revert call";
    expect(&ask, "ok ok ok ok 0x8009030E ok host-a/impersonate/privacy");
}

static void activate_it(FILE *out, void *argument)
{
    const Ask *ask = argument;
    SEC_WINNT_AUTH_IDENTITY_A identity;
    char password[SECRET_MAX];
    CLSID class = WIRE_CLSID(WIRE_NONE);
    MULTI_QI wanted = {.pIID = &IID_IWire};

    fill(ask, &identity, password);
    COAUTHINFO info = {.dwAuthnSvc = ask->service,
                       .dwAuthzSvc = RPC_C_AUTHZ_NONE,
                       .dwAuthnLevel = ask->level,
                       .dwImpersonationLevel = ask->impersonation,
                       .dwCapabilities = ask->capabilities,
                       .pAuthIdentityData = (COAUTHIDENTITY *)&identity};
    COSERVERINFO server = {.pwszName = wire_wide("a"), .pAuthInfo = &info};
    HRESULT hr = CoCreateInstanceEx(&class, NULL, CLSCTX_REMOTE_SERVER, &server, 1, &wanted);
    wire_say_result(out, hr);
    if (SUCCEEDED(hr)) IWire_Release((IWire *)wanted.pItf);
    CoTaskMemFree(server.pwszName);
}

static void ACT_4_activation_by_another_identity(void **state)
{
    Ask ask = bob;
    wire_expect(&alice, activate_it, &ask, "ok");
    ask.password = "wrong";
    wire_expect(&alice, activate_it, &ask, "0x80070005");
    ask = bob;
    for (unsigned i = 0; i < 2; i++) { /* RPC-6 */
        ask.service = i ? RPC_C_AUTHN_GSS_NEGOTIATE : RPC_C_AUTHN_WINNT;
        ask.capabilities = 0;
        wire_expect(&alice, activate_it, &ask, "ok");
        ask.capabilities = RPC_C_QOS_CAPABILITIES_MUTUAL_AUTH;
        wire_expect(&alice, activate_it, &ask, "0x80070721");
    }
}

static int setup(void **state)
{
    char *path = wire_path("ntlm-users");
    FILE *file = fopen(path, "ae");
    free(path);
    if (!file ||
        fputs("LAB\\hashed:1:XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX:A4F49C406510BDCAB6824EE7C30FD852:[U]:\n",
              file) < 0 ||
        fclose(file) != 0)
        return -1;
    wire_server_start(&servers[0], "a", WIRE_NONE, "none", "mta");
    wire_server_start(&servers[1], "a", WIRE_DYNAMIC, "dynamic", "mta");
    wire_server_start(&servers[2], "b", WIRE_NONE, "none", "mta");
    return 0;
}

static int teardown(void **state)
{
    int left = 0;
    for (unsigned i = 0; i < 3; i++)
        left += wire_server_stop(&servers[i]) != WIRE_ALL_RELEASED;
    return left ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_the_file_of_users_says),
        cmocka_unit_test(CIS_10_Negotiate_takes_NTLM_where_there_is_no_KDC),
        cmocka_unit_test(LVL_7_identify),
        cmocka_unit_test(a_hash_instead_of_the_password),
        cmocka_unit_test(a_wrong_identity_is_refused),
        cmocka_unit_test(without_a_password_there_is_nothing_to_show),
        cmocka_unit_test(PB_10_DEL_11_no_delegation),
        cmocka_unit_test(RPC_6_mutual_authentication_is_refused),
        cmocka_unit_test(CLK_15_a_caller_by_NTLM_goes_no_further),
        cmocka_unit_test(ACT_4_activation_by_another_identity),
    };
    return cmocka_run_group_tests_name("com-ntlm", tests, setup, teardown);
}
