/* SPDX-License-Identifier: Apache-2.0 */
/* Between krb5-acquire.c, which drives the stages, and krb5-acquire-s4u.c, which has those of evidence. */
#pragma once
#include "sec/krb5-credential-private.h"
#include "sec/krb5-kdc.h"

/* Conditions of the stages' functions besides SEC_FAILED and -ENOMEM. */
enum {
    STAGE_AGAIN = 96, /* not over: step again */
};

typedef enum AcquireStage { STAGE_TGT, STAGE_SERVICE, STAGE_FORWARD, STAGE_DONE } AcquireStage;
typedef enum StagePhase { PHASE_LOOK, PHASE_TURN, PHASE_EXCHANGE } StagePhase;

typedef struct StageRow {
    int (*look)(KerberosAcquire *acquire);  /* 0: what is needed is there; TICKET_NONE, TICKET_STALE */
    int (*begin)(KerberosAcquire *acquire); /* makes the first message; as exchange */
    int (*exchange)(KerberosAcquire *acquire,
                    const krb5_data *reply); /* 0: got it; STAGE_AGAIN: another message */
} StageRow;

struct KerberosAcquire {
    KerberosCredential *credential;
    KerberosCredential *actor; /* whose TGT asks in the credential's name; NULL: its own */
    char *target;
    bool delegate;
    uint64_t deadline;
    krb5_context context;
    const StageRow *stages;
    AcquireStage stage;
    StagePhase phase;
    bool has_older; /* a ticket that the stage wants to replace, and goes on with if it cannot */
    unsigned messages;
    KdcTurn *turn; /* held until the stage is over */
    KdcExchange *exchange;
    KerberosInit init;
    krb5_tkt_creds_context tkt;
    krb5_ccache scratch;   /* in memory, holds the TGT for krb5_tkt_creds */
    krb5_principal server; /* S4U: the target, parsed; S4U2self: the user */
    int32_t nonce;
    KerberosTicket *tgt, *ticket, *forwarded;
    SecFailure failure;
};

extern const StageRow kerberos_proxy_stages[STAGE_DONE], kerberos_self_stages[STAGE_DONE];

/* Turns an error into the failure of this stage. SEC_FAILED, -ENOMEM. */
int kerberos_acquire_fail(KerberosAcquire *acquire, krb5_error_code error, const char *detail) must_use;
/* Queues a message for the KDCs of a realm. STAGE_AGAIN, SEC_FAILED, -ENOMEM. */
int kerberos_acquire_send(KerberosAcquire *acquire, const krb5_data *realm, const void *message,
                          size_t length) must_use;
/* The first stage, of whoever asks. */
int kerberos_stage_tgt_look(KerberosAcquire *acquire) must_use;
int kerberos_stage_tgt_begin(KerberosAcquire *acquire) must_use;
int kerberos_stage_tgt_exchange(KerberosAcquire *acquire, const krb5_data *reply) must_use;
