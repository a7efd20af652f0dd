/* SPDX-License-Identifier: Apache-2.0 */
/* The table behind HANDLEs. */
#include "com/handle.h"
#include <pthread.h>
#include "errhandlingapi.h"
#include "handleapi.h"
#include "processthreadsapi.h"
#include "winerror.h"

#define HANDLE_SHIFT      2 /* the low bits of a handle are zero, as on Windows */
#define HANDLE_INDEX_BITS 24
#define HANDLES_FIRST     16u
#define PSEUDO_PROCESS    ((HANDLE)(intptr_t)-1)
#define PSEUDO_THREAD     ((HANDLE)(intptr_t)-2)

typedef struct HandleEntry {
    Token *token; /* NULL: free */
    DWORD access;
    uint32_t generation;
    uint32_t next_free; /* index + 1 */
} HandleEntry;

static struct {
    pthread_mutex_t lock;
    HandleEntry *entries;
    uint32_t count, capacity;
    uint32_t free_first; /* index + 1 */
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool table_grow(void)
{
    uint32_t capacity = table.capacity ? table.capacity * 2 : HANDLES_FIRST;
    HandleEntry *entries;

    if (table.capacity >= HANDLES_MAX) return false;
    entries = realloc(table.entries, capacity * sizeof(*entries));
    if (!entries) return false;
    table.entries = entries;
    table.capacity = capacity;
    return true;
}

static HANDLE handle_encode(uint32_t index)
{
    uintptr_t value = (uintptr_t)table.entries[index].generation << HANDLE_INDEX_BITS | (index + 1);

    return (HANDLE)(value << HANDLE_SHIFT);
}

/* With the lock held; NULL when there is no such handle. */
static HandleEntry *handle_find(HANDLE handle, uint32_t *ret_index)
{
    uintptr_t value = (uintptr_t)handle >> HANDLE_SHIFT;
    uint32_t index = (uint32_t)(value & ((1u << HANDLE_INDEX_BITS) - 1)) - 1;

    if (index >= table.count || !table.entries[index].token || handle_encode(index) != handle) return NULL;
    *ret_index = index;
    return &table.entries[index];
}

HANDLE handle_new(Token *token, DWORD access)
{
    HANDLE handle = NULL;
    uint32_t index;

    pthread_mutex_lock(&table.lock);
    if (table.free_first) {
        index = table.free_first - 1;
        table.free_first = table.entries[index].next_free;
    } else if (table.count < table.capacity || table_grow()) {
        index = table.count++;
        table.entries[index].generation = 0;
    } else {
        pthread_mutex_unlock(&table.lock);
        return NULL;
    }
    table.entries[index].token = token_ref(token);
    table.entries[index].access = access;
    table.entries[index].generation++;
    handle = handle_encode(index);
    pthread_mutex_unlock(&table.lock);
    return handle;
}

DWORD handle_token(HANDLE handle, DWORD needed, Token **ret_token, DWORD *ret_access)
{
    HandleEntry *entry;
    uint32_t index;
    DWORD error = ERROR_SUCCESS;

    pthread_mutex_lock(&table.lock);
    entry = handle_find(handle, &index);
    if (!entry)
        error = ERROR_INVALID_HANDLE;
    else if (needed & ~entry->access)
        error = ERROR_ACCESS_DENIED;
    if (!error) {
        *ret_token = token_ref(entry->token);
        if (ret_access) *ret_access = entry->access;
    }
    pthread_mutex_unlock(&table.lock);
    return error;
}

BOOL CloseHandle(HANDLE hObject)
{
    Token *token = NULL;
    HandleEntry *entry;
    uint32_t index;

    if (hObject == PSEUDO_PROCESS || hObject == PSEUDO_THREAD) return TRUE;
    pthread_mutex_lock(&table.lock);
    entry = handle_find(hObject, &index);
    if (entry) {
        token = TAKE_PTR(entry->token);
        entry->next_free = table.free_first;
        table.free_first = index + 1;
    }
    pthread_mutex_unlock(&table.lock);
    if (!token) {
        SetLastError(ERROR_INVALID_HANDLE);
        return FALSE;
    }
    (void)token_unref(token);
    return TRUE;
}

HANDLE GetCurrentProcess(void)
{
    return PSEUDO_PROCESS;
}

HANDLE GetCurrentThread(void)
{
    return PSEUDO_THREAD;
}
