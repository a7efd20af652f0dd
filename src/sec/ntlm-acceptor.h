/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's side of NTLM's three legs. Callers are verified against a user file, by winbindd, or both: an
 * account that the file has (disabled ones, too) is verified by the file and by nobody else, all others by
 * winbindd. An identity comes of the file's line, or of the account, that was verified, never of what the
 * message says; and nothing is said of a caller before AUTHENTICATE was verified. LM, NTLMv1, anonymous and
 * guest logons are refused.
 */
#pragma once
#include "sec/ntlm-message.h"
#include "sec/ntlm-winbind.h"
#include "sec/failure.h"
#include "sec/sid.h"
#include "sec/token.h"

typedef struct NtlmAcceptor NtlmAcceptor;

/* Seconds that an identity proved by NTLM counts: the account's state is looked at when a conversation
 * starts, so conversations end, as Kerberos' do with their tickets. */
#define NTLM_SESSION_SECONDS (10 * 3600)

/* What the conversation proved; borrowed from the acceptor. */
typedef struct NtlmCaller {
    const char *principal; /* "DOMAIN\user": never what a Kerberos principal looks like, which has an @ */
    const char *server;    /* the principal that the client asked for; NULL: it names none */
    Sid user;
    const Sid *groups; /* of an account that winbindd verified */
    size_t group_count;
    TokenLevel level; /* identification or impersonation: NTLM has nothing to delegate */
    const uint8_t *key;
    uint32_t flags;
    int64_t expires;
} NtlmCaller;

/* Who verifies callers. */
typedef struct NtlmVerifiers {
    const char *users;   /* path of the user file, or NULL */
    NtlmVerify *winbind; /* ntlm_winbind_verify, or NULL; it may block */
} NtlmVerifiers;

/* Leg 1, which came in a bind at `authn_level`. 0: the output is leg 2. SEC_FAILED, -ENOMEM. */
int ntlm_acceptor_new(const NtlmVerifiers *verifiers, uint8_t authn_level, const uint8_t *token,
                      size_t length, NtlmAcceptor **ret_acceptor, SecFailure *failure) must_use;
NtlmAcceptor *ntlm_acceptor_free(NtlmAcceptor *acceptor);
DEFINE_CLEANUP(NtlmAcceptor, ntlm_acceptor_free)
const uint8_t *ntlm_acceptor_output(const NtlmAcceptor *acceptor, size_t *ret_length);
/* Leg 3, once. 0, SEC_FAILED, -ENOMEM. */
int ntlm_acceptor_finish(NtlmAcceptor *acceptor, const uint8_t *token, size_t length, NtlmCaller *ret_caller,
                         SecFailure *failure) must_use;
