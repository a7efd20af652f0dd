/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tickets in others' names: with evidence, a client's ticket, one of that client for another service
 * (S4U2proxy); without any, one for this machine's own account (S4U2self). The KDC alone says for whom and
 * whereto. What it says is checked: never another client's ticket than the evidence's, never one for another
 * service than asked.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <winerror.h>
#include "base/time.h"
#include "sec/krb5-acquire-private.h"
#include "sec/krb5-s4u.h"

static int take_ticket(KerberosAcquire *acquire, krb5_creds *creds)
{
    KerberosConfig *config = kerberos_credential_config(acquire->credential);
    bool allowed = kerberos_enctype_allowed(config, creds->keyblock.enctype);
    KerberosTicket *ticket;
    if (kerberos_ticket_new(config, creds, &ticket) != 0) return -ENOMEM;
    kerberos_ticket_unref(acquire->ticket);
    acquire->ticket = ticket;
    return allowed ? 0 : kerberos_acquire_fail(acquire, KRB5_NOPERM_ETYPE, NULL);
}

/* This machine's ticket */

static int proxy_tgt_look(KerberosAcquire *acquire)
{
    const krb5_creds *evidence = kerberos_credential_evidence(acquire->credential);
    if (time_wall() >= kerberos_time(evidence->times.endtime)) {
        char who[SEC_QUOTE_SIZE], target[SEC_QUOTE_SIZE];
        sec_failure_set(&acquire->failure, (uint32_t)SEC_E_NO_CREDENTIALS,
                        "%s cannot be shown to %s: the ticket it called with has expired; ask the client to "
                        "call again with a new ticket",
                        sec_quote(kerberos_credential_principal(acquire->credential), who),
                        sec_quote(acquire->target, target));
        return SEC_FAILED;
    }
    if (!acquire->actor) {
        KerberosCredential *actor;
        int result = kerberos_credential_actor(acquire->credential, &actor, &acquire->failure);
        if (result != 0) return result;
        acquire->actor = kerberos_credential_ref(actor);
    }
    return kerberos_stage_tgt_look(acquire);
}

/* S4U2proxy */

static int proxy_look(KerberosAcquire *acquire)
{
    return kerberos_credential_ticket(acquire->credential, acquire->target, false, &acquire->ticket);
}

/* The target's principal, which must be of the machine's own realm: there is one KDC to decide. */
static int proxy_target(KerberosAcquire *acquire)
{
    const krb5_data *home = &kerberos_credential_client(acquire->actor)->realm;
    if (acquire->server) return 0;
    krb5_error_code error = kerberos_parse_target(kerberos_credential_config(acquire->credential),
                                                  acquire->context, acquire->target, &acquire->server);
    if (!error && acquire->server->realm.length == 0)
        error = krb5_set_principal_realm(acquire->context, acquire->server, home->data);
    if (error) return kerberos_acquire_fail(acquire, error, NULL);
    if (krb5_realm_compare(acquire->context, acquire->server, kerberos_credential_client(acquire->actor)))
        return 0;
    char who[SEC_QUOTE_SIZE], target[SEC_QUOTE_SIZE];
    sec_failure_set(&acquire->failure, (uint32_t)SEC_E_NO_CREDENTIALS,
                    "%s's token may not cross another machine's boundary, here to %s: the client called at "
                    "IMPERSONATE, and constrained delegation ends at the realm's border; ask it to call at "
                    "DELEGATE and have this machine's account trusted for delegation",
                    sec_quote(kerberos_credential_principal(acquire->credential), who),
                    sec_quote(acquire->target, target));
    return SEC_FAILED;
}

static int proxy_begin(KerberosAcquire *acquire)
{
    int result = proxy_target(acquire);
    if (result != 0) return result;
    _cleanup_(writer_deinitp) Writer request;
    writer_init(&request, 0);
    krb5_error_code error = kerberos_proxy_request(
        acquire->context, kerberos_credential_config(acquire->credential), acquire->tgt->creds,
        kerberos_credential_evidence(acquire->credential), acquire->server, &request, &acquire->nonce);
    if (error) return kerberos_acquire_fail(acquire, error, NULL);
    return kerberos_acquire_send(acquire, &acquire->server->realm, request.data, request.length);
}

/* DEL-10: the KDC's no. It does not say why, but the flag of the evidence does for one of the reasons. */
static int proxy_refused(KerberosAcquire *acquire, uint32_t status)
{
    char who[SEC_QUOTE_SIZE], target[SEC_QUOTE_SIZE], actor[SEC_QUOTE_SIZE];
    const krb5_creds *evidence = kerberos_credential_evidence(acquire->credential);
    sec_quote(kerberos_credential_principal(acquire->credential), who);
    sec_quote(acquire->target, target);
    sec_quote(kerberos_credential_principal(acquire->actor), actor);
    if (status == KDC_STATUS_ACCOUNT_RESTRICTION)
        sec_failure_set(&acquire->failure, ERROR_ACCOUNT_RESTRICTION,
                        "%s may not be shown to %s by %s: the KDC says that the account cannot be delegated; "
                        "clear \"sensitive, cannot be delegated\" on it and take it out of Protected Users",
                        who, target, actor);
    else if (!(evidence->ticket_flags & TKT_FLG_FORWARDABLE) &&
             kerberos_credential_is_asserted(acquire->credential))
        sec_failure_set(
            &acquire->failure, (uint32_t)SEC_E_NO_CREDENTIALS,
            "%s may not be shown to %s: no ticket of its own proves it here, and %s may not act for "
            "users like that; let that account use any authentication protocol "
            "(ok_to_auth_as_delegate, TRUSTED_TO_AUTHENTICATE_FOR_DELEGATION), clear \"sensitive, "
            "cannot be delegated\" on the user, or let the user come with Kerberos",
            who, target, actor);
    else if (!(evidence->ticket_flags & TKT_FLG_FORWARDABLE))
        sec_failure_set(&acquire->failure, (uint32_t)SEC_E_NO_CREDENTIALS,
                        "%s's token may not cross another machine's boundary, here to %s: the client called "
                        "at IMPERSONATE, and its ticket is not forwardable, so that %s may not act for it; "
                        "clear \"sensitive, cannot be delegated\" on the account or run kinit -f, then let "
                        "%s act for it or call at DELEGATE",
                        who, target, actor, actor);
    else
        sec_failure_set(&acquire->failure, (uint32_t)SEC_E_NO_CREDENTIALS,
                        "%s's token may not cross another machine's boundary, here to %s: the client called "
                        "at IMPERSONATE; ask it to call at DELEGATE and have this machine's account trusted "
                        "for delegation, or add %s to msDS-AllowedToDelegateTo of %s, or that to "
                        "msDS-AllowedToActOnBehalfOfOtherIdentity of the target",
                        who, target, target, actor);
    return SEC_FAILED;
}

static int proxy_exchange(KerberosAcquire *acquire, const krb5_data *reply)
{
    krb5_creds *creds;
    uint32_t status;
    krb5_error_code error = kerberos_proxy_reply(
        acquire->context, acquire->tgt->creds, kerberos_credential_evidence(acquire->credential),
        acquire->server, acquire->nonce, (const uint8_t *)reply->data, reply->length, &creds, &status);
    if (error == KRB5KDC_ERR_BADOPTION || (error && status == KDC_STATUS_ACCOUNT_RESTRICTION))
        return proxy_refused(acquire, status);
    if (error) return kerberos_acquire_fail(acquire, error, NULL);
    int result = take_ticket(acquire, creds);
    if (result == 0) kerberos_credential_set_ticket(acquire->credential, acquire->target, acquire->ticket);
    return result;
}

/* DEL-9: with the client's ticket a machine acts for it and cannot hand it on. */
static int proxy_forward_look(KerberosAcquire *acquire)
{
    char who[SEC_QUOTE_SIZE], target[SEC_QUOTE_SIZE];
    if (!acquire->delegate) return 0;
    sec_failure_set(&acquire->failure, RPC_S_SEC_PKG_ERROR,
                    "%s cannot be delegated to %s: the client called at IMPERSONATE, and by constrained "
                    "delegation this machine may act for it there, not hand it on; call at IMPERSONATE, or "
                    "ask the client to call at DELEGATE",
                    sec_quote(kerberos_credential_principal(acquire->credential), who),
                    sec_quote(acquire->target, target));
    return SEC_FAILED;
}

const StageRow kerberos_proxy_stages[STAGE_DONE] = {
    [STAGE_TGT] = {proxy_tgt_look, kerberos_stage_tgt_begin, kerberos_stage_tgt_exchange},
    [STAGE_SERVICE] = {proxy_look, proxy_begin, proxy_exchange},
    [STAGE_FORWARD] = {proxy_forward_look, NULL, NULL},
};

/* S4U2self */

static int self_fail(KerberosAcquire *acquire, krb5_error_code error)
{
    if (error == ENOMEM) return -ENOMEM;
    kerberos_failure(acquire->context, error, KERBEROS_LOGON, acquire->target, NULL, NULL, &acquire->failure);
    return SEC_FAILED;
}

static int self_look(KerberosAcquire *acquire)
{
    return TICKET_NONE;
}

static int self_begin(KerberosAcquire *acquire)
{
    _cleanup_(writer_deinitp) Writer request;
    writer_init(&request, 0);
    krb5_const_principal self = kerberos_credential_client(acquire->credential);
    krb5_error_code error = acquire->server
                                ? 0
                                : krb5_parse_name_flags(acquire->context, acquire->target,
                                                        KRB5_PRINCIPAL_PARSE_REQUIRE_REALM, &acquire->server);
    if (!error)
        error = kerberos_self_request(acquire->context, kerberos_credential_config(acquire->credential),
                                      acquire->tgt->creds, acquire->server, self, &request, &acquire->nonce);
    if (error) return self_fail(acquire, error);
    return kerberos_acquire_send(acquire, &self->realm, request.data, request.length);
}

static int self_exchange(KerberosAcquire *acquire, const krb5_data *reply)
{
    krb5_creds *creds;
    krb5_error_code error =
        kerberos_self_reply(acquire->context, acquire->tgt->creds, acquire->server,
                            kerberos_credential_client(acquire->credential), acquire->nonce,
                            (const uint8_t *)reply->data, reply->length, &creds);
    return error ? self_fail(acquire, error) : take_ticket(acquire, creds);
}

static int nothing_look(KerberosAcquire *acquire)
{
    return 0;
}

const StageRow kerberos_self_stages[STAGE_DONE] = {
    [STAGE_TGT] = {kerberos_stage_tgt_look, kerberos_stage_tgt_begin, kerberos_stage_tgt_exchange},
    [STAGE_SERVICE] = {self_look, self_begin, self_exchange},
    [STAGE_FORWARD] = {nothing_look, NULL, NULL},
};
