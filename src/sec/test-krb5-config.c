/* SPDX-License-Identifier: Apache-2.0 */
/* A krb5.conf that is not there, not any more, may not be read or makes no sense: the sentence names it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <winerror.h>
#include "base/time.h"
#include "sec/krb5-credential.h"
#include "sec/krb5-kdc.h"
#include "sec/krb5-keytab.h"
#include "sec/krb5-private.h"

#define REALM  "[realms]\nLAB.TEST = {\n kdc = 127.0.0.1:1\n}\n"
#define NOBODY 65534

static char folder[64], path[128];

static void put(const char *text)
{
    _cleanup_(closep) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const size_t length = strlen(text);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, length), length);
}

static int setup(void **state)
{
    strcpy(folder, "/tmp/krb5-config.XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof(path), "%s/krb5.conf", folder);
    put(REALM);
    return 0;
}

static int teardown(void **state)
{
    (void)unlink(path);
    return rmdir(folder);
}

static KerberosConfig *config_of(const char *files)
{
    KerberosConfig *config = NULL;
    SecFailure failure = {0};
    int r = kerberos_config_new(files, false, &config, &failure);

    if (r != 0) fail_msg("%s", failure.sentence);
    return config;
}

static void assert_said(int result, const SecFailure *failure, const char *file, const char *why)
{
    char wanted[512];

    assert_int_equal(result, SEC_FAILED);
    assert_int_equal(failure->code, (uint32_t)SEC_E_NO_CREDENTIALS);
    snprintf(wanted, sizeof(wanted), "the Kerberos configuration %s cannot be read (%s", file, why);
    assert_memory_equal(failure->sentence, wanted, strlen(wanted));
}

/* What a conversation that starts now would hear; libkrb5 looks at a file it knows once a second only. */
static int conversation(KerberosConfig *config, SecFailure *failure)
{
    krb5_context context;
    int r = kerberos_context_new(config, &context, failure);

    if (r == 0) krb5_free_context(context);
    return r;
}

static void wait_until(KerberosConfig *config, int wanted)
{
    SecFailure failure;

    for (const uint64_t deadline = time_after(30 * NS_PER_SECOND); time_monotonic() < deadline; usleep(20000))
        if (conversation(config, &failure) == wanted) return;
    fail_msg("it does not come to %d", wanted);
}

static void test_vanished(void **state)
{
    _cleanup_(kerberos_config_unrefp) KerberosConfig *config = config_of(path);
    KerberosCredential *credential;
    KerberosKeytab *keytab;
    KdcExchange *exchange;
    SecFailure failure = {0};
    char **kdcs = NULL;

    assert_int_equal(conversation(config, &failure), 0);
    assert_int_equal(kerberos_config_kdcs(config, "LAB.TEST", &kdcs, &failure), 0);
    assert_string_equal(kdcs[0], "127.0.0.1:1");
    kerberos_kdcs_free(kdcs);
    assert_int_equal(kerberos_config_kdcs(config, "OTHER.TEST", &kdcs, &failure), 0);
    assert_null(kdcs);

    assert_int_equal(unlink(path), 0);
    wait_until(config, SEC_FAILED);
    assert_said(conversation(config, &failure), &failure, path, "No such file or directory)");
    const KerberosCredentialSpec spec = {
        .source = CREDENTIAL_PASSWORD, .principal = "alice@LAB.TEST", .password = "x"};
    assert_said(kerberos_credential_new(config, &spec, &credential, &failure), &failure, path, "No such");
    assert_said(kerberos_keytab_new(config, "/dev/null", &keytab, &failure), &failure, path, "No such");
    /* "No KDC is known" would be a reason for Negotiate to go on with NTLM. */
    assert_said(kdc_exchange_new(config, "OTHER.TEST", (const uint8_t *)"", 0, time_after(NS_PER_SECOND),
                                 &exchange, &failure),
                &failure, path, "No such");
    assert_false(sec_failure_is_no_kdc(&failure));

    put(REALM);
    wait_until(config, 0);
}

static void test_unreadable(void **state)
{
    _cleanup_(kerberos_config_unrefp) KerberosConfig *config = config_of(path), *other = NULL;
    SecFailure failure = {0};
    const bool root = geteuid() == 0;

    assert_int_equal(chmod(folder, 0711), 0);
    assert_int_equal(chmod(path, 0), 0);
    /* In a user namespace root may be everybody there is; then it cannot be kept from reading. */
    if (root && setresuid(NOBODY, NOBODY, 0) != 0) skip();
    int r = conversation(config, &failure);
    int again = kerberos_config_new(path, false, &other, &failure);
    if (root) assert_int_equal(setresuid(0, 0, 0), 0);
    assert_said(r, &failure, path, "Permission denied)");
    assert_said(again, &failure, path, "Permission denied)");
    assert_int_equal(chmod(path, 0600), 0);
    wait_until(config, 0);
}

static void test_malformed(void **state)
{
    _cleanup_(kerberos_config_unrefp) KerberosConfig *config = config_of(path), *other = NULL;
    SecFailure failure = {0};

    put("[realms\n");
    wait_until(config, SEC_FAILED);
    assert_said(conversation(config, &failure), &failure, path, "");
    assert_null(strstr(failure.sentence, "memory"));
    assert_said(kerberos_config_new(path, false, &other, &failure), &failure, path, "");
}

/* Of several, and of those of the environment, the one that is at fault. */
static void test_which(void **state)
{
    _cleanup_(kerberos_config_unrefp) KerberosConfig *config = NULL, *other = NULL;
    SecFailure failure = {0};
    char gone[160], both[512];

    snprintf(gone, sizeof(gone), "%s/gone.conf", folder);
    snprintf(both, sizeof(both), "%s:%s", path, gone);
    config = config_of(both); /* one of them is enough */
    assert_int_equal(conversation(config, &failure), 0);
    put("[realms\n");
    wait_until(config, SEC_FAILED);
    assert_said(conversation(config, &failure), &failure, gone, "No such");
    /* No file at all is none to complain of for who names none. */
    assert_int_equal(setenv("KRB5_CONFIG", path, 1), 0);
    assert_said(kerberos_config_new(NULL, false, &other, &failure), &failure, path, "");
    assert_int_equal(unsetenv("KRB5_CONFIG"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_vanished, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unreadable, setup, teardown),
        cmocka_unit_test_setup_teardown(test_malformed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_which, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
