/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a whole conversation with a server: that it ends is what matters, that no method runs as
 * somebody with what he has not sealed, and that each sealed answer verifies. An honest client seals
 * (test-honest.h). After an 'L' it comes over a UNIX socket; after a 'D' too, and each piece of it with a
 * descriptor. What only waits, for the clock or for a thread, decodes nothing.
 * Decoder: src/rpc/server-bind.c
 * Decoder: src/rpc/server-request.c (?!seal_|send_).*
 * Decoder: src/rpc/server-connection.c (?!deadline_fire|due_to|linger|wait_for_room).*
 * Decoder: src/rpc/server-local.c (?!passed_|add_machine|drive).*
 * Decoder: src/rpc/local.c rpc_local_leg_read
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "base/time.h"
#include "rpc/test-honest.h"

#define INPUT_MAX 60000u
#define LEVEL_PKT 4u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static Honest honest;

static RpcStatus echo(RpcCall *call, void *data)
{
    (void)data;
    assert((call->token != NULL) == (call->authn_level > 1));
    if (call->authn_level >= LEVEL_PKT && !call->is_local)
        assert(honest_said(&honest, call->in.data, call->in.length));
    size_t length = reader_left(&call->in);
    writer_bytes(&call->out, reader_bytes(&call->in, length), length);
    if (call->opnum == 3) return rpc_call_is_cancelled(call) ? RPCST_CALL_CANCELLED : RPCST_OK;
    return call->opnum == 2 ? RPCST_BAD_STUB_DATA : RPCST_OK;
}

/* All interfaces but some: those of captured conversations, too. */
static bool knows(void *data, const Guid *iid)
{
    (void)data;
    return iid->data1 != 2;
}

static const RpcOperation operations[] = {{echo, 0}, {NULL, 0}, {echo, 0}, {echo, 5}};
static const RpcInterface interface_row = {
    .uuid = {0, 0, 0, {0}}, .operations = operations, .operation_count = ARRAY_SIZE(operations)};

/* Whatever a stranger says: a line is a line. */
static void check_line(void *context, int priority, const char *sentence)
{
    (void)context;
    assert(priority > 0 && *sentence);
    for (const char *at = sentence; *at; at++)
        assert((uint8_t)*at >= 0x20 && *at != 0x7f);
}

/* All that the server said. */
static void check_answers(int fd)
{
    Writer answers;
    uint8_t buffer[8192];
    size_t got;
    writer_init(&answers, 0);
    while (io_read(fd, buffer, sizeof(buffer), &got) == 0)
        writer_bytes(&answers, buffer, got);
    assert(writer_status(&answers) == 0);
    honest_check(&honest, answers.data, answers.length);
    writer_deinit(&answers);
}

static void converse(RpcServer *server, IoLoop *loop, uint8_t *data, size_t size)
{
    int ends[2];
    IoAddress peer = {.length = sizeof(sa_family_t)};
    size_t done = 0;
    const bool passes = size > 0 && *data == 'D';
    const bool is_local = passes || (size > 0 && *data == 'L'); /* PDUs begin with a 5 */
    data += is_local;
    size -= is_local;
    honest_init(&honest);
    if (!is_local) honest_seal(&honest, data, size);
    assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    if (is_local)
        peer.any.sa_family = AF_UNIX;
    else
        assert(io_address_parse("127.0.0.1", 0, &peer) == 0);
    server_accept(server, ends[1], &peer);
    for (size_t sent = 0; sent < size; sent += done) {
        int r = passes ? io_write_descriptor(ends[0], data + sent, size - sent, ends[0], &done)
                       : io_write(ends[0], data + sent, size - sent, &done);
        if (r) break;
        while (io_loop_step(loop, 0) == 0) {
        }
    }
    (void)shutdown(ends[0], SHUT_WR);
    /* Nobody reads the answers until here, but the socket holds more than this input can cause. */
    while (rpc_server_state(server).connections > 0 &&
           io_loop_step(loop, time_after(5 * NS_PER_SECOND)) == 0) {
    }
    assert(rpc_server_state(server).connections == 0);
    check_answers(ends[0]);
    honest_deinit(&honest);
    close(ends[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    IoLoop *loop;
    RpcServer *server;
    RpcObjects objects = {.knows = knows, .dispatch = echo};
    if (size > INPUT_MAX) return 0;
    assert(io_loop_new(&loop) == 0);
    RpcServerOptions options = {
        .loop = loop, .send_seconds = 1, .request_bytes = 20000, .preauth_bytes = 5000, .log = check_line};
    RpcStatus status = rpc_server_new(&options, &server);
    assert(status == RPCST_OK);
    status = rpc_server_register(server, &interface_row);
    assert(status == RPCST_OK);
    server->provider = &test_provider;
    rpc_server_set_objects(server, &objects);
    uint8_t *copy = malloc(size ? size : 1); /* of exactly its size, and ours to change */
    assert(copy);
    if (size) memcpy(copy, data, size);
    converse(server, loop, copy, size);
    free(copy);
    rpc_server_free(server);
    io_loop_free(loop);
    return 0;
}
