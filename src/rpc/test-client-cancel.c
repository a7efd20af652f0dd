/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that another thread ends: before they are sent, while the server runs them, and when it does not
 * care. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/time.h"
#include "rpc/test-bench.h"

static RpcClientCall *cancellable(Bench *bench, RpcSecurity *security, uint16_t opnum, RpcCancel *cancel)
{
    RpcClientCall *call;
    const RpcClientCallSpec spec = {.binding = bench->binding,
                                    .security = security,
                                    .iid = some_interface,
                                    .opnum = opnum,
                                    .stub = (const uint8_t *)"abc",
                                    .stub_length = 3,
                                    .deadline = time_after(60 * NS_PER_SECOND),
                                    .cancel = cancel};
    assert_int_equal(rpc_client_call_new(&spec, &call), RPCST_OK);
    return call;
}

typedef struct Later {
    Bench *bench;
    RpcCancel *cancel;
    unsigned requests; /* when so many have come */
    uint64_t grace;
} Later;

static void *cancel_later(void *data)
{
    const Later *later = data;

    while (peer_counts(later->bench->peer).requests < later->requests)
        usleep(1000);
    rpc_cancel(later->cancel, later->grace);
    rpc_cancel(later->cancel, 0); /* only the first time counts */
    return NULL;
}

/* Runs a call that is never answered by itself, until it is cancelled from another thread. */
static RpcStatus run_cancelled(Bench *bench, RpcSecurity *security, unsigned requests, uint64_t grace,
                               bool *ret_fault)
{
    _cleanup_(rpc_cancel_unrefp) RpcCancel *cancel = NULL;
    pthread_t thread;

    assert_int_equal(rpc_cancel_new(&cancel), RPCST_OK);
    Later later = {bench, cancel, requests, grace};
    _cleanup_(rpc_client_call_freep) RpcClientCall *call = cancellable(bench, security, PEER_SILENT, cancel);
    assert_int_equal(pthread_create(&thread, NULL, cancel_later, &later), 0);
    const RpcStatus status = rpc_client_call_run(call);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(rpc_cancel_is_set(cancel));
    assert_true(rpc_client_call_was_sent(call));
    *ret_fault = rpc_client_call_is_fault(call);
    return status;
}

static void check_echo(Bench *bench, RpcSecurity *security)
{
    _cleanup_(rpc_client_call_freep) RpcClientCall *call = call_new(bench, security, PEER_ECHO, "abc", 3);
    assert_int_equal(rpc_client_call_run(call), RPCST_OK);
}

/* A server that ends the call: its fault is the answer, and the connection and its context go on. */
static void test_obeyed(void **state)
{
    Bench bench = bench_new(&(PeerOptions){.obeys = true}, NULL);
    RpcSecurity *securities[] = {NULL, security_of(bench.alice, PRIVACY)};

    for (unsigned i = 0; i < 2; i++) {
        bool fault;
        const unsigned requests = peer_counts(bench.peer).requests, connections = i + 1;
        assert_int_equal(run_cancelled(&bench, securities[i], requests + 1, 60 * NS_PER_SECOND, &fault),
                         RPCST_CALL_CANCELLED);
        assert_true(fault);
        check_echo(&bench, securities[i]);
        assert_int_equal(peer_counts(bench.peer).connections, connections);
    }
    assert_int_equal(peer_counts(bench.peer).cancels, 2);
    assert_int_equal(peer_counts(bench.peer).orphans, 0);
    (void)rpc_security_unref(securities[1]);
    bench_free(&bench);
}

/* One that does not is told that nobody waits any more, and its connection is not used again. */
static void test_given_up(void **state)
{
    Bench bench = bench_new(NULL, NULL);
    _cleanup_(rpc_security_unrefp) RpcSecurity *alice = security_of(bench.alice, PRIVACY);

    for (unsigned i = 0; i < 2; i++) {
        bool fault;
        const unsigned requests = peer_counts(bench.peer).requests;
        const uint64_t grace = i ? 100 * NS_PER_MS : 0;
        assert_int_equal(run_cancelled(&bench, alice, requests + 1, grace, &fault), RPCST_CALL_CANCELLED);
        assert_false(fault);
        check_echo(&bench, alice);
        assert_int_equal(peer_counts(bench.peer).connections, i + 2);
        assert_int_equal(peer_counts(bench.peer).cancels, i + 1);
        for (unsigned wait = 0; wait < 3000 && peer_counts(bench.peer).orphans < i + 1; wait++)
            usleep(10000);
        assert_int_equal(peer_counts(bench.peer).orphans, i + 1);
    }
    bench_free(&bench);
}

/* Cancelled before it began: nothing is sent, not even a connection made. */
static void test_before(void **state)
{
    Bench bench = bench_new(NULL, NULL);
    _cleanup_(rpc_cancel_unrefp) RpcCancel *cancel = NULL;

    assert_int_equal(rpc_cancel_new(&cancel), RPCST_OK);
    assert_false(rpc_cancel_is_set(cancel));
    rpc_cancel(cancel, 60 * NS_PER_SECOND);
    _cleanup_(rpc_client_call_freep) RpcClientCall *call = cancellable(&bench, NULL, PEER_ECHO, cancel);
    assert_int_equal(rpc_client_call_run(call), RPCST_CALL_CANCELLED);
    assert_false(rpc_client_call_was_sent(call));
    assert_true(strlen(rpc_client_call_failure(call)->sentence) > 10);
    assert_int_equal(peer_counts(bench.peer).connections, 0);
    bench_free(&bench);
}

/* Nobody cancels: the call is like any other. */
static void test_not_cancelled(void **state)
{
    Bench bench = bench_new(NULL, NULL);
    _cleanup_(rpc_cancel_unrefp) RpcCancel *cancel = NULL;

    assert_int_equal(rpc_cancel_new(&cancel), RPCST_OK);
    for (unsigned i = 0; i < 3; i++) {
        _cleanup_(rpc_client_call_freep) RpcClientCall *call = cancellable(&bench, NULL, PEER_ECHO, cancel);
        assert_int_equal(rpc_client_call_run(call), RPCST_OK);
    }
    assert_int_equal(peer_counts(bench.peer).connections, 1);
    bench_free(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_obeyed),
        cmocka_unit_test(test_given_up),
        cmocka_unit_test(test_before),
        cmocka_unit_test(test_not_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
