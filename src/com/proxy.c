/* SPDX-License-Identifier: Apache-2.0 */
#include "com/proxy.h"
#include <stdlib.h>
#include "base/hash.h"
#include "com/apartment.h"
#include "com/async.h"
#include "com/errorinfo.h"
#include "com/runtime.h"
#include "com/remunknown.h"
#include "ndr/interface.h"
#include "orpc/pinger.h"
#include "winerror.h"

/* Asked of any object: only ours answer, with the object itself. */
static const IID IID_PROXY_OBJECT = {
    0x8d1b6c5e, 0x5d3c, 0x4d06, {0x9a, 0x6b, 0x1f, 0x0e, 0x52, 0xc4, 0x77, 0xd1}};

/* All proxy objects of the process, so that a reference that arrives twice becomes one identity. */
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static HashMap *table; /* NULL: there is none */

/* Each apartment has its own proxies, and so its own blankets and captures (facts PB-21). Has no padding: it
 * is hashed as bytes. */
typedef struct TableKey {
    const Apartment *apartment;
    const RemoteExporter *exporter;
    uint64_t oid;
} TableKey;

/* Interfaces */

static ProxyInterface *interface_new(ProxyObject *object, const NdrInterface *iface, const Guid *ipid)
{
    ProxyInterface *proxy = calloc(1, sizeof(*proxy));
    if (!proxy) return NULL;
    if (iface) proxy->ndr = (NdrProxy){iface->vtable, iface, &object->channel};
    proxy->object = object;
    proxy->ipid = *ipid;
    list_init(&proxy->link);
    channel_settings_init(&proxy->settings);
    return proxy;
}

static void interface_free(ProxyInterface *proxy)
{
    channel_settings_deinit(&proxy->settings);
    free(proxy);
}

/* With the lock held. */
static ProxyInterface *object_interface(ProxyObject *object, const IID *iid)
{
    list_each(item, &object->interfaces)
    {
        ProxyInterface *proxy = container_of(item, ProxyInterface, link);
        const IID *own = proxy->ndr.iface ? proxy->ndr.iface->iid : &IID_IUnknown;
        if (!proxy->copy && IsEqualIID(own, iid)) return proxy;
    }
    return NULL;
}

/* With the lock held. IUnknown has no proxy of its own, but an IPID with references (PB-3). */
static ProxyInterface *interface_add(ProxyObject *object, const IID *iid, const Guid *ipid)
{
    const NdrInterface *iface = IsEqualIID(iid, &IID_IUnknown) ? NULL : ndr_interface_find(iid);
    ProxyInterface *proxy = interface_new(object, iface, ipid);
    if (proxy) list_append(&object->interfaces, &proxy->link);
    return proxy;
}

static bool can_be_called(const IID *iid)
{
    return IsEqualIID(iid, &IID_IUnknown) || ndr_interface_find(iid);
}

/* EOAC_SECURE_REFS: public references can be released by anybody, so one that nobody else can release is
 * held, too (REF-2). */
static HRESULT secure_reference(ProxyObject *object, ProxyInterface *proxy)
{
    const ProcessSecurity *security = security_peek();
    if (!security || !(security->capabilities & EOAC_SECURE_REFS)) return S_OK;
    pthread_mutex_lock(&object->lock);
    bool secured = proxy->private_refs > 0;
    pthread_mutex_unlock(&object->lock);
    HRESULT hr = secured ? S_OK : remunknown_add_ref(object, &(RemReference){proxy->ipid, 0, 1});
    pthread_mutex_lock(&object->lock);
    proxy->private_refs += SUCCEEDED(hr) && !secured;
    pthread_mutex_unlock(&object->lock);
    return hr;
}

/* Does the exporter say that this interface is one of the object? */
static bool object_owns(const ProxyObject *object, const StdObjref *std)
{
    return std->oxid == remote_exporter_oxid(object->exporter) && std->oid == object->oid;
}

/* The references that the exporter gave with an answer about another object. */
static HRESULT object_refuse(ProxyObject *object, const StdObjref *std)
{
    remunknown_release(object, &(RemReference){std->ipid, std->public_refs, 0}, 1);
    return com_error(RPC_E_INVALID_OBJREF, "The object reference leads to another object than it names.");
}

/* Takes over `public_refs` references to `ipid`, which is the object's `iid`; 0 stands for a reference that
 * has to be got first, as table marshaling leaves it. They are given back when that fails. */
static HRESULT object_take(ProxyObject *object, const IID *iid, const Guid *ipid, uint32_t public_refs)
{
    HRESULT hr = can_be_called(iid) ? S_OK : REGDB_E_IIDNOTREG;
    if (SUCCEEDED(hr) && public_refs == 0) {
        public_refs = PROXY_REFERENCES;
        hr = remunknown_add_ref(object, &(RemReference){*ipid, public_refs, 0});
        if (FAILED(hr)) return hr;
    }
    pthread_mutex_lock(&object->lock);
    ProxyInterface *proxy = SUCCEEDED(hr) ? object_interface(object, iid) : NULL;
    /* An exporter may give the same interface a second IPID; the first one stays ours. */
    bool another = proxy && !guid_equal(&proxy->ipid, ipid);
    if (SUCCEEDED(hr) && !proxy) proxy = interface_add(object, iid, ipid);
    if (proxy && !another) proxy->public_refs += public_refs;
    pthread_mutex_unlock(&object->lock);
    if (SUCCEEDED(hr) && !proxy) hr = E_OUTOFMEMORY;
    if ((FAILED(hr) || another) && public_refs)
        remunknown_release(object, &(RemReference){*ipid, public_refs, 0}, 1);
    return SUCCEEDED(hr) ? secure_reference(object, proxy) : hr;
}

/* Is this what the exporter called the object's interface before? */
static bool object_knows(ProxyObject *object, const IID *iid, const Guid *ipid)
{
    pthread_mutex_lock(&object->lock);
    ProxyInterface *proxy = object_interface(object, iid);
    bool known = proxy && guid_equal(&proxy->ipid, ipid);
    pthread_mutex_unlock(&object->lock);
    return known;
}

/* A reference that somebody handed on. He may know an object by its OID and name another one's IPID, so the
 * exporter says whose it is; whoever lies has nothing released in our name. What the exporter calls the
 * interface is what is used. */
static HRESULT object_take_foreign(ProxyObject *object, const IID *iid, const StdObjref *reference)
{
    RemQueryResult result = {0};
    if (object_knows(object, iid, &reference->ipid))
        return object_take(object, iid, &reference->ipid, reference->public_refs);
    uint32_t wanted = reference->public_refs ? 1 : PROXY_REFERENCES;
    HRESULT hr = remunknown_query(object, &reference->ipid, &iid, 1, wanted, &result);
    if (SUCCEEDED(hr)) hr = result.status;
    if (FAILED(hr)) return hr;
    if (!object_owns(object, &result.std)) return object_refuse(object, &result.std);
    hr = object_take(object, iid, &result.std.ipid, result.std.public_refs);
    if (SUCCEEDED(hr) && reference->public_refs)
        hr = object_take(object, iid, &reference->ipid, reference->public_refs);
    else if (reference->public_refs)
        remunknown_release(object, &(RemReference){reference->ipid, reference->public_refs, 0}, 1);
    return hr;
}

/* Objects */

static HRESULT STDMETHODCALLTYPE unknown_query(IUnknown *This, REFIID iid, void **ret_object)
{
    return proxy_object_query(container_of(This, ProxyObject, unknown), iid, ret_object);
}
static ULONG STDMETHODCALLTYPE unknown_add_ref(IUnknown *This)
{
    return proxy_object_add_ref(container_of(This, ProxyObject, unknown));
}
static ULONG STDMETHODCALLTYPE unknown_release(IUnknown *This)
{
    return proxy_object_release(container_of(This, ProxyObject, unknown));
}
static const IUnknownVtbl unknown_vtable = {unknown_query, unknown_add_ref, unknown_release};

static ProxyObject *object_new(RemoteExporter *exporter, const StdObjref *reference, const Bindings *resolver)
{
    ProxyObject *object = calloc(1, sizeof(*object));
    if (!object) return NULL;
    if (resolver->data && bindings_dup(resolver, &object->resolver) < 0) {
        free(object);
        return NULL;
    }
    object->unknown.lpVtbl = (void *)&unknown_vtable;
    object->security.lpVtbl = (void *)&proxy_security_vtable;
    object->multi.lpVtbl = (void *)&proxy_multi_vtable;
    object->channel.ops = &channel_ops;
    refcount_init(&object->refs);
    object->apartment = apartment_ref(apartment_current());
    object->exporter = remote_exporter_ref(exporter);
    object->oid = reference->oid;
    object->pinged = !(reference->flags & SORF_NOPING);
    pthread_mutex_init(&object->lock, NULL);
    list_init(&object->interfaces);
    channel_settings_init(&object->unknown_settings);
    return object;
}

static void object_free(ProxyObject *object)
{
    list_each(item, &object->interfaces) interface_free(container_of(item, ProxyInterface, link));
    channel_settings_deinit(&object->unknown_settings);
    apartment_unref(object->apartment);
    remote_exporter_unref(object->exporter);
    bindings_deinit(&object->resolver);
    pthread_mutex_destroy(&object->lock);
    free(object);
}

/* The last local reference went: gives the remote ones back, as the process or as IUnknown's blanket says,
 * and leaves. A server that cannot be told runs the object down. */
static void object_end(ProxyObject *object)
{
    RemReference references[PLAIN_INTERFACES_PER_RELEASE];
    uint16_t count = 0;
    list_each(item, &object->interfaces)
    {
        ProxyInterface *proxy = container_of(item, ProxyInterface, link);
        if (!proxy->public_refs && !proxy->private_refs) continue;
        references[count++] = (RemReference){proxy->ipid, proxy->public_refs, proxy->private_refs};
        if (count < PLAIN_INTERFACES_PER_RELEASE) continue;
        remunknown_release(object, references, count);
        count = 0;
    }
    if (count) remunknown_release(object, references, count);
    if (object->pinged) runtime_ping_remove(object->exporter, object->oid);
    object_free(object);
}

ULONG proxy_object_add_ref(ProxyObject *object)
{
    refcount_ref(&object->refs);
    return atomic_load(&object->refs.count);
}

ULONG proxy_object_release(ProxyObject *object)
{
    unsigned count = atomic_load(&object->refs.count);
    while (count > 1)
        if (atomic_compare_exchange_weak(&object->refs.count, &count, count - 1)) return count - 1;
    /* Likely the last one: nobody may find it between that and its removal. */
    TableKey key = {object->apartment, object->exporter, object->oid};
    pthread_mutex_lock(&table_lock);
    bool last = refcount_unref(&object->refs);
    if (last) hashmap_remove(table, &key, sizeof(key));
    if (table && hashmap_count(table) == 0) table = hashmap_free(table);
    pthread_mutex_unlock(&table_lock);
    if (last) object_end(object);
    return last ? 0 : 1;
}

/* With the lock held. */
static ProxyObject *table_add(const TableKey *key, RemoteExporter *exporter, const StdObjref *reference,
                              const Bindings *resolver)
{
    if (!table && hashmap_new(&table) < 0) return NULL;
    ProxyObject *object = object_new(exporter, reference, resolver);
    if (object && hashmap_put(table, key, sizeof(*key), object) < 0) {
        object_free(object);
        object = NULL;
    }
    return object;
}

/* Finds or makes the object of a reference: a new local reference to it. */
static ProxyObject *table_object(RemoteExporter *exporter, const StdObjref *reference,
                                 const Bindings *resolver)
{
    TableKey key = {apartment_current(), exporter, reference->oid};
    pthread_mutex_lock(&table_lock);
    ProxyObject *object = table ? hashmap_get(table, &key, sizeof(key)) : NULL;
    bool created = !object;
    if (object)
        refcount_ref(&object->refs);
    else
        object = table_add(&key, exporter, reference, resolver);
    pthread_mutex_unlock(&table_lock);
    if (object && created && object->pinged) runtime_ping_add(exporter, object->oid);
    return object;
}

HRESULT proxy_from_reference(const ProxyReference *reference, void **ret_object)
{
    const StdObjref *std = reference->std;
    ProxyObject *object = table_object(reference->exporter, std, reference->resolver);
    if (!object) return E_OUTOFMEMORY;
    HRESULT hr = reference->confirmed ? object_take(object, reference->iid, &std->ipid, std->public_refs)
                                      : object_take_foreign(object, reference->iid, std);
    if (SUCCEEDED(hr)) hr = proxy_object_query(object, reference->iid, ret_object);
    proxy_object_release(object);
    return hr;
}

/* QueryInterface */

void *proxy_known(ProxyObject *object, const IID *iid)
{
    void *known = NULL;
    if (IsEqualIID(iid, &IID_IUnknown))
        known = &object->unknown;
    else if (IsEqualIID(iid, &IID_IClientSecurity))
        known = &object->security;
    else if (IsEqualIID(iid, &IID_IMultiQI))
        known = &object->multi;
    else if (IsEqualIID(iid, &IID_PROXY_OBJECT))
        known = object;
    else {
        pthread_mutex_lock(&object->lock);
        known = object_interface(object, iid);
        pthread_mutex_unlock(&object->lock);
    }
    if (known) proxy_object_add_ref(object);
    return known;
}

/* An IPID of the object to ask about; interfaces are never removed while the object lives. */
static Guid object_ipid(ProxyObject *object)
{
    Guid ipid = {0};
    pthread_mutex_lock(&object->lock);
    if (!list_is_empty(&object->interfaces)) /* a copy's is its original's */
        ipid = container_of(object->interfaces.next, ProxyInterface, link)->ipid;
    pthread_mutex_unlock(&object->lock);
    return ipid;
}

HRESULT proxy_query(ProxyObject *object, const IID *const *iids, unsigned count, HRESULT *ret_results)
{
    _cleanup_(freep) RemQueryResult *results = calloc(count, sizeof(*results));
    if (!results) return E_OUTOFMEMORY;
    Guid ipid = object_ipid(object);
    HRESULT hr = remunknown_query(object, &ipid, iids, count, PROXY_REFERENCES, results);
    if (FAILED(hr)) return hr;
    for (unsigned i = 0; i < count; i++) {
        ret_results[i] = results[i].status;
        if (FAILED(results[i].status)) continue;
        const StdObjref *std = &results[i].std;
        ret_results[i] = object_owns(object, std) ? object_take(object, iids[i], &std->ipid, std->public_refs)
                                                  : object_refuse(object, std);
    }
    return S_OK;
}

HRESULT proxy_object_query(ProxyObject *object, REFIID iid, void **ret_object)
{
    if (!ret_object) return E_POINTER;
    *ret_object = proxy_known(object, iid);
    if (*ret_object) return S_OK;
    if (IsEqualIID(iid, &IID_ICallFactory)) return async_call_factory_new(&object->unknown, ret_object);
    if (!ndr_interface_find(iid)) return E_NOINTERFACE; /* we could not call it */
    HRESULT result;
    HRESULT hr = proxy_query(object, &iid, 1, &result);
    if (FAILED(hr)) return hr;
    if (FAILED(result)) return result;
    *ret_object = proxy_known(object, iid);
    return *ret_object ? S_OK : E_NOINTERFACE;
}

ProxyObject *proxy_of(IUnknown *pointer, ProxyInterface **ret_interface)
{
    void *answer = NULL;
    ProxyInterface *iface = NULL;
    if (FAILED(pointer->lpVtbl->QueryInterface(pointer, &IID_PROXY_OBJECT, &answer)) || !answer) return NULL;
    ProxyObject *object = answer;
    pthread_mutex_lock(&object->lock);
    list_each(item, &object->interfaces)
    {
        ProxyInterface *proxy = container_of(item, ProxyInterface, link);
        if ((void *)proxy == (void *)pointer) iface = proxy;
    }
    pthread_mutex_unlock(&object->lock);
    proxy_object_release(object); /* the caller's pointer keeps it */
    if (ret_interface) *ret_interface = iface;
    return object;
}

/* Handing on */

HRESULT proxy_reference(ProxyObject *object, const IID *iid, uint32_t public_refs, StdObjref *ret_reference)
{
    void *held = NULL;
    HRESULT hr = proxy_object_query(object, iid, &held);
    if (FAILED(hr)) return hr;
    pthread_mutex_lock(&object->lock);
    ProxyInterface *proxy = object_interface(object, iid);
    Guid ipid = proxy ? proxy->ipid : (Guid){0};
    pthread_mutex_unlock(&object->lock);
    hr = proxy ? remunknown_add_ref(object, &(RemReference){ipid, public_refs, 0}) : E_NOINTERFACE;
    if (SUCCEEDED(hr))
        *ret_reference = (StdObjref){.flags = object->pinged ? 0 : SORF_NOPING,
                                     .public_refs = public_refs,
                                     .oxid = remote_exporter_oxid(object->exporter),
                                     .oid = object->oid,
                                     .ipid = ipid};
    proxy_object_release(object);
    return hr;
}

/* Copies */

HRESULT proxy_copy(ProxyInterface *original, IUnknown **ret_copy)
{
    ProxyObject *object = original->object;
    ProxyInterface *copy = interface_new(object, original->ndr.iface, &original->ipid);
    if (!copy) return E_OUTOFMEMORY;
    copy->copy = true;
    refcount_init(&copy->copy_refs);
    proxy_object_add_ref(object);
    pthread_mutex_lock(&object->lock);
    list_append(&object->interfaces, &copy->link);
    pthread_mutex_unlock(&object->lock);
    *ret_copy = (IUnknown *)copy;
    return S_OK;
}

HRESULT proxy_copy_with_blanket(IUnknown *pointer, IUnknown **ret_copy)
{
    ProxyInterface *original = NULL;
    IUnknown *copy = NULL;
    if (!proxy_of(pointer, &original) || !original) return E_INVALIDARG;
    HRESULT hr = proxy_copy(original, &copy);
    if (FAILED(hr)) return hr;
    channel_settings_copy(&((ProxyInterface *)copy)->settings, &original->settings);
    *ret_copy = copy;
    return S_OK;
}

/* What the generated vtables ask of the channel for IUnknown's three methods. */

HRESULT proxy_interface_query(NdrProxy *ndr, const IID *iid, void **ret_object)
{
    return proxy_object_query(((ProxyInterface *)ndr)->object, iid, ret_object);
}

ULONG proxy_interface_add_ref(NdrProxy *ndr)
{
    ProxyInterface *proxy = (ProxyInterface *)ndr;
    if (!proxy->copy) return proxy_object_add_ref(proxy->object);
    refcount_ref(&proxy->copy_refs);
    return atomic_load(&proxy->copy_refs.count);
}

ULONG proxy_interface_release(NdrProxy *ndr)
{
    ProxyInterface *proxy = (ProxyInterface *)ndr;
    if (!proxy->copy) return proxy_object_release(proxy->object);
    ULONG left = atomic_load(&proxy->copy_refs.count) - 1;
    if (!refcount_unref(&proxy->copy_refs)) return left;
    ProxyObject *object = proxy->object;
    pthread_mutex_lock(&object->lock);
    list_remove(&proxy->link);
    pthread_mutex_unlock(&object->lock);
    interface_free(proxy);
    proxy_object_release(object);
    return 0;
}
