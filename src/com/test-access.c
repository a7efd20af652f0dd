/* SPDX-License-Identifier: Apache-2.0 */
/* Who may call a process: each form of pSecDesc, AppIDs, the machine's limit (facts CIS-14 to CIS-18). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/utf16.h"
#include "com/access.h"
#include "com/security.h"
#include "com/thread.h"
#include "iaccess.h"
#include "objbase.h"
#include "oleauto.h"
#include "rpc/server.h"
#include "sddl.h"
#include "sec/local-token.h"
#include "winbase.h"
#include "winerror.h"

#define APPID      "{4b9a2c10-8d7e-4f21-b0c6-0123456789ab}"
#define BAD_CONFIG HRESULT_FROM_WIN32(ERROR_INVALID_DATA)

static char directory[] = "/tmp/mantle-access-XXXXXX", file[sizeof(directory) + 8];
static Token *alice, *bob, *anonymous, *myself, *root;

static Token *make_remote(const char *principal)
{
    TokenSpec spec = {.kind = TOKEN_KIND_IMPERSONATION,
                      .level = TOKEN_LEVEL_IDENTIFICATION,
                      .principal = principal,
                      .from_network = true,
                      .service = RPC_C_AUTHN_GSS_KERBEROS,
                      .expires = INT64_MAX};
    Token *token;

    assert_int_equal(sid_from_principal(principal, &spec.user), 0);
    assert_int_equal(token_new(&spec, &token), 0);
    return token;
}

static Token *make_local(uid_t uid)
{
    const LocalProcess process = {.uid = uid, .gid = 12345};
    Token *token;

    assert_int_equal(token_new_local(&process, TOKEN_LEVEL_IDENTIFICATION, "HERE", &token), 0);
    return token;
}

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(directory) || setenv("MANTLE_CONFIG", "/nonexistent/mantle.conf", 1) < 0) return 1;
    (void)snprintf(file, sizeof(file), "%s/a.conf", directory);
    alice = make_remote("alice@LAB.TEST");
    bob = make_remote("bob@LAB.TEST");
    myself = make_local(geteuid());
    root = make_local(0);
    return token_new_anonymous(&anonymous) != 0;
}

static int teardown(void **state)
{
    Token *const tokens[] = {alice, bob, anonymous, myself, root};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(tokens); i++)
        (void)token_unref(tokens[i]);
    (void)SetErrorInfo(0, NULL);
    (void)unlink(file);
    return rmdir(directory);
}

static void put(const char *text)
{
    FILE *out = fopen(file, "we");

    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
}

static Permission *permission(const char *sddl)
{
    Permission *made;
    SecFailure failure = {0};

    if (permission_parse(sddl, &made, &failure) != 0) fail_msg("%s: %s", sddl, failure.sentence);
    return made;
}

static void expect_sentence(void)
{
    IErrorInfo *error;

    assert_int_equal(GetErrorInfo(0, &error), S_OK);
    error->lpVtbl->Release(error);
}

/* An absolute descriptor of SDDL, as a program makes one. */
typedef struct Absolute {
    SECURITY_DESCRIPTOR descriptor;
    uint8_t dacl[512], sacl[512], owner[SECURITY_MAX_SID_SIZE], group[SECURITY_MAX_SID_SIZE];
} Absolute;

static PSECURITY_DESCRIPTOR relative(const char *sddl)
{
    _cleanup_(freep) char16_t *wide = NULL;
    PSECURITY_DESCRIPTOR made;

    assert_int_equal(utf16_from_utf8(sddl, &wide, NULL), 0);
    assert_true(ConvertStringSecurityDescriptorToSecurityDescriptorW(wide, SDDL_REVISION_1, &made, NULL));
    return made;
}

static void absolute(const char *sddl, Absolute *target)
{
    PSECURITY_DESCRIPTOR source = relative(sddl);
    DWORD size = sizeof(target->descriptor), dacl = sizeof(target->dacl), sacl = sizeof(target->sacl);
    DWORD owner = sizeof(target->owner), group = sizeof(target->group);

    memset(target, 0, sizeof(*target));
    assert_true(MakeAbsoluteSD(source, &target->descriptor, &size, (PACL)target->dacl, &dacl,
                               (PACL)target->sacl, &sacl, target->owner, &owner, target->group, &group));
    LocalFree(source);
}

static const SecurityDefaults bare = {RPC_C_AUTHN_LEVEL_CONNECT, RPC_C_IMP_LEVEL_IDENTIFY,
                                      .can_accept = true};

static HRESULT initialize(const void *descriptor, DWORD capabilities, const SecurityDefaults *defaults,
                          ProcessSecurity **ret_security)
{
    const SecurityArgs args = {.pSecDesc = descriptor,
                               .cAuthSvc = -1,
                               .dwAuthnLevel = RPC_C_AUTHN_LEVEL_CONNECT,
                               .dwImpLevel = RPC_C_IMP_LEVEL_IDENTIFY,
                               .dwCapabilities = capabilities};

    return security_new(&args, defaults, ret_security);
}

static void expect_refused(const void *descriptor, DWORD capabilities, HRESULT code)
{
    ProcessSecurity *security = NULL;

    assert_int_equal(initialize(descriptor, capabilities, &bare, &security), code);
    assert_null(security);
    expect_sentence();
}

static ProcessSecurity *expect_taken(const void *descriptor, DWORD capabilities,
                                     const SecurityDefaults *defaults)
{
    ProcessSecurity *security = NULL;

    assert_int_equal(initialize(descriptor, capabilities, defaults, &security), S_OK);
    return security;
}

static bool admits(ProcessSecurity *security, Token *caller)
{
    return access_admits(&security->access, NULL, caller, caller && !token_is_from_network(caller));
}

/* CIS-14: descriptors */

static void CIS_14_a_descriptor_admits_whom_it_names(void **state)
{
    _cleanup_(security_freep) ProcessSecurity *security = NULL;
    Sid user = *token_user(alice);
    char sid[SID_STRING_SIZE], sddl[512];
    Absolute given;

    (void)state;
    sid_format(&user, sid);
    (void)snprintf(sddl, sizeof(sddl), "O:SYG:SYD:(A;;CCDCLC;;;%s)", sid);
    absolute(sddl, &given);
    security = expect_taken(&given.descriptor, EOAC_NONE, &bare);
    memset(&given, 0xFF, sizeof(given)); /* it was copied */
    assert_true(admits(security, alice));
    assert_false(admits(security, bob));
    assert_false(admits(security, NULL));
    assert_false(admits(security, anonymous));
    assert_false(admits(security, myself));
}

static void CIS_14_null_lists_admit_everybody_empty_ones_nobody(void **state)
{
    static const struct {
        const char *sddl;
        bool admitted, anonymous;
    } cases[] = {
        {"O:SYG:SY", true, true},
        {"O:SYG:SYD:NO_ACCESS_CONTROL", true, true},
        {"O:SYG:SYD:", false, false},
        {"O:SYG:SYD:(A;;CC;;;WD)", true, false},
        {"O:SYG:SYD:(A;;CC;;;AN)", false, true},
    };
    Absolute given;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_(security_freep) ProcessSecurity *security = NULL;

        absolute(cases[i].sddl, &given);
        security = expect_taken(&given.descriptor, EOAC_NONE, &bare);
        assert_int_equal(admits(security, alice), cases[i].admitted);
        assert_int_equal(admits(security, myself), cases[i].admitted);
        assert_int_equal(admits(security, NULL), cases[i].anonymous);
        assert_int_equal(admits(security, anonymous), cases[i].anonymous);
    }
}

static void CIS_14_no_descriptor_admits_everybody(void **state)
{
    _cleanup_(security_freep) ProcessSecurity *security = expect_taken(NULL, EOAC_NONE, &bare);
    (void)state;
    assert_true(admits(security, alice));
    assert_true(admits(security, NULL));
    assert_true(admits(security, anonymous));
}

static void CIS_14_descriptors_that_are_refused(void **state)
{
    Absolute given;
    PSECURITY_DESCRIPTOR self_relative = relative("O:SYG:SYD:(A;;CC;;;WD)");
    GUID appid = {0x4b9a2c10, 1, 2, {3}};
    (void)state;
    expect_refused(self_relative, EOAC_NONE, E_INVALIDARG);
    LocalFree(self_relative);
    absolute("G:SYD:(A;;CC;;;WD)", &given);
    expect_refused(&given.descriptor, EOAC_NONE, E_INVALIDARG);
    absolute("O:SYD:(A;;CC;;;WD)", &given);
    expect_refused(&given.descriptor, EOAC_NONE, E_INVALIDARG);
    absolute("O:SYG:SYD:(A;;CC;;;WD)S:(AU;SA;CC;;;WD)", &given);
    expect_refused(&given.descriptor, EOAC_NONE, E_INVALIDARG);
    absolute("O:SYG:SYD:(A;;CC;;;WD)", &given);
    given.dacl[sizeof(ACL)] = SYSTEM_AUDIT_ACE_TYPE;
    expect_refused(&given.descriptor, EOAC_NONE, E_INVALIDARG);
    given.dacl[sizeof(ACL)] = 9; /* with a condition */
    expect_refused(&given.descriptor, EOAC_NONE, E_INVALIDARG);
    given.dacl[0] = 9;
    expect_refused(&given.descriptor, EOAC_NONE, E_INVALIDARG);
    /* Another form than the capabilities say. */
    expect_refused(&appid, EOAC_NONE, E_INVALIDARG);
    expect_refused(NULL, EOAC_ACCESS_CONTROL, E_INVALIDARG);
    expect_refused(&given, EOAC_ACCESS_CONTROL | EOAC_APPID, E_INVALIDARG);
}

static void CIS_15_invalid_rights_are_refused(void **state)
{
    static const char *const bad[] = {"O:SYG:SYD:(A;;CC;;;WD)(A;;CCLC;;;AN)", "O:SYG:SYD:(A;;LC;;;WD)",
                                      "O:SYG:SYD:(A;;GA;;;WD)", "O:SYG:SYD:(A;;CCLC;;;WD)(D;;CC;;;AN)"};
    static const char *const good[] = {"O:SYG:SYD:(A;;CC;;;WD)(D;;CC;;;AN)",
                                       "O:SYG:SYD:(A;;CCDC;;;WD)(A;;CCLC;;;AN)"};
    Absolute given;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        absolute(bad[i], &given);
        expect_refused(&given.descriptor, EOAC_NONE, E_INVALIDARG);
    }
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        absolute(good[i], &given);
        (void)security_free(expect_taken(&given.descriptor, EOAC_NONE, &bare));
    }
}

/* CIS-14: IAccessControl */

typedef struct Control {
    IAccessControl iface;
    int references, asked;
    bool other; /* has no IAccessControl */
    HRESULT result;
    char16_t *expected;
    Token *as;
} Control;

static HRESULT control_query(IAccessControl *self, REFIID iid, void **ret_interface)
{
    Control *control = (Control *)self;

    if (control->other || !IsEqualIID(iid, &IID_IAccessControl)) return E_NOINTERFACE;
    control->references++;
    *ret_interface = self;
    return S_OK;
}

static ULONG control_add_ref(IAccessControl *self)
{
    return (ULONG)++((Control *)self)->references;
}

static ULONG control_release(IAccessControl *self)
{
    return (ULONG)--((Control *)self)->references;
}

static HRESULT control_is_allowed(IAccessControl *self, PTRUSTEEW trustee, LPWSTR property,
                                  ACCESS_RIGHTS rights, BOOL *ret_allowed)
{
    Control *control = (Control *)self;
    static const char16_t allowed[] = u"LAB.TEST\\alice";

    control->asked++;
    control->as = thread_token();
    assert_int_equal(trustee->TrusteeForm, TRUSTEE_IS_NAME);
    assert_null(property);
    assert_int_equal(rights, COM_RIGHTS_EXECUTE);
    *ret_allowed = utf16_length(trustee->ptstrName) == ARRAY_SIZE(allowed) - 1 &&
                   memcmp(trustee->ptstrName, allowed, sizeof(allowed)) == 0;
    return control->result;
}

static IAccessControlVtbl control_vtable = {.QueryInterface = control_query,
                                                  .AddRef = control_add_ref,
                                                  .Release = control_release,
                                                  .IsAccessAllowed = control_is_allowed};

static void CIS_14_SRV_13_an_access_control_is_asked_as_the_caller(void **state)
{
    Control control = {.iface = {&control_vtable}, .references = 1};
    ProcessSecurity *security = expect_taken(&control, EOAC_ACCESS_CONTROL, &bare);
    Token *before = thread_token();
    (void)state;
    assert_int_equal(control.references, 2);
    assert_true(admits(security, alice));
    assert_ptr_equal(control.as, alice); /* SRV-13 */
    assert_false(admits(security, bob));
    assert_ptr_equal(control.as, bob);
    assert_int_equal(control.asked, 2);
    assert_ptr_equal(thread_token(), before);
    /* A failure is a refusal, and nobody is asked about nobody. */
    control.result = E_FAIL;
    assert_false(admits(security, alice));
    control.result = S_OK;
    assert_int_equal(control.asked, 3);
    assert_false(admits(security, NULL));
    assert_false(admits(security, anonymous));
    assert_int_equal(control.asked, 3);
    /* The machine's limit comes first (CIS-16). */
    AccessSettings limited = {.machine_limit = permission("D:(A;;CC;;;bob@LAB.TEST)")};
    assert_false(access_admits(&security->access, &limited, alice, false));
    assert_int_equal(control.asked, 3);
    permission_free(limited.machine_limit);
    /* At the end it is released, and then nobody may call. */
    access_deinit(&security->access);
    assert_int_equal(control.references, 1);
    assert_false(admits(security, alice));
    (void)security_free(security);
    assert_int_equal(control.references, 1);
}

static void CIS_14_an_object_without_access_control_is_refused(void **state)
{
    Control control = {.iface = {&control_vtable}, .references = 1, .other = true};
    (void)state;
    expect_refused(&control, EOAC_ACCESS_CONTROL, E_INVALIDARG);
    assert_int_equal(control.references, 1);
}

/* CIS-14: AppIDs */

static const GUID appid = {0x4b9a2c10, 0x8d7e, 0x4f21, {0xb0, 0xc6, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab}};

static void CIS_14_an_appid_says_level_and_permission(void **state)
{
    SecurityDefaults defaults = bare;
    ProcessSecurity *security;
    (void)state;
    put("[appid " APPID
        "]\nauthn_level = privacy\naccess = D:(A;;CC;;;alice@LAB.TEST)\nexecutables = /opt/greeter\n");
    defaults.classes_dir = directory;
    defaults.program = "/opt/other";
    security = expect_taken(&appid, EOAC_APPID, &defaults);
    assert_true(security->explicit_call);
    assert_int_equal(security->authn_level, RPC_C_AUTHN_LEVEL_PKT_PRIVACY);
    assert_int_equal(security->impersonation_level, RPC_C_IMP_LEVEL_IDENTIFY);
    assert_true(admits(security, alice));
    assert_false(admits(security, bob));
    (void)security_free(security);
    /* NULL: that of the program; one without is at the machine's defaults. */
    security = expect_taken(NULL, EOAC_APPID, &defaults);
    assert_int_equal(security->authn_level, RPC_C_AUTHN_LEVEL_CONNECT);
    assert_int_equal(security->access.mode, ACCESS_SELF);
    (void)security_free(security);
    defaults.program = "/opt/greeter";
    security = expect_taken(NULL, EOAC_APPID, &defaults);
    assert_int_equal(security->authn_level, RPC_C_AUTHN_LEVEL_PKT_PRIVACY);
    assert_true(admits(security, alice));
    assert_false(admits(security, bob));
    (void)security_free(security);
}

static void CIS_14_with_an_appid_nothing_else_counts(void **state)
{
    SecurityDefaults defaults = bare;
    SecurityArgs args = {.pSecDesc = &appid,
                         .cAuthSvc = 77,
                         .pReserved1 = &args,
                         .dwAuthnLevel = 99,
                         .dwImpLevel = 99,
                         .dwCapabilities = EOAC_APPID | EOAC_STATIC_CLOAKING,
                         .pReserved3 = &args};
    ProcessSecurity *security;
    (void)state;
    put("[appid " APPID "]\nname = Greeter\n");
    defaults.classes_dir = directory;
    assert_int_equal(security_new(&args, &defaults, &security), S_OK);
    assert_int_equal(security->authn_level, RPC_C_AUTHN_LEVEL_CONNECT);
    assert_int_equal(security->capabilities, EOAC_NONE);
    (void)security_free(security);
}

static void CIS_14_an_unknown_appid_is_refused(void **state)
{
    SecurityDefaults defaults = bare;
    const GUID other = {1, 2, 3, {4}};
    ProcessSecurity *security = NULL;
    (void)state;
    put("[appid " APPID "]\n");
    defaults.classes_dir = directory;
    assert_int_equal(initialize(&other, EOAC_APPID, &defaults, &security), E_INVALIDARG);
    assert_null(security);
    expect_sentence();
}

static void CIS_17_a_bad_level_fails_both_kinds(void **state)
{
    static const char *const bad[] = {"authn_level = 7\n", "authn_level = high\n",
                                      "access = D:(A;;LC;;;WD)\n", "access = nobody\n"};
    SecurityDefaults defaults = bare;
    ProcessSecurity *security = NULL;
    char text[256];
    (void)state;
    defaults.classes_dir = directory;
    defaults.program = "/opt/greeter";
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        (void)snprintf(text, sizeof(text), "[appid " APPID "]\nexecutables = greeter\n%s", bad[i]);
        put(text);
        assert_int_equal(initialize(&appid, EOAC_APPID, &defaults, &security), BAD_CONFIG);
        expect_sentence();
        assert_int_equal(initialize(NULL, EOAC_APPID, &defaults, &security), BAD_CONFIG);
        expect_sentence();
        assert_int_equal(security_new_default(&defaults, &security), BAD_CONFIG);
        expect_sentence();
        /* Who says everything himself does not need it. */
        (void)security_free(expect_taken(NULL, EOAC_NONE, &defaults));
    }
}

/* CIS-16, CIS-18 */

static void CIS_16_level_none_ignores_permissions_not_limits(void **state)
{
    SecurityDefaults defaults = bare;
    AccessSettings settings = {.default_access = permission("D:"),
                               .machine_limit = permission("D:(A;;CC;;;WD)")};
    ProcessSecurity *security;
    (void)state;
    put("[appid " APPID "]\nauthn_level = none\naccess = D:\n");
    defaults.access = &settings;
    defaults.classes_dir = directory;
    security = expect_taken(&appid, EOAC_APPID, &defaults);
    assert_true(access_admits(&security->access, NULL, NULL, false));
    assert_true(access_admits(&security->access, &settings, alice, false));
    assert_false(access_admits(&security->access, &settings, NULL, false));
    (void)security_free(security);
    defaults.classes_dir = NULL;
    defaults.authn_level = RPC_C_AUTHN_LEVEL_NONE;
    assert_int_equal(security_new_default(&defaults, &security), S_OK);
    assert_true(access_admits(&security->access, NULL, NULL, false));
    (void)security_free(security);
    permission_free(settings.default_access);
    permission_free(settings.machine_limit);
}

static void CIS_16_limits_apply_to_everything_explicit(void **state)
{
    AccessSettings settings = {.machine_limit = permission("D:(A;;CCLC;;;alice@LAB.TEST)")};
    _cleanup_(security_freep) ProcessSecurity *security = expect_taken(NULL, EOAC_NONE, &bare);
    (void)state;
    assert_true(access_admits(&security->access, &settings, alice, false));
    assert_false(access_admits(&security->access, &settings, alice, true)); /* remote access alone */
    assert_false(access_admits(&security->access, &settings, bob, false));
    assert_false(access_admits(&security->access, &settings, NULL, false));
    permission_free(settings.machine_limit);
}

static void CIS_18_the_default_admits_the_process_and_SYSTEM(void **state)
{
    ProcessSecurity *security;
    Token *other = make_local(geteuid() + 4711);
    (void)state;
    assert_int_equal(security_new_default(&bare, &security), S_OK);
    assert_int_equal(security->access.mode, ACCESS_SELF);
    assert_true(admits(security, myself));
    assert_true(admits(security, root));
    assert_false(admits(security, other));
    assert_false(admits(security, alice));
    assert_false(admits(security, NULL));
    assert_false(admits(security, anonymous));
    (void)security_free(security);
    (void)token_unref(other);
}

static void CIS_18_where_the_default_comes_from(void **state)
{
    AccessSettings settings = {.default_access = permission("D:(A;;CC;;;bob@LAB.TEST)")};
    SecurityDefaults defaults = bare;
    ProcessSecurity *security;
    (void)state;
    put("[appid " APPID "]\naccess = D:(A;;CC;;;alice@LAB.TEST)\nexecutables = greeter\n");
    defaults.access = &settings;
    defaults.classes_dir = directory;
    defaults.secure_references = true;
    defaults.program = "/opt/greeter";
    assert_int_equal(security_new_default(&defaults, &security), S_OK);
    assert_int_equal(security->capabilities, EOAC_SECURE_REFS);
    assert_true(access_admits(&security->access, &settings, alice, false));
    assert_false(access_admits(&security->access, &settings, bob, false));
    (void)security_free(security);
    defaults.program = "/opt/other";
    assert_int_equal(security_new_default(&defaults, &security), S_OK);
    assert_false(access_admits(&security->access, &settings, alice, false));
    assert_true(access_admits(&security->access, &settings, bob, false));
    (void)security_free(security);
    permission_free(settings.default_access);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(CIS_14_a_descriptor_admits_whom_it_names),
        cmocka_unit_test(CIS_14_null_lists_admit_everybody_empty_ones_nobody),
        cmocka_unit_test(CIS_14_no_descriptor_admits_everybody),
        cmocka_unit_test(CIS_14_descriptors_that_are_refused),
        cmocka_unit_test(CIS_15_invalid_rights_are_refused),
        cmocka_unit_test(CIS_14_SRV_13_an_access_control_is_asked_as_the_caller),
        cmocka_unit_test(CIS_14_an_object_without_access_control_is_refused),
        cmocka_unit_test(CIS_14_an_appid_says_level_and_permission),
        cmocka_unit_test(CIS_14_with_an_appid_nothing_else_counts),
        cmocka_unit_test(CIS_14_an_unknown_appid_is_refused),
        cmocka_unit_test(CIS_17_a_bad_level_fails_both_kinds),
        cmocka_unit_test(CIS_16_level_none_ignores_permissions_not_limits),
        cmocka_unit_test(CIS_16_limits_apply_to_everything_explicit),
        cmocka_unit_test(CIS_18_the_default_admits_the_process_and_SYSTEM),
        cmocka_unit_test(CIS_18_where_the_default_comes_from),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
