/* SPDX-License-Identifier: Apache-2.0 */
/* A raw peer for the tests of the server half: sockets and PDUs by hand, and a security provider without a
 * KDC. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "io/loop.h"
#include "io/pool.h"
#include "pdu/pdu.h"
#include "rpc/server-private.h"

extern const PduSyntax peer_interface, peer_object;

#define WHOLE   (PDU_FIRST_FRAG | PDU_LAST_FRAG)
#define CONNECT 2
#define PKT     4
#define PRIVACY 6
#define ALICE   "alice@LAB.TEST"
#define BOB     "bob@LAB.TEST"

/* Operations of peer_interface. */
enum { OP_ECHO, OP_FAULT, OP_WHO, OP_WAIT, OP_PRIVATE, OP_NONE, OP_BIG, OP_LONG };

/* A server with a pool on a port of its own; `with_security` installs the provider below. */
typedef struct Host {
    IoLoop *loop;
    IoPool *pool;
    RpcServer *server;
    uint16_t port;
} Host;

/* What methods that wait wait for. */
void host_gate(bool open);
extern atomic_uint host_waiting;
extern atomic_bool host_admits;

/* Until so many methods wait there. */
void host_wait_for(unsigned waiting);
void host_start(Host *host, RpcServerOptions options, unsigned threads, bool with_security);
void host_stop(Host *host);

/* One connection. */
typedef struct Peer {
    int fd;
    uint8_t data[65536]; /* the last PDU received */
    Pdu pdu;
    SecContext *security;
    uint8_t level;
    uint32_t context_id;
    bool sign_header;
    uint16_t fragment; /* what it says at bind that it takes; 0: 4280 */
    bool concurrent;   /* says at bind that it may send calls before the last one is answered */
} Peer;

void peer_open(Peer *peer, const Host *host, bool v6);
void peer_close(Peer *peer);
void peer_send(Peer *peer, const void *data, size_t length);
void peer_send_writer(Peer *peer, Writer *writer);
/* The next PDU, which must be of this type. */
void peer_expect(Peer *peer, PduType type);
/* A fault with this status. */
void peer_expect_fault(Peer *peer, uint32_t status);
void peer_expect_nak(Peer *peer, uint16_t reason);
/* The server ends the connection within 5 s; anything that comes before is an error. */
void peer_expect_end(Peer *peer);

/* bind or alter_context of peer_interface as context 0, with features (if not 0) and a token (if not NULL).
 */
void peer_bind(Peer *peer, PduType type, uint64_t features, const char *token);
/* The same for a security context at this level. */
void peer_begin(Peer *peer, PduType type, uint32_t context, uint8_t level, const char *token);
void peer_auth3(Peer *peer, const char *token);
/* bind and its answer. */
void peer_bound(Peer *peer, uint64_t features);
/* A request in a writer of its own, to be sent later or not at all: its number is used. */
void peer_make_request(Peer *peer, Writer *writer, uint8_t flags, uint32_t call_id, uint16_t context,
                       uint16_t opnum, const void *stub, size_t length);
/* A request, protected when the peer has a context. Flags beyond the object's come from the caller. */
void peer_request_part(Peer *peer, uint8_t flags, uint32_t call_id, uint16_t context, uint16_t opnum,
                       const void *stub, size_t length);
void peer_request(Peer *peer, uint32_t call_id, uint16_t opnum, const void *stub, size_t length);
/* The response, put together and opened; freed by free(). */
uint8_t *peer_response(Peer *peer, uint32_t call_id, size_t *ret_length);
/* Legs 1 to 3 as `principal`; the last one in an auth3 or an alter_context. The peer protects with the
 * result. */
void peer_login(Peer *peer, PduType first, uint64_t features, uint32_t context_id, uint8_t level,
                const char *principal, bool by_auth3);
/* Makes the peer use a context of its own: both ends of the provider below start with the same key and
 * numbers. */
void peer_protect(Peer *peer, uint32_t context_id, uint8_t level);
/* A PDU that is a header only. */
void peer_bare(Peer *peer, PduType type, uint32_t call_id);
/* A request without protection whose trailer has room for a token of `length` zeroes. */
void peer_request_unproved(Peer *peer, uint32_t call_id, size_t length);
/* A response to OP_ECHO, and a whole call. */
void peer_expect_echo(Peer *peer, uint32_t call_id, const void *data, size_t length);
void peer_check_echo(Peer *peer, uint32_t call_id);
/* The server sees this caller. */
void peer_check_who(Peer *peer, uint32_t call_id, uint8_t level, const char *principal);
