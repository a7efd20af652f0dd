/* SPDX-License-Identifier: Apache-2.0 */
/* Two realms that trust each other: whether a service of the other one may be handed a ticket (facts DEL-8).
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <winerror.h>
#include "io/address.h"
#include "tests/realm/krb5-fixture.h"

#define OTHER      "OTHER.TEST"
#define HOST_Z     "host/z.other.test@" OTHER
#define TRUST      "krbtgt/" OTHER "@LAB.TEST"
#define TRIES      3000 /* of 10 ms */
#define KDC_PREFIX "\n        kdc = "

static struct {
    char *folder, *config;
    char address[64]; /* of the other realm's KDC */
    pid_t kdc;
    Authority *user, *z;
} other;

/* A command that must succeed, in the other realm's environment. */
static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void run(const char *format, ...)
{
    char command[1024], line[2048];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(command, sizeof(command), format, arguments);
    va_end(arguments);
    (void)snprintf(line, sizeof(line),
                   "KRB5_CONFIG='%s' KRB5_KDC_PROFILE='%s/kdc.conf' %s >>'%s/output.log' 2>&1", other.config,
                   other.folder, command, other.folder);
    if (system(line) != 0) fail_msg("%s", line);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static char *read_file(const char *path)
{
    static char text[16384];
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    (void)fclose(file);
    return text;
}

/* The lab's configuration with one realm more, whose KDC has another port of the same address. */
static void configure(void)
{
    char text[20000];
    _cleanup_(freep) char *lab = realm_path("krb5.conf");
    other.folder = realm_path("other");
    assert_int_equal(mkdir(other.folder, 0700), 0);
    assert_true(asprintf(&other.config, "%s/krb5.conf", other.folder) > 0);
    char *before = read_file(lab), *kdc = strstr(before, KDC_PREFIX), *realms = strstr(before, "[realms]\n");
    assert_true(kdc && realms);
    kdc += strlen(KDC_PREFIX);
    size_t host = strcspn(kdc, "\n");
    while (host && kdc[host] != ':')
        host--;
    unsigned port = (unsigned)atoi(kdc + host + 1);
    (void)snprintf(other.address, sizeof(other.address), "%.*s:%u", (int)host, kdc,
                   port == 65535 ? 1024 : port + 1);
    realms += strlen("[realms]\n");
    (void)snprintf(text, sizeof(text),
                   "%.*s    " OTHER
                   " = {\n        kdc = %s\n    }\n%s[capaths]\n    LAB.TEST = {\n        " OTHER
                   " = .\n    }\n",
                   (int)(realms - before), before, other.address, realms);
    write_file(other.config, text);
    (void)snprintf(text, sizeof(text),
                   "[kdcdefaults]\n    kdc_listen = %s\n    kdc_tcp_listen = %s\n[realms]\n    " OTHER
                   " = {\n        key_stash_file = %s/stash\n        database_name = %s/principal\n    }\n"
                   "[logging]\n    kdc = FILE:%s/kdc.log\n",
                   other.address, other.address, other.folder, other.folder, other.folder);
    _cleanup_(freep) char *profile = realm_path("other/kdc.conf");
    write_file(profile, text);
}

static bool answers(void)
{
    IoAddress address;
    char host[64], *colon;
    (void)snprintf(host, sizeof(host), "%s", other.address);
    colon = strrchr(host, ':');
    *colon = '\0';
    if (io_address_parse(host, (uint16_t)atoi(colon + 1), &address) != 0) return false;
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && connect(fd, &address.any, address.length) == 0;
    if (fd >= 0) close(fd);
    return ok;
}

static void start_kdc(void)
{
    _cleanup_(freep) char *profile = realm_path("other/kdc.conf");
    pid_t parent = getpid();
    other.kdc = fork();
    if (other.kdc == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent ||
            setenv("KRB5_CONFIG", other.config, 1) < 0 || setenv("KRB5_KDC_PROFILE", profile, 1) < 0)
            _exit(1);
        execlp("krb5kdc", "krb5kdc", "-r", OTHER, "-n", (char *)NULL);
        _exit(127);
    }
    for (unsigned i = 0; i < TRIES && !answers(); i++)
        usleep(10000);
    assert_true(answers());
}

static int setup(void **state)
{
    if (realm_setup(state) != 0) return -1;
    configure();
    run("kdb5_util create -r " OTHER " -s -P master");
    run("kadmin.local -r " OTHER " -q 'addprinc -pw trust -e aes256-cts:normal " TRUST "'");
    run("kadmin.local -r " OTHER " -q 'addprinc -randkey +ok_as_delegate " HOST_Z "'");
    run("kadmin.local -r " OTHER " -q 'ktadd -k %s/keytab " HOST_Z "'", other.folder);
    realm_admin("addprinc -pw trust -e aes256-cts:normal " TRUST);
    start_kdc();
    _cleanup_(freep) char *keytab = realm_path("other/keytab");
    other.user = realm_authority(other.config, NULL, 0);
    other.z = realm_authority(other.config, keytab, 0);
    return 0;
}

static int teardown(void **state)
{
    kill(other.kdc, SIGTERM);
    (void)waitpid(other.kdc, NULL, 0);
    authority_unref(other.user);
    authority_unref(other.z);
    free(other.folder);
    free(other.config);
    return realm_teardown(state);
}

static Token *alice(void)
{
    _cleanup_(freep) char *cache = realm_path("users/alice.ccache");
    Token *token = realm_logon(other.user, LOGON_CCACHE, cache, NULL, NULL);
    assert_non_null(token);
    return token;
}

/* The other realm's KDC says OK-AS-DELEGATE of its service either way; whether that counts is said of the
 * trust. */
static void DEL_8_trust_ends_where_the_realms_trust_does_not_pass_it_on(void **state)
{
    for (unsigned passes_on = 0; passes_on < 2; passes_on++) {
        _cleanup_(conversation_deinitp) Conversation seen = {0}, delegated = {0};
        realm_admin(passes_on ? "modprinc +ok_as_delegate " TRUST : "modprinc -ok_as_delegate " TRUST);
        _cleanup_(token_unrefp) Token *token = alice(); /* without a ticket for the other realm */
        assert_int_equal(converse(&seen, token, HOST_Z, IMPERSONATE, other.z), 0);
        assert_string_equal(token_principal(seen.token), "alice@LAB.TEST");
        int result = converse(&delegated, token, HOST_Z, DELEGATE, other.z);
        if (passes_on) {
            assert_int_equal(result, 0);
            assert_int_equal(token_level(delegated.token), TOKEN_LEVEL_DELEGATION);
        } else {
            assert_int_equal(result, SEC_FAILED);
            assert_int_equal(delegated.failure.code, RPC_S_SEC_PKG_ERROR);
            assert_non_null(strstr(delegated.failure.sentence, "not trusted for delegation"));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(DEL_8_trust_ends_where_the_realms_trust_does_not_pass_it_on),
    };
    return cmocka_run_group_tests_name("krb5-realms", tests, setup, teardown);
}
