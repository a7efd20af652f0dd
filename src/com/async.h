/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asynchronous calls of DCOM, for interfaces whose code is written by hand: widl makes none of [async_uuid],
 * so users' interfaces have no asynchronous face (docs/DEVIATIONS.md). On the wire such a call is like any
 * other.
 *
 * Client: a call object (ICallFactory::CreateCall on a proxy) has AsyncIXxx, ISynchronize and
 * IClientSecurity, the blanket being its own. Begin_ decides the identity, as a call would, and lets a thread
 * of the call's make it; Finish_ waits for it.
 *
 * Server: an object that has ICallFactory is asked for a call object, aggregated, whose Begin_ runs as the
 * method would. ISynchronize::Signal, of the outer object, completes the call; then Finish_ gives the answer.
 */
#pragma once
#include <pthread.h>
#include "base/guid.h"
#include "base/refcount.h"
#include "com/callcontext.h"
#include "objidlbase.h"

typedef struct AsyncInterface {
    const IID *iid;            /* of AsyncIXxx */
    const IID *sync;           /* of IXxx */
    const void *client_vtable; /* AsyncIXxx of a call object: `This` is an AsyncCall */
    const void *server_vtable; /* IXxx over the object's call objects: `This` is an AsyncServer */
    struct AsyncInterface *next;
} AsyncInterface;

/* Makes it known, for ever. */
void async_register(AsyncInterface *iface);
/* By the synchronous or the asynchronous IID; NULL. */
const AsyncInterface *async_interface_find(const IID *iid, bool sync);

/* Client */

/* ICallFactory of a proxy. S_OK, E_NOINTERFACE (no asynchronous interface is known), E_OUTOFMEMORY. */
HRESULT async_call_factory_new(IUnknown *proxy, void **ret_factory) must_use;

typedef enum AsyncState { ASYNC_IDLE, ASYNC_RUNNING, ASYNC_DONE } AsyncState;
/* What a call makes on its thread: calls the synchronous interface `proxy` with `arguments`, where results
 * go, too. */
typedef HRESULT (*AsyncRun)(IUnknown *proxy, void *arguments);

typedef struct AsyncCall {
    const void *vtable; /* first: AsyncIXxx */
    IUnknown unknown;
    ISynchronize synchronize;
    IClientSecurity security;
    RefCount refs;
    const AsyncInterface *iface;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    IUnknown *proxy; /* a copy of the synchronous interface's, for the blanket; another one after SetBlanket.
                        The lock's, as what follows */
    AsyncState state;
    bool signalled;
    bool started; /* `thread` is to be joined */
    pthread_t thread;
    Token *token;      /* whom the thread that began acted as; NULL: the process */
    IUnknown *running; /* the proxy of then: what SetBlanket says meanwhile is for the next call */
    AsyncRun run;
    void *arguments;
    void (*discard)(void *arguments);
    HRESULT result;
} AsyncCall;

/* IUnknown of AsyncIXxx's vtable. */
HRESULT async_call_query(void *This, REFIID riid, void **ret_object);
ULONG async_call_add_ref(void *This);
ULONG async_call_release(void *This);
/* Begin_: S_OK; RPC_S_CALLPENDING: the last one was not finished; E_OUTOFMEMORY. When it succeeds the
 * arguments are the call's, which gives them back by Finish_, or discards them. */
HRESULT async_call_begin(void *This, AsyncRun run, void *arguments, void (*discard)(void *)) must_use;
/* Finish_: waits, and gives the arguments back, which the caller frees. The call's result;
 * RPC_E_CALL_COMPLETE: none was begun, and then `ret_arguments` gets NULL. */
HRESULT async_call_finish(void *This, void **ret_arguments);

/* Server */

typedef struct AsyncServer {
    const void *vtable; /* first: IXxx */
    IUnknown outer;     /* of the object's call object */
    ISynchronize synchronize;
    const AsyncInterface *iface;
    ICallFactory *factory;
    CallContext *context;
    IUnknown *inner;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned refs; /* of others, to the outer object */
    bool signalled;
} AsyncServer;

/* Whether calls of this interface go by call objects of the object's. */
bool async_server_init(AsyncServer *server, IUnknown *object, const Guid *iid, CallContext *context);
/* Waits for whoever still holds the call object. */
void async_server_deinit(AsyncServer *server);
/* A method of server_vtable: async_server_start, Begin_, async_server_wait, Finish_, Release. */
HRESULT async_server_start(AsyncServer *server, void **ret_async) must_use;
/* After Begin_, whose result is `begun`: the call acts as its caller no more, and it waits for Signal. Takes
 * the pointer, and gives it back for Finish_. Failing, there is none: what Begin_ failed with, or
 * RPC_E_CALL_CANCELED when the call object is nobody's any more and was not signalled. */
HRESULT async_server_wait(AsyncServer *server, HRESULT begun, void **async) must_use;
