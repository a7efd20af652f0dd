/* SPDX-License-Identifier: Apache-2.0 */
/* The server's limits and deadlines: who meets one hears so, the log has its name once, others are served. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/time.h"
#include "rpc/test-said.h"

#define TIMES   100u
#define SLOW    5u /* times, of what takes a second */
#define PATIENT (30 * NS_PER_SECOND)

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
        for (uint32_t id = 2; id < TIMES; id++) {
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
        cmocka_unit_test(test_nothing_to_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
