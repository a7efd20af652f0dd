/* SPDX-License-Identifier: Apache-2.0 */
/* The client's side of the three legs: AP-REQ, AP-REP, AP-REP. Pure of the network: the tickets are there
 * already. */
#pragma once
#include "sec/krb5-credential.h"
#include "sec/krb5-session.h"

/* A server's clock is believed this far, once, for one conversation: the KRB-ERROR that tells it is not
 * authenticated, and an authenticator for the future is good until then. */
#define KERBEROS_SKEW_MAX 3600

typedef struct KerberosInitiator KerberosInitiator;

/* `acquire` is finished and stays the caller's. Levels are RPC_C_AUTHN_LEVEL_* and RPC_C_IMP_LEVEL_*. The
 * output is leg
 * 1. 0, -ENOMEM, SEC_FAILED. */
int kerberos_initiator_new(KerberosCredential *credential, const KerberosAcquire *acquire, const char *target,
                           uint8_t authn_level, uint8_t impersonation, KerberosInitiator **ret_initiator,
                           SecFailure *failure) must_use;
KerberosInitiator *kerberos_initiator_free(KerberosInitiator *initiator);
DEFINE_CLEANUP(KerberosInitiator, kerberos_initiator_free)
/* Leg 2, or an error token. 0: the output is leg 3 and the session stands. SEC_RESTART: the clock was
 * corrected for this conversation, the output is a new leg 1. SEC_FAILED, -ENOMEM. */
int kerberos_initiator_finish(KerberosInitiator *initiator, const uint8_t *token, size_t length,
                              SecFailure *failure) must_use;
/* Borrowed until the next call. */
const uint8_t *kerberos_initiator_output(const KerberosInitiator *initiator, size_t *ret_length);
const KerberosSession *kerberos_initiator_session(const KerberosInitiator *initiator);
