/* SPDX-License-Identifier: Apache-2.0 */
/* Naming the owner of a TCP port: /proc/net/tcp gives the socket's inode, /proc/PID/fd who holds it. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include "io/socket.h"

#define TCP_STATE_LISTEN 0x0au

/* The inode of a listener on the port, 0 when there is none. */
static unsigned long find_inode(const char *table, uint16_t port)
{
    FILE *file = fopen(table, "re");
    if (!file) return 0;
    char line[512];
    unsigned long inode = 0;
    while (inode == 0 && fgets(line, sizeof(line), file)) {
        unsigned local_port, state;
        unsigned long found;
        /* sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode; the heading does not
         * match */
        int n = sscanf(line, " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x %*u %*u %lu",
                       &local_port, &state, &found);
        if (n == 3 && local_port == port && state == TCP_STATE_LISTEN) inode = found;
    }
    (void)fclose(file);
    return inode;
}

static bool process_holds(const char *pid, const char *socket_name)
{
    char path[300], target[64];
    (void)snprintf(path, sizeof(path), "/proc/%s/fd", pid);
    DIR *directory = opendir(path);
    if (!directory) return false;
    bool holds = false;
    for (struct dirent *entry; !holds && (entry = readdir(directory));) {
        ssize_t length = readlinkat(dirfd(directory), entry->d_name, target, sizeof(target) - 1);
        if (length <= 0) continue;
        target[length] = 0;
        holds = strcmp(target, socket_name) == 0;
    }
    (void)closedir(directory);
    return holds;
}

static char *describe(const char *pid)
{
    char path[300], name[64], *text = NULL;
    (void)snprintf(path, sizeof(path), "/proc/%s/comm", pid);
    _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, name, sizeof(name) - 1);
    if (length <= 0) return asprintf(&text, "pid %s", pid) < 0 ? NULL : text;
    if (name[length - 1] == '\n') length--;
    name[length] = 0;
    /* a process chooses its own name: nothing of it may steer a terminal */
    for (char *c = name; *c; c++)
        if (*c < ' ' || *c > '~') *c = '?';
    return asprintf(&text, "pid %s (%s)", pid, name) < 0 ? NULL : text;
}

char *io_port_owner(uint16_t port)
{
    unsigned long inode = find_inode("/proc/net/tcp", port);
    if (inode == 0) inode = find_inode("/proc/net/tcp6", port);
    DIR *processes = inode ? opendir("/proc") : NULL;
    if (!processes) return NULL;
    char socket_name[40], *text = NULL;
    (void)snprintf(socket_name, sizeof(socket_name), "socket:[%lu]", inode);
    for (struct dirent *entry; !text && (entry = readdir(processes));) {
        if (entry->d_name[strspn(entry->d_name, "0123456789")]) continue;
        if (process_holds(entry->d_name, socket_name)) text = describe(entry->d_name);
    }
    (void)closedir(processes);
    return text;
}
