/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tickets that a service gets in the name of others ([MS-SFU]), as messages to send and messages received;
 * the transport is the caller's, as in krb5-tgs.h.
 *
 * S4U2proxy: with the ticket that a client presented as evidence, a ticket of that client for another
 * service. S4U2self: a ticket of a named client for the asking service itself; no proof that the client is
 * there.
 */
#pragma once
#include "base/writer.h"
#include "sec/krb5-private.h"

/* NTSTATUS in a KDC's error: the account may not be delegated ([MS-SFU] 3.2.5.2.2). */
#define KDC_STATUS_ACCOUNT_RESTRICTION 0xC000006Eu

/* A ticket of `evidence`'s client for `target`, asked for by the service whose TGT is `tgt`. */
krb5_error_code kerberos_proxy_request(krb5_context context, const KerberosConfig *config,
                                       const krb5_creds *tgt, const krb5_creds *evidence,
                                       krb5_const_principal target, Writer *writer,
                                       int32_t *ret_nonce) must_use;
/* The ticket is that client's for that target or the reply is refused (KRB5_KDCREP_MODIFIED). `ret_status`
 * gets the NTSTATUS beside a KDC's error, else 0. Freed by krb5_free_creds. */
krb5_error_code kerberos_proxy_reply(krb5_context context, const krb5_creds *tgt, const krb5_creds *evidence,
                                     krb5_const_principal target, int32_t nonce, const uint8_t *reply,
                                     size_t length, krb5_creds **ret_creds, uint32_t *ret_status) must_use;

/* A ticket of `user` for the service whose TGT is `tgt` and which is `self`. */
krb5_error_code kerberos_self_request(krb5_context context, const KerberosConfig *config,
                                      const krb5_creds *tgt, krb5_const_principal user,
                                      krb5_const_principal self, Writer *writer, int32_t *ret_nonce) must_use;
krb5_error_code kerberos_self_reply(krb5_context context, const krb5_creds *tgt, krb5_const_principal user,
                                    krb5_const_principal self, int32_t nonce, const uint8_t *reply,
                                    size_t length, krb5_creds **ret_creds) must_use;
