/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which local accounts may serve which class, what is started for it, and who may activate it: the *.conf
 * files of classes.d.
 *
 *     [{3f2c8a60-5b1e-4f0d-9a3c-0123456789ab}]
 *     name  = Sample Greeter
 *     users = greeter 1500
 *
 *     [{3f2c8a60-5b1e-4f0d-9a3c-0123456789ac}]
 *     command = /usr/libexec/greeter --quiet
 *     run_as  = greeter
 *     launch  = D:(A;;CCDCLCSWRP;;;AU)
 *     appid   = {4b9a2c10-8d7e-4f21-b0c6-0123456789ab}
 *
 * A class that is in no file may be served by nobody, whoever asks; the name is only for people. `command` is
 * started when nobody serves the class: words between spaces, without a shell. Instead of it `library` names
 * a shared object with DllGetClassObject, which mantle-host loads; libraries of the same `group` and `run_as`
 * share a process. `run_as` is an account; `caller`: for each account that activates, one of that account;
 * `activator`: for each identity that activates, one that also acts as it. Who is started may serve the
 * class, and others need to be among `users`. `launch` is the launch permission, in SDDL; a class without one
 * has that of its AppID (conf/appid.h), which is described in any of the files.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "base/cleanup.h"
#include "base/guid.h"
#include "conf/appid.h"

#define CONF_CLASS_USERS_MAX 64u
#define CONF_CLASS_WORDS_MAX 64u /* of a command */

/* As whom it is started. */
typedef enum ConfRunAs {
    CONF_RUN_AS_NOBODY = 0, /* nothing is started */
    CONF_RUN_AS_ACCOUNT,
    CONF_RUN_AS_CALLER,
    CONF_RUN_AS_ACTIVATOR,
} ConfRunAs;

typedef struct ConfClass {
    Guid clsid;
    char *name;        /* NULL when not given */
    char *origin;      /* "FILE:LINE" of its heading */
    uid_t *users;      /* may serve it */
    size_t user_count; /* at most CONF_CLASS_USERS_MAX; 0 only where something is started */
    ConfRunAs run_as;
    char *account;     /* with CONF_RUN_AS_ACCOUNT */
    uid_t account_uid; /* likewise; not root's */
    char **command;    /* one of these two where something is started; ends with NULL, [0] is a path */
    char *library;
    char *group;  /* of libraries; NULL: the class alone */
    char *launch; /* SDDL; NULL when not given */
    bool has_appid;
    Guid appid;
} ConfClass;

typedef struct ConfClasses ConfClasses;

/* What of them is needed: a process that looks for its own AppID does not look up accounts. */
typedef enum ConfClassesPart { CONF_CLASSES_ALL, CONF_CLASSES_APPIDS } ConfClassesPart;

/* Reads all files whose names end in .conf, in the order of their names; no directory means no classes. A
 * section that is no CLSID or AppID, one that two sections describe, an AppID of a class that no section
 * describes, an account that does not exist, a class without users and what conf_load() refuses are errors,
 * and nothing is loaded. Returns and sentence as conf_load(). */
int conf_classes_load(const char *directory, ConfClasses **ret_classes, char **ret_error) must_use;
/* The same; of classes neither `users` nor `run_as` where only AppIDs are needed. */
int conf_classes_load_part(const char *directory, ConfClassesPart part, ConfClasses **ret_classes,
                           char **ret_error) must_use;
ConfClasses *conf_classes_free(ConfClasses *classes);
DEFINE_CLEANUP(ConfClasses, conf_classes_free)
size_t conf_classes_count(const ConfClasses *classes);
/* In no particular order. */
const ConfClass *conf_classes_at(const ConfClasses *classes, size_t index);
/* NULL: in no file. */
const ConfClass *conf_classes_find(const ConfClasses *classes, const Guid *clsid);
/* False also for a class that is in no file. Root is an account like others here: it must be listed. A class
 * that runs as its caller may be served by every account but root, for itself: conf_class_serves_all() is
 * false then. */
bool conf_classes_may_serve(const ConfClasses *classes, const Guid *clsid, uid_t uid);
/* Whether who serves it serves it for everybody, and not for activations of its own account only. */
static inline bool conf_class_serves_all(const ConfClass *item)
{
    return item->run_as != CONF_RUN_AS_CALLER && item->run_as != CONF_RUN_AS_ACTIVATOR;
}
/* Whether one mantle-host serves both for the same account or identity: both are libraries of one group and
 * AppID that run as the same; a class and itself. */
bool conf_class_shares_host(const ConfClass *a, const ConfClass *b);
/* NULL: in no file. */
const ConfAppId *conf_classes_find_appid(const ConfClasses *classes, const Guid *appid);
/* The AppID that has the program of this path among its executables; NULL: none. */
const ConfAppId *conf_classes_appid_of(const ConfClasses *classes, const char *path);
/* AppIDs, in the order of the files; NULL: past the last. */
const ConfAppId *conf_classes_appid_at(const ConfClasses *classes, size_t index);
/* The launch permission of a class, its own or its AppID's, and where it stands; NULL: neither has one. */
const char *conf_classes_launch(const ConfClasses *classes, const ConfClass *item, const char **ret_origin);
