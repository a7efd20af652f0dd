/* SPDX-License-Identifier: Apache-2.0 */
#include "base/writer.h"
#include <assert.h>
#include <errno.h>

#define CAPACITY_MIN 256u

void writer_init(Writer *writer, size_t limit)
{
    *writer = (Writer){.limit = limit ? limit : WRITER_LIMIT_DEFAULT};
}

void writer_init_fixed(Writer *writer, void *buffer, size_t capacity)
{
    assert(buffer || capacity == 0);
    *writer = (Writer){.data = buffer, .capacity = capacity, .limit = capacity, .borrowed = true};
}

void writer_deinit(Writer *writer)
{
    if (!writer->borrowed) free(writer->data);
    *writer = (Writer){.limit = writer->borrowed ? 0 : writer->limit, .borrowed = writer->borrowed};
}

void writer_reset(Writer *writer)
{
    writer->length = 0;
    writer->error = 0;
}

static int writer_grow(Writer *writer, size_t length)
{
    if (length > writer->limit - writer->length) return -E2BIG;
    size_t needed = writer->length + length;
    size_t capacity = writer->capacity > writer->limit / 2 ? writer->limit : writer->capacity * 2;
    if (capacity < needed) capacity = needed;
    if (capacity < CAPACITY_MIN) capacity = CAPACITY_MIN < writer->limit ? CAPACITY_MIN : writer->limit;
    uint8_t *data = realloc(writer->data, capacity);
    if (!data) return -ENOMEM;
    writer->data = data;
    writer->capacity = capacity;
    return 0;
}

uint8_t *writer_space(Writer *writer, size_t length)
{
    static uint8_t nothing[1];
    if (writer->error) return NULL;
    if (length > writer->capacity - writer->length) {
        writer->error = writer_grow(writer, length);
        if (writer->error) return NULL;
    }
    if (!writer->data) return nothing;
    uint8_t *space = writer->data + writer->length;
    writer->length += length;
    return space;
}

void writer_guid(Writer *writer, const Guid *guid)
{
    writer_u32(writer, guid->data1);
    writer_u16(writer, guid->data2);
    writer_u16(writer, guid->data3);
    writer_bytes(writer, guid->data4, sizeof(guid->data4));
}

void writer_bytes(Writer *writer, const void *data, size_t length)
{
    uint8_t *space = writer_space(writer, length);
    if (space && length > 0) memcpy(space, data, length);
}

void writer_fill(Writer *writer, uint8_t fill, size_t length)
{
    uint8_t *space = writer_space(writer, length);
    if (space && length > 0) memset(space, fill, length);
}

void writer_align(Writer *writer, size_t alignment, uint8_t fill)
{
    writer_fill(writer, fill, -writer->length & (alignment - 1));
}

size_t writer_reserve(Writer *writer, size_t length)
{
    size_t offset = writer->length;
    writer_fill(writer, 0, length);
    return offset;
}

static void writer_patch(Writer *writer, size_t offset, const void *data, size_t length)
{
    if (writer->error) return;
    assert(offset <= writer->length && length <= writer->length - offset);
    memcpy(writer->data + offset, data, length);
}

void writer_patch_u16(Writer *writer, size_t offset, uint16_t value)
{
    value = htole16(value);
    writer_patch(writer, offset, &value, sizeof(value));
}

void writer_patch_u32(Writer *writer, size_t offset, uint32_t value)
{
    value = htole32(value);
    writer_patch(writer, offset, &value, sizeof(value));
}

int writer_status(const Writer *writer)
{
    return writer->error;
}

int writer_take(Writer *writer, uint8_t **ret_data, size_t *ret_length)
{
    if (writer->error) return writer->error;
    if (writer->borrowed || !writer->data) {
        uint8_t *copy = malloc(writer->length + !writer->length);
        if (!copy) return -ENOMEM;
        if (writer->length > 0) memcpy(copy, writer->data, writer->length);
        *ret_data = copy;
        *ret_length = writer->length;
        writer->length = 0;
        return 0;
    }
    *ret_length = writer->length;
    *ret_data = TAKE_PTR(writer->data);
    writer->length = writer->capacity = 0;
    return 0;
}
