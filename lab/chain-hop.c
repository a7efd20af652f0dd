/* SPDX-License-Identifier: Apache-2.0 */
/* One hop: the call, and what is reported of it. */
#define COBJMACROS
#include "chain.h"
#include <mantle_explain.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const ChainWord SERVICES[] = {{"none", RPC_C_AUTHN_NONE},
                                     {"negotiate", RPC_C_AUTHN_GSS_NEGOTIATE},
                                     {"ntlm", RPC_C_AUTHN_WINNT},
                                     {"kerberos", RPC_C_AUTHN_GSS_KERBEROS},
                                     {NULL, 0}};

static json_t *element(const char *host, HRESULT hr)
{
    char code[16];
    snprintf(code, sizeof(code), "0x%08X", (unsigned)hr);
    return json_pack("{s:s, s:n, s:n, s:n, s:n, s:n, s:n, s:b, s:n, s:s, s:n, s:n}", "host", host, "identity",
                     "sid", "authn_service", "mechanism", "authn_level", "impersonation", "delegated", 0,
                     "local_account", "hresult", code, "reason", "security");
}

json_t *chain_hop_json(const ChainHop *hop)
{
    json_t *json = element(hop->host, S_OK);
    const char *service = chain_word_of(SERVICES, hop->authn_service);
    const char *authn = chain_word_of(CHAIN_AUTHN, hop->authn_level);
    const char *level = chain_word_of(CHAIN_IMPERSONATION, (DWORD)hop->level + RPC_C_IMP_LEVEL_ANONYMOUS);
    json_object_set_new(json, "identity", json_string(hop->identity));
    json_object_set_new(json, "sid", json_string(hop->sid));
    json_object_set_new(json, "authn_service", service ? json_string(service) : json_null());
    json_object_set_new(json, "mechanism", json_string(hop->mechanism));
    json_object_set_new(json, "authn_level", authn ? json_string(authn) : json_null());
    json_object_set_new(json, "impersonation", level ? json_string(level) : json_null());
    json_object_set_new(json, "delegated", json_boolean(hop->level == SecurityDelegation));
    return json;
}

json_t *chain_refusal_json(const char *host, HRESULT hr)
{
    json_t *json = element(host, hr);
    IErrorInfo *info = NULL;
    BSTR description = NULL;
    if (GetErrorInfo(0, &info) == S_OK) {
        (void)IErrorInfo_GetDescription(info, &description); /* without one the reason stays null */
        IErrorInfo_Release(info);
    }
    char *text = chain_text_utf8(description);
    if (text) json_object_set_new(json, "reason", json_string(text));
    free(text);
    SysFreeString(description);
    return json;
}

static HRESULT set_blanket(const ChainPlan *plan, const ChainTarget *target, IMantleWhoami *proxy)
{
    static const DWORD capabilities[] = {EOAC_NONE, EOAC_STATIC_CLOAKING, EOAC_DYNAMIC_CLOAKING};
    return CoSetProxyBlanket((IUnknown *)proxy, plan->service, RPC_C_AUTHZ_NONE, COLE_DEFAULT_PRINCIPAL,
                             plan->authn, target->impersonation, NULL, capabilities[target->cloaking]);
}

HRESULT chain_open(const ChainPlan *plan, const ChainTarget *target, IMantleWhoami **ret_proxy)
{
    LPWSTR host = chain_text_wide(plan->hosts[target->index]);
    if (!host) return E_INVALIDARG;
    COSERVERINFO server = {.pwszName = host};
    MULTI_QI wanted = {.pIID = &IID_IMantleWhoami};
    CLSID class = MANTLE_LAB_CLSID(target->process_cloaking);
    DWORD context = CLSCTX_REMOTE_SERVER;
    /* Where the process cloaks by itself, so does its activation (ACT-1). */
    if (target->cloaking != MANTLE_LAB_CLOAKING_NONE) context |= CLSCTX_ENABLE_CLOAKING;
    HRESULT hr = CoCreateInstanceEx(&class, NULL, context, &server, 1, &wanted);
    CoTaskMemFree(host);
    if (SUCCEEDED(hr)) hr = wanted.hr;
    if (FAILED(hr)) return hr;
    IMantleWhoami *proxy = (IMantleWhoami *)wanted.pItf;
    if (target->impersonation != RPC_C_IMP_LEVEL_DEFAULT) hr = set_blanket(plan, target, proxy);
    if (FAILED(hr)) {
        IErrorInfo *info = NULL;
        (void)GetErrorInfo(
            0, &info); /* the release may be a call of its own; the sentence belongs to the blanket */
        IMantleWhoami_Release(proxy);
        if (info) {
            (void)SetErrorInfo(0, info);
            IErrorInfo_Release(info);
        }
        return hr;
    }
    *ret_proxy = proxy;
    return S_OK;
}

/* What the caller knows of its call: by which mechanism it went, and why. */
static void add_security(json_t *hop, IMantleWhoami *proxy)
{
    LPWSTR text = NULL;
    if (FAILED(MantleExplainProxy((IUnknown *)proxy, &text))) return; /* it stays null */
    char *line = chain_text_utf8(text);
    CoTaskMemFree(text);
    if (line) json_object_set_new(hop, "security", json_string(line));
    free(line);
}

HRESULT chain_call(const ChainPlan *plan, unsigned index, IMantleWhoami *proxy, json_t *report)
{
    LPWSTR plan_text = chain_plan_write(plan), answer = NULL;
    if (!plan_text) return E_OUTOFMEMORY;
    HRESULT hr = IMantleWhoami_WhoAmI(proxy, index, plan_text, &answer);
    CoTaskMemFree(plan_text);
    if (FAILED(hr)) return hr;
    char *text = chain_text_utf8(answer);
    CoTaskMemFree(answer);
    json_t *hops = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    free(text);
    if (json_is_object(json_array_get(hops, 0))) add_security(json_array_get(hops, 0), proxy);
    if (!json_is_array(hops) || json_array_extend(report, hops) < 0) hr = E_UNEXPECTED;
    json_decref(hops);
    return hr;
}
