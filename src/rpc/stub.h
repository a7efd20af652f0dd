/* SPDX-License-Identifier: Apache-2.0 */
/* NDR's small change, shared by the hand-written stubs of rpc/ and orpc/. */
#pragma once
#include "base/reader.h"
#include "base/writer.h"

/* Referent identifiers as Windows counts them: from here in steps of 4, per stub. Any value but 0 would do.
 */
#define REFERENT 0x00020000u

static inline bool ndr_referent_read(Reader *reader)
{
    reader_align(reader, 4);
    return reader_u32(reader) != 0;
}

static inline void ndr_referent_write(Writer *writer, unsigned index, bool present)
{
    writer_align(writer, 4, 0);
    writer_u32(writer, present ? REFERENT + 4 * index : 0);
}

static inline uint32_t ndr_u32_read(Reader *reader)
{
    reader_align(reader, 4);
    return reader_u32(reader);
}

static inline void ndr_u32_write(Writer *writer, uint32_t value)
{
    writer_align(writer, 4, 0);
    writer_u32(writer, value);
}

/* A conformant array of `count` elements of `size` bytes, aligned to `alignment` (at least 4), in place. */
static inline const uint8_t *ndr_array_read(Reader *reader, uint32_t count, size_t size, size_t alignment)
{
    if (ndr_u32_read(reader) != count) reader_fail(reader);
    if (count) reader_align(reader, alignment);
    if (!reader_count(reader, count, size)) return NULL;
    return reader_bytes(reader, (size_t)count * size);
}

static inline void ndr_array_write(Writer *writer, const void *data, uint32_t count, size_t size,
                                   size_t alignment)
{
    ndr_u32_write(writer, count);
    if (count) writer_align(writer, alignment, 0);
    writer_bytes(writer, data, (size_t)count * size);
}
