/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A signature of [MS-NLMP] 2.2.2.9.2: 01 00 00 00, eight bytes of checksum, sequence number. The checksum is
 * HMAC-MD5(sign key, sequence number | message), cut to eight bytes and encrypted with the key stream, behind
 * the message where that is encrypted too (3.4.3, 3.4.4.2). DCE/RPC's message is the whole fragment from its
 * header to the end of sec_trailer, in clear; only the stub is encrypted.
 */
#include "sec/ntlm-seal.h"
#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#define VERSION  1u
#define CHECKSUM 8u
#define TRAILER  8u
#define PARTS    4u

static const char *const sign_constants[] = {
    "session key to server-to-client signing key magic constant",
    "session key to client-to-server signing key magic constant",
};
static const char *const seal_constants[] = {
    "session key to server-to-client sealing key magic constant",
    "session key to client-to-server sealing key magic constant",
};

/* SIGNKEY, and SEALKEY at 128 bits, are the same but for the constant; its NUL counts. */
static bool derive(const uint8_t session_key[NTLM_KEY], const char *constant, uint8_t ret_key[NTLM_KEY])
{
    const NtlmBytes parts[] = {{session_key, NTLM_KEY}, {(const uint8_t *)constant, strlen(constant) + 1}};
    return ntlm_md5(parts, ARRAY_SIZE(parts), ret_key);
}

int ntlm_seal_init(NtlmSeal *seal, const uint8_t session_key[NTLM_KEY], bool by_client)
{
    *seal = (NtlmSeal){.sequence = 0};
    int r = ntlm_rc4_new(&seal->rc4);
    if (r < 0) return r;
    if (derive(session_key, sign_constants[by_client], seal->sign_key) &&
        derive(session_key, seal_constants[by_client], seal->seal_key) &&
        ntlm_rc4_start(seal->rc4, seal->seal_key))
        return 0;
    ntlm_seal_deinit(seal);
    return -EIO;
}

void ntlm_seal_deinit(NtlmSeal *seal)
{
    EVP_CIPHER_CTX_free(seal->rc4);
    OPENSSL_cleanse(seal, sizeof(*seal));
}

static void put_u32(uint8_t *at, uint32_t value)
{
    value = htole32(value);
    memcpy(at, &value, sizeof(value));
}

/* The signature before its checksum is encrypted. `parts[0]` is left for the sequence number. */
static bool signature_make(const NtlmSeal *seal, NtlmBytes *parts, size_t count,
                           uint8_t ret_signature[NTLM_SIGNATURE])
{
    uint8_t sequence[4], mac[NTLM_KEY];

    put_u32(sequence, seal->sequence);
    parts[0] = (NtlmBytes){sequence, sizeof(sequence)};
    if (!ntlm_hmac(seal->sign_key, parts, count, mac)) return false;
    put_u32(ret_signature, VERSION);
    memcpy(ret_signature + 4, mac, CHECKSUM);
    memcpy(ret_signature + 4 + CHECKSUM, sequence, sizeof(sequence));
    return true;
}

static bool message_signature(const NtlmSeal *seal, const SecMessage *message,
                              uint8_t ret_signature[NTLM_SIGNATURE])
{
    NtlmBytes parts[PARTS] = {{0},
                              {message->header, message->header_length},
                              {message->stub, message->stub_length},
                              {message->trailer, TRAILER}};
    return signature_make(seal, parts, PARTS, ret_signature);
}

int ntlm_seal_protect(NtlmSeal *seal, bool encrypts, SecMessage *message)
{
    if (message->token_length != NTLM_SIGNATURE) return -EINVAL;
    if (!message_signature(seal, message, message->token) ||
        (encrypts && !ntlm_rc4_run(seal->rc4, message->stub, message->stub_length)) ||
        !ntlm_rc4_run(seal->rc4, message->token + 4, CHECKSUM))
        return -EIO;
    seal->sequence++;
    return 0;
}

/* Version and sequence number are in clear: whatever they are, the checksum has to fit what was expected. */
static int signature_compare(const uint8_t expected[NTLM_SIGNATURE], const uint8_t *signature)
{
    if (CRYPTO_memcmp(expected, signature, NTLM_SIGNATURE) == 0) return 0;
    const bool version = memcmp(expected, signature, 4) == 0;
    return version && memcmp(expected + 12, signature + 12, 4) != 0 ? SEC_OUT_OF_SEQUENCE : SEC_BAD_SIGNATURE;
}

int ntlm_seal_unprotect(NtlmSeal *seal, bool encrypts, SecMessage *message)
{
    uint8_t expected[NTLM_SIGNATURE];

    if (message->token_length != NTLM_SIGNATURE) return SEC_BAD_SIGNATURE;
    if ((encrypts && !ntlm_rc4_run(seal->rc4, message->stub, message->stub_length)) ||
        !message_signature(seal, message, expected) || !ntlm_rc4_run(seal->rc4, expected + 4, CHECKSUM))
        return -EIO;
    int r = signature_compare(expected, message->token);
    if (r == 0) seal->sequence++;
    return r;
}

int ntlm_seal_sign(NtlmSeal *seal, const uint8_t *data, size_t length, uint8_t ret_signature[NTLM_SIGNATURE])
{
    NtlmBytes parts[] = {{0}, {data, length}};

    if (!signature_make(seal, parts, ARRAY_SIZE(parts), ret_signature) ||
        !ntlm_rc4_run(seal->rc4, ret_signature + 4, CHECKSUM) || !ntlm_rc4_start(seal->rc4, seal->seal_key))
        return -EIO;
    seal->sequence++;
    return 0;
}

int ntlm_seal_verify(NtlmSeal *seal, const uint8_t *data, size_t length, const uint8_t *signature,
                     size_t signature_length)
{
    uint8_t expected[NTLM_SIGNATURE];

    if (signature_length != NTLM_SIGNATURE) return SEC_BAD_SIGNATURE;
    int r = ntlm_seal_sign(seal, data, length, expected);
    return r < 0 ? r : signature_compare(expected, signature);
}
