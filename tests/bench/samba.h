/* SPDX-License-Identifier: Apache-2.0 */
/* A peer: Samba's client, driven by Python, as which it is a process of its own. */
#pragma once
#include <stdbool.h>
#include "tests/bench/rpc-side.h"

/* Sealed calls without arguments to the first host. False, and a line about it, where Samba's Python modules
 * are not installed. */
bool samba_client_start(const RpcSide *side, Subject *ret_subject);
