/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a child of the spawner: an account, then a program. Runs in a process of one thread. */
#pragma once
#include <stddef.h>
#include <sys/types.h>
#include "sec/failure.h"

typedef struct Spawn {
    const char *account;
    uid_t uid;
    char **command, **environment; /* NULL ends each; the environment is complete but for the account's own */
    const char *pam_service;
    int *fds; /* become SPAWNER_FIRST_FD and following */
    size_t fd_count;
    int keep; /* stays open until the program runs */
} Spawn;

/* Returns only when it failed, with what the spawner's caller is told. */
void spawn_become(Spawn *spawn, SecFailure *failure);
