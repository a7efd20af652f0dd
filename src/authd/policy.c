/* SPDX-License-Identifier: Apache-2.0 */
#include "authd/policy.h"
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define ENTRY_SIZE_MAX (1u << 20)

/* 0, -EINVAL (no number). -1 is no account: it means "leave as it is" to the kernel. */
static int parse_number(const char *text, uint32_t *ret_number)
{
    uint64_t number = 0;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 10 || text[digits]) return -EINVAL;
    for (const char *c = text; *c; c++)
        number = number * 10 + (uint64_t)(*c - '0');
    if (number >= UINT32_MAX) return -EINVAL;
    *ret_number = (uint32_t)number;
    return 0;
}

/* One look-up with memory of `size`. 0, -ENOENT, -ERANGE (more is needed), -errno. getpwnam(3): several
 * numbers mean "not found". */
static int look_up(const char *name, bool group, char *buffer, size_t size, uint32_t *ret_id)
{
    struct passwd account, *found = NULL;
    struct group entry, *found_group = NULL;
    int error = group ? getgrnam_r(name, &entry, buffer, size, &found_group)
                      : getpwnam_r(name, &account, buffer, size, &found);
    if (found) *ret_id = found->pw_uid;
    if (found_group) *ret_id = found_group->gr_gid;
    if (found || found_group) return 0;
    return error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM ? -ENOENT
                                                                                               : -error;
}

static int resolve(const char *name, bool group, uint32_t *ret_id)
{
    int result = -ERANGE;
    if (parse_number(name, ret_id) == 0) return 0;
    for (size_t size = 1024; result == -ERANGE && size <= ENTRY_SIZE_MAX; size *= 2) {
        _cleanup_(freep) char *buffer = malloc(size);
        if (!buffer) return -ENOMEM;
        result = look_up(name, group, buffer, size, ret_id);
    }
    return result;
}

static int list_add(PolicyList *list, const char *word)
{
    uint32_t id;
    bool group = word[0] == '@';
    if (list->uid_count + list->gid_count >= POLICY_ACCOUNTS_MAX) return -E2BIG;
    int result = resolve(word + group, group, &id);
    if (result != 0) return result;
    if (group)
        list->gids[list->gid_count++] = id;
    else
        list->uids[list->uid_count++] = id;
    return 0;
}

int policy_list_load(const Conf *conf, ConfId id, PolicyList *ret_list, char **ret_error)
{
    PolicyList list = {.uids = calloc(POLICY_ACCOUNTS_MAX, sizeof(uid_t)),
                       .gids = calloc(POLICY_ACCOUNTS_MAX, sizeof(gid_t))};
    const char *const *words = conf_list(conf, id), *origin = conf_origin(conf, id);
    bool is_default = strcmp(origin, "the default") == 0;
    int result = list.uids && list.gids ? 0 : -ENOMEM;
    for (size_t i = 0; result == 0 && words[i]; i++) {
        result = list_add(&list, words[i]);
        if (result == -ENOENT && is_default) result = 0;
        if (result != 0 &&
            asprintf(ret_error, "%s: %s: %s", origin, words[i],
                     result == -ENOENT ? "there is no such account or group" : strerror(-result)) < 0)
            *ret_error = NULL; /* undefined after a failure */
    }
    if (result != 0)
        policy_list_deinit(&list);
    else
        *ret_list = list;
    return result;
}

void policy_list_deinit(PolicyList *list)
{
    free(list->uids);
    free(list->gids);
    *list = (PolicyList){0};
}

static bool has_group(const PolicyList *list, gid_t gid)
{
    for (size_t i = 0; i < list->gid_count; i++)
        if (list->gids[i] == gid) return true;
    return false;
}

bool policy_list_has(const PolicyList *list, const PolicyPeer *peer)
{
    for (size_t i = 0; i < list->uid_count; i++)
        if (list->uids[i] == peer->uid) return true;
    if (has_group(list, peer->gid)) return true;
    for (size_t i = 0; i < peer->group_count; i++)
        if (has_group(list, peer->groups[i])) return true;
    return false;
}
