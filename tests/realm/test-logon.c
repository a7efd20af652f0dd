/* SPDX-License-Identifier: Apache-2.0 */
/* LogonUserW, the process's token and explicit identities, against a real KDC. */
#include <objbase.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <cmocka.h>
#include "com/identity.h"
#include "com/process.h"
#include "com/thread.h"
#include "tests/realm/krb5-fixture.h"

static int setup(void **state)
{
    int result = realm_setup(state);

    realm_admin("addprinc -pw secret pat");
    realm_admin("addprinc -pw secret disabled");
    realm_admin("modprinc -allow_tix disabled");
    realm_admin("addprinc -pw secret -pwexpire yesterday stale");
    realm_admin("addprinc -pw secret -expire yesterday gone");
    return result;
}

static HANDLE logon_as(DWORD type)
{
    HANDLE token = NULL;

    assert_true(LogonUserW(u"pat", u"LAB.TEST", u"secret", type, LOGON32_PROVIDER_DEFAULT, &token));
    return token;
}

/* What a's server learns about whoever this thread acts as. */
static void expect_seen(uint8_t impersonation, const char *principal, TokenLevel level)
{
    _cleanup_(conversation_deinitp) Conversation talk = {0};

    assert_int_equal(converse(&talk, thread_token(), HOST_A, impersonation, realm.a), 0);
    assert_string_equal(token_principal(talk.token), principal);
    assert_int_equal(token_level(talk.token), level);
}

static void interactive_logons_show_themselves_on_the_network(void **state)
{
    HANDLE token = logon_as(LOGON32_LOGON_INTERACTIVE);
    TOKEN_TYPE type;
    DWORD size;

    assert_true(GetTokenInformation(token, TokenType, &type, sizeof(type), &size));
    assert_int_equal(type, TokenPrimary);
    assert_true(ImpersonateLoggedOnUser(token));
    assert_true(CloseHandle(token));
    expect_seen(IMPERSONATE, "pat@LAB.TEST", TOKEN_LEVEL_IMPERSONATION);
    expect_seen(IDENTIFY, "pat@LAB.TEST", TOKEN_LEVEL_IDENTIFICATION);
    /* The level of the thread's token is SecurityImpersonation, but the logon is this machine's own: it may
     * delegate. */
    expect_seen(DELEGATE, "pat@LAB.TEST", TOKEN_LEVEL_DELEGATION);
    assert_true(RevertToSelf());
}

static void a_user_principal_name_needs_no_domain(void **state)
{
    HANDLE token;

    assert_true(LogonUserW(u"pat@LAB.TEST", NULL, u"secret", LOGON32_LOGON_NETWORK_CLEARTEXT, 0, &token));
    assert_true(SetThreadToken(NULL, token)); /* an impersonation token */
    expect_seen(IMPERSONATE, "pat@LAB.TEST", TOKEN_LEVEL_IMPERSONATION);
    assert_true(RevertToSelf());
    assert_true(CloseHandle(token));
}

static void network_logons_are_worth_nothing_elsewhere(void **state)
{
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    HANDLE token = logon_as(LOGON32_LOGON_NETWORK);

    assert_true(SetThreadToken(NULL, token));
    assert_int_equal(converse_leg1(&talk, thread_token(), HOST_A, IMPERSONATE), SEC_FAILED);
    assert_int_equal(talk.failure.code, (uint32_t)SEC_E_NO_CREDENTIALS);
    assert_true(RevertToSelf());
    assert_true(CloseHandle(token));
}

static void logons_fail_with_the_codes_of_windows(void **state)
{
    static const struct {
        const char16_t *user, *realm, *password;
        DWORD error;
    } rows[] = {
        {u"pat", u"LAB.TEST", u"wrong", ERROR_LOGON_FAILURE},
        {u"pat", u"LAB.TEST", u"", ERROR_LOGON_FAILURE},
        {u"nobody", u"LAB.TEST", u"secret", ERROR_LOGON_FAILURE},
        {u"disabled", u"LAB.TEST", u"secret", ERROR_ACCOUNT_DISABLED},
        {u"stale", u"LAB.TEST", u"secret", ERROR_PASSWORD_EXPIRED},
        {u"gone", u"LAB.TEST", u"secret", ERROR_ACCOUNT_RESTRICTION},
        {u"pat", u"ELSEWHERE.TEST", u"secret", ERROR_NO_SUCH_DOMAIN},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        HANDLE token = NULL;

        assert_false(
            LogonUserW(rows[i].user, rows[i].realm, rows[i].password, LOGON32_LOGON_BATCH, 0, &token));
        if (GetLastError() != rows[i].error)
            fail_msg("row %zu: %u, not %u", i, GetLastError(), rows[i].error);
        assert_null(token);
    }
}

static void an_identity_logs_on_once(void **state)
{
    _cleanup_(identity_unrefp) Identity *identity = NULL, *wrong = NULL;
    Token *first, *second;

    assert_int_equal(identity_new_from_text(u"pat", u"LAB.TEST", u"secret", &identity), S_OK);
    assert_int_equal(identity_token(identity, &first), S_OK);
    assert_int_equal(identity_token(identity, &second), S_OK);
    assert_ptr_equal(first, second);
    assert_string_equal(token_principal(first), "pat@LAB.TEST");
    assert_int_equal(identity_new_from_text(u"pat", u"LAB.TEST", u"wrong", &wrong), S_OK);
    assert_int_equal(identity_token(wrong, &second), HRESULT_FROM_WIN32(ERROR_LOGON_FAILURE));
}

/* The process's token is made once, so each of these runs in a process of its own. 0: as expected. */
static int in_process(int (*body)(void))
{
    int status;
    pid_t child = fork();

    if (child == 0) _exit(body());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static bool configure(const char *keytab)
{
    _cleanup_(freep) char *path = realm_path("test-logon.conf");
    FILE *file = fopen(path, "we");

    if (!file) return false;
    fprintf(file, "[security]\n");
    if (keytab) fprintf(file, "keytab = %s\nprincipal = host/a.lab.test@LAB.TEST\n", keytab);
    return fclose(file) == 0 && setenv("MANTLE_CONFIG", path, 1) == 0;
}

static int open_as(const char *principal)
{
    Token *token;
    HANDLE handle;

    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &handle)) return (int)GetLastError() & 0xff;
    if (FAILED(process_token(&token))) return 1;
    if (strcmp(token_principal(token), principal) != 0) return 2;
    if (token_kind(token) != TOKEN_KIND_PRIMARY) return 3;
    return CloseHandle(handle) ? 0 : 4;
}

static int user_program(void)
{
    if (!configure(NULL)) return 100;
    return process_can_accept() ? 101 : open_as("alice@LAB.TEST");
}

static int service(void)
{
    _cleanup_(freep) char *keytab = realm_path("hosts/a/keytab");

    /* The configuration counts, not what was left in the environment. */
    if (!configure(keytab)) return 100;
    return process_can_accept() ? open_as("host/a.lab.test@LAB.TEST") : 101;
}

static bool fails_with_a_sentence(void)
{
    IErrorInfo *error = NULL;
    HANDLE handle;
    bool failed = !OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &handle) &&
                  GetLastError() == ERROR_NO_SUCH_LOGON_SESSION && GetErrorInfo(0, &error) == S_OK;

    if (error) error->lpVtbl->Release(error);
    return failed;
}

static int service_without_its_keytab(void)
{
    _cleanup_(freep) char *keytab = realm_path("hosts/a/no-such-keytab");

    if (!configure(keytab)) return 100;
    /* Alice's cache is there, and is not taken instead. */
    return fails_with_a_sentence() ? 0 : 1;
}

static int nobody(void)
{
    if (!configure(NULL) || unsetenv("KRB5CCNAME") < 0) return 100;
    return fails_with_a_sentence() ? 0 : 1;
}

static int logon_without_kdc(void)
{
    _cleanup_(freep) char *path = realm_path("no-kdc.conf");
    FILE *file = fopen(path, "we");
    HANDLE token;

    if (!file) return 100;
    fprintf(file, "[libdefaults]\ndefault_realm = LAB.TEST\ndns_lookup_kdc = false\n"
                  "[realms]\nLAB.TEST = {\nkdc = 127.0.0.1:1\n}\n");
    if (fclose(file) < 0 || setenv("KRB5_CONFIG", path, 1) < 0 || !configure(NULL)) return 101;
    if (LogonUserW(u"pat", u"LAB.TEST", u"secret", LOGON32_LOGON_BATCH, 0, &token)) return 102;
    return GetLastError() == ERROR_NO_LOGON_SERVERS ? 0 : 1;
}

static void a_user_s_program_is_its_ticket_cache(void **state)
{
    assert_int_equal(in_process(user_program), 0);
}

static void a_service_is_its_keytab(void **state)
{
    assert_int_equal(in_process(service), 0);
}

static void a_missing_keytab_is_not_replaced_by_a_ticket_cache(void **state)
{
    assert_int_equal(in_process(service_without_its_keytab), 0);
}

static void without_a_credential_there_is_no_process_token(void **state)
{
    assert_int_equal(in_process(nobody), 0);
}

static void no_kdc_is_no_logon_server(void **state)
{
    assert_int_equal(in_process(logon_without_kdc), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* Before anything else has made this process's own authority. */
        cmocka_unit_test(a_user_s_program_is_its_ticket_cache),
        cmocka_unit_test(a_service_is_its_keytab),
        cmocka_unit_test(a_missing_keytab_is_not_replaced_by_a_ticket_cache),
        cmocka_unit_test(without_a_credential_there_is_no_process_token),
        cmocka_unit_test(no_kdc_is_no_logon_server),
        cmocka_unit_test(interactive_logons_show_themselves_on_the_network),
        cmocka_unit_test(a_user_principal_name_needs_no_domain),
        cmocka_unit_test(network_logons_are_worth_nothing_elsewhere),
        cmocka_unit_test(logons_fail_with_the_codes_of_windows),
        cmocka_unit_test(an_identity_logs_on_once),
    };

    return cmocka_run_group_tests_name("logon", tests, setup, realm_teardown);
}
