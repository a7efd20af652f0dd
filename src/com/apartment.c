/* SPDX-License-Identifier: Apache-2.0 */
/* CoInitializeEx and CoUninitialize, and the servers of single-threaded apartments. */
#include "com/apartment.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include "base/list.h"
#include "base/refcount.h"
#include "base/time.h"
#include "com/classobject.h"
#include "com/errorinfo.h"
#include "com/runtime.h"
#include "com/stub.h"
#include "com/thread.h"
#include "combaseapi.h"
#include "orpc/causality.h"
#include "winerror.h"

#define KNOWN_FLAGS                                                                                          \
    (COINIT_APARTMENTTHREADED | COINIT_MULTITHREADED | COINIT_DISABLE_OLE1DDE | COINIT_SPEED_OVER_MEMORY)

/* On the stack of the thread that waits for it. */
typedef struct Task {
    List link;
    bool anytime;
    Guid causality;
    ApartmentFunction function;
    void *argument;
    bool done, ran;
} Task;

struct Apartment {
    RefCount refs;
    pthread_t owner, server;
    bool serving; /* there is a server */
    pthread_mutex_t lock;
    pthread_cond_t finished; /* some task is done */
    List tasks;
    bool ended;
    int wake; /* eventfd: a task came, or the end */
};

/* Threads that called CoInitializeEx, of all apartments and of the MTA. */
static struct {
    pthread_mutex_t lock;
    unsigned threads, multithreaded;
} process = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Apartments */

static Apartment *apartment_new(void)
{
    Apartment *apartment = calloc(1, sizeof(*apartment));
    if (!apartment) return NULL;
    refcount_init(&apartment->refs);
    apartment->owner = pthread_self();
    apartment->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (apartment->wake < 0) {
        free(apartment);
        return NULL;
    }
    pthread_mutex_init(&apartment->lock, NULL);
    pthread_cond_init(&apartment->finished, NULL);
    list_init(&apartment->tasks);
    return apartment;
}

Apartment *apartment_ref(Apartment *apartment)
{
    if (apartment) refcount_ref(&apartment->refs);
    return apartment;
}

Apartment *apartment_unref(Apartment *apartment)
{
    if (!apartment || !refcount_unref(&apartment->refs)) return NULL;
    close(apartment->wake);
    pthread_cond_destroy(&apartment->finished);
    pthread_mutex_destroy(&apartment->lock);
    free(apartment);
    return NULL;
}

Apartment *apartment_current(void)
{
    return com_thread()->apartment;
}

static bool is_inside(const Apartment *apartment)
{
    return !apartment || apartment == apartment_current();
}

/* Server */

static void apartment_wake(Apartment *apartment)
{
    (void)!eventfd_write(apartment->wake, 1); /* full: it is awake anyway */
}

/* The next task that may run now, out of the list. With `causality` the server is waiting for a call of
 * that chain. */
static Task *next_task(Apartment *apartment, const Guid *causality)
{
    Task *found = NULL;
    pthread_mutex_lock(&apartment->lock);
    list_each(item, &apartment->tasks)
    {
        Task *task = container_of(item, Task, link);
        if (!found && (!causality || task->anytime || guid_equal(&task->causality, causality))) found = task;
    }
    if (found) list_remove(&found->link);
    pthread_mutex_unlock(&apartment->lock);
    return found;
}

static void finish_task(Apartment *apartment, Task *task, bool ran)
{
    pthread_mutex_lock(&apartment->lock);
    task->done = true;
    task->ran = ran;
    pthread_cond_broadcast(&apartment->finished);
    pthread_mutex_unlock(&apartment->lock);
}

static void serve_tasks(Apartment *apartment, const Guid *causality)
{
    eventfd_t count;
    (void)!eventfd_read(apartment->wake, &count); /* nothing there: then the list is the same as before */
    for (Task *task; (task = next_task(apartment, causality));) {
        ThreadPause pause; /* the server may be in the middle of another call, as somebody */
        thread_pause(&pause);
        task->function(task->argument);
        thread_resume(&pause);
        finish_task(apartment, task, true);
    }
}

static bool has_ended(Apartment *apartment)
{
    pthread_mutex_lock(&apartment->lock);
    bool ended = apartment->ended;
    pthread_mutex_unlock(&apartment->lock);
    return ended;
}

static void *server_run(void *argument)
{
    Apartment *apartment = argument;
    com_thread()->apartment = apartment;
    while (!has_ended(apartment)) {
        int r = io_wait(&(IoWait){apartment->wake, POLLIN, TIME_NEVER});
        if (r == 0) serve_tasks(apartment, NULL);
    }
    com_thread()->apartment = NULL;
    return NULL;
}

HRESULT apartment_serve(Apartment *apartment)
{
    sigset_t all, before; /* signals are the program's business */
    int r = 0;
    sigfillset(&all);
    pthread_mutex_lock(&apartment->lock);
    if (!apartment->serving) {
        pthread_sigmask(SIG_SETMASK, &all, &before);
        r = pthread_create(&apartment->server, NULL, server_run, apartment);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        apartment->serving = r == 0;
    }
    pthread_mutex_unlock(&apartment->lock);
    return r == 0 ? S_OK : E_OUTOFMEMORY;
}

HRESULT apartment_run(Apartment *apartment, const Guid *causality, ApartmentFunction function, void *argument)
{
    Task task = {.anytime = !causality, .function = function, .argument = argument};
    if (is_inside(apartment)) {
        function(argument);
        return S_OK;
    }
    if (causality) task.causality = *causality;
    list_init(&task.link);
    pthread_mutex_lock(&apartment->lock);
    if (!apartment->ended && apartment->serving) {
        list_append(&apartment->tasks, &task.link);
        apartment_wake(apartment);
        while (!task.done)
            pthread_cond_wait(&apartment->finished, &apartment->lock);
    }
    pthread_mutex_unlock(&apartment->lock);
    return task.ran ? S_OK : RPC_E_DISCONNECTED;
}

static bool is_server(const Apartment *apartment)
{
    return apartment && !pthread_equal(apartment->owner, pthread_self());
}

HRESULT apartment_wait(const IoWait *wait, const Guid *causality)
{
    Apartment *apartment = apartment_current();
    IoWaitSet set;
    io_wait_set_init(&set);
    int r = io_wait_set_add(&set, wait);
    if (r == 0 && is_server(apartment))
        r = io_wait_set_add(&set, &(IoWait){apartment->wake, POLLIN, TIME_NEVER});
    if (r == 0) r = io_wait_set(&set);
    /* Tasks that have to wait are found by the loop that runs the present one. */
    if (is_server(apartment)) serve_tasks(apartment, causality);
    return r == 0 || r == -ETIMEDOUT || r == -EINTR ? S_OK : E_UNEXPECTED;
}

HRESULT apartment_run_call(OrpcCall *call)
{
    IoWait wait;
    CausalityBlock block;
    if (!is_server(apartment_current())) return orpc_call_run(call);
    causality_block(&block, &call->spec.causality);
    HRESULT hr, waited = S_OK;
    while ((hr = orpc_call_step(call, &wait)) == ORPC_PENDING && SUCCEEDED(waited))
        waited = apartment_wait(&wait, &call->spec.causality);
    causality_unblock(&block);
    return FAILED(waited) ? waited : hr;
}

/* The owner leaves: nothing more is run, what waits is told. */
static void apartment_end(Apartment *apartment)
{
    class_objects_revoke(apartment);
    stub_disconnect_apartment(apartment);
    pthread_mutex_lock(&apartment->lock);
    apartment->ended = true;
    bool serving = apartment->serving;
    apartment_wake(apartment);
    pthread_mutex_unlock(&apartment->lock);
    if (serving) pthread_join(apartment->server, NULL);
    for (Task *task; (task = next_task(apartment, NULL));)
        finish_task(apartment, task, false);
    apartment_unref(apartment);
}

/* Life of the library in a thread */

HRESULT apartment_check(void)
{
    const ComThread *thread = com_thread();
    if (thread->apartment || thread->initialized || thread->call) return S_OK;
    pthread_mutex_lock(&process.lock);
    bool multithreaded = process.multithreaded > 0;
    pthread_mutex_unlock(&process.lock);
    return multithreaded ? S_OK : com_error(CO_E_NOTINITIALIZED, "This thread did not call CoInitializeEx.");
}

/* A thread that answers a call is where the call put it. */
static bool changes_mode(const ComThread *thread, bool single)
{
    bool inside = thread->initialized || thread->apartment || thread->call;
    return inside && single != (thread->apartment != NULL);
}

HRESULT CoInitializeEx(LPVOID pvReserved, DWORD dwCoInit)
{
    ComThread *thread = com_thread();
    bool single = (dwCoInit & COINIT_APARTMENTTHREADED) != 0;
    if (pvReserved || dwCoInit & ~(DWORD)KNOWN_FLAGS) return E_INVALIDARG;
    if (changes_mode(thread, single)) return RPC_E_CHANGED_MODE;
    if (thread->initialized) {
        thread->initialized++;
        return S_FALSE;
    }
    if (single && !thread->apartment) {
        thread->apartment = apartment_new();
        if (!thread->apartment) return E_OUTOFMEMORY;
    }
    thread->initialized = 1;
    pthread_mutex_lock(&process.lock);
    process.threads++;
    process.multithreaded += !single;
    pthread_mutex_unlock(&process.lock);
    return S_OK;
}

HRESULT CoInitialize(LPVOID pvReserved)
{
    return CoInitializeEx(pvReserved, COINIT_APARTMENTTHREADED);
}

void CoUninitialize(void)
{
    ComThread *thread = com_thread();
    if (!thread->initialized || --thread->initialized) return;
    bool single = thread->apartment != NULL;
    if (single && pthread_equal(thread->apartment->owner, pthread_self())) {
        apartment_end(thread->apartment);
        thread->apartment = NULL;
    }
    (void)SetErrorInfo(0, NULL);
    pthread_mutex_lock(&process.lock);
    process.multithreaded -= !single;
    bool last = --process.threads == 0;
    pthread_mutex_unlock(&process.lock);
    /* A method cannot wait for its own end: then whoever comes last next time takes everything down. */
    if (!last || thread->call) return;
    class_objects_revoke_all();
    runtime_shutdown();
}
