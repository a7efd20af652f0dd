/* SPDX-License-Identifier: Apache-2.0 */
/* Kerberos as both roles in a realm of its own: what is granted and, beside it, what is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <winerror.h>
#include "tests/realm/krb5-fixture.h"

static void test_three_legs(void **state)
{
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    assert_int_equal(converse(&talk, realm.alice, HOST_A, IMPERSONATE, realm.a), 0);
    assert_string_equal(token_principal(talk.token), "alice@LAB.TEST");
    assert_int_equal(token_kind(talk.token), TOKEN_KIND_IMPERSONATION);
    assert_int_equal(token_level(talk.token), TOKEN_LEVEL_IMPERSONATION);
    assert_true(token_is_from_network(talk.token));
    assert_false(token_is_delegated(talk.token));
    assert_non_null(token_credential(talk.token)); /* the ticket it came with, for the KDC to judge */
    assert_true(token_expires(talk.token) > time_wall());
    assert_true(sealed_both_ways(&talk));
}

static void DEL_13_every_form_of_a_host_s_name(void **state)
{
    static const char *const targets[] = {"host/a.lab.test", "RPCSS/a.lab.test",         "host/a",
                                          "RPCSS/a",         "host/a.lab.test@LAB.TEST", "RPCSS/a@LAB.TEST"};
    for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
        _cleanup_(conversation_deinitp) Conversation talk = {0};
        assert_int_equal(converse(&talk, realm.alice, targets[i], IMPERSONATE, realm.a), 0);
    }
}

/* The SIDs that the KDC says, the same on every machine and others for everybody; the realm's groups with
 * them. (Those of a principal without a PAC are tested with the PAC.) */
static void test_sids(void **state)
{
    _cleanup_(conversation_deinitp) Conversation at_a = {0}, at_c = {0}, bob = {0};
    assert_int_equal(converse(&at_a, realm.alice, HOST_A, IMPERSONATE, realm.a), 0);
    assert_int_equal(converse(&at_c, realm.alice, HOST_C, IMPERSONATE, realm.c), 0);
    assert_int_equal(converse(&bob, realm.bob, HOST_A, IMPERSONATE, realm.a), 0);
    assert_true(sid_equal(token_user(at_a.token), token_user(at_c.token)));
    Sid sid;
    size_t count;
    assert_int_equal(sid_parse(LAB_DOMAIN_SID "-1104", &sid), 0);
    assert_true(sid_equal(token_user(at_a.token), &sid));
    const Sid *groups = token_groups(at_a.token, &count);
    static const char *const expected[] = {LAB_DOMAIN_SID "-513", LAB_DOMAIN_SID "-1103", "S-1-18-1"};
    assert_int_equal(count, ARRAY_SIZE(expected));
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(sid_parse(expected[i], &sid), 0);
        assert_true(sid_equal(&groups[i], &sid));
    }
    assert_false(sid_equal(token_user(at_a.token), token_user(bob.token)));
}

static void LVL_1_LVL_2_LVL_7_ANONYMOUS_and_IDENTIFY_arrive_as_IDENTIFY(void **state)
{
    _cleanup_(conversation_deinitp) Conversation talk = {0}, anonymous = {0}, onward = {0};
    assert_int_equal(converse(&talk, realm.alice, HOST_A, IDENTIFY, realm.a), 0);
    assert_int_equal(token_level(talk.token), TOKEN_LEVEL_IDENTIFICATION);
    /* There is no anonymous level on the wire. */
    assert_int_equal(converse(&anonymous, realm.alice, HOST_A, ANONYMOUS, realm.a), 0);
    assert_int_equal(token_level(anonymous.token), TOKEN_LEVEL_IDENTIFICATION);
    assert_int_equal(converse(&onward, talk.token, HOST_C, IMPERSONATE, realm.c), SEC_FAILED);
    assert_int_equal(onward.failure.code, ERROR_BAD_IMPERSONATION_LEVEL);
}

/* alice calls a at DELEGATE; a calls c as alice, twice over; c may not go on where a called at IMPERSONATE.
 */
static void DEL_1_LVL_4_LVL_7_a_delegated_identity_goes_on(void **state)
{
    _cleanup_(conversation_deinitp) Conversation a = {0}, c = {0}, back = {0}, on = {0};
    assert_int_equal(converse(&a, realm.alice, HOST_A, DELEGATE, realm.a), 0);
    assert_int_equal(token_level(a.token), TOKEN_LEVEL_DELEGATION);
    assert_true(token_is_delegated(a.token));
    assert_non_null(token_credential(a.token));
    assert_ptr_equal(sec_credential_authority(token_credential(a.token)), realm.a);
    assert_true(sealed_both_ways(&a));

    assert_int_equal(converse(&c, a.token, HOST_C, DELEGATE, realm.c), 0);
    assert_string_equal(token_principal(c.token), "alice@LAB.TEST");
    assert_true(sealed_both_ways(&c));
    assert_int_equal(converse(&back, c.token, HOST_A, IMPERSONATE, realm.a), 0);
    assert_string_equal(token_principal(back.token), "alice@LAB.TEST");
    assert_int_equal(token_level(back.token), TOKEN_LEVEL_IMPERSONATION);

    assert_int_equal(converse(&on, back.token, HOST_C, IMPERSONATE, realm.c), SEC_FAILED);
    assert_int_equal(on.failure.code, (uint32_t)SEC_E_NO_CREDENTIALS);
    assert_non_null(strstr(on.failure.sentence, "IMPERSONATE"));
    assert_non_null(strstr(on.failure.sentence, "DELEGATE"));
    assert_non_null(strstr(on.failure.sentence, "alice@LAB.TEST"));
}

static void refused_delegation(Token *token, const char *target, const char *cause)
{
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    assert_int_equal(converse_leg1(&talk, token, target, DELEGATE), SEC_FAILED);
    assert_int_equal(talk.failure.code, RPC_S_SEC_PKG_ERROR);
    assert_non_null(strstr(talk.failure.sentence, cause));
}

/* What a KDC makes of an account that is sensitive, or of Protected Users: a ticket that is not forwardable.
 */
static void DEL_2_DEL_3_DEL_4_DEL_7_a_ticket_that_is_not_forwardable_is_not_delegated(void **state)
{
    _cleanup_(conversation_deinitp) Conversation sensitive = {0};
    refused_delegation(realm.sam, HOST_A, "sensitive");
    int asked = realm_kdc_lines("TGS_REQ");
    refused_delegation(realm.sam, HOST_A, "sensitive");
    assert_int_equal(realm_kdc_lines("TGS_REQ"), asked); /* decided here: the KDC is not even asked */
    assert_int_equal(converse(&sensitive, realm.sam, HOST_A, IMPERSONATE, realm.a), 0);
    assert_string_equal(token_principal(sensitive.token), "sam@LAB.TEST");
}

/* And of a service that is not trusted: one without OK-AS-DELEGATE. A delegated identity that arrives there
 * needs no trust. */
static void DEL_3_DEL_6_DEL_7_a_service_that_is_not_trusted_is_handed_nothing(void **state)
{
    _cleanup_(conversation_deinitp) Conversation untrusted = {0}, onward = {0}, at_a = {0};
    refused_delegation(realm.alice, HOST_B, "not trusted for delegation");
    assert_int_equal(converse(&untrusted, realm.alice, HOST_B, IMPERSONATE, realm.b), 0);
    assert_int_equal(converse(&at_a, realm.alice, HOST_A, DELEGATE, realm.a), 0);
    assert_int_equal(converse(&onward, at_a.token, HOST_B, IMPERSONATE, realm.b), 0);
    assert_string_equal(token_principal(onward.token), "alice@LAB.TEST");
    refused_delegation(at_a.token, HOST_B, "not trusted for delegation");
}

/* Trust belongs to the account that serves: another one of the same machine has none of it. */
static void DEL_5_the_account_that_serves_is_the_one_to_be_trusted(void **state)
{
    _cleanup_(conversation_deinitp) Conversation host = {0}, trusted = {0};
    realm_admin("addprinc -randkey app/a.lab.test");
    realm_admin("addprinc -randkey +ok_as_delegate trusted/b.lab.test");
    refused_delegation(realm.alice, "app/a.lab.test", "not trusted for delegation");
    assert_int_equal(converse(&host, realm.alice, HOST_A, DELEGATE, realm.a), 0);
    assert_int_equal(converse_leg1(&trusted, realm.alice, "trusted/b.lab.test", DELEGATE), 0);
    refused_delegation(realm.alice, HOST_B, "not trusted for delegation");
}

/* A token at a lower level has no ticket left to show; one that has ended is not shown, whatever it holds. */
static Token *token_like(const Token *token, TokenLevel level, int64_t expires)
{
    const TokenSpec spec = {.kind = token_kind(token),
                            .level = level,
                            .principal = token_principal(token),
                            .user = *token_user(token),
                            .credential = token_credential(token),
                            .from_network = token_is_from_network(token),
                            .delegated = token_is_delegated(token),
                            .expires = expires};
    Token *made = NULL;
    assert_int_equal(token_new(&spec, &made), 0);
    return made;
}

static void refused_token(Token *token, const char *why)
{
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    assert_int_equal(converse_leg1(&talk, token, HOST_C, IMPERSONATE), SEC_FAILED);
    assert_int_equal(talk.failure.code, (uint32_t)SEC_E_NO_CREDENTIALS);
    assert_non_null(strstr(talk.failure.sentence, why));
}

static void LVL_3_a_lowered_token_has_no_ticket(void **state)
{
    _cleanup_(conversation_deinitp) Conversation at_a = {0};
    _cleanup_(token_unrefp) Token *lowered = NULL;
    assert_int_equal(converse(&at_a, realm.alice, HOST_A, DELEGATE, realm.a), 0);
    assert_int_equal(
        token_duplicate(at_a.token, TOKEN_KIND_IMPERSONATION, TOKEN_LEVEL_IMPERSONATION, &lowered), 0);
    assert_null(token_credential(lowered));
    refused_token(lowered, "IMPERSONATE");
    /* Nor may it be used where somebody forgot to take it away. */
    _cleanup_(token_unrefp) Token *kept = token_like(at_a.token, TOKEN_LEVEL_IMPERSONATION, INT64_MAX);
    assert_non_null(token_credential(kept));
    refused_token(kept, "IMPERSONATE");
}

static void LVL_10_a_token_that_has_ended_is_not_shown(void **state)
{
    _cleanup_(conversation_deinitp) Conversation at_a = {0}, onward = {0};
    assert_int_equal(converse(&at_a, realm.alice, HOST_A, DELEGATE, realm.a), 0);
    _cleanup_(token_unrefp) Token *own = token_like(realm.alice, TOKEN_LEVEL_DELEGATION, time_wall() - 1);
    _cleanup_(token_unrefp) Token *ended = token_like(at_a.token, TOKEN_LEVEL_DELEGATION, time_wall() - 1);
    _cleanup_(token_unrefp) Token *alive = token_like(at_a.token, TOKEN_LEVEL_DELEGATION, time_wall() + 600);
    refused_token(own, "expired");
    refused_token(ended, "expired");
    assert_int_equal(converse(&onward, alive, HOST_C, IMPERSONATE, realm.c), 0);
}

/* A delegated identity sent on at a lower level arrives at that level: a token is never more than it was
 * asked to be. */
static void LVL_7_what_is_delegated_can_be_sent_at_less(void **state)
{
    _cleanup_(conversation_deinitp) Conversation at_a = {0}, impersonate = {0}, identify = {0};
    assert_int_equal(converse(&at_a, realm.alice, HOST_A, DELEGATE, realm.a), 0);
    assert_int_equal(converse(&impersonate, at_a.token, HOST_C, IMPERSONATE, realm.c), 0);
    assert_int_equal(token_level(impersonate.token), TOKEN_LEVEL_IMPERSONATION);
    assert_false(token_is_delegated(impersonate.token));
    assert_int_equal(converse(&identify, at_a.token, HOST_C, IDENTIFY, realm.c), 0);
    assert_int_equal(token_level(identify.token), TOKEN_LEVEL_IDENTIFICATION);
    assert_null(token_credential(identify.token));
}

/* Tickets are got once: the KDC hears nothing of further conversations, delegated or not. */
static void test_tickets_are_kept(void **state)
{
    _cleanup_(conversation_deinitp) Conversation first = {0};
    assert_int_equal(converse(&first, realm.alice, HOST_A, DELEGATE, realm.a), 0);
    int before = realm_kdc_lines("TGS_REQ");
    assert_true(before > 0);
    for (int i = 0; i < 20; i++) {
        _cleanup_(conversation_deinitp) Conversation talk = {0};
        assert_int_equal(converse(&talk, realm.alice, HOST_A, i % 2 ? DELEGATE : IMPERSONATE, realm.a), 0);
    }
    assert_int_equal(realm_kdc_lines("TGS_REQ"), before);
    _cleanup_(conversation_deinitp) Conversation other = {0};
    assert_int_equal(converse(&other, realm.alice, "RPCSS/c.lab.test", DELEGATE, realm.c), 0);
    assert_int_equal(realm_kdc_lines("TGS_REQ"), before + 1);
}

static void DEL_13_a_name_that_nobody_has_fails(void **state)
{
    static const char *const targets[] = {"host/nowhere.lab.test", "no-such-service/a.lab.test",
                                          "host/nowhere.lab.test@LAB.TEST", "nobody"};
    for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
        _cleanup_(conversation_deinitp) Conversation talk = {0};
        assert_int_equal(converse_leg1(&talk, realm.alice, targets[i], IMPERSONATE), SEC_FAILED);
        if (talk.failure.code != (uint32_t)SEC_E_TARGET_UNKNOWN) print_error("%s\n", talk.failure.sentence);
        assert_int_equal(talk.failure.code, (uint32_t)SEC_E_TARGET_UNKNOWN);
        assert_non_null(strstr(talk.failure.sentence, targets[i]));
    }
}

/* A ticket for a at c: c cannot read it, says so, and the client says what that means. */
static void DEL_13_a_name_of_another_server_fails(void **state)
{
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    assert_int_equal(converse(&talk, realm.alice, HOST_A, IMPERSONATE, realm.c), SEC_FAILED);
    assert_int_equal(talk.failure.code, (uint32_t)SEC_E_WRONG_PRINCIPAL);
    assert_true(talk.leg2_length > 0);
    assert_int_equal(
        initiator_feed(talk.initiator, talk.leg2, talk.leg2_length, &talk.leg3, &talk.leg3_length),
        SEC_FAILED);
    assert_int_equal(sec_initiator_failure(talk.initiator)->code, (uint32_t)SEC_E_WRONG_PRINCIPAL);
    assert_int_equal(talk.leg3_length, 0);
}

static void test_services_offered(void **state)
{
    SecAcceptor *acceptor = NULL;
    SecInitiator *initiator = NULL;
    static const struct {
        uint8_t service;
        uint32_t code;
    } rows[] = {{RPC_C_AUTHN_WINNT, (uint32_t)SEC_E_NO_CREDENTIALS}, /* alice has no password here */
                {RPC_C_AUTHN_GSS_SCHANNEL, (uint32_t)SEC_E_SECPKG_NOT_FOUND}};
    SecInitiatorSpec spec = {.target = HOST_A,
                             .authn_level = RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                             .impersonation = IMPERSONATE,
                             .deadline = TIME_NEVER};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        /* NTLM only where the configuration lets it. */
        assert_int_equal(sec_acceptor_new(realm.a, rows[i].service, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, &acceptor),
                         -EOPNOTSUPP);
        spec.authn_service = rows[i].service;
        assert_int_equal(sec_initiator_new(realm.alice, &spec, &initiator), 0);
        assert_int_equal(drive_initiator(initiator), SEC_FAILED);
        assert_int_equal(sec_initiator_failure(initiator)->code, rows[i].code);
        sec_initiator_free(initiator);
    }
    spec.authn_level = RPC_C_AUTHN_LEVEL_NONE;
    assert_int_equal(sec_initiator_new(realm.alice, &spec, &initiator), -EINVAL);
}

/* A host's own identity, from its keytab. */
static void test_host_identity(void **state)
{
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    assert_int_equal(converse(&talk, realm.host_a, HOST_C, IMPERSONATE, realm.c), 0);
    assert_string_equal(token_principal(talk.token), "host/a.lab.test@LAB.TEST");
}

static Authority *rc4_authority(const char *keytab, bool allow)
{
    _cleanup_(freep) char *config = realm_path("krb5.conf");
    AuthorityOptions options = {.krb5_config = config, .acceptor_keytab = keytab, .allow_rc4 = allow};
    Authority *authority = NULL;
    SecFailure failure;
    assert_int_equal(authority_new_linked(&options, &authority, &failure), 0);
    return authority;
}

/* A service with an RC4 key beside AES ones of others: only where that was allowed. */
static void test_rc4(void **state)
{
    _cleanup_(freep) char *keytab = realm_path("rc4.keytab");
    char command[256];
    realm_admin("addprinc -randkey -e arcfour-hmac:normal host/rc4.lab.test");
    (void)snprintf(command, sizeof(command), "ktadd -norandkey -k %s host/rc4.lab.test host/a.lab.test",
                   keytab);
    realm_admin(command);
    _cleanup_(authority_unrefp) Authority *strict = rc4_authority(keytab, false),
                                          *lax = rc4_authority(keytab, true);
    _cleanup_(conversation_deinitp) Conversation refused = {0}, allowed = {0}, aes = {0};
    assert_int_equal(converse(&refused, realm.alice, "host/rc4.lab.test", IMPERSONATE, strict), SEC_FAILED);
    assert_int_equal(converse(&aes, realm.alice, HOST_A, IMPERSONATE, strict), 0);
    assert_int_equal(converse(&allowed, realm.alice, "host/rc4.lab.test", IMPERSONATE, lax), 0);
    assert_true(sealed_both_ways(&allowed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_three_legs),
        cmocka_unit_test(DEL_13_every_form_of_a_host_s_name),
        cmocka_unit_test(test_sids),
        cmocka_unit_test(LVL_1_LVL_2_LVL_7_ANONYMOUS_and_IDENTIFY_arrive_as_IDENTIFY),
        cmocka_unit_test(DEL_1_LVL_4_LVL_7_a_delegated_identity_goes_on),
        cmocka_unit_test(DEL_2_DEL_3_DEL_4_DEL_7_a_ticket_that_is_not_forwardable_is_not_delegated),
        cmocka_unit_test(DEL_3_DEL_6_DEL_7_a_service_that_is_not_trusted_is_handed_nothing),
        cmocka_unit_test(DEL_5_the_account_that_serves_is_the_one_to_be_trusted),
        cmocka_unit_test(LVL_3_a_lowered_token_has_no_ticket),
        cmocka_unit_test(LVL_10_a_token_that_has_ended_is_not_shown),
        cmocka_unit_test(LVL_7_what_is_delegated_can_be_sent_at_less),
        cmocka_unit_test(test_tickets_are_kept),
        cmocka_unit_test(DEL_13_a_name_that_nobody_has_fails),
        cmocka_unit_test(DEL_13_a_name_of_another_server_fails),
        cmocka_unit_test(test_services_offered),
        cmocka_unit_test(test_host_identity),
        cmocka_unit_test(test_rc4),
    };
    return cmocka_run_group_tests_name("krb5", tests, realm_setup, realm_teardown);
}
