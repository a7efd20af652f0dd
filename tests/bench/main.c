/* SPDX-License-Identifier: Apache-2.0 */
/* What `./dev bench` runs inside a lab: mantle-bench FILE. */
#include "bench.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    if (argc != 2 || !getenv("MANTLE_LAB") || !getenv("KRB5CCNAME")) {
        fprintf(stderr, "usage: mantle lab exec -- %s FILE\n", argv[0]);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    bench_pin(0);
    bench_contexts();
    bench_calls();
    bench_report_write(argv[1]);
    return 0;
}
