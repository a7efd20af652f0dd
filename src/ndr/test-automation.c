/* SPDX-License-Identifier: Apache-2.0 */
/* VARIANT and SAFEARRAY in memory: what their functions do, and where they end. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#define COBJMACROS
#include "ndr/automation.h"
#include "ndr/testing.h"

static void assert_text(BSTR text, const WCHAR *wanted)
{
    BSTR copy = SysAllocString(wanted);
    assert_int_equal(SysStringLen(text), SysStringLen(copy));
    assert_memory_equal(text, copy, SysStringByteLen(copy));
    SysFreeString(copy);
}

static void test_clear(void **state)
{
    VARIANT value = {.vt = VT_BSTR, .bstrVal = SysAllocString(u"text")};
    assert_int_equal(VariantClear(&value), S_OK);
    assert_int_equal(value.vt, VT_EMPTY);
    value = (VARIANT){.vt = VT_UNKNOWN, .punkVal = test_object_new(&IID_IUnknown, "a", 1)};
    assert_int_equal(VariantClear(&value), S_OK);
    assert_int_equal(test_objects, 0);
    LONG number = 5;
    value = (VARIANT){.vt = VT_BYREF | VT_I4, .plVal = &number};
    assert_int_equal(VariantClear(&value), S_OK);
    assert_int_equal(number, 5);
    value = (VARIANT){.vt = VT_ARRAY | VT_I4, .parray = SafeArrayCreateVector(VT_I4, 0, 1)};
    assert_int_equal(SafeArrayLock(value.parray), S_OK);
    assert_int_equal(VariantClear(&value), DISP_E_ARRAYISLOCKED);
    assert_int_equal(value.vt, VT_ARRAY | VT_I4);
    assert_int_equal(SafeArrayUnlock(value.parray), S_OK);
    assert_int_equal(VariantClear(&value), S_OK);
}

static void test_types(void **state)
{
    static const VARTYPE bad[] = {
        15, 24, 31, 100, VT_VARIANT, VT_EMPTY | VT_ARRAY, VT_NULL | VT_BYREF, 0x1000 | VT_I4, 0x8000 | VT_I4};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        VARIANT value = {.vt = bad[i]}, copy = {0};
        assert_int_equal(VariantClear(&value), DISP_E_BADVARTYPE);
        assert_int_equal(VariantCopy(&copy, &value), DISP_E_BADVARTYPE);
        assert_int_equal(VariantCopyInd(&copy, &value), DISP_E_BADVARTYPE);
    }
    VARIANT record = {.vt = VT_RECORD};
    assert_int_equal(VariantClear(&record), E_NOTIMPL);
    assert_null(SafeArrayCreateVector(VT_RECORD, 0, 1));
    assert_null(SafeArrayCreateVector(VT_EMPTY, 0, 1));
    assert_null(SafeArrayCreateVector(VT_I4 | VT_BYREF, 0, 1));
}

static void test_copy(void **state)
{
    VARIANT source = {.vt = VT_BSTR, .bstrVal = SysAllocString(u"text")},
            copy = {.vt = VT_BSTR, .bstrVal = SysAllocString(u"old")};
    assert_int_equal(VariantCopy(&copy, &source), S_OK);
    assert_ptr_not_equal(copy.bstrVal, source.bstrVal);
    assert_text(copy.bstrVal, u"text");
    assert_int_equal(VariantCopy(&copy, &copy), S_OK);
    assert_text(copy.bstrVal, u"text");
    /* by reference: the pointer, or what it points to */
    VARIANT reference = {.vt = VT_BYREF | VT_BSTR, .pbstrVal = &source.bstrVal};
    assert_int_equal(VariantCopy(&copy, &reference), S_OK);
    assert_ptr_equal(copy.pbstrVal, &source.bstrVal);
    assert_int_equal(VariantCopyInd(&copy, &reference), S_OK);
    assert_int_equal(copy.vt, VT_BSTR);
    VARIANT outer = {.vt = VT_BYREF | VT_VARIANT, .pvarVal = &reference};
    assert_int_equal(VariantCopyInd(&copy, &outer), S_OK);
    assert_text(copy.bstrVal, u"text");
    VARIANT outermost = {.vt = VT_BYREF | VT_VARIANT, .pvarVal = &outer};
    assert_int_equal(VariantCopyInd(&copy, &outermost), E_INVALIDARG);
    /* onto itself */
    assert_int_equal(VariantCopyInd(&reference, &reference), S_OK);
    assert_text(reference.bstrVal, u"text");
    DECIMAL decimal = {.Lo64 = 7};
    VARIANT number = {.vt = VT_BYREF | VT_DECIMAL, .pdecVal = &decimal};
    assert_int_equal(VariantCopyInd(&number, &number), S_OK);
    assert_int_equal(number.vt, VT_DECIMAL);
    assert_int_equal(number.decVal.Lo64, 7);
    VARIANT nowhere = {.vt = VT_BYREF | VT_I4};
    assert_int_equal(VariantCopyInd(&number, &nowhere), E_INVALIDARG);
    VARIANT all[] = {source, copy, reference};
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        assert_int_equal(VariantClear(&all[i]), S_OK);
}

/* A copy that fails leaves the destination as it was. */
static void test_copy_without_memory(void **state)
{
    VARIANT source = {.vt = VT_ARRAY | VT_BSTR, .parray = SafeArrayCreateVector(VT_BSTR, 0, 2)},
            copy = {.vt = VT_I4, .lVal = 5};
    LONG at = 1;
    BSTR text = SysAllocString(u"text");
    assert_int_equal(SafeArrayPutElement(source.parray, &at, text), S_OK);
    HRESULT hr = E_OUTOFMEMORY;
    for (long after = 0; hr == E_OUTOFMEMORY; after++) {
        assert_in_range(after, 0, 10);
        ndr_memory_fail_after(after);
        hr = VariantCopy(&copy, &source);
        ndr_memory_fail_after(-1);
        assert_true(hr == S_OK || (copy.vt == VT_I4 && copy.lVal == 5));
    }
    assert_int_equal(hr, S_OK);
    assert_int_equal(VariantClear(&copy), S_OK);
    assert_int_equal(VariantClear(&source), S_OK);
    SysFreeString(text);
    (void)ndr_memory_failed();
}

static void test_array_shape(void **state)
{
    SAFEARRAYBOUND bounds[] = {{2, 10}, {3, -1}};
    SAFEARRAY *array = SafeArrayCreate(VT_I4, 2, bounds);
    LONG bound, *data;
    VARTYPE vt;
    GUID iid;
    assert_non_null(array);
    assert_int_equal(SafeArrayGetDim(array), 2);
    assert_int_equal(SafeArrayGetElemsize(array), 4);
    assert_int_equal(SafeArrayGetVartype(array, &vt), S_OK);
    assert_int_equal(vt, VT_I4);
    assert_int_equal(SafeArrayGetLBound(array, 1, &bound), S_OK);
    assert_int_equal(bound, 10);
    assert_int_equal(SafeArrayGetUBound(array, 2, &bound), S_OK);
    assert_int_equal(bound, 1);
    assert_int_equal(SafeArrayGetLBound(array, 0, &bound), DISP_E_BADINDEX);
    assert_int_equal(SafeArrayGetUBound(array, 3, &bound), DISP_E_BADINDEX);
    assert_int_equal(SafeArrayGetIID(array, &iid), E_INVALIDARG);
    /* the first index varies fastest */
    for (LONG i = 10; i < 12; i++)
        for (LONG j = -1; j < 2; j++) {
            LONG at[] = {i, j}, value = i * 100 + j;
            assert_int_equal(SafeArrayPutElement(array, at, &value), S_OK);
        }
    assert_int_equal(SafeArrayAccessData(array, (void **)&data), S_OK);
    assert_int_equal(data[0], 999);
    assert_int_equal(data[1], 1099);
    assert_int_equal(data[2], 1000);
    assert_int_equal(SafeArrayDestroy(array), DISP_E_ARRAYISLOCKED);
    assert_int_equal(SafeArrayUnaccessData(array), S_OK);
    assert_int_equal(SafeArrayUnlock(array), E_UNEXPECTED);
    LONG outside[][2] = {{9, 0}, {12, 0}, {10, -2}, {10, 2}};
    for (size_t i = 0; i < ARRAY_SIZE(outside); i++)
        assert_int_equal(SafeArrayGetElement(array, outside[i], &bound), DISP_E_BADINDEX);
    assert_int_equal(SafeArrayDestroy(array), S_OK);
    assert_int_equal(SafeArrayDestroy(NULL), S_OK);
}

static void test_array_elements(void **state)
{
    SAFEARRAY *objects = SafeArrayCreateVector(VT_DISPATCH, 0, 2),
              *variants = SafeArrayCreateVector(VT_VARIANT, 0, 2), *copy;
    IUnknown *object = test_object_new(&IID_IDispatch, "a", 1), *got;
    LONG at = 1;
    GUID iid;
    VARIANT value = {.vt = VT_DISPATCH, .punkVal = object}, out;
    assert_int_equal(SafeArrayPutElement(objects, &at, object), S_OK);
    assert_int_equal(SafeArrayPutElement(variants, &at, &value), S_OK);
    assert_int_equal(SafeArrayGetElement(objects, &at, &got), S_OK);
    assert_ptr_equal(got, object);
    assert_int_equal(IUnknown_Release(got), 3);
    assert_int_equal(SafeArrayGetElement(variants, &at, &out), S_OK);
    assert_int_equal(VariantClear(&out), S_OK);
    assert_int_equal(SafeArrayGetIID(objects, &iid), S_OK);
    assert_true(IsEqualIID(&iid, &IID_IDispatch));
    assert_int_equal(SafeArraySetIID(objects, &IID_IUnknown), S_OK);
    assert_int_equal(SafeArrayCopy(objects, &copy), S_OK);
    assert_int_equal(SafeArrayGetIID(copy, &iid), S_OK);
    assert_true(IsEqualIID(&iid, &IID_IUnknown));
    assert_int_equal(SafeArrayPutElement(copy, &at, NULL), S_OK);
    assert_int_equal(SafeArrayCopyData(objects, copy), S_OK);
    assert_int_equal(SafeArrayCopyData(objects, variants), E_INVALIDARG);
    assert_int_equal(SafeArrayDestroy(copy), S_OK);
    assert_int_equal(SafeArrayDestroy(objects), S_OK);
    assert_int_equal(SafeArrayDestroy(variants), S_OK);
    assert_int_equal(IUnknown_Release(object), 0);
    assert_int_equal(test_objects, 0);
}

static void test_array_redim(void **state)
{
    SAFEARRAY *array = SafeArrayCreateVector(VT_BSTR, 1, 3);
    BSTR text = SysAllocString(u"text"), got;
    for (LONG at = 1; at <= 3; at++)
        assert_int_equal(SafeArrayPutElement(array, &at, text), S_OK);
    SAFEARRAYBOUND smaller = {1, 1}, larger = {5, 1}, huge = {UINT32_MAX, 0};
    assert_int_equal(SafeArrayRedim(array, &smaller), S_OK);
    assert_int_equal(SafeArrayRedim(array, &larger), S_OK);
    LONG at = 5;
    assert_int_equal(SafeArrayGetElement(array, &at, &got), S_OK);
    assert_null(got);
    assert_int_equal(SafeArrayRedim(array, &huge), E_OUTOFMEMORY);
    assert_int_equal(array->rgsabound[0].cElements, 5);
    at = 1;
    assert_int_equal(SafeArrayGetElement(array, &at, &got), S_OK);
    assert_text(got, u"text");
    SysFreeString(got);
    array->fFeatures |= FADF_FIXEDSIZE;
    assert_int_equal(SafeArrayRedim(array, &smaller), DISP_E_ARRAYISLOCKED);
    assert_int_equal(SafeArrayDestroy(array), S_OK);
    SysFreeString(text);
}

/* What a program has on its stack is not freed, what it owns is. */
static void test_array_of_the_stack(void **state)
{
    BSTR data[2] = {SysAllocString(u"a"), NULL};
    SAFEARRAY array = {1, FADF_AUTO | FADF_FIXEDSIZE | FADF_BSTR, sizeof(BSTR), 0, data, {{2, 0}}};
    assert_int_equal(SafeArrayDestroy(&array), S_OK);
    assert_null(data[0]);
}

static void test_array_limits(void **state)
{
    SAFEARRAYBOUND most[] = {{1 << 16, 0}, {1 << 15, 0}};
    assert_null(SafeArrayCreate(VT_UI1, 2, most));
    assert_null(SafeArrayCreateVector(VT_I8, 0, UINT32_MAX));
    assert_null(SafeArrayCreate(VT_UI1, 0, most));
    SAFEARRAY *empty = SafeArrayCreateVector(VT_I8, 5, 0);
    LONG bound;
    assert_int_equal(SafeArrayGetUBound(empty, 1, &bound), S_OK);
    assert_int_equal(bound, 4);
    assert_int_equal(SafeArrayDestroy(empty), S_OK);
    SAFEARRAY *none;
    assert_int_equal(SafeArrayAllocDescriptor(UINT16_MAX + 1, &none), E_INVALIDARG);
    assert_int_equal(SafeArrayCopy(NULL, &none), S_OK);
    assert_null(none);
    assert_int_equal(SafeArrayLock(NULL), E_INVALIDARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clear),        cmocka_unit_test(test_types),
        cmocka_unit_test(test_copy),         cmocka_unit_test(test_copy_without_memory),
        cmocka_unit_test(test_array_shape),  cmocka_unit_test(test_array_elements),
        cmocka_unit_test(test_array_redim),  cmocka_unit_test(test_array_of_the_stack),
        cmocka_unit_test(test_array_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
