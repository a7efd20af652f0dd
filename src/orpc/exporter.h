/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The object exporter: the objects of this process that other machines hold references to
 * ([MS-DCOM] 3.1.1.1.1).
 *
 * An OID names an object, an IPID one interface of it. References are counted per interface: public ones
 * belong to nobody, private ones to the caller (by SID) who took them, and nobody else can release those
 * (facts REF-2). When the last reference goes, or the resolver says that no ping holds the object, the object
 * is told and forgotten.
 *
 * The exporter knows nothing about COM: an object is a pointer and a table of operations. It is thread-safe;
 * operations are called without its lock held.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wtypes.h>
#include "base/cleanup.h"
#include "base/guid.h"
#include "orpc/objref.h"
#include "sec/sid.h"

typedef struct Exporter Exporter;
typedef struct OrpcIncoming OrpcIncoming; /* orpc/dispatch.h */

#define EXPORTER_OBJECTS_MAX        100000 /* OIDs of one process */
#define EXPORTER_OBJECTS_PER_CALLER 20000
#define EXPORTER_INTERFACES_MAX     64 /* IPIDs of one object */
#define EXPORTER_PUBLIC_MAX         0x10000000u
#define EXPORTER_PRIVATE_MAX        256 /* callers with private references on one interface */
#define EXPORTER_REFERENCES         5   /* public references handed out with each OBJREF, as Windows does */

typedef struct ExportedOps {
    /* One reference to interface `iid` of the object, or E_NOINTERFACE, or another failure. */
    HRESULT (*query)(void *object, const Guid *iid, void **ret_interface);
    void (*release)(void *object, void *iface);
    /* Runs one method; see orpc/dispatch.h. */
    HRESULT (*invoke)(void *object, void *iface, OrpcIncoming *incoming);
    /* The exporter's hold on the object ends; called once, after every interface was released. */
    void (*disconnected)(void *object);
} ExportedOps;

/* Tells whoever keeps pings (the resolver of this machine) which OIDs exist. Called without the exporter's
 * lock. */
typedef struct ExporterPings {
    void (*added)(void *context, uint64_t oid);
    void (*removed)(void *context, uint64_t oid);
    void *context;
} ExporterPings;

/* S_OK, E_OUTOFMEMORY. `pings` may be NULL. */
HRESULT exporter_new(const ExporterPings *pings, Exporter **ret_exporter) must_use;
/* Disconnects every object. */
Exporter *exporter_free(Exporter *exporter);
DEFINE_CLEANUP(Exporter, exporter_free)
/* Where clients resolve this exporter's OXID: the resolver of this machine, as it stands in every OBJREF.
 * Copied; set once, before the first reference leaves. S_OK, E_OUTOFMEMORY. */
HRESULT exporter_set_resolver(Exporter *exporter, const Bindings *bindings) must_use;
const Bindings *exporter_resolver(const Exporter *exporter);
uint64_t exporter_oxid(const Exporter *exporter);
/* The IPID of this exporter's IRemUnknown2. */
const Guid *exporter_rem_unknown(const Exporter *exporter);

typedef struct ExportSpec {
    const ExportedOps *ops;
    void *object; /* its identity */
    Guid iid;
    uint32_t public_refs;
    bool pinged; /* else it lives until its references are released (SORF_NOPING) */
    /* Whose object it is when it is new, any text: nobody has more than EXPORTER_OBJECTS_PER_CALLER. NULL:
     * nobody's. Copied */
    const char *charged;
} ExportSpec;

/* Hands out `public_refs` references to `iid` of the object, exporting it if it is not yet. The exporter
 * takes over the caller's hold on `object` when it is new (then *ret_new is true). S_OK; E_NOINTERFACE;
 * E_OUTOFMEMORY; HRESULT_FROM_WIN32(ERROR_NOT_ENOUGH_QUOTA); CO_E_SERVER_STOPPING when another limit is
 * reached or the exporter is closing. */
HRESULT exporter_reference(Exporter *exporter, const ExportSpec *spec, StdObjref *ret_reference,
                           bool *ret_new) must_use;
/* Ends all external references to the object (CoDisconnectObject). Calls in progress finish. S_OK, S_FALSE:
 * not exported. */
HRESULT exporter_disconnect(Exporter *exporter, void *object);
/* The same by OID: the resolver saw no ping for it. */
HRESULT exporter_run_down(Exporter *exporter, uint64_t oid);

/* The object behind an OBJREF of this exporter, so that a reference that comes home becomes the object
 * itself: calls `query` for `iid`, which the OBJREF says and the IPID must be of, as the result is called by
 * it. Consumes `public_refs`. RPC_E_DISCONNECTED, RPC_E_INVALID_OBJREF, E_NOINTERFACE. */
HRESULT exporter_come_home(Exporter *exporter, const StdObjref *reference, const Guid *iid, void **ret_object,
                           void **ret_interface) must_use;

/* A pinned interface: it and its object stay until exporter_unpin. */
typedef struct ExportedPin {
    struct ExportedInterface *entry;
    const ExportedOps *ops;
    void *object, *iface;
    Guid iid;
} ExportedPin;
/* S_OK, RPC_E_DISCONNECTED. */
HRESULT exporter_pin(Exporter *exporter, const Guid *ipid, ExportedPin *ret_pin) must_use;
void exporter_unpin(Exporter *exporter, ExportedPin *pin);

/* RemQueryInterface on the object that `ipid` belongs to, for one IID. */
HRESULT exporter_rem_query_interface(Exporter *exporter, const Guid *ipid, const Guid *iid,
                                     uint32_t public_refs, StdObjref *ret_reference) must_use;
/* `caller` is who takes or gives back private references; NULL refuses those (E_ACCESSDENIED). */
HRESULT exporter_rem_add_ref(Exporter *exporter, const Guid *ipid, uint32_t public_refs,
                             uint32_t private_refs, const Sid *caller) must_use;
/* Releasing more than is held: public counts stop at zero as [MS-DCOM] 3.1.1.5.6.1.3 asks, private ones of
 * others are never touched: E_ACCESSDENIED. */
HRESULT exporter_rem_release(Exporter *exporter, const Guid *ipid, uint32_t public_refs,
                             uint32_t private_refs, const Sid *caller) must_use;
/* The OIDs of the objects that live by pings; freed by free(). S_OK, E_OUTOFMEMORY. */
HRESULT exporter_pinged(Exporter *exporter, uint64_t **ret_oids, size_t *ret_count) must_use;
size_t exporter_object_count(Exporter *exporter);
