/* SPDX-License-Identifier: Apache-2.0 */
/* mantled as an object: everything it consists of, started in order and stopped in reverse. */
#pragma once
#include "conf/conf.h"

typedef struct Daemon Daemon;

/* Starts serving. 0; -errno, and why has been logged. `conf` must outlive it. */
int daemon_new(const Conf *conf, Daemon **ret_daemon) must_use;
/* Lets calls that run finish, and stops. */
Daemon *daemon_free(Daemon *daemon);
DEFINE_CLEANUP(Daemon, daemon_free)
