/* SPDX-License-Identifier: Apache-2.0 */
/* The server's limits and deadlines: who meets one hears so, the log has its name once, others are served. */
#include <stdlib.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/time.h"
#include "io/socket.h"
#include "rpc/test-provider.h"
#include "rpc/test-said.h"

#define TIMES        100u
#define SLOW         5u /* times, of what takes a second */
#define TEN_THOUSAND 10000u
#define PATIENT      (30 * NS_PER_SECOND)

/* Limits: many are refused at once, one line says so, with the limit's name. */

static void test_calls(void **state)
{
    (void)state;
    for (unsigned by_caller = 0; by_caller < 2; by_caller++) {
        Host host;
        Peer waiting, peer;
        RpcServerOptions options = said_options;
        options.calls_per_caller = by_caller ? 2 : 0;
        said_forget();
        host_start(&host, options, by_caller ? 16 : 3, true);
        host_gate(false);
        peer_open(&waiting, &host, false);
        waiting.concurrent = true;
        peer_login(&waiting, PDU_BIND, 0, 0, PKT, ALICE, false);
        peer_request(&waiting, 2, OP_WAIT, "a", 1);
        peer_request(&waiting, 3, OP_WAIT, "b", 1);
        host_wait_for(2);
        peer_open(&peer, &host, false);
        peer_login(&peer, PDU_BIND, 0, 0, PKT, ALICE, false);
        for (uint32_t id = 2; id < 20; id++) { /* the pool has each wait for a moment */
            peer_request(&peer, id, OP_ECHO, "x", 1);
            peer_expect_fault(&peer, NCA_S_SERVER_TOO_BUSY);
        }
        said_expect(1,
                    by_caller ? "more calls of one caller at once than calls_per_caller"
                              : "more calls at once than threads_max",
                    "as alice@LAB.TEST");
        host_gate(true);
        peer_close(&waiting);
        peer_close(&peer);
        host_stop(&host);
    }
}

static void test_connections(void **state)
{
    (void)state;
    for (unsigned by_address = 0; by_address < 2; by_address++) {
        Host host;
        Peer first, peer;
        RpcServerOptions options = said_options;
        options.preauth_connections = by_address ? 1 : 0;
        options.connections = by_address ? 0 : 1;
        said_forget();
        host_start(&host, options, 4, true);
        peer_open(&first, &host, false);
        peer_bound(&first, 0);
        for (unsigned i = 0; i < TIMES; i++) {
            peer_open(&peer, &host, false);
            peer_expect_end(&peer);
            peer_close(&peer);
        }
        said_expect(1,
                    by_address ? "more connections without authentication than connections_per_address"
                               : "more connections than RPC_CONNECTIONS",
                    "refused 127.0.0.1:");
        peer_check_echo(&first, 2);
        peer_close(&first);
        host_stop(&host);
    }
}

static void test_connections_of_a_caller(void **state)
{
    (void)state;
    Host host;
    Peer first, peer;
    RpcServerOptions options = said_options;
    options.caller_connections = 1;
    said_forget();
    host_start(&host, options, 4, true);
    peer_open(&first, &host, false);
    peer_login(&first, PDU_BIND, 0, 0, PKT, ALICE, false);
    for (unsigned i = 0; i < TIMES; i++) {
        peer_open(&peer, &host, false);
        peer_begin(&peer, PDU_BIND, 0, PKT, "one " ALICE);
        peer_expect(&peer, PDU_BIND_ACK);
        peer_bind(&peer, PDU_ALTER_CONTEXT, 0, "three");
        peer_expect_fault(&peer, RPCST_OUT_OF_RESOURCES);
        peer_close(&peer);
    }
    said_expect(1, "more connections of one caller than RPC_CALLER_CONNECTIONS", "refused 127.0.0.1:");
    peer_check_who(&first, 2, PKT, ALICE);
    peer_close(&first);
    host_stop(&host);
}

/* Who is too slow, in each way, several at once. */
static void test_deadlines(void **state)
{
    (void)state;
    static Peer silent[SLOW], half[SLOW], stalling[SLOW], deaf, other;
    const uint32_t size = 32u << 20; /* more than sockets hold */
    Host host;
    RpcServerOptions options = said_options;
    options.preauth_seconds = 3; /* enough to authenticate in, also on a machine that is busy */
    options.stall_seconds = options.send_seconds = 1;
    said_forget();
    host_start(&host, options, 4, true);
    peer_open(&other, &host, true);
    peer_login(&other, PDU_BIND, 0, 0, PKT, BOB, false);
    for (unsigned i = 0; i < SLOW; i++) {
        peer_open(&silent[i], &host, false);
        peer_open(&half[i], &host, false);
        peer_send(&half[i], "\5\0\13\3\20", 5);
        peer_open(&stalling[i], &host, false);
        peer_login(&stalling[i], PDU_BIND, 0, 0, PKT, ALICE, false);
        peer_request_part(&stalling[i], PDU_FIRST_FRAG, 2, 0, OP_ECHO, "x", 1);
    }
    peer_open(&deaf, &host, false);
    peer_login(&deaf, PDU_BIND, 0, 0, PKT, "deaf@LAB.TEST", false);
    peer_request(&deaf, 2, OP_BIG, &size, sizeof(size));
    for (unsigned i = 0; i < SLOW; i++) {
        peer_expect_end(&silent[i]);
        peer_expect_end(&half[i]);
        peer_expect_end(&stalling[i]);
    }
    said_wait("did not read its answer within RPC_SEND_SECONDS", "as deaf@LAB.TEST");
    said_expect(1, "not authenticated, and not done with what it began, within preauth_seconds",
                "refused 127.0.0.1:");
    said_expect(1, "stopped in the middle of a request for RPC_STALL_SECONDS", "as alice@LAB.TEST");
    said_expect(3, "", "");
    peer_check_who(&other, 2, PKT, BOB);
    for (unsigned i = 0; i < SLOW; i++) {
        peer_close(&silent[i]);
        peer_close(&half[i]);
        peer_close(&stalling[i]);
    }
    peer_close(&deaf);
    peer_close(&other);
    host_stop(&host);
}

/* A context that ended: the test's provider has some that last for two seconds. */
static void test_expired(void **state)
{
    (void)state;
    Host host;
    Peer peer;
    const uint64_t deadline = time_after(PATIENT);
    said_forget();
    host_start(&host, said_options, 4, true);
    peer_open(&peer, &host, false);
    peer_login(&peer, PDU_BIND, 0, 0, PKT, "brief@LAB.TEST", false);
    uint32_t id = 2, refused = 0;
    while (refused < TIMES && time_monotonic() < deadline) {
        peer_request(&peer, id++, OP_FAULT, &(uint32_t){87}, 4); /* answered without a seal in any case */
        peer_expect(&peer, PDU_FAULT);
        refused += peer.pdu.call.status == RPCST_SEC_PKG_ERROR;
    }
    assert_int_equal(refused, TIMES);
    said_expect(1, "request: a security context that has expired", "as brief@LAB.TEST");
    said_expect(1, "", "");
    peer_close(&peer);
    host_stop(&host);
}

/* 10,000 contexts on one connection, sent without waiting for an answer. */

typedef struct Answers {
    unsigned acks, naks, faults;
    uint32_t status; /* of the last fault, or reason of the bind_nak */
} Answers;

/* Counts the PDUs that came so far; what is left of the last one stays in the writer. */
static void count_answers(Writer *got, Answers *answers)
{
    size_t at = 0;
    Pdu pdu;
    PduHeader header;
    while (got->length - at >= PDU_HEADER_SIZE) {
        assert_int_equal(pdu_header_parse(got->data + at, &header), 0);
        if (got->length - at < header.frag_length) break;
        assert_int_equal(pdu_parse(got->data + at, header.frag_length, &pdu), 0);
        answers->acks += header.type == PDU_ALTER_CONTEXT_RESP;
        answers->naks += header.type == PDU_BIND_NAK;
        answers->faults += header.type == PDU_FAULT;
        if (header.type == PDU_BIND_NAK) answers->status = pdu.nak.reason;
        if (header.type == PDU_FAULT) answers->status = pdu.call.status;
        at += header.frag_length;
    }
    memmove(got->data, got->data + at, got->length - at);
    got->length -= at;
}

/* Sends `count` PDUs, up to a thousand ahead of their answers (more than the server reads behind its last
 * word could take that from us), until it hangs up. The other peer calls all the time. */
static Answers flood(Peer *peer, Writer *all, unsigned count, Peer *other, uint32_t *call_id)
{
    const uint64_t deadline = time_after(PATIENT);
    const size_t each = all->length / count;
    Answers answers = {0};
    Writer got;
    uint8_t buffer[65536];
    size_t sent = 0, done;
    int r = 0;
    assert_int_equal(writer_status(all), 0);
    writer_init(&got, 0);
    while (r >= 0 && r != IO_CLOSED) {
        const size_t most =
            (answers.acks + 1000) * each < all->length ? (answers.acks + 1000) * each : all->length;
        const bool more = sent < most && !answers.naks && !answers.faults;
        if (more && io_write(peer->fd, all->data + sent, most - sent, &done) == 0) sent += done;
        r = io_read(peer->fd, buffer, sizeof(buffer), &done);
        if (r == 0) {
            writer_bytes(&got, buffer, done);
            count_answers(&got, &answers);
            peer_check_echo(other, (*call_id)++);
        } else if (r == IO_AGAIN) {
            IoWait wait = {peer->fd, POLLIN | (more ? POLLOUT : 0), deadline};
            assert_int_equal(io_wait(&wait), 0);
        }
    }
    writer_deinit(all);
    writer_deinit(&got);
    return answers;
}

/* One alter_context: an interface as this presentation context, with a leg of a security context or none. */
static void put_alter(Writer *writer, uint16_t id, uint32_t security, const char *token)
{
    size_t start = pdu_begin(writer, PDU_ALTER_CONTEXT, WHOLE, 1);
    pdu_put_bind(writer, 4280, 4280, 0, 1);
    pdu_put_context(writer, id, id ? &peer_object : &peer_interface, &pdu_syntax_ndr, 1);
    PduTrailer trailer = {.type = TEST_AUTH_TYPE,
                          .level = PRIVACY,
                          .context_id = security,
                          .token = (const uint8_t *)token,
                          .token_length = token ? strlen(token) : 0};
    if (token) pdu_put_trailer(writer, start, &trailer, 4);
    pdu_end(writer, start);
}

static void test_ten_thousand_presentation_contexts(void **state)
{
    (void)state;
    for (unsigned somebody = 0; somebody < 2; somebody++) {
        const unsigned limit = somebody ? RPC_PRESENTATION_CONTEXTS : RPC_PREAUTH_PRESENTATIONS;
        Host host;
        Peer peer, other;
        Writer all;
        uint32_t call_id = 2;
        said_forget();
        host_start(&host, said_options, 4, true);
        peer_open(&other, &host, true);
        peer_login(&other, PDU_BIND, 0, 0, PKT, BOB, false);
        peer_open(&peer, &host, false);
        if (somebody)
            peer_login(&peer, PDU_BIND, 0, 0, PKT, ALICE, false);
        else
            peer_bound(&peer, 0);
        writer_init(&all, 0);
        for (uint16_t id = 1; id <= TEN_THOUSAND; id++)
            put_alter(&all, id, 0, NULL);
        const Answers answers = flood(&peer, &all, TEN_THOUSAND, &other, &call_id);
        assert_int_equal(answers.acks, limit - 1); /* the bind made the first one */
        assert_int_equal(answers.naks, 1);
        assert_int_equal(answers.status, PDU_NAK_LIMIT);
        said_expect(1,
                    somebody
                        ? "more presentation contexts than RPC_PRESENTATION_CONTEXTS; answered bind_nak 2"
                        : "more presentation contexts than RPC_PREAUTH_PRESENTATIONS; answered bind_nak 2",
                    somebody ? "as alice@LAB.TEST: alter_context" : "refused 127.0.0.1:");
        said_expect(1, "", "");
        peer_check_who(&other, call_id, PKT, BOB);
        peer_close(&peer);
        peer_close(&other);
        host_stop(&host);
    }
}

static void test_ten_thousand_security_contexts(void **state)
{
    (void)state;
    Host host;
    Peer peer, other;
    Writer all;
    uint32_t call_id = 2;
    said_forget();
    host_start(&host, said_options, 4, true);
    peer_open(&other, &host, true);
    peer_login(&other, PDU_BIND, 0, 0, PKT, BOB, false);
    peer_open(&peer, &host, false);
    peer_login(&peer, PDU_BIND, PDU_FEATURE_SECURITY_MULTIPLEX, 0, PRIVACY, ALICE, false);
    writer_init(&all, 0);
    for (uint32_t id = 1; id <= TEN_THOUSAND; id++) {
        put_alter(&all, 0, id, "one " ALICE);
        put_alter(&all, 0, id, "three");
    }
    const Answers answers = flood(&peer, &all, 2 * TEN_THOUSAND, &other, &call_id);
    assert_int_equal(answers.acks, 2 * (RPC_SECURITY_CONTEXTS - 1));
    assert_int_equal(answers.faults, 1);
    assert_int_equal(answers.status, NCA_S_PROTO_ERROR); /* [MS-RPCE] 3.3.1.5.4 */
    said_expect(1, "more security contexts than contexts_per_connection; answered fault 0x1C01000B",
                "as alice@LAB.TEST: alter_context");
    said_expect(1, "", "");
    peer_check_who(&other, call_id, PKT, BOB);
    peer_close(&peer);
    peer_close(&other);
    host_stop(&host);
}

/* The same number on several connections is one caller's, and what counts is the caller. */
static void test_ten_thousand_contexts_of_a_caller(void **state)
{
    (void)state;
    enum { EACH = 2000, CONNECTIONS = TEN_THOUSAND / EACH };
    static Peer peers[CONNECTIONS], other;
    Host host;
    unsigned made = 0;
    bool refused = false;
    said_forget();
    host_start(&host, said_options, 4, true);
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        peer_open(&peers[i], &host, false);
        if (refused) continue;
        peer_login(&peers[i], PDU_BIND, PDU_FEATURE_SECURITY_MULTIPLEX, 0, PRIVACY, ALICE, false);
        made++;
        for (uint32_t id = 1; id < EACH && !refused; id++) {
            Writer two;
            writer_init(&two, 0);
            put_alter(&two, 0, id, "one " ALICE);
            put_alter(&two, 0, id, "three");
            peer_send_writer(&peers[i], &two);
            peer_expect(&peers[i], PDU_ALTER_CONTEXT_RESP);
            refused = made == RPC_CALLER_CONTEXTS;
            if (refused)
                peer_expect_fault(&peers[i], RPCST_OUT_OF_RESOURCES);
            else
                peer_expect(&peers[i], PDU_ALTER_CONTEXT_RESP);
            made += !refused;
        }
    }
    assert_true(refused);
    assert_int_equal(made, RPC_CALLER_CONTEXTS);
    said_expect(1, "more security contexts of one caller than RPC_CALLER_CONTEXTS; answered fault 0x000006B9",
                "as alice@LAB.TEST: alter_context");
    peer_open(&other, &host, false); /* from the same address */
    peer_login(&other, PDU_BIND, 0, 0, PKT, BOB, false);
    peer_check_who(&other, 2, PKT, BOB);
    peer_close(&other);
    for (unsigned i = 0; i < CONNECTIONS; i++)
        peer_close(&peers[i]);
    host_stop(&host);
}

/* Requests that are begun and not ended, on as many connections as it takes. */
static void test_bytes_of_a_caller(void **state)
{
    (void)state;
    enum { EACH = RPC_REQUEST_BYTES, FRAGMENT = 65408, CONNECTIONS = RPC_CALLER_BYTES / EACH + 1 };
    static Peer peers[CONNECTIONS], other;
    static uint8_t data[FRAGMENT];
    Host host;
    RpcServerOptions options = said_options;
    size_t held = 0;
    bool refused = false;
    options.request_bytes = 0;
    said_forget();
    host_start(&host, options, 4, true);
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        peer_open(&peers[i], &host, false);
        peers[i].fragment = 65520;
        peer_login(&peers[i], PDU_BIND, 0, 0, PKT, ALICE, false);
        for (size_t sent = 0; sent + FRAGMENT <= EACH && !refused; sent += FRAGMENT) {
            peer_request_part(&peers[i], sent ? 0 : PDU_FIRST_FRAG, 2, 0, OP_ECHO, data, FRAGMENT);
            held += FRAGMENT;
            refused = held > RPC_CALLER_BYTES;
        }
    }
    assert_true(refused);
    said_wait("request: more bytes of one caller's than RPC_CALLER_BYTES; answered fault 0x00000005",
              "as alice@LAB.TEST");
    peer_open(&other, &host, false);
    other.fragment = 65520;
    peer_login(&other, PDU_BIND, 0, 0, PKT, BOB, false);
    peer_request_part(&other, PDU_FIRST_FRAG, 2, 0, OP_ECHO, data, FRAGMENT);
    peer_request_part(&other, PDU_LAST_FRAG, 2, 0, OP_ECHO, data, 16);
    size_t length;
    free(peer_response(&other, 2, &length));
    assert_int_equal(length, FRAGMENT + 16);
    said_expect(1, "", "");
    peer_close(&other);
    for (unsigned i = 0; i < CONNECTIONS; i++)
        peer_close(&peers[i]);
    host_stop(&host);
}

/* One byte at a time: each comes long before the deadline, the whole does not. */

typedef struct Trickle {
    Peer peer;
    const uint8_t *bytes;
    size_t length, sent;
    bool ended;
} Trickle;

static void trickle_step(Trickle *trickle)
{
    uint8_t byte;
    size_t done;
    if (trickle->ended) return;
    assert_true(trickle->sent < trickle->length);
    trickle->ended = io_write(trickle->peer.fd, trickle->bytes + trickle->sent, 1, &done) != 0;
    trickle->sent++;
    /* Whoever is told why reads that, and then the end. */
    if (recv(trickle->peer.fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0) trickle->ended = true;
}

static void test_a_byte_at_a_time(void **state)
{
    (void)state;
    enum { PREAUTH, BOUND, SOMEBODY, FRAGMENT, TRICKLES };
    static const uint8_t bind[] = {5, 0, 11, 3, 0x10, 0, 0, 0, 0xd0, 0x16},
                         request[] = {5, 0, 0, 3, 0x10, 0, 0, 0, 0xd0, 0x16},
                         fragment[] = {5, 0, 0, 2, 0x10, 0, 0, 0, 0xd0, 0x16, 0, 0, 2};
    static Trickle trickles[TRICKLES];
    static uint8_t bytes[TRICKLES][5840];
    static Peer other;
    Host host;
    RpcServerOptions options = said_options;
    uint32_t call_id = 2;
    options.preauth_seconds = 3;
    options.stall_seconds = 2;
    said_forget();
    host_start(&host, options, 4, true);
    peer_open(&other, &host, true);
    peer_login(&other, PDU_BIND, 0, 0, PKT, BOB, false);
    for (unsigned i = 0; i < TRICKLES; i++) {
        Trickle *trickle = &trickles[i];
        *trickle = (Trickle){.bytes = bytes[i], .length = sizeof(bytes[i])};
        memcpy(bytes[i], i == PREAUTH ? bind : i == FRAGMENT ? fragment : request, sizeof(bind));
        if (i == FRAGMENT) memcpy(bytes[i], fragment, sizeof(fragment));
        peer_open(&trickle->peer, &host, false);
        if (i == BOUND) peer_bound(&trickle->peer, 0);
        if (i >= SOMEBODY) peer_login(&trickle->peer, PDU_BIND, 0, 0, PRIVACY, ALICE, false);
        if (i == FRAGMENT) peer_request_part(&trickle->peer, PDU_FIRST_FRAG, 2, 0, OP_ECHO, "begun", 5);
    }
    const uint64_t start = time_monotonic();
    unsigned ended = 0;
    while (ended < TRICKLES && time_monotonic() - start < PATIENT) {
        ended = 0;
        for (unsigned i = 0; i < TRICKLES; i++) {
            trickle_step(&trickles[i]);
            ended += trickles[i].ended;
        }
        peer_check_echo(&other, call_id++);
        usleep(20000); /* a byte in a while, not a wait for anything */
    }
    assert_int_equal(ended, TRICKLES);
    for (unsigned i = 0; i < TRICKLES; i++)
        assert_true(trickles[i].sent < sizeof(bytes[i])); /* none came to an end */
    said_expect(1, "not authenticated, and not done with what it began, within preauth_seconds",
                "refused 127.0.0.1:");
    said_expect(1, "stopped in the middle of a request for RPC_STALL_SECONDS", "as alice@LAB.TEST");
    said_expect(2, "", "");
    for (unsigned i = 0; i < TRICKLES; i++)
        peer_close(&trickles[i].peer);
    peer_close(&other);
    host_stop(&host);
}

/* Whoever does nothing wrong is in no log. */
static void test_nothing_to_say(void **state)
{
    (void)state;
    Host host;
    Peer peer;
    RpcServerOptions options = said_options;
    options.preauth_seconds = 3;
    said_forget();
    host_start(&host, options, 4, true);
    peer_open(&peer, &host, false);
    peer_close(&peer);
    for (unsigned i = 0; i < 3; i++) {
        peer_open(&peer, &host, i & 1);
        if (i)
            peer_login(&peer, PDU_BIND, 0, 0, PRIVACY, ALICE, false);
        else
            peer_bound(&peer, 0);
        peer_check_echo(&peer, 2);
        if (i == 0) peer_expect_end(&peer); /* it was served, and was silent since */
        peer_close(&peer);
    }
    host_stop(&host);
    said_expect(0, "", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_connections),
        cmocka_unit_test(test_connections_of_a_caller),
        cmocka_unit_test(test_deadlines),
        cmocka_unit_test(test_expired),
        cmocka_unit_test(test_ten_thousand_presentation_contexts),
        cmocka_unit_test(test_ten_thousand_security_contexts),
        cmocka_unit_test(test_ten_thousand_contexts_of_a_caller),
        cmocka_unit_test(test_bytes_of_a_caller),
        cmocka_unit_test(test_a_byte_at_a_time),
        cmocka_unit_test(test_nothing_to_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
