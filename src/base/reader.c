/* SPDX-License-Identifier: Apache-2.0 */
#include "base/reader.h"
#include <assert.h>
#include <errno.h>

void reader_init(Reader *reader, const void *data, size_t length)
{
    static const uint8_t nothing[1];
    assert(data || length == 0);
    /* never a NULL pointer: zero bytes are a valid read and memcpy() must get a valid pointer */
    *reader = (Reader){.data = data ? data : nothing, .length = length};
}

Guid reader_guid(Reader *reader)
{
    Guid guid;
    guid.data1 = reader_u32(reader);
    guid.data2 = reader_u16(reader);
    guid.data3 = reader_u16(reader);
    reader_copy(reader, guid.data4, sizeof(guid.data4));
    return reader->failed ? (Guid){0} : guid;
}

void reader_copy(Reader *reader, void *target, size_t length)
{
    const uint8_t *bytes = reader_bytes(reader, length);
    if (length == 0) return;
    if (bytes)
        memcpy(target, bytes, length);
    else
        memset(target, 0, length);
}

Reader reader_sub(Reader *reader, size_t length)
{
    Reader sub;
    const uint8_t *bytes = reader_bytes(reader, length);
    reader_init(&sub, bytes, bytes ? length : 0);
    sub.failed = !bytes;
    return sub;
}

bool reader_count(Reader *reader, uint64_t count, size_t element)
{
    assert(element > 0);
    if (reader->failed || count > reader_left(reader) / element) reader->failed = true;
    return !reader->failed;
}

int reader_status(const Reader *reader)
{
    return reader->failed ? -EBADMSG : 0;
}

int reader_end(const Reader *reader)
{
    return reader->failed || reader->offset != reader->length ? -EBADMSG : 0;
}
