/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What mantle-idl's NAME_t.c is made of: for each interface one thunk per method and direction, which carry
 * arguments between the C calling convention and an image of 8-byte slots, and one record that registers
 * both.
 */
#pragma once
#include "rpcproxy.h"

/* Calls the method on `object` with the arguments in `slots` (slot 0 is the object itself). */
typedef HRESULT (*MantleServerThunk)(void *object, ULONGLONG *slots);

/* One interface. The generated file fills the first part; the registry owns the second. */
typedef struct MantleInterface {
    const IID *iid;
    const IID *base; /* the interface it derives from */
    const char *name;
    ULONG methods;                    /* the three of IUnknown included */
    const void *const *vtable;        /* of a proxy */
    const MantleServerThunk *servers; /* [0..2] are NULL; a NULL above is a [call_as] method */

    struct MantleInterface *next;
    const struct MantleInterface *parent;
    const MIDL_SERVER_INFO *tables;
} MantleInterface;

/* Makes the interfaces of one IDL file known, so that they can be called and served in this process. Called
 * by a constructor in the generated file; the arrays must stay loaded until the process ends. The first
 * record of an IID stays. */
MANTLE_API void MantleRegisterInterfaces(const ExtendedProxyFileInfo *tables, MantleInterface *interfaces,
                                         ULONG count);

/* Makes the call `method` on the proxy `This`. The result is the method's, or why it could not be made. */
MANTLE_API HRESULT MantleProxyCall(void *This, ULONG method, ULONGLONG *slots);

/* Win64's rule, by size alone: 1, 2, 4 or 8 bytes lie in the slot, anything else is passed by address. */
#define MANTLE_IN_SLOT(size) ((size) == 1 || (size) == 2 || (size) == 4 || (size) == 8)
#define MANTLE_SLOT_PUT(slot, value)                                                                         \
    do {                                                                                                     \
        const void *address_ = &(value);                                                                     \
        if (MANTLE_IN_SLOT(sizeof(value)))                                                                   \
            memcpy(&(slot), address_, sizeof(value) <= 8 ? sizeof(value) : 8);                               \
        else                                                                                                 \
            memcpy(&(slot), &address_, sizeof(address_));                                                    \
    } while (0)
#define MANTLE_SLOT_GET(Type, slot)                                                                          \
    (*(Type *)(MANTLE_IN_SLOT(sizeof(Type)) ? (void *)&(slot) : (void *)(ULONG_PTR)(slot)))
