/* SPDX-License-Identifier: Apache-2.0 */
/* The peer: MIT's GSS library, in DCE style. */
#pragma once
#include "tests/bench/fanout.h"

/* What it keeps for `count` contexts, both ends, each used once each way: bytes of RSS per context. */
double mit_context_bytes_each(unsigned count);
/* Conversations of the least there can be: three tokens, one sealed message there and back. Forks the server
 * that stands for all hosts. */
FanoutSide mit_fanout(void);
