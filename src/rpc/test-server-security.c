/* SPDX-License-Identifier: Apache-2.0 */
/* Security contexts of the server half: who may call as whom, and what is refused. */
#include <stdlib.h>
#include <string.h>
#include "base/time.h"
#include "rpc/test-peer.h"

static void test_levels(void **state)
{
    (void)state;
    static uint8_t data[70000];
    Host host;
    Peer peer;
    host_start(&host, (RpcServerOptions){0}, 4, true);
    for (unsigned i = 0; i < 16; i++) {
        uint8_t level = (uint8_t)(i % 4 == 0 ? CONNECT : 3 + i % 4);
        peer_open(&peer, &host, false);
        peer.fragment = 65520;
        peer.sign_header = i & 4;
        peer_login(&peer, PDU_BIND, 0, 7, level, ALICE, i & 8);
        peer_check_who(&peer, 2, level, ALICE);
        assert_int_equal(rpc_server_state(host.server).unauthenticated, 0);
        for (uint32_t length = 0; length < 40; length++) {
            size_t got;
            peer_request(&peer, 3 + length, OP_ECHO, data, length);
            uint8_t *answer = peer_response(&peer, 3 + length, &got);
            assert_int_equal(got, length);
            free(answer);
        }
        /* fragments both ways */
        size_t got;
        peer_request_part(&peer, PDU_FIRST_FRAG, 50, 0, OP_ECHO, data, 5008);
        peer_request_part(&peer, 0, 50, 0, OP_ECHO, data, 5008);
        peer_request_part(&peer, PDU_LAST_FRAG, 50, 0, OP_ECHO, data, 60001);
        free(peer_response(&peer, 50, &got));
        assert_int_equal(got, 70017);
        /* the rest of a refused call is counted by the context */
        peer_request_part(&peer, PDU_FIRST_FRAG, 51, 0, OP_NONE, data, 16);
        peer_expect_fault(&peer, NCA_S_OP_RNG_ERROR);
        peer_request_part(&peer, PDU_LAST_FRAG, 51, 0, OP_NONE, data, 16);
        peer_check_who(&peer, 52, level, ALICE);
        peer_request(&peer, 53, OP_PRIVATE, "", 0);
        if (level < PRIVACY)
            peer_expect_fault(&peer, RPCST_ACCESS_DENIED);
        else
            free(peer_response(&peer, 53, &got));
        peer_close(&peer);
    }
    host_stop(&host);
}

static void test_call_is_pkt(void **state)
{
    (void)state;
    Host host;
    Peer peer;
    size_t length;
    host_start(&host, (RpcServerOptions){0}, 4, true);
    peer_open(&peer, &host, false);
    peer_login(&peer, PDU_BIND, 0, 0, 3, ALICE, false);
    peer_protect(&peer, 0, PKT);
    peer_request(&peer, 2, OP_WHO, "", 0);
    uint8_t *answer = peer_response(&peer, 2, &length);
    assert_int_equal(answer[1], PKT);
    free(answer);
    peer_close(&peer);
    host_stop(&host);
}

/* What a bind is refused with. */
static void test_bind_refused(void **state)
{
    (void)state;
    static const struct {
        bool with_security;
        uint8_t level;
        const char *token;
        uint16_t reason;
    } rows[] = {
        {false, PRIVACY, "one alice", PDU_NAK_AUTH_TYPE}, /* nothing to verify callers with */
        {true, 0, "one alice", PDU_NAK_NOT_SPECIFIED},    {true, 1, "one alice", PDU_NAK_NOT_SPECIFIED},
        {true, 7, "one alice", PDU_NAK_NOT_SPECIFIED},    {true, 255, "one alice", PDU_NAK_NOT_SPECIFIED},
        {true, PRIVACY, "nonsense", PDU_NAK_CHECKSUM},    {true, PRIVACY, "three", PDU_NAK_CHECKSUM},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        Host host;
        Peer peer;
        host_start(&host, (RpcServerOptions){0}, 4, rows[i].with_security);
        peer_open(&peer, &host, false);
        peer.level = rows[i].level;
        peer_bind(&peer, PDU_BIND, 0, rows[i].token);
        peer_expect_nak(&peer, rows[i].reason);
        peer_close(&peer);
        host_stop(&host);
    }
}

/* Nobody is anybody before the last leg verified. */
static void test_unverified(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        Host host;
        Peer peer;
        host_start(&host, (RpcServerOptions){0}, 4, true);
        peer_open(&peer, &host, false);
        peer.level = i == 4 ? CONNECT : PRIVACY;
        peer_bind(&peer, PDU_BIND, 0, "one alice@LAB.TEST");
        peer_expect(&peer, PDU_BIND_ACK);
        if (i == 1) peer_auth3(&peer, "nonsense"); /* never answered */
        if (i == 2) {
            peer_bind(&peer, PDU_ALTER_CONTEXT, 0, "nonsense");
            peer_expect_fault(&peer, RPCST_ACCESS_DENIED);
        }
        if (i < 3) peer_protect(&peer, 0, PRIVACY); /* else without a trailer, as nobody */
        peer_request(&peer, 2, OP_WHO, "", 0);
        const bool begun = i == 0 || i == 4; /* a leg is missing */
        peer_expect_fault(&peer, begun ? NCA_S_PROTO_ERROR : RPCST_ACCESS_DENIED);
        if (i == 1 || i == 2)
            assert_int_equal(rpc_server_state(host.server).unauthenticated, 1);
        else
            peer_expect_end(&peer);
        if (i == 2) { /* a failed context stays failed */
            peer_bind(&peer, PDU_ALTER_CONTEXT, 0, "one alice@LAB.TEST");
            peer_expect_fault(&peer, RPCST_ACCESS_DENIED);
        }
        peer_close(&peer);
        host_stop(&host);
    }
}

/* A refused first leg that says why leaves the context open for another one, on the same connection. */
static void test_skew(void **state)
{
    (void)state;
    Host host;
    Peer peer;
    host_start(&host, (RpcServerOptions){0}, 4, true);
    for (unsigned by_auth3 = 0; by_auth3 < 2; by_auth3++) {
        peer_open(&peer, &host, false);
        peer.level = PRIVACY;
        peer_bind(&peer, PDU_BIND, 0, "skew");
        peer_expect(&peer, PDU_BIND_ACK);
        assert_int_equal(peer.pdu.trailer.token_length, 9);
        assert_memory_equal(peer.pdu.trailer.token, "KRB-ERROR", 9);
        peer_login(&peer, PDU_ALTER_CONTEXT, 0, 0, PRIVACY, ALICE, by_auth3);
        peer_check_who(&peer, 3, PRIVACY, ALICE);
        peer_close(&peer);
    }
    /* but not without end */
    peer_open(&peer, &host, false);
    peer.level = PRIVACY;
    peer_bind(&peer, PDU_BIND, 0, "skew");
    peer_expect(&peer, PDU_BIND_ACK);
    for (unsigned i = 0; i < 31; i++) {
        peer_bind(&peer, PDU_ALTER_CONTEXT, 0, "skew");
        peer_expect(&peer, PDU_ALTER_CONTEXT_RESP);
    }
    peer_bind(&peer, PDU_ALTER_CONTEXT, 0, "skew");
    peer_expect_fault(&peer, RPCST_OUT_OF_RESOURCES);
    peer_expect_end(&peer);
    peer_close(&peer);
    host_stop(&host);
}

/* Every bit of what a level protects. */
static void test_tampering(void **state)
{
    (void)state;
    Host host;
    Peer peer, other;
    host_start(&host, (RpcServerOptions){0}, 4, true);
    peer_open(&other, &host, false);
    peer_login(&other, PDU_BIND, 0, 0, PRIVACY, BOB, false);
    Writer writer;
    size_t length = 24 + 16 + 8 + 76;
    for (size_t byte = 16; byte < length;
         byte += 3) {                          /* the common header's lengths would only desynchronise */
        if (byte >= 42 && byte < 48) continue; /* padding length, context id: other errors, below */
        peer_open(&peer, &host, false);
        peer.sign_header = true;
        peer_login(&peer, PDU_BIND, 0, 0, PRIVACY, ALICE, false);
        writer_init(&writer, 0);
        size_t start = pdu_begin(&writer, PDU_REQUEST, WHOLE, 2);
        pdu_put_request(&writer, start, 4, 0, OP_ECHO, NULL);
        writer_bytes(&writer, "hello", 5);
        PduTrailer trailer = {.type = 16, .level = PRIVACY, .token_length = 76};
        pdu_put_trailer(&writer, start, &trailer, PDU_AUTH_PAD);
        pdu_end(&writer, start);
        assert_int_equal(writer.length, length);
        uint8_t *data = writer.data;
        SecMessage message = {data, 24, data + 24, 16, data + 40, data + 48, 76, true};
        assert_int_equal(sec_context_protect(peer.security, PRIVACY, &message), 0);
        data[byte] ^= 1;
        peer_send_writer(&peer, &writer);
        peer_expect(&peer, PDU_FAULT);
        bool who = byte >= 40 && byte < 42; /* service and level do not fit the context */
        assert_int_equal(peer.pdu.call.status, who ? RPCST_ACCESS_DENIED : RPCST_SEC_PKG_ERROR);
        peer_expect_end(&peer);
        peer_close(&peer);
        peer_check_who(&other, 2 + (uint32_t)byte, PRIVACY, BOB);
    }
    peer_close(&other);
    host_stop(&host);
}

static void test_replay(void **state)
{
    (void)state;
    Host host;
    Peer peer;
    host_start(&host, (RpcServerOptions){0}, 4, true);
    peer_open(&peer, &host, false);
    peer_login(&peer, PDU_BIND, 0, 0, PKT, ALICE, false);
    peer_check_who(&peer, 2, PKT, ALICE);
    peer_protect(&peer, 0, PKT); /* the same numbers again */
    peer_request(&peer, 3, OP_WHO, "", 0);
    peer_expect_fault(&peer, RPCST_SEC_PKG_ERROR);
    peer_expect_end(&peer);
    peer_close(&peer);
    host_stop(&host);
}

/* The trailer names the context; its service and level must be those of the context. */
static void test_wrong_context(void **state)
{
    (void)state;
    Host host;
    Peer peer;
    host_start(&host, (RpcServerOptions){0}, 4, true);
    for (unsigned i = 0; i < 3; i++) {
        peer_open(&peer, &host, false);
        peer_login(&peer, PDU_BIND, 0, 3, PKT, ALICE, false);
        if (i == 0) peer.context_id = 4;
        if (i == 1) peer.level = 5;
        if (i == 2) peer.security = sec_context_free(peer.security); /* no trailer at all */
        peer_request(&peer, 2, OP_WHO, "", 0);
        peer_expect_fault(&peer, RPCST_ACCESS_DENIED);
        assert_false(peer.pdu.header.flags & PDU_DID_NOT_EXECUTE); /* as Windows; it did not */
        peer_expect_end(&peer);
        peer_close(&peer);
    }
    host_stop(&host);
}

/* Many identities on one connection, where both ends negotiated that. */
static void test_multiplexing(void **state)
{
    (void)state;
    static const char *names[] = {ALICE, BOB, "carol@LAB.TEST"};
    static const uint8_t levels[] = {PRIVACY, CONNECT, PKT};
    Host host;
    Peer peer;
    SecContext *contexts[3];
    host_start(&host, (RpcServerOptions){0}, 4, true);
    peer_open(&peer, &host, false);
    for (unsigned i = 0; i < 3; i++) {
        peer_login(&peer, i ? PDU_ALTER_CONTEXT : PDU_BIND, i ? 0 : PDU_FEATURE_SECURITY_MULTIPLEX, i,
                   levels[i], names[i], i == 1);
        contexts[i] = TAKE_PTR(peer.security);
    }
    for (uint32_t call = 2; call < 50; call++) {
        unsigned i = call * 7 % 3;
        if (i == 1) continue;
        peer.security = contexts[i];
        peer.context_id = i;
        peer.level = levels[i];
        peer_check_who(&peer, call, levels[i], names[i]);
    }
    /* connect, too, has to say which: with a trailer, any token */
    Writer writer;
    writer_init(&writer, 0);
    size_t start = pdu_begin(&writer, PDU_REQUEST, WHOLE, 60), length;
    pdu_put_request(&writer, start, 0, 0, OP_WHO, NULL);
    PduTrailer trailer = {.type = 16, .level = CONNECT, .context_id = 1, .token_length = 28};
    pdu_put_trailer(&writer, start, &trailer, PDU_AUTH_PAD);
    pdu_end(&writer, start);
    peer_send_writer(&peer, &writer);
    peer.security = NULL;
    uint8_t *answer = peer_response(&peer, 60, &length);
    assert_string_equal((char *)answer + 2, names[1]);
    free(answer);
    /* a context that is there is not made again */
    peer.level = PRIVACY;
    peer.context_id = 0;
    peer_bind(&peer, PDU_ALTER_CONTEXT, 0, "one mallory@LAB.TEST");
    peer_expect_fault(&peer, RPCST_ACCESS_DENIED);
    peer_expect_end(&peer);
    for (unsigned i = 0; i < 3; i++)
        sec_context_free(contexts[i]);
    peer_close(&peer);
    host_stop(&host);
}

/* A bind without security leaves the choice to each request: with a trailer it is a context's, without one it
 * is nobody's. A bind with security does not. */
static void RPC_9_without_a_trailer_it_is_nobody(void **state)
{
    (void)state;
    Host host;
    Peer peer;
    size_t length;
    host_start(&host, (RpcServerOptions){0}, 4, true);
    for (unsigned secure = 0; secure < 2; secure++) {
        peer_open(&peer, &host, false);
        if (!secure) peer_bound(&peer, 0);
        peer_login(&peer, secure ? PDU_BIND : PDU_ALTER_CONTEXT, 0, 1, PKT, ALICE, false);
        peer_check_who(&peer, 2, PKT, ALICE);
        SecContext *context = TAKE_PTR(peer.security);
        peer_request(&peer, 3, OP_WHO, "", 0);
        if (secure) {
            peer_expect_fault(&peer, RPCST_ACCESS_DENIED);
            peer_expect_end(&peer);
            sec_context_free(context);
            peer_close(&peer);
            continue;
        }
        uint8_t *answer = peer_response(&peer, 3, &length);
        assert_int_equal(answer[1], 1);
        assert_string_equal((char *)answer + 2, "nobody");
        free(answer);
        peer_request(&peer, 4, OP_PRIVATE, "", 0); /* nor does it get what asks for somebody */
        peer_expect_fault(&peer, RPCST_ACCESS_DENIED);
        peer.security = context;
        peer_check_who(&peer, 5, PKT, ALICE);
        peer_close(&peer);
    }
    host_stop(&host);
}

/* Headers are signed from the PDU on that asks for it, in every context. */
static void GSS_2_header_signing_is_of_the_connection(void **state)
{
    (void)state;
    Host host;
    Peer peer;
    host_start(&host, (RpcServerOptions){0}, 4, true);
    for (unsigned i = 0; i < 2; i++) {
        peer_open(&peer, &host, false);
        peer_login(&peer, PDU_BIND, 0, 1, PKT, ALICE, false);
        assert_false(peer.pdu.header.flags & PDU_HEADER_SIGN);
        peer_check_who(&peer, 2, PKT, ALICE);
        peer.sign_header = true;
        peer_bind(&peer, PDU_ALTER_CONTEXT, 0, NULL); /* no authentication of its own */
        peer_expect(&peer, PDU_ALTER_CONTEXT_RESP);
        assert_true(peer.pdu.header.flags & PDU_HEADER_SIGN);
        peer.sign_header = i == 0;
        if (i == 0) {
            peer_check_who(&peer, 3, PKT, ALICE);
            peer.sign_header = false;
            peer_bind(&peer, PDU_ALTER_CONTEXT, 0, NULL); /* not turned off again */
            peer_expect(&peer, PDU_ALTER_CONTEXT_RESP);
            peer.sign_header = true;
            peer_check_who(&peer, 4, PKT, ALICE);
        } else {
            peer_request(&peer, 3, OP_WHO, "", 0);
            peer_expect_fault(&peer, RPCST_SEC_PKG_ERROR);
            peer_expect_end(&peer);
        }
        peer_close(&peer);
    }
    host_stop(&host);
}

/* Fragments of one request under two contexts, or without the protection of the first. */
static void RPC_8_a_request_has_one_identity(void **state)
{
    (void)state;
    Host host;
    Peer peer;
    size_t length;
    host_start(&host, (RpcServerOptions){0}, 4, true);
    for (unsigned i = 0; i < 4; i++) {
        peer_open(&peer, &host, false);
        peer_login(&peer, PDU_BIND, PDU_FEATURE_SECURITY_MULTIPLEX, 1, PKT, ALICE, false);
        SecContext *alice = TAKE_PTR(peer.security);
        peer_login(&peer, PDU_ALTER_CONTEXT, 0, 2, 5, BOB, false);
        for (uint32_t id = 10; id < 13; id++)
            peer_check_who(&peer, id, 5, BOB); /* the two have the same key here, but counted differently */
        SecContext *bob = TAKE_PTR(peer.security);
        peer.security = alice;
        peer.context_id = 1;
        peer.level = PKT;
        peer_request_part(&peer, PDU_FIRST_FRAG, 20, 0, OP_ECHO, "ab", 2);
        if (i == 1) peer.security = bob, peer.context_id = 2, peer.level = 5;
        if (i == 2) peer.security = NULL;
        peer_request_part(&peer, i == 3 ? PDU_FIRST_FRAG : PDU_LAST_FRAG, 20, 0, OP_ECHO, "cd", 2);
        if (i == 0) {
            uint8_t *answer = peer_response(&peer, 20, &length);
            assert_int_equal(length, 4);
            free(answer);
        } else {
            peer_expect_fault(&peer, i == 1 ? RPCST_SEC_PKG_ERROR : NCA_S_PROTO_ERROR);
            assert_int_equal(peer.pdu.header.call_id, 20);
            peer_expect_end(&peer);
        }
        peer.security = sec_context_free(alice);
        sec_context_free(bob);
        peer_close(&peer);
    }
    host_stop(&host);
}

/* Without it: one identity. The same one may make further contexts (Impacket does). */
static void RPC_7_without_multiplexing_a_connection_has_one_identity(void **state)
{
    (void)state;
    Host host;
    Peer peer;
    host_start(&host, (RpcServerOptions){0}, 4, true);
    for (unsigned by_auth3 = 0; by_auth3 < 2; by_auth3++) {
        peer_open(&peer, &host, false);
        peer_login(&peer, PDU_BIND, 0, 79231, PRIVACY, ALICE, false);
        peer_check_who(&peer, 2, PRIVACY, ALICE);
        SecContext *first = TAKE_PTR(peer.security);
        peer_login(&peer, PDU_ALTER_CONTEXT, 0, 79232, PRIVACY, ALICE, by_auth3);
        peer_check_who(&peer, 3, PRIVACY, ALICE);
        SecContext *second = TAKE_PTR(peer.security);
        peer.context_id = 79233;
        peer_bind(&peer, PDU_ALTER_CONTEXT, 0, "one bob@LAB.TEST");
        peer_expect(&peer, PDU_ALTER_CONTEXT_RESP);
        if (by_auth3) {
            peer_auth3(&peer, "three");
        } else {
            peer_bind(&peer, PDU_ALTER_CONTEXT, 0, "three");
            peer_expect_fault(&peer, RPCST_ACCESS_DENIED);
        }
        peer_protect(&peer, 79233, PRIVACY);
        peer_request(&peer, 4, OP_WHO, "", 0);
        peer_expect_fault(&peer, RPCST_ACCESS_DENIED);
        sec_context_free(peer.security);
        peer.security = first;
        peer.context_id = 79231;
        peer_check_who(&peer, 5, PRIVACY, ALICE);
        sec_context_free(second);
        peer_close(&peer);
    }
    host_stop(&host);
}

/* A name alone is no identity. */
static void RPC_7_one_identity_is_one_name_SID_and_level(void **state)
{
    (void)state;
    static const char *const others[] = {"one alice@LAB.TEST#identify", "one alice@LAB.TEST#other",
                                         "one alice@LAB.TEST"};
    Host host;
    Peer peer;
    host_start(&host, (RpcServerOptions){0}, 4, true);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        peer_open(&peer, &host, false);
        peer_login(&peer, PDU_BIND, 0, 1, PRIVACY, ALICE, false);
        peer.context_id = 2;
        peer_bind(&peer, PDU_ALTER_CONTEXT, 0, others[i]);
        peer_expect(&peer, PDU_ALTER_CONTEXT_RESP);
        peer_bind(&peer, PDU_ALTER_CONTEXT, 0, "three");
        if (i < 2)
            peer_expect_fault(&peer, RPCST_ACCESS_DENIED);
        else
            peer_expect(&peer, PDU_ALTER_CONTEXT_RESP);
        peer_close(&peer);
    }
    host_stop(&host);
}

/* Nor is a context more than its connection's: its keys are worth nothing on another one of the same caller.
 */
static void RPC_9_a_context_belongs_to_its_connection(void **state)
{
    (void)state;
    Host host;
    Peer peer, other;
    host_start(&host, (RpcServerOptions){0}, 4, true);
    for (uint8_t level = PKT; level <= PRIVACY; level++) {
        peer_open(&peer, &host, false);
        peer_login(&peer, PDU_BIND, 0, 7, level, ALICE, false);
        peer_open(&other, &host, false);
        peer_bound(&other, 0);
        peer_protect(&other, 7, level);
        peer_request(&other, 2, OP_WHO, "", 0);
        peer_expect_fault(&other, RPCST_ACCESS_DENIED);
        peer_check_who(&peer, 2, level, ALICE);
        peer_close(&other);
        peer_close(&peer);
    }
    host_stop(&host);
}

/* At connect the only context may go without saying; of two each request says which. */
static void RPC_9_the_only_context_at_connect_may_be_left_out(void **state)
{
    (void)state;
    Host host;
    Peer peer;
    host_start(&host, (RpcServerOptions){0}, 4, true);
    peer_open(&peer, &host, false);
    peer_login(&peer, PDU_BIND, PDU_FEATURE_SECURITY_MULTIPLEX, 7, CONNECT, ALICE, false);
    peer.security = sec_context_free(peer.security);
    peer_check_who(&peer, 2, CONNECT, ALICE);
    peer_login(&peer, PDU_ALTER_CONTEXT, 0, 8, CONNECT, BOB, false);
    peer.security = sec_context_free(peer.security);
    peer_request(&peer, 3, OP_WHO, "", 0);
    peer_expect_fault(&peer, RPCST_ACCESS_DENIED);
    peer_close(&peer);
    host_stop(&host);
}

static void check_context_limit(unsigned most)
{
    const unsigned limit = most ? most : RPC_SECURITY_CONTEXTS;
    Host host;
    Peer peer;
    host_start(&host, (RpcServerOptions){.contexts = most}, 4, true);
    peer_open(&peer, &host, false);
    peer_login(&peer, PDU_BIND, PDU_FEATURE_SECURITY_MULTIPLEX, 0, PRIVACY, ALICE, false);
    for (uint32_t id = 1; id < limit; id++) {
        peer.context_id = id;
        peer_bind(&peer, PDU_ALTER_CONTEXT, 0, "one alice@LAB.TEST");
        peer_expect(&peer, PDU_ALTER_CONTEXT_RESP);
        peer_bind(&peer, PDU_ALTER_CONTEXT, 0, "three");
        peer_expect(&peer, PDU_ALTER_CONTEXT_RESP);
    }
    peer.context_id = limit;
    peer_bind(&peer, PDU_ALTER_CONTEXT, 0, "one alice@LAB.TEST");
    peer_expect_fault(&peer, NCA_S_PROTO_ERROR); /* RPC_S_PROTOCOL_ERROR. [MS-RPCE] 3.3.1.5.4 */
    peer_expect_end(&peer);
    peer_close(&peer);
    host_stop(&host);
}

static void RPC_8_contexts_beyond_the_limit_are_faulted(void **state)
{
    (void)state;
    check_context_limit(0);
    check_context_limit(5);
}

/* Contexts that nobody finishes are held for nobody's account. */
static void test_half_open_limit(void **state)
{
    (void)state;
    Host host;
    Peer peer;
    host_start(&host, (RpcServerOptions){0}, 4, true);
    peer_open(&peer, &host, false);
    peer_login(&peer, PDU_BIND, PDU_FEATURE_SECURITY_MULTIPLEX, 0, PRIVACY, ALICE, false);
    for (uint32_t id = 1; id <= RPC_HALF_OPEN_CONTEXTS; id++) {
        peer.context_id = id;
        peer_bind(&peer, PDU_ALTER_CONTEXT, 0, "one alice@LAB.TEST");
        peer_expect(&peer, PDU_ALTER_CONTEXT_RESP);
    }
    peer.context_id = RPC_HALF_OPEN_CONTEXTS + 1;
    peer_bind(&peer, PDU_ALTER_CONTEXT, 0, "one alice@LAB.TEST");
    peer_expect_fault(&peer, RPCST_OUT_OF_RESOURCES);
    peer_expect_end(&peer);
    peer_close(&peer);
    host_stop(&host);
}

static void test_caller_connections(void **state)
{
    (void)state;
    Host host;
    Peer peers[2], third, other;
    host_start(&host, (RpcServerOptions){.caller_connections = 2}, 4, true);
    for (unsigned i = 0; i < 2; i++) {
        peer_open(&peers[i], &host, false);
        peer_login(&peers[i], PDU_BIND, PDU_FEATURE_SECURITY_MULTIPLEX, 0, PRIVACY, ALICE, false);
    }
    /* more contexts on a connection that counts already */
    peer_login(&peers[0], PDU_ALTER_CONTEXT, 0, 1, PRIVACY, ALICE, false);
    peer_open(&third, &host, false);
    third.level = PRIVACY;
    peer_bind(&third, PDU_BIND, 0, "one alice@LAB.TEST");
    peer_expect(&third, PDU_BIND_ACK);
    peer_bind(&third, PDU_ALTER_CONTEXT, 0, "three");
    peer_expect_fault(&third, RPCST_OUT_OF_RESOURCES);
    peer_expect_end(&third);
    peer_close(&third);
    peer_open(&other, &host, false);
    peer_login(&other, PDU_BIND, 0, 0, PRIVACY, BOB, false);
    peer_close(&peers[1]);
    for (unsigned i = 0; i < 500 && rpc_server_state(host.server).connections > 2; i++)
        usleep(10000);
    peer_open(&third, &host, false);
    peer_login(&third, PDU_BIND, 0, 0, PRIVACY, ALICE, false);
    peer_close(&third);
    peer_close(&other);
    peer_close(&peers[0]);
    host_stop(&host);
}

/* The methods of somebody whose ticket has ended do not run; others on the connection go on. */
static void test_expired(void **state)
{
    (void)state;
    Host host;
    Peer peer;
    for (int level = CONNECT; level <= PRIVACY; level += 4) {
        host_start(&host, (RpcServerOptions){0}, 4, true);
        peer_open(&peer, &host, false);
        peer_login(&peer, PDU_BIND, PDU_FEATURE_SECURITY_MULTIPLEX, 0, (uint8_t)level, "brief@LAB.TEST",
                   false);
        peer_check_who(&peer, 2, (uint8_t)level, "brief@LAB.TEST");
        peer_request_part(&peer, PDU_FIRST_FRAG, 3, 0, OP_WHO, "", 0); /* begun in time is not enough */
        usleep(3100000);
        peer_request_part(&peer, PDU_LAST_FRAG, 3, 0, OP_WHO, "", 0);
        peer_expect_fault(&peer, RPCST_SEC_PKG_ERROR);
        peer_request(&peer, 4, OP_WHO, "", 0);
        peer_expect_fault(&peer, RPCST_SEC_PKG_ERROR);
        peer_login(&peer, PDU_ALTER_CONTEXT, 0, 1, PRIVACY, ALICE, false);
        peer_check_who(&peer, 5, PRIVACY, ALICE);
        peer_close(&peer);
        host_stop(&host);
    }
}

/* Silence is allowed between requests, not within one. */
static void test_stalling(void **state)
{
    (void)state;
    static uint8_t data[5008];
    Host host;
    Peer idle, in_pdu, in_call;
    host_start(&host, (RpcServerOptions){.stall_seconds = 1, .preauth_seconds = 1}, 4, true);
    Peer *const peers[] = {&idle, &in_pdu, &in_call};
    for (unsigned i = 0; i < 3; i++) {
        peer_open(peers[i], &host, false);
        peer_login(peers[i], PDU_BIND, 0, 0, PRIVACY, ALICE, false);
    }
    uint64_t start = time_monotonic();
    peer_send(&in_pdu, (uint8_t[]){5, 0, 0, 3, 0x10, 0, 0, 0}, 8);
    peer_request_part(&in_call, PDU_FIRST_FRAG, 2, 0, OP_ECHO, data, sizeof(data));
    usleep(700000);
    peer_request_part(&in_call, 0, 2, 0, OP_ECHO, data, sizeof(data)); /* it moves: time anew */
    peer_expect_end(&in_pdu);
    assert_true(time_monotonic() - start < NS_PER_SECOND * 3 / 2);
    peer_expect_end(&in_call);
    uint64_t took = time_monotonic() - start;
    assert_true(took > NS_PER_SECOND * 3 / 2 && took < 4 * NS_PER_SECOND);
    peer_check_who(&idle, 2, PRIVACY, ALICE);
    for (unsigned i = 0; i < 3; i++)
        peer_close(peers[i]);
    host_stop(&host);
}

/* Who has authenticated is not hurried and not counted; its requests may be larger. */
static void test_limits_end(void **state)
{
    (void)state;
    static uint8_t data[20000];
    Host host;
    Peer peer, second;
    size_t length;
    host_start(&host,
               (RpcServerOptions){.preauth_seconds = 1, .preauth_bytes = 4096, .preauth_connections = 1}, 4,
               true);
    peer_open(&peer, &host, false);
    peer.fragment = 65520;
    peer_login(&peer, PDU_BIND, 0, 0, PRIVACY, ALICE, false);
    peer_check_who(&peer, 2, PRIVACY, ALICE);
    peer_open(&second, &host, false);
    peer_login(&second, PDU_BIND, 0, 0, PRIVACY, BOB, true);
    usleep(1500000);
    peer_check_who(&second, 2, PRIVACY, BOB);
    peer_request(&peer, 3, OP_ECHO, data, sizeof(data));
    free(peer_response(&peer, 3, &length));
    assert_int_equal(length, sizeof(data));
    peer_close(&peer);
    peer_close(&second);
    host_stop(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_call_is_pkt),
        cmocka_unit_test(test_bind_refused),
        cmocka_unit_test(test_unverified),
        cmocka_unit_test(test_skew),
        cmocka_unit_test(test_tampering),
        cmocka_unit_test(test_replay),
        cmocka_unit_test(test_wrong_context),
        cmocka_unit_test(test_multiplexing),
        cmocka_unit_test(RPC_9_without_a_trailer_it_is_nobody),
        cmocka_unit_test(GSS_2_header_signing_is_of_the_connection),
        cmocka_unit_test(RPC_8_a_request_has_one_identity),
        cmocka_unit_test(RPC_7_without_multiplexing_a_connection_has_one_identity),
        cmocka_unit_test(RPC_7_one_identity_is_one_name_SID_and_level),
        cmocka_unit_test(RPC_9_a_context_belongs_to_its_connection),
        cmocka_unit_test(RPC_9_the_only_context_at_connect_may_be_left_out),
        cmocka_unit_test(RPC_8_contexts_beyond_the_limit_are_faulted),
        cmocka_unit_test(test_limits_end),
        cmocka_unit_test(test_half_open_limit),
        cmocka_unit_test(test_caller_connections),
        cmocka_unit_test(test_expired),
        cmocka_unit_test(test_stalling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
