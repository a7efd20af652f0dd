/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/realm/krb5-fixture.h"

Realm realm;

char *realm_path(const char *format, ...)
{
    char rest[256], *path;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(rest, sizeof(rest), format, arguments);
    va_end(arguments);
    assert_true(asprintf(&path, "%s/%s", realm.folder, rest) > 0);
    return path;
}

void realm_admin(const char *command)
{
    char *line;
    assert_true(asprintf(&line,
                         "KRB5_CONFIG='%s/krb5.conf' KRB5_KDC_PROFILE='%s/kdc.conf' kadmin.local -r LAB.TEST "
                         "-q '%s' >/dev/null 2>&1",
                         realm.folder, realm.folder, command) > 0);
    assert_int_equal(system(line), 0);
    free(line);
}

Authority *realm_authority(const char *krb5_config, const char *keytab, uint64_t kdc_timeout)
{
    _cleanup_(freep) char *config = krb5_config ? strdup(krb5_config) : realm_path("krb5.conf");
    AuthorityOptions options = {.krb5_config = config, .acceptor_keytab = keytab, .kdc_timeout = kdc_timeout};
    SecFailure failure = {0};
    Authority *authority = NULL;
    int result = authority_new_linked(&options, &authority, &failure);
    if (result != 0) print_error("%s\n", failure.sentence);
    assert_int_equal(result, 0);
    return authority;
}

static Authority *host_authority(const char *host)
{
    _cleanup_(freep) char *keytab = realm_path("hosts/%s/keytab", host);
    return realm_authority(NULL, keytab, 0);
}

int realm_kdc_lines(const char *word)
{
    _cleanup_(freep) char *path = realm_path("kdc.log");
    char line[4096];
    int count = 0;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file))
        count += strstr(line, word) != NULL;
    fclose(file);
    return count;
}

int realm_log_on(Authority *authority, const LogonSpec *spec, Token **ret_token, SecFailure *ret_failure)
{
    _cleanup_(logon_freep) Logon *logon = NULL;
    IoWait wait;
    int result = logon_new(authority, spec, &logon);
    assert_int_equal(result, 0);
    while ((result = logon_step(logon, &wait)) == SEC_WAIT)
        (void)!io_wait(&wait);
    if (result == 0) *ret_token = logon_take_token(logon);
    if (result == SEC_FAILED) *ret_failure = *logon_failure(logon);
    return result;
}

Token *realm_logon(Authority *authority, LogonSource source, const char *path, const char *principal,
                   const char *password)
{
    LogonSpec spec = {.source = source,
                      .path = path,
                      .principal = principal,
                      .password = password,
                      .forwardable = true,
                      .deadline = time_after(10 * NS_PER_SECOND)};
    Token *token = NULL;
    SecFailure failure = {0};
    if (realm_log_on(authority, &spec, &token, &failure) != 0) print_error("%s\n", failure.sentence);
    return token;
}

static Token *user_logon(const char *user)
{
    _cleanup_(freep) char *path = realm_path("users/%s.ccache", user);
    return realm_logon(realm.user, LOGON_CCACHE, path, NULL, NULL);
}

int realm_setup(void **state)
{
    realm.folder = getenv("MANTLE_LAB");
    if (!realm.folder) return -1;
    realm.user = realm_authority(NULL, NULL, 0);
    realm.a = host_authority("a");
    realm.b = host_authority("b");
    realm.c = host_authority("c");
    realm.alice = user_logon("alice");
    realm.bob = user_logon("bob");
    realm.sam = user_logon("sam");
    _cleanup_(freep) char *keytab = realm_path("hosts/a/keytab");
    realm.host_a = realm_logon(realm.a, LOGON_KEYTAB, keytab, HOST_A, NULL);
    return realm.alice && realm.bob && realm.sam && realm.host_a ? 0 : -1;
}

int realm_teardown(void **state)
{
    token_unref(realm.alice);
    token_unref(realm.bob);
    token_unref(realm.sam);
    token_unref(realm.host_a);
    authority_unref(realm.user);
    authority_unref(realm.a);
    authority_unref(realm.b);
    authority_unref(realm.c);
    return 0;
}

void conversation_deinit(Conversation *talk)
{
    sec_initiator_free(talk->initiator);
    sec_acceptor_free(talk->acceptor);
    sec_context_free(talk->client);
    sec_context_free(talk->server);
    token_unref(talk->token);
    free(talk->leg1);
    free(talk->leg2);
    free(talk->leg3);
}

int drive_initiator(SecInitiator *initiator)
{
    IoWait wait;
    int result;
    while ((result = sec_initiator_step(initiator, &wait)) == SEC_WAIT)
        (void)!io_wait(&wait); /* a deadline that passed is the machine's business */
    return result;
}

int drive_acceptor(SecAcceptor *acceptor)
{
    IoWait wait;
    int result;
    while ((result = sec_acceptor_step(acceptor, &wait)) == SEC_WAIT)
        (void)!io_wait(&wait);
    return result;
}

static void copy_output(const uint8_t *output, size_t length, uint8_t **ret_output, size_t *ret_length)
{
    *ret_output = reallocarray(NULL, length ? length : 1, 1); /* not malloc: a test lets that fail */
    assert_non_null(*ret_output);
    if (length > 0) memcpy(*ret_output, output, length);
    *ret_length = length;
}

int acceptor_feed(SecAcceptor *acceptor, const uint8_t *leg, size_t length, uint8_t **ret_output,
                  size_t *ret_length)
{
    int result = sec_acceptor_input(acceptor, leg, length);
    if (result == 0) result = drive_acceptor(acceptor);
    size_t size;
    const uint8_t *output = sec_acceptor_output(acceptor, &size);
    copy_output(output, size, ret_output, ret_length);
    return result;
}

int initiator_feed(SecInitiator *initiator, const uint8_t *leg, size_t length, uint8_t **ret_output,
                   size_t *ret_length)
{
    int result = sec_initiator_input(initiator, leg, length);
    if (result == 0) result = drive_initiator(initiator);
    size_t size;
    const uint8_t *output = sec_initiator_output(initiator, &size);
    copy_output(output, size, ret_output, ret_length);
    return result;
}

int converse_leg1(Conversation *talk, Token *token, const char *target, uint8_t impersonation)
{
    return converse_leg1_by(talk, token, target, RPC_C_AUTHN_GSS_KERBEROS, impersonation);
}

int converse_leg1_by(Conversation *talk, Token *token, const char *target, uint8_t service,
                     uint8_t impersonation)
{
    SecInitiatorSpec spec = {.target = target,
                             .authn_service = service,
                             .authn_level = RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                             .impersonation = impersonation,
                             .deadline = time_after(30 * NS_PER_SECOND)};
    int result = sec_initiator_new(token, &spec, &talk->initiator);
    if (result == 0) result = drive_initiator(talk->initiator);
    if (result == SEC_FAILED) talk->failure = *sec_initiator_failure(talk->initiator);
    if (result != 0) return result;
    size_t length;
    const uint8_t *output = sec_initiator_output(talk->initiator, &length);
    copy_output(output, length, &talk->leg1, &talk->leg1_length);
    return 0;
}

int converse(Conversation *talk, Token *token, const char *target, uint8_t impersonation, Authority *acceptor)
{
    int result = converse_leg1(talk, token, target, impersonation);
    if (result == 0)
        result = sec_acceptor_new(acceptor, RPC_C_AUTHN_GSS_KERBEROS, RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                                  &talk->acceptor);
    if (result != 0) return result;
    result = acceptor_feed(talk->acceptor, talk->leg1, talk->leg1_length, &talk->leg2, &talk->leg2_length);
    if (result == SEC_FAILED) talk->failure = *sec_acceptor_failure(talk->acceptor);
    if (result != 0) return result;
    if (sec_acceptor_is_done(talk->acceptor) || sec_acceptor_take_token(talk->acceptor)) return -EPROTO;
    result = initiator_feed(talk->initiator, talk->leg2, talk->leg2_length, &talk->leg3, &talk->leg3_length);
    if (result == SEC_FAILED) talk->failure = *sec_initiator_failure(talk->initiator);
    if (result != 0) return result;
    uint8_t *nothing;
    size_t none;
    result = acceptor_feed(talk->acceptor, talk->leg3, talk->leg3_length, &nothing, &none);
    free(nothing);
    if (result == SEC_FAILED) talk->failure = *sec_acceptor_failure(talk->acceptor);
    if (result != 0) return result;
    if (!sec_acceptor_is_done(talk->acceptor) || !sec_initiator_is_done(talk->initiator) || none != 0)
        return -EPROTO;
    talk->client = sec_initiator_take_context(talk->initiator);
    talk->server = sec_acceptor_take_context(talk->acceptor);
    talk->token = sec_acceptor_take_token(talk->acceptor);
    return talk->client && talk->server && talk->token ? 0 : -EPROTO;
}

int negotiate(Conversation *talk, Token *token, const char *target, uint8_t impersonation,
              Authority *acceptor, ConversationTamper *tamper)
{
    int result = converse_leg1_by(talk, token, target, RPC_C_AUTHN_GSS_NEGOTIATE, impersonation);
    if (result == 0)
        result = sec_acceptor_new(acceptor, RPC_C_AUTHN_GSS_NEGOTIATE, RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                                  &talk->acceptor);
    uint8_t *leg = TAKE_PTR(talk->leg1), *answer = NULL;
    size_t length = talk->leg1_length, answer_length;
    while (result == 0 && length > 0) {
        bool serves = talk->tokens++ % 2 == 0;
        if (tamper) tamper(talk->tokens, &leg, &length);
        result = serves ? acceptor_feed(talk->acceptor, leg, length, &answer, &answer_length)
                        : initiator_feed(talk->initiator, leg, length, &answer, &answer_length);
        if (result == SEC_FAILED)
            talk->failure =
                serves ? *sec_acceptor_failure(talk->acceptor) : *sec_initiator_failure(talk->initiator);
        free(leg);
        leg = answer;
        length = answer_length;
    }
    free(leg);
    if (result != 0) return result;
    talk->client = sec_initiator_take_context(talk->initiator);
    talk->server = sec_acceptor_take_context(talk->acceptor);
    talk->token = sec_acceptor_take_token(talk->acceptor);
    return talk->client && talk->server && talk->token ? 0 : -EPROTO;
}

static bool sealed(SecContext *from, SecContext *to, const char *text)
{
    uint8_t header[24] = "header", trailer[8] = "trailer", stub[64] = {0}, token[128];
    (void)snprintf((char *)stub, sizeof(stub), "%s", text);
    SecMessage message = {.header = header,
                          .header_length = sizeof(header),
                          .stub = stub,
                          .stub_length = sizeof(stub),
                          .trailer = trailer,
                          .token = token,
                          .sign_header = true,
                          .token_length = sec_context_token_length(from, RPC_C_AUTHN_LEVEL_PKT_PRIVACY)};
    if (message.token_length == 0 || message.token_length > sizeof(token)) return false;
    if (sec_context_protect(from, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, &message) != 0) return false;
    if (memcmp(stub, text, strlen(text)) == 0) return false;
    return sec_context_unprotect(to, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, &message) == 0 &&
           strcmp((char *)stub, text) == 0;
}

bool sealed_both_ways(Conversation *talk)
{
    return sealed(talk->client, talk->server, "from the client, first") &&
           sealed(talk->server, talk->client, "back") &&
           sealed(talk->client, talk->server, "from the client, again");
}
