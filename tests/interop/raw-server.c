/* SPDX-License-Identifier: Apache-2.0 */
/* raw-server ADDRESS KEYTAB USERS: a server on port 135 for Samba's raw_protocol tests: Mantle's endpoint
 * mapper and mgmt, and of netlogon the one operation that they call with long arguments. Prints its port;
 * ends with its standard input. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "io/loop.h"
#include "io/pool.h"
#include "rpc/endpoint-mapper.h"
#include "rpc/server.h"
#include "sec/authority.h"

#define PORT    135
#define ENTRIES 8

static const PduSyntax netlogon = {
    {0x12345678, 0x1234, 0xabcd, {0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0xcf, 0xfb}}, 1, 0};

/* NetrServerReqChallenge: the answer is eight bytes and a status, whoever asks. */
static RpcStatus req_challenge(RpcCall *call, void *data)
{
    writer_fill(&call->out, 7, 8);
    writer_u32(&call->out, 0);
    return RPCST_OK;
}

static const RpcOperation operations[] = {{NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, {req_challenge, 0}};
static RpcInterface netlogon_row = {.operations = operations, .operation_count = ARRAY_SIZE(operations)};

static Authority *open_authority(const char *keytab, const char *users)
{
    const AuthorityOptions options = {
        .krb5_config = getenv("KRB5_CONFIG"), .acceptor_keytab = keytab, .ntlm = true, .ntlm_users = users};
    SecFailure failure = {0};
    Authority *authority = NULL;

    if (authority_new_linked(&options, &authority, &failure) != 0)
        fprintf(stderr, "raw-server: %s\n", failure.sentence);
    return authority;
}

static int serve(RpcServer *server, EndpointMapper *mapper, const char *address)
{
    EndpointEntry entry = {.iface = netlogon, .port = PORT, .annotation = "netlogon"};
    IoAddress where;
    uint16_t port;
    char byte;

    netlogon_row.uuid = netlogon.uuid;
    netlogon_row.major = netlogon.major;
    /* Of several objects, so that a search has something to go on with. */
    for (; entry.object.data1 < ENTRIES; entry.object.data1++)
        if (endpoint_mapper_add(mapper, 1, &entry) != RPCST_OK) return 1;
    if (rpc_server_register(server, endpoint_mapper_interface(mapper)) != RPCST_OK ||
        rpc_server_register(server, &netlogon_row) != RPCST_OK || io_address_parse(address, 0, &where) < 0 ||
        rpc_server_listen(server, &where, PORT, &port) < 0)
        return 1;
    printf("%u\n", port);
    if (fflush(stdout) != 0) return 1;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    return 0;
}

int main(int argc, char **argv)
{
    IoLoop *loop = NULL;
    IoPool *pool = NULL;
    RpcServer *server = NULL;
    EndpointMapper *mapper = NULL;
    Authority *authority = argc == 4 ? open_authority(argv[2], argv[3]) : NULL;
    /* The tests send the longest request there is before they authenticate. */
    RpcServerOptions options = {.authority = authority, .preauth_bytes = RPC_REQUEST_BYTES};
    int status = 1;

    if (authority && io_loop_new(&loop) == 0 && io_pool_new(loop, 2, 8, &pool) == 0 &&
        endpoint_mapper_new(&mapper) == RPCST_OK) {
        options.loop = loop;
        if (rpc_server_new(&options, &server) == RPCST_OK) status = serve(server, mapper, argv[1]);
    }
    server = rpc_server_free(server);
    mapper = endpoint_mapper_free(mapper);
    pool = io_pool_free(pool);
    loop = io_loop_free(loop);
    authority_unref(authority);
    return status;
}
