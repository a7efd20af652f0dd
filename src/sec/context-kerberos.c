/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens of RFC 4121 as DCE/RPC carries them ([MS-KILE] 3.4.5.4). A Wrap token is
 *
 *     16 bytes: 05 04 flags FF  EC(2)  RRC(2)  sequence(8)       all big-endian
 *     encrypted: confounder(16) | message | filler(EC) | the 16 bytes again with RRC 0, then the MAC
 *
 * and the encrypted part is rotated right by RRC (in DCE style by EC + RRC), which with EC 16 and RRC 16 +
 * MAC puts everything but the message in front: the auth_value is [header | filler, header | MAC |
 * confounder] and the stub stays where it was. That form is what Windows sends and the only one sent here;
 * any other is received through a copy.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <rpcdce.h>
#include <stdlib.h>
#include <string.h>
#include "sec/context-private.h"
#include "sec/seal.h"

#define TOKEN_HEADER       16
#define TOKEN_FLAGS        2
#define TOKEN_EC           4
#define TOKEN_RRC          6
#define TOKEN_SEQUENCE     8
#define FLAG_FROM_ACCEPTOR 0x01
#define FLAG_SEALED        0x02
#define FLAG_SUBKEY        0x04    /* the acceptor's: always, in DCE style */
#define FILLER             16      /* EC of what we send */
#define MAX_MESSAGE        0x10000 /* a fragment has fewer bytes */
#define MIC_MAX            (TOKEN_HEADER + SEAL_MAC_MAX)

typedef struct Direction {
    Sealer *sealer; /* or */
    SealRc4 *rc4;
    uint64_t sequence;
    uint8_t flags;
} Direction;

typedef struct KerberosContext {
    SecContext base;
    Direction send, receive;
} KerberosContext;

static KerberosContext *kerberos_context(const SecContext *context)
{
    return container_of(context, KerberosContext, base);
}

static void put_u16be(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put_u64be(uint8_t *at, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        at[i] = (uint8_t)(value >> (56 - 8 * i));
}

static uint64_t get_u64be(const uint8_t *at)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++)
        value = value << 8 | at[i];
    return value;
}

static int direction_init(SealFactory factory, const SecContextSpec *spec, bool sends, Direction *direction)
{
    const bool by_initiator = spec->initiator == sends;
    const SealSpec seal = {
        .enctype = spec->enctype,
        .key = spec->key,
        .key_length = spec->key_length,
        .seal_usage = by_initiator ? SEAL_USAGE_INITIATOR_SEAL : SEAL_USAGE_ACCEPTOR_SEAL,
        .sign_usage = by_initiator ? SEAL_USAGE_INITIATOR_SIGN : SEAL_USAGE_ACCEPTOR_SIGN,
        .sends = sends,
    };
    direction->sequence = sends ? spec->send_sequence : spec->receive_sequence;
    direction->flags = by_initiator ? FLAG_SUBKEY : FLAG_SUBKEY | FLAG_FROM_ACCEPTOR;
    int r = factory(&seal, &direction->sealer);
    return r == -EOPNOTSUPP ? seal_rc4_new(&seal, by_initiator, &direction->rc4) : r;
}

static void context_free(SecContext *base)
{
    KerberosContext *context = kerberos_context(base);
    sealer_free(context->send.sealer);
    sealer_free(context->receive.sealer);
    seal_rc4_free(context->send.rc4);
    seal_rc4_free(context->receive.rc4);
    free(context);
}

static size_t token_length(const SecContext *base, uint8_t authn_level)
{
    const KerberosContext *context = kerberos_context(base);
    const bool seals = authn_level == RPC_C_AUTHN_LEVEL_PKT_PRIVACY;

    if (context->send.rc4) return seal_rc4_token_length(seals);
    const size_t mac_length = context->send.sealer->mac_length;
    return TOKEN_HEADER + mac_length + (seals ? FILLER + TOKEN_HEADER + SEAL_BLOCK : 0);
}

/* Protect */
static int mic_make(Direction *direction, const SecMessage *message, const uint8_t header[TOKEN_HEADER],
                    uint8_t *mac)
{
    SealBytes parts[4];
    size_t count = 0;

    if (message->sign_header) parts[count++] = (SealBytes){message->header, message->header_length};
    parts[count++] = (SealBytes){message->stub, message->stub_length};
    if (message->sign_header) parts[count++] = (SealBytes){message->trailer, 8};
    parts[count++] = (SealBytes){(uint8_t *)header, TOKEN_HEADER};
    return direction->sealer->ops->sign(direction->sealer, parts, count, mac);
}

static void mic_header(const Direction *direction, uint8_t header[TOKEN_HEADER])
{
    const uint8_t start[8] = {4, 4, direction->flags, 0xff, 0xff, 0xff, 0xff, 0xff};

    memcpy(header, start, sizeof(start));
    put_u64be(header + TOKEN_SEQUENCE, direction->sequence);
}

static SealParts parts_of(SecMessage *message)
{
    SealParts parts = {.stub = {message->stub, message->stub_length}};

    if (message->sign_header) {
        parts.header = (SealBytes){message->header, message->header_length};
        parts.trailer = (SealBytes){message->trailer, 8};
    }
    return parts;
}

static int seal(Direction *direction, SecMessage *message)
{
    const size_t mac_length = direction->sealer->mac_length;
    uint8_t *token = message->token, *tail = token + TOKEN_HEADER;
    const uint8_t start[8] = {5, 4, direction->flags | FLAG_SEALED, 0xff, 0, FILLER, 0, 0};
    SealParts parts = parts_of(message);

    if (message->stub_length % SEAL_BLOCK || message->stub_length > MAX_MESSAGE) return -EINVAL;
    memcpy(token, start, sizeof(start));
    put_u64be(token + TOKEN_SEQUENCE, direction->sequence);
    memset(tail, 0xff, FILLER);
    memcpy(tail + FILLER, token, TOKEN_HEADER);
    put_u16be(token + TOKEN_RRC, SEAL_BLOCK + mac_length);
    parts.tail = (SealBytes){tail, FILLER + TOKEN_HEADER};
    parts.mac = tail + FILLER + TOKEN_HEADER;
    parts.confounder = parts.mac + mac_length;
    return direction->sealer->ops->encrypt(direction->sealer, &parts);
}

static int context_protect(SecContext *base, uint8_t authn_level, SecMessage *message)
{
    Direction *direction = &kerberos_context(base)->send;
    int r;

    if (direction->rc4) {
        r = seal_rc4_protect(direction->rc4, authn_level == RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                             (uint32_t)direction->sequence, message);
    } else if (authn_level == RPC_C_AUTHN_LEVEL_PKT_PRIVACY) {
        r = seal(direction, message);
    } else {
        mic_header(direction, message->token);
        r = mic_make(direction, message, message->token, message->token + TOKEN_HEADER);
    }
    if (r == 0) direction->sequence++;
    return r;
}

/* Unprotect */
static int verify_mic(Direction *direction, const SecMessage *message)
{
    const size_t mac_length = direction->sealer->mac_length;
    uint8_t expected[TOKEN_HEADER], mac[SEAL_MAC_MAX];

    if (message->token_length != TOKEN_HEADER + mac_length) return SEC_BAD_SIGNATURE;
    mic_header(direction, expected);
    if (memcmp(message->token, expected, TOKEN_SEQUENCE) != 0) return SEC_BAD_SIGNATURE;
    if (memcmp(message->token, expected, TOKEN_HEADER) != 0) return SEC_OUT_OF_SEQUENCE;
    int r = mic_make(direction, message, message->token, mac);
    if (r < 0) return r;
    return CRYPTO_memcmp(mac, message->token + TOKEN_HEADER, mac_length) == 0 ? 0 : SEC_BAD_SIGNATURE;
}

/* The encrypted copy of the header proves EC, flags and sequence of the clear one. */
static int verify_copy(const SealParts *parts, const uint8_t header[TOKEN_HEADER])
{
    const uint8_t *copy = parts->tail.data + parts->tail.length - TOKEN_HEADER;
    return CRYPTO_memcmp(copy, header, TOKEN_HEADER) == 0 ? 0 : SEC_BAD_SIGNATURE;
}

/* Everything in its place: as we send. */
static int unseal_in_place(Direction *direction, SecMessage *message, const uint8_t header[TOKEN_HEADER])
{
    SealParts parts = parts_of(message);

    parts.tail = (SealBytes){message->token + TOKEN_HEADER, FILLER + TOKEN_HEADER};
    parts.mac = parts.tail.data + parts.tail.length;
    parts.confounder = parts.mac + direction->sealer->mac_length;
    int r = direction->sealer->ops->decrypt(direction->sealer, &parts);
    return r == 0 ? verify_copy(&parts, header) : r;
}

/* Any other rotation: rotate back into a copy, unseal there. `length` is that of token and stub without the
 * clear header. */
static int unseal_rotated(Direction *direction, SecMessage *message, const uint8_t header[TOKEN_HEADER],
                          size_t filler, size_t rotation)
{
    const size_t in_token = message->token_length - TOKEN_HEADER, length = in_token + message->stub_length;
    _cleanup_(freep) uint8_t *rotated = NULL, *bytes = NULL;
    SealParts parts = parts_of(message);

    rotated = malloc(length);
    bytes = malloc(length);
    if (!rotated || !bytes) return -ENOMEM;
    memcpy(rotated, message->token + TOKEN_HEADER, in_token);
    if (message->stub_length) memcpy(rotated + in_token, message->stub, message->stub_length);
    memcpy(bytes, rotated + rotation, length - rotation);
    memcpy(bytes + length - rotation, rotated, rotation);
    parts.confounder = bytes;
    parts.stub.data = bytes + SEAL_BLOCK;
    parts.tail = (SealBytes){parts.stub.data + parts.stub.length, filler + TOKEN_HEADER};
    parts.mac = parts.tail.data + parts.tail.length;
    int r = direction->sealer->ops->decrypt(direction->sealer, &parts);
    if (r == 0) r = verify_copy(&parts, header);
    if (r == 0 && message->stub_length) memcpy(message->stub, parts.stub.data, message->stub_length);
    OPENSSL_cleanse(bytes, length);
    return r;
}

static int unseal(Direction *direction, SecMessage *message)
{
    const size_t mac_length = direction->sealer->mac_length;
    const uint8_t *token = message->token;
    const uint8_t start[4] = {5, 4, direction->flags | FLAG_SEALED, 0xff};
    uint8_t header[TOKEN_HEADER];

    if (message->token_length < TOKEN_HEADER || memcmp(token, start, sizeof(start)) != 0 ||
        message->stub_length > MAX_MESSAGE)
        return SEC_BAD_SIGNATURE;
    if (get_u64be(token + TOKEN_SEQUENCE) != direction->sequence) return SEC_OUT_OF_SEQUENCE;
    const size_t filler = (size_t)token[TOKEN_EC] << 8 | token[TOKEN_EC + 1];
    const size_t rrc = (size_t)token[TOKEN_RRC] << 8 | token[TOKEN_RRC + 1];
    if (message->token_length != TOKEN_HEADER + SEAL_BLOCK + filler + TOKEN_HEADER + mac_length)
        return SEC_BAD_SIGNATURE;
    memcpy(header, token, TOKEN_HEADER);
    put_u16be(header + TOKEN_RRC, 0);
    if (filler == FILLER && rrc == SEAL_BLOCK + mac_length)
        return unseal_in_place(direction, message, header);
    const size_t length = message->token_length - TOKEN_HEADER + message->stub_length;
    return unseal_rotated(direction, message, header, filler, (rrc + filler) % length);
}

static int context_unprotect(SecContext *base, uint8_t authn_level, SecMessage *message)
{
    Direction *direction = &kerberos_context(base)->receive;
    const bool seals = authn_level == RPC_C_AUTHN_LEVEL_PKT_PRIVACY;
    int r;

    if (direction->rc4)
        r = seal_rc4_unprotect(direction->rc4, seals, (uint32_t)direction->sequence, message);
    else
        r = seals ? unseal(direction, message) : verify_mic(direction, message);
    if (r == 0) direction->sequence++;
    return r;
}

/* MIC: the token of a fragment at integrity of which nothing but its stub is signed */

static size_t mic_length(const SecContext *base)
{
    return token_length(base, RPC_C_AUTHN_LEVEL_PKT_INTEGRITY);
}

static SecMessage mic_message(const uint8_t *data, size_t length, const uint8_t *mic, size_t mic_length)
{
    return (SecMessage){.stub = (uint8_t *)(uintptr_t)data,
                        .stub_length = length,
                        .token = (uint8_t *)(uintptr_t)mic,
                        .token_length = mic_length};
}

static int context_sign(SecContext *base, const uint8_t *data, size_t length, uint8_t *mic)
{
    SecMessage message = mic_message(data, length, mic, mic_length(base));
    return context_protect(base, RPC_C_AUTHN_LEVEL_PKT_INTEGRITY, &message);
}

static int context_verify(SecContext *base, const uint8_t *data, size_t length, const uint8_t *mic,
                          size_t mic_length)
{
    uint8_t copy[MIC_MAX]; /* RC4's sequence number is decrypted in place */
    if (mic_length > sizeof(copy)) return SEC_BAD_SIGNATURE;
    memcpy(copy, mic, mic_length);
    SecMessage message = mic_message(data, length, copy, mic_length);
    return context_unprotect(base, RPC_C_AUTHN_LEVEL_PKT_INTEGRITY, &message);
}

static const SecContextOps kerberos_ops = {
    .free = context_free,
    .token_length = token_length,
    .protect = context_protect,
    .unprotect = context_unprotect,
    .mic_length = mic_length,
    .sign = context_sign,
    .verify = context_verify,
};

int sec_context_new_with(SealFactory factory, const SecContextSpec *spec, SecContext **ret_context)
{
    KerberosContext *context = calloc(1, sizeof(*context));

    if (!context) return -ENOMEM;
    context->base =
        (SecContext){.ops = &kerberos_ops, .service = RPC_C_AUTHN_GSS_KERBEROS, .expires = spec->expires};
    int r = direction_init(factory, spec, true, &context->send);
    if (r == 0) r = direction_init(factory, spec, false, &context->receive);
    if (r < 0) {
        context_free(&context->base);
        return r;
    }
    *ret_context = &context->base;
    return 0;
}

static int seal_any_new(const SealSpec *spec, Sealer **ret_sealer)
{
    int r = seal_aes_new(spec, ret_sealer);
    return r == -EOPNOTSUPP ? seal_krb5_new(spec, ret_sealer) : r;
}

int sec_context_new_kerberos(const SecContextSpec *spec, SecContext **ret_context)
{
    return sec_context_new_with(seal_any_new, spec, ret_context);
}
