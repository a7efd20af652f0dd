/* SPDX-License-Identifier: Apache-2.0 */
/* The lines that tell of security contexts: what they say, and that strangers' words stay within them. */
#include "rpc/authentication.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const RpcAuthentication plain = {.who = "alice@LAB.TEST",
                                        .target = "RPCSS/a",
                                        .choice = "Kerberos, chosen by Negotiate",
                                        .level = 6,
                                        .impersonation_level = 3};

static void both_directions(void **state)
{
    char line[RPC_AUTHENTICATION_SIZE];
    IoAddress address;
    RpcAuthentication told = plain;
    rpc_authentication_outgoing(&told, line);
    assert_string_equal(line,
                        "authenticated as alice@LAB.TEST to RPCSS/a, privacy, impersonate, by Kerberos, "
                        "chosen by Negotiate");
    assert_int_equal(io_address_parse("::1", 135, &address), 0);
    told.peer = &address;
    rpc_authentication_outgoing(&told, line);
    assert_string_equal(line,
                        "authenticated as alice@LAB.TEST to RPCSS/a at [::1]:135, privacy, impersonate, "
                        "by Kerberos, chosen by Negotiate");
    told.target = NULL;
    told.choice = "NTLM";
    rpc_authentication_incoming(&told, line);
    assert_string_equal(line, "authenticated alice@LAB.TEST from [::1]:135 to a server without a name, "
                              "privacy, impersonate, by NTLM");
}

static void strangers_words_do_no_harm(void **state)
{
    char line[RPC_AUTHENTICATION_SIZE], longest[4096];
    RpcAuthentication told = plain;
    told.who = "eve\n\033[2Jauthenticated alice\xff@EVIL";
    told.target = "RPCSS/\xe2\x80\xae";
    rpc_authentication_incoming(&told, line);
    assert_string_equal(line, "authenticated eve??[2Jauthenticated alice?@EVIL to RPCSS/???, privacy, "
                              "impersonate, by Kerberos, chosen by Negotiate");
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    told.who = told.target = longest;
    rpc_authentication_incoming(&told, line);
    assert_non_null(strstr(line, "x, privacy, impersonate, by Kerberos, chosen by Negotiate"));
}

static void levels_have_names(void **state)
{
    assert_string_equal(rpc_authn_level_name(1), "none");
    assert_string_equal(rpc_authn_level_name(5), "integrity");
    assert_string_equal(rpc_authn_level_name(7), "?");
    assert_string_equal(rpc_impersonation_level_name(0), "?");
    assert_string_equal(rpc_impersonation_level_name(4), "delegate");
    assert_string_equal(rpc_impersonation_level_name(5), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_directions),
        cmocka_unit_test(strangers_words_do_no_harm),
        cmocka_unit_test(levels_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
