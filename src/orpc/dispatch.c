/* SPDX-License-Identifier: Apache-2.0 */
#include "orpc/dispatch.h"
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <winerror.h>
#include "io/audit.h"
#include "ndr/interface.h"
#include "orpc/causality.h"
#include "orpc/remunknown.h"
#include "sec/token.h"

struct OrpcService {
    OrpcServerOptions options;
};

static bool is_rem_unknown(const Guid *iid)
{
    return guid_equal(iid, &IID_REM_UNKNOWN) || guid_equal(iid, &IID_REM_UNKNOWN2);
}

static bool service_knows(void *data, const Guid *iid)
{
    (void)data;
    return is_rem_unknown(iid) || ndr_interface_find((const IID *)iid);
}

/* A call that belongs to one blocked in this process runs whatever is exhausted: refusing it would be a
 * deadlock. */
static bool service_admits(void *data, const RpcCall *call)
{
    Reader reader = call->in;
    OrpcThis orpc = {0};
    (void)data;
    orpc_this_read(&reader, &orpc);
    return reader_status(&reader) == 0 && causality_is_blocked(&orpc.causality);
}

static bool is_admitted(const OrpcService *service, const RpcCall *call)
{
    if (call->authn_level < service->options.authn_level_floor) return false;
    return !service->options.may_call || service->options.may_call(service->options.context, call);
}

/* The checks of [MS-DCOM] 3.1.1.5.4 in their order, up to the IPID. 0 or the fault. */
static RpcStatus check_header(const OrpcService *service, const RpcCall *call, const OrpcThis *orpc)
{
    if (!com_version_is_supported(orpc->version)) return (RpcStatus)RPC_E_VERSION_MISMATCH;
    if (!is_admitted(service, call))
        return is_rem_unknown(&call->iid) ? (RpcStatus)E_ACCESSDENIED : RPCST_ACCESS_DENIED;
    if (orpc->flags != 0) return (RpcStatus)RPC_E_INVALID_HEADER;
    if (!call->has_object || guid_is_null(&call->object)) return (RpcStatus)RPC_E_INVALID_IPID;
    return RPCST_OK;
}

/* Puts the error information in front of the results that were written already. */
static RpcStatus prepend_error_info(Writer *out, const OrpcErrorInfo *error)
{
    _cleanup_(freep) uint8_t *body = NULL;
    _cleanup_(writer_deinitp) Writer extent = {0};
    size_t length;
    writer_init(&extent, ORPC_EXTENT_SIZE_MAX);
    orpc_error_info_write(&extent, error);
    if (writer_status(&extent) < 0) return RPCST_OK; /* the call's own result matters more */
    int r = writer_take(out, &body, &length);
    if (r < 0) return rpc_status_from_errno(r);
    OrpcThat that = {.extent_count = 1,
                     .extents = {{ORPC_EXTENT_ERROR, extent.data, (uint32_t)extent.length}}};
    orpc_that_write(out, &that);
    writer_align(out, 8, 0);
    writer_bytes(out, body + ORPC_THAT_SIZE, length - ORPC_THAT_SIZE);
    return RPCST_OK;
}

static RpcStatus invoke(const OrpcService *service, RpcCall *call, OrpcIncoming *incoming)
{
    ExportedPin pin = {0};
    HRESULT hr = exporter_pin(service->options.exporter, &incoming->ipid, &pin);
    if (FAILED(hr)) return (RpcStatus)hr;
    if (!guid_equal(&pin.iid, &incoming->iid)) /* bound to another interface than the IPID is of */
        hr = RPC_E_INVALID_IPID;
    else
        hr = pin.ops->invoke(pin.object, pin.iface, incoming);
    exporter_unpin(service->options.exporter, &pin);
    if (hr == S_OK && incoming->error->description) return prepend_error_info(&call->out, incoming->error);
    return (RpcStatus)hr;
}

static RpcStatus dispatch(RpcCall *call, const OrpcService *service)
{
    OrpcThis orpc = {0};
    Reader reader = call->in;
    orpc_this_read(&reader, &orpc);
    if (reader_status(&reader) < 0) return RPCST_BAD_STUB_DATA;
    RpcStatus status = check_header(service, call, &orpc);
    if (status != RPCST_OK) return status;
    if (call->opnum < NDR_METHOD_FIRST) return RPCST_PROCNUM_OUT_OF_RANGE;
    OrpcThat that = {0};
    orpc_that_write(&call->out, &that);
    if (is_rem_unknown(&call->iid)) {
        if (!guid_equal(&call->object, exporter_rem_unknown(service->options.exporter)))
            return (RpcStatus)RPC_E_DISCONNECTED;
        return rem_unknown_serve(service->options.exporter, call, &reader);
    }
    OrpcErrorInfo error = {0};
    OrpcIncoming incoming = {
        .ipid = call->object,
        .iid = call->iid,
        .causality = orpc.causality,
        .method = call->opnum,
        .stub = reader.data,
        .stub_length = reader.length,
        .body = reader.offset,
        .reply = &call->out,
        .caller = call->token,
        .authn_service = call->authn_service,
        .authn_level = call->authn_level,
        .server_principal = call->server,
        .rpc = call,
        .error = &error,
    };
    status = invoke(service, call, &incoming);
    orpc_error_info_deinit(&error);
    return status;
}

/* What the log says of a call that reached no method; NULL: nothing, or it is said elsewhere. */
static const char *refusal_of(const OrpcService *service, const RpcCall *call, RpcStatus status)
{
    switch (status) {
    case (RpcStatus)RPC_E_DISCONNECTED:
        return "an IPID that is not here, or not any more";
    case (RpcStatus)RPC_E_INVALID_IPID:
        return "no IPID, or one of another interface";
    case (RpcStatus)RPC_E_INVALID_HEADER:
        return "an ORPCTHIS with flags that there are not";
    case (RpcStatus)RPC_E_VERSION_MISMATCH:
        return "a COM version that is not supported";
    case (RpcStatus)E_ACCESSDENIED:
    case RPCST_ACCESS_DENIED:
        return call->authn_level < service->options.authn_level_floor
                   ? "too low an authentication level for objects"
                   : "no access permission to this process's objects";
    default:
        return NULL;
    }
}

/* Of a call that was refused for who made it, or how. */
static void audit_refusal(RpcCall *call, const char *why, RpcStatus status)
{
    OrpcThis orpc = {0};
    Reader reader = call->in;
    char chain[GUID_STRING_SIZE], iid[GUID_STRING_SIZE], method[8], code[12],
        from[IO_ADDRESS_STRING_SIZE] = "", level[4];
    if (!audit_is_on()) return;
    orpc_this_read(&reader, &orpc);
    guid_format(&orpc.causality, chain);
    guid_format(&call->iid, iid);
    (void)snprintf(method, sizeof(method), "%u", call->opnum);
    (void)snprintf(code, sizeof(code), "0x%08X", (unsigned)status);
    (void)snprintf(level, sizeof(level), "%u", call->authn_level);
    if (call->remote) io_address_format(call->remote, from);
    const AuditField fields[] = {{"MANTLE_EVENT", "refused"},
                                 {"MANTLE_CAUSALITY", chain},
                                 {"MANTLE_CALLER", call->token ? token_principal(call->token) : "nobody"},
                                 {"MANTLE_FROM", *from ? from : NULL},
                                 {"MANTLE_AUTHN_LEVEL", level},
                                 {"MANTLE_INTERFACE", iid},
                                 {"MANTLE_METHOD", method},
                                 {"MANTLE_RESULT", code}};
    audit_write(LOG_NOTICE, why, fields, ARRAY_SIZE(fields));
}

static RpcStatus service_dispatch(RpcCall *call, void *data)
{
    const RpcStatus status = dispatch(call, data);
    const char *why = refusal_of(data, call, status);
    if (why) {
        rpc_call_refused(call, why, status);
        audit_refusal(call, why, status);
    }
    return status;
}

static const Guid *const listed[] = {&IID_REM_UNKNOWN, &IID_REM_UNKNOWN2};

HRESULT orpc_serve(RpcServer *server, const OrpcServerOptions *options, OrpcService **ret_service)
{
    OrpcService *service = malloc(sizeof(*service));
    if (!service) return E_OUTOFMEMORY;
    service->options = *options;
    rpc_server_set_objects(server, &(RpcObjects){
                                       .knows = service_knows,
                                       .dispatch = service_dispatch,
                                       .admits = service_admits,
                                       .listed = listed,
                                       .listed_count = ARRAY_SIZE(listed),
                                       .data = service,
                                   });
    *ret_service = service;
    return S_OK;
}

OrpcService *orpc_service_free(OrpcService *service)
{
    free(service);
    return NULL;
}
