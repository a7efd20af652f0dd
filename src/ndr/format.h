/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MIDL's format strings: the characters that widl emits with -Oicf --win64, and how to read their operands.
 * The strings are compiled into programs and trusted; only the bytes of the wire are not.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    FC_BYTE = 0x01,
    FC_CHAR = 0x02,
    FC_SMALL = 0x03,
    FC_USMALL = 0x04,
    FC_WCHAR = 0x05,
    FC_SHORT = 0x06,
    FC_USHORT = 0x07,
    FC_LONG = 0x08,
    FC_ULONG = 0x09,
    FC_FLOAT = 0x0a,
    FC_HYPER = 0x0b,
    FC_DOUBLE = 0x0c,
    FC_ENUM16 = 0x0d,
    FC_ENUM32 = 0x0e,
    FC_ERROR_STATUS_T = 0x10,
    FC_RP = 0x11, /* [ref] */
    FC_UP = 0x12, /* [unique] */
    FC_OP = 0x13, /* [unique] in an object interface */
    FC_FP = 0x14, /* [ptr]: refused */
    FC_STRUCT = 0x15,
    FC_CSTRUCT = 0x17,
    FC_CVSTRUCT = 0x19,
    FC_BOGUS_STRUCT = 0x1a,
    FC_CARRAY = 0x1b,
    FC_CVARRAY = 0x1c,
    FC_SMFARRAY = 0x1d,
    FC_LGFARRAY = 0x1e,
    FC_SMVARRAY = 0x1f,
    FC_LGVARRAY = 0x20,
    FC_BOGUS_ARRAY = 0x21,
    FC_C_CSTRING = 0x22,
    FC_C_WSTRING = 0x25,
    FC_CSTRING = 0x26,
    FC_WSTRING = 0x29,
    FC_ENCAPSULATED_UNION = 0x2a,
    FC_NON_ENCAPSULATED_UNION = 0x2b,
    FC_IP = 0x2f,
    FC_AUTO_HANDLE = 0x33,
    FC_POINTER = 0x36,
    FC_ALIGNM2 = 0x37,
    FC_ALIGNM8 = 0x39,
    FC_STRUCTPAD1 = 0x3d,
    FC_STRUCTPAD7 = 0x43,
    FC_STRING_SIZED = 0x44,
    FC_EMBEDDED_COMPLEX = 0x4c,
    FC_DEREFERENCE = 0x54,
    FC_DIV_2 = 0x55,
    FC_MULT_2 = 0x56,
    FC_ADD_1 = 0x57,
    FC_SUB_1 = 0x58,
    FC_CALLBACK = 0x59,
    FC_CONSTANT_IID = 0x5a,
    FC_END = 0x5b,
    FC_PAD = 0x5c,
    FC_USER_MARSHAL = 0xb4,
    FC_RANGE = 0xb7,
    FC_INT3264 = 0xb8,
    FC_UINT3264 = 0xb9
};

/* Parameter flags of a procedure string */
enum {
    PARAM_IN = 0x08,
    PARAM_OUT = 0x10,
    PARAM_RETURN = 0x20,
    PARAM_BASE = 0x40,
    PARAM_BY_VALUE = 0x80,
    PARAM_SIMPLE_REF = 0x100
};

/* Where a correlation's operand lies: high nibble of its first byte */
enum {
    CORRELATION_NORMAL = 0x00,  /* relative to the array, or to the union */
    CORRELATION_POINTER = 0x10, /* relative to the structure that holds the pointer */
    CORRELATION_TOP = 0x20,     /* relative to the argument slots */
    CORRELATION_CONSTANT = 0x40,
    CORRELATION_NONE = 0xf0 /* all bits set where an array has none */
};

static inline uint16_t format_u16(const uint8_t *f)
{
    return (uint16_t)(f[0] | f[1] << 8);
}
static inline int16_t format_s16(const uint8_t *f)
{
    return (int16_t)format_u16(f);
}
static inline uint32_t format_u32(const uint8_t *f)
{
    return (uint32_t)format_u16(f) | (uint32_t)format_u16(f + 2) << 16;
}
/* The type an offset operand at `f` points to. */
static inline const uint8_t *format_target(const uint8_t *f)
{
    return f + format_s16(f);
}
static inline bool format_is_pointer(uint8_t fc)
{
    return fc >= FC_RP && fc <= FC_FP;
}
static inline bool format_is_conformant_string(uint8_t fc)
{
    return fc == FC_C_CSTRING || fc == FC_C_WSTRING;
}
static inline bool format_is_array(uint8_t fc)
{
    return (fc >= FC_CARRAY && fc <= FC_C_CSTRING) || fc == FC_C_WSTRING || fc == FC_CSTRING ||
           fc == FC_WSTRING;
}
static inline size_t format_character_size(uint8_t fc)
{
    return fc == FC_C_WSTRING || fc == FC_WSTRING ? 2 : 1;
}
/* What a pointer descriptor points to. Bit 3: a simple type follows in place. */
static inline const uint8_t *format_pointee(const uint8_t *f)
{
    return f[1] & 8 ? f + 2 : format_target(f + 2);
}
/* Memory size of a simple type, 0 for anything else. */
static inline size_t format_simple_size(uint8_t fc)
{
    static const uint8_t sizes[] = {0, 1, 1, 1, 1, 2, 2, 2, 4, 4, 4, 8, 8, 4, 4, 0, 4};
    if (fc < sizeof(sizes)) return sizes[fc];
    return fc == FC_INT3264 || fc == FC_UINT3264 ? 8 : 0;
}

/* An array descriptor in one shape. */
typedef struct ArrayFormat {
    const uint8_t *element;     /* its type */
    const uint8_t *conformance; /* size_is, or NULL: `count` is fixed */
    const uint8_t *variance;    /* length_is, or NULL */
    uint32_t count;
    size_t element_size; /* in memory */
    unsigned alignment;  /* on the wire */
} ArrayFormat;

/* Reads the descriptor of FC_CARRAY to FC_BOGUS_ARRAY; false for anything else. */
bool format_array(const uint8_t *type, ArrayFormat *ret_array);
/* Memory size of a type; of a conformant structure, without its array; 0 where only the value tells. */
size_t format_size(const uint8_t *type);
/* The conformant array at the end of a type, or the type itself when it is one; NULL when its size is fixed.
 * *ret_offset is where the array starts in memory. */
const uint8_t *format_conformant(const uint8_t *type, size_t *ret_offset);
