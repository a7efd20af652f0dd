/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens of RFC 4757 section 7 for the old RC4 type, in DCE style: framed as RFC 2743 says, the stub left in
 * place.
 *
 *     60 length 06 09 OID   01 01 11 00 ff ff ff ff  sequence(8)  checksum(8)                   a MIC
 *     60 length 06 09 OID   02 01 11 00 10 00 ff ff  sequence(8)  checksum(8)  confounder(8)    a sealed stub
 *
 * libkrb5 has no public function for any of this, so it is put together from OpenSSL's HMAC, MD5 and RC4; the
 * test vectors come from MIT's GSSAPI. The authority hands out such keys only with `allow_rc4`.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <string.h>
#include "sec/seal.h"

#define RC4_HMAC          23
#define RC4_KEY           16
#define FRAME             13 /* before the token */
#define HEADER            8  /* of the token */
#define PART              8  /* sequence, checksum, confounder */
#define OFFSET_SEQUENCE   (FRAME + HEADER)
#define OFFSET_CHECKSUM   (OFFSET_SEQUENCE + PART)
#define OFFSET_CONFOUNDER (OFFSET_CHECKSUM + PART)
#define USAGE_SEAL        13 /* RFC 4757: GSS_Wrap; RFC 4121's numbers are mapped to these */
#define USAGE_SIGN        15
#define PARTS_MAX         5

struct SealRc4 {
    uint8_t key[RC4_KEY];
    uint8_t direction; /* 0x00: from the initiator, 0xff: from the acceptor */
    EVP_CIPHER_CTX *cipher;
};

/* RC4 lives in OpenSSL's legacy provider, loaded into a library context of its own so that nobody else gets
 * to see it. */
static const EVP_CIPHER *rc4_cipher;
static pthread_once_t rc4_once = PTHREAD_ONCE_INIT;

static void rc4_fetch(void)
{
    OSSL_LIB_CTX *library = OSSL_LIB_CTX_new(); /* as long as the process */
    if (library && OSSL_PROVIDER_load(library, "legacy")) rc4_cipher = EVP_CIPHER_fetch(library, "RC4", NULL);
}

static const uint8_t frames[2][FRAME + HEADER] = {
    {0x60, 0x23, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01,
     0x02, 0x02, 1,    1,    0x11, 0,    0xff, 0xff, 0xff, 0xff},
    {0x60, 0x2b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01,
     0x02, 0x02, 2,    1,    0x11, 0,    0x10, 0,    0xff, 0xff},
};

static bool hmac(const uint8_t key[RC4_KEY], const void *data, size_t length, uint8_t ret_digest[RC4_KEY])
{
    unsigned size = RC4_KEY;
    return HMAC(EVP_md5(), key, RC4_KEY, data, length, ret_digest, &size) && size == RC4_KEY;
}

static bool rc4_start(SealRc4 *rc4, const uint8_t key[RC4_KEY])
{
    return EVP_CipherInit_ex(rc4->cipher, rc4_cipher, NULL, key, NULL, 1);
}

static bool rc4_run(SealRc4 *rc4, uint8_t *data, size_t length)
{
    int written;
    return length == 0 || EVP_CipherUpdate(rc4->cipher, data, &written, data, (int)length);
}

/* The checksum over token header, confounder and what is signed: the first eight bytes of HMAC(Ksign,
 * MD5(usage | data)). */
static bool checksum(const SealRc4 *rc4, uint32_t usage, const SealBytes *parts, size_t count,
                     uint8_t ret_sum[PART])
{
    const uint8_t salt[4] = {(uint8_t)usage, 0, 0, 0};
    uint8_t sign_key[RC4_KEY], digest[RC4_KEY];
    unsigned size;
    EVP_MD_CTX *md5 = EVP_MD_CTX_new();
    bool ok = md5 && hmac(rc4->key, "signaturekey", sizeof("signaturekey"), sign_key) &&
              EVP_DigestInit_ex(md5, EVP_md5(), NULL) && EVP_DigestUpdate(md5, salt, sizeof(salt));

    for (size_t i = 0; ok && i < count; i++)
        ok = parts[i].length == 0 || EVP_DigestUpdate(md5, parts[i].data, parts[i].length);
    ok = ok && EVP_DigestFinal_ex(md5, digest, &size) && hmac(sign_key, digest, sizeof(digest), digest);
    if (ok) memcpy(ret_sum, digest, PART);
    EVP_MD_CTX_free(md5);
    OPENSSL_cleanse(sign_key, sizeof(sign_key));
    return ok;
}

static bool message_sum(const SealRc4 *rc4, bool seals, const SecMessage *message, uint8_t ret_sum[PART])
{
    SealBytes parts[PARTS_MAX];
    size_t count = 0;

    parts[count++] = (SealBytes){message->token + FRAME, HEADER};
    if (seals) parts[count++] = (SealBytes){message->token + OFFSET_CONFOUNDER, PART};
    if (message->sign_header) parts[count++] = (SealBytes){message->header, message->header_length};
    parts[count++] = (SealBytes){message->stub, message->stub_length};
    if (message->sign_header) parts[count++] = (SealBytes){message->trailer, 8};
    return checksum(rc4, seals ? USAGE_SEAL : USAGE_SIGN, parts, count, ret_sum);
}

/* The sequence number in clear becomes the one on the wire, and the other way round. */
static bool crypt_sequence(SealRc4 *rc4, const uint8_t sum[PART], uint8_t sequence[PART])
{
    static const uint8_t zero[4];
    uint8_t key[RC4_KEY];
    const bool ok = hmac(rc4->key, zero, sizeof(zero), key) && hmac(key, sum, PART, key) &&
                    rc4_start(rc4, key) && rc4_run(rc4, sequence, PART);

    OPENSSL_cleanse(key, sizeof(key));
    return ok;
}

/* Seals or unseals confounder and stub. */
static bool crypt_message(SealRc4 *rc4, const uint8_t sequence[4], SecMessage *message)
{
    static const uint8_t zero[4];
    uint8_t key[RC4_KEY];

    for (unsigned i = 0; i < RC4_KEY; i++)
        key[i] = rc4->key[i] ^ 0xf0;
    const bool ok = hmac(key, zero, sizeof(zero), key) && hmac(key, sequence, 4, key) &&
                    rc4_start(rc4, key) && rc4_run(rc4, message->token + OFFSET_CONFOUNDER, PART) &&
                    rc4_run(rc4, message->stub, message->stub_length);
    OPENSSL_cleanse(key, sizeof(key));
    return ok;
}

static void put_sequence(const SealRc4 *rc4, uint32_t sequence, uint8_t at[PART])
{
    for (unsigned i = 0; i < 4; i++) {
        at[i] = (uint8_t)(sequence >> (24 - 8 * i));
        at[4 + i] = rc4->direction;
    }
}

int seal_rc4_protect(SealRc4 *rc4, bool seals, uint32_t sequence, SecMessage *message)
{
    uint8_t clear[PART], *token = message->token;

    if (seals && RAND_bytes(token + OFFSET_CONFOUNDER, PART) != 1) return -EIO;
    memcpy(token, frames[seals], FRAME + HEADER);
    put_sequence(rc4, sequence, clear);
    memcpy(token + OFFSET_SEQUENCE, clear, PART);
    if (!message_sum(rc4, seals, message, token + OFFSET_CHECKSUM) ||
        !crypt_sequence(rc4, token + OFFSET_CHECKSUM, token + OFFSET_SEQUENCE) ||
        (seals && !crypt_message(rc4, clear, message)))
        return -EIO;
    return 0;
}

int seal_rc4_unprotect(SealRc4 *rc4, bool seals, uint32_t sequence, SecMessage *message)
{
    uint8_t expected[PART], sum[PART], *token = message->token;

    if (message->token_length != seal_rc4_token_length(seals) ||
        memcmp(token, frames[seals], FRAME + HEADER) != 0)
        return SEC_BAD_SIGNATURE;
    put_sequence(rc4, sequence, expected);
    if (!crypt_sequence(rc4, token + OFFSET_CHECKSUM, token + OFFSET_SEQUENCE)) return -EIO;
    if (memcmp(token + OFFSET_SEQUENCE + 4, expected + 4, 4) != 0) return SEC_BAD_SIGNATURE;
    if (memcmp(token + OFFSET_SEQUENCE, expected, 4) != 0) return SEC_OUT_OF_SEQUENCE;
    if (seals && !crypt_message(rc4, expected, message)) return -EIO;
    if (!message_sum(rc4, seals, message, sum)) return -EIO;
    return CRYPTO_memcmp(sum, token + OFFSET_CHECKSUM, PART) == 0 ? 0 : SEC_BAD_SIGNATURE;
}

size_t seal_rc4_token_length(bool seals)
{
    return seals ? OFFSET_CONFOUNDER + PART : OFFSET_CONFOUNDER;
}

SealRc4 *seal_rc4_free(SealRc4 *rc4)
{
    if (!rc4) return NULL;
    EVP_CIPHER_CTX_free(rc4->cipher);
    OPENSSL_cleanse(rc4, sizeof(*rc4));
    free(rc4);
    return NULL;
}

int seal_rc4_new(const SealSpec *spec, bool by_initiator, SealRc4 **ret_rc4)
{
    _cleanup_(seal_rc4_freep) SealRc4 *rc4 = NULL;

    if (spec->enctype != RC4_HMAC) return -EOPNOTSUPP;
    if (spec->key_length != RC4_KEY) return -EINVAL;
    pthread_once(&rc4_once, rc4_fetch);
    if (!rc4_cipher) return -EOPNOTSUPP; /* this OpenSSL has none */
    rc4 = calloc(1, sizeof(*rc4));
    if (!rc4 || !(rc4->cipher = EVP_CIPHER_CTX_new())) return -ENOMEM;
    memcpy(rc4->key, spec->key, RC4_KEY);
    rc4->direction = by_initiator ? 0x00 : 0xff;
    *ret_rc4 = TAKE_PTR(rc4);
    return 0;
}
