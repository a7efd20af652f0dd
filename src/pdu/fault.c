/* SPDX-License-Identifier: Apache-2.0 */
/* Fault status codes and RPC status values. */
#include "pdu/fault.h"
#include <stddef.h>
#include "base/cleanup.h"

/* [MS-RPCE] 3.1.1.5.5; the rows that are "not mapped" there are not here. */
static const struct {
    uint32_t fault, status;
} fault_table[] = {
    {0x1c000001, 1767}, /* int_div_by_zero: RPC_S_ZERO_DIVIDE */
    {0x1c000002, 1768}, /* addr_error: RPC_S_ADDRESS_ERROR */
    {0x1c000003, 1769}, /* fp_div_zero */
    {0x1c000004, 1770}, /* fp_underflow */
    {0x1c000005, 1771}, /* fp_overflow */
    {0x1c000006, 1733}, /* invalid_tag */
    {0x1c000007, 1734}, /* invalid_bound */
    {0x1c000008, RPCST_PROTOCOL_ERROR},
    {0x1c000009, RPCST_CALL_FAILED},
    {0x1c00000a, RPCST_CALL_FAILED_DNE},
    {0x1c00000b, RPCST_CALL_FAILED},
    {0x1c00000c, RPCST_CALL_FAILED_DNE},
    {NCA_S_FAULT_CANCEL, RPCST_CALL_CANCELLED},
    {0x1c00000e, 1768}, /* ill_inst */
    {0x1c00000f, 1771}, /* fp_error */
    {0x1c000010, 1768}, /* int_overflow */
    {0x1c000012, RPCST_CALL_FAILED},
    {0x1c000014, 1918}, /* pipe_empty */
    {0x1c000015, 1916}, /* pipe_closed */
    {0x1c000016, 1831}, /* pipe_order */
    {0x1c000017, 1917}, /* pipe_discipline */
    {0x1c000018, RPCST_COMM_FAILURE},
    {0x1c000019, RPCST_OUT_OF_MEMORY},
    {NCA_S_FAULT_CONTEXT_MISMATCH, 1775}, /* RPC_X_SS_CONTEXT_MISMATCH */
    {0x1c00001b, 1130},                   /* remote_no_memory: RPC_S_SERVER_OUT_OF_MEMORY */
    {0x1c00001c, RPCST_PROTOCOL_ERROR},   /* invalid_pres_context_id */
    {0x1c00001d, RPCST_UNSUPPORTED_AUTHN_LEVEL},
    {0x1c00001f, RPCST_CALL_FAILED_DNE}, /* invalid_checksum */
    {0x1c000020, RPCST_CALL_FAILED_DNE}, /* invalid_crc */
    {0x1c010001, RPCST_COMM_FAILURE},
    {NCA_S_OP_RNG_ERROR, RPCST_PROCNUM_OUT_OF_RANGE},
    {NCA_S_UNK_IF, RPCST_UNKNOWN_IF},
    {0x1c010009, RPCST_CALL_FAILED}, /* you_crashed */
    {NCA_S_PROTO_ERROR, RPCST_PROTOCOL_ERROR},
    {NCA_S_OUT_ARGS_TOO_BIG, 1130},
    {NCA_S_SERVER_TOO_BUSY, RPCST_SERVER_TOO_BUSY},
    {NCA_S_UNSUPPORTED_TYPE, RPCST_UNSUPPORTED_TYPE},
};

uint32_t fault_to_status(uint32_t fault)
{
    /* A server must not send 0; Windows clients report a protocol error. [MS-RPCE] 3.3.3.5.1, note 113 */
    if (fault == 0) return RPCST_PROTOCOL_ERROR;
    for (size_t i = 0; i < ARRAY_SIZE(fault_table); i++) {
        if (fault_table[i].fault == fault) return fault_table[i].status;
    }
    return fault;
}

uint32_t fault_from_status(uint32_t status)
{
    switch (status) {
    case RPCST_OK: /* a fault that says "no error" would be read as success by old clients */
        return RPCST_INTERNAL_ERROR;
    case RPCST_PROTOCOL_ERROR:
        return NCA_S_PROTO_ERROR;
    case RPCST_UNKNOWN_IF:
        return NCA_S_UNK_IF;
    case RPCST_PROCNUM_OUT_OF_RANGE:
        return NCA_S_OP_RNG_ERROR;
    case RPCST_SERVER_TOO_BUSY:
        return NCA_S_SERVER_TOO_BUSY;
    case RPCST_UNSUPPORTED_TYPE:
        return NCA_S_UNSUPPORTED_TYPE;
    case RPCST_CALL_CANCELLED:
        return NCA_S_FAULT_CANCEL;
    default:
        return status;
    }
}
