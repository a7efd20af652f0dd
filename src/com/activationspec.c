/* SPDX-License-Identifier: Apache-2.0 */
/* What a program says of an activation, read and checked: COSERVERINFO and COAUTHINFO. */
#include <errno.h>
#include <string.h>
#include "base/utf16.h"
#include "com/activation.h"
#include "com/errorinfo.h"
#include "com/process.h"
#include "com/runtime.h"
#include "io/hosts.h"
#include "rpcdce.h"
#include "winerror.h"

/* Target */

static HRESULT bad_name(const char *name)
{
    char quoted[SEC_QUOTE_SIZE];
    return com_error(CO_E_BAD_SERVER_NAME,
                     "\"%s\" names no machine: a host, //host, host:port, an IPv4 address or [IPv6]:port is "
                     "expected.",
                     sec_quote(name, quoted));
}

HRESULT activation_target(const OLECHAR *name, ActivationTarget *ret_target)
{
    _cleanup_(freep) char *text = NULL;
    ActivationTarget target = {.port = 0};
    IoHost host;
    int r = utf8_from_utf16(name, utf16_length(name), &text);
    if (r == -ENOMEM) return E_OUTOFMEMORY;
    if (r < 0) return bad_name("?");
    const char *rest = text;
    if (strncmp(rest, "//", 2) == 0 || strncmp(rest, "\\\\", 2) == 0) rest += 2;
    if (io_host_parse(rest, &host) < 0) return bad_name(text);
    RemoteTable *hosts; /* the hosts file is read with the client half */
    HRESULT hr = runtime_remote(&hosts);
    if (FAILED(hr)) return hr;
    strcpy(target.host, host.name);
    target.port = host.port;
    if (!target.port) target.port = io_hosts_resolver_port(host.name);
    if (!target.port) target.port = runtime_resolver_port();
    *ret_target = target;
    return S_OK;
}

HRESULT activation_target_local(ActivationTarget *ret_target)
{
    ActivationTarget target = {.port = runtime_resolver_port()};
    const Conf *conf;
    HRESULT hr = runtime_conf(&conf);
    if (FAILED(hr)) return hr;
    const char *const *addresses = conf_list(conf, CONF_RESOLVER_LISTEN);
    const char *name = runtime_host_name(), *address = *addresses ? *addresses : "127.0.0.1";
    if (strlen(name) >= sizeof(target.host) || strlen(address) >= sizeof(target.address))
        return bad_name(name);
    strcpy(target.host, name);
    strcpy(target.address, address);
    *ret_target = target;
    return S_OK;
}

/* Security */

static HRESULT choose_service(const COAUTHINFO *info, ActivationSecurity *security)
{
    uint32_t service = info->dwAuthnSvc;
    if (info->dwAuthnLevel > RPC_C_AUTHN_LEVEL_PKT_PRIVACY)
        return com_error(E_INVALIDARG, "COAUTHINFO: dwAuthnLevel is no authentication level.");
    if (info->dwAuthnLevel == RPC_C_AUTHN_LEVEL_NONE) { /* ACT-11 */
        if (info->dwImpersonationLevel != RPC_C_IMP_LEVEL_IMPERSONATE)
            return com_error(HRESULT_FROM_WIN32(RPC_S_SERVER_UNAVAILABLE),
                             "COAUTHINFO: an activation without security is asked for by "
                             "RPC_C_AUTHN_LEVEL_NONE together with RPC_C_IMP_LEVEL_IMPERSONATE.");
        security->unsecured = true;
        return S_OK;
    }
    if (service == RPC_C_AUTHN_NONE)
        return com_error(E_INVALIDARG, "COAUTHINFO: RPC_C_AUTHN_NONE goes with RPC_C_AUTHN_LEVEL_NONE only.");
    if (service == RPC_C_AUTHN_DEFAULT) return S_OK;
    const SecurityService *row = security_service(service);
    if (!row || !row->usable)
        return com_error(
            HRESULT_FROM_WIN32(RPC_S_UNKNOWN_AUTHN_SERVICE),
            "COAUTHINFO: authentication service %u is not offered here; Negotiate (9) and Kerberos (16) are.",
            (unsigned)service);
    security->authn_service = (uint8_t)service;
    return S_OK;
}

/* A name that is none is replaced by the default like every other bad value (ACT-4). */
static HRESULT choose_principal(const COAUTHINFO *info, ActivationSecurity *security)
{
    const WCHAR *name = info->pwszServerPrincName;
    if (!name || name == COLE_DEFAULT_PRINCIPAL || !*name) return S_OK;
    size_t length = utf16_length(name);
    if (length > ACTIVATION_PRINCIPAL_MAX) return S_OK;
    return utf8_from_utf16(name, length, &security->principal) == -ENOMEM ? E_OUTOFMEMORY : S_OK;
}

static HRESULT read_info(const COAUTHINFO *info, ActivationSecurity *security)
{
    HRESULT hr = choose_service(info, security);
    if (FAILED(hr) || security->unsecured) return hr;
    if (info->dwAuthnLevel > security->authn_level) security->authn_level = (uint8_t)info->dwAuthnLevel;
    if (info->dwImpersonationLevel >= RPC_C_IMP_LEVEL_IMPERSONATE &&
        info->dwImpersonationLevel <= RPC_C_IMP_LEVEL_DELEGATE)
        security->impersonation = (uint8_t)info->dwImpersonationLevel;
    security->mutual = info->dwCapabilities == RPC_C_QOS_CAPABILITIES_MUTUAL_AUTH;
    hr = choose_principal(info, security);
    if (SUCCEEDED(hr) && info->pAuthIdentityData)
        hr = identity_new(info->pAuthIdentityData, security->authn_service, &security->identity);
    return hr;
}

HRESULT activation_security(const COAUTHINFO *info, const ProcessSecurity *process,
                            ActivationSecurity *ret_security)
{
    /* ACT-5, ACT-6 */
    ActivationSecurity security = {.authn_service = RPC_C_AUTHN_GSS_NEGOTIATE,
                                   .authn_level = RPC_C_AUTHN_LEVEL_PKT_INTEGRITY,
                                   .impersonation = RPC_C_IMP_LEVEL_IMPERSONATE};
    if (!info && process->authn_level > security.authn_level)
        security.authn_level = (uint8_t)process->authn_level;
    HRESULT hr = info ? read_info(info, &security) : S_OK;
    if (FAILED(hr))
        activation_security_deinit(&security);
    else
        *ret_security = security;
    return hr;
}

void activation_security_deinit(ActivationSecurity *security)
{
    free(security->principal);
    security->principal = NULL;
    security->identity = identity_unref(security->identity);
}
