/* SPDX-License-Identifier: Apache-2.0 */
#include "orpc/status.h"
#include <winerror.h>

HRESULT orpc_result_from_status(RpcStatus status)
{
    if (status & 0x80000000u) return (HRESULT)status;
    switch (status) {
    case RPCST_OK:
        return S_OK;
    case RPCST_OUT_OF_MEMORY:
        return E_OUTOFMEMORY;
    }
    if (status > 0xffffu) return HRESULT_FROM_WIN32(RPCST_CALL_FAILED); /* an NCA code nobody could name */
    return HRESULT_FROM_WIN32(status);
}
