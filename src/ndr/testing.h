/* SPDX-License-Identifier: Apache-2.0 */
/* What ndr/'s tests share: interfaces that are bytes, and a transport in memory that can be made to lie. */
#pragma once
#include "ndr/memory.h"
#include "ndr/server.h"

/* ---- an interface pointer whose OBJREF is "MEOW", 1, an IID and some bytes ---- */
typedef struct TestObject TestObject;
IUnknown *test_object_new(const IID *iid, const void *data, size_t length);
const uint8_t *test_object_data(void *object, size_t *ret_length);
const IID *test_object_iid(void *object);
extern long test_objects;    /* alive */
extern long test_marshalled; /* OBJREFs written and not taken back */
extern const NdrHooks test_hooks;

/* ---- a proxy whose calls end in an object of the same process ---- */
typedef enum TestMode {
    TEST_SERVE,  /* call the object; remember request and reply */
    TEST_REPLAY, /* answer the remembered reply, changed as below */
} TestMode;
typedef struct TestMessage {
    const NdrInterface *iface;
    unsigned method;
    uint8_t *request, *reply;
    size_t request_length, reply_length;
} TestMessage;
#define TEST_MESSAGES_MAX 8u
typedef struct TestProxy {
    NdrProxy proxy; /* first: it is the interface pointer */
    NdrChannel channel;
    void *object;
    TestMode mode;
    uint32_t code;   /* of the last fault */
    unsigned calls;  /* since test_proxy_start */
    unsigned victim; /* which of them is changed */
    size_t cut;      /* its reply's length, SIZE_MAX: all */
    size_t patch_at; /* where the word below is xored in */
    uint32_t patch;
    unsigned messages;
    TestMessage message[TEST_MESSAGES_MAX];
    Writer request, reply;
    Arena arena;
    uint8_t *answer;
} TestProxy;
void test_proxy_init(TestProxy *proxy, const IID *iid, void *object);
void test_proxy_deinit(TestProxy *proxy);
/* Counts calls from 0 again. */
void test_proxy_start(TestProxy *proxy, TestMode mode);
/* Serves one request, copied so that a sanitizer sees its end. Appends the reply to `reply` (may be NULL).
 * The fault's code, or 0. */
uint32_t test_serve(const NdrInterface *iface, void *object, unsigned method, const uint8_t *request,
                    size_t length, Arena *arena, Writer *reply);

/* Reads every byte, so that a sanitizer can complain. */
void test_touch(const void *data, size_t length);
