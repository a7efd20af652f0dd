/* SPDX-License-Identifier: Apache-2.0 */
/* MantleExplainProxy. */
#include <mantle_explain.h>
#include <stdio.h>
#include <string.h>
#include "base/utf16.h"
#include "com/errorinfo.h"
#include "com/proxy.h"
#include "combaseapi.h"
#include "rpcdce.h"
#include "sec/token.h"
#include "rpc/authentication.h"
#include "winerror.h"

#define EXPLANATION_SIZE (RPC_AUTHENTICATION_SIZE + 256u)

static void explain_call(const RpcSecurity *security, const char *choice, char *text)
{
    const RpcSecuritySpec spec = rpc_security_spec(security);
    char line[RPC_AUTHENTICATION_SIZE];

    rpc_authentication_outgoing(&(RpcAuthentication){.who = token_principal(spec.token),
                                                     .target = spec.target,
                                                     .choice = choice,
                                                     .level = spec.authn_level,
                                                     .impersonation_level = spec.impersonation},
                                line);
    snprintf(text, EXPLANATION_SIZE, "The last call was %s.", line);
}

static const char *service_name(uint32_t service)
{
    switch (service) {
    case RPC_C_AUTHN_GSS_NEGOTIATE:
        return "Negotiate";
    case RPC_C_AUTHN_GSS_KERBEROS:
        return "Kerberos";
    case RPC_C_AUTHN_WINNT:
        return "NTLM";
    default:
        return "no service";
    }
}

static void explain_blanket(const Blanket *blanket, char *text)
{
    if (blanket->authn_service == RPC_C_AUTHN_NONE)
        snprintf(text, EXPLANATION_SIZE,
                 "Calls show nobody: authentication was switched off for this proxy or this process.");
    else
        snprintf(text, EXPLANATION_SIZE, "No call was authenticated yet; calls are made by %s at %s, %s.",
                 service_name(blanket->authn_service), rpc_authn_level_name(blanket->authn_level),
                 rpc_impersonation_level_name(blanket->impersonation_level));
}

/* A sentence may have been cut in the middle of a character. */
static HRESULT give_text(const char *text, LPWSTR *ret_text)
{
    const uint8_t *at = (const uint8_t *)text, *end = at + strlen(text);
    LPWSTR wide = CoTaskMemAlloc(((size_t)(end - at) + 1) * sizeof(*wide)), to = wide;

    if (!wide) return E_OUTOFMEMORY;
    while (at < end) {
        const int32_t character = utf8_next(&at, end);
        to += utf16_put(to, character < 0 ? '?' : (uint32_t)character);
        at += character < 0;
    }
    *to = 0;
    *ret_text = wide;
    return S_OK;
}

HRESULT MantleExplainProxy(IUnknown *pProxy, LPWSTR *ppszText)
{
    _cleanup_(blanket_unrefp) Blanket *blanket = NULL;
    _cleanup_(rpc_security_unrefp) RpcSecurity *security = NULL;
    char text[EXPLANATION_SIZE], choice[RPC_CHOICE_SIZE];
    ChannelSettings *settings;

    if (!ppszText) return E_POINTER;
    *ppszText = NULL;
    ProxyObject *object = pProxy ? proxy_of(pProxy, NULL) : NULL;
    if (!object) return com_error(E_INVALIDARG, "The pointer is no interface of a remote object.");
    HRESULT hr = proxy_settings(object, pProxy, &settings, NULL);
    if (SUCCEEDED(hr)) hr = channel_settings_blanket(settings, object->exporter, &blanket);
    if (FAILED(hr)) return hr;
    security = channel_settings_security(settings);
    if (security && rpc_security_choice(security, choice))
        explain_call(security, choice, text);
    else
        explain_blanket(blanket, text);
    return give_text(text, ppszText);
}
