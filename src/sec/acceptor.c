/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/acceptor.h"
#include <errno.h>
#include <rpcdce.h>
#include <stdlib.h>
#include <string.h>
#include "base/time.h"
#include "sec/authority-client.h"
#include "sec/credential-private.h"
#include "sec/mechanism.h"
#include "sec/spnego-server.h"

typedef enum AcceptorState {
    STATE_LEG1,  /* leg 1 is awaited: at the start, and after one that was refused */
    STATE_LEG2,  /* leg 1 is with the authority */
    STATE_LEG3,  /* leg 2 is the output; leg 3 is awaited */
    STATE_CHECK, /* leg 3 is with the authority */
    STATE_MIC,   /* Negotiate: the mechanism is finished, the client's MIC is awaited */
    STATE_DONE,
    STATE_FAILED, /* for good: leg 3 was wrong */
} AcceptorState;

struct SecAcceptor {
    AcceptorState state;
    Authority *authority;
    uint8_t service, authn_level;
    SpnegoServer *negotiation; /* RPC_C_AUTHN_GSS_NEGOTIATE; then `service` is what it took */
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
    bool negotiates = auth_type == RPC_C_AUTHN_GSS_NEGOTIATE;
    if (!negotiates && !sec_mechanism(auth_type)) return -EOPNOTSUPP;
    if (auth_type == RPC_C_AUTHN_WINNT && !authority_accepts(authority, auth_type)) return -EOPNOTSUPP;
    _cleanup_(sec_acceptor_freep) SecAcceptor *acceptor = calloc(1, sizeof(*acceptor));
    if (!acceptor) return -ENOMEM;
    acceptor->authority = authority_ref(authority);
    acceptor->service = auth_type;
    acceptor->authn_level = authn_level;
    int result = 0;
    if (negotiates)
        result = spnego_server_new(authority_accepts(authority, RPC_C_AUTHN_GSS_KERBEROS),
                                   authority_accepts(authority, RPC_C_AUTHN_WINNT), &acceptor->negotiation);
    if (result == 0) *ret_acceptor = TAKE_PTR(acceptor);
    return result;
}

SecAcceptor *sec_acceptor_free(SecAcceptor *acceptor)
{
    if (!acceptor) return NULL;
    authority_call_free(acceptor->call);
    if (acceptor->conversation != 0)
        authority_tell(acceptor->authority, &(AuthorityRequest){.operation = AUTHORITY_ABANDON,
                                                                .conversation = acceptor->conversation});
    spnego_server_free(acceptor->negotiation);
    sec_context_free(acceptor->context);
    token_unref(acceptor->token);
    free(acceptor->output);
    authority_unref(acceptor->authority);
    free(acceptor);
    return NULL;
}

static int take_output(SecAcceptor *acceptor, const uint8_t *token, size_t length)
{
    free(acceptor->output);
    acceptor->output_length = 0;
    acceptor->output = malloc(length ? length : 1);
    if (!acceptor->output) return -ENOMEM;
    if (length > 0) memcpy(acceptor->output, token, length);
    acceptor->output_length = length;
    return 0;
}

static int take_written(SecAcceptor *acceptor, const Writer *writer)
{
    int result = writer_status(writer);
    return result ? result : take_output(acceptor, writer->data, writer->length);
}

/* Hands a leg of the mechanism to the authority. */
static int ask_leg(SecAcceptor *acceptor, SpnegoBytes leg)
{
    bool first = acceptor->state == STATE_LEG1;
    AuthorityRequest request = {.operation = first ? AUTHORITY_ACCEPT : AUTHORITY_ACCEPT_FINISH,
                                .service = acceptor->service,
                                .authn_level = acceptor->authn_level,
                                .conversation = acceptor->conversation,
                                .token = {leg.data, leg.length}};
    int result = authority_ask(acceptor->authority, &request, TIME_NEVER, &acceptor->call);
    if (result == -EINVAL) return -EPROTO; /* longer than any token */
    if (result == 0) acceptor->state = first ? STATE_LEG2 : STATE_CHECK;
    return result;
}

/* Negotiate's token: with a leg inside, or answered at once. */
static int negotiate(SecAcceptor *acceptor, const uint8_t *token, size_t length)
{
    SpnegoServerInput input;
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, AUTHORITY_TOKEN_MAX);
    int result = spnego_server_input(acceptor->negotiation, token, length, acceptor->context, &input, &writer,
                                     &acceptor->failure);
    if (result == SEC_FAILED) {
        acceptor->state = STATE_FAILED; /* told by the step that follows */
        return 0;
    }
    if (result != 0) return result;
    acceptor->service = spnego_server_service(acceptor->negotiation);
    if (input.leg.data) return ask_leg(acceptor, input.leg);
    if (spnego_server_is_done(acceptor->negotiation)) acceptor->state = STATE_DONE;
    return take_written(acceptor, &writer);
}

int sec_acceptor_input(SecAcceptor *acceptor, const uint8_t *token, size_t length)
{
    static const bool awaits[] = {
        [STATE_LEG1] = true, [STATE_LEG3] = true, [STATE_MIC] = true, [STATE_FAILED] = false};
    if (!awaits[acceptor->state]) return -EPROTO;
    acceptor->output_length = 0;
    return acceptor->negotiation ? negotiate(acceptor, token, length)
                                 : ask_leg(acceptor, (SpnegoBytes){token, length});
}

static int make_token(SecAcceptor *acceptor, const AuthorityAnswer *answer, SecCredential *credential)
{
    TokenSpec spec = {.kind = TOKEN_KIND_IMPERSONATION,
                      .level = (TokenLevel)answer->level,
                      .principal = answer->principal,
                      .user = answer->user,
                      .groups = answer->groups,
                      .group_count = answer->group_count,
                      .credential = answer->shows ? credential : NULL,
                      .held = authority_is_remote(acceptor->authority) ? credential : NULL,
                      .delegated = answer->shows && answer->level == TOKEN_LEVEL_DELEGATION,
                      .from_network = true,
                      .account_flags = answer->account_flags,
                      .service = acceptor->service,
                      .expires = answer->expires};
    return token_new(&spec, &acceptor->token);
}

/* Leg 1 was judged. */
static int take_leg2(SecAcceptor *acceptor, int result, const AuthorityAnswer *answer)
{
    int error = 0;
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, AUTHORITY_TOKEN_MAX);
    /* A refusal without a token for the peer is not wrapped into one: it is final. */
    if (acceptor->negotiation && answer->token.length > 0) {
        spnego_server_answer(acceptor->negotiation, (SpnegoBytes){answer->token.data, answer->token.length},
                             result != 0, &writer);
        error = take_written(acceptor, &writer);
    } else {
        error = take_output(acceptor, answer->token.data, answer->token.length);
    }
    if (error != 0) return error;
    acceptor->conversation = result == 0 ? answer->conversation : 0;
    acceptor->state = result == 0                                          ? STATE_LEG3
                      : acceptor->negotiation && answer->token.length == 0 ? STATE_FAILED
                                                                           : STATE_LEG1;
    return result;
}

/* The mechanism is through; what does Negotiate say to it? */
static int finish_negotiation(SecAcceptor *acceptor)
{
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, AUTHORITY_TOKEN_MAX);
    int result = spnego_server_finish(acceptor->negotiation, acceptor->context, &writer, &acceptor->failure);
    if (result != 0) return result;
    acceptor->state = spnego_server_is_done(acceptor->negotiation) ? STATE_DONE : STATE_MIC;
    return take_written(acceptor, &writer);
}

/* Leg 3 was judged. The conversation is over in the authority either way. */
static int take_caller(SecAcceptor *acceptor, int result, const AuthorityAnswer *answer)
{
    acceptor->conversation = 0;
    acceptor->state = STATE_FAILED;
    if (result != 0) return result;
    /* First of all: from here on the delegated ticket has an owner. */
    _cleanup_(sec_credential_unrefp) SecCredential *credential = NULL;
    int error = answer->credential ? sec_credential_new(acceptor->authority, answer->credential,
                                                        answer->shows, &credential)
                                   : 0;
    if (error == 0) error = sec_mechanism_context(acceptor->service, false, answer, &acceptor->context);
    if (error == 0) error = make_token(acceptor, answer, credential);
    if (error != 0) return error;
    if (acceptor->negotiation) return finish_negotiation(acceptor);
    acceptor->state = STATE_DONE;
    return 0;
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
    return acceptor->state == STATE_DONE ? TAKE_PTR(acceptor->context) : NULL;
}

Token *sec_acceptor_take_token(SecAcceptor *acceptor)
{
    return acceptor->state == STATE_DONE ? TAKE_PTR(acceptor->token) : NULL;
}

const SecFailure *sec_acceptor_failure(const SecAcceptor *acceptor)
{
    return &acceptor->failure;
}
