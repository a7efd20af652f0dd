/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/ntlm-winbind.h"
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <winerror.h>
#include "io/pool.h"
#include "sec/ntlm-user-file.h"
#include "sec/token.h"

#define RID_GUEST       501u
#define DOMAIN_SID_PART 21u /* S-1-5-21-x-y-z-RID */
#define DOMAIN_SID_SIZE 5u

static WbcLibrary library;
static bool loaded;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_uint inside;

static void load(void)
{
    void *handle = dlopen(WBC_SONAME, RTLD_NOW | RTLD_LOCAL); /* as long as the process */
    if (!handle) return;
    *(void **)&library.context_new = dlsym(handle, "wbcCtxCreate");
    *(void **)&library.context_free = dlsym(handle, "wbcCtxFree");
    *(void **)&library.authenticate = dlsym(handle, "wbcCtxAuthenticateUserEx");
    *(void **)&library.free = dlsym(handle, "wbcFreeMemory");
    loaded = library.context_new && library.context_free && library.authenticate && library.free;
}

void ntlm_account_deinit(NtlmAccount *account)
{
    free(account->principal);
    free(account->groups);
    explicit_bzero(account, sizeof(*account));
}

static int fail(const NtlmQuery *query, uint32_t code, const char *why, SecFailure *failure)
{
    char name[2 * SEC_QUOTE_SIZE], quoted[SEC_QUOTE_SIZE];
    snprintf(name, sizeof(name), "%s\\%s", query->domain, query->user);
    sec_failure_set(failure, code, "NTLM: %s cannot be verified: %s", sec_quote(name, quoted), why);
    return SEC_FAILED;
}

static int deny(const NtlmQuery *query, const char *why, SecFailure *failure)
{
    return fail(query, (uint32_t)SEC_E_LOGON_DENIED, why, failure);
}

/* The answer */

static bool sid_take(const WbcSid *sid, Sid *ret_sid)
{
    Sid taken = {.count = sid->count};

    if (sid->revision != 1 || sid->count > SID_SUBAUTHORITIES_MAX) return false;
    for (size_t i = 0; i < sizeof(sid->authority); i++)
        taken.authority = taken.authority << 8 | sid->authority[i];
    memcpy(taken.subauthorities, sid->subauthorities, sid->count * sizeof(sid->subauthorities[0]));
    *ret_sid = taken;
    return true;
}

static bool is_account_of_domain(const Sid *sid)
{
    return sid->authority == 5 && sid->count == DOMAIN_SID_SIZE && sid->subauthorities[0] == DOMAIN_SID_PART;
}

/* SessionBaseKeys of guests are known to everybody ([MS-NLMP] 3.2.5.1.2). */
static bool is_guest(const WbcUser *user, const Sid *sid)
{
    return user->user_flags & (WBC_USER_GUEST | WBC_USER_NO_ENCRYPTION | WBC_USER_LM_PASSWORD) ||
           sid->subauthorities[DOMAIN_SID_SIZE - 1] == RID_GUEST;
}

static bool same(const char *claimed, const char *answered)
{
    return answered && ntlm_user_name_is_fit(answered) && strcasecmp(claimed, answered) == 0;
}

/* False: a SID that is none, or more groups than a token has room for. */
static bool groups_take(const WbcUser *user, NtlmAccount *account)
{
    static const uint32_t granted = WBC_GROUP_ENABLED, refused = WBC_GROUP_DENY_ONLY;

    for (uint32_t i = 1; i < user->sid_count; i++) {
        /* The primary group comes without attributes. */
        const uint32_t attributes = user->sids[i].attributes;
        if (i > 1 && (attributes & (granted | refused)) != granted) continue;
        if (account->group_count == TOKEN_GROUPS_MAX ||
            !sid_take(&user->sids[i].sid, &account->groups[account->group_count++]))
            return false;
    }
    return true;
}

int ntlm_winbind_account(const NtlmQuery *query, const WbcUser *user, NtlmAccount *ret_account,
                         SecFailure *failure)
{
    static const uint8_t zero[NTLM_KEY];
    _cleanup_(ntlm_account_deinitp) NtlmAccount account = {NULL};

    if (!same(query->domain, user->domain_name) || !same(query->user, user->account_name))
        return deny(query, "winbindd verified another account than the one that the caller says to be",
                    failure);
    if (user->sid_count == 0 || !user->sids || !sid_take(&user->sids[0].sid, &account.user) ||
        !is_account_of_domain(&account.user))
        return deny(query, "winbindd says no SID of the account", failure);
    if (is_guest(user, &account.user)) return deny(query, "it is a guest", failure);
    if (memcmp(user->session_key, zero, sizeof(zero)) == 0)
        return deny(query, "winbindd gives no session key", failure);
    account.groups = calloc(TOKEN_GROUPS_MAX, sizeof(*account.groups));
    if (!account.groups) return -ENOMEM;
    if (!groups_take(user, &account))
        return deny(query, "it is in more groups than a token can hold, or winbindd's answer is malformed",
                    failure);
    if (asprintf(&account.principal, "%s\\%s", user->domain_name, user->account_name) < 0) {
        account.principal = NULL;
        return -ENOMEM;
    }
    memcpy(account.base_key, user->session_key, NTLM_KEY);
    *ret_account = account;
    account = (NtlmAccount){NULL};
    return 0;
}

/* The question */

static int say_error(const NtlmQuery *query, int result, const WbcError *error, SecFailure *failure)
{
    char text[2 * SEC_QUOTE_SIZE], quoted[SEC_QUOTE_SIZE];

    switch (result) {
    case WBC_NO_MEMORY:
        return -ENOMEM;
    case WBC_WINBIND_NOT_AVAILABLE:
        return fail(query, (uint32_t)SEC_E_NO_AUTHENTICATING_AUTHORITY,
                    "winbindd does not answer, or not this process; start it, and put this process's account "
                    "into the group winbindd_priv",
                    failure);
    case WBC_UNKNOWN_USER:
    case WBC_DOMAIN_NOT_FOUND:
        return deny(query, "winbindd knows no such account", failure);
    default:
        snprintf(text, sizeof(text), "winbindd refuses it (%s)",
                 error && error->nt_string ? sec_quote(error->nt_string, quoted) : "without a reason");
        return deny(query, text, failure);
    }
}

static int ask(const NtlmQuery *query, WbcContext *context, NtlmAccount *ret_account, SecFailure *failure)
{
    WbcParams params = {
        .account_name = query->user,
        .domain_name = query->domain,
        .parameter_control = WBC_ALLOW_SERVER_TRUST | WBC_ALLOW_WORKSTATION_TRUST,
        .level = WBC_LEVEL_RESPONSE,
        .password.response = {.nt_length = (uint32_t)query->response.length, .nt_data = query->response.data},
    };
    WbcUser *user = NULL;
    WbcError *error = NULL;

    memcpy(params.password.response.challenge, query->challenge, WBC_CHALLENGE);
    const int result = library.authenticate(context, &params, &user, &error);
    int r = result == WBC_SUCCESS && user ? ntlm_winbind_account(query, user, ret_account, failure)
                                          : say_error(query, result, error, failure);
    if (user) explicit_bzero(user->session_key, sizeof(user->session_key));
    library.free(user);
    library.free(error);
    return r;
}

int ntlm_winbind_verify(const NtlmQuery *query, NtlmAccount *ret_account, SecFailure *failure)
{
    static const char busy[] = "winbindd is busy with others";
    pthread_once(&once, load);
    if (!loaded)
        return fail(query, (uint32_t)SEC_E_SECPKG_NOT_FOUND,
                    "libwbclient, by which winbindd is asked, is not installed", failure);
    if (atomic_fetch_add(&inside, 1) >= NTLM_WINBIND_MAX) {
        atomic_fetch_sub(&inside, 1);
        return fail(query, (uint32_t)SEC_E_NO_AUTHENTICATING_AUTHORITY, busy, failure);
    }
    int r = -ENOMEM;
    if (io_pool_block_begin(false) == 0) {
        WbcContext *context = library.context_new(); /* the library's own is one for all threads */
        if (context) r = ask(query, context, ret_account, failure);
        library.context_free(context);
        io_pool_block_end();
    } else {
        r = fail(query, (uint32_t)SEC_E_NO_AUTHENTICATING_AUTHORITY, busy, failure);
    }
    atomic_fetch_sub(&inside, 1);
    return r;
}
