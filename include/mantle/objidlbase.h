/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interfaces and structures of the COM base: memory, streams, marshalling, security of proxies and of calls.
 *
 * Unless a comment says otherwise: strings and memory that a method hands out are freed by CoTaskMemFree;
 * E_POINTER stands for a NULL pointer where a result belongs. "sdk:Name" is the Win32 reference page of that
 * name.
 */
#pragma once
#include "rpcdce.h"
#include "unknwn.h"
#include "wtypes.h"

typedef interface IMalloc IMalloc;
typedef interface ISequentialStream ISequentialStream;
typedef interface IStream IStream;
typedef interface IMarshal IMarshal;
typedef interface IMultiQI IMultiQI;
typedef interface IClientSecurity IClientSecurity;
typedef interface IServerSecurity IServerSecurity;
typedef IMalloc *LPMALLOC;
typedef IStream *LPSTREAM;
typedef IMarshal *LPMARSHAL;

/* Capabilities of a blanket; sdk:EOLE_AUTHENTICATION_CAPABILITIES says which are accepted where. */
typedef enum tagEOLE_AUTHENTICATION_CAPABILITIES {
    EOAC_NONE = 0,
    EOAC_MUTUAL_AUTH = 0x1,
    EOAC_SECURE_REFS = 0x2,
    EOAC_ACCESS_CONTROL = 0x4,
    EOAC_APPID = 0x8,
    EOAC_DYNAMIC = 0x10,
    EOAC_STATIC_CLOAKING = 0x20,
    EOAC_DYNAMIC_CLOAKING = 0x40,
    EOAC_ANY_AUTHORITY = 0x80,
    EOAC_MAKE_FULLSIC = 0x100,
    EOAC_REQUIRE_FULLSIC = 0x200,
    EOAC_AUTO_IMPERSONATE = 0x400,
    EOAC_DEFAULT = 0x800,
    EOAC_DISABLE_AAA = 0x1000,
    EOAC_NO_CUSTOM_MARSHAL = 0x2000,
    EOAC_RESERVED1 = 0x4000,
} EOLE_AUTHENTICATION_CAPABILITIES;

/* "Choose by negotiation", for the principal name and the identity of a blanket. */
#define COLE_DEFAULT_PRINCIPAL ((OLECHAR *)(INT_PTR)-1)
#define COLE_DEFAULT_AUTHINFO  ((void *)(INT_PTR)-1)

/* A service that a server offers; `hr` is filled in by CoInitializeSecurity. */
typedef struct tagSOLE_AUTHENTICATION_SERVICE {
    DWORD dwAuthnSvc;
    DWORD dwAuthzSvc;
    OLECHAR *pPrincipalName; /* NULL: the identity of the process */
    HRESULT hr;
} SOLE_AUTHENTICATION_SERVICE, *PSOLE_AUTHENTICATION_SERVICE;

/* An identity to use with a service: SEC_WINNT_AUTH_IDENTITY_W or _EXW, NULL: the process's own. */
typedef struct tagSOLE_AUTHENTICATION_INFO {
    DWORD dwAuthnSvc;
    DWORD dwAuthzSvc;
    void *pAuthInfo;
} SOLE_AUTHENTICATION_INFO, *PSOLE_AUTHENTICATION_INFO;

typedef struct tagSOLE_AUTHENTICATION_LIST {
    DWORD cAuthInfo;
    SOLE_AUTHENTICATION_INFO *aAuthInfo;
} SOLE_AUTHENTICATION_LIST, *PSOLE_AUTHENTICATION_LIST;

/* Another identity for an activation; as SEC_WINNT_AUTH_IDENTITY_W. */
typedef struct _COAUTHIDENTITY {
    USHORT *User;
    ULONG UserLength;
    USHORT *Domain;
    ULONG DomainLength;
    USHORT *Password;
    ULONG PasswordLength;
    ULONG Flags;
} COAUTHIDENTITY;

/*
 * Security of one activation, never of the calls that follow it (sdk:COAUTHINFO). dwImpersonationLevel is
 * IMPERSONATE or above and dwCapabilities 0 or RPC_C_QOS_CAPABILITIES_MUTUAL_AUTH; bad values there, in
 * dwAuthzSvc and in pwszServerPrincName are replaced by defaults without a report.
 */
typedef struct _COAUTHINFO {
    DWORD dwAuthnSvc;
    DWORD dwAuthzSvc;
    LPWSTR pwszServerPrincName; /* NULL: RPCSS/<pwszName> */
    DWORD dwAuthnLevel;
    DWORD dwImpersonationLevel;
    COAUTHIDENTITY *pAuthIdentityData; /* NULL: the activating identity by the rules of cloaking */
    DWORD dwCapabilities;
} COAUTHINFO;

/* Where to activate: a host name, "host:port" or "[IPv6]:port"; NULL: this machine. dwReserved1 and 2 are 0.
 */
typedef struct _COSERVERINFO {
    DWORD dwReserved1;
    LPWSTR pwszName;
    COAUTHINFO *pAuthInfo;
    DWORD dwReserved2;
} COSERVERINFO;

/* One interface asked for: `pItf` is NULL before; after it owns a reference where `hr` is S_OK. */
typedef struct tagMULTI_QI {
    const IID *pIID;
    IUnknown *pItf;
    HRESULT hr;
} MULTI_QI;

/* Streams */
typedef enum tagSTREAM_SEEK { STREAM_SEEK_SET = 0, STREAM_SEEK_CUR = 1, STREAM_SEEK_END = 2 } STREAM_SEEK;
typedef enum tagSTGTY { STGTY_STORAGE = 1, STGTY_STREAM = 2, STGTY_LOCKBYTES = 3, STGTY_PROPERTY = 4 } STGTY;
typedef enum tagSTGC {
    STGC_DEFAULT = 0,
    STGC_OVERWRITE = 1,
    STGC_ONLYIFCURRENT = 2,
    STGC_DANGEROUSLYCOMMITMERELYTODISKCACHE = 4,
    STGC_CONSOLIDATE = 8,
} STGC;
typedef enum tagSTATFLAG { STATFLAG_DEFAULT = 0, STATFLAG_NONAME = 1, STATFLAG_NOOPEN = 2 } STATFLAG;
typedef enum tagLOCKTYPE { LOCK_WRITE = 1, LOCK_EXCLUSIVE = 2, LOCK_ONLYONCE = 4 } LOCKTYPE;

typedef struct tagSTATSTG {
    LPOLESTR pwcsName; /* CoTaskMemFree; NULL for a stream on memory */
    DWORD type;        /* STGTY */
    ULARGE_INTEGER cbSize;
    FILETIME mtime, ctime, atime;
    DWORD grfMode;
    DWORD grfLocksSupported;
    CLSID clsid;
    DWORD grfStateBits;
    DWORD reserved;
} STATSTG;

/* The task allocator; sdk:IMalloc. */
MANTLE_API const IID IID_IMalloc; /* 00000002-0000-0000-C000-000000000046 */
#if defined(__cplusplus) && !defined(CINTERFACE)
interface IMalloc : public IUnknown
{
    virtual void *STDMETHODCALLTYPE Alloc(SIZE_T cb) = 0;
    virtual void *STDMETHODCALLTYPE Realloc(void *pv, SIZE_T cb) = 0;
    virtual void STDMETHODCALLTYPE Free(void *pv) = 0;
    virtual SIZE_T STDMETHODCALLTYPE GetSize(void *pv) = 0;
    virtual INT STDMETHODCALLTYPE DidAlloc(void *pv) = 0;
    virtual void STDMETHODCALLTYPE HeapMinimize() = 0;
};
__CRT_UUID_DECL(IMalloc, 0x00000002, 0x0000, 0x0000, 0xC0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x46)
#else
typedef struct IMallocVtbl {
    BEGIN_INTERFACE
    HRESULT(STDMETHODCALLTYPE *QueryInterface)(IMalloc *This, REFIID riid, void **ppvObject);
    ULONG(STDMETHODCALLTYPE *AddRef)(IMalloc *This);
    ULONG(STDMETHODCALLTYPE *Release)(IMalloc *This);
    /* NULL when memory is exhausted; `cb` 0 gives a valid block. */
    void *(STDMETHODCALLTYPE *Alloc)(IMalloc *This, SIZE_T cb);
    /* NULL and the old block kept when memory is exhausted; `pv` NULL allocates, `cb` 0 frees and gives NULL.
     */
    void *(STDMETHODCALLTYPE *Realloc)(IMalloc *This, void *pv, SIZE_T cb);
    /* NULL is accepted. */
    void(STDMETHODCALLTYPE *Free)(IMalloc *This, void *pv);
    /* The usable size, (SIZE_T)-1 for NULL. */
    SIZE_T(STDMETHODCALLTYPE *GetSize)(IMalloc *This, void *pv);
    /* Always -1: this allocator cannot tell. */
    INT(STDMETHODCALLTYPE *DidAlloc)(IMalloc *This, void *pv);
    void(STDMETHODCALLTYPE *HeapMinimize)(IMalloc *This);
    END_INTERFACE
} IMallocVtbl;
interface IMalloc
{
    CONST_VTBL struct IMallocVtbl *lpVtbl;
};
#ifdef COBJMACROS
#define IMalloc_QueryInterface(This, riid, ppvObject) (This)->lpVtbl->QueryInterface(This, riid, ppvObject)
#define IMalloc_AddRef(This)                          (This)->lpVtbl->AddRef(This)
#define IMalloc_Release(This)                         (This)->lpVtbl->Release(This)
#define IMalloc_Alloc(This, cb)                       (This)->lpVtbl->Alloc(This, cb)
#define IMalloc_Realloc(This, pv, cb)                 (This)->lpVtbl->Realloc(This, pv, cb)
#define IMalloc_Free(This, pv)                        (This)->lpVtbl->Free(This, pv)
#define IMalloc_GetSize(This, pv)                     (This)->lpVtbl->GetSize(This, pv)
#define IMalloc_DidAlloc(This, pv)                    (This)->lpVtbl->DidAlloc(This, pv)
#define IMalloc_HeapMinimize(This)                    (This)->lpVtbl->HeapMinimize(This)
#endif
#endif

/* Bytes in order; sdk:ISequentialStream. */
MANTLE_API const IID IID_ISequentialStream; /* 0C733A30-2A1C-11CE-ADE5-00AA0044773D */
#if defined(__cplusplus) && !defined(CINTERFACE)
interface ISequentialStream : public IUnknown
{
    virtual HRESULT STDMETHODCALLTYPE Read(void *pv, ULONG cb, ULONG *pcbRead) = 0;
    virtual HRESULT STDMETHODCALLTYPE Write(const void *pv, ULONG cb, ULONG *pcbWritten) = 0;
};
__CRT_UUID_DECL(ISequentialStream, 0x0C733A30, 0x2A1C, 0x11CE, 0xAD, 0xE5, 0x00, 0xAA, 0x00, 0x44, 0x77, 0x3D)
#else
typedef struct ISequentialStreamVtbl {
    BEGIN_INTERFACE
    HRESULT(STDMETHODCALLTYPE *QueryInterface)(ISequentialStream *This, REFIID riid, void **ppvObject);
    ULONG(STDMETHODCALLTYPE *AddRef)(ISequentialStream *This);
    ULONG(STDMETHODCALLTYPE *Release)(ISequentialStream *This);
    /* S_OK also at the end with fewer bytes; `pcbRead` may be NULL. STG_E_INVALIDPOINTER. */
    HRESULT(STDMETHODCALLTYPE *Read)(ISequentialStream *This, void *pv, ULONG cb, ULONG *pcbRead);
    /* STG_E_INVALIDPOINTER, STG_E_MEDIUMFULL (no memory); `pcbWritten` may be NULL. */
    HRESULT(STDMETHODCALLTYPE *Write)(ISequentialStream *This, const void *pv, ULONG cb, ULONG *pcbWritten);
    END_INTERFACE
} ISequentialStreamVtbl;
interface ISequentialStream
{
    CONST_VTBL struct ISequentialStreamVtbl *lpVtbl;
};
#ifdef COBJMACROS
#define ISequentialStream_QueryInterface(This, riid, ppvObject)                                              \
    (This)->lpVtbl->QueryInterface(This, riid, ppvObject)
#define ISequentialStream_AddRef(This)                    (This)->lpVtbl->AddRef(This)
#define ISequentialStream_Release(This)                   (This)->lpVtbl->Release(This)
#define ISequentialStream_Read(This, pv, cb, pcbRead)     (This)->lpVtbl->Read(This, pv, cb, pcbRead)
#define ISequentialStream_Write(This, pv, cb, pcbWritten) (This)->lpVtbl->Write(This, pv, cb, pcbWritten)
#endif
#endif

/* Bytes with a position and a size; sdk:IStream. */
MANTLE_API const IID IID_IStream; /* 0000000C-0000-0000-C000-000000000046 */
#if defined(__cplusplus) && !defined(CINTERFACE)
interface IStream : public ISequentialStream
{
    virtual HRESULT STDMETHODCALLTYPE Seek(LARGE_INTEGER dlibMove, DWORD dwOrigin,
                                           ULARGE_INTEGER *plibNewPosition) = 0;
    virtual HRESULT STDMETHODCALLTYPE SetSize(ULARGE_INTEGER libNewSize) = 0;
    virtual HRESULT STDMETHODCALLTYPE CopyTo(IStream *pstm, ULARGE_INTEGER cb, ULARGE_INTEGER *pcbRead,
                                             ULARGE_INTEGER *pcbWritten) = 0;
    virtual HRESULT STDMETHODCALLTYPE Commit(DWORD grfCommitFlags) = 0;
    virtual HRESULT STDMETHODCALLTYPE Revert() = 0;
    virtual HRESULT STDMETHODCALLTYPE LockRegion(ULARGE_INTEGER libOffset, ULARGE_INTEGER cb,
                                                 DWORD dwLockType) = 0;
    virtual HRESULT STDMETHODCALLTYPE UnlockRegion(ULARGE_INTEGER libOffset, ULARGE_INTEGER cb,
                                                   DWORD dwLockType) = 0;
    virtual HRESULT STDMETHODCALLTYPE Stat(STATSTG *pstatstg, DWORD grfStatFlag) = 0;
    virtual HRESULT STDMETHODCALLTYPE Clone(IStream **ppstm) = 0;
};
__CRT_UUID_DECL(IStream, 0x0000000C, 0x0000, 0x0000, 0xC0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x46)
#else
typedef struct IStreamVtbl {
    BEGIN_INTERFACE
    HRESULT(STDMETHODCALLTYPE *QueryInterface)(IStream *This, REFIID riid, void **ppvObject);
    ULONG(STDMETHODCALLTYPE *AddRef)(IStream *This);
    ULONG(STDMETHODCALLTYPE *Release)(IStream *This);
    HRESULT(STDMETHODCALLTYPE *Read)(IStream *This, void *pv, ULONG cb, ULONG *pcbRead);
    HRESULT(STDMETHODCALLTYPE *Write)(IStream *This, const void *pv, ULONG cb, ULONG *pcbWritten);
    /* STG_E_INVALIDFUNCTION (origin, or before the start). Seeking past the end is allowed and does not grow
     * the stream. */
    HRESULT(STDMETHODCALLTYPE *Seek)
    (IStream *This, LARGE_INTEGER dlibMove, DWORD dwOrigin, ULARGE_INTEGER *plibNewPosition);
    /* STG_E_INVALIDFUNCTION (above 4 GiB), E_OUTOFMEMORY. New bytes are zero. */
    HRESULT(STDMETHODCALLTYPE *SetSize)(IStream *This, ULARGE_INTEGER libNewSize);
    /* Copies from here to `pstm`; the counts may be NULL. STG_E_INVALIDPOINTER, or what Write of `pstm`
     * returned. */
    HRESULT(STDMETHODCALLTYPE *CopyTo)
    (IStream *This, IStream *pstm, ULARGE_INTEGER cb, ULARGE_INTEGER *pcbRead, ULARGE_INTEGER *pcbWritten);
    /* S_OK: a stream on memory is never behind. */
    HRESULT(STDMETHODCALLTYPE *Commit)(IStream *This, DWORD grfCommitFlags);
    /* S_OK: it is not transacted. */
    HRESULT(STDMETHODCALLTYPE *Revert)(IStream *This);
    /* STG_E_INVALIDFUNCTION: regions cannot be locked. */
    HRESULT(STDMETHODCALLTYPE *LockRegion)
    (IStream *This, ULARGE_INTEGER libOffset, ULARGE_INTEGER cb, DWORD dwLockType);
    HRESULT(STDMETHODCALLTYPE *UnlockRegion)
    (IStream *This, ULARGE_INTEGER libOffset, ULARGE_INTEGER cb, DWORD dwLockType);
    /* STG_E_INVALIDPOINTER. */
    HRESULT(STDMETHODCALLTYPE *Stat)(IStream *This, STATSTG *pstatstg, DWORD grfStatFlag);
    /* A second stream on the same bytes with a position of its own, at this one's. */
    HRESULT(STDMETHODCALLTYPE *Clone)(IStream *This, IStream **ppstm);
    END_INTERFACE
} IStreamVtbl;
interface IStream
{
    CONST_VTBL struct IStreamVtbl *lpVtbl;
};
#ifdef COBJMACROS
#define IStream_QueryInterface(This, riid, ppvObject) (This)->lpVtbl->QueryInterface(This, riid, ppvObject)
#define IStream_AddRef(This)                          (This)->lpVtbl->AddRef(This)
#define IStream_Release(This)                         (This)->lpVtbl->Release(This)
#define IStream_Read(This, pv, cb, pcbRead)           (This)->lpVtbl->Read(This, pv, cb, pcbRead)
#define IStream_Write(This, pv, cb, pcbWritten)       (This)->lpVtbl->Write(This, pv, cb, pcbWritten)
#define IStream_Seek(This, dlibMove, dwOrigin, plibNewPosition)                                              \
    (This)->lpVtbl->Seek(This, dlibMove, dwOrigin, plibNewPosition)
#define IStream_SetSize(This, libNewSize) (This)->lpVtbl->SetSize(This, libNewSize)
#define IStream_CopyTo(This, pstm, cb, pcbRead, pcbWritten)                                                  \
    (This)->lpVtbl->CopyTo(This, pstm, cb, pcbRead, pcbWritten)
#define IStream_Commit(This, grfCommitFlags) (This)->lpVtbl->Commit(This, grfCommitFlags)
#define IStream_Revert(This)                 (This)->lpVtbl->Revert(This)
#define IStream_LockRegion(This, libOffset, cb, dwLockType)                                                  \
    (This)->lpVtbl->LockRegion(This, libOffset, cb, dwLockType)
#define IStream_UnlockRegion(This, libOffset, cb, dwLockType)                                                \
    (This)->lpVtbl->UnlockRegion(This, libOffset, cb, dwLockType)
#define IStream_Stat(This, pstatstg, grfStatFlag) (This)->lpVtbl->Stat(This, pstatstg, grfStatFlag)
#define IStream_Clone(This, ppstm)                (This)->lpVtbl->Clone(This, ppstm)
#endif
#endif

/* An object that packs itself; sdk:IMarshal. */
MANTLE_API const IID IID_IMarshal; /* 00000003-0000-0000-C000-000000000046 */
#if defined(__cplusplus) && !defined(CINTERFACE)
interface IMarshal : public IUnknown
{
    virtual HRESULT STDMETHODCALLTYPE GetUnmarshalClass(REFIID riid, void *pv, DWORD dwDestContext,
                                                        void *pvDestContext, DWORD mshlflags,
                                                        CLSID *pCid) = 0;
    virtual HRESULT STDMETHODCALLTYPE GetMarshalSizeMax(REFIID riid, void *pv, DWORD dwDestContext,
                                                        void *pvDestContext, DWORD mshlflags,
                                                        DWORD *pSize) = 0;
    virtual HRESULT STDMETHODCALLTYPE MarshalInterface(IStream *pStm, REFIID riid, void *pv,
                                                       DWORD dwDestContext, void *pvDestContext,
                                                       DWORD mshlflags) = 0;
    virtual HRESULT STDMETHODCALLTYPE UnmarshalInterface(IStream *pStm, REFIID riid, void **ppv) = 0;
    virtual HRESULT STDMETHODCALLTYPE ReleaseMarshalData(IStream *pStm) = 0;
    virtual HRESULT STDMETHODCALLTYPE DisconnectObject(DWORD dwReserved) = 0;
};
__CRT_UUID_DECL(IMarshal, 0x00000003, 0x0000, 0x0000, 0xC0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x46)
#else
typedef struct IMarshalVtbl {
    BEGIN_INTERFACE
    HRESULT(STDMETHODCALLTYPE *QueryInterface)(IMarshal *This, REFIID riid, void **ppvObject);
    ULONG(STDMETHODCALLTYPE *AddRef)(IMarshal *This);
    ULONG(STDMETHODCALLTYPE *Release)(IMarshal *This);
    HRESULT(STDMETHODCALLTYPE *GetUnmarshalClass)
    (IMarshal *This, REFIID riid, void *pv, DWORD dwDestContext, void *pvDestContext, DWORD mshlflags,
     CLSID *pCid);
    HRESULT(STDMETHODCALLTYPE *GetMarshalSizeMax)
    (IMarshal *This, REFIID riid, void *pv, DWORD dwDestContext, void *pvDestContext, DWORD mshlflags,
     DWORD *pSize);
    HRESULT(STDMETHODCALLTYPE *MarshalInterface)
    (IMarshal *This, IStream *pStm, REFIID riid, void *pv, DWORD dwDestContext, void *pvDestContext,
     DWORD mshlflags);
    HRESULT(STDMETHODCALLTYPE *UnmarshalInterface)(IMarshal *This, IStream *pStm, REFIID riid, void **ppv);
    HRESULT(STDMETHODCALLTYPE *ReleaseMarshalData)(IMarshal *This, IStream *pStm);
    HRESULT(STDMETHODCALLTYPE *DisconnectObject)(IMarshal *This, DWORD dwReserved);
    END_INTERFACE
} IMarshalVtbl;
interface IMarshal
{
    CONST_VTBL struct IMarshalVtbl *lpVtbl;
};
#ifdef COBJMACROS
#define IMarshal_QueryInterface(This, riid, ppvObject) (This)->lpVtbl->QueryInterface(This, riid, ppvObject)
#define IMarshal_AddRef(This)                          (This)->lpVtbl->AddRef(This)
#define IMarshal_Release(This)                         (This)->lpVtbl->Release(This)
#define IMarshal_GetUnmarshalClass(This, riid, pv, dwDestContext, pvDestContext, mshlflags, pCid)            \
    (This)->lpVtbl->GetUnmarshalClass(This, riid, pv, dwDestContext, pvDestContext, mshlflags, pCid)
#define IMarshal_GetMarshalSizeMax(This, riid, pv, dwDestContext, pvDestContext, mshlflags, pSize)           \
    (This)->lpVtbl->GetMarshalSizeMax(This, riid, pv, dwDestContext, pvDestContext, mshlflags, pSize)
#define IMarshal_MarshalInterface(This, pStm, riid, pv, dwDestContext, pvDestContext, mshlflags)             \
    (This)->lpVtbl->MarshalInterface(This, pStm, riid, pv, dwDestContext, pvDestContext, mshlflags)
#define IMarshal_UnmarshalInterface(This, pStm, riid, ppv)                                                   \
    (This)->lpVtbl->UnmarshalInterface(This, pStm, riid, ppv)
#define IMarshal_ReleaseMarshalData(This, pStm)     (This)->lpVtbl->ReleaseMarshalData(This, pStm)
#define IMarshal_DisconnectObject(This, dwReserved) (This)->lpVtbl->DisconnectObject(This, dwReserved)
#endif
#endif

/* QueryInterface for several interfaces with one round trip, by IUnknown's blanket; sdk:IMultiQI. */
MANTLE_API const IID IID_IMultiQI; /* 00000020-0000-0000-C000-000000000046 */
#if defined(__cplusplus) && !defined(CINTERFACE)
interface IMultiQI : public IUnknown
{
    virtual HRESULT STDMETHODCALLTYPE QueryMultipleInterfaces(ULONG cMQIs, MULTI_QI *pMQIs) = 0;
};
__CRT_UUID_DECL(IMultiQI, 0x00000020, 0x0000, 0x0000, 0xC0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x46)
#else
typedef struct IMultiQIVtbl {
    BEGIN_INTERFACE
    HRESULT(STDMETHODCALLTYPE *QueryInterface)(IMultiQI *This, REFIID riid, void **ppvObject);
    ULONG(STDMETHODCALLTYPE *AddRef)(IMultiQI *This);
    ULONG(STDMETHODCALLTYPE *Release)(IMultiQI *This);
    /* S_OK: all; S_FALSE: some; E_NOINTERFACE: none. */
    HRESULT(STDMETHODCALLTYPE *QueryMultipleInterfaces)(IMultiQI *This, ULONG cMQIs, MULTI_QI *pMQIs);
    END_INTERFACE
} IMultiQIVtbl;
interface IMultiQI
{
    CONST_VTBL struct IMultiQIVtbl *lpVtbl;
};
#ifdef COBJMACROS
#define IMultiQI_QueryInterface(This, riid, ppvObject) (This)->lpVtbl->QueryInterface(This, riid, ppvObject)
#define IMultiQI_AddRef(This)                          (This)->lpVtbl->AddRef(This)
#define IMultiQI_Release(This)                         (This)->lpVtbl->Release(This)
#define IMultiQI_QueryMultipleInterfaces(This, cMQIs, pMQIs)                                                 \
    (This)->lpVtbl->QueryMultipleInterfaces(This, cMQIs, pMQIs)
#endif
#endif

/* The blankets of a proxy's interfaces, answered locally by the proxy manager; sdk:IClientSecurity. */
MANTLE_API const IID IID_IClientSecurity; /* 0000013D-0000-0000-C000-000000000046 */
#if defined(__cplusplus) && !defined(CINTERFACE)
interface IClientSecurity : public IUnknown
{
    virtual HRESULT STDMETHODCALLTYPE QueryBlanket(IUnknown *pProxy, DWORD *pAuthnSvc, DWORD *pAuthzSvc,
                                                   OLECHAR **pServerPrincName, DWORD *pAuthnLevel,
                                                   DWORD *pImpLevel, void **pAuthInfo,
                                                   DWORD *pCapabilites) = 0;
    virtual HRESULT STDMETHODCALLTYPE SetBlanket(IUnknown *pProxy, DWORD dwAuthnSvc, DWORD dwAuthzSvc,
                                                 OLECHAR *pServerPrincName, DWORD dwAuthnLevel,
                                                 DWORD dwImpLevel, void *pAuthInfo, DWORD dwCapabilities) = 0;
    virtual HRESULT STDMETHODCALLTYPE CopyProxy(IUnknown *pProxy, IUnknown **ppCopy) = 0;
};
__CRT_UUID_DECL(IClientSecurity, 0x0000013D, 0x0000, 0x0000, 0xC0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x46)
#else
typedef struct IClientSecurityVtbl {
    BEGIN_INTERFACE
    HRESULT(STDMETHODCALLTYPE *QueryInterface)(IClientSecurity *This, REFIID riid, void **ppvObject);
    ULONG(STDMETHODCALLTYPE *AddRef)(IClientSecurity *This);
    ULONG(STDMETHODCALLTYPE *Release)(IClientSecurity *This);
    /* As CoQueryProxyBlanket. */
    HRESULT(STDMETHODCALLTYPE *QueryBlanket)
    (IClientSecurity *This, IUnknown *pProxy, DWORD *pAuthnSvc, DWORD *pAuthzSvc, OLECHAR **pServerPrincName,
     DWORD *pAuthnLevel, DWORD *pImpLevel, void **pAuthInfo, DWORD *pCapabilites);
    /* As CoSetProxyBlanket. */
    HRESULT(STDMETHODCALLTYPE *SetBlanket)
    (IClientSecurity *This, IUnknown *pProxy, DWORD dwAuthnSvc, DWORD dwAuthzSvc, OLECHAR *pServerPrincName,
     DWORD dwAuthnLevel, DWORD dwImpLevel, void *pAuthInfo, DWORD dwCapabilities);
    /* As CoCopyProxy. */
    HRESULT(STDMETHODCALLTYPE *CopyProxy)(IClientSecurity *This, IUnknown *pProxy, IUnknown **ppCopy);
    END_INTERFACE
} IClientSecurityVtbl;
interface IClientSecurity
{
    CONST_VTBL struct IClientSecurityVtbl *lpVtbl;
};
#ifdef COBJMACROS
#define IClientSecurity_QueryInterface(This, riid, ppvObject)                                                \
    (This)->lpVtbl->QueryInterface(This, riid, ppvObject)
#define IClientSecurity_AddRef(This)  (This)->lpVtbl->AddRef(This)
#define IClientSecurity_Release(This) (This)->lpVtbl->Release(This)
#define IClientSecurity_QueryBlanket(This, pProxy, pAuthnSvc, pAuthzSvc, pServerPrincName, pAuthnLevel,      \
                                     pImpLevel, pAuthInfo, pCapabilites)                                     \
    (This)->lpVtbl->QueryBlanket(This, pProxy, pAuthnSvc, pAuthzSvc, pServerPrincName, pAuthnLevel,          \
                                 pImpLevel, pAuthInfo, pCapabilites)
#define IClientSecurity_SetBlanket(This, pProxy, dwAuthnSvc, dwAuthzSvc, pServerPrincName, dwAuthnLevel,     \
                                   dwImpLevel, pAuthInfo, dwCapabilities)                                    \
    (This)->lpVtbl->SetBlanket(This, pProxy, dwAuthnSvc, dwAuthzSvc, pServerPrincName, dwAuthnLevel,         \
                               dwImpLevel, pAuthInfo, dwCapabilities)
#define IClientSecurity_CopyProxy(This, pProxy, ppCopy) (This)->lpVtbl->CopyProxy(This, pProxy, ppCopy)
#endif
#endif

/* The security of the call that is being answered; valid on every thread until it completes;
 * sdk:IServerSecurity. */
MANTLE_API const IID IID_IServerSecurity; /* 0000013E-0000-0000-C000-000000000046 */
#if defined(__cplusplus) && !defined(CINTERFACE)
interface IServerSecurity : public IUnknown
{
    virtual HRESULT STDMETHODCALLTYPE QueryBlanket(DWORD *pAuthnSvc, DWORD *pAuthzSvc,
                                                   OLECHAR **pServerPrincName, DWORD *pAuthnLevel,
                                                   DWORD *pImpLevel, void **pPrivs, DWORD *pCapabilities) = 0;
    virtual HRESULT STDMETHODCALLTYPE ImpersonateClient() = 0;
    virtual HRESULT STDMETHODCALLTYPE RevertToSelf() = 0;
    virtual BOOL STDMETHODCALLTYPE IsImpersonating() = 0;
};
__CRT_UUID_DECL(IServerSecurity, 0x0000013E, 0x0000, 0x0000, 0xC0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x46)
#else
typedef struct IServerSecurityVtbl {
    BEGIN_INTERFACE
    HRESULT(STDMETHODCALLTYPE *QueryInterface)(IServerSecurity *This, REFIID riid, void **ppvObject);
    ULONG(STDMETHODCALLTYPE *AddRef)(IServerSecurity *This);
    ULONG(STDMETHODCALLTYPE *Release)(IServerSecurity *This);
    /* As CoQueryClientBlanket. */
    HRESULT(STDMETHODCALLTYPE *QueryBlanket)
    (IServerSecurity *This, DWORD *pAuthnSvc, DWORD *pAuthzSvc, OLECHAR **pServerPrincName,
     DWORD *pAuthnLevel, DWORD *pImpLevel, void **pPrivs, DWORD *pCapabilities);
    /* As CoImpersonateClient. */
    HRESULT(STDMETHODCALLTYPE *ImpersonateClient)(IServerSecurity *This);
    /* As CoRevertToSelf. */
    HRESULT(STDMETHODCALLTYPE *RevertToSelf)(IServerSecurity *This);
    /* Whether ImpersonateClient is in effect on this thread for this call. */
    BOOL(STDMETHODCALLTYPE *IsImpersonating)(IServerSecurity *This);
    END_INTERFACE
} IServerSecurityVtbl;
interface IServerSecurity
{
    CONST_VTBL struct IServerSecurityVtbl *lpVtbl;
};
#ifdef COBJMACROS
#define IServerSecurity_QueryInterface(This, riid, ppvObject)                                                \
    (This)->lpVtbl->QueryInterface(This, riid, ppvObject)
#define IServerSecurity_AddRef(This)  (This)->lpVtbl->AddRef(This)
#define IServerSecurity_Release(This) (This)->lpVtbl->Release(This)
#define IServerSecurity_QueryBlanket(This, pAuthnSvc, pAuthzSvc, pServerPrincName, pAuthnLevel, pImpLevel,   \
                                     pPrivs, pCapabilities)                                                  \
    (This)->lpVtbl->QueryBlanket(This, pAuthnSvc, pAuthzSvc, pServerPrincName, pAuthnLevel, pImpLevel,       \
                                 pPrivs, pCapabilities)
#define IServerSecurity_ImpersonateClient(This) (This)->lpVtbl->ImpersonateClient(This)
#define IServerSecurity_RevertToSelf(This)      (This)->lpVtbl->RevertToSelf(This)
#define IServerSecurity_IsImpersonating(This)   (This)->lpVtbl->IsImpersonating(This)
#endif
#endif

/* Waits for an event: of a call object, that the call is complete. sdk:ISynchronize */
typedef interface ISynchronize ISynchronize;
MANTLE_API const IID IID_ISynchronize; /* 00000030-0000-0000-C000-000000000046 */
#if defined(__cplusplus) && !defined(CINTERFACE)
interface ISynchronize : public IUnknown
{
    virtual HRESULT STDMETHODCALLTYPE Wait(DWORD dwFlags, DWORD dwMilliseconds) = 0;
    virtual HRESULT STDMETHODCALLTYPE Signal() = 0;
    virtual HRESULT STDMETHODCALLTYPE Reset() = 0;
};
__CRT_UUID_DECL(ISynchronize, 0x00000030, 0x0000, 0x0000, 0xC0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x46)
#else
typedef struct ISynchronizeVtbl {
    BEGIN_INTERFACE
    HRESULT(STDMETHODCALLTYPE *QueryInterface)(ISynchronize *This, REFIID riid, void **ppvObject);
    ULONG(STDMETHODCALLTYPE *AddRef)(ISynchronize *This);
    ULONG(STDMETHODCALLTYPE *Release)(ISynchronize *This);
    /* S_OK; RPC_S_CALLPENDING: the time went by. INFINITE waits for ever. */
    HRESULT(STDMETHODCALLTYPE *Wait)(ISynchronize *This, DWORD dwFlags, DWORD dwMilliseconds);
    /* In a server: the call is complete, and its answer is what Finish_ says. */
    HRESULT(STDMETHODCALLTYPE *Signal)(ISynchronize *This);
    HRESULT(STDMETHODCALLTYPE *Reset)(ISynchronize *This);
    END_INTERFACE
} ISynchronizeVtbl;
interface ISynchronize
{
    CONST_VTBL struct ISynchronizeVtbl *lpVtbl;
};
#ifdef COBJMACROS
#define ISynchronize_QueryInterface(This, riid, ppvObject)                                                   \
    (This)->lpVtbl->QueryInterface(This, riid, ppvObject)
#define ISynchronize_AddRef(This)                        (This)->lpVtbl->AddRef(This)
#define ISynchronize_Release(This)                       (This)->lpVtbl->Release(This)
#define ISynchronize_Wait(This, dwFlags, dwMilliseconds) (This)->lpVtbl->Wait(This, dwFlags, dwMilliseconds)
#define ISynchronize_Signal(This)                        (This)->lpVtbl->Signal(This)
#define ISynchronize_Reset(This)                         (This)->lpVtbl->Reset(This)
#endif
#endif

/* Makes call objects, which have the asynchronous interface, ISynchronize and IClientSecurity. A proxy has it
 * where the asynchronous interface is known to Mantle: mantle-idl makes none. sdk:ICallFactory */
typedef interface ICallFactory ICallFactory;
MANTLE_API const IID IID_ICallFactory; /* 1C733A30-2A1C-11CE-ADE5-00AA0044773D */
#if defined(__cplusplus) && !defined(CINTERFACE)
interface ICallFactory : public IUnknown
{
    virtual HRESULT STDMETHODCALLTYPE CreateCall(REFIID riid, IUnknown *pCtrlUnk, REFIID riid2,
                                                 IUnknown **ppv) = 0;
};
__CRT_UUID_DECL(ICallFactory, 0x1C733A30, 0x2A1C, 0x11CE, 0xAD, 0xE5, 0x00, 0xAA, 0x00, 0x44, 0x77, 0x3D)
#else
typedef struct ICallFactoryVtbl {
    BEGIN_INTERFACE
    HRESULT(STDMETHODCALLTYPE *QueryInterface)(ICallFactory *This, REFIID riid, void **ppvObject);
    ULONG(STDMETHODCALLTYPE *AddRef)(ICallFactory *This);
    ULONG(STDMETHODCALLTYPE *Release)(ICallFactory *This);
    HRESULT(STDMETHODCALLTYPE *CreateCall)
    (ICallFactory *This, REFIID riid, IUnknown *pCtrlUnk, REFIID riid2, IUnknown **ppv);
    END_INTERFACE
} ICallFactoryVtbl;
interface ICallFactory
{
    CONST_VTBL struct ICallFactoryVtbl *lpVtbl;
};
#ifdef COBJMACROS
#define ICallFactory_QueryInterface(This, riid, ppvObject)                                                   \
    (This)->lpVtbl->QueryInterface(This, riid, ppvObject)
#define ICallFactory_AddRef(This)  (This)->lpVtbl->AddRef(This)
#define ICallFactory_Release(This) (This)->lpVtbl->Release(This)
#define ICallFactory_CreateCall(This, riid, pCtrlUnk, riid2, ppv)                                            \
    (This)->lpVtbl->CreateCall(This, riid, pCtrlUnk, riid2, ppv)
#endif
#endif
