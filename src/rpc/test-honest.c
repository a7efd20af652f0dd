/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/test-honest.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "pdu/pdu.h"

#define LEVEL_CALL 3u
#define LEVEL_PKT  4u
#define LAST_LEG   "three"
#define TOKEN_MAX  256u

void honest_init(Honest *honest)
{
    *honest = (Honest){.count = 0};
    writer_init(&honest->said, 0);
}

void honest_deinit(Honest *honest)
{
    for (size_t i = 0; i < honest->count; i++)
        sec_context_free(honest->contexts[i].context);
    writer_deinit(&honest->said);
}

static SecContext *find(const Honest *honest, uint32_t id)
{
    for (size_t i = 0; i < honest->count; i++)
        if (honest->contexts[i].id == id) return honest->contexts[i].context;
    return NULL;
}

static bool is_last_leg(const PduTrailer *trailer)
{
    return trailer->token && trailer->type == TEST_AUTH_TYPE && trailer->token_length == strlen(LAST_LEG) &&
           memcmp(trailer->token, LAST_LEG, trailer->token_length) == 0;
}

/* bind, alter_context, auth3: both ends have the context from its last leg on. */
static void take_leg(Honest *honest, const Pdu *pdu)
{
    if (pdu->header.type != PDU_AUTH3 && pdu->header.flags & PDU_HEADER_SIGN) honest->signs = true;
    if (!is_last_leg(&pdu->trailer) || honest->count == HONEST_CONTEXTS ||
        find(honest, pdu->trailer.context_id))
        return;
    SecContext *context = test_context_new(true);
    assert(context);
    honest->contexts[honest->count++] = (HonestContext){pdu->trailer.context_id, context};
}

static SecMessage message_of(uint8_t *data, const Pdu *pdu, bool signs)
{
    PduSeal seal;
    pdu_seal_of(pdu, &seal);
    return (SecMessage){data,
                        seal.stub,
                        data + seal.stub,
                        seal.stub_length,
                        data + seal.trailer,
                        data + seal.token,
                        seal.token_length,
                        signs};
}

static void seal(Honest *honest, uint8_t *data, const Pdu *pdu)
{
    const PduTrailer *trailer = &pdu->trailer;
    const uint8_t level = trailer->level == LEVEL_CALL ? LEVEL_PKT : trailer->level;
    uint8_t damage[TOKEN_MAX], bits = 0;
    SecContext *context =
        trailer->token && trailer->type == TEST_AUTH_TYPE ? find(honest, trailer->context_id) : NULL;
    if (!context || level < LEVEL_PKT || trailer->token_length > sizeof(damage) ||
        trailer->token_length != sec_context_token_length(context, level))
        return;
    SecMessage message = message_of(data, pdu, honest->signs);
    const size_t before = honest->said.length;
    memcpy(damage, message.token, message.token_length);
    writer_bytes(&honest->said, data + pdu->call.stub_offset, pdu->call.stub_length - trailer->pad_length);
    assert(writer_status(&honest->said) == 0);
    if (sec_context_protect(context, level, &message) <
        0) { /* its length is not one to seal: as it is, then */
        honest->said.length = before;
        return;
    }
    for (size_t i = 0; i < message.token_length; i++) {
        bits |= damage[i];
        message.token[i] ^= damage[i];
    }
    if (bits)
        honest->said.length = before;
    else
        honest->sealed++;
}

/* The next PDU of `size` bytes. False: there is none, or it is none. */
static bool next_pdu(const uint8_t *data, size_t size, Pdu *ret_pdu)
{
    PduHeader header;
    return size >= PDU_HEADER_SIZE && pdu_header_parse(data, &header) == 0 && header.frag_length <= size &&
           pdu_parse(data, header.frag_length, ret_pdu) == 0;
}

void honest_seal(Honest *honest, uint8_t *data, size_t size)
{
    Pdu pdu;
    for (; next_pdu(data, size, &pdu); data += pdu.header.frag_length, size -= pdu.header.frag_length) {
        switch (pdu.header.type) {
        case PDU_BIND:
        case PDU_ALTER_CONTEXT:
        case PDU_AUTH3:
            take_leg(honest, &pdu);
            break;
        case PDU_REQUEST:
            seal(honest, data, &pdu);
            break;
        default:
            break;
        }
    }
}

bool honest_said(const Honest *honest, const uint8_t *stub, size_t length)
{
    if (length == 0) return honest->sealed > 0;
    return memmem(honest->said.data, honest->said.length, stub, length) != NULL;
}

/* From some answer on headers are signed. An alter_context may have asked for it and been refused for
 * something else, so that no answer says so. */
static void open_answer(Honest *honest, const uint8_t *data, const Pdu *pdu)
{
    SecContext *context = find(honest, pdu->trailer.context_id);
    assert(context && pdu->trailer.type == TEST_AUTH_TYPE);
    int r = -1;
    for (unsigned signs = honest->answers_sign; r != 0 && signs <= honest->signs; signs++) {
        uint8_t copy[PDU_FRAGMENT_MAX];
        memcpy(copy, data, pdu->header.frag_length);
        SecMessage message = message_of(copy, pdu, signs);
        r = sec_context_unprotect(context, pdu->trailer.level, &message);
        honest->answers_sign = signs;
    }
    assert(r == 0);
}

void honest_check(Honest *honest, uint8_t *answers, size_t size)
{
    Pdu pdu;
    for (; next_pdu(answers, size, &pdu); answers += pdu.header.frag_length, size -= pdu.header.frag_length) {
        if (pdu.header.type == PDU_RESPONSE && pdu.trailer.token) open_answer(honest, answers, &pdu);
        if ((pdu.header.type == PDU_BIND_ACK || pdu.header.type == PDU_ALTER_CONTEXT_RESP) &&
            pdu.header.flags & PDU_HEADER_SIGN)
            honest->answers_sign = true;
    }
    assert(size == 0); /* whole PDUs, to the end */
}
