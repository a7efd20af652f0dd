/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a process, puts its wall clock CLOCK_SKEW_SECONDS ahead (or behind). */
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* glibc's prototypes of these may carry attributes that a definition of ours need not repeat. */
#define EXPORT __attribute__((visibility("default")))

static time_t skew(void)
{
    const char *text = getenv("CLOCK_SKEW_SECONDS");

    return text ? atol(text) : 0;
}

EXPORT int clock_gettime(clockid_t clock, struct timespec *ret_now)
{
    long result = syscall(SYS_clock_gettime, clock, ret_now);

    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) ret_now->tv_sec += skew();
    return (int)result;
}

EXPORT int gettimeofday(struct timeval *restrict ret_now, void *restrict zone)
{
    struct timespec now;
    int result = clock_gettime(CLOCK_REALTIME, &now);

    *ret_now = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return result;
}

EXPORT time_t time(time_t *ret_now)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
    if (ret_now) *ret_now = now.tv_sec;
    return now.tv_sec;
}
