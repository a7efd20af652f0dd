/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may be asked: a const table says of each operation who may, when, how many at once and whether a
 * token's descriptor goes with it. What is not in it is refused by name. Answers are put together here: what
 * a received token is worth to whom, and that no handle, ticket or long-term key is among them.
 */
#pragma once
#include <stdbool.h>
#include "authd/account.h"
#include "authd/launch.h"
#include "authd/policy.h"
#include "authd/session.h"
#include "authd/token.h"
#include "sec/authority.h"

/* What requests are answered with; everything is borrowed. */
typedef struct RequestHouse {
    Authority *authority; /* linked: it has the keys */
    TokenTable *tokens;
    Sessions *sessions;
    const PolicyList *impersonate, *machine;
    const char *keytab, *principal; /* the machine's; NULL: it has none */
    const LaunchHouse *launches;    /* NULL: nothing is started */
} RequestHouse;

/* Who asks: one connection. */
typedef struct Asker {
    Account *account;
    PolicyPeer peer;
    pid_t pid;
    bool impersonates, machine; /* what the configuration lets it */
    Session *session;           /* NULL: it did not say hello yet */
} Asker;

/* An answer as bytes, and the descriptor that goes with it. */
typedef struct RequestReply {
    uint8_t *data; /* owned; wiped */
    size_t length, capacity;
    int fd;    /* owned, or -1 */
    bool last; /* the connection ends with it: what was asked was out of order, or no request at all */
    const char *operation;
    SecFailure refusal; /* code 0: it was answered */
} RequestReply;

/* Answers; waits on this thread where a KDC is asked. `fd` came with the request, or is -1; it stays the
 * caller's. 0: there is a reply; -ENOMEM: there is none, the connection ends. */
int request_answer(const RequestHouse *house, Asker *asker, const uint8_t *bytes, size_t length,
                   uint32_t patience, int fd, RequestReply *ret_reply) must_use;
void request_reply_deinit(RequestReply *reply);
/* How many requests of one account may run at once; 0: there is no such request. */
unsigned request_at_once(AuthorityOperation operation);
