/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens under their Windows names: opening, setting, copying. */
#include <errno.h>
#include "com/errorinfo.h"
#include "com/handle.h"
#include "com/process.h"
#include "com/thread.h"
#include "winbase.h"
#include "winerror.h"

/* Rights that mean "all that this kind of handle can have". */
static DWORD expand_access(DWORD access)
{
    return access & MAXIMUM_ALLOWED ? TOKEN_ALL_ACCESS : access;
}

static BOOL fail(DWORD error)
{
    SetLastError(error);
    return FALSE;
}

static BOOL open_token(Token *token, DWORD access, PHANDLE ret_handle)
{
    HANDLE handle = handle_new(token, expand_access(access));

    if (!handle) return fail(ERROR_NOT_ENOUGH_MEMORY);
    *ret_handle = handle;
    return TRUE;
}

BOOL OpenProcessToken(HANDLE ProcessHandle, DWORD DesiredAccess, PHANDLE TokenHandle)
{
    Token *token;
    HRESULT hr;

    if (!TokenHandle) return fail(ERROR_INVALID_PARAMETER);
    if (ProcessHandle != GetCurrentProcess()) return fail(ERROR_INVALID_HANDLE);
    hr = process_token(&token);
    if (FAILED(hr)) return fail(hr == E_OUTOFMEMORY ? ERROR_NOT_ENOUGH_MEMORY : ERROR_NO_SUCH_LOGON_SESSION);
    return open_token(token, DesiredAccess, TokenHandle);
}

BOOL OpenThreadToken(HANDLE ThreadHandle, DWORD DesiredAccess, BOOL OpenAsSelf, PHANDLE TokenHandle)
{
    Token *token = thread_token();

    if (!TokenHandle) return fail(ERROR_INVALID_PARAMETER);
    if (ThreadHandle != GetCurrentThread()) return fail(ERROR_INVALID_HANDLE);
    if (!token) return fail(ERROR_NO_TOKEN);
    if (token_level(token) == TOKEN_LEVEL_ANONYMOUS) return fail(ERROR_CANT_OPEN_ANONYMOUS);
    return open_token(token, DesiredAccess, TokenHandle);
}

BOOL SetThreadToken(PHANDLE Thread, HANDLE Token_)
{
    _cleanup_(token_unrefp) Token *token = NULL;
    DWORD error;

    if (Thread && *Thread != GetCurrentThread()) return fail(ERROR_INVALID_HANDLE);
    if (Token_) {
        error = handle_token(Token_, TOKEN_IMPERSONATE, &token, NULL);
        if (error) return fail(error);
        if (token_kind(token) != TOKEN_KIND_IMPERSONATION) return fail(ERROR_BAD_TOKEN_TYPE);
    }
    thread_set_token(token);
    return TRUE;
}

/* What a thread acts as when it is given a primary token. A token of a local logon keeps its credential at
 * any level; one that came over the network keeps it at its own level only (sec/token.h). */
static int impersonation_copy(Token *token, Token **ret_copy)
{
    TokenLevel level = token_level(token);

    if (!token_is_from_network(token) && level > TOKEN_LEVEL_IMPERSONATION) level = TOKEN_LEVEL_IMPERSONATION;
    return token_duplicate(token, TOKEN_KIND_IMPERSONATION, level, ret_copy);
}

BOOL ImpersonateLoggedOnUser(HANDLE hToken)
{
    _cleanup_(token_unrefp) Token *token = NULL;
    _cleanup_(token_unrefp) Token *copy = NULL;
    DWORD access;
    DWORD error = handle_token(hToken, TOKEN_QUERY, &token, &access);

    if (error) return fail(error);
    if (token_kind(token) == TOKEN_KIND_IMPERSONATION) {
        if (!(access & TOKEN_IMPERSONATE)) return fail(ERROR_ACCESS_DENIED);
        thread_set_token(token);
        return TRUE;
    }
    if (!(access & TOKEN_DUPLICATE)) return fail(ERROR_ACCESS_DENIED);
    if (impersonation_copy(token, &copy) < 0) return fail(ERROR_NOT_ENOUGH_MEMORY);
    thread_set_token(copy);
    return TRUE;
}

BOOL RevertToSelf(void)
{
    thread_set_token(NULL);
    return TRUE;
}

BOOL DuplicateTokenEx(HANDLE hExistingToken, DWORD dwDesiredAccess, LPSECURITY_ATTRIBUTES lpTokenAttributes,
                      SECURITY_IMPERSONATION_LEVEL ImpersonationLevel, TOKEN_TYPE kind, PHANDLE phNewToken)
{
    _cleanup_(token_unrefp) Token *token = NULL;
    _cleanup_(token_unrefp) Token *copy = NULL;
    TokenLevel level;
    DWORD access, error;
    int r;

    if (!phNewToken || (unsigned)ImpersonationLevel > SecurityDelegation ||
        (kind != TokenPrimary && kind != TokenImpersonation) ||
        (lpTokenAttributes && lpTokenAttributes->lpSecurityDescriptor))
        return fail(ERROR_INVALID_PARAMETER);
    error = handle_token(hExistingToken, TOKEN_DUPLICATE, &token, &access);
    if (error) return fail(error);
    /* A primary token has no level of its own: the copy keeps what the old one can do. */
    level = kind == TokenPrimary ? token_level(token) : (TokenLevel)ImpersonationLevel;
    r = token_duplicate(token, (TokenKind)kind, level, &copy);
    if (r == -EPERM) return fail(ERROR_BAD_IMPERSONATION_LEVEL);
    if (r < 0) return fail(ERROR_NOT_ENOUGH_MEMORY);
    return open_token(copy, dwDesiredAccess ? dwDesiredAccess : access, phNewToken);
}
