/* SPDX-License-Identifier: Apache-2.0 */
/* The server side of a call: bytes become arguments, the method runs, its results become bytes. */
#pragma once
#include "base/arena.h"
#include "ndr/proxy.h"

typedef struct NdrServerCall {
    const NdrInterface *iface;
    void *object; /* implements it; the caller holds a reference during the call */
    unsigned method;
    const NdrHooks *hooks;
    void *hooks_context;
    Reader request; /* the body after ORPCTHIS; may be followed by anything */
    Writer *reply;  /* its length is a multiple of 8; the body is appended */
    Arena *arena;   /* without budget; holds the arguments, reset by the caller when the reply is sent */
} NdrServerCall;

#define NDR_FAULT 1 /* *ret_code says why; nothing was appended to the reply */

/* Runs the method: 0, or NDR_FAULT with an RPC_S_*, RPC_X_* status or an HRESULT. Arguments that contradict
 * each other or the IDL never reach the method; everything the call made is released either way. A method
 * outside the interface is RPC_S_PROCNUM_OUT_OF_RANGE. */
int ndr_server_invoke(NdrServerCall *call, uint32_t *ret_code) must_use;
