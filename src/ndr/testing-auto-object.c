/* SPDX-License-Identifier: Apache-2.0 */
#include "ndr/testing-auto.h"

static HRESULT query(void *This, REFIID iid, void **ret_object)
{
    return E_NOINTERFACE;
}
static ULONG count(void *This)
{
    return 1;
}
#define UNKNOWN (void *)query, (void *)count, (void *)count

/* ---- reading all of it ---- */

static void bstr_touch(BSTR text)
{
    if (text) test_touch(text, SysStringByteLen(text) + sizeof(WCHAR));
}

static void object_touch(void *object)
{
    size_t length;
    if (object) test_touch(test_object_data(object, &length), 0);
}

void auto_touch_array(SAFEARRAY *array)
{
    VARTYPE vt = VT_EMPTY;
    if (!array) return;
    size_t total = 1;
    for (unsigned i = 0; i < array->cDims; i++)
        total *= array->rgsabound[i].cElements;
    test_touch(array->pvData, total * array->cbElements);
    if (FAILED(SafeArrayGetVartype(array, &vt))) return;
    for (size_t i = 0; i < total; i++) {
        uint8_t *element = (uint8_t *)array->pvData + i * array->cbElements;
        void *pointer;
        if (vt == VT_VARIANT) auto_touch((VARIANT *)(void *)element);
        if (vt != VT_BSTR && vt != VT_UNKNOWN && vt != VT_DISPATCH) continue;
        memcpy(&pointer, element, sizeof(pointer));
        if (vt == VT_BSTR)
            bstr_touch(pointer);
        else
            object_touch(pointer);
    }
}

static size_t size_of(VARTYPE vt)
{
    switch (vt) {
    case VT_I1:
    case VT_UI1:
        return 1;
    case VT_I2:
    case VT_UI2:
    case VT_BOOL:
        return 2;
    case VT_R8:
    case VT_CY:
    case VT_DATE:
    case VT_I8:
    case VT_UI8:
        return 8;
    case VT_DECIMAL:
        return sizeof(DECIMAL);
    case VT_EMPTY:
    case VT_NULL:
        return 0;
    default:
        return 4;
    }
}

static void content_touch(VARTYPE vt, const void *data)
{
    void *pointer;
    if (vt == VT_VARIANT) {
        auto_touch(data);
        return;
    }
    if (!(vt & VT_ARRAY) && vt != VT_BSTR && vt != VT_UNKNOWN && vt != VT_DISPATCH) {
        test_touch(data, size_of(vt));
        return;
    }
    memcpy(&pointer, data, sizeof(pointer));
    if (vt & VT_ARRAY)
        auto_touch_array(pointer);
    else if (vt == VT_BSTR)
        bstr_touch(pointer);
    else
        object_touch(pointer);
}

void auto_touch(const VARIANT *value)
{
    test_touch(value, sizeof(*value));
    if (value->vt & VT_BYREF)
        content_touch(value->vt & (VARTYPE)~VT_BYREF, value->byref);
    else
        content_touch(value->vt, value->vt == VT_DECIMAL ? (const void *)value : &value->llVal);
}

/* ---- IAuto ---- */

/* A method's own failure, not to be mistaken for that of a call. */
static HRESULT own(HRESULT hr)
{
    return FAILED(hr) ? E_FAIL : hr;
}

static HRESULT variant(IAuto *This, VARIANT v, VARIANT *pv, VARIANT *pu, VARIANT *o)
{
    auto_touch(&v);
    auto_touch(pv);
    if (pu) auto_touch(pu);
    return own(VariantCopyInd(o, &v));
}

/* Replaces the content behind a reference by something of its type. */
static HRESULT reference_change(VARIANT *io)
{
    switch (io->vt & ~VT_BYREF) {
    case VT_I4:
        *io->plVal = (LONG)((ULONG)*io->plVal + 1);
        return S_OK;
    case VT_DECIMAL:
        io->pdecVal->Hi32 ^= 1;
        return S_OK;
    case VT_BSTR:
        return SysReAllocString(io->pbstrVal, u"changed behind") ? S_OK : E_OUTOFMEMORY;
    case VT_UNKNOWN:
        if (*io->ppunkVal) IUnknown_Release(*io->ppunkVal);
        *io->ppunkVal = test_object_new(&IID_IUnknown, "new", 3);
        return *io->ppunkVal ? S_OK : E_OUTOFMEMORY;
    case VT_VARIANT: {
        VARIANT *inner = io->pvarVal;
        if (inner->vt & VT_BYREF) return reference_change(inner);
        HRESULT hr = VariantClear(inner);
        if (FAILED(hr)) return hr;
        inner->bstrVal = SysAllocString(u"inner");
        inner->vt = VT_BSTR;
        return S_OK;
    }
    default:
        if (!(io->vt & VT_ARRAY)) return S_OK;
        HRESULT hr = SafeArrayDestroy(*io->pparray);
        if (SUCCEEDED(hr)) *io->pparray = SafeArrayCreateVector(io->vt & VT_TYPEMASK, 5, 2);
        return hr;
    }
}

static HRESULT change(IAuto *This, VARIANT *io, LONG mode)
{
    static LONG ours = 4711;
    auto_touch(io);
    if (mode == AUTO_KEEP) return io->vt & VT_BYREF ? own(reference_change(io)) : S_OK;
    HRESULT hr = VariantClear(io);
    if (FAILED(hr)) return own(hr);
    if (mode == AUTO_TO_TEXT) {
        io->vt = VT_BSTR;
        io->bstrVal = SysAllocString(u"text");
    } else if (mode == AUTO_TO_ARRAY) {
        io->parray = SafeArrayCreateVector(VT_BSTR, 0, 3);
        io->vt = VT_ARRAY | VT_BSTR;
    } else if (mode == AUTO_TO_REFERENCE) {
        io->plVal = &ours;
        io->vt = VT_BYREF | VT_I4;
    }
    return S_OK;
}

static HRESULT variants(IAuto *This, ULONG n, VARIANT *in, VARIANT *io)
{
    for (ULONG i = 0; i < n; i++) {
        auto_touch(&in[i]);
        auto_touch(&io[i]);
        HRESULT hr = VariantCopyInd(&io[i], &in[i]);
        if (FAILED(hr)) return own(hr);
    }
    return S_OK;
}

static HRESULT array(IAuto *This, SAFEARRAY *a, SAFEARRAY **io, SAFEARRAY **o)
{
    auto_touch_array(a);
    auto_touch_array(*io);
    HRESULT hr = SafeArrayCopy(a, o);
    if (SUCCEEDED(hr)) hr = SafeArrayDestroy(*io);
    if (SUCCEEDED(hr)) *io = SafeArrayCreateVector(VT_R8, -1, 4);
    return own(hr);
}

static HRESULT holds(IAuto *This, Held *h, Held *io, Held *o)
{
    auto_touch(&h->v);
    auto_touch_array(h->a);
    auto_touch(&io->v);
    auto_touch_array(io->a);
    o->b = h->b;
    o->h = h->h;
    o->c = h->c;
    HRESULT hr = VariantCopyInd(&o->v, &h->v);
    if (SUCCEEDED(hr)) hr = SafeArrayCopy(h->a, &o->a);
    io->b++;
    return own(hr);
}

static HRESULT plain(IAuto *This, DECIMAL d, DECIMAL *pd, CY c, DATE date, DECIMAL *od, CY *oc, DATE *odate)
{
    *od = d;
    od->Lo64 += pd->Lo64;
    *oc = c;
    *odate = date + 1;
    return S_OK;
}

static IAutoVtbl auto_vtable = {UNKNOWN, variant, change, variants, array, holds, plain};
IAuto auto_object = {&auto_vtable};

/* ---- IAutoDual ---- */

static HRESULT type_info_count(IAutoDual *This, UINT *ret_count)
{
    *ret_count = 0;
    return S_OK;
}
static HRESULT type_info(IAutoDual *This, UINT index, LCID lcid, ITypeInfo **ret_info)
{
    *ret_info = NULL;
    return DISP_E_BADINDEX;
}

static bool is_name(const WCHAR *name, const char *wanted)
{
    for (; *wanted && (*name | 0x20) == *wanted; name++)
        wanted++;
    return *wanted == 0 && *name == 0;
}

static HRESULT names(IAutoDual *This, REFIID riid, LPOLESTR *given, UINT n, LCID lcid, DISPID *ret_ids)
{
    HRESULT hr = n > 0 ? S_OK : E_INVALIDARG;
    for (UINT i = 0; i < n; i++) {
        const WCHAR *name = given[i] ? given[i] : u"";
        ret_ids[i] = is_name(name, "sum")    ? AUTO_SUM
                     : is_name(name, "swap") ? AUTO_SWAP
                     : is_name(name, "fail") ? AUTO_FAIL
                                             : DISPID_UNKNOWN;
        if (ret_ids[i] == DISPID_UNKNOWN) hr = DISP_E_UNKNOWNNAME;
    }
    return hr;
}

static LONG number_of(const VARIANT *value)
{
    return value->vt == VT_I4 ? value->lVal : value->vt == (VT_BYREF | VT_I4) ? *value->plVal : 0;
}

static HRESULT deferred(EXCEPINFO *exception)
{
    exception->bstrHelpFile = SysAllocString(u"help");
    return S_OK;
}

static HRESULT fail(EXCEPINFO *exception)
{
    if (!exception) return DISP_E_EXCEPTION;
    exception->wCode = 1001;
    exception->bstrSource = SysAllocString(u"source");
    exception->bstrDescription = SysAllocString(u"description");
    exception->pfnDeferredFillIn = deferred;
    exception->pvReserved = exception;
    return DISP_E_EXCEPTION;
}

static HRESULT invoke(IAutoDual *This, DISPID member, REFIID riid, LCID lcid, WORD flags, DISPPARAMS *params,
                      VARIANT *ret_result, EXCEPINFO *exception, UINT *ret_argument)
{
    LONG sum = 0;
    for (UINT i = 0; i < params->cArgs; i++) {
        auto_touch(&params->rgvarg[i]);
        sum = (LONG)((ULONG)sum + (ULONG)number_of(&params->rgvarg[i]));
    }
    test_touch(params->rgdispidNamedArgs, params->cNamedArgs * sizeof(DISPID));
    if (member == AUTO_FAIL) return fail(exception);
    if (member == AUTO_SWAP) {
        for (UINT i = 0; i < params->cArgs; i++)
            if (params->rgvarg[i].vt & VT_BYREF) reference_change(&params->rgvarg[i]);
    }
    if (member != AUTO_SUM && member != AUTO_SWAP) return DISP_E_MEMBERNOTFOUND;
    if (ret_argument) *ret_argument = flags;
    if (!ret_result) return S_OK;
    ret_result->vt = VT_I4;
    ret_result->lVal = sum;
    return S_OK;
}

static HRESULT add(IAutoDual *This, LONG a, VARIANT b, VARIANT *ret_sum)
{
    auto_touch(&b);
    ret_sum->vt = VT_I4;
    ret_sum->lVal = (LONG)((ULONG)a + (ULONG)number_of(&b));
    return S_OK;
}

static IAutoDualVtbl dual_vtable = {UNKNOWN, type_info_count, type_info, names, invoke, add};
IAutoDual auto_dual_object = {&dual_vtable};
