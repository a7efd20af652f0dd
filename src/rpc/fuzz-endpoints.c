/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as what strangers send to the endpoint mapper and mgmt, and what such servers answer. The first
 * byte says as what: 0 a tower, 1 to 5 endpoint mapper, 6 to 11 mgmt: what decodes is encoded again, and that
 * must decode to the same bytes. 12: a conversation with an endpoint mapper, whose handles (which nobody can
 * guess) are filled in: nobody gets on with somebody else's.
 * Decoder: src/rpc/endpoint-tower.c .*read
 * Decoder: src/rpc/endpoint-message.c .*read
 * Decoder: src/rpc/mgmt-message.c .*read
 * Decoder: src/rpc/endpoint-mapper.c (method_|page|search_|find|matches|version_matches|refuse|answer).*
 */
#include <assert.h>
#include <stdlib.h>
#include "rpc/endpoint-mapper.h"
#include "rpc/mgmt-message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Decodes and, where that succeeded, encodes. False: malformed. */
typedef bool Recode(Reader *reader, Writer *writer);

static bool fine(const Reader *reader)
{
    return reader_status(reader) == 0;
}

static bool recode_tower(Reader *reader, Writer *writer)
{
    EndpointTower tower;
    size_t length = reader_left(reader);
    if (endpoint_tower_read(reader_bytes(reader, length), length, &tower) < 0) return false;
    assert(tower.tcp || tower.port == 0);
    endpoint_tower_write(writer, &tower);
    return true;
}

static bool recode_lookup_in(Reader *reader, Writer *writer)
{
    EptLookupIn in;
    ept_lookup_in_read(reader, &in);
    assert(in.max <= ENDPOINT_PAGE_MAX);
    if (fine(reader)) ept_lookup_in_write(writer, &in);
    return fine(reader);
}

static bool recode_map_in(Reader *reader, Writer *writer)
{
    EptMapIn in;
    ept_map_in_read(reader, &in);
    assert(in.tower_length <= ENDPOINT_TOWER_MAX);
    if (fine(reader)) ept_map_in_write(writer, &in);
    return fine(reader);
}

static bool recode_out(bool map, Reader *reader, Writer *writer)
{
    EndpointRecord *records = malloc(100 * sizeof(*records));
    EptOut out = {.max = 100};
    assert(records);
    ept_out_read(reader, map, records, &out);
    assert(out.count <= out.max);
    if (fine(reader)) ept_out_write(writer, map, &out);
    free(records);
    return fine(reader);
}

static bool recode_lookup_out(Reader *reader, Writer *writer)
{
    return recode_out(false, reader, writer);
}

static bool recode_map_out(Reader *reader, Writer *writer)
{
    return recode_out(true, reader, writer);
}

static bool recode_handle(Reader *reader, Writer *writer)
{
    EndpointHandle handle;
    endpoint_handle_read(reader, &handle);
    if (fine(reader)) endpoint_handle_write(writer, &handle);
    return fine(reader);
}

static bool recode_if_ids(Reader *reader, Writer *writer)
{
    PduSyntax interfaces[16];
    uint32_t count, status;
    mgmt_if_ids_read(reader, interfaces, 16, &count, &status);
    assert(count <= 16);
    if (fine(reader)) mgmt_if_ids_write(writer, interfaces, count, status);
    return fine(reader);
}

static bool recode_stats_in(Reader *reader, Writer *writer)
{
    uint32_t count = mgmt_stats_in_read(reader);
    assert(count <= MGMT_STATS_MAX);
    if (fine(reader)) writer_u32(writer, count);
    return fine(reader);
}

static bool recode_stats(Reader *reader, Writer *writer)
{
    uint32_t statistics[MGMT_STATS_MAX], count, status;
    mgmt_stats_read(reader, statistics, &count, &status);
    if (fine(reader)) mgmt_stats_write(writer, statistics, count, status);
    return fine(reader);
}

static bool recode_listening(Reader *reader, Writer *writer)
{
    uint32_t status;
    bool listening;
    mgmt_listening_read(reader, &status, &listening);
    if (fine(reader)) mgmt_listening_write(writer, status, listening);
    return fine(reader);
}

static bool recode_principal_in(Reader *reader, Writer *writer)
{
    MgmtPrincipalIn in;
    mgmt_principal_in_read(reader, &in);
    if (fine(reader)) mgmt_principal_in_write(writer, &in);
    return fine(reader);
}

static bool recode_principal(Reader *reader, Writer *writer)
{
    const char *name;
    uint32_t status;
    mgmt_principal_read(reader, 64, &name, &status);
    assert(strlen(name) < 64);
    if (fine(reader)) mgmt_principal_write(writer, 64, name, status);
    return fine(reader);
}

/* The conversation */

#define CALLERS 2u

typedef struct Talk {
    EndpointMapper *mapper;
    EndpointHandle handles[CALLERS]; /* the last that each was given */
} Talk;

static RpcStatus call_mapper(Talk *talk, unsigned who, uint16_t opnum, const Writer *request, Writer *reply)
{
    IoAddress local, remote;
    int r = io_address_parse("127.0.0.1", 135, &local);
    if (r == 0) r = io_address_parse(who ? "127.0.0.3" : "127.0.0.2", 4000, &remote);
    assert(r == 0);
    RpcCall call = {.opnum = opnum, .local = &local, .remote = &remote, .group = who};
    reader_init(&call.in, request->data, request->length);
    writer_init(&call.out, 0);
    const RpcInterface *row = endpoint_mapper_interface(talk->mapper);
    RpcStatus status = row->operations[opnum % row->operation_count].method(&call, row->data);
    *reply = call.out;
    return status;
}

/* Bit 0 of `flags`: who calls; 1: with its own handle; 2: with the other's. */
static const EndpointHandle *choose(const Talk *talk, uint8_t flags, const EndpointHandle *sent)
{
    if (flags & 4) return &talk->handles[(flags & 1) ^ 1];
    return flags & 2 ? &talk->handles[flags & 1] : sent;
}

static void turn(Talk *talk, uint16_t opnum, uint8_t flags, Reader *body)
{
    _cleanup_(writer_deinitp) Writer request, reply = {0};
    EndpointHandle handle = {0};
    writer_init(&request, 0);
    if (opnum == OP_EPT_LOOKUP) {
        EptLookupIn in;
        ept_lookup_in_read(body, &in);
        handle = in.handle = *choose(talk, flags, &in.handle);
        ept_lookup_in_write(&request, &in);
    } else if (opnum == OP_EPT_MAP) {
        EptMapIn in;
        ept_map_in_read(body, &in);
        handle = in.handle = *choose(talk, flags, &in.handle);
        ept_map_in_write(&request, &in);
    } else if (opnum == OP_EPT_LOOKUP_HANDLE_FREE) {
        endpoint_handle_read(body, &handle);
        handle = *choose(talk, flags, &handle);
        endpoint_handle_write(&request, &handle);
    }
    RpcStatus status = call_mapper(talk, flags & 1, opnum, &request, &reply);
    /* Without a sense in its arguments a call ends before its handle is looked at. */
    bool foreign = flags & 4 && !endpoint_handle_is_null(&handle);
    Reader reader;
    reader_init(&reader, reply.data, reply.length);
    EndpointHandle given = {0};
    if (status == RPCST_OK) endpoint_handle_read(&reader, &given);
    assert(!foreign || endpoint_handle_is_null(&given));
    if (opnum == OP_EPT_LOOKUP || opnum == OP_EPT_MAP) talk->handles[flags & 1] = given;
}

static void converse(Reader *reader)
{
    Talk talk = {0};
    RpcStatus made = endpoint_mapper_new(&talk.mapper);
    assert(made == RPCST_OK);
    for (uint16_t i = 0; i < 20; i++) {
        EndpointEntry entry = {.iface = {{i % 4}, i / 4, i % 2}, .port = i, .annotation = "fuzzed"};
        entry.object.data1 = i % 3;
        if (endpoint_mapper_add(talk.mapper, i % 5, &entry) != RPCST_OK) abort();
    }
    for (unsigned i = 0; i < 64 && reader_left(reader); i++) {
        uint8_t opnum = reader_u8(reader), flags = reader_u8(reader);
        Reader body = reader_sub(reader, reader_u8(reader));
        if (flags & 8) endpoint_mapper_remove(talk.mapper, opnum % 5);
        turn(&talk, opnum % (OP_EPT_MGMT_DELETE + 1), flags, &body);
    }
    endpoint_mapper_free(talk.mapper);
}

static Recode *const kinds[] = {recode_tower,   recode_lookup_in, recode_lookup_out,   recode_map_in,
                                recode_map_out, recode_handle,    recode_if_ids,       recode_stats_in,
                                recode_stats,   recode_listening, recode_principal_in, recode_principal};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(writer_deinitp) Writer first, second;
    Reader reader;
    writer_init(&first, 0);
    writer_init(&second, 0);
    if (!size || data[0] > ARRAY_SIZE(kinds)) return 0;
    reader_init(&reader, data + 1, size - 1);
    if (data[0] == ARRAY_SIZE(kinds)) {
        converse(&reader);
        return 0;
    }
    Recode *recode = kinds[data[0]];
    if (!recode(&reader, &first)) return 0;
    assert(writer_status(&first) == 0);
    reader_init(&reader, first.data, first.length);
    bool again = recode(&reader, &second);
    assert(again && second.length == first.length && memcmp(first.data, second.data, first.length) == 0);
    return 0;
}
