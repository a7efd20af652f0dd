/* SPDX-License-Identifier: Apache-2.0 */
/* The pool: a table of associations, each with the connections that wait for a call. */
#include <errno.h>
#include <string.h>
#include "rpc/client-private.h"

static const InitiatorOps initiator_ops = {
    .new = sec_initiator_new,
    .free = sec_initiator_free,
    .step = sec_initiator_step,
    .output = sec_initiator_output,
    .input = sec_initiator_input,
    .is_done = sec_initiator_is_done,
    .wants_reply = sec_initiator_wants_reply,
    .take_context = sec_initiator_take_context,
    .failure = sec_initiator_failure,
    .choice = sec_initiator_choice,
};

/* How often this process forked. Parent and child have the same connections with the same keys and numbers:
 * the answer to one would be taken for the other's, whoever each of them calls as. */
static atomic_uint forks;
static pthread_once_t forks_once = PTHREAD_ONCE_INIT;

static void count_fork(void)
{
    atomic_fetch_add(&forks, 1);
}

static void count_forks(void)
{
    (void)pthread_atfork(NULL, NULL, count_fork); /* fails for want of memory only, at the first client */
}

unsigned client_forks(void)
{
    return atomic_load_explicit(&forks, memory_order_relaxed);
}

RpcStatus rpc_client_new(const RpcClientOptions *options, RpcClient **ret_client)
{
    static const RpcClientOptions defaults;
    (void)pthread_once(&forks_once, count_forks);
    RpcClient *client = calloc(1, sizeof(*client));

    if (!client || hashmap_new(&client->associations) < 0) {
        free(client);
        return RPCST_OUT_OF_MEMORY;
    }
    refcount_init(&client->refs);
    client->initiator = &initiator_ops;
    client->options = options ? *options : defaults;
    if (!client->options.connect_timeout) client->options.connect_timeout = RPC_CONNECT_TIMEOUT;
    if (!client->options.idle_timeout) client->options.idle_timeout = RPC_IDLE_TIMEOUT;
    if (!client->options.connections_max) client->options.connections_max = RPC_CONNECTIONS_PER_SERVER;
    if (!client->options.reply_max) client->options.reply_max = RPC_REPLY_BYTES;
    pthread_mutex_init(&client->lock, NULL);
    atomic_init(&client->next_trim, TIME_NEVER);
    *ret_client = client;
    return RPCST_OK;
}

RpcClient *rpc_client_ref(RpcClient *client)
{
    if (client) refcount_ref(&client->refs);
    return client;
}

RpcClient *rpc_client_unref(RpcClient *client)
{
    if (!client || !refcount_unref(&client->refs)) return NULL;
    (void)rpc_client_trim(client, true);
    /* Bindings and calls hold the client: nobody is left who could hold an association. */
    HashIterator iterator = {0};
    for (Association *each; (each = hashmap_next(client->associations, &iterator));)
        (void)association_unref(each);
    hashmap_free(client->associations);
    pthread_mutex_destroy(&client->lock);
    free(client);
    return NULL;
}

/* Association */

/* The bytes that tell addresses apart; padding in the structures does not. */
static size_t address_key(const IoAddress *address, char key[IO_ADDRESS_STRING_SIZE])
{
    io_address_format(address, key);
    return strlen(key);
}

static int association_new(RpcClient *client, const IoAddress *address, Association **ret_association)
{
    Association *association = calloc(1, sizeof(*association));

    if (!association) return -ENOMEM;
    refcount_init(&association->refs);
    association->client = client;
    association->address = *address;
    pthread_mutex_init(&association->lock, NULL);
    list_init(&association->idle);
    *ret_association = association;
    return 0;
}

Association *association_ref(Association *association)
{
    if (association) refcount_ref(&association->refs);
    return association;
}

Association *association_unref(Association *association)
{
    if (!association || !refcount_unref(&association->refs)) return NULL;
    association->choice = client_choice_unref(association->choice);
    pthread_mutex_destroy(&association->lock);
    free(association);
    return NULL;
}

int client_association(RpcClient *client, const IoAddress *address, Association **ret_association)
{
    char key[IO_ADDRESS_STRING_SIZE];
    const size_t length = address_key(address, key);
    int r = 0;

    pthread_mutex_lock(&client->lock);
    Association *association = hashmap_get(client->associations, key, length);
    if (!association) {
        r = association_new(client, address, &association);
        if (r == 0) r = hashmap_put(client->associations, key, length, association);
        if (r < 0) association = association_unref(association);
    }
    if (association) *ret_association = association_ref(association);
    pthread_mutex_unlock(&client->lock);
    return r;
}

ClientConnection *association_take(Association *association, const RpcSecurity *security, bool may_add)
{
    const uint64_t now = time_coarse();
    const int64_t wall = security ? time_wall() : 0;
    const unsigned own = client_forks();
    ClientConnection *found = NULL, *extensible = NULL, *inherited = NULL;

    pthread_mutex_lock(&association->lock);
    list_each(item, &association->idle)
    {
        ClientConnection *connection = container_of(item, ClientConnection, link);
        if (connection->forks != own) {
            inherited = connection;
            break;
        }
        if (security) {
            if (client_connection_context(connection, security, wall))
                found = connection;
            else if (may_add && !extensible && client_connection_may_add(connection, security))
                extensible = connection;
        } else if (!connection->contexts) {
            found = connection;
        }
        if (found) break;
    }
    if (!found) found = inherited ? inherited : extensible;
    if (found) list_remove(&found->link);
    pthread_mutex_unlock(&association->lock);
    if (found && found == inherited) { /* closes the child's descriptor: the parent goes on with its own */
        (void)client_connection_free(found);
        return association_take(association, security, may_add);
    }
    if (found && now - found->idle_since > CLIENT_PROBE_AFTER && client_connection_is_stale(found)) {
        (void)client_connection_free(found);
        return association_take(association, security, may_add); /* one fewer is there: this ends */
    }
    return found;
}

static void trim_in_passing(RpcClient *client, uint64_t now)
{
    uint64_t due = atomic_load_explicit(&client->next_trim, memory_order_relaxed);

    if (due == TIME_NEVER)
        atomic_store_explicit(&client->next_trim, now + client->options.idle_timeout, memory_order_relaxed);
    else if (now >= due)
        (void)rpc_client_trim(client, false);
}

ClientConnection *association_release(ClientConnection *connection)
{
    if (!connection) return NULL;
    if (connection->broken || connection->forks != client_forks() ||
        connection->in_start != connection->in_end)
        return client_connection_free(connection);
    Association *association = connection->association;
    RpcClient *client = association->client;
    if (connection->out.capacity > CLIENT_BUFFER_KEEP) writer_deinit(&connection->out);
    if (connection->in_size > CLIENT_BUFFER_KEEP) {
        free(connection->in);
        connection->in = NULL;
        connection->in_size = 0;
    }
    connection->in_start = connection->in_end = 0;
    const uint64_t now = connection->idle_since = time_coarse();
    pthread_mutex_lock(&association->lock);
    list_append(association->idle.next, &connection->link); /* before the first */
    pthread_mutex_unlock(&association->lock);
    trim_in_passing(client, now);
    return NULL;
}

/* Moves the connections that are to be closed to `closing`. */
static void trim_association(Association *association, uint64_t before, bool all, List *closing,
                             uint64_t *oldest)
{
    pthread_mutex_lock(&association->lock);
    list_each(item, &association->idle)
    {
        ClientConnection *connection = container_of(item, ClientConnection, link);
        if (all || connection->idle_since <= before) {
            list_remove(item);
            list_append(closing, item);
        } else if (connection->idle_since < *oldest) {
            *oldest = connection->idle_since;
        }
    }
    pthread_mutex_unlock(&association->lock);
}

/* Nobody but the table refers to it, and new references are only given out under the client's lock. */
static bool is_forgotten(Association *association)
{
    return atomic_load(&association->refs.count) == 1;
}

uint64_t rpc_client_trim(RpcClient *client, bool all)
{
    const uint64_t now = time_monotonic(), timeout = client->options.idle_timeout;
    const uint64_t before = now > timeout ? now - timeout : 0;
    uint64_t oldest = TIME_NEVER;
    HashIterator iterator = {0};
    List closing;

    list_init(&closing);
    pthread_mutex_lock(&client->lock);
    for (Association *each; (each = hashmap_next(client->associations, &iterator));) {
        if (is_forgotten(each)) {
            char key[IO_ADDRESS_STRING_SIZE];
            (void)hashmap_remove(client->associations, key, address_key(&each->address, key));
            (void)association_unref(each);
            continue;
        }
        trim_association(each, before, all, &closing, &oldest);
    }
    pthread_mutex_unlock(&client->lock);
    list_each(item, &closing)
    {
        list_remove(item);
        (void)client_connection_free(container_of(item, ClientConnection, link));
    }
    const uint64_t due = oldest == TIME_NEVER ? TIME_NEVER : oldest + timeout;
    atomic_store_explicit(&client->next_trim, due, memory_order_relaxed);
    return due;
}

/* Binding */

static int endpoint_init(const RpcEndpoint *from, struct BindingEndpoint *to)
{
    to->has_owner = from->owner != NULL;
    if (from->owner) to->owner = *from->owner;
    if (from->address) {
        to->is_address = true;
        to->address = *from->address;
        return 0;
    }
    IoHost host;
    if (!from->host || io_host_parse(from->host, &host) < 0 || host.port || !from->port) return -EINVAL;
    to->port = from->port;
    if (io_address_parse(host.name, from->port, &to->address) == 0) {
        to->is_address = true;
        return 0;
    }
    to->host = strdup(host.name);
    return to->host ? 0 : -ENOMEM;
}

RpcStatus rpc_binding_new(RpcClient *client, const RpcEndpoint *endpoints, size_t count,
                          RpcBinding **ret_binding)
{
    if (count == 0 || count > RPC_ENDPOINTS_MAX) return RPCST_INVALID_NET_ADDR;
    _cleanup_(rpc_binding_unrefp) RpcBinding *binding =
        calloc(1, sizeof(*binding) + count * sizeof(binding->endpoints[0]));
    if (!binding) return RPCST_OUT_OF_MEMORY;
    refcount_init(&binding->refs);
    binding->client = rpc_client_ref(client);
    binding->count = count;
    for (size_t i = 0; i < count; i++) {
        int r = endpoint_init(&endpoints[i], &binding->endpoints[i]);
        if (r < 0) return r == -ENOMEM ? RPCST_OUT_OF_MEMORY : RPCST_INVALID_NET_ADDR;
    }
    *ret_binding = TAKE_PTR(binding);
    return RPCST_OK;
}

RpcBinding *rpc_binding_ref(RpcBinding *binding)
{
    if (binding) refcount_ref(&binding->refs);
    return binding;
}

RpcBinding *rpc_binding_unref(RpcBinding *binding)
{
    if (!binding || !refcount_unref(&binding->refs)) return NULL;
    (void)association_unref(atomic_load(&binding->answered));
    for (size_t i = 0; i < binding->count; i++)
        free(binding->endpoints[i].host);
    binding->client = rpc_client_unref(binding->client);
    free(binding);
    return NULL;
}
