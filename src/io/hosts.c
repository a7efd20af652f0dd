/* SPDX-License-Identifier: Apache-2.0 */
#include "io/hosts.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

typedef struct HostsEntry {
    IoAddress address;
    uint16_t resolver_port; /* 0: none was given */
    const char *name;       /* into the text */
} HostsEntry;

typedef struct HostsTable {
    char *text;
    size_t count;
    HostsEntry *entries;
} HostsTable;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static HostsTable table;

static void table_deinit(HostsTable *hosts)
{
    free(hosts->text);
    free(hosts->entries);
    *hosts = (HostsTable){.text = NULL};
}

static int read_text(const char *path, char **ret_text)
{
    _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -errno;
    _cleanup_(freep) char *text = malloc(IO_HOSTS_FILE_MAX + 1);
    if (!text) return -ENOMEM;
    size_t length = 0;
    for (ssize_t n = 1; n > 0 && length <= IO_HOSTS_FILE_MAX; length += n > 0 ? (size_t)n : 0) {
        n = read(fd, text + length, IO_HOSTS_FILE_MAX + 1 - length);
        if (n < 0) return -errno;
    }
    if (length > IO_HOSTS_FILE_MAX) return -E2BIG;
    text[length] = '\0';
    if (strlen(text) != length) return -EINVAL;
    *ret_text = TAKE_PTR(text);
    return 0;
}

static int add_name(HostsTable *hosts, const IoHost *host, const char *name)
{
    IoHost own;
    HostsEntry entry = {.resolver_port = host->port, .name = name};
    if (io_host_parse(name, &own) < 0 || own.port || io_address_parse(name, 0, &entry.address) == 0)
        return -EINVAL;
    if (io_address_parse(host->name, 0, &entry.address) < 0) return -EINVAL;
    if (hosts->count == IO_HOSTS_MAX) return -E2BIG;
    HostsEntry *entries = reallocarray(hosts->entries, hosts->count + 1, sizeof(*entries));
    if (!entries) return -ENOMEM;
    entries[hosts->count++] = entry;
    hosts->entries = entries;
    return 0;
}

/* One line, cut in place. */
static int parse_line(HostsTable *hosts, char *line)
{
    IoHost host;
    char *rest = NULL;
    line[strcspn(line, "#")] = '\0';
    char *address = strtok_r(line, " \t\r", &rest);
    if (!address) return 0;
    char *name = strtok_r(NULL, " \t\r", &rest);
    if (!name || io_host_parse(address, &host) < 0) return -EINVAL;
    int status = 0;
    for (; name && status == 0; name = strtok_r(NULL, " \t\r", &rest))
        status = add_name(hosts, &host, name);
    return status;
}

static int parse(HostsTable *hosts, unsigned *line)
{
    int status = 0;
    char *rest = hosts->text;
    for (*line = 0; rest && status == 0;) {
        char *text = strsep(&rest, "\n");
        ++*line;
        status = parse_line(hosts, text);
    }
    return status;
}

int io_hosts_load(const char *path, unsigned *ret_line)
{
    HostsTable hosts = {.text = NULL};
    unsigned line = 0;
    int status = path ? read_text(path, &hosts.text) : 0;
    if (status == 0 && path) status = parse(&hosts, &line);
    if (status == 0) {
        pthread_mutex_lock(&lock);
        HostsTable before = table;
        table = hosts;
        hosts = before;
        pthread_mutex_unlock(&lock);
    }
    if (status < 0 && ret_line) *ret_line = line;
    table_deinit(&hosts);
    return status;
}

/* Under the lock. A name may stand there with its final dot or without. */
static bool matches(const HostsEntry *entry, const char *name)
{
    size_t length = strlen(name);
    if (length > 1 && name[length - 1] == '.') length--;
    return strncasecmp(entry->name, name, length) == 0 && entry->name[length] == '\0';
}

int io_hosts_find(const char *name, uint16_t port, IoAddressList **ret_list)
{
    IoAddressList *list = NULL;
    size_t count = 0;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < table.count; i++)
        count += matches(&table.entries[i], name);
    if (count > IO_ADDRESS_LIST_MAX) count = IO_ADDRESS_LIST_MAX;
    if (count > 0) list = calloc(1, sizeof(*list) + count * sizeof(list->items[0]));
    for (size_t i = 0; list && i < table.count && list->count < count; i++) {
        if (!matches(&table.entries[i], name)) continue;
        list->items[list->count] = table.entries[i].address;
        io_address_set_port(&list->items[list->count++], port);
    }
    pthread_mutex_unlock(&lock);
    if (!list) return count > 0 ? -ENOMEM : -ENOENT;
    *ret_list = list;
    return 0;
}

uint16_t io_hosts_resolver_port(const char *name)
{
    uint16_t port = 0;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; port == 0 && i < table.count; i++)
        if (matches(&table.entries[i], name)) port = table.entries[i].resolver_port;
    pthread_mutex_unlock(&lock);
    return port;
}
