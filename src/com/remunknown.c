/* SPDX-License-Identifier: Apache-2.0 */
#include "com/remunknown.h"
#include <stdlib.h>
#include "base/time.h"
#include "com/errorinfo.h"
#include "com/thread.h"
#include "oleauto.h"
#include "orpc/call.h"
#include "winerror.h"

typedef void (*WriteArguments)(Writer *writer, const void *arguments);

/* One call; the reply lives until orpc_call_end(call), which the caller owes in any case. */
static HRESULT call_rem_unknown(ProxyObject *object, uint16_t method, WriteArguments write,
                                const void *arguments, Writer *request, OrpcCall *call)
{
    _cleanup_(rpc_security_unrefp) RpcSecurity *security = NULL;
    OrpcCallSpec spec = {
        .exporter = object->exporter,
        .ipid = *remote_exporter_rem_unknown(object->exporter),
        .iid = IID_REM_UNKNOWN,
        .method = method,
        .deadline = time_after(REMUNKNOWN_DEADLINE),
    };
    *call = (OrpcCall){0};
    if (thread_causality(&spec.causality) < 0) return E_UNEXPECTED;
    HRESULT hr = channel_unknown_security(&object->unknown_settings, object->exporter, &security);
    if (FAILED(hr)) return hr;
    spec.security = security;
    orpc_call_begin(call, &spec, request);
    write(request, arguments);
    hr = orpc_call_run(call);
    if (FAILED(hr) && orpc_call_failure(call)->sentence[0]) com_error_from_failure(orpc_call_failure(call));
    return hr;
}

static void write_query(Writer *writer, const void *arguments)
{
    rem_query_interface_in_write(writer, arguments);
}

HRESULT remunknown_query(ProxyObject *object, const Guid *ipid, const IID *const *iids, unsigned count,
                         uint32_t public_refs, RemQueryResult *ret_results)
{
    _cleanup_(writer_deinitp) Writer request = {0}, list = {0};
    OrpcCall call;
    HRESULT status = E_UNEXPECTED;
    if (count == 0 || count > PLAIN_INTERFACES_MAX) return E_INVALIDARG;
    writer_init(&request, 0);
    writer_init(&list, 0);
    for (unsigned i = 0; i < count; i++)
        writer_guid(&list, (const Guid *)iids[i]);
    if (writer_status(&list) < 0) return E_OUTOFMEMORY;
    RemQueryInterfaceIn in = {
        .ipid = *ipid, .public_refs = public_refs, .iid_count = (uint16_t)count, .iids = list.data};
    HRESULT hr = call_rem_unknown(object, OP_REM_QUERY_INTERFACE, write_query, &in, &request, &call);
    if (SUCCEEDED(hr)) {
        Reader reply = orpc_call_reply(&call);
        size_t got = rem_query_interface_out_read(&reply, ret_results, count, &status);
        hr = reader_status(&reply) < 0 ? HRESULT_FROM_WIN32(RPC_X_BAD_STUB_DATA) : status;
        if (got == count && reader_status(&reply) == 0) hr = S_OK; /* each result says for itself */
        if (hr != S_OK && SUCCEEDED(hr)) hr = E_NOINTERFACE;
    }
    orpc_call_end(&call);
    return hr;
}

static void write_references(Writer *writer, const void *arguments)
{
    const RemReference *reference = arguments;
    rem_references_in_write(writer, reference, 1);
}

HRESULT remunknown_add_ref(ProxyObject *object, const RemReference *reference)
{
    _cleanup_(writer_deinitp) Writer request = {0};
    OrpcCall call;
    HRESULT result = E_UNEXPECTED, status = E_UNEXPECTED;
    writer_init(&request, 0);
    HRESULT hr = call_rem_unknown(object, OP_REM_ADD_REF, write_references, reference, &request, &call);
    if (SUCCEEDED(hr)) {
        Reader reply = orpc_call_reply(&call);
        size_t got = rem_add_ref_out_read(&reply, &result, 1, &status);
        hr = reader_status(&reply) < 0 ? HRESULT_FROM_WIN32(RPC_X_BAD_STUB_DATA) : status;
        if (SUCCEEDED(hr)) hr = got == 1 ? result : E_UNEXPECTED;
    }
    orpc_call_end(&call);
    return hr;
}

typedef struct ReleaseArguments {
    const RemReference *references;
    uint16_t count;
} ReleaseArguments;

static void write_releases(Writer *writer, const void *arguments)
{
    const ReleaseArguments *release = arguments;
    rem_references_in_write(writer, release->references, release->count);
}

void remunknown_release(ProxyObject *object, const RemReference *references, uint16_t count)
{
    _cleanup_(writer_deinitp) Writer request = {0};
    ReleaseArguments arguments = {references, count};
    OrpcCall call;
    IErrorInfo *before = NULL;
    GetErrorInfo(0, &before);
    writer_init(&request, 0);
    /* Nobody is left who could act on a failure. */
    (void)call_rem_unknown(object, OP_REM_RELEASE, write_releases, &arguments, &request, &call);
    orpc_call_end(&call);
    SetErrorInfo(0, before);
    if (before) before->lpVtbl->Release(before);
}
