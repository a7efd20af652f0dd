/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/ntlm-credential.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <winerror.h>
#include "base/refcount.h"
#include "base/secret.h"
#include "sec/ntlm-user-file.h"

struct NtlmCredential {
    RefCount refs;
    char *domain, *user, *principal;
    Secret *hash;
};

static int fail(SecFailure *failure, uint32_t code, const char *format, const char *name)
{
    char quoted[SEC_QUOTE_SIZE];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    sec_failure_set(failure, code, format, sec_quote(name, quoted));
#pragma GCC diagnostic pop
    return SEC_FAILED;
}

static int names_take(NtlmCredential *credential, const char *name, SecFailure *failure)
{
    const char *slash = strchr(name, '\\'), *at = strchr(name, '@');

    if (slash) {
        credential->domain = strndup(name, (size_t)(slash - name));
        credential->user = strdup(slash + 1);
    } else if (at) {
        credential->domain = strdup(at + 1);
        credential->user = strndup(name, (size_t)(at - name));
    } else {
        credential->domain = strdup("");
        credential->user = strdup(name);
    }
    if (!credential->domain || !credential->user) return -ENOMEM;
    /* "." says in so many words what no domain says. */
    if (strcmp(credential->domain, ".") == 0) credential->domain[0] = '\0';
    if (!ntlm_user_name_is_fit(credential->user) ||
        (*credential->domain && !ntlm_user_name_is_fit(credential->domain)))
        return fail(failure, (uint32_t)SEC_E_UNKNOWN_CREDENTIALS,
                    "NTLM cannot log on as %s: give DOMAIN\\user, user@DOMAIN or user", name);
    const int r = asprintf(&credential->principal, "%s\\%s", *credential->domain ? credential->domain : ".",
                           credential->user);
    if (r >= 0) return 0;
    credential->principal = NULL;
    return -ENOMEM;
}

static int hash_take(NtlmCredential *credential, const char *password, const uint8_t *nt_hash,
                     SecFailure *failure)
{
    uint8_t hash[NTLM_KEY];

    if (nt_hash) return secret_new(nt_hash, NTLM_KEY, &credential->hash);
    int r = ntlm_hash_password(password, hash);
    if (r == -EOPNOTSUPP)
        return fail(failure, (uint32_t)SEC_E_SECPKG_NOT_FOUND,
                    "NTLM cannot log on as %s: OpenSSL's legacy provider, which has MD4, cannot be loaded",
                    credential->principal);
    if (r == -EILSEQ)
        return fail(failure, (uint32_t)SEC_E_UNKNOWN_CREDENTIALS,
                    "NTLM cannot log on as %s: the password is not UTF-8", credential->principal);
    if (r == 0) r = secret_new(hash, sizeof(hash), &credential->hash);
    explicit_bzero(hash, sizeof(hash));
    return r;
}

int ntlm_credential_new(const char *user, const char *password, const uint8_t nt_hash[NTLM_KEY],
                        NtlmCredential **ret_credential, SecFailure *failure)
{
    if (!user || !password == !nt_hash) return -EINVAL;
    _cleanup_(ntlm_credential_unrefp) NtlmCredential *credential = calloc(1, sizeof(*credential));
    if (!credential) return -ENOMEM;
    refcount_init(&credential->refs);
    int r = names_take(credential, user, failure);
    if (r == 0) r = hash_take(credential, password, nt_hash, failure);
    if (r == 0) *ret_credential = TAKE_PTR(credential);
    return r;
}

NtlmCredential *ntlm_credential_ref(NtlmCredential *credential)
{
    refcount_ref(&credential->refs);
    return credential;
}

NtlmCredential *ntlm_credential_unref(NtlmCredential *credential)
{
    if (!credential || !refcount_unref(&credential->refs)) return NULL;
    free(credential->domain);
    free(credential->user);
    free(credential->principal);
    secret_free(credential->hash);
    free(credential);
    return NULL;
}

const char *ntlm_credential_principal(const NtlmCredential *credential)
{
    return credential->principal;
}

const char *ntlm_credential_domain(const NtlmCredential *credential)
{
    return credential->domain;
}

const char *ntlm_credential_user(const NtlmCredential *credential)
{
    return credential->user;
}

const uint8_t *ntlm_credential_hash(const NtlmCredential *credential)
{
    return secret_data(credential->hash);
}
