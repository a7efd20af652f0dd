/* SPDX-License-Identifier: Apache-2.0 */
/* What a process has to say to its administrator. Not in the Windows SDK: there it is the
 * event log. */
#pragma once
#include "windef.h"

/* nPriority  as of syslog(3), whose levels it has
 * pszSentence  one line of printable UTF-8, without an end of line; keys, tickets and passwords are not in it
 */
typedef void (*MantleLogger)(void *pContext, int nPriority, const char *pszSentence);

/*
 * Lines about callers that this process refused: where they call from, as whom, and why, each pair of who and
 * why once a minute with a count of what came meanwhile. mantled's are in its own log. A program hands them
 * to whatever log it has; libmantle writes to none by itself.
 *
 * And, at LOG_DEBUG, one for each security context of this process: those that it made for its calls,
 * activations, resolutions and pings ("authenticated as ..."), and those by which callers authenticated
 * ("authenticated NAME from ..."), with the principals, the levels, the mechanism, and where Negotiate chose
 * it, why.
 *
 * The logger is called on any thread, several at once, and not any more once MantleSetLogger has returned
 * with another one. It may not call MantleSetLogger or use objects, and should not block. NULL: nobody is
 * told, as by default.
 */
MANTLE_API void MantleSetLogger(MantleLogger pfnLogger, void *pContext);
