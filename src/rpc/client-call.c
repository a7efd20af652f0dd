/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call as a state machine. The short way, on a connection that has everything: find, send, receive. Else
 *
 *     find -> first leg (tickets; no server is bothered before they are there) -> acquire -> [resolve] ->
 * [connect]
 *          -> bind / alter_context <-> next leg -> send -> receive
 *
 * Every state is one row of `states`; a step runs rows until one must wait or the call is over.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include "io/socket.h"
#include "rpc/client-private.h"
#include "sec/local-token.h"

#define SEC_E_TIME_SKEW 0x80090324u

RpcStatus client_call_fail(RpcClientCall *call, RpcStatus status, const char *format, ...)
{
    va_list arguments;

    call->failure.code = status;
    va_start(arguments, format);
    (void)vsnprintf(call->failure.sentence, sizeof(call->failure.sentence), format, arguments);
    va_end(arguments);
    return status;
}

static RpcStatus fail_errno(RpcClientCall *call, int error, const char *what)
{
    return client_call_fail(call, rpc_status_from_errno(error), "%s: %s", what, strerrordesc_np(-error));
}

/* The memory of one call is kept for each thread: it is too large for malloc() to have at hand. */
static pthread_key_t idle_key;
static pthread_once_t idle_once = PTHREAD_ONCE_INIT;
static bool idle_key_made;

static void idle_init(void)
{
    idle_key_made = pthread_key_create(&idle_key, free) == 0;
}

static RpcClientCall *memory_take(void)
{
    pthread_once(&idle_once, idle_init);
    void *idle = idle_key_made ? pthread_getspecific(idle_key) : NULL;
    if (!idle) return malloc(sizeof(RpcClientCall));
    (void)pthread_setspecific(idle_key, NULL); /* cannot fail: the key has a value already */
    return idle;
}

static void memory_give(RpcClientCall *call)
{
    if (!idle_key_made || pthread_getspecific(idle_key) || pthread_setspecific(idle_key, call) != 0)
        free(call);
}

RpcStatus rpc_client_call_new(const RpcClientCallSpec *spec, RpcClientCall **ret_call)
{
    RpcClientCall *call = memory_take();

    if (!call) return RPCST_OUT_OF_MEMORY;
    memset(call, 0, offsetof(RpcClientCall, failure));
    call->failure.code = 0;
    call->failure.sentence[0] = 0;
    call->binding = rpc_binding_ref(spec->binding);
    if (spec->cancel) call->cancel = rpc_cancel_ref(spec->cancel);
    call->security = rpc_security_ref(spec->security);
    call->interface_id = (PduSyntax){spec->iid, spec->major, spec->minor};
    call->opnum = spec->opnum;
    call->has_object = spec->object != NULL;
    if (spec->object) call->object = *spec->object;
    call->stub = spec->stub;
    call->stub_length = spec->stub_length;
    call->deadline = spec->deadline ? spec->deadline : TIME_NEVER;
    call->status = RPCST_PENDING;
    *ret_call = call;
    return RPCST_OK;
}

/* Lets go of the connection; one in the middle of something is not used again. */
static void drop_connection(RpcClientCall *call, bool reusable)
{
    if (!call->connection) return;
    if (!reusable) call->connection->broken = true;
    call->connection = association_release(call->connection);
    call->context = NULL;
    call->context_id = 0;
    call->has_presentation = false;
}

static void forget_addresses(RpcClientCall *call)
{
    call->resolve = io_resolve_free(call->resolve);
    free(call->addresses);
    call->addresses = NULL;
    call->next_address = 0;
}

RpcClientCall *rpc_client_call_free(RpcClientCall *call)
{
    if (!call) return NULL;
    drop_connection(call, false);
    forget_addresses(call);
    call->initiator = client_initiator(call)->free(call->initiator);
    if (call->reply.limit) writer_deinit(&call->reply);
    free(call->taken);
    call->security = rpc_security_unref(call->security);
    call->binding = rpc_binding_unref(call->binding);
    call->cancel = rpc_cancel_unref(call->cancel);
    memory_give(call);
    return NULL;
}

/* From the beginning, on a new connection. */
static RpcStatus start_over(RpcClientCall *call, bool keep_initiator)
{
    drop_connection(call, false);
    forget_addresses(call);
    if (!keep_initiator) call->initiator = client_initiator(call)->free(call->initiator);
    call->fresh = true;
    call->tried = 0;
    call->stub_made = call->verification_length = 0;
    call->state = call->initiator ? CALL_ACQUIRE : CALL_FIND;
    return RPCST_OK;
}

/* The connection broke under us. */
static RpcStatus connection_lost(RpcClientCall *call, int error)
{
    char address[IO_ADDRESS_STRING_SIZE];
    const char *why = error == IO_CLOSED ? "it closed the connection"
                      : error == -EPROTO ? "it does not speak DCE/RPC"
                                         : NULL;

    if (error == -ENOMEM) return client_call_fail(call, RPCST_OUT_OF_MEMORY, "out of memory");
    if (!call->sent && call->pooled && !call->replaced) {
        call->replaced = true;
        return start_over(call, false);
    }
    io_address_format(&call->address, address);
    if (!why) why = strerrordesc_np(-error);
    if (call->sent)
        return client_call_fail(call, error == -EPROTO ? RPCST_PROTOCOL_ERROR : RPCST_CALL_FAILED,
                                "the call to %s broke off after it was sent: %s", address, why);
    return client_call_fail(call, error == -EPROTO ? RPCST_PROTOCOL_ERROR : RPCST_CALL_FAILED_DNE,
                            "the call to %s could not be sent: %s", address, why);
}

/* With a connection: the next PDU is the request if all that it needs is there, else one that gets it. */
static RpcStatus proceed(RpcClientCall *call)
{
    ClientConnection *connection = call->connection;
    ClientContext *last = connection->last_context;

    if (call->security && !call->context && last && rpc_security_equal(last->security, call->security))
        call->context = last;
    if (call->context) call->initiator = client_initiator(call)->free(call->initiator);
    const ClientPresentation *presentation = client_connection_presentation(connection, &call->interface_id);
    call->has_presentation = presentation != NULL;
    if (presentation) call->presentation_id = presentation->id;
    if (presentation && (call->context || !call->security)) {
        if (call->context) client_choice_used(call->security, call->context->choice);
        call->state = CALL_SEND_REQUEST;
        return client_request_compose(call);
    }
    call->state = CALL_SEND_BIND;
    call->handshake_deadline = time_after(CLIENT_BIND_TIMEOUT);
    return client_bind_compose(call);
}

/* Whoever may write to a directory of sockets could put one there: only whom the caller named is spoken to.
 */
static bool is_owner(const RpcClientCall *call, const ClientConnection *connection)
{
    const struct BindingEndpoint *endpoint = &call->binding->endpoints[call->endpoint];
    return !endpoint->has_owner || endpoint->owner == connection->owner;
}

static RpcStatus proceed_pooled(RpcClientCall *call, ClientConnection *connection)
{
    call->connection = connection;
    call->pooled = true;
    call->address = connection->association->address;
    call->has_address = true;
    return proceed(call);
}

/* States */

static RpcStatus state_find(RpcClientCall *call, IoWait *wait)
{
    RpcSecurity *security = call->security;

    Association *answered =
        call->fresh ? NULL : atomic_load_explicit(&call->binding->answered, memory_order_acquire);
    if (answered) {
        ClientConnection *connection = association_take(answered, security, false);
        call->endpoint = atomic_load_explicit(&call->binding->last, memory_order_relaxed);
        if (connection && !is_owner(call, connection)) connection = client_connection_free(connection);
        if (connection) return proceed_pooled(call, connection);
    }
    call->state = CALL_ACQUIRE;
    if (!security) return RPCST_OK;
    const SecInitiatorSpec spec = {.target = security->target,
                                   .authn_service = security->service,
                                   .authn_level = security->level,
                                   .impersonation = security->impersonation,
                                   .mutual = security->mutual,
                                   .deadline = call->deadline};
    int r = client_initiator(call)->new (security->token, &spec, &call->initiator);
    if (r < 0) return fail_errno(call, r, "the security context could not be begun");
    call->state = CALL_FIRST_LEG;
    return RPCST_OK;
}

/* Steps the initiator. RPCST_OK: its output is ready; CLIENT_RETRY: it corrected its clock. */
static RpcStatus step_initiator(RpcClientCall *call, IoWait *wait)
{
    int r = client_initiator(call)->step(call->initiator, wait);

    switch (r) {
    case 0:
        return RPCST_OK;
    case SEC_WAIT:
        return RPCST_PENDING;
    case SEC_RESTART:
        return CLIENT_RETRY;
    case SEC_FAILED:
        call->failure = *client_initiator(call)->failure(call->initiator);
        return call->failure.code ? call->failure.code : RPCST_SEC_PKG_ERROR;
    default:
        return fail_errno(call, r, "the security context could not be made");
    }
}

static RpcStatus state_first_leg(RpcClientCall *call, IoWait *wait)
{
    size_t length;
    RpcStatus status = step_initiator(call, wait);

    if (status != RPCST_OK)
        return status == CLIENT_RETRY ? client_call_fail(call, SEC_E_TIME_SKEW, "the clocks differ") : status;
    (void)client_initiator(call)->output(call->initiator, &length);
    if (length == 0)
        return client_call_fail(call, RPCST_SEC_PKG_ERROR, "the security package has nothing to say");
    call->state = CALL_ACQUIRE;
    return RPCST_OK;
}

static RpcStatus name_has_no_address(RpcClientCall *call, const char *host)
{
    switch (call->last_error) {
    case ENOENT:
        return client_call_fail(call, RPCST_SERVER_UNAVAILABLE,
                                "the name %s has no address; correct it, or add it to DNS or /etc/hosts",
                                host);
    case EREMOTEIO:
        return client_call_fail(call, RPCST_SERVER_UNAVAILABLE,
                                "no name server could say which address %s has; check /etc/resolv.conf",
                                host);
    default:
        return client_call_fail(call, RPCST_SERVER_UNAVAILABLE, "the name %s cannot be looked up: %s", host,
                                strerrordesc_np(call->last_error));
    }
}

/* What somebody who reads the sentence can do about it. */
static const char *advice(int error)
{
    switch (error) {
    case ECONNREFUSED:
        return "; nothing listens there: start mantled or the COM server, or correct the host or port";
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH:
        return "; check that the host is up and that no firewall is between";
    default:
        return "";
    }
}

static RpcStatus nobody_answered(RpcClientCall *call)
{
    const struct BindingEndpoint *endpoint = &call->binding->endpoints[call->endpoint];
    const char *why = strerrordesc_np(call->last_error);
    char address[IO_ADDRESS_STRING_SIZE];

    if (call->last_error == ENOSPC)
        return client_call_fail(call, RPCST_OUT_OF_RESOURCES,
                                "there are too many connections to this server already");
    if (!endpoint->is_address && !call->has_address) return name_has_no_address(call, endpoint->host);
    io_address_format(&call->address, address);
    return client_call_fail(call, RPCST_SERVER_UNAVAILABLE, "%s does not answer%s: %s%s", address,
                            call->binding->count > 1 ? ", nor does any other address of the server" : "", why,
                            advice(call->last_error));
}

static void remember_answer(RpcClientCall *call)
{
    Association *none = NULL, *mine = association_ref(call->connection->association);

    atomic_store_explicit(&call->binding->last, (unsigned)call->endpoint, memory_order_relaxed);
    if (!atomic_compare_exchange_strong(&call->binding->answered, &none, mine)) (void)association_unref(mine);
}

/* A call may take as long as it likes, but a server that has vanished must be noticed. Best effort. */
static void watch_peer(int fd)
{
    const int on = 1, idle = CLIENT_KEEPALIVE_SECONDS, interval = CLIENT_KEEPALIVE_SECONDS / 6, probes = 6;

    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

static RpcStatus connected(RpcClientCall *call)
{
    ClientConnection *connection = call->connection;

    if (io_address_is_ip(&call->address)) {
        watch_peer(connection->fd);
    } else {
        struct ucred process;
        int r = io_socket_credentials(connection->fd, &process);
        if (r < 0) return fail_errno(call, r, "the process at the other end cannot be seen");
        connection->owner = process.uid;
        if (!is_owner(call, connection))
            return client_call_fail(call, RPCST_SERVER_UNAVAILABLE,
                                    "account %u listens where account %u should: it was not called",
                                    (unsigned)process.uid,
                                    (unsigned)call->binding->endpoints[call->endpoint].owner);
    }
    remember_answer(call);
    return proceed(call);
}

/* The kernel takes what this thread is when it connects, which is not the process if it runs as somebody
 * else. */
static bool is_own_identity(const RpcSecurity *security)
{
    const Sid own = sid_from_uid(geteuid());
    return sid_equal(token_user(security->token), &own);
}

/* 0: the call has a connection, or one under way; -errno: try the next address. */
static int try_address(RpcClientCall *call, const IoAddress *address, RpcStatus *ret_status)
{
    _cleanup_(client_connection_freep) ClientConnection *connection = NULL;
    Association *association;

    call->address = *address;
    call->has_address = true;
    /* The kernel is no proof for a peer elsewhere, and none but the kernel's is taken here. */
    if (call->security && rpc_security_is_local(call->security) == io_address_is_ip(address))
        return -EPROTONOSUPPORT;
    if (rpc_security_is_local(call->security) && !call->security->target[0] &&
        !is_own_identity(call->security))
        return -EPERM;
    int r = client_association(call->binding->client, address, &association);
    if (r < 0) return r;
    if (!call->fresh) connection = association_take(association, call->security, true);
    if (connection && !is_owner(call, connection)) connection = client_connection_free(connection);
    if (connection) {
        (void)association_unref(association);
        *ret_status = proceed_pooled(call, TAKE_PTR(connection));
        return 0;
    }
    call->pooled = false;
    r = client_connection_new(association, &connection);
    (void)association_unref(association); /* the connection has its own */
    if (r == 0) r = io_connect_start(address, &connection->fd);
    if (r < 0) return r;
    call->connection = TAKE_PTR(connection);
    call->handshake_deadline = time_after(call->binding->client->options.connect_timeout);
    call->state = CALL_CONNECT;
    *ret_status = r == IO_AGAIN ? RPCST_OK : connected(call);
    return 0;
}

/* The next endpoint in order, the one that answered last first. */
static bool next_endpoint(RpcClientCall *call)
{
    const RpcBinding *binding = call->binding;

    forget_addresses(call);
    if (call->tried == binding->count) return false;
    const size_t last = atomic_load_explicit(&binding->last, memory_order_relaxed);
    /* `last`, then all others in their order */
    call->endpoint = call->tried == 0 ? last : call->tried <= last ? call->tried - 1 : call->tried;
    call->tried++;
    return true;
}

static RpcStatus state_acquire(RpcClientCall *call, IoWait *wait)
{
    RpcStatus status = RPCST_OK;

    for (;;) {
        int r;
        if (call->addresses && call->next_address < call->addresses->count) {
            r = try_address(call, &call->addresses->items[call->next_address++], &status);
        } else if (!next_endpoint(call)) {
            return nobody_answered(call);
        } else {
            const struct BindingEndpoint *endpoint = &call->binding->endpoints[call->endpoint];
            if (endpoint->is_address) {
                r = try_address(call, &endpoint->address, &status);
            } else {
                r = io_resolve_new(endpoint->host, endpoint->port, &call->resolve);
                if (r == 0) call->state = CALL_RESOLVE;
            }
        }
        if (r == 0) return status;
        if (r == -ENOMEM) return client_call_fail(call, RPCST_OUT_OF_MEMORY, "out of memory");
        call->last_error = -r;
    }
}

static RpcStatus state_resolve(RpcClientCall *call, IoWait *wait)
{
    int r = io_resolve_step(call->resolve, &call->addresses, wait);

    if (r == IO_AGAIN) return RPCST_PENDING;
    call->resolve = io_resolve_free(call->resolve);
    if (r < 0) call->last_error = -r;
    call->next_address = 0;
    call->state = CALL_ACQUIRE;
    return RPCST_OK;
}

static RpcStatus state_connect(RpcClientCall *call, IoWait *wait)
{
    int r = io_connect_finish(call->connection->fd);

    if (r == 0) return connected(call);
    if (r == IO_AGAIN) {
        *wait = (IoWait){call->connection->fd, POLLOUT, call->handshake_deadline};
        if (time_monotonic() < call->handshake_deadline) return RPCST_PENDING;
        r = -ETIMEDOUT;
    }
    call->last_error = -r;
    drop_connection(call, false);
    call->state = CALL_ACQUIRE;
    return RPCST_OK;
}

/* Binding must not take for ever, as a call may. */
static RpcStatus wait_for_bind(RpcClientCall *call, IoWait *wait, short events)
{
    char address[IO_ADDRESS_STRING_SIZE];

    *wait = (IoWait){call->connection->fd, events, call->handshake_deadline};
    if (time_monotonic() < call->handshake_deadline) return RPCST_PENDING;
    io_address_format(&call->address, address);
    return client_call_fail(call, RPCST_SERVER_UNAVAILABLE, "%s accepted the connection but does not answer",
                            address);
}

static void trace_context(const RpcClientCall *call)
{
    const RpcClientOptions *options = &call->binding->client->options;
    const RpcSecurity *security = call->security;
    char line[RPC_AUTHENTICATION_SIZE];

    if (!options->trace) return;
    rpc_authentication_outgoing(&(RpcAuthentication){.who = token_principal(security->token),
                                                     .target = security->target,
                                                     .peer = &call->address,
                                                     .choice = call->context->choice->text,
                                                     .level = security->level,
                                                     .impersonation_level = security->impersonation},
                                line);
    options->trace(options->trace_context, LOG_DEBUG, line);
}

/* The last leg is through: the context belongs to the connection from now on. */
static RpcStatus install_context(RpcClientCall *call)
{
    SecContext *context = client_initiator(call)->take_context(call->initiator);

    if (!context) return client_call_fail(call, RPCST_SEC_PKG_ERROR, "the security package made no context");
    ClientChoice *choice;
    int r = client_choice_new(call->connection->association, client_choice_of(call), &choice);
    if (r < 0)
        (void)sec_context_free(context);
    else
        r = client_connection_add(call->connection, call->security, context, choice, call->context_id,
                                  &call->context);
    if (r < 0) return client_call_fail(call, RPCST_OUT_OF_MEMORY, "out of memory");
    trace_context(call);
    call->initiator = client_initiator(call)->free(call->initiator);
    call->context_id = 0;
    return proceed(call);
}

static RpcStatus state_send_bind(RpcClientCall *call, IoWait *wait)
{
    int r = client_connection_send(call->connection);

    if (r == IO_AGAIN) return wait_for_bind(call, wait, POLLOUT);
    if (r < 0) return connection_lost(call, r);
    /* GSS-1: nothing answers rpc_auth_3. A leg that was refused shows at the request. */
    if (client_bind_is_last(call)) return install_context(call);
    call->state = CALL_RECEIVE_BIND;
    return RPCST_OK;
}

static RpcStatus state_receive_bind(RpcClientCall *call, IoWait *wait)
{
    uint8_t *pdu;
    size_t length;
    int r = client_connection_receive(call->connection, 0, &pdu, &length);

    if (r == IO_AGAIN) return wait_for_bind(call, wait, POLLIN);
    if (r) return connection_lost(call, r);
    const bool was_last = call->initiator && client_initiator(call)->is_done(call->initiator);
    RpcStatus status = client_bind_answer(call, pdu, length);
    if (status == RPCST_PENDING) return RPCST_OK; /* it was none: read on */
    if (status == CLIENT_RETRY) {
        call->replaced = true;
        return start_over(call, false);
    }
    if (status != RPCST_OK) return status;
    if (was_last) return install_context(call);
    if (!call->initiator) return proceed(call);
    call->state = CALL_LEG;
    return RPCST_OK;
}

static RpcStatus state_leg(RpcClientCall *call, IoWait *wait)
{
    size_t length;
    RpcStatus status = step_initiator(call, wait);

    if (status == CLIENT_RETRY) {
        if (call->restarted)
            return client_call_fail(call, SEC_E_TIME_SKEW,
                                    "the clocks differ, and correcting ours did not help");
        call->restarted = true;
        return start_over(call, true);
    }
    if (status != RPCST_OK) return status;
    (void)client_initiator(call)->output(call->initiator, &length);
    if (length) {
        call->state = CALL_SEND_BIND;
        return client_bind_compose(call);
    }
    if (!client_initiator(call)->is_done(call->initiator))
        return client_call_fail(call, RPCST_SEC_PKG_ERROR, "the security package has nothing to say");
    return install_context(call);
}

static RpcStatus state_send_request(RpcClientCall *call, IoWait *wait)
{
    ClientConnection *connection = call->connection;

    for (;;) {
        int r = client_connection_send(connection);
        if (connection->out_sent > 0) call->sent = true;
        if (r == IO_AGAIN) {
            *wait = (IoWait){connection->fd, POLLOUT, TIME_NEVER};
            return RPCST_PENDING;
        }
        if (r < 0) return connection_lost(call, r);
        if (call->stub_made == call->stub_length + call->verification_length) break;
        RpcStatus status = client_request_compose(call);
        if (status != RPCST_OK) return status;
    }
    call->state = CALL_RECEIVE_REPLY;
    return RPCST_OK;
}

/* How long a read may block. It does not look at the deadline, and a timer costs: none without a deadline. */
static uint64_t patience(const RpcClientCall *call)
{
    if (!call->waits_here || call->cancel) return 0;
    if (call->deadline == TIME_NEVER) return TIME_NEVER;
    return time_after(2 * CLIENT_BLOCK_NS) < call->deadline ? CLIENT_BLOCK_NS : 0;
}

static RpcStatus state_receive_reply(RpcClientCall *call, IoWait *wait)
{
    for (;;) {
        uint8_t *pdu;
        size_t length;
        int r = client_connection_receive(call->connection, patience(call), &pdu, &length);
        if (r == IO_AGAIN) {
            *wait = (IoWait){call->connection->fd, POLLIN, TIME_NEVER};
            return RPCST_PENDING;
        }
        if (r) return connection_lost(call, r);
        RpcStatus status = client_request_answer(call, pdu, length);
        if (status == RPCST_PENDING) continue;
        if (status == RPCST_OK) call->state = CALL_DONE;
        return status;
    }
}

static RpcStatus state_over(RpcClientCall *call, IoWait *wait)
{
    return call->status;
}

static RpcStatus (*const states[CALL_STATES])(RpcClientCall *call, IoWait *wait) = {
    [CALL_FIND] = state_find,
    [CALL_FIRST_LEG] = state_first_leg,
    [CALL_RESOLVE] = state_resolve,
    [CALL_ACQUIRE] = state_acquire,
    [CALL_CONNECT] = state_connect,
    [CALL_SEND_BIND] = state_send_bind,
    [CALL_RECEIVE_BIND] = state_receive_bind,
    [CALL_LEG] = state_leg,
    [CALL_SEND_REQUEST] = state_send_request,
    [CALL_RECEIVE_REPLY] = state_receive_reply,
    [CALL_DONE] = state_over,
    [CALL_FAILED] = state_over,
};

/* A refused interface or a fault leaves the connection as it was, unless it was only being made. */
static bool is_reusable(const RpcClientCall *call, RpcStatus status)
{
    if (status == RPCST_OK) return true;
    if (call->initiator || !call->connection || !call->connection->bound) return false;
    if (call->state == CALL_RECEIVE_REPLY) return call->fault;
    return call->state == CALL_RECEIVE_BIND &&
           (status == RPCST_UNKNOWN_IF || status == RPCST_UNSUPPORTED_TRANS_SYN);
}

static RpcStatus finish(RpcClientCall *call, RpcStatus status)
{
    drop_connection(call, is_reusable(call, status));
    call->state = status == RPCST_OK ? CALL_DONE : CALL_FAILED;
    return call->status = status;
}

static RpcStatus deadline_passed(RpcClientCall *call)
{
    if (call->sent)
        return client_call_fail(call, RPCST_CALL_CANCELLED, "the deadline passed before the server answered");
    return client_call_fail(call, RPCST_SERVER_UNAVAILABLE,
                            "the deadline passed before the call could be sent");
}

RpcStatus rpc_client_call_step(RpcClientCall *call, IoWait *ret_wait)
{
    RpcStatus status;

    if (call->state == CALL_DONE || call->state == CALL_FAILED) return call->status;
    do {
        status = call->cancel ? client_cancel_step(call) : RPCST_OK;
        if (status == RPCST_OK) status = states[call->state](call, ret_wait);
    } while (status == RPCST_OK && call->state != CALL_DONE);
    if (status == RPCST_PENDING) {
        if (call->cancel) {
            const uint64_t look = client_cancel_deadline(call);
            if (ret_wait->deadline > look) ret_wait->deadline = look;
        }
        if (call->deadline == TIME_NEVER) return RPCST_PENDING;
        if (ret_wait->deadline > call->deadline) ret_wait->deadline = call->deadline;
        if (time_monotonic() < call->deadline) return RPCST_PENDING;
        status = deadline_passed(call);
    }
    return finish(call, status);
}

RpcStatus rpc_client_call_run(RpcClientCall *call)
{
    IoWait wait;
    RpcStatus status;

    call->waits_here = true;
    while ((status = rpc_client_call_step(call, &wait)) == RPCST_PENDING) {
        int r = io_wait(&wait);
        if (r < 0 && r != -ETIMEDOUT) {
            status = finish(call, fail_errno(call, r, "waiting failed"));
            break;
        }
    }
    call->waits_here = false;
    return status;
}

/* Results */

Reader rpc_client_call_reply(const RpcClientCall *call)
{
    return call->result;
}

const SecFailure *rpc_client_call_failure(const RpcClientCall *call)
{
    return &call->failure;
}

bool rpc_client_call_is_fault(const RpcClientCall *call)
{
    return call->fault;
}

bool rpc_client_call_was_sent(const RpcClientCall *call)
{
    return call->sent;
}

const IoAddress *rpc_client_call_address(const RpcClientCall *call)
{
    return call->has_address ? &call->address : NULL;
}
