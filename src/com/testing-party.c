/* SPDX-License-Identifier: Apache-2.0 */
#define COBJMACROS
#define CONST_VTBL const
#include "com/testing-party.h"
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/refcount.h"
#include "base/utf16.h"
#include "oleauto.h"
#include "processthreadsapi.h"
#include "securitybaseapi.h"
#include "winerror.h"

typedef struct Party {
    IParty party;
    IPartyName name;
    RefCount refs;
    IParty *_Atomic kept;
    atomic_uint inside; /* the thread that is in a method; 0: none */
    atomic_bool crowded;
} Party;

static atomic_uint objects;

ULONG party_count(void)
{
    return objects;
}

static ULONG thread_number(void)
{
    return (ULONG)syscall(SYS_gettid);
}

static Party *party_of(IParty *self)
{
    return container_of(self, Party, party);
}

/* The same thread may come in again, as a callback. */
static ULONG enter(Party *party)
{
    ULONG before = atomic_exchange(&party->inside, thread_number());
    if (before && before != thread_number()) party->crowded = true;
    return before;
}

static void leave(Party *party, ULONG before)
{
    atomic_store(&party->inside, before);
}

static HRESULT query(Party *party, REFIID riid, void **ppv)
{
    *ppv = NULL;
    if (IsEqualIID(riid, &IID_IUnknown) || IsEqualIID(riid, &IID_IParty))
        *ppv = &party->party;
    else if (IsEqualIID(riid, &IID_IPartyName))
        *ppv = &party->name;
    else
        return E_NOINTERFACE;
    refcount_ref(&party->refs);
    return S_OK;
}

static ULONG add_ref(Party *party)
{
    refcount_ref(&party->refs);
    return atomic_load(&party->refs.count);
}

static ULONG release(Party *party)
{
    ULONG left = atomic_load(&party->refs.count) - 1;
    if (!refcount_unref(&party->refs)) return left;
    if (party->kept) IParty_Release(party->kept);
    free(party);
    atomic_fetch_sub(&objects, 1);
    return 0;
}

static HRESULT STDMETHODCALLTYPE party_QueryInterface(IParty *This, REFIID riid, void **ppv)
{
    return query(party_of(This), riid, ppv);
}
static ULONG STDMETHODCALLTYPE party_AddRef(IParty *This)
{
    return add_ref(party_of(This));
}
static ULONG STDMETHODCALLTYPE party_Release(IParty *This)
{
    return release(party_of(This));
}

static HRESULT STDMETHODCALLTYPE party_Place(IParty *This, ULONG *process, ULONG *thread)
{
    *process = (ULONG)getpid();
    *thread = thread_number();
    return S_OK;
}

static HRESULT STDMETHODCALLTYPE party_Visit(IParty *This, IParty *guest, ULONG rounds, ULONG *visits)
{
    HRESULT hr = S_OK;
    ULONG more = 0, before = enter(party_of(This));
    if (rounds) hr = guest ? IParty_Visit(guest, This, rounds - 1, &more) : E_POINTER;
    leave(party_of(This), before);
    *visits = more + 1;
    return hr;
}

static HRESULT STDMETHODCALLTYPE party_Make(IParty *This, IParty **made)
{
    *made = party_new();
    return *made ? S_OK : E_OUTOFMEMORY;
}

static HRESULT STDMETHODCALLTYPE party_Keep(IParty *This, IParty *guest)
{
    if (guest) IParty_AddRef(guest);
    guest = atomic_exchange(&party_of(This)->kept, guest);
    if (guest) IParty_Release(guest);
    return S_OK;
}

static HRESULT STDMETHODCALLTYPE party_Kept(IParty *This, IParty **guest)
{
    *guest = party_of(This)->kept;
    if (*guest) IParty_AddRef(*guest);
    return S_OK;
}

static HRESULT STDMETHODCALLTYPE party_Fail(IParty *This, HRESULT code, LPCWSTR sentence)
{
    ICreateErrorInfo *create;
    IErrorInfo *error;
    if (FAILED(CreateErrorInfo(&create))) return E_OUTOFMEMORY;
    create->lpVtbl->SetDescription(create, (LPOLESTR)sentence);
    create->lpVtbl->SetSource(create, (LPOLESTR)u"party");
    create->lpVtbl->QueryInterface(create, &IID_IErrorInfo, (void **)&error);
    SetErrorInfo(0, error);
    error->lpVtbl->Release(error);
    create->lpVtbl->Release(create);
    return code;
}

static HRESULT STDMETHODCALLTYPE party_Sleep(IParty *This, ULONG milliseconds)
{
    const struct timespec moment = {0, 1000000};
    const bool asks = milliseconds % 2 == 0; /* whether it is still wanted */
    ULONG before = enter(party_of(This));
    HRESULT hr = RPC_S_CALLPENDING;
    for (ULONG i = 0; i < milliseconds && hr == RPC_S_CALLPENDING; i++) {
        nanosleep(&moment, NULL);
        if (asks) hr = CoTestCancel();
    }
    leave(party_of(This), before);
    return hr == RPC_E_CALL_CANCELED ? hr : S_OK;
}

static HRESULT STDMETHODCALLTYPE party_Count(IParty *This, ULONG *living, BOOL *crowded)
{
    *living = objects;
    *crowded = party_of(This)->crowded;
    return S_OK;
}

static const IPartyVtbl party_methods = {
    party_QueryInterface, party_AddRef, party_Release, party_Place, party_Visit, party_Make,
    party_Keep,           party_Kept,   party_Fail,    party_Sleep, party_Count,
};

static Party *party_of_name(IPartyName *self)
{
    return container_of(self, Party, name);
}
static HRESULT STDMETHODCALLTYPE name_QueryInterface(IPartyName *This, REFIID riid, void **ppv)
{
    return query(party_of_name(This), riid, ppv);
}
static ULONG STDMETHODCALLTYPE name_AddRef(IPartyName *This)
{
    return add_ref(party_of_name(This));
}
static ULONG STDMETHODCALLTYPE name_Release(IPartyName *This)
{
    return release(party_of_name(This));
}
static HRESULT STDMETHODCALLTYPE name_Name(IPartyName *This, LPWSTR *name)
{
    static const WCHAR text[] = u"party";
    *name = CoTaskMemAlloc(sizeof(text));
    if (!*name) return E_OUTOFMEMORY;
    memcpy(*name, text, sizeof(text));
    return S_OK;
}
static HRESULT impersonation_level(ULONG *level)
{
    HANDLE token;
    DWORD size;
    SECURITY_IMPERSONATION_LEVEL got = SecurityAnonymous;
    HRESULT hr = CoImpersonateClient();
    if (FAILED(hr)) return hr;
    BOOL known = OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &token);
    const DWORD error = known ? 0 : GetLastError();
    (void)CoRevertToSelf();
    *level = SecurityAnonymous;
    if (error == ERROR_CANT_OPEN_ANONYMOUS) return S_OK; /* as everywhere */
    if (!known) return HRESULT_FROM_WIN32(error);
    known = GetTokenInformation(token, TokenImpersonationLevel, &got, sizeof(got), &size);
    CloseHandle(token);
    *level = got;
    return known ? S_OK : E_FAIL;
}
static HRESULT STDMETHODCALLTYPE name_Caller(IPartyName *This, ULONG *service, ULONG *level,
                                             ULONG *impersonation, LPWSTR *name)
{
    void *privileges = NULL;
    DWORD by = 0, at = 0;
    (void)This;
    *name = NULL;
    HRESULT hr = CoQueryClientBlanket(&by, NULL, NULL, &at, NULL, &privileges, NULL);
    if (FAILED(hr)) return hr;
    *service = by;
    *level = at;
    const WCHAR *text = privileges ? privileges : u"nobody";
    size_t size = (utf16_length(text) + 1) * sizeof(*text);
    *name = CoTaskMemAlloc(size);
    if (!*name) return E_OUTOFMEMORY;
    memcpy(*name, text, size);
    *impersonation = 99;
    return privileges ? impersonation_level(impersonation) : S_OK;
}
static HRESULT STDMETHODCALLTYPE name_CallerAt(IPartyName *This, IPartyName *next, ULONG as, ULONG *service,
                                               ULONG *level, ULONG *impersonation, LPWSTR *name)
{
    (void)This;
    *name = NULL;
    HRESULT hr =
        CoSetProxyBlanket((IUnknown *)next, RPC_C_AUTHN_DEFAULT, RPC_C_AUTHZ_DEFAULT, COLE_DEFAULT_PRINCIPAL,
                          RPC_C_AUTHN_LEVEL_DEFAULT, as, COLE_DEFAULT_AUTHINFO, EOAC_DYNAMIC_CLOAKING);
    if (SUCCEEDED(hr)) hr = CoImpersonateClient();
    if (FAILED(hr)) return hr;
    hr = IPartyName_Caller(next, service, level, impersonation, name);
    (void)CoRevertToSelf();
    return hr;
}
static const IPartyNameVtbl name_methods = {name_QueryInterface, name_AddRef, name_Release,
                                            name_Name,           name_Caller, name_CallerAt};

IParty *party_new(void)
{
    Party *party = calloc(1, sizeof(*party));
    if (!party) return NULL;
    party->party.lpVtbl = &party_methods;
    party->name.lpVtbl = &name_methods;
    refcount_init(&party->refs);
    atomic_fetch_add(&objects, 1);
    return &party->party;
}

/* Class object */

HRESULT party_factory_saw;

static HRESULT STDMETHODCALLTYPE factory_QueryInterface(IClassFactory *This, REFIID riid, void **ppv)
{
    bool known = IsEqualIID(riid, &IID_IUnknown) || IsEqualIID(riid, &IID_IClassFactory);
    *ppv = known ? This : NULL;
    return known ? S_OK : E_NOINTERFACE;
}
static ULONG STDMETHODCALLTYPE factory_AddRef(IClassFactory *This)
{
    return 2;
}
static ULONG STDMETHODCALLTYPE factory_Release(IClassFactory *This)
{
    return 1;
}
static HRESULT STDMETHODCALLTYPE factory_CreateInstance(IClassFactory *This, IUnknown *outer, REFIID riid,
                                                        void **ppv)
{
    *ppv = NULL;
    party_factory_saw = CoImpersonateClient();
    if (outer) return CLASS_E_NOAGGREGATION;
    IParty *party = party_new();
    if (!party) return E_OUTOFMEMORY;
    HRESULT hr = IParty_QueryInterface(party, riid, ppv);
    IParty_Release(party);
    return hr;
}
static HRESULT STDMETHODCALLTYPE factory_LockServer(IClassFactory *This, BOOL lock)
{
    return lock ? S_OK : S_FALSE;
}
static const IClassFactoryVtbl factory_methods = {factory_QueryInterface, factory_AddRef, factory_Release,
                                                  factory_CreateInstance, factory_LockServer};
IClassFactory party_factory = {&factory_methods};
