/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory by handle. A handle points behind its header: for GMEM_FIXED at the block itself, which may follow
 * the header because it does not move; for GMEM_MOVEABLE at nothing, and the block lies elsewhere.
 */
#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "winbase.h"
#include "winerror.h"

typedef struct GlobalBlock {
    alignas(16) void *data; /* of a moveable block */
    size_t size;
    uint32_t flags;
    uint32_t locks;
} GlobalBlock;

static GlobalBlock *block_of(HGLOBAL handle)
{
    return (GlobalBlock *)handle - 1;
}

static HGLOBAL handle_of(GlobalBlock *block)
{
    return block + 1;
}

static void *out_of_memory(void)
{
    SetLastError(ERROR_NOT_ENOUGH_MEMORY);
    return NULL;
}

HGLOBAL GlobalAlloc(UINT uFlags, SIZE_T dwBytes)
{
    bool moveable = uFlags & GMEM_MOVEABLE;
    size_t inlined = moveable ? 0 : dwBytes;
    GlobalBlock *block;

    if (uFlags & ~(UINT)GHND) {
        SetLastError(ERROR_INVALID_PARAMETER);
        return NULL;
    }
    if (dwBytes > PTRDIFF_MAX - sizeof(*block)) return out_of_memory();
    /* Always zeroed: memory that reaches a stream must not carry what was there before. */
    block = calloc(1, sizeof(*block) + inlined);
    if (!block) return out_of_memory();
    block->size = dwBytes;
    block->flags = uFlags;
    if (moveable) block->data = calloc(1, dwBytes ? dwBytes : 1);
    if (moveable && !block->data) {
        free(block);
        return out_of_memory();
    }
    return handle_of(block);
}

static HGLOBAL fixed_resize(GlobalBlock *block, size_t size, UINT flags)
{
    GlobalBlock *bigger;

    if (size <= block->size) {
        block->size = size;
        return handle_of(block);
    }
    if (!(flags & GMEM_MOVEABLE)) return out_of_memory();
    bigger = realloc(block, sizeof(*block) + size);
    if (!bigger) return out_of_memory();
    memset((uint8_t *)handle_of(bigger) + bigger->size, 0, size - bigger->size);
    bigger->size = size;
    return handle_of(bigger);
}

HGLOBAL GlobalReAlloc(HGLOBAL hMem, SIZE_T dwBytes, UINT uFlags)
{
    GlobalBlock *block;
    uint8_t *data;

    if (!hMem) {
        SetLastError(ERROR_INVALID_HANDLE);
        return NULL;
    }
    if (dwBytes > PTRDIFF_MAX - sizeof(*block)) return out_of_memory();
    block = block_of(hMem);
    if (!(block->flags & GMEM_MOVEABLE)) return fixed_resize(block, dwBytes, uFlags);
    data = realloc(block->data, dwBytes ? dwBytes : 1);
    if (!data) return out_of_memory();
    if (dwBytes > block->size) memset(data + block->size, 0, dwBytes - block->size);
    block->data = data;
    block->size = dwBytes;
    return hMem;
}

LPVOID GlobalLock(HGLOBAL hMem)
{
    GlobalBlock *block;

    if (!hMem) {
        SetLastError(ERROR_INVALID_HANDLE);
        return NULL;
    }
    block = block_of(hMem);
    if (!(block->flags & GMEM_MOVEABLE)) return hMem;
    block->locks++;
    return block->data;
}

BOOL GlobalUnlock(HGLOBAL hMem)
{
    GlobalBlock *block;

    if (!hMem) {
        SetLastError(ERROR_INVALID_HANDLE);
        return FALSE;
    }
    block = block_of(hMem);
    if (!(block->flags & GMEM_MOVEABLE)) return TRUE;
    if (!block->locks) {
        SetLastError(ERROR_NOT_LOCKED);
        return FALSE;
    }
    block->locks--;
    if (!block->locks) SetLastError(NO_ERROR);
    return block->locks > 0;
}

SIZE_T GlobalSize(HGLOBAL hMem)
{
    if (!hMem) {
        SetLastError(ERROR_INVALID_HANDLE);
        return 0;
    }
    return block_of(hMem)->size;
}

HGLOBAL GlobalFree(HGLOBAL hMem)
{
    GlobalBlock *block;

    if (!hMem) return NULL;
    block = block_of(hMem);
    free(block->data);
    free(block);
    return NULL;
}

HGLOBAL LocalFree(HGLOBAL hMem)
{
    return GlobalFree(hMem);
}
