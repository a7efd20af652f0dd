/* SPDX-License-Identifier: Apache-2.0 */
/* One client's connection: frames in, answers out, one request at a time. */
#pragma once
#include "authd/authd.h"

/* Open connections, so that they can be closed when the process ends. Thread-safe. */
typedef struct ConnectionList ConnectionList;
int connection_list_new(ConnectionList **ret_list) must_use;
ConnectionList *connection_list_free(ConnectionList *list);
/* Takes all out of the loop. No thread may be in it any more. */
void connection_list_close(ConnectionList *list);

/* Serves a connection that was accepted; takes the descriptor over, also on failure. Who it is is the
 * kernel's word. 0, -EDQUOT (the account has too many), -errno. */
int connection_serve(Authd *authd, int fd) must_use;
