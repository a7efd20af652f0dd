/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting the servers of classes: what is run and as whom is what classes.d says here, never what the asker
 * says. The asker, mantled, names a class and hands on the identity of who activates it.
 */
#pragma once
#include "authd/spawner.h"
#include "base/guid.h"
#include "conf/conf.h"
#include "sec/account.h"

/* What launches need; everything is borrowed. */
typedef struct LaunchHouse {
    const Conf *conf;
    const AccountSource *source;
    const char *host; /* path of mantle-host */
    Spawner *spawner;
} LaunchHouse;

typedef struct LaunchOrder {
    Guid clsid;
    const Token *caller; /* NULL: did not authenticate */
    int identity;        /* descriptor of the caller's token, for a process that acts as him; -1 */
    bool start;          /* false: only whose process it would be */
} LaunchOrder;

typedef struct Launched {
    uid_t uid;
    pid_t pid; /* 0: nothing was started */
    int pidfd; /* -1 likewise */
} Launched;

/* Conditions. */
enum { LAUNCH_FAILED = 1 };

/*
 * Decides as whom the class's server runs and, where wanted, starts it, waiting on this thread. 0;
 * LAUNCH_FAILED with *failure: nothing is started for this class (REGDB_E_CLASSNOTREG), the caller has no
 * account or one that may not be used, or did not let anybody act for him (E_ACCESSDENIED), it cannot be run
 * (CO_E_SERVER_EXEC_FAILURE), the files of classes are wrong (ERROR_INVALID_DATA); -errno.
 */
int launch(const LaunchHouse *house, const LaunchOrder *order, Launched *ret_launched,
           SecFailure *failure) must_use;
