/* SPDX-License-Identifier: Apache-2.0 */
/* GUID: the value, its text and its 16 little-endian bytes. Same layout as the public GUID. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "base/cleanup.h"

typedef struct Guid {
    uint32_t data1;
    uint16_t data2, data3;
    uint8_t data4[8];
} Guid;

#define GUID_STRING_SIZE 37 /* 8-4-4-4-12 and the NUL, no braces */

static inline bool guid_equal(const Guid *a, const Guid *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}
static inline bool guid_is_null(const Guid *guid)
{
    static const Guid zero;
    return guid_equal(guid, &zero);
}
/* A random (version 4) GUID. 0, or -errno of getrandom. */
int guid_random(Guid *ret_guid) must_use;
/* Writes lower-case hex without braces. */
void guid_format(const Guid *guid, char text[GUID_STRING_SIZE]);
/* Reads 36 characters, or 38 with braces; nothing may follow. 0 or -EINVAL. */
int guid_parse(const char *text, Guid *ret_guid) must_use;
