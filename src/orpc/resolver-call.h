/* SPDX-License-Identifier: Apache-2.0 */
/* A call to another machine's IObjectExporter: as the process, never cloaked, by Negotiate at PKT_INTEGRITY
 * and IDENTIFY, for RPCSS/<host used> (facts REF-5). */
#pragma once
#include "base/writer.h"
#include "rpc/client.h"

typedef struct ResolverCallSpec {
    RpcClient *client;
    const char *host; /* copied */
    uint16_t port, opnum;
    /* mantled's runtime folder: it is this machine's own, and is called over its UNIX socket, as `process`,
     * which is then this process's own token; borrowed. NULL: `host` is called. */
    const char *runtime;
    Token *process;     /* a reference is taken; NULL: without security */
    bool mutual;        /* the resolver has to prove who it is: never by NTLM (RPC-6) */
    const Writer *stub; /* borrowed until the call is done or freed */
    uint64_t deadline;  /* base/time.h */
} ResolverCallSpec;

/* Does nothing yet. RPCST_OK, RPCST_OUT_OF_MEMORY, RPCST_INVALID_NET_ADDR. */
RpcStatus resolver_call_new(const ResolverCallSpec *spec, RpcClientCall **ret_call) must_use;
