/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/test-peer.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/time.h"
#include "rpc/test-provider.h"

#define PATIENCE (30 * NS_PER_SECOND)

const PduSyntax peer_interface = {
    {0x6d616e74, 0x6c65, 0x4001, {0x90, 0x01, 0x74, 0x65, 0x73, 0x74, 0x00, 0x01}}, 1, 3};
const PduSyntax peer_object = {
    {0x6d616e74, 0x6c65, 0x4001, {0x90, 0x01, 0x74, 0x65, 0x73, 0x74, 0x00, 0x02}}, 0, 0};

/* The server */

atomic_uint host_waiting;
atomic_bool host_admits;
static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_moved = PTHREAD_COND_INITIALIZER;
static bool gate_open = true;

void host_gate(bool open)
{
    pthread_mutex_lock(&gate_lock);
    gate_open = open;
    pthread_cond_broadcast(&gate_moved);
    pthread_mutex_unlock(&gate_lock);
}

void host_wait_for(unsigned waiting)
{
    const uint64_t deadline = time_after(PATIENCE);
    while (atomic_load(&host_waiting) != waiting && time_monotonic() < deadline)
        usleep(1000);
    assert_int_equal(atomic_load(&host_waiting), waiting);
}

static RpcStatus op_echo(RpcCall *call, void *data)
{
    (void)data;
    size_t length = reader_left(&call->in);
    writer_bytes(&call->out, reader_bytes(&call->in, length), length);
    return RPCST_OK;
}

static RpcStatus op_fault(RpcCall *call, void *data)
{
    (void)data;
    return reader_u32(&call->in);
}

static RpcStatus op_who(RpcCall *call, void *data)
{
    (void)data;
    const char *who = call->token ? token_principal(call->token) : "nobody";
    writer_u8(&call->out, call->authn_service);
    writer_u8(&call->out, call->authn_level);
    writer_bytes(&call->out, who, strlen(who) + 1);
    return RPCST_OK;
}

static RpcStatus op_wait(RpcCall *call, void *data)
{
    atomic_fetch_add(&host_waiting, 1);
    pthread_mutex_lock(&gate_lock);
    while (!gate_open)
        pthread_cond_wait(&gate_moved, &gate_lock);
    pthread_mutex_unlock(&gate_lock);
    atomic_fetch_sub(&host_waiting, 1);
    return op_echo(call, data);
}

static RpcStatus op_big(RpcCall *call, void *data)
{
    (void)data;
    uint32_t length = reader_u32(&call->in);
    for (uint32_t i = 0; i < length; i++)
        writer_u8(&call->out, (uint8_t)(i * 7));
    return RPCST_OK;
}

/* Until it is cancelled; its argument says whether it owns up to that. */
static RpcStatus op_long(RpcCall *call, void *data)
{
    (void)data;
    atomic_fetch_add(&host_waiting, 1);
    while (!rpc_call_is_cancelled(call))
        usleep(1000);
    atomic_fetch_sub(&host_waiting, 1);
    return reader_left(&call->in) ? RPCST_CALL_CANCELLED : RPCST_OK;
}

static const RpcOperation operations[] = {
    [OP_ECHO] = {op_echo, 0}, [OP_FAULT] = {op_fault, 0},  [OP_WHO] = {op_who, 0}, [OP_WAIT] = {op_wait, 0},
    [OP_NONE] = {NULL, 0},    [OP_PRIVATE] = {op_echo, 6}, [OP_BIG] = {op_big, 0}, [OP_LONG] = {op_long, 0},
};
static RpcInterface row = {.operations = operations, .operation_count = ARRAY_SIZE(operations)};

static bool objects_know(void *data, const Guid *iid)
{
    (void)data;
    return guid_equal(iid, &peer_object.uuid);
}

static bool objects_admit(void *data, const RpcCall *call)
{
    (void)data;
    assert_true(guid_equal(&call->iid, &peer_object.uuid));
    return atomic_load(&host_admits);
}

static RpcStatus objects_dispatch(RpcCall *call, void *data)
{
    return call->opnum == OP_WAIT ? op_wait(call, data) : op_echo(call, data);
}

static const RpcObjects objects = {
    .knows = objects_know, .dispatch = objects_dispatch, .admits = objects_admit};

void host_start(Host *host, RpcServerOptions options, unsigned threads, bool with_security)
{
    row.uuid = peer_interface.uuid;
    row.major = peer_interface.major;
    row.minor = peer_interface.minor;
    assert_int_equal(io_loop_new(&host->loop), 0);
    assert_int_equal(io_pool_new(host->loop, 1, threads, &host->pool), 0);
    options.loop = host->loop;
    assert_int_equal(rpc_server_new(&options, &host->server), RPCST_OK);
    host->server->provider = with_security ? &test_provider : NULL;
    assert_int_equal(rpc_server_register(host->server, &row), RPCST_OK);
    assert_int_equal(rpc_server_register(host->server, &row), RPCST_INVALID_PARAMETER);
    rpc_server_set_objects(host->server, &objects);
    IoAddress any;
    assert_int_equal(io_address_parse("::", 0, &any), 0);
    assert_int_equal(rpc_server_listen(host->server, &any, 0, &host->port), 0);
    host_gate(true);
}

void host_stop(Host *host)
{
    host_gate(true);
    host->server = rpc_server_free(host->server);
    host->pool = io_pool_free(host->pool);
    host->loop = io_loop_free(host->loop);
}

/* The peer */

void peer_open(Peer *peer, const Host *host, bool v6)
{
    IoAddress address;
    memset(peer, 0, sizeof(*peer));
    assert_int_equal(io_address_parse(v6 ? "::1" : "127.0.0.1", host->port, &address), 0);
    int r = io_connect_start(&address, &peer->fd);
    assert_true(r >= 0);
    if (r == IO_AGAIN) {
        IoWait wait = {peer->fd, POLLOUT, time_after(PATIENCE)};
        assert_int_equal(io_wait(&wait), 0);
        assert_int_equal(io_connect_finish(peer->fd), 0);
    }
}

void peer_close(Peer *peer)
{
    close(peer->fd);
    sec_context_free(peer->security);
}

void peer_send(Peer *peer, const void *data, size_t length)
{
    assert_int_equal(io_write_all(peer->fd, data, length, time_after(PATIENCE)), 0);
}

void peer_send_writer(Peer *peer, Writer *writer)
{
    assert_int_equal(writer_status(writer), 0);
    peer_send(peer, writer->data, writer->length);
    writer_deinit(writer);
}

void peer_expect(Peer *peer, PduType type)
{
    PduHeader header;
    uint64_t deadline = time_after(PATIENCE);
    assert_int_equal(io_read_all(peer->fd, peer->data, PDU_HEADER_SIZE, deadline), 0);
    assert_int_equal(pdu_header_parse(peer->data, &header), 0);
    if (header.frag_length > PDU_HEADER_SIZE)
        assert_int_equal(io_read_all(peer->fd, peer->data + PDU_HEADER_SIZE,
                                     header.frag_length - PDU_HEADER_SIZE, deadline),
                         0);
    assert_int_equal(pdu_parse(peer->data, header.frag_length, &peer->pdu), 0);
    if (header.type == PDU_FAULT && type != PDU_FAULT) fail_msg("fault 0x%x", peer->pdu.call.status);
    assert_int_equal(header.type, type);
}

void peer_expect_fault(Peer *peer, uint32_t status)
{
    peer_expect(peer, PDU_FAULT);
    assert_int_equal(peer->pdu.call.status, status);
}

void peer_expect_nak(Peer *peer, uint16_t reason)
{
    peer_expect(peer, PDU_BIND_NAK);
    assert_int_equal(peer->pdu.nak.reason, reason);
    peer_expect_end(peer);
}

void peer_expect_end(Peer *peer)
{
    uint8_t byte;
    size_t got;
    IoWait wait = {peer->fd, POLLIN, time_after(PATIENCE)};
    assert_int_equal(io_wait(&wait), 0);
    int r = io_read(peer->fd, &byte, 1, &got);
    if (r != IO_CLOSED && r != -ECONNRESET) fail_msg("the connection is still there: %d", r);
}

static void put_trailer(Peer *peer, Writer *writer, size_t start, const char *token)
{
    if (!token) return;
    PduTrailer trailer = {.type = TEST_AUTH_TYPE,
                          .level = peer->level,
                          .context_id = peer->context_id,
                          .token = (const uint8_t *)token,
                          .token_length = strlen(token)};
    pdu_put_trailer(writer, start, &trailer, 4);
}

void peer_bind(Peer *peer, PduType type, uint64_t features, const char *token)
{
    PduSyntax feature = pdu_syntax_from_features(features);
    Writer writer;
    writer_init(&writer, 0);
    uint8_t flags = PDU_FIRST_FRAG | PDU_LAST_FRAG | (peer->sign_header ? PDU_HEADER_SIGN : 0) |
                    (peer->concurrent ? PDU_CONC_MPX : 0);
    size_t start = pdu_begin(&writer, type, flags, 1);
    const uint16_t most = peer->fragment ? peer->fragment : 4280;
    pdu_put_bind(&writer, most, most, 0, features ? 2 : 1);
    pdu_put_context(&writer, 0, &peer_interface, &pdu_syntax_ndr, 1);
    if (features) pdu_put_context(&writer, 1, &peer_interface, &feature, 1);
    put_trailer(peer, &writer, start, token);
    pdu_end(&writer, start);
    peer_send_writer(peer, &writer);
}

void peer_begin(Peer *peer, PduType type, uint32_t context, uint8_t level, const char *token)
{
    peer->level = level;
    peer->context_id = context;
    peer_bind(peer, type, 0, token);
}

void peer_auth3(Peer *peer, const char *token)
{
    Writer writer;
    writer_init(&writer, 0);
    size_t start = pdu_begin(&writer, PDU_AUTH3, PDU_FIRST_FRAG | PDU_LAST_FRAG, 1);
    pdu_put_auth3(&writer);
    put_trailer(peer, &writer, start, token);
    pdu_end(&writer, start);
    peer_send_writer(peer, &writer);
}

void peer_bound(Peer *peer, uint64_t features)
{
    peer_bind(peer, PDU_BIND, features, NULL);
    peer_expect(peer, PDU_BIND_ACK);
}

static void protect(Peer *peer, uint8_t *data, size_t length)
{
    Pdu pdu;
    PduSeal seal;
    assert_int_equal(pdu_parse(data, length, &pdu), 0);
    pdu_seal_of(&pdu, &seal);
    SecMessage message = {data,
                          seal.stub,
                          data + seal.stub,
                          seal.stub_length,
                          data + seal.trailer,
                          data + seal.token,
                          seal.token_length,
                          peer->sign_header};
    assert_int_equal(sec_context_protect(peer->security, peer->level, &message), 0);
}

void peer_make_request(Peer *peer, Writer *writer, uint8_t flags, uint32_t call_id, uint16_t context,
                       uint16_t opnum, const void *stub, size_t length)
{
    writer_init(writer, 0);
    size_t start = pdu_begin(writer, PDU_REQUEST, flags, call_id);
    pdu_put_request(writer, start, (uint32_t)length, context, opnum, NULL);
    writer_bytes(writer, stub, length);
    size_t token = peer->security ? sec_context_token_length(peer->security, peer->level) : 0;
    if (token) {
        PduTrailer trailer = {TEST_AUTH_TYPE, peer->level, 0, peer->context_id, 0, NULL, token};
        pdu_put_trailer(writer, start, &trailer, PDU_AUTH_PAD);
    }
    pdu_end(writer, start);
    assert_int_equal(writer_status(writer), 0);
    if (token) protect(peer, writer->data, writer->length);
}

void peer_request_part(Peer *peer, uint8_t flags, uint32_t call_id, uint16_t context, uint16_t opnum,
                       const void *stub, size_t length)
{
    Writer writer;
    peer_make_request(peer, &writer, flags, call_id, context, opnum, stub, length);
    peer_send_writer(peer, &writer);
}

void peer_request(Peer *peer, uint32_t call_id, uint16_t opnum, const void *stub, size_t length)
{
    peer_request_part(peer, PDU_FIRST_FRAG | PDU_LAST_FRAG, call_id, 0, opnum, stub, length);
}

static void unprotect(Peer *peer)
{
    PduSeal seal;
    pdu_seal_of(&peer->pdu, &seal);
    assert_int_equal(peer->pdu.trailer.context_id, peer->context_id);
    assert_int_equal(peer->pdu.trailer.level, peer->level);
    SecMessage message = {peer->data,
                          seal.stub,
                          peer->data + seal.stub,
                          seal.stub_length,
                          peer->data + seal.trailer,
                          peer->data + seal.token,
                          seal.token_length,
                          peer->sign_header};
    assert_int_equal(sec_context_unprotect(peer->security, peer->level, &message), 0);
}

uint8_t *peer_response(Peer *peer, uint32_t call_id, size_t *ret_length)
{
    Writer all;
    writer_init(&all, 0);
    for (bool first = true;; first = false) {
        peer_expect(peer, PDU_RESPONSE);
        assert_int_equal(peer->pdu.header.call_id, call_id);
        assert_int_equal(!!(peer->pdu.header.flags & PDU_FIRST_FRAG), first);
        bool sealed = peer->security && sec_context_token_length(peer->security, peer->level) > 0;
        assert_int_equal(sealed, peer->pdu.trailer.token != NULL);
        if (sealed) unprotect(peer);
        writer_bytes(&all, peer->data + peer->pdu.call.stub_offset,
                     peer->pdu.call.stub_length - peer->pdu.trailer.pad_length);
        assert_true(peer->pdu.header.frag_length <= (peer->fragment ? peer->fragment : 4280));
        if (peer->pdu.header.flags & PDU_LAST_FRAG) break;
    }
    uint8_t *data = NULL;
    writer_u8(&all, 0); /* so that there always is something to take */
    assert_int_equal(writer_take(&all, &data, ret_length), 0);
    (*ret_length)--;
    return data;
}

void peer_protect(Peer *peer, uint32_t context_id, uint8_t level)
{
    sec_context_free(peer->security);
    peer->security = test_context_new(true);
    peer->context_id = context_id;
    peer->level = level;
}

void peer_login(Peer *peer, PduType first, uint64_t features, uint32_t context_id, uint8_t level,
                const char *principal, bool by_auth3)
{
    char token[64] = "one ";
    strcat(token, principal);
    peer->level = level;
    peer->context_id = context_id;
    peer_bind(peer, first, features, token);
    peer_expect(peer, first == PDU_BIND ? PDU_BIND_ACK : PDU_ALTER_CONTEXT_RESP);
    assert_int_equal(peer->pdu.trailer.context_id, context_id);
    assert_int_equal(peer->pdu.trailer.token_length, 3);
    if (by_auth3) {
        peer_auth3(peer, "three");
    } else {
        peer_bind(peer, PDU_ALTER_CONTEXT, 0, "three");
        peer_expect(peer, PDU_ALTER_CONTEXT_RESP);
        assert_null(peer->pdu.trailer.token);
    }
    peer_protect(peer, context_id, level);
}

void peer_bare(Peer *peer, PduType type, uint32_t call_id)
{
    Writer writer;
    writer_init(&writer, 0);
    size_t start = pdu_begin(&writer, type, WHOLE, call_id);
    pdu_end(&writer, start);
    peer_send_writer(peer, &writer);
}

void peer_request_unproved(Peer *peer, uint32_t call_id, size_t length)
{
    Writer writer;
    writer_init(&writer, 0);
    size_t start = pdu_begin(&writer, PDU_REQUEST, WHOLE, call_id);
    pdu_put_request(&writer, start, 0, 0, OP_ECHO, NULL);
    writer_fill(&writer, 0, 16);
    PduTrailer trailer = {
        .type = TEST_AUTH_TYPE, .level = peer->level, .context_id = peer->context_id, .token_length = length};
    (void)pdu_put_trailer(&writer, start, &trailer, PDU_AUTH_PAD);
    pdu_end(&writer, start);
    peer_send_writer(peer, &writer);
}

void peer_expect_echo(Peer *peer, uint32_t call_id, const void *data, size_t length)
{
    size_t got;
    uint8_t *answer = peer_response(peer, call_id, &got);
    assert_int_equal(got, length);
    assert_memory_equal(answer, data, length);
    free(answer);
}

void peer_check_echo(Peer *peer, uint32_t call_id)
{
    peer_request(peer, call_id, OP_ECHO, "hello", 5);
    peer_expect_echo(peer, call_id, "hello", 5);
}

void peer_check_who(Peer *peer, uint32_t call_id, uint8_t level, const char *principal)
{
    size_t length;
    peer_request(peer, call_id, OP_WHO, "", 0);
    uint8_t *answer = peer_response(peer, call_id, &length);
    assert_int_equal(length, 3 + strlen(principal));
    assert_int_equal(answer[0], TEST_AUTH_TYPE);
    assert_int_equal(answer[1], level);
    assert_string_equal((char *)answer + 2, principal);
    free(answer);
}
