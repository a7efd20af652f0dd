/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The proxy manager: a remote object as this process sees it.
 *
 * One ProxyObject stands for one object of one exporter in one apartment; it is the identity (IUnknown), and
 * locally IClientSecurity and IMultiQI. Under it hang the interface proxies, one for each IID, and private
 * copies (CoCopyProxy). All of them but the copies share one reference count; a blanket belongs to one of
 * them (facts PB-2).
 */
#pragma once
#include <pthread.h>
#include "base/list.h"
#include "base/refcount.h"
#include "com/apartment.h"
#include "com/channel.h"
#include "ndr/proxy.h"
#include "objidlbase.h"
#include "orpc/objref.h"
#include "orpc/remote.h"

#define PROXY_REFERENCES 5 /* public references asked for with each remote QueryInterface */

typedef struct ProxyObject ProxyObject;

typedef struct ProxyInterface {
    NdrProxy ndr; /* first: the interface pointer */
    List link;    /* in the object */
    ProxyObject *object;
    Guid ipid;
    uint32_t public_refs, private_refs; /* that this process owes to the exporter; the object's lock */
    bool copy;                          /* of CoCopyProxy: own count, holds the object */
    RefCount copy_refs;
    ChannelSettings settings;
} ProxyInterface;

struct ProxyObject {
    IUnknown unknown;
    IClientSecurity security;
    IMultiQI multi;
    NdrChannel channel;
    RefCount refs;
    Apartment *apartment; /* that it was unmarshalled in */
    RemoteExporter *exporter;
    uint64_t oid;
    bool pinged;
    Bindings resolver; /* of the OBJREF it came from: travels on when the reference does */
    pthread_mutex_t lock;
    List interfaces;
    ChannelSettings unknown_settings; /* what SetBlanket on IUnknown said (PB-3) */
};

/* A reference that was received. */
typedef struct ProxyReference {
    RemoteExporter *exporter;
    const StdObjref *std;
    const Bindings *resolver; /* copied */
    const IID *iid;
    bool confirmed; /* the exporter itself said so; else it is asked, unless it is known already */
} ProxyReference;
/* Makes (or finds) the proxy for it and gives its interface, which takes over the public references; they
 * are released when that fails. S_OK, E_OUTOFMEMORY, REGDB_E_IIDNOTREG; RPC_E_INVALID_OBJREF: it is not one
 * to the object it names, and nothing is released; a failure of the question. */
HRESULT proxy_from_reference(const ProxyReference *reference, void **ret_object) must_use;
/* The proxy behind an interface pointer, or NULL when it is none of ours. Takes no reference. `ret_interface`
 * (may be NULL) gets NULL for IUnknown, IClientSecurity and IMultiQI. */
ProxyObject *proxy_of(IUnknown *pointer, ProxyInterface **ret_interface);
/* References to hand to somebody else: asks the exporter for `public_refs` more and describes them. */
HRESULT proxy_reference(ProxyObject *object, const IID *iid, uint32_t public_refs,
                        StdObjref *ret_reference) must_use;
/* Asks the exporter for interfaces; each result has its own status. Ours afterwards are PROXY_REFERENCES of
 * each. The call's own failure, or S_OK. Used by QueryInterface and IMultiQI. */
HRESULT proxy_query(ProxyObject *object, const IID *const *iids, unsigned count,
                    HRESULT *ret_results) must_use;
/* Locally known interface, a new reference; NULL when the exporter was not asked for it yet. */
void *proxy_known(ProxyObject *object, const IID *iid);
/* The settings that a pointer of this object stands for: an interface proxy's or IUnknown's (PB-3); borrowed.
 * `ret_proxy` may be NULL. S_OK; E_INVALIDARG with a sentence: it is none of this object's, or a local one.
 */
HRESULT proxy_settings(ProxyObject *object, IUnknown *pointer, ChannelSettings **ret_settings,
                       ProxyInterface **ret_proxy) must_use;
/* CoCopyProxy (PB-17). */
HRESULT proxy_copy(ProxyInterface *interface_proxy, IUnknown **ret_copy) must_use;
/* The same, with the original's blanket and what it captured. `pointer` is an interface proxy. */
HRESULT proxy_copy_with_blanket(IUnknown *pointer, IUnknown **ret_copy) must_use;
/* IClientSecurity and IMultiQI as the object shows them (com/proxysecurity.c). */
extern const IClientSecurityVtbl proxy_security_vtable;
extern const IMultiQIVtbl proxy_multi_vtable;
HRESULT proxy_object_query(ProxyObject *object, REFIID iid, void **ret_object);
ULONG proxy_object_add_ref(ProxyObject *object);
ULONG proxy_object_release(ProxyObject *object);
/* IUnknown of an interface proxy. */
HRESULT proxy_interface_query(NdrProxy *ndr, const IID *iid, void **ret_object);
ULONG proxy_interface_add_ref(NdrProxy *ndr);
ULONG proxy_interface_release(NdrProxy *ndr);
