/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ndr-oracle: makes every call of src/ndr/testing-hard-calls.c over Mantle's NDR and prints what would cross
 * the wire: "CALLER|request|HEX" and "CALLER|reply|HEX". wine/ndr-oracle.c does the same over Wine's.
 */
#include <assert.h>
#include <stdio.h>
#include "ndr/testing-hard.h"

#define MEOW          0x574f454du
#define OBJREF_CUSTOM 4u

/* As in wine/ndr-oracle.c: what would read the reference. */
static const CLSID custom = {0x4D616E74, 0x6C65, 0x0002, {0x9B, 0x1E, 0x57, 0x69, 0x6E, 0x65, 0x40, 0x40}};
static const char *caller;

/* [MS-DCOM] 2.2.18.6 */
static HRESULT hook_marshal(void *context, const IID *iid, IUnknown *iface, Writer *writer)
{
    size_t length;
    const uint8_t *data = test_object_data(iface, &length);
    writer_u32(writer, MEOW);
    writer_u32(writer, OBJREF_CUSTOM);
    writer_bytes(writer, iid, sizeof(*iid));
    writer_bytes(writer, &custom, sizeof(custom));
    writer_u32(writer, 0);
    writer_u32(writer, (uint32_t)length);
    writer_bytes(writer, data, length);
    return writer_status(writer) < 0 ? E_OUTOFMEMORY : S_OK;
}

static HRESULT hook_unmarshal(void *context, const IID *iid, Reader *objref, void **ret_object)
{
    IID own;
    reader_skip(objref, 8);
    reader_copy(objref, &own, sizeof(own));
    reader_skip(objref, sizeof(custom) + 8);
    size_t length = reader_left(objref);
    const void *data = reader_bytes(objref, length);
    assert(!objref->failed);
    *ret_object = test_object_new(&own, data, length);
    return S_OK;
}

static void hook_release(void *context, Reader *objref)
{
    assert(false); /* no call fails here */
}

const NdrHooks test_hooks = {hook_marshal, hook_unmarshal, hook_release};

/* A proxy whose calls end in hard_object. */
typedef struct OracleProxy {
    NdrProxy proxy; /* first: it is the interface pointer */
    NdrChannel channel;
    Writer request, reply;
    Arena arena;
} OracleProxy;

static void print(const char *what, const Writer *writer)
{
    printf("%s|%s|", caller, what);
    for (size_t i = 0; i < writer->length; i++)
        printf("%02x", writer->data[i]);
    putchar('\n');
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
    OracleProxy *oracle = (OracleProxy *)exchange->proxy;
    writer_reset(&oracle->request);
    exchange->request = &oracle->request;
    return S_OK;
}

static HRESULT channel_send(NdrExchange *exchange)
{
    OracleProxy *oracle = (OracleProxy *)exchange->proxy;
    uint32_t code;
    writer_reset(&oracle->reply);
    NdrServerCall call = {.iface = exchange->proxy->iface,
                          .object = &hard_object,
                          .method = exchange->method,
                          .hooks = &test_hooks,
                          .reply = &oracle->reply,
                          .arena = &oracle->arena};
    reader_init(&call.request, oracle->request.data, oracle->request.length);
    print("request", &oracle->request);
    int r = ndr_server_invoke(&call, &code);
    assert(r == 0);
    print("reply", &oracle->reply);
    arena_reset(&oracle->arena, 0);
    reader_init(&exchange->reply, oracle->reply.data, oracle->reply.length);
    return S_OK;
}

static void channel_end(NdrExchange *exchange) {}

static const NdrChannelOps channel_ops = {.query_interface = channel_query,
                                          .add_ref = channel_count,
                                          .release = channel_count,
                                          .begin = channel_begin,
                                          .send = channel_send,
                                          .end = channel_end,
                                          .hooks = {hook_marshal, hook_unmarshal, hook_release}};

int main(void)
{
    const NdrInterface *iface = ndr_interface_find(&IID_IHard);
    assert(iface);
    OracleProxy oracle = {.proxy = {.vtable = iface->vtable, .iface = iface, .channel = &oracle.channel},
                          .channel = {&channel_ops}};
    writer_init(&oracle.request, 0);
    writer_init(&oracle.reply, 0);
    arena_init(&oracle.arena, 0);
    for (size_t i = 0; i < hard_callers_count; i++) {
        caller = hard_callers[i].name;
        hard_callers[i].run((IHard *)&oracle, true);
    }
    writer_deinit(&oracle.request);
    writer_deinit(&oracle.reply);
    arena_deinit(&oracle.arena);
    return 0;
}
