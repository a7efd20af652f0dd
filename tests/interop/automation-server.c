/* SPDX-License-Identifier: Apache-2.0 */
/*
 * automation-server: an object that is called by name. It serves its class, and writes a reference to one
 * more object as hexadecimal digits; anybody may call. Ends with its standard input.
 */
#define COBJMACROS
#include "automation.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "objref-text.h"

typedef struct Object {
    IDispatch dispatch;
    ISupportErrorInfo support;
    _Atomic ULONG refs;
    BOOL silent;
} Object;

enum { ECHO = 1, ADD, FAIL, REFUSE, SILENCE, REVERSE };
static const struct {
    const WCHAR *name;
    DISPID id;
} members[] = {{u"Echo", ECHO},     {u"Add", ADD},         {u"Fail", FAIL},
               {u"Refuse", REFUSE}, {u"Silence", SILENCE}, {u"Reverse", REVERSE}};

static Object *of_support(ISupportErrorInfo *This)
{
    return (Object *)(void *)((char *)This - offsetof(Object, support));
}

/* ---- IDispatch ---- */

static HRESULT dispatch_query(IDispatch *This, REFIID riid, void **ret_object)
{
    Object *object = (Object *)This;
    *ret_object = NULL;
    if (IsEqualIID(riid, &IID_IUnknown) || IsEqualIID(riid, &IID_IDispatch))
        *ret_object = This;
    else if (IsEqualIID(riid, &IID_ISupportErrorInfo))
        *ret_object = &object->support;
    if (!*ret_object) return E_NOINTERFACE;
    object->refs++;
    return S_OK;
}

static ULONG dispatch_add_ref(IDispatch *This)
{
    return ++((Object *)This)->refs;
}

static ULONG dispatch_release(IDispatch *This)
{
    ULONG left = --((Object *)This)->refs;
    if (left == 0) free(This);
    return left;
}

static HRESULT type_info_count(IDispatch *This, UINT *pctinfo)
{
    *pctinfo = 0;
    return S_OK;
}

static HRESULT type_info(IDispatch *This, UINT iTInfo, LCID lcid, ITypeInfo **ppTInfo)
{
    *ppTInfo = NULL;
    return E_NOTIMPL;
}

static BOOL same_name(const WCHAR *a, const WCHAR *b)
{
    while (*a && (*a | 0x20) == (*b | 0x20))
        a++, b++;
    return *a == *b;
}

static HRESULT names(IDispatch *This, REFIID riid, LPOLESTR *rgszNames, UINT cNames, LCID lcid,
                     DISPID *rgDispId)
{
    HRESULT hr = cNames ? S_OK : E_INVALIDARG;
    for (UINT i = 0; i < cNames; i++) {
        rgDispId[i] = DISPID_UNKNOWN;
        for (size_t m = 0; i == 0 && rgszNames[0] && m < sizeof(members) / sizeof(members[0]); m++)
            if (same_name(rgszNames[0], members[m].name)) rgDispId[0] = members[m].id;
        if (rgDispId[i] == DISPID_UNKNOWN) hr = DISP_E_UNKNOWNNAME;
    }
    return hr;
}

/* The sum of what is a number; it is left in each argument by reference. */
static HRESULT add(DISPPARAMS *params, VARIANT *ret_result, UINT *ret_argument)
{
    LONGLONG sum = 0;
    for (UINT i = 0; i < params->cArgs; i++) {
        VARIANT *argument = &params->rgvarg[i];
        if (argument->vt == VT_I4 || argument->vt == (VT_BYREF | VT_I4)) {
            sum += argument->vt == VT_I4 ? argument->lVal : *argument->plVal;
            continue;
        }
        if (ret_argument) *ret_argument = i;
        return DISP_E_TYPEMISMATCH;
    }
    for (UINT i = 0; i < params->cArgs; i++)
        if (params->rgvarg[i].vt & VT_BYREF) *params->rgvarg[i].plVal = (LONG)sum;
    if (ret_result) *ret_result = (VARIANT){.vt = VT_I8, .llVal = sum};
    return S_OK;
}

/* A text, or an array of texts, turned round where it lies or as the result. */
static HRESULT reverse(DISPPARAMS *params, VARIANT *ret_result)
{
    VARIANT value = {.vt = VT_EMPTY};
    if (params->cArgs != 1) return DISP_E_BADPARAMCOUNT;
    HRESULT hr = VariantCopyInd(&value, &params->rgvarg[0]);
    if (FAILED(hr)) return hr;
    if (value.vt != VT_BSTR) {
        VariantClear(&value);
        return DISP_E_TYPEMISMATCH;
    }
    UINT length = SysStringLen(value.bstrVal);
    for (UINT i = 0; i < length / 2; i++) {
        WCHAR kept = value.bstrVal[i];
        value.bstrVal[i] = value.bstrVal[length - 1 - i];
        value.bstrVal[length - 1 - i] = kept;
    }
    if (params->rgvarg[0].vt == (VT_BYREF | VT_BSTR)) {
        SysFreeString(*params->rgvarg[0].pbstrVal);
        *params->rgvarg[0].pbstrVal = value.bstrVal;
    } else if (ret_result) {
        *ret_result = value;
    } else {
        VariantClear(&value);
    }
    return S_OK;
}

static HRESULT fail(EXCEPINFO *exception)
{
    if (exception) {
        exception->wCode = 1234;
        exception->bstrSource = SysAllocString(u"automation-server");
        exception->bstrDescription = SysAllocString(u"It was told to fail.");
        exception->pvReserved = exception;
    }
    return DISP_E_EXCEPTION;
}

static HRESULT refuse(void)
{
    ICreateErrorInfo *create;
    IErrorInfo *info;
    if (FAILED(CreateErrorInfo(&create))) return E_OUTOFMEMORY;
    ICreateErrorInfo_SetDescription(create, (LPOLESTR)u"Refused by name.");
    if (SUCCEEDED(ICreateErrorInfo_QueryInterface(create, &IID_IErrorInfo, (void **)&info))) {
        SetErrorInfo(0, info);
        IErrorInfo_Release(info);
    }
    ICreateErrorInfo_Release(create);
    return E_ABORT;
}

static HRESULT invoke(IDispatch *This, DISPID dispIdMember, REFIID riid, LCID lcid, WORD wFlags,
                      DISPPARAMS *pDispParams, VARIANT *pVarResult, EXCEPINFO *pExcepInfo, UINT *puArgErr)
{
    if (!IsEqualIID(riid, &GUID_NULL)) return DISP_E_UNKNOWNINTERFACE;
    switch (dispIdMember) {
    case ECHO:
        if (pDispParams->cArgs != 1) return DISP_E_BADPARAMCOUNT;
        return pVarResult ? VariantCopyInd(pVarResult, &pDispParams->rgvarg[0]) : S_OK;
    case ADD:
        return add(pDispParams, pVarResult, puArgErr);
    case FAIL:
        return fail(pExcepInfo);
    case REFUSE:
        return refuse();
    case SILENCE:
        ((Object *)This)->silent = TRUE;
        return S_OK;
    case REVERSE:
        return reverse(pDispParams, pVarResult);
    default:
        return DISP_E_MEMBERNOTFOUND;
    }
}

static IDispatchVtbl dispatch_methods = {
    dispatch_query, dispatch_add_ref, dispatch_release, type_info_count, type_info, names, invoke};

/* ---- ISupportErrorInfo ---- */

static HRESULT support_query(ISupportErrorInfo *This, REFIID riid, void **ret_object)
{
    return dispatch_query(&of_support(This)->dispatch, riid, ret_object);
}
static ULONG support_add_ref(ISupportErrorInfo *This)
{
    return dispatch_add_ref(&of_support(This)->dispatch);
}
static ULONG support_release(ISupportErrorInfo *This)
{
    return dispatch_release(&of_support(This)->dispatch);
}
static HRESULT supports(ISupportErrorInfo *This, REFIID riid)
{
    return of_support(This)->silent || !IsEqualIID(riid, &IID_IDispatch) ? S_FALSE : S_OK;
}
static ISupportErrorInfoVtbl support_methods = {support_query, support_add_ref, support_release, supports};

static HRESULT object_new(REFIID riid, void **ret_object)
{
    Object *object = calloc(1, sizeof(*object));
    if (!object) return E_OUTOFMEMORY;
    object->dispatch.lpVtbl = &dispatch_methods;
    object->support.lpVtbl = &support_methods;
    object->refs = 1;
    HRESULT hr = IDispatch_QueryInterface(&object->dispatch, riid, ret_object);
    IDispatch_Release(&object->dispatch);
    return hr;
}

/* ---- the class ---- */

static HRESULT class_query(IClassFactory *This, REFIID riid, void **ret_object)
{
    BOOL known = IsEqualIID(riid, &IID_IUnknown) || IsEqualIID(riid, &IID_IClassFactory);
    *ret_object = known ? This : NULL;
    return known ? S_OK : E_NOINTERFACE;
}
static ULONG class_count(IClassFactory *This)
{
    return 1;
}
static HRESULT class_create(IClassFactory *This, IUnknown *pUnkOuter, REFIID riid, void **ret_object)
{
    *ret_object = NULL;
    return pUnkOuter ? CLASS_E_NOAGGREGATION : object_new(riid, ret_object);
}
static HRESULT class_lock(IClassFactory *This, BOOL fLock)
{
    return S_OK;
}
static IClassFactoryVtbl class_methods = {class_query, class_count, class_count, class_create, class_lock};
static IClassFactory class = {&class_methods};

int main(void)
{
    DWORD cookie;
    IUnknown *object = NULL;
    char byte;
    HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    if (SUCCEEDED(hr))
        hr = CoInitializeSecurity(NULL, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_NONE, RPC_C_IMP_LEVEL_IDENTIFY,
                                  NULL, EOAC_NONE, NULL);
    if (SUCCEEDED(hr))
        hr = CoRegisterClassObject(&automation_class, (IUnknown *)&class, CLSCTX_LOCAL_SERVER,
                                   REGCLS_MULTIPLEUSE, &cookie);
    if (SUCCEEDED(hr)) hr = object_new(&IID_IDispatch, (void **)&object);
    if (SUCCEEDED(hr)) hr = objref_print(object, &IID_IDispatch);
    if (FAILED(hr)) {
        fprintf(stderr, "automation-server: 0x%08X\n", (unsigned)hr);
        return 1;
    }
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    CoDisconnectObject(object, 0);
    IUnknown_Release(object);
    CoUninitialize();
    return 0;
}
