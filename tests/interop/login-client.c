/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login-client HOST SERVICE LEVEL MACHINE FULL-NAME PROCESS STARTED RESOURCE LOCALE: what Windows' clients do
 * on their way to WMI, with these arguments, by an authentication service and at a level (numbers; level 0:
 * without SetBlanket, as the server published). Prints "method 0xCODE" for each call.
 */
#define COBJMACROS
#include <objbase.h>
#include <services.h>
#include <stdio.h>
#include <stdlib.h>
#include <wbemlogin.h>

#define TEXT_MAX 96

static const CLSID class = {0x8BC3F05E, 0xD86B, 0x11D0, {0xA0, 0x75, 0x00, 0xC0, 0x4F, 0xB6, 0x88, 0x20}};

static LPWSTR wide(const char *text, OLECHAR ret_text[TEXT_MAX])
{
    size_t i = 0;
    for (; text[i] && i + 1 < TEXT_MAX; i++)
        ret_text[i] = (unsigned char)text[i];
    ret_text[i] = 0;
    return ret_text;
}

static HRESULT tell(const char *what, HRESULT hr)
{
    printf("%s 0x%08X\n", what, (unsigned)hr);
    return hr;
}

static DWORD service;

static HRESULT blanket(void *proxy, DWORD level)
{
    if (level == 0) return S_OK;
    return CoSetProxyBlanket(proxy, service, RPC_C_AUTHZ_DEFAULT, COLE_DEFAULT_PRINCIPAL, level,
                             RPC_C_IMP_LEVEL_IMPERSONATE, NULL, EOAC_DEFAULT);
}

static HRESULT activate(const char *host, DWORD level, IWbemLevel1Login **ret_login)
{
    OLECHAR name[TEXT_MAX];
    COAUTHINFO security = {.dwAuthnSvc = service,
                           .dwAuthzSvc = RPC_C_AUTHZ_NONE,
                           .dwAuthnLevel = RPC_C_AUTHN_LEVEL_PKT_INTEGRITY,
                           .dwImpersonationLevel = RPC_C_IMP_LEVEL_IMPERSONATE};
    COSERVERINFO server = {.pwszName = wide(host, name), .pAuthInfo = &security};
    MULTI_QI wanted = {.pIID = &IID_IWbemLevel1Login};
    HRESULT hr = CoCreateInstanceEx(&class, NULL, CLSCTX_REMOTE_SERVER, &server, 1, &wanted);
    *ret_login = (IWbemLevel1Login *)wanted.pItf;
    return tell("CoCreateInstanceEx", SUCCEEDED(hr) ? blanket(*ret_login, level) : hr);
}

static HRESULT query(IWbemLevel1Login *login, REFIID iid, DWORD level, void **ret_proxy)
{
    HRESULT hr = IWbemLevel1Login_QueryInterface(login, iid, ret_proxy);
    return tell("QueryInterface", SUCCEEDED(hr) ? blanket(*ret_proxy, level) : hr);
}

/* What the client says of itself; then it lets go of where it said that. */
static HRESULT introduce(IWbemLevel1Login *login, DWORD level, char **arguments)
{
    OLECHAR machine[TEXT_MAX], full_name[TEXT_MAX];
    IWbemLoginClientID *client = NULL;
    IWbemLoginClientIDEx *client_ex = NULL;
    LONG process = atoi(arguments[2]);
    unsigned long long time = strtoull(arguments[3], NULL, 16);
    FILETIME started = {(DWORD)time, (DWORD)(time >> 32)};
    (void)wide(arguments[0], machine);
    (void)wide(arguments[1], full_name);

    HRESULT hr = query(login, &IID_IWbemLoginClientID, level, (void **)&client);
    if (SUCCEEDED(hr)) hr = query(login, &IID_IWbemLoginClientIDEx, level, (void **)&client_ex);
    if (SUCCEEDED(hr))
        hr = tell("SetClientInfo", IWbemLoginClientID_SetClientInfo(client, machine, process, 0));
    if (SUCCEEDED(hr))
        hr = tell("SetClientInfoEx",
                  IWbemLoginClientIDEx_SetClientInfoEx(client_ex, machine, full_name, process, started, 0));
    if (client_ex) IWbemLoginClientIDEx_Release(client_ex);
    if (client) IWbemLoginClientID_Release(client);
    return hr;
}

static HRESULT log_in(IWbemLevel1Login *login, char **arguments)
{
    OLECHAR resource[TEXT_MAX], locale[TEXT_MAX];
    DWORD version = 0;
    IWbemServices *services = NULL;
    HRESULT hr = tell("EstablishPosition", IWbemLevel1Login_EstablishPosition(login, NULL, 0, &version));
    if (SUCCEEDED(hr))
        hr = tell("NTLMLogin", IWbemLevel1Login_NTLMLogin(login, wide(arguments[4], resource),
                                                          wide(arguments[5], locale), 0, NULL, &services));
    printf("version %u\n", (unsigned)version);
    if (services) IUnknown_Release((IUnknown *)services);
    return hr;
}

int main(int argc, char **argv)
{
    IWbemLevel1Login *login = NULL;
    HRESULT hr = argc == 10 ? CoInitializeEx(NULL, COINIT_MULTITHREADED) : E_INVALIDARG;
    DWORD level = argc == 10 ? (DWORD)atoi(argv[3]) : 0;
    service = argc == 10 ? (DWORD)atoi(argv[2]) : 0;
    if (SUCCEEDED(hr))
        hr = CoInitializeSecurity(NULL, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_CONNECT,
                                  RPC_C_IMP_LEVEL_IMPERSONATE, NULL, EOAC_NONE, NULL);
    if (SUCCEEDED(hr)) hr = activate(argv[1], level, &login);
    if (SUCCEEDED(hr)) hr = introduce(login, level, argv + 4);
    if (SUCCEEDED(hr)) hr = log_in(login, argv + 4);
    if (login) IWbemLevel1Login_Release(login);
    CoUninitialize();
    return FAILED(hr);
}
