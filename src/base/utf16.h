/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 and UTF-16 (host order, which is little-endian on every machine Mantle runs on). */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <uchar.h>
#include "base/cleanup.h"

/* Units before the NUL. */
size_t utf16_length(const char16_t *text);
/* One code point at *text, which is before `end` and moves behind it; -1 and unmoved when malformed or cut
 * off. */
int32_t utf8_next(const uint8_t **text, const uint8_t *end);
int32_t utf16_next(const char16_t **text, const char16_t *end);
/* Writes a code point; the bytes (up to 4) or units (up to 2) it took. */
size_t utf8_put(uint8_t *ret_bytes, uint32_t c);
size_t utf16_put(char16_t *ret_units, uint32_t c);

/* Strict: an unpaired surrogate or malformed UTF-8 is -EILSEQ, and so is a NUL among the
 * `units` (the result would silently be a shorter name). The result is NUL-terminated and freed by free().
 * 0, -EILSEQ, -ENOMEM. `ret_length` (may be NULL) gets units or bytes without the NUL. */
int utf16_from_utf8(const char *text, char16_t **ret_text, size_t *ret_length) must_use;
int utf8_from_utf16(const char16_t *text, size_t units, char **ret_text) must_use;
