/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/appid.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "conf/keys.h"
#include "conf/value.h"

static const ConfKey keys[APPID_KEYS] = {
    [APPID_NAME] = {.name = "name", .fallback = "", .type = CONF_STRING},
    [APPID_ACCESS] = {.name = "access", .fallback = "", .type = CONF_STRING},
    [APPID_LAUNCH] = {.name = "launch", .fallback = "", .type = CONF_STRING},
    [APPID_LEVEL] = {.name = "authn_level",
                     .fallback = "connect",
                     .type = CONF_CHOICE,
                     .choices = CONF_AUTHN_LEVELS},
    [APPID_EXECUTABLES] = {.name = "executables", .fallback = "", .type = CONF_LIST},
};

ConfAppId *conf_appid_free(ConfAppId *appid)
{
    if (!appid) return NULL;
    free(appid->origin);
    free(appid->name);
    free(appid->access);
    free(appid->launch);
    free(appid->executables);
    free(appid);
    return NULL;
}

int conf_appid_new(const Guid *id, const ConfLine *line, ConfAppId **ret_appid)
{
    _cleanup_(conf_appid_freep) ConfAppId *appid = calloc(1, sizeof(*appid));
    if (!appid) return -ENOMEM;
    appid->id = *id;
    if (asprintf(&appid->origin, "%s:%u", line->path, line->number) < 0) {
        appid->origin = NULL; /* undefined after a failure */
        return -ENOMEM;
    }
    *ret_appid = TAKE_PTR(appid);
    return 0;
}

static void set(ConfAppId *appid, ConfAppIdKey key, ConfValue *value)
{
    switch (key) {
    case APPID_NAME:
        appid->name = TAKE_PTR(value->string);
        break;
    case APPID_ACCESS:
        appid->access = TAKE_PTR(value->string);
        break;
    case APPID_LAUNCH:
        appid->launch = TAKE_PTR(value->string);
        break;
    case APPID_LEVEL:
        appid->authn_level = (uint32_t)value->number;
        break;
    case APPID_EXECUTABLES:
        appid->executables = TAKE_PTR(value->list);
        break;
    case APPID_KEYS:
        break;
    }
}

static int unknown_key(const ConfLine *line, char **ret_error)
{
    return conf_error(ret_error, -EINVAL, line->path, line->number,
                      "[%s] has no key %s; expected one of name, access, launch, authn_level, executables.",
                      line->section, line->name);
}

int conf_appid_line(ConfAppId *appid, const ConfLine *line, char **ret_error)
{
    char expectation[CONF_EXPECTATION_SIZE];
    ConfValue value = {0};
    unsigned key = 0;
    while (key < APPID_KEYS && strcmp(keys[key].name, line->name) != 0)
        key++;
    if (key == APPID_KEYS) return unknown_key(line, ret_error);
    if (appid->lines[key])
        return conf_error(ret_error, -EINVAL, line->path, line->number,
                          "%s in [%s] is set a second time; expected it once, it stands in line %u already.",
                          line->name, line->section, appid->lines[key]);
    int r = conf_value_parse(&keys[key], line->value, &value);
    if (r == -EINVAL) {
        conf_value_expectation(&keys[key], expectation);
        return conf_error(ret_error, r, line->path, line->number, "%s = %s in [%s]: expected %s.", line->name,
                          line->value, line->section, expectation);
    }
    if (r < 0) return conf_error(ret_error, r, line->path, line->number, "out of memory.");
    appid->lines[key] = line->number;
    set(appid, (ConfAppIdKey)key, &value);
    conf_value_deinit(&value);
    return 0;
}

bool conf_appid_has_program(const ConfAppId *appid, const char *path)
{
    const char *slash = strrchr(path, '/');
    for (char **word = appid->executables; word && *word; word++)
        if (strcmp(*word, **word == '/' ? path : slash ? slash + 1 : path) == 0) return true;
    return false;
}
