/* SPDX-License-Identifier: Apache-2.0 */
/* The table that people read and the file that programs read. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

typedef struct ReportRow {
    int id; /* of the goal */
    const char *name;
    double limit; /* what the physical limit reaches, in the unit of `value` */
    double value, goal;
    bool higher;         /* is better */
    double cost, anchor; /* of which `value` is the ratio; 0: it is none */
    const char *unit;    /* of these */
} ReportRow;

/* Copies, and prints it. */
void report_add(const ReportRow *row);
/* Writes all rows as JSON, in place of what was in the file. */
void report_write(const char *path);
