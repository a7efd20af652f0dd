/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login-server: serves the class that Windows' clients log in to for WMI, and what they call of it before
 * they are logged in. Says "ready", then one line for each call, and ends when standard input does.
 */
#define COBJMACROS
#include <objbase.h>
#include <services.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <wbemlogin.h>

static const CLSID class = {0x8BC3F05E, 0xD86B, 0x11D0, {0xA0, 0x75, 0x00, 0xC0, 0x4F, 0xB6, 0x88, 0x20}};

typedef struct Login {
    IWbemLevel1Login login;
    IWbemLoginClientID client;
    IWbemLoginClientIDEx client_ex;
    IServicesStandIn services;
    atomic_uint refs;
} Login;

/* One line in one piece: calls run side by side. */
static void say(const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof(line) || write(STDOUT_FILENO, line, (size_t)length) != length)
        abort();
}

/* ASCII; what is longer than a name of a machine ends early. */
static const char *narrow(LPCWSTR text, char ret_text[96])
{
    size_t i = 0;
    for (; text && text[i] && i < 95; i++)
        ret_text[i] = text[i] < 0x80 ? (char)text[i] : '?';
    ret_text[i] = 0;
    return ret_text;
}

static Login *of_login(IWbemLevel1Login *This)
{
    return (Login *)((char *)This - offsetof(Login, login));
}

static HRESULT object_query(Login *object, REFIID iid, void **ret)
{
    *ret = NULL;
    if (IsEqualIID(iid, &IID_IUnknown) || IsEqualIID(iid, &IID_IWbemLevel1Login)) *ret = &object->login;
    if (IsEqualIID(iid, &IID_IWbemLoginClientID)) *ret = &object->client;
    if (IsEqualIID(iid, &IID_IWbemLoginClientIDEx)) *ret = &object->client_ex;
    if (IsEqualIID(iid, &IID_IServicesStandIn)) *ret = &object->services;
    if (!*ret) return E_NOINTERFACE;
    atomic_fetch_add(&object->refs, 1);
    return S_OK;
}

static ULONG object_release(Login *object)
{
    ULONG left = atomic_fetch_sub(&object->refs, 1) - 1;
    if (left) return left;
    free(object);
    say("gone\n");
    return 0;
}

/* The same three methods for each interface of the object. */
#define UNKNOWN_METHODS(Interface, member)                                                                   \
    static HRESULT member##_query(Interface *This, REFIID iid, void **ret)                                   \
    {                                                                                                        \
        return object_query((Login *)((char *)This - offsetof(Login, member)), iid, ret);                    \
    }                                                                                                        \
    static ULONG member##_add_ref(Interface *This)                                                           \
    {                                                                                                        \
        return atomic_fetch_add(&((Login *)((char *)This - offsetof(Login, member)))->refs, 1) + 1;          \
    }                                                                                                        \
    static ULONG member##_release(Interface *This)                                                           \
    {                                                                                                        \
        return object_release((Login *)((char *)This - offsetof(Login, member)));                            \
    }
UNKNOWN_METHODS(IWbemLevel1Login, login)
UNKNOWN_METHODS(IWbemLoginClientID, client)
UNKNOWN_METHODS(IWbemLoginClientIDEx, client_ex)
UNKNOWN_METHODS(IServicesStandIn, services)

static HRESULT establish_position(IWbemLevel1Login *This, LPWSTR reserved1, DWORD reserved2,
                                  DWORD *LocaleVersion)
{
    char text[96];
    say("EstablishPosition '%s' %u\n", narrow(reserved1, text), (unsigned)reserved2);
    *LocaleVersion = 1; /* as in the captures; the specification wants 0 */
    return S_OK;
}

static HRESULT request_challenge(IWbemLevel1Login *This, LPWSTR reserved1, LPWSTR reserved2,
                                 unsigned char *reserved3)
{
    return E_NOTIMPL;
}

static HRESULT wbem_login(IWbemLevel1Login *This, LPWSTR reserved1, unsigned char *reserved2, LONG reserved3,
                          IWbemContext *reserved4, IWbemServices **reserved5)
{
    return E_NOTIMPL;
}

static HRESULT ntlm_login(IWbemLevel1Login *This, LPWSTR resource, LPWSTR locale, LONG flags,
                          IWbemContext *context, IWbemServices **ret_services)
{
    char first[96], second[96];
    say("NTLMLogin '%s' '%s' %d %s\n", narrow(resource, first), narrow(locale, second), (int)flags,
        context ? "context" : "no context");
    *ret_services = (IWbemServices *)&of_login(This)->services;
    return object_query(of_login(This), &IID_IServicesStandIn, (void **)ret_services);
}

static HRESULT set_client(IWbemLoginClientID *This, LPWSTR machine, LONG process, LONG reserved)
{
    char text[96];
    say("SetClientInfo '%s' %d %d\n", narrow(machine, text), (int)process, (int)reserved);
    return S_OK;
}

static HRESULT set_client_ex(IWbemLoginClientIDEx *This, LPWSTR machine, LPWSTR full_name, LONG process,
                             FILETIME started, LONG reserved)
{
    char first[96], second[96];
    say("SetClientInfoEx '%s' '%s' %d %08x%08x %d\n", narrow(machine, first), narrow(full_name, second),
        (int)process, (unsigned)started.dwHighDateTime, (unsigned)started.dwLowDateTime, (int)reserved);
    return S_OK;
}

static HRESULT nothing(IServicesStandIn *This)
{
    return S_OK;
}

static IWbemLevel1LoginVtbl login_methods = {
    login_query, login_add_ref, login_release, establish_position, request_challenge, wbem_login, ntlm_login};
static IWbemLoginClientIDVtbl client_methods = {client_query, client_add_ref, client_release, set_client};
static IWbemLoginClientIDExVtbl client_ex_methods = {client_ex_query, client_ex_add_ref, client_ex_release,
                                                     set_client_ex};
static IServicesStandInVtbl services_methods = {services_query, services_add_ref, services_release, nothing};

static HRESULT factory_query(IClassFactory *This, REFIID iid, void **ret)
{
    BOOL known = IsEqualIID(iid, &IID_IUnknown) || IsEqualIID(iid, &IID_IClassFactory);
    *ret = known ? This : NULL;
    return known ? S_OK : E_NOINTERFACE;
}

static ULONG factory_add_ref(IClassFactory *This)
{
    return 2;
}

static ULONG factory_release(IClassFactory *This)
{
    return 1;
}

static HRESULT factory_create(IClassFactory *This, IUnknown *outer, REFIID iid, void **ret)
{
    *ret = NULL;
    if (outer) return CLASS_E_NOAGGREGATION;
    Login *object = calloc(1, sizeof(*object));
    if (!object) return E_OUTOFMEMORY;
    *object = (Login){{&login_methods}, {&client_methods}, {&client_ex_methods}, {&services_methods}, 1};
    say("new\n");
    HRESULT hr = object_query(object, iid, ret);
    object_release(object);
    return hr;
}

static HRESULT factory_lock(IClassFactory *This, BOOL lock)
{
    return S_OK;
}

static IClassFactoryVtbl factory_methods = {factory_query, factory_add_ref, factory_release, factory_create,
                                            factory_lock};
static IClassFactory factory = {&factory_methods};

int main(void)
{
    char ignored;
    DWORD cookie;
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    if (SUCCEEDED(hr))
        hr = CoInitializeSecurity(NULL, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_PKT, RPC_C_IMP_LEVEL_IDENTIFY, NULL,
                                  EOAC_NONE, NULL);
    if (SUCCEEDED(hr))
        hr = CoRegisterClassObject(&class, (IUnknown *)&factory, CLSCTX_LOCAL_SERVER, REGCLS_MULTIPLEUSE,
                                   &cookie);
    if (FAILED(hr)) {
        fprintf(stderr, "login-server: cannot serve: 0x%08X\n", (unsigned)hr);
        return 1;
    }
    say("ready\n");
    while (read(STDIN_FILENO, &ignored, 1) > 0)
        ;
    (void)CoRevokeClassObject(cookie); /* the process ends */
    CoUninitialize();
    return 0;
}
