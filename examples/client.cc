// SPDX-License-Identifier: Apache-2.0
// client-cc HOST: the same call from C++, by what programs there use: interface classes, __uuidof,
// IID_PPV_ARGS.
#include <initguid.h>
#include <windows.h>
#include <objbase.h>
#include <cstdio>
#include "greeter.h"
#include "say.h"

static int greet(IGreeter *greeter, LPCWSTR name)
{
    LPWSTR greeting = nullptr;
    HRESULT hr = greeter->Greet(name, &greeting);
    if (FAILED(hr)) return say("Greet", hr);
    print(stdout, greeting);
    puts("");
    CoTaskMemFree(greeting);
    return 0;
}

// Both interfaces with one round trip; IClientSecurity is answered here, by the proxy.
static int look(IGreeter *greeter)
{
    IMultiQI *multi = nullptr;
    IClientSecurity *security = nullptr;
    HRESULT hr = greeter->QueryInterface(IID_PPV_ARGS(&multi));
    if (FAILED(hr)) return say("QueryInterface(IMultiQI)", hr);
    MULTI_QI wanted[] = {{&__uuidof(IGreeter), nullptr, S_OK}, {&__uuidof(IUnknown), nullptr, S_OK}};
    hr = multi->QueryMultipleInterfaces(ARRAYSIZE(wanted), wanted);
    multi->Release();
    if (hr != S_OK) return say("QueryMultipleInterfaces", hr);
    for (MULTI_QI &one : wanted)
        one.pItf->Release();
    hr = greeter->QueryInterface(&security);
    if (FAILED(hr)) return say("QueryInterface(IClientSecurity)", hr);
    hr = security->SetBlanket(greeter, RPC_C_AUTHN_GSS_KERBEROS, RPC_C_AUTHZ_NONE, COLE_DEFAULT_PRINCIPAL,
                              RPC_C_AUTHN_LEVEL_PKT_PRIVACY, RPC_C_IMP_LEVEL_IDENTIFY, nullptr,
                              EOAC_DYNAMIC_CLOAKING);
    security->Release();
    return FAILED(hr) ? say("SetBlanket", hr) : 0;
}

static int run(LPWSTR host)
{
    COSERVERINFO server = {};
    server.pwszName = host;
    MULTI_QI wanted = {&__uuidof(IGreeter), nullptr, S_OK};
    HRESULT hr = CoCreateInstanceEx(CLSID_Greeter, nullptr, CLSCTX_REMOTE_SERVER, &server, 1, &wanted);
    if (FAILED(hr)) return say("CoCreateInstanceEx", hr);
    auto *greeter = static_cast<IGreeter *>(wanted.pItf);
    int failed = look(greeter) | greet(greeter, OLESTR("C++")) | greet(greeter, OLESTR(""));
    greeter->Release();
    return failed;
}

int main(int argc, char **argv)
{
    WCHAR host[256];
    if (argc != 2 || !MultiByteToWideChar(CP_UTF8, 0, argv[1], -1, host, ARRAYSIZE(host))) {
        fputs("usage: client-cc HOST\n", stderr);
        return 2;
    }
    HRESULT hr = CoInitializeEx(nullptr, COINIT_MULTITHREADED);
    if (FAILED(hr)) return say("CoInitializeEx", hr);
    int failed = run(host);
    CoUninitialize();
    return failed;
}
