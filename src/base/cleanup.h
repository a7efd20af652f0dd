/* SPDX-License-Identifier: Apache-2.0 */
/* Ownership by scope: what a local owns is released when it leaves scope. */
#pragma once
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

/* Unused: clang 14 warns of variables that are only released. */
#define _cleanup_(f) __attribute__((cleanup(f), unused))
#define must_use     __attribute__((warn_unused_result))

/* Gives a pointer away: the variable becomes NULL, the value is the result. */
#define TAKE_PTR(p)                                                                                          \
    ({                                                                                                       \
        __typeof__(p) taken_ = (p);                                                                          \
        (p) = NULL;                                                                                          \
        taken_;                                                                                              \
    })
#define TAKE_FD(fd)                                                                                          \
    ({                                                                                                       \
        int taken_ = (fd);                                                                                   \
        (fd) = -1;                                                                                           \
        taken_;                                                                                              \
    })

/* DEFINE_CLEANUP(Foo, foo_free) makes foo_freep() for `_cleanup_(foo_freep) Foo *foo = NULL;` */
#define DEFINE_CLEANUP(Type, func)                                                                           \
    static inline void func##p(Type **pointer)                                                               \
    {                                                                                                        \
        if (*pointer) (void)func(*pointer);                                                                  \
    }

static inline void freep(void *pointer)
{
    free(*(void **)pointer);
}
static inline void closep(int *fd)
{
    if (*fd >= 0) close(*fd);
}
#define ARRAY_SIZE(a)                       (sizeof(a) / sizeof((a)[0]))
#define container_of(pointer, Type, member) ((Type *)((char *)(pointer)-offsetof(Type, member)))
