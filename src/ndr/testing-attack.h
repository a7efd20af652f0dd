/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every caller of a test has to stand: a peer that lies, with each request and reply cut at every byte,
 * each bit flipped, words replaced by those that hurt; each allocation failing; each limit of the reply. Run
 * under the sanitizers; nothing may be left behind.
 */
#pragma once
#include "ndr/testing.h"

/* Makes a few calls on a proxy of the interface and frees what it got. When `check` is set they must succeed
 * and the results must be right; else any failure will do. */
typedef struct TestCaller TestCaller;
struct TestCaller {
    const char *name;
    const IID *iid;
    void *object;
    void (*run)(const TestCaller *caller, void *proxy, bool check);
    void (*call)(void *proxy, bool check);
};

/* Tests over all callers of a kind; their state. */
typedef struct TestCallers {
    const TestCaller *callers;
    const size_t *count;
} TestCallers;
/* All callers succeed, and what they check holds. */
void test_attack_calls(void **state);
void test_attack_requests(void **state);
void test_attack_replies(void **state);
void test_attack_memory(void **state);
void test_attack_limits(void **state);
/* The five, as elements of an array of cmocka's; `each` points to TestCallers. */
#define TEST_ATTACKS(each)                                                                                   \
    cmocka_unit_test_prestate(test_attack_calls, (each)),                                                    \
        cmocka_unit_test_prestate(test_attack_requests, (each)),                                             \
        cmocka_unit_test_prestate(test_attack_replies, (each)),                                              \
        cmocka_unit_test_prestate(test_attack_memory, (each)),                                               \
        cmocka_unit_test_prestate(test_attack_limits, (each))
