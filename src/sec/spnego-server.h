/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's half of Negotiate: which mechanism of the client's list is taken, whose legs are whose, and
 * that nobody changed the list on the way. Pure; sec/acceptor.c brings the mechanism.
 *
 * The first mechanism of the list that is offered here is taken. Where the client would have preferred
 * another one there must be a MIC over the list, both ways; where it comes without being needed it is
 * verified all the same.
 */
#pragma once
#include "base/cleanup.h"
#include "base/writer.h"
#include "sec/context.h"
#include "sec/failure.h"
#include "sec/spnego.h"

typedef struct SpnegoServer SpnegoServer;

/* What a token of the client brings. */
typedef struct SpnegoServerInput {
    SpnegoBytes leg; /* for the mechanism; into the token. Without one the answer is there already */
} SpnegoServerInput;

/* Which mechanisms are offered here. 0, -ENOMEM. */
int spnego_server_new(bool kerberos, bool ntlm, SpnegoServer **ret_server) must_use;
SpnegoServer *spnego_server_free(SpnegoServer *server);
DEFINE_CLEANUP(SpnegoServer, spnego_server_free)

/* Takes the client's token. 0: there is a leg for the mechanism of spnego_server_service(), then answer() or
 * finish() follows; or there is none, and `writer` got what is to be sent (finished or not: is_done).
 * `context` is the mechanism's once finish() has been called, else NULL. SEC_FAILED, -ENOMEM. */
int spnego_server_input(SpnegoServer *server, const uint8_t *token, size_t length, SecContext *context,
                        SpnegoServerInput *ret_input, Writer *writer, SecFailure *failure) must_use;
/* The mechanism answers and another leg is to follow. With `refused` the answer is an error token, and the
 * conversation may start again. */
void spnego_server_answer(SpnegoServer *server, SpnegoBytes leg, bool refused, Writer *writer);
/* The mechanism is finished. 0: `writer` got what is to be sent. SEC_FAILED: the list was changed. -errno. */
int spnego_server_finish(SpnegoServer *server, SecContext *context, Writer *writer,
                         SecFailure *failure) must_use;
bool spnego_server_is_done(const SpnegoServer *server);
/* RPC_C_AUTHN_* of the mechanism taken; 0: none yet. */
uint8_t spnego_server_service(const SpnegoServer *server);
