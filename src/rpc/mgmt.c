/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/mgmt.h"
#include <stdlib.h>
#include "rpc/mgmt-message.h"
#include "rpc/server-private.h"

#define AUTHN_NEGOTIATE 9u /* RPC_C_AUTHN_* */
#define AUTHN_KERBEROS  16u
#define ERROR_NO_ROOM   122u /* ERROR_INSUFFICIENT_BUFFER */

/* What was registered with this server, itself not counted. */
static RpcStatus method_if_ids(RpcCall *call, void *data)
{
    const RpcServer *server = data;
    uint32_t count = 0;
    size_t slots = server->interface_count + server->objects.listed_count + 1;
    _cleanup_(freep) PduSyntax *found = calloc(slots, sizeof(*found));
    if (!found) return RPCST_OUT_OF_MEMORY;
    for (size_t i = 0; i < server->interface_count; i++) {
        const RpcInterface *row = server->interfaces[i];
        if (row != &server->mgmt) found[count++] = (PduSyntax){row->uuid, row->major, row->minor};
    }
    for (size_t i = 0; i < server->objects.listed_count; i++)
        found[count++] = (PduSyntax){*server->objects.listed[i], 0, 0};
    mgmt_if_ids_write(&call->out, found, count, RPCST_OK);
    return RPCST_OK;
}

/* Calls out are of clients; a server makes none. */
static RpcStatus method_stats(RpcCall *call, void *data)
{
    uint32_t asked = mgmt_stats_in_read(&call->in);
    if (reader_status(&call->in) < 0) return RPCST_BAD_STUB_DATA;
    RpcServerState state = rpc_server_state(data);
    const uint32_t statistics[MGMT_STATS] = {(uint32_t)state.calls_in, 0, (uint32_t)state.packets_in,
                                             (uint32_t)state.packets_out};
    mgmt_stats_write(&call->out, statistics, asked < MGMT_STATS ? asked : MGMT_STATS, RPCST_OK);
    return RPCST_OK;
}

/* Whoever gets an answer is right to think so. */
static RpcStatus method_is_listening(RpcCall *call, void *data)
{
    (void)data;
    mgmt_listening_write(&call->out, RPCST_OK, true);
    return RPCST_OK;
}

static RpcStatus method_stop(RpcCall *call, void *data)
{
    (void)data;
    writer_u32(&call->out, RPCST_ACCESS_DENIED);
    return RPCST_OK;
}

static RpcStatus method_principal(RpcCall *call, void *data)
{
    const RpcServer *server = data;
    MgmtPrincipalIn in;
    mgmt_principal_in_read(&call->in, &in);
    if (reader_status(&call->in) < 0) return RPCST_BAD_STUB_DATA;
    const char *name = server->principal;
    uint32_t status = RPCST_OK;
    if (in.authn_service != AUTHN_NEGOTIATE && in.authn_service != AUTHN_KERBEROS)
        status = RPCST_UNKNOWN_AUTHN_SERVICE;
    else if (!name)
        status = RPCST_NO_PRINC_NAME;
    else if (strlen(name) >= in.size)
        status = ERROR_NO_ROOM;
    mgmt_principal_write(&call->out, in.size, status == RPCST_OK ? name : "", status);
    return RPCST_OK;
}

static const RpcOperation operations[] = {
    [OP_MGMT_INQ_IF_IDS] = {method_if_ids, 0},
    [OP_MGMT_INQ_STATS] = {method_stats, 0},
    [OP_MGMT_IS_SERVER_LISTENING] = {method_is_listening, 0},
    [OP_MGMT_STOP_SERVER_LISTENING] = {method_stop, 0},
    [OP_MGMT_INQ_PRINC_NAME] = {method_principal, 0},
};

void mgmt_interface_init(RpcInterface *row, RpcServer *server)
{
    *row = (RpcInterface){.uuid = IID_MGMT,
                          .major = MGMT_MAJOR,
                          .operations = operations,
                          .operation_count = ARRAY_SIZE(operations),
                          .data = server};
}
