/* SPDX-License-Identifier: Apache-2.0 */
/* Kerberos as a mechanism: what sec/krb5-initiator.h and sec/krb5-acceptor.h do, under the common names. */
#include <rpcdce.h>
#include <winerror.h>
#include "sec/context-private.h"
#include "sec/krb5-acceptor.h"
#include "sec/krb5-initiator.h"
#include "sec/mechanism.h"

static void answer_session(AuthorityAnswer *answer, const KerberosSession *session)
{
    answer->enctype = session->enctype;
    answer->key = (AuthorityBytes){secret_data(session->key), secret_length(session->key)};
    answer->send_sequence = session->send_sequence;
    answer->receive_sequence = session->receive_sequence;
    answer->session_expires = session->expires;
}

static int initiate(const MechanismInitiate *what, void **pending, IoWait *ret_wait, void **ret_initiator,
                    SecFailure *failure)
{
    KerberosCredential *credential = what->credential->kerberos;
    KerberosAcquire *acquire = *pending;
    KerberosInitiator *initiator;
    int result = 0;
    if (!acquire) {
        bool delegate = what->impersonation == RPC_C_IMP_LEVEL_DELEGATE;
        result = kerberos_acquire_new(credential, what->target, delegate, what->deadline, &acquire);
        if (result != 0) return result;
        *pending = acquire;
    }
    result = kerberos_acquire_step(acquire, ret_wait);
    if (result == SEC_FAILED) *failure = *kerberos_acquire_failure(acquire);
    if (result == 0)
        result = kerberos_initiator_new(credential, acquire, what->target, what->authn_level,
                                        what->impersonation, &initiator, failure);
    if (result == 0) *ret_initiator = initiator;
    return result;
}

static void pending_free(void *pending)
{
    kerberos_acquire_free(pending);
}

static int initiate_finish(void *initiator, const uint8_t *token, size_t length, AuthorityAnswer *answer,
                           SecFailure *failure)
{
    int result = kerberos_initiator_finish(initiator, token, length, failure);
    if (result != 0) return result;
    answer->token.data = kerberos_initiator_output(initiator, &answer->token.length);
    answer_session(answer, kerberos_initiator_session(initiator));
    return 0;
}

static const uint8_t *initiator_output(const void *initiator, size_t *ret_length)
{
    return kerberos_initiator_output(initiator, ret_length);
}

static void initiator_free(void *initiator)
{
    kerberos_initiator_free(initiator);
}

static int accept_leg(const MechanismAccept *what, const uint8_t *token, size_t length, void **ret_acceptor,
                      Writer *error_token, SecFailure *failure)
{
    KerberosAcceptor *acceptor;
    if (!what->keytab) {
        sec_failure_set(failure, (uint32_t)SEC_E_NO_CREDENTIALS, "%s",
                        "this process has no keytab to verify callers with; configure one");
        return SEC_FAILED;
    }
    int result = kerberos_acceptor_new(what->keytab, what->authn_level, token, length, &acceptor, error_token,
                                       failure);
    if (result == 0) *ret_acceptor = acceptor;
    return result;
}

static const uint8_t *acceptor_output(const void *acceptor, size_t *ret_length)
{
    return kerberos_acceptor_output(acceptor, ret_length);
}

static int accept_finish(void *acceptor, const uint8_t *token, size_t length, AuthorityAnswer *answer,
                         AuthorityCredential *ret_delegated, SecFailure *failure)
{
    KerberosCaller caller;
    int result = kerberos_acceptor_finish(acceptor, token, length, &caller, failure);
    if (result != 0) return result;
    answer->principal = caller.principal;
    answer->server = caller.server;
    answer->expires = caller.expires;
    answer->level = (uint8_t)caller.level;
    answer->account_flags = caller.account_flags;
    answer->user = caller.user;
    answer->groups = caller.groups;
    answer->group_count = caller.group_count;
    answer_session(answer, caller.session);
    if (caller.credential) ret_delegated->kerberos = caller.credential;
    return 0;
}

static void acceptor_free(void *acceptor)
{
    kerberos_acceptor_free(acceptor);
}

const SecMechanism kerberos_mechanism = {
    .service = RPC_C_AUTHN_GSS_KERBEROS,
    .name = "Kerberos",
    SEC_MECHANISM_FUNCTIONS,
    .context_new = sec_context_new_kerberos,
};
