/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/krb5-der.h"
#include <string.h>
#include <time.h>

#define DER_LENGTH_MAX 5 /* bytes of a length field of up to 2^32 - 1 */

static uint32_t read_length(Reader *reader)
{
    uint8_t first = reader_u8(reader);
    if (first < 0x80) return first;
    unsigned bytes = first & 0x7f;
    uint32_t length = 0;
    if (bytes < 1 || bytes > 4) reader_fail(reader);
    for (unsigned i = 0; i < bytes && !reader->failed; i++)
        length = length << 8 | reader_u8(reader);
    return length;
}

Reader der_read(Reader *reader, uint8_t tag)
{
    if (reader_u8(reader) != tag) reader_fail(reader);
    uint32_t length = read_length(reader);
    return reader_sub(reader, length);
}

bool der_read_optional(Reader *reader, uint8_t tag, Reader *ret_content)
{
    if (reader_left(reader) > 0 && reader->data[reader->offset] == tag) {
        *ret_content = der_read(reader, tag);
        return !ret_content->failed;
    }
    reader_init(ret_content, "", 0);
    return false;
}

Reader der_read_element(Reader *reader)
{
    size_t start = reader->offset;
    (void)reader_u8(reader); /* any tag */
    reader_skip(reader, read_length(reader));
    Reader whole;
    if (reader->failed) {
        reader_init(&whole, "", 0);
        reader_fail(&whole);
    } else {
        reader_init(&whole, reader->data + start, reader->offset - start);
    }
    return whole;
}

int32_t der_read_integer(Reader *reader)
{
    Reader content = der_read(reader, DER_INTEGER);
    size_t length = reader_left(&content);
    /* A 32-bit unsigned value (a nonce of another implementation) has a leading zero byte. */
    if (length < 1 || length > 5 || (length == 5 && content.data[content.offset] != 0)) {
        reader_fail(reader);
        return 0;
    }
    uint32_t value = content.data[content.offset] & 0x80 ? UINT32_MAX : 0;
    while (reader_left(&content) > 0)
        value = value << 8 | reader_u8(&content);
    return (int32_t)value;
}

int64_t der_read_time(Reader *reader)
{
    Reader content = der_read(reader, DER_GENERALIZED_TIME);
    static const uint8_t digits[] = {4, 2, 2, 2, 2, 2};
    int field[6] = {0};
    if (reader_left(&content) != 15 || content.data[content.offset + 14] != 'Z') {
        reader_fail(reader);
        return 0;
    }
    for (int i = 0; i < 6; i++)
        for (int k = 0; k < digits[i]; k++) {
            uint8_t digit = reader_u8(&content);
            if (digit < '0' || digit > '9') reader_fail(reader);
            field[i] = field[i] * 10 + (digit - '0');
        }
    /* timegm() would make another day of a 14th month. */
    static const int lowest[] = {1970, 1, 1, 0, 0, 0}, highest[] = {2105, 12, 31, 23, 59, 60};
    for (int i = 0; i < 6; i++)
        if (field[i] < lowest[i] || field[i] > highest[i]) reader_fail(reader);
    if (reader->failed) return 0;
    struct tm tm = {.tm_year = field[0] - 1900,
                    .tm_mon = field[1] - 1,
                    .tm_mday = field[2],
                    .tm_hour = field[3],
                    .tm_min = field[4],
                    .tm_sec = field[5]};
    return timegm(&tm);
}

uint32_t der_read_flags(Reader *reader)
{
    Reader content = der_read(reader, DER_BIT_STRING);
    if (reader_left(&content) != 5 || reader_u8(&content) != 0) {
        reader_fail(reader);
        return 0;
    }
    return reader_u32be(&content);
}

size_t der_begin(Writer *writer, uint8_t tag)
{
    writer_u8(writer, tag);
    return writer_reserve(writer, DER_LENGTH_MAX);
}

void der_end(Writer *writer, size_t begin)
{
    if (writer_status(writer) != 0) return;
    size_t content = begin + DER_LENGTH_MAX, length = writer->length - content, size = 1;
    uint8_t field[DER_LENGTH_MAX];
    if (length < 0x80) {
        field[0] = (uint8_t)length;
    } else {
        for (size_t rest = length; rest > 0; rest >>= 8)
            size++;
        field[0] = (uint8_t)(0x80 | (size - 1));
        for (size_t i = 1; i < size; i++)
            field[i] = (uint8_t)(length >> (8 * (size - 1 - i)));
    }
    memcpy(writer->data + begin, field, size);
    memmove(writer->data + begin + size, writer->data + content, length);
    writer->length -= DER_LENGTH_MAX - size;
}

void der_write(Writer *writer, uint8_t tag, const void *data, size_t length)
{
    size_t mark = der_begin(writer, tag);
    writer_bytes(writer, data, length);
    der_end(writer, mark);
}

void der_write_integer(Writer *writer, int32_t value)
{
    uint32_t bits = (uint32_t)value;
    uint8_t bytes[4] = {(uint8_t)(bits >> 24), (uint8_t)(bits >> 16), (uint8_t)(bits >> 8), (uint8_t)bits};
    int skip = 0;
    while (skip < 3 &&
           ((bytes[skip] == 0 && bytes[skip + 1] < 0x80) || (bytes[skip] == 0xff && bytes[skip + 1] >= 0x80)))
        skip++;
    der_write(writer, DER_INTEGER, bytes + skip, (size_t)(4 - skip));
}

void der_write_time(Writer *writer, int64_t seconds)
{
    char text[32];
    struct tm tm;
    time_t value = (time_t)seconds;
    gmtime_r(&value, &tm);
    size_t length = strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", &tm);
    der_write(writer, DER_GENERALIZED_TIME, text, length);
}

void der_write_flags(Writer *writer, uint32_t flags)
{
    size_t mark = der_begin(writer, DER_BIT_STRING);
    writer_u8(writer, 0); /* unused bits */
    writer_u32be(writer, flags);
    der_end(writer, mark);
}
