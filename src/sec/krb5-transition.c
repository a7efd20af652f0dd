/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/krb5-transition.h"
#include <errno.h>
#include <stdlib.h>
#include "sec/krb5-credential-private.h"
#include "sec/krb5-keytab-private.h"
#include "sec/krb5-pac.h"

struct KerberosTransition {
    KerberosKeytab *keytab;
    KerberosAcquire *acquire;
    krb5_context context;
    krb5_ticket *ticket;
    char *principal;
    PacLogon *logon;
};

/* The account that asks: the service's of the configuration, or of the keytab's first entry. */
static int find_account(KerberosTransition *transition, const char *service, KerberosCredential **ret_account,
                        SecFailure *failure)
{
    size_t count;
    krb5_principal named = NULL;
    krb5_const_principal principal = kerberos_keytab_entries(transition->keytab, &count)[0].principal;
    if (service) {
        krb5_error_code error = krb5_parse_name(transition->context, service, &named);
        if (error == ENOMEM) return -ENOMEM;
        if (error) {
            kerberos_failure(transition->context, error, KERBEROS_TICKET, service, NULL, NULL, failure);
            return SEC_FAILED;
        }
        principal = named;
    }
    int result = kerberos_keytab_account(transition->keytab, principal, ret_account, failure);
    krb5_free_principal(transition->context, named);
    return result;
}

int kerberos_transition_new(KerberosKeytab *keytab, const char *service, const char *user, uint64_t deadline,
                            KerberosTransition **ret_transition, SecFailure *failure)
{
    _cleanup_(kerberos_transition_freep) KerberosTransition *transition = calloc(1, sizeof(*transition));
    KerberosCredential *account;
    if (!transition) return -ENOMEM;
    transition->keytab = kerberos_keytab_ref(keytab);
    int result = kerberos_context_new(kerberos_keytab_config(keytab), &transition->context, failure);
    if (result == 0) result = find_account(transition, service, &account, failure);
    if (result == 0) result = kerberos_acquire_new_self(account, user, deadline, &transition->acquire);
    if (result == 0) *ret_transition = TAKE_PTR(transition);
    return result;
}

KerberosTransition *kerberos_transition_free(KerberosTransition *transition)
{
    if (!transition) return NULL;
    kerberos_acquire_free(transition->acquire);
    if (transition->context) {
        krb5_free_ticket(transition->context, transition->ticket);
        krb5_free_unparsed_name(transition->context, transition->principal);
        krb5_free_context(transition->context);
    }
    free(transition->logon);
    kerberos_keytab_unref(transition->keytab);
    free(transition);
    return NULL;
}

/* Opens the ticket with our own key: who it is of, and its SIDs, are what the KDC sealed in it, nothing else.
 */
static krb5_error_code open_ticket(KerberosTransition *transition, const krb5_creds *creds)
{
    krb5_context context = transition->context;
    krb5_keytab keytab;
    krb5_error_code error = krb5_decode_ticket(&creds->ticket, &transition->ticket);
    if (!error) error = kerberos_keytab_open(transition->keytab, context, &keytab);
    if (error) return error;
    error = krb5_server_decrypt_ticket_keytab(context, keytab, transition->ticket);
    (void)krb5_kt_close(context, keytab);
    if (error) return error;
    const krb5_enc_tkt_part *part = transition->ticket->enc_part2;
    if (!krb5_principal_compare(context, part->client, creds->client)) return KRB5_KDCREP_MODIFIED;
    error = krb5_unparse_name(context, part->client, &transition->principal);
    if (!error)
        error = kerberos_pac_read(transition->keytab, context, transition->ticket, &transition->logon);
    return error;
}

static int make_evidence(KerberosTransition *transition, const krb5_creds *creds,
                         KerberosCredential **ret_credential)
{
    const krb5_enc_tkt_part *part = transition->ticket->enc_part2;
    krb5_creds *evidence;
    if (krb5_copy_creds(transition->context, creds, &evidence) != 0) return -ENOMEM;
    evidence->ticket_flags = part->flags;
    evidence->times = part->times;
    /* Its own session key is nobody's business: nothing is ever proved with this ticket. */
    krb5_free_keyblock_contents(transition->context, &evidence->keyblock);
    evidence->keyblock = (krb5_keyblock){.magic = KV5M_KEYBLOCK};
    return kerberos_credential_new_evidence(transition->keytab, evidence, true, ret_credential);
}

int kerberos_transition_step(KerberosTransition *transition, IoWait *ret_wait, KerberosCaller *ret_caller,
                             SecFailure *failure)
{
    int result = kerberos_acquire_step(transition->acquire, ret_wait);
    if (result == SEC_FAILED) *failure = *kerberos_acquire_failure(transition->acquire);
    if (result != 0) return result;
    const krb5_creds *creds = kerberos_acquire_ticket(transition->acquire)->creds;
    krb5_error_code error = open_ticket(transition, creds);
    if (error == ENOMEM) return -ENOMEM;
    if (error) {
        kerberos_failure(transition->context, error, KERBEROS_ACCEPT, NULL, NULL, NULL, failure);
        return SEC_FAILED;
    }
    KerberosCaller caller = {.principal = transition->principal,
                             .level = TOKEN_LEVEL_IMPERSONATION,
                             .expires = kerberos_time(transition->ticket->enc_part2->times.endtime)};
    if (transition->logon) {
        caller.user = transition->logon->user;
        caller.groups = transition->logon->groups;
        caller.group_count = transition->logon->group_count;
        caller.account_flags = transition->logon->account_flags;
    } else if (sid_from_principal(transition->principal, &caller.user) != 0) {
        return -ENOMEM;
    }
    result = make_evidence(transition, creds, &caller.credential);
    if (result == 0) *ret_caller = caller;
    return result;
}
