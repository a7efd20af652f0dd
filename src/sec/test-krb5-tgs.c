/* SPDX-License-Identifier: Apache-2.0 */
/* DER, the framing of tokens, and the exchange for a forwarded TGT, with this test as the KDC. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include "sec/krb5-session.h"
#include "sec/krb5-tgs.h"
#include "sec/testing-krb5-der.h"

static void test_der_lengths(void **state)
{
    static const size_t lengths[] = {0, 1, 127, 128, 255, 256, 65535, 65536};
    static const uint8_t zeros[65536];
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        _cleanup_(writer_deinitp) Writer writer;
        Reader reader, content;
        writer_init(&writer, 0);
        size_t outer = der_begin(&writer, DER_SEQUENCE);
        der_write(&writer, DER_OCTET_STRING, zeros, lengths[i]);
        der_write_integer(&writer, 5);
        der_end(&writer, outer);
        reader_init(&reader, writer.data, writer.length);
        content = der_read(&reader, DER_SEQUENCE);
        Reader bytes = der_read(&content, DER_OCTET_STRING);
        assert_int_equal(reader_left(&bytes), lengths[i]);
        assert_int_equal(der_read_integer(&content), 5);
        assert_int_equal(reader_end(&content), 0);
        assert_int_equal(reader_end(&reader), 0);
        reader_init(&reader, writer.data, writer.length - 1);
        content = der_read(&reader, DER_SEQUENCE);
        assert_true(content.failed);
    }
}

static void test_der_values(void **state)
{
    static const int32_t integers[] = {0, 1, 127, 128, -1, -128, -129, 255, 256, 65536, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < ARRAY_SIZE(integers); i++) {
        _cleanup_(writer_deinitp) Writer writer;
        Reader reader;
        writer_init(&writer, 0);
        der_write_integer(&writer, integers[i]);
        der_write_flags(&writer, 0x40800000u + (uint32_t)i);
        der_write_time(&writer, 1763827200 + (int64_t)i);
        reader_init(&reader, writer.data, writer.length);
        assert_int_equal(der_read_integer(&reader), integers[i]);
        assert_int_equal(der_read_flags(&reader), 0x40800000u + (uint32_t)i);
        assert_int_equal(der_read_time(&reader), 1763827200 + (int64_t)i);
        assert_int_equal(reader_end(&reader), 0);
    }
}

static void test_der_malformed(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
    } bad[] = {
        {"\x02\x00", 2},                         /* an integer without bytes */
        {"\x02\x05\x01\x00\x00\x00\x00", 7},     /* one of more than 32 bits */
        {"\x02\x80\x01\x00\x00", 5},             /* indefinite length */
        {"\x02\x85\x00\x00\x00\x00\x01\x05", 8}, /* a length of five bytes */
        {"\x02\x84\xff\xff\xff\xff\x05", 7},     /* longer than what is there */
        {"\x04\x01\x05", 3},                     /* another type */
        {"", 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        Reader reader;
        reader_init(&reader, bad[i].bytes, bad[i].length);
        (void)der_read_integer(&reader);
        assert_true(reader.failed);
    }
    Reader reader;
    reader_init(&reader,
                "\x18\x0f"
                "20251122x20000Z",
                17);
    (void)der_read_time(&reader);
    assert_true(reader.failed);
    reader_init(&reader, "\x03\x05\x01\x00\x00\x00\x00", 7); /* unused bits */
    (void)der_read_flags(&reader);
    assert_true(reader.failed);
    reader_init(&reader, "\x02\x05\x00\xff\xff\xff\xff", 7); /* an unsigned 32-bit number */
    assert_int_equal(der_read_integer(&reader), -1);
    assert_false(reader.failed);
}

static void test_frame(void **state)
{
    _cleanup_(writer_deinitp) Writer writer;
    Reader message;
    writer_init(&writer, 0);
    kerberos_frame(FRAME_ERROR, "~message", 8, &writer);
    assert_true(kerberos_unframe(writer.data, writer.length, FRAME_ERROR, &message));
    assert_int_equal(message.length, 8);
    assert_memory_equal(message.data, "~message", 8);
    assert_false(kerberos_unframe(writer.data, writer.length, FRAME_AP_REQ, &message));
    for (size_t length = 0; length < writer.length; length++)
        assert_false(kerberos_unframe(writer.data, length, FRAME_ERROR, &message));
    writer.data[6] ^= 1; /* another mechanism */
    assert_false(kerberos_unframe(writer.data, writer.length, FRAME_ERROR, &message));
}

/* The KDC's side */

typedef struct Kdc {
    krb5_context context;
    KerberosConfig *config;
    krb5_creds tgt;
    uint8_t key[32];
} Kdc;

static int kdc_setup(void **state)
{
    static Kdc kdc;
    SecFailure failure;
    if (kerberos_config_new("/dev/null", false, &kdc.config, &failure) != 0) return -1;
    if (kerberos_context_new(kdc.config, &kdc.context, &failure) != 0) return -1;
    memset(kdc.key, 7, sizeof(kdc.key));
    kdc.tgt.keyblock =
        (krb5_keyblock){.enctype = ENCTYPE_AES256_CTS_HMAC_SHA1_96, .length = 32, .contents = kdc.key};
    kdc.tgt.ticket_flags = TKT_FLG_FORWARDABLE;
    kdc.tgt.times.endtime = 1900000000;
    kdc.tgt.ticket = (krb5_data){.data = (char *)(uintptr_t) "\x61\x02\x30\x00", .length = 4};
    *state = &kdc;
    return krb5_parse_name(kdc.context, "alice@LAB.TEST", &kdc.tgt.client);
}

static int kdc_teardown(void **state)
{
    Kdc *kdc = *state;
    krb5_free_principal(kdc->context, kdc->tgt.client);
    krb5_free_context(kdc->context);
    kerberos_config_unref(kdc->config);
    return 0;
}

/* What the reply says; one thing is made wrong at a time. */
typedef struct Reply {
    const char *client, *realm, *service, *service_realm;
    int32_t nonce;
    uint32_t flags;
    bool starts, renewable;
    uint8_t part; /* [APPLICATION part] */
    int32_t usage;
} Reply;
static const Reply right = {.client = "alice",
                            .realm = "LAB.TEST",
                            .service = "LAB.TEST",
                            .service_realm = "LAB.TEST",
                            .nonce = 77,
                            .flags = TKT_FLG_FORWARDABLE | TKT_FLG_FORWARDED,
                            .starts = true,
                            .renewable = true,
                            .part = 26,
                            .usage = KRB5_KEYUSAGE_TGS_REP_ENCPART_SESSKEY};

static void put_part(Writer *writer, const Reply *reply)
{
    size_t application = der_begin(writer, (uint8_t)DER_APPLICATION(reply->part));
    size_t sequence = der_begin(writer, DER_SEQUENCE);
    size_t outer = der_begin(writer, DER_CONTEXT(0)), key = der_begin(writer, DER_SEQUENCE);
    der_put_integer(writer, 0, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    der_put(writer, 1, DER_OCTET_STRING, "0123456789abcdef0123456789ABCDEF", 32);
    der_end(writer, key);
    der_end(writer, outer);
    der_put(writer, 1, DER_SEQUENCE, "", 0); /* last-req */
    der_put_integer(writer, 2, reply->nonce);
    outer = der_begin(writer, DER_CONTEXT(4));
    der_write_flags(writer, reply->flags);
    der_end(writer, outer);
    der_put_time(writer, 5, 1800000000);
    if (reply->starts) der_put_time(writer, 6, 1800000001);
    der_put_time(writer, 7, 1800000002);
    if (reply->renewable) der_put_time(writer, 8, 1800000003);
    der_put(writer, 9, DER_GENERAL_STRING, reply->service_realm, strlen(reply->service_realm));
    der_put_name(writer, 10, 1, "krbtgt", reply->service);
    der_end(writer, sequence);
    der_end(writer, application);
}

static void put_reply(Kdc *kdc, Writer *writer, const Reply *reply)
{
    _cleanup_(writer_deinitp) Writer part;
    writer_init(&part, 0);
    put_part(&part, reply);
    size_t length;
    assert_int_equal(krb5_c_encrypt_length(kdc->context, kdc->tgt.keyblock.enctype, part.length, &length), 0);
    _cleanup_(freep) char *cipher = malloc(length);
    krb5_data plain = {.data = (char *)part.data, .length = (unsigned)part.length};
    krb5_enc_data encrypted = {.ciphertext = {.data = cipher, .length = (unsigned)length}};
    assert_int_equal(krb5_c_encrypt(kdc->context, &kdc->tgt.keyblock, reply->usage, NULL, &plain, &encrypted),
                     0);
    size_t application = der_begin(writer, DER_APPLICATION(13)), sequence = der_begin(writer, DER_SEQUENCE);
    der_put_integer(writer, 0, 5);
    der_put_integer(writer, 1, 13);
    der_put(writer, 3, DER_GENERAL_STRING, reply->realm, strlen(reply->realm));
    der_put_name(writer, 4, 1, reply->client, NULL);
    der_put(writer, 5, DER_APPLICATION(1), "ticket", 6);
    size_t outer = der_begin(writer, DER_CONTEXT(6)), data = der_begin(writer, DER_SEQUENCE);
    der_put_integer(writer, 0, kdc->tgt.keyblock.enctype);
    der_put_integer(writer, 1, 3); /* kvno */
    der_put(writer, 2, DER_OCTET_STRING, cipher, length);
    der_end(writer, data);
    der_end(writer, outer);
    der_end(writer, sequence);
    der_end(writer, application);
    assert_int_equal(writer_status(writer), 0);
}

static krb5_error_code read_reply(Kdc *kdc, const Reply *reply, krb5_creds **ret_creds)
{
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, 0);
    put_reply(kdc, &writer, reply);
    return kerberos_forward_reply(kdc->context, &kdc->tgt, 77, writer.data, writer.length, ret_creds);
}

static void test_reply(void **state)
{
    Kdc *kdc = *state;
    krb5_creds *creds = NULL;
    assert_int_equal(read_reply(kdc, &right, &creds), 0);
    assert_int_equal(creds->keyblock.enctype, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    assert_memory_equal(creds->keyblock.contents, "0123456789abcdef0123456789ABCDEF", 32);
    assert_int_equal(creds->times.authtime, 1800000000);
    assert_int_equal(creds->times.starttime, 1800000001);
    assert_int_equal(creds->times.endtime, 1800000002);
    assert_int_equal(creds->times.renew_till, 1800000003);
    assert_int_equal(creds->ticket_flags, TKT_FLG_FORWARDABLE | TKT_FLG_FORWARDED);
    assert_int_equal(creds->ticket.length, 8);
    assert_true(krb5_principal_compare(kdc->context, creds->client, kdc->tgt.client));
    krb5_free_creds(kdc->context, creds);
    Reply least = right;
    least.starts = least.renewable = false;
    least.part = 25; /* as some KDCs have it */
    assert_int_equal(read_reply(kdc, &least, &creds), 0);
    assert_int_equal(creds->times.starttime, 1800000000);
    krb5_free_creds(kdc->context, creds);
}

/* One thing wrong at a time. */
static void test_wrong_reply(void **state)
{
    krb5_creds *creds = NULL;
    Reply wrong[8];
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        wrong[i] = right;
    wrong[0].client = "bob";
    wrong[1].realm = "OTHER.TEST";
    wrong[2].service = "OTHER.TEST";
    wrong[3].service_realm = "OTHER.TEST";
    wrong[4].nonce = 78;
    wrong[5].flags = TKT_FLG_FORWARDABLE;
    wrong[6].part = 27;
    wrong[7].usage = 9;
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        assert_int_not_equal(read_reply(*state, &wrong[i], &creds), 0);
    assert_null(creds);
}

static void test_malformed_reply(void **state)
{
    Kdc *kdc = *state;
    krb5_creds *creds = NULL;
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, 0);
    put_reply(kdc, &writer, &right);
    for (size_t length = 0; length < writer.length; length++)
        assert_int_not_equal(kerberos_forward_reply(kdc->context, &kdc->tgt, 77, writer.data, length, &creds),
                             0);
    assert_null(creds);
    for (size_t at = 0; at < writer.length; at++) {
        writer.data[at] ^= 0x10;
        if (kerberos_forward_reply(kdc->context, &kdc->tgt, 77, writer.data, writer.length, &creds) == 0) {
            /* Not protected: name types, the key version, what is not read of the ticket. Who is. */
            assert_true(krb5_principal_compare(kdc->context, creds->client, kdc->tgt.client));
            krb5_free_creds(kdc->context, creds);
            creds = NULL;
        }
        writer.data[at] ^= 0x10;
    }
}

static void test_error_reply(void **state)
{
    Kdc *kdc = *state;
    krb5_creds *creds = NULL;
    krb5_data data;
    krb5_error message = {.error = KRB5KDC_ERR_BADOPTION - ERROR_TABLE_BASE_krb5,
                          .server = kdc->tgt.client,
                          .text = {.data = (char *)(uintptr_t) "not allowed", .length = 11}};
    assert_int_equal(krb5_mk_error(kdc->context, &message, &data), 0);
    assert_int_equal(
        kerberos_forward_reply(kdc->context, &kdc->tgt, 1, (uint8_t *)data.data, data.length, &creds),
        KRB5KDC_ERR_BADOPTION);
    krb5_free_data_contents(kdc->context, &data);
    message.error = 0; /* an error that is none gives no ticket either */
    assert_int_equal(krb5_mk_error(kdc->context, &message, &data), 0);
    assert_int_equal(
        kerberos_forward_reply(kdc->context, &kdc->tgt, 1, (uint8_t *)data.data, data.length, &creds),
        KRB5KRB_ERR_GENERIC);
    krb5_free_data_contents(kdc->context, &data);
    assert_null(creds);
}

static void test_request(void **state)
{
    Kdc *kdc = *state;
    int32_t nonce = -1;
    Reader reader, options;
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, 0);
    assert_int_equal(kerberos_forward_request(kdc->context, kdc->config, &kdc->tgt, &writer, &nonce), 0);
    assert_true(nonce >= 0);
    reader_init(&reader, writer.data, writer.length);
    Reader application = der_read(&reader, DER_APPLICATION(12)),
           request = der_read(&application, DER_SEQUENCE);
    assert_int_equal(reader_end(&reader), 0);
    options = der_read(&request, DER_CONTEXT(1));
    assert_int_equal(der_read_integer(&options), 5);
    options = der_read(&request, DER_CONTEXT(2));
    assert_int_equal(der_read_integer(&options), 12);
    (void)der_read(&request, DER_CONTEXT(3));
    Reader outer = der_read(&request, DER_CONTEXT(4)), body = der_read(&outer, DER_SEQUENCE);
    assert_int_equal(reader_end(&request), 0);
    options = der_read(&body, DER_CONTEXT(0));
    assert_int_equal(der_read_flags(&options), KDC_OPT_FORWARDED | KDC_OPT_FORWARDABLE);
    Reader realm = der_read(&body, DER_CONTEXT(2)), text = der_read(&realm, DER_GENERAL_STRING);
    assert_int_equal(reader_left(&text), 8);
    assert_memory_equal(text.data, "LAB.TEST", 8);
}

static int read_checksum(const char *bytes, size_t length, GssChecksum *ret_checksum)
{
    return gss_checksum_read((const uint8_t *)bytes, length, ret_checksum);
}

static void test_checksum(void **state)
{
    GssChecksum checksum;
    static const char plain[] = "\x10\0\0\0aaaaaaaaaaaaaaaa\x3e\x10\0\0",
                      delegated[] = "\x10\0\0\0aaaaaaaaaaaaaaaa\x3f\x10\0\0\x01\0\x04\0credext";
    assert_int_equal(read_checksum(plain, 24, &checksum), 0);
    assert_int_equal(checksum.flags, 0x103e);
    assert_null(checksum.delegated);
    assert_int_equal(read_checksum(plain, 23, &checksum), -EBADMSG);
    assert_int_equal(read_checksum(delegated, 35, &checksum), 0);
    assert_int_equal(checksum.delegated_length, 4);
    assert_memory_equal(checksum.delegated, "cred", 4);
    assert_int_equal(read_checksum(delegated, 32, &checksum), 0);
    for (size_t length = 0; length < 32; length++)
        assert_int_equal(read_checksum(delegated, length, &checksum), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_der_lengths),     cmocka_unit_test(test_der_values),
        cmocka_unit_test(test_der_malformed),   cmocka_unit_test(test_frame),
        cmocka_unit_test(test_reply),           cmocka_unit_test(test_wrong_reply),
        cmocka_unit_test(test_malformed_reply), cmocka_unit_test(test_error_reply),
        cmocka_unit_test(test_request),         cmocka_unit_test(test_checksum),
    };
    return cmocka_run_group_tests_name("krb5-tgs", tests, kdc_setup, kdc_teardown);
}
