/* SPDX-License-Identifier: Apache-2.0 */
/* Explicit identities: reading the structures of Windows, and the logon. */
#include "com/identity.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "base/refcount.h"
#include "base/secret.h"
#include "base/utf16.h"
#include "com/errorinfo.h"
#include "com/process.h"
#include "rpcdce.h"
#include "winerror.h"

#define NT_HASH_DIGITS 32

struct Identity {
    RefCount refs;
    uint8_t service; /* what it logs on for */
    bool hashed;     /* the password is its NT hash */
    char *principal;
    Secret *password; /* with its NUL */
    pthread_mutex_t lock;
    Token *token; /* NULL: has not logged on yet */
};

/* What all the structures come down to. `wide` says which character type the texts have. */
typedef struct IdentityTexts {
    bool wide, extended, hashed;
    const void *user, *domain, *password, *packages;
    size_t user_length, domain_length, password_length, packages_length;
} IdentityTexts;

static HRESULT malformed(const char *why)
{
    return com_error(E_INVALIDARG, "The explicit identity cannot be used: %s.", why);
}

static bool contains_nul(const IdentityTexts *texts, const void *text, size_t length)
{
    const WCHAR *wide = text;

    if (!length) return false;
    if (!texts->wide) return memchr(text, 0, length);
    for (size_t i = 0; i < length; i++)
        if (!wide[i]) return true;
    return false;
}

/* UTF-8; wiped by the caller where it is secret. */
static HRESULT text_copy(const IdentityTexts *texts, const void *text, size_t length, char **ret_copy)
{
    int r;

    if (length > IDENTITY_TEXT_MAX) return malformed("a text in it is too long");
    if (length && !text) return malformed("a text in it is NULL but has a length");
    /* It would cut a name short: "alice\0@EVIL". */
    if (contains_nul(texts, text, length)) return malformed("a text in it contains a NUL");
    if (texts->wide) {
        r = utf8_from_utf16(length ? text : u"", length, ret_copy);
        return r == 0 ? S_OK : r == -ENOMEM ? E_OUTOFMEMORY : malformed("a text in it is no UTF-16");
    }
    *ret_copy = strndup(length ? text : "", length);
    return *ret_copy ? S_OK : E_OUTOFMEMORY;
}

static bool names_package(const char *item, size_t length, const char *package)
{
    return strlen(package) == length && strncasecmp(item, package, length) == 0;
}

/* "Kerberos,!ntlm": a package must be wanted, by its name or as part of Negotiate, and not excluded. */
static bool packages_allow(const char *list, const char *package)
{
    bool wanted = false;

    while (*list) {
        size_t length = strcspn(list, ",; ");
        if (*list == '!' && names_package(list + 1, length - 1, package)) return false;
        if (names_package(list, length, package) || names_package(list, length, "negotiate")) wanted = true;
        list += length + (list[length] != 0);
    }
    return wanted;
}

/* Narrows Negotiate to what the list leaves of it. */
static HRESULT packages_check(const IdentityTexts *texts, uint8_t *service)
{
    _cleanup_(freep) char *list = NULL;
    bool kerberos, ntlm;
    HRESULT hr;

    if (!texts->packages) /* CIS-10 */
        return texts->extended && *service == RPC_C_AUTHN_GSS_NEGOTIATE
                   ? malformed("its PackageList is NULL, and Negotiate needs one")
                   : S_OK;
    hr = text_copy(texts, texts->packages, texts->packages_length, &list);
    if (FAILED(hr)) return hr;
    kerberos = packages_allow(list, "kerberos");
    ntlm = packages_allow(list, "ntlm");
    if (*service == RPC_C_AUTHN_GSS_NEGOTIATE && kerberos != ntlm)
        *service = kerberos ? RPC_C_AUTHN_GSS_KERBEROS : RPC_C_AUTHN_WINNT;
    if (*service == RPC_C_AUTHN_WINNT) return ntlm ? S_OK : malformed("its PackageList does not allow NTLM");
    return kerberos ? S_OK : malformed("its PackageList does not allow Kerberos");
}

static HRESULT names_check(const char *user, const char *domain)
{
    if (!*user) return malformed("it names no user");
    for (const char *p = user; *p; p++)
        if (*p == '\\' || (unsigned char)*p < 0x20)
            return malformed("its user name has a backslash or control character");
    for (const char *p = domain; *p; p++)
        if (*p == '\\' || *p == '@' || *p == '/' || (unsigned char)*p < 0x20)
            return malformed("its realm has a character that realms do not have");
    if (*domain && strchr(user, '@')) return malformed("it names a realm twice, as user@REALM and as domain");
    return S_OK;
}

static bool names_realm(const char *user, const char *domain)
{
    const char *at = strchr(user, '@');

    return *domain || (at && at != user && at[1] && !strchr(at + 1, '@'));
}

/* "user@REALM"; for NTLM alone "DOMAIN\\user" or "user". Characters that mean something in a principal's text
 * are refused, not interpreted. */
static HRESULT principal_make(const char *user, const char *domain, uint8_t *service, char **ret_principal)
{
    HRESULT hr = names_check(user, domain);
    int length;

    if (FAILED(hr)) return hr;
    if (!names_realm(user, domain)) {
        if (*service == RPC_C_AUTHN_GSS_KERBEROS || strchr(user, '@'))
            return malformed("it names no realm: give the domain, or the user as user@REALM");
        *service = RPC_C_AUTHN_WINNT; /* an account of the server's own, which no KDC knows */
    }
    if (*service == RPC_C_AUTHN_WINNT)
        length = asprintf(ret_principal, "%s%s%s", domain, *domain ? "\\" : "", user);
    else
        length = asprintf(ret_principal, "%s%s%s", user, *domain ? "@" : "", domain);
    if (length < 0) {
        *ret_principal = NULL;
        return E_OUTOFMEMORY;
    }
    return S_OK;
}

/* MANTLE_AUTH_IDENTITY_NT_HASH */
static HRESULT hash_check(const char *digits, uint8_t service)
{
    if (service != RPC_C_AUTHN_WINNT) return malformed("a password's NT hash is of use for NTLM only");
    if (strlen(digits) != NT_HASH_DIGITS || strspn(digits, "0123456789abcdefABCDEF") != NT_HASH_DIGITS)
        return malformed("its NT hash is not 32 hexadecimal digits");
    return S_OK;
}

static HRESULT identity_fill(Identity *identity, const IdentityTexts *texts)
{
    _cleanup_(freep) char *user = NULL;
    _cleanup_(freep) char *domain = NULL;
    char *password = NULL;
    HRESULT hr;
    int r;

    hr = packages_check(texts, &identity->service);
    if (SUCCEEDED(hr)) hr = text_copy(texts, texts->user, texts->user_length, &user);
    if (SUCCEEDED(hr)) hr = text_copy(texts, texts->domain, texts->domain_length, &domain);
    if (SUCCEEDED(hr)) hr = principal_make(user, domain, &identity->service, &identity->principal);
    if (SUCCEEDED(hr)) hr = text_copy(texts, texts->password, texts->password_length, &password);
    if (FAILED(hr)) return hr;
    identity->hashed = texts->hashed;
    hr = texts->hashed ? hash_check(password, identity->service) : S_OK;
    r = SUCCEEDED(hr) ? secret_new(password, strlen(password) + 1, &identity->password) : 0;
    explicit_bzero(password, strlen(password));
    free(password);
    return r < 0 ? E_OUTOFMEMORY : hr;
}

static HRESULT identity_make(const IdentityTexts *texts, uint32_t service, Identity **ret_identity)
{
    _cleanup_(identity_unrefp) Identity *identity = NULL;
    Identity *made = calloc(1, sizeof(*made));
    HRESULT hr;

    if (!made || pthread_mutex_init(&made->lock, NULL) != 0) {
        free(made);
        return E_OUTOFMEMORY;
    }
    identity = made;
    refcount_init(&identity->refs);
    identity->service = (uint8_t)service;
    hr = identity_fill(identity, texts);
    if (FAILED(hr)) return hr;
    *ret_identity = TAKE_PTR(identity);
    return S_OK;
}

/* Told apart by the first member: a version, or a pointer. */
static HRESULT texts_read(const void *auth_info, IdentityTexts *ret_texts)
{
    const SEC_WINNT_AUTH_IDENTITY_EXW *ex = auth_info;
    const SEC_WINNT_AUTH_IDENTITY_W *plain = auth_info;
    ULONG version, flags;

    memcpy(&version, auth_info, sizeof(version));
    if (version == SEC_WINNT_AUTH_IDENTITY_VERSION) {
        if (ex->Length < sizeof(*ex))
            return malformed("its Length is too small for SEC_WINNT_AUTH_IDENTITY_EX");
        flags = ex->Flags;
        *ret_texts = (IdentityTexts){.extended = true,
                                     .user = ex->User,
                                     .user_length = ex->UserLength,
                                     .domain = ex->Domain,
                                     .domain_length = ex->DomainLength,
                                     .password = ex->Password,
                                     .password_length = ex->PasswordLength,
                                     .packages = ex->PackageList,
                                     .packages_length = ex->PackageListLength};
    } else {
        flags = plain->Flags;
        *ret_texts = (IdentityTexts){.user = plain->User,
                                     .user_length = plain->UserLength,
                                     .domain = plain->Domain,
                                     .domain_length = plain->DomainLength,
                                     .password = plain->Password,
                                     .password_length = plain->PasswordLength};
    }
    ret_texts->wide = flags & SEC_WINNT_AUTH_IDENTITY_UNICODE;
    ret_texts->hashed = flags & MANTLE_AUTH_IDENTITY_NT_HASH;
    if (!ret_texts->wide == !(flags & SEC_WINNT_AUTH_IDENTITY_ANSI))
        return malformed("its Flags say neither or both of ANSI and UNICODE");
    return S_OK;
}

HRESULT identity_new(const void *auth_info, uint32_t service, Identity **ret_identity)
{
    IdentityTexts texts;
    HRESULT hr = texts_read(auth_info, &texts);

    return FAILED(hr) ? hr : identity_make(&texts, service, ret_identity);
}

HRESULT identity_new_from_text(const WCHAR *user, const WCHAR *domain, const WCHAR *password,
                               Identity **ret_identity)
{
    const IdentityTexts texts = {
        .wide = true,
        .user = user,
        .user_length = user ? utf16_length(user) : 0,
        .domain = domain,
        .domain_length = domain ? utf16_length(domain) : 0,
        .password = password,
        .password_length = password ? utf16_length(password) : 0,
    };

    return identity_make(&texts, RPC_C_AUTHN_GSS_KERBEROS, ret_identity);
}

Identity *identity_ref(Identity *identity)
{
    if (identity) refcount_ref(&identity->refs);
    return identity;
}

Identity *identity_unref(Identity *identity)
{
    if (!identity || !refcount_unref(&identity->refs)) return NULL;
    (void)token_unref(identity->token);
    (void)secret_free(identity->password);
    free(identity->principal);
    (void)pthread_mutex_destroy(&identity->lock); /* nobody can hold it */
    free(identity);
    return NULL;
}

const char *identity_principal(const Identity *identity)
{
    return identity->principal;
}

HRESULT identity_token(Identity *identity, Token **ret_token)
{
    HRESULT hr = S_OK;

    pthread_mutex_lock(&identity->lock);
    if (!identity->token)
        hr = process_logon(&(ProcessLogon){identity->service, identity->hashed, identity->principal,
                                           (const char *)secret_data(identity->password)},
                           &identity->token);
    if (SUCCEEDED(hr)) *ret_token = identity->token;
    pthread_mutex_unlock(&identity->lock);
    return hr;
}
