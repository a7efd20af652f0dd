/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <objbase.h>

/* A line on standard output: the OBJREF that Mantle marshals for the object, in hexadecimal. */
HRESULT objref_print(IUnknown *object, REFIID iid);
