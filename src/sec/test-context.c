/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/time.h"
#include "sec/seal.h"

#define HEADER          24
#define STUB_MAX        6000
#define TOKEN_MAX       128
#define LEVEL_PACKET    4
#define LEVEL_INTEGRITY 5
#define LEVEL_PRIVACY   6

typedef struct Packet {
    uint8_t bytes[HEADER + STUB_MAX + 8 + TOKEN_MAX];
    size_t stub_length, token_length;
} Packet;

static uint8_t *packet_token(Packet *packet)
{
    return packet->bytes + HEADER + packet->stub_length + 8;
}

static size_t packet_length(const Packet *packet)
{
    return HEADER + packet->stub_length + 8 + packet->token_length;
}

static SecMessage packet_message(Packet *packet, bool sign_header)
{
    return (SecMessage){.header = packet->bytes,
                        .header_length = HEADER,
                        .stub = packet->bytes + HEADER,
                        .stub_length = packet->stub_length,
                        .trailer = packet->bytes + HEADER + packet->stub_length,
                        .token = packet_token(packet),
                        .token_length = packet->token_length,
                        .sign_header = sign_header};
}

static void packet_fill(Packet *packet, size_t stub_length, size_t token_length)
{
    for (size_t i = 0; i < sizeof(packet->bytes); i++)
        packet->bytes[i] = (uint8_t)(i * 7 + 3);
    packet->stub_length = stub_length;
    packet->token_length = token_length;
}

static int seal_default(const SealSpec *spec, Sealer **ret_sealer)
{
    int r = seal_aes_new(spec, ret_sealer);
    return r == -EOPNOTSUPP ? seal_krb5_new(spec, ret_sealer) : r;
}

static const struct Type {
    int32_t enctype;
    size_t key_length, privacy, integrity;
} types[] = {{17, 16, 76, 28}, {18, 32, 76, 28}, {19, 16, 80, 32}, {20, 32, 88, 40}, {23, 16, 45, 37}};
#define TYPES_RFC4121 4 /* the first */

typedef struct Pair {
    SecContext *client, *server;
} Pair;

#define CLIENT_SEQUENCE                                                                                      \
    0xffffffffull /* 64 bits from the 32-bit start: the second message carries into the high half */
#define SERVER_SEQUENCE 0x12345678ull

static Pair pair_new(const struct Type *type, SealFactory client, SealFactory server)
{
    uint8_t key[32];
    for (size_t i = 0; i < sizeof(key); i++)
        key[i] = (uint8_t)(i * 11 + 1);
    SecContextSpec spec = {.initiator = true,
                           .enctype = type->enctype,
                           .key = key,
                           .key_length = type->key_length,
                           .send_sequence = CLIENT_SEQUENCE,
                           .receive_sequence = SERVER_SEQUENCE,
                           .expires = time_wall() + 3600};
    Pair pair = {0};

    assert_int_equal(sec_context_new_with(client, &spec, &pair.client), 0);
    spec.initiator = false;
    spec.send_sequence = SERVER_SEQUENCE;
    spec.receive_sequence = CLIENT_SEQUENCE;
    assert_int_equal(sec_context_new_with(server, &spec, &pair.server), 0);
    return pair;
}

static void pair_free(Pair *pair)
{
    pair->client = sec_context_free(pair->client);
    pair->server = sec_context_free(pair->server);
}

/* One message from one end to the other, compared with what was sent. */
static void exchange(SecContext *from, SecContext *to, uint8_t level, size_t stub_length, bool sign_header)
{
    Packet packet, plain;
    size_t token_length = sec_context_token_length(from, level);

    packet_fill(&packet, stub_length, token_length);
    plain = packet;
    SecMessage message = packet_message(&packet, sign_header);
    assert_int_equal(sec_context_protect(from, level, &message), 0);
    if (level == LEVEL_PRIVACY && stub_length)
        assert_memory_not_equal(packet.bytes + HEADER, plain.bytes + HEADER, stub_length);
    assert_int_equal(sec_context_unprotect(to, level, &message), 0);
    assert_memory_equal(packet.bytes, plain.bytes, HEADER + stub_length + 8);
}

static void test_round_trip(void **state)
{
    static const size_t lengths[] = {0, 16, 32, 208, 1024, 5808};

    for (size_t t = 0; t < ARRAY_SIZE(types); t++) {
        Pair pair = pair_new(&types[t], seal_default, seal_default);
        assert_int_equal(sec_context_token_length(pair.client, LEVEL_PRIVACY), types[t].privacy);
        assert_int_equal(sec_context_token_length(pair.client, LEVEL_INTEGRITY), types[t].integrity);
        assert_int_equal(sec_context_token_length(pair.client, LEVEL_PACKET), types[t].integrity);
        assert_int_equal(sec_context_token_length(pair.client, 2), 0);
        for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
            for (unsigned sign_header = 0; sign_header < 2; sign_header++)
                for (uint8_t level = LEVEL_PACKET; level <= LEVEL_PRIVACY; level++) {
                    exchange(pair.client, pair.server, level, lengths[i], sign_header);
                    exchange(pair.server, pair.client, level, lengths[i], sign_header);
                }
        pair_free(&pair);
    }
}

/* What OpenSSL seals libkrb5 unseals, and the other way round, in both directions. */
static void test_both_libraries_agree(void **state)
{
    for (size_t t = 0; t < 2; t++) {
        Pair mixed[] = {pair_new(&types[t], seal_aes_new, seal_krb5_new),
                        pair_new(&types[t], seal_krb5_new, seal_aes_new)};
        for (size_t p = 0; p < ARRAY_SIZE(mixed); p++) {
            for (size_t length = 0; length <= 512; length += 16)
                for (unsigned sign_header = 0; sign_header < 2; sign_header++)
                    for (uint8_t level = LEVEL_INTEGRITY; level <= LEVEL_PRIVACY; level++) {
                        exchange(mixed[p].client, mixed[p].server, level, length, sign_header);
                        exchange(mixed[p].server, mixed[p].client, level, length, sign_header);
                    }
            pair_free(&mixed[p]);
        }
    }
}

static void test_signatures_are_equal(void **state)
{
    for (size_t t = 0; t < 2; t++) {
        Pair openssl = pair_new(&types[t], seal_aes_new, seal_aes_new);
        Pair krb5 = pair_new(&types[t], seal_krb5_new, seal_krb5_new);
        for (size_t length = 0; length < 200; length++) {
            Packet a, b;
            packet_fill(&a, length, types[t].integrity);
            packet_fill(&b, length, types[t].integrity);
            SecMessage message = packet_message(&a, true);
            assert_int_equal(
                sec_context_protect(length % 2 ? openssl.client : openssl.server, LEVEL_INTEGRITY, &message),
                0);
            message = packet_message(&b, true);
            assert_int_equal(
                sec_context_protect(length % 2 ? krb5.client : krb5.server, LEVEL_INTEGRITY, &message), 0);
            assert_memory_equal(a.bytes, b.bytes, packet_length(&a));
        }
        pair_free(&openssl);
        pair_free(&krb5);
    }
}

/* Makes a token with any EC and RRC and stub length, as other implementations do: with libkrb5, far from
 * context.c. */
static void seal_like_others(const struct Type *type, uint64_t sequence, size_t filler, size_t rrc,
                             bool sign_header, Packet *packet)
{
    uint8_t key[32], bytes[SEAL_BLOCK + STUB_MAX + 16 + 16 + SEAL_MAC_MAX];
    for (size_t i = 0; i < sizeof(key); i++)
        key[i] = (uint8_t)(i * 11 + 1);
    const SealSpec spec = {.enctype = type->enctype,
                           .key = key,
                           .key_length = type->key_length,
                           .seal_usage = 24,
                           .sign_usage = 25,
                           .sends = true};
    _cleanup_(sealer_freep) Sealer *sealer = NULL;
    uint8_t header[16] = {5, 4, 6, 0xff, 0, (uint8_t)filler, 0, 0};

    assert_int_equal(seal_krb5_new(&spec, &sealer), 0);
    for (unsigned i = 0; i < 8; i++)
        header[8 + i] = (uint8_t)(sequence >> (56 - 8 * i));
    const size_t stub_length = packet->stub_length;
    uint8_t *tail = bytes + SEAL_BLOCK + stub_length;
    SealParts parts = {.confounder = bytes,
                       .stub = {bytes + SEAL_BLOCK, stub_length},
                       .tail = {tail, filler + 16},
                       .mac = tail + filler + 16};
    if (sign_header) {
        parts.header = (SealBytes){packet->bytes, HEADER};
        parts.trailer = (SealBytes){packet->bytes + HEADER + stub_length, 8};
    }
    memcpy(parts.stub.data, packet->bytes + HEADER, stub_length);
    memset(tail, 0, filler);
    memcpy(tail + filler, header, 16);
    assert_int_equal(sealer->ops->encrypt(sealer, &parts), 0);
    header[6] = (uint8_t)(rrc >> 8);
    header[7] = (uint8_t)rrc;
    const size_t length = SEAL_BLOCK + stub_length + filler + 16 + sealer->mac_length;
    const size_t in_token = length - stub_length, rotation = (rrc + filler) % length;
    packet->token_length = 16 + in_token;
    memcpy(packet_token(packet), header, 16);
    for (size_t i = 0; i < length; i++) { /* rotated right: byte i of the plain order lands at i + rotation */
        size_t to = (i + rotation) % length;
        if (to < in_token)
            packet_token(packet)[16 + to] = bytes[i];
        else
            packet->bytes[HEADER + to - in_token] = bytes[i];
    }
}

static void test_any_rotation_is_received(void **state)
{
    static const size_t rrcs[] = {0, 1, 12, 27, 28, 29, 44, 300, 65535};

    for (size_t t = 0; t < TYPES_RFC4121; t++) {
        Pair pair = pair_new(&types[t], seal_default, seal_default);
        uint64_t sequence = CLIENT_SEQUENCE;
        for (size_t length = 0; length < 70; length += 2)
            for (size_t filler = 0; filler <= 16; filler += 4)
                for (size_t i = 0; i < ARRAY_SIZE(rrcs); i++) {
                    Packet packet, plain;
                    packet_fill(&packet, length, 0);
                    plain = packet;
                    seal_like_others(&types[t], sequence++, filler, rrcs[i], i % 2, &packet);
                    SecMessage message = packet_message(&packet, i % 2);
                    assert_int_equal(sec_context_unprotect(pair.server, LEVEL_PRIVACY, &message), 0);
                    assert_memory_equal(packet.bytes, plain.bytes, HEADER + length + 8);
                }
        pair_free(&pair);
    }
}

static void test_every_flipped_bit_is_refused(void **state)
{
    for (size_t t = 0; t < ARRAY_SIZE(types); t++) {
        Pair pair = pair_new(&types[t], seal_default, seal_default);
        for (uint8_t level = LEVEL_INTEGRITY; level <= LEVEL_PRIVACY; level++) {
            Packet good, bad;
            packet_fill(&good, 48, sec_context_token_length(pair.client, level));
            SecMessage message = packet_message(&good, true);
            assert_int_equal(sec_context_protect(pair.client, level, &message), 0);
            for (size_t bit = 0; bit < packet_length(&good) * 8; bit++) {
                bad = good;
                bad.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
                message = packet_message(&bad, true);
                int r = sec_context_unprotect(pair.server, level, &message);
                assert_true(r == SEC_BAD_SIGNATURE || r == SEC_OUT_OF_SEQUENCE);
            }
            message = packet_message(&good, true); /* and the untouched one is still the next in order */
            assert_int_equal(sec_context_unprotect(pair.server, level, &message), 0);
        }
        pair_free(&pair);
    }
}

static void test_unsigned_header_may_change(void **state)
{
    Pair pair = pair_new(&types[1], seal_default, seal_default);

    for (uint8_t level = LEVEL_INTEGRITY; level <= LEVEL_PRIVACY; level++) {
        Packet packet;
        packet_fill(&packet, 32, sec_context_token_length(pair.client, level));
        SecMessage message = packet_message(&packet, false);
        assert_int_equal(sec_context_protect(pair.client, level, &message), 0);
        packet.bytes[0] ^= 1;
        assert_int_equal(sec_context_unprotect(pair.server, level, &message), 0);
        packet_fill(&packet, 32, sec_context_token_length(pair.client, level));
        assert_int_equal(sec_context_protect(pair.client, level, &message), 0);
        message.sign_header = true; /* the two ends must agree */
        assert_int_equal(sec_context_unprotect(pair.server, level, &message), SEC_BAD_SIGNATURE);
        message.sign_header =
            false; /* bring the sequence back in step: the stub of a refused message is undefined */
        pair_free(&pair);
        pair = pair_new(&types[1], seal_default, seal_default);
    }
    pair_free(&pair);
}

static void test_sequence(void **state)
{
    for (uint8_t level = LEVEL_INTEGRITY; level <= LEVEL_PRIVACY; level++) {
        Pair pair = pair_new(&types[1], seal_default, seal_default);
        Packet first, second, again;
        size_t token_length = sec_context_token_length(pair.client, level);

        packet_fill(&first, 32, token_length);
        packet_fill(&second, 32, token_length);
        SecMessage message = packet_message(&first, true);
        assert_int_equal(sec_context_protect(pair.client, level, &message), 0);
        message = packet_message(&second, true);
        assert_int_equal(sec_context_protect(pair.client, level, &message), 0);
        again = second;
        message = packet_message(&again, true); /* a gap */
        assert_int_equal(sec_context_unprotect(pair.server, level, &message), SEC_OUT_OF_SEQUENCE);
        again = first;
        message = packet_message(&again, true);
        assert_int_equal(sec_context_unprotect(pair.server, level, &message), 0);
        again = first;
        message = packet_message(&again, true); /* a replay */
        assert_int_equal(sec_context_unprotect(pair.server, level, &message), SEC_OUT_OF_SEQUENCE);
        again = first;
        message = packet_message(&again, true); /* a replay that says it is the next */
        memcpy(packet_token(&again) + 8, packet_token(&second) + 8, 8);
        assert_int_equal(sec_context_unprotect(pair.server, level, &message), SEC_BAD_SIGNATURE);
        again = second;
        message = packet_message(&again, true);
        assert_int_equal(sec_context_unprotect(pair.client, level, &message),
                         SEC_BAD_SIGNATURE); /* reflected */
        again = second;
        message = packet_message(&again, true);
        assert_int_equal(sec_context_unprotect(pair.server, level, &message), 0);
        pair_free(&pair);
    }
}

static void test_levels_do_not_mix(void **state)
{
    Pair pair = pair_new(&types[1], seal_default, seal_default);
    Packet packet;

    packet_fill(&packet, 32, types[1].integrity);
    SecMessage message = packet_message(&packet, true);
    assert_int_equal(sec_context_protect(pair.client, LEVEL_INTEGRITY, &message), 0);
    assert_int_equal(sec_context_unprotect(pair.server, LEVEL_PRIVACY, &message), SEC_BAD_SIGNATURE);
    assert_int_equal(sec_context_unprotect(pair.server, 1, &message), SEC_BAD_SIGNATURE);
    assert_int_equal(sec_context_unprotect(pair.server, 0, &message), SEC_BAD_SIGNATURE);
    assert_int_equal(sec_context_unprotect(pair.server, 2, &message),
                     0); /* connect: a verifier is tolerated */
    assert_int_equal(sec_context_unprotect(pair.server, LEVEL_INTEGRITY, &message), 0);
    for (size_t length = 0; length < types[1].privacy + 8;
         length++) { /* every token length but the right one */
        message.token_length = length;
        if (length != types[1].integrity) {
            assert_int_equal(sec_context_unprotect(pair.server, LEVEL_INTEGRITY, &message),
                             SEC_BAD_SIGNATURE);
            assert_int_equal(sec_context_protect(pair.client, LEVEL_INTEGRITY, &message), -EINVAL);
        }
        assert_int_equal(sec_context_unprotect(pair.server, LEVEL_PRIVACY, &message), SEC_BAD_SIGNATURE);
    }
    packet_fill(&packet, 20, types[1].privacy); /* not a multiple of 16 */
    message = packet_message(&packet, true);
    assert_int_equal(sec_context_protect(pair.client, LEVEL_PRIVACY, &message), -EINVAL);
    pair_free(&pair);
}

/* Made by MIT's GSSAPI (gss_wrap_iov, gss_get_mic_iov, DCE style): a seal, a MIC, a seal, a MIC from each
 * side. */
#define VECTOR_KEY                "bea92818736b3ec0dc3c7ee5f4f50331"
#define VECTOR_INITIATOR_SEQUENCE 447761827u
#define VECTOR_ACCEPTOR_SEQUENCE  29106152u
static const struct Rc4Vector {
    bool from_acceptor;
    const char *stub, *token, *mic;
} rc4_vectors[] = {
    {false,
     "e6e9ad0103623ed8f288774044d5b110e9bd383576e590e1da6aad9865b8cebfd86f2fce5b7d523da15cc0a408c598d3"
     "f925258e85160287d22855256b5c9197",
     "602b06092a864886f712010202020111001000ffff4c21f284497fbcce78398e1b71258a69a8157ed7a4038bd9",
     "602306092a864886f71201020201011100ffffffffa2e466d2e192e56bdb25ef1ed3de16f7"},
    {false,
     "8ddc1542a75386a6a8ecb2bf0c8c62b37974bdff46b3ebe29b819c0e64d4c9b59372723641b1978cacc19cf7290645dd"
     "1835663a0e4eb4652fa925abcc204ac8",
     "602b06092a864886f712010202020111001000ffff0a6702494252fff63cd1b178749e3f9319e540b2de4ef143",
     "602306092a864886f71201020201011100ffffffffa2e466d0e192e56bdb25ef1ed3de16f7"},
    {true,
     "50ad90924b1b814a54a4921b9f0764b282e6d73a1bc53fe82db2c116b38b750cfe5b0c05329a998bed2950372616819c"
     "ad6fbda200aa82e8befe463b925c8c02",
     "602b06092a864886f712010202020111001000ffffdf70dd6b644ed3b16971ddbaa5428ee9760ea494fb83f300",
     "602306092a864886f71201020201011100ffffffff507b2e3cbfa801dc855c2884178da651"},
    {true,
     "4feeb2509af54de9277073aae41ffd89a00adf4005d86e5b17d7f93abd3a9d8892825b515f6aa2c616306cc10acb8d55"
     "2fe538dff304028e09670b6d5293195e",
     "602b06092a864886f712010202020111001000ffff42a615149d79cd15b06c031b5379685f9dbbc41a12e48194",
     "602306092a864886f71201020201011100ffffffff507b2e3ebfa801dc855c2884178da651"},
};

static void from_hex(const char *hex, uint8_t *bytes)
{
    for (; *hex; hex += 2) {
        const char digits[3] = {hex[0], hex[1], 0};
        *bytes++ = (uint8_t)strtoul(digits, NULL, 16);
    }
}

/* Header and trailer as the vectors were made with: byte i is 3 * i, one more from the acceptor. */
static void vector_fill(Packet *packet, bool from_acceptor, size_t token_length)
{
    packet_fill(packet, 64, token_length);
    for (size_t i = 0; i < HEADER + 64 + 8; i++)
        packet->bytes[i] = (uint8_t)(3 * i + from_acceptor);
}

static void test_rc4_vectors(void **state)
{
    uint8_t key[16];
    SecContextSpec spec = {.enctype = 23, .key = key, .key_length = 16, .expires = INT64_MAX};
    SecContext *ends[2] = {NULL, NULL}; /* the one that listens to the initiator, and the other */
    Packet packet, plain;

    from_hex(VECTOR_KEY, key);
    for (unsigned i = 0; i < 2; i++) {
        spec.initiator = i;
        spec.send_sequence = i ? VECTOR_INITIATOR_SEQUENCE : VECTOR_ACCEPTOR_SEQUENCE;
        spec.receive_sequence = i ? VECTOR_ACCEPTOR_SEQUENCE : VECTOR_INITIATOR_SEQUENCE;
        assert_int_equal(sec_context_new(&spec, &ends[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_SIZE(rc4_vectors); i++) {
        const struct Rc4Vector *vector = &rc4_vectors[i];
        vector_fill(&plain, vector->from_acceptor, types[TYPES_RFC4121].privacy);
        packet = plain;
        from_hex(vector->stub, packet.bytes + HEADER);
        from_hex(vector->token, packet_token(&packet));
        SecMessage message = packet_message(&packet, true);
        assert_int_equal(sec_context_unprotect(ends[vector->from_acceptor], LEVEL_PRIVACY, &message), 0);
        assert_memory_equal(packet.bytes, plain.bytes, HEADER + 64 + 8);
        vector_fill(&packet, vector->from_acceptor, types[TYPES_RFC4121].integrity);
        from_hex(vector->mic, packet_token(&packet));
        message = packet_message(&packet, true);
        assert_int_equal(sec_context_unprotect(ends[vector->from_acceptor], LEVEL_INTEGRITY, &message), 0);
    }
    /* And byte for byte what we make: a MIC has no random part. */
    for (unsigned i = 0; i < 2; i++) {
        ends[i] = sec_context_free(ends[i]);
        spec.initiator = !i;
        spec.send_sequence = 1 + (i ? VECTOR_ACCEPTOR_SEQUENCE : VECTOR_INITIATOR_SEQUENCE);
        assert_int_equal(sec_context_new(&spec, &ends[i]), 0);
        uint8_t expected[37];
        from_hex(rc4_vectors[2 * i].mic, expected);
        vector_fill(&packet, i, sizeof(expected));
        SecMessage message = packet_message(&packet, true);
        assert_int_equal(sec_context_protect(ends[i], LEVEL_INTEGRITY, &message), 0);
        assert_memory_equal(packet_token(&packet), expected, sizeof(expected));
        ends[i] = sec_context_free(ends[i]);
    }
}

/* The MIC of Negotiate: both ways, and every kind of damage; then fragments go on with the next number. */
static void test_mic(void **state)
{
    static const uint8_t list[] = "a list of mechanisms", other[] = "a list of mechanismz";
    uint8_t mic[SEC_MIC_MAX];

    for (size_t t = 0; t < ARRAY_SIZE(types); t++) {
        Pair pair = pair_new(&types[t], seal_default, seal_default);
        const size_t length = sec_context_mic_length(pair.client);
        assert_int_equal(length, types[t].integrity);
        assert_int_equal(sec_context_sign(pair.client, list, sizeof(list), mic), 0);
        assert_int_equal(sec_context_verify(pair.server, other, sizeof(other), mic, length),
                         SEC_BAD_SIGNATURE);
        assert_int_equal(sec_context_verify(pair.server, list, sizeof(list) - 1, mic, length),
                         SEC_BAD_SIGNATURE);
        assert_int_equal(sec_context_verify(pair.server, list, sizeof(list), mic, length - 1),
                         SEC_BAD_SIGNATURE);
        assert_int_equal(sec_context_verify(pair.server, list, sizeof(list), mic, 0), SEC_BAD_SIGNATURE);
        assert_int_equal(sec_context_verify(pair.server, list, sizeof(list), mic, SEC_MIC_MAX + 1),
                         SEC_BAD_SIGNATURE);
        for (size_t i = 0; i < length; i++) {
            mic[i] ^= 1;
            assert_int_not_equal(sec_context_verify(pair.server, list, sizeof(list), mic, length), 0);
            mic[i] ^= 1;
        }
        assert_int_not_equal(sec_context_verify(pair.client, list, sizeof(list), mic, length),
                             0); /* its own */
        assert_int_equal(sec_context_verify(pair.server, list, sizeof(list), mic, length), 0);
        assert_int_not_equal(sec_context_verify(pair.server, list, sizeof(list), mic, length), 0); /* again */
        assert_int_equal(sec_context_sign(pair.server, list, sizeof(list), mic), 0);
        assert_int_equal(sec_context_verify(pair.client, list, sizeof(list), mic, length), 0);
        exchange(pair.client, pair.server, LEVEL_PRIVACY, 48, true);
        exchange(pair.server, pair.client, LEVEL_PRIVACY, 48, true);
        assert_int_equal(sec_context_service(pair.client), 16);
        pair_free(&pair);
    }
}

static void test_expired_and_unknown(void **state)
{
    uint8_t key[32] = {1};
    SecContextSpec spec = {.enctype = 18, .key = key, .key_length = 32, .expires = time_wall()};
    SecContext *context = NULL;
    Packet packet;

    assert_int_equal(sec_context_new(&spec, &context), 0);
    assert_int_equal(sec_context_expires(context), spec.expires);
    packet_fill(&packet, 32, types[1].privacy);
    SecMessage message = packet_message(&packet, true);
    assert_int_equal(sec_context_protect(context, LEVEL_PRIVACY, &message), -EKEYEXPIRED);
    uint8_t mic[SEC_MIC_MAX];
    assert_int_equal(sec_context_sign(context, key, sizeof(key), mic), -EKEYEXPIRED);
    context = sec_context_free(context);
    spec.key_length = 31;
    assert_int_equal(sec_context_new(&spec, &context), -EINVAL);
    spec.enctype = 20;
    assert_int_equal(sec_context_new(&spec, &context), -EINVAL);
    spec.enctype = 23;
    assert_int_equal(sec_context_new(&spec, &context), -EINVAL);
    spec.enctype = 1;
    assert_int_equal(sec_context_new(&spec, &context), -EOPNOTSUPP);
    spec.enctype = 18;
    spec.key_length = 32;
    spec.service = 9; /* Negotiate protects nothing by itself */
    assert_int_equal(sec_context_new(&spec, &context), -EOPNOTSUPP);
    assert_null(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_both_libraries_agree),
        cmocka_unit_test(test_signatures_are_equal),
        cmocka_unit_test(test_any_rotation_is_received),
        cmocka_unit_test(test_every_flipped_bit_is_refused),
        cmocka_unit_test(test_unsigned_header_may_change),
        cmocka_unit_test(test_sequence),
        cmocka_unit_test(test_levels_do_not_mix),
        cmocka_unit_test(test_rc4_vectors),
        cmocka_unit_test(test_mic),
        cmocka_unit_test(test_expired_and_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
