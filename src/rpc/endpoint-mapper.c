/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/endpoint-mapper.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "base/hash.h"
#include "base/list.h"
#include "base/time.h"
#include "rpc/peer.h"

typedef struct Entry {
    List link;
    EndpointEntry data;
    uint64_t owner, serial; /* rises along the list */
} Entry;

/* Where a search goes on. */
typedef struct Search {
    List link; /* the one to end first, first */
    Guid id;
    RpcPeer peer;
    uint32_t group;
    uint64_t deadline, last; /* serial */
} Search;

struct EndpointMapper {
    pthread_mutex_t lock;
    List entries, searches;
    size_t entry_count, search_count;
    uint64_t last_serial;
    RpcInterface row;
};

/* What an element must have to be found, and when a search has ended: after a full page of ept_lookup it goes
 * on, perhaps with nothing but EPT_S_NOT_REGISTERED, as there are clients that begin anew with a null handle;
 * of ept_map, where most only want the first, when nothing is left. */
typedef struct Wanted {
    bool by_interface, by_object, or_any_object, until_empty;
    EndpointVersion version;
    PduSyntax iface;
    Guid object;
} Wanted;

RpcStatus endpoint_mapper_new(EndpointMapper **ret_mapper)
{
    EndpointMapper *mapper = calloc(1, sizeof(*mapper));
    if (!mapper) return RPCST_OUT_OF_MEMORY;
    pthread_mutex_init(&mapper->lock, NULL);
    list_init(&mapper->entries);
    list_init(&mapper->searches);
    *ret_mapper = mapper;
    return RPCST_OK;
}

static void entry_end(EndpointMapper *mapper, Entry *entry)
{
    list_remove(&entry->link);
    mapper->entry_count--;
    free(entry);
}

static void search_end(EndpointMapper *mapper, Search *search)
{
    list_remove(&search->link);
    mapper->search_count--;
    free(search);
}

EndpointMapper *endpoint_mapper_free(EndpointMapper *mapper)
{
    if (!mapper) return NULL;
    list_each(item, &mapper->entries) entry_end(mapper, container_of(item, Entry, link));
    list_each(item, &mapper->searches) search_end(mapper, container_of(item, Search, link));
    pthread_mutex_destroy(&mapper->lock);
    free(mapper);
    return NULL;
}

static size_t owned(const EndpointMapper *mapper, uint64_t owner)
{
    size_t count = 0;
    list_each(item, &mapper->entries) count += container_of(item, Entry, link)->owner == owner;
    return count;
}

RpcStatus endpoint_mapper_add(EndpointMapper *mapper, uint64_t owner, const EndpointEntry *data)
{
    Entry *entry = calloc(1, sizeof(*entry));
    if (!entry) return RPCST_OUT_OF_MEMORY;
    entry->data = *data;
    entry->owner = owner;
    pthread_mutex_lock(&mapper->lock);
    bool room =
        mapper->entry_count < ENDPOINT_ENTRIES_MAX && owned(mapper, owner) < ENDPOINT_ENTRIES_PER_OWNER;
    if (room) {
        entry->serial = ++mapper->last_serial;
        list_append(&mapper->entries, &entry->link);
        mapper->entry_count++;
    }
    pthread_mutex_unlock(&mapper->lock);
    if (room) return RPCST_OK;
    free(entry);
    return RPCST_OUT_OF_RESOURCES;
}

void endpoint_mapper_remove(EndpointMapper *mapper, uint64_t owner)
{
    pthread_mutex_lock(&mapper->lock);
    list_each(item, &mapper->entries)
    {
        Entry *entry = container_of(item, Entry, link);
        if (entry->owner == owner) entry_end(mapper, entry);
    }
    pthread_mutex_unlock(&mapper->lock);
}

EndpointMapperState endpoint_mapper_state(EndpointMapper *mapper)
{
    pthread_mutex_lock(&mapper->lock);
    EndpointMapperState state = {mapper->entry_count, mapper->search_count};
    pthread_mutex_unlock(&mapper->lock);
    return state;
}

/* Searching */

static bool version_matches(EndpointVersion version, const PduSyntax *wanted, const PduSyntax *found)
{
    switch (version) {
    case VERSION_ALL:
        return true;
    case VERSION_COMPATIBLE:
        return found->major == wanted->major && found->minor >= wanted->minor;
    case VERSION_EXACT:
        return found->major == wanted->major && found->minor == wanted->minor;
    case VERSION_MAJOR_ONLY:
        return found->major == wanted->major;
    case VERSION_UPTO:
        return found->major < wanted->major ||
               (found->major == wanted->major && found->minor <= wanted->minor);
    }
    return false;
}

static bool matches(const Wanted *wanted, const EndpointEntry *entry)
{
    if (wanted->by_interface && (!guid_equal(&entry->iface.uuid, &wanted->iface.uuid) ||
                                 !version_matches(wanted->version, &wanted->iface, &entry->iface)))
        return false;
    if (!wanted->by_object || guid_equal(&entry->object, &wanted->object)) return true;
    return wanted->or_any_object && guid_is_null(&entry->object);
}

/* Copies what matches behind *last, at most `max`, and moves *last along. True: there is more. */
static bool find(const EndpointMapper *mapper, const Wanted *wanted, uint32_t max, EndpointEntry *ret_found,
                 uint32_t *ret_count, uint64_t *last)
{
    *ret_count = 0;
    list_each(item, &mapper->entries)
    {
        const Entry *entry = container_of(item, Entry, link);
        if (entry->serial <= *last || !matches(wanted, &entry->data)) continue;
        if (*ret_count == max) return true;
        ret_found[(*ret_count)++] = entry->data;
        *last = entry->serial;
    }
    return false;
}

/* Handles */

static void end_old(EndpointMapper *mapper, uint64_t now)
{
    list_each(item, &mapper->searches)
    {
        Search *search = container_of(item, Search, link);
        if (search->deadline > now) return;
        search_end(mapper, search);
    }
}

static Search *search_find(EndpointMapper *mapper, const RpcCall *call, const EndpointHandle *handle)
{
    RpcPeer peer = rpc_peer_of(call);
    list_each(item, &mapper->searches)
    {
        Search *search = container_of(item, Search, link);
        if (guid_equal(&search->id, &handle->id))
            return handle->attributes == 0 && search->group == call->group &&
                           rpc_peer_equal(&search->peer, &peer)
                       ? search
                       : NULL;
    }
    return NULL;
}

/* One more makes room among the caller's own, if need be. NULL at ENDPOINT_HANDLES_MAX, or without memory. */
static Search *search_begin(EndpointMapper *mapper, const RpcCall *call)
{
    RpcPeer peer = rpc_peer_of(call);
    Search *oldest = NULL;
    size_t count = 0;
    list_each(item, &mapper->searches)
    {
        Search *search = container_of(item, Search, link);
        if (!rpc_peer_equal(&search->peer, &peer)) continue;
        if (!oldest) oldest = search;
        count++;
    }
    if (count >= ENDPOINT_HANDLES_PER_CALLER) search_end(mapper, oldest);
    if (mapper->search_count >= ENDPOINT_HANDLES_MAX) return NULL;
    Search *search = calloc(1, sizeof(*search));
    if (!search || guid_random(&search->id) < 0) {
        free(search);
        return NULL;
    }
    list_init(&search->link);
    search->peer = peer;
    search->group = call->group;
    mapper->search_count++;
    return search;
}

/* One page, with the lock held. RPCST_OK or a fault. */
static RpcStatus page_locked(EndpointMapper *mapper, const RpcCall *call, const Wanted *wanted,
                             EndpointEntry *found, EptOut *out)
{
    uint64_t now = time_monotonic(), last = 0;
    Search *search = NULL;
    end_old(mapper, now);
    if (!endpoint_handle_is_null(&out->handle)) {
        search = search_find(mapper, call, &out->handle);
        if (!search) return NCA_S_FAULT_CONTEXT_MISMATCH;
        last = search->last;
    }
    bool more = find(mapper, wanted, out->max, found, &out->count, &last);
    out->handle = (EndpointHandle){0};
    if (out->count == 0) out->status = out->max ? EPT_S_NOT_REGISTERED : EPT_S_CANT_PERFORM_OP;
    if (wanted->until_empty) more = out->count == out->max;
    if (!more || out->count == 0) {
        if (search) search_end(mapper, search);
        return RPCST_OK;
    }
    if (!search) search = search_begin(mapper, call);
    if (!search) return RPCST_OUT_OF_RESOURCES;
    search->last = last;
    search->deadline = now + ENDPOINT_HANDLE_SECONDS * NS_PER_SECOND;
    list_remove(&search->link);
    list_append(&mapper->searches, &search->link);
    out->handle.id = search->id;
    return RPCST_OK;
}

/* Writes what was found; towers carry the address that the caller reached us at. */
static RpcStatus answer(RpcCall *call, bool map, const EndpointEntry *found, EptOut *out)
{
    uint32_t slots = out->count + 1;
    _cleanup_(freep) EndpointRecord *records = calloc(slots, sizeof(*records));
    _cleanup_(writer_deinitp) Writer towers = {0};
    if (!records) return RPCST_OUT_OF_MEMORY;
    writer_init(&towers, (size_t)slots * ENDPOINT_TOWER_MAX);
    for (uint32_t i = 0; i < out->count; i++) {
        EndpointTower tower = {found[i].iface, pdu_syntax_ndr, true, found[i].port, {0}};
        IoAddress local = *call->local;
        io_address_unmap(&local);
        if (local.any.sa_family == AF_INET) memcpy(tower.address, &local.v4.sin_addr, 4);
        size_t start = towers.length;
        endpoint_tower_write(&towers, &tower);
        records[i].object = found[i].object;
        records[i].tower_length = towers.length - start;
        memcpy(records[i].annotation, found[i].annotation, sizeof(records[i].annotation));
    }
    if (writer_status(&towers) < 0) return RPCST_OUT_OF_MEMORY;
    const uint8_t *next = towers.data;
    for (uint32_t i = 0; i < out->count; next += records[i++].tower_length)
        records[i].tower = next;
    out->records = records;
    ept_out_write(&call->out, map, out);
    return RPCST_OK;
}

static RpcStatus page(EndpointMapper *mapper, RpcCall *call, bool map, const Wanted *wanted, EptOut *out)
{
    _cleanup_(freep) EndpointEntry *found = calloc((size_t)out->max + 1, sizeof(*found));
    if (!found) return RPCST_OUT_OF_MEMORY;
    pthread_mutex_lock(&mapper->lock);
    RpcStatus status = page_locked(mapper, call, wanted, found, out);
    pthread_mutex_unlock(&mapper->lock);
    return status == RPCST_OK ? answer(call, map, found, out) : status;
}

/* A search that cannot be made. */
static RpcStatus refuse(RpcCall *call, bool map, uint32_t max)
{
    ept_out_write(&call->out, map, &(EptOut){.max = max, .status = EPT_S_CANT_PERFORM_OP});
    return RPCST_OK;
}

/* Operations */

static RpcStatus method_lookup(RpcCall *call, void *data)
{
    EptLookupIn in;
    ept_lookup_in_read(&call->in, &in);
    if (reader_status(&call->in) < 0) return RPCST_BAD_STUB_DATA;
    Wanted wanted = {.by_interface = in.match & MATCH_INTERFACE,
                     .by_object = in.match & MATCH_OBJECT,
                     .until_empty = true,
                     .version = in.version,
                     .iface = in.iface,
                     .object = in.object};
    if (in.match > MATCH_BOTH || (wanted.by_interface && !in.has_interface) ||
        (wanted.by_interface && (in.version < VERSION_ALL || in.version > VERSION_UPTO)))
        return refuse(call, false, in.max);
    return page(data, call, false, &wanted, &(EptOut){.handle = in.handle, .max = in.max});
}

static RpcStatus method_map(RpcCall *call, void *data)
{
    EptMapIn in;
    EndpointTower tower;
    ept_map_in_read(&call->in, &in);
    if (reader_status(&call->in) < 0) return RPCST_BAD_STUB_DATA;
    if (!in.tower || endpoint_tower_read(in.tower, in.tower_length, &tower) < 0)
        return refuse(call, true, in.max);
    /* Nothing here speaks another transport or transfer syntax. */
    if (!tower.tcp || !pdu_syntax_equal(&tower.transfer, &pdu_syntax_ndr)) {
        ept_out_write(&call->out, true, &(EptOut){.max = in.max, .status = EPT_S_NOT_REGISTERED});
        return RPCST_OK;
    }
    Wanted wanted = {.by_interface = true,
                     .by_object = true,
                     .or_any_object = true,
                     .version = VERSION_COMPATIBLE,
                     .iface = tower.iface,
                     .object = in.object};
    return page(data, call, true, &wanted, &(EptOut){.handle = in.handle, .max = in.max});
}

static RpcStatus method_free(RpcCall *call, void *data)
{
    EndpointMapper *mapper = data;
    EndpointHandle handle;
    endpoint_handle_read(&call->in, &handle);
    if (reader_status(&call->in) < 0) return RPCST_BAD_STUB_DATA;
    pthread_mutex_lock(&mapper->lock);
    end_old(mapper, time_monotonic());
    Search *search = search_find(mapper, call, &handle);
    if (search) search_end(mapper, search);
    pthread_mutex_unlock(&mapper->lock);
    if (!search && !endpoint_handle_is_null(&handle)) return NCA_S_FAULT_CONTEXT_MISMATCH;
    endpoint_handle_write(&call->out, &(EndpointHandle){0});
    writer_u32(&call->out, 0);
    return RPCST_OK;
}

/* Who serves what is said over the line to mantled. [MS-RPCE] 2.2.1.2.6 and notes 28 to 31 */
static RpcStatus method_refused(RpcCall *call, void *data)
{
    (void)call;
    (void)data;
    return EPT_S_CANT_PERFORM_OP;
}

static const RpcOperation operations[] = {
    [OP_EPT_INSERT] = {method_refused, 0},          [OP_EPT_DELETE] = {method_refused, 0},
    [OP_EPT_LOOKUP] = {method_lookup, 0},           [OP_EPT_MAP] = {method_map, 0},
    [OP_EPT_LOOKUP_HANDLE_FREE] = {method_free, 0}, [OP_EPT_INQ_OBJECT] = {method_refused, 0},
    [OP_EPT_MGMT_DELETE] = {method_refused, 0},
};

const RpcInterface *endpoint_mapper_interface(EndpointMapper *mapper)
{
    mapper->row = (RpcInterface){.uuid = IID_ENDPOINT_MAPPER,
                                 .major = ENDPOINT_MAPPER_MAJOR,
                                 .operations = operations,
                                 .operation_count = ARRAY_SIZE(operations),
                                 .data = mapper};
    return &mapper->row;
}
