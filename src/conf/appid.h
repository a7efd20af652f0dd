/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AppIDs: what applies to a server process and all its classes. Sections of the files of classes.d:
 *
 *     [appid {4b9a2c10-8d7e-4f21-b0c6-0123456789ab}]
 *     name        = Greeter
 *     executables = greeterd /usr/libexec/greeter
 *     authn_level = privacy
 *     access      = D:(A;;CCDCLC;;;alice@EXAMPLE.ORG)
 *     launch      = D:(A;;CCDCLCSWRP;;;%operators)
 *
 * Permissions are SDDL (sec/sddl.h), which conf/ does not read.
 */
#pragma once
#include <stdint.h>
#include "base/cleanup.h"
#include "base/guid.h"
#include "conf/file.h"

typedef enum ConfAppIdKey {
    APPID_NAME,
    APPID_ACCESS,
    APPID_LAUNCH,
    APPID_LEVEL,
    APPID_EXECUTABLES,
    APPID_KEYS
} ConfAppIdKey;

typedef struct ConfAppId {
    Guid id;
    char *origin;               /* "FILE:LINE" of its heading */
    char *name;                 /* NULL when not given, as the following */
    char *access;               /* who may call its processes that do not say so themselves */
    char *launch;               /* who may activate and launch its classes */
    uint32_t authn_level;       /* RPC_C_AUTHN_LEVEL_* of its processes that ask for it; 0 */
    char **executables;         /* file names, or absolute paths, of its programs; ends with NULL */
    unsigned lines[APPID_KEYS]; /* where each key stands; 0: not set */
} ConfAppId;

/* `line` is its heading. 0, -ENOMEM. */
int conf_appid_new(const Guid *id, const ConfLine *line, ConfAppId **ret_appid) must_use;
ConfAppId *conf_appid_free(ConfAppId *appid);
DEFINE_CLEANUP(ConfAppId, conf_appid_free)
/* A line of its section; as a ConfLineHandler. */
int conf_appid_line(ConfAppId *appid, const ConfLine *line, char **ret_error) must_use;
/* Whether the program of this absolute path is one of its executables. */
bool conf_appid_has_program(const ConfAppId *appid, const char *path);
