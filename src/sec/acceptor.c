/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/acceptor.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/time.h"
#include "sec/authority-client.h"
#include "sec/credential-private.h"
#include "sec/mechanism.h"

typedef enum AcceptorState {
    STATE_LEG1,  /* leg 1 is awaited: at the start, and after one that was refused */
    STATE_LEG2,  /* leg 1 is with the authority */
    STATE_LEG3,  /* leg 2 is the output; leg 3 is awaited */
    STATE_CHECK, /* leg 3 is with the authority */
    STATE_DONE,
    STATE_FAILED, /* for good: leg 3 was wrong */
} AcceptorState;

struct SecAcceptor {
    AcceptorState state;
    Authority *authority;
    uint8_t service, authn_level;
    AuthorityCall *call;
    uint64_t conversation; /* half-open in the authority; 0: none */
    uint8_t *output;
    size_t output_length;
    SecContext *context;
    Token *token;
    SecFailure failure;
};

int sec_acceptor_new(Authority *authority, uint8_t auth_type, uint8_t authn_level, SecAcceptor **ret_acceptor)
{
    if (!sec_mechanism(auth_type)) return -EOPNOTSUPP;
    SecAcceptor *acceptor = calloc(1, sizeof(*acceptor));
    if (!acceptor) return -ENOMEM;
    acceptor->authority = authority_ref(authority);
    acceptor->service = auth_type;
    acceptor->authn_level = authn_level;
    *ret_acceptor = acceptor;
    return 0;
}

SecAcceptor *sec_acceptor_free(SecAcceptor *acceptor)
{
    if (!acceptor) return NULL;
    authority_call_free(acceptor->call);
    if (acceptor->conversation != 0)
        authority_tell(acceptor->authority, &(AuthorityRequest){.operation = AUTHORITY_ABANDON,
                                                                .conversation = acceptor->conversation});
    sec_context_free(acceptor->context);
    token_unref(acceptor->token);
    free(acceptor->output);
    authority_unref(acceptor->authority);
    free(acceptor);
    return NULL;
}

int sec_acceptor_input(SecAcceptor *acceptor, const uint8_t *token, size_t length)
{
    bool first = acceptor->state == STATE_LEG1;
    if (!first && acceptor->state != STATE_LEG3) return -EPROTO;
    acceptor->output_length = 0;
    AuthorityRequest request = {.operation = first ? AUTHORITY_ACCEPT : AUTHORITY_ACCEPT_FINISH,
                                .service = acceptor->service,
                                .authn_level = acceptor->authn_level,
                                .conversation = acceptor->conversation,
                                .token = {token, length}};
    int result = authority_ask(acceptor->authority, &request, TIME_NEVER, &acceptor->call);
    if (result == -EINVAL) return -EPROTO; /* longer than any token */
    if (result == 0) acceptor->state = first ? STATE_LEG2 : STATE_CHECK;
    return result;
}

static int take_output(SecAcceptor *acceptor, const AuthorityBytes *token)
{
    free(acceptor->output);
    acceptor->output_length = 0;
    acceptor->output = malloc(token->length ? token->length : 1);
    if (!acceptor->output) return -ENOMEM;
    if (token->length > 0) memcpy(acceptor->output, token->data, token->length);
    acceptor->output_length = token->length;
    return 0;
}

static int make_context(SecAcceptor *acceptor, const AuthorityAnswer *answer)
{
    SecContextSpec spec = {.service = acceptor->service,
                           .initiator = false,
                           .enctype = answer->enctype,
                           .flags = answer->context_flags,
                           .key = answer->key.data,
                           .key_length = answer->key.length,
                           .send_sequence = answer->send_sequence,
                           .receive_sequence = answer->receive_sequence,
                           .expires = answer->session_expires,
                           .server = answer->server};
    return sec_context_new(&spec, &acceptor->context);
}

static int make_token(SecAcceptor *acceptor, const AuthorityAnswer *answer, SecCredential *credential)
{
    TokenSpec spec = {.kind = TOKEN_KIND_IMPERSONATION,
                      .level = (TokenLevel)answer->level,
                      .principal = answer->principal,
                      .user = answer->user,
                      .groups = answer->groups,
                      .group_count = answer->group_count,
                      .credential = credential,
                      .delegated = credential != NULL,
                      .from_network = true,
                      .account_flags = answer->account_flags,
                      .expires = answer->expires};
    return token_new(&spec, &acceptor->token);
}

/* Leg 1 was judged. */
static int take_leg2(SecAcceptor *acceptor, int result, const AuthorityAnswer *answer)
{
    int error = take_output(acceptor, &answer->token);
    if (error != 0) return error;
    acceptor->conversation = result == 0 ? answer->conversation : 0;
    acceptor->state = result == 0 ? STATE_LEG3 : STATE_LEG1;
    return result;
}

/* Leg 3 was judged. The conversation is over in the authority either way. */
static int take_caller(SecAcceptor *acceptor, int result, const AuthorityAnswer *answer)
{
    acceptor->conversation = 0;
    acceptor->state = STATE_FAILED;
    if (result != 0) return result;
    /* First of all: from here on the delegated ticket has an owner. */
    _cleanup_(sec_credential_unrefp) SecCredential *credential = NULL;
    int error =
        answer->credential ? sec_credential_new(acceptor->authority, answer->credential, &credential) : 0;
    if (error == 0) error = make_context(acceptor, answer);
    if (error == 0) error = make_token(acceptor, answer, credential);
    if (error == 0) acceptor->state = STATE_DONE;
    return error;
}

int sec_acceptor_step(SecAcceptor *acceptor, IoWait *ret_wait)
{
    if (acceptor->state == STATE_FAILED) return SEC_FAILED;
    if (!acceptor->call) return 0;
    bool first = acceptor->state == STATE_LEG2;
    AuthorityAnswer answer;
    int result = authority_ask_step(acceptor->call, first ? AUTHORITY_ACCEPT : AUTHORITY_ACCEPT_FINISH,
                                    ret_wait, &answer, &acceptor->failure);
    if (result == SEC_WAIT || result < 0) return result;
    result = first ? take_leg2(acceptor, result, &answer) : take_caller(acceptor, result, &answer);
    authority_answer_deinit(&answer);
    acceptor->call = authority_call_free(acceptor->call);
    return result;
}

const uint8_t *sec_acceptor_output(const SecAcceptor *acceptor, size_t *ret_length)
{
    *ret_length = acceptor->output_length;
    return acceptor->output;
}

bool sec_acceptor_is_done(const SecAcceptor *acceptor)
{
    return acceptor->state == STATE_DONE;
}

SecContext *sec_acceptor_take_context(SecAcceptor *acceptor)
{
    return TAKE_PTR(acceptor->context);
}

Token *sec_acceptor_take_token(SecAcceptor *acceptor)
{
    return TAKE_PTR(acceptor->token);
}

const SecFailure *sec_acceptor_failure(const SecAcceptor *acceptor)
{
    return &acceptor->failure;
}
