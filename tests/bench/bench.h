/* SPDX-License-Identifier: Apache-2.0 */
/* The benchmarks; each adds its rows to the report. */
#pragma once
#include "tests/bench/rpc-side.h"

/* Goals 1, 2, 5 and 6: calls through the COM API to the lab's sample server on host a. */
void bench_calls(void);
/* Goals 1, 2 and 5 without COM: what RPC by itself costs. */
void bench_calls_rpc(const RpcSide *side, Token *alice);
/* Goal 4 without COM: a server process of this machine, and calls to it as who the kernel says. */
typedef struct LocalSide {
    pid_t pid;
    IoAddress address;
} LocalSide;
/* Forks it, as rpc_side_start(). */
void local_side_start(LocalSide *side);
void local_side_end(LocalSide *side);
void bench_local(const LocalSide *side);
/* Goals 15 and 17: making security contexts, and what each of them keeps. */
void bench_contexts(Token *alice);
/* Goal 14: 200 and 1000 conversations to as many hosts, driven from one thread: connect, Kerberos, one sealed
 * call. */
void bench_fanout(const RpcSide *side, Token *alice);
