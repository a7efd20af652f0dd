/* SPDX-License-Identifier: Apache-2.0 */
/* COM's permissions: which descriptors are valid, and whom they and the machine's limit admit. */
#include "sec/permission.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "sec/token.h"

static Token *make_token(const char *principal)
{
    TokenSpec spec = {.kind = TOKEN_KIND_IMPERSONATION,
                      .level = TOKEN_LEVEL_IDENTIFICATION,
                      .principal = principal,
                      .from_network = true,
                      .service = 16,
                      .expires = INT64_MAX};
    Token *token;

    assert_int_equal(sid_from_principal(principal, &spec.user), 0);
    assert_int_equal(token_new(&spec, &token), 0);
    return token;
}

static Permission *parse(const char *sddl)
{
    Permission *permission = NULL;
    SecFailure failure = {0};

    if (permission_parse(sddl, &permission, &failure) != 0) fail_msg("%s: %s", sddl, failure.sentence);
    return permission;
}

/* CIS-15: COM_RIGHTS_EXECUTE in every entry, one style in a list. The first case is the example of the page
 * "Access Control Lists for COM". */
static void CIS_15_rights_of_every_entry(void **state)
{
    static const struct {
        const char *sddl, *why; /* NULL: valid */
    } cases[] = {
        {"D:(A;;0x1;;;S-1-5-21-1-2-3-500)(A;;0xb;;;SY)(A;;0x9;;;AU)", "kind"},
        {"D:(A;;0x3;;;S-1-5-21-1-2-3-500)(A;;0xb;;;SY)(A;;0x9;;;AU)", NULL},
        {"D:(A;;0x1;;;S-1-5-21-1-2-3-500)(A;;0x1;;;SY)(A;;0x1;;;AU)", NULL},
        {"D:(A;;CC;;;WD)(D;;CCLC;;;AN)", "kind"},
        {"D:(A;;LC;;;WD)", "lacks"},
        {"D:(A;;CCLC;;;WD)(D;;LC;;;AN)", "lacks"},
        {"D:(A;;GA;;;WD)", "lacks"},
        {"D:(A;;0x0;;;WD)", "lacks"},
        {"D:(A;;CCRC;;;WD)", NULL},
        {"D:(A;IO;LC;;;WD)", "lacks"},
        {"D:", NULL},
        {"O:SYG:SY", NULL},
        {"D:NO_ACCESS_CONTROL", NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_(permission_freep) Permission *permission = NULL;
        SecFailure failure = {0};
        int r = permission_parse(cases[i].sddl, &permission, &failure);

        if (r != (cases[i].why ? SEC_FAILED : 0)) fail_msg("%s: %d, %s", cases[i].sddl, r, failure.sentence);
        if (cases[i].why) assert_non_null(strstr(failure.sentence, cases[i].why));
    }
}

typedef enum Who { ALICE, BOB, NOBODY } Who;

static const struct {
    const char *permission, *limit;
    Who who;
    bool local;
    uint32_t rights;
    bool admitted;
} rows[] = {
    /* No descriptor, no list, an empty list. */
    {NULL, NULL, NOBODY, false, COM_EXECUTE_REMOTE, true},
    {"O:SYG:SY", NULL, NOBODY, false, COM_EXECUTE_REMOTE, true},
    {"D:", NULL, ALICE, false, COM_EXECUTE_REMOTE, false},
    /* The older style means everywhere and everything. */
    {"D:(A;;CC;;;alice@LAB.TEST)", NULL, ALICE, false, COM_EXECUTE_REMOTE, true},
    {"D:(A;;CC;;;alice@LAB.TEST)", NULL, ALICE, true, COM_EXECUTE_LOCAL, true},
    {"D:(A;;CC;;;alice@LAB.TEST)", NULL, ALICE, false, COM_ACTIVATE_REMOTE, true},
    {"D:(A;;CC;;;alice@LAB.TEST)", NULL, BOB, false, COM_EXECUTE_REMOTE, false},
    {"D:(D;;CC;;;bob@LAB.TEST)(A;;CC;;;AU)", NULL, BOB, false, COM_EXECUTE_REMOTE, false},
    {"D:(D;;CC;;;bob@LAB.TEST)(A;;CC;;;AU)", NULL, ALICE, false, COM_EXECUTE_REMOTE, true},
    /* The newer one tells them apart. */
    {"D:(A;;CCDC;;;alice@LAB.TEST)", NULL, ALICE, true, COM_EXECUTE_LOCAL, true},
    {"D:(A;;CCDC;;;alice@LAB.TEST)", NULL, ALICE, false, COM_EXECUTE_REMOTE, false},
    {"D:(A;;CCLC;;;alice@LAB.TEST)", NULL, ALICE, false, COM_EXECUTE_REMOTE, true},
    {"D:(A;;CCLC;;;alice@LAB.TEST)", NULL, ALICE, false, COM_ACTIVATE_REMOTE, false},
    {"D:(A;;CCSW;;;alice@LAB.TEST)", NULL, ALICE, true, COM_ACTIVATE_LOCAL, true},
    {"D:(A;;CCSW;;;alice@LAB.TEST)", NULL, ALICE, false, COM_ACTIVATE_REMOTE, false},
    {"D:(A;;CCRP;;;alice@LAB.TEST)", NULL, ALICE, false, COM_ACTIVATE_REMOTE, true},
    {"D:(A;;CCRP;;;alice@LAB.TEST)", NULL, ALICE, false, COM_ACTIVATE_REMOTE | COM_EXECUTE_REMOTE, false},
    {"D:(A;;CCRPLC;;;alice@LAB.TEST)", NULL, ALICE, false, COM_ACTIVATE_REMOTE | COM_EXECUTE_REMOTE, true},
    /* What is denied at one distance is not denied at the other. */
    {"D:(D;;CCLC;;;alice@LAB.TEST)(A;;CCDCLC;;;AU)", NULL, ALICE, false, COM_EXECUTE_REMOTE, false},
    {"D:(D;;CCLC;;;alice@LAB.TEST)(A;;CCDCLC;;;AU)", NULL, ALICE, true, COM_EXECUTE_LOCAL, true},
    /* Who did not authenticate is nobody but the anonymous. */
    {"D:(A;;CC;;;WD)(A;;CC;;;AU)", NULL, NOBODY, false, COM_EXECUTE_REMOTE, false},
    {"D:(A;;CC;;;AN)", NULL, NOBODY, false, COM_EXECUTE_REMOTE, true},
    /* CIS-16: the limit is asked in addition. */
    {NULL, "D:(A;;CC;;;alice@LAB.TEST)", ALICE, false, COM_EXECUTE_REMOTE, true},
    {NULL, "D:(A;;CC;;;alice@LAB.TEST)", BOB, false, COM_EXECUTE_REMOTE, false},
    {NULL, "D:(A;;CC;;;WD)", NOBODY, false, COM_EXECUTE_REMOTE, false},
    {"D:(A;;CC;;;AU)", "D:(A;;CC;;;alice@LAB.TEST)", ALICE, false, COM_EXECUTE_REMOTE, true},
    {"D:(A;;CC;;;AU)", "D:(A;;CC;;;alice@LAB.TEST)", BOB, false, COM_EXECUTE_REMOTE, false},
    {"D:(A;;CC;;;bob@LAB.TEST)", "D:(A;;CC;;;AU)", ALICE, false, COM_EXECUTE_REMOTE, false},
    {"D:(A;;CC;;;AU)", "D:(A;;CCDC;;;AU)", ALICE, false, COM_EXECUTE_REMOTE, false},
    {"D:(A;;CC;;;AU)", "D:(A;;CCDC;;;AU)", ALICE, true, COM_EXECUTE_LOCAL, true},
};

static void CIS_16_limits_in_addition(void **state)
{
    _cleanup_(token_unrefp) Token *alice = make_token("alice@LAB.TEST");
    _cleanup_(token_unrefp) Token *bob = make_token("bob@LAB.TEST");
    Token *const tokens[] = {alice, bob, NULL};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_(permission_freep) Permission *permission =
            rows[i].permission ? parse(rows[i].permission) : NULL;
        _cleanup_(permission_freep) Permission *limit = rows[i].limit ? parse(rows[i].limit) : NULL;
        const PermissionGate gate = {.permission = permission, .limit = limit};

        if (permission_gate_admits(&gate, tokens[rows[i].who], rows[i].local, rows[i].rights) !=
            rows[i].admitted)
            fail_msg("row %zu", i);
    }
}

static void administrators_are_whom_the_gate_says(void **state)
{
    _cleanup_(token_unrefp) Token *alice = make_token("alice@LAB.TEST");
    _cleanup_(token_unrefp) Token *bob = make_token("bob@LAB.TEST");
    _cleanup_(permission_freep) Permission *permission = parse("D:(A;;CC;;;BA)");
    const PermissionGate gate = {.permission = permission, .administrators = {token_user(alice), 1}};
    (void)state;
    assert_true(permission_gate_admits(&gate, alice, false, COM_EXECUTE_REMOTE));
    assert_false(permission_gate_admits(&gate, bob, false, COM_EXECUTE_REMOTE));
    assert_false(permission_gate_admits(&gate, NULL, false, COM_EXECUTE_REMOTE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(CIS_15_rights_of_every_entry),
        cmocka_unit_test(CIS_16_limits_in_addition),
        cmocka_unit_test(administrators_are_whom_the_gate_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
