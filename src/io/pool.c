/* SPDX-License-Identifier: Apache-2.0 */
#include "io/pool.h"
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

typedef struct Worker {
    IoPool *pool;
    pthread_t thread;
    unsigned depth; /* of io_pool_block_begin(); only its own thread touches it */
    List link;      /* in `gone`, once it has left */
} Worker;

struct IoPool {
    IoLoop *loop;
    size_t threads_min, threads_max;
    pthread_mutex_t lock;
    pthread_cond_t left;  /* somebody joined `gone` */
    pthread_cond_t freed; /* somebody does not count as blocked any more */
    size_t threads, blocked;
    size_t lingering; /* of the blocked ones */
    atomic_ullong idle;
    List gone; /* threads that have left and wait to be joined */
};

static _Thread_local Worker *current;

/* The end of a thread: always, or (`idle`) only if enough others exist and one remains to read. Leaving the
 * count and joining `gone` are one step, so that io_pool_free() never loses sight of it. */
static bool worker_leave(Worker *worker, bool idle)
{
    IoPool *pool = worker->pool;
    pthread_mutex_lock(&pool->lock);
    bool leaves = !idle || (pool->threads > pool->threads_min && pool->threads - pool->blocked > 1);
    if (leaves) {
        pool->threads--;
        list_append(&pool->gone, &worker->link);
        pthread_cond_signal(&pool->left);
    }
    pthread_mutex_unlock(&pool->lock);
    return leaves;
}

static void *worker_main(void *argument)
{
    Worker *worker = argument;
    int r;
    current = worker;
    (void)pthread_setname_np(pthread_self(), "mantle-pool"); /* a name is only for people */
    do
        r = io_loop_step(worker->pool->loop, time_after(atomic_load(&worker->pool->idle)));
    while (r == 0 || (r == -ETIMEDOUT && !worker_leave(worker, true)));
    if (r != -ETIMEDOUT) (void)worker_leave(worker, false); /* stopped */
    return NULL;
}

/* Under the lock, which it leaves for a moment. Who is in `gone` is about to return: the join is short. */
static void reap(IoPool *pool)
{
    while (!list_is_empty(&pool->gone)) {
        Worker *worker = container_of(pool->gone.next, Worker, link);
        list_remove(&worker->link);
        pthread_mutex_unlock(&pool->lock);
        (void)pthread_join(worker->thread, NULL);
        free(worker);
        pthread_mutex_lock(&pool->lock);
    }
}

/* Under the lock; counts the new thread as one that reads. */
static int start_worker(IoPool *pool)
{
    sigset_t all, before;
    Worker *worker = calloc(1, sizeof(*worker));
    if (!worker) return -ENOMEM;
    worker->pool = pool;
    list_init(&worker->link);
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* cannot fail with a valid `how` */
    int error = pthread_create(&worker->thread, NULL, worker_main, worker);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) {
        free(worker);
        return -error;
    }
    pool->threads++;
    return 0;
}

static void init_freed(IoPool *pool)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC); /* cannot fail with that clock */
    pthread_cond_init(&pool->freed, &attributes);
    pthread_condattr_destroy(&attributes);
}

int io_pool_new(IoLoop *loop, size_t threads_min, size_t threads_max, IoPool **ret_pool)
{
    if (threads_min < 1 || threads_max < 2 || threads_min > threads_max ||
        threads_max > IO_POOL_THREADS_LIMIT)
        return -EINVAL;
    _cleanup_(io_pool_freep) IoPool *pool = calloc(1, sizeof(*pool));
    if (!pool) return -ENOMEM;
    pool->loop = loop;
    pool->threads_min = threads_min;
    pool->threads_max = threads_max;
    atomic_init(&pool->idle, IO_POOL_IDLE);
    list_init(&pool->gone);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->left, NULL);
    init_freed(pool);
    int r = 0;
    pthread_mutex_lock(&pool->lock);
    for (size_t i = 0; r == 0 && i < threads_min; i++)
        r = start_worker(pool);
    pthread_mutex_unlock(&pool->lock);
    if (r < 0) return r;
    *ret_pool = TAKE_PTR(pool);
    return 0;
}

IoPool *io_pool_free(IoPool *pool)
{
    if (!pool) return NULL;
    assert(!current || current->pool != pool);
    io_loop_stop(pool->loop);
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        reap(pool);
        if (pool->threads == 0 && list_is_empty(&pool->gone)) break;
        if (list_is_empty(&pool->gone)) pthread_cond_wait(&pool->left, &pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    pthread_cond_destroy(&pool->left);
    pthread_cond_destroy(&pool->freed);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
    return NULL;
}

void io_pool_set_idle(IoPool *pool, uint64_t ns)
{
    atomic_store(&pool->idle, ns);
}

IoPoolState io_pool_state(IoPool *pool)
{
    pthread_mutex_lock(&pool->lock);
    IoPoolState state = {.threads = pool->threads, .blocked = pool->blocked};
    pthread_mutex_unlock(&pool->lock);
    return state;
}

/* May another thread block? Under the lock. */
static bool has_room(IoPool *pool, bool admit)
{
    if (pool->threads - pool->blocked >= 2) return true;
    /* we are the last who reads */
    size_t limit = pool->threads_max + (admit ? IO_POOL_EXTRA_MAX : 0);
    bool started = pool->threads < limit && start_worker(pool) == 0;
    return started || pool->lingering > 0; /* who lingers will read in a moment */
}

/* Who has answered its call is heard of before it counts as free: that much later there is room after all. */
static int wait_for_room(IoPool *pool, bool admit)
{
    const uint64_t deadline = time_after(IO_POOL_GRACE);
    const struct timespec until = {.tv_sec = (time_t)(deadline / NS_PER_SECOND),
                                   .tv_nsec = (long)(deadline % NS_PER_SECOND)};
    while (!has_room(pool, admit))
        if (pthread_cond_timedwait(&pool->freed, &pool->lock, &until) == ETIMEDOUT)
            return has_room(pool, admit) ? 0 : IO_EXHAUSTED;
    return 0;
}

int io_pool_block_begin(bool admit)
{
    if (!current) return 0;
    if (current->depth > 0) {
        current->depth++;
        return 0;
    }
    IoPool *pool = current->pool;
    pthread_mutex_lock(&pool->lock);
    reap(pool);
    int r = has_room(pool, admit) ? 0 : wait_for_room(pool, admit);
    if (r == 0) {
        pool->blocked++;
        current->depth = 1;
    }
    pthread_mutex_unlock(&pool->lock);
    return r;
}

void io_pool_block_end(void)
{
    if (!current) return;
    assert(current->depth > 0);
    if (--current->depth > 0) return;
    pthread_mutex_lock(&current->pool->lock);
    current->pool->blocked--;
    pthread_cond_signal(&current->pool->freed);
    pthread_mutex_unlock(&current->pool->lock);
}

bool io_pool_linger_begin(void)
{
    if (!current || current->depth != 1) return false;
    IoPool *pool = current->pool;
    pthread_mutex_lock(&pool->lock);
    bool may = pool->threads > pool->blocked && pool->lingering < IO_POOL_LINGER_MAX;
    if (may) pool->lingering++;
    pthread_mutex_unlock(&pool->lock);
    return may;
}

bool io_pool_linger_end(void)
{
    IoPool *pool = current->pool;
    pthread_mutex_lock(&pool->lock);
    pool->lingering--;
    bool stays = pool->threads > pool->blocked || pool->lingering > 0;
    if (!stays) {
        pool->blocked--;
        pthread_cond_signal(&pool->freed);
    }
    pthread_mutex_unlock(&pool->lock);
    if (!stays) current->depth = 0;
    return stays;
}
