/* SPDX-License-Identifier: Apache-2.0 */
/* Calls over UNIX sockets: who the server sees, and what it refuses. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/time.h"
#include "rpc/client.h"
#include "rpc/local.h"
#include "rpc/test-peer.h"
#include "sec/local-token.h"

#define PRIVACY 6

/* Its opnum 0 says who calls: service, level, token level + 1, uid; SID and principal as texts. */
static const PduSyntax who_interface = {
    {0x6d616e74, 0x6c65, 0x4001, {0x90, 0x01, 'l', 'o', 'c', 'a', 'l', 1}}, 1, 0};

static RpcStatus op_identity(RpcCall *call, void *data)
{
    char sid[SID_STRING_SIZE] = "";
    (void)data;
    if (call->token) sid_format(token_user(call->token), sid);
    const char *principal = call->token ? token_principal(call->token) : "nobody";
    writer_u8(&call->out, call->authn_service);
    writer_u8(&call->out, call->authn_level);
    writer_u8(&call->out, call->token ? (uint8_t)(token_level(call->token) + 1) : 0);
    writer_u8(&call->out, call->is_local);
    writer_u32(&call->out, call->uid);
    writer_bytes(&call->out, sid, strlen(sid) + 1);
    writer_bytes(&call->out, principal, strlen(principal) + 1);
    return RPCST_OK;
}

static RpcStatus op_echo(RpcCall *call, void *data)
{
    size_t length = reader_left(&call->in);
    (void)data;
    writer_bytes(&call->out, reader_bytes(&call->in, length), length);
    return RPCST_OK;
}

static const RpcOperation operations[] = {{op_identity, 0}, {op_echo, PRIVACY}};
static RpcInterface row = {.operations = operations, .operation_count = ARRAY_SIZE(operations)};

/* A server on a UNIX socket of its own, and on a TCP port. */
typedef struct Stage {
    char directory[32];
    IoAddress address, tcp;
    IoLoop *loop;
    IoPool *pool;
    RpcServer *server;
    RpcClient *client;
    Token *own;
} Stage;

static void stage_start(Stage *stage, RpcServerOptions options)
{
    char path[64];
    uint16_t port;
    int fd;
    memset(stage, 0, sizeof(*stage));
    strcpy(stage->directory, "/tmp/mantle-XXXXXX");
    assert_non_null(mkdtemp(stage->directory));
    snprintf(path, sizeof(path), "%s/server", stage->directory);
    assert_int_equal(io_address_unix(path, &stage->address), 0);
    assert_int_equal(io_loop_new(&stage->loop), 0);
    assert_int_equal(io_pool_new(stage->loop, 1, 16, &stage->pool), 0);
    options.loop = stage->loop;
    options.machine = "workshop.lab.test";
    assert_int_equal(rpc_server_new(&options, &stage->server), RPCST_OK);
    row.uuid = who_interface.uuid;
    row.major = who_interface.major;
    assert_int_equal(rpc_server_register(stage->server, &row), RPCST_OK);
    assert_int_equal(io_listen_fresh(&stage->address, 0666, &fd), 0);
    assert_int_equal(rpc_server_listen_fd(stage->server, fd, NULL), 0);
    assert_int_equal(io_address_parse("127.0.0.1", 0, &stage->tcp), 0);
    assert_int_equal(rpc_server_listen(stage->server, &stage->tcp, 0, &port), 0);
    io_address_set_port(&stage->tcp, port);
    assert_int_equal(rpc_client_new(NULL, &stage->client), RPCST_OK);
    assert_int_equal(token_new_own("WORKSHOP", &stage->own), 0);
}

static void stage_stop(Stage *stage)
{
    stage->own = token_unref(stage->own);
    stage->client = rpc_client_unref(stage->client);
    stage->server = rpc_server_free(stage->server);
    stage->pool = io_pool_free(stage->pool);
    stage->loop = io_loop_free(stage->loop);
    assert_int_equal(unlink(stage->address.local.sun_path), 0);
    assert_int_equal(rmdir(stage->directory), 0);
}

static RpcBinding *binding_to(const Stage *stage, const IoAddress *address, const uid_t *owner)
{
    RpcBinding *binding = NULL;
    const RpcEndpoint endpoint = {.address = address, .owner = owner};
    assert_int_equal(rpc_binding_new(stage->client, &endpoint, 1, &binding), RPCST_OK);
    return binding;
}

static RpcSecurity *security_of(Token *token, uint8_t impersonation)
{
    RpcSecurity *security = NULL;
    assert_int_equal(rpc_security_new(&(RpcSecuritySpec){.token = token,
                                                         .authn_service = RPC_AUTHN_LOCAL,
                                                         .authn_level = 2,
                                                         .impersonation = impersonation,
                                                         .target = ""},
                                      &security),
                     RPCST_OK);
    return security;
}

static RpcClientCall *call_to(RpcBinding *binding, RpcSecurity *security, uint16_t opnum, const void *stub,
                              size_t length)
{
    RpcClientCall *call = NULL;
    const RpcClientCallSpec spec = {.binding = binding,
                                    .security = security,
                                    .iid = who_interface.uuid,
                                    .major = 1,
                                    .opnum = opnum,
                                    .stub = stub,
                                    .stub_length = length,
                                    .deadline = time_after(60 * NS_PER_SECOND)};
    assert_int_equal(rpc_client_call_new(&spec, &call), RPCST_OK);
    return call;
}

/* What the server sees of a caller. */
typedef struct Seen {
    uint8_t service, level, token_level, local;
    uint32_t uid;
    char sid[SID_STRING_SIZE], principal[128];
} Seen;

static Seen seen_from(Reader reader)
{
    Seen seen = {.service = reader_u8(&reader),
                 .level = reader_u8(&reader),
                 .token_level = reader_u8(&reader),
                 .local = reader_u8(&reader)};
    seen.uid = reader_u32(&reader);
    const char *texts = (const char *)reader_bytes(&reader, reader_left(&reader));
    assert_non_null(texts);
    snprintf(seen.sid, sizeof(seen.sid), "%s", texts);
    snprintf(seen.principal, sizeof(seen.principal), "%s", texts + strlen(texts) + 1);
    return seen;
}

static Seen ask(RpcBinding *binding, RpcSecurity *security)
{
    _cleanup_(rpc_client_call_freep) RpcClientCall *call = call_to(binding, security, 0, "", 0);
    assert_int_equal(rpc_client_call_run(call), RPCST_OK);
    return seen_from(rpc_client_call_reply(call));
}

static RpcStatus run(RpcBinding *binding, RpcSecurity *security, uint16_t opnum)
{
    _cleanup_(rpc_client_call_freep) RpcClientCall *call = call_to(binding, security, opnum, "1234", 4);
    return rpc_client_call_run(call);
}

static void assert_is_own(const Stage *stage, const Seen *seen)
{
    char sid[SID_STRING_SIZE];
    snprintf(sid, sizeof(sid), "S-1-22-1-%u", (unsigned)geteuid());
    assert_string_equal(seen->sid, sid);
    assert_string_equal(seen->principal, token_principal(stage->own));
    assert_memory_equal(seen->principal, "WORKSHOP\\", 9);
}

/* RPC-5: such calls are private, by NTLM's number, and have no other level or service. */
static void RPC_5_local_calls_are_private(void **state)
{
    Stage stage;
    static uint8_t big[300000];
    stage_start(&stage, (RpcServerOptions){0});
    _cleanup_(rpc_binding_unrefp) RpcBinding *binding = binding_to(&stage, &stage.address, NULL);
    _cleanup_(rpc_security_unrefp) RpcSecurity *security = security_of(stage.own, 3);
    for (unsigned i = 0; i < 20; i++) { /* beyond the streak after which the server reads differently */
        Seen seen = ask(binding, security);
        assert_int_equal(seen.service, 10);
        assert_int_equal(seen.level, PRIVACY);
        assert_int_equal(seen.token_level, 3);
        assert_true(seen.local);
        assert_int_equal(seen.uid, geteuid());
        assert_is_own(&stage, &seen);
    }
    assert_int_equal(rpc_server_state(stage.server).connections, 1);
    assert_int_equal(rpc_server_state(stage.server).unauthenticated, 0);
    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (uint8_t)(i * 7 + i / 256);
    _cleanup_(rpc_client_call_freep) RpcClientCall *call = call_to(binding, security, 1, big, sizeof(big));
    assert_int_equal(rpc_client_call_run(call), RPCST_OK); /* demands privacy */
    Reader reply = rpc_client_call_reply(call);
    assert_int_equal(reader_left(&reply), sizeof(big));
    assert_memory_equal(reader_bytes(&reply, sizeof(big)), big, sizeof(big));
    stage_stop(&stage);
    (void)state;
}

static void nobody_is_nobody(void **state)
{
    Stage stage;
    stage_start(&stage, (RpcServerOptions){0});
    _cleanup_(rpc_binding_unrefp) RpcBinding *binding = binding_to(&stage, &stage.address, NULL);
    Seen seen = ask(binding, NULL);
    assert_int_equal(seen.service, 0);
    assert_int_equal(seen.level, 1);
    assert_int_equal(seen.token_level, 0);
    assert_string_equal(seen.principal, "nobody");
    assert_int_equal(run(binding, NULL, 1), RPCST_ACCESS_DENIED);
    stage_stop(&stage);
    (void)state;
}

/* LVL-1, LVL-6, PB-10: all four levels mean something here. */
static void LVL_1_anonymous_carries_nothing(void **state)
{
    Stage stage;
    stage_start(&stage, (RpcServerOptions){0});
    _cleanup_(rpc_binding_unrefp) RpcBinding *binding = binding_to(&stage, &stage.address, NULL);
    for (uint8_t level = 1; level <= 4; level++) {
        _cleanup_(rpc_security_unrefp) RpcSecurity *security = security_of(stage.own, level);
        Seen seen = ask(binding, security);
        assert_int_equal(seen.token_level, level);
        if (level > 1) {
            assert_is_own(&stage, &seen);
        } else {
            assert_string_equal(seen.sid, "S-1-5-7");
            assert_string_equal(seen.principal, "");
        }
    }
    /* one identity and level on each: none was taken for another */
    assert_int_equal(rpc_server_state(stage.server).connections, 4);
    stage_stop(&stage);
    (void)state;
}

static void only_over_sockets_of_this_machine(void **state)
{
    Stage stage;
    Token *stranger;
    stage_start(&stage, (RpcServerOptions){0});
    _cleanup_(rpc_binding_unrefp) RpcBinding *tcp = binding_to(&stage, &stage.tcp, NULL);
    _cleanup_(rpc_binding_unrefp) RpcBinding *local = binding_to(&stage, &stage.address, NULL);
    _cleanup_(rpc_security_unrefp) RpcSecurity *security = security_of(stage.own, 3);
    assert_int_equal(run(tcp, security, 1), RPCST_SERVER_UNAVAILABLE);
    /* a token that this process is not: the kernel would say somebody else */
    const LocalProcess other = {.uid = geteuid() + 1, .gid = getegid()};
    assert_int_equal(token_new_local(&other, TOKEN_LEVEL_DELEGATION, "WORKSHOP", &stranger), 0);
    _cleanup_(rpc_security_unrefp) RpcSecurity *foreign = security_of(stranger, 3);
    stranger = token_unref(stranger);
    assert_int_equal(run(local, foreign, 1), RPCST_SERVER_UNAVAILABLE);
    assert_int_equal(rpc_server_state(stage.server).calls_in, 0);
    /* another service than the kernel's is not spoken there */
    RpcSecurity *kerberos = NULL;
    assert_int_equal(
        rpc_security_new(
            &(RpcSecuritySpec){
                .token = stage.own, .authn_service = 16, .authn_level = 6, .impersonation = 3, .target = "x"},
            &kerberos),
        RPCST_OK);
    assert_int_not_equal(run(local, kerberos, 1), RPCST_OK);
    kerberos = rpc_security_unref(kerberos);
    assert_int_equal(rpc_server_state(stage.server).calls_in, 0);
    assert_int_equal(run(local, security, 1), RPCST_OK);
    stage_stop(&stage);
    (void)state;
}

/* A socket at the right place, of the wrong account. */
static void who_listens_is_looked_at(void **state)
{
    Stage stage;
    stage_start(&stage, (RpcServerOptions){0});
    const uid_t own = geteuid(), other = geteuid() + 1;
    _cleanup_(rpc_binding_unrefp) RpcBinding *right = binding_to(&stage, &stage.address, &own);
    _cleanup_(rpc_binding_unrefp) RpcBinding *wrong = binding_to(&stage, &stage.address, &other);
    _cleanup_(rpc_security_unrefp) RpcSecurity *security = security_of(stage.own, 3);
    assert_int_equal(run(wrong, security, 1), RPCST_SERVER_UNAVAILABLE);
    assert_int_equal(run(right, security, 1), RPCST_OK);
    /* one that lies idle is not taken either */
    assert_int_equal(run(wrong, security, 1), RPCST_SERVER_UNAVAILABLE);
    assert_int_equal(run(wrong, NULL, 0), RPCST_SERVER_UNAVAILABLE);
    assert_int_equal(run(right, security, 1), RPCST_OK);
    stage_stop(&stage);
    (void)state;
}

/* Hostile peers */

static void raw_open(Peer *peer, const Stage *stage)
{
    memset(peer, 0, sizeof(*peer));
    assert_int_equal(io_connect_start(&stage->address, &peer->fd), 0);
}

/* `token` NULL: without authentication. */
static void raw_bind(Peer *peer, PduType type, uint8_t service, uint8_t level, const uint8_t *token,
                     size_t length, int descriptor, unsigned descriptors)
{
    Writer writer;
    writer_init(&writer, 0);
    size_t start = pdu_begin(&writer, type, PDU_FIRST_FRAG | PDU_LAST_FRAG, 1);
    pdu_put_bind(&writer, 4280, 4280, 0, 1);
    pdu_put_context(&writer, 0, &who_interface, &pdu_syntax_ndr, 1);
    if (token) {
        const PduTrailer trailer = {.type = service, .level = level, .token = token, .token_length = length};
        pdu_put_trailer(&writer, start, &trailer, 4);
    }
    pdu_end(&writer, start);
    assert_int_equal(writer_status(&writer), 0);
    size_t at = 0;
    for (unsigned i = 0; i < descriptors; i++, at++) { /* each with a byte of its own */
        size_t put;
        assert_int_equal(io_write_descriptor(peer->fd, writer.data + at, 1, descriptor, &put), 0);
    }
    /* after the second one the server may have gone */
    if (descriptors < 2) peer_send(peer, writer.data + at, writer.length - at);
    writer_deinit(&writer);
}

static const uint8_t leg_own[] = {'M', 'N', 'T', 'L', 1, 3, 0, 0};

static void raw_login(Peer *peer, const Stage *stage)
{
    raw_open(peer, stage);
    raw_bind(peer, PDU_BIND, RPC_AUTHN_LOCAL, PRIVACY, leg_own, sizeof(leg_own), -1, 0);
    peer_expect(peer, PDU_BIND_ACK);
    assert_int_equal(peer->pdu.trailer.type, RPC_AUTHN_LOCAL);
    assert_int_equal(peer->pdu.trailer.level, PRIVACY);
    assert_int_equal(peer->pdu.trailer.token_length, sizeof(leg_own));
    assert_memory_equal(peer->pdu.trailer.token, leg_own, sizeof(leg_own));
}

/* How many descriptors this process has. */
static unsigned descriptor_count(void)
{
    unsigned count = 0;
    DIR *directory = opendir("/proc/self/fd");
    assert_non_null(directory);
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static void wait_until_alone(const Stage *stage)
{
    const uint64_t deadline = time_after(30 * NS_PER_SECOND);
    while (rpc_server_state(stage->server).connections > 0) {
        assert_true(time_monotonic() < deadline);
        usleep(1000);
    }
}

/* RPC-5: wrong services, levels and tokens. */
static void RPC_5_no_other_service_or_level(void **state)
{
    static const struct {
        uint8_t service, level, token[9], length, nak;
    } cases[] = {
        {16, 6, "one alice", 9, PDU_NAK_AUTH_TYPE},
        {10, 6, {'N', 'T', 'L', 'M', 'S', 'S', 'P', 0}, 8, PDU_NAK_AUTH_TYPE},
        {9, 6, "MNTL\1\3\0", 8, PDU_NAK_AUTH_TYPE},
        {RPC_AUTHN_LOCAL, 5, "MNTL\1\3\0", 8, PDU_NAK_NOT_SPECIFIED},
        {RPC_AUTHN_LOCAL, 2, "MNTL\1\3\0", 8, PDU_NAK_NOT_SPECIFIED},
        {RPC_AUTHN_LOCAL, 6, "MNTL\1\0\0", 8, PDU_NAK_CHECKSUM},   /* no level */
        {RPC_AUTHN_LOCAL, 6, "MNTL\1\5\0", 8, PDU_NAK_CHECKSUM},   /* above the last */
        {RPC_AUTHN_LOCAL, 6, "MNTL\2\3\0", 8, PDU_NAK_CHECKSUM},   /* version */
        {RPC_AUTHN_LOCAL, 6, "MNTL\1\3\2", 8, PDU_NAK_CHECKSUM},   /* how */
        {RPC_AUTHN_LOCAL, 6, "MNTL\1\3\0", 7, PDU_NAK_CHECKSUM},   /* short */
        {RPC_AUTHN_LOCAL, 6, "MNTL\1\3\0\0", 9, PDU_NAK_CHECKSUM}, /* long */
        {RPC_AUTHN_LOCAL, 6, "mntl\1\3\0", 8, PDU_NAK_CHECKSUM},
        {RPC_AUTHN_LOCAL, 6, "MNTL\1\3\1", 8, PDU_NAK_CHECKSUM}, /* an identity that did not come */
    };
    Stage stage;
    Peer peer;
    stage_start(&stage, (RpcServerOptions){0});
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        raw_open(&peer, &stage);
        raw_bind(&peer, PDU_BIND, cases[i].service, cases[i].level, cases[i].token, cases[i].length, -1, 0);
        peer_expect_nak(&peer, cases[i].nak);
        peer_close(&peer);
    }
    /* nor is ours spoken over TCP, whatever the address */
    memset(&peer, 0, sizeof(peer));
    assert_true(io_connect_start(&stage.tcp, &peer.fd) >= 0);
    raw_bind(&peer, PDU_BIND, RPC_AUTHN_LOCAL, PRIVACY, leg_own, sizeof(leg_own), -1, 0);
    peer_expect_nak(&peer, PDU_NAK_AUTH_TYPE);
    peer_close(&peer);
    stage_stop(&stage);
    (void)state;
}

/* A connection belongs to one identity, from its bind on. */
static void no_second_identity(void **state)
{
    Stage stage;
    Peer peer;
    size_t length;
    stage_start(&stage, (RpcServerOptions){0});
    raw_login(&peer, &stage);
    raw_bind(&peer, PDU_ALTER_CONTEXT, RPC_AUTHN_LOCAL, PRIVACY, leg_own, sizeof(leg_own), -1, 0);
    peer_expect_fault(&peer, RPCST_ACCESS_DENIED);
    peer_expect_end(&peer);
    peer_close(&peer);
    /* who was nobody at the bind stays nobody */
    raw_open(&peer, &stage);
    raw_bind(&peer, PDU_BIND, 0, 0, NULL, 0, -1, 0);
    peer_expect(&peer, PDU_BIND_ACK);
    peer_request(&peer, 2, 0, "", 0);
    free(peer_response(&peer, 2, &length));
    raw_bind(&peer, PDU_ALTER_CONTEXT, RPC_AUTHN_LOCAL, PRIVACY, leg_own, sizeof(leg_own), -1, 0);
    peer_expect_fault(&peer, RPCST_ACCESS_DENIED);
    peer_expect_end(&peer);
    peer_close(&peer);
    /* an alter_context without authentication is one more interface */
    raw_login(&peer, &stage);
    raw_bind(&peer, PDU_ALTER_CONTEXT, 0, 0, NULL, 0, -1, 0);
    peer_expect(&peer, PDU_ALTER_CONTEXT_RESP);
    assert_null(peer.pdu.trailer.token);
    peer_request(&peer, 2, 0, "", 0);
    free(peer_response(&peer, 2, &length));
    /* and there is no third leg */
    peer_auth3(&peer, "three");
    peer_expect_fault(&peer, NCA_S_PROTO_ERROR);
    peer_expect_end(&peer);
    peer_close(&peer);
    stage_stop(&stage);
    (void)state;
}

/* Requests have no trailers, not even the right one. */
static void requests_without_trailers(void **state)
{
    Stage stage;
    Peer peer;
    for (unsigned i = 0; i < 2; i++) {
        stage_start(&stage, (RpcServerOptions){0});
        if (i == 0) {
            raw_login(&peer, &stage);
        } else {
            raw_open(&peer, &stage);
            raw_bind(&peer, PDU_BIND, 0, 0, NULL, 0, -1, 0);
            peer_expect(&peer, PDU_BIND_ACK);
        }
        Writer writer;
        writer_init(&writer, 0);
        size_t start = pdu_begin(&writer, PDU_REQUEST, PDU_FIRST_FRAG | PDU_LAST_FRAG, 2);
        pdu_put_request(&writer, start, 0, 0, 0, NULL);
        const PduTrailer trailer = {
            .type = RPC_AUTHN_LOCAL, .level = PRIVACY, .token = leg_own, .token_length = sizeof(leg_own)};
        pdu_put_trailer(&writer, start, &trailer, PDU_AUTH_PAD);
        pdu_end(&writer, start);
        peer_send_writer(&peer, &writer);
        peer_expect_fault(&peer, RPCST_ACCESS_DENIED);
        peer_expect_end(&peer);
        peer_close(&peer);
        assert_int_equal(rpc_server_state(stage.server).calls_in, 0);
        stage_stop(&stage);
    }
    (void)state;
}

/* Descriptors that nobody asked for are closed; more than one with a bind ends the connection. */
static void descriptors_are_closed(void **state)
{
    Stage stage;
    Peer peer;
    size_t length, put;
    stage_start(&stage, (RpcServerOptions){0});
    raw_login(&peer, &stage); /* what the server makes on its first call is there */
    peer_close(&peer);
    wait_until_alone(&stage);
    const unsigned before = descriptor_count();
    int useless = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(useless >= 0);
    raw_open(&peer, &stage); /* one with a bind that says it is the process itself */
    raw_bind(&peer, PDU_BIND, RPC_AUTHN_LOCAL, PRIVACY, leg_own, sizeof(leg_own), useless, 1);
    peer_expect(&peer, PDU_BIND_ACK);
    for (unsigned i = 0; i < 50; i++) { /* and a flood afterwards */
        Writer writer;
        writer_init(&writer, 0);
        size_t start = pdu_begin(&writer, PDU_REQUEST, PDU_FIRST_FRAG | PDU_LAST_FRAG, 2 + i);
        pdu_put_request(&writer, start, 0, 0, 0, NULL);
        pdu_end(&writer, start);
        assert_int_equal(io_write_descriptor(peer.fd, writer.data, writer.length, useless, &put), 0);
        assert_int_equal(put, writer.length);
        writer_deinit(&writer);
        free(peer_response(&peer, 2 + i, &length));
    }
    assert_int_equal(descriptor_count(), before + 3); /* both ends, and the one that was sent */
    peer_close(&peer);
    raw_open(&peer, &stage); /* an identity's, which nobody here can judge */
    uint8_t passing[] = {'M', 'N', 'T', 'L', 1, 3, 1, 0};
    raw_bind(&peer, PDU_BIND, RPC_AUTHN_LOCAL, PRIVACY, passing, sizeof(passing), useless, 1);
    peer_expect_nak(&peer, PDU_NAK_CHECKSUM);
    peer_close(&peer);
    raw_open(&peer, &stage);
    raw_bind(&peer, PDU_BIND, RPC_AUTHN_LOCAL, PRIVACY, leg_own, sizeof(leg_own), useless, 2);
    peer_expect_end(&peer);
    peer_close(&peer);
    close(useless);
    wait_until_alone(&stage);
    assert_int_equal(descriptor_count(), before);
    stage_stop(&stage);
    (void)state;
}

/* Limits before authentication go by account, and are not used up by who has said who it is. */
static void limits_go_by_account(void **state)
{
    Stage stage;
    Peer peers[3], more;
    stage_start(&stage, (RpcServerOptions){.preauth_connections = 2});
    for (size_t i = 0; i < ARRAY_SIZE(peers); i++)
        raw_login(&peers[i], &stage);
    for (size_t i = 0; i < ARRAY_SIZE(peers); i++)
        peer_close(&peers[i]);
    wait_until_alone(&stage);
    raw_open(&peers[0], &stage);
    raw_open(&peers[1], &stage);
    const uint64_t deadline = time_after(30 * NS_PER_SECOND);
    while (rpc_server_state(stage.server).unauthenticated < 2) {
        assert_true(time_monotonic() < deadline);
        usleep(1000);
    }
    raw_open(&more, &stage);
    peer_expect_end(&more);
    peer_close(&more);
    peer_close(&peers[0]);
    peer_close(&peers[1]);
    stage_stop(&stage);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(RPC_5_local_calls_are_private),
        cmocka_unit_test(nobody_is_nobody),
        cmocka_unit_test(LVL_1_anonymous_carries_nothing),
        cmocka_unit_test(only_over_sockets_of_this_machine),
        cmocka_unit_test(who_listens_is_looked_at),
        cmocka_unit_test(RPC_5_no_other_service_or_level),
        cmocka_unit_test(no_second_identity),
        cmocka_unit_test(requests_without_trailers),
        cmocka_unit_test(descriptors_are_closed),
        cmocka_unit_test(limits_go_by_account),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
