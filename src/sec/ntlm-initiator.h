/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's side of NTLM's three legs: NEGOTIATE, CHALLENGE, AUTHENTICATE. Nothing waits but the
 * gss-ntlmssp library, which asks a running winbindd on this machine for the machine's names.
 *
 * Only NTLMv2 with a MIC over all three messages, extended session security and 128 bits is sent, and above
 * level CONNECT key exchange, signing and sealing: a server that cannot do that is refused.
 */
#pragma once
#include "sec/ntlm-credential.h"

typedef struct NtlmInitiator NtlmInitiator;

/* `target` is the server's principal, NULL: none is named. `authn_level` is RPC_C_AUTHN_LEVEL_*: at CONNECT
 * the session has nothing to sign with. `impersonation` is RPC_C_IMP_LEVEL_*, at most
 * IMPERSONATE; what is below that is said as IDENTIFY. 0: the output is leg 1. -ENOMEM, SEC_FAILED. */
int ntlm_initiator_new(NtlmCredential *credential, const char *target, uint8_t authn_level,
                       uint8_t impersonation, NtlmInitiator **ret_initiator, SecFailure *failure) must_use;
NtlmInitiator *ntlm_initiator_free(NtlmInitiator *initiator);
DEFINE_CLEANUP(NtlmInitiator, ntlm_initiator_free)
/* Leg 2. 0: the output is leg 3, key and flags stand. SEC_FAILED, -ENOMEM. */
int ntlm_initiator_finish(NtlmInitiator *initiator, const uint8_t *token, size_t length,
                          SecFailure *failure) must_use;
/* Borrowed until the next call. */
const uint8_t *ntlm_initiator_output(const NtlmInitiator *initiator, size_t *ret_length);
const uint8_t *ntlm_initiator_key(const NtlmInitiator *initiator);
/* NegotiateFlags of AUTHENTICATE. */
uint32_t ntlm_initiator_flags(const NtlmInitiator *initiator);
