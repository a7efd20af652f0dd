/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens of the process and of its threads. A token is an identity: who, at which impersonation level, and
 * with which network credential. Functions that return BOOL answer FALSE with GetLastError on failure and
 * then change nothing.
 */
#pragma once
#include "winnt.h"

/* Pseudo handles: always mean the process and thread that use them, need no CloseHandle. */
MANTLE_API HANDLE GetCurrentProcess(void);
MANTLE_API HANDLE GetCurrentThread(void);
/* The kernel's number of this thread, as CoCancelCall takes it. */
MANTLE_API DWORD GetCurrentThreadId(void);

/* The process's own identity, by section [security] of mantle.conf: the ticket cache of ccache=; else, of a
 * process that is not denied keytab=, the service of that keytab and principal=; else a user's program with
 * the ticket cache that KRB5CCNAME names. Made at the first use, without asking the KDC. *TokenHandle is
 * closed with CloseHandle. ERROR_INVALID_HANDLE (not GetCurrentProcess()); ERROR_NO_SUCH_LOGON_SESSION: there
 * is none of them or it cannot be read (GetErrorInfo says more); ERROR_INVALID_PARAMETER;
 * ERROR_NOT_ENOUGH_MEMORY. sdk:OpenProcessToken */
MANTLE_API BOOL OpenProcessToken(HANDLE ProcessHandle, DWORD DesiredAccess, PHANDLE TokenHandle);
/* The token this thread acts with. `OpenAsSelf` makes no difference here: opening is not access checked.
 * ERROR_NO_TOKEN: it acts as the process; ERROR_CANT_OPEN_ANONYMOUS; ERROR_INVALID_HANDLE (not
 * GetCurrentThread()). sdk:OpenThreadToken */
MANTLE_API BOOL OpenThreadToken(HANDLE ThreadHandle, DWORD DesiredAccess, BOOL OpenAsSelf,
                                PHANDLE TokenHandle);
/* Makes the thread (NULL: this one) act with an impersonation token; Token NULL ends that. The handle may be
 * closed afterwards. ERROR_INVALID_HANDLE; ERROR_ACCESS_DENIED: the handle lacks TOKEN_IMPERSONATE;
 * ERROR_BAD_TOKEN_TYPE: a primary token. sdk:SetThreadToken */
MANTLE_API BOOL SetThreadToken(PHANDLE Thread, HANDLE Token);
