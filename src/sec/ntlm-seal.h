/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NTLM session security for DCE/RPC: extended session security with 128 bit keys and key exchange, of
 * [MS-NLMP] 3.4, nothing weaker. One direction of one conversation, used by one thread at a time.
 *
 * The RC4 key stream runs on from message to message: whoever seals in one order and sends in another, or
 * loses a message, cannot go on. After a failure the direction is of no more use.
 */
#pragma once
#include <stdbool.h>
#include "sec/context.h"
#include "sec/ntlm-crypto.h"

#define NTLM_SIGNATURE 16u /* of every level: version, checksum, sequence number */

/* One direction's keys, derived from the exported session key ([MS-NLMP] 3.4.5). */
typedef struct NtlmSeal {
    uint8_t sign_key[NTLM_KEY], seal_key[NTLM_KEY];
    EVP_CIPHER_CTX *rc4;
    uint32_t sequence;
} NtlmSeal;

/* `by_client`: of what the client sends. 0, -EOPNOTSUPP, -ENOMEM, -EIO. */
int ntlm_seal_init(NtlmSeal *seal, const uint8_t session_key[NTLM_KEY], bool by_client) must_use;
void ntlm_seal_deinit(NtlmSeal *seal);
/* Signs header, stub and trailer, whatever sign_header says: NTLM knows no other way. With `encrypts` the
 * stub is encrypted. The token has NTLM_SIGNATURE bytes. 0, -EIO. */
int ntlm_seal_protect(NtlmSeal *seal, bool encrypts, SecMessage *message) must_use;
/* 0, SEC_BAD_SIGNATURE, SEC_OUT_OF_SEQUENCE, -EIO. */
int ntlm_seal_unprotect(NtlmSeal *seal, bool encrypts, SecMessage *message) must_use;
/* SPNEGO's mechListMIC ([MS-SPNG] 3.3.5.1): takes a sequence number, and afterwards the key stream starts
 * anew. */
int ntlm_seal_sign(NtlmSeal *seal, const uint8_t *data, size_t length,
                   uint8_t ret_signature[NTLM_SIGNATURE]) must_use;
int ntlm_seal_verify(NtlmSeal *seal, const uint8_t *data, size_t length, const uint8_t *signature,
                     size_t signature_length) must_use;
