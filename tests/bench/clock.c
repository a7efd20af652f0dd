/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"
#include <dirent.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void bench_die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("bench: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

void bench_pin(pid_t process)
{
    cpu_set_t allowed, one;
    int core = 0;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0) bench_die("sched_getaffinity: %m");
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &allowed)) core = i; /* the last: the first has the machine's interrupts */
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    if (!process) {
        if (sched_setaffinity(0, sizeof(one), &one) < 0) bench_die("sched_setaffinity: %m");
        return;
    }
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task", (int)process);
    DIR *tasks = opendir(path);
    if (!tasks) bench_die("%s: %m", path);
    for (struct dirent *entry; (entry = readdir(tasks));)
        if (entry->d_name[0] != '.' && sched_setaffinity(atoi(entry->d_name), sizeof(one), &one) < 0)
            bench_die("sched_setaffinity: %m");
    closedir(tasks);
}

static uint64_t read_clock(clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now) < 0) bench_die("clock_gettime: %m");
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t bench_cpu(pid_t other)
{
    clockid_t clock;
    if (other && clock_getcpuclockid(other, &clock) != 0) bench_die("process %d has gone", (int)other);
    return read_clock(CLOCK_PROCESS_CPUTIME_ID) + (other ? read_clock(clock) : 0);
}

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

double bench_median(const double *values, size_t count)
{
    double sorted[BENCH_ROUNDS];
    memcpy(sorted, values, count * sizeof(*values));
    qsort(sorted, count, sizeof(*sorted), compare);
    return sorted[count / 2];
}

pid_t bench_lab_process(const char *pid_file)
{
    char path[4096];
    int pid = 0;
    snprintf(path, sizeof(path), "%s/%s", getenv("MANTLE_LAB"), pid_file);
    FILE *file = fopen(path, "re");
    if (!file || fscanf(file, "%d", &pid) != 1) bench_die("%s: %m", path);
    fclose(file);
    return pid;
}

size_t bench_resident(void)
{
    unsigned long size, resident;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file || fscanf(file, "%lu %lu", &size, &resident) != 2) bench_die("/proc/self/statm: %m");
    fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}
