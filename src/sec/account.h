/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The account map: which local account an identity is, if any. The OS identity of a caller is not its COM
 * level (design decision 9): who has no account keeps what his token is worth, and work that needs an account
 * runs as the unmapped one or not at all.
 *
 * An identity is an account
 *   1. of its own uid, when it was made on this machine (S-1-22-1-UID);
 *   2. by its SID, when a PAC named one and SSSD or winbind know it;
 *   3. by its name, when its realm is in map_by_name: alice@REALM is alice.
 * An answer of (2) is final. A name with an instance (host/a@REALM) is never an account. Whatever it is, an
 * account below min_uid, a locked or an expired one is refused, and root always: root@REALM is never root.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/cleanup.h"
#include "sec/failure.h"
#include "sec/token.h"

#define ACCOUNT_NAME_SIZE 256 /* with the NUL; LOGIN_NAME_MAX of Linux */
#define ACCOUNT_PATH_SIZE 4096

typedef struct LocalAccount {
    uid_t uid;
    gid_t gid;
    char name[ACCOUNT_NAME_SIZE];
    char home[ACCOUNT_PATH_SIZE];
    bool locked;  /* its password cannot match, by passwd -l and the like */
    bool expired; /* since today or before */
} LocalAccount;

/* Where accounts are looked up; a table, so that the rules can be tried without a machine's accounts. Each:
 * 0; -ENOENT: there is none; -EOPNOTSUPP: nobody can be asked; -EACCES: not for this process to know;
 * -ENOMEM, -EIO. */
typedef struct AccountSource {
    int (*uid_of_sid)(const Sid *sid, uid_t *ret_uid);
    int (*by_name)(const char *name, LocalAccount *ret_account);
    int (*by_uid)(uid_t uid, LocalAccount *ret_account);
} AccountSource;

/* The machine's: NSS for accounts, shadow for what is locked or expired, SSSD's libsss_nss_idmap and Samba's
 * libwbclient for SIDs, where they are installed. Blocks as these do. */
extern const AccountSource ACCOUNT_SOURCE_SYSTEM;
/* The same without shadow, which few may read: none is locked or expired by it. For who only asks which
 * account it is, and leaves it to somebody with the right to look whether it may be used (authd/spawn.c). */
extern const AccountSource ACCOUNT_SOURCE_UNJUDGED;

typedef struct AccountMap {
    const char *const *realms; /* map_by_name; ends with NULL */
    uid_t min_uid;
    const char *unmapped; /* the account of those who have none; NULL: there is none */
    const AccountSource *source;
} AccountMap;

/* Conditions. */
enum {
    ACCOUNT_NONE = 1,    /* no account is theirs */
    ACCOUNT_REFUSED = 2, /* one is, and may not be used: *failure says why */
};

/*
 * The account of an identity. 0; ACCOUNT_NONE; ACCOUNT_REFUSED; -EIO, with *failure: whoever knows cannot be
 * asked now, or may not be by this process: then nobody may guess; -ENOMEM.
 */
int account_map_find(const AccountMap *map, const Token *token, LocalAccount *ret_account,
                     SecFailure *failure) must_use;
/* The account that work for those without one runs as; the same rules but min_uid. 0, ACCOUNT_NONE (not
 * configured), ACCOUNT_REFUSED, -EIO, -ENOMEM. */
int account_map_unmapped(const AccountMap *map, LocalAccount *ret_account, SecFailure *failure) must_use;

/* The SIDs of a local account and group without a directory: S-1-22-1-UID, S-1-22-2-GID. */
Sid account_sid_user(uid_t uid);
Sid account_sid_group(gid_t gid);
/* Whether it is one of these, and whose. */
bool account_sid_is_user(const Sid *sid, uid_t *ret_uid);
bool account_sid_is_group(const Sid *sid, gid_t *ret_gid);
