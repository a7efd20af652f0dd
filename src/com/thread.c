/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a thread, its end, and the last error. */
#define CONST_VTBL const
#include "com/thread.h"
#include <pthread.h>
#include "com/callcontext.h"
#include "com/cancel.h"
#include "errhandlingapi.h"
#include "oaidl.h"

static _Thread_local ComThread state;
static _Thread_local bool registered;
static pthread_key_t end_key;
static pthread_once_t end_once = PTHREAD_ONCE_INIT;
static bool end_key_made;

static void thread_end(void *data)
{
    ComThread *thread = data;

    thread->token = token_unref(thread->token);
    thread->saved = token_unref(thread->saved);
    thread->impersonating = false;
    if (thread->error) thread->error->lpVtbl->Release(thread->error);
    thread->error = NULL;
    thread->cancellation = call_cancellation_free(thread->cancellation);
    /* Another destructor may use COM once more, and then this one has to run once more. */
    registered = false;
}

static void make_end_key(void)
{
    end_key_made = pthread_key_create(&end_key, thread_end) == 0;
}

ComThread *com_thread(void)
{
    if (!registered) {
        (void)pthread_once(&end_once, make_end_key);
        /* Without a key what the thread owns is not released at its end, which harms nobody else. */
        if (end_key_made) (void)pthread_setspecific(end_key, &state);
        registered = true;
    }
    return &state;
}

void thread_set_token(Token *token)
{
    ComThread *thread = com_thread();
    Token *before = thread->token;

    thread->token = token ? token_ref(token) : NULL;
    (void)token_unref(before);
}

void thread_pause(ThreadPause *ret_pause)
{
    ComThread *thread = com_thread();

    *ret_pause = (ThreadPause){TAKE_PTR(thread->token), TAKE_PTR(thread->saved), thread->impersonating,
                               TAKE_PTR(thread->call), TAKE_PTR(thread->call_view)};
    thread->impersonating = false;
}

void thread_resume(const ThreadPause *pause)
{
    ComThread *thread = com_thread();

    (void)token_unref(thread->token);
    (void)token_unref(thread->saved);
    thread->token = pause->token;
    thread->saved = pause->saved;
    thread->impersonating = pause->impersonating;
    thread->call = pause->call;
    thread->call_view = pause->call_view;
}

int thread_causality(Guid *ret_causality)
{
    CallContext *call = com_thread()->call;

    if (!call) return guid_random(ret_causality);
    *ret_causality = *call_context_causality(call);
    return 0;
}

DWORD GetLastError(void)
{
    return com_thread()->last_error;
}

void SetLastError(DWORD dwErrCode)
{
    com_thread()->last_error = dwErrCode;
}
