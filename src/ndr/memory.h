/* SPDX-License-Identifier: Apache-2.0 */
/* Task memory and BSTRs are public (<combaseapi.h>, <oleauto.h>); this is their unit tests' view. */
#pragma once
#include <stddef.h>

/* Lets `count` more allocations of task memory and BSTRs succeed and the next one fail; -1: no limit. One
 * thread. */
void ndr_memory_fail_after(long count);
/* False when the allocation that is about to be made is the one to fail. ndr/'s own allocations ask too. */
int ndr_memory_allowed(void);
/* True once the failure asked for has happened; clears it. */
int ndr_memory_failed(void);
