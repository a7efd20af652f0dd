/* SPDX-License-Identifier: Apache-2.0 */
/* LogonUserW, and a logon without a proof. */
#include "base/cleanup.h"
#include "com/handle.h"
#include "com/identity.h"
#include "com/process.h"
#include "mantle_logon.h"
#include "winbase.h"
#include "winerror.h"

/* What a failed logon means under Win32; Win32 codes pass through. */
static DWORD logon_error(HRESULT hr)
{
    switch (hr) {
    case E_OUTOFMEMORY:
        return ERROR_NOT_ENOUGH_MEMORY;
    case E_INVALIDARG: /* no realm, or a name that cannot be one */
    case SEC_E_LOGON_DENIED:
    case SEC_E_UNKNOWN_CREDENTIALS:
    case SEC_E_NO_CREDENTIALS:
        return ERROR_LOGON_FAILURE;
    case SEC_E_NO_AUTHENTICATING_AUTHORITY:
        return ERROR_NO_LOGON_SERVERS;
    case SEC_E_TARGET_UNKNOWN:
        return ERROR_NO_SUCH_DOMAIN;
    case SEC_E_TIME_SKEW:
        return ERROR_TIME_SKEW;
    }
    return HRESULT_FACILITY(hr) == FACILITY_WIN32 ? (DWORD)HRESULT_CODE(hr) : ERROR_INTERNAL_ERROR;
}

/* The same identity without what it could show to another machine. */
static int token_without_credential(const Token *token, Token **ret_token)
{
    TokenSpec spec = {
        .kind = TOKEN_KIND_IMPERSONATION,
        .level = TOKEN_LEVEL_IMPERSONATION,
        .principal = token_principal(token),
        .user = *token_user(token),
        .account_flags = token_account_flags(token),
        .expires = token_expires(token),
        .authentication_id = token_authentication_id(token),
    };

    spec.groups = token_groups(token, &spec.group_count);
    return token_new(&spec, ret_token);
}

static int token_of_type(Token *token, DWORD type, Token **ret_token)
{
    switch (type) {
    case LOGON32_LOGON_NETWORK:
        return token_without_credential(token, ret_token);
    case LOGON32_LOGON_NETWORK_CLEARTEXT:
        return token_duplicate(token, TOKEN_KIND_IMPERSONATION, TOKEN_LEVEL_IMPERSONATION, ret_token);
    default:
        *ret_token = token_ref(token);
        return 0;
    }
}

static DWORD logon_check(LPCWSTR user, LPCWSTR password, DWORD type, DWORD provider, PHANDLE ret_handle)
{
    if (!user || !password || !ret_handle || provider > LOGON32_PROVIDER_WINNT50)
        return ERROR_INVALID_PARAMETER;
    switch (type) {
    case LOGON32_LOGON_INTERACTIVE:
    case LOGON32_LOGON_NETWORK:
    case LOGON32_LOGON_BATCH:
    case LOGON32_LOGON_SERVICE:
    case LOGON32_LOGON_NETWORK_CLEARTEXT:
        return ERROR_SUCCESS;
    case LOGON32_LOGON_UNLOCK:
    case LOGON32_LOGON_NEW_CREDENTIALS:
        return ERROR_NOT_SUPPORTED;
    }
    return ERROR_INVALID_PARAMETER;
}

BOOL LogonUserW(LPCWSTR lpszUsername, LPCWSTR lpszDomain, LPCWSTR lpszPassword, DWORD dwLogonType,
                DWORD dwLogonProvider, PHANDLE phToken)
{
    _cleanup_(identity_unrefp) Identity *identity = NULL;
    _cleanup_(token_unrefp) Token *token = NULL;
    DWORD error = logon_check(lpszUsername, lpszPassword, dwLogonType, dwLogonProvider, phToken);
    HANDLE handle = NULL;
    Token *primary;
    HRESULT hr;

    if (!error) {
        hr = identity_new_from_text(lpszUsername, lpszDomain, lpszPassword, &identity);
        if (SUCCEEDED(hr)) hr = identity_token(identity, &primary);
        if (FAILED(hr)) error = logon_error(hr);
    }
    if (!error && token_of_type(primary, dwLogonType, &token) < 0) error = ERROR_NOT_ENOUGH_MEMORY;
    if (!error && !(handle = handle_new(token, TOKEN_ALL_ACCESS))) error = ERROR_NOT_ENOUGH_MEMORY;
    if (error) {
        SetLastError(error);
        return FALSE;
    }
    *phToken = handle;
    return TRUE;
}

BOOL MantleLogonUnprovedUserW(LPCWSTR lpszUsername, LPCWSTR lpszDomain, PHANDLE phToken)
{
    _cleanup_(identity_unrefp) Identity *identity = NULL;
    _cleanup_(token_unrefp) Token *token = NULL;
    DWORD error = lpszUsername && phToken ? ERROR_SUCCESS : ERROR_INVALID_PARAMETER;
    HANDLE handle = NULL;
    HRESULT hr;

    if (!error) {
        hr = identity_new_from_text(lpszUsername, lpszDomain, u"", &identity); /* for the name alone */
        if (SUCCEEDED(hr)) hr = process_logon_unproved(identity_principal(identity), &token);
        if (FAILED(hr)) error = logon_error(hr);
    }
    if (!error && !(handle = handle_new(token, TOKEN_ALL_ACCESS))) error = ERROR_NOT_ENOUGH_MEMORY;
    if (error) {
        SetLastError(error);
        return FALSE;
    }
    *phToken = handle;
    return TRUE;
}
