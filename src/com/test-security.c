/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of com/security and com/identity: the rules of CoInitializeSecurity (facts CIS-1 to CIS-20). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/utf16.h"
#include "com/security.h"
#include "objbase.h"

#define TEXT_AND_LENGTH(text) (unsigned short *)u##text, sizeof(u##text) / 2 - 1

static const SecurityDefaults defaults = {RPC_C_AUTHN_LEVEL_CONNECT, RPC_C_IMP_LEVEL_IDENTIFY,
                                          .can_accept = true};

static SEC_WINNT_AUTH_IDENTITY_W alice(void)
{
    return (SEC_WINNT_AUTH_IDENTITY_W){TEXT_AND_LENGTH("alice"), TEXT_AND_LENGTH("LAB.TEST"),
                                       TEXT_AND_LENGTH("pw"), SEC_WINNT_AUTH_IDENTITY_UNICODE};
}

/* What most programs pass. */
static SecurityArgs usual(void)
{
    return (SecurityArgs){.cAuthSvc = -1, .dwImpLevel = RPC_C_IMP_LEVEL_IMPERSONATE};
}

static void expect_failure_with(const SecurityDefaults *with, const SecurityArgs *args, HRESULT code)
{
    ProcessSecurity *security = NULL;
    IErrorInfo *error;

    assert_int_equal(security_new(args, with, &security), code);
    assert_null(security);
    assert_int_equal(GetErrorInfo(0, &error), S_OK); /* and says why */
    error->lpVtbl->Release(error);
}

static void expect_failure(const SecurityArgs *args, HRESULT code)
{
    expect_failure_with(&defaults, args, code);
}

static ProcessSecurity *expect_success(const SecurityArgs *args)
{
    ProcessSecurity *security = NULL;

    assert_int_equal(security_new(args, &defaults, &security), S_OK);
    return security;
}

static void expect_capabilities(DWORD capabilities, HRESULT code)
{
    SecurityArgs args = usual();

    args.dwCapabilities = capabilities;
    if (FAILED(code)) {
        expect_failure(&args, code);
    } else {
        ProcessSecurity *security = expect_success(&args);
        assert_int_equal(security->capabilities, capabilities);
        (void)security_free(security);
    }
}

static void CIS_4_reserved_parameters_are_null(void **state)
{
    SecurityArgs args = usual();

    args.pReserved1 = &args;
    expect_failure(&args, E_INVALIDARG);
    args = usual();
    args.pReserved3 = &args;
    expect_failure(&args, E_INVALIDARG);
}

static void CIS_5_minus_one_offers_what_there_is(void **state)
{
    SOLE_AUTHENTICATION_SERVICE service = {.dwAuthnSvc = RPC_C_AUTHN_GSS_KERBEROS};
    SecurityDefaults client_only = defaults;
    SecurityArgs args = usual();
    ProcessSecurity *security = expect_success(&args);

    assert_true(security->accepts);
    (void)security_free(security);
    client_only.can_accept = false;
    assert_int_equal(security_new(&args, &client_only, &security), S_OK);
    assert_false(security->accepts);
    (void)security_free(security);
    args.asAuthSvc = &service;
    expect_failure(&args, E_INVALIDARG);
}

static void CIS_5_zero_offers_nothing(void **state)
{
    SecurityArgs args = usual();
    ProcessSecurity *security;

    args.cAuthSvc = 0;
    security = expect_success(&args);
    assert_false(security->accepts);
    (void)security_free(security);
}

static void CIS_5_counts(void **state)
{
    SecurityArgs args = usual();

    args.cAuthSvc = -2;
    expect_failure(&args, E_INVALIDARG);
    args.cAuthSvc = 1;
    expect_failure(&args, E_INVALIDARG); /* without a list */
    args.cAuthSvc = SECURITY_SERVICES_MAX + 1;
    expect_failure(&args, E_INVALIDARG);
}

static void CIS_6_each_entry_gets_its_own_result(void **state)
{
    SOLE_AUTHENTICATION_SERVICE services[] = {
        {.dwAuthnSvc = RPC_C_AUTHN_WINNT, .hr = 1},
        {.dwAuthnSvc = RPC_C_AUTHN_GSS_KERBEROS,
         .pPrincipalName = (OLECHAR *)OLESTR("host/a.lab.test"),
         .hr = 1},
        {.dwAuthnSvc = 77, .hr = 1},
        {.dwAuthnSvc = RPC_C_AUTHN_GSS_KERBEROS, .dwAuthzSvc = RPC_C_AUTHZ_NAME, .hr = 1},
        {.dwAuthnSvc = RPC_C_AUTHN_GSS_NEGOTIATE, .hr = 1},
    };
    SecurityArgs args = usual();
    ProcessSecurity *security;

    args.cAuthSvc = 5;
    args.asAuthSvc = services;
    security = expect_success(&args);
    assert_true(security->accepts);
    assert_string_equal(security->server_principal, "host/a.lab.test");
    assert_int_equal(services[0].hr, SEC_E_NO_CREDENTIALS); /* NTLM is not allowed */
    assert_int_equal(services[1].hr, S_OK);
    assert_int_equal(services[4].hr, S_OK);
    assert_int_equal(security->services, 1u << RPC_C_AUTHN_GSS_KERBEROS | 1u << RPC_C_AUTHN_GSS_NEGOTIATE);
    assert_int_equal(services[2].hr, HRESULT_FROM_WIN32(RPC_S_UNKNOWN_AUTHN_SERVICE));
    assert_int_equal(services[3].hr, HRESULT_FROM_WIN32(RPC_S_UNKNOWN_AUTHZ_SERVICE));
    (void)security_free(security);
}

static void CIS_6_none_registers(void **state)
{
    SOLE_AUTHENTICATION_SERVICE service = {.dwAuthnSvc = RPC_C_AUTHN_WINNT};
    SecurityDefaults client_only = defaults;
    SecurityArgs args = usual();

    args.cAuthSvc = 1;
    args.asAuthSvc = &service;
    expect_failure(&args, RPC_E_NO_GOOD_SECURITY_PACKAGES);
    service.dwAuthnSvc = RPC_C_AUTHN_GSS_KERBEROS;
    client_only.can_accept = false;
    expect_failure_with(&client_only, &args, RPC_E_NO_GOOD_SECURITY_PACKAGES);
    assert_int_equal(service.hr, SEC_E_NO_CREDENTIALS);
}

/* With NTLM allowed it registers, and Negotiate without a keytab, too. */
static void CIS_6_NTLM_registers_where_it_is_allowed(void **state)
{
    static const DWORD numbers[] = {RPC_C_AUTHN_WINNT, RPC_C_AUTHN_GSS_NEGOTIATE, RPC_C_AUTHN_GSS_KERBEROS};
    SecurityDefaults with_ntlm = defaults;

    with_ntlm.can_accept = false;
    for (unsigned allowed = 0; allowed < 2; allowed++)
        for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
            SOLE_AUTHENTICATION_SERVICE service = {.dwAuthnSvc = numbers[i]};
            SecurityArgs args = usual();
            ProcessSecurity *security = NULL;
            bool registers = allowed && numbers[i] != RPC_C_AUTHN_GSS_KERBEROS;

            with_ntlm.ntlm = allowed;
            args.cAuthSvc = 1;
            args.asAuthSvc = &service;
            assert_int_equal(security_new(&args, &with_ntlm, &security),
                             registers ? S_OK : RPC_E_NO_GOOD_SECURITY_PACKAGES);
            assert_int_equal(service.hr, registers ? S_OK : SEC_E_NO_CREDENTIALS);
            (void)security_free(security);
        }
    (void)SetErrorInfo(0, NULL);
}

static void CIS_7_no_name_is_the_process_s_own(void **state)
{
    SOLE_AUTHENTICATION_SERVICE service = {.dwAuthnSvc = RPC_C_AUTHN_GSS_KERBEROS, .hr = E_FAIL};
    SecurityArgs args = usual();
    ProcessSecurity *security;

    args.cAuthSvc = 1;
    args.asAuthSvc = &service;
    security = expect_success(&args);
    assert_true(security->accepts);
    assert_null(security->server_principal);
    assert_int_equal(service.hr, S_OK);
    (void)security_free(security);
    /* Of Schannel there is no certificate. */
    service.dwAuthnSvc = RPC_C_AUTHN_GSS_SCHANNEL;
    expect_failure(&args, RPC_E_NO_GOOD_SECURITY_PACKAGES);
    assert_true(FAILED(service.hr));
}

static void CIS_8_authentication_levels(void **state)
{
    SecurityArgs args = usual();
    SecurityDefaults none = defaults;
    ProcessSecurity *security;

    for (DWORD level = 0; level <= RPC_C_AUTHN_LEVEL_PKT_PRIVACY; level++) {
        args.dwAuthnLevel = level;
        security = expect_success(&args);
        assert_int_equal(security->authn_level, level ? level : RPC_C_AUTHN_LEVEL_CONNECT);
        (void)security_free(security);
    }
    args.dwAuthnLevel = 7;
    expect_failure(&args, E_INVALIDARG);
    /* ERR-19: DEFAULT is never NONE. */
    args.dwAuthnLevel = RPC_C_AUTHN_LEVEL_DEFAULT;
    none.authn_level = RPC_C_AUTHN_LEVEL_NONE;
    assert_int_equal(security_new(&args, &none, &security), S_OK);
    assert_int_equal(security->authn_level, RPC_C_AUTHN_LEVEL_CONNECT);
    (void)security_free(security);
}

static void CIS_9_impersonation_levels(void **state)
{
    SecurityArgs args = usual();

    for (DWORD level = RPC_C_IMP_LEVEL_ANONYMOUS; level <= RPC_C_IMP_LEVEL_DELEGATE; level++) {
        ProcessSecurity *security;

        args.dwImpLevel = level;
        security = expect_success(&args);
        assert_int_equal(security->impersonation_level, level);
        (void)security_free(security);
    }
    args.dwImpLevel = RPC_C_IMP_LEVEL_DEFAULT;
    expect_failure(&args, E_INVALIDARG);
    args.dwImpLevel = 5;
    expect_failure(&args, E_INVALIDARG);
}

static void CIS_10_identities_by_service(void **state)
{
    SEC_WINNT_AUTH_IDENTITY_W identity = alice();
    SOLE_AUTHENTICATION_INFO entries[] = {
        {RPC_C_AUTHN_WINNT, RPC_C_AUTHZ_NONE, &identity},
        {RPC_C_AUTHN_GSS_KERBEROS, RPC_C_AUTHZ_DEFAULT, &identity},
        {RPC_C_AUTHN_GSS_SCHANNEL, RPC_C_AUTHZ_NONE, NULL},
    };
    SOLE_AUTHENTICATION_LIST list = {3, entries};
    const SecurityIdentity *found;
    SecurityArgs args = usual();
    ProcessSecurity *security;

    args.pAuthList = &list;
    security = expect_success(&args);
    found = security_identity(security, RPC_C_AUTHN_GSS_KERBEROS);
    assert_ptr_equal(found->auth_info, &identity);
    assert_string_equal(identity_principal(found->identity), "alice@LAB.TEST");
    assert_null(security_identity(security, RPC_C_AUTHN_GSS_SCHANNEL)->identity);
    assert_null(security_identity(security, RPC_C_AUTHN_GSS_NEGOTIATE));
    (void)security_free(security);
}

static void CIS_10_lists_that_cannot_be_used(void **state)
{
    SEC_WINNT_AUTH_IDENTITY_W identity = alice();
    SOLE_AUTHENTICATION_INFO entry = {RPC_C_AUTHN_GSS_SCHANNEL, RPC_C_AUTHZ_NONE, &identity};
    SOLE_AUTHENTICATION_LIST list = {1, &entry};
    SecurityArgs args = usual();

    args.pAuthList = &list;
    expect_failure(&args, E_INVALIDARG); /* a certificate belongs there */
    entry.dwAuthnSvc = 77;
    expect_failure(&args, E_INVALIDARG);
    entry = (SOLE_AUTHENTICATION_INFO){RPC_C_AUTHN_GSS_KERBEROS, RPC_C_AUTHZ_NAME, &identity};
    expect_failure(&args, E_INVALIDARG);
    entry.dwAuthzSvc = RPC_C_AUTHZ_NONE;
    identity.Flags = 0;
    expect_failure(&args, E_INVALIDARG);
    list = (SOLE_AUTHENTICATION_LIST){1, NULL};
    expect_failure(&args, E_INVALIDARG);
    list = (SOLE_AUTHENTICATION_LIST){SECURITY_SERVICES_MAX + 1, &entry};
    expect_failure(&args, E_INVALIDARG);
}

static void CIS_11_flags_that_exclude_each_other(void **state)
{
    SOLE_AUTHENTICATION_SERVICE services[] = {{.dwAuthnSvc = RPC_C_AUTHN_GSS_KERBEROS},
                                              {.dwAuthnSvc = RPC_C_AUTHN_GSS_SCHANNEL}};
    SOLE_AUTHENTICATION_INFO entry = {RPC_C_AUTHN_GSS_SCHANNEL, RPC_C_AUTHZ_NONE, NULL};
    SOLE_AUTHENTICATION_LIST list = {1, &entry};
    SecurityArgs args = usual();

    expect_capabilities(EOAC_STATIC_CLOAKING | EOAC_DYNAMIC_CLOAKING, E_INVALIDARG);
    expect_capabilities(EOAC_APPID | EOAC_ACCESS_CONTROL, E_INVALIDARG);
    expect_capabilities(EOAC_STATIC_CLOAKING, S_OK);
    expect_capabilities(EOAC_DYNAMIC_CLOAKING | EOAC_SECURE_REFS, S_OK);
    args.dwCapabilities = EOAC_DYNAMIC_CLOAKING;
    args.pAuthList = &list;
    expect_failure(&args, E_INVALIDARG);
    args = usual();
    args.dwCapabilities = EOAC_STATIC_CLOAKING;
    args.cAuthSvc = 2;
    args.asAuthSvc = services;
    expect_failure(&args, E_INVALIDARG);
}

static void CIS_12_identity_with_cloaking(void **state)
{
    SEC_WINNT_AUTH_IDENTITY_W identity = alice();
    SOLE_AUTHENTICATION_INFO entry = {RPC_C_AUTHN_GSS_KERBEROS, RPC_C_AUTHZ_NONE, &identity};
    SOLE_AUTHENTICATION_LIST list = {1, &entry};
    SecurityArgs args = usual();

    args.pAuthList = &list;
    args.dwCapabilities = EOAC_STATIC_CLOAKING;
    expect_failure(&args, E_INVALIDARG);
    args.dwCapabilities = EOAC_DYNAMIC_CLOAKING;
    expect_failure(&args, E_INVALIDARG);
    entry.pAuthInfo = NULL; /* the process's own is no contradiction */
    (void)security_free(expect_success(&args));
}

static void CIS_13_secure_refs_need_security(void **state)
{
    SecurityArgs args = usual();

    args.dwCapabilities = EOAC_SECURE_REFS;
    args.dwAuthnLevel = RPC_C_AUTHN_LEVEL_NONE;
    expect_failure(&args, E_INVALIDARG);
    args.dwCapabilities = EOAC_ACCESS_CONTROL;
    expect_failure(&args, E_INVALIDARG);
    args.dwCapabilities = EOAC_SECURE_REFS;
    args.dwAuthnLevel = RPC_C_AUTHN_LEVEL_CONNECT;
    (void)security_free(expect_success(&args));
}

static void CIS_18_implicit_defaults(void **state)
{
    ProcessSecurity *security;

    assert_int_equal(security_new_default(&defaults, &security), S_OK);
    assert_false(security->explicit_call);
    assert_int_equal(security->authn_level, RPC_C_AUTHN_LEVEL_CONNECT);
    assert_int_equal(security->impersonation_level, RPC_C_IMP_LEVEL_IDENTIFY);
    assert_int_equal(security->capabilities, EOAC_NONE);
    assert_true(security->accepts);
    (void)security_free(security);
}

static void CIS_20_each_capability(void **state)
{
    expect_capabilities(EOAC_NONE, S_OK);
    expect_capabilities(EOAC_MUTUAL_AUTH, S_OK);
    expect_capabilities(EOAC_SECURE_REFS, S_OK);
    expect_capabilities(EOAC_DYNAMIC, E_INVALIDARG);
    expect_capabilities(EOAC_ANY_AUTHORITY, E_INVALIDARG);
    expect_capabilities(EOAC_MAKE_FULLSIC, S_OK);
    expect_capabilities(EOAC_REQUIRE_FULLSIC, S_OK);
    expect_capabilities(EOAC_AUTO_IMPERSONATE, E_INVALIDARG);
    expect_capabilities(EOAC_DEFAULT, E_INVALIDARG);
    expect_capabilities(EOAC_DISABLE_AAA, S_OK);
    expect_capabilities(EOAC_NO_CUSTOM_MARSHAL, S_OK);
    expect_capabilities(EOAC_RESERVED1, E_INVALIDARG);
    expect_capabilities(0x8000, E_INVALIDARG);
    expect_capabilities(0x80000000u, E_INVALIDARG);
}

/* Whatever is passed: security, or one of these codes. */
static void CIS_19_nothing_else_is_returned(void **state)
{
    SOLE_AUTHENTICATION_SERVICE services[] = {{.dwAuthnSvc = RPC_C_AUTHN_GSS_KERBEROS}, {.dwAuthnSvc = 77}};
    SEC_WINNT_AUTH_IDENTITY_W identity = alice();
    SOLE_AUTHENTICATION_INFO entry = {RPC_C_AUTHN_GSS_KERBEROS, RPC_C_AUTHZ_NONE, &identity};
    SOLE_AUTHENTICATION_LIST list = {1, &entry};
    unsigned made = 0, invalid = 0, none_good = 0;

    for (unsigned i = 0; i < 5 * 8 * 6 * 16 * 2; i++) {
        SecurityArgs args = {.cAuthSvc = (LONG)(i % 5) - 2,
                             .dwAuthnLevel = i / 5 % 8,
                             .dwImpLevel = i / 40 % 6,
                             .dwCapabilities = 1u << i / 240 % 16,
                             .pAuthList = i / 3840 ? &list : NULL};
        ProcessSecurity *security = NULL;
        services[0].dwAuthnSvc = i % 3 ? RPC_C_AUTHN_GSS_KERBEROS : RPC_C_AUTHN_GSS_SCHANNEL;
        if (args.cAuthSvc > 0) args.asAuthSvc = services;
        HRESULT hr = security_new(&args, &defaults, &security);
        made += hr == S_OK;
        invalid += hr == E_INVALIDARG;
        none_good += hr == RPC_E_NO_GOOD_SECURITY_PACKAGES;
        assert_true(hr == S_OK || hr == E_INVALIDARG || hr == RPC_E_NO_GOOD_SECURITY_PACKAGES);
        assert_true(SUCCEEDED(hr) == (security != NULL));
        (void)security_free(security);
    }
    (void)SetErrorInfo(0, NULL);
    assert_true(made && invalid && none_good);
    assert_int_equal(E_OUTOFMEMORY, (HRESULT)0x8007000Eu);
}

static HRESULT initialize(DWORD impersonation, DWORD capabilities)
{
    return CoInitializeSecurity(NULL, -1, NULL, NULL, RPC_C_AUTHN_LEVEL_PKT_PRIVACY, impersonation, NULL,
                                capabilities, NULL);
}

/* The process's own security can be set once, so each of these runs in a process of its own. 0: as expected.
 */
static int in_process(int (*body)(void))
{
    char path[] = "/tmp/mantle-test-XXXXXX";
    int status, empty = mkstemp(path);
    pid_t child = fork();

    if (child == 0) {
        setenv("MANTLE_CONFIG", path, 1);
        _exit(body());
    }
    close(empty);
    assert_int_equal(waitpid(child, &status, 0), child);
    unlink(path);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int second_call(void)
{
    if (security_peek()) return 1;
    if (initialize(RPC_C_IMP_LEVEL_DEFAULT, 0) != E_INVALIDARG) return 2; /* what fails changes nothing */
    if (security_peek()) return 3;
    if (initialize(RPC_C_IMP_LEVEL_DELEGATE, EOAC_DYNAMIC_CLOAKING) != S_OK) return 4;
    if (!security_peek() || security_peek()->impersonation_level != RPC_C_IMP_LEVEL_DELEGATE) return 5;
    if (initialize(RPC_C_IMP_LEVEL_IDENTIFY, 0) != RPC_E_TOO_LATE) return 6;
    if (initialize(RPC_C_IMP_LEVEL_DEFAULT, 0) != RPC_E_TOO_LATE) return 7;
    return security_peek()->capabilities == EOAC_DYNAMIC_CLOAKING ? 0 : 8;
}

static int after_implicit(void)
{
    const ProcessSecurity *security;

    if (security_get(&security) != S_OK || security != security_peek()) return 1;
    if (security->impersonation_level != RPC_C_IMP_LEVEL_IDENTIFY) return 2;
    return initialize(RPC_C_IMP_LEVEL_IDENTIFY, 0) == RPC_E_TOO_LATE ? 0 : 3;
}

static void CIS_1_once_in_a_process(void **state)
{
    assert_int_equal(in_process(second_call), 0);
}

static void CIS_2_too_late_after_the_implicit_call(void **state)
{
    assert_int_equal(in_process(after_implicit), 0);
}

static void expect_identity_for(uint32_t service, const void *auth_info, const char *principal)
{
    Identity *identity = NULL;

    assert_int_equal(identity_new(auth_info, service, &identity), principal ? S_OK : E_INVALIDARG);
    if (principal) assert_string_equal(identity_principal(identity), principal);
    (void)identity_unref(identity);
    (void)SetErrorInfo(0, NULL);
}

static void expect_identity(const void *auth_info, const char *principal)
{
    expect_identity_for(RPC_C_AUTHN_GSS_KERBEROS, auth_info, principal);
}

static void identities_are_read_from_their_structures(void **state)
{
    SEC_WINNT_AUTH_IDENTITY_W wide = alice();
    SEC_WINNT_AUTH_IDENTITY_A narrow = {(BYTE *)"bob", 3, (BYTE *)"LAB.TEST",          8,
                                        (BYTE *)"pw",  2, SEC_WINNT_AUTH_IDENTITY_ANSI};
    SEC_WINNT_AUTH_IDENTITY_EXW ex = {SEC_WINNT_AUTH_IDENTITY_VERSION, sizeof(ex),
                                      TEXT_AND_LENGTH("carol@LAB.TEST"),
                                      .Flags = SEC_WINNT_AUTH_IDENTITY_UNICODE};

    expect_identity(&wide, "alice@LAB.TEST");
    expect_identity(&narrow, "bob@LAB.TEST");
    expect_identity(&ex, "carol@LAB.TEST");
    ex.Length--;
    expect_identity(&ex, NULL);
    wide.UserLength = 3; /* counted, not terminated */
    expect_identity(&wide, "ali@LAB.TEST");
}

static void identities_that_name_nobody_are_refused(void **state)
{
    SEC_WINNT_AUTH_IDENTITY_W identity = alice();

    identity.DomainLength = 0;
    expect_identity(&identity, NULL);
    identity = alice();
    identity.UserLength = 0;
    expect_identity(&identity, NULL);
    identity = alice();
    identity.User = NULL;
    expect_identity(&identity, NULL);
    identity = alice();
    identity.UserLength = IDENTITY_TEXT_MAX + 1;
    expect_identity(&identity, NULL);
    identity = alice();
    identity.Flags = SEC_WINNT_AUTH_IDENTITY_ANSI | SEC_WINNT_AUTH_IDENTITY_UNICODE;
    expect_identity(&identity, NULL);
}

static void names_that_would_mean_something_else_are_refused(void **state)
{
    static const struct {
        const char16_t *user, *domain;
        const char *principal;
    } names[] = {
        {u"alice", u"LAB.TEST", "alice@LAB.TEST"},
        {u"host/a.lab.test", u"LAB.TEST", "host/a.lab.test@LAB.TEST"},
        {u"alice@LAB.TEST", NULL, "alice@LAB.TEST"},
        {u"alice@LAB.TEST", u"", "alice@LAB.TEST"},
        {u"alice", NULL, NULL},
        {u"alice@", NULL, NULL},
        {u"@LAB.TEST", NULL, NULL},
        {u"alice@LAB.TEST@EVIL", NULL, NULL},
        {u"alice@LAB.TEST", u"LAB.TEST", NULL},
        {u"LAB\\alice", u"LAB.TEST", NULL},
        {u"alice\n", u"LAB.TEST", NULL},
        {u"alice", u"LAB@TEST", NULL},
        {u"alice", u"LAB/TEST", NULL},
        {u"\xd800", u"LAB.TEST", NULL},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        Identity *identity = NULL;
        HRESULT hr = identity_new_from_text(names[i].user, names[i].domain, u"pw", &identity);

        assert_int_equal(hr, names[i].principal ? S_OK : E_INVALIDARG);
        if (names[i].principal) assert_string_equal(identity_principal(identity), names[i].principal);
        (void)identity_unref(identity);
    }
    (void)SetErrorInfo(0, NULL);
}

static void a_nul_does_not_cut_a_name(void **state)
{
    SEC_WINNT_AUTH_IDENTITY_W wide = alice();
    SEC_WINNT_AUTH_IDENTITY_A narrow = {(BYTE *)"al\0ce", 5, (BYTE *)"LAB.TEST",          8,
                                        (BYTE *)"pw",     2, SEC_WINNT_AUTH_IDENTITY_ANSI};

    wide.User = (unsigned short *)u"al\0ce";
    expect_identity(&wide, NULL);
    expect_identity(&narrow, NULL);
}

/* An account without a realm is nobody to a KDC: Negotiate and NTLM take it as the server's own. */
static void NTLM_identities_need_no_realm(void **state)
{
    static const struct {
        const char16_t *user, *domain;
        const char *ntlm, *negotiated;
    } names[] = {
        {u"alice", u"LAB", "LAB\\alice", "alice@LAB"},
        {u"alice", u"", "alice", "alice"},
        {u"alice@LAB.TEST", u"", "alice@LAB.TEST", "alice@LAB.TEST"},
        {u"alice@", u"", NULL, NULL},
        {u"LAB\\alice", u"", NULL, NULL},
        {u"", u"LAB", NULL, NULL},
        {u"alice@LAB", u"LAB", NULL, NULL},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        SEC_WINNT_AUTH_IDENTITY_W identity = alice();

        identity.User = (unsigned short *)names[i].user;
        identity.UserLength = (ULONG)utf16_length(names[i].user);
        identity.Domain = (unsigned short *)names[i].domain;
        identity.DomainLength = (ULONG)utf16_length(names[i].domain);
        expect_identity_for(RPC_C_AUTHN_WINNT, &identity, names[i].ntlm);
        expect_identity_for(RPC_C_AUTHN_GSS_NEGOTIATE, &identity, names[i].negotiated);
    }
}

/* CIS-10: what Negotiate may choose among. */
static void CIS_10_package_lists_narrow_Negotiate(void **state)
{
    static const struct {
        const char16_t *list;
        const char *kerberos, *negotiated, *ntlm;
    } lists[] = {
        {u"Kerberos", "carol@LAB", "carol@LAB", NULL},
        {u"NTLM", NULL, "LAB\\carol", "LAB\\carol"},
        {u"Kerberos,NTLM", "carol@LAB", "carol@LAB", "LAB\\carol"},
        {u"Negotiate,!ntlm", "carol@LAB", "carol@LAB", NULL},
        {u"Negotiate,!Kerberos", NULL, "LAB\\carol", "LAB\\carol"},
        {u"Schannel", NULL, NULL, NULL},
        {NULL, "carol@LAB", NULL, "LAB\\carol"}, /* not for Negotiate */
    };

    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
        SEC_WINNT_AUTH_IDENTITY_EXW ex = {SEC_WINNT_AUTH_IDENTITY_VERSION, sizeof(ex),
                                          TEXT_AND_LENGTH("carol"), TEXT_AND_LENGTH("LAB"),
                                          .Flags = SEC_WINNT_AUTH_IDENTITY_UNICODE};

        ex.PackageList = (unsigned short *)lists[i].list;
        ex.PackageListLength = lists[i].list ? (ULONG)utf16_length(lists[i].list) : 0;
        expect_identity_for(RPC_C_AUTHN_GSS_KERBEROS, &ex, lists[i].kerberos);
        expect_identity_for(RPC_C_AUTHN_GSS_NEGOTIATE, &ex, lists[i].negotiated);
        expect_identity_for(RPC_C_AUTHN_WINNT, &ex, lists[i].ntlm);
    }
}

static void package_lists_must_allow_kerberos(void **state)
{
    static const struct {
        const char16_t *list;
        bool allowed;
    } lists[] = {{u"Kerberos", true},        {u"negotiate", true}, {u"NTLM,kerberos", true},
                 {u"Negotiate,!ntlm", true}, {u"NTLM", false},     {u"Negotiate,!Kerberos", false},
                 {u"!kerberos", false},      {u"", false},         {u"kerberosx", false}};

    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
        SEC_WINNT_AUTH_IDENTITY_EXW ex = {SEC_WINNT_AUTH_IDENTITY_VERSION, sizeof(ex),
                                          TEXT_AND_LENGTH("carol@LAB.TEST"),
                                          .Flags = SEC_WINNT_AUTH_IDENTITY_UNICODE};

        ex.PackageList = (unsigned short *)lists[i].list;
        while (lists[i].list[ex.PackageListLength])
            ex.PackageListLength++;
        expect_identity(&ex, lists[i].allowed ? "carol@LAB.TEST" : NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(CIS_1_once_in_a_process),
        cmocka_unit_test(CIS_2_too_late_after_the_implicit_call),
        cmocka_unit_test(CIS_4_reserved_parameters_are_null),
        cmocka_unit_test(CIS_5_minus_one_offers_what_there_is),
        cmocka_unit_test(CIS_5_zero_offers_nothing),
        cmocka_unit_test(CIS_5_counts),
        cmocka_unit_test(CIS_6_each_entry_gets_its_own_result),
        cmocka_unit_test(CIS_6_none_registers),
        cmocka_unit_test(CIS_6_NTLM_registers_where_it_is_allowed),
        cmocka_unit_test(CIS_7_no_name_is_the_process_s_own),
        cmocka_unit_test(CIS_8_authentication_levels),
        cmocka_unit_test(CIS_9_impersonation_levels),
        cmocka_unit_test(CIS_10_identities_by_service),
        cmocka_unit_test(CIS_10_lists_that_cannot_be_used),
        cmocka_unit_test(CIS_11_flags_that_exclude_each_other),
        cmocka_unit_test(CIS_12_identity_with_cloaking),
        cmocka_unit_test(CIS_13_secure_refs_need_security),
        cmocka_unit_test(CIS_18_implicit_defaults),
        cmocka_unit_test(CIS_19_nothing_else_is_returned),
        cmocka_unit_test(CIS_20_each_capability),
        cmocka_unit_test(identities_are_read_from_their_structures),
        cmocka_unit_test(identities_that_name_nobody_are_refused),
        cmocka_unit_test(names_that_would_mean_something_else_are_refused),
        cmocka_unit_test(a_nul_does_not_cut_a_name),
        cmocka_unit_test(NTLM_identities_need_no_realm),
        cmocka_unit_test(CIS_10_package_lists_narrow_Negotiate),
        cmocka_unit_test(package_lists_must_allow_kerberos),
    };

    return cmocka_run_group_tests_name("security", tests, NULL, NULL);
}
