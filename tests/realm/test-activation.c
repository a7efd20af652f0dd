/* SPDX-License-Identifier: Apache-2.0 */
/* Activation with real tickets: client, resolver, registrar and a serving process, and everything that is
 * refused. */
#include <rpcdce.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <pthread.h>
#include <winerror.h>
#include "io/hosts.h"
#include "io/pool.h"
#include "io/socket.h"
#include "orpc/activation-server.h"
#include "orpc/activator.h"
#include "orpc/plain.h"
#include "orpc/plain.h"
#include "tests/realm/krb5-fixture.h"

static const Guid clsid = {1, 2, 3, {4}}, unknown = {2, 2, 3, {4}}, missing = {6, 6, 7, {8}};
static const Guid iids[] = {{5, 6, 7, {8}}, {6, 6, 7, {8}}};
static const Guid causality = {9, 9, 9, {9}};

typedef struct Machine {
    IoLoop *loop;
    IoPool *pool;
    Resolver *resolver;
    Registrar *registrar;
    ActivationServer *activation;
    RpcServer *server;
    RpcClient *client;
    RegistrarClient *process;
    Bindings bindings;
    IoAddress address;
    char *socket;
    /* What the process was asked. */
    unsigned asked;
    bool class_object;
    char caller[128];
    RegistrarActivation last;
} Machine;

static Machine machine;
/* Orders what the process's thread writes and the test reads. */
static pthread_mutex_t machine_lock = PTHREAD_MUTEX_INITIALIZER;

static bool may_serve(void *context, const struct ucred *who, const Guid *of, char *sentence)
{
    return true;
}

static HRESULT activate(void *context, const RegistrarActivation *request, RegistrarAnswer *answer)
{
    pthread_mutex_lock(&machine_lock);
    machine.asked++;
    machine.last = *request;
    (void)snprintf(machine.caller, sizeof(machine.caller), "%s", request->caller);
    pthread_mutex_unlock(&machine_lock);
    for (uint32_t i = 0; i < request->iid_count; i++) {
        Guid iid = activation_guid(request->iids, i);
        _cleanup_(writer_deinitp) Writer writer;
        writer_init(&writer, 0);
        objref_write(&writer, &(Objref){.kind = OBJREF_STANDARD,
                                        .iid = iid,
                                        .std = {0, 5, 77, 1, iids[0]},
                                        .resolver = machine.bindings});
        if (guid_equal(&iid, &missing))
            registrar_answer_add(answer, E_NOINTERFACE, NULL, 0);
        else
            registrar_answer_add(answer, S_OK, writer.data, writer.length);
    }
    return S_OK;
}

static void run_down(void *context, uint64_t oid) {}

static void make_registrar(void)
{
    static const char *const hosts[] = {"a.lab.test", "127.0.0.77"};
    static const uint16_t services[] = {RPC_C_AUTHN_GSS_KERBEROS};
    IoAddress path;
    int fd;
    assert_int_equal(
        bindings_new(&(StringBinding){7, "a.lab.test"}, 1, &(SecurityBinding){16, ""}, 1, &machine.bindings),
        0);
    assert_int_equal(resolver_new(&(ResolverOptions){.bindings = &machine.bindings}, &machine.resolver),
                     S_OK);
    RegistrarOptions options = {.loop = machine.loop,
                                .resolver = machine.resolver,
                                .hosts = hosts,
                                .host_count = 2,
                                .services = services,
                                .service_count = 1,
                                .may_serve = may_serve};
    assert_int_equal(registrar_new(&options, &machine.registrar), S_OK);
    machine.socket = realm_path("activation.socket");
    assert_int_equal(io_address_unix(machine.socket, &path), 0);
    assert_int_equal(io_listen(&path, 0600, &fd), 0);
    assert_int_equal(registrar_listen_fd(machine.registrar, fd), 0);
}

static void make_server(void)
{
    uint16_t port;
    RpcServerOptions options = {.loop = machine.loop, .authority = realm.a, .preauth_connections = 1000};
    ActivationServerOptions activation = {.registrar = machine.registrar,
                                          .floor = RPC_C_AUTHN_LEVEL_PKT_INTEGRITY};
    assert_int_equal(activation_server_new(&activation, &machine.activation), S_OK);
    assert_int_equal(rpc_server_new(&options, &machine.server), RPCST_OK);
    assert_int_equal(rpc_server_register(machine.server, resolver_interface(machine.resolver)), RPCST_OK);
    assert_int_equal(rpc_server_register(machine.server, activation_server_interface(machine.activation)),
                     RPCST_OK);
    assert_int_equal(io_address_parse("127.0.0.77", 0, &machine.address), 0);
    assert_int_equal(rpc_server_listen(machine.server, &machine.address, 0, &port), 0);
    io_address_set_port(&machine.address, port);
}

static void make_process(void)
{
    RegistrarExporter exporter = {
        .oxid = 77, .rem_unknown = iids[0], .port = 4711, .authn_hint = 5, .principal = "host/a"};
    RegistrarHandlers handlers = {activate, run_down, NULL, NULL};
    assert_int_equal(registrar_client_new(machine.socket, machine.loop, &exporter, &handlers,
                                          time_after(5 * NS_PER_SECOND), &machine.process, NULL),
                     S_OK);
    assert_int_equal(registrar_client_add_class(machine.process, &clsid, 1, 0, NULL), S_OK);
}

static int setup(void **state)
{
    if (realm_setup(state) != 0) return -1;
    assert_int_equal(io_loop_new(&machine.loop), 0);
    assert_int_equal(io_pool_new(machine.loop, 2, 16, &machine.pool), 0);
    assert_int_equal(rpc_client_new(NULL, &machine.client), RPCST_OK);
    make_registrar();
    make_server();
    make_process();
    _cleanup_(freep) char *hosts = realm_path("activation-hosts");
    FILE *file = fopen(hosts, "w");
    assert_non_null(file);
    fprintf(file, "127.0.0.77:%u a.lab.test a\n", io_address_port(&machine.address));
    assert_int_equal(fclose(file), 0);
    unsigned line;
    return io_hosts_load(hosts, &line);
}

static int teardown(void **state)
{
    registrar_client_free(machine.process);
    rpc_client_unref(machine.client);
    rpc_server_free(machine.server);
    io_pool_free(machine.pool);
    activation_server_free(machine.activation);
    registrar_free(machine.registrar);
    io_loop_free(machine.loop);
    resolver_free(machine.resolver);
    bindings_deinit(&machine.bindings);
    free(machine.socket);
    return realm_teardown(state);
}

static ActivatorSpec spec_for(const char *host, Token *token)
{
    return (ActivatorSpec){.client = machine.client,
                           .host = host,
                           .token = token,
                           .authn_service = RPC_C_AUTHN_GSS_KERBEROS,
                           .authn_level = RPC_C_AUTHN_LEVEL_CONNECT,
                           .impersonation = RPC_C_IMP_LEVEL_IDENTIFY,
                           .clsid = clsid,
                           .iids = iids,
                           .iid_count = 2,
                           .class_context = 0x100010,
                           .client_impersonating = true,
                           .causality = causality,
                           .deadline = time_after(20 * NS_PER_SECOND)};
}

static void ACT_5_ACT_6_ACT_7_activates_as_the_token_at_integrity(void **state)
{
    static const char *const hosts[] = {"a.lab.test", "a"};
    for (size_t i = 0; i < 4; i++) {
        _cleanup_(activator_freep) Activator *activator = NULL;
        Token *token = i < 2 ? realm.alice : realm.bob;
        ActivatorSpec spec = spec_for(hosts[i % 2], token);
        spec.class_object = i == 3;
        assert_int_equal(activator_new(&spec, &activator), S_OK);
        assert_int_equal(activator_run(activator), S_OK);
        pthread_mutex_lock(&machine_lock);
        RegistrarActivation last = machine.last;
        pthread_mutex_unlock(&machine_lock);
        uint32_t count;
        Objref objref;
        const ActivationResult *results = activator_results(activator, &count);
        assert_int_equal(count, 2);
        assert_int_equal(results[0].status, S_OK);
        assert_int_equal(objref_parse(results[0].objref, results[0].objref_length, &objref), 0);
        assert_int_equal(results[1].status, E_NOINTERFACE);
        assert_int_equal(activator_scm_reply(activator)->oxid, 77);
        assert_int_equal(activator_scm_reply(activator)->authn_hint, 5);
        assert_int_equal(activator_resolver(activator)->entries, machine.bindings.entries);
        assert_int_equal(io_address_port(activator_address(activator)), io_address_port(&machine.address));
        assert_string_equal(machine.caller, i < 2 ? "alice@LAB.TEST" : "bob@LAB.TEST");
        assert_int_equal(last.authn_level, RPC_C_AUTHN_LEVEL_PKT_INTEGRITY); /* raised from CONNECT */
        assert_int_equal(last.class_object, i == 3);
        assert_int_equal(last.class_context, 0x100010);
        assert_true(last.client_impersonating);
        assert_memory_equal(&last.causality, &causality, sizeof(causality));
    }
}

static unsigned times_asked(void)
{
    pthread_mutex_lock(&machine_lock);
    unsigned asked = machine.asked;
    pthread_mutex_unlock(&machine_lock);
    return asked;
}

static void check_refused(const ActivatorSpec *spec, HRESULT expected)
{
    unsigned before = times_asked();
    _cleanup_(activator_freep) Activator *activator = NULL;
    assert_int_equal(activator_new(spec, &activator), S_OK);
    HRESULT hr = activator_run(activator);
    assert_int_equal(hr, expected);
    assert_int_equal(activator_run(activator), expected); /* for good */
    assert_true(strlen(activator_sentence(activator)) > 10);
    assert_int_equal(times_asked(), before);
}

static void test_refused(void **state)
{
    ActivatorSpec spec = spec_for("a.lab.test", realm.alice);
    spec.clsid = unknown;
    check_refused(&spec, REGDB_E_CLASSNOTREG);
    spec = spec_for("a.lab.test", NULL); /* nobody may activate unsecured here */
    check_refused(&spec, HRESULT_FROM_WIN32(ERROR_ACCESS_DENIED));
    spec = spec_for("a.lab.test", realm.alice);
    spec.principal = "RPCSS/nowhere.lab.test";
    check_refused(&spec, SEC_E_TARGET_UNKNOWN);
    spec = spec_for("a.lab.test", realm.alice);
    spec.principal = "RPCSS/c.lab.test"; /* a ticket that a cannot decrypt */
    _cleanup_(activator_freep) Activator *activator = NULL;
    assert_int_equal(activator_new(&spec, &activator), S_OK);
    assert_true(FAILED(activator_run(activator)));
    spec = spec_for("a.lab.test", realm.alice);
    spec.port = 9; /* nobody there */
    check_refused(&spec, HRESULT_FROM_WIN32(RPC_S_SERVER_UNAVAILABLE));
}

/* A server as it was before COM 5.6: IActivation, and ServerAlive2 that is not there (minor 0) or says so. */
typedef struct OldMachine {
    RpcServer *server;
    RpcInterface alive;
    uint16_t minor, port;
} OldMachine;

static RpcStatus old_alive(RpcCall *call, void *data)
{
    const OldMachine *old = data;
    ServerAlive2Out out = {{COM_VERSION_MAJOR, old->minor}, machine.bindings, 0};
    server_alive2_out_write(&call->out, &out);
    return RPCST_OK;
}

static void old_start(OldMachine *old, uint16_t minor)
{
    static const RpcOperation without[OP_SERVER_ALIVE2] = {0},
                              with[OP_SERVER_ALIVE2 + 1] = {[OP_SERVER_ALIVE2] = {old_alive, 0}};
    RpcServerOptions options = {.loop = machine.loop, .authority = realm.a};
    IoAddress address;
    *old = (OldMachine){.minor = minor};
    old->alive = (RpcInterface){.uuid = IID_OBJECT_EXPORTER,
                                .operations = minor ? with : without,
                                .operation_count = OP_SERVER_ALIVE2 + (minor > 0),
                                .data = old};
    assert_int_equal(rpc_server_new(&options, &old->server), RPCST_OK);
    assert_int_equal(rpc_server_register(old->server, &old->alive), RPCST_OK);
    assert_int_equal(rpc_server_register(old->server, activation_server_old_interface(machine.activation)),
                     RPCST_OK);
    assert_int_equal(io_address_parse("127.0.0.77", 0, &address), 0);
    assert_int_equal(rpc_server_listen(old->server, &address, 0, &old->port), 0);
}

static void activates_on_an_old_server(void **state)
{
    static const uint16_t minors[] = {0, 2, 4};
    for (size_t i = 0; i < 2 * ARRAY_SIZE(minors); i++) {
        OldMachine old;
        Activator *activator;
        Objref objref;
        uint32_t count;
        old_start(&old, minors[i / 2]);
        ActivatorSpec spec = spec_for("a.lab.test", realm.alice);
        spec.port = old.port;
        spec.class_object = i % 2;
        assert_int_equal(activator_new(&spec, &activator), S_OK);
        assert_int_equal(activator_run(activator), S_OK);
        const ActivationResult *results = activator_results(activator, &count);
        assert_int_equal(count, 2);
        assert_true(guid_equal(&results[0].iid, &iids[0]));
        assert_int_equal(objref_parse(results[0].objref, results[0].objref_length, &objref), 0);
        assert_int_equal(results[1].status, E_NOINTERFACE);
        assert_int_equal(activator_scm_reply(activator)->oxid, 77);
        pthread_mutex_lock(&machine_lock);
        assert_int_equal(machine.last.class_object, i % 2);
        assert_int_equal(machine.last.authn_level, RPC_C_AUTHN_LEVEL_PKT_INTEGRITY);
        assert_string_equal(machine.caller, "alice@LAB.TEST");
        pthread_mutex_unlock(&machine_lock);
        activator_free(activator);
        rpc_server_free(old.server);
    }
}

/* What an old server refuses, and what it cannot be told. */
static void an_old_server_refuses(void **state)
{
    OldMachine old;
    old_start(&old, 2);
    ActivatorSpec spec = spec_for("a.lab.test", realm.alice);
    spec.port = old.port;
    spec.clsid = unknown;
    check_refused(&spec, REGDB_E_CLASSNOTREG);
    spec = spec_for("a.lab.test", NULL);
    spec.port = old.port;
    check_refused(&spec, HRESULT_FROM_WIN32(ERROR_ACCESS_DENIED));
    spec = spec_for("a.lab.test", realm.alice);
    spec.port = old.port;
    spec.disable_aaa = true;
    check_refused(&spec, RPC_E_VERSION_MISMATCH);
    rpc_server_free(old.server);
    old_start(&old, 6); /* it says that it has what it has not */
    spec = spec_for("a.lab.test", realm.alice);
    spec.port = old.port;
    check_refused(&spec, HRESULT_FROM_WIN32(RPC_S_UNKNOWN_IF));
    rpc_server_free(old.server);
}

/* What a client that does not raise its level gets: the floor is the server's. */
static void ACT_5_the_server_s_floor(void **state)
{
    for (uint8_t level = RPC_C_AUTHN_LEVEL_CONNECT; level <= RPC_C_AUTHN_LEVEL_PKT_PRIVACY; level++) {
        if (level == RPC_C_AUTHN_LEVEL_CALL) continue;
        _cleanup_(rpc_security_unrefp) RpcSecurity *security = NULL;
        _cleanup_(rpc_binding_unrefp) RpcBinding *binding = NULL;
        _cleanup_(rpc_client_call_freep) RpcClientCall *call = NULL;
        RpcSecuritySpec who = {.token = realm.alice,
                               .authn_service = RPC_C_AUTHN_GSS_KERBEROS,
                               .authn_level = level,
                               .impersonation = RPC_C_IMP_LEVEL_IMPERSONATE,
                               .target = "RPCSS/a.lab.test"};
        assert_int_equal(rpc_security_new(&who, &security), RPCST_OK);
        assert_int_equal(
            rpc_binding_new(machine.client, &(RpcEndpoint){.address = &machine.address}, 1, &binding),
            RPCST_OK);
        RpcClientCallSpec spec = {.binding = binding,
                                  .security = security,
                                  .iid = IID_SCM_ACTIVATOR,
                                  .opnum = OP_CREATE_INSTANCE,
                                  .stub = (const uint8_t *)"",
                                  .deadline = time_after(10 * NS_PER_SECOND)};
        assert_int_equal(rpc_client_call_new(&spec, &call), RPCST_OK);
        assert_int_equal(rpc_client_call_run(call),
                         level < RPC_C_AUTHN_LEVEL_PKT_INTEGRITY ? RPCST_ACCESS_DENIED : RPCST_BAD_STUB_DATA);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ACT_5_ACT_6_ACT_7_activates_as_the_token_at_integrity),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(activates_on_an_old_server),
        cmocka_unit_test(an_old_server_refuses),
        cmocka_unit_test(ACT_5_the_server_s_floor),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
