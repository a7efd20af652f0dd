/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protocol transition: an identity for a user who did not come with Kerberos, by S4U2self ([MS-SFU] 1.3.1).
 * Nothing proves that the user is there; this machine vouches for it, and what it is worth elsewhere the KDC
 * decides.
 */
#pragma once
#include "sec/krb5-acceptor.h"

typedef struct KerberosTransition KerberosTransition;

/* `service` is the principal of the keytab that asks, NULL: the keytab's first; `user` has its realm. 0,
 * -ENOMEM, SEC_FAILED. */
int kerberos_transition_new(KerberosKeytab *keytab, const char *service, const char *user, uint64_t deadline,
                            KerberosTransition **ret_transition, SecFailure *failure) must_use;
KerberosTransition *kerberos_transition_free(KerberosTransition *transition);
DEFINE_CLEANUP(KerberosTransition, kerberos_transition_free)
/* 0: the caller at IMPERSONATE, without a session; borrowed but for its credential. SEC_WAIT, SEC_FAILED,
 * -ENOMEM. */
int kerberos_transition_step(KerberosTransition *transition, IoWait *ret_wait, KerberosCaller *ret_caller,
                             SecFailure *failure) must_use;
