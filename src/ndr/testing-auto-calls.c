/* SPDX-License-Identifier: Apache-2.0 */
#include "ndr/testing-auto.h"
#include <assert.h>

#define CHECK(condition) assert(!check || (condition))

bool auto_peer_may_refuse;

/* The call was not made, or its reply not believed: then [out] is zero and [in, out] as it was. A failing
 * HRESULT that a liar writes into a reply is the method's own. */
static bool refused(HRESULT hr)
{
    return !auto_peer_may_refuse && HRESULT_FACILITY(hr) == FACILITY_WIN32 && FAILED(hr);
}

static void run(const TestCaller *caller, void *proxy, bool check)
{
    caller->call(proxy, check);
}

/* Values that were made for a call; short of memory some of them are NULL, which may travel, too. */
static VARIANT text_value(const WCHAR *text)
{
    return (VARIANT){.vt = VT_BSTR, .bstrVal = SysAllocString(text)};
}

static VARIANT object_value(VARTYPE vt)
{
    const IID *iid = vt == VT_DISPATCH ? &IID_IDispatch : &IID_IUnknown;
    return (VARIANT){.vt = vt, .punkVal = test_object_new(iid, "abc", 3)};
}

static VARIANT decimal_value(void)
{
    VARIANT value = {.decVal = {.scale = 28, .sign = DECIMAL_NEG, .Hi32 = 7, .Lo64 = 1}};
    value.vt = VT_DECIMAL;
    return value;
}

static void put(SAFEARRAY *array, LONG index, void *element)
{
    HRESULT hr = SafeArrayPutElement(array, &index, element);
    assert(hr == S_OK || hr == E_OUTOFMEMORY);
}

/* An array of `vt` with three elements, something in the second one. */
static SAFEARRAY *array_new(VARTYPE vt)
{
    SAFEARRAY *array = SafeArrayCreateVector(vt, 1, 3);
    if (!array) return NULL;
    VARIANT value = {.vt = VT_I4, .lVal = 3};
    if (vt == VT_BSTR) value = text_value(u"element");
    if (vt == VT_UNKNOWN || vt == VT_DISPATCH) value = object_value(vt);
    bool pointer = vt == VT_BSTR || vt == VT_UNKNOWN || vt == VT_DISPATCH;
    put(array, 2, pointer ? value.byref : vt == VT_VARIANT ? (void *)&value : &value.llVal);
    (void)VariantClear(&value);
    return array;
}

static VARIANT array_value(VARTYPE vt)
{
    return (VARIANT){.vt = VT_ARRAY | vt, .parray = array_new(vt)};
}

/* An array of variants: a text, an array of texts, an object, and one of each kind below. */
static VARIANT mixed_value(void)
{
    VARIANT mixed = {.vt = VT_ARRAY | VT_VARIANT, .parray = SafeArrayCreateVector(VT_VARIANT, 0, 5)};
    VARIANT *elements;
    if (!mixed.parray) return mixed;
    elements = mixed.parray->pvData;
    elements[0] = text_value(u"one");
    elements[1] = array_value(VT_BSTR);
    elements[2] = object_value(VT_UNKNOWN);
    elements[3] = array_value(VT_VARIANT);
    elements[4] = decimal_value();
    return mixed;
}

/* Sends a value three ways and gets it back, without references. */
static bool round_trip(IAuto *proxy, bool check, VARIANT value, VARIANT *ret_got)
{
    VariantInit(ret_got);
    HRESULT hr = IAuto_Variant(proxy, value, &value, value.vt & 1 ? &value : NULL, ret_got);
    CHECK(hr == S_OK && ret_got->vt == (value.vt & ~VT_BYREF));
    assert(!refused(hr) || ret_got->vt == VT_EMPTY);
    auto_touch(ret_got);
    return hr == S_OK;
}

static void call_scalars(void *test, bool check)
{
    static const VARTYPE types[] = {VT_UI1, VT_I2, VT_R4, VT_I8, VT_NULL};
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        VARIANT value = {.vt = types[i], .llVal = 0x0102030405060708}, got;
        (void)round_trip(test, check, value, &got);
        CHECK(types[i] != VT_UI1 || got.bVal == 8);
        CHECK(types[i] != VT_I8 || got.llVal == value.llVal);
        (void)VariantClear(&got);
    }
    VARIANT got, value = decimal_value();
    (void)round_trip(test, check, value, &got);
    CHECK(got.decVal.Hi32 == 7 && got.decVal.scale == 28 && got.decVal.sign == DECIMAL_NEG &&
          got.decVal.Lo64 == 1);
    (void)VariantClear(&got);
}

static void call_texts(void *test, bool check)
{
    VARIANT got, values[] = {text_value(u"hello"), {.vt = VT_BSTR}, {.vt = VT_BSTR}};
    values[2].bstrVal = SysAllocStringByteLen("12345", 5);
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        (void)round_trip(test, check, values[i], &got);
        CHECK(SysStringByteLen(got.bstrVal) == SysStringByteLen(values[i].bstrVal));
        CHECK(i != 1 || !got.bstrVal);
        (void)VariantClear(&got);
        (void)VariantClear(&values[i]);
    }
}

static void call_objects(void *test, bool check)
{
    VARIANT got, none = {.vt = VT_DISPATCH},
                 values[] = {object_value(VT_UNKNOWN), object_value(VT_DISPATCH), none};
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        (void)round_trip(test, check, values[i], &got);
        CHECK((got.punkVal != NULL) == (i < 2));
        CHECK(i != 1 || IsEqualIID(test_object_iid(got.pdispVal), &IID_IDispatch));
        (void)VariantClear(&got);
        (void)VariantClear(&values[i]);
    }
}

/* References of the caller's, read by the server. */
static void call_references(void *test, bool check)
{
    BYTE small_one = 1;
    LONG number = 77;
    DATE date = 1.5;
    BSTR text = SysAllocString(u"by reference");
    VARIANT inner = {.vt = VT_BYREF | VT_I4, .plVal = &number}, plain = {.vt = VT_I4, .lVal = 5}, got;
    DECIMAL decimal = decimal_value().decVal;
    SAFEARRAY *array = array_new(VT_I4);
    VARIANT values[] = {
        {.vt = VT_BYREF | VT_UI1, .pbVal = &small_one},
        {.vt = VT_BYREF | VT_DATE, .pdate = &date},
        {.vt = VT_BYREF | VT_BSTR, .pbstrVal = &text},
        {.vt = VT_BYREF | VT_DECIMAL, .pdecVal = &decimal},
        {.vt = VT_BYREF | VT_VARIANT, .pvarVal = &plain},
        {.vt = VT_BYREF | VT_VARIANT, .pvarVal = &inner},
        {.vt = VT_BYREF | VT_ARRAY | VT_I4, .pparray = &array},
    };
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        VariantInit(&got);
        HRESULT hr = IAuto_Variant((IAuto *)test, values[i], &values[i], &values[i], &got);
        CHECK(hr == S_OK && !(got.vt & VT_BYREF));
        CHECK(i != 2 || SysStringLen(got.bstrVal) == 12);
        CHECK(i != 4 || (got.vt == VT_I4 && got.lVal == 5));
        CHECK(i != 5 || (got.vt == VT_I4 && got.lVal == 77));
        auto_touch(&got);
        (void)VariantClear(&got);
    }
    SysFreeString(text);
    (void)SafeArrayDestroy(array);
}

static void call_arrays(void *test, bool check)
{
    static const VARTYPE types[] = {VT_UI1,  VT_BOOL,    VT_R4,       VT_CY,
                                    VT_BSTR, VT_UNKNOWN, VT_DISPATCH, VT_VARIANT};
    VARIANT got;
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        VARIANT value = array_value(types[i]);
        (void)round_trip(test, check, value, &got);
        VARTYPE vt = VT_EMPTY;
        CHECK(got.parray && SUCCEEDED(SafeArrayGetVartype(got.parray, &vt)) && vt == types[i]);
        CHECK(got.parray->rgsabound[0].lLbound == 1 && got.parray->rgsabound[0].cElements == 3);
        (void)VariantClear(&got);
        (void)VariantClear(&value);
    }
}

static void call_mixed(void *test, bool check)
{
    VARIANT got, value = mixed_value();
    (void)round_trip(test, check, value, &got);
    CHECK(got.parray && ((VARIANT *)got.parray->pvData)[1].parray->rgsabound[0].cElements == 3);
    (void)VariantClear(&got);
    (void)VariantClear(&value);
    SAFEARRAYBOUND bounds[] = {{2, -1}, {0, 5}, {3, 7}};
    value = (VARIANT){.vt = VT_ARRAY | VT_UI4, .parray = SafeArrayCreate(VT_UI4, 3, bounds)};
    (void)round_trip(test, check, value, &got);
    CHECK(got.parray->cDims == 3 && got.parray->rgsabound[2].lLbound == -1);
    (void)VariantClear(&got);
    (void)VariantClear(&value);
    value = (VARIANT){.vt = VT_ARRAY | VT_UI4};
    (void)round_trip(test, check, value, &got);
    CHECK(!got.parray);
    (void)VariantClear(&got);
}

static void call_change(void *test, bool check)
{
    IAuto *proxy = test;
    VARIANT io = {.vt = VT_I4, .lVal = 3};
    HRESULT hr = IAuto_Change(proxy, &io, AUTO_TO_TEXT);
    CHECK(hr == S_OK && io.vt == VT_BSTR && SysStringLen(io.bstrVal) == 4);
    assert(!refused(hr) || (io.vt == VT_I4 && io.lVal == 3));
    VARIANT before = io;
    hr = IAuto_Change(proxy, &io, AUTO_TO_ARRAY);
    CHECK(hr == S_OK && io.vt == (VT_ARRAY | VT_BSTR));
    assert(!refused(hr) || (io.vt == before.vt && io.llVal == before.llVal));
    hr = IAuto_Change(proxy, &io, AUTO_KEEP);
    CHECK(hr == S_OK && io.vt == (VT_ARRAY | VT_BSTR) && io.parray->rgsabound[0].cElements == 3);
    hr = IAuto_Change(proxy, &io, AUTO_TO_EMPTY);
    CHECK(hr == S_OK && io.vt == VT_EMPTY);
    auto_touch(&io);
    (void)VariantClear(&io);
}

/* References of the caller's come back where they point to; nothing else may come by reference. */
static void call_changed_references(void *test, bool check)
{
    IAuto *proxy = test;
    LONG number = 77;
    BSTR text = SysAllocString(u"before");
    VARIANT inner = {.vt = VT_BYREF | VT_I4, .plVal = &number};
    SAFEARRAY *array = array_new(VT_BSTR);
    IUnknown *object = test_object_new(&IID_IUnknown, "abc", 3);
    VARIANT plain = text_value(u"plain"), io = {.vt = VT_BYREF | VT_I4, .plVal = &number};
    HRESULT hr = IAuto_Change(proxy, &io, AUTO_KEEP);
    CHECK(hr == S_OK && number == 78);
    assert(io.vt == (VT_BYREF | VT_I4) && io.plVal == &number && (!refused(hr) || number == 77));
    io = (VARIANT){.vt = VT_BYREF | VT_BSTR, .pbstrVal = &text};
    hr = IAuto_Change(proxy, &io, AUTO_KEEP);
    CHECK(hr == S_OK && SysStringLen(text) == 14);
    assert(io.vt == (VT_BYREF | VT_BSTR) && io.pbstrVal == &text);
    assert(!refused(hr) || !text || text[0] == 'b');
    io = (VARIANT){.vt = VT_BYREF | VT_VARIANT, .pvarVal = &inner};
    hr = IAuto_Change(proxy, &io, AUTO_KEEP);
    CHECK(hr == S_OK && number == 79);
    assert(inner.vt == (VT_BYREF | VT_I4) && inner.plVal == &number);
    io = (VARIANT){.vt = VT_BYREF | VT_VARIANT, .pvarVal = &plain};
    hr = IAuto_Change(proxy, &io, AUTO_KEEP);
    CHECK(hr == S_OK && plain.vt == VT_BSTR && SysStringLen(plain.bstrVal) == 5 && plain.bstrVal[0] == 'i');
    io = (VARIANT){.vt = VT_BYREF | VT_ARRAY | VT_BSTR, .pparray = &array};
    hr = IAuto_Change(proxy, &io, AUTO_KEEP);
    CHECK(hr == S_OK && array && array->rgsabound[0].lLbound == 5);
    io = (VARIANT){.vt = VT_BYREF | VT_UNKNOWN, .ppunkVal = &object};
    hr = IAuto_Change(proxy, &io, AUTO_KEEP);
    CHECK(hr == S_OK && object);
    io = (VARIANT){.vt = VT_BYREF | VT_I4, .plVal = &number};
    hr = IAuto_Change(proxy, &io, AUTO_TO_TEXT);
    CHECK(hr == HRESULT_FROM_WIN32(RPC_X_BAD_STUB_DATA));
    assert(io.vt == (VT_BYREF | VT_I4) && io.plVal == &number);
    auto_touch(&plain);
    auto_touch_array(array);
    if (object) IUnknown_Release(object);
    SysFreeString(text);
    (void)SafeArrayDestroy(array);
    (void)VariantClear(&plain);
}

static void call_many(void *test, bool check)
{
    LONG number = 9;
    VARIANT in[4] = {text_value(u"a"),
                     array_value(VT_I8),
                     {.vt = VT_R8, .dblVal = 2.5},
                     {.vt = VT_BYREF | VT_I4, .plVal = &number}};
    VARIANT io[4] = {text_value(u"old"), {.vt = VT_EMPTY}, array_value(VT_VARIANT), {.vt = VT_BOOL}};
    HRESULT hr = IAuto_Variants((IAuto *)test, 4, in, io);
    CHECK(hr == S_OK && io[0].vt == VT_BSTR && io[1].vt == (VT_ARRAY | VT_I8) && io[2].dblVal == 2.5 &&
          io[3].lVal == 9);
    assert(!refused(hr) || (io[0].vt == VT_BSTR && io[2].vt == (VT_ARRAY | VT_VARIANT)));
    for (unsigned i = 0; i < 4; i++) {
        auto_touch(&io[i]);
        (void)VariantClear(&in[i]);
        (void)VariantClear(&io[i]);
    }
    hr = IAuto_Variants((IAuto *)test, 0, in, io);
    CHECK(hr == S_OK);
}

static void call_safearrays(void *test, bool check)
{
    IAuto *proxy = test;
    SAFEARRAY *a = array_new(VT_VARIANT), *io = array_new(VT_BSTR), *o = NULL;
    HRESULT hr = IAuto_Array(proxy, a, &io, &o);
    CHECK(hr == S_OK && o && o->cDims == 1 && io && io->rgsabound[0].lLbound == -1);
    assert(!refused(hr) || !o);
    auto_touch_array(o);
    auto_touch_array(io);
    (void)SafeArrayDestroy(o);
    o = NULL;
    hr = IAuto_Array(proxy, NULL, &io, &o);
    CHECK(hr == S_OK && !o && io);
    (void)SafeArrayDestroy(a);
    (void)SafeArrayDestroy(io);
    (void)SafeArrayDestroy(o);
    /* made without a type: four bytes each are four bytes each */
    SAFEARRAY *bare;
    if (FAILED(SafeArrayAllocDescriptor(1, &bare))) return;
    bare->cbElements = 4;
    bare->rgsabound[0].cElements = 2;
    io = o = NULL;
    hr = SUCCEEDED(SafeArrayAllocData(bare)) ? IAuto_Array(proxy, bare, &io, &o) : S_FALSE;
    CHECK(hr == S_OK && o && o->cbElements == 4 && o->fFeatures == 0);
    (void)SafeArrayDestroy(bare);
    (void)SafeArrayDestroy(io);
    (void)SafeArrayDestroy(o);
}

static void call_held(void *test, bool check)
{
    Held h = {1, text_value(u"held"), 22, array_new(VT_BSTR), {.int64 = 12345}}, io = {0}, o = {0};
    io.v = text_value(u"io");
    HRESULT hr = IAuto_Holds((IAuto *)test, &h, &io, &o);
    CHECK(hr == S_OK && o.h == 22 && o.v.vt == VT_BSTR && o.a->rgsabound[0].cElements == 3 &&
          o.c.int64 == 12345 && io.b == 1);
    assert(!refused(hr) || (io.b == 0 && io.v.vt == VT_BSTR && o.v.vt == VT_EMPTY && !o.a));
    Held *all[] = {&h, &io, &o};
    for (unsigned i = 0; i < 3; i++) {
        auto_touch(&all[i]->v);
        auto_touch_array(all[i]->a);
        (void)VariantClear(&all[i]->v);
        (void)SafeArrayDestroy(all[i]->a);
    }
    DECIMAL d = decimal_value().decVal, od = {0};
    CY c = {.int64 = -5}, oc = {0};
    DATE odate = 0;
    hr = IAuto_Plain((IAuto *)test, d, &d, c, 2.5, &od, &oc, &odate);
    CHECK(hr == S_OK && od.Lo64 == 2 && od.Hi32 == 7 && oc.int64 == -5 && odate == 3.5);
}

static void exception_free(EXCEPINFO *exception)
{
    SysFreeString(exception->bstrSource);
    SysFreeString(exception->bstrDescription);
    SysFreeString(exception->bstrHelpFile);
    memset(exception, 0, sizeof(*exception));
}

static void call_invoke(void *test, bool check)
{
    IDispatch *proxy = test;
    LONG number = 40;
    BSTR text = SysAllocString(u"before");
    VARIANT arguments[3] = {{.vt = VT_I4, .lVal = 2},
                            {.vt = VT_BYREF | VT_BSTR, .pbstrVal = &text},
                            {.vt = VT_BYREF | VT_I4, .plVal = &number}};
    DISPID named = 5;
    DISPPARAMS params = {arguments, &named, 3, 1};
    VARIANT result = {0};
    EXCEPINFO exception = {0};
    UINT argument = 99;
    HRESULT hr = IDispatch_Invoke(proxy, AUTO_SWAP, &GUID_NULL, 0, DISPATCH_METHOD, &params, &result,
                                  &exception, &argument);
    CHECK(hr == S_OK && result.vt == VT_I4 && result.lVal == 42 && number == 41 && SysStringLen(text) == 14 &&
          argument == DISPATCH_METHOD);
    assert(arguments[1].pbstrVal == &text && arguments[2].plVal == &number);
    assert(!refused(hr) || (number == 40 && result.vt == VT_EMPTY && (!text || text[0] == 'b')));
    auto_touch(&result);
    (void)VariantClear(&result);
    exception_free(&exception);
    hr = IDispatch_Invoke(proxy, AUTO_FAIL, &GUID_NULL, 0, DISPATCH_METHOD, &params, &result, &exception,
                          &argument);
    CHECK(hr == DISP_E_EXCEPTION && exception.wCode == 1001 && SysStringLen(exception.bstrHelpFile) == 4);
    assert(!exception.pfnDeferredFillIn && !exception.pvReserved);
    (void)VariantClear(&result);
    exception_free(&exception);
    hr = IDispatch_Invoke(proxy, AUTO_FAIL, &GUID_NULL, 0, DISPATCH_METHOD, &params, NULL, NULL, NULL);
    CHECK(hr == DISP_E_EXCEPTION);
    DISPPARAMS none = {0};
    hr = IDispatch_Invoke(proxy, AUTO_SUM, &GUID_NULL, 0, DISPATCH_PROPERTYGET, &none, &result, NULL, NULL);
    CHECK(hr == S_OK && result.lVal == 0);
    (void)VariantClear(&result);
    SysFreeString(text);
}

static void call_names(void *test, bool check)
{
    IAutoDual *proxy = test;
    LPOLESTR names[] = {(LPOLESTR)u"Swap", (LPOLESTR)u"nobody"};
    DISPID ids[2] = {0};
    UINT count = 5;
    VARIANT b = {.vt = VT_I4, .lVal = 5}, sum = {0};
    HRESULT hr = IAutoDual_GetIDsOfNames(proxy, &GUID_NULL, names, 1, 0, ids);
    CHECK(hr == S_OK && ids[0] == AUTO_SWAP);
    hr = IAutoDual_GetIDsOfNames(proxy, &GUID_NULL, names, 2, 0, ids);
    CHECK(hr == DISP_E_UNKNOWNNAME && ids[0] == AUTO_SWAP && ids[1] == DISPID_UNKNOWN);
    hr = IAutoDual_GetTypeInfoCount(proxy, &count);
    CHECK(hr == S_OK && count == 0);
    hr = IAutoDual_Add(proxy, 2, b, &sum);
    CHECK(hr == S_OK && sum.lVal == 7);
    (void)VariantClear(&sum);
}

#define IAUTO &IID_IAuto, &auto_object, run
#define IDUAL &IID_IAutoDual, &auto_dual_object, run
const TestCaller auto_callers[] = {
    {"scalars", IAUTO, call_scalars},
    {"texts", IAUTO, call_texts},
    {"objects", IAUTO, call_objects},
    {"references", IAUTO, call_references},
    {"arrays", IAUTO, call_arrays},
    {"arrays of arrays", IAUTO, call_mixed},
    {"values that change", IAUTO, call_change},
    {"references that change", IAUTO, call_changed_references},
    {"several", IAUTO, call_many},
    {"SAFEARRAYs", IAUTO, call_safearrays},
    {"in structures", IAUTO, call_held},
    {"Invoke", IDUAL, call_invoke},
    {"names", IDUAL, call_names},
};
const size_t auto_callers_count = ARRAY_SIZE(auto_callers);
