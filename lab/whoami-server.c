/* SPDX-License-Identifier: Apache-2.0 */
/* whoami-server none|static|dynamic: a COM server that tells its caller who it is and calls onward on its
 * behalf. The argument is the cloaking it gives CoInitializeSecurity, and chooses the class it serves. */
#define COBJMACROS
#include "chain.h"
#include <mantle_log.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sddl.h>
#include <systemd/sd-daemon.h>

#define SID_SIZE_MAX 68 /* of one with 15 parts */

static DWORD own_cloaking;

/* Who calls: principal, service and level from the call's blanket, the impersonation level from the caller's
 * token. */
static HRESULT query_caller(ChainHop *hop)
{
    RPC_AUTHZ_HANDLE name = NULL;
    HRESULT hr = CoQueryClientBlanket(&hop->authn_service, NULL, NULL, &hop->authn_level, NULL, &name, NULL);
    if (FAILED(hr)) return hr;
    char *text = chain_text_utf8(name);
    if (!text) return RPC_E_UNSECURE_CALL;
    /* The blanket says REALM\user, people and keytabs user@REALM. */
    char *user = strchr(text, '\\');
    if (user) {
        *user++ = '\0';
        if (asprintf(&hop->identity, "%s@%s", user, text) < 0) hop->identity = NULL;
        free(text);
    } else {
        hop->identity = text;
    }
    return hop->identity ? S_OK : E_OUTOFMEMORY;
}

static BOOL query_sid(HANDLE token, char **ret_sid)
{
    BYTE user[sizeof(TOKEN_USER) + SID_SIZE_MAX];
    DWORD length = 0;
    LPWSTR text = NULL;
    if (!GetTokenInformation(token, TokenUser, user, sizeof(user), &length) ||
        !ConvertSidToStringSidW(((TOKEN_USER *)user)->User.Sid, &text))
        return FALSE;
    *ret_sid = chain_text_utf8(text);
    LocalFree(text);
    return *ret_sid != NULL;
}

static HRESULT query_token(ChainHop *hop)
{
    HANDLE token = NULL;
    DWORD length = 0;
    HRESULT hr = CoImpersonateClient();
    if (FAILED(hr)) return hr;
    TOKEN_SOURCE source;
    BOOL ok = OpenThreadToken(GetCurrentThread(), TOKEN_QUERY | TOKEN_QUERY_SOURCE, TRUE, &token) &&
              GetTokenInformation(token, TokenSource, &source, sizeof(source), &length) &&
              GetTokenInformation(token, TokenImpersonationLevel, &hop->level, sizeof(hop->level), &length) &&
              query_sid(token, &hop->sid);
    hr = ok ? S_OK : HRESULT_FROM_WIN32(GetLastError());
    if (ok) memcpy(hop->mechanism, source.SourceName, sizeof(source.SourceName)); /* the rest is 0 */
    if (token) CloseHandle(token);
    HRESULT reverted = CoRevertToSelf();
    return FAILED(hr) ? hr : reverted;
}

/* The proxy to the next hop. As itself before it impersonates, when the plan wants the proxy warmed up like
 * that. */
static HRESULT open_next(const ChainPlan *plan, const ChainTarget *target, IMantleWhoami **ret_proxy)
{
    HRESULT hr;
    if (plan->warm_up) {
        hr = chain_open(plan, target, ret_proxy);
        if (SUCCEEDED(hr)) hr = IMantleWhoami_Null(*ret_proxy);
        return SUCCEEDED(hr) ? CoImpersonateClient() : hr;
    }
    hr = CoImpersonateClient();
    return SUCCEEDED(hr) ? chain_open(plan, target, ret_proxy) : hr;
}

/* Calls the next host as this hop's settings say; what becomes of it is the report's business. */
static void go_on(const ChainPlan *plan, unsigned index, SECURITY_IMPERSONATION_LEVEL level, json_t *report)
{
    bool last = index + 2 == plan->n_hosts;
    ChainTarget target = {
        .index = index + 1,
        .process_cloaking = MANTLE_LAB_CLOAKING_NONE,
        .impersonation = last ? RPC_C_IMP_LEVEL_IMPERSONATE : (DWORD)level + RPC_C_IMP_LEVEL_ANONYMOUS,
        .cloaking = plan->cloaking,
    };
    if (plan->by_process) {
        target.impersonation = RPC_C_IMP_LEVEL_DEFAULT;
        target.cloaking = MANTLE_LAB_CLOAKING_NONE; /* this process's own decides */
    }
    IMantleWhoami *proxy = NULL;
    HRESULT hr = open_next(plan, &target, &proxy);
    if (SUCCEEDED(hr)) hr = chain_call(plan, target.index, proxy, report);
    if (FAILED(hr)) json_array_append_new(report, chain_refusal_json(plan->hosts[target.index], hr));
    (void)CoRevertToSelf(); /* the end of the method would do it; the release is this process's own affair */
    if (proxy) IMantleWhoami_Release(proxy);
}

static HRESULT whoami_WhoAmI(IMantleWhoami *This, ULONG index, LPCWSTR plan_text, LPWSTR *report)
{
    ChainPlan plan;
    *report = NULL;
    if (!chain_plan_read(plan_text, &plan) || index >= plan.n_hosts) return E_INVALIDARG;
    ChainHop hop = {.host = plan.hosts[index]};
    HRESULT hr = query_caller(&hop);
    if (SUCCEEDED(hr)) hr = query_token(&hop);
    json_t *json = SUCCEEDED(hr) ? json_array() : NULL;
    if (json) {
        json_array_append_new(json, chain_hop_json(&hop));
        if (index + 1 < plan.n_hosts) go_on(&plan, index, hop.level, json);
        char *text = json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII);
        *report = text ? chain_text_wide(text) : NULL;
        hr = *report ? S_OK : E_OUTOFMEMORY;
        free(text);
    }
    json_decref(json);
    free(hop.identity);
    free(hop.sid);
    return hr;
}

static HRESULT whoami_Echo(IMantleWhoami *This, ULONG count, const BYTE *data, BYTE *copy)
{
    memcpy(copy, data, count);
    return S_OK;
}

static HRESULT whoami_Null(IMantleWhoami *This)
{
    return S_OK;
}

/* One object for everybody: it has no state, and lives as long as the process. */
static HRESULT whoami_QueryInterface(IMantleWhoami *This, REFIID riid, void **object)
{
    bool known = IsEqualIID(riid, &IID_IUnknown) || IsEqualIID(riid, &IID_IMantleWhoami);
    *object = known ? This : NULL;
    return known ? S_OK : E_NOINTERFACE;
}

static ULONG whoami_AddRef(IMantleWhoami *This)
{
    return 2;
}

static ULONG whoami_Release(IMantleWhoami *This)
{
    return 1;
}

static IMantleWhoamiVtbl whoami_methods = {whoami_QueryInterface, whoami_AddRef, whoami_Release,
                                           whoami_WhoAmI,         whoami_Echo,   whoami_Null};
static IMantleWhoami whoami_object = {&whoami_methods};

static HRESULT factory_QueryInterface(IClassFactory *This, REFIID riid, void **object)
{
    bool known = IsEqualIID(riid, &IID_IUnknown) || IsEqualIID(riid, &IID_IClassFactory);
    *object = known ? This : NULL;
    return known ? S_OK : E_NOINTERFACE;
}

static ULONG factory_AddRef(IClassFactory *This)
{
    return 2;
}

static ULONG factory_Release(IClassFactory *This)
{
    return 1;
}

static HRESULT factory_CreateInstance(IClassFactory *This, IUnknown *outer, REFIID riid, void **object)
{
    *object = NULL;
    return outer ? CLASS_E_NOAGGREGATION : whoami_QueryInterface(&whoami_object, riid, object);
}

static HRESULT factory_LockServer(IClassFactory *This, BOOL lock)
{
    return S_OK;
}

static IClassFactoryVtbl factory_methods = {factory_QueryInterface, factory_AddRef, factory_Release,
                                            factory_CreateInstance, factory_LockServer};
static IClassFactory factory = {&factory_methods};

/* The floor is CONNECT so that every level can be tried on this server. */
/* To standard error, which is this process's file in the lab, and the journal under systemd. */
static void write_line(void *context, int priority, const char *sentence)
{
    (void)context;
    (void)priority;
    fprintf(stderr, "whoami-server: %s\n", sentence);
}

static HRESULT serve(DWORD *ret_cookie)
{
    static const DWORD capabilities[] = {EOAC_NONE, EOAC_STATIC_CLOAKING, EOAC_DYNAMIC_CLOAKING};
    CLSID class = MANTLE_LAB_CLSID(own_cloaking);
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    if (SUCCEEDED(hr))
        hr = CoInitializeSecurity(NULL, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_CONNECT,
                                  RPC_C_IMP_LEVEL_IMPERSONATE, NULL, capabilities[own_cloaking], NULL);
    if (SUCCEEDED(hr))
        hr = CoRegisterClassObject(&class, (IUnknown *)&factory, CLSCTX_LOCAL_SERVER, REGCLS_MULTIPLEUSE,
                                   ret_cookie);
    return hr;
}

int main(int argc, char **argv)
{
    sigset_t ends;
    int signal_number;
    DWORD cookie;
    if (argc != 2 || !chain_word_value(CHAIN_CLOAKING, argv[1], &own_cloaking)) {
        fprintf(stderr, "usage: %s none|static|dynamic\n", argv[0]);
        return 2;
    }
    /* Blocked before COM starts its threads, so that only this one takes them. */
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    MantleSetLogger(write_line, NULL);
    HRESULT hr = serve(&cookie);
    if (FAILED(hr)) {
        json_t *refusal = chain_refusal_json("", hr);
        const char *reason = json_string_value(json_object_get(refusal, "reason"));
        fprintf(stderr, "whoami-server: cannot serve: 0x%08X%s%s\n", (unsigned)hr, reason ? ": " : "",
                reason ? reason : "");
        json_decref(refusal);
        return 1;
    }
    (void)sd_notify(0, "READY=1"); /* nobody may be listening */
    sigwait(&ends, &signal_number);
    (void)CoRevokeClassObject(cookie); /* the process ends */
    CoUninitialize();
    return 0;
}
