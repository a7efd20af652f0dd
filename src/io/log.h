/* SPDX-License-Identifier: Apache-2.0 */
/* The log of a program (libraries have none): standard error, with the journal's priorities when it is the
 * journal. */
#pragma once
#include <stddef.h>

/* One line; printf-like, `priority` of syslog. LOG_DEBUG is dropped unless log_set_verbose(). What is not
 * printable ASCII or valid UTF-8 is written as \xNN: most strings here come from strangers. Any thread. */
void log_line(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_set_verbose(void);
/* The name before each line where it is not the journal; must stay. "mantled" until it is set. */
void log_set_program(const char *name);
/* The same escaping for others: what fits into `size` bytes, without a NUL and with a few bytes to spare;
 * returns its length. */
size_t log_escape(const char *text, char *line, size_t size);
/* As a callback. */
void log_sentence(void *context, int priority, const char *sentence);
