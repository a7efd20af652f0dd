/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lab's KDC keeps its accounts in the stock database and asks this module, which wraps it, for what that
 * cannot do: who may act for whom, and SIDs in tickets. What an account has of both stands on the account, as
 * string attributes that kadmin's setstr and getstrs know.
 */
#pragma once
#include <krb5.h>
#include <kdb.h>

/* String attributes. Lists are separated by blanks. */
#define KDB_SID         "sid"         /* S-1-5-21-A-B-C-RID: goes into the tickets of the account */
#define KDB_GROUPS      "groups"      /* RIDs in the same domain; the first is the primary group */
#define KDB_DELEGATE_TO "delegate_to" /* msDS-AllowedToDelegateTo: services, without their realm */
#define KDB_DELEGATE_FROM                                                                                    \
    "delegate_from" /* resource-based: services that may act for others towards this one */

/* kdb-logon-info.c: KERB_VALIDATION_INFO ([MS-PAC] 2.5) of an account as a PAC buffer; freed by free().
 * `asserted` says who vouches for the client: S-1-18-1 the authentication, S-1-18-2 a service (S4U2self). 0,
 * EINVAL (the attributes are not of the form above), ENOMEM. */
typedef struct KdbAccount {
    const char *name, *sid, *groups;
    uint32_t control; /* userAccountControl as [MS-SAMR] 2.2.1.12 numbers it */
    uint32_t asserted;
} KdbAccount;
int kdb_logon_info(const KdbAccount *account, krb5_data *ret_data) __attribute__((warn_unused_result));

#define KDB_CONTROL_NORMAL        0x0010u
#define KDB_CONTROL_NOT_DELEGATED 0x4000u
#define KDB_ASSERTED_BY_LOGON     1u
#define KDB_ASSERTED_BY_SERVICE   2u
