/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The security context of a conversation within one machine: the kernel carries the bytes, says who is at the
 * other end, and lets nobody in between. So nothing is signed or sealed, at whatever level, and a call has
 * what privacy promises (RPC-5).
 */
#pragma once
#include "sec/context.h"

/* A conversation that `expires` (seconds since 1970; INT64_MAX: never). 0, -ENOMEM. */
int sec_context_new_local(int64_t expires, SecContext **ret_context) must_use;
