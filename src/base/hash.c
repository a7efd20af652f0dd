/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open addressing with linear probing. A slot is never moved by a removal (that leaves a tombstone, or
 * nothing where no probe can pass), which is what lets a walk remove entries; only hashmap_put() rebuilds the
 * table. Keys of up to KEY_INLINE bytes (a GUID, an OID, a pointer) live in the slot.
 */
#include "base/hash.h"
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>

#define KEY_INLINE 16u
#define SLOTS_MIN  16u

typedef struct HashSlot {
    void *value; /* NULL: never used, &tombstone: removed */
    uint64_t hash;
    size_t length;
    union {
        uint8_t bytes[KEY_INLINE];
        uint8_t *pointer;
    } key;
} HashSlot;

struct HashMap {
    HashSlot *slots;
    size_t mask;  /* slots - 1, slots a power of two; 0 when there are none yet */
    size_t count; /* entries */
    size_t taken; /* entries and tombstones */
};

static char tombstone;

static uint64_t process_key[2];
static pthread_once_t process_key_once = PTHREAD_ONCE_INIT;

static void process_key_init(void)
{
    if (getrandom(process_key, sizeof(process_key), 0) == sizeof(process_key)) return;
    /* no getrandom() here (a sandbox): the kernel gave every process 16 random bytes when it started */
    memcpy(process_key, (const void *)getauxval(AT_RANDOM), sizeof(process_key));
}

#define ROTL(x, b) ((x) << (b) | (x) >> (64 - (b)))
#define SIP_ROUND(v0, v1, v2, v3)                                                                            \
    do {                                                                                                     \
        v0 += v1, v1 = ROTL(v1, 13) ^ v0, v0 = ROTL(v0, 32);                                                 \
        v2 += v3, v3 = ROTL(v3, 16) ^ v2;                                                                    \
        v0 += v3, v3 = ROTL(v3, 21) ^ v0;                                                                    \
        v2 += v1, v1 = ROTL(v1, 17) ^ v2, v2 = ROTL(v2, 32);                                                 \
    } while (0)

uint64_t hash_siphash(const uint64_t key[2], const void *data, size_t length)
{
    uint64_t v0 = key[0] ^ 0x736f6d6570736575ull, v1 = key[1] ^ 0x646f72616e646f6dull;
    uint64_t v2 = key[0] ^ 0x6c7967656e657261ull, v3 = key[1] ^ 0x7465646279746573ull, m;
    const uint8_t *p = data;
    for (size_t left = length; left >= 8; left -= 8, p += 8) {
        memcpy(&m, p, 8);
        m = le64toh(m);
        v3 ^= m;
        SIP_ROUND(v0, v1, v2, v3);
        SIP_ROUND(v0, v1, v2, v3);
        v0 ^= m;
    }
    m = (uint64_t)length << 56;
    for (size_t i = 0; i < (length & 7); i++)
        m |= (uint64_t)p[i] << (8 * i);
    v3 ^= m;
    SIP_ROUND(v0, v1, v2, v3);
    SIP_ROUND(v0, v1, v2, v3);
    v0 ^= m;
    v2 ^= 0xff;
    for (int i = 0; i < 4; i++)
        SIP_ROUND(v0, v1, v2, v3);
    return v0 ^ v1 ^ v2 ^ v3;
}

uint64_t hash_bytes(const void *data, size_t length)
{
    (void)pthread_once(&process_key_once, process_key_init);
    return hash_siphash(process_key, data, length);
}

int hashmap_new(HashMap **ret_map)
{
    HashMap *map = calloc(1, sizeof(*map));
    if (!map) return -ENOMEM;
    *ret_map = map;
    return 0;
}

static inline bool slot_is_live(const HashSlot *slot)
{
    return slot->value && slot->value != &tombstone;
}

static inline const uint8_t *slot_key(const HashSlot *slot)
{
    return slot->length > KEY_INLINE ? slot->key.pointer : slot->key.bytes;
}

static inline void slot_clear_key(HashSlot *slot)
{
    if (slot->length > KEY_INLINE) free(slot->key.pointer);
    slot->length = 0;
}

HashMap *hashmap_free(HashMap *map)
{
    if (!map) return NULL;
    for (size_t i = 0; map->slots && i <= map->mask; i++)
        if (slot_is_live(&map->slots[i])) slot_clear_key(&map->slots[i]);
    free(map->slots);
    free(map);
    return NULL;
}

size_t hashmap_count(const HashMap *map)
{
    return map->count;
}

static HashSlot *hashmap_find(const HashMap *map, uint64_t hash, const void *key, size_t length)
{
    if (!map->slots) return NULL;
    for (size_t i = hash & map->mask;; i = (i + 1) & map->mask) {
        HashSlot *slot = &map->slots[i];
        if (!slot->value) return NULL; /* there is always one: `taken` stays below 3/4 */
        if (slot->hash == hash && slot->length == length && slot_is_live(slot) &&
            (length == 0 || memcmp(slot_key(slot), key, length) == 0))
            return slot;
    }
}

void *hashmap_get(const HashMap *map, const void *key, size_t length)
{
    HashSlot *slot = hashmap_find(map, hash_bytes(key, length), key, length);
    return slot ? slot->value : NULL;
}

/* Makes room for one more: a table with at most half of its slots in use and no tombstone. */
static int hashmap_make_room(HashMap *map)
{
    size_t size = map->slots ? map->mask + 1 : 0;
    if (map->taken + 1 <= size / 4 * 3) return 0;
    size_t new_size = SLOTS_MIN;
    while (new_size / 2 < map->count + 1)
        new_size *= 2;
    HashSlot *slots = calloc(new_size, sizeof(*slots));
    if (!slots) return -ENOMEM;
    for (size_t i = 0; i < size; i++) {
        if (!slot_is_live(&map->slots[i])) continue;
        size_t j = map->slots[i].hash & (new_size - 1);
        while (slots[j].value)
            j = (j + 1) & (new_size - 1);
        slots[j] = map->slots[i];
    }
    free(map->slots);
    map->slots = slots;
    map->mask = new_size - 1;
    map->taken = map->count;
    return 0;
}

int hashmap_put(HashMap *map, const void *key, size_t length, void *value)
{
    assert(value);
    uint64_t hash = hash_bytes(key, length);
    if (hashmap_find(map, hash, key, length)) return -EEXIST;
    int r = hashmap_make_room(map);
    if (r < 0) return r;
    uint8_t *copy = NULL;
    if (length > KEY_INLINE) {
        copy = malloc(length);
        if (!copy) return -ENOMEM;
        memcpy(copy, key, length);
    }
    size_t i = hash & map->mask;
    while (slot_is_live(&map->slots[i]))
        i = (i + 1) & map->mask;
    HashSlot *slot = &map->slots[i];
    if (!slot->value) map->taken++;
    map->count++;
    *slot = (HashSlot){.value = value, .hash = hash, .length = length};
    if (copy)
        slot->key.pointer = copy;
    else if (length > 0)
        memcpy(slot->key.bytes, key, length);
    return 0;
}

void *hashmap_remove(HashMap *map, const void *key, size_t length)
{
    HashSlot *slot = hashmap_find(map, hash_bytes(key, length), key, length);
    if (!slot) return NULL;
    void *value = slot->value;
    slot_clear_key(slot);
    slot->value = &tombstone;
    map->count--;
    /* no probe passes a slot whose follower was never used: it and the tombstones before it become free again
     */
    size_t i = (size_t)(slot - map->slots);
    if (map->slots[(i + 1) & map->mask].value) return value;
    for (; map->slots[i].value == &tombstone; i = (i - 1) & map->mask) {
        map->slots[i].value = NULL;
        map->taken--;
    }
    return value;
}

void *hashmap_next(const HashMap *map, HashIterator *iterator)
{
    while (map->slots && iterator->slot <= map->mask) {
        HashSlot *slot = &map->slots[iterator->slot++];
        if (slot_is_live(slot)) return slot->value;
    }
    return NULL;
}
