/* SPDX-License-Identifier: Apache-2.0 */
/* The pool: followers for blocked threads, the limit and its exception, threads that leave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include "io/pool.h"

#define SOON (20 * NS_PER_SECOND)

/* A method that blocks until it is let go. */
typedef struct Call {
    IoTask task;
    bool admit;
    atomic_int begun; /* 1 + the result of io_pool_block_begin() */
    atomic_bool done;
} Call;

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_opened = PTHREAD_COND_INITIALIZER;
static bool gate_open;

static void call_run(IoTask *task, bool cancelled)
{
    Call *call = container_of(task, Call, task);
    int r = io_pool_block_begin(call->admit);
    atomic_store(&call->begun, 1 + r);
    if (r == 0) {
        assert_int_equal(io_pool_block_begin(false), 0); /* nested: free, even where the limit is reached */
        pthread_mutex_lock(&gate);
        while (!gate_open)
            pthread_cond_wait(&gate_opened, &gate);
        pthread_mutex_unlock(&gate);
        io_pool_block_end();
        io_pool_block_end();
    }
    atomic_store(&call->done, true);
}

static int begin(IoLoop *loop, Call *call, bool admit)
{
    *call = (Call){.admit = admit};
    io_task_init(&call->task, call_run);
    io_loop_post(loop, &call->task);
    uint64_t deadline = time_after(SOON);
    while (atomic_load(&call->begun) == 0 && time_monotonic() < deadline)
        usleep(200);
    assert_int_not_equal(atomic_load(&call->begun), 0);
    return atomic_load(&call->begun) - 1;
}

static void gate_set(bool open)
{
    pthread_mutex_lock(&gate);
    gate_open = open;
    pthread_cond_broadcast(&gate_opened);
    pthread_mutex_unlock(&gate);
}

static void finish(Call *calls, size_t count)
{
    uint64_t deadline = time_after(SOON);
    gate_set(true);
    for (size_t i = 0; i < count; i++) {
        while (!atomic_load(&calls[i].done) && time_monotonic() < deadline)
            usleep(200);
        assert_true(atomic_load(&calls[i].done));
    }
}

static void test_bounds(void **state)
{
    _cleanup_(io_loop_freep) IoLoop *loop = NULL;
    IoPool *pool = NULL;
    assert_int_equal(io_loop_new(&loop), 0);
    assert_int_equal(io_pool_new(loop, 0, 4, &pool), -EINVAL);
    assert_int_equal(io_pool_new(loop, 1, 1, &pool), -EINVAL);
    assert_int_equal(io_pool_new(loop, 5, 4, &pool), -EINVAL);
    assert_int_equal(io_pool_new(loop, 1, IO_POOL_THREADS_LIMIT + 1, &pool), -EINVAL);
    assert_null(pool);
    assert_int_equal(io_pool_new(loop, 2, 2, &pool), 0);
    assert_int_equal(io_pool_state(pool).threads, 2);
    pool = io_pool_free(pool);
    assert_null(io_pool_free(NULL));
    /* a thread of no pool may say what it likes */
    assert_int_equal(io_pool_block_begin(false), 0);
    io_pool_block_end();
}

static void test_grows_then_refuses(void **state)
{
    enum { MAX = 5 };
    _cleanup_(io_loop_freep) IoLoop *loop = NULL;
    _cleanup_(io_pool_freep) IoPool *pool = NULL;
    Call calls[MAX - 1], refused, admitted[3], after;
    assert_int_equal(io_loop_new(&loop), 0);
    assert_int_equal(io_pool_new(loop, 1, MAX, &pool), 0);
    gate_set(false);
    for (size_t i = 0; i < MAX - 1; i++) {
        assert_int_equal(begin(loop, &calls[i], false), 0);
        assert_int_equal(io_pool_state(pool).blocked, i + 1);
        assert_int_equal(io_pool_state(pool).threads, i + 2);
    }
    assert_int_equal(begin(loop, &refused, false), IO_EXHAUSTED);
    assert_int_equal(io_pool_state(pool).blocked, MAX - 1);
    for (size_t i = 0; i < ARRAY_SIZE(admitted); i++) {
        assert_int_equal(begin(loop, &admitted[i], true), 0);
        assert_int_equal(io_pool_state(pool).threads, MAX + 1 + i);
        assert_int_equal(begin(loop, &refused, false), IO_EXHAUSTED);
    }
    finish(calls, ARRAY_SIZE(calls));
    finish(admitted, ARRAY_SIZE(admitted));
    assert_int_equal(io_pool_state(pool).blocked, 0);
    assert_int_equal(begin(loop, &after, false), 0);
    finish(&after, 1);
}

static void test_idle_threads_leave(void **state)
{
    enum { MIN = 2, MAX = 6 };
    _cleanup_(io_loop_freep) IoLoop *loop = NULL;
    _cleanup_(io_pool_freep) IoPool *pool = NULL;
    Call calls[MAX - 1];
    assert_int_equal(io_loop_new(&loop), 0);
    assert_int_equal(io_pool_new(loop, MIN, MAX, &pool), 0);
    io_pool_set_idle(pool, 5 * NS_PER_MS);
    for (int round = 0; round < 5; round++) {
        gate_set(false);
        for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
            assert_int_equal(begin(loop, &calls[i], false), 0);
        assert_int_equal(io_pool_state(pool).threads, MAX);
        if (round == 0) usleep(30000); /* the one that reads is idle now, and must stay */
        assert_int_equal(io_pool_state(pool).threads, MAX);
        finish(calls, ARRAY_SIZE(calls));
        /* one may have slept since before the idle time was set: it does not count as more than the least */
        uint64_t deadline = time_after(SOON);
        while (io_pool_state(pool).threads > MIN && time_monotonic() < deadline)
            usleep(500);
        assert_int_equal(io_pool_state(pool).threads, MIN);
    }
    usleep(30000);
    assert_int_equal(io_pool_state(pool).threads, MIN);
}

static void test_stop_while_blocked(void **state)
{
    _cleanup_(io_loop_freep) IoLoop *loop = NULL;
    _cleanup_(io_pool_freep) IoPool *pool = NULL;
    Call call;
    assert_int_equal(io_loop_new(&loop), 0);
    assert_int_equal(io_pool_new(loop, 2, 4, &pool), 0);
    gate_set(false);
    assert_int_equal(begin(loop, &call, false), 0);
    io_loop_stop(loop);
    uint64_t deadline = time_after(SOON);
    while (io_pool_state(pool).threads > 1 && time_monotonic() < deadline)
        usleep(200);
    assert_int_equal(io_pool_state(pool).threads, 1); /* the one in the call finishes it first */
    finish(&call, 1);
    pool = io_pool_free(pool);
}

static void signals_of_thread(IoTask *task, bool cancelled)
{
    Call *call = container_of(task, Call, task);
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    atomic_store(&call->begun, 1 + sigismember(&mask, SIGTERM));
}

static void test_signals_are_blocked(void **state)
{
    _cleanup_(io_loop_freep) IoLoop *loop = NULL;
    _cleanup_(io_pool_freep) IoPool *pool = NULL;
    Call call = {.admit = false};
    sigset_t mask;
    assert_int_equal(io_loop_new(&loop), 0);
    assert_int_equal(io_pool_new(loop, 1, 2, &pool), 0);
    io_task_init(&call.task, signals_of_thread);
    io_loop_post(loop, &call.task);
    uint64_t deadline = time_after(SOON);
    while (atomic_load(&call.begun) == 0 && time_monotonic() < deadline)
        usleep(200);
    assert_int_equal(atomic_load(&call.begun), 2);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    assert_int_equal(sigismember(&mask, SIGTERM), 0); /* and ours are as before */
}

/* Stays with its work until the gate opens, if it may: `begun` is 2 then, else 1. */
static void linger_run(IoTask *task, bool cancelled)
{
    Call *call = container_of(task, Call, task);
    bool blocked = io_pool_block_begin(false) == 0, may = blocked && io_pool_linger_begin();
    atomic_store(&call->begun, 1 + may);
    if (may) {
        pthread_mutex_lock(&gate);
        while (!gate_open)
            pthread_cond_wait(&gate_opened, &gate);
        pthread_mutex_unlock(&gate);
        blocked = io_pool_linger_end();
    }
    if (blocked) io_pool_block_end();
    atomic_store(&call->done, true);
}

static bool linger(IoLoop *loop, Call *call)
{
    *call = (Call){.admit = false};
    io_task_init(&call->task, linger_run);
    io_loop_post(loop, &call->task);
    uint64_t deadline = time_after(SOON);
    while (atomic_load(&call->begun) == 0 && time_monotonic() < deadline)
        usleep(200);
    assert_int_not_equal(atomic_load(&call->begun), 0);
    return atomic_load(&call->begun) == 2;
}

static void test_linger(void **state)
{
    enum { MAX = 2 };
    _cleanup_(io_loop_freep) IoLoop *loop = NULL;
    _cleanup_(io_pool_freep) IoPool *pool = NULL;
    Call calls[2], refused;
    assert_false(io_pool_linger_begin()); /* a thread of no pool */
    assert_int_equal(io_loop_new(&loop), 0);
    assert_int_equal(io_pool_new(loop, MAX, MAX, &pool), 0);
    /* the last reader must not, beside a call as beside one that lingers */
    gate_set(false);
    assert_int_equal(begin(loop, &calls[0], false), 0);
    assert_false(linger(loop, &refused));
    finish(calls, 1);
    finish(&refused, 1);
    gate_set(false);
    assert_true(linger(loop, &calls[0]));
    assert_int_equal(io_pool_state(pool).blocked, 1);
    assert_false(linger(loop, &refused));
    /* but it may take a call: the other one will be back */
    assert_int_equal(begin(loop, &calls[1], false), 0);
    assert_int_equal(io_pool_state(pool).threads, MAX);
    assert_int_equal(io_pool_state(pool).blocked, 2);
    finish(calls, 2);
    finish(&refused, 1);
    assert_int_equal(io_pool_state(pool).blocked, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_grows_then_refuses),
        cmocka_unit_test(test_idle_threads_leave),
        cmocka_unit_test(test_stop_while_blocked),
        cmocka_unit_test(test_signals_are_blocked),
        cmocka_unit_test(test_linger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
