/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines and what poll() gets for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <limits.h>
#include "base/time.h"

static void test_after(void **state)
{
    uint64_t before = time_monotonic(), deadline = time_after(5 * NS_PER_SECOND), after = time_monotonic();
    assert_true(after >= before);
    assert_true(deadline >= before + 5 * NS_PER_SECOND && deadline <= after + 5 * NS_PER_SECOND);
    assert_true(time_after(TIME_NEVER) == TIME_NEVER);
    assert_true(time_after(TIME_NEVER - 1) == TIME_NEVER);
}

static void test_poll_timeout(void **state)
{
    assert_int_equal(time_poll_timeout(TIME_NEVER), -1);
    assert_int_equal(time_poll_timeout(0), 0);
    assert_int_equal(time_poll_timeout(time_monotonic()), 0);
    int timeout = time_poll_timeout(time_after(5 * NS_PER_SECOND));
    assert_true(timeout > 3000 && timeout <= 5000);
    /* rounded up: less than a millisecond is not zero, which would spin */
    timeout = time_poll_timeout(time_after(60 * NS_PER_SECOND + 1));
    assert_true(timeout >= 59000 && timeout <= 60001);
    assert_int_equal(time_poll_timeout(TIME_NEVER - 1), INT_MAX);
}

static void test_wall(void **state)
{
    assert_true(time_wall() > 1600000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_after),
        cmocka_unit_test(test_poll_timeout),
        cmocka_unit_test(test_wall),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
