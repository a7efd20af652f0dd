/* SPDX-License-Identifier: Apache-2.0 */
/* unproved-client USER HOST: asks HOST, in the name of USER, who calls. Prints what it saw, or the code and
 * the sentence of the step that failed. What this process may do is its MANTLE_CONFIG's business. */
#define COBJMACROS
#include <mantle_logon.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lab/chain.h"

static int say(HRESULT hr)
{
    json_t *refusal = chain_refusal_json("", hr);
    const char *reason = json_string_value(json_object_get(refusal, "reason"));
    printf("0x%08X %s\n", (unsigned)hr, reason ? reason : "");
    json_decref(refusal);
    return 1;
}

static int ask(const char *host)
{
    ChainPlan plan = {
        .n_hosts = 1,
        .impersonation = RPC_C_IMP_LEVEL_IMPERSONATE,
        .authn = RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
        .service = RPC_C_AUTHN_GSS_KERBEROS,
    };
    ChainTarget target = {.process_cloaking = MANTLE_LAB_CLOAKING_NONE,
                          .impersonation = RPC_C_IMP_LEVEL_IMPERSONATE,
                          .cloaking = MANTLE_LAB_CLOAKING_DYNAMIC};
    IMantleWhoami *proxy = NULL;
    json_t *report = json_array();
    snprintf(plan.hosts[0], sizeof(plan.hosts[0]), "%s", host);
    HRESULT hr = chain_open(&plan, &target, &proxy);
    if (SUCCEEDED(hr)) hr = chain_call(&plan, 0, proxy, report);
    int r = FAILED(hr) ? say(hr) : 0;
    const json_t *hop = json_array_get(report, 0);
    if (r == 0)
        printf("%s %s\n", json_string_value(json_object_get(hop, "identity")),
               json_string_value(json_object_get(hop, "impersonation")));
    json_decref(report);
    if (!RevertToSelf()) abort();
    if (proxy) IMantleWhoami_Release(proxy);
    return r;
}

int main(int argc, char **argv)
{
    HANDLE token = NULL;
    LPWSTR user = argc == 3 ? chain_text_wide(argv[1]) : NULL;
    HRESULT hr = user ? CoInitializeEx(NULL, COINIT_MULTITHREADED) : E_INVALIDARG;
    if (SUCCEEDED(hr))
        hr = CoInitializeSecurity(NULL, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_CONNECT,
                                  RPC_C_IMP_LEVEL_IMPERSONATE, NULL, EOAC_NONE, NULL);
    if (FAILED(hr)) return say(hr);
    if (!MantleLogonUnprovedUserW(user, NULL, &token) || !ImpersonateLoggedOnUser(token))
        return say(HRESULT_FROM_WIN32(GetLastError()));
    int r = ask(argv[2]);
    CloseHandle(token);
    CoTaskMemFree(user);
    CoUninitialize();
    return r;
}
