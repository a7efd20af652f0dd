/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The object resolver's tables ([MS-DCOM] 3.1.2.1): exporters by OXID, objects by OID, ping sets; and
 * IObjectExporter, which clients ask about them.
 *
 * An object lives as long as a ping set that names it is pinged, or until its exporter withdraws it. A set
 * belongs to whoever made it (the user's SID, or the address of a caller that did not authenticate): for
 * everybody else it does not exist. What a peer can make us hold is counted against it. Thread-safe.
 */
#pragma once
#include <wtypes.h>
#include "orpc/binding.h"
#include "orpc/orpcthis.h"
#include "rpc/server.h"

#define RESOLVER_PING_PERIOD   (120ull * 1000000000ull) /* [MS-DCOM] 3.1.2.2 */
#define RESOLVER_PINGS_MISSED  3
#define RESOLVER_SETS_PER_PEER 256
#define RESOLVER_OIDS_PER_PEER 65536 /* memberships in sets */
#define RESOLVER_PEERS_MAX     65536
#define RESOLVER_OXIDS_MAX     4096
#define RESOLVER_OIDS_PER_OXID 100000
#define RESOLVER_ORPHANS_MAX   65536 /* objects in sets that no exporter has registered */
/* An OXID whose exporter has gone is for the same account only, so long: there may be references to it. */
#define RESOLVER_RESERVED_TIME      (3600ull * 1000000000ull)
#define RESOLVER_RESERVED_MAX       65536
#define RESOLVER_RESERVED_PER_OWNER 4096 /* of the latest */

typedef struct Resolver Resolver;

typedef struct ResolverOptions {
    uint64_t ping_period;     /* ns; 0: RESOLVER_PING_PERIOD */
    unsigned pings_missed;    /* 0: RESOLVER_PINGS_MISSED */
    unsigned sets_per_peer;   /* 0: RESOLVER_SETS_PER_PEER */
    unsigned oids_per_peer;   /* 0: RESOLVER_OIDS_PER_PEER */
    const Bindings *bindings; /* of this resolver, without endpoints; copied */
    /* Nobody has pinged this object for its time: ask its exporter to reclaim it. It stays in the table until
     * resolver_remove_oid(), and is reported again if it is still there after the same time. No lock is held.
     */
    void (*run_down)(void *context, uint64_t oxid, uint64_t oid);
    void *context;
} ResolverOptions;

/* S_OK, E_OUTOFMEMORY. */
HRESULT resolver_new(const ResolverOptions *options, Resolver **ret_resolver) must_use;
Resolver *resolver_free(Resolver *resolver);
DEFINE_CLEANUP(Resolver, resolver_free)
const Bindings *resolver_bindings(const Resolver *resolver);
uint64_t resolver_ping_period(const Resolver *resolver);

/* Exporters. */
typedef struct ResolverOxid {
    uint64_t oxid;
    uint32_t owner;    /* the account that the exporter's process runs as */
    Bindings bindings; /* with endpoints */
    bool local;        /* it listens on its socket of orpc/localbinding.h, too */
    Guid rem_unknown;
    uint32_t authn_hint;
    ComVersion version;
} ResolverOxid;
/* Copies. S_OK; E_ACCESSDENIED: this OXID is taken, or was another account's not long ago; E_OUTOFMEMORY,
 * also at RESOLVER_OXIDS_MAX. */
HRESULT resolver_add_oxid(Resolver *resolver, const ResolverOxid *entry) must_use;
/* With all its OIDs. */
void resolver_remove_oxid(Resolver *resolver, uint64_t oxid);
/* A copy for the caller: bindings_deinit(&ret_entry->bindings). S_OK, HRESULT_FROM_WIN32(OR_INVALID_OXID),
 * E_OUTOFMEMORY. */
HRESULT resolver_find_oxid(Resolver *resolver, uint64_t oxid, ResolverOxid *ret_entry) must_use;

/* What a caller is told of where an exporter is: over a UNIX socket, and if it speaks ncalrpc, its local
 * binding first, else its bindings alone. Freed like a copy. S_OK, RPCST_PROTSEQ_NOT_SUPPORTED as HRESULT: it
 * speaks neither that nor TCP; E_OUTOFMEMORY. */
HRESULT resolver_tell_bindings(const ResolverOxid *entry, bool caller_is_local, const uint16_t *protseqs,
                               uint16_t protseq_count, Bindings *ret_bindings) must_use;

/* Objects. S_OK; E_ACCESSDENIED: another exporter has this OID, or had it and sets still hold it;
 * E_OUTOFMEMORY, also at RESOLVER_OIDS_PER_OXID. */
HRESULT resolver_add_oid(Resolver *resolver, uint64_t oxid, uint64_t oid) must_use;
void resolver_remove_oid(Resolver *resolver, uint64_t oxid, uint64_t oid);

/* Runs down what nobody pinged. Returns when to call it next (base/time.h), at most a ping period away. */
uint64_t resolver_tick(Resolver *resolver, uint64_t now);

/* IObjectExporter; to be registered with the server on the resolver's port. Any level of authentication, as
 * in [MS-DCOM] 3.1.2.5.1. The row lives as long as the resolver. */
const RpcInterface *resolver_interface(Resolver *resolver);

typedef struct ResolverState {
    size_t oxids, oids, sets, peers;
} ResolverState;
ResolverState resolver_state(Resolver *resolver);
