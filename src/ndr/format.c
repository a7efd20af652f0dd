/* SPDX-License-Identifier: Apache-2.0 */
#include "ndr/format.h"

static const uint8_t *array_element(const uint8_t *f)
{
    return *f == FC_EMBEDDED_COMPLEX ? format_target(f + 2) : f;
}

static const uint8_t *correlation_or_none(const uint8_t *f)
{
    return format_u32(f) == UINT32_MAX ? NULL : f;
}

bool format_array(const uint8_t *type, ArrayFormat *ret_array)
{
    ArrayFormat array = {.alignment = type[1] + 1u};
    uint32_t total = 0;
    switch (type[0]) {
    case FC_CARRAY:
        array.conformance = type + 4;
        array.element = type + 8;
        break;
    case FC_CVARRAY:
        array.conformance = type + 4;
        array.variance = type + 8;
        array.element = type + 12;
        break;
    case FC_SMFARRAY:
        total = format_u16(type + 2);
        array.element = type + 4;
        break;
    case FC_LGFARRAY:
        total = format_u32(type + 2);
        array.element = type + 6;
        break;
    case FC_SMVARRAY:
        array.count = format_u16(type + 4);
        array.variance = type + 8;
        array.element = type + 12;
        break;
    case FC_LGVARRAY:
        array.count = format_u32(type + 6);
        array.variance = type + 12;
        array.element = type + 16;
        break;
    case FC_BOGUS_ARRAY:
        array.count = format_u16(type + 2);
        array.conformance = correlation_or_none(type + 4);
        array.variance = correlation_or_none(type + 8);
        array.element = type + 12;
        break;
    default:
        return false;
    }
    array.element = array_element(array.element);
    array.element_size = format_size(array.element);
    if (array.element_size == 0) return false;
    if (total > 0) array.count = total / (uint32_t)array.element_size;
    *ret_array = array;
    return true;
}

size_t format_size(const uint8_t *type)
{
    ArrayFormat array;
    switch (type[0]) {
    case FC_RP:
    case FC_UP:
    case FC_OP:
    case FC_FP:
    case FC_IP:
        return sizeof(void *);
    case FC_STRUCT:
    case FC_CSTRUCT:
    case FC_CVSTRUCT:
    case FC_BOGUS_STRUCT:
    case FC_CSTRING:
        return format_u16(type + 2);
    case FC_WSTRING:
        return format_u16(type + 2) * (size_t)2;
    case FC_SMFARRAY:
    case FC_LGFARRAY:
    case FC_SMVARRAY:
    case FC_LGVARRAY:
    case FC_BOGUS_ARRAY:
        return format_array(type, &array) ? array.count * array.element_size : 0;
    case FC_ENCAPSULATED_UNION:
        return (size_t)(type[1] >> 4) + format_u16(type + 2);
    case FC_NON_ENCAPSULATED_UNION:
        return format_u16(format_target(type + 6));
    case FC_USER_MARSHAL:
        return format_u16(type + 4);
    case FC_RANGE:
        return format_simple_size(type[1] & 0xf);
    default:
        return format_simple_size(type[0]);
    }
}

const uint8_t *format_conformant(const uint8_t *type, size_t *ret_offset)
{
    *ret_offset = 0;
    switch (type[0]) {
    case FC_CSTRUCT:
    case FC_CVSTRUCT:
        *ret_offset = format_u16(type + 2);
        return format_target(type + 4);
    case FC_BOGUS_STRUCT:
        if (format_u16(type + 4) == 0) return NULL;
        *ret_offset = format_u16(type + 2);
        return format_target(type + 4);
    case FC_CARRAY:
    case FC_CVARRAY:
    case FC_C_CSTRING:
    case FC_C_WSTRING:
        return type;
    case FC_BOGUS_ARRAY:
        return format_u32(type + 4) == UINT32_MAX ? NULL : type;
    default:
        return NULL;
    }
}
