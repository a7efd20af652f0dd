/* SPDX-License-Identifier: Apache-2.0 */
/* The process's authority and token, and logons driven on the calling thread. */
#include "com/process.h"
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/time.h"
#include "com/errorinfo.h"
#include "io/audit.h"
#include "io/wait.h"
#include "sec/credential.h"
#include "sec/handover.h"
#include "winerror.h"

#define AUTHORITY_MARGIN (10 * NS_PER_SECOND) /* beyond what it takes for a KDC */
#define LOGON_TIMEOUT    (30 * NS_PER_SECOND) /* of all exchanges with the KDC that a logon needs */

static struct {
    pthread_mutex_t lock;
    Conf *conf;
    bool given;           /* it was started to act as somebody */
    bool has_keytab;      /* and may read it, without an authority in another process that does */
    Authority *authority; /* of this process: in mantle-authd, or linked */
    Authority *own;       /* linked, without a keytab: for a ticket cache beside mantle-authd */
    Token *_Atomic token; /* never replaced */
} process = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* With the lock held. */
static void adopt_conf(Conf *conf)
{
    const char *keytab = conf_string(conf, CONF_SECURITY_KEYTAB);

    process.conf = conf;
    audit_switch(conf_boolean(conf, CONF_AUDIT_JOURNAL));
    /* Who may not read it is a user's program. One that is missing is a service's mistake, not somebody
     * else's program: it fails where it is used. */
    process.has_keytab =
        keytab && !conf_string(conf, CONF_AUTHORITY_SOCKET) && (access(keytab, R_OK) == 0 || errno != EACCES);
}

/* With the lock held. */
static HRESULT ensure_conf(void)
{
    _cleanup_(freep) char *error = NULL;
    Conf *conf;
    int r;

    if (process.conf) return S_OK;
    r = conf_load(NULL, &conf, &error);
    if (r == -ENOMEM) return E_OUTOFMEMORY;
    if (r < 0)
        return com_error(HRESULT_FROM_WIN32(ERROR_INVALID_DATA), "The configuration cannot be used: %s",
                         error ? error : strerror(-r));
    adopt_conf(conf);
    return S_OK;
}

HRESULT process_conf(const Conf **ret_conf)
{
    HRESULT hr;

    pthread_mutex_lock(&process.lock);
    hr = ensure_conf();
    if (SUCCEEDED(hr)) *ret_conf = process.conf;
    pthread_mutex_unlock(&process.lock);
    return hr;
}

HRESULT process_set_conf(Conf *conf)
{
    HRESULT hr = S_OK;

    pthread_mutex_lock(&process.lock);
    if (process.conf)
        hr = RPC_E_TOO_LATE;
    else
        adopt_conf(conf);
    pthread_mutex_unlock(&process.lock);
    return hr;
}

static const char *acceptor_keytab(void)
{
    return process.has_keytab ? conf_string(process.conf, CONF_SECURITY_KEYTAB) : NULL;
}

/* With the lock held. */
static HRESULT make_linked(Authority **ret_authority)
{
    SecFailure failure = {0};
    const int accounts = conf_choice(process.conf, CONF_SECURITY_NTLM_ACCOUNTS);
    AuthorityOptions options = {
        .acceptor_keytab = acceptor_keytab(),
        .allow_rc4 = conf_boolean(process.conf, CONF_SECURITY_ALLOW_RC4),
        .ntlm = conf_boolean(process.conf, CONF_SECURITY_NTLM),
        .ntlm_users =
            accounts & CONF_NTLM_ACCOUNTS_USERS ? conf_string(process.conf, CONF_SECURITY_NTLM_USERS) : NULL,
        .ntlm_winbind = accounts & CONF_NTLM_ACCOUNTS_WINBIND,
        .protocol_transition = conf_boolean(process.conf, CONF_SECURITY_PROTOCOL_TRANSITION),
        .kdc_timeout = conf_duration(process.conf, CONF_SECURITY_KDC_TIMEOUT)};
    int r = authority_new_linked(&options, ret_authority, &failure);
    if (r < 0) return E_OUTOFMEMORY;
    return r == 0 ? S_OK : com_error_from_failure(&failure);
}

/* With the lock held. One that is configured and cannot be reached is a failure; nothing stands in for it. */
static HRESULT ensure_authority(void)
{
    SecFailure failure = {0};
    AuthorityRemoteOptions options;
    HRESULT hr;
    int r;

    if (process.authority) return S_OK;
    hr = ensure_conf();
    if (FAILED(hr)) return hr;
    options = (AuthorityRemoteOptions){.path = conf_string(process.conf, CONF_AUTHORITY_SOCKET),
                                       .timeout = conf_duration(process.conf, CONF_SECURITY_KDC_TIMEOUT) +
                                                  AUTHORITY_MARGIN};
    if (!options.path) return make_linked(&process.authority);
    r = authority_new_remote(&options, &process.authority, &failure);
    if (r < 0)
        return r == -ENOMEM ? E_OUTOFMEMORY
                            : com_error(E_FAIL, "The authority at %s: %s", options.path, strerror(-r));
    return r == 0 ? S_OK : com_error_from_failure(&failure);
}

/* With the lock held: the authority for a ticket cache, which only the process itself may read. */
static HRESULT ensure_own(Authority **ret_authority)
{
    HRESULT hr = S_OK;

    if (!authority_is_remote(process.authority)) {
        *ret_authority = process.authority;
        return S_OK;
    }
    if (!process.own) hr = make_linked(&process.own);
    if (SUCCEEDED(hr)) *ret_authority = process.own;
    return hr;
}

/* Runs the machine of a logon to its end. */
static HRESULT logon_drive(Logon *logon, Token **ret_token)
{
    IoWait wait;
    int r;

    while ((r = logon_step(logon, &wait)) == SEC_WAIT) {
        r = io_wait(&wait);
        /* After a deadline the machine is stepped again and says what that means. */
        if (r < 0 && r != -ETIMEDOUT)
            return com_error(E_FAIL, "Waiting for the KDC failed: %s", strerror(-r));
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

/* With the lock held, and an authority. Whose credential the process has, and where it logs on with that
 * (`own`, or the machine's); false: none is named. */
static bool find_credential(Authority *own, LogonSpec *spec, Authority **ret_authority)
{
    const char *ccache = conf_string(process.conf, CONF_SECURITY_CCACHE);
    const char *user_ccache = getenv("KRB5CCNAME");
    const bool machine = authority_is_machine(process.authority);

    *ret_authority = own;
    spec->source = LOGON_CCACHE;
    if (ccache) {
        spec->path = ccache;
    } else if (process.has_keytab || machine) {
        *ret_authority = process.authority;
        spec->source = LOGON_KEYTAB;
        spec->path = machine ? NULL /* mantle-authd's own is not for others to name */
                             : conf_string(process.conf, CONF_SECURITY_KEYTAB);
        spec->principal = conf_string(process.conf, CONF_SECURITY_PRINCIPAL);
    } else if (user_ccache && *user_ccache) {
        spec->path = user_ccache;
    } else {
        return false;
    }
    return true;
}

/* With the lock held: a process that was started to act as somebody (run_as = activator) acts as that or as
 * nobody. What it was given is used up, and no child inherits it. */
static HRESULT given_token(const char *number, Token **ret_token)
{
    _cleanup_(handover_freep) Handover *handover = NULL;
    IoWait wait;
    char *end;
    long fd = strtol(number, &end, 10);
    int r = *end || fd <= STDERR_FILENO || fd > INT_MAX ? -EBADF : 0;

    (void)unsetenv(HANDOVER_PROCESS_VARIABLE);
    if (r == 0) r = handover_new_receive(process.authority, (int)fd, time_after(LOGON_TIMEOUT), &handover);
    while (r == 0 && (r = handover_step(handover, &wait)) == SEC_WAIT) {
        r = io_wait(&wait);
        if (r == -ETIMEDOUT) r = 0; /* the next step says what that means */
    }
    if (r == SEC_FAILED) return com_error_from_failure(handover_failure(handover));
    if (r < 0)
        return com_error(SEC_E_NO_CREDENTIALS,
                         "The identity that this process was started to act as cannot be used: %s",
                         strerror(-r));
    *ret_token = handover_take_token(handover);
    return S_OK;
}

/* With the lock held. */
static HRESULT ensure_given_token(void)
{
    const char *number = secure_getenv(HANDOVER_PROCESS_VARIABLE);
    Token *token = NULL;
    HRESULT hr;

    process.given = true; /* also when it fails: nothing stands in for it */
    hr = number ? given_token(number, &token)
                : com_error(SEC_E_NO_CREDENTIALS,
                            "The identity that this process was started to act as could not be used.");
    if (SUCCEEDED(hr)) process.token = token;
    return hr;
}

/* With the lock held. */
static HRESULT ensure_token(void)
{
    LogonSpec spec = {.forwardable = true, .deadline = time_after(LOGON_TIMEOUT)};
    Authority *own, *authority;
    Token *token;
    HRESULT hr;

    if (process.given || secure_getenv(HANDOVER_PROCESS_VARIABLE)) return ensure_given_token();
    hr = ensure_own(&own);
    if (FAILED(hr)) return hr;
    if (!find_credential(own, &spec, &authority))
        return com_error(
            SEC_E_NO_CREDENTIALS,
            "This process has no credential. A user's program takes its ticket cache from KRB5CCNAME (run "
            "kinit) or from ccache= in section [security] of mantle.conf, a service its keytab from "
            "keytab=%s.",
            authority_is_remote(process.authority)
                ? ", which mantle-authd holds for the accounts of machine_identity="
            : conf_string(process.conf, CONF_SECURITY_KEYTAB)
                ? ", which is set but may not be read by this process"
                : "");
    hr = logon(authority, &spec, &token);
    if (SUCCEEDED(hr)) process.token = token;
    return hr;
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
    Token *known = process.token;
    HRESULT hr = S_OK;

    if (known) {
        *ret_token = known;
        return S_OK;
    }
    pthread_mutex_lock(&process.lock);
    if (!process.token) {
        hr = ensure_authority();
        if (SUCCEEDED(hr)) hr = ensure_token();
    }
    if (SUCCEEDED(hr)) *ret_token = process.token;
    pthread_mutex_unlock(&process.lock);
    return hr;
}

Token *process_token_peek(void)
{
    return process.token;
}

bool process_has_credential(void)
{
    LogonSpec spec = {.path = NULL};
    Authority *authority;
    bool has;

    pthread_mutex_lock(&process.lock);
    /* Without an authority nobody knows. */
    has = process.given || secure_getenv(HANDOVER_PROCESS_VARIABLE) || FAILED(ensure_authority()) ||
          find_credential(process.authority, &spec, &authority);
    pthread_mutex_unlock(&process.lock);
    return has;
}

bool process_can_accept(void)
{
    bool can;

    pthread_mutex_lock(&process.lock);
    can =
        SUCCEEDED(ensure_conf()) && (process.has_keytab || conf_string(process.conf, CONF_AUTHORITY_SOCKET));
    pthread_mutex_unlock(&process.lock);
    return can;
}

bool process_allows_ntlm(void)
{
    bool allows;

    pthread_mutex_lock(&process.lock);
    allows = SUCCEEDED(ensure_conf()) && conf_boolean(process.conf, CONF_SECURITY_NTLM);
    pthread_mutex_unlock(&process.lock);
    return allows;
}

HRESULT process_logon(const ProcessLogon *spec, Token **ret_token)
{
    Authority *authority;
    HRESULT hr = process_authority(&authority);

    if (FAILED(hr)) return hr;
    return logon(authority,
                 &(LogonSpec){.source = spec->hashed ? LOGON_NT_HASH : LOGON_PASSWORD,
                              .service = spec->service,
                              .principal = spec->principal,
                              .password = spec->password,
                              .forwardable = true,
                              .deadline = time_after(LOGON_TIMEOUT)},
                 ret_token);
}

HRESULT process_logon_unproved(const char *principal, Token **ret_token)
{
    Authority *authority;
    HRESULT hr = process_authority(&authority);

    if (FAILED(hr)) return hr;
    return logon(authority,
                 &(LogonSpec){.source = LOGON_UNPROVED,
                              .path = conf_string(process.conf, CONF_SECURITY_PRINCIPAL),
                              .principal = principal,
                              .deadline = time_after(LOGON_TIMEOUT)},
                 ret_token);
}
