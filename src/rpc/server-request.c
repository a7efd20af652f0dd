/* SPDX-License-Identifier: Apache-2.0 */
/* Requests: opening fragments, putting them together, running the method, sealing and sending the answer. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/time.h"
#include "io/pool.h"
#include "pdu/verification.h"
#include "rpc/server-private.h"

#define LEVEL_NONE    1u
#define LEVEL_CONNECT 2u
#define LEVEL_CALL    3u
#define LEVEL_PKT     4u
#define LOCAL_SERVICE 10u /* RPC_C_AUTHN_WINNT: the one that Windows has there (RPC-5) */
#define BATCH         8u  /* fragments sealed and sent at once */
#define TOKEN_MAX     128u
#define ANSWER_KEPT   1024u /* bytes of an answer's buffer that are kept for the next call */
#define CALL_ID_SLACK 150u  /* [MS-RPCE] 3.3.3.5.6 */

static void memory_free(ServerCall *call)
{
    if (!call) return;
    writer_deinit(&call->open.out);
    free(call);
}

/* A call that is empty but for what its answer's writer has grown to: a client that calls again needs the
 * same. */
static ServerCall *memory_take(RpcConnection *connection)
{
    ServerCall *call = atomic_exchange(&connection->idle, NULL);
    if (!call) {
        call = calloc(1, sizeof(*call));
        if (call) writer_init(&call->open.out, 0);
        return call;
    }
    const Writer out = call->open.out;
    *call = (ServerCall){.open.out = out};
    writer_reset(&call->open.out);
    return call;
}

ServerCall *server_call_free(ServerCall *call)
{
    if (!call) return NULL;
    RpcConnection *connection = call->connection;
    if (call->charged) quota_release(&call->caller->bytes, call->charged);
    connection_give_buffer(connection, call->buffer);
    writer_deinit(&call->stub);
    if (call->open.out.capacity <= ANSWER_KEPT) call = atomic_exchange(&connection->idle, call);
    memory_free(call);
    return NULL;
}

void server_call_forget(RpcConnection *connection)
{
    memory_free(atomic_exchange(&connection->idle, NULL));
}

/* Who calls */

/* What is said against a PDU, and what becomes of the connection. */
typedef struct Refusal {
    uint8_t flags;
    bool without_context; /* presentation context 0 instead of the request's */
    RpcStatus status;
    ServerNext next;
    const char *why;
} Refusal;
static const Refusal unknown_context = {
    0, false, RPCST_ACCESS_DENIED, SERVER_DRAIN,
    "a security context that is not there, or of another service or level"};
static const Refusal nobodys = {0, false, RPCST_ACCESS_DENIED, SERVER_DRAIN,
                                "no verifier on a connection that was bound with security"};
static const Refusal unproven = {0, false, RPCST_SEC_PKG_ERROR, SERVER_DRAIN,
                                 "its verifier is wrong, was used before, or is out of order"};
static const Refusal too_long = {0, false, RPCST_ACCESS_DENIED, SERVER_DRAIN,
                                 "longer than RPC_REQUEST_BYTES"};
static const Refusal too_long_preauth = {0, false, RPCST_ACCESS_DENIED, SERVER_DRAIN,
                                         "longer than preauth_bytes, without authentication"};
static const Refusal too_much = {0, false, RPCST_ACCESS_DENIED, SERVER_DRAIN,
                                 "more bytes of one caller's than RPC_CALLER_BYTES"};
static const Refusal long_fragment = {0, true, RPCST_PROTOCOL_ERROR, SERVER_DRAIN,
                                      "a fragment longer than was agreed"};
static const Refusal disorder = {0, true, RPCST_PROTOCOL_ERROR, SERVER_DRAIN,
                                 "a fragment of another call, or of none"};
static const Refusal disorder_within = {0, false, RPCST_PROTOCOL_ERROR, SERVER_DRAIN,
                                        "a fragment that does not continue its call"};
static const Refusal too_soon = {PDU_DID_NOT_EXECUTE, true, RPCST_PROTOCOL_ERROR, SERVER_DRAIN,
                                 "a security context whose last leg is missing"};
static const Refusal unknown_interface = {PDU_DID_NOT_EXECUTE, true, RPCST_UNKNOWN_IF, SERVER_READ,
                                          "a presentation context that was never bound"};
static const Refusal no_active_call = {PDU_DID_NOT_EXECUTE, true, RPCST_NO_CALL_ACTIVE, SERVER_DRAIN,
                                       "cancelled before it began"};
static const Refusal expired = {PDU_DID_NOT_EXECUTE, false, RPCST_SEC_PKG_ERROR, SERVER_READ,
                                "a security context that has expired"};
static const Refusal local_trailer = {0, false, RPCST_ACCESS_DENIED, SERVER_DRAIN,
                                      "a verifier on a connection within the machine"};

/* Whose word it is: the context's that the PDU names. */
static const Token *speaker(RpcConnection *connection, const Pdu *pdu)
{
    const SecurityRow *row =
        pdu->trailer.token ? server_security_find(connection, pdu->trailer.context_id) : NULL;
    return row && row->state == SECURITY_READY ? row->token : NULL;
}

static ServerNext refuse(RpcConnection *connection, const Refusal *refusal, const Pdu *pdu, uint32_t call_id,
                         uint16_t context_id)
{
    const ServerRefusal said = {.why = refusal->why, .type = PDU_REQUEST, .token = speaker(connection, pdu)};
    connection_refuse_fault(connection, &said, call_id, refusal->without_context ? 0 : context_id,
                            refusal->flags, refusal->status);
    return refusal->next;
}

static ServerNext refuse_pdu(RpcConnection *connection, const Refusal *refusal, const Pdu *pdu)
{
    return refuse(connection, refusal, pdu, pdu->header.call_id, pdu->call.context_id);
}

/* The proof of who it is has ended. */
static bool is_expired(const SecurityRow *row)
{
    return row && sec_context_expires(row->context) <= time_wall();
}

/* The security context a request belongs to. Nothing but a verified one is ever returned; *ret_row NULL: the
 * caller is nobody. NULL, or what is wrong. */
static const Refusal *find_identity(RpcConnection *connection, const Pdu *pdu, SecurityRow **ret_row)
{
    /* A context that failed takes nothing along: other identities may be calling on this connection. */
    static const Refusal refused_before = {PDU_DID_NOT_EXECUTE, false, RPCST_ACCESS_DENIED, SERVER_READ,
                                           "a security context that was refused"};
    SecurityRow *row = NULL;
    if (connection->is_local) {
        if (pdu->trailer.token) return &local_trailer;
        row = connection->bound_secure ? connection->security[0] : NULL; /* ready, or the bind was refused */
    } else if (pdu->trailer.token) {
        row = server_security_find(connection, pdu->trailer.context_id);
        uint8_t level = pdu->trailer.level == LEVEL_CALL ? LEVEL_PKT : pdu->trailer.level;
        if (!row || row->type != pdu->trailer.type || row->level != level) return &unknown_context;
    } else if (connection->security_count > 0 && connection->bound_secure) {
        /* Only the one context at level connect may leave its trailer out. [MS-RPCE] 3.3.1.5.4 */
        row = connection->security[0];
        if (connection->security_count > 1 || row->level != LEVEL_CONNECT) return &nobodys;
    }
    if (row && row->state == SECURITY_PENDING) return &too_soon;
    if (row && row->state == SECURITY_FAILED) return pdu->trailer.token ? &refused_before : &nobodys;
    /* Said before the method runs: no answer could be sealed any more. */
    if (is_expired(row)) return &expired;
    *ret_row = row;
    return NULL;
}

/* Verifies and decrypts a fragment in place. */
static bool unprotect(const RpcConnection *connection, const SecurityRow *row, uint8_t *data, const Pdu *pdu)
{
    /* Level connect protects nothing; some peers (Wine) send a verifier all the same. */
    if (!row || row->level == LEVEL_CONNECT || connection->is_local) return true;
    PduSeal seal;
    pdu_seal_of(pdu, &seal);
    SecMessage message = {
        .header = data,
        .header_length = seal.stub,
        .stub = data + seal.stub,
        .stub_length = seal.stub_length,
        .trailer = data + seal.trailer,
        .token = data + seal.token,
        .token_length = seal.token_length,
        .sign_header = atomic_load(&connection->sign_header),
    };
    return sec_context_unprotect(row->context, row->level, &message) == 0;
}

/* Beginning a call */

static ServerNext no_memory(RpcConnection *connection, const Pdu *pdu)
{
    static const Refusal refusal = {PDU_DID_NOT_EXECUTE, false, RPCST_OUT_OF_MEMORY, SERVER_DRAIN,
                                    "no memory"};
    return refuse_pdu(connection, &refusal, pdu);
}

static ServerCall *call_new(RpcConnection *connection, const Pdu *pdu, SecurityRow *security)
{
    ServerCall *call = memory_take(connection);
    if (!call) return NULL;
    call->connection = connection;
    call->id = pdu->header.call_id;
    call->context_id = pdu->call.context_id;
    call->security = security;
    call->caller = security ? security->caller : connection->caller;
    call->fragment_max = connection->fragment_max;
    size_t limit = connection->authenticated ? connection->server->options.request_bytes
                                             : connection->server->options.preauth_bytes;
    writer_init(&call->stub, limit);
    call->open.opnum = pdu->call.opnum;
    call->open.has_object = pdu->call.has_object;
    call->open.object = pdu->call.object;
    call->open.own = call;
    call->open.authn_service = security ? security->type : 0;
    call->open.is_local = connection->is_local;
    call->open.uid = connection->is_local ? connection->process.uid : 0;
    if (security && connection->is_local) call->open.authn_service = LOCAL_SERVICE;
    call->open.authn_level = security ? security->level : LEVEL_NONE;
    call->open.token = security ? security->token : NULL;
    call->open.server = security ? sec_context_server(security->context) : NULL;
    call->open.group = connection->group->id;
    call->open.local = &connection->local;
    call->open.remote = &connection->remote;
    return call;
}

/* Whether the call may be made at all: known before its arguments have come. */
static RpcStatus check_operation(ServerCall *call)
{
    const RpcConnection *connection = call->connection;
    const PresentationRow *presentation = server_presentation_find(connection, call->context_id);
    if (!presentation) return RPCST_UNKNOWN_IF;
    call->row = presentation->row;
    call->open.iid = presentation->abstract.uuid;
    call->open.major = presentation->abstract.major;
    call->open.minor = presentation->abstract.minor;
    uint8_t level = connection->server->objects.min_level;
    if (call->row) {
        if (call->open.opnum >= call->row->operation_count) return RPCST_PROCNUM_OUT_OF_RANGE;
        const RpcOperation *operation = &call->row->operations[call->open.opnum];
        if (!operation->method) return RPCST_PROCNUM_OUT_OF_RANGE;
        level = operation->min_level ? operation->min_level : call->row->min_level;
    }
    return call->open.authn_level < level ? RPCST_ACCESS_DENIED : RPCST_OK;
}

static const Refusal *beyond_limit(const RpcConnection *connection)
{
    return connection->authenticated ? &too_long : &too_long_preauth;
}

/* Adds a fragment's stub. NULL, or which limit it is above. */
static const Refusal *append(ServerCall *call, const uint8_t *data, const Pdu *pdu)
{
    size_t length = pdu->call.stub_length - pdu->trailer.pad_length;
    if (!quota_charge(&call->caller->bytes, length)) return &too_much;
    call->charged += length;
    writer_bytes(&call->stub, data + pdu->call.stub_offset, length);
    return writer_status(&call->stub) == 0 ? NULL : beyond_limit(call->connection);
}

/* What the client said of the header where it signed it; its trailer is no argument. False: the header that
 * came is another one, somebody has changed it. [MS-RPCE] 2.2.2.13 */
static bool verify_header(ServerCall *call)
{
    static const uint8_t drep[4] = {0x10};
    PduVerification said;
    Reader *in = &call->open.in;
    size_t offset;
    if (!call->security || call->security->level < LEVEL_PKT || call->connection->is_local)
        return true; /* nor would the trailer be signed */
    switch (pdu_verification_find(in->data, in->length, &offset, &said)) {
    case 0:
        break;
    case PDU_NO_VERIFICATION:
        return true;
    default:
        return false;
    }
    const RpcConnection *connection = call->connection;
    const PduSyntax bound = {call->open.iid, call->open.major, call->open.minor};
    const bool signs = said.has_bits && said.bits & PDU_CLIENT_SIGNS_HEADERS;
    if (signs && !atomic_load(&connection->sign_header)) return false;
    if (said.has_context &&
        (!pdu_syntax_equal(&said.abstract, &bound) || !pdu_syntax_equal(&said.transfer, &pdu_syntax_ndr)))
        return false;
    if (said.has_header &&
        (said.type != PDU_REQUEST || memcmp(said.drep, drep, sizeof(drep)) != 0 || said.call_id != call->id ||
         said.context_id != call->context_id || said.opnum != call->open.opnum))
        return false;
    reader_init(in, in->data, offset);
    return true;
}

/* The request is whole: it runs if its header is the one that was sent. */
static ServerNext run(RpcConnection *connection, ServerCall *call, const Pdu *pdu, ServerCall **ret_call)
{
    static const Refusal changed = {PDU_DID_NOT_EXECUTE, false, RPCST_ACCESS_DENIED, SERVER_DRAIN,
                                    "its header is not the one in its verification trailer"};
    if (verify_header(call)) {
        *ret_call = call;
        return SERVER_RUN;
    }
    const uint32_t id = call->id;
    const uint16_t context_id = call->context_id;
    server_call_free(call);
    return refuse(connection, &changed, pdu, id, context_id);
}

/* The only fragment: the arguments stay where they are and the call takes the buffer. */
static ServerNext run_whole(RpcConnection *connection, ServerCall *call, const uint8_t *data, const Pdu *pdu,
                            ServerCall **ret_call)
{
    size_t length = pdu->call.stub_length - pdu->trailer.pad_length;
    call->buffer = connection_take_buffer(connection, pdu->header.frag_length);
    if (!call->buffer) {
        server_call_free(call);
        return no_memory(connection, pdu);
    }
    reader_init(&call->open.in, data + pdu->call.stub_offset, length);
    return run(connection, call, pdu, ret_call);
}

static ServerNext begin(RpcConnection *connection, const uint8_t *data, const Pdu *pdu, SecurityRow *security,
                        ServerCall **ret_call)
{
    ServerCall *call = call_new(connection, pdu, security);
    if (!call) return no_memory(connection, pdu);
    connection->last_call_id = pdu->header.call_id;
    connection->called = true;
    const RpcStatus status = check_operation(call);
    const bool last = pdu->header.flags & PDU_LAST_FRAG;
    const size_t limit = call->stub.limit;
    if (status != RPCST_OK) {
        const Refusal refusal = {PDU_DID_NOT_EXECUTE, false, status, SERVER_READ,
                                 status == RPCST_ACCESS_DENIED ? "too low an authentication level"
                                                               : "an operation that is not there"};
        server_call_free(call);
        return refuse_pdu(connection, status == RPCST_UNKNOWN_IF ? &unknown_interface : &refusal, pdu);
    }
    if (last && pdu->call.stub_length <= limit) return run_whole(connection, call, data, pdu, ret_call);
    /* Known to be too long before it has come: [MS-RPCE] 2.2.2.6, 3.3.3.5.4 */
    const Refusal *refusal =
        last || pdu->call.alloc_hint > limit ? beyond_limit(connection) : append(call, data, pdu);
    if (refusal) {
        server_call_free(call);
        return refuse_pdu(connection, refusal, pdu);
    }
    connection->partial = call;
    connection->state = CONNECTION_RECEIVING;
    return SERVER_READ;
}

/* Is the fragment protected as the call it belongs to? */
static const Refusal *check_fragment(const ServerCall *call, uint8_t *data, const Pdu *pdu)
{
    const SecurityRow *security = call->security;
    const bool is_local = call->connection->is_local;
    const bool optional = !security || security->level == LEVEL_CONNECT || is_local;
    if (pdu->trailer.token && is_local) return &disorder_within;
    if (!pdu->trailer.token) return optional ? NULL : &disorder_within;
    /* Where nothing is verified the trailer is all there is. */
    if (optional && (!security || security->id != pdu->trailer.context_id)) return &disorder_within;
    return unprotect(call->connection, security, data, pdu) ? NULL : &unproven;
}

/* A fragment after the first. It is the call's own if it verifies under the call's security context; what
 * else it says of itself is not read. */
static ServerNext go_on(RpcConnection *connection, uint8_t *data, const Pdu *pdu, ServerCall **ret_call)
{
    ServerCall *call = connection->partial;
    const Refusal *refusal = check_fragment(call, data, pdu);
    if (!refusal && pdu->header.flags & PDU_FIRST_FRAG) refusal = &disorder_within;
    if (!refusal) refusal = append(call, data, pdu);
    if (refusal) return refuse(connection, refusal, pdu, call->id, call->context_id);
    if (!(pdu->header.flags & PDU_LAST_FRAG)) return SERVER_READ;
    connection->partial = NULL;
    connection->state = CONNECTION_BOUND;
    if (is_expired(call->security)) { /* its first fragment may have come long ago */
        const uint32_t id = call->id;
        const uint16_t context_id = call->context_id;
        server_call_free(call);
        return refuse(connection, &expired, pdu, id, context_id);
    }
    reader_init(&call->open.in, call->stub.data, call->stub.length);
    return run(connection, call, pdu, ret_call);
}

/* A fragment that is not the first of a request of which there was none. */
static ServerNext stray(RpcConnection *connection, uint8_t *data, const Pdu *pdu)
{
    /* The rest of a call that has ended with a fault is passed over. [MS-RPCE] 3.3.3.5.6 */
    const uint32_t behind = connection->last_call_id - pdu->header.call_id;
    const bool rest = connection->called && behind < CALL_ID_SLACK;
    SecurityRow *security = NULL;
    if (!rest && !connection->concurrent) return refuse_pdu(connection, &disorder, pdu);
    if (!rest && !server_presentation_find(connection, pdu->call.context_id))
        return refuse_pdu(connection, &unknown_interface, pdu);
    const Refusal *refusal = find_identity(connection, pdu, &security);
    /* Whatever becomes of the fragment: the context counts it. */
    if (!refusal && !unprotect(connection, security, data, pdu)) refusal = &unproven;
    if (!refusal && !rest) refusal = &disorder_within;
    return refusal ? refuse_pdu(connection, refusal, pdu) : SERVER_READ;
}

ServerNext server_on_request(RpcConnection *connection, uint8_t *data, const Pdu *pdu, ServerCall **ret_call)
{
    const ServerCall *partial = connection->partial;
    const bool first = pdu->header.flags & PDU_FIRST_FRAG;
    SecurityRow *security = NULL;
    if (pdu->header.frag_length > connection->receive_max) return refuse_pdu(connection, &long_fragment, pdu);
    if (partial && partial->id != pdu->header.call_id) {
        /* All of a request is sent before the next one, [MS-RPCE] 3.3.1.5.8. The fault is for the call that
         * the client can mean: without multiplexing there is only one. */
        if (connection->concurrent) return refuse_pdu(connection, &disorder, pdu);
        return refuse(connection, &disorder_within, pdu, partial->id, partial->context_id);
    }
    if (partial) return go_on(connection, data, pdu, ret_call);
    if (!first) return stray(connection, data, pdu);
    if (pdu->header.flags & PDU_PENDING_CANCEL) return refuse_pdu(connection, &no_active_call, pdu);
    const Refusal *refusal = find_identity(connection, pdu, &security);
    if (!refusal && !unprotect(connection, security, data, pdu)) refusal = &unproven;
    if (refusal) return refuse_pdu(connection, refusal, pdu);
    return begin(connection, data, pdu, security, ret_call);
}

/* Cancel and orphaned */

bool rpc_call_is_cancelled(const RpcCall *call)
{
    ServerCall *own = call->own;
    if (!own) return false;
    if (own->kept && *own->kept) { /* somebody has to read what the client says meanwhile */
        *own->kept = false;
        connection_hand_on(own->connection);
    }
    return atomic_load(&own->cancelled);
}

/* Marks the running call with this id. */
static void mark_running(RpcConnection *connection, uint32_t id, bool orphaned)
{
    pthread_mutex_lock(&connection->lock);
    list_each(at, &connection->calls)
    {
        ServerCall *call = container_of(at, ServerCall, link);
        if (call->id != id) continue;
        atomic_store(&call->cancelled, true);
        if (orphaned) atomic_store(&call->orphaned, true);
    }
    pthread_mutex_unlock(&connection->lock);
}

ServerNext server_on_cancel(RpcConnection *connection, uint8_t *data, const Pdu *pdu, ServerCall **ret_call)
{
    (void)data;
    (void)ret_call;
    /* A request, not an order: the method asks, or runs to its end. [C706] 12.6.4.5 */
    if (connection->partial && connection->partial->id == pdu->header.call_id)
        atomic_store(&connection->partial->cancelled, true);
    mark_running(connection, pdu->header.call_id, false);
    return SERVER_READ;
}

ServerNext server_on_orphaned(RpcConnection *connection, uint8_t *data, const Pdu *pdu, ServerCall **ret_call)
{
    (void)data;
    (void)ret_call;
    /* Who did not negotiate it closes the connection next, and everything ends with that. [MS-RPCE]
     * 3.3.1.5.10 */
    if (!(connection->features & PDU_FEATURE_KEEP_ON_ORPHAN)) return SERVER_READ;
    if (connection->partial && connection->partial->id == pdu->header.call_id) {
        connection->partial = server_call_free(connection->partial);
        connection->state = CONNECTION_BOUND;
    }
    mark_running(connection, pdu->header.call_id, true);
    return SERVER_READ;
}

/* Running a call */

void rpc_call_refused(const RpcCall *call, const char *why, uint32_t code)
{
    char answer[24];
    if (!call->own) return;
    (void)snprintf(answer, sizeof(answer), "0x%08" PRIX32, code);
    const ServerRefusal refusal = {.why = why, .token = call->token, .type = PDU_REQUEST, .answer = answer};
    connection_refused(call->own->connection, &refusal);
}

void server_call_refuse(ServerCall *call, RpcStatus status)
{
    const ServerRefusal refusal = {.why = call->refused, .token = call->open.token, .type = PDU_REQUEST};
    connection_refuse_fault(call->connection, &refusal, call->id, call->context_id, PDU_DID_NOT_EXECUTE,
                            status);
}

RpcStatus server_call_admit(ServerCall *call)
{
    RpcServer *server = call->connection->server;
    unsigned running = atomic_fetch_add(&call->caller->calls, 1);
    bool full = running >= server->options.calls_per_caller;
    if (full || io_pool_block_begin(false)) {
        const RpcObjects *objects = &server->objects;
        /* Whoever was called knows the chain's id and can hand it on: not without end either. */
        bool admit = running < RPC_CHAIN_CALLS * server->options.calls_per_caller && !call->row &&
                     objects->admits && objects->admits(objects->data, &call->open);
        if (!admit || io_pool_block_begin(true)) {
            atomic_fetch_sub(&call->caller->calls, 1);
            call->refused = full ? "more calls of one caller at once than calls_per_caller"
                                 : "more calls at once than threads_max";
            return RPCST_SERVER_TOO_BUSY;
        }
    }
    atomic_fetch_add(&server->calls, 1);
    server_count(&call->connection->counts.calls_in, 1);
    atomic_fetch_add(&call->connection->running, 1);
    pthread_mutex_lock(&call->connection->lock);
    list_append(&call->connection->calls, &call->link);
    pthread_mutex_unlock(&call->connection->lock);
    return RPCST_OK;
}

/* One fragment of the answer: what surrounds its piece of the stub. */
typedef struct Frame {
    uint8_t header[PDU_STUB_OFFSET];
    uint8_t trailer[PDU_TRAILER_SIZE + TOKEN_MAX];
} Frame;

/* Builds and protects the fragment of `length` stub bytes at `offset`. Its padding is there already. */
static int seal_fragment(ServerCall *call, Frame *frame, size_t offset, size_t length, size_t token_length,
                         struct iovec pieces[3])
{
    const SecurityRow *row = call->security;
    uint8_t *stub = call->open.out.data ? call->open.out.data + offset : frame->trailer; /* nothing at all */
    size_t left = call->open.out.length - offset, padded = length;
    uint8_t flags = (offset == 0 ? PDU_FIRST_FRAG : 0) | (length == left ? PDU_LAST_FRAG : 0);
    Writer writer;
    writer_init_fixed(&writer, frame->header, sizeof(frame->header));
    size_t start = pdu_begin(&writer, PDU_RESPONSE, flags, call->id);
    /* Windows' answers have the low byte only, and its clients' expectation is that. */
    pdu_put_response(&writer, (uint32_t)left, call->context_id & 0xff, 0);
    if (token_length > 0) {
        PduSeal seal;
        if (pdu_seal_layout(false, length, token_length, &seal)) return -E2BIG;
        padded = seal.stub_length;
        Writer trailer;
        writer_init_fixed(&trailer, frame->trailer, sizeof(frame->trailer));
        writer_u8(&trailer, row->type);
        writer_u8(&trailer, row->level);
        writer_u8(&trailer, seal.pad_length);
        writer_u8(&trailer, 0);
        writer_u32(&trailer, row->id);
        if (writer_status(&trailer) < 0) return -E2BIG;
        pdu_patch_lengths(&writer, start, seal.length, token_length);
        SecMessage message = {
            .header = frame->header,
            .header_length = seal.stub,
            .stub = stub,
            .stub_length = padded,
            .trailer = frame->trailer,
            .token = frame->trailer + PDU_TRAILER_SIZE,
            .token_length = token_length,
            .sign_header = atomic_load(&call->connection->sign_header),
        };
        int r = sec_context_protect(row->context, row->level, &message);
        if (r < 0) return r;
    } else {
        pdu_patch_lengths(&writer, start, PDU_STUB_OFFSET + length, 0);
    }
    pieces[0] = (struct iovec){frame->header, sizeof(frame->header)};
    pieces[1] = (struct iovec){stub, padded};
    pieces[2] = (struct iovec){frame->trailer, token_length ? PDU_TRAILER_SIZE + token_length : 0};
    return writer_status(&writer);
}

/* Sends the next fragments; sealing and sending are one step for everybody who writes. */
static int send_batch(ServerCall *call, size_t room, size_t token_length, size_t *offset, bool *ret_last)
{
    Frame frames[BATCH];
    struct iovec pieces[3 * BATCH];
    RpcConnection *connection = call->connection;
    size_t count = 0, total = call->open.out.length;
    bool last = false;
    int r = 0;
    pthread_mutex_lock(&connection->writing);
    if (connection_is_closed(connection)) r = -EPIPE;
    for (; r == 0 && !last && count < BATCH; count++) {
        size_t length = total - *offset < room ? total - *offset : room;
        last = *offset + length == total;
        r = seal_fragment(call, &frames[count], *offset, length, token_length, &pieces[3 * count]);
        *offset += length;
    }
    server_count(&connection->counts.packets_out, count);
    if (r == 0) connection_write(connection, pieces, 3 * count);
    pthread_mutex_unlock(&connection->writing);
    *ret_last = last;
    return r;
}

static RpcStatus send_response(ServerCall *call)
{
    const SecurityRow *row = call->security;
    Writer *out = &call->open.out;
    size_t token_length = row ? sec_context_token_length(row->context, row->level) : 0;
    size_t room = pdu_stub_room(call->fragment_max, false, token_length), offset = 0, length = out->length;
    if (token_length > TOKEN_MAX || room == 0) return RPCST_INTERNAL_ERROR;
    /* Only the last fragment needs padding, and behind the last byte there is room for it. */
    if (token_length) writer_fill(out, 0, -length & (PDU_AUTH_PAD - 1));
    if (writer_status(out) < 0)
        return writer_status(out) == -E2BIG ? NCA_S_OUT_ARGS_TOO_BIG : RPCST_OUT_OF_MEMORY;
    out->length = length;
    for (bool last = false; !last;) {
        int r = send_batch(call, room, token_length, &offset, &last);
        /* It ended while the method ran. Nobody else on the connection is concerned. */
        if (r == -EKEYEXPIRED) return RPCST_SEC_PKG_ERROR;
        if (r < 0) {
            connection_close(call->connection); /* a sequence number may be gone: nothing can follow */
            break;
        }
    }
    return RPCST_OK;
}

void server_call_run(ServerCall *call)
{
    RpcConnection *connection = call->connection;
    RpcServer *server = connection->server;
    RpcStatus status;
    if (call->row)
        status = call->row->operations[call->open.opnum].method(&call->open, call->row->data);
    else
        status = server->objects.dispatch(&call->open, server->objects.data);
    pthread_mutex_lock(&connection->lock);
    list_remove(&call->link);
    pthread_mutex_unlock(&connection->lock);
    /* Nobody waits for an orphaned call's answer: it is not sent and takes no sequence number. */
    const bool orphaned = atomic_load(&call->orphaned);
    if (status == RPCST_OK && !orphaned) status = send_response(call);
    if (status == RPCST_BAD_STUB_DATA || status == RPCST_INVALID_BOUND)
        rpc_call_refused(&call->open, "malformed arguments", status);
    if (status != RPCST_OK && !orphaned)
        connection_send_fault(connection, call->id, call->context_id, 0, status);
    connection_renew(connection);
    atomic_fetch_sub(&connection->running, 1);
    atomic_fetch_sub(&call->caller->calls, 1);
    atomic_fetch_sub(&server->calls, 1);
    server_call_free(call);
    io_pool_block_end();
}
