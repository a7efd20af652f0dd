/* SPDX-License-Identifier: Apache-2.0 */
/* For the client's unit tests: a small scripted server on loopback addresses, and a security package without
 * a KDC that it understands. Failures of the peer end the test program. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "io/address.h"
#include "rpc/client.h"
#include "rpc/client-private.h"
#include "sec/token.h"

/* Operations of every interface that the peer has. */
enum {
    PEER_ECHO = 0,
    PEER_WHO,        /* "principal level context" of the caller */
    PEER_FAULT,      /* with the status in the stub */
    PEER_LONG,       /* as many bytes as the stub says */
    PEER_SILENT,     /* no answer */
    PEER_HANG_UP,    /* closes instead of answering */
    PEER_CORRUPT,    /* a flipped bit in the answer */
    PEER_UNSIGNED,   /* no verifier */
    PEER_OTHER_CALL, /* another call_id */
    PEER_ECHO_THEN_CLOSE,
    PEER_SHUTDOWN, /* shutdown PDU, then the echo */
    PEER_REPLAY,   /* the answer of the call before */
    PEER_HALF,     /* half an answer, then closes */
    PEER_JUNK,     /* bytes that are no PDU */
    PEER_SIGNED_FAULT,
    PEER_OTHER_CONTEXT, /* signed for a security context that is not the call's */
};

typedef struct PeerOptions {
    bool multiplex, no_header_sign;
    bool ignore_auth;                            /* bind_ack without a token */
    bool other_type, other_level, other_context; /* the answer's trailer is of another authentication */
    bool deaf;                                   /* accepts and says nothing */
    bool hang_up;                                /* closes after accept */
    const char *leg2;                            /* instead of the right answer: "skew" (once), "no" */
    uint16_t nak;                                /* reason + 1 */
    uint32_t alter_fault;                        /* status instead of an alter_context_resp */
    uint16_t fragment;                           /* of what the peer sends and takes; 0: PDU_FRAGMENT_OURS */
    bool obeys;                                  /* ends a silent call that is cancelled */
    bool check_group;                            /* naks a bind whose group is not known or 0 */
} PeerOptions;

typedef struct Peer Peer;
/* Listens on `count` addresses 127.0.0.1, 127.0.1.1, ..., with one port each. */
Peer *peer_new(const PeerOptions *options, size_t count);
Peer *peer_free(Peer *peer);
const IoAddress *peer_address(const Peer *peer, size_t index);
/* What happened so far. */
typedef struct PeerCounts {
    unsigned connections, binds, alters, contexts, requests, auth3s;
    unsigned bits, syntaxes, headers; /* commands of verification trailers */
    unsigned cancels, orphans;
} PeerCounts;
PeerCounts peer_counts(Peer *peer);
/* Closes all connections of clients, as a server that restarts. */
void peer_drop(Peer *peer);

/* The interface that the peer does not have; all others it has. */
extern const Guid peer_missing_interface;

/* The package. */
extern const InitiatorOps peer_initiator_ops;
typedef struct PeerPackage {
    uint32_t fail;  /* the first leg fails with this code */
    unsigned waits; /* how often a step says SEC_WAIT first */
    int64_t expires;
    unsigned begun; /* contexts that were begun, counted */
    bool by_auth3;  /* the last leg awaits no answer */
} PeerPackage;
extern PeerPackage peer_package;
