/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/krb5-keytab.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
    keytab->config = kerberos_config_ref(config);
    keytab->path = strdup(path);
    keytab->entries = calloc(KEYTAB_ENTRIES_MAX, sizeof(*keytab->entries));
    if (!keytab->path || !keytab->entries) return -ENOMEM;
    if (kerberos_context_new(config, &keytab->context) != 0) return -ENOMEM;
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
