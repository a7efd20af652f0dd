/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/permission.h"
#include <errno.h>
#include <stdlib.h>
#include <winerror.h>
#include "sec/sddl.h"

#define COM_SPECIFIC (COM_EXECUTE_LOCAL | COM_EXECUTE_REMOTE | COM_ACTIVATE_LOCAL | COM_ACTIVATE_REMOTE)

struct Permission {
    SecurityDescriptor *descriptor;
};

/* There are no generic rights of COM's: they are mapped to nothing, and grant and deny nothing. */
static const AccessMapping no_generic;

Permission *permission_free(Permission *permission)
{
    if (!permission) return NULL;
    descriptor_free(permission->descriptor);
    free(permission);
    return NULL;
}

/* CIS-15 */
static int check_style(const Acl *dacl, bool *ret_old, SecFailure *failure)
{
    bool old = false, new = false;

    for (size_t i = 0; i < dacl->count; i++) {
        char sid[SID_STRING_SIZE];
        uint32_t mask = dacl->aces[i].mask;

        sid_format(&dacl->aces[i].sid, sid);
        if (!(mask & COM_EXECUTE)) {
            sec_failure_set(failure, ERROR_INVALID_SECURITY_DESCR,
                            "Entry %zu, for %s, lacks COM_RIGHTS_EXECUTE (CC), which every entry must have.",
                            i + 1, sid);
            return SEC_FAILED;
        }
        if (mask & COM_SPECIFIC)
            new = true;
        else
            old = true;
        if (old && new) {
            sec_failure_set(failure, ERROR_INVALID_SECURITY_DESCR,
                            "Up to entry %zu, for %s, some have COM_RIGHTS_EXECUTE (CC) alone and some have "
                            "local, remote "
                            "or activation rights (DC, LC, SW, RP) with it; all must be of one kind.",
                            i + 1, sid);
            return SEC_FAILED;
        }
    }
    *ret_old = old;
    return 0;
}

int permission_new(SecurityDescriptor *descriptor, Permission **ret_permission, SecFailure *ret_failure)
{
    _cleanup_(descriptor_freep) SecurityDescriptor *owned = descriptor;
    Acl *dacl = descriptor->dacl;
    bool old = false;
    int r = dacl ? check_style(dacl, &old, ret_failure) : 0;

    if (r != 0) return r;
    for (size_t i = 0; old && i < dacl->count; i++)
        dacl->aces[i].mask |= COM_SPECIFIC;
    Permission *permission = malloc(sizeof(*permission));
    if (!permission) return -ENOMEM;
    permission->descriptor = TAKE_PTR(owned);
    *ret_permission = permission;
    return 0;
}

int permission_parse(const char *sddl, Permission **ret_permission, SecFailure *ret_failure)
{
    SecurityDescriptor *descriptor;
    int r = sddl_parse(sddl, SDDL_NAMES, &descriptor, ret_failure);

    return r == 0 ? permission_new(descriptor, ret_permission, ret_failure) : r;
}

static bool allows(const Permission *permission, const AccessSubject *subject, uint32_t rights)
{
    return !permission || access_check(permission->descriptor, subject, rights, &no_generic, NULL);
}

bool permission_gate_admits(const PermissionGate *gate, const Token *caller, bool local, uint32_t rights)
{
    _cleanup_(access_subject_freep) AccessSubject *subject = NULL;

    if (!gate->permission && !gate->limit) return true;
    if (access_subject_new(caller, local, &gate->administrators, &subject) < 0) return false;
    return allows(gate->permission, subject, rights) && allows(gate->limit, subject, rights);
}
