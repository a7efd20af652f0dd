/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server side of asynchronous calls. The thread that the call came on runs Begin_, and then waits for
 * Signal, which any thread may say; it is what ends the call, whether Begin_ has returned or not (SRV-8). The
 * answer goes out when both have happened.
 */
#include "com/async.h"
#include "combaseapi.h"
#include "winerror.h"

/* The outer object: it lives as long as its call does, so references are counted to know whether anybody is
 * left. */

static HRESULT server_query(AsyncServer *server, REFIID riid, void **ret_object)
{
    if (!riid || !ret_object) return E_POINTER;
    *ret_object = NULL;
    if (IsEqualIID(riid, &IID_IUnknown)) *ret_object = &server->outer;
    if (IsEqualIID(riid, &IID_ISynchronize)) *ret_object = &server->synchronize;
    if (!*ret_object)
        return server->inner ? server->inner->lpVtbl->QueryInterface(server->inner, riid, ret_object)
                             : E_NOINTERFACE;
    server->outer.lpVtbl->AddRef(&server->outer);
    return S_OK;
}

static ULONG server_add_ref(AsyncServer *server)
{
    pthread_mutex_lock(&server->lock);
    ULONG references = ++server->refs;
    pthread_mutex_unlock(&server->lock);
    return references;
}

static ULONG server_release(AsyncServer *server)
{
    pthread_mutex_lock(&server->lock);
    ULONG left = --server->refs;
    if (left == 0) pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
    return left;
}

static AsyncServer *of_outer(IUnknown *This)
{
    return container_of(This, AsyncServer, outer);
}
static HRESULT outer_query(IUnknown *This, REFIID riid, void **ret_object)
{
    return server_query(of_outer(This), riid, ret_object);
}
static ULONG outer_add_ref(IUnknown *This)
{
    return server_add_ref(of_outer(This));
}
static ULONG outer_release(IUnknown *This)
{
    return server_release(of_outer(This));
}
static IUnknownVtbl outer_vtable = {outer_query, outer_add_ref, outer_release};

static AsyncServer *of_synchronize(ISynchronize *This)
{
    return container_of(This, AsyncServer, synchronize);
}
static HRESULT synchronize_query(ISynchronize *This, REFIID riid, void **ret_object)
{
    return server_query(of_synchronize(This), riid, ret_object);
}
static ULONG synchronize_add_ref(ISynchronize *This)
{
    return server_add_ref(of_synchronize(This));
}
static ULONG synchronize_release(ISynchronize *This)
{
    return server_release(of_synchronize(This));
}
/* Whoever waits for the end of a call that it serves would wait for itself. */
static HRESULT synchronize_wait(ISynchronize *This, DWORD flags, DWORD milliseconds)
{
    return E_NOTIMPL;
}
static HRESULT synchronize_signal(ISynchronize *This)
{
    AsyncServer *server = of_synchronize(This);
    call_context_complete(server->context);
    pthread_mutex_lock(&server->lock);
    server->signalled = true;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
    return S_OK;
}
/* A call that is complete stays so. */
static HRESULT synchronize_reset(ISynchronize *This)
{
    return E_NOTIMPL;
}
static ISynchronizeVtbl synchronize_vtable = {synchronize_query, synchronize_add_ref, synchronize_release,
                                              synchronize_wait,  synchronize_signal,  synchronize_reset};

/* The call */

bool async_server_init(AsyncServer *server, IUnknown *object, const Guid *iid, CallContext *context)
{
    ICallFactory *factory = NULL;
    const AsyncInterface *iface = async_interface_find((const IID *)iid, true);
    if (!iface) return false;
    if (FAILED(object->lpVtbl->QueryInterface(object, &IID_ICallFactory, (void **)&factory)) || !factory)
        return false;
    *server = (AsyncServer){.vtable = iface->server_vtable,
                            .outer.lpVtbl = &outer_vtable,
                            .synchronize.lpVtbl = &synchronize_vtable,
                            .iface = iface,
                            .factory = factory,
                            .context = context};
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->changed, NULL);
    return true;
}

void async_server_deinit(AsyncServer *server)
{
    pthread_mutex_lock(&server->lock);
    while (server->refs > 0)
        pthread_cond_wait(&server->changed, &server->lock);
    pthread_mutex_unlock(&server->lock);
    if (server->inner) server->inner->lpVtbl->Release(server->inner);
    server->factory->lpVtbl->Release(server->factory);
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->lock);
}

HRESULT async_server_start(AsyncServer *server, void **ret_async)
{
    *ret_async = NULL;
    HRESULT hr = server->factory->lpVtbl->CreateCall(server->factory, server->iface->iid, &server->outer,
                                                     &IID_IUnknown, &server->inner);
    if (FAILED(hr)) {
        server->inner = NULL;
        return hr;
    }
    return server->inner->lpVtbl->QueryInterface(server->inner, server->iface->iid, ret_async);
}

/* True: Signal was said. False: nobody is left who could. */
static bool server_wait(AsyncServer *server)
{
    pthread_mutex_lock(&server->lock);
    while (!server->signalled && server->refs > 0)
        pthread_cond_wait(&server->changed, &server->lock);
    bool signalled = server->signalled;
    pthread_mutex_unlock(&server->lock);
    return signalled;
}

HRESULT async_server_wait(AsyncServer *server, HRESULT begun, void **async)
{
    IUnknown *held = TAKE_PTR(*async);
    /* What Begin_ took of its caller ends with it (SRV-8). */
    call_context_revert();
    held->lpVtbl->Release(held);
    if (FAILED(begun)) return begun;
    if (!server_wait(server)) return RPC_E_CALL_CANCELED;
    return server->inner->lpVtbl->QueryInterface(server->inner, server->iface->iid, async);
}
