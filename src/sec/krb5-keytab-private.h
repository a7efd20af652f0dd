/* SPDX-License-Identifier: Apache-2.0 */
/* The keys themselves, for krb5-acceptor.c. */
#pragma once
#include "sec/krb5-keytab.h"
#include "sec/krb5-private.h"

/* A handle for the caller's own context; closed by krb5_kt_close. */
krb5_error_code kerberos_keytab_open(const KerberosKeytab *keytab, krb5_context context,
                                     krb5_keytab *ret_handle) must_use;
/* Borrowed; never empty. */
const krb5_keytab_entry *kerberos_keytab_entries(const KerberosKeytab *keytab, size_t *ret_count);
KerberosConfig *kerberos_keytab_config(const KerberosKeytab *keytab);
