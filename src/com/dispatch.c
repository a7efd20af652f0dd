/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IDispatch from process to process: the two sides of Invoke that [call_as] leaves to us, [MS-OAUT] 3.1.4.4.
 * What the caller passes by reference travels in an array of its own, [in, out], while its place among the
 * arguments is empty; the content goes back to where the caller's references point.
 */
#include "dispatch.h"
#include <stdbool.h>
#include "combaseapi.h"
#include "oleauto.h"
#include "winerror.h"

/* [MS-OAUT] 3.1.4.4: what the client does not want back */
#define DISPATCH_ZERO_RESULT    0x20000u
#define DISPATCH_ZERO_EXCEPTION 0x40000u
#define DISPATCH_ZERO_ARGUMENT  0x80000u

/* The arguments as they travel; one block of memory. */
typedef struct Outgoing {
    DISPPARAMS params; /* references are VT_EMPTY */
    UINT count;
    VARIANT *references;
    UINT *indexes;
    void *block;
    VARIANT one_reference; /* something to point to when there is none */
    UINT one_index;
} Outgoing;

static UINT references_count(const DISPPARAMS *params)
{
    UINT count = 0;
    for (UINT i = 0; i < params->cArgs; i++)
        if (params->rgvarg[i].vt & VT_BYREF) count++;
    return count;
}

static HRESULT outgoing_init(Outgoing *out, const DISPPARAMS *params)
{
    *out = (Outgoing){.params = *params};
    out->references = &out->one_reference;
    out->indexes = &out->one_index;
    out->count = references_count(params);
    if (out->count == 0) return S_OK;
    size_t arguments = sizeof(VARIANT) * params->cArgs, references = sizeof(VARIANT) * out->count;
    out->block = CoTaskMemAlloc(arguments + references + sizeof(UINT) * out->count);
    if (!out->block) return E_OUTOFMEMORY;
    out->params.rgvarg = out->block;
    out->references = out->params.rgvarg + params->cArgs;
    out->indexes = (UINT *)(out->references + out->count);
    for (UINT i = 0, next = 0; i < params->cArgs; i++) {
        out->params.rgvarg[i] = params->rgvarg[i];
        if (!(params->rgvarg[i].vt & VT_BYREF)) continue;
        VariantInit(&out->params.rgvarg[i]);
        out->references[next] = params->rgvarg[i];
        out->indexes[next++] = i;
    }
    return S_OK;
}

static bool params_are_whole(const DISPPARAMS *params)
{
    return params && (params->cArgs == 0 || params->rgvarg) && params->cNamedArgs <= params->cArgs &&
           (params->cNamedArgs == 0 || params->rgdispidNamedArgs);
}

HRESULT CALLBACK IRemoteDispatch_Invoke_Proxy(IRemoteDispatch *This, DISPID dispIdMember, REFIID riid,
                                              LCID lcid, WORD wFlags, DISPPARAMS *pDispParams,
                                              VARIANT *pVarResult, EXCEPINFO *pExcepInfo, UINT *puArgErr)
{
    VARIANT result;
    EXCEPINFO exception = {0};
    UINT argument = 0;
    Outgoing out;
    if (!params_are_whole(pDispParams)) return E_INVALIDARG;
    HRESULT hr = outgoing_init(&out, pDispParams);
    if (FAILED(hr)) return hr;
    VariantInit(&result);
    DWORD flags = wFlags | (pVarResult ? 0 : DISPATCH_ZERO_RESULT) |
                  (pExcepInfo ? 0 : DISPATCH_ZERO_EXCEPTION) | (puArgErr ? 0 : DISPATCH_ZERO_ARGUMENT);
    hr = IRemoteDispatch_RemoteInvoke_Proxy(This, dispIdMember, riid, lcid, flags, &out.params, &result,
                                            &exception, &argument, out.count, out.indexes, out.references);
    CoTaskMemFree(out.block);
    /* addresses of the server's, and nothing that could be called */
    exception.pvReserved = NULL;
    exception.pfnDeferredFillIn = NULL;
    if (pVarResult)
        *pVarResult = result;
    else
        (void)VariantClear(&result); /* just received, so it can be cleared */
    if (pExcepInfo) {
        *pExcepInfo = exception;
    } else {
        SysFreeString(exception.bstrSource);
        SysFreeString(exception.bstrDescription);
        SysFreeString(exception.bstrHelpFile);
    }
    if (puArgErr) *puArgErr = argument;
    return hr;
}

HRESULT IDispatch_Invoke_Proxy(IDispatch *This, DISPID dispIdMember, REFIID riid, LCID lcid, WORD wFlags,
                               DISPPARAMS *pDispParams, VARIANT *pVarResult, EXCEPINFO *pExcepInfo,
                               UINT *puArgErr)
{
    return IRemoteDispatch_Invoke_Proxy((IRemoteDispatch *)(void *)This, dispIdMember, riid, lcid, wFlags,
                                        pDispParams, pVarResult, pExcepInfo, puArgErr);
}

/* [MS-OAUT] 3.1.4.4.1: puts references where they belong among the arguments. */
static bool arguments_complete(DISPPARAMS *params, UINT count, const UINT *indexes, const VARIANT *references)
{
    if (!params_are_whole(params) || count > params->cArgs) return false;
    if (references_count(params) > 0) return false;
    for (UINT i = 0; i < count; i++) {
        if (indexes[i] >= params->cArgs || !(references[i].vt & VT_BYREF)) return false;
        VARIANT *argument = &params->rgvarg[indexes[i]];
        if (argument->vt != VT_EMPTY) return false;
        *argument = references[i];
    }
    return true;
}

/* What is not said by DISP_E_EXCEPTION does not travel, and a function never does. */
static void exception_finish(HRESULT hr, EXCEPINFO *exception)
{
    if (hr == DISP_E_EXCEPTION && exception->pfnDeferredFillIn) (void)exception->pfnDeferredFillIn(exception);
    exception->pvReserved = NULL;
    exception->pfnDeferredFillIn = NULL;
    if (hr == DISP_E_EXCEPTION) return;
    SysFreeString(exception->bstrSource);
    SysFreeString(exception->bstrDescription);
    SysFreeString(exception->bstrHelpFile);
    *exception = (EXCEPINFO){0};
}

HRESULT __RPC_STUB IRemoteDispatch_Invoke_Stub(IRemoteDispatch *This, DISPID dispIdMember, REFIID riid,
                                               LCID lcid, DWORD dwFlags, DISPPARAMS *pDispParams,
                                               VARIANT *pVarResult, EXCEPINFO *pExcepInfo, UINT *pArgErr,
                                               UINT cVarRef, UINT *rgVarRefIdx, VARIANTARG *rgVarRef)
{
    if (!arguments_complete(pDispParams, cVarRef, rgVarRefIdx, rgVarRef)) return E_INVALIDARG;
    HRESULT hr = This->lpVtbl->Invoke(This, dispIdMember, riid, lcid, (WORD)dwFlags, pDispParams,
                                      dwFlags & DISPATCH_ZERO_RESULT ? NULL : pVarResult,
                                      dwFlags & DISPATCH_ZERO_EXCEPTION ? NULL : pExcepInfo,
                                      dwFlags & DISPATCH_ZERO_ARGUMENT ? NULL : pArgErr);
    exception_finish(hr, pExcepInfo);
    return hr;
}
