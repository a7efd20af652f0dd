/* SPDX-License-Identifier: Apache-2.0 */
/* Automation's types and IDispatch over the wire: all of them both ways, then against a peer that lies. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "ndr/testing-attack.h"
#include "ndr/testing-auto.h"

#define EACH auto_callers, auto_callers_count

static void test_calls(void **state)
{
    test_attack_calls(EACH);
}
static void test_lying_client(void **state)
{
    test_attack_requests(EACH);
}
static void test_lying_server(void **state)
{
    test_attack_replies(EACH);
}
static void test_each_allocation(void **state)
{
    test_attack_memory(EACH);
}
static void test_each_reply_limit(void **state)
{
    test_attack_limits(EACH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_lying_client),
        cmocka_unit_test(test_lying_server),
        cmocka_unit_test(test_each_allocation),
        cmocka_unit_test(test_each_reply_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
