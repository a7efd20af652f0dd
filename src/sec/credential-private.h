/* SPDX-License-Identifier: Apache-2.0 */
/* Between credential.c and acceptor.c. */
#pragma once
#include "sec/credential.h"

/* A credential for a handle that the authority gave; it becomes this one's, also on failure. `shows` is a set
 * of AUTHORITY_SHOWS_*. 0, -ENOMEM. */
int sec_credential_new(Authority *authority, uint64_t handle, uint8_t shows,
                       SecCredential **ret_credential) must_use;
