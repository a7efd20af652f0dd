/* SPDX-License-Identifier: Apache-2.0 */
/* The names and addresses under which this machine is published. */
#pragma once
#include "base/cleanup.h"
#include "conf/conf.h"

#define NAMES_MAX 16

typedef struct Names {
    char *items[NAMES_MAX];
    size_t count; /* at least 1 */
} Names;

/* [exporter] name (else the machine's own name), then [exporter] addresses (else all of this machine that
 * others can reach). Names are never looked up. 0, -ENOMEM, -errno. */
int names_init(const Conf *conf, Names *ret_names) must_use;
void names_deinit(Names *names);
