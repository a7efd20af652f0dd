/* SPDX-License-Identifier: Apache-2.0 */
/* The last error of a thread: what a function that returned FALSE, NULL or 0 says about why. Others leave it alone. */
#pragma once
#include "windef.h"

MANTLE_API DWORD GetLastError(void);
MANTLE_API void SetLastError(DWORD dwErrCode);
