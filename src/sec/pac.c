/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KERB_VALIDATION_INFO is one NDR structure whose pointers are deferred: all referents follow in the order of
 * their pointers. Counts stand twice, in the structure and as the conformance in front of the array, and must
 * agree.
 */
#include "sec/pac.h"
#include <errno.h>
#include <string.h>

#define SERIALIZATION_VERSION 1
#define LITTLE_ENDIAN_DREP    0x10
#define COMMON_HEADER_LENGTH  8
#define GROUP_SIZE            8 /* GROUP_MEMBERSHIP: RID and attributes */
#define EXTRA_SID_SIZE        8 /* KERB_SID_AND_ATTRIBUTES: pointer and attributes */
#define GROUP_ENABLED         0x00000004u
#define GROUP_DENY_ONLY       0x00000010u
#define EFFECTIVE_STRINGS     6

typedef struct Unicode {
    uint16_t length, maximum; /* in bytes */
    uint32_t pointer;
} Unicode;

/* The fixed part, as far as it is needed. */
typedef struct LogonInfo {
    Unicode names[EFFECTIVE_STRINGS]; /* EffectiveName .. HomeDirectoryDrive */
    uint32_t user_rid, primary_rid, group_count, groups_pointer;
    Unicode server, domain_name;
    uint32_t domain_pointer, account_flags;
    uint32_t extra_count, extra_pointer;
    uint32_t resource_domain_pointer, resource_count, resource_pointer;
} LogonInfo;

static Unicode unicode_read(Reader *reader)
{
    Unicode string = {.length = reader_u16(reader), .maximum = reader_u16(reader)};
    string.pointer = reader_u32(reader);
    return string;
}

static void logon_info_read(Reader *reader, LogonInfo *info)
{
    reader_skip(reader, 6 * 8); /* LogonTime .. PasswordMustChange */
    for (unsigned i = 0; i < EFFECTIVE_STRINGS; i++)
        info->names[i] = unicode_read(reader);
    reader_skip(reader, 2 + 2); /* LogonCount, BadPasswordCount */
    info->user_rid = reader_u32(reader);
    info->primary_rid = reader_u32(reader);
    info->group_count = reader_u32(reader);
    info->groups_pointer = reader_u32(reader);
    reader_skip(reader, 4 + 16); /* UserFlags, UserSessionKey */
    info->server = unicode_read(reader);
    info->domain_name = unicode_read(reader);
    info->domain_pointer = reader_u32(reader);
    reader_skip(reader, 2 * 4); /* Reserved1 */
    info->account_flags = reader_u32(reader);
    reader_skip(reader, 4 + 8 + 8 + 4 + 4); /* SubAuthStatus .. Reserved3 */
    info->extra_count = reader_u32(reader);
    info->extra_pointer = reader_u32(reader);
    info->resource_domain_pointer = reader_u32(reader);
    info->resource_count = reader_u32(reader);
    info->resource_pointer = reader_u32(reader);
}

/* A conformant varying string: passed over, but only when it is well formed. */
static void unicode_skip(Reader *reader, const Unicode *string)
{
    if (string->length > string->maximum || string->length % 2) reader_fail(reader);
    if (!string->pointer) {
        if (string->length) reader_fail(reader);
        return;
    }
    reader_align(reader, 4);
    uint32_t maximum = reader_u32(reader), offset = reader_u32(reader), actual = reader_u32(reader);
    if (maximum != string->maximum / 2u || offset != 0 || actual != string->length / 2u) reader_fail(reader);
    if (reader_count(reader, actual, 2)) reader_skip(reader, 2 * (size_t)actual);
}

/* PISID: conformance, then the SID, whose own count must agree. */
static void sid_read_ndr(Reader *reader, Sid *ret_sid)
{
    reader_align(reader, 4);
    uint32_t count = reader_u32(reader);
    sid_read(reader, ret_sid);
    if (!reader->failed && count != ret_sid->count) reader_fail(reader);
}

static bool is_granted(uint32_t attributes)
{
    return (attributes & GROUP_ENABLED) && !(attributes & GROUP_DENY_ONLY);
}

/* SIDs that only this machine gives: of its accounts, and those derived from principals. No KDC names
 * somebody by them. */
static bool is_made_here(const Sid *sid)
{
    return sid->authority == SID_AUTHORITY_UNIX || sid->authority == SID_AUTHORITY_MANTLE;
}

/* The primary group stands first and usually again in the list. */
static void group_add(PacLogon *logon, const Sid *sid)
{
    if (is_made_here(sid)) return;
    if (logon->group_count && sid_equal(&logon->groups[0], sid)) return;
    logon->groups[logon->group_count++] = *sid;
}

/* `domain` NULL: the list is passed over now and read when the domain's SID is known, which comes later. */
static void memberships_read(Reader *reader, uint32_t pointer, uint32_t count, const Sid *domain,
                             PacLogon *logon)
{
    if (!pointer) {
        if (count) reader_fail(reader);
        return;
    }
    reader_align(reader, 4);
    if (reader_u32(reader) != count || !reader_count(reader, count, GROUP_SIZE)) {
        reader_fail(reader);
        return;
    }
    if (!domain) {
        reader_skip(reader, (size_t)count * GROUP_SIZE);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t rid = reader_u32(reader), attributes = reader_u32(reader);
        Sid sid;
        if (!is_granted(attributes)) continue;
        if (sid_append(domain, rid, &sid) < 0)
            reader_fail(reader);
        else
            group_add(logon, &sid);
    }
}

static void extra_sids_read(Reader *reader, uint32_t pointer, uint32_t count, PacLogon *logon)
{
    if (!pointer) {
        if (count) reader_fail(reader);
        return;
    }
    reader_align(reader, 4);
    if (reader_u32(reader) != count || !reader_count(reader, count, EXTRA_SID_SIZE)) {
        reader_fail(reader);
        return;
    }
    Reader fixed = reader_sub(reader, (size_t)count * EXTRA_SID_SIZE);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t referent = reader_u32(&fixed), attributes = reader_u32(&fixed);
        Sid sid;
        if (!referent) {
            reader_fail(reader);
            return;
        }
        sid_read_ndr(reader, &sid);
        if (reader->failed) return;
        if (is_granted(attributes)) group_add(logon, &sid);
    }
}

/* The two headers of type serialization; what is left is the body, aligned to 8. */
static Reader body_read(const uint8_t *data, size_t length)
{
    Reader reader;

    reader_init(&reader, data, length);
    uint8_t version = reader_u8(&reader), representation = reader_u8(&reader);
    uint16_t header_length = reader_u16(&reader);
    reader_skip(&reader, 4); /* filler */
    uint32_t body_length = reader_u32(&reader);
    reader_skip(&reader, 4); /* filler */
    if (version != SERIALIZATION_VERSION || representation != LITTLE_ENDIAN_DREP ||
        header_length != COMMON_HEADER_LENGTH)
        reader_fail(&reader);
    /* The PAC pads the buffer to 8; anything longer would be something else. */
    if (reader_left(&reader) < body_length || reader_left(&reader) - body_length >= 8) reader_fail(&reader);
    return reader_sub(&reader, body_length);
}

static int referents_read(Reader *reader, const LogonInfo *info, PacLogon *logon)
{
    Sid resource_domain, primary;

    for (unsigned i = 0; i < EFFECTIVE_STRINGS; i++)
        unicode_skip(reader, &info->names[i]);
    Reader groups = *reader;
    memberships_read(reader, info->groups_pointer, info->group_count, NULL, logon);
    unicode_skip(reader, &info->server);
    unicode_skip(reader, &info->domain_name);
    if (!info->domain_pointer) reader_fail(reader);
    sid_read_ndr(reader, &logon->domain);
    if (reader->failed || is_made_here(&logon->domain) ||
        sid_append(&logon->domain, info->user_rid, &logon->user) < 0 ||
        sid_append(&logon->domain, info->primary_rid, &primary) < 0)
        return PAC_MALFORMED;
    group_add(logon, &primary);
    memberships_read(&groups, info->groups_pointer, info->group_count, &logon->domain, logon);
    extra_sids_read(reader, info->extra_pointer, info->extra_count, logon);
    if (info->resource_domain_pointer)
        sid_read_ndr(reader, &resource_domain);
    else if (info->resource_count)
        reader_fail(reader);
    if (reader->failed) return PAC_MALFORMED;
    memberships_read(reader, info->resource_pointer, info->resource_count,
                     info->resource_domain_pointer ? &resource_domain : NULL, logon);
    /* The body is padded to 8. */
    return groups.failed || reader->failed || reader_left(reader) >= 8 ? PAC_MALFORMED : 0;
}

int pac_logon_parse(const uint8_t *data, size_t length, PacLogon **ret_logon)
{
    LogonInfo info = {0};
    Reader reader = body_read(data, length);

    if (!reader_u32(&reader)) reader_fail(&reader); /* the unique pointer to the structure */
    logon_info_read(&reader, &info);
    if (reader_status(&reader) < 0) return PAC_MALFORMED;
    const uint64_t groups = (uint64_t)info.group_count + info.extra_count + info.resource_count;
    if (groups > length) return PAC_MALFORMED; /* each takes eight bytes at least */
    if (groups > PAC_GROUPS_MAX) return PAC_TOO_MANY_GROUPS;
    _cleanup_(freep) PacLogon *logon = calloc(1, sizeof(*logon) + (size_t)(groups + 1) * sizeof(Sid));
    if (!logon) return -ENOMEM;
    logon->account_flags = info.account_flags;
    int r = referents_read(&reader, &info, logon);
    if (r == 0) *ret_logon = TAKE_PTR(logon);
    return r;
}
