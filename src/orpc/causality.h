/* SPDX-License-Identifier: Apache-2.0 */
/* The causality ids of the calls that block in this process, [MS-DCOM] 1.3.5: an incoming call with one of
 * them belongs to a chain that waits for it and must be let in. Thread-safe. */
#pragma once
#include <stdbool.h>
#include "base/guid.h"

/* Brackets a blocking outgoing call; they nest. 0, -ENOMEM. */
int causality_block(const Guid *causality) must_use;
void causality_unblock(const Guid *causality);
bool causality_is_blocked(const Guid *causality);
