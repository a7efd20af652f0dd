/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls within one machine, from process to process, without a realm: a machine with two servers, and this
 * process as their client. None has a credential; who calls is what the kernel says.
 */
#define COBJMACROS
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/time.h"
#include "base/utf16.h"
#include "com/local.h"
#include "com/marshal.h"
#include "com/runtime.h"
#include "com/testing-machine.h"
#include "com/testing-party.h"
#include "com/thread.h"
#include "rpcdce.h"
#include "sec/local-token.h"
#include "winerror.h"

#define PATIENCE 600 /* times 50 ms */

static const CLSID CLSID_OTHER = {0x9a47, 1, 1, {11}};
static Machine machine = {.local = true};
static MachineProcess server, other;
static DWORD cookie;

static int serve_class(const CLSID *clsid)
{
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    /* No descriptor: nobody's calls, too (CIS-14). What is not said keeps them out (CIS-18). */
    if (SUCCEEDED(hr))
        hr = CoInitializeSecurity(NULL, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_DEFAULT, RPC_C_IMP_LEVEL_IDENTIFY,
                                  NULL, EOAC_NONE, NULL);
    if (SUCCEEDED(hr))
        hr = CoRegisterClassObject(clsid, (IUnknown *)&party_factory, CLSCTX_LOCAL_SERVER, REGCLS_MULTIPLEUSE,
                                   &cookie);
    return FAILED(hr);
}

static int serve(void)
{
    return serve_class(&CLSID_PARTY);
}

static int serve_other(void)
{
    return serve_class(&CLSID_OTHER);
}

static int leave(void)
{
    HRESULT hr = CoRevokeClassObject(cookie);
    CoUninitialize();
    return FAILED(hr) || party_count() != 0;
}

static IParty *create(const CLSID *clsid)
{
    IParty *party = NULL;
    assert_int_equal(CoCreateInstance(clsid, NULL, CLSCTX_LOCAL_SERVER, &IID_IParty, (void **)&party), S_OK);
    return party;
}

static IPartyName *name_of(IParty *party)
{
    IPartyName *name = NULL;
    assert_int_equal(IParty_QueryInterface(party, &IID_IPartyName, (void **)&name), S_OK);
    return name;
}

typedef struct Seen {
    ULONG service, level, impersonation;
    char name[128];
} Seen;

static HRESULT ask(IPartyName *name, Seen *seen)
{
    LPWSTR text = NULL;
    memset(seen, 0, sizeof(*seen));
    HRESULT hr = IPartyName_Caller(name, &seen->service, &seen->level, &seen->impersonation, &text);
    for (size_t i = 0; text && text[i] && i < sizeof(seen->name) - 1; i++)
        seen->name[i] = (char)text[i];
    CoTaskMemFree(text);
    return hr;
}

/* The server sees this process's account, privately, at a SECURITY_IMPERSONATION_LEVEL. */
static void assert_seen(IPartyName *name, ULONG impersonation)
{
    Seen seen;
    Token *self;
    assert_int_equal(ask(name, &seen), S_OK);
    assert_int_equal(local_self(&self), S_OK);
    assert_int_equal(seen.service, RPC_C_AUTHN_WINNT);
    assert_int_equal(seen.level, RPC_C_AUTHN_LEVEL_PKT_PRIVACY);
    assert_int_equal(seen.impersonation, impersonation);
    assert_string_equal(seen.name, token_principal(self));
    assert_non_null(strchr(seen.name, '\\'));
}

static HRESULT set(IPartyName *name, DWORD service, DWORD level, DWORD impersonation, void *identity,
                   DWORD capabilities)
{
    return CoSetProxyBlanket((IUnknown *)name, service, RPC_C_AUTHZ_NONE, COLE_DEFAULT_PRINCIPAL, level,
                             impersonation, identity, capabilities);
}

static unsigned sockets(void)
{
    char path[96];
    unsigned count = 0;
    snprintf(path, sizeof(path), "%s/local", machine.folder);
    DIR *directory = opendir(path);
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory));)
        count += strlen(entry->d_name) == 16;
    closedir(directory);
    return count;
}

static int setup(void **state)
{
    (void)state;
    unsetenv("KRB5CCNAME");
    machine_start(&machine);
    machine_process_start(&machine, serve, leave, &server);
    machine_process_start(&machine, serve_other, leave, &other);
    machine_enter(&machine);
    assert_int_equal(CoInitializeEx(NULL, COINIT_MULTITHREADED), S_OK);
    return CoInitializeSecurity(NULL, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_DEFAULT, RPC_C_IMP_LEVEL_IMPERSONATE,
                                NULL, EOAC_NONE, NULL) != S_OK;
}

static int teardown(void **state)
{
    (void)state;
    CoUninitialize();
    assert_int_equal(machine_process_stop(&server), 0);
    assert_int_equal(machine_process_stop(&other), 0);
    assert_int_equal(sockets(), 0); /* they went with who listened */
    machine_stop(&machine);
    return 0;
}

/* RPC-5, WMI-8: private and by NTLM, whatever was negotiated or asked for. */
static void RPC_5_local_calls(void **state)
{
    IParty *party = create(&CLSID_PARTY);
    IPartyName *name = name_of(party);
    DWORD service, level, impersonation;
    LPOLESTR principal;
    (void)state;
    for (unsigned i = 0; i < 10; i++)
        assert_seen(name, SecurityImpersonation);
    assert_int_equal(
        CoQueryProxyBlanket((IUnknown *)name, &service, NULL, &principal, &level, &impersonation, NULL, NULL),
        S_OK);
    assert_int_equal(service, RPC_C_AUTHN_WINNT);
    assert_null(principal);
    assert_int_equal(level, RPC_C_AUTHN_LEVEL_PKT_PRIVACY);
    assert_int_equal(impersonation, RPC_C_IMP_LEVEL_IMPERSONATE);
    static const DWORD services[] = {RPC_C_AUTHN_DEFAULT, RPC_C_AUTHN_WINNT, RPC_C_AUTHN_GSS_NEGOTIATE};
    for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
        assert_int_equal(
            set(name, services[i], RPC_C_AUTHN_LEVEL_CONNECT, RPC_C_IMP_LEVEL_IDENTIFY, NULL, EOAC_NONE),
            S_OK);
        assert_seen(name, SecurityIdentification);
        assert_int_equal(
            CoQueryProxyBlanket((IUnknown *)name, &service, NULL, NULL, &level, NULL, NULL, NULL), S_OK);
        assert_int_equal(level, RPC_C_AUTHN_LEVEL_PKT_PRIVACY);
        assert_int_equal(service, i == 2 ? RPC_C_AUTHN_GSS_NEGOTIATE : RPC_C_AUTHN_WINNT); /* PB-18 */
    }
    IPartyName_Release(name);
    IParty_Release(party);
}

/* PB-10, LVL-6: DELEGATE by NTLM within one machine. LVL-1: and ANONYMOUS says nothing. */
static void PB_10_LVL_1_all_levels(void **state)
{
    IParty *party = create(&CLSID_PARTY);
    IPartyName *name = name_of(party);
    Seen seen;
    (void)state;
    for (DWORD i = RPC_C_IMP_LEVEL_IDENTIFY; i <= RPC_C_IMP_LEVEL_DELEGATE; i++) {
        assert_int_equal(set(name, RPC_C_AUTHN_WINNT, RPC_C_AUTHN_LEVEL_DEFAULT, i, NULL, EOAC_NONE), S_OK);
        assert_seen(name, i - 1);
    }
    assert_int_equal(
        set(name, RPC_C_AUTHN_DEFAULT, RPC_C_AUTHN_LEVEL_DEFAULT, RPC_C_IMP_LEVEL_ANONYMOUS, NULL, EOAC_NONE),
        S_OK);
    assert_int_equal(ask(name, &seen), S_OK);
    assert_int_equal(seen.level, RPC_C_AUTHN_LEVEL_PKT_PRIVACY);
    assert_int_equal(seen.impersonation, SecurityAnonymous);
    assert_string_equal(seen.name, "");
    IPartyName_Release(name);
    IParty_Release(party);
}

/* What the kernel does not know is not shown by it, nor is anything else in its place. */
static void other_identities_are_not_the_kernels(void **state)
{
    WCHAR user[] = u"alice", domain[] = u"LAB.TEST", password[] = u"secret";
    SEC_WINNT_AUTH_IDENTITY_W identity = {.User = (void *)user,
                                          .UserLength = 5,
                                          .Domain = (void *)domain,
                                          .DomainLength = 8,
                                          .Password = (void *)password,
                                          .PasswordLength = 6,
                                          .Flags = SEC_WINNT_AUTH_IDENTITY_UNICODE};
    IParty *party = create(&CLSID_PARTY);
    IPartyName *name = name_of(party);
    Seen seen;
    (void)state;
    assert_int_equal(CoSetProxyBlanket((IUnknown *)name, RPC_C_AUTHN_GSS_KERBEROS, RPC_C_AUTHZ_NONE,
                                       (OLECHAR *)u"host/a.lab.test", RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                                       RPC_C_IMP_LEVEL_IMPERSONATE, NULL, EOAC_NONE),
                     S_OK);
    assert_true(FAILED(ask(name, &seen))); /* Kerberos, of which this process has nothing */
    assert_int_equal(set(name, RPC_C_AUTHN_WINNT, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, RPC_C_IMP_LEVEL_IMPERSONATE,
                         &identity, EOAC_NONE),
                     S_OK);
    assert_true(FAILED(ask(name, &seen)));
    /* and back */
    assert_int_equal(set(name, RPC_C_AUTHN_DEFAULT, RPC_C_AUTHN_LEVEL_DEFAULT, RPC_C_IMP_LEVEL_IMPERSONATE,
                         NULL, EOAC_NONE),
                     S_OK);
    assert_seen(name, SecurityImpersonation);
    /* no security is what was asked for, and less than the server takes */
    assert_int_equal(
        set(name, RPC_C_AUTHN_NONE, RPC_C_AUTHN_LEVEL_NONE, RPC_C_IMP_LEVEL_IMPERSONATE, NULL, EOAC_NONE),
        S_OK);
    assert_int_equal(ask(name, &seen), HRESULT_FROM_WIN32(ERROR_ACCESS_DENIED));
    IPartyName_Release(name);
    IParty_Release(party);
}

/* A thread that acts as somebody whom authd does not hold cannot be shown, and the process is not instead. */
static void cloaked_calls_need_more_than_a_name(void **state)
{
    IParty *party = create(&CLSID_PARTY);
    IPartyName *name = name_of(party);
    Seen seen;
    (void)state;
    assert_int_equal(set(name, RPC_C_AUTHN_DEFAULT, RPC_C_AUTHN_LEVEL_DEFAULT, RPC_C_IMP_LEVEL_IMPERSONATE,
                         NULL, EOAC_DYNAMIC_CLOAKING),
                     S_OK);
    assert_seen(name, SecurityImpersonation);                  /* nobody is impersonated */
    for (uid_t uid = geteuid(); uid <= geteuid() + 1; uid++) { /* not even as the same account */
        const LocalProcess process = {.uid = uid, .gid = getegid()};
        Token *token;
        assert_int_equal(token_new_local(&process, TOKEN_LEVEL_IMPERSONATION, "X", &token), 0);
        thread_set_token(token);
        assert_int_equal(ask(name, &seen), SEC_E_NO_CREDENTIALS);
        thread_set_token(NULL);
        token_unref(token);
    }
    assert_seen(name, SecurityImpersonation);
    IPartyName_Release(name);
    IParty_Release(party);
}

/* This process is a server, too: it is called back over its own socket, within one causality. */
static void references_to_and_fro(void **state)
{
    IParty *party = create(&CLSID_PARTY), *third = create(&CLSID_OTHER), *own = party_new(), *kept = NULL;
    ULONG visits = 0, process = 0, thread;
    (void)state;
    assert_int_equal(IParty_Visit(party, own, 6, &visits), S_OK);
    assert_true(visits >= 6);
    assert_true(sockets() >= 3);
    /* a proxy that is handed on names mantled, and the third process finds the second at its socket */
    assert_int_equal(IParty_Keep(third, party), S_OK);
    assert_int_equal(IParty_Kept(third, &kept), S_OK);
    assert_ptr_equal(kept, party);
    IParty_Release(kept);
    assert_int_equal(IParty_Visit(party, third, 6, &visits), S_OK);
    assert_int_equal(IParty_Keep(third, NULL), S_OK);
    assert_int_equal(IParty_Place(third, &process, &thread), S_OK);
    assert_int_equal(process, other.pid);
    IParty_Release(own);
    IParty_Release(third);
    IParty_Release(party);
}

/* Pings go the local way as well: after a while without any other call the object is still there. */
static void mantled_that_came_back(void **state)
{
    IParty *party = create(&CLSID_PARTY), *again = NULL;
    IPartyName *name = name_of(party);
    (void)state;
    machine_restart(&machine);
    assert_seen(name, SecurityImpersonation); /* calls do not need it */
    HRESULT hr = E_FAIL;
    for (int tries = 0; tries < PATIENCE && FAILED(hr); tries++) {
        usleep(50 * 1000);
        hr = CoCreateInstance(&CLSID_PARTY, NULL, CLSCTX_LOCAL_SERVER, &IID_IParty, (void **)&again);
    }
    assert_int_equal(hr, S_OK);
    IPartyName *second = name_of(again);
    assert_seen(second, SecurityImpersonation);
    IPartyName_Release(second);
    IParty_Release(again);
    IPartyName_Release(name);
    IParty_Release(party);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(RPC_5_local_calls),
        cmocka_unit_test(PB_10_LVL_1_all_levels),
        cmocka_unit_test(other_identities_are_not_the_kernels),
        cmocka_unit_test(cloaked_calls_need_more_than_a_name),
        cmocka_unit_test(references_to_and_fro),
        cmocka_unit_test(mantled_that_came_back),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
