/* SPDX-License-Identifier: Apache-2.0 */
/* The process's part in the network: what exists once in it, and the order in which it comes and goes. */
#include "com/runtime.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/time.h"
#include "com/errorinfo.h"
#include "com/line.h"
#include "com/local.h"
#include "com/log.h"
#include "com/principal.h"
#include "com/process.h"
#include "com/security.h"
#include "io/hosts.h"
#include "io/pool.h"
#include "io/socket.h"
#include "orpc/activator.h"
#include "orpc/dispatch.h"
#include "orpc/pinger.h"
#include "orpc/status.h"
#include "winerror.h"

#define THREADS_MIN   1
#define LISTENERS_MAX 16
#define PORT_TRIES    8 /* an ephemeral port of one address may be taken on the next */

typedef struct ClientHalf {
    RpcClient *client;
    RemoteTable *table;
    Pinger *pinger;       /* from the first object on that wants pings */
    Pinger *local_pinger; /* the same for objects of this machine */
} ClientHalf;

typedef struct ServerHalf {
    IoLoop *loop;
    IoPool *pool;
    Exporter *exporter;
    OrpcService *service;
    RpcServer *server;
    uint16_t port;
} ServerHalf;

static struct {
    pthread_mutex_t lock;
    ClientHalf client;
    ServerHalf server;
    Exporter *_Atomic exporter; /* the server half's, once everything stands */
    bool stopping;
} runtime = {.lock = PTHREAD_MUTEX_INITIALIZER};

HRESULT runtime_conf(const Conf **ret_conf)
{
    return process_conf(ret_conf);
}

uint16_t runtime_resolver_port(void)
{
    const Conf *conf;
    return SUCCEEDED(process_conf(&conf)) ? (uint16_t)conf_integer(conf, CONF_RESOLVER_PORT) : RESOLVER_PORT;
}

const char *runtime_host_name(void)
{
    static char name[IO_HOST_SIZE];
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    const Conf *conf;
    const char *configured = SUCCEEDED(process_conf(&conf)) ? conf_string(conf, CONF_EXPORTER_NAME) : NULL;
    if (configured) return configured;
    pthread_mutex_lock(&lock);
    if (!name[0] && (gethostname(name, sizeof(name) - 1) < 0 || !name[0])) strcpy(name, "localhost");
    pthread_mutex_unlock(&lock);
    return name;
}

/* Client half */

static HRESULT load_hosts(const Conf *conf)
{
    const char *path = conf_string(conf, CONF_RESOLVER_HOSTS_FILE);
    unsigned line = 0;
    int r = path ? io_hosts_load(path, &line) : 0;
    if (r == 0) return S_OK;
    if (r == -ENOMEM) return E_OUTOFMEMORY;
    if (r == -EINVAL)
        return com_error(HRESULT_FROM_WIN32(ERROR_INVALID_DATA),
                         "%s:%u is no line of a hosts file: an address and names are expected.", path, line);
    return com_error(HRESULT_FROM_WIN32(ERROR_INVALID_DATA), "The hosts file %s cannot be read: %s.", path,
                     strerror(-r));
}

/* With the lock held. */
static HRESULT ensure_client(void)
{
    static const RpcClientOptions options = {.trace = com_log};
    ClientHalf *half = &runtime.client;
    const Conf *conf;
    if (half->table) return S_OK;
    HRESULT hr = process_conf(&conf);
    if (SUCCEEDED(hr)) hr = load_hosts(conf);
    if (SUCCEEDED(hr) && !half->client) hr = orpc_result_from_status(rpc_client_new(&options, &half->client));
    if (SUCCEEDED(hr) && remote_table_new(half->client, &half->table) < 0) hr = E_OUTOFMEMORY;
    return hr;
}

HRESULT runtime_remote(RemoteTable **ret_table)
{
    pthread_mutex_lock(&runtime.lock);
    HRESULT hr = ensure_client();
    if (SUCCEEDED(hr)) *ret_table = runtime.client.table;
    pthread_mutex_unlock(&runtime.lock);
    return hr;
}

/* With the lock held. */
static Pinger *ensure_pinger(Token *process)
{
    ClientHalf *half = &runtime.client;
    const Conf *conf;
    if (half->pinger || FAILED(ensure_client()) || FAILED(process_conf(&conf))) return half->pinger;
    PingerOptions options = {.client = half->client,
                             .process = process,
                             .mutual = application_wants_mutual(),
                             .period = conf_duration(conf, CONF_RESOLVER_PING_PERIOD)};
    return pinger_new(&options, &half->pinger) < 0 ? NULL : half->pinger;
}

/* The same for this machine's mantled, as who the kernel says this process is. */
static Pinger *ensure_local_pinger(void)
{
    ClientHalf *half = &runtime.client;
    const Conf *conf;
    const char *folder = local_folder();
    Token *self;
    if (half->local_pinger || !folder || FAILED(ensure_client()) || FAILED(process_conf(&conf)) ||
        FAILED(local_self(&self)))
        return half->local_pinger;
    PingerOptions options = {.client = half->client,
                             .process = self,
                             .period = conf_duration(conf, CONF_RESOLVER_PING_PERIOD),
                             .runtime = folder};
    return pinger_new(&options, &half->local_pinger) < 0 ? NULL : half->local_pinger;
}

static bool has_pinger(void)
{
    pthread_mutex_lock(&runtime.lock);
    bool has = runtime.client.pinger != NULL;
    pthread_mutex_unlock(&runtime.lock);
    return has;
}

/* A process without a credential cannot ping; what it holds runs down after a while. */
void runtime_ping_add(RemoteExporter *exporter, uint64_t oid)
{
    _cleanup_(token_unrefp) Token *process = NULL;
    const bool local = remote_exporter_is_local(exporter), made = local || has_pinger();
    if (!made && FAILED(application_principal(&process))) { /* which may have to log on: no lock */
        SetErrorInfo(0, NULL);                              /* nobody asked for it */
        return;
    }
    pthread_mutex_lock(&runtime.lock);
    Pinger *pinger = local ? ensure_local_pinger() : made ? runtime.client.pinger : ensure_pinger(process);
    if (pinger) /* what cannot be remembered runs down */
        (void)!pinger_add(pinger, remote_exporter_host(exporter), remote_exporter_resolver_port(exporter),
                          oid);
    pthread_mutex_unlock(&runtime.lock);
}

void runtime_ping_remove(RemoteExporter *exporter, uint64_t oid)
{
    pthread_mutex_lock(&runtime.lock);
    const ClientHalf *half = &runtime.client;
    Pinger *pinger = remote_exporter_is_local(exporter) ? half->local_pinger : half->pinger;
    if (pinger)
        pinger_remove(pinger, remote_exporter_host(exporter), remote_exporter_resolver_port(exporter), oid);
    pthread_mutex_unlock(&runtime.lock);
}

/* Server half: the sockets */

typedef struct Listeners {
    int fds[LISTENERS_MAX];
    unsigned count;
} Listeners;

static void listeners_close(Listeners *listeners)
{
    while (listeners->count)
        close(listeners->fds[--listeners->count]);
}

/* One port on all addresses: the first address chooses it. */
static int listen_on(const char *const *addresses, Listeners *listeners, const char **ret_address)
{
    IoAddress address, bound;
    uint16_t port = 0;
    for (; *addresses && listeners->count < LISTENERS_MAX; addresses++) {
        *ret_address = *addresses;
        int r = io_address_parse(*addresses, port, &address);
        if (r == 0) r = io_listen(&address, 0, &listeners->fds[listeners->count]);
        if (r == 0) r = io_socket_address(listeners->fds[listeners->count++], &bound);
        if (r < 0) return r;
        port = io_address_port(&bound);
    }
    return 0;
}

static HRESULT listeners_open(const Conf *conf, Listeners *listeners)
{
    const char *const *addresses = conf_list(conf, CONF_EXPORTER_ADDRESSES);
    const char *which = "all addresses";
    int r = -EADDRINUSE;
    for (unsigned tries = 0; r == -EADDRINUSE && tries < PORT_TRIES; tries++) {
        listeners_close(listeners);
        if (*addresses)
            r = listen_on(addresses, listeners, &which);
        else {
            r = io_listen_any(0, &listeners->fds[0]);
            listeners->count = r == 0;
        }
    }
    if (r == 0) return S_OK;
    listeners_close(listeners);
    return com_error(HRESULT_FROM_WIN32(RPC_S_CANT_CREATE_ENDPOINT),
                     "This process cannot listen on %s for calls to its objects: %s. The addresses are "
                     "addresses= in section [exporter] of mantle.conf.",
                     which, strerror(-r));
}

static HRESULT server_listen(ServerHalf *half, const Conf *conf)
{
    Listeners listeners = {.count = 0};
    HRESULT hr = listeners_open(conf, &listeners);
    while (SUCCEEDED(hr) && listeners.count) {
        int r = rpc_server_listen_fd(half->server, listeners.fds[--listeners.count], &half->port);
        if (r < 0) hr = r == -ENOMEM ? E_OUTOFMEMORY : HRESULT_FROM_WIN32(RPC_S_CANT_CREATE_ENDPOINT);
    }
    listeners_close(&listeners);
    return hr;
}

/* Server half: life */

static void server_end(ServerHalf *half)
{
    local_listen_end();
    half->server = rpc_server_free(half->server); /* waits for the methods that run */
    half->exporter = exporter_free(half->exporter);
    half->service = orpc_service_free(half->service);
    half->pool = io_pool_free(half->pool);
    half->loop = io_loop_free(half->loop);
}

static HRESULT make_server(ServerHalf *half, const Conf *conf, const ProcessSecurity *security)
{
    Authority *authority = NULL;
    HRESULT hr = security->accepts ? process_authority(&authority) : S_OK;
    if (FAILED(hr)) return hr;
    RpcServerOptions options = {
        .loop = half->loop,
        .authority = authority,
        .services = security->services,
        .machine = runtime_host_name(),
        .principal = security->accepts ? line_server_principal(security, conf) : NULL,
        .preauth_bytes = (size_t)conf_integer(conf, CONF_LIMITS_PREAUTH_BYTES),
        .preauth_seconds = (unsigned)conf_integer(conf, CONF_LIMITS_PREAUTH_SECONDS),
        .preauth_connections = (unsigned)conf_integer(conf, CONF_LIMITS_CONNECTIONS_PER_ADDRESS),
        .calls_per_caller = (unsigned)conf_integer(conf, CONF_LIMITS_CALLS_PER_CALLER),
        .contexts = (unsigned)conf_integer(conf, CONF_LIMITS_CONTEXTS_PER_CONNECTION),
        .log = com_log,
        .trace = com_log,
    };
    OrpcServerOptions orpc = {.exporter = half->exporter,
                              .authn_level_floor = (uint8_t)security->authn_level,
                              .may_call = access_may_call};
    hr = orpc_result_from_status(rpc_server_new(&options, &half->server));
    return SUCCEEDED(hr) ? orpc_serve(half->server, &orpc, &half->service) : hr;
}

static HRESULT server_begin(ServerHalf *half)
{
    const ProcessSecurity *security;
    const Conf *conf;
    HRESULT hr = process_conf(&conf);
    if (SUCCEEDED(hr)) hr = security_get(&security);
    if (FAILED(hr)) return hr;
    if (io_loop_new(&half->loop) < 0) return E_OUTOFMEMORY;
    if (io_pool_new(half->loop, THREADS_MIN, (size_t)conf_integer(conf, CONF_LIMITS_THREADS_MAX),
                    &half->pool) < 0)
        return E_OUTOFMEMORY;
    hr = exporter_new(&line_pings, &half->exporter);
    if (SUCCEEDED(hr)) hr = make_server(half, conf, security);
    if (SUCCEEDED(hr)) hr = server_listen(half, conf);
    if (FAILED(hr)) return hr;
    (void)local_listen(half->server, exporter_oxid(half->exporter)); /* the line says whether it does */
    return line_start(&(LineSpec){conf, half->loop, half->exporter, half->port});
}

/* With the lock held. */
static HRESULT ensure_server(void)
{
    if (runtime.exporter) return S_OK;
    if (runtime.stopping) return CO_E_SERVER_STOPPING;
    ServerHalf half = {0};
    HRESULT hr = server_begin(&half);
    if (FAILED(hr)) {
        server_end(&half);
        return hr;
    }
    runtime.server = half;
    runtime.exporter = half.exporter;
    return S_OK;
}

HRESULT runtime_exporter(Exporter **ret_exporter)
{
    Exporter *standing = runtime.exporter;
    HRESULT hr = S_OK;
    if (!standing) {
        pthread_mutex_lock(&runtime.lock);
        hr = ensure_server();
        standing = runtime.exporter;
        pthread_mutex_unlock(&runtime.lock);
    }
    if (SUCCEEDED(hr)) *ret_exporter = standing;
    return hr;
}

Exporter *runtime_peek_exporter(void)
{
    return runtime.exporter;
}

/* The end */

static void end_server_half(void)
{
    pthread_mutex_lock(&runtime.lock);
    ServerHalf half = runtime.server;
    runtime.server = (ServerHalf){0};
    runtime.exporter = NULL;
    runtime.stopping = true;
    pthread_mutex_unlock(&runtime.lock);

    line_stop(); /* waits for the activations that run */
    server_end(&half);

    pthread_mutex_lock(&runtime.lock);
    runtime.stopping = false;
    pthread_mutex_unlock(&runtime.lock);
}

static void end_client_half(void)
{
    pthread_mutex_lock(&runtime.lock);
    ClientHalf *half = &runtime.client;
    Pinger *pinger = TAKE_PTR(half->pinger), *local_pinger = TAKE_PTR(half->local_pinger);
    RpcClient *idle = half->client ? rpc_client_ref(half->client) : NULL;
    /* A proxy that the program did not release still needs them. */
    if (half->table && remote_table_is_empty(half->table)) {
        half->table = remote_table_free(half->table);
        half->client = rpc_client_unref(half->client);
    }
    pthread_mutex_unlock(&runtime.lock);
    pinger = pinger_free(pinger);
    local_pinger = pinger_free(local_pinger);
    if (idle) (void)rpc_client_trim(idle, true);
    rpc_client_unref(idle);
}

void runtime_shutdown(void)
{
    end_server_half();
    security_end();
    end_client_half();
}
