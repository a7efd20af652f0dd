/* SPDX-License-Identifier: Apache-2.0 */
/* The border between RPC_STATUS and HRESULT. */
#pragma once
#include <wtypes.h>
#include "rpc/status.h"

/* HRESULTs travel in faults as they are; everything else becomes FACILITY_WIN32. RPCST_OK is S_OK. */
HRESULT orpc_result_from_status(RpcStatus status);
