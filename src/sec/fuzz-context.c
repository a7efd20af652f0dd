/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a protected fragment. The first byte: 3 the encryption type, 4 header signing, 24 the level;
 * 32 sealed by an honest peer, with EC and RRC of its own choice, and damaged after that. Nothing that the
 * peer did not send may be accepted.
 * Decoder: src/sec/context-kerberos.c .*(unseal|unprotect|verify|get_u64be).*
 * Decoder: src/sec/seal-aes.c aes_(decrypt|sign)|cts_gather|swap_last_blocks|xor_block|cipher_run|mac_compute|seal_mac
 * Decoder: src/sec/krb5-seal.c krb5_seal_(decrypt|sign)|iov.*
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/reader.h"
#include "base/time.h"
#include "sec/seal.h"

#define HEADER        24u
#define TRAILER       8u
#define STUB_MAX      4096u
#define FILLER_MAX    300u
#define TOKEN_HEADER  16u
#define SEQUENCE      7u
#define LEVEL_CONNECT 2
#define LEVEL_PACKET  4
#define LEVEL_PRIVACY 6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct Type {
    int32_t enctype;
    size_t key_length, mac_length;
} types[] = {{17, 16, 12}, {18, 32, 12}, {19, 16, 16}, {20, 32, 24}};
static const uint8_t key[32] = "0123456789abcdef0123456789abcde";

/* One PDU from the common header to the end of auth_value, in a block of exactly that size. */
typedef struct Packet {
    uint8_t *bytes;
    size_t stub_length, token_length;
} Packet;

static void packet_init(Packet *packet, size_t stub_length, size_t token_length)
{
    packet->stub_length = stub_length;
    packet->token_length = token_length;
    packet->bytes = calloc(1, HEADER + stub_length + TRAILER + token_length);
    if (!packet->bytes) abort();
}

static SecMessage packet_message(Packet *packet, bool sign_header)
{
    uint8_t *trailer = packet->bytes + HEADER + packet->stub_length;
    return (SecMessage){.header = packet->bytes,
                        .header_length = HEADER,
                        .stub = packet->bytes + HEADER,
                        .stub_length = packet->stub_length,
                        .trailer = trailer,
                        .token = trailer + TRAILER,
                        .token_length = packet->token_length,
                        .sign_header = sign_header};
}

static SecContext *context_new(const struct Type *type, bool initiator)
{
    const SecContextSpec spec = {.initiator = initiator,
                                 .enctype = type->enctype,
                                 .key = key,
                                 .key_length = type->key_length,
                                 .send_sequence = SEQUENCE,
                                 .receive_sequence = SEQUENCE,
                                 .expires = INT64_MAX};
    SecContext *context = NULL;
    int r = sec_context_new(&spec, &context);
    assert(r == 0);
    return context;
}

/* Confounder, stub, filler, copy of the header, MAC: sealed in one piece. */
static void seal_plain(const struct Type *type, const SecMessage *message, size_t filler,
                       const uint8_t header[TOKEN_HEADER], uint8_t *bytes)
{
    const SealSpec spec = {.enctype = type->enctype,
                           .key = key,
                           .key_length = type->key_length,
                           .seal_usage = SEAL_USAGE_INITIATOR_SEAL,
                           .sign_usage = SEAL_USAGE_INITIATOR_SIGN,
                           .sends = true};
    _cleanup_(sealer_freep) Sealer *sealer = NULL;
    uint8_t *tail = bytes + SEAL_BLOCK + message->stub_length;
    SealParts parts = {.confounder = bytes,
                       .stub = {bytes + SEAL_BLOCK, message->stub_length},
                       .tail = {tail, filler + TOKEN_HEADER},
                       .mac = tail + filler + TOKEN_HEADER};
    int r = seal_krb5_new(&spec, &sealer);
    assert(r == 0);
    if (message->sign_header) {
        parts.header = (SealBytes){message->header, HEADER};
        parts.trailer = (SealBytes){message->trailer, TRAILER};
    }
    memcpy(parts.stub.data, message->stub, message->stub_length);
    memset(tail, 0, filler);
    memcpy(tail + filler, header, TOKEN_HEADER);
    r = sealer->ops->encrypt(sealer, &parts);
    assert(r == 0);
}

/* A token as any implementation may make it: rotated right by EC + RRC. */
static void seal_rotated(const struct Type *type, SecMessage *message, uint16_t filler, uint16_t rrc)
{
    uint8_t header[TOKEN_HEADER] = {
        5, 4, 6, 0xff, (uint8_t)(filler >> 8), (uint8_t)filler, 0, 0, 0, 0, 0, 0, 0, 0, 0, SEQUENCE};
    const size_t in_token = message->token_length - TOKEN_HEADER, length = in_token + message->stub_length;
    _cleanup_(freep) uint8_t *bytes = malloc(length);
    if (!bytes) abort();
    seal_plain(type, message, filler, header, bytes);
    header[6] = (uint8_t)(rrc >> 8);
    header[7] = (uint8_t)rrc;
    memcpy(message->token, header, TOKEN_HEADER);
    for (size_t i = 0; i < length; i++) {
        size_t to = (i + rrc + filler) % length;
        if (to < in_token)
            message->token[TOKEN_HEADER + to] = bytes[i];
        else
            message->stub[to - in_token] = bytes[i];
    }
}

/* The rest of the input: offset and what is put there by exclusive or. True: something is another byte now
 * that counts: without header signing header and trailer do not, nor does a stub at the level connect. */
static bool damage(Packet *packet, Reader *reader, bool sign_header)
{
    const size_t length = HEADER + packet->stub_length + TRAILER + packet->token_length;
    _cleanup_(freep) uint8_t *before = malloc(length);
    if (!before) abort();
    memcpy(before, packet->bytes, length);
    while (reader_left(reader) >= 3) {
        uint16_t at = reader_u16(reader);
        packet->bytes[at % length] ^= reader_u8(reader);
    }
    const size_t trailer = HEADER + packet->stub_length;
    if (sign_header) return memcmp(before, packet->bytes, length) != 0;
    return memcmp(before + HEADER, packet->bytes + HEADER, packet->stub_length) != 0 ||
           memcmp(before + trailer + TRAILER, packet->bytes + trailer + TRAILER, packet->token_length) != 0;
}

static void fuzz_honest(const struct Type *type, uint8_t level, bool sign_header, Reader *reader)
{
    Packet packet;
    _cleanup_(sec_context_freep) SecContext *server = context_new(type, false);
    uint16_t filler = reader_u16(reader) % FILLER_MAX, rrc = reader_u16(reader);
    size_t stub_length = reader_u16(reader) % STUB_MAX;
    _cleanup_(sec_context_freep) SecContext *client = context_new(type, true);
    size_t token_length = level == LEVEL_PRIVACY
                              ? TOKEN_HEADER + SEAL_BLOCK + filler + TOKEN_HEADER + type->mac_length
                              : sec_context_token_length(client, level);
    packet_init(&packet, stub_length, token_length);
    SecMessage message = packet_message(&packet, sign_header);
    int r = 0;
    if (level == LEVEL_PRIVACY)
        seal_rotated(type, &message, filler, rrc);
    else
        r = sec_context_protect(client, level, &message);
    assert(r == 0);
    bool damaged = damage(&packet, reader, sign_header);
    r = sec_context_unprotect(server, level, &message);
    assert(level == LEVEL_CONNECT || (r != 0) == damaged);
    if (r == 0 && !damaged)
        for (size_t i = 0; i < stub_length; i++)
            assert(message.stub[i] == 0);
    free(packet.bytes);
}

static void fuzz_any(const struct Type *type, uint8_t level, bool sign_header, Reader *reader)
{
    Packet packet;
    _cleanup_(sec_context_freep) SecContext *server = context_new(type, false);
    size_t stub_length = reader_u16(reader) % STUB_MAX, left = reader_left(reader);
    if (stub_length > left) stub_length = left;
    packet_init(&packet, stub_length, left - stub_length);
    SecMessage message = packet_message(&packet, sign_header);
    reader_copy(reader, message.stub, stub_length);
    reader_copy(reader, message.token, message.token_length);
    int r = sec_context_unprotect(server, level, &message);
    assert(r != 0 || level == LEVEL_CONNECT);
    free(packet.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t levels[] = {LEVEL_PACKET, 5, LEVEL_PRIVACY, LEVEL_CONNECT};
    Reader reader;
    reader_init(&reader, data, size);
    uint8_t how = reader_u8(&reader);
    const struct Type *type = &types[how & 3];
    if (how & 32)
        fuzz_honest(type, levels[how >> 3 & 3], how & 4, &reader);
    else
        fuzz_any(type, levels[how >> 3 & 3], how & 4, &reader);
    return 0;
}
