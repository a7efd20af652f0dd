/* SPDX-License-Identifier: Apache-2.0 */
/* The account's SIDs out of a PAC: PAC_LOGON_INFO, a KERB_VALIDATION_INFO ([MS-PAC] 2.5) in type
 * serialization version 1
 * ([MS-RPCE] 2.2.6). The PAC's signatures are verified before (krb5-*). */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "sec/sid.h"

#define PAC_GROUPS_MAX                                                                                       \
    1023 /* of all three lists; one place of TOKEN_GROUPS_MAX is left for the primary group */

/* userAccountControl as the PAC has it: USER_ACCOUNT codes of [MS-SAMR] 2.2.1.12 */
#define PAC_ACCOUNT_DISABLED      0x00000001u
#define PAC_ACCOUNT_NORMAL        0x00000010u
#define PAC_ACCOUNT_NOT_DELEGATED 0x00004000u /* "sensitive and cannot be delegated" */

typedef struct PacLogon {
    Sid domain, user; /* user = domain and RID */
    uint32_t account_flags;
    size_t group_count;
    Sid groups[]; /* enabled ones: primary group, the domain's others, extra SIDs, resource groups */
} PacLogon;

/* Conditions of pac_logon_parse. */
enum {
    PAC_MALFORMED = 1,
    PAC_TOO_MANY_GROUPS = 2,
};

/* Reads the content of the PAC_LOGON_INFO buffer. The result is freed with free().
 * 0, PAC_MALFORMED, PAC_TOO_MANY_GROUPS, -ENOMEM. */
int pac_logon_parse(const uint8_t *data, size_t length, PacLogon **ret_logon) must_use;
