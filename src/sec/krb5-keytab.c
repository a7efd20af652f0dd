/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/krb5-keytab.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/hash.h"
#include "sec/krb5-keytab-private.h"

struct KerberosKeytab {
    RefCount refs;
    KerberosConfig *config;
    char *path;
    struct stat seen;
    krb5_context context;
    krb5_keytab memory; /* kept open: a MEMORY keytab vanishes with its last handle */
    char name[64];
    krb5_keytab_entry *entries;
    size_t count;
    atomic_uint evidence;
    pthread_mutex_t lock; /* guards `accounts`: principal -> KerberosCredential */
    HashMap *accounts;
};

static krb5_error_code keytab_add(KerberosKeytab *keytab, krb5_keytab_entry *entry)
{
    if (keytab->count == KEYTAB_ENTRIES_MAX) return KRB5_KT_NOWRITE;
    if (!kerberos_enctype_allowed(keytab->config, entry->key.enctype)) return 0;
    krb5_error_code error = krb5_kt_add_entry(keytab->context, keytab->memory, entry);
    if (error) return error;
    krb5_keytab_entry *copy = &keytab->entries[keytab->count];
    error = krb5_copy_principal(keytab->context, entry->principal, &copy->principal);
    if (!error) error = krb5_copy_keyblock_contents(keytab->context, &entry->key, &copy->key);
    if (error) {
        krb5_free_principal(keytab->context, copy->principal);
        copy->principal = NULL;
        return error;
    }
    copy->vno = entry->vno;
    keytab->count++;
    return 0;
}

static krb5_error_code keytab_read(KerberosKeytab *keytab)
{
    static atomic_uint serial;
    krb5_keytab file;
    krb5_kt_cursor cursor;
    krb5_keytab_entry entry;
    (void)snprintf(keytab->name, sizeof(keytab->name), "MEMORY:mantle-acceptor-%u",
                   atomic_fetch_add(&serial, 1));
    krb5_error_code error = krb5_kt_resolve(keytab->context, keytab->name, &keytab->memory);
    if (error) return error;
    error = krb5_kt_resolve(keytab->context, keytab->path, &file);
    if (error) return error;
    error = krb5_kt_start_seq_get(keytab->context, file, &cursor);
    if (!error) {
        while (!error && krb5_kt_next_entry(keytab->context, file, &entry, &cursor) == 0) {
            error = keytab_add(keytab, &entry);
            (void)krb5_free_keytab_entry_contents(keytab->context, &entry);
        }
        (void)krb5_kt_end_seq_get(keytab->context, file, &cursor);
    }
    (void)krb5_kt_close(keytab->context, file);
    return !error && keytab->count == 0 ? KRB5_KT_NOTFOUND : error;
}

int kerberos_keytab_new(KerberosConfig *config, const char *path, KerberosKeytab **ret_keytab,
                        SecFailure *failure)
{
    _cleanup_(kerberos_keytab_unrefp) KerberosKeytab *keytab = calloc(1, sizeof(*keytab));
    if (!keytab) return -ENOMEM;
    refcount_init(&keytab->refs);
    pthread_mutex_init(&keytab->lock, NULL);
    keytab->config = kerberos_config_ref(config);
    keytab->path = strdup(path);
    keytab->entries = calloc(KEYTAB_ENTRIES_MAX, sizeof(*keytab->entries));
    if (!keytab->path || !keytab->entries || hashmap_new(&keytab->accounts) != 0) return -ENOMEM;
    int result = kerberos_context_new(config, &keytab->context, failure);
    if (result != 0) return result;
    /* Before it is read: a change in between is then seen as one. */
    (void)stat(path, &keytab->seen);
    krb5_error_code error = keytab_read(keytab);
    if (error == ENOMEM) return -ENOMEM;
    if (error) {
        kerberos_failure(keytab->context, error, KERBEROS_TICKET, NULL, NULL, path, failure);
        return SEC_FAILED;
    }
    *ret_keytab = TAKE_PTR(keytab);
    return 0;
}

KerberosKeytab *kerberos_keytab_ref(KerberosKeytab *keytab)
{
    refcount_ref(&keytab->refs);
    return keytab;
}

KerberosKeytab *kerberos_keytab_unref(KerberosKeytab *keytab)
{
    if (!keytab || !refcount_unref(&keytab->refs)) return NULL;
    KerberosCredential *account;
    for (HashIterator iterator = {0};
         keytab->accounts && (account = hashmap_next(keytab->accounts, &iterator));)
        kerberos_credential_unref(account);
    hashmap_free(keytab->accounts);
    pthread_mutex_destroy(&keytab->lock);
    for (size_t i = 0; i < keytab->count; i++)
        (void)krb5_free_keytab_entry_contents(keytab->context, &keytab->entries[i]);
    free(keytab->entries);
    if (keytab->memory) (void)krb5_kt_close(keytab->context, keytab->memory);
    if (keytab->context) krb5_free_context(keytab->context);
    free(keytab->path);
    kerberos_config_unref(keytab->config);
    free(keytab);
    return NULL;
}

bool kerberos_keytab_changed(const KerberosKeytab *keytab)
{
    struct stat now;
    const struct stat *seen = &keytab->seen;
    /* A file that is gone for a moment (being replaced) is no reason to forget the keys. */
    if (stat(keytab->path, &now) != 0) return false;
    return now.st_ino != seen->st_ino || now.st_dev != seen->st_dev || now.st_size != seen->st_size ||
           now.st_mtim.tv_sec != seen->st_mtim.tv_sec || now.st_mtim.tv_nsec != seen->st_mtim.tv_nsec;
}

krb5_error_code kerberos_keytab_open(const KerberosKeytab *keytab, krb5_context context,
                                     krb5_keytab *ret_handle)
{
    return krb5_kt_resolve(context, keytab->name, ret_handle);
}

const krb5_keytab_entry *kerberos_keytab_entries(const KerberosKeytab *keytab, size_t *ret_count)
{
    *ret_count = keytab->count;
    return keytab->entries;
}

KerberosConfig *kerberos_keytab_config(const KerberosKeytab *keytab)
{
    return keytab->config;
}

static bool is_machine(krb5_const_principal principal)
{
    const krb5_data *name = principal->data;
    return principal->length == 1 && name->length > 1 && name->data[name->length - 1] == '$';
}

static bool is_same_key(const krb5_keytab_entry *a, const krb5_keytab_entry *b)
{
    return a->key.enctype == b->key.enctype && a->key.length == b->key.length &&
           memcmp(a->key.contents, b->key.contents, a->key.length) == 0;
}

static krb5_const_principal account_of(const KerberosKeytab *keytab, krb5_const_principal service)
{
    for (size_t i = 0; i < keytab->count; i++) {
        if (!krb5_principal_compare(keytab->context, keytab->entries[i].principal, service)) continue;
        for (size_t j = 0; j < keytab->count; j++)
            if (is_machine(keytab->entries[j].principal) &&
                krb5_realm_compare(keytab->context, keytab->entries[j].principal, service) &&
                is_same_key(&keytab->entries[i], &keytab->entries[j]))
                return keytab->entries[j].principal;
    }
    return service;
}

/* With the lock held. The account's own ticket is forwardable: MIT's KDC wants that of one who asks for
 * others. */
static int find_account(KerberosKeytab *keytab, const char *name, KerberosCredential **ret_credential,
                        SecFailure *failure)
{
    KerberosCredential *credential = hashmap_get(keytab->accounts, name, strlen(name));
    if (!credential) {
        KerberosCredentialSpec spec = {
            .source = CREDENTIAL_KEYTAB, .path = keytab->name, .principal = name, .forwardable = true};
        int result = kerberos_credential_new(keytab->config, &spec, &credential, failure);
        if (result != 0) return result;
        if (hashmap_put(keytab->accounts, name, strlen(name), credential) != 0) {
            kerberos_credential_unref(credential);
            return -ENOMEM;
        }
    }
    *ret_credential = credential;
    return 0;
}

int kerberos_keytab_account(KerberosKeytab *keytab, krb5_const_principal service,
                            KerberosCredential **ret_credential, SecFailure *failure)
{
    char *name = NULL;
    pthread_mutex_lock(&keytab->lock);
    int result = -ENOMEM;
    if (krb5_unparse_name(keytab->context, account_of(keytab, service), &name) == 0)
        result = find_account(keytab, name, ret_credential, failure);
    krb5_free_unparsed_name(keytab->context, name);
    pthread_mutex_unlock(&keytab->lock);
    return result;
}

bool kerberos_keytab_take_evidence(KerberosKeytab *keytab)
{
    if (atomic_fetch_add_explicit(&keytab->evidence, 1, memory_order_relaxed) < KEYTAB_EVIDENCE_MAX)
        return true;
    kerberos_keytab_drop_evidence(keytab);
    return false;
}

void kerberos_keytab_drop_evidence(KerberosKeytab *keytab)
{
    atomic_fetch_sub_explicit(&keytab->evidence, 1, memory_order_relaxed);
}
