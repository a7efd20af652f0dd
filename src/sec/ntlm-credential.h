/* SPDX-License-Identifier: Apache-2.0 */
/* What an account can authenticate with by NTLM: its names and the hash of its password. Immutable and
 * reference counted. */
#pragma once
#include "sec/failure.h"
#include "sec/ntlm-crypto.h"

typedef struct NtlmCredential NtlmCredential;

/* `user` is DOMAIN\user, user@DOMAIN, or user: then the account is one of the server's own. Exactly one of
 * `password` (UTF-8) and `nt_hash` is given; the password is not kept. 0, -ENOMEM, -EINVAL, SEC_FAILED. */
int ntlm_credential_new(const char *user, const char *password, const uint8_t nt_hash[NTLM_KEY],
                        NtlmCredential **ret_credential, SecFailure *failure) must_use;
NtlmCredential *ntlm_credential_ref(NtlmCredential *credential);
NtlmCredential *ntlm_credential_unref(NtlmCredential *credential);
DEFINE_CLEANUP(NtlmCredential, ntlm_credential_unref)
/* "DOMAIN\user", ".\user" without a domain: never what a Kerberos principal looks like, which has an @. */
const char *ntlm_credential_principal(const NtlmCredential *credential);
const char *ntlm_credential_domain(const NtlmCredential *credential);
const char *ntlm_credential_user(const NtlmCredential *credential);
const uint8_t *ntlm_credential_hash(const NtlmCredential *credential);
