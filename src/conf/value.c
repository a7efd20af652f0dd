/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/value.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/time.h"

#define SEPARATORS " \t,"

static const struct {
    const char *suffix;
    int64_t ns;
} UNITS[] = {
    {"ms", (int64_t)NS_PER_MS},
    {"s", (int64_t)NS_PER_SECOND},
    {"min", (int64_t)(60 * NS_PER_SECOND)},
    {"h", (int64_t)(3600 * NS_PER_SECOND)},
};

/* Decimal digits, no sign, at most 15 of them; returns where they end, NULL when there are none. */
static const char *parse_digits(const char *text, int64_t *ret_number)
{
    int64_t number = 0;
    size_t i = 0;
    for (; text[i] >= '0' && text[i] <= '9'; i++) {
        if (i == 15) return NULL;
        number = number * 10 + (text[i] - '0');
    }
    if (i == 0) return NULL;
    *ret_number = number;
    return text + i;
}

static int parse_integer(const ConfKey *key, const char *text, int64_t *ret_number)
{
    int64_t number;
    const char *end = parse_digits(text, &number);
    if (!end || *end || number < key->minimum || number > key->maximum) return -EINVAL;
    *ret_number = number;
    return 0;
}

static int parse_duration(const ConfKey *key, const char *text, int64_t *ret_number)
{
    int64_t number;
    const char *end = parse_digits(text, &number);
    if (!end) return -EINVAL;
    end += strspn(end, " ");
    for (size_t i = 0; i < ARRAY_SIZE(UNITS); i++) {
        if (strcmp(end, UNITS[i].suffix) != 0) continue;
        if (number > INT64_MAX / UNITS[i].ns) return -EINVAL;
        number *= UNITS[i].ns;
        if (number < key->minimum || number > key->maximum) return -EINVAL;
        *ret_number = number;
        return 0;
    }
    return -EINVAL;
}

static int parse_boolean(const char *text, int64_t *ret_number)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on"};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (strcasecmp(text, words[i]) != 0) continue;
        *ret_number = (int64_t)(i % 2);
        return 0;
    }
    return -EINVAL;
}

/* The place of a word among "|first|second". */
static int parse_choice(const char *choices, const char *text, int64_t *ret_number)
{
    size_t length = strlen(text), place = 0;
    for (const char *word = choices;; word++, place++) {
        size_t word_length = strcspn(word, "|");
        if (length > 0 && word_length == length && strncasecmp(word, text, length) == 0) {
            *ret_number = (int64_t)place;
            return 0;
        }
        word += word_length;
        if (!*word) return -EINVAL;
    }
}

static bool is_address(const char *text)
{
    struct in6_addr v6;
    return inet_pton(AF_INET, text, &v6) == 1 || inet_pton(AF_INET6, text, &v6) == 1;
}

/* One allocation: the pointers, then the words they point at. */
static int parse_list(const ConfKey *key, const char *text, char ***ret_list)
{
    size_t count = 0, length = strlen(text);
    for (const char *p = text; *(p += strspn(p, SEPARATORS)); p += strcspn(p, SEPARATORS))
        count++;
    char **list = malloc((count + 1) * sizeof(*list) + length + 1);
    if (!list) return -ENOMEM;
    char *copy = memcpy(list + count + 1, text, length + 1), *rest = copy, *word;
    for (size_t i = 0; (word = strtok_r(rest, SEPARATORS, &rest)); i++) {
        if (key->type == CONF_ADDRESSES && !is_address(word)) {
            free(list);
            return -EINVAL;
        }
        list[i] = word;
    }
    list[count] = NULL;
    *ret_list = list;
    return 0;
}

int conf_value_parse(const ConfKey *key, const char *text, ConfValue *ret_value)
{
    ConfValue value = {0};
    int r = 0;
    if (!*text && *key->fallback) return -EINVAL;
    switch (key->type) {
    case CONF_PATH:
        if (*text && *text != '/') return -EINVAL;
        /* fall through */
    case CONF_STRING:
        value.string = *text ? strdup(text) : NULL;
        if (*text && !value.string) return -ENOMEM;
        break;
    case CONF_INTEGER:
    case CONF_PORT:
        r = parse_integer(key, text, &value.number);
        break;
    case CONF_BOOLEAN:
        r = parse_boolean(text, &value.number);
        break;
    case CONF_LIST:
    case CONF_ADDRESSES:
        r = parse_list(key, text, &value.list);
        break;
    case CONF_DURATION:
        r = parse_duration(key, text, &value.number);
        break;
    case CONF_CHOICE:
        r = parse_choice(key->choices, text, &value.number);
        break;
    }
    if (r == 0) *ret_value = value;
    return r;
}

void conf_value_deinit(ConfValue *value)
{
    free(value->string);
    free(value->list);
    *value = (ConfValue){0};
}

/* In the largest unit that divides it. */
static void format_duration(int64_t ns, char text[32])
{
    size_t i = ARRAY_SIZE(UNITS) - 1;
    while (i > 0 && ns % UNITS[i].ns != 0)
        i--;
    (void)snprintf(text, 32, "%lld%s", (long long)(ns / UNITS[i].ns), UNITS[i].suffix);
}

static void format_choices(const char *choices, char text[CONF_EXPECTATION_SIZE])
{
    int n = snprintf(text, CONF_EXPECTATION_SIZE, "one of");
    for (const char *word = choices; *word; word += *word == '|') {
        int length = (int)strcspn(word, "|");
        if (length > 0 && n > 0 && n < (int)CONF_EXPECTATION_SIZE)
            n += snprintf(text + n, CONF_EXPECTATION_SIZE - (size_t)n, "%s %.*s", n > 6 ? "," : "", length,
                          word);
        word += length;
    }
}

void conf_value_expectation(const ConfKey *key, char text[CONF_EXPECTATION_SIZE])
{
    char low[32], high[32];
    switch (key->type) {
    case CONF_STRING:
        (void)snprintf(text, CONF_EXPECTATION_SIZE, "a text");
        break;
    case CONF_INTEGER:
        (void)snprintf(text, CONF_EXPECTATION_SIZE, "a whole number from %lld to %lld",
                       (long long)key->minimum, (long long)key->maximum);
        break;
    case CONF_PORT:
        (void)snprintf(text, CONF_EXPECTATION_SIZE, "a port from %lld to %lld", (long long)key->minimum,
                       (long long)key->maximum);
        break;
    case CONF_BOOLEAN:
        (void)snprintf(text, CONF_EXPECTATION_SIZE, "yes or no");
        break;
    case CONF_LIST:
        (void)snprintf(text, CONF_EXPECTATION_SIZE, "words separated by spaces or commas");
        break;
    case CONF_ADDRESSES:
        (void)snprintf(text, CONF_EXPECTATION_SIZE, "IPv4 or IPv6 addresses separated by spaces or commas");
        break;
    case CONF_PATH:
        (void)snprintf(text, CONF_EXPECTATION_SIZE, "an absolute path");
        break;
    case CONF_DURATION:
        format_duration(key->minimum, low);
        format_duration(key->maximum, high);
        (void)snprintf(text, CONF_EXPECTATION_SIZE, "a duration from %s to %s, with the unit ms, s, min or h",
                       low, high);
        break;
    case CONF_CHOICE:
        format_choices(key->choices, text);
        break;
    }
}

const char *conf_type_name(ConfType type)
{
    switch (type) {
    case CONF_STRING:
        return "text";
    case CONF_INTEGER:
        return "number";
    case CONF_BOOLEAN:
        return "yes or no";
    case CONF_LIST:
        return "list";
    case CONF_ADDRESSES:
        return "addresses";
    case CONF_PATH:
        return "path";
    case CONF_PORT:
        return "port";
    case CONF_DURATION:
        return "duration";
    case CONF_CHOICE:
        return "choice";
    }
    return "?";
}
