/* SPDX-License-Identifier: Apache-2.0 */
/* GUID text and UTF conversion: what is accepted and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include "base/guid.h"
#include "base/utf16.h"

static void test_guid_text(void **state)
{
    static const Guid expected = {0x000001a0, 0x1234, 0xabcd, {0xc0, 0, 0, 0, 0, 0, 0, 0x46}};
    char text[GUID_STRING_SIZE];
    Guid guid;
    assert_int_equal(guid_parse("000001A0-1234-abCD-c000-000000000046", &guid), 0);
    assert_true(guid_equal(&guid, &expected));
    assert_int_equal(guid_parse("{000001a0-1234-abcd-c000-000000000046}", &guid), 0);
    assert_true(guid_equal(&guid, &expected));
    guid_format(&guid, text);
    assert_string_equal(text, "000001a0-1234-abcd-c000-000000000046");
    assert_int_equal(sizeof(Guid), 16);
}

static void test_guid_bad_text(void **state)
{
    static const char *const bad[] = {
        "",
        "{}",
        "000001a0-1234-abcd-c000-00000000004",
        "000001a0-1234-abcd-c000-0000000000460",
        "{000001a0-1234-abcd-c000-000000000046",
        "000001a0-1234-abcd-c000-000000000046}",
        "{000001a0-1234-abcd-c000-000000000046) ",
        "(000001a0-1234-abcd-c000-000000000046}",
        "000001a001234-abcd-c000-000000000046-",
        "000001a0-1234-abcd-c000-00000000004g",
        "000001a0-1234-abcd-c000-0000000000-6",
        "+00001a0-1234-abcd-c000-000000000046",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        Guid guid = {.data1 = 7};
        assert_int_equal(guid_parse(bad[i], &guid), -EINVAL);
        assert_int_equal(guid.data1, 7);
    }
}

static void test_guid_random(void **state)
{
    Guid a, b;
    assert_int_equal(guid_random(&a), 0);
    assert_int_equal(guid_random(&b), 0);
    assert_false(guid_equal(&a, &b));
    assert_false(guid_is_null(&a));
    assert_int_equal(a.data3 >> 12, 4);
    assert_int_equal(a.data4[0] >> 6, 2);
}

static void check_both_ways(const char *utf8, const char16_t *utf16)
{
    _cleanup_(freep) char16_t *units = NULL;
    _cleanup_(freep) char *bytes = NULL;
    size_t length = 0, expected = utf16_length(utf16);
    assert_int_equal(utf16_from_utf8(utf8, &units, &length), 0);
    assert_int_equal(length, expected);
    assert_memory_equal(units, utf16, (expected + 1) * sizeof(*units));
    assert_int_equal(utf8_from_utf16(utf16, expected, &bytes), 0);
    assert_string_equal(bytes, utf8);
}

static void test_utf_good(void **state)
{
    check_both_ways("", u"");
    check_both_ways("user@REALM", u"user@REALM");
    check_both_ways("\x7f\xc2\x80", u"\x7f\x80");
    check_both_ways("\xdf\xbf\xe0\xa0\x80", u"\x7ff\x800");
    check_both_ways("\xed\x9f\xbf\xee\x80\x80", u"\xd7ff\xe000");
    check_both_ways("\xef\xbf\xbf\xf0\x90\x80\x80", u"\xffff\xd800\xdc00");
    check_both_ways("\xf4\x8f\xbf\xbf", u"\xdbff\xdfff");
}

static void test_utf8_bad(void **state)
{
    static const char *const bad[] = {
        "\x80",             /* a continuation without a start */
        "\xc1\xbf",         /* overlong */
        "\xe0\x9f\xbf",     /* overlong */
        "\xf0\x8f\xbf\xbf", /* overlong */
        "\xed\xa0\x80",     /* a surrogate */
        "\xed\xbf\xbf",     /* a surrogate */
        "\xf4\x90\x80\x80", /* past U+10FFFF */
        "\xf8\x88\x80\x80\x80",
        "\xff",
        "a\xc3",
        "a\xe2\x82",
        "a\xf0\x9f\x98",
        "\xc3(",
        "\xe2\x82(",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        char16_t *units = NULL;
        size_t length = 99;
        assert_int_equal(utf16_from_utf8(bad[i], &units, &length), -EILSEQ);
        assert_null(units);
        assert_int_equal(length, 99);
    }
}

static void test_utf16_bad(void **state)
{
    char *text = NULL;
    assert_int_equal(utf8_from_utf16((const char16_t[]){0xd800}, 1, &text), -EILSEQ);
    assert_int_equal(utf8_from_utf16((const char16_t[]){0xd800, 'a'}, 2, &text), -EILSEQ);
    assert_int_equal(utf8_from_utf16((const char16_t[]){0xd800, 0xd800, 0xdc00}, 3, &text), -EILSEQ);
    assert_int_equal(utf8_from_utf16((const char16_t[]){0xdc00, 0xd800}, 2, &text), -EILSEQ);
    /* a pair that is cut by the length, though its second half lies behind */
    assert_int_equal(utf8_from_utf16((const char16_t[]){0xd800, 0xdc00}, 1, &text), -EILSEQ);
    /* a hidden NUL would make another, shorter name */
    assert_int_equal(utf8_from_utf16(u"root\0@REALM", 11, &text), -EILSEQ);
    assert_null(text);
    assert_int_equal(utf8_from_utf16(u"root\0@REALM", 4, &text), 0);
    assert_string_equal(text, "root");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guid_text),   cmocka_unit_test(test_guid_bad_text),
        cmocka_unit_test(test_guid_random), cmocka_unit_test(test_utf_good),
        cmocka_unit_test(test_utf8_bad),    cmocka_unit_test(test_utf16_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
