/* SPDX-License-Identifier: Apache-2.0 */
/* Requests out, responses and faults in: fragments, protected and checked. */
#include <errno.h>
#include <string.h>
#include "pdu/verification.h"
#include "rpc/client-private.h"

#define SEC_E_CONTEXT_EXPIRED 0x80090317u

/* Out */

static RpcStatus protect_failed(RpcClientCall *call, int error)
{
    if (error == -EKEYEXPIRED)
        return client_call_fail(call, SEC_E_CONTEXT_EXPIRED,
                                "the security context expired before the call was sent");
    return client_call_fail(call, RPCST_SEC_PKG_ERROR, "the request could not be signed or sealed");
}

static SecMessage message_of(const ClientConnection *connection, uint8_t *pdu, const PduSeal *seal)
{
    return (SecMessage){.header = pdu,
                        .header_length = seal->stub,
                        .stub = pdu + seal->stub,
                        .stub_length = seal->stub_length,
                        .trailer = pdu + seal->trailer,
                        .token = pdu + seal->token,
                        .token_length = seal->token_length,
                        .sign_header = connection->sign_header};
}

static RpcStatus protect(RpcClientCall *call, size_t start, size_t stub_length)
{
    ClientConnection *connection = call->connection;
    PduSeal seal;

    if (writer_status(&connection->out) < 0 ||
        pdu_seal_layout(call->has_object, stub_length, call->context->token_length, &seal) != 0)
        return client_call_fail(call, RPCST_OUT_OF_MEMORY, "out of memory");
    SecMessage message = message_of(connection, connection->out.data + start, &seal);
    int r = sec_context_protect(call->context->context, call->security->level, &message);
    return r == 0 ? RPCST_OK : protect_failed(call, r);
}

/* What the header says, said once more where it is signed: the first time that a connection or an interface
 * is used, and where headers are not signed in every request. [MS-RPCE] 2.2.2.13 */
static RpcStatus make_verification(RpcClientCall *call)
{
    ClientConnection *connection = call->connection;
    ClientPresentation *presentation = client_connection_presentation(connection, &call->interface_id);
    PduVerification what = {.abstract = call->interface_id,
                            .transfer = pdu_syntax_ndr,
                            .bits = PDU_CLIENT_SIGNS_HEADERS,
                            .type = PDU_REQUEST,
                            .drep = {0x10},
                            .call_id = call->call_id,
                            .context_id = call->presentation_id,
                            .opnum = call->opnum};
    Writer writer;

    call->verification_length = 0;
    if (!call->context || call->security->level < LEVEL_PACKET || rpc_security_is_local(call->security))
        return RPCST_OK;
    what.has_bits = !connection->said_bits;
    what.has_context = presentation && !presentation->verified;
    what.has_header = !connection->sign_header;
    if (!what.has_bits && !what.has_context && !what.has_header) return RPCST_OK;
    writer_init_fixed(&writer, call->verification, sizeof(call->verification));
    /* As if the stub stood before it, for the padding. */
    pdu_put_verification(&writer, 0 - call->stub_length, &what);
    if (writer_status(&writer) < 0)
        return client_call_fail(call, RPCST_INTERNAL_ERROR, "no room for a trailer");
    call->verification_length = writer.length;
    connection->said_bits = true;
    if (presentation) presentation->verified = true;
    return RPCST_OK;
}

/* How much goes into the next fragment. The trailer is not divided. */
static size_t next_length(const RpcClientCall *call, size_t room)
{
    const size_t left = call->stub_length + call->verification_length - call->stub_made;

    if (left <= room) return left;
    if (call->stub_made + room <= call->stub_length) return room;
    return (call->stub_length - call->stub_made) & ~(size_t)(PDU_AUTH_PAD - 1);
}

static void put_stub(RpcClientCall *call, size_t length)
{
    Writer *out = &call->connection->out;
    size_t at = call->stub_made, end = at + length;

    if (at < call->stub_length) {
        const size_t part = end < call->stub_length ? length : call->stub_length - at;
        writer_bytes(out, call->stub + at, part);
        at += part;
    }
    if (at < end) writer_bytes(out, call->verification + (at - call->stub_length), end - at);
    call->stub_made = end;
}

static RpcStatus put_fragment(RpcClientCall *call, size_t room)
{
    ClientConnection *connection = call->connection;
    Writer *out = &connection->out;
    const size_t left = call->stub_length + call->verification_length - call->stub_made;
    const size_t length = next_length(call, room);
    const size_t token_length = call->context ? call->context->token_length : 0;
    const uint8_t first = call->stub_made == 0 ? PDU_FIRST_FRAG : 0,
                  last = length == left ? PDU_LAST_FRAG : 0;
    RpcStatus status = RPCST_OK;

    size_t start = pdu_begin(out, PDU_REQUEST, first | last, call->call_id);
    pdu_put_request(out, start, (uint32_t)left, call->presentation_id, call->opnum,
                    call->has_object ? &call->object : NULL);
    put_stub(call, length);
    if (token_length) {
        const PduTrailer trailer = {.type = call->security->service,
                                    .level = call->security->level,
                                    .context_id = call->context->id,
                                    .token_length = token_length};
        (void)pdu_put_trailer(out, start, &trailer, PDU_AUTH_PAD);
    }
    pdu_end(out, start);
    if (token_length) status = protect(call, start, length);
    return status;
}

RpcStatus client_request_compose(RpcClientCall *call)
{
    ClientConnection *connection = call->connection;
    const size_t token_length = call->context ? call->context->token_length : 0;
    const size_t room = pdu_stub_room(connection->fragment_max, call->has_object, token_length);

    writer_reset(&connection->out);
    connection->out_sent = 0;
    if (call->stub_made == 0) {
        call->call_id = ++connection->last_call_id;
        RpcStatus status = make_verification(call);
        if (status != RPCST_OK) return status;
    }
    do {
        RpcStatus status = put_fragment(call, room);
        if (status != RPCST_OK) return status;
    } while (call->stub_made < call->stub_length + call->verification_length &&
             connection->out.length < CLIENT_SEND_BATCH);
    if (writer_status(&connection->out) < 0)
        return client_call_fail(call, RPCST_OUT_OF_MEMORY, "out of memory");
    return RPCST_OK;
}

/* In */

static RpcStatus protocol_error(RpcClientCall *call, const char *what)
{
    return client_call_fail(call, RPCST_PROTOCOL_ERROR, "the server's answer %s", what);
}

/* Verifies and unseals; a fault may come without a verifier: servers send it when they could not check the
 * request. */
static RpcStatus unprotect(RpcClientCall *call, uint8_t *data, const Pdu *pdu)
{
    const PduTrailer *trailer = &pdu->trailer;
    const uint8_t level = call->security ? call->security->level : 0;
    PduSeal seal;

    if (!call->security)
        return trailer->token ? protocol_error(call, "is signed though the call was not") : RPCST_OK;
    if (level < LEVEL_PACKET || rpc_security_is_local(call->security)) return RPCST_OK;
    if (!trailer->token) {
        if (pdu->header.type == PDU_FAULT) return RPCST_OK;
        return client_call_fail(call, RPCST_SEC_PKG_ERROR, "the server's answer is not signed");
    }
    if (trailer->type != call->security->service || trailer->level != level ||
        trailer->context_id != call->context->id)
        return client_call_fail(call, RPCST_SEC_PKG_ERROR,
                                "the server's answer belongs to another security context");
    pdu_seal_of(pdu, &seal);
    SecMessage message = message_of(call->connection, data, &seal);
    switch (sec_context_unprotect(call->context->context, level, &message)) {
    case 0:
        return RPCST_OK;
    case SEC_OUT_OF_SEQUENCE:
        return client_call_fail(call, RPCST_SEC_PKG_ERROR, "the server's answer is out of sequence");
    case SEC_BAD_SIGNATURE:
        return client_call_fail(call, RPCST_SEC_PKG_ERROR, "the server's answer has a wrong signature");
    default:
        return client_call_fail(call, RPCST_SEC_PKG_ERROR, "the server's answer could not be verified");
    }
}

static RpcStatus keep_whole(RpcClientCall *call, uint8_t *stub, size_t length)
{
    ClientConnection *connection = call->connection;

    if (length > call->binding->client->options.reply_max)
        return client_call_fail(call, RPCST_CALL_FAILED, "the reply is too long");
    if (length <= CLIENT_REPLY_INLINE) {
        memcpy(call->inline_reply, stub, length);
        reader_init(&call->result, call->inline_reply, length);
        return RPCST_OK;
    }
    if ((uintptr_t)stub % 8) { /* something unasked stood before it */
        memmove(connection->in, stub, length);
        stub = connection->in;
    }
    call->taken = TAKE_PTR(connection->in);
    connection->in_size = 0;
    reader_init(&call->result, stub, length);
    return RPCST_OK;
}

static RpcStatus keep_part(RpcClientCall *call, const uint8_t *stub, size_t length, bool last)
{
    if (!call->reply.limit) writer_init(&call->reply, call->binding->client->options.reply_max);
    writer_bytes(&call->reply, stub, length);
    const int r = writer_status(&call->reply);
    if (r == -ENOMEM) return client_call_fail(call, RPCST_OUT_OF_MEMORY, "out of memory");
    if (r < 0)
        return client_call_fail(call, RPCST_CALL_FAILED, "the reply is longer than %zu bytes",
                                call->binding->client->options.reply_max);
    call->connection->receive_size = CLIENT_RECEIVE_BULK;
    if (!last) return RPCST_PENDING;
    reader_init(&call->result, call->reply.data, call->reply.length);
    return RPCST_OK;
}

/* What somebody who reads the sentence can do about it. */
static const char *fault_advice(RpcStatus status)
{
    switch (status) {
    case RPCST_ACCESS_DENIED:
        return ": access is denied; call authenticated, at the authentication level the server asks for, as "
               "somebody it lets call";
    case RPCST_SERVER_TOO_BUSY:
        return ": it is too busy; call again later";
    case RPCST_UNKNOWN_IF:
        return ": it does not offer this interface; call another server, or another version of it";
    case RPCST_PROCNUM_OUT_OF_RANGE:
        return ": its version of the interface has no such method";
    case RPCST_UNSUPPORTED_AUTHN_LEVEL:
        return ": it does not take this authentication level; choose a higher one";
    default:
        return "";
    }
}

static RpcStatus answer_fault(RpcClientCall *call, uint8_t *data, const Pdu *pdu)
{
    RpcStatus status = unprotect(call, data, pdu);

    if (status != RPCST_OK) return status;
    status = fault_to_status(pdu->call.status);
    /* The server could not make sense of our security: the context's sequence is lost. */
    if (status == RPCST_SEC_PKG_ERROR || status == RPCST_PROTOCOL_ERROR) call->connection->broken = true;
    call->fault = true;
    const bool who = status == RPCST_ACCESS_DENIED && call->context;
    return client_call_fail(call, status, "the server answered with status 0x%08X%s%s%s", status,
                            fault_advice(status), who ? "; the call was authenticated by " : "",
                            who ? call->context->choice->text : "");
}

RpcStatus client_request_answer(RpcClientCall *call, uint8_t *data, size_t length)
{
    Pdu pdu;

    if (pdu_parse(data, length, &pdu) != 0) return protocol_error(call, "is malformed");
    if (pdu.header.type == PDU_SHUTDOWN) {
        call->connection->broken = true; /* after this call */
        return RPCST_PENDING;
    }
    if (pdu.header.call_id != call->call_id) return protocol_error(call, "belongs to another call");
    if (pdu.header.type == PDU_FAULT) return answer_fault(call, data, &pdu);
    if (pdu.header.type != PDU_RESPONSE) return protocol_error(call, "is no response");
    const bool first = pdu.header.flags & PDU_FIRST_FRAG, last = pdu.header.flags & PDU_LAST_FRAG;
    if (first == call->first_seen ||
        (pdu.call.context_id ^ call->presentation_id) & 0xff) /* Windows sends the low byte */
        return protocol_error(call, "is out of order");
    RpcStatus status = unprotect(call, data, &pdu);
    if (status != RPCST_OK) return status;
    call->first_seen = true;
    uint8_t *stub = data + pdu.call.stub_offset;
    const size_t stub_length = pdu.call.stub_length - pdu.trailer.pad_length;
    return first && last ? keep_whole(call, stub, stub_length) : keep_part(call, stub, stub_length, last);
}
