/* SPDX-License-Identifier: Apache-2.0 */
/* Goal 4, without COM: calls over a UNIX socket, as who the kernel says, against the echo of the same bytes
 * there. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/time.h"
#include "io/pool.h"
#include "io/socket.h"
#include "rpc/local.h"
#include "rpc/server.h"
#include "sec/local-token.h"
#include "tests/bench/anchor.h"
#include "tests/bench/bench.h"
#include "tests/bench/report.h"

#define ROUNDS      31u
#define HEADER      24u
#define NULL_STUB   16u
#define DATA_STUB   208u
#define THREADS_MAX 16
#define IMPERSONATE 3
#define CALL_NS     (60 * NS_PER_SECOND)

/* The server */

static RpcStatus echo(RpcCall *call, void *data)
{
    const size_t length = reader_left(&call->in);

    (void)data;
    writer_bytes(&call->out, reader_bytes(&call->in, length), length);
    return RPCST_OK;
}

static _Noreturn void serve(int listener, int report)
{
    static const RpcOperation operations[] = {[RPC_SIDE_ECHO] = {echo, 6}};
    static RpcInterface row = {.operations = operations, .operation_count = ARRAY_SIZE(operations)};
    IoLoop *loop;
    IoPool *pool;
    RpcServer *server;

    row.uuid = rpc_side_interface;
    if (io_loop_new(&loop) < 0 || io_pool_new(loop, 1, THREADS_MAX, &pool) < 0)
        measure_fail("the local server has no loop");
    if (rpc_server_new(&(RpcServerOptions){.loop = loop}, &server) != RPCST_OK ||
        rpc_server_register(server, &row) != RPCST_OK || rpc_server_listen_fd(server, listener, NULL) < 0)
        measure_fail("no local server");
    if (io_write_all(report, "", 1, TIME_NEVER) < 0) _exit(1);
    for (;;)
        (void)pause(); /* until the parent ends */
}

void local_side_start(LocalSide *side)
{
    char folder[] = "/tmp/mantle-bench-XXXXXX", path[64], byte;
    int ends[2], listener;
    const pid_t parent = getpid();

    if (!mkdtemp(folder)) measure_fail("%s: %m", folder);
    snprintf(path, sizeof(path), "%s/socket", folder);
    if (io_address_unix(path, &side->address) < 0 || io_listen_fresh(&side->address, 0600, &listener) < 0)
        measure_fail("cannot listen on %s", path);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) measure_fail("socketpair: %m");
    side->pid = fork();
    if (side->pid < 0) measure_fail("fork: %m");
    if (side->pid == 0) {
        close(ends[0]);
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent) _exit(1);
        serve(listener, ends[1]);
    }
    close(ends[1]);
    close(listener);
    if (io_read_all(ends[0], &byte, 1, time_after(CALL_NS)) != 0)
        measure_fail("the local server did not start");
    close(ends[0]);
}

void local_side_end(LocalSide *side)
{
    char *slash = strrchr(side->address.local.sun_path, '/');

    (void)unlink(side->address.local.sun_path);
    *slash = 0;
    (void)rmdir(side->address.local.sun_path);
}

/* The anchor: the same lengths over a UNIX socket, and nothing else. */

typedef struct Echo {
    int fd;
    size_t length;
    uint8_t buffer[HEADER + DATA_STUB];
} Echo;

static void echo_run(void *data, unsigned count)
{
    Echo *own = data;

    while (count-- > 0) {
        anchor_write(own->fd, own->buffer, own->length);
        if (!anchor_read(own->fd, own->buffer, own->length)) measure_fail("an echo did not come back");
    }
}

static Subject echo_start(size_t length)
{
    Subject subject = {.run = echo_run};
    Echo *own = calloc(1, sizeof(*own));
    int ends[2];
    const pid_t parent = getpid();

    if (!own || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) measure_fail("no echo: %m");
    own->length = length;
    subject.peers[0] = fork();
    if (subject.peers[0] < 0) measure_fail("fork: %m");
    if (subject.peers[0] == 0) {
        close(ends[0]);
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent) _exit(1);
        while (anchor_read(ends[1], own->buffer, length))
            anchor_write(ends[1], own->buffer, length);
        _exit(0);
    }
    close(ends[1]);
    own->fd = ends[0];
    subject.data = own;
    return subject;
}

/* Calls */

typedef struct Call {
    RpcPeer *peer;
    size_t length;
} Call;

static void call_run(void *data, unsigned count)
{
    static const uint8_t bytes[DATA_STUB];
    const Call *call = data;

    while (count-- > 0)
        rpc_peer_call(call->peer, RPC_SIDE_ECHO, bytes, call->length, call->length);
}

static void report(const Measured *measured, const char *name, size_t call, size_t anchor)
{
    report_add(&(ReportRow){.id = 4,
                            .name = name,
                            .limit = 1,
                            .value = measure_ratio(measured, call, anchor),
                            .goal = 1.35,
                            .cost = measure_cost(measured, call),
                            .anchor = measure_cost(measured, anchor),
                            .unit = "us"});
}

void bench_local(const LocalSide *side)
{
    enum { NULL_CALL, NULL_ECHO, DATA_CALL, DATA_ECHO, SUBJECTS };
    static Measured measured;
    const uid_t own = geteuid();
    RpcPeer peer;
    Token *self;
    Call null = {&peer, NULL_STUB}, data = {&peer, DATA_STUB};

    if (token_new_own("BENCH", &self) < 0 || rpc_client_new(NULL, &peer.client) != RPCST_OK ||
        rpc_binding_new(peer.client, &(RpcEndpoint){.address = &side->address, .owner = &own}, 1,
                        &peer.binding) != RPCST_OK ||
        rpc_security_new(&(RpcSecuritySpec){.token = self,
                                            .authn_service = RPC_AUTHN_LOCAL,
                                            .authn_level = 6,
                                            .impersonation = IMPERSONATE,
                                            .target = ""},
                         &peer.security) != RPCST_OK)
        measure_fail("no local client");
    Subject subjects[SUBJECTS] = {
        [NULL_CALL] = {call_run, &null, {side->pid}, 0},
        [NULL_ECHO] = echo_start(HEADER + NULL_STUB),
        [DATA_CALL] = {call_run, &data, {side->pid}, 0},
        [DATA_ECHO] = echo_start(HEADER + DATA_STUB),
    };
    measure(subjects, SUBJECTS, ROUNDS, &measured);
    report(&measured, "RPC alone: local null call / echo of the same bytes over a UNIX socket", NULL_CALL,
           NULL_ECHO);
    report(&measured, "RPC alone: local call, 208 B each way / the same echo", DATA_CALL, DATA_ECHO);
    rpc_peer_deinit(&peer);
    self = token_unref(self);
}
