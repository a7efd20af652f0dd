/* SPDX-License-Identifier: Apache-2.0 */
#include "ndr/interface.h"
#include <pthread.h>
#include <stdatomic.h>

#define BUCKETS 256u /* IIDs come from trusted code, so their own first bytes will do as a hash */

static _Atomic(MantleInterface *) buckets[BUCKETS];
static pthread_mutex_t buckets_lock =
    PTHREAD_MUTEX_INITIALIZER; /* of writers; readers follow published records */

static _Atomic(MantleInterface *) *bucket_of(const IID *iid)
{
    return &buckets[(iid->Data1 ^ iid->Data2 ^ iid->Data4[7]) % BUCKETS];
}

const NdrInterface *ndr_interface_find(const IID *iid)
{
    const MantleInterface *iface = atomic_load_explicit(bucket_of(iid), memory_order_acquire);
    while (iface && !IsEqualIID(iface->iid, iid))
        iface = iface->next;
    return iface;
}

static const MIDL_SERVER_INFO *tables_of(const ExtendedProxyFileInfo *file, const IID *iid)
{
    for (unsigned i = 0; i < file->TableSize; i++) {
        const CInterfaceStubVtbl *stub = file->pStubVtblList[i];
        if (IsEqualIID(stub->header.piid, iid)) return stub->header.pServerInfo;
    }
    return NULL;
}

void MantleRegisterInterfaces(const ExtendedProxyFileInfo *tables, MantleInterface *interfaces, ULONG count)
{
    pthread_mutex_lock(&buckets_lock);
    for (ULONG i = 0; i < count; i++) {
        MantleInterface *iface = &interfaces[i];
        if (ndr_interface_find(iface->iid)) continue;
        iface->tables = tables_of(tables, iface->iid);
        iface->parent = ndr_interface_find(iface->base);
        _Atomic(MantleInterface *) *bucket = bucket_of(iface->iid);
        iface->next = atomic_load_explicit(bucket, memory_order_relaxed);
        atomic_store_explicit(bucket, iface, memory_order_release);
    }
    pthread_mutex_unlock(&buckets_lock);
}
