/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bounded reader: the only way foreign bytes are read.
 *
 * The error is sticky: after the first failure every read yields zero and moves nothing, so a parse
 * function reads like the structure in the specification and checks once, at the end. Numbers are
 * little-endian unless the name says otherwise. The reader never owns or copies the bytes.
 */
#pragma once
#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "base/guid.h"

typedef struct Reader {
    const uint8_t *data;
    size_t length;
    size_t offset;
    bool failed;
} Reader;

void reader_init(Reader *reader, const void *data, size_t length);
/* Marks the reader as failed: a value that was read is not acceptable. */
static inline void reader_fail(Reader *reader)
{
    reader->failed = true;
}
static inline size_t reader_left(const Reader *reader)
{
    return reader->failed ? 0 : reader->length - reader->offset;
}
/* The next `length` bytes in place, or NULL when fewer are left (then the reader has failed). Zero bytes: not
 * NULL, unless the reader failed before. */
static inline const uint8_t *reader_bytes(Reader *reader, size_t length)
{
    if (__builtin_expect(reader->failed || length > reader->length - reader->offset, 0)) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *bytes = reader->data + reader->offset;
    reader->offset += length;
    return bytes;
}
static inline uint8_t reader_u8(Reader *reader)
{
    const uint8_t *bytes = reader_bytes(reader, 1);
    return bytes ? bytes[0] : 0;
}
#define READER_NUMBER(name, Type, from_wire)                                                                 \
    static inline Type name(Reader *reader)                                                                  \
    {                                                                                                        \
        Type value;                                                                                          \
        const uint8_t *bytes = reader_bytes(reader, sizeof(value));                                          \
        if (!bytes) return 0;                                                                                \
        memcpy(&value, bytes, sizeof(value));                                                                \
        return from_wire(value);                                                                             \
    }
READER_NUMBER(reader_u16, uint16_t, le16toh)
READER_NUMBER(reader_u32, uint32_t, le32toh)
READER_NUMBER(reader_u64, uint64_t, le64toh)
READER_NUMBER(reader_u16be, uint16_t, be16toh)
READER_NUMBER(reader_u32be, uint32_t, be32toh)
#undef READER_NUMBER
Guid reader_guid(Reader *reader);
/* Copies the next `length` bytes; zero-fills the target on failure. */
void reader_copy(Reader *reader, void *target, size_t length);
static inline void reader_skip(Reader *reader, size_t length)
{
    (void)reader_bytes(reader, length);
}
/* Skips to the next multiple of `alignment` (a power of two) counted from the reader's first byte. */
static inline void reader_align(Reader *reader, size_t alignment)
{
    reader_skip(reader, -reader->offset & (alignment - 1));
}
/* Reads the next `length` bytes as a reader of their own; an empty failed reader when fewer are left. */
Reader reader_sub(Reader *reader, size_t length);
/* True when `count` elements of at least `element` bytes can still follow; else fails the reader.
 * Call it before a count is believed: allocated for or looped over. `element` is at least 1. */
bool reader_count(Reader *reader, uint64_t count, size_t element);
/* 0, or -EBADMSG when any read failed. */
int reader_status(const Reader *reader) must_use;
/* As reader_status, and trailing bytes are an error too. */
int reader_end(const Reader *reader) must_use;
