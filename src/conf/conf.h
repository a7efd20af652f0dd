/* SPDX-License-Identifier: Apache-2.0 */
/* mantle.conf: what the file says, checked and complete. Immutable after loading, so any thread may read it.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "base/cleanup.h"
#include "conf/keys.h"

#define CONF_PATH_DEFAULT "/etc/mantle/mantle.conf"
#define CONF_ENVIRONMENT  "MANTLE_CONFIG"

typedef struct Conf Conf;

typedef enum ConfId {
#define CONF_ID(id, section, name, fallback, type, description) CONF_##id,
    CONF_KEYS(CONF_ID, , , , )
#undef CONF_ID
        CONF_COUNT
} ConfId;

/*
 * Loads `path`; NULL: the file that MANTLE_CONFIG names, else CONF_PATH_DEFAULT, which need not exist.
 * An unknown section or key, a value of the wrong form, a key that is set twice, a line too long and a file
 * that everybody may write to are errors. 0; -EINVAL (content), -EPERM (mode), -ENOENT, -ENOMEM, -errno: then
 * *ret_error is a sentence that names file and line, says what was expected and is safe to print (NULL only
 * when memory ran out; free()).
 */
int conf_load(const char *path, Conf **ret_conf, char **ret_error) must_use;
/* All defaults, no file. 0, -ENOMEM. */
int conf_new(Conf **ret_conf) must_use;
Conf *conf_free(Conf *conf);
DEFINE_CLEANUP(Conf, conf_free)
/* Sets one value as the file would, for command lines and tests; before the Conf is shared. Errors as
 * conf_load(). */
int conf_set(Conf *conf, ConfId id, const char *text, char **ret_error) must_use;

/* Getters; the type must be the key's. */

/* Strings and paths: NULL when not set. */
const char *conf_string(const Conf *conf, ConfId id);
/* Integers and ports. */
int64_t conf_integer(const Conf *conf, ConfId id);
bool conf_boolean(const Conf *conf, ConfId id);
/* Nanoseconds. */
uint64_t conf_duration(const Conf *conf, ConfId id);
/* The place of the choice among those in conf/keys.h, which is the RPC_C_* constant. */
int conf_choice(const Conf *conf, ConfId id);
/* Lists and addresses: ends with NULL, and is empty when not set. */
const char *const *conf_list(const Conf *conf, ConfId id);
/* "FILE:LINE" where the value comes from, "the default" or "the command line". */
const char *conf_origin(const Conf *conf, ConfId id);
/* Whether somebody said it; else it is the default. */
bool conf_is_set(const Conf *conf, ConfId id);
/* The value as it is written in the file, a default as it would be; "" when not set. Of any type. */
const char *conf_text(const Conf *conf, ConfId id);
const char *conf_section(ConfId id);
const char *conf_name(ConfId id);

/* Writes the table of mantle.conf(5): all sections, keys, types, defaults and meanings, in man(7). */
void conf_schema_describe(FILE *file);
