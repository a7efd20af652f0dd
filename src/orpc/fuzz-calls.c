/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any sequence of calls to the interfaces that every stranger finds: IObjectExporter, IRemoteSCMActivator,
 * IActivation and IRemUnknown2 with an object behind it. One call: which interface, opnum, who calls, length
 * (16 bits), stub. Sixteen bytes 'R' stand for the IPID of IRemUnknown, sixteen 'I' for that of the object,
 * eight 'S' for the ping set that was made last.
 * Decoder: src/orpc/dispatch.c check_header|service_.*|invoke|is_rem_unknown|prepend_error_info
 * Decoder: src/orpc/remunknown.c
 * Decoder: src/orpc/resolver-rpc.c
 * Decoder: src/orpc/activation-server.c (?!note|activation_server_.*).*
 * Decoder: src/orpc/pingset.c
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <winerror.h>
#include "io/loop.h"
#include "orpc/activation-server.h"
#include "orpc/dispatch.h"
#include "orpc/plain.h"
#include "orpc/resolver.h"
#include "rpc/server-private.h"
#include "sec/token.h"

#define CALLS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EXPORTER_FACE, SCM_FACE, OLD_FACE, REM_UNKNOWN_FACE, OBJECT_FACE, NO_OBJECT_FACE, FACES };

typedef struct Object {
    unsigned interfaces;
    bool disconnected;
} Object;

typedef struct World {
    IoLoop *loop;
    Bindings bindings;
    Resolver *resolver;
    Registrar *registrar;
    ActivationServer *activation;
    Exporter *exporter;
    RpcServer *server;
    OrpcService *service;
    Object object;
    Guid ipid;
    uint64_t set;
    Token *tokens[3]; /* nobody, alice, bob */
} World;

static const Guid iid = {5, 6, 7, {8}};

static HRESULT query(void *object, const Guid *wanted, void **ret_interface)
{
    if (wanted->data1 != iid.data1) return E_NOINTERFACE;
    ((Object *)object)->interfaces++;
    *ret_interface = object;
    return S_OK;
}

static void release(void *object, void *iface)
{
    (void)iface;
    assert(((Object *)object)->interfaces > 0);
    ((Object *)object)->interfaces--;
}

static HRESULT answer(void *object, void *iface, OrpcIncoming *incoming)
{
    (void)iface;
    assert(!((Object *)object)->disconnected && incoming->body <= incoming->stub_length);
    writer_bytes(incoming->reply, incoming->stub + incoming->body, incoming->stub_length - incoming->body);
    if (incoming->method == 4) incoming->error->description = calloc(3, sizeof(char16_t));
    return incoming->method == 5 ? E_FAIL : S_OK;
}

static void disconnected(void *object)
{
    assert(((Object *)object)->interfaces == 0 && !((Object *)object)->disconnected);
    ((Object *)object)->disconnected = true;
}

static const ExportedOps ops = {query, release, answer, disconnected};

static bool may_serve(void *context, const struct ucred *process, const Guid *clsid, char *sentence)
{
    return false;
}

static Token *token_of(const char *name, uint32_t rid)
{
    TokenSpec spec = {.kind = TOKEN_KIND_IMPERSONATION,
                      .level = TOKEN_LEVEL_IMPERSONATION,
                      .principal = name,
                      .user = {2, 5, {21, rid}},
                      .expires = INT64_MAX};
    Token *token = NULL;
    int r = token_new(&spec, &token);
    assert(r == 0);
    return token;
}

static void resolver_side(World *world)
{
    ResolverOptions resolver = {.ping_period = 1000, .bindings = &world->bindings};
    HRESULT hr = resolver_new(&resolver, &world->resolver);
    ResolverOxid oxid = {.oxid = 7, .bindings = world->bindings};
    if (hr == S_OK) hr = resolver_add_oxid(world->resolver, &oxid);
    for (uint64_t oid = 1; hr == S_OK && oid < 9; oid++)
        hr = resolver_add_oid(world->resolver, 7, oid);
    RegistrarOptions registrar = {.loop = world->loop, .resolver = world->resolver, .may_serve = may_serve};
    if (hr == S_OK) hr = registrar_new(&registrar, &world->registrar);
    ActivationServerOptions activation = {.registrar = world->registrar};
    if (hr == S_OK) hr = activation_server_new(&activation, &world->activation);
    assert(hr == S_OK);
}

static void exporter_side(World *world)
{
    StdObjref reference;
    bool created = false;
    HRESULT hr = exporter_new(NULL, &world->exporter);
    if (hr == S_OK) hr = exporter_set_resolver(world->exporter, &world->bindings);
    if (hr == S_OK)
        hr =
            exporter_reference(world->exporter, &(ExportSpec){&ops, &world->object, iid, 5, true, "somebody"},
                               &reference, &created);
    assert(hr == S_OK && created);
    world->ipid = reference.ipid;
    RpcServerOptions options = {.loop = world->loop};
    RpcStatus status = rpc_server_new(&options, &world->server);
    assert(status == RPCST_OK);
    OrpcServerOptions orpc = {.exporter = world->exporter, .authn_level_floor = 2};
    hr = orpc_serve(world->server, &orpc, &world->service);
    assert(hr == S_OK);
}

static void world_init(World *world)
{
    *world = (World){.loop = NULL};
    int r = io_loop_new(&world->loop);
    if (r == 0)
        r = bindings_new(&(StringBinding){7, "a"}, 1, &(SecurityBinding){16, ""}, 1, &world->bindings);
    assert(r == 0);
    resolver_side(world);
    exporter_side(world);
    world->tokens[1] = token_of("alice", 1);
    world->tokens[2] = token_of("bob", 2);
}

static void world_deinit(World *world)
{
    world->server = rpc_server_free(world->server);
    world->service = orpc_service_free(world->service);
    world->exporter = exporter_free(world->exporter);
    assert(world->object.disconnected && world->object.interfaces == 0);
    world->activation = activation_server_free(world->activation);
    world->registrar = registrar_free(world->registrar);
    world->resolver = resolver_free(world->resolver);
    bindings_deinit(&world->bindings);
    token_unref(world->tokens[1]);
    token_unref(world->tokens[2]);
    world->loop = io_loop_free(world->loop);
}

static void fill_in(uint8_t *at, size_t left, int letter, const void *value, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (i == left || at[i] != letter) return;
    memcpy(at, value, length);
}

/* The stub in a block of its own size, with what stands for something filled in. */
static uint8_t *copy_stub(const World *world, const uint8_t *stub, size_t length)
{
    uint8_t *copy = malloc(length ? length : 1), rem_unknown[16], ipid[16];
    Writer writer;
    if (!copy) abort();
    if (length) memcpy(copy, stub, length);
    writer_init_fixed(&writer, rem_unknown, sizeof(rem_unknown));
    writer_guid(&writer, exporter_rem_unknown(world->exporter));
    writer_init_fixed(&writer, ipid, sizeof(ipid));
    writer_guid(&writer, &world->ipid);
    for (size_t at = 0; at < length; at += 4) {
        fill_in(copy + at, length - at, 'R', rem_unknown, sizeof(rem_unknown));
        fill_in(copy + at, length - at, 'I', ipid, sizeof(ipid));
        fill_in(copy + at, length - at, 'S', &world->set, sizeof(world->set));
    }
    return copy;
}

static RpcStatus call_row(const RpcInterface *row, RpcCall *call)
{
    if (call->opnum >= row->operation_count || !row->operations[call->opnum].method)
        return RPCST_PROCNUM_OUT_OF_RANGE;
    return row->operations[call->opnum].method(call, row->data);
}

static RpcStatus call_face(World *world, unsigned face, RpcCall *call)
{
    const RpcObjects *objects = &world->server->objects;
    switch (face) {
    case EXPORTER_FACE:
        return call_row(resolver_interface(world->resolver), call);
    case SCM_FACE:
        return call_row(activation_server_interface(world->activation), call);
    case OLD_FACE:
        return call_row(activation_server_old_interface(world->activation), call);
    case REM_UNKNOWN_FACE:
        call->iid = IID_REM_UNKNOWN2;
        call->object = *exporter_rem_unknown(world->exporter);
        break;
    case OBJECT_FACE:
        call->iid = iid;
        call->object = world->ipid;
        break;
    default:
        call->iid = call->opnum & 1 ? IID_REM_UNKNOWN : iid;
        call->object = world->ipid;
        call->has_object = !(call->opnum & 2);
    }
    (void)objects->knows(objects->data, &call->iid);
    (void)objects->admits(objects->data, call);
    return objects->dispatch(call, objects->data);
}

static void call_one(World *world, Reader *reader)
{
    static const IoAddress nowhere = {.v4 = {.sin_family = AF_INET, .sin_addr = {0x0100007f}},
                                      .length = sizeof(struct sockaddr_in)};
    uint8_t face = reader_u8(reader) % FACES, opnum = reader_u8(reader), who = reader_u8(reader);
    size_t length = reader_u16(reader), left = reader_left(reader);
    if (length > left) length = left;
    _cleanup_(freep) uint8_t *stub = copy_stub(world, reader_bytes(reader, length), length);
    RpcCall call = {.opnum = opnum,
                    .has_object = true,
                    .authn_level = who >> 4 & 7,
                    .token = world->tokens[who % 3],
                    .local = &nowhere,
                    .remote = &nowhere};
    reader_init(&call.in, stub, length);
    writer_init(&call.out, 0);
    RpcStatus status = call_face(world, face, &call);
    assert(status != RPCST_OK || writer_status(&call.out) == 0);
    if (face == EXPORTER_FACE && opnum == OP_COMPLEX_PING && status == RPCST_OK) {
        Reader answered;
        ComplexPingOut out;
        reader_init(&answered, call.out.data, call.out.length);
        complex_ping_out_read(&answered, &out);
        if (out.status == 0) world->set = out.set;
    }
    writer_deinit(&call.out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    World world;
    Reader reader;
    world_init(&world);
    reader_init(&reader, data, size);
    for (unsigned i = 0; i < CALLS_MAX && reader_left(&reader) > 0; i++)
        call_one(&world, &reader);
    (void)resolver_tick(world.resolver, UINT64_MAX / 2);
    world_deinit(&world);
    return 0;
}
