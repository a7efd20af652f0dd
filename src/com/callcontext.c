/* SPDX-License-Identifier: Apache-2.0 */
/* IServerSecurity, and the functions that are one of its methods each. */
#define CONST_VTBL const
#include "com/callcontext.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include "base/refcount.h"
#include "base/utf16.h"
#include "com/audit.h"
#include "com/errorinfo.h"
#include "combaseapi.h"
#include "winerror.h"

#define PRINCIPAL_USUAL                                                                                      \
    80 /* bytes: no memory for each call because of a name that hardly anybody asks for                      \
        */

struct CallContext {
    IServerSecurity security;
    RefCount refs;
    atomic_bool complete;
    Token *client;
    uint32_t authn_service, authn_level;
    const struct RpcCall *rpc;     /* likewise */
    const char *charged;           /* borrowed: while the call is not left */
    char *server_principal;        /* NULL: not known; else `server_text`, unless it is too long for it */
    char16_t *_Atomic client_name; /* REALM\user, made when it is asked for */
    Guid causality;
    AuditNotes audit;
    HRESULT result;
    char server_text[PRINCIPAL_USUAL];
};

static const IServerSecurityVtbl call_context_vtable;

static CallContext *context_of(IServerSecurity *self)
{
    return container_of(self, CallContext, security);
}

static CallContext *context_unref(CallContext *context)
{
    if (!context || !refcount_unref(&context->refs)) return NULL;
    audit_drop(&context->audit);
    (void)token_unref(context->client);
    if (context->server_principal != context->server_text) free(context->server_principal);
    free(context->client_name);
    free(context);
    return NULL;
}
DEFINE_CLEANUP(CallContext, context_unref)

int call_context_name(const Token *token, char16_t **ret_name)
{
    /* NTLM's and local ones are DOMAIN\user already, and an account may have an @ in its name. */
    const char *principal = token_principal(token),
               *at = token_service(token) == RPC_C_AUTHN_WINNT ? NULL : strrchr(principal, '@');
    _cleanup_(freep) char *text = NULL;

    if (!at) return utf16_from_utf8(principal, ret_name, NULL);
    if (asprintf(&text, "%s\\%.*s", at + 1, (int)(at - principal), principal) < 0) {
        text = NULL;
        return -ENOMEM;
    }
    return utf16_from_utf8(text, ret_name, NULL);
}

static int keep_server_principal(CallContext *context, const char *name)
{
    size_t size = strlen(name) + 1;
    context->server_principal = size <= sizeof(context->server_text) ? context->server_text : malloc(size);
    if (!context->server_principal) return -ENOMEM;
    memcpy(context->server_principal, name, size);
    return 0;
}

static CallContext *context_new(const CallContextSpec *spec)
{
    _cleanup_(context_unrefp) CallContext *context =
        malloc(sizeof(*context)); /* calloc() is the slower one */

    if (!context) return NULL;
    memset(context, 0, offsetof(CallContext, server_text));
    context->security.lpVtbl = &call_context_vtable;
    refcount_init(&context->refs);
    context->client = spec->client ? token_ref(spec->client) : NULL;
    context->authn_service = spec->authn_service;
    context->authn_level = spec->authn_level;
    context->causality = spec->causality;
    context->rpc = spec->rpc;
    context->charged = spec->charged ? spec->charged : spec->client ? token_principal(spec->client) : NULL;
    if (spec->server_principal && keep_server_principal(context, spec->server_principal) < 0) return NULL;
    return TAKE_PTR(context);
}

HRESULT call_context_enter(const CallContextSpec *spec, CallScope *ret_scope)
{
    ComThread *thread = com_thread();
    CallContext *context = context_new(spec);

    if (!context) return E_OUTOFMEMORY;
    *ret_scope = (CallScope){.context = context};
    thread_pause(&ret_scope->before);
    thread->call = context;
    thread->call_view = (IUnknown *)&context->security;
    return S_OK;
}

void call_context_complete(CallContext *context)
{
    atomic_store(&context->complete, true);
}

void call_context_set_result(CallScope *scope, HRESULT result)
{
    scope->context->result = result;
}

void call_context_note_cloaked(const char *who, const char *to)
{
    CallContext *context = com_thread()->call;
    if (context) audit_cloaked(&context->audit, who, to);
}

void call_context_leave(CallScope *scope)
{
    CallContext *context = scope->context;
    call_context_complete(context);
    audit_end(&context->audit, &context->causality, context->client, context->authn_level, context->rpc,
              context->result);
    thread_resume(&scope->before);
    scope->context = context_unref(scope->context);
}

const char *call_context_charged(void)
{
    const CallContext *context = com_thread()->call;
    return context ? context->charged : NULL;
}

const Guid *call_context_causality(const CallContext *context)
{
    return &context->causality;
}

const struct RpcCall *call_context_rpc(const CallContext *context)
{
    return context->rpc;
}

static HRESULT context_query_interface(IServerSecurity *self, REFIID riid, void **ret_object)
{
    if (!riid || !ret_object) return E_POINTER;
    *ret_object = NULL;
    if (!IsEqualIID(riid, &IID_IUnknown) && !IsEqualIID(riid, &IID_IServerSecurity)) return E_NOINTERFACE;
    refcount_ref(&context_of(self)->refs);
    *ret_object = self;
    return S_OK;
}

static ULONG context_add_ref(IServerSecurity *self)
{
    CallContext *context = context_of(self);

    refcount_ref(&context->refs);
    return atomic_load(&context->refs.count);
}

static ULONG context_release(IServerSecurity *self)
{
    CallContext *context = context_of(self);
    ULONG left = atomic_load(&context->refs.count) - 1;

    (void)context_unref(context);
    return left;
}

static HRESULT task_string(const char16_t *text, OLECHAR **ret_text)
{
    size_t size;

    *ret_text = NULL;
    if (!text) return S_OK;
    size = (utf16_length(text) + 1) * sizeof(*text);
    *ret_text = CoTaskMemAlloc(size);
    if (!*ret_text) return E_OUTOFMEMORY;
    memcpy(*ret_text, text, size);
    return S_OK;
}

/* The caller's name; NULL: it did not authenticate. It lives as long as the context; of two threads that ask
 * first one makes it. */
static HRESULT client_name(CallContext *context, char16_t **ret_name)
{
    char16_t *name = context->client_name, *made = NULL;

    if (!name && context->client) {
        if (call_context_name(context->client, &made) < 0) return E_OUTOFMEMORY;
        if (atomic_compare_exchange_strong(&context->client_name, &name, made))
            name = made;
        else
            free(made);
    }
    *ret_name = name;
    return S_OK;
}

static HRESULT context_query_blanket(IServerSecurity *self, DWORD *ret_service, DWORD *ret_authz,
                                     OLECHAR **ret_principal, DWORD *ret_level, DWORD *impersonation,
                                     void **ret_privileges, DWORD *ret_capabilities)
{
    CallContext *context = context_of(self);
    char16_t *name = NULL;
    HRESULT hr = S_OK;

    if (atomic_load(&context->complete)) return RPC_E_CALL_COMPLETE;
    if (impersonation) return E_INVALIDARG; /* SRV-9 */
    if (ret_privileges) hr = client_name(context, &name);
    if (FAILED(hr)) return hr;
    if (ret_principal) {
        _cleanup_(freep) char16_t *server = NULL;
        if (context->server_principal && utf16_from_utf8(context->server_principal, &server, NULL) < 0)
            return E_OUTOFMEMORY;
        hr = task_string(server, ret_principal);
        if (FAILED(hr)) return hr;
    }
    if (ret_service) *ret_service = context->authn_service;
    if (ret_authz) *ret_authz = RPC_C_AUTHZ_NONE;
    if (ret_level) *ret_level = context->authn_level;
    if (ret_privileges) *ret_privileges = name;
    if (ret_capabilities) *ret_capabilities = EOAC_NONE;
    return S_OK;
}

static HRESULT context_impersonate(IServerSecurity *self)
{
    CallContext *context = context_of(self);
    ComThread *thread = com_thread();

    if (atomic_load(&context->complete)) return RPC_E_CALL_COMPLETE;
    if (!context->client || context->authn_level < RPC_C_AUTHN_LEVEL_CONNECT)
        return com_error(
            RPC_E_UNSECURE_CALL,
            "The caller did not authenticate, so there is nobody to impersonate. It has to call at "
            "RPC_C_AUTHN_LEVEL_CONNECT or above.");
    audit_impersonated(&context->audit);
    if (thread->impersonating) {
        thread_set_token(context->client);
        return S_OK;
    }
    thread->saved = TAKE_PTR(thread->token);
    thread->impersonating = true;
    thread_set_token(context->client);
    return S_OK;
}

void call_context_revert(void)
{
    ComThread *thread = com_thread();

    if (!thread->impersonating) return;
    (void)token_unref(thread->token);
    thread->token = TAKE_PTR(thread->saved);
    thread->impersonating = false;
}

/* Also after the call: a helper thread must be able to stop acting as the client (SRV-8). */
static HRESULT context_revert(IServerSecurity *self)
{
    call_context_revert();
    return S_OK;
}

static BOOL context_is_impersonating(IServerSecurity *self)
{
    return com_thread()->impersonating;
}

static const IServerSecurityVtbl call_context_vtable = {
    context_query_interface, context_add_ref, context_release,          context_query_blanket,
    context_impersonate,     context_revert,  context_is_impersonating,
};

HRESULT CoGetCallContext(REFIID riid, void **ppInterface)
{
    IUnknown *view = com_thread()->call_view;

    if (!riid || !ppInterface) return E_INVALIDARG;
    *ppInterface = NULL;
    if (!view) return RPC_E_CALL_COMPLETE;
    return view->lpVtbl->QueryInterface(view, riid, ppInterface);
}

HRESULT CoSwitchCallContext(IUnknown *pNewObject, IUnknown **ppOldObject)
{
    ComThread *thread = com_thread();

    if (!ppOldObject) return E_INVALIDARG;
    *ppOldObject = thread->call_view;
    thread->call_view = pNewObject;
    return S_OK;
}

HRESULT CoImpersonateClient(void)
{
    IServerSecurity *security;
    HRESULT hr = CoGetCallContext(&IID_IServerSecurity, (void **)&security);

    if (FAILED(hr)) return hr;
    hr = security->lpVtbl->ImpersonateClient(security);
    security->lpVtbl->Release(security);
    return hr;
}

HRESULT CoRevertToSelf(void)
{
    IServerSecurity *security;
    HRESULT hr = CoGetCallContext(&IID_IServerSecurity, (void **)&security);

    if (FAILED(hr)) return hr;
    hr = security->lpVtbl->RevertToSelf(security);
    security->lpVtbl->Release(security);
    return hr;
}

HRESULT CoQueryClientBlanket(DWORD *pAuthnSvc, DWORD *pAuthzSvc, LPOLESTR *pServerPrincName,
                             DWORD *pAuthnLevel, DWORD *pImpLevel, RPC_AUTHZ_HANDLE *pPrivs,
                             DWORD *pCapabilities)
{
    IServerSecurity *security;
    HRESULT hr = CoGetCallContext(&IID_IServerSecurity, (void **)&security);

    if (FAILED(hr)) return hr;
    hr = security->lpVtbl->QueryBlanket(security, pAuthnSvc, pAuthzSvc, pServerPrincName, pAuthnLevel,
                                        pImpLevel, pPrivs, pCapabilities);
    security->lpVtbl->Release(security);
    return hr;
}
