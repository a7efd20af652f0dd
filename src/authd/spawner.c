/* SPDX-License-Identifier: Apache-2.0 */
#include "authd/spawner.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <winerror.h>
#include "authd/spawn.h"
#include "base/reader.h"
#include "base/time.h"
#include "base/writer.h"
#include "io/socket.h"

#define OWN_VARIABLES 6 /* what spawn.c adds to an environment, and its end */

struct Spawner {
    int socket; /* SOCK_SEQPACKET: one request each, with the end of a pair to answer on */
    pid_t pid;
};

/* Requests as bytes: u32 uid, texts (u32 length with the NUL, bytes): account, u32 count and words of the
 * command, of the environment. With them go the socket for the answer, then what is passed on. Answers: a
 * pidfd with one byte, then either the end (the program runs) or a failure: u32 code and the sentence. */

static void write_text(Writer *writer, const char *text)
{
    size_t length = strlen(text) + 1;
    writer_u32(writer, (uint32_t)length);
    writer_bytes(writer, text, length);
}

static void write_words(Writer *writer, const char *const *words)
{
    uint32_t count = 0;
    while (words[count])
        count++;
    writer_u32(writer, count);
    for (uint32_t i = 0; i < count; i++)
        write_text(writer, words[i]);
}

/* A view into the message. */
static char *read_text(Reader *reader)
{
    uint32_t length = reader_u32(reader);
    const uint8_t *bytes = reader_bytes(reader, length);
    if (reader->failed || length == 0 || memchr(bytes, 0, length) != bytes + length - 1) {
        reader_fail(reader);
        return NULL;
    }
    return (char *)bytes;
}

static void read_words(Reader *reader, char **words, size_t more)
{
    uint32_t count = reader_u32(reader);
    if (count > SPAWNER_WORDS_MAX - more) reader_fail(reader);
    for (uint32_t i = 0; i < count && !reader->failed; i++)
        words[i] = read_text(reader);
}

static int send_with(int socket, const void *data, size_t length, const int *fds, size_t fd_count)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int) * (SPAWNER_FDS_MAX + 1))];
    } control = {0};
    struct iovec piece = {.iov_base = (void *)data, .iov_len = length};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    if (fd_count) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        *header = (struct cmsghdr){
            .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int) * fd_count)};
        memcpy(CMSG_DATA(header), fds, sizeof(int) * fd_count);
    }
    ssize_t sent;
    do
        sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

/* The child: length of what came, 0 at the end, -errno; the descriptors with it. */
static ssize_t receive_with(int socket, void *data, size_t size, int *fds, size_t *ret_count)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int) * (SPAWNER_FDS_MAX + 1))];
    } control;
    struct iovec piece = {.iov_base = data, .iov_len = size};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    ssize_t received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    *ret_count = 0;
    if (received < 0) return -errno;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
        *ret_count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds, CMSG_DATA(header), *ret_count * sizeof(int));
    }
    return received;
}

/* The spawner's own side */

static bool parse(uint8_t *data, size_t length, Spawn *spawn)
{
    Reader reader;
    reader_init(&reader, data, length);
    spawn->uid = reader_u32(&reader);
    spawn->account = read_text(&reader);
    read_words(&reader, spawn->command, 1);
    read_words(&reader, spawn->environment, OWN_VARIABLES);
    return reader_end(&reader) == 0 && spawn->command[0] && spawn->command[0][0] == '/';
}

/* In a process of its own, which becomes the program. */
static _Noreturn void start(uint8_t *data, size_t length, const char *pam_service, int *fds, size_t fd_count)
{
    char *command[SPAWNER_WORDS_MAX + 1] = {NULL}, *environment[SPAWNER_WORDS_MAX + 1] = {NULL};
    Spawn spawn = {.command = command,
                   .environment = environment,
                   .pam_service = pam_service,
                   .keep = fds[0],
                   .fds = fds + 1,
                   .fd_count = fd_count - 1};
    SecFailure failure = {.code = (uint32_t)E_INVALIDARG, .sentence = "a malformed request"};
    (void)signal(SIGCHLD, SIG_DFL); /* PAM's modules have children */
    if (parse(data, length, &spawn)) spawn_become(&spawn, &failure);
    struct iovec pieces[] = {{&failure.code, sizeof(failure.code)},
                             {failure.sentence, strlen(failure.sentence)}};
    _exit(writev(spawn.keep, pieces, 2) < 0 ? 2 : 1);
}

/* The child goes on when the asker has been told its pid: what it has to say comes after. */
static void serve(uint8_t *buffer, ssize_t length, const char *pam_service, int *fds, size_t fd_count)
{
    int go[2];
    char byte;
    if (pipe2(go, O_CLOEXEC) < 0) return; /* the asker reads the end */
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(go[1]);
        if (read(go[0], &byte, 1) != 0) _exit(2);
        start(buffer, (size_t)length, pam_service, fds, fd_count);
    }
    int pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    if (pidfd >= 0) {
        (void)send_with(fds[0], &pid, sizeof(pid), &pidfd, 1);
        (void)close(pidfd);
    } else if (pid > 0) {
        (void)kill(pid, SIGKILL);
    }
    (void)close(go[0]);
    (void)close(go[1]); /* go */
}

static _Noreturn void run(int socket, const char *pam_service)
{
    static uint8_t buffer[SPAWNER_MESSAGE_MAX];
    (void)prctl(PR_SET_NAME, "authd-spawner", 0, 0, 0);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)signal(SIGCHLD, SIG_IGN); /* what ended needs nobody to wait for it; pidfds tell */
    (void)signal(SIGTERM, SIG_DFL);
    (void)signal(SIGINT, SIG_IGN);
    for (;;) {
        int fds[SPAWNER_FDS_MAX + 1];
        size_t fd_count;
        ssize_t length = receive_with(socket, buffer, sizeof(buffer), fds, &fd_count);
        if (length == -EINTR) continue;
        if (length <= 0) _exit(length < 0);
        if (fd_count > 0) serve(buffer, length, pam_service, fds, fd_count);
        for (size_t i = 0; i < fd_count; i++)
            (void)close(fds[i]);
        explicit_bzero(buffer, (size_t)length);
    }
}

/* The asking side */

int spawner_new(const char *pam_service, Spawner **ret_spawner)
{
    int pair[2];
    _cleanup_(freep) Spawner *spawner = calloc(1, sizeof(*spawner));
    if (!spawner) return -ENOMEM;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return -errno;
    spawner->socket = pair[0];
    spawner->pid = fork();
    if (spawner->pid < 0) {
        int error = -errno;
        (void)close(pair[0]);
        (void)close(pair[1]);
        return error;
    }
    if (spawner->pid == 0) {
        (void)close(pair[0]);
        run(pair[1], pam_service ? pam_service : SPAWNER_PAM_SERVICE);
    }
    (void)close(pair[1]);
    *ret_spawner = TAKE_PTR(spawner);
    return 0;
}

Spawner *spawner_free(Spawner *spawner)
{
    if (!spawner) return NULL;
    (void)close(spawner->socket); /* its end */
    while (waitpid(spawner->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    free(spawner);
    return NULL;
}

static int gone(SecFailure *failure, const char *why)
{
    sec_failure_set(failure, (uint32_t)CO_E_SERVER_EXEC_FAILURE,
                    "whoever starts programs here %s; restart mantle-authd", why);
    return SPAWN_FAILED;
}

/* Reads to the end, which comes when the program runs, or after a failure. */
static int take_answer(int socket, uint64_t deadline, pid_t *ret_pid, int *ret_pidfd, SecFailure *failure)
{
    pid_t pid = 0;
    size_t n = 0;
    uint32_t code;
    _cleanup_(closep) int pidfd = -1;
    IoWait readable = {.fd = socket, .events = POLLIN, .deadline = deadline};
    int r;
    while ((r = io_read_descriptor(socket, &pid, sizeof(pid), &n, &pidfd)) == IO_AGAIN)
        if ((r = io_wait(&readable)) < 0) break;
    if (r == IO_CLOSED || (r == 0 && (pidfd < 0 || n != sizeof(pid))))
        return gone(failure, "could not make a process");
    if (r == -ETIMEDOUT) return gone(failure, "does not answer");
    if (r < 0) return r;
    r = io_read_all(socket, &code, sizeof(code), deadline);
    if (r == IO_CLOSED) {
        *ret_pidfd = TAKE_FD(pidfd);
        *ret_pid = pid;
        return 0;
    }
    if (r == -ETIMEDOUT) return gone(failure, "does not get on: PAM waits for somebody");
    if (r < 0) return r;
    failure->code = code;
    memset(failure->sentence, 0, sizeof(failure->sentence));
    r = io_read_all(socket, failure->sentence, sizeof(failure->sentence) - 1, deadline);
    return r < 0 && r != -ETIMEDOUT ? r : SPAWN_FAILED;
}

int spawner_start(Spawner *spawner, const SpawnRequest *request, pid_t *ret_pid, int *ret_pidfd,
                  SecFailure *failure)
{
    _cleanup_(writer_deinitp) Writer writer;
    int fds[SPAWNER_FDS_MAX + 1], pair[2];
    if (request->fd_count > SPAWNER_FDS_MAX) return -E2BIG;
    writer_init(&writer, SPAWNER_MESSAGE_MAX);
    writer_u32(&writer, request->uid);
    write_text(&writer, request->account);
    write_words(&writer, request->command);
    write_words(&writer, request->environment);
    int r = writer_status(&writer);
    if (r < 0) return r;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) return -errno;
    fds[0] = pair[1];
    memcpy(fds + 1, request->fds, request->fd_count * sizeof(int));
    r = send_with(spawner->socket, writer.data, writer.length, fds, request->fd_count + 1);
    (void)close(pair[1]);
    if (r == -EPIPE || r == -ECONNRESET)
        r = gone(failure, "has ended");
    else if (r == 0)
        r = take_answer(pair[0], time_after(SPAWNER_TIMEOUT), ret_pid, ret_pidfd, failure);
    (void)close(pair[0]);
    return r;
}
