/* SPDX-License-Identifier: Apache-2.0 */
/* The server's side of making a security context. Nothing learned from leg 1 is visible before leg 3
 * verified. */
#pragma once
#include "base/cleanup.h"
#include "io/wait.h"
#include "sec/authority.h"
#include "sec/context.h"
#include "sec/failure.h"
#include "sec/token.h"

typedef struct SecAcceptor SecAcceptor;

/* `auth_type` and `authn_level` as in sec_trailer. 0, -ENOMEM, -EOPNOTSUPP (the service is not offered).
 * Takes a reference. */
int sec_acceptor_new(Authority *authority, uint8_t auth_type, uint8_t authn_level,
                     SecAcceptor **ret_acceptor) must_use;
SecAcceptor *sec_acceptor_free(SecAcceptor *acceptor);
DEFINE_CLEANUP(SecAcceptor, sec_acceptor_free)
/* The peer's token. After SEC_FAILED a new leg 1 may follow (skew recovery). 0, -ENOMEM, -EPROTO. */
int sec_acceptor_input(SecAcceptor *acceptor, const uint8_t *token, size_t length) must_use;
/* 0: output is ready (possibly empty); SEC_WAIT; SEC_FAILED: output, if not empty, is an error token for the
 * peer. */
int sec_acceptor_step(SecAcceptor *acceptor, IoWait *ret_wait) must_use;
const uint8_t *sec_acceptor_output(const SecAcceptor *acceptor, size_t *ret_length);
/* True once the last leg verified: only then do the two functions below give something. */
bool sec_acceptor_is_done(const SecAcceptor *acceptor);
SecContext *sec_acceptor_take_context(SecAcceptor *acceptor);
/* The caller as an impersonation token at the level it granted; a new reference. */
Token *sec_acceptor_take_token(SecAcceptor *acceptor);
const SecFailure *sec_acceptor_failure(const SecAcceptor *acceptor);
