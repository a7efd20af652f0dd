/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bad peers beside good ones: whatever one connection sends, all others go on, and nothing is left of it. The
 * bad ones say what the fuzzer found worth keeping (tests/fuzz/server, tests/fuzz/pdu), whole, in two halves,
 * and cut short.
 */
#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "base/time.h"
#include "io/socket.h"
#include "rpc/test-peer.h"
#include "rpc/test-provider.h"

#define PATIENCE    (20 * NS_PER_SECOND)
#define INPUTS_MAX  256u
#define CONNECTIONS 10000u
#define GOOD        4u
#define LEAK_MAX    (256u * 1024) /* less than 27 bytes of each; the allocator's own caches count, too */
#define INTEGRITY   5

typedef struct Input {
    char name[64];
    uint8_t *data;
    size_t length;
} Input;

static Input inputs[INPUTS_MAX];
static size_t input_count;

static void load_folder(const char *folder)
{
    char path[1024];
    struct dirent **names = NULL;
    int count = scandir(folder, &names, NULL, alphasort);
    assert_true(count > 2);
    for (int i = 0; i < count; i++) {
        if (names[i]->d_name[0] != '.') {
            assert_true(input_count < INPUTS_MAX);
            Input *input = &inputs[input_count++];
            (void)snprintf(input->name, sizeof(input->name), "%.60s", names[i]->d_name);
            (void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
            FILE *file = fopen(path, "rb");
            assert_non_null(file);
            input->data = malloc(65536);
            input->length = fread(input->data, 1, 65536, file);
            (void)fclose(file);
        }
        free(names[i]);
    }
    free(names);
}

static int load(void **state)
{
    load_folder(VECTORS "/../fuzz/server");
    load_folder(VECTORS "/../fuzz/pdu");
    return input_count > 40 ? 0 : -1;
}

static int unload(void **state)
{
    for (size_t i = 0; i < input_count; i++)
        free(inputs[i].data);
    return 0;
}

/* The server: the good peers' interface and the one that the fuzzer's inputs ask for. */

static RpcStatus echo(RpcCall *call, void *data)
{
    size_t length = reader_left(&call->in);
    writer_bytes(&call->out, reader_bytes(&call->in, length), length);
    return call->opnum == OP_FAULT ? RPCST_BAD_STUB_DATA : RPCST_OK;
}

static bool knows(void *data, const Guid *iid)
{
    return iid->data1 == 1;
}

static const RpcOperation operations[] = {[OP_ECHO] = {echo, 0}, [OP_FAULT] = {echo, 0}};
static RpcInterface good_row = {.operations = operations, .operation_count = ARRAY_SIZE(operations)},
                    bad_row = {.operations = operations, .operation_count = ARRAY_SIZE(operations)};
static const RpcObjects objects = {.knows = knows, .dispatch = echo};

static void start(Host *host)
{
    IoAddress any;
    good_row.uuid = peer_interface.uuid;
    good_row.major = peer_interface.major;
    good_row.minor = peer_interface.minor;
    assert_int_equal(io_loop_new(&host->loop), 0);
    assert_int_equal(io_pool_new(host->loop, 1, 8, &host->pool), 0);
    RpcServerOptions options = {.loop = host->loop, .request_bytes = 20000, .preauth_bytes = 5000};
    assert_int_equal(rpc_server_new(&options, &host->server), RPCST_OK);
    host->server->provider = &test_provider;
    assert_int_equal(rpc_server_register(host->server, &good_row), RPCST_OK);
    assert_int_equal(rpc_server_register(host->server, &bad_row), RPCST_OK);
    rpc_server_set_objects(host->server, &objects);
    assert_int_equal(io_address_parse("::", 0, &any), 0);
    assert_int_equal(rpc_server_listen(host->server, &any, 0, &host->port), 0);
}

/* Good peers */

static Peer good[GOOD];
static uint32_t good_calls;

static void good_open(const Host *host)
{
    static const uint8_t levels[GOOD] = {PRIVACY, INTEGRITY, PKT, 0};
    for (unsigned i = 0; i < GOOD; i++) {
        peer_open(&good[i], host, i & 1);
        good[i].sign_header = i == 0;
        if (levels[i])
            peer_login(&good[i], PDU_BIND, 0, 7, levels[i], "alice@LAB.TEST", false);
        else
            peer_bound(&good[i], 0);
    }
    good_calls = 2;
}

static void good_call(void)
{
    good_calls++;
    for (unsigned i = 0; i < GOOD; i++) {
        size_t length;
        peer_request(&good[i], good_calls, OP_ECHO, &good_calls, sizeof(good_calls));
        uint8_t *answer = peer_response(&good[i], good_calls, &length);
        assert_int_equal(length, sizeof(good_calls));
        assert_memory_equal(answer, &good_calls, length);
        free(answer);
    }
}

static void good_close(void)
{
    for (unsigned i = 0; i < GOOD; i++)
        peer_close(&good[i]);
}

/* Bad peers */

static void bad_send(int fd, const uint8_t *data, size_t length)
{
    int r = io_write_all(fd, data, length, time_after(PATIENCE));
    assert_true(r == 0 || r == -EPIPE || r == -ECONNRESET); /* it was thrown out already */
}

/* Reads whatever comes until the server hangs up. */
static void bad_drain(int fd)
{
    uint8_t ignored[4096];
    size_t got;
    IoWait wait = {fd, POLLIN, time_after(PATIENCE)};
    for (;;) {
        int r = io_read(fd, ignored, sizeof(ignored), &got);
        if (r == IO_AGAIN)
            assert_int_equal(io_wait(&wait), 0);
        else if (r)
            break;
    }
}

static void bad_close(int fd, bool reset)
{
    if (reset) {
        struct linger linger = {.l_onoff = 1};
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
    } else {
        (void)shutdown(fd, SHUT_WR);
        bad_drain(fd);
    }
    close(fd);
}

/* The good ones call before it, while the server has half of it, after it, and when it is gone. */
static void test_others_are_unharmed(void **state)
{
    Host host;
    start(&host);
    good_open(&host);
    for (size_t i = 0; i < input_count; i++) {
        for (unsigned reset = 0; reset < 2; reset++) {
            Peer bad;
            size_t half = inputs[i].length / 2;
            peer_open(&bad, &host, reset);
            bad_send(bad.fd, inputs[i].data, half);
            good_call();
            bad_send(bad.fd, inputs[i].data + half, inputs[i].length - half);
            good_call();
            bad_close(bad.fd, reset);
            good_call();
        }
    }
    good_close();
    rpc_server_free(host.server);
    io_pool_free(host.pool);
    io_loop_free(host.loop);
}

/* What is held. */

size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t held_bytes(void)
{
    if (__sanitizer_get_current_allocated_bytes) return __sanitizer_get_current_allocated_bytes();
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static unsigned held_descriptors(void)
{
    unsigned count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder))
        count++;
    (void)closedir(folder);
    return count;
}

/* Until the server has seen the last of them go. */
static void settle(const Host *host)
{
    uint64_t deadline = time_after(PATIENCE);
    while (rpc_server_state(host->server).connections != GOOD) {
        assert_true(time_monotonic() < deadline);
        (void)usleep(1000);
    }
    RpcServerState now = rpc_server_state(host->server);
    assert_int_equal(now.unauthenticated, 1); /* the fourth good one */
    assert_int_equal(now.calls, 0);
}

static void bad_crowd(const Host *host, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const Input *input = &inputs[i % input_count];
        size_t length = i / input_count % 3 == 2 ? input->length * (i % 7) / 7 : input->length;
        Peer bad;
        peer_open(&bad, host, i & 1);
        bad_send(bad.fd, input->data, length);
        bad_close(bad.fd, i / input_count & 1);
        if (i % 500 == 0) good_call();
    }
    settle(host);
    good_call();
}

static void test_nothing_is_left(void **state)
{
    Host host;
    start(&host);
    good_open(&host);
    bad_crowd(&host, 1000); /* tables and pools have their size now */
    const unsigned descriptors = held_descriptors();
    const size_t bytes = held_bytes();
    bad_crowd(&host, CONNECTIONS);
    /* The last ones may have been counted out and not be closed yet. */
    for (uint64_t deadline = time_after(PATIENCE); held_descriptors() > descriptors;) {
        assert_true(time_monotonic() < deadline);
        (void)usleep(1000);
    }
    const size_t after = held_bytes();
    if (after > bytes + LEAK_MAX) fail_msg("%u bad connections left %zu bytes", CONNECTIONS, after - bytes);
    good_close();
    rpc_server_free(host.server);
    io_pool_free(host.pool);
    io_loop_free(host.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_others_are_unharmed),
        cmocka_unit_test(test_nothing_is_left),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
