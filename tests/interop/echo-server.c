/* SPDX-License-Identifier: Apache-2.0 */
/* echo-server ADDRESS KEYTAB [USERS [winbind]]: Samba's rpcecho, an interface that its clients know, on
 * Mantle's RPC and Kerberos (KEYTAB -: not), and with a file of users (-: none) or winbindd also NTLM. Prints
 * its port, then a line for each call of AddOne: who called, at which authentication level, and, of whom
 * winbindd verified, the SIDs. Ends with its standard input. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "io/loop.h"
#include "io/pool.h"
#include "rpc/server.h"
#include "sec/authority.h"
#include "sec/token.h"

static const Guid rpcecho = {0x60a15ec5, 0x4de8, 0x11d7, {0xa6, 0x37, 0x00, 0x50, 0x56, 0xa2, 0x01, 0x82}};

static bool tells_sids;

static void tell_sids(const Token *token)
{
    char text[SID_STRING_SIZE];
    size_t count;

    sid_format(token_user(token), text);
    printf(" %s", text);
    const Sid *groups = token_groups(token, &count);
    for (size_t i = 0; i < count; i++) {
        sid_format(&groups[i], text);
        printf(" %s", text);
    }
}

/* void AddOne([in] uint32 in_data, [out] uint32 *out_data) */
static RpcStatus add_one(RpcCall *call, void *data)
{
    uint32_t value = reader_u32(&call->in);

    if (call->in.failed) return RPCST_BAD_STUB_DATA;
    writer_u32(&call->out, value + 1);
    printf("%s %u", call->token ? token_principal(call->token) : "nobody", call->authn_level);
    if (tells_sids && call->token) tell_sids(call->token);
    printf("\n");
    return fflush(stdout) == 0 ? RPCST_OK : RPCST_CALL_FAILED;
}

/* [in] uint32 len, [in, size_is(len)] uint8 data[]: the bytes, NULL when they are not what was announced. */
static const uint8_t *read_array(RpcCall *call, uint32_t *ret_length)
{
    *ret_length = reader_u32(&call->in);
    if (reader_u32(&call->in) != *ret_length) reader_fail(&call->in);
    return reader_bytes(&call->in, *ret_length);
}

/* void EchoData(len, in_data, [out, size_is(len)] uint8 out_data[]) */
static RpcStatus echo_data(RpcCall *call, void *data)
{
    uint32_t length;
    const uint8_t *bytes = read_array(call, &length);

    if (call->in.failed) return RPCST_BAD_STUB_DATA;
    writer_u32(&call->out, length);
    writer_bytes(&call->out, bytes, length);
    return RPCST_OK;
}

/* void SinkData(len, data) */
static RpcStatus sink_data(RpcCall *call, void *data)
{
    uint32_t length;

    (void)read_array(call, &length);
    return call->in.failed ? RPCST_BAD_STUB_DATA : RPCST_OK;
}

/* void SourceData([in] uint32 len, [out, size_is(len)] uint8 data[]): each byte is its own number */
static RpcStatus source_data(RpcCall *call, void *data)
{
    uint32_t length = reader_u32(&call->in);

    if (call->in.failed) return RPCST_BAD_STUB_DATA;
    writer_u32(&call->out, length);
    for (uint32_t i = 0; i < length && writer_status(&call->out) == 0; i++)
        writer_u8(&call->out, (uint8_t)i);
    return RPCST_OK;
}

static const RpcOperation operations[] = {{add_one, 0}, {echo_data, 0}, {sink_data, 0}, {source_data, 0}};
static RpcInterface echo_interface = {
    .major = 1, .operations = operations, .operation_count = ARRAY_SIZE(operations)};

/* "-" and nothing are none. */
static const char *given(const char *argument)
{
    return argument && strcmp(argument, "-") != 0 ? argument : NULL;
}

static Authority *open_authority(const char *keytab, const char *users)
{
    const AuthorityOptions options = {.krb5_config = getenv("KRB5_CONFIG"),
                                      .acceptor_keytab = given(keytab),
                                      .ntlm = users != NULL,
                                      .ntlm_users = given(users),
                                      .ntlm_winbind = tells_sids};
    SecFailure failure = {0};
    Authority *authority = NULL;

    if (authority_new_linked(&options, &authority, &failure) != 0)
        fprintf(stderr, "echo-server: %s\n", failure.sentence);
    return authority;
}

static int serve(RpcServer *server, const char *address)
{
    IoAddress where;
    uint16_t port;
    char byte;

    if (rpc_server_register(server, &echo_interface) != RPCST_OK ||
        io_address_parse(address, 0, &where) < 0 || rpc_server_listen(server, &where, 0, &port) < 0)
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
    int status = 1;

    if (argc < 3 || argc > 5) return 1;
    tells_sids = argc == 5;
    Authority *authority = open_authority(argv[2], argv[3]);
    echo_interface.uuid = rpcecho;
    if (authority && io_loop_new(&loop) == 0 && io_pool_new(loop, 2, 8, &pool) == 0 &&
        rpc_server_new(&(RpcServerOptions){.loop = loop, .authority = authority}, &server) == RPCST_OK)
        status = serve(server, argv[1]);
    server = rpc_server_free(server);
    pool = io_pool_free(pool);
    loop = io_loop_free(loop);
    authority_unref(authority);
    return status;
}
