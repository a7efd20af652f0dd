/* SPDX-License-Identifier: Apache-2.0 */
/* The resolver's tables of exporters and objects, and the clock that runs objects down. */
#include "orpc/resolver.h"
#include <winerror.h>
#include "base/time.h"
#include "orpc/resolver-private.h"

#define BATCH 256 /* objects run down per round, so that the lock is not held for long */

static OxidEntry *oxid_entry_free(OxidEntry *entry)
{
    if (!entry) return NULL;
    bindings_deinit(&entry->data.bindings);
    hashmap_free(entry->oids);
    free(entry);
    return NULL;
}
DEFINE_CLEANUP(OxidEntry, oxid_entry_free)

HRESULT resolver_new(const ResolverOptions *options, Resolver **ret_resolver)
{
    _cleanup_(resolver_freep) Resolver *resolver = calloc(1, sizeof(*resolver));
    if (!resolver) return E_OUTOFMEMORY;
    pthread_mutex_init(&resolver->lock, NULL);
    list_init(&resolver->by_deadline);
    list_init(&resolver->idle);
    list_init(&resolver->reservations);
    resolver->options = *options;
    resolver->options.bindings = NULL;
    if (!options->ping_period) resolver->options.ping_period = RESOLVER_PING_PERIOD;
    if (!options->pings_missed) resolver->options.pings_missed = RESOLVER_PINGS_MISSED;
    if (!options->sets_per_peer) resolver->options.sets_per_peer = RESOLVER_SETS_PER_PEER;
    if (!options->oids_per_peer) resolver->options.oids_per_peer = RESOLVER_OIDS_PER_PEER;
    if (options->bindings && bindings_dup(options->bindings, &resolver->bindings) < 0) return E_OUTOFMEMORY;
    if (hashmap_new(&resolver->oxids) < 0 || hashmap_new(&resolver->oids) < 0 ||
        hashmap_new(&resolver->sets) < 0 || hashmap_new(&resolver->peers) < 0 ||
        hashmap_new(&resolver->reserved) < 0)
        return E_OUTOFMEMORY;
    *ret_resolver = TAKE_PTR(resolver);
    return S_OK;
}

Resolver *resolver_free(Resolver *resolver)
{
    if (!resolver) return NULL;
    list_each(item, &resolver->by_deadline)(void)
        pingset_free(resolver, container_of(item, PingSet, link), 0);
    for (;;) {
        HashIterator at = {0};
        OxidEntry *entry = resolver->oxids ? hashmap_next(resolver->oxids, &at) : NULL;
        if (!entry) break;
        resolver_remove_oxid(resolver, entry->data.oxid);
    }
    list_each(item, &resolver->reservations) free(container_of(item, Reserved, link));
    bindings_deinit(&resolver->bindings);
    hashmap_free(resolver->reserved);
    hashmap_free(resolver->oxids);
    hashmap_free(resolver->oids);
    hashmap_free(resolver->sets);
    hashmap_free(resolver->peers);
    pthread_mutex_destroy(&resolver->lock);
    free(resolver);
    return NULL;
}

const Bindings *resolver_bindings(const Resolver *resolver)
{
    return &resolver->bindings;
}

uint64_t resolver_ping_period(const Resolver *resolver)
{
    return resolver->options.ping_period;
}

uint64_t resolver_lifetime(const Resolver *resolver)
{
    return resolver->options.ping_period * resolver->options.pings_missed;
}

/* Reservations: the lock is held. */

static void reservation_end(Resolver *resolver, Reserved *reserved)
{
    (void)hashmap_remove(resolver->reserved, &reserved->oxid, sizeof(reserved->oxid));
    list_remove(&reserved->link);
    free(reserved);
}

static void reservations_expire(Resolver *resolver, uint64_t now)
{
    list_each(item, &resolver->reservations)
    {
        Reserved *reserved = container_of(item, Reserved, link);
        if (reserved->deadline > now) return;
        reservation_end(resolver, reserved);
    }
}

/* An account that has too many loses its oldest; only when all of them together are too many does somebody
 * else's oldest go. Without memory there is none. */
static void reserve(Resolver *resolver, uint64_t oxid, uint32_t owner, uint64_t now)
{
    Reserved *oldest = NULL;
    size_t count = 0;
    list_each(item, &resolver->reservations)
    {
        Reserved *reserved = container_of(item, Reserved, link);
        if (reserved->owner != owner) continue;
        if (!oldest) oldest = reserved;
        count++;
    }
    if (count >= RESOLVER_RESERVED_PER_OWNER) reservation_end(resolver, oldest);
    if (hashmap_count(resolver->reserved) >= RESOLVER_RESERVED_MAX)
        reservation_end(resolver, container_of(resolver->reservations.next, Reserved, link));
    Reserved *reserved = malloc(sizeof(*reserved));
    if (!reserved) return;
    *reserved = (Reserved){.oxid = oxid, .deadline = now + RESOLVER_RESERVED_TIME, .owner = owner};
    if (hashmap_put(resolver->reserved, &oxid, sizeof(oxid), reserved) < 0) {
        free(reserved);
        return;
    }
    list_append(&resolver->reservations, &reserved->link);
}

/* Exporters */

/* Who had it last may have it back, everybody else must wait. */
static bool may_take(Resolver *resolver, const ResolverOxid *data)
{
    reservations_expire(resolver, time_monotonic());
    Reserved *reserved = hashmap_get(resolver->reserved, &data->oxid, sizeof(data->oxid));
    if (reserved && reserved->owner != data->owner) return false;
    return !hashmap_get(resolver->oxids, &data->oxid, sizeof(data->oxid));
}

HRESULT resolver_add_oxid(Resolver *resolver, const ResolverOxid *data)
{
    _cleanup_(oxid_entry_freep) OxidEntry *entry = calloc(1, sizeof(*entry));
    if (!entry || hashmap_new(&entry->oids) < 0) return E_OUTOFMEMORY;
    entry->data = *data;
    if (bindings_dup(&data->bindings, &entry->data.bindings) < 0) {
        entry->data.bindings = (Bindings){0};
        return E_OUTOFMEMORY;
    }
    HRESULT hr = S_OK;
    pthread_mutex_lock(&resolver->lock);
    if (!may_take(resolver, data)) {
        hr = E_ACCESSDENIED;
    } else if (hashmap_count(resolver->oxids) >= RESOLVER_OXIDS_MAX ||
               hashmap_put(resolver->oxids, &data->oxid, sizeof(data->oxid), entry) < 0) {
        hr = E_OUTOFMEMORY;
    } else {
        entry = NULL;
        Reserved *reserved = hashmap_get(resolver->reserved, &data->oxid, sizeof(data->oxid));
        if (reserved) reservation_end(resolver, reserved);
    }
    pthread_mutex_unlock(&resolver->lock);
    return hr;
}

void oid_entry_settle(Resolver *resolver, OidEntry *entry)
{
    if (entry->oxid || entry->sets) return;
    (void)hashmap_remove(resolver->oids, &entry->oid, sizeof(entry->oid));
    resolver->orphans--;
    list_remove(&entry->link);
    free(entry);
}

/* In the table, without an exporter. */
static OidEntry *oid_entry_new(Resolver *resolver, uint64_t oid)
{
    OidEntry *entry = calloc(1, sizeof(*entry));
    if (!entry) return NULL;
    entry->oid = oid;
    list_init(&entry->link);
    if (hashmap_put(resolver->oids, &oid, sizeof(oid), entry) < 0) {
        free(entry);
        return NULL;
    }
    resolver->orphans++;
    return entry;
}

OidEntry *oid_entry_expect(Resolver *resolver, uint64_t oid)
{
    return resolver->orphans < RESOLVER_ORPHANS_MAX ? oid_entry_new(resolver, oid) : NULL;
}

void oid_entry_make_idle(Resolver *resolver, OidEntry *entry, uint64_t deadline)
{
    list_remove(&entry->link);
    List *first = resolver->idle.next;
    entry->deadline = deadline;
    /* What is due at once goes to the front, everything else has the same time to live and goes to the end.
     */
    bool is_first = first != &resolver->idle && deadline <= container_of(first, OidEntry, link)->deadline;
    list_append(is_first ? first : &resolver->idle, &entry->link);
}

/* The exporter's half of an object ends. */
static void withdraw(Resolver *resolver, OidEntry *entry)
{
    entry->oxid = NULL;
    resolver->orphans++;
    list_remove(&entry->link);
    oid_entry_settle(resolver, entry);
}

void resolver_remove_oxid(Resolver *resolver, uint64_t oxid)
{
    pthread_mutex_lock(&resolver->lock);
    OxidEntry *entry = hashmap_remove(resolver->oxids, &oxid, sizeof(oxid));
    if (entry) {
        HashIterator at = {0};
        for (OidEntry *oid; (oid = hashmap_next(entry->oids, &at));)
            withdraw(resolver, oid);
        reserve(resolver, oxid, entry->data.owner, time_monotonic());
    }
    pthread_mutex_unlock(&resolver->lock);
    oxid_entry_free(entry);
}

HRESULT resolver_find_oxid(Resolver *resolver, uint64_t oxid, ResolverOxid *ret_entry)
{
    HRESULT hr = HRESULT_FROM_WIN32(OR_INVALID_OXID);
    pthread_mutex_lock(&resolver->lock);
    const OxidEntry *entry = hashmap_get(resolver->oxids, &oxid, sizeof(oxid));
    if (entry) {
        ResolverOxid copy = entry->data;
        hr = bindings_dup(&entry->data.bindings, &copy.bindings) < 0 ? E_OUTOFMEMORY : S_OK;
        if (SUCCEEDED(hr)) *ret_entry = copy;
    }
    pthread_mutex_unlock(&resolver->lock);
    return hr;
}

/* Objects */
static HRESULT add_oid(Resolver *resolver, OxidEntry *oxid, uint64_t oid)
{
    OidEntry *entry = hashmap_get(resolver->oids, &oid, sizeof(oid));
    if (entry && entry->oxid) return entry->oxid == oxid ? S_OK : E_ACCESSDENIED;
    if (entry && entry->owned && entry->owner != oxid->data.owner) return E_ACCESSDENIED;
    if (hashmap_count(oxid->oids) >= RESOLVER_OIDS_PER_OXID) return E_OUTOFMEMORY;
    if (!entry) entry = oid_entry_new(resolver, oid);
    if (!entry) return E_OUTOFMEMORY;
    if (hashmap_put(oxid->oids, &oid, sizeof(oid), entry) < 0) {
        oid_entry_settle(resolver, entry);
        return E_OUTOFMEMORY;
    }
    entry->oxid = oxid;
    entry->owned = true;
    entry->owner = oxid->data.owner;
    resolver->orphans--;
    if (!entry->sets) oid_entry_make_idle(resolver, entry, time_monotonic() + resolver_lifetime(resolver));
    return S_OK;
}

HRESULT resolver_add_oid(Resolver *resolver, uint64_t oxid, uint64_t oid)
{
    pthread_mutex_lock(&resolver->lock);
    OxidEntry *entry = hashmap_get(resolver->oxids, &oxid, sizeof(oxid));
    HRESULT hr = entry ? add_oid(resolver, entry, oid) : HRESULT_FROM_WIN32(OR_INVALID_OXID);
    pthread_mutex_unlock(&resolver->lock);
    return hr;
}

void resolver_remove_oid(Resolver *resolver, uint64_t oxid, uint64_t oid)
{
    pthread_mutex_lock(&resolver->lock);
    OidEntry *entry = hashmap_get(resolver->oids, &oid, sizeof(oid));
    if (entry && entry->oxid && entry->oxid->data.oxid == oxid) {
        (void)hashmap_remove(entry->oxid->oids, &oid, sizeof(oid));
        withdraw(resolver, entry);
    }
    pthread_mutex_unlock(&resolver->lock);
}

/* The clock */
typedef struct RunDown {
    uint64_t oxid, oid;
} RunDown;

/* Collects what is due and returns how much; both lists are in order of their deadlines. */
static size_t collect(Resolver *resolver, uint64_t now, RunDown batch[BATCH])
{
    size_t count = 0;
    list_each(item, &resolver->by_deadline)
    {
        PingSet *set = container_of(item, PingSet, link);
        if (set->deadline > now) break;
        /* The client has missed its pings: its objects become idle, and due at once. */
        (void)pingset_free(resolver, set, now);
    }
    for (List *item = resolver->idle.next; item != &resolver->idle && count < BATCH;
         item = resolver->idle.next) {
        OidEntry *entry = container_of(item, OidEntry, link);
        if (entry->deadline > now) break;
        batch[count++] = (RunDown){entry->oxid->data.oxid, entry->oid};
        oid_entry_make_idle(resolver, entry, now + resolver_lifetime(resolver));
    }
    return count;
}

static uint64_t next_deadline(const Resolver *resolver, uint64_t now)
{
    uint64_t next = now + resolver->options.ping_period;
    if (!list_is_empty(&resolver->by_deadline)) {
        uint64_t due = container_of(resolver->by_deadline.next, PingSet, link)->deadline;
        if (due < next) next = due;
    }
    if (!list_is_empty(&resolver->idle)) {
        uint64_t due = container_of(resolver->idle.next, OidEntry, link)->deadline;
        if (due < next) next = due;
    }
    return next;
}

uint64_t resolver_tick(Resolver *resolver, uint64_t now)
{
    RunDown batch[BATCH];
    size_t count;
    uint64_t next;
    do {
        pthread_mutex_lock(&resolver->lock);
        count = collect(resolver, now, batch);
        next = next_deadline(resolver, now);
        pthread_mutex_unlock(&resolver->lock);
        for (size_t i = 0; i < count && resolver->options.run_down; i++)
            resolver->options.run_down(resolver->options.context, batch[i].oxid, batch[i].oid);
    } while (count == BATCH);
    return next;
}

ResolverState resolver_state(Resolver *resolver)
{
    pthread_mutex_lock(&resolver->lock);
    ResolverState state = {hashmap_count(resolver->oxids), hashmap_count(resolver->oids) - resolver->orphans,
                           hashmap_count(resolver->sets), hashmap_count(resolver->peers)};
    pthread_mutex_unlock(&resolver->lock);
    return state;
}
