/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing through libkrb5, for the encryption types that seal-aes.c does not know (RFC 8009) and as its
 * oracle in tests. */
#include <errno.h>
#include <krb5.h>
#include <string.h>
#include "sec/seal.h"

typedef struct SealKrb5 {
    Sealer sealer;
    krb5_context krb5; /* its own: neither contexts nor keys may be shared between threads */
    krb5_key key;
    krb5_keyusage seal_usage, sign_usage;
} SealKrb5;

#define SEAL_IOV_MAX 8

static krb5_crypto_iov iov(krb5_cryptotype type, uint8_t *data, size_t length)
{
    return (krb5_crypto_iov){.flags = type, .data = {.length = (unsigned)length, .data = (char *)data}};
}

#define SEAL_IOV_COUNT 6
static void iov_fill(const Sealer *sealer, const SealParts *parts, krb5_crypto_iov vector[SEAL_IOV_COUNT])
{
    vector[0] = iov(KRB5_CRYPTO_TYPE_HEADER, parts->confounder, SEAL_BLOCK);
    vector[1] = iov(KRB5_CRYPTO_TYPE_SIGN_ONLY, parts->header.data, parts->header.length);
    vector[2] = iov(KRB5_CRYPTO_TYPE_DATA, parts->stub.data, parts->stub.length);
    vector[3] = iov(KRB5_CRYPTO_TYPE_SIGN_ONLY, parts->trailer.data, parts->trailer.length);
    vector[4] = iov(KRB5_CRYPTO_TYPE_DATA, parts->tail.data, parts->tail.length);
    vector[5] = iov(KRB5_CRYPTO_TYPE_TRAILER, parts->mac, sealer->mac_length);
}

static int krb5_seal_encrypt(Sealer *sealer, SealParts *parts)
{
    SealKrb5 *self = container_of(sealer, SealKrb5, sealer);
    krb5_crypto_iov vector[SEAL_IOV_COUNT];

    iov_fill(sealer, parts, vector);
    return krb5_k_encrypt_iov(self->krb5, self->key, self->seal_usage, NULL, vector, SEAL_IOV_COUNT) == 0
               ? 0
               : -EIO;
}

static int krb5_seal_decrypt(Sealer *sealer, SealParts *parts)
{
    SealKrb5 *self = container_of(sealer, SealKrb5, sealer);
    krb5_crypto_iov vector[SEAL_IOV_COUNT];

    iov_fill(sealer, parts, vector);
    krb5_error_code code =
        krb5_k_decrypt_iov(self->krb5, self->key, self->seal_usage, NULL, vector, SEAL_IOV_COUNT);
    if (code == ENOMEM) return -ENOMEM;
    return code == 0 ? 0 : SEC_BAD_SIGNATURE;
}

static int krb5_seal_sign(Sealer *sealer, const SealBytes *parts, size_t count, uint8_t *mac)
{
    SealKrb5 *self = container_of(sealer, SealKrb5, sealer);
    krb5_crypto_iov vector[SEAL_IOV_MAX];

    if (count >= SEAL_IOV_MAX) return -EIO;
    for (size_t i = 0; i < count; i++)
        vector[i] = iov(KRB5_CRYPTO_TYPE_DATA, parts[i].data, parts[i].length);
    vector[count] = iov(KRB5_CRYPTO_TYPE_CHECKSUM, mac, sealer->mac_length);
    krb5_error_code code =
        krb5_k_make_checksum_iov(self->krb5, 0, self->key, self->sign_usage, vector, count + 1);
    if (code == ENOMEM) return -ENOMEM;
    return code == 0 ? 0 : -EIO;
}

static void krb5_seal_free(Sealer *sealer)
{
    SealKrb5 *self = container_of(sealer, SealKrb5, sealer);

    krb5_k_free_key(self->krb5, self->key);
    krb5_free_context(self->krb5);
    free(self);
}

static const SealOps krb5_ops = {krb5_seal_encrypt, krb5_seal_decrypt, krb5_seal_sign, krb5_seal_free};

int seal_krb5_new(const SealSpec *spec, Sealer **ret_sealer)
{
    _cleanup_(sealer_freep) Sealer *sealer = NULL;
    unsigned confounder, mac;
    size_t key_bytes, key_length;

    switch (spec->enctype) {
    case ENCTYPE_AES128_CTS_HMAC_SHA1_96:
    case ENCTYPE_AES256_CTS_HMAC_SHA1_96:
    case ENCTYPE_AES128_CTS_HMAC_SHA256_128:
    case ENCTYPE_AES256_CTS_HMAC_SHA384_192:
        break;
    default:
        return -EOPNOTSUPP;
    }
    SealKrb5 *self = calloc(1, sizeof(*self));
    if (!self) return -ENOMEM;
    self->sealer.ops = &krb5_ops;
    sealer = &self->sealer;
    self->seal_usage = (krb5_keyusage)spec->seal_usage;
    self->sign_usage = (krb5_keyusage)spec->sign_usage;
    if (krb5_init_context(&self->krb5) != 0 ||
        krb5_c_crypto_length(self->krb5, spec->enctype, KRB5_CRYPTO_TYPE_HEADER, &confounder) != 0 ||
        krb5_c_crypto_length(self->krb5, spec->enctype, KRB5_CRYPTO_TYPE_TRAILER, &mac) != 0 ||
        krb5_c_keylengths(self->krb5, spec->enctype, &key_bytes, &key_length) != 0 ||
        confounder != SEAL_BLOCK || mac > SEAL_MAC_MAX)
        return -EIO;
    self->sealer.mac_length = mac;
    if (spec->key_length != key_length) return -EINVAL;
    const krb5_keyblock block = {.magic = KV5M_KEYBLOCK,
                                 .enctype = spec->enctype,
                                 .length = (unsigned)spec->key_length,
                                 .contents = (krb5_octet *)spec->key};
    if (krb5_k_create_key(self->krb5, &block, &self->key) != 0) return -ENOMEM;
    *ret_sealer = TAKE_PTR(sealer);
    return 0;
}
