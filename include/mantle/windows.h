/* SPDX-License-Identifier: Apache-2.0 */
/* What programs written for Windows include first: the base types, error codes, handles, tokens and logon. */
#pragma once
#include "windef.h"
#include "guiddef.h"
#include "winerror.h"
#include "winnt.h"
#include "winbase.h"
#include "sddl.h"
