/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A KDB module: the stock db2 back-end with three methods of its own. The stock one refuses every S4U2proxy
 * request and puts no SIDs into a PAC.
 */
#include "kdb-module.h"
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((visibility("default"))) kdb_vftabl kdb_function_table;

/* The value of a string attribute, freed by krb5_dbe_free_string; NULL without one. Entries are only read. */
static char *attribute(krb5_context context, const krb5_db_entry *entry, const char *key)
{
    char *value = NULL;
    if (krb5_dbe_get_string(context, (krb5_db_entry *)(uintptr_t)entry, key, &value) != 0) return NULL;
    return value;
}

/* Whether a service stands in an account's list. All are of the lab's one realm. */
static bool is_listed(krb5_context context, const krb5_db_entry *entry, const char *key,
                      krb5_const_principal service)
{
    char *list = attribute(context, entry, key), *name = NULL;
    bool found = false;
    if (list && krb5_unparse_name_flags(context, service, KRB5_PRINCIPAL_UNPARSE_NO_REALM, &name) == 0) {
        char *rest = NULL;
        for (char *word = strtok_r(list, " ", &rest); word && !found; word = strtok_r(NULL, " ", &rest))
            found = strcmp(word, name) == 0;
        krb5_free_unparsed_name(context, name);
    }
    krb5_dbe_free_string(context, list);
    return found;
}

/* Without a target: whether the account may act for others towards anybody at all. */
static krb5_error_code check_delegate_to(krb5_context context, krb5_const_principal client,
                                         const krb5_db_entry *server, krb5_const_principal target)
{
    bool allowed;
    if (target) {
        allowed = is_listed(context, server, KDB_DELEGATE_TO, target);
    } else {
        char *list = attribute(context, server, KDB_DELEGATE_TO);
        allowed = list != NULL;
        krb5_dbe_free_string(context, list);
    }
    return allowed ? 0 : KRB5KDC_ERR_BADOPTION;
}

/* "Sensitive, cannot be delegated". The KDC itself looks at the evidence's flag only where the list is the
 * middle server's. */
static krb5_error_code check_delegable(krb5_context context, krb5_const_principal client)
{
    krb5_db_entry *entry;
    krb5_error_code error = krb5_db_get_principal(context, client, KRB5_KDB_FLAG_CLIENT, &entry);
    if (error) return error;
    error = entry->attributes & KRB5_KDB_DISALLOW_FORWARDABLE ? KRB5KDC_ERR_BADOPTION : 0;
    krb5_db_free_principal(context, entry);
    return error;
}

static krb5_error_code check_delegate_from(krb5_context context, krb5_const_principal client,
                                           krb5_const_principal server, krb5_pac server_pac,
                                           const krb5_db_entry *target)
{
    if (!is_listed(context, target, KDB_DELEGATE_FROM, server)) return KRB5KDC_ERR_BADOPTION;
    return check_delegable(context, client);
}

static krb5_error_code add_logon_info(krb5_context context, unsigned flags, krb5_db_entry *client,
                                      krb5_pac pac)
{
    char *name = NULL;
    KdbAccount account = {.control = KDB_CONTROL_NORMAL, .asserted = KDB_ASSERTED_BY_LOGON};
    if (client->attributes & KRB5_KDB_DISALLOW_FORWARDABLE) account.control |= KDB_CONTROL_NOT_DELEGATED;
    if (flags & KRB5_KDB_FLAG_PROTOCOL_TRANSITION) account.asserted = KDB_ASSERTED_BY_SERVICE;
    krb5_error_code error =
        krb5_unparse_name_flags(context, client->princ, KRB5_PRINCIPAL_UNPARSE_NO_REALM, &name);
    if (error) return error;
    char *sid = attribute(context, client, KDB_SID), *groups = attribute(context, client, KDB_GROUPS);
    account.name = name;
    account.sid = sid;
    account.groups = groups;
    if (sid &&
        groups) { /* an account without is one that a test made by hand: no SIDs, as from the stock one */
        krb5_data info;
        error = kdb_logon_info(&account, &info);
        if (!error) {
            error = krb5_pac_add_buffer(context, pac, KRB5_PAC_LOGON_INFO, &info);
            free(info.data);
        }
    }
    krb5_dbe_free_string(context, sid);
    krb5_dbe_free_string(context, groups);
    krb5_free_unparsed_name(context, name);
    return error;
}

/* What an earlier ticket says of the client goes on into the next one. */
static krb5_error_code copy_logon_info(krb5_context context, krb5_pac old, krb5_pac pac)
{
    krb5_data info;
    krb5_error_code error = krb5_pac_get_buffer(context, old, KRB5_PAC_LOGON_INFO, &info);
    if (error == ENOENT) return 0;
    if (error) return error;
    error = krb5_pac_add_buffer(context, pac, KRB5_PAC_LOGON_INFO, &info);
    krb5_free_data_contents(context, &info);
    return error;
}

static krb5_error_code issue_pac(krb5_context context, unsigned flags, krb5_db_entry *client,
                                 krb5_keyblock *replaced_reply_key, krb5_db_entry *server,
                                 krb5_db_entry *signing_krbtgt, krb5_timestamp authtime, krb5_pac old,
                                 krb5_pac pac, krb5_data ***auth_indicators)
{
    /* With S4U2self the old one is the asking service's. */
    bool is_new = !old || (flags & KRB5_KDB_FLAG_PROTOCOL_TRANSITION && client);
    if (!is_new) return copy_logon_info(context, old, pac);
    return client ? add_logon_info(context, flags, client, pac) : 0;
}

/* Left empty on failure: libkdb5 then says that the module's version is wrong. */
__attribute__((constructor)) static void load(void)
{
    void *library = dlopen(STOCK_MODULE, RTLD_NOW | RTLD_LOCAL);
    const kdb_vftabl *stock = library ? dlsym(library, "kdb_function_table") : NULL;
    if (!stock || stock->maj_ver != KRB5_KDB_DAL_MAJOR_VERSION) {
        fprintf(stderr, "mantle-lab: the KDC's module db2 is not usable: %s\n",
                stock ? "it is of another version" : dlerror());
        return;
    }
    memcpy(&kdb_function_table, stock, sizeof(kdb_function_table));
    kdb_function_table.check_allowed_to_delegate = check_delegate_to;
    kdb_function_table.allowed_to_delegate_from = check_delegate_from;
    kdb_function_table.issue_pac = issue_pac;
}
