/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include "sec/krb5-read.h"
#include "sec/krb5-tgs-private.h"

#define PVNO                   5
#define MSG_TGS_REQ            12
#define MSG_TGS_REP            13
#define MSG_AP_REQ             14
#define PA_TGS_REQ             1
#define REPLY_SIZE_MAX         (1u << 20)
#define KERB_ERR_TYPE_EXTENDED 3

/* What a forwarded ticket inherits from the one it is made from (RFC 4120 2.6, as every client does). */
#define KDC_OPTIONS_INHERITED (KDC_OPT_FORWARDABLE | KDC_OPT_PROXIABLE | KDC_OPT_RENEWABLE)

/* [n] realm string */
void kerberos_write_realm(Writer *writer, unsigned n, const krb5_data *realm)
{
    size_t mark = der_begin(writer, (uint8_t)DER_CONTEXT(n));
    der_write(writer, DER_GENERAL_STRING, realm->data, realm->length);
    der_end(writer, mark);
}

void kerberos_write_integer(Writer *writer, unsigned n, int32_t value)
{
    size_t mark = der_begin(writer, (uint8_t)DER_CONTEXT(n));
    der_write_integer(writer, value);
    der_end(writer, mark);
}

/* PrincipalName ::= SEQUENCE { name-type[0] Int32, name-string[1] SEQUENCE OF KerberosString } */
void kerberos_write_name(Writer *writer, unsigned n, krb5_const_principal principal)
{
    size_t outer = der_begin(writer, (uint8_t)DER_CONTEXT(n)), name = der_begin(writer, DER_SEQUENCE);
    kerberos_write_integer(writer, 0, principal->type);
    size_t strings = der_begin(writer, DER_CONTEXT(1)), list = der_begin(writer, DER_SEQUENCE);
    for (int i = 0; i < principal->length; i++)
        der_write(writer, DER_GENERAL_STRING, principal->data[i].data, principal->data[i].length);
    der_end(writer, list);
    der_end(writer, strings);
    der_end(writer, name);
    der_end(writer, outer);
}

/* EncryptedData ::= SEQUENCE { etype[0], kvno[1] OPTIONAL, cipher[2] } of what `plain` holds */
static krb5_error_code write_encrypted(krb5_context context, Writer *writer, unsigned n,
                                       const krb5_keyblock *key, krb5_keyusage usage, const Writer *plain)
{
    size_t length;
    krb5_error_code error = krb5_c_encrypt_length(context, key->enctype, plain->length, &length);
    if (error) return error;
    _cleanup_(freep) char *buffer = malloc(length);
    if (!buffer) return ENOMEM;
    krb5_data input = {.data = (char *)plain->data, .length = (unsigned)plain->length};
    krb5_enc_data output = {.ciphertext = {.data = buffer, .length = (unsigned)length}};
    error = krb5_c_encrypt(context, key, usage, NULL, &input, &output);
    if (error) return error;
    size_t outer = der_begin(writer, (uint8_t)DER_CONTEXT(n)), sequence = der_begin(writer, DER_SEQUENCE);
    kerberos_write_integer(writer, 0, key->enctype);
    size_t cipher = der_begin(writer, DER_CONTEXT(2));
    der_write(writer, DER_OCTET_STRING, buffer, output.ciphertext.length);
    der_end(writer, cipher);
    der_end(writer, sequence);
    der_end(writer, outer);
    return 0;
}

/* Checksum ::= SEQUENCE { cksumtype[0] Int32, checksum[1] OCTET STRING } */
void kerberos_write_checksum(Writer *writer, unsigned n, const krb5_checksum *checksum)
{
    size_t outer = der_begin(writer, (uint8_t)DER_CONTEXT(n)), inner = der_begin(writer, DER_SEQUENCE);
    kerberos_write_integer(writer, 0, checksum->checksum_type);
    size_t mark = der_begin(writer, DER_CONTEXT(1));
    der_write(writer, DER_OCTET_STRING, checksum->contents, checksum->length);
    der_end(writer, mark);
    der_end(writer, inner);
    der_end(writer, outer);
}

void kerberos_padata_begin(Writer *writer, int32_t type, KerberosPadata *padata)
{
    padata->entry = der_begin(writer, DER_SEQUENCE);
    kerberos_write_integer(writer, 1, type);
    padata->outer = der_begin(writer, DER_CONTEXT(2));
    padata->octets = der_begin(writer, DER_OCTET_STRING);
}

void kerberos_padata_end(Writer *writer, const KerberosPadata *padata)
{
    der_end(writer, padata->octets);
    der_end(writer, padata->outer);
    der_end(writer, padata->entry);
}

/* KDC-REQ-BODY, RFC 4120 5.4.1 */
static void write_body(Writer *writer, const KerberosConfig *config, const KerberosTgs *tgs, int32_t nonce)
{
    const krb5_creds *tgt = tgs->tgt;
    size_t body = der_begin(writer, DER_SEQUENCE);
    size_t mark = der_begin(writer, DER_CONTEXT(0));
    der_write_flags(writer, tgs->options);
    der_end(writer, mark);
    kerberos_write_realm(writer, 2, &tgs->server->realm);
    kerberos_write_name(writer, 3, tgs->server);
    mark = der_begin(writer, DER_CONTEXT(5));
    der_write_time(writer, kerberos_time(tgt->times.endtime));
    der_end(writer, mark);
    if (tgs->options & KDC_OPT_RENEWABLE) {
        mark = der_begin(writer, DER_CONTEXT(6));
        der_write_time(writer, kerberos_time(tgt->times.renew_till));
        der_end(writer, mark);
    }
    kerberos_write_integer(writer, 7, nonce);
    mark = der_begin(writer, DER_CONTEXT(8));
    size_t list = der_begin(writer, DER_SEQUENCE);
    int count;
    const krb5_enctype *enctypes = kerberos_config_enctypes(config, &count);
    for (int i = 0; i < count; i++)
        der_write_integer(writer, enctypes[i]);
    der_end(writer, list);
    der_end(writer, mark);
    if (tgs->additional) { /* additional-tickets */
        mark = der_begin(writer, DER_CONTEXT(11));
        list = der_begin(writer, DER_SEQUENCE);
        writer_bytes(writer, tgs->additional->data, tgs->additional->length);
        der_end(writer, list);
        der_end(writer, mark);
    }
    der_end(writer, body);
}

/* Authenticator with a checksum over the body, RFC 4120 5.5.1; its own writer because it is encrypted as a
 * whole. */
static krb5_error_code write_authenticator(krb5_context context, Writer *writer, const krb5_creds *tgt,
                                           const Writer *body)
{
    krb5_data data = {.data = (char *)body->data, .length = (unsigned)body->length};
    krb5_checksum checksum;
    krb5_timestamp seconds;
    krb5_int32 microseconds;
    krb5_error_code error = krb5_us_timeofday(context, &seconds, &microseconds);
    if (!error)
        error = krb5_c_make_checksum(context, 0, &tgt->keyblock, KRB5_KEYUSAGE_TGS_REQ_AUTH_CKSUM, &data,
                                     &checksum);
    if (error) return error;
    size_t application = der_begin(writer, DER_APPLICATION(2)), sequence = der_begin(writer, DER_SEQUENCE);
    kerberos_write_integer(writer, 0, PVNO);
    kerberos_write_realm(writer, 1, &tgt->client->realm);
    kerberos_write_name(writer, 2, tgt->client);
    kerberos_write_checksum(writer, 3, &checksum);
    krb5_free_checksum_contents(context, &checksum);
    kerberos_write_integer(writer, 4, microseconds);
    size_t mark = der_begin(writer, DER_CONTEXT(5));
    der_write_time(writer, kerberos_time(seconds));
    der_end(writer, mark);
    der_end(writer, sequence);
    der_end(writer, application);
    return 0;
}

/* AP-REQ, RFC 4120 5.5.1 */
static krb5_error_code write_ap_req(krb5_context context, Writer *writer, const krb5_creds *tgt,
                                    const Writer *body)
{
    _cleanup_(writer_deinitp) Writer plain;
    writer_init(&plain, 0);
    krb5_error_code error = write_authenticator(context, &plain, tgt, body);
    if (error) return error;
    if (writer_status(&plain) != 0) return ENOMEM;
    size_t application = der_begin(writer, DER_APPLICATION(14)), sequence = der_begin(writer, DER_SEQUENCE);
    kerberos_write_integer(writer, 0, PVNO);
    kerberos_write_integer(writer, 1, MSG_AP_REQ);
    size_t mark = der_begin(writer, DER_CONTEXT(2));
    der_write_flags(writer, 0);
    der_end(writer, mark);
    mark = der_begin(writer, DER_CONTEXT(3));
    writer_bytes(writer, tgt->ticket.data, tgt->ticket.length);
    der_end(writer, mark);
    error = write_encrypted(context, writer, 4, &tgt->keyblock, KRB5_KEYUSAGE_TGS_REQ_AUTH, &plain);
    der_end(writer, sequence);
    der_end(writer, application);
    return error;
}

krb5_error_code kerberos_tgs_request(krb5_context context, const KerberosConfig *config,
                                     const KerberosTgs *tgs, Writer *writer, int32_t *ret_nonce)
{
    uint8_t random[4];
    krb5_data random_data = {.data = (char *)random, .length = sizeof(random)};
    krb5_error_code error = krb5_c_random_make_octets(context, &random_data);
    if (error) return error;
    /* Positive, and below 2^30: some KDCs treat the nonce as a signed number. */
    int32_t nonce = (random[0] & 0x3f) << 24 | random[1] << 16 | random[2] << 8 | random[3];
    _cleanup_(writer_deinitp) Writer body;
    writer_init(&body, 0);
    write_body(&body, config, tgs, nonce);
    if (writer_status(&body) != 0) return ENOMEM;

    size_t application = der_begin(writer, DER_APPLICATION(12)), request = der_begin(writer, DER_SEQUENCE);
    kerberos_write_integer(writer, 1, PVNO);
    kerberos_write_integer(writer, 2, MSG_TGS_REQ);
    size_t padata = der_begin(writer, DER_CONTEXT(3)), list = der_begin(writer, DER_SEQUENCE);
    KerberosPadata entry;
    kerberos_padata_begin(writer, PA_TGS_REQ, &entry);
    error = write_ap_req(context, writer, tgs->tgt, &body);
    if (error) return error;
    kerberos_padata_end(writer, &entry);
    if (tgs->padata) writer_bytes(writer, tgs->padata->data, tgs->padata->length);
    der_end(writer, list);
    der_end(writer, padata);
    size_t mark = der_begin(writer, DER_CONTEXT(4));
    writer_bytes(writer, body.data, body.length);
    der_end(writer, mark);
    der_end(writer, request);
    der_end(writer, application);
    if (writer_status(writer) != 0) return ENOMEM;
    *ret_nonce = nonce;
    return 0;
}

/* EncKDCRepPart, RFC 4120 5.4.2, into `creds` */
static krb5_error_code read_reply_part(krb5_context context, Reader *part, int32_t nonce, krb5_creds *creds)
{
    Reader field, ignored, sequence = der_read(part, DER_SEQUENCE);
    field = der_read(&sequence, DER_CONTEXT(0));
    krb5_keyblock key = kerberos_read_key(&field);
    bool bad = field.failed;
    (void)der_read(&sequence, DER_CONTEXT(1)); /* last-req */
    field = der_read(&sequence, DER_CONTEXT(2));
    int32_t echoed = der_read_integer(&field);
    bad |= field.failed;
    (void)der_read_optional(&sequence, DER_CONTEXT(3), &ignored); /* key-expiration */
    field = der_read(&sequence, DER_CONTEXT(4));
    creds->ticket_flags = (krb5_flags)der_read_flags(&field);
    bad |= field.failed;
    krb5_timestamp *const times[] = {&creds->times.authtime, &creds->times.starttime, &creds->times.endtime,
                                     &creds->times.renew_till};
    for (unsigned i = 0; i < ARRAY_SIZE(times); i++) {
        bool optional = i == 1 || i == 3; /* starttime, renew-till */
        if (optional && !der_read_optional(&sequence, (uint8_t)DER_CONTEXT(5 + i), &field)) continue;
        if (!optional) field = der_read(&sequence, (uint8_t)DER_CONTEXT(5 + i));
        *times[i] = (krb5_timestamp)(uint32_t)der_read_time(&field);
        bad |= field.failed;
    }
    Reader realm = der_read(&sequence, DER_CONTEXT(9)), name = der_read(&sequence, DER_CONTEXT(10));
    if (bad || sequence.failed) return KRB5KRB_AP_ERR_MSG_TYPE;
    if (echoed != nonce || !kerberos_read_is_name(&realm, &name, creds->server)) return KRB5_KDCREP_MODIFIED;
    if (creds->times.starttime == 0) creds->times.starttime = creds->times.authtime;
    return krb5_copy_keyblock_contents(context, &key, &creds->keyblock);
}

/* Decrypts the EncryptedData in `encrypted` with the session key of `tgt` and reads the part into `creds`. */
static krb5_error_code read_encrypted(krb5_context context, Reader *encrypted, const krb5_creds *tgt,
                                      int32_t nonce, krb5_creds *creds)
{
    krb5_enc_data data = kerberos_read_encrypted(encrypted);
    if (encrypted->failed) return KRB5KRB_AP_ERR_MSG_TYPE;
    KerberosPlain plain = {0};
    krb5_error_code error =
        kerberos_decrypt(context, &tgt->keyblock, KRB5_KEYUSAGE_TGS_REP_ENCPART_SESSKEY, &data, &plain);
    if (!error) {
        Reader reader;
        reader_init(&reader, plain.data, plain.length);
        /* EncTGSRepPart is [APPLICATION 26]; some KDCs send [APPLICATION 25]. */
        uint8_t tag = plain.length > 0 && plain.data[0] == DER_APPLICATION(25) ? DER_APPLICATION(25)
                                                                               : DER_APPLICATION(26);
        Reader part = der_read(&reader, tag);
        error = read_reply_part(context, &part, nonce, creds);
    }
    kerberos_plain_deinit(&plain);
    return error;
}

/* TGS-REP ::= [APPLICATION 13] KDC-REP, RFC 4120 5.4.2 */
static krb5_error_code read_reply(krb5_context context, Reader *reader, const KerberosTgs *tgs, int32_t nonce,
                                  krb5_creds *creds)
{
    Reader ignored, field, body = der_read(reader, DER_APPLICATION(13)),
                           sequence = der_read(&body, DER_SEQUENCE);
    field = der_read(&sequence, DER_CONTEXT(0));
    int32_t version = der_read_integer(&field);
    field = der_read(&sequence, DER_CONTEXT(1));
    int32_t type = der_read_integer(&field);
    (void)der_read_optional(&sequence, DER_CONTEXT(2), &ignored); /* padata */
    Reader realm = der_read(&sequence, DER_CONTEXT(3)), name = der_read(&sequence, DER_CONTEXT(4));
    Reader ticket = der_read(&sequence, DER_CONTEXT(5)), encrypted = der_read(&sequence, DER_CONTEXT(6));
    if (sequence.failed || version != PVNO || type != MSG_TGS_REP) return KRB5KRB_AP_ERR_MSG_TYPE;
    /* A ticket of anybody else, or for anything else, is not what was asked for. */
    if (!kerberos_read_is_name(&realm, &name, tgs->client)) return KRB5_KDCREP_MODIFIED;
    krb5_error_code error = krb5_copy_principal(context, tgs->client, &creds->client);
    if (!error) error = krb5_copy_principal(context, tgs->server, &creds->server);
    if (!error) error = kerberos_read_copy(&ticket, &creds->ticket);
    if (!error) error = read_encrypted(context, &encrypted, tgs->tgt, nonce, creds);
    if (!error && ((uint32_t)creds->ticket_flags & tgs->required) != tgs->required)
        error = KRB5_KDCREP_MODIFIED;
    return error;
}

/* KERB-EXT-ERROR ([MS-KILE] 2.2.1) in a KERB-ERROR-DATA, alone or in a list: the NTSTATUS behind the number;
 * 0 for anything else. */
static uint32_t read_status(const krb5_data *data)
{
    Reader reader, sequence, field;
    reader_init(&reader, (const uint8_t *)data->data, data->length);
    sequence = der_read(&reader, DER_SEQUENCE);
    Reader list = sequence, inner;
    if (der_read_optional(&list, DER_SEQUENCE, &inner)) sequence = inner;
    field = der_read(&sequence, DER_CONTEXT(1));
    int32_t type = der_read_integer(&field);
    field = der_read(&sequence, DER_CONTEXT(2));
    Reader value = der_read(&field, DER_OCTET_STRING);
    uint32_t status = reader_u32(&value);
    return value.failed || type != KERB_ERR_TYPE_EXTENDED ? 0 : status;
}

static krb5_error_code read_error(krb5_context context, const uint8_t *reply, size_t length,
                                  uint32_t *ret_status)
{
    krb5_data data = {.data = (char *)(uintptr_t)reply, .length = (unsigned)length};
    krb5_error *kdc_error;
    krb5_error_code error = krb5_rd_error(context, &data, &kdc_error);
    if (error) return error;
    /* An error message that says "no error" is still not a ticket. */
    error = kdc_error->error > 0 && kdc_error->error < 128
                ? ERROR_TABLE_BASE_krb5 + (krb5_error_code)kdc_error->error
                : KRB5KRB_ERR_GENERIC;
    if (kdc_error->text.length > 0) /* what the KDC says beyond the number; quoted where it is shown */
        krb5_set_error_message(context, error, "%.*s", (int)kdc_error->text.length, kdc_error->text.data);
    if (ret_status) *ret_status = read_status(&kdc_error->e_data);
    krb5_free_error(context, kdc_error);
    return error;
}

krb5_error_code kerberos_tgs_reply(krb5_context context, const KerberosTgs *tgs, int32_t nonce,
                                   const uint8_t *reply, size_t length, krb5_creds **ret_creds,
                                   uint32_t *ret_status)
{
    if (length == 0 || length > REPLY_SIZE_MAX) return KRB5KRB_AP_ERR_MSG_TYPE;
    if (reply[0] == DER_APPLICATION(30)) return read_error(context, reply, length, ret_status);
    krb5_creds *creds = calloc(1, sizeof(*creds));
    if (!creds) return ENOMEM;
    creds->magic = KV5M_CREDS;
    Reader reader;
    reader_init(&reader, reply, length);
    krb5_error_code error = read_reply(context, &reader, tgs, nonce, creds);
    if (error) {
        krb5_free_creds(context, creds);
        return error;
    }
    *ret_creds = creds;
    return 0;
}

/* A forwarded TGT of the same client. Its service is the realm's own, whatever the TGT's realm. */
static KerberosTgs forward_tgs(const krb5_creds *tgt, krb5_principal_data *service, krb5_data components[2])
{
    const krb5_data *realm = &tgt->client->realm;
    components[0] = (krb5_data){.data = "krbtgt", .length = 6};
    components[1] = *realm;
    *service = (krb5_principal_data){
        .magic = KV5M_PRINCIPAL, .realm = *realm, .data = components, .length = 2, .type = KRB5_NT_SRV_INST};
    return (KerberosTgs){.tgt = tgt,
                         .client = tgt->client,
                         .server = service,
                         .options = KDC_OPT_FORWARDED | ((uint32_t)tgt->ticket_flags & KDC_OPTIONS_INHERITED),
                         .required = TKT_FLG_FORWARDED};
}

krb5_error_code kerberos_forward_request(krb5_context context, const KerberosConfig *config,
                                         const krb5_creds *tgt, Writer *writer, int32_t *ret_nonce)
{
    krb5_data components[2];
    krb5_principal_data service;
    KerberosTgs tgs = forward_tgs(tgt, &service, components);
    return kerberos_tgs_request(context, config, &tgs, writer, ret_nonce);
}

krb5_error_code kerberos_forward_reply(krb5_context context, const krb5_creds *tgt, int32_t nonce,
                                       const uint8_t *reply, size_t length, krb5_creds **ret_creds)
{
    krb5_data components[2];
    krb5_principal_data service;
    KerberosTgs tgs = forward_tgs(tgt, &service, components);
    return kerberos_tgs_reply(context, &tgs, nonce, reply, length, ret_creds, NULL);
}
