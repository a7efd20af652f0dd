/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/krb5-pac.h"
#include <errno.h>
#include "sec/krb5-keytab-private.h"

/* krb5_rd_req looks at the PAC too, but goes on when it is forged. The key is found by principal and type:
 * key version numbers of a keytab and of the KDC may differ. */
static krb5_error_code verify_pac(const KerberosKeytab *keytab, krb5_context context,
                                  const krb5_ticket *ticket, krb5_pac pac)
{
    size_t count;
    const krb5_keytab_entry *entries = kerberos_keytab_entries(keytab, &count);
    krb5_error_code error = KRB5_KT_NOTFOUND;
    for (size_t i = 0; i < count && error; i++)
        if (entries[i].key.enctype == ticket->enc_part.enctype &&
            krb5_principal_compare(context, entries[i].principal, ticket->server))
            error = krb5_pac_verify(context, pac, ticket->enc_part2->times.authtime,
                                    ticket->enc_part2->client, &entries[i].key, NULL);
    return error;
}

static krb5_error_code read_logon(krb5_context context, krb5_pac pac, PacLogon **ret_logon)
{
    krb5_data data;
    krb5_error_code error = krb5_pac_get_buffer(context, pac, KRB5_PAC_LOGON_INFO, &data);
    if (error == ENOENT) return 0; /* a KDC without SIDs: they are derived from the principal */
    if (error) return error;
    int result = pac_logon_parse((const uint8_t *)data.data, data.length, ret_logon);
    krb5_free_data_contents(context, &data);
    return result == 0 ? 0 : result == -ENOMEM ? ENOMEM : KRB5KRB_AP_ERR_BADMATCH;
}

krb5_error_code kerberos_pac_read(const KerberosKeytab *keytab, krb5_context context,
                                  const krb5_ticket *ticket, PacLogon **ret_logon)
{
    krb5_authdata **found = NULL;
    /* The ticket's only: what the client itself puts into the authenticator proves nothing. */
    krb5_error_code error = krb5_find_authdata(context, ticket->enc_part2->authorization_data, NULL,
                                               KRB5_AUTHDATA_WIN2K_PAC, &found);
    if (error || !found) return error;
    krb5_pac pac = NULL;
    if (found[0] && found[1])
        error = KRB5KRB_AP_ERR_BADMATCH; /* two of them: whose? */
    else if (found[0])
        error = krb5_pac_parse(context, found[0]->contents, found[0]->length, &pac);
    krb5_free_authdata(context, found);
    if (!error && pac) error = verify_pac(keytab, context, ticket, pac);
    if (!error && pac) error = read_logon(context, pac, ret_logon);
    if (pac) krb5_pac_free(context, pac);
    return error;
}
