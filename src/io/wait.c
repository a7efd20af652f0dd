/* SPDX-License-Identifier: Apache-2.0 */
#include "io/wait.h"
#include <errno.h>
#include "base/time.h"

static int wait_for(struct pollfd *fds, unsigned count, uint64_t deadline)
{
    if (count == 0 && deadline == TIME_NEVER) return -EINVAL;
    for (;;) {
        int timeout = time_poll_timeout(deadline);
        int ready = poll(fds, count, timeout);
        if (ready < 0 && errno != EINTR) return -errno;
        if (ready > 0) break;
        if (ready == 0 && timeout == 0) return -ETIMEDOUT;
        /* interrupted, or a wait longer than one poll() can be: the deadline decides */
    }
    for (unsigned i = 0; i < count; i++)
        if (fds[i].revents & POLLNVAL) return -EBADF;
    return 0;
}

int io_wait(const IoWait *wait)
{
    struct pollfd fd = {.fd = wait->fd, .events = wait->events};
    return wait_for(&fd, wait->fd >= 0, wait->deadline);
}

void io_wait_set_init(IoWaitSet *set)
{
    *set = (IoWaitSet){.deadline = TIME_NEVER};
}

static struct pollfd *wait_set_find(IoWaitSet *set, int fd)
{
    for (unsigned i = 0; i < set->count; i++)
        if (set->fds[i].fd == fd) return &set->fds[i];
    return NULL;
}

int io_wait_set_add(IoWaitSet *set, const IoWait *wait)
{
    if (wait->fd >= 0) {
        struct pollfd *slot = wait_set_find(set, wait->fd);
        if (!slot) {
            if (set->count == IO_WAIT_MAX) return -ENOSPC;
            slot = &set->fds[set->count++];
            *slot = (struct pollfd){.fd = wait->fd};
        }
        slot->events |= wait->events;
    }
    if (wait->deadline < set->deadline) set->deadline = wait->deadline;
    return 0;
}

int io_wait_set(IoWaitSet *set)
{
    return wait_for(set->fds, set->count, set->deadline);
}

short io_wait_set_ready(const IoWaitSet *set, int fd)
{
    struct pollfd *slot = wait_set_find((IoWaitSet *)set, fd);
    return slot ? slot->revents : 0;
}
