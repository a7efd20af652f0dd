/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/names.h"
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>
#include "io/address.h"

static int add(Names *names, const char *text)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i], text) == 0) return 0;
    if (names->count == NAMES_MAX) return 0; /* the best ones are there already */
    names->items[names->count] = strdup(text);
    if (!names->items[names->count]) return -ENOMEM;
    names->count++;
    return 0;
}

/* Loopback and link-local addresses lead others nowhere. */
static bool is_published(const struct ifaddrs *entry, IoAddress *address)
{
    if (!entry->ifa_addr || !(entry->ifa_flags & IFF_UP) || entry->ifa_flags & IFF_LOOPBACK) return false;
    *address = (IoAddress){0};
    if (entry->ifa_addr->sa_family == AF_INET) {
        memcpy(&address->v4, entry->ifa_addr, sizeof(address->v4));
        address->length = sizeof(address->v4);
        return true;
    }
    if (entry->ifa_addr->sa_family != AF_INET6) return false;
    memcpy(&address->v6, entry->ifa_addr, sizeof(address->v6));
    address->length = sizeof(address->v6);
    return !IN6_IS_ADDR_LINKLOCAL(&address->v6.sin6_addr);
}

static int add_interfaces(Names *names)
{
    struct ifaddrs *list = NULL;
    if (getifaddrs(&list) < 0) return -errno;
    int r = 0;
    for (const struct ifaddrs *entry = list; entry && r == 0; entry = entry->ifa_next) {
        IoAddress address;
        char text[IO_ADDRESS_STRING_SIZE];
        if (!is_published(entry, &address)) continue;
        io_address_format_host(&address, text);
        r = add(names, text);
    }
    freeifaddrs(list);
    return r;
}

int names_init(const Conf *conf, Names *ret_names)
{
    Names names = {0};
    char own[IO_HOST_SIZE] = "";
    const char *name = conf_string(conf, CONF_EXPORTER_NAME);
    const char *const *addresses = conf_list(conf, CONF_EXPORTER_ADDRESSES);
    int r = 0;
    if (!name) {
        if (gethostname(own, sizeof(own) - 1) < 0) return -errno;
        name = own;
    }
    if (*name) r = add(&names, name);
    for (size_t i = 0; r == 0 && addresses[i]; i++)
        r = add(&names, addresses[i]);
    if (r == 0 && !addresses[0]) r = add_interfaces(&names);
    if (r == 0 && !names.count) r = -EADDRNOTAVAIL;
    if (r < 0) {
        names_deinit(&names);
        return r;
    }
    *ret_names = names;
    return 0;
}

void names_deinit(Names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    *names = (Names){0};
}
