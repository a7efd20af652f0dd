/* SPDX-License-Identifier: Apache-2.0 */
#include "orpc/call.h"
#include <errno.h>
#include <winerror.h>
#include "orpc/causality.h"
#include "orpc/status.h"

void orpc_call_begin(OrpcCall *call, const OrpcCallSpec *spec, Writer *request)
{
    /* Not the whole structure: extents and sentence are long and only looked at where they were set. */
    call->spec = *spec;
    call->request = request;
    call->rpc = NULL;
    call->reply = (Reader){0};
    call->that.extent_count = 0;
    call->failure.code = 0;
    call->failure.sentence[0] = 0;
    uint16_t minor = remote_exporter_version_minor(spec->exporter);
    OrpcThis header = {
        .version = {COM_VERSION_MAJOR, minor < COM_VERSION_MINOR ? minor : COM_VERSION_MINOR},
        .causality = spec->causality,
    };
    writer_reset(request);
    orpc_this_write(request, &header);
    writer_align(request, 8, 0);
}

/* What a failure of ours is called when no other layer named it. */
static HRESULT fail(OrpcCall *call, HRESULT hr, const char *sentence)
{
    sec_failure_set(&call->failure, (uint32_t)hr, "%s", sentence);
    return hr;
}

static HRESULT start(OrpcCall *call)
{
    int r = writer_status(call->request);
    if (r < 0)
        return fail(call, r == -ENOMEM ? E_OUTOFMEMORY : HRESULT_FROM_WIN32(RPCST_BAD_STUB_DATA),
                    "the arguments of the call are larger than one call may carry");
    RpcClientCallSpec spec = {
        .binding = rpc_security_is_local(call->spec.security)
                       ? remote_exporter_local_binding(call->spec.exporter)
                       : remote_exporter_binding(call->spec.exporter),
        .security = call->spec.security,
        .iid = call->spec.iid,
        .opnum = call->spec.method,
        .object = &call->spec.ipid,
        .stub = call->request->data,
        .stub_length = call->request->length,
        .deadline = call->spec.deadline,
        .cancel = call->spec.cancel,
    };
    return orpc_result_from_status(rpc_client_call_new(&spec, &call->rpc));
}

static HRESULT finish(OrpcCall *call, RpcStatus status)
{
    if (status != RPCST_OK) {
        call->failure = *rpc_client_call_failure(call->rpc);
        return orpc_result_from_status(status);
    }
    call->reply = rpc_client_call_reply(call->rpc);
    orpc_that_read(&call->reply, &call->that);
    reader_align(&call->reply, 8);
    if (reader_status(&call->reply) < 0)
        return fail(call, RPC_E_INVALID_HEADER, "the server's answer has no valid ORPC header");
    return S_OK;
}

HRESULT orpc_call_step(OrpcCall *call, IoWait *ret_wait)
{
    HRESULT hr = call->rpc ? S_OK : start(call);
    if (FAILED(hr)) return hr;
    RpcStatus status = rpc_client_call_step(call->rpc, ret_wait);
    return status == RPCST_PENDING ? ORPC_PENDING : finish(call, status);
}

HRESULT orpc_call_run(OrpcCall *call)
{
    CausalityBlock block;
    HRESULT hr = start(call);
    if (FAILED(hr)) return hr;
    causality_block(&block, &call->spec.causality);
    RpcStatus status = rpc_client_call_run(call->rpc);
    causality_unblock(&block);
    return finish(call, status);
}

Reader orpc_call_reply(const OrpcCall *call)
{
    Reader body;
    reader_init(&body, call->reply.data + call->reply.offset, reader_left(&call->reply));
    return body;
}

int orpc_call_error_info(const OrpcCall *call, OrpcErrorInfo *ret_info)
{
    return orpc_error_info_find(call->that.extents, call->that.extent_count, ret_info);
}

const SecFailure *orpc_call_failure(const OrpcCall *call)
{
    return &call->failure;
}

bool orpc_call_was_answered(const OrpcCall *call)
{
    return call->rpc && (call->reply.data || rpc_client_call_is_fault(call->rpc));
}

void orpc_call_end(OrpcCall *call)
{
    call->rpc = rpc_client_call_free(call->rpc);
}
