/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to an authority in another process: one request at a time on each, idle ones are kept. For
 * authority-remote.c. Thread-safe. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>
#include "base/list.h"
#include "sec/authority-frame.h"
#include "sec/authority-message.h"

#define AUTHORITY_LINES_IDLE_MAX 8u

typedef struct AuthorityLine {
    List link;
    int fd;
    pid_t pid;    /* that connected: a child after fork() uses none of its parent's */
    bool greeted; /* hello was said */
    bool owes;    /* an answer is still to come that nobody waits for */
    AuthorityFrameIn in;
} AuthorityLine;

typedef struct AuthorityLines AuthorityLines;

int authority_lines_new(const char *path, AuthorityLines **ret_lines) must_use;
AuthorityLines *authority_lines_free(AuthorityLines *lines);
const char *authority_lines_path(const AuthorityLines *lines);
/* The session of this process: what it starts on one of its lines it may finish on another. The other end
 * knows whom it belongs to; nobody else can name it. */
void authority_lines_session(AuthorityLines *lines, uint8_t session[AUTHORITY_SESSION_SIZE]);
/* An idle line that is still alive, or a new one. 0; IO_AGAIN: the listener's queue is full, try again
 * soon; -errno. */
int authority_lines_take(AuthorityLines *lines, AuthorityLine **ret_line) must_use;
/* Gives a line back; with `keep` it may serve again: nothing is half sent or half read. */
void authority_lines_put(AuthorityLines *lines, AuthorityLine *line, bool keep);
