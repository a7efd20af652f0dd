/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The authority in another process: what its clients in sec/ need beyond the seam. A credential or token is a
 * descriptor there, which stands here under a handle like a linked authority's.
 */
#pragma once
#include "sec/authority.h"

/* The descriptor of a handle, borrowed until the handle is released; -1: there is none, or it is a linked
 * authority's. */
int authority_remote_fd(Authority *authority, uint64_t handle);
/* Puts a descriptor under a handle, and takes it over, also on failure. 0, -EOPNOTSUPP (linked), -ENOMEM. */
int authority_remote_adopt(Authority *authority, int fd, uint64_t *ret_handle) must_use;
/* Takes the descriptor out from under its handle, which is gone then: it is the caller's. -1: there is no
 * such handle. */
int authority_remote_release_fd(Authority *authority, uint64_t handle);
