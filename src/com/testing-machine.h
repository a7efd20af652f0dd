/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: a machine without security, in processes of their own: what mantled does, and a COM server. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct Machine {
    char folder[64];
    uint16_t port;         /* of the resolver */
    bool local;            /* calls within it are local ones, and secure; else nothing is */
    const char *authority; /* socket of mantle-authd; NULL: there is none */
    pid_t keeper;          /* of the resolver */
    int commands, report;
} Machine;

/* Before this process has threads; of `machine` only `local` and `authority` are looked at. Failures end the
 * test program. */
void machine_start(Machine *machine);
void machine_stop(Machine *machine);
/* Ends the resolver as a crash would, and starts another one on the same port. */
void machine_restart(Machine *machine);
/* Makes this process one of the machine: its configuration, before anything else of COM. */
void machine_enter(const Machine *machine);

/* Another process of the machine, which runs `serve` and ends when it is told to. */
typedef struct MachineProcess {
    pid_t pid;
    int pipe;
} MachineProcess;
/* `serve` registers what it serves; `leave` takes it back. Both 0 or the process fails. */
void machine_process_start(const Machine *machine, int (*serve)(void), int (*leave)(void),
                           MachineProcess *ret_process);
/* Its exit status: 0, also of the leak checker where there is one. */
int machine_process_stop(MachineProcess *process);
