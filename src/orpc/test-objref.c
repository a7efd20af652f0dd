/* SPDX-License-Identifier: Apache-2.0 */
/* Bindings, OBJREF, ORPCTHIS and ORPCTHAT: the boundaries both ways, and every truncation. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>
#include <cmocka.h>
#include "orpc/objref.h"
#include "orpc/orpcthis.h"

static const Guid iid = {0xf309ad18, 0xd86a, 0x11d0, {0xa0, 0x75, 0, 0xc0, 0x4f, 0xb6, 0x88, 0x20}};
static const StringBinding strings[] = {{BINDING_TOWER_TCP, "a.lab.test"},
                                        {BINDING_TOWER_TCP, "\xe2\x82\xac\xf0\x9d\x84\x9e[77]"}};
static const SecurityBinding securities[] = {{16, "host/a"}, {9, ""}};

static void sample_bindings(Bindings *ret)
{
    assert_int_equal(bindings_new(strings, 2, securities, 2, ret), 0);
}

static void test_bindings_round_trip(void **state)
{
    Bindings made, read;
    sample_bindings(&made);
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, 0);
    bindings_write_ndr(&writer, &made);
    Reader reader;
    reader_init(&reader, writer.data, writer.length);
    bindings_read_ndr(&reader, &read);
    assert_int_equal(reader_end(&reader), 0);
    char text[BINDING_ADDRESS_SIZE];
    uint16_t value;
    BindingsWalk walk = {0};
    for (size_t i = 0; i < 2; i++) {
        assert_true(bindings_next_string(&read, &walk, &value, text));
        assert_int_equal(value, strings[i].tower);
        assert_string_equal(text, strings[i].address);
    }
    assert_false(bindings_next_string(&read, &walk, &value, text));
    walk = (BindingsWalk){0};
    for (size_t i = 0; i < 2; i++) {
        assert_true(bindings_next_security(&read, &walk, &value, text));
        assert_int_equal(value, securities[i].service);
        assert_string_equal(text, securities[i].principal);
    }
    assert_false(bindings_next_security(&read, &walk, &value, text));
    bindings_deinit(&made);
}

/* Sixteen-bit units; the expected verdict. */
static void check_bindings(const uint16_t *units, size_t count, bool valid)
{
    Reader reader;
    Bindings read;
    reader_init(&reader, units, count * 2);
    bindings_read(&reader, &read);
    assert_int_equal(reader_end(&reader) == 0, valid);
    assert_int_equal(read.data != NULL, valid);
}

static void test_bindings_malformed(void **state)
{
    check_bindings((uint16_t[]){4, 2, 0, 0, 0, 0}, 6, true);  /* the smallest */
    check_bindings((uint16_t[]){4, 4, 0, 0, 0, 0}, 6, false); /* no security part */
    check_bindings((uint16_t[]){5, 2, 0, 0, 0, 0}, 6, false); /* one unit short */
    check_bindings((uint16_t[]){0, 0}, 2, false);
    check_bindings((uint16_t[]){6, 4, 7, 'a', 0, 0, 0, 0}, 8, true);
    check_bindings((uint16_t[]){6, 4, 7, 'a', 'b', 'c', 0, 0}, 8, false); /* string without end */
    check_bindings((uint16_t[]){6, 4, 7, 'a', 0, 7, 0, 0}, 8, false);     /* list without end */
    check_bindings((uint16_t[]){6, 2, 0, 0, 9, 0xffff, 0, 0}, 8, true);
    check_bindings((uint16_t[]){6, 2, 0, 0, 9, 0xffff, 'x', 0}, 8, false);
    check_bindings((uint16_t[]){4, 2, 0, 0, 9, 0xffff}, 6, false);
}

static void test_bindings_bad_text_is_skipped(void **state)
{
    const uint16_t units[] = {12, 10, 7, 0xd800, 'a', 0, 7, 'b', 0, 0, 0, 0, 0, 0};
    Reader reader;
    Bindings read;
    reader_init(&reader, units, sizeof(units));
    bindings_read(&reader, &read);
    assert_int_equal(reader_end(&reader), 0);
    char text[BINDING_ADDRESS_SIZE];
    uint16_t tower;
    BindingsWalk walk = {0};
    assert_true(bindings_next_string(&read, &walk, &tower, text));
    assert_string_equal(text, "b");
    assert_false(bindings_next_string(&read, &walk, &tower, text));
}

static void test_bindings_limit(void **state)
{
    static StringBinding many[BINDINGS_ENTRIES_MAX / 4];
    for (size_t i = 0; i < ARRAY_SIZE(many); i++)
        many[i] = (StringBinding){BINDING_TOWER_TCP, "ab"};
    Bindings made;
    assert_int_equal(bindings_new(many, ARRAY_SIZE(many) - 1, NULL, 0, &made), 0);
    bindings_deinit(&made);
    assert_int_equal(bindings_new(many, ARRAY_SIZE(many), NULL, 0, &made), -E2BIG);
    assert_int_equal(bindings_new(&(StringBinding){7, "\xff"}, 1, NULL, 0, &made), -EILSEQ);
}

static void test_address(void **state)
{
    static const struct {
        const char *address, *host;
        int port; /* -1: malformed */
    } rows[] = {
        {"a", "a", 0},
        {"a[1]", "a", 1},
        {"a[65535]", "a", 65535},
        {"a[65536]", "", -1},
        {"a[0]", "", -1},
        {"a[]", "", -1},
        {"a[1", "", -1},
        {"a[1]x", "", -1},
        {"", "", -1},
        {"[::1]", "::1", 0},
        {"[::1][5]", "::1", 5},
        {"::1[5]", "::1", 5},
        {"[::1", "", -1},
        {"[]", "", -1},
        {"a]", "", -1},
        {"fe80::1%eth0[9]", "fe80::1%eth0", 9},
        {"[::1]5", "", -1},
        {"127.0.0.2[49152]", "127.0.0.2", 49152},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char host[BINDING_HOST_SIZE];
        uint16_t port = 0;
        int r = binding_split(rows[i].address, host, &port);
        assert_int_equal(r, rows[i].port < 0 ? -EINVAL : 0);
        if (r < 0) continue;
        assert_string_equal(host, rows[i].host);
        assert_int_equal(port, rows[i].port);
    }
    char address[BINDING_ADDRESS_SIZE];
    assert_int_equal(binding_join("::1", 135, address), 0);
    assert_string_equal(address, "::1[135]");
}

static void write_sample(Writer *writer, uint32_t kind, const Bindings *resolver)
{
    objref_write(writer, &(Objref){.kind = kind,
                                   .iid = iid,
                                   .std = {SORF_NOPING, 5, 1, 2, iid},
                                   .resolver = *resolver,
                                   .clsid = iid,
                                   .custom_reserved = 5,
                                   .data = (const uint8_t *)"hello",
                                   .data_length = kind >= OBJREF_CUSTOM ? 5 : 0});
}

static void test_objref_kinds(void **state)
{
    Bindings resolver;
    sample_bindings(&resolver);
    for (uint32_t kind = OBJREF_STANDARD; kind <= OBJREF_EXTENDED; kind <<= 1) {
        _cleanup_(writer_deinitp) Writer first, second;
        writer_init(&first, 0);
        writer_init(&second, 0);
        write_sample(&first, kind, &resolver);
        assert_int_equal(writer_status(&first), 0);
        Objref objref;
        assert_int_equal(objref_parse(first.data, first.length, &objref), 0);
        assert_int_equal(objref.kind, kind);
        if (kind != OBJREF_CUSTOM) assert_int_equal(objref.std.public_refs, 5);
        objref_write(&second, &objref);
        assert_int_equal(second.length, first.length);
        assert_memory_equal(second.data, first.data, first.length);
        /* A custom OBJREF ends where its bytes end; all others know. */
        size_t shortest = kind == OBJREF_CUSTOM ? 48 : first.length;
        for (size_t cut = 0; cut < first.length; cut++)
            assert_int_equal(objref_parse(first.data, cut, &objref), cut < shortest ? -EBADMSG : 0);
        writer_u8(&first, 0);
        assert_int_equal(objref_parse(first.data, first.length, &objref),
                         kind == OBJREF_CUSTOM ? 0 : -EBADMSG);
        first.data[4] = 3; /* two kinds at once */
        assert_int_equal(objref_parse(first.data, first.length, &objref), -EBADMSG);
    }
    bindings_deinit(&resolver);
}

static void test_interface_pointer(void **state)
{
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, 0);
    interface_pointer_write(&writer, "abcd", 4);
    Reader reader;
    const uint8_t *data;
    size_t length;
    reader_init(&reader, writer.data, writer.length);
    interface_pointer_read(&reader, &data, &length);
    assert_int_equal(reader_end(&reader), 0);
    assert_int_equal(length, 4);
    writer.data[0] = 3; /* the counts disagree */
    reader_init(&reader, writer.data, writer.length);
    interface_pointer_read(&reader, &data, &length);
    assert_int_equal(reader_status(&reader), -EBADMSG);
    memset(writer.data, 0xff, 8);
    reader_init(&reader, writer.data, writer.length);
    interface_pointer_read(&reader, &data, &length);
    assert_int_equal(reader_status(&reader), -EBADMSG);
}

static void test_extents(void **state)
{
    OrpcThis sent = {.version = {5, 7}, .causality = iid, .extent_count = ORPC_EXTENTS_MAX - 1};
    for (uint32_t i = 0; i < sent.extent_count; i++)
        sent.extents[i] = (OrpcExtent){iid, (const uint8_t *)"0123456789", i};
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, 0);
    orpc_this_write(&writer, &sent);
    Reader reader;
    OrpcThis received;
    reader_init(&reader, writer.data, writer.length);
    orpc_this_read(&reader, &received);
    assert_int_equal(reader_end(&reader), 0);
    assert_int_equal(received.extent_count, sent.extent_count);
    for (uint32_t i = 0; i < sent.extent_count; i++) {
        assert_int_equal(received.extents[i].size, i);
        assert_memory_equal(received.extents[i].data, "0123456789", i);
    }
    for (size_t cut = 0; cut < writer.length; cut++) {
        reader_init(&reader, writer.data, cut);
        orpc_this_read(&reader, &received);
        assert_int_equal(reader_status(&reader), -EBADMSG);
        assert_int_equal(received.extent_count, 0);
    }
    writer.data[32] = ORPC_EXTENTS_MAX + 1; /* ORPC_EXTENT_ARRAY.size */
    reader_init(&reader, writer.data, writer.length);
    orpc_this_read(&reader, &received);
    assert_int_equal(reader_status(&reader), -EBADMSG);
}

static void test_error_info(void **state)
{
    OrpcErrorInfo sent = {.help_context = 7,
                          .iid = iid,
                          .source = u"Mantle",
                          .description = u"no ticket for b"},
                  found;
    _cleanup_(writer_deinitp) Writer extent, stub;
    writer_init(&extent, 0);
    writer_init(&stub, 0);
    orpc_error_info_write(&extent, &sent);
    assert_int_equal(writer_status(&extent), 0);
    OrpcThat that = {.extent_count = 1,
                     .extents = {{ORPC_EXTENT_ERROR, extent.data, (uint32_t)extent.length}}};
    orpc_that_write(&stub, &that);
    Reader reader;
    OrpcThat received;
    reader_init(&reader, stub.data, stub.length);
    orpc_that_read(&reader, &received);
    assert_int_equal(reader_end(&reader), 0);
    assert_int_equal(orpc_error_info_find(received.extents, received.extent_count, &found), 0);
    assert_int_equal(found.help_context, 7);
    assert_memory_equal(found.source, u"Mantle", sizeof(u"Mantle"));
    assert_memory_equal(found.description, sent.description, sizeof(u"no ticket for b"));
    assert_null(found.help_file);
    orpc_error_info_deinit(&found);
    for (uint32_t cut = 0; cut < extent.length; cut++) {
        OrpcExtent shorter = {ORPC_EXTENT_ERROR, extent.data, cut};
        assert_int_equal(orpc_error_info_find(&shorter, 1, &found), -EBADMSG);
    }
    assert_int_equal(orpc_error_info_find(NULL, 0, &found), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bindings_round_trip),
        cmocka_unit_test(test_bindings_malformed),
        cmocka_unit_test(test_bindings_bad_text_is_skipped),
        cmocka_unit_test(test_bindings_limit),
        cmocka_unit_test(test_address),
        cmocka_unit_test(test_objref_kinds),
        cmocka_unit_test(test_interface_pointer),
        cmocka_unit_test(test_extents),
        cmocka_unit_test(test_error_info),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
