/* SPDX-License-Identifier: Apache-2.0 */
/* Making security contexts, with the lab's KDC, and what each of them keeps. Both ends in this process. */
#include <rpcdce.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/time.h"
#include "io/wait.h"
#include "sec/acceptor.h"
#include "sec/authority.h"
#include "sec/credential.h"
#include "sec/initiator.h"
#include "tests/bench/bench.h"
#include "tests/bench/mit.h"
#include "tests/bench/realm.h"
#include "tests/bench/report.h"

#define ROUNDS          31
#define WARM_UP         2
#define MAKE_CONTEXTS   100
#define MEMORY_CONTEXTS 1000
#define MEMORY_WARMUP   50
#define STEP_TIMEOUT    (10 * NS_PER_SECOND)

typedef struct Pair {
    SecContext *client, *server;
    Token *caller;
} Pair;

/* Until the initiator has something to send or has failed; adds the CPU time it took. */
static void step_initiator(SecInitiator *initiator, uint64_t *cpu)
{
    IoWait wait;
    int r;
    uint64_t start = measure_cpu(0);
    while ((r = sec_initiator_step(initiator, &wait)) == SEC_WAIT)
        if (io_wait(&wait) != 0) measure_fail("the KDC does not answer");
    *cpu += measure_cpu(0) - start;
    if (r != 0) measure_fail("initiator: %s", sec_initiator_failure(initiator)->sentence);
}

static void step_acceptor(SecAcceptor *acceptor, const uint8_t *token, size_t length)
{
    IoWait wait;
    int r = sec_acceptor_input(acceptor, token, length);
    while (r == 0 && (r = sec_acceptor_step(acceptor, &wait)) == SEC_WAIT)
        r = io_wait(&wait);
    if (r != 0) measure_fail("acceptor: %s", sec_acceptor_failure(acceptor)->sentence);
}

static Pair make_pair(Token *token, Authority *host, uint8_t impersonation, uint64_t *cpu)
{
    SecInitiatorSpec spec = {.target = REALM_TARGET,
                             .authn_service = RPC_C_AUTHN_GSS_KERBEROS,
                             .authn_level = RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                             .impersonation = impersonation,
                             .deadline = time_after(STEP_TIMEOUT)};
    _cleanup_(sec_initiator_freep) SecInitiator *initiator = NULL;
    _cleanup_(sec_acceptor_freep) SecAcceptor *acceptor = NULL;
    size_t length;
    uint64_t start = measure_cpu(0);
    if (sec_initiator_new(token, &spec, &initiator) != 0 ||
        sec_acceptor_new(host, RPC_C_AUTHN_GSS_KERBEROS, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, &acceptor) != 0)
        measure_fail("no memory");
    *cpu += measure_cpu(0) - start;
    step_initiator(initiator, cpu);
    const uint8_t *leg = sec_initiator_output(initiator, &length);
    step_acceptor(acceptor, leg, length);
    leg = sec_acceptor_output(acceptor, &length);
    if (sec_initiator_input(initiator, leg, length) != 0) measure_fail("no memory");
    step_initiator(initiator, cpu);
    leg = sec_initiator_output(initiator, &length);
    step_acceptor(acceptor, leg, length);
    return (Pair){sec_initiator_take_context(initiator), sec_acceptor_take_context(acceptor),
                  sec_acceptor_take_token(acceptor)};
}

static void pair_deinit(Pair *pair)
{
    sec_context_free(pair->client);
    sec_context_free(pair->server);
    token_unref(pair->caller);
}

/* Goal 15. The client's work alone: both ends are in this process. */
static void measure_delegation(Token *token, Authority *host)
{
    static const uint8_t levels[] = {RPC_C_IMP_LEVEL_IMPERSONATE, RPC_C_IMP_LEVEL_DELEGATE};
    double ratio[ROUNDS], plain[ROUNDS], delegated[ROUNDS];
    size_t before = 0;

    for (int round = -WARM_UP; round < ROUNDS; round++) {
        uint64_t cpu[2] = {0, 0};
        if (round == 0) before = realm_kdc_requests();
        for (int i = 0; i < MAKE_CONTEXTS; i++)
            for (int level = 0; level < 2; level++) {
                Pair pair = make_pair(token, host, levels[level], &cpu[level]);
                pair_deinit(&pair);
            }
        if (round < 0) continue;
        plain[round] = (double)cpu[0] / 1e3 / MAKE_CONTEXTS;
        delegated[round] = (double)cpu[1] / 1e3 / MAKE_CONTEXTS;
        ratio[round] = delegated[round] / plain[round];
    }
    const size_t asked = realm_kdc_requests() - before;
    report_add(&(ReportRow){.id = 15,
                            .name = "context with delegation / without, client CPU",
                            .limit = 1.05,
                            .value = measure_median(ratio, ROUNDS),
                            .goal = 1.15,
                            .cost = measure_median(delegated, ROUNDS),
                            .anchor = measure_median(plain, ROUNDS),
                            .unit = "us"});
    report_add(&(ReportRow){.id = 15,
                            .name = "requests to the KDC per further context",
                            .value = (double)asked / (2.0 * ROUNDS * MAKE_CONTEXTS)});
}

/* Once each way, as a context that is in use has been. */
static void use_pair(Pair *pair)
{
    uint8_t buffer[24 + 32 + 8 + 128] = {0};
    SecMessage message = {.header = buffer,
                          .header_length = 24,
                          .stub = buffer + 24,
                          .stub_length = 32,
                          .trailer = buffer + 56,
                          .token = buffer + 64,
                          .token_length =
                              sec_context_token_length(pair->client, RPC_C_AUTHN_LEVEL_PKT_PRIVACY),
                          .sign_header = true};
    if (sec_context_protect(pair->client, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, &message) != 0 ||
        sec_context_unprotect(pair->server, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, &message) != 0 ||
        sec_context_protect(pair->server, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, &message) != 0 ||
        sec_context_unprotect(pair->client, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, &message) != 0)
        measure_fail("a fresh context does not work");
}

static double own_context_bytes(Token *token, Authority *host)
{
    static Pair pairs[MEMORY_WARMUP + MEMORY_CONTEXTS];
    uint64_t cpu = 0;
    size_t before = 0;
    for (int i = 0; i < MEMORY_WARMUP + MEMORY_CONTEXTS; i++) {
        if (i == MEMORY_WARMUP) before = measure_resident();
        pairs[i] = make_pair(token, host, RPC_C_IMP_LEVEL_IMPERSONATE, &cpu);
        use_pair(&pairs[i]);
    }
    double bytes = (double)(measure_resident() - before) / (2.0 * MEMORY_CONTEXTS);
    for (int i = 0; i < MEMORY_WARMUP + MEMORY_CONTEXTS; i++)
        pair_deinit(&pairs[i]);
    return bytes;
}

/* Each in a process that has done nothing else, so that no free memory of others is counted or reused. */
static double in_child(double (*size_of)(Token *token, Authority *host), Token *token, Authority *host)
{
    int ends[2];
    double result = 0;
    if (pipe(ends) < 0) measure_fail("pipe: %m");
    pid_t pid = fork();
    if (pid == 0) {
        result = size_of(token, host);
        _exit(write(ends[1], &result, sizeof(result)) == sizeof(result) ? 0 : 1);
    }
    close(ends[1]);
    if (pid < 0 || read(ends[0], &result, sizeof(result)) != sizeof(result))
        measure_fail("a measuring process failed");
    close(ends[0]);
    waitpid(pid, NULL, 0);
    return result;
}

static double mit_context_bytes(Token *token, Authority *host)
{
    return mit_context_bytes_each(MEMORY_CONTEXTS);
}

/* Goal 17. */
static void measure_memory(Token *token, Authority *host)
{
    const double own = in_child(own_context_bytes, token, host),
                 mit = in_child(mit_context_bytes, token, host);

    report_add(&(ReportRow){.id = 17,
                            .name = "memory of a live context and its identity / MIT GSS",
                            .limit = 0.13,
                            .value = own / mit,
                            .goal = 0.3,
                            .cost = own / 1024,
                            .anchor = mit / 1024,
                            .unit = "KiB"});
}

static pid_t authority_pid(void)
{
    char path[REALM_PATH_MAX];
    int pid = 0;
    FILE *file = fopen(realm_path(path, "hosts/a/authd.pid"), "re");
    if (!file || fscanf(file, "%d", &pid) != 1) measure_fail("no pid in %s", path);
    fclose(file);
    return pid;
}

/* What it costs that keys are held by another process: the server's half of a context, with the authority
 * linked in and with mantle-authd, whose work counts. The client's half is in both. */
static void measure_authority(Token *token, Authority *linked)
{
    double ratio[ROUNDS], apart[ROUNDS], within[ROUNDS];
    _cleanup_(authority_unrefp) Authority *remote = realm_remote_authority("hosts/a/run/authd.socket");
    Authority *hosts[] = {linked, remote};
    const pid_t pid = authority_pid();
    for (int round = -WARM_UP; round < ROUNDS; round++) {
        double cost[2];
        for (int which = 0; which < 2; which++) {
            uint64_t ignored = 0, start = measure_cpu(0) + measure_cpu(pid);
            for (int i = 0; i < MAKE_CONTEXTS; i++) {
                Pair pair = make_pair(token, hosts[which], RPC_C_IMP_LEVEL_IMPERSONATE, &ignored);
                pair_deinit(&pair);
            }
            cost[which] = (double)(measure_cpu(0) + measure_cpu(pid) - start) / 1e3 / MAKE_CONTEXTS;
        }
        if (round < 0) continue;
        within[round] = cost[0];
        apart[round] = cost[1];
        ratio[round] = cost[1] / cost[0];
    }
    report_add(&(ReportRow){.name = "both ends of a context, keys in mantle-authd / linked in",
                            .value = measure_median(ratio, ROUNDS),
                            .limit = 1.0,
                            .goal = 2.5,
                            .cost = measure_median(apart, ROUNDS),
                            .anchor = measure_median(within, ROUNDS),
                            .unit = "us"});
}

void bench_contexts(Token *alice)
{
    Authority *host = realm_authority("hosts/a/keytab");

    measure_memory(alice, host);
    measure_delegation(alice, host);
    measure_authority(alice, host);
    host = authority_unref(host);
}
