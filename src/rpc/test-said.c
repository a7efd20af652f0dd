/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/test-said.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/time.h"

#define HOUR    3600u /* the log's minute: none ends while a test runs */
#define LINES   4096u
#define PATIENT (30 * NS_PER_SECOND)

static pthread_mutex_t lines_lock = PTHREAD_MUTEX_INITIALIZER;
static char *lines[LINES];
static size_t line_count;

static void take_line(void *context, int priority, const char *sentence)
{
    pthread_mutex_lock(&lines_lock);
    assert_ptr_equal(context, lines);
    assert_true(priority > 0);
    assert_true(line_count < LINES);
    for (const char *at = sentence; *at; at++)
        assert_true(*at >= 0x20 && *at < 0x7f);
    lines[line_count++] = strdup(sentence);
    pthread_mutex_unlock(&lines_lock);
}

const RpcServerOptions said_options = {.log = take_line,
                                       .log_context = lines,
                                       .log_seconds = HOUR,
                                       .preauth_bytes = 2000,
                                       .request_bytes = 4000,
                                       .caller_connections = 10000};

void said_forget(void)
{
    pthread_mutex_lock(&lines_lock);
    while (line_count)
        free(lines[--line_count]);
    pthread_mutex_unlock(&lines_lock);
}

size_t said(const char *one, const char *other)
{
    size_t count = 0;
    pthread_mutex_lock(&lines_lock);
    for (size_t i = 0; i < line_count; i++)
        count += strstr(lines[i], one) && strstr(lines[i], other);
    pthread_mutex_unlock(&lines_lock);
    return count;
}

static void show_lines(void)
{
    for (size_t i = 0; i < line_count; i++)
        print_message("log: %s\n", lines[i]);
}

void said_expect(size_t wanted, const char *one, const char *other)
{
    if (said(one, other) == wanted) return;
    show_lines();
    fail_msg("said %zu times, not %zu: '%s' '%s'", said(one, other), wanted, one, other);
}

void said_wait(const char *one, const char *other)
{
    const uint64_t deadline = time_after(PATIENT);
    while (said(one, other) == 0 && time_monotonic() < deadline)
        usleep(1000);
    said_expect(1, one, other);
}

bool said_count(const char *start, const char *line)
{
    for (size_t i = 0; i < line_count; i++)
        if (strncmp(lines[i], start, strlen(start)) == 0 && strstr(line, lines[i] + strlen(start)))
            return true;
    show_lines();
    return false;
}
