/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A remote exporter: how an OXID is reached and secured ([MS-DCOM] 3.2.4.1.2). Cached per process under the
 * OXID *and* the resolver it was heard from, so that nobody can redirect references to somebody else's OXID;
 * and what was heard without integrity only serves who asks without.
 */
#pragma once
#include <wtypes.h>
#include "base/cleanup.h"
#include "io/wait.h"
#include "orpc/objref.h"
#include "rpc/client.h"
#include "sec/failure.h"

typedef struct RemoteExporter RemoteExporter;
typedef struct RemoteTable RemoteTable;

#define REMOTE_ENDPOINTS_MAX 16

typedef struct RemoteExporterSpec {
    uint64_t oxid;
    Guid rem_unknown;       /* IPID */
    uint32_t authn_hint;    /* RPC_C_AUTHN_LEVEL_*: the exporter's floor */
    uint16_t version_minor; /* COMVERSION of the exporter */
    Bindings bindings;      /* copied */
    const char *resolver;   /* the host as it was asked: for the default SPN, and the last address tried */
    uint16_t resolver_port;
    bool hearsay; /* it was not signed: kept apart from what was */
    /* The runtime folder of this machine's mantled, which said all this over its UNIX socket: its local
     * bindings count then, and from nobody else. NULL: it was heard otherwise. */
    const char *runtime;
} RemoteExporterSpec;

/* 0, -ENOMEM. Takes a reference to `client`. Freed after every exporter of it. */
int remote_table_new(RpcClient *client, RemoteTable **ret_table) must_use;
RemoteTable *remote_table_free(RemoteTable *table);
/* No exporter of it is held by anybody. */
bool remote_table_is_empty(RemoteTable *table);
RpcClient *remote_table_client(const RemoteTable *table);

/* The exporter of the spec, found in the table or entered. A new reference. S_OK, E_OUTOFMEMORY,
 * RPC_E_INVALID_OBJREF. */
HRESULT remote_exporter_add(RemoteTable *table, const RemoteExporterSpec *spec,
                            RemoteExporter **ret_exporter) must_use;
/* An exporter heard of from this resolver before: a new reference, or NULL. `local`: over its UNIX socket. */
RemoteExporter *remote_table_find(RemoteTable *table, uint64_t oxid, const char *resolver, uint16_t port,
                                  bool hearsay, bool local);
RemoteExporter *remote_exporter_ref(RemoteExporter *exporter);
RemoteExporter *remote_exporter_unref(RemoteExporter *exporter);
DEFINE_CLEANUP(RemoteExporter, remote_exporter_unref)
uint64_t remote_exporter_oxid(const RemoteExporter *exporter);
const Guid *remote_exporter_rem_unknown(const RemoteExporter *exporter);
uint32_t remote_exporter_authn_hint(const RemoteExporter *exporter);
const Bindings *remote_exporter_bindings(const RemoteExporter *exporter);
/* Where others are to ask for it: the resolver that was asked, and what that said of the machine. As in
 * references: without ports and principals. */
const Bindings *remote_exporter_resolver(const RemoteExporter *exporter);
/* The principal for a service: what the exporter published for it, else "RPCSS/<resolver as typed>".
 * Borrowed. */
const char *remote_exporter_principal(const RemoteExporter *exporter, uint16_t authn_service);
/* It was not signed where it is. */
bool remote_exporter_is_hearsay(const RemoteExporter *exporter);
/* The resolver as it was asked. */
const char *remote_exporter_host(const RemoteExporter *exporter);
uint16_t remote_exporter_resolver_port(const RemoteExporter *exporter);
uint16_t remote_exporter_version_minor(const RemoteExporter *exporter);
/* Where its calls go. Borrowed. */
RpcBinding *remote_exporter_binding(const RemoteExporter *exporter);
/* Where calls go that the kernel authenticates (rpc/local.h). Borrowed; NULL: it is not of this machine, or
 * does not listen so. */
RpcBinding *remote_exporter_local_binding(const RemoteExporter *exporter);
/* The account that listens there. */
uid_t remote_exporter_local_owner(const RemoteExporter *exporter);
/* This machine's mantled said over its UNIX socket where it is. */
bool remote_exporter_is_local(const RemoteExporter *exporter);

/* Resolution of an OBJREF's OXID by ResolveOxid2 at one of its resolvers, tried in order; at once when the
 * table knows it. It is done as `process`, never cloaked, by Negotiate at PKT_INTEGRITY and IDENTIFY with
 * the SPN RPCSS/<host used> (facts REF-5). A state machine. */
typedef struct RemoteResolve RemoteResolve;
typedef struct RemoteResolveSpec {
    const Objref *objref;   /* its parts are copied */
    Token *process;         /* a reference is taken; NULL: without security */
    bool mutual;            /* the resolver has to prove who it is: never by NTLM (RPC-6) */
    uint16_t resolver_port; /* for bindings without a port */
    uint64_t deadline;
    /* The runtime folder of this machine's mantled, if the reference names that one as its resolver: it is
     * asked over its UNIX socket and nobody else is, as `process`, which is then this process's own token.
     * Borrowed; NULL: it does not. */
    const char *runtime;
} RemoteResolveSpec;
/* RPCST_OK, RPCST_OUT_OF_MEMORY, RPCST_INVALID_PARAMETER: no resolver to ask. */
RpcStatus remote_resolve_new(RemoteTable *table, const RemoteResolveSpec *spec,
                             RemoteResolve **ret_resolve) must_use;
/* RPCST_OK: take the exporter. RPCST_PENDING. Else the failure of the last resolver that was tried;
 * OR_INVALID_OXID. */
RpcStatus remote_resolve_step(RemoteResolve *resolve, IoWait *ret_wait) must_use;
RemoteExporter *remote_resolve_take(RemoteResolve *resolve);
const SecFailure *remote_resolve_failure(const RemoteResolve *resolve);
RemoteResolve *remote_resolve_free(RemoteResolve *resolve);
DEFINE_CLEANUP(RemoteResolve, remote_resolve_free)
