/* SPDX-License-Identifier: Apache-2.0 */
/* The client side of asynchronous calls: call objects and their factory. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include "com/async.h"
#include "com/errorinfo.h"
#include "com/proxy.h"
#include "combaseapi.h"
#include "winerror.h"

static _Atomic(AsyncInterface *) interfaces;

void async_register(AsyncInterface *iface)
{
    iface->next = atomic_load(&interfaces);
    while (!atomic_compare_exchange_weak(&interfaces, &iface->next, iface))
        ;
}

const AsyncInterface *async_interface_find(const IID *iid, bool sync)
{
    const AsyncInterface *found = atomic_load(&interfaces);
    while (found && !IsEqualIID(sync ? found->sync : found->iid, iid))
        found = found->next;
    return found;
}

/* The thread has said what came of the call, and ends. Who finishes a call, or lets go of a complete one,
 * waits for that, so that nothing of the thread is left when the process ends. */
static void call_join(AsyncCall *call)
{
    pthread_mutex_lock(&call->lock);
    bool started = call->started;
    pthread_t thread = call->thread;
    call->started = false;
    pthread_mutex_unlock(&call->lock);
    if (started) (void)pthread_join(thread, NULL);
}

static void call_free(AsyncCall *call)
{
    call_join(call);
    if (call->running) call->running->lpVtbl->Release(call->running);
    if (call->proxy) call->proxy->lpVtbl->Release(call->proxy);
    (void)token_unref(call->token);
    if (call->arguments) call->discard(call->arguments);
    pthread_cond_destroy(&call->changed);
    pthread_mutex_destroy(&call->lock);
    free(call);
}

HRESULT async_call_query(void *This, REFIID riid, void **ret_object)
{
    AsyncCall *call = This;
    if (!riid || !ret_object) return E_POINTER;
    *ret_object = NULL;
    if (IsEqualIID(riid, &IID_IUnknown)) *ret_object = &call->unknown;
    if (IsEqualIID(riid, &IID_ISynchronize)) *ret_object = &call->synchronize;
    if (IsEqualIID(riid, &IID_IClientSecurity)) *ret_object = &call->security;
    if (IsEqualIID(riid, call->iface->iid)) *ret_object = call;
    if (!*ret_object) return E_NOINTERFACE;
    refcount_ref(&call->refs);
    return S_OK;
}

ULONG async_call_add_ref(void *This)
{
    AsyncCall *call = This;
    refcount_ref(&call->refs);
    return atomic_load(&call->refs.count);
}

ULONG async_call_release(void *This)
{
    AsyncCall *call = This;
    ULONG left = atomic_load(&call->refs.count) - 1;
    if (refcount_unref(&call->refs)) call_free(call);
    return left;
}

/* Begin and finish */

/* The proxy as it is now, a new reference. */
static IUnknown *call_proxy(AsyncCall *call)
{
    pthread_mutex_lock(&call->lock);
    IUnknown *proxy = call->proxy;
    proxy->lpVtbl->AddRef(proxy);
    pthread_mutex_unlock(&call->lock);
    return proxy;
}

/* The call, on a thread of its own, as whoever began it. Once it is known to be complete its owner may let go
 * of it and of COM: the thread's own reference is gone by then. */
static void *call_thread(void *argument)
{
    AsyncCall *call = argument;
    thread_set_token(call->token);
    HRESULT hr = call->run(call->running, call->arguments);
    thread_set_token(NULL);
    IUnknown *used = TAKE_PTR(call->running);
    used->lpVtbl->Release(used);
    pthread_mutex_lock(&call->lock);
    call->result = hr;
    call->state = ASYNC_DONE;
    call->signalled = true;
    pthread_cond_broadcast(&call->changed);
    bool last = refcount_unref(&call->refs);
    if (last) { /* nobody is left to join */
        (void)pthread_detach(pthread_self());
        call->started = false;
    }
    pthread_mutex_unlock(&call->lock);
    if (last) call_free(call);
    return NULL;
}

static HRESULT call_start(AsyncCall *call)
{
    refcount_ref(&call->refs);
    call->started = true;
    if (pthread_create(&call->thread, NULL, call_thread, call) == 0) return S_OK;
    call->started = false;
    async_call_release(call);
    return E_OUTOFMEMORY;
}

HRESULT async_call_begin(void *This, AsyncRun run, void *arguments, void (*discard)(void *))
{
    AsyncCall *call = This;
    Token *token = thread_token();
    pthread_mutex_lock(&call->lock);
    bool idle = call->state == ASYNC_IDLE;
    if (idle) {
        call->state = ASYNC_RUNNING;
        call->signalled = false;
        call->running = call->proxy;
        call->running->lpVtbl->AddRef(call->running);
    }
    pthread_mutex_unlock(&call->lock);
    if (!idle) return RPC_S_CALLPENDING;
    (void)token_unref(call->token);
    call->token = token ? token_ref(token) : NULL;
    call->run = run;
    call->discard = discard;
    call->arguments = arguments;
    HRESULT hr = call_start(call);
    if (SUCCEEDED(hr)) return hr;
    call->arguments = NULL;
    IUnknown *unused = TAKE_PTR(call->running);
    unused->lpVtbl->Release(unused);
    pthread_mutex_lock(&call->lock);
    call->state = ASYNC_IDLE;
    pthread_mutex_unlock(&call->lock);
    return hr;
}

HRESULT async_call_finish(void *This, void **ret_arguments)
{
    AsyncCall *call = This;
    HRESULT hr = RPC_E_CALL_COMPLETE;
    bool started = false;
    pthread_t thread;
    *ret_arguments = NULL;
    pthread_mutex_lock(&call->lock);
    while (call->state == ASYNC_RUNNING)
        pthread_cond_wait(&call->changed, &call->lock);
    if (call->state == ASYNC_DONE) {
        hr = call->result;
        *ret_arguments = TAKE_PTR(call->arguments);
        call->state = ASYNC_IDLE;
        started = call->started;
        thread = call->thread;
        call->started = false;
    }
    pthread_mutex_unlock(&call->lock);
    if (started) (void)pthread_join(thread, NULL);
    return hr;
}

/* IUnknown */

static HRESULT unknown_query(IUnknown *This, REFIID riid, void **ret_object)
{
    return async_call_query(container_of(This, AsyncCall, unknown), riid, ret_object);
}
static ULONG unknown_add_ref(IUnknown *This)
{
    return async_call_add_ref(container_of(This, AsyncCall, unknown));
}
static ULONG unknown_release(IUnknown *This)
{
    return async_call_release(container_of(This, AsyncCall, unknown));
}
static IUnknownVtbl unknown_vtable = {unknown_query, unknown_add_ref, unknown_release};

/* ISynchronize */

static AsyncCall *of_synchronize(ISynchronize *This)
{
    return container_of(This, AsyncCall, synchronize);
}
static HRESULT synchronize_query(ISynchronize *This, REFIID riid, void **ret_object)
{
    return async_call_query(of_synchronize(This), riid, ret_object);
}
static ULONG synchronize_add_ref(ISynchronize *This)
{
    return async_call_add_ref(of_synchronize(This));
}
static ULONG synchronize_release(ISynchronize *This)
{
    return async_call_release(of_synchronize(This));
}

static struct timespec deadline_after(DWORD milliseconds)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* always there */
    int64_t nanoseconds = now.tv_nsec + milliseconds % 1000 * INT64_C(1000000);
    return (struct timespec){now.tv_sec + milliseconds / 1000 + nanoseconds / 1000000000,
                             nanoseconds % 1000000000};
}

static HRESULT synchronize_wait(ISynchronize *This, DWORD flags, DWORD milliseconds)
{
    AsyncCall *call = of_synchronize(This);
    struct timespec deadline = deadline_after(milliseconds == INFINITE ? 0 : milliseconds);
    int r = 0;
    pthread_mutex_lock(&call->lock);
    while (!call->signalled && r != ETIMEDOUT) {
        if (milliseconds == INFINITE)
            r = pthread_cond_wait(&call->changed, &call->lock);
        else
            r = pthread_cond_timedwait(&call->changed, &call->lock, &deadline);
    }
    bool signalled = call->signalled;
    pthread_mutex_unlock(&call->lock);
    return signalled ? S_OK : RPC_S_CALLPENDING;
}

static HRESULT synchronize_set(AsyncCall *call, bool signalled)
{
    pthread_mutex_lock(&call->lock);
    call->signalled = signalled;
    pthread_cond_broadcast(&call->changed);
    pthread_mutex_unlock(&call->lock);
    return S_OK;
}
static HRESULT synchronize_signal(ISynchronize *This)
{
    return synchronize_set(of_synchronize(This), true);
}
static HRESULT synchronize_reset(ISynchronize *This)
{
    return synchronize_set(of_synchronize(This), false);
}
static ISynchronizeVtbl synchronize_vtable = {synchronize_query, synchronize_add_ref, synchronize_release,
                                              synchronize_wait,  synchronize_signal,  synchronize_reset};

/* IClientSecurity: the blanket of the call object (PB-20) */

static AsyncCall *of_security(IClientSecurity *This)
{
    return container_of(This, AsyncCall, security);
}
static HRESULT security_query(IClientSecurity *This, REFIID riid, void **ret_object)
{
    return async_call_query(of_security(This), riid, ret_object);
}
static ULONG security_add_ref(IClientSecurity *This)
{
    return async_call_add_ref(of_security(This));
}
static ULONG security_release(IClientSecurity *This)
{
    return async_call_release(of_security(This));
}

/* Only the asynchronous interface calls, so only it has a blanket. */
static HRESULT security_check(const AsyncCall *call, const IUnknown *pointer)
{
    if ((const void *)pointer == call) return S_OK;
    return com_error(E_INVALIDARG, "The pointer is not the asynchronous interface of this call object.");
}

static HRESULT security_query_blanket(IClientSecurity *This, IUnknown *pointer, DWORD *ret_service,
                                      DWORD *ret_authz, OLECHAR **ret_principal, DWORD *ret_level,
                                      DWORD *ret_impersonation, void **ret_auth_info, DWORD *ret_capabilities)
{
    AsyncCall *call = of_security(This);
    HRESULT hr = security_check(call, pointer);
    if (FAILED(hr)) return hr;
    IUnknown *proxy = call_proxy(call);
    hr = CoQueryProxyBlanket(proxy, ret_service, ret_authz, ret_principal, ret_level, ret_impersonation,
                             ret_auth_info, ret_capabilities);
    proxy->lpVtbl->Release(proxy);
    return hr;
}

static HRESULT security_set_blanket(IClientSecurity *This, IUnknown *pointer, DWORD service, DWORD authz,
                                    OLECHAR *principal, DWORD level, DWORD impersonation, void *auth_info,
                                    DWORD capabilities)
{
    AsyncCall *call = of_security(This);
    HRESULT hr = security_check(call, pointer);
    if (FAILED(hr)) return hr;
    /* On a proxy of its own: a call that was begun shows whom it was begun as. */
    IUnknown *before = call_proxy(call), *after = NULL;
    hr = proxy_copy_with_blanket(before, &after);
    before->lpVtbl->Release(before);
    if (FAILED(hr)) return hr;
    hr = CoSetProxyBlanket(after, service, authz, principal, level, impersonation, auth_info, capabilities);
    if (SUCCEEDED(hr)) {
        pthread_mutex_lock(&call->lock);
        before = call->proxy;
        call->proxy = after;
        after = before;
        pthread_mutex_unlock(&call->lock);
    }
    after->lpVtbl->Release(after);
    return hr;
}

static HRESULT security_copy_proxy(IClientSecurity *This, IUnknown *pointer, IUnknown **ret_copy)
{
    if (!ret_copy) return E_POINTER;
    *ret_copy = NULL;
    return com_error(
        E_INVALIDARG,
        "A call object cannot be copied: CreateCall makes another one, with a blanket of its own.");
}
static IClientSecurityVtbl security_vtable = {security_query,       security_add_ref,
                                              security_release,     security_query_blanket,
                                              security_set_blanket, security_copy_proxy};

/* ICallFactory */

typedef struct CallFactory {
    ICallFactory factory;
    RefCount refs;
    IUnknown *proxy;
} CallFactory;

static HRESULT factory_query(ICallFactory *This, REFIID riid, void **ret_object)
{
    CallFactory *factory = (CallFactory *)This;
    if (!IsEqualIID(riid, &IID_ICallFactory))
        return factory->proxy->lpVtbl->QueryInterface(factory->proxy, riid, ret_object);
    refcount_ref(&factory->refs);
    *ret_object = This;
    return S_OK;
}
static ULONG factory_add_ref(ICallFactory *This)
{
    CallFactory *factory = (CallFactory *)This;
    refcount_ref(&factory->refs);
    return atomic_load(&factory->refs.count);
}
static ULONG factory_release(ICallFactory *This)
{
    CallFactory *factory = (CallFactory *)This;
    ULONG left = atomic_load(&factory->refs.count) - 1;
    if (!refcount_unref(&factory->refs)) return left;
    factory->proxy->lpVtbl->Release(factory->proxy);
    free(factory);
    return 0;
}

static HRESULT call_new(const AsyncInterface *iface, IUnknown *sync, AsyncCall **ret_call)
{
    pthread_condattr_t monotonic;
    AsyncCall *call = calloc(1, sizeof(*call));
    if (!call) return E_OUTOFMEMORY;
    call->vtable = iface->client_vtable;
    call->unknown.lpVtbl = &unknown_vtable;
    call->synchronize.lpVtbl = &synchronize_vtable;
    call->security.lpVtbl = &security_vtable;
    call->iface = iface;
    refcount_init(&call->refs);
    pthread_mutex_init(&call->lock, NULL);
    pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC); /* a valid clock */
    pthread_cond_init(&call->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    HRESULT hr = CoCopyProxy(sync, &call->proxy);
    if (FAILED(hr)) {
        call->proxy = NULL;
        call_free(call);
        return hr;
    }
    *ret_call = call;
    return S_OK;
}

static HRESULT factory_create_call(ICallFactory *This, REFIID riid, IUnknown *pCtrlUnk, REFIID riid2,
                                   IUnknown **ppv)
{
    CallFactory *factory = (CallFactory *)This;
    IUnknown *sync = NULL;
    AsyncCall *call = NULL;
    if (!riid || !riid2 || !ppv) return E_INVALIDARG;
    *ppv = NULL;
    if (pCtrlUnk) return CLASS_E_NOAGGREGATION;
    const AsyncInterface *iface = async_interface_find(riid, false);
    if (!iface) return E_NOINTERFACE;
    HRESULT hr = factory->proxy->lpVtbl->QueryInterface(factory->proxy, iface->sync, (void **)&sync);
    if (FAILED(hr)) return hr;
    hr = call_new(iface, sync, &call);
    sync->lpVtbl->Release(sync);
    if (FAILED(hr)) return hr;
    hr = async_call_query(call, riid2, (void **)ppv);
    async_call_release(call);
    return hr;
}
static ICallFactoryVtbl factory_vtable = {factory_query, factory_add_ref, factory_release,
                                          factory_create_call};

HRESULT async_call_factory_new(IUnknown *proxy, void **ret_factory)
{
    if (!atomic_load(&interfaces)) return E_NOINTERFACE;
    CallFactory *factory = calloc(1, sizeof(*factory));
    if (!factory) return E_OUTOFMEMORY;
    factory->factory.lpVtbl = &factory_vtable;
    refcount_init(&factory->refs);
    factory->proxy = proxy;
    proxy->lpVtbl->AddRef(proxy);
    *ret_factory = factory;
    return S_OK;
}
