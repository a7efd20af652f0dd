/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libkrb5 is told: one explicit profile. Every conversation gets a krb5_context of its own made from it
 * (4 us), so that a corrected clock or an error text of one never reaches another. Library defaults (ticket
 * cache, keytab, replay cache) are never consulted, DNS neither.
 *
 * No header of krb5-* but krb5-private.h shows a libkrb5 type: those are for the authority.
 */
#pragma once
#include "base/cleanup.h"
#include <stdbool.h>
#include "sec/failure.h"

typedef struct KerberosConfig KerberosConfig;

/* `path`: a krb5.conf (NULL: KRB5_CONFIG or the system's). 0, -ENOMEM, SEC_FAILED. Reference counted. */
int kerberos_config_new(const char *path, bool allow_rc4, KerberosConfig **ret_config,
                        SecFailure *failure) must_use;
KerberosConfig *kerberos_config_ref(KerberosConfig *config);
KerberosConfig *kerberos_config_unref(KerberosConfig *config);
DEFINE_CLEANUP(KerberosConfig, kerberos_config_unref)
