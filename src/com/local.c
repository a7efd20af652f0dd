/* SPDX-License-Identifier: Apache-2.0 */
#include "com/local.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/time.h"
#include "com/errorinfo.h"
#include "com/process.h"
#include "com/runtime.h"
#include "com/security.h"
#include "io/socket.h"
#include "orpc/localbinding.h"
#include "orpc/plain.h"
#include "sec/credential.h"
#include "sec/local-token.h"
#include "winerror.h"

#define SOCKET_MODE  0666                /* who may call is decided by who it is */
#define ASK_DEADLINE (5 * NS_PER_SECOND) /* for mantled to say its names */
#define KNOWN_FOR    (5 * NS_PER_SECOND) /* as it may be restarted under others */

static struct {
    pthread_mutex_t names; /* of the next two; taken before all locks of the process's client half */
    Bindings own;          /* of this machine's mantled, until `known_until` */
    uint64_t known_until;
    pthread_mutex_t lock; /* of the others; taken after them */
    Token *_Atomic self;  /* never replaced */
    Token *account;       /* mantle-authd\'s; NULL: not asked for yet */
    RpcServer *server;    /* what the process listens for; NULL: nothing */
    uint64_t oxid;
} local = {.names = PTHREAD_MUTEX_INITIALIZER, .lock = PTHREAD_MUTEX_INITIALIZER};

const char *local_folder(void)
{
    const Conf *conf;
    if (security_is_off() || FAILED(process_conf(&conf)) || !conf_boolean(conf, CONF_EXPORTER_LOCAL))
        return NULL;
    return conf_string(conf, CONF_PATHS_RUNTIME);
}

/* This process */

HRESULT local_self(Token **ret_token)
{
    int r = 0;
    pthread_mutex_lock(&local.lock);
    if (!local.self) {
        _cleanup_(freep) char *machine = local_domain(runtime_host_name());
        Token *made = NULL;
        r = machine ? token_new_own(machine, &made) : -ENOMEM;
        local.self = made;
    }
    pthread_mutex_unlock(&local.lock);
    if (r == -ENOMEM) return E_OUTOFMEMORY;
    if (r < 0)
        return com_error(E_FAIL, "This process cannot call others of this machine: its account has too many "
                                 "groups, or cannot be told.");
    *ret_token = local.self;
    return S_OK;
}

Token *local_self_peek(void)
{
    return local.self;
}

bool local_is_self(const Token *token)
{
    return token && (token == process_token_peek() || token == local.self);
}

static HRESULT log_on(Authority *authority, Token **ret_token)
{
    _cleanup_(logon_freep) Logon *logon = NULL;
    const LogonSpec spec = {.source = LOGON_ACCOUNT, .deadline = time_after(ASK_DEADLINE)};
    IoWait wait;
    int r = logon_new(authority, &spec, &logon);
    if (r < 0) return r == -ENOMEM ? E_OUTOFMEMORY : E_UNEXPECTED;
    while ((r = logon_step(logon, &wait)) == SEC_WAIT) {
        r = io_wait(&wait);
        if (r < 0 && r != -ETIMEDOUT) return E_UNEXPECTED;
    }
    if (r == SEC_FAILED) return com_error_from_failure(logon_failure(logon));
    if (r < 0) return com_error(E_FAIL, "mantle-authd does not know this process: %s.", strerror(-r));
    *ret_token = logon_take_token(logon);
    return S_OK;
}

HRESULT local_account(Token **ret_token)
{
    Authority *authority;
    const Conf *conf;
    HRESULT hr = process_conf(&conf);
    *ret_token = NULL;
    if (FAILED(hr) || !conf_string(conf, CONF_AUTHORITY_SOCKET)) return hr;
    hr = process_authority(&authority);
    if (FAILED(hr) || !authority_is_remote(authority)) return hr;
    pthread_mutex_lock(&local.lock);
    if (!local.account) hr = log_on(authority, &local.account);
    if (SUCCEEDED(hr)) *ret_token = token_ref(local.account);
    pthread_mutex_unlock(&local.lock);
    return hr;
}

void local_account_forget(void)
{
    pthread_mutex_lock(&local.lock);
    local.account = token_unref(local.account);
    pthread_mutex_unlock(&local.lock);
}

/* This machine's mantled */

static RpcStatus ask_names(const char *runtime, RpcClientCall **ret_call)
{
    _cleanup_(rpc_binding_unrefp) RpcBinding *binding = NULL;
    RemoteTable *table;
    IoAddress address;
    if (local_resolver_address(runtime, &address) < 0 || FAILED(runtime_remote(&table)))
        return RPCST_INVALID_NET_ADDR;
    RpcStatus status =
        rpc_binding_new(remote_table_client(table), &(RpcEndpoint){.address = &address}, 1, &binding);
    if (status == RPCST_OK)
        status = rpc_client_call_new(&(RpcClientCallSpec){.binding = binding,
                                                          .iid = IID_OBJECT_EXPORTER,
                                                          .opnum = OP_SERVER_ALIVE2,
                                                          .deadline = time_after(ASK_DEADLINE)},
                                     ret_call);
    return status == RPCST_OK ? rpc_client_call_run(*ret_call) : status;
}

/* With the lock of names held. No mantled, no names. */
static bool ensure_names(const char *runtime)
{
    _cleanup_(rpc_client_call_freep) RpcClientCall *call = NULL;
    ServerAlive2Out out;
    Bindings copy;
    if (local.own.data && time_coarse() < local.known_until) return true;
    bindings_deinit(&local.own);
    if (ask_names(runtime, &call) != RPCST_OK) return false;
    Reader reader = rpc_client_call_reply(call);
    server_alive2_out_read(&reader, &out);
    if (reader_status(&reader) < 0 || out.status || !out.bindings.data ||
        bindings_dup(&out.bindings, &copy) < 0)
        return false;
    local.own = copy;
    local.known_until = time_coarse() + KNOWN_FOR;
    return true;
}

const char *local_resolver_of(const Bindings *resolver)
{
    const char *runtime = local_folder();
    if (!runtime) return NULL;
    pthread_mutex_lock(&local.names);
    const bool own = ensure_names(runtime) && bindings_equal(&local.own, resolver);
    pthread_mutex_unlock(&local.names);
    return own ? runtime : NULL;
}

const char *local_resolver_named(const char *host)
{
    const char *runtime = local_folder();
    char address[BINDING_ADDRESS_SIZE], name[BINDING_HOST_SIZE];
    BindingsWalk walk = {0};
    uint16_t tower, port;
    bool own = false;
    if (!runtime) return NULL;
    pthread_mutex_lock(&local.names);
    if (ensure_names(runtime))
        while (!own && bindings_next_string(&local.own, &walk, &tower, address))
            own = tower == BINDING_TOWER_TCP && binding_split(address, name, &port) == 0 &&
                  strcasecmp(name, host) == 0;
    pthread_mutex_unlock(&local.names);
    return own ? runtime : NULL;
}

bool local_resolver_owner(const char *folder, uid_t *ret_owner)
{
    IoAddress address;
    struct stat status;
    if (local_resolver_address(folder, &address) < 0 || lstat(address.local.sun_path, &status) < 0 ||
        !S_ISSOCK(status.st_mode))
        return false;
    *ret_owner = status.st_uid;
    return true;
}

/* Listening */

/* With the lock held. */
static bool listen_now(void)
{
    const char *runtime = local_folder();
    struct stat status;
    IoAddress address;
    int fd;
    if (!local.server || !runtime || local_exporter_address(runtime, local.oxid, &address) < 0) return false;
    if (lstat(address.local.sun_path, &status) == 0)
        return S_ISSOCK(status.st_mode) && status.st_uid == geteuid();
    return io_listen_fresh(&address, SOCKET_MODE, &fd) == 0 &&
           rpc_server_listen_fd(local.server, fd, NULL) == 0;
}

bool local_listen_again(void)
{
    pthread_mutex_lock(&local.lock);
    const bool listens = listen_now();
    pthread_mutex_unlock(&local.lock);
    return listens;
}

bool local_listen(RpcServer *server, uint64_t oxid)
{
    const ProcessSecurity *security = security_peek();
    pthread_mutex_lock(&local.lock);
    local.server = security && security->local ? server : NULL;
    local.oxid = oxid;
    const bool listens = listen_now();
    pthread_mutex_unlock(&local.lock);
    return listens;
}

void local_listen_end(void)
{
    const char *runtime = local_folder();
    IoAddress address;
    pthread_mutex_lock(&local.lock);
    if (local.server && runtime && local_exporter_address(runtime, local.oxid, &address) == 0)
        (void)unlink(address.local.sun_path);
    local.server = NULL;
    pthread_mutex_unlock(&local.lock);
}
