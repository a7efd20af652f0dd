/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/classes.h"
#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "base/hash.h"
#include "conf/file.h"
#include "conf/value.h"

#define PASSWD_BUFFER_MAX (1u << 20)
#define BLANKS            " \t"

enum {
    KEY_NAME,
    KEY_USERS,
    KEY_COMMAND,
    KEY_LIBRARY,
    KEY_GROUP,
    KEY_RUN_AS,
    KEY_LAUNCH,
    KEY_APPID,
    KEY_COUNT
};

struct ConfClasses {
    HashMap *by_clsid;
    ConfClass **items;
    size_t count;
    ConfAppId **appids;
    size_t appid_count;
    ConfClassesPart part;
    ConfClass *open;           /* the section being read: a class, or */
    ConfAppId *open_appid;     /* an AppID */
    unsigned lines[KEY_COUNT]; /* where its keys stand; 0: nowhere */
};

static ConfClass *class_free(ConfClass *item)
{
    if (!item) return NULL;
    free(item->name);
    free(item->origin);
    free(item->users);
    free(item->account);
    for (char **word = item->command; word && *word; word++)
        free(*word);
    free(item->command);
    free(item->library);
    free(item->group);
    free(item->launch);
    free(item);
    return NULL;
}
DEFINE_CLEANUP(ConfClass, class_free)

ConfClasses *conf_classes_free(ConfClasses *classes)
{
    if (!classes) return NULL;
    for (size_t i = 0; i < classes->count; i++)
        class_free(classes->items[i]);
    free(classes->items);
    for (size_t i = 0; i < classes->appid_count; i++)
        conf_appid_free(classes->appids[i]);
    free(classes->appids);
    hashmap_free(classes->by_clsid);
    free(classes);
    return NULL;
}

static int out_of_memory(const ConfLine *line, char **ret_error)
{
    return conf_error(ret_error, -ENOMEM, line->path, line->number, "out of memory.");
}

static int class_add(ConfClasses *classes, const ConfLine *line, const Guid *clsid, char **ret_error)
{
    ConfClass *other = hashmap_get(classes->by_clsid, clsid, sizeof(*clsid));
    if (other)
        return conf_error(
            ret_error, -EINVAL, line->path, line->number,
            "the class %s is described a second time; expected it once, it stands at %s already.",
            line->section, other->origin);
    _cleanup_(class_freep) ConfClass *item = calloc(1, sizeof(*item));
    ConfClass **items = reallocarray(classes->items, classes->count + 1, sizeof(ConfClass *));
    if (items) classes->items = items;
    if (!item || !items) return out_of_memory(line, ret_error);
    item->clsid = *clsid;
    if (asprintf(&item->origin, "%s:%u", line->path, line->number) < 0) {
        item->origin = NULL; /* undefined after a failure */
        return out_of_memory(line, ret_error);
    }
    if (hashmap_put(classes->by_clsid, clsid, sizeof(*clsid), item) < 0)
        return out_of_memory(line, ret_error);
    classes->open = item;
    memset(classes->lines, 0, sizeof(classes->lines));
    classes->items[classes->count++] = TAKE_PTR(item);
    return 0;
}

/* 0, -ENOENT (no such account), -errno (the account service does not answer). */
static int uid_of_name(const char *name, uid_t *ret_uid)
{
    _cleanup_(freep) char *buffer = NULL;
    for (size_t size = 1024; size <= PASSWD_BUFFER_MAX; size *= 2) {
        struct passwd entry, *found = NULL;
        char *larger = realloc(buffer, size);
        if (!larger) return -ENOMEM;
        buffer = larger;
        int error = getpwnam_r(name, &entry, buffer, size, &found);
        if (error == ERANGE) continue;
        if (found) {
            *ret_uid = found->pw_uid;
            return 0;
        }
        /* getpwnam(3): several numbers mean "not found" */
        return error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM ? -ENOENT
                                                                                                   : -error;
    }
    return -ERANGE;
}

static int uid_parse(const char *text, uid_t *ret_uid)
{
    uint64_t number = 0;
    size_t digits = strspn(text, "0123456789");
    if (text[digits] || digits == 0) return uid_of_name(text, ret_uid);
    if (digits > 10) return -ENOENT;
    for (const char *c = text; *c; c++)
        number = number * 10 + (uint64_t)(*c - '0');
    /* -1 is no account: it means "leave as it is" to the kernel */
    if (number >= UINT32_MAX) return -ENOENT;
    *ret_uid = (uid_t)number;
    return 0;
}

static int add_users(ConfClass *item, const ConfLine *line, char **ret_error)
{
    static const ConfKey key = {.name = "users", .fallback = "", .type = CONF_LIST};
    ConfValue value = {0};
    int r = conf_value_parse(&key, line->value, &value);
    if (r < 0) return out_of_memory(line, ret_error);
    for (char **word = value.list; r == 0 && *word; word++) {
        uid_t uid = (uid_t)-1;
        r = uid_parse(*word, &uid);
        if (r == -ENOENT) {
            r = conf_error(
                ret_error, -EINVAL, line->path, line->number,
                "users = %s in [%s]: expected local accounts or their numbers, and this machine has no "
                "account %s.",
                line->value, line->section, *word);
        } else if (r < 0) {
            r = conf_error(ret_error, r, line->path, line->number, "the account %s cannot be looked up: %s.",
                           *word, strerror(-r));
        } else if (item->user_count == CONF_CLASS_USERS_MAX) {
            r = conf_error(ret_error, -EINVAL, line->path, line->number, "expected at most %u users.",
                           CONF_CLASS_USERS_MAX);
        } else {
            uid_t *users = reallocarray(item->users, item->user_count + 1, sizeof(*users));
            if (users) {
                item->users = users;
                item->users[item->user_count++] = uid;
            } else {
                r = out_of_memory(line, ret_error);
            }
        }
    }
    conf_value_deinit(&value);
    return r;
}

static int set_name(ConfClass *item, const ConfLine *line, char **ret_error)
{
    item->name = strdup(line->value);
    return item->name ? 0 : out_of_memory(line, ret_error);
}

/* Words between spaces: no comma, quote or dollar sign means anything. */
static int set_command(ConfClass *item, const ConfLine *line, char **ret_error)
{
    const char *text = line->value + strspn(line->value, BLANKS);
    size_t count = 0;
    item->command = calloc(CONF_CLASS_WORDS_MAX + 1, sizeof(*item->command));
    if (!item->command) return out_of_memory(line, ret_error);
    for (; *text && count < CONF_CLASS_WORDS_MAX; text += strspn(text, BLANKS)) {
        size_t length = strcspn(text, BLANKS);
        item->command[count] = strndup(text, length);
        if (!item->command[count++]) return out_of_memory(line, ret_error);
        text += length;
    }
    if (*text || count == 0 || item->command[0][0] != '/')
        return conf_error(ret_error, -EINVAL, line->path, line->number,
                          "command = %s in [%s]: expected an absolute path, and at most %u words.",
                          line->value, line->section, CONF_CLASS_WORDS_MAX);
    return 0;
}

static int set_library(ConfClass *item, const ConfLine *line, char **ret_error)
{
    if (line->value[0] != '/')
        return conf_error(ret_error, -EINVAL, line->path, line->number,
                          "library = %s in [%s]: expected an absolute path.", line->value, line->section);
    item->library = strdup(line->value);
    return item->library ? 0 : out_of_memory(line, ret_error);
}

static int set_group(ConfClass *item, const ConfLine *line, char **ret_error)
{
    item->group = strdup(line->value);
    return item->group ? 0 : out_of_memory(line, ret_error);
}

static int set_run_as(ConfClass *item, const ConfLine *line, char **ret_error)
{
    if (strcmp(line->value, "caller") == 0) {
        item->run_as = CONF_RUN_AS_CALLER;
        return 0;
    }
    if (strcmp(line->value, "activator") == 0) {
        item->run_as = CONF_RUN_AS_ACTIVATOR;
        return 0;
    }
    int r = uid_of_name(line->value, &item->account_uid);
    if (r < 0 && r != -ENOENT)
        return conf_error(ret_error, r, line->path, line->number, "the account %s cannot be looked up: %s.",
                          line->value, strerror(-r));
    if (r == -ENOENT || item->account_uid == 0)
        return conf_error(
            ret_error, -EINVAL, line->path, line->number,
            "run_as = %s in [%s]: expected a local account that is not root, caller or activator.",
            line->value, line->section);
    item->run_as = CONF_RUN_AS_ACCOUNT;
    item->account = strdup(line->value);
    return item->account ? 0 : out_of_memory(line, ret_error);
}

static int set_launch(ConfClass *item, const ConfLine *line, char **ret_error)
{
    item->launch = strdup(line->value);
    return item->launch ? 0 : out_of_memory(line, ret_error);
}

static int set_appid(ConfClass *item, const ConfLine *line, char **ret_error)
{
    if (guid_parse(line->value, &item->appid) < 0)
        return conf_error(ret_error, -EINVAL, line->path, line->number,
                          "appid = %s in [%s]: expected an AppID such as "
                          "{01234567-89ab-cdef-0123-456789abcdef}.",
                          line->value, line->section);
    item->has_appid = true;
    return 0;
}

static const struct {
    const char *name;
    int (*set)(ConfClass *item, const ConfLine *line, char **ret_error);
    bool goes_on; /* an indented line adds to it */
    bool asks;    /* the name service */
} KEYS[KEY_COUNT] = {
    [KEY_NAME] = {"name", set_name, false},          [KEY_USERS] = {"users", add_users, true, true},
    [KEY_COMMAND] = {"command", set_command, false}, [KEY_LIBRARY] = {"library", set_library, false},
    [KEY_GROUP] = {"group", set_group, false},       [KEY_RUN_AS] = {"run_as", set_run_as, false, true},
    [KEY_LAUNCH] = {"launch", set_launch, false},    [KEY_APPID] = {"appid", set_appid, false},
};

static int appid_add(ConfClasses *classes, const ConfLine *line, const Guid *id, char **ret_error)
{
    const ConfAppId *other = conf_classes_find_appid(classes, id);
    if (other)
        return conf_error(ret_error, -EINVAL, line->path, line->number,
                          "[%s] is described a second time; expected it once, it stands at %s already.",
                          line->section, other->origin);
    ConfAppId **appids = reallocarray(classes->appids, classes->appid_count + 1, sizeof(ConfAppId *));
    if (appids) classes->appids = appids;
    if (!appids || conf_appid_new(id, line, &classes->open_appid) < 0) return out_of_memory(line, ret_error);
    appids[classes->appid_count++] = classes->open_appid;
    return 0;
}

static int on_heading(ConfClasses *classes, const ConfLine *line, char **ret_error)
{
    static const char word[] = "appid ";
    Guid id;
    classes->open = NULL;
    classes->open_appid = NULL;
    if (strncmp(line->section, word, strlen(word)) == 0 && guid_parse(line->section + strlen(word), &id) == 0)
        return appid_add(classes, line, &id, ret_error);
    if (guid_parse(line->section, &id) < 0)
        return conf_error(ret_error, -EINVAL, line->path, line->number,
                          "[%s]: expected a class id such as [{01234567-89ab-cdef-0123-456789abcdef}], or an "
                          "AppID such as [appid {01234567-89ab-cdef-0123-456789abcdef}].",
                          line->section);
    return class_add(classes, line, &id, ret_error);
}

static int on_line(void *user, const ConfLine *line, char **ret_error)
{
    ConfClasses *classes = user;
    if (!line->name) return on_heading(classes, line, ret_error);
    if (classes->open_appid) return conf_appid_line(classes->open_appid, line, ret_error);
    if (!classes->open)
        return conf_error(ret_error, -EINVAL, line->path, line->number,
                          "the key %s stands before the first section; expected a `[{CLSID}]` line above it.",
                          line->name);
    for (int key = 0; key < KEY_COUNT; key++) {
        unsigned *first = &classes->lines[key];
        if (strcmp(line->name, KEYS[key].name) != 0) continue;
        if (*first && !(line->continued && KEYS[key].goes_on))
            return conf_error(
                ret_error, -EINVAL, line->path, line->number,
                "%s in [%s] is set a second time; expected it once, it stands in line %u already.",
                line->name, line->section, *first);
        *first = line->number;
        if (KEYS[key].asks && classes->part == CONF_CLASSES_APPIDS) return 0;
        return KEYS[key].set(classes->open, line, ret_error);
    }
    return conf_error(
        ret_error, -EINVAL, line->path, line->number,
        "[%s] has no key %s; expected one of name, users, command, library, group, run_as, launch, "
        "appid.",
        line->section, line->name);
}

/* What only the whole section says. */
static int class_check(const ConfClass *item, char **ret_error)
{
    const char *mistake = NULL;
    bool starts = item->command || item->library;
    if (item->command && item->library)
        mistake = "expected command or library, not both.";
    else if (item->group && !item->library)
        mistake = "expected `library =`: a group is of libraries that share a process.";
    else if (starts && !item->run_as)
        mistake = "expected `run_as =`: it says as whom the command is started.";
    else if (!starts && item->run_as)
        mistake = "expected `command =` or `library =`, which is what run_as starts.";
    else if (!starts && item->user_count == 0)
        mistake = "expected `users =` with at least one account: without it nobody may serve this class.";
    else if (!conf_class_serves_all(item) && item->user_count > 0)
        mistake = "expected no `users =`: who runs as its caller serves nobody else.";
    return mistake ? conf_error(ret_error, -EINVAL, item->origin, 0, "%s", mistake) : 0;
}

/* No section goes on in another file. */
static int read_one(ConfClasses *classes, const char *directory, const char *name, char **ret_error)
{
    _cleanup_(freep) char *path = NULL;
    size_t before = classes->count;
    if (asprintf(&path, "%s/%s", directory, name) < 0) {
        path = NULL; /* undefined after a failure */
        return conf_error(ret_error, -ENOMEM, directory, 0, "out of memory.");
    }
    classes->open = NULL;
    classes->open_appid = NULL;
    int r = conf_file_read(path, on_line, classes, ret_error);
    bool whole = classes->part == CONF_CLASSES_ALL;
    for (size_t i = before; r == 0 && whole && i < classes->count; i++)
        r = class_check(classes->items[i], ret_error);
    return r;
}

static int is_conf_file(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 5 && strcmp(entry->d_name + length - 5, ".conf") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name); /* not alphasort(): no locale */
}

/* An AppID may stand in a later file than its classes. */
static int check_appids(const ConfClasses *classes, char **ret_error)
{
    for (size_t i = 0; i < classes->count; i++) {
        const ConfClass *item = classes->items[i];
        char text[GUID_STRING_SIZE];
        if (!item->has_appid || conf_classes_find_appid(classes, &item->appid)) continue;
        guid_format(&item->appid, text);
        return conf_error(ret_error, -EINVAL, item->origin, 0,
                          "appid = {%s}: expected a section [appid {%s}] in one of the files.", text, text);
    }
    return 0;
}

int conf_classes_load_part(const char *directory, ConfClassesPart part, ConfClasses **ret_classes,
                           char **ret_error)
{
    _cleanup_(conf_classes_freep) ConfClasses *classes = calloc(1, sizeof(*classes));
    if (!classes || hashmap_new(&classes->by_clsid) < 0)
        return conf_error(ret_error, -ENOMEM, directory, 0, "out of memory.");
    classes->part = part;
    struct dirent **names = NULL;
    int count = scandir(directory, &names, is_conf_file, by_name), r = 0;
    if (count < 0 && errno != ENOENT)
        return conf_error(ret_error, -errno, directory, 0, "cannot be read: %s.", strerror(errno));
    for (int i = 0; i < count; i++) {
        if (r == 0) r = read_one(classes, directory, names[i]->d_name, ret_error);
        free(names[i]);
    }
    free(names);
    if (r == 0) r = check_appids(classes, ret_error);
    if (r < 0) return r;
    *ret_classes = TAKE_PTR(classes);
    return 0;
}

int conf_classes_load(const char *directory, ConfClasses **ret_classes, char **ret_error)
{
    return conf_classes_load_part(directory, CONF_CLASSES_ALL, ret_classes, ret_error);
}

size_t conf_classes_count(const ConfClasses *classes)
{
    return classes->count;
}

const ConfClass *conf_classes_at(const ConfClasses *classes, size_t index)
{
    return index < classes->count ? classes->items[index] : NULL;
}

const ConfClass *conf_classes_find(const ConfClasses *classes, const Guid *clsid)
{
    return hashmap_get(classes->by_clsid, clsid, sizeof(*clsid));
}

bool conf_classes_may_serve(const ConfClasses *classes, const Guid *clsid, uid_t uid)
{
    const ConfClass *item = conf_classes_find(classes, clsid);
    for (size_t i = 0; item && i < item->user_count; i++)
        if (item->users[i] == uid) return true;
    if (!item || uid == 0) return false;
    return item->run_as == CONF_RUN_AS_ACCOUNT ? item->account_uid == uid : !conf_class_serves_all(item);
}

bool conf_class_shares_host(const ConfClass *a, const ConfClass *b)
{
    if (a == b) return a->library != NULL;
    if (!a->library || !b->library || !a->group || !b->group || strcmp(a->group, b->group) != 0) return false;
    if (a->has_appid != b->has_appid || (a->has_appid && !guid_equal(&a->appid, &b->appid))) return false;
    return a->run_as == b->run_as && (a->run_as != CONF_RUN_AS_ACCOUNT || a->account_uid == b->account_uid);
}

const ConfAppId *conf_classes_find_appid(const ConfClasses *classes, const Guid *appid)
{
    for (size_t i = 0; i < classes->appid_count; i++)
        if (guid_equal(&classes->appids[i]->id, appid)) return classes->appids[i];
    return NULL;
}

const ConfAppId *conf_classes_appid_of(const ConfClasses *classes, const char *path)
{
    for (size_t i = 0; i < classes->appid_count; i++)
        if (conf_appid_has_program(classes->appids[i], path)) return classes->appids[i];
    return NULL;
}

const ConfAppId *conf_classes_appid_at(const ConfClasses *classes, size_t index)
{
    return index < classes->appid_count ? classes->appids[index] : NULL;
}

const char *conf_classes_launch(const ConfClasses *classes, const ConfClass *item, const char **ret_origin)
{
    const ConfAppId *appid = item->has_appid ? conf_classes_find_appid(classes, &item->appid) : NULL;
    *ret_origin = item->launch || !appid ? item->origin : appid->origin;
    return item->launch ? item->launch : appid ? appid->launch : NULL;
}
