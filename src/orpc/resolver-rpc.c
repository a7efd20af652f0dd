/* SPDX-License-Identifier: Apache-2.0 */
/* IObjectExporter: the resolver's face to clients ([MS-DCOM] 3.1.2.5.1). */
#include <winerror.h>
#include "base/time.h"
#include "orpc/localbinding.h"
#include "orpc/resolver-private.h"

static const ComVersion our_version = {COM_VERSION_MAJOR, COM_VERSION_MINOR};

/* Exporters are never asked to listen on more than they do. */
static bool speaks(uint16_t tower, const uint16_t *protseqs, uint16_t count)
{
    for (uint16_t i = 0; i < count; i++)
        if (protseqs[i] == tower) return true;
    return false;
}

HRESULT resolver_tell_bindings(const ResolverOxid *entry, bool caller_is_local, const uint16_t *protseqs,
                               uint16_t protseq_count, Bindings *ret_bindings)
{
    int r;
    if (caller_is_local && entry->local && speaks(BINDING_TOWER_LOCAL, protseqs, protseq_count))
        r = bindings_with_local(&entry->bindings, entry->owner, entry->oxid, ret_bindings);
    else if (speaks(BINDING_TOWER_TCP, protseqs, protseq_count))
        r = bindings_dup(&entry->bindings, ret_bindings);
    else
        return HRESULT_FROM_WIN32(RPCST_PROTSEQ_NOT_SUPPORTED);
    return r < 0 ? E_OUTOFMEMORY : S_OK;
}

static RpcStatus resolve(RpcCall *call, Resolver *resolver, bool with_version)
{
    ResolveOxidIn in;
    ResolverOxid found = {0};
    resolve_oxid_in_read(&call->in, &in);
    if (reader_status(&call->in) < 0) return RPCST_BAD_STUB_DATA;
    ResolveOxidOut out = {0};
    HRESULT hr = resolver_find_oxid(resolver, in.oxid, &found);
    Bindings told = {0};
    if (SUCCEEDED(hr))
        hr = resolver_tell_bindings(&found, call->is_local, in.protseqs, in.protseq_count, &told);
    if (FAILED(hr))
        out.status = HRESULT_CODE(hr);
    else
        out = (ResolveOxidOut){told, found.rem_unknown, found.authn_hint, found.version, 0};
    resolve_oxid_out_write(&call->out, with_version, &out);
    bindings_deinit(&told);
    bindings_deinit(&found.bindings);
    return RPCST_OK;
}

static RpcStatus method_resolve_oxid(RpcCall *call, void *data)
{
    return resolve(call, data, false);
}

static RpcStatus method_resolve_oxid2(RpcCall *call, void *data)
{
    return resolve(call, data, true);
}

/* A line for the log about a ping that was not taken. */
static void tell_refused(const RpcCall *call, uint32_t status)
{
    if (status == OR_INVALID_SET)
        rpc_call_refused(call, "a ping set that is not there, or somebody else's", status);
    else if (status == ERROR_OUTOFMEMORY)
        rpc_call_refused(
            call, "more ping sets than RESOLVER_SETS_PER_PEER, or OIDs than RESOLVER_OIDS_PER_PEER", status);
}

static RpcStatus method_simple_ping(RpcCall *call, void *data)
{
    Resolver *resolver = data;
    uint64_t set = simple_ping_in_read(&call->in);
    if (reader_status(&call->in) < 0) return RPCST_BAD_STUB_DATA;
    RpcPeer peer = rpc_peer_of(call);
    pthread_mutex_lock(&resolver->lock);
    uint32_t status = pingset_simple(resolver, &peer, set, time_monotonic());
    pthread_mutex_unlock(&resolver->lock);
    tell_refused(call, status);
    plain_status_write(&call->out, status);
    return RPCST_OK;
}

static RpcStatus method_complex_ping(RpcCall *call, void *data)
{
    Resolver *resolver = data;
    ComplexPingIn in;
    complex_ping_in_read(&call->in, &in);
    if (reader_status(&call->in) < 0) return RPCST_BAD_STUB_DATA;
    RpcPeer peer = rpc_peer_of(call);
    ComplexPingOut out = {.set = in.set};
    pthread_mutex_lock(&resolver->lock);
    out.status = pingset_complex(resolver, &peer, &in, time_monotonic(), &out.set);
    pthread_mutex_unlock(&resolver->lock);
    tell_refused(call, out.status);
    complex_ping_out_write(&call->out, &out);
    return RPCST_OK;
}

static RpcStatus method_server_alive(RpcCall *call, void *data)
{
    plain_status_write(&call->out, 0);
    return RPCST_OK;
}

static RpcStatus method_server_alive2(RpcCall *call, void *data)
{
    const Resolver *resolver = data;
    server_alive2_out_write(&call->out, &(ServerAlive2Out){our_version, resolver->bindings, 0});
    return RPCST_OK;
}

static const RpcOperation operations[] = {
    [OP_RESOLVE_OXID] = {method_resolve_oxid, 0},   [OP_SIMPLE_PING] = {method_simple_ping, 0},
    [OP_COMPLEX_PING] = {method_complex_ping, 0},   [OP_SERVER_ALIVE] = {method_server_alive, 0},
    [OP_RESOLVE_OXID2] = {method_resolve_oxid2, 0}, [OP_SERVER_ALIVE2] = {method_server_alive2, 0},
};

const RpcInterface *resolver_interface(Resolver *resolver)
{
    resolver->row = (RpcInterface){.uuid = IID_OBJECT_EXPORTER,
                                   .operations = operations,
                                   .operation_count = ARRAY_SIZE(operations),
                                   .data = resolver};
    return &resolver->row;
}
