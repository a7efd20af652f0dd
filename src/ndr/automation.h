/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the types of Automation are made of, for those who copy, free and marshal them.
 *
 * A SAFEARRAY's descriptor has 16 bytes before it, in the same block: the IID of its elements (FADF_HAVEIID)
 * or, in the last four, their type (FADF_HAVEVARTYPE). Descriptor and data are two blocks of task memory.
 */
#pragma once
#include <oleauto.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"

typedef enum AutomationKind {
    AUTOMATION_INVALID,
    AUTOMATION_EMPTY, /* VT_EMPTY, VT_NULL: no value */
    AUTOMATION_RAW,   /* so many bytes */
    AUTOMATION_DECIMAL,
    AUTOMATION_BSTR,
    AUTOMATION_INTERFACE,
    AUTOMATION_VARIANT,
    AUTOMATION_RECORD /* known, and not supported */
} AutomationKind;

typedef struct AutomationType {
    AutomationKind kind;
    uint8_t size; /* in memory, of an array's element or of what VT_BYREF points to */
    uint16_t sf;  /* [MS-OAUT] 2.2.8: what an array of it is on the wire, 0: it cannot be there */
} AutomationType;

/* [MS-OAUT] 2.2.8 */
enum {
    SF_I2 = 2,
    SF_I4 = 3,
    SF_BSTR = 8,
    SF_DISPATCH = 9,
    SF_VARIANT = 12,
    SF_UNKNOWN = 13,
    SF_I1 = 16,
    SF_I8 = 20,
    SF_RECORD = 36,
    SF_HAVEIID = 0x800d
};

/* Of a VARTYPE's base type: flags do not count. */
AutomationType automation_type(VARTYPE vt);
/* S_OK when a VARIANT may hold it, flags included; DISP_E_BADVARTYPE, E_NOTIMPL (VT_RECORD). */
HRESULT automation_check(VARTYPE vt) must_use;

#define SAFEARRAY_PREFIX    16u
#define SAFEARRAY_BYTES_MAX ((uint64_t)INT32_MAX) /* of the elements together */

static inline size_t safearray_block_size(unsigned dimensions)
{
    return SAFEARRAY_PREFIX + offsetof(SAFEARRAY, rgsabound) + dimensions * sizeof(SAFEARRAYBOUND);
}
static inline SAFEARRAY *safearray_of_block(void *block)
{
    return block ? (SAFEARRAY *)(void *)((uint8_t *)block + SAFEARRAY_PREFIX) : NULL;
}
static inline void *safearray_block(SAFEARRAY *array)
{
    return (uint8_t *)array - SAFEARRAY_PREFIX;
}
/* What stands in the prefix; the flags say which. */
IID *safearray_iid(SAFEARRAY *array);
ULONG *safearray_vartype(SAFEARRAY *array);
/* The elements that the bounds describe; false when they are more than memory can have. */
bool safearray_count(const SAFEARRAY *array, uint32_t *ret_count) must_use;
/* The kind of the elements, by the flags. */
AutomationKind safearray_kind(const SAFEARRAY *array);
