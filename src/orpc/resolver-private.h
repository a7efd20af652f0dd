/* SPDX-License-Identifier: Apache-2.0 */
/* The resolver's insides, shared by its tables (resolver.c), ping sets (pingset.c) and RPC face
 * (resolver-rpc.c). */
#pragma once
#include <pthread.h>
#include "base/hash.h"
#include "base/list.h"
#include "orpc/plain.h"
#include "orpc/resolver.h"
#include "rpc/peer.h"

typedef struct OxidEntry {
    ResolverOxid data;
    HashMap *oids; /* OidEntry by OID */
} OxidEntry;

/* In `idle` while no set names it. Without an exporter (oxid == NULL: it withdrew the object, or has not come
 * back yet after mantled or its line to it was restarted) it lives on for the sets alone, and whoever
 * registers it finds them. */
typedef struct OidEntry {
    uint64_t oid;
    OxidEntry *oxid;
    bool owned; /* `owner` is the account of the exporter that has it, or had it last */
    uint32_t owner;
    size_t sets;
    uint64_t deadline; /* of being idle */
    List link;
} OidEntry;

typedef struct Peer {
    size_t key_length;
    uint8_t key[RPC_PEER_SIZE];
    size_t sets, oids;
} Peer;

typedef struct PingSet {
    uint64_t id;
    Peer *peer;
    uint16_t sequence;
    uint64_t deadline;
    HashMap *oids; /* OidEntry by OID */
    List link;     /* in `sets`, the one to expire next first */
} PingSet;

/* An OXID that was given back. */
typedef struct Reserved {
    List link; /* the one to end first, first */
    uint64_t oxid, deadline;
    uint32_t owner;
} Reserved;

struct Resolver {
    pthread_mutex_t lock;
    ResolverOptions options;
    Bindings bindings;
    HashMap *oxids, *oids, *sets, *peers;
    HashMap *reserved; /* Reserved by OXID */
    List reservations;
    size_t orphans;   /* of `oids`, those without an exporter */
    List by_deadline; /* PingSet.link */
    List idle;        /* OidEntry.link */
    RpcInterface row;
};

/* The lock is held. */
uint64_t resolver_lifetime(const Resolver *resolver);
void oid_entry_make_idle(Resolver *resolver, OidEntry *entry, uint64_t deadline);
/* Frees the entry when neither an exporter nor a set has it. */
void oid_entry_settle(Resolver *resolver, OidEntry *entry);
/* An entry for an object that no exporter has registered yet, to be put in a set; NULL at
 * RESOLVER_ORPHANS_MAX and when memory is short. */
OidEntry *oid_entry_expect(Resolver *resolver, uint64_t oid);

/* Error codes of IObjectExporter (Win32). */
uint32_t pingset_simple(Resolver *resolver, const RpcPeer *peer, uint64_t set, uint64_t now);
/* Makes or changes a set. *ret_set is the set also when OR_INVALID_OID says that some objects are gone. */
uint32_t pingset_complex(Resolver *resolver, const RpcPeer *peer, const ComplexPingIn *in, uint64_t now,
                         uint64_t *ret_set);
/* Objects that nobody else pings are due at `deadline`. */
PingSet *pingset_free(Resolver *resolver, PingSet *set, uint64_t deadline);
