/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as all that a server ever says: three calls on one connection. The first byte chooses the level.
 * Decoder: src/rpc/client-bind.c .*answer.*|refused.*
 * Decoder: src/rpc/client-request.c .*answer.*|unprotect|keep.*|protocol_error
 */
#include <assert.h>
#include <string.h>
#include <sys/socket.h>
#include "io/socket.h"
#include "rpc/test-scripted.h"

#define INPUT_MAX 60000u
#define CALLS     3u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static RpcSecurity *security_of(Token *token, uint8_t level)
{
    const RpcSecuritySpec spec = {.token = token,
                                  .authn_service = 16,
                                  .authn_level = level,
                                  .impersonation = 3,
                                  .target = "host/a.lab.test"};
    RpcSecurity *security = NULL;
    RpcStatus status = rpc_security_new(&spec, &security);
    assert(status == (level < LEVEL_CONNECT ? RPCST_UNKNOWN_AUTHN_LEVEL : RPCST_OK));
    return security;
}

/* The first call gets this end of the socket as its connection, just connected. */
static void connect_call(RpcClientCall *call, const IoAddress *address, int fd)
{
    Association *association;
    int r = client_association(call->binding->client, address, &association);
    assert(r == 0);
    r = client_connection_new(association, &call->connection);
    assert(r == 0);
    (void)association_unref(association);
    call->connection->fd = fd;
    call->state = CALL_CONNECT;
    if (!call->security) return;
    const SecInitiatorSpec spec = {.target = "x", .authn_service = 16, .authn_level = call->security->level};
    IoWait wait;
    r = peer_initiator_ops.new(call->security->token, &spec, &call->initiator);
    if (r == 0) r = peer_initiator_ops.step(call->initiator, &wait);
    assert(r == 0);
}

/* What the server still has to say, PDU by PDU: it says the next one when the client waits. */
typedef struct Script {
    const uint8_t *data;
    size_t size;
    int fd;
} Script;

static void say(Script *script)
{
    size_t length = script->size, put = 0;

    if (script->size >= PDU_HEADER_SIZE) length = script->data[8] | (size_t)script->data[9] << 8;
    if (length == 0 || length > script->size) length = script->size;
    if (length == 0) {
        (void)shutdown(script->fd, SHUT_WR);
        return;
    }
    int r = io_write(script->fd, script->data, length, &put);
    assert(r < 0 || put == length); /* -EPIPE: the client has hung up */
    script->data += length;
    script->size -= length;
}

static RpcStatus run_one(RpcBinding *binding, RpcSecurity *security, unsigned index, const IoAddress *address,
                         int fd, Script *script)
{
    const RpcClientCallSpec spec = {.binding = binding,
                                    .security = security,
                                    .iid = {index / 2, 0, 0, {0}},
                                    .stub = (const uint8_t *)"stub",
                                    .stub_length = 4};
    _cleanup_(rpc_client_call_freep) RpcClientCall *call = NULL;
    IoWait wait;

    RpcStatus status = rpc_client_call_new(&spec, &call);
    assert(status == RPCST_OK);
    if (index == 0) connect_call(call, address, fd);
    while ((status = rpc_client_call_step(call, &wait)) == RPCST_PENDING) {
        if (call->state == CALL_CONNECT) return status; /* it gave this connection up */
        say(script);
    }
    assert(status == RPCST_OK || rpc_client_call_failure(call)->code == status);
    Reader reply = rpc_client_call_reply(call);
    const size_t length = reader_left(&reply);
    assert(status == RPCST_OK || length == 0);
    if (length > 0) (void)hash_bytes(reader_bytes(&reply, length), length); /* every byte is there */
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const IoAddress nowhere = {
        .v4 = {.sin_family = AF_INET, .sin_port = 0x0100, .sin_addr = {0x0100007f}},
        .length = sizeof(struct sockaddr_in)};
    static const RpcClientOptions options = {.reply_max = 20000};
    const TokenSpec spec = {.kind = TOKEN_KIND_PRIMARY,
                            .level = TOKEN_LEVEL_DELEGATION,
                            .principal = "alice",
                            .expires = INT64_MAX};
    RpcClient *client = NULL;
    RpcBinding *binding = NULL;
    Token *token = NULL;
    int ends[2];

    if (size < 1 || size > INPUT_MAX) return 0;
    int r = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends);
    if (r == 0) r = token_new(&spec, &token);
    assert(r == 0);
    Script script = {data + 1, size - 1, ends[1]};
    RpcStatus status = rpc_client_new(&options, &client);
    assert(status == RPCST_OK);
    client->initiator = &peer_initiator_ops;
    status = rpc_binding_new(client, &(RpcEndpoint){.address = &nowhere}, 1, &binding);
    assert(status == RPCST_OK);
    RpcSecurity *security = security_of(token, data[0] % 7);
    for (unsigned i = 0; i < CALLS; i++) {
        status = run_one(binding, security, i, &nowhere, ends[0], &script);
        if (status != RPCST_OK && status != RPCST_UNKNOWN_IF) break;
    }
    close(ends[1]);
    security = rpc_security_unref(security);
    binding = rpc_binding_unref(binding);
    client = rpc_client_unref(client);
    token = token_unref(token);
    return 0;
}
