/* SPDX-License-Identifier: Apache-2.0 */
/* The remote management interface ([C706] appendix Q), which every server has: what it serves, as whom, and
 * how much. Anybody may ask; nobody may stop a server by it. */
#pragma once
#include "rpc/server.h"

/* Fills the row; `server` is what it tells about and outlives it. */
void mgmt_interface_init(RpcInterface *row, RpcServer *server);
