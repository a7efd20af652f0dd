/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/krb5-cred.h"
#include <errno.h>
#include <string.h>
#include "sec/krb5-read.h"

#define PVNO         5
#define MSG_KRB_CRED 22

/* The service's principal, which must be krbtgt/ANYTHING. */
static krb5_error_code read_service(krb5_context context, Reader *realm, Reader *name,
                                    krb5_principal *ret_service)
{
    Reader home = der_read(realm, DER_GENERAL_STRING), strings = kerberos_read_name_strings(name);
    Reader first = der_read(&strings, DER_GENERAL_STRING), second = der_read(&strings, DER_GENERAL_STRING);
    if (home.failed || second.failed) return KRB5KRB_AP_ERR_MSG_TYPE;
    if (reader_end(&strings) != 0 || reader_left(&first) != 6 ||
        memcmp(first.data + first.offset, "krbtgt", 6) != 0)
        return KRB5KRB_AP_ERR_BADMATCH;
    return krb5_build_principal_ext(
        context, ret_service, (unsigned)reader_left(&home), (const char *)home.data + home.offset, 6,
        "krbtgt", (unsigned)reader_left(&second), (const char *)second.data + second.offset, 0);
}

/* authtime[4], starttime[5], endtime[6], renew-till[7], all OPTIONAL: what is missing is 0, and a ticket
 * without an end has ended. */
static void read_times(Reader *sequence, krb5_creds *creds)
{
    krb5_timestamp *const times[] = {&creds->times.authtime, &creds->times.starttime, &creds->times.endtime,
                                     &creds->times.renew_till};
    for (unsigned i = 0; i < ARRAY_SIZE(times); i++) {
        Reader field;
        if (!der_read_optional(sequence, (uint8_t)DER_CONTEXT(4 + i), &field)) continue;
        *times[i] = (krb5_timestamp)(uint32_t)der_read_time(&field);
        if (field.failed) reader_fail(sequence);
    }
}

/* KrbCredInfo, RFC 4120 5.8.1. The names are optional there; without them nothing says whose the ticket is.
 */
static krb5_error_code read_info(const KerberosConfig *config, krb5_context context, Reader *info,
                                 krb5_const_principal client, krb5_creds *creds)
{
    Reader field, sequence = der_read(info, DER_SEQUENCE);
    field = der_read(&sequence, DER_CONTEXT(0));
    krb5_keyblock key = kerberos_read_key(&field);
    if (field.failed) return KRB5KRB_AP_ERR_MSG_TYPE;
    Reader realm = der_read(&sequence, DER_CONTEXT(1)), name = der_read(&sequence, DER_CONTEXT(2));
    if (der_read_optional(&sequence, DER_CONTEXT(3), &field)) {
        creds->ticket_flags = (krb5_flags)der_read_flags(&field);
        if (field.failed) reader_fail(&sequence);
    }
    read_times(&sequence, creds);
    Reader home = der_read(&sequence, DER_CONTEXT(8)), service = der_read(&sequence, DER_CONTEXT(9));
    if (sequence.failed) return KRB5KRB_AP_ERR_MSG_TYPE;
    if (!kerberos_read_is_name(&realm, &name, client)) return KRB5KRB_AP_ERR_BADMATCH;
    if (!kerberos_enctype_allowed(config, key.enctype)) return KRB5_NOPERM_ETYPE;
    krb5_error_code error = krb5_copy_principal(context, client, &creds->client);
    if (!error) error = read_service(context, &home, &service, &creds->server);
    if (!error) error = krb5_copy_keyblock_contents(context, &key, &creds->keyblock);
    return error;
}

/* EncKrbCredPart ::= [APPLICATION 29] SEQUENCE { ticket-info[0] SEQUENCE OF KrbCredInfo, ... } The time and
 * the addresses that follow say nothing here: the message stands in an authenticator. */
static krb5_error_code read_part(const KerberosConfig *config, krb5_context context, const uint8_t *data,
                                 size_t length, krb5_const_principal client, krb5_creds *creds)
{
    Reader reader;
    reader_init(&reader, data, length);
    Reader body = der_read(&reader, DER_APPLICATION(29)), sequence = der_read(&body, DER_SEQUENCE);
    Reader field = der_read(&sequence, DER_CONTEXT(0)), list = der_read(&field, DER_SEQUENCE);
    Reader info = der_read_element(&list);
    if (info.failed) return KRB5KRB_AP_ERR_MSG_TYPE;
    if (reader_left(&list) > 0) return KRB5KRB_AP_ERR_BADMATCH;
    return read_info(config, context, &info, client, creds);
}

static krb5_error_code read_encrypted(const KerberosConfig *config, krb5_context context,
                                      const krb5_enc_data *encrypted, const krb5_keyblock *const keys[2],
                                      krb5_const_principal client, krb5_creds *creds)
{
    /* RFC 4121 4.1.1 allows a KRB-CRED that is not encrypted once more: it stands in the encrypted
     * authenticator. */
    if (encrypted->enctype == ENCTYPE_NULL)
        return read_part(config, context, (const uint8_t *)encrypted->ciphertext.data,
                         encrypted->ciphertext.length, client, creds);
    KerberosPlain plain = {0};
    krb5_error_code error = KRB5KRB_AP_ERR_NOKEY;
    for (int i = 0; i < 2 && error; i++)
        if (keys[i] && keys[i]->enctype == encrypted->enctype)
            error = kerberos_decrypt(context, keys[i], KRB5_KEYUSAGE_KRB_CRED_ENCPART, encrypted, &plain);
    if (!error) error = read_part(config, context, plain.data, plain.length, client, creds);
    kerberos_plain_deinit(&plain);
    return error;
}

/* KRB-CRED ::= [APPLICATION 22] SEQUENCE { pvno[0], msg-type[1], tickets[2] SEQUENCE OF Ticket, enc-part[3] }
 */
static krb5_error_code read_message(const KerberosConfig *config, krb5_context context, Reader *reader,
                                    const krb5_keyblock *const keys[2], krb5_const_principal client,
                                    krb5_creds *creds)
{
    Reader field, body = der_read(reader, DER_APPLICATION(22)), sequence = der_read(&body, DER_SEQUENCE);
    field = der_read(&sequence, DER_CONTEXT(0));
    int32_t version = der_read_integer(&field);
    field = der_read(&sequence, DER_CONTEXT(1));
    int32_t type = der_read_integer(&field);
    field = der_read(&sequence, DER_CONTEXT(2));
    Reader tickets = der_read(&field, DER_SEQUENCE), ticket = der_read_element(&tickets);
    field = der_read(&sequence, DER_CONTEXT(3));
    krb5_enc_data encrypted = kerberos_read_encrypted(&field);
    if (field.failed || ticket.failed || reader_end(reader) != 0 || version != PVNO || type != MSG_KRB_CRED ||
        ticket.data[0] != DER_APPLICATION(1))
        return KRB5KRB_AP_ERR_MSG_TYPE;
    if (reader_left(&tickets) > 0) return KRB5KRB_AP_ERR_BADMATCH;
    krb5_error_code error = kerberos_read_copy(&ticket, &creds->ticket);
    return error ? error : read_encrypted(config, context, &encrypted, keys, client, creds);
}

krb5_error_code kerberos_cred_read(const KerberosConfig *config, krb5_context context,
                                   krb5_const_principal client, const krb5_keyblock *const keys[2],
                                   const uint8_t *message, size_t length, krb5_creds **ret_creds)
{
    Reader reader;
    krb5_creds *creds = calloc(1, sizeof(*creds));
    if (!creds) return ENOMEM;
    creds->magic = KV5M_CREDS;
    reader_init(&reader, message, length);
    krb5_error_code error = read_message(config, context, &reader, keys, client, creds);
    if (!error && creds->times.starttime == 0) creds->times.starttime = creds->times.authtime;
    if (error)
        krb5_free_creds(context, creds);
    else
        *ret_creds = creds;
    return error;
}
