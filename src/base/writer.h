/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bounded writer: grows up to a limit, the error is sticky (-ENOMEM, or -E2BIG past the limit).
 * Length fields are reserved and patched, never computed by hand.
 */
#pragma once
#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "base/guid.h"

typedef struct Writer {
    uint8_t *data;
    size_t length, capacity, limit; /* length <= capacity <= limit */
    int error;
    bool borrowed; /* data belongs to somebody else and does not grow */
} Writer;

#define WRITER_LIMIT_DEFAULT (64u * 1024 * 1024)

/* An empty growing writer; limit 0 means WRITER_LIMIT_DEFAULT. */
void writer_init(Writer *writer, size_t limit);
/* Writes into the caller's buffer and no further. */
void writer_init_fixed(Writer *writer, void *buffer, size_t capacity);
/* Frees what it owns and empties it; may be called twice. */
void writer_deinit(Writer *writer);
/* Forgets the content and the error, keeps the memory. */
void writer_reset(Writer *writer);
/* Room for `length` bytes that the caller fills at once, or NULL on error. Valid until the next write.
 * The bytes are not initialised. */
uint8_t *writer_space(Writer *writer, size_t length);
#define WRITER_NUMBER(name, Type, to_wire)                                                                   \
    static inline void name(Writer *writer, Type value)                                                      \
    {                                                                                                        \
        value = to_wire(value);                                                                              \
        if (__builtin_expect(!writer->error && sizeof(value) <= writer->capacity - writer->length, 1)) {     \
            memcpy(writer->data + writer->length, &value, sizeof(value));                                    \
            writer->length += sizeof(value);                                                                 \
            return;                                                                                          \
        }                                                                                                    \
        uint8_t *space = writer_space(writer, sizeof(value));                                                \
        if (space) memcpy(space, &value, sizeof(value));                                                     \
    }
WRITER_NUMBER(writer_u8, uint8_t, )
WRITER_NUMBER(writer_u16, uint16_t, htole16)
WRITER_NUMBER(writer_u32, uint32_t, htole32)
WRITER_NUMBER(writer_u64, uint64_t, htole64)
WRITER_NUMBER(writer_u16be, uint16_t, htobe16)
WRITER_NUMBER(writer_u32be, uint32_t, htobe32)
#undef WRITER_NUMBER
void writer_guid(Writer *writer, const Guid *guid);
void writer_bytes(Writer *writer, const void *data, size_t length);
/* `length` bytes of `fill`. */
void writer_fill(Writer *writer, uint8_t fill, size_t length);
/* Fills with `fill` to the next multiple of `alignment` (a power of two) counted from the first byte. */
void writer_align(Writer *writer, size_t alignment, uint8_t fill);
/* Reserves a field of zeros, returns its offset for writer_patch_*, which do nothing once the writer has
 * failed. */
size_t writer_reserve(Writer *writer, size_t length);
void writer_patch_u16(Writer *writer, size_t offset, uint16_t value);
void writer_patch_u32(Writer *writer, size_t offset, uint32_t value);
/* 0, or the first error. */
int writer_status(const Writer *writer) must_use;
/* Moves the bytes to the caller (free(); never NULL); the writer is empty again. A fixed writer gives a copy.
 * 0 or the sticky error, which stays. */
int writer_take(Writer *writer, uint8_t **ret_data, size_t *ret_length) must_use;
static inline void writer_deinitp(Writer *writer)
{
    writer_deinit(writer);
}
