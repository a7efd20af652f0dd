/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of com/handle, com/token, com/tokeninfo and what of com/logon needs no KDC. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <rpcdce.h>
#include <cmocka.h>
#include <pthread.h>
#include <string.h>
#include "base/utf16.h"
#include "com/handle.h"
#include "com/thread.h"
#include "windows.h"

static const Sid groups[] = {{.count = 2, .authority = 5, .subauthorities = {32, 544}},
                             {.count = 1, .authority = 5, .subauthorities = {11}}};

static Token *token_make(TokenKind kind, TokenLevel level, bool from_network)
{
    const TokenSpec spec = {.kind = kind,
                            .level = level,
                            .principal = "alice@LAB.TEST",
                            .user = {.count = 5, .authority = 5, .subauthorities = {21, 1, 2, 3, 1104}},
                            .groups = groups,
                            .group_count = 2,
                            .expires = 1700000000,
                            .from_network = from_network};
    Token *token;

    assert_int_equal(token_new(&spec, &token), 0);
    return token;
}

static HANDLE handle_make(TokenKind kind, TokenLevel level, DWORD access)
{
    Token *token = token_make(kind, level, true);
    HANDLE handle = handle_new(token, access);

    (void)token_unref(token);
    assert_non_null(handle);
    return handle;
}

static HANDLE impersonation_handle(TokenLevel level)
{
    return handle_make(TOKEN_KIND_IMPERSONATION, level, TOKEN_ALL_ACCESS);
}

static void expect_error(BOOL result, DWORD error)
{
    assert_false(result);
    assert_int_equal(GetLastError(), error);
}

static void a_closed_handle_is_never_another(void **state)
{
    HANDLE first = impersonation_handle(TOKEN_LEVEL_IMPERSONATION), second;
    DWORD size, type;

    assert_true(CloseHandle(first));
    second = impersonation_handle(TOKEN_LEVEL_IMPERSONATION);
    assert_ptr_not_equal(first, second);
    expect_error(GetTokenInformation(first, TokenType, &type, sizeof(type), &size), ERROR_INVALID_HANDLE);
    expect_error(CloseHandle(first), ERROR_INVALID_HANDLE);
    assert_true(GetTokenInformation(second, TokenType, &type, sizeof(type), &size));
    assert_true(CloseHandle(second));
    expect_error(CloseHandle(NULL), ERROR_INVALID_HANDLE);
    expect_error(CloseHandle((HANDLE)(uintptr_t)0x7ffffffffff0), ERROR_INVALID_HANDLE);
    assert_true(CloseHandle(GetCurrentProcess()));
    assert_true(CloseHandle(GetCurrentThread()));
}

static void handles_run_out_at_the_limit(void **state)
{
    Token *token = token_make(TOKEN_KIND_IMPERSONATION, TOKEN_LEVEL_IMPERSONATION, true);
    HANDLE *handles = calloc(HANDLES_MAX, sizeof(*handles));
    size_t count = 0;

    assert_non_null(handles);
    while (count < HANDLES_MAX && (handles[count] = handle_new(token, TOKEN_QUERY)))
        count++;
    assert_int_equal(count, HANDLES_MAX);
    assert_null(handle_new(token, TOKEN_QUERY));
    for (size_t i = 0; i < count; i++)
        assert_true(CloseHandle(handles[i]));
    free(handles);
    (void)token_unref(token);
}

static void *see_last_error(void *data)
{
    assert_int_equal(GetLastError(), 0);
    SetLastError(7);
    return NULL;
}

static void the_last_error_is_the_threads(void **state)
{
    pthread_t thread;

    SetLastError(5);
    assert_int_equal(pthread_create(&thread, NULL, see_last_error, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(GetLastError(), 5);
}

static void opening_a_thread_token(void **state)
{
    HANDLE handle = NULL, token = impersonation_handle(TOKEN_LEVEL_IMPERSONATION);
    Token *anonymous;

    expect_error(OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, FALSE, &handle), ERROR_NO_TOKEN);
    expect_error(OpenThreadToken(GetCurrentProcess(), TOKEN_QUERY, FALSE, &handle), ERROR_INVALID_HANDLE);
    expect_error(OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, FALSE, NULL), ERROR_INVALID_PARAMETER);
    assert_true(SetThreadToken(NULL, token));
    assert_true(OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, FALSE, &handle));
    assert_true(CloseHandle(handle));
    assert_int_equal(token_new_anonymous(&anonymous), 0);
    thread_set_token(anonymous);
    expect_error(OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, FALSE, &handle), ERROR_CANT_OPEN_ANONYMOUS);
    (void)token_unref(anonymous);
    assert_true(RevertToSelf());
    assert_true(CloseHandle(token));
}

static void setting_a_thread_token(void **state)
{
    HANDLE thread = GetCurrentThread(), other = GetCurrentProcess();
    HANDLE token = impersonation_handle(TOKEN_LEVEL_DELEGATION);
    HANDLE weak = handle_make(TOKEN_KIND_IMPERSONATION, TOKEN_LEVEL_IMPERSONATION, TOKEN_QUERY);
    HANDLE primary = handle_make(TOKEN_KIND_PRIMARY, TOKEN_LEVEL_DELEGATION, TOKEN_ALL_ACCESS);

    assert_true(SetThreadToken(&thread, token));
    assert_int_equal(token_level(thread_token()), TOKEN_LEVEL_DELEGATION);
    expect_error(SetThreadToken(&other, token), ERROR_INVALID_HANDLE);
    expect_error(SetThreadToken(NULL, weak), ERROR_ACCESS_DENIED);
    expect_error(SetThreadToken(NULL, primary), ERROR_BAD_TOKEN_TYPE);
    assert_int_equal(token_level(thread_token()), TOKEN_LEVEL_DELEGATION); /* failures change nothing */
    assert_true(SetThreadToken(NULL, NULL));
    assert_null(thread_token());
    assert_true(CloseHandle(token));
    assert_true(CloseHandle(weak));
    assert_true(CloseHandle(primary));
}

static void impersonating_a_logged_on_user(void **state)
{
    Token *local = token_make(TOKEN_KIND_PRIMARY, TOKEN_LEVEL_DELEGATION, false);
    HANDLE primary = handle_new(local, TOKEN_QUERY | TOKEN_DUPLICATE);
    HANDLE query = handle_new(local, TOKEN_QUERY);
    HANDLE client = impersonation_handle(TOKEN_LEVEL_IDENTIFICATION);

    assert_true(ImpersonateLoggedOnUser(primary));
    assert_int_equal(token_kind(thread_token()), TOKEN_KIND_IMPERSONATION);
    assert_int_equal(token_level(thread_token()), TOKEN_LEVEL_IMPERSONATION);
    assert_int_equal(token_authentication_id(thread_token()), token_authentication_id(local));
    assert_true(ImpersonateLoggedOnUser(client));
    assert_int_equal(token_level(thread_token()), TOKEN_LEVEL_IDENTIFICATION);
    expect_error(ImpersonateLoggedOnUser(query), ERROR_ACCESS_DENIED);
    expect_error(ImpersonateLoggedOnUser(NULL), ERROR_INVALID_HANDLE);
    assert_true(RevertToSelf());
    assert_null(thread_token());
    assert_true(CloseHandle(primary) && CloseHandle(query) && CloseHandle(client));
    (void)token_unref(local);
}

static void duplicating_never_raises_the_level(void **state)
{
    HANDLE token = impersonation_handle(TOKEN_LEVEL_IMPERSONATION), copy = NULL;
    HANDLE identify = impersonation_handle(TOKEN_LEVEL_IDENTIFICATION);
    SECURITY_ATTRIBUTES attributes = {.nLength = sizeof(attributes), .lpSecurityDescriptor = &attributes};
    SECURITY_IMPERSONATION_LEVEL level;
    DWORD size;

    expect_error(DuplicateTokenEx(token, 0, NULL, SecurityDelegation, TokenImpersonation, &copy),
                 ERROR_BAD_IMPERSONATION_LEVEL);
    expect_error(DuplicateTokenEx(identify, 0, NULL, SecurityAnonymous, TokenPrimary, &copy),
                 ERROR_BAD_IMPERSONATION_LEVEL);
    expect_error(DuplicateTokenEx(token, 0, &attributes, SecurityImpersonation, TokenImpersonation, &copy),
                 ERROR_INVALID_PARAMETER);
    expect_error(DuplicateTokenEx(token, 0, NULL, 4, TokenImpersonation, &copy), ERROR_INVALID_PARAMETER);
    expect_error(DuplicateTokenEx(token, 0, NULL, SecurityImpersonation, 3, &copy), ERROR_INVALID_PARAMETER);
    assert_null(copy);
    assert_true(
        DuplicateTokenEx(token, TOKEN_QUERY, NULL, SecurityIdentification, TokenImpersonation, &copy));
    assert_true(GetTokenInformation(copy, TokenImpersonationLevel, &level, sizeof(level), &size));
    assert_int_equal(level, SecurityIdentification);
    expect_error(SetThreadToken(NULL, copy), ERROR_ACCESS_DENIED); /* it was opened for TOKEN_QUERY */
    assert_true(CloseHandle(copy));
    assert_true(DuplicateTokenEx(token, MAXIMUM_ALLOWED, NULL, SecurityAnonymous, TokenPrimary, &copy));
    expect_error(GetTokenInformation(copy, TokenImpersonationLevel, &level, sizeof(level), &size),
                 ERROR_INVALID_PARAMETER);
    assert_true(CloseHandle(copy) && CloseHandle(token) && CloseHandle(identify));
}

/* Who proved it: the mechanism, whatever was asked for. */
static void token_source_is_the_mechanism(void **state)
{
    static const struct {
        uint8_t service;
        const char *name;
    } rows[] = {{RPC_C_AUTHN_GSS_KERBEROS, "Kerberos"}, {RPC_C_AUTHN_WINNT, "NtLmSsp"}, {0, "Mantle"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const TokenSpec spec = {.kind = TOKEN_KIND_IMPERSONATION,
                                .level = TOKEN_LEVEL_IMPERSONATION,
                                .principal = "x@LAB.TEST",
                                .user = SID_EVERYONE,
                                .service = rows[i].service,
                                .expires = INT64_MAX};
        TOKEN_SOURCE source;
        char name[TOKEN_SOURCE_LENGTH + 1] = "";
        DWORD size;
        Token *token, *copy;

        assert_int_equal(token_new(&spec, &token), 0);
        assert_int_equal(token_duplicate(token, TOKEN_KIND_IMPERSONATION, TOKEN_LEVEL_IDENTIFICATION, &copy),
                         0);
        HANDLE handle = handle_new(copy, TOKEN_QUERY_SOURCE), other = handle_new(copy, TOKEN_QUERY);
        assert_true(GetTokenInformation(handle, TokenSource, &source, sizeof(source), &size));
        memcpy(name, source.SourceName, sizeof(source.SourceName));
        assert_string_equal(name, rows[i].name);
        expect_error(GetTokenInformation(other, TokenSource, &source, sizeof(source), &size),
                     ERROR_ACCESS_DENIED);
        expect_error(GetTokenInformation(handle, TokenType, &source, sizeof(source), &size),
                     ERROR_ACCESS_DENIED);
        assert_true(CloseHandle(handle) && CloseHandle(other));
        (void)token_unref(copy);
        (void)token_unref(token);
    }
}

static void token_user_and_its_text(void **state)
{
    union {
        TOKEN_USER user;
        uint8_t bytes[256];
    } buffer;
    HANDLE token = impersonation_handle(TOKEN_LEVEL_IMPERSONATION);
    DWORD size = 0, again;
    char *narrow;
    LPWSTR text;

    expect_error(GetTokenInformation(token, TokenUser, NULL, 0, &size), ERROR_INSUFFICIENT_BUFFER);
    assert_int_equal(size, sizeof(TOKEN_USER) + 8 + 5 * 4);
    memset(&buffer, 0xAA, sizeof(buffer));
    expect_error(GetTokenInformation(token, TokenUser, &buffer, size - 1, &again), ERROR_INSUFFICIENT_BUFFER);
    assert_int_equal(buffer.bytes[0], 0xAA);
    assert_true(GetTokenInformation(token, TokenUser, &buffer, size, &again));
    assert_int_equal(size, again);
    assert_true(IsValidSid(buffer.user.User.Sid));
    assert_int_equal(GetLengthSid(buffer.user.User.Sid), 28);
    assert_true(EqualSid(buffer.user.User.Sid, buffer.user.User.Sid));
    assert_true(ConvertSidToStringSidW(buffer.user.User.Sid, &text));
    assert_int_equal(utf8_from_utf16(text, utf16_length(text), &narrow), 0);
    assert_string_equal(narrow, "S-1-5-21-1-2-3-1104");
    free(narrow);
    assert_null(LocalFree(text));
    expect_error(ConvertSidToStringSidW(NULL, &text), ERROR_INVALID_SID);
    assert_true(CloseHandle(token));
}

static void token_groups_owner_and_type(void **state)
{
    union {
        TOKEN_GROUPS groups;
        TOKEN_OWNER owner;
        DWORD number;
        uint8_t bytes[256];
    } buffer;
    HANDLE token = impersonation_handle(TOKEN_LEVEL_IMPERSONATION);
    const SID_AND_ATTRIBUTES *items = buffer.groups.Groups;
    DWORD size;

    assert_true(GetTokenInformation(token, TokenGroups, &buffer, sizeof(buffer), &size));
    assert_int_equal(buffer.groups.GroupCount, 2);
    assert_int_equal(GetLengthSid(items[0].Sid), 16);
    assert_int_equal(GetLengthSid(items[1].Sid), 12);
    assert_int_equal(items[1].Attributes, 7);
    assert_false(EqualSid(items[0].Sid, items[1].Sid));
    assert_true(GetTokenInformation(token, TokenOwner, &buffer, sizeof(buffer), &size));
    assert_int_equal(GetLengthSid(buffer.owner.Owner), 28);
    assert_true(GetTokenInformation(token, TokenType, &buffer, sizeof(buffer), &size));
    assert_int_equal(buffer.number, TokenImpersonation);
    assert_int_equal(size, 4);
    expect_error(GetTokenInformation(token, TokenPrivileges, &buffer, sizeof(buffer), &size),
                 ERROR_NOT_SUPPORTED);
    expect_error(GetTokenInformation(token, TokenType, &buffer, sizeof(buffer), NULL),
                 ERROR_INVALID_PARAMETER);
    assert_true(CloseHandle(token));
}

static void token_statistics(void **state)
{
    HANDLE token = impersonation_handle(TOKEN_LEVEL_DELEGATION), copy;
    TOKEN_STATISTICS first, second;
    DWORD size;

    assert_true(DuplicateTokenEx(token, 0, NULL, SecurityDelegation, TokenImpersonation, &copy));
    assert_true(GetTokenInformation(token, TokenStatistics, &first, sizeof(first), &size));
    assert_true(GetTokenInformation(copy, TokenStatistics, &second, sizeof(second), &size));
    assert_int_equal(first.ImpersonationLevel, SecurityDelegation);
    assert_int_equal(first.GroupCount, 2);
    assert_int_equal(first.ExpirationTime.QuadPart, (1700000000ll + 11644473600ll) * 10000000);
    assert_memory_equal(&first.AuthenticationId, &second.AuthenticationId, sizeof(LUID));
    assert_memory_not_equal(&first.ModifiedId, &second.ModifiedId, sizeof(LUID)); /* CLK-13 */
    assert_true(CloseHandle(token) && CloseHandle(copy));
}

static void handles_need_the_right_that_is_used(void **state)
{
    HANDLE token = handle_make(TOKEN_KIND_IMPERSONATION, TOKEN_LEVEL_IMPERSONATION, TOKEN_IMPERSONATE), copy;
    DWORD size, type;

    expect_error(GetTokenInformation(token, TokenType, &type, sizeof(type), &size), ERROR_ACCESS_DENIED);
    expect_error(DuplicateTokenEx(token, 0, NULL, SecurityIdentification, TokenImpersonation, &copy),
                 ERROR_ACCESS_DENIED);
    expect_error(ImpersonateLoggedOnUser(token), ERROR_ACCESS_DENIED);
    assert_true(SetThreadToken(NULL, token));
    assert_true(RevertToSelf());
    assert_true(CloseHandle(token));
    /* To ask of a token is not to act as it. */
    token = handle_make(TOKEN_KIND_IMPERSONATION, TOKEN_LEVEL_IMPERSONATION, TOKEN_QUERY);
    expect_error(ImpersonateLoggedOnUser(token), ERROR_ACCESS_DENIED);
    expect_error(SetThreadToken(NULL, token), ERROR_ACCESS_DENIED);
    assert_true(CloseHandle(token));
    token = handle_make(TOKEN_KIND_PRIMARY, TOKEN_LEVEL_DELEGATION, TOKEN_QUERY);
    expect_error(ImpersonateLoggedOnUser(token), ERROR_ACCESS_DENIED);
    assert_true(CloseHandle(token));
    assert_null(thread_token());
}

static void logon_refuses_what_it_cannot_do(void **state)
{
    HANDLE token = NULL;

    expect_error(LogonUserW(NULL, u"LAB.TEST", u"x", LOGON32_LOGON_NETWORK, 0, &token),
                 ERROR_INVALID_PARAMETER);
    expect_error(LogonUserW(u"alice", u"LAB.TEST", NULL, LOGON32_LOGON_NETWORK, 0, &token),
                 ERROR_INVALID_PARAMETER);
    expect_error(LogonUserW(u"alice", u"LAB.TEST", u"x", 1, 0, &token), ERROR_INVALID_PARAMETER);
    expect_error(LogonUserW(u"alice", u"LAB.TEST", u"x", LOGON32_LOGON_NETWORK, 4, &token),
                 ERROR_INVALID_PARAMETER);
    expect_error(LogonUserW(u"alice", u"LAB.TEST", u"x", LOGON32_LOGON_NEW_CREDENTIALS, 0, &token),
                 ERROR_NOT_SUPPORTED);
    expect_error(LogonUserW(u"alice", NULL, u"x", LOGON32_LOGON_NETWORK, 0, &token), ERROR_LOGON_FAILURE);
    expect_error(LogonUserW(u"alice@A.TEST", u"B.TEST", u"x", LOGON32_LOGON_NETWORK, 0, &token),
                 ERROR_LOGON_FAILURE);
    assert_null(token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_closed_handle_is_never_another),
        cmocka_unit_test(handles_run_out_at_the_limit),
        cmocka_unit_test(the_last_error_is_the_threads),
        cmocka_unit_test(opening_a_thread_token),
        cmocka_unit_test(setting_a_thread_token),
        cmocka_unit_test(impersonating_a_logged_on_user),
        cmocka_unit_test(duplicating_never_raises_the_level),
        cmocka_unit_test(token_source_is_the_mechanism),
        cmocka_unit_test(token_user_and_its_text),
        cmocka_unit_test(token_groups_owner_and_type),
        cmocka_unit_test(token_statistics),
        cmocka_unit_test(handles_need_the_right_that_is_used),
        cmocka_unit_test(logon_refuses_what_it_cannot_do),
    };

    return cmocka_run_group_tests_name("tokens", tests, NULL, NULL);
}
