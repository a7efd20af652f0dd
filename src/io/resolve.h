/* SPDX-License-Identifier: Apache-2.0 */
/* Resolving a name without blocking: getaddrinfo() on a thread of its own, as a state machine. */
#pragma once
#include "io/address.h"
#include "io/wait.h"

#define IO_RESOLVE_THREADS_MAX 16u /* look-ups at once; more wait for their turn */

typedef struct IoResolve IoResolve;

/* Starts looking `host` up; a literal is there at once. 0, -ENOMEM, -EAGAIN, -errno. */
int io_resolve_new(const char *host, uint16_t port, IoResolve **ret_resolve) must_use;
/* Gives up or forgets; the look-up that is under way ends unheard. */
IoResolve *io_resolve_free(IoResolve *resolve);
DEFINE_CLEANUP(IoResolve, io_resolve_free)
/* 0 and the list (the caller's, free()), once; IO_AGAIN and what to wait for (without a deadline: that is the
 * caller's); or the error of io_address_resolve(). */
int io_resolve_step(IoResolve *resolve, IoAddressList **ret_list, IoWait *ret_wait) must_use;
