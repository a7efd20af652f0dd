/* SPDX-License-Identifier: Apache-2.0 */
/* What the client's unit tests share: a scripted peer, a client, two identities. */
#pragma once
#include "rpc/test-scripted.h"

#define KERBEROS  16
#define CONNECT   2
#define CALL      3
#define PACKET    4
#define INTEGRITY 5
#define PRIVACY   6

extern const Guid some_interface, other_interface;

/* Everything a test needs; made and released by hand so that a leak is a test's own. */
typedef struct Bench {
    Peer *peer;
    RpcClient *client;
    RpcBinding *binding;
    Token *alice, *bob;
} Bench;

Bench bench_new(const PeerOptions *options, const RpcClientOptions *client_options);
void bench_free(Bench *bench);
RpcBinding *binding_to(RpcClient *client, const IoAddress *address);
RpcSecurity *security_of(Token *token, uint8_t level);
Token *token_of(const char *principal);
/* With a deadline of 20 seconds. */
RpcClientCall *call_new(Bench *bench, RpcSecurity *security, uint16_t opnum, const void *stub, size_t length);
