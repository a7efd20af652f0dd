/* SPDX-License-Identifier: Apache-2.0 */
/* Automation's types as parts of the walk; each function serves PUT, GET and FREE. */
#pragma once
#include "ndr/automation.h"
#include "ndr/walk.h"

#define DECIMAL_SCALE_MAX 28u

/* What follows a wire_marshal's referent id. */
void ndr_bstr(NdrCall *call, BSTR *slot);
void ndr_variant(NdrCall *call, uint8_t *memory);
/* The referent id was 0, which reads as VT_EMPTY; raises where the caller gave a reference. */
void ndr_variant_absent(NdrCall *call, const uint8_t *memory);
/* The pointer inside and the array. `element`: the type that its holder says, VT_EMPTY when nobody does. */
void ndr_safearray(NdrCall *call, SAFEARRAY **slot, VARTYPE element);

/* Client, when the reply was read and the caller's old values are freed: moves what came for references of
 * the caller to where they point. Cannot fail. */
void ndr_references_take_over(NdrCall *call);
/* Server, after the method: frees what references of [in, out] arguments point to. */
void ndr_references_free(NdrCall *call);
