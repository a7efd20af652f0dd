/* SPDX-License-Identifier: Apache-2.0 */
/* The interfaces this process can call and serve, by IID. Records come from generated files and live for
 * ever. */
#pragma once
#include <mantle_ndr.h>
#include "base/cleanup.h"

typedef MantleInterface NdrInterface;

#define NDR_METHOD_FIRST 3u /* 0 to 2 are IUnknown's and never travel as calls */

/* NULL when no generated file registered it. Thread-safe; costs one hash. */
const NdrInterface *ndr_interface_find(const IID *iid);
