/* SPDX-License-Identifier: Apache-2.0 */
#include "pdu/verification.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const PduSyntax abstract = {{0x6d616e74, 0x6c65, 0x4001, {1, 2, 3, 4, 5, 6, 7, 8}}, 1, 3};

static PduVerification some(unsigned which)
{
    return (PduVerification){
        .has_bits = which & 1,
        .has_context = which & 2,
        .has_header = which & 4,
        .bits = which & 1 ? PDU_CLIENT_SIGNS_HEADERS : 0,
        .abstract = which & 2 ? abstract : (PduSyntax){.major = 0},
        .transfer = which & 2 ? pdu_syntax_ndr : (PduSyntax){.major = 0},
        .drep = {which & 4 ? 0x10 : 0},
        .call_id = which & 4 ? 77 : 0,
        .context_id = which & 4 ? 0x1234 : 0,
        .opnum = which & 4 ? 9 : 0,
    };
}

/* Field by field: the bytes between them are nobody's. */
static void assert_same(const PduVerification *in, const PduVerification *out)
{
    assert_true(in->has_bits == out->has_bits && in->has_context == out->has_context &&
                in->has_header == out->has_header);
    assert_int_equal(in->bits, out->bits);
    assert_memory_equal(&in->abstract, &out->abstract, sizeof(in->abstract));
    assert_memory_equal(&in->transfer, &out->transfer, sizeof(in->transfer));
    assert_int_equal(in->type, out->type);
    assert_memory_equal(in->drep, out->drep, sizeof(in->drep));
    assert_true(in->call_id == out->call_id && in->context_id == out->context_id && in->opnum == out->opnum);
}

/* Every set of commands behind stubs of every length modulo the padding. */
static void test_round_trip(void **state)
{
    (void)state;
    for (unsigned which = 1; which < 8; which++) {
        for (size_t stub = 0; stub < 20; stub++) {
            uint8_t data[256];
            Writer writer;
            size_t offset;
            PduVerification in = some(which), out = {0};
            writer_init_fixed(&writer, data, sizeof(data));
            writer_fill(&writer, 0x71, 5); /* whatever stands before the stub */
            writer_fill(&writer, 0x8a, stub);
            pdu_put_verification(&writer, 5, &in);
            assert_int_equal(writer_status(&writer), 0);
            assert_int_equal(pdu_verification_find(data + 5, writer.length - 5, &offset, &out), 0);
            assert_int_equal(offset, (stub + 3) & ~(size_t)3);
            assert_same(&in, &out);
            /* not when it ends elsewhere than the stub */
            assert_int_equal(pdu_verification_find(data + 5, writer.length - 6, &offset, &out),
                             PDU_NO_VERIFICATION);
            writer_u8(&writer, 0);
            assert_int_equal(pdu_verification_find(data + 5, writer.length - 5, &offset, &out),
                             PDU_NO_VERIFICATION);
        }
    }
}

/* As Windows and Samba write it. */
static void test_bytes(void **state)
{
    (void)state;
    static const uint8_t wanted[] = {0x8a, 0xe3, 0x13, 0x71, 0x02, 0xf4, 0x36, 0x71,
                                     0x01, 0x40, 0x04, 0x00, 0x01, 0x00, 0x00, 0x00};
    uint8_t data[64];
    Writer writer;
    PduVerification bits = some(1);
    writer_init_fixed(&writer, data, sizeof(data));
    pdu_put_verification(&writer, 0, &bits);
    assert_int_equal(writer.length, sizeof(wanted));
    assert_memory_equal(data, wanted, sizeof(wanted));
}

/* An argument that looks like a trailer, and would swallow the real one as a command that may be passed over.
 */
static void test_look_alike(void **state)
{
    (void)state;
    uint8_t data[256];
    Writer writer;
    size_t offset;
    PduVerification fake = some(4), real = some(4), found;
    fake.opnum = 66;
    writer_init_fixed(&writer, data, sizeof(data));
    pdu_put_verification(&writer, 0, &fake);
    data[9] &= 0x3f; /* not the last command */
    writer_u16(&writer, 0x4000 | 99);
    size_t length_at = writer_reserve(&writer, 2), body = writer.length;
    size_t start = writer.length;
    pdu_put_verification(&writer, 0, &real);
    writer_patch_u16(&writer, length_at, (uint16_t)(writer.length - body));
    assert_int_equal(pdu_verification_find(data, writer.length, &offset, &found), 0);
    assert_int_equal(offset, start);
    assert_int_equal(found.opnum, real.opnum);
    /* Nothing but the look-alike: then it is what is there. */
    assert_int_equal(pdu_verification_find(data, start, &offset, &found), PDU_NO_VERIFICATION);
}

static void test_bad(void **state)
{
    (void)state;
    static const struct {
        uint16_t command, length;
        int result;
    } rows[] = {
        {0x4001, 4, 0},
        {0xc001, 4, 0},                     /* must be processed, and is */
        {0x4001, 8, PDU_BAD_VERIFICATION},  /* of a wrong length */
        {0x4002, 36, PDU_BAD_VERIFICATION}, /* the same */
        {0x4003, 12, PDU_BAD_VERIFICATION}, /* the same */
        {0x4009, 8, 0},                     /* unknown, may be passed over */
        {0xc009, 8, PDU_BAD_VERIFICATION},  /* unknown, must not */
        {0x4009, 6, PDU_NO_VERIFICATION},   /* no multiple of 4 */
        {0x0009, 8, PDU_NO_VERIFICATION},   /* without an end */
        {0x4009, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint8_t data[256];
        Writer writer;
        size_t offset;
        PduVerification found;
        writer_init_fixed(&writer, data, sizeof(data));
        writer_bytes(&writer, "\x8a\xe3\x13\x71\x02\xf4\x36\x71", 8);
        writer_u16(&writer, rows[i].command);
        writer_u16(&writer, rows[i].length);
        writer_fill(&writer, 0, rows[i].length);
        assert_int_equal(pdu_verification_find(data, writer.length, &offset, &found), rows[i].result);
        /* and before a good one: a command twice */
        if (rows[i].command != 0x4001 || rows[i].length != 4) continue;
        data[9] = 0;
        writer_u16(&writer, 0x4001);
        writer_u16(&writer, 4);
        writer_u32(&writer, 1);
        assert_int_equal(pdu_verification_find(data, writer.length, &offset, &found), PDU_BAD_VERIFICATION);
    }
}

/* Only the end of a stub is looked at. */
static void test_limit(void **state)
{
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        uint8_t data[512] = {0};
        Writer writer;
        size_t offset;
        PduVerification found;
        const size_t filler = PDU_VERIFICATION_MAX - 12 + 4 * over;
        writer_init_fixed(&writer, data, sizeof(data));
        writer_bytes(&writer, "\x8a\xe3\x13\x71\x02\xf4\x36\x71", 8);
        writer_u16(&writer, 0x4009);
        writer_u16(&writer, (uint16_t)filler);
        writer_fill(&writer, 0, filler);
        assert_int_equal(pdu_verification_find(data, writer.length, &offset, &found),
                         over ? PDU_NO_VERIFICATION : 0);
    }
    size_t offset;
    PduVerification found;
    assert_int_equal(pdu_verification_find((const uint8_t *)"", 0, &offset, &found), PDU_NO_VERIFICATION);
    assert_int_equal(pdu_verification_find((const uint8_t *)"12345678901", 11, &offset, &found),
                     PDU_NO_VERIFICATION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_bytes), cmocka_unit_test(test_look_alike),
        cmocka_unit_test(test_bad),        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
