/* SPDX-License-Identifier: Apache-2.0 */
/* The border between the error dialects: -errno becomes RPC_STATUS here and nowhere else. */
#include "rpc/status.h"
#include <errno.h>

RpcStatus rpc_status_from_errno(int error)
{
    switch (error < 0 ? -error : error) {
    case 0:
        return RPCST_OK;
    case ENOMEM:
        return RPCST_OUT_OF_MEMORY;
    case EACCES:
    case EPERM:
        return RPCST_ACCESS_DENIED;
    case EINVAL:
        return RPCST_INVALID_PARAMETER;
    case EBADMSG:
    case EPROTO:
        return RPCST_PROTOCOL_ERROR;
    case E2BIG:
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOSPC:
    case EAGAIN:
        return RPCST_OUT_OF_RESOURCES;
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
    case ETIMEDOUT:
    case EADDRNOTAVAIL:
    case ENOENT: /* no such host */
    case EREMOTEIO:
        return RPCST_SERVER_UNAVAILABLE;
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
    case ENOTCONN:
        return RPCST_CALL_FAILED;
    case ECANCELED:
        return RPCST_CALL_CANCELLED;
    default:
        return RPCST_INTERNAL_ERROR;
    }
}
