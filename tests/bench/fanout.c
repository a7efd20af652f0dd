/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/fanout.h"
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "rpc/client.h"
#include "tests/bench/bench.h"
#include "tests/bench/mit.h"
#include "tests/bench/report.h"

#define ROUNDS       21u
#define ROUNDS_LARGE 7u
#define EVENTS       64
#define WAIT_MS      5000
#define IMPERSONATE  3
#define DATA         208u

/* Driver */

static void watch(int epoll, unsigned host, const IoWait *wait)
{
    struct epoll_event event = {.events = (uint32_t)wait->events | EPOLLONESHOT, .data.u32 = host};

    if (epoll_ctl(epoll, EPOLL_CTL_MOD, wait->fd, &event) == 0) return;
    if (errno != ENOENT || epoll_ctl(epoll, EPOLL_CTL_ADD, wait->fd, &event) < 0)
        measure_fail("epoll_ctl: %m");
}

/* True: done. */
static bool step(const FanoutSide *side, int epoll, unsigned host)
{
    IoWait wait;
    const bool done = side->step(side->data, host, &wait);

    if (!done) watch(epoll, host, &wait);
    return done;
}

void fanout_run(const FanoutSide *side, unsigned hosts)
{
    struct epoll_event events[EVENTS];
    unsigned left = hosts;
    const int epoll = epoll_create1(EPOLL_CLOEXEC);

    if (epoll < 0) measure_fail("epoll: %m");
    for (unsigned i = 0; i < hosts; i++) {
        side->begin(side->data, i);
        if (step(side, epoll, i)) left--;
    }
    while (left > 0) {
        const int count = epoll_wait(epoll, events, EVENTS, WAIT_MS);
        if (count <= 0) measure_fail("%u of %u conversations stand still", left, hosts);
        for (int i = 0; i < count; i++)
            if (step(side, epoll, events[i].data.u32)) left--;
    }
    for (unsigned i = 0; i < hosts; i++)
        side->end(side->data, i);
    close(epoll);
}

/* Ours */

typedef struct Ours {
    const RpcSide *server;
    RpcSecurity *security;
    struct {
        RpcClient *client;
        RpcBinding *binding;
        RpcClientCall *call;
    } hosts[FANOUT_HOSTS_MAX];
} Ours;

static void ours_begin(void *data, unsigned host)
{
    static const uint8_t bytes[DATA];
    Ours *ours = data;
    RpcClientCallSpec spec = {.security = ours->security,
                              .iid = rpc_side_interface,
                              .opnum = RPC_SIDE_ECHO,
                              .stub = bytes,
                              .stub_length = DATA};

    if (rpc_client_new(NULL, &ours->hosts[host].client) != RPCST_OK ||
        rpc_binding_new(ours->hosts[host].client, &(RpcEndpoint){.address = &ours->server->hosts[host]}, 1,
                        &ours->hosts[host].binding) != RPCST_OK)
        measure_fail("no client");
    spec.binding = ours->hosts[host].binding;
    if (rpc_client_call_new(&spec, &ours->hosts[host].call) != RPCST_OK) measure_fail("out of memory");
}

static bool ours_step(void *data, unsigned host, IoWait *ret_wait)
{
    Ours *ours = data;
    RpcClientCall *call = ours->hosts[host].call;
    const RpcStatus status = rpc_client_call_step(call, ret_wait);

    if (status == RPCST_PENDING) return false;
    if (status != RPCST_OK) measure_fail("host %u: %s", host, rpc_client_call_failure(call)->sentence);
    return true;
}

static void ours_end(void *data, unsigned host)
{
    Ours *ours = data;

    ours->hosts[host].call = rpc_client_call_free(ours->hosts[host].call);
    ours->hosts[host].binding = rpc_binding_unref(ours->hosts[host].binding);
    ours->hosts[host].client = rpc_client_unref(ours->hosts[host].client);
}

/* The client's work alone is compared, as a client has many hosts and a host has one such client. */
typedef struct Crowd {
    const FanoutSide *side;
    unsigned hosts;
} Crowd;

static void run(void *data, unsigned count)
{
    const Crowd *crowd = data;

    while (count-- > 0)
        fanout_run(crowd->side, crowd->hosts);
}

static void measure_hosts(const char *name, const FanoutSide *own, const FanoutSide *mit, unsigned hosts,
                          size_t rounds)
{
    enum { OURS, MIT, SUBJECTS };
    static Measured measured;
    Crowd crowds[SUBJECTS] = {[OURS] = {own, hosts}, [MIT] = {mit, hosts}};
    Subject subjects[SUBJECTS] = {[OURS] = {run, &crowds[OURS], {0}, 1}, [MIT] = {run, &crowds[MIT], {0}, 1}};

    measure(subjects, SUBJECTS, rounds, &measured);
    report_add(&(ReportRow){.id = 14,
                            .name = name,
                            .limit = 1,
                            .value = measure_ratio(&measured, OURS, MIT),
                            .goal = 1.15,
                            .cost = measure_cost(&measured, OURS) / hosts,
                            .anchor = measure_cost(&measured, MIT) / hosts,
                            .unit = "us"});
}

void bench_fanout(const RpcSide *side, Token *alice)
{
    static Ours ours;
    const FanoutSide own = {ours_begin, ours_step, ours_end, &ours}, mit = mit_fanout();

    ours.server = side;
    ours.security = rpc_side_security(alice, IMPERSONATE);
    measure_hosts("200 hosts from one thread / MIT GSS, client CPU per host", &own, &mit, 200, ROUNDS);
    measure_hosts("1000 hosts from one thread / MIT GSS, client CPU per host", &own, &mit, 1000,
                  ROUNDS_LARGE);
    ours.security = rpc_security_unref(ours.security);
}
