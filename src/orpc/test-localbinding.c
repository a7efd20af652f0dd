/* SPDX-License-Identifier: Apache-2.0 */
/* Local bindings: how they are written, to whom they are told, and what is no such binding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <winerror.h>
#include "orpc/localbinding.h"
#include "orpc/resolver.h"

#define OXID 0x00112233aabbccddull

static void test_with_local(void **state)
{
    (void)state;
    const StringBinding strings[] = {{BINDING_TOWER_TCP, "a.lab.test[5000]"},
                                     {BINDING_TOWER_TCP, "::1[5000]"}};
    const SecurityBinding security = {16, "host/a.lab.test"};
    char text[BINDING_ADDRESS_SIZE];
    uint16_t number;
    for (size_t count = 0; count <= 2; count++) {
        Bindings plain, local;
        BindingsWalk walk = {0};
        uid_t owner = 0;
        assert_int_equal(bindings_new(strings, count, &security, 1, &plain), 0);
        assert_int_equal(bindings_find_local(&plain, OXID, &owner), -ENOENT);
        assert_int_equal(bindings_with_local(&plain, 1000, OXID, &local), 0);
        assert_true(bindings_next_string(&local, &walk, &number, text));
        assert_int_equal(number, BINDING_TOWER_LOCAL);
        assert_string_equal(text, "1000[00112233aabbccdd]");
        for (size_t i = 0; i < count; i++) {
            assert_true(bindings_next_string(&local, &walk, &number, text));
            assert_int_equal(number, BINDING_TOWER_TCP);
            assert_string_equal(text, strings[i].address);
        }
        assert_false(bindings_next_string(&local, &walk, &number, text));
        walk = (BindingsWalk){0};
        assert_true(bindings_next_security(&local, &walk, &number, text));
        assert_string_equal(text, "host/a.lab.test");
        assert_false(bindings_next_security(&local, &walk, &number, text));
        /* it is a well-formed array: what reads those of peers takes it */
        Writer writer;
        Reader reader;
        Bindings read;
        writer_init(&writer, 0);
        bindings_write(&writer, &local);
        reader_init(&reader, writer.data, writer.length);
        bindings_read(&reader, &read);
        assert_int_equal(reader_end(&reader), 0);
        assert_true(bindings_equal(&read, &local));
        assert_false(bindings_equal(&read, &plain));
        writer_deinit(&writer);
        assert_int_equal(bindings_find_local(&local, OXID, &owner), 0);
        assert_int_equal(owner, 1000);
        assert_int_equal(bindings_find_local(&local, OXID + 1, &owner), -ENOENT);
        bindings_deinit(&plain);
        bindings_deinit(&local);
    }
}

static void test_malformed(void **state)
{
    (void)state;
    static const char *const addresses[] = {
        "",
        "1000",
        "[00112233aabbccdd]",
        "1000[00112233AABBCCDD]",
        "1000[0112233aabbccdd]",
        "1000[00112233aabbccdd",
        " 1000[00112233aabbccdd]",
        "+1000[00112233aabbccdd]",
        "01000[00112233aabbccdd]",
        "-1[00112233aabbccdd]",
        "4294967295[00112233aabbccdd]",
        "99999999999999999999[00112233aabbccdd]",
        "1000[../../../etc/passwd]",
        "1000[00112233aabbccdd]x",
        "1000[00112233aabbccde]",
    };
    uid_t owner;
    for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
        Bindings bindings;
        assert_int_equal(
            bindings_new(&(StringBinding){BINDING_TOWER_LOCAL, addresses[i]}, 1, NULL, 0, &bindings), 0);
        assert_int_equal(bindings_find_local(&bindings, OXID, &owner), -ENOENT);
        bindings_deinit(&bindings);
    }
    /* the right text under another protocol */
    Bindings bindings;
    assert_int_equal(
        bindings_new(&(StringBinding){BINDING_TOWER_TCP, "1000[00112233aabbccdd]"}, 1, NULL, 0, &bindings),
        0);
    assert_int_equal(bindings_find_local(&bindings, OXID, &owner), -ENOENT);
    bindings_deinit(&bindings);
}

/* Only local callers that speak ncalrpc are told, and only of exporters that listen. */
static void test_told(void **state)
{
    (void)state;
    static const uint16_t both[] = {BINDING_TOWER_TCP, BINDING_TOWER_LOCAL};
    ResolverOxid entry = {.oxid = OXID, .owner = 1000, .local = true};
    Bindings told;
    uid_t owner;
    const StringBinding tcp = {BINDING_TOWER_TCP, "a[5]"};
    assert_int_equal(bindings_new(&tcp, 1, NULL, 0, &entry.bindings), 0);
    for (unsigned i = 0; i < 16; i++) {
        const bool caller_is_local = i & 1, speaks = i & 2, speaks_tcp = i & 4;
        entry.local = i & 8;
        const uint16_t *first = speaks_tcp ? both : both + 1;
        HRESULT hr =
            resolver_tell_bindings(&entry, caller_is_local, first, (uint16_t)(speaks_tcp + speaks), &told);
        const bool expected = caller_is_local && speaks && entry.local;
        if (!expected && !speaks_tcp) {
            assert_int_equal(hr, HRESULT_FROM_WIN32(RPCST_PROTSEQ_NOT_SUPPORTED));
            continue;
        }
        assert_int_equal(hr, S_OK);
        assert_int_equal(bindings_find_local(&told, OXID, &owner) == 0, expected);
        bindings_deinit(&told);
    }
    bindings_deinit(&entry.bindings);
}

static void test_addresses(void **state)
{
    (void)state;
    IoAddress address;
    char folder[120];
    assert_int_equal(local_exporter_address("/run/mantle", OXID, &address), 0);
    assert_string_equal(address.local.sun_path, "/run/mantle/local/00112233aabbccdd");
    assert_int_equal(local_resolver_address("/run/mantle", &address), 0);
    assert_string_equal(address.local.sun_path, "/run/mantle/resolver.socket");
    memset(folder, 'x', sizeof(folder));
    folder[84] = 0; /* the longest: 107 characters with what follows it */
    assert_int_equal(local_exporter_address(folder, OXID, &address), 0);
    folder[84] = 'x';
    folder[85] = 0;
    assert_int_equal(local_exporter_address(folder, OXID, &address), -ENAMETOOLONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_with_local),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_told),
        cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
