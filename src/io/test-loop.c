/* SPDX-License-Identifier: Apache-2.0 */
/* The loop, with one thread and with several: one-shot handles, removal under fire, timers, tasks, stopping.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include "io/loop.h"
#include "io/timers.h"

#define SOON (20 * NS_PER_SECOND)

/* An object around a handle, as a connection would be. */
typedef struct Peer {
    IoHandle handle;
    int other_end;
    atomic_int inside, most_inside, calls;
    atomic_bool removed;
    bool rearm;
} Peer;

static atomic_int peers_alive;

static void peer_destroy(IoHandle *handle)
{
    Peer *peer = container_of(handle, Peer, handle);
    close(handle->fd);
    close(peer->other_end);
    free(peer);
    atomic_fetch_sub(&peers_alive, 1);
}

static void peer_ready(IoHandle *handle, uint32_t events)
{
    Peer *peer = container_of(handle, Peer, handle);
    char byte;
    int inside = atomic_fetch_add(&peer->inside, 1) + 1;
    if (inside > atomic_load(&peer->most_inside)) atomic_store(&peer->most_inside, inside);
    ssize_t got = read(handle->fd, &byte, 1);
    atomic_fetch_add(&peer->calls, 1);
    atomic_fetch_sub(&peer->inside, 1);
    if (got == 1 && peer->rearm) {
        int r = io_handle_arm(handle, EPOLLIN);
        assert_true(r == 0 || r == -ENOENT);
    }
}

static Peer *peer_new(bool rearm)
{
    Peer *peer = calloc(1, sizeof(*peer));
    int ends[2];
    assert_non_null(peer);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    io_handle_init(&peer->handle, ends[0], peer_ready, peer_destroy);
    peer->other_end = ends[1];
    peer->rearm = rearm;
    atomic_fetch_add(&peers_alive, 1);
    return peer;
}

static void test_one_shot(void **state)
{
    _cleanup_(io_loop_freep) IoLoop *loop = NULL;
    assert_int_equal(io_loop_new(&loop), 0);
    assert_int_equal(io_loop_step(loop, 0), -ETIMEDOUT);
    Peer *peer = peer_new(false);
    assert_int_equal(io_handle_arm(&peer->handle, EPOLLIN), -ENOENT);
    assert_int_equal(io_handle_add(loop, &peer->handle, EPOLLIN), 0);
    assert_int_equal(io_loop_step(loop, 0), -ETIMEDOUT);
    assert_int_equal(write(peer->other_end, "ab", 2), 2);
    assert_int_equal(io_loop_step(loop, time_after(SOON)), 0);
    assert_int_equal(atomic_load(&peer->calls), 1);
    /* there is more to read, but nobody armed it again */
    assert_int_equal(io_loop_step(loop, 0), -ETIMEDOUT);
    assert_int_equal(io_handle_arm(&peer->handle, EPOLLIN), 0);
    assert_int_equal(io_loop_step(loop, time_after(SOON)), 0);
    assert_int_equal(atomic_load(&peer->calls), 2);
    io_handle_remove(&peer->handle);
    io_handle_remove(&peer->handle);
    assert_int_equal(io_handle_arm(&peer->handle, EPOLLIN), -ENOENT);
    assert_int_equal(atomic_load(&peers_alive), 1);
    assert_null(io_handle_unref(&peer->handle));
    assert_int_equal(atomic_load(&peers_alive), 0);
}

static void test_added_unarmed(void **state)
{
    _cleanup_(io_loop_freep) IoLoop *loop = NULL;
    assert_int_equal(io_loop_new(&loop), 0);
    Peer *peer = peer_new(false);
    assert_int_equal(io_handle_add(loop, &peer->handle, 0), 0);
    /* a hang-up is not reported before somebody asks */
    assert_int_equal(shutdown(peer->other_end, SHUT_RDWR), 0);
    assert_int_equal(io_loop_step(loop, 0), -ETIMEDOUT);
    assert_int_equal(io_handle_arm(&peer->handle, EPOLLIN), 0);
    assert_int_equal(io_loop_step(loop, time_after(SOON)), 0);
    assert_int_equal(atomic_load(&peer->calls), 1);
    /* the loop's own reference is the last: freeing the loop destroys the object */
    io_handle_unref(&peer->handle);
    assert_int_equal(atomic_load(&peers_alive), 1);
    loop = io_loop_free(loop);
    assert_int_equal(atomic_load(&peers_alive), 0);
}

static void test_event_of_a_removed_handle(void **state)
{
    _cleanup_(io_loop_freep) IoLoop *loop = NULL;
    assert_int_equal(io_loop_new(&loop), 0);
    /* the place in the table is reused many times: never does an event reach the wrong handle */
    for (int i = 0; i < 100; i++) {
        Peer *old = peer_new(false), *new = peer_new(false);
        assert_int_equal(io_handle_add(loop, &old->handle, EPOLLIN), 0);
        uint64_t id = atomic_load(&old->handle.id);
        assert_int_equal(write(old->other_end, "x", 1), 1);
        io_handle_remove(&old->handle);
        assert_int_equal(io_handle_add(loop, &new->handle, EPOLLIN), 0);
        assert_true(atomic_load(&new->handle.id) != id);
        assert_int_equal((uint32_t)atomic_load(&new->handle.id), (uint32_t)id);
        assert_int_equal(io_loop_step(loop, 0), -ETIMEDOUT);
        assert_int_equal(atomic_load(&new->calls), 0);
        io_handle_remove(&new->handle);
        io_handle_unref(&new->handle);
        io_handle_unref(&old->handle);
    }
    assert_int_equal(atomic_load(&peers_alive), 0);
}

static void *run_thread(void *argument)
{
    int r = io_loop_run(argument);
    return (void *)(intptr_t)r;
}

static void start_threads(pthread_t *threads, size_t count, IoLoop *loop)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_thread, loop), 0);
}

static void join_threads(pthread_t *threads, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        void *r;
        assert_int_equal(pthread_join(threads[i], &r), 0);
        assert_int_equal((intptr_t)r, 0);
    }
}

static void wait_until(atomic_int *value, int expected)
{
    uint64_t deadline = time_after(SOON);
    while (atomic_load(value) < expected && time_monotonic() < deadline)
        usleep(200);
    assert_int_equal(atomic_load(value), expected);
}

enum { THREADS = 4, PEERS = 20, ROUNDS = 200 };

static void test_many_threads(void **state)
{
    _cleanup_(io_loop_freep) IoLoop *loop = NULL;
    pthread_t threads[THREADS];
    Peer *peers[PEERS];
    assert_int_equal(io_loop_new(&loop), 0);
    start_threads(threads, THREADS, loop);
    for (size_t i = 0; i < PEERS; i++) {
        peers[i] = peer_new(true);
        assert_int_equal(io_handle_add(loop, &peers[i]->handle, EPOLLIN), 0);
    }
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < PEERS; i++)
            assert_int_equal(write(peers[i]->other_end, "x", 1), 1);
    for (size_t i = 0; i < PEERS; i++) {
        wait_until(&peers[i]->calls, ROUNDS);
        assert_int_equal(atomic_load(&peers[i]->most_inside), 1);
        io_handle_remove(&peers[i]->handle);
        io_handle_unref(&peers[i]->handle);
    }
    io_loop_stop(loop);
    join_threads(threads, THREADS);
    assert_int_equal(io_loop_step(loop, TIME_NEVER), IO_STOPPED);
    Peer *late = peer_new(false);
    assert_int_equal(io_handle_add(loop, &late->handle, EPOLLIN), -ESHUTDOWN);
    io_handle_unref(&late->handle);
    assert_int_equal(atomic_load(&peers_alive), 0);
}

static void test_remove_under_fire(void **state)
{
    _cleanup_(io_loop_freep) IoLoop *loop = NULL;
    pthread_t threads[THREADS];
    assert_int_equal(io_loop_new(&loop), 0);
    start_threads(threads, THREADS, loop);
    for (int round = 0; round < 2000; round++) {
        Peer *peer = peer_new(true);
        assert_int_equal(io_handle_add(loop, &peer->handle, EPOLLIN), 0);
        assert_int_equal(write(peer->other_end, "xyz", 3), 3);
        if (round % 3 == 0) sched_yield();
        io_handle_remove(&peer->handle);
        io_handle_unref(&peer->handle);
    }
    io_loop_stop(loop);
    join_threads(threads, THREADS);
    assert_int_equal(atomic_load(&peers_alive), 0);
}

/* Timers */

typedef struct Alarm {
    IoTimer timer;
    IoLoop *loop;
    uint64_t fired_at;
    atomic_int fired, cancelled;
    int again;
} Alarm;

static void alarm_fire(IoTimer *timer, bool cancelled)
{
    Alarm *alarm = container_of(timer, Alarm, timer);
    alarm->fired_at = time_monotonic();
    if (cancelled)
        atomic_fetch_add(&alarm->cancelled, 1);
    else if (alarm->again-- > 0)
        assert_int_equal(io_timer_start(alarm->loop, timer, time_after(NS_PER_MS)), 0);
    if (!cancelled) atomic_fetch_add(&alarm->fired, 1);
}

static void alarm_init(Alarm *alarm, IoLoop *loop)
{
    *alarm = (Alarm){.loop = loop};
    io_timer_init(&alarm->timer, alarm_fire);
}

static void test_timer_heap(void **state)
{
    static IoTimer all[500];
    Timers timers = {0};
    uint32_t random = 7;
    assert_true(timers_first(&timers) == TIME_NEVER);
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        random = random * 1664525u + 1013904223u;
        assert_int_equal(timers_put(&timers, &all[i], random >> 16), 0);
    }
    for (size_t i = 0; i < ARRAY_SIZE(all); i += 3) {
        random = random * 1664525u + 1013904223u;
        assert_int_equal(timers_put(&timers, &all[i], random >> 16), 1);
    }
    for (size_t i = 1; i < ARRAY_SIZE(all); i += 3)
        timers_remove(&timers, &all[i]);
    size_t left = timers.count;
    uint64_t last = 0;
    assert_null(timers_pop(&timers, timers_first(&timers) - 1));
    for (IoTimer *timer; (timer = timers_pop(&timers, TIME_NEVER)); left--) {
        assert_true(timer->deadline >= last);
        assert_int_equal(timer->index, 0);
        last = timer->deadline;
    }
    assert_int_equal(left, 0);
    timers_deinit(&timers);
}

static void test_timers(void **state)
{
    _cleanup_(io_loop_freep) IoLoop *loop = NULL;
    Alarm early, late, stopped, repeated;
    assert_int_equal(io_loop_new(&loop), 0);
    alarm_init(&early, loop);
    alarm_init(&late, loop);
    alarm_init(&stopped, loop);
    alarm_init(&repeated, loop);
    repeated.again = 3;
    uint64_t start = time_monotonic();
    assert_int_equal(io_timer_start(loop, &late.timer, start + 60 * NS_PER_MS), 0);
    assert_int_equal(io_timer_start(loop, &stopped.timer, start + 10 * NS_PER_MS), 0);
    assert_int_equal(io_timer_start(loop, &early.timer, start + 3600 * NS_PER_SECOND), 0);
    assert_int_equal(io_timer_start(loop, &early.timer, start + 20 * NS_PER_MS), 1); /* moved */
    assert_int_equal(io_timer_start(loop, &repeated.timer, 0), 0);                   /* already due */
    assert_true(io_timer_stop(loop, &stopped.timer));
    assert_false(io_timer_stop(loop, &stopped.timer));
    while (atomic_load(&late.fired) == 0 || atomic_load(&repeated.fired) < 4)
        assert_int_equal(io_loop_step(loop, time_after(SOON)), 0);
    assert_int_equal(atomic_load(&early.fired), 1);
    assert_int_equal(atomic_load(&late.fired), 1);
    assert_int_equal(atomic_load(&stopped.fired), 0);
    assert_true(early.fired_at >= start + 20 * NS_PER_MS);
    assert_true(late.fired_at >= start + 60 * NS_PER_MS);
    assert_true(early.fired_at < late.fired_at);
    assert_false(io_timer_stop(loop, &late.timer));
    /* an earlier one moves a wake-up that is already set; what never fires is cancelled */
    assert_int_equal(io_timer_start(loop, &stopped.timer, time_after(3600 * NS_PER_SECOND)), 0);
    assert_int_equal(io_timer_start(loop, &early.timer, TIME_NEVER), 0);
    assert_int_equal(io_timer_start(loop, &late.timer, time_after(NS_PER_MS)), 0);
    while (atomic_load(&late.fired) == 1)
        assert_int_equal(io_loop_step(loop, time_after(SOON)), 0);
    loop = io_loop_free(loop);
    assert_int_equal(atomic_load(&stopped.cancelled), 1);
    assert_int_equal(atomic_load(&early.cancelled), 1);
    assert_int_equal(atomic_load(&late.cancelled), 0);
}

enum { ALARMS = 200 };

static void test_timers_many_threads(void **state)
{
    static Alarm alarms[ALARMS];
    _cleanup_(io_loop_freep) IoLoop *loop = NULL;
    pthread_t threads[THREADS];
    int stopped = 0, fired = 0;
    assert_int_equal(io_loop_new(&loop), 0);
    start_threads(threads, THREADS, loop);
    for (int i = 0; i < ALARMS; i++) {
        alarm_init(&alarms[i], loop);
        assert_int_equal(io_timer_start(loop, &alarms[i].timer, time_after((uint64_t)(i % 40) * NS_PER_MS)),
                         0);
    }
    for (int i = 0; i < ALARMS; i += 2)
        stopped += io_timer_stop(loop, &alarms[i].timer);
    uint64_t deadline = time_after(SOON);
    do {
        usleep(1000);
        fired = 0;
        for (int i = 0; i < ALARMS; i++)
            fired += atomic_load(&alarms[i].fired);
    } while (fired < ALARMS - stopped && time_monotonic() < deadline);
    usleep(20000);
    io_loop_stop(loop);
    join_threads(threads, THREADS);
    /* every start ended in exactly one way */
    fired = 0;
    for (int i = 0; i < ALARMS; i++)
        fired += atomic_load(&alarms[i].fired);
    assert_int_equal(fired + stopped, ALARMS);
}

/* Tasks */

typedef struct Job {
    IoTask task;
    IoLoop *loop;
    atomic_int ran, cancelled;
    int again;
} Job;

static void job_run(IoTask *task, bool cancelled)
{
    Job *job = container_of(task, Job, task);
    atomic_fetch_add(cancelled ? &job->cancelled : &job->ran, 1);
    if (job->again-- > 0) io_loop_post(job->loop, task);
}

static void test_tasks(void **state)
{
    static Job jobs[1000];
    _cleanup_(io_loop_freep) IoLoop *loop = NULL;
    pthread_t threads[THREADS];
    assert_int_equal(io_loop_new(&loop), 0);
    start_threads(threads, THREADS, loop);
    for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
        jobs[i] = (Job){.loop = loop, .again = i % 3 == 0};
        io_task_init(&jobs[i].task, job_run);
        io_loop_post(loop, &jobs[i].task);
        if (i % 100 == 0) usleep(500);
    }
    for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
        wait_until(&jobs[i].ran, i % 3 == 0 ? 2 : 1);
    io_loop_stop(loop);
    join_threads(threads, THREADS);
    jobs[0].again = 0;
    io_loop_post(loop, &jobs[0].task);
    jobs[1].again = 1;
    io_loop_post(loop, &jobs[1].task);
    loop = io_loop_free(loop);
    assert_int_equal(atomic_load(&jobs[0].cancelled), 1);
    assert_int_equal(atomic_load(&jobs[1].cancelled), 2);
    assert_null(io_loop_free(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_shot),
        cmocka_unit_test(test_added_unarmed),
        cmocka_unit_test(test_event_of_a_removed_handle),
        cmocka_unit_test(test_many_threads),
        cmocka_unit_test(test_remove_under_fire),
        cmocka_unit_test(test_timer_heap),
        cmocka_unit_test(test_timers),
        cmocka_unit_test(test_timers_many_threads),
        cmocka_unit_test(test_tasks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
