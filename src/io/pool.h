/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threads of a loop. A thread about to run something that may block says so; when that would leave nobody
 * to read, a follower is started, while fewer than threads_max exist. One thread is always left to read: the
 * call that would take the last one is refused (IO_EXHAUSTED), so that its caller can answer
 * RPC_S_SERVER_TOO_BUSY.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/cleanup.h"
#include "base/time.h"
#include "io/loop.h"

#define IO_POOL_THREADS_LIMIT 4096u /* threads_max is at most this */
#define IO_POOL_EXTRA_MAX     256u  /* threads beyond threads_max for calls that must be admitted */
#define IO_POOL_LINGER_MAX    16u   /* threads that linger at once */
#define IO_POOL_GRACE         (50 * NS_PER_MS) /* how long a call waits for a thread before it is refused */
#define IO_POOL_IDLE                                                                                         \
    (10 * NS_PER_SECOND) /* a thread beyond threads_min leaves after so long without work                    \
                          */

typedef struct IoPool IoPool;

typedef struct IoPoolState {
    size_t threads, blocked;
} IoPoolState;

/* Starts threads_min threads (1 .. threads_max, which is at least 2) that run the loop, which stays the
 * caller's and must outlive the pool. They have all signals blocked. 0, -EINVAL, -EAGAIN (the system refuses
 * threads; the loop is stopped then), -ENOMEM. */
int io_pool_new(IoLoop *loop, size_t threads_min, size_t threads_max, IoPool **ret_pool) must_use;
/* Stops the loop and waits for the threads. Not from one of them. */
IoPool *io_pool_free(IoPool *pool);
DEFINE_CLEANUP(IoPool, io_pool_free)
/* Instead of IO_POOL_IDLE; counts from each thread's next wait. */
void io_pool_set_idle(IoPool *pool, uint64_t ns);
/* For tests and for `mantle status`. */
IoPoolState io_pool_state(IoPool *pool);

/*
 * This thread is about to run something that may block; io_pool_block_end() when it is over. Nests: only the
 * outermost counts. On a thread of no pool nothing happens and 0 is returned. `admit`: the call belongs to
 * one that is blocked in this process (its causality id says so); refusing it would be a deadlock, so up to
 * IO_POOL_EXTRA_MAX threads are started beyond threads_max. 0, or IO_EXHAUSTED after IO_POOL_GRACE (then
 * there is nothing to end).
 */
int io_pool_block_begin(bool admit) must_use;
void io_pool_block_end(void);

/*
 * This thread, which counts as blocked, expects more work from where its last came from, at once, and would
 * rather wait there for a moment than go by way of the loop. True: it may, between begin and end; calls are
 * not refused because of a thread that will be back so soon. False: it must not (nobody else reads, too many
 * do so already, or it is a thread of no pool), and there is nothing to end. After the end: true, it still
 * counts as blocked; false, it does not any more, because nobody else is left to read, and
 * io_pool_block_end() is not due.
 */
bool io_pool_linger_begin(void) must_use;
bool io_pool_linger_end(void) must_use;
