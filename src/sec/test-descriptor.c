/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors as bytes and as text: both ways, at their limits, and what is refused. */
#include "sec/descriptor.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "sec/name.h"
#include "sec/sddl.h"

static const SddlParts all_parts = {true, true, true, true};

static SecurityDescriptor *from_text(const char *text)
{
    SecurityDescriptor *descriptor = NULL;
    SecFailure failure = {0};

    if (sddl_parse(text, SDDL_STRICT, &descriptor, &failure) != 0) fail_msg("%s: %s", text, failure.sentence);
    return descriptor;
}

/* Bytes */

/* [MS-DTYP] 2.4.6, laid out by hand: owner S-1-5-18, group S-1-5-32-544, one entry for S-1-1-0. */
static const uint8_t sample[] = {
    1, 0, 0x04, 0x80, 20, 0, 0, 0, 32, 0, 0, 0, 0,    0, 0, 0, 48, 0, 0, 0, /* header */
    1, 1, 0,    0,    0,  0, 0, 5, 18, 0, 0, 0,                             /* owner */
    1, 2, 0,    0,    0,  0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0,              /* group */
    2, 0, 28,   0,    1,  0, 0, 0,                                          /* list */
    0, 3, 20,   0,    5,  0, 0, 0, 1,  1, 0, 0, 0,    0, 0, 1, 0,  0, 0, 0, /* entry */
};

static void test_reads_the_layout(void **state)
{
    _cleanup_(descriptor_freep) SecurityDescriptor *descriptor = NULL;
    (void)state;
    assert_int_equal(descriptor_parse(sample, sizeof(sample), &descriptor, NULL), 0);
    assert_true(descriptor->has_owner && sid_equal(&descriptor->owner, &SID_SYSTEM));
    assert_true(descriptor->has_group && sid_equal(&descriptor->group, &SID_ADMINISTRATORS));
    assert_int_equal(descriptor->control, DESCRIPTOR_DACL_PRESENT);
    assert_null(descriptor->sacl);
    assert_int_equal(descriptor->dacl->count, 1);
    assert_int_equal(descriptor->dacl->aces[0].mask, 5);
    assert_int_equal(descriptor->dacl->aces[0].flags, ACE_OBJECT_INHERIT | ACE_CONTAINER_INHERIT);
    assert_true(sid_equal(&descriptor->dacl->aces[0].sid, &SID_EVERYONE));
}

static void test_cut_anywhere_is_refused(void **state)
{
    (void)state;
    for (size_t length = 0; length < sizeof(sample); length++) {
        SecurityDescriptor *descriptor = NULL;
        /* Of its own size, so that a sanitizer sees what lies behind it. */
        _cleanup_(freep) uint8_t *copy = malloc(length ? length : 1);

        assert_non_null(copy);
        memcpy(copy, sample, length);
        assert_int_equal(descriptor_parse(copy, length, &descriptor, NULL), -EBADMSG);
        assert_null(descriptor);
    }
}

/* One byte changed, and what that is. */
static void test_damage(void **state)
{
    static const struct {
        size_t at;
        uint8_t value;
        int result;
    } cases[] = {
        {0, 2, -EBADMSG},     /* revision */
        {3, 0x00, -EBADMSG},  /* not self-relative */
        {2, 0x00, -EBADMSG},  /* a list that is not present */
        {4, 19, -EBADMSG},    /* an owner within the header */
        {5, 0xFF, -EBADMSG},  /* an owner behind the end */
        {19, 0x80, -EBADMSG}, /* a list behind the end */
        {20, 2, -EBADMSG},    /* revision of the SID */
        {21, 16, -EBADMSG},   /* its length */
        {48, 3, -EBADMSG},    /* revision of the list */
        {48, 4, 0},           /* that of lists with objects' entries */
        {50, 27, -EBADMSG},   /* sizes are multiples of 4 */
        {50, 4, -EBADMSG},    /* shorter than its header */
        {50, 32, -EBADMSG},   /* longer than the bytes */
        {52, 2, -EBADMSG},    /* more entries than there is room for */
        {52, 0, 0},           /* fewer: room for more */
        {53, 0xFF, -EBADMSG}, /* */
        {58, 16, -EBADMSG},   /* an entry that cuts its SID */
        {58, 24, -EBADMSG},   /* one that leaves the list */
        {57, 0x23, -EBADMSG}, /* a flag that nobody knows */
        {56, 5, -EOPNOTSUPP}, /* objects' entries */
        {56, 9, -EOPNOTSUPP}, /* with conditions */
        {56, 2, -EOPNOTSUPP}, /* audit in the wrong list */
        {56, 0x11, -EOPNOTSUPP},
        {56, 0xFF, -EOPNOTSUPP},
        {56, 1, 0}, /* denied */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_(descriptor_freep) SecurityDescriptor *descriptor = NULL;
        uint8_t bytes[sizeof(sample)], type = 99;

        memcpy(bytes, sample, sizeof(sample));
        bytes[cases[i].at] = cases[i].value;
        int r = descriptor_parse(bytes, sizeof(bytes), &descriptor, &type);
        if (r != cases[i].result) fail_msg("case %zu: %d", i, r);
        if (r == -EOPNOTSUPP) assert_int_equal(type, cases[i].value);
    }
    assert_string_equal(ace_type_name(9), "ACCESS_ALLOWED_CALLBACK_ACE_TYPE");
    assert_string_equal(ace_type_name(200), "an unknown type");
}

static void test_list_limits(void **state)
{
    _cleanup_(freep) Ace *aces = calloc(ACL_ACES_MAX + 1, sizeof(*aces));
    Acl *acl = NULL;
    (void)state;
    assert_non_null(aces);
    assert_int_equal(acl_new(ACL_DACL, aces, ACL_ACES_MAX + 1, &acl), -E2BIG);
    assert_int_equal(acl_new(ACL_DACL, aces, ACL_ACES_MAX, &acl), 0);
    free(acl);
    /* 8 + 76 * n: 862 entries with the longest SIDs fit into a list, 863 do not. */
    for (size_t i = 0; i < ACL_ACES_MAX; i++)
        aces[i].sid.count = SID_SUBAUTHORITIES_MAX;
    assert_int_equal(acl_new(ACL_DACL, aces, 863, &acl), -E2BIG);
    assert_int_equal(acl_new(ACL_DACL, aces, 862, &acl), 0);
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, 0);
    acl_write(&writer, acl);
    assert_int_equal(writer_status(&writer), 0);
    Reader reader;
    Acl *again = NULL;
    reader_init(&reader, writer.data, writer.length);
    assert_int_equal(acl_read(&reader, ACL_DACL, &again, NULL), 0);
    assert_true(acl_equal(acl, again));
    free(acl);
    free(again);
    aces[0].type = ACE_TYPE_AUDIT;
    assert_int_equal(acl_new(ACL_DACL, aces, 1, &acl), -EOPNOTSUPP);
}

/* Text */

static void test_text_round_trip(void **state)
{
    static const char *const texts[] = {
        "O:SYG:BAD:(A;;CCDCLCSWRP;;;BA)(A;;CCLC;;;AU)S:(AU;SAFA;WD;;;WD)",
        "O:S-1-5-21-1-2-3-500G:S-1-5-21-1-2-3-513D:PAI(D;OICI;GA;;;AN)(A;;FA;;;S-1-22-1-1000)",
        "D:",
        "D:NO_ACCESS_CONTROL",
        "D:P",
        "S:(ML;;0x1;;;LW)",
        "O:LS",
        "G:NS",
        "O:OWG:COD:ARAI(A;IO;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;IU)(A;ID;GAGXGWGR;;;NU)",
        "D:(A;;0x800;;;S-1-0x4D4E544C0000-1-2-3-4-5-6-7-8)",
        "D:PARAIS:PARAI",
        "D:(A;;KA;;;BU)(A;;FR;;;RC)",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        _cleanup_(descriptor_freep) SecurityDescriptor *descriptor = from_text(texts[i]);
        _cleanup_(freep) char *text = NULL;
        _cleanup_(writer_deinitp) Writer writer;
        _cleanup_(descriptor_freep) SecurityDescriptor *again = NULL;

        assert_int_equal(sddl_format(descriptor, all_parts, &text), 0);
        if (i != 5) assert_string_equal(text, texts[i]);
        writer_init(&writer, 0);
        descriptor_write(&writer, descriptor);
        assert_int_equal(descriptor_parse(writer.data, writer.length, &again, NULL), 0);
        free(TAKE_PTR(text));
        assert_int_equal(sddl_format(again, all_parts, &text), 0);
        if (i != 5) assert_string_equal(text, texts[i]);
    }
}

static void test_text_parts(void **state)
{
    _cleanup_(descriptor_freep) SecurityDescriptor *descriptor = from_text("O:SYG:BAD:(A;;CC;;;WD)S:");
    _cleanup_(freep) char *dacl = NULL, *owner = NULL;
    (void)state;
    assert_int_equal(sddl_format(descriptor, (SddlParts){.dacl = true}, &dacl), 0);
    assert_string_equal(dacl, "D:(A;;CC;;;WD)");
    assert_int_equal(sddl_format(descriptor, (SddlParts){.owner = true, .sacl = true}, &owner), 0);
    assert_string_equal(owner, "O:SYS:");
}

/* Other spellings of the same, as Windows takes them. */
static void test_text_spellings(void **state)
{
    static const struct {
        const char *text;
        const char *canonical;
    } cases[] = {
        {"d:(a;oici;cc;;;wd)", "D:(A;OICI;CC;;;WD)"},
        {"D:(A;;1;;;WD)", "D:(A;;CC;;;WD)"},
        {"D:(A;;017;;;WD)", "D:(A;;CCDCLCSW;;;WD)"},
        {"D:(A;;0xffffffff;;;WD)", "D:(A;;0xffffffff;;;WD)"},
        {"D:(A;;;;;WD)", "D:(A;;0x0;;;WD)"},
        {"D:(A;;LCCC;;;S-1-1-0)", "D:(A;;CCLC;;;WD)"},
        {"S:D:(A;;KX;;;WD)G:SYO:BA", "O:BAG:SYD:(A;;KR;;;WD)S:"},
        {"D:AIP", "D:PAI"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_(descriptor_freep) SecurityDescriptor *descriptor = from_text(cases[i].text);
        _cleanup_(freep) char *text = NULL;

        assert_int_equal(sddl_format(descriptor, all_parts, &text), 0);
        assert_string_equal(text, cases[i].canonical);
    }
}

/* What is refused, and at which character. */
static void test_text_refused(void **state)
{
    static const struct {
        const char *text;
        unsigned at;
    } cases[] = {
        {"", 1},
        {"X:SY", 1},
        {"O:", 3},
        {"O:SYO:SY", 7},
        {"G:XX", 3},
        {"O:DAG:SY", 3},
        {"D:(A;;CC;;;LA)", 12},
        {"D:D:", 5},
        {"D:(A;;CC;;;WD", 14},
        {"D:(A;;CC;;WD)", 3},
        {"D:(A;;CC;;;WD;x)", 14},
        {"D:(A;;CC;;;)", 12},
        {"D:(Q;;CC;;;WD)", 4},
        {"D:(OA;;CC;;;WD)", 4},
        {"D:(XA;;CC;;;WD;(a))", 4},
        {"D:(AU;;CC;;;WD)", 4},
        {"S:(A;;CC;;;WD)", 4},
        {"D:(A;XX;CC;;;WD)", 6},
        {"D:(A;O;CC;;;WD)", 6},
        {"D:(A;;C;;;WD)", 7},
        {"D:(A;;XX;;;WD)", 7},
        {"D:(A;;0x100000000;;;WD)", 7},
        {"D:(A;;12x;;;WD)", 7},
        {"D:(A;;CC;bf967aba-0de6-11d0-a285-00aa003049e2;;WD)", 10},
        {"D:(A;;CC;;;S-1-5-)", 12},
        {"D:(A;;CC;;;alice@LAB.TEST)", 12},
        {"D:NO_ACCESS_CONTROL(A;;CC;;;WD)", 20},
        {"D:(A;;CC;;;WD)x", 15},
        {"D:(A;;CC;;;WD) ", 15},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        SecurityDescriptor *descriptor = NULL;
        SecFailure failure = {0};
        char start[32];

        if (sddl_parse(cases[i].text, SDDL_STRICT, &descriptor, &failure) != SEC_FAILED)
            fail_msg("%s was taken", cases[i].text);
        assert_null(descriptor);
        (void)snprintf(start, sizeof(start), "At character %u,", cases[i].at);
        if (strncmp(failure.sentence, start, strlen(start)) != 0)
            fail_msg("%s: %s", cases[i].text, failure.sentence);
    }
}

static void test_text_limits(void **state)
{
    static const char entry[] = "(A;;CC;;;WD)";
    _cleanup_(freep) char *text = calloc(1, 2 + sizeof(entry) * (ACL_ACES_MAX + 1) + 1);
    SecurityDescriptor *descriptor = NULL;
    SecFailure failure = {0};
    (void)state;
    assert_non_null(text);
    strcpy(text, "D:");
    for (size_t i = 0; i < ACL_ACES_MAX; i++)
        strcpy(text + 2 + i * (sizeof(entry) - 1), entry);
    assert_int_equal(sddl_parse(text, SDDL_STRICT, &descriptor, &failure), 0);
    descriptor = descriptor_free(descriptor);
    strcat(text, entry);
    assert_int_equal(sddl_parse(text, SDDL_STRICT, &descriptor, &failure), SEC_FAILED);
    free(text);
    text = malloc(SDDL_LENGTH_MAX + 2);
    assert_non_null(text);
    memset(text, 'P', SDDL_LENGTH_MAX + 1);
    memcpy(text, "D:", 2);
    text[SDDL_LENGTH_MAX + 1] = '\0';
    assert_int_equal(sddl_parse(text, SDDL_STRICT, &descriptor, &failure), SEC_FAILED);
    text[SDDL_LENGTH_MAX] = '\0';
    assert_int_equal(sddl_parse(text, SDDL_STRICT, &descriptor, &failure), 0);
    descriptor_free(descriptor);
}

/* Names */

static void test_names(void **state)
{
    static const struct {
        const char *name, *sid;
    } known[] = {
        {"S-1-5-18", "S-1-5-18"}, {"1000", "S-1-22-1-1000"}, {"%100", "S-1-22-2-100"},
        {"root", "S-1-22-1-0"},   {"%root", "S-1-22-2-0"},   {"4294967294", "S-1-22-1-4294967294"},
    };
    static const char *const unknown[] = {"",        "%",          "@LAB.TEST",       "alice@",        "S-1-",
                                          "S-1-5-x", "4294967295", "no such account", "%no such group"};
    Sid sid, derived;
    SecFailure failure;
    char text[SID_STRING_SIZE];
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        failure = (SecFailure){0};
        if (name_resolve(known[i].name, &sid, &failure) != 0)
            fail_msg("%s: %s", known[i].name, failure.sentence);
        sid_format(&sid, text);
        assert_string_equal(text, known[i].sid);
    }
    for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
        failure = (SecFailure){0};
        if (name_resolve(unknown[i], &sid, &failure) != SEC_FAILED) fail_msg("%s was taken", unknown[i]);
        assert_true(failure.sentence[0]);
    }
    assert_int_equal(name_resolve("alice@LAB.TEST", &sid, &failure), 0);
    assert_int_equal(sid_from_principal("alice@LAB.TEST", &derived), 0);
    assert_true(sid_equal(&sid, &derived));
}

static void test_names_in_text(void **state)
{
    _cleanup_(descriptor_freep) SecurityDescriptor *descriptor = NULL;
    SecurityDescriptor *none = NULL;
    SecFailure failure = {0};
    Sid alice;
    (void)state;
    assert_int_equal(sddl_parse("O:alice@LAB.TESTG:%rootD:(A;;CC;;;alice@LAB.TEST)(A;;CC;;;AU)(D;;CC;;;root)",
                                SDDL_NAMES, &descriptor, &failure),
                     0);
    assert_int_equal(sid_from_principal("alice@LAB.TEST", &alice), 0);
    assert_true(sid_equal(&descriptor->owner, &alice));
    assert_true(sid_equal(&descriptor->dacl->aces[0].sid, &alice));
    assert_true(sid_equal(&descriptor->dacl->aces[1].sid, &SID_AUTHENTICATED));
    const Sid root = sid_from_uid(0);
    assert_true(sid_equal(&descriptor->dacl->aces[2].sid, &root));
    /* Small letters are no abbreviation where names are taken. */
    assert_int_equal(sddl_parse("D:(A;;CC;;;wd)", SDDL_NAMES, &none, &failure), SEC_FAILED);
    assert_int_equal(sddl_parse("D:(A;;CC;;;DA)", SDDL_NAMES, &none, &failure), SEC_FAILED);
}

static void test_sid_text(void **state)
{
    Sid sid;
    (void)state;
    assert_int_equal(sddl_sid_parse("wd", &sid), 0);
    assert_true(sid_equal(&sid, &SID_EVERYONE));
    assert_int_equal(sddl_sid_parse("S-1-5-18", &sid), 0);
    assert_int_equal(sddl_sid_parse("DA", &sid), -EINVAL);
    assert_int_equal(sddl_sid_parse("WDX", &sid), -EINVAL);
    assert_int_equal(sddl_sid_parse("root", &sid), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_the_layout), cmocka_unit_test(test_cut_anywhere_is_refused),
        cmocka_unit_test(test_damage),           cmocka_unit_test(test_list_limits),
        cmocka_unit_test(test_text_round_trip),  cmocka_unit_test(test_text_parts),
        cmocka_unit_test(test_text_spellings),   cmocka_unit_test(test_text_refused),
        cmocka_unit_test(test_text_limits),      cmocka_unit_test(test_names),
        cmocka_unit_test(test_names_in_text),    cmocka_unit_test(test_sid_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
