/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The physical limit of sealing: the same bytes as sec/context makes at privacy (RFC 4121 Wrap token in DCE
 * style, aes256-cts-hmac-sha1-96), written with the processor's AES and SHA instructions and nothing else.
 * An anchor, not a provider: one thread, whole blocks only, a confounder that a counter makes.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HARDWARE_KEY     32u
#define HARDWARE_TRAILER 8u  /* sec_trailer */
#define HARDWARE_TOKEN   76u /* auth_value */
#define HARDWARE_STUB    65536u

typedef struct HardwareSealer HardwareSealer;

/* What surrounds a sealed stub: header | stub | trailer | token. */
static inline size_t hardware_pdu_length(size_t header, size_t stub)
{
    return header + stub + HARDWARE_TRAILER + HARDWARE_TOKEN;
}

/* Does this processor have the instructions? */
bool hardware_is_there(void);
/* One direction of a conversation; from_acceptor: the one in which the acceptor speaks. Never freed. */
HardwareSealer *hardware_sealer_new(const uint8_t key[HARDWARE_KEY], bool from_acceptor, uint64_t sequence);
/* Signs all of the PDU and encrypts its stub, in place. `stub` is a multiple of 16. */
void hardware_seal(HardwareSealer *sealer, uint8_t *pdu, size_t header, size_t stub);
/* The reverse. False: not what was sealed. */
bool hardware_unseal(HardwareSealer *sealer, uint8_t *pdu, size_t header, size_t stub);
