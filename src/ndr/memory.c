/* SPDX-License-Identifier: Apache-2.0 */
/* The task allocator and BSTRs. */
#include "ndr/memory.h"
#include <combaseapi.h>
#include <oleauto.h>
#include <rpcndr.h>
#include <stdlib.h>

#define BSTR_PREFIX    8u /* keeps the text 8-aligned; its last four bytes are the length */
#define BSTR_BYTES_MAX (UINT32_MAX - BSTR_PREFIX - (UINT)sizeof(OLECHAR))

static long fail_after = -1;
static int failed;

void ndr_memory_fail_after(long count)
{
    fail_after = count;
    failed = 0;
}

int ndr_memory_failed(void)
{
    int result = failed;
    failed = 0;
    return result;
}

int ndr_memory_allowed(void)
{
    if (__builtin_expect(fail_after < 0, 1)) return 1;
    if (fail_after-- > 0) return 1;
    failed = 1;
    return 0;
}

LPVOID CoTaskMemAlloc(SIZE_T size)
{
    return ndr_memory_allowed() ? malloc(size ? size : 1) : NULL;
}

LPVOID CoTaskMemRealloc(LPVOID block, SIZE_T size)
{
    if (block && size == 0) {
        free(block);
        return NULL;
    }
    return ndr_memory_allowed() ? realloc(block, size ? size : 1) : NULL;
}

void CoTaskMemFree(LPVOID block)
{
    free(block);
}

void *NdrOleAllocate(SIZE_T size)
{
    return CoTaskMemAlloc(size);
}

void NdrOleFree(void *block)
{
    CoTaskMemFree(block);
}

static BSTR bstr_new(const void *data, size_t bytes)
{
    if (bytes > BSTR_BYTES_MAX || !ndr_memory_allowed()) return NULL;
    unsigned char *block = malloc(BSTR_PREFIX + bytes + sizeof(OLECHAR));
    if (!block) return NULL;
    uint32_t length = (uint32_t)bytes;
    memset(block, 0, BSTR_PREFIX);
    memcpy(block + BSTR_PREFIX - sizeof(length), &length, sizeof(length));
    if (data && bytes > 0)
        memcpy(block + BSTR_PREFIX, data, bytes);
    else
        memset(block + BSTR_PREFIX, 0, bytes);
    memset(block + BSTR_PREFIX + bytes, 0, sizeof(OLECHAR));
    return (BSTR)(void *)(block + BSTR_PREFIX);
}

static size_t text_length(const OLECHAR *text)
{
    size_t length = 0;
    while (text[length])
        length++;
    return length;
}

BSTR SysAllocString(const OLECHAR *text)
{
    return text ? bstr_new(text, text_length(text) * sizeof(OLECHAR)) : NULL;
}

BSTR SysAllocStringLen(const OLECHAR *text, UINT length)
{
    return bstr_new(text, (size_t)length * sizeof(OLECHAR));
}

BSTR SysAllocStringByteLen(LPCSTR data, UINT bytes)
{
    return bstr_new(data, bytes);
}

static INT bstr_replace(BSTR *string, BSTR replacement)
{
    if (!replacement) return FALSE;
    SysFreeString(*string);
    *string = replacement;
    return TRUE;
}

INT SysReAllocString(BSTR *string, const OLECHAR *text)
{
    if (text) return bstr_replace(string, SysAllocString(text));
    SysFreeString(*string);
    *string = NULL;
    return TRUE;
}

INT SysReAllocStringLen(BSTR *string, const OLECHAR *text, UINT length)
{
    return bstr_replace(string, SysAllocStringLen(text, length));
}

void SysFreeString(BSTR string)
{
    if (string) free((unsigned char *)string - BSTR_PREFIX);
}

UINT SysStringByteLen(BSTR string)
{
    uint32_t length = 0;
    if (string) memcpy(&length, (const unsigned char *)string - sizeof(length), sizeof(length));
    return length;
}

UINT SysStringLen(BSTR string)
{
    return SysStringByteLen(string) / sizeof(OLECHAR);
}
