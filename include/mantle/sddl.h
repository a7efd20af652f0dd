/* SPDX-License-Identifier: Apache-2.0 */
/* SIDs as text. */
#pragma once
#include "winnt.h"

/* "S-1-5-21-...", freed with LocalFree (winbase.h). FALSE with ERROR_INVALID_SID, ERROR_INVALID_PARAMETER,
 * ERROR_NOT_ENOUGH_MEMORY. sdk:ConvertSidToStringSidW */
MANTLE_API BOOL ConvertSidToStringSidW(PSID Sid, LPWSTR *StringSid);
#define ConvertSidToStringSid ConvertSidToStringSidW
