/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <profile.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <winerror.h>
#include "sec/krb5-private.h"

#define ENCTYPES_MAX 6
#define SYSTEM_FILE  "/etc/krb5.conf"

struct KerberosConfig {
    RefCount refs;
    krb5_context base; /* holds the profile; never used by two threads for more than freeing */
    struct _profile_t *profile;
    char *files; /* what it was read from, with colons between them */
    char *realm;
    bool allow_rc4;
    krb5_enctype enctypes[ENCTYPES_MAX];
    int enctype_count;
    atomic_uint preferred_kdc;
    KdcTurns *turns;
};

/* The first value at `names`, copied; NULL when there is none. */
static char *profile_value(const KerberosConfig *config, const char *const *names)
{
    char **values = NULL, *value = NULL;
    if (profile_get_values(config->profile, names, &values) == 0 && values)
        value = values[0] ? strdup(values[0]) : NULL;
    if (values) profile_free_list(values);
    return value;
}

/* The first of the files that cannot be opened, or all of them; and why, or what the library says. */
static void config_say(const KerberosConfig *config, krb5_error_code error, SecFailure *failure)
{
    char quoted[SEC_QUOTE_SIZE], file[PATH_MAX];
    const char *message = krb5_get_error_message(NULL, error), *what = config->files, *why = message;

    for (const char *at = config->files; *at && what == config->files; at += *at == ':') {
        const size_t length = strcspn(at, ":");
        snprintf(file, sizeof(file), "%.*s", (int)length, at);
        _cleanup_(closep) int fd = length > 0 ? open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY) : -1;
        if (length > 0 && fd < 0) {
            what = file;
            why = strerror(errno);
        }
        at += length;
    }
    sec_failure_set(failure, (uint32_t)SEC_E_NO_CREDENTIALS,
                    "the Kerberos configuration %s cannot be read (%s); correct that file",
                    sec_quote(what, quoted), why);
    krb5_free_error_message(NULL, message);
}

static int config_load(KerberosConfig *config, const char *path, SecFailure *failure)
{
    struct _profile_t *profile = NULL;
    long error = path ? profile_init_path(path, &profile) : 0;
    if (error == 0) error = krb5_init_context_profile(profile, 0, &config->base);
    if (profile) profile_release(profile);
    if (error == 0) error = krb5_get_profile(config->base, &config->profile);
    if (error == ENOMEM) return -ENOMEM;
    if (error != 0) {
        config_say(config, (krb5_error_code)error, failure);
        return SEC_FAILED;
    }
    static const char *const names[] = {"libdefaults", "default_realm", NULL};
    config->realm = profile_value(config, names);
    return 0;
}

int kerberos_config_new(const char *path, bool allow_rc4, KerberosConfig **ret_config, SecFailure *failure)
{
    static const krb5_enctype aes[] = {ENCTYPE_AES256_CTS_HMAC_SHA1_96, ENCTYPE_AES128_CTS_HMAC_SHA1_96,
                                       ENCTYPE_AES256_CTS_HMAC_SHA384_192,
                                       ENCTYPE_AES128_CTS_HMAC_SHA256_128};
    _cleanup_(kerberos_config_unrefp) KerberosConfig *config = calloc(1, sizeof(*config));
    if (!config) return -ENOMEM;
    refcount_init(&config->refs);
    config->allow_rc4 = allow_rc4;
    memcpy(config->enctypes, aes, sizeof(aes));
    config->enctype_count = (int)ARRAY_SIZE(aes);
    if (allow_rc4) config->enctypes[config->enctype_count++] = ENCTYPE_ARCFOUR_HMAC;
    /* What the library takes where it is told nothing. */
    const char *named = secure_getenv("KRB5_CONFIG");
    config->files = strdup(path ? path : named ? named : SYSTEM_FILE);
    int result = config->files ? kdc_turns_new(&config->turns) : -ENOMEM;
    if (result == 0) result = config_load(config, path, failure);
    if (result != 0) return result;
    *ret_config = TAKE_PTR(config);
    return 0;
}

KerberosConfig *kerberos_config_ref(KerberosConfig *config)
{
    refcount_ref(&config->refs);
    return config;
}

KerberosConfig *kerberos_config_unref(KerberosConfig *config)
{
    if (!config || !refcount_unref(&config->refs)) return NULL;
    if (config->profile) profile_release(config->profile);
    if (config->base) krb5_free_context(config->base);
    kdc_turns_free(config->turns);
    free(config->files);
    free(config->realm);
    free(config);
    return NULL;
}

int kerberos_context_new(const KerberosConfig *config, krb5_context *ret_context, SecFailure *failure)
{
    krb5_context context = NULL;

    /* The library opens the files again, each time. */
    krb5_error_code error = krb5_init_context_profile(config->profile, 0, &context);
    if (!error) error = krb5_set_default_tgs_enctypes(context, config->enctypes);
    if (!error) {
        *ret_context = context;
        return 0;
    }
    krb5_free_context(context);
    if (error == ENOMEM) return -ENOMEM;
    config_say(config, error, failure);
    return SEC_FAILED;
}

krb5_context kerberos_config_base(const KerberosConfig *config)
{
    return config->base;
}

const char *kerberos_config_realm(const KerberosConfig *config)
{
    return config->realm;
}

int kerberos_config_kdcs(const KerberosConfig *config, const char *realm, char ***ret_kdcs,
                         SecFailure *failure)
{
    const char *const names[] = {"realms", realm, "kdc", NULL};
    char **values = NULL;
    krb5_context probe;

    const long error = profile_get_values(config->profile, names, &values);
    if (error == ENOMEM) return -ENOMEM;
    if (error == 0) return *ret_kdcs = values, 0;
    /* A file that is gone counts as empty in there, but "no KDC" would be a reason to go on with NTLM. */
    int r = kerberos_context_new(config, &probe, failure);
    if (r != 0) return r;
    krb5_free_context(probe);
    *ret_kdcs = NULL;
    return 0;
}

void kerberos_kdcs_free(char **kdcs)
{
    if (kdcs) profile_free_list(kdcs);
}

KdcTurns *kerberos_config_turns(const KerberosConfig *config)
{
    return config->turns;
}

unsigned kerberos_config_preferred_kdc(const KerberosConfig *config)
{
    return atomic_load_explicit(&config->preferred_kdc, memory_order_relaxed);
}

void kerberos_config_prefer_kdc(KerberosConfig *config, unsigned index)
{
    atomic_store_explicit(&config->preferred_kdc, index, memory_order_relaxed);
}

bool kerberos_enctype_allowed(const KerberosConfig *config, krb5_enctype enctype)
{
    for (int i = 0; i < config->enctype_count; i++)
        if (config->enctypes[i] == enctype) return true;
    return false;
}

const krb5_enctype *kerberos_config_enctypes(const KerberosConfig *config, int *ret_count)
{
    *ret_count = config->enctype_count;
    return config->enctypes;
}

/* [domain_realm]: the host itself, then each ".parent" and "parent" of it. */
static char *host_realm(const KerberosConfig *config, const krb5_data *host)
{
    char name[256];
    if (host->length == 0 || host->length >= sizeof(name) || memchr(host->data, 0, host->length)) return NULL;
    for (unsigned i = 0; i < host->length; i++)
        name[i] = host->data[i] >= 'A' && host->data[i] <= 'Z' ? (char)(host->data[i] | 0x20) : host->data[i];
    name[host->length] = '\0';
    for (const char *p = name; p && *p; p = *p == '.' ? p + 1 : strchr(p, '.')) {
        const char *const names[] = {"domain_realm", p, NULL};
        char *realm = profile_value(config, names);
        if (realm) return realm;
    }
    return NULL;
}

krb5_error_code kerberos_parse_target(const KerberosConfig *config, krb5_context context, const char *target,
                                      krb5_principal *ret_principal)
{
    krb5_principal principal = NULL;
    /* Without IGNORE_REALM and with NO_DEF_REALM: a realm that stands there is taken, none is made up. */
    krb5_error_code error =
        krb5_parse_name_flags(context, target, KRB5_PRINCIPAL_PARSE_NO_DEF_REALM, &principal);
    if (error) return error;
    if (principal->realm.length == 0 && principal->length >= 2) {
        _cleanup_(freep) char *realm = host_realm(config, &principal->data[1]);
        if (realm) error = krb5_set_principal_realm(context, principal, realm);
    }
    if (error) {
        krb5_free_principal(context, principal);
        return error;
    }
    /* KRB5_NT_SRV_HST would let the library ask DNS; KDCs give referrals for this type too (RFC 6806 8). */
    principal->type = KRB5_NT_SRV_INST;
    *ret_principal = principal;
    return 0;
}

krb5_error_code kerberos_ticket_new(KerberosConfig *config, krb5_creds *creds, KerberosTicket **ret_ticket)
{
    KerberosTicket *ticket = calloc(1, sizeof(*ticket));
    if (!ticket) {
        krb5_free_creds(config->base, creds);
        return ENOMEM;
    }
    refcount_init(&ticket->refs);
    ticket->config = kerberos_config_ref(config);
    ticket->creds = creds;
    *ret_ticket = ticket;
    return 0;
}

KerberosTicket *kerberos_ticket_ref(KerberosTicket *ticket)
{
    refcount_ref(&ticket->refs);
    return ticket;
}

KerberosTicket *kerberos_ticket_unref(KerberosTicket *ticket)
{
    if (!ticket || !refcount_unref(&ticket->refs)) return NULL;
    krb5_free_creds(ticket->config->base, ticket->creds);
    kerberos_config_unref(ticket->config);
    free(ticket);
    return NULL;
}
