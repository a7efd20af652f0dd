/* SPDX-License-Identifier: Apache-2.0 */
/* The activation client. */
#include "orpc/activator.h"
#include <errno.h>
#include <stdio.h>
#include <winerror.h>
#include "io/hosts.h"
#include "orpc/localbinding.h"
#include "orpc/plain.h"
#include "orpc/remote-activation.h"
#include "orpc/status.h"
#include "rpc/local.h"
#include "sec/token.h"

#define LEVEL_PKT_INTEGRITY 5 /* RPC_C_AUTHN_LEVEL_PKT_INTEGRITY */
#define LEVEL_PKT_PRIVACY   6
#define LEVEL_IMPERSONATE   3 /* RPC_C_IMP_LEVEL_IMPERSONATE */
#define MINOR_WITH_SCM      6 /* COM 5.6 brought IRemoteSCMActivator and ServerAlive2 */
#define MINOR_FIRST         1 /* what a server speaks that does not know ServerAlive2 */
#define CLIENT_LEVEL        2 /* ScmRequestInfo.ClientImpLevel: always this on Windows, ignored by servers */

typedef enum ActivatorState {
    ASK_ALIVE,
    ALIVE,
    ASK_ACTIVATE,
    ACTIVATE,
    DONE,
    FAILED_FOR_GOOD
} ActivatorState;

struct Activator {
    ActivatorState state;
    HRESULT error;
    RpcBinding *binding;
    RpcSecurity *security;
    RpcClientCall *call;
    bool class_object;
    Guid clsid, causality;
    Guid *iids;
    uint32_t iid_count, class_context;
    bool client_impersonating, disable_aaa;
    uint64_t deadline;
    char *host;
    ComVersion version; /* negotiated */
    Bindings resolver;
    bool local; /* over mantled's UNIX socket */
    bool has_address;
    IoAddress address;
    Writer stub;
    ActivationResult *results;
    ScmReply scm;
    char sentence[SEC_SENTENCE_MAX + 128];
};

static HRESULT make_security(Activator *activator, const ActivatorSpec *spec)
{
    char target[6 + IO_HOST_SIZE];
    if (!spec->token) return S_OK;
    if (spec->runtime)
        return orpc_result_from_status(
            rpc_security_new(&(RpcSecuritySpec){.token = spec->token,
                                                .authn_service = RPC_AUTHN_LOCAL,
                                                .authn_level = LEVEL_PKT_PRIVACY,
                                                .impersonation = spec->impersonation,
                                                .target = spec->account ? spec->account : ""},
                             &activator->security));
    (void)snprintf(target, sizeof(target), "RPCSS/%s", spec->host);
    RpcSecuritySpec security = {
        .token = spec->token,
        .authn_service = spec->authn_service,
        .authn_level = spec->authn_level < LEVEL_PKT_INTEGRITY ? LEVEL_PKT_INTEGRITY : spec->authn_level,
        .impersonation = spec->impersonation < LEVEL_IMPERSONATE ? LEVEL_IMPERSONATE : spec->impersonation,
        .capabilities = spec->mutual ? RPC_MUTUAL_AUTH : 0,
        .target = spec->principal ? spec->principal : target};
    return orpc_result_from_status(rpc_security_new(&security, &activator->security));
}

static uint16_t resolver_port(const ActivatorSpec *spec)
{
    uint16_t port = spec->port ? spec->port : io_hosts_resolver_port(spec->host);
    if (!port) port = spec->default_port;
    return port ? port : RESOLVER_PORT;
}

static HRESULT copy_spec(Activator *activator, const ActivatorSpec *spec)
{
    RpcEndpoint endpoint = {.host = spec->host, .port = resolver_port(spec)};
    IoAddress local;
    if (spec->runtime) {
        if (local_resolver_address(spec->runtime, &local) < 0) return E_INVALIDARG;
        endpoint = (RpcEndpoint){.address = &local};
        activator->local = true;
    }
    activator->class_object = spec->class_object;
    activator->clsid = spec->clsid;
    activator->causality = spec->causality;
    activator->class_context = spec->class_context;
    activator->client_impersonating = spec->client_impersonating;
    activator->disable_aaa = spec->disable_aaa;
    activator->deadline = spec->deadline;
    activator->iid_count = spec->iid_count;
    activator->host = strdup(spec->host);
    activator->iids = malloc(spec->iid_count * sizeof(Guid));
    activator->results = calloc(spec->iid_count, sizeof(*activator->results));
    if (!activator->host || !activator->iids || !activator->results) return E_OUTOFMEMORY;
    memcpy(activator->iids, spec->iids, spec->iid_count * sizeof(Guid));
    HRESULT hr = orpc_result_from_status(rpc_binding_new(spec->client, &endpoint, 1, &activator->binding));
    return FAILED(hr) ? hr : make_security(activator, spec);
}

HRESULT activator_new(const ActivatorSpec *spec, Activator **ret_activator)
{
    if (!spec->client || !spec->host || strlen(spec->host) >= IO_HOST_SIZE || spec->iid_count < 1 ||
        spec->iid_count > ACTIVATION_IIDS_MAX)
        return E_INVALIDARG;
    _cleanup_(activator_freep) Activator *activator = calloc(1, sizeof(*activator));
    if (!activator) return E_OUTOFMEMORY;
    writer_init(&activator->stub, OBJREF_SIZE_MAX);
    HRESULT hr = copy_spec(activator, spec);
    if (FAILED(hr)) return hr;
    *ret_activator = TAKE_PTR(activator);
    return S_OK;
}

Activator *activator_free(Activator *activator)
{
    if (!activator) return NULL;
    rpc_client_call_free(activator->call);
    rpc_security_unref(activator->security);
    rpc_binding_unref(activator->binding);
    bindings_deinit(&activator->resolver);
    writer_deinit(&activator->stub);
    free(activator->results);
    free(activator->iids);
    free(activator->host);
    free(activator);
    return NULL;
}

static HRESULT fail(Activator *activator, HRESULT hr, const char *what)
{
    const char *why = "";
    if (activator->call) why = rpc_client_call_failure(activator->call)->sentence;
    (void)snprintf(activator->sentence, sizeof(activator->sentence), "%s on %s failed%s%s", what,
                   activator->host, *why ? ": " : "", why);
    activator->error = hr;
    activator->state = FAILED_FOR_GOOD;
    return hr;
}

/* A failed call: the SecFailure's code, a fault's status, or why nobody answered. */
static HRESULT fail_call(Activator *activator, RpcStatus status, const char *what)
{
    return fail(activator, orpc_result_from_status(status), what);
}

static HRESULT start_call(Activator *activator, const Guid *iid, uint16_t opnum, RpcSecurity *security)
{
    activator->call = rpc_client_call_free(activator->call);
    RpcClientCallSpec spec = {.binding = activator->binding,
                              .security = security,
                              .iid = *iid,
                              .opnum = opnum,
                              .stub = activator->stub.data,
                              .stub_length = activator->stub.length,
                              .deadline = activator->deadline};
    if (writer_status(&activator->stub) < 0) return E_OUTOFMEMORY;
    return orpc_result_from_status(rpc_client_call_new(&spec, &activator->call));
}

/* "The client MUST NOT specify security on the call." [MS-DCOM] 3.2.4.1.1.1 */
static HRESULT ask_alive(Activator *activator)
{
    writer_reset(&activator->stub);
    HRESULT hr = start_call(activator, &IID_OBJECT_EXPORTER, OP_SERVER_ALIVE2, NULL);
    if (FAILED(hr)) return fail(activator, hr, "ServerAlive2");
    activator->state = ALIVE;
    return S_OK;
}

static HRESULT take_alive(Activator *activator)
{
    ServerAlive2Out out;
    Reader reader = rpc_client_call_reply(activator->call);
    server_alive2_out_read(&reader, &out);
    if (reader_status(&reader) < 0)
        return fail(activator, HRESULT_FROM_WIN32(RPCST_BAD_STUB_DATA), "ServerAlive2");
    if (out.status) return fail(activator, HRESULT_FROM_WIN32(out.status), "ServerAlive2");
    if (!com_version_negotiate(out.version, &activator->version))
        return fail(activator, RPC_E_VERSION_MISMATCH, "ServerAlive2");
    if (bindings_dup(&out.bindings, &activator->resolver) < 0) {
        activator->resolver = (Bindings){0};
        return fail(activator, E_OUTOFMEMORY, "ServerAlive2");
    }
    activator->state = ASK_ACTIVATE;
    return S_OK;
}

/* [MS-DCOM] 3.2.4.1.1.1: such a server is asked as one of COM 5.1. */
static HRESULT take_no_alive(Activator *activator)
{
    activator->version = (ComVersion){COM_VERSION_MAJOR, MINOR_FIRST};
    activator->state = ASK_ACTIVATE;
    return S_OK;
}

static int write_old_request(Activator *activator)
{
    RemoteActivationIn in = {
        .orpc = {.version = activator->version, .flags = 1, .causality = activator->causality},
        .clsid = activator->clsid,
        .client_level = CLIENT_LEVEL,
        .mode = activator->class_object ? MODE_GET_CLASS_OBJECT : 0,
        .iid_count = activator->iid_count,
        .iids = (const uint8_t *)activator->iids,
        .protseq_count = 1,
        .protseqs = {BINDING_TOWER_TCP}};
    writer_reset(&activator->stub);
    remote_activation_in_write(&activator->stub, &in);
    return writer_status(&activator->stub);
}

static int write_request(Activator *activator, uint16_t opnum)
{
    _cleanup_(writer_deinitp) Writer context, objref;
    Guid context_id;
    writer_init(&context, 0);
    writer_init(&objref, OBJREF_SIZE_MAX);
    int r = guid_random(&context_id);
    if (r < 0) return r;
    client_context_write(&context, &context_id);
    ActivationRequest request = {
        .instantiation = {.clsid = activator->clsid,
                          .class_context = activator->class_context,
                          .flags = activator->disable_aaa ? ACTIVATION_DISABLE_AAA : 0,
                          .iid_count = activator->iid_count,
                          .iids = (const uint8_t *)activator->iids,
                          .client = {COM_VERSION_MAJOR, COM_VERSION_MINOR}},
        .special = {.session_id = ACTIVATION_ANY_SESSION,
                    .client_impersonating = activator->client_impersonating,
                    .original_class_context = activator->class_context},
        .has_special = true,
        .scm = {CLIENT_LEVEL, 1 + activator->local, {BINDING_TOWER_TCP, BINDING_TOWER_LOCAL}},
        .context = {.client = context.data, .client_length = context.length}};
    r = writer_status(&context);
    if (r == 0) r = activation_request_write(&objref, &request);
    if (r < 0) return r;
    ActivateIn in = {.orpc = {.version = activator->version, .flags = 1, .causality = activator->causality},
                     .objref = objref.data,
                     .objref_length = objref.length};
    writer_reset(&activator->stub);
    activate_in_write(&activator->stub, opnum, &in);
    return writer_status(&activator->stub);
}

static bool is_old(const Activator *activator)
{
    return activator->version.minor < MINOR_WITH_SCM;
}

static HRESULT start_activation(Activator *activator)
{
    uint16_t opnum = activator->class_object ? OP_GET_CLASS_OBJECT : OP_CREATE_INSTANCE;
    if (!is_old(activator))
        return write_request(activator, opnum) < 0
                   ? E_OUTOFMEMORY
                   : start_call(activator, &IID_SCM_ACTIVATOR, opnum, activator->security);
    /* It cannot say this, and nothing may run as the client because somebody took the word away. */
    if (activator->disable_aaa) return RPC_E_VERSION_MISMATCH;
    return write_old_request(activator) < 0
               ? E_OUTOFMEMORY
               : start_call(activator, &IID_ACTIVATION, OP_REMOTE_ACTIVATION, activator->security);
}

static HRESULT ask_activate(Activator *activator)
{
    const IoAddress *answered = rpc_client_call_address(activator->call);
    activator->has_address = answered != NULL;
    if (answered) activator->address = *answered;
    HRESULT hr = start_activation(activator);
    if (FAILED(hr)) return fail(activator, hr, "activation");
    activator->state = ACTIVATE;
    return S_OK;
}

/* The results in the order asked for; one that is missing or of another IID makes the answer worthless. */
static bool take_results(Activator *activator, PropsOut *props)
{
    ActivationResult result;
    if (props->count != activator->iid_count) return false;
    for (uint32_t i = 0; props_out_next(props, &result); i++) {
        if (!guid_equal(&result.iid, &activator->iids[i])) return false;
        activator->results[i] = result;
    }
    return true;
}

static HRESULT take_activate(Activator *activator)
{
    ActivateOut out;
    PropsOut props;
    Reader reader = rpc_client_call_reply(activator->call);
    activate_out_read(&reader, &out);
    if (reader_status(&reader) < 0)
        return fail(activator, HRESULT_FROM_WIN32(RPCST_BAD_STUB_DATA), "activation");
    if (FAILED(out.status)) return fail(activator, out.status, "activation");
    if (!out.objref || activation_reply_parse(out.objref, out.objref_length, &props, &activator->scm) < 0 ||
        !take_results(activator, &props))
        return fail(activator, RPC_E_INVALID_OBJREF, "reading the result of the activation");
    activator->state = DONE;
    return S_OK;
}

static HRESULT take_old_activate(Activator *activator)
{
    RemoteActivationOut out;
    Reader reader = rpc_client_call_reply(activator->call);
    remote_activation_out_read(&reader, activator->results, activator->iid_count, &out);
    if (reader_status(&reader) < 0)
        return fail(activator, HRESULT_FROM_WIN32(RPCST_BAD_STUB_DATA), "activation");
    if (out.status) return fail(activator, HRESULT_FROM_WIN32(out.status), "activation");
    if (FAILED(out.result)) return fail(activator, out.result, "activation");
    if (out.count != activator->iid_count || !out.scm.bindings.data)
        return fail(activator, RPC_E_INVALID_OBJREF, "reading the result of the activation");
    for (uint32_t i = 0; i < out.count; i++)
        activator->results[i].iid = activator->iids[i];
    activator->scm = out.scm;
    activator->state = DONE;
    return S_OK;
}

/* A call is over. */
static HRESULT take(Activator *activator, RpcStatus status)
{
    bool alive = activator->state == ALIVE;
    if (alive && status == RPCST_PROCNUM_OUT_OF_RANGE && rpc_client_call_is_fault(activator->call))
        return take_no_alive(activator);
    if (status != RPCST_OK) return fail_call(activator, status, alive ? "ServerAlive2" : "activation");
    if (alive) return take_alive(activator);
    return is_old(activator) ? take_old_activate(activator) : take_activate(activator);
}

HRESULT activator_step(Activator *activator, IoWait *ret_wait)
{
    for (;;) {
        HRESULT hr = S_OK;
        switch (activator->state) {
        case ASK_ALIVE:
            hr = ask_alive(activator);
            break;
        case ASK_ACTIVATE:
            hr = ask_activate(activator);
            break;
        case ALIVE:
        case ACTIVATE: {
            RpcStatus status = rpc_client_call_step(activator->call, ret_wait);
            if (status == RPCST_PENDING) return E_PENDING;
            hr = take(activator, status);
            break;
        }
        case DONE:
            return S_OK;
        case FAILED_FOR_GOOD:
            return activator->error;
        }
        if (FAILED(hr)) return hr;
    }
}

HRESULT activator_run(Activator *activator)
{
    for (;;) {
        IoWait wait;
        HRESULT hr = activator_step(activator, &wait);
        if (hr != E_PENDING) return hr;
        /* A deadline that passed is the call's to notice at the next step. */
        int r = io_wait(&wait);
        if (r < 0 && r != -ETIMEDOUT) return fail(activator, E_UNEXPECTED, "waiting");
    }
}

const ActivationResult *activator_results(const Activator *activator, uint32_t *ret_count)
{
    *ret_count = activator->iid_count;
    return activator->results;
}

const ScmReply *activator_scm_reply(const Activator *activator)
{
    return &activator->scm;
}

const Bindings *activator_resolver(const Activator *activator)
{
    return &activator->resolver;
}

const IoAddress *activator_address(const Activator *activator)
{
    return activator->has_address ? &activator->address : NULL;
}

const char *activator_sentence(const Activator *activator)
{
    return activator->sentence;
}
