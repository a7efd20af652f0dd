/* SPDX-License-Identifier: Apache-2.0 */
/* The heap of waiting timers: the earliest deadline first. For io/loop.c, which locks it. */
#pragma once
#include "io/loop.h"

typedef struct Timers {
    IoTimer **heap;
    size_t count, capacity;
} Timers;

void timers_deinit(Timers *timers);
/* Puts it in, or moves it when it is there already (then 1). 0, 1, -ENOMEM (nothing changed). */
int timers_put(Timers *timers, IoTimer *timer, uint64_t deadline) must_use;
/* It must be there. */
void timers_remove(Timers *timers, IoTimer *timer);
/* The earliest deadline, or TIME_NEVER. */
uint64_t timers_first(const Timers *timers);
/* Takes the earliest out when its deadline is not after `now`; else NULL. */
IoTimer *timers_pop(Timers *timers, uint64_t now);
