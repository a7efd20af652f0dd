/* SPDX-License-Identifier: Apache-2.0 */
/* AccessCheck as a table: a descriptor in SDDL, a caller, what is asked for and what is granted. */
#include "sec/access.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include "sec/sddl.h"
#include "sec/token.h"

#define DOMAIN_USER  "S-1-5-21-1-2-3-1105"
#define DOMAIN_GROUP "S-1-5-21-1-2-3-1200"
#define KERBEROS     16

/* As of files, [MS-DTYP] 2.4.3. */
static const AccessMapping files = {0x120089, 0x120116, 0x1200A0, 0x1F01FF};

typedef enum Who { ALICE, ALICE_LOCAL, ANONYMOUS, NOBODY, ROOT_LOCAL, ROOT_REMOTE, LIAR } Who;

static Sid sid(const char *text)
{
    Sid result;
    assert_int_equal(sid_parse(text, &result), 0);
    return result;
}

static Token *make_token(Who who)
{
    Sid groups[4] = {sid(DOMAIN_GROUP), sid("S-1-5-32-544"), sid("S-1-5-18"), sid("S-1-1-0")};
    TokenSpec spec = {.kind = TOKEN_KIND_IMPERSONATION,
                      .level = TOKEN_LEVEL_IDENTIFICATION,
                      .principal = "alice@LAB.TEST",
                      .user = sid(DOMAIN_USER),
                      .groups = groups,
                      .group_count = who == LIAR ? 4 : 1,
                      .from_network = true,
                      .service = KERBEROS,
                      .expires = INT64_MAX};
    Token *token = NULL;

    if (who == ANONYMOUS) {
        assert_int_equal(token_new_anonymous(&token), 0);
        return token;
    }
    if (who == ROOT_LOCAL || who == ROOT_REMOTE) {
        spec.user = sid_from_uid(0);
        spec.principal = "";
        spec.service = 0;
        spec.from_network = who == ROOT_REMOTE;
    }
    if (who != NOBODY) assert_int_equal(token_new(&spec, &token), 0);
    return token;
}

static AccessSubject *make_subject(Who who, const char *administrator)
{
    _cleanup_(token_unrefp) Token *token = make_token(who);
    AccessAdministrators administrators = {0};
    AccessSubject *subject;
    Sid one;

    if (administrator) {
        one = sid(administrator);
        administrators = (AccessAdministrators){&one, 1};
    }
    assert_int_equal(
        access_subject_new(token, who == ALICE_LOCAL || who == ROOT_LOCAL, &administrators, &subject), 0);
    return subject;
}

typedef struct Row {
    const char *sddl;
    Who who;
    uint32_t desired, granted; /* 0: refused */
} Row;

#define MAX RIGHT_MAXIMUM_ALLOWED

static const Row rows[] = {
    /* No list restricts nobody, an empty one admits nobody, [MS-DTYP] 2.4.5. */
    {"O:SYG:SY", ALICE, 0x3, 0x3},
    {"O:SYG:SYD:NO_ACCESS_CONTROL", ANONYMOUS, 0x3, 0x3},
    {"O:SYG:SYD:NO_ACCESS_CONTROL", NOBODY, MAX, 0x1F01FF},
    {"O:SYG:SYD:", ALICE, 0x1, 0},
    {"O:SYG:SYD:", ALICE, MAX, 0},
    /* The user, a group, and nobody else. */
    {"O:SYG:SYD:(A;;0x1;;;" DOMAIN_USER ")", ALICE, 0x1, 0x1},
    {"O:SYG:SYD:(A;;0x1;;;" DOMAIN_USER ")", ALICE, 0x3, 0},
    {"O:SYG:SYD:(A;;0x1;;;" DOMAIN_GROUP ")", ALICE, 0x1, 0x1},
    {"O:SYG:SYD:(A;;0x1;;;S-1-5-21-1-2-3-1106)", ALICE, 0x1, 0},
    {"O:SYG:SYD:(A;;0x1;;;" DOMAIN_USER ")", NOBODY, 0x1, 0},
    /* Rights add up over entries. */
    {"O:SYG:SYD:(A;;0x1;;;" DOMAIN_USER ")(A;;0x2;;;" DOMAIN_GROUP ")", ALICE, 0x3, 0x3},
    {"O:SYG:SYD:(A;;0x1;;;" DOMAIN_USER ")(A;;0x2;;;" DOMAIN_GROUP ")", ALICE, MAX, 0x3},
    {"O:SYG:SYD:(A;;0x1;;;" DOMAIN_USER ")(A;;0x2;;;" DOMAIN_GROUP ")", ALICE, MAX | 0x4, 0},
    {"O:SYG:SYD:(A;;0x1;;;" DOMAIN_USER ")(A;;0x2;;;" DOMAIN_GROUP ")", ALICE, MAX | 0x1, 0x3},
    /* Order decides: what is denied before it is granted, and the other way round. */
    {"O:SYG:SYD:(D;;0x1;;;" DOMAIN_GROUP ")(A;;0x3;;;" DOMAIN_USER ")", ALICE, 0x1, 0},
    {"O:SYG:SYD:(D;;0x1;;;" DOMAIN_GROUP ")(A;;0x3;;;" DOMAIN_USER ")", ALICE, 0x2, 0x2},
    {"O:SYG:SYD:(D;;0x1;;;" DOMAIN_GROUP ")(A;;0x3;;;" DOMAIN_USER ")", ALICE, MAX, 0x2},
    {"O:SYG:SYD:(A;;0x3;;;" DOMAIN_USER ")(D;;0x1;;;" DOMAIN_GROUP ")", ALICE, 0x3, 0x3},
    {"O:SYG:SYD:(A;;0x3;;;" DOMAIN_USER ")(D;;0x1;;;" DOMAIN_GROUP ")", ALICE, MAX, 0x3},
    {"O:SYG:SYD:(D;;0x1;;;S-1-5-21-1-2-3-1106)(A;;0x1;;;" DOMAIN_USER ")", ALICE, 0x1, 0x1},
    /* Entries for heirs say nothing here. */
    {"O:SYG:SYD:(A;IO;0x1;;;" DOMAIN_USER ")", ALICE, 0x1, 0},
    {"O:SYG:SYD:(D;OICIIO;0x1;;;" DOMAIN_USER ")(A;;0x1;;;WD)", ALICE, 0x1, 0x1},
    /* Everyone, Authenticated Users, Anonymous: the anonymous are not Everyone. */
    {"O:SYG:SYD:(A;;0x1;;;WD)", ALICE, 0x1, 0x1},
    {"O:SYG:SYD:(A;;0x1;;;AU)", ALICE, 0x1, 0x1},
    {"O:SYG:SYD:(A;;0x1;;;WD)", ANONYMOUS, 0x1, 0},
    {"O:SYG:SYD:(A;;0x1;;;WD)", NOBODY, 0x1, 0},
    {"O:SYG:SYD:(A;;0x1;;;AU)", NOBODY, 0x1, 0},
    {"O:SYG:SYD:(A;;0x1;;;AN)", ANONYMOUS, 0x1, 0x1},
    {"O:SYG:SYD:(A;;0x1;;;AN)", NOBODY, 0x1, 0x1},
    {"O:SYG:SYD:(A;;0x1;;;AN)", ALICE, 0x1, 0},
    /* How somebody came. */
    {"O:SYG:SYD:(A;;0x1;;;NU)", ALICE, 0x1, 0x1},
    {"O:SYG:SYD:(A;;0x1;;;NU)", NOBODY, 0x1, 0x1},
    {"O:SYG:SYD:(A;;0x1;;;NU)", ALICE_LOCAL, 0x1, 0},
    {"O:SYG:SYD:(A;;0x1;;;IU)", ALICE_LOCAL, 0x1, 0x1},
    {"O:SYG:SYD:(A;;0x1;;;IU)", ALICE, 0x1, 0},
    {"O:SYG:SYD:(A;;0x1;;;S-1-2-0)", ALICE_LOCAL, 0x1, 0x1},
    /* SYSTEM is root of this machine, on this machine. */
    {"O:BAG:BAD:(A;;0x1;;;SY)", ROOT_LOCAL, 0x1, 0x1},
    {"O:BAG:BAD:(A;;0x1;;;SY)", ROOT_REMOTE, 0x1, 0},
    {"O:BAG:BAD:(A;;0x1;;;SY)", ALICE_LOCAL, 0x1, 0},
    /* A token from elsewhere does not say who is whose administrator, SYSTEM or Everyone here. */
    {"O:SYG:SYD:(A;;0x1;;;BA)", LIAR, 0x1, 0},
    {"O:SYG:SYD:(A;;0x1;;;SY)", LIAR, 0x1, 0},
    {"O:SYG:SYD:(A;;0x1;;;" DOMAIN_GROUP ")", LIAR, 0x1, 0x1},
    /* Generic rights, in what is asked for and in entries. */
    {"O:SYG:SYD:(A;;FR;;;WD)", ALICE, RIGHT_GENERIC_READ, 0x120089},
    {"O:SYG:SYD:(A;;GR;;;WD)", ALICE, 0x1, 0x1},
    {"O:SYG:SYD:(A;;GR;;;WD)", ALICE, RIGHT_GENERIC_WRITE, 0},
    {"O:SYG:SYD:(A;;GA;;;WD)", ALICE, MAX, 0x1F01FF},
    {"O:SYG:SYD:(A;;GXGW;;;WD)", ALICE, MAX, 0x1201B6},
    {"O:SYG:SYD:(D;;GW;;;WD)(A;;GA;;;WD)", ALICE, 0x2, 0},
    /* An owner reads and changes the list, and nothing else by it. */
    {"O:" DOMAIN_USER "G:SYD:", ALICE, RIGHT_READ_CONTROL | RIGHT_WRITE_DAC, 0x60000},
    {"O:" DOMAIN_USER "G:SYD:", ALICE, MAX, 0x60000},
    {"O:" DOMAIN_USER "G:SYD:", ALICE, 0x1, 0},
    {"O:" DOMAIN_GROUP "G:SYD:", ALICE, RIGHT_READ_CONTROL, RIGHT_READ_CONTROL},
    {"O:" DOMAIN_USER "G:SYD:", NOBODY, RIGHT_READ_CONTROL, 0},
    {"O:" DOMAIN_USER "G:SYD:(D;;RC;;;WD)", ALICE, RIGHT_READ_CONTROL, RIGHT_READ_CONTROL},
    /* OWNER RIGHTS replaces that, and applies to owners only. */
    {"O:" DOMAIN_USER "G:SYD:(A;;RC;;;OW)", ALICE, RIGHT_WRITE_DAC, 0},
    {"O:" DOMAIN_USER "G:SYD:(A;;RC;;;OW)", ALICE, RIGHT_READ_CONTROL, RIGHT_READ_CONTROL},
    {"O:" DOMAIN_USER "G:SYD:(A;IO;RC;;;OW)", ALICE, RIGHT_WRITE_DAC, RIGHT_WRITE_DAC},
    {"O:SYG:SYD:(A;;0x1;;;OW)", ALICE, 0x1, 0},
    {"O:" DOMAIN_USER "G:SYD:(D;;0x1;;;OW)(A;;0x1;;;WD)", ALICE, 0x1, 0},
    /* The system's list needs a privilege, and nothing asked for is nothing granted. */
    {"O:SYG:SYD:(A;;0x1000001;;;WD)", ALICE, RIGHT_SYSTEM_SECURITY, 0},
    {"O:SYG:SYD:NO_ACCESS_CONTROL", ALICE, RIGHT_SYSTEM_SECURITY, 0},
    {"O:SYG:SYD:(A;;0x1000001;;;WD)", ALICE, MAX, 0x1},
    {"O:SYG:SYD:(A;;0x1;;;WD)", ALICE, 0, 0},
};

static void test_matrix(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const Row *row = &rows[i];
        _cleanup_(descriptor_freep) SecurityDescriptor *descriptor = NULL;
        _cleanup_(access_subject_freep) AccessSubject *subject = make_subject(row->who, NULL);
        SecFailure failure = {0};
        uint32_t granted = 99;

        if (sddl_parse(row->sddl, SDDL_STRICT, &descriptor, &failure) != 0)
            fail_msg("%s: %s", row->sddl, failure.sentence);
        bool result = access_check(descriptor, subject, row->desired, &files, &granted);
        if (result != (row->granted != 0) || granted != row->granted)
            fail_msg("row %zu: %s, who %d, desired 0x%x: granted 0x%x, expected 0x%x", i, row->sddl, row->who,
                     (unsigned)row->desired, (unsigned)granted, (unsigned)row->granted);
    }
}

/* A caller is known by its principal, too, whatever SID a PAC gave it; Kerberos and NTLM names never meet. */
static void test_principal(void **state)
{
    static const char *const names[] = {"alice@LAB.TEST", "bob@LAB.TEST", "alice@OTHER.TEST", "LAB\\alice"};
    _cleanup_(access_subject_freep) AccessSubject *subject = make_subject(ALICE, NULL);
    _cleanup_(access_subject_freep) AccessSubject *anonymous = make_subject(ANONYMOUS, NULL);
    (void)state;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        Sid derived;

        assert_int_equal(sid_from_principal(names[i], &derived), 0);
        assert_int_equal(access_subject_has(subject, &derived), i == 0);
        assert_false(access_subject_has(anonymous, &derived));
    }
}

static void test_administrators(void **state)
{
    static const struct {
        const char *administrator;
        Who who;
        bool is;
    } cases[] = {
        {DOMAIN_USER, ALICE, true}, {DOMAIN_GROUP, ALICE, true},      {"S-1-5-21-1-2-3-9", ALICE, false},
        {NULL, ALICE, false},       {"S-1-5-32-544", LIAR, false},    {DOMAIN_USER, NOBODY, false},
        {"S-1-5-7", NOBODY, false}, {"S-1-22-1-0", ROOT_LOCAL, true}, {"S-1-1-0", ALICE, true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_(access_subject_freep) AccessSubject *subject =
            make_subject(cases[i].who, cases[i].administrator);

        if (access_subject_has(subject, &SID_ADMINISTRATORS) != cases[i].is) fail_msg("case %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matrix),
        cmocka_unit_test(test_principal),
        cmocka_unit_test(test_administrators),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
