/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binding: one bind per connection, then alter_context for every further interface, security context and leg
 * of one. Kerberos and SPNEGO have an even number of legs, so their last client token goes in alter_context
 * ([MS-RPCE] 3.3.1.5.2.1, note 98); NTLM has three, and its last goes in rpc_auth_3, which is not answered.
 */
#include <errno.h>
#include "rpc/client-private.h"

#define LEAST_FRAGMENT PDU_FRAGMENT_MIN

static void put_token(RpcClientCall *call, size_t start)
{
    PduTrailer trailer = {.type = call->security->service, .level = call->security->level};

    trailer.token = client_initiator(call)->output(call->initiator, &trailer.token_length);
    if (!call->context_id) call->context_id = ++call->connection->last_context_id;
    trailer.context_id = call->context_id;
    (void)pdu_put_trailer(&call->connection->out, start, &trailer, 4);
}

static void put_contexts(RpcClientCall *call, bool binds)
{
    const PduSyntax features = pdu_syntax_from_features(PDU_FEATURE_SECURITY_MULTIPLEX);
    Writer *out = &call->connection->out;

    /* [MS-RPCE] 3.3.1.5.3: the features are asked for as one more transfer syntax of the same interface. */
    pdu_put_bind(out, CLIENT_FRAGMENT, CLIENT_FRAGMENT, call->group, binds ? 2 : 1);
    pdu_put_context(out, call->presentation_id, &call->interface_id, &pdu_syntax_ndr, 1);
    if (binds) pdu_put_context(out, (uint16_t)(call->presentation_id + 1), &call->interface_id, &features, 1);
}

static RpcStatus composed(RpcClientCall *call, size_t start)
{
    Writer *out = &call->connection->out;

    pdu_end(out, start);
    const int r = writer_status(out);
    if (r == -E2BIG)
        return client_call_fail(call, RPCST_SEC_PKG_ERROR,
                                "the security token does not fit into a PDU of %u bytes", PDU_FRAGMENT_MAX);
    return r < 0 ? client_call_fail(call, RPCST_OUT_OF_MEMORY, "out of memory") : RPCST_OK;
}

/* It goes on with the call_id of the PDU whose answer it follows. */
static RpcStatus compose_auth3(RpcClientCall *call)
{
    Writer *out = &call->connection->out;

    writer_reset(out);
    call->connection->out_sent = 0;
    const size_t start = pdu_begin(out, PDU_AUTH3, PDU_FIRST_FRAG | PDU_LAST_FRAG, call->call_id);
    pdu_put_auth3(out);
    put_token(call, start);
    return composed(call, start);
}

bool client_bind_is_last(const RpcClientCall *call)
{
    return call->initiator && client_initiator(call)->is_done(call->initiator) &&
           !client_initiator(call)->wants_reply(call->initiator);
}

RpcStatus client_bind_compose(RpcClientCall *call)
{
    ClientConnection *connection = call->connection;
    const bool binds = !connection->bound;
    uint8_t flags = PDU_FIRST_FRAG | PDU_LAST_FRAG;

    if (client_bind_is_last(call)) return compose_auth3(call);
    if (!call->has_presentation) {
        if (connection->presentation_count >= RPC_CLIENT_PRESENTATION_MAX)
            return client_call_fail(call, RPCST_OUT_OF_RESOURCES,
                                    "one connection cannot carry more than %u interfaces",
                                    RPC_CLIENT_PRESENTATION_MAX);
        call->presentation_id = connection->next_presentation;
        connection->next_presentation = (uint16_t)(connection->next_presentation + (binds ? 2 : 1));
    }
    if (binds) {
        pthread_mutex_lock(&connection->association->lock);
        call->group = connection->association->group;
        pthread_mutex_unlock(&connection->association->lock);
    }
    if (call->security && !rpc_security_is_local(call->security) && (binds || connection->sign_header))
        flags |= PDU_HEADER_SIGN;
    call->call_id = ++connection->last_call_id;
    writer_reset(&connection->out);
    connection->out_sent = 0;
    size_t start = pdu_begin(&connection->out, binds ? PDU_BIND : PDU_ALTER_CONTEXT, flags, call->call_id);
    put_contexts(call, binds);
    if (call->initiator) put_token(call, start);
    if (call->initiator && rpc_security_is_local(call->security))
        connection->passing = client_local_descriptor(call->initiator);
    return composed(call, start);
}

static RpcStatus answer_nak(RpcClientCall *call, const Pdu *pdu)
{
    Association *association = call->connection->association;

    switch (pdu->nak.reason) {
    case PDU_NAK_AUTH_TYPE:
        return client_call_fail(call, RPCST_UNKNOWN_AUTHN_SERVICE,
                                "the server does not know the authentication service %u",
                                call->security ? call->security->service : 0);
    case PDU_NAK_CHECKSUM:
        return client_call_fail(call, RPCST_SEC_PKG_ERROR,
                                "the server did not accept the security token, which was of %s",
                                client_choice_of(call));
    case PDU_NAK_CONGESTION:
    case PDU_NAK_LIMIT:
        return client_call_fail(call, RPCST_SERVER_TOO_BUSY,
                                "the server takes no more connections at the moment");
    default:
        break;
    }
    if (call->group && !call->replaced) { /* its other connections ended meanwhile, and the group with them */
        pthread_mutex_lock(&association->lock);
        if (association->group == call->group) association->group = 0;
        pthread_mutex_unlock(&association->lock);
        return CLIENT_RETRY;
    }
    return client_call_fail(call, RPCST_PROTOCOL_ERROR, "the server refused to bind, reason %u",
                            pdu->nak.reason);
}

static RpcStatus refused_interface(RpcClientCall *call, const PduResult *result)
{
    char interface_id[GUID_STRING_SIZE];

    guid_format(&call->interface_id.uuid, interface_id);
    if (result->result == PDU_RESULT_PROVIDER && result->reason == PDU_REASON_TRANSFER)
        return client_call_fail(call, RPCST_UNSUPPORTED_TRANS_SYN,
                                "the server does not speak NDR 2.0 for interface %s", interface_id);
    if (result->result == PDU_RESULT_PROVIDER && result->reason == PDU_REASON_LIMIT)
        return client_call_fail(call, RPCST_OUT_OF_RESOURCES,
                                "the server binds no more interfaces on this connection");
    return client_call_fail(call, RPCST_UNKNOWN_IF, "the server does not have interface %s version %u.%u",
                            interface_id, call->interface_id.major, call->interface_id.minor);
}

/* The first result is the interface's, the second the features'. */
static RpcStatus answer_results(RpcClientCall *call, const Pdu *pdu, bool binds)
{
    ClientConnection *connection = call->connection;
    PduList list;
    PduResult result;

    pdu_list_init(&list, &pdu->bind);
    if (!pdu_result_next(&list, &result))
        return call->has_presentation
                   ? RPCST_OK
                   : client_call_fail(call, RPCST_PROTOCOL_ERROR, "the server bound nothing");
    if (!call->has_presentation) {
        if (result.result != PDU_RESULT_ACCEPTED || !pdu_syntax_equal(&result.transfer, &pdu_syntax_ndr))
            return refused_interface(call, &result);
        if (client_connection_bound(connection, &call->interface_id, call->presentation_id) < 0)
            return client_call_fail(call, RPCST_OUT_OF_MEMORY, "out of memory");
        call->has_presentation = true;
    }
    if (binds && pdu_result_next(&list, &result) && result.result == PDU_RESULT_FEATURES)
        connection->multiplex = result.reason & PDU_FEATURE_SECURITY_MULTIPLEX;
    return RPCST_OK;
}

/* What a bind_ack says about the connection as a whole. */
static RpcStatus answer_connection(RpcClientCall *call, const Pdu *pdu)
{
    ClientConnection *connection = call->connection;
    Association *association = connection->association;

    if (pdu->bind.max_recv < LEAST_FRAGMENT)
        return client_call_fail(call, RPCST_PROTOCOL_ERROR, "the server takes fragments of %u bytes only",
                                pdu->bind.max_recv);
    connection->bound = true;
    connection->fragment_max = pdu->bind.max_recv < CLIENT_FRAGMENT ? pdu->bind.max_recv : CLIENT_FRAGMENT;
    connection->sign_header = call->security && pdu->header.flags & PDU_HEADER_SIGN;
    if (call->security && call->security->level >= LEVEL_PACKET && !connection->sign_header &&
        !rpc_security_is_local(call->security) && !association->client->options.allow_unsigned_headers)
        return client_call_fail(
            call, RPCST_SEC_PKG_ERROR,
            "the server does not sign headers, so whoever is on the wire could change the call");
    pthread_mutex_lock(&association->lock);
    if (!association->group) association->group = pdu->bind.group;
    pthread_mutex_unlock(&association->lock);
    return RPCST_OK;
}

static RpcStatus answer_token(RpcClientCall *call, const Pdu *pdu)
{
    const PduTrailer *trailer = &pdu->trailer;

    if (client_initiator(call)->is_done(call->initiator))
        return RPCST_OK; /* whatever it says: the context stands. GSS-1 */
    if (!trailer->token)
        return client_call_fail(call, RPCST_UNKNOWN_AUTHN_SERVICE,
                                "the server did not answer the authentication");
    if (trailer->type != call->security->service || trailer->level != call->security->level ||
        trailer->context_id != call->context_id)
        return client_call_fail(call, RPCST_SEC_PKG_ERROR, "the server answered another authentication");
    int r = client_initiator(call)->input(call->initiator, trailer->token, trailer->token_length);
    if (r < 0)
        return client_call_fail(call, rpc_status_from_errno(r),
                                "the server sent a security token out of turn");
    return RPCST_OK;
}

static RpcStatus answer_fault(RpcClientCall *call, const Pdu *pdu)
{
    call->fault = true;
    const RpcStatus status = fault_to_status(pdu->call.status);
    if (call->initiator)
        return client_call_fail(call, status, "the server refused the authentication by %s: status 0x%08X",
                                client_choice_of(call), status);
    return client_call_fail(call, status, "the server refused to bind: status 0x%08X", status);
}

RpcStatus client_bind_answer(RpcClientCall *call, uint8_t *data, size_t length)
{
    const bool binds = !call->connection->bound;
    Pdu pdu;

    if (pdu_parse(data, length, &pdu) != 0)
        return client_call_fail(call, RPCST_PROTOCOL_ERROR, "the server sent a malformed PDU");
    if (pdu.header.type == PDU_SHUTDOWN) {
        call->connection->broken = true;
        return RPCST_PENDING;
    }
    if (pdu.header.call_id != call->call_id)
        return client_call_fail(call, RPCST_PROTOCOL_ERROR, "the server answered another call");
    if (pdu.header.type == PDU_FAULT) return answer_fault(call, &pdu);
    if (binds && pdu.header.type == PDU_BIND_NAK) return answer_nak(call, &pdu);
    if (pdu.header.type != (binds ? PDU_BIND_ACK : PDU_ALTER_CONTEXT_RESP))
        return client_call_fail(call, RPCST_PROTOCOL_ERROR, "the server answered a bind with PDU type %u",
                                pdu.header.type);
    RpcStatus status = binds ? answer_connection(call, &pdu) : RPCST_OK;
    if (status == RPCST_OK) status = answer_results(call, &pdu, binds);
    if (status == RPCST_OK && call->initiator) status = answer_token(call, &pdu);
    return status;
}
