/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bindings within one machine (ncalrpc): the string binding `uid[name]`, where the name is that of a UNIX
 * socket in the folder `local` of mantled's runtime folder, and the account is the one that must be listening
 * there. They are told to local callers only, by mantled, who knows both from the kernel; from anybody else
 * they mean nothing.
 */
#pragma once
#include <sys/types.h>
#include "io/address.h"
#include "orpc/binding.h"

#define BINDING_TOWER_LOCAL 0x10 /* ncalrpc */
#define LOCAL_FOLDER        "local"
#define LOCAL_RESOLVER      "resolver.socket" /* in the runtime folder: mantled's resolver, for local callers */

/* The socket of the exporter with this OXID, below the runtime folder. 0, -ENAMETOOLONG. */
int local_exporter_address(const char *runtime, uint64_t oxid, IoAddress *ret_address) must_use;
/* mantled's own. 0, -ENAMETOOLONG. */
int local_resolver_address(const char *runtime, IoAddress *ret_address) must_use;
/* `bindings` with the local one of this exporter before all others; owned as by bindings_dup(). 0, -ENOMEM,
 * -E2BIG. */
int bindings_with_local(const Bindings *bindings, uid_t owner, uint64_t oxid,
                        Bindings *ret_bindings) must_use;
/* The first local binding: 0, -ENOENT (none that is well-formed and of this OXID). */
int bindings_find_local(const Bindings *bindings, uint64_t oxid, uid_t *ret_owner) must_use;
/* The same bytes? */
bool bindings_equal(const Bindings *a, const Bindings *b);
