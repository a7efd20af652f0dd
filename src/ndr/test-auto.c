/* SPDX-License-Identifier: Apache-2.0 */
/* Automation's types and IDispatch over the wire: all of them both ways, then against a peer that lies. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "ndr/testing-attack.h"
#include "ndr/testing-auto.h"

int main(void)
{
    TestCallers each = {auto_callers, &auto_callers_count};
    const struct CMUnitTest tests[] = {TEST_ATTACKS(&each)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
