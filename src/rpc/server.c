/* SPDX-License-Identifier: Apache-2.0 */
/* The server: options, interfaces, listeners, and what its connections share: callers, peers, groups. */
#include "rpc/server.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "base/time.h"
#include "rpc/mgmt.h"
#include "rpc/server-private.h"
#include "sec/local-token.h"

#define ACCEPTS_PER_TURN 32
#define ACCEPT_PAUSE     (100 * NS_PER_MS) /* without descriptors: until the next try */

static void fill_options(RpcServerOptions *options)
{
    if (!options->preauth_bytes) options->preauth_bytes = RPC_PREAUTH_BYTES;
    if (!options->preauth_seconds) options->preauth_seconds = RPC_PREAUTH_SECONDS;
    if (!options->preauth_connections) options->preauth_connections = RPC_PREAUTH_CONNECTIONS;
    if (!options->connections) options->connections = RPC_CONNECTIONS;
    if (!options->calls_per_caller) options->calls_per_caller = RPC_CALLS_PER_CALLER;
    if (!options->request_bytes) options->request_bytes = RPC_REQUEST_BYTES;
    if (!options->contexts) options->contexts = RPC_SECURITY_CONTEXTS;
    if (!options->send_seconds) options->send_seconds = RPC_SEND_SECONDS;
    if (!options->stall_seconds) options->stall_seconds = RPC_STALL_SECONDS;
    if (!options->caller_connections) options->caller_connections = RPC_CALLER_CONNECTIONS;
    if (!options->log_seconds) options->log_seconds = RPC_LOG_SECONDS;
}

static char *machine_name(const char *configured)
{
    char name[IO_HOST_SIZE] = "";
    if (!configured && gethostname(name, sizeof(name) - 1) == 0) configured = name;
    if (!configured || !*configured) configured = "LOCALHOST";
    return local_domain(configured);
}

RpcStatus rpc_server_new(const RpcServerOptions *options, RpcServer **ret_server)
{
    if (!options->loop) return RPCST_INVALID_PARAMETER;
    RpcServer *server = calloc(1, sizeof(*server));
    if (!server) return RPCST_OUT_OF_MEMORY;
    server->options = *options;
    fill_options(&server->options);
    if (options->authority) {
        authority_ref(options->authority);
        server->provider = &server_provider;
    }
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->gone, NULL);
    list_init(&server->connections);
    list_init(&server->listeners);
    if (hashmap_new(&server->peers) < 0 || hashmap_new(&server->groups) < 0 ||
        hashmap_new(&server->callers) < 0) {
        rpc_server_free(server);
        return RPCST_OUT_OF_MEMORY;
    }
    mgmt_interface_init(&server->mgmt, server);
    server->interfaces[server->interface_count++] = &server->mgmt;
    if (options->log && server_log_new(options->loop, options->log, options->log_context,
                                       server->options.log_seconds, &server->log) < 0) {
        rpc_server_free(server);
        return RPCST_OUT_OF_MEMORY;
    }
    if (options->principal && !(server->principal = strdup(options->principal))) {
        rpc_server_free(server);
        return RPCST_OUT_OF_MEMORY;
    }
    if (!(server->machine = machine_name(options->machine))) {
        rpc_server_free(server);
        return RPCST_OUT_OF_MEMORY;
    }
    /* Ids that a restarted server gives out anew should not be those that its clients still remember. */
    server->last_group = (uint32_t)hash_bytes("group", 5);
    *ret_server = server;
    return RPCST_OK;
}

/* What is in a list here is still in the loop, so its handle may be referenced. */
static void close_all(RpcServer *server)
{
    pthread_mutex_lock(&server->lock);
    server->stopping = true;
    while (!list_is_empty(&server->listeners)) {
        ServerListener *listener = container_of(server->listeners.next, ServerListener, link);
        list_remove(&listener->link);
        io_handle_ref(&listener->handle);
        pthread_mutex_unlock(&server->lock);
        io_handle_remove(&listener->handle);
        io_handle_unref(&listener->handle);
        pthread_mutex_lock(&server->lock);
    }
    while (!list_is_empty(&server->connections)) {
        RpcConnection *connection = container_of(server->connections.next, RpcConnection, link);
        io_handle_ref(&connection->handle);
        pthread_mutex_unlock(&server->lock);
        connection_close(connection); /* leaves the list, unless another thread is just doing that */
        io_handle_unref(&connection->handle);
        pthread_mutex_lock(&server->lock);
    }
    pthread_mutex_unlock(&server->lock);
}

RpcServer *rpc_server_free(RpcServer *server)
{
    if (!server) return NULL;
    close_all(server);
    pthread_mutex_lock(&server->lock);
    while (server->connection_count > 0 || server->listener_count > 0)
        pthread_cond_wait(&server->gone, &server->lock);
    pthread_mutex_unlock(&server->lock);
    server_log_free(server->log);
    hashmap_free(server->peers);
    hashmap_free(server->groups);
    hashmap_free(server->callers);
    if (server->options.authority) authority_unref(server->options.authority);
    free(server->principal);
    free(server->machine);
    pthread_cond_destroy(&server->gone);
    pthread_mutex_destroy(&server->lock);
    free(server);
    return NULL;
}

RpcStatus rpc_server_register(RpcServer *server, const RpcInterface *row)
{
    if (server->interface_count == SERVER_INTERFACES) return RPCST_OUT_OF_RESOURCES;
    for (size_t i = 0; i < server->interface_count; i++) {
        const RpcInterface *other = server->interfaces[i];
        if (guid_equal(&other->uuid, &row->uuid) && other->major == row->major)
            return RPCST_INVALID_PARAMETER;
    }
    server->interfaces[server->interface_count++] = row;
    return RPCST_OK;
}

void rpc_server_set_objects(RpcServer *server, const RpcObjects *objects)
{
    server->objects = *objects;
    server->has_objects = true;
}

static void add_counts(RpcServerState *state, const ServerCounts *counts)
{
    state->calls_in += atomic_load_explicit(&counts->calls_in, memory_order_relaxed);
    state->packets_in += atomic_load_explicit(&counts->packets_in, memory_order_relaxed);
    state->packets_out += atomic_load_explicit(&counts->packets_out, memory_order_relaxed);
}

RpcServerState rpc_server_state(RpcServer *server)
{
    pthread_mutex_lock(&server->lock);
    RpcServerState state = {
        .connections = server->connection_count,
        .unauthenticated = server->unauthenticated,
        .calls = atomic_load(&server->calls),
        .groups = hashmap_count(server->groups),
        .calls_in = server->ended.calls_in,
        .packets_in = server->ended.packets_in,
        .packets_out = server->ended.packets_out,
    };
    list_each(item, &server->connections)
        add_counts(&state, &container_of(item, RpcConnection, link)->counts);
    pthread_mutex_unlock(&server->lock);
    return state;
}

/* Listeners */

static void listener_destroy(IoHandle *handle)
{
    ServerListener *listener = container_of(handle, ServerListener, handle);
    RpcServer *server = listener->server;
    close(handle->fd);
    pthread_mutex_lock(&server->lock);
    list_remove(&listener->link); /* a listener that never got into the loop is still there */
    server->listener_count--;
    pthread_cond_broadcast(&server->gone);
    pthread_mutex_unlock(&server->lock);
    free(listener);
}

/* -ENOENT says that the server is closing. Anything else is a listener that is lost: nothing to answer
 * anybody with. */
static void listen_on(ServerListener *listener)
{
    if (io_handle_arm(&listener->handle, EPOLLIN) < 0) io_handle_remove(&listener->handle);
}

static void listener_resume(IoTimer *timer, bool cancelled)
{
    ServerListener *listener = container_of(timer, ServerListener, pause);
    if (!cancelled) listen_on(listener);
    io_handle_unref(&listener->handle);
}

static void listener_ready(IoHandle *handle, uint32_t events)
{
    ServerListener *listener = container_of(handle, ServerListener, handle);
    (void)events;
    for (unsigned i = 0; i < ACCEPTS_PER_TURN; i++) {
        int fd;
        IoAddress peer;
        int r = io_accept(handle->fd, &fd, &peer);
        if (r == IO_AGAIN) break;
        if (r == -ECONNABORTED || r == -EINTR || r == -EPROTO) continue;
        if (r < 0) {
            /* Out of something: the connection stays queued, so waiting for readiness would spin. */
            io_handle_ref(handle);
            if (io_timer_start(handle->loop, &listener->pause, time_after(ACCEPT_PAUSE)) == 0) return;
            io_handle_unref(handle);
            break;
        }
        server_accept(listener->server, fd, &peer);
    }
    listen_on(listener);
}

int rpc_server_listen_fd(RpcServer *server, int fd, uint16_t *ret_port)
{
    IoAddress address;
    ServerListener *listener = calloc(1, sizeof(*listener));
    int r = listener ? io_socket_address(fd, &address) : -ENOMEM;
    /* Whoever made it may have made it blocking. */
    if (r == 0 && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0) r = -errno;
    if (r < 0) {
        free(listener);
        close(fd);
        return r;
    }
    io_handle_init(&listener->handle, fd, listener_ready, listener_destroy);
    io_timer_init(&listener->pause, listener_resume);
    listener->server = server;
    pthread_mutex_lock(&server->lock);
    list_append(&server->listeners, &listener->link);
    server->listener_count++;
    pthread_mutex_unlock(&server->lock);
    r = io_handle_add(server->options.loop, &listener->handle, EPOLLIN);
    io_handle_unref(&listener->handle); /* the loop has one, or nobody */
    if (r < 0) return r;
    if (ret_port) *ret_port = io_address_port(&address);
    return 0;
}

int rpc_server_listen(RpcServer *server, const IoAddress *address, uint16_t port, uint16_t *ret_port)
{
    int fd;
    int r;
    if (address) {
        IoAddress where = *address;
        io_address_set_port(&where, port);
        r = io_listen(&where, 0, &fd);
    } else {
        r = io_listen_any(port, &fd);
    }
    return r < 0 ? r : rpc_server_listen_fd(server, fd, ret_port);
}

/* Connections */

static const char no_memory[] = "no memory for its connection";

/* Counts the connection against its address. NULL, or why it is one too many. */
static const char *peer_charge(RpcServer *server, RpcConnection *connection)
{
    uint8_t key[16];
    size_t length = server_peer_key(connection, key);
    ServerPeer *peer = hashmap_get(server->peers, key, length);
    if (!peer) {
        peer = calloc(1, sizeof(*peer));
        if (!peer) return no_memory;
        memcpy(peer->key, key, length);
        peer->key_length = length;
        if (hashmap_put(server->peers, key, length, peer) < 0) {
            free(peer);
            return no_memory;
        }
    }
    if (peer->connections >= server->options.preauth_connections)
        return "more connections without authentication than connections_per_address";
    peer->connections++;
    server->unauthenticated++;
    connection->peer = peer;
    return NULL;
}

static void peer_release_locked(RpcConnection *connection)
{
    RpcServer *server = connection->server;
    ServerPeer *peer = connection->peer;
    if (!peer) return;
    connection->peer = NULL;
    server->unauthenticated--;
    if (--peer->connections > 0) return;
    hashmap_remove(server->peers, peer->key, peer->key_length);
    free(peer);
}

void server_peer_release(RpcConnection *connection)
{
    pthread_mutex_lock(&connection->server->lock);
    peer_release_locked(connection);
    pthread_mutex_unlock(&connection->server->lock);
}

void server_accept(RpcServer *server, int fd, const IoAddress *peer)
{
    RpcConnection *connection;
    if (connection_new(server, fd, peer, &connection) < 0) return;
    pthread_mutex_lock(&server->lock);
    const bool stopping = server->stopping;
    const char *full = server->connection_count >= server->options.connections
                           ? "more connections than RPC_CONNECTIONS"
                           : peer_charge(server, connection);
    list_append(&server->connections, &connection->link);
    server->connection_count++;
    pthread_mutex_unlock(&server->lock);
    /* A peer above its limit sees its connection end before a byte: there is no call to answer with a reason
     * yet. */
    if (full) connection_refused(connection, &(ServerRefusal){.why = full, .type = PDU_TYPES});
    if (stopping || full || connection_start(connection) < 0) connection_close(connection);
    io_handle_unref(&connection->handle);
}

void server_connection_gone(RpcConnection *connection)
{
    RpcServer *server = connection->server;
    pthread_mutex_lock(&server->lock);
    server->connection_count--;
    pthread_cond_broadcast(&server->gone);
    pthread_mutex_unlock(&server->lock);
}

void server_connection_closed(RpcConnection *connection)
{
    pthread_mutex_lock(&connection->server->lock);
    peer_release_locked(connection);
    list_remove(&connection->link);
    add_counts(&connection->server->ended, &connection->counts);
    pthread_mutex_unlock(&connection->server->lock);
}

/* Callers */

ServerCaller *server_caller_get(RpcServer *server, char kind, const void *key, size_t length)
{
    uint8_t name[SERVER_KEY_MAX];
    if (length > sizeof(name) - 1) length = sizeof(name) - 1; /* such callers share one allowance */
    name[0] = (uint8_t)kind;
    memcpy(name + 1, key, length);
    length++;

    pthread_mutex_lock(&server->lock);
    ServerCaller *caller = hashmap_get(server->callers, name, length);
    if (!caller && (caller = calloc(1, sizeof(*caller) + length))) {
        atomic_init(&caller->calls, 0);
        quota_init(&caller->bytes, RPC_CALLER_BYTES);
        caller->key_length = length;
        memcpy(caller->key, name, length);
        if (hashmap_put(server->callers, name, length, caller) < 0) {
            free(caller);
            caller = NULL;
        }
    }
    if (caller) caller->references++;
    pthread_mutex_unlock(&server->lock);
    return caller;
}

ServerCaller *server_caller_put(RpcServer *server, ServerCaller *caller)
{
    if (!caller) return NULL;
    pthread_mutex_lock(&server->lock);
    if (--caller->references == 0) {
        hashmap_remove(server->callers, caller->key, caller->key_length);
        free(caller);
    }
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

/* Groups */

static ServerGroup *group_new(RpcServer *server)
{
    ServerGroup *group = calloc(1, sizeof(*group));
    if (!group) return NULL;
    do
        group->id = ++server->last_group;
    while (group->id == 0 || hashmap_get(server->groups, &group->id, sizeof(group->id)));
    if (hashmap_put(server->groups, &group->id, sizeof(group->id), group) < 0) {
        free(group);
        return NULL;
    }
    return group;
}

int server_group_join(RpcConnection *connection, uint32_t id, ServerGroup **ret_group)
{
    RpcServer *server = connection->server;
    uint8_t key[16];
    size_t length = server_peer_key(connection, key);
    int r = 0;
    pthread_mutex_lock(&server->lock);
    ServerGroup *group;
    if (id == 0) {
        group = group_new(server);
        if (group) {
            memcpy(group->key, key, length);
            group->key_length = length;
        } else {
            r = -ENOMEM;
        }
    } else {
        /* Only from the machine that made it. [MS-RPCE] 3.3.1.5.7 */
        group = hashmap_get(server->groups, &id, sizeof(id));
        if (!group || group->key_length != length || memcmp(group->key, key, length) != 0) r = -ENOENT;
    }
    if (r == 0) {
        group->connections++;
        *ret_group = group;
    }
    pthread_mutex_unlock(&server->lock);
    return r;
}

void server_group_leave(RpcServer *server, ServerGroup *group)
{
    if (!group) return;
    pthread_mutex_lock(&server->lock);
    if (--group->connections == 0) {
        hashmap_remove(server->groups, &group->id, sizeof(group->id));
        free(group);
    }
    pthread_mutex_unlock(&server->lock);
}
