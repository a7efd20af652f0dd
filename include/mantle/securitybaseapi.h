/* SPDX-License-Identifier: Apache-2.0 */
/* Impersonation, copies of tokens, what is in them, SIDs. Errors: as in processthreadsapi.h. */
#pragma once
#include "winnt.h"

/* Makes this thread act as a token of either kind: a primary token counts as one at SecurityImpersonation
 * that keeps its credential. The handle needs TOKEN_QUERY | TOKEN_IMPERSONATE, a primary one TOKEN_QUERY |
 * TOKEN_DUPLICATE, and may be closed afterwards. ERROR_INVALID_HANDLE, ERROR_ACCESS_DENIED.
 * sdk:ImpersonateLoggedOnUser */
MANTLE_API BOOL ImpersonateLoggedOnUser(HANDLE hToken);
/* Ends every impersonation of this thread, whoever began it. Inside a call that used CoImpersonateClient use
 * CoRevertToSelf instead. sdk:RevertToSelf */
MANTLE_API BOOL RevertToSelf(void);
/* A second token of a kind and, for TokenImpersonation, of a level (the new token's own identity state: a new
 * ModifiedId). The level of an impersonation token cannot rise: ERROR_BAD_IMPERSONATION_LEVEL, also for a
 * primary copy of one below SecurityImpersonation. dwDesiredAccess 0: that of the old handle.
 * ERROR_ACCESS_DENIED: it lacks TOKEN_DUPLICATE; ERROR_INVALID_HANDLE; ERROR_INVALID_PARAMETER (level, kind,
 * a security descriptor). sdk:DuplicateTokenEx */
MANTLE_API BOOL DuplicateTokenEx(HANDLE hExistingToken, DWORD dwDesiredAccess,
                                 LPSECURITY_ATTRIBUTES lpTokenAttributes,
                                 SECURITY_IMPERSONATION_LEVEL ImpersonationLevel, TOKEN_TYPE TokenType,
                                 PHANDLE phNewToken);
/* Writes what winnt.h names for a class, and the bytes it needs to *ReturnLength, also when they do not fit:
 * ERROR_INSUFFICIENT_BUFFER. ERROR_INVALID_HANDLE; ERROR_ACCESS_DENIED: the handle lacks TOKEN_QUERY;
 * ERROR_INVALID_PARAMETER: the level of a primary token; ERROR_NOT_SUPPORTED: the class.
 * sdk:GetTokenInformation */
MANTLE_API BOOL GetTokenInformation(HANDLE TokenHandle, TOKEN_INFORMATION_CLASS TokenInformationClass,
                                    LPVOID TokenInformation, DWORD TokenInformationLength,
                                    PDWORD ReturnLength);

/* SIDs; the pointers must be to whole SIDs. sdk:EqualSid, sdk:GetLengthSid, sdk:IsValidSid */
MANTLE_API BOOL EqualSid(PSID pSid1, PSID pSid2);
MANTLE_API DWORD GetLengthSid(PSID pSid);
MANTLE_API BOOL IsValidSid(PSID pSid);
