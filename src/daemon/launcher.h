/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sees to it that somebody serves a class before an object of it is made: the servers that classes.d names
 * are started by mantle-authd (sec/launch.h), one for everybody, for each account or for each identity, and
 * waited for until they register. Thread-safe.
 */
#pragma once
#include "conf/classes.h"
#include "orpc/activation-server.h"
#include "sec/authority.h"

#define LAUNCHER_TIMEOUT (60ull * 1000000000ull) /* from its start until a server has registered */

typedef struct Launcher Launcher;

typedef struct LauncherOptions {
    const ConfClasses *classes; /* these outlive it */
    Authority *authority;
    Registrar *registrar;
    uint64_t timeout; /* ns; 0: LAUNCHER_TIMEOUT */
    /* Whether who activates may have a process started; else E_ACCESSDENIED. NULL: everybody who may
     * activate. */
    bool (*may_start)(void *context, const ActivationOrder *order);
    void *context;
} LauncherOptions;

/* 0, -ENOMEM. */
int launcher_new(const LauncherOptions *options, Launcher **ret_launcher) must_use;
/* No thread may be in it any more. */
Launcher *launcher_free(Launcher *launcher);
DEFINE_CLEANUP(Launcher, launcher_free)
/* For ActivationServerOptions.prepare, with the launcher as context. */
HRESULT launcher_prepare(void *launcher, const ActivationOrder *order,
                         ActivationServant *ret_servant) must_use;
