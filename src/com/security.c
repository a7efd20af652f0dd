/* SPDX-License-Identifier: Apache-2.0 */
/* CoInitializeSecurity. */
#include "com/security.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "base/utf16.h"
#include "com/errorinfo.h"
#include "com/process.h"
#include "combaseapi.h"
#include "winerror.h"

#define CLOAKING    (EOAC_STATIC_CLOAKING | EOAC_DYNAMIC_CLOAKING)
#define DESCRIPTORS (EOAC_APPID | EOAC_ACCESS_CONTROL)
#define ACCEPTED_CAPS                                                                                        \
    (EOAC_MUTUAL_AUTH | EOAC_SECURE_REFS | CLOAKING | EOAC_MAKE_FULLSIC | EOAC_REQUIRE_FULLSIC |             \
     EOAC_DISABLE_AAA | EOAC_NO_CUSTOM_MARSHAL)

static const SecurityService services[] = {
    {RPC_C_AUTHN_GSS_KERBEROS, .usable = true, .cloaks = true},
    {RPC_C_AUTHN_GSS_NEGOTIATE, .usable = true, .cloaks = true},
    {RPC_C_AUTHN_WINNT, .usable = true, .cloaks = true},
    {RPC_C_AUTHN_GSS_SCHANNEL, .usable = false, .cloaks = false},
    {RPC_C_AUTHN_NETLOGON, .usable = false, .cloaks = false},
};

const SecurityService *security_service(uint32_t service)
{
    for (size_t i = 0; i < ARRAY_SIZE(services); i++)
        if (services[i].service == service) return &services[i];
    return NULL;
}

static bool service_never_cloaks(uint32_t service)
{
    const SecurityService *row = security_service(service);

    return row && !row->cloaks;
}

static HRESULT invalid(const char *why)
{
    return com_error(E_INVALIDARG, "CoInitializeSecurity: %s.", why);
}

static HRESULT check_capabilities(const SecurityArgs *args)
{
    DWORD caps = args->dwCapabilities;

    if ((caps & DESCRIPTORS) == DESCRIPTORS)
        return invalid("EOAC_APPID and EOAC_ACCESS_CONTROL exclude each other"); /* CIS-11 */
    if ((caps & CLOAKING) == CLOAKING) return invalid("static and dynamic cloaking exclude each other");
    if (caps & ~(DWORD)(ACCEPTED_CAPS | DESCRIPTORS))
        return invalid("dwCapabilities has a flag that is not accepted here");
    if (caps & EOAC_SECURE_REFS && args->dwAuthnLevel == RPC_C_AUTHN_LEVEL_NONE) /* CIS-13 */
        return invalid("EOAC_SECURE_REFS needs an authentication level above NONE");
    if (caps & EOAC_ACCESS_CONTROL && args->dwAuthnLevel == RPC_C_AUTHN_LEVEL_NONE)
        return invalid("EOAC_ACCESS_CONTROL needs an authentication level above NONE");
    if (caps & EOAC_ACCESS_CONTROL && !args->pSecDesc) /* CIS-14 */
        return invalid("EOAC_ACCESS_CONTROL needs an IAccessControl, and pSecDesc is NULL");
    return S_OK;
}

static HRESULT check_levels(const SecurityArgs *args)
{
    if (args->dwAuthnLevel > RPC_C_AUTHN_LEVEL_PKT_PRIVACY)
        return invalid("dwAuthnLevel is no authentication level");
    /* CIS-9: DEFAULT is not allowed here. */
    if (args->dwImpLevel < RPC_C_IMP_LEVEL_ANONYMOUS || args->dwImpLevel > RPC_C_IMP_LEVEL_DELEGATE)
        return invalid("dwImpLevel is no impersonation level, or RPC_C_IMP_LEVEL_DEFAULT");
    return S_OK;
}

static HRESULT check_services(const SecurityArgs *args)
{
    if (args->cAuthSvc < -1 || args->cAuthSvc > SECURITY_SERVICES_MAX)
        return invalid("cAuthSvc is out of range");
    if (args->cAuthSvc == -1 && args->asAuthSvc)
        return invalid("asAuthSvc must be NULL where cAuthSvc is -1"); /* CIS-5 */
    if (args->cAuthSvc > 0 && !args->asAuthSvc) return invalid("asAuthSvc is NULL");
    for (LONG i = 0; i < args->cAuthSvc; i++)
        if (args->dwCapabilities & CLOAKING && service_never_cloaks(args->asAuthSvc[i].dwAuthnSvc))
            return invalid("asAuthSvc has a service that does not cloak");
    return S_OK;
}

static HRESULT check_identities(const SecurityArgs *args)
{
    const SOLE_AUTHENTICATION_LIST *list = args->pAuthList;

    if (!list) return S_OK;
    if (list->cAuthInfo > SECURITY_SERVICES_MAX) return invalid("pAuthList has too many entries");
    if (list->cAuthInfo && !list->aAuthInfo)
        return invalid("pAuthList has no entries where cAuthInfo says so");
    for (DWORD i = 0; i < list->cAuthInfo; i++) {
        const SOLE_AUTHENTICATION_INFO *entry = &list->aAuthInfo[i];
        const SecurityService *service = security_service(entry->dwAuthnSvc);

        if (entry->dwAuthzSvc != RPC_C_AUTHZ_NONE && entry->dwAuthzSvc != RPC_C_AUTHZ_DEFAULT)
            return invalid("pAuthList has an authorization service, and none is offered");
        if (args->dwCapabilities & CLOAKING && service_never_cloaks(entry->dwAuthnSvc))
            return invalid("pAuthList has a service that does not cloak");
        if (!entry->pAuthInfo) continue;
        if (args->dwCapabilities & CLOAKING) /* CIS-12, ERR-5 */
            return invalid("an identity in pAuthList and cloaking exclude each other");
        if (!service || !service->cloaks) /* CIS-10; the structure of the others is not known */
            return invalid("pAuthList has an identity for a service that takes none");
    }
    return S_OK;
}

static HRESULT check(const SecurityArgs *args)
{
    HRESULT hr;

    if (args->pReserved1 || args->pReserved3)
        return invalid("the reserved parameters must be NULL"); /* CIS-4 */
    hr = check_levels(args);
    if (SUCCEEDED(hr)) hr = check_services(args);
    if (SUCCEEDED(hr)) hr = check_identities(args);
    return hr;
}

/* Whether callers can be verified by this service. */
static bool can_verify(const SecurityDefaults *defaults, uint32_t service)
{
    switch (service) {
    case RPC_C_AUTHN_GSS_NEGOTIATE:
        return defaults->can_accept || defaults->ntlm;
    case RPC_C_AUTHN_WINNT:
        return defaults->ntlm;
    default:
        return defaults->can_accept;
    }
}

static HRESULT register_service(ProcessSecurity *security, const SOLE_AUTHENTICATION_SERVICE *entry,
                                const SecurityDefaults *defaults)
{
    const SecurityService *service = security_service(entry->dwAuthnSvc);
    int r;

    if (!service || !service->usable) return HRESULT_FROM_WIN32(RPC_S_UNKNOWN_AUTHN_SERVICE);
    if (entry->dwAuthzSvc != RPC_C_AUTHZ_NONE && entry->dwAuthzSvc != RPC_C_AUTHZ_DEFAULT)
        return HRESULT_FROM_WIN32(RPC_S_UNKNOWN_AUTHZ_SERVICE);
    if (!can_verify(defaults, entry->dwAuthnSvc)) return SEC_E_NO_CREDENTIALS;
    if (entry->pPrincipalName && !security->server_principal) {
        r = utf8_from_utf16(entry->pPrincipalName, utf16_length(entry->pPrincipalName),
                            &security->server_principal);
        if (r < 0) return r == -ENOMEM ? E_OUTOFMEMORY : E_INVALIDARG;
    }
    security->accepts = true;
    if (entry->dwAuthnSvc != RPC_C_AUTHN_GSS_KERBEROS) security->local = true;
    security->services |= 1u << entry->dwAuthnSvc; /* of the table above: 16 at most */
    return S_OK;
}

/* CIS-5, CIS-6 */
static HRESULT register_services(ProcessSecurity *security, const SecurityArgs *args,
                                 const SecurityDefaults *defaults)
{
    security->local = args->cAuthSvc == -1; /* else where what it stands for is registered */
    if (args->cAuthSvc == -1) security->accepts = defaults->can_accept || defaults->ntlm;
    if (args->cAuthSvc <= 0) return S_OK;
    for (LONG i = 0; i < args->cAuthSvc; i++)
        args->asAuthSvc[i].hr = register_service(security, &args->asAuthSvc[i], defaults);
    if (security->accepts) return S_OK;
    return com_error(
        RPC_E_NO_GOOD_SECURITY_PACKAGES,
        "CoInitializeSecurity: none of the services of asAuthSvc can be offered; see each `hr`. "
        "Kerberos and Negotiate need a keytab, keytab= in section [security] of mantle.conf, NTLM needs "
        "ntlm = yes there.");
}

static HRESULT copy_identities(ProcessSecurity *security, const SOLE_AUTHENTICATION_LIST *list)
{
    for (DWORD i = 0; list && i < list->cAuthInfo; i++) {
        const SOLE_AUTHENTICATION_INFO *entry = &list->aAuthInfo[i];
        SecurityIdentity *target = &security->identities[i];
        HRESULT hr;

        *target = (SecurityIdentity){.service = entry->dwAuthnSvc, .auth_info = entry->pAuthInfo};
        security->identity_count++;
        if (!entry->pAuthInfo) continue;
        hr = identity_new(entry->pAuthInfo, entry->dwAuthnSvc, &target->identity);
        if (FAILED(hr)) return hr;
    }
    return S_OK;
}

/* CIS-14 */
static HRESULT set_access(ProcessSecurity *security, const SecurityArgs *args)
{
    void *source = (void *)(uintptr_t)args->pSecDesc;

    if (!source) return S_OK; /* everybody */
    return args->dwCapabilities & EOAC_ACCESS_CONTROL ? access_from_control(source, &security->access)
                                                      : access_from_descriptor(source, &security->access);
}

/* CIS-8: DEFAULT never means NONE, whatever is configured for processes that do not ask (ERR-19). */
static uint32_t default_level(const SecurityDefaults *defaults)
{
    return defaults->authn_level > RPC_C_AUTHN_LEVEL_NONE ? defaults->authn_level : RPC_C_AUTHN_LEVEL_CONNECT;
}

/* CIS-14, CIS-18: everything as configured, for this AppID (NULL: that of the program). */
static HRESULT new_from_appid(const SecurityDefaults *defaults, const void *appid, bool explicit_call,
                              ProcessSecurity **ret_security)
{
    _cleanup_(security_freep) ProcessSecurity *security = calloc(1, sizeof(*security));
    AccessAppIdSpec spec = {.settings = defaults->access,
                            .classes_dir = defaults->classes_dir,
                            .appid = appid,
                            .program = defaults->program,
                            .authn_level = defaults->authn_level};
    HRESULT hr;

    if (!security) return E_OUTOFMEMORY;
    security->explicit_call = explicit_call;
    security->accepts = defaults->can_accept || defaults->ntlm;
    security->local = true;
    security->ntlm = defaults->ntlm;
    security->impersonation_level = defaults->impersonation_level;
    hr = access_from_appid(&spec, &security->access, &security->authn_level);
    if (FAILED(hr)) return hr;
    if (defaults->secure_references && security->authn_level != RPC_C_AUTHN_LEVEL_NONE)
        security->capabilities = EOAC_SECURE_REFS;
    *ret_security = TAKE_PTR(security);
    return S_OK;
}

HRESULT security_new(const SecurityArgs *args, const SecurityDefaults *defaults,
                     ProcessSecurity **ret_security)
{
    _cleanup_(security_freep) ProcessSecurity *security = NULL;
    HRESULT hr = check_capabilities(args);
    size_t count;

    if (SUCCEEDED(hr) && args->dwCapabilities & EOAC_APPID)
        return new_from_appid(defaults, args->pSecDesc, true, ret_security);
    if (SUCCEEDED(hr)) hr = check(args);
    if (FAILED(hr)) return hr;
    count = args->pAuthList ? args->pAuthList->cAuthInfo : 0;
    security = calloc(1, sizeof(*security) + count * sizeof(security->identities[0]));
    if (!security) return E_OUTOFMEMORY;
    security->explicit_call = true;
    security->authn_level = args->dwAuthnLevel ? args->dwAuthnLevel : default_level(defaults);
    security->impersonation_level = args->dwImpLevel;
    security->capabilities = args->dwCapabilities;
    security->ntlm = defaults->ntlm;
    hr = register_services(security, args, defaults);
    if (SUCCEEDED(hr)) hr = copy_identities(security, args->pAuthList);
    if (SUCCEEDED(hr)) hr = set_access(security, args);
    if (FAILED(hr)) return hr;
    *ret_security = TAKE_PTR(security);
    return S_OK;
}

HRESULT security_new_default(const SecurityDefaults *defaults, ProcessSecurity **ret_security)
{
    return new_from_appid(defaults, NULL, false, ret_security);
}

ProcessSecurity *security_free(ProcessSecurity *security)
{
    if (!security) return NULL;
    for (size_t i = 0; i < security->identity_count; i++)
        (void)identity_unref(security->identities[i].identity);
    access_deinit(&security->access);
    free(security->server_principal);
    free(security);
    return NULL;
}

const SecurityIdentity *security_identity(const ProcessSecurity *security, uint32_t service)
{
    for (size_t i = 0; i < security->identity_count; i++)
        if (security->identities[i].service == service) return &security->identities[i];
    return NULL;
}

/* The process's; what is there is never replaced or freed. */
static pthread_mutex_t current_lock = PTHREAD_MUTEX_INITIALIZER;
static ProcessSecurity *_Atomic current;

const ProcessSecurity *security_peek(void)
{
    return current;
}

ProcessSecurity *security_current(void)
{
    return current;
}

void security_end(void)
{
    ProcessSecurity *security = current;

    if (security && security->access.mode == ACCESS_CONTROL) access_deinit(&security->access);
}

static HRESULT read_defaults(SecurityDefaults *ret_defaults)
{
    const AccessSettings *access;
    const Conf *conf;
    HRESULT hr = process_conf(&conf);

    if (SUCCEEDED(hr)) hr = access_settings(&access);
    if (FAILED(hr)) return hr;
    *ret_defaults =
        (SecurityDefaults){.authn_level = (uint32_t)conf_choice(conf, CONF_SECURITY_AUTHN_LEVEL),
                           .impersonation_level = (uint32_t)conf_choice(conf, CONF_SECURITY_IMP_LEVEL),
                           .can_accept = process_can_accept(),
                           .ntlm = process_allows_ntlm(),
                           .secure_references = conf_boolean(conf, CONF_SECURITY_SECURE_REFERENCES),
                           .access = access,
                           .classes_dir = conf_string(conf, CONF_PATHS_CLASSES)};
    return S_OK;
}

HRESULT security_get(const ProcessSecurity **ret_security)
{
    SecurityDefaults defaults;
    ProcessSecurity *made;
    const ProcessSecurity *known = current;
    HRESULT hr = S_OK;

    if (known) {
        *ret_security = known;
        return S_OK;
    }
    pthread_mutex_lock(&current_lock);
    if (!current) {
        hr = read_defaults(&defaults);
        if (SUCCEEDED(hr)) hr = security_new_default(&defaults, &made);
        if (SUCCEEDED(hr)) current = made;
    }
    if (SUCCEEDED(hr)) *ret_security = current;
    pthread_mutex_unlock(&current_lock);
    return hr;
}

HRESULT CoInitializeSecurity(void *pSecDesc, LONG cAuthSvc, SOLE_AUTHENTICATION_SERVICE *asAuthSvc,
                             void *pReserved1, DWORD dwAuthnLevel, DWORD dwImpLevel, void *pAuthList,
                             DWORD dwCapabilities, void *pReserved3)
{
    const SecurityArgs args = {.pSecDesc = pSecDesc,
                               .cAuthSvc = cAuthSvc,
                               .asAuthSvc = asAuthSvc,
                               .pReserved1 = pReserved1,
                               .dwAuthnLevel = dwAuthnLevel,
                               .dwImpLevel = dwImpLevel,
                               .pAuthList = pAuthList,
                               .dwCapabilities = dwCapabilities,
                               .pReserved3 = pReserved3};
    SecurityDefaults defaults;
    ProcessSecurity *made;
    HRESULT hr;

    pthread_mutex_lock(&current_lock);
    if (current) {
        hr = com_error(
            RPC_E_TOO_LATE, "CoInitializeSecurity: the security of this process is set already, by %s.",
            current->explicit_call ? "an earlier call"
                                   : "the first interface that was marshalled or the first activation");
    } else {
        hr = read_defaults(&defaults);
        if (SUCCEEDED(hr)) hr = security_new(&args, &defaults, &made);
        if (SUCCEEDED(hr)) current = made;
    }
    pthread_mutex_unlock(&current_lock);
    return hr;
}
