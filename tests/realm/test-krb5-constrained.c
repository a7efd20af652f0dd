/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Constrained delegation in a realm whose KDC says: a may act for its callers towards c; c lets b act for
 * others towards itself. What is granted, what is refused beside it, and what the KDC hears of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <winerror.h>
#include "io/wait.h"
#include "tests/realm/krb5-fixture.h"

#define ALICE       "alice@LAB.TEST"
#define SHORT_LIFE  "6seconds"
#define GRANTED     "CONSTRAINED-DELEGATION s4u-client="
#define NOT_ALLOWED "NOT_ALLOWED_TO_DELEGATE"

/* The caller's token at a host that it called at IMPERSONATE. */
static Token *caller_at(Authority *host, const char *name, Token *client)
{
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    assert_int_equal(converse(&talk, client, name, IMPERSONATE, host), 0);
    assert_int_equal(token_level(talk.token), TOKEN_LEVEL_IMPERSONATION);
    assert_false(token_is_delegated(talk.token));
    return token_ref(talk.token);
}

/* Shown to c, the token is `principal` there, at IMPERSONATE and with the same SIDs. */
static void granted(Token *token, const char *principal)
{
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    size_t here, there;
    int result = converse(&talk, token, HOST_C, IMPERSONATE, realm.c);
    if (result != 0) print_error("%s\n", talk.failure.sentence);
    assert_int_equal(result, 0);
    assert_string_equal(token_principal(talk.token), principal);
    assert_int_equal(token_level(talk.token), TOKEN_LEVEL_IMPERSONATION);
    assert_false(token_is_delegated(talk.token));
    assert_true(sid_equal(token_user(talk.token), token_user(token)));
    (void)token_groups(token, &here);
    (void)token_groups(talk.token, &there);
    assert_int_equal(here, there);
    assert_true(sealed_both_ways(&talk));
}

static void refused_at(Token *token, const char *target, uint8_t level, uint32_t code, const char *cause)
{
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    assert_int_equal(converse_leg1(&talk, token, target, level), SEC_FAILED);
    if (talk.failure.code != code || !strstr(talk.failure.sentence, cause))
        print_error("0x%08x %s\n", talk.failure.code, talk.failure.sentence);
    assert_int_equal(talk.failure.code, code);
    assert_non_null(strstr(talk.failure.sentence, cause));
    assert_int_equal(talk.leg1_length, 0);
}

static void refused(Token *token, const char *target, const char *cause)
{
    refused_at(token, target, IMPERSONATE, (uint32_t)SEC_E_NO_CREDENTIALS, cause);
}

static void DEL_9_DEL_10_a_listed_service_sees_the_client(void **state)
{
    _cleanup_(token_unrefp) Token *alice = caller_at(realm.a, HOST_A, realm.alice);
    _cleanup_(token_unrefp) Token *bob = caller_at(realm.a, "RPCSS/a", realm.bob);
    int before = realm_kdc_lines(GRANTED "alice@");
    granted(alice, ALICE);
    assert_int_equal(realm_kdc_lines(GRANTED "alice@"), before + 1);
    granted(bob, "bob@LAB.TEST");
    /* Once per token and target. */
    int exchanges = realm_kdc_lines("_REQ");
    granted(alice, ALICE);
    granted(bob, "bob@LAB.TEST");
    assert_int_equal(realm_kdc_lines("_REQ"), exchanges);
}

static void DEL_10_a_service_that_is_not_listed_is_refused(void **state)
{
    _cleanup_(token_unrefp) Token *alice = caller_at(realm.a, HOST_A, realm.alice);
    int before = realm_kdc_lines(NOT_ALLOWED);
    refused(alice, HOST_B, "add host/b.lab.test to msDS-AllowedToDelegateTo of host/a.lab.test@LAB.TEST");
    refused(alice, "RPCSS/b", "msDS-AllowedToActOnBehalfOfOtherIdentity");
    assert_int_equal(realm_kdc_lines(NOT_ALLOWED), before + 2);
    refused_at(alice, "host/nowhere.lab.test", IMPERSONATE, (uint32_t)SEC_E_TARGET_UNKNOWN,
               "no such service");
    refused(alice, "host/x@OTHER.TEST", "the realm's border");
    granted(alice, ALICE);
}

/* The list is c's; b's account says nothing of it. */
static void DEL_9_DEL_10_resource_based(void **state)
{
    _cleanup_(token_unrefp) Token *alice = caller_at(realm.b, HOST_B, realm.alice);
    int before = realm_kdc_lines(GRANTED "alice@");
    granted(alice, ALICE);
    assert_int_equal(realm_kdc_lines(GRANTED "alice@"), before + 1);
    refused(alice, HOST_A, "msDS-AllowedToActOnBehalfOfOtherIdentity");
}

/* c was shown alice by a and may act for her nowhere. */
static void DEL_10_each_hop_is_allowed_by_itself(void **state)
{
    _cleanup_(token_unrefp) Token *at_a = caller_at(realm.a, HOST_A, realm.alice);
    _cleanup_(token_unrefp) Token *at_c = caller_at(realm.c, HOST_C, at_a);
    assert_string_equal(token_principal(at_c), ALICE);
    refused(at_c, HOST_A, "of host/c.lab.test@LAB.TEST");
    realm_admin("setstr host/c.lab.test delegate_to \"host/b.lab.test\"");
    _cleanup_(conversation_deinitp) Conversation on = {0};
    assert_int_equal(converse(&on, at_c, HOST_B, IMPERSONATE, realm.b), 0);
    assert_string_equal(token_principal(on.token), ALICE);
    realm_admin("delstr host/c.lab.test delegate_to");
}

static void DEL_9_LVL_2_IDENTIFY_is_never_evidence(void **state)
{
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    _cleanup_(token_unrefp) Token *alice = caller_at(realm.a, HOST_A, realm.alice), *lower = NULL,
                                  *same = NULL;
    assert_int_equal(converse(&talk, realm.alice, HOST_A, IDENTIFY, realm.a), 0);
    assert_null(token_credential(talk.token));
    int before = realm_kdc_lines("_REQ");
    refused_at(talk.token, HOST_C, IMPERSONATE, ERROR_BAD_IMPERSONATION_LEVEL, "IDENTIFY");
    assert_int_equal(token_duplicate(alice, TOKEN_KIND_IMPERSONATION, TOKEN_LEVEL_IDENTIFICATION, &lower), 0);
    assert_null(token_credential(lower));
    refused_at(lower, HOST_C, IMPERSONATE, ERROR_BAD_IMPERSONATION_LEVEL, "IDENTIFY");
    assert_int_equal(realm_kdc_lines("_REQ"), before);
    assert_int_equal(token_duplicate(alice, TOKEN_KIND_IMPERSONATION, TOKEN_LEVEL_IMPERSONATION, &same), 0);
    granted(same, ALICE);
}

static void DEL_7_DEL_9_DELEGATE_is_not_to_be_had(void **state)
{
    refused_at(realm.alice, HOST_A, DELEGATE, RPC_S_SEC_PKG_ERROR, "not trusted for delegation");
    _cleanup_(token_unrefp) Token *alice = caller_at(realm.a, HOST_A, realm.alice);
    refused_at(alice, HOST_C, DELEGATE, RPC_S_SEC_PKG_ERROR, "constrained delegation");
    granted(alice, ALICE);
}

/* Sensitive accounts have no forwardable tickets; neither has who did not ask for one. */
static void DEL_2_DEL_10_evidence_that_is_not_forwardable(void **state)
{
    _cleanup_(token_unrefp) Token *at_a = caller_at(realm.a, HOST_A, realm.sam);
    _cleanup_(token_unrefp) Token *at_b = caller_at(realm.b, HOST_B, realm.sam);
    refused(at_a, HOST_C, "not forwardable");
    refused(at_b, HOST_C, "not forwardable");
    _cleanup_(freep) char *keytab = realm_path("users/bob.keytab");
    LogonSpec spec = {.source = LOGON_KEYTAB, .path = keytab, .deadline = time_after(30 * NS_PER_SECOND)};
    _cleanup_(logon_freep) Logon *logon = NULL;
    IoWait wait;
    int result = logon_new(realm.user, &spec, &logon);
    while (result == 0 && (result = logon_step(logon, &wait)) == SEC_WAIT)
        result = io_wait(&wait);
    assert_int_equal(result, 0);
    _cleanup_(token_unrefp) Token *bob = logon_take_token(logon);
    _cleanup_(token_unrefp) Token *at_a_too = caller_at(realm.a, HOST_A, bob);
    refused(at_a_too, HOST_C, "kinit -f");
}

/* A token that lasts longer than its evidence cannot be; one is made here to ask the authority itself. */
static Token *lasting(Token *token)
{
    const TokenSpec spec = {.kind = token_kind(token),
                            .level = token_level(token),
                            .principal = token_principal(token),
                            .user = *token_user(token),
                            .credential = token_credential(token),
                            .from_network = true,
                            .expires = INT64_MAX};
    Token *made;
    assert_int_equal(token_new(&spec, &made), 0);
    return made;
}

static void LVL_10_DEL_10_evidence_that_has_expired(void **state)
{
    _cleanup_(freep) char *keytab = realm_path("users/alice.keytab");
    realm_admin("modprinc -maxlife " SHORT_LIFE " alice");
    _cleanup_(token_unrefp) Token *alice = realm_logon(realm.user, LOGON_KEYTAB, keytab, NULL, NULL);
    _cleanup_(token_unrefp) Token *at_a = caller_at(realm.a, HOST_A, alice), *longer = lasting(at_a);
    granted(at_a, ALICE);
    realm_admin("modprinc -maxlife 10hours alice");
    while (time_wall() < token_expires(at_a))
        (void)!io_wait(&(IoWait){.fd = -1, .deadline = time_after(NS_PER_SECOND / 10)});
    refused(at_a, HOST_C, "ticket has expired");
    int before = realm_kdc_lines("_REQ");
    refused(longer, HOST_C, "the ticket it called with has expired");
    assert_int_equal(realm_kdc_lines("_REQ"), before);
}

/* What the KDC allows it may take back. */
static void DEL_10_the_list_is_looked_at_each_time(void **state)
{
    _cleanup_(token_unrefp) Token *before = caller_at(realm.a, "RPCSS/a.lab.test", realm.alice);
    granted(before, ALICE);
    realm_admin("delstr RPCSS/a.lab.test delegate_to");
    _cleanup_(token_unrefp) Token *after = caller_at(realm.a, "RPCSS/a.lab.test", realm.alice);
    refused(after, HOST_C, "msDS-AllowedToDelegateTo of RPCSS/a.lab.test@LAB.TEST");
    granted(before, ALICE); /* with the ticket it has */
}

/* Protocol transition */

/* Host a's authority, allowed to vouch for users or not. */
static Authority *vouching(bool allowed, bool with_keytab)
{
    _cleanup_(freep) char *config = realm_path("krb5.conf"), *keytab = realm_path("hosts/a/keytab");
    const AuthorityOptions options = {.krb5_config = config,
                                      .acceptor_keytab = with_keytab ? keytab : NULL,
                                      .protocol_transition = allowed};
    Authority *authority = NULL;
    SecFailure failure;
    assert_int_equal(authority_new_linked(&options, &authority, &failure), 0);
    return authority;
}

static int logon_unproved(Authority *authority, const char *user, Token **ret_token, SecFailure *ret_failure)
{
    LogonSpec spec = {.source = LOGON_UNPROVED,
                      .path = HOST_A "@LAB.TEST",
                      .principal = user,
                      .deadline = time_after(30 * NS_PER_SECOND)};
    return realm_log_on(authority, &spec, ret_token, ret_failure);
}

static Token *unproved(Authority *authority, const char *user)
{
    Token *token = NULL;
    SecFailure failure = {0};
    int result = logon_unproved(authority, user, &token, &failure);
    if (result != 0) print_error("%s\n", failure.sentence);
    assert_int_equal(result, 0);
    assert_string_equal(token_principal(token), user);
    assert_int_equal(token_kind(token), TOKEN_KIND_IMPERSONATION);
    assert_int_equal(token_level(token), TOKEN_LEVEL_IMPERSONATION);
    assert_true(token_is_from_network(token));
    assert_false(token_is_delegated(token));
    return token;
}

static void refused_logon(Authority *authority, const char *user, uint32_t code, const char *cause)
{
    Token *token = NULL;
    SecFailure failure = {0};
    assert_int_equal(logon_unproved(authority, user, &token, &failure), SEC_FAILED);
    if (failure.code != code || !strstr(failure.sentence, cause))
        print_error("0x%08x %s\n", failure.code, failure.sentence);
    assert_int_equal(failure.code, code);
    assert_non_null(strstr(failure.sentence, cause));
    assert_null(token);
}

static void DEL_10_nobody_is_vouched_for_by_default(void **state)
{
    _cleanup_(authority_unrefp) Authority *off = vouching(false, true), *keyless = vouching(true, false);
    int before = realm_kdc_lines("_REQ");
    refused_logon(off, ALICE, ERROR_PRIVILEGE_NOT_HELD, "protocol_transition = yes");
    refused_logon(keyless, ALICE, (uint32_t)SEC_E_NO_CREDENTIALS, "no keytab");
    assert_int_equal(realm_kdc_lines("_REQ"), before);
}

static bool has_group(const Token *token, const char *text)
{
    size_t count;
    Sid sid;
    const Sid *groups = token_groups(token, &count);
    assert_int_equal(sid_parse(text, &sid), 0);
    for (size_t i = 0; i < count; i++)
        if (sid_equal(&groups[i], &sid)) return true;
    return false;
}

/* The account's flag at the KDC (TA of DEL-3) says what the token is worth. */
static void DEL_3_DEL_10_protocol_transition(void **state)
{
    _cleanup_(authority_unrefp) Authority *a = vouching(true, true);
    _cleanup_(token_unrefp) Token *alice = unproved(a, ALICE),
                                  *proved = caller_at(realm.a, HOST_A, realm.alice);
    assert_true(sid_equal(token_user(alice), token_user(proved)));
    /* Who vouches for the user is in the token, too. */
    assert_true(has_group(alice, "S-1-18-2") && !has_group(alice, "S-1-18-1"));
    assert_true(has_group(proved, "S-1-18-1") && !has_group(proved, "S-1-18-2"));
    refused(alice, HOST_C, "TRUSTED_TO_AUTHENTICATE_FOR_DELEGATION");
    realm_admin("modprinc +ok_to_auth_as_delegate host/a.lab.test");
    _cleanup_(token_unrefp) Token *trusted = unproved(a, ALICE), *sam = unproved(a, "sam@LAB.TEST");
    int before = realm_kdc_lines(GRANTED "alice@");
    granted(trusted, ALICE);
    assert_int_equal(realm_kdc_lines(GRANTED "alice@"), before + 1);
    assert_int_equal(realm_kdc_lines(GRANTED "sam@"), 0);
    refused(trusted, HOST_B, "msDS-AllowedToDelegateTo");
    refused(sam, HOST_C, "sensitive");
    refused_at(trusted, HOST_C, DELEGATE, RPC_S_SEC_PKG_ERROR, "constrained delegation");
    realm_admin("modprinc -ok_to_auth_as_delegate host/a.lab.test");
}

static void MS_SFU_users_that_are_none(void **state)
{
    _cleanup_(authority_unrefp) Authority *a = vouching(true, true);
    refused_logon(a, "nobody@LAB.TEST", ERROR_LOGON_FAILURE, "knows no such account");
    refused_logon(a, "nobody", ERROR_LOGON_FAILURE, "nobody");
    refused_logon(a, "alice@OTHER.TEST", (uint32_t)SEC_E_LOGON_DENIED, "policy forbids");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(DEL_9_DEL_10_a_listed_service_sees_the_client),
        cmocka_unit_test(DEL_10_a_service_that_is_not_listed_is_refused),
        cmocka_unit_test(DEL_9_DEL_10_resource_based),
        cmocka_unit_test(DEL_10_each_hop_is_allowed_by_itself),
        cmocka_unit_test(DEL_9_LVL_2_IDENTIFY_is_never_evidence),
        cmocka_unit_test(DEL_7_DEL_9_DELEGATE_is_not_to_be_had),
        cmocka_unit_test(DEL_2_DEL_10_evidence_that_is_not_forwardable),
        cmocka_unit_test(LVL_10_DEL_10_evidence_that_has_expired),
        cmocka_unit_test(DEL_10_nobody_is_vouched_for_by_default),
        cmocka_unit_test(DEL_3_DEL_10_protocol_transition),
        cmocka_unit_test(MS_SFU_users_that_are_none),
        cmocka_unit_test(DEL_10_the_list_is_looked_at_each_time),
    };
    return cmocka_run_group_tests_name("krb5-constrained", tests, realm_setup, realm_teardown);
}
