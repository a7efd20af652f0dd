/* SPDX-License-Identifier: Apache-2.0 */
/* Included before the plain stubs of plain-oracle.c: their transport is in memory. */
#pragma once
#include "widl.h"

unsigned char *WINAPI oracle_get_buffer(MIDL_STUB_MESSAGE *message, ULONG length, RPC_BINDING_HANDLE handle);
unsigned char *WINAPI oracle_send_receive(MIDL_STUB_MESSAGE *message, unsigned char *end);
void WINAPI oracle_free_buffer(MIDL_STUB_MESSAGE *message);
RPC_STATUS WINAPI oracle_reply_buffer(RPC_MESSAGE *message);
#define NdrGetBuffer   oracle_get_buffer
#define NdrSendReceive oracle_send_receive
#define NdrFreeBuffer  oracle_free_buffer
#define I_RpcGetBuffer oracle_reply_buffer
