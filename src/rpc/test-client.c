/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "io/socket.h"
#include "rpc/test-bench.h"

/* Runs an operation; with RPCST_OK the reply is what was sent. */
static RpcStatus run(Bench *bench, RpcSecurity *security, uint16_t opnum)
{
    static const uint8_t stub[100] = {1, 2, 3};
    _cleanup_(rpc_client_call_freep) RpcClientCall *call =
        call_new(bench, security, opnum, stub, sizeof(stub));
    RpcStatus status = rpc_client_call_run(call);

    if (status == RPCST_OK) {
        Reader reply = rpc_client_call_reply(call);
        assert_int_equal(reader_left(&reply), sizeof(stub));
        assert_memory_equal(reader_bytes(&reply, sizeof(stub)), stub, sizeof(stub));
    } else {
        assert_int_equal(rpc_client_call_failure(call)->code, status);
        assert_true(strlen(rpc_client_call_failure(call)->sentence) > 10);
    }
    assert_int_equal(rpc_client_call_step(call, &(IoWait){0}), status); /* it stays over */
    return status;
}

static void assert_who(Bench *bench, RpcSecurity *security, const char *expected)
{
    _cleanup_(rpc_client_call_freep) RpcClientCall *call = call_new(bench, security, PEER_WHO, "", 0);
    char who[100] = "";

    assert_int_equal(rpc_client_call_run(call), RPCST_OK);
    Reader reply = rpc_client_call_reply(call);
    assert_true(reader_left(&reply) < sizeof(who));
    reader_copy(&reply, who, reader_left(&reply));
    assert_string_equal(who, expected);
}

static void test_unauthenticated(void **state)
{
    Bench bench = bench_new(NULL, NULL);

    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(run(&bench, NULL, PEER_ECHO), RPCST_OK);
    assert_who(&bench, NULL, "nobody 1 0");
    PeerCounts counts = peer_counts(bench.peer);
    assert_int_equal(counts.connections, 1);
    assert_int_equal(counts.binds, 1);
    assert_int_equal(counts.alters, 0);
    assert_int_equal(counts.requests, 11);
    bench_free(&bench);
}

static void test_levels(void **state)
{
    static const struct {
        uint8_t asked;
        const char *who;
    } rows[] = {{PRIVACY, "alice@LAB.TEST 6 1"},
                {INTEGRITY, "alice@LAB.TEST 5 1"},
                {PACKET, "alice@LAB.TEST 4 1"},
                {CALL, "alice@LAB.TEST 4 1"},
                {CONNECT, "nobody 1 0"}}; /* requests say nothing; the peer has the context all the same */

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        Bench bench = bench_new(NULL, NULL);
        _cleanup_(rpc_security_unrefp) RpcSecurity *security = security_of(bench.alice, rows[i].asked);
        assert_who(&bench, security, rows[i].who);
        assert_int_equal(run(&bench, security, PEER_ECHO), RPCST_OK);
        assert_int_equal(peer_counts(bench.peer).contexts, 1);
        assert_int_equal(peer_counts(bench.peer).connections, 1);
        bench_free(&bench);
    }
    Bench bench = bench_new(NULL, NULL);
    RpcSecurity *security = NULL;
    RpcSecuritySpec spec = {.token = bench.alice, .authn_service = KERBEROS, .authn_level = 1, .target = "x"};
    assert_int_equal(rpc_security_new(&spec, &security), RPCST_UNKNOWN_AUTHN_LEVEL);
    spec.authn_level = 7;
    assert_int_equal(rpc_security_new(&spec, &security), RPCST_UNKNOWN_AUTHN_LEVEL);
    spec.authn_level = 6;
    spec.token = NULL;
    assert_int_equal(rpc_security_new(&spec, &security), RPCST_INVALID_PARAMETER);
    assert_null(security);
    bench_free(&bench);
}

/* Contexts are found: one connection carries them all where multiplexing was negotiated. */
static void RPC_8_contexts_share_a_connection(void **state)
{
    Bench bench = bench_new(&(PeerOptions){.multiplex = true}, NULL);
    _cleanup_(rpc_security_unrefp) RpcSecurity *alice = security_of(bench.alice, PRIVACY),
                                               *bob = security_of(bench.bob, PRIVACY),
                                               *low = security_of(bench.alice, INTEGRITY),
                                               *connect = security_of(bench.alice, CONNECT);

    for (unsigned round = 0; round < 3; round++) {
        assert_who(&bench, alice, "alice@LAB.TEST 6 1");
        assert_who(&bench, bob, "bob@LAB.TEST 6 2");
        assert_who(&bench, low, "alice@LAB.TEST 5 3");
    }
    PeerCounts counts = peer_counts(bench.peer);
    assert_int_equal(counts.connections, 1);
    assert_int_equal(counts.contexts, 3);
    /* Without signatures nobody could tell whose a request is: connections of their own. */
    assert_who(&bench, connect, "nobody 1 0");
    assert_who(&bench, NULL, "nobody 1 0");
    assert_who(&bench, connect, "nobody 1 0");
    counts = peer_counts(bench.peer);
    assert_int_equal(counts.connections, 3);
    assert_int_equal(counts.contexts, 4);
    bench_free(&bench);
}

/* One more than a connection may carry goes on another one. */
static void RPC_8_a_connection_carries_no_more_contexts_than_it_may(void **state)
{
    Bench bench = bench_new(&(PeerOptions){.multiplex = true}, NULL);

    for (unsigned i = 0; i <= RPC_CLIENT_SECURITY_CONTEXTS; i++) {
        _cleanup_(token_unrefp) Token *token = token_of("alice@LAB.TEST");
        _cleanup_(rpc_security_unrefp) RpcSecurity *security = security_of(token, PRIVACY);

        assert_int_equal(peer_counts(bench.peer).connections, i ? 1 : 0);
        assert_int_equal(run(&bench, security, PEER_ECHO), RPCST_OK);
    }
    assert_int_equal(peer_counts(bench.peer).connections, 2);
    bench_free(&bench);
}

static void RPC_7_one_identity_per_connection(void **state)
{
    Bench bench = bench_new(NULL, NULL);
    _cleanup_(rpc_security_unrefp) RpcSecurity *alice = security_of(bench.alice, PRIVACY),
                                               *bob = security_of(bench.bob, PRIVACY);

    for (unsigned round = 0; round < 3; round++) {
        assert_who(&bench, alice, "alice@LAB.TEST 6 1");
        assert_who(&bench, bob, "bob@LAB.TEST 6 1");
    }
    PeerCounts counts = peer_counts(bench.peer);
    assert_int_equal(counts.connections, 2);
    assert_int_equal(counts.contexts, 2);
    bench_free(&bench);
}

/* Equal securities are one key, whatever the object; another token of the same person is another. */
static void test_keys(void **state)
{
    Bench bench = bench_new(&(PeerOptions){.multiplex = true}, NULL);
    _cleanup_(token_unrefp) Token *again = token_of("alice@LAB.TEST");
    RpcSecuritySpec spec = {.token = bench.alice,
                            .authn_service = KERBEROS,
                            .authn_level = PRIVACY,
                            .impersonation = 3,
                            .target = "t"};
    RpcSecurity *base = NULL, *other = NULL;

    assert_int_equal(rpc_security_new(&spec, &base), RPCST_OK);
    RpcSecuritySpec specs[] = {spec, spec, spec, spec, spec, spec, spec};
    specs[1].token = again;
    specs[2].authn_service = 9;
    specs[3].authn_level = INTEGRITY;
    specs[4].impersonation = 4;
    specs[5].capabilities = 1;
    specs[6].target = "u";
    for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
        assert_int_equal(rpc_security_new(&specs[i], &other), RPCST_OK);
        assert_int_equal(rpc_security_equal(base, other), i == 0);
        other = rpc_security_unref(other);
    }
    for (unsigned i = 0; i < 3; i++) { /* made anew for every call, as dynamic cloaking does */
        assert_int_equal(rpc_security_new(&spec, &other), RPCST_OK);
        assert_int_equal(run(&bench, other, PEER_ECHO), RPCST_OK);
        other = rpc_security_unref(other);
    }
    assert_int_equal(peer_counts(bench.peer).contexts, 1);
    base = rpc_security_unref(base);
    bench_free(&bench);
}

static void test_interfaces(void **state)
{
    Bench bench = bench_new(NULL, NULL);
    const Guid *const interfaces[] = {&some_interface, &other_interface, &some_interface, &other_interface};

    for (size_t i = 0; i < ARRAY_SIZE(interfaces); i++) {
        _cleanup_(rpc_client_call_freep) RpcClientCall *call = call_new(&bench, NULL, PEER_ECHO, "abc", 3);
        call->interface_id.uuid = *interfaces[i];
        assert_int_equal(rpc_client_call_run(call), RPCST_OK);
    }
    PeerCounts counts = peer_counts(bench.peer);
    assert_int_equal(counts.binds, 1);
    assert_int_equal(counts.alters, 1);
    /* One that the server does not have: refused without harm to the connection. */
    _cleanup_(rpc_client_call_freep) RpcClientCall *call = call_new(&bench, NULL, PEER_ECHO, "abc", 3);
    call->interface_id.uuid = peer_missing_interface;
    assert_int_equal(rpc_client_call_run(call), RPCST_UNKNOWN_IF);
    assert_false(rpc_client_call_was_sent(call));
    assert_int_equal(run(&bench, NULL, PEER_ECHO), RPCST_OK);
    assert_int_equal(peer_counts(bench.peer).connections, 1);
    bench_free(&bench);
}

/* A package of three legs: the third goes in rpc_auth_3, and the request right behind it. */
static void GSS_1_the_last_leg_goes_where_the_mechanism_says(void **state)
{
    for (unsigned i = 0; i < 4; i++) {
        bool multiplex = i % 2, by_auth3 = i / 2;
        unsigned first_leg = multiplex; /* bob's: in alter_context where alice's bind was before */
        Bench bench = bench_new(&(PeerOptions){.multiplex = multiplex}, NULL);
        _cleanup_(rpc_security_unrefp) RpcSecurity *alice = security_of(bench.alice, PRIVACY);
        _cleanup_(rpc_security_unrefp) RpcSecurity *bob = security_of(bench.bob, INTEGRITY);

        peer_package.by_auth3 = by_auth3;
        for (unsigned round = 0; round < 2; round++) {
            assert_int_equal(run(&bench, alice, PEER_ECHO), RPCST_OK);
            assert_int_equal(run(&bench, bob, PEER_ECHO), RPCST_OK);
        }
        peer_package.by_auth3 = false;
        PeerCounts counts = peer_counts(bench.peer);
        assert_int_equal(counts.auth3s, by_auth3 ? 2 : 0);
        assert_int_equal(counts.alters, by_auth3 ? first_leg : first_leg + 2);
        assert_int_equal(counts.contexts, 2);
        assert_int_equal(counts.connections, multiplex ? 1 : 2);
        bench_free(&bench);
    }
}

static void test_missing_interface_in_bind(void **state)
{
    Bench bench = bench_new(NULL, NULL);
    _cleanup_(rpc_security_unrefp) RpcSecurity *alice = security_of(bench.alice, PRIVACY);
    _cleanup_(rpc_client_call_freep) RpcClientCall *call = call_new(&bench, alice, PEER_ECHO, "abc", 3);

    call->interface_id.uuid = peer_missing_interface;
    assert_int_equal(rpc_client_call_run(call), RPCST_UNKNOWN_IF);
    assert_int_equal(run(&bench, alice, PEER_ECHO), RPCST_OK);
    bench_free(&bench);
}

static void test_sizes(void **state)
{
    static const uint32_t sizes[] = {0,    1,    15,   16,   17,   500,   511,   512,   513,    5000,
                                     5719, 5720, 5728, 5816, 5817, 11632, 60000, 65536, 300000, 1000000};
    static const uint16_t fragments[] = {0, 1432, 4280, 65535};
    _cleanup_(freep) uint8_t *bytes = malloc(1000000);

    for (size_t i = 0; i < 1000000; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 256);
    for (size_t f = 0; f < ARRAY_SIZE(fragments); f++) {
        Bench bench = bench_new(&(PeerOptions){.multiplex = true, .fragment = fragments[f]}, NULL);
        RpcSecurity *securities[] = {NULL, security_of(bench.alice, INTEGRITY),
                                     security_of(bench.alice, PRIVACY)};
        for (size_t s = 0; s < ARRAY_SIZE(securities); s++)
            for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                _cleanup_(rpc_client_call_freep) RpcClientCall *there =
                    call_new(&bench, securities[s], PEER_ECHO, bytes, sizes[i]);
                assert_int_equal(rpc_client_call_run(there), RPCST_OK);
                Reader reply = rpc_client_call_reply(there);
                assert_int_equal(reader_left(&reply), sizes[i]);
                if (sizes[i]) assert_memory_equal(reply.data, bytes, sizes[i]);
                _cleanup_(rpc_client_call_freep) RpcClientCall *back =
                    call_new(&bench, securities[s], PEER_LONG, (const uint8_t *)&sizes[i], 4);
                assert_int_equal(rpc_client_call_run(back), RPCST_OK);
                reply = rpc_client_call_reply(back);
                assert_int_equal(reader_left(&reply), sizes[i]);
                if (sizes[i]) assert_memory_equal(reply.data, bytes, sizes[i]);
                assert_int_equal((uintptr_t)reply.data % 8, 0);
            }
        for (size_t s = 0; s < ARRAY_SIZE(securities); s++)
            (void)rpc_security_unref(securities[s]);
        bench_free(&bench);
    }
}

static void test_reply_limit(void **state)
{
    Bench bench = bench_new(NULL, &(RpcClientOptions){.reply_max = 20000});
    static const uint32_t sizes[] = {20000, 20001};
    static const RpcStatus expected[] = {RPCST_OK, RPCST_CALL_FAILED};

    for (size_t i = 0; i < 2; i++) {
        _cleanup_(rpc_client_call_freep) RpcClientCall *call =
            call_new(&bench, NULL, PEER_LONG, (const uint8_t *)&sizes[i], 4);
        assert_int_equal(rpc_client_call_run(call), expected[i]);
    }
    assert_int_equal(run(&bench, NULL, PEER_ECHO), RPCST_OK);
    assert_int_equal(peer_counts(bench.peer).connections, 2);
    bench_free(&bench);
}

static void test_faults(void **state)
{
    static const struct {
        uint32_t fault;
        RpcStatus status;
        const char *sentence;
    } rows[] = {{5, RPCST_ACCESS_DENIED, "at the authentication level the server asks for"},
                {NCA_S_OP_RNG_ERROR, RPCST_PROCNUM_OUT_OF_RANGE, "no such method"},
                {NCA_S_SERVER_TOO_BUSY, RPCST_SERVER_TOO_BUSY, "again later"},
                {NCA_S_UNK_IF, RPCST_UNKNOWN_IF, "does not offer this interface"},
                {RPCST_UNSUPPORTED_AUTHN_LEVEL, RPCST_UNSUPPORTED_AUTHN_LEVEL, "a higher one"},
                {0x80010108, 0x80010108, "0x80010108"},
                {0, RPCST_PROTOCOL_ERROR, "status"}};
    Bench bench = bench_new(NULL, NULL);
    _cleanup_(rpc_security_unrefp) RpcSecurity *alice = security_of(bench.alice, INTEGRITY);
    RpcSecurity *securities[] = {NULL, alice};

    for (size_t s = 0; s < 2; s++)
        for (size_t i = 0; i < 2 * ARRAY_SIZE(rows) - 2; i++) {
            const uint16_t opnum = i % 2 ? PEER_SIGNED_FAULT : PEER_FAULT;
            if (opnum == PEER_SIGNED_FAULT && !securities[s]) continue;
            _cleanup_(rpc_client_call_freep) RpcClientCall *call =
                call_new(&bench, securities[s], opnum, (const uint8_t *)&rows[i / 2].fault, 4);
            assert_int_equal(rpc_client_call_run(call), rows[i / 2].status);
            assert_non_null(strstr(rpc_client_call_failure(call)->sentence, rows[i / 2].sentence));
            assert_true(rpc_client_call_is_fault(call));
            assert_true(rpc_client_call_was_sent(call));
            assert_int_equal(run(&bench, securities[s], PEER_ECHO), RPCST_OK);
        }
    assert_int_equal(peer_counts(bench.peer).connections, 2); /* faults end no connection */
    bench_free(&bench);
}

/* What a peer must not get away with, and that the next call has a new connection. */
static void test_bad_answers(void **state)
{
    static const struct {
        uint16_t opnum;
        RpcStatus plain, sealed;
    } rows[] = {
        {PEER_CORRUPT, RPCST_OK, RPCST_SEC_PKG_ERROR}, /* nobody notices without a signature: see below */
        {PEER_UNSIGNED, RPCST_OK, RPCST_SEC_PKG_ERROR},
        {PEER_OTHER_CONTEXT, RPCST_OK, RPCST_SEC_PKG_ERROR},
        {PEER_OTHER_CALL, RPCST_PROTOCOL_ERROR, RPCST_PROTOCOL_ERROR},
        {PEER_REPLAY, RPCST_OK, RPCST_SEC_PKG_ERROR},
        {PEER_HANG_UP, RPCST_CALL_FAILED, RPCST_CALL_FAILED},
        {PEER_HALF, RPCST_CALL_FAILED, RPCST_CALL_FAILED},
        {PEER_JUNK, RPCST_PROTOCOL_ERROR, RPCST_PROTOCOL_ERROR},
    };

    for (uint8_t level = 0; level <= PRIVACY; level++) {
        if (level == 1 || level == CALL) continue;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
            const bool sealed = level >= PACKET;
            if (rows[i].opnum == PEER_CORRUPT && !sealed) continue;
            Bench bench = bench_new(NULL, NULL);
            RpcSecurity *security = level ? security_of(bench.alice, level) : NULL;
            assert_int_equal(run(&bench, security, PEER_ECHO), RPCST_OK);
            const RpcStatus expected = sealed ? rows[i].sealed : rows[i].plain;
            assert_int_equal(run(&bench, security, rows[i].opnum), expected);
            assert_int_equal(run(&bench, security, PEER_ECHO), RPCST_OK);
            assert_int_equal(peer_counts(bench.peer).connections, expected == RPCST_OK ? 1 : 2);
            (void)rpc_security_unref(security);
            bench_free(&bench);
        }
    }
}

static void test_shutdown_is_heeded(void **state)
{
    Bench bench = bench_new(NULL, NULL);

    assert_int_equal(run(&bench, NULL, PEER_SHUTDOWN), RPCST_OK);
    assert_int_equal(run(&bench, NULL, PEER_ECHO), RPCST_OK);
    assert_int_equal(peer_counts(bench.peer).connections, 2);
    bench_free(&bench);
}

static void sleep_ms(unsigned ms)
{
    assert_int_equal(io_wait(&(IoWait){-1, 0, time_after(ms * NS_PER_MS)}), -ETIMEDOUT);
}

/* A server that closed while we were idle costs a new connection, not a failed call. */
static void test_idle_connection_was_closed(void **state)
{
    Bench bench = bench_new(&(PeerOptions){.multiplex = true}, NULL);
    _cleanup_(rpc_security_unrefp) RpcSecurity *alice = security_of(bench.alice, PRIVACY),
                                               *bob = security_of(bench.bob, PRIVACY);

    assert_int_equal(run(&bench, alice, PEER_ECHO), RPCST_OK);
    peer_drop(bench.peer);
    sleep_ms(60); /* past CLIENT_PROBE_AFTER */
    assert_int_equal(run(&bench, alice, PEER_ECHO), RPCST_OK);
    assert_int_equal(peer_counts(bench.peer).connections, 2);
    peer_drop(bench.peer);
    assert_int_equal(run(&bench, bob, PEER_ECHO),
                     RPCST_OK); /* found out while binding: nothing of the call was sent */
    assert_int_equal(peer_counts(bench.peer).connections, 3);
    assert_int_equal(peer_counts(bench.peer).requests, 3);
    bench_free(&bench);
}

static void test_trim(void **state)
{
    Bench bench = bench_new(NULL, &(RpcClientOptions){.idle_timeout = 50 * NS_PER_MS});

    assert_int_equal(run(&bench, NULL, PEER_ECHO), RPCST_OK);
    uint64_t due = rpc_client_trim(bench.client, false);
    assert_true(due != TIME_NEVER && due <= time_after(50 * NS_PER_MS));
    assert_int_equal(io_wait(&(IoWait){-1, 0, due + NS_PER_MS}), -ETIMEDOUT);
    assert_true(rpc_client_trim(bench.client, false) == TIME_NEVER);
    assert_int_equal(run(&bench, NULL, PEER_ECHO), RPCST_OK);
    assert_int_equal(peer_counts(bench.peer).connections, 2);
    assert_true(rpc_client_trim(bench.client, true) == TIME_NEVER);
    assert_int_equal(run(&bench, NULL, PEER_ECHO), RPCST_OK);
    assert_int_equal(peer_counts(bench.peer).connections, 3);
    bench_free(&bench);
}

static void test_no_security_no_request(void **state)
{
    static const struct {
        PeerOptions options;
        uint32_t fail;
        RpcStatus expected;
    } rows[] = {
        {.fail = 0x8009030E, .expected = 0x8009030E},
        {.fail = RPCST_SEC_PKG_ERROR, .expected = RPCST_SEC_PKG_ERROR},
        {.options = {.leg2 = "no"}, .expected = 0x80090322},
        {.options = {.ignore_auth = true}, .expected = RPCST_UNKNOWN_AUTHN_SERVICE},
        {.options = {.other_type = true}, .expected = RPCST_SEC_PKG_ERROR},
        {.options = {.other_level = true}, .expected = RPCST_SEC_PKG_ERROR},
        {.options = {.other_context = true}, .expected = RPCST_SEC_PKG_ERROR},
        {.options = {.no_header_sign = true}, .expected = RPCST_SEC_PKG_ERROR},
        {.options = {.nak = PDU_NAK_AUTH_TYPE + 1}, .expected = RPCST_UNKNOWN_AUTHN_SERVICE},
        {.options = {.nak = PDU_NAK_CHECKSUM + 1}, .expected = RPCST_SEC_PKG_ERROR},
        {.options = {.nak = PDU_NAK_LIMIT + 1}, .expected = RPCST_SERVER_TOO_BUSY},
        {.options = {.nak = PDU_NAK_VERSION + 1}, .expected = RPCST_PROTOCOL_ERROR},
        {.options = {.alter_fault = 5}, .expected = RPCST_ACCESS_DENIED},
        {.options = {.hang_up = true}, .expected = RPCST_CALL_FAILED_DNE},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        Bench bench = bench_new(&rows[i].options, NULL);
        _cleanup_(rpc_security_unrefp) RpcSecurity *alice = security_of(bench.alice, PRIVACY);
        peer_package.fail = rows[i].fail;
        _cleanup_(rpc_client_call_freep) RpcClientCall *call = call_new(&bench, alice, PEER_ECHO, "abc", 3);
        assert_int_equal(rpc_client_call_run(call), rows[i].expected);
        assert_false(rpc_client_call_was_sent(call));
        assert_int_equal(rpc_client_call_failure(call)->code, rows[i].expected);
        PeerCounts counts = peer_counts(bench.peer);
        assert_int_equal(counts.requests, 0);
        if (rows[i].fail)
            assert_int_equal(counts.connections, 0); /* no ticket: the server is not even bothered */
        bench_free(&bench);
    }
}

static void test_unsigned_headers_by_option(void **state)
{
    Bench bench = bench_new(&(PeerOptions){.no_header_sign = true},
                            &(RpcClientOptions){.allow_unsigned_headers = true});
    _cleanup_(rpc_security_unrefp) RpcSecurity *alice = security_of(bench.alice, PRIVACY);

    assert_int_equal(run(&bench, alice, PEER_ECHO), RPCST_OK);
    assert_int_equal(run(&bench, alice, PEER_ECHO), RPCST_OK);
    assert_int_equal(peer_counts(bench.peer).headers, 2); /* every request signs its own */
    assert_int_equal(peer_counts(bench.peer).bits, 1);
    bench_free(&bench);
}

/* Where it is signed the client says which interface it means and that headers were to be signed: once. */
static void test_verification_trailers(void **state)
{
    static const uint8_t levels[] = {CONNECT, PACKET, PRIVACY};
    for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
        Bench bench = bench_new(NULL, NULL);
        _cleanup_(rpc_security_unrefp) RpcSecurity *alice = security_of(bench.alice, levels[i]);
        const unsigned once = levels[i] != CONNECT;

        for (unsigned calls = 0; calls < 3; calls++)
            assert_int_equal(run(&bench, alice, PEER_ECHO), RPCST_OK);
        assert_int_equal(peer_counts(bench.peer).bits, once);
        assert_int_equal(peer_counts(bench.peer).syntaxes, once);
        assert_int_equal(peer_counts(bench.peer).headers, 0);
        (void)rpc_client_trim(bench.client, true); /* and again on another connection */
        assert_int_equal(run(&bench, alice, PEER_ECHO), RPCST_OK);
        assert_int_equal(peer_counts(bench.peer).syntaxes, 2 * once);
        bench_free(&bench);
    }
}

static void test_skew(void **state)
{
    Bench bench = bench_new(&(PeerOptions){.leg2 = "skew"}, NULL);
    _cleanup_(rpc_security_unrefp) RpcSecurity *alice = security_of(bench.alice, PRIVACY);

    assert_int_equal(run(&bench, alice, PEER_ECHO), RPCST_OK);
    assert_int_equal(peer_counts(bench.peer).connections, 2); /* once more, on a new connection */
    assert_int_equal(peer_counts(bench.peer).contexts, 1);
    bench_free(&bench);
}

static void test_forgotten_group(void **state)
{
    Bench bench = bench_new(&(PeerOptions){.check_group = true}, NULL);
    _cleanup_(rpc_client_call_freep) RpcClientCall *busy = call_new(&bench, NULL, PEER_SILENT, "", 0);
    IoWait wait;

    while (rpc_client_call_step(busy, &wait) == RPCST_PENDING && !rpc_client_call_was_sent(busy))
        assert_int_equal(io_wait(&wait), 0);
    assert_int_equal(run(&bench, NULL, PEER_ECHO),
                     RPCST_OK); /* second connection: its group is refused, none is taken */
    assert_int_equal(peer_counts(bench.peer).connections, 3);
    bench.binding = rpc_binding_unref(bench.binding);
    busy = rpc_client_call_free(busy);
    bench_free(&bench);
}

static void test_expired_context_is_replaced(void **state)
{
    Bench bench = bench_new(&(PeerOptions){.multiplex = true}, NULL);
    _cleanup_(rpc_security_unrefp) RpcSecurity *alice = security_of(bench.alice, PRIVACY);

    peer_package.expires = time_wall() + CLIENT_EXPIRY_MARGIN + 1;
    assert_who(&bench, alice, "alice@LAB.TEST 6 1");
    assert_who(&bench, alice, "alice@LAB.TEST 6 1");
    sleep_ms(2100);
    peer_package.expires = 0;
    assert_who(&bench, alice, "alice@LAB.TEST 6 2");
    assert_int_equal(peer_counts(bench.peer).connections, 1);
    bench_free(&bench);
}

/* DEL-9: the context that a caller's ticket was turned into lasts longer than that ticket. */
static void test_expired_token_is_not_shown(void **state)
{
    Bench bench = bench_new(&(PeerOptions){.multiplex = true}, NULL);
    const TokenSpec spec = {.kind = TOKEN_KIND_IMPERSONATION,
                            .level = TOKEN_LEVEL_IMPERSONATION,
                            .principal = "carol@LAB.TEST",
                            .from_network = true,
                            .expires = time_wall() + CLIENT_EXPIRY_MARGIN + 1};
    _cleanup_(token_unrefp) Token *carol = NULL;

    assert_int_equal(token_new(&spec, &carol), 0);
    _cleanup_(rpc_security_unrefp) RpcSecurity *security = security_of(carol, PRIVACY);
    assert_who(&bench, security, "carol@LAB.TEST 6 1");
    sleep_ms(2100);
    peer_package.fail = 0x8009030e; /* what sec/initiator.h says of a token that has expired */
    assert_int_equal(run(&bench, security, PEER_ECHO), 0x8009030e);
    assert_int_equal(peer_counts(bench.peer).requests, 1);
    bench_free(&bench);
}

/* A child has its parent's connections, keys and numbers, and uses none of them. */
static void test_fork(void **state)
{
    Bench bench = bench_new(&(PeerOptions){.multiplex = true}, NULL);
    _cleanup_(rpc_security_unrefp) RpcSecurity *alice = security_of(bench.alice, PRIVACY);
    int status;

    assert_who(&bench, alice, "alice@LAB.TEST 6 1");
    pid_t child = fork();
    if (child == 0) _exit(run(&bench, alice, PEER_ECHO) == RPCST_OK ? 0 : 1);
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(peer_counts(bench.peer).connections, 2);
    assert_int_equal(peer_counts(bench.peer).contexts, 2);
    assert_who(&bench, alice, "alice@LAB.TEST 6 1");
    assert_int_equal(peer_counts(bench.peer).connections, 2);
    bench_free(&bench);
}

static void test_deadlines(void **state)
{
    Bench bench = bench_new(NULL, NULL);
    const RpcClientCallSpec spec = {.binding = bench.binding,
                                    .iid = some_interface,
                                    .opnum = PEER_SILENT,
                                    .deadline = time_after(100 * NS_PER_MS)};
    RpcClientCall *call = NULL;

    assert_int_equal(run(&bench, NULL, PEER_ECHO), RPCST_OK);
    assert_int_equal(rpc_client_call_new(&spec, &call), RPCST_OK);
    assert_int_equal(rpc_client_call_run(call), RPCST_CALL_CANCELLED);
    assert_true(time_monotonic() < spec.deadline + NS_PER_SECOND);
    call = rpc_client_call_free(call);
    assert_int_equal(run(&bench, NULL, PEER_ECHO), RPCST_OK);
    assert_int_equal(peer_counts(bench.peer).connections, 2);
    bench_free(&bench);

    bench = bench_new(&(PeerOptions){.deaf = true}, NULL);
    const RpcClientCallSpec deaf = {
        .binding = bench.binding, .iid = some_interface, .deadline = time_after(100 * NS_PER_MS)};
    assert_int_equal(rpc_client_call_new(&deaf, &call), RPCST_OK);
    assert_int_equal(rpc_client_call_run(call), RPCST_SERVER_UNAVAILABLE);
    assert_false(rpc_client_call_was_sent(call));
    call = rpc_client_call_free(call);
    bench_free(&bench);
}

static void test_cancel_by_freeing(void **state)
{
    Bench bench = bench_new(&(PeerOptions){.multiplex = true}, NULL);
    _cleanup_(rpc_security_unrefp) RpcSecurity *alice = security_of(bench.alice, PRIVACY);

    peer_package.waits = 1;
    for (unsigned steps = 0; steps < 12; steps++) { /* in every state */
        RpcClientCall *call = call_new(&bench, alice, PEER_SILENT, "abc", 3);
        for (unsigned i = 0; i < steps; i++) {
            IoWait wait;
            assert_int_equal(rpc_client_call_step(call, &wait), RPCST_PENDING);
            if (rpc_client_call_was_sent(call)) break;
            assert_int_equal(io_wait(&wait), 0);
        }
        call = rpc_client_call_free(call);
        assert_int_equal(run(&bench, alice, PEER_ECHO), RPCST_OK);
    }
    bench_free(&bench);
}

static void test_addresses_in_order(void **state)
{
    Bench bench = bench_new(NULL, NULL);
    IoAddress dead;
    _cleanup_(closep) int closed = -1;
    RpcBinding *binding = NULL;

    /* A port that refuses: bound, not listening. */
    assert_int_equal(io_address_parse("127.0.0.9", 0, &dead), 0);
    assert_int_equal(io_listen(&dead, 0, &closed), 0);
    assert_int_equal(io_socket_address(closed, &dead), 0);
    close(TAKE_FD(closed));
    const RpcEndpoint endpoints[] = {{.address = &dead},
                                     {.host = "localhost", .port = io_address_port(&dead)},
                                     {.address = peer_address(bench.peer, 0)}};
    assert_int_equal(rpc_binding_new(bench.client, endpoints, 2, &binding), RPCST_OK);
    const RpcClientCallSpec none = {
        .binding = binding, .iid = some_interface, .deadline = time_after(5 * NS_PER_SECOND)};
    RpcClientCall *call = NULL;
    assert_int_equal(rpc_client_call_new(&none, &call), RPCST_OK);
    assert_int_equal(rpc_client_call_run(call), RPCST_SERVER_UNAVAILABLE);
    call = rpc_client_call_free(call);
    binding = rpc_binding_unref(binding);

    assert_int_equal(rpc_binding_new(bench.client, endpoints, 3, &binding), RPCST_OK);
    const RpcClientCallSpec some = {.binding = binding, .iid = some_interface};
    for (unsigned i = 0; i < 2; i++) {
        char expected[IO_ADDRESS_STRING_SIZE], got[IO_ADDRESS_STRING_SIZE];
        assert_int_equal(rpc_client_call_new(&some, &call), RPCST_OK);
        assert_int_equal(rpc_client_call_run(call), RPCST_OK);
        io_address_format(rpc_client_call_address(call), got);
        io_address_format(peer_address(bench.peer, 0), expected);
        assert_string_equal(got, expected);
        assert_int_equal(call->tried, i == 0 ? 3 : 0); /* the second time it is known */
        call = rpc_client_call_free(call);
    }
    binding = rpc_binding_unref(binding);
    bench_free(&bench);
}

static void test_bindings_refused(void **state)
{
    Bench bench = bench_new(NULL, NULL);
    const RpcEndpoint bad[] = {{.host = NULL, .port = 1},
                               {.host = "", .port = 1},
                               {.host = "a b", .port = 1},
                               {.host = "a:1", .port = 1},
                               {.host = "a", .port = 0}};
    RpcBinding *binding = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(rpc_binding_new(bench.client, &bad[i], 1, &binding), RPCST_INVALID_NET_ADDR);
    assert_int_equal(rpc_binding_new(bench.client, bad, 0, &binding), RPCST_INVALID_NET_ADDR);
    assert_null(binding);
    bench_free(&bench);
}

static void test_connection_limit(void **state)
{
    Bench bench = bench_new(NULL, &(RpcClientOptions){.connections_max = 2});
    RpcClientCall *busy[2];
    IoWait wait;

    for (size_t i = 0; i < 2; i++) {
        busy[i] = call_new(&bench, NULL, PEER_SILENT, "", 0);
        while (rpc_client_call_step(busy[i], &wait) == RPCST_PENDING && !rpc_client_call_was_sent(busy[i]))
            assert_int_equal(io_wait(&wait), 0);
    }
    assert_int_equal(run(&bench, NULL, PEER_ECHO), RPCST_OUT_OF_RESOURCES);
    busy[0] = rpc_client_call_free(busy[0]);
    assert_int_equal(run(&bench, NULL, PEER_ECHO), RPCST_OK);
    busy[1] = rpc_client_call_free(busy[1]);
    bench_free(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unauthenticated),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(RPC_8_contexts_share_a_connection),
        cmocka_unit_test(RPC_8_a_connection_carries_no_more_contexts_than_it_may),
        cmocka_unit_test(RPC_7_one_identity_per_connection),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_interfaces),
        cmocka_unit_test(GSS_1_the_last_leg_goes_where_the_mechanism_says),
        cmocka_unit_test(test_missing_interface_in_bind),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_reply_limit),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_bad_answers),
        cmocka_unit_test(test_shutdown_is_heeded),
        cmocka_unit_test(test_idle_connection_was_closed),
        cmocka_unit_test(test_trim),
        cmocka_unit_test(test_no_security_no_request),
        cmocka_unit_test(test_unsigned_headers_by_option),
        cmocka_unit_test(test_verification_trailers),
        cmocka_unit_test(test_skew),
        cmocka_unit_test(test_forgotten_group),
        cmocka_unit_test(test_expired_context_is_replaced),
        cmocka_unit_test(test_expired_token_is_not_shown),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_deadlines),
        cmocka_unit_test(test_cancel_by_freeing),
        cmocka_unit_test(test_addresses_in_order),
        cmocka_unit_test(test_bindings_refused),
        cmocka_unit_test(test_connection_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
