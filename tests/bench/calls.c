/* SPDX-License-Identifier: Apache-2.0 */
/* Calls through the COM API to the lab's sample server on host a, against the echo of the same sealed bytes.
 */
#define COBJMACROS
#include <objbase.h>
#include <mantle_lab.h>
#include <whoami.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/bench/anchor.h"
#include "tests/bench/bench.h"
#include "tests/bench/realm.h"
#include "tests/bench/report.h"

#define ROUNDS          31u
#define DATA            200u
#define BULK            (256u * 1024)
#define FRAGMENT        4096u
#define REQUEST_HEADER  40u /* with an object UUID */
#define RESPONSE_HEADER 24u
#define WARM_UP         1000u
#define TOKENS          1000u
#define SERVER_FILE     "hosts/a/whoami-none.pid"

static IMantleWhoami *proxy_new(void)
{
    const CLSID class = MANTLE_LAB_CLSID(MANTLE_LAB_CLOAKING_NONE);
    WCHAR name[] = u"a";
    COSERVERINFO server = {.pwszName = name};
    MULTI_QI wanted = {.pIID = &IID_IMantleWhoami};
    HRESULT hr = CoCreateInstanceEx(&class, NULL, CLSCTX_REMOTE_SERVER, &server, 1, &wanted);

    if (FAILED(hr)) measure_fail("activation on a: 0x%08X", (unsigned)hr);
    return (IMantleWhoami *)wanted.pItf;
}

static void set_cloaking(IMantleWhoami *proxy, DWORD cloaking)
{
    HRESULT hr = CoSetProxyBlanket((IUnknown *)proxy, RPC_C_AUTHN_GSS_KERBEROS, RPC_C_AUTHZ_NONE,
                                   COLE_DEFAULT_PRINCIPAL, RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                                   RPC_C_IMP_LEVEL_IMPERSONATE, NULL, cloaking);

    if (FAILED(hr)) measure_fail("CoSetProxyBlanket: 0x%08X", (unsigned)hr);
}

/* Calls */

typedef struct Call {
    IMantleWhoami *proxy;
    ULONG length;
    BYTE *data, *copy;
    HANDLE *tokens;
    unsigned identities, next;
} Call;

static void check(HRESULT hr)
{
    if (FAILED(hr)) measure_fail("a call failed: 0x%08X", (unsigned)hr);
}

static void run_null(void *data, unsigned count)
{
    const Call *call = data;

    while (count-- > 0)
        check(IMantleWhoami_Null(call->proxy));
}

static void run_echo(void *data, unsigned count)
{
    const Call *call = data;

    while (count-- > 0)
        check(IMantleWhoami_Echo(call->proxy, call->length, call->data, call->copy));
}

/* Sets the thread's token before each call, as a server does that impersonates its callers. */
static void run_identities(void *data, unsigned count)
{
    Call *call = data;

    while (count-- > 0) {
        if (!SetThreadToken(NULL, call->tokens[call->next]))
            measure_fail("SetThreadToken: %u", GetLastError());
        check(IMantleWhoami_Null(call->proxy));
        if (++call->next == call->identities) call->next = 0;
    }
}

static pid_t server_process(void)
{
    char path[REALM_PATH_MAX];
    int pid = 0;
    FILE *file = fopen(realm_path(path, SERVER_FILE), "re");

    if (!file || fscanf(file, "%d", &pid) != 1) measure_fail("%s: %m", path);
    fclose(file);
    return pid;
}

static WireBytes wire_of(const Subject *call)
{
    call->run(call->data, 1);
    const WireBytes before = measure_wire();
    call->run(call->data, 1);
    const WireBytes after = measure_wire();
    return (WireBytes){after.sent - before.sent, after.received - before.received};
}

/* What a call was seen to send and to receive. */
static AnchorEcho shape_of(const Subject *call)
{
    const WireBytes wire = wire_of(call);

    return (AnchorEcho){{REQUEST_HEADER, wire.sent - ANCHOR_LENGTH(REQUEST_HEADER, 0)},
                        {RESPONSE_HEADER, wire.received - ANCHOR_LENGTH(RESPONSE_HEADER, 0)}};
}

/* A stream of as many payload bytes as an echo of BULK bytes carries there and back, in fragments like those
 * that come back. */
static Subject stream_of(const Subject *call)
{
    AnchorStream shape = anchor_stream_shape(RESPONSE_HEADER, BULK, wire_of(call).received);

    shape.fragments *= 2;
    return anchor_stream(&shape);
}

/* Goals 1, 2 and 5 */

static void report_calls(const Measured *measured, int id, const char *name, size_t call, size_t anchor,
                         double goal)
{
    report_add(&(ReportRow){.id = id,
                            .name = name,
                            .limit = 1,
                            .value = measure_ratio(measured, call, anchor),
                            .goal = goal,
                            .cost = measure_cost(measured, call),
                            .anchor = measure_cost(measured, anchor),
                            .unit = "us"});
}

static void report_bulk(const Measured *measured, const char *name, size_t call, size_t anchor)
{
    report_add(&(ReportRow){.id = 5,
                            .name = name,
                            .limit = 1,
                            .value = measure_ratio(measured, anchor, call),
                            .goal = 0.9,
                            .higher = true,
                            .cost = 2 * BULK / measure_cost(measured, call),
                            .anchor = 2 * BULK / measure_cost(measured, anchor),
                            .unit = "MB/s"});
}

static void measure_calls(IMantleWhoami *proxy, pid_t server)
{
    enum {
        NULL_CALL,
        NULL_ECHO,
        DATA_CALL,
        DATA_ECHO,
        DATA_TLS,
        DATA_ONC,
        BULK_CALL,
        BULK_SAME,
        BULK_4K,
        SUBJECTS
    };
    static Measured measured;
    static BYTE data[BULK], copy[BULK];
    Call little = {.proxy = proxy, .length = DATA, .data = data, .copy = copy};
    Call bulk = {.proxy = proxy, .length = BULK, .data = data, .copy = copy};
    Subject subjects[SUBJECTS] = {
        [NULL_CALL] = {run_null, &little, {server}, 0},
        [DATA_CALL] = {run_echo, &little, {server}, 0},
        [BULK_CALL] = {run_echo, &bulk, {server}, 0},
        [DATA_TLS] = anchor_tls(DATA),
        [DATA_ONC] = anchor_tirpc(DATA),
        [BULK_4K] = anchor_stream(&(AnchorStream){{RESPONSE_HEADER, FRAGMENT}, 2 * BULK / FRAGMENT}),
    };

    const AnchorEcho null_shape = shape_of(&subjects[NULL_CALL]), data_shape = shape_of(&subjects[DATA_CALL]);
    subjects[NULL_ECHO] = anchor_echo(&null_shape);
    subjects[DATA_ECHO] = anchor_echo(&data_shape);
    subjects[BULK_SAME] = stream_of(&subjects[BULK_CALL]);
    measure(subjects, SUBJECTS, ROUNDS, &measured);
    report_calls(&measured, 1, "sealed null call / echo of the same bytes", NULL_CALL, NULL_ECHO, 1.25);
    report_calls(&measured, 2, "sealed call, 200 B each way / echo of the same bytes", DATA_CALL, DATA_ECHO,
                 1.25);
    report_calls(&measured, 2, "sealed call, 200 B each way / TLS 1.3 echo", DATA_CALL, DATA_TLS, 1);
    report_calls(&measured, 2, "sealed call, 200 B each way / libtirpc krb5p", DATA_CALL, DATA_ONC, 0.61);
    report_bulk(&measured, "sealed bulk both ways / stream of the same fragments", BULK_CALL, BULK_SAME);
    report_bulk(&measured, "sealed bulk both ways / stream of 4 KB fragments", BULK_CALL, BULK_4K);
}

/* Goal 3 */

static void measure_latency(IMantleWhoami *proxy, pid_t server)
{
    enum { CALL, PLAIN, SEALED, SUBJECTS };
    static Measured measured;
    Call call = {.proxy = proxy};
    Subject subjects[SUBJECTS] = {[CALL] = {run_null, &call, {server}, 0}};
    const AnchorEcho shape = shape_of(&subjects[CALL]);

    subjects[PLAIN] = anchor_plain(&shape);
    subjects[SEALED] = anchor_echo(&shape);
    const pid_t peers[] = {server, subjects[PLAIN].peers[0], subjects[SEALED].peers[0]};
    if (!measure_pin_apart(peers, sizeof(peers) / sizeof(peers[0]))) {
        printf(" 3  latency: not measured, this machine has one core\n");
        return;
    }
    measure_wall(subjects, SUBJECTS, ROUNDS, &measured);
    measure_pin(server);
    report_add(&(ReportRow){.id = 3,
                            .name = "latency on two cores, sealed null call / blocking plain echo",
                            .limit = 0.24,
                            .value = measure_ratio(&measured, CALL, PLAIN),
                            .goal = 0.3,
                            .cost = measure_cost(&measured, CALL),
                            .anchor = measure_cost(&measured, PLAIN),
                            .unit = "us"});
    printf("    (the sealed blocking echo: %.2f of the plain one; load of the machine: %.1f)\n",
           measure_ratio(&measured, SEALED, PLAIN), measure_load());
}

/* Goal 6 */

static void make_tokens(HANDLE tokens[TOKENS])
{
    HANDLE process;

    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_ALL_ACCESS, &process))
        measure_fail("OpenProcessToken: %u", GetLastError());
    for (unsigned i = 0; i < TOKENS; i++)
        if (!DuplicateTokenEx(process, TOKEN_ALL_ACCESS, NULL, SecurityImpersonation, TokenImpersonation,
                              &tokens[i]))
            measure_fail("DuplicateTokenEx: %u", GetLastError());
    CloseHandle(process);
}

static void report_cloaking(const Measured *measured, const char *name, size_t mode, double limit,
                            double goal)
{
    report_add(&(ReportRow){.id = 6,
                            .name = name,
                            .limit = limit,
                            .value = measure_ratio(measured, mode, 0),
                            .goal = goal,
                            .cost = measure_cost(measured, mode),
                            .anchor = measure_cost(measured, 0),
                            .unit = "us"});
}

static void measure_cloaking(IMantleWhoami *fixed, pid_t server)
{
    enum { STATIC, UNCHANGED, HUNDRED, THOUSAND, SUBJECTS };
    static HANDLE tokens[TOKENS];
    static Measured measured;
    IMantleWhoami *dynamic = proxy_new();
    Call calls[SUBJECTS] = {
        [STATIC] = {.proxy = fixed, .tokens = tokens, .identities = 1},
        [UNCHANGED] = {.proxy = dynamic, .tokens = tokens, .identities = 1},
        [HUNDRED] = {.proxy = dynamic, .tokens = tokens, .identities = 100},
        [THOUSAND] = {.proxy = dynamic, .tokens = tokens, .identities = TOKENS},
    };
    Subject subjects[SUBJECTS];

    make_tokens(tokens);
    if (!SetThreadToken(NULL, tokens[0])) measure_fail("SetThreadToken: %u", GetLastError());
    set_cloaking(fixed, EOAC_STATIC_CLOAKING);
    set_cloaking(dynamic, EOAC_DYNAMIC_CLOAKING);
    for (unsigned i = 0; i < SUBJECTS; i++) {
        subjects[i] = (Subject){run_identities, &calls[i], {server}, 0};
        run_identities(&calls[i], TOKENS); /* every context is there */
    }
    measure(subjects, SUBJECTS, ROUNDS, &measured);
    if (!RevertToSelf()) measure_fail("RevertToSelf: %u", GetLastError());
    for (unsigned i = 0; i < TOKENS; i++)
        CloseHandle(tokens[i]);
    IMantleWhoami_Release(dynamic);
    report_cloaking(&measured, "dynamic cloaking, identity unchanged / static", UNCHANGED, 1, 1.01);
    report_cloaking(&measured, "dynamic cloaking, 100 identities in turn / static", HUNDRED, 1.006, 1.03);
    report_cloaking(&measured, "dynamic cloaking, 1000 identities in turn / static", THOUSAND, 1.04, 1.08);
}

void bench_calls(void)
{
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);

    if (SUCCEEDED(hr))
        hr = CoInitializeSecurity(NULL, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                                  RPC_C_IMP_LEVEL_IMPERSONATE, NULL, EOAC_NONE, NULL);
    if (FAILED(hr)) measure_fail("COM does not start: 0x%08X", (unsigned)hr);
    IMantleWhoami *proxy = proxy_new();
    const pid_t server = server_process();
    set_cloaking(proxy, EOAC_NONE);
    run_null(&(Call){.proxy = proxy}, WARM_UP); /* until the server has its threads */
    measure_pin(server);
    measure_calls(proxy, server);
    measure_latency(proxy, server);
    measure_cloaking(proxy, server);
    IMantleWhoami_Release(proxy);
    CoUninitialize();
}
