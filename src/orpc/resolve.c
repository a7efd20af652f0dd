/* SPDX-License-Identifier: Apache-2.0 */
/* Resolution of an OXID at the resolvers that its OBJREF names. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <winerror.h>
#include "io/hosts.h"
#include "orpc/localbinding.h"
#include "orpc/plain.h"
#include "orpc/remote.h"
#include "orpc/resolver-call.h"
#include "sec/token.h"

#define MINOR_FIRST 1 /* of a server that does not know ResolveOxid2. [MS-DCOM] 1.7 */

struct RemoteResolve {
    RemoteTable *table;
    Token *process;
    bool mutual;
    uint64_t oxid, deadline;
    uint16_t default_port;
    Bindings resolvers; /* owned */
    BindingsWalk walk;
    char host[BINDING_HOST_SIZE]; /* the resolver that is being asked */
    uint16_t port;
    Writer request;
    RpcClientCall *call;
    bool old;      /* the resolver does not know ResolveOxid2: COM 5.1 */
    char *runtime; /* not NULL: only this machine's mantled is asked, over its UNIX socket */
    bool asked;    /* it was */
    SecFailure failure;
    RpcStatus last; /* of the resolver before */
    RemoteExporter *exporter;
};

RpcStatus remote_resolve_new(RemoteTable *table, const RemoteResolveSpec *spec, RemoteResolve **ret_resolve)
{
    if (!spec->objref->resolver.data) return RPCST_INVALID_PARAMETER;
    _cleanup_(remote_resolve_freep) RemoteResolve *resolve = calloc(1, sizeof(*resolve));
    if (!resolve) return RPCST_OUT_OF_MEMORY;
    if (bindings_dup(&spec->objref->resolver, &resolve->resolvers) < 0) return RPCST_OUT_OF_MEMORY;
    resolve->table = table;
    resolve->process = spec->process ? token_ref(spec->process) : NULL;
    resolve->mutual = spec->mutual;
    resolve->oxid = spec->objref->std.oxid;
    resolve->deadline = spec->deadline;
    resolve->default_port = spec->resolver_port;
    if (spec->runtime && !(resolve->runtime = strdup(spec->runtime))) return RPCST_OUT_OF_MEMORY;
    resolve->last = RPCST_SERVER_UNAVAILABLE;
    writer_init(&resolve->request, 0);
    *ret_resolve = TAKE_PTR(resolve);
    return RPCST_OK;
}

RemoteResolve *remote_resolve_free(RemoteResolve *resolve)
{
    if (!resolve) return NULL;
    rpc_client_call_free(resolve->call);
    remote_exporter_unref(resolve->exporter);
    token_unref(resolve->process);
    bindings_deinit(&resolve->resolvers);
    writer_deinit(&resolve->request);
    free(resolve->runtime);
    free(resolve);
    return NULL;
}

/* The next TCP resolver; false when all were asked. Of this machine's own the first name stands for all. */
static bool next_resolver(RemoteResolve *resolve)
{
    char address[BINDING_ADDRESS_SIZE];
    uint16_t tower;
    if (resolve->runtime && resolve->asked) return false;
    resolve->asked = true;
    while (bindings_next_string(&resolve->resolvers, &resolve->walk, &tower, address)) {
        if (tower != BINDING_TOWER_TCP || binding_split(address, resolve->host, &resolve->port) < 0) continue;
        /* References name no port; it is the resolvers' usual one, except for hosts of which the hosts file
         * says another. */
        if (resolve->port == 0) resolve->port = io_hosts_resolver_port(resolve->host);
        if (resolve->port == 0) resolve->port = resolve->default_port;
        return true;
    }
    return false;
}

static RpcStatus ask(RemoteResolve *resolve)
{
    ResolveOxidIn in = {.oxid = resolve->oxid, .protseq_count = 1, .protseqs = {BINDING_TOWER_TCP}};
    if (resolve->runtime) in.protseqs[in.protseq_count++] = BINDING_TOWER_LOCAL;
    writer_reset(&resolve->request);
    resolve_oxid_in_write(&resolve->request, &in);
    if (writer_status(&resolve->request) < 0) return RPCST_OUT_OF_MEMORY;
    return resolver_call_new(&(ResolverCallSpec){.client = remote_table_client(resolve->table),
                                                 .host = resolve->host,
                                                 .port = resolve->port,
                                                 .runtime = resolve->runtime,
                                                 .opnum = resolve->old ? OP_RESOLVE_OXID : OP_RESOLVE_OXID2,
                                                 .process = resolve->process,
                                                 .mutual = resolve->mutual,
                                                 .stub = &resolve->request,
                                                 .deadline = resolve->deadline},
                             &resolve->call);
}

static RpcStatus answer(RemoteResolve *resolve)
{
    Reader reader = rpc_client_call_reply(resolve->call);
    ResolveOxidOut out = {0};
    resolve_oxid_out_read(&reader, !resolve->old, &out);
    if (resolve->old) out.version = (ComVersion){COM_VERSION_MAJOR, MINOR_FIRST};
    if (reader_status(&reader) < 0) return RPCST_BAD_STUB_DATA;
    if (out.status != RPCST_OK) return out.status;
    ComVersion version;
    if (!com_version_negotiate(out.version, &version)) return (RpcStatus)RPC_E_VERSION_MISMATCH;
    RemoteExporterSpec spec = {
        .oxid = resolve->oxid,
        .rem_unknown = out.rem_unknown,
        .authn_hint = out.authn_hint,
        .version_minor = version.minor,
        .bindings = out.bindings,
        .resolver = resolve->host,
        .resolver_port = resolve->port,
        .hearsay = !resolve->process,
        .runtime = resolve->runtime,
    };
    HRESULT hr = remote_exporter_add(resolve->table, &spec, &resolve->exporter);
    return hr == S_OK ? RPCST_OK : (RpcStatus)hr;
}

/* Begins with the next resolver, or says why there is none. */
static RpcStatus advance(RemoteResolve *resolve)
{
    if (!next_resolver(resolve)) {
        if (!resolve->failure.code)
            sec_failure_set(&resolve->failure, resolve->last,
                            "no resolver of the object reference could say where its exporter is");
        return resolve->last;
    }
    resolve->exporter = remote_table_find(resolve->table, resolve->oxid, resolve->host, resolve->port,
                                          !resolve->process, resolve->runtime != NULL);
    resolve->old = false;
    return resolve->exporter ? RPCST_OK : ask(resolve);
}

/* Asks the same resolver once more, as it was asked before COM 5.2. */
static RpcStatus ask_old(RemoteResolve *resolve)
{
    resolve->call = rpc_client_call_free(resolve->call);
    resolve->old = true;
    return ask(resolve);
}

RpcStatus remote_resolve_step(RemoteResolve *resolve, IoWait *ret_wait)
{
    for (;;) {
        if (!resolve->call) {
            RpcStatus status = advance(resolve);
            if (status != RPCST_OK || resolve->exporter) return status;
        }
        RpcStatus status = rpc_client_call_step(resolve->call, ret_wait);
        if (status == RPCST_PENDING) return status;
        if (status == RPCST_PROCNUM_OUT_OF_RANGE && !resolve->old) {
            status = ask_old(resolve);
            if (status == RPCST_OK) continue;
            return status;
        }
        if (status == RPCST_OK)
            status = answer(resolve);
        else
            resolve->failure = *rpc_client_call_failure(resolve->call);
        resolve->call = rpc_client_call_free(resolve->call);
        if (status == RPCST_OK) return status;
        resolve->last = status;
    }
}

RemoteExporter *remote_resolve_take(RemoteResolve *resolve)
{
    return TAKE_PTR(resolve->exporter);
}

const SecFailure *remote_resolve_failure(const RemoteResolve *resolve)
{
    return &resolve->failure;
}
