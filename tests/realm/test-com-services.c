/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The services that a process registers by name (asAuthSvc): mantled publishes them and no others, and who
 * comes by another one is refused. The lab has NTLM, so that there are three to choose from.
 */
#include "tests/realm/com-fixture.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "com/proxy.h"

#define KERBEROS        RPC_C_AUTHN_GSS_KERBEROS
#define NEGOTIATE       RPC_C_AUTHN_GSS_NEGOTIATE
#define NTLM            RPC_C_AUTHN_WINNT
#define SERVICES        3
#define ALICE           "alice/impersonate/privacy"
#define BOB             "LAB\\bob/impersonate/privacy" /* by NTLM */
#define UNKNOWN         "0x800706D3"                   /* RPC_S_UNKNOWN_AUTHN_SERVICE */
#define NOTHING_TO_SHOW "0x8009030E"                   /* SEC_E_NO_CREDENTIALS: alice has no password here */

static const WireSide plain = {.level = RPC_C_IMP_LEVEL_IMPERSONATE}, silent_host = {.host = "a"};
static int gate[2]; /* a server serves until it is closed */

/* The server */

typedef struct Registered {
    DWORD services[SERVICES];
    const OLECHAR *principal; /* of each; NULL: the process's own */
} Registered;

static void serve(FILE *out, void *argument)
{
    const Registered *wanted = argument;
    CLSID class = WIRE_CLSID(WIRE_NONE);
    SOLE_AUTHENTICATION_SERVICE services[SERVICES] = {0};
    DWORD cookie;
    LONG count = 0;
    char end;
    close(gate[1]);
    for (; count < SERVICES && wanted->services[count]; count++)
        services[count] = (SOLE_AUTHENTICATION_SERVICE){.dwAuthnSvc = wanted->services[count],
                                                        .pPrincipalName = (OLECHAR *)wanted->principal};
    wire_say_result(out, CoInitializeSecurity(NULL, count, services, NULL, RPC_C_AUTHN_LEVEL_CONNECT,
                                              RPC_C_IMP_LEVEL_IMPERSONATE, NULL, EOAC_NONE, NULL));
    wire_say_result(out, CoRegisterClassObject(&class, (IUnknown *)&wire_factory, CLSCTX_LOCAL_SERVER,
                                               REGCLS_MULTIPLEUSE, &cookie));
    fflush(out);
    while (read(gate[0], &end, 1) > 0)
        ;
    if (FAILED(CoRevokeClassObject(cookie))) abort();
}

/* Clients */

/* What the exporter's bindings, as mantled gave them with the activation, name: "16 9". */
static void say_published(FILE *out, IWire *proxy)
{
    ProxyInterface *iface = NULL;
    BindingsWalk walk = {0};
    uint16_t service;
    char principal[BINDING_ADDRESS_SIZE];
    if (!proxy_of((IUnknown *)proxy, &iface) || !iface) abort();
    while (
        bindings_next_security(remote_exporter_bindings(iface->object->exporter), &walk, &service, principal))
        fprintf(out, "%u%s ", service, strncmp(principal, "host/a.", 7) == 0 ? "" : "?");
}

static HRESULT by(IWire *proxy, DWORD service, SEC_WINNT_AUTH_IDENTITY_W *identity)
{
    return CoSetProxyBlanket((IUnknown *)proxy, service, RPC_C_AUTHZ_NONE, COLE_DEFAULT_PRINCIPAL,
                             RPC_C_AUTHN_LEVEL_PKT_PRIVACY, RPC_C_IMP_LEVEL_IMPERSONATE, identity, EOAC_NONE);
}

/* "LAB" is no realm with a KDC: Negotiate comes to NTLM for him. */
static void bob_of_the_domain(SEC_WINNT_AUTH_IDENTITY_W *identity)
{
    static unsigned short domain[] = u"LAB", password[64];
    char *path = wire_path("users/bob.password"), line[64] = "";
    FILE *file = fopen(path, "re");
    free(path);
    if (!file || !fgets(line, sizeof(line), file)) abort();
    fclose(file);
    wire_identity(identity, "bob", "");
    identity->Domain = domain;
    identity->DomainLength = 3;
    identity->PasswordLength = (ULONG)strcspn(line, "\n");
    for (ULONG i = 0; i < identity->PasswordLength; i++)
        password[i] = (unsigned char)line[i];
    identity->Password = password;
}

static void call_by_each(FILE *out, void *argument)
{
    static const DWORD services[] = {KERBEROS, NEGOTIATE};
    SEC_WINNT_AUTH_IDENTITY_W bob;
    IWire *proxy = NULL;
    DWORD chosen = 0;
    wire_say_result(out, wire_open("a", WIRE_NONE, 0, &proxy));
    if (!proxy) return;
    say_published(out, proxy);
    fputs("- ", out);
    if (FAILED(CoQueryProxyBlanket((IUnknown *)proxy, &chosen, NULL, NULL, NULL, NULL, NULL, NULL))) abort();
    fprintf(out, "%u ", (unsigned)chosen);
    wire_say(out, wire_who(proxy));
    for (unsigned i = 0; i < sizeof(services) / sizeof(*services); i++) {
        wire_say_result(out, by(proxy, services[i], NULL));
        wire_say(out, wire_who(proxy));
    }
    bob_of_the_domain(&bob);
    wire_say_result(out, by(proxy, NTLM, &bob));
    wire_say(out, wire_who(proxy));
    wire_say_result(out, by(proxy, NEGOTIATE, &bob));
    wire_say(out, wire_who(proxy));
    IWire_Release(proxy);
}

/* What is expected: published - chosen, its caller; Kerberos, Negotiate, NTLM, Negotiate with NTLM in it. */
static void registers(const Registered *registered, WireBody client, const char *expected)
{
    WireProcess server;
    char ready[64] = "";
    size_t length = 0;
    assert_int_equal(pipe(gate), 0);
    wire_in_background(&server, &silent_host, serve, (void *)registered);
    close(gate[0]);
    while (length < strlen("ok ok ") && read(server.output, ready + length, 1) == 1)
        length++;
    assert_string_equal(ready, "ok ok ");
    wire_expect(&plain, client, NULL, expected);
    close(gate[1]);
    free(wire_join(&server));
}

static void CIS_5_CIS_7_NEG_1_only_Negotiate(void **state)
{
    registers(&(Registered){.services = {NEGOTIATE}}, call_by_each,
              "ok 9 - 9 " ALICE " ok " UNKNOWN " ok " ALICE " ok " UNKNOWN " ok " BOB);
}

static void CIS_5_CIS_7_NEG_1_only_Kerberos(void **state)
{
    registers(&(Registered){.services = {KERBEROS}}, call_by_each,
              "ok 16 - 16 " ALICE " ok " ALICE " ok " UNKNOWN " ok " UNKNOWN " ok " UNKNOWN);
}

static void CIS_5_NEG_1_only_NTLM(void **state)
{
    registers(&(Registered){.services = {NTLM}}, call_by_each,
              "ok 10 - 10 " NOTHING_TO_SHOW " ok " UNKNOWN " ok " UNKNOWN " ok " BOB " ok " UNKNOWN);
}

static void CIS_5_CIS_6_two_of_three(void **state)
{
    registers(&(Registered){.services = {NTLM, KERBEROS}}, call_by_each,
              "ok 16 10 - 16 " ALICE " ok " ALICE " ok " UNKNOWN " ok " BOB " ok " UNKNOWN);
}

/* A name that the process registered is published in place of its own, and is what tickets are for. */
static void call_by_name(FILE *out, void *argument)
{
    IWire *proxy = NULL;
    LPOLESTR name = NULL;
    wire_say_result(out, wire_open("a", WIRE_NONE, 0, &proxy));
    if (!proxy) return;
    if (FAILED(CoQueryProxyBlanket((IUnknown *)proxy, NULL, NULL, &name, NULL, NULL, NULL, NULL))) abort();
    wire_say(out, wire_narrow(name));
    CoTaskMemFree(name);
    wire_say(out, wire_run(proxy, "server who", NULL));
    IWire_Release(proxy);
}

static void CIS_7_a_name_that_was_registered(void **state)
{
    registers(&(Registered){.services = {KERBEROS}}, call_by_name,
              "ok host/a.lab.test@LAB.TEST host/a.lab.test@LAB.TEST " ALICE);
    registers(&(Registered){.services = {KERBEROS}, .principal = u"RPCSS/a.lab.test"}, call_by_name,
              "ok RPCSS/a.lab.test RPCSS/a.lab.test@LAB.TEST " ALICE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(CIS_5_CIS_7_NEG_1_only_Negotiate),
        cmocka_unit_test(CIS_5_CIS_7_NEG_1_only_Kerberos),
        cmocka_unit_test(CIS_5_NEG_1_only_NTLM),
        cmocka_unit_test(CIS_7_a_name_that_was_registered),
        cmocka_unit_test(CIS_5_CIS_6_two_of_three),
    };
    return cmocka_run_group_tests_name("com-services", tests, NULL, NULL);
}
