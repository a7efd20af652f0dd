/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting programs as local accounts. The spawner is a child of mantle-authd that is forked before there are
 * threads and before its parent, which reads strangers' bytes, gives up the right to become others. It reads
 * nothing but what its parent asks, and checks that again: who the account is, that it may be used (PAM's
 * account phase), and that what starts has no id but the account's and no capability.
 */
#pragma once
#include <sys/types.h>
#include "base/cleanup.h"
#include "sec/failure.h"

#define SPAWNER_MESSAGE_MAX 65536u /* names, command and environment of one start */
#define SPAWNER_WORDS_MAX   256u   /* of a command, and of an environment */
#define SPAWNER_FDS_MAX     4u
#define SPAWNER_FIRST_FD    3                       /* passed descriptors become this and the following */
#define SPAWNER_TIMEOUT     (60ull * 1000000000ull) /* PAM may ask a directory */
#define SPAWNER_PAM_SERVICE "mantle"

typedef struct Spawner Spawner;

/* Forks. `pam_service` names the file in /etc/pam.d whose account phase decides; NULL: SPAWNER_PAM_SERVICE.
 * 0, -ENOMEM, -errno. */
int spawner_new(const char *pam_service, Spawner **ret_spawner) must_use;
/* The spawner ends; what it started lives on. */
Spawner *spawner_free(Spawner *spawner);
DEFINE_CLEANUP(Spawner, spawner_free)

typedef struct SpawnRequest {
    const char *account;        /* name */
    uid_t uid;                  /* which must be that account's still */
    const char *const *command; /* NULL ends it; the first word is an absolute path */
    const char *const
        *environment; /* NAME=VALUE, NULL ends it; HOME, USER, LOGNAME, SHELL and PATH are made here */
    int fds[SPAWNER_FDS_MAX]; /* borrowed */
    size_t fd_count;
} SpawnRequest;

/* Conditions. */
enum { SPAWN_FAILED = 1 };

/*
 * Starts a program, waiting on this thread until it runs. Thread-safe. 0: *ret_pidfd is readable once it has
 * ended, and the caller's; SPAWN_FAILED with *failure: the account may not be used (ERROR_ACCESS_DENIED), the
 * program cannot be run (CO_E_SERVER_EXEC_FAILURE), or the spawner is gone; -E2BIG, -ENOMEM, -errno.
 */
int spawner_start(Spawner *spawner, const SpawnRequest *request, pid_t *ret_pid, int *ret_pidfd,
                  SecFailure *failure) must_use;
