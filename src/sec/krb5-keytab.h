/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's long-term keys, read once from a keytab file into memory and shared by all conversations. */
#pragma once
#include "base/cleanup.h"
#include <stdbool.h>
#include "sec/failure.h"
#include "sec/krb5-config.h"

#define KEYTAB_ENTRIES_MAX 4096u

typedef struct KerberosKeytab KerberosKeytab;

/* Reads the file. 0, -ENOMEM, SEC_FAILED. Immutable, reference counted. */
int kerberos_keytab_new(KerberosConfig *config, const char *path, KerberosKeytab **ret_keytab,
                        SecFailure *failure) must_use;
KerberosKeytab *kerberos_keytab_ref(KerberosKeytab *keytab);
KerberosKeytab *kerberos_keytab_unref(KerberosKeytab *keytab);
DEFINE_CLEANUP(KerberosKeytab, kerberos_keytab_unref)
/* Whether the file is another one by now (a new key was written). */
bool kerberos_keytab_changed(const KerberosKeytab *keytab);
