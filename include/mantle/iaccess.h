/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IAccessControl: a program's own decision who may call it, given to CoInitializeSecurity with
 * EOAC_ACCESS_CONTROL. COM asks IsAccessAllowed only, on any thread and on several at once, while that thread
 * impersonates the caller, and remembers the answers. The interface has no proxy.
 */
#pragma once
#include "accctrl.h"
#include "unknwn.h"

typedef interface IAccessControl IAccessControl;

MANTLE_API const IID IID_IAccessControl; /* EEDD23E0-8410-11CE-A1C3-08002B2B8D8F */
#if defined(__cplusplus) && !defined(CINTERFACE)
interface IAccessControl : public IUnknown
{
    virtual HRESULT STDMETHODCALLTYPE GrantAccessRights(PACTRL_ACCESSW pAccessList) = 0;
    virtual HRESULT STDMETHODCALLTYPE SetAccessRights(PACTRL_ACCESSW pAccessList) = 0;
    virtual HRESULT STDMETHODCALLTYPE SetOwner(PTRUSTEEW pOwner, PTRUSTEEW pGroup) = 0;
    virtual HRESULT STDMETHODCALLTYPE RevokeAccessRights(LPWSTR lpProperty, ULONG cTrustees,
                                                         TRUSTEEW prgTrustees[]) = 0;
    virtual HRESULT STDMETHODCALLTYPE GetAllAccessRights(LPWSTR lpProperty, PACTRL_ACCESSW *ppAccessList,
                                                         PTRUSTEEW *ppOwner, PTRUSTEEW *ppGroup) = 0;
    virtual HRESULT STDMETHODCALLTYPE IsAccessAllowed(PTRUSTEEW pTrustee, LPWSTR lpProperty,
                                                      ACCESS_RIGHTS AccessRights, BOOL *pfAccessAllowed) = 0;
};
__CRT_UUID_DECL(IAccessControl, 0xEEDD23E0, 0x8410, 0x11CE, 0xA1, 0xC3, 0x08, 0x00, 0x2B, 0x2B, 0x8D, 0x8F)
#else
typedef struct IAccessControlVtbl {
    BEGIN_INTERFACE
    HRESULT(STDMETHODCALLTYPE *QueryInterface)(IAccessControl *This, REFIID riid, void **ppvObject);
    ULONG(STDMETHODCALLTYPE *AddRef)(IAccessControl *This);
    ULONG(STDMETHODCALLTYPE *Release)(IAccessControl *This);
    HRESULT(STDMETHODCALLTYPE *GrantAccessRights)(IAccessControl *This, PACTRL_ACCESSW pAccessList);
    HRESULT(STDMETHODCALLTYPE *SetAccessRights)(IAccessControl *This, PACTRL_ACCESSW pAccessList);
    HRESULT(STDMETHODCALLTYPE *SetOwner)(IAccessControl *This, PTRUSTEEW pOwner, PTRUSTEEW pGroup);
    HRESULT(STDMETHODCALLTYPE *RevokeAccessRights)
    (IAccessControl *This, LPWSTR lpProperty, ULONG cTrustees, TRUSTEEW prgTrustees[]);
    HRESULT(STDMETHODCALLTYPE *GetAllAccessRights)
    (IAccessControl *This, LPWSTR lpProperty, PACTRL_ACCESSW *ppAccessList, PTRUSTEEW *ppOwner,
     PTRUSTEEW *ppGroup);
    /* pTrustee: TRUSTEE_IS_NAME, who calls, REALM\user; lpProperty NULL; AccessRights COM_RIGHTS_EXECUTE. A
     * failure is a refusal. */
    HRESULT(STDMETHODCALLTYPE *IsAccessAllowed)
    (IAccessControl *This, PTRUSTEEW pTrustee, LPWSTR lpProperty, ACCESS_RIGHTS AccessRights,
     BOOL *pfAccessAllowed);
    END_INTERFACE
} IAccessControlVtbl;
interface IAccessControl
{
    CONST_VTBL struct IAccessControlVtbl *lpVtbl;
};
#ifdef COBJMACROS
#define IAccessControl_QueryInterface(This, riid, ppv) ((This)->lpVtbl->QueryInterface(This, riid, ppv))
#define IAccessControl_AddRef(This)                    ((This)->lpVtbl->AddRef(This))
#define IAccessControl_Release(This)                   ((This)->lpVtbl->Release(This))
#define IAccessControl_GrantAccessRights(This, list)   ((This)->lpVtbl->GrantAccessRights(This, list))
#define IAccessControl_SetAccessRights(This, list)     ((This)->lpVtbl->SetAccessRights(This, list))
#define IAccessControl_SetOwner(This, owner, group)    ((This)->lpVtbl->SetOwner(This, owner, group))
#define IAccessControl_RevokeAccessRights(This, property, count, trustees)                                   \
    ((This)->lpVtbl->RevokeAccessRights(This, property, count, trustees))
#define IAccessControl_GetAllAccessRights(This, property, list, owner, group)                                \
    ((This)->lpVtbl->GetAllAccessRights(This, property, list, owner, group))
#define IAccessControl_IsAccessAllowed(This, trustee, property, rights, allowed)                             \
    ((This)->lpVtbl->IsAccessAllowed(This, trustee, property, rights, allowed))
#endif
#endif
