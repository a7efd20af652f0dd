/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inih takes lines apart; what it leaves open is done here, in the function that reads lines for it: it cuts
 * long lines in two and long section names short in silence, says nothing about headings without keys or with
 * something behind them, and does not tell a key from its continuation (an indented line).
 */
#include "conf/file.h"
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define SECTION_SIZE 256u

typedef struct FileReader {
    FILE *file;
    ConfLine line;
    char section[SECTION_SIZE];
    char *buffer; /* of getline() */
    size_t buffer_size;
    ConfLineHandler handler;
    void *user;
    int status;
    char **ret_error;
} FileReader;

/* Control characters, those of C1 in UTF-8 as well. */
static void make_printable(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c; c++) {
        if (*c < ' ' || *c == 0x7f) *c = '?';
        if (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) c[0] = c[1] = '?';
    }
}

int conf_error(char **ret_error, int status, const char *path, unsigned line, const char *format, ...)
{
    _cleanup_(freep) char *sentence = NULL;
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int n = vasprintf(&sentence, format, arguments);
    va_end(arguments);
    if (n < 0) {
        sentence = NULL; /* undefined after a failure */
        *ret_error = NULL;
        return status;
    }
    n = line ? asprintf(&text, "%s:%u: %s", path, line, sentence) : asprintf(&text, "%s: %s", path, sentence);
    if (n >= 0) make_printable(text);
    *ret_error = n < 0 ? NULL : text;
    return status;
}

static void handle(FileReader *reader, const char *name, const char *value)
{
    reader->line.section = reader->section;
    reader->line.name = name;
    reader->line.value = value;
    reader->status = reader->handler(reader->user, &reader->line, reader->ret_error);
}

/* `[section]`, then at most a comment. */
static bool take_heading(FileReader *reader, const char *text)
{
    const char *end = strchr(text, ']');
    size_t length = end ? (size_t)(end - text) - 1 : 0;
    if (!end || length >= SECTION_SIZE) return false;
    end++;
    end += strspn(end, " \t\r\n");
    if (*end && *end != ';' && *end != '#') return false;
    memcpy(reader->section, text + 1, length);
    reader->section[length] = 0;
    return true;
}

/* inih's fgets(): gives the next line, or none after a failure. */
static char *read_line(char *target, int size, void *stream)
{
    FileReader *reader = stream;
    if (reader->status < 0) return NULL;
    errno = 0;
    ssize_t length = getline(&reader->buffer, &reader->buffer_size, reader->file);
    if (length < 0) {
        if (!feof(reader->file)) {
            int error = errno ? errno : EIO;
            reader->status = conf_error(reader->ret_error, -error, reader->line.path, 0,
                                        "cannot be read: %s.", strerror(error));
        }
        return NULL;
    }
    reader->line.number++;
    reader->line.continued = strchr(" \t", reader->buffer[0]) != NULL;
    char *text = reader->buffer;
    if (reader->line.number == 1 && strncmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3; /* the mark that some editors write before UTF-8 */
        length -= 3;
    }
    const char *problem = NULL;
    if (strlen(text) != (size_t)length)
        problem = "the line contains a NUL character.";
    else if (length >= size)
        problem = "the line is too long; a list may go on in indented lines.";
    else if (*text == '[' && !take_heading(reader, text))
        problem = "expected `[section]` and nothing behind it.";
    if (problem)
        reader->status =
            conf_error(reader->ret_error, -EINVAL, reader->line.path, reader->line.number, "%s", problem);
    else if (*text == '[')
        handle(reader, NULL, NULL);
    if (reader->status < 0) return NULL;
    memcpy(target, text, (size_t)length + 1);
    return target;
}

/* The section is the one we saw: inih's is cut short. */
static int on_key(void *user, const char *section, const char *name, const char *value)
{
    FileReader *reader = user;
    if (reader->status == 0) handle(reader, name, value);
    return reader->status == 0;
}

static int check_mode(const char *path, int fd, char **ret_error)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return conf_error(ret_error, -errno, path, 0, "cannot be examined: %s.", strerror(errno));
    if (!S_ISREG(status.st_mode)) return conf_error(ret_error, -EINVAL, path, 0, "is not a regular file.");
    if (status.st_mode & S_IWOTH)
        return conf_error(
            ret_error, -EPERM, path, 0,
            "everybody may write to this file, so what it says cannot be trusted; run chmod o-w on it.");
    return 0;
}

int conf_file_read(const char *path, ConfLineHandler handler, void *user, char **ret_error)
{
    FileReader reader = {.line.path = path, .handler = handler, .user = user, .ret_error = ret_error};
    _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) return conf_error(ret_error, -errno, path, 0, "cannot be opened: %s.", strerror(errno));
    int r = check_mode(path, fd, ret_error);
    if (r < 0) return r;
    reader.file = fdopen(fd, "r");
    if (!reader.file) return conf_error(ret_error, -ENOMEM, path, 0, "cannot be read: out of memory.");
    TAKE_FD(fd);
    int wrong_line = ini_parse_stream(read_line, &reader, on_key, &reader);
    if (wrong_line != 0 && reader.status == 0)
        reader.status = wrong_line > 0
                            ? conf_error(ret_error, -EINVAL, path, (unsigned)wrong_line,
                                         "expected `key = value` or `[section]`.")
                            : conf_error(ret_error, -ENOMEM, path, 0, "cannot be read: out of memory.");
    free(reader.buffer);
    (void)fclose(reader.file); /* only read */
    return reader.status;
}
