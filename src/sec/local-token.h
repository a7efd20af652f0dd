/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens of local processes: who the kernel says is at the other end of a socket, or this process itself.
 * SIDs are S-1-22-1-uid and S-1-22-2-gid, the principal is MACHINE\account. Such a token has no credential:
 * it says who somebody is here, and is worth nothing on the network.
 */
#pragma once
#include <sys/types.h>
#include "sec/token.h"

/* The domain of a machine's accounts: as Windows has it, the first label of its name in capitals. Freed by
 * free(); NULL: no memory. */
char *local_domain(const char *host) must_use;

typedef struct LocalProcess {
    uid_t uid;
    gid_t gid;
    const gid_t *groups; /* supplementary ones */
    size_t group_count;
} LocalProcess;

/* Of a process that calls at `level`; at ANONYMOUS the anonymous token, which does not say who it was.
 * `machine`: the name of this machine, as the domain of its accounts. An account without a name is
 * MACHINE\#uid. May ask the name service, and wait for it. 0, -ENOMEM, -E2BIG (more groups than a token
 * holds: with some left out what is denied to a group would not be denied). */
int token_new_local(const LocalProcess *process, TokenLevel level, const char *machine,
                    Token **ret_token) must_use;
/* A primary token of this process, by its effective ids. 0, -ENOMEM, -E2BIG, -errno. */
int token_new_own(const char *machine, Token **ret_token) must_use;
