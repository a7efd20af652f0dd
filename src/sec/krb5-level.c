/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/krb5-level.h"

krb5_error_code kerberos_level_write(krb5_context context, uint8_t level, krb5_authdata ***ret_list)
{
    krb5_authdata item = {
        .magic = KV5M_AUTHDATA, .ad_type = KERBEROS_AUTHDATA_LEVEL, .length = 1, .contents = &level};
    krb5_authdata *list[2] = {&item, NULL};
    return krb5_encode_authdata_container(context, KRB5_AUTHDATA_IF_RELEVANT, list, ret_list);
}

krb5_error_code kerberos_level_read(krb5_context context, const krb5_authenticator *authenticator,
                                    uint8_t *ret_level)
{
    krb5_authdata **found = NULL;
    krb5_error_code error =
        krb5_find_authdata(context, NULL, authenticator->authorization_data, KERBEROS_AUTHDATA_LEVEL, &found);
    uint8_t level = 0;
    if (!error && found && found[0]) {
        if (found[1] || found[0]->length != 1 || found[0]->contents[0] == 0)
            error = KRB5KRB_AP_ERR_MODIFIED;
        else
            level = found[0]->contents[0];
    }
    krb5_free_authdata(context, found);
    if (!error) *ret_level = level;
    return error;
}
