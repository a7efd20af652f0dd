/* SPDX-License-Identifier: Apache-2.0 */
/* IRemoteSCMActivator: RemoteGetClassObject and RemoteCreateInstance. */
#include "orpc/activation-server.h"
#include <errno.h>
#include <stdio.h>
#include <syslog.h>
#include <winerror.h>
#include "orpc/localbinding.h"
#include "orpc/plain.h"
#include "orpc/remote-activation.h"
#include "sec/token.h"

#define ACTIVATE_32_BIT     0x00000004u /* ACTVFLAGS_ACTIVATE_32_BIT_SERVER */
#define DISABLE_AAA         0x00000002u /* ACTVFLAGS_DISABLE_AAA */
#define USE_CONSOLE_SESSION 0x00000001u /* SPD_FLAG_USE_CONSOLE_SESSION */

struct ActivationServer {
    ActivationServerOptions options;
    RpcInterface row, old_row;
};

static void note(const ActivationServer *server, const RpcCall *call, const RegistrarActivation *asked,
                 HRESULT hr)
{
    char text[REGISTRAR_SENTENCE_SIZE], clsid[GUID_STRING_SIZE], from[IO_ADDRESS_STRING_SIZE] = "?";
    if (!server->options.log) return;
    guid_format(&asked->clsid, clsid);
    if (call->remote) io_address_format(call->remote, from);
    (void)snprintf(text, sizeof(text), "activation of {%s} for %s from %s%s: 0x%08X", clsid,
                   call->token ? token_principal(call->token) : "nobody", from,
                   asked->client_impersonating ? " (its thread says it impersonates)" : "", (unsigned)hr);
    server->options.log(server->options.context, FAILED(hr) ? LOG_NOTICE : LOG_DEBUG, text);
}

/* Something that this caller and our exporters may have in common. */
static bool offers_ours(const RpcCall *call, const uint16_t *protseqs, uint16_t count)
{
    for (uint16_t i = 0; i < count; i++)
        if (protseqs[i] == BINDING_TOWER_TCP || (call->is_local && protseqs[i] == BINDING_TOWER_LOCAL))
            return true;
    return false;
}

/* The first failure when nothing that was asked for came, else S_OK. */
static HRESULT overall(const RegistrarReply *reply)
{
    for (uint32_t i = 0; i < reply->count; i++)
        if (reply->results[i].status == 0) return S_OK;
    return reply->results[0].status;
}

/* Has it made by the process that is meant. One that ended between being found and being asked is replaced,
 * once. */
static HRESULT make(const ActivationServer *server, const RpcCall *call, const RegistrarActivation *asked,
                    bool disable_aaa, RegistrarReply *reply)
{
    const ActivationServerOptions *options = &server->options;
    ActivationOrder order = {.clsid = &asked->clsid,
                             .caller = call->token,
                             .is_local = call->is_local,
                             .disable_aaa = disable_aaa};
    HRESULT hr = E_FAIL;
    for (int attempt = 0; attempt < 2; attempt++) {
        ActivationServant servant = {.anybody = true};
        hr = options->prepare ? options->prepare(options->prepare_context, &order, &servant) : S_OK;
        if (FAILED(hr)) break;
        hr = registrar_activate(options->registrar, servant.anybody ? NULL : &servant.server, asked, reply);
        if (hr != REGDB_E_CLASSNOTREG || !options->prepare) break;
    }
    return hr;
}

/* Completes what the process is told about the caller, checks the launch permission and has the object made.
 */
static HRESULT launch(const ActivationServer *server, const RpcCall *call, RegistrarActivation *asked,
                      bool disable_aaa, RegistrarReply *ret_reply)
{
    RegistrarReply reply = {0};
    asked->caller = call->token ? token_principal(call->token) : "";
    asked->authn_level = call->authn_level;
    if (server->options.may_launch &&
        !server->options.may_launch(server->options.context, call, &asked->clsid))
        return E_ACCESSDENIED;
    HRESULT hr = make(server, call, asked, disable_aaa, &reply);
    if (SUCCEEDED(hr)) hr = overall(&reply);
    if (FAILED(hr))
        registrar_reply_deinit(&reply);
    else
        *ret_reply = reply;
    return hr;
}

/* `told` owns what the description points to. */
static HRESULT describe(const RegistrarReply *reply, const RpcCall *call, const uint16_t *protseqs,
                        uint16_t count, Bindings *told, ScmReply *ret_scm)
{
    const ResolverOxid *exporter = &reply->exporter;
    HRESULT hr = resolver_tell_bindings(exporter, call->is_local, protseqs, count, told);
    *ret_scm =
        (ScmReply){exporter->oxid, *told, exporter->rem_unknown, exporter->authn_hint, exporter->version};
    return hr;
}

/* IRemoteSCMActivator */

/* [MS-DCOM] 3.1.2.5.2.3: what has to be answered before anything is made. */
static HRESULT check(const ActivationRequest *request, const RpcCall *call)
{
    const SpecialProperties *special = &request->special;
    Objref context;
    /* A null client context is let pass although [MS-DCOM] 2.2.22.2.5 says otherwise: clients in wide use
     * send none, and Windows serves them. See docs/DEVIATIONS.md. */
    if (request->context.client &&
        objref_parse(request->context.client, request->context.client_length, &context) < 0)
        return RPC_E_INVALID_OBJREF;
    if (request->has_instance_info) return E_NOTIMPL;
    if (!offers_ours(call, request->scm.protseqs, request->scm.protseq_count))
        return HRESULT_FROM_WIN32(RPCST_PROTSEQ_NOT_SUPPORTED);
    /* There are no logon sessions here, so asking for a certain one cannot be met. */
    if (request->has_special &&
        (special->session_id != ACTIVATION_ANY_SESSION || special->flags & USE_CONSOLE_SESSION))
        return CO_E_RUNAS_LOGON_FAILURE;
    if (sizeof(void *) != 4 && request->instantiation.flags & ACTIVATE_32_BIT) return REGDB_E_CLASSNOTREG;
    return S_OK;
}

static HRESULT activate(const ActivationServer *server, const RpcCall *call, const ActivateIn *in,
                        Writer *objref)
{
    ActivationRequest request;
    RegistrarReply reply = {0};
    if (!com_version_is_supported(in->orpc.version)) return RPC_E_VERSION_MISMATCH;
    if (!in->objref || activation_request_parse(in->objref, in->objref_length, &request) < 0)
        return RPC_E_INVALID_OBJREF;
    const InstantiationInfo *wanted = &request.instantiation;
    RegistrarActivation asked = {.class_object = call->opnum == OP_GET_CLASS_OBJECT,
                                 .clsid = wanted->clsid,
                                 .class_context = request.has_special ? request.special.original_class_context
                                                                      : wanted->class_context,
                                 .client_impersonating = request.special.client_impersonating != 0,
                                 .causality = in->orpc.causality,
                                 .iid_count = wanted->iid_count,
                                 .iids = wanted->iids};
    Bindings told = {0};
    ScmReply scm;
    HRESULT hr = check(&request, call);
    if (SUCCEEDED(hr)) hr = launch(server, call, &asked, wanted->flags & DISABLE_AAA, &reply);
    if (SUCCEEDED(hr))
        hr = describe(&reply, call, request.scm.protseqs, request.scm.protseq_count, &told, &scm);
    if (SUCCEEDED(hr) && activation_reply_write(objref, reply.results, reply.count, &scm) < 0)
        hr = E_OUTOFMEMORY;
    bindings_deinit(&told);
    registrar_reply_deinit(&reply);
    note(server, call, &asked, hr);
    return hr;
}

static RpcStatus method(RpcCall *call, void *data)
{
    ActivateIn in;
    _cleanup_(writer_deinitp) Writer objref;
    writer_init(&objref, OBJREF_SIZE_MAX);
    activate_in_read(&call->in, call->opnum, &in);
    if (reader_status(&call->in) < 0) return RPCST_BAD_STUB_DATA;
    ActivateOut out = {0};
    out.status = activate(data, call, &in, &objref);
    if (SUCCEEDED(out.status)) {
        out.objref = objref.data;
        out.objref_length = objref.length;
    }
    activate_out_write(&call->out, &out);
    return RPCST_OK;
}

static const RpcOperation operations[] = {
    [OP_GET_CLASS_OBJECT] = {method, 0},
    [OP_CREATE_INSTANCE] = {method, 0},
};

/* IActivation: the same before COM 5.6. */
static HRESULT activate_old(const ActivationServer *server, const RpcCall *call, const RemoteActivationIn *in,
                            RegistrarReply *reply)
{
    RegistrarActivation asked = {.class_object = in->mode == MODE_GET_CLASS_OBJECT,
                                 .clsid = in->clsid,
                                 .causality = in->orpc.causality,
                                 .iid_count = in->iid_count,
                                 .iids = in->iids};
    HRESULT hr = S_OK;
    if (!com_version_is_supported(in->orpc.version))
        hr = RPC_E_VERSION_MISMATCH;
    else if (in->has_name || in->has_storage)
        hr = E_NOTIMPL;
    else if (!offers_ours(call, in->protseqs, in->protseq_count))
        hr = HRESULT_FROM_WIN32(RPCST_PROTSEQ_NOT_SUPPORTED);
    if (SUCCEEDED(hr)) hr = launch(server, call, &asked, false, reply);
    note(server, call, &asked, hr);
    return hr;
}

static RpcStatus old_method(RpcCall *call, void *data)
{
    RemoteActivationIn in;
    RegistrarReply reply = {0};
    remote_activation_in_read(&call->in, &in);
    if (reader_status(&call->in) < 0) return RPCST_BAD_STUB_DATA;
    Bindings told = {0};
    RemoteActivationOut out = {.count = in.iid_count};
    out.result = activate_old(data, call, &in, &reply);
    if (SUCCEEDED(out.result))
        out.result = describe(&reply, call, in.protseqs, in.protseq_count, &told, &out.scm);
    if (SUCCEEDED(out.result)) out.results = reply.results;
    remote_activation_out_write(&call->out, &out);
    bindings_deinit(&told);
    registrar_reply_deinit(&reply);
    return RPCST_OK;
}

static const RpcOperation old_operations[] = {[OP_REMOTE_ACTIVATION] = {old_method, 0}};

HRESULT activation_server_new(const ActivationServerOptions *options, ActivationServer **ret_server)
{
    ActivationServer *server = calloc(1, sizeof(*server));
    if (!server) return E_OUTOFMEMORY;
    server->options = *options;
    server->row = (RpcInterface){.uuid = IID_SCM_ACTIVATOR,
                                 .min_level = options->floor,
                                 .operations = operations,
                                 .operation_count = ARRAY_SIZE(operations),
                                 .data = server};
    server->old_row = (RpcInterface){.uuid = IID_ACTIVATION,
                                     .min_level = options->floor,
                                     .operations = old_operations,
                                     .operation_count = ARRAY_SIZE(old_operations),
                                     .data = server};
    *ret_server = server;
    return S_OK;
}

ActivationServer *activation_server_free(ActivationServer *server)
{
    free(server);
    return NULL;
}

const RpcInterface *activation_server_interface(ActivationServer *server)
{
    return &server->row;
}

const RpcInterface *activation_server_old_interface(ActivationServer *server)
{
    return &server->old_row;
}
