/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What epoll hands back is a number, not a pointer: place and generation in a table of handles. A thread that
 * holds an event of a handle that has meanwhile been removed (and freed) finds its number void; one that
 * finds it good takes a reference under the table's lock before it touches the handle.
 *
 * Tasks wake by an edge-triggered eventfd: a list that becomes non-empty makes an edge, and who takes a task
 * from a list that stays non-empty makes the next one. So "the list is not empty" always implies "somebody
 * will wake". Timers are a heap behind one timerfd, edge-triggered, which is set only when it would fire too
 * late.
 */
#include "io/loop.h"
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include "io/timers.h"

enum { ID_STOP = 1, ID_TASK = 2, ID_TIMER = 3, ID_FIRST_HANDLE = 16 };

typedef struct Slot {
    IoHandle *handle;    /* NULL: free */
    uint32_t generation; /* counts the handles that lived here */
    uint32_t next_free;  /* 1 + index, 0: none */
} Slot;

struct IoLoop {
    int epoll_fd, stop_fd, task_fd, timer_fd;
    atomic_bool stopped;
    pthread_mutex_t handles_lock, tasks_lock, timers_lock;
    Slot *slots;
    uint32_t slot_count, free_slot; /* free_slot: 1 + index, 0: none */
    List tasks;
    Timers timers;
    uint64_t timer_set; /* when the timerfd fires; TIME_NEVER: not at all */
};

/* Loop */

static int watch_own(IoLoop *loop, int fd, uint64_t id, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u64 = id};
    if (fd < 0) return -errno;
    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int io_loop_new(IoLoop **ret_loop)
{
    _cleanup_(io_loop_freep) IoLoop *loop = calloc(1, sizeof(*loop));
    if (!loop) return -ENOMEM;
    loop->epoll_fd = loop->stop_fd = loop->task_fd = loop->timer_fd = -1;
    loop->timer_set = TIME_NEVER;
    list_init(&loop->tasks);
    pthread_mutex_init(&loop->handles_lock, NULL);
    pthread_mutex_init(&loop->tasks_lock, NULL);
    pthread_mutex_init(&loop->timers_lock, NULL);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0) return -errno;
    loop->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int r = watch_own(loop, loop->stop_fd, ID_STOP,
                      EPOLLIN); /* level-triggered and never read: wakes everybody */
    if (r < 0) return r;
    loop->task_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r = watch_own(loop, loop->task_fd, ID_TASK, EPOLLIN | EPOLLET);
    if (r < 0) return r;
    loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    r = watch_own(loop, loop->timer_fd, ID_TIMER, EPOLLIN | EPOLLET);
    if (r < 0) return r;
    *ret_loop = TAKE_PTR(loop);
    return 0;
}

static IoTask *task_take(IoLoop *loop, bool *ret_more)
{
    IoTask *task = NULL;
    pthread_mutex_lock(&loop->tasks_lock);
    if (!list_is_empty(&loop->tasks)) {
        task = container_of(loop->tasks.next, IoTask, link);
        list_remove(&task->link);
    }
    *ret_more = !list_is_empty(&loop->tasks);
    pthread_mutex_unlock(&loop->tasks_lock);
    return task;
}

static IoTimer *timer_take(IoLoop *loop, uint64_t now)
{
    pthread_mutex_lock(&loop->timers_lock);
    IoTimer *timer = timers_pop(&loop->timers, now);
    pthread_mutex_unlock(&loop->timers_lock);
    return timer;
}

/* What timers and tasks start when they are cancelled is cancelled in turn. */
static void cancel_waiting(IoLoop *loop)
{
    for (;;) {
        bool more;
        IoTask *task = task_take(loop, &more);
        if (task) {
            task->run(task, true);
            continue;
        }
        IoTimer *timer = timer_take(loop, TIME_NEVER);
        if (!timer) return;
        timer->fire(timer, true);
    }
}

IoLoop *io_loop_free(IoLoop *loop)
{
    if (!loop) return NULL;
    atomic_store(&loop->stopped, true);
    for (uint32_t i = 0; i < loop->slot_count; i++)
        if (loop->slots[i].handle) io_handle_remove(loop->slots[i].handle);
    cancel_waiting(loop);
    closep(&loop->timer_fd);
    closep(&loop->task_fd);
    closep(&loop->stop_fd);
    closep(&loop->epoll_fd);
    timers_deinit(&loop->timers);
    free(loop->slots);
    pthread_mutex_destroy(&loop->handles_lock);
    pthread_mutex_destroy(&loop->tasks_lock);
    pthread_mutex_destroy(&loop->timers_lock);
    free(loop);
    return NULL;
}

void io_loop_stop(IoLoop *loop)
{
    atomic_store(&loop->stopped, true);
    (void)eventfd_write(loop->stop_fd, 1); /* can only fail by overflow, and then it is readable anyway */
}

/* Dispatch */

static IoHandle *handle_of_event(IoLoop *loop, uint64_t id)
{
    uint32_t index = (uint32_t)id - ID_FIRST_HANDLE, generation = (uint32_t)(id >> 32);
    IoHandle *handle = NULL;
    pthread_mutex_lock(&loop->handles_lock);
    if (index < loop->slot_count && loop->slots[index].generation == generation) {
        handle = loop->slots[index].handle;
        if (handle) refcount_ref(&handle->refs);
    }
    pthread_mutex_unlock(&loop->handles_lock);
    return handle;
}

static void run_one_task(IoLoop *loop)
{
    bool more;
    IoTask *task = task_take(loop, &more);
    if (more) (void)eventfd_write(loop->task_fd, 1); /* the next edge; the counter cannot reach its end */
    if (task) task->run(task, false);
}

/* Under the timers' lock: sees to it that the timerfd fires early enough for the first timer. */
static void timerfd_update(IoLoop *loop)
{
    uint64_t first = timers_first(&loop->timers);
    if (first >= TIME_NEVER - IO_TIMER_SLACK) return;
    uint64_t when = (first / IO_TIMER_SLACK + 1) * IO_TIMER_SLACK;
    if (when >= loop->timer_set) return;
    struct itimerspec setting = {
        .it_value = {.tv_sec = (time_t)(when / NS_PER_SECOND), .tv_nsec = (long)(when % NS_PER_SECOND)}};
    /* cannot fail: a valid descriptor and a normalised time; one too far away is clamped by the kernel */
    (void)timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &setting, NULL);
    loop->timer_set = when;
}

static void fire_one_timer(IoLoop *loop)
{
    uint64_t now = time_monotonic();
    pthread_mutex_lock(&loop->timers_lock);
    IoTimer *timer = timers_pop(&loop->timers, now);
    /* the setting that woke us is spent; for another timer that is due it is set into the past: a follower's
     * turn. One that lies ahead was made by io_timer_start() after we woke, and stands. */
    if (loop->timer_set <= now) loop->timer_set = TIME_NEVER;
    timerfd_update(loop);
    pthread_mutex_unlock(&loop->timers_lock);
    if (timer) timer->fire(timer, false);
}

static void dispatch(IoLoop *loop, const struct epoll_event *event)
{
    if (event->data.u64 == ID_TASK) {
        run_one_task(loop);
    } else if (event->data.u64 == ID_TIMER) {
        fire_one_timer(loop);
    } else {
        IoHandle *handle = handle_of_event(loop, event->data.u64);
        if (!handle) return;
        handle->ready(handle, event->events);
        io_handle_unref(handle);
    }
}

int io_loop_step(IoLoop *loop, uint64_t deadline)
{
    for (;;) {
        if (atomic_load_explicit(&loop->stopped, memory_order_acquire)) return IO_STOPPED;
        struct epoll_event event;
        int timeout = time_poll_timeout(deadline);
        /* one event a time: a thread that blocks in a method must not sit on events of others */
        int count = epoll_wait(loop->epoll_fd, &event, 1, timeout);
        if (count < 0 && errno != EINTR) return -errno;
        if (count == 0 && timeout == 0) return -ETIMEDOUT;
        if (count <= 0 || event.data.u64 == ID_STOP) continue;
        dispatch(loop, &event);
        return 0;
    }
}

int io_loop_run(IoLoop *loop)
{
    int r;
    do
        r = io_loop_step(loop, TIME_NEVER);
    while (r == 0);
    return r == IO_STOPPED ? 0 : r;
}

/* Handles */

void io_handle_init(IoHandle *handle, int fd, void (*ready)(IoHandle *handle, uint32_t events),
                    void (*destroy)(IoHandle *handle))
{
    *handle = (IoHandle){.fd = fd, .ready = ready, .destroy = destroy};
    refcount_init(&handle->refs);
}

IoHandle *io_handle_ref(IoHandle *handle)
{
    refcount_ref(&handle->refs);
    return handle;
}

IoHandle *io_handle_unref(IoHandle *handle)
{
    if (handle && refcount_unref(&handle->refs)) handle->destroy(handle);
    return NULL;
}

static int handle_control(IoHandle *handle, int operation, uint32_t events, uint64_t id)
{
    struct epoll_event event = {.events = events | EPOLLONESHOT, .data.u64 = id};
    return epoll_ctl(handle->loop->epoll_fd, operation, handle->fd, &event) < 0 ? -errno : 0;
}

/* Under the handles' lock: a free slot, or -ENOMEM. */
static int slot_take(IoLoop *loop, uint32_t *ret_index)
{
    if (loop->free_slot == 0) {
        uint32_t count = loop->slot_count ? loop->slot_count * 2 : 64;
        Slot *slots = reallocarray(loop->slots, count, sizeof(*slots));
        if (!slots) return -ENOMEM;
        for (uint32_t i = loop->slot_count; i < count; i++)
            slots[i] = (Slot){.generation = 1, .next_free = i + 1 < count ? i + 2 : 0};
        loop->free_slot = loop->slot_count + 1;
        loop->slots = slots;
        loop->slot_count = count;
    }
    *ret_index = loop->free_slot - 1;
    loop->free_slot = loop->slots[*ret_index].next_free;
    return 0;
}

/* Under the handles' lock. */
static void slot_give_back(IoLoop *loop, uint64_t id)
{
    uint32_t index = (uint32_t)id - ID_FIRST_HANDLE;
    Slot *slot = &loop->slots[index];
    slot->handle = NULL;
    if (++slot->generation == 0) slot->generation = 1;
    slot->next_free = loop->free_slot;
    loop->free_slot = index + 1;
}

int io_handle_add(IoLoop *loop, IoHandle *handle, uint32_t events)
{
    uint32_t index;
    if (atomic_load(&loop->stopped)) return -ESHUTDOWN;
    assert(atomic_load(&handle->id) == 0);
    pthread_mutex_lock(&loop->handles_lock);
    int r = slot_take(loop, &index);
    if (r == 0) {
        Slot *slot = &loop->slots[index];
        uint64_t id = (uint64_t)slot->generation << 32 | (index + ID_FIRST_HANDLE);
        slot->handle = handle;
        handle->loop = loop;
        refcount_ref(&handle->refs);
        atomic_store(&handle->id, id);
        /* epoll reports errors and hang-ups even when no event is asked for: not armed means not in epoll yet
         */
        if (events) r = handle_control(handle, EPOLL_CTL_ADD, events, id);
        if (r < 0) {
            atomic_store(&handle->id, 0);
            slot_give_back(loop, id);
            bool last = refcount_unref(&handle->refs);
            assert(!last); /* the caller has one */
            (void)last;
        }
    }
    pthread_mutex_unlock(&loop->handles_lock);
    return r;
}

int io_handle_arm(IoHandle *handle, uint32_t events)
{
    uint64_t id = atomic_load(&handle->id);
    if (id == 0) return -ENOENT;
    int r = handle_control(handle, EPOLL_CTL_MOD, events, id);
    if (r != -ENOENT) return r;
    /* added without events, or removed just now: the lock tells */
    pthread_mutex_lock(&handle->loop->handles_lock);
    id = atomic_load(&handle->id);
    if (id != 0) {
        r = handle_control(handle, EPOLL_CTL_ADD, events, id);
        if (r == -EEXIST) r = handle_control(handle, EPOLL_CTL_MOD, events, id);
    }
    pthread_mutex_unlock(&handle->loop->handles_lock);
    return r;
}

void io_handle_remove(IoHandle *handle)
{
    IoLoop *loop = handle->loop;
    if (atomic_load(&handle->id) == 0) return;
    pthread_mutex_lock(&loop->handles_lock);
    uint64_t id = atomic_exchange(&handle->id, 0);
    if (id != 0) {
        slot_give_back(loop, id);
        (void)handle_control(handle, EPOLL_CTL_DEL, 0, 0); /* -ENOENT: it was never armed */
    }
    pthread_mutex_unlock(&loop->handles_lock);
    if (id != 0) io_handle_unref(handle);
}

/* Timers */

int io_timer_start(IoLoop *loop, IoTimer *timer, uint64_t deadline)
{
    pthread_mutex_lock(&loop->timers_lock);
    int r = timers_put(&loop->timers, timer, deadline);
    if (r >= 0) timerfd_update(loop);
    pthread_mutex_unlock(&loop->timers_lock);
    return r;
}

bool io_timer_stop(IoLoop *loop, IoTimer *timer)
{
    pthread_mutex_lock(&loop->timers_lock);
    bool was_waiting = timer->index != 0;
    if (was_waiting) timers_remove(&loop->timers, timer);
    pthread_mutex_unlock(&loop->timers_lock);
    return was_waiting; /* the timerfd may fire for nothing: cheaper than setting it again */
}

/* Tasks */

void io_loop_post(IoLoop *loop, IoTask *task)
{
    pthread_mutex_lock(&loop->tasks_lock);
    bool was_empty = list_is_empty(&loop->tasks);
    list_append(&loop->tasks, &task->link);
    pthread_mutex_unlock(&loop->tasks_lock);
    if (was_empty) (void)eventfd_write(loop->task_fd, 1);
}
