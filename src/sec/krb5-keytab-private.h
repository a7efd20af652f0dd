/* SPDX-License-Identifier: Apache-2.0 */
/* The keys themselves, for krb5-acceptor.c. */
#pragma once
#include "sec/krb5-credential.h"
#include "sec/krb5-keytab.h"
#include "sec/krb5-private.h"

/* Callers' tickets that are kept at a time, to go on in their names. Without room a caller is none the less
 * let in: its token just reaches no further machine. */
#define KEYTAB_EVIDENCE_MAX 32768u

/* A handle for the caller's own context; closed by krb5_kt_close. */
krb5_error_code kerberos_keytab_open(const KerberosKeytab *keytab, krb5_context context,
                                     krb5_keytab *ret_handle) must_use;
/* Borrowed; never empty. */
const krb5_keytab_entry *kerberos_keytab_entries(const KerberosKeytab *keytab, size_t *ret_count);
KerberosConfig *kerberos_keytab_config(const KerberosKeytab *keytab);

/* The account that `service`, one of the keytab's principals, belongs to: the machine's own (NAME$) when it
 * has the same key, since domains let only that one log on; else the service itself. Its credential is shared
 * by all callers, borrowed, and lives as long as the keytab. SEC_FAILED, -ENOMEM. */
int kerberos_keytab_account(KerberosKeytab *keytab, krb5_const_principal service,
                            KerberosCredential **ret_credential, SecFailure *failure) must_use;
/* Whether one more caller's ticket may be kept; each that may is given back. */
bool kerberos_keytab_take_evidence(KerberosKeytab *keytab);
void kerberos_keytab_drop_evidence(KerberosKeytab *keytab);
