/* SPDX-License-Identifier: Apache-2.0 */
/* mantle-authd behind its socket: NTLM stands for all mechanisms, as it needs no KDC. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <rpcdce.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <winerror.h>
#include "authd/authd.h"
#include "base/time.h"
#include "io/socket.h"
#include "sec/acceptor.h"
#include "sec/authority-client.h"
#include "sec/authority-frame.h"
#include "sec/credential.h"
#include "sec/handover.h"
#include "sec/initiator.h"

#define PATIENCE (60 * NS_PER_SECOND) /* for what happens soon, on any machine */
#define PAUSE    (NS_PER_MS)

static char folder[] = "/tmp/mantle-authd.XXXXXX";
static char path[64], users[64];

static Authd *start(const char *impersonate)
{
    _cleanup_(conf_freep) Conf *conf = NULL;
    _cleanup_(freep) char *error = NULL;
    static Conf *kept; /* an authd refers to its configuration */
    IoAddress address;
    Authd *authd;
    int fd;
    conf_free(kept);
    kept = NULL;
    assert_int_equal(conf_new(&conf), 0);
    assert_int_equal(conf_set(conf, CONF_SECURITY_NTLM, "yes", &error), 0);
    assert_int_equal(conf_set(conf, CONF_SECURITY_NTLM_USERS, users, &error), 0);
    if (impersonate) assert_int_equal(conf_set(conf, CONF_SECURITY_IMPERSONATE, impersonate, &error), 0);
    assert_int_equal(io_address_unix(path, &address), 0);
    assert_int_equal(io_listen(&address, 0600, &fd), 0);
    assert_int_equal(authd_new(conf, fd, NULL, &authd), 0);
    kept = TAKE_PTR(conf);
    return authd;
}

static Authd *start_for_us(void)
{
    char uid[16];
    snprintf(uid, sizeof(uid), "%u", (unsigned)getuid());
    return start(uid);
}

static Authority *connect_to(void)
{
    Authority *authority;
    SecFailure failure = {0};
    if (authority_new_remote(&(AuthorityRemoteOptions){.path = path}, &authority, &failure) != 0)
        fail_msg("%s", failure.sentence);
    return authority;
}

/* Steps, waiting as needed. */
#define DRIVE(step, machine)                                                                                 \
    ({                                                                                                       \
        IoWait wait_;                                                                                        \
        int result_;                                                                                         \
        while ((result_ = step(machine, &wait_)) == SEC_WAIT)                                                \
            (void)!io_wait(&wait_);                                                                          \
        result_;                                                                                             \
    })

static int log_on(Authority *authority, const LogonSpec *spec, Token **ret_token, SecFailure *ret_failure)
{
    _cleanup_(logon_freep) Logon *logon = NULL;
    assert_int_equal(logon_new(authority, spec, &logon), 0);
    int result = DRIVE(logon_step, logon);
    if (result == 0) *ret_token = logon_take_token(logon);
    if (result == SEC_FAILED) *ret_failure = *logon_failure(logon);
    return result;
}

static Token *by_password(Authority *authority, const char *principal, const char *password)
{
    Token *token = NULL;
    SecFailure failure;
    const LogonSpec spec = {.source = LOGON_PASSWORD,
                            .service = RPC_C_AUTHN_WINNT,
                            .principal = principal,
                            .password = password,
                            .deadline = TIME_NEVER};
    assert_int_equal(log_on(authority, &spec, &token, &failure), 0);
    return token;
}

static Token *alice(Authority *authority)
{
    return by_password(authority, "LAB\\alice", "Password");
}

/* A whole conversation; what the server knows of the caller in the end. */
static int converse(Token *client, Authority *server, uint8_t impersonation, Token **ret_caller,
                    SecFailure *ret_failure)
{
    _cleanup_(sec_initiator_freep) SecInitiator *initiator = NULL;
    _cleanup_(sec_acceptor_freep) SecAcceptor *acceptor = NULL;
    const SecInitiatorSpec spec = {.target = "host/a",
                                   .authn_service = RPC_C_AUTHN_WINNT,
                                   .authn_level = RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                                   .impersonation = impersonation,
                                   .deadline = TIME_NEVER};
    size_t length;
    const uint8_t *leg;
    assert_int_equal(sec_initiator_new(client, &spec, &initiator), 0);
    assert_int_equal(sec_acceptor_new(server, RPC_C_AUTHN_WINNT, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, &acceptor),
                     0);
    int result = DRIVE(sec_initiator_step, initiator);
    for (int i = 0; i < 2 && result == 0; i++) {
        leg = sec_initiator_output(initiator, &length);
        assert_int_equal(sec_acceptor_input(acceptor, leg, length), 0);
        result = DRIVE(sec_acceptor_step, acceptor);
        if (result == SEC_FAILED) *ret_failure = *sec_acceptor_failure(acceptor);
        if (result != 0 || i == 1) break;
        leg = sec_acceptor_output(acceptor, &length);
        assert_int_equal(sec_initiator_input(initiator, leg, length), 0);
        result = DRIVE(sec_initiator_step, initiator);
    }
    if (result == SEC_FAILED && !ret_failure->code) *ret_failure = *sec_initiator_failure(initiator);
    if (result == 0) *ret_caller = sec_acceptor_take_token(acceptor);
    return result;
}

static void assert_becomes(TokenTable *table, size_t count)
{
    uint64_t deadline = time_after(PATIENCE);
    while (token_table_count(table) != count && time_monotonic() < deadline)
        (void)!io_wait(&(IoWait){.fd = -1, .deadline = time_after(PAUSE)});
    assert_int_equal(token_table_count(table), count);
}

/* Tests */

static void test_conversation(void **state)
{
    _cleanup_(authd_freep) Authd *authd = start_for_us();
    _cleanup_(authority_unrefp) Authority *client = connect_to(), *server = connect_to();
    _cleanup_(token_unrefp) Token *token = alice(client), *caller = NULL;
    SecFailure failure = {0};
    assert_true(authority_is_remote(client));
    assert_true(authority_accepts(server, RPC_C_AUTHN_WINNT));
    assert_false(authority_accepts(server, RPC_C_AUTHN_GSS_KERBEROS)); /* no keytab */
    assert_true(sec_credential_fd(token_held(token)) >= 0);
    assert_int_equal(fcntl(sec_credential_fd(token_held(token)), F_GETFD), FD_CLOEXEC);
    assert_int_equal(converse(token, server, RPC_C_IMP_LEVEL_IMPERSONATE, &caller, &failure), 0);
    assert_string_equal(token_principal(caller), "LAB\\alice");
    assert_int_equal(token_level(caller), TOKEN_LEVEL_IMPERSONATION);
    assert_null(token_credential(caller)); /* NTLM has nothing to go on with */
    assert_non_null(token_held(caller));   /* on this machine it has */
    assert_true(token_is_from_network(caller));
    assert_becomes(authd->tokens, 2);
    token = token_unref(token);
    caller = token_unref(caller);
    assert_becomes(authd->tokens, 0); /* nothing outlives its holders */
}

static void test_SRV_11_who_is_listed(void **state)
{
    static const struct {
        const char *impersonate;
        uint8_t asked;
        TokenLevel level;
    } rows[] = {
        {NULL, RPC_C_IMP_LEVEL_IMPERSONATE, TOKEN_LEVEL_IMPERSONATION}, /* this account */
        {NULL, RPC_C_IMP_LEVEL_IDENTIFY, TOKEN_LEVEL_IDENTIFICATION},
        {"4294967294", RPC_C_IMP_LEVEL_IMPERSONATE, TOKEN_LEVEL_IDENTIFICATION}, /* another one */
        {"4294967294", RPC_C_IMP_LEVEL_IDENTIFY, TOKEN_LEVEL_IDENTIFICATION},
    };
    _cleanup_(authority_unrefp) Authority *linked = NULL;
    SecFailure failure = {0};
    assert_int_equal(authority_new_linked(&(AuthorityOptions){.krb5_config = "/dev/null", .ntlm = true},
                                          &linked, &failure),
                     0);
    _cleanup_(token_unrefp) Token *token = alice(linked);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_(authd_freep) Authd *authd =
            rows[i].impersonate ? start(rows[i].impersonate) : start_for_us();
        _cleanup_(authority_unrefp) Authority *server = connect_to();
        _cleanup_(token_unrefp) Token *caller = NULL;
        assert_int_equal(converse(token, server, rows[i].asked, &caller, &failure), 0);
        assert_int_equal(token_level(caller), rows[i].level);
        assert_string_equal(token_principal(caller), "LAB\\alice");
        assert_int_equal(token_held(caller) != NULL, rows[i].level >= TOKEN_LEVEL_IMPERSONATION);
        assert_int_equal(token_table_count(authd->tokens), rows[i].level >= TOKEN_LEVEL_IMPERSONATION);
    }
}

/* The asking account's own identity is never capped. */
static void test_SRV_11_same_identity(void **state)
{
    _cleanup_(authd_freep) Authd *authd = start("4294967294");
    _cleanup_(authority_unrefp) Authority *server = connect_to();
    _cleanup_(token_unrefp) Token *token = alice(server), *caller = NULL, *again = NULL;
    SecFailure failure = {0};
    assert_int_equal(converse(token, server, RPC_C_IMP_LEVEL_IMPERSONATE, &caller, &failure), 0);
    assert_int_equal(token_level(caller), TOKEN_LEVEL_IMPERSONATION);
    caller = token_unref(caller);
    /* Once nobody of the account is logged on as her any more it is another's. */
    _cleanup_(authority_unrefp) Authority *linked = NULL;
    assert_int_equal(authority_new_linked(&(AuthorityOptions){.krb5_config = "/dev/null", .ntlm = true},
                                          &linked, &failure),
                     0);
    _cleanup_(token_unrefp) Token *elsewhere = alice(linked);
    token = token_unref(token);
    assert_becomes(authd->tokens, 0);
    assert_int_equal(converse(elsewhere, server, RPC_C_IMP_LEVEL_IMPERSONATE, &again, &failure), 0);
    assert_int_equal(token_level(again), TOKEN_LEVEL_IDENTIFICATION);
}

static int hand_over(Token *token, TokenLevel level, uid_t recipient, Authority *to, Token **ret_token,
                     SecFailure *ret_failure)
{
    _cleanup_(handover_freep) Handover *send = NULL, *receive = NULL;
    int result = handover_new_send(token, level, recipient, TIME_NEVER, &send);
    if (result != 0) return result;
    result = DRIVE(handover_step, send);
    if (result == SEC_FAILED) *ret_failure = *handover_failure(send);
    if (result != 0) return result;
    assert_int_equal(handover_new_receive(to, handover_take_fd(send), TIME_NEVER, &receive), 0);
    result = DRIVE(handover_step, receive);
    if (result == SEC_FAILED) *ret_failure = *handover_failure(receive);
    if (result == 0) *ret_token = handover_take_token(receive);
    return result;
}

static void test_handover(void **state)
{
    _cleanup_(authd_freep) Authd *authd = start_for_us();
    _cleanup_(authority_unrefp) Authority *client = connect_to(), *server = connect_to();
    SecFailure failure = {0};
    static const TokenLevel levels[] = {TOKEN_LEVEL_IDENTIFICATION, TOKEN_LEVEL_IMPERSONATION,
                                        TOKEN_LEVEL_DELEGATION};
    for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
        _cleanup_(token_unrefp) Token *token = alice(client), *got = NULL, *next = NULL;
        assert_int_equal(hand_over(token, levels[i], getuid(), server, &got, &failure), 0);
        assert_string_equal(token_principal(got), "LAB\\alice");
        assert_int_equal(token_level(got), levels[i]);
        assert_int_equal(token_kind(got), TOKEN_KIND_IMPERSONATION);
        assert_false(token_is_from_network(got));
        assert_int_equal(token_service(got), RPC_C_AUTHN_WINNT);
        assert_memory_equal(token_user(got), token_user(token), sizeof(Sid));
        token = token_unref(token); /* what was handed on stands by itself */
        if (levels[i] == TOKEN_LEVEL_IDENTIFICATION) {
            assert_null(token_credential(got));
            assert_int_equal(handover_new_send(got, levels[i], getuid(), TIME_NEVER, &(Handover *){NULL}),
                             -EOPNOTSUPP);
            continue;
        }
        assert_non_null(token_credential(got)); /* one boundary: LVL-5 */
        assert_int_equal(hand_over(got, TOKEN_LEVEL_IMPERSONATION, getuid(), client, &next, &failure), 0);
        assert_int_equal(token_level(next), TOKEN_LEVEL_IMPERSONATION);
        assert_int_equal(
            handover_new_send(next, TOKEN_LEVEL_DELEGATION, getuid(), TIME_NEVER, &(Handover *){NULL}),
            -EPERM);
    }
    assert_becomes(authd->tokens, 0);
}

/* LVL-5: what a local caller gave at IMPERSONATE goes to one machine and is not delegated there. */
static void test_LVL_5_one_hop(void **state)
{
    _cleanup_(authd_freep) Authd *authd = start_for_us();
    _cleanup_(authority_unrefp) Authority *client = connect_to(), *server = connect_to();
    _cleanup_(token_unrefp) Token *token = alice(client), *got = NULL, *all = NULL, *caller = NULL;
    SecFailure failure = {0};
    assert_int_equal(hand_over(token, TOKEN_LEVEL_IMPERSONATION, getuid(), server, &got, &failure), 0);
    assert_int_equal(converse(got, server, RPC_C_IMP_LEVEL_IMPERSONATE, &caller, &failure), 0);
    assert_string_equal(token_principal(caller), "LAB\\alice");
    caller = token_unref(caller);
    assert_int_equal(converse(got, server, RPC_C_IMP_LEVEL_DELEGATE, &caller, &failure), SEC_FAILED);
    assert_int_equal(failure.code, RPC_S_SEC_PKG_ERROR);
    assert_non_null(strstr(failure.sentence, "DELEGATE"));
    /* Handed on at DELEGATE it may ask; that NTLM cannot is another matter. */
    failure = (SecFailure){0};
    assert_int_equal(hand_over(token, TOKEN_LEVEL_DELEGATION, getuid(), server, &all, &failure), 0);
    assert_int_equal(converse(all, server, RPC_C_IMP_LEVEL_DELEGATE, &caller, &failure), SEC_FAILED);
    assert_null(strstr(failure.sentence, "one other machine"));
}

static void test_bound_to_an_account(void **state)
{
    _cleanup_(authd_freep) Authd *authd = start_for_us();
    _cleanup_(authority_unrefp) Authority *client = connect_to(), *server = connect_to();
    _cleanup_(token_unrefp) Token *token = alice(client), *got = NULL;
    SecFailure failure = {0};
    assert_int_equal(hand_over(token, TOKEN_LEVEL_IMPERSONATION, getuid() + 1, server, &got, &failure),
                     SEC_FAILED);
    assert_int_equal(failure.code, (uint32_t)SEC_E_INVALID_TOKEN);
    assert_int_equal(hand_over(token, TOKEN_LEVEL_IMPERSONATION, HANDOVER_ANYBODY, server, &got, &failure),
                     0);
}

/* NTLM logs anybody on as anyone: a password is found to be wrong when it is shown. Until then it is no
 * identity on this machine, neither for others nor to be worth more than others are. */
static void test_logon_that_nothing_proved(void **state)
{
    static const struct {
        const char *principal, *password;
    } rows[] = {{"LAB\\alice", "Passwort"},
                {"LAB\\bob", "Password"},
                {"LAB\\carol", "x"},
                {"OTHER\\alice", "Password"}};
    _cleanup_(authd_freep) Authd *authd = start("4294967294");
    _cleanup_(authority_unrefp) Authority *client = connect_to(), *server = connect_to(), *linked = NULL;
    SecFailure failure = {0};
    assert_int_equal(authority_new_linked(&(AuthorityOptions){.krb5_config = "/dev/null", .ntlm = true},
                                          &linked, &failure),
                     0);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_(token_unrefp) Token *false_one = by_password(client, rows[i].principal, rows[i].password);
        Token *got = NULL;
        for (TokenLevel level = TOKEN_LEVEL_IDENTIFICATION; level <= TOKEN_LEVEL_DELEGATION; level++) {
            failure = (SecFailure){0};
            assert_int_equal(hand_over(false_one, level, HANDOVER_ANYBODY, server, &got, &failure),
                             SEC_FAILED);
            assert_int_equal(failure.code, (uint32_t)SEC_E_LOGON_DENIED);
            assert_non_null(strstr(failure.sentence, "nothing proved"));
        }
    }
    /* The real one calls while this account says that it is her. */
    _cleanup_(token_unrefp) Token *false_one = by_password(client, "LAB\\alice", "Passwort"),
                                  *real = alice(linked), *caller = NULL;
    assert_int_equal(converse(real, server, RPC_C_IMP_LEVEL_IMPERSONATE, &caller, &failure), 0);
    assert_string_equal(token_principal(caller), "LAB\\alice");
    assert_int_equal(token_level(caller), TOKEN_LEVEL_IDENTIFICATION);
    assert_null(token_held(caller));
    assert_int_equal(converse(false_one, server, RPC_C_IMP_LEVEL_IMPERSONATE, &(Token *){NULL}, &failure),
                     SEC_FAILED);
}

static void test_account(void **state)
{
    _cleanup_(authd_freep) Authd *authd = start_for_us();
    _cleanup_(authority_unrefp) Authority *client = connect_to(), *server = connect_to();
    _cleanup_(token_unrefp) Token *token = NULL, *got = NULL, *caller = NULL;
    SecFailure failure = {0};
    assert_int_equal(
        log_on(client, &(LogonSpec){.source = LOGON_ACCOUNT, .deadline = TIME_NEVER}, &token, &failure), 0);
    const Sid user = {.count = 2, .authority = 22, .subauthorities = {1, getuid()}};
    assert_memory_equal(token_user(token), &user, sizeof(user));
    assert_null(strpbrk(token_principal(token), "@\\"));
    assert_null(token_credential(token));
    assert_int_equal(hand_over(token, TOKEN_LEVEL_IMPERSONATION, getuid(), server, &got, &failure), 0);
    assert_string_equal(token_principal(got), token_principal(token));
    assert_memory_equal(token_user(got), &user, sizeof(user));
    assert_int_equal(converse(got, server, RPC_C_IMP_LEVEL_IMPERSONATE, &caller, &failure), SEC_FAILED);
    assert_int_equal(failure.code, (uint32_t)SEC_E_NO_CREDENTIALS);
}

/* A process names an identity that it was not given. */
static void test_forged(void **state)
{
    _cleanup_(authd_freep) Authd *authd = start_for_us();
    _cleanup_(authority_unrefp) Authority *server = connect_to();
    int forged[4], pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    forged[0] = pair[0];
    forged[1] = pair[1];
    forged[2] = open("/dev/null", O_RDWR | O_CLOEXEC);
    forged[3] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    for (size_t i = 0; i < ARRAY_SIZE(forged); i++) {
        _cleanup_(handover_freep) Handover *receive = NULL;
        assert_int_equal(handover_new_receive(server, forged[i], TIME_NEVER, &receive), 0);
        assert_int_equal(DRIVE(handover_step, receive), SEC_FAILED);
        assert_int_equal(handover_failure(receive)->code, (uint32_t)SEC_E_INVALID_TOKEN);
        assert_non_null(strstr(handover_failure(receive)->sentence, "forged or stale"));
    }
}

/* Its descriptors mean nothing to the next one, and nothing hangs. */
static void test_restart(void **state)
{
    _cleanup_(authd_freep) Authd *authd = start_for_us();
    _cleanup_(authority_unrefp) Authority *client = connect_to(), *server = connect_to();
    _cleanup_(token_unrefp) Token *token = alice(client), *got = NULL, *caller = NULL, *fresh = NULL;
    SecFailure failure = {0};
    authd = authd_free(authd);
    assert_int_equal(hand_over(token, TOKEN_LEVEL_IMPERSONATION, getuid(), server, &got, &failure),
                     SEC_FAILED);
    assert_int_equal(failure.code, (uint32_t)SEC_E_INTERNAL_ERROR);
    assert_non_null(strstr(failure.sentence, path));
    authd = start_for_us();
    assert_int_equal(hand_over(token, TOKEN_LEVEL_IMPERSONATION, getuid(), server, &got, &failure),
                     SEC_FAILED);
    assert_int_equal(failure.code, (uint32_t)SEC_E_INVALID_TOKEN);
    failure = (SecFailure){0};
    assert_int_equal(converse(token, server, RPC_C_IMP_LEVEL_IMPERSONATE, &caller, &failure), SEC_FAILED);
    assert_int_equal(failure.code, (uint32_t)SEC_E_INVALID_TOKEN);
    fresh = alice(client);
    assert_int_equal(converse(fresh, server, RPC_C_IMP_LEVEL_IMPERSONATE, &caller, &failure), 0);
}

static void test_not_there(void **state)
{
    Authority *authority = NULL;
    SecFailure failure = {0};
    assert_int_equal(
        authority_new_remote(&(AuthorityRemoteOptions){.path = "/nonexistent/authd"}, &authority, &failure),
        SEC_FAILED);
    assert_int_equal(failure.code, (uint32_t)SEC_E_INTERNAL_ERROR);
    assert_non_null(strstr(failure.sentence, "/nonexistent/authd"));
}

/* A child of fork() is another session, and does not read its parent's answers. */
static void test_fork(void **state)
{
    _cleanup_(authd_freep) Authd *authd = start_for_us();
    _cleanup_(authority_unrefp) Authority *client = connect_to();
    _cleanup_(token_unrefp) Token *before = alice(client), *after = NULL;
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        Token *token = NULL;
        SecFailure failure;
        const LogonSpec spec = {.source = LOGON_ACCOUNT, .deadline = TIME_NEVER};
        _exit(log_on(client, &spec, &token, &failure) == 0 && !strpbrk(token_principal(token), "@\\") ? 0
                                                                                                      : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    after = alice(client);
    assert_becomes(authd->tokens, 2); /* the child's own went with it, its parent's did not */
}

/* Strangers */

static int stranger(void)
{
    IoAddress address;
    int fd;
    assert_int_equal(io_address_unix(path, &address), 0);
    assert_int_equal(io_connect_start(&address, &fd), 0);
    return fd;
}

static void assert_closed(int fd)
{
    char buffer[4096];
    size_t got;
    int result = 0;
    while (result == 0 || result == IO_AGAIN) {
        result = io_read(fd, buffer, sizeof(buffer), &got);
        if (result == IO_AGAIN) assert_int_equal(io_wait(&(IoWait){fd, POLLIN, time_after(PATIENCE)}), 0);
    }
    assert_true(result == IO_CLOSED || result == -ECONNRESET);
    close(fd);
}

static void send_request(int fd, const AuthorityRequest *request, int passed)
{
    AuthorityFrameOut out = {.fd = -1};
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, 0);
    authority_request_write(&writer, request);
    assert_int_equal(authority_frame_out_set(&out, writer.data, writer.length, UINT32_MAX, passed), 0);
    assert_int_equal(authority_frame_out_write(&out, fd), 0);
    authority_frame_out_deinit(&out);
}

static void receive_status(int fd, AuthorityStatus status)
{
    AuthorityFrameIn in;
    AuthorityAnswer answer;
    int result;
    authority_frame_in_init(&in, AUTHORITY_MESSAGE_MAX);
    while ((result = authority_frame_in_read(&in, fd)) == IO_AGAIN)
        assert_int_equal(io_wait(&(IoWait){fd, POLLIN, time_after(PATIENCE)}), 0);
    assert_int_equal(result, 0);
    assert_int_equal(authority_answer_read(in.data, in.length, &answer), 0);
    assert_int_equal(answer.status, status);
    authority_answer_deinit(&answer);
    authority_frame_in_reset(&in);
}

static const uint8_t number[AUTHORITY_SESSION_SIZE] = {7};
static const AuthorityRequest hello = {.operation = AUTHORITY_HELLO, .token = {number, sizeof(number)}};

static void test_garbage(void **state)
{
    static const char *const pieces[] = {
        "\0\0\0\0\xff\xff\xff\xff",                 /* empty */
        "\1\x80\1\0\xff\xff\xff\xff",               /* 96 KiB and one byte */
        "\xff\xff\xff\xff\xff\xff\xff\xff",         /* more than anything */
        "\4\0\0\0\xff\xff\xff\xff\xee\xee\xee\xee", /* an operation that does not exist */
        "GET / HTTP/1.1\r\n\r\n",
    };
    static const size_t lengths[] = {8, 8, 8, 12, 18};
    _cleanup_(authd_freep) Authd *authd = start_for_us();
    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
        int fd = stranger();
        assert_int_equal(io_write_all(fd, pieces[i], lengths[i], time_after(PATIENCE)), 0);
        assert_closed(fd);
    }
    int half = stranger(); /* and then nothing more: it costs nobody else anything */
    assert_int_equal(io_write_all(half, "\x10\0\0\0\xff", 5, time_after(PATIENCE)), 0);
    _cleanup_(authority_unrefp) Authority *client = connect_to();
    _cleanup_(token_unrefp) Token *token = alice(client);
    close(half);
}

static void test_out_of_order(void **state)
{
    static const AuthorityRequest account = {.operation = AUTHORITY_ACCOUNT};
    static const AuthorityRequest release = {.operation = AUTHORITY_RELEASE, .credential = 1};
    static const AuthorityRequest numbered = {
        .operation = AUTHORITY_OPEN_TOKEN, .credential = 1, .level = TOKEN_LEVEL_DELEGATION};
    static const AuthorityRequest open_token = {.operation = AUTHORITY_OPEN_TOKEN};
    static const struct {
        const AuthorityRequest *second;
        int passed;
    } rows[] = {{&hello, -1}, {&release, -1}, {&numbered, -1}, {&open_token, -1}, {&account, 0}};
    _cleanup_(authd_freep) Authd *authd = start_for_us();
    int fd = stranger();
    send_request(fd, &account, -1); /* before hello */
    receive_status(fd, AUTHORITY_REFUSED);
    assert_closed(fd);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        fd = stranger();
        send_request(fd, &hello, -1);
        receive_status(fd, AUTHORITY_DONE);
        send_request(fd, rows[i].second, rows[i].passed);
        receive_status(fd, AUTHORITY_REFUSED);
        assert_closed(fd);
    }
}

/* More than one with a request: none stays open here. */
static void test_two_descriptors(void **state)
{
    union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(8 * sizeof(int))];
    } control;
    _cleanup_(authd_freep) Authd *authd = start_for_us();
    for (unsigned count = 2; count <= 8; count += 6) {
        int fd = stranger(), pair[2];
        struct iovec piece = {(void *)"\4\0\0\0\xff\xff\xff\xff\1", 9};
        struct msghdr message = {.msg_iov = &piece,
                                 .msg_iovlen = 1,
                                 .msg_control = control.bytes,
                                 .msg_controllen = CMSG_SPACE(count * sizeof(int))};
        memset(&control, 0, sizeof(control));
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(count * sizeof(int));
        for (unsigned i = 0; i < count; i++)
            memcpy(CMSG_DATA(header) + i * sizeof(int), &pair[0], sizeof(int));
        assert_int_equal(sendmsg(fd, &message, MSG_NOSIGNAL), 9);
        close(pair[0]);
        assert_closed(fd);
        assert_closed(pair[1]); /* its other end is nobody's any more */
    }
}

static void test_connections_per_account(void **state)
{
    _cleanup_(authd_freep) Authd *authd = start_for_us();
    _cleanup_(authority_unrefp) Authority *served = connect_to();
    Account *account;
    assert_int_equal(accounts_get(authd->accounts, getuid(), &account), 0);
    size_t taken = AUTHD_CONNECTIONS_PER_ACCOUNT - account->connections.used;
    assert_true(quota_charge(&account->connections, taken));
    assert_closed(stranger());
    _cleanup_(token_unrefp) Token *token = alice(served); /* those that are there go on */
    quota_release(&account->connections, taken);
    _cleanup_(authority_unrefp) Authority *next = connect_to();
    account_unref(account);
}

/* Of one process, passed on: nobody can make a token immortal by putting it into itself. */
static void test_cycle(void **state)
{
    union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    _cleanup_(authd_freep) Authd *authd = start_for_us();
    _cleanup_(authority_unrefp) Authority *client = connect_to();
    _cleanup_(token_unrefp) Token *token = alice(client);
    int fd = sec_credential_fd(token_held(token));
    struct iovec piece = {(void *)"x", 1};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof(fd));
    assert_int_equal(sendmsg(fd, &message, MSG_NOSIGNAL), -1);
    assert_int_equal(errno, EPIPE);
    assert_becomes(authd->tokens, 1);
    token = token_unref(token);
    assert_becomes(authd->tokens, 0);
}

static int group_setup(void **state)
{
    static const char accounts[] = "LAB:alice:Password\nLAB:bob:bobs\n";
    if (!mkdtemp(folder) || setenv("KRB5_CONFIG", "/dev/null", 1) < 0) return -1;
    snprintf(path, sizeof(path), "%s/authd.socket", folder);
    snprintf(users, sizeof(users), "%s/users", folder);
    _cleanup_(closep) int fd = open(users, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    return fd >= 0 && write(fd, accounts, sizeof(accounts) - 1) == (ssize_t)sizeof(accounts) - 1 ? 0 : -1;
}

static int group_teardown(void **state)
{
    unlink(path);
    unlink(users);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conversation),
        cmocka_unit_test(test_SRV_11_who_is_listed),
        cmocka_unit_test(test_SRV_11_same_identity),
        cmocka_unit_test(test_handover),
        cmocka_unit_test(test_LVL_5_one_hop),
        cmocka_unit_test(test_bound_to_an_account),
        cmocka_unit_test(test_logon_that_nothing_proved),
        cmocka_unit_test(test_account),
        cmocka_unit_test(test_forged),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_not_there),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_out_of_order),
        cmocka_unit_test(test_two_descriptors),
        cmocka_unit_test(test_connections_per_account),
        cmocka_unit_test(test_cycle),
    };
    return cmocka_run_group_tests_name("authd", tests, group_setup, group_teardown);
}
