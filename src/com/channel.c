/* SPDX-License-Identifier: Apache-2.0 */
#include "com/channel.h"
#include <stdio.h>
#include <stdlib.h>
#include "com/apartment.h"
#include "com/callcontext.h"
#include "com/cancel.h"
#include "com/cloak.h"
#include "com/errorinfo.h"
#include "com/local.h"
#include "com/marshal.h"
#include "com/process.h"
#include "com/proxy.h"
#include "com/thread.h"
#include "oleauto.h"
#include "orpc/call.h"
#include "rpc/local.h"
#include "winerror.h"

/* Settings */

void channel_settings_init(ChannelSettings *settings)
{
    *settings = (ChannelSettings){0};
    pthread_mutex_init(&settings->lock, NULL);
}

void channel_settings_deinit(ChannelSettings *settings)
{
    blanket_unref(settings->blanket);
    token_unref(settings->captured);
    rpc_security_unref(settings->security);
    pthread_mutex_destroy(&settings->lock);
}

void channel_settings_copy(ChannelSettings *settings, ChannelSettings *from)
{
    pthread_mutex_lock(&from->lock);
    settings->blanket = blanket_ref(from->blanket);
    settings->captured = token_ref(from->captured);
    pthread_mutex_unlock(&from->lock);
}

void channel_settings_set(ChannelSettings *settings, Blanket *blanket)
{
    pthread_mutex_lock(&settings->lock);
    Blanket *before = settings->blanket;
    RpcSecurity *security = TAKE_PTR(settings->security);
    settings->blanket = blanket_ref(blanket);
    pthread_mutex_unlock(&settings->lock);
    blanket_unref(before);
    rpc_security_unref(security);
}

static HRESULT default_blanket(const RemoteExporter *exporter, Blanket **ret_blanket)
{
    const ProcessSecurity *process;
    BlanketServer server = {remote_exporter_bindings(exporter), remote_exporter_authn_hint(exporter),
                            remote_exporter_local_binding(exporter) != NULL};
    HRESULT hr = security_get(&process);
    return FAILED(hr) ? hr : blanket_new_default(process, &server, ret_blanket);
}

HRESULT channel_settings_blanket(ChannelSettings *settings, const RemoteExporter *exporter,
                                 Blanket **ret_blanket)
{
    _cleanup_(blanket_unrefp) Blanket *made = NULL;
    pthread_mutex_lock(&settings->lock);
    bool known = settings->blanket != NULL;
    pthread_mutex_unlock(&settings->lock);
    HRESULT hr = known ? S_OK : default_blanket(exporter, &made);
    if (FAILED(hr)) return hr;
    pthread_mutex_lock(&settings->lock);
    if (!settings->blanket) settings->blanket = TAKE_PTR(made);
    *ret_blanket = blanket_ref(settings->blanket);
    pthread_mutex_unlock(&settings->lock);
    return S_OK;
}

RpcSecurity *channel_settings_security(ChannelSettings *settings)
{
    pthread_mutex_lock(&settings->lock);
    RpcSecurity *security = rpc_security_ref(settings->security);
    pthread_mutex_unlock(&settings->lock);
    return security;
}

/* Identity */

/* Asks com/cloak.h. When the decision is to capture and another thread was faster, its capture counts: one
 * first call. The result is a new reference. */
static HRESULT choose_token(ChannelSettings *settings, Blanket *blanket, Token *thread, Token **ret_token)
{
    const ProcessSecurity *security;
    CloakChoice choice = {0};
    Token *process = NULL;
    HRESULT hr = security_get(&security), no_process = process_token(&process);
    if (FAILED(hr)) return hr;
    if (FAILED(no_process) && blanket->local) no_process = local_self(&process);
    for (;;) {
        _cleanup_(token_unrefp) Token *captured = NULL;
        pthread_mutex_lock(&settings->lock);
        captured = settings->captured ? token_ref(settings->captured) : NULL;
        pthread_mutex_unlock(&settings->lock);
        CloakInput input = blanket_cloak_input(blanket, security, captured, thread, process);
        hr = cloak_decide(&input, &choice);
        if (hr == SEC_E_NO_CREDENTIALS && FAILED(no_process)) return no_process; /* it has its own sentence */
        if (FAILED(hr)) return com_error(hr, "%s", choice.reason);
        if (choice.capture) {
            pthread_mutex_lock(&settings->lock);
            bool first = !settings->captured;
            if (first) settings->captured = token_ref(choice.token);
            pthread_mutex_unlock(&settings->lock);
            if (!first) continue;
        }
        Token *token = choice.token;
        if (FAILED(no_process)) SetErrorInfo(0, NULL); /* nobody asked for it */
        if (choice.identity) hr = identity_token(choice.identity, &token);
        if (SUCCEEDED(hr)) *ret_token = token_ref(token);
        return hr;
    }
}

/* For the next call. Takes over `known`. */
static HRESULT remember(ChannelSettings *settings, const Blanket *blanket, Token *token, RpcSecurity *known,
                        RpcSecurity **ret_security)
{
    RpcSecurity *before = NULL;
    pthread_mutex_lock(&settings->lock);
    if (settings->blanket == blanket) { /* else SetBlanket came in between, and this serves this call only */
        before = settings->security;
        settings->security = rpc_security_ref(known);
        settings->security_id = token_modified_id(token);
    }
    pthread_mutex_unlock(&settings->lock);
    rpc_security_unref(before);
    *ret_security = known;
    return S_OK;
}

static HRESULT local_security_for(const Blanket *blanket, Token *token, const char *account,
                                  RpcSecurity **ret_security)
{
    RpcStatus status =
        rpc_security_new(&(RpcSecuritySpec){.token = token,
                                            .authn_service = RPC_AUTHN_LOCAL,
                                            .authn_level = RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                                            .impersonation = (uint8_t)blanket->impersonation_level,
                                            .target = account},
                         ret_security);
    return status == RPCST_OK ? S_OK : HRESULT_FROM_WIN32(status);
}

/* Within this machine, at the level that was asked for. As the process the kernel says who it is; whom the
 * server is to act as it gets a descriptor of, which mantle-authd has to hold. S_FALSE: the token is nobody's
 * that could be shown in this way. */
static HRESULT local_security(const Blanket *blanket, Token *token, const RemoteExporter *exporter,
                              RpcSecurity **ret_security)
{
    _cleanup_(token_unrefp) Token *account = NULL;
    const bool self = local_is_self(token), names = blanket->impersonation_level > RPC_C_IMP_LEVEL_ANONYMOUS;
    const bool acts = blanket->impersonation_level > RPC_C_IMP_LEVEL_IDENTIFY;
    char owner[16];
    Token *own;
    HRESULT hr = S_OK;
    snprintf(owner, sizeof(owner), "%u", (unsigned)remote_exporter_local_owner(exporter));
    if (names && token_held(token)) return local_security_for(blanket, token, owner, ret_security);
    if (names && !self) return S_FALSE;
    if (acts) hr = local_account(&account);
    if (FAILED(hr)) return hr;
    if (account) return local_security_for(blanket, account, owner, ret_security);
    hr = local_self(&own);
    return FAILED(hr) ? hr : local_security_for(blanket, own, "", ret_security);
}

/* The RpcSecurity that shows `token` by `blanket`: the one of the last call when nothing changed. */
static HRESULT security_for(ChannelSettings *settings, Blanket *blanket, Token *token,
                            const RemoteExporter *exporter, RpcSecurity **ret_security)
{
    RpcSecurity *known = NULL;
    pthread_mutex_lock(&settings->lock);
    if (settings->security && settings->security_id == token_modified_id(token) &&
        settings->blanket == blanket)
        known = rpc_security_ref(settings->security);
    pthread_mutex_unlock(&settings->lock);
    if (known) {
        *ret_security = known;
        return S_OK;
    }
    if (blanket->local) {
        HRESULT hr = local_security(blanket, token, exporter, &known);
        if (hr == S_OK) return remember(settings, blanket, token, known, ret_security);
        if (FAILED(hr)) return hr;
    }
    const bool ntlm = blanket->authn_service == RPC_C_AUTHN_WINNT;
    const char *principal = blanket->principal;
    if (!principal) principal = remote_exporter_principal(exporter, (uint16_t)blanket->authn_service);
    if (!principal && ntlm) principal = ""; /* PB-12: it can do without */
    RpcStatus status =
        rpc_security_new(&(RpcSecuritySpec){.token = token,
                                            .authn_service = (uint8_t)blanket->authn_service,
                                            .authn_level = (uint8_t)blanket->authn_level,
                                            .impersonation = (uint8_t)blanket->impersonation_level,
                                            .capabilities = blanket->capabilities & EOAC_MUTUAL_AUTH,
                                            .target = principal},
                         &known);
    if (status != RPCST_OK) return HRESULT_FROM_WIN32(status);
    return remember(settings, blanket, token, known, ret_security);
}

/* REF-3: IUnknown goes by the process's defaults, its identity for the service included (C5), unless it has a
 * blanket of its own: whoever the thread acts as does not count. */
static Token *acting_token(const Blanket *blanket, bool unknown)
{
    return unknown && !blanket->set ? NULL : thread_token();
}

/* Who calls when nothing else is said. */
static Token *process_identity(const Blanket *blanket)
{
    Token *process = process_token_peek();
    return !process && blanket->local ? local_self_peek() : process;
}

/* The security of the last call, when the decision, made anew, comes to the same token. A new reference, or
 * NULL: the long way has to be gone. */
static RpcSecurity *same_security(ChannelSettings *settings, bool unknown)
{
    const ProcessSecurity *process = security_peek();
    RpcSecurity *same = NULL;
    CloakChoice choice;
    if (!process) return NULL;
    pthread_mutex_lock(&settings->lock);
    if (settings->security) {
        CloakInput input = blanket_cloak_input(settings->blanket, process, settings->captured,
                                               acting_token(settings->blanket, unknown),
                                               process_identity(settings->blanket));
        if (SUCCEEDED(cloak_decide(&input, &choice)) && choice.token && !choice.capture &&
            token_modified_id(choice.token) == settings->security_id)
            same = rpc_security_ref(settings->security);
    }
    pthread_mutex_unlock(&settings->lock);
    return same;
}

static HRESULT security_as(ChannelSettings *settings, const RemoteExporter *exporter, bool unknown,
                           RpcSecurity **ret_security)
{
    _cleanup_(blanket_unrefp) Blanket *blanket = NULL;
    _cleanup_(token_unrefp) Token *token = NULL;
    RpcSecurity *same = same_security(settings, unknown);
    if (same) {
        *ret_security = same;
        return S_OK;
    }
    HRESULT hr = channel_settings_blanket(settings, exporter, &blanket);
    if (FAILED(hr)) return hr;
    if (blanket->authn_service ==
        RPC_C_AUTHN_NONE) { /* only where the program switched security off (PB-9) */
        *ret_security = NULL;
        return S_OK;
    }
    hr = choose_token(settings, blanket, acting_token(blanket, unknown), &token);
    return FAILED(hr) ? hr : security_for(settings, blanket, token, exporter, ret_security);
}

HRESULT channel_security(ChannelSettings *settings, const RemoteExporter *exporter,
                         RpcSecurity **ret_security)
{
    return security_as(settings, exporter, false, ret_security);
}

HRESULT channel_unknown_security(ChannelSettings *settings, const RemoteExporter *exporter,
                                 RpcSecurity **ret_security)
{
    return security_as(settings, exporter, true, ret_security);
}

/* Calls */

typedef struct ChannelCall {
    OrpcCall orpc;
    Writer request;
    RpcSecurity *security;
    MarshalSource source; /* of the references in its answer */
} ChannelCall;

/* One idle call is kept for each thread, so that its request buffer is grown once. */
static pthread_key_t idle_key;
static pthread_once_t idle_once = PTHREAD_ONCE_INIT;

static void call_free(void *pointer)
{
    ChannelCall *call = pointer;
    writer_deinit(&call->request);
    free(call);
}

static void idle_init(void)
{
    (void)pthread_key_create(&idle_key, call_free);
}

static ChannelCall *call_new(void)
{
    pthread_once(&idle_once, idle_init);
    ChannelCall *call = pthread_getspecific(idle_key);
    if (call) {
        pthread_setspecific(idle_key, NULL);
        return call;
    }
    call = calloc(1, sizeof(*call));
    if (call) writer_init(&call->request, 0);
    return call;
}

static void call_done(ChannelCall *call)
{
    orpc_call_end(&call->orpc);
    call->security = rpc_security_unref(call->security);
    if (pthread_getspecific(idle_key) || pthread_setspecific(idle_key, call) != 0) call_free(call);
}

/* The answer is the exporter's where it is signed. An exporter that was heard of without a signature is no
 * better known by one: only a process without security takes its word. */
static MarshalSource answer_source(RemoteExporter *exporter, const RpcSecurity *security)
{
    bool is_signed = security && rpc_security_level(security) >= RPC_C_AUTHN_LEVEL_PKT;
    return (MarshalSource){exporter, remote_exporter_is_hearsay(exporter) ? security_is_off() : is_signed};
}

/* Cloaking shows in the record of the call that this one is made for. */
static void note_identity(const RpcSecurity *security)
{
    if (!security || !com_thread()->call) return;
    RpcSecuritySpec spec = rpc_security_spec(security);
    if (spec.token != process_token_peek())
        call_context_note_cloaked(token_principal(spec.token), spec.target);
}

static HRESULT channel_begin(NdrExchange *exchange)
{
    ProxyInterface *proxy = (ProxyInterface *)exchange->proxy;
    RemoteExporter *exporter = proxy->object->exporter;
    RpcSecurity *security = NULL;
    OrpcCallSpec spec = {
        .exporter = exporter,
        .ipid = proxy->ipid,
        .method = (uint16_t)exchange->method,
    };
    memcpy(&spec.iid, proxy->ndr.iface->iid, sizeof(spec.iid));
    if (thread_causality(&spec.causality) < 0) return E_UNEXPECTED;
    SetErrorInfo(0, NULL); /* what an earlier call said is over */
    HRESULT hr = channel_security(&proxy->settings, exporter, &security);
    if (FAILED(hr)) return hr;
    note_identity(security);
    ChannelCall *call = call_new();
    if (!call) {
        rpc_security_unref(security);
        return E_OUTOFMEMORY;
    }
    call->security = security;
    call->source = answer_source(exporter, security);
    spec.security = security;
    orpc_call_begin(&call->orpc, &spec, &call->request);
    exchange->request = &call->request;
    exchange->hooks_context = &call->source;
    exchange->state = call;
    return S_OK;
}

/* What the server said of its error becomes the thread's error object, as if the method had run here. */
static void take_error_info(const OrpcCall *orpc)
{
    OrpcErrorInfo info;
    ICreateErrorInfo *create = NULL;
    IErrorInfo *error = NULL;
    if (orpc_call_error_info(orpc, &info) != 0) return;
    if (SUCCEEDED(CreateErrorInfo(&create))) {
        create->lpVtbl->SetGUID(create, (const GUID *)&info.iid);
        if (info.description) create->lpVtbl->SetDescription(create, (LPOLESTR)info.description);
        if (info.source) create->lpVtbl->SetSource(create, (LPOLESTR)info.source);
        if (info.help_file) create->lpVtbl->SetHelpFile(create, (LPOLESTR)info.help_file);
        create->lpVtbl->SetHelpContext(create, info.help_context);
        if (SUCCEEDED(create->lpVtbl->QueryInterface(create, &IID_IErrorInfo, (void **)&error))) {
            SetErrorInfo(0, error);
            error->lpVtbl->Release(error);
        }
        create->lpVtbl->Release(create);
    }
    orpc_error_info_deinit(&info);
}

/* mantle-authd may have been restarted, and then knows none of the tokens from before: this process's own
 * account is asked for anew, so that the next call works. */
static void forget_account(ChannelSettings *settings, const RpcSecurity *used, HRESULT hr)
{
    RpcSecurity *before = NULL;
    if (!rpc_security_is_local(used)) return;
    if (HRESULT_FACILITY(hr) != FACILITY_SSPI && hr != HRESULT_FROM_WIN32(RPC_S_SEC_PKG_ERROR)) return;
    pthread_mutex_lock(&settings->lock);
    if (rpc_security_equal(settings->security, used)) before = TAKE_PTR(settings->security);
    pthread_mutex_unlock(&settings->lock);
    rpc_security_unref(before);
    local_account_forget();
}

static HRESULT channel_send(NdrExchange *exchange)
{
    ChannelCall *call = exchange->state;
    ProxyInterface *proxy = (ProxyInterface *)exchange->proxy;
    CallCancel cancel;
    HRESULT hr = call_cancel_begin(&cancel);
    if (FAILED(hr)) return hr;
    call->orpc.spec.cancel = cancel.handle;
    hr = call_cancel_end(&cancel, apartment_run_call(&call->orpc));
    if (FAILED(hr)) {
        const SecFailure *failure = orpc_call_failure(&call->orpc);
        forget_account(&proxy->settings, call->security, hr);
        return failure->sentence[0] ? com_error(hr, "%s", failure->sentence) : hr;
    }
    take_error_info(&call->orpc);
    exchange->reply = orpc_call_reply(&call->orpc);
    return S_OK;
}

static void channel_end(NdrExchange *exchange)
{
    call_done(exchange->state);
}

const NdrChannelOps channel_ops = {
    .query_interface = proxy_interface_query,
    .add_ref = proxy_interface_add_ref,
    .release = proxy_interface_release,
    .begin = channel_begin,
    .send = channel_send,
    .end = channel_end,
    .hooks = {.marshal = marshal_interface, .unmarshal = marshal_read, .release = marshal_release},
};
