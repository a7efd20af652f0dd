/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token: an identity as this process holds it. Immutable and reference counted; changing anything makes a new
 * token with a new modified id, so that two tokens are the same identity state exactly when their modified ids
 * are equal (facts CLK-13).
 *
 * Three separate things: who (principal, SIDs), the impersonation level, and what it is worth on the network (the
 * credential, a handle of the authority). The OS identity is a fourth, made elsewhere.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "sec/sid.h"

typedef struct Token Token;
typedef struct SecCredential SecCredential; /* sec/credential.h */

/* SECURITY_IMPERSONATION_LEVEL; the RPC level is one more. */
typedef enum TokenLevel {
    TOKEN_LEVEL_ANONYMOUS = 0,
    TOKEN_LEVEL_IDENTIFICATION = 1,
    TOKEN_LEVEL_IMPERSONATION = 2,
    TOKEN_LEVEL_DELEGATION = 3,
} TokenLevel;

typedef enum TokenKind { TOKEN_KIND_PRIMARY = 1, TOKEN_KIND_IMPERSONATION = 2 } TokenKind;

#define TOKEN_GROUPS_MAX 1024

typedef struct TokenSpec {
    TokenKind kind;
    TokenLevel level;          /* of a primary token: TOKEN_LEVEL_DELEGATION */
    const char *principal;     /* "alice@LAB.TEST"; "" for anonymous */
    Sid user;
    const Sid *groups;
    size_t group_count;
    SecCredential *credential; /* may be NULL: nothing it could show to another machine. The token takes a reference */
    SecCredential *held;       /* what an authority in another process knows this identity by, to hand it on with; may be
                                  NULL. Likewise */
    bool delegated;            /* the credential was received from the client */
    bool from_network;         /* received over a machine boundary */
    uint32_t account_flags;    /* userAccountControl of the PAC, 0 without */
    uint8_t service;           /* RPC_C_AUTHN_* of the mechanism that proved it; 0: none did */
    int64_t expires;           /* seconds since 1970; INT64_MAX: never */
    uint64_t authentication_id;/* of the logon or the conversation it came from; 0: a new one */
} TokenSpec;

/* Copies what `spec` points to. 0, -ENOMEM, -E2BIG (groups). */
int token_new(const TokenSpec *spec, Token **ret_token) must_use;
Token *token_ref(Token *token);
Token *token_unref(Token *token);
DEFINE_CLEANUP(Token, token_unref)

/* The anonymous token, a new reference. It never has a credential. */
int token_new_anonymous(Token **ret_token) must_use;
/* A copy of another kind or a lower or equal level. -EPERM when `level` is above the token's own (an impersonation
 * token cannot rise), -ENOMEM. A token from the network loses a delegated credential below TOKEN_LEVEL_DELEGATION, and
 * any below TOKEN_LEVEL_IMPERSONATION. */
int token_duplicate(const Token *token, TokenKind kind, TokenLevel level, Token **ret_token) must_use;

TokenKind token_kind(const Token *token);
TokenLevel token_level(const Token *token);
const char *token_principal(const Token *token);
const Sid *token_user(const Token *token);
const Sid *token_groups(const Token *token, size_t *ret_count);
/* Unique among all tokens of this process; never 0. */
uint64_t token_modified_id(const Token *token);
uint64_t token_authentication_id(const Token *token);
/* Borrowed; NULL when the token is worth nothing on the network. */
SecCredential *token_credential(const Token *token);
/* Borrowed; NULL: it cannot be handed to another process (sec/handover.h). Copies at a lower level have the same one:
 * they are handed on at theirs. */
SecCredential *token_held(const Token *token);
bool token_is_delegated(const Token *token);
bool token_is_from_network(const Token *token);
uint32_t token_account_flags(const Token *token);
/* The mechanism that proved who this is, Negotiate's choice where it chose; 0: none did. */
uint8_t token_service(const Token *token);
int64_t token_expires(const Token *token);
