/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections on UNIX sockets: who calls is what the kernel recorded when the process connected, and holds
 * for the connection's life. It is said once, in the bind; requests and answers carry no trailers, as nobody
 * is between the two ends.
 */
#include <errno.h>
#include <string.h>
#include "io/pool.h"
#include "rpc/local.h"
#include "rpc/server-private.h"
#include "sec/context-local.h"
#include "sec/local-token.h"

size_t server_peer_key(const RpcConnection *connection, uint8_t key[16])
{
    if (!connection->is_local) return io_address_key(&connection->remote, key);
    key[0] = 'u'; /* five bytes: no address has as many */
    memcpy(key + 1, &connection->process.uid, sizeof(connection->process.uid));
    return 1 + sizeof(connection->process.uid);
}

int server_read_first(RpcConnection *connection, void *buffer, size_t size, size_t *ret_size)
{
    int descriptor = -1;
    int r = io_read_descriptor(connection->handle.fd, buffer, size, ret_size, &descriptor);
    if (r || descriptor < 0) return r;
    if (connection->passed >= 0) { /* one identity, one descriptor */
        close(descriptor);
        return -EMSGSIZE;
    }
    connection->passed = descriptor;
    return 0;
}

void server_drop_descriptor(RpcConnection *connection)
{
    if (connection->passed >= 0) close(connection->passed);
    connection->passed = -1;
}

/* The process at the other end, as itself. The name service may take its time. */
static int process_token(const RpcConnection *connection, const RpcLocalLeg *leg, Token **ret_token)
{
    _cleanup_(freep) gid_t *groups = NULL;
    size_t count;
    int r = io_socket_groups(connection->handle.fd, &groups, &count);
    if (r < 0) return r;
    if (io_pool_block_begin(false)) return -EAGAIN;
    const LocalProcess process = {connection->process.uid, connection->process.gid, groups, count};
    r = token_new_local(&process, (TokenLevel)(leg->impersonation - 1), connection->server->machine,
                        ret_token);
    io_pool_block_end();
    return r;
}

int server_local_identity(RpcConnection *connection, SecurityRow *row, const PduTrailer *trailer)
{
    RpcLocalLeg leg;
    int r = rpc_local_leg_read(trailer->token, trailer->token_length, &leg);
    if (r < 0) return r;
    if (leg.passes) return -EPERM; /* nobody here can say what it is worth */
    r = process_token(connection, &leg, &row->token);
    if (r == 0) r = sec_context_new_local(INT64_MAX, &row->context);
    return r;
}

void server_local_answer(const SecurityRow *row, uint8_t *answer)
{
    Writer writer;
    writer_init_fixed(&writer, answer, RPC_LOCAL_LEG_SIZE);
    rpc_local_leg_write(&writer, &(RpcLocalLeg){.impersonation = (uint8_t)(token_level(row->token) + 1)});
}
