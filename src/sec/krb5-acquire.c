/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Getting tickets without waiting, as three stages: the credential's own TGT, the ticket for the service, the
 * forwarded TGT. With evidence in the place of a TGT the first is this machine's, the second comes by
 * S4U2proxy (krb5-acquire-s4u.c) and there is no third. What is there already is used; what is not is asked
 * for, message by message (krb5_init_creds_step, krb5_tkt_creds_step, krb5-tgs). A ticket past two thirds of
 * its life is replaced when the KDC answers, else used.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <winerror.h>
#include "base/time.h"
#include "sec/krb5-acquire-private.h"
#include "sec/krb5-tgs.h"

/* Messages of one stage: preauthentication takes 2 or 3, a chain of referrals as many as there are realms. */
#define STAGE_MESSAGES_MAX 24

static const StageRow own_stages[STAGE_DONE];

int kerberos_acquire_new(KerberosCredential *credential, const char *target, bool delegate, uint64_t deadline,
                         KerberosAcquire **ret_acquire)
{
    _cleanup_(kerberos_acquire_freep) KerberosAcquire *acquire = calloc(1, sizeof(*acquire));
    if (!acquire) return -ENOMEM;
    acquire->credential = kerberos_credential_ref(credential);
    acquire->stages = kerberos_credential_evidence(credential) ? kerberos_proxy_stages : own_stages;
    acquire->delegate = delegate;
    acquire->deadline = deadline;
    if (target && !(acquire->target = strdup(target))) return -ENOMEM;
    *ret_acquire = TAKE_PTR(acquire);
    return 0;
}

int kerberos_acquire_new_self(KerberosCredential *account, const char *user, uint64_t deadline,
                              KerberosAcquire **ret_acquire)
{
    int result = kerberos_acquire_new(account, user, false, deadline, ret_acquire);
    if (result == 0) (*ret_acquire)->stages = kerberos_self_stages;
    return result;
}

/* Releases what one stage's conversation with the KDC needed. */
static void acquire_end_exchange(KerberosAcquire *acquire)
{
    kerberos_init_deinit(&acquire->init, acquire->context);
    if (acquire->tkt) krb5_tkt_creds_free(acquire->context, acquire->tkt);
    if (acquire->scratch) (void)krb5_cc_destroy(acquire->context, acquire->scratch);
    acquire->exchange = kdc_exchange_free(acquire->exchange);
    acquire->turn = kdc_turn_free(acquire->turn);
    acquire->tkt = NULL;
    acquire->scratch = NULL;
    acquire->messages = 0;
}

KerberosAcquire *kerberos_acquire_free(KerberosAcquire *acquire)
{
    if (!acquire) return NULL;
    if (acquire->context) {
        acquire_end_exchange(acquire);
        krb5_free_context(acquire->context);
    }
    kerberos_ticket_unref(acquire->tgt);
    kerberos_ticket_unref(acquire->ticket);
    kerberos_ticket_unref(acquire->forwarded);
    krb5_free_principal(kerberos_config_base(kerberos_credential_config(acquire->credential)),
                        acquire->server);
    kerberos_credential_unref(acquire->actor);
    kerberos_credential_unref(acquire->credential);
    free(acquire->target);
    free(acquire);
    return NULL;
}

static KerberosRole acquire_role(const KerberosAcquire *acquire)
{
    if (acquire->stages != own_stages)
        return acquire->stage == STAGE_TGT ? KERBEROS_TICKET : KERBEROS_SERVICE;
    if (acquire->stage == STAGE_TGT) return acquire->target ? KERBEROS_TICKET : KERBEROS_LOGON;
    return acquire->stage == STAGE_SERVICE ? KERBEROS_SERVICE : KERBEROS_FORWARD;
}

/* Whose ticket-granting ticket asks. */
static KerberosCredential *acquire_actor(const KerberosAcquire *acquire)
{
    return acquire->actor ? acquire->actor : acquire->credential;
}

int kerberos_acquire_fail(KerberosAcquire *acquire, krb5_error_code error, const char *detail)
{
    if (error == ENOMEM) return -ENOMEM;
    const KerberosCredential *who =
        acquire->stage == STAGE_TGT ? acquire_actor(acquire) : acquire->credential;
    kerberos_failure(acquire->context, error, acquire_role(acquire), kerberos_credential_principal(who),
                     acquire->target, detail, &acquire->failure);
    return SEC_FAILED;
}

int kerberos_acquire_send(KerberosAcquire *acquire, const krb5_data *realm, const void *message,
                          size_t length)
{
    if (++acquire->messages > STAGE_MESSAGES_MAX)
        return kerberos_acquire_fail(acquire, KRB5_GET_IN_TKT_LOOP, NULL);
    _cleanup_(freep) char *name = strndup(realm->data, realm->length);
    if (!name) return -ENOMEM;
    acquire->exchange = kdc_exchange_free(acquire->exchange);
    int result = kdc_exchange_new(kerberos_credential_config(acquire->credential), name, message, length,
                                  acquire->deadline, &acquire->exchange, &acquire->failure);
    return result ? result : STAGE_AGAIN;
}

/* The TGT */

int kerberos_stage_tgt_exchange(KerberosAcquire *acquire, const krb5_data *reply)
{
    krb5_context context = acquire->context;
    krb5_data request = {0}, realm = {0}, input = *reply;
    unsigned flags = 0;
    krb5_error_code error =
        krb5_init_creds_step(context, acquire->init.exchange, &input, &request, &realm, &flags);
    if (error) return kerberos_acquire_fail(acquire, error, NULL);
    if (flags & KRB5_INIT_CREDS_STEP_FLAG_CONTINUE) {
        int result = kerberos_acquire_send(acquire, &realm, request.data, request.length);
        krb5_free_data_contents(context, &request);
        krb5_free_data_contents(context, &realm);
        return result;
    }
    krb5_creds *creds = calloc(1, sizeof(*creds));
    if (!creds) return -ENOMEM;
    error = krb5_init_creds_get_creds(context, acquire->init.exchange, creds);
    if (error) {
        free(creds);
        return kerberos_acquire_fail(acquire, error, NULL);
    }
    KerberosTicket *ticket;
    if (kerberos_ticket_new(kerberos_credential_config(acquire->credential), creds, &ticket) != 0)
        return -ENOMEM;
    kerberos_ticket_unref(acquire->tgt);
    acquire->tgt = ticket;
    kerberos_credential_set_tgt(acquire_actor(acquire), ticket);
    return 0;
}

int kerberos_stage_tgt_look(KerberosAcquire *acquire)
{
    return kerberos_credential_tgt(acquire_actor(acquire), &acquire->tgt, &acquire->failure);
}

int kerberos_stage_tgt_begin(KerberosAcquire *acquire)
{
    krb5_error_code error = kerberos_init_begin(&acquire->init, acquire_actor(acquire), acquire->context);
    if (error) return kerberos_acquire_fail(acquire, error, NULL);
    static const krb5_data nothing = {0};
    return kerberos_stage_tgt_exchange(acquire, &nothing);
}

/* The service's ticket */

static int service_exchange(KerberosAcquire *acquire, const krb5_data *reply)
{
    krb5_context context = acquire->context;
    krb5_data request = {0}, realm = {0}, input = *reply;
    unsigned flags = 0;
    krb5_error_code error = krb5_tkt_creds_step(context, acquire->tkt, &input, &request, &realm, &flags);
    if (error) return kerberos_acquire_fail(acquire, error, NULL);
    if (flags & KRB5_TKT_CREDS_STEP_FLAG_CONTINUE) {
        int result = kerberos_acquire_send(acquire, &realm, request.data, request.length);
        krb5_free_data_contents(context, &request);
        krb5_free_data_contents(context, &realm);
        return result;
    }
    krb5_creds *creds = calloc(1, sizeof(*creds));
    if (!creds) return -ENOMEM;
    error = krb5_tkt_creds_get_creds(context, acquire->tkt, creds);
    if (error) {
        free(creds);
        return kerberos_acquire_fail(acquire, error, NULL);
    }
    KerberosTicket *ticket;
    if (kerberos_ticket_new(kerberos_credential_config(acquire->credential), creds, &ticket) != 0)
        return -ENOMEM;
    kerberos_ticket_unref(acquire->ticket);
    acquire->ticket = ticket;
    /* The reply is bound to the TGT, so this cannot happen; if it did it would be the unforgivable bug. */
    if (!krb5_principal_compare(context, creds->client, kerberos_credential_client(acquire->credential)))
        return kerberos_acquire_fail(acquire, KRB5_KDCREP_MODIFIED, NULL);
    kerberos_credential_set_ticket(acquire->credential, acquire->target, ticket);
    return 0;
}

static int service_look(KerberosAcquire *acquire)
{
    if (!acquire->target) return 0;
    return kerberos_credential_ticket(acquire->credential, acquire->target, acquire->delegate,
                                      &acquire->ticket);
}

static int service_begin(KerberosAcquire *acquire)
{
    krb5_context context = acquire->context;
    krb5_creds *tgt = acquire->tgt->creds;
    krb5_creds wanted = {.client = tgt->client};
    krb5_error_code error = krb5_cc_new_unique(context, "MEMORY", NULL, &acquire->scratch);
    if (!error) error = krb5_cc_initialize(context, acquire->scratch, tgt->client);
    if (!error) error = krb5_cc_store_cred(context, acquire->scratch, tgt);
    if (!error)
        error = kerberos_parse_target(kerberos_credential_config(acquire->credential), context,
                                      acquire->target, &wanted.server);
    if (!error) error = krb5_tkt_creds_init(context, acquire->scratch, &wanted, 0, &acquire->tkt);
    krb5_free_principal(context, wanted.server);
    if (error) return kerberos_acquire_fail(acquire, error, NULL);
    static const krb5_data nothing = {0};
    return service_exchange(acquire, &nothing);
}

/* The forwarded TGT */

/* facts/cloaking DEL-1, DEL-6: only a forwardable TGT, only to a service that is trusted for delegation. */
static int forward_allowed(KerberosAcquire *acquire)
{
    char who[SEC_QUOTE_SIZE], target[SEC_QUOTE_SIZE];
    sec_quote(kerberos_credential_principal(acquire->credential), who);
    sec_quote(acquire->target, target);
    if (!(acquire->tgt->creds->ticket_flags & TKT_FLG_FORWARDABLE)) {
        sec_failure_set(
            &acquire->failure, RPC_S_SEC_PKG_ERROR,
            "%s cannot be delegated to %s: the ticket is not forwardable, because the account is marked "
            "sensitive or the ticket was taken without asking for it; clear \"sensitive, cannot be "
            "delegated\" "
            "on the account, or run kinit -f, or call at IMPERSONATE",
            who, target);
        return SEC_FAILED;
    }
    if (!(acquire->ticket->creds->ticket_flags & TKT_FLG_OK_AS_DELEGATE)) {
        sec_failure_set(&acquire->failure, RPC_S_SEC_PKG_ERROR,
                        "%s cannot be delegated to %s: that service is not trusted for delegation; trust its "
                        "account at the "
                        "KDC (ok_as_delegate, TRUSTED_FOR_DELEGATION), or call at IMPERSONATE",
                        who, target);
        return SEC_FAILED;
    }
    return 0;
}

static int forward_look(KerberosAcquire *acquire)
{
    if (!acquire->delegate) return 0;
    int result = forward_allowed(acquire);
    return result ? result : kerberos_credential_forwarded(acquire->credential, &acquire->forwarded);
}

static int forward_begin(KerberosAcquire *acquire)
{
    _cleanup_(writer_deinitp) Writer request;
    writer_init(&request, 0);
    krb5_creds *tgt = acquire->tgt->creds;
    krb5_error_code error = kerberos_forward_request(
        acquire->context, kerberos_credential_config(acquire->credential), tgt, &request, &acquire->nonce);
    if (error) return kerberos_acquire_fail(acquire, error, NULL);
    return kerberos_acquire_send(acquire, &tgt->client->realm, request.data, request.length);
}

static int forward_exchange(KerberosAcquire *acquire, const krb5_data *reply)
{
    krb5_creds *creds;
    krb5_error_code error = kerberos_forward_reply(acquire->context, acquire->tgt->creds, acquire->nonce,
                                                   (const uint8_t *)reply->data, reply->length, &creds);
    if (error) return kerberos_acquire_fail(acquire, error, NULL);
    if (kerberos_ticket_new(kerberos_credential_config(acquire->credential), creds, &acquire->forwarded) != 0)
        return -ENOMEM;
    kerberos_credential_set_forwarded(acquire->credential, acquire->forwarded);
    return 0;
}

/* Driving */

static const StageRow own_stages[] = {
    [STAGE_TGT] = {kerberos_stage_tgt_look, kerberos_stage_tgt_begin, kerberos_stage_tgt_exchange},
    [STAGE_SERVICE] = {service_look, service_begin, service_exchange},
    [STAGE_FORWARD] = {forward_look, forward_begin, forward_exchange},
};

static int phase_look(KerberosAcquire *acquire)
{
    int result = acquire->stages[acquire->stage].look(acquire);
    if (result != TICKET_NONE && result != TICKET_STALE) return result;
    acquire->has_older = result == TICKET_STALE;
    krb5_const_principal client = kerberos_credential_client(acquire_actor(acquire));
    acquire->phase = PHASE_TURN;
    result = kdc_turn_new(kerberos_config_turns(kerberos_credential_config(acquire->credential)),
                          client->realm.data, &acquire->turn);
    return result ? result : STAGE_AGAIN;
}

static int phase_turn(KerberosAcquire *acquire, IoWait *ret_wait)
{
    if (kdc_turn_step(acquire->turn, ret_wait) == IO_AGAIN) {
        if (time_monotonic() >= acquire->deadline)
            return kerberos_acquire_fail(acquire, KRB5_KDC_UNREACH, "others have been waiting for it");
        ret_wait->deadline = acquire->deadline;
        return SEC_WAIT;
    }
    acquire->phase = PHASE_EXCHANGE;
    /* Somebody else may have got it while we waited. */
    int result = acquire->has_older ? TICKET_STALE : acquire->stages[acquire->stage].look(acquire);
    return result == TICKET_NONE || result == TICKET_STALE ? acquire->stages[acquire->stage].begin(acquire)
                                                           : result;
}

static int phase_exchange(KerberosAcquire *acquire, IoWait *ret_wait)
{
    int result = kdc_exchange_step(acquire->exchange, ret_wait);
    if (result == IO_AGAIN) return SEC_WAIT;
    if (result == KDC_UNREACHABLE)
        return kerberos_acquire_fail(acquire, KRB5_KDC_UNREACH, kdc_exchange_cause(acquire->exchange));
    if (result == KDC_UNKNOWN) return kerberos_acquire_fail(acquire, KRB5_REALM_UNKNOWN, NULL);
    if (result != 0) return result;
    size_t length;
    const uint8_t *bytes = kdc_exchange_reply(acquire->exchange, &length);
    krb5_data reply = {.data = (char *)(uintptr_t)bytes, .length = (unsigned)length};
    return acquire->stages[acquire->stage].exchange(acquire, &reply);
}

/* 0: the stage is done; STAGE_AGAIN, SEC_WAIT, SEC_FAILED, -ENOMEM. */
static int stage_step(KerberosAcquire *acquire, IoWait *ret_wait)
{
    switch (acquire->phase) {
    case PHASE_LOOK:
        return phase_look(acquire);
    case PHASE_TURN:
        return phase_turn(acquire, ret_wait);
    case PHASE_EXCHANGE:
        break;
    }
    return phase_exchange(acquire, ret_wait);
}

int kerberos_acquire_step(KerberosAcquire *acquire, IoWait *ret_wait)
{
    int result = 0;

    if (!acquire->context)
        result = kerberos_context_new(kerberos_credential_config(acquire->credential), &acquire->context,
                                      &acquire->failure);
    if (result != 0) return result;
    while (acquire->stage != STAGE_DONE) {
        result = stage_step(acquire, ret_wait);
        if (result == STAGE_AGAIN) continue;
        bool unreachable = acquire->failure.code == (uint32_t)SEC_E_NO_AUTHENTICATING_AUTHORITY;
        if (result == SEC_FAILED && acquire->has_older && unreachable) result = 0;
        if (result != 0) return result;
        acquire_end_exchange(acquire);
        acquire->phase = PHASE_LOOK;
        acquire->has_older = false;
        acquire->stage++;
    }
    return 0;
}

const SecFailure *kerberos_acquire_failure(const KerberosAcquire *acquire)
{
    return &acquire->failure;
}

KerberosTicket *kerberos_acquire_ticket(const KerberosAcquire *acquire)
{
    return acquire->ticket;
}

KerberosTicket *kerberos_acquire_forwarded(const KerberosAcquire *acquire)
{
    return acquire->forwarded;
}
