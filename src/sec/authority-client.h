/* SPDX-License-Identifier: Apache-2.0 */
/* The asking side of the authority's messages. */
#pragma once
#include "sec/authority.h"
#include "sec/authority-message.h"

/* Encodes a request and starts it. 0, -ENOMEM, -EINVAL (a text or token that is too long). */
int authority_ask(Authority *authority, const AuthorityRequest *request, uint64_t deadline,
                  AuthorityCall **ret_call) must_use;
/* Steps a call to its answer, which points into the call. 0; SEC_WAIT; SEC_FAILED: the authority refused,
 * `ret_answer` is set too; SEC_RESTART; -errno. */
int authority_ask_step(AuthorityCall *call, AuthorityOperation operation, IoWait *ret_wait,
                       AuthorityAnswer *ret_answer, SecFailure *failure) must_use;
/* A request without an interesting answer that never waits: RELEASE, ABANDON. Failing to tell the authority
 * costs it memory until its own limits, nobody anything else. */
void authority_tell(Authority *authority, const AuthorityRequest *request);
