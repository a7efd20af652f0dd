/* SPDX-License-Identifier: Apache-2.0 */
/* Ping sets: who keeps which objects alive ([MS-DCOM] 3.1.2.5.1.2, 3.1.2.5.1.3). */
#include <sys/random.h>
#include <winerror.h>
#include "orpc/resolver-private.h"

/* Finds the peer or makes it; NULL when no more are taken or memory is short. */
static Peer *peer_get(Resolver *resolver, const RpcPeer *key)
{
    Peer *peer = hashmap_get(resolver->peers, key->bytes, key->length);
    if (peer || hashmap_count(resolver->peers) >= RESOLVER_PEERS_MAX) return peer;
    peer = calloc(1, sizeof(*peer));
    if (!peer) return NULL;
    memcpy(peer->key, key->bytes, key->length);
    peer->key_length = key->length;
    if (hashmap_put(resolver->peers, peer->key, peer->key_length, peer) < 0) {
        free(peer);
        return NULL;
    }
    return peer;
}

static void peer_settle(Resolver *resolver, Peer *peer)
{
    if (peer->sets) return;
    (void)hashmap_remove(resolver->peers, peer->key, peer->key_length);
    free(peer);
}

static void leave(Resolver *resolver, PingSet *set, OidEntry *entry, uint64_t deadline)
{
    set->peer->oids--;
    entry->sets--;
    if (entry->oxid && !entry->sets) oid_entry_make_idle(resolver, entry, deadline);
    oid_entry_settle(resolver, entry);
}

PingSet *pingset_free(Resolver *resolver, PingSet *set, uint64_t deadline)
{
    if (!set) return NULL;
    HashIterator at = {0};
    for (OidEntry *entry; (entry = hashmap_next(set->oids, &at));)
        leave(resolver, set, entry, deadline);
    (void)hashmap_remove(resolver->sets, &set->id, sizeof(set->id));
    list_remove(&set->link);
    set->peer->sets--;
    peer_settle(resolver, set->peer);
    hashmap_free(set->oids);
    free(set);
    return NULL;
}

static void touch(Resolver *resolver, PingSet *set, uint64_t now)
{
    list_remove(&set->link);
    set->deadline = now + resolver_lifetime(resolver);
    list_append(&resolver->by_deadline, &set->link);
}

/* A set of somebody else's does not exist. */
static PingSet *find(Resolver *resolver, const RpcPeer *key, uint64_t id)
{
    PingSet *set = hashmap_get(resolver->sets, &id, sizeof(id));
    if (!set || set->peer->key_length != key->length || memcmp(set->peer->key, key->bytes, key->length) != 0)
        return NULL;
    return set;
}

static uint32_t make(Resolver *resolver, const RpcPeer *key, uint64_t now, PingSet **ret_set)
{
    uint64_t id = 0;
    while (!id || hashmap_get(resolver->sets, &id, sizeof(id)))
        if (getrandom(&id, sizeof(id), 0) != (ssize_t)sizeof(id)) return ERROR_OUTOFMEMORY;
    Peer *peer = peer_get(resolver, key);
    if (!peer) return ERROR_OUTOFMEMORY;
    PingSet *set = NULL;
    uint32_t status = ERROR_OUTOFMEMORY;
    if (peer->sets < resolver->options.sets_per_peer) set = calloc(1, sizeof(*set));
    if (!set || hashmap_new(&set->oids) < 0) goto fail;
    set->id = id;
    set->peer = peer;
    list_init(&set->link);
    if (hashmap_put(resolver->sets, &set->id, sizeof(set->id), set) < 0) {
        hashmap_free(set->oids);
        goto fail;
    }
    peer->sets++;
    touch(resolver, set, now);
    *ret_set = set;
    return 0;
fail:
    free(set);
    peer_settle(resolver, peer);
    return status;
}

/* A new set takes an object that no exporter has (yet): clients make one when mantled was restarted, and then
 * exporters may come back after them. Whoever adds to a set that exists is told, and asks again. */
static uint32_t join(Resolver *resolver, PingSet *set, uint64_t oid, bool is_new)
{
    OidEntry *entry = hashmap_get(resolver->oids, &oid, sizeof(oid));
    if (!is_new && (!entry || !entry->oxid)) return OR_INVALID_OID;
    if (hashmap_get(set->oids, &oid, sizeof(oid))) return 0;
    if (set->peer->oids >= resolver->options.oids_per_peer) return ERROR_OUTOFMEMORY;
    if (!entry) entry = oid_entry_expect(resolver, oid);
    if (!entry) return OR_INVALID_OID;
    if (hashmap_put(set->oids, &oid, sizeof(oid), entry) < 0) {
        oid_entry_settle(resolver, entry);
        return ERROR_OUTOFMEMORY;
    }
    set->peer->oids++;
    entry->sets++;
    list_remove(&entry->link); /* no longer idle */
    return 0;
}

uint32_t pingset_simple(Resolver *resolver, const RpcPeer *peer, uint64_t id, uint64_t now)
{
    PingSet *set = find(resolver, peer, id);
    if (!set) return OR_INVALID_SET;
    touch(resolver, set, now);
    return 0;
}

/* Sequence numbers are 16 bits and wrap: "greater" is what lies less than half way round ahead. */
static bool is_older(uint16_t sequence, uint16_t than)
{
    return (int16_t)(uint16_t)(sequence - than) < 0;
}

/* The specification stops at the first unknown OID; then one object that is gone would cost all behind it
 * their ping. So everything that can be done is done, and OR_INVALID_OID said at the end. */
uint32_t pingset_complex(Resolver *resolver, const RpcPeer *peer, const ComplexPingIn *in, uint64_t now,
                         uint64_t *ret_set)
{
    PingSet *set = NULL;
    bool is_new = in->set == 0;
    if (is_new) {
        uint32_t status = make(resolver, peer, now, &set);
        if (status) return status;
    } else {
        set = find(resolver, peer, in->set);
        if (!set) return OR_INVALID_SET;
        *ret_set = set->id;
        if (is_older(in->sequence, set->sequence)) return 0;
    }
    uint32_t result = 0;
    for (uint16_t i = 0; i < in->add_count; i++) {
        uint32_t status = join(resolver, set, plain_u64(in->add, i), is_new);
        if (status && result != ERROR_OUTOFMEMORY) result = status;
    }
    for (uint16_t i = 0; i < in->remove_count; i++) {
        uint64_t oid = plain_u64(in->remove, i);
        OidEntry *entry = hashmap_remove(set->oids, &oid, sizeof(oid));
        if (entry) leave(resolver, set, entry, now + resolver_lifetime(resolver));
    }
    touch(resolver, set, now);
    set->sequence = in->sequence;
    *ret_set = set->id;
    /* A new set takes the objects that exist and says nothing of the others. [MS-DCOM] 3.1.2.5.1.3 */
    return is_new && result == OR_INVALID_OID ? 0 : result;
}
