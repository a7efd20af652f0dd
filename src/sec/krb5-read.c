/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/krb5-read.h"
#include <errno.h>
#include <string.h>

static bool is_string(Reader *reader, const krb5_data *expected)
{
    Reader string = der_read(reader, DER_GENERAL_STRING);
    return !string.failed && reader_left(&string) == expected->length &&
           memcmp(string.data + string.offset, expected->data, expected->length) == 0;
}

/* PrincipalName ::= SEQUENCE { name-type[0] Int32, name-string[1] SEQUENCE OF KerberosString } */
Reader kerberos_read_name_strings(Reader *name)
{
    Reader sequence = der_read(name, DER_SEQUENCE);
    (void)der_read(&sequence, DER_CONTEXT(0));
    Reader outer = der_read(&sequence, DER_CONTEXT(1));
    return der_read(&outer, DER_SEQUENCE);
}

bool kerberos_read_is_name(Reader *realm, Reader *name, krb5_const_principal principal)
{
    if (!is_string(realm, &principal->realm)) return false;
    Reader strings = kerberos_read_name_strings(name);
    for (int i = 0; i < principal->length; i++)
        if (!is_string(&strings, &principal->data[i])) return false;
    return reader_end(&strings) == 0;
}

/* EncryptionKey ::= SEQUENCE { keytype[0] Int32, keyvalue[1] OCTET STRING } */
krb5_keyblock kerberos_read_key(Reader *reader)
{
    Reader field, sequence = der_read(reader, DER_SEQUENCE);
    field = der_read(&sequence, DER_CONTEXT(0));
    krb5_keyblock key = {.magic = KV5M_KEYBLOCK, .enctype = der_read_integer(&field)};
    Reader outer = der_read(&sequence, DER_CONTEXT(1)), bytes = der_read(&outer, DER_OCTET_STRING);
    if (field.failed || bytes.failed) {
        reader_fail(reader);
        return (krb5_keyblock){.magic = KV5M_KEYBLOCK};
    }
    key.length = (unsigned)reader_left(&bytes);
    key.contents = (krb5_octet *)(uintptr_t)(bytes.data + bytes.offset);
    return key;
}

krb5_error_code kerberos_read_copy(const Reader *from, krb5_data *to)
{
    size_t length = reader_left(from);
    to->data = malloc(length ? length : 1);
    if (!to->data) return ENOMEM;
    memcpy(to->data, from->data + from->offset, length);
    to->length = (unsigned)length;
    return 0;
}

/* EncryptedData ::= SEQUENCE { etype[0] Int32, kvno[1] UInt32 OPTIONAL, cipher[2] OCTET STRING } */
krb5_enc_data kerberos_read_encrypted(Reader *reader)
{
    Reader field, ignored, sequence = der_read(reader, DER_SEQUENCE);
    field = der_read(&sequence, DER_CONTEXT(0));
    krb5_enc_data data = {.magic = KV5M_ENC_DATA, .enctype = der_read_integer(&field)};
    (void)der_read_optional(&sequence, DER_CONTEXT(1), &ignored); /* kvno */
    Reader outer = der_read(&sequence, DER_CONTEXT(2)), cipher = der_read(&outer, DER_OCTET_STRING);
    if (field.failed || cipher.failed) {
        reader_fail(reader);
        return (krb5_enc_data){.magic = KV5M_ENC_DATA};
    }
    data.ciphertext.data = (char *)(uintptr_t)(cipher.data + cipher.offset);
    data.ciphertext.length = (unsigned)reader_left(&cipher);
    return data;
}

krb5_error_code kerberos_decrypt(krb5_context context, const krb5_keyblock *key, krb5_keyusage usage,
                                 const krb5_enc_data *encrypted, KerberosPlain *ret_plain)
{
    KerberosPlain plain = {.size = encrypted->ciphertext.length + 1u};
    plain.data = malloc(plain.size);
    if (!plain.data) return ENOMEM;
    krb5_data data = {.data = (char *)plain.data, .length = encrypted->ciphertext.length};
    krb5_error_code error = krb5_c_decrypt(context, key, usage, NULL, encrypted, &data);
    if (error) {
        kerberos_plain_deinit(&plain);
        return error;
    }
    plain.length = data.length;
    *ret_plain = plain;
    return 0;
}

void kerberos_plain_deinit(KerberosPlain *plain)
{
    if (plain->data) explicit_bzero(plain->data, plain->size);
    free(plain->data);
    *plain = (KerberosPlain){0};
}
