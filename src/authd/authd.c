/* SPDX-License-Identifier: Apache-2.0 */
#include "authd/authd.h"
#include <errno.h>
#include <string.h>
#include <syslog.h>
#include "authd/connection.h"
#include "io/log.h"
#include "io/socket.h"

#define ACCEPT_AGAIN (100 * NS_PER_MS) /* while there is no descriptor for another connection */

static int load_list(const Conf *conf, ConfId id, PolicyList *ret_list)
{
    _cleanup_(freep) char *error = NULL;
    int result = policy_list_load(conf, id, ret_list, &error);
    if (result < 0) log_line(LOG_ERR, "%s", error ? error : strerror(-result));
    return result;
}

static int make_authority(Authd *authd, const Conf *conf)
{
    SecFailure failure = {0};
    const int accounts = conf_choice(conf, CONF_SECURITY_NTLM_ACCOUNTS);
    AuthorityOptions options = {.acceptor_keytab = conf_string(conf, CONF_SECURITY_KEYTAB),
                                .allow_rc4 = conf_boolean(conf, CONF_SECURITY_ALLOW_RC4),
                                .ntlm = conf_boolean(conf, CONF_SECURITY_NTLM),
                                .ntlm_users = accounts & CONF_NTLM_ACCOUNTS_USERS
                                                  ? conf_string(conf, CONF_SECURITY_NTLM_USERS)
                                                  : NULL,
                                .ntlm_winbind = accounts & CONF_NTLM_ACCOUNTS_WINBIND,
                                .protocol_transition = conf_boolean(conf, CONF_SECURITY_PROTOCOL_TRANSITION),
                                .kdc_timeout = conf_duration(conf, CONF_SECURITY_KDC_TIMEOUT)};
    int result = authority_new_linked(&options, &authd->authority, &failure);
    if (result > 0) {
        log_line(LOG_ERR, "%s", failure.sentence);
        return -EIO;
    }
    if (result == 0 && !options.acceptor_keytab)
        log_line(LOG_WARNING,
                 "[security] keytab is not set: nobody on this machine can be called with Kerberos");
    return result;
}

static void accept_all(Authd *authd)
{
    IoAddress peer;
    int fd, result;
    while ((result = io_accept(authd->listener.fd, &fd, &peer)) == 0) {
        int refused = connection_serve(authd, fd);
        if (refused) log_line(LOG_DEBUG, "a connection was refused: %s", strerror(-refused));
    }
    if (result < 0) {
        log_line(LOG_WARNING, "cannot take a connection: %s", strerror(-result));
        if (io_timer_start(authd->loop, &authd->again, time_after(ACCEPT_AGAIN)) >= 0) return;
    }
    if (io_handle_arm(&authd->listener, EPOLLIN) < 0) log_line(LOG_ERR, "no more connections are taken");
}

static void listener_ready(IoHandle *handle, uint32_t events)
{
    accept_all(container_of(handle, Authd, listener));
}

static void accept_again(IoTimer *timer, bool cancelled)
{
    if (!cancelled) accept_all(container_of(timer, Authd, again));
}

/* Its owner frees it with everything else. */
static void listener_destroy(IoHandle *handle)
{
    close(handle->fd);
}

static int start(Authd *authd, const Conf *conf)
{
    int result = load_list(conf, CONF_SECURITY_IMPERSONATE, &authd->impersonate);
    if (result == 0) result = load_list(conf, CONF_SECURITY_MACHINE_IDENTITY, &authd->machine);
    if (result == 0) result = make_authority(authd, conf);
    if (result == 0) result = accounts_new(&authd->accounts);
    if (result == 0) result = sessions_new(authd->authority, &authd->sessions);
    if (result == 0) result = connection_list_new(&authd->open);
    if (result == 0) result = io_loop_new(&authd->loop);
    if (result == 0) result = token_table_new(authd->loop, &authd->tokens);
    if (result == 0) result = io_pool_new(authd->loop, AUTHD_THREADS_MIN, AUTHD_THREADS_MAX, &authd->pool);
    authd->house = (RequestHouse){.authority = authd->authority,
                                  .tokens = authd->tokens,
                                  .sessions = authd->sessions,
                                  .impersonate = &authd->impersonate,
                                  .machine = &authd->machine,
                                  .keytab = conf_string(conf, CONF_SECURITY_KEYTAB),
                                  .principal = conf_string(conf, CONF_SECURITY_PRINCIPAL)};
    if (result == 0) result = io_handle_add(authd->loop, &authd->listener, EPOLLIN);
    return result;
}

int authd_new(const Conf *conf, int listener, const LaunchHouse *launches, Authd **ret_authd)
{
    Authd *authd = calloc(1, sizeof(*authd));
    if (!authd) {
        close(listener);
        return -ENOMEM;
    }
    io_handle_init(&authd->listener, listener, listener_ready, listener_destroy);
    io_timer_init(&authd->again, accept_again);
    quota_init(&authd->connections, AUTHD_CONNECTIONS_MAX);
    int result = start(authd, conf);
    authd->house.launches = launches;
    if (result != 0)
        authd_free(authd);
    else
        *ret_authd = authd;
    return result;
}

Authd *authd_free(Authd *authd)
{
    if (!authd) return NULL;
    io_pool_free(authd->pool); /* no thread is in the loop from here on */
    if (authd->open) connection_list_close(authd->open);
    io_handle_remove(&authd->listener);
    token_table_free(authd->tokens);
    io_loop_free(authd->loop);
    io_handle_unref(&authd->listener);
    connection_list_free(authd->open);
    sessions_free(authd->sessions);
    accounts_free(authd->accounts);
    authority_unref(authd->authority);
    policy_list_deinit(&authd->impersonate);
    policy_list_deinit(&authd->machine);
    free(authd);
    return NULL;
}
