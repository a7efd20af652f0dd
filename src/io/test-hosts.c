/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "io/hosts.h"

static char path[] = "/tmp/mantle-test-hosts.XXXXXX";

static int make_file(void **state)
{
    int fd = mkstemp(path);
    if (fd >= 0) close(fd);
    return fd >= 0 ? 0 : -1;
}

static int remove_file(void **state)
{
    return unlink(path);
}

static int load(const char *text, unsigned *line)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return io_hosts_load(path, line);
}

static void assert_address(const char *name, const char *wanted)
{
    IoAddressList *list = NULL;
    char text[IO_ADDRESS_STRING_SIZE];
    assert_int_equal(io_address_resolve(name, 77, &list), 0);
    io_address_format(&list->items[0], text);
    free(list);
    assert_string_equal(text, wanted);
}

static void test_find(void **state)
{
    IoAddressList *list = NULL;
    assert_int_equal(
        load("# a lab\n127.1.2.3:20135 a.lab.test a\n\n  [::1]:9 six # trailing\n127.1.2.4\tb\r\n127.1.2.5 b",
             NULL),
        0);
    assert_address("a", "127.1.2.3:77");
    assert_address("A.Lab.Test", "127.1.2.3:77");
    assert_address("a.lab.test.", "127.1.2.3:77");
    assert_address("six", "[::1]:77");
    assert_int_equal(io_hosts_find("b", 1, &list), 0);
    assert_int_equal(list->count, 2);
    free(list);
    assert_int_equal(io_hosts_find("a.lab", 1, &list), -ENOENT);
    assert_int_equal(io_hosts_find("", 1, &list), -ENOENT);
    assert_int_equal(io_hosts_resolver_port("a"), 20135);
    assert_int_equal(io_hosts_resolver_port("six"), 9);
    assert_int_equal(io_hosts_resolver_port("b"), 0);
    assert_int_equal(io_hosts_resolver_port("nobody"), 0);
    assert_int_equal(io_hosts_load(NULL, NULL), 0);
    assert_int_equal(io_hosts_find("a", 1, &list), -ENOENT);
}

static void test_refused(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
    } bad[] = {
        {"127.0.0.1", 1},     {"127.0.0.1 a\nnoaddress b", 2}, {"127.0.0.1:0 a", 1}, {"127.0.0.1:65536 a", 1},
        {"127.0.0.1 a:1", 1}, {"127.0.0.1 127.0.0.2", 1},      {"127.0.0.1 a b!", 1}};
    assert_int_equal(load("127.1.2.3 kept", NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        unsigned line = 0;
        assert_int_equal(load(bad[i].text, &line), -EINVAL);
        assert_int_equal(line, bad[i].line);
    }
    assert_int_equal(io_hosts_load("/nonexistent/hosts", NULL), -ENOENT);
    assert_address("kept", "127.1.2.3:77");
    assert_int_equal(io_hosts_load(NULL, NULL), 0);
}

static int load_names(unsigned count)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (unsigned i = 0; i < count; i++)
        fprintf(file, "127.0.0.1 h%u\n", i);
    fclose(file);
    return io_hosts_load(path, NULL);
}

static void test_limits(void **state)
{
    assert_int_equal(load_names(IO_HOSTS_MAX), 0);
    assert_int_equal(load_names(IO_HOSTS_MAX + 1), -E2BIG);
    for (int over = 0; over < 2; over++) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        for (unsigned i = 0; i < IO_HOSTS_FILE_MAX + (unsigned)over; i++)
            putc('\n', file);
        fclose(file);
        assert_int_equal(io_hosts_load(path, NULL), over ? -E2BIG : 0);
    }
    assert_int_equal(io_hosts_load(NULL, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
