/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of Kerberos messages (RFC 4120 5.2) that several readers need, on krb5-der. */
#pragma once
#include "sec/krb5-der.h"
#include "sec/krb5-private.h"

/* Whether the realm and the name read are those of `principal`. The name type is a hint and not compared. */
bool kerberos_read_is_name(Reader *realm, Reader *name, krb5_const_principal principal);
/* PrincipalName's strings: a list of KerberosString. */
Reader kerberos_read_name_strings(Reader *name);
/* EncryptionKey in place; fails the reader. */
krb5_keyblock kerberos_read_key(Reader *reader);
/* What is left of `from`, in memory of its own. */
krb5_error_code kerberos_read_copy(const Reader *from, krb5_data *to) must_use;

/* EncryptedData in place; fails the reader. */
krb5_enc_data kerberos_read_encrypted(Reader *reader);
/* Its plain text, wiped and freed by kerberos_plain_deinit. */
typedef struct KerberosPlain {
    uint8_t *data;
    size_t length, size;
} KerberosPlain;
krb5_error_code kerberos_decrypt(krb5_context context, const krb5_keyblock *key, krb5_keyusage usage,
                                 const krb5_enc_data *encrypted, KerberosPlain *ret_plain) must_use;
void kerberos_plain_deinit(KerberosPlain *plain);
