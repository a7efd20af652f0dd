/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/hardware.h"
#include <cpuid.h>
#include <immintrin.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>
#include "tests/bench/measure.h"

#pragma GCC target("aes,sha,ssse3,sse4.1")

#define BLOCK           16u
#define AES256_ROUNDS   14u
#define SHA_BLOCK       64u
#define SHA_DIGEST      20u
#define MAC             12u
#define USAGE_ACCEPTOR  22 /* RFC 4121 section 2: sealing, by who speaks */
#define USAGE_INITIATOR 24
#define RRC             28u /* BLOCK + MAC */

typedef struct ShaState {
    uint32_t words[5];
} ShaState;

typedef struct Sha {
    ShaState state;
    uint8_t block[SHA_BLOCK];
    size_t filled;
    uint64_t total;
} Sha;

struct HardwareSealer {
    __m128i encrypt[AES256_ROUNDS + 1], decrypt[AES256_ROUNDS + 1];
    ShaState inner, outer; /* HMAC: after the padded key */
    uint64_t sequence, confounder;
    uint8_t flags;
    uint8_t work[BLOCK + HARDWARE_STUB + 2 * BLOCK] __attribute__((aligned(64)));
};

bool hardware_is_there(void)
{
    unsigned a, b, c, d;
    return __builtin_cpu_supports("aes") && __builtin_cpu_supports("sse4.1") &&
           __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
}

static __m128i load(const void *from)
{
    return _mm_loadu_si128(from);
}

static void store(void *to, __m128i value)
{
    _mm_storeu_si128(to, value);
}

/* AES-256 */

static __m128i expand(__m128i key, __m128i assist)
{
    key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
    key = _mm_xor_si128(key, _mm_slli_si128(key, 8));
    return _mm_xor_si128(key, assist);
}

/* Round keys i and i + 1; the round constant must be one to the compiler. */
#define EXPAND_PAIR(keys, i, constant)                                                                       \
    do {                                                                                                     \
        (keys)[i] = expand((keys)[(i)-2],                                                                    \
                           _mm_shuffle_epi32(_mm_aeskeygenassist_si128((keys)[(i)-1], constant), 0xff));     \
        (keys)[(i) + 1] =                                                                                    \
            expand((keys)[(i)-1], _mm_shuffle_epi32(_mm_aeskeygenassist_si128((keys)[i], 0), 0xaa));         \
    } while (0)

static void aes_expand(HardwareSealer *sealer, const uint8_t key[HARDWARE_KEY])
{
    __m128i keys[AES256_ROUNDS + 2];

    keys[0] = load(key);
    keys[1] = load(key + BLOCK);
    EXPAND_PAIR(keys, 2, 0x01);
    EXPAND_PAIR(keys, 4, 0x02);
    EXPAND_PAIR(keys, 6, 0x04);
    EXPAND_PAIR(keys, 8, 0x08);
    EXPAND_PAIR(keys, 10, 0x10);
    EXPAND_PAIR(keys, 12, 0x20);
    EXPAND_PAIR(keys, 14, 0x40);
    memcpy(sealer->encrypt, keys, sizeof(sealer->encrypt));
    sealer->decrypt[0] = keys[AES256_ROUNDS];
    for (unsigned i = 1; i < AES256_ROUNDS; i++)
        sealer->decrypt[i] = _mm_aesimc_si128(keys[AES256_ROUNDS - i]);
    sealer->decrypt[AES256_ROUNDS] = keys[0];
}

static inline __m128i aes_encrypt(const __m128i *keys, __m128i block)
{
    block = _mm_xor_si128(block, keys[0]);
    for (unsigned i = 1; i < AES256_ROUNDS; i++)
        block = _mm_aesenc_si128(block, keys[i]);
    return _mm_aesenclast_si128(block, keys[AES256_ROUNDS]);
}

static inline __m128i aes_decrypt(const __m128i *keys, __m128i block)
{
    block = _mm_xor_si128(block, keys[0]);
    for (unsigned i = 1; i < AES256_ROUNDS; i++)
        block = _mm_aesdec_si128(block, keys[i]);
    return _mm_aesdeclast_si128(block, keys[AES256_ROUNDS]);
}

static void swap_last_blocks(uint8_t *data, size_t length)
{
    uint8_t *last = data + length - BLOCK;
    const __m128i moved = load(last);

    store(last, load(last - BLOCK));
    store(last - BLOCK, moved);
}

/* Ciphertext stealing with a whole last block: a CBC chain with its last two blocks swapped (RFC 3962). */
static void cts_encrypt(const HardwareSealer *sealer, uint8_t *data, size_t length)
{
    __m128i chain = _mm_setzero_si128();

    for (size_t at = 0; at < length; at += BLOCK) {
        chain = aes_encrypt(sealer->encrypt, _mm_xor_si128(chain, load(data + at)));
        store(data + at, chain);
    }
    swap_last_blocks(data, length);
}

/* Eight blocks abreast: decryption depends on cipher text only. */
static void cts_decrypt(const HardwareSealer *sealer, uint8_t *data, size_t length)
{
    enum { ABREAST = 8 };
    __m128i chain = _mm_setzero_si128(), cipher[ABREAST], plain[ABREAST];
    size_t at = 0;

    swap_last_blocks(data, length);
    for (; at + ABREAST * BLOCK <= length; at += ABREAST * BLOCK) {
        for (unsigned i = 0; i < ABREAST; i++) {
            cipher[i] = load(data + at + i * BLOCK);
            plain[i] = _mm_xor_si128(cipher[i], sealer->decrypt[0]);
        }
        for (unsigned round = 1; round < AES256_ROUNDS; round++)
            for (unsigned i = 0; i < ABREAST; i++)
                plain[i] = _mm_aesdec_si128(plain[i], sealer->decrypt[round]);
        for (unsigned i = 0; i < ABREAST; i++) {
            plain[i] = _mm_aesdeclast_si128(plain[i], sealer->decrypt[AES256_ROUNDS]);
            store(data + at + i * BLOCK, _mm_xor_si128(plain[i], chain));
            chain = cipher[i];
        }
    }
    for (; at < length; at += BLOCK) {
        const __m128i block = load(data + at);
        store(data + at, _mm_xor_si128(aes_decrypt(sealer->decrypt, block), chain));
        chain = block;
    }
}

/* SHA-1 */

/* Twenty rounds with one of the four round functions, which must be constant to the compiler: five groups of
 * four. `w` are the last 16 words of the message schedule, `e` what goes into the next group. */
#define SHA_PHASE(function)                                                                                  \
    for (unsigned group = (function)*5; group < (function)*5 + 5; group++) {                                 \
        __m128i *now = &w[group % 4];                                                                        \
        if (group >= 4) {                                                                                    \
            *now = _mm_sha1msg1_epu32(*now, w[(group + 1) % 4]);                                             \
            *now = _mm_xor_si128(*now, w[(group + 2) % 4]);                                                  \
            *now = _mm_sha1msg2_epu32(*now, w[(group + 3) % 4]);                                             \
        }                                                                                                    \
        const __m128i mixed = group ? _mm_sha1nexte_epu32(e, *now) : _mm_add_epi32(e, *now);                 \
        e = abcd;                                                                                            \
        abcd = _mm_sha1rnds4_epu32(abcd, mixed, function);                                                   \
    }

__attribute__((optimize("O3", "unroll-loops"))) static void sha_blocks(ShaState *state, const uint8_t *data,
                                                                       size_t count)
{
    const __m128i big_endian = _mm_set_epi64x(0x0001020304050607ll, 0x08090a0b0c0d0e0fll);
    __m128i abcd = _mm_shuffle_epi32(load(state->words), 0x1b);
    __m128i e = _mm_set_epi32((int)state->words[4], 0, 0, 0);

    for (; count > 0; count--, data += SHA_BLOCK) {
        const __m128i abcd_before = abcd, e_before = e;
        __m128i w[4];
        for (unsigned i = 0; i < 4; i++)
            w[i] = _mm_shuffle_epi8(load(data + i * BLOCK), big_endian);
        SHA_PHASE(0)
        SHA_PHASE(1)
        SHA_PHASE(2)
        SHA_PHASE(3)
        e = _mm_sha1nexte_epu32(e, e_before);
        abcd = _mm_add_epi32(abcd, abcd_before);
    }
    store(state->words, _mm_shuffle_epi32(abcd, 0x1b));
    state->words[4] = (uint32_t)_mm_extract_epi32(e, 3);
}

/* `state` follows on a whole block. */
static void sha_begin(Sha *sha, const ShaState *state)
{
    sha->state = *state;
    sha->filled = 0;
    sha->total = SHA_BLOCK;
}

static void sha_add(Sha *sha, const uint8_t *data, size_t length)
{
    sha->total += length;
    if (sha->filled) {
        const size_t room = SHA_BLOCK - sha->filled, taken = length < room ? length : room;
        memcpy(sha->block + sha->filled, data, taken);
        sha->filled += taken;
        data += taken;
        length -= taken;
        if (sha->filled < SHA_BLOCK) return;
        sha_blocks(&sha->state, sha->block, 1);
        sha->filled = 0;
    }
    if (length >= SHA_BLOCK) sha_blocks(&sha->state, data, length / SHA_BLOCK);
    sha->filled = length % SHA_BLOCK;
    memcpy(sha->block, data + length - sha->filled, sha->filled);
}

static void sha_end(Sha *sha, uint8_t digest[SHA_DIGEST])
{
    const uint64_t bits = __builtin_bswap64(sha->total * 8);

    sha->block[sha->filled++] = 0x80;
    if (sha->filled > SHA_BLOCK - sizeof(bits)) {
        memset(sha->block + sha->filled, 0, SHA_BLOCK - sha->filled);
        sha_blocks(&sha->state, sha->block, 1);
        sha->filled = 0;
    }
    memset(sha->block + sha->filled, 0, SHA_BLOCK - sizeof(bits) - sha->filled);
    memcpy(sha->block + SHA_BLOCK - sizeof(bits), &bits, sizeof(bits));
    sha_blocks(&sha->state, sha->block, 1);
    for (unsigned i = 0; i < 5; i++) {
        const uint32_t word = __builtin_bswap32(sha->state.words[i]);
        memcpy(digest + 4 * i, &word, sizeof(word));
    }
}

static ShaState hmac_half(const uint8_t key[HARDWARE_KEY], uint8_t pad)
{
    ShaState state = {{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}};
    uint8_t block[SHA_BLOCK];

    memset(block, pad, sizeof(block));
    for (unsigned i = 0; i < HARDWARE_KEY; i++)
        block[i] ^= key[i];
    sha_blocks(&state, block, 1);
    return state;
}

/* Keys */

/* RFC 3961 5.1; OpenSSL has it. */
static void derive(const uint8_t base[HARDWARE_KEY], uint8_t usage, uint8_t tag,
                   uint8_t ret_key[HARDWARE_KEY])
{
    uint8_t constant[5] = {0, 0, 0, usage, tag};
    char cipher[] = "AES-256-CBC";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_CIPHER, cipher, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)base, HARDWARE_KEY),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_CONSTANT, constant, sizeof(constant)),
        OSSL_PARAM_construct_end()};
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "KRB5KDF", NULL);
    EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;

    if (!context || EVP_KDF_derive(context, ret_key, HARDWARE_KEY, parameters) != 1)
        measure_fail("OpenSSL does not derive keys as Kerberos does");
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
}

HardwareSealer *hardware_sealer_new(const uint8_t key[HARDWARE_KEY], bool from_acceptor, uint64_t sequence)
{
    const uint8_t usage = from_acceptor ? USAGE_ACCEPTOR : USAGE_INITIATOR;
    HardwareSealer *sealer = aligned_alloc(64, (sizeof(*sealer) + 63) / 64 * 64);
    uint8_t derived[HARDWARE_KEY];

    if (!sealer) measure_fail("out of memory");
    memset(sealer, 0, sizeof(*sealer));
    derive(key, usage, 0xAA, derived);
    aes_expand(sealer, derived);
    derive(key, usage, 0x55, derived);
    sealer->inner = hmac_half(derived, 0x36);
    sealer->outer = hmac_half(derived, 0x5c);
    sealer->sequence = sequence;
    sealer->flags = from_acceptor ? 0x07 : 0x06; /* sealed, with the acceptor's subkey */
    return sealer;
}

/* Sealing. `work` holds confounder | stub | filler | copy of the token's header. */

static void mac_of(HardwareSealer *sealer, const uint8_t *pdu, size_t header, size_t stub,
                   uint8_t digest[SHA_DIGEST])
{
    Sha sha;

    sha_begin(&sha, &sealer->inner);
    sha_add(&sha, sealer->work, BLOCK);
    sha_add(&sha, pdu, header);
    sha_add(&sha, sealer->work + BLOCK, stub);
    sha_add(&sha, pdu + header + stub, HARDWARE_TRAILER);
    sha_add(&sha, sealer->work + BLOCK + stub, 2 * BLOCK);
    sha_end(&sha, digest);
    sha_begin(&sha, &sealer->outer);
    sha_add(&sha, digest, SHA_DIGEST);
    sha_end(&sha, digest);
}

static void token_header(const HardwareSealer *sealer, uint8_t token[BLOCK], uint8_t rrc)
{
    const uint8_t start[8] = {5, 4, sealer->flags, 0xff, 0, BLOCK, 0, rrc};
    const uint64_t sequence = __builtin_bswap64(sealer->sequence);

    memcpy(token, start, sizeof(start));
    memcpy(token + sizeof(start), &sequence, sizeof(sequence));
}

void hardware_seal(HardwareSealer *sealer, uint8_t *pdu, size_t header, size_t stub)
{
    uint8_t *work = sealer->work, *tail = work + BLOCK + stub;
    uint8_t *token = pdu + header + stub + HARDWARE_TRAILER, digest[SHA_DIGEST];

    store(work, aes_encrypt(sealer->encrypt, _mm_set_epi64x(0, (long long)++sealer->confounder)));
    memcpy(work + BLOCK, pdu + header, stub);
    memset(tail, 0xff, BLOCK);
    token_header(sealer, tail + BLOCK, 0);
    mac_of(sealer, pdu, header, stub, digest);
    cts_encrypt(sealer, work, stub + 3 * BLOCK);
    memcpy(pdu + header, work + BLOCK, stub);
    token_header(sealer, token, RRC);
    memcpy(token + BLOCK, tail, 2 * BLOCK);
    memcpy(token + 3 * BLOCK, digest, MAC);
    memcpy(token + 3 * BLOCK + MAC, work, BLOCK);
    sealer->sequence++;
}

bool hardware_unseal(HardwareSealer *sealer, uint8_t *pdu, size_t header, size_t stub)
{
    uint8_t *work = sealer->work, *tail = work + BLOCK + stub, expected[BLOCK], digest[SHA_DIGEST];
    const uint8_t *token = pdu + header + stub + HARDWARE_TRAILER;

    memcpy(work, token + 3 * BLOCK + MAC, BLOCK);
    memcpy(work + BLOCK, pdu + header, stub);
    memcpy(tail, token + BLOCK, 2 * BLOCK);
    cts_decrypt(sealer, work, stub + 3 * BLOCK);
    mac_of(sealer, pdu, header, stub, digest);
    memcpy(pdu + header, work + BLOCK, stub);
    token_header(sealer, expected, 0);
    sealer->sequence++;
    return memcmp(digest, token + 3 * BLOCK, MAC) == 0 && memcmp(tail + BLOCK, expected, BLOCK) == 0;
}
