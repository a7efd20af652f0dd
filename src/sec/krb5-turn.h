/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking turns at a realm's KDCs. A fan-out to 200 hosts wants 200 tickets at once, and a KDC drops
 * connections beyond a few dozen (MIT's beyond 45, of all its clients): so a process has few open at a time,
 * and whoever waits for its turn looks again whether somebody else got the ticket meanwhile.
 */
#pragma once
#include "base/cleanup.h"
#include "io/wait.h"

/* Exchanges with one realm at a time. */
#define KDC_TURNS_MAX 8u

typedef struct KdcTurns KdcTurns;
typedef struct KdcTurn KdcTurn;

int kdc_turns_new(KdcTurns **ret_turns) must_use;
/* No turn may be left. */
KdcTurns *kdc_turns_free(KdcTurns *turns);

/* Queues for a turn; first come, first served. `turns` must outlive it. 0, -ENOMEM, -errno of eventfd. */
int kdc_turn_new(KdcTurns *turns, const char *realm, KdcTurn **ret_turn) must_use;
/* 0: it is one's turn, until the turn is freed. IO_AGAIN and what to wait for, without a deadline. */
int kdc_turn_step(KdcTurn *turn, IoWait *ret_wait) must_use;
KdcTurn *kdc_turn_free(KdcTurn *turn);
DEFINE_CLEANUP(KdcTurn, kdc_turn_free)
