/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays and strings. */
#include "ndr/correlation.h"
#include "ndr/walk.h"

static bool is_string(const uint8_t *type)
{
    return format_is_conformant_string(type[0]) || type[0] == FC_CSTRING || type[0] == FC_WSTRING;
}

uint32_t ndr_string_length(const uint8_t *type, const uint8_t *memory, uint32_t maximum)
{
    size_t size = format_character_size(type[0]);
    for (uint32_t length = 0; length < maximum; length++) {
        const uint8_t *character = memory + length * size;
        if (character[0] == 0 && character[size - 1] == 0) return length + 1;
    }
    ndr_raise(RPC_S_INVALID_BOUND);
}

/* [C706] 14.3.4: offset, which is 0, and count of characters, the NUL included */
static void string(NdrCall *call, const uint8_t *type, uint8_t *memory, uint32_t maximum)
{
    if (call->op == NDR_FREE) return;
    size_t size = format_character_size(type[0]);
    uint32_t length = call->op == NDR_PUT ? ndr_string_length(type, memory, maximum) : 0;
    if (ndr_number(call, 0) != 0) ndr_raise(RPC_X_BAD_STUB_DATA);
    length = ndr_number(call, length);
    if (length > maximum) ndr_raise(RPC_X_BAD_STUB_DATA);
    if (length == 0) ndr_raise(RPC_X_BAD_STUB_DATA);
    ndr_raw(call, memory, length * size);
    if (call->op == NDR_GET && ndr_string_length(type, memory + (length - 1) * size, 1) != 1)
        ndr_raise(RPC_X_BAD_STUB_DATA);
}

/* [C706] 14.3.3.3: offset and count. widl knows no first_is, so the offset is 0. */
static uint32_t variance(NdrCall *call, const ArrayFormat *array, uint8_t *memory, uint32_t maximum)
{
    uint32_t actual = 0;
    if (call->op != NDR_GET) {
        actual = ndr_correlation_count(call, array->variance, memory);
        if (actual > maximum) ndr_raise(RPC_S_INVALID_BOUND);
    }
    if (ndr_number(call, 0) != 0) ndr_raise(RPC_X_BAD_STUB_DATA);
    actual = ndr_number(call, actual);
    if (actual > maximum) ndr_raise(RPC_X_BAD_STUB_DATA);
    if (call->op == NDR_GET) ndr_correlation_expect(call, array->variance, memory, actual, UINT64_MAX);
    return actual;
}

static bool element_is_raw(const ArrayFormat *array)
{
    uint8_t fc = array->element[0];
    return format_simple_size(fc) > 0 && fc != FC_ENUM16 && fc != FC_INT3264 && fc != FC_UINT3264;
}

void ndr_array(NdrCall *call, const uint8_t *type, uint8_t *memory, uint32_t maximum)
{
    if (is_string(type)) {
        string(call, type, memory, format_is_conformant_string(type[0]) ? maximum : format_u16(type + 2));
        return;
    }
    ArrayFormat array;
    if (!format_array(type, &array)) ndr_raise(RPC_S_CANNOT_SUPPORT);
    if (!array.conformance) maximum = array.count;
    uint32_t count = array.variance ? variance(call, &array, memory, maximum) : maximum;
    if (count == 0) return;
    ndr_align(call, array.alignment);
    if (element_is_raw(&array)) {
        ndr_raw(call, memory, count * array.element_size);
        return;
    }
    if (call->op == NDR_FREE && array.element[0] == FC_STRUCT) return;
    for (uint32_t i = 0; i < count; i++)
        ndr_value(call, array.element, memory + i * array.element_size);
}
