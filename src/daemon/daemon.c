/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/daemon.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>
#include <winerror.h>
#include "base/time.h"
#include "conf/classes.h"
#include "daemon/launcher.h"
#include "daemon/listen.h"
#include "daemon/local.h"
#include "daemon/names.h"
#include "daemon/permit.h"
#include "io/audit.h"
#include "io/log.h"
#include "io/pool.h"
#include "orpc/activation-server.h"
#include "orpc/dispatch.h"
#include "orpc/status.h"
#include "sec/authority.h"

#define THREADS_MIN         2
#define RESOLVER_ROWS       4
#define AUTHN_GSS_NEGOTIATE 9  /* RPC_C_AUTHN_GSS_NEGOTIATE */
#define AUTHN_WINNT         10 /* RPC_C_AUTHN_WINNT */
#define AUTHN_GSS_KERBEROS  16 /* RPC_C_AUTHN_GSS_KERBEROS */
#define LEVEL_INTEGRITY     5  /* RPC_C_AUTHN_LEVEL_PKT_INTEGRITY */

struct Daemon {
    const Conf *conf;
    ConfClasses *classes;
    Permit *permit;
    Authority *authority;
    Names names;
    IoLoop *loop;
    IoPool *pool;
    IoTimer tick;
    Resolver *resolver;
    EndpointMapper *endpoints;
    Registrar *registrar;
    Launcher *launcher;
    ActivationServer *activation;
    Exporter *exporter; /* of mantled's own objects */
    OrpcService *service;
    RpcServer *resolver_server, *exporter_server;
    const RpcInterface *rows[RESOLVER_ROWS]; /* of the resolver's server */
};

/* What exporters of this machine are asked by, best first: Kerberos is what Mantle's own clients take then.
 * Where NTLM is allowed Negotiate goes before it, so that they can end with it. */
static const uint16_t services[] = {AUTHN_GSS_KERBEROS, AUTHN_GSS_NEGOTIATE};
static const uint16_t services_with_ntlm[] = {AUTHN_GSS_NEGOTIATE, AUTHN_GSS_KERBEROS, AUTHN_WINNT};

static const uint16_t *offered_services(const Conf *conf, size_t *ret_count)
{
    bool ntlm = conf_boolean(conf, CONF_SECURITY_NTLM);
    *ret_count = ntlm ? ARRAY_SIZE(services_with_ntlm) : ARRAY_SIZE(services);
    return ntlm ? services_with_ntlm : services;
}

/* classes.d decides who serves what. */
static bool may_serve(void *context, const struct ucred *process, const Guid *clsid,
                      char sentence[REGISTRAR_SENTENCE_SIZE])
{
    const Daemon *daemon = context;
    if (conf_classes_may_serve(daemon->classes, clsid, process->uid)) return true;
    char text[GUID_STRING_SIZE];
    guid_format(clsid, text);
    const ConfClass *found = conf_classes_find(daemon->classes, clsid);
    if (found)
        (void)snprintf(sentence, REGISTRAR_SENTENCE_SIZE,
                       "account %u is not among the users of class {%s} in %s", (unsigned)process->uid, text,
                       found->origin);
    else
        (void)snprintf(sentence, REGISTRAR_SENTENCE_SIZE,
                       "class {%s} is in no file of %s; add it there and restart mantled", text,
                       conf_string(daemon->conf, CONF_PATHS_CLASSES));
    return false;
}

static bool may_launch(void *context, const RpcCall *call, const Guid *clsid)
{
    const Daemon *daemon = context;
    return permit_admits(daemon->permit, call->token, call->is_local, clsid);
}

static bool may_start(void *context, const ActivationOrder *order)
{
    const Daemon *daemon = context;
    return permit_admits_start(daemon->permit, order->caller, order->is_local, order->clsid);
}

static bool may_call(void *context, const RpcCall *call)
{
    const Daemon *daemon = context;
    return permit_admits_call(daemon->permit, call->token, call->is_local);
}

/* Pings: mantled's own objects are reclaimed here, those of others by their processes. */
static void run_down(void *context, uint64_t oxid, uint64_t oid)
{
    Daemon *daemon = context;
    if (daemon->exporter && exporter_oxid(daemon->exporter) == oxid)
        (void)exporter_run_down(daemon->exporter, oid); /* S_FALSE: it was released meanwhile */
    else
        registrar_run_down(daemon->registrar, oxid, oid);
}

static void own_added(void *context, uint64_t oid)
{
    Daemon *daemon = context;
    HRESULT hr = resolver_add_oid(daemon->resolver, exporter_oxid(daemon->exporter), oid);
    if (FAILED(hr)) log_line(LOG_WARNING, "an object cannot be kept alive by pings: 0x%08X", (unsigned)hr);
}

static void own_removed(void *context, uint64_t oid)
{
    Daemon *daemon = context;
    resolver_remove_oid(daemon->resolver, exporter_oxid(daemon->exporter), oid);
}

static void tick(IoTimer *timer, bool cancelled)
{
    Daemon *daemon = container_of(timer, Daemon, tick);
    if (cancelled) return;
    uint64_t next = resolver_tick(daemon->resolver, time_monotonic());
    if (io_timer_start(daemon->loop, timer, next) < 0)
        log_line(LOG_ERR, "objects are no longer run down: no memory");
}

static int result(HRESULT hr, const char *what)
{
    if (SUCCEEDED(hr)) return 0;
    log_line(LOG_ERR, "%s: 0x%08X", what, (unsigned)hr);
    return -EIO;
}

static int load(Daemon *daemon)
{
    _cleanup_(freep) char *error = NULL;
    int r = conf_classes_load(conf_string(daemon->conf, CONF_PATHS_CLASSES), &daemon->classes, &error);
    if (r < 0) {
        log_line(LOG_ERR, "%s", error ? error : strerror(-r));
        return r;
    }
    r = permit_new(daemon->conf, daemon->classes, &daemon->permit);
    if (r < 0) return r;
    r = names_init(daemon->conf, &daemon->names);
    if (r < 0)
        log_line(LOG_ERR, "cannot tell the names of this machine: %s; set [exporter] name", strerror(-r));
    return r;
}

#define AUTHORITY_MARGIN (10 * NS_PER_SECOND) /* beyond what it takes for a KDC */

/* The authority in mantle-authd where one is configured: there is nothing to fall back on. */
static int reach_authority(Daemon *daemon, const char *path)
{
    SecFailure failure = {0};
    const AuthorityRemoteOptions options = {
        .path = path, .timeout = conf_duration(daemon->conf, CONF_SECURITY_KDC_TIMEOUT) + AUTHORITY_MARGIN};
    int r = authority_new_remote(&options, &daemon->authority, &failure);
    if (r > 0) log_line(LOG_ERR, "%s", failure.sentence);
    return r > 0 ? -EIO : r;
}

static int make_authority(Daemon *daemon)
{
    SecFailure failure = {0};
    const int accounts = conf_choice(daemon->conf, CONF_SECURITY_NTLM_ACCOUNTS);
    const char *path = conf_string(daemon->conf, CONF_AUTHORITY_SOCKET);
    if (path) return reach_authority(daemon, path);
    AuthorityOptions options = {.acceptor_keytab = conf_string(daemon->conf, CONF_SECURITY_KEYTAB),
                                .allow_rc4 = conf_boolean(daemon->conf, CONF_SECURITY_ALLOW_RC4),
                                .ntlm = conf_boolean(daemon->conf, CONF_SECURITY_NTLM),
                                .ntlm_users = accounts & CONF_NTLM_ACCOUNTS_USERS
                                                  ? conf_string(daemon->conf, CONF_SECURITY_NTLM_USERS)
                                                  : NULL,
                                .ntlm_winbind = accounts & CONF_NTLM_ACCOUNTS_WINBIND,
                                .kdc_timeout = conf_duration(daemon->conf, CONF_SECURITY_KDC_TIMEOUT)};
    int r = authority_new_linked(&options, &daemon->authority, &failure);
    if (r > 0) {
        log_line(LOG_ERR, "%s", failure.sentence);
        return -EIO;
    }
    if (r == 0 && !options.acceptor_keytab && !options.ntlm)
        log_line(LOG_WARNING,
                 "[security] keytab is not set: nobody can authenticate, so nothing will be activated");
    return r;
}

static int make_bindings(const Daemon *daemon, Bindings *ret_bindings)
{
    StringBinding strings[NAMES_MAX];
    SecurityBinding securities[ARRAY_SIZE(services_with_ntlm)];
    size_t count;
    const uint16_t *offered = offered_services(daemon->conf, &count);
    for (size_t i = 0; i < daemon->names.count; i++)
        strings[i] = (StringBinding){BINDING_TOWER_TCP, daemon->names.items[i]};
    for (size_t i = 0; i < count; i++)
        securities[i] = (SecurityBinding){offered[i], ""};
    return bindings_new(strings, daemon->names.count, securities, count, ret_bindings);
}

static int make_tables(Daemon *daemon)
{
    Bindings bindings = {0};
    int r = make_bindings(daemon, &bindings);
    if (r < 0) return r;
    r = result(
        resolver_new(&(ResolverOptions){.ping_period = conf_duration(daemon->conf, CONF_RESOLVER_PING_PERIOD),
                                        .bindings = &bindings,
                                        .run_down = run_down,
                                        .context = daemon},
                     &daemon->resolver),
        "resolver");
    bindings_deinit(&bindings);
    if (r == 0)
        r = result(orpc_result_from_status(endpoint_mapper_new(&daemon->endpoints)), "endpoint mapper");
    RegistrarOptions options = {.loop = daemon->loop,
                                .resolver = daemon->resolver,
                                .endpoints = daemon->endpoints,
                                .hosts = (const char *const *)daemon->names.items,
                                .host_count = daemon->names.count,
                                .may_serve = may_serve,
                                .log = log_sentence,
                                .runtime = local_calls_runtime(daemon->conf),
                                .context = daemon};
    options.services = offered_services(daemon->conf, &options.service_count);
    if (r == 0) r = result(registrar_new(&options, &daemon->registrar), "registrar");
    LauncherOptions launches = {.classes = daemon->classes,
                                .authority = daemon->authority,
                                .registrar = daemon->registrar,
                                .may_start = may_start,
                                .context = daemon};
    if (r == 0) r = launcher_new(&launches, &daemon->launcher);
    ActivationServerOptions activation = {
        .registrar = daemon->registrar,
        .may_launch = may_launch,
        .context = daemon,
        .floor = (uint8_t)conf_choice(daemon->conf, CONF_SECURITY_ACTIVATION_FLOOR),
        .log = log_sentence,
        .prepare = launcher_prepare,
        .prepare_context = daemon->launcher};
    if (r == 0) r = result(activation_server_new(&activation, &daemon->activation), "activation");
    ExporterPings pings = {own_added, own_removed, daemon};
    if (r == 0) r = result(exporter_new(&pings, &daemon->exporter), "exporter");
    return r;
}

static int make_server(Daemon *daemon, RpcServer **ret_server)
{
    const Conf *conf = daemon->conf;
    RpcServerOptions options = {
        .loop = daemon->loop,
        .authority = daemon->authority,
        .principal = conf_string(conf, CONF_SECURITY_PRINCIPAL),
        .machine = daemon->names.items[0],
        .preauth_bytes = (size_t)conf_integer(conf, CONF_LIMITS_PREAUTH_BYTES),
        .preauth_seconds = (unsigned)conf_integer(conf, CONF_LIMITS_PREAUTH_SECONDS),
        .preauth_connections = (unsigned)conf_integer(conf, CONF_LIMITS_CONNECTIONS_PER_ADDRESS),
        .calls_per_caller = (unsigned)conf_integer(conf, CONF_LIMITS_CALLS_PER_CALLER),
        .contexts = (unsigned)conf_integer(conf, CONF_LIMITS_CONTEXTS_PER_CONNECTION),
        .log = log_sentence,
        .trace = log_sentence};
    return result(orpc_result_from_status(rpc_server_new(&options, ret_server)), "RPC server");
}

/* What is served on the resolver's port. */
static void set_rows(Daemon *daemon)
{
    daemon->rows[0] = endpoint_mapper_interface(daemon->endpoints);
    daemon->rows[1] = resolver_interface(daemon->resolver);
    daemon->rows[2] = activation_server_interface(daemon->activation);
    daemon->rows[3] = activation_server_old_interface(daemon->activation);
}

static int make_servers(Daemon *daemon)
{
    int r = make_server(daemon, &daemon->resolver_server);
    if (r == 0) r = make_server(daemon, &daemon->exporter_server);
    if (r < 0) return r;
    set_rows(daemon);
    for (size_t i = 0; i < RESOLVER_ROWS; i++) {
        RpcStatus status = rpc_server_register(daemon->resolver_server, daemon->rows[i]);
        if (status != RPCST_OK) return result(orpc_result_from_status(status), "resolver's interfaces");
    }
    OrpcServerOptions orpc = {.exporter = daemon->exporter,
                              .authn_level_floor = LEVEL_INTEGRITY,
                              .may_call = may_call,
                              .context = daemon};
    return result(orpc_serve(daemon->exporter_server, &orpc, &daemon->service), "exporter's objects");
}

/* They are mapped although their port is well known, as on Windows; they go with mantled's own exporter. */
static int map_resolver(Daemon *daemon, uint16_t port)
{
    RpcStatus status = RPCST_OK;
    for (size_t i = 0; i < RESOLVER_ROWS && status == RPCST_OK; i++) {
        const RpcInterface *row = daemon->rows[i];
        EndpointEntry entry = {
            .iface = {row->uuid, row->major, row->minor}, .port = port, .annotation = "Mantle resolver"};
        status = endpoint_mapper_add(daemon->endpoints, exporter_oxid(daemon->exporter), &entry);
    }
    return result(orpc_result_from_status(status), "endpoint map");
}

static int open_sockets(Daemon *daemon)
{
    Sockets sockets;
    uint16_t port = 0;
    int r = sockets_receive(&sockets);
    if (r < 0) return r;
    r = listen_local(&sockets, daemon->conf, daemon->registrar);
    if (r == 0) r = listen_exporter(&sockets, daemon->conf, daemon->exporter_server, &port);
    if (r == 0)
        r = local_calls_listen(daemon->conf, daemon->resolver_server, daemon->exporter_server,
                               exporter_oxid(daemon->exporter));
    RegistrarExporter own = {.oxid = exporter_oxid(daemon->exporter),
                             .rem_unknown = *exporter_rem_unknown(daemon->exporter),
                             .port = port,
                             .authn_hint = LEVEL_INTEGRITY,
                             .principal = conf_string(daemon->conf, CONF_SECURITY_PRINCIPAL),
                             .local = local_calls_runtime(daemon->conf) != NULL};
    if (r == 0) r = result(registrar_add_exporter(daemon->registrar, &own, geteuid()), "own exporter");
    /* Last: whoever reaches the resolver finds everything else. */
    if (r == 0) r = listen_resolver(&sockets, daemon->conf, daemon->resolver_server, &port);
    if (r == 0) r = map_resolver(daemon, port);
    sockets_deinit(&sockets);
    return r;
}

static int start(Daemon *daemon)
{
    int r = load(daemon);
    if (r == 0) r = make_authority(daemon);
    if (r == 0) r = io_loop_new(&daemon->loop);
    if (r == 0) r = make_tables(daemon);
    if (r == 0) r = make_servers(daemon);
    if (r == 0)
        r = io_pool_new(daemon->loop, THREADS_MIN,
                        (size_t)conf_integer(daemon->conf, CONF_LIMITS_THREADS_MAX), &daemon->pool);
    if (r == 0) r = open_sockets(daemon);
    if (r == 0)
        r = io_timer_start(daemon->loop, &daemon->tick, time_after(resolver_ping_period(daemon->resolver)));
    return r;
}

int daemon_new(const Conf *conf, Daemon **ret_daemon)
{
    _cleanup_(daemon_freep) Daemon *daemon = calloc(1, sizeof(*daemon));
    if (!daemon) return -ENOMEM;
    daemon->conf = conf;
    audit_switch(conf_boolean(conf, CONF_AUDIT_JOURNAL));
    io_timer_init(&daemon->tick, tick);
    int r = start(daemon);
    if (r < 0) return r;
    *ret_daemon = TAKE_PTR(daemon);
    return 0;
}

Daemon *daemon_free(Daemon *daemon)
{
    if (!daemon) return NULL;
    /* Activations that wait for a process would hold up the server. */
    if (daemon->registrar) registrar_stop(daemon->registrar);
    if (daemon->exporter) local_calls_end(daemon->conf, exporter_oxid(daemon->exporter));
    rpc_server_free(daemon->resolver_server);
    rpc_server_free(daemon->exporter_server);
    io_pool_free(daemon->pool);
    activation_server_free(daemon->activation);
    launcher_free(daemon->launcher);
    registrar_free(daemon->registrar);
    endpoint_mapper_free(daemon->endpoints);
    io_loop_free(daemon->loop);
    orpc_service_free(daemon->service);
    exporter_free(daemon->exporter);
    resolver_free(daemon->resolver);
    authority_unref(daemon->authority);
    names_deinit(&daemon->names);
    permit_free(daemon->permit);
    conf_classes_free(daemon->classes);
    free(daemon);
    return NULL;
}
