/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets on loopback and UNIX paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include "base/time.h"
#include "io/socket.h"

static void check_flags(int fd)
{
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

static int accept_soon(int listener, IoAddress *ret_peer)
{
    int fd = -1, r;
    do {
        assert_int_equal(io_wait(&(IoWait){listener, POLLIN, time_after(10 * NS_PER_SECOND)}), 0);
        r = io_accept(listener, &fd, ret_peer);
    } while (r == IO_AGAIN);
    assert_int_equal(r, 0);
    return fd;
}

static int connect_soon(const IoAddress *address)
{
    int fd = -1;
    int r = io_connect_start(address, &fd);
    if (r < 0) return r;
    check_flags(fd);
    while (r == IO_AGAIN) {
        assert_int_equal(io_wait(&(IoWait){fd, POLLOUT, time_after(10 * NS_PER_SECOND)}), 0);
        r = io_connect_finish(fd);
    }
    if (r < 0) close(fd);
    return r < 0 ? r : fd;
}

/* A listener, a connection to it and its other end. */
static void check_connection(const char *listen_on, const char *connect_to, const char *peer_looks_like)
{
    _cleanup_(closep) int listener = -1;
    _cleanup_(closep) int client = -1;
    _cleanup_(closep) int server = -1;
    IoAddress address, peer;
    char text[IO_ADDRESS_STRING_SIZE];
    int nodelay = 0, on = 0;
    socklen_t size = sizeof(on);
    assert_int_equal(io_address_parse(listen_on, 0, &address), 0);
    assert_int_equal(io_listen(&address, 0, &listener), 0);
    check_flags(listener);
    assert_int_equal(getsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, &size), 0);
    assert_true(on);
    assert_int_equal(io_accept(listener, &server, &peer), IO_AGAIN);
    assert_int_equal(io_socket_address(listener, &address), 0);
    uint16_t port = io_address_port(&address);
    assert_int_equal(io_address_parse(connect_to, port, &address), 0);
    client = connect_soon(&address);
    assert_true(client >= 0);
    server = accept_soon(listener, &peer);
    check_flags(server);
    size = sizeof(nodelay);
    assert_int_equal(getsockopt(server, IPPROTO_TCP, TCP_NODELAY, &nodelay, &size), 0);
    assert_true(nodelay);
    assert_int_equal(getsockopt(client, IPPROTO_TCP, TCP_NODELAY, &nodelay, &size), 0);
    assert_true(nodelay);
    io_address_format_host(&peer, text);
    assert_string_equal(text, peer_looks_like);
    assert_int_equal(io_socket_peer(client, &peer), 0);
    assert_int_equal(io_address_port(&peer), port);
}

static void test_tcp(void **state)
{
    check_connection("127.0.0.1", "127.0.0.1", "127.0.0.1");
    check_connection("::1", "::1", "::1");
    check_connection("::", "::1", "::1");
    check_connection("::", "127.0.0.1", "127.0.0.1"); /* dual-stack, and the peer looks like IPv4 */
}

static void test_listen_any(void **state)
{
    _cleanup_(closep) int listener = -1;
    _cleanup_(closep) int second = -1;
    IoAddress address;
    assert_int_equal(io_listen_any(0, &listener), 0);
    assert_int_equal(io_socket_address(listener, &address), 0);
    uint16_t port = io_address_port(&address);
    assert_true(port > 0);
    assert_int_equal(io_listen_any(port, &second), -EADDRINUSE);
    assert_int_equal(second, -1);
    _cleanup_(freep) char *owner = io_port_owner(port);
    char expected[32];
    (void)snprintf(expected, sizeof(expected), "pid %d (", (int)getpid());
    assert_non_null(owner);
    assert_memory_equal(owner, expected, strlen(expected));
}

static void test_refused(void **state)
{
    int listener = -1;
    IoAddress address;
    assert_int_equal(io_address_parse("127.0.0.1", 0, &address), 0);
    assert_int_equal(io_listen(&address, 0, &listener), 0);
    assert_int_equal(io_socket_address(listener, &address), 0);
    close(listener);
    assert_int_equal(connect_soon(&address), -ECONNREFUSED);
    assert_null(io_port_owner(io_address_port(&address)));
}

static void test_read_write(void **state)
{
    int ends[2];
    char buffer[4];
    size_t size = 99;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    /* blocking descriptors on purpose: the calls never block */
    assert_int_equal(io_read(ends[0], buffer, sizeof(buffer), &size), IO_AGAIN);
    assert_int_equal(size, 99);
    assert_int_equal(io_write(ends[1], "abc", 3, &size), 0);
    assert_int_equal(size, 3);
    assert_int_equal(io_read(ends[0], buffer, sizeof(buffer), &size), 0);
    assert_int_equal(size, 3);
    struct iovec pieces[2] = {{.iov_base = "de", .iov_len = 2}, {.iov_base = "f", .iov_len = 1}};
    assert_int_equal(io_writev(ends[1], pieces, 2, &size), 0);
    assert_int_equal(io_read_all(ends[0], buffer, 3, 0), 0);
    assert_memory_equal(buffer, "def", 3);
    assert_int_equal(io_read_all(ends[0], buffer, 1, time_after(10 * NS_PER_MS)), -ETIMEDOUT);
    static const char big[1 << 20];
    assert_int_equal(io_write_all(ends[1], big, sizeof(big), time_after(10 * NS_PER_MS)), -ETIMEDOUT);
    while (io_write(ends[1], big, sizeof(big), &size) == 0) {
    }
    assert_int_equal(io_write(ends[1], big, sizeof(big), &size), IO_AGAIN);
    close(ends[0]);
    assert_int_equal(io_write(ends[1], "x", 1, &size), -EPIPE); /* and no SIGPIPE */
    assert_int_equal(io_writev(ends[1], pieces, 2, &size), -EPIPE);
    close(ends[1]);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(io_write_all(ends[1], "xy", 2, 0), 0);
    close(ends[1]);
    assert_int_equal(io_read_all(ends[0], buffer, 3, 0), IO_CLOSED);
    assert_int_equal(io_read(ends[0], buffer, 1, &size), IO_CLOSED);
    close(ends[0]);
}

static void test_unix(void **state)
{
    char directory[] = "/tmp/mantle-test-XXXXXX", path[64];
    _cleanup_(closep) int listener = -1;
    _cleanup_(closep) int client = -1;
    _cleanup_(closep) int server = -1;
    IoAddress address, peer;
    struct stat status;
    struct ucred credentials;
    int second = -1;
    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/socket", directory);
    assert_int_equal(io_address_unix(path, &address), 0);
    assert_int_equal(io_listen(&address, 0666, &listener), 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0666);
    /* one that lives is left alone, one that died is replaced */
    assert_int_equal(io_listen(&address, 0600, &second), -EADDRINUSE);
    close(listener);
    assert_int_equal(connect_soon(&address), -ECONNREFUSED);
    assert_int_equal(io_listen(&address, 0600, &listener), 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    client = connect_soon(&address);
    assert_true(client >= 0);
    server = accept_soon(listener, &peer);
    assert_int_equal(peer.any.sa_family, AF_UNIX);
    assert_int_equal(io_socket_credentials(server, &credentials), 0);
    assert_int_equal(credentials.pid, getpid());
    assert_int_equal(credentials.uid, geteuid());
    assert_int_equal(unlink(path), 0);
    /* a file that is no socket is never removed */
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    assert_int_equal(io_listen(&address, 0600, &second), -EADDRINUSE);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(directory), 0);
    assert_int_equal(io_listen(&address, 0600, &second), -ENOENT);
    assert_int_equal(second, -1);
}

/* Descriptors: one is taken over, more are refused and closed, and plain reads close what comes. */
static void test_descriptors(void **state)
{
    (void)state;
    int ends[2], got = -2, again, useless = open("/dev/null", O_RDONLY | O_CLOEXEC);
    uint8_t byte;
    size_t size;
    gid_t *groups = NULL;
    struct stat first, second;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(io_read_descriptor(ends[1], &byte, 1, &size, &got), IO_AGAIN);
    assert_int_equal(io_write_descriptor(ends[0], "1", 1, useless, &size), 0);
    assert_int_equal(io_read_descriptor(ends[1], &byte, 1, &size, &got), 0);
    assert_int_equal(byte, '1');
    assert_true(fcntl(got, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(fstat(got, &first), 0);
    assert_int_equal(fstat(useless, &second), 0);
    assert_int_equal(first.st_rdev, second.st_rdev);
    const int free_slot = got;
    close(got);
    assert_int_equal(io_write(ends[0], "2", 1, &size), 0);
    assert_int_equal(io_read_descriptor(ends[1], &byte, 1, &size, &got), 0);
    assert_int_equal(got, -1);
    /* two, and a hundred, in one message */
    for (unsigned count = 2; count <= 100; count += 98) {
        int many[100];
        uint8_t control[CMSG_SPACE(sizeof(many))] __attribute__((aligned(16))) = {0};
        struct iovec piece = {"3", 1};
        struct msghdr message = {.msg_iov = &piece,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = CMSG_SPACE(count * sizeof(int))};
        struct cmsghdr *part = CMSG_FIRSTHDR(&message);
        *part = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(count * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        for (unsigned i = 0; i < count; i++)
            many[i] = useless;
        memcpy(CMSG_DATA(part), many, count * sizeof(int));
        assert_int_equal(sendmsg(ends[0], &message, 0), 1);
        assert_int_equal(io_read_descriptor(ends[1], &byte, 1, &size, &got), -EMSGSIZE);
    }
    assert_int_equal(io_write_descriptor(ends[0], "4", 1, useless, &size), 0);
    assert_int_equal(io_read(ends[1], &byte, 1, &size), 0);
    assert_int_equal(again = dup(useless), free_slot); /* none was left open */
    close(again);
    assert_int_equal(io_socket_groups(ends[0], &groups, &size), 0);
    assert_int_equal((int)size, getgroups(0, NULL));
    free(groups);
    close(ends[0]);
    assert_int_equal(io_read_descriptor(ends[1], &byte, 1, &size, &got), IO_CLOSED);
    close(ends[1]);
    close(useless);
}

/* Where others may write nothing is replaced. */
static void test_listen_fresh(void **state)
{
    (void)state;
    char path[64];
    snprintf(path, sizeof(path), "/tmp/mantle-fresh-%d", (int)getpid());
    int fd, again = -1;
    IoAddress address;
    struct stat status;
    assert_int_equal(io_address_unix(path, &address), 0);
    assert_int_equal(io_listen_fresh(&address, 0666, &fd), 0);
    check_flags(fd);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0666);
    assert_int_equal(io_listen_fresh(&address, 0666, &again), -EADDRINUSE);
    close(fd);
    assert_int_equal(io_listen_fresh(&address, 0666, &again), -EADDRINUSE);
    assert_int_equal(again, -1);
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_descriptors), cmocka_unit_test(test_listen_fresh),
        cmocka_unit_test(test_tcp),         cmocka_unit_test(test_listen_any),
        cmocka_unit_test(test_refused),     cmocka_unit_test(test_read_write),
        cmocka_unit_test(test_unix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
