/* SPDX-License-Identifier: Apache-2.0 */
/* The callers of src/ndr/test-hard.c without a test framework, to be run on another machine type. */
#include <stdio.h>
#include "ndr/testing-hard.h"

static int attack(TestProxy *test)
{
    int accepted = 0;
    for (unsigned m = 0; m < test->messages; m++) {
        TestMessage *message = &test->message[m];
        for (size_t bit = 0; bit < message->request_length * 8; bit++) {
            message->request[bit / 8] ^= (uint8_t)(1 << bit % 8);
            accepted += test_serve(message->iface, test->object, message->method, message->request, message->request_length,
                                   &test->arena, NULL) == 0;
            message->request[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
    return accepted;
}

int main(void)
{
    int failed = 0;
    for (size_t i = 0; i < hard_callers_count; i++) {
        TestProxy test;
        test_proxy_init(&test, &IID_IHard, &hard_object);
        hard_callers[i].run((IHard *)&test, true); /* aborts where a result is wrong */
        int accepted = attack(&test);
        failed |= test_objects != 0 || test.calls == 0;
        printf("%sok %zu - %s (%d changed requests still made sense)\n", failed ? "not " : "", i + 1, hard_callers[i].name, accepted);
        test_proxy_deinit(&test);
    }
    printf("1..%zu\n", hard_callers_count);
    return failed;
}
