/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "base/utf16.h"
#include "base/writer.h"
#include "sec/pac.h"

typedef struct Membership {
    uint32_t rid, attributes;
} Membership;

/* A KERB_VALIDATION_INFO by the book; what a test wants wrong it says here. */
typedef struct Vector {
    const Membership *groups, *resources;
    size_t group_count, resource_count;
    const char *extra[4];
    uint32_t extra_attributes;
    const char *domain, *resource_domain;
    uint32_t wrong_conformance;       /* added to the conformance of the group list */
    uint32_t extra_count, group_says; /* counts that are claimed, if not 0 */
} Vector;

static const Membership usual_groups[] = {{513, 7}, {1201, 7}, {1202, 0x17}, {1203, 3}};
static const Membership usual_resources[] = {{2001, 0x20000007}};
static const Vector usual = {
    .groups = usual_groups,
    .group_count = 4,
    .resources = usual_resources,
    .resource_count = 1,
    .extra = {"S-1-18-1", "S-1-5-21-9-9-9-500"},
    .extra_attributes = 7,
    .domain = "S-1-5-21-1-2-3",
    .resource_domain = "S-1-5-21-7-7-7",
};

static uint32_t next_referent;

static void put_pointer(Writer *writer, bool present)
{
    writer_u32(writer, present ? (next_referent += 4) : 0);
}

static void put_name(Writer *writer, const char *text)
{
    uint16_t bytes = (uint16_t)(2 * strlen(text));
    writer_u16(writer, bytes);
    writer_u16(writer, bytes);
    put_pointer(writer, bytes > 0);
}

static void put_name_referent(Writer *writer, const char *text)
{
    uint32_t units = (uint32_t)strlen(text);
    if (!units) return;
    writer_align(writer, 4, 0);
    writer_u32(writer, units);
    writer_u32(writer, 0);
    writer_u32(writer, units);
    for (uint32_t i = 0; i < units; i++)
        writer_u16(writer, (uint8_t)text[i]);
}

static void put_sid(Writer *writer, const char *text)
{
    Sid sid;
    assert_int_equal(sid_parse(text, &sid), 0);
    writer_align(writer, 4, 0);
    writer_u32(writer, sid.count);
    sid_write(writer, &sid);
}

static void put_memberships(Writer *writer, const Membership *list, size_t count, uint32_t wrong)
{
    if (!count) return;
    writer_align(writer, 4, 0);
    writer_u32(writer, (uint32_t)count + wrong);
    for (size_t i = 0; i < count; i++) {
        writer_u32(writer, list[i].rid);
        writer_u32(writer, list[i].attributes);
    }
}

static const char *const names[] = {"alice", "Alice of the Lab", "", "", "", ""};

static size_t extra_of(const Vector *vector)
{
    size_t count = 0;
    while (vector->extra[count])
        count++;
    return count;
}

static void put_body(Writer *writer, const Vector *vector)
{
    const size_t extra = extra_of(vector);

    put_pointer(writer, true);
    writer_fill(writer, 0x11, 48);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        put_name(writer, names[i]);
    writer_u32(writer, 0);
    writer_u32(writer, 1103);
    writer_u32(writer, 513);
    writer_u32(writer, vector->group_says ? vector->group_says : (uint32_t)vector->group_count);
    put_pointer(writer, vector->group_count > 0);
    writer_u32(writer, 0x20);
    writer_fill(writer, 0, 16);
    put_name(writer, "KDC");
    put_name(writer, "LAB");
    put_pointer(writer, vector->domain != NULL);
    writer_fill(writer, 0, 8);
    writer_u32(writer, PAC_ACCOUNT_NORMAL | PAC_ACCOUNT_NOT_DELEGATED);
    writer_fill(writer, 0, 28);
    writer_u32(writer, vector->extra_count ? vector->extra_count : (uint32_t)extra);
    put_pointer(writer, extra > 0);
    put_pointer(writer, vector->resource_domain != NULL);
    writer_u32(writer, (uint32_t)vector->resource_count);
    put_pointer(writer, vector->resource_count > 0);

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        put_name_referent(writer, names[i]);
    put_memberships(writer, vector->groups, vector->group_count, vector->wrong_conformance);
    put_name_referent(writer, "KDC");
    put_name_referent(writer, "LAB");
    if (vector->domain) put_sid(writer, vector->domain);
    if (extra) {
        writer_align(writer, 4, 0);
        writer_u32(writer, (uint32_t)extra);
        for (size_t i = 0; i < extra; i++) {
            put_pointer(writer, true);
            writer_u32(writer, vector->extra_attributes);
        }
        for (size_t i = 0; i < extra; i++)
            put_sid(writer, vector->extra[i]);
    }
    if (vector->resource_domain) put_sid(writer, vector->resource_domain);
    put_memberships(writer, vector->resources, vector->resource_count, 0);
    writer_align(writer, 8, 0);
}

static size_t build(const Vector *vector, uint8_t **ret_data)
{
    _cleanup_(writer_deinitp) Writer body, whole;
    size_t length;

    writer_init(&body, 0);
    writer_init(&whole, 0);
    next_referent = 0x20000;
    put_body(&body, vector);
    writer_u32(&whole, 0x00081001);
    writer_u32(&whole, 0xcccccccc);
    writer_u32(&whole, (uint32_t)body.length);
    writer_u32(&whole, 0);
    writer_bytes(&whole, body.data, body.length);
    assert_int_equal(writer_take(&whole, ret_data, &length), 0);
    return length;
}

static int parse(const Vector *vector, PacLogon **ret_logon)
{
    _cleanup_(freep) uint8_t *data = NULL;
    size_t length = build(vector, &data);
    return pac_logon_parse(data, length, ret_logon);
}

static void assert_sid(const Sid *sid, const char *text)
{
    char formatted[SID_STRING_SIZE];
    sid_format(sid, formatted);
    assert_string_equal(formatted, text);
}

static void test_usual(void **state)
{
    _cleanup_(freep) PacLogon *logon = NULL;

    assert_int_equal(parse(&usual, &logon), 0);
    assert_sid(&logon->domain, "S-1-5-21-1-2-3");
    assert_sid(&logon->user, "S-1-5-21-1-2-3-1103");
    assert_int_equal(logon->account_flags, 0x4010);
    assert_int_equal(logon->group_count,
                     5); /* 1202 is for denying only, 1203 is not enabled, 513 stands once */
    assert_sid(&logon->groups[0], "S-1-5-21-1-2-3-513");
    assert_sid(&logon->groups[1], "S-1-5-21-1-2-3-1201");
    assert_sid(&logon->groups[2], "S-1-18-1");
    assert_sid(&logon->groups[3], "S-1-5-21-9-9-9-500");
    assert_sid(&logon->groups[4], "S-1-5-21-7-7-7-2001");
}

/* Nobody gets a local account's SID, or one that is derived from a principal, from a KDC. */
static void test_sids_of_this_machine(void **state)
{
    const Vector extra = {.domain = "S-1-5-21-1-2-3",
                          .extra = {"S-1-22-1-0", "S-1-0x4D4E544C0000-1-2-3-4-5-6-7-8", "S-1-18-1"},
                          .extra_attributes = 7};
    const Vector domain = {.domain = "S-1-22-1"}, derived = {.domain = "S-1-0x4D4E544C0000-1-2-3-4-5-6-7"};
    _cleanup_(freep) PacLogon *logon = NULL;
    PacLogon *none = NULL;

    assert_int_equal(parse(&extra, &logon), 0);
    assert_int_equal(logon->group_count, 2);
    assert_sid(&logon->groups[1], "S-1-18-1");
    assert_int_equal(parse(&domain, &none), PAC_MALFORMED);
    assert_int_equal(parse(&derived, &none), PAC_MALFORMED);
}

static void test_least(void **state)
{
    const Vector vector = {.domain = "S-1-5-21-1-2-3"};
    _cleanup_(freep) PacLogon *logon = NULL;

    assert_int_equal(parse(&vector, &logon), 0);
    assert_int_equal(logon->group_count, 1);
    assert_sid(&logon->groups[0], "S-1-5-21-1-2-3-513");
}

static void test_truncated(void **state)
{
    _cleanup_(freep) uint8_t *data = NULL;
    size_t length = build(&usual, &data);

    for (size_t cut = 0; cut < length; cut++) {
        _cleanup_(freep) uint8_t *part = malloc(cut ? cut : 1); /* of exactly that size, for the sanitizer */
        PacLogon *logon = NULL;
        memcpy(part, data, cut);
        assert_int_equal(pac_logon_parse(part, cut, &logon), PAC_MALFORMED);
        assert_null(logon);
        if (cut < 16) continue; /* and with a header that agrees */
        uint32_t body = (uint32_t)(cut - 16);
        memcpy(part + 8, &body, 4);
        int r = pac_logon_parse(part, cut, &logon);
        assert_true(r == PAC_MALFORMED || (r == 0 && length - cut < 8)); /* only padding was cut */
        free(logon);
    }
}

static void test_trailing(void **state)
{
    _cleanup_(freep) uint8_t *data = NULL;
    size_t length = build(&usual, &data);
    PacLogon *logon = NULL;

    data = realloc(data, length + 8);
    memset(data + length, 0, 8);
    assert_int_equal(pac_logon_parse(data, length + 8, &logon), PAC_MALFORMED);
    assert_int_equal(pac_logon_parse(data, length + 7, &logon), 0);
    free(logon);
    uint32_t body = (uint32_t)(length - 16 + 8);
    memcpy(data + 8, &body, 4);
    logon = NULL;
    assert_int_equal(pac_logon_parse(data, length + 8, &logon), PAC_MALFORMED);
}

static void test_flipped_bits(void **state)
{
    _cleanup_(freep) uint8_t *data = NULL;
    size_t length = build(&usual, &data);

    for (size_t bit = 0; bit < length * 8; bit++) {
        PacLogon *logon = NULL;
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        int r = pac_logon_parse(data, length, &logon);
        assert_true(r == 0 ? logon && logon->group_count >= 1 && logon->group_count <= 8 : !logon);
        free(logon);
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void test_counts_that_lie(void **state)
{
    PacLogon *logon = NULL;
    Vector vector = usual;

    vector.wrong_conformance = 1;
    assert_int_equal(parse(&vector, &logon), PAC_MALFORMED);
    vector = usual;
    vector.group_says = 0xffffffff;
    assert_int_equal(parse(&vector, &logon), PAC_MALFORMED);
    vector = usual;
    vector.group_says = 5;
    assert_int_equal(parse(&vector, &logon), PAC_MALFORMED);
    vector = usual;
    vector.extra_count = 3;
    assert_int_equal(parse(&vector, &logon), PAC_MALFORMED);
    vector = usual;
    vector.extra[0] = NULL; /* no list, but a count */
    vector.extra_count = 1;
    assert_int_equal(parse(&vector, &logon), PAC_MALFORMED);
    vector = usual;
    vector.domain = NULL;
    assert_int_equal(parse(&vector, &logon), PAC_MALFORMED);
    vector = usual;
    vector.resource_domain = NULL;
    assert_int_equal(parse(&vector, &logon), PAC_MALFORMED);
    vector = usual;
    vector.domain = "S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15"; /* no room for a RID */
    assert_int_equal(parse(&vector, &logon), PAC_MALFORMED);
    assert_null(logon);
}

static void test_group_limit(void **state)
{
    static Membership many[PAC_GROUPS_MAX + 1];
    Vector vector = {.groups = many, .group_count = PAC_GROUPS_MAX, .domain = "S-1-5-21-1-2-3"};
    PacLogon *logon = NULL;

    for (uint32_t i = 0; i < ARRAY_SIZE(many); i++)
        many[i] = (Membership){5000 + i, 7};
    assert_int_equal(parse(&vector, &logon), 0);
    assert_int_equal(logon->group_count, PAC_GROUPS_MAX + 1);
    free(logon);
    logon = NULL;
    vector.group_count++;
    assert_int_equal(parse(&vector, &logon), PAC_TOO_MANY_GROUPS);
    assert_null(logon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usual),        cmocka_unit_test(test_sids_of_this_machine),
        cmocka_unit_test(test_least),
        cmocka_unit_test(test_truncated),    cmocka_unit_test(test_trailing),
        cmocka_unit_test(test_flipped_bits), cmocka_unit_test(test_counts_that_lie),
        cmocka_unit_test(test_group_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
