/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/peer.h"
#include "sec/token.h"

RpcPeer rpc_peer_of(const RpcCall *call)
{
    RpcPeer peer = {0};
    if (call->token) {
        Writer writer;
        writer_init_fixed(&writer, peer.bytes + 1, sizeof(peer.bytes) - 1);
        sid_write(&writer, token_user(call->token));
        peer.bytes[0] = 'S';
        peer.length = 1 + writer.length;
    } else if (call->is_local) {
        peer.bytes[0] = 'U';
        memcpy(peer.bytes + 1, &call->uid, sizeof(call->uid));
        peer.length = 1 + sizeof(call->uid);
    } else {
        uint8_t address[16];
        size_t length = io_address_key(call->remote, address);
        peer.bytes[0] = 'A';
        memcpy(peer.bytes + 1, address, length);
        peer.length = 1 + length;
    }
    return peer;
}

bool rpc_peer_equal(const RpcPeer *a, const RpcPeer *b)
{
    return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}
