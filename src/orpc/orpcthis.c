/* SPDX-License-Identifier: Apache-2.0 */
/* ORPCTHIS, ORPCTHAT and their extents. */
#include "orpc/orpcthis.h"

#define REFERENT 0x00020000u /* any value but 0 does; Windows counts up from here in steps of 4 */

void com_version_read(Reader *reader, ComVersion *ret_version)
{
    reader_align(reader, 2);
    ret_version->major = reader_u16(reader);
    ret_version->minor = reader_u16(reader);
}

void com_version_write(Writer *writer, ComVersion version)
{
    writer_align(writer, 2, 0);
    writer_u16(writer, version.major);
    writer_u16(writer, version.minor);
}

static uint32_t rounded(uint32_t size)
{
    return (size + 7) & ~7u;
}

/* ORPC_EXTENT: [size_is((size+7) & ~7)] byte data[], so in NDR the rounded size comes first. */
static void read_extent(Reader *reader, OrpcExtent *ret_extent)
{
    reader_align(reader, 4);
    uint32_t maximum = reader_u32(reader);
    ret_extent->id = reader_guid(reader);
    ret_extent->size = reader_u32(reader);
    if (ret_extent->size > ORPC_EXTENT_SIZE_MAX || maximum != rounded(ret_extent->size)) reader_fail(reader);
    ret_extent->data = reader_bytes(reader, maximum);
}

/* ORPC_EXTENT_ARRAY: size, reserved, [size_is((size+1)&~1,), unique] ORPC_EXTENT **extent. Elements may be
 * null; `size` counts the others. */
static void read_extents(Reader *reader, OrpcExtent *extents, uint32_t *ret_count)
{
    reader_align(reader, 4);
    uint32_t size = reader_u32(reader);
    (void)reader_u32(reader);
    uint32_t referent = reader_u32(reader);
    if (size > ORPC_EXTENTS_MAX || (size > 0 && !referent)) reader_fail(reader);
    if (!referent || reader->failed) return;
    uint32_t maximum = reader_u32(reader), present = 0;
    if (maximum != ((size + 1) & ~1u) || !reader_count(reader, maximum, 4)) {
        reader_fail(reader);
        return;
    }
    for (uint32_t i = 0; i < maximum; i++)
        if (reader_u32(reader)) present++;
    if (present != size) reader_fail(reader);
    for (uint32_t i = 0; i < size && !reader->failed; i++)
        read_extent(reader, &extents[i]);
    *ret_count = reader->failed ? 0 : size;
}

static void write_extents(Writer *writer, const OrpcExtent *extents, uint32_t count)
{
    uint32_t maximum = (count + 1) & ~1u;
    writer_u32(writer, count);
    writer_u32(writer, 0);
    writer_u32(writer, REFERENT + 4);
    writer_u32(writer, maximum);
    for (uint32_t i = 0; i < maximum; i++)
        writer_u32(writer, i < count ? REFERENT + 8 + 4 * i : 0);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t size = extents[i].size;
        writer_align(writer, 4, 0);
        writer_u32(writer, rounded(size));
        writer_guid(writer, &extents[i].id);
        writer_u32(writer, size);
        writer_bytes(writer, extents[i].data, size);
        writer_fill(writer, 0, rounded(size) - size);
    }
}

static void read_extensions(Reader *reader, OrpcExtent *extents, uint32_t *ret_count)
{
    if (reader_u32(reader)) read_extents(reader, extents, ret_count);
}

static void write_extensions(Writer *writer, const OrpcExtent *extents, uint32_t count)
{
    writer_u32(writer, count ? REFERENT : 0);
    if (count) write_extents(writer, extents, count);
}

void orpc_this_read(Reader *reader, OrpcThis *ret_this)
{
    *ret_this = (OrpcThis){0};
    reader_align(reader, 4);
    com_version_read(reader, &ret_this->version);
    ret_this->flags = reader_u32(reader);
    (void)reader_u32(reader); /* reserved1: ignored on receipt */
    ret_this->causality = reader_guid(reader);
    read_extensions(reader, ret_this->extents, &ret_this->extent_count);
}

void orpc_this_write(Writer *writer, const OrpcThis *this_)
{
    writer_align(writer, 4, 0);
    com_version_write(writer, this_->version);
    writer_u32(writer, this_->flags);
    writer_u32(writer, 0);
    writer_guid(writer, &this_->causality);
    write_extensions(writer, this_->extents, this_->extent_count);
}

void orpc_that_read(Reader *reader, OrpcThat *ret_that)
{
    *ret_that = (OrpcThat){0};
    reader_align(reader, 4);
    ret_that->flags = reader_u32(reader);
    read_extensions(reader, ret_that->extents, &ret_that->extent_count);
}

void orpc_that_write(Writer *writer, const OrpcThat *that)
{
    writer_align(writer, 4, 0);
    writer_u32(writer, that->flags);
    write_extensions(writer, that->extents, that->extent_count);
}
