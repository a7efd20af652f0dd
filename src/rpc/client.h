/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The RPC client. A call is a state machine: rpc_client_call_step() never blocks and says what it waits for;
 * rpc_client_call_run() drives the same machine on the calling thread, which writes and reads the socket
 * itself.
 *
 * Connections are pooled per server address. A connection carries one call at a time; security contexts are
 * found, not made: by token (its modified id), service, levels, capabilities and target (RpcSecurity), many
 * on one connection where both ends negotiated that, else one identity per connection. What cannot be had
 * with exactly the asked identity and level fails: no request is sent under another one.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "base/guid.h"
#include "base/reader.h"
#include "io/address.h"
#include "io/wait.h"
#include "rpc/authentication.h"
#include "rpc/status.h"
#include "sec/failure.h"
#include <sys/types.h>

typedef struct RpcClient RpcClient;
typedef struct RpcBinding RpcBinding;
typedef struct RpcSecurity RpcSecurity;
typedef struct RpcClientCall RpcClientCall;
typedef struct RpcCancel RpcCancel;
typedef struct Token Token;

#define RPCST_PENDING 997u /* RPC_S_ASYNC_CALL_PENDING: step again when the wait is over */

/* Defaults of RpcClientOptions, and limits. */
#define RPC_CONNECT_TIMEOUT          (3ull * 1000000000ull) /* per address */
#define RPC_IDLE_TIMEOUT             (120ull * 1000000000ull)
#define RPC_CONNECTIONS_PER_SERVER   1024u
#define RPC_REPLY_BYTES              (64u * 1024 * 1024)
#define RPC_ENDPOINTS_MAX            32u
#define RPC_CLIENT_SECURITY_CONTEXTS 1000u /* per connection. [MS-RPCE] 3.3.1.5.4, note 104 */
#define RPC_CLIENT_PRESENTATION_MAX  1000u /* per connection */

/* Client: the pool. Thread-safe. */

/* 0 in a field means its default. */
typedef struct RpcClientOptions {
    uint64_t connect_timeout; /* ns for one address to answer */
    uint64_t idle_timeout;    /* ns after which an unused connection is closed */
    unsigned connections_max; /* per server address; above: RPCST_OUT_OF_RESOURCES */
    size_t reply_max;         /* bytes of one reply; above: RPCST_CALL_FAILED and the connection is closed */
    /* Talk at packet level and above to servers that do not sign headers: whoever is on the wire can then
     * change the operation that is called. Off: RPCST_SEC_PKG_ERROR. */
    bool allow_unsigned_headers;
    RpcTrace trace; /* told of every security context that was made; NULL: nobody */
    void *trace_context;
} RpcClientOptions;

/* `options` may be NULL. RPCST_OK, RPCST_OUT_OF_MEMORY. */
RpcStatus rpc_client_new(const RpcClientOptions *options, RpcClient **ret_client) must_use;
RpcClient *rpc_client_ref(RpcClient *client);
RpcClient *rpc_client_unref(RpcClient *client);
DEFINE_CLEANUP(RpcClient, rpc_client_unref)
/* Closes connections that were idle for longer than the idle timeout (every release does so in passing), or
 * all idle ones. Returns when to call it next; TIME_NEVER when nothing is idle. */
uint64_t rpc_client_trim(RpcClient *client, bool all);

/* Binding: where a server is; immutable but for its memory of which address answered last. Thread-safe. */

typedef struct RpcEndpoint {
    const IoAddress *address; /* used as it is; NULL: `host` */
    const char *host;         /* a name or a literal; resolved without blocking, never canonicalised */
    uint16_t port;            /* of `host` */
    const uid_t *owner; /* of a UNIX address: who must be listening there, as the kernel says; copied. NULL:
                           whoever does */
} RpcEndpoint;

/* Copies. Endpoints are tried in this order, each for the connect timeout; the one that answered last first.
 * RPCST_OK, RPCST_INVALID_NET_ADDR (none, too many, a name that is none, no port), RPCST_OUT_OF_MEMORY. */
RpcStatus rpc_binding_new(RpcClient *client, const RpcEndpoint *endpoints, size_t count,
                          RpcBinding **ret_binding) must_use;
RpcBinding *rpc_binding_ref(RpcBinding *binding);
RpcBinding *rpc_binding_unref(RpcBinding *binding);
DEFINE_CLEANUP(RpcBinding, rpc_binding_unref)

/* Security: who calls and how; immutable. NULL stands for an unauthenticated call. Thread-safe. */

/* RPC_C_QOS_CAPABILITIES_MUTUAL_AUTH: the server has to prove who it is, too. */
#define RPC_MUTUAL_AUTH 1u

/* With the service RPC_AUTHN_LOCAL (rpc/local.h) and no target ("") the kernel says who calls: this process,
 * by its effective ids when it connects; `token` must be that identity. With an account's uid, in digits, as
 * target the call shows `token`, which an authority in another process must hold: its descriptor is made for
 * that account and goes with the bind. The level is privacy. Such calls go over UNIX sockets and no others,
 * and others never do. */
typedef struct RpcSecuritySpec {
    Token *token;          /* the identity, decided above; a reference is taken */
    uint8_t authn_service; /* RPC_C_AUTHN_GSS_KERBEROS, ... */
    uint8_t authn_level;   /* RPC_C_AUTHN_LEVEL_CONNECT .. PKT_PRIVACY; CALL becomes PKT */
    uint8_t impersonation; /* RPC_C_IMP_LEVEL_* */
    uint32_t capabilities; /* bits of the blanket that change the exchange: RPC_MUTUAL_AUTH; others are only
                              compared */
    const char *target;    /* the server's principal, as of SecInitiatorSpec */
} RpcSecuritySpec;

/* RPCST_OK, RPCST_UNKNOWN_AUTHN_LEVEL, RPCST_INVALID_PARAMETER (no token or target), RPCST_OUT_OF_MEMORY. */
RpcStatus rpc_security_new(const RpcSecuritySpec *spec, RpcSecurity **ret_security) must_use;
RpcSecurity *rpc_security_ref(RpcSecurity *security);
RpcSecurity *rpc_security_unref(RpcSecurity *security);
DEFINE_CLEANUP(RpcSecurity, rpc_security_unref)
/* Is it RPC_AUTHN_LOCAL? */
bool rpc_security_is_local(const RpcSecurity *security);
/* RPC_C_AUTHN_LEVEL_*: how calls and their answers are protected. */
uint8_t rpc_security_level(const RpcSecurity *security);
/* Do both lead to the same security contexts? */
bool rpc_security_equal(const RpcSecurity *a, const RpcSecurity *b);
/* What it was made of, but for its capabilities; borrowed. */
RpcSecuritySpec rpc_security_spec(const RpcSecurity *security);
/* By which mechanism the last call was authenticated that was sent with it, and why: "Kerberos, chosen by
 * Negotiate". False: none has got so far. */
bool rpc_security_choice(const RpcSecurity *security, char ret_choice[RPC_CHOICE_SIZE]);

/* Cancel: by which somebody else ends a call; used up by the first one. Thread-safe. */

/* RPCST_OK, RPCST_OUT_OF_MEMORY. */
RpcStatus rpc_cancel_new(RpcCancel **ret_cancel) must_use;
RpcCancel *rpc_cancel_ref(RpcCancel *cancel);
RpcCancel *rpc_cancel_unref(RpcCancel *cancel);
DEFINE_CLEANUP(RpcCancel, rpc_cancel_unref)
/*
 * Ends the calls that were made with it: with RPCST_CALL_CANCELLED, or with the server's answer if that comes
 * first. A request that has not left is not sent. Of one that has the server is told (a cancel PDU), and has
 * `grace` ns to answer; then the call is given up (an orphaned PDU), and its connection closed. Only the
 * first time counts.
 */
void rpc_cancel(RpcCancel *cancel, uint64_t grace);
bool rpc_cancel_is_set(const RpcCancel *cancel);

/* Call: of one thread at a time. */

typedef struct RpcClientCallSpec {
    RpcBinding *binding;   /* a reference is taken */
    RpcSecurity *security; /* likewise; NULL: unauthenticated */
    Guid iid;              /* the interface */
    uint16_t major, minor; /* of the interface; 0.0 for objects */
    uint16_t opnum;
    const Guid *object;  /* NULL: none. Copied */
    const uint8_t *stub; /* borrowed until the call is done or freed */
    size_t stub_length;
    uint64_t deadline; /* of everything, base/time.h; 0 and TIME_NEVER: none */
    RpcCancel *cancel; /* a reference is taken; NULL: nobody ends it */
} RpcClientCallSpec;

/* Does nothing yet. RPCST_OK, RPCST_OUT_OF_MEMORY. */
RpcStatus rpc_client_call_new(const RpcClientCallSpec *spec, RpcClientCall **ret_call) must_use;
/*
 * RPCST_OK: the reply is there. RPCST_PENDING: wait for *ret_wait. Else the call has failed for good, with
 *   the SecFailure code      no security context as asked for (rpc_client_call_failure() says why)
 *   the fault's status       the server refused or the method failed (rpc_client_call_is_fault())
 *   RPCST_SERVER_UNAVAILABLE nobody answered, or the deadline passed before the request was sent
 *   RPCST_CALL_FAILED        the connection broke after the request was sent: it may have run
 *   RPCST_CALL_CANCELLED     it was cancelled, or the deadline passed after the request was sent
 *   RPCST_UNKNOWN_IF, RPCST_UNSUPPORTED_TRANS_SYN, RPCST_SERVER_TOO_BUSY, RPCST_PROTOCOL_ERROR, ... from the
 * bind A connection that the server closed while it was idle is replaced once, if nothing was sent on it.
 */
RpcStatus rpc_client_call_step(RpcClientCall *call, IoWait *ret_wait) must_use;
/* The same until it is done, waiting on this thread. Never RPCST_PENDING. */
RpcStatus rpc_client_call_run(RpcClientCall *call) must_use;
/* After RPCST_OK: the reply's stub without padding; valid until the call is freed. */
Reader rpc_client_call_reply(const RpcClientCall *call);
/* Why the call failed: the code that was returned and a sentence. */
const SecFailure *rpc_client_call_failure(const RpcClientCall *call);
/* True when the status came from the server in a fault PDU. */
bool rpc_client_call_is_fault(const RpcClientCall *call);
/* True once a byte of the request may have reached the server. */
bool rpc_client_call_was_sent(const RpcClientCall *call);
/* The server's address that is used or was used last; NULL before the first try. Valid until the call is
 * freed. */
const IoAddress *rpc_client_call_address(const RpcClientCall *call);
/* Also cancels: a call under way loses its connection. */
RpcClientCall *rpc_client_call_free(RpcClientCall *call);
DEFINE_CLEANUP(RpcClientCall, rpc_client_call_free)
