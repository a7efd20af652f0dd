/* SPDX-License-Identifier: Apache-2.0 */
/* NTLM as a mechanism: what sec/ntlm-initiator.h and sec/ntlm-acceptor.h do, under the common names. */
#include <rpcdce.h>
#include <winerror.h>
#include "sec/mechanism.h"
#include "sec/ntlm-acceptor.h"
#include "sec/ntlm-context.h"
#include "sec/ntlm-initiator.h"

static int initiate(const MechanismInitiate *what, void **pending, IoWait *ret_wait, void **ret_initiator,
                    SecFailure *failure)
{
    NtlmInitiator *initiator;
    if (!what->credential->ntlm) {
        sec_failure_set(failure, (uint32_t)SEC_E_NO_CREDENTIALS, "%s",
                        "there is no password to authenticate by NTLM with; log on with one");
        return SEC_FAILED;
    }
    int result = ntlm_initiator_new(what->credential->ntlm, what->target, what->authn_level,
                                    what->impersonation, &initiator, failure);
    if (result == 0) *ret_initiator = initiator;
    return result;
}

static void pending_free(void *pending) {}

static int initiate_finish(void *initiator, const uint8_t *token, size_t length, AuthorityAnswer *answer,
                           SecFailure *failure)
{
    int result = ntlm_initiator_finish(initiator, token, length, failure);
    if (result != 0) return result;
    answer->token.data = ntlm_initiator_output(initiator, &answer->token.length);
    answer->key = (AuthorityBytes){ntlm_initiator_key(initiator), NTLM_KEY};
    answer->context_flags = ntlm_initiator_flags(initiator);
    answer->session_expires = INT64_MAX; /* the server says when it has enough of it */
    return 0;
}

static const uint8_t *initiator_output(const void *initiator, size_t *ret_length)
{
    return ntlm_initiator_output(initiator, ret_length);
}

static void initiator_free(void *initiator)
{
    ntlm_initiator_free(initiator);
}

static int accept_leg(const MechanismAccept *what, const uint8_t *token, size_t length, void **ret_acceptor,
                      Writer *error_token, SecFailure *failure)
{
    const NtlmVerifiers verifiers = {.users = what->ntlm_users,
                                     .winbind = what->ntlm_winbind ? ntlm_winbind_verify : NULL};
    NtlmAcceptor *acceptor;
    int result = ntlm_acceptor_new(&verifiers, what->authn_level, token, length, &acceptor, failure);
    if (result == 0) *ret_acceptor = acceptor;
    return result;
}

static const uint8_t *acceptor_output(const void *acceptor, size_t *ret_length)
{
    return ntlm_acceptor_output(acceptor, ret_length);
}

static int accept_finish(void *acceptor, const uint8_t *token, size_t length, AuthorityAnswer *answer,
                         AuthorityCredential *ret_delegated, SecFailure *failure)
{
    NtlmCaller caller;
    int result = ntlm_acceptor_finish(acceptor, token, length, &caller, failure);
    if (result != 0) return result;
    answer->principal = caller.principal;
    answer->server = caller.server;
    answer->level = (uint8_t)caller.level;
    answer->user = caller.user;
    answer->groups = caller.groups;
    answer->group_count = caller.group_count;
    answer->key = (AuthorityBytes){caller.key, NTLM_KEY};
    answer->context_flags = caller.flags;
    answer->expires = answer->session_expires = caller.expires;
    return 0;
}

static void acceptor_free(void *acceptor)
{
    ntlm_acceptor_free(acceptor);
}

const SecMechanism ntlm_mechanism = {
    .service = RPC_C_AUTHN_WINNT,
    .name = "NTLM",
    SEC_MECHANISM_FUNCTIONS,
    .context_new = ntlm_context_new,
};
