/* SPDX-License-Identifier: Apache-2.0 */
/* mantled's part in local calls: the folder in which exporters of this machine have their sockets, and its
 * own two. */
#pragma once
#include "conf/conf.h"
#include "rpc/server.h"

/* The runtime folder, if calls within this machine are configured; NULL: they are not. */
const char *local_calls_runtime(const Conf *conf);
/* Makes the folder, in which every account may have sockets of its own (as in /tmp: nobody removes another's,
 * but mantled does), removes those that nobody listens on any more, and listens for resolver and exporter. 0;
 * -errno, and a sentence has been logged. */
int local_calls_listen(const Conf *conf, RpcServer *resolver, RpcServer *exporter, uint64_t oxid) must_use;
/* Takes mantled's own sockets away. */
void local_calls_end(const Conf *conf, uint64_t oxid);
