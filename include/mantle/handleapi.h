/* SPDX-License-Identifier: Apache-2.0 */
/* Handles. Those Mantle makes are handles of tokens; a closed one is never mistaken for a later one. */
#pragma once
#include "windef.h"

/* TRUE; FALSE with ERROR_INVALID_HANDLE. The pseudo handles of GetCurrentThread and GetCurrentProcess may be closed,
 * without effect. sdk:CloseHandle */
MANTLE_API BOOL CloseHandle(HANDLE hObject);
