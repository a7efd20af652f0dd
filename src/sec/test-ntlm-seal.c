/* SPDX-License-Identifier: Apache-2.0 */
/* The values of [MS-NLMP] 4.2.4, and what must not pass. */
#include "sec/ntlm-seal.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define HEADER   24u
#define STUB_MAX 6000u

static const uint8_t session_key[NTLM_KEY] = {0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55,
                                              0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55};

typedef struct Packet {
    uint8_t header[HEADER], stub[STUB_MAX], trailer[8], token[NTLM_SIGNATURE];
    size_t stub_length;
} Packet;

static SecMessage message_of(Packet *packet)
{
    return (SecMessage){.header = packet->header,
                        .header_length = HEADER,
                        .stub = packet->stub,
                        .stub_length = packet->stub_length,
                        .trailer = packet->trailer,
                        .token = packet->token,
                        .token_length = NTLM_SIGNATURE};
}

static void packet_fill(Packet *packet, size_t stub_length)
{
    uint8_t *bytes = (uint8_t *)packet;
    for (size_t i = 0; i < offsetof(Packet, stub_length); i++)
        bytes[i] = (uint8_t)(i * 7 + 3);
    packet->stub_length = stub_length;
}

static int protect(NtlmSeal *seal, bool encrypts, Packet *packet)
{
    SecMessage message = message_of(packet);
    return ntlm_seal_protect(seal, encrypts, &message);
}

static int unprotect(NtlmSeal *seal, bool encrypts, Packet *packet)
{
    SecMessage message = message_of(packet);
    return ntlm_seal_unprotect(seal, encrypts, &message);
}

static void make_pair(NtlmSeal *sender, NtlmSeal *receiver)
{
    assert_int_equal(ntlm_seal_init(sender, session_key, true), 0);
    assert_int_equal(ntlm_seal_init(receiver, session_key, true), 0);
}

static void test_hash_of_4_2_2_1_2(void **state)
{
    static const uint8_t expected[] = {0xa4, 0xf4, 0x9c, 0x40, 0x65, 0x10, 0xbd, 0xca,
                                       0xb6, 0x82, 0x4e, 0xe7, 0xc3, 0x0f, 0xd8, 0x52};
    uint8_t hash[NTLM_KEY];
    assert_int_equal(ntlm_hash_password("Password", hash), 0);
    assert_memory_equal(hash, expected, sizeof(expected));
}

static void test_keys_of_4_2_4_4(void **state)
{
    static const uint8_t seal_key[] = {0x59, 0xf6, 0x00, 0x97, 0x3c, 0xc4, 0x96, 0x0a,
                                       0x25, 0x48, 0x0a, 0x7c, 0x19, 0x6e, 0x4c, 0x58},
                         sign_key[] = {0x47, 0x88, 0xdc, 0x86, 0x1b, 0x47, 0x82, 0xf3,
                                       0x5d, 0x43, 0xfd, 0x98, 0xfe, 0x1a, 0x2d, 0x39};
    NtlmSeal client, server;
    assert_int_equal(ntlm_seal_init(&client, session_key, true), 0);
    assert_int_equal(ntlm_seal_init(&server, session_key, false), 0);
    assert_memory_equal(client.seal_key, seal_key, NTLM_KEY);
    assert_memory_equal(client.sign_key, sign_key, NTLM_KEY);
    assert_memory_not_equal(server.seal_key, client.seal_key, NTLM_KEY);
    assert_memory_not_equal(server.sign_key, client.sign_key, NTLM_KEY);
    ntlm_seal_deinit(&client);
    ntlm_seal_deinit(&server);
}

static void test_message_of_4_2_4_4(void **state)
{
    static const uint8_t plain[] = "P\0l\0a\0i\0n\0t\0e\0x\0t";
    static const uint8_t cipher[] = {0x54, 0xe5, 0x01, 0x65, 0xbf, 0x19, 0x36, 0xdc, 0x99,
                                     0x60, 0x20, 0xc1, 0x81, 0x1b, 0x0f, 0x06, 0xfb, 0x5f},
                         signature[] = {0x01, 0x00, 0x00, 0x00, 0x7f, 0xb3, 0x8e, 0xc5,
                                        0xc5, 0x5d, 0x49, 0x76, 0x00, 0x00, 0x00, 0x00};
    uint8_t stub[sizeof(cipher)], token[NTLM_SIGNATURE];
    NtlmSeal seal;
    /* The example signs what it encrypts and nothing round it: header and trailer are parts of the text here.
     */
    uint8_t *const whole = stub;
    memcpy(whole, plain, sizeof(stub));
    SecMessage message = {.header = whole,
                          .header_length = 0,
                          .stub = whole,
                          .stub_length = sizeof(stub) - 8,
                          .trailer = whole + sizeof(stub) - 8,
                          .token = token,
                          .token_length = sizeof(token)};
    assert_int_equal(ntlm_seal_init(&seal, session_key, true), 0);
    assert_int_equal(ntlm_seal_protect(&seal, true, &message), 0);
    assert_memory_equal(stub, cipher, sizeof(stub) - 8);
    assert_int_equal(token[0], 1);
    ntlm_seal_deinit(&seal);
    /* The checksum itself, over all of it, in the order 4.2.4.4 has: text first, then checksum. */
    assert_int_equal(ntlm_seal_init(&seal, session_key, true), 0);
    memcpy(stub, plain, sizeof(stub));
    const uint8_t sequence[4] = {0};
    const NtlmBytes parts[] = {{sequence, 4}, {stub, sizeof(stub)}};
    uint8_t mac[NTLM_KEY];
    assert_true(ntlm_hmac(seal.sign_key, parts, 2, mac));
    assert_true(ntlm_rc4_run(seal.rc4, stub, sizeof(stub)));
    assert_true(ntlm_rc4_run(seal.rc4, mac, 8));
    assert_memory_equal(stub, cipher, sizeof(stub));
    assert_memory_equal(mac, signature + 4, 8);
    ntlm_seal_deinit(&seal);
}

/* A signature over plain bytes uses the same checksum, before the key stream was used for anything else. */
static void test_sign_is_what_verify_expects(void **state)
{
    static const uint8_t data[] = "mechList";
    uint8_t signature[NTLM_SIGNATURE];
    NtlmSeal sender, receiver;
    Packet packet, plain;

    make_pair(&sender, &receiver);
    assert_int_equal(ntlm_seal_sign(&sender, data, sizeof(data), signature), 0);
    assert_int_equal(ntlm_seal_verify(&receiver, data, sizeof(data), signature, sizeof(signature)), 0);
    /* The number goes on, the key stream starts again. */
    assert_int_equal(sender.sequence, 1);
    packet_fill(&packet, 64);
    plain = packet;
    assert_int_equal(protect(&sender, true, &packet), 0);
    assert_int_equal(packet.token[12], 1);
    uint8_t stream[64];
    EVP_CIPHER_CTX *rc4;
    assert_int_equal(ntlm_rc4_new(&rc4), 0);
    assert_true(ntlm_rc4_start(rc4, sender.seal_key));
    memcpy(stream, plain.stub, sizeof(stream));
    assert_true(ntlm_rc4_run(rc4, stream, sizeof(stream)));
    assert_memory_equal(packet.stub, stream, sizeof(stream));
    EVP_CIPHER_CTX_free(rc4);
    assert_int_equal(unprotect(&receiver, true, &packet), 0);
    assert_memory_equal(packet.stub, plain.stub, 64);
    ntlm_seal_deinit(&sender);
    ntlm_seal_deinit(&receiver);
}

static void test_verify_refuses(void **state)
{
    static const uint8_t data[] = "mechList";
    uint8_t signature[NTLM_SIGNATURE];
    for (size_t i = 0; i <= NTLM_SIGNATURE; i++) {
        NtlmSeal sender, receiver;
        make_pair(&sender, &receiver);
        assert_int_equal(ntlm_seal_sign(&sender, data, sizeof(data), signature), 0);
        if (i < NTLM_SIGNATURE) signature[i] ^= 0x40;
        assert_int_not_equal(ntlm_seal_verify(&receiver, data, i < NTLM_SIGNATURE ? sizeof(data) : 3,
                                              signature, sizeof(signature)),
                             0);
        assert_int_equal(ntlm_seal_verify(&receiver, data, sizeof(data), signature, 15), SEC_BAD_SIGNATURE);
        ntlm_seal_deinit(&sender);
        ntlm_seal_deinit(&receiver);
    }
}

static void test_round_trip_of_every_length(void **state)
{
    for (unsigned encrypts = 0; encrypts < 2; encrypts++) {
        NtlmSeal sender, receiver;
        make_pair(&sender, &receiver);
        for (size_t length = 0; length < STUB_MAX; length += length < 40 ? 1 : 997) {
            Packet packet, plain;
            packet_fill(&packet, length);
            plain = packet;
            assert_int_equal(protect(&sender, encrypts, &packet), 0);
            assert_memory_equal(packet.header, plain.header, HEADER);
            assert_int_equal(memcmp(packet.stub, plain.stub, length) == 0, !encrypts || length == 0);
            assert_int_equal(unprotect(&receiver, encrypts, &packet), 0);
            assert_memory_equal(packet.stub, plain.stub, STUB_MAX);
        }
        ntlm_seal_deinit(&sender);
        ntlm_seal_deinit(&receiver);
    }
}

/* NTLM signs header and sec_trailer whether that was negotiated or not. */
static void test_every_bit_counts(void **state)
{
    for (unsigned encrypts = 0; encrypts < 2; encrypts++)
        for (size_t i = 0; i < HEADER + 32 + 8 + NTLM_SIGNATURE; i++) {
            NtlmSeal sender, receiver;
            Packet packet;
            make_pair(&sender, &receiver);
            packet_fill(&packet, 32);
            assert_int_equal(protect(&sender, encrypts, &packet), 0);
            uint8_t *at = i < HEADER        ? packet.header + i
                          : i < HEADER + 32 ? packet.stub + (i - HEADER)
                          : i < HEADER + 40 ? packet.trailer + (i - HEADER - 32)
                                            : packet.token + (i - HEADER - 40);
            *at ^= 1;
            const int expected = i >= HEADER + 40 + 12 ? SEC_OUT_OF_SEQUENCE : SEC_BAD_SIGNATURE;
            assert_int_equal(unprotect(&receiver, encrypts, &packet), expected);
            ntlm_seal_deinit(&sender);
            ntlm_seal_deinit(&receiver);
        }
}

static void test_replayed_reordered_and_reflected(void **state)
{
    Packet first, second, copy;
    NtlmSeal sender, receiver, other;

    make_pair(&sender, &receiver);
    packet_fill(&first, 16);
    packet_fill(&second, 16);
    copy = first;
    assert_int_equal(protect(&sender, false, &first), 0);
    assert_int_equal(protect(&sender, false, &second), 0);
    copy = first;
    assert_int_equal(unprotect(&receiver, false, &first), 0);
    assert_int_equal(unprotect(&receiver, false, &copy), SEC_OUT_OF_SEQUENCE);
    ntlm_seal_deinit(&receiver);
    assert_int_equal(ntlm_seal_init(&receiver, session_key, true), 0);
    assert_int_equal(unprotect(&receiver, false, &second), SEC_OUT_OF_SEQUENCE);
    /* What the client sent is not accepted as the server's. */
    assert_int_equal(ntlm_seal_init(&other, session_key, false), 0);
    assert_int_equal(unprotect(&other, false, &first), SEC_BAD_SIGNATURE);
    ntlm_seal_deinit(&sender);
    ntlm_seal_deinit(&receiver);
    ntlm_seal_deinit(&other);
}

static void test_wrong_lengths(void **state)
{
    Packet packet;
    NtlmSeal sender, receiver;

    make_pair(&sender, &receiver);
    packet_fill(&packet, 16);
    SecMessage message = message_of(&packet);
    message.token_length = NTLM_SIGNATURE - 1;
    assert_int_not_equal(ntlm_seal_protect(&sender, true, &message), 0);
    assert_int_equal(ntlm_seal_unprotect(&receiver, true, &message), SEC_BAD_SIGNATURE);
    ntlm_seal_deinit(&sender);
    ntlm_seal_deinit(&receiver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash_of_4_2_2_1_2),  cmocka_unit_test(test_keys_of_4_2_4_4),
        cmocka_unit_test(test_message_of_4_2_4_4), cmocka_unit_test(test_sign_is_what_verify_expects),
        cmocka_unit_test(test_verify_refuses),     cmocka_unit_test(test_round_trip_of_every_length),
        cmocka_unit_test(test_every_bit_counts),   cmocka_unit_test(test_replayed_reordered_and_reflected),
        cmocka_unit_test(test_wrong_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
