/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What COM keeps for each thread. This is the one place of the project where an identity hangs on a thread:
 * everything below com/ is handed its token as an argument.
 */
#pragma once
#include "base/guid.h"
#include "sec/token.h"

typedef struct Apartment Apartment;
typedef struct CallContext CallContext;
struct IErrorInfo;
struct IUnknown;

typedef struct ComThread {
    Token *token;       /* what it acts as, owned; NULL: the process. Change with thread_set_token() */
    Token *saved;       /* while impersonating: what it acted as before, owned */
    bool impersonating; /* ImpersonateClient is in effect in this invocation */
    CallContext *call;  /* of the innermost call that this thread answers, borrowed */
    struct IUnknown
        *call_view; /* what CoGetCallContext asks: `call`, or CoSwitchCallContext's object; borrowed */
    struct IErrorInfo *error;              /* owned */
    Apartment *apartment;                  /* that CoInitializeEx put it in, owned by com/apartment.c */
    struct CallCancellation *cancellation; /* owned; NULL: it never enabled that */
    unsigned initialized;                  /* CoInitializeEx that no CoUninitialize undid */
    uint32_t last_error;
} ComThread;

/* The calling thread's, never NULL. What it owns is released when the thread ends. */
ComThread *com_thread(void);

/* Borrowed; NULL: the thread acts as the process. */
static inline Token *thread_token(void)
{
    return com_thread()->token;
}
/* Takes a reference; NULL: act as the process. */
void thread_set_token(Token *token);
/*
 * What is nobody's call but runs a program's code all the same: QueryInterface and Release for the exporter,
 * tasks of an apartment. Whatever the thread was doing (answering another call, acting as its client) is put
 * aside in between, and what that code leaves behind ends with it: else it would act as somebody who has
 * nothing to do with it.
 */
typedef struct ThreadPause {
    Token *token, *saved;
    bool impersonating;
    CallContext *call;
    struct IUnknown *call_view;
} ThreadPause;
void thread_pause(ThreadPause *ret_pause);
void thread_resume(const ThreadPause *pause);
/* The causality id of an outgoing call ([MS-DCOM] 3.2.4.2): that of the call being answered, whoever the
 * thread acts as meanwhile, else a new one. 0, -errno of getrandom. */
int thread_causality(Guid *ret_causality) must_use;
