/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cryptography under sec/context: one direction of one RFC 4121 conversation, for one RFC 3961 encryption
 * type. Tokens, rotation and sequence numbers are context.c's; keys are here. Private to sec/.
 *
 * A sealer is used by one thread at a time. Two of one context share nothing.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "sec/context.h"

#define SEAL_BLOCK   16 /* confounder and cipher block of every AES type */
#define SEAL_MAC_MAX 24 /* aes256-cts-hmac-sha384-192 */

/* RFC 4121 section 2: the key usages of a direction follow from who sends. */
#define SEAL_USAGE_ACCEPTOR_SEAL  22
#define SEAL_USAGE_ACCEPTOR_SIGN  23
#define SEAL_USAGE_INITIATOR_SEAL 24
#define SEAL_USAGE_INITIATOR_SIGN 25

typedef struct SealBytes {
    uint8_t *data;
    size_t length;
} SealBytes;

/* One message. Plain and cipher text take the same place: confounder | stub | tail, then the MAC. */
typedef struct SealParts {
    uint8_t *confounder; /* SEAL_BLOCK bytes; written by encrypt */
    SealBytes header;    /* signed only */
    SealBytes stub;      /* encrypted */
    SealBytes trailer;   /* signed only */
    SealBytes tail;      /* filler and copy of the token header: encrypted */
    uint8_t *mac;        /* Sealer.mac_length bytes */
} SealParts;

typedef struct Sealer Sealer;
typedef struct SealOps {
    /* 0, -EIO. */
    int (*encrypt)(Sealer *sealer, SealParts *parts);
    /* 0, SEC_BAD_SIGNATURE, -EIO, -ENOMEM. */
    int (*decrypt)(Sealer *sealer, SealParts *parts);
    /* The MIC over the concatenation; `mac` gets mac_length bytes. 0, -EIO, -ENOMEM. */
    int (*sign)(Sealer *sealer, const SealBytes *parts, size_t count, uint8_t *mac);
    void (*free)(Sealer *sealer);
} SealOps;

struct Sealer {
    const SealOps *ops;
    size_t mac_length;
};

/* A sealer's key and direction. `sends`: it encrypts and signs, else it decrypts and verifies. */
typedef struct SealSpec {
    int32_t enctype;
    const uint8_t *key;
    size_t key_length;
    unsigned seal_usage, sign_usage;
    bool sends;
} SealSpec;

static inline Sealer *sealer_free(Sealer *sealer)
{
    if (sealer) sealer->ops->free(sealer);
    return NULL;
}
DEFINE_CLEANUP(Sealer, sealer_free)

/* aes128- and aes256-cts-hmac-sha1-96 through OpenSSL. 0, -EOPNOTSUPP, -EINVAL (key length), -ENOMEM, -EIO.
 */
int seal_aes_new(const SealSpec *spec, Sealer **ret_sealer) must_use;
/* Every AES type through libkrb5. The same. */
int seal_krb5_new(const SealSpec *spec, Sealer **ret_sealer) must_use;

/* The RC4 type, whose tokens are another world (seal-rc4.c). One direction; one thread at a time. */
typedef struct SealRc4 SealRc4;
/* 0, -EOPNOTSUPP (another type, or no RC4 in this OpenSSL), -EINVAL (key length), -ENOMEM. */
int seal_rc4_new(const SealSpec *spec, bool by_initiator, SealRc4 **ret_rc4) must_use;
SealRc4 *seal_rc4_free(SealRc4 *rc4);
DEFINE_CLEANUP(SealRc4, seal_rc4_free)
size_t seal_rc4_token_length(bool seals);
/* The whole token. 0, -EIO. */
int seal_rc4_protect(SealRc4 *rc4, bool seals, uint32_t sequence, SecMessage *message) must_use;
/* 0, SEC_BAD_SIGNATURE, SEC_OUT_OF_SEQUENCE, -EIO. */
int seal_rc4_unprotect(SealRc4 *rc4, bool seals, uint32_t sequence, SecMessage *message) must_use;

/* Makes a sealer of one kind for every direction of a context; the tests run the same type through both. */
typedef int (*SealFactory)(const SealSpec *spec, Sealer **ret_sealer);
int sec_context_new_with(SealFactory factory, const SecContextSpec *spec, SecContext **ret_context) must_use;
