/* SPDX-License-Identifier: Apache-2.0 */
/*
 * getaddrinfo() can neither be made non-blocking nor cancelled, so a look-up is an object with two owners,
 * the caller and a worker thread; the last one frees it. Workers are at most IO_RESOLVE_THREADS_MAX, are
 * started as needed, and end when the queue is empty. A look-up whose caller has gone is not begun.
 */
#include "io/resolve.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include "base/list.h"
#include "base/refcount.h"
#include "base/time.h"

struct IoResolve {
    RefCount refs;
    char *host;
    uint16_t port;
    int done_fd; /* readable when there is a result; -1 for a literal */
    List link;   /* in the queue */
    /* below: the queue's lock */
    bool done, abandoned;
    int status;
    IoAddressList *list;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static List queue = {&queue, &queue};
static unsigned workers;

static void resolve_unref(IoResolve *resolve)
{
    if (!refcount_unref(&resolve->refs)) return;
    if (resolve->done_fd >= 0) close(resolve->done_fd);
    free(resolve->list);
    free(resolve->host);
    free(resolve);
}

static void *worker(void *unused)
{
    (void)pthread_setname_np(pthread_self(), "mantle-resolve");
    pthread_mutex_lock(&lock);
    while (!list_is_empty(&queue)) {
        IoResolve *resolve = container_of(queue.next, IoResolve, link);
        list_remove(&resolve->link);
        IoAddressList *list = NULL;
        int status = -ECANCELED;
        if (!resolve->abandoned) {
            pthread_mutex_unlock(&lock);
            status = io_address_resolve(resolve->host, resolve->port, &list);
            pthread_mutex_lock(&lock);
        }
        resolve->status = status;
        resolve->list = list;
        resolve->done = true;
        pthread_mutex_unlock(&lock);
        (void)eventfd_write(resolve->done_fd,
                            1); /* fails only when the counter overflows, and this is its one write */
        resolve_unref(resolve);
        pthread_mutex_lock(&lock);
    }
    workers--;
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* Under the lock. Signals are for the program's own threads. */
static int worker_start(void)
{
    sigset_t all, before;
    pthread_attr_t attributes;
    pthread_t thread;
    int error = pthread_attr_init(&attributes);
    if (error) return -error;
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&thread, &attributes, worker, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (error) return -error;
    workers++;
    return 0;
}

static int enqueue(IoResolve *resolve)
{
    int status = 0;
    pthread_mutex_lock(&lock);
    list_append(&queue, &resolve->link);
    refcount_ref(&resolve->refs);
    if (workers < IO_RESOLVE_THREADS_MAX) status = worker_start();
    if (status < 0 && workers > 0) status = 0; /* one of them will come to it */
    if (status < 0) list_remove(&resolve->link);
    pthread_mutex_unlock(&lock);
    if (status < 0) resolve_unref(resolve);
    return status;
}

int io_resolve_new(const char *host, uint16_t port, IoResolve **ret_resolve)
{
    IoAddress literal;
    IoResolve *resolve = calloc(1, sizeof(*resolve));
    if (!resolve) return -ENOMEM;
    refcount_init(&resolve->refs);
    list_init(&resolve->link);
    resolve->done_fd = -1;
    resolve->port = port;
    resolve->host = strdup(host);
    int status = resolve->host ? 0 : -ENOMEM;
    if (status == 0 && io_address_parse(host, port, &literal) == 0) {
        status = io_address_resolve(host, port, &resolve->list);
        resolve->done = true;
    } else if (status == 0) {
        resolve->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        status = resolve->done_fd < 0 ? -errno : enqueue(resolve);
    }
    if (status < 0) {
        resolve_unref(resolve);
        return status;
    }
    *ret_resolve = resolve;
    return 0;
}

IoResolve *io_resolve_free(IoResolve *resolve)
{
    if (!resolve) return NULL;
    pthread_mutex_lock(&lock);
    resolve->abandoned = true;
    bool queued = !list_is_empty(&resolve->link);
    list_remove(&resolve->link);
    pthread_mutex_unlock(&lock);
    if (queued) resolve_unref(resolve); /* the reference of the worker that will not come */
    resolve_unref(resolve);
    return NULL;
}

int io_resolve_step(IoResolve *resolve, IoAddressList **ret_list, IoWait *ret_wait)
{
    int status = IO_AGAIN;
    pthread_mutex_lock(&lock);
    if (resolve->done) {
        status = resolve->status;
        if (status == 0 && !resolve->list) status = -EALREADY;
        if (status == 0) *ret_list = TAKE_PTR(resolve->list);
    }
    pthread_mutex_unlock(&lock);
    if (status == IO_AGAIN)
        *ret_wait = (IoWait){.fd = resolve->done_fd, .events = POLLIN, .deadline = TIME_NEVER};
    return status;
}
