/* SPDX-License-Identifier: Apache-2.0 */
/* Automation: VARIANT, SAFEARRAY, IDispatch, and error objects, the sentence that belongs to an HRESULT.
 * Functions: oleauto.h. */
#pragma once
#include "unknwn.h"
#include "wtypes.h"

typedef interface IDispatch IDispatch;
typedef interface ITypeInfo ITypeInfo; /* a name only: type descriptions are not part of Mantle */
typedef interface IRecordInfo IRecordInfo;
typedef IDispatch *LPDISPATCH;
typedef CY CURRENCY;
typedef LONG DISPID;
typedef DISPID MEMBERID;
typedef DWORD LCID;

typedef struct tagSAFEARRAYBOUND {
    ULONG cElements;
    LONG lLbound;
} SAFEARRAYBOUND, *LPSAFEARRAYBOUND;
/* Made by SafeArrayCreate and its relatives: what they keep before the structure is not in it. */
typedef struct tagSAFEARRAY {
    USHORT cDims;
    USHORT fFeatures; /* FADF_ */
    ULONG cbElements;
    ULONG cLocks;
    PVOID pvData;
    SAFEARRAYBOUND rgsabound[1]; /* cDims of them, the last dimension first */
} SAFEARRAY, *LPSAFEARRAY;
#define FADF_AUTO        0x0001
#define FADF_STATIC      0x0002
#define FADF_EMBEDDED    0x0004
#define FADF_FIXEDSIZE   0x0010
#define FADF_RECORD      0x0020
#define FADF_HAVEIID     0x0040
#define FADF_HAVEVARTYPE 0x0080
#define FADF_BSTR        0x0100
#define FADF_UNKNOWN     0x0200
#define FADF_DISPATCH    0x0400
#define FADF_VARIANT     0x0800
#define FADF_RESERVED    0xF008

/* A value and its type. By reference (VT_BYREF) it points to memory of somebody else, which VariantClear
 * leaves alone. sdk:VARIANT */
typedef struct tagVARIANT {
    __extension__ union {
        __extension__ struct {
            VARTYPE vt;
            WORD wReserved1, wReserved2, wReserved3;
            __extension__ union {
                LONGLONG llVal;
                LONG lVal;
                BYTE bVal;
                SHORT iVal;
                FLOAT fltVal;
                DOUBLE dblVal;
                VARIANT_BOOL boolVal;
                SCODE scode;
                CY cyVal;
                DATE date;
                BSTR bstrVal;
                IUnknown *punkVal;
                IDispatch *pdispVal;
                SAFEARRAY *parray;
                BYTE *pbVal;
                SHORT *piVal;
                LONG *plVal;
                LONGLONG *pllVal;
                FLOAT *pfltVal;
                DOUBLE *pdblVal;
                VARIANT_BOOL *pboolVal;
                SCODE *pscode;
                CY *pcyVal;
                DATE *pdate;
                BSTR *pbstrVal;
                IUnknown **ppunkVal;
                IDispatch **ppdispVal;
                SAFEARRAY **pparray;
                struct tagVARIANT *pvarVal;
                PVOID byref;
                CHAR cVal;
                USHORT uiVal;
                ULONG ulVal;
                ULONGLONG ullVal;
                INT intVal;
                UINT uintVal;
                DECIMAL *pdecVal;
                CHAR *pcVal;
                USHORT *puiVal;
                ULONG *pulVal;
                ULONGLONG *pullVal;
                INT *pintVal;
                UINT *puintVal;
                __extension__ struct {
                    PVOID pvRecord;
                    IRecordInfo *pRecInfo;
                };
            };
        };
        DECIMAL decVal;
    };
} VARIANT, VARIANTARG, *LPVARIANT, *LPVARIANTARG;

/* The arguments of IDispatch::Invoke, the last one first. */
typedef struct tagDISPPARAMS {
    VARIANTARG *rgvarg;
    DISPID *rgdispidNamedArgs;
    UINT cArgs;
    UINT cNamedArgs;
} DISPPARAMS;
/* What DISP_E_EXCEPTION means; the receiver frees the strings. */
typedef struct tagEXCEPINFO {
    WORD wCode;
    WORD wReserved;
    BSTR bstrSource;
    BSTR bstrDescription;
    BSTR bstrHelpFile;
    DWORD dwHelpContext;
    PVOID pvReserved;
    HRESULT(STDMETHODCALLTYPE *pfnDeferredFillIn)(struct tagEXCEPINFO *);
    SCODE scode;
} EXCEPINFO, *LPEXCEPINFO;
#define DISPID_UNKNOWN          (-1)
#define DISPID_VALUE            0
#define DISPID_PROPERTYPUT      (-3)
#define DISPID_NEWENUM          (-4)
#define DISPID_EVALUATE         (-5)
#define DISPID_CONSTRUCTOR      (-6)
#define DISPID_DESTRUCTOR       (-7)
#define DISPATCH_METHOD         0x1
#define DISPATCH_PROPERTYGET    0x2
#define DISPATCH_PROPERTYPUT    0x4
#define DISPATCH_PROPERTYPUTREF 0x8

/* Calls by name: GetIDsOfNames, then Invoke. sdk:IDispatch */
MANTLE_API const IID IID_IDispatch; /* 00020400-0000-0000-C000-000000000046 */
MANTLE_API const IID IID_ITypeInfo; /* 00020401-0000-0000-C000-000000000046 */
#if defined(__cplusplus) && !defined(CINTERFACE)
interface IDispatch : public IUnknown
{
    virtual HRESULT STDMETHODCALLTYPE GetTypeInfoCount(UINT *pctinfo) = 0;
    virtual HRESULT STDMETHODCALLTYPE GetTypeInfo(UINT iTInfo, LCID lcid, ITypeInfo **ppTInfo) = 0;
    virtual HRESULT STDMETHODCALLTYPE GetIDsOfNames(REFIID riid, LPOLESTR *rgszNames, UINT cNames, LCID lcid,
                                                    DISPID *rgDispId) = 0;
    virtual HRESULT STDMETHODCALLTYPE Invoke(DISPID dispIdMember, REFIID riid, LCID lcid, WORD wFlags,
                                             DISPPARAMS *pDispParams, VARIANT *pVarResult,
                                             EXCEPINFO *pExcepInfo, UINT *puArgErr) = 0;
};
__CRT_UUID_DECL(IDispatch, 0x00020400, 0x0000, 0x0000, 0xC0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x46)
#else
typedef struct IDispatchVtbl {
    BEGIN_INTERFACE
    HRESULT(STDMETHODCALLTYPE *QueryInterface)(IDispatch *This, REFIID riid, void **ppvObject);
    ULONG(STDMETHODCALLTYPE *AddRef)(IDispatch *This);
    ULONG(STDMETHODCALLTYPE *Release)(IDispatch *This);
    /* 0: there is no type description. */
    HRESULT(STDMETHODCALLTYPE *GetTypeInfoCount)(IDispatch *This, UINT *pctinfo);
    HRESULT(STDMETHODCALLTYPE *GetTypeInfo)(IDispatch *This, UINT iTInfo, LCID lcid, ITypeInfo **ppTInfo);
    /* A member's name, then names of its parameters; DISPID_UNKNOWN, and DISP_E_UNKNOWNNAME, for those that
     * there are not. */
    HRESULT(STDMETHODCALLTYPE *GetIDsOfNames)
    (IDispatch *This, REFIID riid, LPOLESTR *rgszNames, UINT cNames, LCID lcid, DISPID *rgDispId);
    /* Calls a method, reads or writes a property. The last three may be NULL. Arguments by reference come
     * back where they point to; the callee leaves their type as it is. */
    HRESULT(STDMETHODCALLTYPE *Invoke)
    (IDispatch *This, DISPID dispIdMember, REFIID riid, LCID lcid, WORD wFlags, DISPPARAMS *pDispParams,
     VARIANT *pVarResult, EXCEPINFO *pExcepInfo, UINT *puArgErr);
    END_INTERFACE
} IDispatchVtbl;
interface IDispatch
{
    CONST_VTBL struct IDispatchVtbl *lpVtbl;
};
#ifdef COBJMACROS
#define IDispatch_QueryInterface(This, riid, ppvObject) (This)->lpVtbl->QueryInterface(This, riid, ppvObject)
#define IDispatch_AddRef(This)                          (This)->lpVtbl->AddRef(This)
#define IDispatch_Release(This)                         (This)->lpVtbl->Release(This)
#define IDispatch_GetTypeInfoCount(This, pctinfo)       (This)->lpVtbl->GetTypeInfoCount(This, pctinfo)
#define IDispatch_GetTypeInfo(This, iTInfo, lcid, ppTInfo)                                                   \
    (This)->lpVtbl->GetTypeInfo(This, iTInfo, lcid, ppTInfo)
#define IDispatch_GetIDsOfNames(This, riid, rgszNames, cNames, lcid, rgDispId)                               \
    (This)->lpVtbl->GetIDsOfNames(This, riid, rgszNames, cNames, lcid, rgDispId)
#define IDispatch_Invoke(This, dispIdMember, riid, lcid, wFlags, pDispParams, pVarResult, pExcepInfo,        \
                         puArgErr)                                                                           \
    (This)->lpVtbl->Invoke(This, dispIdMember, riid, lcid, wFlags, pDispParams, pVarResult, pExcepInfo,      \
                           puArgErr)
#endif
#endif

typedef interface IErrorInfo IErrorInfo;
typedef interface ICreateErrorInfo ICreateErrorInfo;
typedef interface ISupportErrorInfo ISupportErrorInfo;
typedef IErrorInfo *LPERRORINFO;

/* Invoke of a proxy: what generated code of interfaces that derive from IDispatch refers to. */
MANTLE_API HRESULT STDMETHODCALLTYPE IDispatch_Invoke_Proxy(IDispatch *This, DISPID dispIdMember, REFIID riid,
                                                            LCID lcid, WORD wFlags, DISPPARAMS *pDispParams,
                                                            VARIANT *pVarResult, EXCEPINFO *pExcepInfo,
                                                            UINT *puArgErr);

/* Reads an error object; strings are freed with SysFreeString and may be NULL (with S_OK). sdk:IErrorInfo */
MANTLE_API const IID IID_IErrorInfo; /* 1CF2B120-547D-101B-8E65-08002B2BD119 */
#if defined(__cplusplus) && !defined(CINTERFACE)
interface IErrorInfo : public IUnknown
{
    virtual HRESULT STDMETHODCALLTYPE GetGUID(GUID *pGUID) = 0;
    virtual HRESULT STDMETHODCALLTYPE GetSource(BSTR *pBstrSource) = 0;
    virtual HRESULT STDMETHODCALLTYPE GetDescription(BSTR *pBstrDescription) = 0;
    virtual HRESULT STDMETHODCALLTYPE GetHelpFile(BSTR *pBstrHelpFile) = 0;
    virtual HRESULT STDMETHODCALLTYPE GetHelpContext(DWORD *pdwHelpContext) = 0;
};
__CRT_UUID_DECL(IErrorInfo, 0x1CF2B120, 0x547D, 0x101B, 0x8E, 0x65, 0x08, 0x00, 0x2B, 0x2B, 0xD1, 0x19)
#else
typedef struct IErrorInfoVtbl {
    BEGIN_INTERFACE
    HRESULT(STDMETHODCALLTYPE *QueryInterface)(IErrorInfo *This, REFIID riid, void **ppvObject);
    ULONG(STDMETHODCALLTYPE *AddRef)(IErrorInfo *This);
    ULONG(STDMETHODCALLTYPE *Release)(IErrorInfo *This);
    /* The interface that defined the error; GUID_NULL: the operating system. */
    HRESULT(STDMETHODCALLTYPE *GetGUID)(IErrorInfo *This, GUID *pGUID);
    HRESULT(STDMETHODCALLTYPE *GetSource)(IErrorInfo *This, BSTR *pBstrSource);
    HRESULT(STDMETHODCALLTYPE *GetDescription)(IErrorInfo *This, BSTR *pBstrDescription);
    HRESULT(STDMETHODCALLTYPE *GetHelpFile)(IErrorInfo *This, BSTR *pBstrHelpFile);
    HRESULT(STDMETHODCALLTYPE *GetHelpContext)(IErrorInfo *This, DWORD *pdwHelpContext);
    END_INTERFACE
} IErrorInfoVtbl;
interface IErrorInfo
{
    CONST_VTBL struct IErrorInfoVtbl *lpVtbl;
};
#ifdef COBJMACROS
#define IErrorInfo_QueryInterface(This, riid, ppvObject) (This)->lpVtbl->QueryInterface(This, riid, ppvObject)
#define IErrorInfo_AddRef(This)                          (This)->lpVtbl->AddRef(This)
#define IErrorInfo_Release(This)                         (This)->lpVtbl->Release(This)
#define IErrorInfo_GetGUID(This, pGUID)                  (This)->lpVtbl->GetGUID(This, pGUID)
#define IErrorInfo_GetSource(This, pBstrSource)          (This)->lpVtbl->GetSource(This, pBstrSource)
#define IErrorInfo_GetDescription(This, pBstrDescription)                                                    \
    (This)->lpVtbl->GetDescription(This, pBstrDescription)
#define IErrorInfo_GetHelpFile(This, pBstrHelpFile)     (This)->lpVtbl->GetHelpFile(This, pBstrHelpFile)
#define IErrorInfo_GetHelpContext(This, pdwHelpContext) (This)->lpVtbl->GetHelpContext(This, pdwHelpContext)
#endif
#endif

/* Writes one; strings are copied. Objects are shared by reference: write before SetErrorInfo.
 * sdk:ICreateErrorInfo */
MANTLE_API const IID IID_ICreateErrorInfo; /* 22F03340-547D-101B-8E65-08002B2BD119 */
#if defined(__cplusplus) && !defined(CINTERFACE)
interface ICreateErrorInfo : public IUnknown
{
    virtual HRESULT STDMETHODCALLTYPE SetGUID(REFGUID rguid) = 0;
    virtual HRESULT STDMETHODCALLTYPE SetSource(LPOLESTR szSource) = 0;
    virtual HRESULT STDMETHODCALLTYPE SetDescription(LPOLESTR szDescription) = 0;
    virtual HRESULT STDMETHODCALLTYPE SetHelpFile(LPOLESTR szHelpFile) = 0;
    virtual HRESULT STDMETHODCALLTYPE SetHelpContext(DWORD dwHelpContext) = 0;
};
__CRT_UUID_DECL(ICreateErrorInfo, 0x22F03340, 0x547D, 0x101B, 0x8E, 0x65, 0x08, 0x00, 0x2B, 0x2B, 0xD1, 0x19)
#else
typedef struct ICreateErrorInfoVtbl {
    BEGIN_INTERFACE
    HRESULT(STDMETHODCALLTYPE *QueryInterface)(ICreateErrorInfo *This, REFIID riid, void **ppvObject);
    ULONG(STDMETHODCALLTYPE *AddRef)(ICreateErrorInfo *This);
    ULONG(STDMETHODCALLTYPE *Release)(ICreateErrorInfo *This);
    HRESULT(STDMETHODCALLTYPE *SetGUID)(ICreateErrorInfo *This, REFGUID rguid);
    HRESULT(STDMETHODCALLTYPE *SetSource)(ICreateErrorInfo *This, LPOLESTR szSource);
    HRESULT(STDMETHODCALLTYPE *SetDescription)(ICreateErrorInfo *This, LPOLESTR szDescription);
    HRESULT(STDMETHODCALLTYPE *SetHelpFile)(ICreateErrorInfo *This, LPOLESTR szHelpFile);
    HRESULT(STDMETHODCALLTYPE *SetHelpContext)(ICreateErrorInfo *This, DWORD dwHelpContext);
    END_INTERFACE
} ICreateErrorInfoVtbl;
interface ICreateErrorInfo
{
    CONST_VTBL struct ICreateErrorInfoVtbl *lpVtbl;
};
#ifdef COBJMACROS
#define ICreateErrorInfo_QueryInterface(This, riid, ppvObject)                                               \
    (This)->lpVtbl->QueryInterface(This, riid, ppvObject)
#define ICreateErrorInfo_AddRef(This)              (This)->lpVtbl->AddRef(This)
#define ICreateErrorInfo_Release(This)             (This)->lpVtbl->Release(This)
#define ICreateErrorInfo_SetGUID(This, rguid)      (This)->lpVtbl->SetGUID(This, rguid)
#define ICreateErrorInfo_SetSource(This, szSource) (This)->lpVtbl->SetSource(This, szSource)
#define ICreateErrorInfo_SetDescription(This, szDescription)                                                 \
    (This)->lpVtbl->SetDescription(This, szDescription)
#define ICreateErrorInfo_SetHelpFile(This, szHelpFile) (This)->lpVtbl->SetHelpFile(This, szHelpFile)
#define ICreateErrorInfo_SetHelpContext(This, dwHelpContext)                                                 \
    (This)->lpVtbl->SetHelpContext(This, dwHelpContext)
#endif
#endif

/* Implemented by objects whose methods set error objects. sdk:ISupportErrorInfo */
MANTLE_API const IID IID_ISupportErrorInfo; /* DF0B3D60-548F-101B-8E65-08002B2BD119 */
#if defined(__cplusplus) && !defined(CINTERFACE)
interface ISupportErrorInfo : public IUnknown
{
    virtual HRESULT STDMETHODCALLTYPE InterfaceSupportsErrorInfo(REFIID riid) = 0;
};
__CRT_UUID_DECL(ISupportErrorInfo, 0xDF0B3D60, 0x548F, 0x101B, 0x8E, 0x65, 0x08, 0x00, 0x2B, 0x2B, 0xD1, 0x19)
#else
typedef struct ISupportErrorInfoVtbl {
    BEGIN_INTERFACE
    HRESULT(STDMETHODCALLTYPE *QueryInterface)(ISupportErrorInfo *This, REFIID riid, void **ppvObject);
    ULONG(STDMETHODCALLTYPE *AddRef)(ISupportErrorInfo *This);
    ULONG(STDMETHODCALLTYPE *Release)(ISupportErrorInfo *This);
    /* S_OK: methods of this interface do; S_FALSE: they do not. */
    HRESULT(STDMETHODCALLTYPE *InterfaceSupportsErrorInfo)(ISupportErrorInfo *This, REFIID riid);
    END_INTERFACE
} ISupportErrorInfoVtbl;
interface ISupportErrorInfo
{
    CONST_VTBL struct ISupportErrorInfoVtbl *lpVtbl;
};
#ifdef COBJMACROS
#define ISupportErrorInfo_QueryInterface(This, riid, ppvObject)                                              \
    (This)->lpVtbl->QueryInterface(This, riid, ppvObject)
#define ISupportErrorInfo_AddRef(This)  (This)->lpVtbl->AddRef(This)
#define ISupportErrorInfo_Release(This) (This)->lpVtbl->Release(This)
#define ISupportErrorInfo_InterfaceSupportsErrorInfo(This, riid)                                             \
    (This)->lpVtbl->InterfaceSupportsErrorInfo(This, riid)
#endif
#endif
