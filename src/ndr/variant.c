/* SPDX-License-Identifier: Apache-2.0 */
/* VARIANT in memory: what the types are, clearing and copying. */
#include "ndr/automation.h"
#include <string.h>

/* Each type of [MS-OAUT] 2.2.7 that is marked for VARIANT or SAFEARRAY */
static const AutomationType types[] = {
    [VT_EMPTY] = {AUTOMATION_EMPTY, 0, 0},
    [VT_NULL] = {AUTOMATION_EMPTY, 0, 0},
    [VT_I2] = {AUTOMATION_RAW, 2, SF_I2},
    [VT_I4] = {AUTOMATION_RAW, 4, SF_I4},
    [VT_R4] = {AUTOMATION_RAW, 4, SF_I4},
    [VT_R8] = {AUTOMATION_RAW, 8, SF_I8},
    [VT_CY] = {AUTOMATION_RAW, 8, SF_I8},
    [VT_DATE] = {AUTOMATION_RAW, 8, SF_I8},
    [VT_BSTR] = {AUTOMATION_BSTR, sizeof(BSTR), SF_BSTR},
    [VT_DISPATCH] = {AUTOMATION_INTERFACE, sizeof(void *), SF_DISPATCH},
    [VT_ERROR] = {AUTOMATION_RAW, 4, SF_I4},
    [VT_BOOL] = {AUTOMATION_RAW, 2, SF_I2},
    [VT_VARIANT] = {AUTOMATION_VARIANT, sizeof(VARIANT), SF_VARIANT},
    [VT_UNKNOWN] = {AUTOMATION_INTERFACE, sizeof(void *), SF_UNKNOWN},
    [VT_DECIMAL] = {AUTOMATION_DECIMAL, sizeof(DECIMAL), 0},
    [VT_I1] = {AUTOMATION_RAW, 1, SF_I1},
    [VT_UI1] = {AUTOMATION_RAW, 1, SF_I1},
    [VT_UI2] = {AUTOMATION_RAW, 2, SF_I2},
    [VT_UI4] = {AUTOMATION_RAW, 4, SF_I4},
    [VT_I8] = {AUTOMATION_RAW, 8, SF_I8},
    [VT_UI8] = {AUTOMATION_RAW, 8, SF_I8},
    [VT_INT] = {AUTOMATION_RAW, 4, SF_I4},
    [VT_UINT] = {AUTOMATION_RAW, 4, SF_I4},
    [VT_RECORD] = {AUTOMATION_RECORD, 0, SF_RECORD},
};

AutomationType automation_type(VARTYPE vt)
{
    vt &= VT_TYPEMASK;
    return vt < sizeof(types) / sizeof(types[0]) ? types[vt] : (AutomationType){AUTOMATION_INVALID, 0, 0};
}

HRESULT automation_check(VARTYPE vt)
{
    AutomationKind kind = automation_type(vt).kind;
    if (kind == AUTOMATION_RECORD) return E_NOTIMPL;
    if (kind == AUTOMATION_INVALID || (vt & ~(VT_TYPEMASK | VT_ARRAY | VT_BYREF)) != 0)
        return DISP_E_BADVARTYPE;
    bool flags = (vt & (VT_ARRAY | VT_BYREF)) != 0;
    if (kind == AUTOMATION_EMPTY && flags) return DISP_E_BADVARTYPE;
    if (kind == AUTOMATION_VARIANT && !flags) return DISP_E_BADVARTYPE;
    return S_OK;
}

void VariantInit(VARIANTARG *pvarg)
{
    memset(pvarg, 0, sizeof(*pvarg));
}

HRESULT VariantClear(VARIANTARG *pvarg)
{
    HRESULT hr = automation_check(pvarg->vt);
    if (FAILED(hr)) return hr;
    if (pvarg->vt & VT_BYREF) {
        hr = S_OK;
    } else if (pvarg->vt & VT_ARRAY) {
        hr = SafeArrayDestroy(pvarg->parray);
    } else if (pvarg->vt == VT_BSTR) {
        SysFreeString(pvarg->bstrVal);
    } else if (automation_type(pvarg->vt).kind == AUTOMATION_INTERFACE && pvarg->punkVal) {
        pvarg->punkVal->lpVtbl->Release(pvarg->punkVal);
    }
    if (SUCCEEDED(hr)) VariantInit(pvarg);
    return hr;
}

/* A copy beside the destination, which may be the source, or be reached by it. */
static HRESULT variant_dup(const VARIANT *source, VARIANT *ret_copy)
{
    VARIANT copy = *source;
    HRESULT hr = automation_check(copy.vt);
    if (FAILED(hr)) return hr;
    if (copy.vt & VT_BYREF) {
        hr = S_OK;
    } else if (copy.vt & VT_ARRAY) {
        hr = SafeArrayCopy(source->parray, &copy.parray);
    } else if (copy.vt == VT_BSTR && source->bstrVal) {
        copy.bstrVal = SysAllocStringByteLen((LPCSTR)source->bstrVal, SysStringByteLen(source->bstrVal));
        if (!copy.bstrVal) hr = E_OUTOFMEMORY;
    } else if (automation_type(copy.vt).kind == AUTOMATION_INTERFACE && copy.punkVal) {
        copy.punkVal->lpVtbl->AddRef(copy.punkVal);
    }
    if (SUCCEEDED(hr)) *ret_copy = copy;
    return hr;
}

static HRESULT variant_replace(VARIANT *destination, const VARIANT *source)
{
    VARIANT copy;
    HRESULT hr = variant_dup(source, &copy);
    if (FAILED(hr)) return hr;
    hr = VariantClear(destination);
    if (FAILED(hr))
        (void)VariantClear(&copy); /* just made, so it can be cleared */
    else
        *destination = copy;
    return hr;
}

HRESULT VariantCopy(VARIANTARG *pvargDest, const VARIANTARG *pvargSrc)
{
    return pvargDest == pvargSrc ? automation_check(pvargSrc->vt) : variant_replace(pvargDest, pvargSrc);
}

HRESULT VariantCopyInd(VARIANT *pvarDest, const VARIANTARG *pvargSrc)
{
    HRESULT hr = automation_check(pvargSrc->vt);
    if (FAILED(hr)) return hr;
    if (pvargSrc->vt == (VT_VARIANT | VT_BYREF)) {
        pvargSrc = pvargSrc->pvarVal;
        if (!pvargSrc || pvargSrc->vt == (VT_VARIANT | VT_BYREF)) return E_INVALIDARG;
        hr = automation_check(pvargSrc->vt);
        if (FAILED(hr)) return hr;
    }
    if (!(pvargSrc->vt & VT_BYREF)) return VariantCopy(pvarDest, pvargSrc);
    if (!pvargSrc->byref) return E_INVALIDARG;
    VARIANT value;
    VariantInit(&value);
    if (pvargSrc->vt & VT_ARRAY)
        value.parray = *pvargSrc->pparray;
    else if (pvargSrc->vt == (VT_DECIMAL | VT_BYREF))
        value.decVal = *pvargSrc->pdecVal;
    else
        memcpy(&value.llVal, pvargSrc->byref, automation_type(pvargSrc->vt).size);
    value.vt = pvargSrc->vt & (VARTYPE)~VT_BYREF;
    return variant_replace(pvarDest, &value);
}
