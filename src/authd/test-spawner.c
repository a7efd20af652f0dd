/* SPDX-License-Identifier: Apache-2.0 */
/* The spawner: what runs has the account's ids and nothing else, and who may not be used is told why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <winerror.h>
#include "authd/spawner.h"
#include "base/time.h"
#include "io/socket.h"

#define PATIENCE (60 * NS_PER_SECOND)

static Spawner *spawner;
static pid_t pid;
static char
    account[256]; /* one that is not root's: the only one there is to become where the test is not root's */
static uid_t uid;

static int set_up(void **state)
{
    struct passwd *entry = geteuid() == 0 ? getpwnam("nobody") : getpwuid(geteuid());
    if (!entry) return -1;
    (void)snprintf(account, sizeof(account), "%s", entry->pw_name);
    uid = entry->pw_uid;
    return spawner_new(NULL, &spawner);
}

static int tear_down(void **state)
{
    spawner = spawner_free(spawner);
    return 0;
}

/* What a shell that was started says on descriptor 3, until it ends. */
static int start_shell(const char *who, uid_t as, const char *script, char *said, size_t size,
                       SecFailure *failure)
{
    const char *const command[] = {"/bin/sh", "-c", script, "sh", "one word", NULL};
    const char *const environment[] = {"MANTLE_CONFIG=/nonexistent", NULL};
    int pair[2], pidfd = -1;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    SpawnRequest request = {.account = who,
                            .uid = as,
                            .command = command,
                            .environment = environment,
                            .fds = {pair[1]},
                            .fd_count = 1};
    int r = spawner_start(spawner, &request, &pid, &pidfd, failure);
    (void)close(pair[1]);
    size_t n = 0;
    ssize_t got;
    while (n + 1 < size && (got = read(pair[0], said + n, size - 1 - n)) > 0)
        n += (size_t)got;
    said[n] = 0;
    (void)close(pair[0]);
    if (r == 0) {
        struct pollfd ended = {.fd = pidfd, .events = POLLIN};
        assert_int_equal(poll(&ended, 1, 60000), 1);
        (void)close(pidfd);
    }
    return r;
}

static void says(const char *script, const char *expected)
{
    char said[4096];
    SecFailure failure = {0};
    int r = start_shell(account, uid, script, said, sizeof(said), &failure);
    if (r != 0) print_error("%s\n", failure.sentence);
    assert_int_equal(r, 0);
    assert_string_equal(said, expected);
}

static void test_has_the_account_s_ids(void **state)
{
    char expected[512];
    (void)snprintf(expected, sizeof(expected), "Uid:\t%u\t%u\t%u\t%u\n", (unsigned)uid, (unsigned)uid,
                   (unsigned)uid, (unsigned)uid);
    says("grep Uid /proc/self/status >&3", expected);
    says("grep -E 'Cap(Inh|Prm|Eff|Amb):.*[1-9a-f]' /proc/self/status >&3", "");
    if (geteuid() == 0) says("grep -E 'CapBnd:.*[1-9a-f]' /proc/self/status >&3", "");
    says("grep NoNewPrivs /proc/self/status >&3", "NoNewPrivs:\t1\n");
    says("id -un >&3", strcat(strcpy(expected, account), "\n"));
    if (geteuid() == 0) says("touch /etc/mantle-test-file 2>/dev/null || echo refused >&3", "refused\n");
}

static void test_has_what_it_was_given(void **state)
{
    char expected[1024];
    says("echo \"$1\" >&3", "one word\n");
    says("echo $MANTLE_CONFIG >&3", "/nonexistent\n");
    (void)snprintf(expected, sizeof(expected), "%s %s\n", account, account);
    says("echo $USER $LOGNAME >&3", expected);
    /* 3 was given, and ls has one of its own; nothing else is left open */
    says("ls /proc/self/fd | tr '\\n' ' ' >&3", "0 1 2 3 4 ");
    says("readlink /proc/self/fd/0 >&3", "/dev/null\n");
    says("trap '' TERM; kill -l >/dev/null; grep -E 'Sig(Blk):.*[1-9a-f]' /proc/self/status >&3", "");
}

static void refused(const char *who, uid_t as, uint32_t code, const char *why)
{
    char said[64];
    SecFailure failure = {0};
    assert_int_equal(start_shell(who, as, "echo ran >&3", said, sizeof(said), &failure), SPAWN_FAILED);
    assert_string_equal(said, "");
    assert_int_equal(failure.code, code);
    if (!strstr(failure.sentence, why)) print_error("%s\n", failure.sentence);
    assert_non_null(strstr(failure.sentence, why));
}

static void test_who_is_refused(void **state)
{
    refused("nobody-of-that-name", 12345, ERROR_ACCESS_DENIED, "no such account");
    refused("root", 0, ERROR_ACCESS_DENIED,
            geteuid() == 0 ? "root is nobody's account" : "nothing is started as root");
    if (geteuid() == 0) {
        refused(account, uid + 1, ERROR_ACCESS_DENIED, "another one now");
        refused("daemon", 0, ERROR_ACCESS_DENIED, "another one now");
    } else {
        refused("nobody", 65534, ERROR_ACCESS_DENIED, "nothing is started as nobody");
    }
}

static int start_command(const char *const *command, int *ret_pidfd, SecFailure *failure)
{
    const char *const none[] = {NULL};
    SpawnRequest request = {.account = account, .uid = uid, .command = command, .environment = none};
    return spawner_start(spawner, &request, &pid, ret_pidfd, failure);
}

static void test_what_cannot_be_run(void **state)
{
    int pidfd = -1;
    SecFailure failure = {0};
    assert_int_equal(start_command((const char *[]){"/nonexistent/program", NULL}, &pidfd, &failure),
                     SPAWN_FAILED);
    assert_int_equal(failure.code, (uint32_t)CO_E_SERVER_EXEC_FAILURE);
    assert_non_null(strstr(failure.sentence, "No such file"));
    assert_int_equal(start_command((const char *[]){"/etc/passwd", NULL}, &pidfd, &failure), SPAWN_FAILED);
    assert_non_null(strstr(failure.sentence, "Permission denied"));
    assert_int_equal(start_command((const char *[]){"sh", NULL}, &pidfd, &failure), SPAWN_FAILED);
    assert_int_equal(failure.code, (uint32_t)E_INVALIDARG);
    assert_int_equal(pidfd, -1);
}

static void test_too_much(void **state)
{
    const char *words[SPAWNER_WORDS_MAX + 2];
    int pidfd = -1;
    SecFailure failure = {0};
    for (size_t i = 0; i <= SPAWNER_WORDS_MAX; i++)
        words[i] = "/bin/true";
    words[SPAWNER_WORDS_MAX + 1] = NULL;
    assert_int_equal(start_command(words, &pidfd, &failure), SPAWN_FAILED);
    assert_int_equal(failure.code, (uint32_t)E_INVALIDARG);
    char *long_word = malloc(SPAWNER_MESSAGE_MAX);
    assert_non_null(long_word);
    memset(long_word, 'a', SPAWNER_MESSAGE_MAX - 1);
    long_word[SPAWNER_MESSAGE_MAX - 1] = 0;
    assert_true(start_command((const char *[]){"/bin/true", long_word, NULL}, &pidfd, &failure) < 0);
    free(long_word);
    assert_int_equal(start_command((const char *[]){"/bin/true", NULL}, &pidfd, &failure), 0);
    (void)close(pidfd);
}

static void *start_some(void *argument)
{
    for (int i = 0; i < 10; i++) {
        char said[64];
        SecFailure failure;
        assert_int_equal(start_shell(account, uid, "echo ran >&3", said, sizeof(said), &failure), 0);
        assert_string_equal(said, "ran\n");
    }
    return argument;
}

static void test_many_at_once(void **state)
{
    pthread_t threads[8];
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, start_some, NULL), 0);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

/* What was started outlives the spawner; a spawner that is gone is a failure with a sentence. */
static void test_lives_on(void **state)
{
    Spawner *other;
    int pidfd = -1, pair[2];
    char byte;
    SecFailure failure = {0};
    const char *const command[] = {"/bin/sh", "-c", "read line <&3 && echo $line >&3", NULL}, *const none[] =
                                                                                                  {NULL};
    assert_int_equal(spawner_new(NULL, &other), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    SpawnRequest request = {.account = account,
                            .uid = uid,
                            .command = command,
                            .environment = none,
                            .fds = {pair[1]},
                            .fd_count = 1};
    assert_int_equal(spawner_start(other, &request, &pid, &pidfd, &failure), 0);
    (void)close(pair[1]);
    spawner_free(other);
    assert_int_equal(write(pair[0], "x\n", 2), 2);
    assert_int_equal(read(pair[0], &byte, 1), 1);
    assert_int_equal(byte, 'x');
    (void)close(pair[0]);
    (void)close(pidfd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_has_the_account_s_ids),
        cmocka_unit_test(test_has_what_it_was_given),
        cmocka_unit_test(test_who_is_refused),
        cmocka_unit_test(test_what_cannot_be_run),
        cmocka_unit_test(test_too_much),
        cmocka_unit_test(test_many_at_once),
        cmocka_unit_test(test_lives_on),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
