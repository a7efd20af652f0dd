/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A caller with a ticket who sends malformed bodies, headers and OBJREFs to a running host, sealed as it
 * should be: it gets the protocol's code, keeps its connection, and another caller's conversation goes on.
 */
#include <rpcdce.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <mantle_lab.h>
#include <whoami.h>
#include <winerror.h>
#include "io/hosts.h"
#include "orpc/activator.h"
#include "orpc/plain.h"
#include "orpc/remote.h"
#include "tests/realm/krb5-fixture.h"

#define HOST        "a.lab.test"
#define SLOT_WHOAMI 3
#define SLOT_ECHO   4
#define SLOT_NULL   5
#define SLOT_NONE   77
#define DATA        "0123456789"

static const Guid whoami_iid = {0x64720c03, 0xe98a, 0x44a1, {0xbb, 0x09, 0x2f, 0xb9, 0x54, 0xe4, 0x0b, 0x54}};
static const Guid causality = {9, 9, 9, {9}};

/* One caller: a user, its own connections, an object it activated. */
typedef struct Caller {
    Token *token;
    RpcClient *client;
    RemoteTable *table;
    RemoteExporter *exporter;
    RpcSecurity *security, *resolver_security;
    RpcBinding *resolver;
    Guid ipid;
} Caller;

static Caller bad, good;

static RpcSecurity *security_of(Token *token, const char *target)
{
    RpcSecurity *security = NULL;
    RpcSecuritySpec spec = {.token = token,
                            .authn_service = RPC_C_AUTHN_GSS_KERBEROS,
                            .authn_level = RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                            .impersonation = RPC_C_IMP_LEVEL_IMPERSONATE,
                            .target = target};
    assert_int_equal(rpc_security_new(&spec, &security), RPCST_OK);
    return security;
}

static void activate(Caller *caller)
{
    const CLSID class = MANTLE_LAB_CLSID(MANTLE_LAB_CLOAKING_NONE);
    _cleanup_(activator_freep) Activator *activator = NULL;
    ActivatorSpec spec = {.client = caller->client,
                          .host = HOST,
                          .token = caller->token,
                          .authn_service = RPC_C_AUTHN_GSS_KERBEROS,
                          .iids = &whoami_iid,
                          .iid_count = 1,
                          .causality = causality,
                          .deadline = time_after(20 * NS_PER_SECOND)};
    memcpy(&spec.clsid, &class, sizeof(class));
    assert_int_equal(activator_new(&spec, &activator), S_OK);
    HRESULT hr = activator_run(activator);
    if (FAILED(hr)) print_error("%s\n", activator_sentence(activator));
    assert_int_equal(hr, S_OK);
    uint32_t count;
    Objref objref;
    const ActivationResult *results = activator_results(activator, &count);
    assert_int_equal(objref_parse(results[0].objref, results[0].objref_length, &objref), 0);
    caller->ipid = objref.std.ipid;
    const ScmReply *scm = activator_scm_reply(activator);
    RemoteExporterSpec exporter = {.oxid = scm->oxid,
                                   .rem_unknown = scm->rem_unknown,
                                   .authn_hint = scm->authn_hint,
                                   .version_minor = scm->server.minor,
                                   .bindings = scm->bindings,
                                   .resolver = HOST};
    assert_int_equal(remote_exporter_add(caller->table, &exporter, &caller->exporter), S_OK);
    assert_int_equal(rpc_binding_new(caller->client, &(RpcEndpoint){.address = activator_address(activator)},
                                     1, &caller->resolver),
                     RPCST_OK);
}

static void caller_init(Caller *caller, const char *user)
{
    _cleanup_(freep) char *path = realm_path("users/%s.ccache", user);
    caller->token = realm_logon(realm.user, LOGON_CCACHE, path, NULL, NULL);
    assert_non_null(caller->token);
    assert_int_equal(rpc_client_new(NULL, &caller->client), RPCST_OK);
    assert_int_equal(remote_table_new(caller->client, &caller->table), 0);
    activate(caller);
    caller->security =
        security_of(caller->token, remote_exporter_principal(caller->exporter, RPC_C_AUTHN_GSS_KERBEROS));
    caller->resolver_security = security_of(caller->token, "RPCSS/" HOST);
}

static void caller_deinit(Caller *caller)
{
    rpc_security_unref(caller->security);
    rpc_security_unref(caller->resolver_security);
    rpc_binding_unref(caller->resolver);
    remote_exporter_unref(caller->exporter);
    remote_table_free(caller->table);
    rpc_client_unref(caller->client);
    token_unref(caller->token);
}

static int setup(void **state)
{
    realm.folder = getenv("MANTLE_LAB");
    if (!realm.folder) return -1;
    _cleanup_(freep) char *hosts = realm_path("hosts.txt");
    unsigned line;
    if (io_hosts_load(hosts, &line) != 0) return -1;
    realm.user = realm_authority(NULL, NULL, 0);
    caller_init(&bad, "bob");
    caller_init(&good, "alice");
    return 0;
}

static int teardown(void **state)
{
    caller_deinit(&bad);
    caller_deinit(&good);
    authority_unref(realm.user);
    return 0;
}

/* A call as it stands, to the object or to the resolver's activator. The reply is copied into `ret_reply`. */
typedef struct Call {
    const Guid *ipid; /* NULL: the activator */
    uint16_t opnum;
    const uint8_t *stub;
    size_t length;
    const Guid *iid; /* that the IPID is said to be of; NULL: its own */
} Call;

static RpcStatus run(const Caller *caller, const Call *call, Writer *ret_reply)
{
    _cleanup_(rpc_client_call_freep) RpcClientCall *running = NULL;
    RpcClientCallSpec spec = {.binding =
                                  call->ipid ? remote_exporter_binding(caller->exporter) : caller->resolver,
                              .security = call->ipid ? caller->security : caller->resolver_security,
                              .iid = call->iid    ? *call->iid
                                     : call->ipid ? whoami_iid
                                                  : IID_SCM_ACTIVATOR,
                              .object = call->ipid,
                              .opnum = call->opnum,
                              .stub = call->stub,
                              .stub_length = call->length,
                              .deadline = time_after(10 * NS_PER_SECOND)};
    assert_int_equal(rpc_client_call_new(&spec, &running), RPCST_OK);
    RpcStatus status = rpc_client_call_run(running);
    if (status == RPCST_OK) {
        Reader reply = rpc_client_call_reply(running);
        size_t length = reader_left(&reply);
        writer_bytes(ret_reply, reader_bytes(&reply, length), length);
    } else {
        assert_true(rpc_client_call_is_fault(running)); /* not a connection that broke */
    }
    return status;
}

/* Stubs */

static void put_this(Writer *writer, uint16_t major, uint32_t flags)
{
    orpc_this_write(writer, &(OrpcThis){.version = {major, COM_VERSION_MINOR}, .causality = causality});
    writer_patch_u32(writer, 4, flags);
}

/* Echo([in] ULONG count, [in, size_is(count)] const BYTE *data, [out, size_is(count)] BYTE *copy) */
static void put_echo(Writer *writer, uint32_t count, uint32_t conformance, size_t bytes)
{
    put_this(writer, COM_VERSION_MAJOR, 0);
    writer_u32(writer, count);
    writer_u32(writer, conformance);
    writer_bytes(writer, DATA, bytes);
}

static void good_echo(const Caller *caller)
{
    _cleanup_(writer_deinitp) Writer stub, reply;
    OrpcThat that;
    Reader reader;
    writer_init(&stub, 0);
    writer_init(&reply, 0);
    put_echo(&stub, 10, 10, 10);
    Call call = {&caller->ipid, SLOT_ECHO, stub.data, stub.length};
    assert_int_equal(run(caller, &call, &reply), RPCST_OK);
    reader_init(&reader, reply.data, reply.length);
    orpc_that_read(&reader, &that);
    assert_int_equal(reader_u32(&reader), 10);
    const uint8_t *copy = reader_bytes(&reader, 10);
    assert_non_null(copy);
    assert_memory_equal(copy, DATA, 10);
    reader_align(&reader, 4);
    assert_int_equal(reader_u32(&reader), S_OK);
}

/* The bad one is refused with this status; both go on. */
static void expect(const Guid *ipid, uint16_t opnum, const Writer *stub, size_t length, uint32_t status)
{
    _cleanup_(writer_deinitp) Writer reply;
    writer_init(&reply, 0);
    Call call = {ipid, opnum, stub->data, length};
    assert_int_equal(run(&bad, &call, &reply), status);
    good_echo(&good);
    good_echo(&bad);
}

static void test_bodies(void **state)
{
    static const struct {
        uint32_t count, conformance;
        size_t bytes;
    } rows[] = {
        {10, 10, 5}, {10, 5, 10},         {5, 10, 10},         {100, 100, 10}, {UINT32_MAX, UINT32_MAX, 10},
        {10, 10, 0}, {0x80000000u, 0, 0}, {0, UINT32_MAX, 10}, {11, 11, 10}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_(writer_deinitp) Writer stub;
        writer_init(&stub, 0);
        put_echo(&stub, rows[i].count, rows[i].conformance, rows[i].bytes);
        expect(&bad.ipid, SLOT_ECHO, &stub, stub.length, RPCST_BAD_STUB_DATA);
    }
}

/* [in] ULONG index, [in, string] LPCWSTR plan */
static void test_strings(void **state)
{
    static const struct {
        uint32_t maximum, offset, actual;
        const char16_t *text;
        size_t units;
        uint32_t status;
    } rows[] = {
        {4, 1, 3, u"abc", 4, RPC_X_BAD_STUB_DATA},
        {3, 0, 4, u"abc", 4, RPC_X_BAD_STUB_DATA},
        {0, 0, 0, u"", 0, RPC_X_BAD_STUB_DATA},
        {4, 0, 4, u"abcd", 4, RPC_S_INVALID_BOUND}, /* no end */
        {4, 0, 4, u"a\0bc", 4, RPC_S_INVALID_BOUND},
        {4, 0, 4, u"abc", 3, RPC_X_BAD_STUB_DATA},
        {UINT32_MAX, 0, UINT32_MAX, u"abc", 4, RPC_X_BAD_STUB_DATA},
        {0x80000000u, 0, 4, u"abc", 2, RPC_X_BAD_STUB_DATA},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_(writer_deinitp) Writer stub;
        writer_init(&stub, 0);
        put_this(&stub, COM_VERSION_MAJOR, 0);
        writer_u32(&stub, 0);
        writer_u32(&stub, rows[i].maximum);
        writer_u32(&stub, rows[i].offset);
        writer_u32(&stub, rows[i].actual);
        writer_bytes(&stub, rows[i].text, rows[i].units * 2);
        expect(&bad.ipid, SLOT_WHOAMI, &stub, stub.length, rows[i].status);
    }
}

static void test_cut_anywhere(void **state)
{
    _cleanup_(writer_deinitp) Writer stub;
    writer_init(&stub, 0);
    put_echo(&stub, 10, 10, 10);
    for (size_t length = 0; length < stub.length; length++)
        expect(&bad.ipid, SLOT_ECHO, &stub, length, RPCST_BAD_STUB_DATA);
}

/* [MS-DCOM] 3.1.1.5.4 */
static void test_headers(void **state)
{
    static const struct {
        uint16_t major;
        uint32_t flags;
        uint16_t opnum;
        bool stranger; /* an IPID that was never handed out */
        uint32_t status;
    } rows[] = {{6, 0, SLOT_NULL, false, (uint32_t)RPC_E_VERSION_MISMATCH},
                {5, 2, SLOT_NULL, false, (uint32_t)RPC_E_INVALID_HEADER},
                {5, 0, SLOT_NULL, true, (uint32_t)RPC_E_DISCONNECTED},
                {5, 0, SLOT_NONE, false, RPCST_PROCNUM_OUT_OF_RANGE},
                {5, 0, 1, false, RPCST_PROCNUM_OUT_OF_RANGE},
                {5, 0, SLOT_NULL, false, RPCST_OK}};
    const Guid stranger = {0xdead, 1, 2, {3}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_(writer_deinitp) Writer stub;
        writer_init(&stub, 0);
        put_this(&stub, rows[i].major, rows[i].flags);
        expect(rows[i].stranger ? &stranger : &bad.ipid, rows[i].opnum, &stub, stub.length, rows[i].status);
    }
}

/* An IPID is called through the interface that it was handed out for, whatever else the process knows. */
static void test_other_interface(void **state)
{
    static const Guid factory = {1, 0, 0, {0xc0, 0, 0, 0, 0, 0, 0, 0x46}};
    _cleanup_(writer_deinitp) Writer stub, reply;
    writer_init(&stub, 0);
    writer_init(&reply, 0);
    put_this(&stub, COM_VERSION_MAJOR, 0);
    Call call = {
        .ipid = &bad.ipid, .opnum = SLOT_NULL, .stub = stub.data, .length = stub.length, .iid = &factory};
    for (uint16_t opnum = SLOT_WHOAMI; opnum <= SLOT_ECHO; opnum++) {
        call.opnum = opnum;
        assert_int_equal(run(&bad, &call, &reply), (uint32_t)RPC_E_INVALID_IPID);
    }
    good_echo(&good);
    good_echo(&bad);
}

/* What a real client once sent, with one byte after the other changed: always an answer, and never anything
 * made that could not be named. */
static void test_activation(void **state)
{
    static uint8_t bytes[2000];
    FILE *file = fopen(CORPUS "/orpc/windows-create-in", "rb");
    assert_non_null(file);
    size_t length = fread(bytes, 1, sizeof(bytes), file);
    (void)fclose(file);
    unsigned refused = 0;
    for (size_t i = 1; i < length; i++) { /* the first byte is the fuzzer's */
        _cleanup_(writer_deinitp) Writer reply;
        ActivateOut out;
        Reader reader;
        writer_init(&reply, 0);
        bytes[i] ^= 0xff;
        Call call = {NULL, OP_CREATE_INSTANCE, bytes + 1, length - 1};
        RpcStatus status = run(&bad, &call, &reply);
        bytes[i] ^= 0xff;
        assert_true(status == RPCST_OK || status == RPCST_BAD_STUB_DATA);
        refused += status != RPCST_OK;
        if (status == RPCST_OK) {
            reader_init(&reader, reply.data, reply.length);
            activate_out_read(&reader, &out);
            assert_int_equal(reader_status(&reader), 0);
            assert_true(FAILED(out.status) && !out.objref);
            refused += out.status == RPC_E_INVALID_OBJREF;
        }
        if (i % 50 == 0) good_echo(&good);
    }
    assert_true(refused > 100);
    good_echo(&good);
    good_echo(&bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),          cmocka_unit_test(test_strings),
        cmocka_unit_test(test_cut_anywhere),    cmocka_unit_test(test_headers),
        cmocka_unit_test(test_other_interface), cmocka_unit_test(test_activation),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
