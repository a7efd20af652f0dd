/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of hosts in front of the name service, from a file (key `hosts_file` of [resolver]): for networks
 * whose names DNS does not know, the lab's above all. Lines as of hosts(5), `ADDRESS NAME ...`, where the
 * address may carry the port of the resolver on that host: `127.1.2.3:20135 a.lab.test a`, `[::1]:20135 b`.
 */
#pragma once
#include "io/address.h"

#define IO_HOSTS_FILE_MAX (256u * 1024)
#define IO_HOSTS_MAX      4096u /* names */

/* Replaces the process's table; a NULL path empties it. 0; -errno of reading; -EINVAL with the line at fault
 * (from 1) for what cannot be read, -E2BIG for too much; the table is then unchanged. Thread-safe, as all of
 * these. */
int io_hosts_load(const char *path, unsigned *ret_line) must_use;
/* The addresses of a name, in the file's order, with `port`. 0 (free() the list), -ENOENT, -ENOMEM. */
int io_hosts_find(const char *name, uint16_t port, IoAddressList **ret_list) must_use;
/* The resolver's port of a name, where the table gives one, else 0. */
uint16_t io_hosts_resolver_port(const char *name);
