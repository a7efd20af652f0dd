/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's side of making a security context, as a state machine over the authority. Typical use:
 *
 *   sec_initiator_new; sec_initiator_step until 0 -> output is leg 1 -> bind
 *   sec_initiator_input(leg 2 from bind_ack); step until 0 -> output is leg 3 -> alter_context or auth_3
 *   sec_initiator_is_done; sec_initiator_take_context
 *
 * Negotiate is done only when the server's last word has come: input and step once more, and again where that
 * asks for a MIC.
 *
 * It never waits by itself: SEC_WAIT says what for (a KDC socket, later the authority's).
 */
#pragma once
#include "base/cleanup.h"
#include "io/wait.h"
#include "sec/context.h"
#include "sec/failure.h"
#include "sec/token.h"

typedef struct SecInitiator SecInitiator;

typedef struct SecInitiatorSpec {
    const char *target;    /* the server's principal: "RPCSS/a.lab.test"; "host/a.lab.test@LAB.TEST" */
    uint8_t authn_service; /* RPC_C_AUTHN_GSS_NEGOTIATE, or a mechanism's (sec/mechanism.h); others:
                              SEC_FAILED with SEC_E_SECPKG_NOT_FOUND */
    uint8_t authn_level;   /* RPC_C_AUTHN_LEVEL_*, CONNECT or above */
    uint8_t
        impersonation; /* RPC_C_IMP_LEVEL_*. DELEGATE not obtained is SEC_FAILED with RPC_S_SEC_PKG_ERROR */
    bool mutual;       /* the server has to prove who it is, too (RPC-6): never NTLM, in Negotiate neither.
                          SEC_FAILED with RPC_S_SEC_PKG_ERROR where there is nothing else */
    uint64_t deadline; /* for everything that waits */
} SecInitiatorSpec;

/* Takes a reference to `token`. Fails at the first step, not here, when the token cannot be used:
 *   no credential, expired, or an IMPERSONATE token from the network
 *   that the KDC does not let this machine act for (DEL-10)            SEC_E_NO_CREDENTIALS 0x8009030E
 *   KDC unreachable                                                      SEC_E_NO_AUTHENTICATING_AUTHORITY
 * 0x80090311 target unknown to the KDC                                            SEC_E_TARGET_UNKNOWN
 * 0x80090303 server cannot decrypt / clocks differ                                SEC_E_WRONG_PRINCIPAL /
 * SEC_E_TIME_SKEW 0, -ENOMEM, -EINVAL. */
int sec_initiator_new(Token *token, const SecInitiatorSpec *spec, SecInitiator **ret_initiator) must_use;
SecInitiator *sec_initiator_free(SecInitiator *initiator);
DEFINE_CLEANUP(SecInitiator, sec_initiator_free)
/* 0: output is ready (possibly empty); SEC_WAIT; SEC_FAILED; SEC_RESTART. */
int sec_initiator_step(SecInitiator *initiator, IoWait *ret_wait) must_use;
/* The token to send next; borrowed until the next input. */
const uint8_t *sec_initiator_output(const SecInitiator *initiator, size_t *ret_length);
/* Hands over the peer's token; follow with step. 0, -ENOMEM, -EPROTO (none was expected). */
int sec_initiator_input(SecInitiator *initiator, const uint8_t *token, size_t length) must_use;
/* True when the context stands once the present output (if any) has been sent. */
bool sec_initiator_is_done(const SecInitiator *initiator);
/* Whether the last token goes in alter_context, which is answered (Kerberos, SPNEGO), or in rpc_auth_3
 * (NTLM). */
bool sec_initiator_wants_reply(const SecInitiator *initiator);
/* Moves the finished context to the caller; NULL before sec_initiator_is_done(), and when it has failed. */
SecContext *sec_initiator_take_context(SecInitiator *initiator);
/* Which mechanism it is and, where Negotiate did not take Kerberos, why: "Kerberos, chosen by Negotiate".
 * Borrowed. */
const char *sec_initiator_choice(SecInitiator *initiator);
const SecFailure *sec_initiator_failure(const SecInitiator *initiator);
