/* SPDX-License-Identifier: Apache-2.0 */
/* What a server's log said, for tests of who was refused. */
#pragma once
#include "rpc/test-peer.h"

/* Options of a server whose log is kept here, and tells no counts before it ends. */
extern const RpcServerOptions said_options;
void said_forget(void);
/* Lines with both of these in them. */
size_t said(const char *one, const char *other);
void said_expect(size_t wanted, const char *one, const char *other);
/* Until there is one, and then exactly one. */
void said_wait(const char *one, const char *other);
/* Is there a line that begins with `start` and goes on with a reason that is in `line`? */
bool said_count(const char *start, const char *line);
