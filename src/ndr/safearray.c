/* SPDX-License-Identifier: Apache-2.0 */
/* SAFEARRAY in memory. */
#include "ndr/automation.h"
#include <combaseapi.h>
#include <string.h>

#define FADF_ELEMENTS (FADF_BSTR | FADF_UNKNOWN | FADF_DISPATCH | FADF_VARIANT | FADF_RECORD)
/* Memory that is somebody else's */
#define FADF_FOREIGN (FADF_AUTO | FADF_STATIC | FADF_EMBEDDED)
#define LOCKS_MAX    UINT16_MAX

IID *safearray_iid(SAFEARRAY *array)
{
    return (IID *)safearray_block(array);
}

ULONG *safearray_vartype(SAFEARRAY *array)
{
    return (ULONG *)(void *)array - 1;
}

bool safearray_count(const SAFEARRAY *array, uint32_t *ret_count)
{
    uint64_t count = 1;
    for (unsigned i = 0; i < array->cDims; i++) {
        count *= array->rgsabound[i].cElements;
        if (count * (array->cbElements ? array->cbElements : 1) > SAFEARRAY_BYTES_MAX) return false;
        if (count == 0) break;
    }
    *ret_count = (uint32_t)count;
    return true;
}

AutomationKind safearray_kind(const SAFEARRAY *array)
{
    switch (array->fFeatures & FADF_ELEMENTS) {
    case 0:
        return AUTOMATION_RAW;
    case FADF_BSTR:
        return AUTOMATION_BSTR;
    case FADF_UNKNOWN:
    case FADF_DISPATCH:
        return AUTOMATION_INTERFACE;
    case FADF_VARIANT:
        return AUTOMATION_VARIANT;
    default:
        return AUTOMATION_RECORD;
    }
}

/* ---- making ---- */

HRESULT SafeArrayAllocDescriptor(UINT cDims, SAFEARRAY **ppsaOut)
{
    if (!ppsaOut || cDims == 0 || cDims > UINT16_MAX) return E_INVALIDARG;
    size_t size = safearray_block_size(cDims);
    SAFEARRAY *array = safearray_of_block(CoTaskMemAlloc(size));
    if (!array) return E_OUTOFMEMORY;
    memset(safearray_block(array), 0, size);
    array->cDims = (USHORT)cDims;
    *ppsaOut = array;
    return S_OK;
}

HRESULT SafeArrayAllocDescriptorEx(VARTYPE vt, UINT cDims, SAFEARRAY **ppsaOut)
{
    AutomationType type = automation_type(vt);
    if (type.kind == AUTOMATION_RECORD) return E_NOTIMPL;
    if (type.size == 0 || (vt & ~VT_TYPEMASK)) return E_INVALIDARG;
    SAFEARRAY *array;
    HRESULT hr = SafeArrayAllocDescriptor(cDims, &array);
    if (FAILED(hr)) return hr;
    array->cbElements = type.size;
    if (type.kind == AUTOMATION_INTERFACE) {
        array->fFeatures = FADF_HAVEIID | (vt == VT_DISPATCH ? FADF_DISPATCH : FADF_UNKNOWN);
        *safearray_iid(array) = vt == VT_DISPATCH ? IID_IDispatch : IID_IUnknown;
    } else {
        array->fFeatures = FADF_HAVEVARTYPE;
        if (type.kind == AUTOMATION_BSTR) array->fFeatures |= FADF_BSTR;
        if (type.kind == AUTOMATION_VARIANT) array->fFeatures |= FADF_VARIANT;
        *safearray_vartype(array) = vt;
    }
    *ppsaOut = array;
    return S_OK;
}

HRESULT SafeArrayAllocData(SAFEARRAY *psa)
{
    uint32_t count;
    if (!psa) return E_INVALIDARG;
    if (!safearray_count(psa, &count)) return E_OUTOFMEMORY;
    size_t size = (size_t)count * psa->cbElements;
    void *data = CoTaskMemAlloc(size);
    if (!data) return E_OUTOFMEMORY;
    memset(data, 0, size);
    psa->pvData = data;
    return S_OK;
}

SAFEARRAY *SafeArrayCreateEx(VARTYPE vt, UINT cDims, SAFEARRAYBOUND *rgsabound, PVOID pvExtra)
{
    SAFEARRAY *array;
    if (!rgsabound || FAILED(SafeArrayAllocDescriptorEx(vt, cDims, &array))) return NULL;
    /* in memory the last dimension comes first */
    for (UINT i = 0; i < cDims; i++)
        array->rgsabound[i] = rgsabound[cDims - 1 - i];
    if (pvExtra && (array->fFeatures & FADF_HAVEIID)) *safearray_iid(array) = *(const IID *)pvExtra;
    if (SUCCEEDED(SafeArrayAllocData(array))) return array;
    CoTaskMemFree(safearray_block(array));
    return NULL;
}

SAFEARRAY *SafeArrayCreate(VARTYPE vt, UINT cDims, SAFEARRAYBOUND *rgsabound)
{
    return SafeArrayCreateEx(vt, cDims, rgsabound, NULL);
}

SAFEARRAY *SafeArrayCreateVectorEx(VARTYPE vt, LONG lLbound, ULONG cElements, PVOID pvExtra)
{
    SAFEARRAYBOUND bound = {cElements, lLbound};
    return SafeArrayCreateEx(vt, 1, &bound, pvExtra);
}

SAFEARRAY *SafeArrayCreateVector(VARTYPE vt, LONG lLbound, ULONG cElements)
{
    return SafeArrayCreateVectorEx(vt, lLbound, cElements, NULL);
}

/* ---- elements ---- */

/* Frees what elements own and zeroes them. */
static HRESULT elements_clear(const SAFEARRAY *array, uint8_t *data, uint32_t count)
{
    AutomationKind kind = safearray_kind(array);
    if (kind == AUTOMATION_RECORD) return E_NOTIMPL;
    for (uint32_t i = 0; i < count && kind != AUTOMATION_RAW; i++) {
        uint8_t *element = data + (size_t)i * array->cbElements;
        if (kind == AUTOMATION_VARIANT) {
            HRESULT hr = VariantClear((VARIANT *)(void *)element);
            if (FAILED(hr)) return hr;
            continue;
        }
        void *pointer;
        memcpy(&pointer, element, sizeof(pointer));
        memset(element, 0, sizeof(pointer));
        if (kind == AUTOMATION_BSTR)
            SysFreeString(pointer);
        else if (pointer)
            ((IUnknown *)pointer)->lpVtbl->Release(pointer);
    }
    memset(data, 0, (size_t)count * array->cbElements);
    return S_OK;
}

/* `target` is zero. */
static HRESULT element_copy(const SAFEARRAY *array, const uint8_t *source, uint8_t *target)
{
    void *pointer;
    switch (safearray_kind(array)) {
    case AUTOMATION_RAW:
        memcpy(target, source, array->cbElements);
        return S_OK;
    case AUTOMATION_VARIANT:
        return VariantCopy((VARIANT *)(void *)target, (const VARIANT *)(const void *)source);
    case AUTOMATION_BSTR:
        memcpy(&pointer, source, sizeof(pointer));
        if (!pointer) return S_OK;
        pointer = SysAllocStringByteLen(pointer, SysStringByteLen(pointer));
        if (!pointer) return E_OUTOFMEMORY;
        memcpy(target, &pointer, sizeof(pointer));
        return S_OK;
    case AUTOMATION_INTERFACE:
        memcpy(&pointer, source, sizeof(pointer));
        if (pointer) ((IUnknown *)pointer)->lpVtbl->AddRef(pointer);
        memcpy(target, &pointer, sizeof(pointer));
        return S_OK;
    default:
        return E_NOTIMPL;
    }
}

static HRESULT elements_copy(const SAFEARRAY *array, const uint8_t *source, uint8_t *target, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        size_t at = (size_t)i * array->cbElements;
        HRESULT hr = element_copy(array, source + at, target + at);
        if (FAILED(hr)) {
            (void)elements_clear(array, target, i); /* copies, which can be cleared */
            return hr;
        }
    }
    return S_OK;
}

/* ---- ending ---- */

HRESULT SafeArrayDestroyData(SAFEARRAY *psa)
{
    uint32_t count;
    if (!psa) return E_INVALIDARG;
    if (psa->cLocks > 0) return DISP_E_ARRAYISLOCKED;
    if (!psa->pvData) return S_OK;
    if (!safearray_count(psa, &count)) return E_INVALIDARG;
    HRESULT hr = elements_clear(psa, psa->pvData, count);
    if (FAILED(hr) || (psa->fFeatures & FADF_FOREIGN)) return hr;
    CoTaskMemFree(psa->pvData);
    psa->pvData = NULL;
    return S_OK;
}

HRESULT SafeArrayDestroyDescriptor(SAFEARRAY *psa)
{
    if (!psa) return S_OK;
    if (psa->cLocks > 0) return DISP_E_ARRAYISLOCKED;
    if (!(psa->fFeatures & FADF_FOREIGN)) CoTaskMemFree(safearray_block(psa));
    return S_OK;
}

HRESULT SafeArrayDestroy(SAFEARRAY *psa)
{
    if (!psa) return S_OK;
    HRESULT hr = SafeArrayDestroyData(psa);
    return FAILED(hr) ? hr : SafeArrayDestroyDescriptor(psa);
}

/* ---- copies and sizes ---- */

static bool same_shape(const SAFEARRAY *a, const SAFEARRAY *b)
{
    if (a->cDims != b->cDims || a->cbElements != b->cbElements || safearray_kind(a) != safearray_kind(b))
        return false;
    for (unsigned i = 0; i < a->cDims; i++)
        if (a->rgsabound[i].cElements != b->rgsabound[i].cElements) return false;
    return true;
}

HRESULT SafeArrayCopyData(SAFEARRAY *psaSource, SAFEARRAY *psaTarget)
{
    uint32_t count;
    if (!psaSource || !psaTarget || !psaSource->pvData || !psaTarget->pvData ||
        !same_shape(psaSource, psaTarget) || !safearray_count(psaSource, &count))
        return E_INVALIDARG;
    if (psaSource == psaTarget) return S_OK;
    /* beside the target, so that a copy that fails changes nothing */
    size_t size = (size_t)count * psaSource->cbElements;
    uint8_t *copy = CoTaskMemAlloc(size);
    if (!copy) return E_OUTOFMEMORY;
    memset(copy, 0, size);
    HRESULT hr = elements_copy(psaSource, psaSource->pvData, copy, count);
    if (SUCCEEDED(hr)) hr = elements_clear(psaTarget, psaTarget->pvData, count);
    if (SUCCEEDED(hr))
        memcpy(psaTarget->pvData, copy, size);
    else
        (void)elements_clear(psaSource, copy, count); /* copies, which can be cleared */
    CoTaskMemFree(copy);
    return hr;
}

HRESULT SafeArrayCopy(SAFEARRAY *psa, SAFEARRAY **ppsaOut)
{
    SAFEARRAY *copy;
    uint32_t count;
    if (!ppsaOut) return E_INVALIDARG;
    *ppsaOut = NULL;
    if (!psa) return S_OK;
    if (!psa->pvData || !safearray_count(psa, &count)) return E_INVALIDARG;
    HRESULT hr = SafeArrayAllocDescriptor(psa->cDims, &copy);
    if (FAILED(hr)) return hr;
    copy->fFeatures = psa->fFeatures & (FADF_ELEMENTS | FADF_HAVEIID | FADF_HAVEVARTYPE);
    copy->cbElements = psa->cbElements;
    memcpy(copy->rgsabound, psa->rgsabound, psa->cDims * sizeof(psa->rgsabound[0]));
    if (copy->fFeatures & (FADF_HAVEIID | FADF_HAVEVARTYPE))
        memcpy(safearray_block(copy), safearray_block(psa), SAFEARRAY_PREFIX);
    hr = SafeArrayAllocData(copy);
    if (SUCCEEDED(hr)) hr = elements_copy(psa, psa->pvData, copy->pvData, count);
    if (FAILED(hr)) {
        CoTaskMemFree(copy->pvData);
        CoTaskMemFree(safearray_block(copy));
        return hr;
    }
    *ppsaOut = copy;
    return S_OK;
}

HRESULT SafeArrayRedim(SAFEARRAY *psa, SAFEARRAYBOUND *psaboundNew)
{
    uint32_t old, count;
    if (!psa || !psaboundNew || psa->cDims == 0 || !psa->pvData || !safearray_count(psa, &old))
        return E_INVALIDARG;
    if (psa->cLocks > 0 || (psa->fFeatures & (FADF_FOREIGN | FADF_FIXEDSIZE))) return DISP_E_ARRAYISLOCKED;
    SAFEARRAYBOUND kept = psa->rgsabound[0];
    psa->rgsabound[0] = *psaboundNew;
    if (!safearray_count(psa, &count)) {
        psa->rgsabound[0] = kept;
        return E_OUTOFMEMORY;
    }
    size_t size = (size_t)count * psa->cbElements, old_size = (size_t)old * psa->cbElements;
    uint8_t *data = CoTaskMemAlloc(size);
    HRESULT hr = data ? S_OK : E_OUTOFMEMORY;
    if (SUCCEEDED(hr) && count < old) hr = elements_clear(psa, (uint8_t *)psa->pvData + size, old - count);
    if (FAILED(hr)) {
        CoTaskMemFree(data);
        psa->rgsabound[0] = kept;
        return hr;
    }
    memcpy(data, psa->pvData, size < old_size ? size : old_size);
    if (size > old_size) memset(data + old_size, 0, size - old_size);
    CoTaskMemFree(psa->pvData);
    psa->pvData = data;
    return S_OK;
}

/* ---- access ---- */

HRESULT SafeArrayLock(SAFEARRAY *psa)
{
    if (!psa) return E_INVALIDARG;
    ULONG locks = __atomic_load_n(&psa->cLocks, __ATOMIC_RELAXED);
    do {
        if (locks >= LOCKS_MAX) return E_UNEXPECTED;
    } while (!__atomic_compare_exchange_n(&psa->cLocks, &locks, locks + 1, false, __ATOMIC_ACQ_REL,
                                          __ATOMIC_RELAXED));
    return S_OK;
}

HRESULT SafeArrayUnlock(SAFEARRAY *psa)
{
    if (!psa) return E_INVALIDARG;
    ULONG locks = __atomic_load_n(&psa->cLocks, __ATOMIC_RELAXED);
    do {
        if (locks == 0) return E_UNEXPECTED;
    } while (!__atomic_compare_exchange_n(&psa->cLocks, &locks, locks - 1, false, __ATOMIC_ACQ_REL,
                                          __ATOMIC_RELAXED));
    return S_OK;
}

HRESULT SafeArrayAccessData(SAFEARRAY *psa, void **ppvData)
{
    if (!psa || !ppvData) return E_INVALIDARG;
    HRESULT hr = SafeArrayLock(psa);
    *ppvData = SUCCEEDED(hr) ? psa->pvData : NULL;
    return hr;
}

HRESULT SafeArrayUnaccessData(SAFEARRAY *psa)
{
    return SafeArrayUnlock(psa);
}

UINT SafeArrayGetDim(SAFEARRAY *psa)
{
    return psa ? psa->cDims : 0;
}

UINT SafeArrayGetElemsize(SAFEARRAY *psa)
{
    return psa ? psa->cbElements : 0;
}

static HRESULT bound_of(const SAFEARRAY *array, UINT dimension, SAFEARRAYBOUND *ret_bound)
{
    if (!array) return E_INVALIDARG;
    if (dimension == 0 || dimension > array->cDims) return DISP_E_BADINDEX;
    *ret_bound = array->rgsabound[array->cDims - dimension];
    return S_OK;
}

HRESULT SafeArrayGetLBound(SAFEARRAY *psa, UINT nDim, LONG *plLbound)
{
    SAFEARRAYBOUND bound;
    HRESULT hr = plLbound ? bound_of(psa, nDim, &bound) : E_INVALIDARG;
    if (SUCCEEDED(hr)) *plLbound = bound.lLbound;
    return hr;
}

HRESULT SafeArrayGetUBound(SAFEARRAY *psa, UINT nDim, LONG *plUbound)
{
    SAFEARRAYBOUND bound;
    HRESULT hr = plUbound ? bound_of(psa, nDim, &bound) : E_INVALIDARG;
    if (SUCCEEDED(hr)) *plUbound = (LONG)((int64_t)bound.lLbound + bound.cElements - 1);
    return hr;
}

static HRESULT element_at(const SAFEARRAY *array, const LONG *indices, uint8_t **ret_element)
{
    if (!array || !indices) return E_INVALIDARG;
    uint64_t cell = 0, stride = 1;
    for (unsigned i = 0; i < array->cDims; i++) {
        const SAFEARRAYBOUND *bound = &array->rgsabound[array->cDims - 1 - i];
        int64_t index = (int64_t)indices[i] - bound->lLbound;
        if (index < 0 || index >= bound->cElements) return DISP_E_BADINDEX;
        cell += (uint64_t)index * stride;
        stride *= bound->cElements;
    }
    if (!array->pvData) return E_UNEXPECTED;
    *ret_element = (uint8_t *)array->pvData + cell * array->cbElements;
    return S_OK;
}

HRESULT SafeArrayPtrOfIndex(SAFEARRAY *psa, LONG *rgIndices, void **ppvData)
{
    uint8_t *element;
    HRESULT hr = ppvData ? element_at(psa, rgIndices, &element) : E_INVALIDARG;
    if (SUCCEEDED(hr)) *ppvData = element;
    return hr;
}

HRESULT SafeArrayGetElement(SAFEARRAY *psa, LONG *rgIndices, void *pv)
{
    uint8_t *element;
    HRESULT hr = pv ? element_at(psa, rgIndices, &element) : E_INVALIDARG;
    if (FAILED(hr)) return hr;
    memset(pv, 0, psa->cbElements);
    return element_copy(psa, element, pv);
}

HRESULT SafeArrayPutElement(SAFEARRAY *psa, LONG *rgIndices, void *pv)
{
    uint8_t *element;
    HRESULT hr = element_at(psa, rgIndices, &element);
    if (FAILED(hr)) return hr;
    AutomationKind kind = safearray_kind(psa);
    bool pointer = kind == AUTOMATION_BSTR || kind == AUTOMATION_INTERFACE;
    if (!pv && !pointer) return E_INVALIDARG;
    if (kind == AUTOMATION_RAW) {
        memcpy(element, pv, psa->cbElements);
        return S_OK;
    }
    VARIANT copy = {0}; /* the largest element */
    hr = element_copy(psa, pointer ? (const uint8_t *)&pv : pv, (uint8_t *)&copy);
    if (FAILED(hr)) return hr;
    hr = elements_clear(psa, element, 1);
    if (FAILED(hr))
        (void)elements_clear(psa, (uint8_t *)&copy, 1); /* just made, so it can be cleared */
    else
        memcpy(element, &copy, psa->cbElements);
    return hr;
}

/* ---- what it is made of ---- */

HRESULT SafeArrayGetVartype(SAFEARRAY *psa, VARTYPE *pvt)
{
    if (!psa || !pvt) return E_INVALIDARG;
    if (psa->fFeatures & FADF_HAVEVARTYPE)
        *pvt = (VARTYPE)*safearray_vartype(psa);
    else if (psa->fFeatures & FADF_DISPATCH)
        *pvt = VT_DISPATCH;
    else if (psa->fFeatures & FADF_UNKNOWN)
        *pvt = VT_UNKNOWN;
    else if (psa->fFeatures & FADF_BSTR)
        *pvt = VT_BSTR;
    else if (psa->fFeatures & FADF_VARIANT)
        *pvt = VT_VARIANT;
    else
        return E_INVALIDARG;
    return S_OK;
}

HRESULT SafeArrayGetIID(SAFEARRAY *psa, GUID *pguid)
{
    if (!psa || !pguid || !(psa->fFeatures & FADF_HAVEIID)) return E_INVALIDARG;
    *pguid = *safearray_iid(psa);
    return S_OK;
}

HRESULT SafeArraySetIID(SAFEARRAY *psa, REFGUID guid)
{
    if (!psa || !guid || !(psa->fFeatures & FADF_HAVEIID)) return E_INVALIDARG;
    *safearray_iid(psa) = *guid;
    return S_OK;
}
