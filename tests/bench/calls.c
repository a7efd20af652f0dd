/* SPDX-License-Identifier: Apache-2.0 */
/* Calls through the COM API to the lab's sample server on host a, against the echo of the same sealed bytes.
 */
#define COBJMACROS
#include "bench.h"
#include <objbase.h>
#include <mantle_lab.h>
#include <whoami.h>
#include <stdlib.h>
#include <string.h>

#define CALLS       1000
#define PAYLOAD     200
#define BULK        (256u * 1024)
#define BULK_CALLS  20
#define FRAGMENT    4096
#define TOKENS_MAX  1000
#define SERVER_FILE "hosts/a/whoami-none.pid"

/* Request: ORPCTHIS 32 bytes; answer: ORPCTHAT 8, the method's results, HRESULT 4; [MS-DCOM] 2.2.13. Padded
 * to 16. */
#define OBJECT_HEADER 40
#define NULL_REQUEST  32
#define NULL_RESPONSE 16
#define ECHO_REQUEST  240
#define ECHO_RESPONSE 224

static IMantleWhoami *proxy_new(void)
{
    CLSID class = MANTLE_LAB_CLSID(MANTLE_LAB_CLOAKING_NONE);
    WCHAR name[] = u"a";
    COSERVERINFO server = {.pwszName = name};
    MULTI_QI wanted = {.pIID = &IID_IMantleWhoami};
    HRESULT hr = CoCreateInstanceEx(&class, NULL, CLSCTX_REMOTE_SERVER, &server, 1, &wanted);
    if (FAILED(hr)) bench_die("activation on a: 0x%08X", (unsigned)hr);
    return (IMantleWhoami *)wanted.pItf;
}

static void set_cloaking(IMantleWhoami *proxy, DWORD cloaking)
{
    HRESULT hr = CoSetProxyBlanket((IUnknown *)proxy, RPC_C_AUTHN_GSS_KERBEROS, RPC_C_AUTHZ_NONE,
                                   COLE_DEFAULT_PRINCIPAL, RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                                   RPC_C_IMP_LEVEL_IMPERSONATE, NULL, cloaking);
    if (FAILED(hr)) bench_die("CoSetProxyBlanket: 0x%08X", (unsigned)hr);
}

static void call_null(IMantleWhoami *proxy)
{
    HRESULT hr = IMantleWhoami_Null(proxy);
    if (FAILED(hr)) bench_die("Null: 0x%08X", (unsigned)hr);
}

static void call_echo(IMantleWhoami *proxy, BYTE *data, BYTE *copy, ULONG length)
{
    HRESULT hr = IMantleWhoami_Echo(proxy, length, data, copy);
    if (FAILED(hr)) bench_die("Echo: 0x%08X", (unsigned)hr);
}

/* Goals 1 and 2: one variant of each per round, each against its own echo. */
static void measure_latency(IMantleWhoami *proxy, pid_t server)
{
    double null_ratio[BENCH_ROUNDS], echo_ratio[BENCH_ROUNDS];
    BYTE data[PAYLOAD] = {1}, copy[PAYLOAD];
    BenchEcho *null_echo = bench_echo_new(OBJECT_HEADER, NULL_REQUEST, NULL_RESPONSE);
    BenchEcho *data_echo = bench_echo_new(OBJECT_HEADER, ECHO_REQUEST, ECHO_RESPONSE);
    for (int round = -BENCH_WARMUP; round < BENCH_ROUNDS; round++) {
        uint64_t start = bench_cpu(server), used[4];
        for (int i = 0; i < CALLS; i++)
            call_null(proxy);
        used[0] = bench_cpu(server) - start;
        start = bench_cpu(bench_echo_process(null_echo));
        for (int i = 0; i < CALLS; i++)
            bench_echo_call(null_echo);
        used[1] = bench_cpu(bench_echo_process(null_echo)) - start;
        start = bench_cpu(server);
        for (int i = 0; i < CALLS; i++)
            call_echo(proxy, data, copy, PAYLOAD);
        used[2] = bench_cpu(server) - start;
        start = bench_cpu(bench_echo_process(data_echo));
        for (int i = 0; i < CALLS; i++)
            bench_echo_call(data_echo);
        used[3] = bench_cpu(bench_echo_process(data_echo)) - start;
        if (round < 0) continue;
        null_ratio[round] = (double)used[0] / (double)used[1];
        echo_ratio[round] = (double)used[2] / (double)used[3];
    }
    bench_echo_free(null_echo);
    bench_echo_free(data_echo);
    bench_report(&(BenchRow){1, "sealed null call / echo of the same sealed bytes, CPU of both", 1,
                             bench_median(null_ratio, BENCH_ROUNDS), 1.25, false});
    bench_report(&(BenchRow){2, "sealed call, 200 B each way / the same echo", 1,
                             bench_median(echo_ratio, BENCH_ROUNDS), 1.25, false});
}

/* Goal 5: payload per CPU second, against a stream of sealed fragments of the same payload. */
static void measure_bulk(IMantleWhoami *proxy, pid_t server)
{
    double ratio[BENCH_ROUNDS];
    BYTE *data = calloc(1, BULK), *copy = malloc(BULK);
    if (!data || !copy) bench_die("no memory");
    BenchEcho *stream = bench_echo_new(OBJECT_HEADER, FRAGMENT, 0);
    const unsigned fragments = 2 * BULK_CALLS * (BULK / FRAGMENT);
    for (int round = -BENCH_WARMUP; round < BENCH_ROUNDS; round++) {
        uint64_t start = bench_cpu(server);
        for (int i = 0; i < BULK_CALLS; i++)
            call_echo(proxy, data, copy, BULK);
        uint64_t used = bench_cpu(server) - start;
        start = bench_cpu(bench_echo_process(stream));
        bench_echo_stream(stream, fragments);
        uint64_t limit = bench_cpu(bench_echo_process(stream)) - start;
        if (round >= 0) ratio[round] = (double)limit / (double)used;
    }
    bench_echo_free(stream);
    free(data);
    free(copy);
    bench_report(&(BenchRow){5, "sealed bulk, bytes per CPU second / stream of sealed fragments", 1,
                             bench_median(ratio, BENCH_ROUNDS), 0.90, true});
}

static void make_tokens(HANDLE tokens[TOKENS_MAX])
{
    HANDLE process;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_ALL_ACCESS, &process))
        bench_die("OpenProcessToken: %u", GetLastError());
    for (int i = 0; i < TOKENS_MAX; i++)
        if (!DuplicateTokenEx(process, TOKEN_ALL_ACCESS, NULL, SecurityImpersonation, TokenImpersonation,
                              &tokens[i]))
            bench_die("DuplicateTokenEx: %u", GetLastError());
    CloseHandle(process);
}

static uint64_t rotate(IMantleWhoami *proxy, pid_t server, HANDLE tokens[TOKENS_MAX], int count)
{
    uint64_t start = bench_cpu(server);
    for (int i = 0; i < CALLS; i++) {
        if (!SetThreadToken(NULL, tokens[i % count])) bench_die("SetThreadToken: %u", GetLastError());
        call_null(proxy);
    }
    return bench_cpu(server) - start;
}

/* Goal 6: every mode sets the thread's token before each call, as a server does that impersonates its
 * callers. */
static void measure_cloaking(IMantleWhoami *fixed, pid_t server)
{
    static HANDLE tokens[TOKENS_MAX];
    static const int identities[] = {1, 100, TOKENS_MAX};
    double ratio[3][BENCH_ROUNDS];
    IMantleWhoami *dynamic = proxy_new();
    make_tokens(tokens);
    if (!SetThreadToken(NULL, tokens[0])) bench_die("SetThreadToken: %u", GetLastError());
    set_cloaking(fixed, EOAC_STATIC_CLOAKING);
    set_cloaking(dynamic, EOAC_DYNAMIC_CLOAKING);
    for (int round = -BENCH_WARMUP; round < BENCH_ROUNDS; round++) {
        uint64_t base = rotate(fixed, server, tokens, 1);
        for (int mode = 0; mode < 3; mode++) {
            uint64_t used = rotate(dynamic, server, tokens, identities[mode]);
            if (round >= 0) ratio[mode][round] = (double)used / (double)base;
        }
    }
    (void)RevertToSelf(); /* the thread's work is done */
    for (int i = 0; i < TOKENS_MAX; i++)
        CloseHandle(tokens[i]);
    IMantleWhoami_Release(dynamic);
    bench_report(&(BenchRow){6, "dynamic cloaking, one identity / static", 1,
                             bench_median(ratio[0], BENCH_ROUNDS), 1.01, false});
    bench_report(&(BenchRow){6, "dynamic cloaking, 100 identities in turn / static", 1.006,
                             bench_median(ratio[1], BENCH_ROUNDS), 1.03, false});
    bench_report(&(BenchRow){6, "dynamic cloaking, 1000 identities in turn / static", 1.04,
                             bench_median(ratio[2], BENCH_ROUNDS), 1.08, false});
}

void bench_calls(void)
{
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    if (SUCCEEDED(hr))
        hr = CoInitializeSecurity(NULL, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                                  RPC_C_IMP_LEVEL_IMPERSONATE, NULL, EOAC_NONE, NULL);
    if (FAILED(hr)) bench_die("COM does not start: 0x%08X", (unsigned)hr);
    IMantleWhoami *proxy = proxy_new();
    set_cloaking(proxy, EOAC_NONE);
    pid_t server = bench_lab_process(SERVER_FILE);
    for (int i = 0; i < CALLS; i++)
        call_null(proxy); /* until the server has its threads */
    bench_pin(server);
    measure_latency(proxy, server);
    measure_bulk(proxy, server);
    measure_cloaking(proxy, server);
    IMantleWhoami_Release(proxy);
    CoUninitialize();
}
