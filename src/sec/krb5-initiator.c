/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/krb5-initiator.h"
#include <errno.h>
#include <rpcdce.h>
#include <stdlib.h>
#include <string.h>
#include <winerror.h>
#include "sec/krb5-credential-private.h"
#include "sec/krb5-der.h"
#include "sec/krb5-level.h"

#define TAG_AP_REP    DER_APPLICATION(15)
#define TAG_KRB_ERROR DER_APPLICATION(30)

struct KerberosInitiator {
    KerberosCredential *credential;
    KerberosTicket *ticket, *forwarded;
    char *target;
    uint32_t flags;
    uint8_t level;
    krb5_context context; /* of this conversation: carries a corrected clock, and nothing else does */
    krb5_auth_context auth;
    krb5_data output;
    bool restarted;
    KerberosSession session;
};

/* The checksum of RFC 4121 4.1.1, made while libkrb5 makes the authenticator: only then are the keys there
 * that the KRB-CRED in it is encrypted with. */
typedef struct ChecksumArgument {
    KerberosInitiator *initiator;
    krb5_data output;
} ChecksumArgument;

/* The KRB-CRED goes under the ticket's session key (RFC 4121 4.1.1): the subkey is hidden meanwhile. */
static krb5_error_code make_krb_cred(krb5_context context, krb5_auth_context auth, krb5_creds *forwarded,
                                     krb5_data **ret_message)
{
    krb5_int32 flags;
    krb5_keyblock *subkey = NULL;
    krb5_replay_data replay;
    krb5_error_code error = krb5_auth_con_getflags(context, auth, &flags);
    if (!error) error = krb5_auth_con_getsendsubkey(context, auth, &subkey);
    if (!error) error = krb5_auth_con_setsendsubkey(context, auth, NULL);
    if (error) return error;
    (void)krb5_auth_con_setflags(context, auth,
                                 flags & ~KRB5_AUTH_CONTEXT_DO_TIME); /* no replay cache; always 0 */
    error = krb5_mk_1cred(context, auth, forwarded, ret_message, &replay);
    (void)krb5_auth_con_setflags(context, auth, flags);
    krb5_error_code restored = krb5_auth_con_setsendsubkey(context, auth, subkey);
    krb5_free_keyblock(context, subkey);
    if (!error && restored) krb5_free_data(context, *ret_message);
    return error ? error : restored;
}

static krb5_error_code KRB5_CALLCONV make_checksum(krb5_context context, krb5_auth_context auth, void *data,
                                                   krb5_data **ret_output)
{
    ChecksumArgument *argument = data;
    KerberosTicket *forwarded = argument->initiator->forwarded;
    krb5_data *message = NULL;
    krb5_error_code error = forwarded ? make_krb_cred(context, auth, forwarded->creds, &message) : 0;
    if (error) return error;
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, 0);
    writer_u32(&writer, GSS_CHECKSUM_BINDINGS);
    writer_fill(&writer, 0, GSS_CHECKSUM_BINDINGS); /* no channel bindings */
    writer_u32(&writer, argument->initiator->flags | (forwarded ? GSS_FLAG_DELEG : 0));
    if (message) {
        writer_u16(&writer, 1); /* DlgOpt */
        writer_u16(&writer, (uint16_t)message->length);
        writer_bytes(&writer, message->data, message->length);
        if (message->length > UINT16_MAX) error = KRB5KRB_ERR_FIELD_TOOLONG;
        krb5_free_data(context, message);
    }
    uint8_t *bytes;
    size_t length;
    if (!error && writer_take(&writer, &bytes, &length) != 0) error = ENOMEM;
    if (error) return error;
    argument->output = (krb5_data){.magic = KV5M_DATA, .data = (char *)bytes, .length = (unsigned)length};
    *ret_output = &argument->output;
    return 0;
}

static void initiator_drop_output(KerberosInitiator *initiator)
{
    krb5_free_data_contents(initiator->context, &initiator->output);
    initiator->output = (krb5_data){0};
}

static krb5_error_code make_leg1(KerberosInitiator *initiator)
{
    krb5_context context = initiator->context;
    ChecksumArgument argument = {.initiator = initiator};
    initiator_drop_output(initiator);
    if (initiator->auth) (void)krb5_auth_con_free(context, initiator->auth);
    initiator->auth = NULL;
    krb5_error_code error = krb5_auth_con_init(context, &initiator->auth);
    if (!error) error = krb5_auth_con_setflags(context, initiator->auth, KRB5_AUTH_CONTEXT_DO_SEQUENCE);
    if (!error) error = krb5_auth_con_set_req_cksumtype(context, initiator->auth, GSS_CHECKSUM_TYPE);
    if (!error) error = krb5_auth_con_set_checksum_func(context, initiator->auth, make_checksum, &argument);
    krb5_creds creds = *initiator->ticket->creds; /* others use the ticket, too */
    creds.authdata = NULL;
    if (!error) error = kerberos_level_write(context, initiator->level, &creds.authdata);
    /* ETYPE_NEGOTIATION (RFC 4537): the acceptor may choose AES although the session key is weaker. */
    if (!error)
        error = krb5_mk_req_extended(context, &initiator->auth,
                                     AP_OPTS_USE_SUBKEY | AP_OPTS_MUTUAL_REQUIRED | AP_OPTS_ETYPE_NEGOTIATION,
                                     NULL, &creds, &initiator->output);
    krb5_free_authdata(context, creds.authdata);
    free(argument.output.data);
    if (initiator->auth) (void)krb5_auth_con_set_checksum_func(context, initiator->auth, NULL, NULL);
    return error;
}

static uint32_t request_flags(uint8_t authn_level, uint8_t impersonation)
{
    uint32_t flags = GSS_FLAG_MUTUAL | GSS_FLAG_DCE_STYLE;
    /* What is not used is not asked for: a Samba server that is asked for signatures wants them at connect
     * level, too. [MS-RPCE] 3.3.1.5.2.1 */
    if (authn_level >= RPC_C_AUTHN_LEVEL_PKT) flags |= GSS_FLAG_REPLAY | GSS_FLAG_SEQUENCE | GSS_FLAG_INTEG;
    if (authn_level >= RPC_C_AUTHN_LEVEL_PKT_PRIVACY) flags |= GSS_FLAG_CONF;
    /* LVL-7: there is no anonymous level on the wire; ERR-6: it is sent as IDENTIFY. */
    if (impersonation <= RPC_C_IMP_LEVEL_IDENTIFY) flags |= GSS_FLAG_IDENTIFY;
    return flags;
}

static int initiator_fail(const KerberosInitiator *initiator, krb5_error_code error, SecFailure *failure)
{
    if (error == ENOMEM) return -ENOMEM;
    kerberos_failure(initiator->context, error, KERBEROS_INITIATE,
                     kerberos_credential_principal(initiator->credential), initiator->target, NULL, failure);
    return SEC_FAILED;
}

int kerberos_initiator_new(KerberosCredential *credential, const KerberosAcquire *acquire, const char *target,
                           uint8_t authn_level, uint8_t impersonation, KerberosInitiator **ret_initiator,
                           SecFailure *failure)
{
    _cleanup_(kerberos_initiator_freep) KerberosInitiator *initiator = calloc(1, sizeof(*initiator));
    if (!initiator) return -ENOMEM;
    KerberosConfig *config = kerberos_credential_config(credential);
    int result = kerberos_context_new(config, &initiator->context, failure);
    if (result != 0) return result;
    initiator->credential = kerberos_credential_ref(credential);
    initiator->ticket = kerberos_ticket_ref(kerberos_acquire_ticket(acquire));
    if (impersonation == RPC_C_IMP_LEVEL_DELEGATE)
        initiator->forwarded = kerberos_ticket_ref(kerberos_acquire_forwarded(acquire));
    initiator->flags = request_flags(authn_level, impersonation);
    initiator->level = authn_level;
    if (!(initiator->target = strdup(target))) return -ENOMEM;
    krb5_error_code error = make_leg1(initiator);
    if (error) return initiator_fail(initiator, error, failure);
    *ret_initiator = TAKE_PTR(initiator);
    return 0;
}

KerberosInitiator *kerberos_initiator_free(KerberosInitiator *initiator)
{
    if (!initiator) return NULL;
    if (initiator->context) {
        initiator_drop_output(initiator);
        if (initiator->auth) (void)krb5_auth_con_free(initiator->context, initiator->auth);
        krb5_free_context(initiator->context);
    }
    kerberos_session_deinit(&initiator->session);
    kerberos_ticket_unref(initiator->ticket);
    kerberos_ticket_unref(initiator->forwarded);
    kerberos_credential_unref(initiator->credential);
    free(initiator->target);
    free(initiator);
    return NULL;
}

/* Sets this conversation's clock by the server's and makes a new leg 1: once, and not by more than
 * KERBEROS_SKEW_MAX. */
static int initiator_restart(KerberosInitiator *initiator, krb5_timestamp seconds, krb5_int32 microseconds,
                             SecFailure *failure)
{
    krb5_timestamp now;
    krb5_error_code error = krb5_timeofday(initiator->context, &now);
    if (error) return initiator_fail(initiator, error, failure);
    int64_t offset = kerberos_time(seconds) - kerberos_time(now);
    bool believed = !initiator->restarted && offset <= KERBEROS_SKEW_MAX && offset >= -KERBEROS_SKEW_MAX;
    if (!believed || microseconds < 0 || microseconds > 999999)
        return initiator_fail(initiator, KRB5KRB_AP_ERR_SKEW, failure);
    initiator->restarted = true;
    error = krb5_set_real_time(initiator->context, seconds, microseconds);
    if (!error) error = make_leg1(initiator);
    return error ? initiator_fail(initiator, error, failure) : SEC_RESTART;
}

/* A KRB-ERROR. It is not authenticated: it can make this attempt fail, or its clock be corrected, nothing
 * more. */
static int initiator_refused(KerberosInitiator *initiator, const Reader *message, SecFailure *failure)
{
    krb5_data data = {.data = (char *)(uintptr_t)message->data, .length = (unsigned)message->length};
    krb5_error *peer;
    if (krb5_rd_error(initiator->context, &data, &peer) != 0)
        return initiator_fail(initiator, KRB5KRB_AP_ERR_MSG_TYPE, failure);
    krb5_error_code error = peer->error > 0 && peer->error < 128
                                ? ERROR_TABLE_BASE_krb5 + (krb5_error_code)peer->error
                                : KRB5KRB_ERR_GENERIC;
    krb5_timestamp seconds = peer->stime;
    krb5_int32 microseconds = peer->susec;
    krb5_free_error(initiator->context, peer);
    if (error == KRB5KRB_AP_ERR_SKEW) return initiator_restart(initiator, seconds, microseconds, failure);
    /* The server may have a new key: the next attempt asks the KDC again. */
    kerberos_credential_forget_ticket(initiator->credential, initiator->target, initiator->ticket);
    return initiator_fail(initiator, error, failure);
}

/* The AP-REP: its subkey and sequence number become the session's; answers with leg 3. */
static krb5_error_code initiator_answer(KerberosInitiator *initiator, const uint8_t *token, size_t length)
{
    krb5_context context = initiator->context;
    krb5_data data = {.data = (char *)(uintptr_t)token, .length = (unsigned)length};
    krb5_ap_rep_enc_part *part;
    krb5_int32 sequence;
    KerberosSession *session = &initiator->session;
    krb5_error_code error = krb5_rd_rep(context, initiator->auth, &data, &part);
    if (error) return error;
    session->receive_sequence = (uint32_t)part->seq_number;
    /* [MS-KILE] 3.4.5.1: a DCE-style acceptor always sends one; without it leg 2 would prove less. */
    if (!part->subkey)
        error = KRB5_MUTUAL_FAILED;
    else if (!kerberos_enctype_allowed(kerberos_credential_config(initiator->credential),
                                       part->subkey->enctype))
        error = KRB5_NOPERM_ETYPE;
    else if (secret_new(part->subkey->contents, part->subkey->length, &session->key) != 0)
        error = ENOMEM;
    else
        session->enctype = part->subkey->enctype;
    krb5_free_ap_rep_enc_part(context, part);
    initiator_drop_output(initiator);
    if (!error) error = krb5_mk_rep_dce(context, initiator->auth, &initiator->output);
    if (!error) error = krb5_auth_con_getlocalseqnumber(context, initiator->auth, &sequence);
    if (error) return error;
    session->send_sequence = (uint32_t)sequence;
    session->expires = kerberos_time(initiator->ticket->creds->times.endtime);
    return 0;
}

int kerberos_initiator_finish(KerberosInitiator *initiator, const uint8_t *token, size_t length,
                              SecFailure *failure)
{
    Reader message;
    if (length == 0 || length > KERBEROS_TOKEN_MAX)
        return initiator_fail(initiator, KRB5KRB_AP_ERR_MSG_TYPE, failure);
    /* MIT and Samba frame their error token even in DCE style. */
    if (kerberos_unframe(token, length, FRAME_ERROR, &message))
        return initiator_refused(initiator, &message, failure);
    if (token[0] == TAG_KRB_ERROR) {
        reader_init(&message, token, length);
        return initiator_refused(initiator, &message, failure);
    }
    if (token[0] != TAG_AP_REP) return initiator_fail(initiator, KRB5KRB_AP_ERR_MSG_TYPE, failure);
    krb5_error_code error = initiator_answer(initiator, token, length);
    return error ? initiator_fail(initiator, error, failure) : 0;
}

const uint8_t *kerberos_initiator_output(const KerberosInitiator *initiator, size_t *ret_length)
{
    *ret_length = initiator->output.length;
    return (const uint8_t *)initiator->output.data;
}

const KerberosSession *kerberos_initiator_session(const KerberosInitiator *initiator)
{
    return &initiator->session;
}
