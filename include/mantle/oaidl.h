/* SPDX-License-Identifier: Apache-2.0 */
/* Error objects of Automation: the sentence that belongs to an HRESULT. Functions: oleauto.h. */
#pragma once
#include "unknwn.h"
#include "wtypes.h"

typedef interface IErrorInfo IErrorInfo;
typedef interface ICreateErrorInfo ICreateErrorInfo;
typedef interface ISupportErrorInfo ISupportErrorInfo;
typedef IErrorInfo *LPERRORINFO;

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
