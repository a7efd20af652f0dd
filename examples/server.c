/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A COM server in C: one class, whose objects greet, and say who called them and at which impersonation
 * level. It serves until SIGTERM or SIGINT. The account it runs as has to be listed for the class in
 * classes.d, as in greeter.conf; its own identity on the network is what mantle.conf says.
 */
#define COBJMACROS
#include <initguid.h>
#include <windows.h>
#include <objbase.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include "greeter.h"
#include "say.h"

typedef struct Greeter {
    IGreeter object;
    LONG references;
} Greeter;

static STDMETHODIMP greeter_query_interface(IGreeter *This, REFIID riid, void **ppvObject)
{
    if (!ppvObject) return E_POINTER;
    *ppvObject = NULL;
    if (!IsEqualIID(riid, &IID_IUnknown) && !IsEqualIID(riid, &IID_IGreeter)) return E_NOINTERFACE;
    *ppvObject = This;
    IGreeter_AddRef(This);
    return S_OK;
}

static STDMETHODIMP_(ULONG) greeter_add_ref(IGreeter *This)
{
    return (ULONG)InterlockedIncrement(&((Greeter *)This)->references);
}

static STDMETHODIMP_(ULONG) greeter_release(IGreeter *This)
{
    ULONG left = (ULONG)InterlockedDecrement(&((Greeter *)This)->references);
    if (!left) CoTaskMemFree(This);
    return left;
}

/* The level at which the caller lets us act: as the thread's token says while it impersonates. */
static HRESULT callers_level(SECURITY_IMPERSONATION_LEVEL *ret_level)
{
    HANDLE token;
    DWORD length;
    HRESULT hr = CoImpersonateClient();
    if (FAILED(hr)) return hr;
    if (!OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &token)) {
        hr = HRESULT_FROM_WIN32(GetLastError());
    } else {
        if (!GetTokenInformation(token, TokenImpersonationLevel, ret_level, sizeof(*ret_level), &length))
            hr = HRESULT_FROM_WIN32(GetLastError());
        CloseHandle(token);
    }
    CoRevertToSelf();
    return hr;
}

/* "Hello NAME from REALM\user at level N" in memory that the caller frees. */
static LPWSTR greeting_new(LPCWSTR name, LPCWSTR caller, SECURITY_IMPERSONATION_LEVEL level)
{
    static const WCHAR hello[] = OLESTR("Hello "), from[] = OLESTR(" from "), at[] = OLESTR(" at level ");
    const WCHAR digit[] = {(WCHAR)('0' + level), 0}, *parts[] = {hello, name, from, caller, at, digit};
    size_t length = 0;
    for (size_t i = 0; i < ARRAYSIZE(parts); i++)
        length += (size_t)lstrlenW(parts[i]);
    LPWSTR text = CoTaskMemAlloc((length + 1) * sizeof(*text)), end = text;
    for (size_t i = 0; text && i < ARRAYSIZE(parts); i++) {
        CopyMemory(end, parts[i], (size_t)lstrlenW(parts[i]) * sizeof(*end));
        end += lstrlenW(parts[i]);
    }
    if (text) *end = 0;
    return text;
}

/* Leaves a sentence with an error; ORPC carries it to the caller. */
static HRESULT refuse(HRESULT hr, LPWSTR sentence)
{
    ICreateErrorInfo *create;
    IErrorInfo *info;
    if (FAILED(CreateErrorInfo(&create))) return hr;
    ICreateErrorInfo_SetGUID(create, &IID_IGreeter);
    ICreateErrorInfo_SetSource(create, OLESTR("Greeter"));
    ICreateErrorInfo_SetDescription(create, sentence);
    if (SUCCEEDED(ICreateErrorInfo_QueryInterface(create, &IID_IErrorInfo, (void **)&info))) {
        SetErrorInfo(0, info);
        IErrorInfo_Release(info);
    }
    ICreateErrorInfo_Release(create);
    return hr;
}

static STDMETHODIMP greeter_greet(IGreeter *This, LPCWSTR name, LPWSTR *greeting)
{
    SECURITY_IMPERSONATION_LEVEL level;
    RPC_AUTHZ_HANDLE caller; /* lives as long as the call */
    *greeting = NULL;
    (void)This;
    if (!*name) return refuse(E_INVALIDARG, OLESTR("There is nobody to greet: give a name."));
    HRESULT hr = CoQueryClientBlanket(NULL, NULL, NULL, NULL, NULL, &caller, NULL);
    if (SUCCEEDED(hr)) hr = callers_level(&level);
    if (FAILED(hr)) return hr;
    *greeting = greeting_new(name, caller, level);
    return *greeting ? S_OK : E_OUTOFMEMORY;
}

static HRESULT greeter_new(REFIID riid, void **ppvObject)
{
    static CONST_VTBL IGreeterVtbl vtable = {greeter_query_interface, greeter_add_ref, greeter_release,
                                             greeter_greet};
    Greeter *greeter = CoTaskMemAlloc(sizeof(*greeter));
    if (!greeter) return E_OUTOFMEMORY;
    *greeter = (Greeter){.object.lpVtbl = &vtable, .references = 1};
    HRESULT hr = IGreeter_QueryInterface(&greeter->object, riid, ppvObject);
    IGreeter_Release(&greeter->object);
    return hr;
}

/* The class object lives as long as the process, so it counts nothing. */

static STDMETHODIMP class_query_interface(IClassFactory *This, REFIID riid, void **ppvObject)
{
    if (!ppvObject) return E_POINTER;
    *ppvObject = NULL;
    if (!IsEqualIID(riid, &IID_IUnknown) && !IsEqualIID(riid, &IID_IClassFactory)) return E_NOINTERFACE;
    *ppvObject = This;
    return S_OK;
}

static STDMETHODIMP_(ULONG) class_count(IClassFactory *This)
{
    (void)This;
    return 1;
}

static STDMETHODIMP class_create_instance(IClassFactory *This, IUnknown *pUnkOuter, REFIID riid,
                                          void **ppvObject)
{
    (void)This;
    if (!ppvObject) return E_POINTER;
    *ppvObject = NULL;
    return pUnkOuter ? CLASS_E_NOAGGREGATION : greeter_new(riid, ppvObject);
}

static STDMETHODIMP class_lock_server(IClassFactory *This, BOOL fLock)
{
    (void)This, (void)fLock;
    return S_OK;
}

int main(void)
{
    static CONST_VTBL IClassFactoryVtbl vtable = {class_query_interface, class_count, class_count,
                                                  class_create_instance, class_lock_server};
    IClassFactory class = {.lpVtbl = &vtable};
    DWORD cookie;
    sigset_t stop;
    int signal;

    /* Before the first thread is made: the signals are for sigwait below. */
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    sigprocmask(SIG_BLOCK, &stop, NULL);

    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    if (FAILED(hr)) return say("CoInitializeEx", hr);
    /* Callers have to sign; our own calls onward show the caller (dynamic cloaking). */
    hr = CoInitializeSecurity(NULL, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_PKT_INTEGRITY,
                              RPC_C_IMP_LEVEL_IMPERSONATE, NULL, EOAC_DYNAMIC_CLOAKING, NULL);
    if (FAILED(hr)) return say("CoInitializeSecurity", hr);
    hr = CoRegisterClassObject(&CLSID_Greeter, (IUnknown *)&class, CLSCTX_LOCAL_SERVER, REGCLS_MULTIPLEUSE,
                               &cookie);
    if (FAILED(hr)) return say("CoRegisterClassObject", hr);
    puts("serving");
    fflush(stdout);
    sigwait(&stop, &signal);
    CoRevokeClassObject(cookie);
    CoUninitialize();
    return EXIT_SUCCESS;
}
