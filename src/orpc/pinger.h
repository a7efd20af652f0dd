/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's pings ([MS-DCOM] 3.2.6.1): one set per resolver, refreshed every period by one thread, as the
 * process itself by Negotiate and never cloaked (facts REF-5). An object that leaves no set is run down after
 * three periods.
 */
#pragma once
#include "base/cleanup.h"
#include "rpc/client.h"

typedef struct Pinger Pinger;

#define PING_PERIOD      (120ull * 1000000000ull) /* [MS-DCOM] 3.2.2.1 */
#define PING_CHANGES_MAX 1000                     /* OIDs that one ComplexPing adds or removes */

typedef struct PingerOptions {
    RpcClient *client; /* a reference is taken */
    Token *process;    /* likewise; NULL: without security */
    bool mutual;       /* resolvers have to prove who they are: never by NTLM (RPC-6) */
    uint64_t period;   /* ns; 0: PING_PERIOD */
    /* mantled's runtime folder: everything is for this machine's own resolver and goes over its UNIX socket,
     * as `process`, which is then this process's own token. Copied; NULL: pings go where they are for. */
    const char *runtime;
} PingerOptions;

/* Starts the thread. 0, -ENOMEM, -EAGAIN. */
int pinger_new(const PingerOptions *options, Pinger **ret_pinger) must_use;
/* Stops it; the sets are left to run out. */
Pinger *pinger_free(Pinger *pinger);
DEFINE_CLEANUP(Pinger, pinger_free)
/* The process holds (or holds once more) the object: in the set of its resolver from the next ping on. 0,
 * -ENOMEM. */
int pinger_add(Pinger *pinger, const char *resolver, uint16_t port, uint64_t oid) must_use;
/* The counterpart; the object leaves the set when it was taken away as often as added. */
void pinger_remove(Pinger *pinger, const char *resolver, uint16_t port, uint64_t oid);
/* Pings now and waits for it: for tests. */
void pinger_flush(Pinger *pinger);
