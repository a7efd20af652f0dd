/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The COM functions, with the names, parameters, constants and results they have on Windows. "sdk:Name" is
 * the Win32 reference page of that name. Every function that takes a place for a result answers E_POINTER
 * (where Windows does) or E_INVALIDARG when it is NULL, and E_OUTOFMEMORY when memory is short; that is not
 * repeated below.
 *
 * When a call fails for a reason of security, GetErrorInfo (oleauto.h) gives a sentence that says what
 * failed, why, and what to change.
 */
#pragma once
#include "objidlbase.h"
#include "unknwn.h"

#define STDAPI        MANTLE_API HRESULT
#define STDAPI_(type) MANTLE_API type
#define WINOLEAPI     STDAPI
#define WINOLEAPI_(t) STDAPI_(t)

#if defined(__cplusplus) && !defined(CINTERFACE)
/* The last two parameters of QueryInterface and its relatives, from one pointer to an interface pointer. */
extern "C++" {
template <typename T> inline void **IID_PPV_ARGS_Helper(T **ppObject)
{
    (void)static_cast<IUnknown *>(*ppObject);
    return reinterpret_cast<void **>(ppObject);
}
}
#define IID_PPV_ARGS(ppObject) __uuidof(**(ppObject)), IID_PPV_ARGS_Helper(ppObject)
#endif

/* Life of the library in a thread */

typedef enum tagCOINIT {
    COINIT_MULTITHREADED = 0x0,
    COINIT_APARTMENTTHREADED = 0x2,
    COINIT_DISABLE_OLE1DDE = 0x4,   /* accepted, means nothing here */
    COINIT_SPEED_OVER_MEMORY = 0x8, /* accepted, means nothing here */
} COINIT;

/* CoInitializeEx(reserved, COINIT_APARTMENTTHREADED). sdk:CoInitialize */
STDAPI CoInitialize(LPVOID pvReserved);
/* Puts this thread in an apartment: the process's one multithreaded apartment, or an apartment of its own,
 * whose objects are served by one thread that the runtime pumps. S_OK; S_FALSE: it was already in one of that
 * kind, and this call counts too; RPC_E_CHANGED_MODE: it is in one of the other kind, and this call does not
 * count; E_INVALIDARG (pvReserved, unknown flags). sdk:CoInitializeEx */
STDAPI CoInitializeEx(LPVOID pvReserved, DWORD dwCoInit);
/* Undoes one successful CoInitialize(Ex) of this thread; the last one leaves the apartment, releases the
 * thread's error object and, when no thread is left, closes the process's connections and objects.
 * sdk:CoUninitialize */
STDAPI_(void) CoUninitialize(void);

/* Security of the process */

/* Rights in a permission: EXECUTE (to call; in a launch permission to start) in every entry, alone or with
 * those that say from where. */
#define COM_RIGHTS_EXECUTE         1
#define COM_RIGHTS_EXECUTE_LOCAL   2
#define COM_RIGHTS_EXECUTE_REMOTE  4
#define COM_RIGHTS_ACTIVATE_LOCAL  8
#define COM_RIGHTS_ACTIVATE_REMOTE 16

/*
 * Sets the security of the process once: what it asks of callers (pSecDesc, cAuthSvc and asAuthSvc,
 * dwAuthnLevel) and how it calls (dwAuthnLevel, dwImpLevel, pAuthList, dwCapabilities). Where it is not
 * called, the first interface that is marshalled or unmarshalled does it with defaults.
 * sdk:CoInitializeSecurity
 *
 * pSecDesc        who may call. NULL: everybody, also without authentication; else an absolute
 *                 SECURITY_DESCRIPTOR with owner and group, without SACL, COM_RIGHTS_EXECUTE in each
 *                 entry; with ACCESS_CONTROL an IAccessControl *, which is released by the last
 *                 CoUninitialize; with APPID a GUID *, or NULL: the AppID of this program in
 *                 classes.d, and all else as configured there and in mantle.conf, whatever the other
 *                 parameters say. The machine's limit (machine_access_limit) is asked in addition.
 * cAuthSvc        0: no service, secure calls cannot be received; -1: all of this machine's, and
 *                 asAuthSvc is NULL; else the number of entries of asAuthSvc, each of which gets its
 *                 own result in `hr`.
 * dwAuthnLevel    RPC_C_AUTHN_LEVEL_*: as a server the least that is accepted, as a client the least
 *                 that is negotiated (and at least PKT_INTEGRITY, which only a blanket can lower).
 * dwImpLevel      RPC_C_IMP_LEVEL_*, not DEFAULT: what callees get, except where a blanket says
 *                 otherwise.
 * pAuthList       NULL or a SOLE_AUTHENTICATION_LIST *: the identity to use with each service. Copied,
 *                 passwords too: the caller may wipe them after the call, but keeps the structures,
 *                 because CoQueryProxyBlanket returns pointers to pAuthInfo.
 * dwCapabilities  EOAC_NONE or of MUTUAL_AUTH (ignored), SECURE_REFS, STATIC_CLOAKING or
 *                 DYNAMIC_CLOAKING, MAKE_FULLSIC and REQUIRE_FULLSIC (Schannel's), DISABLE_AAA,
 *                 NO_CUSTOM_MARSHAL, and one of APPID and ACCESS_CONTROL.
 *
 * S_OK; RPC_E_TOO_LATE: it was called before or an interface was marshalled; RPC_E_NO_GOOD_SECURITY_PACKAGES:
 * no entry of asAuthSvc could be registered; E_INVALIDARG: reserved parameters, levels, unknown or
 * contradicting capabilities (both kinds of cloaking; APPID with ACCESS_CONTROL; cloaking with Schannel or
 * with an identity in pAuthList; SECURE_REFS or ACCESS_CONTROL with RPC_C_AUTHN_LEVEL_NONE), -1 with a list,
 * an identity that cannot be read, pSecDesc; HRESULT_FROM_WIN32(ERROR_INVALID_DATA): what is configured. A
 * call that fails changes nothing.
 */
STDAPI CoInitializeSecurity(void *pSecDesc, LONG cAuthSvc, SOLE_AUTHENTICATION_SERVICE *asAuthSvc,
                            void *pReserved1, DWORD dwAuthnLevel, DWORD dwImpLevel, void *pAuthList,
                            DWORD dwCapabilities, void *pReserved3);

/* Security of a proxy: its blanket */

/*
 * Sets how calls on this one interface of this proxy are made from now on; calls under way keep theirs.
 * Blankets are not inherited by the interfaces that calls return. sdk:CoSetProxyBlanket
 *
 * dwAuthnSvc        RPC_C_AUTHN_GSS_KERBEROS; RPC_C_AUTHN_NONE with level NONE; DEFAULT: the first of
 *                   the server's services that this process can use.
 * dwAuthzSvc        RPC_C_AUTHZ_NONE or DEFAULT; others are refused.
 * pServerPrincName  the server's principal; COLE_DEFAULT_PRINCIPAL: what the server registered; NULL:
 *                   as it was before (it does not clear).
 * dwAuthnLevel      RPC_C_AUTHN_LEVEL_*; DEFAULT: the highest of this process's, the server's and
 *                   PKT_INTEGRITY.
 * dwImpLevel        RPC_C_IMP_LEVEL_*; DEFAULT: the process's. ANONYMOUS is sent as IDENTIFY. DELEGATE
 *                   that cannot be had fails the call with HRESULT_FROM_WIN32(RPC_S_SEC_PKG_ERROR).
 * pAuthInfo         NULL: the present identity, of the process or, with cloaking, of the thread;
 *                   COLE_DEFAULT_AUTHINFO: what CoInitializeSecurity was given for the service, else as
 *                   NULL; else a SEC_WINNT_AUTH_IDENTITY_W or _EXW, which is copied and logs on at the
 *                   first call.
 * dwCapabilities    EOAC_NONE or of MUTUAL_AUTH (ignored), STATIC_CLOAKING (the thread's token, else
 *                   the process's, is kept now) or DYNAMIC_CLOAKING (it is looked up at each call),
 *                   ANY_AUTHORITY and MAKE_FULLSIC (Schannel's), or DEFAULT (alone): the process's.
 *
 * S_OK; E_INVALIDARG: a value or combination that is not listed above, pAuthInfo with cloaking, not a proxy's
 * interface; HRESULT_FROM_WIN32(RPC_S_UNKNOWN_AUTHN_SERVICE): a service that is not implemented;
 * RPC_E_NO_GOOD_SECURITY_PACKAGES: the server offers none that is; E_NOINTERFACE: not a proxy. A token at
 * IDENTIFY or below is no error here: each call that would show it fails with
 * HRESULT_FROM_WIN32(ERROR_BAD_IMPERSONATION_LEVEL).
 */
STDAPI CoSetProxyBlanket(IUnknown *pProxy, DWORD dwAuthnSvc, DWORD dwAuthzSvc, OLECHAR *pServerPrincName,
                         DWORD dwAuthnLevel, DWORD dwImpLevel, RPC_AUTH_IDENTITY_HANDLE pAuthInfo,
                         DWORD dwCapabilities);
/* What the next call on this interface would use. Every result may be NULL; *pServerPrincName is freed with
 * CoTaskMemFree; *pAuthInfo is the pointer CoInitializeSecurity was given, where that is the source, else
 * NULL. S_OK, E_NOINTERFACE (not a proxy), E_INVALIDARG. sdk:CoQueryProxyBlanket */
STDAPI CoQueryProxyBlanket(IUnknown *pProxy, DWORD *pwAuthnSvc, DWORD *pAuthzSvc, LPOLESTR *pServerPrincName,
                           DWORD *pAuthnLevel, DWORD *pImpLevel, RPC_AUTH_IDENTITY_HANDLE *pAuthInfo,
                           DWORD *pCapabilites);
/* A private second proxy of the same interface with the process's default blanket, one reference.
 * QueryInterface on it leads back to the original. S_OK, E_NOINTERFACE, E_INVALIDARG (IUnknown,
 * IClientSecurity). sdk:CoCopyProxy */
STDAPI CoCopyProxy(IUnknown *pProxy, IUnknown **ppCopy);

/* Security of the call that is being answered */

/* The context of the call this thread is answering: IID_IServerSecurity, IID_IUnknown. S_OK (a reference);
 * RPC_E_CALL_COMPLETE: it is answering none; E_NOINTERFACE. sdk:CoGetCallContext */
STDAPI CoGetCallContext(REFIID riid, void **ppInterface);
/* Puts `pNewObject` in the place of the call's context, for marshallers of one's own. No references are
 * counted: the caller keeps `pNewObject` alive and restores *ppOldObject before the call ends. S_OK,
 * E_INVALIDARG. sdk:CoSwitchCallContext */
STDAPI CoSwitchCallContext(IUnknown *pNewObject, IUnknown **ppOldObject);
/* Makes the thread act as the caller, at the level the caller granted, until CoRevertToSelf or the end of the
 * call. That it succeeds does not mean the token can do much: its level says so. S_OK; RPC_E_CALL_COMPLETE:
 * no call; RPC_E_UNSECURE_CALL: the caller did not authenticate. On failure the thread stays what it was:
 * check the result. sdk:CoImpersonateClient */
STDAPI CoImpersonateClient(void);
/* Gives the thread the token back that it had before the first CoImpersonateClient of this call. S_OK also
 * when it was not impersonating; RPC_E_CALL_COMPLETE: no call. sdk:CoRevertToSelf */
STDAPI CoRevertToSelf(void);
/* The caller's blanket. Every result may be NULL; pImpLevel must be (the thread's token tells the level).
 * *pServerPrincName is freed with CoTaskMemFree; *pPrivs is a wide string REALM\user that lives as long as
 * the call. S_OK; RPC_E_CALL_COMPLETE; E_INVALIDARG. sdk:CoQueryClientBlanket */
STDAPI CoQueryClientBlanket(DWORD *pAuthnSvc, DWORD *pAuthzSvc, LPOLESTR *pServerPrincName,
                            DWORD *pAuthnLevel, DWORD *pImpLevel, RPC_AUTHZ_HANDLE *pPrivs,
                            DWORD *pCapabilities);

/* Activation */

/* One interface of a new object. CoCreateInstanceEx on this machine. sdk:CoCreateInstance */
STDAPI CoCreateInstance(REFCLSID rclsid, LPUNKNOWN pUnkOuter, DWORD dwClsContext, REFIID riid, LPVOID *ppv);
/*
 * Makes an object of a class and asks it for several interfaces at once. The activating identity:
 * pServerInfo->pAuthInfo's, else the thread's token where the process cloaks (either kind) or dwClsContext
 * has CLSCTX_ENABLE_CLOAKING, else the process. S_OK: all interfaces; CO_S_NOTALLINTERFACES: some, see each
 * `hr`; E_NOINTERFACE: none; CO_E_NOTINITIALIZED; REGDB_E_CLASSNOTREG; CLASS_E_NOAGGREGATION (pUnkOuter
 * across a process); E_ACCESSDENIED; what the network and the security of the call say.
 * sdk:CoCreateInstanceEx
 */
STDAPI CoCreateInstanceEx(REFCLSID rclsid, IUnknown *punkOuter, DWORD dwClsCtx, COSERVERINFO *pServerInfo,
                          DWORD dwCount, MULTI_QI *pResults);
/* The class object itself, usually for IID_IClassFactory. Errors as above. sdk:CoGetClassObject */
STDAPI CoGetClassObject(REFCLSID rclsid, DWORD dwClsContext, COSERVERINFO *pvReserved, REFIID riid,
                        LPVOID *ppv);

typedef enum tagREGCLS {
    REGCLS_SINGLEUSE = 0,
    REGCLS_MULTIPLEUSE = 1,
    REGCLS_MULTI_SEPARATE = 2,
    REGCLS_SUSPENDED = 4,
    REGCLS_SURROGATE = 8,
} REGCLS;

/* Offers a class to other processes (CLSCTX_LOCAL_SERVER, which includes other machines) or to this one
 * (CLSCTX_INPROC_SERVER). *lpdwRegister is the cookie that CoRevokeClassObject takes; the class object is
 * kept until then. S_OK; CO_E_OBJISREG; E_ACCESSDENIED: classes.d does not let this account serve it;
 * CO_E_NOTINITIALIZED; E_INVALIDARG. sdk:CoRegisterClassObject */
STDAPI CoRegisterClassObject(REFCLSID rclsid, LPUNKNOWN pUnk, DWORD dwClsContext, DWORD flags,
                             LPDWORD lpdwRegister);
/* S_OK, E_INVALIDARG (no such cookie). sdk:CoRevokeClassObject */
STDAPI CoRevokeClassObject(DWORD dwRegister);
/* Offers (or for a while no longer) all class objects of this process, REGCLS_SUSPENDED ones among them.
 * S_OK; CO_E_NOTINITIALIZED; what mantled answered. sdk:CoResumeClassObjects, sdk:CoSuspendClassObjects */
STDAPI CoResumeClassObjects(void);
STDAPI CoSuspendClassObjects(void);
/* Says for this process which class marshals an interface. S_OK. sdk:CoRegisterPSClsid */
STDAPI CoRegisterPSClsid(REFIID riid, REFCLSID rclsid);
/* Which class marshals an interface: what CoRegisterPSClsid said; for an interface that generated code
 * registered by itself its IID, as MIDL does. S_OK; REGDB_E_IIDNOTREG. sdk:CoGetPSClsid */
STDAPI CoGetPSClsid(REFIID riid, CLSID *pClsid);

/* What a module of classes defines, and COM calls: the class object (CLASS_E_CLASSNOTAVAILABLE), whether it
 * may go. */
EXTERN_C __attribute__((visibility("default"))) HRESULT DllGetClassObject(REFCLSID rclsid, REFIID riid,
                                                                          LPVOID *ppv);
EXTERN_C __attribute__((visibility("default"))) HRESULT DllCanUnloadNow(void);

/* Marshalling */

/* Writes what CoUnmarshalInterface turns back into the interface, anywhere dwDestContext (MSHCTX_*) reaches.
 * S_OK; E_NOINTERFACE; REGDB_E_IIDNOTREG: nobody registered how to marshal it; CO_E_NOTINITIALIZED; errors of
 * the stream. sdk:CoMarshalInterface */
STDAPI CoMarshalInterface(LPSTREAM pStm, REFIID riid, LPUNKNOWN pUnk, DWORD dwDestContext,
                          LPVOID pvDestContext, DWORD mshlflags);
/* Reads what CoMarshalInterface wrote: a proxy with the process's default blanket, or the object itself in
 * the apartment it came from. S_OK; E_NOINTERFACE; RPC_E_INVALID_OBJREF: not an object reference;
 * CO_E_OBJNOTCONNECTED: released before; CO_E_NOTINITIALIZED; errors of the stream. sdk:CoUnmarshalInterface
 */
STDAPI CoUnmarshalInterface(LPSTREAM pStm, REFIID riid, LPVOID *ppv);
/* Undoes CoMarshalInterface without unmarshalling. Errors as above. sdk:CoReleaseMarshalData */
STDAPI CoReleaseMarshalData(LPSTREAM pStm);
/* Cuts every remote client off from an object of this process; calls that come later get RPC_E_DISCONNECTED.
 * S_OK also when it had none; E_INVALIDARG (dwReserved). sdk:CoDisconnectObject */
STDAPI CoDisconnectObject(LPUNKNOWN pUnk, DWORD dwReserved);

/* From now on, until CoDisableCallCancellation was called as often, other threads may end the calls that this
 * thread makes. S_OK; E_INVALIDARG (pReserved); E_OUTOFMEMORY. sdk:CoEnableCallCancellation */
STDAPI CoEnableCallCancellation(LPVOID pReserved);
/* S_OK; CO_E_CANCEL_DISABLED: it was not enabled; E_INVALIDARG. sdk:CoDisableCallCancellation */
STDAPI CoDisableCallCancellation(LPVOID pReserved);
/* Ends the call that a thread of this process waits for (the innermost one; dwThreadId 0: this thread's): the
 * server is told and has ulTimeout seconds to answer, then the call returns RPC_E_CALL_CANCELED whatever the
 * server does. Does not wait itself. S_OK; CO_E_CANCEL_DISABLED: the thread did not allow it;
 * RPC_E_CALL_COMPLETE: it makes no call; RPC_E_CALL_CANCELED: somebody else ended it. sdk:CoCancelCall */
STDAPI CoCancelCall(DWORD dwThreadId, ULONG ulTimeout);
/* In a method: does its client still want the result? A method that takes long asks now and then.
 * RPC_S_CALLPENDING: yes, or it cannot be told; RPC_E_CALL_CANCELED: the client cancelled the call, or is
 * gone; RPC_E_CALL_COMPLETE: this thread answers no call. sdk:CoTestCancel */
STDAPI CoTestCancel(void);

/* A stream on memory; hGlobal NULL makes the memory, else its content is the stream's. fDeleteOnRelease frees
 * the memory with the last reference. S_OK, E_INVALIDARG. sdk:CreateStreamOnHGlobal */
STDAPI CreateStreamOnHGlobal(HGLOBAL hGlobal, BOOL fDeleteOnRelease, LPSTREAM *ppstm);
/* The memory below such a stream; it stays the stream's. S_OK, E_INVALIDARG. sdk:GetHGlobalFromStream */
STDAPI GetHGlobalFromStream(LPSTREAM pstm, HGLOBAL *phglobal);

/* Memory. Blocks that one side of a call makes and the other frees come from here. */

/* NULL when memory is short; a size of 0 gives a block. */
MANTLE_API LPVOID CoTaskMemAlloc(SIZE_T size);
MANTLE_API LPVOID CoTaskMemRealloc(LPVOID block, SIZE_T size);
MANTLE_API void CoTaskMemFree(LPVOID block);
/* The same as an object; dwMemContext is 1. S_OK, E_INVALIDARG. sdk:CoGetMalloc */
STDAPI CoGetMalloc(DWORD dwMemContext, LPMALLOC *ppMalloc);

/* GUIDs and their text */

/* A random GUID. S_OK, or HRESULT_FROM_WIN32 of the system's failure to give random bytes. sdk:CoCreateGuid
 */
STDAPI CoCreateGuid(GUID *pguid);
/* "{8-4-4-4-12}" to a GUID; NULL text gives GUID_NULL. S_OK, CO_E_CLASSSTRING (also for a ProgID: there are
 * none), E_INVALIDARG. sdk:CLSIDFromString, sdk:IIDFromString */
STDAPI CLSIDFromString(LPCOLESTR lpsz, LPCLSID pclsid);
/* As above; CO_E_IIDSTRING. */
STDAPI IIDFromString(LPCOLESTR lpsz, LPIID lpiid);
/* "{...}" in upper case, freed with CoTaskMemFree. sdk:StringFromCLSID, sdk:StringFromIID */
STDAPI StringFromCLSID(REFCLSID rclsid, LPOLESTR *lplpsz);
STDAPI StringFromIID(REFIID rclsid, LPOLESTR *lplpsz);
/* The same into a buffer of cchMax characters: the number written with the NUL, 39, or 0 when it does not
 * fit. sdk:StringFromGUID2 */
STDAPI_(int) StringFromGUID2(REFGUID rguid, LPOLESTR lpsz, int cchMax);
