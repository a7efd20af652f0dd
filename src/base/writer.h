/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bounded writer: grows up to a limit, the error is sticky (-ENOMEM, or -E2BIG past the limit).
 * Length fields are reserved and patched, never computed by hand.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "base/guid.h"

typedef struct Writer {
    uint8_t *data;
    size_t length, capacity, limit;
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
void writer_u8(Writer *writer, uint8_t value);
void writer_u16(Writer *writer, uint16_t value);
void writer_u32(Writer *writer, uint32_t value);
void writer_u64(Writer *writer, uint64_t value);
void writer_u16be(Writer *writer, uint16_t value);
void writer_u32be(Writer *writer, uint32_t value);
void writer_guid(Writer *writer, const Guid *guid);
void writer_bytes(Writer *writer, const void *data, size_t length);
/* `length` bytes of `fill`. */
void writer_fill(Writer *writer, uint8_t fill, size_t length);
/* Fills with `fill` to the next multiple of `alignment` (a power of two) counted from the first byte. */
void writer_align(Writer *writer, size_t alignment, uint8_t fill);
/* Room for `length` bytes that the caller fills at once, or NULL on error. Valid until the next write. */
uint8_t *writer_space(Writer *writer, size_t length);
/* Reserves a field, returns its offset for writer_patch_*. */
size_t writer_reserve(Writer *writer, size_t length);
void writer_patch_u16(Writer *writer, size_t offset, uint16_t value);
void writer_patch_u32(Writer *writer, size_t offset, uint32_t value);
/* 0, or the first error. */
int writer_status(const Writer *writer) must_use;
/* Moves the bytes to the caller (free()); the writer is empty again. 0 or the sticky error. */
int writer_take(Writer *writer, uint8_t **ret_data, size_t *ret_length) must_use;
static inline void writer_deinitp(Writer *writer)
{
    writer_deinit(writer);
}
