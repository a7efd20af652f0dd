/* SPDX-License-Identifier: Apache-2.0 */
#include "base/quota.h"
#include <assert.h>

bool quota_charge(Quota *quota, size_t amount)
{
    size_t used = atomic_load_explicit(&quota->used, memory_order_relaxed);
    do {
        if (used > quota->limit || amount > quota->limit - used) return false;
    } while (!atomic_compare_exchange_weak_explicit(&quota->used, &used, used + amount, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

void quota_release(Quota *quota, size_t amount)
{
    size_t before = atomic_fetch_sub_explicit(&quota->used, amount, memory_order_relaxed);
    assert(before >= amount);
    (void)before;
}
