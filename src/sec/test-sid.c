/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/sid.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void test_text_round_trip(void **state)
{
    static const char *const texts[] = {
        "S-1-5-7",
        "S-1-5-21-3623811015-3361044348-30300820-1013",
        "S-1-0",
        "S-1-4294967295-0",
        "S-1-0x4D4E544C0000-1-4294967295",
        "S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15",
        "S-1-0xFFFFFFFFFFFF-4294967295-4294967295-4294967295-4294967295-4294967295-4294967295-4294967295-"
        "4294967295"
        "-4294967295-4294967295-4294967295-4294967295-4294967295-4294967295-4294967295",
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        Sid sid;
        char text[SID_STRING_SIZE];
        assert_int_equal(sid_parse(texts[i], &sid), 0);
        sid_format(&sid, text);
        assert_string_equal(text, texts[i]);
    }
}

static void test_text_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "S",
        "S-1",
        "S-1-",
        "S-2-5-7",
        "S-1-5-",
        "S-1-5--7",
        "S-1-5-7x",
        "S-1-5 7",
        "S-1-5-4294967296",
        "S-1-0x1000000000000-1",
        "S-1-281474976710656",
        "S-1-0x-1",
        "S-1-5-+7",
        "S-1-5- 7",
        "S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16",
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        Sid sid = {.count = 9};
        assert_int_equal(sid_parse(texts[i], &sid), -EINVAL);
        assert_int_equal(sid.count, 9);
    }
}

static void test_binary(void **state)
{
    static const uint8_t bytes[] = {1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0};
    uint8_t written[sizeof(bytes)];
    Reader reader;
    Writer writer;
    Sid sid;

    reader_init(&reader, bytes, sizeof(bytes));
    sid_read(&reader, &sid);
    assert_int_equal(reader_end(&reader), 0);
    assert_true(sid_equal(&sid, &SID_ADMINISTRATORS));
    writer_init_fixed(&writer, written, sizeof(written));
    sid_write(&writer, &sid);
    assert_int_equal(writer_status(&writer), 0);
    assert_memory_equal(written, bytes, sizeof(bytes));
    for (size_t cut = 0; cut < sizeof(bytes); cut++) {
        reader_init(&reader, bytes, cut);
        sid_read(&reader, &sid);
        assert_int_equal(reader_status(&reader), -EBADMSG);
    }
}

static void test_binary_refused(void **state)
{
    uint8_t bytes[8 + 16 * 4] = {1, 15, 0, 0, 0, 0, 0, 5};
    Reader reader;
    Sid sid;

    reader_init(&reader, bytes, sizeof(bytes));
    sid_read(&reader, &sid);
    assert_int_equal(reader_status(&reader), 0);
    assert_int_equal(sid.count, 15);
    bytes[1] = 16; /* one too many, though the bytes are there */
    reader_init(&reader, bytes, sizeof(bytes));
    sid_read(&reader, &sid);
    assert_int_equal(reader_status(&reader), -EBADMSG);
    bytes[0] = 2;
    bytes[1] = 1;
    reader_init(&reader, bytes, sizeof(bytes));
    sid_read(&reader, &sid);
    assert_int_equal(reader_status(&reader), -EBADMSG);
}

static void test_append(void **state)
{
    Sid domain, user, other;

    assert_int_equal(sid_parse("S-1-5-21-1-2-3", &domain), 0);
    assert_int_equal(sid_append(&domain, 1103, &user), 0);
    assert_int_equal(sid_parse("S-1-5-21-1-2-3-1103", &other), 0);
    assert_true(sid_equal(&user, &other));
    assert_false(sid_equal(&user, &domain));
    assert_int_equal(sid_parse("S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15", &domain), 0);
    assert_int_equal(sid_append(&domain, 1, &user), -E2BIG);
}

static void test_from_principal(void **state)
{
    Sid alice, again, bob;
    char text[SID_STRING_SIZE];

    assert_int_equal(sid_from_principal("alice@LAB.TEST", &alice), 0);
    assert_int_equal(sid_from_principal("alice@LAB.TEST", &again), 0);
    assert_int_equal(sid_from_principal("bob@LAB.TEST", &bob), 0);
    assert_true(sid_equal(&alice, &again));
    assert_false(sid_equal(&alice, &bob));
    assert_int_equal(alice.count, 8);
    sid_format(&alice, text); /* the value is a promise: equal on every machine and in every version */
    assert_string_equal(text, "S-1-0x4D4E544C0000-1852131102-193892509-1022909220-2840527565-2468543814-"
                              "2974999978-2397871862-4001806196");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_round_trip), cmocka_unit_test(test_text_refused),
        cmocka_unit_test(test_binary),          cmocka_unit_test(test_binary_refused),
        cmocka_unit_test(test_append),          cmocka_unit_test(test_from_principal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
