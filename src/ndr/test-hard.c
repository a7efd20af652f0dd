/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every type both ways, then again against a peer that lies (testing-attack.h), and attacks that have a name.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "ndr/call.h"
#include "ndr/testing-attack.h"
#include "ndr/testing-hard.h"

/* The callers of IHard as the attacks want them. */
#define CALLERS_MAX 32u
static TestCaller callers[CALLERS_MAX];

static void run(const TestCaller *caller, void *proxy, bool check)
{
    hard_callers[caller - callers].run(proxy, check);
}

/* ---- attacks with a name ---- */

static uint32_t serve_words(unsigned method, const uint32_t *request, size_t length)
{
    Arena arena;
    arena_init(&arena, 0);
    uint32_t code = test_serve(ndr_interface_find(&IID_IHard), &hard_object, method, (const uint8_t *)request,
                               length, &arena, NULL);
    arena_deinit(&arena);
    return code;
}

enum { METHOD_ARR = 11, METHOD_ENS = 14, METHOD_BLOB = 16 };

/* Eight bytes of input that overflow the heap of a stub that multiplies in 32 bits: n = 0, cap = 2^29 + 1 */
static void test_huge_output(void **state)
{
    const uint32_t huge[] = {0, 0, 0x20000001}, fair[] = {0, 0, 1000};
    assert_int_equal(serve_words(METHOD_ARR, huge, sizeof(huge)), RPC_S_OUT_OF_RESOURCES);
    assert_int_equal(serve_words(METHOD_ARR, fair, sizeof(fair)), 0);
    /* the pointers and the count beside them */
    const uint32_t most = (NDR_BUDGET_OUT - sizeof(ULONG)) / sizeof(void *);
    const uint32_t fits[] = {0, 0, most}, too_much[] = {0, 0, most + 1};
    assert_int_equal(serve_words(METHOD_ARR, fits, sizeof(fits)), 0);
    assert_int_equal(serve_words(METHOD_ARR, too_much, sizeof(too_much)), RPC_S_OUT_OF_RESOURCES);
}

/* Puts words where the proxy's next reply comes from. */
static void answer(TestProxy *test, const uint32_t *reply, size_t length)
{
    TestMessage *message = &test->message[0];
    free(message->reply);
    message->reply = malloc(length);
    assert_non_null(message->reply);
    memcpy(message->reply, reply, message->reply_length = length);
    test->messages = 1;
    test_proxy_start(test, TEST_REPLAY);
}

/* A server that returns three objects to a caller with room for one */
static void test_too_many_results(void **state)
{
    TestProxy test;
    const uint32_t three[] = {3, 3, 0, 3, 0, 0, 0, 0}, one[] = {1, 1, 0, 1, 0, 0};
    IUnknown **room = malloc(sizeof(*room)), *none = NULL;
    assert_non_null(room);
    ULONG got = 77;
    test_proxy_init(&test, &IID_IHard, &hard_object);
    answer(&test, three, sizeof(three));
    assert_int_equal(IHard_Arr((IHard *)&test, 0, &none, 1, &got, room),
                     HRESULT_FROM_WIN32(RPC_X_BAD_STUB_DATA));
    assert_int_equal(got, 0);
    answer(&test, one, sizeof(one));
    assert_int_equal(IHard_Arr((IHard *)&test, 0, &none, 1, &got, room), S_OK);
    assert_int_equal(got, 1);
    free(room);
    test_proxy_deinit(&test);
}

/* An OBJREF that was sent is the server's, also when its reply makes no sense. */
static void test_sent_is_sent(void **state)
{
    TestProxy test;
    const uint32_t nonsense[] = {5};
    IUnknown *object = test_object_new(&IID_IUnknown, "abc", 3), *results[2];
    ULONG got = 0;
    test_proxy_init(&test, &IID_IHard, &hard_object);
    answer(&test, nonsense, sizeof(nonsense));
    test_marshalled = 0;
    assert_int_equal(IHard_Arr((IHard *)&test, 1, &object, 2, &got, results),
                     HRESULT_FROM_WIN32(RPC_X_BAD_STUB_DATA));
    assert_int_equal(test_marshalled, 1);
    /* but one of a request that was never finished is taken back: the second pointer of the array is refused
     */
    ndr_memory_fail_after(1);
    IUnknown *both[2] = {object, object};
    assert_true(FAILED(IHard_Arr((IHard *)&test, 2, both, 2, &got, results)));
    ndr_memory_fail_after(-1);
    assert_int_equal(test_marshalled, 1);
    object->lpVtbl->Release(object);
    test_proxy_deinit(&test);
}

/* A count of 1000 beside an array of one */
static void test_count_without_array(void **state)
{
    const uint32_t lie[] = {1000, 1, 0, 0}, truth[] = {1, 1, 0, 0};
    assert_int_equal(serve_words(METHOD_ARR, lie, sizeof(lie)), RPC_X_BAD_STUB_DATA);
    assert_int_equal(serve_words(METHOD_ARR, truth, sizeof(truth)), 0);
    const uint32_t blob[] = {1000, 1, 0};
    assert_int_equal(serve_words(METHOD_BLOB, blob, 9), RPC_X_BAD_STUB_DATA);
}

/* A tree as deep as a message can make it ends the call, not the stack. */
static void test_depth(void **state)
{
    enum { DEPTH = 300 };
    TestProxy test;
    Tree trees[DEPTH] = {0};
    for (unsigned i = 0; i + 1 < DEPTH; i++)
        trees[i].l = &trees[i + 1];
    Tree *o = NULL;
    test_proxy_init(&test, &IID_IHard, &hard_object);
    HRESULT hr = IHard_Ptrs((IHard *)&test, &trees[DEPTH - 150], NULL, NULL, &o, NULL, NULL, NULL);
    assert_int_equal(hr, S_OK);
    hard_tree_free(o);
    hr = IHard_Ptrs((IHard *)&test, trees, NULL, NULL, &o, NULL, NULL, NULL);
    assert_int_equal(hr, HRESULT_FROM_WIN32(RPC_X_BAD_STUB_DATA));
    assert_null(o);
    test_proxy_deinit(&test);
}

/* More elements than the call keeps inline: its lists grow. */
static void test_many_pointers(void **state)
{
    enum { COUNT = 1000 };
    TestProxy test;
    Tree leaf = {1, NULL, NULL};
    Csp *c = calloc(1, offsetof(Csp, a) + COUNT * sizeof(Tree *)), *o = NULL;
    assert_non_null(c);
    c->n = COUNT;
    for (unsigned i = 0; i < COUNT; i += 2)
        c->a[i] = &leaf;
    test_proxy_init(&test, &IID_IHard, &hard_object);
    assert_int_equal(IHard_ConfP((IHard *)&test, c, &o), S_OK);
    assert_int_equal(o->a[998]->v, 2);
    for (unsigned i = 0; i < COUNT; i++)
        hard_tree_free(o->a[i]);
    CoTaskMemFree(o);
    free(c);
    test_proxy_deinit(&test);
}

/* Values the IDL excludes: a [range], an enum above 0x7fff */
static void test_values(void **state)
{
    TestProxy test;
    En e = {E1, L9, {E7, E0}}, o;
    E16 x = E0;
    test_proxy_init(&test, &IID_IHard, &hard_object);
    IHard *proxy = (IHard *)&test;
    assert_int_equal(IHard_Ens(proxy, &e, &x, L9, &o, 2, -7), L9);
    assert_int_equal(IHard_Ens(proxy, &e, &x, L9, &o, 5, -7), L9);
    assert_int_equal(IHard_Ens(proxy, &e, &x, L9, &o, 6, -7), HRESULT_FROM_WIN32(RPC_S_INVALID_BOUND));
    assert_int_equal(IHard_Ens(proxy, &e, &x, L9, &o, 1, -7), HRESULT_FROM_WIN32(RPC_S_INVALID_BOUND));
    x = (E16)0x8000;
    assert_int_equal(IHard_Ens(proxy, &e, &x, L9, &o, 3, -7),
                     HRESULT_FROM_WIN32(RPC_X_ENUM_VALUE_OUT_OF_RANGE));
    test_proxy_deinit(&test);
}

int main(void)
{
    TestCallers each = {callers, &hard_callers_count};
    if (hard_callers_count > CALLERS_MAX) return 1;
    for (size_t i = 0; i < hard_callers_count; i++)
        callers[i] = (TestCaller){hard_callers[i].name, &IID_IHard, &hard_object, run, NULL};
    const struct CMUnitTest tests[] = {
        TEST_ATTACKS(&each),
        cmocka_unit_test(test_huge_output),
        cmocka_unit_test(test_too_many_results),
        cmocka_unit_test(test_sent_is_sent),
        cmocka_unit_test(test_count_without_array),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_many_pointers),
        cmocka_unit_test(test_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
