/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measuring: CPU time of both ends of a call, on one pinned core, variants interleaved in short rounds,
 * ratios taken in each round, the median quoted. On one core this equals the round trip on a quiet machine,
 * but does not move when other people use it.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BENCH_ROUNDS 31
#define BENCH_WARMUP 2

/* Says what failed and ends the program: a bench that cannot measure has nothing to print. */
_Noreturn void bench_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* clock.c */
/* Puts this process, or all threads of another, on the bench's one core. */
void bench_pin(pid_t process);
/* CPU time in ns that this process and `other` (0: none) have used so far. */
uint64_t bench_cpu(pid_t other);
double bench_median(const double *values, size_t count);
/* The process a pid file of the lab names. */
pid_t bench_lab_process(const char *pid_file);

/* report.c: prints a row when it is made; writes all of them at the end. */
typedef struct BenchRow {
    int id; /* of the goal */
    const char *name;
    double limit; /* what the physical limit or the peer reaches, in the unit of `value` */
    double value, goal;
    bool higher; /* is better */
} BenchRow;
void bench_report(const BenchRow *row);
void bench_report_write(const char *path);

/* echo.c: the physical limit: the same sealed bytes over TCP, without anything else. */
typedef struct BenchEcho BenchEcho;
/* A request of `request` and an answer of `response` stub bytes (multiples of 16); a request_header of 24, or
 * 40 with an object UUID. */
BenchEcho *bench_echo_new(size_t request_header, size_t request, size_t response);
void bench_echo_call(BenchEcho *echo);
/* Sends fragments of the request's size one after the other; returns when the other end has unsealed all of
 * them. */
void bench_echo_stream(BenchEcho *echo, unsigned fragments);
pid_t bench_echo_process(const BenchEcho *echo);
BenchEcho *bench_echo_free(BenchEcho *echo);

/* calls.c: goals 1, 2, 5, 6. contexts.c: goals 15, 17. */
void bench_calls(void);
void bench_contexts(void);

/* mit.c: what MIT's GSS library keeps for `count` contexts, both ends, in bytes of RSS per context. */
double bench_mit_context_bytes(unsigned count);
/* Growth of this process's RSS, in bytes. */
size_t bench_resident(void);
