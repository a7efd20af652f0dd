/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a KDC's reply to a request for a forwarded ticket (first byte 0), as its encrypted part under
 * a key that is known (1), as a framed token (2), as the checksum of an AP-REQ (3), as a KDC's reply to a
 * request in a client's name (4), its encrypted part (5), the data of its error (6).
 *
 * Decoder: src/sec/krb5-tgs.c (read_.*|kerberos_(forward|tgs)_reply)
 * Decoder: src/sec/krb5-s4u.c kerberos_proxy_reply
 * Decoder: src/sec/krb5-read.c
 * Decoder: src/sec/krb5-der.c (read_length|der_read.*)
 * Decoder: src/sec/krb5-session.c (kerberos_unframe|gss_checksum_read)
 */
#include <assert.h>
#include <string.h>
#include "sec/krb5-der.h"
#include "sec/krb5-s4u.h"
#include "sec/krb5-session.h"
#include "sec/krb5-tgs.h"

#define NONCE 77

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static KerberosConfig *config; /* until the process ends */
static krb5_context context;
static krb5_creds tgt, evidence;
static krb5_principal target;
static uint8_t key[32];

static void setup(void)
{
    SecFailure failure;
    if (context) return;
    assert(kerberos_config_new("/dev/null", false, &config, &failure) == 0);
    assert(kerberos_context_new(config, &context, &failure) == 0);
    memset(key, 7, sizeof(key));
    tgt.keyblock = (krb5_keyblock){.enctype = ENCTYPE_AES256_CTS_HMAC_SHA1_96, .length = 32, .contents = key};
    assert(krb5_parse_name(context, "alice@LAB.TEST", &tgt.client) == 0);
    assert(krb5_parse_name(context, "host/c.lab.test@LAB.TEST", &target) == 0);
    evidence.client = tgt.client; /* whose name the reply has to carry */
}

static void read_reply(const uint8_t *data, size_t size)
{
    krb5_creds *creds;
    if (kerberos_forward_reply(context, &tgt, NONCE, data, size, &creds) != 0) return;
    assert(krb5_principal_compare(context, creds->client, tgt.client));
    assert(creds->ticket_flags & TKT_FLG_FORWARDED);
    krb5_free_creds(context, creds);
}

static void read_proxy_reply(const uint8_t *data, size_t size)
{
    krb5_creds *creds;
    uint32_t status;
    if (kerberos_proxy_reply(context, &tgt, &evidence, target, NONCE, data, size, &creds, &status) != 0)
        return;
    assert(krb5_principal_compare(context, creds->client, evidence.client));
    assert(krb5_principal_compare(context, creds->server, target));
    assert(status == 0);
    krb5_free_creds(context, creds);
}

/* A refusal that is well formed but for what the KDC says beside its number. */
static void read_error_data(const uint8_t *data, size_t size)
{
    krb5_data encoded;
    krb5_creds *creds;
    uint32_t status;
    krb5_error message = {.error = KRB5KDC_ERR_BADOPTION - ERROR_TABLE_BASE_krb5,
                          .server = target,
                          .e_data = {.data = (char *)(uintptr_t)data, .length = (unsigned)size}};
    if (size > 1 << 16 || krb5_mk_error(context, &message, &encoded) != 0) return;
    assert(kerberos_proxy_reply(context, &tgt, &evidence, target, NONCE, (uint8_t *)encoded.data,
                                encoded.length, &creds, &status) == KRB5KDC_ERR_BADOPTION);
    krb5_free_data_contents(context, &encoded);
}

/* A reply that is right but for its encrypted part. */
static void read_part(const uint8_t *data, size_t size, void (*read)(const uint8_t *, size_t))
{
    static const uint8_t head[] =
        "\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x0d\xa3\x0a\x1b\x08LAB.TEST\xa4\x12\x30\x10\xa0\x03\x02\x01\x01"
        "\xa1\x09\x30\x07\x1b\x05"
        "alice\xa5\x02\x61\x00";
    static char cipher[1 << 17];
    size_t length;
    if (size > 1 << 16 || krb5_c_encrypt_length(context, tgt.keyblock.enctype, size, &length) != 0) return;
    krb5_data plain = {.data = (char *)(uintptr_t)data, .length = (unsigned)size};
    krb5_enc_data encrypted = {.ciphertext = {.data = cipher, .length = (unsigned)length}};
    assert(krb5_c_encrypt(context, &tgt.keyblock, KRB5_KEYUSAGE_TGS_REP_ENCPART_SESSKEY, NULL, &plain,
                          &encrypted) == 0);
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, 0);
    size_t application = der_begin(&writer, DER_APPLICATION(13)), sequence = der_begin(&writer, DER_SEQUENCE);
    writer_bytes(&writer, head, sizeof(head) - 1);
    size_t outer = der_begin(&writer, DER_CONTEXT(6)), inner = der_begin(&writer, DER_SEQUENCE);
    writer_bytes(&writer, "\xa0\x03\x02\x01\x12", 5);
    size_t field = der_begin(&writer, DER_CONTEXT(2));
    der_write(&writer, DER_OCTET_STRING, cipher, length);
    der_end(&writer, field);
    der_end(&writer, inner);
    der_end(&writer, outer);
    der_end(&writer, sequence);
    der_end(&writer, application);
    assert(writer_status(&writer) == 0);
    read(writer.data, writer.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Reader message;
    GssChecksum checksum;
    setup();
    if (size == 0) return 0;
    switch (data[0]) {
    case 0:
        read_reply(data + 1, size - 1);
        break;
    case 1:
        read_part(data + 1, size - 1, read_reply);
        break;
    case 2:
        if (kerberos_unframe(data + 1, size - 1, FRAME_AP_REQ, &message)) assert(message.length <= size - 1);
        break;
    case 3:
        if (gss_checksum_read(data + 1, size - 1, &checksum) == 0)
            assert(checksum.delegated_length <= size - 1);
        break;
    case 4:
        read_proxy_reply(data + 1, size - 1);
        break;
    case 5:
        read_part(data + 1, size - 1, read_proxy_reply);
        break;
    case 6:
        read_error_data(data + 1, size - 1);
        break;
    default:
        break;
    }
    return 0;
}
