/* SPDX-License-Identifier: Apache-2.0 */
/* The rest of the wire, from the server's side: verification trailers, cancel and orphaned, tokens and
 * numbers that are not as they should be. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/time.h"
#include "pdu/verification.h"
#include "rpc/test-peer.h"

/* A request whose trailer says `said` of it. */
static void send_verified(Peer *peer, uint32_t call_id, const PduVerification *said)
{
    Writer stub;
    writer_init(&stub, 0);
    writer_bytes(&stub, "hello", 5);
    pdu_put_verification(&stub, 0, said);
    peer_request(peer, call_id, OP_ECHO, stub.data, stub.length);
    writer_deinit(&stub);
}

static PduVerification honest(uint32_t call_id)
{
    return (PduVerification){.has_bits = true,
                             .has_context = true,
                             .has_header = true,
                             .bits = PDU_CLIENT_SIGNS_HEADERS,
                             .abstract = peer_interface,
                             .transfer = pdu_syntax_ndr,
                             .drep = {0x10},
                             .call_id = call_id,
                             .opnum = OP_ECHO};
}

/* Whoever changes a header that is not signed is found out by what is: the call, the operation, the
 * interface, and that headers were to be signed at all. */
static void test_verification(void **state)
{
    (void)state;
    Host host;
    Peer peer;
    host_start(&host, (RpcServerOptions){0}, 4, true);
    for (unsigned i = 0; i < 11; i++) {
        peer_open(&peer, &host, false);
        peer.sign_header = i != 1;
        peer_login(&peer, PDU_BIND, 0, 1, i % 2 ? PKT : PRIVACY, ALICE, false);
        PduVerification said = honest(2);
        if (i == 2) said.abstract.uuid.data1++;
        if (i == 3) said.abstract.minor++;
        if (i == 4) said.transfer = pdu_syntax_ndr64;
        if (i == 5) said.call_id++;
        if (i == 6) said.context_id++;
        if (i == 7) said.opnum++;
        if (i == 8) said.drep[0] = 0;
        if (i == 9) said.type = PDU_RESPONSE;
        if (i == 10) said.bits = 0xfffffffeu; /* bits that nobody knows */
        send_verified(&peer, 2, &said);
        if (i == 0 || i == 10) {
            peer_expect_echo(&peer, 2, "hello\0\0\0",
                             5 + 3); /* without the trailer; the padding is no argument */
            peer_check_echo(&peer, 3);
        } else {
            peer_expect_fault(&peer, RPCST_ACCESS_DENIED);
            assert_true(peer.pdu.header.flags & PDU_DID_NOT_EXECUTE);
            peer_expect_end(&peer);
        }
        peer_close(&peer);
    }
    host_stop(&host);
}

/* Where nothing is signed a trailer says nothing, and stays what it is: bytes. */
static void test_verification_unsigned(void **state)
{
    (void)state;
    Host host;
    Peer peer;
    size_t length;
    host_start(&host, (RpcServerOptions){0}, 4, true);
    for (unsigned level = 0; level <= CONNECT; level += CONNECT) {
        peer_open(&peer, &host, false);
        if (level)
            peer_login(&peer, PDU_BIND, 0, 1, CONNECT, ALICE, false);
        else
            peer_bound(&peer, 0);
        PduVerification said = honest(99);
        send_verified(&peer, 2, &said);
        free(peer_response(&peer, 2, &length));
        assert_true(length > 8);
        peer_close(&peer);
    }
    host_stop(&host);
}

/* In the last fragment of several. */
static void test_verification_in_fragments(void **state)
{
    (void)state;
    Host host;
    Peer peer;
    size_t length;
    host_start(&host, (RpcServerOptions){0}, 4, true);
    for (unsigned wrong = 0; wrong < 2; wrong++) {
        static const uint8_t data[4000];
        Writer stub;
        PduVerification said = honest(2);
        said.has_bits = false;
        said.opnum = (uint16_t)(OP_ECHO + wrong);
        writer_init(&stub, 0);
        writer_fill(&stub, 7, 16);
        pdu_put_verification(&stub, 0, &said);
        peer_open(&peer, &host, false);
        peer_login(&peer, PDU_BIND, 0, 1, PRIVACY, ALICE, false);
        peer_request_part(&peer, PDU_FIRST_FRAG, 2, 0, OP_ECHO, data, sizeof(data));
        peer_request_part(&peer, PDU_LAST_FRAG, 2, 0, OP_ECHO, stub.data, stub.length);
        writer_deinit(&stub);
        if (wrong) {
            peer_expect_fault(&peer, RPCST_ACCESS_DENIED);
            peer_expect_end(&peer);
        } else {
            free(peer_response(&peer, 2, &length));
            assert_int_equal(length, sizeof(data) + 16);
        }
        peer_close(&peer);
    }
    host_stop(&host);
}

/* A running method hears of a cancel, ends with it or does not, and others on the connection do not hear of
 * it. */
static void test_cancel(void **state)
{
    (void)state;
    Host host;
    Peer peer;
    host_start(&host, (RpcServerOptions){0}, 8, true);
    for (unsigned concurrent = 0; concurrent < 2; concurrent++) {
        peer_open(&peer, &host, false);
        peer.concurrent = concurrent;
        peer_login(&peer, PDU_BIND, 0, 1, PKT, ALICE, false);
        for (uint32_t id = 2; id < 20; id++)
            peer_check_echo(&peer, id); /* enough for the server to expect one after the other */
        peer_request(&peer, 20, OP_LONG, "x", 1);
        host_wait_for(1);
        peer_bare(&peer, PDU_CANCEL, 19); /* not this one */
        peer_bare(&peer, PDU_ORPHANED, 20);
        if (concurrent) peer_check_echo(&peer, 21);
        assert_int_equal(atomic_load(&host_waiting), 1);
        peer_bare(&peer, PDU_CANCEL, 20);
        peer_expect_fault(&peer, NCA_S_FAULT_CANCEL);
        assert_int_equal(peer.pdu.header.call_id, 20);
        peer_request(&peer, 22, OP_LONG, "", 0);
        host_wait_for(1);
        peer_bare(&peer, PDU_CANCEL, 22);
        peer_expect_echo(&peer, 22, "", 0); /* it preferred to succeed */
        peer_check_echo(&peer, 23);
        peer_close(&peer);
        host_wait_for(0);
    }
    host_stop(&host);
}

/* An orphaned call is not answered, and its security context goes on without a gap. */
static void test_orphaned(void **state)
{
    (void)state;
    Host host;
    Peer peer;
    host_start(&host, (RpcServerOptions){0}, 8, true);
    for (unsigned succeeds = 0; succeeds < 2; succeeds++) {
        peer_open(&peer, &host, false);
        peer_login(&peer, PDU_BIND, PDU_FEATURE_KEEP_ON_ORPHAN, 1, PRIVACY, ALICE, false);
        peer_request(&peer, 2, OP_LONG, "x", succeeds ? 0 : 1);
        host_wait_for(1);
        peer_bare(&peer, PDU_ORPHANED, 2);
        host_wait_for(0);
        peer_check_echo(&peer, 3);
        peer_close(&peer);
    }
    host_stop(&host);
}

/* Who goes away takes his calls along. */
static void test_gone(void **state)
{
    (void)state;
    Host host;
    Peer peer, other;
    host_start(&host, (RpcServerOptions){0}, 8, true);
    peer_open(&other, &host, false);
    peer_login(&other, PDU_BIND, 0, 1, PKT, BOB, false);
    peer_open(&peer, &host, false);
    peer_login(&peer, PDU_BIND, 0, 1, PKT, ALICE, false);
    peer_request(&peer, 2, OP_LONG, "", 0);
    host_wait_for(1);
    peer_close(&peer);
    host_wait_for(0);
    peer_check_echo(&other, 2);
    peer_close(&other);
    host_stop(&host);
}

/* Each sends one request that does not verify, behind one that did. */

static void send_replayed(Peer *peer)
{
    Writer writer;
    peer_make_request(peer, &writer, WHOLE, 3, 0, OP_ECHO, "again", 5);
    peer_send(peer, writer.data, writer.length);
    peer_expect_echo(peer, 3, "again", 5);
    peer_send_writer(peer, &writer);
}

static void send_renumbered(Peer *peer)
{
    peer_protect(peer, 1, peer->level); /* counts from the beginning again */
    peer_request(peer, 3, OP_ECHO, "again", 5);
}

static void send_gapped(Peer *peer)
{
    Writer lost;
    peer_make_request(peer, &lost, WHOLE, 3, 0, OP_ECHO, "lost", 4);
    writer_deinit(&lost);
    peer_request(peer, 4, OP_ECHO, "gap", 3);
}

static void send_reordered(Peer *peer)
{
    Writer first, second;
    peer_make_request(peer, &first, WHOLE, 3, 0, OP_ECHO, "first", 5);
    peer_make_request(peer, &second, WHOLE, 4, 0, OP_ECHO, "second", 6);
    writer_bytes(&second, first.data, first.length); /* in one piece: the server hangs up between them */
    peer_send_writer(peer, &second);
    writer_deinit(&first);
}

static void send_truncated(Peer *peer) /* its length told honestly */
{
    peer_request_unproved(peer, 3, sec_context_token_length(peer->security, peer->level) - 4);
}

static void send_zeroes(Peer *peer)
{
    peer_request_unproved(peer, 3, sec_context_token_length(peer->security, peer->level));
}

/* Numbers that were used, left out or swapped, and verifiers that are cut short or none. */
static void GSS_4_sequence_of_verifiers(void **state)
{
    (void)state;
    static void (*const bad[])(Peer * peer) = {send_replayed,  send_renumbered, send_gapped,
                                               send_reordered, send_truncated,  send_zeroes};
    Host host;
    Peer peer, other;
    uint32_t id = 2;
    host_start(&host, (RpcServerOptions){0}, 4, true);
    peer_open(&other, &host, false);
    peer_login(&other, PDU_BIND, 0, 1, PKT, BOB, false);
    for (uint8_t level = PKT; level <= PRIVACY; level++) {
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
            peer_open(&peer, &host, false);
            peer_login(&peer, PDU_BIND, 0, 1, level, ALICE, false);
            peer_check_echo(&peer, 2);
            bad[i](&peer);
            peer_expect_fault(&peer, RPCST_SEC_PKG_ERROR);
            peer_expect_end(&peer);
            peer_close(&peer);
            peer_check_echo(&other, id++);
        }
    }
    peer_close(&other);
    host_stop(&host);
}

/* A token as long as a PDU can carry, in the bind and in an alter_context. */
static void test_long_token(void **state)
{
    (void)state;
    enum { LENGTH = 65000 };
    Host host;
    Peer peer, other;
    char *token = malloc(LENGTH + 1);
    assert_non_null(token);
    memset(token, 'x', LENGTH);
    token[LENGTH] = 0;
    host_start(&host, (RpcServerOptions){0}, 4, true);
    peer_open(&other, &host, false);
    peer_login(&other, PDU_BIND, 0, 1, PKT, BOB, false);
    peer_open(&peer, &host, false);
    peer.level = PKT;
    peer_bind(&peer, PDU_BIND, 0, token);
    peer_expect_nak(&peer, PDU_NAK_CHECKSUM);
    peer_close(&peer);
    peer_open(&peer, &host, false);
    peer_bound(&peer, 0);
    peer.level = PKT;
    peer_bind(&peer, PDU_ALTER_CONTEXT, 0, token);
    peer_expect_fault(&peer, RPCST_ACCESS_DENIED);
    peer.level = 0;
    peer_check_echo(&peer, 2); /* it was bound without security, and goes on without */
    peer_close(&peer);
    peer_check_echo(&other, 2);
    peer_close(&other);
    host_stop(&host);
    free(token);
}

/* Authentication that comes after data: between calls it may begin, within one it is the end, and what was
 * said before it is nobody's for good. */
static void test_authentication_after_data(void **state)
{
    (void)state;
    enum { BETWEEN, WITHIN, AUTH3_WITHIN, AUTH3_ALONE, LAST_LEG_LATE, CASES };
    Host host;
    Peer peer, other;
    size_t length;
    host_start(&host, (RpcServerOptions){0}, 4, true);
    peer_open(&other, &host, false);
    peer_login(&other, PDU_BIND, 0, 1, PKT, BOB, false);
    for (unsigned i = 0; i < CASES; i++) {
        peer_open(&peer, &host, false);
        if (i == LAST_LEG_LATE) {
            peer_begin(&peer, PDU_BIND, 1, PKT, "one " ALICE);
            peer_expect(&peer, PDU_BIND_ACK);
            peer_protect(&peer, 1, PKT);
            peer_request(&peer, 2, OP_WHO, "", 0); /* sealed well, but too soon */
        } else {
            peer_bound(&peer, 0);
            peer_check_echo(&peer, 2);
        }
        if (i == BETWEEN) {
            peer_login(&peer, PDU_ALTER_CONTEXT, 0, 1, PKT, ALICE, false);
            peer_check_who(&peer, 3, PKT, ALICE);
            peer.security = sec_context_free(peer.security);
            peer_request(&peer, 4, OP_WHO, "", 0);
            uint8_t *answer = peer_response(&peer, 4, &length);
            assert_string_equal((char *)answer + 2, "nobody");
            free(answer);
        } else {
            if (i == WITHIN || i == AUTH3_WITHIN)
                peer_request_part(&peer, PDU_FIRST_FRAG, 3, 0, OP_ECHO, "some", 4);
            if (i == WITHIN) peer_begin(&peer, PDU_ALTER_CONTEXT, 1, PKT, "one " ALICE);
            if (i == AUTH3_WITHIN || i == AUTH3_ALONE) peer_auth3(&peer, "three");
            peer_expect_fault(&peer, NCA_S_PROTO_ERROR);
            peer_expect_end(&peer);
        }
        peer_close(&peer);
        peer_check_echo(&other, 2 + i);
    }
    peer_close(&other);
    host_stop(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verification),
        cmocka_unit_test(test_verification_unsigned),
        cmocka_unit_test(test_verification_in_fragments),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_orphaned),
        cmocka_unit_test(test_gone),
        cmocka_unit_test(GSS_4_sequence_of_verifiers),
        cmocka_unit_test(test_long_token),
        cmocka_unit_test(test_authentication_after_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
