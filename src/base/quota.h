/* SPDX-License-Identifier: Apache-2.0 */
/* A quota: how much of something a peer may make us hold. Thread-safe. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct Quota {
    atomic_size_t used;
    size_t limit;
} Quota;

static inline void quota_init(Quota *quota, size_t limit)
{
    atomic_init(&quota->used, 0);
    quota->limit = limit;
}
/* Takes `amount`; false and nothing taken when that would pass the limit. */
bool quota_charge(Quota *quota, size_t amount);
void quota_release(Quota *quota, size_t amount);
