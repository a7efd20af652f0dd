/* SPDX-License-Identifier: Apache-2.0 */
/* CoCreateInstanceEx and CoGetClassObject. */
#include "com/activation.h"
#include <stdio.h>
#include <stdlib.h>
#include "base/time.h"
#include "com/apartment.h"
#include "com/classobject.h"
#include "com/cloak.h"
#include "com/errorinfo.h"
#include "com/local.h"
#include "com/marshal.h"
#include "com/process.h"
#include "com/runtime.h"
#include "com/thread.h"
#include "combaseapi.h"
#include "orpc/activator.h"
#include "orpc/causality.h"
#include "winerror.h"

/* One activation, of an instance or of a class object. */
typedef struct Activation {
    const CLSID *clsid;
    DWORD context;
    const COSERVERINFO *server;
    bool class_object;
    MULTI_QI *results;
    DWORD count;
} Activation;

#define CONTEXTS_ELSEWHERE (CLSCTX_LOCAL_SERVER | CLSCTX_REMOTE_SERVER)

/* Within the process */

static HRESULT create_here(IUnknown *class_object, IUnknown *outer, const Activation *activation,
                           IUnknown **ret_object)
{
    IClassFactory *factory = NULL;
    HRESULT hr = class_object->lpVtbl->QueryInterface(class_object, &IID_IClassFactory, (void **)&factory);
    if (FAILED(hr)) return hr;
    const IID *first = outer ? activation->results[0].pIID : &IID_IUnknown;
    hr = factory->lpVtbl->CreateInstance(factory, outer, first, (void **)ret_object);
    factory->lpVtbl->Release(factory);
    return SUCCEEDED(hr) && !*ret_object ? E_NOINTERFACE : hr;
}

static HRESULT activate_here(const Activation *activation, IUnknown *outer)
{
    IUnknown *class_object = NULL, *object = NULL;
    HRESULT hr = class_object_find(activation->clsid, &class_object);
    if (FAILED(hr)) return hr;
    if (activation->class_object)
        object = TAKE_PTR(class_object);
    else {
        hr = create_here(class_object, outer, activation, &object);
        class_object->lpVtbl->Release(class_object);
    }
    if (FAILED(hr)) return hr;
    for (DWORD i = 0; i < activation->count; i++) {
        MULTI_QI *result = &activation->results[i];
        result->hr = object->lpVtbl->QueryInterface(object, result->pIID, (void **)&result->pItf);
    }
    object->lpVtbl->Release(object);
    return S_OK;
}

/* Identity */

/* Who activates, as com/cloak.h decides. The result is a new reference, NULL for an unsecured activation. */
static HRESULT choose_token(const Activation *activation, const ProcessSecurity *process,
                            const ActivationSecurity *security, bool here, Token **ret_token)
{
    CloakChoice choice = {0};
    Token *own = NULL, *token;
    *ret_token = NULL;
    if (security->unsecured) return S_OK;
    HRESULT no_process = process_token(&own);
    if (FAILED(no_process) && here) no_process = local_self(&own);
    HRESULT hr = cloak_decide_activation(process->capabilities, activation->context & CLSCTX_ENABLE_CLOAKING,
                                         security->identity, thread_token(), own, &choice);
    if (hr == SEC_E_NO_CREDENTIALS && FAILED(no_process)) return no_process; /* it has its own sentence */
    if (FAILED(hr)) return com_error(hr, "%s", choice.reason);
    SetErrorInfo(0, NULL);
    token = choice.token;
    if (choice.identity) hr = identity_token(choice.identity, &token);
    if (SUCCEEDED(hr)) *ret_token = token_ref(token);
    return hr;
}

/* Results */

/* The object of one result: our own, of the exporter that answered, or of one it refers to. */
static HRESULT take_reference(const MarshalSource *source, const ActivationResult *result, const IID *iid,
                              IUnknown **ret_object)
{
    Objref objref;
    if (result->status != 0) return FAILED(result->status) ? result->status : E_UNEXPECTED;
    if (objref_parse(result->objref, result->objref_length, &objref) < 0) return RPC_E_INVALID_OBJREF;
    return marshal_take_from(source, &objref, iid, (void **)ret_object);
}

static HRESULT take_results(const Activation *activation, const Activator *activator,
                            const ActivationTarget *target, const ActivationSecurity *security)
{
    _cleanup_(remote_exporter_unrefp) RemoteExporter *exporter = NULL;
    const ScmReply *scm = activator_scm_reply(activator);
    RemoteExporterSpec spec = {.oxid = scm->oxid,
                               .rem_unknown = scm->rem_unknown,
                               .authn_hint = scm->authn_hint,
                               .version_minor = scm->server.minor,
                               .bindings = scm->bindings,
                               .resolver = target->host,
                               .resolver_port = target->port,
                               .runtime = security->folder,
                               .hearsay =
                                   security->unsecured || security->authn_level < RPC_C_AUTHN_LEVEL_PKT};
    RemoteTable *table;
    uint32_t count;
    const ActivationResult *results = activator_results(activator, &count);
    HRESULT hr = runtime_remote(&table);
    if (SUCCEEDED(hr)) hr = remote_exporter_add(table, &spec, &exporter);
    if (FAILED(hr)) return hr;
    /* Who was asked is the one who says where the machine's exporters are; what he said without a signature
     * is kept apart. */
    MarshalSource source = {exporter, true};
    for (DWORD i = 0; i < activation->count && i < count; i++) {
        MULTI_QI *result = &activation->results[i];
        result->hr = take_reference(&source, &results[i], result->pIID, &result->pItf);
    }
    return S_OK;
}

/* Elsewhere */

/* ACT-10: the activation's own word counts, else the process's. */
static bool disables_aaa(const Activation *activation)
{
    const ProcessSecurity *process = security_peek();
    if (activation->context & (CLSCTX_DISABLE_AAA | CLSCTX_ENABLE_AAA))
        return activation->context & CLSCTX_DISABLE_AAA;
    return process && process->capabilities & EOAC_DISABLE_AAA;
}

static HRESULT new_activator(const Activation *activation, const ActivationTarget *target,
                             const ActivationSecurity *security, Token *token, const Guid *causality,
                             Activator **ret_activator)
{
    char principal[sizeof("RPCSS/") + IO_HOST_SIZE];
    _cleanup_(freep) Guid *iids = calloc(activation->count, sizeof(*iids));
    RemoteTable *table;
    if (!iids) return E_OUTOFMEMORY;
    HRESULT hr = runtime_remote(&table);
    if (FAILED(hr)) return hr;
    for (DWORD i = 0; i < activation->count; i++)
        memcpy(&iids[i], activation->results[i].pIID, sizeof(iids[i]));
    snprintf(principal, sizeof(principal), "RPCSS/%s", target->host);
    ActivatorSpec spec = {
        .client = remote_table_client(table),
        .host = target->address[0] ? target->address : target->host,
        .port = target->port,
        .runtime = security->folder,
        .account = security->account,
        .principal = security->principal ? security->principal : principal,
        .token = token,
        .authn_service = security->authn_service,
        .authn_level = security->authn_level,
        .impersonation = security->impersonation,
        .mutual = security->mutual,
        .class_object = activation->class_object,
        .iids = iids,
        .iid_count = activation->count,
        .class_context = activation->context,
        .client_impersonating = thread_token() != NULL,
        .disable_aaa = disables_aaa(activation),
        .causality = *causality,
        .deadline = time_after(ACTIVATION_DEADLINE),
    };
    memcpy(&spec.clsid, activation->clsid, sizeof(spec.clsid));
    return activator_new(&spec, ret_activator);
}

static HRESULT refused(const Activation *activation, const ActivationTarget *target, HRESULT hr,
                       const char *sentence)
{
    char clsid[GUID_STRING_SIZE];
    guid_format((const Guid *)activation->clsid, clsid);
    if (hr == REGDB_E_CLASSNOTREG)
        return com_error(hr, "No process on %s serves class {%s} now: start its server there.", target->host,
                         clsid);
    return sentence && sentence[0] ? com_error(hr, "%s", sentence) : hr;
}

/* Calls back into this process that belong to the activation are let in. */
static HRESULT drive(Activator *activator, const Guid *causality)
{
    CausalityBlock block;
    IoWait wait;
    causality_block(&block, causality);
    HRESULT hr, waited = S_OK;
    while ((hr = activator_step(activator, &wait)) == E_PENDING && SUCCEEDED(waited))
        waited = apartment_wait(&wait, causality);
    causality_unblock(&block);
    return FAILED(waited) ? waited : hr;
}

static HRESULT activate_as(const Activation *activation, const ActivationTarget *target,
                           const ActivationSecurity *security, Token *token)
{
    _cleanup_(activator_freep) Activator *activator = NULL;
    Guid causality;
    if (thread_causality(&causality) < 0) return E_UNEXPECTED;
    HRESULT hr = new_activator(activation, target, security, token, &causality, &activator);
    if (FAILED(hr)) return hr;
    hr = drive(activator, &causality);
    if (FAILED(hr)) return refused(activation, target, hr, activator_sentence(activator));
    return take_results(activation, activator, target, security);
}

/* Whether the program left open who it activates as, and how that is proved: an identity that it gave and
 * Kerberos by name go over TCP (RPC-5). */
static bool kernel_may_say(const ActivationSecurity *security)
{
    return !security->unsecured && !security->identity && security->authn_service != RPC_C_AUTHN_GSS_KERBEROS;
}

/* mantled is asked over its UNIX socket: as who mantle-authd holds for it, so that it may start a server as
 * its caller; else as this process, whom the kernel knows. S_FALSE: the token is nobody's that could be shown
 * there. */
static HRESULT become_local(ActivationSecurity *security, const char *folder, Token **token)
{
    _cleanup_(token_unrefp) Token *account = NULL;
    Token *self;
    uid_t owner;
    const bool held = token_held(*token) != NULL;
    if (!held && !local_is_self(*token)) return S_FALSE;
    HRESULT hr = held ? S_OK : local_account(&account);
    if (SUCCEEDED(hr) && !held && !account) hr = local_self(&self);
    if (FAILED(hr)) return hr;
    if (held || account) {
        if (!local_resolver_owner(folder, &owner)) return S_FALSE;
        snprintf(security->account, sizeof(security->account), "%u", (unsigned)owner);
    }
    if (!held) {
        token_unref(*token);
        *token = account ? TAKE_PTR(account) : token_ref(self);
    }
    security->folder = folder;
    return S_OK;
}

/* `here`: the folder of mantled's sockets, where the target is this machine. */
static HRESULT activate_at(const Activation *activation, const ActivationTarget *target, const char *here,
                           const COAUTHINFO *info)
{
    _cleanup_(token_unrefp) Token *token = NULL;
    ActivationSecurity security;
    const ProcessSecurity *process;
    HRESULT hr = security_get(&process);
    if (SUCCEEDED(hr)) hr = activation_security(info, process, &security);
    if (FAILED(hr)) return hr;
    const char *folder = kernel_may_say(&security) ? here : NULL;
    hr = choose_token(activation, process, &security, folder, &token);
    if (SUCCEEDED(hr) && folder) hr = become_local(&security, folder, &token);
    if (SUCCEEDED(hr)) hr = activate_as(activation, target, &security, token);
    if (FAILED(hr) && security.account[0]) local_account_forget(); /* mantle-authd may have been restarted */
    activation_security_deinit(&security);
    return hr;
}

static HRESULT activate_elsewhere(const Activation *activation)
{
    ActivationTarget target;
    const COSERVERINFO *server = activation->server;
    bool named = server && server->pwszName && server->pwszName[0];
    if (server && (server->dwReserved1 || server->dwReserved2)) return E_INVALIDARG;
    HRESULT hr = named ? activation_target(server->pwszName, &target) : activation_target_local(&target);
    if (FAILED(hr)) return hr;
    const char *here = target.port == runtime_resolver_port() ? local_resolver_named(target.host) : NULL;
    return activate_at(activation, &target, here, server ? server->pAuthInfo : NULL);
}

/* Nobody registered the class here, and the program did not let it be sought elsewhere. */
static HRESULT not_here(const Activation *activation)
{
    char clsid[GUID_STRING_SIZE];
    guid_format((const Guid *)activation->clsid, clsid);
    return com_error(REGDB_E_CLASSNOTREG,
                     "Class {%s} is not registered in this process: call CoRegisterClassObject with "
                     "CLSCTX_INPROC_SERVER before, or let it be made elsewhere by CLSCTX_LOCAL_SERVER or "
                     "CLSCTX_REMOTE_SERVER.",
                     clsid);
}

/* In the process first, where the program lets it and names no machine. */
static HRESULT activate(const Activation *activation, IUnknown *outer)
{
    HRESULT hr = apartment_check();
    const ProcessSecurity *security;
    if (SUCCEEDED(hr)) hr = security_get(&security); /* CIS-2: from here on it is too late to choose */
    if (FAILED(hr)) return hr;
    bool elsewhere = activation->server && activation->server->pwszName;
    hr = REGDB_E_CLASSNOTREG;
    if (!elsewhere && activation->context & CLSCTX_INPROC_SERVER) hr = activate_here(activation, outer);
    if (hr != REGDB_E_CLASSNOTREG) return hr;
    if (!(activation->context & CONTEXTS_ELSEWHERE)) return not_here(activation);
    if (outer) return com_error(CLASS_E_NOAGGREGATION, "An object of another process cannot be aggregated.");
    SetErrorInfo(0, NULL);
    return activate_elsewhere(activation);
}

/* The whole's result from those of the interfaces. */
static HRESULT overall(const Activation *activation)
{
    DWORD found = 0;
    HRESULT first = E_NOINTERFACE;
    for (DWORD i = activation->count; i-- > 0;) {
        if (activation->results[i].pItf && SUCCEEDED(activation->results[i].hr))
            found++;
        else
            first = activation->results[i].hr;
    }
    return found == activation->count ? S_OK : found ? CO_S_NOTALLINTERFACES : first;
}

HRESULT CoCreateInstanceEx(REFCLSID rclsid, IUnknown *punkOuter, DWORD dwClsCtx, COSERVERINFO *pServerInfo,
                           DWORD dwCount, MULTI_QI *pResults)
{
    Activation activation = {rclsid, dwClsCtx, pServerInfo, false, pResults, dwCount};
    if (!rclsid || !pResults || dwCount == 0 || dwCount > ACTIVATION_IIDS_MAX) return E_INVALIDARG;
    for (DWORD i = 0; i < dwCount; i++) {
        if (!pResults[i].pIID) return E_INVALIDARG;
        pResults[i].pItf = NULL;
        pResults[i].hr = E_NOINTERFACE;
    }
    /* The rule of aggregation: the one who makes the object asks for its IUnknown and nothing else. */
    if (punkOuter && (dwCount != 1 || !IsEqualIID(pResults[0].pIID, &IID_IUnknown))) return E_INVALIDARG;
    HRESULT hr = activate(&activation, punkOuter);
    if (SUCCEEDED(hr)) return overall(&activation);
    for (DWORD i = 0; i < dwCount; i++)
        pResults[i].hr = hr;
    return hr;
}

HRESULT CoCreateInstance(REFCLSID rclsid, LPUNKNOWN pUnkOuter, DWORD dwClsContext, REFIID riid, LPVOID *ppv)
{
    MULTI_QI result = {.pIID = riid};
    if (!ppv) return E_POINTER;
    *ppv = NULL;
    HRESULT hr = CoCreateInstanceEx(rclsid, pUnkOuter, dwClsContext, NULL, 1, &result);
    if (SUCCEEDED(hr)) *ppv = result.pItf;
    return hr;
}

HRESULT CoGetClassObject(REFCLSID rclsid, DWORD dwClsContext, COSERVERINFO *pvReserved, REFIID riid,
                         LPVOID *ppv)
{
    MULTI_QI result = {.pIID = riid};
    Activation activation = {rclsid, dwClsContext, pvReserved, true, &result, 1};
    if (!ppv) return E_INVALIDARG;
    *ppv = NULL;
    if (!rclsid || !riid) return E_INVALIDARG;
    HRESULT hr = activate(&activation, NULL);
    if (SUCCEEDED(hr)) hr = overall(&activation);
    if (SUCCEEDED(hr)) *ppv = result.pItf;
    return hr;
}
