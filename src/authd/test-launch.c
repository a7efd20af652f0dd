/* SPDX-License-Identifier: Apache-2.0 */
/* As whom a class's server is started, and when it is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <winerror.h>
#include "authd/launch.h"

static char folder[] = "/tmp/mantle-launch-XXXXXX";
static char path[64];
static Conf *conf;
static Spawner *spawner;
static struct passwd self; /* who the tests can become: nobody, or the account that runs them */

static int by_name(const char *name, LocalAccount *ret_account)
{
    static const struct {
        const char *name;
        uid_t uid;
        bool locked;
    } rows[] = {{"root", 0, false}, {"alice", 1000, false}, {"lena", 1001, true}, {"low", 500, false}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (strcmp(rows[i].name, name) != 0) continue;
        *ret_account = (LocalAccount){.uid = rows[i].uid, .gid = rows[i].uid, .locked = rows[i].locked};
        (void)snprintf(ret_account->name, sizeof(ret_account->name), "%s", name);
        return 0;
    }
    if (strcmp(name, self.pw_name) != 0) return -ENOENT;
    *ret_account = (LocalAccount){.uid = self.pw_uid, .gid = self.pw_gid};
    (void)snprintf(ret_account->name, sizeof(ret_account->name), "%s", name);
    return 0;
}

static int no_uid(uid_t uid, LocalAccount *ret_account)
{
    return -ENOENT;
}

static int no_sid(const Sid *sid, uid_t *ret_uid)
{
    return -EOPNOTSUPP;
}

static const AccountSource SOURCE = {.uid_of_sid = no_sid, .by_name = by_name, .by_uid = no_uid};

static void set(ConfId id, const char *text)
{
    char *error = NULL;
    assert_int_equal(conf_set(conf, id, text, &error), 0);
}

static int set_up(void **state)
{
    struct passwd *entry = geteuid() == 0 ? getpwnam("nobody") : getpwuid(geteuid());
    if (!entry || !mkdtemp(folder) || spawner_new(NULL, &spawner) < 0 || conf_new(&conf) < 0) return -1;
    self = *entry;
    self.pw_name = strdup(entry->pw_name);
    (void)snprintf(path, sizeof(path), "%s/x.conf", folder);
    if (chmod(folder, 0755) < 0) return -1;
    set(CONF_PATHS_CLASSES, folder);
    set(CONF_ACCOUNTS_MAP_BY_NAME, "LAB.TEST");
    return 0;
}

static int tear_down(void **state)
{
    (void)unlink(path);
    (void)rmdir(folder);
    free(self.pw_name);
    conf = conf_free(conf);
    spawner = spawner_free(spawner);
    return 0;
}

static void describe(const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fprintf(file, "[{00000000-0000-0000-0000-000000000001}]\n%s", text);
    assert_int_equal(fclose(file), 0);
}

static const Guid CLASS = {.data4 = {[7] = 1}};

static int order(const char *principal, TokenLevel level, bool start, Launched *ret_launched,
                 SecFailure *failure)
{
    LaunchHouse house = {
        .conf = conf, .source = &SOURCE, .host = "/nonexistent/mantle-host", .spawner = spawner};
    LaunchOrder asked = {.clsid = CLASS, .identity = -1, .start = start};
    _cleanup_(token_unrefp) Token *token = NULL;
    TokenSpec spec = {.kind = TOKEN_KIND_IMPERSONATION,
                      .level = level,
                      .principal = principal,
                      .from_network = true,
                      .expires = INT64_MAX};
    if (principal) {
        assert_int_equal(sid_from_principal(principal, &spec.user), 0);
        assert_int_equal(token_new(&spec, &token), 0);
        asked.caller = token;
    }
    return launch(&house, &asked, ret_launched, failure);
}

static void runs_as(const char *principal, uid_t uid)
{
    Launched launched = {.uid = 77};
    SecFailure failure = {0};
    int r = order(principal, TOKEN_LEVEL_IMPERSONATION, false, &launched, &failure);
    if (r != 0) print_error("%s\n", failure.sentence);
    assert_int_equal(r, 0);
    assert_int_equal(launched.uid, uid);
    assert_int_equal(launched.pid, 0);
    assert_int_equal(launched.pidfd, -1);
}

static void fails(const char *principal, TokenLevel level, HRESULT code, const char *why)
{
    Launched launched = {.uid = 77};
    SecFailure failure = {0};
    assert_int_equal(order(principal, level, true, &launched, &failure), LAUNCH_FAILED);
    if (failure.code != (uint32_t)code || !strstr(failure.sentence, why))
        print_error("%s\n", failure.sentence);
    assert_int_equal(failure.code, (uint32_t)code);
    assert_non_null(strstr(failure.sentence, why));
    assert_int_equal(launched.uid, 77);
}

static void test_nothing_to_start(void **state)
{
    describe("users = root\n");
    fails("alice@LAB.TEST", TOKEN_LEVEL_IMPERSONATION, REGDB_E_CLASSNOTREG, "no command= or library=");
    describe("users = root\n[{00000000-0000-0000-0000-000000000002}]\nnonsense = 1\n");
    fails("alice@LAB.TEST", TOKEN_LEVEL_IMPERSONATION, (HRESULT)ERROR_INVALID_DATA, "nonsense");
    (void)unlink(path);
    fails("alice@LAB.TEST", TOKEN_LEVEL_IMPERSONATION, REGDB_E_CLASSNOTREG, "no command= or library=");
}

static void test_named_account(void **state)
{
    char text[256];
    (void)snprintf(text, sizeof(text), "command = /x\nrun_as = %s\n", self.pw_name);
    describe(text);
    runs_as("alice@LAB.TEST", self.pw_uid);
    runs_as(NULL, self.pw_uid);
    /* the machine has the account, and whoever is asked here does not */
    describe("command = /x\nrun_as = daemon\n");
    fails("alice@LAB.TEST", TOKEN_LEVEL_IMPERSONATION, E_ACCESSDENIED, "cannot be found any more");
}

static void check_caller(const char *run_as)
{
    char text[256];
    (void)snprintf(text, sizeof(text), "command = /x\nrun_as = %s\n", run_as);
    describe(text);
    runs_as("alice@LAB.TEST", 1000);
    if (strcmp(run_as, "caller") == 0) /* of those who share an account none is given an identity */
        runs_as("alice@ELSE.TEST", self.pw_uid);
    else
        fails("alice@ELSE.TEST", TOKEN_LEVEL_IMPERSONATION, E_ACCESSDENIED, "no account here");
    fails("lena@LAB.TEST", TOKEN_LEVEL_IMPERSONATION, (HRESULT)ERROR_ACCESS_DENIED, "locked");
    fails("root@LAB.TEST", TOKEN_LEVEL_IMPERSONATION, (HRESULT)ERROR_ACCESS_DENIED,
          "nobody becomes by a name");
    fails("low@LAB.TEST", TOKEN_LEVEL_IMPERSONATION, (HRESULT)ERROR_ACCESS_DENIED, "min_uid");
    fails("alice@LAB.TEST", TOKEN_LEVEL_IDENTIFICATION, E_ACCESSDENIED, "activate at IMPERSONATE");
    fails(NULL, TOKEN_LEVEL_IMPERSONATION, E_ACCESSDENIED, "did not authenticate");
    set(CONF_ACCOUNTS_UNMAPPED, "none");
    fails("alice@ELSE.TEST", TOKEN_LEVEL_IMPERSONATION, E_ACCESSDENIED, "no account here");
    set(CONF_ACCOUNTS_UNMAPPED, self.pw_name);
}

static void test_caller_s_account(void **state)
{
    set(CONF_ACCOUNTS_UNMAPPED, self.pw_name);
    check_caller("caller");
    check_caller("activator");
}

static void test_activator_s_identity_is_needed(void **state)
{
    describe("command = /bin/true\nrun_as = activator\n");
    fails("alice@LAB.TEST", TOKEN_LEVEL_IMPERSONATION, E_ACCESSDENIED, "was not handed on");
}

static void test_starts(void **state)
{
    char text[256];
    Launched launched;
    SecFailure failure = {0};
    (void)snprintf(text, sizeof(text), "command = /bin/sleep 1000\nrun_as = %s\n", self.pw_name);
    describe(text);
    int r = order(NULL, 0, true, &launched, &failure);
    if (r != 0) print_error("%s\n", failure.sentence);
    assert_int_equal(r, 0);
    assert_int_equal(launched.uid, self.pw_uid);
    assert_true(launched.pid > 0);
    struct pollfd ended = {.fd = launched.pidfd, .events = POLLIN};
    assert_int_equal(poll(&ended, 1, 0), 0);
    assert_int_equal(kill(launched.pid, SIGKILL), 0);
    assert_int_equal(poll(&ended, 1, 60000), 1);
    close(launched.pidfd);
    (void)snprintf(text, sizeof(text), "library = /x.so\nrun_as = %s\n", self.pw_name);
    describe(text);
    fails(NULL, 0, CO_E_SERVER_EXEC_FAILURE, "/nonexistent/mantle-host");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_to_start), cmocka_unit_test(test_named_account),
        cmocka_unit_test(test_caller_s_account), cmocka_unit_test(test_activator_s_identity_is_needed),
        cmocka_unit_test(test_starts),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
