/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The security of one incoming call: what CoGetCallContext gives, and what makes impersonation end with the
 * call.
 *
 *   CallScope scope;
 *   call_context_enter(&spec, &scope); run the method; call_context_leave(&scope);
 *
 * Impersonation is a state of the thread in one invocation: entering a call (also one nested in a call that
 * this thread is blocked in) begins a new one that acts as the process, leaving it gives the thread back
 * exactly what it was (SRV-6, SRV-7). Contexts may be used on other threads until the call is left (SRV-2).
 */
#pragma once
#include <uchar.h>
#include "base/cleanup.h"
#include "base/guid.h"
#include "com/thread.h"
#include "wtypes.h"

typedef struct CallContextSpec {
    Token *client;                /* NULL: it did not authenticate. The context takes a reference */
    uint32_t authn_service;       /* RPC_C_AUTHN_* */
    uint32_t authn_level;         /* RPC_C_AUTHN_LEVEL_* */
    const char *server_principal; /* ours, as which the client reached us; NULL: not known */
    const char *charged; /* whose objects are those that the call exports; NULL: the client's. Borrowed */
    Guid causality;      /* of ORPCTHIS */
    const struct RpcCall *rpc; /* below it, until it is left; NULL: none */
} CallContextSpec;

/* How programs are told a caller: "alice@LAB.TEST" as LAB.TEST\alice (ERR-9); a principal without a realm stays as
 * it is. free(). 0, -ENOMEM, -EILSEQ. */
int call_context_name(const Token *token, char16_t **ret_name) must_use;

/* What the thread was before; the dispatcher keeps it on its stack. */
typedef struct CallScope {
    CallContext *context;
    ThreadPause before;
} CallScope;

/* S_OK, E_OUTOFMEMORY (nothing changed). */
HRESULT call_context_enter(const CallContextSpec *spec, CallScope *ret_scope) must_use;
/* Completes the call: the context refuses to impersonate from now on. On the thread that entered, innermost
 * first. */
void call_context_leave(CallScope *scope);
/* What the call comes to, for its audit record; before it is left. */
void call_context_set_result(CallScope *scope, HRESULT result);
/* A call goes out as somebody else than the process, while this thread answers one. */
void call_context_note_cloaked(const char *who, const char *to);
/* The same while the method still runs, on any thread: what a signalled asynchronous call is (SRV-8). */
void call_context_complete(CallContext *context);
/* What the thread took of its caller in this invocation ends, whatever CoGetCallContext is made to give. */
void call_context_revert(void);
const Guid *call_context_causality(const CallContext *context);
const struct RpcCall *call_context_rpc(const CallContext *context);
/* To whom objects that this thread exports now are charged; NULL: it answers no call, or nobody's. */
const char *call_context_charged(void);
