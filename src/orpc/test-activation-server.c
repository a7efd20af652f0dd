/* SPDX-License-Identifier: Apache-2.0 */
/* IRemoteSCMActivator: what is refused before anything is made, and what comes back when it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <winerror.h>
#include "base/time.h"
#include "io/pool.h"
#include "io/socket.h"
#include "orpc/activation-server.h"
#include "orpc/plain.h"
#include "orpc/remote-activation.h"
#include "sec/token.h"

static const Guid clsid = {1, 2, 3, {4}}, iid = {5, 6, 7, {8}}, missing = {6, 6, 7, {8}};
static const Guid iids[] = {{5, 6, 7, {8}}, {6, 6, 7, {8}}};

typedef struct Fixture {
    IoLoop *loop;
    IoPool *pool;
    Resolver *resolver;
    Registrar *registrar;
    ActivationServer *server;
    RegistrarClient *client;
    Bindings bindings;
    Token *token;
    char folder[64], path[96], logged[REGISTRAR_SENTENCE_SIZE];
    bool may_launch;
    HRESULT prepared; /* what preparing says */
    ActivationServant servant;
    unsigned preparations;
    bool disable_aaa;
    atomic_bool class_object;
    atomic_uint class_context;
} Fixture;

static bool may_serve(void *context, const struct ucred *process, const Guid *of, char *sentence)
{
    return true;
}

static bool may_launch(void *context, const RpcCall *call, const Guid *of)
{
    const Fixture *fixture = context;
    assert_ptr_equal(call->token, fixture->token);
    return fixture->may_launch;
}

static HRESULT prepare(void *context, const ActivationOrder *order, ActivationServant *ret_servant)
{
    Fixture *fixture = context;
    assert_ptr_equal(order->caller, fixture->token);
    assert_int_equal(order->disable_aaa, fixture->disable_aaa);
    fixture->preparations++;
    *ret_servant = fixture->servant;
    return fixture->prepared;
}

static void take_log(void *context, int priority, const char *sentence)
{
    Fixture *fixture = context;
    (void)snprintf(fixture->logged, sizeof(fixture->logged), "%s", sentence);
}

static HRESULT on_activate(void *context, const RegistrarActivation *request, RegistrarAnswer *answer)
{
    Fixture *fixture = context;
    fixture->class_object = request->class_object;
    fixture->class_context = request->class_context;
    assert_string_equal(request->caller, "alice@LAB.TEST");
    for (uint32_t i = 0; i < request->iid_count; i++) {
        Guid asked = activation_guid(request->iids, i);
        _cleanup_(writer_deinitp) Writer writer;
        writer_init(&writer, 0);
        objref_write(&writer, &(Objref){.kind = OBJREF_STANDARD,
                                        .iid = asked,
                                        .std = {0, 5, 77, 1, iid},
                                        .resolver = fixture->bindings});
        if (guid_equal(&asked, &missing))
            registrar_answer_add(answer, E_NOINTERFACE, NULL, 0);
        else
            registrar_answer_add(answer, S_OK, writer.data, writer.length);
    }
    return S_OK;
}

static void on_run_down(void *context, uint64_t oid) {}

static void make_registrar(Fixture *fixture)
{
    static const char *const hosts[] = {"a.lab.test"};
    static const uint16_t services[] = {16};
    assert_int_equal(io_loop_new(&fixture->loop), 0);
    assert_int_equal(io_pool_new(fixture->loop, 2, 8, &fixture->pool), 0);
    assert_int_equal(resolver_new(&(ResolverOptions){.bindings = &fixture->bindings}, &fixture->resolver),
                     S_OK);
    RegistrarOptions options = {.loop = fixture->loop,
                                .resolver = fixture->resolver,
                                .hosts = hosts,
                                .host_count = 1,
                                .services = services,
                                .service_count = 1,
                                .may_serve = may_serve};
    assert_int_equal(registrar_new(&options, &fixture->registrar), S_OK);
    IoAddress address;
    int fd;
    assert_int_equal(io_address_unix(fixture->path, &address), 0);
    assert_int_equal(io_listen(&address, 0600, &fd), 0);
    assert_int_equal(registrar_listen_fd(fixture->registrar, fd), 0);
}

static void make_process(Fixture *fixture)
{
    RegistrarExporter exporter = {
        .oxid = 77, .rem_unknown = iid, .port = 4711, .authn_hint = 5, .principal = "host/a"};
    RegistrarHandlers handlers = {on_activate, on_run_down, NULL, fixture};
    assert_int_equal(registrar_client_new(fixture->path, fixture->loop, &exporter, &handlers,
                                          time_after(5 * NS_PER_SECOND), &fixture->client, NULL),
                     S_OK);
    assert_int_equal(registrar_client_add_class(fixture->client, &clsid, 1, 0, NULL), S_OK);
}

static int setup(void **state)
{
    Fixture *fixture = calloc(1, sizeof(*fixture));
    strcpy(fixture->folder, "/tmp/mantle-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    (void)snprintf(fixture->path, sizeof(fixture->path), "%s/registrar", fixture->folder);
    assert_int_equal(bindings_new(&(StringBinding){7, "a"}, 1, NULL, 0, &fixture->bindings), 0);
    TokenSpec spec = {.kind = TOKEN_KIND_IMPERSONATION,
                      .level = TOKEN_LEVEL_IDENTIFICATION,
                      .principal = "alice@LAB.TEST",
                      .expires = INT64_MAX};
    assert_int_equal(sid_from_principal("alice@LAB.TEST", &spec.user), 0);
    assert_int_equal(token_new(&spec, &fixture->token), 0);
    make_registrar(fixture);
    make_process(fixture);
    ActivationServerOptions options = {
        fixture->registrar, 5, may_launch, take_log, fixture, prepare, fixture};
    fixture->servant.anybody = true;
    assert_int_equal(activation_server_new(&options, &fixture->server), S_OK);
    fixture->may_launch = true;
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    Fixture *fixture = *state;
    registrar_client_free(fixture->client);
    io_pool_free(fixture->pool);
    activation_server_free(fixture->server);
    registrar_free(fixture->registrar);
    io_loop_free(fixture->loop);
    resolver_free(fixture->resolver);
    token_unref(fixture->token);
    bindings_deinit(&fixture->bindings);
    (void)unlink(fixture->path);
    (void)rmdir(fixture->folder);
    free(fixture);
    return 0;
}

typedef struct Asked {
    ActivationRequest request;
    ComVersion version;
    uint16_t opnum;
    bool bad_context;
} Asked;

static Asked good(void)
{
    return (Asked){.request = {.instantiation = {.clsid = clsid,
                                                 .iid_count = 2,
                                                 .iids = (const uint8_t *)iids,
                                                 .client = {5, 7}},
                               .special = {.session_id = ACTIVATION_ANY_SESSION,
                                           .client_impersonating = 1,
                                           .original_class_context = 0x100010},
                               .has_special = true,
                               .scm = {2, 1, {BINDING_TOWER_TCP}}},
                   .version = {5, 7},
                   .opnum = OP_CREATE_INSTANCE};
}

/* Calls the method as the RPC server does; the reply's bytes are in *ret_bytes. */
static ActivateOut call(Fixture *fixture, const Asked *asked, bool with_context, Writer *ret_bytes)
{
    const RpcInterface *row = activation_server_interface(fixture->server);
    _cleanup_(writer_deinitp) Writer context, objref, stub;
    writer_init(&context, 0);
    writer_init(&objref, 0);
    writer_init(&stub, 0);
    ActivationRequest request = asked->request;
    if (with_context) client_context_write(&context, &iid);
    if (asked->bad_context) context.data[0] ^= 1;
    request.context = (ActivationContext){.client = context.data, .client_length = context.length};
    assert_int_equal(activation_request_write(&objref, &request), 0);
    ActivateIn in = {
        .orpc = {.version = asked->version}, .objref = objref.data, .objref_length = objref.length};
    activate_in_write(&stub, asked->opnum, &in);
    RpcCall incoming = {.opnum = asked->opnum, .token = fixture->token, .authn_level = 5};
    reader_init(&incoming.in, stub.data, stub.length);
    writer_init(&incoming.out, 0);
    assert_int_equal(row->operations[asked->opnum].method(&incoming, row->data), RPCST_OK);
    *ret_bytes = incoming.out;
    Reader reader;
    ActivateOut out;
    reader_init(&reader, ret_bytes->data, ret_bytes->length);
    activate_out_read(&reader, &out);
    assert_int_equal(reader_end(&reader), 0);
    assert_int_equal(out.objref != NULL, out.status == 0);
    return out;
}

static void test_floor_is_a_column(void **state)
{
    Fixture *fixture = *state;
    const RpcInterface *row = activation_server_interface(fixture->server);
    assert_int_equal(row->min_level, 5);
    assert_null(row->operations[0].method);
}

static void test_made(void **state)
{
    Fixture *fixture = *state;
    for (uint16_t opnum = OP_GET_CLASS_OBJECT; opnum <= OP_CREATE_INSTANCE; opnum++) {
        _cleanup_(writer_deinitp) Writer bytes;
        Asked asked = good();
        asked.opnum = opnum;
        ActivateOut out = call(fixture, &asked, true, &bytes);
        assert_int_equal(out.status, S_OK);
        PropsOut props;
        ScmReply scm;
        ActivationResult result;
        assert_int_equal(activation_reply_parse(out.objref, out.objref_length, &props, &scm), 0);
        assert_int_equal(props.count, 2);
        assert_true(props_out_next(&props, &result));
        assert_int_equal(result.status, S_OK);
        assert_true(props_out_next(&props, &result));
        assert_int_equal(result.status, E_NOINTERFACE);
        assert_int_equal(scm.oxid, 77);
        assert_int_equal(scm.authn_hint, 5);
        assert_int_equal(fixture->class_object, opnum == OP_GET_CLASS_OBJECT);
        assert_int_equal(fixture->class_context, 0x100010);
        assert_non_null(strstr(fixture->logged, "impersonates"));
    }
}

static void check_refused(Fixture *fixture, const Asked *asked, bool with_context, HRESULT expected)
{
    _cleanup_(writer_deinitp) Writer bytes;
    assert_int_equal(call(fixture, asked, with_context, &bytes).status, expected);
}

static void test_refused(void **state)
{
    Fixture *fixture = *state;
    Asked asked = good();
    check_refused(fixture, &asked, false, S_OK); /* no client context: as clients in wide use */
    asked.bad_context = true;
    check_refused(fixture, &asked, true, RPC_E_INVALID_OBJREF);
    asked = good();
    asked.version = (ComVersion){5, 8};
    check_refused(fixture, &asked, true, RPC_E_VERSION_MISMATCH);
    asked.version = (ComVersion){6, 1};
    check_refused(fixture, &asked, true, RPC_E_VERSION_MISMATCH);
    asked.version = (ComVersion){5, 6};
    check_refused(fixture, &asked, true, S_OK);
    asked = good();
    asked.request.scm.protseqs[0] = 15;
    check_refused(fixture, &asked, true, HRESULT_FROM_WIN32(RPCST_PROTSEQ_NOT_SUPPORTED));
    asked = good();
    asked.request.special.session_id = 2;
    check_refused(fixture, &asked, true, CO_E_RUNAS_LOGON_FAILURE);
    asked = good();
    asked.request.instantiation.iids = (const uint8_t *)&iids[1];
    asked.request.instantiation.iid_count = 1;
    check_refused(fixture, &asked, true, E_NOINTERFACE); /* nothing that was asked for */
    fixture->may_launch = false;
    check_refused(fixture, &asked, true, E_ACCESSDENIED);
    fixture->may_launch = true;
    assert_int_equal(registrar_client_remove_class(fixture->client, 1), S_OK);
    check_refused(fixture, &asked, true, REGDB_E_CLASSNOTREG);
}

/* Before anything is made it is seen to that somebody can make it, and then that one is asked. */
static void ACT_10_prepared(void **state)
{
    Fixture *fixture = *state;
    Asked asked = good();
    fixture->prepared = E_ACCESSDENIED;
    check_refused(fixture, &asked, true, E_ACCESSDENIED);
    assert_int_equal(fixture->preparations, 1);
    fixture->prepared = S_OK;
    asked.request.instantiation.flags |= 0x2; /* ACTVFLAGS_DISABLE_AAA */
    fixture->disable_aaa = true;
    check_refused(fixture, &asked, true, S_OK);
    assert_int_equal(fixture->preparations, 2);
    fixture->servant = (ActivationServant){.server = {.uid = getuid(), .pid = getpid()}};
    check_refused(fixture, &asked, true, S_OK);
    /* the one that is meant has ended: once more, and then it is not somebody else who is asked */
    fixture->preparations = 0;
    fixture->servant.server.pid++;
    check_refused(fixture, &asked, true, REGDB_E_CLASSNOTREG);
    assert_int_equal(fixture->preparations, 2);
}

static void test_malformed(void **state)
{
    Fixture *fixture = *state;
    const RpcInterface *row = activation_server_interface(fixture->server);
    RpcCall incoming = {.opnum = OP_CREATE_INSTANCE, .token = fixture->token};
    reader_init(&incoming.in, "short", 5);
    writer_init(&incoming.out, 0);
    assert_int_equal(row->operations[OP_CREATE_INSTANCE].method(&incoming, row->data), RPCST_BAD_STUB_DATA);
    _cleanup_(writer_deinitp) Writer stub;
    writer_init(&stub, 0);
    ActivateIn in = {.orpc = {.version = {5, 7}}, .objref = (const uint8_t *)"MEOW", .objref_length = 4};
    activate_in_write(&stub, OP_CREATE_INSTANCE, &in);
    reader_init(&incoming.in, stub.data, stub.length);
    assert_int_equal(row->operations[OP_CREATE_INSTANCE].method(&incoming, row->data), RPCST_OK);
    Reader reader;
    ActivateOut out;
    reader_init(&reader, incoming.out.data, incoming.out.length);
    activate_out_read(&reader, &out);
    assert_int_equal(out.status, RPC_E_INVALID_OBJREF);
    writer_deinit(&incoming.out);
}

static RemoteActivationOut call_old(Fixture *fixture, const RemoteActivationIn *in,
                                    ActivationResult results[2], Writer *ret_bytes)
{
    const RpcInterface *row = activation_server_old_interface(fixture->server);
    _cleanup_(writer_deinitp) Writer stub;
    writer_init(&stub, 0);
    remote_activation_in_write(&stub, in);
    for (size_t cut = 0; cut < stub.length; cut++) {
        RpcCall incoming = {.token = fixture->token};
        reader_init(&incoming.in, stub.data, cut);
        writer_init(&incoming.out, 0);
        assert_int_equal(row->operations[OP_REMOTE_ACTIVATION].method(&incoming, row->data),
                         RPCST_BAD_STUB_DATA);
        assert_int_equal(incoming.out.length, 0);
    }
    RpcCall incoming = {.token = fixture->token, .authn_level = 5};
    reader_init(&incoming.in, stub.data, stub.length);
    writer_init(&incoming.out, 0);
    assert_int_equal(row->operations[OP_REMOTE_ACTIVATION].method(&incoming, row->data), RPCST_OK);
    *ret_bytes = incoming.out;
    RemoteActivationOut out;
    Reader reader;
    for (size_t length = 0; length <= ret_bytes->length; length++) {
        reader_init(&reader, ret_bytes->data, length);
        remote_activation_out_read(&reader, results, 2, &out);
        assert_int_equal(reader_end(&reader) == 0, length == ret_bytes->length);
    }
    return out;
}

static void test_old_interface(void **state)
{
    Fixture *fixture = *state;
    assert_int_equal(activation_server_old_interface(fixture->server)->min_level, 5);
    RemoteActivationIn in = {.orpc = {.version = {5, 1}},
                             .clsid = clsid,
                             .iid_count = 2,
                             .iids = (const uint8_t *)iids,
                             .protseq_count = 1,
                             .protseqs = {BINDING_TOWER_TCP}};
    ActivationResult results[2];
    for (int class_object = 0; class_object < 2; class_object++) {
        _cleanup_(writer_deinitp) Writer bytes;
        in.mode = class_object ? MODE_GET_CLASS_OBJECT : 0;
        RemoteActivationOut out = call_old(fixture, &in, results, &bytes);
        assert_int_equal(out.result, S_OK);
        assert_int_equal(out.status, 0);
        assert_int_equal(out.count, 2);
        assert_int_equal(out.scm.oxid, 77);
        assert_non_null(out.scm.bindings.data);
        assert_non_null(results[0].objref);
        assert_int_equal(results[1].status, E_NOINTERFACE);
        assert_int_equal(fixture->class_object, class_object);
    }
    static const struct {
        uint32_t data1;
        uint16_t minor, protseq;
        HRESULT expected;
    } rows[] = {{2, 7, BINDING_TOWER_TCP, REGDB_E_CLASSNOTREG},
                {1, 8, BINDING_TOWER_TCP, RPC_E_VERSION_MISMATCH},
                {1, 7, 15, (HRESULT)0x800706a7u}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_(writer_deinitp) Writer bytes;
        RemoteActivationIn bad = in;
        bad.orpc.version.minor = rows[i].minor;
        bad.clsid.data1 = rows[i].data1;
        bad.protseqs[0] = rows[i].protseq;
        RemoteActivationOut out = call_old(fixture, &bad, results, &bytes);
        assert_int_equal(out.result, rows[i].expected);
        assert_int_equal(out.count, 2);
        assert_null(results[0].objref);
        assert_int_equal(results[0].status, 0);
        assert_null(out.scm.bindings.data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_floor_is_a_column, setup, teardown),
        cmocka_unit_test_setup_teardown(test_made, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(ACT_10_prepared, setup, teardown),
        cmocka_unit_test_setup_teardown(test_malformed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_old_interface, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
