/* SPDX-License-Identifier: Apache-2.0 */
/* The two halves that a compiler would write for AsyncIWireAside, and objects that serve it. */
#include "tests/realm/com-async.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <winerror.h>
#include "com/async.h"

const IID IID_AsyncIWireAside = {
    0x4d616e74, 0x6c65, 0x0001, {0x9b, 0x1e, 0x57, 0x69, 0x72, 0x65, 0x5f, 0x32}};

/* ---- the client's half ---- */

static void discard(void *arguments)
{
    LPWSTR *seen = arguments;
    CoTaskMemFree(*seen);
    CoTaskMemFree(seen);
}

static pthread_mutex_t hold_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t hold_changed = PTHREAD_COND_INITIALIZER;
static bool hold;

void wire_async_hold(bool held)
{
    pthread_mutex_lock(&hold_lock);
    hold = held;
    pthread_cond_broadcast(&hold_changed);
    pthread_mutex_unlock(&hold_lock);
}

static HRESULT run_who(IUnknown *proxy, void *arguments)
{
    pthread_mutex_lock(&hold_lock);
    while (hold)
        pthread_cond_wait(&hold_changed, &hold_lock);
    pthread_mutex_unlock(&hold_lock);
    return IWireAside_Who((IWireAside *)(void *)proxy, arguments);
}

static HRESULT client_query(AsyncIWireAside *This, REFIID riid, void **ret_object)
{
    return async_call_query(This, riid, ret_object);
}
static ULONG client_add_ref(AsyncIWireAside *This)
{
    return async_call_add_ref(This);
}
static ULONG client_release(AsyncIWireAside *This)
{
    return async_call_release(This);
}
static HRESULT client_begin_who(AsyncIWireAside *This)
{
    LPWSTR *seen = CoTaskMemAlloc(sizeof(*seen));
    if (!seen) return E_OUTOFMEMORY;
    *seen = NULL;
    HRESULT hr = async_call_begin(This, run_who, seen, discard);
    if (FAILED(hr)) discard(seen);
    return hr;
}
static HRESULT client_finish_who(AsyncIWireAside *This, LPWSTR *ret_seen)
{
    void *arguments;
    *ret_seen = NULL;
    HRESULT hr = async_call_finish(This, &arguments);
    if (arguments) *ret_seen = *(LPWSTR *)arguments;
    CoTaskMemFree(arguments);
    return hr;
}
static const AsyncIWireAsideVtbl client_vtable = {client_query, client_add_ref, client_release,
                                                  client_begin_who, client_finish_who};

/* ---- the server's half ---- */

static HRESULT server_query(IWireAside *This, REFIID riid, void **ret_object)
{
    *ret_object = NULL; /* nobody asks: it is there for one call */
    return E_NOINTERFACE;
}
static ULONG server_count(IWireAside *This)
{
    return 1;
}
static HRESULT server_who(IWireAside *This, LPWSTR *seen)
{
    AsyncServer *server = (AsyncServer *)(void *)This;
    AsyncIWireAside *async;
    *seen = NULL;
    HRESULT hr = async_server_start(server, (void **)&async);
    if (FAILED(hr)) return hr;
    hr = async_server_wait(server, async->lpVtbl->Begin_Who(async), (void **)&async);
    if (FAILED(hr)) return hr;
    hr = async->lpVtbl->Finish_Who(async, seen);
    async->lpVtbl->Release(async);
    return hr;
}
static const IWireAsideVtbl server_vtable = {server_query, server_count, server_count, server_who};

void wire_async_register(void)
{
    static AsyncInterface record = {.iid = &IID_AsyncIWireAside,
                                    .sync = &IID_IWireAside,
                                    .client_vtable = &client_vtable,
                                    .server_vtable = &server_vtable};
    async_register(&record);
}

/* ---- call objects of the server's ---- */

typedef struct ServerCall {
    IUnknown inner;
    AsyncIWireAside async;
    IUnknown *outer; /* no reference: it is this one's */
    _Atomic ULONG refs;
    unsigned mode;
    char report[256];
} ServerCall;

/* Closed until the first call of ASYNC_REPORTS. */
static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_changed = PTHREAD_COND_INITIALIZER;
static bool gate_open;

static void gate_set(void)
{
    pthread_mutex_lock(&gate_lock);
    gate_open = true;
    pthread_cond_broadcast(&gate_changed);
    pthread_mutex_unlock(&gate_lock);
}

static void gate_wait(void)
{
    pthread_mutex_lock(&gate_lock);
    while (!gate_open)
        pthread_cond_wait(&gate_changed, &gate_lock);
    pthread_mutex_unlock(&gate_lock);
}

static ServerCall *of_inner(IUnknown *This)
{
    return (ServerCall *)(void *)((char *)This - offsetof(ServerCall, inner));
}
static ServerCall *of_async(AsyncIWireAside *This)
{
    return (ServerCall *)(void *)((char *)This - offsetof(ServerCall, async));
}

static HRESULT inner_query(IUnknown *This, REFIID riid, void **ret_object)
{
    ServerCall *call = of_inner(This);
    *ret_object = NULL;
    if (IsEqualIID(riid, &IID_IUnknown)) {
        *ret_object = This;
        call->refs++;
    } else if (IsEqualIID(riid, &IID_AsyncIWireAside)) {
        *ret_object = &call->async;
        IUnknown_AddRef(call->outer);
    }
    return *ret_object ? S_OK : E_NOINTERFACE;
}
static ULONG inner_add_ref(IUnknown *This)
{
    return ++of_inner(This)->refs;
}
static ULONG inner_release(IUnknown *This)
{
    ServerCall *call = of_inner(This);
    ULONG left = --call->refs;
    if (left == 0) free(call);
    return left;
}
static IUnknownVtbl inner_vtable = {inner_query, inner_add_ref, inner_release};

static HRESULT async_query(AsyncIWireAside *This, REFIID riid, void **ret_object)
{
    return IUnknown_QueryInterface(of_async(This)->outer, riid, ret_object);
}
static ULONG async_add_ref(AsyncIWireAside *This)
{
    return IUnknown_AddRef(of_async(This)->outer);
}
static ULONG async_release(AsyncIWireAside *This)
{
    return IUnknown_Release(of_async(This)->outer);
}

static void signal_call(AsyncIWireAside *async)
{
    ISynchronize *synchronize;
    if (FAILED(async->lpVtbl->QueryInterface(async, &IID_ISynchronize, (void **)&synchronize))) abort();
    if (FAILED(ISynchronize_Signal(synchronize))) abort();
    ISynchronize_Release(synchronize);
}

static void add_word(ServerCall *call, const char *word)
{
    size_t length = strlen(call->report);
    snprintf(call->report + length, sizeof(call->report) - length, "%s%s", length ? " " : "", word);
}

static void add_result(ServerCall *call, HRESULT hr)
{
    char word[16];
    snprintf(word, sizeof(word), "0x%08X", (unsigned)hr);
    add_word(call, hr == S_OK ? "ok" : word);
}

/* "acting" when the thread has a token. */
static void add_token(ServerCall *call)
{
    HANDLE token;
    bool acting = OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &token);
    add_word(call, acting ? "acting" : "itself");
    if (acting) CloseHandle(token);
}

static void *signal_later(void *argument)
{
    AsyncIWireAside *async = argument;
    gate_wait();
    signal_call(async);
    async->lpVtbl->Release(async);
    return NULL;
}

static HRESULT async_begin_who(AsyncIWireAside *This)
{
    ServerCall *call = of_async(This);
    pthread_t thread;
    char *caller = wire_caller();
    add_word(call, caller ? caller : "-");
    free(caller);
    if (call->mode == ASYNC_REFUSES) return E_ABORT;
    if (call->mode == ASYNC_LOSES) return S_OK;
    if (call->mode == ASYNC_WAITS) {
        This->lpVtbl->AddRef(This);
        if (pthread_create(&thread, NULL, signal_later, This) != 0) abort();
        pthread_detach(thread);
        /* what it leaves behind must not outlast Begin_, even if nobody can be asked any more to end it */
        add_result(call, CoImpersonateClient());
        IUnknown *context;
        if (FAILED(CoSwitchCallContext(NULL, &context))) abort();
        return S_OK;
    }
    gate_set();
    add_result(call, CoImpersonateClient());
    signal_call(This);
    add_result(call, CoImpersonateClient());
    add_token(call);
    add_result(call, CoRevertToSelf());
    add_token(call);
    add_result(call, CoImpersonateClient());
    return S_OK;
}

static HRESULT async_finish_who(AsyncIWireAside *This, LPWSTR *ret_seen)
{
    ServerCall *call = of_async(This);
    if (call->mode == ASYNC_WAITS) add_token(call);
    *ret_seen = wire_wide(call->report);
    return *ret_seen ? S_OK : E_OUTOFMEMORY;
}
static const AsyncIWireAsideVtbl async_vtable = {async_query, async_add_ref, async_release, async_begin_who,
                                                 async_finish_who};

/* ---- objects, one for each class, as long as the process ---- */

typedef struct Object {
    IWireAside aside;
    ICallFactory calls;
    IClassFactory class;
    unsigned mode;
} Object;

static Object objects[8];

static HRESULT object_query(Object *object, REFIID riid, void **ret_object)
{
    *ret_object = NULL;
    if (IsEqualIID(riid, &IID_IUnknown) || IsEqualIID(riid, &IID_IWireAside)) *ret_object = &object->aside;
    if (IsEqualIID(riid, &IID_ICallFactory)) *ret_object = &object->calls;
    return *ret_object ? S_OK : E_NOINTERFACE;
}
static ULONG object_count(void *This)
{
    return 1;
}

static HRESULT aside_query(IWireAside *This, REFIID riid, void **ret_object)
{
    return object_query((Object *)(void *)This, riid, ret_object);
}
static HRESULT aside_who(IWireAside *This, LPWSTR *seen)
{
    *seen = NULL; /* calls of others' go by call objects */
    return E_UNEXPECTED;
}
static IWireAsideVtbl aside_vtable = {aside_query, (void *)object_count, (void *)object_count, aside_who};

static HRESULT calls_query(ICallFactory *This, REFIID riid, void **ret_object)
{
    return object_query((Object *)(void *)((char *)This - offsetof(Object, calls)), riid, ret_object);
}
static HRESULT calls_create(ICallFactory *This, REFIID riid, IUnknown *pCtrlUnk, REFIID riid2,
                            IUnknown **ret_call)
{
    Object *object = (Object *)(void *)((char *)This - offsetof(Object, calls));
    *ret_call = NULL;
    if (!IsEqualIID(riid, &IID_AsyncIWireAside) || !pCtrlUnk || !IsEqualIID(riid2, &IID_IUnknown))
        return E_NOINTERFACE;
    ServerCall *call = calloc(1, sizeof(*call));
    if (!call) return E_OUTOFMEMORY;
    call->inner.lpVtbl = &inner_vtable;
    call->async.lpVtbl = &async_vtable;
    call->outer = pCtrlUnk;
    call->refs = 1;
    call->mode = object->mode;
    *ret_call = &call->inner;
    return S_OK;
}
static ICallFactoryVtbl calls_vtable = {calls_query, (void *)object_count, (void *)object_count,
                                        calls_create};

static HRESULT class_query(IClassFactory *This, REFIID riid, void **ret_object)
{
    BOOL known = IsEqualIID(riid, &IID_IUnknown) || IsEqualIID(riid, &IID_IClassFactory);
    *ret_object = known ? This : NULL;
    return known ? S_OK : E_NOINTERFACE;
}
static HRESULT class_create(IClassFactory *This, IUnknown *pUnkOuter, REFIID riid, void **ret_object)
{
    return object_query((Object *)(void *)((char *)This - offsetof(Object, class)), riid, ret_object);
}
static HRESULT class_lock(IClassFactory *This, BOOL fLock)
{
    return S_OK;
}
static IClassFactoryVtbl class_vtable = {class_query, (void *)object_count, (void *)object_count,
                                         class_create, class_lock};

IClassFactory *wire_async_factory(unsigned mode)
{
    objects[mode] = (Object){{&aside_vtable}, {&calls_vtable}, {&class_vtable}, mode};
    return &objects[mode].class;
}
