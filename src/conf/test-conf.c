/* SPDX-License-Identifier: Apache-2.0 */
/* mantle.conf: every type at its bounds, every kind of mistake with its sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "conf/conf.h"
#include "conf/value.h"

static char path[] = "/tmp/mantle-conf-XXXXXX";

static int make_file(void **state)
{
    int fd = mkstemp(path);
    if (fd >= 0) close(fd);
    return fd < 0;
}

static int remove_file(void **state)
{
    return unlink(path);
}

static void write_file(const char *text, size_t length)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static int load(const char *text, Conf **ret_conf, char **ret_error)
{
    write_file(text, strlen(text));
    return conf_load(path, ret_conf, ret_error);
}

static void check_bad(const char *text, unsigned line, const char *sentence)
{
    _cleanup_(freep) char *error = NULL;
    _cleanup_(freep) char *expected = NULL;
    Conf *conf = NULL;
    int n = line ? asprintf(&expected, "%s:%u: %s", path, line, sentence)
                 : asprintf(&expected, "%s: %s", path, sentence);
    assert_true(n > 0);
    assert_int_equal(load(text, &conf, &error), -EINVAL);
    assert_string_equal(error, expected);
    assert_null(conf);
}

static void test_defaults(void **state)
{
    _cleanup_(conf_freep) Conf *conf = NULL;
    assert_int_equal(conf_new(&conf), 0);
    assert_int_equal(conf_integer(conf, CONF_RESOLVER_PORT), 135);
    assert_null(conf_list(conf, CONF_RESOLVER_LISTEN)[0]);
    assert_int_equal(conf_integer(conf, CONF_EXPORTER_PORT), 24158);
    assert_null(conf_string(conf, CONF_EXPORTER_NAME));
    assert_int_equal(conf_integer(conf, CONF_LIMITS_PREAUTH_BYTES), 65536);
    assert_int_equal(conf_integer(conf, CONF_LIMITS_PREAUTH_SECONDS), 30);
    assert_int_equal(conf_integer(conf, CONF_LIMITS_CONNECTIONS_PER_ADDRESS), 64);
    assert_int_equal(conf_integer(conf, CONF_LIMITS_CONTEXTS_PER_CONNECTION), 2048);
    assert_null(conf_string(conf, CONF_SECURITY_KEYTAB));
    assert_string_equal(conf_text(conf, CONF_RESOLVER_PORT), "135");
    assert_string_equal(conf_text(conf, CONF_SECURITY_KEYTAB), "");
    assert_string_equal(conf_section(CONF_RESOLVER_PORT), "resolver");
    assert_string_equal(conf_name(CONF_RESOLVER_PORT), "port");
    assert_false(conf_boolean(conf, CONF_SECURITY_ALLOW_RC4));
    assert_int_equal(conf_choice(conf, CONF_SECURITY_ACTIVATION_FLOOR),
                     5);                                               /* RPC_C_AUTHN_LEVEL_PKT_INTEGRITY */
    assert_int_equal(conf_choice(conf, CONF_SECURITY_AUTHN_LEVEL), 2); /* RPC_C_AUTHN_LEVEL_CONNECT */
    assert_int_equal(conf_choice(conf, CONF_SECURITY_IMP_LEVEL), 2);   /* RPC_C_IMP_LEVEL_IDENTIFY */
    assert_true(conf_duration(conf, CONF_SECURITY_KDC_TIMEOUT) == 5 * NS_PER_SECOND);
    assert_string_equal(conf_string(conf, CONF_PATHS_RUNTIME), "/run/mantle");
    assert_string_equal(conf_string(conf, CONF_PATHS_CLASSES), "/etc/mantle/classes.d");
    assert_string_equal(conf_origin(conf, CONF_RESOLVER_PORT), "the default");
    assert_null(conf_free(NULL));
}

static void test_good_file(void **state)
{
    static const char text[] = "\xef\xbb\xbf# a comment\n"
                               "[resolver]\r\n"
                               "port = 10135   ; the lab's\r\n"
                               "listen = 127.0.0.1, ::1\n"
                               "   127.0.0.2\n"
                               "\t; between\n"
                               "   127.0.0.3\n"
                               "\n"
                               "[security] # of this machine\n"
                               "keytab=/etc/mantle/my keytab\n"
                               "principal: host/a.example.org@EXAMPLE.ORG\n"
                               "ccache = FILE:/tmp/x\n"
                               "allow_rc4 = Yes\n"
                               "imp_level = DELEGATE\n"
                               "kdc_timeout = 2 min\n"
                               "authn_level = none\n"
                               "[limits]\n"
                               "[resolver]\n"
                               "[exporter]\n"
                               "name =\n"
                               "port = 0";
    _cleanup_(conf_freep) Conf *conf = NULL;
    char *error = NULL, origin[64];
    assert_int_equal(load(text, &conf, &error), 0);
    assert_null(error);
    assert_int_equal(conf_integer(conf, CONF_RESOLVER_PORT), 10135);
    const char *const *list = conf_list(conf, CONF_RESOLVER_LISTEN);
    static const char *const expected[] = {"127.0.0.1", "::1", "127.0.0.2", "127.0.0.3"};
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
        assert_string_equal(list[i], expected[i]);
    assert_null(list[4]);
    assert_string_equal(conf_string(conf, CONF_SECURITY_KEYTAB), "/etc/mantle/my keytab");
    assert_string_equal(conf_string(conf, CONF_SECURITY_PRINCIPAL), "host/a.example.org@EXAMPLE.ORG");
    assert_string_equal(conf_string(conf, CONF_SECURITY_CCACHE), "FILE:/tmp/x");
    assert_true(conf_boolean(conf, CONF_SECURITY_ALLOW_RC4));
    assert_int_equal(conf_choice(conf, CONF_SECURITY_IMP_LEVEL), 4);
    assert_int_equal(conf_choice(conf, CONF_SECURITY_AUTHN_LEVEL), 1);
    assert_true(conf_duration(conf, CONF_SECURITY_KDC_TIMEOUT) == 120 * NS_PER_SECOND);
    assert_int_equal(conf_integer(conf, CONF_EXPORTER_PORT), 0);
    assert_null(conf_string(conf, CONF_EXPORTER_NAME));
    (void)snprintf(origin, sizeof(origin), "%s:4", path);
    assert_string_equal(conf_origin(conf, CONF_RESOLVER_LISTEN), origin);
}

static void test_unknown(void **state)
{
    check_bad("[resolver]\nprt = 1\n", 2,
              "[resolver] has no key prt; expected one of port, listen, hosts_file, ping_period.");
    check_bad("\n[resolvr]\n", 2,
              "there is no section [resolvr]; expected one of resolver, exporter, limits, security, authority, accounts, audit, paths.");
    check_bad(
        "[resolver ]\nport = 1\n", 1,
        "there is no section [resolver ]; expected one of resolver, exporter, limits, security, authority, accounts, audit, paths.");
    check_bad("[]\n", 1,
              "there is no section []; expected one of resolver, exporter, limits, security, authority, accounts, audit, paths.");
    check_bad("port = 1\n", 1,
              "the key port stands before the first section; expected a `[section]` line above it.");
    check_bad("[paths]\nport = 1\n", 2, "[paths] has no key port; expected one of runtime, classes_dir.");
}

static void test_duplicate(void **state)
{
    check_bad("[resolver]\nport = 1\n\nport = 1\n", 4,
              "port in [resolver] is set a second time; expected it once, it stands in line 2 already.");
    check_bad("[resolver]\nport = 1\n[exporter]\nport = 1\n[resolver]\nport = 2\n", 6,
              "port in [resolver] is set a second time; expected it once, it stands in line 2 already.");
    check_bad("[resolver]\nlisten = ::1\nlisten = ::2\n", 3,
              "listen in [resolver] is set a second time; expected it once, it stands in line 2 already.");
}

static void test_bad_values(void **state)
{
    check_bad("[resolver]\nport = 0\n", 2, "port = 0 in [resolver]: expected a port from 1 to 65535.");
    check_bad("[resolver]\nport =\n", 2, "port =  in [resolver]: expected a port from 1 to 65535.");
    check_bad("[limits]\npreauth_seconds = 30s\n", 2,
              "preauth_seconds = 30s in [limits]: expected a whole number from 1 to 3600.");
    check_bad("[security]\nallow_rc4 = maybe\n", 2, "allow_rc4 = maybe in [security]: expected yes or no.");
    check_bad("[security]\nkeytab = mantle.keytab\n", 2,
              "keytab = mantle.keytab in [security]: expected an absolute path.");
    check_bad("[paths]\nruntime =\n", 2, "runtime =  in [paths]: expected an absolute path.");
    check_bad("[security]\nkdc_timeout = 5\n", 2,
              "kdc_timeout = 5 in [security]: expected a duration from 100ms to 5min, with the unit ms, s, "
              "min or h.");
    check_bad(
        "[security]\nimp_level = default\n", 2,
        "imp_level = default in [security]: expected one of anonymous, identify, impersonate, delegate.");
    check_bad("[resolver]\nlisten = ::1 example.org\n", 2,
              "listen = ::1 example.org in [resolver]: expected IPv4 or IPv6 addresses separated by spaces "
              "or commas.");
    check_bad(
        "[resolver]\nlisten = ::1\n  nonsense\n", 3,
        "listen = nonsense in [resolver]: expected IPv4 or IPv6 addresses separated by spaces or commas.");
}

static void test_bad_lines(void **state)
{
    check_bad("[resolver]\nport = 1\nnonsense\n", 3, "expected `key = value` or `[section]`.");
    check_bad("[resolver] port = 1\n", 1, "expected `[section]` and nothing behind it.");
    check_bad("[resolver\n", 1, "expected `[section]` and nothing behind it.");
    check_bad("[resolver]\nport = 1\n  2\n", 3,
              "an indented line continues the one above it, and port is not a list; expected the line to "
              "begin with its "
              "key.");
    /* what could steer a terminal does not reach it */
    check_bad("[resolver]\n\x1b[2Jx\xc2\x9b = 1\n", 2,
              "[resolver] has no key ?[2Jx??; expected one of port, listen, hosts_file, ping_period.");
    char *error = NULL;
    Conf *conf = NULL;
    write_file("[resolver]\nport = 1\0 5\n", 23);
    assert_int_equal(conf_load(path, &conf, &error), -EINVAL);
    assert_non_null(strstr(error, ":2: the line contains a NUL character."));
    free(error);
}

static void test_line_length(void **state)
{
    /* inih takes lines of 199 bytes with their end */
    char text[600];
    for (int extra = 0; extra < 2; extra++) {
        _cleanup_(freep) char *error = NULL;
        _cleanup_(conf_freep) Conf *conf = NULL;
        int head = snprintf(text, sizeof(text), "[security]\nprincipal = ");
        size_t fill = 199 - strlen("principal = \n") + (size_t)extra;
        memset(text + head, 'p', fill);
        (void)snprintf(text + head + fill, sizeof(text) - (size_t)head - fill, "\n[paths]\n");
        int r = load(text, &conf, &error);
        if (extra) {
            assert_int_equal(r, -EINVAL);
            assert_non_null(strstr(error, ":2: the line is too long; a list may go on in indented lines."));
        } else {
            assert_int_equal(r, 0);
            assert_int_equal(strlen(conf_string(conf, CONF_SECURITY_PRINCIPAL)), fill);
        }
    }
}

static void test_which_file(void **state)
{
    _cleanup_(conf_freep) Conf *conf = NULL;
    char *error = NULL;
    assert_int_equal(conf_load("/nonexistent/mantle.conf", &conf, &error), -ENOENT);
    assert_string_equal(error, "/nonexistent/mantle.conf: cannot be opened: No such file or directory.");
    free(error);
    error = NULL;
    assert_int_equal(conf_load("/tmp", &conf, &error), -EINVAL);
    assert_string_equal(error, "/tmp: is not a regular file.");
    free(error);
    error = NULL;
    write_file("[resolver]\nport = 77\n", 21);
    assert_int_equal(setenv(CONF_ENVIRONMENT, path, 1), 0);
    assert_int_equal(conf_load(NULL, &conf, &error), 0);
    assert_int_equal(conf_integer(conf, CONF_RESOLVER_PORT), 77);
    conf = conf_free(conf);
    /* a file that was asked for must exist, however it was asked for */
    assert_int_equal(setenv(CONF_ENVIRONMENT, "/nonexistent/x", 1), 0);
    assert_int_equal(conf_load(NULL, &conf, &error), -ENOENT);
    free(error);
    error = NULL;
    assert_int_equal(unsetenv(CONF_ENVIRONMENT), 0);
    assert_int_equal(chmod(path, 0602), 0);
    assert_int_equal(conf_load(path, &conf, &error), -EPERM);
    assert_non_null(strstr(error, "everybody may write to this file"));
    free(error);
    assert_int_equal(chmod(path, 0600), 0);
}

static void test_set(void **state)
{
    _cleanup_(conf_freep) Conf *conf = NULL;
    _cleanup_(freep) char *error = NULL;
    assert_int_equal(conf_new(&conf), 0);
    assert_int_equal(conf_set(conf, CONF_RESOLVER_PORT, "1135", &error), 0);
    assert_int_equal(conf_set(conf, CONF_RESOLVER_PORT, "1136", &error), 0);
    assert_int_equal(conf_set(conf, CONF_RESOLVER_LISTEN, "::1", &error), 0);
    assert_int_equal(conf_integer(conf, CONF_RESOLVER_PORT), 1136);
    assert_string_equal(conf_list(conf, CONF_RESOLVER_LISTEN)[0], "::1");
    assert_string_equal(conf_origin(conf, CONF_RESOLVER_PORT), "the command line");
    assert_int_equal(conf_set(conf, CONF_RESOLVER_PORT, "x", &error), -EINVAL);
    assert_string_equal(error, "the command line: port = x in [resolver]: expected a port from 1 to 65535.");
    assert_int_equal(conf_integer(conf, CONF_RESOLVER_PORT), 1136);
}

static void check_value(const ConfKey *key, const char *text, int status, int64_t number)
{
    ConfValue value = {.number = -7};
    int r = conf_value_parse(key, text, &value);
    if (r != status || value.number != (status ? -7 : number))
        fail_msg("'%s' gave %d, %lld", text, r, (long long)value.number);
    conf_value_deinit(&value);
}

static void test_value_bounds(void **state)
{
    static const ConfKey integer = {.fallback = "5", .type = CONF_INTEGER, .minimum = 2, .maximum = 900};
    static const ConfKey duration = {.fallback = "1s",
                                     .type = CONF_DURATION,
                                     .minimum = 500 * (int64_t)NS_PER_MS,
                                     .maximum = 3600 * (int64_t)NS_PER_SECOND};
    static const ConfKey choice = {.fallback = "a", .type = CONF_CHOICE, .choices = "|alpha|be"};
    static const ConfKey boolean = {.fallback = "no", .type = CONF_BOOLEAN};
    check_value(&integer, "1", -EINVAL, 0);
    check_value(&integer, "2", 0, 2);
    check_value(&integer, "900", 0, 900);
    check_value(&integer, "901", -EINVAL, 0);
    check_value(&integer, "0x10", -EINVAL, 0);
    check_value(&integer, "-5", -EINVAL, 0);
    check_value(&integer, "+5", -EINVAL, 0);
    check_value(&integer, "18446744073709551621", -EINVAL, 0);
    check_value(&duration, "499ms", -EINVAL, 0);
    check_value(&duration, "500ms", 0, 500 * (int64_t)NS_PER_MS);
    check_value(&duration, "1h", 0, 3600 * (int64_t)NS_PER_SECOND);
    check_value(&duration, "61min", -EINVAL, 0);
    check_value(&duration, "999999999999999h", -EINVAL, 0);
    check_value(&duration, "s", -EINVAL, 0);
    check_value(&duration, "5 sec", -EINVAL, 0);
    check_value(&choice, "alpha", 0, 1);
    check_value(&choice, "BE", 0, 2);
    check_value(&choice, "b", -EINVAL, 0);
    check_value(&choice, "|alpha", -EINVAL, 0);
    check_value(&choice, "", -EINVAL, 0);
    check_value(&boolean, "on", 0, 1);
    check_value(&boolean, "FALSE", 0, 0);
    check_value(&boolean, "2", -EINVAL, 0);
}

static void test_describe(void **state)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    assert_non_null(file);
    conf_schema_describe(file);
    assert_int_equal(fclose(file), 0);
    assert_non_null(strstr(text, ".SS [resolver]\n.TP\n.BR port \" (port, default 135)\"\n"));
    assert_non_null(strstr(text, ".BR listen \" (addresses, not set)\"\n"));
    assert_non_null(strstr(text, "\nExpects one of none, connect, call, packet, integrity, privacy.\n"));
    size_t keys = 0;
    for (const char *p = text; (p = strstr(p, "\n.TP\n")); p++)
        keys++;
    assert_int_equal(keys, CONF_COUNT);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),    cmocka_unit_test(test_good_file),
        cmocka_unit_test(test_unknown),     cmocka_unit_test(test_duplicate),
        cmocka_unit_test(test_bad_values),  cmocka_unit_test(test_bad_lines),
        cmocka_unit_test(test_line_length), cmocka_unit_test(test_which_file),
        cmocka_unit_test(test_set),         cmocka_unit_test(test_value_bounds),
        cmocka_unit_test(test_describe),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
