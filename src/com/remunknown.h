/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client of an exporter's IRemUnknown ([MS-DCOM] 3.2.4.4). These calls go by what SetBlanket on IUnknown
 * said, else as the process (facts PB-3, REF-3), and are bounded in time, so that a Release never hangs on a
 * dead machine.
 */
#pragma once
#include "com/proxy.h"
#include "orpc/plain.h"

#define REMUNKNOWN_DEADLINE          (30ull * 1000000000ull)
#define PLAIN_INTERFACES_PER_RELEASE 32

/* `count` results, each with its own status. S_OK, or why there are none (with a sentence). */
HRESULT remunknown_query(ProxyObject *object, const Guid *ipid, const IID *const *iids, unsigned count,
                         uint32_t public_refs, RemQueryResult *ret_results) must_use;
HRESULT remunknown_add_ref(ProxyObject *object, const RemReference *reference) must_use;
/* Best effort: what cannot be released runs down. Leaves the thread's error object alone. */
void remunknown_release(ProxyObject *object, const RemReference *references, uint16_t count);
