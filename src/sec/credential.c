/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/credential.h"
#include <errno.h>
#include <rpcdce.h>
#include <stdlib.h>
#include <string.h>
#include "base/refcount.h"
#include "sec/authority-client.h"
#include "sec/authority-remote.h"
#include "sec/credential-private.h"

struct SecCredential {
    RefCount refs;
    Authority *authority;
    uint64_t handle;
    uint8_t shows;
    char *why_ntlm;
};

struct Logon {
    Authority *authority;
    AuthorityCall *call;
    AuthorityOperation operation;
    Token *token;
    SecFailure failure;
};

int sec_credential_new(Authority *authority, uint64_t handle, uint8_t shows, SecCredential **ret_credential)
{
    SecCredential *credential = calloc(1, sizeof(*credential));
    if (!credential) {
        authority_tell(authority, &(AuthorityRequest){.operation = AUTHORITY_RELEASE, .credential = handle});
        return -ENOMEM;
    }
    refcount_init(&credential->refs);
    credential->authority = authority_ref(authority);
    credential->handle = handle;
    credential->shows = shows;
    *ret_credential = credential;
    return 0;
}

SecCredential *sec_credential_ref(SecCredential *credential)
{
    refcount_ref(&credential->refs);
    return credential;
}

SecCredential *sec_credential_unref(SecCredential *credential)
{
    if (!credential || !refcount_unref(&credential->refs)) return NULL;
    authority_tell(credential->authority,
                   &(AuthorityRequest){.operation = AUTHORITY_RELEASE, .credential = credential->handle});
    authority_unref(credential->authority);
    free(credential->why_ntlm);
    free(credential);
    return NULL;
}

const char *sec_credential_why_ntlm(const SecCredential *credential)
{
    return credential->why_ntlm;
}

Authority *sec_credential_authority(const SecCredential *credential)
{
    return credential->authority;
}

uint64_t sec_credential_handle(const SecCredential *credential)
{
    return credential->handle;
}

int sec_credential_fd(const SecCredential *credential)
{
    return authority_remote_fd(credential->authority, credential->handle);
}

bool sec_credential_shows(const SecCredential *credential, uint8_t service)
{
    switch (service) {
    case RPC_C_AUTHN_GSS_KERBEROS:
        return credential->shows & AUTHORITY_SHOWS_KERBEROS;
    case RPC_C_AUTHN_WINNT:
        return credential->shows & AUTHORITY_SHOWS_NTLM;
    default:
        return false;
    }
}

/* Logon */

int logon_new(Authority *authority, const LogonSpec *spec, Logon **ret_logon)
{
    _cleanup_(logon_freep) Logon *logon = calloc(1, sizeof(*logon));
    if (!logon) return -ENOMEM;
    logon->authority = authority_ref(authority);
    bool unproved = spec->source == LOGON_UNPROVED;
    if (unproved && !spec->principal) return -EINVAL;
    logon->operation = unproved                        ? AUTHORITY_TRANSITION
                       : spec->source == LOGON_ACCOUNT ? AUTHORITY_ACCOUNT
                                                       : AUTHORITY_LOGON;
    AuthorityRequest request = {.operation = logon->operation,
                                .target = unproved ? spec->path : NULL,
                                .service = spec->service,
                                .source = (uint8_t)spec->source,
                                .forwardable = spec->forwardable,
                                .path = spec->path,
                                .principal = spec->principal,
                                .password = spec->password};
    int result = authority_ask(authority, &request, spec->deadline, &logon->call);
    if (result == 0) *ret_logon = TAKE_PTR(logon);
    return result;
}

static int logon_make_token(Logon *logon, const AuthorityAnswer *answer)
{
    _cleanup_(sec_credential_unrefp) SecCredential *credential = NULL;
    int result = sec_credential_new(logon->authority, answer->credential, answer->shows, &credential);
    if (result != 0) return result;
    if (answer->sentence && !(credential->why_ntlm = strdup(answer->sentence))) return -ENOMEM;
    TokenSpec spec = {.kind = TOKEN_KIND_PRIMARY,
                      .level = TOKEN_LEVEL_DELEGATION,
                      .principal = answer->principal,
                      .service = answer->shows & AUTHORITY_SHOWS_KERBEROS ? RPC_C_AUTHN_GSS_KERBEROS
                                                                          : RPC_C_AUTHN_WINNT,
                      .credential = answer->shows ? credential : NULL,
                      .held = authority_is_remote(logon->authority) ? credential : NULL,
                      .expires = answer->expires};
    /* This machine learns its own user's SIDs from no PAC; the name stands for it, as it does elsewhere
     * without one. */
    result = sid_from_principal(answer->principal, &spec.user);
    return result ? result : token_new(&spec, &logon->token);
}

/* At IMPERSONATE as of a caller, and no further: the user itself granted nothing. */
static int logon_make_unproved(Logon *logon, const AuthorityAnswer *answer)
{
    _cleanup_(sec_credential_unrefp) SecCredential *credential = NULL;
    int result = answer->credential
                     ? sec_credential_new(logon->authority, answer->credential, answer->shows, &credential)
                     : 0;
    if (result != 0) return result;
    TokenSpec spec = {.kind = TOKEN_KIND_IMPERSONATION,
                      .level = (TokenLevel)answer->level,
                      .principal = answer->principal,
                      .user = answer->user,
                      .groups = answer->groups,
                      .group_count = answer->group_count,
                      .credential = answer->shows ? credential : NULL,
                      .held = authority_is_remote(logon->authority) ? credential : NULL,
                      .from_network = true,
                      .account_flags = answer->account_flags,
                      .expires = answer->expires};
    return token_new(&spec, &logon->token);
}

int sec_token_from_answer(Authority *authority, const AuthorityAnswer *answer, TokenKind kind,
                          Token **ret_token)
{
    _cleanup_(sec_credential_unrefp) SecCredential *held = NULL;
    int result =
        answer->credential ? sec_credential_new(authority, answer->credential, answer->shows, &held) : 0;
    if (result != 0) return result;
    TokenSpec spec = {.kind = kind,
                      .level = (TokenLevel)answer->level,
                      .principal = answer->principal,
                      .user = answer->user,
                      .groups = answer->groups,
                      .group_count = answer->group_count,
                      .credential = answer->shows ? held : NULL,
                      .held = held,
                      .delegated = answer->shows && answer->origin & AUTHORITY_DELEGATED,
                      .from_network = answer->origin & AUTHORITY_FROM_NETWORK,
                      .account_flags = answer->account_flags,
                      .service = answer->service,
                      .expires = answer->expires};
    return token_new(&spec, ret_token);
}

/* Of what the authority has put together. */
static int logon_make(Logon *logon, const AuthorityAnswer *answer)
{
    switch (logon->operation) {
    case AUTHORITY_TRANSITION:
        return logon_make_unproved(logon, answer);
    case AUTHORITY_ACCOUNT:
        return sec_token_from_answer(logon->authority, answer, TOKEN_KIND_PRIMARY, &logon->token);
    default:
        return logon_make_token(logon, answer);
    }
}

int logon_step(Logon *logon, IoWait *ret_wait)
{
    if (logon->token) return 0;
    AuthorityAnswer answer;
    int result = authority_ask_step(logon->call, logon->operation, ret_wait, &answer, &logon->failure);
    if (result != 0) return result;
    result = logon_make(logon, &answer);
    authority_answer_deinit(&answer);
    return result;
}

Token *logon_take_token(Logon *logon)
{
    return TAKE_PTR(logon->token);
}

const SecFailure *logon_failure(const Logon *logon)
{
    return &logon->failure;
}

Logon *logon_free(Logon *logon)
{
    if (!logon) return NULL;
    authority_call_free(logon->call);
    token_unref(logon->token);
    authority_unref(logon->authority);
    free(logon);
    return NULL;
}
