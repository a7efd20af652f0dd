/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into smbtorture, whose tests of activation (4.17: rpc.remact, rpc.oxidresolve) give a variable on
 * the stack as the place for the interface pointers of an answer, below which its NDR code then allocates:
 * any server that returns one makes talloc panic. Here memory whose parent lies on the stack has no parent.
 * What is sent and what is compared stays as it is.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *talloc_named_const(const void *parent, size_t size, const char *name);

/* Looked up once: for the first thread that means reading /proc. */
static bool is_on_stack(const void *where)
{
    static _Thread_local uintptr_t lowest;
    static _Thread_local size_t size;
    pthread_attr_t attributes;
    void *start;
    if (!size && pthread_getattr_np(pthread_self(), &attributes) == 0) {
        if (pthread_attr_getstack(&attributes, &start, &size) == 0) lowest = (uintptr_t)start;
        pthread_attr_destroy(&attributes);
    }
    return (uintptr_t)where - lowest < size;
}

__attribute__((visibility("default"))) void *talloc_named_const(const void *parent, size_t size,
                                                                const char *name)
{
    static void *(*next)(const void *, size_t, const char *);
    if (!next) *(void **)&next = dlsym(RTLD_NEXT, "talloc_named_const");
    return next(is_on_stack(parent) ? NULL : parent, size, name);
}
