/* SPDX-License-Identifier: Apache-2.0 */
/* What a local account makes us hold. Everything is charged to the account that asks and refused by name, so
 * that the others are served. Thread-safe. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>
#include "base/cleanup.h"
#include "base/list.h"
#include "base/quota.h"
#include "sec/authority-message.h"

#define AUTHD_ACCOUNTS_MAX              4096u
#define AUTHD_ACCOUNTS_KEPT             256u /* remembered though they hold nothing, with what they had logged */
#define AUTHD_CONNECTIONS_PER_ACCOUNT   1024u
#define AUTHD_TOKENS_PER_ACCOUNT        8192u
#define AUTHD_CONVERSATIONS_PER_ACCOUNT 1024u /* half-open; then the oldest goes */
#define AUTHD_LOG_LINES_PER_ACCOUNT     20u   /* in AUTHD_LOG_PERIOD */
#define AUTHD_LOG_PERIOD                (60ull * 1000000000ull)

typedef struct Accounts Accounts;

typedef struct Account {
    Accounts *accounts;
    unsigned refs; /* guarded by the accounts' lock */
    uid_t uid;
    Quota connections, tokens;
    Quota at_once[AUTHORITY_OPERATION_END]; /* requests that run; limits stand in authd/request.c */
    unsigned lines;                         /* logged since `since`; guarded likewise */
    uint64_t since;
} Account;

int accounts_new(Accounts **ret_accounts) must_use;
/* No reference may be left. */
Accounts *accounts_free(Accounts *accounts);
DEFINE_CLEANUP(Accounts, accounts_free)
/* 0, -ENOMEM, -E2BIG (AUTHD_ACCOUNTS_MAX). */
int accounts_get(Accounts *accounts, uid_t uid, Account **ret_account) must_use;
Account *account_ref(Account *account);
Account *account_unref(Account *account);
DEFINE_CLEANUP(Account, account_unref)
/* Whether one more line may be logged of it now; *ret_last: it is the last one for a while. */
bool account_may_log(Account *account, bool *ret_last);
