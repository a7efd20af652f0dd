/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RPC without COM: a server process of host a, and calls to it from this one, all of them at packet privacy
 * with Kerberos.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "io/address.h"
#include "rpc/client.h"
#include "tests/bench/measure.h"

#define RPC_SIDE_HOSTS 1000u

/* Operations of the server. */
enum {
    RPC_SIDE_ECHO, /* what came goes back */
    RPC_SIDE_FILL, /* as many bytes as the request's 32 bits say */
};

/* The server: one process that stands for RPC_SIDE_HOSTS hosts, each with an address of its own. */
typedef struct RpcSide {
    pid_t pid;
    IoAddress hosts[RPC_SIDE_HOSTS];
} RpcSide;
/* Forks it. To be called before this process has threads or an authority. */
void rpc_side_start(RpcSide *side);
extern const Guid rpc_side_interface;

/* The client's end of a conversation with the first host. */
typedef struct RpcPeer {
    RpcClient *client;
    RpcBinding *binding;
    RpcSecurity *security;
} RpcPeer;
RpcSecurity *rpc_side_security(Token *token, uint8_t impersonation);
/* The token stays the caller's. */
void rpc_peer_init(RpcPeer *peer, const RpcSide *side, Token *token);
void rpc_peer_deinit(RpcPeer *peer);
/* One call; the reply has `reply_length` bytes, or the program ends. */
void rpc_peer_call(RpcPeer *peer, uint16_t opnum, const void *stub, size_t length, size_t reply_length);
