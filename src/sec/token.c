/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/token.h"
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include "base/refcount.h"
#include "sec/credential.h"

struct Token {
    RefCount refs;
    TokenKind kind;
    TokenLevel level;
    uint64_t modified_id, authentication_id;
    SecCredential *credential, *held;
    const char *principal; /* behind the groups */
    Sid user;
    bool delegated, from_network;
    uint32_t account_flags;
    uint8_t service;
    int64_t expires;
    size_t group_count;
    Sid groups[];
};

static atomic_uint_fast64_t last_modified_id, last_authentication_id;

int token_new(const TokenSpec *spec, Token **ret_token)
{
    size_t principal_size = strlen(spec->principal) + 1;

    if (spec->group_count > TOKEN_GROUPS_MAX) return -E2BIG;
    Token *token = calloc(1, sizeof(Token) + spec->group_count * sizeof(Sid) + principal_size);
    if (!token) return -ENOMEM;
    refcount_init(&token->refs);
    token->kind = spec->kind;
    token->level = spec->level;
    token->modified_id = atomic_fetch_add_explicit(&last_modified_id, 1, memory_order_relaxed) + 1;
    token->authentication_id = spec->authentication_id;
    if (!token->authentication_id)
        token->authentication_id =
            atomic_fetch_add_explicit(&last_authentication_id, 1, memory_order_relaxed) + 1;
    token->user = spec->user;
    token->delegated = spec->delegated;
    token->from_network = spec->from_network;
    token->account_flags = spec->account_flags;
    token->service = spec->service;
    token->expires = spec->expires;
    token->group_count = spec->group_count;
    if (spec->group_count) memcpy(token->groups, spec->groups, spec->group_count * sizeof(Sid));
    token->principal = memcpy(token->groups + spec->group_count, spec->principal, principal_size);
    if (spec->credential) token->credential = sec_credential_ref(spec->credential);
    if (spec->held) token->held = sec_credential_ref(spec->held);
    *ret_token = token;
    return 0;
}

Token *token_ref(Token *token)
{
    if (token) refcount_ref(&token->refs);
    return token;
}

Token *token_unref(Token *token)
{
    if (!token || !refcount_unref(&token->refs)) return NULL;
    token->credential = sec_credential_unref(token->credential);
    token->held = sec_credential_unref(token->held);
    free(token);
    return NULL;
}

int token_new_anonymous(Token **ret_token)
{
    const TokenSpec spec = {.kind = TOKEN_KIND_IMPERSONATION,
                            .level = TOKEN_LEVEL_ANONYMOUS,
                            .principal = "",
                            .user = SID_ANONYMOUS,
                            .expires = INT64_MAX};
    return token_new(&spec, ret_token);
}

int token_duplicate(const Token *token, TokenKind kind, TokenLevel level, Token **ret_token)
{
    if (level > token->level) return -EPERM;
    /* A process must not run as somebody who only let himself be identified. */
    if (kind == TOKEN_KIND_PRIMARY && token->level < TOKEN_LEVEL_IMPERSONATION) return -EPERM;
    /* A forwarded ticket is worth DELEGATE; the one that a client came with, IMPERSONATE (DEL-9). */
    const TokenLevel worth = token->delegated ? TOKEN_LEVEL_DELEGATION : TOKEN_LEVEL_IMPERSONATION;
    const bool keeps_credential = level >= worth || !token->from_network;
    const TokenSpec spec = {
        .kind = kind,
        .level = level,
        .principal = token->principal,
        .user = token->user,
        .groups = token->groups,
        .group_count = token->group_count,
        .credential = keeps_credential ? token->credential : NULL,
        .held = level >= TOKEN_LEVEL_IMPERSONATION ? token->held : NULL,
        .delegated = keeps_credential && token->delegated,
        .from_network = token->from_network,
        .account_flags = token->account_flags,
        .service = token->service,
        .expires = token->expires,
        .authentication_id = token->authentication_id,
    };
    return token_new(&spec, ret_token);
}

TokenKind token_kind(const Token *token)
{
    return token->kind;
}

TokenLevel token_level(const Token *token)
{
    return token->level;
}

const char *token_principal(const Token *token)
{
    return token->principal;
}

const Sid *token_user(const Token *token)
{
    return &token->user;
}

const Sid *token_groups(const Token *token, size_t *ret_count)
{
    *ret_count = token->group_count;
    return token->groups;
}

uint64_t token_modified_id(const Token *token)
{
    return token->modified_id;
}

uint64_t token_authentication_id(const Token *token)
{
    return token->authentication_id;
}

SecCredential *token_credential(const Token *token)
{
    return token->credential;
}

SecCredential *token_held(const Token *token)
{
    return token->held;
}

bool token_is_delegated(const Token *token)
{
    return token->delegated;
}

bool token_is_from_network(const Token *token)
{
    return token->from_network;
}

uint8_t token_service(const Token *token)
{
    return token->service;
}

uint32_t token_account_flags(const Token *token)
{
    return token->account_flags;
}

int64_t token_expires(const Token *token)
{
    return token->expires;
}
