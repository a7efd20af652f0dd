/* SPDX-License-Identifier: Apache-2.0 */
/* What the client's files share: associations, connections and calls. Not for others. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include "base/hash.h"
#include "base/list.h"
#include "base/refcount.h"
#include "base/time.h"
#include "base/writer.h"
#include "io/resolve.h"
#include "pdu/pdu.h"
#include "rpc/client.h"
#include "sec/context.h"
#include "sec/initiator.h"
#include "sec/token.h"

#define CLIENT_RECEIVE_MIN  8192u         /* first size of a connection's receive buffer */
#define CLIENT_FRAGMENT     65520u        /* most that is sent or announced: a multiple of 16 */
#define CLIENT_RECEIVE_BULK (128u * 1024) /* once a reply has several fragments */
#define CLIENT_SEND_BATCH                                                                                    \
    (64u * 1024) /* fragments of a long request are made and sent in batches of so much */
#define CLIENT_BUFFER_KEEP (128u * 1024) /* larger buffers are not kept with an idle connection */
#define CLIENT_REPLY_INLINE                                                                                  \
    512u /* replies up to this are copied, larger ones take the connection's buffer away */
#define CLIENT_PROBE_AFTER (50 * NS_PER_MS) /* idle for longer: look whether the server has closed it */
#define CLIENT_BLOCK_NS    NS_PER_SECOND    /* a blocking read looks at the deadline so often */
#define CLIENT_EXPIRY_MARGIN                                                                                 \
    5 /* seconds before its end in which a security context is not begun to be used any more */
#define CLIENT_BIND_TIMEOUT      (30 * NS_PER_SECOND) /* for the answer to a bind or alter_context */
#define CLIENT_KEEPALIVE_SECONDS 60          /* of silence until TCP asks, then as long until it gives up */
#define CLIENT_RETRY             0xffffffffu /* internal: start over on another connection */
#define CLIENT_CANCEL_NS         (20 * NS_PER_MS) /* how soon a call that may be cancelled notices */
#define CLIENT_VERIFICATION_MAX  96u              /* all three commands, and padding before them */
#define LEVEL_CONNECT            2
#define LEVEL_PACKET             4
#define LEVEL_PRIVACY            6

/* sec/initiator.h as a table: unit tests put a peer without a KDC in its place. */
typedef struct InitiatorOps {
    int (*new)(Token *token, const SecInitiatorSpec *spec, SecInitiator **ret_initiator);
    SecInitiator *(*free)(SecInitiator *initiator);
    int (*step)(SecInitiator *initiator, IoWait *ret_wait);
    const uint8_t *(*output)(const SecInitiator *initiator, size_t *ret_length);
    int (*input)(SecInitiator *initiator, const uint8_t *token, size_t length);
    bool (*is_done)(const SecInitiator *initiator);
    bool (*wants_reply)(const SecInitiator *initiator);
    SecContext *(*take_context)(SecInitiator *initiator);
    const SecFailure *(*failure)(const SecInitiator *initiator);
    const char *(*choice)(SecInitiator *initiator); /* NULL: there is nothing to say */
} InitiatorOps;

/* Which mechanism security contexts were made by, and why: most share one. */
typedef struct ClientChoice {
    RefCount refs;
    char text[];
} ClientChoice;

/* Security */
struct RpcSecurity {
    RefCount refs;
    _Atomic(ClientChoice *) choice; /* of the last call; a reference; NULL: none got so far */
    Token *token; /* NULL in a context that stands */
    uint8_t service, level, impersonation;
    bool mutual;
    const char *target; /* in the key */
    uint64_t hash;
    size_t key_length;
    uint8_t key[]; /* everything by which contexts are told apart */
};

/* Binding */
struct RpcBinding {
    RefCount refs;
    RpcClient *client;
    atomic_uint last;                       /* index of the endpoint that answered last */
    _Atomic(struct Association *) answered; /* a reference; set once, the first server that answered */
    size_t count;
    struct BindingEndpoint {
        bool is_address;
        IoAddress address;
        char *host;
        uint16_t port;
        bool has_owner;
        uid_t owner;
    } endpoints[];
};

/* Association: all connections to one address. Lives as long as anybody refers to it. */
typedef struct Association {
    RefCount refs; /* one of the client's table */
    RpcClient *client;
    IoAddress address;
    pthread_mutex_t lock;
    List idle; /* of ClientConnection, the one used last first */
    unsigned connections;
    uint32_t group;       /* assoc_group_id; 0: none, or not known */
    ClientChoice *choice; /* the last context's; NULL: none was made yet */
} Association;

/* One security context on one connection. */
typedef struct ClientContext {
    RpcSecurity *security;
    SecContext *context;
    ClientChoice *choice;
    uint32_t id;
    size_t token_length;
    int64_t expires;
} ClientContext;

typedef struct ClientPresentation {
    PduSyntax interface_id;
    uint16_t id;
    bool verified; /* a request said under signature which interface this is */
} ClientPresentation;

/* Owned by one call, or idle in its association's list. */
typedef struct ClientConnection {
    List link;
    Association *association;
    int fd;
    bool bound;
    uint64_t patience; /* how long a blocking read waits; 0: none was made yet */
    bool multiplex;    /* several security contexts: both ends said so */
    bool exclusive;    /* its context signs nothing, so requests cannot say whose they are: no second one */
    bool sign_header;  /* negotiated */
    bool said_bits;    /* a request said under signature that it was asked for */
    bool broken;       /* must not be used again */
    uid_t owner;       /* of the process that listens, when it is local */
    int passing;       /* goes with the next bytes, borrowed; -1: nothing does */
    unsigned forks;    /* of this process when it was made: a child has its parent's, but must not use them */
    uint64_t idle_since;
    uint32_t last_call_id, last_context_id;
    uint16_t next_presentation;
    size_t fragment_max; /* of what we send */
    HashMap *contexts;   /* security's key -> ClientContext; NULL: unauthenticated */
    ClientContext *last_context;
    ClientPresentation *presentations;
    size_t presentation_count, last_presentation;
    Writer out;
    size_t out_sent;
    uint8_t *in;
    size_t in_size, in_start, in_end;
    size_t receive_size; /* of `in` when it is empty */
} ClientConnection;

typedef enum CallState {
    CALL_FIND = 0,
    CALL_FIRST_LEG,
    CALL_RESOLVE,
    CALL_ACQUIRE,
    CALL_CONNECT,
    CALL_SEND_BIND,
    CALL_RECEIVE_BIND,
    CALL_LEG,
    CALL_SEND_REQUEST,
    CALL_RECEIVE_REPLY,
    CALL_DONE,
    CALL_FAILED,
    CALL_STATES
} CallState;

struct RpcClientCall {
    CallState state;
    RpcBinding *binding;
    RpcSecurity *security;
    PduSyntax interface_id;
    bool has_object;
    Guid object;
    uint16_t opnum;
    const uint8_t *stub;
    size_t stub_length, stub_made; /* how much of it, and of the verification trailer, lies in fragments */
    uint8_t verification[CLIENT_VERIFICATION_MAX]; /* what follows the stub, padding included */
    size_t verification_length;
    uint64_t deadline;
    bool waits_here; /* run: the socket may block this thread */
    RpcCancel *cancel;
    bool told; /* the server, that the call is cancelled */

    /* where */
    size_t tried, endpoint; /* endpoints begun; index of the present one */
    IoResolve *resolve;
    IoAddressList *addresses;
    size_t next_address;
    int last_error; /* why the last address did not do */
    IoAddress address;
    bool has_address;
    uint64_t handshake_deadline; /* of connecting, then of the bind */

    /* how */
    ClientConnection *connection;
    bool pooled;    /* the connection carried calls before */
    bool fresh;     /* take none from the pool */
    bool replaced;  /* the one retry is used up */
    bool restarted; /* the clock was corrected */
    SecInitiator *initiator;
    uint32_t context_id;    /* of the context that is being made; 0: none yet */
    ClientContext *context; /* the one to use */
    uint16_t presentation_id;
    bool has_presentation;

    /* what */
    uint32_t call_id;
    uint32_t group; /* that the bind asked for */
    bool sent, fault, first_seen;
    Writer reply;   /* of several fragments */
    uint8_t *taken; /* the connection's buffer, when the reply lies in it */
    Reader result;
    RpcStatus status;
    SecFailure failure; /* from here on not zeroed when a call begins */
    uint8_t inline_reply[CLIENT_REPLY_INLINE] __attribute__((aligned(16)));
};

/* client.c */
struct RpcClient {
    RefCount refs;
    RpcClientOptions options;
    pthread_mutex_t lock;
    HashMap *associations; /* address -> Association */
    atomic_uint_fast64_t next_trim;
    const InitiatorOps *initiator;
};
/* A new reference. 0, -ENOMEM. */
unsigned client_forks(void);
int client_association(RpcClient *client, const IoAddress *address, Association **ret_association) must_use;
Association *association_ref(Association *association);
Association *association_unref(Association *association);
DEFINE_CLEANUP(Association, association_unref)
/* An idle connection that has a context for `security` (or needs none), or with `may_add` one to which it can
 * be added. */
ClientConnection *association_take(Association *association, const RpcSecurity *security, bool may_add);
/* Gives a connection back, or frees it when it is broken. Returns NULL. */
ClientConnection *association_release(ClientConnection *connection);

/* client-security.c */
/* The same to find a context by, and no more: a context that stands needs no token, and keeps neither its
 * ticket nor its descriptor longer than they are of use. A modified id is never given twice. NULL: no memory.
 */
RpcSecurity *rpc_security_without_token(const RpcSecurity *security);

/* client-connection.c */
/* Not connected yet; counted against the client's limit. 0, -ENOMEM, -ENOSPC. */
int client_connection_new(Association *association, ClientConnection **ret_connection) must_use;
ClientConnection *client_connection_free(ClientConnection *connection);
DEFINE_CLEANUP(ClientConnection, client_connection_free)
/* Exactly this security's context, unless it is about to expire; then it is dropped. */
ClientContext *client_connection_context(ClientConnection *connection, const RpcSecurity *security,
                                         int64_t now);
/* May one more context be made here? */
bool client_connection_may_add(const ClientConnection *connection, const RpcSecurity *security);
/* Takes `context`; also on failure. 0, -ENOMEM. */
int client_connection_add(ClientConnection *connection, RpcSecurity *security, SecContext *context,
                          ClientChoice *choice, uint32_t id, ClientContext **ret_context) must_use;
ClientPresentation *client_connection_presentation(ClientConnection *connection,
                                                   const PduSyntax *interface_id);
int client_connection_bound(ClientConnection *connection, const PduSyntax *interface_id,
                            uint16_t id) must_use;
/* True when the server has closed it or said something unasked. */
bool client_connection_is_stale(const ClientConnection *connection);
/* Sends what is in `out`: 0, IO_AGAIN, -errno. */
int client_connection_send(ClientConnection *connection) must_use;
/* Reads until a whole PDU is there: 0 and its place (valid until the next call), IO_AGAIN, IO_CLOSED, -EPROTO
 * (no PDU), -ENOMEM, -errno. `patience`: the read may block so long; TIME_NEVER: for ever, 0: not at all. */
int client_connection_receive(ClientConnection *connection, uint64_t patience, uint8_t **ret_pdu,
                              size_t *ret_length) must_use;

/* client-local.c */
extern const InitiatorOps client_local_initiator;
/* The descriptor that its output goes with, borrowed; -1: none. */
int client_local_descriptor(const SecInitiator *initiator);

/* client-bind.c */
/* Makes the bind or alter_context that the call needs next, with the initiator's output if there is one; or
 * the rpc_auth_3 with the last leg of a package that awaits no answer to it.
 * RPCST_OK or why not. */
RpcStatus client_bind_compose(RpcClientCall *call) must_use;
/* Whether what was composed is the last leg, and awaits no answer. */
bool client_bind_is_last(const RpcClientCall *call);
/* Takes the answer in: negotiation, the interface, the initiator's next input. RPCST_OK, RPCST_PENDING (it
 * was no answer: wait on), CLIENT_RETRY, or why not. */
RpcStatus client_bind_answer(RpcClientCall *call, uint8_t *data, size_t length) must_use;

/* client-request.c */
/* Makes the next batch of fragments. */
RpcStatus client_request_compose(RpcClientCall *call) must_use;
/* Takes a PDU in. RPCST_OK: the reply is complete; RPCST_PENDING: more follows. */
RpcStatus client_request_answer(RpcClientCall *call, uint8_t *data, size_t length) must_use;

/* client-choice.c */
/* For a context to this server; a new reference. 0, -ENOMEM. */
int client_choice_new(Association *association, const char *text, ClientChoice **ret_choice) must_use;
ClientChoice *client_choice_unref(ClientChoice *choice);
DEFINE_CLEANUP(ClientChoice, client_choice_unref)
void client_choice_remember(RpcSecurity *security, ClientChoice *choice);
/* A call is sent with `security` by a context of this choice. */
static inline void client_choice_used(RpcSecurity *security, ClientChoice *choice)
{
    if (atomic_load_explicit(&security->choice, memory_order_relaxed) != choice)
        client_choice_remember(security, choice);
}
/* "the service asked for", or what the initiator says. */
const char *client_choice_of(const RpcClientCall *call);

/* client-cancel.c */
/* RPCST_OK: go on. Else the call has failed. Needs call->cancel, as does the next one. */
RpcStatus client_cancel_step(RpcClientCall *call) must_use;
/* When to look again. */
uint64_t client_cancel_deadline(const RpcClientCall *call);

/* client-call.c */
static inline const InitiatorOps *client_initiator(const RpcClientCall *call)
{
    return rpc_security_is_local(call->security) ? &client_local_initiator : call->binding->client->initiator;
}
/* Sets the failure and returns its code. */
RpcStatus client_call_fail(RpcClientCall *call, RpcStatus status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
