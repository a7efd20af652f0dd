// SPDX-License-Identifier: Apache-2.0
// The server of server.c in C++: a class template counts references, RAII ends impersonation. Methods are
// noexcept: no exception may leave one, because its caller is the runtime, which is C.
#include <initguid.h>
#include <windows.h>
#include <objbase.h>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include "greeter.h"
#include "say.h"

namespace
{

// IUnknown of an object that has one interface and dies with its last reference.
template <typename Interface> class Object : public Interface
{
  public:
    virtual ~Object() = default;
    HRESULT STDMETHODCALLTYPE QueryInterface(REFIID riid, void **ppvObject) noexcept override
    {
        if (!ppvObject) return E_POINTER;
        *ppvObject = nullptr;
        if (riid != __uuidof(IUnknown) && riid != __uuidof(Interface)) return E_NOINTERFACE;
        *ppvObject = static_cast<Interface *>(this);
        AddRef();
        return S_OK;
    }
    ULONG STDMETHODCALLTYPE AddRef() noexcept override { return ++references; }
    ULONG STDMETHODCALLTYPE Release() noexcept override
    {
        ULONG left = --references;
        if (left == 0) delete this;
        return left;
    }

  private:
    std::atomic<ULONG> references{1};
};

// Acts as the caller until the end of the block.
class Impersonation
{
  public:
    const HRESULT result = CoImpersonateClient();
    Impersonation() = default;
    Impersonation(const Impersonation &) = delete;
    Impersonation &operator=(const Impersonation &) = delete;
    ~Impersonation()
    {
        if (SUCCEEDED(result)) CoRevertToSelf();
    }
};

HRESULT callers_level(SECURITY_IMPERSONATION_LEVEL &ret_level)
{
    HANDLE token;
    DWORD length;
    Impersonation impersonation;
    if (FAILED(impersonation.result)) return impersonation.result;
    if (!OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &token))
        return HRESULT_FROM_WIN32(GetLastError());
    BOOL told = GetTokenInformation(token, TokenImpersonationLevel, &ret_level, sizeof(ret_level), &length);
    HRESULT hr = told ? S_OK : HRESULT_FROM_WIN32(GetLastError());
    CloseHandle(token);
    return hr;
}

// Leaves a sentence with an error; ORPC carries it to the caller.
HRESULT refuse(HRESULT hr, LPCWSTR sentence)
{
    ICreateErrorInfo *create;
    IErrorInfo *info;
    if (FAILED(CreateErrorInfo(&create))) return hr;
    create->SetGUID(__uuidof(IGreeter));
    create->SetDescription(const_cast<LPWSTR>(sentence));
    if (SUCCEEDED(create->QueryInterface(&info))) {
        SetErrorInfo(0, info);
        info->Release();
    }
    create->Release();
    return hr;
}

class Greeter final : public Object<IGreeter>
{
  public:
    HRESULT STDMETHODCALLTYPE Greet(LPCWSTR name, LPWSTR *greeting) noexcept override
    try {
        SECURITY_IMPERSONATION_LEVEL level;
        RPC_AUTHZ_HANDLE caller; // lives as long as the call
        *greeting = nullptr;
        if (!*name) return refuse(E_INVALIDARG, OLESTR("There is nobody to greet: give a name."));
        HRESULT hr = CoQueryClientBlanket(nullptr, nullptr, nullptr, nullptr, nullptr, &caller, nullptr);
        if (SUCCEEDED(hr)) hr = callers_level(level);
        if (FAILED(hr)) return hr;
        std::u16string text = std::u16string(u"Hello ") + name + u" from " + static_cast<LPCWSTR>(caller) +
                              u" at level " + static_cast<WCHAR>(u'0' + level);
        size_t bytes = (text.size() + 1) * sizeof(WCHAR);
        *greeting = static_cast<LPWSTR>(CoTaskMemAlloc(bytes));
        if (!*greeting) return E_OUTOFMEMORY;
        CopyMemory(*greeting, text.c_str(), bytes);
        return S_OK;
    } catch (const std::bad_alloc &) {
        return E_OUTOFMEMORY;
    }
};

class GreeterClass final : public Object<IClassFactory>
{
  public:
    HRESULT STDMETHODCALLTYPE CreateInstance(IUnknown *pUnkOuter, REFIID riid,
                                             void **ppvObject) noexcept override
    {
        if (!ppvObject) return E_POINTER;
        *ppvObject = nullptr;
        if (pUnkOuter) return CLASS_E_NOAGGREGATION;
        auto *greeter = new (std::nothrow) Greeter;
        if (!greeter) return E_OUTOFMEMORY;
        HRESULT hr = greeter->QueryInterface(riid, ppvObject);
        greeter->Release();
        return hr;
    }
    HRESULT STDMETHODCALLTYPE LockServer(BOOL) noexcept override { return S_OK; }
};

} // namespace

int main()
{
    DWORD cookie;
    sigset_t stop;
    int signal;

    // Before the first thread is made: the signals are for sigwait below.
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    sigprocmask(SIG_BLOCK, &stop, nullptr);

    HRESULT hr = CoInitializeEx(nullptr, COINIT_MULTITHREADED);
    if (FAILED(hr)) return say("CoInitializeEx", hr);
    // Callers have to sign; our own calls onward show the caller (dynamic cloaking).
    hr = CoInitializeSecurity(nullptr, -1, nullptr, nullptr, RPC_C_AUTHN_LEVEL_PKT_INTEGRITY,
                              RPC_C_IMP_LEVEL_IMPERSONATE, nullptr, EOAC_DYNAMIC_CLOAKING, nullptr);
    if (FAILED(hr)) return say("CoInitializeSecurity", hr);
    auto *greeters = new GreeterClass;
    hr = CoRegisterClassObject(CLSID_Greeter, greeters, CLSCTX_LOCAL_SERVER, REGCLS_MULTIPLEUSE, &cookie);
    greeters->Release();
    if (FAILED(hr)) return say("CoRegisterClassObject", hr);
    std::puts("serving");
    std::fflush(stdout);
    sigwait(&stop, &signal);
    CoRevokeClassObject(cookie);
    CoUninitialize();
    return EXIT_SUCCESS;
}
