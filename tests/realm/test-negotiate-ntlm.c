/* SPDX-License-Identifier: Apache-2.0 */
/* When Negotiate ends with NTLM, in whose name, and why; and when it must not. In a lab whose users have
 * passwords. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <winerror.h>
#include <cmocka.h>
#include "sec/spnego.h"
#include "tests/realm/krb5-fixture.h"

#define KERBEROS  RPC_C_AUTHN_GSS_KERBEROS
#define NTLM      RPC_C_AUTHN_WINNT
#define NEGOTIATE RPC_C_AUTHN_GSS_NEGOTIATE
#define NOBODY    "host/nobody.lab.test" /* no KDC knows it */

static Authority *authority_with(bool ntlm, const char *host)
{
    _cleanup_(freep) char *config = realm_path("krb5.conf"), *users = realm_path("ntlm-users"),
                          *keytab = NULL;
    Authority *authority = NULL;
    SecFailure failure;
    if (host) keytab = realm_path("hosts/%s/keytab", host);
    AuthorityOptions options = {
        .krb5_config = config, .acceptor_keytab = keytab, .ntlm = ntlm, .ntlm_users = ntlm ? users : NULL};
    assert_int_equal(authority_new_linked(&options, &authority, &failure), 0);
    return authority;
}

static char *password_of(const char *user)
{
    char text[256] = "";
    _cleanup_(freep) char *path = realm_path("users/%s.password", user);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof(text), file));
    fclose(file);
    text[strcspn(text, "\n")] = '\0';
    return strdup(text);
}

/* The result of a logon by a service; the token, if there is one. */
static int log_on(Authority *authority, uint8_t service, const char *principal, const char *password,
                  Token **ret_token, SecFailure *failure)
{
    const LogonSpec spec = {.source = LOGON_PASSWORD,
                            .service = service,
                            .principal = principal,
                            .password = password,
                            .forwardable = true,
                            .deadline = time_after(30 * NS_PER_SECOND)};
    *ret_token = NULL;
    return realm_log_on(authority, &spec, ret_token, failure);
}

static Token *alice_by(Authority *authority, uint8_t service, const char *principal)
{
    Token *token;
    SecFailure failure;
    _cleanup_(freep) char *password = password_of("alice");
    assert_int_equal(log_on(authority, service, principal, password, &token, &failure), 0);
    return token;
}

typedef struct Ends {
    Authority *client, *server;
    Token *alice;
} Ends;

static void ends_init(Ends *ends, bool client_ntlm, bool server_ntlm, const char *host)
{
    ends->client = authority_with(client_ntlm, NULL);
    ends->server = authority_with(server_ntlm, host);
    ends->alice = alice_by(ends->client, NEGOTIATE, "alice@LAB.TEST");
}

static void ends_deinit(Ends *ends)
{
    token_unref(ends->alice);
    authority_unref(ends->client);
    authority_unref(ends->server);
}

static void assert_caller(Conversation *talk, uint8_t service, const char *principal, const char *why)
{
    assert_int_equal(sec_context_service(talk->client), service);
    assert_int_equal(sec_context_service(talk->server), service);
    assert_string_equal(token_principal(talk->token), principal);
    assert_true(token_is_from_network(talk->token));
    if (service == NTLM) assert_null(token_credential(talk->token)); /* nothing that could be handed on */
    if (!strstr(sec_initiator_choice(talk->initiator), why))
        fail_msg("%s", sec_initiator_choice(talk->initiator));
    assert_true(sealed_both_ways(talk));
}

/* Both could do NTLM: it is Kerberos all the same, and alice is who the KDC says. */
static void test_kerberos_where_it_works(void **state)
{
    Ends ends;
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    ends_init(&ends, true, true, "a");
    assert_string_equal(token_principal(ends.alice), "alice@LAB.TEST");
    assert_int_equal(negotiate(&talk, ends.alice, HOST_A, IMPERSONATE, ends.server, NULL), 0);
    assert_int_equal(talk.tokens, 4);
    assert_caller(&talk, KERBEROS, "alice@LAB.TEST", "Kerberos, chosen by Negotiate");
    ends_deinit(&ends);
}

/* A server that no KDC knows. The name is NTLM's: nobody takes it for the KDC's word. */
static void test_ntlm_where_no_kdc_knows_the_server(void **state)
{
    static const struct {
        uint8_t impersonation;
        TokenLevel level;
    } rows[] = {{IDENTIFY, TOKEN_LEVEL_IDENTIFICATION}, {IMPERSONATE, TOKEN_LEVEL_IMPERSONATION}};
    Ends ends;
    ends_init(&ends, true, true, "a");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_(conversation_deinitp) Conversation talk = {0};
        assert_int_equal(negotiate(&talk, ends.alice, NOBODY, rows[i].impersonation, ends.server, NULL), 0);
        assert_caller(&talk, NTLM, "LAB.TEST\\alice", NOBODY);
        assert_int_equal(token_level(talk.token), rows[i].level);
    }
    ends_deinit(&ends);
}

static void assert_refused(bool client_ntlm, bool server_ntlm, const char *host, const char *target,
                           uint8_t impersonation, HRESULT code)
{
    Ends ends;
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    ends_init(&ends, client_ntlm, server_ntlm, host);
    assert_int_equal(negotiate(&talk, ends.alice, target, impersonation, ends.server, NULL), SEC_FAILED);
    if ((int32_t)talk.failure.code != code) fail_msg("0x%08x %s", talk.failure.code, talk.failure.sentence);
    ends_deinit(&ends);
}

static void test_no_ntlm_unless_both_allow_it(void **state)
{
    assert_refused(false, true, "a", NOBODY, IMPERSONATE, SEC_E_TARGET_UNKNOWN);
    assert_refused(true, false, "a", NOBODY, IMPERSONATE, SEC_E_SECPKG_NOT_FOUND);
    /* A server without a keytab, and a client that has only Kerberos for it. */
    assert_refused(false, true, NULL, HOST_A, IMPERSONATE, SEC_E_SECPKG_NOT_FOUND);
}

static void test_no_ntlm_for_delegation(void **state)
{
    assert_refused(true, true, "a", NOBODY, DELEGATE, SEC_E_TARGET_UNKNOWN);
    assert_refused(true, true, "b", HOST_B, DELEGATE, RPC_S_SEC_PKG_ERROR); /* b is not trusted */
}

/* RPC-6: NTLM does not prove which server it is. */
static void test_no_ntlm_where_the_server_has_to_prove_itself(void **state)
{
    Ends ends;
    IoWait wait;
    int result;
    const SecInitiatorSpec spec = {.target = NOBODY,
                                   .authn_service = NEGOTIATE,
                                   .authn_level = RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                                   .impersonation = IMPERSONATE,
                                   .mutual = true,
                                   .deadline = time_after(30 * NS_PER_SECOND)};
    _cleanup_(sec_initiator_freep) SecInitiator *initiator = NULL;
    ends_init(&ends, true, true, "a");
    assert_int_equal(sec_initiator_new(ends.alice, &spec, &initiator), 0);
    while ((result = sec_initiator_step(initiator, &wait)) == SEC_WAIT)
        (void)!io_wait(&wait);
    assert_int_equal(result, SEC_FAILED);
    assert_int_equal(sec_initiator_failure(initiator)->code, (uint32_t)SEC_E_TARGET_UNKNOWN);
    initiator = sec_initiator_free(initiator);
    ends_deinit(&ends);
}

/* What the KDC refuses is not tried elsewhere: neither a wrong password nor an account that it does not have.
 */
static void test_no_ntlm_for_a_wrong_password(void **state)
{
    static const char *const names[] = {"alice@LAB.TEST", "stranger@LAB.TEST"};
    _cleanup_(authority_unrefp) Authority *client = authority_with(true, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        Token *token;
        SecFailure failure = {0};
        assert_int_equal(log_on(client, NEGOTIATE, names[i], "wrong", &token, &failure), SEC_FAILED);
        assert_false(sec_failure_is_no_kdc(&failure));
    }
}

/* A domain that has no KDC: the identity is NTLM's alone, and says so by its name. */
static void test_accounts_of_no_realm(void **state)
{
    _cleanup_(authority_unrefp) Authority *client = authority_with(true, NULL),
                                          *server = authority_with(true, "a"),
                                          *without = authority_with(false, NULL);
    _cleanup_(conversation_deinitp) Conversation talk = {0}, delegating = {0};
    _cleanup_(freep) char *password = password_of("alice");
    Token *token;
    SecFailure failure = {0};
    assert_int_equal(log_on(without, NEGOTIATE, "alice@LAB", password, &token, &failure), SEC_FAILED);
    assert_true(sec_failure_is_no_kdc(&failure));
    _cleanup_(token_unrefp) Token *alice = alice_by(client, NEGOTIATE, "alice@LAB");
    assert_string_equal(token_principal(alice), "LAB\\alice");
    assert_int_equal(negotiate(&talk, alice, HOST_A, IMPERSONATE, server, NULL), 0);
    assert_int_equal(talk.tokens, 4);
    assert_caller(&talk, NTLM, "LAB\\alice", "no Kerberos ticket: ");
    assert_int_equal(negotiate(&delegating, alice, HOST_A, DELEGATE, server, NULL), SEC_FAILED);
    assert_int_equal((int32_t)delegating.failure.code, SEC_E_NO_CREDENTIALS);
}

/* A ticket cache shows no NTLM, whatever is allowed. */
static void test_tickets_are_for_kerberos(void **state)
{
    _cleanup_(authority_unrefp) Authority *client = authority_with(true, NULL),
                                          *server = authority_with(true, NULL);
    _cleanup_(freep) char *cache = realm_path("users/alice.ccache");
    _cleanup_(token_unrefp) Token *alice = realm_logon(client, LOGON_CCACHE, cache, NULL, NULL);
    _cleanup_(conversation_deinitp) Conversation talk = {0}, other = {0};
    assert_int_equal(negotiate(&talk, alice, NOBODY, IMPERSONATE, server, NULL), SEC_FAILED);
    assert_int_equal((int32_t)talk.failure.code, SEC_E_TARGET_UNKNOWN);
    assert_int_equal(negotiate(&other, alice, HOST_A, IMPERSONATE, server, NULL), SEC_FAILED);
    assert_int_equal((int32_t)other.failure.code, SEC_E_SECPKG_NOT_FOUND);
}

/* A server that cannot take Kerberos chooses the other one of the list, and both prove what they saw. */
static void test_the_server_s_choice(void **state)
{
    Ends ends;
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    ends_init(&ends, true, true, NULL);
    assert_int_equal(negotiate(&talk, ends.alice, HOST_A, IMPERSONATE, ends.server, NULL), 0);
    assert_int_equal(talk.tokens, 6);
    assert_caller(&talk, NTLM, "LAB.TEST\\alice", "the server does not take Kerberos");
    ends_deinit(&ends);
}

/* Somebody on the way takes Kerberos out of the client's list. */
static void strip(unsigned number, uint8_t **token, size_t *length)
{
    static const SpnegoOid ntlm[] = {SPNEGO_NTLM};
    Writer list, writer;
    if (number != 1) return;
    writer_init(&list, 0);
    writer_init(&writer, 0);
    spnego_list_write(&list, ntlm, 1);
    spnego_init_write(&writer, (SpnegoBytes){list.data, list.length}, (SpnegoBytes){0});
    free(*token);
    assert_int_equal(writer_take(&writer, token, length), 0);
    writer_deinit(&list);
}

static void strip_and_hide(unsigned number, uint8_t **token, size_t *length)
{
    SpnegoResponse response;
    Writer writer;
    strip(number, token, length);
    if (number != 5) return;
    assert_int_equal(spnego_response_read(*token, *length, &response), 0);
    assert_true(response.mic.length > 0);
    response.mic = (SpnegoBytes){0};
    writer_init(&writer, 0);
    spnego_response_write(&writer, &response);
    free(*token);
    assert_int_equal(writer_take(&writer, token, length), 0);
}

static void test_a_downgrade_is_noticed(void **state)
{
    static ConversationTamper *const tampers[] = {strip, strip_and_hide};
    for (size_t i = 0; i < ARRAY_SIZE(tampers); i++) {
        Ends ends;
        _cleanup_(conversation_deinitp) Conversation talk = {0};
        ends_init(&ends, true, true, "a");
        assert_int_equal(negotiate(&talk, ends.alice, HOST_A, IMPERSONATE, ends.server, tampers[i]),
                         SEC_FAILED);
        assert_int_equal((int32_t)talk.failure.code, SEC_E_MESSAGE_ALTERED);
        assert_false(sec_initiator_is_done(talk.initiator));
        ends_deinit(&ends);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kerberos_where_it_works),
        cmocka_unit_test(test_ntlm_where_no_kdc_knows_the_server),
        cmocka_unit_test(test_no_ntlm_unless_both_allow_it),
        cmocka_unit_test(test_no_ntlm_for_delegation),
        cmocka_unit_test(test_no_ntlm_where_the_server_has_to_prove_itself),
        cmocka_unit_test(test_no_ntlm_for_a_wrong_password),
        cmocka_unit_test(test_accounts_of_no_realm),
        cmocka_unit_test(test_tickets_are_for_kerberos),
        cmocka_unit_test(test_the_server_s_choice),
        cmocka_unit_test(test_a_downgrade_is_noticed),
    };
    return cmocka_run_group_tests_name("negotiate-ntlm", tests, realm_setup, realm_teardown);
}
