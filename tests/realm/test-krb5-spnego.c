/* SPDX-License-Identifier: Apache-2.0 */
/* Negotiate with Kerberos inside: both ends of ours against each other, and what somebody on the way can do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <winerror.h>
#include <cmocka.h>
#include "sec/krb5-session.h"
#include "sec/spnego.h"
#include "tests/realm/krb5-fixture.h"

static void assert_identity(uint8_t impersonation, TokenLevel level)
{
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    assert_int_equal(negotiate(&talk, realm.alice, HOST_A, impersonation, realm.a, NULL), 0);
    assert_int_equal(talk.tokens, 4);
    assert_string_equal(token_principal(talk.token), "alice@LAB.TEST");
    assert_int_equal(token_level(talk.token), level);
    assert_int_equal(sec_context_service(talk.client), RPC_C_AUTHN_GSS_KERBEROS);
    assert_int_equal(sec_context_service(talk.server), RPC_C_AUTHN_GSS_KERBEROS);
    assert_string_equal(sec_initiator_choice(talk.initiator), "Kerberos, chosen by Negotiate");
    assert_true(sealed_both_ways(&talk));
}

static void test_GSS_1_MIT_7_four_tokens(void **state)
{
    assert_identity(IDENTIFY, TOKEN_LEVEL_IDENTIFICATION);
    assert_identity(IMPERSONATE, TOKEN_LEVEL_IMPERSONATION);
    assert_identity(DELEGATE, TOKEN_LEVEL_DELEGATION);
}

/* What fails with Kerberos fails with Negotiate in the same words: it has nothing else to offer. */
static void test_no_fallback(void **state)
{
    static const struct {
        const char *target;
        uint8_t impersonation;
    } rows[] = {{"host/nobody.lab.test", IMPERSONATE}, {HOST_B, DELEGATE}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        Conversation talk[2] = {{0}};
        assert_int_equal(converse_leg1(&talk[0], realm.alice, rows[i].target, rows[i].impersonation),
                         SEC_FAILED);
        assert_int_equal(converse_leg1_by(&talk[1], realm.alice, rows[i].target, RPC_C_AUTHN_GSS_NEGOTIATE,
                                          rows[i].impersonation),
                         SEC_FAILED);
        assert_int_equal(talk[0].failure.code, talk[1].failure.code);
        assert_string_equal(talk[0].failure.sentence, talk[1].failure.sentence);
        conversation_deinit(&talk[0]);
        conversation_deinit(&talk[1]);
    }
}

static unsigned the_number;
static size_t the_place;

static void cut(unsigned number, uint8_t **token, size_t *length)
{
    if (number == the_number) (*length)--;
}

static void test_truncated_tokens(void **state)
{
    for (the_number = 1; the_number <= 4; the_number++) {
        _cleanup_(conversation_deinitp) Conversation talk = {0};
        assert_int_equal(negotiate(&talk, realm.alice, HOST_A, IMPERSONATE, realm.a, cut), SEC_FAILED);
        assert_int_equal((int32_t)talk.failure.code, SEC_E_INVALID_TOKEN);
        assert_int_equal(sec_acceptor_is_done(talk.acceptor),
                         the_number == 4); /* the last one is the server's */
        assert_false(sec_initiator_is_done(talk.initiator));
        assert_null(sec_initiator_take_context(talk.initiator));
    }
}

/* Every bit of the third token: nothing passes as somebody else, and most of it not at all. */
static void flip(unsigned number, uint8_t **token, size_t *length)
{
    if (number == the_number && the_place < *length) (*token)[the_place] ^= 0x10;
}

static void test_a_changed_third_leg_proves_nothing(void **state)
{
    size_t passed = 0;
    the_number = 3;
    for (the_place = 0; the_place < 100; the_place += 3) {
        _cleanup_(conversation_deinitp) Conversation talk = {0};
        int r = negotiate(&talk, realm.alice, HOST_A, IMPERSONATE, realm.a, flip);
        passed += r == 0;
        if (r == 0) assert_string_equal(token_principal(talk.token), "alice@LAB.TEST");
    }
    assert_in_range(passed, 0, 2); /* the client's state, which nobody reads */
}

/* Adds a mechanism in front that the server does not have, so that it must believe the client to prefer that.
 */
static void prefer_unknown(unsigned number, uint8_t **token, size_t *length)
{
    static const SpnegoOid known[] = {SPNEGO_NTLM, SPNEGO_KERBEROS_MS, SPNEGO_KERBEROS};
    SpnegoInit init;
    Writer list, writer;
    if (number != 1) return;
    writer_init(&list, 0);
    writer_init(&writer, 0);
    assert_int_equal(spnego_init_read(*token, *length, &init), 0);
    spnego_list_write(&list, known, ARRAY_SIZE(known));
    spnego_init_write(&writer, (SpnegoBytes){list.data, list.length}, init.token);
    free(*token);
    assert_int_equal(writer_take(&writer, token, length), 0);
    writer_deinit(&list);
}

static void test_a_changed_list_is_noticed(void **state)
{
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    assert_int_equal(negotiate(&talk, realm.alice, HOST_A, IMPERSONATE, realm.a, prefer_unknown), SEC_FAILED);
    assert_int_equal((int32_t)talk.failure.code, SEC_E_MESSAGE_ALTERED);
    assert_int_equal(talk.tokens, 5); /* the client made its first leg again, and signed its own list */
    assert_null(sec_acceptor_take_token(talk.acceptor));
    assert_null(sec_acceptor_take_context(talk.acceptor));
}

static uint8_t *recorded[5];
static size_t recorded_length[5];

static void record(unsigned number, uint8_t **token, size_t *length)
{
    if (!(recorded[number] = malloc(*length))) return;
    memcpy(recorded[number], *token, *length);
    recorded_length[number] = *length;
}

/* Legs that were heard do not work a second time; nor does the third leg of another conversation of the same
 * user. */
static void test_replayed_legs(void **state)
{
    uint8_t *answer;
    size_t length;
    _cleanup_(conversation_deinitp) Conversation talk = {0}, again = {0}, other = {0};
    assert_int_equal(negotiate(&talk, realm.alice, HOST_A, IMPERSONATE, realm.a, record), 0);
    assert_int_equal(
        sec_acceptor_new(realm.a, RPC_C_AUTHN_GSS_NEGOTIATE, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, &again.acceptor),
        0);
    assert_int_equal(acceptor_feed(again.acceptor, recorded[1], recorded_length[1], &answer, &length), 0);
    free(answer);
    assert_int_equal(acceptor_feed(again.acceptor, recorded[3], recorded_length[3], &answer, &length),
                     SEC_FAILED);
    free(answer);
    assert_null(sec_acceptor_take_token(again.acceptor));
    assert_int_equal(converse_leg1_by(&other, realm.alice, HOST_A, RPC_C_AUTHN_GSS_NEGOTIATE, IMPERSONATE),
                     0);
    assert_int_equal(
        sec_acceptor_new(realm.a, RPC_C_AUTHN_GSS_NEGOTIATE, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, &other.acceptor),
        0);
    assert_int_equal(acceptor_feed(other.acceptor, other.leg1, other.leg1_length, &answer, &length), 0);
    free(answer);
    assert_int_equal(acceptor_feed(other.acceptor, recorded[3], recorded_length[3], &answer, &length),
                     SEC_FAILED);
    free(answer);
    for (size_t i = 0; i < ARRAY_SIZE(recorded); i++)
        free(recorded[i]);
}

/* The mechanism's own tokens under Negotiate's number, framed and not: answered in kind. */
static void test_raw_and_framed_tokens(void **state)
{
    for (int framed = 0; framed < 2; framed++) {
        uint8_t *nothing;
        size_t none;
        _cleanup_(conversation_deinitp) Conversation talk = {0};
        _cleanup_(writer_deinitp) Writer leg;
        writer_init(&leg, 0);
        assert_int_equal(converse_leg1(&talk, realm.alice, HOST_A, IMPERSONATE), 0);
        if (framed)
            kerberos_frame(FRAME_AP_REQ, talk.leg1, talk.leg1_length, &leg);
        else
            writer_bytes(&leg, talk.leg1, talk.leg1_length);
        assert_int_equal(sec_acceptor_new(realm.a, RPC_C_AUTHN_GSS_NEGOTIATE, RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                                          &talk.acceptor),
                         0);
        assert_int_equal(acceptor_feed(talk.acceptor, leg.data, leg.length, &talk.leg2, &talk.leg2_length),
                         0);
        assert_int_equal(
            initiator_feed(talk.initiator, talk.leg2, talk.leg2_length, &talk.leg3, &talk.leg3_length), 0);
        assert_int_equal(acceptor_feed(talk.acceptor, talk.leg3, talk.leg3_length, &nothing, &none), 0);
        free(nothing);
        assert_true(sec_acceptor_is_done(talk.acceptor) && none == 0);
        talk.token = sec_acceptor_take_token(talk.acceptor);
        assert_string_equal(token_principal(talk.token), "alice@LAB.TEST");
    }
}

/* A framed AP-REQ inside the list's token, as Impacket sends it. */
static void frame_leg(unsigned number, uint8_t **token, size_t *length)
{
    SpnegoInit init;
    Writer leg, writer;
    if (number != 1) return;
    writer_init(&leg, 0);
    writer_init(&writer, 0);
    assert_int_equal(spnego_init_read(*token, *length, &init), 0);
    kerberos_frame(FRAME_AP_REQ, init.token.data, init.token.length, &leg);
    spnego_init_write(&writer, init.list, (SpnegoBytes){leg.data, leg.length});
    free(*token);
    assert_int_equal(writer_take(&writer, token, length), 0);
    writer_deinit(&leg);
}

/* And none at all: the server names its choice, and the leg follows. */
static void withhold_leg(unsigned number, uint8_t **token, size_t *length)
{
    SpnegoInit init;
    Writer writer;
    if (number != 1) return;
    writer_init(&writer, 0);
    assert_int_equal(spnego_init_read(*token, *length, &init), 0);
    spnego_init_write(&writer, init.list, (SpnegoBytes){0});
    uint8_t *old = *token;
    assert_int_equal(writer_take(&writer, token, length), 0);
    free(old);
}

static void test_framed_and_withheld_legs_inside(void **state)
{
    static ConversationTamper *const tampers[] = {frame_leg, withhold_leg};
    for (size_t i = 0; i < ARRAY_SIZE(tampers); i++) {
        _cleanup_(conversation_deinitp) Conversation talk = {0};
        assert_int_equal(negotiate(&talk, realm.alice, HOST_A, IMPERSONATE, realm.a, tampers[i]), 0);
        assert_int_equal(talk.tokens, i ? 6 : 4);
        assert_string_equal(token_principal(talk.token), "alice@LAB.TEST");
        assert_true(sealed_both_ways(&talk)); /* where there were MICs both count them */
    }
}

/* An acceptor without a keytab has nothing to offer. */
static void test_without_a_keytab(void **state)
{
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    assert_int_equal(negotiate(&talk, realm.alice, HOST_A, IMPERSONATE, realm.user, NULL), SEC_FAILED);
    assert_int_equal((int32_t)talk.failure.code, SEC_E_SECPKG_NOT_FOUND);
    assert_non_null(strstr(talk.failure.sentence, "keytab"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_GSS_1_MIT_7_four_tokens),
        cmocka_unit_test(test_no_fallback),
        cmocka_unit_test(test_truncated_tokens),
        cmocka_unit_test(test_a_changed_third_leg_proves_nothing),
        cmocka_unit_test(test_a_changed_list_is_noticed),
        cmocka_unit_test(test_replayed_legs),
        cmocka_unit_test(test_raw_and_framed_tokens),
        cmocka_unit_test(test_framed_and_withheld_legs_inside),
        cmocka_unit_test(test_without_a_keytab),
    };
    return cmocka_run_group_tests_name("krb5-spnego", tests, realm_setup, realm_teardown);
}
