/* SPDX-License-Identifier: Apache-2.0 */
/* A TGS exchange of any kind, for krb5-tgs.c (forwarded TGTs) and krb5-s4u.c (tickets of others). */
#pragma once
#include "sec/krb5-tgs.h"

/* What a request asks for. Everything is borrowed. */
typedef struct KerberosTgs {
    const krb5_creds *tgt;               /* who asks */
    krb5_const_principal client, server; /* whose ticket for what: the reply must say exactly these */
    uint32_t options;                    /* KDC_OPT_* */
    uint32_t required;                   /* TKT_FLG_* that the ticket must have */
    const krb5_data *additional;         /* additional-tickets: one, or NULL */
    const Writer *padata;                /* PA-DATA elements beside the TGS-REQ's own; NULL: none */
} KerberosTgs;

krb5_error_code kerberos_tgs_request(krb5_context context, const KerberosConfig *config,
                                     const KerberosTgs *tgs, Writer *writer, int32_t *ret_nonce) must_use;
/* TGS-REP or KRB-ERROR. `ret_status`, when not NULL, gets the NTSTATUS beside a KDC's error, 0 without: only
 * then is it set. The result is freed by krb5_free_creds. */
krb5_error_code kerberos_tgs_reply(krb5_context context, const KerberosTgs *tgs, int32_t nonce,
                                   const uint8_t *reply, size_t length, krb5_creds **ret_creds,
                                   uint32_t *ret_status) must_use;

/* Pieces of requests; [n] is the context tag. */
void kerberos_write_integer(Writer *writer, unsigned n, int32_t value);
void kerberos_write_realm(Writer *writer, unsigned n, const krb5_data *realm);
void kerberos_write_name(Writer *writer, unsigned n, krb5_const_principal principal);
void kerberos_write_checksum(Writer *writer, unsigned n, const krb5_checksum *checksum);
/* PA-DATA ::= SEQUENCE { padata-type[1] Int32, padata-value[2] OCTET STRING }; the value stands between. */
typedef struct KerberosPadata {
    size_t entry, outer, octets;
} KerberosPadata;
void kerberos_padata_begin(Writer *writer, int32_t type, KerberosPadata *padata);
void kerberos_padata_end(Writer *writer, const KerberosPadata *padata);
