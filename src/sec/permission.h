/* SPDX-License-Identifier: Apache-2.0 */
/*
 * COM's permissions: who may call, who may activate and launch. A security descriptor whose rights are COM's,
 * under the rules for those (facts CIS-15), and the machine's limit, which is asked in addition (CIS-16).
 */
#pragma once
#include "sec/access.h"
#include "sec/failure.h"

/* As in combaseapi.h. Of an access permission "execute" is to call, of a launch permission to start a server.
 */
#define COM_EXECUTE         1u
#define COM_EXECUTE_LOCAL   2u
#define COM_EXECUTE_REMOTE  4u
#define COM_ACTIVATE_LOCAL  8u
#define COM_ACTIVATE_REMOTE 16u

typedef struct Permission Permission;
/* Takes `descriptor` over, also on failure. Entries that have COM_EXECUTE only (the older style, which must
 * be that of all entries then) mean local and remote, calls and activation alike. Generic and standard rights
 * mean nothing. 0; SEC_FAILED: an entry lacks COM_EXECUTE, or the styles are mixed. */
int permission_new(SecurityDescriptor *descriptor, Permission **ret_permission,
                   SecFailure *ret_failure) must_use;
/* From SDDL with names (sec/sddl.h). As above, or -ENOMEM, -EIO. */
int permission_parse(const char *sddl, Permission **ret_permission, SecFailure *ret_failure) must_use;
Permission *permission_free(Permission *permission);
DEFINE_CLEANUP(Permission, permission_free)

/* Everything that has to admit somebody. */
typedef struct PermissionGate {
    const Permission *permission; /* NULL: everybody, also who did not authenticate */
    const Permission *limit;      /* of the machine; NULL: none */
    AccessAdministrators administrators;
} PermissionGate;
/* Whether all of `rights` (specific ones, without COM_EXECUTE) are granted to the bearer of `caller`, NULL:
 * who did not authenticate. Short of memory nobody is. */
bool permission_gate_admits(const PermissionGate *gate, const Token *caller, bool local, uint32_t rights);
