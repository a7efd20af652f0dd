/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/rpc-side.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "base/time.h"
#include "io/pool.h"
#include "io/socket.h"
#include "rpc/server.h"
#include "tests/bench/realm.h"

#define KERBEROS      16
#define PRIVACY       6
#define IMPERSONATE   3
#define KEYTAB        "hosts/a/keytab"
#define FILL_MAX      (16u * 1024 * 1024)
#define THREADS_MIN   2
#define THREADS_MAX   64
#define HOSTS_PER_NET 250u
#define CALL_NS       (60 * NS_PER_SECOND)

const Guid rpc_side_interface = {
    0x3f2f0a54, 0x9d3b, 0x4c0e, {0x8e, 0x6a, 0x55, 0x12, 0x7c, 0x90, 0x4d, 0x21}};

/* Server */

static RpcStatus echo(RpcCall *call, void *data)
{
    const size_t length = reader_left(&call->in);

    (void)data;
    writer_bytes(&call->out, reader_bytes(&call->in, length), length);
    return RPCST_OK;
}

static RpcStatus fill(RpcCall *call, void *data)
{
    const uint32_t length = reader_u32(&call->in);

    (void)data;
    if (reader_status(&call->in) < 0 || length > FILL_MAX) return RPCST_BAD_STUB_DATA;
    writer_fill(&call->out, 0x5a, length);
    return RPCST_OK;
}

static const RpcOperation operations[] = {
    [RPC_SIDE_ECHO] = {echo, PRIVACY}, [RPC_SIDE_FILL] = {fill, PRIVACY}};
static const RpcInterface interface_row = {.operations = operations,
                                           .operation_count = ARRAY_SIZE(operations)};

/* Host i has an address of its own from 127.0.1.1 on, and any port. */
static void listen_as(RpcServer *server, unsigned host, IoAddress *ret_address)
{
    char text[32];
    uint16_t port;

    (void)snprintf(text, sizeof(text), "127.0.%u.%u", 1 + host / HOSTS_PER_NET, 1 + host % HOSTS_PER_NET);
    if (io_address_parse(text, 0, ret_address) < 0 || rpc_server_listen(server, ret_address, 0, &port) < 0 ||
        io_address_parse(text, port, ret_address) < 0)
        measure_fail("cannot listen on %s", text);
}

static _Noreturn void serve(int report)
{
    static RpcInterface row;
    static IoAddress hosts[RPC_SIDE_HOSTS];
    IoLoop *loop;
    IoPool *pool;
    RpcServer *server;

    row = interface_row;
    row.uuid = rpc_side_interface;
    if (io_loop_new(&loop) < 0 || io_pool_new(loop, THREADS_MIN, THREADS_MAX, &pool) < 0)
        measure_fail("the server has no loop");
    const RpcServerOptions options = {
        .loop = loop, .authority = realm_authority(KEYTAB), .preauth_connections = 1024};
    if (rpc_server_new(&options, &server) != RPCST_OK || rpc_server_register(server, &row) != RPCST_OK)
        measure_fail("no server");
    for (unsigned i = 0; i < RPC_SIDE_HOSTS; i++)
        listen_as(server, i, &hosts[i]);
    if (io_write_all(report, hosts, sizeof(hosts), TIME_NEVER) < 0) _exit(1);
    for (;;)
        (void)pause(); /* until the parent ends */
}

void rpc_side_start(RpcSide *side)
{
    int ends[2];
    const pid_t parent = getpid();

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) measure_fail("socketpair: %m");
    side->pid = fork();
    if (side->pid < 0) measure_fail("fork: %m");
    if (side->pid == 0) {
        close(ends[0]);
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent) _exit(1);
        serve(ends[1]);
    }
    close(ends[1]);
    if (io_read_all(ends[0], side->hosts, sizeof(side->hosts), time_after(CALL_NS)) != 0)
        measure_fail("the server did not start");
    close(ends[0]);
}

/* Client */

RpcSecurity *rpc_side_security(Token *token, uint8_t impersonation)
{
    RpcSecurity *security = NULL;
    const RpcSecuritySpec spec = {.token = token,
                                  .authn_service = KERBEROS,
                                  .authn_level = PRIVACY,
                                  .impersonation = impersonation,
                                  .target = REALM_TARGET};

    if (rpc_security_new(&spec, &security) != RPCST_OK) measure_fail("no security");
    return security;
}

void rpc_peer_init(RpcPeer *peer, const RpcSide *side, Token *token)
{
    if (rpc_client_new(NULL, &peer->client) != RPCST_OK ||
        rpc_binding_new(peer->client, &(RpcEndpoint){.address = &side->hosts[0]}, 1, &peer->binding) !=
            RPCST_OK)
        measure_fail("no client");
    peer->security = rpc_side_security(token, IMPERSONATE);
}

void rpc_peer_deinit(RpcPeer *peer)
{
    peer->security = rpc_security_unref(peer->security);
    peer->binding = rpc_binding_unref(peer->binding);
    peer->client = rpc_client_unref(peer->client);
}

void rpc_peer_call(RpcPeer *peer, uint16_t opnum, const void *stub, size_t length, size_t reply_length)
{
    _cleanup_(rpc_client_call_freep) RpcClientCall *call = NULL;
    const RpcClientCallSpec spec = {.binding = peer->binding,
                                    .security = peer->security,
                                    .iid = rpc_side_interface,
                                    .opnum = opnum,
                                    .stub = stub,
                                    .stub_length = length};

    if (rpc_client_call_new(&spec, &call) != RPCST_OK) measure_fail("out of memory");
    if (rpc_client_call_run(call) != RPCST_OK)
        measure_fail("a call failed: %s", rpc_client_call_failure(call)->sentence);
    const Reader reply = rpc_client_call_reply(call);
    if (reader_left(&reply) != reply_length) measure_fail("a call was answered wrongly");
}
