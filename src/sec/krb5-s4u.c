/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/krb5-s4u.h"
#include <errno.h>
#include <string.h>
#include "sec/krb5-read.h"
#include "sec/krb5-tgs-private.h"

#define PA_FOR_USER     129
#define PA_PAC_OPTIONS  167
#define RESOURCE_BASED  0x10000000u /* PA-PAC-OPTIONS, [MS-SFU] 2.2.5 */
#define CNAME_IN_TICKET 0x00020000u /* KDC option cname-in-addl-tkt, [MS-SFU] 2.2.3 */
#define AUTH_PACKAGE    "Kerberos"

static KerberosTgs proxy_tgs(const krb5_creds *tgt, const krb5_creds *evidence, krb5_const_principal target)
{
    return (KerberosTgs){.tgt = tgt,
                         .client = evidence->client,
                         .server = target,
                         .options = CNAME_IN_TICKET | KDC_OPT_FORWARDABLE,
                         .additional = &evidence->ticket};
}

/* PA-PAC-OPTIONS ::= SEQUENCE { flags[0] KerberosFlags }: the list may be the target's as well as ours. */
static void write_pac_options(Writer *writer)
{
    KerberosPadata padata;
    kerberos_padata_begin(writer, PA_PAC_OPTIONS, &padata);
    size_t sequence = der_begin(writer, DER_SEQUENCE), mark = der_begin(writer, DER_CONTEXT(0));
    der_write_flags(writer, RESOURCE_BASED);
    der_end(writer, mark);
    der_end(writer, sequence);
    kerberos_padata_end(writer, &padata);
}

krb5_error_code kerberos_proxy_request(krb5_context context, const KerberosConfig *config,
                                       const krb5_creds *tgt, const krb5_creds *evidence,
                                       krb5_const_principal target, Writer *writer, int32_t *ret_nonce)
{
    _cleanup_(writer_deinitp) Writer padata;
    writer_init(&padata, 0);
    write_pac_options(&padata);
    if (writer_status(&padata) != 0) return ENOMEM;
    KerberosTgs tgs = proxy_tgs(tgt, evidence, target);
    tgs.padata = &padata;
    return kerberos_tgs_request(context, config, &tgs, writer, ret_nonce);
}

krb5_error_code kerberos_proxy_reply(krb5_context context, const krb5_creds *tgt, const krb5_creds *evidence,
                                     krb5_const_principal target, int32_t nonce, const uint8_t *reply,
                                     size_t length, krb5_creds **ret_creds, uint32_t *ret_status)
{
    KerberosTgs tgs = proxy_tgs(tgt, evidence, target);
    *ret_status = 0;
    return kerberos_tgs_reply(context, &tgs, nonce, reply, length, ret_creds, ret_status);
}

static KerberosTgs self_tgs(const krb5_creds *tgt, krb5_const_principal user, krb5_const_principal self)
{
    return (KerberosTgs){.tgt = tgt, .client = user, .server = self, .options = KDC_OPT_FORWARDABLE};
}

/* What the checksum of PA-FOR-USER covers, [MS-SFU] 2.2.1: type, names, realm, package; nothing between them.
 */
static void write_user_bytes(Writer *writer, krb5_const_principal user)
{
    writer_u32(writer, (uint32_t)user->type);
    for (int i = 0; i < user->length; i++)
        writer_bytes(writer, user->data[i].data, user->data[i].length);
    writer_bytes(writer, user->realm.data, user->realm.length);
    writer_bytes(writer, AUTH_PACKAGE, strlen(AUTH_PACKAGE));
}

/* PA-FOR-USER ::= SEQUENCE { userName[0], userRealm[1], cksum[2], auth-package[3] } The checksum is of this
 * type whatever the key's is. */
static krb5_error_code write_for_user(krb5_context context, Writer *writer, const krb5_creds *tgt,
                                      krb5_const_principal user)
{
    krb5_checksum checksum;
    KerberosPadata padata;
    _cleanup_(writer_deinitp) Writer bytes;
    writer_init(&bytes, 0);
    write_user_bytes(&bytes, user);
    if (writer_status(&bytes) != 0) return ENOMEM;
    krb5_data data = {.data = (char *)bytes.data, .length = (unsigned)bytes.length};
    krb5_error_code error = krb5_c_make_checksum(context, CKSUMTYPE_HMAC_MD5_ARCFOUR, &tgt->keyblock,
                                                 KRB5_KEYUSAGE_APP_DATA_CKSUM, &data, &checksum);
    if (error) return error;
    kerberos_padata_begin(writer, PA_FOR_USER, &padata);
    size_t sequence = der_begin(writer, DER_SEQUENCE);
    kerberos_write_name(writer, 0, user);
    kerberos_write_realm(writer, 1, &user->realm);
    kerberos_write_checksum(writer, 2, &checksum);
    size_t mark = der_begin(writer, DER_CONTEXT(3));
    der_write(writer, DER_GENERAL_STRING, AUTH_PACKAGE, strlen(AUTH_PACKAGE));
    der_end(writer, mark);
    der_end(writer, sequence);
    kerberos_padata_end(writer, &padata);
    krb5_free_checksum_contents(context, &checksum);
    return writer_status(writer) == 0 ? 0 : ENOMEM;
}

krb5_error_code kerberos_self_request(krb5_context context, const KerberosConfig *config,
                                      const krb5_creds *tgt, krb5_const_principal user,
                                      krb5_const_principal self, Writer *writer, int32_t *ret_nonce)
{
    _cleanup_(writer_deinitp) Writer padata;
    writer_init(&padata, 0);
    krb5_error_code error = write_for_user(context, &padata, tgt, user);
    if (error) return error;
    KerberosTgs tgs = self_tgs(tgt, user, self);
    tgs.padata = &padata;
    return kerberos_tgs_request(context, config, &tgs, writer, ret_nonce);
}

krb5_error_code kerberos_self_reply(krb5_context context, const krb5_creds *tgt, krb5_const_principal user,
                                    krb5_const_principal self, int32_t nonce, const uint8_t *reply,
                                    size_t length, krb5_creds **ret_creds)
{
    KerberosTgs tgs = self_tgs(tgt, user, self);
    return kerberos_tgs_reply(context, &tgs, nonce, reply, length, ret_creds, NULL);
}
