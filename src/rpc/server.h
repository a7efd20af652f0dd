/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The RPC server: listeners, connections, security contexts, calls.
 *
 * It runs on a loop of the caller's, served by a pool (io/pool.h). A method runs on the thread that read its
 * request; the connection is read on by another thread meanwhile. Nothing about a caller's identity exists
 * before the last leg of its security context verified.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "base/guid.h"
#include "base/reader.h"
#include "base/writer.h"
#include "io/address.h"
#include "rpc/authentication.h"
#include "rpc/status.h"

typedef struct Authority Authority;
typedef struct IoLoop IoLoop;
typedef struct RpcServer RpcServer;
typedef struct Token Token;

/* Defaults of RpcServerOptions. */
#define RPC_PREAUTH_BYTES       (64u * 1024)
#define RPC_PREAUTH_SECONDS     30u
#define RPC_PREAUTH_CONNECTIONS 64u
#define RPC_CALLS_PER_CALLER    64u
#define RPC_CONNECTIONS         4096u
#define RPC_REQUEST_BYTES       (4u * 1024 * 1024) /* [MS-RPCE] 3.3.3.5.4 */
#define RPC_SEND_SECONDS        30u
#define RPC_STALL_SECONDS       60u
#define RPC_CALLER_CONNECTIONS  1024u
#define RPC_LOG_SECONDS         60u
/* Per connection. */
#define RPC_SECURITY_CONTEXTS     2048u /* [MS-RPCE] 3.3.1.5.4, note 104 */
#define RPC_HALF_OPEN_CONTEXTS    16u   /* begun and not verified yet; refused ones do not count */
#define RPC_PREAUTH_LEGS          16u /* handshakes, repeated ones included, before anybody has authenticated */
#define RPC_PRESENTATION_CONTEXTS 4096u
#define RPC_PREAUTH_PRESENTATIONS 1024u
/* Per caller. */
#define RPC_CALLER_BYTES    (64u * 1024 * 1024) /* requests of one caller that are held at once */
#define RPC_CALLER_CONTEXTS 8192u
#define RPC_CHAIN_CALLS     2u /* times calls_per_caller, for calls that belong to one that is blocked here */

/* One incoming call, valid until its method returns. Everything but `out` is read-only. */
typedef struct RpcCall {
    Guid iid;
    uint16_t major, minor; /* of the interface as bound */
    uint16_t opnum;
    bool has_object;
    Guid object;
    Reader in;             /* the whole request; padding may follow the arguments */
    Writer out;            /* the response's stub; its error becomes a fault */
    uint8_t authn_service; /* RPC_C_AUTHN_*: 0 none, 16 Kerberos; 10 (NTLM) on UNIX sockets */
    uint8_t authn_level;   /* RPC_C_AUTHN_LEVEL_*: 1 none .. 6 privacy; 3 never */
    bool is_local;         /* over a UNIX socket */
    uint32_t uid;          /* then: of the process at the other end, whoever it calls as; else 0 */
    Token *token;          /* the caller, borrowed (token_ref to keep); NULL when it did not authenticate */
    const char *server;    /* the principal it authenticated us by, borrowed; NULL when unknown */
    uint32_t group;        /* the association group that the connection is in */
    const IoAddress *local, *remote;
    struct ServerCall *own; /* the server's own; NULL in a call that none made */
} RpcCall;

/* Did the client ask for this call to end (a cancel PDU), give it up (orphaned), or go away? A method that
 * takes long asks now and then and returns RPCST_CALL_CANCELLED; one that does not ask runs to its end. */
bool rpc_call_is_cancelled(const RpcCall *call);

/* For methods that refuse their caller by an answer of their own, with this code: a line for
 * RpcServerOptions.log. `why` is static, in words, and names the limit where there is one. */
void rpc_call_refused(const RpcCall *call, const char *why, uint32_t code);

/* Answers a call: RPCST_OK sends `out`, anything else a fault with that status. Runs on any thread; may
 * block. */
typedef RpcStatus (*RpcMethod)(RpcCall *call, void *data);

/* Rows: who may call what is a column. A NULL method is RPCST_PROCNUM_OUT_OF_RANGE. */
typedef struct RpcOperation {
    RpcMethod method;
    uint8_t min_level; /* a lower one is RPCST_ACCESS_DENIED; 0: the interface's */
} RpcOperation;

/* An interface with NDR 2.0 arguments, registered by reference: static, or alive until rpc_server_free(). */
typedef struct RpcInterface {
    Guid uuid;
    uint16_t major, minor; /* a client may ask for a lower minor version */
    uint8_t min_level;     /* RPC_C_AUTHN_LEVEL_*; 0, 1: anybody */
    const RpcOperation *operations;
    size_t operation_count;
    void *data; /* second argument of the methods */
} RpcInterface;

/* Interfaces of objects (version 0.0), known by IID only. One for a server. */
typedef struct RpcObjects {
    /* At bind: is this an interface that some object here may have? */
    bool (*knows)(void *data, const Guid *iid);
    RpcMethod dispatch; /* every operation of all of them */
    /* With the pool or the caller's calls exhausted: must the call run all the same (its causality id belongs
     * to a call that is blocked in this process)? May be NULL. May only look at the call. */
    bool (*admits)(void *data, const RpcCall *call);
    const Guid *const *listed; /* those that all of them have, for whoever asks what is served; static */
    size_t listed_count;
    uint8_t min_level;
    void *data;
} RpcObjects;

/* 0 in a field means its default. */
typedef struct RpcServerOptions {
    IoLoop *loop;             /* the caller's; must be served by threads until rpc_server_free() returned */
    Authority *authority;     /* verifies callers; takes a reference. NULL: nobody can authenticate */
    uint32_t services;        /* that callers may use, as the process registered them (CIS-5): bits of 1 <<
                                 RPC_C_AUTHN_*.        0: all that the authority has keys for */
    const char *principal;    /* ours, for whoever asks; copied. NULL: none */
    const char *machine;      /* the domain of local callers' accounts; copied. NULL: the host name */
    size_t preauth_bytes;     /* held for a connection that has not authenticated */
    unsigned preauth_seconds; /* from accept, or from its last answered call, until it is closed */
    unsigned preauth_connections; /* per peer address; on UNIX sockets per account */
    unsigned connections;
    unsigned calls_per_caller; /* running at once */
    unsigned contexts;         /* of security, per connection */
    size_t request_bytes;
    unsigned send_seconds;       /* a peer that does not read loses its connection after this */
    unsigned stall_seconds;      /* so does who has authenticated and stops in the middle of a request */
    unsigned caller_connections; /* on which one caller may be authenticated */
    /* Who was refused and why, in one line of printable UTF-8 without secrets; `priority` of syslog. For each
     * pair of who and why one line in log_seconds, then how often it happened meanwhile (rpc/server-log.h).
     * Any thread, also in the middle of a PDU: it should not block for long. NULL: nobody is told. */
    void (*log)(void *context, int priority, const char *sentence);
    void *log_context;
    unsigned log_seconds;
    RpcTrace trace; /* told of every security context that verified; NULL: nobody */
    void *trace_context;
} RpcServerOptions;

/* Server */
RpcStatus rpc_server_new(const RpcServerOptions *options, RpcServer **ret_server) must_use;
/* Closes listeners and connections, waits for the methods that run, frees. Not from a thread of the pool. */
RpcServer *rpc_server_free(RpcServer *server);
DEFINE_CLEANUP(RpcServer, rpc_server_free)
/* Before the first rpc_server_listen*(). RPCST_OK, RPCST_INVALID_PARAMETER when it is there already, out of
 * memory. */
RpcStatus rpc_server_register(RpcServer *server, const RpcInterface *row) must_use;
void rpc_server_set_objects(RpcServer *server, const RpcObjects *objects);
/* Listens on an IP address (port 0: any free one) or on all of this machine when `address` is NULL (then
 * `port`). 0 or -errno as io_listen(): -EADDRINUSE and friends deserve a sentence. `ret_port` may be NULL. */
int rpc_server_listen(RpcServer *server, const IoAddress *address, uint16_t port,
                      uint16_t *ret_port) must_use;
/* Takes over a listening socket (socket activation, a UNIX socket), also on failure. Whoever connects to a
 * UNIX socket is who the kernel says, with the authentication service of rpc/local.h and no other. 0, -errno.
 */
int rpc_server_listen_fd(RpcServer *server, int fd, uint16_t *ret_port) must_use;

typedef struct RpcServerState {
    size_t connections, unauthenticated, calls, groups;
    uint64_t calls_in, packets_in, packets_out; /* since it was made */
} RpcServerState;
RpcServerState rpc_server_state(RpcServer *server);
