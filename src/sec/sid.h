/* SPDX-License-Identifier: Apache-2.0 */
/* Security identifiers, [MS-DTYP] 2.4.2. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "base/reader.h"
#include "base/writer.h"

#define SID_SUBAUTHORITIES_MAX 15
#define SID_STRING_SIZE        192

/* The identifier authority of SIDs that Mantle derives from a Kerberos principal where no PAC names one. Any
 * value that no Windows SID uses; see docs/DEVIATIONS.md. */
#define SID_AUTHORITY_MANTLE 0x4D4E544C0000ull /* "MNTL", two zero bytes */

#define SID_AUTHORITY_UNIX 22 /* of local accounts and groups */

typedef struct Sid {
    uint8_t count;      /* of subauthorities */
    uint64_t authority; /* 48 bits */
    uint32_t subauthorities[SID_SUBAUTHORITIES_MAX];
} Sid;

bool sid_equal(const Sid *a, const Sid *b);
/* "S-1-5-21-..."; authorities of 2^32 and above in hex, as Windows prints them. */
void sid_format(const Sid *sid, char text[SID_STRING_SIZE]);
/* 0, -EINVAL. */
int sid_parse(const char *text, Sid *ret_sid) must_use;
/* The binary form: revision 1, count, six bytes authority big-endian, subauthorities. Fails the reader when
 * malformed. */
void sid_read(Reader *reader, Sid *ret_sid);
void sid_write(Writer *writer, const Sid *sid);
/* domain SID + RID. -E2BIG when there is no room. */
int sid_append(const Sid *domain, uint32_t rid, Sid *ret_sid) must_use;
/* The SID of a principal that came without one: deterministic, equal on every machine, distinct for distinct
 * principals (eight subauthorities of its SHA-256). */
int sid_from_principal(const char *principal, Sid *ret_sid) must_use;
/* The SIDs of local accounts and groups: S-1-22-1-uid, S-1-22-2-gid. */
Sid sid_from_uid(uint32_t uid);
Sid sid_from_gid(uint32_t gid);
extern const Sid SID_ANONYMOUS;      /* S-1-5-7 */
extern const Sid SID_EVERYONE;       /* S-1-1-0 */
extern const Sid SID_LOCAL;          /* S-1-2-0 */
extern const Sid SID_OWNER_RIGHTS;   /* S-1-3-4 */
extern const Sid SID_NETWORK;        /* S-1-5-2 */
extern const Sid SID_INTERACTIVE;    /* S-1-5-4 */
extern const Sid SID_AUTHENTICATED;  /* S-1-5-11 */
extern const Sid SID_SYSTEM;         /* S-1-5-18 */
extern const Sid SID_ADMINISTRATORS; /* S-1-5-32-544 */
