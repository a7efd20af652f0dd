/* SPDX-License-Identifier: Apache-2.0 */
/* KRB-CRED as clients send it and as only an attacker would: RFC 4120 5.8.1, RFC 4121 4.1.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "sec/krb5-cred.h"
#include "sec/test-krb5-forge.h"
#include "sec/testing-krb5-der.h"

static Forge forge;
static uint8_t subkey_bytes[32] = "the subkey of an authenticator!!";
static const krb5_keyblock subkey = {KV5M_KEYBLOCK, ENCTYPE_AES256_CTS_HMAC_SHA1_96, 32, subkey_bytes};

/* What a message is made of; the zero value is one that is right, not encrypted. */
typedef struct Shape {
    unsigned tickets, infos; /* more than one */
    bool no_infos;
    bool no_client, no_service, no_times, bad_time;
    const char *client, *service; /* first component */
    int32_t enctype;              /* of the key in it */
    const krb5_keyblock *key;     /* the part is encrypted with it */
    bool behind;                  /* a byte behind the message */
    int32_t version;
} Shape;

/* realm[n], name[n + 1] */
static void put_name(Writer *writer, unsigned n, const char *first, const char *second)
{
    der_put(writer, n, DER_GENERAL_STRING, "LAB.TEST", 8);
    der_put_name(writer, n + 1, 1, first, second);
}

static void put_info(const Shape *shape, Writer *writer)
{
    size_t sequence = der_begin(writer, DER_SEQUENCE), field = der_begin(writer, DER_CONTEXT(0)),
           key = der_begin(writer, DER_SEQUENCE);
    der_put_integer(writer, 0, shape->enctype ? shape->enctype : ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    der_put(writer, 1, DER_OCTET_STRING, subkey_bytes, sizeof(subkey_bytes));
    der_end(writer, key);
    der_end(writer, field);
    if (!shape->no_client) put_name(writer, 1, shape->client ? shape->client : "alice", NULL);
    field = der_begin(writer, DER_CONTEXT(3));
    der_write_flags(writer, TKT_FLG_FORWARDED | TKT_FLG_FORWARDABLE);
    der_end(writer, field);
    for (unsigned n = 4; n <= 6 && !shape->no_times; n++) {
        field = der_begin(writer, (uint8_t)DER_CONTEXT(n));
        if (shape->bad_time)
            der_write(writer, DER_GENERALIZED_TIME, "20001301000000Z", 15);
        else
            der_write_time(writer, 1000000 * n);
        der_end(writer, field);
    }
    if (!shape->no_service) put_name(writer, 8, shape->service ? shape->service : "krbtgt", "LAB.TEST");
    der_end(writer, sequence);
}

static void put_part(const Shape *shape, Writer *writer)
{
    size_t application = der_begin(writer, DER_APPLICATION(29)), sequence = der_begin(writer, DER_SEQUENCE);
    size_t field = der_begin(writer, DER_CONTEXT(0)), list = der_begin(writer, DER_SEQUENCE);
    for (unsigned i = 0; i <= shape->infos && !shape->no_infos; i++)
        put_info(shape, writer);
    der_end(writer, list);
    der_end(writer, field);
    der_end(writer, sequence);
    der_end(writer, application);
}

static void put_message(const Shape *shape, Writer *writer)
{
    _cleanup_(writer_deinitp) Writer part;
    writer_init(&part, 0);
    put_part(shape, &part);
    size_t application = der_begin(writer, DER_APPLICATION(22)), sequence = der_begin(writer, DER_SEQUENCE);
    der_put_integer(writer, 0, shape->version ? shape->version : 5);
    der_put_integer(writer, 1, 22);
    size_t field = der_begin(writer, DER_CONTEXT(2)), list = der_begin(writer, DER_SEQUENCE);
    for (unsigned i = 0; i <= shape->tickets; i++)
        der_write(writer, DER_APPLICATION(1), "ticket", 6);
    der_end(writer, list);
    der_end(writer, field);
    field = der_begin(writer, DER_CONTEXT(3));
    if (shape->key) {
        forge_encrypt(&forge, shape->key, KRB5_KEYUSAGE_KRB_CRED_ENCPART, part.data, part.length, writer);
    } else {
        size_t encrypted = der_begin(writer, DER_SEQUENCE);
        der_put_integer(writer, 0, 0);
        der_put(writer, 2, DER_OCTET_STRING, part.data, part.length);
        der_end(writer, encrypted);
    }
    der_end(writer, field);
    der_end(writer, sequence);
    der_end(writer, application);
    if (shape->behind) writer_u8(writer, 0);
    assert_int_equal(writer_status(writer), 0);
}

static krb5_error_code read_shape(const Shape *shape, size_t cut, krb5_creds **ret_creds)
{
    const krb5_keyblock *const keys[2] = {&subkey, &forge.session_key};
    _cleanup_(writer_deinitp) Writer message;
    krb5_principal alice;
    writer_init(&message, 0);
    put_message(shape, &message);
    assert_int_equal(krb5_parse_name(forge.context, FORGE_CLIENT, &alice), 0);
    /* In a block of its own size, so that a sanitizer sees a read past the end. */
    size_t length = cut < message.length ? message.length - cut : 0;
    uint8_t *exact = malloc(length ? length : 1);
    assert_non_null(exact);
    memcpy(exact, message.data, length);
    krb5_error_code error =
        kerberos_cred_read(forge.config, forge.context, alice, keys, exact, length, ret_creds);
    free(exact);
    krb5_free_principal(forge.context, alice);
    return error;
}

static void expect_good(const Shape *shape)
{
    krb5_creds *creds = NULL;
    char *name;
    assert_int_equal(read_shape(shape, 0, &creds), 0);
    assert_int_equal(krb5_unparse_name(forge.context, creds->client, &name), 0);
    assert_string_equal(name, FORGE_CLIENT);
    krb5_free_unparsed_name(forge.context, name);
    assert_int_equal(krb5_unparse_name(forge.context, creds->server, &name), 0);
    assert_string_equal(name, FORGE_TGS);
    krb5_free_unparsed_name(forge.context, name);
    assert_int_equal(creds->keyblock.length, 32);
    assert_memory_equal(creds->keyblock.contents, subkey_bytes, 32);
    assert_int_equal(creds->ticket.length, 8);
    assert_memory_equal(creds->ticket.data, "\x61\x06ticket", 8);
    assert_int_equal(creds->ticket_flags, TKT_FLG_FORWARDED | TKT_FLG_FORWARDABLE);
    assert_int_equal(creds->times.endtime, shape->no_times ? 0 : 6000000);
    krb5_free_creds(forge.context, creds);
}

static void test_good(void **state)
{
    expect_good(&(Shape){0});
    expect_good(&(Shape){.key = &subkey});
    expect_good(&(Shape){.key = &forge.session_key});
    expect_good(&(Shape){.no_times = true}); /* it has ended, which is seen where it would be used */
}

static void expect_bad(const Shape *shape, krb5_error_code expected)
{
    krb5_creds *creds = NULL;
    assert_int_equal(read_shape(shape, 0, &creds), expected);
    assert_null(creds);
}

static void test_bad(void **state)
{
    const krb5_keyblock other = {KV5M_KEYBLOCK, ENCTYPE_AES256_CTS_HMAC_SHA1_96, 32,
                                 forge.service_key.contents};
    const krb5_keyblock small = {KV5M_KEYBLOCK, ENCTYPE_AES128_CTS_HMAC_SHA1_96, 16, subkey_bytes};
    /* These two ended the process in krb5_rd_cred(). */
    expect_bad(&(Shape){.tickets = 1}, KRB5KRB_AP_ERR_BADMATCH);
    expect_bad(&(Shape){.no_client = true}, KRB5KRB_AP_ERR_MSG_TYPE);
    expect_bad(&(Shape){.no_service = true}, KRB5KRB_AP_ERR_MSG_TYPE);
    expect_bad(&(Shape){.no_infos = true}, KRB5KRB_AP_ERR_MSG_TYPE);
    expect_bad(&(Shape){.infos = 1}, KRB5KRB_AP_ERR_BADMATCH);
    expect_bad(&(Shape){.tickets = 1, .infos = 1}, KRB5KRB_AP_ERR_BADMATCH);
    expect_bad(&(Shape){.client = "bob"}, KRB5KRB_AP_ERR_BADMATCH);
    expect_bad(&(Shape){.client = "alic"}, KRB5KRB_AP_ERR_BADMATCH);
    expect_bad(&(Shape){.service = "host"}, KRB5KRB_AP_ERR_BADMATCH);
    expect_bad(&(Shape){.service = "krbtgx"}, KRB5KRB_AP_ERR_BADMATCH);
    expect_bad(&(Shape){.enctype = ENCTYPE_ARCFOUR_HMAC}, KRB5_NOPERM_ETYPE);
    expect_bad(&(Shape){.bad_time = true}, KRB5KRB_AP_ERR_MSG_TYPE);
    expect_bad(&(Shape){.behind = true}, KRB5KRB_AP_ERR_MSG_TYPE);
    expect_bad(&(Shape){.version = 4}, KRB5KRB_AP_ERR_MSG_TYPE);
    expect_bad(&(Shape){.key = &other}, KRB5KRB_AP_ERR_BAD_INTEGRITY);
    expect_bad(&(Shape){.key = &small}, KRB5KRB_AP_ERR_NOKEY);
}

static void test_cut_anywhere(void **state)
{
    krb5_creds *creds = NULL;
    for (size_t cut = 1; cut < 300; cut++)
        assert_int_equal(read_shape(&(Shape){0}, cut, &creds), KRB5KRB_AP_ERR_MSG_TYPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_cut_anywhere),
    };
    forge_init(&forge);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    forge_deinit(&forge);
    return failed;
}
