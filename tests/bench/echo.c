/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <rpcdce.h>
#include "sec/context.h"

#define ENCTYPE_AES256  18
#define TRAILER         8
#define RESPONSE_HEADER 24
#define FRAGMENT_MAX    65536

struct BenchEcho {
    int fd;
    pid_t pid;
    SecContext *context;
    size_t request_header, request, response, token;
    uint8_t buffer[FRAGMENT_MAX];
};

static void tcp_pair(int ends[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int yes = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 1) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) < 0)
        bench_die("listening: %m");
    ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (ends[0] < 0 || connect(ends[0], (struct sockaddr *)&address, size) < 0) bench_die("connecting: %m");
    ends[1] = accept(listener, NULL, NULL);
    close(listener);
    for (int i = 0; i < 2; i++)
        if (setsockopt(ends[i], IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) < 0)
            bench_die("TCP_NODELAY: %m");
}

static bool read_all(int fd, uint8_t *data, size_t length)
{
    while (length > 0) {
        ssize_t n = read(fd, data, length);
        if (n <= 0) return false;
        data += n;
        length -= (size_t)n;
    }
    return true;
}

static bool write_all(int fd, const uint8_t *data, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, data, length);
        if (n <= 0) return false;
        data += n;
        length -= (size_t)n;
    }
    return true;
}

static SecMessage message_of(BenchEcho *echo, size_t header, size_t stub)
{
    uint8_t *at = echo->buffer;
    return (SecMessage){.header = at,
                        .header_length = header,
                        .stub = at + header,
                        .stub_length = stub,
                        .trailer = at + header + stub,
                        .token = at + header + stub + TRAILER,
                        .token_length = echo->token,
                        .sign_header = true};
}

static bool send_sealed(BenchEcho *echo, size_t header, size_t stub)
{
    SecMessage message = message_of(echo, header, stub);
    if (sec_context_protect(echo->context, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, &message) != 0) return false;
    return write_all(echo->fd, echo->buffer, header + stub + TRAILER + echo->token);
}

static bool receive_sealed(BenchEcho *echo, size_t header, size_t stub)
{
    if (!read_all(echo->fd, echo->buffer, header + stub + TRAILER + echo->token)) return false;
    SecMessage message = message_of(echo, header, stub);
    return sec_context_unprotect(echo->context, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, &message) == 0;
}

/* The other end. Without an answer (0) it streams: one byte comes back for each run that the length in front
 * announces. */
static _Noreturn void serve(BenchEcho *echo)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (echo->response > 0)
        if (!receive_sealed(echo, echo->request_header, echo->request) ||
            !send_sealed(echo, RESPONSE_HEADER, echo->response))
            _exit(0);
    for (uint32_t count;;) {
        if (!read_all(echo->fd, (uint8_t *)&count, sizeof(count))) _exit(0);
        for (; count > 0; count--)
            if (!receive_sealed(echo, echo->request_header, echo->request)) _exit(1);
        if (!write_all(echo->fd, (const uint8_t *)"", 1)) _exit(1);
    }
}

static SecContext *new_context(const uint8_t key[32], bool initiator)
{
    SecContextSpec spec = {.initiator = initiator,
                           .enctype = ENCTYPE_AES256,
                           .key = key,
                           .key_length = 32,
                           .expires = INT64_MAX};
    SecContext *context = NULL;
    if (sec_context_new(&spec, &context) != 0) bench_die("no security context");
    return context;
}

BenchEcho *bench_echo_new(size_t request_header, size_t request, size_t response)
{
    int ends[2];
    uint8_t key[32];
    BenchEcho *echo = calloc(1, sizeof(*echo));
    if (!echo || getrandom(key, sizeof(key), 0) != sizeof(key)) bench_die("no memory");
    echo->request_header = request_header;
    echo->request = request;
    echo->response = response;
    tcp_pair(ends);
    echo->pid = fork();
    if (echo->pid < 0) bench_die("fork: %m");
    echo->fd = ends[echo->pid == 0];
    close(ends[echo->pid != 0]);
    echo->context = new_context(key, echo->pid != 0);
    echo->token = sec_context_token_length(echo->context, RPC_C_AUTHN_LEVEL_PKT_PRIVACY);
    if (echo->pid == 0) serve(echo);
    return echo;
}

void bench_echo_call(BenchEcho *echo)
{
    if (!send_sealed(echo, echo->request_header, echo->request) ||
        !receive_sealed(echo, RESPONSE_HEADER, echo->response))
        bench_die("the echo of sealed bytes broke");
}

void bench_echo_stream(BenchEcho *echo, unsigned fragments)
{
    uint32_t count = fragments;
    uint8_t byte;
    bool ok = write_all(echo->fd, (uint8_t *)&count, sizeof(count));
    for (unsigned i = 0; ok && i < fragments; i++)
        ok = send_sealed(echo, echo->request_header, echo->request);
    if (!ok || !read_all(echo->fd, &byte, 1)) bench_die("the stream of sealed bytes broke");
}

pid_t bench_echo_process(const BenchEcho *echo)
{
    return echo->pid;
}

BenchEcho *bench_echo_free(BenchEcho *echo)
{
    if (!echo) return NULL;
    close(echo->fd);
    kill(echo->pid, SIGKILL);
    waitpid(echo->pid, NULL, 0);
    sec_context_free(echo->context);
    free(echo);
    return NULL;
}
