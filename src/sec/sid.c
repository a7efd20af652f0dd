/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/sid.h"
#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define SID_REVISION      1
#define SID_AUTHORITY_MAX 0xFFFFFFFFFFFFull

const Sid SID_ANONYMOUS = {.count = 1, .authority = 5, .subauthorities = {7}};
const Sid SID_EVERYONE = {.count = 1, .authority = 1, .subauthorities = {0}};
const Sid SID_LOCAL = {.count = 1, .authority = 2, .subauthorities = {0}};
const Sid SID_OWNER_RIGHTS = {.count = 1, .authority = 3, .subauthorities = {4}};
const Sid SID_NETWORK = {.count = 1, .authority = 5, .subauthorities = {2}};
const Sid SID_INTERACTIVE = {.count = 1, .authority = 5, .subauthorities = {4}};
const Sid SID_AUTHENTICATED = {.count = 1, .authority = 5, .subauthorities = {11}};
const Sid SID_SYSTEM = {.count = 1, .authority = 5, .subauthorities = {18}};
const Sid SID_ADMINISTRATORS = {.count = 2, .authority = 5, .subauthorities = {32, 544}};

bool sid_equal(const Sid *a, const Sid *b)
{
    return a->count == b->count && a->authority == b->authority &&
           memcmp(a->subauthorities, b->subauthorities, a->count * sizeof(uint32_t)) == 0;
}

void sid_format(const Sid *sid, char text[SID_STRING_SIZE])
{
    const char *format = sid->authority > UINT32_MAX ? "S-1-0x%012" PRIX64 : "S-1-%" PRIu64;
    int used = snprintf(text, SID_STRING_SIZE, format, sid->authority);

    for (uint8_t i = 0; i < sid->count && i < SID_SUBAUTHORITIES_MAX; i++)
        used += snprintf(text + used, SID_STRING_SIZE - (size_t)used, "-%" PRIu32, sid->subauthorities[i]);
}

/* One number, digits only; `*text` moves behind it. */
static bool parse_number(const char **text, uint64_t max, uint64_t *ret_value)
{
    const char *at = *text;
    unsigned base = 10;
    uint64_t value = 0;

    if (at[0] == '0' && (at[1] == 'x' || at[1] == 'X')) {
        base = 16;
        at += 2;
    }
    const char *first = at;
    for (;; at++) {
        unsigned digit;
        if (*at >= '0' && *at <= '9')
            digit = (unsigned)(*at - '0');
        else if (base == 16 && *at >= 'a' && *at <= 'f')
            digit = (unsigned)(*at - 'a') + 10;
        else if (base == 16 && *at >= 'A' && *at <= 'F')
            digit = (unsigned)(*at - 'A') + 10;
        else
            break;
        value = value * base + digit; /* cannot overflow: max is below 2^48 */
        if (value > max) return false;
    }
    if (at == first) return false;
    *text = at;
    *ret_value = value;
    return true;
}

int sid_parse(const char *text, Sid *ret_sid)
{
    Sid sid = {0};
    uint64_t value;

    if (strncmp(text, "S-1-", 4) != 0 && strncmp(text, "s-1-", 4) != 0) return -EINVAL;
    text += 4;
    if (!parse_number(&text, SID_AUTHORITY_MAX, &sid.authority)) return -EINVAL;
    while (*text == '-') {
        text++;
        if (sid.count == SID_SUBAUTHORITIES_MAX || !parse_number(&text, UINT32_MAX, &value)) return -EINVAL;
        sid.subauthorities[sid.count++] = (uint32_t)value;
    }
    if (*text != '\0') return -EINVAL;
    *ret_sid = sid;
    return 0;
}

void sid_read(Reader *reader, Sid *ret_sid)
{
    Sid sid = {0};

    if (reader_u8(reader) != SID_REVISION) reader_fail(reader);
    sid.count = reader_u8(reader);
    sid.authority = (uint64_t)reader_u16be(reader) << 32;
    sid.authority |= reader_u32be(reader);
    if (sid.count > SID_SUBAUTHORITIES_MAX) reader_fail(reader);
    if (!reader_count(reader, sid.count, sizeof(uint32_t))) return;
    for (uint8_t i = 0; i < sid.count; i++)
        sid.subauthorities[i] = reader_u32(reader);
    *ret_sid = sid;
}

void sid_write(Writer *writer, const Sid *sid)
{
    writer_u8(writer, SID_REVISION);
    writer_u8(writer, sid->count);
    writer_u16be(writer, (uint16_t)(sid->authority >> 32));
    writer_u32be(writer, (uint32_t)sid->authority);
    for (uint8_t i = 0; i < sid->count; i++)
        writer_u32(writer, sid->subauthorities[i]);
}

int sid_append(const Sid *domain, uint32_t rid, Sid *ret_sid)
{
    if (domain->count >= SID_SUBAUTHORITIES_MAX) return -E2BIG;
    Sid sid = *domain;
    sid.subauthorities[sid.count++] = rid;
    *ret_sid = sid;
    return 0;
}

Sid sid_from_uid(uint32_t uid)
{
    return (Sid){.count = 2, .authority = SID_AUTHORITY_UNIX, .subauthorities = {1, uid}};
}

Sid sid_from_gid(uint32_t gid)
{
    return (Sid){.count = 2, .authority = SID_AUTHORITY_UNIX, .subauthorities = {2, gid}};
}

int sid_from_principal(const char *principal, Sid *ret_sid)
{
    uint8_t digest[32];
    unsigned length = 0;

    if (!EVP_Digest(principal, strlen(principal), digest, &length, EVP_sha256(), NULL) ||
        length != sizeof(digest))
        return -EIO;
    Sid sid = {.count = sizeof(digest) / 4, .authority = SID_AUTHORITY_MANTLE};
    for (unsigned i = 0; i < sid.count; i++)
        sid.subauthorities[i] = (uint32_t)digest[4 * i] | (uint32_t)digest[4 * i + 1] << 8 |
                                (uint32_t)digest[4 * i + 2] << 16 | (uint32_t)digest[4 * i + 3] << 24;
    *ret_sid = sid;
    return 0;
}
