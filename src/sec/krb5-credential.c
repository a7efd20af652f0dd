/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <winerror.h>
#include "base/hash.h"
#include "base/time.h"
#include "sec/krb5-credential-private.h"
#include "sec/krb5-keytab-private.h"

/* A ticket without OK-AS-DELEGATE is asked for again after this long when delegation is wanted: the account
 * may have been trusted since. */
#define UNTRUSTED_TICKET_AGE 60
/* Seconds between two attempts to replace a ticket that still serves; a quarter of what is left of it if that
 * is less. */
#define RENEWAL_PAUSE_MAX 30
/* Ticket caches that are no files are read again after this long. */
#define CCACHE_AGE_MAX NS_PER_SECOND

struct KerberosCredential {
    RefCount refs;
    KerberosConfig *config;
    CredentialSource source;
    bool forwardable;
    char *path, *name;
    krb5_principal client;
    Secret *password;
    KerberosKeytab *keytab; /* of evidence: who acts with it */
    krb5_creds *evidence;   /* the ticket, nothing of it secret */
    bool asserted;          /* got by S4U2self */

    pthread_mutex_t lock; /* guards what follows */
    KerberosTicket *tgt, *forwarded;
    HashMap *tickets; /* target as asked for -> KerberosTicket */
    struct stat seen; /* of the ticket cache's file when it was read */
    uint64_t read_at; /* and when that was, for caches without a file */
};

/* Names */

/* A client principal: without a realm it is of the profile's default realm, else of `fallback`. */
static krb5_error_code parse_client(const KerberosConfig *config, krb5_context context, const char *text,
                                    const krb5_data *fallback, krb5_principal *ret_principal)
{
    krb5_principal principal;
    krb5_error_code error =
        krb5_parse_name_flags(context, text, KRB5_PRINCIPAL_PARSE_NO_DEF_REALM, &principal);
    if (error) return error;
    const char *realm = kerberos_config_realm(config);
    if (principal->realm.length == 0) {
        if (realm)
            error = krb5_set_principal_realm(context, principal, realm);
        else if (fallback && fallback->length > 0)
            error = krb5_set_principal_realm(context, principal, fallback->data);
        else
            error = KRB5_REALM_UNKNOWN;
    }
    if (error)
        krb5_free_principal(context, principal);
    else
        *ret_principal = principal;
    return error;
}

/* The principal named, or the first, of those the keytab has keys for. */
static krb5_error_code keytab_principal(const KerberosCredential *credential, krb5_context context,
                                        const char *name, krb5_principal *ret_principal)
{
    krb5_keytab keytab;
    krb5_kt_cursor cursor;
    krb5_keytab_entry entry;
    krb5_principal wanted = NULL, found = NULL;
    krb5_error_code error = krb5_kt_resolve(context, credential->path, &keytab);
    if (error) return error;
    error = krb5_kt_start_seq_get(context, keytab, &cursor);
    if (error) {
        (void)krb5_kt_close(context, keytab);
        return error;
    }
    while (!error && !found && krb5_kt_next_entry(context, keytab, &entry, &cursor) == 0) {
        if (name && !wanted)
            error = parse_client(credential->config, context, name, &entry.principal->realm, &wanted);
        if (!error && (!name || krb5_principal_compare(context, wanted, entry.principal)))
            error = krb5_copy_principal(context, entry.principal, &found);
        (void)krb5_free_keytab_entry_contents(context, &entry);
    }
    (void)krb5_kt_end_seq_get(context, keytab, &cursor);
    (void)krb5_kt_close(context, keytab);
    krb5_free_principal(context, wanted);
    if (!error && !found) error = KRB5_KT_NOTFOUND;
    if (!error) *ret_principal = found;
    return error;
}

/* Ticket caches */

/* Whether the cache may have changed since it was read. */
static bool ccache_changed(KerberosCredential *credential, krb5_context context, krb5_ccache cache)
{
    if (strcmp(krb5_cc_get_type(context, cache), "FILE") != 0) {
        uint64_t now = time_monotonic();
        if (credential->tgt && now - credential->read_at < CCACHE_AGE_MAX) return false;
        credential->read_at = now;
        return true;
    }
    struct stat now = {0};
    const struct stat *seen = &credential->seen;
    if (stat(krb5_cc_get_name(context, cache), &now) != 0) return true;
    if (credential->tgt && now.st_ino == seen->st_ino && now.st_dev == seen->st_dev &&
        now.st_size == seen->st_size && now.st_mtim.tv_sec == seen->st_mtim.tv_sec &&
        now.st_mtim.tv_nsec == seen->st_mtim.tv_nsec)
        return false;
    credential->seen = now;
    return true;
}

/* krbtgt/REALM@REALM of the client's own realm */
static bool is_local_tgt(krb5_const_principal server, const krb5_data *realm)
{
    return server->length == 2 && server->data[0].length == 6 &&
           memcmp(server->data[0].data, "krbtgt", 6) == 0 && server->data[1].length == realm->length &&
           memcmp(server->data[1].data, realm->data, realm->length) == 0 &&
           server->realm.length == realm->length &&
           memcmp(server->realm.data, realm->data, realm->length) == 0;
}

/* The TGT of a cache that ends last. */
static krb5_error_code ccache_find_tgt(krb5_context context, krb5_ccache cache, krb5_const_principal client,
                                       krb5_creds **ret_creds)
{
    krb5_cc_cursor cursor;
    krb5_creds entry, *best = NULL;
    krb5_error_code error = krb5_cc_start_seq_get(context, cache, &cursor);
    if (error) return error;
    while (!error && krb5_cc_next_cred(context, cache, &cursor, &entry) == 0) {
        if (is_local_tgt(entry.server, &client->realm) &&
            krb5_principal_compare(context, entry.client, client) &&
            (!best || kerberos_time(entry.times.endtime) > kerberos_time(best->times.endtime))) {
            krb5_free_creds(context, best);
            best = NULL;
            error = krb5_copy_creds(context, &entry, &best);
        }
        krb5_free_cred_contents(context, &entry);
    }
    (void)krb5_cc_end_seq_get(context, cache, &cursor);
    if (!error && !best) error = KRB5_CC_NOTFOUND;
    if (error)
        krb5_free_creds(context, best);
    else
        *ret_creds = best;
    return error;
}

static void forget_tickets(KerberosCredential *credential)
{
    KerberosTicket *ticket;
    for (HashIterator iterator = {0};
         credential->tickets && (ticket = hashmap_next(credential->tickets, &iterator));)
        kerberos_ticket_unref(ticket);
    hashmap_free(credential->tickets);
    credential->tickets = NULL;
    credential->forwarded = kerberos_ticket_unref(credential->forwarded);
}

/* Reads the cache when it changed. The first time its principal becomes the credential's; ever after it must
 * stay the same: a cache that somebody else's ticket was put into does not make this credential somebody
 * else. */
static krb5_error_code ccache_load(KerberosCredential *credential, krb5_context context)
{
    krb5_ccache cache;
    krb5_principal owner = NULL;
    krb5_creds *creds = NULL;
    KerberosTicket *tgt = NULL;
    krb5_error_code error = krb5_cc_resolve(context, credential->path, &cache);
    if (error) return error;
    if (!ccache_changed(credential, context, cache)) {
        (void)krb5_cc_close(context, cache);
        return 0;
    }
    credential->tgt = kerberos_ticket_unref(credential->tgt);
    forget_tickets(credential);
    error = krb5_cc_get_principal(context, cache, &owner);
    if (!error && !credential->client) error = krb5_copy_principal(context, owner, &credential->client);
    if (!error && !krb5_principal_compare(context, owner, credential->client)) error = KRB5_PRINC_NOMATCH;
    if (!error) error = ccache_find_tgt(context, cache, owner, &creds);
    if (!error) error = kerberos_ticket_new(credential->config, creds, &tgt);
    if (!error) credential->tgt = tgt;
    krb5_free_principal(context, owner);
    (void)krb5_cc_close(context, cache);
    return error;
}

/* Making */

static krb5_error_code credential_identify(KerberosCredential *credential, krb5_context context,
                                           const KerberosCredentialSpec *spec)
{
    krb5_error_code error = 0;
    if (spec->source == CREDENTIAL_KEYTAB)
        error = keytab_principal(credential, context, spec->principal, &credential->client);
    else if (spec->principal)
        error = parse_client(credential->config, context, spec->principal, NULL, &credential->client);
    /* A cache's principal is needed now; whether there is a ticket in it yet is not. */
    if (!error && spec->source == CREDENTIAL_CCACHE) error = ccache_load(credential, context);
    if ((error == KRB5_CC_NOTFOUND || error == KRB5_FCC_NOFILE) && credential->client) error = 0;
    if (!error && !credential->client) error = KRB5_CC_NOTFOUND;
    if (!error) error = krb5_unparse_name(context, credential->client, &credential->name);
    return error;
}

static int credential_copy_spec(KerberosCredential *credential, const KerberosCredentialSpec *spec)
{
    credential->source = spec->source;
    credential->forwardable = spec->forwardable;
    if (spec->path && !(credential->path = strdup(spec->path))) return -ENOMEM;
    return spec->password ? secret_new(spec->password, strlen(spec->password) + 1, &credential->password) : 0;
}

static int credential_alloc(KerberosConfig *config, KerberosCredential **ret_credential)
{
    KerberosCredential *credential = calloc(1, sizeof(*credential));
    if (!credential) return -ENOMEM;
    refcount_init(&credential->refs);
    pthread_mutex_init(&credential->lock, NULL);
    credential->config = kerberos_config_ref(config);
    *ret_credential = credential;
    return 0;
}

int kerberos_credential_new(KerberosConfig *config, const KerberosCredentialSpec *spec,
                            KerberosCredential **ret_credential, SecFailure *failure)
{
    bool by_password = spec->source == CREDENTIAL_PASSWORD;
    if (spec->source > CREDENTIAL_PASSWORD ||
        (by_password ? !spec->password || !spec->principal : !spec->path))
        return -EINVAL;
    _cleanup_(kerberos_credential_unrefp) KerberosCredential *credential = NULL;
    int result = credential_alloc(config, &credential);
    if (result == 0) result = credential_copy_spec(credential, spec);
    krb5_context context;
    if (result == 0) result = kerberos_context_new(config, &context, failure);
    if (result != 0) return result;
    krb5_error_code error = credential_identify(credential, context, spec);
    if (error)
        kerberos_failure(context, error, by_password ? KERBEROS_LOGON : KERBEROS_TICKET, spec->principal,
                         NULL, spec->path, failure);
    krb5_free_context(context);
    if (error) return SEC_FAILED;
    *ret_credential = TAKE_PTR(credential);
    return 0;
}

int kerberos_credential_new_delegated(KerberosConfig *config, krb5_creds *tgt,
                                      KerberosCredential **ret_credential)
{
    _cleanup_(kerberos_ticket_unrefp) KerberosTicket *ticket = NULL;
    if (kerberos_ticket_new(config, tgt, &ticket) != 0) return -ENOMEM;
    _cleanup_(kerberos_credential_unrefp) KerberosCredential *credential = NULL;
    int result = credential_alloc(config, &credential);
    if (result != 0) return result;
    krb5_context base = kerberos_config_base(config);
    credential->source = CREDENTIAL_DELEGATED;
    if (krb5_copy_principal(base, tgt->client, &credential->client) != 0 ||
        krb5_unparse_name(base, tgt->client, &credential->name) != 0)
        return -ENOMEM;
    credential->tgt = TAKE_PTR(ticket);
    *ret_credential = TAKE_PTR(credential);
    return 0;
}

/* Fills what `credential` is of; `evidence` is the credential's from the start. */
static int evidence_identify(KerberosCredential *credential)
{
    krb5_context base = kerberos_config_base(credential->config);
    if (krb5_copy_principal(base, credential->evidence->client, &credential->client) != 0 ||
        krb5_unparse_name(base, credential->client, &credential->name) != 0)
        return -ENOMEM;
    return 0;
}

int kerberos_credential_new_evidence(KerberosKeytab *keytab, krb5_creds *evidence, bool asserted,
                                     KerberosCredential **ret_credential)
{
    KerberosConfig *config = kerberos_keytab_config(keytab);
    _cleanup_(kerberos_credential_unrefp) KerberosCredential *credential = NULL;
    bool room = kerberos_keytab_take_evidence(keytab);
    int result = room ? credential_alloc(config, &credential) : 0;
    if (!credential) {
        if (room) kerberos_keytab_drop_evidence(keytab);
        krb5_free_creds(kerberos_config_base(config), evidence);
        if (result == 0) *ret_credential = NULL;
        return result;
    }
    credential->keytab = kerberos_keytab_ref(keytab); /* from here on it gives its room back */
    credential->source = CREDENTIAL_EVIDENCE;
    credential->evidence = evidence;
    credential->asserted = asserted;
    result = evidence_identify(credential);
    if (result == 0) *ret_credential = TAKE_PTR(credential);
    return result;
}

const krb5_creds *kerberos_credential_evidence(const KerberosCredential *credential)
{
    return credential->evidence;
}

bool kerberos_credential_is_asserted(const KerberosCredential *credential)
{
    return credential->asserted;
}

int kerberos_credential_actor(const KerberosCredential *credential, KerberosCredential **ret_actor,
                              SecFailure *failure)
{
    return kerberos_keytab_account(credential->keytab, credential->evidence->server, ret_actor, failure);
}

KerberosCredential *kerberos_credential_ref(KerberosCredential *credential)
{
    refcount_ref(&credential->refs);
    return credential;
}

KerberosCredential *kerberos_credential_unref(KerberosCredential *credential)
{
    if (!credential || !refcount_unref(&credential->refs)) return NULL;
    krb5_context base = kerberos_config_base(credential->config);
    forget_tickets(credential);
    kerberos_ticket_unref(credential->tgt);
    krb5_free_creds(base, credential->evidence);
    if (credential->keytab) kerberos_keytab_drop_evidence(credential->keytab);
    kerberos_keytab_unref(credential->keytab);
    krb5_free_principal(base, credential->client);
    krb5_free_unparsed_name(base, credential->name);
    secret_free(credential->password);
    free(credential->path);
    pthread_mutex_destroy(&credential->lock);
    kerberos_config_unref(credential->config);
    free(credential);
    return NULL;
}

const char *kerberos_credential_principal(const KerberosCredential *credential)
{
    return credential->name;
}

int64_t kerberos_credential_expires(const KerberosCredential *credential)
{
    if (credential->evidence) return kerberos_time(credential->evidence->times.endtime);
    /* Of a delegated credential the TGT never changes: no lock. */
    return credential->source == CREDENTIAL_DELEGATED ? kerberos_time(credential->tgt->creds->times.endtime)
                                                      : INT64_MAX;
}

KerberosConfig *kerberos_credential_config(const KerberosCredential *credential)
{
    return credential->config;
}

krb5_const_principal kerberos_credential_client(const KerberosCredential *credential)
{
    return credential->client;
}

/* Looking up */

/* 0, TICKET_STALE past two thirds of its life, TICKET_NONE past its end (or without a ticket). */
static int ticket_state(const KerberosTicket *ticket)
{
    if (!ticket) return TICKET_NONE;
    const krb5_ticket_times *times = &ticket->creds->times;
    int64_t now = time_wall(), start = kerberos_time(times->starttime ? times->starttime : times->authtime);
    int64_t end = kerberos_time(times->endtime);
    if (now >= end) return TICKET_NONE;
    return now >= start + (end - start) / 3 * 2 ? TICKET_STALE : 0;
}

/* Whether it is this caller's turn to ask for a newer ticket. Everybody else uses the old one meanwhile, so
 * that a KDC which does not answer costs one of them its deadline, not all of them. */
static bool claim_renewal(KerberosTicket *ticket)
{
    int64_t now = time_wall(), left = kerberos_time(ticket->creds->times.endtime) - now;
    if (now < ticket->renew_after) return false;
    ticket->renew_after = now + (left / 4 < RENEWAL_PAUSE_MAX ? left / 4 : RENEWAL_PAUSE_MAX);
    return true;
}

static void say_expired(const KerberosCredential *credential, SecFailure *failure)
{
    char quoted[SEC_QUOTE_SIZE], when[32];
    time_t end = credential->tgt ? (time_t)kerberos_time(credential->tgt->creds->times.endtime) : 0;
    struct tm tm;
    (void)strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%SZ", gmtime_r(&end, &tm));
    sec_quote(credential->name, quoted);
    if (credential->source == CREDENTIAL_DELEGATED)
        sec_failure_set(failure, (uint32_t)SEC_E_NO_CREDENTIALS,
                        "%s's delegated ticket expired at %s and cannot be renewed here; ask the client to "
                        "call again with "
                        "a new ticket",
                        quoted, when);
    else
        sec_failure_set(failure, (uint32_t)SEC_E_NO_CREDENTIALS, "%s's ticket expired at %s; run kinit",
                        quoted, when);
}

/* A cache's TGT, with the lock held. */
static int ccache_tgt(KerberosCredential *credential, SecFailure *failure)
{
    krb5_context context;
    int result = kerberos_context_new(credential->config, &context, failure);
    if (result != 0) return result;
    krb5_error_code error = ccache_load(credential, context);
    if (error == KRB5_PRINC_NOMATCH) {
        char quoted[SEC_QUOTE_SIZE];
        sec_failure_set(
            failure, (uint32_t)SEC_E_NO_CREDENTIALS,
            "the ticket cache of %s now belongs to somebody else; log on again, or give each user a cache",
            sec_quote(credential->name, quoted));
    } else if (error) {
        kerberos_failure(context, error, KERBEROS_TICKET, credential->name, NULL, credential->path, failure);
    }
    krb5_free_context(context);
    return error ? SEC_FAILED : 0;
}

int kerberos_credential_tgt(KerberosCredential *credential, KerberosTicket **ret_ticket, SecFailure *failure)
{
    bool renewable = credential->source == CREDENTIAL_KEYTAB || credential->source == CREDENTIAL_PASSWORD;
    pthread_mutex_lock(&credential->lock);
    int result = credential->source == CREDENTIAL_CCACHE ? ccache_tgt(credential, failure) : 0;
    if (result == 0) result = ticket_state(credential->tgt);
    if (result == TICKET_NONE && !renewable) {
        say_expired(credential, failure);
        result = SEC_FAILED;
    }
    /* Of other sources nothing newer can be had. */
    if (result == TICKET_STALE && (!renewable || !claim_renewal(credential->tgt))) result = 0;
    if (result == 0 || result == TICKET_STALE) *ret_ticket = kerberos_ticket_ref(credential->tgt);
    pthread_mutex_unlock(&credential->lock);
    return result;
}

void kerberos_credential_set_tgt(KerberosCredential *credential, KerberosTicket *ticket)
{
    pthread_mutex_lock(&credential->lock);
    kerberos_ticket_unref(credential->tgt);
    credential->tgt = kerberos_ticket_ref(ticket);
    /* A ticket forwarded from the old one ends with the old one. */
    credential->forwarded = kerberos_ticket_unref(credential->forwarded);
    pthread_mutex_unlock(&credential->lock);
}

/* Whether asking the KDC for a service ticket again could give a better one. */
static bool worth_asking(const KerberosCredential *credential, const KerberosTicket *ticket, bool delegate)
{
    if (delegate && !(ticket->creds->ticket_flags & TKT_FLG_OK_AS_DELEGATE) &&
        time_wall() - kerberos_time(ticket->creds->times.starttime) > UNTRUSTED_TICKET_AGE)
        return true;
    /* Past two thirds of its life, unless the TGT ends no later: then the next one would not be longer. */
    return ticket_state(ticket) == TICKET_STALE && credential->tgt &&
           kerberos_time(credential->tgt->creds->times.endtime) > kerberos_time(ticket->creds->times.endtime);
}

int kerberos_credential_ticket(KerberosCredential *credential, const char *target, bool delegate,
                               KerberosTicket **ret_ticket)
{
    int result = TICKET_NONE;
    pthread_mutex_lock(&credential->lock);
    KerberosTicket *ticket =
        credential->tickets ? hashmap_get(credential->tickets, target, strlen(target)) : NULL;
    if (ticket_state(ticket) != TICKET_NONE) {
        result = worth_asking(credential, ticket, delegate) && claim_renewal(ticket) ? TICKET_STALE : 0;
        *ret_ticket = kerberos_ticket_ref(ticket);
    }
    pthread_mutex_unlock(&credential->lock);
    return result;
}

void kerberos_credential_set_ticket(KerberosCredential *credential, const char *target,
                                    KerberosTicket *ticket)
{
    size_t length = strlen(target);
    pthread_mutex_lock(&credential->lock);
    if (credential->tickets && hashmap_count(credential->tickets) >= CREDENTIAL_TICKETS_MAX) {
        /* Full: start again. Every ticket can be had from the KDC once more. */
        KerberosTicket *forwarded = TAKE_PTR(credential->forwarded);
        forget_tickets(credential);
        credential->forwarded = forwarded;
    }
    if (credential->tickets || hashmap_new(&credential->tickets) == 0) {
        kerberos_ticket_unref(hashmap_remove(credential->tickets, target, length));
        if (hashmap_put(credential->tickets, target, length, ticket) == 0) kerberos_ticket_ref(ticket);
    }
    pthread_mutex_unlock(&credential->lock);
}

void kerberos_credential_forget_ticket(KerberosCredential *credential, const char *target,
                                       const KerberosTicket *ticket)
{
    pthread_mutex_lock(&credential->lock);
    if (credential->tickets && hashmap_get(credential->tickets, target, strlen(target)) == ticket)
        kerberos_ticket_unref(hashmap_remove(credential->tickets, target, strlen(target)));
    pthread_mutex_unlock(&credential->lock);
}

int kerberos_credential_forwarded(KerberosCredential *credential, KerberosTicket **ret_ticket)
{
    pthread_mutex_lock(&credential->lock);
    int result = ticket_state(credential->forwarded) == TICKET_NONE ? TICKET_NONE : 0;
    if (result == 0) *ret_ticket = kerberos_ticket_ref(credential->forwarded);
    pthread_mutex_unlock(&credential->lock);
    return result;
}

void kerberos_credential_set_forwarded(KerberosCredential *credential, KerberosTicket *ticket)
{
    pthread_mutex_lock(&credential->lock);
    kerberos_ticket_unref(credential->forwarded);
    credential->forwarded = kerberos_ticket_ref(ticket);
    pthread_mutex_unlock(&credential->lock);
}

krb5_error_code kerberos_init_begin(KerberosInit *init, KerberosCredential *credential, krb5_context context)
{
    int count;
    krb5_enctype *enctypes = (krb5_enctype *)(uintptr_t)kerberos_config_enctypes(credential->config, &count);
    krb5_error_code error = krb5_get_init_creds_opt_alloc(context, &init->options);
    if (error) return error;
    krb5_get_init_creds_opt_set_forwardable(init->options, credential->forwardable);
    krb5_get_init_creds_opt_set_etype_list(init->options, enctypes, count); /* which is only read */
    error = krb5_init_creds_init(context, credential->client, NULL, NULL, 0, init->options, &init->exchange);
    if (!error && credential->source == CREDENTIAL_KEYTAB) {
        error = krb5_kt_resolve(context, credential->path, &init->keytab);
        if (!error) error = krb5_init_creds_set_keytab(context, init->exchange, init->keytab);
    } else if (!error) {
        error = krb5_init_creds_set_password(context, init->exchange,
                                             (const char *)secret_data(credential->password));
    }
    return error;
}

void kerberos_init_deinit(KerberosInit *init, krb5_context context)
{
    if (init->exchange) krb5_init_creds_free(context, init->exchange);
    if (init->keytab) (void)krb5_kt_close(context, init->keytab);
    if (init->options) krb5_get_init_creds_opt_free(context, init->options);
    *init = (KerberosInit){0};
}
