/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mechanism proves an identity in three legs and then protects fragments: Kerberos (16), NTLM (10).
 * Negotiate (9) is none: it chooses one and carries its legs (sec/spnego-*.h).
 *
 * What a mechanism brings, in the order in which a conversation uses it:
 *   in the authority, which holds keys: `initiate` makes leg 1, `accept` judges it and makes leg 2,
 *   `initiate_finish` judges that and makes leg 3, `accept_finish` judges leg 3 and says who the caller is,
 * at which level, and the session key. Nothing of the caller is told before; in the process that has the
 * conversation: `context_new` makes a SecContext (sec/context-private.h: protect, unprotect, and a MIC over
 * plain bytes for Negotiate) of key and flags. Objects are opaque, have one owner and are used by one thread
 * at a time.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "base/writer.h"
#include "io/wait.h"
#include "sec/authority-message.h"
#include "sec/authority-store.h"
#include "sec/context.h"
#include "sec/failure.h"
#include "sec/krb5-keytab.h"

/* What leg 1 is to say. */
typedef struct MechanismInitiate {
    const AuthorityCredential *credential; /* whose; has this mechanism's part */
    const char *target;                    /* the server's principal */
    uint8_t authn_level, impersonation;    /* RPC_C_AUTHN_LEVEL_*, RPC_C_IMP_LEVEL_* */
    uint64_t deadline;
} MechanismInitiate;

/* What callers are verified with. */
typedef struct MechanismAccept {
    KerberosKeytab *keytab; /* borrowed; NULL: Kerberos is not accepted */
    const char *ntlm_users; /* file of accounts; NULL: there is none */
    bool ntlm_winbind;      /* accounts that the file does not have are winbindd's business */
    uint8_t authn_level;    /* of the bind */
} MechanismAccept;

typedef struct SecMechanism {
    uint8_t service;  /* RPC_C_AUTHN_* */
    const char *name; /* for sentences */

    /* 0: `ret_initiator` stands and its output is leg 1. SEC_WAIT: call again, `pending` is the mechanism's
     * own meanwhile. SEC_FAILED, -ENOMEM. */
    int (*initiate)(const MechanismInitiate *what, void **pending, IoWait *ret_wait, void **ret_initiator,
                    SecFailure *failure);
    void (*pending_free)(void *pending);
    /* 0: `answer` has leg 3 and the session; SEC_RESTART: its output is a new leg 1. What the answer points
     * to is the initiator's. SEC_FAILED, -ENOMEM. */
    int (*initiate_finish)(void *initiator, const uint8_t *token, size_t length, AuthorityAnswer *answer,
                           SecFailure *failure);
    const uint8_t *(*initiator_output)(const void *initiator, size_t *ret_length);
    void (*initiator_free)(void *initiator);

    /* 0: the output is leg 2. SEC_FAILED: `error_token` may have a message for the peer. -ENOMEM. */
    int (*accept)(const MechanismAccept *what, const uint8_t *token, size_t length, void **ret_acceptor,
                  Writer *error_token, SecFailure *failure);
    const uint8_t *(*acceptor_output)(const void *acceptor, size_t *ret_length);
    /* 0: `answer` has the caller and the session, pointing into the acceptor; a credential that the caller
     * delegated goes to `ret_delegated`, else that stays as it is. SEC_FAILED, -ENOMEM. */
    int (*accept_finish)(void *acceptor, const uint8_t *token, size_t length, AuthorityAnswer *answer,
                         AuthorityCredential *ret_delegated, SecFailure *failure);
    void (*acceptor_free)(void *acceptor);

    /* 0, -ENOMEM, -EOPNOTSUPP, -EINVAL. */
    int (*context_new)(const SecContextSpec *spec, SecContext **ret_context);
} SecMechanism;

/* The functions of a mechanism whose file calls each by its name here. */
#define SEC_MECHANISM_FUNCTIONS                                                                              \
    .initiate = initiate, .pending_free = pending_free, .initiate_finish = initiate_finish,                  \
    .initiator_output = initiator_output, .initiator_free = initiator_free, .accept = accept_leg,            \
    .acceptor_output = acceptor_output, .accept_finish = accept_finish, .acceptor_free = acceptor_free

extern const SecMechanism kerberos_mechanism, ntlm_mechanism;

/* NULL: there is none for this service. Negotiate has none. */
const SecMechanism *sec_mechanism(uint8_t service);
/* The context of a finished conversation by one of them. `initiator`: of the side that began it. As
 * sec_context_new. */
int sec_mechanism_context(uint8_t service, bool initiator, const AuthorityAnswer *answer,
                          SecContext **ret_context) must_use;
