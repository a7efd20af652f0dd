/* SPDX-License-Identifier: Apache-2.0 */
/* What programs written for Windows include first: the base types and error codes. */
#pragma once
#include "windef.h"
#include "guiddef.h"
#include "winerror.h"
