/* SPDX-License-Identifier: Apache-2.0 */
/* The server side of COM: an exported object is its IUnknown, and a call on it runs in a call context of its
 * caller. */
#pragma once
#include "com/apartment.h"
#include "orpc/exporter.h"
#include "unknwn.h"

/* The operations for an object that this thread is about to export; the identity in the exporter's tables is
 * the object's IUnknown, held by one reference. An object of a single-threaded apartment is only ever called
 * there. Follow with stub_exported(), which says whether the exporter took it as a new one. */
HRESULT stub_export(IUnknown *identity, const ExportedOps **ret_ops) must_use;
void stub_exported(IUnknown *identity, const ExportedOps *ops, bool is_new);
/* Cuts all clients off from the objects of an apartment that ends. */
void stub_disconnect_apartment(Apartment *apartment);
