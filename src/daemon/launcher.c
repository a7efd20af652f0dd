/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/launcher.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#include <winerror.h>
#include "base/time.h"
#include "io/log.h"
#include "io/pool.h"
#include "sec/launch.h"

#define SERVANTS_MAX 4096u

/* Which process is meant: of a class, or of the first of those that share it; of an account; and of an
 * identity where it acts as that. */
typedef struct Key {
    Guid clsid;
    uid_t uid;
    const char *principal; /* NULL: of no identity */
    uint8_t level;
} Key;

/* A process that is being started, or one that acts as somebody, which only its pid tells from others. */
typedef struct Servant {
    List link;
    Key key;
    char *principal; /* of the key; owned */
    pid_t pid;       /* 0: it is being started */
    int64_t expires; /* of the identity, in seconds since 1970: then it can do nothing any more */
} Servant;

struct Launcher {
    LauncherOptions options;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    List servants;
    size_t count;
};

static Servant *servant_free(Servant *servant)
{
    if (!servant) return NULL;
    free(servant->principal);
    free(servant);
    return NULL;
}

/* The lock is held. */
static Servant *servant_find(Launcher *launcher, const Key *key)
{
    list_each(item, &launcher->servants)
    {
        Servant *servant = container_of(item, Servant, link);
        if (guid_equal(&servant->key.clsid, &key->clsid) && servant->key.uid == key->uid &&
            servant->key.level == key->level && !key->principal == !servant->principal &&
            (!key->principal || strcmp(key->principal, servant->principal) == 0))
            return servant;
    }
    return NULL;
}

static void servant_drop(Launcher *launcher, Servant *servant)
{
    list_remove(&servant->link);
    launcher->count--;
    servant_free(servant);
}

/* Those whose process has ended: else identities that came once would fill the table for good. The lock is
 * held. */
static void servants_prune(Launcher *launcher)
{
    List *next;
    for (List *item = launcher->servants.next; item != &launcher->servants; item = next) {
        Servant *servant = container_of(item, Servant, link);
        const RegistrarServer server = {.uid = servant->key.uid, .pid = servant->pid};
        next = item->next;
        if (servant->pid != 0 && !registrar_serves(launcher->options.registrar, &servant->key.clsid, &server))
            servant_drop(launcher, servant);
    }
}

static Servant *servant_add(Launcher *launcher, const Key *key, int64_t expires)
{
    servants_prune(launcher);
    Servant *servant = launcher->count < SERVANTS_MAX ? calloc(1, sizeof(*servant)) : NULL;
    if (!servant) return NULL;
    servant->key = *key;
    servant->expires = expires;
    if (key->principal && !(servant->principal = strdup(key->principal))) return servant_free(servant);
    list_append(&launcher->servants, &servant->link);
    launcher->count++;
    return servant;
}

/* The authority */

static HRESULT result_of(const Guid *clsid, const SecFailure *failure)
{
    char text[GUID_STRING_SIZE];
    guid_format(clsid, text);
    log_line(LOG_WARNING, "class {%s}: %s", text, failure->sentence);
    return HRESULT_FROM_WIN32(failure->code); /* what is an HRESULT stays one */
}

static int step_to_end(Launch *launch)
{
    IoWait wait;
    int result;
    while ((result = launch_step(launch, &wait)) == SEC_WAIT) {
        result = io_wait(&wait);
        if (result < 0 && result != -ETIMEDOUT) return result; /* the step says what a deadline means */
    }
    return result;
}

/* Asks whose process it would be, or starts it. */
static HRESULT ask(const Launcher *launcher, const ActivationOrder *order, bool as_caller, bool start,
                   Launch **ret_launch)
{
    _cleanup_(launch_freep) Launch *launch = NULL;
    LaunchSpec spec = {.clsid = *order->clsid,
                       .caller = as_caller ? order->caller : NULL,
                       .start = start,
                       .deadline = time_after(launcher->options.timeout)};
    int result = launch_new(launcher->options.authority, &spec, &launch);
    if (result == -EOPNOTSUPP) {
        SecFailure failure = {.code = (uint32_t)E_ACCESSDENIED};
        sec_failure_set(
            &failure, (uint32_t)E_ACCESSDENIED, "its server is not started: %s",
            authority_is_remote(launcher->options.authority)
                ? "it would run as its caller, who allowed to be identified only; activate at IMPERSONATE"
                : "only mantle-authd can; set [authority] socket");
        return result_of(order->clsid, &failure);
    }
    if (result == 0) {
        if (io_pool_block_begin(false) != 0) return HRESULT_FROM_WIN32(RPC_S_SERVER_TOO_BUSY);
        result = step_to_end(launch);
        io_pool_block_end();
    }
    if (result == SEC_FAILED) return result_of(order->clsid, launch_failure(launch));
    if (result < 0) return result == -ENOMEM ? E_OUTOFMEMORY : CO_E_SERVER_EXEC_FAILURE;
    *ret_launch = TAKE_PTR(launch);
    return S_OK;
}

/* Starting */

/* Starts it and waits until it serves. */
static HRESULT start(const Launcher *launcher, const ActivationOrder *order, bool as_caller,
                     RegistrarServer *server)
{
    _cleanup_(launch_freep) Launch *launch = NULL;
    const LauncherOptions *options = &launcher->options;
    if (options->may_start && !options->may_start(options->context, order)) return E_ACCESSDENIED;
    HRESULT hr = ask(launcher, order, as_caller, true, &launch);
    if (FAILED(hr)) return hr;
    int pidfd = launch_take_pidfd(launch);
    *server = (RegistrarServer){.uid = launch_account(launch), .pid = launch_process(launch)};
    hr = registrar_await(launcher->options.registrar, order->clsid, server, pidfd,
                         time_after(launcher->options.timeout));
    if (pidfd >= 0) (void)close(pidfd);
    if (FAILED(hr)) {
        char text[GUID_STRING_SIZE];
        guid_format(order->clsid, text);
        log_line(LOG_WARNING, "class {%s}: process %d was started for it as account %u and %s: 0x%08X", text,
                 (int)server->pid, (unsigned)server->uid,
                 hr == CO_E_SERVER_EXEC_FAILURE ? "ended before it had registered" : "did not register",
                 (unsigned)hr);
    }
    return hr;
}

/* Another thread starts the same: waits for it, as a thread that the pool can replace. The lock is held. */
static HRESULT wait_for_other(Launcher *launcher)
{
    if (io_pool_block_begin(false) != 0) return HRESULT_FROM_WIN32(RPC_S_SERVER_TOO_BUSY);
    pthread_cond_wait(&launcher->changed, &launcher->lock);
    io_pool_block_end();
    return S_OK;
}

/* Whether there is one already; else, with S_OK and `*ret_own`, this thread is to start it. The lock is held.
 */
static HRESULT find_or_claim(Launcher *launcher, const ActivationOrder *order, const Key *key,
                             RegistrarServer *server, Servant **ret_own)
{
    Servant *servant;
    while ((servant = servant_find(launcher, key)) && servant->pid == 0) {
        HRESULT hr = wait_for_other(launcher);
        if (FAILED(hr)) return hr;
    }
    if (servant)
        server->pid = servant->pid; /* acts as somebody: only its pid tells it from others of the account */
    bool usable = key->principal ? servant && servant->expires > time(NULL) : true;
    if (usable && registrar_serves(launcher->options.registrar, order->clsid, server)) return S_OK;
    if (servant) servant_drop(launcher, servant);
    *ret_own = servant_add(launcher, key, order->caller ? token_expires(order->caller) : INT64_MAX);
    return *ret_own ? S_OK : E_OUTOFMEMORY;
}

/* One process for the key: the one that there is, or one that is started now. `server` says whose it would
 * be. */
static HRESULT ensure(Launcher *launcher, const ActivationOrder *order, const Key *key, bool as_caller,
                      RegistrarServer *server)
{
    Servant *own = NULL;
    RegistrarServer started;
    pthread_mutex_lock(&launcher->lock);
    HRESULT hr = find_or_claim(launcher, order, key, server, &own);
    pthread_mutex_unlock(&launcher->lock);
    if (FAILED(hr) || !own) return hr;
    hr = start(launcher, order, as_caller, &started);
    pthread_mutex_lock(&launcher->lock);
    if (SUCCEEDED(hr) && key->principal)
        server->pid = own->pid = started.pid;
    else
        servant_drop(launcher, own);
    pthread_cond_broadcast(&launcher->changed);
    pthread_mutex_unlock(&launcher->lock);
    return hr;
}

/* The first class that shares its process. */
static const Guid *host_of(const Launcher *launcher, const ConfClass *item)
{
    for (size_t i = 0; i < conf_classes_count(launcher->options.classes); i++) {
        const ConfClass *other = conf_classes_at(launcher->options.classes, i);
        if (conf_class_shares_host(item, other)) return &other->clsid;
    }
    return &item->clsid;
}

static HRESULT prepare_caller(Launcher *launcher, const ActivationOrder *order, const ConfClass *item,
                              ActivationServant *servant)
{
    _cleanup_(launch_freep) Launch *launch = NULL;
    Key key = {.clsid = *host_of(launcher, item)};
    if (order->disable_aaa || !order->caller) return E_ACCESSDENIED; /* ACT-10 */
    HRESULT hr = ask(launcher, order, true, false, &launch);
    if (FAILED(hr)) return hr;
    servant->anybody = false;
    servant->server = (RegistrarServer){.uid = launch_account(launch)};
    key.uid = servant->server.uid;
    if (item->run_as == CONF_RUN_AS_ACTIVATOR) {
        key.principal = token_principal(order->caller);
        key.level = (uint8_t)token_level(order->caller);
    }
    return ensure(launcher, order, &key, true, &servant->server);
}

HRESULT launcher_prepare(void *context, const ActivationOrder *order, ActivationServant *ret_servant)
{
    Launcher *launcher = context;
    ActivationServant servant = {.anybody = true};
    const ConfClass *item = conf_classes_find(launcher->options.classes, order->clsid);
    HRESULT hr = S_OK;
    if (item && !conf_class_serves_all(item)) {
        hr = prepare_caller(launcher, order, item, &servant);
    } else if (item && item->run_as != CONF_RUN_AS_NOBODY &&
               !registrar_serves(launcher->options.registrar, order->clsid, NULL)) {
        Key key = {.clsid = *host_of(launcher, item), .uid = item->account_uid};
        RegistrarServer server = {.uid = item->account_uid};
        hr = ensure(launcher, order, &key, false, &server);
    }
    if (SUCCEEDED(hr)) *ret_servant = servant;
    return hr;
}

int launcher_new(const LauncherOptions *options, Launcher **ret_launcher)
{
    Launcher *launcher = calloc(1, sizeof(*launcher));
    if (!launcher) return -ENOMEM;
    launcher->options = *options;
    if (!options->timeout) launcher->options.timeout = LAUNCHER_TIMEOUT;
    pthread_mutex_init(&launcher->lock, NULL);
    pthread_cond_init(&launcher->changed, NULL);
    list_init(&launcher->servants);
    *ret_launcher = launcher;
    return 0;
}

Launcher *launcher_free(Launcher *launcher)
{
    if (!launcher) return NULL;
    while (!list_is_empty(&launcher->servants))
        servant_drop(launcher, container_of(launcher->servants.next, Servant, link));
    pthread_cond_destroy(&launcher->changed);
    pthread_mutex_destroy(&launcher->lock);
    free(launcher);
    return NULL;
}
