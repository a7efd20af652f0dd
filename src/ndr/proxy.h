/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seam between generated client code and com/.
 *
 * A proxy is an interface pointer whose vtable is NdrInterface.vtable: IUnknown's three slots ask the
 * channel, the others are thunks that end in ndr_client_call(). com/ embeds NdrProxy as the first field of
 * its own structure, sets the three fields and decides everything else (references, blankets, identity).
 */
#pragma once
#include "base/reader.h"
#include "base/writer.h"
#include "ndr/interface.h"

typedef struct NdrChannel NdrChannel;
typedef struct NdrProxy {
    const void *vtable; /* iface->vtable */
    const NdrInterface *iface;
    NdrChannel *channel;
} NdrProxy;

/*
 * Interface pointers in NDR bodies. `context` is what the call carries in hooks_context.
 * marshal appends the OBJREF of `object` (never NULL) as `iid`: the bytes inside MInterfacePointer, whose
 * lengths ndr/ writes; where the writer has no room it undoes what it did and fails. unmarshal reads exactly
 * one OBJREF from `objref` and returns a reference. Both return a failing HRESULT that becomes the call's.
 * release (may be NULL) undoes a marshal whose bytes will never be sent.
 */
typedef struct NdrHooks {
    HRESULT (*marshal)(void *context, const IID *iid, IUnknown *object, Writer *writer);
    HRESULT (*unmarshal)(void *context, const IID *iid, Reader *objref, void **ret_object);
    void (*release)(void *context, Reader *objref);
} NdrHooks;

/* One call from begin to end. */
typedef struct NdrExchange {
    NdrProxy *proxy;
    unsigned method;
    Writer *request;     /* set by begin: the body is appended; its length is then a multiple of 8 */
    Reader reply;        /* set by send: the reply's body alone, alive until end */
    void *hooks_context; /* set by begin */
    void *state;         /* the channel's own */
} NdrExchange;

typedef struct NdrChannelOps {
    HRESULT (*query_interface)(NdrProxy *proxy, const IID *iid, void **ret_object);
    ULONG (*add_ref)(NdrProxy *proxy);
    ULONG (*release)(NdrProxy *proxy);
    /* Provides the writer. A failing HRESULT is the proxy's result; then neither send nor end is called. */
    HRESULT (*begin)(NdrExchange *exchange);
    /* Sends the request and waits. A fault or a failure is a failing HRESULT; end is still called. */
    HRESULT (*send)(NdrExchange *exchange);
    void (*end)(NdrExchange *exchange);
    NdrHooks hooks;
} NdrChannelOps;
/* The first field of com/'s channel. */
struct NdrChannel {
    const NdrChannelOps *ops;
};

/* What MantleProxyCall does: marshals the arguments in `slots`, exchanges, unmarshals. On failure every [out]
 * is zero and every [in, out] is as it was. */
HRESULT ndr_client_call(NdrProxy *proxy, unsigned method, uint64_t *slots) must_use;
