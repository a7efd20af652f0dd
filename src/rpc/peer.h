/* SPDX-License-Identifier: Apache-2.0 */
/* Who a caller is for what is kept for it between its calls: the user wherever it calls from, or the address
 * of a caller that did not authenticate. */
#pragma once
#include "rpc/server.h"

#define RPC_PEER_SIZE 96u /* a kind byte and a binary SID, or an address as io_address_key() has it */

typedef struct RpcPeer {
    size_t length;
    uint8_t bytes[RPC_PEER_SIZE];
} RpcPeer;

RpcPeer rpc_peer_of(const RpcCall *call);
bool rpc_peer_equal(const RpcPeer *a, const RpcPeer *b);
