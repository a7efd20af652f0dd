/* SPDX-License-Identifier: Apache-2.0 */
#include "com/access.h"
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>
#include "com/callcontext.h"
#include "com/errorinfo.h"
#include "com/process.h"
#include "com/security.h"
#include "com/thread.h"
#include "com/windescriptor.h"
#include "combaseapi.h"
#include "conf/classes.h"
#include "iaccess.h"
#include "rpc/server.h"
#include "sec/name.h"
#include "winerror.h"

#define INVALID_CONFIGURATION HRESULT_FROM_WIN32(ERROR_INVALID_DATA)
#define COM_EVERYWHERE                                                                                       \
    (COM_EXECUTE | COM_EXECUTE_LOCAL | COM_EXECUTE_REMOTE | COM_ACTIVATE_LOCAL | COM_ACTIVATE_REMOTE)

_Static_assert(COM_EXECUTE == COM_RIGHTS_EXECUTE && COM_EXECUTE_REMOTE == COM_RIGHTS_EXECUTE_REMOTE &&
                   COM_ACTIVATE_REMOTE == COM_RIGHTS_ACTIVATE_REMOTE,
               "same numbers");

/* The configuration */

static struct {
    pthread_mutex_t lock;
    bool _Atomic known; /* and from then on never changed */
    AccessSettings settings;
} configured = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* `where` is "FILE:LINE" or the like. */
static HRESULT parse_permission(const char *sddl, const char *key, const char *where,
                                Permission **ret_permission)
{
    SecFailure failure = {0};
    int r = permission_parse(sddl, ret_permission, &failure);

    if (r < 0) return E_OUTOFMEMORY;
    if (r == 0) return S_OK;
    return com_error(INVALID_CONFIGURATION, "%s=, %s, is no permission: %s", key, where, failure.sentence);
}

static HRESULT configured_permission(const Conf *conf, ConfId id, Permission **ret_permission)
{
    const char *sddl = conf_string(conf, id);

    return sddl ? parse_permission(sddl, conf_name(id), conf_origin(conf, id), ret_permission) : S_OK;
}

static HRESULT read_administrators(const Conf *conf, AccessSettings *settings)
{
    SecFailure failure = {0};
    int r = name_resolve_list(conf_list(conf, CONF_SECURITY_ADMINISTRATORS), &settings->administrators,
                              &settings->administrator_count, &failure);

    if (r < 0) return E_OUTOFMEMORY;
    if (r == 0) return S_OK;
    return com_error(INVALID_CONFIGURATION, "administrators=, %s: %s",
                     conf_origin(conf, CONF_SECURITY_ADMINISTRATORS), failure.sentence);
}

static void settings_deinit(AccessSettings *settings)
{
    permission_free(settings->machine_limit);
    permission_free(settings->default_access);
    free(settings->administrators);
}

static HRESULT read_settings(AccessSettings *ret_settings)
{
    AccessSettings settings = {0};
    const Conf *conf;
    HRESULT hr = process_conf(&conf);

    if (FAILED(hr)) return hr;
    hr = configured_permission(conf, CONF_SECURITY_MACHINE_ACCESS_LIMIT, &settings.machine_limit);
    if (SUCCEEDED(hr))
        hr = configured_permission(conf, CONF_SECURITY_DEFAULT_ACCESS, &settings.default_access);
    if (SUCCEEDED(hr)) hr = read_administrators(conf, &settings);
    if (FAILED(hr))
        settings_deinit(&settings);
    else
        *ret_settings = settings;
    return hr;
}

HRESULT access_settings(const AccessSettings **ret_settings)
{
    HRESULT hr = S_OK;

    if (configured.known) {
        *ret_settings = &configured.settings;
        return S_OK;
    }
    pthread_mutex_lock(&configured.lock);
    if (!configured.known) hr = read_settings(&configured.settings);
    if (SUCCEEDED(hr)) {
        configured.known = true;
        *ret_settings = &configured.settings;
    }
    pthread_mutex_unlock(&configured.lock);
    return hr;
}

static AccessAdministrators administrators_of(const AccessSettings *settings)
{
    return settings ? (AccessAdministrators){settings->administrators, settings->administrator_count}
                    : (AccessAdministrators){0};
}

HRESULT access_administrators(AccessAdministrators *ret_administrators)
{
    const AccessSettings *settings;
    HRESULT hr = access_settings(&settings);

    if (SUCCEEDED(hr)) *ret_administrators = administrators_of(settings);
    return hr;
}

/* For its mistakes alone. */
static HRESULT try_permission(const char *sddl, const char *key, const char *where)
{
    Permission *permission = NULL;
    HRESULT hr = sddl ? parse_permission(sddl, key, where, &permission) : S_OK;

    permission_free(permission);
    return hr;
}

static HRESULT check_classes(const ConfClasses *classes)
{
    const ConfAppId *appid;
    HRESULT hr = S_OK;

    for (size_t i = 0; SUCCEEDED(hr) && (appid = conf_classes_appid_at(classes, i)); i++) {
        hr = try_permission(appid->access, "access", appid->origin);
        if (SUCCEEDED(hr)) hr = try_permission(appid->launch, "launch", appid->origin);
    }
    for (size_t i = 0; SUCCEEDED(hr) && i < conf_classes_count(classes); i++) {
        const ConfClass *item = conf_classes_at(classes, i);

        hr = try_permission(item->launch, "launch", item->origin);
    }
    return hr;
}

static const ConfId permission_keys[] = {CONF_SECURITY_DEFAULT_ACCESS, CONF_SECURITY_DEFAULT_LAUNCH,
                                         CONF_SECURITY_MACHINE_ACCESS_LIMIT,
                                         CONF_SECURITY_MACHINE_LAUNCH_LIMIT};

HRESULT access_check_configuration(void)
{
    _cleanup_(conf_classes_freep) ConfClasses *classes = NULL;
    _cleanup_(freep) char *error = NULL;
    const AccessSettings *settings;
    const Conf *conf;
    HRESULT hr = process_conf(&conf);

    for (size_t i = 0; SUCCEEDED(hr) && i < ARRAY_SIZE(permission_keys); i++)
        hr = try_permission(conf_string(conf, permission_keys[i]), conf_name(permission_keys[i]),
                            conf_origin(conf, permission_keys[i]));
    if (SUCCEEDED(hr)) hr = access_settings(&settings);
    if (FAILED(hr)) return hr;
    int r =
        conf_classes_load_part(conf_string(conf, CONF_PATHS_CLASSES), CONF_CLASSES_APPIDS, &classes, &error);
    return r == 0 ? check_classes(classes) : S_OK;
}

/* What CoInitializeSecurity was given */

static HRESULT invalid(const char *why)
{
    return com_error(E_INVALIDARG, "CoInitializeSecurity: pSecDesc %s.", why);
}

/* CIS-14 */
static HRESULT check_parts(const WinParts *parts)
{
    if (parts->control & SE_SELF_RELATIVE)
        return invalid(
            "is a self-relative security descriptor, and must be an absolute one (MakeAbsoluteSD)");
    if (!parts->owner || !parts->group) return invalid("lacks its owner or group");
    if (parts->sacl) return invalid("has a system access control list, which must be NULL");
    return S_OK;
}

HRESULT access_from_descriptor(void *source, ProcessAccess *ret_access)
{
    SecurityDescriptor *descriptor;
    SecFailure failure = {0};
    Permission *permission;
    uint8_t type = ACE_TYPE_ALLOWED;
    WinParts parts;
    HRESULT hr;

    if (!win_descriptor_parts(source, &parts))
        return invalid(
            "is no security descriptor; an AppID needs EOAC_APPID, an IAccessControl EOAC_ACCESS_CONTROL");
    hr = check_parts(&parts);
    if (FAILED(hr)) return hr;
    DWORD error = win_descriptor_read(source, &descriptor, &type);
    if (error == ERROR_NOT_ENOUGH_MEMORY) return E_OUTOFMEMORY;
    if (error && type != ACE_TYPE_ALLOWED)
        return com_error(E_INVALIDARG,
                         "CoInitializeSecurity: pSecDesc has an entry of %s, which is not evaluated.",
                         ace_type_name(type));
    if (error) return invalid("is not valid (IsValidSecurityDescriptor), or has too many entries");
    int r = permission_new(descriptor, &permission, &failure);
    if (r < 0) return E_OUTOFMEMORY;
    if (r > 0)
        return com_error(E_INVALIDARG, "CoInitializeSecurity: pSecDesc is not valid: %s", failure.sentence);
    *ret_access = (ProcessAccess){.mode = ACCESS_PERMISSION, .permission = permission};
    return S_OK;
}

HRESULT access_from_control(void *source, ProcessAccess *ret_access)
{
    IUnknown *object = source;
    void *control;

    if (FAILED(object->lpVtbl->QueryInterface(object, &IID_IAccessControl, &control)))
        return invalid("has no IAccessControl, which EOAC_ACCESS_CONTROL says it is");
    *ret_access = (ProcessAccess){.mode = ACCESS_CONTROL, .control = control};
    return S_OK;
}

/* AppIDs */

static HRESULT load_appids(const char *directory, ConfClasses **ret_classes)
{
    _cleanup_(freep) char *error = NULL;
    int r = conf_classes_load_part(directory, CONF_CLASSES_APPIDS, ret_classes, &error);

    if (r == -ENOMEM) return E_OUTOFMEMORY;
    if (r < 0)
        return com_error(INVALID_CONFIGURATION, "The AppIDs cannot be used: %s",
                         error ? error : strerror(-r));
    return S_OK;
}

static const ConfAppId *appid_of_program(const ConfClasses *classes, const char *program)
{
    char path[PATH_MAX];
    ssize_t length;

    if (program) return conf_classes_appid_of(classes, program);
    length = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (length < 0) return NULL;
    path[length] = '\0';
    return conf_classes_appid_of(classes, path);
}

/* *ret_appid NULL: the process has none. */
static HRESULT find_appid(const ConfClasses *classes, const AccessAppIdSpec *spec,
                          const ConfAppId **ret_appid)
{
    char text[GUID_STRING_SIZE];

    *ret_appid = spec->appid ? conf_classes_find_appid(classes, spec->appid)
                             : appid_of_program(classes, spec->program);
    if (*ret_appid || !spec->appid) return S_OK;
    guid_format(spec->appid, text);
    return com_error(E_INVALIDARG, "CoInitializeSecurity: no file of %s has a section [appid {%s}].",
                     spec->classes_dir, text);
}

static HRESULT access_of_appid(const ConfAppId *appid, const AccessSettings *settings,
                               ProcessAccess *ret_access)
{
    Permission *permission = NULL;
    HRESULT hr = S_OK;

    if (appid && appid->access) {
        hr = parse_permission(appid->access, "access", appid->origin, &permission);
        if (FAILED(hr)) return hr;
        *ret_access = (ProcessAccess){.mode = ACCESS_PERMISSION, .permission = permission};
    } else if (settings && settings->default_access) {
        /* Borrowed for the life of the process. */
        *ret_access = (ProcessAccess){.mode = ACCESS_DEFAULT};
    } else {
        *ret_access = (ProcessAccess){.mode = ACCESS_SELF};
    }
    return hr;
}

HRESULT access_from_appid(const AccessAppIdSpec *spec, ProcessAccess *ret_access, uint32_t *ret_level)
{
    _cleanup_(conf_classes_freep) ConfClasses *classes = NULL;
    ProcessAccess access = {.mode = ACCESS_EVERYBODY};
    const ConfAppId *appid = NULL;
    uint32_t level = spec->authn_level;
    HRESULT hr = S_OK;

    if (spec->classes_dir) {
        hr = load_appids(spec->classes_dir, &classes);
        if (SUCCEEDED(hr)) hr = find_appid(classes, spec, &appid);
    }
    if (FAILED(hr)) return hr;
    if (appid && appid->authn_level) level = appid->authn_level;
    if (level != RPC_C_AUTHN_LEVEL_NONE) hr = access_of_appid(appid, spec->settings, &access);
    if (FAILED(hr)) return hr;
    *ret_access = access;
    *ret_level = level;
    return S_OK;
}

void access_deinit(ProcessAccess *access)
{
    IAccessControl *control = atomic_exchange(&access->control, NULL);

    if (control) control->lpVtbl->Release(control);
    permission_free(atomic_exchange(&access->permission, NULL));
}

/* Checks */

static void grant(Acl *acl, const Sid *sid)
{
    acl->aces[acl->count++] = (Ace){.type = ACE_TYPE_ALLOWED, .mask = COM_EVERYWHERE, .sid = *sid};
}

/* CIS-18: the process's identity, by its token and by its account, and SYSTEM. *ret_final: it has an identity
 * already; else one may come with a ticket cache later. */
static int make_self(Permission **ret_permission, bool *ret_final)
{
    Sid account = sid_from_uid(geteuid()), derived;
    SecurityDescriptor *descriptor = calloc(1, sizeof(*descriptor));
    Acl *acl = calloc(1, sizeof(*acl) + 4 * sizeof(acl->aces[0]));
    SecFailure failure;
    Token *token;

    if (!descriptor || !acl) {
        free(descriptor);
        free(acl);
        return -ENOMEM;
    }
    descriptor->dacl = acl;
    grant(acl, &SID_SYSTEM);
    grant(acl, &account);
    *ret_final = SUCCEEDED(process_token(&token));
    if (*ret_final) {
        grant(acl, token_user(token));
        if (*token_principal(token) && sid_from_principal(token_principal(token), &derived) == 0)
            grant(acl, &derived);
    } else {
        (void)SetErrorInfo(0, NULL); /* nobody asked for the reason */
    }
    return permission_new(descriptor, ret_permission, &failure);
}

static bool admits_self(ProcessAccess *access, PermissionGate *gate, const Token *caller, bool local,
                        uint32_t right)
{
    _cleanup_(permission_freep) Permission *made = NULL;
    Permission *known = access->permission;
    bool final = false;

    if (!known) {
        if (make_self(&made, &final) != 0) return false;
        if (final && atomic_compare_exchange_strong(&access->permission, &known, made))
            known = TAKE_PTR(made);
        else if (!known)
            known = made;
    }
    gate->permission = known;
    return permission_gate_admits(gate, caller, local, right);
}

/* SRV-13: asked as the caller. */
static bool ask(IAccessControl *control, Token *caller)
{
    _cleanup_(freep) char16_t *name = NULL;
    BOOL allowed = FALSE;
    ThreadPause pause;

    /* With nobody's name there is nobody to ask about. */
    if (!caller || token_level(caller) == TOKEN_LEVEL_ANONYMOUS || !*token_principal(caller)) return false;
    if (call_context_name(caller, &name) < 0) return false;
    TRUSTEEW trustee = {.TrusteeForm = TRUSTEE_IS_NAME, .TrusteeType = TRUSTEE_IS_USER, .ptstrName = name};
    thread_pause(&pause);
    thread_set_token(caller);
    HRESULT hr = control->lpVtbl->IsAccessAllowed(control, &trustee, NULL, COM_RIGHTS_EXECUTE, &allowed);
    thread_resume(&pause);
    (void)SetErrorInfo(0, NULL);
    return hr == S_OK && allowed;
}

bool access_admits(ProcessAccess *access, const AccessSettings *settings, Token *caller, bool local)
{
    const uint32_t right = local ? COM_EXECUTE_LOCAL : COM_EXECUTE_REMOTE;
    PermissionGate gate = {.limit = settings ? settings->machine_limit : NULL,
                           .administrators = administrators_of(settings)};
    IAccessControl *control;

    switch (access->mode) {
    case ACCESS_EVERYBODY:
        break;
    case ACCESS_PERMISSION:
        gate.permission = access->permission;
        break;
    case ACCESS_DEFAULT:
        gate.permission = settings ? settings->default_access : NULL;
        if (!gate.permission) return false;
        break;
    case ACCESS_SELF:
        return admits_self(access, &gate, caller, local, right);
    case ACCESS_CONTROL:
        control = access->control;
        return control && permission_gate_admits(&gate, caller, local, right) && ask(control, caller);
    }
    return permission_gate_admits(&gate, caller, local, right);
}

/* Answers by token: tokens never change and their ids are never used again, and neither does anything that
 * they are checked against (com/setting-processwide-security-with-coinitializesecurity). An entry is a
 * modified id, whether the caller came locally, and the answer, so that threads need no lock. */
#define ANSWERS 1024u
static uint64_t _Atomic answers[ANSWERS];

bool access_may_call(void *context, const RpcCall *call)
{
    ProcessSecurity *security = security_current();
    const AccessSettings *settings;
    (void)context;

    if (!security || FAILED(access_settings(&settings))) return false;
    if (!call->token) return access_admits(&security->access, settings, NULL, call->is_local);
    uint64_t question = token_modified_id(call->token) << 2 | (call->is_local ? 2u : 0);
    uint64_t _Atomic *answer = &answers[token_modified_id(call->token) % ANSWERS];
    uint64_t known = *answer;
    if ((known & ~1ull) == question) return known & 1;
    bool admitted = access_admits(&security->access, settings, call->token, call->is_local);
    if (security->access.mode != ACCESS_SELF || security->access.permission) *answer = question | admitted;
    return admitted;
}
