/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The authentication level as the initiator means it. The bind that states it is not protected: whoever is on
 * the wire can turn "privacy" into "connect", let the handshake go on, and then call as the client, as calls
 * at connect carry no signature. So the initiator says it once more, in the encrypted authenticator, where
 * acceptors that do not know it pass over it (RFC 4120 5.2.6.1), and the acceptor compares.
 */
#pragma once
#include <krb5.h>
#include <stdint.h>

/* Negative types are for local use (RFC 4120 5.2.6). One byte: RPC_C_AUTHN_LEVEL_*. */
#define KERBEROS_AUTHDATA_LEVEL (-19789)

/* For krb5_creds.authdata; free with krb5_free_authdata(). */
krb5_error_code kerberos_level_write(krb5_context context, uint8_t level, krb5_authdata ***ret_list);
/* 0 in *ret_level: it says nothing, as others' initiators do. */
krb5_error_code kerberos_level_read(krb5_context context, const krb5_authenticator *authenticator,
                                    uint8_t *ret_level);
