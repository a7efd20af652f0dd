/* SPDX-License-Identifier: Apache-2.0 */
#include "io/log.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#define LINE_SIZE 2048

static bool verbose;
static const char *program = "mantled";

void log_set_verbose(void)
{
    verbose = true;
}

void log_set_program(const char *name)
{
    program = name;
}

/* $JOURNAL_STREAM is "device:inode" of the journal's socket: is standard error that? sd-daemon(3),
 * systemd.exec(5). */
static bool is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat status;
    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device && status.st_ino == inode;
}

/* Bytes of the UTF-8 character at `text`, 0 when it is none or a control character. */
static size_t character(const uint8_t *text)
{
    if (text[0] < 0x80) return text[0] >= 0x20 && text[0] != 0x7f;
    size_t length = text[0] >= 0xf0 && text[0] < 0xf5 ? 4 : text[0] >= 0xe0 ? 3 : text[0] >= 0xc2 ? 2 : 0;
    if (text[0] >= 0xf5) return 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80) return 0;
    /* U+0080 to U+009F are controls; overlong forms, surrogates and what lies above U+10FFFF are no
     * characters. */
    if (length == 2 && text[0] == 0xc2 && text[1] < 0xa0) return 0;
    if (length == 3 && ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] >= 0xa0)))
        return 0;
    if (length == 4 && ((text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] >= 0x90)))
        return 0;
    return length;
}

size_t log_escape(const char *text, char *line, size_t size)
{
    size_t used = 0;
    for (const uint8_t *at = (const uint8_t *)text; *at && used + 6 < size;) {
        size_t length = character(at);
        if (length) {
            memcpy(line + used, at, length);
            used += length;
            at += length;
        } else {
            used += (size_t)snprintf(line + used, size - used, "\\x%02x", *at++);
        }
    }
    return used;
}

void log_line(int priority, const char *format, ...)
{
    if (priority == LOG_DEBUG && !verbose) return;
    char text[LINE_SIZE], line[4 * LINE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    int prefix = is_journal() ? snprintf(line, sizeof(line), "<%d>", priority)
                              : snprintf(line, sizeof(line), "%.32s: ", program);
    size_t length = (size_t)prefix + log_escape(text, line + prefix, sizeof(line) - (size_t)prefix);
    line[length++] = '\n';
    /* One write, so that lines of several threads do not mix; a log that cannot be written has no one to
     * tell. */
    ssize_t written = write(STDERR_FILENO, line, length);
    (void)written;
}

void log_sentence(void *context, int priority, const char *sentence)
{
    log_line(priority, "%s", sentence);
}
