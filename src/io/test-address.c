/* SPDX-License-Identifier: Apache-2.0 */
/* Host and address text, limits "per address", resolving. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/time.h"
#include "io/address.h"
#include "io/resolve.h"

static void test_host_good(void **state)
{
    static const struct {
        const char *text, *name;
        uint16_t port;
    } good[] = {
        {"a", "a", 0},
        {"Host-1.example_x.org", "Host-1.example_x.org", 0},
        {"host.:135", "host.", 135},
        {"10.0.0.1:65535", "10.0.0.1", 65535},
        {"::1", "::1", 0},
        {"[::1]", "::1", 0},
        {"[::1]:1", "::1", 1},
        {"[::ffff:10.0.0.1]:135", "::ffff:10.0.0.1", 135},
        {"[fe80::1%lo]:135", "fe80::1%lo", 135},
        {"fe80::1%7", "fe80::1%7", 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        IoHost host, again;
        char text[IO_ADDRESS_STRING_SIZE + IO_HOST_SIZE];
        assert_int_equal(io_host_parse(good[i].text, &host), 0);
        assert_string_equal(host.name, good[i].name);
        assert_int_equal(host.port, good[i].port);
        io_host_format(&host, text);
        assert_int_equal(io_host_parse(text, &again), 0);
        assert_string_equal(again.name, host.name);
        assert_int_equal(again.port, host.port);
    }
}

static void test_host_bad(void **state)
{
    static const char *const bad[] = {
        "",
        ":135",
        "host:",
        "host:0",
        "host:65536",
        "host:1x",
        "host:+1",
        "host: 1",
        "host:01",
        "a b",
        "a/b",
        "-a",
        ".a",
        "a..b",
        "a\nb",
        "h\xc3\xb6st",
        "[::1",
        "[::1]x",
        "[::1]:",
        "[10.0.0.1]",
        "[host]:135",
        "::1]",
        "::1::2",
        "[]",
        "a@b",
        "1:2:3",
        "[::1]:135:1",
        "fe80::1%",
        "fe80::1%no-such-if",
        "::1%",
        "host:999999999999",
        "a:b",
        "host:135 ",
        " host",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        IoHost host = {.port = 77};
        if (io_host_parse(bad[i], &host) != -EINVAL) fail_msg("'%s' was accepted", bad[i]);
        assert_int_equal(host.port, 77);
    }
}

static void test_host_length(void **state)
{
    char text[IO_HOST_SIZE + 1];
    IoHost host;
    memset(text, 'a', sizeof(text));
    text[IO_HOST_SIZE - 1] = 0;
    assert_int_equal(io_host_parse(text, &host), 0);
    assert_int_equal(strlen(host.name), IO_HOST_SIZE - 1);
    text[IO_HOST_SIZE - 1] = 'a';
    text[IO_HOST_SIZE] = 0;
    assert_int_equal(io_host_parse(text, &host), -EINVAL);
}

static void check_format(const char *literal, const char *host, const char *full)
{
    IoAddress address;
    char text[IO_ADDRESS_STRING_SIZE];
    assert_int_equal(io_address_parse(literal, 135, &address), 0);
    assert_int_equal(io_address_port(&address), 135);
    io_address_format_host(&address, text);
    assert_string_equal(text, host);
    io_address_format(&address, text);
    assert_string_equal(text, full);
}

static void test_address_text(void **state)
{
    check_format("10.1.2.3", "10.1.2.3", "10.1.2.3:135");
    check_format("::1", "::1", "[::1]:135");
    check_format("::ffff:10.1.2.3", "10.1.2.3", "10.1.2.3:135");
    check_format("fe80::1%lo", "fe80::1%lo", "[fe80::1%lo]:135");
    check_format("fe80::1%4000000", "fe80::1%4000000", "[fe80::1%4000000]:135");
    static const char *const bad[] = {"",     "10.1.2", "10.1.2.3.4", "010.1.2.3",          "host",
                                      "::1%", "[::1]",  "1.2.3.4 ",   "fe80::1%99999999999"};
    IoAddress address;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(io_address_parse(bad[i], 1, &address), -EINVAL);
}

static void test_address_unix(void **state)
{
    IoAddress address;
    char text[IO_ADDRESS_STRING_SIZE], path[sizeof(address.local.sun_path) + 1];
    assert_int_equal(io_address_unix("/run/mantle/x", &address), 0);
    io_address_format(&address, text);
    assert_string_equal(text, "unix:/run/mantle/x");
    assert_false(io_address_is_ip(&address));
    assert_int_equal(io_address_port(&address), 0);
    assert_int_equal(io_address_unix("", &address), -EINVAL);
    memset(path, 'p', sizeof(path));
    path[sizeof(path) - 2] = 0;
    assert_int_equal(io_address_unix(path, &address), 0);
    path[sizeof(path) - 2] = 'p';
    path[sizeof(path) - 1] = 0;
    assert_int_equal(io_address_unix(path, &address), -ENAMETOOLONG);
}

static void check_key(const char *literal, size_t length, const char *other, bool same)
{
    IoAddress a, b;
    uint8_t key_a[16], key_b[16];
    assert_int_equal(io_address_parse(literal, 1, &a), 0);
    assert_int_equal(io_address_parse(other, 2, &b), 0);
    assert_int_equal(io_address_key(&a, key_a), length);
    size_t length_b = io_address_key(&b, key_b);
    assert_int_equal(length_b == length && memcmp(key_a, key_b, length) == 0, same);
}

static void test_address_key(void **state)
{
    check_key("10.0.0.1", 4, "10.0.0.1", true);
    check_key("10.0.0.1", 4, "::ffff:10.0.0.1", true);
    check_key("10.0.0.1", 4, "10.0.0.2", false);
    check_key("2001:db8::1", 8, "2001:db8::ffff:1", true);
    check_key("2001:db8::1", 8, "2001:db8:0:1::1", false);
    check_key("fe80::1", 16, "fe80::2", false);
    IoAddress address;
    uint8_t key[16];
    assert_int_equal(io_address_unix("/x", &address), 0);
    assert_int_equal(io_address_key(&address, key), 0);
}

static void test_loopback(void **state)
{
    static const struct {
        const char *literal;
        bool loopback;
    } cases[] = {{"127.0.0.1", true},        {"127.9.9.9", true}, {"128.0.0.1", false},
                 {"::ffff:127.0.0.2", true}, {"::1", true},       {"::2", false}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        IoAddress address;
        assert_int_equal(io_address_parse(cases[i].literal, 1, &address), 0);
        assert_int_equal(io_address_is_loopback(&address), cases[i].loopback);
    }
}

static void test_resolve_blocking(void **state)
{
    _cleanup_(freep) IoAddressList *list = NULL;
    assert_int_equal(io_address_resolve("127.0.0.5", 135, &list), 0);
    assert_int_equal(list->count, 1);
    assert_int_equal(io_address_port(&list->items[0]), 135);
    free(TAKE_PTR(list));
    assert_int_equal(io_address_resolve("localhost", 135, &list), 0);
    assert_true(list->count >= 1);
    for (size_t i = 0; i < list->count; i++) {
        assert_true(io_address_is_loopback(&list->items[i]));
        assert_int_equal(io_address_port(&list->items[i]), 135);
    }
    free(TAKE_PTR(list));
    assert_int_equal(io_address_resolve("no spaces", 135, &list), -ENOENT);
    assert_null(list);
}

static int drive(IoResolve *resolve, IoAddressList **ret_list, bool *ret_waited)
{
    for (*ret_waited = false;; *ret_waited = true) {
        IoWait wait;
        int r = io_resolve_step(resolve, ret_list, &wait);
        if (r != IO_AGAIN) return r;
        wait.deadline = time_after(30 * NS_PER_SECOND);
        r = io_wait(&wait);
        if (r < 0) return r;
    }
}

static void test_resolve_step(void **state)
{
    _cleanup_(io_resolve_freep) IoResolve *literal = NULL;
    _cleanup_(io_resolve_freep) IoResolve *name = NULL;
    _cleanup_(io_resolve_freep) IoResolve *bad = NULL;
    _cleanup_(freep) IoAddressList *list = NULL;
    bool waited;
    assert_int_equal(io_resolve_new("::1", 135, &literal), 0);
    assert_int_equal(drive(literal, &list, &waited), 0);
    assert_false(waited);
    assert_int_equal(list->count, 1);
    free(TAKE_PTR(list));
    assert_int_equal(drive(literal, &list, &waited), -EALREADY);
    assert_int_equal(io_resolve_new("localhost", 24158, &name), 0);
    assert_int_equal(drive(name, &list, &waited), 0);
    assert_int_equal(io_address_port(&list->items[0]), 24158);
    free(TAKE_PTR(list));
    assert_int_equal(io_resolve_new("not a name", 1, &bad), 0);
    assert_int_equal(drive(bad, &list, &waited), -ENOENT);
    assert_null(list);
    assert_null(io_resolve_free(NULL));
}

/* More than there are threads; half of them forgotten at once. */
static void test_resolve_many(void **state)
{
    IoResolve *all[4 * IO_RESOLVE_THREADS_MAX] = {NULL};
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        assert_int_equal(io_resolve_new("localhost", 1, &all[i]), 0);
    for (size_t i = 0; i < ARRAY_SIZE(all); i += 2)
        all[i] = io_resolve_free(all[i]);
    for (size_t i = 1; i < ARRAY_SIZE(all); i += 2) {
        _cleanup_(freep) IoAddressList *list = NULL;
        bool waited;
        assert_int_equal(drive(all[i], &list, &waited), 0);
        all[i] = io_resolve_free(all[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_good),    cmocka_unit_test(test_host_bad),
        cmocka_unit_test(test_host_length),  cmocka_unit_test(test_address_text),
        cmocka_unit_test(test_address_unix), cmocka_unit_test(test_address_key),
        cmocka_unit_test(test_loopback),     cmocka_unit_test(test_resolve_blocking),
        cmocka_unit_test(test_resolve_step), cmocka_unit_test(test_resolve_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
