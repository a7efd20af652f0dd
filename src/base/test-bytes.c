/* SPDX-License-Identifier: Apache-2.0 */
/* The bounded reader and writer: every boundary both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include "base/reader.h"
#include "base/writer.h"

static const uint8_t COUNTING[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static void test_read_numbers(void **state)
{
    Reader r;
    reader_init(&r, COUNTING + 1, 15);
    assert_int_equal(reader_u8(&r), 0x01);
    assert_int_equal(reader_u16(&r), 0x0302);
    assert_int_equal(reader_u32(&r), 0x07060504);
    assert_int_equal(reader_u64(&r), 0x0f0e0d0c0b0a0908ull);
    assert_int_equal(reader_status(&r), 0);
    assert_int_equal(reader_end(&r), 0);
    reader_init(&r, COUNTING + 1, 6);
    assert_int_equal(reader_u16be(&r), 0x0102);
    assert_int_equal(reader_u32be(&r), 0x03040506);
    assert_int_equal(reader_end(&r), 0);
}

/* One byte less than needed fails, moves nothing and yields zero; exactly enough passes. */
#define CHECK_EDGE(call, size)                                                                               \
    do {                                                                                                     \
        Reader r_;                                                                                           \
        reader_init(&r_, COUNTING + 1, (size));                                                              \
        assert_true(call(&r_) != 0);                                                                         \
        assert_int_equal(reader_end(&r_), 0);                                                                \
        reader_init(&r_, COUNTING + 1, (size)-1);                                                            \
        assert_int_equal(call(&r_), 0);                                                                      \
        assert_int_equal(reader_status(&r_), -EBADMSG);                                                      \
        assert_int_equal(r_.offset, 0);                                                                      \
    } while (0)

static void test_read_edges(void **state)
{
    CHECK_EDGE(reader_u8, 1);
    CHECK_EDGE(reader_u16, 2);
    CHECK_EDGE(reader_u32, 4);
    CHECK_EDGE(reader_u64, 8);
    CHECK_EDGE(reader_u16be, 2);
    CHECK_EDGE(reader_u32be, 4);
}

static void test_read_failure_sticks(void **state)
{
    Reader r;
    reader_init(&r, COUNTING, 3);
    assert_int_equal(reader_u32(&r), 0);
    assert_int_equal(reader_u8(&r), 0);
    assert_int_equal(reader_left(&r), 0);
    assert_null(reader_bytes(&r, 0));
    uint8_t target[2] = {0xaa, 0xaa};
    reader_copy(&r, target, 2);
    assert_int_equal(target[0] | target[1], 0);
    assert_int_equal(r.offset, 0);
    assert_int_equal(reader_end(&r), -EBADMSG);

    reader_init(&r, COUNTING, 3);
    reader_fail(&r);
    assert_int_equal(reader_status(&r), -EBADMSG);
}

static void test_read_guid(void **state)
{
    static const Guid expected = {0x03020100, 0x0504, 0x0706, {8, 9, 10, 11, 12, 13, 14, 15}};
    Reader r;
    reader_init(&r, COUNTING, 16);
    Guid guid = reader_guid(&r);
    assert_true(guid_equal(&guid, &expected));
    assert_int_equal(reader_end(&r), 0);
    reader_init(&r, COUNTING, 15);
    guid = reader_guid(&r);
    assert_true(guid_is_null(&guid));
    assert_int_equal(reader_status(&r), -EBADMSG);
}

static void test_read_bytes(void **state)
{
    Reader r;
    reader_init(&r, COUNTING, 5);
    assert_ptr_equal(reader_bytes(&r, 5), COUNTING);
    assert_non_null(reader_bytes(&r, 0));
    assert_int_equal(reader_end(&r), 0);
    assert_null(reader_bytes(&r, 1));
    reader_init(&r, COUNTING, 5);
    assert_null(reader_bytes(&r, SIZE_MAX));
    reader_init(&r, NULL, 0);
    assert_non_null(reader_bytes(&r, 0));
    reader_copy(&r, NULL, 0);
    assert_int_equal(reader_end(&r), 0);
    reader_init(&r, COUNTING, 5);
    reader_skip(&r, 4);
    assert_int_equal(reader_left(&r), 1);
    assert_int_equal(reader_status(&r), 0);
    assert_int_equal(reader_end(&r), -EBADMSG);
}

static void test_read_align(void **state)
{
    Reader r;
    reader_init(&r, COUNTING, 8);
    reader_align(&r, 8);
    assert_int_equal(r.offset, 0);
    reader_skip(&r, 1);
    reader_align(&r, 4);
    assert_int_equal(r.offset, 4);
    reader_skip(&r, 1);
    reader_align(&r, 8);
    assert_int_equal(reader_end(&r), 0);
    reader_init(&r, COUNTING, 7);
    reader_skip(&r, 5);
    reader_align(&r, 8);
    assert_int_equal(reader_status(&r), -EBADMSG);
}

static void test_read_sub(void **state)
{
    Reader r;
    reader_init(&r, COUNTING, 8);
    reader_skip(&r, 3);
    Reader sub = reader_sub(&r, 5);
    assert_int_equal(reader_u8(&sub), 3);
    reader_align(&sub, 4); /* counted from the sub-reader's own first byte */
    assert_int_equal(reader_u8(&sub), 7);
    assert_int_equal(reader_end(&sub), 0);
    assert_int_equal(reader_end(&r), 0);
    reader_init(&r, COUNTING, 8);
    sub = reader_sub(&r, 9);
    assert_int_equal(reader_status(&sub), -EBADMSG);
    assert_int_equal(reader_left(&sub), 0);
    assert_int_equal(reader_status(&r), -EBADMSG);
}

static void test_read_count(void **state)
{
    Reader r;
    reader_init(&r, COUNTING, 16);
    assert_true(reader_count(&r, 0, 8));
    assert_true(reader_count(&r, 4, 4));
    assert_false(reader_count(&r, 5, 4));
    assert_int_equal(reader_status(&r), -EBADMSG);
    assert_false(reader_count(&r, 0, 1));
    reader_init(&r, COUNTING, 16);
    assert_false(reader_count(&r, UINT64_MAX, 8)); /* the product would wrap */
    reader_init(&r, COUNTING, 15);
    assert_false(reader_count(&r, 4, 4));
}

static void test_write_numbers(void **state)
{
    static const Guid guid = {0x03020100, 0x0504, 0x0706, {8, 9, 10, 11, 12, 13, 14, 15}};
    _cleanup_(writer_deinitp) Writer w;
    writer_init(&w, 0);
    writer_u8(&w, 1);
    writer_u16(&w, 0x0302);
    writer_u32(&w, 0x07060504);
    writer_u64(&w, 0x0f0e0d0c0b0a0908ull);
    writer_u16be(&w, 0x1011);
    writer_u32be(&w, 0x12131415);
    writer_guid(&w, &guid);
    assert_int_equal(writer_status(&w), 0);
    assert_int_equal(w.length, 37);
    for (uint8_t i = 0; i < 21; i++)
        assert_int_equal(w.data[i], i + 1);
    assert_memory_equal(w.data + 21, COUNTING, 16);
}

static void test_write_limit(void **state)
{
    _cleanup_(writer_deinitp) Writer w;
    for (size_t limit = 1; limit < 600; limit += 37) {
        writer_init(&w, limit);
        for (size_t i = 0; i < limit; i++)
            writer_u8(&w, (uint8_t)i);
        assert_int_equal(writer_status(&w), 0);
        assert_int_equal(w.length, limit);
        assert_true(w.capacity <= limit);
        writer_u8(&w, 0);
        assert_int_equal(writer_status(&w), -E2BIG);
        assert_int_equal(w.length, limit);
        assert_int_equal(w.data[limit - 1], (uint8_t)(limit - 1));
        writer_reset(&w);
        writer_u8(&w, 7);
        assert_int_equal(writer_status(&w), 0);
        assert_int_equal(w.data[0], 7);
        writer_deinit(&w);
    }
    writer_init(&w, 8);
    assert_null(writer_space(&w, SIZE_MAX));
    assert_int_equal(writer_status(&w), -E2BIG);
    /* sticky: what would fit is refused too */
    writer_u8(&w, 1);
    assert_int_equal(w.length, 0);
    assert_null(writer_space(&w, 0));
}

static void test_write_fixed(void **state)
{
    uint8_t buffer[9];
    memset(buffer, 0xaa, sizeof(buffer));
    Writer w;
    writer_init_fixed(&w, buffer, 8);
    writer_u64(&w, 0);
    assert_int_equal(writer_status(&w), 0);
    writer_bytes(&w, NULL, 0);
    assert_int_equal(writer_status(&w), 0);
    writer_u8(&w, 1);
    assert_int_equal(writer_status(&w), -E2BIG);
    assert_int_equal(buffer[8], 0xaa);
    writer_reset(&w);
    writer_u16(&w, 0x0201);
    uint8_t *data;
    size_t length;
    assert_int_equal(writer_take(&w, &data, &length), 0);
    assert_int_equal(length, 2);
    assert_ptr_not_equal(data, buffer);
    assert_int_equal(data[1], 2);
    free(data);
    writer_deinit(&w);
    writer_u8(&w, 1);
    assert_int_equal(writer_status(&w), -E2BIG);
}

static void test_write_patch_align(void **state)
{
    _cleanup_(writer_deinitp) Writer w;
    writer_init(&w, 16);
    size_t length16 = writer_reserve(&w, 2);
    writer_align(&w, 4, 0xcc);
    size_t length32 = writer_reserve(&w, 4);
    writer_align(&w, 8, 0xcc);
    writer_fill(&w, 0xff, 1);
    writer_align(&w, 8, 0xdd);
    writer_patch_u16(&w, length16, 0x0201);
    writer_patch_u32(&w, length32, 0x06050403);
    static const uint8_t expected[] = {1,    2,    0xcc, 0xcc, 3,    4,    5,    6,
                                       0xff, 0xdd, 0xdd, 0xdd, 0xdd, 0xdd, 0xdd, 0xdd};
    assert_int_equal(writer_status(&w), 0);
    assert_int_equal(w.length, sizeof(expected));
    assert_memory_equal(w.data, expected, sizeof(expected));
    size_t beyond = writer_reserve(&w, 4);
    writer_patch_u32(&w, beyond, 1);
    assert_int_equal(writer_status(&w), -E2BIG);
    assert_memory_equal(w.data, expected, sizeof(expected));
}

static void test_write_take(void **state)
{
    _cleanup_(writer_deinitp) Writer w;
    uint8_t *data = NULL;
    size_t length = 7;
    writer_init(&w, 4);
    assert_non_null(writer_space(&w, 0));
    assert_int_equal(writer_take(&w, &data, &length), 0);
    assert_int_equal(length, 0);
    assert_non_null(data);
    free(data);
    writer_u32(&w, 0x04030201);
    assert_int_equal(writer_take(&w, &data, &length), 0);
    assert_int_equal(length, 4);
    assert_int_equal(data[3], 4);
    free(data);
    writer_u32(&w, 1);
    writer_u8(&w, 1);
    data = NULL;
    length = 7;
    assert_int_equal(writer_take(&w, &data, &length), -E2BIG);
    assert_null(data);
    assert_int_equal(length, 7);
    writer_deinit(&w);
    writer_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_numbers),
        cmocka_unit_test(test_read_edges),
        cmocka_unit_test(test_read_failure_sticks),
        cmocka_unit_test(test_read_guid),
        cmocka_unit_test(test_read_bytes),
        cmocka_unit_test(test_read_align),
        cmocka_unit_test(test_read_sub),
        cmocka_unit_test(test_read_count),
        cmocka_unit_test(test_write_numbers),
        cmocka_unit_test(test_write_limit),
        cmocka_unit_test(test_write_fixed),
        cmocka_unit_test(test_write_patch_align),
        cmocka_unit_test(test_write_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
