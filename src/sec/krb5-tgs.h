/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one TGS exchange that libkrb5's public API does not offer without waiting: getting a forwarded TGT (RFC
 * 4120 3.3.3, KDC option FORWARDED). A message to send, a message received; the transport is the caller's.
 */
#pragma once
#include "base/cleanup.h"
#include "base/writer.h"
#include "sec/krb5-private.h"

/* The KDC-REQ for a forwarded ticket-granting ticket of the client of `tgt`, into `writer`. `ret_nonce` must
 * come back in the reply. */
krb5_error_code kerberos_forward_request(krb5_context context, const KerberosConfig *config,
                                         const krb5_creds *tgt, Writer *writer, int32_t *ret_nonce) must_use;
/* The KDC's reply: TGS-REP or KRB-ERROR. The result is freed by krb5_free_creds. */
krb5_error_code kerberos_forward_reply(krb5_context context, const krb5_creds *tgt, int32_t nonce,
                                       const uint8_t *reply, size_t length, krb5_creds **ret_creds) must_use;
