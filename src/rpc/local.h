/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a caller says who it is on a UNIX socket (ncalrpc): an authentication service of our own, whose token
 * is not a proof but the order to look at the proof that the kernel has: who the process at the other end is,
 * or the descriptor that came with the bind. One leg and one answer, both of this form:
 *
 *     "MNTL", version 1, impersonation level (RPC_C_IMP_LEVEL_*), how, 0
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/writer.h"

#define RPC_AUTHN_LOCAL    0xF0u /* auth_type; given to nobody else */
#define RPC_LOCAL_LEG_SIZE 8u

typedef struct RpcLocalLeg {
    uint8_t impersonation; /* asked for; in the answer: as the server took it */
    bool passes;           /* the identity is the descriptor's; else it is the process's */
} RpcLocalLeg;

void rpc_local_leg_write(Writer *writer, const RpcLocalLeg *leg);
/* 0, -EBADMSG. */
int rpc_local_leg_read(const uint8_t *token, size_t length, RpcLocalLeg *ret_leg) must_use;
