/* SPDX-License-Identifier: Apache-2.0 */
#include "io/timers.h"
#include <errno.h>

/* A timer knows its place, counted from 1, so that it can be moved and removed without a search. */

static void place(Timers *timers, size_t i, IoTimer *timer)
{
    timers->heap[i] = timer;
    timer->index = i + 1;
}

static void sift_up(Timers *timers, size_t i)
{
    IoTimer *timer = timers->heap[i];
    for (size_t parent; i > 0; i = parent) {
        parent = (i - 1) / 2;
        if (timers->heap[parent]->deadline <= timer->deadline) break;
        place(timers, i, timers->heap[parent]);
    }
    place(timers, i, timer);
}

static void sift_down(Timers *timers, size_t i)
{
    IoTimer *timer = timers->heap[i];
    for (size_t child; (child = 2 * i + 1) < timers->count; i = child) {
        if (child + 1 < timers->count && timers->heap[child + 1]->deadline < timers->heap[child]->deadline)
            child++;
        if (timer->deadline <= timers->heap[child]->deadline) break;
        place(timers, i, timers->heap[child]);
    }
    place(timers, i, timer);
}

void timers_deinit(Timers *timers)
{
    free(timers->heap);
    *timers = (Timers){0};
}

int timers_put(Timers *timers, IoTimer *timer, uint64_t deadline)
{
    if (timer->index != 0) {
        timer->deadline = deadline;
        sift_up(timers, timer->index - 1);
        sift_down(timers, timer->index - 1);
        return 1;
    }
    if (timers->count == timers->capacity) {
        size_t capacity = timers->capacity ? timers->capacity * 2 : 64;
        IoTimer **heap = reallocarray(timers->heap, capacity, sizeof(IoTimer *));
        if (!heap) return -ENOMEM;
        timers->heap = heap;
        timers->capacity = capacity;
    }
    timer->deadline = deadline;
    timers->heap[timers->count] = timer;
    sift_up(timers, timers->count++);
    return 0;
}

void timers_remove(Timers *timers, IoTimer *timer)
{
    size_t i = timer->index - 1;
    IoTimer *last = timers->heap[--timers->count];
    timer->index = 0;
    if (last == timer) return;
    place(timers, i, last);
    sift_up(timers, i);
    sift_down(timers, last->index - 1);
}

uint64_t timers_first(const Timers *timers)
{
    return timers->count > 0 ? timers->heap[0]->deadline : TIME_NEVER;
}

IoTimer *timers_pop(Timers *timers, uint64_t now)
{
    if (timers->count == 0 || timers->heap[0]->deadline > now) return NULL;
    IoTimer *timer = timers->heap[0];
    timers_remove(timers, timer);
    return timer;
}
