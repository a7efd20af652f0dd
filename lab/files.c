/* SPDX-License-Identifier: Apache-2.0 */
/* The lab's folder, and what it says to people. */
#include "lab.h"
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOG_LINES_SHOWN 20

int lab_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("mantle-lab: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return -1;
}

int lab_path(char ret_path[LAB_PATH_MAX], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(ret_path, LAB_PATH_MAX, format, arguments);
    va_end(arguments);
    return length >= 0 && length < LAB_PATH_MAX ? 0 : lab_error("the path of the lab's folder is too long");
}

int lab_write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return lab_error("cannot create %s: %m", path);
    size_t length = strlen(text);
    ssize_t written = write(fd, text, length);
    close(fd);
    return written == (ssize_t)length ? 0 : lab_error("cannot write %s: %m", path);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *position)
{
    (void)remove(path); /* what cannot be removed leaves its folder standing, which the caller's user sees */
    return 0;
}

void lab_remove_tree(const char *path)
{
    (void)nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void lab_print_log(const char *path)
{
    char text[8192];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    off_t end = lseek(fd, 0, SEEK_END);
    off_t start = end > (off_t)sizeof(text) ? end - (off_t)sizeof(text) : 0;
    ssize_t length = pread(fd, text, sizeof(text), start);
    close(fd);
    int lines = 0;
    ssize_t first = length;
    while (first > 0 && (text[first - 1] != '\n' || first == length || ++lines < LOG_LINES_SHOWN))
        first--;
    if (length > first) fprintf(stderr, "%.*s", (int)(length - first), text + first);
}
