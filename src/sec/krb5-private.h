/* SPDX-License-Identifier: Apache-2.0 */
/* What the files krb5-* share and nobody else sees: libkrb5's types. */
#pragma once
#include <krb5.h>
#include "base/refcount.h"
#include "sec/failure.h"
#include "sec/krb5-config.h"
#include "sec/krb5-turn.h"

/* A context of its own for one conversation or operation; freed by krb5_free_context. 0, -ENOMEM, SEC_FAILED:
 * the sentence names the file that cannot be read, or not any more, and says why. */
int kerberos_context_new(const KerberosConfig *config, krb5_context *ret_context,
                         SecFailure *failure) must_use;
/* For functions of libkrb5 that only free: they take a context but do not use it. */
krb5_context kerberos_config_base(const KerberosConfig *config);
/* The default realm as the profile says it, or NULL. */
const char *kerberos_config_realm(const KerberosConfig *config);
/* The `kdc` entries of a realm, in order; freed by kerberos_kdcs_free. NULL when there is none. 0, and as
 * above. */
int kerberos_config_kdcs(const KerberosConfig *config, const char *realm, char ***ret_kdcs,
                         SecFailure *failure) must_use;
void kerberos_kdcs_free(char **kdcs);
/* Which of them answered last: an index to start with, taken modulo their number. */
unsigned kerberos_config_preferred_kdc(const KerberosConfig *config);
void kerberos_config_prefer_kdc(KerberosConfig *config, unsigned index);
/* Who may talk to the KDCs now. */
KdcTurns *kerberos_config_turns(const KerberosConfig *config);
/* Whether keys of this type may be used at all: AES, and RC4 where it was allowed. */
bool kerberos_enctype_allowed(const KerberosConfig *config, krb5_enctype enctype);
/* The allowed types, strongest first, 0-terminated, and how many there are. */
const krb5_enctype *kerberos_config_enctypes(const KerberosConfig *config, int *ret_count);
/* Parses a service's name. Without a realm: the one [domain_realm] says, else the referral realm (empty),
 * with which the KDC of the client's realm decides. Never canonicalised. */
krb5_error_code kerberos_parse_target(const KerberosConfig *config, krb5_context context, const char *target,
                                      krb5_principal *ret_principal) must_use;

/* Credentials (in Kerberos' sense: a ticket and its session key), shared and, but for one member, immutable.
 */
typedef struct KerberosTicket {
    RefCount refs;
    KerberosConfig *config;
    krb5_creds *creds;
    int64_t renew_after; /* nobody asks for a newer one before; guarded by its KerberosCredential */
} KerberosTicket;

/* Takes over `creds`, also on failure. 0, ENOMEM. */
krb5_error_code kerberos_ticket_new(KerberosConfig *config, krb5_creds *creds,
                                    KerberosTicket **ret_ticket) must_use;
KerberosTicket *kerberos_ticket_ref(KerberosTicket *ticket);
KerberosTicket *kerberos_ticket_unref(KerberosTicket *ticket);
DEFINE_CLEANUP(KerberosTicket, kerberos_ticket_unref)
/* krb5_timestamp is unsigned in all but its type: until 2106. */
static inline int64_t kerberos_time(krb5_timestamp stamp)
{
    return (int64_t)(uint32_t)stamp;
}

/* Errors. */
typedef enum KerberosRole {
    KERBEROS_LOGON,    /* an explicit logon: codes of LogonUserW */
    KERBEROS_TICKET,   /* getting, reading or renewing a credential's own ticket */
    KERBEROS_SERVICE,  /* getting a ticket for a service */
    KERBEROS_FORWARD,  /* getting a forwarded ticket */
    KERBEROS_INITIATE, /* the conversation with a server, its client's side */
    KERBEROS_ACCEPT,   /* its server's side */
} KerberosRole;

/* Turns an error of libkrb5 into the documented code and a sentence. `who` is the acting principal, `target`
 * the other (both may be NULL; quoted here); `detail`, if not NULL, says more than the error's number. */
void kerberos_failure(krb5_context context, krb5_error_code error, KerberosRole role, const char *who,
                      const char *target, const char *detail, SecFailure *failure);
