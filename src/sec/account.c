/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/account.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <winerror.h>

#define AUTHORITY_UNIX       22
#define AUTHORITY_NT         5
#define UNIX_USERS           1
#define UNIX_GROUPS          2
#define NT_DOMAIN            21
#define NT_DOMAIN_COUNT      5           /* S-1-5-21-a-b-c-RID */
#define PAC_ACCOUNT_DISABLED 0x00000001u /* [MS-SAMR] 2.2.1.12 USER_ACCOUNT_DISABLED */
#define PAC_ACCOUNT_LOCKED   0x00000400u /* USER_ACCOUNT_AUTO_LOCKED */

/* SIDs of accounts */

static Sid unix_sid(uint32_t kind, uint32_t id)
{
    return (Sid){.count = 2, .authority = AUTHORITY_UNIX, .subauthorities = {kind, id}};
}

static bool is_unix_sid(const Sid *sid, uint32_t kind, uint32_t *ret_id)
{
    if (sid->authority != AUTHORITY_UNIX || sid->count != 2 || sid->subauthorities[0] != kind) return false;
    *ret_id = sid->subauthorities[1];
    return true;
}

Sid account_sid_user(uid_t uid)
{
    return unix_sid(UNIX_USERS, uid);
}

Sid account_sid_group(gid_t gid)
{
    return unix_sid(UNIX_GROUPS, gid);
}

bool account_sid_is_user(const Sid *sid, uid_t *ret_uid)
{
    return is_unix_sid(sid, UNIX_USERS, ret_uid);
}

bool account_sid_is_group(const Sid *sid, gid_t *ret_gid)
{
    return is_unix_sid(sid, UNIX_GROUPS, ret_gid);
}

static bool is_domain_sid(const Sid *sid)
{
    return sid->authority == AUTHORITY_NT && sid->count == NT_DOMAIN_COUNT &&
           sid->subauthorities[0] == NT_DOMAIN;
}

/* Who it is */

static int cannot_ask(SecFailure *failure, const char *principal, int error)
{
    char quoted[SEC_QUOTE_SIZE];
    if (error == -ENOMEM) return -ENOMEM;
    sec_failure_set(failure, SEC_E_NO_CREDENTIALS, "whether %s has an account here cannot be said: %s",
                    sec_quote(principal, quoted),
                    error == -EACCES ? "this process may not read who is locked; only mantle-authd may"
                                     : "whoever knows does not answer");
    return -EIO;
}

/* The name before the only '@' of a principal of a realm that is listed; nothing else is an account's. */
static bool local_name(const AccountMap *map, const char *principal, char name[ACCOUNT_NAME_SIZE])
{
    const char *at = strchr(principal, '@');
    size_t length = at ? (size_t)(at - principal) : 0;
    if (length == 0 || length >= ACCOUNT_NAME_SIZE || strpbrk(principal, "/\\") || strchr(at + 1, '@'))
        return false;
    for (size_t i = 0; map->realms[i]; i++) {
        if (strcmp(map->realms[i], at + 1) != 0) continue;
        memcpy(name, principal, length);
        name[length] = 0;
        return true;
    }
    return false;
}

/* 0, -ENOENT: none, -errno. */
static int find(const AccountMap *map, const Token *token, LocalAccount *account)
{
    char name[ACCOUNT_NAME_SIZE];
    const Sid *sid = token_user(token);
    uid_t uid;
    if (!token_is_from_network(token) && account_sid_is_user(sid, &uid))
        return map->source->by_uid(uid, account);
    if (is_domain_sid(sid)) {
        int r = map->source->uid_of_sid(sid, &uid);
        if (r == 0) return map->source->by_uid(uid, account);
        if (r != -ENOENT && r != -EOPNOTSUPP) return r;
    }
    if (!local_name(map, token_principal(token), name)) return -ENOENT;
    int r = map->source->by_name(name, account);
    /* A name service that does not mind case, or knows aliases, would make somebody else of him. */
    return r == 0 && strcmp(account->name, name) != 0 ? -ENOENT : r;
}

static int refuse(SecFailure *failure, const char *principal, const LocalAccount *account, const char *why)
{
    char quoted[SEC_QUOTE_SIZE], name[SEC_QUOTE_SIZE];
    sec_failure_set(failure, ERROR_ACCESS_DENIED, "%s is the account %s (%u) here, which %s",
                    sec_quote(principal, quoted), sec_quote(account->name, name), (unsigned)account->uid,
                    why);
    return ACCOUNT_REFUSED;
}

static int check(const char *principal, const LocalAccount *account, uid_t min_uid, SecFailure *failure)
{
    char why[96];
    if (account->uid == 0) return refuse(failure, principal, account, "nobody becomes by a name");
    if (account->uid < min_uid) {
        (void)snprintf(why, sizeof(why), "is below min_uid=%u in section [accounts] of mantle.conf",
                       (unsigned)min_uid);
        return refuse(failure, principal, account, why);
    }
    if (account->uid == (uid_t)-1 || account->gid == (gid_t)-1 || account->gid == 0)
        return refuse(failure, principal, account, "has a uid or gid that nothing may run with");
    if (account->locked) return refuse(failure, principal, account, "is locked (passwd -l); unlock it");
    if (account->expired) return refuse(failure, principal, account, "has expired; chage -E prolongs it");
    return 0;
}

int account_map_find(const AccountMap *map, const Token *token, LocalAccount *ret_account,
                     SecFailure *failure)
{
    LocalAccount account;
    const char *principal = token_principal(token);
    if (token_level(token) == TOKEN_LEVEL_ANONYMOUS || sid_equal(token_user(token), &SID_ANONYMOUS))
        return ACCOUNT_NONE;
    int r = find(map, token, &account);
    if (r == -ENOENT || r == -EOPNOTSUPP) return ACCOUNT_NONE;
    if (r < 0) return cannot_ask(failure, principal, r);
    if (token_account_flags(token) & (PAC_ACCOUNT_DISABLED | PAC_ACCOUNT_LOCKED))
        return refuse(failure, principal, &account, "its domain has disabled");
    r = check(principal, &account, map->min_uid, failure);
    if (r == 0) *ret_account = account;
    return r;
}

int account_map_unmapped(const AccountMap *map, LocalAccount *ret_account, SecFailure *failure)
{
    LocalAccount account;
    if (!map->unmapped) return ACCOUNT_NONE;
    int r = map->source->by_name(map->unmapped, &account);
    if (r == -ENOENT) {
        sec_failure_set(failure, ERROR_ACCESS_DENIED,
                        "unmapped_account=%s in section [accounts] of mantle.conf is no account here",
                        map->unmapped);
        return ACCOUNT_REFUSED;
    }
    if (r < 0) return cannot_ask(failure, map->unmapped, r);
    /* Accounts that nobody logs on to have a low uid and a password that cannot match. */
    account.locked = false;
    r = check("whoever has no account", &account, 1, failure);
    if (r == 0) *ret_account = account;
    return r;
}
