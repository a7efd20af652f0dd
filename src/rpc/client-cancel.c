/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that somebody else ends: cancel, and orphaned when that does not help. [C706] 12.6.4.5, 12.6.4.8 */
#include <stdlib.h>
#include "base/time.h"
#include "rpc/client-private.h"

struct RpcCancel {
    RefCount refs;
    _Atomic uint64_t until; /* TIME_NEVER: nobody has asked */
};

RpcStatus rpc_cancel_new(RpcCancel **ret_cancel)
{
    RpcCancel *cancel = malloc(sizeof(*cancel));

    if (!cancel) return RPCST_OUT_OF_MEMORY;
    refcount_init(&cancel->refs);
    atomic_init(&cancel->until, TIME_NEVER);
    *ret_cancel = cancel;
    return RPCST_OK;
}

RpcCancel *rpc_cancel_ref(RpcCancel *cancel)
{
    refcount_ref(&cancel->refs);
    return cancel;
}

RpcCancel *rpc_cancel_unref(RpcCancel *cancel)
{
    if (cancel && refcount_unref(&cancel->refs)) free(cancel);
    return NULL;
}

void rpc_cancel(RpcCancel *cancel, uint64_t grace)
{
    uint64_t nobody = TIME_NEVER, until = time_after(grace);

    if (until == TIME_NEVER) until--;
    (void)atomic_compare_exchange_strong(&cancel->until, &nobody, until);
}

bool rpc_cancel_is_set(const RpcCancel *cancel)
{
    return atomic_load(&cancel->until) != TIME_NEVER;
}

/* A PDU without a body. What does not fit into the socket's buffer is not worth waiting for. */
static bool tell(RpcClientCall *call, PduType type)
{
    ClientConnection *connection = call->connection;

    writer_reset(&connection->out);
    connection->out_sent = 0;
    pdu_end(&connection->out,
            pdu_begin(&connection->out, type, PDU_FIRST_FRAG | PDU_LAST_FRAG, call->call_id));
    return writer_status(&connection->out) == 0 && client_connection_send(connection) == 0;
}

RpcStatus client_cancel_step(RpcClientCall *call)
{
    const uint64_t until = atomic_load(&call->cancel->until);

    if (until == TIME_NEVER) return RPCST_OK;
    if (!call->sent)
        return client_call_fail(call, RPCST_CALL_CANCELLED, "the call was cancelled before it was sent");
    if (call->state != CALL_RECEIVE_REPLY)
        return client_call_fail(call, RPCST_CALL_CANCELLED, "the call was cancelled while it was sent");
    if (!call->told) {
        call->told = true;
        if (!tell(call, PDU_CANCEL))
            return client_call_fail(call, RPCST_CALL_CANCELLED,
                                    "the call was cancelled, and the server could not be told");
    }
    if (time_monotonic() < until) return RPCST_OK;
    (void)tell(call, PDU_ORPHANED);
    return client_call_fail(call, RPCST_CALL_CANCELLED,
                            "the call was cancelled, and the server had not ended it in the time given");
}

uint64_t client_cancel_deadline(const RpcClientCall *call)
{
    const uint64_t until = atomic_load(&call->cancel->until), next = time_after(CLIENT_CANCEL_NS);

    return until < next ? until : next;
}
