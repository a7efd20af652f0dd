/* SPDX-License-Identifier: Apache-2.0 */
/* Kerberos as both roles, in a realm of its own: what is granted and, beside it, what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/realm/krb5-fixture.h"

/* Three legs, then a sealed message each way. */
static void test_three_legs(void **state)
{
    _cleanup_(conversation_deinitp) Conversation talk = {0};
    assert_int_equal(converse(&talk, realm.alice, HOST_A, IMPERSONATE, realm.a), 0);
    assert_string_equal(token_principal(talk.token), "alice@LAB.TEST");
    assert_int_equal(token_level(talk.token), TOKEN_LEVEL_IMPERSONATION);
    assert_true(token_is_from_network(talk.token));
    assert_null(token_credential(talk.token));
    assert_true(token_expires(talk.token) > time_wall());
    assert_true(sealed_both_ways(&talk));
}

static void test_identify(void **state)
{
    _cleanup_(conversation_deinitp) Conversation talk = {0}, anonymous = {0};
    assert_int_equal(converse(&talk, realm.alice, HOST_A, IDENTIFY, realm.a), 0);
    assert_int_equal(token_level(talk.token), TOKEN_LEVEL_IDENTIFICATION);
    /* There is no anonymous level on the wire. */
    assert_int_equal(converse(&anonymous, realm.alice, HOST_A, ANONYMOUS, realm.a), 0);
    assert_int_equal(token_level(anonymous.token), TOKEN_LEVEL_IDENTIFICATION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_three_legs),
        cmocka_unit_test(test_identify),
    };
    return cmocka_run_group_tests_name("krb5", tests, realm_setup, realm_teardown);
}
