/* SPDX-License-Identifier: Apache-2.0 */
/* The PAC in a ticket that was decrypted with a key of the keytab: SIDs, if the KDC signed it for this
 * client. */
#pragma once
#include "sec/krb5-keytab.h"
#include "sec/krb5-private.h"
#include "sec/pac.h"

/* `ret_logon` stays as it is when there is no PAC, or none with SIDs; else freed by free(). A PAC that is
 * forged, another's or malformed is an error, and so are two of them. */
krb5_error_code kerberos_pac_read(const KerberosKeytab *keytab, krb5_context context,
                                  const krb5_ticket *ticket, PacLogon **ret_logon) must_use;
