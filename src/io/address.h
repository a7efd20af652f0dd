/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and host names. Names are never canonicalised: the name that was asked for is the name that is
 * used. */
#pragma once
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "base/cleanup.h"

#define IO_HOST_SIZE           256u /* a name or literal with its NUL */
#define IO_ADDRESS_STRING_SIZE 128u
#define IO_ADDRESS_LIST_MAX    64u

/* An IPv4, IPv6 or UNIX socket address. */
typedef struct IoAddress {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
    };
    socklen_t length;
} IoAddress;

/* Where somebody wants to go: a DNS name or a literal (without brackets), and a port. */
typedef struct IoHost {
    char name[IO_HOST_SIZE];
    uint16_t port; /* 0: none was given */
} IoHost;

typedef struct IoAddressList {
    size_t count; /* 1 .. IO_ADDRESS_LIST_MAX */
    IoAddress items[];
} IoAddressList;

/* Host */

/* Reads `name`, `name:port`, `1.2.3.4`, `1.2.3.4:port`, `::1`, `[::1]`, `[::1]:port`, IPv6 also with
 * `%scope`. Nothing else is accepted: names consist of letters, digits, `-`, `_` and `.`; ports are 1 to
 * 65535. 0, -EINVAL. */
int io_host_parse(const char *text, IoHost *ret_host) must_use;
/* Writes the form that io_host_parse() reads; the port only when it is not 0. */
void io_host_format(const IoHost *host, char text[IO_ADDRESS_STRING_SIZE + IO_HOST_SIZE]);

/* Address */

/* A literal IPv4 or IPv6 address without brackets. 0, -EINVAL when it is something else. */
int io_address_parse(const char *literal, uint16_t port, IoAddress *ret_address) must_use;
/* A UNIX socket's path. 0, -ENAMETOOLONG, -EINVAL when empty. */
int io_address_unix(const char *path, IoAddress *ret_address) must_use;
/* `1.2.3.4:135`, `[::1]:135`, `unix:/path`; an IPv4 address mapped into IPv6 as IPv4. */
void io_address_format(const IoAddress *address, char text[IO_ADDRESS_STRING_SIZE]);
/* As above without port and brackets. */
void io_address_format_host(const IoAddress *address, char text[IO_ADDRESS_STRING_SIZE]);
uint16_t io_address_port(const IoAddress *address);
void io_address_set_port(IoAddress *address, uint16_t port);
bool io_address_is_ip(const IoAddress *address);
bool io_address_is_loopback(const IoAddress *address);
/* `::ffff:1.2.3.4`, as dual-stack listeners see IPv4 peers, becomes 1.2.3.4. */
void io_address_unmap(IoAddress *address);
/* Who the peer is for limits "per address": 4 bytes of IPv4, the /64 of IPv6 (all 16 bytes
 * when link-local), nothing for UNIX. Returns the
 * length. */
size_t io_address_key(const IoAddress *address, uint8_t key[16]);

/* Resolving */

/* All addresses of a host, in the order in which to try them. Literals need no DNS. Blocks for names: for the
 * non-blocking way see io/resolve.h. The list is freed with free().
 * 0, -ENOENT (no such name), -EREMOTEIO (the name service does not answer), -ENOMEM, -errno. */
int io_address_resolve(const char *host, uint16_t port, IoAddressList **ret_list) must_use;
