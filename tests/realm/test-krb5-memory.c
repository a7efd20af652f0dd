/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation of ours fails once, from the authority's making to the delegated token: nobody gets a
 * wrong answer, and (address sanitizer) nothing leaks. The linker puts the functions below in place of the C
 * library's in Mantle's code only. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <winerror.h>
#include "tests/realm/krb5-fixture.h"

static long allowed = -1; /* allocations until the one that fails; negative: none does */
static bool failed;

static bool fails(void)
{
    if (allowed < 0 || allowed-- > 0) return false;
    failed = true;
    return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}
void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}
void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}
char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

typedef struct Scene {
    char *config, *keytab;
} Scene;

/* A step's result, an authority's out of memory being one too. */
static int result_of(int result, const SecFailure *failure)
{
    return result == SEC_FAILED && failure->code == (uint32_t)SEC_E_INSUFFICIENT_MEMORY ? -ENOMEM : result;
}

static int log_on(Authority *authority, const char *keytab, Token **ret_token)
{
    LogonSpec spec = {.source = LOGON_KEYTAB,
                      .path = keytab,
                      .principal = HOST_A,
                      .forwardable = true,
                      .deadline = time_after(10 * NS_PER_SECOND)};
    _cleanup_(logon_freep) Logon *logon = NULL;
    IoWait wait;
    int result = logon_new(authority, &spec, &logon);
    if (result != 0) return result;
    while ((result = logon_step(logon, &wait)) == SEC_WAIT)
        (void)!io_wait(&wait);
    if (result == 0) *ret_token = logon_take_token(logon);
    return result_of(result, logon_failure(logon));
}

/* The other end's part is not under test: it allocates as it likes. */
static int peer_leg2(Conversation *talk, Authority *authority)
{
    long rest = allowed;
    allowed = -1;
    int result =
        sec_acceptor_new(authority, RPC_C_AUTHN_GSS_KERBEROS, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, &talk->acceptor);
    if (result == 0)
        result =
            acceptor_feed(talk->acceptor, talk->leg1, talk->leg1_length, &talk->leg2, &talk->leg2_length);
    allowed = rest;
    return result;
}

/* The client's side, from nothing: AS exchange, service ticket, forwarded ticket, legs 1 and 3. */
static int client_scene(const Scene *scene)
{
    AuthorityOptions options = {.krb5_config = scene->config};
    SecFailure failure = {0};
    _cleanup_(authority_unrefp) Authority *authority = NULL;
    _cleanup_(token_unrefp) Token *token = NULL;
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    int result = result_of(authority_new_linked(&options, &authority, &failure), &failure);
    if (result == 0) result = log_on(authority, scene->keytab, &token);
    if (result == 0) result = result_of(converse_leg1(&talk, token, HOST_C, DELEGATE), &talk.failure);
    if (result == 0) result = peer_leg2(&talk, realm.c);
    if (result == 0) {
        result = initiator_feed(talk.initiator, talk.leg2, talk.leg2_length, &talk.leg3, &talk.leg3_length);
        result = result_of(result, sec_initiator_failure(talk.initiator));
        assert_int_equal(result == 0, sec_initiator_is_done(talk.initiator));
    }
    return result;
}

static Token *take_caller(SecAcceptor *acceptor, int result)
{
    Token *token = sec_acceptor_take_token(acceptor);
    assert_int_equal(result == 0, sec_acceptor_is_done(acceptor));
    assert_int_equal(result == 0, token != NULL);
    if (token) assert_string_equal(token_principal(token), "alice@LAB.TEST");
    return token;
}

/* The server's side: legs 1 and 3 of a client, and its token. */
static int accept_caller(const Scene *scene, uint8_t level, Token **ret_token)
{
    AuthorityOptions options = {.krb5_config = scene->config, .acceptor_keytab = scene->keytab};
    SecFailure failure = {0};
    long rest = allowed;
    _cleanup_(authority_unrefp) Authority *authority = NULL;
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    _cleanup_(freep) uint8_t *nothing = NULL;
    size_t none;
    allowed = -1;
    int result = converse_leg1(&talk, realm.alice, HOST_A, level);
    allowed = rest;
    if (result == 0) result = result_of(authority_new_linked(&options, &authority, &failure), &failure);
    if (result == 0)
        result = sec_acceptor_new(authority, RPC_C_AUTHN_GSS_KERBEROS, RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                                  &talk.acceptor);
    if (result == 0) {
        result = acceptor_feed(talk.acceptor, talk.leg1, talk.leg1_length, &talk.leg2, &talk.leg2_length);
        result = result_of(result, sec_acceptor_failure(talk.acceptor));
    }
    if (result == 0) {
        rest = allowed;
        allowed = -1;
        result = initiator_feed(talk.initiator, talk.leg2, talk.leg2_length, &talk.leg3, &talk.leg3_length);
        allowed = rest;
    }
    if (result == 0) {
        result = acceptor_feed(talk.acceptor, talk.leg3, talk.leg3_length, &nothing, &none);
        result = result_of(result, sec_acceptor_failure(talk.acceptor));
        *ret_token = take_caller(talk.acceptor, result);
    }
    return result;
}

static int server_scene(const Scene *scene)
{
    _cleanup_(token_unrefp) Token *token = NULL;
    return accept_caller(scene, DELEGATE, &token);
}

/* The middle server's: its caller at IMPERSONATE, its own ticket, the one in the caller's name, leg 1. */
static int constrained_scene(const Scene *scene)
{
    _cleanup_(token_unrefp) Token *token = NULL;
    _cleanup_(conversation_deinitp) Conversation onward = {0};
    int result = accept_caller(scene, IMPERSONATE, &token);
    if (result != 0) return result;
    result = converse_leg1(&onward, token, HOST_C, IMPERSONATE);
    return result_of(result, &onward.failure);
}

/* A user by name alone, shown to another machine. */
static int transition_scene(const Scene *scene)
{
    AuthorityOptions options = {
        .krb5_config = scene->config, .acceptor_keytab = scene->keytab, .protocol_transition = true};
    LogonSpec spec = {.source = LOGON_UNPROVED,
                      .path = HOST_A "@LAB.TEST",
                      .principal = "alice@LAB.TEST",
                      .deadline = time_after(30 * NS_PER_SECOND)};
    SecFailure failure = {0};
    _cleanup_(authority_unrefp) Authority *authority = NULL;
    _cleanup_(logon_freep) Logon *logon = NULL;
    _cleanup_(token_unrefp) Token *token = NULL;
    _cleanup_(conversation_deinitp) Conversation onward = {0};
    IoWait wait;
    int result = result_of(authority_new_linked(&options, &authority, &failure), &failure);
    if (result == 0) result = logon_new(authority, &spec, &logon);
    if (result != 0) return result;
    while ((result = logon_step(logon, &wait)) == SEC_WAIT)
        (void)!io_wait(&wait);
    if (result != 0) return result_of(result, logon_failure(logon));
    token = logon_take_token(logon);
    assert_string_equal(token_principal(token), "alice@LAB.TEST");
    result = converse_leg1(&onward, token, HOST_C, IMPERSONATE);
    return result_of(result, &onward.failure);
}

static void every_allocation(int (*play)(const Scene *))
{
    Scene scene = {.config = realm_path("krb5.conf"), .keytab = realm_path("hosts/a/keytab")};
    long count = 0;
    int tolerated = 0;
    do {
        allowed = count++;
        failed = false;
        int result = play(&scene);
        allowed = -1;
        /* What only saves time (the index of tickets) may be missing; anything else must be said. */
        if (failed && result == 0)
            tolerated++;
        else
            assert_int_equal(result, failed ? -ENOMEM : 0);
    } while (failed);
    assert_true(count > 30);
    assert_in_range(tolerated, 0, 12);
    free(scene.config);
    free(scene.keytab);
}

/* Both ends inside Negotiate, which wraps every leg and gives nothing away before the last word. */
static int negotiate_scene(const Scene *scene)
{
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    int result = result_of(negotiate(&talk, realm.alice, HOST_A, DELEGATE, realm.a, NULL), &talk.failure);
    assert_int_equal(result == 0, talk.token != NULL);
    if (talk.token) assert_string_equal(token_principal(talk.token), "alice@LAB.TEST");
    return result;
}

static void test_client(void **state)
{
    every_allocation(client_scene);
}

static void test_server(void **state)
{
    every_allocation(server_scene);
}

static void test_negotiate(void **state)
{
    every_allocation(negotiate_scene);
}

static void test_constrained(void **state)
{
    realm_admin("setstr host/a.lab.test delegate_to host/c.lab.test");
    every_allocation(constrained_scene);
}

static void test_transition(void **state)
{
    realm_admin("setstr host/a.lab.test delegate_to host/c.lab.test");
    realm_admin("modprinc +ok_to_auth_as_delegate host/a.lab.test");
    every_allocation(transition_scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client),
        cmocka_unit_test(test_server),
        cmocka_unit_test(test_negotiate),
        cmocka_unit_test(test_constrained),
        cmocka_unit_test(test_transition),
    };
    return cmocka_run_group_tests_name("krb5-memory", tests, realm_setup, realm_teardown);
}
