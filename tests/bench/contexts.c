/* SPDX-License-Identifier: Apache-2.0 */
/* Making security contexts, with the lab's KDC, and what each of them keeps. Both ends in this process. */
#include "bench.h"
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

#define TARGET          "host/a.lab.test"
#define MAKE_CONTEXTS   100
#define MEMORY_CONTEXTS 1000
#define MEMORY_WARMUP   50
#define STEP_TIMEOUT    (10 * NS_PER_SECOND)

typedef struct Pair {
    SecContext *client, *server;
    Token *caller;
} Pair;

static Authority *authority_new(const char *keytab)
{
    AuthorityOptions options = {.acceptor_keytab = keytab};
    SecFailure failure = {.code = 0};
    Authority *authority = NULL;
    if (authority_new_linked(&options, &authority, &failure) != 0)
        bench_die("no authority: %s", failure.sentence);
    return authority;
}

static Token *log_on(Authority *authority)
{
    const char *cache = getenv("KRB5CCNAME");
    LogonSpec spec = {.source = LOGON_CCACHE,
                      .path = strncmp(cache, "FILE:", 5) == 0 ? cache + 5 : cache,
                      .forwardable = true,
                      .deadline = time_after(STEP_TIMEOUT)};
    _cleanup_(logon_freep) Logon *logon = NULL;
    IoWait wait;
    int r = logon_new(authority, &spec, &logon);
    while (r == 0 && (r = logon_step(logon, &wait)) == SEC_WAIT)
        r = io_wait(&wait);
    if (r != 0) bench_die("cannot log on: %s", logon ? logon_failure(logon)->sentence : "no memory");
    return logon_take_token(logon);
}

/* Until the initiator has something to send or has failed; adds the CPU time it took. */
static void step_initiator(SecInitiator *initiator, uint64_t *cpu)
{
    IoWait wait;
    int r;
    uint64_t start = bench_cpu(0);
    while ((r = sec_initiator_step(initiator, &wait)) == SEC_WAIT)
        if (io_wait(&wait) != 0) bench_die("the KDC does not answer");
    *cpu += bench_cpu(0) - start;
    if (r != 0) bench_die("initiator: %s", sec_initiator_failure(initiator)->sentence);
}

static void step_acceptor(SecAcceptor *acceptor, const uint8_t *token, size_t length)
{
    IoWait wait;
    int r = sec_acceptor_input(acceptor, token, length);
    while (r == 0 && (r = sec_acceptor_step(acceptor, &wait)) == SEC_WAIT)
        r = io_wait(&wait);
    if (r != 0) bench_die("acceptor: %s", sec_acceptor_failure(acceptor)->sentence);
}

static Pair make_pair(Token *token, Authority *host, uint8_t impersonation, uint64_t *cpu)
{
    SecInitiatorSpec spec = {.target = TARGET,
                             .authn_service = RPC_C_AUTHN_GSS_KERBEROS,
                             .authn_level = RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                             .impersonation = impersonation,
                             .deadline = time_after(STEP_TIMEOUT)};
    _cleanup_(sec_initiator_freep) SecInitiator *initiator = NULL;
    _cleanup_(sec_acceptor_freep) SecAcceptor *acceptor = NULL;
    size_t length;
    uint64_t start = bench_cpu(0);
    if (sec_initiator_new(token, &spec, &initiator) != 0 ||
        sec_acceptor_new(host, RPC_C_AUTHN_GSS_KERBEROS, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, &acceptor) != 0)
        bench_die("no memory");
    *cpu += bench_cpu(0) - start;
    step_initiator(initiator, cpu);
    const uint8_t *leg = sec_initiator_output(initiator, &length);
    step_acceptor(acceptor, leg, length);
    leg = sec_acceptor_output(acceptor, &length);
    if (sec_initiator_input(initiator, leg, length) != 0) bench_die("no memory");
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

/* Lines of the KDC's log: one for each ticket it was asked for. */
static unsigned kdc_requests(void)
{
    char path[4096], line[4096];
    unsigned count = 0;
    snprintf(path, sizeof(path), "%s/kdc.log", getenv("MANTLE_LAB"));
    FILE *file = fopen(path, "re");
    if (!file) bench_die("%s: %m", path);
    while (fgets(line, sizeof(line), file))
        if (strstr(line, "_REQ (")) count++;
    fclose(file);
    return count;
}

/* Goal 15. */
static void measure_delegation(Token *token, Authority *host)
{
    double ratio[BENCH_ROUNDS];
    static const uint8_t levels[] = {RPC_C_IMP_LEVEL_IMPERSONATE, RPC_C_IMP_LEVEL_DELEGATE};
    unsigned before = 0;
    for (int round = -BENCH_WARMUP; round < BENCH_ROUNDS; round++) {
        uint64_t cpu[2] = {0, 0};
        if (round == 0) before = kdc_requests();
        for (int i = 0; i < MAKE_CONTEXTS; i++)
            for (int level = 0; level < 2; level++) {
                Pair pair = make_pair(token, host, levels[level], &cpu[level]);
                pair_deinit(&pair);
            }
        if (round >= 0) ratio[round] = (double)cpu[1] / (double)cpu[0];
    }
    unsigned asked = kdc_requests() - before;
    bench_report(&(BenchRow){15, "context with delegation / without, client CPU", 1.05,
                             bench_median(ratio, BENCH_ROUNDS), 1.15, false});
    bench_report(&(BenchRow){15, "messages to the KDC per further context", 0,
                             (double)asked / (2.0 * BENCH_ROUNDS * MAKE_CONTEXTS), 0, false});
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
        bench_die("a fresh context does not work");
}

static double own_context_bytes(Token *token, Authority *host)
{
    static Pair pairs[MEMORY_WARMUP + MEMORY_CONTEXTS];
    uint64_t cpu = 0;
    size_t before = 0;
    for (int i = 0; i < MEMORY_WARMUP + MEMORY_CONTEXTS; i++) {
        if (i == MEMORY_WARMUP) before = bench_resident();
        pairs[i] = make_pair(token, host, RPC_C_IMP_LEVEL_IMPERSONATE, &cpu);
        use_pair(&pairs[i]);
    }
    double bytes = (double)(bench_resident() - before) / (2.0 * MEMORY_CONTEXTS);
    for (int i = 0; i < MEMORY_WARMUP + MEMORY_CONTEXTS; i++)
        pair_deinit(&pairs[i]);
    return bytes;
}

/* Each in a process that has done nothing else, so that no free memory of others is counted or reused. */
static double in_child(double (*measure)(Token *token, Authority *host), Token *token, Authority *host)
{
    int ends[2];
    double result = 0;
    if (pipe(ends) < 0) bench_die("pipe: %m");
    pid_t pid = fork();
    if (pid == 0) {
        result = measure(token, host);
        _exit(write(ends[1], &result, sizeof(result)) == sizeof(result) ? 0 : 1);
    }
    close(ends[1]);
    if (pid < 0 || read(ends[0], &result, sizeof(result)) != sizeof(result))
        bench_die("a measuring process failed");
    close(ends[0]);
    waitpid(pid, NULL, 0);
    return result;
}

static double mit_context_bytes(Token *token, Authority *host)
{
    return bench_mit_context_bytes(MEMORY_CONTEXTS);
}

/* Goal 17. */
static void measure_memory(Token *token, Authority *host)
{
    double own = in_child(own_context_bytes, token, host), mit = in_child(mit_context_bytes, token, host);
    bench_report(
        &(BenchRow){17, "memory of a live context and its identity / MIT GSS", 0.13, own / mit, 0.30, false});
}

void bench_contexts(void)
{
    char keytab[4096];
    snprintf(keytab, sizeof(keytab), "%s/hosts/a/keytab", getenv("MANTLE_LAB"));
    Authority *user = authority_new(NULL), *host = authority_new(keytab);
    Token *token = log_on(user);
    measure_memory(token, host);
    measure_delegation(token, host);
    token_unref(token);
    authority_unref(user);
    authority_unref(host);
}
