/* SPDX-License-Identifier: Apache-2.0 */
/* One connection: its socket, its buffers, and what was negotiated on it. */
#include <errno.h>
#include <string.h>
#include "io/socket.h"
#include "rpc/client-private.h"

int client_connection_new(Association *association, ClientConnection **ret_connection)
{
    ClientConnection *connection = calloc(1, sizeof(*connection));
    bool full;

    if (!connection) return -ENOMEM;
    pthread_mutex_lock(&association->lock);
    full = association->connections >= association->client->options.connections_max;
    if (!full) association->connections++;
    pthread_mutex_unlock(&association->lock);
    if (full) {
        free(connection);
        return -ENOSPC;
    }
    list_init(&connection->link);
    connection->association = association_ref(association);
    connection->fd = connection->passing = -1;
    connection->forks = client_forks();
    connection->fragment_max = PDU_FRAGMENT_MIN;
    connection->receive_size = CLIENT_RECEIVE_MIN;
    writer_init(&connection->out, 0);
    *ret_connection = connection;
    return 0;
}

static ClientContext *context_free(ClientContext *context)
{
    if (!context) return NULL;
    context->context = sec_context_free(context->context);
    context->choice = client_choice_unref(context->choice);
    context->security = rpc_security_unref(context->security);
    free(context);
    return NULL;
}

ClientConnection *client_connection_free(ClientConnection *connection)
{
    if (!connection) return NULL;
    Association *association = connection->association;
    if (connection->fd >= 0) close(connection->fd);
    if (connection->contexts) {
        HashIterator iterator = {0};
        for (ClientContext *each; (each = hashmap_next(connection->contexts, &iterator));)
            (void)context_free(each);
        connection->contexts = hashmap_free(connection->contexts);
    }
    writer_deinit(&connection->out);
    free(connection->in);
    free(connection->presentations);
    free(connection);
    pthread_mutex_lock(&association->lock);
    /* The server forgets a group with its last connection. */
    if (--association->connections == 0) association->group = 0;
    pthread_mutex_unlock(&association->lock);
    (void)association_unref(association);
    return NULL;
}

/* Security contexts */

ClientContext *client_connection_context(ClientConnection *connection, const RpcSecurity *security,
                                         int64_t now)
{
    ClientContext *context = connection->last_context;

    if (!connection->contexts) return NULL;
    if (!context || !rpc_security_equal(context->security, security))
        context = hashmap_get(connection->contexts, security->key, security->key_length);
    if (!context) return NULL;
    if (context->expires - CLIENT_EXPIRY_MARGIN <= now) {
        if (connection->last_context == context) connection->last_context = NULL;
        (void)hashmap_remove(connection->contexts, security->key, security->key_length);
        (void)context_free(context);
        return NULL;
    }
    connection->last_context = context;
    return context;
}

bool client_connection_may_add(const ClientConnection *connection, const RpcSecurity *security)
{
    return connection->contexts && connection->multiplex && !connection->exclusive &&
           security->level >= LEVEL_PACKET && connection->last_context_id < RPC_CLIENT_SECURITY_CONTEXTS;
}

/* A ticket that was got in somebody's name may last longer than what it was got with: it is of no use beyond
 * that. */
static int64_t ends_at(const RpcSecurity *security, const SecContext *sec_context)
{
    const int64_t context = sec_context_expires(sec_context), token = token_expires(security->token);
    return token < context ? token : context;
}

int client_connection_add(ClientConnection *connection, RpcSecurity *security, SecContext *sec_context,
                          ClientChoice *choice, uint32_t id, ClientContext **ret_context)
{
    ClientContext *context = calloc(1, sizeof(*context));
    int r = 0;

    if (!context) {
        (void)sec_context_free(sec_context);
        (void)client_choice_unref(choice);
        return -ENOMEM;
    }
    context->context = sec_context;
    context->choice = choice;
    context->security = rpc_security_without_token(security);
    context->id = id;
    context->token_length = sec_context_token_length(sec_context, security->level);
    context->expires = ends_at(security, sec_context);
    if (!context->security) r = -ENOMEM;
    if (r == 0 && !connection->contexts) r = hashmap_new(&connection->contexts);
    if (r == 0) r = hashmap_put(connection->contexts, security->key, security->key_length, context);
    if (r < 0) {
        (void)context_free(context);
        return r;
    }
    if (security->level < LEVEL_PACKET || rpc_security_is_local(security)) connection->exclusive = true;
    connection->last_context = context;
    *ret_context = context;
    return 0;
}

/* Presentation contexts */

ClientPresentation *client_connection_presentation(ClientConnection *connection,
                                                   const PduSyntax *interface_id)
{
    const size_t count = connection->presentation_count;

    for (size_t i = 0; i < count; i++) {
        size_t at = connection->last_presentation + i;
        if (at >= count) at -= count;
        if (!pdu_syntax_equal(&connection->presentations[at].interface_id, interface_id)) continue;
        connection->last_presentation = at;
        return &connection->presentations[at];
    }
    return NULL;
}

int client_connection_bound(ClientConnection *connection, const PduSyntax *interface_id, uint16_t id)
{
    const size_t count = connection->presentation_count;

    if (count % 8 == 0) {
        ClientPresentation *grown = realloc(connection->presentations, (count + 8) * sizeof(*grown));
        if (!grown) return -ENOMEM;
        connection->presentations = grown;
    }
    connection->presentations[count] = (ClientPresentation){*interface_id, id};
    connection->presentation_count++;
    return 0;
}

/* Bytes */

bool client_connection_is_stale(const ClientConnection *connection)
{
    uint8_t byte;
    ssize_t got = recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return !(got < 0 && errno == EAGAIN);
}

int client_connection_send(ClientConnection *connection)
{
    Writer *out = &connection->out;

    while (connection->out_sent < out->length) {
        size_t sent;
        const uint8_t *next = out->data + connection->out_sent;
        const size_t left = out->length - connection->out_sent;
        int r = connection->passing >= 0
                    ? io_write_descriptor(connection->fd, next, left, connection->passing, &sent)
                    : io_write(connection->fd, next, left, &sent);
        if (r) return r;
        connection->passing = -1;
        connection->out_sent += sent;
    }
    return 0;
}

/* Room for `size` bytes from in_start on. */
static int receive_room(ClientConnection *connection, size_t size)
{
    const size_t held = connection->in_end - connection->in_start;

    if (connection->in_start) memmove(connection->in, connection->in + connection->in_start, held);
    connection->in_start = 0;
    connection->in_end = held;
    if (size <= connection->in_size) return 0;
    uint8_t *grown = realloc(connection->in, size);
    if (!grown) return -ENOMEM;
    connection->in = grown;
    connection->in_size = size;
    return 0;
}

/* A read that may block this thread. */
static int read_blocking(ClientConnection *connection, uint64_t patience, void *buffer, size_t size,
                         size_t *ret_size)
{
    if (connection->patience != patience) {
        int r = io_set_patience(connection->fd, patience);
        if (r < 0) return r;
        connection->patience = patience;
    }
    return io_read_blocking(connection->fd, buffer, size, ret_size);
}

/* The length of the PDU that begins at in_start, 0 when its header is not there yet. 0, -EPROTO. */
static int pdu_length(const ClientConnection *connection, size_t *ret_length)
{
    PduHeader header;

    *ret_length = 0;
    if (connection->in_end - connection->in_start < PDU_HEADER_SIZE) return 0;
    if (pdu_header_parse(connection->in + connection->in_start, &header) != 0) return -EPROTO;
    *ret_length = header.frag_length;
    return 0;
}

int client_connection_receive(ClientConnection *connection, uint64_t patience, uint8_t **ret_pdu,
                              size_t *ret_length)
{
    for (;;) {
        size_t length, got;
        int r = pdu_length(connection, &length);
        if (r < 0) return r;
        if (length && connection->in_end - connection->in_start >= length) {
            *ret_pdu = connection->in + connection->in_start;
            *ret_length = length;
            connection->in_start += length;
            return 0;
        }
        const bool empty = connection->in_start == connection->in_end;
        size_t wanted = empty ? connection->receive_size : CLIENT_RECEIVE_MIN;
        if (wanted < length) wanted = length;
        if (empty) connection->in_start = connection->in_end = 0;
        if (connection->in_size - connection->in_start < wanted) {
            r = receive_room(connection, wanted);
            if (r < 0) return r;
        }
        uint8_t *end = connection->in + connection->in_end;
        const size_t room = connection->in_size - connection->in_end;
        r = patience ? read_blocking(connection, patience, end, room, &got)
                     : io_read(connection->fd, end, room, &got);
        if (r) return r;
        connection->in_end += got;
    }
}
