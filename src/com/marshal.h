/* SPDX-License-Identifier: Apache-2.0 */
/* Interface pointers as bytes: OBJREFs of our own objects and of proxies that are handed on
 * ([MS-DCOM] 3.1.1.5.1, 3.2.4.1). */
#pragma once
#include "base/reader.h"
#include "base/writer.h"
#include "orpc/objref.h"
#include "orpc/remote.h"
#include "unknwn.h"

/* The three hooks of ndr/proxy.h; `context` is not used. */
/* Appends the OBJREF of `object` as `iid`, with references for whoever reads it. */
HRESULT marshal_interface(void *context, const IID *iid, IUnknown *object, Writer *writer);
/* Reads exactly one OBJREF: a reference that came home gives the object itself, any other a proxy. */
HRESULT marshal_read(void *context, const IID *iid, Reader *objref, void **ret_object);
/* Gives back the references of an OBJREF that will never be read. */
void marshal_release(void *context, Reader *objref);
/* The same over an OBJREF that was parsed already. */
HRESULT marshal_take(const Objref *objref, const IID *iid, void **ret_object) must_use;
/* The same for one that `exporter` sent, which is likely to be its own; NULL: not known. */
HRESULT marshal_take_from(RemoteExporter *exporter, const Objref *objref, const IID *iid,
                          void **ret_object) must_use;
/* As marshal_interface, but the reference lives until it is released, without pings (SORF_NOPING). */
HRESULT marshal_interface_unpinged(const IID *iid, IUnknown *object, Writer *writer) must_use;
/* Gives back the references of an OBJREF without using it. */
HRESULT marshal_drop(const Objref *objref) must_use;
