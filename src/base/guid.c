/* SPDX-License-Identifier: Apache-2.0 */
#include "base/guid.h"
#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

int guid_random(Guid *ret_guid)
{
    Guid guid;
    ssize_t got;
    do
        got = getrandom(&guid, sizeof(guid), 0);
    while (got < 0 && errno == EINTR);
    if (got < 0) return -errno;
    if (got != sizeof(guid)) return -EIO; /* the kernel never splits requests up to 256 bytes */
    guid.data3 = (uint16_t)((guid.data3 & 0x0fff) | 0x4000);
    guid.data4[0] = (uint8_t)((guid.data4[0] & 0x3f) | 0x80);
    *ret_guid = guid;
    return 0;
}

void guid_format(const Guid *guid, char text[GUID_STRING_SIZE])
{
    const uint8_t *d = guid->data4;
    (void)snprintf(text, GUID_STRING_SIZE, "%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x", guid->data1,
                   guid->data2, guid->data3, d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7]);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

int guid_parse(const char *text, Guid *ret_guid)
{
    uint8_t b[16];
    size_t length = strlen(text);
    if (length == 38) {
        if (text[0] != '{' || text[37] != '}') return -EINVAL;
        text++;
    } else if (length != 36) {
        return -EINVAL;
    }
    for (size_t i = 0; i < sizeof(b); i++) {
        if ((i == 4 || i == 6 || i == 8 || i == 10) && *text++ != '-') return -EINVAL;
        int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);
        if (low < 0) return -EINVAL;
        b[i] = (uint8_t)(high << 4 | low);
        text += 2;
    }
    *ret_guid = (Guid){
        .data1 = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3],
        .data2 = (uint16_t)(b[4] << 8 | b[5]),
        .data3 = (uint16_t)(b[6] << 8 | b[7]),
        .data4 = {b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]},
    };
    return 0;
}
