/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A security context: one authenticated conversation of exactly one identity with one server principal: keys
 * and sequence numbers. It has one owner. One thread may protect while another unprotects; two threads may
 * not do the same at once (the connection's write lock and read order see to that).
 *
 * DCE style of Kerberos: RFC 4121 tokens, EC 16 and RRC 28 when sending, any when receiving;
 * [MS-KILE] 3.4.5.4.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"

typedef struct SecContext SecContext;

/* Conditions of sec_context_unprotect. */
enum {
    SEC_BAD_SIGNATURE = 1,
    SEC_OUT_OF_SEQUENCE = 2,
};

typedef struct SecContextSpec {
    uint8_t service; /* RPC_C_AUTHN_* of the mechanism; 0: Kerberos */
    bool initiator;
    int32_t enctype;    /* Kerberos: of `key`, RFC 3961 number */
    uint32_t flags;     /* NTLM: what was negotiated */
    const uint8_t *key; /* Kerberos: the acceptor's subkey. NTLM: the exported session key. Copied */
    size_t key_length;
    uint64_t send_sequence, receive_sequence;
    int64_t expires;    /* seconds since 1970 */
    const char *server; /* of an acceptor: its name in the handshake; NULL: unknown. Copied */
} SecContextSpec;

/* One fragment. `stub` is encrypted in place at privacy; with `sign_header` `header` and `trailer` are signed
 * too ([MS-RPCE] 2.2.2.1 header signing negotiated), else only the stub is. */
typedef struct SecMessage {
    uint8_t *header; /* common header and request or response header */
    size_t header_length;
    uint8_t *stub; /* padded: a multiple of 16 when protecting at privacy */
    size_t stub_length;
    uint8_t *trailer; /* the 8 bytes of sec_trailer */
    uint8_t *token;   /* auth_value */
    size_t token_length;
    bool sign_header;
} SecMessage;

/* 0, -ENOMEM, -EOPNOTSUPP (service, enctype), -EINVAL (key length). */
int sec_context_new(const SecContextSpec *spec, SecContext **ret_context) must_use;
SecContext *sec_context_free(SecContext *context);
DEFINE_CLEANUP(SecContext, sec_context_free)
/* Bytes of auth_value for a level (RPC_C_AUTHN_LEVEL_*): 0 for none; constant for every stub length. */
size_t sec_context_token_length(const SecContext *context, uint8_t authn_level);
/* Signs, and at privacy encrypts; `token_length` must be sec_context_token_length(). Consumes a sequence
 * number. 0, -EINVAL, -EKEYEXPIRED, -EIO (the cryptographic library failed). */
int sec_context_protect(SecContext *context, uint8_t authn_level, SecMessage *message) must_use;
/* The counterpart, over foreign bytes. 0, SEC_BAD_SIGNATURE, SEC_OUT_OF_SEQUENCE, -EIO. After anything but 0
 * the stub's content is undefined and the connection must be closed. */
int sec_context_unprotect(SecContext *context, uint8_t authn_level, SecMessage *message) must_use;
int64_t sec_context_expires(const SecContext *context);
/* The principal of the acceptor that the initiator asked for; NULL when it is not known. Borrowed. */
const char *sec_context_server(const SecContext *context);
/* The mechanism that made it: RPC_C_AUTHN_GSS_KERBEROS or RPC_C_AUTHN_WINNT, under Negotiate too. */
uint8_t sec_context_service(const SecContext *context);

/* MIC: over bytes that are no fragment; Negotiate's mechListMIC. Before the first fragment, as it consumes a
 * sequence number of its direction. */

#define SEC_MIC_MAX 64
size_t sec_context_mic_length(const SecContext *context);
/* `mic` has room for SEC_MIC_MAX bytes. 0, -EKEYEXPIRED, -EIO. */
int sec_context_sign(SecContext *context, const uint8_t *data, size_t length, uint8_t *mic) must_use;
/* 0, SEC_BAD_SIGNATURE, SEC_OUT_OF_SEQUENCE, -EIO. */
int sec_context_verify(SecContext *context, const uint8_t *data, size_t length, const uint8_t *mic,
                       size_t mic_length) must_use;
