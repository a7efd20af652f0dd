/* SPDX-License-Identifier: Apache-2.0 */
/* Negotiate's tokens and both halves against each other, with a mechanism whose legs are texts. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <rpcdce.h>
#include <winerror.h>
#include <cmocka.h>
#include "sec/spnego-client.h"
#include "sec/spnego-server.h"

#define BYTES(text) ((SpnegoBytes){(const uint8_t *)(text), sizeof(text) - 1})

static bool is_text(SpnegoBytes bytes, const char *text)
{
    return bytes.data && bytes.length == strlen(text) && memcmp(bytes.data, text, bytes.length) == 0;
}

/* Codec */

/* As MIT's and Windows' clients and servers send them. */
static const uint8_t init_mit[] = {
    0x60, 0x30, 0x06, 0x06, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x02, 0xa0, 0x26, 0x30, 0x24, 0xa0, 0x18, 0x30,
    0x16, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 0x01, 0x02, 0x02, 0x06, 0x09, 0x2a, 0x86, 0x48,
    0x86, 0xf7, 0x12, 0x01, 0x02, 0x02, 0xa2, 0x08, 0x04, 0x06, 'a',  'p',  '-',  'r',  'e',  'q'};
static const uint8_t completed[] = {0xa1, 0x07, 0x30, 0x05, 0xa0, 0x03, 0x0a, 0x01, 0x00};

static void test_known_bytes(void **state)
{
    SpnegoInit init;
    SpnegoResponse response;
    _cleanup_(writer_deinitp) Writer writer, list;
    writer_init(&writer, 0);
    writer_init(&list, 0);

    assert_int_equal(spnego_kind(init_mit, sizeof(init_mit)), SPNEGO_KIND_INIT);
    assert_int_equal(spnego_init_read(init_mit, sizeof(init_mit), &init), 0);
    assert_int_equal(init.count, 2);
    assert_int_equal(init.oids[0], SPNEGO_KERBEROS_MS);
    assert_int_equal(init.oids[1], SPNEGO_KERBEROS);
    assert_true(is_text(init.token, "ap-req"));
    spnego_list_write(&list, init.oids, init.count);
    assert_int_equal(list.length, init.list.length);
    assert_memory_equal(list.data, init.list.data, list.length);
    spnego_init_write(&writer, init.list, init.token);
    assert_int_equal(writer.length, sizeof(init_mit));
    assert_memory_equal(writer.data, init_mit, sizeof(init_mit));

    assert_int_equal(spnego_response_read(completed, sizeof(completed), &response), 0);
    assert_int_equal(response.state, SPNEGO_COMPLETED);
    assert_false(response.has_oid || response.token.data || response.mic.data);
    writer_reset(&writer);
    spnego_response_write(&writer, &response);
    assert_int_equal(writer.length, sizeof(completed)); /* the nine bytes of MIT-7 */
    assert_memory_equal(writer.data, completed, sizeof(completed));
}

static void test_every_cut_is_refused(void **state)
{
    SpnegoInit init;
    SpnegoResponse response;
    const SpnegoResponse all = {.state = SPNEGO_REQUEST_MIC,
                                .has_oid = true,
                                .oid = SPNEGO_NTLM,
                                .token = BYTES("challenge"),
                                .mic = BYTES("mic")};
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, 0);

    for (size_t i = 0; i < sizeof(init_mit); i++)
        assert_int_equal(spnego_init_read(init_mit, i, &init), -EBADMSG);
    spnego_response_write(&writer, &all);
    assert_int_equal(spnego_response_read(writer.data, writer.length, &response), 0);
    assert_true(response.state == SPNEGO_REQUEST_MIC && response.oid == SPNEGO_NTLM);
    assert_true(is_text(response.token, "challenge") && is_text(response.mic, "mic"));
    for (size_t i = 0; i < writer.length; i++)
        assert_int_equal(spnego_response_read(writer.data, i, &response), -EBADMSG);
    writer_u8(&writer, 0);
    assert_int_equal(spnego_response_read(writer.data, writer.length, &response), -EBADMSG);
}

static void test_long_lists(void **state)
{
    SpnegoOid oids[SPNEGO_LIST_MAX + 1];
    for (size_t i = 0; i < ARRAY_SIZE(oids); i++)
        oids[i] = SPNEGO_KERBEROS;
    for (size_t more = 0; more < 2; more++) {
        SpnegoInit init;
        _cleanup_(writer_deinitp) Writer list, writer;
        writer_init(&list, 0);
        writer_init(&writer, 0);
        spnego_list_write(&list, oids, SPNEGO_LIST_MAX + more);
        spnego_init_write(&writer, (SpnegoBytes){list.data, list.length}, BYTES("leg"));
        assert_int_equal(spnego_init_read(writer.data, writer.length, &init), more ? -EBADMSG : 0);
    }
    SpnegoInit init;
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, 0);
    spnego_init_write(&writer, BYTES("\x30\x00"), BYTES("leg")); /* none at all */
    assert_int_equal(spnego_init_read(writer.data, writer.length, &init), -EBADMSG);
}

static void test_kinds(void **state)
{
    static const uint8_t framed[] = {0x60, 0x0f, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7,
                                     0x12, 0x01, 0x02, 0x02, 0x01, 0x00, 0x6e, 0x00};
    assert_int_equal(spnego_kind(framed, sizeof(framed)), SPNEGO_KIND_RAW_KERBEROS);
    assert_int_equal(spnego_kind(framed, sizeof(framed) - 1), SPNEGO_KIND_OTHER);
    assert_int_equal(spnego_kind((const uint8_t *)"\x6e\x00", 2), SPNEGO_KIND_RAW_KERBEROS);
    assert_int_equal(spnego_kind((const uint8_t *)"NTLMSSP\0\1", 9), SPNEGO_KIND_RAW_NTLM);
    assert_int_equal(spnego_kind((const uint8_t *)"NTLMSSP", 7), SPNEGO_KIND_OTHER);
    assert_int_equal(spnego_kind(completed, sizeof(completed)), SPNEGO_KIND_OTHER);
    assert_int_equal(spnego_kind((const uint8_t *)"", 0), SPNEGO_KIND_OTHER);
}

/* Conversations */

typedef struct Talk {
    SpnegoClient *client;
    SpnegoServer *server;
    SecContext *ours, *theirs; /* the client's and the server's, from leg 3 on */
    unsigned tokens;           /* that went over the wire */
    bool switched, over;
    SecFailure failure;
} Talk;

/* What somebody on the way does to the token of this number, 1 for the first. */
typedef void Tamper(unsigned number, Writer *token);

static SecContext *context_new(bool initiator)
{
    static const uint8_t key[32] = {7};
    SecContext *context;
    const SecContextSpec spec = {.initiator = initiator,
                                 .enctype = 18,
                                 .key = key,
                                 .key_length = sizeof(key),
                                 .send_sequence = initiator ? 100 : 200,
                                 .receive_sequence = initiator ? 200 : 100,
                                 .expires = INT64_MAX};
    assert_int_equal(sec_context_new(&spec, &context), 0);
    return context;
}

/* The server's half of the mechanism: two legs come, one goes. */
static int serve(Talk *talk, const Writer *token, Writer *answer)
{
    SpnegoServerInput input;
    int r = spnego_server_input(talk->server, token->data, token->length, talk->theirs, &input, answer,
                                &talk->failure);
    if (r != 0 || !input.leg.data) return r;
    if (is_text(input.leg, "leg 1")) {
        spnego_server_answer(talk->server, BYTES("leg 2"), false, answer);
        return 0;
    }
    if (is_text(input.leg, "bad leg")) {
        spnego_server_answer(talk->server, BYTES("clock"), true, answer);
        return 0;
    }
    assert_true(is_text(input.leg, "leg 3"));
    talk->theirs = context_new(false);
    return spnego_server_finish(talk->server, talk->theirs, answer, &talk->failure);
}

static int call(Talk *talk, const Writer *token, Writer *answer)
{
    SpnegoClientNext next;
    SpnegoBytes leg;
    int r = spnego_client_input(talk->client, token->data, token->length, talk->ours, &next, &leg, answer,
                                &talk->failure);
    if (r != 0) return r;
    switch (next) {
    case SPNEGO_NEXT_LEG:
        assert_true(is_text(leg, "leg 2"));
        talk->ours = context_new(true);
        return spnego_client_answer(talk->client, BYTES("leg 3"), talk->ours, answer);
    case SPNEGO_NEXT_SWITCH:
        talk->switched = true;
        spnego_client_first(talk->client, BYTES("leg 1"), answer);
        break;
    case SPNEGO_NEXT_SEND:
        break;
    case SPNEGO_NEXT_DONE:
        talk->over = true;
    }
    return 0;
}

enum { KERBEROS = 1, NTLM = 2 };

/* The whole conversation between ends that offer this: 0 where both are satisfied. */
static int converse(Talk *talk, unsigned client, unsigned server, Tamper *tamper)
{
    assert_int_equal(spnego_client_new(client & KERBEROS, client & NTLM, &talk->client), 0);
    assert_int_equal(spnego_server_new(server & KERBEROS, server & NTLM, &talk->server), 0);
    _cleanup_(writer_deinitp) Writer token, answer;
    writer_init(&token, 0);
    writer_init(&answer, 0);
    spnego_client_first(talk->client, BYTES("leg 1"), &token);
    int r = 0;
    while (r == 0 && !talk->over) {
        assert_int_equal(writer_status(&token), 0);
        assert_true(token.length > 0 && ++talk->tokens < 10);
        if (tamper) tamper(talk->tokens, &token);
        writer_reset(&answer);
        r = talk->tokens % 2 ? serve(talk, &token, &answer) : call(talk, &token, &answer);
        Writer swap = token;
        token = answer;
        answer = swap;
    }
    return r;
}

static void talk_deinit(Talk *talk)
{
    spnego_client_free(talk->client);
    spnego_server_free(talk->server);
    sec_context_free(talk->ours);
    sec_context_free(talk->theirs);
}

/* Both contexts stand and go on with the same numbers. */
static void assert_talk(const Talk *talk)
{
    uint8_t mic[SEC_MIC_MAX];
    assert_true(talk->over && spnego_server_is_done(talk->server));
    assert_int_equal(sec_context_sign(talk->ours, (const uint8_t *)"x", 1, mic), 0);
    assert_int_equal(
        sec_context_verify(talk->theirs, (const uint8_t *)"x", 1, mic, sec_context_mic_length(talk->ours)),
        0);
    assert_int_equal(spnego_client_service(talk->client), spnego_server_service(talk->server));
}

static void test_MIT_7_kerberos_is_four_tokens(void **state)
{
    Talk talk = {0};
    assert_int_equal(converse(&talk, KERBEROS, KERBEROS, NULL), 0);
    assert_talk(&talk);
    assert_int_equal(talk.tokens, 4);
    assert_int_equal(spnego_client_service(talk.client), RPC_C_AUTHN_GSS_KERBEROS);
    talk_deinit(&talk);
}

static void test_kerberos_is_taken_where_both_are_there(void **state)
{
    Talk talk = {0};
    assert_int_equal(converse(&talk, KERBEROS | NTLM, KERBEROS | NTLM, NULL), 0);
    assert_talk(&talk);
    assert_int_equal(spnego_server_service(talk.server), RPC_C_AUTHN_GSS_KERBEROS);
    talk_deinit(&talk);
}

static void test_ntlm_alone(void **state)
{
    Talk talk = {0};
    assert_int_equal(converse(&talk, NTLM, KERBEROS | NTLM, NULL), 0);
    assert_talk(&talk);
    assert_int_equal(spnego_server_service(talk.server), RPC_C_AUTHN_WINNT);
    talk_deinit(&talk);
}

static void test_ntlm_is_refused_where_it_is_not_allowed(void **state)
{
    Talk talk = {0};
    SpnegoClient *none = NULL;
    assert_int_equal(converse(&talk, NTLM, KERBEROS, NULL), SEC_FAILED);
    assert_int_equal((int32_t)talk.failure.code, SEC_E_SECPKG_NOT_FOUND);
    assert_non_null(strstr(talk.failure.sentence, "ntlm = yes"));
    assert_int_equal(spnego_client_new(false, false, &none), -EINVAL);
    talk_deinit(&talk);
}

/* Replaces a token by another one. */
static void replace_response(Writer *token, const SpnegoResponse *response)
{
    Writer writer;
    writer_init(&writer, 0);
    spnego_response_write(&writer, response);
    writer_deinit(token);
    *token = writer;
}

/* Takes the token apart; the copy keeps what the parts point to. */
static void edit_response(Writer *token, void (*edit)(SpnegoResponse *))
{
    Writer copy;
    SpnegoResponse response;
    writer_init(&copy, 0);
    writer_bytes(&copy, token->data, token->length);
    assert_int_equal(spnego_response_read(copy.data, copy.length, &response), 0);
    edit(&response);
    replace_response(token, &response);
    writer_deinit(&copy);
}

static void replace_list(Writer *token, const SpnegoOid *oids, size_t count, SpnegoBytes leg)
{
    Writer list, writer;
    writer_init(&list, 0);
    writer_init(&writer, 0);
    spnego_list_write(&list, oids, count);
    spnego_init_write(&writer, (SpnegoBytes){list.data, list.length}, leg);
    writer_deinit(token);
    writer_deinit(&list);
    *token = writer;
}

/* The mechanisms of the list are what a client offers that prefers something unknown: the server asks for a
 * MIC. */
static void test_unknown_mechanism_first(void **state)
{
    static const uint8_t unknown[] = {0x60, 0x26, 0x06, 0x06, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x02,
                                      0xa0, 0x1c, 0x30, 0x1a, 0xa0, 0x10, 0x30, 0x0e, 0x06, 0x01,
                                      0x2a, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01,
                                      0x02, 0x02, 0xa2, 0x06, 0x04, 0x04, 'l',  'e',  'g',  '0'};
    Talk talk = {0};
    SpnegoResponse response;
    SpnegoServerInput input;
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, 0);
    assert_int_equal(spnego_server_new(true, false, &talk.server), 0);
    assert_int_equal(
        spnego_server_input(talk.server, unknown, sizeof(unknown), NULL, &input, &writer, &talk.failure), 0);
    assert_null(input.leg.data); /* it is the other mechanism's */
    assert_int_equal(spnego_response_read(writer.data, writer.length, &response), 0);
    assert_int_equal(response.state, SPNEGO_REQUEST_MIC);
    assert_int_equal(response.oid, SPNEGO_KERBEROS);
    assert_null(response.token.data);
    talk_deinit(&talk);
}

/* A server without a keytab takes what comes second: the client starts again with it and both prove the list.
 */
static void test_second_choice(void **state)
{
    Talk talk = {0};
    assert_int_equal(converse(&talk, KERBEROS | NTLM, NTLM, NULL), 0);
    assert_talk(&talk);
    assert_true(talk.switched);
    assert_int_equal(talk.tokens, 6);
    assert_int_equal(spnego_server_service(talk.server), RPC_C_AUTHN_WINNT);
    talk_deinit(&talk);
}

/* What somebody on the way can do */

static void strip_list(Writer *token)
{
    static const SpnegoOid ntlm[] = {SPNEGO_NTLM};
    replace_list(token, ntlm, 1, (SpnegoBytes){0});
}

static void without_mic(SpnegoResponse *response)
{
    response->mic = (SpnegoBytes){0};
}

static void with_wrong_mic(SpnegoResponse *response)
{
    static uint8_t mic[SEC_MIC_MAX];
    assert_in_range(response->mic.length, 1, sizeof(mic));
    memcpy(mic, response->mic.data, response->mic.length);
    mic[response->mic.length - 1] ^= 1;
    response->mic.data = mic;
}

static void with_long_mic(SpnegoResponse *response)
{
    static const uint8_t mic[SEC_MIC_MAX + 1];
    response->mic = (SpnegoBytes){mic, sizeof(mic)};
}

static void as_reject(SpnegoResponse *response)
{
    response->state = SPNEGO_REJECT;
    response->token = (SpnegoBytes){0};
}

static void as_ntlm(SpnegoResponse *response)
{
    response->oid = SPNEGO_NTLM;
    response->token = (SpnegoBytes){0};
}

static void without_leg(SpnegoResponse *response)
{
    response->token = (SpnegoBytes){0};
}

static void with_leg(SpnegoResponse *response)
{
    response->token = BYTES("leg 2");
}

static void as_incomplete(SpnegoResponse *response)
{
    response->state = SPNEGO_INCOMPLETE;
}

static void as_request(SpnegoResponse *response)
{
    response->state = SPNEGO_REQUEST_MIC;
}

static void named_again(SpnegoResponse *response)
{
    response->has_oid = true;
    response->oid = SPNEGO_KERBEROS;
}

static void (*the_edit)(SpnegoResponse *);
static unsigned the_number;

static void edit_one(unsigned number, Writer *token)
{
    if (number == the_number) edit_response(token, the_edit);
}

/* Takes Kerberos out of the list; and hides the proof, too. */
static void strip(unsigned number, Writer *token)
{
    if (number == 1) strip_list(token);
}

static void strip_and_hide(unsigned number, Writer *token)
{
    if (number == 1) strip_list(token);
    if (number == 5) edit_response(token, without_mic);
}

static void assert_refused(unsigned client, unsigned server, Tamper *tamper, HRESULT code)
{
    Talk talk = {0};
    assert_int_equal(converse(&talk, client, server, tamper), SEC_FAILED);
    assert_int_equal((int32_t)talk.failure.code, code);
    assert_false(talk.over);
    talk_deinit(&talk);
}

static void test_a_stripped_list_is_noticed(void **state)
{
    /* By the server, whose list is not the one that was signed; and by the client, whose MIC nobody answered.
     */
    assert_refused(KERBEROS | NTLM, KERBEROS | NTLM, strip, SEC_E_MESSAGE_ALTERED);
    assert_refused(KERBEROS | NTLM, KERBEROS | NTLM, strip_and_hide, SEC_E_MESSAGE_ALTERED);
    /* Who offers Kerberos only cannot be led elsewhere. */
    assert_refused(KERBEROS, KERBEROS | NTLM, strip, SEC_E_INVALID_TOKEN);
}

static void test_changed_tokens_are_refused(void **state)
{
    static const struct {
        unsigned client, server, number;
        void (*edit)(SpnegoResponse *);
        HRESULT code;
    } rows[] = {
        {KERBEROS, KERBEROS, 2, as_reject, SEC_E_LOGON_DENIED},
        {KERBEROS, KERBEROS, 2, as_ntlm, SEC_E_INVALID_TOKEN}, /* not offered */
        {KERBEROS, KERBEROS, 2, with_long_mic, SEC_E_INVALID_TOKEN},
        {KERBEROS, KERBEROS, 3, as_reject, SEC_E_LOGON_DENIED},
        {KERBEROS, KERBEROS, 3, without_leg, SEC_E_INVALID_TOKEN},
        {KERBEROS, KERBEROS, 3, with_long_mic, SEC_E_INVALID_TOKEN},
        {KERBEROS, KERBEROS, 3, named_again, SEC_E_INVALID_TOKEN},
        {KERBEROS, KERBEROS, 4, as_reject, SEC_E_LOGON_DENIED},
        {KERBEROS, KERBEROS, 4, with_leg, SEC_E_INVALID_TOKEN}, /* the mechanism is finished */
        {KERBEROS, KERBEROS, 4, with_long_mic, SEC_E_MESSAGE_ALTERED},
        {NTLM, NTLM, 3, with_wrong_mic, SEC_E_MESSAGE_ALTERED},
        {NTLM, NTLM, 4, with_wrong_mic, SEC_E_MESSAGE_ALTERED},
        {NTLM, NTLM, 4, without_mic, SEC_E_MESSAGE_ALTERED},
        {NTLM, NTLM, 4, as_incomplete, SEC_E_INVALID_TOKEN}, /* both MICs are through already */
        {KERBEROS | NTLM, NTLM, 4, without_leg, SEC_E_INVALID_TOKEN},
        {KERBEROS | NTLM, NTLM, 5, with_wrong_mic, SEC_E_MESSAGE_ALTERED},
        {KERBEROS | NTLM, NTLM, 5, without_mic, SEC_E_INVALID_TOKEN},
        {KERBEROS | NTLM, NTLM, 6, with_wrong_mic, SEC_E_MESSAGE_ALTERED},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        the_number = rows[i].number;
        the_edit = rows[i].edit;
        assert_refused(rows[i].client, rows[i].server, edit_one, rows[i].code);
    }
}

static void cut(unsigned number, Writer *token)
{
    if (number == the_number) token->length--;
}

static void test_truncated_tokens_are_refused(void **state)
{
    for (the_number = 1; the_number <= 6; the_number++)
        assert_refused(KERBEROS | NTLM, NTLM, cut, SEC_E_INVALID_TOKEN);
}

/* The server asks for a MIC that need not be: then it is there, both ways. */
static void test_a_mic_is_made_where_it_is_asked_for(void **state)
{
    Talk talk = {0};
    the_number = 2;
    the_edit = as_request;
    assert_int_equal(converse(&talk, KERBEROS, KERBEROS, edit_one), 0);
    assert_talk(&talk);
    assert_int_equal(talk.tokens, 4);
    talk_deinit(&talk);
}

/* One end and the tokens of the other, made by hand. */
typedef struct Half {
    Talk talk;
    SpnegoClientNext next;
    SpnegoBytes leg;
    SpnegoServerInput input;
    SpnegoInit init; /* of `first` */
    SpnegoResponse got;
    Writer first, token, answer;
} Half;

static void half_init(Half *half)
{
    *half = (Half){.talk = {.ours = context_new(true), .theirs = context_new(false)}};
    writer_init(&half->first, 0);
    writer_init(&half->token, 0);
    writer_init(&half->answer, 0);
}

static void half_deinit(Half *half)
{
    talk_deinit(&half->talk);
    writer_deinit(&half->first);
    writer_deinit(&half->token);
    writer_deinit(&half->answer);
}

static int to_client(Half *half, const SpnegoResponse *response, SecContext *context)
{
    writer_reset(&half->token);
    writer_reset(&half->answer);
    spnego_response_write(&half->token, response);
    return spnego_client_input(half->talk.client, half->token.data, half->token.length, context, &half->next,
                               &half->leg, &half->answer, &half->talk.failure);
}

static int to_server(Half *half, const SpnegoResponse *response, SecContext *context)
{
    writer_reset(&half->token);
    writer_reset(&half->answer);
    spnego_response_write(&half->token, response);
    return spnego_server_input(half->talk.server, half->token.data, half->token.length, context, &half->input,
                               &half->answer, &half->talk.failure);
}

/* The MIC over the list of `first`, by either end. */
static SpnegoBytes half_sign(Half *half, SecContext *context, uint8_t mic[SEC_MIC_MAX])
{
    assert_int_equal(sec_context_sign(context, half->init.list.data, half->init.list.length, mic), 0);
    return (SpnegoBytes){mic, sec_context_mic_length(context)};
}

static void half_verify(Half *half, SecContext *context)
{
    assert_int_equal(spnego_response_read(half->answer.data, half->answer.length, &half->got), 0);
    assert_int_equal(sec_context_verify(context, half->init.list.data, half->init.list.length,
                                        half->got.mic.data, half->got.mic.length),
                     0);
}

/* A server that sends its MIC first and wants ours before it is content, as Samba does for Kerberos. */
static void test_a_server_that_signs_first(void **state)
{
    Half half;
    uint8_t mic[SEC_MIC_MAX];
    half_init(&half);
    SecContext *ours = half.talk.ours, *theirs = half.talk.theirs;
    assert_int_equal(spnego_client_new(true, false, &half.talk.client), 0);
    spnego_client_first(half.talk.client, BYTES("leg 1"), &half.first);
    assert_int_equal(spnego_init_read(half.first.data, half.first.length, &half.init), 0);
    SpnegoResponse response = {
        .state = SPNEGO_INCOMPLETE, .has_oid = true, .oid = SPNEGO_KERBEROS, .token = BYTES("leg 2")};
    assert_int_equal(to_client(&half, &response, NULL), 0);
    assert_int_equal(spnego_client_answer(half.talk.client, BYTES("leg 3"), ours, &half.answer), 0);
    response = (SpnegoResponse){.state = SPNEGO_INCOMPLETE, .mic = half_sign(&half, theirs, mic)};
    assert_int_equal(to_client(&half, &response, ours), 0);
    assert_int_equal(half.next, SPNEGO_NEXT_SEND);
    half_verify(&half, theirs);
    assert_int_equal(half.got.state, SPNEGO_NO_STATE);
    assert_int_equal(to_client(&half, &response, ours), SEC_FAILED); /* the same MIC once more */
    assert_int_equal(to_client(&half, &(SpnegoResponse){.state = SPNEGO_COMPLETED}, ours), 0);
    assert_int_equal(half.next, SPNEGO_NEXT_DONE);
    half_deinit(&half);
}

/* And the other way round: a client that keeps its MIC back until the server's has come. */
static void test_a_client_that_signs_last(void **state)
{
    static const SpnegoOid list[] = {SPNEGO_KERBEROS, SPNEGO_NTLM};
    static const SpnegoResponse others[] = {{.state = SPNEGO_NO_STATE}, {.state = SPNEGO_COMPLETED}};
    Half half;
    uint8_t mic[SEC_MIC_MAX];
    half_init(&half);
    SecContext *ours = half.talk.ours, *theirs = half.talk.theirs;
    SpnegoServer **server = &half.talk.server;
    replace_list(&half.first, list, 2, BYTES("leg 0"));
    assert_int_equal(spnego_init_read(half.first.data, half.first.length, &half.init), 0);
    assert_int_equal(spnego_server_new(false, true, server), 0);
    assert_int_equal(spnego_server_input(*server, half.first.data, half.first.length, NULL, &half.input,
                                         &half.answer, &half.talk.failure),
                     0);
    assert_int_equal(
        to_server(&half, &(SpnegoResponse){.state = SPNEGO_NO_STATE, .token = BYTES("leg 3")}, NULL), 0);
    assert_int_equal(spnego_server_finish(*server, theirs, &half.answer, &half.talk.failure), 0);
    assert_false(spnego_server_is_done(*server));
    half_verify(&half, ours);
    assert_int_equal(half.got.state, SPNEGO_INCOMPLETE);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) /* nothing else may follow */
        assert_int_equal(to_server(&half, &others[i], theirs), SEC_FAILED);
    SpnegoResponse last = {.state = SPNEGO_NO_STATE, .mic = half_sign(&half, ours, mic)};
    assert_int_equal(to_server(&half, &last, theirs), 0);
    assert_true(spnego_server_is_done(*server));
    assert_int_equal(half.answer.length, sizeof(completed));
    assert_memory_equal(half.answer.data, completed, sizeof(completed));
    assert_int_equal(to_server(&half, &last, theirs), SEC_FAILED);
    half_deinit(&half);
}

/* The mechanism's own token under Negotiate's number, as Wine sends it: it goes through as it is. */
static void test_raw_tokens(void **state)
{
    for (unsigned offered = 0; offered < 4; offered++)
        for (unsigned kind = KERBEROS; kind <= NTLM; kind++) {
            const SpnegoBytes token = kind == KERBEROS ? BYTES("\x6e\x02zz") : BYTES("NTLMSSP\0\1");
            Half half;
            half_init(&half);
            Talk *talk = &half.talk;
            assert_int_equal(spnego_server_new(offered & KERBEROS, offered & NTLM, &talk->server), 0);
            int r = spnego_server_input(talk->server, token.data, token.length, NULL, &half.input,
                                        &half.answer, &talk->failure);
            assert_int_equal(r, offered & kind ? 0 : SEC_FAILED);
            if (r == 0) {
                assert_ptr_equal(half.input.leg.data, token.data);
                spnego_server_answer(talk->server, BYTES("leg 2"), false, &half.answer);
                assert_true(is_text((SpnegoBytes){half.answer.data, half.answer.length}, "leg 2"));
                assert_int_equal(spnego_server_input(talk->server, (const uint8_t *)"leg 3", 5, NULL,
                                                     &half.input, &half.answer, &talk->failure),
                                 0);
                assert_true(is_text(half.input.leg, "leg 3"));
                writer_reset(&half.answer);
                assert_int_equal(
                    spnego_server_finish(talk->server, talk->theirs, &half.answer, &talk->failure), 0);
                assert_true(spnego_server_is_done(talk->server) && half.answer.length == 0);
            }
            half_deinit(&half);
        }
}

/* A leg that the mechanism refuses with a token of its own: the caller learns why and may start again. */
static void test_refused_legs(void **state)
{
    static const SpnegoOid list[] = {SPNEGO_KERBEROS};
    Half half;
    half_init(&half);
    replace_list(&half.first, list, 1, BYTES("bad leg"));
    assert_int_equal(spnego_server_new(true, false, &half.talk.server), 0);
    for (int i = 0; i < 2; i++) {
        writer_reset(&half.answer);
        assert_int_equal(serve(&half.talk, &half.first, &half.answer), 0);
        assert_int_equal(spnego_response_read(half.answer.data, half.answer.length, &half.got), 0);
        assert_true(is_text(half.got.token, "clock") && half.got.has_oid);
    }
    assert_int_equal(to_server(&half, &(SpnegoResponse){.token = BYTES("leg 3")}, NULL), SEC_FAILED);
    /* A client hands it to its mechanism, whatever the state beside it says. */
    for (SpnegoState s = SPNEGO_INCOMPLETE; s <= SPNEGO_REJECT; s++) {
        const SpnegoResponse clock = {
            .state = s, .has_oid = true, .oid = SPNEGO_KERBEROS, .token = BYTES("clock")};
        half.talk.client = spnego_client_free(half.talk.client);
        assert_int_equal(spnego_client_new(true, false, &half.talk.client), 0);
        spnego_client_first(half.talk.client, BYTES("leg 1"), &half.first);
        assert_int_equal(to_client(&half, &clock, NULL), 0);
        assert_true(half.next == SPNEGO_NEXT_LEG && is_text(half.leg, "clock"));
        spnego_client_restart(half.talk.client);
        spnego_client_first(half.talk.client, BYTES("leg 1"), &half.first);
        assert_int_equal(to_client(&half, &(SpnegoResponse){.state = SPNEGO_COMPLETED}, NULL), 0);
        assert_int_equal(half.next,
                         SPNEGO_NEXT_SWITCH); /* no token of the server's: as if ours had not been taken */
    }
    half_deinit(&half);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_bytes),
        cmocka_unit_test(test_every_cut_is_refused),
        cmocka_unit_test(test_long_lists),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_MIT_7_kerberos_is_four_tokens),
        cmocka_unit_test(test_kerberos_is_taken_where_both_are_there),
        cmocka_unit_test(test_ntlm_alone),
        cmocka_unit_test(test_ntlm_is_refused_where_it_is_not_allowed),
        cmocka_unit_test(test_unknown_mechanism_first),
        cmocka_unit_test(test_second_choice),
        cmocka_unit_test(test_a_stripped_list_is_noticed),
        cmocka_unit_test(test_changed_tokens_are_refused),
        cmocka_unit_test(test_truncated_tokens_are_refused),
        cmocka_unit_test(test_a_mic_is_made_where_it_is_asked_for),
        cmocka_unit_test(test_a_server_that_signs_first),
        cmocka_unit_test(test_a_client_that_signs_last),
        cmocka_unit_test(test_raw_tokens),
        cmocka_unit_test(test_refused_legs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
