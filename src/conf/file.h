/* SPDX-License-Identifier: Apache-2.0 */
/* Files of sections and keys, line by line (inih), with errors that name the line. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "base/cleanup.h"

typedef struct ConfLine {
    const char *path;
    unsigned number;
    const char *section;      /* "": before the first heading */
    const char *name, *value; /* NULL: the line is the section's heading */
    bool continued;           /* an indented line: more of the value above */
} ConfLine;

/* 0, or -errno with a sentence by conf_error(). */
typedef int (*ConfLineHandler)(void *user, const ConfLine *line, char **ret_error);

/* Reads the file and calls `handler` for each heading and key until one fails. 0; -EINVAL (a line that is
 * neither `key = value` nor `[section]`, is too long or contains a NUL), -EPERM (everybody may write to the
 * file), -ENOENT, -errno, or the handler's error; all with a sentence. */
int conf_file_read(const char *path, ConfLineHandler handler, void *user, char **ret_error) must_use;
/* Makes the sentence "path:line: ..." (no line when 0), with what could steer a terminal replaced. Returns
 * `status`. */
int conf_error(char **ret_error, int status, const char *path, unsigned line, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
