/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/spnego-server.h"
#include <errno.h>
#include <rpcdce.h>
#include <stdlib.h>
#include <string.h>
#include <winerror.h>

typedef enum ServerState {
    STATE_START, /* the list is awaited */
    STATE_LEGS,  /* legs of the mechanism */
    STATE_MIC,   /* the mechanism is finished, the client's MIC is awaited */
    STATE_DONE,
} ServerState;

struct SpnegoServer {
    ServerState state;
    bool kerberos, ntlm; /* offered */
    SpnegoOid taken;
    uint8_t service;
    bool raw;       /* the mechanism's tokens come and go bare */
    bool wants_mic; /* the client preferred another mechanism */
    bool named;     /* the client knows what was taken */
    uint8_t *list;
    size_t list_length;
    uint8_t mic[SEC_MIC_MAX]; /* came with the last leg */
    size_t mic_length;
};

int spnego_server_new(bool kerberos, bool ntlm, SpnegoServer **ret_server)
{
    SpnegoServer *server = calloc(1, sizeof(*server));
    if (!server) return -ENOMEM;
    server->kerberos = kerberos;
    server->ntlm = ntlm;
    *ret_server = server;
    return 0;
}

SpnegoServer *spnego_server_free(SpnegoServer *server)
{
    if (!server) return NULL;
    free(server->list);
    free(server);
    return NULL;
}

bool spnego_server_is_done(const SpnegoServer *server)
{
    return server->state == STATE_DONE;
}

uint8_t spnego_server_service(const SpnegoServer *server)
{
    return server->service;
}

static int refuse(SecFailure *failure, uint32_t code, const char *sentence)
{
    sec_failure_set(failure, code, "%s", sentence);
    return SEC_FAILED;
}

static int malformed(SecFailure *failure)
{
    return refuse(failure, (uint32_t)SEC_E_INVALID_TOKEN, "the caller's negotiation token is malformed");
}

/* The first leg */

static bool is_offered(const SpnegoServer *server, uint8_t service)
{
    return (service == RPC_C_AUTHN_GSS_KERBEROS && server->kerberos) ||
           (service == RPC_C_AUTHN_WINNT && server->ntlm);
}

static int refuse_offer(const SpnegoServer *server, SecFailure *failure)
{
    return refuse(
        failure, (uint32_t)SEC_E_SECPKG_NOT_FOUND,
        !server->kerberos ? "the caller offers no NTLM, and there is no keytab here to accept Kerberos with"
        : server->ntlm    ? "the caller offers neither Kerberos nor NTLM"
                          : "the caller offers no Kerberos, and NTLM is not accepted here; use Kerberos, or "
                            "allow NTLM by ntlm = yes in mantle.conf");
}

/* Some clients say Negotiate and send the mechanism's own token; there is no list that somebody could change.
 */
static int start_raw(SpnegoServer *server, uint8_t service, SecFailure *failure)
{
    if (!is_offered(server, service)) return refuse_offer(server, failure);
    server->raw = true;
    server->service = service;
    server->state = STATE_LEGS;
    return 0;
}

static int take_list(SpnegoServer *server, const SpnegoInit *init, SecFailure *failure)
{
    size_t i = 0;
    while (i < init->count && !is_offered(server, spnego_oid_service(init->oids[i])))
        i++;
    if (i == init->count) return refuse_offer(server, failure);
    free(server->list);
    server->list = malloc(init->list.length);
    if (!server->list) return -ENOMEM;
    server->list_length = init->list.length;
    memcpy(server->list, init->list.data, init->list.length);
    server->taken = init->oids[i];
    server->service = spnego_oid_service(server->taken);
    server->wants_mic = i > 0;
    server->named = false;
    server->state = STATE_LEGS;
    return 0;
}

/* What is sent while the mechanism is not finished. The mechanism is named once. */
static void put_response(SpnegoServer *server, SpnegoBytes leg, Writer *writer)
{
    const SpnegoResponse response = {.state = server->wants_mic && !server->named ? SPNEGO_REQUEST_MIC
                                                                                  : SPNEGO_INCOMPLETE,
                                     .has_oid = !server->named,
                                     .oid = server->taken,
                                     .token = leg};
    spnego_response_write(writer, &response);
    server->named = true;
}

static int input_start(SpnegoServer *server, const uint8_t *token, size_t length,
                       SpnegoServerInput *ret_input, Writer *writer, SecFailure *failure)
{
    SpnegoInit init;
    ret_input->leg = (SpnegoBytes){token, length};
    switch (spnego_kind(token, length)) {
    case SPNEGO_KIND_RAW_KERBEROS:
        return start_raw(server, RPC_C_AUTHN_GSS_KERBEROS, failure);
    case SPNEGO_KIND_RAW_NTLM:
        return start_raw(server, RPC_C_AUTHN_WINNT, failure);
    case SPNEGO_KIND_OTHER:
        return malformed(failure);
    case SPNEGO_KIND_INIT:
        break;
    }
    if (spnego_init_read(token, length, &init) != 0) return malformed(failure);
    int result = take_list(server, &init, failure);
    if (result != 0) return result;
    /* An optimistic token is the first mechanism's, RFC 4178 4.2.1. */
    ret_input->leg = server->wants_mic ? (SpnegoBytes){0} : init.token;
    if (!ret_input->leg.data) put_response(server, ret_input->leg, writer);
    return 0;
}

/* The other legs */

static int input_leg(SpnegoServer *server, const SpnegoResponse *response, SpnegoServerInput *ret_input,
                     SecFailure *failure)
{
    if (!response->token.data || response->mic.length > sizeof(server->mic)) return malformed(failure);
    server->mic_length = response->mic.length;
    if (response->mic.data) memcpy(server->mic, response->mic.data, response->mic.length);
    ret_input->leg = response->token;
    return 0;
}

static int changed(SecFailure *failure)
{
    return refuse(
        failure, (uint32_t)SEC_E_MESSAGE_ALTERED,
        "the caller's list of mechanisms is not signed by the caller: somebody on the way has changed it");
}

static int verify(SpnegoServer *server, SecContext *context, SpnegoBytes mic, SecFailure *failure)
{
    int result = sec_context_verify(context, server->list, server->list_length, mic.data, mic.length);
    return result > 0 ? changed(failure) : result;
}

/* The last token, or the one before the client's MIC. */
static int put_last(SpnegoServer *server, SecContext *context, SpnegoState state, bool with_mic,
                    Writer *writer)
{
    uint8_t mic[SEC_MIC_MAX];
    SpnegoResponse response = {.state = state, .has_oid = !server->named, .oid = server->taken};
    if (with_mic) {
        int result = sec_context_sign(context, server->list, server->list_length, mic);
        if (result != 0) return result;
        response.mic = (SpnegoBytes){mic, sec_context_mic_length(context)};
    }
    spnego_response_write(writer, &response);
    server->named = true;
    server->state = state == SPNEGO_COMPLETED ? STATE_DONE : STATE_MIC;
    return 0;
}

int spnego_server_input(SpnegoServer *server, const uint8_t *token, size_t length, SecContext *context,
                        SpnegoServerInput *ret_input, Writer *writer, SecFailure *failure)
{
    SpnegoResponse response;
    *ret_input = (SpnegoServerInput){0};
    if (server->state == STATE_START) return input_start(server, token, length, ret_input, writer, failure);
    if (server->raw) {
        ret_input->leg = (SpnegoBytes){token, length};
        return 0;
    }
    if (server->state == STATE_DONE || spnego_response_read(token, length, &response) != 0 ||
        response.has_oid)
        return malformed(failure);
    if (response.state == SPNEGO_REJECT)
        return refuse(failure, (uint32_t)SEC_E_LOGON_DENIED, "the caller gave the authentication up");
    if (server->state == STATE_LEGS) return input_leg(server, &response, ret_input, failure);
    if (response.token.data) return malformed(failure);
    if (!response.mic.data) return changed(failure);
    int result = verify(server, context, response.mic, failure);
    return result ? result : put_last(server, context, SPNEGO_COMPLETED, false, writer);
}

void spnego_server_answer(SpnegoServer *server, SpnegoBytes leg, bool refused, Writer *writer)
{
    if (server->raw)
        writer_bytes(writer, leg.data, leg.length);
    else
        put_response(server, leg, writer);
    if (!refused) return;
    server->state = STATE_START;
    server->raw = false;
}

int spnego_server_finish(SpnegoServer *server, SecContext *context, Writer *writer, SecFailure *failure)
{
    const SpnegoBytes mic = {server->mic, server->mic_length};
    if (server->raw) {
        server->state = STATE_DONE;
        return 0;
    }
    if (mic.length == 0 && server->wants_mic)
        return put_last(server, context, SPNEGO_INCOMPLETE, true,
                        writer); /* ours; the client's is to follow */
    int result = mic.length > 0 ? verify(server, context, mic, failure) : 0;
    return result ? result : put_last(server, context, SPNEGO_COMPLETED, mic.length > 0, writer);
}
