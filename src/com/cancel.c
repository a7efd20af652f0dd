/* SPDX-License-Identifier: Apache-2.0 */
#define CONST_VTBL const
#include "com/cancel.h"
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/list.h"
#include "base/time.h"
#include "com/callcontext.h"
#include "com/thread.h"
#include "combaseapi.h"
#include "processthreadsapi.h"
#include "rpc/server.h"

/* A thread that enabled cancellation, until it ends. */
typedef struct CallCancellation {
    List link;
    DWORD thread;
    unsigned enabled; /* times, less times disabled */
    RpcCancel *call;  /* that it waits for, innermost; borrowed from its stack */
} CallCancellation;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static List threads = {&threads, &threads};

DWORD GetCurrentThreadId(void)
{
    return (DWORD)gettid();
}

CallCancellation *call_cancellation_free(CallCancellation *cancellation)
{
    if (!cancellation) return NULL;
    pthread_mutex_lock(&lock);
    list_remove(&cancellation->link);
    pthread_mutex_unlock(&lock);
    free(cancellation);
    return NULL;
}

HRESULT CoEnableCallCancellation(LPVOID pReserved)
{
    ComThread *thread = com_thread();
    CallCancellation *cancellation = thread->cancellation;

    if (pReserved) return E_INVALIDARG;
    if (!cancellation) {
        cancellation = calloc(1, sizeof(*cancellation));
        if (!cancellation) return E_OUTOFMEMORY;
        cancellation->thread = GetCurrentThreadId();
        pthread_mutex_lock(&lock);
        list_append(&threads, &cancellation->link);
        pthread_mutex_unlock(&lock);
        thread->cancellation = cancellation;
    }
    cancellation->enabled++;
    return S_OK;
}

HRESULT CoDisableCallCancellation(LPVOID pReserved)
{
    CallCancellation *cancellation = com_thread()->cancellation;

    if (pReserved) return E_INVALIDARG;
    if (!cancellation || cancellation->enabled == 0) return CO_E_CANCEL_DISABLED;
    cancellation->enabled--;
    return S_OK;
}

HRESULT CoCancelCall(DWORD dwThreadId, ULONG ulTimeout)
{
    const DWORD wanted = dwThreadId ? dwThreadId : GetCurrentThreadId();
    HRESULT hr = CO_E_CANCEL_DISABLED;

    pthread_mutex_lock(&lock);
    list_each(at, &threads)
    {
        const CallCancellation *cancellation = container_of(at, CallCancellation, link);
        if (cancellation->thread != wanted) continue;
        hr = cancellation->call ? S_OK : RPC_E_CALL_COMPLETE;
        if (cancellation->call && rpc_cancel_is_set(cancellation->call)) hr = RPC_E_CALL_CANCELED;
        if (hr == S_OK) rpc_cancel(cancellation->call, ulTimeout * NS_PER_SECOND);
    }
    pthread_mutex_unlock(&lock);
    return hr;
}

HRESULT CoTestCancel(void)
{
    const CallContext *context = com_thread()->call;
    const RpcCall *call = context ? call_context_rpc(context) : NULL;

    if (!context) return RPC_E_CALL_COMPLETE;
    return call && rpc_call_is_cancelled(call) ? RPC_E_CALL_CANCELED : RPC_S_CALLPENDING;
}

/* Which call CoCancelCall ends from now on. */
static void set_call(CallCancellation *cancellation, RpcCancel *call)
{
    pthread_mutex_lock(&lock);
    cancellation->call = call;
    pthread_mutex_unlock(&lock);
}

HRESULT call_cancel_begin(CallCancel *ret_cancel)
{
    CallCancellation *cancellation = com_thread()->cancellation;
    CallCancel cancel = {0};

    if (cancellation && cancellation->enabled > 0) {
        if (rpc_cancel_new(&cancel.handle) != RPCST_OK) return E_OUTOFMEMORY;
        cancel.outer = cancellation->call;
        set_call(cancellation, cancel.handle);
    }
    *ret_cancel = cancel;
    return S_OK;
}

HRESULT call_cancel_end(CallCancel *cancel, HRESULT result)
{
    if (!cancel->handle) return result;
    set_call(com_thread()->cancellation, cancel->outer);
    if (rpc_cancel_is_set(cancel->handle) && result == (HRESULT)HRESULT_FROM_WIN32(RPC_S_CALL_CANCELLED))
        result = RPC_E_CALL_CANCELED;
    cancel->handle = rpc_cancel_unref(cancel->handle);
    return result;
}
