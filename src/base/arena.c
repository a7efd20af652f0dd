/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks come zeroed from calloc(), and a block remembers how far it was ever used (`dirty`), so a piece is
 * cleared again only where a former life left something. Under AddressSanitizer every piece is followed by
 * poisoned bytes.
 */
#include "base/arena.h"
#include <stdint.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define ARENA_GAP               16u
#define arena_poison(p, size)   ASAN_POISON_MEMORY_REGION(p, size)
#define arena_unpoison(p, size) ASAN_UNPOISON_MEMORY_REGION(p, size)
#else
#define ARENA_GAP               0u
#define arena_poison(p, size)   ((void)(p))
#define arena_unpoison(p, size) ((void)(p))
#endif

#define ARENA_ALIGNMENT 16u
#define BLOCK_SIZE_MIN  4096u
#define BLOCK_SIZE_MAX  65536u /* blocks grow to this; larger pieces get a block of their own */

struct ArenaBlock {
    ArenaBlock *next;
    size_t size, used, dirty;
    _Alignas(ARENA_ALIGNMENT) uint8_t data[];
};

void arena_init(Arena *arena, size_t budget)
{
    *arena = (Arena){.budget = budget};
}

static ArenaBlock *block_new(Arena *arena, size_t needed)
{
    size_t size = arena->blocks ? arena->blocks->size : BLOCK_SIZE_MIN / 2;
    size = size >= BLOCK_SIZE_MAX / 2 ? BLOCK_SIZE_MAX : size * 2;
    if (size < needed) size = needed;
    ArenaBlock *block = calloc(1, sizeof(*block) + size);
    if (!block) return NULL;
    block->size = size;
    arena_poison(block->data, size);
    if (arena->blocks && size == needed && arena->blocks->size - arena->blocks->used > 0) {
        /* a piece with a block of its own: the half-used block in front stays in use */
        block->next = arena->blocks->next;
        arena->blocks->next = block;
    } else {
        block->next = arena->blocks;
        arena->blocks = block;
    }
    return block;
}

void *arena_alloc(Arena *arena, size_t size)
{
    if (size > ARENA_PIECE_MAX) return NULL;
    size_t rounded = size ? (size + ARENA_ALIGNMENT - 1) & ~(size_t)(ARENA_ALIGNMENT - 1) : ARENA_ALIGNMENT;
    if (rounded > SIZE_MAX - arena->used) return NULL;
    if (arena->budget && rounded > arena->budget - arena->used) return NULL;
    ArenaBlock *block = arena->blocks;
    if (!block || rounded + ARENA_GAP > block->size - block->used) {
        block = block_new(arena, rounded + ARENA_GAP);
        if (!block) return NULL;
    }
    uint8_t *piece = block->data + block->used;
    arena_unpoison(piece, size);
    if (block->used < block->dirty) {
        size_t stale = block->dirty - block->used;
        memset(piece, 0, stale < size ? stale : size);
    }
    block->used += rounded + ARENA_GAP;
    arena->used += rounded;
    return piece;
}

void *arena_dup(Arena *arena, const void *data, size_t size)
{
    void *copy = arena_alloc(arena, size);
    if (copy && size > 0) memcpy(copy, data, size);
    return copy;
}

static void block_free(ArenaBlock *block)
{
    arena_unpoison(block->data, block->size);
    free(block);
}

void arena_reset(Arena *arena, size_t budget)
{
    ArenaBlock *kept = NULL;
    for (ArenaBlock *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        if (block->size > BLOCK_SIZE_MAX || (kept && kept->size >= block->size)) {
            block_free(block);
            continue;
        }
        if (kept) block_free(kept);
        kept = block;
    }
    if (kept) {
        if (kept->used > kept->dirty) kept->dirty = kept->used;
        kept->used = 0;
        kept->next = NULL;
        arena_poison(kept->data, kept->size);
    }
    *arena = (Arena){.blocks = kept, .budget = budget};
}

void arena_deinit(Arena *arena)
{
    for (ArenaBlock *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        block_free(block);
    }
    *arena = (Arena){.budget = arena->budget};
}
