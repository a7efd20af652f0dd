/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exceptions of RPC: RpcRaiseException jumps to the innermost guard of its thread. Frames nest where a method
 * makes calls of its own.
 */
#include <setjmp.h>
#include <stdlib.h>
#include "ndr/call.h"

typedef struct Guard {
    struct Guard *outer;
    uint32_t code;
    jmp_buf buffer;
} Guard;

static _Thread_local Guard *guard_innermost;

_Noreturn void ndr_raise(uint32_t code)
{
    Guard *guard = guard_innermost;
    /* Nobody can go on: the caller promised not to return, and no call waits for the code. */
    if (!guard) abort();
    guard_innermost = guard->outer;
    guard->code = code ? code : RPC_S_INTERNAL_ERROR;
    longjmp(guard->buffer, 1); /* not _longjmp: only this one is known to the thread sanitizer */
}

DECLSPEC_NORETURN void RpcRaiseException(RPC_STATUS code)
{
    ndr_raise((uint32_t)code);
}

uint32_t ndr_guard(void (*step)(void *context), void *context)
{
    Guard guard = {.outer = guard_innermost};
    guard_innermost = &guard;
    if (_setjmp(guard.buffer) != 0) return guard.code;
    step(context);
    guard_innermost = guard.outer;
    return 0;
}
