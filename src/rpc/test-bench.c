/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/test-bench.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

const Guid some_interface = {0x12345678, 1, 2, {3, 4, 5}};
const Guid other_interface = {0x87654321, 1, 2, {3, 4, 5}};

Token *token_of(const char *principal)
{
    const TokenSpec spec = {.kind = TOKEN_KIND_PRIMARY,
                            .level = TOKEN_LEVEL_DELEGATION,
                            .principal = principal,
                            .expires = INT64_MAX};
    Token *token = NULL;
    assert_int_equal(token_new(&spec, &token), 0);
    return token;
}

RpcBinding *binding_to(RpcClient *client, const IoAddress *address)
{
    RpcBinding *binding = NULL;
    assert_int_equal(rpc_binding_new(client, &(RpcEndpoint){.address = address}, 1, &binding), RPCST_OK);
    return binding;
}

Bench bench_new(const PeerOptions *options, const RpcClientOptions *client_options)
{
    Bench bench = {
        .peer = peer_new(options, 1), .alice = token_of("alice@LAB.TEST"), .bob = token_of("bob@LAB.TEST")};

    peer_package = (PeerPackage){0};
    assert_int_equal(rpc_client_new(client_options, &bench.client), RPCST_OK);
    bench.client->initiator = &peer_initiator_ops;
    bench.binding = binding_to(bench.client, peer_address(bench.peer, 0));
    return bench;
}

void bench_free(Bench *bench)
{
    bench->binding = rpc_binding_unref(bench->binding);
    bench->client = rpc_client_unref(bench->client);
    bench->alice = token_unref(bench->alice);
    bench->bob = token_unref(bench->bob);
    bench->peer = peer_free(bench->peer);
}

RpcSecurity *security_of(Token *token, uint8_t level)
{
    const RpcSecuritySpec spec = {.token = token,
                                  .authn_service = KERBEROS,
                                  .authn_level = level,
                                  .impersonation = 3,
                                  .target = "host/a.lab.test"};
    RpcSecurity *security = NULL;
    assert_int_equal(rpc_security_new(&spec, &security), RPCST_OK);
    return security;
}

RpcClientCall *call_new(Bench *bench, RpcSecurity *security, uint16_t opnum, const void *stub, size_t length)
{
    const RpcClientCallSpec spec = {.binding = bench->binding,
                                    .security = security,
                                    .iid = some_interface,
                                    .opnum = opnum,
                                    .stub = stub,
                                    .stub_length = length,
                                    .deadline = time_after(20 * NS_PER_SECOND)};
    RpcClientCall *call = NULL;
    assert_int_equal(rpc_client_call_new(&spec, &call), RPCST_OK);
    return call;
}
