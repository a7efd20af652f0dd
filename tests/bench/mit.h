/* SPDX-License-Identifier: Apache-2.0 */
/* The peer: MIT's GSS library, in DCE style. */
#pragma once

/* What it keeps for `count` contexts, both ends, each used once each way: bytes of RSS per context. */
double mit_context_bytes_each(unsigned count);
