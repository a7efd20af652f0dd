/* SPDX-License-Identifier: Apache-2.0 */
/* A hash map from a byte string to a pointer, keyed by a random SipHash-2-4 key, so strangers cannot choose
 * collisions. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"

typedef struct HashMap HashMap;
/* Starts as {0}. */
typedef struct HashIterator {
    size_t slot;
} HashIterator;

int hashmap_new(HashMap **ret_map) must_use;
/* Frees the map and its key copies, not the values. */
HashMap *hashmap_free(HashMap *map);
DEFINE_CLEANUP(HashMap, hashmap_free)
size_t hashmap_count(const HashMap *map);
void *hashmap_get(const HashMap *map, const void *key, size_t length);
/* Copies the key; `value` is not NULL. 0, -EEXIST (nothing changed), -ENOMEM. */
int hashmap_put(HashMap *map, const void *key, size_t length, void *value) must_use;
/* The value that was removed, or NULL. */
void *hashmap_remove(HashMap *map, const void *key, size_t length);
/* Walks all values; the map may lose the current entry during the walk but gain none. NULL at the end. */
void *hashmap_next(const HashMap *map, HashIterator *iterator);
/* SipHash-2-4 of `data` under the process's random key. */
uint64_t hash_bytes(const void *data, size_t length);
/* The same under a key of the caller's. */
uint64_t hash_siphash(const uint64_t key[2], const void *data, size_t length);
