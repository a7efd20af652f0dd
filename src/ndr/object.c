/* SPDX-License-Identifier: Apache-2.0 */
/* Complete constructs: conformance, value, and what it points to. */
#include <combaseapi.h>
#include "ndr/correlation.h"
#include "ndr/walk.h"

static const uint8_t *conformance_of(const uint8_t *array)
{
    if (format_is_conformant_string(array[0])) return array[1] == FC_STRING_SIZED ? array + 2 : NULL;
    return array + 4;
}

uint32_t ndr_conformance(NdrCall *call, const uint8_t *array, uint8_t *memory)
{
    const uint8_t *correlation = conformance_of(array);
    if (correlation) return ndr_correlation_count(call, correlation, memory);
    if (!memory) ndr_raise(RPC_S_CANNOT_SUPPORT);
    return ndr_string_length(array, memory, INT32_MAX);
}

static size_t conformant_element_size(const uint8_t *array)
{
    ArrayFormat format;
    if (format_is_conformant_string(array[0])) return format_character_size(array[0]);
    if (!format_array(array, &format)) ndr_raise(RPC_S_CANNOT_SUPPORT);
    return format.element_size;
}

size_t ndr_object_size(NdrCall *call, const uint8_t *type, uint8_t *memory)
{
    size_t offset;
    const uint8_t *array = format_conformant(type, &offset);
    if (!array) {
        size_t size = format_size(type);
        if (size == 0) ndr_raise(RPC_S_CANNOT_SUPPORT);
        return size;
    }
    if (!memory && offset > 0) ndr_raise(RPC_S_CANNOT_SUPPORT); /* the count lies in the value itself */
    return offset + (size_t)ndr_conformance(call, array, memory ? memory + offset : NULL) *
                        conformant_element_size(array);
}

/* The conformance of what is being read is checked when everything that it may depend on was read. */
static void conformant_expect(NdrCall *call, const uint8_t *array, uint8_t *memory, uint32_t maximum)
{
    const uint8_t *correlation = conformance_of(array);
    if (correlation) ndr_correlation_expect(call, correlation, memory, maximum, UINT64_MAX);
}

/* Makes or checks the memory of a conformant value that is being read. */
static void conformant_memory(NdrCall *call, uint8_t **memory, size_t size, size_t capacity, bool arena)
{
    if (*memory) {
        if (size > capacity) ndr_raise(RPC_X_BAD_STUB_DATA);
    } else {
        *memory = arena ? ndr_call_alloc_arena(call, size) : ndr_call_alloc(call, size);
    }
}

static size_t conformant(NdrCall *call, const uint8_t *type, uint8_t **memory, size_t capacity, bool arena)
{
    size_t offset, size = 0;
    const uint8_t *array = format_conformant(type, &offset);
    /* [C706] 14.3.3.2: the maximum count comes before the outermost structure that ends in the array */
    uint32_t maximum = call->op == NDR_GET ? 0 : ndr_conformance(call, array, *memory + offset);
    maximum = ndr_number(call, maximum);
    if (call->op == NDR_GET) {
        if (maximum > INT32_MAX) ndr_raise(RPC_X_BAD_STUB_DATA);
        size = offset + (size_t)maximum * conformant_element_size(array);
        conformant_memory(call, memory, size, capacity, arena);
    }
    if (array == type) {
        if (call->op == NDR_GET) conformant_expect(call, array, *memory, maximum);
        ndr_array(call, array, *memory, maximum);
        return size;
    }
    uint8_t *base = call->base;
    call->base = *memory;
    ndr_align(call, type[1] + 1u);
    ndr_members(call, type, *memory);
    if (call->op == NDR_GET) conformant_expect(call, array, *memory + offset, maximum);
    ndr_array(call, array, *memory + offset, maximum);
    call->base = base;
    return size;
}

static void object_value(NdrCall *call, const uint8_t *type, uint8_t **memory, size_t capacity, bool arena,
                         size_t *ret_size)
{
    size_t offset, size;
    if (format_conformant(type, &offset)) {
        size = conformant(call, type, memory, capacity, arena);
    } else {
        size = format_size(type);
        if (size == 0) ndr_raise(RPC_S_CANNOT_SUPPORT);
        if (!*memory) *memory = arena ? ndr_call_alloc_arena(call, size) : ndr_call_alloc(call, size);
        ndr_value(call, type, *memory);
    }
    if (ret_size) *ret_size = size;
}

/* What the entries from `from` on point to, in order; each takes care of what lies below itself. */
static void drain(NdrCall *call, size_t from)
{
    uint8_t *base = call->base;
    for (size_t i = from; i < call->deferred_count; i++) {
        NdrDeferred deferred = call->deferred[i];
        call->base = deferred.base;
        if (deferred.type[0] == FC_IP) {
            ndr_interface_pointer_body(call, deferred.type, deferred.slot);
        } else if (deferred.type[0] == FC_USER_MARSHAL) {
            ndr_user_marshal_body(call, deferred.type, deferred.slot);
        } else {
            uint8_t *target = NULL;
            if (call->op != NDR_GET) memcpy(&target, deferred.slot, sizeof(target));
            ndr_object(call, format_pointee(deferred.type), &target, 0, false, NULL);
            if (call->op == NDR_FREE) {
                CoTaskMemFree(target);
                target = NULL;
            }
            if (call->op != NDR_PUT) memcpy(deferred.slot, &target, sizeof(target));
        }
    }
    call->deferred_count = from;
    call->base = base;
}

void ndr_object(NdrCall *call, const uint8_t *type, uint8_t **memory, size_t capacity, bool arena,
                size_t *ret_size)
{
    size_t from = call->deferred_count;
    if (++call->depth > NDR_DEPTH_MAX) ndr_raise(RPC_X_BAD_STUB_DATA);
    object_value(call, type, memory, capacity, arena, ret_size);
    drain(call, from);
    call->depth--;
}
