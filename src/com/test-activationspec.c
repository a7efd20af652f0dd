/* SPDX-License-Identifier: Apache-2.0 */
/* COSERVERINFO and COAUTHINFO: what a program may say of an activation, and what becomes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "com/activation.h"
#include "com/process.h"
#include "oleauto.h"
#include "rpcdce.h"
#include "winerror.h"

#define PORT 13500 /* of mantle.conf */

static char hosts_file[] = "/tmp/mantle-hosts-XXXXXX";

static int setup(void **state)
{
    Conf *conf;
    char *error;
    char text[] = "127.9.9.9:13577 ported.lab.test ported\n127.9.9.8 bare.lab.test\n";
    int fd = mkstemp(hosts_file);
    if (fd < 0 || write(fd, text, sizeof(text) - 1) < 0) return -1;
    close(fd);
    return conf_new(&conf) < 0 || conf_set(conf, CONF_RESOLVER_PORT, "13500", &error) < 0 ||
           conf_set(conf, CONF_RESOLVER_HOSTS_FILE, hosts_file, &error) < 0 ||
           conf_set(conf, CONF_EXPORTER_NAME, "me.lab.test", &error) < 0 || FAILED(process_set_conf(conf));
}

static int teardown(void **state)
{
    return unlink(hosts_file);
}

/* Names */

static HRESULT target(const char *text, ActivationTarget *ret_target)
{
    WCHAR wide[512];
    size_t length = strlen(text);
    for (size_t i = 0; i <= length; i++)
        wide[i] = (unsigned char)text[i];
    return activation_target(wide, ret_target);
}

static void test_forms_of_a_machine_name(void **state)
{
    static const struct {
        const char *text, *host;
        uint16_t port;
    } rows[] = {
        {"a", "a", PORT},
        {"//a", "a", PORT},
        {"\\\\a.lab.test", "a.lab.test", PORT},
        {"a:49", "a", 49},
        {"//a:49", "a", 49},
        {"10.0.0.1", "10.0.0.1", PORT},
        {"10.0.0.1:8", "10.0.0.1", 8},
        {"::1", "::1", PORT},
        {"[::1]:8", "::1", 8},
        {"\\\\[::1]:8", "::1", 8},
        {"ported", "ported", 13577}, /* the hosts file says so */
        {"ported.lab.test", "ported.lab.test", 13577},
        {"ported:9", "ported", 9},
        {"bare.lab.test", "bare.lab.test", PORT},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        ActivationTarget got;
        assert_int_equal(target(rows[i].text, &got), S_OK);
        assert_string_equal(got.host, rows[i].host); /* as typed: the SPN is made of it (ACT-6) */
        assert_int_equal(got.port, rows[i].port);
        assert_string_equal(got.address, "");
    }
}

static void test_names_that_are_none(void **state)
{
    static const char *const bad[] = {"",     "//",  "a/b", "///a", "a:0",    "a:x",    "a:65536",
                                      "[::1", "a b", "/a",  "\\a",  "a\\b:1", "user@a", "//a/share"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        ActivationTarget got = {.port = 77};
        assert_int_equal(target(bad[i], &got), CO_E_BAD_SERVER_NAME);
        assert_int_equal(got.port, 77);
    }
    ActivationTarget got;
    assert_int_equal(activation_target((const OLECHAR[]){0xd800, 'a', 0}, &got), CO_E_BAD_SERVER_NAME);
}

static void test_this_machine_by_its_name_over_loopback(void **state)
{
    ActivationTarget got;
    assert_int_equal(activation_target_local(&got), S_OK);
    assert_string_equal(got.host, "me.lab.test");
    assert_string_equal(got.address, "127.0.0.1");
    assert_int_equal(got.port, PORT);
}

/* COAUTHINFO */

static HRESULT security_of(const COAUTHINFO *info, uint32_t process_level, ActivationSecurity *ret_security)
{
    ProcessSecurity process = {.authn_level = process_level};
    return activation_security(info, &process, ret_security);
}

static COAUTHINFO defaults(void)
{
    return (COAUTHINFO){.dwAuthnSvc = RPC_C_AUTHN_DEFAULT,
                        .dwAuthzSvc = RPC_C_AUTHZ_DEFAULT,
                        .dwAuthnLevel = RPC_C_AUTHN_LEVEL_DEFAULT,
                        .dwImpersonationLevel = RPC_C_IMP_LEVEL_IMPERSONATE};
}

static void ACT_5_ACT_6_LVL_8_defaults_of_an_activation(void **state)
{
    ActivationSecurity got;
    assert_int_equal(security_of(NULL, RPC_C_AUTHN_LEVEL_CONNECT, &got), S_OK);
    assert_false(got.unsecured);
    assert_int_equal(got.authn_service, RPC_C_AUTHN_GSS_NEGOTIATE);
    assert_int_equal(got.authn_level, RPC_C_AUTHN_LEVEL_PKT_INTEGRITY); /* the floor */
    assert_int_equal(got.impersonation, RPC_C_IMP_LEVEL_IMPERSONATE);   /* ACT-6 */
    assert_null(got.principal);
    assert_null(got.identity);
    assert_int_equal(security_of(NULL, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, &got), S_OK);
    assert_int_equal(got.authn_level, RPC_C_AUTHN_LEVEL_PKT_PRIVACY);
    assert_int_equal(security_of(NULL, RPC_C_AUTHN_LEVEL_NONE, &got), S_OK);
    assert_false(got.unsecured); /* that has to be asked for here (ACT-11) */
}

static void ACT_4_bad_values_become_defaults(void **state)
{
    ActivationSecurity got;
    COAUTHINFO info = defaults();
    info.dwAuthzSvc = 99;
    info.dwCapabilities = 0x61; /* cloaking is nothing that goes here */
    info.pwszServerPrincName = (LPWSTR)COLE_DEFAULT_PRINCIPAL;
    for (DWORD level = 0; level < 8; level++) {
        bool good = level == RPC_C_IMP_LEVEL_IMPERSONATE || level == RPC_C_IMP_LEVEL_DELEGATE;
        info.dwImpersonationLevel = level;
        assert_int_equal(security_of(&info, RPC_C_AUTHN_LEVEL_CONNECT, &got), S_OK);
        assert_int_equal(got.impersonation, good ? level : RPC_C_IMP_LEVEL_IMPERSONATE);
        assert_null(got.principal);
        assert_false(got.mutual);
    }
    info.dwCapabilities = RPC_C_QOS_CAPABILITIES_MUTUAL_AUTH;
    assert_int_equal(security_of(&info, RPC_C_AUTHN_LEVEL_CONNECT, &got), S_OK);
    assert_true(got.mutual);
    static const WCHAR broken[] = {'a', 0xdc00, 0};
    info.pwszServerPrincName = (LPWSTR)broken;
    assert_int_equal(security_of(&info, RPC_C_AUTHN_LEVEL_CONNECT, &got), S_OK);
    assert_null(got.principal);
    info.pwszServerPrincName = (LPWSTR)u"RPCSS/other";
    assert_int_equal(security_of(&info, RPC_C_AUTHN_LEVEL_CONNECT, &got), S_OK);
    assert_string_equal(got.principal, "RPCSS/other");
    activation_security_deinit(&got);
}

static void test_levels_of_authinfo(void **state)
{
    ActivationSecurity got;
    COAUTHINFO info = defaults();
    for (DWORD level = RPC_C_AUTHN_LEVEL_CONNECT; level <= RPC_C_AUTHN_LEVEL_PKT_PRIVACY; level++) {
        info.dwAuthnLevel = level;
        assert_int_equal(security_of(&info, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, &got), S_OK);
        assert_int_equal(got.authn_level, level == RPC_C_AUTHN_LEVEL_PKT_PRIVACY
                                              ? RPC_C_AUTHN_LEVEL_PKT_PRIVACY
                                              : RPC_C_AUTHN_LEVEL_PKT_INTEGRITY);
    }
    info.dwAuthnLevel = 7;
    assert_int_equal(security_of(&info, RPC_C_AUTHN_LEVEL_CONNECT, &got), E_INVALIDARG);
}

static void test_services_of_authinfo(void **state)
{
    const struct {
        DWORD service;
        HRESULT expected;
    } rows[] = {
        {RPC_C_AUTHN_DEFAULT, S_OK},
        {RPC_C_AUTHN_GSS_KERBEROS, S_OK},
        {RPC_C_AUTHN_GSS_NEGOTIATE, S_OK},
        {RPC_C_AUTHN_WINNT, S_OK},
        {RPC_C_AUTHN_GSS_SCHANNEL, HRESULT_FROM_WIN32(RPC_S_UNKNOWN_AUTHN_SERVICE)},
        {77, HRESULT_FROM_WIN32(RPC_S_UNKNOWN_AUTHN_SERVICE)},
        {RPC_C_AUTHN_NONE, E_INVALIDARG}, /* without the level NONE */
    };
    ActivationSecurity got;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        COAUTHINFO info = defaults();
        info.dwAuthnSvc = rows[i].service;
        assert_int_equal(security_of(&info, RPC_C_AUTHN_LEVEL_CONNECT, &got), rows[i].expected);
    }
}

static void ACT_11_deliberately_without_security(void **state)
{
    ActivationSecurity got;
    COAUTHINFO info = defaults();
    info.dwAuthnLevel = RPC_C_AUTHN_LEVEL_NONE;
    assert_int_equal(security_of(&info, RPC_C_AUTHN_LEVEL_CONNECT, &got), S_OK);
    assert_true(got.unsecured);
    info.dwImpersonationLevel = RPC_C_IMP_LEVEL_IDENTIFY;
    assert_int_equal(security_of(&info, RPC_C_AUTHN_LEVEL_CONNECT, &got),
                     HRESULT_FROM_WIN32(RPC_S_SERVER_UNAVAILABLE));
}

static void test_explicit_identity(void **state)
{
    ActivationSecurity got;
    COAUTHINFO info = defaults();
    COAUTHIDENTITY identity = {.User = (USHORT *)u"alice",
                               .UserLength = 5,
                               .Domain = (USHORT *)u"LAB.TEST",
                               .DomainLength = 8,
                               .Password = (USHORT *)u"x",
                               .PasswordLength = 1,
                               .Flags = SEC_WINNT_AUTH_IDENTITY_UNICODE};
    info.pAuthIdentityData = &identity;
    assert_int_equal(security_of(&info, RPC_C_AUTHN_LEVEL_CONNECT, &got), S_OK);
    assert_string_equal(identity_principal(got.identity), "alice@LAB.TEST");
    activation_security_deinit(&got);
    identity.DomainLength = 0;
    info.dwAuthnSvc = RPC_C_AUTHN_GSS_KERBEROS;
    assert_int_equal(security_of(&info, RPC_C_AUTHN_LEVEL_CONNECT, &got), E_INVALIDARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms_of_a_machine_name),
        cmocka_unit_test(test_names_that_are_none),
        cmocka_unit_test(test_this_machine_by_its_name_over_loopback),
        cmocka_unit_test(ACT_5_ACT_6_LVL_8_defaults_of_an_activation),
        cmocka_unit_test(ACT_4_bad_values_become_defaults),
        cmocka_unit_test(test_levels_of_authinfo),
        cmocka_unit_test(test_services_of_authinfo),
        cmocka_unit_test(ACT_11_deliberately_without_security),
        cmocka_unit_test(test_explicit_identity),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
