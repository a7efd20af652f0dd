/* SPDX-License-Identifier: Apache-2.0 */
#include "orpc/remunknown.h"
#include <stdlib.h>
#include <winerror.h>
#include "sec/token.h"

static const Sid *caller_of(const RpcCall *call)
{
    return call->token ? token_user(call->token) : NULL;
}

/* Looks every IID up on the object of `ipid`. RPC_E_INVALID_OBJECT when there is none; S_FALSE-free: each
 * result has its own status. */
static HRESULT query_all(Exporter *exporter, const RemQueryInterfaceIn *in, RemQueryResult *results)
{
    for (size_t i = 0; i < in->iid_count; i++) {
        Guid iid = plain_guid(in->iids, i);
        results[i].status =
            exporter_rem_query_interface(exporter, &in->ipid, &iid, in->public_refs, &results[i].std);
        if (results[i].status == RPC_E_DISCONNECTED) return RPC_E_INVALID_OBJECT;
    }
    return S_OK;
}

static HRESULT query_overall(const RemQueryResult *results, size_t count)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        found += SUCCEEDED(results[i].status);
    return found == count ? S_OK : found == 0 ? E_NOINTERFACE : S_FALSE;
}

static RpcStatus query_interface(Exporter *exporter, RpcCall *call, Reader *reader)
{
    RemQueryInterfaceIn in = {0};
    rem_query_interface_in_read(reader, &in);
    if (reader_status(reader) < 0) return RPCST_BAD_STUB_DATA;
    _cleanup_(freep) RemQueryResult *results = calloc((size_t)in.iid_count + 1, sizeof(*results));
    if (!results) return RPCST_OUT_OF_MEMORY;
    HRESULT hr = query_all(exporter, &in, results);
    if (FAILED(hr))
        rem_query_interface_out_write(&call->out, NULL, 0, hr);
    else
        rem_query_interface_out_write(&call->out, results, in.iid_count,
                                      query_overall(results, in.iid_count));
    return RPCST_OK;
}

/* The same results as OBJREFs, one after the other in `bytes`. */
static int results_as_objrefs(Exporter *exporter, const RemQueryInterfaceIn *in,
                              const RemQueryResult *results, Writer *bytes, RemQuery2Result *ret_results)
{
    for (size_t i = 0; i < in->iid_count; i++) {
        ret_results[i].status = results[i].status;
        if (FAILED(results[i].status)) continue;
        size_t start = bytes->length;
        objref_write(bytes, &(Objref){.kind = OBJREF_STANDARD,
                                      .iid = plain_guid(in->iids, i),
                                      .std = results[i].std,
                                      .resolver = *exporter_resolver(exporter)});
        ret_results[i].objref_length = bytes->length - start;
    }
    const uint8_t *next = bytes->data; /* the writer may have moved while it grew */
    for (size_t i = 0; i < in->iid_count; i++) {
        if (ret_results[i].objref_length == 0) continue;
        ret_results[i].objref = next;
        next += ret_results[i].objref_length;
    }
    return writer_status(bytes);
}

static RpcStatus query_interface2(Exporter *exporter, RpcCall *call, Reader *reader)
{
    RemQueryInterfaceIn in = {0};
    rem_query_interface2_in_read(reader, &in);
    if (reader_status(reader) < 0) return RPCST_BAD_STUB_DATA;
    in.public_refs = EXPORTER_REFERENCES;
    _cleanup_(freep) RemQueryResult *results = calloc((size_t)in.iid_count + 1, sizeof(*results));
    _cleanup_(freep) RemQuery2Result *objrefs = calloc((size_t)in.iid_count + 1, sizeof(*objrefs));
    _cleanup_(writer_deinitp) Writer bytes = {0};
    if (!results || !objrefs) return RPCST_OUT_OF_MEMORY;
    writer_init(&bytes, 0);
    HRESULT hr = query_all(exporter, &in, results);
    for (size_t i = 0; FAILED(hr) && i < in.iid_count; i++)
        results[i].status = hr;
    int r = results_as_objrefs(exporter, &in, results, &bytes, objrefs);
    if (r < 0) return rpc_status_from_errno(r);
    rem_query_interface2_out_write(&call->out, objrefs, in.iid_count,
                                   FAILED(hr) ? hr : query_overall(results, in.iid_count));
    return RPCST_OK;
}

static RpcStatus add_ref(Exporter *exporter, RpcCall *call, Reader *reader)
{
    RemReferencesIn in = {0};
    rem_references_in_read(reader, &in);
    if (reader_status(reader) < 0) return RPCST_BAD_STUB_DATA;
    _cleanup_(freep) HRESULT *results = calloc((size_t)in.count + 1, sizeof(*results));
    if (!results) return RPCST_OUT_OF_MEMORY;
    for (size_t i = 0; i < in.count; i++) {
        RemReference reference = rem_reference_at(&in, i);
        results[i] = exporter_rem_add_ref(exporter, &reference.ipid, reference.public_refs,
                                          reference.private_refs, caller_of(call));
        if (results[i] == RPC_E_DISCONNECTED) results[i] = CO_E_OBJNOTREG;
    }
    rem_add_ref_out_write(&call->out, results, in.count, S_OK);
    return RPCST_OK;
}

static RpcStatus release(Exporter *exporter, RpcCall *call, Reader *reader)
{
    RemReferencesIn in = {0};
    rem_references_in_read(reader, &in);
    if (reader_status(reader) < 0) return RPCST_BAD_STUB_DATA;
    HRESULT hr = S_OK;
    for (size_t i = 0; i < in.count; i++) {
        RemReference reference = rem_reference_at(&in, i);
        HRESULT one = exporter_rem_release(exporter, &reference.ipid, reference.public_refs,
                                           reference.private_refs, caller_of(call));
        if (one == E_ACCESSDENIED) hr = one; /* an IPID that is gone already is what the caller wanted */
    }
    if (FAILED(hr)) rpc_call_refused(call, "releases private references that are not its own", (uint32_t)hr);
    plain_status_write(&call->out, (uint32_t)hr);
    return RPCST_OK;
}

RpcStatus rem_unknown_serve(Exporter *exporter, RpcCall *call, Reader *reader)
{
    switch (call->opnum) {
    case OP_REM_QUERY_INTERFACE:
        return query_interface(exporter, call, reader);
    case OP_REM_QUERY_INTERFACE2:
        return guid_equal(&call->iid, &IID_REM_UNKNOWN2) ? query_interface2(exporter, call, reader)
                                                         : RPCST_PROCNUM_OUT_OF_RANGE;
    case OP_REM_ADD_REF:
        return add_ref(exporter, call, reader);
    case OP_REM_RELEASE:
        return release(exporter, call, reader);
    }
    return RPCST_PROCNUM_OUT_OF_RANGE;
}
