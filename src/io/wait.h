/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a state machine waits for. A machine never blocks: it says what it needs, and whoever drives it waits,
 * here with poll() on the calling thread or in a loop. After either outcome the machine is stepped again.
 */
#pragma once
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/cleanup.h"

/* Named conditions of io: positive results, to be handled by the caller. */
enum {
    IO_AGAIN = 1,     /* nothing to be had now: wait for the descriptor */
    IO_CLOSED = 2,    /* the peer closed its side */
    IO_EXHAUSTED = 3, /* the limit of threads is reached */
    IO_STOPPED = 4,   /* the loop was stopped */
};

#define IO_WAIT_MAX 8u

typedef struct IoWait {
    int fd;            /* -1: only the deadline */
    short events;      /* POLLIN, POLLOUT */
    uint64_t deadline; /* base/time.h; TIME_NEVER: none */
} IoWait;

typedef struct IoWaitSet {
    struct pollfd fds[IO_WAIT_MAX]; /* each descriptor once */
    unsigned count;
    uint64_t deadline; /* the earliest */
} IoWaitSet;

/* Waits until the descriptor is ready (also: hung up or in error, which the next read or write tells) or the
 * deadline has passed. 0, -ETIMEDOUT, -EBADF, -errno. A ready descriptor wins over a deadline that has
 * passed. With no descriptor and no deadline: -EINVAL. */
int io_wait(const IoWait *wait) must_use;

/* Set */
void io_wait_set_init(IoWaitSet *set);
/* Adds a descriptor (the events of one that is there already are merged) and a deadline (the earliest
 * counts). 0, -ENOSPC when IO_WAIT_MAX descriptors are there; then nothing changed. */
int io_wait_set_add(IoWaitSet *set, const IoWait *wait) must_use;
/* As io_wait(), for any of them. */
int io_wait_set(IoWaitSet *set) must_use;
/* What the last io_wait_set() found for `fd`: POLLIN, POLLOUT, POLLERR, POLLHUP, or 0. */
short io_wait_set_ready(const IoWaitSet *set, int fd);
