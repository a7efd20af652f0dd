/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf16.h"
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

size_t utf16_length(const char16_t *text)
{
    size_t length = 0;
    while (text[length])
        length++;
    return length;
}

int32_t utf8_next(const uint8_t **text, const uint8_t *end)
{
    static const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
    const uint8_t *p = *text;
    uint32_t c = *p++;
    unsigned more = c < 0x80             ? 0
                    : (c & 0xe0) == 0xc0 ? 1
                    : (c & 0xf0) == 0xe0 ? 2
                    : (c & 0xf8) == 0xf0 ? 3
                                         : 4;
    if (more == 4) return -1;
    if (more) c &= 0x3fu >> more;
    for (unsigned i = 0; i < more; i++, p++) {
        if (p == end || (*p & 0xc0) != 0x80) return -1;
        c = c << 6 | (*p & 0x3f);
    }
    if (c < smallest[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return -1;
    *text = p;
    return (int32_t)c;
}

int32_t utf16_next(const char16_t **text, const char16_t *end)
{
    const char16_t *p = *text;
    uint32_t c = *p++;
    if (c >= 0xdc00 && c < 0xe000) return -1;
    if (c >= 0xd800 && c < 0xdc00) {
        if (p == end || *p < 0xdc00 || *p >= 0xe000) return -1;
        c = 0x10000 + ((c - 0xd800) << 10) + (*p++ - 0xdc00u);
    }
    *text = p;
    return (int32_t)c;
}

size_t utf16_put(char16_t *ret_units, uint32_t c)
{
    if (c < 0x10000) {
        ret_units[0] = (char16_t)c;
        return 1;
    }
    ret_units[0] = (char16_t)(0xd800 + ((c - 0x10000) >> 10));
    ret_units[1] = (char16_t)(0xdc00 + ((c - 0x10000) & 0x3ff));
    return 2;
}

int utf16_from_utf8(const char *text, char16_t **ret_text, size_t *ret_length)
{
    /* never more units than bytes */
    size_t bytes = strlen(text), n = 0;
    if (bytes >= SIZE_MAX / sizeof(char16_t)) return -ENOMEM;
    _cleanup_(freep) char16_t *units = malloc((bytes + 1) * sizeof(*units));
    if (!units) return -ENOMEM;
    for (const uint8_t *p = (const uint8_t *)text, *end = p + bytes; p < end;) {
        int32_t c = utf8_next(&p, end);
        if (c < 0) return -EILSEQ;
        n += utf16_put(units + n, (uint32_t)c);
    }
    units[n] = 0;
    *ret_text = TAKE_PTR(units);
    if (ret_length) *ret_length = n;
    return 0;
}

size_t utf8_put(uint8_t *ret_bytes, uint32_t c)
{
    if (c < 0x80) {
        ret_bytes[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        ret_bytes[0] = (uint8_t)(0xc0 | c >> 6);
        ret_bytes[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        ret_bytes[0] = (uint8_t)(0xe0 | c >> 12);
        ret_bytes[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        ret_bytes[2] = (uint8_t)(0x80 | (c & 0x3f));
        return 3;
    }
    ret_bytes[0] = (uint8_t)(0xf0 | c >> 18);
    ret_bytes[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    ret_bytes[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    ret_bytes[3] = (uint8_t)(0x80 | (c & 0x3f));
    return 4;
}

int utf8_from_utf16(const char16_t *text, size_t units, char **ret_text)
{
    /* a unit is at most three bytes; a pair is four */
    if (units > (SIZE_MAX - 1) / 3) return -ENOMEM;
    _cleanup_(freep) uint8_t *bytes = malloc(units * 3 + 1);
    if (!bytes) return -ENOMEM;
    size_t n = 0;
    for (const char16_t *end = text + units; text < end;) {
        int32_t c = utf16_next(&text, end);
        if (c <= 0) return -EILSEQ;
        n += utf8_put(bytes + n, (uint32_t)c);
    }
    bytes[n] = 0;
    *ret_text = (char *)TAKE_PTR(bytes);
    return 0;
}
