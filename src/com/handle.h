/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HANDLEs of tokens. A handle is an index and a generation: one that was closed is refused, also after its
 * place was taken by another. The pseudo handles of the process and the thread are no entries. Thread-safe.
 */
#pragma once
#include "sec/token.h"
#include "winnt.h"

#define HANDLES_MAX 65536u /* open at once in a process */

/* Takes a reference to `token`. NULL: out of memory, or HANDLES_MAX. */
HANDLE handle_new(Token *token, DWORD access);
/* A new reference. 0, or ERROR_INVALID_HANDLE, ERROR_ACCESS_DENIED (an access right of `needed` is missing).
 * `ret_access` may be NULL. */
DWORD handle_token(HANDLE handle, DWORD needed, Token **ret_token, DWORD *ret_access) must_use;
