/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/authority-line.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include "io/socket.h"

struct AuthorityLines {
    char *path;
    pthread_mutex_t lock;
    List idle; /* the one used last is the last */
    size_t count;
    pid_t pid; /* whose `session` it is */
    uint8_t session[AUTHORITY_SESSION_SIZE];
};

static AuthorityLine *line_free(AuthorityLine *line)
{
    if (!line) return NULL;
    authority_frame_in_reset(&line->in);
    if (line->fd >= 0) close(line->fd);
    free(line);
    return NULL;
}
DEFINE_CLEANUP(AuthorityLine, line_free)

int authority_lines_new(const char *path, AuthorityLines **ret_lines)
{
    AuthorityLines *lines = calloc(1, sizeof(*lines));
    if (!lines) return -ENOMEM;
    pthread_mutex_init(&lines->lock, NULL);
    list_init(&lines->idle);
    lines->path = strdup(path);
    if (!lines->path) {
        authority_lines_free(lines);
        return -ENOMEM;
    }
    *ret_lines = lines;
    return 0;
}

AuthorityLines *authority_lines_free(AuthorityLines *lines)
{
    if (!lines) return NULL;
    list_each(item, &lines->idle) line_free(container_of(item, AuthorityLine, link));
    pthread_mutex_destroy(&lines->lock);
    free(lines->path);
    free(lines);
    return NULL;
}

const char *authority_lines_path(const AuthorityLines *lines)
{
    return lines->path;
}

void authority_lines_session(AuthorityLines *lines, uint8_t session[AUTHORITY_SESSION_SIZE])
{
    pthread_mutex_lock(&lines->lock);
    if (lines->pid != getpid()) {
        size_t got = 0;
        while (got < sizeof(lines->session)) { /* interrupted at most: 16 bytes come at once */
            ssize_t n = getrandom(lines->session + got, sizeof(lines->session) - got, 0);
            if (n > 0) got += (size_t)n;
        }
        lines->pid = getpid();
    }
    memcpy(session, lines->session, sizeof(lines->session));
    pthread_mutex_unlock(&lines->lock);
}

/* Whether the other end is still there and has said nothing unasked. */
static bool line_is_fit(const AuthorityLine *line)
{
    uint8_t byte;
    if (line->pid != getpid()) return false;
    ssize_t got = recv(line->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got < 0 ? errno == EAGAIN : got > 0 && line->owes;
}

static AuthorityLine *take_idle(AuthorityLines *lines)
{
    AuthorityLine *line = NULL;
    pthread_mutex_lock(&lines->lock);
    while (!line && !list_is_empty(&lines->idle)) {
        line = container_of(lines->idle.previous, AuthorityLine, link);
        list_remove(&line->link);
        lines->count--;
        if (!line_is_fit(line)) line = line_free(line);
    }
    pthread_mutex_unlock(&lines->lock);
    return line;
}

int authority_lines_take(AuthorityLines *lines, AuthorityLine **ret_line)
{
    IoAddress address;
    AuthorityLine *idle = take_idle(lines);
    if (idle) {
        *ret_line = idle;
        return 0;
    }
    _cleanup_(line_freep) AuthorityLine *line = calloc(1, sizeof(*line));
    if (!line) return -ENOMEM;
    list_init(&line->link);
    line->fd = -1;
    line->pid = getpid();
    authority_frame_in_init(&line->in, AUTHORITY_MESSAGE_MAX);
    int result = io_address_unix(lines->path, &address);
    if (result == 0) result = io_connect_start(&address, &line->fd);
    if (result == -EAGAIN) return IO_AGAIN;
    if (result == 0 || result == IO_AGAIN) *ret_line = TAKE_PTR(line); /* a UNIX socket connects at once */
    return result < 0 ? result : 0;
}

void authority_lines_put(AuthorityLines *lines, AuthorityLine *line, bool keep)
{
    if (!line) return;
    pthread_mutex_lock(&lines->lock);
    if (keep && lines->count < AUTHORITY_LINES_IDLE_MAX) {
        list_append(&lines->idle, &line->link);
        lines->count++;
        line = NULL;
    }
    pthread_mutex_unlock(&lines->lock);
    line_free(line);
}
