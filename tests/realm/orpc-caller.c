/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/realm/orpc-caller.h"
#include <stdio.h>
#include <string.h>
#include <mantle_lab.h>
#include <whoami.h>
#include <winerror.h>
#include "io/hosts.h"

static const Guid whoami_iid = {0x64720c03, 0xe98a, 0x44a1, {0xbb, 0x09, 0x2f, 0xb9, 0x54, 0xe4, 0x0b, 0x54}};
static const Guid causality = {9, 9, 9, {9}};

bool callers_setup(void)
{
    realm.folder = getenv("MANTLE_LAB");
    if (!realm.folder) return false;
    _cleanup_(freep) char *hosts = realm_path("hosts.txt");
    unsigned line;
    if (io_hosts_load(hosts, &line) != 0) return false;
    realm.user = realm_authority(NULL, NULL, 0);
    return realm.user != NULL;
}

void callers_teardown(void)
{
    authority_unref(realm.user);
}

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
    caller->object = objref.std;
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

void caller_init(Caller *caller, const char *user)
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

void caller_deinit(Caller *caller)
{
    rpc_security_unref(caller->security);
    rpc_security_unref(caller->resolver_security);
    rpc_binding_unref(caller->resolver);
    remote_exporter_unref(caller->exporter);
    remote_table_free(caller->table);
    rpc_client_unref(caller->client);
    token_unref(caller->token);
}

RpcStatus caller_run(const Caller *caller, const CallerCall *call, Writer *ret_reply)
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

void caller_put_this(Writer *writer, uint16_t major, uint32_t flags)
{
    orpc_this_write(writer, &(OrpcThis){.version = {major, COM_VERSION_MINOR}, .causality = causality});
    writer_patch_u32(writer, 4, flags);
}

void caller_put_echo(Writer *writer, uint32_t count, uint32_t conformance, size_t bytes)
{
    caller_put_this(writer, COM_VERSION_MAJOR, 0);
    writer_u32(writer, count);
    writer_u32(writer, conformance);
    writer_bytes(writer, DATA, bytes);
}

void caller_echo(const Caller *caller)
{
    _cleanup_(writer_deinitp) Writer stub, reply;
    OrpcThat that;
    Reader reader;
    writer_init(&stub, 0);
    writer_init(&reply, 0);
    caller_put_echo(&stub, 10, 10, 10);
    CallerCall call = {&caller->ipid, SLOT_ECHO, stub.data, stub.length};
    assert_int_equal(caller_run(caller, &call, &reply), RPCST_OK);
    reader_init(&reader, reply.data, reply.length);
    orpc_that_read(&reader, &that);
    assert_int_equal(reader_u32(&reader), 10);
    const uint8_t *copy = reader_bytes(&reader, 10);
    assert_non_null(copy);
    assert_memory_equal(copy, DATA, 10);
    reader_align(&reader, 4);
    assert_int_equal(reader_u32(&reader), S_OK);
}
