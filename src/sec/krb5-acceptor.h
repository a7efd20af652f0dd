/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's side of the three legs. Nothing that leg 1 says (who, which SIDs, which delegated ticket) can
 * be had before leg 3 verified: an AP-REQ alone may be a replay, and there is no replay cache.
 */
#pragma once
#include "sec/krb5-credential.h"
#include "sec/krb5-keytab.h"
#include "sec/krb5-session.h"
#include "sec/sid.h"
#include "sec/token.h"

typedef struct KerberosAcceptor KerberosAcceptor;

/* What the conversation proved. Borrowed from the acceptor but for `credential`. */
typedef struct KerberosCaller {
    const KerberosSession *session;
    const char *principal;
    const char *server; /* the name of ours that the ticket was for */
    TokenLevel level;
    Sid user;
    const Sid *groups;
    size_t group_count;
    uint32_t account_flags;         /* userAccountControl of the PAC; 0 without */
    int64_t expires;                /* of the ticket, or of the delegated TGT where that ends earlier */
    KerberosCredential *credential; /* at delegation of the delegated TGT, at impersonation of the ticket
                                       itself (NULL: too many are kept), else NULL */
} KerberosCaller;

/* Verifies leg 1, which came in a bind at `level`. 0: the output is leg 2. SEC_FAILED: `error_token` got a
 * KRB-ERROR for the peer (or is empty), and there is no acceptor. -ENOMEM. */
int kerberos_acceptor_new(KerberosKeytab *keytab, uint8_t level, const uint8_t *token, size_t length,
                          KerberosAcceptor **ret_acceptor, Writer *error_token, SecFailure *failure) must_use;
KerberosAcceptor *kerberos_acceptor_free(KerberosAcceptor *acceptor);
DEFINE_CLEANUP(KerberosAcceptor, kerberos_acceptor_free)
/* Leg 2; borrowed. */
const uint8_t *kerberos_acceptor_output(const KerberosAcceptor *acceptor, size_t *ret_length);
/* Verifies leg 3. 0: `ret_caller` is filled. SEC_FAILED, -ENOMEM. */
int kerberos_acceptor_finish(KerberosAcceptor *acceptor, const uint8_t *token, size_t length,
                             KerberosCaller *ret_caller, SecFailure *failure) must_use;
