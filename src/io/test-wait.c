/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting: readiness against deadline, sets, interrupted waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include "base/time.h"
#include "io/wait.h"

static void test_ready_and_deadline(void **state)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(io_wait(&(IoWait){.fd = ends[1], .events = POLLOUT, .deadline = 0}), 0);
    assert_int_equal(io_wait(&(IoWait){.fd = ends[0], .events = POLLIN, .deadline = 0}), -ETIMEDOUT);
    uint64_t deadline = time_after(20 * NS_PER_MS);
    assert_int_equal(io_wait(&(IoWait){.fd = ends[0], .events = POLLIN, .deadline = deadline}), -ETIMEDOUT);
    assert_true(time_monotonic() >= deadline);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(io_wait(&(IoWait){.fd = ends[0], .events = POLLIN, .deadline = TIME_NEVER}), 0);
    close(ends[1]);
    close(ends[0]);
    assert_int_equal(io_wait(&(IoWait){.fd = ends[0], .events = POLLIN, .deadline = TIME_NEVER}), -EBADF);
}

static void test_hang_up_is_ready(void **state)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[1]);
    assert_int_equal(io_wait(&(IoWait){.fd = ends[0], .events = POLLIN, .deadline = TIME_NEVER}), 0);
    close(ends[0]);
}

static void test_only_deadline(void **state)
{
    uint64_t deadline = time_after(20 * NS_PER_MS);
    assert_int_equal(io_wait(&(IoWait){.fd = -1, .deadline = deadline}), -ETIMEDOUT);
    assert_true(time_monotonic() >= deadline);
    assert_int_equal(io_wait(&(IoWait){.fd = -1, .deadline = TIME_NEVER}), -EINVAL);
}

static void test_set(void **state)
{
    int a[2], b[2];
    IoWaitSet set;
    assert_int_equal(pipe(a), 0);
    assert_int_equal(pipe(b), 0);
    io_wait_set_init(&set);
    assert_int_equal(io_wait_set(&set), -EINVAL);
    assert_int_equal(io_wait_set_add(&set, &(IoWait){.fd = a[0], .events = POLLIN, .deadline = TIME_NEVER}),
                     0);
    assert_int_equal(io_wait_set_add(&set, &(IoWait){.fd = b[0], .events = POLLIN, .deadline = 5}), 0);
    assert_int_equal(io_wait_set_add(&set, &(IoWait){.fd = -1, .deadline = 7}), 0);
    assert_int_equal(set.count, 2);
    assert_int_equal(set.deadline, 5);
    assert_int_equal(io_wait_set(&set), -ETIMEDOUT);
    assert_int_equal(write(b[1], "x", 1), 1);
    assert_int_equal(io_wait_set(&set), 0);
    assert_int_equal(io_wait_set_ready(&set, a[0]), 0);
    assert_int_equal(io_wait_set_ready(&set, b[0]), POLLIN);
    assert_int_equal(io_wait_set_ready(&set, 12345), 0);
    for (int i = 0; i < 2; i++) {
        close(a[i]);
        close(b[i]);
    }
}

static void test_set_limit(void **state)
{
    IoWaitSet set;
    io_wait_set_init(&set);
    for (int i = 0; i < (int)IO_WAIT_MAX; i++)
        assert_int_equal(io_wait_set_add(&set, &(IoWait){.fd = i, .events = POLLIN, .deadline = 9}), 0);
    assert_int_equal(io_wait_set_add(&set, &(IoWait){.fd = 100, .events = POLLIN, .deadline = 1}), -ENOSPC);
    assert_int_equal(set.deadline, 9);
    /* one that is there already still merges */
    assert_int_equal(io_wait_set_add(&set, &(IoWait){.fd = 3, .events = POLLOUT, .deadline = 2}), 0);
    assert_int_equal(set.count, IO_WAIT_MAX);
    assert_int_equal(set.fds[3].events, POLLIN | POLLOUT);
    assert_int_equal(set.deadline, 2);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int number)
{
    alarms++;
}

static void test_interrupted(void **state)
{
    struct sigaction action = {.sa_handler = on_alarm}, before;
    struct itimerval often = {.it_interval = {.tv_usec = 3000}, .it_value = {.tv_usec = 3000}}, off = {0};
    assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
    uint64_t start = time_monotonic(), deadline = time_after(40 * NS_PER_MS);
    int r = io_wait(&(IoWait){.fd = -1, .deadline = deadline});
    uint64_t end = time_monotonic();
    assert_int_equal(setitimer(ITIMER_REAL, &off, NULL), 0);
    assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
    assert_int_equal(r, -ETIMEDOUT);
    assert_true(alarms > 0);
    assert_true(end >= deadline && end - start < 5 * NS_PER_SECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ready_and_deadline), cmocka_unit_test(test_hang_up_is_ready),
        cmocka_unit_test(test_only_deadline),      cmocka_unit_test(test_set),
        cmocka_unit_test(test_set_limit),          cmocka_unit_test(test_interrupted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
