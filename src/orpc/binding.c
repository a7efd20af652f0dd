/* SPDX-License-Identifier: Apache-2.0 */
/* DUALSTRINGARRAY: decode, walk, build; and the "host[port]" form of its addresses. */
#include "orpc/binding.h"
#include <errno.h>
#include <stdio.h>
#include "base/utf16.h"

#define AUTHN_RESERVED 0xffffu /* [MS-DCOM] 2.2.19.4 */

static uint16_t unit_at(const Bindings *bindings, size_t position)
{
    const uint8_t *at = bindings->data + position * 2;
    return (uint16_t)(at[0] | at[1] << 8);
}

/* The position after the NUL of the string that starts at `position`; 0 when there is no NUL before `end`. */
static size_t skip_text(const Bindings *bindings, size_t position, size_t end)
{
    while (position < end && unit_at(bindings, position))
        position++;
    return position < end ? position + 1 : 0;
}

/* Both lists end with a zero inside their own part of the array. */
static bool is_well_formed(const Bindings *bindings)
{
    size_t position = 0, end = bindings->security_offset;
    while (position < end && unit_at(bindings, position)) {
        position = skip_text(bindings, position + 1, end);
        if (!position) return false;
    }
    if (position >= end) return false;
    position = end;
    end = bindings->entries;
    while (position < end && unit_at(bindings, position)) {
        if (end - position < 3) return false;
        position = skip_text(bindings, position + 2, end);
        if (!position) return false;
    }
    return position < end;
}

static void read_counted(Reader *reader, uint32_t maximum, bool has_maximum, Bindings *ret_bindings)
{
    Bindings found = {0};
    *ret_bindings = found;
    found.entries = reader_u16(reader);
    found.security_offset = reader_u16(reader);
    if (has_maximum && maximum != found.entries) reader_fail(reader);
    if (found.entries > BINDINGS_ENTRIES_MAX || found.security_offset >= found.entries) reader_fail(reader);
    if (!reader_count(reader, found.entries, 2)) return;
    found.data = reader_bytes(reader, (size_t)found.entries * 2);
    if (!found.data) return;
    if (!is_well_formed(&found)) {
        reader_fail(reader);
        return;
    }
    *ret_bindings = found;
}

void bindings_read(Reader *reader, Bindings *ret_bindings)
{
    read_counted(reader, 0, false, ret_bindings);
}

void bindings_read_ndr(Reader *reader, Bindings *ret_bindings)
{
    reader_align(reader, 4);
    uint32_t maximum = reader_u32(reader);
    read_counted(reader, maximum, true, ret_bindings);
}

void bindings_write(Writer *writer, const Bindings *bindings)
{
    /* The smallest array there is: two empty lists. [MS-DCOM] 2.2.19.1 */
    static const uint8_t nothing[8];
    bool none = !bindings->data;
    uint16_t entries = none ? 4 : bindings->entries;
    writer_u16(writer, entries);
    writer_u16(writer, none ? 2 : bindings->security_offset);
    writer_bytes(writer, none ? nothing : bindings->data, (size_t)entries * 2);
}

void bindings_write_ndr(Writer *writer, const Bindings *bindings)
{
    writer_align(writer, 4, 0);
    writer_u32(writer, bindings->data ? bindings->entries : 4);
    bindings_write(writer, bindings);
}

int bindings_dup(const Bindings *bindings, Bindings *ret_copy)
{
    Bindings copy = *bindings;
    if (bindings->data) {
        uint8_t *data = malloc((size_t)bindings->entries * 2);
        if (!data) return -ENOMEM;
        memcpy(data, bindings->data, (size_t)bindings->entries * 2);
        copy.data = data;
    }
    *ret_copy = copy;
    return 0;
}

/* One code point of at most two units; 0 when it is none. */
static uint32_t code_point(const Bindings *bindings, size_t *position, size_t end)
{
    uint32_t unit = unit_at(bindings, (*position)++);
    if (unit < 0xd800 || unit > 0xdfff) return unit;
    if (unit > 0xdbff || *position >= end) return 0;
    uint32_t low = unit_at(bindings, *position);
    if (low < 0xdc00 || low > 0xdfff) return 0;
    (*position)++;
    return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
}

static size_t put_utf8(char *target, uint32_t point)
{
    if (point < 0x80) {
        target[0] = (char)point;
        return 1;
    }
    size_t count = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = count - 1; i > 0; i--, point >>= 6)
        target[i] = (char)(0x80 | (point & 0x3f));
    target[0] = (char)(lead[count] | point);
    return count;
}

/* [position, end) as UTF-8; false when it is not UTF-16 or does not fit. */
static bool text_at(const Bindings *bindings, size_t position, size_t end, char target[BINDING_ADDRESS_SIZE])
{
    size_t length = 0;
    while (position < end) {
        uint32_t point = code_point(bindings, &position, end);
        if (!point || length + 5 > BINDING_ADDRESS_SIZE) return false;
        length += put_utf8(target + length, point);
    }
    target[length] = '\0';
    return true;
}

static bool next_entry(const Bindings *bindings, BindingsWalk *walk, size_t start, size_t end, size_t header,
                       uint16_t *ret_value, char ret_text[BINDING_ADDRESS_SIZE])
{
    size_t position = start + walk->position;
    while (bindings->data && position < end && unit_at(bindings, position)) {
        size_t text = position + header, next = skip_text(bindings, text, end);
        if (!next) return false;
        uint16_t value = unit_at(bindings, position);
        walk->position = (uint16_t)(next - start);
        if (text_at(bindings, text, next - 1, ret_text)) {
            *ret_value = value;
            return true;
        }
        position = next;
    }
    return false;
}

bool bindings_next_string(const Bindings *bindings, BindingsWalk *walk, uint16_t *ret_tower,
                          char ret_address[BINDING_ADDRESS_SIZE])
{
    return next_entry(bindings, walk, 0, bindings->security_offset, 1, ret_tower, ret_address);
}

bool bindings_next_security(const Bindings *bindings, BindingsWalk *walk, uint16_t *ret_service,
                            char ret_principal[BINDING_ADDRESS_SIZE])
{
    return next_entry(bindings, walk, bindings->security_offset, bindings->entries, 2, ret_service,
                      ret_principal);
}

static int put_text(Writer *writer, const char *text)
{
    _cleanup_(freep) char16_t *units = NULL;
    size_t length = 0;
    int r = utf16_from_utf8(text, &units, &length);
    if (r < 0) return r;
    writer_bytes(writer, units, (length + 1) * 2);
    return 0;
}

int bindings_new(const StringBinding *strings, size_t string_count, const SecurityBinding *securities,
                 size_t security_count, Bindings *ret_bindings)
{
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, BINDINGS_ENTRIES_MAX * 2);
    for (size_t i = 0; i < string_count; i++) {
        writer_u16(&writer, strings[i].tower);
        int r = put_text(&writer, strings[i].address);
        if (r < 0) return r;
    }
    /* An empty list is two zeroes, any other ends with one. [MS-DCOM] 2.2.19.1 */
    writer_fill(&writer, 0, string_count ? 2 : 4);
    size_t offset = writer.length / 2;
    for (size_t i = 0; i < security_count; i++) {
        writer_u16(&writer, securities[i].service);
        writer_u16(&writer, AUTHN_RESERVED);
        int r = put_text(&writer, securities[i].principal);
        if (r < 0) return r;
    }
    writer_fill(&writer, 0, security_count ? 2 : 4);
    uint8_t *data = NULL;
    size_t length = 0;
    int r = writer_take(&writer, &data, &length);
    if (r < 0) return r;
    *ret_bindings = (Bindings){data, (uint16_t)(length / 2), (uint16_t)offset};
    return 0;
}

/* Digits of "[port]" up to the end of the text; 0 is no port. */
static int parse_port(const char *text, uint16_t *ret_port)
{
    unsigned value = 0, digits = 0;
    for (; *text >= '0' && *text <= '9' && digits < 6; text++, digits++)
        value = value * 10 + (unsigned)(*text - '0');
    if (!digits || value == 0 || value > 65535 || strcmp(text, "]") != 0) return -EINVAL;
    *ret_port = (uint16_t)value;
    return 0;
}

int binding_split(const char *address, char ret_host[BINDING_HOST_SIZE], uint16_t *ret_port)
{
    const char *host = address, *host_end, *rest;
    if (address[0] == '[') {
        host = address + 1;
        host_end = strchr(host, ']');
        if (!host_end) return -EINVAL;
        rest = host_end + 1;
    } else {
        host_end = rest = address + strcspn(address, "[]");
    }
    size_t length = (size_t)(host_end - host);
    uint16_t port = 0;
    if (!length || length >= BINDING_HOST_SIZE || memchr(host, '[', length)) return -EINVAL;
    if (*rest && (*rest != '[' || parse_port(rest + 1, &port) < 0)) return -EINVAL;
    memcpy(ret_host, host, length);
    ret_host[length] = '\0';
    *ret_port = port;
    return 0;
}

int binding_join(const char *host, uint16_t port, char ret_address[BINDING_ADDRESS_SIZE])
{
    char text[BINDING_ADDRESS_SIZE];
    int length = port ? snprintf(text, sizeof(text), "%s[%u]", host, (unsigned)port)
                      : snprintf(text, sizeof(text), "%s", host);
    if (length < 0 || (size_t)length >= sizeof(text)) return -ENAMETOOLONG;
    memcpy(ret_address, text, (size_t)length + 1);
    return 0;
}
