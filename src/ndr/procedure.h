/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A method's procedure string in one shape, whatever way widl wrote each parameter.
 *
 * Arguments lie in an image of 8-byte slots laid out as Win64 would: a value of 1, 2, 4 or 8 bytes in its
 * slot, anything else by address. Generated thunks convert between that image and the C calling convention.
 */
#pragma once
#include "ndr/call.h"
#include "ndr/format.h"

#define NDR_SLOTS_MAX      64u /* `this`, 60 parameters that mantle-idl allows, the result */
#define NDR_PARAMETERS_MAX 62u

typedef enum NdrPassing {
    PASS_SLOT,   /* the slot is the value */
    PASS_REF,    /* the slot points to it */
    PASS_UNIQUE, /* the slot points to it or is NULL; a referent id tells which */
} NdrPassing;

typedef struct NdrParameter {
    const uint8_t *type; /* of the value, not of the pointer that passes it */
    uint16_t flags;      /* PARAM_* */
    uint16_t slot;       /* index */
    NdrPassing passing;
} NdrParameter;

typedef struct NdrProcedure {
    unsigned count; /* the result included, as PARAM_RETURN */
    unsigned slots;
    unsigned result; /* its slot */
    NdrParameter parameters[NDR_PARAMETERS_MAX];
} NdrProcedure;

/* 0, or an RPC_S_* status: RPC_S_PROCNUM_OUT_OF_RANGE, or RPC_S_CANNOT_SUPPORT for tables mantle-idl would
 * not have let through. */
uint32_t ndr_procedure(const NdrInterface *iface, unsigned method, NdrProcedure *ret_procedure,
                       const NdrInterface **ret_owner) must_use;

static inline bool ndr_parameter_is_out(const NdrParameter *parameter)
{
    return (parameter->flags & (PARAM_OUT | PARAM_RETURN)) == PARAM_OUT;
}
static inline bool ndr_parameter_is_in(const NdrParameter *parameter)
{
    return (parameter->flags & PARAM_IN) != 0;
}
/* The storage of a parameter that is passed by address. */
static inline uint8_t *ndr_parameter_target(const NdrParameter *parameter, const uint64_t *slots)
{
    return (uint8_t *)(uintptr_t)slots[parameter->slot];
}
