/* SPDX-License-Identifier: Apache-2.0 */
/* Which local accounts may do what: keys of mantle.conf that list accounts and @groups. Immutable. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "conf/conf.h"

#define POLICY_ACCOUNTS_MAX 256u

typedef struct PolicyList {
    uid_t *uids;
    gid_t *gids;
    size_t uid_count, gid_count;
} PolicyList;

/* A local process, as the kernel tells it. */
typedef struct PolicyPeer {
    uid_t uid;
    gid_t gid;
    const gid_t *groups; /* further ones */
    size_t group_count;
} PolicyPeer;

/* Reads a key: names, numbers, @groups. A name that does not exist is an error, but for defaults, which name
 * accounts that not every machine has. 0, -ENOENT, -E2BIG, -ENOMEM, -errno; then *ret_error is a sentence. */
int policy_list_load(const Conf *conf, ConfId id, PolicyList *ret_list, char **ret_error) must_use;
void policy_list_deinit(PolicyList *list);
bool policy_list_has(const PolicyList *list, const PolicyPeer *peer);
