/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The authority holds long-term keys and tickets. Everybody else asks it and gets session keys of their own
 * conversations, never a ticket or a key. Requests and answers are plain bytes (sec/authority-message.h) from
 * the first day, so that the same code serves linked in or as a process behind a socket.
 */
#pragma once
#include "base/cleanup.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "io/wait.h"
#include "sec/failure.h"

typedef struct Authority Authority;
typedef struct AuthorityCall AuthorityCall;

typedef struct AuthorityOptions {
    const char *krb5_config; /* path; NULL: KRB5_CONFIG or the system's */
    const char *
        acceptor_keytab; /* path of the keys that incoming AP-REQs are verified with; NULL: accepts nothing */
    bool allow_rc4;
    bool ntlm; /* NTLM is accepted and shown, and may be what Negotiate ends with; else it is off */
    const char *ntlm_users;   /* file of accounts that NTLM callers are verified with, or NULL */
    bool ntlm_winbind;        /* winbindd verifies those of accounts that the file does not have */
    bool protocol_transition; /* identities may be made for users who proved nothing (S4U2self) */
    uint64_t kdc_timeout;     /* ns for one operation with the KDC; 0: AUTHORITY_KDC_TIMEOUT */
} AuthorityOptions;

#define AUTHORITY_KDC_TIMEOUT (5ull * 1000000000ull)

/* An authority linked into this process. 0, -ENOMEM, SEC_FAILED with *failure. */
int authority_new_linked(const AuthorityOptions *options, Authority **ret_authority,
                         SecFailure *failure) must_use;

/* An authority in another process: mantle-authd, behind a UNIX socket. */
typedef struct AuthorityRemoteOptions {
    const char *path;
    uint64_t timeout; /* ns for one request, its work with the KDC included; 0: AUTHORITY_REMOTE_TIMEOUT */
} AuthorityRemoteOptions;

#define AUTHORITY_REMOTE_TIMEOUT (30ull * 1000000000ull)

/* Connects and says hello, waiting on this thread. 0, -ENOMEM, SEC_FAILED with *failure: it cannot be
 * reached, or does not want this process; nothing is used instead of it. */
int authority_new_remote(const AuthorityRemoteOptions *options, Authority **ret_authority,
                         SecFailure *failure) must_use;
bool authority_is_remote(const Authority *authority);
/* Remote: whether this process may log on as the machine. */
bool authority_is_machine(const Authority *authority);

Authority *authority_ref(Authority *authority);
Authority *authority_unref(Authority *authority);
DEFINE_CLEANUP(Authority, authority_unref)

/* Whether callers can be verified by this mechanism, RPC_C_AUTHN_*. */
bool authority_accepts(const Authority *authority, uint8_t service);
/* Whether NTLM is used, by its number or chosen by Negotiate, as client and as server. */
bool authority_negotiates_ntlm(const Authority *authority);

/* Starts a request (copied). 0, -ENOMEM, -EBADMSG. */
int authority_call_new(Authority *authority, const uint8_t *request, size_t length, uint64_t deadline,
                       AuthorityCall **ret_call) must_use;
/* 0: the answer is there; SEC_WAIT; -errno. A refusal is an answer. */
int authority_call_step(AuthorityCall *call, IoWait *ret_wait) must_use;
const uint8_t *authority_call_answer(const AuthorityCall *call, size_t *ret_length);
AuthorityCall *authority_call_free(AuthorityCall *call);
DEFINE_CLEANUP(AuthorityCall, authority_call_free)
