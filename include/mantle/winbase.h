/* SPDX-License-Identifier: Apache-2.0 */
/* Logon, and memory by handle. Functions answer FALSE or NULL with GetLastError on failure. */
#pragma once
#include "errhandlingapi.h"
#include "handleapi.h"
#include "interlockedapi.h"
#include "processthreadsapi.h"
#include "securitybaseapi.h"
#include "stringapiset.h"
#include <string.h>

#define MoveMemory(to, from, bytes)  memmove((to), (from), (bytes))
#define CopyMemory(to, from, bytes)  memcpy((to), (from), (bytes))
#define FillMemory(at, bytes, value) memset((at), (value), (bytes))
#define ZeroMemory(at, bytes)        memset((at), 0, (bytes))
/* Clears what nobody reads again, a password, where a compiler would leave memset out. sdk:SecureZeroMemory
 */
static inline PVOID SecureZeroMemory(PVOID at, SIZE_T bytes)
{
    volatile BYTE *byte = (volatile BYTE *)at;
    while (bytes--)
        *byte++ = 0;
    return at;
}
/* Characters before the NUL, 0 for NULL: what wcslen is on Windows. sdk:lstrlenW */
static inline INT lstrlenW(LPCWSTR text)
{
    INT length = 0;
    while (text && text[length])
        length++;
    return length;
}
#define lstrlen lstrlenW

#define LOGON32_LOGON_INTERACTIVE       2
#define LOGON32_LOGON_NETWORK           3
#define LOGON32_LOGON_BATCH             4
#define LOGON32_LOGON_SERVICE           5
#define LOGON32_LOGON_UNLOCK            7
#define LOGON32_LOGON_NETWORK_CLEARTEXT 8
#define LOGON32_LOGON_NEW_CREDENTIALS   9

#define LOGON32_PROVIDER_DEFAULT 0
#define LOGON32_PROVIDER_WINNT35 1
#define LOGON32_PROVIDER_WINNT40 2
#define LOGON32_PROVIDER_WINNT50 3

/*
 * Logs a user on with the Kerberos realm: gets a ticket with the password, on this thread, within the KDC's
 * deadline. The password is wiped from Mantle's copies. sdk:LogonUserW
 *
 * lpszUsername  the user, or "user@REALM" with lpszDomain NULL
 * lpszDomain    the realm, as it is spelled
 * dwLogonType   INTERACTIVE, BATCH, SERVICE: a primary token; NETWORK_CLEARTEXT: an impersonation
 *               token; NETWORK: an impersonation token without a credential, of no use on another
 *               machine. Others: ERROR_NOT_SUPPORTED
 * phToken       closed with CloseHandle
 *
 * ERROR_LOGON_FAILURE: user or password (also: no realm given); ERROR_ACCOUNT_DISABLED,
 * ERROR_PASSWORD_EXPIRED, ERROR_ACCOUNT_RESTRICTION where the KDC says so; ERROR_NO_LOGON_SERVERS: no KDC
 * answered; ERROR_NO_SUCH_DOMAIN: the realm has no KDC; ERROR_TIME_SKEW: clocks differ;
 * ERROR_INVALID_PARAMETER; ERROR_NOT_ENOUGH_MEMORY.
 */
MANTLE_API BOOL LogonUserW(LPCWSTR lpszUsername, LPCWSTR lpszDomain, LPCWSTR lpszPassword, DWORD dwLogonType,
                           DWORD dwLogonProvider, PHANDLE phToken);
#define LogonUser LogonUserW

/* Memory by handle: what CreateStreamOnHGlobal works on. A handle stays valid while its block moves. */
#define GMEM_FIXED    0x0000
#define GMEM_MOVEABLE 0x0002
#define GMEM_ZEROINIT 0x0040
#define GHND          (GMEM_MOVEABLE | GMEM_ZEROINIT)
#define GPTR          (GMEM_FIXED | GMEM_ZEROINIT)

/* A handle must be one that GlobalAlloc gave and GlobalFree did not take; NULL is ERROR_INVALID_HANDLE. Locks
 * are not thread-safe. */

/* Zeroed, with GMEM_ZEROINIT or without. NULL with ERROR_NOT_ENOUGH_MEMORY or ERROR_INVALID_PARAMETER
 * (flags). sdk:GlobalAlloc */
MANTLE_API HGLOBAL GlobalAlloc(UINT uFlags, SIZE_T dwBytes);
/* Changes the size; new bytes are zero. A GMEM_FIXED block grows only with GMEM_MOVEABLE in uFlags, and then
 * has a new handle. NULL and unchanged: ERROR_NOT_ENOUGH_MEMORY. sdk:GlobalReAlloc */
MANTLE_API HGLOBAL GlobalReAlloc(HGLOBAL hMem, SIZE_T dwBytes, UINT uFlags);
/* The block, which stays where it is until GlobalReAlloc. sdk:GlobalLock */
MANTLE_API LPVOID GlobalLock(HGLOBAL hMem);
/* TRUE while others hold locks (always of GMEM_FIXED); FALSE with NO_ERROR when this was the last, with
 * ERROR_NOT_LOCKED when there was none. sdk:GlobalUnlock */
MANTLE_API BOOL GlobalUnlock(HGLOBAL hMem);
/* Bytes. sdk:GlobalSize */
MANTLE_API SIZE_T GlobalSize(HGLOBAL hMem);
/* NULL; NULL is accepted. sdk:GlobalFree */
MANTLE_API HGLOBAL GlobalFree(HGLOBAL hMem);
/* Frees what a function says is freed with it. NULL. */
MANTLE_API HGLOBAL LocalFree(HGLOBAL hMem);
