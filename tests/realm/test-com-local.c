/* SPDX-License-Identifier: Apache-2.0 */
/*
 * COM within one machine, with mantle-authd: this program (A) calls B as whom its thread acts as, and B calls
 * C as whoever called it. NTLM stands for what somebody logged on with; nothing of this needs a realm.
 */
#define COBJMACROS
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "authd/authd.h"
#include "com/process.h"
#include "com/testing-machine.h"
#include "com/testing-party.h"
#include "com/thread.h"
#include "io/socket.h"
#include "rpcdce.h"
#include "winerror.h"

static const CLSID CLSID_C = {0x9a47, 1, 1, {12}};
static char folder[] = "/tmp/mantle-authd-XXXXXX", authd_path[64], users[64], account[16];
static Machine machine = {.local = true, .authority = authd_path};
static MachineProcess b, c;
static pid_t authd;
static DWORD cookie;
static Token *alice;

static void run_authd(int report)
{
    Conf *conf;
    Authd *made;
    char *error = NULL;
    IoAddress address;
    int fd;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (conf_new(&conf) < 0 || conf_set(conf, CONF_SECURITY_NTLM, "yes", &error) < 0 ||
        conf_set(conf, CONF_SECURITY_NTLM_USERS, users, &error) < 0 ||
        conf_set(conf, CONF_SECURITY_IMPERSONATE, account, &error) < 0 ||
        io_address_unix(authd_path, &address) < 0 || io_listen(&address, 0600, &fd) < 0 ||
        authd_new(conf, fd, NULL, &made) < 0 || write(report, "", 1) != 1)
        _exit(1);
    for (;;)
        pause(); /* killed */
}

static void start_authd(void)
{
    int ends[2];
    char started;
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    authd = fork();
    assert_true(authd >= 0);
    if (authd == 0) run_authd(ends[1]);
    close(ends[1]);
    assert_int_equal(read(ends[0], &started, 1), 1);
    close(ends[0]);
}

static int serve_class(const CLSID *clsid)
{
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    if (SUCCEEDED(hr))
        hr = CoInitializeSecurity(NULL, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_DEFAULT,
                                  RPC_C_IMP_LEVEL_IMPERSONATE, NULL, EOAC_NONE, NULL);
    if (SUCCEEDED(hr))
        hr = CoRegisterClassObject(clsid, (IUnknown *)&party_factory, CLSCTX_LOCAL_SERVER, REGCLS_MULTIPLEUSE,
                                   &cookie);
    return FAILED(hr);
}

static int serve_b(void)
{
    return serve_class(&CLSID_PARTY);
}

static int serve_c(void)
{
    return serve_class(&CLSID_C);
}

static int leave(void)
{
    HRESULT hr = CoRevokeClassObject(cookie);
    CoUninitialize();
    return FAILED(hr);
}

static int prepare(void **state)
{
    (void)state;
    unsetenv("KRB5CCNAME");
    if (!mkdtemp(folder)) return -1;
    snprintf(authd_path, sizeof(authd_path), "%s/authd.socket", folder);
    snprintf(users, sizeof(users), "%s/users", folder);
    snprintf(account, sizeof(account), "%u", (unsigned)geteuid());
    FILE *file = fopen(users, "w");
    if (!file || fprintf(file, "LAB:alice:Password\n") < 0 || fclose(file) || chmod(users, 0600)) return -1;
    start_authd();
    machine_start(&machine);
    machine_process_start(&machine, serve_b, leave, &b);
    machine_process_start(&machine, serve_c, leave, &c);
    machine_enter(&machine);
    assert_int_equal(CoInitializeEx(NULL, COINIT_MULTITHREADED), S_OK);
    assert_int_equal(CoInitializeSecurity(NULL, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_DEFAULT,
                                          RPC_C_IMP_LEVEL_IMPERSONATE, NULL, EOAC_NONE, NULL),
                     S_OK);
    return process_logon(&(ProcessLogon){RPC_C_AUTHN_WINNT, false, "LAB\\alice", "Password"}, &alice) != S_OK;
}

static int clean(void **state)
{
    (void)state;
    alice = token_unref(alice);
    CoUninitialize();
    assert_int_equal(machine_process_stop(&b), 0);
    assert_int_equal(machine_process_stop(&c), 0);
    machine_stop(&machine);
    kill(authd, SIGKILL);
    waitpid(authd, NULL, 0);
    unlink(authd_path);
    unlink(users);
    return rmdir(folder);
}

static IPartyName *create(const CLSID *clsid)
{
    IPartyName *name = NULL;
    assert_int_equal(CoCreateInstance(clsid, NULL, CLSCTX_LOCAL_SERVER, &IID_IPartyName, (void **)&name),
                     S_OK);
    return name;
}

typedef struct Seen {
    ULONG service, level, impersonation;
    char name[128];
} Seen;

/* What B sees, or with `next` what that sees when B calls it at `as`. */
static HRESULT ask(IPartyName *name, IPartyName *next, ULONG as, Seen *seen)
{
    LPWSTR text = NULL;
    memset(seen, 0, sizeof(*seen));
    HRESULT hr =
        next ? IPartyName_CallerAt(name, next, as, &seen->service, &seen->level, &seen->impersonation, &text)
             : IPartyName_Caller(name, &seen->service, &seen->level, &seen->impersonation, &text);
    for (size_t i = 0; text && text[i] && i < sizeof(seen->name) - 1; i++)
        seen->name[i] = (char)text[i];
    CoTaskMemFree(text);
    return hr;
}

static void assert_sees(const Seen *seen, ULONG impersonation, const char *name)
{
    assert_int_equal(seen->service, RPC_C_AUTHN_WINNT); /* RPC-5 */
    assert_int_equal(seen->level, RPC_C_AUTHN_LEVEL_PKT_PRIVACY);
    assert_int_equal(seen->impersonation, impersonation);
    assert_string_equal(seen->name, name);
}

static void set_level(IPartyName *name, DWORD impersonation)
{
    assert_int_equal(CoSetProxyBlanket((IUnknown *)name, RPC_C_AUTHN_DEFAULT, RPC_C_AUTHZ_DEFAULT,
                                       COLE_DEFAULT_PRINCIPAL, RPC_C_AUTHN_LEVEL_DEFAULT, impersonation,
                                       COLE_DEFAULT_AUTHINFO, EOAC_DYNAMIC_CLOAKING),
                     S_OK);
}

/* The reach matrix's first row (facts/cloaking.md 5.1): A, B and C on one machine; LVL-2, LVL-3, LVL-4. */
static void LVL_3_ERR_2_reach_on_one_machine(void **state)
{
    IPartyName *at_b = create(&CLSID_PARTY), *at_c = create(&CLSID_C);
    Seen seen, self;
    (void)state;
    assert_int_equal(ask(at_b, NULL, 0, &self), S_OK);
    assert_int_equal(self.impersonation, SecurityImpersonation);
    /* as the process: C sees the process's account, though B calls */
    assert_int_equal(ask(at_b, at_c, RPC_C_IMP_LEVEL_IMPERSONATE, &seen), S_OK);
    assert_sees(&seen, SecurityImpersonation, self.name);
    for (DWORD level = RPC_C_IMP_LEVEL_IDENTIFY; level <= RPC_C_IMP_LEVEL_DELEGATE; level++) {
        set_level(at_b, level);
        thread_set_token(alice);
        assert_int_equal(ask(at_b, NULL, 0, &seen), S_OK);
        assert_sees(&seen, level - 1, "LAB\\alice");
        HRESULT hr = ask(at_b, at_c, RPC_C_IMP_LEVEL_IMPERSONATE, &seen);
        thread_set_token(NULL);
        if (level == RPC_C_IMP_LEVEL_IDENTIFY) { /* no cloaked call, and nobody else's either */
            assert_int_equal(hr, HRESULT_FROM_WIN32(ERROR_BAD_IMPERSONATION_LEVEL));
            continue;
        }
        assert_int_equal(hr, S_OK);
        assert_sees(&seen, SecurityImpersonation, "LAB\\alice");
    }
    /* nobody is impersonated any more: as the process again */
    assert_int_equal(ask(at_b, NULL, 0, &seen), S_OK);
    assert_string_equal(seen.name, self.name);
    IPartyName_Release(at_c);
    IPartyName_Release(at_b);
}

/* authd is killed: what it held is worth nothing, with a code; once it is back calls as the process work. */
static void an_authority_that_was_killed(void **state)
{
    IPartyName *at_b = create(&CLSID_PARTY), *fresh = NULL;
    Seen seen;
    HRESULT hr = E_FAIL;
    (void)state;
    assert_int_equal(ask(at_b, NULL, 0, &seen), S_OK);
    kill(authd, SIGKILL);
    waitpid(authd, NULL, 0);
    hr = ask(at_b, NULL, 0, &seen); /* as far as nothing has to be asked there: it ends in any case */
    assert_true(FAILED(hr) || seen.impersonation == SecurityImpersonation);
    hr = E_FAIL;
    start_authd();
    for (unsigned tries = 0; tries < 5 && FAILED(hr); tries++) /* the first may show what is known no more */
        hr = CoCreateInstance(&CLSID_C, NULL, CLSCTX_LOCAL_SERVER, &IID_IPartyName, (void **)&fresh);
    assert_int_equal(hr, S_OK);
    hr = E_FAIL;
    set_level(fresh, RPC_C_IMP_LEVEL_DELEGATE); /* a context that there is not yet */
    thread_set_token(alice);
    assert_true(FAILED(ask(fresh, NULL, 0, &seen))); /* a token of before */
    thread_set_token(NULL);
    for (unsigned tries = 0; tries < 5 && FAILED(hr); tries++)
        hr = ask(fresh, NULL, 0, &seen);
    assert_int_equal(hr, S_OK);
    IPartyName_Release(fresh);
    IPartyName_Release(at_b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(LVL_3_ERR_2_reach_on_one_machine),
        cmocka_unit_test(an_authority_that_was_killed),
    };
    return cmocka_run_group_tests(tests, prepare, clean);
}
