/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of VARIANT and SAFEARRAY against the structures of [MS-OAUT]: what Mantle's own code wrote is
 * read by tables that widl made of them (tests/idl/oautwire.idl), every count, tag and pointer of it, and
 * written again.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "ndr/testing-auto.h"
#include "oautwire.h"

static HRESULT query(void *This, REFIID iid, void **ret_object)
{
    return E_NOINTERFACE;
}
static ULONG count(void *This)
{
    return 1;
}
static HRESULT change(IOautWire *This, WireVariant *io, LONG mode)
{
    return S_OK;
}
static HRESULT array(IOautWire *This, WirePPArray a, WirePPArray *io)
{
    return S_OK;
}
static IOautWireVtbl vtable = {(void *)query, (void *)count, (void *)count, change, array};
static IOautWire wire = {&vtable};

/* The first referent id is "User" here and drawn from the count there, so the others are one apart. */
static uint32_t renumbered(uint32_t word)
{
    return word >= 0x20000 && word < 0x20000 + 4 * 64 ? word + 4 : word;
}

/* `request`, from `start` on, is what the tables write; their reply ends in the result. */
static void same_as_tables(unsigned method, const TestMessage *message, size_t start, size_t end)
{
    Arena arena;
    Writer reply;
    arena_init(&arena, 0);
    writer_init(&reply, 0);
    uint32_t code = test_serve(ndr_interface_find(&IID_IOautWire), &wire, method, message->request,
                               message->request_length, &arena, &reply);
    assert_int_equal(code, 0);
    assert_int_equal(reply.length, ((end - start + 3) & ~(size_t)3) + 4);
    for (size_t at = 4; at + 4 <= end - start; at += 4) {
        uint32_t ours, theirs;
        memcpy(&ours, message->request + start + at, sizeof(ours));
        memcpy(&theirs, reply.data + at, sizeof(theirs));
        assert_int_equal(renumbered(ours), theirs);
    }
    size_t whole = (end - start) & ~(size_t)3;
    assert_memory_equal(message->request + start + whole, reply.data + whole, end - start - whole);
    writer_deinit(&reply);
    arena_deinit(&arena);
}

static void check_variant(VARIANT value)
{
    TestProxy test;
    VARIANT io = value;
    test_proxy_init(&test, &IID_IAuto, &auto_object);
    assert_int_equal(IAuto_Change((IAuto *)&test, &io, AUTO_KEEP), S_OK);
    size_t end = test.message[0].request_length - 4; /* the second argument */
    same_as_tables(3, &test.message[0], 0, end);
    if (!(value.vt & VT_BYREF)) (void)VariantClear(&io);
    test_proxy_deinit(&test);
    assert_int_equal(test_objects, 0);
}

static void test_values(void **state)
{
    static const VARTYPE types[] = {VT_EMPTY, VT_NULL, VT_I2,    VT_I4,   VT_R4,  VT_R8,
                                    VT_CY,    VT_DATE, VT_ERROR, VT_BOOL, VT_I1,  VT_UI1,
                                    VT_UI2,   VT_UI4,  VT_I8,    VT_UI8,  VT_INT, VT_UINT};
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        check_variant((VARIANT){.vt = types[i], .llVal = 0x0102030405060708});
    VARIANT value = {
        .decVal = {.scale = 3, .sign = DECIMAL_NEG, .Hi32 = 0x11223344, .Lo64 = 0x5566778899aabbcc}};
    value.vt = VT_DECIMAL;
    check_variant(value);
    check_variant((VARIANT){.vt = VT_BSTR, .bstrVal = SysAllocString(u"text")});
    check_variant((VARIANT){.vt = VT_BSTR});
    check_variant((VARIANT){.vt = VT_BSTR, .bstrVal = SysAllocStringByteLen("odd", 3)});
    check_variant((VARIANT){.vt = VT_UNKNOWN, .punkVal = test_object_new(&IID_IUnknown, "object", 6)});
    check_variant((VARIANT){.vt = VT_UNKNOWN});
}

static void test_references(void **state)
{
    BYTE one = 1;
    SHORT two = 2;
    DOUBLE eight = 8;
    DECIMAL decimal = {.scale = 28, .Lo64 = 1};
    VARIANT inner = {.vt = VT_R8, .dblVal = 1.5}, deep = {.vt = VT_BYREF | VT_R8, .pdblVal = &eight};
    check_variant((VARIANT){.vt = VT_BYREF | VT_UI1, .pbVal = &one});
    check_variant((VARIANT){.vt = VT_BYREF | VT_I2, .piVal = &two});
    check_variant((VARIANT){.vt = VT_BYREF | VT_DATE, .pdate = &eight});
    check_variant((VARIANT){.vt = VT_BYREF | VT_DECIMAL, .pdecVal = &decimal});
    check_variant((VARIANT){.vt = VT_BYREF | VT_VARIANT, .pvarVal = &deep});
    BSTR text = SysAllocString(u"by reference");
    check_variant((VARIANT){.vt = VT_BYREF | VT_BSTR, .pbstrVal = &text});
    SysFreeString(text);
    check_variant((VARIANT){.vt = VT_BYREF | VT_VARIANT, .pvarVal = &inner});
    assert_int_equal(inner.vt, VT_BSTR);
    (void)VariantClear(&inner);
}

/* io of IAuto's Array, behind a NULL. */
static void check_array(SAFEARRAY *io)
{
    TestProxy test;
    SAFEARRAY *o = NULL;
    test_proxy_init(&test, &IID_IAuto, &auto_object);
    assert_non_null(io);
    assert_int_equal(IAuto_Array((IAuto *)&test, NULL, &io, &o), S_OK);
    same_as_tables(4, &test.message[0], 8, test.message[0].request_length);
    (void)SafeArrayDestroy(io);
    test_proxy_deinit(&test);
    assert_int_equal(test_objects, 0);
}

/* VT_I2, beside the locks, would look like a referent id; the tables marshal every pointer as IUnknown */
static void test_arrays(void **state)
{
    static const VARTYPE types[] = {VT_UI1, VT_UI2, VT_R4, VT_CY, VT_BSTR, VT_UNKNOWN, VT_VARIANT};
    SAFEARRAYBOUND bounds[] = {{2, -1}, {3, 7}};
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        SAFEARRAY *array = SafeArrayCreate(types[i], 2, bounds);
        LONG at[] = {0, 8};
        VARIANT value = {.vt = VT_BSTR, .bstrVal = SysAllocString(u"text")};
        IUnknown *object = test_object_new(&IID_IUnknown, "object", 6);
        void *element = types[i] == VT_VARIANT ? (void *)&value
                        : types[i] == VT_BSTR  ? (void *)value.bstrVal
                        : i >= 5               ? (void *)object
                                               : &value.bstrVal;
        assert_int_equal(SafeArrayPutElement(array, at, element), S_OK);
        (void)VariantClear(&value);
        IUnknown_Release(object);
        check_array(array);
    }
    check_array(SafeArrayCreateVector(VT_I8, 0, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_values), cmocka_unit_test(test_references),
                                       cmocka_unit_test(test_arrays)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
