/* SPDX-License-Identifier: Apache-2.0 */
/* SIDs, lists and descriptors as programs make them, AccessCheck and SDDL under their Windows names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/utf16.h"
#include "com/handle.h"
#include "com/thread.h"
#include "sddl.h"
#include "winbase.h"
#include "winerror.h"

#define KERBEROS 16

static GENERIC_MAPPING mapping = {READ_CONTROL | 1, READ_CONTROL | 2, READ_CONTROL | 4,
                                  STANDARD_RIGHTS_REQUIRED | 7};

/* FALSE, and why. */
static void expect_error(BOOL result, DWORD error)
{
    assert_false(result);
    assert_int_equal(GetLastError(), error);
}

static PSID sid(const char16_t *text)
{
    PSID made;

    assert_true(ConvertStringSidToSidW(text, &made));
    return made;
}

static void expect_text(PSID value, const char16_t *expected)
{
    LPWSTR text;

    assert_true(ConvertSidToStringSidW(value, &text));
    assert_int_equal(utf16_length(text), utf16_length(expected));
    assert_memory_equal(text, expected, utf16_length(expected) * 2);
    LocalFree(text);
}

/* SIDs */

static void test_sids(void **state)
{
    SID_IDENTIFIER_AUTHORITY nt = SECURITY_NT_AUTHORITY;
    uint8_t copy[SECURITY_MAX_SID_SIZE];
    PSID made, other = sid(u"BA");
    (void)state;
    assert_true(AllocateAndInitializeSid(&nt, 2, SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_ADMINS, 0, 0,
                                         0, 0, 0, 0, &made));
    assert_true(EqualSid(made, other));
    expect_text(made, u"S-1-5-32-544");
    assert_int_equal(*GetSidSubAuthorityCount(made), 2);
    assert_int_equal(*GetSidSubAuthority(made, 1), 544);
    assert_memory_equal(GetSidIdentifierAuthority(made), &nt, sizeof(nt));
    assert_true(CopySid(sizeof(copy), copy, made));
    assert_true(EqualSid(copy, made));
    expect_error(CopySid(15, copy, made), ERROR_INSUFFICIENT_BUFFER);
    assert_null(FreeSid(made));
    LocalFree(other);
    expect_error(AllocateAndInitializeSid(&nt, 9, 0, 0, 0, 0, 0, 0, 0, 0, &made), ERROR_INVALID_PARAMETER);
    expect_error(AllocateAndInitializeSid(&nt, 0, 0, 0, 0, 0, 0, 0, 0, 0, &made), ERROR_INVALID_PARAMETER);
    assert_true(InitializeSid(copy, &nt, SID_MAX_SUB_AUTHORITIES));
    expect_error(InitializeSid(copy, &nt, SID_MAX_SUB_AUTHORITIES + 1), ERROR_INVALID_PARAMETER);
    expect_error(ConvertStringSidToSidW(u"S-1-", &made), ERROR_INVALID_SID);
    expect_error(ConvertStringSidToSidW(u"DA", &made), ERROR_INVALID_SID);
    expect_error(ConvertStringSidToSidW(NULL, &made), ERROR_INVALID_PARAMETER);
}

static void test_well_known_sids(void **state)
{
    static const struct {
        WELL_KNOWN_SID_TYPE type;
        const char16_t *text;
    } known[] = {
        {WinWorldSid, u"S-1-1-0"},
        {WinLocalSystemSid, u"S-1-5-18"},
        {WinAnonymousSid, u"S-1-5-7"},
        {WinBuiltinAdministratorsSid, u"S-1-5-32-544"},
        {WinBuiltinDCOMUsersSid, u"S-1-5-32-562"},
        {WinCreatorOwnerRightsSid, u"S-1-3-4"},
    };
    uint8_t bytes[SECURITY_MAX_SID_SIZE];
    DWORD size;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        size = sizeof(bytes);
        assert_true(CreateWellKnownSid(known[i].type, NULL, bytes, &size));
        assert_int_equal(size, GetLengthSid(bytes));
        expect_text(bytes, known[i].text);
        assert_true(IsWellKnownSid(bytes, known[i].type));
        assert_false(IsWellKnownSid(bytes, WinNullSid));
    }
    size = 11;
    expect_error(CreateWellKnownSid(WinWorldSid, NULL, bytes, &size), ERROR_INSUFFICIENT_BUFFER);
    assert_int_equal(size, 12);
    expect_error(CreateWellKnownSid((WELL_KNOWN_SID_TYPE)99, NULL, bytes, &size), ERROR_INVALID_PARAMETER);
}

/* Lists */

static void test_lists(void **state)
{
    PSID everyone = sid(u"WD"), system = sid(u"SY");
    /* Room for two entries of 20 bytes, exactly. */
    DWORD memory[12];
    PACL acl = (PACL)memory;
    ACL_SIZE_INFORMATION size;
    ACCESS_ALLOWED_ACE *ace;
    (void)state;
    expect_error(InitializeAcl(acl, 7, ACL_REVISION), ERROR_INSUFFICIENT_BUFFER);
    expect_error(InitializeAcl(acl, 0x10000, ACL_REVISION), ERROR_INVALID_PARAMETER);
    expect_error(InitializeAcl(acl, sizeof(memory), 1), ERROR_INVALID_PARAMETER);
    assert_true(InitializeAcl(acl, sizeof(memory), ACL_REVISION));
    assert_true(AddAccessAllowedAce(acl, ACL_REVISION, 1, everyone));
    expect_error(AddAccessDeniedAceEx(acl, ACL_REVISION, 0x80, 1, system), ERROR_INVALID_FLAGS);
    expect_error(AddAccessAllowedAce(acl, 9, 1, system), ERROR_REVISION_MISMATCH);
    expect_error(AddAccessAllowedAce(acl, ACL_REVISION, 1, NULL), ERROR_INVALID_SID);
    assert_true(AddAccessDeniedAceEx(acl, ACL_REVISION, INHERIT_ONLY_ACE, 2, system));
    expect_error(AddAccessAllowedAce(acl, ACL_REVISION, 1, everyone), ERROR_ALLOTTED_SPACE_EXCEEDED);
    assert_true(GetAclInformation(acl, &size, sizeof(size), AclSizeInformation));
    assert_int_equal(size.AceCount, 2);
    assert_int_equal(size.AclBytesInUse, sizeof(memory));
    assert_int_equal(size.AclBytesFree, 0);
    assert_true(GetAce(acl, 1, (LPVOID *)&ace));
    assert_int_equal(ace->Header.AceType, ACCESS_DENIED_ACE_TYPE);
    assert_int_equal(ace->Header.AceFlags, INHERIT_ONLY_ACE);
    assert_int_equal(ace->Mask, 2);
    assert_true(EqualSid(&ace->SidStart, system));
    expect_error(GetAce(acl, 2, (LPVOID *)&ace), ERROR_INVALID_PARAMETER);
    assert_true(DeleteAce(acl, 0));
    assert_true(GetAce(acl, 0, (LPVOID *)&ace));
    assert_true(EqualSid(&ace->SidStart, system));
    assert_true(AddAccessAllowedAce(acl, ACL_REVISION, 1, everyone));
    assert_true(IsValidAcl(acl));
    ace->Header.AceSize = 200;
    assert_false(IsValidAcl(acl));
    expect_error(AddAccessAllowedAce(acl, ACL_REVISION, 1, everyone), ERROR_INVALID_ACL);
    expect_error(GetAce(acl, 0, (LPVOID *)&ace), ERROR_INVALID_ACL);
    LocalFree(everyone);
    LocalFree(system);
}

/* Descriptors */

static void expect_sddl(PSECURITY_DESCRIPTOR descriptor, const char16_t *expected)
{
    LPWSTR text;
    ULONG units;

    assert_true(ConvertSecurityDescriptorToStringSecurityDescriptorW(descriptor, SDDL_REVISION_1, 0xF, &text,
                                                                     &units));
    assert_int_equal(units, utf16_length(expected) + 1);
    assert_memory_equal(text, expected, units * 2);
    LocalFree(text);
}

static void test_descriptors(void **state)
{
    PSID everyone = sid(u"WD"), system = sid(u"SY");
    DWORD memory[16], revision, size = 0;
    PACL acl = (PACL)memory, found;
    SECURITY_DESCRIPTOR descriptor;
    SECURITY_DESCRIPTOR_CONTROL control;
    BOOL present, defaulted;
    PSID owner;
    (void)state;
    expect_error(InitializeSecurityDescriptor(&descriptor, 2), ERROR_UNKNOWN_REVISION);
    assert_true(InitializeSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION));
    assert_true(IsValidSecurityDescriptor(&descriptor));
    assert_true(InitializeAcl(acl, sizeof(memory), ACL_REVISION));
    assert_true(AddAccessAllowedAce(acl, ACL_REVISION, 5, everyone));
    assert_true(SetSecurityDescriptorDacl(&descriptor, TRUE, acl, FALSE));
    assert_true(SetSecurityDescriptorOwner(&descriptor, system, TRUE));
    assert_true(SetSecurityDescriptorGroup(&descriptor, everyone, FALSE));
    assert_true(SetSecurityDescriptorSacl(&descriptor, TRUE, NULL, FALSE));
    assert_true(SetSecurityDescriptorControl(&descriptor, SE_DACL_PROTECTED, SE_DACL_PROTECTED));
    expect_error(SetSecurityDescriptorControl(&descriptor, SE_SELF_RELATIVE, SE_SELF_RELATIVE),
                 ERROR_INVALID_PARAMETER);
    assert_true(GetSecurityDescriptorControl(&descriptor, &control, &revision));
    assert_int_equal(control, SE_DACL_PRESENT | SE_SACL_PRESENT | SE_OWNER_DEFAULTED | SE_DACL_PROTECTED);
    assert_true(GetSecurityDescriptorDacl(&descriptor, &present, &found, &defaulted));
    assert_true(present && found == acl && !defaulted);
    assert_true(GetSecurityDescriptorOwner(&descriptor, &owner, &defaulted));
    assert_true(owner == system && defaulted);
    assert_true(SetSecurityDescriptorSacl(&descriptor, FALSE, acl, FALSE));
    expect_sddl(&descriptor, u"O:SYG:WDD:P(A;;CCLC;;;WD)");
    /* Self-relative, and back. */
    expect_error(MakeSelfRelativeSD(&descriptor, NULL, &size), ERROR_INSUFFICIENT_BUFFER);
    assert_int_equal(size, GetSecurityDescriptorLength(&descriptor));
    _cleanup_(freep) void *relative = malloc(size);
    assert_non_null(relative);
    assert_true(MakeSelfRelativeSD(&descriptor, relative, &size));
    assert_true(IsValidSecurityDescriptor(relative));
    assert_int_equal(GetSecurityDescriptorLength(relative), size);
    expect_sddl(relative, u"O:SYG:WDD:P(A;;CCLC;;;WD)");
    expect_error(MakeSelfRelativeSD(relative, relative, &size), ERROR_BAD_DESCRIPTOR_FORMAT);
    expect_error(SetSecurityDescriptorDacl(relative, TRUE, NULL, FALSE), ERROR_INVALID_SECURITY_DESCR);
    assert_true(GetSecurityDescriptorGroup(relative, &owner, &defaulted));
    assert_true(EqualSid(owner, everyone));
    ((SECURITY_DESCRIPTOR_RELATIVE *)relative)->Revision = 9;
    assert_false(IsValidSecurityDescriptor(relative));
    LocalFree(everyone);
    LocalFree(system);
}

static void test_make_absolute(void **state)
{
    PSECURITY_DESCRIPTOR relative;
    DWORD sizes[5] = {0};
    uint8_t dacl[64], owner[16], group[16];
    SECURITY_DESCRIPTOR absolute;
    (void)state;
    assert_true(ConvertStringSecurityDescriptorToSecurityDescriptorW(u"O:SYG:BAD:(A;;CC;;;WD)",
                                                                     SDDL_REVISION_1, &relative, NULL));
    expect_error(MakeAbsoluteSD(relative, NULL, &sizes[0], NULL, &sizes[1], NULL, &sizes[2], NULL, &sizes[3],
                                NULL, &sizes[4]),
                 ERROR_INSUFFICIENT_BUFFER);
    const DWORD expected[5] = {sizeof(SECURITY_DESCRIPTOR), 28, 0, 12, 16};
    assert_memory_equal(sizes, expected, sizeof(sizes));
    sizes[4]--;
    expect_error(MakeAbsoluteSD(relative, &absolute, &sizes[0], (PACL)dacl, &sizes[1], NULL, &sizes[2], owner,
                                &sizes[3], group, &sizes[4]),
                 ERROR_INSUFFICIENT_BUFFER);
    assert_true(MakeAbsoluteSD(relative, &absolute, &sizes[0], (PACL)dacl, &sizes[1], NULL, &sizes[2], owner,
                               &sizes[3], group, &sizes[4]));
    expect_sddl(&absolute, u"O:SYG:BAD:(A;;CC;;;WD)");
    expect_error(MakeAbsoluteSD(&absolute, &absolute, &sizes[0], (PACL)dacl, &sizes[1], NULL, &sizes[2],
                                owner, &sizes[3], group, &sizes[4]),
                 ERROR_BAD_DESCRIPTOR_FORMAT);
    LocalFree(relative);
}

static void test_sddl(void **state)
{
    PSECURITY_DESCRIPTOR made;
    LPWSTR text;
    ULONG size;
    (void)state;
    assert_true(ConvertStringSecurityDescriptorToSecurityDescriptorW(u"D:(D;;GA;;;AN)", SDDL_REVISION_1,
                                                                     &made, &size));
    assert_int_equal(size, GetSecurityDescriptorLength(made));
    assert_true(ConvertSecurityDescriptorToStringSecurityDescriptorW(
        made, SDDL_REVISION_1, OWNER_SECURITY_INFORMATION, &text, NULL));
    assert_int_equal(utf16_length(text), 0);
    LocalFree(text);
    expect_error(ConvertSecurityDescriptorToStringSecurityDescriptorW(made, 2, 15, &text, NULL),
                 ERROR_UNKNOWN_REVISION);
    LocalFree(made);
    expect_error(
        ConvertStringSecurityDescriptorToSecurityDescriptorW(u"D:(A;;CC;;;DA)", SDDL_REVISION_1, &made, NULL),
        ERROR_INVALID_PARAMETER);
    expect_error(ConvertStringSecurityDescriptorToSecurityDescriptorW(u"D:(A;;CC;;;root)", SDDL_REVISION_1,
                                                                      &made, NULL),
                 ERROR_INVALID_PARAMETER);
    expect_error(ConvertStringSecurityDescriptorToSecurityDescriptorW(u"D:", 2, &made, NULL),
                 ERROR_UNKNOWN_REVISION);
}

/* AccessCheck */

static HANDLE token_handle(TokenKind kind, TokenLevel level, DWORD access)
{
    _cleanup_(token_unrefp) Token *token = NULL;
    TokenSpec spec = {.kind = kind,
                      .level = level,
                      .principal = "alice@LAB.TEST",
                      .from_network = true,
                      .service = KERBEROS,
                      .expires = INT64_MAX};

    assert_int_equal(sid_parse("S-1-5-21-1-2-3-1105", &spec.user), 0);
    assert_int_equal(token_new(&spec, &token), 0);
    return handle_new(token, access);
}

static BOOL check(const char16_t *sddl, HANDLE token, DWORD desired, DWORD *ret_granted, BOOL *ret_status)
{
    PSECURITY_DESCRIPTOR descriptor;
    PRIVILEGE_SET privileges;
    DWORD size = sizeof(privileges);

    assert_true(
        ConvertStringSecurityDescriptorToSecurityDescriptorW(sddl, SDDL_REVISION_1, &descriptor, NULL));
    BOOL result =
        AccessCheck(descriptor, token, desired, &mapping, &privileges, &size, ret_granted, ret_status);
    LocalFree(descriptor);
    return result;
}

static void test_access_check(void **state)
{
    HANDLE token = token_handle(TOKEN_KIND_IMPERSONATION, TOKEN_LEVEL_IDENTIFICATION, TOKEN_QUERY);
    DWORD granted = 99;
    BOOL status = 99;
    (void)state;
    assert_true(check(u"O:SYG:SYD:(A;;0x3;;;S-1-5-21-1-2-3-1105)", token, 1, &granted, &status));
    assert_true(status && granted == 1);
    assert_true(
        check(u"O:SYG:SYD:(A;;0x3;;;S-1-5-21-1-2-3-1105)", token, MAXIMUM_ALLOWED, &granted, &status));
    assert_true(status && granted == 3);
    assert_true(check(u"O:SYG:SYD:(A;;GX;;;NU)", token, 4, &granted, &status));
    assert_true(status && granted == 4);
    assert_true(check(u"O:SYG:SYD:(A;;0x3;;;S-1-5-21-1-2-3-1106)", token, 1, &granted, &status));
    assert_true(!status && granted == 0);
    assert_int_equal(GetLastError(), ERROR_ACCESS_DENIED);
    /* Nothing was checked. */
    expect_error(check(u"O:SYG:SYD:", token, GENERIC_READ, &granted, &status), ERROR_GENERIC_NOT_MAPPED);
    expect_error(check(u"G:SYD:", token, 1, &granted, &status), ERROR_INVALID_SECURITY_DESCR);
    expect_error(check(u"O:SYD:", token, 1, &granted, &status), ERROR_INVALID_SECURITY_DESCR);
    CloseHandle(token);
    expect_error(check(u"O:SYG:SYD:", token, 1, &granted, &status), ERROR_INVALID_HANDLE);
    token = token_handle(TOKEN_KIND_IMPERSONATION, TOKEN_LEVEL_IDENTIFICATION, TOKEN_DUPLICATE);
    expect_error(check(u"O:SYG:SYD:", token, 1, &granted, &status), ERROR_ACCESS_DENIED);
    CloseHandle(token);
    token = token_handle(TOKEN_KIND_PRIMARY, TOKEN_LEVEL_DELEGATION, TOKEN_QUERY);
    expect_error(check(u"O:SYG:SYD:", token, 1, &granted, &status), ERROR_NO_IMPERSONATION_TOKEN);
    CloseHandle(token);
    token = token_handle(TOKEN_KIND_IMPERSONATION, TOKEN_LEVEL_ANONYMOUS, TOKEN_QUERY);
    expect_error(check(u"O:SYG:SYD:", token, 1, &granted, &status), ERROR_BAD_IMPERSONATION_LEVEL);
    CloseHandle(token);
}

static void test_access_check_buffers(void **state)
{
    HANDLE token = token_handle(TOKEN_KIND_IMPERSONATION, TOKEN_LEVEL_IDENTIFICATION, TOKEN_QUERY);
    SECURITY_DESCRIPTOR descriptor;
    PRIVILEGE_SET privileges;
    DWORD size = sizeof(privileges) - 1, granted, mask = GENERIC_READ | GENERIC_WRITE | 0x100;
    BOOL status;
    (void)state;
    assert_true(InitializeSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION));
    expect_error(AccessCheck(&descriptor, token, 1, &mapping, &privileges, &size, &granted, &status),
                 ERROR_INSUFFICIENT_BUFFER);
    assert_int_equal(size, sizeof(privileges));
    expect_error(AccessCheck(&descriptor, token, 1, NULL, &privileges, &size, &granted, &status),
                 ERROR_INVALID_PARAMETER);
    MapGenericMask(&mask, &mapping);
    assert_int_equal(mask, READ_CONTROL | 0x103);
    CloseHandle(token);
}

static void test_membership(void **state)
{
    HANDLE token = token_handle(TOKEN_KIND_IMPERSONATION, TOKEN_LEVEL_IDENTIFICATION, TOKEN_QUERY);
    PSID everyone = sid(u"WD"), anonymous = sid(u"AN"), user = sid(u"S-1-5-21-1-2-3-1105");
    BOOL member;
    (void)state;
    assert_true(CheckTokenMembership(token, everyone, &member) && member);
    assert_true(CheckTokenMembership(token, user, &member) && member);
    assert_true(CheckTokenMembership(token, anonymous, &member) && !member);
    expect_error(CheckTokenMembership(token, NULL, &member), ERROR_INVALID_SID);
    expect_error(CheckTokenMembership(token, user, NULL), ERROR_INVALID_PARAMETER);
    assert_true(ImpersonateLoggedOnUser(token) == FALSE); /* the handle lacks TOKEN_IMPERSONATE */
    CloseHandle(token);
    token =
        token_handle(TOKEN_KIND_IMPERSONATION, TOKEN_LEVEL_IDENTIFICATION, TOKEN_QUERY | TOKEN_IMPERSONATE);
    assert_true(ImpersonateLoggedOnUser(token));
    assert_true(CheckTokenMembership(NULL, user, &member) && member);
    assert_true(RevertToSelf());
    CloseHandle(token);
    LocalFree(everyone);
    LocalFree(anonymous);
    LocalFree(user);
}

/* An empty configuration. */
static char configuration[] = "/tmp/mantle-test-XXXXXX";

static int setup(void **state)
{
    int fd = mkstemp(configuration);
    (void)state;
    if (fd < 0) return 1;
    (void)close(fd);
    return setenv("MANTLE_CONFIG", configuration, 1);
}

static int teardown(void **state)
{
    (void)state;
    return unlink(configuration);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sids),          cmocka_unit_test(test_well_known_sids),
        cmocka_unit_test(test_lists),         cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_make_absolute), cmocka_unit_test(test_sddl),
        cmocka_unit_test(test_access_check),  cmocka_unit_test(test_access_check_buffers),
        cmocka_unit_test(test_membership),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
