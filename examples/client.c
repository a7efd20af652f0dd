/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client HOST [USER PASSWORD]: greets from HOST as the process; then, logged on as USER of the process's
 * realm, by a proxy with static and one with dynamic cloaking, before and after the thread impersonates.
 */
#define COBJMACROS
#include <initguid.h>
#include <windows.h>
#include <objbase.h>
#include <stdio.h>
#include <string.h>
#include "greeter.h"
#include "say.h"

static int greet(const char *what, IGreeter *greeter)
{
    LPWSTR greeting = NULL;
    HRESULT hr = IGreeter_Greet(greeter, OLESTR("world"), &greeting);
    if (FAILED(hr)) return say(what, hr);
    printf("%s: ", what);
    print(stdout, greeting);
    puts("");
    CoTaskMemFree(greeting);
    return 0;
}

static int set_blanket(IGreeter *greeter, DWORD cloaking)
{
    HRESULT hr = CoSetProxyBlanket((IUnknown *)greeter, RPC_C_AUTHN_DEFAULT, RPC_C_AUTHZ_DEFAULT,
                                   COLE_DEFAULT_PRINCIPAL, RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                                   RPC_C_IMP_LEVEL_IMPERSONATE, NULL, cloaking);
    return FAILED(hr) ? say("CoSetProxyBlanket", hr) : 0;
}

static int print_blanket(IGreeter *greeter)
{
    DWORD service, level, impersonation, capabilities;
    LPOLESTR principal;
    HRESULT hr = CoQueryProxyBlanket((IUnknown *)greeter, &service, NULL, &principal, &level, &impersonation,
                                     NULL, &capabilities);
    if (FAILED(hr)) return say("CoQueryProxyBlanket", hr);
    printf("blanket: service %u, level %u, impersonation %u, capabilities 0x%X, ", service, level,
           impersonation, capabilities);
    print(stdout, principal);
    puts("");
    CoTaskMemFree(principal);
    return 0;
}

/* Static cloaking keeps whom the thread was when the blanket was set, dynamic looks at each call. */
static int greet_cloaked(IGreeter *fixed, IGreeter *live, HANDLE user)
{
    int failed = set_blanket(fixed, EOAC_STATIC_CLOAKING) | set_blanket(live, EOAC_DYNAMIC_CLOAKING);
    if (!ImpersonateLoggedOnUser(user))
        return say("ImpersonateLoggedOnUser", HRESULT_FROM_WIN32(GetLastError()));
    failed |= greet("static, set before impersonating", fixed);
    failed |= greet("dynamic", live);
    failed |= set_blanket(fixed, EOAC_STATIC_CLOAKING);
    RevertToSelf();
    failed |= greet("static, set while impersonating", fixed);
    failed |= greet("dynamic, after RevertToSelf", live);
    return failed;
}

/* A second proxy with a blanket of its own, by IClientSecurity. */
static int greet_as(IGreeter *greeter, HANDLE user)
{
    IClientSecurity *security;
    IUnknown *copy;
    HRESULT hr = IGreeter_QueryInterface(greeter, &IID_IClientSecurity, (void **)&security);
    if (FAILED(hr)) return say("QueryInterface", hr);
    hr = IClientSecurity_CopyProxy(security, (IUnknown *)greeter, &copy);
    IClientSecurity_Release(security);
    if (FAILED(hr)) return say("CopyProxy", hr);
    int failed = greet_cloaked(greeter, (IGreeter *)copy, user);
    IUnknown_Release(copy);
    return failed;
}

static int log_on(char **argv, HANDLE *ret_user)
{
    WCHAR user[256], password[256];
    if (!MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, argv[0], -1, user, ARRAYSIZE(user)) ||
        !MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, argv[1], -1, password, ARRAYSIZE(password)))
        return say("user or password", HRESULT_FROM_WIN32(GetLastError()));
    BOOL done =
        LogonUserW(user, NULL, password, LOGON32_LOGON_INTERACTIVE, LOGON32_PROVIDER_DEFAULT, ret_user);
    SecureZeroMemory(password, sizeof(password));
    return done ? 0 : say("LogonUserW", HRESULT_FROM_WIN32(GetLastError()));
}

static int run(LPWSTR host, char **argv)
{
    COSERVERINFO server = {.pwszName = host};
    MULTI_QI wanted = {.pIID = &IID_IGreeter};
    HANDLE user;
    HRESULT hr = CoCreateInstanceEx(&CLSID_Greeter, NULL, CLSCTX_REMOTE_SERVER, &server, 1, &wanted);
    if (FAILED(hr)) return say("CoCreateInstanceEx", hr);
    IGreeter *greeter = (IGreeter *)wanted.pItf;
    int failed = print_blanket(greeter) | greet("process", greeter);
    if (argv[0] && log_on(argv, &user)) {
        failed = 1;
    } else if (argv[0]) {
        failed |= greet_as(greeter, user);
        CloseHandle(user);
    }
    IGreeter_Release(greeter);
    return failed;
}

int main(int argc, char **argv)
{
    WCHAR host[256];
    if ((argc != 2 && argc != 4) || !MultiByteToWideChar(CP_UTF8, 0, argv[1], -1, host, ARRAYSIZE(host))) {
        fputs("usage: client HOST [USER@REALM PASSWORD]\n", stderr);
        return 2;
    }
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    if (FAILED(hr)) return say("CoInitializeEx", hr);
    hr = CoInitializeSecurity(NULL, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_DEFAULT, RPC_C_IMP_LEVEL_IDENTIFY, NULL,
                              EOAC_NONE, NULL);
    int failed = FAILED(hr) ? say("CoInitializeSecurity", hr) : run(host, argv + 2);
    CoUninitialize();
    return failed;
}
