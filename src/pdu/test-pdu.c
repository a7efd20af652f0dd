/* SPDX-License-Identifier: Apache-2.0 */
/* The PDU codec against real Windows PDUs, at its boundaries, and against itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>
#include "pdu/fault.h"
#include "pdu/pdu.h"

#define LINE_MAX_BYTES 65536

static const PduSyntax interface = {
    {0x99fcfec4, 0x5260, 0x101b, {0xbb, 0xcb, 0x00, 0xaa, 0x00, 0x21, 0x34, 0x7a}}, 0, 0};

static size_t unhex(const char *text, uint8_t *bytes)
{
    size_t length = 0;
    unsigned value;
    for (; sscanf(text, "%2x", &value) == 1 && text[0] != '"'; text += 2)
        bytes[length++] = (uint8_t)value;
    return length;
}

static void put_again(Writer *writer, const uint8_t *data, const Pdu *pdu)
{
    size_t start = pdu_begin(writer, pdu->header.type, pdu->header.flags, pdu->header.call_id);
    PduList list;
    switch (pdu->header.type) {
    case PDU_BIND:
    case PDU_ALTER_CONTEXT: {
        PduContext context;
        pdu_put_bind(writer, pdu->bind.max_xmit, pdu->bind.max_recv, pdu->bind.group, pdu->bind.count);
        pdu_list_init(&list, &pdu->bind);
        while (pdu_context_next(&list, &context)) {
            PduSyntax transfers[255];
            for (unsigned i = 0; i < context.transfer_count; i++)
                transfers[i] = pdu_context_transfer(&context, i);
            pdu_put_context(writer, context.id, &context.abstract, transfers, context.transfer_count);
        }
        break;
    }
    case PDU_BIND_ACK:
    case PDU_ALTER_CONTEXT_RESP: {
        PduResult result;
        char address[64];
        snprintf(address, sizeof(address), "%.*s", (int)pdu->bind.address_length, pdu->bind.address);
        pdu_put_bind_ack(writer, start, pdu->bind.max_xmit, pdu->bind.max_recv, pdu->bind.group, address,
                         pdu->bind.count);
        pdu_list_init(&list, &pdu->bind);
        while (pdu_result_next(&list, &result))
            pdu_put_result(writer, result.result, result.reason, &result.transfer);
        break;
    }
    case PDU_REQUEST:
        pdu_put_request(writer, start, pdu->call.alloc_hint, pdu->call.context_id, pdu->call.opnum,
                        pdu->call.has_object ? &pdu->call.object : NULL);
        break;
    case PDU_RESPONSE:
        pdu_put_response(writer, pdu->call.alloc_hint, pdu->call.context_id, pdu->call.cancel_count);
        break;
    default:
        fail_msg("type %u", pdu->header.type);
    }
    if (pdu->header.type == PDU_REQUEST || pdu->header.type == PDU_RESPONSE)
        writer_bytes(writer, data + pdu->call.stub_offset, pdu->call.stub_length - pdu->trailer.pad_length);
    if (pdu->trailer.token)
        pdu_put_trailer(writer, start, &pdu->trailer, pdu->header.type < PDU_BIND ? PDU_AUTH_PAD : 4);
    pdu_end(writer, start);
}

/* Bytes without meaning differ between machines: reserved fields, padding. Everything else must come back. */
static void compare(const uint8_t *data, const Pdu *pdu, const Writer *writer)
{
    assert_int_equal(writer_status(writer), 0);
    assert_int_equal(writer->length, pdu->header.frag_length);
    uint8_t *want = malloc(writer->length);
    memcpy(want, data, writer->length);
    if (pdu->trailer.token) {
        memset(want + pdu->trailer.offset - pdu->trailer.pad_length, 0, pdu->trailer.pad_length);
        want[pdu->trailer.offset + 3] = 0;
    }
    if (pdu->header.type == PDU_BIND_ACK || pdu->header.type == PDU_ALTER_CONTEXT_RESP) {
        size_t end = 26 + pdu->bind.address_length + (pdu->bind.address_length ? 1 : 0);
        memset(want + end, 0, -end & 3);
    }
    assert_memory_equal(writer->data, want, writer->length);
    free(want);
}

static unsigned check_file(const char *path)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *line = NULL;
    size_t capacity = 0;
    unsigned count = 0;
    while (getline(&line, &capacity, file) > 0) {
        static uint8_t data[LINE_MAX_BYTES];
        const char *hex = strstr(line, "\"pdu_hex\": \"");
        assert_non_null(hex);
        size_t length = unhex(hex + 12, data);
        Pdu pdu;
        assert_int_equal(pdu_parse(data, length, &pdu), 0);
        const char *type = strstr(line, "\"auth_pad\": ");
        if (type) assert_int_equal(pdu.trailer.pad_length, atoi(type + 12));
        _cleanup_(writer_deinitp) Writer writer;
        writer_init(&writer, 0);
        put_again(&writer, data, &pdu);
        compare(data, &pdu, &writer);
        /* every shorter prefix is refused, and one more byte too */
        for (size_t cut = 0; cut < length && cut < 400; cut++)
            assert_true(pdu_parse(data, cut, &pdu) > 0);
        assert_int_equal(pdu_parse(data, length + 1, &pdu), PDU_BAD_LENGTH);
        count++;
    }
    free(line);
    fclose(file);
    return count;
}

static void test_windows(void **state)
{
    (void)state;
    assert_int_equal(check_file(VECTORS "/rpc/pdus/win10-create.pdus.jsonl"), 54);
    assert_int_equal(check_file(VECTORS "/rpc/pdus/win10-execmethod.pdus.jsonl"), 55);
}

/* A bind with one context and a token, as a base to damage. */
static size_t make_bind(uint8_t *buffer, size_t size)
{
    Writer writer;
    writer_init_fixed(&writer, buffer, size);
    size_t start = pdu_begin(&writer, PDU_BIND, PDU_FIRST_FRAG | PDU_LAST_FRAG, 7);
    pdu_put_bind(&writer, PDU_FRAGMENT_OURS, PDU_FRAGMENT_OURS, 0, 1);
    pdu_put_context(&writer, 3, &interface, &pdu_syntax_ndr, 1);
    PduTrailer trailer = {
        .type = 16, .level = 6, .context_id = 5, .token = (const uint8_t *)"token", .token_length = 5};
    pdu_put_trailer(&writer, start, &trailer, 4);
    pdu_end(&writer, start);
    assert_int_equal(writer_status(&writer), 0);
    return writer.length;
}

static void test_header(void **state)
{
    (void)state;
    uint8_t data[256];
    Pdu pdu = {.header.call_id = 99};
    size_t length = make_bind(data, sizeof(data));
    assert_int_equal(pdu_parse(data, length, &pdu), 0);
    assert_int_equal(pdu.header.call_id, 7);
    assert_int_equal(pdu.trailer.context_id, 5);
    assert_int_equal(pdu.trailer.token_length, 5);
    static const struct {
        size_t offset;
        uint8_t value;
        int want;
    } rows[] = {
        {0, 4, PDU_BAD_VERSION},
        {1, 2, PDU_BAD_VERSION},
        {1, 1, 0},
        {4, 0x00, PDU_BAD_DREP}, /* big-endian */
        {4, 0x11, PDU_BAD_DREP}, /* EBCDIC */
        {5, 1, PDU_BAD_DREP},    /* VAX floats */
        {6, 9, 0},               /* reserved */
        {2, 1, PDU_BAD_TYPE},
        /* ping: connectionless */ {2, 10, PDU_BAD_TYPE},
        {2, 20, PDU_BAD_TYPE},
        {2, 255, PDU_BAD_TYPE},
        {8, 15, PDU_BAD_LENGTH},
        {9, 1, PDU_BAD_LENGTH},
        {10, 6, PDU_BAD_TRAILER}, /* token one longer: misaligned */
        {10, 200, PDU_BAD_LENGTH},
        {24, 2, PDU_BAD_BODY},
        {24, 0, PDU_BAD_BODY},
        {30, 2, PDU_BAD_BODY}, /* transfer syntaxes */
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint8_t copy[256];
        memcpy(copy, data, length);
        copy[rows[i].offset] = rows[i].value;
        Pdu untouched = {.header.call_id = 99};
        assert_int_equal(pdu_parse(copy, length, &untouched), rows[i].want);
        if (rows[i].want) assert_int_equal(untouched.header.call_id, 99);
    }
}

static void test_pad_bounds(void **state)
{
    (void)state;
    for (size_t stub = 0; stub <= 33; stub++) {
        _cleanup_(writer_deinitp) Writer writer;
        writer_init(&writer, 0);
        writer_fill(&writer, 0xee, 5); /* a PDU need not start where the writer does */
        size_t start = pdu_begin(&writer, PDU_RESPONSE, PDU_FIRST_FRAG | PDU_LAST_FRAG, 1);
        pdu_put_response(&writer, (uint32_t)stub, 0, 0);
        writer_fill(&writer, 0xaa, stub);
        PduTrailer trailer = {.type = 16, .level = 6, .token_length = 76};
        size_t token = pdu_put_trailer(&writer, start, &trailer, PDU_AUTH_PAD);
        pdu_end(&writer, start);
        assert_int_equal(writer_status(&writer), 0);
        uint8_t *data = writer.data + start;
        size_t length = writer.length - start;
        Pdu pdu;
        PduSeal got, want;
        assert_int_equal(pdu_parse(data, length, &pdu), 0);
        pdu_seal_of(&pdu, &got);
        assert_int_equal(pdu_seal_layout(false, stub, 76, &want), 0);
        assert_int_equal(got.stub, want.stub);
        assert_int_equal(got.stub_length, want.stub_length);
        assert_int_equal(got.trailer, want.trailer);
        assert_int_equal(got.token, want.token);
        assert_int_equal(got.length, want.length);
        assert_int_equal(got.pad_length, want.pad_length);
        assert_int_equal(token - start, got.token);
        assert_int_equal(got.stub_length % 16, 0);
        /* as much padding as there is stub is allowed, one more is not */
        data[got.trailer + 2] = (uint8_t)got.stub_length;
        assert_int_equal(pdu_parse(data, length, &pdu), 0);
        data[got.trailer + 2] = (uint8_t)(got.stub_length + 1);
        assert_int_equal(pdu_parse(data, length, &pdu), PDU_BAD_TRAILER);
    }
}

static void test_object_needs_room(void **state)
{
    (void)state;
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, 0);
    size_t start = pdu_begin(&writer, PDU_REQUEST, PDU_FIRST_FRAG | PDU_LAST_FRAG, 1);
    pdu_put_request(&writer, start, 0, 1, 2, &interface.uuid);
    pdu_end(&writer, start);
    Pdu pdu;
    assert_int_equal(pdu_parse(writer.data, writer.length, &pdu), 0);
    assert_true(pdu.call.has_object && guid_equal(&pdu.call.object, &interface.uuid));
    assert_int_equal(pdu.call.stub_length, 0);
    writer.data[8]--; /* the object loses its last byte */
    assert_int_equal(pdu_parse(writer.data, writer.length - 1, &pdu), PDU_BAD_BODY);
    writer.data[3] &= (uint8_t)~PDU_OBJECT_UUID; /* without the flag it is stub */
    assert_int_equal(pdu_parse(writer.data, writer.length - 1, &pdu), 0);
    assert_int_equal(pdu.call.stub_length, 15);
}

static void test_small_types(void **state)
{
    (void)state;
    static const struct {
        PduType type;
        size_t body;
    } rows[] = {{PDU_AUTH3, 4},    {PDU_SHUTDOWN, 0}, {PDU_CANCEL, 0}, {PDU_ORPHANED, 0},
                {PDU_BIND_NAK, 8}, {PDU_FAULT, 16},   {PDU_BIND, 12},  {PDU_BIND_ACK, 16}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint8_t data[64];
        Writer writer;
        writer_init_fixed(&writer, data, sizeof(data));
        size_t start = pdu_begin(&writer, rows[i].type, PDU_FIRST_FRAG | PDU_LAST_FRAG, 1);
        if (rows[i].type == PDU_AUTH3) pdu_put_auth3(&writer);
        if (rows[i].type == PDU_BIND_NAK) pdu_put_bind_nak(&writer, PDU_NAK_AUTH_TYPE);
        if (rows[i].type == PDU_FAULT) pdu_put_fault(&writer, 4, 0, NCA_S_PROTO_ERROR);
        if (rows[i].type == PDU_BIND) pdu_put_bind(&writer, 1432, 1432, 0, 0);
        if (rows[i].type == PDU_BIND_ACK) pdu_put_bind_ack(&writer, start, 1432, 1432, 9, "", 0);
        pdu_end(&writer, start);
        assert_int_equal(writer_status(&writer), 0);
        assert_int_equal(writer.length, PDU_HEADER_SIZE + rows[i].body);
        Pdu pdu;
        assert_int_equal(pdu_parse(data, writer.length, &pdu), 0);
        if (rows[i].type == PDU_BIND_NAK) {
            assert_int_equal(pdu.nak.reason, PDU_NAK_AUTH_TYPE);
            assert_int_equal(pdu.nak.version_count, 1);
            assert_int_equal(pdu.nak.versions[0], 5);
        }
        if (rows[i].type == PDU_FAULT) assert_int_equal(pdu.call.status, NCA_S_PROTO_ERROR);
    }
}

static void test_bind_ack_address(void **state)
{
    (void)state;
    static const char *addresses[] = {"", "1", "13", "135", "5000", "49152"};
    for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
        uint8_t data[128];
        Writer writer;
        writer_init_fixed(&writer, data, sizeof(data));
        size_t start = pdu_begin(&writer, PDU_BIND_ACK, PDU_FIRST_FRAG | PDU_LAST_FRAG, 1);
        pdu_put_bind_ack(&writer, start, 4280, 4280, 77, addresses[i], 2);
        pdu_put_result(&writer, PDU_RESULT_ACCEPTED, 0, &pdu_syntax_ndr);
        pdu_put_result(&writer, PDU_RESULT_FEATURES, PDU_FEATURE_SECURITY_MULTIPLEX, NULL);
        pdu_end(&writer, start);
        Pdu pdu;
        assert_int_equal(pdu_parse(data, writer.length, &pdu), 0);
        assert_int_equal(pdu.bind.address_length, strlen(addresses[i]));
        assert_memory_equal(pdu.bind.address, addresses[i], strlen(addresses[i]));
        PduList list;
        PduResult result;
        pdu_list_init(&list, &pdu.bind);
        assert_true(pdu_result_next(&list, &result));
        assert_true(pdu_syntax_equal(&result.transfer, &pdu_syntax_ndr));
        assert_true(pdu_result_next(&list, &result));
        assert_int_equal(result.result, PDU_RESULT_FEATURES);
        assert_int_equal(result.reason, PDU_FEATURE_SECURITY_MULTIPLEX);
        assert_false(pdu_result_next(&list, &result));
        if (!addresses[i][0]) continue;
        data[26 + strlen(addresses[i])] = 'x'; /* the NUL */
        assert_int_equal(pdu_parse(data, writer.length, &pdu), PDU_BAD_BODY);
    }
}

static void test_features(void **state)
{
    (void)state;
    uint64_t bits = 0;
    PduSyntax syntax = pdu_syntax_from_features(0x8000000000000003);
    assert_true(pdu_syntax_is_features(&syntax, &bits));
    assert_true(bits == 0x8000000000000003);
    syntax.major = 2;
    assert_false(pdu_syntax_is_features(&syntax, &bits));
    assert_false(pdu_syntax_is_features(&pdu_syntax_ndr, &bits));
}

static void test_room(void **state)
{
    (void)state;
    assert_int_equal(pdu_stub_room(5840, false, 76), 5728); /* what Windows puts into 5836 bytes */
    assert_int_equal(pdu_stub_room(24, false, 0), 0);
    assert_int_equal(pdu_stub_room(31, false, 0), 0);
    assert_int_equal(pdu_stub_room(32, false, 0), 8);
    assert_int_equal(pdu_stub_room(24 + 8 + 28 + 15, false, 28), 0);
    assert_int_equal(pdu_stub_room(24 + 8 + 28 + 16, false, 28), 16);
    assert_int_equal(pdu_stub_room(1 << 20, true, 0), (PDU_FRAGMENT_MAX - 40) & ~7);
    PduSeal seal;
    assert_int_equal(pdu_seal_layout(false, PDU_FRAGMENT_MAX - 24 - 8 - 28 - 11, 28, &seal), 0);
    assert_int_equal(pdu_seal_layout(false, PDU_FRAGMENT_MAX - 24 - 8 - 28, 28, &seal), PDU_BAD_LENGTH);
    assert_int_equal(pdu_seal_layout(false, SIZE_MAX, 28, &seal), PDU_BAD_LENGTH);
}

static void test_too_big(void **state)
{
    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        _cleanup_(writer_deinitp) Writer writer;
        writer_init(&writer, 0);
        size_t start = pdu_begin(&writer, PDU_RESPONSE, 3, 1);
        pdu_put_response(&writer, 0, 0, 0);
        writer_fill(&writer, 0, PDU_FRAGMENT_MAX - PDU_STUB_OFFSET + extra);
        pdu_end(&writer, start);
        assert_int_equal(writer_status(&writer), extra ? -E2BIG : 0);
    }
}

static void test_fault_codes(void **state)
{
    (void)state;
    static const uint32_t both[] = {RPCST_PROTOCOL_ERROR,  RPCST_UNKNOWN_IF,       RPCST_PROCNUM_OUT_OF_RANGE,
                                    RPCST_SERVER_TOO_BUSY, RPCST_UNSUPPORTED_TYPE, RPCST_CALL_CANCELLED,
                                    RPCST_ACCESS_DENIED,   RPCST_BAD_STUB_DATA,    0x80070005};
    for (size_t i = 0; i < ARRAY_SIZE(both); i++)
        assert_int_equal(fault_to_status(fault_from_status(both[i])), both[i]);
    assert_int_equal(fault_to_status(0), RPCST_PROTOCOL_ERROR);
    assert_int_not_equal(fault_from_status(0), 0);
    assert_int_equal(fault_to_status(0x1c010009), RPCST_CALL_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows),     cmocka_unit_test(test_header),
        cmocka_unit_test(test_pad_bounds),  cmocka_unit_test(test_object_needs_room),
        cmocka_unit_test(test_small_types), cmocka_unit_test(test_bind_ack_address),
        cmocka_unit_test(test_features),    cmocka_unit_test(test_room),
        cmocka_unit_test(test_too_big),     cmocka_unit_test(test_fault_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
