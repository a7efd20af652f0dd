/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/name.h"
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <winerror.h>

#define ENTRY_SIZE_MAX (1u << 20)

/* One look-up with a buffer of this size: 0, -ENOENT, -ERANGE (more is needed), -errno. */
typedef int (*Lookup)(const char *name, char *buffer, size_t size, uint32_t *ret_id);

/* getpwnam(3): several numbers mean "not found". */
static int lookup_result(int error, bool found)
{
    if (found) return 0;
    return error == 0 || error == ESRCH || error == EBADF || error == EPERM ? -ENOENT : -error;
}

static int lookup_account(const char *name, char *buffer, size_t size, uint32_t *ret_id)
{
    struct passwd entry, *found = NULL;
    int error = getpwnam_r(name, &entry, buffer, size, &found);

    if (found) *ret_id = found->pw_uid;
    return lookup_result(error, found);
}

static int lookup_group(const char *name, char *buffer, size_t size, uint32_t *ret_id)
{
    struct group entry, *found = NULL;
    int error = getgrnam_r(name, &entry, buffer, size, &found);

    if (found) *ret_id = found->gr_gid;
    return lookup_result(error, found);
}

static int look_up(Lookup lookup, const char *name, uint32_t *ret_id)
{
    _cleanup_(freep) char *buffer = NULL;
    int r = -ERANGE;

    for (size_t size = 1024; r == -ERANGE && size <= ENTRY_SIZE_MAX; size *= 4) {
        char *larger = realloc(buffer, size);

        if (!larger) return -ENOMEM;
        buffer = larger;
        r = lookup(name, buffer, size, ret_id);
    }
    return r;
}

/* Digits only, below 2^32 - 1, which is nobody. */
static bool parse_id(const char *text, uint32_t *ret_id)
{
    uint64_t id = 0;
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 10 || text[digits]) return false;
    for (size_t i = 0; i < digits; i++)
        id = id * 10 + (uint64_t)(text[i] - '0');
    *ret_id = (uint32_t)id;
    return id < UINT32_MAX;
}

static int resolve_local(Lookup lookup, const char *name, const char *kind, uint32_t *ret_id,
                         SecFailure *ret_failure)
{
    char quoted[SEC_QUOTE_SIZE];
    int r;

    if (parse_id(name, ret_id)) return 0;
    r = *name ? look_up(lookup, name, ret_id) : -ENOENT;
    if (r == 0 || r == -ENOMEM) return r;
    if (r == -ENOENT)
        sec_failure_set(
            ret_failure, ERROR_NONE_MAPPED,
            "This machine has no %s \"%s\"; expected user@REALM, DOMAIN\\user, a local account, %%group or "
            "a SID.",
            kind, sec_quote(name, quoted));
    else
        sec_failure_set(ret_failure, ERROR_NONE_MAPPED, "The %s \"%s\" cannot be looked up: %s.", kind,
                        sec_quote(name, quoted), strerror(-r));
    return SEC_FAILED;
}

static bool is_principal(const char *name)
{
    const char *sign = strpbrk(name, "@\\");

    return sign && sign != name && sign[1];
}

int name_resolve(const char *name, Sid *ret_sid, SecFailure *ret_failure)
{
    char quoted[SEC_QUOTE_SIZE];
    uint32_t id;
    int r;

    if (strncasecmp(name, "S-1-", 4) == 0) {
        if (sid_parse(name, ret_sid) == 0) return 0;
        sec_failure_set(ret_failure, ERROR_INVALID_SID, "\"%s\" is no SID.", sec_quote(name, quoted));
        return SEC_FAILED;
    }
    if (is_principal(name)) return sid_from_principal(name, ret_sid);
    if (name[0] == '%') {
        r = resolve_local(lookup_group, name + 1, "group", &id, ret_failure);
        if (r == 0) *ret_sid = sid_from_gid(id);
        return r;
    }
    r = resolve_local(lookup_account, name, "account", &id, ret_failure);
    if (r == 0) *ret_sid = sid_from_uid(id);
    return r;
}

int name_resolve_list(const char *const *names, Sid **ret_sids, size_t *ret_count, SecFailure *ret_failure)
{
    _cleanup_(freep) Sid *sids = NULL;
    size_t count = 0;
    int r = 0;

    while (names[count])
        count++;
    sids = calloc(count ? count : 1, sizeof(*sids));
    if (!sids) return -ENOMEM;
    for (size_t i = 0; r == 0 && i < count; i++)
        r = name_resolve(names[i], &sids[i], ret_failure);
    if (r != 0) return r;
    *ret_sids = TAKE_PTR(sids);
    *ret_count = count;
    return 0;
}
