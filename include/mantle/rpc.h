/* SPDX-License-Identifier: Apache-2.0 */
/* RPC's own words, as far as COM programs use them. */
#pragma once
#include "windows.h"

typedef void *RPC_IF_HANDLE;
typedef void *RPC_BINDING_HANDLE;
typedef RPC_BINDING_HANDLE handle_t;

/* Ends the current method with a fault that carries `code`. Callable only while a call is being made or
 * served on this thread, and no frame between may own anything: its cleanups do not run. Otherwise the
 * program is aborted. */
MANTLE_API DECLSPEC_NORETURN void RpcRaiseException(RPC_STATUS code);
