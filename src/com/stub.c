/* SPDX-License-Identifier: Apache-2.0 */
#include "com/stub.h"
#include <pthread.h>
#include <stdlib.h>
#include "base/hash.h"
#include "base/list.h"
#include "base/utf16.h"
#include "com/async.h"
#include "com/callcontext.h"
#include "com/channel.h"
#include "com/runtime.h"
#include "com/thread.h"
#include "ndr/server.h"
#include "oleauto.h"
#include "orpc/dispatch.h"
#include "winerror.h"

static HRESULT stub_query(void *object, const Guid *iid, void **ret_interface)
{
    IUnknown *unknown = object;
    ThreadPause pause;
    *ret_interface = NULL;
    thread_pause(&pause);
    HRESULT hr = unknown->lpVtbl->QueryInterface(unknown, (REFIID)iid, ret_interface);
    thread_resume(&pause);
    return SUCCEEDED(hr) && !*ret_interface ? E_NOINTERFACE : hr;
}

static void stub_release(void *object, void *iface)
{
    IUnknown *unknown = iface;
    ThreadPause pause;
    (void)object;
    thread_pause(&pause);
    unknown->lpVtbl->Release(unknown); /* may be the last one, and the object make calls of its own */
    thread_resume(&pause);
}

static void stub_disconnected(void *object)
{
    stub_release(object, object);
}

/* Arguments live in an arena that each thread keeps for its next call. */
static pthread_key_t arena_key;
static pthread_once_t arena_once = PTHREAD_ONCE_INIT;

static void arena_free(void *pointer)
{
    arena_deinit(pointer);
    free(pointer);
}

static void arena_key_init(void)
{
    (void)pthread_key_create(&arena_key, arena_free);
}

static Arena *arena_take(void)
{
    pthread_once(&arena_once, arena_key_init);
    Arena *arena = pthread_getspecific(arena_key);
    if (arena) {
        pthread_setspecific(arena_key, NULL);
        return arena;
    }
    arena = calloc(1, sizeof(*arena));
    if (arena) arena_init(arena, 0);
    return arena;
}

static void arena_give(Arena *arena)
{
    arena_reset(arena, 0);
    if (pthread_getspecific(arena_key) || pthread_setspecific(arena_key, arena) != 0) arena_free(arena);
}

/* A BSTR as memory that orpc_error_info_deinit() frees. */
static const char16_t *text_of(BSTR text)
{
    size_t size = text ? (utf16_length(text) + 1) * sizeof(*text) : 0;
    char16_t *copy = size ? malloc(size) : NULL;
    if (copy) memcpy(copy, text, size);
    SysFreeString(text);
    return copy;
}

/* Whether what lies on the thread is the method's: an object that says of this interface that it sets none
 * left what something else did. One that says nothing is taken at its deed. */
static bool sets_error_info(IUnknown *iface, const Guid *of)
{
    ISupportErrorInfo *support = NULL;
    if (FAILED(iface->lpVtbl->QueryInterface(iface, &IID_ISupportErrorInfo, (void **)&support)) || !support)
        return true;
    HRESULT hr = support->lpVtbl->InterfaceSupportsErrorInfo(support, (REFIID)of);
    support->lpVtbl->Release(support);
    return hr == S_OK;
}

/* What the method left as the thread's error object goes with the answer. */
static void collect_error_info(IUnknown *iface, const Guid *of, OrpcErrorInfo *ret_info)
{
    IErrorInfo *error = NULL;
    BSTR text = NULL;
    if (GetErrorInfo(0, &error) != S_OK || !error) return;
    if (!sets_error_info(iface, of)) {
        error->lpVtbl->Release(error);
        return;
    }
    if (SUCCEEDED(error->lpVtbl->GetDescription(error, &text))) ret_info->description = text_of(text);
    text = NULL;
    if (SUCCEEDED(error->lpVtbl->GetSource(error, &text))) ret_info->source = text_of(text);
    text = NULL;
    if (SUCCEEDED(error->lpVtbl->GetHelpFile(error, &text))) ret_info->help_file = text_of(text);
    DWORD help = 0;
    if (SUCCEEDED(error->lpVtbl->GetHelpContext(error, &help))) ret_info->help_context = help;
    GUID iid = {0};
    if (SUCCEEDED(error->lpVtbl->GetGUID(error, &iid))) memcpy(&ret_info->iid, &iid, sizeof(iid));
    error->lpVtbl->Release(error);
}

static HRESULT stub_invoke(void *object, void *iface, OrpcIncoming *incoming)
{
    (void)object;
    const NdrInterface *ndr = ndr_interface_find((const IID *)&incoming->iid);
    if (!ndr) return (HRESULT)RPCST_UNKNOWN_IF;
    CallScope scope;
    CallContextSpec spec = {
        .client = incoming->caller,
        .authn_service = incoming->authn_service,
        .authn_level = incoming->authn_level,
        .server_principal = incoming->server_principal,
        .causality = incoming->causality,
        .rpc = incoming->rpc,
    };
    Arena *arena = arena_take();
    if (!arena) return E_OUTOFMEMORY;
    NdrServerCall call = {
        .iface = ndr,
        .object = iface,
        .method = incoming->method,
        .hooks = &channel_ops.hooks,
        .reply = incoming->reply,
        .arena = arena,
    };
    reader_init(&call.request, incoming->stub + incoming->body, incoming->stub_length - incoming->body);
    uint32_t code = 0;
    HRESULT hr = call_context_enter(&spec, &scope);
    if (SUCCEEDED(hr)) {
        AsyncServer async;
        bool begun = async_server_init(&async, iface, &incoming->iid, scope.context);
        if (begun) call.object = &async;
        SetErrorInfo(0, NULL);
        int r = ndr_server_invoke(&call, &code);
        if (begun) async_server_deinit(&async);
        hr = r == NDR_FAULT ? (HRESULT)code : S_OK;
        if (hr == S_OK) collect_error_info(iface, &incoming->iid, incoming->error);
        call_context_set_result(&scope, hr);
        call_context_leave(&scope);
    }
    arena_give(arena);
    return hr;
}

static const ExportedOps free_ops = {stub_query, stub_release, stub_invoke, stub_disconnected};

/* Objects of single-threaded apartments: the same, at home. */

typedef struct Home {
    List link;
    IUnknown *identity;
    Apartment *apartment; /* a reference */
    unsigned exports;     /* entries in the exporter, those included that are about to be made or to go */
    bool ending;
} Home;

static pthread_mutex_t homes_lock = PTHREAD_MUTEX_INITIALIZER;
static HashMap *homes; /* by identity; NULL: none yet */
static List homes_list = {&homes_list, &homes_list};

/* With the lock held. */
static Home *home_find(IUnknown *identity)
{
    return homes ? hashmap_get(homes, &identity, sizeof(identity)) : NULL;
}

/* With the lock held. */
static Home *home_add(IUnknown *identity, Apartment *apartment)
{
    if (!homes && hashmap_new(&homes) < 0) return NULL;
    Home *home = calloc(1, sizeof(*home));
    if (!home) return NULL;
    *home = (Home){.identity = identity, .apartment = apartment_ref(apartment)};
    if (hashmap_put(homes, &identity, sizeof(identity), home) < 0) {
        apartment_unref(home->apartment);
        free(home);
        return NULL;
    }
    list_append(&homes_list, &home->link);
    return home;
}

static void home_leave(IUnknown *identity)
{
    pthread_mutex_lock(&homes_lock);
    Home *home = home_find(identity);
    bool last = home && --home->exports == 0;
    if (last) {
        hashmap_remove(homes, &identity, sizeof(identity));
        list_remove(&home->link);
    }
    if (homes && hashmap_count(homes) == 0) homes = hashmap_free(homes);
    pthread_mutex_unlock(&homes_lock);
    if (!last) return;
    apartment_unref(home->apartment);
    free(home);
}

static Apartment *home_of(void *object)
{
    pthread_mutex_lock(&homes_lock);
    Home *home = home_find(object);
    Apartment *apartment = home ? apartment_ref(home->apartment) : NULL;
    pthread_mutex_unlock(&homes_lock);
    return apartment;
}

typedef struct HomeCall {
    void *object, *iface;
    const Guid *iid;
    void **ret_interface;
    OrpcIncoming *incoming;
    HRESULT result;
} HomeCall;

static void run_query(void *argument)
{
    HomeCall *call = argument;
    call->result = stub_query(call->object, call->iid, call->ret_interface);
}

static HRESULT home_query(void *object, const Guid *iid, void **ret_interface)
{
    _cleanup_(apartment_unrefp) Apartment *home = home_of(object);
    HomeCall call = {.object = object, .iid = iid, .ret_interface = ret_interface};
    HRESULT hr = apartment_run(home, NULL, run_query, &call);
    return FAILED(hr) ? hr : call.result;
}

static void run_invoke(void *argument)
{
    HomeCall *call = argument;
    call->result = stub_invoke(call->object, call->iface, call->incoming);
}

static HRESULT home_invoke(void *object, void *iface, OrpcIncoming *incoming)
{
    _cleanup_(apartment_unrefp) Apartment *home = home_of(object);
    HomeCall call = {.object = object, .iface = iface, .incoming = incoming};
    HRESULT hr = apartment_run(home, &incoming->causality, run_invoke, &call);
    return FAILED(hr) ? hr : call.result;
}

static void run_release(void *argument)
{
    HomeCall *call = argument;
    stub_release(call->object, call->iface);
}

/* Once the apartment has ended no thread is left that would be the right one. */
static void home_release(void *object, void *iface)
{
    _cleanup_(apartment_unrefp) Apartment *home = home_of(object);
    HomeCall call = {.object = object, .iface = iface};
    if (FAILED(apartment_run(home, NULL, run_release, &call))) run_release(&call);
}

static void home_disconnected(void *object)
{
    home_release(object, object);
    home_leave(object);
}

static const ExportedOps home_ops = {home_query, home_release, home_invoke, home_disconnected};

/* Export */

HRESULT stub_export(IUnknown *identity, const ExportedOps **ret_ops)
{
    Apartment *apartment = apartment_current();
    *ret_ops = &free_ops;
    if (!apartment) return S_OK;
    HRESULT hr = apartment_serve(apartment);
    if (FAILED(hr)) return hr;
    pthread_mutex_lock(&homes_lock);
    Home *home = home_find(identity);
    if (!home) home = home_add(identity, apartment);
    if (home) home->exports++;
    pthread_mutex_unlock(&homes_lock);
    *ret_ops = &home_ops;
    return home ? S_OK : E_OUTOFMEMORY;
}

void stub_exported(IUnknown *identity, const ExportedOps *ops, bool is_new)
{
    if (ops == &home_ops && !is_new) home_leave(identity);
}

/* The next object of an apartment that was not cut off yet. */
static IUnknown *next_of(const Apartment *apartment)
{
    IUnknown *identity = NULL;
    pthread_mutex_lock(&homes_lock);
    list_each(item, &homes_list)
    {
        Home *home = container_of(item, Home, link);
        if (identity || home->apartment != apartment || home->ending) continue;
        home->ending = true;
        identity = home->identity;
    }
    pthread_mutex_unlock(&homes_lock);
    return identity;
}

void stub_disconnect_apartment(Apartment *apartment)
{
    for (IUnknown *identity; (identity = next_of(apartment));) {
        Exporter *exporter = runtime_peek_exporter();
        if (exporter) (void)!exporter_disconnect(exporter, identity); /* S_FALSE: it went by itself */
    }
}
