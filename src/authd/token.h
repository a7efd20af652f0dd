/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens as descriptors. A token that somebody holds is one end of a socket pair; the other end stays here.
 * The end is recognised when it is passed back; when its last copy is closed, wherever that was, the token is
 * forgotten, and with the last token of an identity its ticket. Thread-safe.
 *
 * Recognised by device, inode and socket cookie of the end that was given out. The inode alone would not do:
 * the kernel counts sockets' inodes in 32 bits, so that whoever makes enough sockets gets one with the number
 * of a token that lives. Cookies have 64 bits and are never given twice.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "authd/account.h"
#include "base/refcount.h"
#include "io/loop.h"
#include "sec/authority.h"
#include "sec/token.h"

#define AUTHD_TOKENS_MAX 49152u /* each takes a descriptor of this process */
#define AUTHD_NOBODY     ((uid_t)-1)

/* Who a token is. Immutable. */
typedef struct AuthdIdentity {
    RefCount refs;
    Authority *authority; /* that holds `credential` */
    uint64_t credential;  /* a handle there; 0: nothing to show. Released with the identity */
    uint8_t shows, service, origin;
    char *principal;
    Sid user;
    Sid *groups;
    size_t group_count;
    uint32_t account_flags;
    int64_t expires;
    uid_t owner; /* the account that logged on as this; AUTHD_NOBODY: a caller from the network */
    bool proved; /* that it is who it says. Else only good for being shown, which is where it is found out */
} AuthdIdentity;

/* Copies texts and groups of an answer to LOGON, ACCEPT_FINISH or TRANSITION, and takes its credential over,
 * also on failure. 0, -ENOMEM. */
int authd_identity_new(Authority *authority, const AuthorityAnswer *answer,
                       AuthdIdentity **ret_identity) must_use;
AuthdIdentity *authd_identity_ref(AuthdIdentity *identity);
AuthdIdentity *authd_identity_unref(AuthdIdentity *identity);
DEFINE_CLEANUP(AuthdIdentity, authd_identity_unref)

typedef struct TokenTable TokenTable;

/* Conditions. */
enum {
    TOKEN_LIMIT = 1,   /* the account has too many, or this process */
    TOKEN_UNKNOWN = 2, /* not a descriptor that was given out, or its token is forgotten */
};

/* What is known of a token that was passed back. */
typedef struct TokenView {
    AuthdIdentity *identity; /* a reference */
    TokenLevel level;
    uid_t holder; /* the account that may use it; AUTHD_NOBODY: any */
    bool handed; /* made for handing on: its holder may do what a local caller granted, not what its maker may
                  */
    bool acts; /* given to a process that was started to act as it: worth its level to `holder`, listed or not
                */
} TokenView;
static inline void token_view_deinitp(TokenView *view)
{
    authd_identity_unref(view->identity);
}

int token_table_new(IoLoop *loop, TokenTable **ret_table) must_use;
/* Forgets all. No thread may be in the loop any more. */
TokenTable *token_table_free(TokenTable *table);
DEFINE_CLEANUP(TokenTable, token_table_free)
/* A new token, charged to the account: the end to give away (CLOEXEC), the caller's. 0, TOKEN_LIMIT, -ENOMEM,
 * -errno. */
int token_table_add(TokenTable *table, Account *account, const TokenView *view, int *ret_fd) must_use;
/* 0, TOKEN_UNKNOWN. */
int token_table_find(TokenTable *table, int fd, TokenView *ret_view) must_use;
/* Whether an account holds a token of its own logon as this principal, which this service has proved. */
bool token_table_proved(TokenTable *table, uid_t owner, const char *principal, uint8_t service);
size_t token_table_count(TokenTable *table);
