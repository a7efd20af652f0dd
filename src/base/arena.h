/* SPDX-License-Identifier: Apache-2.0 */
/* An arena: memory that lives until the arena is reset. Zeroed, 16-aligned, charged to a budget. */
#pragma once
#include <stddef.h>
#include "base/cleanup.h"

#define ARENA_PIECE_MAX ((size_t)256 * 1024 * 1024)

typedef struct ArenaBlock ArenaBlock;
typedef struct Arena {
    ArenaBlock *blocks;
    size_t used;   /* bytes handed out since the last reset, each piece rounded up to 16 */
    size_t budget; /* most bytes that may be handed out; 0: no limit */
} Arena;

void arena_init(Arena *arena, size_t budget);
/* Zeroed memory, or NULL (budget or system exhausted, or more than ARENA_PIECE_MAX). A size of 0 gives a
 * valid pointer. */
void *arena_alloc(Arena *arena, size_t size);
void *arena_dup(Arena *arena, const void *data, size_t size);
/* Forgets everything handed out, keeps one block for the next use. */
void arena_reset(Arena *arena, size_t budget);
void arena_deinit(Arena *arena);
