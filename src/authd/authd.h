/* SPDX-License-Identifier: Apache-2.0 */
/* mantle-authd as an object: what it holds, started in order and stopped in reverse. */
#pragma once
#include "authd/policy.h"
#include "authd/request.h"
#include "conf/conf.h"
#include "io/pool.h"

#define AUTHD_CONNECTIONS_MAX 8192u
#define AUTHD_THREADS_MIN     2u
/* Requests that wait for a KDC keep a thread each. */
#define AUTHD_THREADS_MAX 256u

typedef struct Authd {
    PolicyList impersonate, machine;
    Authority *authority;
    Accounts *accounts;
    Sessions *sessions;
    TokenTable *tokens;
    RequestHouse house;
    Quota connections;
    IoLoop *loop;
    IoPool *pool;
    IoHandle listener;
    IoTimer again; /* accepts again, after there was no room for a connection */
    struct ConnectionList *open;
} Authd;

/* Starts serving on a listening UNIX socket, which it takes over, also on failure. 0; -errno, and why has
 * been logged. `conf` and `launches` (NULL: nothing is started) must outlive it. */
int authd_new(const Conf *conf, int listener, const LaunchHouse *launches, Authd **ret_authd) must_use;
/* Lets requests that run finish, and forgets everything. */
Authd *authd_free(Authd *authd);
DEFINE_CLEANUP(Authd, authd_free)
