/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks and durations. Deadlines are absolute nanoseconds of CLOCK_MONOTONIC. */
#pragma once
#include <stdint.h>

#define NS_PER_SECOND 1000000000ull
#define NS_PER_MS     1000000ull
#define TIME_NEVER    UINT64_MAX

uint64_t time_monotonic(void);
/* The same clock, some milliseconds behind, for a fifth of the cost. */
uint64_t time_coarse(void);
/* now + `ns`, or TIME_NEVER when that overflows. */
uint64_t time_after(uint64_t ns);
/* Milliseconds from now to the deadline for poll(): 0 when past, -1 for TIME_NEVER, rounded up. */
int time_poll_timeout(uint64_t deadline);
/* Seconds since 1970 of the wall clock. */
int64_t time_wall(void);
