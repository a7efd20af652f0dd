/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/local.h"
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>
#include "io/log.h"
#include "io/socket.h"
#include "orpc/localbinding.h"

#define FOLDER_MODE   01777
#define SOCKET_MODE   0666 /* who may do what is decided by who it is */
#define NAME_LENGTH   16
#define SWEPT_AT_MOST 100000u

const char *local_calls_runtime(const Conf *conf)
{
    return conf_boolean(conf, CONF_EXPORTER_LOCAL) ? conf_string(conf, CONF_PATHS_RUNTIME) : NULL;
}

static int explain(const Conf *conf, const char *what, int error)
{
    log_line(
        LOG_ERR,
        "cannot make %s for calls within this machine: %s; correct [paths] runtime (now from %s), or set "
        "[exporter] local = no",
        what, strerror(-error), conf_origin(conf, CONF_PATHS_RUNTIME));
    return error;
}

/* A socket whose process died without mantled seeing it. */
static void sweep(const char *runtime, const char *folder)
{
    DIR *directory = opendir(folder);
    const struct dirent *entry;
    for (unsigned i = 0; directory && i < SWEPT_AT_MOST && (entry = readdir(directory)); i++) {
        IoAddress address;
        uint64_t oxid;
        int fd = -1, end = 0;
        if (sscanf(entry->d_name, "%16" SCNx64 "%n", &oxid, &end) != 1 || end != NAME_LENGTH ||
            entry->d_name[end] || local_exporter_address(runtime, oxid, &address) < 0)
            continue;
        if (io_connect_start(&address, &fd) == -ECONNREFUSED) (void)unlink(address.local.sun_path);
        if (fd >= 0) close(fd);
    }
    if (directory) closedir(directory);
}

static int make_folder(const Conf *conf, const char *runtime)
{
    char folder[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    struct stat status;
    if (snprintf(folder, sizeof(folder), "%s/" LOCAL_FOLDER, runtime) >= (int)sizeof(folder))
        return explain(conf, runtime, -ENAMETOOLONG);
    if (mkdir(runtime, 0755) < 0 && errno != EEXIST) return explain(conf, runtime, -errno);
    if (mkdir(folder, 0700) < 0 && errno != EEXIST) return explain(conf, folder, -errno);
    if (lstat(folder, &status) < 0) return explain(conf, folder, -errno);
    /* One that is somebody else's would be his to fill with what he likes. */
    if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid()) return explain(conf, folder, -EPERM);
    if (chmod(folder, FOLDER_MODE) < 0) return explain(conf, folder, -errno);
    sweep(runtime, folder);
    return 0;
}

static int listen_at(const Conf *conf, RpcServer *server, const IoAddress *address)
{
    int fd;
    int r = io_listen(address, SOCKET_MODE, &fd);
    if (r == 0) r = rpc_server_listen_fd(server, fd, NULL);
    return r < 0 ? explain(conf, address->local.sun_path, r) : 0;
}

int local_calls_listen(const Conf *conf, RpcServer *resolver, RpcServer *exporter, uint64_t oxid)
{
    const char *runtime = local_calls_runtime(conf);
    IoAddress own, resolvers;
    if (!runtime) return 0;
    int r = local_exporter_address(runtime, oxid, &own);
    if (r == 0) r = local_resolver_address(runtime, &resolvers);
    if (r < 0) return explain(conf, runtime, r);
    r = make_folder(conf, runtime);
    if (r == 0) r = listen_at(conf, exporter, &own);
    if (r == 0) r = listen_at(conf, resolver, &resolvers);
    if (r == 0) log_line(LOG_INFO, "calls within this machine come by %s", resolvers.local.sun_path);
    return r;
}

void local_calls_end(const Conf *conf, uint64_t oxid)
{
    const char *runtime = local_calls_runtime(conf);
    IoAddress address;
    if (runtime && local_exporter_address(runtime, oxid, &address) == 0) (void)unlink(address.local.sun_path);
}
