/* SPDX-License-Identifier: Apache-2.0 */
/* Between credential.c, acceptor.c and handover.c. */
#pragma once
#include "sec/authority-message.h"
#include "sec/credential.h"

/* A credential for a handle that the authority gave; it becomes this one's, also on failure. `shows` is a set
 * of AUTHORITY_SHOWS_*. 0, -ENOMEM. */
int sec_credential_new(Authority *authority, uint64_t handle, uint8_t shows,
                       SecCredential **ret_credential) must_use;
/* A token of an answer to OPEN_TOKEN or ACCOUNT, whose credential becomes the token's, also on failure. 0,
 * -ENOMEM, -E2BIG. */
int sec_token_from_answer(Authority *authority, const AuthorityAnswer *answer, TokenKind kind,
                          Token **ret_token) must_use;
