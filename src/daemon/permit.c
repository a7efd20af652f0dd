/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/permit.h"
#include <errno.h>
#include <stdlib.h>
#include <syslog.h>
#include "base/hash.h"
#include "io/log.h"
#include "sec/name.h"

#define LEVEL_NONE        1 /* RPC_C_AUTHN_LEVEL_NONE */
#define LAUNCH_BY_ANYBODY "D:(A;;CCDCLCSWRP;;;AU)(A;;CCDCLCSWRP;;;AN)"

struct Permit {
    Permission *usual, *limit, *access_limit;
    HashMap *by_clsid; /* Permission: of classes that have one of their own */
    Permission **permissions;
    size_t permission_count;
    Sid *administrators;
    size_t administrator_count;
};

Permit *permit_free(Permit *permit)
{
    if (!permit) return NULL;
    for (size_t i = 0; i < permit->permission_count; i++)
        permission_free(permit->permissions[i]);
    free(permit->permissions);
    hashmap_free(permit->by_clsid);
    permission_free(permit->usual);
    permission_free(permit->limit);
    permission_free(permit->access_limit);
    free(permit->administrators);
    free(permit);
    return NULL;
}

static int read_permission(const char *sddl, const char *key, const char *where, Permission **ret_permission)
{
    SecFailure failure = {0};
    int r = permission_parse(sddl, ret_permission, &failure);
    if (r <= 0) return r;
    log_line(LOG_ERR, "%s=, %s, is no permission: %s", key, where, failure.sentence);
    return -EINVAL;
}

static int read_key(const Conf *conf, ConfId id, Permission **ret_permission)
{
    const char *sddl = conf_string(conf, id);
    return sddl ? read_permission(sddl, conf_name(id), conf_origin(conf, id), ret_permission) : 0;
}

/* Who lets the activation floor down to none wants those who do not authenticate, too, unless he says
 * otherwise. */
static int read_usual(const Conf *conf, Permission **ret_permission)
{
    bool open = conf_choice(conf, CONF_SECURITY_ACTIVATION_FLOOR) == LEVEL_NONE;
    if (!open || conf_is_set(conf, CONF_SECURITY_DEFAULT_LAUNCH))
        return read_key(conf, CONF_SECURITY_DEFAULT_LAUNCH, ret_permission);
    return read_permission(LAUNCH_BY_ANYBODY, "activation_floor",
                           conf_origin(conf, CONF_SECURITY_ACTIVATION_FLOOR), ret_permission);
}

static int read_administrators(Permit *permit, const Conf *conf)
{
    SecFailure failure = {0};
    int r = name_resolve_list(conf_list(conf, CONF_SECURITY_ADMINISTRATORS), &permit->administrators,
                              &permit->administrator_count, &failure);
    if (r <= 0) return r;
    log_line(LOG_ERR, "administrators=, %s: %s", conf_origin(conf, CONF_SECURITY_ADMINISTRATORS),
             failure.sentence);
    return -EINVAL;
}

static int read_class(Permit *permit, const ConfClasses *classes, const ConfClass *item)
{
    const char *origin, *sddl = conf_classes_launch(classes, item, &origin);
    Permission **place = &permit->permissions[permit->permission_count];
    if (!sddl) return 0;
    int r = read_permission(sddl, "launch", origin, place);
    if (r < 0) return r;
    permit->permission_count++;
    return hashmap_put(permit->by_clsid, &item->clsid, sizeof(item->clsid), *place);
}

static int read_classes(Permit *permit, const ConfClasses *classes)
{
    size_t count = conf_classes_count(classes);
    int r = hashmap_new(&permit->by_clsid);
    if (r < 0) return r;
    permit->permissions = calloc(count ? count : 1, sizeof(Permission *));
    if (!permit->permissions) return -ENOMEM;
    for (size_t i = 0; r == 0 && i < count; i++)
        r = read_class(permit, classes, conf_classes_at(classes, i));
    return r;
}

int permit_new(const Conf *conf, const ConfClasses *classes, Permit **ret_permit)
{
    _cleanup_(permit_freep) Permit *permit = calloc(1, sizeof(*permit));
    if (!permit) return -ENOMEM;
    int r = read_usual(conf, &permit->usual);
    if (r == 0) r = read_key(conf, CONF_SECURITY_MACHINE_LAUNCH_LIMIT, &permit->limit);
    if (r == 0) r = read_key(conf, CONF_SECURITY_MACHINE_ACCESS_LIMIT, &permit->access_limit);
    if (r == 0) r = read_administrators(permit, conf);
    if (r == 0) r = read_classes(permit, classes);
    if (r < 0) return r;
    *ret_permit = TAKE_PTR(permit);
    return 0;
}

static bool admits(const Permit *permit, const Token *caller, bool local, const Guid *clsid, uint32_t right)
{
    const Permission *own = hashmap_get(permit->by_clsid, clsid, sizeof(*clsid));
    const PermissionGate gate = {.permission = own ? own : permit->usual,
                                 .limit = permit->limit,
                                 .administrators = {permit->administrators, permit->administrator_count}};
    return permission_gate_admits(&gate, caller, local, right);
}

bool permit_admits(const Permit *permit, const Token *caller, bool local, const Guid *clsid)
{
    return admits(permit, caller, local, clsid, local ? COM_ACTIVATE_LOCAL : COM_ACTIVATE_REMOTE);
}

bool permit_admits_start(const Permit *permit, const Token *caller, bool local, const Guid *clsid)
{
    return admits(permit, caller, local, clsid, local ? COM_EXECUTE_LOCAL : COM_EXECUTE_REMOTE);
}

bool permit_admits_call(const Permit *permit, const Token *caller, bool local)
{
    const PermissionGate gate = {.limit = permit->access_limit,
                                 .administrators = {permit->administrators, permit->administrator_count}};
    return permission_gate_admits(&gate, caller, local, local ? COM_EXECUTE_LOCAL : COM_EXECUTE_REMOTE);
}
