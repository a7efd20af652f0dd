/* SPDX-License-Identifier: Apache-2.0 */
#include "terminal.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Reads one character; 0 where none starts. */
static size_t take(const unsigned char *at, uint32_t *ret_c)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = *at < 0x80 ? 1 : *at < 0xC2 ? 0 : *at < 0xE0 ? 2 : *at < 0xF0 ? 3 : *at < 0xF5 ? 4 : 0;
    uint32_t c = length == 1 ? *at : *at & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xC0) != 0x80) return 0;
        c = c << 6 | (at[i] & 0x3Fu);
    }
    if (length && (c < least[length] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000))) return 0;
    *ret_c = c;
    return length;
}

static bool shows_itself(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } hidden[] = {
        {0x00, 0x1F},     {0x7F, 0x9F},     {0xAD, 0xAD},       {0x61C, 0x61C},
        {0x180E, 0x180E}, {0x200B, 0x200F}, {0x2028, 0x202E},   {0x2060, 0x206F},
        {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE0FFF},
    };
    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
        if (c >= hidden[i].first && c <= hidden[i].last) return false;
    return true;
}

char *terminal_text(const char *utf8)
{
    char *result = utf8 ? malloc(strlen(utf8) + 1) : NULL, *at = result;
    if (!result) return NULL;
    for (const unsigned char *from = (const unsigned char *)utf8; *from;) {
        uint32_t c = 0;
        size_t length = take(from, &c);
        if (length && shows_itself(c)) {
            memcpy(at, from, length);
            at += length;
        } else {
            *at++ = '?';
        }
        from += length ? length : 1;
    }
    *at = '\0';
    return result;
}

char *terminal_member(const json_t *hop, const char *key)
{
    return terminal_text(json_string_value(json_object_get(hop, key)));
}
