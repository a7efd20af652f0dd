/* SPDX-License-Identifier: Apache-2.0 */
#define COBJMACROS
#include "objref-text.h"
#include <stdio.h>

HRESULT objref_print(IUnknown *object, REFIID iid)
{
    IStream *stream;
    LARGE_INTEGER start = {.QuadPart = 0};
    BYTE byte;
    ULONG length;
    HRESULT hr = CreateStreamOnHGlobal(NULL, TRUE, &stream);
    if (FAILED(hr)) return hr;
    hr = CoMarshalInterface(stream, iid, object, MSHCTX_DIFFERENTMACHINE, NULL, MSHLFLAGS_NORMAL);
    if (SUCCEEDED(hr)) hr = IStream_Seek(stream, start, STREAM_SEEK_SET, NULL);
    while (SUCCEEDED(hr) && IStream_Read(stream, &byte, 1, &length) == S_OK && length == 1)
        printf("%02x", byte);
    putchar('\n');
    IStream_Release(stream);
    return fflush(stdout) == 0 ? hr : E_FAIL;
}
