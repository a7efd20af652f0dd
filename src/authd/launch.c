/* SPDX-License-Identifier: Apache-2.0 */
#include "authd/launch.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <winerror.h>
#include "conf/classes.h"
#include "sec/handover.h"

#define COMMAND_MAX     (SPAWNER_WORDS_MAX + 1)
#define ENVIRONMENT_MAX 4352

/* As whom */

static int refuse(SecFailure *failure, const char *why)
{
    sec_failure_set(failure, (uint32_t)E_ACCESSDENIED, "its server is not started: %s", why);
    return LAUNCH_FAILED;
}

static AccountMap account_map(const LaunchHouse *house)
{
    const char *unmapped = conf_string(house->conf, CONF_ACCOUNTS_UNMAPPED);
    return (AccountMap){.realms = conf_list(house->conf, CONF_ACCOUNTS_MAP_BY_NAME),
                        .min_uid = (uid_t)conf_integer(house->conf, CONF_ACCOUNTS_MIN_UID),
                        .unmapped = unmapped && strcmp(unmapped, "none") != 0 ? unmapped : NULL,
                        .source = house->source};
}

/* Processes of one account can read each other's memory: those who share the unmapped account are given
 * nobody's identity to act as. */
static int account_of_caller(const LaunchHouse *house, const LaunchOrder *order, ConfRunAs run_as,
                             LocalAccount *account, SecFailure *failure)
{
    AccountMap map = account_map(house);
    if (!order->caller) return refuse(failure, "it would run as its caller, who did not authenticate");
    /* To be run as somebody is to be acted for. */
    if (token_level(order->caller) < TOKEN_LEVEL_IMPERSONATION)
        return refuse(
            failure,
            "it would run as its caller, who allowed to be identified only; activate at IMPERSONATE");
    int r = account_map_find(&map, order->caller, account, failure);
    if (r == ACCOUNT_NONE && run_as == CONF_RUN_AS_CALLER) r = account_map_unmapped(&map, account, failure);
    if (r == ACCOUNT_NONE) return refuse(failure, "it would run as its caller, who has no account here");
    if (r == -EIO || r == ACCOUNT_REFUSED) return LAUNCH_FAILED;
    return r;
}

static int account_of_class(const LaunchHouse *house, const ConfClass *item, LocalAccount *account,
                            SecFailure *failure)
{
    int r = house->source->by_name(item->account, account);
    if (r == -ENOMEM) return r;
    if (r < 0 || account->uid != item->account_uid)
        return refuse(failure, "the account of its run_as= cannot be found any more");
    return 0;
}

/* What */

typedef struct Command {
    const char *words[COMMAND_MAX + 1];
    char *made[COMMAND_MAX]; /* those of the words that are owned */
    size_t count, made_count;
} Command;

static void command_deinit(Command *command)
{
    for (size_t i = 0; i < command->made_count; i++)
        free(command->made[i]);
}

static void add_made(Command *command, char *word)
{
    command->made[command->made_count++] = word;
    command->words[command->count++] = word;
}

/* Who may call it: all that share a process have one AppID. */
static int add_appid(const ConfClass *item, Command *command)
{
    char appid[GUID_STRING_SIZE], *word;
    if (!item->has_appid) return 0;
    guid_format(&item->appid, appid);
    command->words[command->count++] = "--appid";
    if (asprintf(&word, "{%s}", appid) < 0) return -ENOMEM;
    add_made(command, word);
    return 0;
}

/* mantle-host with every library that shares the process. */
static int add_libraries(const ConfClasses *classes, const ConfClass *item, Command *command)
{
    for (size_t i = 0; i < conf_classes_count(classes); i++) {
        const ConfClass *other = conf_classes_at(classes, i);
        char clsid[GUID_STRING_SIZE], *word;
        if (!conf_class_shares_host(item, other)) continue;
        if (command->count == COMMAND_MAX) return -E2BIG;
        guid_format(&other->clsid, clsid);
        if (asprintf(&word, "{%s}=%s", clsid, other->library) < 0) return -ENOMEM;
        add_made(command, word);
    }
    return 0;
}

static int compose(const LaunchHouse *house, const ConfClasses *classes, const ConfClass *item,
                   Command *command)
{
    if (item->library) {
        command->words[command->count++] = house->host;
        int r = add_appid(item, command);
        return r < 0 ? r : add_libraries(classes, item, command);
    }
    for (char **word = item->command; *word; word++)
        command->words[command->count++] = *word;
    return 0;
}

static int start(const LaunchHouse *house, const LaunchOrder *order, const ConfClasses *classes,
                 const ConfClass *item, const LocalAccount *account, Launched *launched, SecFailure *failure)
{
    Command command = {.count = 0};
    char configuration[ENVIRONMENT_MAX];
    const char *path = secure_getenv(CONF_ENVIRONMENT);
    const char *environment[3] = {NULL};
    size_t variables = 0;
    SpawnRequest request = {
        .account = account->name, .uid = account->uid, .command = command.words, .environment = environment};
    if (path && snprintf(configuration, sizeof(configuration), "%s=%s", CONF_ENVIRONMENT, path) <
                    (int)sizeof(configuration))
        environment[variables++] = configuration;
    if (item->run_as == CONF_RUN_AS_ACTIVATOR) {
        if (order->identity < 0)
            return refuse(failure, "the identity that it would act as was not handed on");
        environment[variables++] = HANDOVER_PROCESS_VARIABLE "=3";
        request.fds[request.fd_count++] = order->identity;
    }
    int r = compose(house, classes, item, &command);
    if (r == 0) r = spawner_start(house->spawner, &request, &launched->pid, &launched->pidfd, failure);
    command_deinit(&command);
    return r == SPAWN_FAILED ? LAUNCH_FAILED : r;
}

int launch(const LaunchHouse *house, const LaunchOrder *order, Launched *ret_launched, SecFailure *failure)
{
    _cleanup_(conf_classes_freep) ConfClasses *classes = NULL;
    _cleanup_(freep) char *error = NULL;
    LocalAccount account = {0};
    int r = conf_classes_load(conf_string(house->conf, CONF_PATHS_CLASSES), &classes, &error);
    if (r == -ENOMEM) return r;
    if (r < 0) {
        sec_failure_set(failure, ERROR_INVALID_DATA, "%s", error ? error : strerror(-r));
        return LAUNCH_FAILED;
    }
    const ConfClass *item = conf_classes_find(classes, &order->clsid);
    if (!item || item->run_as == CONF_RUN_AS_NOBODY) {
        sec_failure_set(failure, (uint32_t)REGDB_E_CLASSNOTREG,
                        "nothing is started for this class: it has no command= or library= in %s",
                        conf_string(house->conf, CONF_PATHS_CLASSES));
        return LAUNCH_FAILED;
    }
    Launched launched = {.pidfd = -1};
    r = item->run_as == CONF_RUN_AS_ACCOUNT
            ? account_of_class(house, item, &account, failure)
            : account_of_caller(house, order, item->run_as, &account, failure);
    launched.uid = account.uid;
    if (r == 0 && order->start) r = start(house, order, classes, item, &account, &launched, failure);
    if (r == 0) *ret_launched = launched;
    return r;
}
