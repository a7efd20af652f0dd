/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes where COM looks for an OBJREF: the first byte says whether CoUnmarshalInterface finds them in a
 * stream (0), CoReleaseMarshalData (1), or the NDR interpreter in a call (2), also to give it back (3). This
 * process has no configuration, so that it never goes out to ask for an object; it must refuse.
 * Decoder: src/com/marshalstream.c stream_.*|u16_at|CoUnmarshalInterface|CoReleaseMarshalData
 * Decoder: src/com/marshal.c marshal_(read|release)
 */
#define COBJMACROS
#include <assert.h>
#include <stdlib.h>
#include "com/marshal.h"
#include "objbase.h"
#include "winerror.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static IStream *stream_of(const uint8_t *data, size_t size)
{
    IStream *stream = NULL;
    LARGE_INTEGER start = {.QuadPart = 0};
    ULONG written = 0;
    HRESULT hr = CreateStreamOnHGlobal(NULL, TRUE, &stream);
    if (SUCCEEDED(hr) && size) hr = IStream_Write(stream, data, (ULONG)size, &written);
    if (SUCCEEDED(hr)) hr = IStream_Seek(stream, start, STREAM_SEEK_SET, NULL);
    assert(SUCCEEDED(hr) && written == size);
    return stream;
}

static void fuzz_stream(bool release, const uint8_t *data, size_t size)
{
    IStream *stream = stream_of(data, size);
    void *object = stream;
    HRESULT hr =
        release ? CoReleaseMarshalData(stream) : CoUnmarshalInterface(stream, &IID_IUnknown, &object);
    assert(FAILED(hr) && (release || !object));
    IStream_Release(stream);
}

static void fuzz_call(bool release, const uint8_t *data, size_t size)
{
    Reader reader;
    void *object = NULL;
    reader_init(&reader, data, size);
    if (release)
        marshal_release(NULL, &reader);
    else
        assert(FAILED(marshal_read(NULL, &IID_IUnknown, &reader, &object)) && !object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool started;
    if (!started) {
        HRESULT hr = CoInitializeEx(NULL, COINIT_MULTITHREADED);
        started = SUCCEEDED(hr) && setenv("MANTLE_CONFIG", "/nonexistent/mantle.conf", 1) == 0;
        assert(started);
    }
    if (size == 0) return 0;
    if (data[0] & 2)
        fuzz_call(data[0] & 1, data + 1, size - 1);
    else
        fuzz_stream(data[0] & 1, data + 1, size - 1);
    IErrorInfo *error = NULL;
    if (GetErrorInfo(0, &error) == S_OK) IErrorInfo_Release(error);
    return 0;
}
