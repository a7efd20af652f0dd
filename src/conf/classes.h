/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which local accounts may serve which class: the *.conf files of classes.d.
 *
 *     [{3f2c8a60-5b1e-4f0d-9a3c-0123456789ab}]
 *     name  = Sample Greeter
 *     users = greeter 1500
 *
 * A class that is in no file may be served by nobody, whoever asks; the name is only for people.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "base/cleanup.h"
#include "base/guid.h"

#define CONF_CLASS_USERS_MAX 64u

typedef struct ConfClass {
    Guid clsid;
    char *name;        /* NULL when not given */
    char *origin;      /* "FILE:LINE" of its heading */
    uid_t *users;      /* may serve it */
    size_t user_count; /* 1 .. CONF_CLASS_USERS_MAX */
} ConfClass;

typedef struct ConfClasses ConfClasses;

/* Reads all files whose names end in .conf, in the order of their names; no directory means no classes. A
 * section that is no CLSID, a class that two sections describe, an account that does not exist, a class
 * without users and what conf_load() refuses are errors, and nothing is loaded. Returns and sentence as
 * conf_load(). */
int conf_classes_load(const char *directory, ConfClasses **ret_classes, char **ret_error) must_use;
ConfClasses *conf_classes_free(ConfClasses *classes);
DEFINE_CLEANUP(ConfClasses, conf_classes_free)
size_t conf_classes_count(const ConfClasses *classes);
/* In no particular order. */
const ConfClass *conf_classes_at(const ConfClasses *classes, size_t index);
/* NULL: in no file. */
const ConfClass *conf_classes_find(const ConfClasses *classes, const Guid *clsid);
/* False also for a class that is in no file. Root is an account like others here: it must be listed. */
bool conf_classes_may_serve(const ConfClasses *classes, const Guid *clsid, uid_t uid);
