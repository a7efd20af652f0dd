/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/krb5-acceptor.h"
#include <errno.h>
#include <rpcdce.h>
#include <stdlib.h>
#include <string.h>
#include <winerror.h>
#include "base/reader.h"
#include "sec/krb5-cred.h"
#include "sec/krb5-credential-private.h"
#include "sec/krb5-keytab-private.h"
#include "sec/krb5-level.h"
#include "sec/krb5-pac.h"
#include "sec/krb5-read.h"
#include "sec/pac.h"

struct KerberosAcceptor {
    KerberosKeytab *keytab;
    krb5_context context;
    krb5_auth_context auth;
    krb5_ticket *ticket;
    krb5_data output;
    /* Secret until leg 3: */
    char *principal, *server;
    uint32_t flags;
    uint8_t level, stated_level; /* of the bind; what the client meant by it, 0: it does not say */
    krb5_data evidence;          /* the ticket as the client sent it */
    krb5_creds *delegated;
    PacLogon *logon; /* NULL: the PAC names no SIDs, or there is none */
    KerberosSession session;
};

static int acceptor_alloc(KerberosKeytab *keytab, KerberosAcceptor **ret_acceptor, SecFailure *failure)
{
    _cleanup_(kerberos_acceptor_freep) KerberosAcceptor *acceptor = calloc(1, sizeof(*acceptor));
    if (!acceptor) return -ENOMEM;
    acceptor->keytab = kerberos_keytab_ref(keytab);
    int result = kerberos_context_new(kerberos_keytab_config(keytab), &acceptor->context, failure);
    if (result == 0) *ret_acceptor = TAKE_PTR(acceptor);
    return result;
}

KerberosAcceptor *kerberos_acceptor_free(KerberosAcceptor *acceptor)
{
    if (!acceptor) return NULL;
    krb5_context context = acceptor->context;
    if (context) {
        krb5_free_data_contents(context, &acceptor->output);
        krb5_free_data_contents(context, &acceptor->evidence);
        if (acceptor->auth) (void)krb5_auth_con_free(context, acceptor->auth);
        krb5_free_ticket(context, acceptor->ticket);
        krb5_free_unparsed_name(context, acceptor->principal);
        krb5_free_unparsed_name(context, acceptor->server);
        krb5_free_creds(context, acceptor->delegated);
        krb5_free_context(context);
    }
    kerberos_session_deinit(&acceptor->session);
    free(acceptor->logon);
    kerberos_keytab_unref(acceptor->keytab);
    free(acceptor);
    return NULL;
}

/* Leg 1 */

/* The Ticket of an AP-REQ that was verified already: AP-REQ ::= [APPLICATION 14] SEQUENCE { pvno[0],
 * msg-type[1], ap-options[2], ticket[3] Ticket, authenticator[4] } (RFC 4120 5.5.1). */
static krb5_error_code copy_ticket(const krb5_data *message, krb5_data *ret_ticket)
{
    Reader reader;
    reader_init(&reader, (const uint8_t *)message->data, message->length);
    Reader body = der_read(&reader, DER_APPLICATION(14)), sequence = der_read(&body, DER_SEQUENCE);
    for (unsigned i = 0; i < 3; i++)
        (void)der_read(&sequence, (uint8_t)DER_CONTEXT(i));
    Reader ticket = der_read(&sequence, DER_CONTEXT(3));
    return ticket.failed ? KRB5KRB_AP_ERR_MSG_TYPE : kerberos_read_copy(&ticket, ret_ticket);
}

static krb5_error_code read_ap_req(KerberosAcceptor *acceptor, const uint8_t *token, size_t length)
{
    krb5_context context = acceptor->context;
    Reader message;
    /* Some clients frame it although they said DCE style; the answer is unframed all the same. */
    if (!kerberos_unframe(token, length, FRAME_AP_REQ, &message)) reader_init(&message, token, length);
    krb5_data data = {.data = (char *)(uintptr_t)message.data, .length = (unsigned)message.length};
    krb5_keytab keytab;
    krb5_flags options = 0;
    krb5_error_code error = krb5_auth_con_init(context, &acceptor->auth);
    if (error) return error;
    /* No DO_TIME: no replay cache is consulted or written; leg 3 proves that this is no replay. */
    error = krb5_auth_con_setflags(context, acceptor->auth, 0);
    if (!error) error = kerberos_keytab_open(acceptor->keytab, context, &keytab);
    if (error) return error;
    error = krb5_rd_req(context, &acceptor->auth, &data, NULL, keytab, &options, &acceptor->ticket);
    (void)krb5_kt_close(context, keytab);
    if (error) return error;
    if (options & AP_OPTS_USE_SESSION_KEY) return KRB5KRB_AP_ERR_NOKEY;
    /* The options are not protected. Without MUTUAL_REQUIRED libkrb5 takes the client's sequence number for
     * ours, so the nonce that leg 3 must show would be one that the client chose: a recorded leg 1 and leg 3
     * could be replayed. */
    if (!(options & AP_OPTS_MUTUAL_REQUIRED)) return KRB5KRB_AP_ERR_METHOD;
    const KerberosConfig *config = kerberos_keytab_config(acceptor->keytab);
    const krb5_enc_tkt_part *part = acceptor->ticket->enc_part2;
    if (!kerberos_enctype_allowed(config, acceptor->ticket->enc_part.enctype) ||
        !kerberos_enctype_allowed(config, part->session->enctype))
        return KRB5_NOPERM_ETYPE;
    error = krb5_unparse_name(context, part->client, &acceptor->principal);
    if (!error) error = krb5_unparse_name(context, acceptor->ticket->server, &acceptor->server);
    return error ? error : copy_ticket(&data, &acceptor->evidence);
}

/* The KRB-CRED in the checksum, under the authenticator's subkey or the ticket's session key. It must be the
 * caller's own ticket-granting ticket: another's would give its token another identity outwards. */
static krb5_error_code read_delegated(KerberosAcceptor *acceptor, const uint8_t *message, size_t length)
{
    krb5_context context = acceptor->context;
    const krb5_enc_tkt_part *part = acceptor->ticket->enc_part2;
    krb5_keyblock *subkey = NULL;
    krb5_error_code error = krb5_auth_con_getrecvsubkey(context, acceptor->auth, &subkey);
    if (error) return error;
    const krb5_keyblock *const keys[2] = {subkey, part->session};
    error = kerberos_cred_read(kerberos_keytab_config(acceptor->keytab), context, part->client, keys, message,
                               length, &acceptor->delegated);
    krb5_free_keyblock(context, subkey);
    return error;
}

/* The checksum of RFC 4121 4.1.1: flags and, with DELEG, the delegated ticket. */
static krb5_error_code read_checksum(KerberosAcceptor *acceptor)
{
    krb5_authenticator *authenticator;
    krb5_error_code error = krb5_auth_con_getauthenticator(acceptor->context, acceptor->auth, &authenticator);
    if (error) return error;
    const krb5_checksum *checksum = authenticator->checksum;
    GssChecksum gss;
    if (!checksum || checksum->checksum_type != GSS_CHECKSUM_TYPE ||
        gss_checksum_read(checksum->contents, checksum->length, &gss) != 0 ||
        !(gss.flags & GSS_FLAG_DCE_STYLE)) {
        error = KRB5KRB_AP_ERR_INAPP_CKSUM;
    } else {
        acceptor->flags = gss.flags;
        if (gss.delegated) error = read_delegated(acceptor, gss.delegated, gss.delegated_length);
    }
    if (!error) error = kerberos_level_read(acceptor->context, authenticator, &acceptor->stated_level);
    krb5_free_authenticator(acceptor->context, authenticator);
    return error;
}

/* Leg 2, with a fresh subkey: it makes the key this conversation's own, and leg 2 unusable as leg 3. */
static krb5_error_code write_ap_rep(KerberosAcceptor *acceptor)
{
    krb5_context context = acceptor->context;
    krb5_keyblock *key = NULL;
    krb5_int32 ours, theirs;
    KerberosSession *session = &acceptor->session;
    krb5_error_code error = krb5_auth_con_setflags(
        context, acceptor->auth, KRB5_AUTH_CONTEXT_DO_SEQUENCE | KRB5_AUTH_CONTEXT_USE_SUBKEY);
    if (!error) error = krb5_mk_rep(context, acceptor->auth, &acceptor->output);
    if (!error) error = krb5_auth_con_getsendsubkey(context, acceptor->auth, &key);
    if (!error && !key) error = KRB5KRB_AP_ERR_NOKEY;
    if (!error) error = krb5_auth_con_getlocalseqnumber(context, acceptor->auth, &ours);
    if (!error) error = krb5_auth_con_getremoteseqnumber(context, acceptor->auth, &theirs);
    if (!error && !kerberos_enctype_allowed(kerberos_keytab_config(acceptor->keytab), key->enctype))
        error = KRB5_NOPERM_ETYPE;
    if (!error && secret_new(key->contents, key->length, &session->key) != 0) error = ENOMEM;
    if (!error) {
        session->enctype = key->enctype;
        session->send_sequence = (uint32_t)ours;
        session->receive_sequence = (uint32_t)theirs;
        session->expires = kerberos_time(acceptor->ticket->enc_part2->times.endtime);
    }
    krb5_free_keyblock(context, key);
    return error;
}

/* What MIT and Samba send too: KRB-ERROR in the framing, even in DCE style. Clients correct their clock by
 * it. */
static void write_error(KerberosAcceptor *acceptor, krb5_error_code error, Writer *writer)
{
    size_t count;
    krb5_context context = acceptor->context;
    const krb5_keytab_entry *entries = kerberos_keytab_entries(acceptor->keytab, &count);
    bool known = error > ERROR_TABLE_BASE_krb5 && error < ERROR_TABLE_BASE_krb5 + 128;
    krb5_error message = {.error = (krb5_ui_4)((known ? error : KRB5KRB_ERR_GENERIC) - ERROR_TABLE_BASE_krb5),
                          .server = entries[0].principal};
    krb5_data data;
    if (krb5_us_timeofday(context, &message.stime, &message.susec) != 0) return;
    if (krb5_mk_error(context, &message, &data) != 0) return;
    kerberos_frame(FRAME_ERROR, data.data, data.length, writer);
    krb5_free_data_contents(context, &data);
}

int kerberos_acceptor_new(KerberosKeytab *keytab, uint8_t level, const uint8_t *token, size_t length,
                          KerberosAcceptor **ret_acceptor, Writer *error_token, SecFailure *failure)
{
    _cleanup_(kerberos_acceptor_freep) KerberosAcceptor *acceptor = NULL;
    int result = acceptor_alloc(keytab, &acceptor, failure);
    if (result != 0) return result;
    acceptor->level = level;
    krb5_error_code error = length == 0 || length > KERBEROS_TOKEN_MAX ? KRB5KRB_AP_ERR_MSG_TYPE : 0;
    if (!error) error = read_ap_req(acceptor, token, length);
    if (!error) error = read_checksum(acceptor);
    if (!error) error = kerberos_pac_read(keytab, acceptor->context, acceptor->ticket, &acceptor->logon);
    if (!error) error = write_ap_rep(acceptor);
    if (error == ENOMEM) return -ENOMEM;
    if (error) {
        kerberos_failure(acceptor->context, error, KERBEROS_ACCEPT, NULL, NULL, NULL,
                         failure); /* no name: none is proved */
        write_error(acceptor, error, error_token);
        return SEC_FAILED;
    }
    *ret_acceptor = TAKE_PTR(acceptor);
    return 0;
}

const uint8_t *kerberos_acceptor_output(const KerberosAcceptor *acceptor, size_t *ret_length)
{
    *ret_length = acceptor->output.length;
    return (const uint8_t *)acceptor->output.data;
}

/* Leg 3 */

/* LVL-7 */
static TokenLevel granted_level(uint32_t flags)
{
    if (flags & GSS_FLAG_DELEG) return TOKEN_LEVEL_DELEGATION;
    return flags & GSS_FLAG_IDENTIFY ? TOKEN_LEVEL_IDENTIFICATION : TOKEN_LEVEL_IMPERSONATION;
}

/* The ticket that the client came with, kept to go on in its name where the KDC allows it (DEL-9). */
static int keep_evidence(KerberosAcceptor *acceptor, KerberosCredential **ret_credential)
{
    krb5_context context = acceptor->context;
    const krb5_enc_tkt_part *part = acceptor->ticket->enc_part2;
    krb5_creds *evidence = calloc(1, sizeof(*evidence));
    if (!evidence) return -ENOMEM;
    evidence->magic = KV5M_CREDS;
    evidence->ticket_flags = part->flags;
    evidence->times = part->times;
    if (krb5_copy_principal(context, part->client, &evidence->client) != 0 ||
        krb5_copy_principal(context, acceptor->ticket->server, &evidence->server) != 0) {
        krb5_free_creds(context, evidence);
        return -ENOMEM;
    }
    evidence->ticket = acceptor->evidence;
    acceptor->evidence = (krb5_data){0};
    return kerberos_credential_new_evidence(acceptor->keytab, evidence, false, ret_credential);
}

static int caller_fill(KerberosAcceptor *acceptor, KerberosCaller *caller)
{
    KerberosCaller result = {.session = &acceptor->session,
                             .principal = acceptor->principal,
                             .server = acceptor->server,
                             .level = granted_level(acceptor->flags),
                             .expires = acceptor->session.expires};
    if (acceptor->logon) {
        result.user = acceptor->logon->user;
        result.groups = acceptor->logon->groups;
        result.group_count = acceptor->logon->group_count;
        result.account_flags = acceptor->logon->account_flags;
    } else if (sid_from_principal(acceptor->principal, &result.user) != 0) {
        return -ENOMEM;
    }
    if (acceptor->delegated) {
        int error = kerberos_credential_new_delegated(kerberos_keytab_config(acceptor->keytab),
                                                      TAKE_PTR(acceptor->delegated), &result.credential);
        if (error != 0) return error;
        int64_t end = kerberos_credential_expires(result.credential);
        if (end < result.expires) result.expires = end;
    } else if (result.level == TOKEN_LEVEL_IMPERSONATION) {
        int error = keep_evidence(acceptor, &result.credential);
        if (error != 0) return error;
    }
    *caller = result;
    return 0;
}

/* What the client has to have asked of Kerberos for this level: a capability that was not obtained is an
 * error (GSS-4, [MS-RPCE] 3.3.1.5.2.2). Detection of replays and of order are in that table, too, but not
 * here: Wine asks for neither, and numbers are checked whatever was asked. */
static uint32_t needed_flags(uint8_t level)
{
    if (level < RPC_C_AUTHN_LEVEL_PKT_INTEGRITY) return 0;
    return level == RPC_C_AUTHN_LEVEL_PKT_PRIVACY ? GSS_FLAG_INTEG | GSS_FLAG_CONF : GSS_FLAG_INTEG;
}

/* Does what the client said under its signature fit the level of its bind? */
static int check_level(const KerberosAcceptor *acceptor, SecFailure *failure)
{
    const uint32_t needed = needed_flags(acceptor->level);
    if (acceptor->stated_level && acceptor->stated_level != acceptor->level) {
        sec_failure_set(failure, (uint32_t)SEC_E_MESSAGE_ALTERED,
                        "the caller asked for authentication level %u, but level %u arrived: somebody on the "
                        "way has changed it",
                        acceptor->stated_level, acceptor->level);
        return SEC_FAILED;
    }
    if ((acceptor->flags & needed) == needed) return 0;
    sec_failure_set(
        failure, (uint32_t)SEC_E_SECURITY_QOS_FAILED,
        "the caller bound at authentication level %u, but did not ask Kerberos for %s; its RPC run "
        "time has to ask for what the level needs",
        acceptor->level, acceptor->flags & GSS_FLAG_INTEG ? "confidentiality" : "integrity");
    return SEC_FAILED;
}

int kerberos_acceptor_finish(KerberosAcceptor *acceptor, const uint8_t *token, size_t length,
                             KerberosCaller *ret_caller, SecFailure *failure)
{
    krb5_data data = {.data = (char *)(uintptr_t)token, .length = (unsigned)length};
    krb5_ui_4 nonce;
    krb5_error_code error = length == 0 || length > KERBEROS_TOKEN_MAX
                                ? KRB5KRB_AP_ERR_MSG_TYPE
                                : krb5_rd_rep_dce(acceptor->context, acceptor->auth, &data, &nonce);
    if (error == ENOMEM) return -ENOMEM;
    if (error) {
        /* No name: nothing was proved. */
        kerberos_failure(acceptor->context, error, KERBEROS_ACCEPT, NULL, NULL, NULL, failure);
        return SEC_FAILED;
    }
    int result = check_level(acceptor, failure);
    return result == 0 ? caller_fill(acceptor, ret_caller) : result;
}
