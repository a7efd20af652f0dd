/* SPDX-License-Identifier: Apache-2.0 */
/* What tests and steps do, each in one call: who is the caller, activate, set a blanket, call. */
#include "tests/realm/com-wire.h"
#include <oleauto.h>
#include <stdlib.h>
#include <string.h>

/* "LAB.TEST\host/b.lab.test" is host-b, "LAB.TEST\alice" is alice; anybody else stays as he is. */
static char *short_name(RPC_AUTHZ_HANDLE name)
{
    static const char realm[] = WIRE_REALM "\\";
    char *text = name ? wire_narrow(name) : strdup("nobody");
    if (!text || strncmp(text, realm, sizeof(realm) - 1) != 0) return text;
    memmove(text, text + sizeof(realm) - 1, strlen(text) - sizeof(realm) + 2);
    if (strncmp(text, "host/", 5) == 0) text[4] = '-';
    char *domain = strstr(text, ".lab.test");
    if (domain) *domain = '\0';
    return text;
}

static HRESULT token_level(DWORD *ret_level)
{
    HANDLE token = NULL;
    DWORD length;
    SECURITY_IMPERSONATION_LEVEL level;
    BOOL ok = OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &token) &&
              GetTokenInformation(token, TokenImpersonationLevel, &level, sizeof(level), &length);
    if (ok) *ret_level = (DWORD)level + RPC_C_IMP_LEVEL_ANONYMOUS;
    HRESULT hr = ok ? S_OK : HRESULT_FROM_WIN32(GetLastError());
    if (token) CloseHandle(token);
    return hr;
}

/* Leaves the thread as it was: a thread that impersonates already impersonates this call's client. */
static HRESULT caller_level(DWORD *ret_level)
{
    IServerSecurity *security = NULL;
    HRESULT hr = CoGetCallContext(&IID_IServerSecurity, (void **)&security);
    if (FAILED(hr)) return hr;
    BOOL already = IServerSecurity_IsImpersonating(security);
    hr = IServerSecurity_ImpersonateClient(security);
    if (SUCCEEDED(hr)) hr = token_level(ret_level);
    if (!already) IServerSecurity_RevertToSelf(security);
    IServerSecurity_Release(security);
    return hr;
}

static char *code(HRESULT hr)
{
    char *text = NULL;
    return asprintf(&text, "0x%08X", (unsigned)hr) < 0 ? NULL : text;
}

char *wire_caller(void)
{
    RPC_AUTHZ_HANDLE name = NULL;
    DWORD authn = 0, level = RPC_C_IMP_LEVEL_ANONYMOUS;
    HRESULT hr = CoQueryClientBlanket(NULL, NULL, NULL, &authn, NULL, &name, NULL);
    if (SUCCEEDED(hr) && authn != RPC_C_AUTHN_LEVEL_NONE) hr = caller_level(&level);
    if (FAILED(hr)) return code(hr);
    char *who = short_name(name), *text = NULL;
    if (!who || asprintf(&text, "%s/%s/%s", who, wire_word(wire_levels, level),
                         wire_word(wire_authn_levels, authn)) < 0)
        text = NULL;
    free(who);
    return text;
}

HRESULT wire_open(const char *host, unsigned index, DWORD context, IWire **ret_proxy)
{
    LPWSTR name = wire_wide(host);
    COSERVERINFO server = {.pwszName = name};
    MULTI_QI wanted = {.pIID = &IID_IWire};
    CLSID class = WIRE_CLSID(index);
    HRESULT hr = CoCreateInstanceEx(&class, NULL, CLSCTX_REMOTE_SERVER | context, &server, 1, &wanted);
    CoTaskMemFree(name);
    *ret_proxy = SUCCEEDED(hr) ? (IWire *)wanted.pItf : NULL;
    return hr;
}

HRESULT wire_blanket(void *proxy, DWORD level, DWORD capabilities)
{
    return CoSetProxyBlanket(proxy, RPC_C_AUTHN_GSS_KERBEROS, RPC_C_AUTHZ_NONE, COLE_DEFAULT_PRINCIPAL,
                             RPC_C_AUTHN_LEVEL_PKT_PRIVACY, level, NULL, capabilities);
}

HANDLE wire_logon(const char *user)
{
    LPWSTR name = wire_wide(user);
    HANDLE token = NULL;
    BOOL ok = LogonUserW(name, u"" WIRE_REALM, u"" WIRE_PASSWORD, LOGON32_LOGON_NETWORK_CLEARTEXT,
                         LOGON32_PROVIDER_DEFAULT, &token);
    CoTaskMemFree(name);
    return ok ? token : NULL;
}

HANDLE wire_logon_at(const char *user, SECURITY_IMPERSONATION_LEVEL level)
{
    HANDLE token = wire_logon(user), lower = NULL;
    if (token && !DuplicateTokenEx(token, 0, NULL, level, TokenImpersonation, &lower)) lower = NULL;
    if (token) CloseHandle(token);
    return lower;
}

static char *result(HRESULT hr, LPWSTR text)
{
    char *narrow = SUCCEEDED(hr) ? wire_narrow(text) : code(hr);
    if (SUCCEEDED(hr)) CoTaskMemFree(text);
    return narrow;
}

char *wire_who(IWire *proxy)
{
    LPWSTR seen = NULL;
    HRESULT hr = IWire_Who(proxy, &seen);
    return result(hr, seen);
}

char *wire_who_aside(IWireAside *proxy)
{
    LPWSTR seen = NULL;
    HRESULT hr = IWireAside_Who(proxy, &seen);
    return result(hr, seen);
}

char *wire_run(IWire *proxy, const char *steps, IWire *peer)
{
    LPWSTR text = wire_wide(steps), report = NULL;
    HRESULT hr = IWire_Run(proxy, text, peer, &report);
    CoTaskMemFree(text);
    return result(hr, report);
}
