/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every type both ways, then again against a peer that lies: each request and reply cut at every byte, each
 * bit flipped, words replaced by those that hurt, each allocation failing. Run under the sanitizers; nothing
 * may be left behind.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "ndr/call.h"
#include "ndr/testing-hard.h"

static const uint32_t words[] = {0,       1,          2,          5,          64,         0x1000,    100000,
                                 0x20000, 0x20000001, 0x40000001, 0x7fffffff, 0x80000000, 0xffffffff};

static void nothing_left(const char *name)
{
    if (test_objects != 0) fail_msg("%s: %ld interfaces are left", name, test_objects);
}

static void test_calls(void **state)
{
    TestProxy test;
    for (size_t i = 0; i < hard_callers_count; i++) {
        test_proxy_init(&test, &IID_IHard, &hard_object);
        hard_callers[i].run((IHard *)&test, true);
        assert_true(test.calls > 0);
        test_proxy_deinit(&test);
        nothing_left(hard_callers[i].name);
    }
}

/* ---- a lying client ---- */

typedef struct Attack {
    TestProxy *test;
    const TestMessage *message;
    uint8_t *bytes;
} Attack;

static void attack(Attack *attack, size_t length)
{
    test_serve(attack->message->iface, attack->test->object, attack->message->method, attack->bytes, length,
               &attack->test->arena, NULL);
}

static void attack_request(Attack *run)
{
    size_t length = run->message->request_length;
    for (size_t cut = 0; cut < length; cut++)
        attack(run, cut);
    for (size_t bit = 0; bit < length * 8; bit++) {
        run->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        attack(run, length);
        run->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t at = 0; at + 4 <= length; at += 2)
        for (size_t w = 0; w < ARRAY_SIZE(words); w++) {
            uint8_t kept[4];
            memcpy(kept, run->bytes + at, 4);
            memcpy(run->bytes + at, &words[w], 4);
            attack(run, length);
            memcpy(run->bytes + at, kept, 4);
        }
}

/* Some bytes and words at random, the same ones in every run. */
static void attack_at_random(Attack *run)
{
    enum { ROUNDS = 2000 };
    size_t length = run->message->request_length;
    uint64_t random = 88172645463325252u;
    for (unsigned round = 0; round < ROUNDS && length >= 4; round++) {
        memcpy(run->bytes, run->message->request, length);
        for (unsigned changes = 1 + round % 5; changes > 0; changes--) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            size_t at = (size_t)(random >> 20) % (length - 3);
            if (random & 1)
                run->bytes[at] = (uint8_t)(random >> 8);
            else
                memcpy(run->bytes + (at & ~(size_t)3), &words[(random >> 8) % ARRAY_SIZE(words)], 4);
        }
        attack(run, length);
    }
}

static void test_lying_client(void **state)
{
    TestProxy test;
    for (size_t i = 0; i < hard_callers_count; i++) {
        test_proxy_init(&test, &IID_IHard, &hard_object);
        hard_callers[i].run((IHard *)&test, true);
        for (unsigned m = 0; m < test.messages; m++) {
            Attack run = {&test, &test.message[m], malloc(test.message[m].request_length + 1)};
            assert_non_null(run.bytes);
            memcpy(run.bytes, run.message->request, run.message->request_length);
            attack_request(&run);
            attack_at_random(&run);
            free(run.bytes);
        }
        test_proxy_deinit(&test);
        nothing_left(hard_callers[i].name);
    }
}

/* ---- a lying server ---- */

static void replay(TestProxy *test, const HardCaller *caller)
{
    test_proxy_start(test, TEST_REPLAY);
    caller->run((IHard *)test, false);
}

static void attack_reply(TestProxy *test, const HardCaller *caller)
{
    size_t length = test->message[test->victim].reply_length;
    for (test->cut = 0; test->cut < length; test->cut++)
        replay(test, caller);
    test->cut = SIZE_MAX;
    for (size_t bit = 0; bit < length * 8; bit++) {
        test->patch_at = bit / 8;
        test->patch = 1u << bit % 8;
        replay(test, caller);
    }
    for (test->patch_at = 0; test->patch_at + 4 <= length; test->patch_at += 4)
        for (size_t w = 0; w < ARRAY_SIZE(words); w++) {
            uint32_t was;
            memcpy(&was, test->message[test->victim].reply + test->patch_at, sizeof(was));
            test->patch = was ^ words[w];
            replay(test, caller);
        }
    test->patch = 0;
}

static void test_lying_server(void **state)
{
    TestProxy test;
    for (size_t i = 0; i < hard_callers_count; i++) {
        test_proxy_init(&test, &IID_IHard, &hard_object);
        hard_callers[i].run((IHard *)&test, true);
        for (test.victim = 0; test.victim < test.messages; test.victim++)
            attack_reply(&test, &hard_callers[i]);
        test_proxy_deinit(&test);
        nothing_left(hard_callers[i].name);
    }
}

/* ---- memory that is short ---- */

#define ALLOCATIONS_MAX 500 /* far more than any caller makes */

static void test_each_allocation(void **state)
{
    TestProxy test;
    for (size_t i = 0; i < hard_callers_count; i++) {
        int failed = 1;
        for (long after = 0; failed; after++) {
            assert_in_range(after, 0, ALLOCATIONS_MAX);
            test_proxy_init(&test, &IID_IHard, &hard_object);
            test_marshalled = 0;
            ndr_memory_fail_after(after);
            hard_callers[i].run((IHard *)&test, false);
            failed = ndr_memory_failed();
            ndr_memory_fail_after(-1);
            test_proxy_deinit(&test);
            nothing_left(hard_callers[i].name);
        }
    }
}

/* A reply that outgrows the writer is a fault, and the OBJREFs already in it are taken back. */
static void test_each_reply_limit(void **state)
{
    TestProxy test;
    for (size_t i = 0; i < hard_callers_count; i++) {
        test_proxy_init(&test, &IID_IHard, &hard_object);
        hard_callers[i].run((IHard *)&test, true);
        for (unsigned m = 0; m < test.messages; m++) {
            const TestMessage *message = &test.message[m];
            for (size_t limit = 0; limit <= message->reply_length; limit++) {
                uint8_t room[4096];
                Writer reply;
                writer_init_fixed(&reply, room, limit);
                test_marshalled = 0;
                uint32_t code = test_serve(message->iface, &hard_object, message->method, message->request,
                                           message->request_length, &test.arena, &reply);
                assert_true((code == 0) == (limit == message->reply_length));
                assert_true(code == 0 || test_marshalled == 0);
            }
        }
        test_proxy_deinit(&test);
        nothing_left(hard_callers[i].name);
    }
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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_lying_client),
        cmocka_unit_test(test_lying_server),
        cmocka_unit_test(test_each_allocation),
        cmocka_unit_test(test_each_reply_limit),
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
