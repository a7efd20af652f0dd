/* SPDX-License-Identifier: Apache-2.0 */
/* The server side of COM: an exported object is its IUnknown, and a call on it runs in a call context of its
 * caller. */
#pragma once
#include "orpc/exporter.h"
#include "unknwn.h"

/* The identity in the exporter's tables is the object's IUnknown pointer, held by one reference. */
extern const ExportedOps stub_ops;
