/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop: descriptors, timers and tasks, served by as many threads as call io_loop_run() (leader and
 * followers).
 *
 * A handle is armed for one event. When it comes, one thread calls `ready`; until the handler arms it again
 * nobody else will. A handler that reads a message and then runs something long arms in between, so that
 * another thread reads on; from that moment `ready` may run a second time in parallel.
 *
 * Lifetime. Handles are reference counted. The loop holds one reference from io_handle_add() to
 * io_handle_remove() and each thread holds one while it is in `ready`. The descriptor stays open until
 * `destroy`, which runs with the last reference and must close it: so a late io_handle_arm() can never hit a
 * number that was given away anew. A thread that had fetched the event before io_handle_remove() may still
 * enter `ready` after it: owners keep a flag of their own under their own lock.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include "base/cleanup.h"
#include "base/list.h"
#include "base/refcount.h"
#include "base/time.h"
#include "io/wait.h"

typedef struct IoLoop IoLoop;
typedef struct IoHandle IoHandle;
typedef struct IoTimer IoTimer;
typedef struct IoTask IoTask;

/* Embed it: container_of() leads to the owner. */
struct IoHandle {
    RefCount refs;
    IoLoop *loop;
    int fd;
    void (*ready)(IoHandle *handle, uint32_t events); /* EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP, EPOLLRDHUP */
    void (*destroy)(IoHandle *handle);
    _Atomic uint64_t id; /* the loop's; 0 when it is in no loop */
};

/* `cancelled`: the loop is being freed, the deadline has not come. */
struct IoTimer {
    void (*fire)(IoTimer *timer, bool cancelled);
    uint64_t deadline;
    size_t index; /* the loop's: 1 + place in the heap, 0 when not started */
};

struct IoTask {
    void (*run)(IoTask *task, bool cancelled);
    List link;
};

/* Loop */
int io_loop_new(IoLoop **ret_loop) must_use;
/* No thread may be in it any more. Removes all handles, then runs waiting timers and tasks as cancelled
 * (those they start or post in turn, too). */
IoLoop *io_loop_free(IoLoop *loop);
DEFINE_CLEANUP(IoLoop, io_loop_free)
/* Serves until io_loop_stop(); any number of threads. 0, -errno. */
int io_loop_run(IoLoop *loop) must_use;
/* Serves at most one event. 0, -ETIMEDOUT (none before the deadline), IO_STOPPED, -errno. */
int io_loop_step(IoLoop *loop, uint64_t deadline) must_use;
/* For good: all threads leave once they have finished what they are at. Any thread may call it; not a signal
 * handler. */
void io_loop_stop(IoLoop *loop);

/* Handles */

/* One reference for the caller. The handle does not own `fd` before it has been given to it here. */
void io_handle_init(IoHandle *handle, int fd, void (*ready)(IoHandle *handle, uint32_t events),
                    void (*destroy)(IoHandle *handle));
/* Joins the loop, armed for `events` (EPOLLIN, EPOLLOUT; 0: not armed yet). 0, -errno; once only per handle.
 */
int io_handle_add(IoLoop *loop, IoHandle *handle, uint32_t events) must_use;
/* Arms it for the next event, replacing what it was armed for. 0, -ENOENT when it was removed, -errno. */
int io_handle_arm(IoHandle *handle, uint32_t events) must_use;
/* Leaves the loop; any thread, any number of times. */
void io_handle_remove(IoHandle *handle);
IoHandle *io_handle_ref(IoHandle *handle);
IoHandle *io_handle_unref(IoHandle *handle);

/* Timers: each fires once per start, on one of the loop's threads, up to TIMER_SLACK late so that several
 * share a wake-up. Who owns the timer keeps it alive from start until `fire` returns or io_timer_stop() says
 * true. */
#define IO_TIMER_SLACK (10 * NS_PER_MS)
static inline void io_timer_init(IoTimer *timer, void (*fire)(IoTimer *timer, bool cancelled))
{
    *timer = (IoTimer){.fire = fire};
}
/* Starts it or moves its deadline. 0; 1 when it was started before and has been moved; -ENOMEM. */
int io_timer_start(IoLoop *loop, IoTimer *timer, uint64_t deadline) must_use;
/* True: it was waiting and will not fire. False: it is not started, or firing at this moment. */
bool io_timer_stop(IoLoop *loop, IoTimer *timer);

/* Tasks: run once, soon, on one of the loop's threads, in order of posting but possibly in parallel. */
static inline void io_task_init(IoTask *task, void (*run)(IoTask *task, bool cancelled))
{
    task->run = run;
    list_init(&task->link);
}
/* The task must not be waiting already. */
void io_loop_post(IoLoop *loop, IoTask *task);
