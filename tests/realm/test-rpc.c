/* SPDX-License-Identifier: Apache-2.0 */
/* Both halves of rpc/ with real tickets: who arrives, at which level, and what is refused before a request
 * was sent. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <cmocka.h>
#include <winerror.h>
#include "io/loop.h"
#include "io/pool.h"
#include "rpc/client.h"
#include "rpc/server.h"
#include "tests/realm/krb5-fixture.h"

#define SERVERS   200
#define CONNECT   RPC_C_AUTHN_LEVEL_CONNECT
#define PACKET    RPC_C_AUTHN_LEVEL_PKT
#define INTEGRITY RPC_C_AUTHN_LEVEL_PKT_INTEGRITY
#define PRIVACY   RPC_C_AUTHN_LEVEL_PKT_PRIVACY

static const Guid test_iid = {0xc5c6d2d4, 0x5b1e, 0x4f0c, {0x9a, 1, 2, 3, 4, 5, 6, 7}};

enum { OP_WHO, OP_ECHO };

static atomic_uint requests;

/* "principal impersonation-level authn-level" */
static RpcStatus who(RpcCall *call, void *data)
{
    char text[300];

    atomic_fetch_add(&requests, 1);
    int length =
        snprintf(text, sizeof(text), "%s %d %u", call->token ? token_principal(call->token) : "nobody",
                 call->token ? (int)token_level(call->token) : -1, call->authn_level);
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

/* A server with the keys of one host, on as many addresses as asked for, and a client beside it. */
typedef struct Bench {
    IoLoop *loop;
    IoPool *pool;
    RpcServer *server;
    RpcClient *client;
    IoAddress addresses[SERVERS];
    RpcBinding *binding; /* to the first */
} Bench;

static void bench_init(Bench *bench, Authority *authority, size_t listeners)
{
    test_interface.uuid = test_iid;
    assert_int_equal(io_loop_new(&bench->loop), 0);
    assert_int_equal(io_pool_new(bench->loop, 2, 16, &bench->pool), 0);
    const RpcServerOptions options = {
        .loop = bench->loop, .authority = authority, .preauth_connections = 1000};
    assert_int_equal(rpc_server_new(&options, &bench->server), RPCST_OK);
    assert_int_equal(rpc_server_register(bench->server, &test_interface), RPCST_OK);
    for (size_t i = 0; i < listeners; i++) {
        char text[32];
        uint16_t port;
        (void)snprintf(text, sizeof(text), "127.0.%u.77", (unsigned)i);
        assert_int_equal(io_address_parse(text, 0, &bench->addresses[i]), 0);
        assert_int_equal(rpc_server_listen(bench->server, &bench->addresses[i], 0, &port), 0);
        io_address_set_port(&bench->addresses[i], port);
    }
    assert_int_equal(rpc_client_new(NULL, &bench->client), RPCST_OK);
    assert_int_equal(
        rpc_binding_new(bench->client, &(RpcEndpoint){.address = &bench->addresses[0]}, 1, &bench->binding),
        RPCST_OK);
    atomic_store(&requests, 0);
}

static void bench_deinit(Bench *bench)
{
    bench->binding = rpc_binding_unref(bench->binding);
    bench->client = rpc_client_unref(bench->client);
    bench->server = rpc_server_free(bench->server);
    bench->pool = io_pool_free(bench->pool);
    bench->loop = io_loop_free(bench->loop);
}

static RpcSecurity *security_of(Token *token, const char *target, uint8_t authn_level, uint8_t impersonation)
{
    const RpcSecuritySpec spec = {.token = token,
                                  .authn_service = RPC_C_AUTHN_GSS_KERBEROS,
                                  .authn_level = authn_level,
                                  .impersonation = impersonation,
                                  .target = target};
    RpcSecurity *security = NULL;
    assert_int_equal(rpc_security_new(&spec, &security), RPCST_OK);
    return security;
}

static RpcStatus ask_who(RpcBinding *binding, RpcSecurity *security, char *ret_text, size_t size,
                         SecFailure *ret_failure)
{
    const RpcClientCallSpec spec = {.binding = binding,
                                    .security = security,
                                    .iid = test_iid,
                                    .opnum = OP_WHO,
                                    .deadline = time_after(20 * NS_PER_SECOND)};
    _cleanup_(rpc_client_call_freep) RpcClientCall *call = NULL;

    RpcStatus status = rpc_client_call_new(&spec, &call);
    if (status == RPCST_OK) status = rpc_client_call_run(call);
    Reader reply = rpc_client_call_reply(call);
    const size_t length = reader_left(&reply) < size ? reader_left(&reply) : size - 1;
    reader_copy(&reply, ret_text, length);
    ret_text[length] = 0;
    if (ret_failure) *ret_failure = *rpc_client_call_failure(call);
    return status;
}

static void assert_who(Bench *bench, RpcSecurity *security, const char *expected)
{
    char text[300];
    SecFailure failure;
    RpcStatus status = ask_who(bench->binding, security, text, sizeof(text), &failure);

    if (status != RPCST_OK) print_error("%s\n", failure.sentence);
    assert_int_equal(status, RPCST_OK);
    assert_string_equal(text, expected);
}

static void test_levels(void **state)
{
    static const struct {
        uint8_t authn_level, impersonation;
        const char *who;
    } rows[] = {
        {CONNECT, IMPERSONATE, "alice@LAB.TEST 2 2"},
        {RPC_C_AUTHN_LEVEL_CALL, IMPERSONATE, "alice@LAB.TEST 2 4"},
        {PACKET, IMPERSONATE, "alice@LAB.TEST 2 4"},
        {INTEGRITY, IMPERSONATE, "alice@LAB.TEST 2 5"},
        {PRIVACY, IMPERSONATE, "alice@LAB.TEST 2 6"},
        {PRIVACY, ANONYMOUS, "alice@LAB.TEST 1 6"},
        {PRIVACY, IDENTIFY, "alice@LAB.TEST 1 6"},
        {INTEGRITY, IDENTIFY, "alice@LAB.TEST 1 5"},
        {PRIVACY, DELEGATE, "alice@LAB.TEST 3 6"},
        {CONNECT, DELEGATE, "alice@LAB.TEST 3 2"},
    };
    Bench bench;

    bench_init(&bench, realm.a, 1);
    for (unsigned round = 0; round < 2; round++)
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
            _cleanup_(rpc_security_unrefp) RpcSecurity *security =
                security_of(realm.alice, HOST_A, rows[i].authn_level, rows[i].impersonation);
            assert_who(&bench, security, rows[i].who);
        }
    assert_who(&bench, NULL, "nobody -1 1");
    /* One connection for all that is signed, one for each context at connect, one without security. */
    assert_int_equal(rpc_server_state(bench.server).connections, 4);
    bench_deinit(&bench);
}

/* Each call arrives at its own level and identity, whoever calls beside it. */
typedef struct Worker {
    pthread_t thread;
    Bench *bench;
    RpcSecurity *securities[3];
    unsigned wrong;
} Worker;

static const char *const expected_who[3] = {"alice@LAB.TEST 1 6", "alice@LAB.TEST 3 6", "bob@LAB.TEST 2 5"};

static void *work(void *data)
{
    Worker *worker = data;

    for (unsigned i = 0; i < 300; i++) {
        char text[300];
        RpcStatus status =
            ask_who(worker->bench->binding, worker->securities[i % 3], text, sizeof(text), NULL);
        worker->wrong += status != RPCST_OK || strcmp(text, expected_who[i % 3]) != 0;
    }
    return NULL;
}

static void test_threads(void **state)
{
    Bench bench;
    Worker workers[4] = {0};

    bench_init(&bench, realm.a, 1);
    for (size_t i = 0; i < ARRAY_SIZE(workers); i++) {
        workers[i].bench = &bench;
        workers[i].securities[0] = security_of(realm.alice, HOST_A, PRIVACY, IDENTIFY);
        workers[i].securities[1] = security_of(realm.alice, HOST_A, PRIVACY, DELEGATE);
        workers[i].securities[2] = security_of(realm.bob, HOST_A, INTEGRITY, IMPERSONATE);
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_SIZE(workers); i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        assert_int_equal(workers[i].wrong, 0);
        for (size_t s = 0; s < 3; s++)
            (void)rpc_security_unref(workers[i].securities[s]);
    }
    assert_true(rpc_server_state(bench.server).connections <= ARRAY_SIZE(workers));
    bench_deinit(&bench);
}

static void test_refused(void **state)
{
    const struct {
        Token *token;
        const char *target;
        uint8_t impersonation;
        RpcStatus code;
    } rows[] = {
        {realm.sam, HOST_A, DELEGATE, RPC_S_SEC_PKG_ERROR},   /* sensitive */
        {realm.alice, HOST_B, DELEGATE, RPC_S_SEC_PKG_ERROR}, /* not trusted for delegation */
        {realm.alice, "host/nowhere.lab.test", IMPERSONATE, (RpcStatus)SEC_E_TARGET_UNKNOWN},
        {realm.alice, HOST_C, IMPERSONATE, (RpcStatus)SEC_E_WRONG_PRINCIPAL}, /* c's ticket, but a's keys */
    };
    Bench bench;

    bench_init(&bench, realm.a, 1);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_(rpc_security_unrefp) RpcSecurity *security =
            security_of(rows[i].token, rows[i].target, PRIVACY, rows[i].impersonation);
        char text[300];
        SecFailure failure;
        assert_int_equal(ask_who(bench.binding, security, text, sizeof(text), &failure), rows[i].code);
        assert_int_equal(failure.code, rows[i].code);
        assert_true(strlen(failure.sentence) > 20);
    }
    assert_int_equal(atomic_load(&requests), 0); /* nothing was called, as nobody else either */
    _cleanup_(rpc_security_unrefp) RpcSecurity *sam = security_of(realm.sam, HOST_A, PRIVACY, IMPERSONATE);
    assert_who(&bench, sam, "sam@LAB.TEST 2 6");
    bench_deinit(&bench);
}

static void test_sizes(void **state)
{
    static uint8_t bytes[300000];
    static const size_t sizes[] = {0, 1, 15, 16, 17, 5700, 5720, 5721, 65536, sizeof(bytes)};
    static const uint8_t levels[] = {CONNECT, INTEGRITY, PRIVACY};
    Bench bench;

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 31 + i / 256);
    bench_init(&bench, realm.a, 1);
    for (size_t l = 0; l < ARRAY_SIZE(levels); l++) {
        _cleanup_(rpc_security_unrefp) RpcSecurity *security =
            security_of(realm.alice, HOST_A, levels[l], IMPERSONATE);
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
            const RpcClientCallSpec spec = {.binding = bench.binding,
                                            .security = security,
                                            .iid = test_iid,
                                            .opnum = OP_ECHO,
                                            .stub = bytes,
                                            .stub_length = sizes[i]};
            _cleanup_(rpc_client_call_freep) RpcClientCall *call = NULL;
            assert_int_equal(rpc_client_call_new(&spec, &call), RPCST_OK);
            assert_int_equal(rpc_client_call_run(call), RPCST_OK);
            Reader reply = rpc_client_call_reply(call);
            assert_int_equal(reader_left(&reply), sizes[i]);
            if (sizes[i]) assert_memory_equal(reply.data, bytes, sizes[i]);
        }
    }
    bench_deinit(&bench);
}

/* 200 conversations from one thread. */
typedef struct Fleet {
    Bench *bench;
    int epoll;
    size_t open;
    RpcBinding *bindings[SERVERS];
    RpcClientCall *calls[SERVERS];
} Fleet;

static void fleet_step(Fleet *fleet, size_t i)
{
    IoWait wait;
    RpcStatus status = rpc_client_call_step(fleet->calls[i], &wait);

    if (status == RPCST_PENDING) {
        struct epoll_event event = {.events = EPOLLONESHOT, .data.u64 = i};
        if (wait.events & POLLIN) event.events |= EPOLLIN;
        if (wait.events & POLLOUT) event.events |= EPOLLOUT;
        assert_true(wait.fd >= 0);
        if (epoll_ctl(fleet->epoll, EPOLL_CTL_MOD, wait.fd, &event) < 0)
            assert_int_equal(epoll_ctl(fleet->epoll, EPOLL_CTL_ADD, wait.fd, &event), 0);
        return;
    }
    if (status != RPCST_OK) print_error("%s\n", rpc_client_call_failure(fleet->calls[i])->sentence);
    assert_int_equal(status, RPCST_OK);
    Reader reply = rpc_client_call_reply(fleet->calls[i]);
    const char *expected = i % 2 ? "bob@LAB.TEST 2 6" : "alice@LAB.TEST 2 6";
    assert_int_equal(reader_left(&reply), strlen(expected));
    assert_memory_equal(reader_bytes(&reply, strlen(expected)), expected, strlen(expected));
    fleet->calls[i] = rpc_client_call_free(fleet->calls[i]);
    fleet->open--;
}

static void test_many_servers_from_one_thread(void **state)
{
    static Bench bench;
    static Fleet fleet;
    _cleanup_(rpc_security_unrefp) RpcSecurity *alice =
        security_of(realm.alice, HOST_A, PRIVACY, IMPERSONATE);
    _cleanup_(rpc_security_unrefp) RpcSecurity *bob = security_of(realm.bob, HOST_A, PRIVACY, IMPERSONATE);

    bench_init(&bench, realm.a, SERVERS);
    fleet = (Fleet){.bench = &bench, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    for (unsigned round = 0; round < 2; round++) { /* cold, then with the contexts of the first */
        for (size_t i = 0; i < SERVERS; i++) {
            const RpcEndpoint endpoint = {.address = &bench.addresses[i]};
            if (round == 0)
                assert_int_equal(rpc_binding_new(bench.client, &endpoint, 1, &fleet.bindings[i]), RPCST_OK);
            const RpcClientCallSpec spec = {.binding = fleet.bindings[i],
                                            .security = i % 2 ? bob : alice,
                                            .iid = test_iid,
                                            .opnum = OP_WHO};
            assert_int_equal(rpc_client_call_new(&spec, &fleet.calls[i]), RPCST_OK);
        }
        fleet.open = SERVERS;
        for (size_t i = 0; i < SERVERS; i++)
            fleet_step(&fleet, i);
        while (fleet.open > 0) {
            struct epoll_event events[64];
            int count = epoll_wait(fleet.epoll, events, ARRAY_SIZE(events), 20000);
            assert_true(count > 0);
            for (int i = 0; i < count; i++)
                if (fleet.calls[events[i].data.u64]) fleet_step(&fleet, events[i].data.u64);
        }
    }
    assert_int_equal(rpc_server_state(bench.server).connections, SERVERS);
    for (size_t i = 0; i < SERVERS; i++)
        fleet.bindings[i] = rpc_binding_unref(fleet.bindings[i]);
    close(fleet.epoll);
    bench_deinit(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_many_servers_from_one_thread),
    };
    return cmocka_run_group_tests_name("rpc", tests, realm_setup, realm_teardown);
}
