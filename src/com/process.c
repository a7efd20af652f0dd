/* SPDX-License-Identifier: Apache-2.0 */
/* The process's authority and token, and logons driven on the calling thread. */
#include "com/process.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "base/time.h"
#include "com/errorinfo.h"
#include "io/wait.h"
#include "sec/credential.h"
#include "winerror.h"

#define LOGON_TIMEOUT (30 * NS_PER_SECOND) /* of all exchanges with the KDC that a logon needs */

static struct {
    pthread_mutex_t lock;
    bool configured, used;
    char *krb5_config, *ccache, *keytab, *principal;
    bool allow_rc4;
    Authority *authority;
    Token *token;
} process = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool copy_text(const char *text, char **target)
{
    char *copy = text && *text ? strdup(text) : NULL;

    if (text && *text && !copy) return false;
    free(*target);
    *target = copy;
    return true;
}

static HRESULT options_copy(const ProcessOptions *options)
{
    if (!copy_text(options->krb5_config, &process.krb5_config) || !copy_text(options->ccache, &process.ccache) ||
        !copy_text(options->keytab, &process.keytab) || !copy_text(options->principal, &process.principal))
        return E_OUTOFMEMORY;
    process.allow_rc4 = options->allow_rc4;
    process.configured = true;
    return S_OK;
}

HRESULT process_configure(const ProcessOptions *options)
{
    HRESULT hr;

    pthread_mutex_lock(&process.lock);
    hr = process.used ? RPC_E_TOO_LATE : options_copy(options);
    pthread_mutex_unlock(&process.lock);
    return hr;
}

/* With the lock held. */
static HRESULT ensure_configured(void)
{
    process.used = true;
    if (process.configured) return S_OK;
    return options_copy(&(ProcessOptions){.ccache = getenv("KRB5CCNAME")});
}

/* With the lock held. */
static HRESULT ensure_authority(void)
{
    SecFailure failure = {0};
    AuthorityOptions options;
    HRESULT hr;
    int r;

    if (process.authority) return S_OK;
    hr = ensure_configured();
    if (FAILED(hr)) return hr;
    options = (AuthorityOptions){.krb5_config = process.krb5_config,
                                 .acceptor_keytab = process.keytab,
                                 .allow_rc4 = process.allow_rc4};
    r = authority_new_linked(&options, &process.authority, &failure);
    if (r < 0) return E_OUTOFMEMORY;
    return r == 0 ? S_OK : com_error_from_failure(&failure);
}

/* Runs the machine of a logon to its end. */
static HRESULT logon_drive(Logon *logon, Token **ret_token)
{
    IoWait wait;
    int r;

    while ((r = logon_step(logon, &wait)) == SEC_WAIT) {
        r = io_wait(&wait);
        /* After a deadline the machine is stepped again and says what that means. */
        if (r < 0 && r != -ETIMEDOUT) return com_error(E_FAIL, "Waiting for the KDC failed: %s", strerror(-r));
    }
    if (r == SEC_FAILED) return com_error_from_failure(logon_failure(logon));
    if (r < 0) return r == -ENOMEM ? E_OUTOFMEMORY : com_error(E_FAIL, "Logon failed: %s", strerror(-r));
    *ret_token = logon_take_token(logon);
    return S_OK;
}

static HRESULT logon(Authority *authority, const LogonSpec *spec, Token **ret_token)
{
    _cleanup_(logon_freep) Logon *machine = NULL;
    int r = logon_new(authority, spec, &machine);

    if (r < 0) return r == -ENOMEM ? E_OUTOFMEMORY : E_INVALIDARG;
    return logon_drive(machine, ret_token);
}

/* With the lock held. */
static HRESULT ensure_token(void)
{
    LogonSpec spec = {.principal = process.principal, .forwardable = true, .deadline = time_after(LOGON_TIMEOUT)};

    if (process.keytab) {
        spec.source = LOGON_KEYTAB;
        spec.path = process.keytab;
    } else if (process.ccache) {
        spec.source = LOGON_CCACHE;
        spec.path = process.ccache;
    } else {
        return com_error(SEC_E_NO_CREDENTIALS,
                         "This process has no credential. A user's program takes its ticket cache from KRB5CCNAME (run "
                         "kinit) or from ccache= in section [security] of mantle.conf, a service its keytab from keytab=.");
    }
    return logon(process.authority, &spec, &process.token);
}

HRESULT process_authority(Authority **ret_authority)
{
    HRESULT hr;

    pthread_mutex_lock(&process.lock);
    hr = ensure_authority();
    if (SUCCEEDED(hr)) *ret_authority = process.authority;
    pthread_mutex_unlock(&process.lock);
    return hr;
}

HRESULT process_token(Token **ret_token)
{
    HRESULT hr = S_OK;

    pthread_mutex_lock(&process.lock);
    if (!process.token) {
        hr = ensure_authority();
        if (SUCCEEDED(hr)) hr = ensure_token();
    }
    if (SUCCEEDED(hr)) *ret_token = process.token;
    pthread_mutex_unlock(&process.lock);
    return hr;
}

bool process_can_accept(void)
{
    bool can;

    pthread_mutex_lock(&process.lock);
    can = SUCCEEDED(ensure_configured()) && process.keytab;
    pthread_mutex_unlock(&process.lock);
    return can;
}

HRESULT process_logon(const char *principal, const char *password, Token **ret_token)
{
    Authority *authority;
    HRESULT hr = process_authority(&authority);

    if (FAILED(hr)) return hr;
    return logon(authority,
                 &(LogonSpec){.source = LOGON_PASSWORD,
                              .principal = principal,
                              .password = password,
                              .forwardable = true,
                              .deadline = time_after(LOGON_TIMEOUT)},
                 ret_token);
}
