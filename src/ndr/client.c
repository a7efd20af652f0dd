/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client side of a call.
 *
 * All or nothing: what a reply brings for an [in, out] parameter is read beside it, and only when the whole
 * reply made sense does it replace the old value, which is then freed. [out] parameters are read in place and
 * zeroed again on failure.
 */
#include <stdarg.h>
#include "ndr/automation-marshal.h"
#include "ndr/proxy.h"
#include "ndr/procedure.h"
#include "ndr/walk.h"

/* Where one [out] or [in, out] parameter is received. */
typedef struct Receiver {
    uint8_t *target; /* the caller's memory; NULL: a [unique] argument that is NULL */
    size_t capacity; /* its bytes */
    uint8_t *shadow; /* [in, out]: memory of the same size beside it */
    size_t received; /* bytes of the shadow that the reply filled */
} Receiver;

typedef struct Request {
    NdrProcedure procedure;
    NdrCall call;
    NdrExchange exchange;
    const uint64_t *slots;
    uint64_t reply_slots[NDR_SLOTS_MAX]; /* as slots, but with the shadows */
    uint64_t small[NDR_PARAMETERS_MAX];  /* shadows of 8 bytes and less */
    Receiver receivers[NDR_PARAMETERS_MAX];
    uint32_t result;
} Request;

/* Checks the pointers, measures what will be received, zeroes every [out]. */
static void receivers_prepare(Request *request)
{
    NdrCall *call = &request->call;
    for (unsigned i = 0; i < request->procedure.count; i++) {
        const NdrParameter *parameter = &request->procedure.parameters[i];
        Receiver *receiver = &request->receivers[i];
        if (parameter->passing == PASS_SLOT) continue;
        uint8_t *target = ndr_parameter_target(parameter, request->slots);
        if (!target && parameter->passing == PASS_REF) ndr_raise(RPC_X_NULL_REF_POINTER);
        if (!ndr_parameter_is_out(parameter) || !target) continue;
        bool in = ndr_parameter_is_in(parameter);
        size_t capacity = ndr_object_size(call, parameter->type, in ? target : NULL);
        if (!in) memset(target, 0, capacity);
        receiver->capacity = capacity;
        receiver->target = target;
    }
}

static void step_request(void *context)
{
    Request *request = context;
    NdrCall *call = &request->call;
    ndr_call_put(call, request->exchange.request);
    call->stack = (uint8_t *)(uintptr_t)request->slots;
    receivers_prepare(request);
    for (unsigned i = 0; i < request->procedure.count; i++) {
        const NdrParameter *parameter = &request->procedure.parameters[i];
        if (!ndr_parameter_is_in(parameter)) continue;
        uint8_t *memory = parameter->passing == PASS_SLOT
                              ? (uint8_t *)(uintptr_t)&request->slots[parameter->slot]
                              : ndr_parameter_target(parameter, request->slots);
        if (parameter->passing == PASS_UNIQUE) ndr_number(call, memory ? ndr_referent(call) : 0);
        if (memory) ndr_object(call, parameter->type, &memory, 0, false, NULL);
    }
    if (writer_status(request->exchange.request) < 0) ndr_raise(RPC_S_OUT_OF_RESOURCES);
}

/* Gives every [in, out] parameter a shadow and the correlations a view that uses it. */
static void shadows_provide(Request *request)
{
    memcpy(request->reply_slots, request->slots, request->procedure.slots * sizeof(request->slots[0]));
    for (unsigned i = 0; i < request->procedure.count; i++) {
        const NdrParameter *parameter = &request->procedure.parameters[i];
        Receiver *receiver = &request->receivers[i];
        if (!receiver->target || !ndr_parameter_is_in(parameter)) continue;
        receiver->shadow = (uint8_t *)&request->small[i];
        if (receiver->capacity > sizeof(request->small[i]))
            receiver->shadow = ndr_call_alloc_shadow(&request->call, receiver->capacity);
        request->reply_slots[parameter->slot] = (uintptr_t)receiver->shadow;
    }
}

static void replies_get(Request *request)
{
    NdrCall *call = &request->call;
    call->heap = true;
    for (unsigned i = 0; i < request->procedure.count; i++) {
        const NdrParameter *parameter = &request->procedure.parameters[i];
        Receiver *receiver = &request->receivers[i];
        if (!ndr_parameter_is_out(parameter)) continue;
        if (parameter->passing == PASS_UNIQUE && (ndr_number(call, 0) != 0) != (receiver->target != NULL))
            ndr_raise(RPC_X_BAD_STUB_DATA);
        uint8_t *memory = receiver->shadow ? receiver->shadow : receiver->target;
        call->shadow = receiver->shadow;
        call->shadowed = receiver->target;
        call->shadow_size = receiver->capacity;
        if (memory)
            ndr_object(call, parameter->type, &memory, receiver->capacity, false, &receiver->received);
    }
    call->shadow = NULL;
    request->result = ndr_number(call, 0);
    ndr_call_verify(call);
}

/* The old [in, out] values are freed all before the first is replaced: their sizes may depend on each other.
 */
static void replies_take_over(Request *request)
{
    NdrCall *call = &request->call;
    ndr_call_free(call);
    call->stack = (uint8_t *)(uintptr_t)request->slots;
    for (unsigned i = 0; i < request->procedure.count; i++) {
        Receiver *receiver = &request->receivers[i];
        uint8_t *memory = receiver->target;
        if (receiver->shadow)
            ndr_object(call, request->procedure.parameters[i].type, &memory, 0, false, NULL);
    }
    ndr_references_take_over(call);
    for (unsigned i = 0; i < request->procedure.count; i++) {
        Receiver *receiver = &request->receivers[i];
        if (receiver->shadow) memcpy(receiver->target, receiver->shadow, receiver->received);
    }
    ndr_call_keep(call);
}

static void step_reply(void *context)
{
    Request *request = context;
    NdrCall *call = &request->call;
    shadows_provide(request);
    ndr_call_get(call, &request->exchange.reply);
    call->stack = (uint8_t *)request->reply_slots;
    replies_get(request);
    replies_take_over(request);
}

static void outputs_zero(Request *request)
{
    for (unsigned i = 0; i < request->procedure.count; i++) {
        Receiver *receiver = &request->receivers[i];
        bool in = ndr_parameter_is_in(&request->procedure.parameters[i]);
        if (receiver->target && !in) memset(receiver->target, 0, receiver->capacity);
    }
}

static HRESULT request_run(Request *request, const NdrChannelOps *ops)
{
    NdrCall *call = &request->call;
    uint32_t code = ndr_guard(step_request, request);
    if (code) {
        ndr_call_undo(call);
        return HRESULT_FROM_WIN32(code);
    }
    ndr_call_keep(call);
    HRESULT hr = ops->send(&request->exchange);
    if (FAILED(hr)) return hr;
    code = ndr_guard(step_reply, request);
    if (code) {
        ndr_call_undo(call);
        outputs_zero(request);
        return HRESULT_FROM_WIN32(code);
    }
    return (HRESULT)request->result;
}

HRESULT ndr_client_call(NdrProxy *proxy, unsigned method, uint64_t *slots)
{
    Request request;
    const NdrInterface *owner;
    const NdrChannelOps *ops = proxy->channel->ops;
    uint32_t code = ndr_procedure(proxy->iface, method, &request.procedure, &owner);
    if (code) return HRESULT_FROM_WIN32(code);
    request.exchange = (NdrExchange){.proxy = proxy, .method = method};
    request.slots = slots;
    memset(request.receivers, 0, request.procedure.count * sizeof(request.receivers[0]));
    HRESULT hr = ops->begin(&request.exchange);
    if (FAILED(hr)) return hr;
    Arena arena;
    arena_init(&arena, 0);
    ndr_call_init(&request.call, owner->tables->pStubDesc, &arena);
    request.call.hooks = &ops->hooks;
    request.call.hooks_context = request.exchange.hooks_context;
    hr = request_run(&request, ops);
    ops->end(&request.exchange);
    arena_deinit(&arena);
    return hr;
}

HRESULT MantleProxyCall(void *This, ULONG method, ULONGLONG *slots)
{
    return ndr_client_call(This, method, slots);
}

/* The variable arguments of a [call_as] method are what the C compiler promotes them to. */
CLIENT_CALL_RETURN NdrClientCall2(PMIDL_STUB_DESC description, PFORMAT_STRING procedure, ...)
{
    uint64_t slots[NDR_SLOTS_MAX] = {0};
    const uint8_t *f = procedure + (procedure[1] & 0x08 ? 6 : 2);
    unsigned method = format_u16(f), count = f[9];
    f += f[8] & 0x40 ? 10 + f[10] : 10;
    va_list arguments;
    va_start(arguments, procedure);
    NdrProxy *proxy = va_arg(arguments, NdrProxy *);
    slots[0] = (uintptr_t)proxy;
    for (unsigned i = 0; i < count; i++, f += 6) {
        uint16_t flags = format_u16(f);
        uint64_t *slot = &slots[format_u16(f + 2) / 8 % NDR_SLOTS_MAX];
        if (flags & PARAM_RETURN) continue;
        if ((flags & (PARAM_BASE | PARAM_SIMPLE_REF)) == PARAM_BASE &&
            (f[4] == FC_DOUBLE || f[4] == FC_FLOAT)) {
            double wide = va_arg(arguments, double);
            float narrow = (float)wide;
            memcpy(slot, f[4] == FC_FLOAT ? (const void *)&narrow : &wide,
                   f[4] == FC_FLOAT ? sizeof(narrow) : sizeof(wide));
        } else {
            *slot = va_arg(arguments, uint64_t);
        }
    }
    va_end(arguments);
    return (CLIENT_CALL_RETURN){.Simple = ndr_client_call(proxy, method, slots)};
}

/* ---- the first three slots of every proxy ---- */

HRESULT IUnknown_QueryInterface_Proxy(IUnknown *This, REFIID riid, void **ppvObject)
{
    NdrProxy *proxy = (NdrProxy *)(void *)This;
    return proxy->channel->ops->query_interface(proxy, riid, ppvObject);
}

ULONG IUnknown_AddRef_Proxy(IUnknown *This)
{
    NdrProxy *proxy = (NdrProxy *)(void *)This;
    return proxy->channel->ops->add_ref(proxy);
}

ULONG IUnknown_Release_Proxy(IUnknown *This)
{
    NdrProxy *proxy = (NdrProxy *)(void *)This;
    return proxy->channel->ops->release(proxy);
}
