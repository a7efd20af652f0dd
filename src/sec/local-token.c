/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/local-token.h"
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <rpcdce.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ACCOUNT_BUFFER_FIRST 1024u
#define ACCOUNT_BUFFER_MAX   (1024u * 1024)

char *local_domain(const char *host)
{
    char *domain = strndup(host, strcspn(host, "."));
    for (char *at = domain; at && *at; at++)
        if (*at >= 'a' && *at <= 'z') *at = (char)(*at - 'a' + 'A');
    return domain;
}

/* MACHINE\account. A name service that fails says no name: nothing is decided by it. */
static int make_principal(uid_t uid, const char *machine, char **ret_principal)
{
    for (size_t size = ACCOUNT_BUFFER_FIRST; size <= ACCOUNT_BUFFER_MAX; size *= 4) {
        _cleanup_(freep) char *buffer = malloc(size);
        struct passwd account, *found = NULL;
        if (!buffer) return -ENOMEM;
        int r = getpwuid_r(uid, &account, buffer, size, &found);
        if (r == ERANGE) continue;
        if (r == ENOMEM) return -ENOMEM;
        r = found ? asprintf(ret_principal, "%s\\%s", machine, account.pw_name)
                  : asprintf(ret_principal, "%s\\#%u", machine, (unsigned)uid);
        return r < 0 ? -ENOMEM : 0;
    }
    return -ENOMEM;
}

static int make(const LocalProcess *process, TokenKind kind, TokenLevel level, const char *machine,
                Token **ret_token)
{
    _cleanup_(freep) char *principal = NULL;
    _cleanup_(freep) Sid *groups = NULL;
    if (process->group_count >= TOKEN_GROUPS_MAX - 1) return -E2BIG;
    int r = make_principal(process->uid, machine, &principal);
    if (r < 0) return r;
    groups = calloc(process->group_count + 2, sizeof(*groups));
    if (!groups) return -ENOMEM;
    size_t count = 0;
    groups[count++] = sid_from_gid(process->gid);
    for (size_t i = 0; i < process->group_count; i++)
        if (process->groups[i] != process->gid) groups[count++] = sid_from_gid(process->groups[i]);
    groups[count++] = SID_AUTHENTICATED;
    const TokenSpec spec = {.kind = kind,
                            .level = level,
                            .principal = principal,
                            .user = sid_from_uid(process->uid),
                            .groups = groups,
                            .group_count = count,
                            .service = RPC_C_AUTHN_WINNT,
                            .expires = INT64_MAX};
    return token_new(&spec, ret_token);
}

int token_new_local(const LocalProcess *process, TokenLevel level, const char *machine, Token **ret_token)
{
    if (level == TOKEN_LEVEL_ANONYMOUS) return token_new_anonymous(ret_token);
    return make(process, TOKEN_KIND_IMPERSONATION, level, machine, ret_token);
}

int token_new_own(const char *machine, Token **ret_token)
{
    gid_t groups[TOKEN_GROUPS_MAX];
    int count = getgroups(TOKEN_GROUPS_MAX, groups);
    if (count < 0) return errno == EINVAL ? -E2BIG : -errno;
    const LocalProcess own = {
        .uid = geteuid(), .gid = getegid(), .groups = groups, .group_count = (size_t)count};
    return make(&own, TOKEN_KIND_PRIMARY, TOKEN_LEVEL_DELEGATION, machine, ret_token);
}
