/* SPDX-License-Identifier: Apache-2.0 */
/* The types of mantle.conf: how their values are written and what they must look like. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"

#define CONF_EXPECTATION_SIZE 256u

typedef enum ConfType {
    CONF_STRING,
    CONF_INTEGER,   /* minimum .. maximum */
    CONF_BOOLEAN,   /* yes, no */
    CONF_LIST,      /* words between spaces or commas */
    CONF_ADDRESSES, /* a list of IP addresses */
    CONF_PATH,      /* absolute */
    CONF_PORT,      /* minimum .. maximum */
    CONF_DURATION,  /* a number and ms, s, min or h */
    CONF_CHOICE,    /* one of several words */
} ConfType;

typedef struct ConfKey {
    const char *section, *name, *fallback, *description;
    ConfType type;
    int64_t minimum, maximum; /* durations: nanoseconds */
    const char *choices;      /* "|first|second": words between bars */
} ConfKey;

typedef struct ConfValue {
    char *string;
    char **list; /* ends with NULL */
    int64_t number;
} ConfValue;

/* The value that `text` means for this key; an empty text is right only where the default is empty.
 * 0, -EINVAL, -ENOMEM. */
int conf_value_parse(const ConfKey *key, const char *text, ConfValue *ret_value) must_use;
void conf_value_deinit(ConfValue *value);
/* What is expected, to follow the word "expected": "a whole number from 1 to 3600". */
void conf_value_expectation(const ConfKey *key, char text[CONF_EXPECTATION_SIZE]);
const char *conf_type_name(ConfType type);
static inline bool conf_type_is_list(ConfType type)
{
    return type == CONF_LIST || type == CONF_ADDRESSES;
}
