/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/test-scripted.h"
#include "pdu/verification.h"
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include "io/socket.h"
#include "sec/context.h"

#define CONTEXTS_MAX      1100
#define PRESENTATIONS_MAX 64
#define CONNECTIONS_MAX   1024
#define LEG_MAX           64
#define GROUP             77u

const Guid peer_missing_interface = {0xdeadbeef, 1, 2, {3}};

/* The package: leg 1 "1:principal:level", leg 2 "2", leg 3 "3". The key follows from the principal. */

PeerPackage peer_package;

struct SecInitiator {
    char principal[LEG_MAX];
    uint8_t level;
    unsigned waits;
    const char *input;
    char input_copy[LEG_MAX], output[LEG_MAX];
    bool begun, restarted, done;
    SecContext *context;
    SecFailure failure;
    int wake_fd;
};

static SecContext *package_context(const char *principal, bool initiator)
{
    uint8_t key[32];
    SecContextSpec spec = {.initiator = initiator, .enctype = 18, .key = key, .key_length = sizeof(key)};
    SecContext *context = NULL;

    for (size_t i = 0; i < sizeof(key); i++)
        key[i] = (uint8_t)(principal[i % strlen(principal)] + i);
    spec.send_sequence = initiator ? 1000 : 2000;
    spec.receive_sequence = initiator ? 2000 : 1000;
    spec.expires = initiator && peer_package.expires ? peer_package.expires : INT64_MAX;
    return sec_context_new(&spec, &context) == 0 ? context : NULL;
}

static int package_new(Token *token, const SecInitiatorSpec *spec, SecInitiator **ret_initiator)
{
    SecInitiator *initiator = calloc(1, sizeof(*initiator));

    if (!initiator) return -ENOMEM;
    snprintf(initiator->principal, sizeof(initiator->principal), "%s", token_principal(token));
    initiator->level = spec->authn_level;
    initiator->waits = peer_package.waits;
    initiator->wake_fd = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC); /* ready at once: the next step goes on */
    __atomic_add_fetch(&peer_package.begun, 1, __ATOMIC_RELAXED);
    *ret_initiator = initiator;
    return 0;
}

static SecInitiator *package_free(SecInitiator *initiator)
{
    if (!initiator) return NULL;
    close(initiator->wake_fd);
    initiator->context = sec_context_free(initiator->context);
    free(initiator);
    return NULL;
}

static int package_fail(SecInitiator *initiator, uint32_t code)
{
    initiator->failure.code = code;
    snprintf(initiator->failure.sentence, sizeof(initiator->failure.sentence), "the package says 0x%08X",
             code);
    return SEC_FAILED;
}

static int package_step(SecInitiator *initiator, IoWait *ret_wait)
{
    const char *input = initiator->input;

    if (initiator->waits) {
        initiator->waits--;
        *ret_wait = (IoWait){initiator->wake_fd, POLLIN, TIME_NEVER};
        return SEC_WAIT;
    }
    initiator->output[0] = 0;
    if (!initiator->begun || (input && strcmp(input, "skew") == 0)) {
        const bool again = initiator->begun;
        if (peer_package.fail) return package_fail(initiator, peer_package.fail);
        if (again && initiator->restarted) return package_fail(initiator, 0x80090324);
        snprintf(initiator->output, sizeof(initiator->output), "1:%.40s:%u", initiator->principal,
                 initiator->level);
        initiator->begun = true;
        initiator->restarted = again;
        return again ? SEC_RESTART : 0;
    }
    if (!input || strcmp(input, "2") != 0) return package_fail(initiator, 0x80090322);
    snprintf(initiator->output, sizeof(initiator->output), "3");
    initiator->context = package_context(initiator->principal, true);
    if (!initiator->context) return -ENOMEM;
    initiator->done = true;
    return 0;
}

static const uint8_t *package_output(const SecInitiator *initiator, size_t *ret_length)
{
    *ret_length = strlen(initiator->output);
    return (const uint8_t *)initiator->output;
}

static int package_input(SecInitiator *initiator, const uint8_t *token, size_t length)
{
    if (length >= sizeof(initiator->input_copy)) return -EPROTO;
    memcpy(initiator->input_copy, token, length);
    initiator->input_copy[length] = 0;
    initiator->input = initiator->input_copy;
    return 0;
}

static bool package_is_done(const SecInitiator *initiator)
{
    return initiator->done;
}

static bool package_wants_reply(const SecInitiator *initiator)
{
    return !peer_package.by_auth3;
}

static SecContext *package_take_context(SecInitiator *initiator)
{
    return TAKE_PTR(initiator->context);
}

static const SecFailure *package_failure(const SecInitiator *initiator)
{
    return &initiator->failure;
}

const InitiatorOps peer_initiator_ops = {
    .new = package_new,
    .free = package_free,
    .step = package_step,
    .output = package_output,
    .input = package_input,
    .is_done = package_is_done,
    .wants_reply = package_wants_reply,
    .take_context = package_take_context,
    .failure = package_failure,
};

/* The server: a thread per connection. */

typedef struct PeerContext {
    bool used;
    uint8_t level;
    char principal[LEG_MAX];
    SecContext *context;
} PeerContext;

typedef struct PeerConnection {
    Peer *peer;
    int fd;
    pthread_t thread;
    bool authenticated, sign_header, skewed;
    PeerContext contexts[CONTEXTS_MAX];
    Guid presentations[PRESENTATIONS_MAX];
    bool bound[PRESENTATIONS_MAX];
    uint32_t silent; /* the call that was not answered */
    uint8_t pdu[PDU_FRAGMENT_MAX];
    uint8_t previous[PDU_FRAGMENT_MAX]; /* the last answer */
    size_t previous_length;
    Writer request, out;
} PeerConnection;

struct Peer {
    PeerOptions options;
    size_t count;
    IoAddress *addresses;
    int *listeners;
    int stop_fd;
    pthread_t thread;
    pthread_mutex_t lock; /* the fields below */
    PeerCounts counts;
    PeerConnection *connections[CONNECTIONS_MAX];
    size_t connection_count;
    bool skewed;
};

static void count(Peer *peer, unsigned *counter)
{
    pthread_mutex_lock(&peer->lock);
    ++*counter;
    pthread_mutex_unlock(&peer->lock);
}

static uint16_t fragment_of(const Peer *peer)
{
    return peer->options.fragment ? peer->options.fragment : PDU_FRAGMENT_OURS;
}

static bool peer_send(PeerConnection *connection)
{
    assert(writer_status(&connection->out) == 0);
    int r = io_write_all(connection->fd, connection->out.data, connection->out.length,
                         time_after(10 * NS_PER_SECOND));
    writer_reset(&connection->out);
    return r == 0;
}

/* Takes the client's token; gives the answer's, or NULL when there is none to give. */
static const char *peer_authenticate(PeerConnection *connection, const Pdu *pdu)
{
    Peer *peer = connection->peer;
    char token[LEG_MAX] = "";
    unsigned level;

    assert(pdu->trailer.context_id < CONTEXTS_MAX && pdu->trailer.token_length < sizeof(token));
    memcpy(token, pdu->trailer.token, pdu->trailer.token_length);
    PeerContext *context = &connection->contexts[pdu->trailer.context_id];
    if (token[0] == '3') {
        assert(context->used && !context->context);
        context->context = package_context(context->principal, false);
        assert(context->context);
        count(peer, &peer->counts.contexts);
        return NULL;
    }
    assert(!context->used && sscanf(token, "1:%40[^:]:%u", context->principal, &level) == 2);
    assert(level == pdu->trailer.level);
    assert(!connection->authenticated || peer->options.multiplex);
    context->used = connection->authenticated = true;
    context->level = (uint8_t)level;
    if (peer->options.ignore_auth) return NULL;
    pthread_mutex_lock(&peer->lock);
    const bool skew = peer->options.leg2 && !(strcmp(peer->options.leg2, "skew") == 0 && peer->skewed);
    peer->skewed = true;
    pthread_mutex_unlock(&peer->lock);
    return skew ? peer->options.leg2 : "2";
}

static void put_bind_results(PeerConnection *connection, const Pdu *pdu)
{
    PduList list;
    PduContext context;
    uint64_t features;

    pdu_list_init(&list, &pdu->bind);
    while (pdu_context_next(&list, &context)) {
        const PduSyntax transfer = pdu_context_transfer(&context, 0);
        if (pdu_syntax_is_features(&transfer, &features)) {
            pdu_put_result(&connection->out, PDU_RESULT_FEATURES,
                           connection->peer->options.multiplex ? PDU_FEATURE_SECURITY_MULTIPLEX : 0, NULL);
        } else if (guid_equal(&context.abstract.uuid, &peer_missing_interface)) {
            pdu_put_result(&connection->out, PDU_RESULT_PROVIDER, PDU_REASON_ABSTRACT, NULL);
        } else {
            assert(context.id < PRESENTATIONS_MAX);
            connection->presentations[context.id] = context.abstract.uuid;
            connection->bound[context.id] = true;
            pdu_put_result(&connection->out, PDU_RESULT_ACCEPTED, 0, &pdu_syntax_ndr);
        }
    }
}

static bool answer_bind(PeerConnection *connection, const Pdu *pdu)
{
    Peer *peer = connection->peer;
    const bool binds = pdu->header.type == PDU_BIND;
    Writer *out = &connection->out;
    const char *token = NULL;
    uint8_t flags = PDU_FIRST_FRAG | PDU_LAST_FRAG;
    size_t start;

    count(peer, binds ? &peer->counts.binds : &peer->counts.alters);
    if (binds && (peer->options.nak || (peer->options.check_group && pdu->bind.group))) {
        start = pdu_begin(out, PDU_BIND_NAK, flags, pdu->header.call_id);
        pdu_put_bind_nak(out, peer->options.nak ? peer->options.nak - 1 : PDU_NAK_NOT_SPECIFIED);
        pdu_end(out, start);
        return peer_send(connection);
    }
    if (!binds && peer->options.alter_fault) {
        start = pdu_begin(out, PDU_FAULT, flags, pdu->header.call_id);
        pdu_put_fault(out, 0, 0, peer->options.alter_fault);
        pdu_end(out, start);
        return peer_send(connection);
    }
    if (pdu->trailer.token) token = peer_authenticate(connection, pdu);
    if (binds) connection->sign_header = pdu->header.flags & PDU_HEADER_SIGN && !peer->options.no_header_sign;
    if (connection->sign_header) flags |= PDU_HEADER_SIGN;
    start = pdu_begin(out, binds ? PDU_BIND_ACK : PDU_ALTER_CONTEXT_RESP, flags, pdu->header.call_id);
    pdu_put_bind_ack(out, start, fragment_of(peer), fragment_of(peer), GROUP, binds ? "1" : "",
                     pdu->bind.count);
    put_bind_results(connection, pdu);
    if (token) {
        const PeerOptions *other = &connection->peer->options;
        const PduTrailer trailer = {.type = (uint8_t)(pdu->trailer.type + other->other_type),
                                    .level = (uint8_t)(pdu->trailer.level - other->other_level),
                                    .context_id = pdu->trailer.context_id + other->other_context,
                                    .token = (const uint8_t *)token,
                                    .token_length = strlen(token)};
        (void)pdu_put_trailer(out, start, &trailer, 4);
    }
    pdu_end(out, start);
    return peer_send(connection);
}

typedef struct PeerCall {
    uint32_t id, security_id;
    uint16_t presentation, opnum;
    PeerContext *context; /* NULL: unauthenticated or connect */
} PeerCall;

static void protect(PeerConnection *connection, PeerContext *context, uint8_t *pdu, const PduSeal *seal)
{
    SecMessage message = {.header = pdu,
                          .header_length = seal->stub,
                          .stub = pdu + seal->stub,
                          .stub_length = seal->stub_length,
                          .trailer = pdu + seal->trailer,
                          .token = pdu + seal->token,
                          .token_length = seal->token_length,
                          .sign_header = connection->sign_header};
    int r = sec_context_protect(context->context, context->level, &message);
    assert(r == 0);
}

/* One response or fault (status != 0) fragment into `out`. */
static void put_answer(PeerConnection *connection, const PeerCall *call, const uint8_t *stub, size_t length,
                       uint8_t flags, uint32_t status)
{
    Writer *out = &connection->out;
    PeerContext *context =
        call->opnum == PEER_UNSIGNED || (status && call->opnum != PEER_SIGNED_FAULT) ? NULL : call->context;
    const uint32_t id = call->opnum == PEER_OTHER_CALL ? call->id + 1 : call->id;

    size_t start = pdu_begin(out, status ? PDU_FAULT : PDU_RESPONSE, flags, id);
    if (status)
        pdu_put_fault(out, call->presentation, 0, status);
    else
        pdu_put_response(out, (uint32_t)length, call->presentation, 0);
    writer_bytes(out, stub, length);
    if (context) {
        PduTrailer trailer = {.type = 16,
                              .level = context->level,
                              .context_id = call->security_id + (call->opnum == PEER_OTHER_CONTEXT),
                              .token_length = sec_context_token_length(context->context, context->level)};
        (void)pdu_put_trailer(out, start, &trailer, PDU_AUTH_PAD);
    }
    pdu_end(out, start);
    if (context) {
        Pdu made;
        PduSeal seal;
        assert(pdu_parse(out->data + start, out->length - start, &made) == 0);
        pdu_seal_of(&made, &seal);
        protect(connection, context, out->data + start, &seal);
    }
}

static bool answer_long(PeerConnection *connection, const PeerCall *call, const uint8_t *stub, size_t length)
{
    const PeerContext *context = call->context;
    const size_t token = context ? sec_context_token_length(context->context, context->level) : 0;
    const size_t room = pdu_stub_room(fragment_of(connection->peer), false, token);
    size_t made = 0;

    do {
        const size_t part = length - made < room ? length - made : room;
        const uint8_t first = made == 0 ? PDU_FIRST_FRAG : 0,
                      last = part == length - made ? PDU_LAST_FRAG : 0;
        put_answer(connection, call, stub + made, part, first | last, 0);
        made += part;
        if (connection->out.length > 100000 && !peer_send(connection)) return false;
    } while (made < length);
    return peer_send(connection);
}

static bool answer_oddly(PeerConnection *connection, PeerCall *call, const uint8_t *stub, size_t length)
{
    Writer *out = &connection->out;
    const uint8_t whole = PDU_FIRST_FRAG | PDU_LAST_FRAG;
    uint32_t status = 0;

    switch (call->opnum) {
    case PEER_FAULT:
    case PEER_SIGNED_FAULT:
        assert(length == sizeof(status));
        memcpy(&status, stub, sizeof(status));
        put_answer(connection, call, NULL, 0, whole, status);
        return peer_send(connection);
    case PEER_SILENT:
        connection->silent = call->id;
        return true;
    case PEER_HANG_UP:
        return false;
    case PEER_CORRUPT:
        put_answer(connection, call, stub, length, whole, 0);
        out->data[PDU_STUB_OFFSET] ^= 4;
        return peer_send(connection);
    case PEER_ECHO_THEN_CLOSE:
        put_answer(connection, call, stub, length, whole, 0);
        (void)peer_send(connection);
        return false;
    case PEER_SHUTDOWN:
        pdu_end(out, pdu_begin(out, PDU_SHUTDOWN, whole, 0));
        put_answer(connection, call, stub, length, whole, 0);
        return peer_send(connection);
    case PEER_REPLAY:
        writer_bytes(out, connection->previous, connection->previous_length);
        memcpy(out->data + 12, &call->id, 4);
        return peer_send(connection);
    case PEER_HALF:
        put_answer(connection, call, stub, length, whole, 0);
        out->length /= 2;
        (void)peer_send(connection);
        return false;
    case PEER_JUNK:
        writer_fill(out, 'x', 100);
        return peer_send(connection);
    default:
        put_answer(connection, call, stub, length, whole, 0);
        return peer_send(connection);
    }
}

static bool answer_call(PeerConnection *connection, PeerCall *call, const uint8_t *stub, size_t length)
{
    char who[LEG_MAX + 32];
    uint32_t size;

    count(connection->peer, &connection->peer->counts.requests);
    switch (call->opnum) {
    case PEER_WHO:
        snprintf(who, sizeof(who), "%s %u %u", call->context ? call->context->principal : "nobody",
                 call->context ? call->context->level : 1, (unsigned)call->security_id);
        return answer_long(connection, call, (const uint8_t *)who, strlen(who));
    case PEER_LONG: {
        assert(length == sizeof(size));
        memcpy(&size, stub, sizeof(size));
        _cleanup_(freep) uint8_t *bytes = malloc(size ? size : 1);
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)(i * 31 + i / 256);
        return answer_long(connection, call, bytes, size);
    }
    case PEER_ECHO:
        if (length < 5000) { /* remembered for PEER_REPLAY */
            put_answer(connection, call, stub, length, PDU_FIRST_FRAG | PDU_LAST_FRAG, 0);
            memcpy(connection->previous, connection->out.data, connection->out.length);
            connection->previous_length = connection->out.length;
            return peer_send(connection);
        }
        return answer_long(connection, call, stub, length);
    default:
        return answer_oddly(connection, call, stub, length);
    }
}

/* The length of the arguments: a verification trailer may follow them, whole in the last fragment, and is
 * true. */
static size_t arguments_end(PeerConnection *connection, const PeerCall *call, size_t last_fragment)
{
    PeerCounts *counts = &connection->peer->counts;
    const Writer *request = &connection->request;
    PduVerification said;
    size_t end;

    if (!call->context || call->context->level < LEVEL_PACKET) return request->length;
    int r = pdu_verification_find(request->data, request->length, &end, &said);
    assert(r == 0 || r == PDU_NO_VERIFICATION);
    if (r) return request->length;
    assert(request->length - end <= last_fragment);
    if (said.has_bits) {
        assert(said.bits == PDU_CLIENT_SIGNS_HEADERS);
        count(connection->peer, &counts->bits);
    }
    if (said.has_context) {
        assert(pdu_syntax_equal(&said.transfer, &pdu_syntax_ndr) && said.abstract.uuid.data1 != 0);
        count(connection->peer, &counts->syntaxes);
    }
    if (said.has_header) {
        assert(said.type == PDU_REQUEST && said.drep[0] == 0x10 && said.call_id == call->id);
        assert(said.context_id == call->presentation && said.opnum == call->opnum);
        count(connection->peer, &counts->headers);
    }
    return end;
}

static bool answer_request(PeerConnection *connection, const Pdu *pdu, uint8_t *data)
{
    PeerCall call = {
        .id = pdu->header.call_id, .presentation = pdu->call.context_id, .opnum = pdu->call.opnum};
    PduSeal seal;

    assert(call.presentation < PRESENTATIONS_MAX && connection->bound[call.presentation]);
    assert(pdu->header.frag_length <= fragment_of(connection->peer));
    pdu_seal_of(pdu, &seal);
    if (pdu->trailer.token) {
        call.security_id = pdu->trailer.context_id;
        assert(call.security_id < CONTEXTS_MAX);
        call.context = &connection->contexts[call.security_id];
        assert(call.context->context && call.context->level == pdu->trailer.level);
        SecMessage message = {.header = data,
                              .header_length = seal.stub,
                              .stub = data + seal.stub,
                              .stub_length = seal.stub_length,
                              .trailer = data + seal.trailer,
                              .token = data + seal.token,
                              .token_length = seal.token_length,
                              .sign_header = connection->sign_header};
        int r = sec_context_unprotect(call.context->context, call.context->level, &message);
        assert(r == 0);
    }
    if (pdu->header.flags & PDU_FIRST_FRAG) writer_reset(&connection->request);
    writer_bytes(&connection->request, data + seal.stub, seal.stub_length - pdu->trailer.pad_length);
    if (!(pdu->header.flags & PDU_LAST_FRAG)) return true;
    const size_t end = arguments_end(connection, &call, seal.stub_length - pdu->trailer.pad_length);
    return answer_call(connection, &call, connection->request.data, end);
}

/* Of the call that got no answer. */
static bool answer_cancel(PeerConnection *connection, const Pdu *pdu)
{
    PeerCounts *counts = &connection->peer->counts;
    PeerCall call = {.id = pdu->header.call_id};

    assert(pdu->header.call_id == connection->silent);
    const bool cancel = pdu->header.type == PDU_CANCEL;
    count(connection->peer, cancel ? &counts->cancels : &counts->orphans);
    if (!cancel || !connection->peer->options.obeys) return true;
    writer_reset(&connection->out);
    put_answer(connection, &call, NULL, 0, PDU_FIRST_FRAG | PDU_LAST_FRAG, NCA_S_FAULT_CANCEL);
    return peer_send(connection);
}

static bool serve_one(PeerConnection *connection)
{
    uint8_t *data = connection->pdu;
    PduHeader header;
    Pdu pdu;

    if (io_read_all(connection->fd, data, PDU_HEADER_SIZE, TIME_NEVER) != 0) return false;
    assert(pdu_header_parse(data, &header) == 0);
    if (io_read_all(connection->fd, data + PDU_HEADER_SIZE, header.frag_length - PDU_HEADER_SIZE,
                    TIME_NEVER) != 0)
        return false;
    assert(pdu_parse(data, header.frag_length, &pdu) == 0);
    if (connection->peer->options.deaf) return true;
    if (pdu.header.type == PDU_BIND || pdu.header.type == PDU_ALTER_CONTEXT)
        return answer_bind(connection, &pdu);
    if (pdu.header.type == PDU_AUTH3) {
        assert(pdu.trailer.token && pdu.trailer.token[0] == '3');
        count(connection->peer, &connection->peer->counts.auth3s);
        return peer_authenticate(connection, &pdu) == NULL;
    }
    if (pdu.header.type == PDU_CANCEL || pdu.header.type == PDU_ORPHANED)
        return answer_cancel(connection, &pdu);
    assert(pdu.header.type == PDU_REQUEST);
    return answer_request(connection, &pdu, data);
}

static void *serve(void *data)
{
    PeerConnection *connection = data;

    while (!connection->peer->options.hang_up && serve_one(connection))
        continue;
    shutdown(connection->fd, SHUT_RDWR);
    return NULL;
}

static void peer_accept(Peer *peer, int listener)
{
    PeerConnection *connection = calloc(1, sizeof(*connection));
    IoAddress from;

    assert(connection);
    connection->peer = peer;
    writer_init(&connection->request, 0);
    writer_init(&connection->out, 0);
    if (io_accept(listener, &connection->fd, &from) != 0) {
        free(connection);
        return;
    }
    pthread_mutex_lock(&peer->lock);
    assert(peer->connection_count < CONNECTIONS_MAX);
    peer->connections[peer->connection_count++] = connection;
    peer->counts.connections++;
    int r = pthread_create(&connection->thread, NULL, serve, connection);
    pthread_mutex_unlock(&peer->lock);
    assert(r == 0);
}

static void *accept_all(void *data)
{
    Peer *peer = data;
    struct pollfd *fds = calloc(peer->count + 1, sizeof(*fds));

    assert(fds);
    for (size_t i = 0; i < peer->count; i++)
        fds[i] = (struct pollfd){peer->listeners[i], POLLIN, 0};
    fds[peer->count] = (struct pollfd){peer->stop_fd, POLLIN, 0};
    while (poll(fds, peer->count + 1, -1) >= 0 && !fds[peer->count].revents)
        for (size_t i = 0; i < peer->count; i++)
            if (fds[i].revents) peer_accept(peer, peer->listeners[i]);
    free(fds);
    return NULL;
}

Peer *peer_new(const PeerOptions *options, size_t listeners)
{
    Peer *peer = calloc(1, sizeof(*peer));

    assert(peer);
    if (options) peer->options = *options;
    pthread_mutex_init(&peer->lock, NULL);
    peer->count = listeners;
    peer->addresses = calloc(listeners, sizeof(*peer->addresses));
    peer->listeners = calloc(listeners, sizeof(*peer->listeners));
    assert(peer->addresses && peer->listeners);
    for (size_t i = 0; i < listeners; i++) {
        char text[32];
        IoAddress address;
        snprintf(text, sizeof(text), "127.0.%u.1", (unsigned)i);
        int r = io_address_parse(text, 0, &address);
        if (r == 0) r = io_listen(&address, 0, &peer->listeners[i]);
        if (r == 0) r = io_socket_address(peer->listeners[i], &peer->addresses[i]);
        assert(r == 0);
    }
    peer->stop_fd = eventfd(0, EFD_CLOEXEC);
    int r = pthread_create(&peer->thread, NULL, accept_all, peer);
    assert(r == 0 && peer->stop_fd >= 0);
    return peer;
}

static void connection_free(PeerConnection *connection)
{
    shutdown(connection->fd, SHUT_RDWR);
    pthread_join(connection->thread, NULL);
    close(connection->fd);
    for (size_t i = 0; i < CONTEXTS_MAX; i++)
        (void)sec_context_free(connection->contexts[i].context);
    writer_deinit(&connection->request);
    writer_deinit(&connection->out);
    free(connection);
}

void peer_drop(Peer *peer)
{
    pthread_mutex_lock(&peer->lock);
    const size_t count_now = peer->connection_count;
    PeerConnection **all = calloc(count_now + 1, sizeof(*all));
    assert(all);
    memcpy(all, peer->connections, count_now * sizeof(*all));
    peer->connection_count = 0;
    pthread_mutex_unlock(&peer->lock);
    for (size_t i = 0; i < count_now; i++)
        connection_free(all[i]);
    free(all);
}

Peer *peer_free(Peer *peer)
{
    if (!peer) return NULL;
    (void)eventfd_write(peer->stop_fd, 1);
    pthread_join(peer->thread, NULL);
    peer_drop(peer);
    for (size_t i = 0; i < peer->count; i++)
        close(peer->listeners[i]);
    close(peer->stop_fd);
    free(peer->listeners);
    free(peer->addresses);
    pthread_mutex_destroy(&peer->lock);
    free(peer);
    return NULL;
}

const IoAddress *peer_address(const Peer *peer, size_t index)
{
    return &peer->addresses[index];
}

PeerCounts peer_counts(Peer *peer)
{
    pthread_mutex_lock(&peer->lock);
    const PeerCounts counts = peer->counts;
    pthread_mutex_unlock(&peer->lock);
    return counts;
}
