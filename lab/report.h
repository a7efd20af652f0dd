/* SPDX-License-Identifier: Apache-2.0 */
/* A chain's report for people. */
#pragma once
#include <stdbool.h>
#include <stdio.h>
#include <jansson.h>

/* A table, one line per hop, then the reasons. What hops said is made fit for a terminal. false without
 * memory or when it cannot be written. */
bool report_print(const json_t *report, FILE *file);
