/* SPDX-License-Identifier: Apache-2.0 */
/* Status codes that travel in fault PDUs, and the RPC status values they stand for. */
#pragma once
#include <stdint.h>

/* [C706] appendix E, [MS-RPCE] 3.1.1.5.5 */
#define NCA_S_FAULT_CANCEL           0x1c00000du
#define NCA_S_FAULT_CONTEXT_MISMATCH 0x1c00001au
#define NCA_S_FAULT_REMOTE_NO_MEMORY 0x1c00001bu
#define NCA_S_OP_RNG_ERROR           0x1c010002u
#define NCA_S_UNK_IF                 0x1c010003u
#define NCA_S_PROTO_ERROR            0x1c01000bu
#define NCA_S_OUT_ARGS_TOO_BIG       0x1c010013u
#define NCA_S_SERVER_TOO_BUSY        0x1c010014u
#define NCA_S_UNSUPPORTED_TYPE       0x1c010017u

/* Win32 and RPC_STATUS values, which Windows also sends in faults as they are. [MS-ERREF] 2.2 */
#define RPCST_OK                      0u
#define RPCST_ACCESS_DENIED           5u
#define RPCST_OUT_OF_MEMORY           14u
#define RPCST_INVALID_PARAMETER       87u
#define RPCST_INVALID_BINDING         1702u
#define RPCST_PROTSEQ_NOT_SUPPORTED   1703u
#define RPCST_INVALID_NET_ADDR        1707u
#define RPCST_NO_CALL_ACTIVE          1725u
#define RPCST_UNKNOWN_IF              1717u
#define RPCST_OUT_OF_RESOURCES        1721u
#define RPCST_SERVER_UNAVAILABLE      1722u
#define RPCST_SERVER_TOO_BUSY         1723u
#define RPCST_CALL_FAILED             1726u
#define RPCST_CALL_FAILED_DNE         1727u /* did not execute: the call may be repeated */
#define RPCST_PROTOCOL_ERROR          1728u
#define RPCST_UNSUPPORTED_TRANS_SYN   1730u
#define RPCST_UNSUPPORTED_TYPE        1732u
#define RPCST_INVALID_BOUND           1734u
#define RPCST_PROCNUM_OUT_OF_RANGE    1745u
#define RPCST_UNKNOWN_AUTHN_SERVICE   1747u
#define RPCST_UNKNOWN_AUTHN_LEVEL     1748u
#define RPCST_INTERNAL_ERROR          1766u
#define RPCST_BAD_STUB_DATA           1783u
#define RPCST_CALL_CANCELLED          1818u
#define RPCST_COMM_FAILURE            1820u
#define RPCST_UNSUPPORTED_AUTHN_LEVEL 1821u
#define RPCST_NO_PRINC_NAME           1822u
#define RPCST_SEC_PKG_ERROR           1825u

/* What a fault's status means to the caller: NCA codes become RPC_STATUS, everything else is itself. */
uint32_t fault_to_status(uint32_t fault);
/* What the server puts on the wire for an RPC_STATUS it returns. */
uint32_t fault_from_status(uint32_t status);
