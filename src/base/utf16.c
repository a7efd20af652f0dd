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

/* One code point of UTF-8 at *text, which moves behind it; -1 when malformed. The NUL at the end stops a
 * sequence that is cut off, because it is no continuation byte. */
static int32_t utf8_next(const uint8_t **text)
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
        if ((*p & 0xc0) != 0x80) return -1;
        c = c << 6 | (*p & 0x3f);
    }
    if (c < smallest[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return -1;
    *text = p;
    return (int32_t)c;
}

int utf16_from_utf8(const char *text, char16_t **ret_text, size_t *ret_length)
{
    /* never more units than bytes */
    size_t bytes = strlen(text), n = 0;
    if (bytes >= SIZE_MAX / sizeof(char16_t)) return -ENOMEM;
    _cleanup_(freep) char16_t *units = malloc((bytes + 1) * sizeof(*units));
    if (!units) return -ENOMEM;
    for (const uint8_t *p = (const uint8_t *)text; *p;) {
        int32_t c = utf8_next(&p);
        if (c < 0) return -EILSEQ;
        if (c >= 0x10000) {
            units[n++] = (char16_t)(0xd800 + ((c - 0x10000) >> 10));
            units[n++] = (char16_t)(0xdc00 + ((c - 0x10000) & 0x3ff));
        } else {
            units[n++] = (char16_t)c;
        }
    }
    units[n] = 0;
    *ret_text = TAKE_PTR(units);
    if (ret_length) *ret_length = n;
    return 0;
}

static size_t utf8_put(uint8_t *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (uint8_t)(0xc0 | c >> 6);
        out[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (uint8_t)(0xe0 | c >> 12);
        out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | c >> 18);
    out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (c & 0x3f));
    return 4;
}

int utf8_from_utf16(const char16_t *text, size_t units, char **ret_text)
{
    /* a unit is at most three bytes; a pair is four */
    if (units > (SIZE_MAX - 1) / 3) return -ENOMEM;
    _cleanup_(freep) uint8_t *bytes = malloc(units * 3 + 1);
    if (!bytes) return -ENOMEM;
    size_t n = 0;
    for (size_t i = 0; i < units; i++) {
        uint32_t c = text[i];
        if (c == 0 || (c >= 0xdc00 && c < 0xe000)) return -EILSEQ;
        if (c >= 0xd800 && c < 0xdc00) {
            if (i + 1 >= units || text[i + 1] < 0xdc00 || text[i + 1] >= 0xe000) return -EILSEQ;
            c = 0x10000 + ((c - 0xd800) << 10) + (text[++i] - 0xdc00u);
        }
        n += utf8_put(bytes + n, c);
    }
    bytes[n] = 0;
    *ret_text = (char *)TAKE_PTR(bytes);
    return 0;
}
