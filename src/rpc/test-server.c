/* SPDX-License-Identifier: Apache-2.0 */
/* The server half against a raw peer: round trips, protocol order, limits. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/time.h"
#include "rpc/test-peer.h"

static void test_round_trip(void **state)
{
    (void)state;
    Host host;
    Peer peer;
    host_start(&host, (RpcServerOptions){0}, 4, false);
    for (int v6 = 0; v6 < 2; v6++) {
        peer_open(&peer, &host, v6);
        peer_bound(&peer, 0);
        char port[8];
        snprintf(port, sizeof(port), "%u", host.port);
        assert_int_equal(peer.pdu.bind.address_length, strlen(port));
        assert_memory_equal(peer.pdu.bind.address, port, strlen(port));
        for (uint32_t id = 2; id < 20; id++)
            peer_check_echo(&peer, id);
        peer_request(&peer, 20, OP_ECHO, "", 0);
        peer_expect_echo(&peer, 20, "", 0);
        peer_request(&peer, 21, OP_WHO, "", 0);
        peer_expect_echo(&peer, 21, "\0\1nobody", 9);
        uint32_t status = 0x80070005;
        peer_request(&peer, 22, OP_FAULT, &status, 4);
        peer_expect_fault(&peer, status);
        assert_false(peer.pdu.header.flags & PDU_DID_NOT_EXECUTE);
        peer_check_echo(&peer, 23);
        peer_close(&peer);
    }
    host_stop(&host);
}

static void test_fragments(void **state)
{
    (void)state;
    static uint8_t data[200000];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7);
    Host host;
    Peer peer;
    host_start(&host, (RpcServerOptions){0}, 32, true);
    peer_open(&peer, &host, false);
    peer_bound(&peer, 0);
    peer_request_part(&peer, PDU_FIRST_FRAG, 2, 0, OP_ECHO, data, 4000);
    peer_request_part(&peer, 0, 2, 0, OP_ECHO, data + 4000, 1);
    peer_request_part(&peer, 0, 2, 0, OP_ECHO, data + 4001, 0);
    peer_request_part(&peer, 0, 2, 0, OP_ECHO, data + 4001, 5816); /* as long as Windows takes them */
    peer_request_part(&peer, PDU_LAST_FRAG, 2, 0, OP_ECHO, data + 9817, 5000);
    peer_expect_echo(&peer, 2, data, 14817);
    /* answers around the size of a fragment: 4280 - 24 is a multiple of 8 */
    static const uint32_t sizes[] = {4255, 4256, 4257, 8512, 8513, 8 * 4256, 8 * 4256 + 1, sizeof(data)};
    for (uint32_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        peer_request(&peer, 3 + i, OP_BIG, &sizes[i], 4);
        peer_expect_echo(&peer, 3 + i, data, sizes[i]);
    }
    /* several requests in one segment, and one cut into bytes */
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, 0);
    for (uint32_t id = 20; id < 40; id++) {
        size_t start = pdu_begin(&writer, PDU_REQUEST, WHOLE, id);
        pdu_put_request(&writer, start, 0, 0, OP_ECHO, NULL);
        pdu_end(&writer, start);
    }
    peer_send(&peer, writer.data, writer.length);
    bool seen[40] = {false};
    for (unsigned i = 0; i < 20; i++) {
        peer_expect(&peer, PDU_RESPONSE);
        assert_false(seen[peer.pdu.header.call_id]);
        seen[peer.pdu.header.call_id] = true;
    }
    for (size_t i = 0; i < 24; i++)
        peer_send(&peer, writer.data + i, 1);
    peer_expect_echo(&peer, 20, "", 0);
    peer_request_part(&peer, PDU_FIRST_FRAG, 41, 0, OP_ECHO, data, 5817);
    peer_expect_fault(&peer, NCA_S_PROTO_ERROR);
    peer_expect_end(&peer);
    peer_close(&peer);

    /* longer ones for who asks for them */
    peer_open(&peer, &host, false);
    peer.fragment = 65535;
    peer_bound(&peer, 0);
    assert_int_equal(peer.pdu.bind.max_recv, 65520);
    peer_request(&peer, 2, OP_ECHO, data, 60000);
    peer_expect_echo(&peer, 2, data, 60000);
    peer_request(&peer, 3, OP_ECHO, data, 65521 - 24);
    peer_expect_fault(&peer, NCA_S_PROTO_ERROR);
    peer_expect_end(&peer);
    peer_close(&peer);
    host_stop(&host);
}

static void expect_result(PduList *list, uint16_t result, uint16_t reason)
{
    PduResult got;
    assert_true(pdu_result_next(list, &got));
    assert_int_equal(got.result, result);
    assert_int_equal(got.reason, reason);
}

static void test_presentation(void **state)
{
    (void)state;
    Host host;
    Peer peer;
    PduSyntax stranger = peer_interface, newer = peer_interface, older = peer_interface,
              ndr64 = pdu_syntax_ndr;
    PduSyntax features = pdu_syntax_from_features(0xff), both[2];
    stranger.uuid.data1++;
    newer.minor++;
    older.minor--;
    ndr64.uuid.data1++;
    both[0] = ndr64;
    both[1] = pdu_syntax_ndr;
    host_start(&host, (RpcServerOptions){0}, 4, false);
    peer_open(&peer, &host, false);
    Writer writer;
    writer_init(&writer, 0);
    size_t start = pdu_begin(&writer, PDU_BIND, WHOLE, 1);
    pdu_put_bind(&writer, 100, 100, 0, 9); /* below what is agreed on at least */
    pdu_put_context(&writer, 0, &stranger, &pdu_syntax_ndr, 1);
    pdu_put_context(&writer, 1, &newer, &pdu_syntax_ndr, 1);
    pdu_put_context(&writer, 2, &older, &pdu_syntax_ndr, 1);
    pdu_put_context(&writer, 3, &peer_interface, &ndr64, 1);
    pdu_put_context(&writer, 9, &peer_interface, both, 2);
    pdu_put_context(&writer, 4, &peer_object, &pdu_syntax_ndr, 1);
    pdu_put_context(&writer, 6, &peer_object, &pdu_syntax_ndr, 1);
    pdu_put_context(&writer, 4, &peer_object, &pdu_syntax_ndr, 1);
    pdu_put_context(&writer, 5, &peer_interface, &features, 1);
    pdu_end(&writer, start);
    peer_send_writer(&peer, &writer);
    peer_expect(&peer, PDU_BIND_ACK);
    assert_int_equal(peer.pdu.bind.max_xmit, 2048);
    assert_int_equal(peer.pdu.bind.max_recv, 2048);
    assert_true(peer.pdu.bind.group != 0);
    PduList list;
    pdu_list_init(&list, &peer.pdu.bind);
    expect_result(&list, PDU_RESULT_PROVIDER, PDU_REASON_ABSTRACT);
    expect_result(&list, PDU_RESULT_PROVIDER, PDU_REASON_ABSTRACT);
    expect_result(&list, PDU_RESULT_ACCEPTED, 0);
    expect_result(&list, PDU_RESULT_PROVIDER, PDU_REASON_TRANSFER);
    expect_result(&list, PDU_RESULT_ACCEPTED, 0);
    expect_result(&list, PDU_RESULT_ACCEPTED, 0);
    expect_result(&list, PDU_RESULT_PROVIDER, PDU_REASON_TRANSFER); /* one of an interface in one PDU */
    expect_result(&list, PDU_RESULT_PROVIDER, PDU_REASON_TRANSFER);
    expect_result(&list, PDU_RESULT_FEATURES, PDU_FEATURE_SECURITY_MULTIPLEX | PDU_FEATURE_KEEP_ON_ORPHAN);

    static const struct {
        uint16_t context;
        uint32_t fault;
    } rows[] = {
        {2, 0}, {9, 0}, {4, 0}, {0, NCA_S_UNK_IF}, {3, NCA_S_UNK_IF}, {5, NCA_S_UNK_IF}, {77, NCA_S_UNK_IF}};
    for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++) {
        peer_request_part(&peer, WHOLE, 2 + i, rows[i].context, OP_ECHO, "x", 1);
        if (rows[i].fault)
            peer_expect_fault(&peer, rows[i].fault);
        else
            peer_expect_echo(&peer, 2 + i, "x", 1);
    }
    peer_close(&peer);
    host_stop(&host);
}

static void test_groups(void **state)
{
    (void)state;
    Host host;
    Peer peers[3];
    host_start(&host, (RpcServerOptions){0}, 4, false);
    uint32_t group = 0;
    for (unsigned i = 0; i < 3; i++) {
        peer_open(&peers[i], &host, i == 2); /* the last from another address */
        Writer writer;
        writer_init(&writer, 0);
        size_t start = pdu_begin(&writer, PDU_BIND, WHOLE, 1);
        pdu_put_bind(&writer, 4280, 4280, group, 1);
        pdu_put_context(&writer, 0, &peer_interface, &pdu_syntax_ndr, 1);
        pdu_end(&writer, start);
        peer_send_writer(&peers[i], &writer);
        if (i == 2) {
            peer_expect_nak(&peers[i], PDU_NAK_NOT_SPECIFIED);
            break;
        }
        peer_expect(&peers[i], PDU_BIND_ACK);
        if (i == 1) assert_int_equal(peers[i].pdu.bind.group, group);
        group = peers[i].pdu.bind.group;
    }
    assert_int_equal(rpc_server_state(host.server).groups, 1);
    for (unsigned i = 0; i < 3; i++)
        peer_close(&peers[i]);
    for (unsigned i = 0; i < 500; i++) {
        RpcServerState left = rpc_server_state(host.server);
        if (!left.groups && !left.connections) break;
        usleep(10000);
    }
    assert_int_equal(rpc_server_state(host.server).groups, 0);
    assert_int_equal(rpc_server_state(host.server).connections, 0);
    host_stop(&host);
}

/* Bytes sent to a fresh or bound connection, and what must come back. */
static void test_bad_input(void **state)
{
    (void)state;
    static const uint8_t version[16] = {4, 0, 11, 3, 0x10, 0, 0, 0, 72, 0, 0, 0, 1};
    static const uint8_t big_endian[16] = {5, 0, 11, 3, 0x00, 0, 0, 0, 0, 72, 0, 0, 0, 0, 0, 1};
    static const uint8_t short_bind[16] = {5, 0, 11, 3, 0x10, 0, 0, 0, 20, 0, 0, 0, 1};
    static const uint8_t short_request[16] = {5, 0, 0, 3, 0x10, 0, 0, 0, 16, 0, 0, 0, 1};
    static const uint8_t tiny[16] = {5, 0, 17, 3, 0x10, 0, 0, 0, 3, 0, 0, 0, 1};
    static const uint8_t unknown[16] = {5, 0, 99, 3, 0x10, 0, 0, 0, 16, 0, 0, 0, 1};
    static const uint8_t response[24] = {5, 0, 2, 3, 0x10, 0, 0, 0, 24, 0, 0, 0, 1};
    static const uint8_t request[24] = {5, 0, 0, 3, 0x10, 0, 0, 0, 24, 0, 0, 0, 1};
    static const uint8_t auth3[20] = {5, 0, 16, 3, 0x10, 0, 0, 0, 20, 0, 0, 0, 1};
    static const uint8_t empty_bind[28] = {5, 0, 11, 3, 0x10, 0, 0, 0, 28, 0, 0, 0, 1};
    static const uint8_t half_bind[28] = {5, 0, 11, 1, 0x10, 0, 0, 0, 28, 0, 0, 0, 1,
                                          0, 0, 0,  0, 0,    0, 0, 0, 0,  0, 0, 1};
    static const uint8_t overfull[28] = {5, 0, 11, 3, 0x10, 0, 0, 0, 28, 0, 0, 0, 1,
                                         0, 0, 0,  0, 0,    0, 0, 0, 0,  0, 0, 9};
    static const struct {
        const uint8_t *bytes;
        size_t length;
        bool bound;
        int type; /* -1: only the end */
    } rows[] = {
        {version, 16, false, PDU_BIND_NAK},
        {big_endian, 16, false, PDU_BIND_NAK},
        {short_bind, 16, false, PDU_BIND_NAK},
        {tiny, 16, false, PDU_BIND_NAK},
        {unknown, 16, false, -1},
        {response, 24, false, -1},
        {request, 24, false, PDU_FAULT},
        {empty_bind, 28, false, PDU_BIND_NAK},
        {half_bind, 28, false, PDU_BIND_NAK},
        {overfull, 28, false, PDU_BIND_NAK},
        {short_request, 16, true, PDU_FAULT},
        {version, 16, true, PDU_BIND_NAK},
        {empty_bind, 28, true, PDU_BIND_NAK},
        {auth3, 20, true, PDU_FAULT},
        {unknown, 16, true, -1},
        {response, 24, true, -1},
        {(const uint8_t *)"GET / HTTP/1.1\r\n\r\n", 18, false, PDU_BIND_NAK},
    };
    Host host;
    Peer other, peer;
    host_start(&host, (RpcServerOptions){0}, 4, false);
    peer_open(&other, &host, false);
    peer_bound(&other, 0);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        peer_open(&peer, &host, false);
        if (rows[i].bound) peer_bound(&peer, 0);
        peer_send(&peer, rows[i].bytes, rows[i].length);
        if (rows[i].type >= 0) peer_expect(&peer, (PduType)rows[i].type);
        if (rows[i].type >= 0 && rows[i].bytes[0] < ' ') assert_int_equal(peer.pdu.header.call_id, 1);
        if (rows[i].type == PDU_FAULT) assert_int_equal(peer.pdu.call.status, NCA_S_PROTO_ERROR);
        if (rows[i].type == PDU_BIND_NAK)
            assert_int_equal(peer.pdu.nak.reason,
                             rows[i].bytes == empty_bind ? PDU_NAK_NOT_SPECIFIED : PDU_NAK_VERSION);
        peer_expect_end(&peer);
        peer_close(&peer);
        peer_check_echo(&other, 2 + (uint32_t)i); /* unharmed */
    }
    peer_close(&other);
    host_stop(&host);
}

static void test_order(void **state)
{
    (void)state;
    Host host;
    Peer peer;
    host_start(&host, (RpcServerOptions){0}, 4, false);
    /* refused, and the connection goes on */
    peer_open(&peer, &host, false);
    peer_bound(&peer, PDU_FEATURE_KEEP_ON_ORPHAN);
    peer_request(&peer, 2, 99, "", 0);
    peer_expect_fault(&peer, NCA_S_OP_RNG_ERROR);
    assert_true(peer.pdu.header.flags & PDU_DID_NOT_EXECUTE);
    peer_request(&peer, 3, OP_NONE, "", 0);
    peer_expect_fault(&peer, NCA_S_OP_RNG_ERROR);
    peer_request(&peer, 4, OP_PRIVATE, "", 0);
    peer_expect_fault(&peer, RPCST_ACCESS_DENIED);
    peer_request_part(&peer, PDU_FIRST_FRAG, 5, 0, OP_NONE, "x", 1); /* at once; the rest is passed over */
    peer_expect_fault(&peer, NCA_S_OP_RNG_ERROR);
    peer_request_part(&peer, 0, 5, 0, OP_NONE, "x", 1);
    peer_request_part(&peer, PDU_LAST_FRAG, 5, 0, OP_NONE, "x", 1);
    peer_check_echo(&peer, 6);
    static const uint8_t cancel[16] = {5, 0, 18, 3, 0x10, 0, 0, 0, 16, 0, 0, 0, 6};
    static const uint8_t orphaned[16] = {5, 0, 19, 3, 0x10, 0, 0, 0, 16, 0, 0, 0, 7};
    peer_send(&peer, cancel, 16);
    peer_request_part(&peer, PDU_FIRST_FRAG, 7, 0, OP_ECHO, "lost", 4);
    peer_send(&peer, cancel, 16);
    peer_send(&peer, orphaned, 16);
    peer_check_echo(&peer, 8);
    peer_bind(&peer, PDU_ALTER_CONTEXT, 0, NULL);
    peer_expect(&peer, PDU_ALTER_CONTEXT_RESP);
    assert_int_equal(peer.pdu.bind.address_length, 0);
    peer_check_echo(&peer, 9);
    peer_request_part(&peer, PDU_FIRST_FRAG, 10, 0, OP_ECHO, "on", 2); /* what it is says the first one */
    peer_request_part(&peer, PDU_LAST_FRAG, 10, 77, OP_WHO, "ce", 2);
    peer_expect_echo(&peer, 10, "once", 4);
    peer_close(&peer);

    /* without the feature orphaned is only the client's last word: what it began is still there */
    peer_open(&peer, &host, false);
    peer_bound(&peer, 0);
    peer_request_part(&peer, PDU_FIRST_FRAG, 7, 0, OP_ECHO, "ke", 2);
    peer_send(&peer, orphaned, 16);
    peer_request_part(&peer, PDU_LAST_FRAG, 7, 0, OP_ECHO, "pt", 2);
    peer_expect_echo(&peer, 7, "kept", 4);
    peer_close(&peer);

    /* protocol errors: a fault, and the end */
    for (unsigned i = 0; i < 7; i++) {
        peer_open(&peer, &host, false);
        peer_bound(&peer, 0);
        peer_check_echo(&peer, 200);
        if (i > 0)
            peer_request_part(&peer, i == 1 ? 0 : PDU_FIRST_FRAG, i == 1 ? 50 : 201, 0, OP_ECHO, "x", 1);
        if (i == 0)
            peer_request_part(&peer, PDU_LAST_FRAG, 201, 0, OP_ECHO, "x", 1); /* of a call never begun */
        if (i == 2) peer_request_part(&peer, PDU_FIRST_FRAG, 201, 0, OP_ECHO, "x", 1);
        if (i == 3) peer_request_part(&peer, WHOLE, 202, 0, OP_ECHO, "x", 1);
        if (i == 4) peer_request_part(&peer, PDU_LAST_FRAG, 202, 0, OP_WHO, "x", 1);
        if (i == 5) peer_request_part(&peer, 0, 202, 0, OP_ECHO, "x", 1);
        if (i == 6) peer_bind(&peer, PDU_ALTER_CONTEXT, 0, NULL);
        peer_expect_fault(&peer, NCA_S_PROTO_ERROR);
        peer_expect_end(&peer);
        peer_close(&peer);
    }
    /* a second bind */
    peer_open(&peer, &host, false);
    peer_bound(&peer, 0);
    peer_bind(&peer, PDU_BIND, 0, NULL);
    peer_expect_nak(&peer, PDU_NAK_NOT_SPECIFIED);
    peer_close(&peer);
    host_stop(&host);
}

/* One alter_context after the other, each with a new context. */
static void test_presentation_limit(void **state)
{
    (void)state;
    Host host;
    Peer peer;
    host_start(&host, (RpcServerOptions){0}, 4, false);
    peer_open(&peer, &host, false);
    peer_bound(&peer, 0); /* the first one */
    for (uint16_t id = 1; id <= RPC_PREAUTH_PRESENTATIONS; id++) {
        Writer writer;
        writer_init(&writer, 0);
        size_t start = pdu_begin(&writer, PDU_ALTER_CONTEXT, WHOLE, 1);
        pdu_put_bind(&writer, 4280, 4280, 0, 1);
        pdu_put_context(&writer, id, &peer_object, &pdu_syntax_ndr, 1);
        pdu_end(&writer, start);
        peer_send_writer(&peer, &writer);
        if (id < RPC_PREAUTH_PRESENTATIONS) peer_expect(&peer, PDU_ALTER_CONTEXT_RESP);
    }
    peer_expect_nak(&peer, PDU_NAK_LIMIT);
    peer_close(&peer);
    host_stop(&host);
}

static void test_listen_fd(void **state)
{
    (void)state;
    Host host;
    Peer peer;
    IoAddress address;
    int fd;
    uint16_t port;
    host_start(&host, (RpcServerOptions){0}, 4, false);
    assert_int_equal(io_address_parse("127.0.0.1", 0, &address), 0);
    assert_int_equal(io_listen(&address, 0, &fd), 0);
    assert_int_equal(fcntl(fd, F_SETFL, 0), 0); /* blocking, as an init system may hand it over */
    assert_int_equal(rpc_server_listen_fd(host.server, fd, &port), 0);
    host.port = port;
    for (unsigned i = 0; i < 3; i++) {
        peer_open(&peer, &host, false);
        peer_bound(&peer, 0);
        peer_check_echo(&peer, 2);
        peer_close(&peer);
    }
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    assert_true(rpc_server_listen_fd(host.server, pipes[0], &port) <
                0); /* no socket, and closed all the same */
    assert_int_equal(fcntl(pipes[0], F_GETFD), -1);
    close(pipes[1]);
    host_stop(&host);
}

static void test_request_limit(void **state)
{
    (void)state;
    static uint8_t data[65536];
    Host host;
    Peer peer;
    host_start(&host, (RpcServerOptions){.preauth_bytes = 10000}, 4, false);
    for (size_t extra = 0; extra < 2; extra++) {
        peer_open(&peer, &host, false);
        peer.fragment = 65520;
        peer_bound(&peer, 0);
        peer_request_part(&peer, PDU_FIRST_FRAG, 2, 0, OP_ECHO, data, 6000);
        peer_request_part(&peer, PDU_LAST_FRAG, 2, 0, OP_ECHO, data, 4000 + extra);
        if (extra) {
            peer_expect_fault(&peer, RPCST_ACCESS_DENIED);
            peer_expect_end(&peer);
        } else {
            peer_expect_echo(&peer, 2, data, 10000);
            peer_request(&peer, 3, OP_ECHO, data, 10000);
            peer_expect_echo(&peer, 3, data, 10000);
            peer_request(&peer, 4, OP_ECHO, data, 10001);
            peer_expect_fault(&peer, RPCST_ACCESS_DENIED);
            peer_expect_end(&peer);
        }
        peer_close(&peer);
    }
    host_stop(&host);
}

static void test_connection_limit(void **state)
{
    (void)state;
    Host host;
    Peer peers[4];
    host_start(&host, (RpcServerOptions){.preauth_connections = 3}, 4, false);
    for (unsigned i = 0; i < 3; i++) {
        peer_open(&peers[i], &host, false);
        peer_bound(&peers[i], 0);
    }
    assert_int_equal(rpc_server_state(host.server).unauthenticated, 3);
    peer_open(&peers[3], &host, false);
    peer_expect_end(&peers[3]);
    peer_close(&peers[3]);
    peer_open(&peers[3], &host, true); /* another address is not concerned */
    peer_bound(&peers[3], 0);
    peer_close(&peers[3]);
    peer_close(&peers[0]);
    for (unsigned i = 0; i < 500 && rpc_server_state(host.server).unauthenticated > 2; i++)
        usleep(10000);
    peer_open(&peers[0], &host, false);
    peer_bound(&peers[0], 0);
    for (unsigned i = 0; i < 3; i++)
        peer_close(&peers[i]);
    host_stop(&host);
}

static void test_slow_peer(void **state)
{
    (void)state;
    Host host;
    Peer silent, trickle, caller;
    host_start(&host, (RpcServerOptions){.preauth_seconds = 1}, 4, false);
    peer_open(&silent, &host, false);
    peer_open(&trickle, &host, false);
    peer_open(&caller, &host, false);
    peer_bound(&caller, 0);
    uint64_t start = time_monotonic();
    static const uint8_t bind[16] = {5, 0, 11, 3, 0x10, 0, 0, 0, 72};
    unsigned sent = 0;
    for (; sent < 16; sent++) {
        size_t done;
        if (io_write(trickle.fd, bind + sent, 1, &done)) break;
        usleep(100000);
        if (sent % 4 == 3) peer_check_echo(&caller, 2 + sent); /* who calls keeps its connection */
    }
    assert_true(sent < 16);
    peer_expect_end(&silent);
    uint64_t took = time_monotonic() - start;
    assert_true(took > NS_PER_SECOND / 2 && took < 4 * NS_PER_SECOND);
    peer_check_echo(&caller, 100);
    peer_expect_end(&caller); /* and loses it when it is idle */
    peer_close(&silent);
    peer_close(&trickle);
    peer_close(&caller);
    host_stop(&host);
}

static void test_deaf_peer(void **state)
{
    (void)state;
    Host host;
    Peer deaf, other;
    host_start(&host, (RpcServerOptions){.send_seconds = 1}, 4, false);
    peer_open(&deaf, &host, false);
    peer_bound(&deaf, 0);
    peer_open(&other, &host, false);
    peer_bound(&other, 0);
    uint32_t size = 32u << 20; /* more than sockets hold */
    peer_request(&deaf, 2, OP_BIG, &size, 4);
    peer_check_echo(&other, 2);
    for (unsigned i = 0; i < 500 && rpc_server_state(host.server).connections > 1; i++)
        usleep(10000);
    assert_int_equal(rpc_server_state(host.server).connections, 1);
    peer_check_echo(&other, 3);
    peer_close(&deaf);
    peer_close(&other);
    host_stop(&host);
}

static void test_busy(void **state)
{
    (void)state;
    for (unsigned by_caller = 0; by_caller < 2; by_caller++) {
        Host host;
        Peer waiting, peer;
        /* three threads: two may block, one must read; or only two calls of one caller */
        host_start(&host, (RpcServerOptions){.calls_per_caller = by_caller ? 2 : 0}, by_caller ? 16 : 3,
                   false);
        host_gate(false);
        atomic_store(&host_admits, false);
        peer_open(&waiting, &host, false);
        peer_bound(&waiting, 0);
        peer_open(&peer, &host, false);
        Writer writer;
        writer_init(&writer, 0);
        size_t start = pdu_begin(&writer, PDU_BIND, WHOLE, 1);
        pdu_put_bind(&writer, 4280, 4280, 0, 2);
        pdu_put_context(&writer, 0, &peer_interface, &pdu_syntax_ndr, 1);
        pdu_put_context(&writer, 1, &peer_object, &pdu_syntax_ndr, 1);
        pdu_end(&writer, start);
        peer_send_writer(&peer, &writer);
        peer_expect(&peer, PDU_BIND_ACK);
        peer_request(&waiting, 2, OP_WAIT, "a", 1);
        peer_request(&waiting, 3, OP_WAIT, "b", 1);
        host_wait_for(2);
        peer_request(&peer, 2, OP_ECHO, "x", 1);
        peer_expect_fault(&peer, NCA_S_SERVER_TOO_BUSY);
        assert_true(peer.pdu.header.flags & PDU_DID_NOT_EXECUTE);
        peer_request_part(&peer, WHOLE, 3, 1, 0, "x", 1);
        peer_expect_fault(&peer, NCA_S_SERVER_TOO_BUSY);
        atomic_store(&host_admits, true); /* a call of an object that belongs to one of those */
        peer_request_part(&peer, WHOLE, 4, 1, 0, "x", 1);
        peer_expect_echo(&peer, 4, "x", 1);
        if (by_caller) { /* but none of a plain interface; the pool meanwhile has one thread more */
            peer_request(&peer, 5, OP_ECHO, "x", 1);
            peer_expect_fault(&peer, NCA_S_SERVER_TOO_BUSY);
            for (unsigned i = 2; i < 2 * RPC_CHAIN_CALLS; i++)
                peer_request_part(&peer, WHOLE, 5 + i, 1, OP_WAIT, "x", 1);
            host_wait_for(2 * RPC_CHAIN_CALLS);
            peer_request_part(&peer, WHOLE, 20, 1, 0, "x", 1); /* and those have an end, too */
            peer_expect_fault(&peer, NCA_S_SERVER_TOO_BUSY);
        }
        host_gate(true);
        peer_expect(&waiting, PDU_RESPONSE);
        peer_expect(&waiting, PDU_RESPONSE);
        for (unsigned i = 2; by_caller && i < 2 * RPC_CHAIN_CALLS; i++)
            peer_expect(&peer, PDU_RESPONSE);
        peer_request(&peer, 30, OP_ECHO, "x", 1);
        peer_expect_echo(&peer, 30, "x", 1);
        peer_close(&waiting);
        peer_close(&peer);
        host_stop(&host);
    }
}

static void *open_gate_later(void *data)
{
    (void)data;
    usleep(200000);
    host_gate(true);
    return NULL;
}

static void test_free_waits(void **state)
{
    (void)state;
    Host host;
    Peer peer;
    host_start(&host, (RpcServerOptions){0}, 4, false);
    host_gate(false);
    peer_open(&peer, &host, false);
    peer_bound(&peer, 0);
    peer_request(&peer, 2, OP_WAIT, "a", 1);
    host_wait_for(1);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, open_gate_later, NULL), 0);
    host.server = rpc_server_free(host.server);
    assert_int_equal(atomic_load(&host_waiting), 0);
    pthread_join(thread, NULL);
    peer_expect_end(&peer);
    peer_close(&peer);
    host_stop(&host);
}

/* One call after the other: the thread that served the last one waits for the next. */
static void test_streak(void **state)
{
    (void)state;
    enum { CALLS = 20 };
    Host host;
    Peer peer;
    host_start(&host, (RpcServerOptions){0}, 4, false);
    for (unsigned concurrent = 0; concurrent < 2; concurrent++) {
        uint32_t id = 2;
        peer_open(&peer, &host, false);
        peer.concurrent = concurrent;
        peer_bound(&peer, 0);
        for (unsigned i = 0; i < CALLS; i++)
            peer_check_echo(&peer, id++);
        usleep(20000); /* longer than it waits */
        for (unsigned i = 0; i < CALLS; i++)
            peer_check_echo(&peer, id++);
        host_gate(false);
        peer_request(&peer, id, OP_WAIT, "a", 1);
        host_wait_for(1);
        peer_request(&peer, id + 1, OP_ECHO, "b", 1);
        if (concurrent) peer_expect_echo(&peer, id + 1, "b", 1); /* must not wait for the one before */
        host_gate(true);
        if (concurrent) {
            peer_expect_echo(&peer, id, "a", 1);
        } else {
            /* It broke its word, and is served all the same, in any order. */
            peer_expect(&peer, PDU_RESPONSE);
            const uint32_t first = peer.pdu.header.call_id;
            assert_true(first == id || first == id + 1);
            peer_expect_echo(&peer, first == id ? id + 1 : id, first == id ? "b" : "a", 1);
        }
        host_wait_for(0);
        for (unsigned i = 0; i < CALLS; i++)
            peer_check_echo(&peer, id + 2 + i);
        peer_close(&peer); /* while it waits */
    }
    assert_int_equal(io_pool_state(host.pool).threads <= 4, 1);
    peer_open(&peer, &host, false);
    peer_bound(&peer, 0);
    for (uint32_t id = 2; id < CALLS; id++)
        peer_check_echo(&peer, id);
    host.server = rpc_server_free(host.server); /* likewise */
    peer_expect_end(&peer);
    peer_close(&peer);
    host_stop(&host);
}

/* Threads that wait for more do not make the server busy. */
static void test_streaks_are_not_busy(void **state)
{
    (void)state;
    enum { PEERS = 8, ROUNDS = 30 };
    static Peer peers[PEERS];
    Host host;
    host_start(&host, (RpcServerOptions){0}, 3, false);
    for (unsigned i = 0; i < PEERS; i++) {
        peer_open(&peers[i], &host, false);
        peer_bound(&peers[i], 0);
    }
    for (unsigned round = 0; round < ROUNDS; round++)
        for (unsigned i = 0; i < PEERS; i++)
            for (unsigned call = 0; call < 6; call++)
                peer_check_echo(&peers[i], 2 + round * 6 + call);
    for (unsigned i = 0; i < PEERS; i++)
        peer_close(&peers[i]);
    host_stop(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_fragments),
        cmocka_unit_test(test_presentation),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_request_limit),
        cmocka_unit_test(test_connection_limit),
        cmocka_unit_test(test_slow_peer),
        cmocka_unit_test(test_deaf_peer),
        cmocka_unit_test(test_busy),
        cmocka_unit_test(test_free_waits),
        cmocka_unit_test(test_streak),
        cmocka_unit_test(test_streaks_are_not_busy),
        cmocka_unit_test(test_presentation_limit),
        cmocka_unit_test(test_listen_fd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
