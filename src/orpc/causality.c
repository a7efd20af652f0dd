/* SPDX-License-Identifier: Apache-2.0 */
#include "orpc/causality.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include "base/hash.h"

typedef struct Chain {
    unsigned blocked;
} Chain;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static HashMap *chains; /* only those with a blocked call; NULL when there is none */

int causality_block(const Guid *causality)
{
    int r = 0;
    pthread_mutex_lock(&lock);
    if (!chains) r = hashmap_new(&chains);
    Chain *chain = r < 0 ? NULL : hashmap_get(chains, causality, sizeof(*causality));
    if (!chain && r == 0) {
        chain = calloc(1, sizeof(*chain));
        r = chain ? hashmap_put(chains, causality, sizeof(*causality), chain) : -ENOMEM;
        if (r < 0) free(chain);
    }
    if (r == 0) chain->blocked++;
    pthread_mutex_unlock(&lock);
    return r;
}

void causality_unblock(const Guid *causality)
{
    pthread_mutex_lock(&lock);
    Chain *chain = chains ? hashmap_get(chains, causality, sizeof(*causality)) : NULL;
    if (chain && --chain->blocked == 0) {
        free(hashmap_remove(chains, causality, sizeof(*causality)));
        if (hashmap_count(chains) == 0) chains = hashmap_free(chains);
    }
    pthread_mutex_unlock(&lock);
}

bool causality_is_blocked(const Guid *causality)
{
    pthread_mutex_lock(&lock);
    bool blocked = chains && hashmap_get(chains, causality, sizeof(*causality));
    pthread_mutex_unlock(&lock);
    return blocked;
}
