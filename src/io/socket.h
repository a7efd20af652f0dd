/* SPDX-License-Identifier: Apache-2.0 */
/* Non-blocking sockets. Every descriptor made here is non-blocking and close-on-exec; TCP ones have
 * TCP_NODELAY. */
#pragma once
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include "base/cleanup.h"
#include "io/address.h"
#include "io/wait.h"

/* Connecting */

/* 0 connected, IO_AGAIN under way (wait for POLLOUT, then io_connect_finish), -errno; on 0 and IO_AGAIN the
 * caller owns the descriptor. A UNIX listener whose queue is full is -EAGAIN. */
int io_connect_start(const IoAddress *address, int *ret_fd) must_use;
/* 0 connected, IO_AGAIN still under way, -errno why it failed. */
int io_connect_finish(int fd) must_use;

/* Listening */

/* Listens on an IP address (SO_REUSEADDR; `::` takes IPv4 too) or a UNIX path. A UNIX socket gets `mode`; a
 * stale file whose owner is gone is replaced, a live one is -EADDRINUSE. 0, -errno. */
int io_listen(const IoAddress *address, mode_t mode, int *ret_fd) must_use;
/* Listens on a UNIX path that must not be there yet, whoever owns what is: for directories in which others
 * may write, where nothing is replaced and no lock is waited for. 0, -EADDRINUSE, -errno. */
int io_listen_fresh(const IoAddress *address, mode_t mode, int *ret_fd) must_use;
/* All addresses of this machine, IPv6 and IPv4 by one descriptor; IPv4 only where there is no IPv6. */
int io_listen_any(uint16_t port, int *ret_fd) must_use;
/* The next connection: 0, IO_AGAIN when there is none, -EMFILE and friends (-ENFILE -ENOBUFS -ENOMEM: wait
 * before the next try, the connection stays queued), -errno. IPv4 peers of a dual-stack listener look like
 * IPv4. */
int io_accept(int listener, int *ret_fd, IoAddress *ret_peer) must_use;
/* Who holds a TCP port here: "pid 123 (smbd)", or NULL when that cannot be seen (another user's process,
 * another network namespace, nobody). Best effort, for messages about -EADDRINUSE. Freed with free(). */
char *io_port_owner(uint16_t port);

/* Connected sockets */

/* At least one byte: 0. IO_AGAIN, IO_CLOSED, -errno. `size` is not 0. */
int io_read(int fd, void *buffer, size_t size, size_t *ret_size) must_use;
/* Lets io_read_blocking() block, for at most `ns` or TIME_NEVER. Nothing else here blocks because of it. 0,
 * -errno. */
int io_set_patience(int fd, uint64_t ns) must_use;
/* As io_read(), but waits in the system call itself, which is cheaper than a poll() before each, and
 * before that some microseconds awake while that pays off. IO_AGAIN: in vain, or interrupted. */
int io_read_blocking(int fd, void *buffer, size_t size, size_t *ret_size) must_use;
/* Writes what fits now, without SIGPIPE: 0 (maybe less than all), IO_AGAIN, -EPIPE, -errno. */
int io_write(int fd, const void *data, size_t size, size_t *ret_size) must_use;
int io_writev(int fd, const struct iovec *pieces, size_t count, size_t *ret_size) must_use;
/* Writes all before the deadline, waiting as needed; the blocking form for small messages. 0, -ETIMEDOUT,
 * -errno. */
int io_write_all(int fd, const void *data, size_t size, uint64_t deadline) must_use;
/* Reads exactly `size` bytes before the deadline. 0, IO_CLOSED (before the last byte), -ETIMEDOUT, -errno. */
int io_read_all(int fd, void *buffer, size_t size, uint64_t deadline) must_use;
/* Our and the peer's address. 0, -errno. */
int io_socket_address(int fd, IoAddress *ret_address) must_use;
int io_socket_peer(int fd, IoAddress *ret_address) must_use;
/* The process at the other end of a UNIX socket, as the kernel recorded it when it connected. 0, -errno. */
int io_socket_credentials(int fd, struct ucred *ret_credentials) must_use;
/* Its supplementary groups at that time; freed by free(). 0, -ENOMEM, -E2BIG (above IO_GROUPS_MAX), -errno.
 */
#define IO_GROUPS_MAX 65536u
int io_socket_groups(int fd, gid_t **ret_groups, size_t *ret_count) must_use;

/* Descriptors over UNIX sockets. io_read() closes those that come: who expects one uses these. */

/* As io_read(), and takes over the descriptor that came with these bytes; -1: none did. More than one:
 * -EMSGSIZE, and all are closed. */
int io_read_descriptor(int fd, void *buffer, size_t size, size_t *ret_size, int *ret_descriptor) must_use;
/* As io_write(), with a copy of the descriptor; once a byte was written (0 with *ret_size) it is on its way.
 */
int io_write_descriptor(int fd, const void *data, size_t size, int descriptor, size_t *ret_size) must_use;
