/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and ports that no other lab has: claimed by a name in the abstract socket namespace, which lies
 * in the same network namespace as the loopback interface and vanishes with the process that holds it. */
#include "lab.h"
#include <errno.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CLAIM_ATTEMPTS 100
/* Below the range outgoing connections take their ports from. */
#define PORT_FIRST 20000
#define PORT_COUNT 12000
#define KDC_NUMBER 1
#define HOST_FIRST 10

static unsigned random_below(unsigned limit)
{
    unsigned value = 0;
    if (getrandom(&value, sizeof(value), 0) != sizeof(value)) value = (unsigned)getpid();
    return value % limit;
}

/* Holds `name` until the descriptor is closed; -EADDRINUSE when another lab has it. */
static int claim_name(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "mantle-lab/%s", name);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
    if (bind(fd, (struct sockaddr *)&address, size) == 0) return fd;
    int r = -errno;
    close(fd);
    return r;
}

/* Could a server listen there now? */
static bool is_free(const char *address, int port)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    bool is_six = inet_pton(AF_INET6, address, &six.sin6_addr) == 1;
    if (!is_six && inet_pton(AF_INET, address, &four.sin_addr) != 1) return false;
    int fd = socket(is_six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    struct sockaddr *name = is_six ? (struct sockaddr *)&six : (struct sockaddr *)&four;
    bool ok = bind(fd, name, is_six ? sizeof(six) : sizeof(four)) == 0 && listen(fd, 1) == 0;
    close(fd);
    return ok;
}

/* A run of `count` ports free on `address`, or 0. */
static int find_ports(const char *address, int count)
{
    for (int attempt = 0; attempt < CLAIM_ATTEMPTS; attempt++) {
        int first = PORT_FIRST + (int)random_below((unsigned)(PORT_COUNT - count)), free_ports = 0;
        while (free_ports < count && is_free(address, first + free_ports))
            free_ports++;
        if (free_ports == count) return first;
    }
    return 0;
}

/* Every host has its own address and the same two ports, as machines do. */
static int claim_ipv4(Lab *lab)
{
    LabOptions *options = &lab->options;
    unsigned second = 1 + random_below(254), third = random_below(256);
    char name[32];
    snprintf(name, sizeof(name), "127.%u.%u", second, third);
    lab->claim_fd = claim_name(name);
    if (lab->claim_fd < 0) return lab->claim_fd;
    snprintf(lab->kdc_address, sizeof(lab->kdc_address), "127.%u.%u.%d", second, third, KDC_NUMBER);
    lab->kdc_port = find_ports(lab->kdc_address, 1);
    int ports = 0;
    for (int i = 0; i < options->n_hosts; i++) {
        LabHost *host = &options->hosts[i];
        snprintf(host->address, sizeof(host->address), "127.%u.%u.%d", second, third, HOST_FIRST + i);
        if (i == 0) ports = find_ports(host->address, 2);
        host->resolver_port = options->resolver_port ? options->resolver_port : ports;
        host->exporter_port = ports + 1;
        if (!ports || !is_free(host->address, host->resolver_port) ||
            !is_free(host->address, host->exporter_port))
            return -EADDRINUSE;
    }
    return lab->kdc_port ? 0 : -EADDRINUSE;
}

/* One address for all, and ports of its own for each. */
static int claim_ipv6(Lab *lab)
{
    LabOptions *options = &lab->options;
    strcpy(lab->kdc_address, "::1");
    int ports = find_ports("::1", 1 + 2 * options->n_hosts);
    if (!ports) return -EADDRINUSE;
    char name[32];
    /* Labs claim whole blocks, so that two runs of ports cannot overlap half-way. */
    snprintf(name, sizeof(name), "[::1]:%d", ports / 100);
    lab->claim_fd = claim_name(name);
    if (lab->claim_fd < 0) return lab->claim_fd;
    if (ports / 100 != (ports + 2 * options->n_hosts) / 100) return -EADDRINUSE;
    lab->kdc_port = ports;
    for (int i = 0; i < options->n_hosts; i++) {
        strcpy(options->hosts[i].address, "::1");
        options->hosts[i].resolver_port = ports + 1 + 2 * i;
        options->hosts[i].exporter_port = ports + 2 + 2 * i;
    }
    return 0;
}

int lab_network_claim(Lab *lab)
{
    for (int attempt = 0; attempt < CLAIM_ATTEMPTS; attempt++) {
        int r = lab->options.ipv6 ? claim_ipv6(lab) : claim_ipv4(lab);
        if (r == 0) return 0;
        if (lab->claim_fd >= 0) close(lab->claim_fd);
        lab->claim_fd = -1;
        if (r != -EADDRINUSE) {
            errno = -r;
            return lab_error("cannot claim addresses on the loopback interface: %m");
        }
    }
    return lab_error("found no free ports on %s", lab->options.ipv6 ? "::1" : "127.0.0.0/8");
}
