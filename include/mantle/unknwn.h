/* SPDX-License-Identifier: Apache-2.0 */
/* IUnknown and IClassFactory, with C vtables, C macros (COBJMACROS) and C++ classes. */
#pragma once
#include "wtypes.h"
#include "winerror.h"

#ifndef interface
#define interface struct
#endif
#define BEGIN_INTERFACE
#define END_INTERFACE
#ifndef CONST_VTBL
#define CONST_VTBL
#endif
#define MIDL_INTERFACE(uuid) struct
#define STDMETHODIMP         HRESULT STDMETHODCALLTYPE
#define STDMETHODIMP_(type)  type STDMETHODCALLTYPE

/* Interfaces written by hand, for both languages: in C, INTERFACE names the one being declared. */
#if defined(__cplusplus) && !defined(CINTERFACE)
#define STDMETHOD(method)        virtual HRESULT STDMETHODCALLTYPE method
#define STDMETHOD_(type, method) virtual type STDMETHODCALLTYPE method
#define PURE                     = 0
#define THIS_
#define THIS                             void
#define DECLARE_INTERFACE(name)          interface name
#define DECLARE_INTERFACE_(name, parent) interface name : public parent
#else
#define STDMETHOD(method)        HRESULT(STDMETHODCALLTYPE *method)
#define STDMETHOD_(type, method) type(STDMETHODCALLTYPE *method)
#define PURE
#define THIS_ INTERFACE *This,
#define THIS  INTERFACE *This
#define DECLARE_INTERFACE(name)                                                                              \
    typedef struct name##Vtbl name##Vtbl;                                                                    \
    typedef interface name {                                                                                 \
        CONST_VTBL name##Vtbl *lpVtbl;                                                                       \
    } name;                                                                                                  \
    struct name##Vtbl
#define DECLARE_INTERFACE_(name, parent) DECLARE_INTERFACE(name)
#endif

#ifndef __IUnknown_FWD_DEFINED__
#define __IUnknown_FWD_DEFINED__
typedef interface IUnknown IUnknown;
#endif
#ifndef __IClassFactory_FWD_DEFINED__
#define __IClassFactory_FWD_DEFINED__
typedef interface IClassFactory IClassFactory;
#endif
typedef IUnknown *LPUNKNOWN;
typedef IClassFactory *LPCLASSFACTORY;

MANTLE_API const IID IID_IUnknown;      /* 00000000-0000-0000-C000-000000000046 */
MANTLE_API const IID IID_IClassFactory; /* 00000001-0000-0000-C000-000000000046 */

#if defined(__cplusplus) && !defined(CINTERFACE)
extern "C++" {
struct IUnknown {
    virtual HRESULT STDMETHODCALLTYPE QueryInterface(REFIID riid, void **ppvObject) = 0;
    virtual ULONG STDMETHODCALLTYPE AddRef() = 0;
    virtual ULONG STDMETHODCALLTYPE Release() = 0;
    template <typename T> HRESULT QueryInterface(T **ppObject)
    {
        return QueryInterface(__uuidof(T), reinterpret_cast<void **>(ppObject));
    }
};
}
__CRT_UUID_DECL(IUnknown, 0x00000000, 0x0000, 0x0000, 0xC0, 0, 0, 0, 0, 0, 0, 0x46)
struct IClassFactory : public IUnknown {
    virtual HRESULT STDMETHODCALLTYPE CreateInstance(IUnknown *pUnkOuter, REFIID riid, void **ppvObject) = 0;
    virtual HRESULT STDMETHODCALLTYPE LockServer(BOOL fLock) = 0;
};
__CRT_UUID_DECL(IClassFactory, 0x00000001, 0x0000, 0x0000, 0xC0, 0, 0, 0, 0, 0, 0, 0x46)
#else
typedef struct IUnknownVtbl {
    HRESULT(STDMETHODCALLTYPE *QueryInterface)(IUnknown *This, REFIID riid, void **ppvObject);
    ULONG(STDMETHODCALLTYPE *AddRef)(IUnknown *This);
    ULONG(STDMETHODCALLTYPE *Release)(IUnknown *This);
} IUnknownVtbl;
interface IUnknown
{
    CONST_VTBL IUnknownVtbl *lpVtbl;
};
typedef struct IClassFactoryVtbl {
    HRESULT(STDMETHODCALLTYPE *QueryInterface)(IClassFactory *This, REFIID riid, void **ppvObject);
    ULONG(STDMETHODCALLTYPE *AddRef)(IClassFactory *This);
    ULONG(STDMETHODCALLTYPE *Release)(IClassFactory *This);
    HRESULT(STDMETHODCALLTYPE *CreateInstance)
    (IClassFactory *This, IUnknown *pUnkOuter, REFIID riid, void **ppvObject);
    HRESULT(STDMETHODCALLTYPE *LockServer)(IClassFactory *This, BOOL fLock);
} IClassFactoryVtbl;
interface IClassFactory
{
    CONST_VTBL IClassFactoryVtbl *lpVtbl;
};
#ifdef COBJMACROS
#define IUnknown_QueryInterface(This, riid, ppvObject) (This)->lpVtbl->QueryInterface(This, riid, ppvObject)
#define IUnknown_AddRef(This)                          (This)->lpVtbl->AddRef(This)
#define IUnknown_Release(This)                         (This)->lpVtbl->Release(This)
#define IClassFactory_QueryInterface(This, riid, ppvObject)                                                  \
    (This)->lpVtbl->QueryInterface(This, riid, ppvObject)
#define IClassFactory_AddRef(This)  (This)->lpVtbl->AddRef(This)
#define IClassFactory_Release(This) (This)->lpVtbl->Release(This)
#define IClassFactory_CreateInstance(This, outer, riid, ppvObject)                                           \
    (This)->lpVtbl->CreateInstance(This, outer, riid, ppvObject)
#define IClassFactory_LockServer(This, fLock) (This)->lpVtbl->LockServer(This, fLock)
#endif
#endif
