/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The three messages of [MS-NLMP] 2.2.1, read strictly, for what Mantle itself decides on, and before
 * gss-ntlmssp gets them: that library believes lengths which it should not. Everything points into the
 * message's bytes.
 */
#pragma once
#include <stdbool.h>
#include "sec/ntlm-crypto.h"

#define NTLM_MESSAGE_MAX 65535u /* auth_length is 16 bits wide */
#define NTLM_NAME_MAX    256u   /* UTF-16 units of a user, a domain, a workstation */
#define NTLM_CHALLENGE   8u
#define NTLM_PROOF       16u
#define NTLM_RESPONSE_MIN                                                                                    \
    44u /* NTLMv2: proof and the fixed part of the client's challenge; NTLMv1 has 24                         \
         */
#define NTLM_RESPONSE_LM 24u
#define NTLM_TARGET_MAX  8192u /* bytes of AV pairs */

/* NegotiateFlags, 2.2.2.5 */
enum {
    NTLM_UNICODE = 0x00000001,
    NTLM_SIGN = 0x00000010,
    NTLM_SEAL = 0x00000020,
    NTLM_DATAGRAM = 0x00000040,
    NTLM_NTLM = 0x00000200,
    NTLM_ANONYMOUS = 0x00000800,
    NTLM_REQUEST_TARGET = 0x00000004,
    NTLM_ALWAYS_SIGN = 0x00008000,
    NTLM_TARGET_DOMAIN = 0x00010000,
    NTLM_TARGET_SERVER = 0x00020000,
    NTLM_EXTENDED_SESSION = 0x00080000,
    NTLM_IDENTIFY = 0x00100000,
    NTLM_TARGET_INFO = 0x00800000,
    NTLM_VERSION = 0x02000000,
    NTLM_128 = 0x20000000,
    NTLM_KEY_EXCHANGE = 0x40000000,
};

/* What every message of a conversation has to have: Unicode, NTLMv2 session security, 128 bits; and one that
 * signs a session key of its own. Level CONNECT asks for nothing that has to be signed ([MS-RPCE]
 * 3.3.1.5.2.1), and servers (Samba's) do not serve it to whom they agreed on SIGN with. */
#define NTLM_REQUIRED_CONNECT (NTLM_UNICODE | NTLM_NTLM | NTLM_EXTENDED_SESSION | NTLM_128)
#define NTLM_REQUIRED         (NTLM_REQUIRED_CONNECT | (uint32_t)NTLM_KEY_EXCHANGE)
/* What a conversation that signs nothing must not have. */
#define NTLM_PROTECTS (NTLM_SIGN | NTLM_SEAL | (uint32_t)NTLM_KEY_EXCHANGE)

typedef struct NtlmChallenge {
    uint32_t flags;
    const uint8_t *challenge; /* NTLM_CHALLENGE bytes */
    bool timestamp;           /* the target information has one: the client answers with a MIC */
} NtlmChallenge;

typedef struct NtlmAuthenticate {
    uint32_t flags;
    NtlmBytes domain, user; /* UTF-16, unaligned; well-formed, without NUL and control characters */
    NtlmBytes lm_response, nt_response;
    const uint8_t *session_key; /* NTLM_KEY bytes, encrypted; NULL: no KEY_EXCHANGE */
    const uint8_t *mic;         /* NTLM_KEY bytes; NULL: the response says there is none */
    NtlmBytes target; /* UTF-16: the server's principal as the client knows it; empty: it says none */
    bool anonymous;   /* no user, or no response: nothing in the message is to be believed */
} NtlmAuthenticate;

/* 0, -EBADMSG. */
int ntlm_negotiate_read(const uint8_t *data, size_t length, uint32_t *ret_flags) must_use;
int ntlm_challenge_read(const uint8_t *data, size_t length, NtlmChallenge *ret_challenge) must_use;
/* A message that is not anonymous has an NTLMv2 response with well-formed target information, a session key
 * of 16 bytes (without KEY_EXCHANGE none, or one that does not count), and an LM response of 24 bytes or
 * none. 0, -EBADMSG, NTLM_OLD_RESPONSE. */
enum { NTLM_OLD_RESPONSE = 1 }; /* LM or NTLMv1 */
int ntlm_authenticate_read(const uint8_t *data, size_t length, NtlmAuthenticate *ret_message) must_use;

/* The MIC of a message whose own MIC field counts as zero ([MS-NLMP] 3.1.5.1.2). `mic` points into it.
 * 0, -EIO, -ENOMEM. */
int ntlm_message_mic(const uint8_t session_key[NTLM_KEY], NtlmBytes negotiate, NtlmBytes challenge,
                     NtlmBytes authenticate, const uint8_t *mic, uint8_t ret_mic[NTLM_KEY]) must_use;
/* Sets flags in a message that was read. */
void ntlm_negotiate_set_flags(uint8_t *data, uint32_t flags);
void ntlm_challenge_set_flags(uint8_t *data, uint32_t flags);
void ntlm_authenticate_set_flags(uint8_t *data, uint32_t flags);
/* Takes the session key out of an AUTHENTICATE without KEY_EXCHANGE; its bytes stay and mean nothing. */
void ntlm_authenticate_drop_key(uint8_t *data);
/* A name of a message as UTF-8. 0, -ENOMEM, -EILSEQ. */
int ntlm_name_text(NtlmBytes name, char **ret_text) must_use;
