/* SPDX-License-Identifier: Apache-2.0 */
/* IRemUnknown2 of an exporter: references and interfaces of its objects ([MS-DCOM] 3.1.1.5.6, 3.1.1.5.7). */
#pragma once
#include "orpc/exporter.h"
#include "orpc/plain.h"
#include "rpc/server.h"

/* Answers one call; `reader` stands after ORPCTHIS, ORPCTHAT is written. */
RpcStatus rem_unknown_serve(Exporter *exporter, RpcCall *call, Reader *reader) must_use;
