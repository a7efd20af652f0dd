/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"
#include <jansson.h>
#include <stdio.h>

static json_t *rows;

/* Three decimals: what lies behind them is noise. */
static double rounded(double value)
{
    return (double)(long long)(value * 1000 + 0.5) / 1000;
}

void bench_report(const BenchRow *row)
{
    if (!rows) {
        rows = json_array();
        printf("%2s  %-64s %8s %8s %8s\n", "", "metric", "limit", "value", "goal");
    }
    printf("%2d  %-64s %8.3f %8.3f %s%7.3f\n", row->id, row->name, row->limit, row->value,
           row->higher ? ">" : "<", row->goal);
    fflush(stdout);
    json_array_append_new(rows, json_pack("{s:i, s:s, s:f, s:f, s:s}", "id", row->id, "name", row->name,
                                          "value", rounded(row->value), "goal", row->goal, "better",
                                          row->higher ? "higher" : "lower"));
}

void bench_report_write(const char *path)
{
    if (json_dump_file(rows, path, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) < 0)
        bench_die("cannot write %s", path);
    json_decref(rows);
    rows = NULL;
}
