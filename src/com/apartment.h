/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Apartments: which threads may run an object's methods.
 *
 * The multithreaded apartment (MTA) is one for the process; every thread that is in no other belongs to it as
 * long as some thread entered it. A single-threaded apartment (STA) belongs to the thread that made it, its
 * owner. Linux has no message queue that an owner would have to pump, so the objects an owner hands out (and
 * its class objects) are served by one more thread of the apartment, the server, one call at a time; it runs
 * side by side with the owner. While the server waits for a call of its own it serves calls of the same
 * causality, so that a callback does not deadlock.
 */
#pragma once
#include "base/cleanup.h"
#include "base/guid.h"
#include "orpc/call.h"

typedef struct Apartment Apartment; /* a single-threaded one; NULL is the MTA */

/* S_OK, or CO_E_NOTINITIALIZED with a sentence: this thread is in no apartment. */
HRESULT apartment_check(void) must_use;
/* The apartment of this thread, borrowed. */
Apartment *apartment_current(void);
Apartment *apartment_ref(Apartment *apartment);
Apartment *apartment_unref(Apartment *apartment);
DEFINE_CLEANUP(Apartment, apartment_unref)
/* Starts the apartment's server, if it has none yet. S_OK, E_OUTOFMEMORY. */
HRESULT apartment_serve(Apartment *apartment) must_use;

/*
 * Runs a function in an apartment and waits for it: here when this thread is of that apartment, else on its
 * server, which must have been started. `causality` NULL: it may run at any time, also while the server waits
 * for a call. S_OK; RPC_E_DISCONNECTED: the apartment has ended, nothing was run.
 */
typedef void (*ApartmentFunction)(void *argument);
HRESULT apartment_run(Apartment *apartment, const Guid *causality, ApartmentFunction function,
                      void *argument) must_use;
/* Waits as io_wait() does. Where this thread is an apartment's server it runs meanwhile what belongs to the
 * chain that waits. S_OK: step again. */
HRESULT apartment_wait(const IoWait *wait, const Guid *causality) must_use;
/* orpc_call_run(), serving callbacks meanwhile where this thread is an apartment's server. */
HRESULT apartment_run_call(OrpcCall *call) must_use;
