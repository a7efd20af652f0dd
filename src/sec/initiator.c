/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/initiator.h"
#include <errno.h>
#include <rpcdce.h>
#include <stdlib.h>
#include <string.h>
#include <winerror.h>
#include "base/time.h"
#include "sec/authority-client.h"
#include "sec/credential.h"
#include "sec/mechanism.h"

typedef enum InitiatorState {
    STATE_START, /* leg 1 is to be asked for */
    STATE_LEG1,  /* being asked for */
    STATE_PEER,  /* leg 1 is the output; leg 2 is awaited */
    STATE_LEG3,  /* leg 2 is with the authority */
    STATE_DONE,
    STATE_FAILED,
} InitiatorState;

struct SecInitiator {
    InitiatorState state;
    Token *token;
    char *target;
    SecInitiatorSpec spec;
    AuthorityCall *call;
    uint64_t conversation; /* half-open in the authority; 0: none */
    uint8_t *output;
    size_t output_length;
    SecContext *context;
    SecFailure failure;
};

int sec_initiator_new(Token *token, const SecInitiatorSpec *spec, SecInitiator **ret_initiator)
{
    if (!token || !spec->target || strlen(spec->target) >= AUTHORITY_TEXT_MAX ||
        spec->authn_level < RPC_C_AUTHN_LEVEL_CONNECT || spec->authn_level > RPC_C_AUTHN_LEVEL_PKT_PRIVACY ||
        spec->impersonation < RPC_C_IMP_LEVEL_ANONYMOUS || spec->impersonation > RPC_C_IMP_LEVEL_DELEGATE)
        return -EINVAL;
    _cleanup_(sec_initiator_freep) SecInitiator *initiator = calloc(1, sizeof(*initiator));
    if (!initiator) return -ENOMEM;
    initiator->token = token_ref(token);
    initiator->spec = *spec;
    if (!(initiator->target = strdup(spec->target))) return -ENOMEM;
    initiator->spec.target = initiator->target;
    *ret_initiator = TAKE_PTR(initiator);
    return 0;
}

SecInitiator *sec_initiator_free(SecInitiator *initiator)
{
    if (!initiator) return NULL;
    authority_call_free(initiator->call);
    if (initiator->conversation != 0)
        authority_tell(
            sec_credential_authority(token_credential(initiator->token)),
            &(AuthorityRequest){.operation = AUTHORITY_ABANDON, .conversation = initiator->conversation});
    sec_context_free(initiator->context);
    token_unref(initiator->token);
    free(initiator->target);
    free(initiator->output);
    free(initiator);
    return NULL;
}

static int initiator_fail(SecInitiator *initiator, uint32_t code, const char *format, const char *target)
{
    char who[SEC_QUOTE_SIZE], where[SEC_QUOTE_SIZE];
    const char *principal = token_principal(initiator->token);
    sec_quote(*principal ? principal : "the anonymous user", who);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    sec_failure_set(&initiator->failure, code, format, who, sec_quote(target, where));
#pragma GCC diagnostic pop
    initiator->state = STATE_FAILED;
    return SEC_FAILED;
}

/* Whether the token may authenticate outwards at all, and as what was asked for. Never another identity
 * instead. */
static int check_token(SecInitiator *initiator)
{
    const Token *token = initiator->token;
    const char *target = initiator->target;
    bool network = token_is_from_network(token), usable = token_credential(token) != NULL;
    if (!sec_mechanism(initiator->spec.authn_service))
        return initiator_fail(
            initiator, (uint32_t)SEC_E_SECPKG_NOT_FOUND,
            "%s cannot authenticate to %s: only Kerberos is offered; ask for RPC_C_AUTHN_GSS_KERBEROS",
            target);
    if (token_level(token) < TOKEN_LEVEL_IMPERSONATION)
        return initiator_fail(
            initiator, ERROR_BAD_IMPERSONATION_LEVEL,
            "%s's token may not be used towards %s: it is at IDENTIFY or below; ask the client to "
            "call at IMPERSONATE or DELEGATE",
            target);
    if (network && (!usable || token_level(token) < TOKEN_LEVEL_DELEGATION))
        return initiator_fail(
            initiator, (uint32_t)SEC_E_NO_CREDENTIALS,
            "%s's token may not cross another machine's boundary, here to %s: the client called at "
            "IMPERSONATE; ask it to call at DELEGATE and have this machine's account trusted for "
            "delegation",
            target);
    if (!usable)
        return initiator_fail(
            initiator, (uint32_t)SEC_E_NO_CREDENTIALS,
            "%s has no ticket to show to %s; log on with a ticket cache, a keytab or a password", target);
    if (token_expires(token) <= time_wall())
        return initiator_fail(
            initiator, (uint32_t)SEC_E_NO_CREDENTIALS,
            network ? "%s's delegated ticket has expired and cannot be shown to %s; ask the client to call "
                      "again with a new ticket"
                    : "%s's token has expired and cannot be shown to %s; log on again",
            target);
    /* A token of this machine's own logon may be delegated at IMPERSONATE too: the level limits what others
     * gave (LVL-5). */
    return 0;
}

static int step_start(SecInitiator *initiator)
{
    int result = check_token(initiator);
    if (result != 0) return result;
    SecCredential *credential = token_credential(initiator->token);
    AuthorityRequest request = {.operation = AUTHORITY_INITIATE,
                                .service = initiator->spec.authn_service,
                                .credential = sec_credential_handle(credential),
                                .target = initiator->target,
                                .authn_level = initiator->spec.authn_level,
                                .impersonation = initiator->spec.impersonation};
    result = authority_ask(sec_credential_authority(credential), &request, initiator->spec.deadline,
                           &initiator->call);
    if (result == 0) initiator->state = STATE_LEG1;
    return result;
}

/* Takes the authority's leg over as our output and ends the call. */
static int take_output(SecInitiator *initiator, const AuthorityAnswer *answer)
{
    uint8_t *copy = malloc(answer->token.length);
    if (!copy) return -ENOMEM;
    free(initiator->output);
    initiator->output = memcpy(copy, answer->token.data, answer->token.length);
    initiator->output_length = answer->token.length;
    return 0;
}

static int make_context(SecInitiator *initiator, const AuthorityAnswer *answer)
{
    SecContextSpec spec = {.service = initiator->spec.authn_service,
                           .initiator = true,
                           .enctype = answer->enctype,
                           .flags = answer->context_flags,
                           .key = answer->key.data,
                           .key_length = answer->key.length,
                           .send_sequence = answer->send_sequence,
                           .receive_sequence = answer->receive_sequence,
                           .expires = answer->session_expires};
    return sec_context_new(&spec, &initiator->context);
}

/* An answer is there, or the call still waits. */
static int step_asked(SecInitiator *initiator, IoWait *ret_wait)
{
    bool first = initiator->state == STATE_LEG1;
    AuthorityAnswer answer;
    int result = authority_ask_step(initiator->call, first ? AUTHORITY_INITIATE : AUTHORITY_INITIATE_FINISH,
                                    ret_wait, &answer, &initiator->failure);
    if (result == SEC_WAIT || result < 0) return result;
    int error = result == SEC_FAILED ? 0 : take_output(initiator, &answer);
    if (result != SEC_RESTART) initiator->conversation = first && result == 0 ? answer.conversation : 0;
    if (result == 0 && error == 0 && !first) error = make_context(initiator, &answer);
    authority_answer_deinit(&answer);
    initiator->call = authority_call_free(initiator->call);
    if (error != 0) {
        initiator->state = STATE_FAILED;
        return error;
    }
    initiator->state = result == SEC_FAILED             ? STATE_FAILED
                       : first || result == SEC_RESTART ? STATE_PEER
                                                        : STATE_DONE;
    return result;
}

int sec_initiator_step(SecInitiator *initiator, IoWait *ret_wait)
{
    if (initiator->state == STATE_START) {
        int result = step_start(initiator);
        if (result != 0) return result;
    }
    switch (initiator->state) {
    case STATE_LEG1:
    case STATE_LEG3:
        return step_asked(initiator, ret_wait);
    case STATE_FAILED:
        return SEC_FAILED;
    case STATE_START:
    case STATE_PEER:
    case STATE_DONE:
        break;
    }
    return 0;
}

const uint8_t *sec_initiator_output(const SecInitiator *initiator, size_t *ret_length)
{
    *ret_length = initiator->output_length;
    return initiator->output;
}

int sec_initiator_input(SecInitiator *initiator, const uint8_t *token, size_t length)
{
    if (initiator->state != STATE_PEER) return -EPROTO;
    initiator->output_length = 0;
    AuthorityRequest request = {.operation = AUTHORITY_INITIATE_FINISH,
                                .conversation = initiator->conversation,
                                .token = {token, length}};
    int result = authority_ask(sec_credential_authority(token_credential(initiator->token)), &request,
                               initiator->spec.deadline, &initiator->call);
    if (result == -EINVAL) return -EPROTO; /* longer than any token */
    if (result == 0) initiator->state = STATE_LEG3;
    return result;
}

bool sec_initiator_is_done(const SecInitiator *initiator)
{
    return initiator->state == STATE_DONE;
}

bool sec_initiator_wants_reply(const SecInitiator *initiator)
{
    /* GSS-1: raw Kerberos' third leg goes in alter_context, which is answered. */
    return true;
}

SecContext *sec_initiator_take_context(SecInitiator *initiator)
{
    return TAKE_PTR(initiator->context);
}

const SecFailure *sec_initiator_failure(const SecInitiator *initiator)
{
    return &initiator->failure;
}
