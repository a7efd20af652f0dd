/* SPDX-License-Identifier: Apache-2.0 */
#include "ndr/testing-attack.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "ndr/call.h"
#include "ndr/memory.h"

static const uint32_t words[] = {0,       1,          2,          5,          64,         0x1000,    100000,
                                 0x20000, 0x20000001, 0x40000001, 0x7fffffff, 0x80000000, 0xffffffff};

static void nothing_left(const char *name)
{
    if (test_objects != 0) fail_msg("%s: %ld interfaces are left", name, test_objects);
}

/* Calls that succeed; what a test does with what they left, on the proxy and in its messages. */
static void each_caller(void **state, void (*attack)(TestProxy *test, const TestCaller *caller))
{
    const TestCallers *each = *state;
    assert_true(*each->count > 0);
    for (const TestCaller *caller = each->callers; caller < each->callers + *each->count; caller++) {
        TestProxy test;
        test_proxy_init(&test, caller->iid, caller->object);
        caller->run(caller, &test, true);
        assert_true(test.calls > 0);
        attack(&test, caller);
        test_proxy_deinit(&test);
        nothing_left(caller->name);
    }
}

static void leave_alone(TestProxy *test, const TestCaller *caller) {}

void test_attack_calls(void **state)
{
    each_caller(state, leave_alone);
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

static void attack_requests(TestProxy *test, const TestCaller *caller)
{
    for (unsigned m = 0; m < test->messages; m++) {
        Attack run = {test, &test->message[m], malloc(test->message[m].request_length + 1)};
        assert_non_null(run.bytes);
        memcpy(run.bytes, run.message->request, run.message->request_length);
        attack_request(&run);
        attack_at_random(&run);
        free(run.bytes);
    }
}

void test_attack_requests(void **state)
{
    each_caller(state, attack_requests);
}

/* ---- a lying server ---- */

static void replay(TestProxy *test, const TestCaller *caller)
{
    test_proxy_start(test, TEST_REPLAY);
    caller->run(caller, test, false);
}

static void attack_reply(TestProxy *test, const TestCaller *caller)
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

static void attack_replies(TestProxy *test, const TestCaller *caller)
{
    for (test->victim = 0; test->victim < test->messages; test->victim++)
        attack_reply(test, caller);
}

void test_attack_replies(void **state)
{
    each_caller(state, attack_replies);
}

/* ---- memory that is short ---- */

#define ALLOCATIONS_MAX 500 /* far more than any caller makes */

void test_attack_memory(void **state)
{
    const TestCallers *each = *state;
    TestProxy test;
    assert_true(*each->count > 0);
    for (const TestCaller *caller = each->callers; caller < each->callers + *each->count; caller++) {
        int failed = 1;
        for (long after = 0; failed; after++) {
            assert_in_range(after, 0, ALLOCATIONS_MAX);
            test_proxy_init(&test, caller->iid, caller->object);
            test_marshalled = 0;
            ndr_memory_fail_after(after);
            caller->run(caller, &test, false);
            failed = ndr_memory_failed();
            ndr_memory_fail_after(-1);
            test_proxy_deinit(&test);
            nothing_left(caller->name);
        }
    }
}

/* A reply that outgrows the writer is a fault, and the OBJREFs already in it are taken back. */
static void attack_limits(TestProxy *test, const TestCaller *caller)
{
    for (unsigned m = 0; m < test->messages; m++) {
        const TestMessage *message = &test->message[m];
        for (size_t limit = 0; limit <= message->reply_length; limit++) {
            uint8_t room[4096];
            Writer reply;
            writer_init_fixed(&reply, room, limit);
            test_marshalled = 0;
            uint32_t code = test_serve(message->iface, caller->object, message->method, message->request,
                                       message->request_length, &test->arena, &reply);
            assert_true((code == 0) == (limit == message->reply_length));
            assert_true(code == 0 || test_marshalled == 0);
        }
    }
}

void test_attack_limits(void **state)
{
    each_caller(state, attack_limits);
}
