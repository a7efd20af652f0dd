/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/krb5-turn.h"
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include "base/hash.h"
#include "base/list.h"

/* Realms share gates by hash: their names can come from a KDC's referral and are nothing to keep memory for.
 */
#define GATES 32u

typedef struct Gate {
    unsigned taken;
    List waiting;
} Gate;

struct KdcTurns {
    pthread_mutex_t lock;
    Gate gates[GATES];
};

struct KdcTurn {
    List link; /* in the gate's queue while waiting */
    KdcTurns *turns;
    Gate *gate;
    bool granted;
    int fd; /* readable once it is granted; -1: it was at once */
};

int kdc_turns_new(KdcTurns **ret_turns)
{
    KdcTurns *turns = calloc(1, sizeof(*turns));
    if (!turns) return -ENOMEM;
    pthread_mutex_init(&turns->lock, NULL);
    for (size_t i = 0; i < GATES; i++)
        list_init(&turns->gates[i].waiting);
    *ret_turns = turns;
    return 0;
}

KdcTurns *kdc_turns_free(KdcTurns *turns)
{
    if (turns) pthread_mutex_destroy(&turns->lock);
    free(turns);
    return NULL;
}

int kdc_turn_new(KdcTurns *turns, const char *realm, KdcTurn **ret_turn)
{
    KdcTurn *turn = calloc(1, sizeof(*turn));
    if (!turn) return -ENOMEM;
    list_init(&turn->link);
    turn->turns = turns;
    turn->gate = &turns->gates[hash_bytes(realm, strlen(realm)) % GATES];
    turn->fd = -1;
    int error = 0;
    pthread_mutex_lock(&turns->lock);
    if (turn->gate->taken < KDC_TURNS_MAX) {
        turn->gate->taken++;
        turn->granted = true;
    } else if ((turn->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) {
        error = -errno;
    } else {
        list_append(&turn->gate->waiting, &turn->link);
    }
    pthread_mutex_unlock(&turns->lock);
    if (error != 0) {
        free(turn);
        return error;
    }
    *ret_turn = turn;
    return 0;
}

int kdc_turn_step(KdcTurn *turn, IoWait *ret_wait)
{
    pthread_mutex_lock(&turn->turns->lock);
    bool granted = turn->granted;
    pthread_mutex_unlock(&turn->turns->lock);
    *ret_wait = (IoWait){.fd = turn->fd, .events = POLLIN};
    return granted ? 0 : IO_AGAIN;
}

KdcTurn *kdc_turn_free(KdcTurn *turn)
{
    if (!turn) return NULL;
    Gate *gate = turn->gate;
    pthread_mutex_lock(&turn->turns->lock);
    list_remove(&turn->link);
    if (turn->granted && list_is_empty(&gate->waiting)) {
        gate->taken--;
    } else if (turn->granted) {
        /* Hands its place on. */
        KdcTurn *next = container_of(gate->waiting.next, KdcTurn, link);
        list_remove(&next->link);
        next->granted = true;
        /* Within the lock: outside it `next` may be freed already. A counter of 1 always fits. */
        (void)eventfd_write(next->fd, 1);
    }
    pthread_mutex_unlock(&turn->turns->lock);
    if (turn->fd >= 0) close(turn->fd);
    free(turn);
    return NULL;
}
