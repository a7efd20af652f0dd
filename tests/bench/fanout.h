/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many conversations at once from one thread: connect, make a security context with a ticket that is there,
 * one sealed call, close. The driver is the same for both sides of the comparison.
 */
#pragma once
#include <stdbool.h>
#include "io/wait.h"

#define FANOUT_HOSTS_MAX 1000u

/* One side: conversations are numbered; each is a machine that is stepped until it is done. */
typedef struct FanoutSide {
    void (*begin)(void *data, unsigned host);
    bool (*step)(void *data, unsigned host, IoWait *ret_wait); /* true: done */
    void (*end)(void *data, unsigned host);
    void *data;
} FanoutSide;

/* That many conversations, from begin to end. */
void fanout_run(const FanoutSide *side, unsigned hosts);
