/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bounded reader: the only way foreign bytes are read.
 *
 * The error is sticky: after the first failure every read yields zero and moves nothing, so a parse
 * function reads like the structure in the specification and checks once, at the end. Numbers are
 * little-endian unless the name says otherwise. The reader never owns or copies the bytes.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/guid.h"

typedef struct Reader {
    const uint8_t *data;
    size_t length;
    size_t offset;
    bool failed;
} Reader;

void reader_init(Reader *reader, const void *data, size_t length);
/* Marks the reader as failed: a value that was read is not acceptable. */
void reader_fail(Reader *reader);
static inline size_t reader_left(const Reader *reader)
{
    return reader->failed ? 0 : reader->length - reader->offset;
}
uint8_t reader_u8(Reader *reader);
uint16_t reader_u16(Reader *reader);
uint32_t reader_u32(Reader *reader);
uint64_t reader_u64(Reader *reader);
uint16_t reader_u16be(Reader *reader);
uint32_t reader_u32be(Reader *reader);
Guid reader_guid(Reader *reader);
/* The next `length` bytes in place, or NULL when fewer are left (then the reader has failed). Zero bytes: not NULL. */
const uint8_t *reader_bytes(Reader *reader, size_t length);
/* Copies the next `length` bytes; zero-fills the target on failure. */
void reader_copy(Reader *reader, void *target, size_t length);
void reader_skip(Reader *reader, size_t length);
/* Skips to the next multiple of `alignment` (a power of two) counted from the reader's first byte. */
void reader_align(Reader *reader, size_t alignment);
/* Reads the next `length` bytes as a reader of their own; an empty failed reader when fewer are left. */
Reader reader_sub(Reader *reader, size_t length);
/* True when `count` elements of at least `element` bytes can still follow; else fails the reader.
 * Call it before a count is believed: allocated for or looped over. */
bool reader_count(Reader *reader, uint64_t count, size_t element);
/* 0, or -EBADMSG when any read failed. */
int reader_status(const Reader *reader) must_use;
/* As reader_status, and trailing bytes are an error too. */
int reader_end(const Reader *reader) must_use;
