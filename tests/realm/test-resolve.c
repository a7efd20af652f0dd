/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks a resolver where an object is, and who pings it: a resolver of the test's own that writes down its
 * callers. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "io/hosts.h"
#include "io/pool.h"
#include "orpc/pinger.h"
#include "orpc/plain.h"
#include "orpc/remote.h"
#include "rpc/server.h"
#include "tests/realm/krb5-fixture.h"

static struct {
    IoLoop *loop;
    IoPool *pool;
    RpcServer *server;
    RpcClient *client;
    IoAddress address;
    pthread_mutex_t lock;
    char caller[512]; /* of the last call: "operation who level authentication by-which-name" */
} resolver = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void note(const RpcCall *call)
{
    pthread_mutex_lock(&resolver.lock);
    (void)snprintf(resolver.caller, sizeof(resolver.caller), "%u %s %d %u %s", call->opnum,
                   call->token ? token_principal(call->token) : "nobody",
                   call->token ? (int)token_level(call->token) : -1, call->authn_level,
                   call->server ? call->server : "-");
    pthread_mutex_unlock(&resolver.lock);
}

static RpcStatus resolve_oxid2(RpcCall *call, void *data)
{
    note(call);
    resolve_oxid_out_write(&call->out, true,
                           &(ResolveOxidOut){.version = {5, 7}, .status = RPCST_ACCESS_DENIED});
    return RPCST_OK;
}

static RpcStatus complex_ping(RpcCall *call, void *data)
{
    note(call);
    complex_ping_out_write(&call->out, &(ComplexPingOut){.set = 7});
    return RPCST_OK;
}

static RpcStatus simple_ping(RpcCall *call, void *data)
{
    note(call);
    plain_status_write(&call->out, 0);
    return RPCST_OK;
}

static const RpcOperation operations[] = {[OP_SIMPLE_PING] = {simple_ping, 0},
                                          [OP_COMPLEX_PING] = {complex_ping, 0},
                                          [OP_RESOLVE_OXID2] = {resolve_oxid2, 0}};
static RpcInterface row = {.operations = operations, .operation_count = ARRAY_SIZE(operations)};

static void expect_caller(const char *expected)
{
    pthread_mutex_lock(&resolver.lock);
    assert_string_equal(resolver.caller, expected);
    resolver.caller[0] = '\0';
    pthread_mutex_unlock(&resolver.lock);
}

/* Asks for an object of the resolver on `host`, as the process that `token` stands for. */
static void ask(const char *host, Token *token)
{
    _cleanup_(remote_resolve_freep) RemoteResolve *resolve = NULL;
    Bindings bindings;
    RemoteTable *table;
    IoWait wait;
    RpcStatus status;
    assert_int_equal(remote_table_new(resolver.client, &table), 0);
    assert_int_equal(bindings_new(&(StringBinding){BINDING_TOWER_TCP, host}, 1, NULL, 0, &bindings), 0);
    const Objref objref = {.kind = OBJREF_STANDARD, .std = {.oxid = 77}, .resolver = bindings};
    const RemoteResolveSpec spec = {.objref = &objref,
                                    .process = token,
                                    .resolver_port = 135,
                                    .deadline = time_after(30 * NS_PER_SECOND)};
    assert_int_equal(remote_resolve_new(table, &spec, &resolve), RPCST_OK);
    while ((status = remote_resolve_step(resolve, &wait)) == RPCST_PENDING)
        assert_int_equal(io_wait(&wait), 0);
    assert_int_equal(status, RPCST_ACCESS_DENIED); /* as the resolver says */
    resolve = remote_resolve_free(resolve);
    bindings_deinit(&bindings);
    remote_table_free(table);
}

/* At IDENTIFY, signed, by the name that was used; a forwardable ticket and a trusted host do not make more of
 * it. */
static void LVL_8_REF_5_who_resolves_is_only_identified(void **state)
{
    ask("a.lab.test", realm.alice);
    expect_caller("4 alice@LAB.TEST 1 5 RPCSS/a.lab.test@LAB.TEST");
    ask("a", realm.bob);
    expect_caller("4 bob@LAB.TEST 1 5 RPCSS/a@LAB.TEST");
}

static void LVL_8_REF_5_who_pings_is_only_identified(void **state)
{
    Pinger *pinger = NULL;
    const PingerOptions options = {.client = resolver.client, .process = realm.alice};
    assert_int_equal(pinger_new(&options, &pinger), 0);
    assert_int_equal(pinger_add(pinger, "a.lab.test", io_address_port(&resolver.address), 99), 0);
    pinger_flush(pinger);
    expect_caller("2 alice@LAB.TEST 1 5 RPCSS/a.lab.test@LAB.TEST");
    pinger_flush(pinger);
    expect_caller("1 alice@LAB.TEST 1 5 RPCSS/a.lab.test@LAB.TEST");
    pinger_free(pinger);
}

static int setup(void **state)
{
    uint16_t port;
    if (realm_setup(state) != 0) return -1;
    row.uuid = IID_OBJECT_EXPORTER;
    assert_int_equal(io_loop_new(&resolver.loop), 0);
    assert_int_equal(io_pool_new(resolver.loop, 2, 16, &resolver.pool), 0);
    const RpcServerOptions options = {
        .loop = resolver.loop, .authority = realm.a, .preauth_connections = 1000};
    assert_int_equal(rpc_server_new(&options, &resolver.server), RPCST_OK);
    assert_int_equal(rpc_server_register(resolver.server, &row), RPCST_OK);
    assert_int_equal(io_address_parse("127.0.0.1", 0, &resolver.address), 0);
    assert_int_equal(rpc_server_listen(resolver.server, &resolver.address, 0, &port), 0);
    io_address_set_port(&resolver.address, port);
    assert_int_equal(rpc_client_new(NULL, &resolver.client), RPCST_OK);
    _cleanup_(freep) char *hosts = realm_path("resolve-hosts");
    FILE *file = fopen(hosts, "we");
    assert_non_null(file);
    fprintf(file, "127.0.0.1:%u a.lab.test a\n", port);
    assert_int_equal(fclose(file), 0);
    unsigned line;
    return io_hosts_load(hosts, &line);
}

static int teardown(void **state)
{
    rpc_client_unref(resolver.client);
    rpc_server_free(resolver.server);
    io_pool_free(resolver.pool);
    io_loop_free(resolver.loop);
    return realm_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(LVL_8_REF_5_who_resolves_is_only_identified),
        cmocka_unit_test(LVL_8_REF_5_who_pings_is_only_identified),
    };
    return cmocka_run_group_tests_name("resolve", tests, setup, teardown);
}
