/* SPDX-License-Identifier: Apache-2.0 */
#include "io/socket.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <string.h>
#include <sys/file.h>
#include "base/time.h"

#define LISTEN_BACKLOG 1024

static int socket_new(const IoAddress *address, int *ret_fd)
{
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    *ret_fd = fd;
    return 0;
}

/* A call and its answer are each one small write: waiting for more (Nagle) would only add a delayed
 * acknowledgement. */
static int socket_set_nodelay(int fd)
{
    int on = 1;
    return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ? -errno : 0;
}

/* Connecting */

int io_connect_start(const IoAddress *address, int *ret_fd)
{
    _cleanup_(closep) int fd = -1;
    int r = socket_new(address, &fd);
    if (r == 0 && io_address_is_ip(address)) r = socket_set_nodelay(fd);
    if (r < 0) return r;
    /* EINTR on a non-blocking socket means what EINPROGRESS means */
    if (connect(fd, &address->any, address->length) < 0) {
        if (errno != EINPROGRESS && errno != EINTR) return -errno;
        r = IO_AGAIN;
    }
    *ret_fd = TAKE_FD(fd);
    return r;
}

int io_connect_finish(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
    int ready = poll(&poll_fd, 1, 0), error = 0;
    if (ready < 0) return errno == EINTR ? IO_AGAIN : -errno;
    if (ready == 0) return IO_AGAIN;
    socklen_t length = sizeof(error);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0) return -errno;
    return -error;
}

/* Listening */

static int listen_ip(const IoAddress *address, int *ret_fd)
{
    _cleanup_(closep) int fd = -1;
    int on = 1, off = 0, r = socket_new(address, &fd);
    if (r < 0) return r;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0) return -errno;
    if (address->any.sa_family == AF_INET6) {
        const int *only = IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr) ? &off : &on;
        if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, only, sizeof(*only)) < 0) return -errno;
    }
    if (bind(fd, &address->any, address->length) < 0) return -errno;
    if (listen(fd, LISTEN_BACKLOG) < 0) return -errno;
    *ret_fd = TAKE_FD(fd);
    return 0;
}

/* True when a socket lies at the path and nobody listens there any more. */
static bool unix_is_stale(const IoAddress *address)
{
    struct stat status;
    if (lstat(address->local.sun_path, &status) < 0 || !S_ISSOCK(status.st_mode)) return false;
    _cleanup_(closep) int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return probe >= 0 && connect(probe, &address->any, address->length) < 0 && errno == ECONNREFUSED;
}

/* Who looks for a stale file and who binds must not overlap: one between bind() and listen() looks stale. */
static int lock_directory(const char *path, int *ret_fd)
{
    char directory[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    memcpy(directory, path, length);
    directory[length] = 0;
    const char *name = length > 0 ? directory : slash ? "/" : ".";
    _cleanup_(closep) int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -errno;
    while (flock(fd, LOCK_EX) < 0)
        if (errno != EINTR) return -errno;
    *ret_fd = TAKE_FD(fd);
    return 0;
}

static int listen_unix(const IoAddress *address, mode_t mode, int *ret_fd)
{
    _cleanup_(closep) int fd = -1;
    _cleanup_(closep) int directory = -1;
    const char *path = address->local.sun_path;
    int r = socket_new(address, &fd);
    if (r == 0) r = lock_directory(path, &directory);
    if (r < 0) return r;
    /* The file gets the descriptor's mode less the umask: at no moment is it more open than `mode`. */
    if (fchmod(fd, mode) < 0) return -errno;
    if (bind(fd, &address->any, address->length) < 0) {
        if (errno != EADDRINUSE) return -errno;
        if (!unix_is_stale(address)) return -EADDRINUSE;
        if (unlink(path) < 0 || bind(fd, &address->any, address->length) < 0) return -errno;
    }
    if (chmod(path, mode) < 0 || listen(fd, LISTEN_BACKLOG) < 0) {
        r = -errno;
        (void)unlink(path); /* ours, and nobody listens there */
        return r;
    }
    *ret_fd = TAKE_FD(fd);
    return 0;
}

int io_listen_fresh(const IoAddress *address, mode_t mode, int *ret_fd)
{
    _cleanup_(closep) int fd = -1;
    const char *path = address->local.sun_path;
    int r = socket_new(address, &fd);
    if (r < 0) return r;
    if (fchmod(fd, mode) < 0 || bind(fd, &address->any, address->length) < 0) return -errno;
    if (chmod(path, mode) < 0 || listen(fd, LISTEN_BACKLOG) < 0) {
        r = -errno;
        (void)unlink(path); /* ours: nobody but its owner can have moved it away */
        return r;
    }
    *ret_fd = TAKE_FD(fd);
    return 0;
}

int io_listen(const IoAddress *address, mode_t mode, int *ret_fd)
{
    return io_address_is_ip(address) ? listen_ip(address, ret_fd) : listen_unix(address, mode, ret_fd);
}

int io_listen_any(uint16_t port, int *ret_fd)
{
    IoAddress address;
    int r = io_address_parse("::", port, &address);
    if (r < 0) return r;
    r = listen_ip(&address, ret_fd);
    if (r != -EAFNOSUPPORT && r != -EADDRNOTAVAIL) return r;
    r = io_address_parse("0.0.0.0", port, &address);
    return r < 0 ? r : listen_ip(&address, ret_fd);
}

int io_accept(int listener, int *ret_fd, IoAddress *ret_peer)
{
    for (;;) {
        IoAddress peer = {.length = offsetof(IoAddress, length)};
        _cleanup_(closep) int fd = accept4(listener, &peer.any, &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            switch (errno) {
            case EAGAIN:
                return IO_AGAIN;
            /* accept(2): errors of that one connection, which is gone */
            case EINTR:
            case ECONNABORTED:
            case ENETDOWN:
            case EPROTO:
            case ENOPROTOOPT:
            case EHOSTDOWN:
            case ENONET:
            case EHOSTUNREACH:
            case ENETUNREACH:
            case EOPNOTSUPP:
                continue;
            default:
                return -errno;
            }
        }
        if (io_address_is_ip(&peer) && socket_set_nodelay(fd) < 0) continue; /* reset already */
        io_address_unmap(&peer);
        *ret_peer = peer;
        *ret_fd = TAKE_FD(fd);
        return 0;
    }
}

/* Connected sockets */

int io_read(int fd, void *buffer, size_t size, size_t *ret_size)
{
    ssize_t got;
    do
        got = recv(fd, buffer, size, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    if (got < 0) return errno == EAGAIN ? IO_AGAIN : -errno;
    if (got == 0) return IO_CLOSED;
    *ret_size = (size_t)got;
    return 0;
}

int io_set_patience(int fd, uint64_t ns)
{
    struct timeval timeout = {0}; /* for ever */
    if (ns != TIME_NEVER)
        timeout = (struct timeval){.tv_sec = (time_t)(ns / NS_PER_SECOND),
                                   .tv_usec = (suseconds_t)(ns % NS_PER_SECOND / 1000)};
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0)
        return -errno;
    return 0;
}

/* How long a thread stays awake for an answer: going to sleep and being woken takes longer than most peers
 * need. Worth it only with a core to spare, which shows in how it ends: each vain attempt doubles the number
 * of reads until the next one. */
#define SPIN_NS       30000u
#define SPIN_SKIP_MAX 1023u
#define LOOK_EVERY    64u

static _Thread_local unsigned spin_skip, spin_left;

/* Whoever shares this core cannot answer while this thread holds it. Looked up now and then: threads move. */
static bool peer_has_own_core(int fd)
{
    static _Thread_local unsigned reads;
    static _Thread_local bool apart;
    int cpu = -1;
    socklen_t length = sizeof(cpu);

    if (reads++ % LOOK_EVERY == 0)
        apart = getsockopt(fd, SOL_SOCKET, SO_INCOMING_CPU, &cpu, &length) == 0 && cpu >= 0 &&
                cpu != sched_getcpu();
    return apart;
}

static ssize_t spin(int fd, void *buffer, size_t size)
{
    const uint64_t end = time_after(SPIN_NS);
    ssize_t got;
    bool late;

    do {
        got = recv(fd, buffer, size, MSG_DONTWAIT);
        late = time_monotonic() >= end; /* also when this thread lost its core meanwhile */
    } while (got < 0 && errno == EAGAIN && !late);
    if (!late)
        spin_skip /= 2;
    else
        spin_left = spin_skip = spin_skip < SPIN_SKIP_MAX ? 2 * spin_skip + 1 : SPIN_SKIP_MAX;
    return got;
}

int io_read_blocking(int fd, void *buffer, size_t size, size_t *ret_size)
{
    ssize_t got = -1;

    errno = EAGAIN;
    if (spin_left > 0)
        spin_left--;
    else if (peer_has_own_core(fd))
        got = spin(fd, buffer, size);
    if (got < 0 && errno == EAGAIN) got = recv(fd, buffer, size, 0);
    if (got < 0) return errno == EAGAIN || errno == EINTR ? IO_AGAIN : -errno;
    if (got == 0) return IO_CLOSED;
    *ret_size = (size_t)got;
    return 0;
}

int io_writev(int fd, const struct iovec *pieces, size_t count, size_t *ret_size)
{
    struct msghdr message = {.msg_iov = (struct iovec *)pieces, .msg_iovlen = count};
    ssize_t put;
    do
        put = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (put < 0 && errno == EINTR);
    if (put < 0) return errno == EAGAIN ? IO_AGAIN : -errno;
    *ret_size = (size_t)put;
    return 0;
}

int io_write(int fd, const void *data, size_t size, size_t *ret_size)
{
    ssize_t put;
    do
        put = send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (put < 0 && errno == EINTR);
    if (put < 0) return errno == EAGAIN ? IO_AGAIN : -errno;
    *ret_size = (size_t)put;
    return 0;
}

int io_write_all(int fd, const void *data, size_t size, uint64_t deadline)
{
    const uint8_t *next = data;
    while (size > 0) {
        size_t put = 0;
        int r = io_write(fd, next, size, &put);
        if (r == IO_AGAIN) r = io_wait(&(IoWait){.fd = fd, .events = POLLOUT, .deadline = deadline});
        if (r < 0) return r;
        next += put;
        size -= put;
    }
    return 0;
}

int io_read_all(int fd, void *buffer, size_t size, uint64_t deadline)
{
    uint8_t *next = buffer;
    while (size > 0) {
        size_t got = 0;
        int r = io_read(fd, next, size, &got);
        if (r == IO_CLOSED) return r;
        if (r == IO_AGAIN) r = io_wait(&(IoWait){.fd = fd, .events = POLLIN, .deadline = deadline});
        if (r < 0) return r;
        next += got;
        size -= got;
    }
    return 0;
}

int io_socket_address(int fd, IoAddress *ret_address)
{
    IoAddress address = {.length = offsetof(IoAddress, length)};
    if (getsockname(fd, &address.any, &address.length) < 0) return -errno;
    io_address_unmap(&address);
    *ret_address = address;
    return 0;
}

int io_socket_peer(int fd, IoAddress *ret_address)
{
    IoAddress address = {.length = offsetof(IoAddress, length)};
    if (getpeername(fd, &address.any, &address.length) < 0) return -errno;
    io_address_unmap(&address);
    *ret_address = address;
    return 0;
}

int io_socket_credentials(int fd, struct ucred *ret_credentials)
{
    struct ucred credentials;
    socklen_t length = sizeof(credentials);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0) return -errno;
    *ret_credentials = credentials;
    return 0;
}

int io_socket_groups(int fd, gid_t **ret_groups, size_t *ret_count)
{
    _cleanup_(freep) gid_t *groups = NULL;
    socklen_t length = 32 * sizeof(gid_t);
    for (;;) {
        free(groups);
        groups = malloc(length ? length : sizeof(gid_t));
        if (!groups) return -ENOMEM;
        const socklen_t room = length;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &length) == 0) break;
        if (errno != ERANGE || length <= room) return -errno;
        if (length > IO_GROUPS_MAX * sizeof(gid_t)) return -E2BIG;
    }
    *ret_count = length / sizeof(gid_t);
    *ret_groups = TAKE_PTR(groups);
    return 0;
}

/* Descriptors */

/* Closes all that came but the only one. 0, -EMSGSIZE. */
static int take_descriptor(struct msghdr *message, int *ret_descriptor)
{
    int kept = -1;
    bool many = message->msg_flags & MSG_CTRUNC; /* the kernel closed those without room */
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
        const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int descriptor;
            memcpy(&descriptor, CMSG_DATA(part) + i * sizeof(int), sizeof(descriptor));
            many |= kept >= 0;
            if (many)
                close(descriptor);
            else
                kept = descriptor;
        }
    }
    if (many) {
        if (kept >= 0) close(kept);
        return -EMSGSIZE;
    }
    *ret_descriptor = kept;
    return 0;
}

int io_read_descriptor(int fd, void *buffer, size_t size, size_t *ret_size, int *ret_descriptor)
{
    union {
        struct cmsghdr align;
        uint8_t room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec piece = {buffer, size};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = sizeof(control.room)};
    ssize_t got;
    do
        got = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got < 0) return errno == EAGAIN ? IO_AGAIN : -errno;
    int r = take_descriptor(&message, ret_descriptor);
    if (r < 0) return r;
    if (got == 0) {
        if (*ret_descriptor >= 0) close(*ret_descriptor);
        return IO_CLOSED;
    }
    *ret_size = (size_t)got;
    return 0;
}

int io_write_descriptor(int fd, const void *data, size_t size, int descriptor, size_t *ret_size)
{
    union {
        struct cmsghdr align;
        uint8_t room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec piece = {(void *)data, size};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = sizeof(control.room)};
    struct cmsghdr *part = CMSG_FIRSTHDR(&message);
    ssize_t put;
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(descriptor));
    memcpy(CMSG_DATA(part), &descriptor, sizeof(descriptor));
    do
        put = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (put < 0 && errno == EINTR);
    if (put < 0) return errno == EAGAIN ? IO_AGAIN : -errno;
    *ret_size = (size_t)put;
    return 0;
}
