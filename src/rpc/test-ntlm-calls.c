/* SPDX-License-Identifier: Apache-2.0 */
/* Both halves of rpc/ with NTLM alone: who arrives, at which level, what bytes survive, and what is refused.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <rpcdce.h>
#include <winerror.h>
#include "base/time.h"
#include "io/loop.h"
#include "io/pool.h"
#include "rpc/client.h"
#include "rpc/server.h"
#include "sec/credential.h"

#define INTEGRITY RPC_C_AUTHN_LEVEL_PKT_INTEGRITY
#define PRIVACY   RPC_C_AUTHN_LEVEL_PKT_PRIVACY
#define CALL_TIME (60 * NS_PER_SECOND)
#define ECHO_MAX  300000u
#define THREADS   4

static const Guid test_iid = {0xc5c6d2d4, 0x5b1e, 0x4f0c, {0x9a, 1, 2, 3, 4, 5, 6, 8}};
static char users[] = "/tmp/mantle-rpc-ntlm.XXXXXX";

enum { OP_WHO, OP_ECHO };

static atomic_uint requests;

/* The last caller that authenticated, as its server holds it. */
static Token *_Atomic received;

/* "principal impersonation-level service authn-level" */
static RpcStatus who(RpcCall *call, void *data)
{
    char text[300];
    int length =
        snprintf(text, sizeof(text), "%s %d %u %u", call->token ? token_principal(call->token) : "nobody",
                 call->token ? (int)token_level(call->token) : -1, call->authn_service, call->authn_level);

    atomic_fetch_add(&requests, 1);
    if (call->token) token_unref(atomic_exchange(&received, token_ref(call->token)));
    writer_bytes(&call->out, text, (size_t)length);
    return RPCST_OK;
}

static RpcStatus echo(RpcCall *call, void *data)
{
    const size_t length = reader_left(&call->in);

    atomic_fetch_add(&requests, 1);
    writer_bytes(&call->out, reader_bytes(&call->in, length), length);
    return RPCST_OK;
}

static const RpcOperation operations[] = {[OP_WHO] = {who, 0}, [OP_ECHO] = {echo, 0}};
static RpcInterface test_interface = {.operations = operations, .operation_count = ARRAY_SIZE(operations)};

typedef struct Bench {
    Authority *client_authority, *server_authority;
    IoLoop *loop;
    IoPool *pool;
    RpcServer *server;
    RpcClient *client;
    RpcBinding *binding;
} Bench;

static Authority *authority_of(bool ntlm, const char *file)
{
    const AuthorityOptions options = {.krb5_config = "/dev/null", .ntlm = ntlm, .ntlm_users = file};
    Authority *authority;
    SecFailure failure;
    assert_int_equal(authority_new_linked(&options, &authority, &failure), 0);
    return authority;
}

static Bench bench_new(bool ntlm, uint32_t services)
{
    Bench bench = {.client_authority = authority_of(true, NULL),
                   .server_authority = authority_of(ntlm, users)};
    IoAddress address;
    uint16_t port;

    test_interface.uuid = test_iid;
    assert_int_equal(io_loop_new(&bench.loop), 0);
    assert_int_equal(io_pool_new(bench.loop, 2, 16, &bench.pool), 0);
    const RpcServerOptions options = {.loop = bench.loop,
                                      .authority = bench.server_authority,
                                      .services = services,
                                      .preauth_connections = 1000};
    assert_int_equal(rpc_server_new(&options, &bench.server), RPCST_OK);
    assert_int_equal(rpc_server_register(bench.server, &test_interface), RPCST_OK);
    assert_int_equal(io_address_parse("127.0.0.1", 0, &address), 0);
    assert_int_equal(rpc_server_listen(bench.server, &address, 0, &port), 0);
    io_address_set_port(&address, port);
    assert_int_equal(rpc_client_new(NULL, &bench.client), RPCST_OK);
    assert_int_equal(rpc_binding_new(bench.client, &(RpcEndpoint){.address = &address}, 1, &bench.binding),
                     RPCST_OK);
    atomic_store(&requests, 0);
    return bench;
}

static void bench_free(Bench *bench)
{
    rpc_binding_unref(bench->binding);
    rpc_client_unref(bench->client);
    rpc_server_free(bench->server);
    io_pool_free(bench->pool);
    io_loop_free(bench->loop);
    authority_unref(bench->server_authority);
    authority_unref(bench->client_authority);
}

static Token *log_on(Bench *bench, LogonSource source, const char *user, const char *password)
{
    const LogonSpec spec = {.source = source,
                            .service = RPC_C_AUTHN_WINNT,
                            .principal = user,
                            .password = password,
                            .deadline = time_after(CALL_TIME)};
    _cleanup_(logon_freep) Logon *logon = NULL;
    IoWait wait;
    assert_int_equal(logon_new(bench->client_authority, &spec, &logon), 0);
    assert_int_equal(logon_step(logon, &wait), 0);
    return logon_take_token(logon);
}

static RpcSecurity *security_of(Token *token, uint8_t service, uint8_t level, uint8_t impersonation)
{
    const RpcSecuritySpec spec = {.token = token,
                                  .authn_service = service,
                                  .authn_level = level,
                                  .impersonation = impersonation,
                                  .target = "host/server.lab.test"};
    RpcSecurity *security = NULL;
    assert_int_equal(rpc_security_new(&spec, &security), RPCST_OK);
    return security;
}

static RpcStatus ask_who(Bench *bench, RpcSecurity *security, char ret_text[300])
{
    const RpcClientCallSpec spec = {.binding = bench->binding,
                                    .security = security,
                                    .iid = test_iid,
                                    .opnum = OP_WHO,
                                    .deadline = time_after(CALL_TIME)};
    _cleanup_(rpc_client_call_freep) RpcClientCall *call = NULL;

    RpcStatus status = rpc_client_call_new(&spec, &call);
    if (status == RPCST_OK) status = rpc_client_call_run(call);
    Reader reply = rpc_client_call_reply(call);
    const size_t length = reader_left(&reply) < 299 ? reader_left(&reply) : 299;
    reader_copy(&reply, ret_text, length);
    ret_text[length] = 0;
    return status;
}

/* One call as somebody who logs on for it. */
static RpcStatus who_as(Bench *bench, const char *user, const char *password, uint8_t level,
                        uint8_t impersonation, char ret_text[300])
{
    _cleanup_(token_unrefp) Token *token = log_on(bench, LOGON_PASSWORD, user, password);
    _cleanup_(rpc_security_unrefp) RpcSecurity *security =
        security_of(token, RPC_C_AUTHN_WINNT, level, impersonation);
    return ask_who(bench, security, ret_text);
}

static void test_levels(void **state)
{
    Bench bench = bench_new(true, 0);
    char text[300], expected[64];

    for (uint8_t level = RPC_C_AUTHN_LEVEL_CONNECT; level <= PRIVACY; level++) {
        if (level == RPC_C_AUTHN_LEVEL_CALL) continue;
        for (uint8_t impersonation = 2; impersonation <= 3; impersonation++) {
            assert_int_equal(who_as(&bench, "LAB\\alice", "alices", level, impersonation, text), RPCST_OK);
            snprintf(expected, sizeof(expected), "LAB\\alice %u 10 %u", impersonation - 1, level);
            assert_string_equal(text, expected);
        }
    }
    assert_int_equal(who_as(&bench, "LAB\\alice", "alices", PRIVACY, 1, text), RPCST_OK);
    assert_string_equal(text, "LAB\\alice 1 10 6"); /* ANONYMOUS goes as IDENTIFY */
    bench_free(&bench);
}

static void test_logon_with_a_hash(void **state)
{
    Bench bench = bench_new(true, 0);
    char text[300];
    _cleanup_(token_unrefp) Token *token =
        log_on(&bench, LOGON_NT_HASH, "LAB\\hashed", "a4f49c406510bdcab6824ee7c30fd852");
    _cleanup_(rpc_security_unrefp) RpcSecurity *security = security_of(token, RPC_C_AUTHN_WINNT, PRIVACY, 3);

    assert_int_equal(ask_who(&bench, security, text), RPCST_OK);
    assert_string_equal(text, "LAB\\hashed 2 10 6");
    bench_free(&bench);
}

static void test_refused(void **state)
{
    static const char *const wrong[][2] = {
        {"LAB\\alice", "bobs"}, {"LAB\\carol", "alices"}, {"EVIL\\alice", "alices"}, {"alice", "alices"}};
    static const uint8_t levels[] = {RPC_C_AUTHN_LEVEL_CONNECT, INTEGRITY, PRIVACY};
    Bench bench = bench_new(true, 0);
    char text[300];

    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        for (size_t j = 0; j < ARRAY_SIZE(levels); j++) {
            assert_int_not_equal(who_as(&bench, wrong[i][0], wrong[i][1], levels[j], 3, text), RPCST_OK);
            assert_string_equal(text, "");
        }
    assert_int_equal(atomic_load(&requests), 0);
    assert_int_equal(who_as(&bench, "LAB\\alice", "alices", PRIVACY, 3, text), RPCST_OK);
    bench_free(&bench);
}

static void test_DEL_11_delegation_is_refused_before_anything_is_sent(void **state)
{
    Bench bench = bench_new(true, 0);
    char text[300];
    assert_int_equal(who_as(&bench, "LAB\\alice", "alices", PRIVACY, 4, text), RPCST_SEC_PKG_ERROR);
    assert_int_equal(atomic_load(&requests), 0);
    bench_free(&bench);
}

/* One boundary, from where the password is: what came over the network goes no further, whatever level it
 * came at. */
static void CLK_15_LVL_6_NTLM_cloaks_across_one_boundary(void **state)
{
    Bench bench = bench_new(true, 0);
    char text[300];
    for (uint8_t level = RPC_C_IMP_LEVEL_IDENTIFY; level <= RPC_C_IMP_LEVEL_IMPERSONATE; level++) {
        assert_int_equal(who_as(&bench, "LAB\\alice", "alices", PRIVACY, level, text), RPCST_OK);
        unsigned before = atomic_load(&requests);
        Token *token = atomic_load(&received);
        assert_non_null(strstr(token_principal(token), "alice"));
        assert_true(token_is_from_network(token));
        for (uint8_t onward = RPC_C_IMP_LEVEL_IDENTIFY; onward <= RPC_C_IMP_LEVEL_DELEGATE; onward++) {
            _cleanup_(rpc_security_unrefp) RpcSecurity *security =
                security_of(token, RPC_C_AUTHN_WINNT, PRIVACY, onward);
            assert_int_equal(ask_who(&bench, security, text), level == RPC_C_IMP_LEVEL_IDENTIFY
                                                                  ? ERROR_BAD_IMPERSONATION_LEVEL
                                                                  : (RpcStatus)SEC_E_NO_CREDENTIALS);
        }
        assert_int_equal(atomic_load(&requests), before);
    }
    received = token_unref(received);
    bench_free(&bench);
}

/* A program asks for NTLM by its number where the administrator has left it off. */
static void test_off_for_callers_too(void **state)
{
    Authority *authority = authority_of(false, NULL);
    LogonSpec spec = {.source = LOGON_PASSWORD,
                      .service = RPC_C_AUTHN_WINNT,
                      .principal = "LAB\\alice",
                      .password = "alices",
                      .deadline = time_after(CALL_TIME)};
    for (unsigned i = 0; i < 2; i++) {
        _cleanup_(logon_freep) Logon *logon = NULL;
        IoWait wait;
        assert_int_equal(logon_new(authority, &spec, &logon), 0);
        assert_int_equal(logon_step(logon, &wait), SEC_FAILED);
        assert_int_equal(logon_failure(logon)->code, (uint32_t)SEC_E_NO_CREDENTIALS);
        assert_non_null(strstr(logon_failure(logon)->sentence, "ntlm = yes"));
        spec.source = LOGON_NT_HASH;
        spec.password = "a4f49c406510bdcab6824ee7c30fd852";
    }
    authority_unref(authority);
}

static void test_not_configured(void **state)
{
    Bench off = bench_new(false, 0);
    Bench restricted = bench_new(true, 1u << RPC_C_AUTHN_GSS_KERBEROS | 1u << RPC_C_AUTHN_GSS_NEGOTIATE);
    char text[300];
    assert_int_equal(who_as(&off, "LAB\\alice", "alices", PRIVACY, 3, text), RPCST_UNKNOWN_AUTHN_SERVICE);
    assert_int_equal(who_as(&restricted, "LAB\\alice", "alices", PRIVACY, 3, text),
                     RPCST_UNKNOWN_AUTHN_SERVICE);
    assert_int_equal(atomic_load(&requests), 0);
    bench_free(&restricted);
    bench_free(&off);
}

/* An identity of NTLM's is shown by NTLM: no other service, and no other identity, takes its place. */
static void test_no_other_service(void **state)
{
    Bench bench = bench_new(true, 0);
    char text[300];
    _cleanup_(token_unrefp) Token *token = log_on(&bench, LOGON_PASSWORD, "LAB\\alice", "alices");
    _cleanup_(rpc_security_unrefp) RpcSecurity *security =
        security_of(token, RPC_C_AUTHN_GSS_KERBEROS, PRIVACY, 3);

    assert_int_not_equal(ask_who(&bench, security, text), RPCST_OK);
    assert_int_equal(atomic_load(&requests), 0);
    bench_free(&bench);
}

static void test_several_on_one_connection(void **state)
{
    static const char *const names[][2] = {
        {"LAB\\alice", "alices"}, {"LAB\\bob", "bobs"}, {"OTHER\\alice", "alices"}};
    Token *tokens[ARRAY_SIZE(names)];
    RpcSecurity *securities[ARRAY_SIZE(names)];
    Bench bench = bench_new(true, 0);
    char text[300], expected[64];

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        tokens[i] = log_on(&bench, LOGON_PASSWORD, names[i][0], names[i][1]);
        securities[i] = security_of(tokens[i], RPC_C_AUTHN_WINNT, PRIVACY, 3);
    }
    for (unsigned round = 0; round < 12; round++) {
        const size_t i = (round * 5) % ARRAY_SIZE(names);
        assert_int_equal(ask_who(&bench, securities[i], text), RPCST_OK);
        snprintf(expected, sizeof(expected), "%s 2 10 6", names[i][0]);
        assert_string_equal(text, expected);
    }
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        rpc_security_unref(securities[i]);
        token_unref(tokens[i]);
    }
    bench_free(&bench);
}

static bool echoes(Bench *bench, RpcSecurity *security, const uint8_t *bytes, size_t length)
{
    const RpcClientCallSpec spec = {.binding = bench->binding,
                                    .security = security,
                                    .iid = test_iid,
                                    .opnum = OP_ECHO,
                                    .stub = bytes,
                                    .stub_length = length,
                                    .deadline = time_after(CALL_TIME)};
    _cleanup_(rpc_client_call_freep) RpcClientCall *call = NULL;

    if (rpc_client_call_new(&spec, &call) != RPCST_OK || rpc_client_call_run(call) != RPCST_OK) return false;
    Reader reply = rpc_client_call_reply(call);
    return reader_left(&reply) >= length && memcmp(reader_bytes(&reply, length), bytes, length) == 0;
}

/* The key stream runs on over fragments, calls and directions. */
static void test_many_sizes(void **state)
{
    static const size_t sizes[] = {0,    1,    7,    15,    16,    17,       1000, 5719,
                                   5728, 5816, 5817, 20000, 65536, ECHO_MAX, 3};
    _cleanup_(freep) uint8_t *bytes = malloc(ECHO_MAX);
    Bench bench = bench_new(true, 0);
    _cleanup_(token_unrefp) Token *token = log_on(&bench, LOGON_PASSWORD, "LAB\\alice", "alices");

    for (size_t i = 0; i < ECHO_MAX; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 256);
    for (uint8_t level = INTEGRITY; level <= PRIVACY; level++) {
        _cleanup_(rpc_security_unrefp) RpcSecurity *security =
            security_of(token, RPC_C_AUTHN_WINNT, level, 3);
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
            assert_true(echoes(&bench, security, bytes, sizes[i]));
    }
    bench_free(&bench);
}

typedef struct Caller {
    Bench *bench;
    RpcSecurity *security;
    unsigned wrong;
} Caller;

static void *call_often(void *argument)
{
    Caller *caller = argument;
    uint8_t bytes[7000];
    for (unsigned i = 0; i < 40; i++) {
        memset(bytes, (int)i, sizeof(bytes));
        caller->wrong += !echoes(caller->bench, caller->security, bytes, 1 + i * 170);
    }
    return NULL;
}

static void test_many_threads(void **state)
{
    Bench bench = bench_new(true, 0);
    _cleanup_(token_unrefp) Token *token = log_on(&bench, LOGON_PASSWORD, "LAB\\alice", "alices");
    _cleanup_(rpc_security_unrefp) RpcSecurity *security = security_of(token, RPC_C_AUTHN_WINNT, PRIVACY, 3);
    Caller callers[THREADS];
    pthread_t threads[THREADS];

    for (unsigned i = 0; i < THREADS; i++) {
        callers[i] = (Caller){&bench, security, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, call_often, &callers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(callers[i].wrong, 0);
    }
    bench_free(&bench);
}

static int setup(void **state)
{
    static const char accounts[] =
        "LAB:alice:alices\nLAB:bob:bobs\nOTHER:alice:alices\n"
        "LAB\\hashed:1:XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX:A4F49C406510BDCAB6824EE7C30FD852:[U]:\n";
    static const char *const names[] = {"NTLM_USER_FILE", "LM_COMPAT_LEVEL", "NETBIOS_DOMAIN_NAME",
                                        "NETBIOS_COMPUTER_NAME"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        (void)unsetenv(names[i]);
    const int fd = mkstemp(users);
    if (fd < 0 || write(fd, accounts, sizeof(accounts) - 1) != sizeof(accounts) - 1) return -1;
    return close(fd);
}

static int teardown(void **state)
{
    received = token_unref(received);
    return unlink(users);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_logon_with_a_hash),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_DEL_11_delegation_is_refused_before_anything_is_sent),
        cmocka_unit_test(CLK_15_LVL_6_NTLM_cloaks_across_one_boundary),
        cmocka_unit_test(test_not_configured),
        cmocka_unit_test(test_off_for_callers_too),
        cmocka_unit_test(test_no_other_service),
        cmocka_unit_test(test_several_on_one_connection),
        cmocka_unit_test(test_many_sizes),
        cmocka_unit_test(test_many_threads),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
