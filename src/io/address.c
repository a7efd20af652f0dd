/* SPDX-License-Identifier: Apache-2.0 */
#include "io/address.h"
#include "io/hosts.h"
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

/* Host */

static bool name_is_valid(const char *name, size_t length)
{
    if (length == 0 || length >= IO_HOST_SIZE || name[0] == '-' || name[0] == '.') return false;
    for (size_t i = 0; i < length; i++) {
        char c = name[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && c != '-' && c != '_' && c != '.') return false;
        if (c == '.' && i > 0 && name[i - 1] == '.') return false;
    }
    return true;
}

static int port_parse(const char *text, uint16_t *ret_port)
{
    unsigned port = 0;
    size_t i = 0;
    for (; text[i] >= '0' && text[i] <= '9' && i < 5; i++)
        port = port * 10 + (unsigned)(text[i] - '0');
    if (i == 0 || text[i] || text[0] == '0' || port > 65535) return -EINVAL;
    *ret_port = (uint16_t)port;
    return 0;
}

int io_host_parse(const char *text, IoHost *ret_host)
{
    IoHost host = {.port = 0};
    IoAddress literal;
    const char *name = text, *end, *port = NULL, *colon = strchr(text, ':');
    bool is_v6 = true;
    if (text[0] == '[') {
        name = text + 1;
        end = strchr(name, ']');
        if (!end || (end[1] && end[1] != ':')) return -EINVAL;
        if (end[1]) port = end + 2;
    } else if (colon && strchr(colon + 1, ':')) {
        end = text + strlen(text);
    } else {
        is_v6 = false;
        end = colon ? colon : text + strlen(text);
        if (colon) port = colon + 1;
    }
    size_t length = (size_t)(end - name);
    if (length >= sizeof(host.name)) return -EINVAL;
    memcpy(host.name, name, length);
    if (is_v6) {
        if (io_address_parse(host.name, 0, &literal) < 0 || literal.any.sa_family != AF_INET6) return -EINVAL;
    } else if (!name_is_valid(name, length)) {
        return -EINVAL;
    }
    if (port && port_parse(port, &host.port) < 0) return -EINVAL;
    *ret_host = host;
    return 0;
}

void io_host_format(const IoHost *host, char text[IO_ADDRESS_STRING_SIZE + IO_HOST_SIZE])
{
    const size_t size = IO_ADDRESS_STRING_SIZE + IO_HOST_SIZE;
    bool brackets = host->port && strchr(host->name, ':');
    int n = snprintf(text, size, brackets ? "[%s]" : "%s", host->name);
    if (host->port) (void)snprintf(text + n, size - (size_t)n, ":%u", host->port);
}

/* Address */

/* `%scope` of a link-local address: an interface's name or number */
static int scope_parse(const char *text, uint32_t *ret_scope)
{
    uint32_t scope = if_nametoindex(text);
    if (scope == 0) {
        for (const char *p = text; *p; p++) {
            if (*p < '0' || *p > '9' || scope > UINT32_MAX / 10 - 1) return -EINVAL;
            scope = scope * 10 + (uint32_t)(*p - '0');
        }
    }
    if (scope == 0) return -EINVAL;
    *ret_scope = scope;
    return 0;
}

int io_address_parse(const char *literal, uint16_t port, IoAddress *ret_address)
{
    IoAddress address = {.length = sizeof(address.v4)};
    if (inet_pton(AF_INET, literal, &address.v4.sin_addr) == 1) {
        address.v4.sin_family = AF_INET;
        address.v4.sin_port = htons(port);
        *ret_address = address;
        return 0;
    }
    char text[INET6_ADDRSTRLEN];
    const char *percent = strchr(literal, '%');
    size_t length = percent ? (size_t)(percent - literal) : strlen(literal);
    if (length >= sizeof(text)) return -EINVAL;
    memcpy(text, literal, length);
    text[length] = 0;
    address = (IoAddress){.length = sizeof(address.v6)};
    address.v6.sin6_family = AF_INET6;
    address.v6.sin6_port = htons(port);
    if (inet_pton(AF_INET6, text, &address.v6.sin6_addr) != 1) return -EINVAL;
    if (percent && scope_parse(percent + 1, &address.v6.sin6_scope_id) < 0) return -EINVAL;
    *ret_address = address;
    return 0;
}

int io_address_unix(const char *path, IoAddress *ret_address)
{
    IoAddress address = {.length = 0};
    size_t length = strlen(path);
    if (length == 0) return -EINVAL;
    if (length >= sizeof(address.local.sun_path)) return -ENAMETOOLONG;
    address.local.sun_family = AF_UNIX;
    memcpy(address.local.sun_path, path, length + 1);
    address.length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
    *ret_address = address;
    return 0;
}

static void format_v6(const struct sockaddr_in6 *v6, char text[IO_ADDRESS_STRING_SIZE])
{
    char scope[IF_NAMESIZE + 1] = "";
    (void)inet_ntop(AF_INET6, &v6->sin6_addr, text, IO_ADDRESS_STRING_SIZE);
    if (v6->sin6_scope_id == 0) return;
    if (!if_indextoname(v6->sin6_scope_id, scope))
        (void)snprintf(scope, sizeof(scope), "%u", v6->sin6_scope_id);
    size_t n = strlen(text);
    (void)snprintf(text + n, IO_ADDRESS_STRING_SIZE - n, "%%%s", scope);
}

void io_address_format_host(const IoAddress *address, char text[IO_ADDRESS_STRING_SIZE])
{
    IoAddress plain = *address;
    io_address_unmap(&plain);
    text[0] = 0;
    if (plain.any.sa_family == AF_INET)
        (void)inet_ntop(AF_INET, &plain.v4.sin_addr, text, IO_ADDRESS_STRING_SIZE);
    else if (plain.any.sa_family == AF_INET6)
        format_v6(&plain.v6, text);
    else if (plain.length > offsetof(struct sockaddr_un, sun_path))
        (void)snprintf(text, IO_ADDRESS_STRING_SIZE, "unix:%.*s", (int)sizeof(plain.local.sun_path),
                       plain.local.sun_path);
    else
        (void)snprintf(text, IO_ADDRESS_STRING_SIZE, "unix:");
}

void io_address_format(const IoAddress *address, char text[IO_ADDRESS_STRING_SIZE])
{
    char host[IO_ADDRESS_STRING_SIZE];
    io_address_format_host(address, host);
    if (!io_address_is_ip(address))
        (void)snprintf(text, IO_ADDRESS_STRING_SIZE, "%s", host);
    else
        (void)snprintf(text, IO_ADDRESS_STRING_SIZE, strchr(host, ':') ? "[%.100s]:%u" : "%.100s:%u", host,
                       io_address_port(address));
}

uint16_t io_address_port(const IoAddress *address)
{
    if (address->any.sa_family == AF_INET) return ntohs(address->v4.sin_port);
    if (address->any.sa_family == AF_INET6) return ntohs(address->v6.sin6_port);
    return 0;
}

void io_address_set_port(IoAddress *address, uint16_t port)
{
    if (address->any.sa_family == AF_INET) address->v4.sin_port = htons(port);
    if (address->any.sa_family == AF_INET6) address->v6.sin6_port = htons(port);
}

bool io_address_is_ip(const IoAddress *address)
{
    return address->any.sa_family == AF_INET || address->any.sa_family == AF_INET6;
}

bool io_address_is_loopback(const IoAddress *address)
{
    IoAddress plain = *address;
    io_address_unmap(&plain);
    if (plain.any.sa_family == AF_INET) return ntohl(plain.v4.sin_addr.s_addr) >> 24 == 127;
    return plain.any.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&plain.v6.sin6_addr);
}

void io_address_unmap(IoAddress *address)
{
    if (address->any.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&address->v6.sin6_addr)) return;
    IoAddress v4 = {.length = sizeof(v4.v4)};
    v4.v4.sin_family = AF_INET;
    v4.v4.sin_port = address->v6.sin6_port;
    memcpy(&v4.v4.sin_addr, address->v6.sin6_addr.s6_addr + 12, 4);
    *address = v4;
}

size_t io_address_key(const IoAddress *address, uint8_t key[16])
{
    IoAddress plain = *address;
    io_address_unmap(&plain);
    if (plain.any.sa_family == AF_INET) {
        memcpy(key, &plain.v4.sin_addr, 4);
        return 4;
    }
    if (plain.any.sa_family == AF_INET6) {
        /* one site commands a whole /64: single addresses of it would be no limit. A link is shared by many.
         */
        size_t length = IN6_IS_ADDR_LINKLOCAL(&plain.v6.sin6_addr) ? 16 : 8;
        memcpy(key, &plain.v6.sin6_addr, length);
        return length;
    }
    return 0;
}

/* Resolving */

static int status_from_eai(int error)
{
    switch (error) {
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
        return -ENOENT;
    case EAI_AGAIN:
    case EAI_FAIL:
        return -EREMOTEIO;
    case EAI_MEMORY:
        return -ENOMEM;
    case EAI_SYSTEM:
        return errno > 0 ? -errno : -EIO;
    default:
        return -EINVAL;
    }
}

static int list_from_addrinfo(const struct addrinfo *first, uint16_t port, IoAddressList **ret_list)
{
    size_t count = 0;
    for (const struct addrinfo *info = first; info && count < IO_ADDRESS_LIST_MAX; info = info->ai_next)
        count++;
    IoAddressList *list = calloc(1, sizeof(*list) + count * sizeof(list->items[0]));
    if (!list) return -ENOMEM;
    for (const struct addrinfo *info = first; info && list->count < count; info = info->ai_next) {
        if (info->ai_family != AF_INET && info->ai_family != AF_INET6) continue;
        IoAddress *item = &list->items[list->count++];
        memcpy(&item->any, info->ai_addr, info->ai_addrlen);
        item->length = info->ai_addrlen;
        io_address_set_port(item, port);
    }
    if (list->count == 0) {
        free(list);
        return -ENOENT;
    }
    *ret_list = list;
    return 0;
}

int io_address_resolve(const char *host, uint16_t port, IoAddressList **ret_list)
{
    IoAddress literal;
    if (io_address_parse(host, port, &literal) == 0) {
        IoAddressList *list = calloc(1, sizeof(*list) + sizeof(list->items[0]));
        if (!list) return -ENOMEM;
        list->count = 1;
        list->items[0] = literal;
        *ret_list = list;
        return 0;
    }
    if (!name_is_valid(host, strlen(host))) return -ENOENT;
    int known = io_hosts_find(host, port, ret_list);
    if (known != -ENOENT) return known;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *found = NULL;
    int error = getaddrinfo(host, NULL, &hints, &found);
    int status = error ? status_from_eai(error) : 0;
    if (status == -ENOENT) {
        /* a machine that has only loopback addresses: what it knows about itself is still reachable */
        hints.ai_flags = 0;
        error = getaddrinfo(host, NULL, &hints, &found);
        status = error ? status_from_eai(error) : 0;
    }
    if (status == 0) status = list_from_addrinfo(found, port, ret_list);
    if (found) freeaddrinfo(found);
    return status;
}
