/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the server half share.
 *
 * Threads. A connection is read by one thread at a time: the one that runs its one-shot `ready`, or the task
 * `again` that took over because a whole PDU was in the buffer already. That thread owns everything under
 * "reading". Handing the role on (arming, posting) publishes it. Methods run after the role was handed on;
 * what they need of the connection is fixed before (security rows that are ready, the addresses) or under a
 * lock of its own.
 *
 * A client that sends one call after the other is served without the loop: the thread keeps the role while
 * the method runs and then waits in its read for the next request, for a moment. That saves two system calls
 * and a change of threads for each call. Only for clients that said at bind that they send nothing before the
 * answer (no PFC_CONC_MPX), and only after as many calls in a row as make another one likely.
 *
 * Locks, in this order: connection.writing; connection.lock or server.lock, never both; the loop's own.
 */
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include "base/hash.h"
#include "base/list.h"
#include "base/quota.h"
#include "base/refcount.h"
#include "io/loop.h"
#include "io/socket.h"
#include "pdu/pdu.h"
#include "rpc/server-log.h"
#include "rpc/server.h"
#include "sec/acceptor.h"
#include "sec/context.h"
#include "sec/token.h"

typedef struct RpcConnection RpcConnection;

#define SERVER_INTERFACES 32u
#define SERVER_KEY_MAX    512u /* of a caller: a principal, or an address */

/* Bytes read from the connection. A call that lies in one takes it along. */
typedef struct ServerBuffer {
    size_t capacity;
    uint8_t data[];
} ServerBuffer;

/* Everything one caller makes us hold. Shared by its connections; found by name. */
typedef struct ServerCaller {
    unsigned references; /* server.lock */
    atomic_uint calls, contexts, connections;
    Quota bytes;
    size_t key_length;
    uint8_t key[];
} ServerCaller;

/* Connections of one peer address that have not authenticated. Under server.lock. */
typedef struct ServerPeer {
    unsigned connections;
    uint8_t key[16];
    size_t key_length;
} ServerPeer;

/* An association group: connections of one client process, or so it says; joined from the same address only.
 */
typedef struct ServerGroup {
    uint32_t id;
    unsigned connections;
    uint8_t key[16];
    size_t key_length;
} ServerGroup;

typedef struct ServerListener {
    IoHandle handle;
    IoTimer pause; /* out of descriptors: a moment later */
    RpcServer *server;
    List link;
} ServerListener;

/* The functions of sec/acceptor.h. A table, so that a unit test can play all legs without a KDC. */
typedef struct ServerProvider {
    int (*create)(Authority *authority, uint8_t type, uint8_t level, SecAcceptor **ret_acceptor);
    SecAcceptor *(*destroy)(SecAcceptor *acceptor);
    int (*input)(SecAcceptor *acceptor, const uint8_t *token, size_t length);
    int (*step)(SecAcceptor *acceptor, IoWait *ret_wait);
    const uint8_t *(*output)(const SecAcceptor *acceptor, size_t *ret_length);
    bool (*is_done)(const SecAcceptor *acceptor);
    SecContext *(*take_context)(SecAcceptor *acceptor);
    Token *(*take_token)(SecAcceptor *acceptor);
    const SecFailure *(*failure)(const SecAcceptor *acceptor);
} ServerProvider;
extern const ServerProvider server_provider;

/* Counted by the connection, which is read by one thread at a time and written under `writing`. */
typedef struct ServerCounts {
    _Atomic uint64_t calls_in, packets_in, packets_out;
} ServerCounts;

static inline void server_count(_Atomic uint64_t *count, uint64_t more)
{
    /* One writer at a time: no locked instruction on the way of every call. */
    uint64_t before = atomic_load_explicit(count, memory_order_relaxed);
    atomic_store_explicit(count, before + more, memory_order_relaxed);
}

struct RpcServer {
    const ServerProvider *provider; /* NULL: nobody can authenticate */
    RpcServerOptions options;       /* without zeroes */
    RpcObjects objects;
    bool has_objects;
    const RpcInterface *interfaces[SERVER_INTERFACES];
    size_t interface_count;
    RpcInterface mgmt;
    char *principal, *machine;
    ServerLog *log; /* NULL: nobody is told */

    pthread_mutex_t lock;
    pthread_cond_t gone; /* a connection or listener was destroyed */
    List connections, listeners;
    size_t connection_count, listener_count, unauthenticated;
    HashMap *peers, *groups, *callers;
    uint32_t last_group;
    bool stopping;
    RpcServerState ended; /* the counts of connections that are no more; under the lock */
    atomic_size_t calls;
};

/* One security context of a connection. Ready rows never change until the connection ends. */
typedef enum SecurityState { SECURITY_PENDING, SECURITY_READY, SECURITY_FAILED } SecurityState;
typedef struct SecurityRow {
    uint32_t id; /* auth_context_id */
    uint8_t type, level;
    SecurityState state;
    SecAcceptor *acceptor; /* while pending */
    SecContext *context;   /* from here on: when ready */
    Token *token;
    ServerCaller *caller;
    bool first; /* of its caller on this connection */
} SecurityRow;

/* One presentation context. */
typedef struct PresentationRow {
    uint16_t id;
    PduSyntax abstract;
    const RpcInterface *row; /* NULL: an interface of objects */
} PresentationRow;

typedef enum ConnectionState {
    CONNECTION_NEW,       /* waits for its bind */
    CONNECTION_BOUND,     /* between calls */
    CONNECTION_RECEIVING, /* in the middle of a request's fragments */
    CONNECTION_DRAINING,  /* said its last word; what still comes is thrown away */
    CONNECTION_STATES,
} ConnectionState;

typedef struct ServerCall {
    RpcCall open; /* what the method sees */
    List link;    /* in its connection's calls while it runs */
    atomic_bool cancelled, orphaned;
    bool *kept; /* while the method runs on the thread that reads the connection: whether it still does */
    RpcConnection *connection;
    uint32_t id;
    uint16_t context_id;
    const RpcInterface *row; /* NULL: objects */
    SecurityRow *security;   /* NULL: not authenticated */
    ServerCaller *caller;    /* the connection's or the row's */
    size_t fragment_max;
    ServerBuffer *buffer; /* the fragment that a single-fragment request lies in */
    Writer stub;          /* or its fragments put together */
    size_t charged;       /* to caller->bytes */
    const char *refused;  /* why it was not admitted */
} ServerCall;

struct RpcConnection {
    IoHandle handle;
    IoTask again;
    RpcServer *server;
    List link;        /* server.lock */
    ServerPeer *peer; /* while it counts as unauthenticated; server.lock */
    IoAddress local, remote;
    bool is_local;        /* over a UNIX socket: the kernel is the wire (server-local.c) */
    struct ucred process; /* at the other end, when it is local */
    int passed;           /* descriptor that came with the bind, until that is answered; -1: none */
    ServerCaller *caller; /* of calls without identity: the address, or the account */
    Token *_Atomic who;   /* the first that authenticated: for the log */

    atomic_uint turn; /* counts the readers: what one wrote is seen by the next */

    /* Reading */
    ConnectionState state;
    ServerBuffer *buffer; /* NULL until there is something to read */
    size_t first, end;    /* bytes [first, end) of it are not looked at yet */
    size_t drained;
    ServerGroup *group;
    PresentationRow *presentations; /* by id */
    size_t presentation_count;
    SecurityRow **security;
    size_t security_count, security_last;
    unsigned legs_before; /* first legs while nobody has authenticated */
    uint64_t features;
    bool authenticated;
    bool bound_secure;       /* the bind carried authentication: no request is anybody's without it */
    atomic_bool sign_header; /* of all contexts */
    uint16_t announced;      /* size of fragments, in answers to bind and alter_context */
    size_t receive_max;      /* longest request fragment that is taken */
    size_t fragment_max;     /* ours to send */
    uint32_t last_call_id;
    bool called; /* last_call_id means something */
    ServerCall *partial;
    bool concurrent;      /* the client may send calls before the last one is answered */
    bool patient;         /* io_set_patience() was called */
    bool moved, stalling; /* a PDU came since the last look; the deadline is for the rest of a request */
    unsigned streak, streak_min; /* calls without a pause, and how many of them it takes to expect one more */

    atomic_uint running; /* methods */
    ServerCounts counts;

    pthread_mutex_t lock;
    List calls;         /* that run; under the lock */
    atomic_bool closed; /* set under the lock, once */
    bool timer_on;
    IoTimer timer;             /* holds a reference while on */
    _Atomic uint64_t deadline; /* set under the lock */
    const char *overdue;       /* what the log says when it has come; NULL: nothing. Under the lock */
    atomic_bool begun;         /* a PDU or a request is there in part */

    ServerBuffer *_Atomic spare; /* of the usual size */
    ServerCall *_Atomic idle;    /* memory for the next call, its answer's buffer included */

    pthread_mutex_t writing;
};

/* What a PDU's handler wants next. */
typedef enum ServerNext {
    SERVER_READ,  /* the next PDU */
    SERVER_DRAIN, /* no more PDUs: the connection ends */
    SERVER_CLOSE, /* at once */
    SERVER_RUN,   /* the call in *ret_call */
} ServerNext;

/* server.c */
ServerCaller *server_caller_get(RpcServer *server, char kind, const void *key, size_t length);
ServerCaller *server_caller_put(RpcServer *server, ServerCaller *caller);
/* 0, -ENOENT (no such group, or of another address or account), -ENOMEM. id 0: a new one. */
int server_group_join(RpcConnection *connection, uint32_t id, ServerGroup **ret_group) must_use;
void server_group_leave(RpcServer *server, ServerGroup *group);
/* Takes the descriptor. */
void server_accept(RpcServer *server, int fd, const IoAddress *peer);
/* It ends: it counts for its peer no more. */
void server_connection_closed(RpcConnection *connection);
/* It is destroyed. */
void server_connection_gone(RpcConnection *connection);
/* The connection does not count as unauthenticated any more. */
void server_peer_release(RpcConnection *connection);

/* server-connection.c */
int connection_new(RpcServer *server, int fd, const IoAddress *peer, RpcConnection **ret_connection) must_use;
int connection_start(RpcConnection *connection) must_use;
void connection_close(RpcConnection *connection);
bool connection_is_closed(RpcConnection *connection);
/* TIME_NEVER: no deadline. `overdue`: why the connection ends at it, static; NULL: that is as it should be.
 */
void connection_set_deadline(RpcConnection *connection, uint64_t deadline, const char *overdue);
/* A call was answered: who has not authenticated is given the time anew. */
void connection_renew(RpcConnection *connection);
/* Writes all of it, before the send deadline; the caller holds `writing`. A failure closes the connection. */
void connection_write(RpcConnection *connection, struct iovec *pieces, size_t count);
/* Another thread may read from here on. Only who reads the connection may say so. */
void connection_hand_on(RpcConnection *connection);
/* One complete PDU. */
void connection_send(RpcConnection *connection, const Writer *writer);
void connection_send_fault(RpcConnection *connection, uint32_t call_id, uint16_t context_id, uint8_t flags,
                           RpcStatus status);
void connection_send_nak(RpcConnection *connection, uint32_t call_id, uint16_t reason);
/* Gives the read buffer to a call that begins at `first` and is `length` long; bytes behind it move to a new
 * one. NULL when there is no memory. */
ServerBuffer *connection_take_buffer(RpcConnection *connection, size_t length);
void connection_give_buffer(RpcConnection *connection, ServerBuffer *buffer);

/* A line for the log, before whoever is refused hears of it. `token`: who it is about, NULL: the
 * connection's. `type` of PDU_TYPES: no PDU. */
typedef struct ServerRefusal {
    const char *why; /* static; the limit by name */
    const Token *token;
    uint8_t type;
    const char *answer, *detail;
} ServerRefusal;
void connection_refused(RpcConnection *connection, const ServerRefusal *refusal);
/* The same and the answer. */
void connection_refuse_fault(RpcConnection *connection, const ServerRefusal *refusal, uint32_t call_id,
                             uint16_t context_id, uint8_t flags, RpcStatus status);
void connection_refuse_nak(RpcConnection *connection, const ServerRefusal *refusal, uint32_t call_id,
                           uint16_t reason);

/* server-local.c */
/* What limits "per address" go by: io_address_key(), for local connections the account. Returns the length.
 */
size_t server_peer_key(const RpcConnection *connection, uint8_t key[16]);
/* io_read() before the bind, which also takes the descriptor that goes with it. A second one is -EMSGSIZE. */
int server_read_first(RpcConnection *connection, void *buffer, size_t size, size_t *ret_size) must_use;
void server_drop_descriptor(RpcConnection *connection);
/* Token and context of the only leg. 0, -EBADMSG, -EPERM (a descriptor that is none or worth nothing:
 * *failure may say why), -E2BIG (groups), -EAGAIN (no thread), -ENOMEM. */
int server_local_identity(RpcConnection *connection, SecurityRow *row, const PduTrailer *trailer,
                          SecFailure *failure) must_use;
/* Whom the row is charged to: a new reference, or NULL. */
ServerCaller *server_local_caller(RpcConnection *connection, const SecurityRow *row);
/* What the answer to it carries; `answer` has room for RPC_LOCAL_LEG_SIZE bytes. */
void server_local_answer(const SecurityRow *row, uint8_t *answer);

/* server-bind.c */
ServerNext server_on_bind(RpcConnection *connection, uint8_t *data, const Pdu *pdu, ServerCall **ret_call);
ServerNext server_on_alter(RpcConnection *connection, uint8_t *data, const Pdu *pdu, ServerCall **ret_call);
ServerNext server_on_auth3(RpcConnection *connection, uint8_t *data, const Pdu *pdu, ServerCall **ret_call);
SecurityRow *server_security_find(RpcConnection *connection, uint32_t id);
void server_security_free(RpcConnection *connection);
const PresentationRow *server_presentation_find(const RpcConnection *connection, uint16_t id);

/* server-request.c */
ServerNext server_on_request(RpcConnection *connection, uint8_t *data, const Pdu *pdu, ServerCall **ret_call);
ServerNext server_on_cancel(RpcConnection *connection, uint8_t *data, const Pdu *pdu, ServerCall **ret_call);
ServerNext server_on_orphaned(RpcConnection *connection, uint8_t *data, const Pdu *pdu,
                              ServerCall **ret_call);
/* Before the connection is read on: a thread for the method, and its share of the caller's calls.
 * RPCST_OK, or why the call is refused. After RPCST_OK server_call_run() follows, which frees the call. */
RpcStatus server_call_admit(ServerCall *call);
/* The answer to a call that was not admitted. */
void server_call_refuse(ServerCall *call, RpcStatus status);
void server_call_run(ServerCall *call);
ServerCall *server_call_free(ServerCall *call);
/* Frees the memory that is kept for the next call. */
void server_call_forget(RpcConnection *connection);
DEFINE_CLEANUP(ServerCall, server_call_free)
