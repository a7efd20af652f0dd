/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The old algorithms NTLM is made of. RC4 and MD4 come from OpenSSL's legacy provider, loaded into a library
 * context of its own, so that nothing else in the process gets to see them.
 */
#pragma once
#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"

#define NTLM_KEY 16u /* length of NT hashes, session keys, message integrity codes */

/* Whether this OpenSSL has the legacy provider; without it everything here is -EOPNOTSUPP. */
bool ntlm_crypto_available(void);

/* NTOWFv1 of [MS-NLMP] 3.3.1: MD4 of the password in UTF-16. 0, -EILSEQ (no UTF-8), -ENOMEM, -EOPNOTSUPP. */
int ntlm_hash_password(const char *password, uint8_t ret_hash[NTLM_KEY]) must_use;

/* A running RC4 key stream. */
int ntlm_rc4_new(EVP_CIPHER_CTX **ret_rc4) must_use;
bool ntlm_rc4_start(EVP_CIPHER_CTX *rc4, const uint8_t key[NTLM_KEY]);
bool ntlm_rc4_run(EVP_CIPHER_CTX *rc4, uint8_t *data, size_t length);

typedef struct NtlmBytes {
    const uint8_t *data;
    size_t length;
} NtlmBytes;

/* HMAC-MD5 over the concatenation, and MD5 likewise. */
bool ntlm_hmac(const uint8_t key[NTLM_KEY], const NtlmBytes *parts, size_t count, uint8_t ret_mac[NTLM_KEY]);
bool ntlm_md5(const NtlmBytes *parts, size_t count, uint8_t ret_digest[NTLM_KEY]);
