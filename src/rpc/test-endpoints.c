/* SPDX-License-Identifier: Apache-2.0 */
/* The endpoint mapper and mgmt: called directly as a server would, and over TCP by the client half. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "base/time.h"
#include "io/pool.h"
#include "rpc/endpoint-inquiry.h"
#include "rpc/endpoint-mapper.h"
#include "rpc/mgmt-message.h"
#include "sec/token.h"

#define DEADLINE (30 * NS_PER_SECOND)
#define PORT(i)  ((uint16_t)(1000 + (i)))
#define SOME                                                                                                 \
    {                                                                                                        \
        0x11111111, 0, 0,                                                                                    \
        {                                                                                                    \
            1                                                                                                \
        }                                                                                                    \
    }
#define OTHER                                                                                                \
    {                                                                                                        \
        0x22222222, 0, 0,                                                                                    \
        {                                                                                                    \
            2                                                                                                \
        }                                                                                                    \
    }
#define GROUP_ONE  1
#define GROUP_TWO  2
#define ENTRIES_ME 7

static const Guid some = SOME, other = OTHER, object = {0x33333333, 0, 0, {3}};

/* Who calls. */
typedef struct Caller {
    Token *token;
    const char *address;
    uint32_t group;
} Caller;

static const Caller nobody = {NULL, "127.0.0.9", GROUP_ONE};

static EndpointMapper *mapper_with(size_t count)
{
    EndpointMapper *mapper;
    assert_int_equal(endpoint_mapper_new(&mapper), RPCST_OK);
    for (size_t i = 0; i < count; i++) {
        EndpointEntry entry = {.iface = {some, 1, (uint16_t)i}, .port = PORT(i)};
        (void)snprintf(entry.annotation, sizeof(entry.annotation), "number %zu", i);
        assert_int_equal(endpoint_mapper_add(mapper, i / 32, &entry), RPCST_OK);
    }
    return mapper;
}

/* One operation; `reply` is freed by the caller. */
static RpcStatus operate(EndpointMapper *mapper, const Caller *who, uint16_t opnum, const Writer *request,
                         Writer *reply)
{
    IoAddress local, remote;
    assert_int_equal(io_address_parse("127.0.0.1", 135, &local), 0);
    assert_int_equal(io_address_parse(who->address, 4000, &remote), 0);
    RpcCall call = {
        .opnum = opnum, .token = who->token, .group = who->group, .local = &local, .remote = &remote};
    reader_init(&call.in, request->data, request->length);
    writer_init(&call.out, 0);
    const RpcInterface *row = endpoint_mapper_interface(mapper);
    assert_true(opnum < row->operation_count);
    RpcStatus status = row->operations[opnum].method(&call, row->data);
    assert_int_equal(writer_status(&call.out), 0);
    *reply = call.out;
    return status;
}

typedef struct Answer {
    EptOut out;
    EndpointRecord records[ENDPOINT_PAGE_MAX];
    Writer reply; /* what they point into */
} Answer;

static RpcStatus take(RpcStatus status, bool map, uint32_t max, Answer *answer)
{
    if (status == RPCST_OK) {
        Reader reader;
        reader_init(&reader, answer->reply.data, answer->reply.length);
        answer->out.max = max;
        ept_out_read(&reader, map, answer->records, &answer->out);
        assert_int_equal(reader_end(&reader), 0);
    }
    return status;
}

static RpcStatus lookup(EndpointMapper *mapper, const Caller *who, const EptLookupIn *in, Answer *answer)
{
    _cleanup_(writer_deinitp) Writer request;
    writer_init(&request, 0);
    ept_lookup_in_write(&request, in);
    return take(operate(mapper, who, OP_EPT_LOOKUP, &request, &answer->reply), false, in->max, answer);
}

static RpcStatus map(EndpointMapper *mapper, const EptMapIn *in, Answer *answer)
{
    _cleanup_(writer_deinitp) Writer request;
    writer_init(&request, 0);
    ept_map_in_write(&request, in);
    return take(operate(mapper, &nobody, OP_EPT_MAP, &request, &answer->reply), true, in->max, answer);
}

static RpcStatus give_back(EndpointMapper *mapper, const Caller *who, const EndpointHandle *handle)
{
    _cleanup_(writer_deinitp) Writer request;
    Writer reply;
    writer_init(&request, 0);
    endpoint_handle_write(&request, handle);
    RpcStatus status = operate(mapper, who, OP_EPT_LOOKUP_HANDLE_FREE, &request, &reply);
    writer_deinit(&reply);
    return status;
}

static uint16_t port_of(const EndpointRecord *record)
{
    EndpointTower tower;
    assert_int_equal(endpoint_tower_read(record->tower, record->tower_length, &tower), 0);
    assert_true(tower.tcp);
    assert_memory_equal(tower.address, "\x7f\x00\x00\x01", 4);
    return tower.port;
}

static void test_all_elements_come_page_by_page(void **state)
{
    EndpointMapper *mapper = mapper_with(100);
    EptLookupIn in = {.match = MATCH_ALL, .version = VERSION_ALL, .max = 30};
    unsigned seen = 0, pages = 0;
    do {
        Answer answer = {0};
        assert_int_equal(lookup(mapper, &nobody, &in, &answer), RPCST_OK);
        assert_int_equal(answer.out.status, RPCST_OK);
        for (uint32_t i = 0; i < answer.out.count; i++, seen++) {
            char text[ENDPOINT_ANNOTATION_SIZE];
            (void)snprintf(text, sizeof(text), "number %u", seen);
            assert_string_equal(answer.records[i].annotation, text);
            assert_int_equal(port_of(&answer.records[i]), PORT(seen));
        }
        in.handle = answer.out.handle;
        pages++;
        assert_int_equal(endpoint_mapper_state(mapper).handles, !endpoint_handle_is_null(&in.handle));
        writer_deinit(&answer.reply);
    } while (!endpoint_handle_is_null(&in.handle));
    assert_int_equal(seen, 100);
    assert_int_equal(pages, 4);
    endpoint_mapper_free(mapper);
}

static void test_a_full_last_page_is_followed_by_an_empty_one(void **state)
{
    EndpointMapper *mapper = mapper_with(20);
    EptLookupIn in = {.match = MATCH_ALL, .version = VERSION_ALL, .max = 10};
    for (unsigned page = 0; page < 3; page++) {
        Answer answer = {0};
        assert_int_equal(lookup(mapper, &nobody, &in, &answer), RPCST_OK);
        assert_int_equal(answer.out.count, page < 2 ? 10 : 0);
        assert_int_equal(answer.out.status, page < 2 ? RPCST_OK : EPT_S_NOT_REGISTERED);
        assert_int_equal(endpoint_handle_is_null(&answer.out.handle), page == 2);
        in.handle = answer.out.handle;
        writer_deinit(&answer.reply);
    }
    assert_int_equal(endpoint_mapper_state(mapper).handles, 0);
    endpoint_mapper_free(mapper);
}

static void test_what_is_withdrawn_between_pages_is_not_found(void **state)
{
    EndpointMapper *mapper = mapper_with(96);
    EptLookupIn in = {.match = MATCH_ALL, .version = VERSION_ALL, .max = 10};
    Answer answer = {0};
    assert_int_equal(lookup(mapper, &nobody, &in, &answer), RPCST_OK);
    assert_int_equal(answer.out.count, 10);
    in.handle = answer.out.handle;
    in.max = ENDPOINT_PAGE_MAX;
    writer_deinit(&answer.reply);
    endpoint_mapper_remove(mapper, 1); /* 32 to 63 */
    assert_int_equal(lookup(mapper, &nobody, &in, &answer), RPCST_OK);
    assert_int_equal(answer.out.count, 96 - 10 - 32);
    writer_deinit(&answer.reply);
    endpoint_mapper_free(mapper);
}

static uint32_t count_of(EndpointMapper *mapper, uint32_t match, uint32_t version, uint16_t major,
                         uint16_t minor)
{
    EptLookupIn in = {.match = match,
                      .version = version,
                      .has_interface = true,
                      .iface = {some, major, minor},
                      .has_object = true,
                      .object = object,
                      .max = ENDPOINT_PAGE_MAX};
    Answer answer = {0};
    assert_int_equal(lookup(mapper, &nobody, &in, &answer), RPCST_OK);
    assert_int_equal(answer.out.status, answer.out.count ? RPCST_OK : EPT_S_NOT_REGISTERED);
    writer_deinit(&answer.reply);
    return answer.out.count;
}

static void test_elements_match_as_asked(void **state)
{
    EndpointMapper *mapper = mapper_with(5); /* 1.0 to 1.4 */
    EndpointEntry two = {.iface = {some, 2, 0}, .port = 1}, of_object = {{other, 1, 0}, object, 2, ""};
    assert_int_equal(endpoint_mapper_add(mapper, ENTRIES_ME, &two), RPCST_OK);
    assert_int_equal(endpoint_mapper_add(mapper, ENTRIES_ME, &of_object), RPCST_OK);
    assert_int_equal(count_of(mapper, MATCH_ALL, VERSION_EXACT, 9, 9), 7);
    assert_int_equal(count_of(mapper, MATCH_INTERFACE, VERSION_ALL, 9, 9), 6);
    assert_int_equal(count_of(mapper, MATCH_INTERFACE, VERSION_COMPATIBLE, 1, 3), 2);
    assert_int_equal(count_of(mapper, MATCH_INTERFACE, VERSION_EXACT, 1, 3), 1);
    assert_int_equal(count_of(mapper, MATCH_INTERFACE, VERSION_EXACT, 1, 5), 0);
    assert_int_equal(count_of(mapper, MATCH_INTERFACE, VERSION_MAJOR_ONLY, 1, 9), 5);
    assert_int_equal(count_of(mapper, MATCH_INTERFACE, VERSION_UPTO, 1, 2), 3);
    assert_int_equal(count_of(mapper, MATCH_INTERFACE, VERSION_UPTO, 2, 0), 6);
    assert_int_equal(count_of(mapper, MATCH_OBJECT, VERSION_ALL, 0, 0), 1);
    assert_int_equal(count_of(mapper, MATCH_BOTH, VERSION_ALL, 0, 0), 0);
    endpoint_mapper_free(mapper);
}

static void test_searches_that_make_no_sense_are_refused(void **state)
{
    EndpointMapper *mapper = mapper_with(1);
    static const EptLookupIn senseless[] = {
        {.match = 4, .version = VERSION_ALL, .max = 1},
        {.match = MATCH_INTERFACE, .version = VERSION_ALL, .max = 1}, /* which? */
        {.match = MATCH_INTERFACE, .version = 0, .has_interface = true, .max = 1},
        {.match = MATCH_INTERFACE, .version = 6, .has_interface = true, .max = 1},
        {.match = MATCH_ALL, .version = VERSION_ALL, .max = 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(senseless); i++) {
        Answer answer = {0};
        assert_int_equal(lookup(mapper, &nobody, &senseless[i], &answer), RPCST_OK);
        assert_int_equal(answer.out.status, EPT_S_CANT_PERFORM_OP);
        assert_int_equal(answer.out.count, 0);
        writer_deinit(&answer.reply);
    }
    Answer answer = {0};
    EptLookupIn in = {.match = MATCH_ALL, .max = ENDPOINT_PAGE_MAX + 1};
    assert_int_equal(lookup(mapper, &nobody, &in, &answer), RPCST_BAD_STUB_DATA);
    writer_deinit(&answer.reply);
    endpoint_mapper_free(mapper);
}

static void test_nobody_enters_or_withdraws_over_the_network(void **state)
{
    EndpointMapper *mapper = mapper_with(3);
    const uint16_t refused[] = {OP_EPT_INSERT, OP_EPT_DELETE, OP_EPT_INQ_OBJECT, OP_EPT_MGMT_DELETE};
    const Writer nothing = {0};
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        Writer reply;
        assert_int_equal(operate(mapper, &nobody, refused[i], &nothing, &reply), EPT_S_CANT_PERFORM_OP);
        writer_deinit(&reply);
    }
    assert_int_equal(endpoint_mapper_state(mapper).entries, 3);
    endpoint_mapper_free(mapper);
}

/* Map */

static uint16_t mapped_as(EndpointMapper *mapper, EndpointTower tower, const Guid *of, uint32_t *ret_status)
{
    uint8_t bytes[200];
    Writer writer;
    Answer answer = {0};
    writer_init_fixed(&writer, bytes, sizeof(bytes));
    endpoint_tower_write(&writer, &tower);
    if (!tower.tcp) bytes[writer.length - 4 - 2 - 1 - 2 - 2 - 2 - 1] = 0x08; /* UDP */
    EptMapIn in = {.tower = bytes, .tower_length = writer.length, .max = 4, .has_object = of};
    if (of) in.object = *of;
    assert_int_equal(map(mapper, &in, &answer), RPCST_OK);
    *ret_status = answer.out.status;
    uint16_t port = answer.out.count ? port_of(&answer.records[0]) : 0;
    writer_deinit(&answer.reply);
    return port;
}

static void test_an_interface_is_mapped_to_its_port(void **state)
{
    EndpointMapper *mapper = mapper_with(3); /* 1.0 to 1.2 */
    EndpointEntry of_object = {{other, 1, 0}, object, 77, ""};
    assert_int_equal(endpoint_mapper_add(mapper, ENTRIES_ME, &of_object), RPCST_OK);
    const Guid ndr64 = {0x71710533, 0xbeba, 0x4937, {0x83, 0x19, 0xb5, 0xdb, 0xef, 0x9c, 0xcc, 0x36}};
    const struct {
        EndpointTower tower;
        const Guid *object;
        uint16_t port;
    } rows[] = {
        {{{SOME, 1, 0}, pdu_syntax_ndr, true, 0, {0}}, NULL, PORT(0)},
        {{{SOME, 1, 2}, pdu_syntax_ndr, true, 0, {0}}, NULL, PORT(2)},
        {{{SOME, 1, 0}, pdu_syntax_ndr, true, 0, {0}}, &object, PORT(0)}, /* one of every object */
        {{{OTHER, 1, 0}, pdu_syntax_ndr, true, 0, {0}}, &object, 77},
        {{{OTHER, 1, 0}, pdu_syntax_ndr, true, 0, {0}}, NULL, 0}, /* only of that object */
        {{{OTHER, 1, 0}, pdu_syntax_ndr, true, 0, {0}}, &some, 0},
        {{{SOME, 1, 3}, pdu_syntax_ndr, true, 0, {0}}, NULL, 0},
        {{{SOME, 2, 0}, pdu_syntax_ndr, true, 0, {0}}, NULL, 0},
        {{{SOME, 1, 0}, {ndr64, 1, 0}, true, 0, {0}}, NULL, 0},
        {{{SOME, 1, 0}, pdu_syntax_ndr, false, 0, {0}}, NULL, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint32_t status;
        assert_int_equal(mapped_as(mapper, rows[i].tower, rows[i].object, &status), rows[i].port);
        assert_int_equal(status, rows[i].port ? RPCST_OK : EPT_S_NOT_REGISTERED);
    }
    Answer answer = {0};
    assert_int_equal(map(mapper, &(EptMapIn){.max = 1}, &answer), RPCST_OK); /* no tower */
    assert_int_equal(answer.out.status, EPT_S_CANT_PERFORM_OP);
    writer_deinit(&answer.reply);
    endpoint_mapper_free(mapper);
}

static void test_towers(void **state)
{
    const EndpointTower tower = {{some, 3, 4}, pdu_syntax_ndr, true, 0x1234, {10, 0, 0, 1}};
    EndpointTower out;
    uint8_t bytes[200];
    Writer writer;
    writer_init_fixed(&writer, bytes, sizeof(bytes));
    endpoint_tower_write(&writer, &tower);
    assert_int_equal(writer.length, 75); /* as everybody's */
    assert_int_equal(endpoint_tower_read(bytes, writer.length, &out), 0);
    assert_true(pdu_syntax_equal(&out.iface, &tower.iface));
    assert_int_equal(out.port, 0x1234);
    assert_memory_equal(out.address, tower.address, 4);
    for (size_t i = 0; i < writer.length; i++)
        assert_int_equal(endpoint_tower_read(bytes, i, &out), -EBADMSG);
    bytes[writer.length] = 0;
    assert_int_equal(endpoint_tower_read(bytes, writer.length + 1, &out), -EBADMSG);
    for (unsigned floors = 0; floors < 256; floors++) {
        bytes[0] = (uint8_t)floors;
        assert_int_equal(endpoint_tower_read(bytes, writer.length, &out), floors == 5 ? 0 : -EBADMSG);
    }
    bytes[0] = 5;
    bytes[4] = 0x0c; /* the first floor is no interface */
    assert_int_equal(endpoint_tower_read(bytes, writer.length, &out), -EBADMSG);
}

/* Handles */

static EndpointHandle begin_search(EndpointMapper *mapper, const Caller *who)
{
    EptLookupIn in = {.match = MATCH_ALL, .version = VERSION_ALL, .max = 1};
    Answer answer = {0};
    assert_int_equal(lookup(mapper, who, &in, &answer), RPCST_OK);
    assert_false(endpoint_handle_is_null(&answer.out.handle));
    writer_deinit(&answer.reply);
    return answer.out.handle;
}

static RpcStatus go_on(EndpointMapper *mapper, const Caller *who, EndpointHandle handle)
{
    EptLookupIn in = {.match = MATCH_ALL, .version = VERSION_ALL, .max = 1, .handle = handle};
    Answer answer = {0};
    RpcStatus status = lookup(mapper, who, &in, &answer);
    writer_deinit(&answer.reply);
    return status;
}

static Token *token_of(unsigned char number)
{
    Token *token;
    TokenSpec spec = {.kind = TOKEN_KIND_IMPERSONATION,
                      .level = TOKEN_LEVEL_IMPERSONATION,
                      .principal = "somebody",
                      .user = {.count = 1, .authority = 5, .subauthorities = {number}},
                      .from_network = true,
                      .expires = INT64_MAX};
    assert_int_equal(token_new(&spec, &token), 0);
    return token;
}

static void test_a_handle_is_its_owner_s(void **state)
{
    EndpointMapper *mapper = mapper_with(9);
    Token *alice = token_of(1), *bob = token_of(2);
    const Caller owner = {alice, "127.0.0.9", GROUP_ONE},
                 others[] = {{bob, "127.0.0.9", GROUP_ONE},
                             {NULL, "127.0.0.9", GROUP_ONE},
                             {alice, "127.0.0.9", GROUP_TWO}}; /* another association */
    EndpointHandle handle = begin_search(mapper, &owner), forged = handle;
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        assert_int_equal(go_on(mapper, &others[i], handle), NCA_S_FAULT_CONTEXT_MISMATCH);
        assert_int_equal(give_back(mapper, &others[i], &handle), NCA_S_FAULT_CONTEXT_MISMATCH);
    }
    forged.id.data1 ^= 1;
    assert_int_equal(go_on(mapper, &owner, forged), NCA_S_FAULT_CONTEXT_MISMATCH);
    forged = handle;
    forged.attributes = 1;
    assert_int_equal(go_on(mapper, &owner, forged), NCA_S_FAULT_CONTEXT_MISMATCH);
    assert_int_equal(go_on(mapper, &owner, handle), RPCST_OK);
    assert_int_equal(give_back(mapper, &owner, &handle), RPCST_OK);
    assert_int_equal(give_back(mapper, &owner, &handle), NCA_S_FAULT_CONTEXT_MISMATCH);
    assert_int_equal(give_back(mapper, &owner, &(EndpointHandle){0}), RPCST_OK);
    assert_int_equal(endpoint_mapper_state(mapper).handles, 0);
    token_unref(alice);
    token_unref(bob);
    endpoint_mapper_free(mapper);
}

static void test_a_caller_loses_its_own_handles_only(void **state)
{
    EndpointMapper *mapper = mapper_with(9);
    const Caller elsewhere = {NULL, "127.0.0.10", GROUP_ONE};
    EndpointHandle of_other = begin_search(mapper, &elsewhere);
    EndpointHandle handles[ENDPOINT_HANDLES_PER_CALLER + 1];
    for (size_t i = 0; i < ARRAY_SIZE(handles); i++)
        handles[i] = begin_search(mapper, &nobody);
    assert_int_equal(endpoint_mapper_state(mapper).handles, ENDPOINT_HANDLES_PER_CALLER + 1);
    assert_int_equal(go_on(mapper, &nobody, handles[0]), NCA_S_FAULT_CONTEXT_MISMATCH);
    for (size_t i = 1; i < ARRAY_SIZE(handles); i++)
        assert_int_equal(go_on(mapper, &nobody, handles[i]), RPCST_OK);
    assert_int_equal(go_on(mapper, &elsewhere, of_other), RPCST_OK);
    endpoint_mapper_free(mapper);
}

static void test_entries_are_limited_by_owner(void **state)
{
    EndpointMapper *mapper;
    EndpointEntry entry = {.iface = {some, 1, 0}, .port = 1};
    assert_int_equal(endpoint_mapper_new(&mapper), RPCST_OK);
    for (size_t i = 0; i < ENDPOINT_ENTRIES_PER_OWNER; i++)
        assert_int_equal(endpoint_mapper_add(mapper, 1, &entry), RPCST_OK);
    assert_int_equal(endpoint_mapper_add(mapper, 1, &entry), RPCST_OUT_OF_RESOURCES);
    assert_int_equal(endpoint_mapper_add(mapper, 2, &entry), RPCST_OK);
    endpoint_mapper_remove(mapper, 1);
    assert_int_equal(endpoint_mapper_state(mapper).entries, 1);
    endpoint_mapper_free(mapper);
}

/* Over TCP */

typedef struct Net {
    IoLoop *loop;
    IoPool *pool;
    RpcServer *server;
    RpcClient *client;
    RpcBinding *binding;
} Net;

static Net net_new(EndpointMapper *mapper)
{
    Net net = {0};
    IoAddress address;
    uint16_t port;
    assert_int_equal(io_loop_new(&net.loop), 0);
    assert_int_equal(io_pool_new(net.loop, 2, 4, &net.pool), 0);
    RpcServerOptions options = {.loop = net.loop, .principal = "host/a.lab.test@LAB.TEST"};
    assert_int_equal(rpc_server_new(&options, &net.server), RPCST_OK);
    if (mapper)
        assert_int_equal(rpc_server_register(net.server, endpoint_mapper_interface(mapper)), RPCST_OK);
    assert_int_equal(io_address_parse("127.0.0.1", 0, &address), 0);
    assert_int_equal(rpc_server_listen(net.server, &address, 0, &port), 0);
    io_address_set_port(&address, port);
    assert_int_equal(rpc_client_new(NULL, &net.client), RPCST_OK);
    assert_int_equal(rpc_binding_new(net.client, &(RpcEndpoint){.address = &address}, 1, &net.binding),
                     RPCST_OK);
    return net;
}

static void net_free(Net *net)
{
    rpc_binding_unref(net->binding);
    rpc_client_unref(net->client);
    rpc_server_free(net->server);
    io_pool_free(net->pool);
    io_loop_free(net->loop);
}

static void test_the_client_reads_the_whole_map(void **state)
{
    EndpointMapper *mapper = mapper_with(250);
    Net net = net_new(mapper);
    EndpointInquirySpec spec = {.binding = net.binding, .deadline = time_after(DEADLINE)};
    EndpointInquiry *inquiry;
    size_t count;
    assert_int_equal(endpoint_inquiry_new(&spec, &inquiry), RPCST_OK);
    assert_int_equal(endpoint_inquiry_run(inquiry), RPCST_OK);
    const EndpointFound *found = endpoint_inquiry_found(inquiry, &count);
    assert_int_equal(count, 250);
    for (size_t i = 0; i < count; i++) {
        assert_true(guid_equal(&found[i].iface.uuid, &some));
        assert_int_equal(found[i].port, PORT(i));
    }
    endpoint_inquiry_free(inquiry);
    /* One that has enough gives its handle back. */
    spec.max = 101;
    assert_int_equal(endpoint_inquiry_new(&spec, &inquiry), RPCST_OK);
    assert_int_equal(endpoint_inquiry_run(inquiry), RPCST_OK);
    (void)endpoint_inquiry_found(inquiry, &count);
    assert_int_equal(count, 101);
    assert_int_equal(endpoint_mapper_state(mapper).handles, 0);
    endpoint_inquiry_free(inquiry);
    net_free(&net);
    endpoint_mapper_free(mapper);
}

static void test_the_client_resolves_a_port(void **state)
{
    EndpointMapper *mapper = mapper_with(3);
    Net net = net_new(mapper);
    PduSyntax wanted = {some, 1, 1};
    EndpointInquirySpec spec = {.binding = net.binding, .iface = &wanted, .deadline = time_after(DEADLINE)};
    uint16_t port = 0;
    assert_int_equal(endpoint_resolve(&spec, &port), RPCST_OK);
    assert_int_equal(port, PORT(1));
    wanted.uuid = other;
    assert_int_equal(endpoint_resolve(&spec, &port), EPT_S_NOT_REGISTERED);
    net_free(&net);
    endpoint_mapper_free(mapper);
}

static void test_a_server_without_a_mapper(void **state)
{
    Net net = net_new(NULL);
    PduSyntax wanted = {some, 1, 1};
    EndpointInquirySpec spec = {.binding = net.binding, .iface = &wanted, .deadline = time_after(DEADLINE)};
    uint16_t port;
    assert_int_equal(endpoint_resolve(&spec, &port), RPCST_UNKNOWN_IF);
    net_free(&net);
}

/* mgmt */

static Reader manage(Net *net, uint16_t opnum, const Writer *request, RpcClientCall **ret_call)
{
    RpcClientCallSpec spec = {.binding = net->binding,
                              .iid = IID_MGMT,
                              .major = MGMT_MAJOR,
                              .opnum = opnum,
                              .stub = request->data,
                              .stub_length = request->length,
                              .deadline = time_after(DEADLINE)};
    assert_int_equal(rpc_client_call_new(&spec, ret_call), RPCST_OK);
    assert_int_equal(rpc_client_call_run(*ret_call), RPCST_OK);
    return rpc_client_call_reply(*ret_call);
}

static void test_mgmt_lists_interfaces(void **state)
{
    EndpointMapper *mapper = mapper_with(0);
    Net net = net_new(mapper);
    RpcClientCall *call;
    PduSyntax interfaces[8];
    uint32_t count, status;
    Reader reply = manage(&net, OP_MGMT_INQ_IF_IDS, &(Writer){0}, &call);
    mgmt_if_ids_read(&reply, interfaces, ARRAY_SIZE(interfaces), &count, &status);
    assert_int_equal(reader_end(&reply), 0);
    assert_int_equal(status, RPCST_OK);
    assert_int_equal(count, 1);
    assert_true(guid_equal(&interfaces[0].uuid, &IID_ENDPOINT_MAPPER));
    assert_int_equal(interfaces[0].major, ENDPOINT_MAPPER_MAJOR);
    rpc_client_call_free(call);
    net_free(&net);
    endpoint_mapper_free(mapper);
}

static void test_mgmt_counts(void **state)
{
    Net net = net_new(NULL);
    for (uint32_t i = 0; i < 3; i++)
        for (uint32_t asked = 0; asked <= MGMT_STATS_MAX; asked += 10) {
            _cleanup_(writer_deinitp) Writer request;
            uint32_t statistics[MGMT_STATS_MAX], count, status;
            RpcClientCall *call;
            writer_init(&request, 0);
            writer_u32(&request, asked);
            Reader reply = manage(&net, OP_MGMT_INQ_STATS, &request, &call);
            mgmt_stats_read(&reply, statistics, &count, &status);
            assert_int_equal(reader_end(&reply), 0);
            assert_int_equal(count, asked < MGMT_STATS ? asked : MGMT_STATS);
            if (count) {
                uint32_t calls = i * 6 + asked / 10 + 1; /* this one counts */
                assert_int_equal(statistics[0], calls);
                assert_int_equal(statistics[1], 0);
                assert_int_equal(statistics[2], calls + 1); /* and the bind */
                assert_int_equal(statistics[3], calls);     /* but this answer does not yet */
            }
            rpc_client_call_free(call);
        }
    net_free(&net);
}

static void test_mgmt_stats_beyond_the_range_are_malformed(void **state)
{
    Writer request;
    Reader reader;
    writer_init(&request, 0);
    writer_u32(&request, MGMT_STATS_MAX + 1);
    reader_init(&reader, request.data, request.length);
    (void)mgmt_stats_in_read(&reader);
    assert_int_equal(reader_status(&reader), -EBADMSG);
    writer_deinit(&request);
}

static void test_mgmt_does_not_stop_a_server(void **state)
{
    Net net = net_new(NULL);
    RpcClientCall *call;
    Reader reply = manage(&net, OP_MGMT_STOP_SERVER_LISTENING, &(Writer){0}, &call);
    assert_int_equal(reader_u32(&reply), RPCST_ACCESS_DENIED);
    assert_int_equal(reader_end(&reply), 0);
    rpc_client_call_free(call);
    uint32_t status;
    bool listening;
    reply = manage(&net, OP_MGMT_IS_SERVER_LISTENING, &(Writer){0}, &call);
    mgmt_listening_read(&reply, &status, &listening);
    assert_int_equal(reader_end(&reply), 0);
    assert_int_equal(status, RPCST_OK);
    assert_true(listening);
    rpc_client_call_free(call);
    net_free(&net);
}

static void test_mgmt_names_the_principal(void **state)
{
    const char principal[] = "host/a.lab.test@LAB.TEST";
    const struct {
        MgmtPrincipalIn in;
        const char *name;
        uint32_t status;
    } rows[] = {
        {{16, sizeof(principal)}, principal, RPCST_OK},
        {{9, MGMT_PRINCIPAL_MAX}, principal, RPCST_OK},
        {{16, sizeof(principal) - 1}, "", 122},
        {{16, 1}, "", 122},
        {{16, 0}, "", 122},
        {{0, 100}, "", RPCST_UNKNOWN_AUTHN_SERVICE},
        {{68, 100}, "", RPCST_UNKNOWN_AUTHN_SERVICE},
    };
    Net net = net_new(NULL);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_(writer_deinitp) Writer request;
        RpcClientCall *call;
        const char *name;
        uint32_t status;
        writer_init(&request, 0);
        mgmt_principal_in_write(&request, &rows[i].in);
        Reader reply = manage(&net, OP_MGMT_INQ_PRINC_NAME, &request, &call);
        mgmt_principal_read(&reply, rows[i].in.size, &name, &status);
        assert_int_equal(reader_end(&reply), 0);
        assert_int_equal(status, rows[i].status);
        assert_string_equal(name, rows[i].name);
        rpc_client_call_free(call);
    }
    net_free(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_elements_come_page_by_page),
        cmocka_unit_test(test_a_full_last_page_is_followed_by_an_empty_one),
        cmocka_unit_test(test_what_is_withdrawn_between_pages_is_not_found),
        cmocka_unit_test(test_elements_match_as_asked),
        cmocka_unit_test(test_searches_that_make_no_sense_are_refused),
        cmocka_unit_test(test_nobody_enters_or_withdraws_over_the_network),
        cmocka_unit_test(test_an_interface_is_mapped_to_its_port),
        cmocka_unit_test(test_towers),
        cmocka_unit_test(test_a_handle_is_its_owner_s),
        cmocka_unit_test(test_a_caller_loses_its_own_handles_only),
        cmocka_unit_test(test_entries_are_limited_by_owner),
        cmocka_unit_test(test_the_client_reads_the_whole_map),
        cmocka_unit_test(test_the_client_resolves_a_port),
        cmocka_unit_test(test_a_server_without_a_mapper),
        cmocka_unit_test(test_mgmt_lists_interfaces),
        cmocka_unit_test(test_mgmt_counts),
        cmocka_unit_test(test_mgmt_stats_beyond_the_range_are_malformed),
        cmocka_unit_test(test_mgmt_does_not_stop_a_server),
        cmocka_unit_test(test_mgmt_names_the_principal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
