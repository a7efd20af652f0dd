/* SPDX-License-Identifier: Apache-2.0 */
/* What other hosts said, on its way to somebody's terminal. */
#pragma once
#include <jansson.h>

/* The UTF-8 string by malloc; each control character (C0, DEL, C1) and each character that hides or reorders
 * others becomes '?', as does a byte that belongs to no character. NULL for NULL or without memory. */
char *terminal_text(const char *utf8);

/* The string member of a hop, fit for a terminal; NULL when it has none, or without memory. By malloc. */
char *terminal_member(const json_t *hop, const char *key);
