/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of com/stream and com/global. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#define COBJMACROS
#include "objbase.h"

static IStream *stream_make(void)
{
    IStream *stream;

    assert_int_equal(CreateStreamOnHGlobal(NULL, TRUE, &stream), S_OK);
    return stream;
}

static void put(IStream *stream, const char *text)
{
    ULONG written;

    assert_int_equal(IStream_Write(stream, text, (ULONG)strlen(text), &written), S_OK);
    assert_int_equal(written, strlen(text));
}

static void expect_text(IStream *stream, const char *text)
{
    char buffer[64] = "";
    ULONG got;

    assert_int_equal(IStream_Read(stream, buffer, sizeof(buffer) - 1, &got), S_OK);
    assert_int_equal(got, strlen(text));
    assert_string_equal(buffer, text);
}

static uint64_t seek(IStream *stream, int64_t move, DWORD origin)
{
    LARGE_INTEGER distance = {.QuadPart = move};
    ULARGE_INTEGER position;

    assert_int_equal(IStream_Seek(stream, distance, origin, &position), S_OK);
    return position.QuadPart;
}

static void write_seek_read(void **state)
{
    IStream *stream = stream_make();

    put(stream, "hello world");
    expect_text(stream, "");
    assert_int_equal(seek(stream, 0, STREAM_SEEK_SET), 0);
    expect_text(stream, "hello world");
    assert_int_equal(seek(stream, -5, STREAM_SEEK_END), 6);
    put(stream, "there");
    assert_int_equal(seek(stream, -5, STREAM_SEEK_CUR), 6);
    expect_text(stream, "there");
    assert_int_equal(IStream_Release(stream), 0);
}

static void seeking_outside(void **state)
{
    LARGE_INTEGER before = {.QuadPart = -1}, far = {.QuadPart = INT64_MAX};
    IStream *stream = stream_make();
    STATSTG stat;

    assert_int_equal(IStream_Seek(stream, before, STREAM_SEEK_SET, NULL), STG_E_INVALIDFUNCTION);
    assert_int_equal(IStream_Seek(stream, before, 3, NULL), STG_E_INVALIDFUNCTION);
    assert_int_equal(seek(stream, 4, STREAM_SEEK_SET), 4);
    assert_int_equal(IStream_Seek(stream, far, STREAM_SEEK_CUR, NULL), STG_E_INVALIDFUNCTION);
    assert_int_equal(IStream_Stat(stream, &stat, STATFLAG_DEFAULT), S_OK);
    assert_int_equal(stat.cbSize.QuadPart, 0);
    put(stream, "x"); /* what lies between is zero */
    assert_int_equal(seek(stream, 0, STREAM_SEEK_SET), 0);
    assert_int_equal(IStream_Read(stream, &stat, 5, NULL), S_OK);
    assert_memory_equal(&stat, "\0\0\0\0x", 5);
    assert_int_equal(seek(stream, INT64_MAX, STREAM_SEEK_SET), INT64_MAX);
    assert_int_equal(IStream_Write(stream, "y", 1, NULL), STG_E_MEDIUMFULL);
    IStream_Release(stream);
}

static void set_size_clears_what_it_cut(void **state)
{
    ULARGE_INTEGER three = {.QuadPart = 3}, six = {.QuadPart = 6}, large = {.QuadPart = 1ull << 32};
    IStream *stream = stream_make();
    char bytes[8];
    ULONG got;

    put(stream, "secret");
    assert_int_equal(IStream_SetSize(stream, three), S_OK);
    assert_int_equal(IStream_SetSize(stream, six), S_OK);
    assert_int_equal(seek(stream, 0, STREAM_SEEK_SET), 0);
    assert_int_equal(IStream_Read(stream, bytes, sizeof(bytes), &got), S_OK);
    assert_int_equal(got, 6);
    assert_memory_equal(bytes, "sec\0\0\0", 6);
    assert_int_equal(IStream_SetSize(stream, large), STG_E_INVALIDFUNCTION);
    IStream_Release(stream);
}

static void a_clone_shares_bytes_not_position(void **state)
{
    IStream *stream = stream_make(), *clone;

    put(stream, "abc");
    assert_int_equal(IStream_Clone(stream, &clone), S_OK);
    put(clone, "def");
    expect_text(stream, "def");
    assert_int_equal(IStream_Release(stream), 0);
    assert_int_equal(seek(clone, 0, STREAM_SEEK_SET), 0);
    expect_text(clone, "abcdef");
    assert_int_equal(IStream_Release(clone), 0);
}

static void copying_between_streams(void **state)
{
    ULARGE_INTEGER all = {.QuadPart = UINT64_MAX}, got, given;
    IStream *source = stream_make(), *target = stream_make();
    char block[1000];

    memset(block, 'x', sizeof(block));
    for (int i = 0; i < 100; i++)
        assert_int_equal(IStream_Write(source, block, sizeof(block), NULL), S_OK);
    seek(source, 1, STREAM_SEEK_SET);
    assert_int_equal(IStream_CopyTo(source, target, all, &got, &given), S_OK);
    assert_int_equal(got.QuadPart, 99999);
    assert_int_equal(given.QuadPart, 99999);
    assert_int_equal(seek(target, 0, STREAM_SEEK_CUR), 99999);
    assert_int_equal(IStream_CopyTo(source, NULL, all, NULL, NULL), STG_E_INVALIDPOINTER);
    IStream_Release(source);
    IStream_Release(target);
}

static void a_stream_on_the_callers_memory(void **state)
{
    HGLOBAL memory = GlobalAlloc(GMEM_MOVEABLE, 3), same;
    IStream *stream;

    memcpy(GlobalLock(memory), "abc", 3);
    assert_false(GlobalUnlock(memory));
    assert_int_equal(CreateStreamOnHGlobal(memory, FALSE, &stream), S_OK);
    expect_text(stream, "abc");
    put(stream, "def");
    assert_int_equal(GetHGlobalFromStream(stream, &same), S_OK);
    assert_ptr_equal(same, memory);
    assert_int_equal(IStream_Release(stream), 0);
    assert_memory_equal(GlobalLock(memory), "abcdef", 6);
    assert_null(GlobalFree(memory));
    assert_int_equal(CreateStreamOnHGlobal(NULL, TRUE, NULL), E_INVALIDARG);
}

static void stream_interfaces_and_null_pointers(void **state)
{
    ULARGE_INTEGER zero = {.QuadPart = 0};
    IStream *stream = stream_make();
    void *object;

    assert_int_equal(IStream_QueryInterface(stream, &IID_ISequentialStream, &object), S_OK);
    assert_ptr_equal(object, stream);
    assert_int_equal(IStream_Release(stream), 1);
    assert_int_equal(IStream_QueryInterface(stream, &IID_IMalloc, &object), E_NOINTERFACE);
    assert_null(object);
    assert_int_equal(IStream_Read(stream, NULL, 1, NULL), STG_E_INVALIDPOINTER);
    assert_int_equal(IStream_Write(stream, NULL, 1, NULL), STG_E_INVALIDPOINTER);
    assert_int_equal(IStream_Stat(stream, NULL, 0), STG_E_INVALIDPOINTER);
    assert_int_equal(IStream_Clone(stream, NULL), STG_E_INVALIDPOINTER);
    assert_int_equal(IStream_Commit(stream, 0), S_OK);
    assert_int_equal(IStream_Revert(stream), S_OK);
    assert_int_equal(IStream_LockRegion(stream, zero, zero, LOCK_WRITE), STG_E_INVALIDFUNCTION);
    IStream_Release(stream);
}

static void global_memory(void **state)
{
    HGLOBAL fixed = GlobalAlloc(GPTR, 10), moveable = GlobalAlloc(GHND, 10);

    assert_ptr_equal(GlobalLock(fixed), fixed);
    assert_int_equal(GlobalSize(fixed), 10);
    assert_null(GlobalReAlloc(fixed, 20, 0));
    assert_int_equal(GetLastError(), ERROR_NOT_ENOUGH_MEMORY);
    fixed = GlobalReAlloc(fixed, 5000, GMEM_MOVEABLE);
    assert_int_equal(GlobalSize(fixed), 5000);
    assert_int_equal(((char *)fixed)[4999], 0);
    assert_non_null(GlobalLock(moveable));
    assert_non_null(GlobalLock(moveable));
    assert_true(GlobalUnlock(moveable));
    assert_false(GlobalUnlock(moveable));
    assert_int_equal(GetLastError(), NO_ERROR);
    assert_false(GlobalUnlock(moveable));
    assert_int_equal(GetLastError(), ERROR_NOT_LOCKED);
    assert_ptr_equal(GlobalReAlloc(moveable, 5000, 0), moveable);
    assert_int_equal(GlobalSize(moveable), 5000);
    assert_null(GlobalAlloc(0x8000, 1));
    assert_int_equal(GetLastError(), ERROR_INVALID_PARAMETER);
    assert_null(GlobalAlloc(GPTR, SIZE_MAX));
    assert_null(GlobalReAlloc(moveable, SIZE_MAX, 0));
    assert_null(GlobalLock(NULL));
    assert_int_equal(GlobalSize(NULL), 0);
    assert_null(GlobalFree(NULL));
    assert_null(GlobalFree(fixed));
    assert_null(GlobalFree(moveable));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(write_seek_read),
        cmocka_unit_test(seeking_outside),
        cmocka_unit_test(set_size_clears_what_it_cut),
        cmocka_unit_test(a_clone_shares_bytes_not_position),
        cmocka_unit_test(copying_between_streams),
        cmocka_unit_test(a_stream_on_the_callers_memory),
        cmocka_unit_test(stream_interfaces_and_null_pointers),
        cmocka_unit_test(global_memory),
    };

    return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
