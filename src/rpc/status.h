/* SPDX-License-Identifier: Apache-2.0 */
/* RPC_STATUS, the dialect of this folder (values: pdu/fault.h, same as <rpcnterr.h>), and its one border. */
#pragma once
#include <stdint.h>
#include "pdu/fault.h"

typedef uint32_t RpcStatus;

/* What -errno of base, io, pdu or sec means to a caller of rpc. 0 is RPCST_OK. */
RpcStatus rpc_status_from_errno(int error);
