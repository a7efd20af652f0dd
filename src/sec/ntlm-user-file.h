/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user file: accounts that this machine verifies NTLM callers against, and that the lab's clients log on
 * with. One per line, as gss-ntlmssp's NTLM_USER_FILE has them:
 *
 *     DOMAIN:user:password
 *     [DOMAIN\]user:uid:LM hash:NT hash:...        as in smbpasswd(5); the LM hash is never used
 *
 * and `#` comments. Accounts without a domain are this machine's own. Letters A to Z match in either case.
 */
#pragma once
#include "sec/failure.h"
#include "sec/ntlm-crypto.h"

#define NTLM_USER_FILE_MAX (1u << 20)
/* Bytes of a user or a domain. gss-ntlmssp 1.2.0 has 512 for both once the user's letters are capital, which
 * may take three times as many. */
#define NTLM_USER_NAME_MAX 128u

typedef struct NtlmUser {
    char *domain, *user; /* as the file spells them; `domain` is this machine's where the line has none */
    uint8_t hash[NTLM_KEY];
} NtlmUser;

/* Wipes and frees. */
void ntlm_user_deinit(NtlmUser *user);
static inline void ntlm_user_deinitp(NtlmUser *user)
{
    ntlm_user_deinit(user);
}

/* Conditions of the functions that look for an account. */
enum {
    NTLM_USER_UNKNOWN = 4,
    NTLM_USER_AMBIGUOUS = 5, /* two lines fit: neither is taken */
    NTLM_USER_MALFORMED = 6,
    NTLM_USER_DISABLED = 7, /* or without a password: known, but nobody logs on as it */
};

/* Whom to look for. An empty domain, ".", and `own_domain` mean this machine's own accounts. */
typedef struct NtlmUserQuery {
    const char *own_domain, *domain, *user;
} NtlmUserQuery;

/* Whether a name can be of an account: not empty, without controls and without the characters that separate
 * names, here and in Kerberos' principals: \ / : @ and the quote. */
bool ntlm_user_name_is_fit(const char *name);
/* 32 hexadecimal digits as a hash; false, and nothing set, for anything else. */
bool ntlm_hash_parse(const char *digits, uint8_t ret_hash[NTLM_KEY]);
/* Over a file's content. `ret_line` is set for NTLM_USER_MALFORMED: a file with a line that cannot be
 * understood is not used at all. 0, the conditions, -ENOMEM, -EOPNOTSUPP. */
int ntlm_user_text_find(const char *text, size_t length, const NtlmUserQuery *query, NtlmUser *ret_user,
                        unsigned *ret_line) must_use;
/* Over a file, which must not be open to everybody: its content is as good as passwords. 0,
 * NTLM_USER_UNKNOWN, NTLM_USER_DISABLED, SEC_FAILED with a sentence for whoever runs this machine, -ENOMEM.
 */
int ntlm_user_file_find(const char *path, const NtlmUserQuery *query, NtlmUser *ret_user,
                        SecFailure *failure) must_use;
