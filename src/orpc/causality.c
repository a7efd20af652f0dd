/* SPDX-License-Identifier: Apache-2.0 */
#include "orpc/causality.h"
#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static List blocks = {&blocks, &blocks};

void causality_block(CausalityBlock *block, const Guid *causality)
{
    block->causality = *causality;
    pthread_mutex_lock(&lock);
    list_append(&blocks, &block->link);
    pthread_mutex_unlock(&lock);
}

void causality_unblock(CausalityBlock *block)
{
    pthread_mutex_lock(&lock);
    list_remove(&block->link);
    pthread_mutex_unlock(&lock);
}

bool causality_is_blocked(const Guid *causality)
{
    bool blocked = false;
    pthread_mutex_lock(&lock);
    list_each(item, &blocks)
    {
        blocked = guid_equal(&container_of(item, CausalityBlock, link)->causality, causality);
        if (blocked) break;
    }
    pthread_mutex_unlock(&lock);
    return blocked;
}
