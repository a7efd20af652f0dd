/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the request of any method of IHard, or as the reply to any of its callers. The first byte
 * chooses.
 * Decoder: src/ndr/array.c
 * Decoder: src/ndr/call.c
 * Decoder: src/ndr/client.c
 * Decoder: src/ndr/correlation.c
 * Decoder: src/ndr/format.c
 * Decoder: src/ndr/memory.c
 * Decoder: src/ndr/object.c
 * Decoder: src/ndr/pointer.c
 * Decoder: src/ndr/procedure.c
 * Decoder: src/ndr/server.c
 * Decoder: src/ndr/user-marshal.c
 * Decoder: src/ndr/value.c
 */
#include "ndr/testing-hard.h"

#define REPLY 0x80u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_request(TestProxy *test, unsigned choice, const uint8_t *data, size_t size)
{
    const NdrInterface *iface = test->proxy.iface;
    unsigned method = NDR_METHOD_FIRST + choice % (iface->methods - NDR_METHOD_FIRST);
    test_serve(iface, &hard_object, method, data, size, &test->arena, NULL);
}

static void fuzz_reply(TestProxy *test, unsigned choice, const uint8_t *data, size_t size)
{
    for (unsigned m = 0; m < TEST_MESSAGES_MAX; m++) {
        test->message[m].reply = malloc(size ? size : 1);
        if (!test->message[m].reply) abort();
        if (size > 0) memcpy(test->message[m].reply, data, size);
        test->message[m].reply_length = size;
    }
    test->messages = TEST_MESSAGES_MAX;
    hard_peer_may_refuse = true;
    test->victim = UINT32_MAX;
    test_proxy_start(test, TEST_REPLAY);
    hard_callers[choice % hard_callers_count].run((IHard *)test, false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    TestProxy test;
    test_proxy_init(&test, &IID_IHard, &hard_object);
    if (data[0] & REPLY)
        fuzz_reply(&test, data[0] & ~REPLY, data + 1, size - 1);
    else
        fuzz_request(&test, data[0], data + 1, size - 1);
    if (test_objects != 0) abort();
    test_proxy_deinit(&test);
    return 0;
}
