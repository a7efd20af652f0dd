/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/spnego-client.h"
#include <errno.h>
#include <rpcdce.h>
#include <stdlib.h>
#include <winerror.h>

#define OFFERED_MAX 3

typedef enum ClientState {
    STATE_START,    /* the first leg is to be made */
    STATE_OFFERED,  /* NegTokenInit is out */
    STATE_SWITCHED, /* the server chose another mechanism, its first leg is to be made */
    STATE_LEGS,     /* and is out */
    STATE_LAST,     /* the mechanism is finished here, the server's word on it is awaited */
    STATE_DONE,
} ClientState;

struct SpnegoClient {
    ClientState state;
    SpnegoOid offered[OFFERED_MAX];
    size_t count;
    Writer list;
    uint8_t service;
    bool wants_mic;          /* without the server's MIC there is no context */
    bool sends_mic;          /* with the last leg */
    bool has_sent, has_seen; /* MICs */
};

int spnego_client_new(bool kerberos, bool ntlm, SpnegoClient **ret_client)
{
    _cleanup_(spnego_client_freep) SpnegoClient *client = calloc(1, sizeof(*client));
    if (!client) return -ENOMEM;
    writer_init(&client->list, 0);
    if (kerberos) {
        client->offered[client->count++] = SPNEGO_KERBEROS_MS;
        client->offered[client->count++] = SPNEGO_KERBEROS;
    }
    if (ntlm) client->offered[client->count++] = SPNEGO_NTLM;
    if (client->count == 0) return -EINVAL;
    spnego_client_restart(client);
    spnego_list_write(&client->list, client->offered, client->count);
    int result = writer_status(&client->list);
    if (result == 0) *ret_client = TAKE_PTR(client);
    return result;
}

SpnegoClient *spnego_client_free(SpnegoClient *client)
{
    if (!client) return NULL;
    writer_deinit(&client->list);
    free(client);
    return NULL;
}

uint8_t spnego_client_service(const SpnegoClient *client)
{
    return client->service;
}

void spnego_client_restart(SpnegoClient *client)
{
    client->state = STATE_START;
    client->service = spnego_oid_service(client->offered[0]);
    client->has_sent = client->has_seen = false;
    /* Kerberos as the first of the list is the best there is; NTLM may be what is left of a longer list. */
    client->wants_mic = client->sends_mic = client->service != RPC_C_AUTHN_GSS_KERBEROS;
}

void spnego_client_first(SpnegoClient *client, SpnegoBytes leg, Writer *writer)
{
    if (client->state == STATE_SWITCHED) {
        spnego_response_write(writer, &(SpnegoResponse){.state = SPNEGO_INCOMPLETE, .token = leg});
        client->state = STATE_LEGS;
        return;
    }
    spnego_init_write(writer, (SpnegoBytes){client->list.data, client->list.length}, leg);
    client->state = STATE_OFFERED;
}

static int refuse(SecFailure *failure, uint32_t code, const char *sentence)
{
    sec_failure_set(failure, code, "%s", sentence);
    return SEC_FAILED;
}

static int malformed(SecFailure *failure)
{
    return refuse(failure, (uint32_t)SEC_E_INVALID_TOKEN, "the server's negotiation token is malformed");
}

/* The server's choice, in its first answer. */
static int take_choice(SpnegoClient *client, const SpnegoResponse *response, SpnegoClientNext *ret_next,
                       SecFailure *failure)
{
    uint8_t service = response->has_oid ? spnego_oid_service(response->oid) : client->service;
    bool offered = false;
    for (size_t i = 0; i < client->count; i++)
        offered |= spnego_oid_service(client->offered[i]) == service;
    if (!offered)
        return refuse(failure, (uint32_t)SEC_E_INVALID_TOKEN,
                      "the server chose a mechanism that was not offered to it");
    *ret_next = SPNEGO_NEXT_LEG;
    if (service == client->service && response->token.data) return 0;
    /* Another one, or the same without the token that came along: as if it had not been the first. */
    if (response->token.data) return malformed(failure);
    client->service = service;
    client->wants_mic = client->sends_mic = true;
    client->state = STATE_SWITCHED;
    *ret_next = SPNEGO_NEXT_SWITCH;
    return 0;
}

static int sign(SpnegoClient *client, SecContext *context, uint8_t mic[SEC_MIC_MAX], SpnegoBytes *ret_mic)
{
    int result = sec_context_sign(context, client->list.data, client->list.length, mic);
    if (result != 0) return result;
    *ret_mic = (SpnegoBytes){mic, sec_context_mic_length(context)};
    client->has_sent = true;
    return 0;
}

static int take_mic(SpnegoClient *client, SecContext *context, SpnegoBytes mic, SecFailure *failure)
{
    if (!mic.data) return 0;
    if (client->has_seen) return malformed(failure);
    int result = sec_context_verify(context, client->list.data, client->list.length, mic.data, mic.length);
    if (result > 0)
        return refuse(failure, (uint32_t)SEC_E_MESSAGE_ALTERED,
                      "the server saw another list of mechanisms: somebody on the way has changed it");
    client->has_seen = result == 0;
    return result;
}

/* The mechanism is finished: what does the server say? */
static int input_last(SpnegoClient *client, const SpnegoResponse *response, SecContext *context,
                      SpnegoClientNext *ret_next, Writer *writer, SecFailure *failure)
{
    uint8_t mic[SEC_MIC_MAX];
    if (response->token.data) return malformed(failure);
    int result = take_mic(client, context, response->mic, failure);
    if (result != 0) return result;
    if (response->state == SPNEGO_COMPLETED) {
        if (client->wants_mic && !client->has_seen)
            return refuse(
                failure, (uint32_t)SEC_E_MESSAGE_ALTERED,
                "the server does not prove that it saw the whole list of mechanisms: somebody on the way may "
                "have changed it");
        client->state = STATE_DONE;
        *ret_next = SPNEGO_NEXT_DONE;
        return 0;
    }
    if (client->has_sent) return malformed(failure);
    SpnegoResponse answer = {.state = SPNEGO_NO_STATE};
    result = sign(client, context, mic, &answer.mic);
    if (result != 0) return result;
    spnego_response_write(writer, &answer);
    *ret_next = SPNEGO_NEXT_SEND;
    return 0;
}

int spnego_client_input(SpnegoClient *client, const uint8_t *token, size_t length, SecContext *context,
                        SpnegoClientNext *ret_next, SpnegoBytes *ret_leg, Writer *writer, SecFailure *failure)
{
    SpnegoResponse response;
    const bool offered = client->state == STATE_OFFERED;
    if (spnego_response_read(token, length, &response) != 0) return malformed(failure);
    *ret_leg = response.token;
    *ret_next = SPNEGO_NEXT_LEG;
    /* A token that comes with a refusal is the mechanism's, and says why. */
    if (response.state == SPNEGO_REJECT && response.token.data && client->state != STATE_LAST) return 0;
    if (response.state == SPNEGO_REJECT)
        return refuse(failure, (uint32_t)SEC_E_LOGON_DENIED,
                      "the server refuses every mechanism that was offered to it, or this identity");
    if (client->state == STATE_LAST) return input_last(client, &response, context, ret_next, writer, failure);
    if (response.mic.data || (response.has_oid && !offered)) return malformed(failure);
    if (response.state == SPNEGO_REQUEST_MIC) client->wants_mic = client->sends_mic = true;
    if (offered) return take_choice(client, &response, ret_next, failure);
    return client->state == STATE_LEGS && response.token.data ? 0 : malformed(failure);
}

int spnego_client_answer(SpnegoClient *client, SpnegoBytes leg, SecContext *context, Writer *writer)
{
    uint8_t mic[SEC_MIC_MAX];
    SpnegoResponse response = {.state = SPNEGO_INCOMPLETE, .token = leg};
    int result = client->sends_mic ? sign(client, context, mic, &response.mic) : 0;
    if (result != 0) return result;
    spnego_response_write(writer, &response);
    client->state = STATE_LAST;
    return 0;
}
