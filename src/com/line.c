/* SPDX-License-Identifier: Apache-2.0 */
#include "com/line.h"
#include <pthread.h>
#include <stdio.h>
#include <sys/un.h>
#include "base/time.h"
#include "com/activation.h"
#include "com/classobject.h"
#include "com/errorinfo.h"
#include "com/local.h"
#include "com/process.h"
#include "com/security.h"
#include "io/pool.h"
#include "winerror.h"

static struct {
    pthread_rwlock_t lock; /* of `client` */
    RegistrarClient *client;
    pthread_mutex_t turn; /* opening and ending, one at a time */
    bool wanted;
    LineSpec spec;
    IoTimer retry;
} line = {.lock = PTHREAD_RWLOCK_INITIALIZER, .turn = PTHREAD_MUTEX_INITIALIZER};

/* Objects */

static void pings_added(void *context, uint64_t oid)
{
    (void)context;
    pthread_rwlock_rdlock(&line.lock);
    if (line.client) registrar_client_add_oid(line.client, oid);
    pthread_rwlock_unlock(&line.lock);
}

static void pings_removed(void *context, uint64_t oid)
{
    (void)context;
    pthread_rwlock_rdlock(&line.lock);
    if (line.client) registrar_client_remove_oid(line.client, oid);
    pthread_rwlock_unlock(&line.lock);
}

const ExporterPings line_pings = {pings_added, pings_removed, NULL};

/* Classes */

HRESULT line_add_class(const Guid *clsid, uint32_t cookie, uint32_t flags)
{
    char why[REGISTRAR_SENTENCE_SIZE] = "";
    HRESULT hr = CO_E_SERVER_STOPPING;
    pthread_rwlock_rdlock(&line.lock);
    if (line.client) hr = registrar_client_add_class(line.client, clsid, cookie, flags, why);
    pthread_rwlock_unlock(&line.lock);
    return FAILED(hr) && why[0] ? com_error(hr, "The class cannot be served: %s.", why) : hr;
}

void line_remove_class(uint32_t cookie)
{
    pthread_rwlock_rdlock(&line.lock);
    /* Without mantled there is nothing to be removed from. */
    if (line.client) (void)!registrar_client_remove_class(line.client, cookie);
    pthread_rwlock_unlock(&line.lock);
}

/* What mantled asks for */

static HRESULT on_activate(void *context, const RegistrarActivation *request, RegistrarAnswer *answer)
{
    (void)context;
    return activation_serve(request, answer);
}

static void on_run_down(void *context, uint64_t oid)
{
    (void)!exporter_run_down(context, oid); /* S_FALSE: it went in the meantime */
}

/* May be called by whoever noticed it, with any lock held. */
static void on_lost(void *context)
{
    (void)context;
    /* Without memory for a timer this process stays out of reach, which new clients are told. */
    (void)!io_timer_start(line.spec.loop, &line.retry, time_after(LINE_RETRY));
}

/* Opening */

/* A name of the keytab, whoever the process itself acts as (its ccache= may be a user's). */
const char *line_server_principal(const ProcessSecurity *security, const Conf *conf)
{
    Token *process;
    const char *service = conf_string(conf, CONF_SECURITY_PRINCIPAL);
    if (!security->accepts) return "";
    if (security->server_principal) return security->server_principal;
    if (service) return service;
    return SUCCEEDED(process_token(&process)) ? token_principal(process) : "";
}

static HRESULT open_client(RegistrarClient **ret_client)
{
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1], why[REGISTRAR_SENTENCE_SIZE] = "";
    const LineSpec *spec = &line.spec;
    const ProcessSecurity *security;
    HRESULT hr = security_get(&security);
    if (FAILED(hr)) return hr;
    RegistrarHandlers handlers = {
        .activate = on_activate, .run_down = on_run_down, .lost = on_lost, .context = spec->exporter};
    RegistrarExporter exporter = {.oxid = exporter_oxid(spec->exporter),
                                  .rem_unknown = *exporter_rem_unknown(spec->exporter),
                                  .port = spec->port,
                                  .authn_hint = security->authn_level,
                                  .principal = line_server_principal(security, spec->conf),
                                  .services = security->services,
                                  .local = local_listen_again()};
    snprintf(path, sizeof(path), "%s/" REGISTRAR_SOCKET, conf_string(spec->conf, CONF_PATHS_RUNTIME));
    hr = registrar_client_new(path, spec->loop, &exporter, &handlers, time_after(LINE_PATIENCE), ret_client,
                              why);
    if (FAILED(hr)) return com_error(hr, "This process's objects cannot be reached from outside: %s.", why);
    /* mantled took the socket away with what an earlier line had said. */
    if (exporter.local) (void)local_listen_again();
    return hr;
}

static RegistrarClient *replace_client(RegistrarClient *client)
{
    pthread_rwlock_wrlock(&line.lock);
    RegistrarClient *before = line.client;
    line.client = client;
    pthread_rwlock_unlock(&line.lock);
    return before;
}

static void tell_objects(void)
{
    uint64_t *oids = NULL;
    size_t count = 0;
    /* Those that cannot be told run down, once their clients' pings find nobody who knows them. */
    if (FAILED(exporter_pinged(line.spec.exporter, &oids, &count))) return;
    for (size_t i = 0; i < count; i++)
        pings_added(NULL, oids[i]);
    free(oids);
}

/* On a thread of the loop, which may block here. */
static void reopen(void)
{
    RegistrarClient *client = NULL;
    if (FAILED(open_client(&client))) {
        on_lost(NULL);
        return;
    }
    registrar_client_free(replace_client(client));
    tell_objects();
    class_objects_announce();
}

static void retry(IoTimer *timer, bool cancelled)
{
    (void)timer;
    if (cancelled || io_pool_block_begin(true) != 0) return;
    pthread_mutex_lock(&line.turn);
    if (line.wanted) reopen();
    pthread_mutex_unlock(&line.turn);
    io_pool_block_end();
}

HRESULT line_start(const LineSpec *spec)
{
    RegistrarClient *client = NULL;
    pthread_mutex_lock(&line.turn);
    line.spec = *spec;
    io_timer_init(&line.retry, retry);
    HRESULT hr = open_client(&client);
    if (SUCCEEDED(hr)) hr = exporter_set_resolver(spec->exporter, registrar_client_resolver(client));
    line.wanted = SUCCEEDED(hr);
    if (SUCCEEDED(hr)) client = replace_client(client);
    pthread_mutex_unlock(&line.turn);
    registrar_client_free(client);
    return hr;
}

void line_stop(void)
{
    pthread_mutex_lock(&line.turn);
    bool wanted = line.wanted;
    line.wanted = false;
    pthread_mutex_unlock(&line.turn);
    if (!wanted) return;
    registrar_client_free(replace_client(NULL));
    (void)!io_timer_stop(line.spec.loop, &line.retry); /* one that fires already finds it is not wanted */
}
