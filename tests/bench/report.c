/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/report.h"
#include <jansson.h>
#include <stdio.h>
#include "tests/bench/measure.h"

static json_t *rows;

/* Three decimals: what lies behind them is noise. */
static double rounded(double value)
{
    return (double)(long long)(value * 1000 + 0.5) / 1000;
}

void report_add(const ReportRow *row)
{
    const bool reached = row->higher ? row->value >= row->goal : row->value <= row->goal;

    if (!rows) {
        rows = json_array();
        printf("%2s  %-62s %10s %10s %-6s %7s %7s %7s\n", "", "metric", "measured", "anchor", "", "limit",
               "value", "goal");
    }
    printf("%2d  %-62s ", row->id, row->name);
    if (row->unit)
        printf("%10.2f %10.2f %-6s", row->cost, row->anchor, row->unit);
    else
        printf("%28s", "");
    printf(" %7.3f %7.3f %s%5.2f%s\n", row->limit, row->value, row->higher ? ">=" : "<=", row->goal,
           reached ? "" : "  not reached");
    (void)fflush(stdout);
    json_t *object =
        json_pack("{s:i, s:s, s:f, s:f, s:s}", "id", row->id, "name", row->name, "value", rounded(row->value),
                  "goal", row->goal, "better", row->higher ? "higher" : "lower");
    if (!rows || json_array_append_new(rows, object) < 0) measure_fail("out of memory");
}

void report_write(const char *path)
{
    if (json_dump_file(rows, path, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) < 0)
        measure_fail("cannot write %s", path);
    json_decref(rows);
    rows = NULL;
}
