/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "sec/krb5-der.h"

/* One element with this content. */
static Reader element(uint8_t bytes[64], uint8_t tag, const void *content, size_t length)
{
    Reader reader;
    bytes[0] = tag;
    bytes[1] = (uint8_t)length;
    memcpy(bytes + 2, content, length);
    reader_init(&reader, bytes, length + 2);
    return reader;
}

static void test_time(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds; /* -1: refused */
    } rows[] = {
        {"19700101000000Z", 0},  {"20000229235959Z", 951868799},  {"21051231235959Z", 4291747199},
        {"21060101000000Z", -1}, {"19691231235959Z", -1},         {"20001301000000Z", -1},
        {"20000001000000Z", -1}, {"20000100000000Z", -1},         {"20000132000000Z", -1},
        {"20000101240000Z", -1}, {"20000101006000Z", -1},         {"20000101000061Z", -1},
        {"20000101000000z", -1}, {"2000010100000Z", -1},          {"20000101000000Z0", -1},
        {"2000010100 000Z", -1}, {"20161231235960Z", 1483228800}, {"2000-101000000Z", -1},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint8_t bytes[64];
        Reader reader = element(bytes, DER_GENERALIZED_TIME, rows[i].text, strlen(rows[i].text));
        int64_t seconds = der_read_time(&reader);
        if (rows[i].seconds >= 0) assert_int_equal(seconds, rows[i].seconds);
        assert_int_equal(reader_status(&reader) == 0, rows[i].seconds >= 0);
    }
}

static void test_integer(void **state)
{
    static const struct {
        const char *content;
        size_t length;
        int32_t value;
        bool fine;
    } rows[] = {{"\0", 1, 0, true},
                {"\x7f", 1, 127, true},
                {"\xff", 1, -1, true},
                {"\x80\0\0\0", 4, INT32_MIN, true},
                {"\0\xff\xff\xff\xff", 5, -1, true},
                {"\1\xff\xff\xff\xff", 5, 0, false},
                {"", 0, 0, false},
                {"\0\0\0\0\0\1", 6, 0, false}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint8_t bytes[64];
        Reader reader = element(bytes, DER_INTEGER, rows[i].content, rows[i].length);
        assert_int_equal(der_read_integer(&reader), rows[i].value);
        assert_int_equal(reader_end(&reader) == 0, rows[i].fine);
    }
}

static void test_flags(void **state)
{
    uint8_t bytes[64];
    Reader reader = element(bytes, DER_BIT_STRING, "\0\x40\x81\0\1", 5);
    assert_int_equal(der_read_flags(&reader), 0x40810001);
    assert_int_equal(reader_end(&reader), 0);
    reader = element(bytes, DER_BIT_STRING, "\1\x40\x81\0\0", 5); /* 31 bits */
    assert_int_equal(der_read_flags(&reader), 0);
    assert_true(reader.failed);
    reader = element(bytes, DER_BIT_STRING, "\0\x40\x81\0", 4);
    assert_int_equal(der_read_flags(&reader), 0);
    assert_true(reader.failed);
}

/* Lengths of every size, exact and one byte short. */
static void test_length(void **state)
{
    static const size_t lengths[] = {0, 1, 127, 128, 255, 256, 65535, 65536, 100000};
    static uint8_t content[100000];
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        _cleanup_(writer_deinitp) Writer writer;
        Reader reader, inner;
        writer_init(&writer, 0);
        der_write(&writer, DER_OCTET_STRING, content, lengths[i]);
        assert_int_equal(writer_status(&writer), 0);
        reader_init(&reader, writer.data, writer.length);
        inner = der_read(&reader, DER_OCTET_STRING);
        assert_int_equal(reader_left(&inner), lengths[i]);
        assert_int_equal(reader_end(&reader), 0);
        reader_init(&reader, writer.data, writer.length - 1);
        inner = der_read(&reader, DER_OCTET_STRING);
        assert_true(inner.failed && reader.failed);
        reader_init(&reader, writer.data, writer.length);
        inner = der_read_element(&reader);
        assert_int_equal(reader_left(&inner), writer.length);
    }
    /* Indefinite, and longer than four bytes of length. */
    Reader reader;
    reader_init(&reader, "\x04\x80\0\0", 4);
    assert_true(der_read(&reader, DER_OCTET_STRING).failed);
    reader_init(&reader, "\x04\x85\0\0\0\0\0", 7);
    assert_true(der_read(&reader, DER_OCTET_STRING).failed);
}

static void test_optional(void **state)
{
    uint8_t bytes[64];
    Reader content, reader = element(bytes, DER_CONTEXT(1), "x", 1);
    assert_false(der_read_optional(&reader, DER_CONTEXT(0), &content));
    assert_int_equal(reader_left(&content), 0);
    assert_true(der_read_optional(&reader, DER_CONTEXT(1), &content));
    assert_int_equal(reader_left(&content), 1);
    assert_false(der_read_optional(&reader, DER_CONTEXT(1), &content));
    assert_int_equal(reader_end(&reader), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time),   cmocka_unit_test(test_integer),  cmocka_unit_test(test_flags),
        cmocka_unit_test(test_length), cmocka_unit_test(test_optional),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
