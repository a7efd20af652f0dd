/* SPDX-License-Identifier: Apache-2.0 */
/* bind, alter_context and rpc_auth_3: presentation contexts and security contexts of a connection. */
#include <errno.h>
#include <rpcdce.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <winerror.h>
#include "base/time.h"
#include "io/pool.h"
#include "rpc/local.h"
#include "rpc/server-private.h"
#include "sec/mechanism.h"

#define LEVEL_CONNECT   2u
#define LEVEL_CALL      3u
#define LEVEL_PKT       4u
#define LEVEL_INTEGRITY 5u
#define LEVEL_PRIVACY   6u
#define LEG_SECONDS     10u /* for the authority's answer */
#define OUR_FEATURES    (PDU_FEATURE_SECURITY_MULTIPLEX | PDU_FEATURE_KEEP_ON_ORPHAN)
#define OUR_FRAGMENT    65520u /* most that is sent or announced: a multiple of 16 */
#define FRAGMENT_LEAST  2048u  /* announced to who asks for less, as Windows does */

static const char no_memory[] = "no memory";

/* Security contexts */

/* What came of a leg. */
typedef enum Leg {
    LEG_DONE,               /* verified: the context is ready */
    LEG_MORE,               /* an answer, and another leg is to follow */
    LEG_RETRY,              /* refused, with a token for the peer that says why; a new first leg may follow */
    LEG_REFUSED,            /* the security provider says no, and that is final */
    LEG_FAILED_BEFORE,      /* the context was refused before */
    LEG_CAPABILITY,         /* verified, but not asked for what its level needs (GSS-4) */
    LEG_UNSENT,             /* verified, but our last token would reach nobody */
    LEG_IDENTITY,           /* another one than the connection's */
    LEG_TYPE,               /* nobody here knows that service */
    LEG_LEVEL,              /* there is no such level, or it needs no authentication */
    LEG_MEMORY,             /* no memory, or no thread that could wait for the authority */
    LEG_HALF_OPEN,          /* too many contexts that are not verified yet */
    LEG_TRIES,              /* too many legs before anybody authenticated */
    LEG_CALLER_CONTEXTS,    /* too many of one caller */
    LEG_CALLER_CONNECTIONS, /* likewise */
    LEG_STALE,              /* the context is complete, or was begun at another level */
    LEG_OTHER,              /* it was begun with another service */
    LEG_CONTEXTS,           /* the connection has its most contexts */
    LEG_PROTOCOL,           /* no leg was due */
    LEGS,
} Leg;

/* What is said to a leg that was not taken. */
typedef struct LegRefusal {
    const char *why;
    uint16_t nak;     /* to a bind */
    RpcStatus status; /* to an alter_context */
    ServerNext next; /* after that: a context that fails takes nothing along, as others may be calling here */
    bool silent;     /* to an auth3: nothing; it shows at the first request that uses the context.
                        [MS-RPCE] 3.3.1.5.2.1 */
} LegRefusal;

static const LegRefusal leg_refusals[LEGS] = {
    [LEG_RETRY] = {"authentication failed", 0, RPCST_OK, SERVER_READ, true}, /* answered by the token */
    [LEG_MORE] = {"authentication did not end with its last leg", 0, RPCST_OK, SERVER_READ, true},
    [LEG_REFUSED] = {"authentication failed", PDU_NAK_CHECKSUM, RPCST_ACCESS_DENIED, SERVER_READ, true},
    [LEG_FAILED_BEFORE] = {"a leg of a security context that has failed", PDU_NAK_CHECKSUM,
                           RPCST_ACCESS_DENIED, SERVER_READ, true},
    [LEG_CAPABILITY] = {"authentication without what its level needs", PDU_NAK_CHECKSUM, RPCST_SEC_PKG_ERROR,
                        SERVER_READ, true}, /* as Windows */
    [LEG_UNSENT] = {"the last leg in an rpc_auth_3, where it needs an answer", PDU_NAK_CHECKSUM,
                    RPCST_ACCESS_DENIED, SERVER_READ, true},
    [LEG_IDENTITY] = {"another identity on a connection without security context multiplexing",
                      PDU_NAK_CHECKSUM, RPCST_ACCESS_DENIED, SERVER_READ, true},
    [LEG_TYPE] = {"an authentication service that is not offered", PDU_NAK_AUTH_TYPE,
                  RPCST_UNKNOWN_AUTHN_SERVICE, SERVER_READ, false},
    [LEG_LEVEL] = {"an authentication level that there is not", PDU_NAK_NOT_SPECIFIED, RPCST_ACCESS_DENIED,
                   SERVER_DRAIN, false},
    [LEG_MEMORY] = {"no memory or no thread for its authentication", PDU_NAK_LIMIT, RPCST_OUT_OF_RESOURCES,
                    SERVER_DRAIN, false},
    [LEG_HALF_OPEN] = {"more unfinished security contexts than RPC_HALF_OPEN_CONTEXTS", PDU_NAK_LIMIT,
                       RPCST_OUT_OF_RESOURCES, SERVER_DRAIN, false},
    [LEG_TRIES] = {"more first legs without success than RPC_PREAUTH_LEGS", PDU_NAK_LIMIT,
                   RPCST_OUT_OF_RESOURCES, SERVER_DRAIN, false},
    [LEG_CALLER_CONTEXTS] = {"more security contexts of one caller than RPC_CALLER_CONTEXTS", PDU_NAK_LIMIT,
                             RPCST_OUT_OF_RESOURCES, SERVER_DRAIN, false},
    [LEG_CALLER_CONNECTIONS] = {"more connections of one caller than RPC_CALLER_CONNECTIONS", PDU_NAK_LIMIT,
                                RPCST_OUT_OF_RESOURCES, SERVER_DRAIN, false},
    [LEG_STALE] = {"a leg of a security context that is complete or of another level", PDU_NAK_VERSION,
                   RPCST_ACCESS_DENIED, SERVER_DRAIN, false},
    [LEG_OTHER] = {"a leg of a security context of another service", PDU_NAK_VERSION, RPCST_SEC_PKG_ERROR,
                   SERVER_DRAIN, false},
    [LEG_CONTEXTS] = {"more security contexts than contexts_per_connection", PDU_NAK_VERSION,
                      RPCST_PROTOCOL_ERROR, SERVER_DRAIN, false}, /* 3.3.1.5.4 */
    [LEG_PROTOCOL] = {"authentication that was not due", PDU_NAK_VERSION, RPCST_PROTOCOL_ERROR, SERVER_DRAIN,
                      false},
};

SecurityRow *server_security_find(RpcConnection *connection, uint32_t id)
{
    size_t last = connection->security_last;
    if (last < connection->security_count && connection->security[last]->id == id)
        return connection->security[last];
    for (size_t i = 0; i < connection->security_count; i++) {
        if (connection->security[i]->id != id) continue;
        connection->security_last = i;
        return connection->security[i];
    }
    return NULL;
}

/* One more context of its caller. LEG_DONE, or which limit is reached. */
static Leg caller_count(const RpcConnection *connection, SecurityRow *row)
{
    ServerCaller *caller = row->caller;
    bool first = true;
    for (size_t i = 0; i < connection->security_count; i++)
        if (connection->security[i] != row && connection->security[i]->caller == caller) first = false;
    if (atomic_fetch_add(&caller->contexts, 1) >= RPC_CALLER_CONTEXTS) {
        atomic_fetch_sub(&caller->contexts, 1);
        return LEG_CALLER_CONTEXTS;
    }
    if (first &&
        atomic_fetch_add(&caller->connections, 1) >= connection->server->options.caller_connections) {
        atomic_fetch_sub(&caller->connections, 1);
        atomic_fetch_sub(&caller->contexts, 1);
        return LEG_CALLER_CONNECTIONS;
    }
    row->first = first;
    return LEG_DONE;
}

static void caller_uncount(SecurityRow *row)
{
    if (row->state != SECURITY_READY) return;
    atomic_fetch_sub(&row->caller->contexts, 1);
    if (row->first) atomic_fetch_sub(&row->caller->connections, 1);
}

static size_t half_open_count(const RpcConnection *connection)
{
    size_t count = 0;
    for (size_t i = 0; i < connection->security_count; i++)
        count += connection->security[i]->state == SECURITY_PENDING;
    return count;
}

void server_security_free(RpcConnection *connection)
{
    for (size_t i = 0; i < connection->security_count; i++) {
        SecurityRow *row = connection->security[i];
        if (row->acceptor) connection->server->provider->destroy(row->acceptor);
        sec_context_free(row->context);
        token_unref(row->token);
        caller_uncount(row);
        server_caller_put(connection->server, row->caller);
        free(row);
    }
    free(connection->security);
}

static void release_acceptor(RpcConnection *connection, SecurityRow *row)
{
    if (row && row->acceptor) row->acceptor = connection->server->provider->destroy(row->acceptor);
}

/* One more row, empty. */
static int row_add(RpcConnection *connection, const PduTrailer *trailer, uint8_t level, SecurityRow **ret_row)
{
    SecurityRow **rows =
        realloc(connection->security, (connection->security_count + 1) * sizeof(connection->security[0]));
    if (!rows) return -ENOMEM;
    connection->security = rows;
    SecurityRow *row = calloc(1, sizeof(*row));
    if (!row) return -ENOMEM;
    row->id = trailer->context_id;
    row->type = trailer->type;
    row->level = level;
    rows[connection->security_count++] = row;
    *ret_row = row;
    return 0;
}

static int row_new(RpcConnection *connection, const PduTrailer *trailer, uint8_t level, SecurityRow **ret_row)
{
    const ServerProvider *provider = connection->server->provider;
    const uint32_t services = connection->server->options.services;
    SecAcceptor *acceptor = NULL;
    /* Keys being there for a service does not mean that the program wants it. */
    if (!provider || (services && (trailer->type >= 32 || !(services & 1u << trailer->type))))
        return -EOPNOTSUPP;
    int r = provider->create(connection->server->options.authority, trailer->type, level, &acceptor);
    if (r < 0) return r;
    r = row_add(connection, trailer, level, ret_row);
    if (r < 0)
        (void)provider->destroy(acceptor);
    else
        (*ret_row)->acceptor = acceptor;
    return r;
}

/* Without multiplexing a connection has one identity. Impacket negotiates none and yet makes a context per
 * interface, always as the same user: that is still one identity. */
static bool identity_fits(const RpcConnection *connection, const Token *token)
{
    if (connection->features & PDU_FEATURE_SECURITY_MULTIPLEX) return true;
    for (size_t i = 0; i < connection->security_count; i++) {
        const SecurityRow *row = connection->security[i];
        if (row->state != SECURITY_READY) continue;
        return strcmp(token_principal(row->token), token_principal(token)) == 0 &&
               sid_equal(token_user(row->token), token_user(token)) &&
               token_level(row->token) == token_level(token);
    }
    return true;
}

static void trace_row(const RpcConnection *connection, const SecurityRow *row)
{
    const RpcServerOptions *options = &connection->server->options;
    const SecMechanism *mechanism = sec_mechanism(sec_context_service(row->context));
    const bool negotiated = row->type == RPC_C_AUTHN_GSS_NEGOTIATE;
    char line[RPC_AUTHENTICATION_SIZE], choice[RPC_CHOICE_SIZE];

    if (!options->trace) return;
    (void)snprintf(choice, sizeof(choice), "%s%s",
                   mechanism ? mechanism->name : "this machine's own authentication",
                   negotiated ? ", chosen by Negotiate" : "");
    rpc_authentication_incoming(
        &(RpcAuthentication){.who = token_principal(row->token),
                             .target = sec_context_server(row->context),
                             .peer = &connection->remote,
                             .choice = choice,
                             .level = row->level,
                             .impersonation_level = (uint8_t)(token_level(row->token) + 1)},
        line);
    options->trace(options->trace_context, LOG_DEBUG, line);
}

/* It has token and context; `caller` is whom it is charged to, and taken over. */
static Leg row_admit(RpcConnection *connection, SecurityRow *row, ServerCaller *caller)
{
    row->caller = caller;
    if (!row->caller) return LEG_MEMORY;
    const Leg counted = caller_count(connection, row);
    if (counted != LEG_DONE) {
        row->caller = server_caller_put(connection->server, row->caller);
        return counted;
    }
    row->state = SECURITY_READY;
    trace_row(connection, row);
    if (!connection->authenticated) {
        connection->authenticated = true;
        atomic_store(&connection->who, row->token);
        server_peer_release(connection);
        connection_set_deadline(connection, TIME_NEVER, NULL);
    }
    return LEG_DONE;
}

static Leg row_ready(RpcConnection *connection, SecurityRow *row)
{
    const ServerProvider *provider = connection->server->provider;
    row->context = provider->take_context(row->acceptor);
    row->token = provider->take_token(row->acceptor);
    if (!row->context || !row->token) return LEG_REFUSED;
    if (!identity_fits(connection, row->token)) return LEG_IDENTITY;
    const char *principal = token_principal(row->token);
    return row_admit(connection, row,
                     server_caller_get(connection->server, '=', principal, strlen(principal)));
}

/* Steps the acceptor to its end. Waiting (for an authority in another process, which answers in a
 * millisecond) is done on this thread. When all others are taken one more is started: the call behind this
 * bind may be one that those wait for, and which must be admitted. */
static int drive(const ServerProvider *provider, SecAcceptor *acceptor)
{
    IoWait wait;
    int r = provider->step(acceptor, &wait);
    if (r != SEC_WAIT) return r;
    if (io_pool_block_begin(true)) return -EAGAIN;
    uint64_t deadline = time_after(LEG_SECONDS * NS_PER_SECOND);
    while (r == SEC_WAIT) {
        if (wait.deadline > deadline) wait.deadline = deadline;
        r = io_wait(&wait);
        if (r == -ETIMEDOUT && time_monotonic() >= deadline) break;
        if (r < 0 && r != -ETIMEDOUT) break;
        r = provider->step(acceptor, &wait);
    }
    io_pool_block_end();
    return r;
}

static Leg step(RpcConnection *connection, SecurityRow *row, const PduTrailer *trailer, bool last_only)
{
    const ServerProvider *provider = connection->server->provider;
    size_t length;
    int r = provider->input(row->acceptor, trailer->token, trailer->token_length);
    if (r < 0) return LEG_REFUSED;
    r = drive(provider, row->acceptor);
    if (r < 0) return r == -ENOMEM || r == -EAGAIN ? LEG_MEMORY : LEG_REFUSED;
    (void)provider->output(row->acceptor, &length);
    if (r == SEC_FAILED) return length > 0 ? LEG_RETRY : LEG_REFUSED;
    if (!provider->is_done(row->acceptor)) return LEG_MORE;
    /* Our last token would reach nobody. GSS-1: Negotiate's goes in an alter_context. */
    return last_only && length > 0 ? LEG_UNSENT : row_ready(connection, row);
}

/* Is this a leg that a context which was begun waits for? LEG_MORE: yes. */
static Leg leg_due(const SecurityRow *row, const PduTrailer *trailer, uint8_t level)
{
    if (row->type != trailer->type) return LEG_OTHER;
    if (row->state == SECURITY_READY || row->level != level) return LEG_STALE;
    return row->state == SECURITY_FAILED ? LEG_FAILED_BEFORE : LEG_MORE;
}

/* The only leg of a local connection, in its bind: whoever it belongs to then, it belongs to for good. */
static Leg local_leg(RpcConnection *connection, const PduTrailer *trailer, SecurityRow **ret_row,
                     SecFailure *failure)
{
    SecurityRow *row;
    *ret_row = NULL;
    if (connection->state != CONNECTION_NEW) return LEG_STALE;
    if (trailer->type != RPC_AUTHN_LOCAL) return LEG_TYPE;
    if (trailer->level != LEVEL_PRIVACY) return LEG_LEVEL; /* RPC-5: there is no other */
    if (row_add(connection, trailer, LEVEL_PRIVACY, &row) < 0) return LEG_MEMORY;
    int r = server_local_identity(connection, row, trailer, failure);
    Leg leg = LEG_REFUSED;
    if (r == 0) leg = row_admit(connection, row, server_local_caller(connection, row));
    if (r == -ENOMEM || r == -EAGAIN) leg = LEG_MEMORY;
    if (leg != LEG_DONE) row->state = SECURITY_FAILED;
    *ret_row = row;
    return leg;
}

/* What came of a leg, with the context's row (NULL: there is none) and what the security provider says. */
typedef struct LegResult {
    Leg leg;
    SecurityRow *row;
    char sentence[SEC_SENTENCE_MAX];
} LegResult;

/* The row that a leg is for, made where it is the first one. LEG_MORE, or why there is none. */
static Leg find_row(RpcConnection *connection, const PduTrailer *trailer, bool last_only,
                    SecurityRow **ret_row)
{
    /* [MS-RPCE] 2.2.1.1.8: over a connection CALL is PKT. DEFAULT is the client's to decide: on the wire it
     * is no level. */
    const uint8_t level = trailer->level == LEVEL_CALL ? LEVEL_PKT : trailer->level;
    *ret_row = server_security_find(connection, trailer->context_id);
    if (*ret_row) return leg_due(*ret_row, trailer, level);
    if (last_only) return LEG_PROTOCOL;
    if (level < LEVEL_CONNECT || level > LEVEL_PRIVACY) return LEG_LEVEL;
    if (connection->security_count >= connection->server->options.contexts) return LEG_CONTEXTS;
    if (half_open_count(connection) >= RPC_HALF_OPEN_CONTEXTS) return LEG_HALF_OPEN;
    int r = row_new(connection, trailer, level, ret_row);
    if (r < 0) return r == -EOPNOTSUPP ? LEG_TYPE : LEG_MEMORY;
    return LEG_MORE;
}

/* One leg. */
static void security_leg(RpcConnection *connection, const PduTrailer *trailer, bool last_only,
                         LegResult *result)
{
    SecurityRow *row;
    SecFailure local = {0};
    Leg leg = connection->is_local ? local_leg(connection, trailer, &row, &local)
                                   : find_row(connection, trailer, last_only, &row);
    *result = (LegResult){.row = row};
    (void)snprintf(result->sentence, sizeof(result->sentence), "%s", local.sentence);
    if (leg == LEG_MORE && !connection->authenticated && ++connection->legs_before > 2 * RPC_PREAUTH_LEGS)
        leg = LEG_TRIES;
    result->leg = leg;
    if (leg != LEG_MORE) return;
    leg = result->leg = step(connection, row, trailer, last_only);
    if (leg == LEG_RETRY || leg == LEG_REFUSED) {
        const SecFailure *failure = connection->server->provider->failure(row->acceptor);
        (void)snprintf(result->sentence, sizeof(result->sentence), "%s", failure->sentence);
        if (leg == LEG_REFUSED && failure->code == (uint32_t)SEC_E_SECURITY_QOS_FAILED)
            leg = result->leg = LEG_CAPABILITY;
    }
    if (leg != LEG_DONE && leg != LEG_MORE && leg != LEG_RETRY) row->state = SECURITY_FAILED;
    /* Kept until then: after LEG_RETRY a new first leg follows. */
    if (row->state == SECURITY_FAILED) release_acceptor(connection, row);
}

/* Presentation contexts */

/* The place of `id` in the table, or where it belongs. */
static size_t presentation_place(const RpcConnection *connection, uint16_t id)
{
    size_t low = 0, high = connection->presentation_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (connection->presentations[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const PresentationRow *server_presentation_find(const RpcConnection *connection, uint16_t id)
{
    size_t place = presentation_place(connection, id);
    if (place == connection->presentation_count || connection->presentations[place].id != id) return NULL;
    return &connection->presentations[place];
}

static int presentation_add(RpcConnection *connection, const PresentationRow *row)
{
    size_t most = connection->authenticated ? RPC_PRESENTATION_CONTEXTS : RPC_PREAUTH_PRESENTATIONS;
    if (connection->presentation_count >= most) return -ENOSPC;
    size_t place = presentation_place(connection, row->id), count = connection->presentation_count;
    if ((count & (count - 1)) == 0) {
        size_t room = count ? 2 * count : 1;
        PresentationRow *rows = realloc(connection->presentations, room * sizeof(*rows));
        if (!rows) return -ENOMEM;
        connection->presentations = rows;
    }
    PresentationRow *rows = connection->presentations;
    memmove(rows + place + 1, rows + place, (count - place) * sizeof(*rows));
    rows[place] = *row;
    connection->presentation_count++;
    return 0;
}

static bool interface_known(const RpcServer *server, const PduSyntax *abstract, const RpcInterface **ret_row)
{
    for (size_t i = 0; i < server->interface_count; i++) {
        const RpcInterface *row = server->interfaces[i];
        if (!guid_equal(&row->uuid, &abstract->uuid) || row->major != abstract->major) continue;
        *ret_row = row;
        return abstract->minor <= row->minor;
    }
    *ret_row = NULL;
    return server->has_objects && abstract->major == 0 && abstract->minor == 0 &&
           server->objects.knows(server->objects.data, &abstract->uuid);
}

static bool offers(const PduContext *context, const PduSyntax *syntax)
{
    for (unsigned i = 0; i < context->transfer_count; i++) {
        PduSyntax transfer = pdu_context_transfer(context, i);
        if (pdu_syntax_equal(&transfer, syntax)) return true;
    }
    return false;
}

/* Is this element the client's list of features, not an interface? [MS-RPCE] 3.3.1.5.3 */
static bool asks_features(const PduContext *context, uint64_t *ret_bits)
{
    PduSyntax transfer = pdu_context_transfer(context, 0);
    return pdu_syntax_is_features(&transfer, ret_bits);
}

/* At most one transfer syntax of an interface is accepted in one PDU. [MS-RPCE] 3.3.1.5.6 */
static bool accepted_before(const PduBind *bind, const PduResult *results, unsigned count,
                            const PduSyntax *abstract)
{
    PduList list;
    PduContext context;
    pdu_list_init(&list, bind);
    for (unsigned i = 0; i < count && pdu_context_next(&list, &context); i++)
        if (results[i].result == PDU_RESULT_ACCEPTED && pdu_syntax_equal(&context.abstract, abstract))
            return true;
    return false;
}

/* Answers one element that names an interface. `taken`: it was accepted with another element already.
 * 0, -ENOSPC, -ENOMEM, -EEXIST: calls under way mean what the context was before. */
static int negotiate(RpcConnection *connection, const PduContext *context, bool taken, PduResult *ret_result)
{
    *ret_result = (PduResult){.result = PDU_RESULT_PROVIDER, .reason = PDU_REASON_ABSTRACT};
    PresentationRow row = {.id = context->id, .abstract = context->abstract};
    const PresentationRow *old = server_presentation_find(connection, context->id);
    if (old && !pdu_syntax_equal(&old->abstract, &context->abstract)) return -EEXIST;
    if (!interface_known(connection->server, &context->abstract, &row.row)) return 0;
    ret_result->reason = PDU_REASON_TRANSFER;
    if (old && offers(context, &pdu_syntax_ndr64)) return -EEXIST; /* not what the context was agreed for */
    if (!offers(context, &pdu_syntax_ndr)) return 0;
    if (taken) return 0;
    int r = old ? 0 : presentation_add(connection, &row);
    if (r < 0) return r;
    *ret_result = (PduResult){.result = PDU_RESULT_ACCEPTED, .transfer = pdu_syntax_ndr};
    return 0;
}

/* Negotiates the whole list; the results go where an answer has them. 0, -ENOSPC, -ENOMEM, -EEXIST, -EPROTO.
 */
static int negotiate_all(RpcConnection *connection, const PduBind *bind, bool is_bind, PduResult results[255])
{
    PduList list;
    PduContext context;
    uint64_t features;
    bool asked = false;
    pdu_list_init(&list, bind);
    for (unsigned i = 0; pdu_context_next(&list, &context); i++) {
        if (context.transfer_count == 0) return -EPROTO;
        if (is_bind && asks_features(&context, &features)) {
            if (asked) return -EPROTO; /* "A client MUST have at most, one element" */
            asked = true;
            connection->features = features & OUR_FEATURES;
            results[i] = (PduResult){.result = PDU_RESULT_FEATURES, .reason = (uint16_t)connection->features};
            continue;
        }
        int r = negotiate(connection, &context, accepted_before(bind, results, i, &context.abstract),
                          &results[i]);
        if (r < 0) return r;
    }
    return bind->count > 0 ? 0 : -EPROTO;
}

/* Answers */

static void send_answer(RpcConnection *connection, const Pdu *pdu, const PduResult results[255],
                        const SecurityRow *row)
{
    bool is_bind = pdu->header.type == PDU_BIND;
    uint8_t flags = PDU_FIRST_FRAG | PDU_LAST_FRAG | (pdu->header.flags & PDU_HEADER_SIGN);
    if (is_bind) flags |= pdu->header.flags & PDU_CONC_MPX;
    char port[8] = "";
    if (is_bind && !connection->is_local)
        snprintf(port, sizeof(port), "%u", io_address_port(&connection->local));

    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, 0);
    size_t start =
        pdu_begin(&writer, is_bind ? PDU_BIND_ACK : PDU_ALTER_CONTEXT_RESP, flags, pdu->header.call_id);
    pdu_put_bind_ack(&writer, start, connection->announced, connection->announced, connection->group->id,
                     port, pdu->bind.count);
    for (unsigned i = 0; i < pdu->bind.count; i++)
        pdu_put_result(&writer, results[i].result, results[i].reason, &results[i].transfer);
    if (row && row->acceptor) {
        PduTrailer trailer = {.type = row->type, .level = pdu->trailer.level, .context_id = row->id};
        trailer.token = connection->server->provider->output(row->acceptor, &trailer.token_length);
        /* After the last leg Windows sends the sec_trailer alone, and Samba looks for it. */
        if (trailer.token_length > 0 || !is_bind) pdu_put_trailer(&writer, start, &trailer, 4);
    }
    if (row && connection->is_local) {
        uint8_t answer[RPC_LOCAL_LEG_SIZE];
        server_local_answer(row, answer);
        pdu_put_trailer(&writer, start,
                        &(PduTrailer){.type = row->type,
                                      .level = row->level,
                                      .context_id = row->id,
                                      .token = answer,
                                      .token_length = sizeof(answer)},
                        4);
    }
    pdu_end(&writer, start);
    connection_send(connection, &writer);
}

/* Headers are signed in all contexts of a connection from the bind or alter_context on that asks for it, also
 * in those that are there. Nothing turns it off again. [MS-RPCE] 3.3.1.5.2.2 */
static void take_sign_header(RpcConnection *connection, const Pdu *pdu)
{
    if (pdu->header.flags & PDU_HEADER_SIGN) atomic_store(&connection->sign_header, true);
}

/* One size for both directions, a multiple of 8, as Windows answers; but never sends more than the client
 * takes. */
static void agree_fragment(RpcConnection *connection, const PduBind *bind)
{
    uint32_t size = bind->max_xmit < bind->max_recv ? bind->max_xmit : bind->max_recv;
    size &= ~7u;
    if (size < FRAGMENT_LEAST) size = FRAGMENT_LEAST;
    if (size > OUR_FRAGMENT) size = OUR_FRAGMENT;
    connection->announced = (uint16_t)size;
    connection->receive_max = size > PDU_FRAGMENT_OURS ? size : PDU_FRAGMENT_OURS;
    connection->fragment_max = size;
    if (bind->max_recv >= PDU_FRAGMENT_MIN && bind->max_recv < size)
        connection->fragment_max = bind->max_recv;
}

/* Refusals */

static ServerNext refuse_bind(RpcConnection *connection, const Pdu *pdu, const char *why, uint16_t reason)
{
    const ServerRefusal refusal = {.why = why, .type = pdu->header.type};
    connection_refuse_nak(connection, &refusal, pdu->header.call_id, reason);
    return SERVER_DRAIN;
}

/* What negotiate_all() did not take. */
static ServerNext refuse_list(RpcConnection *connection, const Pdu *pdu, int error)
{
    const bool is_bind = pdu->header.type == PDU_BIND;
    ServerRefusal refusal = {.type = pdu->header.type};
    switch (error) {
    case -EEXIST:
        refusal.why = "a presentation context that means something else already";
        break;
    case -EPROTO:
        refusal.why = "no interface, no transfer syntax, or features twice";
        break;
    case -ENOSPC:
        /* a bind_nak to alter_context, too: [MS-RPCE] 3.3.3.5.5 */
        return refuse_bind(connection, pdu,
                           connection->authenticated
                               ? "more presentation contexts than RPC_PRESENTATION_CONTEXTS"
                               : "more presentation contexts than RPC_PREAUTH_PRESENTATIONS",
                           PDU_NAK_LIMIT);
    default:
        return refuse_bind(connection, pdu, no_memory, PDU_NAK_LIMIT);
    }
    if (is_bind)
        connection_refuse_nak(connection, &refusal, pdu->header.call_id, PDU_NAK_NOT_SPECIFIED);
    else
        connection_refuse_fault(connection, &refusal, pdu->header.call_id, 0, PDU_DID_NOT_EXECUTE,
                                RPCST_PROTOCOL_ERROR);
    return SERVER_DRAIN;
}

/* What is said to a leg that was not taken, and written of one that may be tried again. */
static ServerNext refuse_leg(RpcConnection *connection, const Pdu *pdu, const LegResult *result)
{
    const LegRefusal *row = &leg_refusals[result->leg];
    const bool is_auth3 = pdu->header.type == PDU_AUTH3;
    ServerRefusal refusal = {
        .why = row->why, .type = pdu->header.type, .detail = result->sentence[0] ? result->sentence : NULL};
    if (pdu->header.type == PDU_BIND && row->status != RPCST_OK) {
        connection_refuse_nak(connection, &refusal, pdu->header.call_id, row->nak);
        return SERVER_DRAIN;
    }
    if (row->status == RPCST_OK || (is_auth3 && row->silent)) {
        if (!is_auth3) refusal.answer = "an error token";
        connection_refused(connection, &refusal);
        return SERVER_READ;
    }
    connection_refuse_fault(connection, &refusal, pdu->header.call_id, 0, PDU_DID_NOT_EXECUTE,
                            is_auth3 ? RPCST_PROTOCOL_ERROR : row->status);
    return is_auth3 ? SERVER_DRAIN : row->next;
}

/* The leg in a bind or alter_context. False: it was refused, what follows is in *ret_next. */
static bool take_leg(RpcConnection *connection, const Pdu *pdu, SecurityRow **ret_row, ServerNext *ret_next)
{
    LegResult result;
    security_leg(connection, &pdu->trailer, false, &result);
    *ret_row = result.row;
    if (result.leg == LEG_DONE || result.leg == LEG_MORE) return true;
    *ret_next = refuse_leg(connection, pdu, &result);
    return result.leg == LEG_RETRY;
}

/* bind, alter_context, auth3 */

ServerNext server_on_bind(RpcConnection *connection, uint8_t *data, const Pdu *pdu, ServerCall **ret_call)
{
    (void)data;
    (void)ret_call;
    int r = server_group_join(connection, pdu->bind.group, &connection->group);
    if (r == -ENOENT)
        return refuse_bind(connection, pdu, "an association group that is not there, or another address's",
                           PDU_NAK_NOT_SPECIFIED);
    if (r < 0) return refuse_bind(connection, pdu, no_memory, PDU_NAK_LIMIT);
    agree_fragment(connection, &pdu->bind);

    PduResult results[255];
    r = negotiate_all(connection, &pdu->bind, true, results);
    if (r < 0) return refuse_list(connection, pdu, r);
    take_sign_header(connection, pdu);
    connection->concurrent = pdu->header.flags & PDU_CONC_MPX;
    connection->bound_secure = pdu->trailer.token;
    SecurityRow *row = NULL;
    ServerNext next;
    if (pdu->trailer.token && !take_leg(connection, pdu, &row, &next)) return next;
    server_drop_descriptor(connection);
    connection->state = CONNECTION_BOUND;
    send_answer(connection, pdu, results, row);
    if (row && row->state == SECURITY_READY) release_acceptor(connection, row);
    return SERVER_READ;
}

ServerNext server_on_alter(RpcConnection *connection, uint8_t *data, const Pdu *pdu, ServerCall **ret_call)
{
    (void)data;
    (void)ret_call;
    PduResult results[255];
    if (pdu->trailer.token && pdu->trailer.type == 0) { /* nobody proves anything by no service */
        const ServerRefusal refusal = {.why = "authentication by no service", .type = PDU_ALTER_CONTEXT};
        connection_refuse_fault(connection, &refusal, pdu->header.call_id, 0, PDU_DID_NOT_EXECUTE,
                                RPCST_ACCESS_DENIED);
        return SERVER_DRAIN;
    }
    int r = negotiate_all(connection, &pdu->bind, false, results);
    if (r < 0) return refuse_list(connection, pdu, r);
    take_sign_header(connection, pdu);
    SecurityRow *row = NULL;
    ServerNext next;
    /* A context that fails takes nothing along: other identities may be calling on this connection. */
    if (pdu->trailer.token && !take_leg(connection, pdu, &row, &next)) return next;
    send_answer(connection, pdu, results, row);
    if (row && row->state == SECURITY_READY) release_acceptor(connection, row);
    return SERVER_READ;
}

ServerNext server_on_auth3(RpcConnection *connection, uint8_t *data, const Pdu *pdu, ServerCall **ret_call)
{
    (void)data;
    (void)ret_call;
    LegResult result = {.leg = LEG_PROTOCOL};
    if (pdu->trailer.token) security_leg(connection, &pdu->trailer, true, &result);
    if (result.leg == LEG_DONE) {
        release_acceptor(connection, result.row);
        return SERVER_READ;
    }
    if (result.leg == LEG_MORE || result.leg == LEG_RETRY) { /* this was to be the last leg */
        result.row->state = SECURITY_FAILED;
        release_acceptor(connection, result.row);
    }
    return refuse_leg(connection, pdu, &result);
}
