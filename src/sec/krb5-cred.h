/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KRB-CRED (RFC 4120 5.8.1), the message in which a client hands its forwarded ticket over.
 *
 * Read here and not by krb5_rd_cred(), which up to 1.22 follows NULL pointers where a message has more
 * tickets than descriptions of them, or a description without names: any client with a ticket could end the
 * process.
 */
#pragma once
#include "base/cleanup.h"
#include "sec/krb5-private.h"

/* Reads the one ticket in it, which must be `client`'s and for a ticket-granting service. The message is
 * encrypted with one of `keys` (NULLs are passed over), or not encrypted at all. Freed by krb5_free_creds.
 * ENOMEM, KRB5KRB_AP_ERR_MSG_TYPE (malformed), KRB5KRB_AP_ERR_BADMATCH (another's ticket, several, or one for
 * another service), KRB5_NOPERM_ETYPE, and what krb5_c_decrypt says of the last key. */
krb5_error_code kerberos_cred_read(const KerberosConfig *config, krb5_context context,
                                   krb5_const_principal client, const krb5_keyblock *const keys[2],
                                   const uint8_t *message, size_t length, krb5_creds **ret_creds) must_use;
