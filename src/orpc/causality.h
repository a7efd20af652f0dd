/* SPDX-License-Identifier: Apache-2.0 */
/* The causality ids of the calls that block in this process, [MS-DCOM] 1.3.5: an incoming call with one of
 * them belongs to a chain that waits for it and must be let in. Thread-safe. */
#pragma once
#include <stdbool.h>
#include "base/guid.h"
#include "base/list.h"

/* One blocking outgoing call. The caller's; stays where it is until causality_unblock(). */
typedef struct CausalityBlock {
    List link;
    Guid causality;
} CausalityBlock;

/* Brackets a blocking outgoing call; they nest. */
void causality_block(CausalityBlock *block, const Guid *causality);
void causality_unblock(CausalityBlock *block);
/* Walks all of them: for the moment when a call would be refused else. */
bool causality_is_blocked(const Guid *causality);
