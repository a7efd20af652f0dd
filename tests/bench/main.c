/* SPDX-License-Identifier: Apache-2.0 */
/* What `./dev bench` runs inside a lab: mantle-bench OUTPUT.json [PART...]. Without parts: all of them. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "tests/bench/anchor.h"
#include "tests/bench/bench.h"
#include "tests/bench/hardware.h"
#include "tests/bench/realm.h"
#include "tests/bench/report.h"

static bool is_wanted(char **parts, const char *name)
{
    if (!*parts) return true;
    for (; *parts; parts++)
        if (strcmp(*parts, name) == 0) return true;
    return false;
}

/* A thousand hosts are two thousand descriptors in the server. */
static void raise_limits(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) measure_fail("getrlimit: %m");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0) measure_fail("setrlimit: %m");
}

int main(int argc, char **argv)
{
    static RpcSide side;
    static LocalSide local;
    char **parts = argv + 2;

    if (argc < 2 || !getenv("MANTLE_LAB"))
        measure_fail(
            "usage: mantle lab exec -- mantle-bench OUTPUT.json [contexts|fanout|rpc|local|calls]...");
    if (!hardware_is_there()) measure_fail("the anchors need a processor with AES and SHA instructions");
    (void)signal(SIGPIPE, SIG_IGN);
    raise_limits();
    measure_pin_self();
    anchor_check_bytes();
    rpc_side_start(&side);
    local_side_start(&local);
    Authority *authority = realm_authority(NULL);
    Token *alice = realm_alice(authority);
    if (is_wanted(parts, "contexts")) bench_contexts(alice);
    if (is_wanted(parts, "fanout")) bench_fanout(&side, alice);
    if (is_wanted(parts, "rpc")) bench_calls_rpc(&side, alice);
    if (is_wanted(parts, "local")) bench_local(&local);
    local_side_end(&local);
    if (is_wanted(parts, "calls")) bench_calls();
    alice = token_unref(alice);
    authority = authority_unref(authority);
    report_write(argv[1]);
    return 0;
}
