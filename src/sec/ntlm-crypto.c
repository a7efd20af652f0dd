/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/ntlm-crypto.h"
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <string.h>
#include "base/utf16.h"

#define HMAC_BLOCK 64u

static const EVP_CIPHER *rc4_cipher; /* as long as the process */
static const EVP_MD *md4, *md5;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fetch(void)
{
    OSSL_LIB_CTX *library = OSSL_LIB_CTX_new();

    if (!library || !OSSL_PROVIDER_load(library, "legacy")) return;
    rc4_cipher = EVP_CIPHER_fetch(library, "RC4", NULL);
    md4 = EVP_MD_fetch(library, "MD4", NULL);
    /* A program's own configuration may take MD5 out of its default context; NTLM cannot do without. */
    if (OSSL_PROVIDER_load(library, "default")) md5 = EVP_MD_fetch(library, "MD5", NULL);
}

bool ntlm_crypto_available(void)
{
    pthread_once(&once, fetch);
    return rc4_cipher && md4 && md5;
}

int ntlm_hash_password(const char *password, uint8_t ret_hash[NTLM_KEY])
{
    _cleanup_(freep) char16_t *wide = NULL;
    size_t units;
    unsigned length = 0;
    uint8_t hash[NTLM_KEY];

    if (!ntlm_crypto_available()) return -EOPNOTSUPP;
    int r = utf16_from_utf8(password, &wide, &units);
    if (r < 0) return r;
    const bool ok =
        EVP_Digest(wide, units * sizeof(*wide), hash, &length, md4, NULL) && length == sizeof(hash);
    explicit_bzero(wide, units * sizeof(*wide));
    if (!ok) return -EOPNOTSUPP;
    memcpy(ret_hash, hash, sizeof(hash));
    explicit_bzero(hash, sizeof(hash));
    return 0;
}

int ntlm_rc4_new(EVP_CIPHER_CTX **ret_rc4)
{
    if (!ntlm_crypto_available()) return -EOPNOTSUPP;
    EVP_CIPHER_CTX *rc4 = EVP_CIPHER_CTX_new();
    if (!rc4) return -ENOMEM;
    *ret_rc4 = rc4;
    return 0;
}

bool ntlm_rc4_start(EVP_CIPHER_CTX *rc4, const uint8_t key[NTLM_KEY])
{
    return EVP_CipherInit_ex(rc4, rc4_cipher, NULL, key, NULL, 1);
}

bool ntlm_rc4_run(EVP_CIPHER_CTX *rc4, uint8_t *data, size_t length)
{
    int written;
    return length == 0 || EVP_CipherUpdate(rc4, data, &written, data, (int)length);
}

static bool digest(EVP_MD_CTX *context, const NtlmBytes *prefix, const NtlmBytes *parts, size_t count,
                   uint8_t ret_digest[NTLM_KEY])
{
    unsigned length = 0;
    bool ok = EVP_DigestInit_ex(context, md5, NULL) &&
              (!prefix || EVP_DigestUpdate(context, prefix->data, prefix->length));

    for (size_t i = 0; ok && i < count; i++)
        ok = parts[i].length == 0 || EVP_DigestUpdate(context, parts[i].data, parts[i].length);
    return ok && EVP_DigestFinal_ex(context, ret_digest, &length) && length == NTLM_KEY;
}

bool ntlm_md5(const NtlmBytes *parts, size_t count, uint8_t ret_digest[NTLM_KEY])
{
    EVP_MD_CTX *context = ntlm_crypto_available() ? EVP_MD_CTX_new() : NULL;
    const bool ok = context && digest(context, NULL, parts, count, ret_digest);

    EVP_MD_CTX_free(context);
    return ok;
}

/* RFC 2104, by hand: OpenSSL's HMAC would look for MD5 in the default library context. */
bool ntlm_hmac(const uint8_t key[NTLM_KEY], const NtlmBytes *parts, size_t count, uint8_t ret_mac[NTLM_KEY])
{
    uint8_t inner[HMAC_BLOCK], outer[HMAC_BLOCK], sum[NTLM_KEY];
    EVP_MD_CTX *context = ntlm_crypto_available() ? EVP_MD_CTX_new() : NULL;

    for (size_t i = 0; i < HMAC_BLOCK; i++) {
        const uint8_t byte = i < NTLM_KEY ? key[i] : 0;
        inner[i] = byte ^ 0x36;
        outer[i] = byte ^ 0x5c;
    }
    const NtlmBytes head = {inner, sizeof(inner)}, tail = {outer, sizeof(outer)}, middle = {sum, sizeof(sum)};
    const bool ok =
        context && digest(context, &head, parts, count, sum) && digest(context, &tail, &middle, 1, ret_mac);
    EVP_MD_CTX_free(context);
    OPENSSL_cleanse(inner, sizeof(inner));
    OPENSSL_cleanse(outer, sizeof(outer));
    return ok;
}
