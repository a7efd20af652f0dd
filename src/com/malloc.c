/* SPDX-License-Identifier: Apache-2.0 */
/* The task allocator as an object: one for the process, never freed. */
#define CONST_VTBL const
#include <malloc.h>
#include "combaseapi.h"

static HRESULT malloc_query_interface(IMalloc *self, REFIID riid, void **ret_object)
{
    if (!riid || !ret_object) return E_POINTER;
    *ret_object = NULL;
    if (!IsEqualIID(riid, &IID_IUnknown) && !IsEqualIID(riid, &IID_IMalloc)) return E_NOINTERFACE;
    *ret_object = self;
    return S_OK;
}

static ULONG malloc_count(IMalloc *self)
{
    return 1;
}

static void *malloc_alloc(IMalloc *self, SIZE_T size)
{
    return CoTaskMemAlloc(size);
}

static void *malloc_realloc(IMalloc *self, void *block, SIZE_T size)
{
    return CoTaskMemRealloc(block, size);
}

static void malloc_free(IMalloc *self, void *block)
{
    CoTaskMemFree(block);
}

static SIZE_T malloc_get_size(IMalloc *self, void *block)
{
    return block ? malloc_usable_size(block) : (SIZE_T)-1;
}

static INT malloc_did_alloc(IMalloc *self, void *block)
{
    return -1;
}

static void malloc_heap_minimize(IMalloc *self)
{
    (void)malloc_trim(0); /* 0: there was nothing to give back */
}

static const IMallocVtbl malloc_vtable = {
    malloc_query_interface, malloc_count,     malloc_count,         malloc_alloc, malloc_realloc, malloc_free,
    malloc_get_size,        malloc_did_alloc, malloc_heap_minimize,
};

HRESULT CoGetMalloc(DWORD dwMemContext, LPMALLOC *ppMalloc)
{
    static IMalloc task_memory = {&malloc_vtable};

    if (!ppMalloc) return E_INVALIDARG;
    *ppMalloc = NULL;
    if (dwMemContext != MEMCTX_TASK) return E_INVALIDARG;
    *ppMalloc = &task_memory;
    return S_OK;
}
