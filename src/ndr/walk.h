/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk over a value along its type: PUT writes it, GET reads it, FREE gives back what hangs below it. One
 * code path serves the three, so what is written is what is read.
 *
 * NDR20 ([C706] chapter 14, [MS-RPCE] 2.2.4), little-endian. A pointer inside a structure or array is a
 * referent id; its target follows after the outermost construct that holds it, in order, and so on below each
 * target.
 */
#pragma once
#include "ndr/call.h"
#include "ndr/format.h"

/* A complete construct: conformance first, then the value, then everything that it points to. PUT and FREE:
 * *memory is the value. GET: memory for it where *memory is NULL (from the arena when `arena` is set), else
 * the caller's, of `capacity` bytes. *ret_size (may be NULL): its bytes in memory, for GET. */
void ndr_object(NdrCall *call, const uint8_t *type, uint8_t **memory, size_t capacity, bool arena,
                size_t *ret_size);

/* One value of fixed size in place; embedded pointers are deferred. */
void ndr_value(NdrCall *call, const uint8_t *type, uint8_t *memory);
/* The members of a structure, without its conformant array. */
void ndr_members(NdrCall *call, const uint8_t *type, uint8_t *memory);
void ndr_union(NdrCall *call, const uint8_t *type, uint8_t *memory);
/* The elements of an array or string whose memory has room for `maximum`; `*maximum` is the conformance. */
void ndr_array(NdrCall *call, const uint8_t *type, uint8_t *memory, uint32_t maximum);
/* Characters of a conformant string, with its NUL; raises where none lies within `maximum`. */
uint32_t ndr_string_length(const uint8_t *type, const uint8_t *memory, uint32_t maximum);
/* The conformance of a value in memory: PUT, FREE, and sizes of [out] memory. */
uint32_t ndr_conformance(NdrCall *call, const uint8_t *array, uint8_t *memory);
/* Bytes of memory that a value takes, its conformant array included. Raises when that cannot be known. */
size_t ndr_object_size(NdrCall *call, const uint8_t *type, uint8_t *memory);

void ndr_pointer(NdrCall *call, const uint8_t *type, uint8_t *slot);
void ndr_interface_pointer(NdrCall *call, const uint8_t *type, uint8_t *slot);
void ndr_interface_pointer_body(NdrCall *call, const uint8_t *type, uint8_t *slot);
/* What follows the referent id of an interface pointer: object is not NULL; slot gets a reference. */
void ndr_interface_put(NdrCall *call, const IID *iid, IUnknown *object);
void ndr_interface_get(NdrCall *call, const IID *iid, uint8_t *slot);
void ndr_user_marshal(NdrCall *call, const uint8_t *type, uint8_t *memory);
void ndr_user_marshal_body(NdrCall *call, const uint8_t *type, uint8_t *memory);

/* ---- the cursor ---- */

/* Raises when a read went past the end. */
static inline void ndr_check(NdrCall *call)
{
    if (call->reader->failed) ndr_raise(RPC_X_BAD_STUB_DATA);
}
static inline void ndr_align(NdrCall *call, size_t alignment)
{
    if (call->op == NDR_GET)
        reader_align(call->reader, alignment);
    else if (call->op == NDR_PUT)
        writer_align(call->writer, alignment, 0);
}
/* Bytes as they lie in memory. */
static inline void ndr_raw(NdrCall *call, void *memory, size_t size)
{
    if (call->op == NDR_GET) {
        reader_copy(call->reader, memory, size);
        ndr_check(call);
    } else if (call->op == NDR_PUT) {
        writer_bytes(call->writer, memory, size);
    }
}
/* A 32-bit number that belongs to the encoding: PUT writes `value` and returns it, GET returns what it reads.
 */
static inline uint32_t ndr_number(NdrCall *call, uint32_t value)
{
    if (call->op == NDR_GET) {
        reader_align(call->reader, 4);
        value = reader_u32(call->reader);
        ndr_check(call);
    } else if (call->op == NDR_PUT) {
        writer_align(call->writer, 4, 0);
        writer_u32(call->writer, value);
    }
    return value;
}
/* The next referent id, for a pointer that is not NULL. */
static inline uint32_t ndr_referent(NdrCall *call)
{
    uint32_t id = call->referent;
    call->referent += 4;
    return id;
}
