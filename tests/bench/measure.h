/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How everything here is measured: CPU time per operation, summed over all processes that take part, all of
 * them on one core. What is compared runs in turn, in rounds of some 15 ms each; the ratio is taken within
 * each round and the median of the rounds is what counts. Other people's work on the machine then moves both
 * sides or neither.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MEASURE_ROUNDS_MAX   101u
#define MEASURE_SUBJECTS_MAX 16u
#define MEASURE_PEERS_MAX    2u

/* Something that is measured. */
typedef struct Subject {
    void (*run)(void *data, unsigned count); /* does `count` operations */
    void *data;
    pid_t peers[MEASURE_PEERS_MAX]; /* other processes whose work counts; 0: none */
    unsigned count;                 /* operations of a round; 0: as many as fill it */
} Subject;

/* CPU microseconds of one operation, for each subject and round. */
typedef struct Measured {
    size_t rounds;
    double cost[MEASURE_SUBJECTS_MAX][MEASURE_ROUNDS_MAX];
} Measured;

/* Prints a sentence and ends the program. */
_Noreturn void measure_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Binds this process and all it will start to one core. */
void measure_pin_self(void);
/* Binds all threads of another process to the same core. */
void measure_pin(pid_t pid);
/* Binds all threads of other processes to another core than this one's; false when there is none. */
bool measure_pin_apart(const pid_t *pids, size_t count);
/* CPU nanoseconds that a process has used; 0 stands for this one. */
uint64_t measure_cpu(pid_t pid);
/* Runs all subjects in turn, `rounds` times after two that do not count. */
void measure(Subject *subjects, size_t count, size_t rounds, Measured *ret_measured);
/* The same in wall-clock time: microseconds of this process's life for each operation. Only for what has a
 * core of its own, and only on a machine where nobody else works. */
void measure_wall(Subject *subjects, size_t count, size_t rounds, Measured *ret_measured);
/* How many others want a core at this moment, averaged over the last minute. */
double measure_load(void);
double measure_median(const double *values, size_t count);
/* Median cost of a subject, in microseconds. */
double measure_cost(const Measured *measured, size_t subject);
/* Median of cost / cost of `anchor` in the same round. */
double measure_ratio(const Measured *measured, size_t subject, size_t anchor);
/* Bytes of memory that this process has. */
size_t measure_resident(void);
/* Bytes that this process has sent and received by TCP, over its open sockets. */
typedef struct WireBytes {
    uint64_t sent, received;
} WireBytes;
WireBytes measure_wire(void);
