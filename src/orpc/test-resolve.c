/* SPDX-License-Identifier: Apache-2.0 */
/* OXID resolution by a client, at resolvers of every age. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <winerror.h>
#include "base/time.h"
#include "io/pool.h"
#include "orpc/plain.h"
#include "orpc/remote.h"
#include "orpc/resolver.h"

#define OXID 77

typedef struct World {
    IoLoop *loop;
    IoPool *pool;
    Resolver *resolver;
    RpcServer *server;
    RpcClient *client;
    RemoteTable *table;
    Bindings resolvers;
    RpcInterface row;
    uint16_t port;
} World;

/* Serves the first `operations` of IObjectExporter. */
static void world_init(World *world, size_t operations)
{
    IoAddress address;
    Bindings exporter;
    *world = (World){0};
    assert_int_equal(bindings_new(&(StringBinding){BINDING_TOWER_TCP, "127.0.0.1"}, 1,
                                  &(SecurityBinding){16, ""}, 1, &world->resolvers),
                     0);
    assert_int_equal(bindings_new(&(StringBinding){BINDING_TOWER_TCP, "127.0.0.1[4711]"}, 1,
                                  &(SecurityBinding){16, ""}, 1, &exporter),
                     0);
    assert_int_equal(resolver_new(&(ResolverOptions){.bindings = &world->resolvers}, &world->resolver), S_OK);
    ResolverOxid entry = {
        .oxid = OXID, .bindings = exporter, .rem_unknown = {9, 9, 9, {9}}, .version = {5, 7}};
    assert_int_equal(resolver_add_oxid(world->resolver, &entry), S_OK);
    bindings_deinit(&exporter);
    assert_int_equal(io_loop_new(&world->loop), 0);
    assert_int_equal(io_pool_new(world->loop, 2, 4, &world->pool), 0);
    assert_int_equal(rpc_server_new(&(RpcServerOptions){.loop = world->loop}, &world->server), RPCST_OK);
    world->row = *resolver_interface(world->resolver);
    world->row.operation_count = operations;
    assert_int_equal(rpc_server_register(world->server, &world->row), RPCST_OK);
    assert_int_equal(io_address_parse("127.0.0.1", 0, &address), 0);
    assert_int_equal(rpc_server_listen(world->server, &address, 0, &world->port), 0);
    assert_int_equal(rpc_client_new(NULL, &world->client), RPCST_OK);
    assert_int_equal(remote_table_new(world->client, &world->table), 0);
}

static void world_deinit(World *world)
{
    remote_table_free(world->table);
    rpc_client_unref(world->client);
    rpc_server_free(world->server);
    io_pool_free(world->pool);
    io_loop_free(world->loop);
    resolver_free(world->resolver);
    bindings_deinit(&world->resolvers);
}

static RpcStatus resolve(World *world, uint64_t oxid, RemoteExporter **ret_exporter)
{
    Objref objref = {.kind = OBJREF_STANDARD, .std = {.oxid = oxid}, .resolver = world->resolvers};
    RemoteResolveSpec spec = {
        .objref = &objref, .resolver_port = world->port, .deadline = time_after(30 * NS_PER_SECOND)};
    _cleanup_(remote_resolve_freep) RemoteResolve *machine = NULL;
    IoWait wait;
    assert_int_equal(remote_resolve_new(world->table, &spec, &machine), RPCST_OK);
    RpcStatus status;
    while ((status = remote_resolve_step(machine, &wait)) == RPCST_PENDING)
        assert_int_equal(io_wait(&wait), 0);
    if (status == RPCST_OK) *ret_exporter = remote_resolve_take(machine);
    return status;
}

static void check(size_t operations, uint16_t minor)
{
    World world;
    RemoteExporter *exporter = NULL;
    world_init(&world, operations);
    assert_int_equal(resolve(&world, OXID + 1, &exporter), OR_INVALID_OXID);
    assert_int_equal(resolve(&world, OXID, &exporter), RPCST_OK);
    assert_int_equal(remote_exporter_oxid(exporter), OXID);
    assert_int_equal(remote_exporter_rem_unknown(exporter)->data1, 9);
    assert_int_equal(remote_exporter_version_minor(exporter), minor);
    remote_exporter_unref(exporter);
    world_deinit(&world);
}

static void a_resolver_says_its_version(void **state)
{
    check(OP_SERVER_ALIVE2 + 1, 7);
}

/* [MS-DCOM] 1.7: without ResolveOxid2 it is COM 5.1. */
static void an_old_resolver_is_asked_by_ResolveOxid(void **state)
{
    check(OP_RESOLVE_OXID2, 1);
}

static void a_resolver_that_resolves_nothing(void **state)
{
    World world;
    RemoteExporter *exporter = NULL;
    world_init(&world, OP_RESOLVE_OXID);
    assert_int_equal(resolve(&world, OXID, &exporter), RPCST_PROCNUM_OUT_OF_RANGE);
    assert_null(exporter);
    world_deinit(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_resolver_says_its_version),
        cmocka_unit_test(an_old_resolver_is_asked_by_ResolveOxid),
        cmocka_unit_test(a_resolver_that_resolves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
