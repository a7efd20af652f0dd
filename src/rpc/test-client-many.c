/* SPDX-License-Identifier: Apache-2.0 */
/* Many servers from one thread, many threads towards one server. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>
#include <cmocka.h>
#include "rpc/test-bench.h"

/* One thread, 200 servers, all at once: nothing in a step may block. */
#define SERVERS 200
static void test_many_servers_from_one_thread(void **state)
{
    Bench bench = bench_new(NULL, NULL);
    Peer *peer = peer_new(NULL, SERVERS);
    _cleanup_(closep) int epoll = epoll_create1(EPOLL_CLOEXEC);
    static RpcClientCall *calls[SERVERS];
    static RpcBinding *bindings[SERVERS];
    static uint64_t numbers[SERVERS];
    _cleanup_(rpc_security_unrefp) RpcSecurity *alice = security_of(bench.alice, PRIVACY);

    peer_package.waits = 1;
    for (unsigned round = 0; round < 2; round++) { /* cold, then warm */
        size_t open = SERVERS;
        for (size_t i = 0; i < SERVERS; i++) {
            numbers[i] = i;
            if (round == 0) bindings[i] = binding_to(bench.client, peer_address(peer, i));
            const RpcClientCallSpec spec = {.binding = bindings[i],
                                            .security = i % 2 ? alice : NULL,
                                            .iid = some_interface,
                                            .stub = (const uint8_t *)&numbers[i],
                                            .stub_length = sizeof(numbers[i])};
            assert_int_equal(rpc_client_call_new(&spec, &calls[i]), RPCST_OK);
        }
        bool ready[SERVERS];
        memset(ready, 1, sizeof(ready));
        while (open > 0) {
            for (size_t i = 0; i < SERVERS; i++) {
                IoWait wait;
                if (!ready[i] || !calls[i]) continue;
                ready[i] = false;
                RpcStatus status = rpc_client_call_step(calls[i], &wait);
                if (status == RPCST_PENDING) {
                    struct epoll_event event = {.events = (wait.events & POLLIN ? EPOLLIN : 0) |
                                                          (wait.events & POLLOUT ? EPOLLOUT : 0) |
                                                          EPOLLONESHOT,
                                                .data.u64 = i};
                    if (epoll_ctl(epoll, EPOLL_CTL_MOD, wait.fd, &event) < 0)
                        assert_int_equal(epoll_ctl(epoll, EPOLL_CTL_ADD, wait.fd, &event), 0);
                    continue;
                }
                assert_int_equal(status, RPCST_OK);
                Reader reply = rpc_client_call_reply(calls[i]);
                assert_int_equal(reader_u64(&reply), i);
                assert_int_equal(reader_end(&reply), 0);
                calls[i] = rpc_client_call_free(calls[i]);
                open--;
            }
            if (open == 0) break;
            struct epoll_event events[64];
            int count = epoll_wait(epoll, events, ARRAY_SIZE(events), 20000);
            assert_true(count > 0);
            for (int i = 0; i < count; i++)
                ready[events[i].data.u64] = true;
        }
    }
    assert_int_equal(peer_counts(peer).connections, SERVERS);
    for (size_t i = 0; i < SERVERS; i++)
        bindings[i] = rpc_binding_unref(bindings[i]);
    bench_free(&bench);
    peer = peer_free(peer);
}

/* Several threads, two identities, one server: every call arrives as who it was made for. */
typedef struct Worker {
    pthread_t thread;
    Bench *bench;
    RpcSecurity *securities[2];
    unsigned wrong;
} Worker;

static void *work(void *data)
{
    Worker *worker = data;

    for (unsigned i = 0; i < 200; i++) {
        const RpcClientCallSpec spec = {.binding = worker->bench->binding,
                                        .security = worker->securities[i % 2],
                                        .iid = i % 3 ? some_interface : other_interface,
                                        .opnum = PEER_WHO};
        RpcClientCall *call = NULL;
        const char *expected = i % 2 ? "bob@LAB.TEST 6 " : "alice@LAB.TEST 6 ";
        if (rpc_client_call_new(&spec, &call) != RPCST_OK || rpc_client_call_run(call) != RPCST_OK) {
            worker->wrong++;
        } else {
            Reader reply = rpc_client_call_reply(call);
            const uint8_t *bytes = reader_bytes(&reply, strlen(expected));
            worker->wrong += !bytes || memcmp(bytes, expected, strlen(expected)) != 0;
        }
        call = rpc_client_call_free(call);
    }
    return NULL;
}

static void test_threads(void **state)
{
    Bench bench = bench_new(&(PeerOptions){.multiplex = true}, NULL);
    Worker workers[4] = {0};

    for (size_t i = 0; i < ARRAY_SIZE(workers); i++) {
        workers[i].bench = &bench;
        workers[i].securities[0] = security_of(bench.alice, PRIVACY);
        workers[i].securities[1] = security_of(bench.bob, PRIVACY);
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_SIZE(workers); i++) {
        pthread_join(workers[i].thread, NULL);
        assert_int_equal(workers[i].wrong, 0);
        for (size_t s = 0; s < 2; s++)
            (void)rpc_security_unref(workers[i].securities[s]);
    }
    assert_true(peer_counts(bench.peer).connections <= ARRAY_SIZE(workers));
    bench_free(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_servers_from_one_thread),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
