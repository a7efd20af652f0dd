/* SPDX-License-Identifier: Apache-2.0 */
#include "orpc/exporter.h"
#include <pthread.h>
#include <stdlib.h>
#include <winerror.h>
#include "base/hash.h"
#include "base/list.h"

/* Private references of one caller on one iface. */
typedef struct PrivateRefs {
    List link;
    Sid caller;
    uint32_t count;
} PrivateRefs;

/* Objects of one caller. */
typedef struct Owner {
    size_t objects, key_length;
    char key[];
} Owner;

typedef struct ExportedObject ExportedObject;

typedef struct ExportedInterface {
    List link; /* in the object's list */
    ExportedObject *object;
    Guid ipid, iid;
    void *iface;
    uint64_t public_refs;
    unsigned pins;
    bool dead; /* out of the tables, waiting for its last pin */
    unsigned private_callers;
    List privates;
} ExportedInterface;

/* Objects and interfaces leave the tables at once when they die, but are freed only when their last pin is
 * gone. */
struct ExportedObject {
    uint64_t oid;
    const ExportedOps *ops;
    void *identity;
    Owner *owner; /* NULL: nobody's */
    bool pinged, dead;
    unsigned pins;
    unsigned interface_count;
    List interfaces;
};

struct Exporter {
    pthread_mutex_t lock;
    uint64_t oxid;
    Guid rem_unknown;
    Bindings resolver;
    bool closing;
    ExporterPings pings;
    HashMap *by_ipid;     /* ExportedInterface */
    HashMap *by_oid;      /* ExportedObject */
    HashMap *by_identity; /* ExportedObject */
    HashMap *owners;      /* Owner by what they are called */
};

static int random_u64(uint64_t *ret_value)
{
    Guid guid;
    int r = guid_random(&guid);
    if (r < 0) return r;
    memcpy(ret_value, guid.data4, sizeof(*ret_value));
    return 0;
}

HRESULT exporter_new(const ExporterPings *pings, Exporter **ret_exporter)
{
    _cleanup_(exporter_freep) Exporter *exporter = calloc(1, sizeof(*exporter));
    if (!exporter) return E_OUTOFMEMORY;
    pthread_mutex_init(&exporter->lock, NULL);
    if (pings) exporter->pings = *pings;
    if (hashmap_new(&exporter->by_ipid) < 0 || hashmap_new(&exporter->by_oid) < 0 ||
        hashmap_new(&exporter->by_identity) < 0 || hashmap_new(&exporter->owners) < 0)
        return E_OUTOFMEMORY;
    if (random_u64(&exporter->oxid) < 0 || guid_random(&exporter->rem_unknown) < 0) return E_UNEXPECTED;
    *ret_exporter = TAKE_PTR(exporter);
    return S_OK;
}

/* Without the lock: the interface is in no table and has no pin. */
static void interface_destroy(ExportedObject *object, ExportedInterface *entry)
{
    object->ops->release(object->identity, entry->iface);
    list_each(item, &entry->privates) free(container_of(item, PrivateRefs, link));
    free(entry);
}

/* Without the lock: the object is in no table and has no pin. */
static void object_destroy(ExportedObject *object)
{
    list_each(item, &object->interfaces)
        interface_destroy(object, container_of(item, ExportedInterface, link));
    object->ops->disconnected(object->identity);
    free(object);
}

static void owner_release(Exporter *exporter, Owner *owner)
{
    if (!owner || --owner->objects > 0) return;
    hashmap_remove(exporter->owners, owner->key, owner->key_length);
    free(owner);
}

/* With the lock held. S_OK: counted. */
static HRESULT owner_charge(Exporter *exporter, const char *name, Owner **ret_owner)
{
    size_t length = name ? strlen(name) : 0;
    if (length == 0) return S_OK;
    Owner *owner = hashmap_get(exporter->owners, name, length);
    if (!owner) {
        owner = calloc(1, sizeof(*owner) + length);
        if (!owner) return E_OUTOFMEMORY;
        memcpy(owner->key, name, length);
        owner->key_length = length;
        if (hashmap_put(exporter->owners, name, length, owner) < 0) {
            free(owner);
            return E_OUTOFMEMORY;
        }
    }
    if (owner->objects >= EXPORTER_OBJECTS_PER_CALLER) return HRESULT_FROM_WIN32(ERROR_NOT_ENOUGH_QUOTA);
    owner->objects++;
    *ret_owner = owner;
    return S_OK;
}

static void object_unlist(Exporter *exporter, ExportedObject *object)
{
    object->dead = true;
    owner_release(exporter, TAKE_PTR(object->owner));
    list_each(item, &object->interfaces)
        hashmap_remove(exporter->by_ipid, &container_of(item, ExportedInterface, link)->ipid, sizeof(Guid));
    hashmap_remove(exporter->by_oid, &object->oid, sizeof(object->oid));
    hashmap_remove(exporter->by_identity, &object->identity, sizeof(object->identity));
}

/* Ends an object: with the lock held on entry, released on return. */
static void object_end(Exporter *exporter, ExportedObject *object)
{
    uint64_t oid = object->oid;
    bool pinged = object->pinged, unpinned = object->pins == 0;
    object_unlist(exporter, object);
    pthread_mutex_unlock(&exporter->lock);
    if (pinged && exporter->pings.removed) exporter->pings.removed(exporter->pings.context, oid);
    if (unpinned) object_destroy(object);
}

Exporter *exporter_free(Exporter *exporter)
{
    if (!exporter) return NULL;
    exporter->closing = true;
    for (;;) {
        HashIterator iterator = {0};
        pthread_mutex_lock(&exporter->lock);
        ExportedObject *object = exporter->by_oid ? hashmap_next(exporter->by_oid, &iterator) : NULL;
        if (!object) break;
        object_end(exporter, object);
    }
    pthread_mutex_unlock(&exporter->lock);
    bindings_deinit(&exporter->resolver);
    hashmap_free(exporter->by_ipid);
    hashmap_free(exporter->by_oid);
    hashmap_free(exporter->by_identity);
    hashmap_free(exporter->owners);
    pthread_mutex_destroy(&exporter->lock);
    free(exporter);
    return NULL;
}

HRESULT exporter_set_resolver(Exporter *exporter, const Bindings *bindings)
{
    Bindings copy;
    if (bindings_dup(bindings, &copy) < 0) return E_OUTOFMEMORY;
    bindings_deinit(&exporter->resolver);
    exporter->resolver = copy;
    return S_OK;
}

const Bindings *exporter_resolver(const Exporter *exporter)
{
    return &exporter->resolver;
}

uint64_t exporter_oxid(const Exporter *exporter)
{
    return exporter->oxid;
}

const Guid *exporter_rem_unknown(const Exporter *exporter)
{
    return &exporter->rem_unknown;
}

/* Pins */

HRESULT exporter_pin(Exporter *exporter, const Guid *ipid, ExportedPin *ret_pin)
{
    pthread_mutex_lock(&exporter->lock);
    ExportedInterface *entry = hashmap_get(exporter->by_ipid, ipid, sizeof(*ipid));
    if (entry) {
        entry->object->pins++;
        entry->pins++;
        *ret_pin =
            (ExportedPin){entry, entry->object->ops, entry->object->identity, entry->iface, entry->iid};
    }
    pthread_mutex_unlock(&exporter->lock);
    return entry ? S_OK : RPC_E_DISCONNECTED;
}

void exporter_unpin(Exporter *exporter, ExportedPin *pin)
{
    if (!pin->entry) return;
    pthread_mutex_lock(&exporter->lock);
    ExportedInterface *entry = TAKE_PTR(pin->entry);
    ExportedObject *object = entry->object;
    bool last_of_interface = --entry->pins == 0 && entry->dead;
    if (last_of_interface && object->pins > 1) { /* the object stays: let go of the interface alone */
        pthread_mutex_unlock(&exporter->lock);
        interface_destroy(object, entry);
        pthread_mutex_lock(&exporter->lock);
        last_of_interface = false;
    }
    bool last = --object->pins == 0 && object->dead;
    pthread_mutex_unlock(&exporter->lock);
    if (last_of_interface) interface_destroy(object, entry);
    if (last) object_destroy(object);
}

/* References */

static ExportedInterface *object_interface(ExportedObject *object, const Guid *iid)
{
    list_each(item, &object->interfaces)
    {
        ExportedInterface *entry = container_of(item, ExportedInterface, link);
        if (guid_equal(&entry->iid, iid)) return entry;
    }
    return NULL;
}

static HRESULT interface_add(Exporter *exporter, ExportedObject *object, const Guid *iid, void *iface,
                             ExportedInterface **ret_entry)
{
    if (object->interface_count >= EXPORTER_INTERFACES_MAX) return CO_E_SERVER_STOPPING;
    ExportedInterface *entry = calloc(1, sizeof(*entry));
    if (!entry) return E_OUTOFMEMORY;
    list_init(&entry->privates);
    entry->object = object;
    entry->iid = *iid;
    entry->iface = iface;
    if (guid_random(&entry->ipid) < 0 ||
        hashmap_put(exporter->by_ipid, &entry->ipid, sizeof(entry->ipid), entry) < 0) {
        free(entry);
        return E_OUTOFMEMORY;
    }
    list_append(&object->interfaces, &entry->link);
    object->interface_count++;
    *ret_entry = entry;
    return S_OK;
}

static HRESULT interface_take(Exporter *exporter, ExportedInterface *entry, uint32_t public_refs,
                              StdObjref *ret_reference)
{
    if (entry->public_refs + public_refs > EXPORTER_PUBLIC_MAX) return E_OUTOFMEMORY;
    entry->public_refs += public_refs;
    *ret_reference = (StdObjref){
        .flags = entry->object->pinged ? 0 : SORF_NOPING,
        .public_refs = public_refs,
        .oxid = exporter->oxid,
        .oid = entry->object->oid,
        .ipid = entry->ipid,
    };
    return S_OK;
}

/* With the lock held: enters a new object under its identity and a new OID. */
static HRESULT object_enter(Exporter *exporter, ExportedObject *object)
{
    /* Not counted: who was told of one could register the next ones for himself at the resolver first. */
    if (random_u64(&object->oid) < 0) return E_UNEXPECTED;
    if (hashmap_put(exporter->by_identity, &object->identity, sizeof(object->identity), object) < 0)
        return E_OUTOFMEMORY;
    if (hashmap_put(exporter->by_oid, &object->oid, sizeof(object->oid), object) == 0) return S_OK;
    hashmap_remove(exporter->by_identity, &object->identity, sizeof(object->identity));
    return E_OUTOFMEMORY;
}

/* With the lock held: the object of an identity, made when there is none. */
static HRESULT object_find_or_add(Exporter *exporter, const ExportSpec *spec, ExportedObject **ret_object,
                                  bool *ret_new)
{
    ExportedObject *object = hashmap_get(exporter->by_identity, &spec->object, sizeof(spec->object));
    *ret_new = !object;
    if (object) {
        *ret_object = object;
        return S_OK;
    }
    if (exporter->closing || hashmap_count(exporter->by_oid) >= EXPORTER_OBJECTS_MAX)
        return CO_E_SERVER_STOPPING;
    object = calloc(1, sizeof(*object));
    if (!object) return E_OUTOFMEMORY;
    *object = (ExportedObject){.ops = spec->ops, .identity = spec->object, .pinged = spec->pinged};
    list_init(&object->interfaces);
    HRESULT hr = owner_charge(exporter, spec->charged, &object->owner);
    if (SUCCEEDED(hr)) hr = object_enter(exporter, object);
    if (FAILED(hr)) {
        owner_release(exporter, object->owner);
        free(object);
        return hr;
    }
    *ret_object = object;
    return S_OK;
}

/* With the lock held: references to `iid` of a living object. Takes over *iface when the entry is new,
 * and then sets it to NULL. */
static HRESULT object_take(Exporter *exporter, ExportedObject *object, const Guid *iid, void **iface,
                           uint32_t public_refs, StdObjref *ret_reference)
{
    if (object->dead) return RPC_E_DISCONNECTED;
    ExportedInterface *entry = object_interface(object, iid);
    if (!entry && !*iface) return S_FALSE;
    if (!entry) {
        HRESULT hr = interface_add(exporter, object, iid, *iface, &entry);
        if (FAILED(hr)) return hr;
        *iface = NULL;
    }
    return interface_take(exporter, entry, public_refs, ret_reference);
}

HRESULT exporter_reference(Exporter *exporter, const ExportSpec *spec, StdObjref *ret_reference,
                           bool *ret_new)
{
    void *iface = NULL;
    HRESULT hr = spec->ops->query(spec->object, &spec->iid, &iface);
    if (FAILED(hr)) return hr;
    ExportedObject *object;
    bool created;
    pthread_mutex_lock(&exporter->lock);
    hr = object_find_or_add(exporter, spec, &object, &created);
    if (SUCCEEDED(hr)) {
        hr = object_take(exporter, object, &spec->iid, &iface, spec->public_refs, ret_reference);
        if (FAILED(hr) && created) { /* nobody was told of it: the caller keeps its hold */
            object_unlist(exporter, object);
            free(object);
        }
    }
    uint64_t oid = SUCCEEDED(hr) ? object->oid : 0;
    pthread_mutex_unlock(&exporter->lock);
    if (iface) spec->ops->release(spec->object, iface);
    if (FAILED(hr)) return hr;
    if (created && spec->pinged && exporter->pings.added) exporter->pings.added(exporter->pings.context, oid);
    *ret_new = created;
    return S_OK;
}

static bool interface_unused(const ExportedInterface *entry)
{
    return entry->public_refs == 0 && entry->private_callers == 0;
}

/* With the lock held on entry, released on return: an interface that nothing refers to any more leaves, and
 * with the last one the object. [MS-DCOM] 3.1.1.5.6.1.3 */
static void interface_settle(Exporter *exporter, ExportedInterface *entry)
{
    ExportedObject *object = entry->object;
    if (entry->dead || object->dead || !interface_unused(entry)) {
        pthread_mutex_unlock(&exporter->lock);
        return;
    }
    if (object->interface_count == 1) {
        object_end(exporter, object);
        return;
    }
    hashmap_remove(exporter->by_ipid, &entry->ipid, sizeof(entry->ipid));
    list_remove(&entry->link);
    object->interface_count--;
    entry->dead = true;
    bool unpinned = entry->pins == 0;
    object->pins++; /* the object must outlive the release below */
    pthread_mutex_unlock(&exporter->lock);
    if (unpinned) interface_destroy(object, entry);
    pthread_mutex_lock(&exporter->lock);
    bool last = --object->pins == 0 && object->dead;
    pthread_mutex_unlock(&exporter->lock);
    if (last) object_destroy(object);
}

static HRESULT object_kill(Exporter *exporter, HashMap *map, const void *key, size_t length)
{
    pthread_mutex_lock(&exporter->lock);
    ExportedObject *object = hashmap_get(map, key, length);
    if (!object) {
        pthread_mutex_unlock(&exporter->lock);
        return S_FALSE;
    }
    object_end(exporter, object);
    return S_OK;
}

HRESULT exporter_disconnect(Exporter *exporter, void *object)
{
    return object_kill(exporter, exporter->by_identity, &object, sizeof(object));
}

HRESULT exporter_run_down(Exporter *exporter, uint64_t oid)
{
    return object_kill(exporter, exporter->by_oid, &oid, sizeof(oid));
}

HRESULT exporter_come_home(Exporter *exporter, const StdObjref *reference, const Guid *iid, void **ret_object,
                           void **ret_interface)
{
    ExportedPin pin = {0};
    HRESULT hr = reference->oxid == exporter->oxid ? exporter_pin(exporter, &reference->ipid, &pin)
                                                   : RPC_E_DISCONNECTED;
    if (FAILED(hr)) return hr;
    void *iface = NULL;
    if (!guid_equal(&pin.iid, iid)) { /* whoever wrote the reference chose both */
        exporter_unpin(exporter, &pin);
        return RPC_E_INVALID_OBJREF;
    }
    hr = pin.ops->query(pin.object, &pin.iid, &iface);
    HRESULT released = exporter_rem_release(exporter, &reference->ipid, reference->public_refs, 0, NULL);
    if (SUCCEEDED(hr) && FAILED(released)) {
        pin.ops->release(pin.object, iface);
        hr = released;
    }
    if (SUCCEEDED(hr)) {
        *ret_object = pin.object;
        *ret_interface = iface;
    }
    exporter_unpin(exporter, &pin);
    return hr;
}

HRESULT exporter_rem_query_interface(Exporter *exporter, const Guid *ipid, const Guid *iid,
                                     uint32_t public_refs, StdObjref *ret_reference)
{
    ExportedPin pin = {0};
    HRESULT hr = exporter_pin(exporter, ipid, &pin);
    if (FAILED(hr)) return hr;
    ExportedObject *object = pin.entry->object;
    void *iface = NULL;
    pthread_mutex_lock(&exporter->lock);
    hr = object_take(exporter, object, iid, &iface, public_refs, ret_reference);
    pthread_mutex_unlock(&exporter->lock);
    if (hr == S_FALSE) { /* an interface nobody has asked for yet */
        hr = pin.ops->query(pin.object, iid, &iface);
        if (SUCCEEDED(hr)) {
            pthread_mutex_lock(&exporter->lock);
            hr = object_take(exporter, object, iid, &iface, public_refs, ret_reference);
            pthread_mutex_unlock(&exporter->lock);
            if (iface) pin.ops->release(pin.object, iface);
        }
    }
    exporter_unpin(exporter, &pin);
    return hr;
}

/* Private references */

static PrivateRefs *interface_private(ExportedInterface *entry, const Sid *caller)
{
    list_each(item, &entry->privates)
    {
        PrivateRefs *refs = container_of(item, PrivateRefs, link);
        if (sid_equal(&refs->caller, caller)) return refs;
    }
    return NULL;
}

static HRESULT private_add(ExportedInterface *entry, const Sid *caller, uint32_t count)
{
    if (!caller) return E_ACCESSDENIED;
    PrivateRefs *refs = interface_private(entry, caller);
    if (!refs) {
        if (entry->private_callers >= EXPORTER_PRIVATE_MAX) return E_OUTOFMEMORY;
        refs = calloc(1, sizeof(*refs));
        if (!refs) return E_OUTOFMEMORY;
        refs->caller = *caller;
        list_append(&entry->privates, &refs->link);
        entry->private_callers++;
    }
    if (refs->count > EXPORTER_PUBLIC_MAX - count) return E_OUTOFMEMORY;
    refs->count += count;
    return S_OK;
}

static HRESULT private_release(ExportedInterface *entry, const Sid *caller, uint32_t count)
{
    PrivateRefs *refs = caller ? interface_private(entry, caller) : NULL;
    if (!refs || refs->count < count) return E_ACCESSDENIED;
    refs->count -= count;
    if (refs->count == 0) {
        list_remove(&refs->link);
        entry->private_callers--;
        free(refs);
    }
    return S_OK;
}

HRESULT exporter_rem_add_ref(Exporter *exporter, const Guid *ipid, uint32_t public_refs,
                             uint32_t private_refs, const Sid *caller)
{
    HRESULT hr = S_OK;
    pthread_mutex_lock(&exporter->lock);
    ExportedInterface *entry = hashmap_get(exporter->by_ipid, ipid, sizeof(*ipid));
    if (!entry)
        hr = RPC_E_DISCONNECTED;
    else if (public_refs > EXPORTER_PUBLIC_MAX || entry->public_refs + public_refs > EXPORTER_PUBLIC_MAX ||
             private_refs > EXPORTER_PUBLIC_MAX)
        hr = E_OUTOFMEMORY;
    else if (private_refs)
        hr = private_add(entry, caller, private_refs);
    if (SUCCEEDED(hr)) entry->public_refs += public_refs;
    pthread_mutex_unlock(&exporter->lock);
    return hr;
}

HRESULT exporter_rem_release(Exporter *exporter, const Guid *ipid, uint32_t public_refs,
                             uint32_t private_refs, const Sid *caller)
{
    pthread_mutex_lock(&exporter->lock);
    ExportedInterface *entry = hashmap_get(exporter->by_ipid, ipid, sizeof(*ipid));
    HRESULT hr = entry ? S_OK : RPC_E_DISCONNECTED;
    if (entry && private_refs) hr = private_release(entry, caller, private_refs);
    if (FAILED(hr)) {
        pthread_mutex_unlock(&exporter->lock);
        return hr;
    }
    entry->public_refs -= public_refs < entry->public_refs ? public_refs : entry->public_refs;
    interface_settle(exporter, entry);
    return S_OK;
}

HRESULT exporter_pinged(Exporter *exporter, uint64_t **ret_oids, size_t *ret_count)
{
    HashIterator iterator = {0};
    size_t count = 0;
    pthread_mutex_lock(&exporter->lock);
    uint64_t *oids = calloc(hashmap_count(exporter->by_oid) + 1, sizeof(*oids));
    for (ExportedObject *object; oids && (object = hashmap_next(exporter->by_oid, &iterator));)
        if (object->pinged) oids[count++] = object->oid;
    pthread_mutex_unlock(&exporter->lock);
    if (!oids) return E_OUTOFMEMORY;
    *ret_oids = oids;
    *ret_count = count;
    return S_OK;
}

size_t exporter_object_count(Exporter *exporter)
{
    pthread_mutex_lock(&exporter->lock);
    size_t count = hashmap_count(exporter->by_oid);
    pthread_mutex_unlock(&exporter->lock);
    return count;
}
