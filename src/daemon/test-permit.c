/* SPDX-License-Identifier: Apache-2.0 */
/* The launch permissions as mantled reads them: whose applies to a class, and that starting is a right of its
 * own. */
#include "daemon/permit.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "sec/token.h"

#define OWN    "{10000000-0000-0000-0000-000000000000}"
#define BY_APP "{20000000-0000-0000-0000-000000000000}"
#define USUAL  "{30000000-0000-0000-0000-000000000000}"
#define NONE   "{40000000-0000-0000-0000-000000000000}"
#define APPID  "{4b9a2c10-8d7e-4f21-b0c6-0123456789ab}"

static char directory[] = "/tmp/mantle-permit-XXXXXX", file[sizeof(directory) + 8];
static Conf *conf;
static ConfClasses *classes;
static Token *alice, *bob, *carol;

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

static void set(ConfId id, const char *value)
{
    char *error = NULL;

    assert_int_equal(conf_set(conf, id, value, &error), 0);
}

static int setup(void **state)
{
    char *error = NULL;

    if (!mkdtemp(directory)) return 1;
    (void)snprintf(file, sizeof(file), "%s/a.conf", directory);
    FILE *out = fopen(file, "we");
    assert_non_null(out);
    assert_true(fputs("[" OWN "]\nusers = 1\nlaunch = D:(A;;CCRP;;;alice@LAB.TEST)(A;;CCLC;;;bob@LAB.TEST)\n"
                      "[" BY_APP "]\nusers = 1\nappid = " APPID "\n"
                      "[" USUAL "]\nusers = 1\n"
                      "[appid " APPID "]\nlaunch = D:(A;;CC;;;BA)\n",
                      out) >= 0);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(conf_new(&conf), 0);
    assert_int_equal(conf_classes_load(directory, &classes, &error), 0);
    alice = make_token("alice@LAB.TEST");
    bob = make_token("bob@LAB.TEST");
    carol = make_token("carol@LAB.TEST");
    return 0;
}

static int teardown(void **state)
{
    (void)token_unref(alice);
    (void)token_unref(bob);
    (void)token_unref(carol);
    conf_classes_free(classes);
    conf_free(conf);
    (void)unlink(file);
    return rmdir(directory);
}

static Guid guid(const char *text)
{
    Guid value;

    assert_int_equal(guid_parse(text, &value), 0);
    return value;
}

static void expect(const Permit *permit, const char *class, const Token *caller, bool activates, bool starts)
{
    Guid clsid = guid(class);

    assert_int_equal(permit_admits(permit, caller, false, &clsid), activates);
    assert_int_equal(permit_admits_start(permit, caller, false, &clsid), starts);
}

static void CIS_16_whose_permission_applies(void **state)
{
    _cleanup_(permit_freep) Permit *permit = NULL;

    set(CONF_SECURITY_ADMINISTRATORS, "carol@LAB.TEST");
    assert_int_equal(permit_new(conf, classes, &permit), 0);
    /* To activate and to have something started are two rights. */
    expect(permit, OWN, alice, true, false);
    expect(permit, OWN, bob, false, true);
    expect(permit, OWN, carol, false, false);
    expect(permit, OWN, NULL, false, false);
    expect(permit, BY_APP, carol, true, true);
    expect(permit, BY_APP, alice, false, false);
    /* The default: everybody who authenticated. */
    expect(permit, USUAL, alice, true, true);
    expect(permit, USUAL, NULL, false, false);
    expect(permit, NONE, bob, true, true);
    assert_true(permit_admits_call(permit, NULL, false));
}

/* Before default_launch is set: afterwards it says who. */
static void CIS_16_nobody_is_let_in_by_the_floor(void **state)
{
    _cleanup_(permit_freep) Permit *permit = NULL;

    set(CONF_SECURITY_ACTIVATION_FLOOR, "none");
    assert_int_equal(permit_new(conf, classes, &permit), 0);
    expect(permit, USUAL, NULL, true, true);
    expect(permit, USUAL, alice, true, true);
    expect(permit, OWN, NULL, false, false); /* the class says who */
    permit = permit_free(permit);
    set(CONF_SECURITY_DEFAULT_LAUNCH, "D:(A;;CCDCLCSWRP;;;AU)");
    assert_int_equal(permit_new(conf, classes, &permit), 0);
    expect(permit, USUAL, NULL, false, false);
    set(CONF_SECURITY_ACTIVATION_FLOOR, "integrity");
}

static void CIS_16_limits_come_on_top(void **state)
{
    _cleanup_(permit_freep) Permit *permit = NULL;
    Guid usual = guid(USUAL);

    set(CONF_SECURITY_DEFAULT_LAUNCH, "D:(A;;CCDCLCSWRP;;;AU)(A;;CCDCLCSWRP;;;AN)");
    set(CONF_SECURITY_MACHINE_LAUNCH_LIMIT, "D:(D;;CCLC;;;alice@LAB.TEST)(A;;CCDCLCSWRP;;;AU)");
    set(CONF_SECURITY_MACHINE_ACCESS_LIMIT, "D:(A;;CCLC;;;bob@LAB.TEST)");
    assert_int_equal(permit_new(conf, classes, &permit), 0);
    expect(permit, USUAL, alice, true, false);
    expect(permit, USUAL, bob, true, true);
    expect(permit, USUAL, NULL, false, false);
    expect(permit, OWN, alice, true, false);
    assert_true(permit_admits_start(permit, alice, true, &usual)); /* denied to her from elsewhere only */
    assert_true(permit_admits_call(permit, bob, false));
    assert_false(permit_admits_call(permit, bob, true));
    assert_false(permit_admits_call(permit, alice, false));
    assert_false(permit_admits_call(permit, NULL, false));
}

static void CIS_15_what_is_invalid_starts_no_mantled(void **state)
{
    static const ConfId keys[] = {CONF_SECURITY_DEFAULT_LAUNCH, CONF_SECURITY_MACHINE_LAUNCH_LIMIT,
                                  CONF_SECURITY_MACHINE_ACCESS_LIMIT};
    Permit *permit = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        set(keys[i], "D:(A;;LC;;;AU)");
        assert_int_equal(permit_new(conf, classes, &permit), -EINVAL);
        assert_null(permit);
        set(keys[i], "D:(A;;CC;;;AU)");
    }
    set(CONF_SECURITY_ADMINISTRATORS, "%no-such-group");
    assert_int_equal(permit_new(conf, classes, &permit), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(CIS_16_whose_permission_applies),
        cmocka_unit_test(CIS_16_nobody_is_let_in_by_the_floor),
        cmocka_unit_test(CIS_16_limits_come_on_top),
        cmocka_unit_test(CIS_15_what_is_invalid_starts_no_mantled),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
