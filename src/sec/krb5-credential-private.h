/* SPDX-License-Identifier: Apache-2.0 */
/* Between krb5-credential.c (what is held) and krb5-acquire.c (how it is got). */
#pragma once
#include "sec/krb5-credential.h"
#include "sec/krb5-keytab.h"
#include "sec/krb5-private.h"

/* Conditions of the look-ups below besides SEC_FAILED. */
enum {
    TICKET_NONE = 64,  /* there is none that can be used: get one */
    TICKET_STALE = 65, /* there is one, but get a newer one if that is possible */
};

KerberosConfig *kerberos_credential_config(const KerberosCredential *credential);
krb5_const_principal kerberos_credential_client(const KerberosCredential *credential);
/* The TGT as it stands; a ticket cache that changed is read again. 0, TICKET_STALE: a new reference.
 * TICKET_NONE: an AS exchange is needed (keytab and password only). SEC_FAILED, -ENOMEM. */
int kerberos_credential_tgt(KerberosCredential *credential, KerberosTicket **ret_ticket,
                            SecFailure *failure) must_use;
void kerberos_credential_set_tgt(KerberosCredential *credential, KerberosTicket *ticket);
/* The ticket for a service as it was asked for. 0, TICKET_STALE: a new reference. TICKET_NONE. */
int kerberos_credential_ticket(KerberosCredential *credential, const char *target, bool delegate,
                               KerberosTicket **ret_ticket) must_use;
/* Keeps a reference if there is memory for it: the index saves time, nothing else. */
void kerberos_credential_set_ticket(KerberosCredential *credential, const char *target,
                                    KerberosTicket *ticket);
/* The service does not accept it (any more): the next conversation asks the KDC again. */
void kerberos_credential_forget_ticket(KerberosCredential *credential, const char *target,
                                       const KerberosTicket *ticket);
/* The forwarded TGT. 0: a new reference. TICKET_NONE. */
int kerberos_credential_forwarded(KerberosCredential *credential, KerberosTicket **ret_ticket) must_use;
void kerberos_credential_set_forwarded(KerberosCredential *credential, KerberosTicket *ticket);
/* An AS exchange for the principal, with its keytab or password. libkrb5 keeps pointers to the other two. */
typedef struct KerberosInit {
    krb5_init_creds_context exchange;
    krb5_get_init_creds_opt *options;
    krb5_keytab keytab;
} KerberosInit;
krb5_error_code kerberos_init_begin(KerberosInit *init, KerberosCredential *credential,
                                    krb5_context context) must_use;
void kerberos_init_deinit(KerberosInit *init, krb5_context context);
/* A credential of a TGT received from a client. Takes over `tgt`, also on failure. 0, -ENOMEM. */
int kerberos_credential_new_delegated(KerberosConfig *config, krb5_creds *tgt,
                                      KerberosCredential **ret_credential) must_use;

/* A credential of the ticket that a client came with: its client, its service as the keytab names it, its raw
 * bytes, flags and times; no key. `asserted`: the client did not come with it, this machine asked for it.
 * Takes over `evidence`, also on failure. 0 (and NULL: too many are kept), -ENOMEM. */
int kerberos_credential_new_evidence(KerberosKeytab *keytab, krb5_creds *evidence, bool asserted,
                                     KerberosCredential **ret_credential) must_use;
/* Borrowed; NULL for every other source. */
const krb5_creds *kerberos_credential_evidence(const KerberosCredential *credential);
bool kerberos_credential_is_asserted(const KerberosCredential *credential);
/* The account that acts with the evidence. As kerberos_keytab_account. */
int kerberos_credential_actor(const KerberosCredential *credential, KerberosCredential **ret_actor,
                              SecFailure *failure) must_use;

/* A ticket for the account itself in the name of `user`, whom nobody proved: S4U2self. As
 * kerberos_acquire_new; afterwards kerberos_acquire_ticket has it. */
int kerberos_acquire_new_self(KerberosCredential *account, const char *user, uint64_t deadline,
                              KerberosAcquire **ret_acquire) must_use;
/* What a finished acquire got; borrowed. */
KerberosTicket *kerberos_acquire_ticket(const KerberosAcquire *acquire);
/* NULL when no delegation was asked for. */
KerberosTicket *kerberos_acquire_forwarded(const KerberosAcquire *acquire);
