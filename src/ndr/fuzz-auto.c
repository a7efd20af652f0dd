/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the request of any method of IAuto and IAutoDual, or as the reply to any of their callers. The
 * first byte chooses.
 * Decoder: src/ndr/safearray.c (safearray_.*|elements_.*|element_copy)
 * Decoder: src/ndr/safearray-marshal.c
 * Decoder: src/ndr/variant.c
 * Decoder: src/ndr/variant-marshal.c
 * Decoder: src/com/dispatch.c
 */
#include "ndr/testing-auto.h"

#define REPLY 0x80u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_request(unsigned choice, const uint8_t *data, size_t size)
{
    const NdrInterface *plain = ndr_interface_find(&IID_IAuto), *dual = ndr_interface_find(&IID_IAutoDual);
    unsigned methods = plain->methods - NDR_METHOD_FIRST;
    choice %= methods + dual->methods - NDR_METHOD_FIRST;
    Arena arena;
    arena_init(&arena, 0);
    if (choice < methods)
        test_serve(plain, &auto_object, NDR_METHOD_FIRST + choice, data, size, &arena, NULL);
    else
        test_serve(dual, &auto_dual_object, NDR_METHOD_FIRST + choice - methods, data, size, &arena, NULL);
    arena_deinit(&arena);
}

static void fuzz_reply(unsigned choice, const uint8_t *data, size_t size)
{
    const TestCaller *caller = &auto_callers[choice % auto_callers_count];
    TestProxy test;
    test_proxy_init(&test, caller->iid, caller->object);
    for (unsigned m = 0; m < TEST_MESSAGES_MAX; m++) {
        test.message[m].reply = malloc(size ? size : 1);
        if (!test.message[m].reply) abort();
        if (size > 0) memcpy(test.message[m].reply, data, size);
        test.message[m].reply_length = size;
    }
    test.messages = TEST_MESSAGES_MAX;
    auto_peer_may_refuse = true;
    test.victim = UINT32_MAX;
    test_proxy_start(&test, TEST_REPLAY);
    caller->run(caller, &test, false);
    test_proxy_deinit(&test);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    if (data[0] & REPLY)
        fuzz_reply(data[0] & ~REPLY, data + 1, size - 1);
    else
        fuzz_request(data[0], data + 1, size - 1);
    if (test_objects != 0) abort();
    return 0;
}
