/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/measure.h"
#include <dirent.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ROUND_NS      15000000u
#define WARM_UP       2u
#define CALIBRATION   16u /* operations that tell how many fill a round */
#define TASK_PATH_MAX 64u

static int core = -1;
static cpu_set_t allowed; /* before anything was bound */
static bool by_wall;

void measure_fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)fputs("bench: ", stderr);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

/* Cores */

static void bind_thread(pid_t thread, const cpu_set_t *cores)
{
    if (sched_setaffinity(thread, sizeof(*cores), cores) < 0) measure_fail("cannot bind to a core: %m");
}

static cpu_set_t one_core(void)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(core, &set);
    return set;
}

/* The last core that may be used: the first has the machine's interrupts. */
void measure_pin_self(void)
{
    if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0) measure_fail("which cores may be used? %m");
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &allowed)) core = i;
    const cpu_set_t one = one_core();
    bind_thread(0, &one);
}

static void bind_process(pid_t pid, const cpu_set_t *cores)
{
    char path[TASK_PATH_MAX];

    (void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    if (!tasks) measure_fail("%s: %m", path);
    for (struct dirent *entry; (entry = readdir(tasks));)
        if (entry->d_name[0] != '.') bind_thread((pid_t)atoi(entry->d_name), cores);
    closedir(tasks);
}

void measure_pin(pid_t pid)
{
    const cpu_set_t one = one_core();

    bind_process(pid, &one);
}

bool measure_pin_apart(const pid_t *pids, size_t count)
{
    cpu_set_t others = allowed;

    CPU_CLR(core, &others);
    if (CPU_COUNT(&others) == 0) return false;
    for (size_t i = 0; i < count; i++)
        bind_process(pids[i], &others);
    return true;
}

double measure_load(void)
{
    double load = 0;

    if (getloadavg(&load, 1) != 1) measure_fail("no load average");
    return load;
}

/* Time */

uint64_t measure_cpu(pid_t pid)
{
    clockid_t clock = CLOCK_PROCESS_CPUTIME_ID;
    struct timespec now;

    if ((pid && clock_getcpuclockid(pid, &clock) != 0) || clock_gettime(clock, &now) < 0)
        measure_fail("process %d is gone", (int)pid);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t wall(void)
{
    struct timespec now;

    if (clock_gettime(CLOCK_MONOTONIC, &now) < 0) measure_fail("no clock: %m");
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t time_of_all(const Subject *subject)
{
    if (by_wall) return wall();
    uint64_t sum = measure_cpu(0);

    for (size_t i = 0; i < MEASURE_PEERS_MAX; i++)
        if (subject->peers[i]) sum += measure_cpu(subject->peers[i]);
    return sum;
}

/* Nanoseconds of all processes for `count` operations. */
static uint64_t time_run(const Subject *subject, unsigned count)
{
    const uint64_t before = time_of_all(subject);

    subject->run(subject->data, count);
    return time_of_all(subject) - before;
}

static void calibrate(Subject *subject)
{
    uint64_t each;

    if (subject->count) return;
    (void)time_run(subject, CALIBRATION); /* makes connections, contexts, warm caches */
    each = time_run(subject, CALIBRATION) / CALIBRATION;
    subject->count = each && each < ROUND_NS ? (unsigned)(ROUND_NS / each) : 1;
}

void measure(Subject *subjects, size_t count, size_t rounds, Measured *ret_measured)
{
    if (count > MEASURE_SUBJECTS_MAX || rounds > MEASURE_ROUNDS_MAX) measure_fail("too much to measure");
    ret_measured->rounds = rounds;
    for (size_t i = 0; i < count; i++)
        calibrate(&subjects[i]);
    for (size_t round = 0; round < rounds + WARM_UP; round++)
        for (size_t i = 0; i < count; i++) {
            const uint64_t used = time_run(&subjects[i], subjects[i].count);
            if (round >= WARM_UP)
                ret_measured->cost[i][round - WARM_UP] = (double)used / 1e3 / subjects[i].count;
        }
}

void measure_wall(Subject *subjects, size_t count, size_t rounds, Measured *ret_measured)
{
    by_wall = true;
    measure(subjects, count, rounds, ret_measured);
    by_wall = false;
}

/* Memory */

size_t measure_resident(void)
{
    unsigned long size, resident;
    FILE *file = fopen("/proc/self/statm", "re");

    if (!file || fscanf(file, "%lu %lu", &size, &resident) != 2) measure_fail("/proc/self/statm: %m");
    fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* Numbers */

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double measure_median(const double *values, size_t count)
{
    double sorted[MEASURE_ROUNDS_MAX];

    memcpy(sorted, values, count * sizeof(*values));
    qsort(sorted, count, sizeof(*sorted), compare);
    return count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

double measure_cost(const Measured *measured, size_t subject)
{
    return measure_median(measured->cost[subject], measured->rounds);
}

double measure_ratio(const Measured *measured, size_t subject, size_t anchor)
{
    double ratios[MEASURE_ROUNDS_MAX];

    for (size_t i = 0; i < measured->rounds; i++)
        ratios[i] = measured->cost[subject][i] / measured->cost[anchor][i];
    return measure_median(ratios, measured->rounds);
}
