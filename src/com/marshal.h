/* SPDX-License-Identifier: Apache-2.0 */
/* Interface pointers as bytes: OBJREFs of our own objects and of proxies that are handed on
 * ([MS-DCOM] 3.1.1.5.1, 3.2.4.1). */
#pragma once
#include "base/reader.h"
#include "base/writer.h"
#include "orpc/objref.h"
#include "orpc/remote.h"
#include "unknwn.h"

/* Where an OBJREF came from: an answer of `exporter`, or what its machine answered to an activation. */
typedef struct MarshalSource {
    RemoteExporter *exporter;
    bool proven; /* it is certain that it was, or nothing is ever certain about this exporter */
} MarshalSource;

/* The three hooks of ndr/proxy.h. `context` is the MarshalSource of what is read, NULL: anybody. */
/* Appends the OBJREF of `object` as `iid`, with references for whoever reads it. */
HRESULT marshal_interface(void *context, const IID *iid, IUnknown *object, Writer *writer);
/* Reads exactly one OBJREF: a reference that came home gives the object itself, any other a proxy. */
HRESULT marshal_read(void *context, const IID *iid, Reader *objref, void **ret_object);
/* Gives back the references of an OBJREF that will never be read. */
void marshal_release(void *context, Reader *objref);
/* The same over an OBJREF that was parsed already. */
HRESULT marshal_take(const Objref *objref, const IID *iid, void **ret_object) must_use;
/* The same for one from this source. What an exporter says of its own objects is its word; of any other
 * reference the exporter that it names is asked whether it is one to that object, before anybody gets it. */
HRESULT marshal_take_from(const MarshalSource *source, const Objref *objref, const IID *iid,
                          void **ret_object) must_use;
/* As marshal_interface, but the reference lives until it is released, without pings (SORF_NOPING). */
HRESULT marshal_interface_unpinged(const IID *iid, IUnknown *object, Writer *writer) must_use;
/* Gives back the references of an OBJREF without using it. */
HRESULT marshal_drop(const Objref *objref) must_use;
