/* SPDX-License-Identifier: Apache-2.0 */
/* mantled's log: standard error, with the journal's priorities when it is the journal. */
#pragma once

/* One line; printf-like, `priority` of syslog. LOG_DEBUG is dropped unless log_set_verbose(). What is not
 * printable ASCII or valid UTF-8 is written as \xNN: most strings here come from strangers. Any thread. */
void log_line(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_set_verbose(void);
/* As a callback. */
void log_sentence(void *context, int priority, const char *sentence);
