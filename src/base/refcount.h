/* SPDX-License-Identifier: Apache-2.0 */
/* An atomic reference count. */
#pragma once
#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>

typedef struct RefCount {
    atomic_uint count;
} RefCount;

static inline void refcount_init(RefCount *refs)
{
    atomic_init(&refs->count, 1);
}
static inline void refcount_ref(RefCount *refs)
{
    unsigned before = atomic_fetch_add_explicit(&refs->count, 1, memory_order_relaxed);
    assert(before > 0);
    (void)before;
}
/* True when this was the last reference. */
static inline bool refcount_unref(RefCount *refs)
{
    unsigned before = atomic_fetch_sub_explicit(&refs->count, 1, memory_order_acq_rel);
    assert(before > 0);
    return before == 1;
}
