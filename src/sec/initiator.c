/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/initiator.h"
#include <errno.h>
#include <rpcdce.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <winerror.h>
#include "base/time.h"
#include "sec/authority-client.h"
#include "sec/credential.h"
#include "sec/mechanism.h"
#include "sec/spnego-client.h"

#define SEC_CHOICE_MAX (SEC_SENTENCE_MAX + 64)

typedef enum InitiatorState {
    STATE_START, /* leg 1 is to be asked for */
    STATE_LEG1,  /* being asked for */
    STATE_PEER,  /* leg 1 is the output; leg 2 is awaited */
    STATE_LEG3,  /* leg 2 is with the authority */
    STATE_LAST,  /* Negotiate: leg 3, or a MIC, is the output; the server's last word is awaited */
    STATE_DONE,
    STATE_FAILED,
} InitiatorState;

struct SecInitiator {
    InitiatorState state;
    Token *token;
    char *target;
    SecInitiatorSpec spec;
    uint8_t service;           /* the mechanism whose legs are made */
    SpnegoClient *negotiation; /* RPC_C_AUTHN_GSS_NEGOTIATE, once it is known what to offer */
    AuthorityCall *call;
    uint64_t conversation; /* half-open in the authority; 0: none */
    uint8_t *output;
    size_t output_length;
    SecContext *context;
    SecFailure failure;
    char why_ntlm[SEC_SENTENCE_MAX]; /* Negotiate: why Kerberos was given up */
    char choice[SEC_CHOICE_MAX];
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
    spnego_client_free(initiator->negotiation);
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

static bool negotiates(const SecInitiator *initiator)
{
    return initiator->spec.authn_service == RPC_C_AUTHN_GSS_NEGOTIATE;
}

/* RPC-6 */
static const char not_mutual[] =
    "%s cannot be shown to %s by NTLM: that does not prove which server it is, and EOAC_MUTUAL_AUTH asks for "
    "it; use Kerberos";

/* Whether the token may authenticate outwards at all, and as what was asked for. Never another identity
 * instead. */
static int check_token(SecInitiator *initiator)
{
    const Token *token = initiator->token;
    const char *target = initiator->target;
    bool network = token_is_from_network(token), usable = token_credential(token) != NULL;
    if (!negotiates(initiator) && !sec_mechanism(initiator->spec.authn_service))
        return initiator_fail(
            initiator, (uint32_t)SEC_E_SECPKG_NOT_FOUND,
            "%s cannot authenticate to %s by this service; ask for RPC_C_AUTHN_GSS_NEGOTIATE or "
            "RPC_C_AUTHN_GSS_KERBEROS",
            target);
    if (initiator->spec.mutual && initiator->spec.authn_service == RPC_C_AUTHN_WINNT)
        return initiator_fail(initiator, RPC_S_SEC_PKG_ERROR, not_mutual, target);
    if (token_level(token) < TOKEN_LEVEL_IMPERSONATION)
        return initiator_fail(
            initiator, ERROR_BAD_IMPERSONATION_LEVEL,
            "%s's token may not be used towards %s: it is at IDENTIFY or below; ask the client to "
            "call at IMPERSONATE or DELEGATE",
            target);
    /* Whether the ticket that a client came with at IMPERSONATE is worth anything here the KDC decides
     * (DEL-9). */
    if (network && (!usable || (token_is_delegated(token) && token_level(token) < TOKEN_LEVEL_DELEGATION)))
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
            token_is_delegated(token)
                ? "%s's delegated ticket has expired and cannot be shown to %s; ask the client to call "
                  "again with a new ticket"
            : network ? "%s's ticket has expired and it cannot be shown to %s; ask the client to call again "
                        "with a new ticket"
                      : "%s's token has expired and cannot be shown to %s; log on again",
            target);
    /* A token of this machine's own logon may be delegated at IMPERSONATE too: the level limits what others
     * gave (LVL-5). */
    return 0;
}

/* Negotiate signs its list with NTLM, whatever the calls need. */
static uint8_t leg_level(const SecInitiator *initiator)
{
    const uint8_t level = initiator->spec.authn_level;
    const bool signs = negotiates(initiator) && initiator->service == RPC_C_AUTHN_WINNT;
    return signs && level < RPC_C_AUTHN_LEVEL_PKT ? RPC_C_AUTHN_LEVEL_PKT : level;
}

/* Asks for the first leg of the mechanism. */
static int ask_first(SecInitiator *initiator)
{
    SecCredential *credential = token_credential(initiator->token);
    AuthorityRequest request = {.operation = AUTHORITY_INITIATE,
                                .service = initiator->service,
                                .credential = sec_credential_handle(credential),
                                .target = initiator->target,
                                .authn_level = leg_level(initiator),
                                .impersonation = initiator->spec.impersonation};
    int result = authority_ask(sec_credential_authority(credential), &request, initiator->spec.deadline,
                               &initiator->call);
    if (result == 0) initiator->state = STATE_LEG1;
    return result;
}

/* Whether Negotiate may end with NTLM: where the configuration says so, the identity has something to show by
 * it, and neither delegation nor the server's own proof was asked for, which NTLM does not have. */
static bool may_use_ntlm(const SecInitiator *initiator)
{
    SecCredential *credential = token_credential(initiator->token);
    return negotiates(initiator) && initiator->spec.impersonation != RPC_C_IMP_LEVEL_DELEGATE &&
           !initiator->spec.mutual && authority_negotiates_ntlm(sec_credential_authority(credential)) &&
           sec_credential_shows(credential, RPC_C_AUTHN_WINNT);
}

static void explain_no_ticket(SecInitiator *initiator)
{
    const char *why = sec_credential_why_ntlm(token_credential(initiator->token));
    (void)snprintf(initiator->why_ntlm, sizeof(initiator->why_ntlm), "%s%s",
                   why ? "this identity has no Kerberos ticket: " : "this identity is one for NTLM",
                   why ? why : "");
}

static int step_start(SecInitiator *initiator)
{
    int result = check_token(initiator);
    if (result != 0) return result;
    initiator->service = initiator->spec.authn_service;
    if (!negotiates(initiator)) return ask_first(initiator);
    initiator->service = RPC_C_AUTHN_GSS_KERBEROS;
    if (sec_credential_shows(token_credential(initiator->token), RPC_C_AUTHN_GSS_KERBEROS))
        return ask_first(initiator);
    if (initiator->spec.mutual)
        return initiator_fail(initiator, RPC_S_SEC_PKG_ERROR, not_mutual, initiator->target);
    if (!may_use_ntlm(initiator))
        return initiator_fail(
            initiator, (uint32_t)SEC_E_NO_CREDENTIALS,
            "%s has a password for NTLM only, which cannot be shown to %s: NTLM does not delegate, and "
            "Negotiate ends with it only where ntlm = yes is set in mantle.conf",
            initiator->target);
    explain_no_ticket(initiator);
    initiator->service = RPC_C_AUTHN_WINNT;
    return ask_first(initiator);
}

static int take_output(SecInitiator *initiator, const uint8_t *token, size_t length)
{
    uint8_t *copy = malloc(length ? length : 1);
    if (!copy) return -ENOMEM;
    free(initiator->output);
    initiator->output = length > 0 ? memcpy(copy, token, length) : copy;
    initiator->output_length = length;
    return 0;
}

static int take_written(SecInitiator *initiator, const Writer *writer)
{
    int result = writer_status(writer);
    return result ? result : take_output(initiator, writer->data, writer->length);
}

/* The first leg of a mechanism, as the peer is to get it. */
static int put_first(SecInitiator *initiator, const AuthorityBytes *leg)
{
    int result = 0;
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, AUTHORITY_TOKEN_MAX);
    if (!negotiates(initiator)) return take_output(initiator, leg->data, leg->length);
    if (!initiator->negotiation)
        result = spnego_client_new(initiator->service == RPC_C_AUTHN_GSS_KERBEROS, may_use_ntlm(initiator),
                                   &initiator->negotiation);
    if (result != 0) return result;
    spnego_client_first(initiator->negotiation, (SpnegoBytes){leg->data, leg->length}, &writer);
    return take_written(initiator, &writer);
}

/* The last one; the mechanism is finished. */
static int put_last(SecInitiator *initiator, const AuthorityAnswer *answer)
{
    _cleanup_(writer_deinitp) Writer writer = {0};
    int result = sec_mechanism_context(initiator->service, true, answer, &initiator->context);
    if (result != 0) return result;
    if (!negotiates(initiator)) {
        initiator->state = STATE_DONE;
        return take_output(initiator, answer->token.data, answer->token.length);
    }
    writer_init(&writer, AUTHORITY_TOKEN_MAX);
    result =
        spnego_client_answer(initiator->negotiation, (SpnegoBytes){answer->token.data, answer->token.length},
                             initiator->context, &writer);
    initiator->state = STATE_LAST;
    return result ? result : take_written(initiator, &writer);
}

/* Kerberos cannot reach this server, which says nothing about who is who: NTLM may do instead. A wrong
 * password, an identity that may not, a server that is not who it should be: never. */
static bool gives_way(const SecFailure *failure)
{
    return sec_failure_is_no_kdc(failure) || failure->code == (uint32_t)SEC_E_TARGET_UNKNOWN;
}

/* The authority refused. */
static int step_refused(SecInitiator *initiator, bool first)
{
    initiator->state = STATE_FAILED;
    if (!first || initiator->service != RPC_C_AUTHN_GSS_KERBEROS || initiator->negotiation ||
        !gives_way(&initiator->failure) || !may_use_ntlm(initiator))
        return SEC_FAILED;
    snprintf(initiator->why_ntlm, sizeof(initiator->why_ntlm), "%s", initiator->failure.sentence);
    initiator->service = RPC_C_AUTHN_WINNT;
    return ask_first(initiator);
}

static int take_answer(SecInitiator *initiator, int result, bool first, const AuthorityAnswer *answer)
{
    initiator->state = STATE_PEER;
    if (result == SEC_RESTART) {
        if (initiator->negotiation) spnego_client_restart(initiator->negotiation);
        return put_first(initiator, &answer->token);
    }
    initiator->conversation = first ? answer->conversation : 0;
    return first ? put_first(initiator, &answer->token) : put_last(initiator, answer);
}

/* An answer is there, or the call still waits. */
static int step_asked(SecInitiator *initiator, IoWait *ret_wait)
{
    bool first = initiator->state == STATE_LEG1;
    AuthorityAnswer answer;
    int result = authority_ask_step(initiator->call, first ? AUTHORITY_INITIATE : AUTHORITY_INITIATE_FINISH,
                                    ret_wait, &answer, &initiator->failure);
    if (result == SEC_WAIT || result < 0) return result;
    if (result == SEC_FAILED) initiator->conversation = 0;
    int error = result == SEC_FAILED ? 0 : take_answer(initiator, result, first, &answer);
    authority_answer_deinit(&answer);
    initiator->call = authority_call_free(initiator->call);
    if (error != 0) {
        initiator->state = STATE_FAILED;
        return error;
    }
    return result == SEC_FAILED ? step_refused(initiator, first) : result;
}

int sec_initiator_step(SecInitiator *initiator, IoWait *ret_wait)
{
    int result = initiator->state == STATE_START ? step_start(initiator) : 0;
    /* Where Kerberos gives way another first leg is asked for. */
    while (result == 0 && (initiator->state == STATE_LEG1 || initiator->state == STATE_LEG3))
        result = step_asked(initiator, ret_wait);
    return result == 0 && initiator->state == STATE_FAILED ? SEC_FAILED : result;
}

const uint8_t *sec_initiator_output(const SecInitiator *initiator, size_t *ret_length)
{
    *ret_length = initiator->output_length;
    return initiator->output;
}

static int ask_finish(SecInitiator *initiator, SpnegoBytes leg)
{
    AuthorityRequest request = {.operation = AUTHORITY_INITIATE_FINISH,
                                .conversation = initiator->conversation,
                                .token = {leg.data, leg.length}};
    int result = authority_ask(sec_credential_authority(token_credential(initiator->token)), &request,
                               initiator->spec.deadline, &initiator->call);
    if (result == -EINVAL) return -EPROTO; /* longer than any token */
    if (result == 0) initiator->state = STATE_LEG3;
    return result;
}

/* The server took the other mechanism of our list. */
static int switch_mechanism(SecInitiator *initiator)
{
    authority_tell(
        sec_credential_authority(token_credential(initiator->token)),
        &(AuthorityRequest){.operation = AUTHORITY_ABANDON, .conversation = initiator->conversation});
    initiator->conversation = 0;
    initiator->service = spnego_client_service(initiator->negotiation);
    snprintf(initiator->why_ntlm, sizeof(initiator->why_ntlm), "%s", "the server does not take Kerberos");
    return ask_first(initiator);
}

/* Negotiate's token. What is wrong with it is told by the step that follows. */
static int negotiate(SecInitiator *initiator, const uint8_t *token, size_t length)
{
    SpnegoClientNext next;
    SpnegoBytes leg;
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, AUTHORITY_TOKEN_MAX);
    int result = spnego_client_input(initiator->negotiation, token, length, initiator->context, &next, &leg,
                                     &writer, &initiator->failure);
    if (result == SEC_FAILED) {
        initiator->state = STATE_FAILED;
        return 0;
    }
    if (result != 0) return result;
    switch (next) {
    case SPNEGO_NEXT_LEG:
        return ask_finish(initiator, leg);
    case SPNEGO_NEXT_SWITCH:
        return switch_mechanism(initiator);
    case SPNEGO_NEXT_SEND:
        return take_written(initiator, &writer);
    case SPNEGO_NEXT_DONE:
        initiator->state = STATE_DONE;
        return 0;
    }
    return -EPROTO;
}

int sec_initiator_input(SecInitiator *initiator, const uint8_t *token, size_t length)
{
    if (initiator->state != STATE_PEER && initiator->state != STATE_LAST) return -EPROTO;
    initiator->output_length = 0;
    return initiator->negotiation ? negotiate(initiator, token, length)
                                  : ask_finish(initiator, (SpnegoBytes){token, length});
}

bool sec_initiator_is_done(const SecInitiator *initiator)
{
    return initiator->state == STATE_DONE;
}

bool sec_initiator_wants_reply(const SecInitiator *initiator)
{
    /* GSS-1: raw Kerberos' third leg goes in alter_context, which is answered; NTLM's in rpc_auth_3. */
    return initiator->spec.authn_service != RPC_C_AUTHN_WINNT;
}

SecContext *sec_initiator_take_context(SecInitiator *initiator)
{
    return initiator->state == STATE_DONE ? TAKE_PTR(initiator->context) : NULL;
}

const char *sec_initiator_choice(SecInitiator *initiator)
{
    const SecMechanism *mechanism = sec_mechanism(initiator->service);
    if (!mechanism) return "no authentication";
    if (!negotiates(initiator)) return mechanism->name;
    bool ntlm = initiator->service == RPC_C_AUTHN_WINNT;
    snprintf(initiator->choice, sizeof(initiator->choice), "%s, chosen by Negotiate%s%s", mechanism->name,
             ntlm ? " because " : "", ntlm ? initiator->why_ntlm : "");
    return initiator->choice;
}

const SecFailure *sec_initiator_failure(const SecInitiator *initiator)
{
    return &initiator->failure;
}
