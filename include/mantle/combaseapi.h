/* SPDX-License-Identifier: Apache-2.0 */
/* The task allocator. Blocks that one side of a call makes and the other frees come from here. */
#pragma once
#include "unknwn.h"

#define STDAPI        MANTLE_API HRESULT
#define STDAPI_(type) MANTLE_API type
#define WINOLEAPI     STDAPI
#define WINOLEAPI_(t) STDAPI_(t)

/* NULL when memory is short; a size of 0 gives a block. */
MANTLE_API LPVOID CoTaskMemAlloc(SIZE_T size);
MANTLE_API LPVOID CoTaskMemRealloc(LPVOID block, SIZE_T size);
MANTLE_API void CoTaskMemFree(LPVOID block);
