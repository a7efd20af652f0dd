/* SPDX-License-Identifier: Apache-2.0 */
/* What a stranger can send to either end, and that nobody becomes somebody by it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <krb5.h>
#include <winerror.h>
#include "base/writer.h"
#include "io/wait.h"
#include "sec/authority-client.h"
#include "sec/authority-store.h"
#include "sec/krb5-der.h"
#include "sec/krb5-session.h"
#include "tests/realm/krb5-fixture.h"

/* A fresh acceptor at host a. */
static SecAcceptor *acceptor_at_a(void)
{
    SecAcceptor *acceptor = NULL;
    assert_int_equal(
        sec_acceptor_new(realm.a, RPC_C_AUTHN_GSS_KERBEROS, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, &acceptor), 0);
    return acceptor;
}

/* Feeds one leg and drops the output. */
static int feed(SecAcceptor *acceptor, const uint8_t *leg, size_t length)
{
    uint8_t *output;
    size_t size;
    int result = acceptor_feed(acceptor, leg, length, &output, &size);
    free(output);
    return result;
}

static void assert_nobody(SecAcceptor *acceptor)
{
    assert_false(sec_acceptor_is_done(acceptor));
    assert_null(sec_acceptor_take_token(acceptor));
    assert_null(sec_acceptor_take_context(acceptor));
    assert_null(strstr(sec_acceptor_failure(acceptor)->sentence, "alice"));
}

/* Legs 1 and 3 recorded, sent again. */
static void test_replay(void **state)
{
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    assert_int_equal(converse(&talk, realm.alice, HOST_A, DELEGATE, realm.a), 0);
    _cleanup_(sec_acceptor_freep) SecAcceptor *acceptor = acceptor_at_a();
    assert_int_equal(feed(acceptor, talk.leg1, talk.leg1_length), 0);
    assert_nobody(acceptor);
    assert_int_equal(feed(acceptor, talk.leg3, talk.leg3_length), SEC_FAILED);
    assert_nobody(acceptor);
    /* And the conversation is over: a right leg 3 would come too late. */
    assert_int_equal(sec_acceptor_input(acceptor, talk.leg3, talk.leg3_length), -EPROTO);
}

/* The level of the bind is not protected; the handshake that it came with is. */
static void test_level_lowered_on_the_way(void **state)
{
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    uint8_t *rest;
    size_t length;
    assert_int_equal(converse_leg1(&talk, realm.alice, HOST_A, IMPERSONATE), 0); /* at privacy */
    assert_int_equal(
        sec_acceptor_new(realm.a, RPC_C_AUTHN_GSS_KERBEROS, RPC_C_AUTHN_LEVEL_CONNECT, &talk.acceptor), 0);
    assert_int_equal(acceptor_feed(talk.acceptor, talk.leg1, talk.leg1_length, &talk.leg2, &talk.leg2_length),
                     0);
    assert_int_equal(
        initiator_feed(talk.initiator, talk.leg2, talk.leg2_length, &talk.leg3, &talk.leg3_length), 0);
    assert_int_equal(acceptor_feed(talk.acceptor, talk.leg3, talk.leg3_length, &rest, &length), SEC_FAILED);
    free(rest);
    assert_int_equal(sec_acceptor_failure(talk.acceptor)->code, (uint32_t)SEC_E_MESSAGE_ALTERED);
    assert_nobody(talk.acceptor);
}

/* The replay with its own leg 2, or with that of the first conversation, as leg 3. */
static void test_echo(void **state)
{
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    assert_int_equal(converse(&talk, realm.alice, HOST_A, IMPERSONATE, realm.a), 0);
    for (int own = 0; own < 2; own++) {
        _cleanup_(sec_acceptor_freep) SecAcceptor *acceptor = acceptor_at_a();
        _cleanup_(freep) uint8_t *leg2 = NULL;
        size_t length;
        assert_int_equal(acceptor_feed(acceptor, talk.leg1, talk.leg1_length, &leg2, &length), 0);
        assert_int_equal(feed(acceptor, own ? leg2 : talk.leg2, own ? length : talk.leg2_length), SEC_FAILED);
        assert_nobody(acceptor);
    }
}

/* Where the AP-REQ keeps its options, as DER: [2] BIT STRING of 32 bits. */
static uint8_t *ap_options(uint8_t *leg1, size_t length)
{
    static const uint8_t tag[] = {0xa2, 0x07, 0x03, 0x05, 0x00};
    uint8_t *found = memmem(leg1, length, tag, sizeof(tag));
    assert_non_null(found);
    return found + sizeof(tag);
}

/* T1: the options are not protected. With MUTUAL_REQUIRED cleared libkrb5's nonce would be the client's own,
 * and the recorded legs 1 and 3 would fit each other again. */
static void test_mutual_cleared(void **state)
{
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    assert_int_equal(converse(&talk, realm.alice, HOST_A, IMPERSONATE, realm.a), 0);
    uint8_t *options = ap_options(talk.leg1, talk.leg1_length);
    assert_int_equal(*options, 0x20); /* MUTUAL_REQUIRED and nothing else */
    *options = 0;
    _cleanup_(sec_acceptor_freep) SecAcceptor *acceptor = acceptor_at_a();
    assert_int_equal(feed(acceptor, talk.leg1, talk.leg1_length), SEC_FAILED);
    assert_non_null(strstr(sec_acceptor_failure(acceptor)->sentence, "mutual"));
    /* What comes next is a new leg 1, which a recorded leg 3 is not. */
    assert_int_equal(feed(acceptor, talk.leg3, talk.leg3_length), SEC_FAILED);
    assert_nobody(acceptor);
    *options = 0x60; /* USE_SESSION_KEY */
    assert_int_equal(feed(acceptor, talk.leg1, talk.leg1_length), SEC_FAILED);
    assert_nobody(acceptor);
    *options = 0x20;
    assert_int_equal(feed(acceptor, talk.leg1, talk.leg1_length), 0);
}

/* After a refused leg 1 the conversation may start again: that is how skew is recovered. */
static void test_second_try(void **state)
{
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    assert_int_equal(converse_leg1(&talk, realm.alice, HOST_A, IMPERSONATE), 0);
    talk.acceptor = acceptor_at_a();
    assert_int_equal(feed(talk.acceptor, (const uint8_t *)"nonsense", 8), SEC_FAILED);
    assert_int_equal(sec_acceptor_failure(talk.acceptor)->code, (uint32_t)SEC_E_INVALID_TOKEN);
    uint8_t *rest;
    size_t length;
    assert_int_equal(acceptor_feed(talk.acceptor, talk.leg1, talk.leg1_length, &talk.leg2, &talk.leg2_length),
                     0);
    assert_int_equal(
        initiator_feed(talk.initiator, talk.leg2, talk.leg2_length, &talk.leg3, &talk.leg3_length), 0);
    assert_int_equal(acceptor_feed(talk.acceptor, talk.leg3, talk.leg3_length, &rest, &length), 0);
    free(rest);
    assert_true(sec_acceptor_is_done(talk.acceptor));
}

/* A leg 1 cut anywhere is refused; one with a bit changed is refused or still alice's: some fields are not
 * protected, none of them says who. */
static void test_malformed_leg1(void **state)
{
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    _cleanup_(sec_acceptor_freep) SecAcceptor *acceptor = acceptor_at_a();
    assert_int_equal(converse_leg1(&talk, realm.alice, HOST_A, DELEGATE), 0);
    for (size_t length = 0; length < talk.leg1_length; length++) {
        uint8_t *copy = malloc(length ? length : 1); /* exact, for the address sanitizer */
        memcpy(copy, talk.leg1, length);
        assert_int_equal(feed(acceptor, copy, length), SEC_FAILED);
        free(copy);
    }
    for (size_t at = 0; at < talk.leg1_length; at++) {
        uint8_t bit = (uint8_t)(1 << (at % 8));
        talk.leg1[at] ^= bit;
        _cleanup_(sec_acceptor_freep) SecAcceptor *one = acceptor_at_a();
        int result = feed(one, talk.leg1, talk.leg1_length);
        assert_true(result == 0 || result == SEC_FAILED);
        assert_nobody(one);
        talk.leg1[at] ^= bit;
    }
}

/* The same towards the client: a leg 2 cut or changed anywhere never makes a context. */
static void test_malformed_leg2(void **state)
{
    _cleanup_(conversation_deinitp) Conversation model = {0};
    assert_int_equal(converse(&model, realm.alice, HOST_A, IMPERSONATE, realm.a), 0);
    for (size_t at = 0; at < model.leg2_length; at++) {
        _cleanup_(conversation_deinitp) Conversation talk = {0};
        assert_int_equal(converse_leg1(&talk, realm.alice, HOST_A, IMPERSONATE), 0);
        talk.acceptor = acceptor_at_a();
        assert_int_equal(
            acceptor_feed(talk.acceptor, talk.leg1, talk.leg1_length, &talk.leg2, &talk.leg2_length), 0);
        size_t length = at % 2 ? at % talk.leg2_length : talk.leg2_length;
        if (at % 2 == 0) talk.leg2[at % talk.leg2_length] ^= (uint8_t)(1 << (at / 2 % 8));
        int result = initiator_feed(talk.initiator, talk.leg2, length, &talk.leg3, &talk.leg3_length);
        assert_int_equal(result, SEC_FAILED);
        assert_false(sec_initiator_is_done(talk.initiator));
        assert_null(sec_initiator_take_context(talk.initiator));
        assert_int_equal(talk.leg3_length, 0);
    }
}

/* Some clients frame the AP-REQ although they said DCE style; the answer is not framed. */
static void GSS_2_a_framed_leg_is_taken_and_answered_unframed(void **state)
{
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    _cleanup_(writer_deinitp) Writer framed;
    assert_int_equal(converse_leg1(&talk, realm.alice, HOST_A, IMPERSONATE), 0);
    writer_init(&framed, 0);
    kerberos_frame(FRAME_AP_REQ, talk.leg1, talk.leg1_length, &framed);
    talk.acceptor = acceptor_at_a();
    assert_int_equal(acceptor_feed(talk.acceptor, framed.data, framed.length, &talk.leg2, &talk.leg2_length),
                     0);
    assert_int_equal(talk.leg2[0], DER_APPLICATION(15));
    assert_int_equal(
        initiator_feed(talk.initiator, talk.leg2, talk.leg2_length, &talk.leg3, &talk.leg3_length), 0);
    assert_int_equal(feed(talk.acceptor, talk.leg3, talk.leg3_length), 0);
    assert_true(sec_acceptor_is_done(talk.acceptor));
}

/* Clients of another make: AP-REQs made with libkrb5 directly. */
typedef struct Foreign {
    krb5_context context;
    krb5_auth_context auth;
    krb5_creds *ticket;
    krb5_data leg1;
} Foreign;

static krb5_creds *foreign_ticket(krb5_context context, const char *user, const char *service)
{
    _cleanup_(freep) char *path = realm_path("users/%s.ccache", user);
    krb5_ccache cache;
    krb5_creds wanted = {0}, *ticket = NULL;
    assert_int_equal(krb5_cc_resolve(context, path, &cache), 0);
    assert_int_equal(krb5_cc_get_principal(context, cache, &wanted.client), 0);
    assert_int_equal(krb5_parse_name(context, service, &wanted.server), 0);
    assert_int_equal(krb5_get_credentials(context, KRB5_GC_NO_STORE, cache, &wanted, &ticket), 0);
    krb5_free_cred_contents(context, &wanted);
    (void)krb5_cc_close(context, cache);
    return ticket;
}

static void foreign_init(Foreign *foreign)
{
    assert_int_equal(krb5_init_context(&foreign->context), 0);
    foreign->ticket = foreign_ticket(foreign->context, "alice", HOST_A);
    assert_int_equal(krb5_auth_con_init(foreign->context, &foreign->auth), 0);
    assert_int_equal(krb5_auth_con_setflags(foreign->context, foreign->auth, KRB5_AUTH_CONTEXT_DO_SEQUENCE),
                     0);
}

static void foreign_deinit(Foreign *foreign)
{
    krb5_free_data_contents(foreign->context, &foreign->leg1);
    (void)krb5_auth_con_free(foreign->context, foreign->auth);
    krb5_free_creds(foreign->context, foreign->ticket);
    krb5_free_context(foreign->context);
}

/* An AP-REQ whose checksum is what `checksum` says, as RFC 4121 has it or not. */
static int foreign_leg1(krb5_cksumtype type, const uint8_t *checksum, size_t length)
{
    Foreign foreign = {0};
    foreign_init(&foreign);
    krb5_data data = {.data = (char *)(uintptr_t)checksum, .length = (unsigned)length};
    if (type) assert_int_equal(krb5_auth_con_set_req_cksumtype(foreign.context, foreign.auth, type), 0);
    assert_int_equal(krb5_mk_req_extended(foreign.context, &foreign.auth,
                                          AP_OPTS_USE_SUBKEY | AP_OPTS_MUTUAL_REQUIRED,
                                          checksum ? &data : NULL, foreign.ticket, &foreign.leg1),
                     0);
    _cleanup_(sec_acceptor_freep) SecAcceptor *acceptor = acceptor_at_a();
    int result = feed(acceptor, (const uint8_t *)foreign.leg1.data, foreign.leg1.length);
    assert_nobody(acceptor);
    foreign_deinit(&foreign);
    return result;
}

static void GSS_2_a_checksum_is_of_DCE_style(void **state)
{
    enum { DCE = GSS_FLAG_DCE_STYLE | GSS_FLAG_MUTUAL };
    uint8_t good[40] = {16, [20] = DCE & 0xff, DCE >> 8}, bad[40];
    assert_int_equal(foreign_leg1(0x8003, good, 24), 0);
    assert_int_equal(foreign_leg1(0x8003, good, 40), 0); /* extensions may follow */
    assert_int_equal(foreign_leg1(0x8003, good, 23), SEC_FAILED);
    assert_int_equal(foreign_leg1(0x8003, NULL, 0), SEC_FAILED);
    assert_int_equal(foreign_leg1(0, good, 24), SEC_FAILED); /* an ordinary checksum over these bytes */
    memcpy(bad, good, sizeof(bad));
    bad[0] = 17;
    assert_int_equal(foreign_leg1(0x8003, bad, 24), SEC_FAILED);
    memcpy(bad, good, sizeof(bad));
    bad[21] = 0; /* not DCE style */
    assert_int_equal(foreign_leg1(0x8003, bad, 24), SEC_FAILED);
    memcpy(bad, good, sizeof(bad));
    bad[20] |= GSS_FLAG_DELEG; /* without a KRB-CRED, with a wrong option, with a length beyond the end, with
                                  nonsense */
    assert_int_equal(foreign_leg1(0x8003, bad, 24), SEC_FAILED);
    bad[24] = 2;
    assert_int_equal(foreign_leg1(0x8003, bad, 28), SEC_FAILED);
    bad[24] = 1;
    bad[26] = 13;
    assert_int_equal(foreign_leg1(0x8003, bad, 40), SEC_FAILED);
    bad[26] = 12;
    assert_int_equal(foreign_leg1(0x8003, bad, 40), SEC_FAILED);
}

/* All three legs of such a client, that asks Kerberos for `flags` and binds at `level`. */
static int foreign_legs(uint8_t level, uint32_t flags, SecFailure *ret_failure)
{
    const uint32_t said = flags | GSS_FLAG_MUTUAL | GSS_FLAG_DCE_STYLE;
    uint8_t checksum[24] = {16, [20] = (uint8_t)said, (uint8_t)(said >> 8)};
    krb5_data data = {.data = (char *)checksum, .length = sizeof(checksum)}, reply, leg3;
    krb5_ap_rep_enc_part *part;
    Foreign foreign = {0};
    foreign_init(&foreign);
    assert_int_equal(krb5_auth_con_set_req_cksumtype(foreign.context, foreign.auth, GSS_CHECKSUM_TYPE), 0);
    assert_int_equal(krb5_mk_req_extended(foreign.context, &foreign.auth,
                                          AP_OPTS_USE_SUBKEY | AP_OPTS_MUTUAL_REQUIRED, &data, foreign.ticket,
                                          &foreign.leg1),
                     0);
    _cleanup_(sec_acceptor_freep) SecAcceptor *acceptor = NULL;
    _cleanup_(freep) uint8_t *leg2 = NULL;
    size_t length;
    assert_int_equal(sec_acceptor_new(realm.a, RPC_C_AUTHN_GSS_KERBEROS, level, &acceptor), 0);
    assert_int_equal(
        acceptor_feed(acceptor, (uint8_t *)foreign.leg1.data, foreign.leg1.length, &leg2, &length), 0);
    reply = (krb5_data){.data = (char *)leg2, .length = (unsigned)length};
    assert_int_equal(krb5_rd_rep(foreign.context, foreign.auth, &reply, &part), 0);
    krb5_free_ap_rep_enc_part(foreign.context, part);
    assert_int_equal(krb5_mk_rep_dce(foreign.context, foreign.auth, &leg3), 0);
    int result = feed(acceptor, (const uint8_t *)leg3.data, leg3.length);
    *ret_failure = *sec_acceptor_failure(acceptor);
    if (result != 0) assert_nobody(acceptor);
    krb5_free_data_contents(foreign.context, &leg3);
    foreign_deinit(&foreign);
    return result;
}

/* What peers ask for is taken, what none of them leaves out is missed. Samba, Impacket, MIT and Mantle ask
 * for all that a level needs, Impacket for more at the lower ones; Wine for neither replay nor sequence
 * detection, and below integrity for nothing. */
static void GSS_4_a_capability_that_was_not_asked_for_is_an_error(void **state)
{
    enum {
        CONNECT = RPC_C_AUTHN_LEVEL_CONNECT,
        PKT = RPC_C_AUTHN_LEVEL_PKT,
        INTEGRITY = RPC_C_AUTHN_LEVEL_PKT_INTEGRITY,
        PRIVACY = RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
        ORDER = GSS_FLAG_REPLAY | GSS_FLAG_SEQUENCE,
        INTEG = GSS_FLAG_INTEG,
        CONF = GSS_FLAG_CONF,
    };
    static const struct {
        uint8_t level;
        uint32_t flags;
        const char *missing; /* NULL: taken */
    } rows[] = {
        {CONNECT, 0, NULL},
        {CONNECT, ORDER | INTEG | CONF, NULL},
        {PKT, 0, NULL},
        {PKT, ORDER | INTEG, NULL},
        {INTEGRITY, INTEG, NULL},
        {INTEGRITY, ORDER | INTEG, NULL},
        {INTEGRITY, ORDER | INTEG | CONF, NULL},
        {INTEGRITY, 0, "integrity"},
        {INTEGRITY, ORDER, "integrity"},
        {INTEGRITY, ORDER | CONF, "integrity"},
        {PRIVACY, INTEG | CONF, NULL},
        {PRIVACY, ORDER | INTEG | CONF, NULL},
        {PRIVACY, 0, "integrity"},
        {PRIVACY, ORDER | CONF, "integrity"},
        {PRIVACY, INTEG, "confidentiality"},
        {PRIVACY, ORDER | INTEG, "confidentiality"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        SecFailure failure;
        assert_int_equal(foreign_legs(rows[i].level, rows[i].flags, &failure),
                         rows[i].missing ? SEC_FAILED : 0);
        if (!rows[i].missing) continue;
        assert_int_equal(failure.code, (uint32_t)SEC_E_SECURITY_QOS_FAILED);
        assert_non_null(strstr(failure.sentence, rows[i].missing));
    }
}

/* alice's AP-REQ with `user`'s ticket-granting ticket delegated in it, unencrypted as RFC 4121 allows. */
static int delegate_of(const char *user)
{
    Foreign foreign = {0};
    foreign_init(&foreign);
    krb5_creds *tgt = foreign_ticket(foreign.context, user, "krbtgt/LAB.TEST@LAB.TEST");
    krb5_auth_context plain;
    krb5_data *message;
    krb5_replay_data replay;
    assert_int_equal(krb5_auth_con_init(foreign.context, &plain), 0);
    assert_int_equal(krb5_auth_con_setflags(foreign.context, plain, 0), 0);
    assert_int_equal(krb5_mk_1cred(foreign.context, plain, tgt, &message, &replay), 0);
    _cleanup_(writer_deinitp) Writer checksum;
    writer_init(&checksum, 0);
    writer_u32(&checksum, 16);
    writer_fill(&checksum, 0, 16);
    writer_u32(&checksum, GSS_FLAG_DELEG | GSS_FLAG_MUTUAL | GSS_FLAG_DCE_STYLE);
    writer_u16(&checksum, 1);
    writer_u16(&checksum, (uint16_t)message->length);
    writer_bytes(&checksum, message->data, message->length);
    int result = foreign_leg1(0x8003, checksum.data, checksum.length);
    krb5_free_data(foreign.context, message);
    (void)krb5_auth_con_free(foreign.context, plain);
    krb5_free_creds(foreign.context, tgt);
    foreign_deinit(&foreign);
    return result;
}

/* A token whose name is alice's and whose ticket is bob's would be bob behind alice's back. */
static void test_delegated_is_the_callers(void **state)
{
    assert_int_equal(delegate_of("alice"), 0);
    assert_int_equal(delegate_of("bob"), SEC_FAILED);
}

/* A server whose clock is `ahead` seconds ahead answers leg 1, as MIT and Samba do. */
static krb5_error_code server_answer(int32_t ahead, bool framed, const uint8_t *leg1, size_t leg1_length,
                                     Writer *leg2)
{
    _cleanup_(freep) char *path = realm_path("hosts/a/keytab");
    krb5_context context;
    krb5_auth_context auth = NULL;
    krb5_keytab keytab;
    krb5_timestamp now;
    krb5_data request = {.data = (char *)(uintptr_t)leg1, .length = (unsigned)leg1_length}, reply = {0};
    krb5_principal server;
    assert_int_equal(krb5_init_context(&context), 0);
    assert_int_equal(krb5_timeofday(context, &now), 0);
    assert_int_equal(krb5_set_real_time(context, now + ahead, 0), 0);
    assert_int_equal(krb5_kt_resolve(context, path, &keytab), 0);
    assert_int_equal(krb5_parse_name(context, HOST_A, &server), 0);
    assert_int_equal(krb5_auth_con_init(context, &auth), 0);
    assert_int_equal(krb5_auth_con_setflags(context, auth, 0), 0);
    krb5_error_code error = krb5_rd_req(context, &auth, &request, NULL, keytab, NULL, NULL);
    if (error) {
        krb5_error message = {.error = (krb5_ui_4)(error - ERROR_TABLE_BASE_krb5), .server = server};
        assert_int_equal(krb5_us_timeofday(context, &message.stime, &message.susec), 0);
        assert_int_equal(krb5_mk_error(context, &message, &reply), 0);
    } else {
        assert_int_equal(krb5_auth_con_setflags(context, auth,
                                                KRB5_AUTH_CONTEXT_DO_SEQUENCE | KRB5_AUTH_CONTEXT_USE_SUBKEY),
                         0);
        assert_int_equal(krb5_mk_rep(context, auth, &reply), 0);
    }
    if (error && framed)
        kerberos_frame(FRAME_ERROR, reply.data, reply.length, leg2);
    else
        writer_bytes(leg2, reply.data, reply.length);
    krb5_free_data_contents(context, &reply);
    krb5_free_principal(context, server);
    (void)krb5_kt_close(context, keytab);
    (void)krb5_auth_con_free(context, auth);
    krb5_free_context(context);
    return error;
}

static void test_skew(void **state)
{
    for (int framed = 0; framed < 2; framed++) {
        _cleanup_(conversation_deinitp) Conversation talk = {0}, next = {0};
        _cleanup_(writer_deinitp) Writer first, second;
        writer_init(&first, 0);
        writer_init(&second, 0);
        assert_int_equal(converse_leg1(&talk, realm.alice, HOST_A, DELEGATE), 0);
        assert_int_equal(server_answer(1200, framed, talk.leg1, talk.leg1_length, &first),
                         KRB5KRB_AP_ERR_SKEW);
        assert_int_equal(
            initiator_feed(talk.initiator, first.data, first.length, &talk.leg2, &talk.leg2_length),
            SEC_RESTART);
        assert_false(sec_initiator_is_done(talk.initiator));
        assert_int_equal(talk.leg2[0], DER_APPLICATION(14)); /* a new AP-REQ */
        assert_int_equal(server_answer(1200, framed, talk.leg2, talk.leg2_length, &second), 0);
        assert_int_equal(
            initiator_feed(talk.initiator, second.data, second.length, &talk.leg3, &talk.leg3_length), 0);
        assert_true(sec_initiator_is_done(talk.initiator));
        /* Not stored: the next conversation, with the same credential, is on time for a server that is. */
        assert_int_equal(converse(&next, realm.alice, HOST_A, DELEGATE, realm.a), 0);
    }
}

static void test_skew_limits(void **state)
{
    static const int32_t ahead[] = {4000, -4000};
    for (size_t i = 0; i < ARRAY_SIZE(ahead); i++) {
        _cleanup_(conversation_deinitp) Conversation far = {0};
        _cleanup_(writer_deinitp) Writer answer;
        writer_init(&answer, 0);
        assert_int_equal(converse_leg1(&far, realm.alice, HOST_A, IMPERSONATE), 0);
        int32_t error = server_answer(ahead[i], true, far.leg1, far.leg1_length, &answer);
        assert_true(error == KRB5KRB_AP_ERR_SKEW || error == KRB5KRB_AP_ERR_TKT_NYV);
        assert_int_equal(
            initiator_feed(far.initiator, answer.data, answer.length, &far.leg2, &far.leg2_length),
            SEC_FAILED);
        assert_int_equal(sec_initiator_failure(far.initiator)->code, (uint32_t)SEC_E_TIME_SKEW);
    }
    /* Once: a server that goes on complaining is not followed. */
    _cleanup_(conversation_deinitp) Conversation twice = {0};
    _cleanup_(writer_deinitp) Writer first, second;
    writer_init(&first, 0);
    writer_init(&second, 0);
    assert_int_equal(converse_leg1(&twice, realm.alice, HOST_A, IMPERSONATE), 0);
    assert_int_equal(server_answer(1200, true, twice.leg1, twice.leg1_length, &first), KRB5KRB_AP_ERR_SKEW);
    assert_int_equal(
        initiator_feed(twice.initiator, first.data, first.length, &twice.leg2, &twice.leg2_length),
        SEC_RESTART);
    assert_int_equal(server_answer(2400, true, twice.leg2, twice.leg2_length, &second), KRB5KRB_AP_ERR_SKEW);
    assert_int_equal(
        initiator_feed(twice.initiator, second.data, second.length, &twice.leg3, &twice.leg3_length),
        SEC_FAILED);
    assert_int_equal(sec_initiator_failure(twice.initiator)->code, (uint32_t)SEC_E_TIME_SKEW);
}

/* Our own acceptor's refusal tells the time too. */
static void test_error_token(void **state)
{
    _cleanup_(sec_acceptor_freep) SecAcceptor *acceptor = acceptor_at_a();
    _cleanup_(freep) uint8_t *token = NULL;
    size_t length;
    assert_int_equal(acceptor_feed(acceptor, (const uint8_t *)"\x6e\x00", 2, &token, &length), SEC_FAILED);
    Reader message;
    assert_true(kerberos_unframe(token, length, FRAME_ERROR, &message));
    krb5_context context;
    krb5_error *error;
    krb5_data data = {.data = (char *)(uintptr_t)message.data, .length = (unsigned)message.length};
    assert_int_equal(krb5_init_context(&context), 0);
    assert_int_equal(krb5_rd_error(context, &data, &error), 0);
    assert_in_range((uint32_t)error->stime, time_wall() - 5, time_wall() + 5);
    krb5_free_error(context, error);
    krb5_free_context(context);
}

/* Conversations that nobody ends make room for newer ones, oldest first. */
static void test_half_open(void **state)
{
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    assert_int_equal(converse_leg1(&talk, realm.alice, HOST_A, IMPERSONATE), 0);
    SecAcceptor *oldest = acceptor_at_a(), **others = calloc(AUTHORITY_HALF_OPEN_MAX, sizeof(SecAcceptor *));
    _cleanup_(freep) uint8_t *leg2 = NULL;
    size_t length;
    assert_int_equal(acceptor_feed(oldest, talk.leg1, talk.leg1_length, &leg2, &length), 0);
    for (size_t i = 0; i < AUTHORITY_HALF_OPEN_MAX; i++) {
        others[i] = acceptor_at_a();
        assert_int_equal(feed(others[i], talk.leg1, talk.leg1_length), 0);
    }
    /* The client's own half-open conversation is not one of them. */
    assert_int_equal(initiator_feed(talk.initiator, leg2, length, &talk.leg3, &talk.leg3_length), 0);
    assert_int_equal(feed(oldest, talk.leg3, talk.leg3_length), SEC_FAILED);
    assert_int_equal(sec_acceptor_failure(oldest)->code, (uint32_t)SEC_E_UNFINISHED_CONTEXT_DELETED);
    for (size_t i = 0; i < AUTHORITY_HALF_OPEN_MAX; i++)
        sec_acceptor_free(others[i]);
    free(others);
    sec_acceptor_free(oldest);
    _cleanup_(conversation_deinitp) Conversation after = {0};
    assert_int_equal(converse(&after, realm.alice, HOST_A, IMPERSONATE, realm.a), 0);
}

/* The checksum in a leg 1 for host a, and the type of the PDU that it is. */
static GssChecksum checksum_of(const uint8_t *leg1, size_t length)
{
    _cleanup_(freep) char *path = realm_path("hosts/a/keytab");
    static uint8_t bytes[8192];
    GssChecksum checksum;
    krb5_context context;
    krb5_auth_context auth = NULL;
    krb5_authenticator *authenticator;
    krb5_keytab keytab;
    krb5_data request = {.data = (char *)(uintptr_t)leg1, .length = (unsigned)length};
    assert_int_equal(krb5_init_context(&context), 0);
    assert_int_equal(krb5_kt_resolve(context, path, &keytab), 0);
    assert_int_equal(krb5_auth_con_init(context, &auth), 0);
    assert_int_equal(krb5_auth_con_setflags(context, auth, 0), 0);
    assert_int_equal(krb5_rd_req(context, &auth, &request, NULL, keytab, NULL, NULL), 0);
    assert_int_equal(krb5_auth_con_getauthenticator(context, auth, &authenticator), 0);
    assert_int_equal(authenticator->checksum->checksum_type, GSS_CHECKSUM_TYPE);
    assert_true(authenticator->checksum->length <= sizeof(bytes));
    memcpy(bytes, authenticator->checksum->contents, authenticator->checksum->length);
    assert_int_equal(gss_checksum_read(bytes, authenticator->checksum->length, &checksum), 0);
    krb5_free_authenticator(context, authenticator);
    (void)krb5_kt_close(context, keytab);
    (void)krb5_auth_con_free(context, auth);
    krb5_free_context(context);
    return checksum;
}

static GssChecksum asked_for(uint8_t authn_level, uint8_t impersonation)
{
    _cleanup_(sec_initiator_freep) SecInitiator *initiator = NULL;
    const SecInitiatorSpec spec = {.target = HOST_A,
                                   .authn_service = RPC_C_AUTHN_GSS_KERBEROS,
                                   .authn_level = authn_level,
                                   .impersonation = impersonation,
                                   .deadline = time_after(30 * NS_PER_SECOND)};
    size_t length;
    assert_int_equal(sec_initiator_new(realm.alice, &spec, &initiator), 0);
    assert_int_equal(drive_initiator(initiator), 0);
    const uint8_t *leg1 = sec_initiator_output(initiator, &length);
    assert_int_equal(leg1[0], DER_APPLICATION(14)); /* GSS-2: without framing */
    return checksum_of(leg1, length);
}

/* IDENTIFY is a flag, DELEGATE a flag with the ticket, IMPERSONATE neither; the rest is what the
 * authentication level needs. */
static void GSS_2_GSS_3_GSS_4_flags_by_level(void **state)
{
    for (uint8_t authn = RPC_C_AUTHN_LEVEL_CONNECT; authn <= RPC_C_AUTHN_LEVEL_PKT_PRIVACY; authn++) {
        uint32_t needed = GSS_FLAG_MUTUAL | GSS_FLAG_DCE_STYLE;
        if (authn == RPC_C_AUTHN_LEVEL_CALL) continue; /* is PKT by then */
        if (authn >= RPC_C_AUTHN_LEVEL_PKT) needed |= GSS_FLAG_REPLAY | GSS_FLAG_SEQUENCE | GSS_FLAG_INTEG;
        if (authn == RPC_C_AUTHN_LEVEL_PKT_PRIVACY) needed |= GSS_FLAG_CONF;
        assert_int_equal(asked_for(authn, ANONYMOUS).flags, needed | GSS_FLAG_IDENTIFY);
        assert_int_equal(asked_for(authn, IDENTIFY).flags, needed | GSS_FLAG_IDENTIFY);
        assert_int_equal(asked_for(authn, IMPERSONATE).flags, needed);
        GssChecksum delegate = asked_for(authn, DELEGATE);
        assert_int_equal(delegate.flags, needed | GSS_FLAG_DELEG);
        assert_true(delegate.delegated_length > 0);
    }
}

/* Three tokens: AP-REQ, AP-REP, AP-REP; nobody is anybody before the third. */
static void GSS_2_three_tokens_in_DCE_style(void **state)
{
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    uint8_t *rest;
    size_t length;
    assert_int_equal(converse_leg1(&talk, realm.alice, HOST_A, IMPERSONATE), 0);
    talk.acceptor = acceptor_at_a();
    assert_int_equal(acceptor_feed(talk.acceptor, talk.leg1, talk.leg1_length, &talk.leg2, &talk.leg2_length),
                     0);
    assert_nobody(talk.acceptor);
    assert_int_equal(
        initiator_feed(talk.initiator, talk.leg2, talk.leg2_length, &talk.leg3, &talk.leg3_length), 0);
    assert_int_equal(talk.leg1[0], DER_APPLICATION(14));
    assert_int_equal(talk.leg2[0], DER_APPLICATION(15));
    assert_int_equal(talk.leg3[0], DER_APPLICATION(15));
    assert_int_equal(acceptor_feed(talk.acceptor, talk.leg3, talk.leg3_length, &rest, &length), 0);
    free(rest);
    assert_int_equal(length, 0);
    assert_true(sec_acceptor_is_done(talk.acceptor));
}

/* One question to an authority, to its end; the conversation it began, or 0. */
static int ask(Authority *authority, const AuthorityRequest *request, uint64_t *ret_conversation,
               SecFailure *failure)
{
    AuthorityCall *call = NULL;
    AuthorityAnswer answer = {0};
    IoWait wait;
    int result;
    assert_int_equal(authority_ask(authority, request, TIME_NEVER, &call), 0);
    while ((result = authority_ask_step(call, request->operation, &wait, &answer, failure)) == SEC_WAIT)
        assert_int_equal(io_wait(&wait), 0);
    if (ret_conversation) *ret_conversation = answer.conversation;
    authority_answer_deinit(&answer);
    authority_call_free(call);
    return result;
}

/* A conversation is ended from the side that began it, and by nobody else. */
static void test_other_side(void **state)
{
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    SecFailure failure = {0};
    uint64_t ours, theirs;
    assert_int_equal(converse_leg1(&talk, realm.alice, HOST_A, IMPERSONATE), 0);
    AuthorityRequest initiate = {.operation = AUTHORITY_INITIATE,
                                 .service = RPC_C_AUTHN_GSS_KERBEROS,
                                 .credential = sec_credential_handle(token_credential(realm.alice)),
                                 .target = HOST_A,
                                 .authn_level = RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                                 .impersonation = IMPERSONATE};
    AuthorityRequest accept = {.operation = AUTHORITY_ACCEPT,
                               .service = RPC_C_AUTHN_GSS_KERBEROS,
                               .authn_level = RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                               .token = {talk.leg1, talk.leg1_length}};
    assert_int_equal(ask(realm.user, &initiate, &ours, &failure), 0);
    assert_int_equal(ask(realm.a, &accept, &theirs, &failure), 0);
    AuthorityRequest finish = {
        .operation = AUTHORITY_ACCEPT_FINISH, .conversation = ours, .token = {talk.leg1, talk.leg1_length}};
    assert_int_equal(ask(realm.user, &finish, NULL, &failure), SEC_FAILED);
    assert_int_equal(failure.code, (uint32_t)SEC_E_UNFINISHED_CONTEXT_DELETED);
    finish.operation = AUTHORITY_INITIATE_FINISH;
    finish.conversation = theirs;
    assert_int_equal(ask(realm.a, &finish, NULL, &failure), SEC_FAILED);
    assert_int_equal(failure.code, (uint32_t)SEC_E_UNFINISHED_CONTEXT_DELETED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replay),
        cmocka_unit_test(test_level_lowered_on_the_way),
        cmocka_unit_test(test_echo),
        cmocka_unit_test(test_mutual_cleared),
        cmocka_unit_test(test_second_try),
        cmocka_unit_test(test_malformed_leg1),
        cmocka_unit_test(test_malformed_leg2),
        cmocka_unit_test(GSS_2_a_framed_leg_is_taken_and_answered_unframed),
        cmocka_unit_test(GSS_2_a_checksum_is_of_DCE_style),
        cmocka_unit_test(test_delegated_is_the_callers),
        cmocka_unit_test(test_skew),
        cmocka_unit_test(test_skew_limits),
        cmocka_unit_test(test_error_token),
        cmocka_unit_test(test_half_open),
        cmocka_unit_test(test_other_side),
        cmocka_unit_test(GSS_2_GSS_3_GSS_4_flags_by_level),
        cmocka_unit_test(GSS_4_a_capability_that_was_not_asked_for_is_an_error),
        cmocka_unit_test(GSS_2_three_tokens_in_DCE_style),
    };
    return cmocka_run_group_tests_name("krb5-attacks", tests, realm_setup, realm_teardown);
}
