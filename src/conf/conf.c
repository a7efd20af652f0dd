/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf.h"
#include <assert.h>
#include <errno.h>
#include <string.h>
#include "conf/file.h"
#include "conf/value.h"

#define ROW_INTEGER(kind, low, high) .type = (kind), .minimum = (low), .maximum = (high)
#define ROW_DURATION(low, high)      .type = CONF_DURATION, .minimum = (int64_t)(low), .maximum = (int64_t)(high)
#define ROW_CHOICE(words)            .type = CONF_CHOICE, .choices = (words)
#define ROW_TYPE(kind)               .type = (kind)
#define ROW(id, in_section, key, default_value, row_type, meaning)                                           \
    [CONF_##id] = {                                                                                          \
        .section = in_section, .name = key, .fallback = default_value, .description = meaning, row_type},

static const ConfKey KEYS[CONF_COUNT] = {CONF_KEYS(ROW, ROW_INTEGER, ROW_DURATION, ROW_CHOICE, ROW_TYPE)};

typedef struct Setting {
    ConfValue value;
    char *text;    /* as written; NULL: the default */
    char *origin;  /* NULL: the default */
    unsigned line; /* 0: not from the file */
} Setting;

struct Conf {
    Setting settings[CONF_COUNT];
};

static void setting_deinit(Setting *setting)
{
    conf_value_deinit(&setting->value);
    free(setting->text);
    free(setting->origin);
    *setting = (Setting){0};
}

Conf *conf_free(Conf *conf)
{
    if (!conf) return NULL;
    for (int id = 0; id < CONF_COUNT; id++)
        setting_deinit(&conf->settings[id]);
    free(conf);
    return NULL;
}

int conf_new(Conf **ret_conf)
{
    _cleanup_(conf_freep) Conf *conf = calloc(1, sizeof(*conf));
    if (!conf) return -ENOMEM;
    for (int id = 0; id < CONF_COUNT; id++) {
        int r = conf_value_parse(&KEYS[id], KEYS[id].fallback, &conf->settings[id].value);
        assert(r != -EINVAL); /* a default in the table that its own type refuses */
        if (r < 0) return r;
    }
    *ret_conf = TAKE_PTR(conf);
    return 0;
}

static int refuse_value(const ConfKey *key, const char *text, const char *path, unsigned line, int status,
                        char **ret_error)
{
    char expected[CONF_EXPECTATION_SIZE];
    conf_value_expectation(key, expected);
    if (status == -ENOMEM) return conf_error(ret_error, status, path, line, "out of memory.");
    return conf_error(ret_error, status, path, line, "%s = %s in [%s]: expected %s.", key->name, text,
                      key->section, expected);
}

/* Takes the new value, or leaves the setting as it was. */
static int setting_assign(Setting *setting, const ConfKey *key, const char *text, const char *path,
                          unsigned line)
{
    Setting new = {.line = line};
    int r = conf_value_parse(key, text, &new.value);
    if (r < 0) return r;
    new.text = strdup(text);
    int n = line ? asprintf(&new.origin, "%s:%u", path, line) : asprintf(&new.origin, "%s", path);
    if (n < 0) new.origin = NULL; /* undefined after a failure */
    if (!new.origin || !new.text) {
        setting_deinit(&new);
        return -ENOMEM;
    }
    setting_deinit(setting);
    *setting = new;
    return 0;
}

int conf_set(Conf *conf, ConfId id, const char *text, char **ret_error)
{
    int r = setting_assign(&conf->settings[id], &KEYS[id], text, "the command line", 0);
    return r < 0 ? refuse_value(&KEYS[id], text, "the command line", 0, r, ret_error) : 0;
}

/* Reading */

/* "a, b, c": the sections, or the keys of one; for the sentence about one that does not exist. */
static void list_names(const char *section, char *text, size_t size)
{
    size_t n = 0;
    text[0] = 0;
    for (int id = 0; id < CONF_COUNT && n < size; id++) {
        bool repeated = id > 0 && strcmp(KEYS[id].section, KEYS[id - 1].section) == 0;
        if (section ? strcmp(KEYS[id].section, section) != 0 : repeated) continue;
        int added =
            snprintf(text + n, size - n, "%s%s", n ? ", " : "", section ? KEYS[id].name : KEYS[id].section);
        n += added > 0 ? (size_t)added : 0;
    }
}

static int refuse_name(const ConfLine *line, char **ret_error)
{
    char names[512];
    if (!*line->section && line->name)
        return conf_error(ret_error, -EINVAL, line->path, line->number,
                          "the key %s stands before the first section; expected a `[section]` line above it.",
                          line->name);
    list_names(line->section, names, sizeof(names));
    if (*names)
        return conf_error(ret_error, -EINVAL, line->path, line->number,
                          "[%s] has no key %s; expected one of %s.", line->section, line->name, names);
    list_names(NULL, names, sizeof(names));
    return conf_error(ret_error, -EINVAL, line->path, line->number,
                      "there is no section [%s]; expected one of %s.", line->section, names);
}

/* The key, or for a heading the first key of the section; -1. */
static int find_key(const ConfLine *line)
{
    for (int id = 0; id < CONF_COUNT; id++)
        if (strcmp(KEYS[id].section, line->section) == 0 &&
            (!line->name || strcmp(KEYS[id].name, line->name) == 0))
            return id;
    return -1;
}

static int on_line(void *user, const ConfLine *line, char **ret_error)
{
    Conf *conf = user;
    int id = find_key(line);
    if (id < 0) return refuse_name(line, ret_error);
    if (!line->name) return 0;
    const ConfKey *key = &KEYS[id];
    Setting *setting = &conf->settings[id];
    _cleanup_(freep) char *joined = NULL;
    const char *text = line->value;
    unsigned number = line->number;
    if (line->continued && setting->line) {
        if (!conf_type_is_list(key->type))
            return conf_error(
                ret_error, -EINVAL, line->path, line->number,
                "an indented line continues the one above it, and %s is not a list; expected the line to "
                "begin with its key.",
                key->name);
        if (asprintf(&joined, "%s %s", setting->text, line->value) < 0) {
            joined = NULL; /* undefined after a failure */
            return conf_error(ret_error, -ENOMEM, line->path, line->number, "out of memory.");
        }
        text = joined;
        number = setting->line;
    } else if (setting->line) {
        return conf_error(ret_error, -EINVAL, line->path, line->number,
                          "%s in [%s] is set a second time; expected it once, it stands in line %u already.",
                          key->name, key->section, setting->line);
    }
    int r = setting_assign(setting, key, text, line->path, number);
    return r < 0 ? refuse_value(key, line->value, line->path, line->number, r, ret_error) : 0;
}

int conf_load(const char *path, Conf **ret_conf, char **ret_error)
{
    _cleanup_(conf_freep) Conf *conf = NULL;
    bool is_default = false;
    /* not from the environment of whoever started a program with more rights than he has */
    if (!path) path = secure_getenv(CONF_ENVIRONMENT);
    if (!path || !*path) {
        path = CONF_PATH_DEFAULT;
        is_default = true;
    }
    int r = conf_new(&conf);
    if (r < 0) return conf_error(ret_error, r, path, 0, "out of memory.");
    char *error = NULL;
    r = conf_file_read(path, on_line, conf, &error);
    if (r == -ENOENT && is_default) {
        free(error);
        r = 0;
    }
    if (r < 0) {
        *ret_error = error;
        return r;
    }
    *ret_conf = TAKE_PTR(conf);
    return 0;
}

/* Getters */

static const ConfValue *value_of(const Conf *conf, ConfId id, ConfType type, ConfType or_type)
{
    assert(id < CONF_COUNT && (KEYS[id].type == type || KEYS[id].type == or_type));
    (void)type;
    (void)or_type;
    return &conf->settings[id].value;
}

const char *conf_string(const Conf *conf, ConfId id)
{
    return value_of(conf, id, CONF_STRING, CONF_PATH)->string;
}

int64_t conf_integer(const Conf *conf, ConfId id)
{
    return value_of(conf, id, CONF_INTEGER, CONF_PORT)->number;
}

bool conf_boolean(const Conf *conf, ConfId id)
{
    return value_of(conf, id, CONF_BOOLEAN, CONF_BOOLEAN)->number != 0;
}

uint64_t conf_duration(const Conf *conf, ConfId id)
{
    return (uint64_t)value_of(conf, id, CONF_DURATION, CONF_DURATION)->number;
}

int conf_choice(const Conf *conf, ConfId id)
{
    return (int)value_of(conf, id, CONF_CHOICE, CONF_CHOICE)->number;
}

const char *const *conf_list(const Conf *conf, ConfId id)
{
    return (const char *const *)value_of(conf, id, CONF_LIST, CONF_ADDRESSES)->list;
}

const char *conf_origin(const Conf *conf, ConfId id)
{
    return conf->settings[id].origin ? conf->settings[id].origin : "the default";
}

const char *conf_section(ConfId id)
{
    return KEYS[id].section;
}

const char *conf_name(ConfId id)
{
    return KEYS[id].name;
}

bool conf_is_set(const Conf *conf, ConfId id)
{
    return conf->settings[id].text != NULL;
}

const char *conf_text(const Conf *conf, ConfId id)
{
    return conf->settings[id].text ? conf->settings[id].text : KEYS[id].fallback;
}

/* Describing */

/* Text for man(7): what troff would take as its own is escaped. */
static void put_escaped(FILE *file, const char *text)
{
    if (*text == '.' || *text == '\'') (void)fputs("\\&", file);
    for (; *text; text++) {
        if (*text == '\\')
            (void)fputs("\\e", file);
        else if (*text == '-')
            (void)fputs("\\-", file);
        else
            (void)fputc(*text, file);
    }
}

void conf_schema_describe(FILE *file)
{
    char expected[CONF_EXPECTATION_SIZE];
    for (int id = 0; id < CONF_COUNT; id++) {
        const ConfKey *key = &KEYS[id];
        if (id == 0 || strcmp(key->section, KEYS[id - 1].section) != 0)
            (void)fprintf(file, ".SS [%s]\n", key->section);
        (void)fprintf(file, ".TP\n.BR %s \" (", key->name);
        put_escaped(file, conf_type_name(key->type));
        (void)fputs(*key->fallback ? ", default " : ", not set", file);
        put_escaped(file, key->fallback);
        (void)fputs(")\"\n", file);
        put_escaped(file, key->description);
        conf_value_expectation(key, expected);
        (void)fputs("\nExpects ", file);
        put_escaped(file, expected);
        (void)fputs(".\n", file);
    }
}
