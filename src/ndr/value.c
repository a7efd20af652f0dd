/* SPDX-License-Identifier: Apache-2.0 */
/* Simple types, structures, unions, and the choice between all types. */
#include "ndr/correlation.h"
#include "ndr/walk.h"

/* [C706] 14.2.5: an enum has 16 bits on the wire unless it is [v1_enum], and no negative values */
static void enum16(NdrCall *call, uint8_t *memory)
{
    uint32_t value = 0;
    if (call->op == NDR_PUT) memcpy(&value, memory, sizeof(value));
    if (value > INT16_MAX) ndr_raise(RPC_X_ENUM_VALUE_OUT_OF_RANGE);
    uint16_t wire = (uint16_t)value;
    ndr_align(call, 2);
    ndr_raw(call, &wire, sizeof(wire));
    if (call->op != NDR_GET) return;
    if (wire > INT16_MAX) ndr_raise(RPC_X_ENUM_VALUE_OUT_OF_RANGE);
    value = wire;
    memcpy(memory, &value, sizeof(value));
}

/* [MS-RPCE] 2.2.4.1.1: __int3264 has 32 bits on the wire */
static void int3264(NdrCall *call, uint8_t fc, uint8_t *memory)
{
    int64_t value = 0;
    if (call->op == NDR_PUT) memcpy(&value, memory, sizeof(value));
    uint32_t wire = ndr_number(call, (uint32_t)value);
    if (call->op != NDR_GET) return;
    value = fc == FC_INT3264 ? (int64_t)(int32_t)wire : (int64_t)wire;
    memcpy(memory, &value, sizeof(value));
}

static void simple(NdrCall *call, uint8_t fc, uint8_t *memory)
{
    if (call->op == NDR_FREE) return;
    if (fc == FC_ENUM16) {
        enum16(call, memory);
    } else if (fc == FC_INT3264 || fc == FC_UINT3264) {
        int3264(call, fc, memory);
    } else {
        size_t size = format_simple_size(fc);
        ndr_align(call, size);
        ndr_raw(call, memory, size);
    }
}

static int64_t simple_load(uint8_t fc, const uint8_t *memory)
{
    switch (fc) {
    case FC_SMALL:
        return (int8_t)*memory;
    case FC_BYTE:
    case FC_CHAR:
    case FC_USMALL:
        return *memory;
    case FC_SHORT:
        return (int16_t)format_u16(memory);
    case FC_WCHAR:
    case FC_USHORT:
        return format_u16(memory);
    case FC_LONG:
        return (int32_t)format_u32(memory);
    default:
        return format_u32(memory);
    }
}

static void range(NdrCall *call, const uint8_t *type, uint8_t *memory)
{
    uint8_t fc = type[1] & 0xf;
    simple(call, fc, memory);
    if (call->op != NDR_GET) return;
    int64_t value = simple_load(fc, memory);
    bool is_signed = fc == FC_LONG || fc == FC_SHORT || fc == FC_SMALL;
    int64_t low = is_signed ? (int32_t)format_u32(type + 2) : (int64_t)format_u32(type + 2);
    int64_t high = is_signed ? (int32_t)format_u32(type + 6) : (int64_t)format_u32(type + 6);
    if (value < low || value > high) ndr_raise(RPC_S_INVALID_BOUND);
}

static const uint8_t *struct_layout(const uint8_t *type)
{
    switch (type[0]) {
    case FC_CSTRUCT:
    case FC_CVSTRUCT:
        return type + 6;
    case FC_BOGUS_STRUCT:
        return type + 8;
    default:
        return type + 4;
    }
}

void ndr_members(NdrCall *call, const uint8_t *type, uint8_t *memory)
{
    const uint8_t *pointers = type[0] == FC_BOGUS_STRUCT ? format_target(type + 6) : NULL;
    size_t offset = 0;
    for (const uint8_t *f = struct_layout(type); *f != FC_END; f++) {
        if (*f == FC_PAD) continue;
        if (*f >= FC_ALIGNM2 && *f <= FC_ALIGNM8) {
            size_t alignment = (size_t)2 << (*f - FC_ALIGNM2);
            offset = (offset + alignment - 1) & ~(alignment - 1);
        } else if (*f >= FC_STRUCTPAD1 && *f <= FC_STRUCTPAD7) {
            offset += *f - FC_STRUCTPAD1 + 1u;
        } else if (*f == FC_POINTER) {
            ndr_value(call, pointers, memory + offset);
            pointers += 4;
            offset += sizeof(void *);
        } else if (*f == FC_EMBEDDED_COMPLEX) {
            const uint8_t *member = format_target(f + 2);
            offset += f[1];
            ndr_value(call, member, memory + offset);
            offset += format_size(member);
            f += 3;
        } else {
            simple(call, *f, memory + offset);
            offset += format_simple_size(*f);
        }
    }
}

/* Whether memory and wire are the same bytes. Padding is not: what lies in it is nobody's business. */
static bool struct_is_raw(const uint8_t *type)
{
    for (const uint8_t *f = type + 4; *f != FC_END; f++) {
        if (*f == FC_EMBEDDED_COMPLEX) {
            const uint8_t *member = format_target(f + 2);
            ArrayFormat array;
            bool raw = *member == FC_STRUCT
                           ? struct_is_raw(member)
                           : format_array(member, &array) && format_simple_size(*array.element) > 0;
            if (!raw) return false;
            f += 3;
        } else if (*f != FC_PAD && (*f == FC_ENUM16 || format_simple_size(*f) == 0)) {
            return false;
        }
    }
    return true;
}

static void structure(NdrCall *call, const uint8_t *type, uint8_t *memory)
{
    if (type[0] == FC_STRUCT && call->op == NDR_FREE) return;
    ndr_align(call, type[1] + 1u);
    if (type[0] == FC_STRUCT && struct_is_raw(type)) {
        ndr_raw(call, memory, format_u16(type + 2));
        return;
    }
    uint8_t *base = call->base;
    call->base = memory;
    ndr_members(call, type, memory);
    call->base = base;
}

/* Alignment and count, arms of (value, type), the default arm or 0xffff */
static void union_arm(NdrCall *call, const uint8_t *arms, uint32_t tag, uint8_t *memory)
{
    unsigned count = format_u16(arms) & 0xfff;
    const uint8_t *arm = arms + 2;
    for (; count > 0 && format_u32(arm) != tag; count--)
        arm += 6;
    if (count > 0) arm += 4;
    uint16_t type = format_u16(arm);
    if (type == 0xffff) ndr_raise(RPC_X_INVALID_TAG);
    if (type >> 8 == 0x80)
        simple(call, (uint8_t)type, memory);
    else if (type != 0)
        ndr_value(call, format_target(arm), memory);
}

static void encapsulated(NdrCall *call, const uint8_t *type, uint8_t *memory)
{
    uint8_t fc = type[1] & 0xf;
    simple(call, fc, memory);
    union_arm(call, type + 4, (uint32_t)simple_load(fc, memory), memory + (type[1] >> 4));
}

static void non_encapsulated(NdrCall *call, const uint8_t *type, uint8_t *memory)
{
    static const uint64_t masks[] = {0, UINT8_MAX, UINT16_MAX, 0, UINT32_MAX};
    uint8_t fc = type[1], tag[8] = {0};
    uint64_t mask = masks[format_simple_size(fc) <= 4 ? format_simple_size(fc) : 0];
    if (call->op != NDR_GET) {
        uint64_t value = ndr_correlation(call, type + 2, memory) & mask;
        memcpy(tag, &value, sizeof(value));
    }
    simple(call, fc, tag);
    uint32_t value = (uint32_t)simple_load(fc, tag);
    if (call->op == NDR_GET) ndr_correlation_expect(call, type + 2, memory, value, mask);
    union_arm(call, format_target(type + 6) + 2, value, memory);
}

void ndr_union(NdrCall *call, const uint8_t *type, uint8_t *memory)
{
    if (type[0] == FC_ENCAPSULATED_UNION)
        encapsulated(call, type, memory);
    else
        non_encapsulated(call, type, memory);
}

void ndr_value(NdrCall *call, const uint8_t *type, uint8_t *memory)
{
    switch (type[0]) {
    case FC_RP:
    case FC_UP:
    case FC_OP:
        ndr_pointer(call, type, memory);
        return;
    case FC_STRUCT:
    case FC_BOGUS_STRUCT:
        structure(call, type, memory);
        return;
    case FC_CSTRUCT: /* at the end of a larger one, which takes care of the array */
    case FC_CVSTRUCT:
        structure(call, type, memory);
        return;
    case FC_SMFARRAY:
    case FC_LGFARRAY:
    case FC_SMVARRAY:
    case FC_LGVARRAY:
    case FC_BOGUS_ARRAY:
    case FC_CSTRING:
    case FC_WSTRING:
        ndr_array(call, type, memory, 0);
        return;
    case FC_ENCAPSULATED_UNION:
    case FC_NON_ENCAPSULATED_UNION:
        ndr_union(call, type, memory);
        return;
    case FC_IP:
        ndr_interface_pointer(call, type, memory);
        return;
    case FC_USER_MARSHAL:
        ndr_user_marshal(call, type, memory);
        return;
    case FC_RANGE:
        range(call, type, memory);
        return;
    default:
        if (format_simple_size(type[0]) == 0) ndr_raise(RPC_S_CANNOT_SUPPORT);
        simple(call, type[0], memory);
    }
}
