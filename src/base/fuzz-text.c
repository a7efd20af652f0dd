/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as UTF-16, UTF-8 and GUID text: what converts, converts back to the same.
 * Decoder: src/base/utf16.c
 * Decoder: src/base/guid.c guid_(parse|format)|hex_digit
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/guid.h"
#include "base/utf16.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_utf16(const char16_t *units, size_t count)
{
    _cleanup_(freep) char *bytes = NULL;
    _cleanup_(freep) char16_t *back = NULL;
    size_t length = 0;
    if (utf8_from_utf16(units, count, &bytes) < 0) return;
    if (utf16_from_utf8(bytes, &back, &length) < 0) abort();
    assert(length == count && memcmp(back, units, count * sizeof(*units)) == 0);
}

static void check_utf8(const char *text)
{
    _cleanup_(freep) char16_t *units = NULL;
    _cleanup_(freep) char *back = NULL;
    size_t length = 0;
    if (utf16_from_utf8(text, &units, &length) < 0) return;
    assert(utf16_length(units) == length);
    if (utf8_from_utf16(units, length, &back) < 0) abort();
    assert(strcmp(back, text) == 0);
}

static void check_guid(const char *text)
{
    Guid guid;
    char formatted[GUID_STRING_SIZE];
    if (guid_parse(text, &guid) < 0) return;
    guid_format(&guid, formatted);
    assert(strncasecmp(formatted, text + (*text == '{'), GUID_STRING_SIZE - 1) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t count = size / sizeof(char16_t);
    _cleanup_(freep) char *text = malloc(size + 1);
    _cleanup_(freep) char16_t *units = malloc(count * sizeof(*units) + 1);
    if (!text || !units) return 0;
    memcpy(text, data, size);
    text[size] = 0;
    memcpy(units, data, count * sizeof(*units));
    check_utf16(units, count);
    check_utf8(text);
    check_guid(text);
    return 0;
}
