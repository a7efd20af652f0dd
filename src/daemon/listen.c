/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/listen.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include "io/log.h"
#include "io/socket.h"

int sockets_receive(Sockets *ret_sockets)
{
    Sockets sockets = {0};
    char **names = NULL;
    int count = sd_listen_fds_with_names(1, &names);
    if (count < 0) {
        log_line(LOG_ERR, "cannot take over sockets from systemd: %s", strerror(-count));
        return count;
    }
    for (int i = 0; i < count; i++) {
        if (i < SOCKETS_MAX) {
            sockets.fds[sockets.count] = SD_LISTEN_FDS_START + i;
            sockets.names[sockets.count++] = names[i];
        } else {
            close(SD_LISTEN_FDS_START + i);
            free(names[i]);
        }
    }
    free(names);
    *ret_sockets = sockets;
    return 0;
}

void sockets_deinit(Sockets *sockets)
{
    for (size_t i = 0; i < sockets->count; i++) {
        if (sockets->fds[i] >= 0) {
            log_line(LOG_WARNING,
                     "systemd handed over a socket named %s, which is not one of resolver, exporter, local",
                     sockets->names[i]);
            close(sockets->fds[i]);
        }
        free(sockets->names[i]);
    }
    sockets->count = 0;
}

/* The next socket of this name, or -1. */
static int take(Sockets *sockets, const char *name)
{
    for (size_t i = 0; i < sockets->count; i++)
        if (sockets->fds[i] >= 0 && strcmp(sockets->names[i], name) == 0) return TAKE_FD(sockets->fds[i]);
    return -1;
}

/* Says who is in the way and what to change. */
static int explain(const Conf *conf, ConfId port_key, ConfId addresses_key, const char *section,
                   const char *where, uint16_t port, int error)
{
    if (error == -EADDRINUSE) {
        _cleanup_(freep) char *owner = io_port_owner(port);
        log_line(LOG_ERR,
                 "cannot listen on %s: port %u is held by %s; stop that, or set another [%s] port in "
                 "mantle.conf (now "
                 "from %s)",
                 where, port, owner ? owner : "a process that cannot be seen from here", section,
                 conf_origin(conf, port_key));
    } else if (error == -EACCES) {
        log_line(LOG_ERR,
                 "cannot listen on %s: not allowed; ports below 1024 need CAP_NET_BIND_SERVICE or a socket "
                 "from systemd, "
                 "or set another [%s] port in mantle.conf (now from %s)",
                 where, section, conf_origin(conf, port_key));
    } else if (error == -EADDRNOTAVAIL) {
        log_line(LOG_ERR,
                 "cannot listen on %s: this machine does not have that address; correct the addresses of "
                 "[%s] in mantle.conf (now from %s)",
                 where, section, conf_origin(conf, addresses_key));
    } else {
        log_line(LOG_ERR, "cannot listen on %s: %s", where, strerror(-error));
    }
    return error;
}

static int listen_tcp(const Conf *conf, ConfId port_key, ConfId addresses_key, const char *section,
                      RpcServer *server, uint16_t *ret_port)
{
    uint16_t port = (uint16_t)conf_integer(conf, port_key);
    const char *const *addresses = conf_list(conf, addresses_key);
    char where[IO_ADDRESS_STRING_SIZE];
    if (!addresses[0]) {
        int r = rpc_server_listen(server, NULL, port, &port);
        (void)snprintf(where, sizeof(where), "all addresses, port %u", port);
        if (r < 0) return explain(conf, port_key, addresses_key, section, where, port, r);
        log_line(LOG_INFO, "%s listens on %s", section, where);
    }
    for (size_t i = 0; addresses[i]; i++) {
        IoAddress address;
        int r = io_address_parse(addresses[i], port, &address);
        if (r == 0) io_address_format(&address, where);
        if (r == 0) r = rpc_server_listen(server, &address, port, &port);
        if (r < 0) return explain(conf, port_key, addresses_key, section, where, port, r);
        io_address_set_port(&address, port); /* 0 asked for any: the others take the same */
        io_address_format(&address, where);
        log_line(LOG_INFO, "%s listens on %s", section, where);
    }
    *ret_port = port;
    return 0;
}

static int listen_or_take(Sockets *sockets, const Conf *conf, ConfId port_key, ConfId addresses_key,
                          const char *section, RpcServer *server, uint16_t *ret_port)
{
    uint16_t port = 0;
    for (int fd; (fd = take(sockets, section)) >= 0;) {
        int r = rpc_server_listen_fd(server, fd, &port);
        if (r < 0) {
            log_line(LOG_ERR, "cannot use the socket %s from systemd: %s", section, strerror(-r));
            return r;
        }
        log_line(LOG_INFO, "%s listens on port %u, from systemd", section, port);
    }
    if (!port) return listen_tcp(conf, port_key, addresses_key, section, server, ret_port);
    *ret_port = port;
    return 0;
}

int listen_resolver(Sockets *sockets, const Conf *conf, RpcServer *server, uint16_t *ret_port)
{
    return listen_or_take(sockets, conf, CONF_RESOLVER_PORT, CONF_RESOLVER_LISTEN, "resolver", server,
                          ret_port);
}

int listen_exporter(Sockets *sockets, const Conf *conf, RpcServer *server, uint16_t *ret_port)
{
    return listen_or_take(sockets, conf, CONF_EXPORTER_PORT, CONF_EXPORTER_ADDRESSES, "exporter", server,
                          ret_port);
}

static int open_local(const Conf *conf, int *ret_fd)
{
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    const char *runtime = conf_string(conf, CONF_PATHS_RUNTIME);
    IoAddress address;
    if (snprintf(path, sizeof(path), "%s/" REGISTRAR_SOCKET, runtime) >= (int)sizeof(path)) {
        log_line(LOG_ERR, "[paths] runtime is too long for a socket: %s (from %s)", runtime,
                 conf_origin(conf, CONF_PATHS_RUNTIME));
        return -ENAMETOOLONG;
    }
    if (mkdir(runtime, 0755) < 0 && errno != EEXIST) {
        int error = -errno;
        log_line(LOG_ERR, "cannot make %s: %s; set [paths] runtime in mantle.conf (now from %s)", runtime,
                 strerror(-error), conf_origin(conf, CONF_PATHS_RUNTIME));
        return error;
    }
    int r = io_address_unix(path, &address);
    /* Anybody may connect: what a process may serve is decided by who it is. */
    if (r == 0) r = io_listen(&address, 0666, ret_fd);
    if (r == -EADDRINUSE)
        log_line(LOG_ERR,
                 "another mantled listens on %s; stop it, or set another [paths] runtime (now from %s)", path,
                 conf_origin(conf, CONF_PATHS_RUNTIME));
    else if (r < 0)
        log_line(LOG_ERR,
                 "cannot listen on %s: %s; let this account write there, or set another [paths] runtime (now "
                 "from %s)",
                 path, strerror(-r), conf_origin(conf, CONF_PATHS_RUNTIME));
    return r;
}

int listen_local(Sockets *sockets, const Conf *conf, Registrar *registrar)
{
    int fd = take(sockets, "local");
    int r = fd >= 0 ? 0 : open_local(conf, &fd);
    if (r < 0) return r;
    r = registrar_listen_fd(registrar, fd);
    if (r < 0) log_line(LOG_ERR, "cannot take COM server processes: %s", strerror(-r));
    return r;
}
