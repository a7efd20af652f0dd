/* SPDX-License-Identifier: Apache-2.0 */
#include "com/stub.h"
#include <pthread.h>
#include <stdlib.h>
#include "base/utf16.h"
#include "com/callcontext.h"
#include "com/channel.h"
#include "ndr/server.h"
#include "oleauto.h"
#include "orpc/dispatch.h"
#include "winerror.h"

static HRESULT stub_query(void *object, const Guid *iid, void **ret_interface)
{
    IUnknown *unknown = object;
    *ret_interface = NULL;
    HRESULT hr = unknown->lpVtbl->QueryInterface(unknown, (REFIID)iid, ret_interface);
    return SUCCEEDED(hr) && !*ret_interface ? E_NOINTERFACE : hr;
}

static void stub_release(void *object, void *iface)
{
    IUnknown *unknown = iface;
    (void)object;
    unknown->lpVtbl->Release(unknown);
}

static void stub_disconnected(void *object)
{
    IUnknown *unknown = object;
    unknown->lpVtbl->Release(unknown);
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

/* What the method left as the thread's error object goes with the answer. */
static void collect_error_info(OrpcErrorInfo *ret_info)
{
    IErrorInfo *error = NULL;
    BSTR text = NULL;
    if (GetErrorInfo(0, &error) != S_OK || !error) return;
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
        SetErrorInfo(0, NULL);
        int r = ndr_server_invoke(&call, &code);
        hr = r == NDR_FAULT ? (HRESULT)code : S_OK;
        if (hr == S_OK) collect_error_info(incoming->error);
        call_context_leave(&scope);
    }
    arena_give(arena);
    return hr;
}

const ExportedOps stub_ops = {stub_query, stub_release, stub_invoke, stub_disconnected};
