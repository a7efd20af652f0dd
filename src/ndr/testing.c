/* SPDX-License-Identifier: Apache-2.0 */
#include "ndr/testing.h"
#include <assert.h>
#include <errno.h>

long test_marshalled;

/* ---- hooks ---- */

static HRESULT hook_marshal(void *context, const IID *iid, IUnknown *iface, Writer *writer)
{
    size_t length;
    const uint8_t *data = test_object_data(iface, &length);
    if (!ndr_memory_allowed()) return E_OUTOFMEMORY;
    writer_bytes(writer, "MEOW", 4);
    writer_u32(writer, 1);
    writer_bytes(writer, iid, sizeof(*iid));
    writer_bytes(writer, data, length);
    if (writer_status(writer) < 0) return E_OUTOFMEMORY;
    test_marshalled++;
    return S_OK;
}
static HRESULT hook_unmarshal(void *context, const IID *iid, Reader *objref, void **ret_object)
{
    IID own;
    if (reader_u32(objref) != 0x574f454d) return RPC_E_INVALID_OBJREF;
    (void)reader_u32(objref);
    reader_copy(objref, &own, sizeof(own));
    if (objref->failed) return RPC_E_INVALID_OBJREF;
    size_t length = reader_left(objref);
    IUnknown *object = test_object_new(&own, reader_bytes(objref, length), length);
    if (!object) return E_OUTOFMEMORY;
    *ret_object = object;
    return S_OK;
}
static void hook_release(void *context, Reader *objref)
{
    assert(reader_u32(objref) == 0x574f454d);
    test_marshalled--;
}
const NdrHooks test_hooks = {hook_marshal, hook_unmarshal, hook_release};

/* ---- the transport ---- */

uint32_t test_serve(const NdrInterface *iface, void *object, unsigned method, const uint8_t *request,
                    size_t length, Arena *arena, Writer *reply)
{
    uint32_t code = 0;
    uint8_t *copy = malloc(length ? length : 1);
    assert(copy);
    if (length > 0) memcpy(copy, request, length);
    Writer own;
    writer_init(&own, 0);
    NdrServerCall call = {.iface = iface,
                          .object = object,
                          .method = method,
                          .hooks = &test_hooks,
                          .arena = arena,
                          .reply = reply ? reply : &own};
    reader_init(&call.request, copy, length);
    size_t before = call.reply->length;
    int r = ndr_server_invoke(&call, &code);
    if (r == NDR_FAULT) assert(call.reply->length == before);
    arena_reset(arena, 0);
    writer_deinit(&own);
    free(copy);
    return r == 0 ? 0 : code;
}

static HRESULT channel_query(NdrProxy *proxy, const IID *iid, void **ret_object)
{
    *ret_object = NULL;
    return E_NOINTERFACE;
}
static ULONG channel_count(NdrProxy *proxy)
{
    return 1;
}

static HRESULT channel_begin(NdrExchange *exchange)
{
    TestProxy *proxy = (TestProxy *)exchange->proxy;
    writer_reset(&proxy->request);
    exchange->request = &proxy->request;
    return S_OK;
}

static void message_keep(uint8_t **data, size_t *length, const Writer *writer)
{
    free(*data);
    *data = malloc(writer->length ? writer->length : 1);
    assert(*data);
    if (writer->length > 0) memcpy(*data, writer->data, writer->length);
    *length = writer->length;
}

static HRESULT serve(TestProxy *proxy, NdrExchange *exchange, unsigned index)
{
    writer_reset(&proxy->reply);
    proxy->code = test_serve(proxy->proxy.iface, proxy->object, exchange->method, proxy->request.data,
                             proxy->request.length, &proxy->arena, &proxy->reply);
    if (index < TEST_MESSAGES_MAX) {
        TestMessage *message = &proxy->message[index];
        message->iface = proxy->proxy.iface;
        message->method = exchange->method;
        message_keep(&message->request, &message->request_length, &proxy->request);
        message_keep(&message->reply, &message->reply_length, &proxy->reply);
        if (proxy->messages <= index) proxy->messages = index + 1;
    }
    reader_init(&exchange->reply, proxy->reply.data, proxy->reply.length);
    return proxy->code ? HRESULT_FROM_WIN32(proxy->code) : S_OK;
}

static HRESULT replay(TestProxy *proxy, NdrExchange *exchange, unsigned index)
{
    if (index >= proxy->messages) return RPC_E_DISCONNECTED;
    const TestMessage *message = &proxy->message[index];
    bool victim = index == proxy->victim;
    size_t length = victim && proxy->cut < message->reply_length ? proxy->cut : message->reply_length;
    proxy->answer = malloc(length ? length : 1);
    assert(proxy->answer);
    memcpy(proxy->answer, message->reply, length);
    for (size_t i = 0; victim && i < 4; i++)
        if (proxy->patch_at + i < length)
            proxy->answer[proxy->patch_at + i] ^= (uint8_t)(proxy->patch >> 8 * i);
    reader_init(&exchange->reply, proxy->answer, length);
    return S_OK;
}

static HRESULT channel_send(NdrExchange *exchange)
{
    TestProxy *proxy = (TestProxy *)exchange->proxy;
    unsigned index = proxy->calls++;
    return proxy->mode == TEST_SERVE ? serve(proxy, exchange, index) : replay(proxy, exchange, index);
}

static void channel_end(NdrExchange *exchange)
{
    TestProxy *proxy = (TestProxy *)exchange->proxy;
    free(proxy->answer);
    proxy->answer = NULL;
}

static const NdrChannelOps channel_ops = {.query_interface = channel_query,
                                          .add_ref = channel_count,
                                          .release = channel_count,
                                          .begin = channel_begin,
                                          .send = channel_send,
                                          .end = channel_end,
                                          .hooks = {hook_marshal, hook_unmarshal, hook_release}};

void test_proxy_init(TestProxy *proxy, const IID *iid, void *object)
{
    const NdrInterface *iface = ndr_interface_find(iid);
    assert(iface);
    *proxy = (TestProxy){.proxy = {.vtable = iface->vtable, .iface = iface, .channel = &proxy->channel},
                         .channel = {&channel_ops},
                         .object = object,
                         .cut = SIZE_MAX,
                         .patch_at = SIZE_MAX - 4};
    writer_init(&proxy->request, 0);
    writer_init(&proxy->reply, 0);
    arena_init(&proxy->arena, 0);
}

void test_proxy_deinit(TestProxy *proxy)
{
    for (unsigned i = 0; i < proxy->messages; i++) {
        free(proxy->message[i].request);
        free(proxy->message[i].reply);
    }
    writer_deinit(&proxy->request);
    writer_deinit(&proxy->reply);
    arena_deinit(&proxy->arena);
}

void test_proxy_start(TestProxy *proxy, TestMode mode)
{
    proxy->mode = mode;
    proxy->calls = 0;
}
