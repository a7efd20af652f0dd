/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accounts that winbindd vouches for: those of the domain that this machine is a member of and of domains
 * trusted there, or, of a machine in none, its own in Samba's database. winbindd hands the challenge and the
 * response to whoever knows the password and gives back who that is (name, domain, SIDs) and the key that the
 * session's comes from. The process has to be in the group that may ask (winbindd_priv).
 *
 * It blocks as long as winbindd does (libwbclient gives up after some minutes): NTLM_WINBIND_MAX callers are
 * verified at a time, so that a winbindd that hangs holds no more threads than that.
 */
#pragma once
#include "sec/failure.h"
#include "sec/ntlm-message.h"
#include "sec/ntlm-wbclient.h"
#include "sec/sid.h"

#define NTLM_WINBIND_MAX 16u

typedef struct NtlmAccount {
    char *principal; /* "DOMAIN\user", as the domain spells it */
    Sid user;
    Sid *groups; /* enabled ones; the primary group first */
    size_t group_count;
    uint8_t base_key[NTLM_KEY]; /* SessionBaseKey of the response */
} NtlmAccount;

/* Wipes and frees. */
void ntlm_account_deinit(NtlmAccount *account);
static inline void ntlm_account_deinitp(NtlmAccount *account)
{
    ntlm_account_deinit(account);
}

/* What a caller says and shows. */
typedef struct NtlmQuery {
    const char *domain, *user;
    const uint8_t *challenge; /* NTLM_CHALLENGE bytes */
    NtlmBytes response;       /* NTLMv2 */
} NtlmQuery;

/* Somebody who verifies callers. 0; SEC_FAILED: it is not who it says, or cannot be asked; -ENOMEM. */
typedef int NtlmVerify(const NtlmQuery *query, NtlmAccount *ret_account, SecFailure *failure);

NtlmVerify ntlm_winbind_verify;
/* An account that winbindd verified, as a caller: refused is any other than the one that the caller says to
 * be, a guest, one without a SID of a domain, and one without a session key. As above. */
int ntlm_winbind_account(const NtlmQuery *query, const WbcUser *user, NtlmAccount *ret_account,
                         SecFailure *failure) must_use;
