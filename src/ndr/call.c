/* SPDX-License-Identifier: Apache-2.0 */
#include "ndr/call.h"
#include <oleauto.h>
#include <combaseapi.h>
#include "ndr/correlation.h"
#include "ndr/memory.h"

void ndr_call_init(NdrCall *call, PMIDL_STUB_DESC description, Arena *arena)
{
    memset(call, 0, offsetof(NdrCall, journal_inline));
    call->description = description;
    call->arena = arena;
    call->journal = call->journal_inline;
    call->deferred = call->deferred_inline;
    call->expected = call->expected_inline;
    call->journal_capacity = call->deferred_capacity = call->expected_capacity = NDR_INLINE;
}

static void call_pass(NdrCall *call, NdrOp op)
{
    call->op = op;
    call->referent = NDR_REFERENT_FIRST;
    call->depth = 0;
    call->base = NULL;
    call->deferred_count = call->expected_count = 0;
}

void ndr_call_put(NdrCall *call, Writer *writer)
{
    call_pass(call, NDR_PUT);
    call->writer = writer;
}

void ndr_call_get(NdrCall *call, Reader *reader)
{
    call_pass(call, NDR_GET);
    call->reader = reader;
    call->budget = NDR_BUDGET_BASE + reader_left(reader) * NDR_BUDGET_PER_BYTE;
}

void ndr_call_free(NdrCall *call)
{
    call_pass(call, NDR_FREE);
}

static void call_undo_one(NdrCall *call, const NdrUndo *undo)
{
    switch (undo->kind) {
    case NDR_OWNED_BLOCK:
        CoTaskMemFree(undo->pointer);
        break;
    case NDR_OWNED_INTERFACE:
        ((IUnknown *)undo->pointer)->lpVtbl->Release(undo->pointer);
        break;
    case NDR_OWNED_BSTR:
        SysFreeString(undo->pointer);
        break;
    case NDR_OWNED_USER: {
        MIDL_STUB_MESSAGE message = {.StubDesc = call->description};
        USER_MARSHAL_CB control = {
            .pStubMsg = &message, .Signature = USER_MARSHAL_CB_SIGNATURE, .CBType = USER_MARSHAL_CB_FREE};
        undo->routines->pfnFree(&control.Flags, undo->pointer);
        break;
    }
    case NDR_OWNED_OBJREF:
        if (call->hooks && call->hooks->release) {
            Reader objref;
            reader_init(&objref, call->writer->data + undo->offset, undo->length);
            call->hooks->release(call->hooks_context, &objref);
        }
        break;
    }
}

void ndr_call_undo(NdrCall *call)
{
    while (call->journal_count > 0)
        call_undo_one(call, &call->journal[--call->journal_count]);
}

void ndr_call_release_in(NdrCall *call, bool sent)
{
    while (call->journal_count > 0) {
        const NdrUndo *undo = &call->journal[--call->journal_count];
        bool kept = undo->in_out || (sent && undo->kind == NDR_OWNED_OBJREF);
        if (!kept) call_undo_one(call, undo);
    }
}

void ndr_call_keep(NdrCall *call)
{
    call->journal_count = 0;
}

static void *call_arena(NdrCall *call, size_t size)
{
    void *memory = ndr_memory_allowed() ? arena_alloc(call->arena, size) : NULL;
    if (!memory) ndr_raise(RPC_S_OUT_OF_RESOURCES);
    return memory;
}

/* Doubles one of the call's lists within the arena; the old copy stays there until the call ends. */
static void *call_grow(NdrCall *call, const void *old, size_t *capacity, size_t element)
{
    size_t size = *capacity * element;
    void *list = call_arena(call, size * 2);
    memcpy(list, old, size);
    *capacity *= 2;
    return list;
}

static void call_charge(NdrCall *call, size_t size)
{
    if (size > call->budget) ndr_raise(RPC_S_OUT_OF_RESOURCES);
    call->budget -= size;
}

void *ndr_call_alloc_shadow(NdrCall *call, size_t size)
{
    return call_arena(call, size);
}

void *ndr_call_alloc_arena(NdrCall *call, size_t size)
{
    call_charge(call, size);
    return call_arena(call, size);
}

void *ndr_call_alloc(NdrCall *call, size_t size)
{
    if (!call->heap) return ndr_call_alloc_arena(call, size);
    call_charge(call, size);
    ndr_call_reserve(call);
    void *memory = CoTaskMemAlloc(size);
    if (!memory) ndr_raise(RPC_S_OUT_OF_RESOURCES);
    memset(memory, 0, size);
    ndr_call_own(call, NDR_OWNED_BLOCK, memory);
    return memory;
}

void ndr_call_reserve(NdrCall *call)
{
    if (call->journal_count == call->journal_capacity)
        call->journal = call_grow(call, call->journal, &call->journal_capacity, sizeof(*call->journal));
}

NdrUndo *ndr_call_own(NdrCall *call, NdrOwned kind, void *pointer)
{
    NdrUndo *undo = &call->journal[call->journal_count++];
    *undo = (NdrUndo){.kind = kind, .pointer = pointer, .in_out = call->in_out && call->op == NDR_GET};
    return undo;
}

void ndr_call_defer(NdrCall *call, const uint8_t *type, void *slot)
{
    if (call->op == NDR_GET) call_charge(call, sizeof(NdrDeferred));
    if (call->deferred_count == call->deferred_capacity)
        call->deferred = call_grow(call, call->deferred, &call->deferred_capacity, sizeof(*call->deferred));
    call->deferred[call->deferred_count++] = (NdrDeferred){.type = type, .slot = slot, .base = call->base};
}

void ndr_call_expect(NdrCall *call, const uint8_t *correlation, uint64_t value, uint64_t mask)
{
    if (call->expected_count == call->expected_capacity)
        call->expected = call_grow(call, call->expected, &call->expected_capacity, sizeof(*call->expected));
    call->expected[call->expected_count++] =
        (NdrExpectation){.correlation = correlation, .value = value, .mask = mask};
}

void ndr_call_verify(NdrCall *call)
{
    for (size_t i = 0; i < call->expected_count; i++) {
        const NdrExpectation *expected = &call->expected[i];
        uint64_t said = ndr_correlation(call, expected->correlation, NULL);
        if ((said & expected->mask) != (expected->value & expected->mask)) ndr_raise(RPC_X_BAD_STUB_DATA);
    }
}
