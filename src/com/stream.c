/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IStream on memory. Clones share the bytes (StreamMemory, with the lock) and have a position each. The
 * memory may be larger than the stream: it doubles, so that writing n bytes in small pieces costs O(n).
 */
#define CONST_VTBL const
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/refcount.h"
#include "combaseapi.h"
#include "winbase.h"

#define STREAM_SIZE_MAX   UINT32_MAX /* as on Windows */
#define STREAM_SIZE_FIRST 256u
#define STREAM_COPY_CHUNK 16384u
#define STREAM_MODE       2 /* STGM_READWRITE */

typedef struct StreamMemory {
    RefCount refs;
    pthread_mutex_t lock; /* covers all below, and the positions of the streams */
    HGLOBAL handle;
    uint8_t *data;
    size_t capacity, size;
    bool owned;
} StreamMemory;

typedef struct Stream {
    IStream stream;
    RefCount refs;
    StreamMemory *memory;
    uint64_t position;
} Stream;

static const IStreamVtbl stream_vtable;

static Stream *stream_of(IStream *self)
{
    return container_of(self, Stream, stream);
}

static StreamMemory *memory_unref(StreamMemory *memory)
{
    if (!memory || !refcount_unref(&memory->refs)) return NULL;
    (void)GlobalUnlock(memory->handle); /* the lock of memory_new() */
    if (memory->owned) (void)GlobalFree(memory->handle);
    (void)pthread_mutex_destroy(&memory->lock); /* nobody can hold it */
    free(memory);
    return NULL;
}
DEFINE_CLEANUP(StreamMemory, memory_unref)

static StreamMemory *memory_new(HGLOBAL handle)
{
    HGLOBAL own = handle ? NULL : GlobalAlloc(GMEM_MOVEABLE, 0);
    StreamMemory *memory;

    if (!handle && !own) return NULL;
    memory = calloc(1, sizeof(*memory));
    if (!memory || pthread_mutex_init(&memory->lock, NULL) != 0) {
        free(memory);
        (void)GlobalFree(own);
        return NULL;
    }
    refcount_init(&memory->refs);
    memory->handle = handle ? handle : own;
    memory->data = GlobalLock(memory->handle);
    memory->size = memory->capacity = GlobalSize(memory->handle);
    return memory;
}

static bool memory_reserve(StreamMemory *memory, uint64_t size)
{
    size_t capacity = memory->capacity ? memory->capacity : STREAM_SIZE_FIRST;
    HGLOBAL handle;

    if (size <= memory->capacity) return true;
    if (size > STREAM_SIZE_MAX) return false;
    while (capacity < size)
        capacity *= 2;
    handle = GlobalReAlloc(memory->handle, capacity, GMEM_ZEROINIT | GMEM_MOVEABLE);
    if (!handle) return false;
    memory->handle = handle;
    /* The lock on a moveable block is kept over GlobalReAlloc; only the address is asked for again. */
    memory->data = GlobalLock(handle);
    (void)GlobalUnlock(handle);
    memory->capacity = capacity;
    return true;
}

/* Bytes beyond the size are kept zero, so growing needs no clearing. */
static bool memory_resize(StreamMemory *memory, uint64_t size)
{
    if (!memory_reserve(memory, size)) return false;
    if (size < memory->size) memset(memory->data + size, 0, memory->size - size);
    memory->size = size;
    return true;
}

static HRESULT stream_new(StreamMemory *memory, uint64_t position, IStream **ret_stream)
{
    Stream *stream = calloc(1, sizeof(*stream));

    if (!stream) return E_OUTOFMEMORY;
    stream->stream.lpVtbl = &stream_vtable;
    refcount_init(&stream->refs);
    stream->memory = memory;
    stream->position = position;
    *ret_stream = &stream->stream;
    return S_OK;
}

static HRESULT stream_query_interface(IStream *self, REFIID riid, void **ret_object)
{
    if (!riid || !ret_object) return E_POINTER;
    *ret_object = NULL;
    if (!IsEqualIID(riid, &IID_IUnknown) && !IsEqualIID(riid, &IID_ISequentialStream) &&
        !IsEqualIID(riid, &IID_IStream))
        return E_NOINTERFACE;
    refcount_ref(&stream_of(self)->refs);
    *ret_object = self;
    return S_OK;
}

static ULONG stream_add_ref(IStream *self)
{
    Stream *stream = stream_of(self);

    refcount_ref(&stream->refs);
    return atomic_load(&stream->refs.count);
}

static ULONG stream_release(IStream *self)
{
    Stream *stream = stream_of(self);

    if (!refcount_unref(&stream->refs)) return atomic_load(&stream->refs.count);
    (void)memory_unref(stream->memory);
    free(stream);
    return 0;
}

static HRESULT stream_read(IStream *self, void *data, ULONG length, ULONG *ret_read)
{
    Stream *stream = stream_of(self);
    StreamMemory *memory = stream->memory;
    size_t left;

    if (ret_read) *ret_read = 0;
    if (!data) return STG_E_INVALIDPOINTER;
    pthread_mutex_lock(&memory->lock);
    left = stream->position < memory->size ? memory->size - stream->position : 0;
    if (length > left) length = left;
    if (length) memcpy(data, memory->data + stream->position, length);
    stream->position += length;
    pthread_mutex_unlock(&memory->lock);
    if (ret_read) *ret_read = length;
    return S_OK;
}

static HRESULT stream_write(IStream *self, const void *data, ULONG length, ULONG *ret_written)
{
    Stream *stream = stream_of(self);
    StreamMemory *memory = stream->memory;
    uint64_t end;
    bool fits = true;

    if (ret_written) *ret_written = 0;
    if (!data) return STG_E_INVALIDPOINTER;
    if (!length) return S_OK;
    pthread_mutex_lock(&memory->lock);
    if (__builtin_add_overflow(stream->position, length, &end))
        fits = false;
    else if (end > memory->size)
        fits = memory_resize(memory, end);
    if (fits) {
        memcpy(memory->data + stream->position, data, length);
        stream->position = end;
    }
    pthread_mutex_unlock(&memory->lock);
    if (!fits) return STG_E_MEDIUMFULL;
    if (ret_written) *ret_written = length;
    return S_OK;
}

static HRESULT stream_seek(IStream *self, LARGE_INTEGER move, DWORD origin, ULARGE_INTEGER *ret_position)
{
    Stream *stream = stream_of(self);
    int64_t base, target;
    HRESULT hr = S_OK;

    pthread_mutex_lock(&stream->memory->lock);
    switch (origin) {
    case STREAM_SEEK_SET:
        base = 0;
        break;
    case STREAM_SEEK_CUR:
        base = (int64_t)stream->position;
        break;
    case STREAM_SEEK_END:
        base = (int64_t)stream->memory->size;
        break;
    default:
        base = -1;
        break;
    }
    if (base < 0 || __builtin_add_overflow(base, move.QuadPart, &target) || target < 0)
        hr = STG_E_INVALIDFUNCTION;
    else
        stream->position = (uint64_t)target;
    if (ret_position) ret_position->QuadPart = stream->position;
    pthread_mutex_unlock(&stream->memory->lock);
    return hr;
}

static HRESULT stream_set_size(IStream *self, ULARGE_INTEGER size)
{
    StreamMemory *memory = stream_of(self)->memory;
    bool done;

    if (size.QuadPart > STREAM_SIZE_MAX) return STG_E_INVALIDFUNCTION;
    pthread_mutex_lock(&memory->lock);
    done = memory_resize(memory, size.QuadPart);
    pthread_mutex_unlock(&memory->lock);
    return done ? S_OK : E_OUTOFMEMORY;
}

/* In pieces through a buffer of this frame: the target may be a clone, whose lock is this stream's. */
static HRESULT stream_copy_to(IStream *self, IStream *target, ULARGE_INTEGER length, ULARGE_INTEGER *ret_read,
                              ULARGE_INTEGER *ret_written)
{
    uint8_t chunk[STREAM_COPY_CHUNK];
    uint64_t total_read = 0, total_written = 0;
    HRESULT hr = S_OK;

    if (!target) return STG_E_INVALIDPOINTER;
    while (total_read < length.QuadPart) {
        uint64_t left = length.QuadPart - total_read;
        ULONG got = 0, put = 0;
        hr = stream_read(self, chunk, left < sizeof(chunk) ? (ULONG)left : sizeof(chunk), &got);
        if (FAILED(hr) || !got) break;
        total_read += got;
        hr = target->lpVtbl->Write(target, chunk, got, &put);
        total_written += put;
        if (FAILED(hr) || put < got) break;
    }
    if (ret_read) ret_read->QuadPart = total_read;
    if (ret_written) ret_written->QuadPart = total_written;
    return hr;
}

static HRESULT stream_commit(IStream *self, DWORD flags)
{
    return S_OK;
}

static HRESULT stream_revert(IStream *self)
{
    return S_OK;
}

static HRESULT stream_region(IStream *self, ULARGE_INTEGER offset, ULARGE_INTEGER length, DWORD type)
{
    return STG_E_INVALIDFUNCTION;
}

static HRESULT stream_stat(IStream *self, STATSTG *ret_stat, DWORD flags)
{
    StreamMemory *memory = stream_of(self)->memory;

    if (!ret_stat) return STG_E_INVALIDPOINTER;
    *ret_stat = (STATSTG){.type = STGTY_STREAM, .grfMode = STREAM_MODE};
    pthread_mutex_lock(&memory->lock);
    ret_stat->cbSize.QuadPart = memory->size;
    pthread_mutex_unlock(&memory->lock);
    return S_OK;
}

static HRESULT stream_clone(IStream *self, IStream **ret_clone)
{
    Stream *stream = stream_of(self);
    uint64_t position;
    HRESULT hr;

    if (!ret_clone) return STG_E_INVALIDPOINTER;
    *ret_clone = NULL;
    pthread_mutex_lock(&stream->memory->lock);
    position = stream->position;
    pthread_mutex_unlock(&stream->memory->lock);
    hr = stream_new(stream->memory, position, ret_clone);
    if (SUCCEEDED(hr)) refcount_ref(&stream->memory->refs);
    return hr;
}

static const IStreamVtbl stream_vtable = {
    stream_query_interface,
    stream_add_ref,
    stream_release,
    stream_read,
    stream_write,
    stream_seek,
    stream_set_size,
    stream_copy_to,
    stream_commit,
    stream_revert,
    stream_region,
    stream_region,
    stream_stat,
    stream_clone,
};

HRESULT CreateStreamOnHGlobal(HGLOBAL hGlobal, BOOL fDeleteOnRelease, LPSTREAM *ppstm)
{
    _cleanup_(memory_unrefp) StreamMemory *memory = NULL;
    HRESULT hr;

    if (!ppstm) return E_INVALIDARG;
    *ppstm = NULL;
    memory = memory_new(hGlobal);
    if (!memory) return E_OUTOFMEMORY;
    hr = stream_new(memory, 0, ppstm);
    /* Ownership of the caller's block begins with success; a block of ours goes with the stream either way.
     */
    if (FAILED(hr)) {
        memory->owned = !hGlobal;
        return hr;
    }
    memory->owned = fDeleteOnRelease;
    memory = NULL;
    return S_OK;
}

HRESULT GetHGlobalFromStream(LPSTREAM pstm, HGLOBAL *phglobal)
{
    Stream *stream;

    if (!pstm || !phglobal || pstm->lpVtbl != &stream_vtable) return E_INVALIDARG;
    stream = stream_of(pstm);
    pthread_mutex_lock(&stream->memory->lock);
    *phglobal = stream->memory->handle;
    pthread_mutex_unlock(&stream->memory->lock);
    return S_OK;
}
