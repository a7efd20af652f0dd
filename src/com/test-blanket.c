/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of com/blanket: the rules of SetBlanket (facts PB-7 to PB-18) and negotiation (NEG-1 to NEG-6).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "base/utf16.h"
#include "com/blanket.h"
#include "objbase.h"

#define TEXT_AND_LENGTH(text) (unsigned short *)u##text, sizeof(u##text) / 2 - 1

static SEC_WINNT_AUTH_IDENTITY_W alice = {TEXT_AND_LENGTH("alice"), TEXT_AND_LENGTH("LAB.TEST"),
                                          TEXT_AND_LENGTH("pw"), SEC_WINNT_AUTH_IDENTITY_UNICODE};
static SEC_WINNT_AUTH_IDENTITY_W bob = {TEXT_AND_LENGTH("bob"), TEXT_AND_LENGTH("LAB.TEST"),
                                        TEXT_AND_LENGTH("pw"), SEC_WINNT_AUTH_IDENTITY_UNICODE};

/* A server like one of ours, one like Windows, one without security, one with services that are not ours. */
static Bindings ours, windows, unsecured, foreign;
static ProcessSecurity *plain, *delegating, *cloaking, *with_identity, *unsecure;
static Token *process, *thread;

static ProcessSecurity *security_make_with(const SecurityDefaults *defaults, DWORD level, DWORD impersonation,
                                           DWORD capabilities, void *list)
{
    const SecurityArgs args = {.cAuthSvc = -1,
                               .dwAuthnLevel = level,
                               .dwImpLevel = impersonation,
                               .pAuthList = list,
                               .dwCapabilities = capabilities};
    ProcessSecurity *security;

    assert_int_equal(security_new(&args, defaults, &security), S_OK);
    return security;
}

static ProcessSecurity *security_make(DWORD level, DWORD impersonation, DWORD capabilities, void *list)
{
    const SecurityDefaults defaults = {RPC_C_AUTHN_LEVEL_CONNECT, RPC_C_IMP_LEVEL_IDENTIFY, true};

    return security_make_with(&defaults, level, impersonation, capabilities, list);
}

static Token *token_make(TokenKind kind, TokenLevel level)
{
    const TokenSpec spec = {
        .kind = kind, .level = level, .principal = "x@LAB.TEST", .user = SID_EVERYONE, .expires = INT64_MAX};
    Token *token;

    assert_int_equal(token_new(&spec, &token), 0);
    return token;
}

static int setup(void **state)
{
    static const SecurityBinding own[] = {{16, "host/a.lab.test"}};
    static const SecurityBinding typical[] = {{10, ""}, {9, ""}, {16, "host/w.lab.test"}, {16, "second"}};
    static const SecurityBinding others[] = {{10, ""}, {14, "cert"}};
    SOLE_AUTHENTICATION_INFO entry = {RPC_C_AUTHN_GSS_KERBEROS, RPC_C_AUTHZ_NONE, &bob};
    SOLE_AUTHENTICATION_LIST list = {1, &entry};

    assert_int_equal(bindings_new(NULL, 0, own, 1, &ours), 0);
    assert_int_equal(bindings_new(NULL, 0, typical, 4, &windows), 0);
    assert_int_equal(bindings_new(NULL, 0, NULL, 0, &unsecured), 0);
    assert_int_equal(bindings_new(NULL, 0, others, 2, &foreign), 0);
    plain = security_make(RPC_C_AUTHN_LEVEL_CONNECT, RPC_C_IMP_LEVEL_IDENTIFY, EOAC_NONE, NULL);
    delegating = security_make(RPC_C_AUTHN_LEVEL_PKT_PRIVACY, RPC_C_IMP_LEVEL_DELEGATE, EOAC_NONE, NULL);
    cloaking = security_make(RPC_C_AUTHN_LEVEL_PKT, RPC_C_IMP_LEVEL_IMPERSONATE, EOAC_STATIC_CLOAKING, NULL);
    with_identity = security_make(RPC_C_AUTHN_LEVEL_PKT, RPC_C_IMP_LEVEL_IMPERSONATE, EOAC_NONE, &list);
    unsecure = security_make(RPC_C_AUTHN_LEVEL_NONE, RPC_C_IMP_LEVEL_IDENTIFY, EOAC_NONE, NULL);
    process = token_make(TOKEN_KIND_PRIMARY, TOKEN_LEVEL_DELEGATION);
    thread = token_make(TOKEN_KIND_IMPERSONATION, TOKEN_LEVEL_IMPERSONATION);
    return 0;
}

static int teardown(void **state)
{
    bindings_deinit(&ours);
    bindings_deinit(&windows);
    bindings_deinit(&unsecured);
    bindings_deinit(&foreign);
    (void)security_free(plain);
    (void)security_free(delegating);
    (void)security_free(cloaking);
    (void)security_free(with_identity);
    (void)security_free(unsecure);
    (void)token_unref(process);
    (void)token_unref(thread);
    return 0;
}

static Blanket *negotiate(const ProcessSecurity *security, const Bindings *bindings, uint32_t hint)
{
    const BlanketServer server = {bindings, hint};
    Blanket *blanket = NULL;

    assert_int_equal(blanket_new_default(security, &server, &blanket), S_OK);
    assert_false(blanket->set);
    return blanket;
}

/* Kerberos, integrity, impersonate, the server's principal, the present identity. */
static BlanketArgs usual(void)
{
    return (BlanketArgs){RPC_C_AUTHN_GSS_KERBEROS,
                         RPC_C_AUTHZ_NONE,
                         COLE_DEFAULT_PRINCIPAL,
                         RPC_C_AUTHN_LEVEL_PKT_INTEGRITY,
                         RPC_C_IMP_LEVEL_IMPERSONATE,
                         NULL,
                         EOAC_NONE};
}

static BlanketArgs all_default(void)
{
    return (BlanketArgs){RPC_C_AUTHN_DEFAULT,
                         RPC_C_AUTHZ_DEFAULT,
                         COLE_DEFAULT_PRINCIPAL,
                         RPC_C_AUTHN_LEVEL_DEFAULT,
                         RPC_C_IMP_LEVEL_DEFAULT,
                         COLE_DEFAULT_AUTHINFO,
                         EOAC_DEFAULT};
}

static Blanket *set_on(const ProcessSecurity *security, const Bindings *bindings, const BlanketArgs *args)
{
    const BlanketServer server = {bindings, 0};
    Blanket *blanket = NULL;

    assert_int_equal(blanket_new_set(security, &server, NULL, args, thread, process, &blanket), S_OK);
    assert_true(blanket->set);
    return blanket;
}

static Blanket *set(const BlanketArgs *args)
{
    return set_on(plain, &ours, args);
}

static void refuse_on(const ProcessSecurity *security, const Bindings *bindings, const BlanketArgs *args,
                      HRESULT code)
{
    const BlanketServer server = {bindings, 0};
    Blanket *blanket = NULL;
    IErrorInfo *error;

    assert_int_equal(blanket_new_set(security, &server, NULL, args, thread, process, &blanket), code);
    assert_null(blanket);
    assert_int_equal(GetErrorInfo(0, &error), S_OK);
    error->lpVtbl->Release(error);
}

static void refuse(const BlanketArgs *args, HRESULT code)
{
    refuse_on(plain, &ours, args, code);
}

static void NEG_1_the_first_service_of_the_server_that_is_ours(void **state)
{
    Blanket *blanket = negotiate(plain, &windows, 0);

    assert_int_equal(blanket->authn_service, RPC_C_AUTHN_GSS_NEGOTIATE); /* NTLM was not allowed */
    assert_null(blanket->principal);                                     /* NEG-4 */
    (void)blanket_unref(blanket);
}

/* NTLM is the last choice, and none where the configuration does not allow it. */
static void NEG_1_NTLM_is_what_remains(void **state)
{
    ProcessSecurity *with_ntlm = security_make_with(
        &(SecurityDefaults){RPC_C_AUTHN_LEVEL_CONNECT, RPC_C_IMP_LEVEL_IDENTIFY, true, .ntlm = true},
        RPC_C_AUTHN_LEVEL_CONNECT, RPC_C_IMP_LEVEL_IMPERSONATE, EOAC_NONE, NULL);
    Blanket *blanket = negotiate(with_ntlm, &windows, 0);

    assert_int_equal(blanket->authn_service, RPC_C_AUTHN_GSS_NEGOTIATE);
    (void)blanket_unref(blanket);
    blanket = negotiate(with_ntlm, &foreign, 0);
    assert_int_equal(blanket->authn_service, RPC_C_AUTHN_WINNT);
    (void)blanket_unref(blanket);
    (void)security_free(with_ntlm);
}

/* The service that CoInitializeSecurity was given an identity for goes before one that would show the
 * process's. */
static void NEG_4_the_service_with_an_identity_is_taken(void **state)
{
    static const DWORD given[] = {RPC_C_AUTHN_GSS_KERBEROS, RPC_C_AUTHN_GSS_NEGOTIATE};

    for (size_t i = 0; i < sizeof(given) / sizeof(*given); i++) {
        SOLE_AUTHENTICATION_INFO entry = {given[i], RPC_C_AUTHZ_NONE, &bob};
        SOLE_AUTHENTICATION_LIST list = {1, &entry};
        ProcessSecurity *security =
            security_make(RPC_C_AUTHN_LEVEL_PKT, RPC_C_IMP_LEVEL_IMPERSONATE, EOAC_NONE, &list);
        Blanket *blanket = negotiate(security, &windows, 0);

        assert_int_equal(blanket->authn_service, given[i]);
        CloakInput input = blanket_cloak_input(blanket, security, NULL, thread, process);
        assert_string_equal(identity_principal(input.process_identity), "bob@LAB.TEST");
        (void)blanket_unref(blanket);
        (void)security_free(security);
    }
}

/* PB-10: there is no ticket that NTLM could hand on. */
static void PB_10_NTLM_does_not_delegate(void **state)
{
    BlanketArgs args = usual();
    Blanket *blanket;

    args.dwAuthnSvc = RPC_C_AUTHN_WINNT;
    blanket = set(&args);
    assert_int_equal(blanket->authn_service, RPC_C_AUTHN_WINNT);
    (void)blanket_unref(blanket);
    args.dwImpLevel = RPC_C_IMP_LEVEL_DELEGATE;
    refuse(&args, E_INVALIDARG);
    args.dwImpLevel = RPC_C_IMP_LEVEL_DEFAULT;
    refuse_on(delegating, &ours, &args, E_INVALIDARG);
}

static void NEG_1_no_common_service(void **state)
{
    const BlanketServer server = {&foreign, 0};
    Blanket *blanket = NULL;

    assert_int_equal(blanket_new_default(plain, &server, &blanket), RPC_E_NO_GOOD_SECURITY_PACKAGES);
    assert_int_equal(blanket_new_default(unsecure, &server, &blanket), RPC_E_NO_GOOD_SECURITY_PACKAGES);
    assert_null(blanket);
}

static void NEG_1_an_empty_list_is_no_security_only_for_who_asked_for_none(void **state)
{
    const BlanketServer server = {&unsecured, 0};
    Blanket *blanket = NULL;

    assert_int_equal(blanket_new_default(plain, &server, &blanket), RPC_E_NO_GOOD_SECURITY_PACKAGES);
    assert_null(blanket);
    blanket = negotiate(unsecure, &unsecured, RPC_C_AUTHN_LEVEL_PKT_PRIVACY);
    assert_int_equal(blanket->authn_service, RPC_C_AUTHN_NONE);
    assert_int_equal(blanket->authn_level, RPC_C_AUTHN_LEVEL_NONE);
    assert_null(blanket->principal);
    (void)blanket_unref(blanket);
}

static void NEG_2_the_higher_level_counts_and_integrity_at_least(void **state)
{
    static const struct {
        uint32_t hint, level;
    } rows[] = {{0, 5}, {1, 5}, {2, 5}, {3, 5}, {4, 5}, {5, 5}, {6, 6}, {7, 5}, {0xFFFFFFFF, 5}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        Blanket *blanket = negotiate(plain, &ours, rows[i].hint);
        assert_int_equal(blanket->authn_level, rows[i].level);
        (void)blanket_unref(blanket);
        blanket = negotiate(delegating, &ours, rows[i].hint);
        assert_int_equal(blanket->authn_level, RPC_C_AUTHN_LEVEL_PKT_PRIVACY);
        (void)blanket_unref(blanket);
    }
}

static void NEG_3_impersonation_and_cloaking_are_the_clients(void **state)
{
    Blanket *blanket = negotiate(delegating, &ours, 0);

    assert_int_equal(blanket->impersonation_level, RPC_C_IMP_LEVEL_DELEGATE);
    assert_int_equal(blanket->capabilities, EOAC_NONE);
    (void)blanket_unref(blanket);
    blanket = negotiate(cloaking, &ours, 0);
    assert_int_equal(blanket->capabilities, EOAC_STATIC_CLOAKING);
    assert_null(blanket->captured); /* CLK-2: at the first call, by the proxy */
    (void)blanket_unref(blanket);
}

/* The identity and the name belong to the service that was agreed on, not to the first that was offered. */
static void NEG_4_identity_and_principal_are_the_service_s(void **state)
{
    static const SecurityBinding two[] = {{RPC_C_AUTHN_GSS_SCHANNEL, "cert"},
                                          {RPC_C_AUTHN_GSS_KERBEROS, "host/k"}};
    static const SecurityBinding nameless[] = {{RPC_C_AUTHN_GSS_KERBEROS, ""}};
    SOLE_AUTHENTICATION_INFO entries[] = {{RPC_C_AUTHN_WINNT, RPC_C_AUTHZ_NONE, &alice},
                                          {RPC_C_AUTHN_GSS_KERBEROS, RPC_C_AUTHZ_NONE, &bob}};
    SOLE_AUTHENTICATION_LIST list = {2, entries};
    ProcessSecurity *security =
        security_make(RPC_C_AUTHN_LEVEL_PKT, RPC_C_IMP_LEVEL_IMPERSONATE, EOAC_NONE, &list);
    Bindings bindings;
    Blanket *blanket;

    assert_int_equal(bindings_new(NULL, 0, two, 2, &bindings), 0);
    blanket = negotiate(security, &bindings, 0);
    assert_int_equal(blanket->authn_service, RPC_C_AUTHN_GSS_KERBEROS);
    assert_string_equal(blanket->principal, "host/k");
    assert_ptr_equal(blanket->auth_info, &bob);
    CloakInput input = blanket_cloak_input(blanket, security, NULL, thread, process);
    assert_string_equal(identity_principal(input.process_identity), "bob@LAB.TEST");
    (void)blanket_unref(blanket);
    bindings_deinit(&bindings);
    assert_int_equal(bindings_new(NULL, 0, nameless, 1, &bindings), 0);
    blanket = negotiate(security, &bindings, 0);
    assert_null(blanket->principal);
    (void)blanket_unref(blanket);
    bindings_deinit(&bindings);
    (void)security_free(security);
}

static void NEG_6_default_impersonation_is_the_process_s(void **state)
{
    BlanketArgs args = usual();
    Blanket *blanket;

    args.dwImpLevel = RPC_C_IMP_LEVEL_DEFAULT;
    blanket = set_on(delegating, &ours, &args);
    assert_int_equal(blanket->impersonation_level, RPC_C_IMP_LEVEL_DELEGATE);
    (void)blanket_unref(blanket);
    blanket = set(&args);
    assert_int_equal(blanket->impersonation_level, RPC_C_IMP_LEVEL_IDENTIFY);
    (void)blanket_unref(blanket);
}

static void PB_7_values_are_assigned_not_negotiated(void **state)
{
    const BlanketServer server = {&ours, RPC_C_AUTHN_LEVEL_PKT_PRIVACY};
    BlanketArgs args = usual();
    Blanket *blanket;

    args.dwAuthnLevel = RPC_C_AUTHN_LEVEL_CONNECT;
    assert_int_equal(blanket_new_set(delegating, &server, NULL, &args, NULL, process, &blanket), S_OK);
    assert_int_equal(blanket->authn_level, RPC_C_AUTHN_LEVEL_CONNECT);
    assert_int_equal(blanket->impersonation_level, RPC_C_IMP_LEVEL_IMPERSONATE);
    (void)blanket_unref(blanket);
}

/* DEFAULT means NTLM to RPC and negotiation here, so it ends here. */
static void RPC_4_the_default_service_is_not_passed_on(void **state)
{
    const Bindings *const servers[] = {&ours, &windows};
    const ProcessSecurity *const processes[] = {plain, delegating, cloaking, with_identity};
    BlanketArgs args = all_default();

    for (size_t i = 0; i < 8; i++) {
        Blanket *negotiated = negotiate(processes[i / 2], servers[i % 2], 0);
        Blanket *asked = set_on(processes[i / 2], servers[i % 2], &args);
        assert_true(negotiated->authn_service == RPC_C_AUTHN_GSS_KERBEROS ||
                    negotiated->authn_service == RPC_C_AUTHN_GSS_NEGOTIATE);
        assert_int_equal(asked->authn_service, negotiated->authn_service);
        (void)blanket_unref(negotiated);
        (void)blanket_unref(asked);
    }
}

static void PB_7_defaults_are_negotiated(void **state)
{
    const BlanketServer server = {&windows, RPC_C_AUTHN_LEVEL_PKT_INTEGRITY};
    BlanketArgs args = all_default();
    Blanket *blanket;

    assert_int_equal(blanket_new_set(cloaking, &server, NULL, &args, thread, process, &blanket), S_OK);
    assert_int_equal(blanket->authn_service, RPC_C_AUTHN_GSS_NEGOTIATE);
    assert_int_equal(blanket->authn_level, RPC_C_AUTHN_LEVEL_PKT_INTEGRITY);
    assert_int_equal(blanket->impersonation_level, RPC_C_IMP_LEVEL_IMPERSONATE);
    assert_int_equal(blanket->capabilities, EOAC_STATIC_CLOAKING);
    assert_null(blanket->principal);             /* the server registered none for it */
    assert_ptr_equal(blanket->captured, thread); /* CLK-3 also where EOAC_DEFAULT came to it */
    (void)blanket_unref(blanket);
}

static void PB_9_none_goes_with_none(void **state)
{
    BlanketArgs args = usual();
    Blanket *blanket;

    args.dwAuthnLevel = RPC_C_AUTHN_LEVEL_NONE;
    refuse(&args, E_INVALIDARG);
    args.dwAuthnSvc = RPC_C_AUTHN_DEFAULT;
    refuse(&args, E_INVALIDARG);
    args.dwAuthnSvc = RPC_C_AUTHN_NONE;
    blanket = set(&args);
    assert_int_equal(blanket->authn_service, RPC_C_AUTHN_NONE);
    (void)blanket_unref(blanket);
    args.dwAuthnLevel = RPC_C_AUTHN_LEVEL_PKT;
    refuse(&args, E_INVALIDARG);
    args.dwAuthnLevel = RPC_C_AUTHN_LEVEL_DEFAULT;
    refuse(&args, E_INVALIDARG);
    args.dwAuthnLevel = 7;
    refuse(&args, E_INVALIDARG);
}

static void PB_9_call_is_packet_over_tcp(void **state)
{
    BlanketArgs args = usual();
    Blanket *blanket;

    args.dwAuthnLevel = RPC_C_AUTHN_LEVEL_CALL;
    blanket = set(&args);
    assert_int_equal(blanket->authn_level, RPC_C_AUTHN_LEVEL_PKT);
    (void)blanket_unref(blanket);
}

static void PB_9_a_level_is_not_given_up_because_the_server_has_no_service(void **state)
{
    BlanketArgs args = all_default();

    refuse_on(plain, &unsecured, &args, RPC_E_NO_GOOD_SECURITY_PACKAGES);
    args.dwAuthnLevel = RPC_C_AUTHN_LEVEL_CONNECT;
    refuse_on(unsecure, &unsecured, &args, RPC_E_NO_GOOD_SECURITY_PACKAGES);
    refuse_on(plain, &foreign, &args, RPC_E_NO_GOOD_SECURITY_PACKAGES);
}

static void PB_10_impersonation_levels(void **state)
{
    BlanketArgs args = usual();

    for (DWORD level = RPC_C_IMP_LEVEL_ANONYMOUS; level <= RPC_C_IMP_LEVEL_DELEGATE; level++) {
        Blanket *blanket;

        args.dwImpLevel = level;
        blanket = set(&args);
        assert_int_equal(blanket->impersonation_level, level);
        (void)blanket_unref(blanket);
    }
    args.dwImpLevel = 5;
    refuse(&args, E_INVALIDARG);
}

static void PB_11_no_authorization_service(void **state)
{
    BlanketArgs args = usual();

    args.dwAuthzSvc = RPC_C_AUTHZ_NAME;
    refuse(&args, E_INVALIDARG);
    args.dwAuthzSvc = RPC_C_AUTHZ_DCE;
    refuse(&args, E_INVALIDARG);
    args.dwAuthzSvc = RPC_C_AUTHZ_DEFAULT;
    (void)blanket_unref(set(&args));
}

static void PB_12_null_principal_keeps_the_previous_one(void **state)
{
    const BlanketServer server = {&ours, 0};
    BlanketArgs args = usual();
    Blanket *first, *second, *third;

    args.pServerPrincName = OLESTR("host/other.lab.test@LAB.TEST");
    first = set(&args);
    assert_string_equal(first->principal, "host/other.lab.test@LAB.TEST");
    args.pServerPrincName = NULL;
    assert_int_equal(blanket_new_set(plain, &server, first, &args, NULL, process, &second), S_OK);
    assert_string_equal(second->principal, "host/other.lab.test@LAB.TEST");
    args.pServerPrincName = COLE_DEFAULT_PRINCIPAL;
    assert_int_equal(blanket_new_set(plain, &server, second, &args, NULL, process, &third), S_OK);
    assert_string_equal(third->principal, "host/a.lab.test");
    (void)blanket_unref(first);
    (void)blanket_unref(second);
    (void)blanket_unref(third);
}

/* Kerberos needs a name: where the server told none, and none was set, NULL leaves none. */
static void PB_12_null_where_there_is_no_principal(void **state)
{
    static const SecurityBinding nameless[] = {{RPC_C_AUTHN_GSS_KERBEROS, ""}};
    BlanketArgs args = usual();
    Bindings bindings;
    BlanketServer server = {&bindings, 0};
    Blanket *first = NULL, *second = NULL;

    assert_int_equal(bindings_new(NULL, 0, nameless, 1, &bindings), 0);
    args.pServerPrincName = NULL;
    refuse_on(plain, &bindings, &args, E_INVALIDARG);
    assert_int_equal(blanket_new_default(plain, &server, &first), S_OK);
    assert_int_equal(blanket_new_set(plain, &server, first, &args, NULL, process, &second), E_INVALIDARG);
    args.pServerPrincName = OLESTR("host/told.lab.test");
    assert_int_equal(blanket_new_set(plain, &server, first, &args, NULL, process, &second), S_OK);
    (void)blanket_unref(first);
    args.pServerPrincName = NULL;
    assert_int_equal(blanket_new_set(plain, &server, second, &args, NULL, process, &first), S_OK);
    assert_string_equal(first->principal, "host/told.lab.test");
    (void)blanket_unref(first);
    (void)blanket_unref(second);
    bindings_deinit(&bindings);
    (void)SetErrorInfo(0, NULL);
}

static void PB_12_principals_that_are_none(void **state)
{
    OLECHAR long_name[BLANKET_PRINCIPAL_MAX + 2];
    BlanketArgs args = usual();

    args.pServerPrincName = OLESTR("");
    refuse(&args, E_INVALIDARG);
    args.pServerPrincName = u"host/\xd800";
    refuse(&args, E_INVALIDARG);
    for (size_t i = 0; i <= BLANKET_PRINCIPAL_MAX; i++)
        long_name[i] = u'x';
    long_name[BLANKET_PRINCIPAL_MAX + 1] = 0;
    args.pServerPrincName = long_name;
    refuse(&args, E_INVALIDARG);
    long_name[BLANKET_PRINCIPAL_MAX] = 0;
    (void)blanket_unref(set(&args));
}

static void PB_13_null_identity_is_the_present_one(void **state)
{
    BlanketArgs args = usual();
    Blanket *blanket = set_on(with_identity, &ours, &args);

    assert_null(blanket->identity);
    assert_ptr_equal(blanket->auth_info, &bob); /* ERR-11: what calls will show */
    (void)blanket_unref(blanket);
}

static void PB_13_default_identity_is_the_process_s_for_the_service(void **state)
{
    BlanketArgs args = usual();
    Blanket *blanket;

    args.pAuthInfo = COLE_DEFAULT_AUTHINFO;
    blanket = set_on(with_identity, &ours, &args);
    assert_string_equal(identity_principal(blanket->identity), "bob@LAB.TEST");
    (void)blanket_unref(blanket);
    /* ERR-5: where only defaults combine, the identity wins. */
    args.dwCapabilities = EOAC_DYNAMIC_CLOAKING;
    blanket = set_on(with_identity, &ours, &args);
    assert_string_equal(identity_principal(blanket->identity), "bob@LAB.TEST");
    (void)blanket_unref(blanket);
    blanket = set(&args);
    assert_null(blanket->identity);
    (void)blanket_unref(blanket);
}

static void PB_13_explicit_identities_are_objects(void **state)
{
    BlanketArgs args = usual();
    Blanket *first, *second;

    args.pAuthInfo = &alice;
    first = set_on(with_identity, &ours, &args);
    second = set_on(with_identity, &ours, &args);
    assert_string_equal(identity_principal(first->identity), "alice@LAB.TEST");
    assert_ptr_not_equal(first->identity, second->identity); /* design decision 8: never compared by name */
    assert_null(first->auth_info);                           /* ERR-8 */
    (void)blanket_unref(first);
    (void)blanket_unref(second);
    alice.Flags = 0;
    refuse(&args, E_INVALIDARG);
    alice.Flags = SEC_WINNT_AUTH_IDENTITY_UNICODE;
    args.dwAuthnSvc = RPC_C_AUTHN_NONE;
    args.dwAuthnLevel = RPC_C_AUTHN_LEVEL_NONE;
    refuse(&args, E_INVALIDARG);
}

static void PB_14_auth_info_with_cloaking(void **state)
{
    BlanketArgs args = usual();

    args.pAuthInfo = &alice;
    args.dwCapabilities = EOAC_STATIC_CLOAKING;
    refuse(&args, E_INVALIDARG);
    args.dwCapabilities = EOAC_DYNAMIC_CLOAKING;
    refuse(&args, E_INVALIDARG);
    args.pAuthInfo = NULL;
    args.dwCapabilities = EOAC_STATIC_CLOAKING | EOAC_DYNAMIC_CLOAKING;
    refuse(&args, E_INVALIDARG);
    args.dwCapabilities = EOAC_DYNAMIC_CLOAKING;
    args.dwAuthnSvc = RPC_C_AUTHN_GSS_SCHANNEL;
    refuse(&args, E_INVALIDARG);
}

static void PB_15_each_capability(void **state)
{
    static const DWORD accepted = EOAC_MUTUAL_AUTH | EOAC_STATIC_CLOAKING | EOAC_DYNAMIC_CLOAKING |
                                  EOAC_ANY_AUTHORITY | EOAC_MAKE_FULLSIC | EOAC_DEFAULT;
    BlanketArgs args = usual();

    for (unsigned bit = 0; bit < 32; bit++) {
        args.dwCapabilities = 1u << bit;
        if (accepted & 1u << bit)
            (void)blanket_unref(set(&args));
        else
            refuse(&args, E_INVALIDARG);
    }
    args.dwCapabilities = EOAC_DEFAULT | EOAC_DYNAMIC_CLOAKING;
    refuse(&args, E_INVALIDARG);
    args.dwCapabilities = EOAC_DYNAMIC_CLOAKING | EOAC_MUTUAL_AUTH;
    (void)blanket_unref(set(&args));
}

static void PB_16_default_service_with_null_identity(void **state)
{
    BlanketArgs args = all_default();
    Blanket *blanket;

    args.pAuthInfo = NULL;
    blanket = set_on(with_identity, &ours, &args);
    assert_int_equal(blanket->authn_service, RPC_C_AUTHN_GSS_KERBEROS);
    assert_null(blanket->identity);
    (void)blanket_unref(blanket);
}

static void PB_16_services_that_are_not_implemented(void **state)
{
    static const DWORD services[] = {RPC_C_AUTHN_GSS_SCHANNEL, RPC_C_AUTHN_NETLOGON, 77};
    BlanketArgs args = usual();

    for (size_t i = 0; i < sizeof(services) / sizeof(*services); i++) {
        args.dwAuthnSvc = services[i];
        refuse(&args, HRESULT_FROM_WIN32(RPC_S_UNKNOWN_AUTHN_SERVICE));
    }
}

/* The service that was asked for, not the one that Negotiate ends with. */
static void PB_18_query_of_Negotiate(void **state)
{
    DWORD service;
    BlanketArgs args = usual();
    Blanket *blanket;

    args.dwAuthnSvc = RPC_C_AUTHN_GSS_NEGOTIATE;
    blanket = set(&args);
    assert_int_equal(blanket_query(blanket, &service, NULL, NULL, NULL, NULL, NULL, NULL), S_OK);
    assert_int_equal(service, RPC_C_AUTHN_GSS_NEGOTIATE);
    (void)blanket_unref(blanket);
}

static void PB_18_query(void **state)
{
    DWORD service, authz, level, impersonation, capabilities;
    BlanketArgs args = usual();
    OLECHAR *principal;
    void *auth_info;
    char *narrow;
    Blanket *blanket;

    args.dwCapabilities = EOAC_DYNAMIC_CLOAKING;
    blanket = set(&args);
    assert_int_equal(blanket_query(blanket, &service, &authz, &principal, &level, &impersonation, &auth_info,
                                   &capabilities),
                     S_OK);
    assert_int_equal(service, RPC_C_AUTHN_GSS_KERBEROS);
    assert_int_equal(authz, RPC_C_AUTHZ_NONE);
    assert_int_equal(level, RPC_C_AUTHN_LEVEL_PKT_INTEGRITY);
    assert_int_equal(impersonation, RPC_C_IMP_LEVEL_IMPERSONATE);
    assert_int_equal(capabilities, EOAC_DYNAMIC_CLOAKING);
    assert_null(auth_info);
    assert_int_equal(utf8_from_utf16(principal, utf16_length(principal), &narrow), 0);
    assert_string_equal(narrow, "host/a.lab.test");
    free(narrow);
    CoTaskMemFree(principal);
    assert_int_equal(blanket_query(blanket, NULL, NULL, NULL, NULL, NULL, NULL, NULL), S_OK);
    (void)blanket_unref(blanket);
    blanket = negotiate(with_identity, &ours, 0);
    assert_int_equal(blanket_query(blanket, NULL, NULL, NULL, NULL, NULL, &auth_info, NULL), S_OK);
    assert_ptr_equal(auth_info, &bob); /* ERR-8 */
    (void)blanket_unref(blanket);
}

static void CLK_15_Kerberos_cloaks_and_Schannel_does_not(void **state)
{
    static const DWORD flags[] = {EOAC_STATIC_CLOAKING, EOAC_DYNAMIC_CLOAKING};
    BlanketArgs args = usual();

    for (size_t i = 0; i < 2; i++) {
        args.dwCapabilities = flags[i];
        args.dwAuthnSvc = RPC_C_AUTHN_GSS_SCHANNEL;
        refuse(&args, E_INVALIDARG);
        args.dwAuthnSvc = RPC_C_AUTHN_GSS_KERBEROS;
        Blanket *blanket = set(&args);
        assert_int_equal(blanket->capabilities, flags[i]);
        (void)blanket_unref(blanket);
    }
}

static void CLK_3_static_captures_the_thread_else_the_process(void **state)
{
    const BlanketServer server = {&ours, 0};
    BlanketArgs args = usual();
    Blanket *blanket;

    args.dwCapabilities = EOAC_STATIC_CLOAKING;
    blanket = set(&args);
    assert_ptr_equal(blanket->captured, thread);
    (void)blanket_unref(blanket);
    assert_int_equal(blanket_new_set(plain, &server, NULL, &args, NULL, process, &blanket), S_OK);
    assert_ptr_equal(blanket->captured, process);
    (void)blanket_unref(blanket);
    assert_int_equal(blanket_new_set(plain, &server, NULL, &args, NULL, NULL, &blanket), S_OK);
    assert_null(blanket->captured);
    (void)blanket_unref(blanket);
    args.dwCapabilities = EOAC_DYNAMIC_CLOAKING;
    blanket = set(&args);
    assert_null(blanket->captured);
    (void)blanket_unref(blanket);
}

static CloakRule rule_of(const Blanket *blanket, const ProcessSecurity *security)
{
    CloakInput input = blanket_cloak_input(blanket, security, NULL, thread, process);
    CloakChoice choice;

    assert_int_equal(cloak_decide(&input, &choice), S_OK);
    return choice.rule;
}

static void each_blanket_leads_to_its_rule(void **state)
{
    const struct {
        const ProcessSecurity *security;
        const void *auth_info;
        DWORD capabilities;
        CloakRule rule;
    } rows[] = {
        {plain, &alice, EOAC_NONE, CLOAK_C1},
        {with_identity, COLE_DEFAULT_AUTHINFO, EOAC_NONE, CLOAK_C1},
        {cloaking, &alice, EOAC_DEFAULT, CLOAK_C1},
        {plain, NULL, EOAC_STATIC_CLOAKING, CLOAK_C2},
        {cloaking, NULL, EOAC_DEFAULT, CLOAK_C2},
        {plain, NULL, EOAC_DYNAMIC_CLOAKING, CLOAK_C3},
        {cloaking, NULL, EOAC_NONE, CLOAK_C4},
        {with_identity, NULL, EOAC_NONE, CLOAK_C4},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        BlanketArgs args = usual();
        Blanket *blanket;

        args.pAuthInfo = rows[i].auth_info;
        args.dwCapabilities = rows[i].capabilities;
        blanket = set_on(rows[i].security, &ours, &args);
        assert_int_equal(rule_of(blanket, rows[i].security), rows[i].rule);
        (void)blanket_unref(blanket);
    }
}

static void each_default_blanket_leads_to_its_rule(void **state)
{
    ProcessSecurity *dynamic =
        security_make(RPC_C_AUTHN_LEVEL_PKT, RPC_C_IMP_LEVEL_IMPERSONATE, EOAC_DYNAMIC_CLOAKING, NULL);
    const struct {
        const ProcessSecurity *security;
        CloakRule rule;
    } rows[] = {{with_identity, CLOAK_C5}, {cloaking, CLOAK_C6}, {dynamic, CLOAK_C7}, {plain, CLOAK_C8}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        Blanket *blanket = negotiate(rows[i].security, &ours, 0);

        assert_int_equal(rule_of(blanket, rows[i].security), rows[i].rule);
        (void)blanket_unref(blanket);
    }
    (void)security_free(dynamic);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(NEG_1_the_first_service_of_the_server_that_is_ours),
        cmocka_unit_test(NEG_1_NTLM_is_what_remains),
        cmocka_unit_test(NEG_4_the_service_with_an_identity_is_taken),
        cmocka_unit_test(PB_10_NTLM_does_not_delegate),
        cmocka_unit_test(NEG_1_no_common_service),
        cmocka_unit_test(NEG_1_an_empty_list_is_no_security_only_for_who_asked_for_none),
        cmocka_unit_test(NEG_2_the_higher_level_counts_and_integrity_at_least),
        cmocka_unit_test(NEG_3_impersonation_and_cloaking_are_the_clients),
        cmocka_unit_test(NEG_4_identity_and_principal_are_the_service_s),
        cmocka_unit_test(NEG_6_default_impersonation_is_the_process_s),
        cmocka_unit_test(PB_7_values_are_assigned_not_negotiated),
        cmocka_unit_test(RPC_4_the_default_service_is_not_passed_on),
        cmocka_unit_test(PB_7_defaults_are_negotiated),
        cmocka_unit_test(PB_9_none_goes_with_none),
        cmocka_unit_test(PB_9_call_is_packet_over_tcp),
        cmocka_unit_test(PB_9_a_level_is_not_given_up_because_the_server_has_no_service),
        cmocka_unit_test(PB_10_impersonation_levels),
        cmocka_unit_test(PB_11_no_authorization_service),
        cmocka_unit_test(PB_12_null_principal_keeps_the_previous_one),
        cmocka_unit_test(PB_12_null_where_there_is_no_principal),
        cmocka_unit_test(PB_12_principals_that_are_none),
        cmocka_unit_test(PB_13_null_identity_is_the_present_one),
        cmocka_unit_test(PB_13_default_identity_is_the_process_s_for_the_service),
        cmocka_unit_test(PB_13_explicit_identities_are_objects),
        cmocka_unit_test(PB_14_auth_info_with_cloaking),
        cmocka_unit_test(PB_15_each_capability),
        cmocka_unit_test(PB_16_default_service_with_null_identity),
        cmocka_unit_test(PB_16_services_that_are_not_implemented),
        cmocka_unit_test(PB_18_query_of_Negotiate),
        cmocka_unit_test(PB_18_query),
        cmocka_unit_test(CLK_15_Kerberos_cloaks_and_Schannel_does_not),
        cmocka_unit_test(CLK_3_static_captures_the_thread_else_the_process),
        cmocka_unit_test(each_blanket_leads_to_its_rule),
        cmocka_unit_test(each_default_blanket_leads_to_its_rule),
    };

    return cmocka_run_group_tests_name("blanket", tests, setup, teardown);
}
