/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time.h"
#include <limits.h>
#include <time.h>

uint64_t time_monotonic(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock and a valid pointer */
    return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

uint64_t time_coarse(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now); /* likewise */
    return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

uint64_t time_after(uint64_t ns)
{
    uint64_t now = time_monotonic();
    return ns > TIME_NEVER - now ? TIME_NEVER : now + ns;
}

int time_poll_timeout(uint64_t deadline)
{
    if (deadline == TIME_NEVER) return -1;
    uint64_t now = time_monotonic();
    if (deadline <= now) return 0;
    uint64_t left = deadline - now;
    uint64_t ms = left / NS_PER_MS + (left % NS_PER_MS != 0);
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

int64_t time_wall(void)
{
    return (int64_t)time(NULL);
}
