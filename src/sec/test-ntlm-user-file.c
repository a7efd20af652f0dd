/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/ntlm-user-file.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>
#include "sec/ntlm-credential.h"

#define PASSWORD_HASH "A4F49C406510BDCAB6824EE7C30FD852" /* of "Password", [MS-NLMP] 4.2.2.1.2 */
#define CROSSED_OUT   "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"

static const char file[] = "# accounts\n"
                           "\n"
                           "LAB:alice:Password\r\n"
                           "LAB:bob:other: not this one\n" /* replaced below */
                           "OTHER:alice:secret\n";

static const char accounts[] = "# accounts\n"
                               "\n"
                               "LAB:alice:Password\r\n"
                               "LAB:bob:other\n"
                               "OTHER:alice:secret\n"
                               "LAB:Zoe:z\n"
                               "local:1000:" CROSSED_OUT ":" PASSWORD_HASH ":[U          ]:LCT-0\n"
                               "LAB\\hashed:1000:" CROSSED_OUT ":" PASSWORD_HASH ":[U          ]:\n"
                               "off:1000:" CROSSED_OUT ":" PASSWORD_HASH ":[UD         ]:\n"
                               "open:1000:" CROSSED_OUT ":" PASSWORD_HASH ":[UN         ]:\n"
                               "none:1000:" CROSSED_OUT ":" CROSSED_OUT ":[U          ]:\n"
                               "short:1000:" CROSSED_OUT ":" PASSWORD_HASH "\n"
                               "LAB:empty:\n"
                               "LAB:last:last";

static int find_in(const char *text, const char *domain, const char *user, NtlmUser *ret_user)
{
    const NtlmUserQuery query = {.own_domain = "HOST", .domain = domain, .user = user};
    unsigned line;
    return ntlm_user_text_find(text, strlen(text), &query, ret_user, &line);
}

static void expect(const char *domain, const char *user, const char *expected)
{
    NtlmUser found = {NULL};
    char name[64];
    assert_int_equal(find_in(accounts, domain, user, &found), 0);
    snprintf(name, sizeof(name), "%s\\%s", found.domain, found.user);
    assert_string_equal(name, expected);
    ntlm_user_deinit(&found);
}

static void test_found_under_the_file_s_spelling(void **state)
{
    expect("LAB", "alice", "LAB\\alice");
    expect("lab", "ALICE", "LAB\\alice");
    expect("LAB", "zoe", "LAB\\Zoe");
    expect("OTHER", "alice", "OTHER\\alice");
    expect("LAB", "hashed", "LAB\\hashed");
    expect("LAB", "last", "LAB\\last");
    expect("", "local", "HOST\\local");
    expect(".", "local", "HOST\\local");
    expect("host", "LOCAL", "HOST\\local");
    expect("", "short", "HOST\\short");
}

static void test_hash_of_password_and_hash_in_the_file(void **state)
{
    NtlmUser alice = {NULL}, local = {NULL};
    assert_int_equal(find_in(accounts, "LAB", "alice", &alice), 0);
    assert_int_equal(find_in(accounts, "", "local", &local), 0);
    assert_memory_equal(alice.hash, local.hash, NTLM_KEY);
    ntlm_user_deinit(&alice);
    ntlm_user_deinit(&local);
}

static void test_nobody_else(void **state)
{
    static const char *const names[][2] = {
        {"LAB", "carol"}, {"", "alice"},     {".", "alice"},        {"HOST", "alice"},
        {"LAB", "local"}, {"LAB", ""},       {"LABX", "alice"},     {"LA", "alice"},
        {"LAB", "alic"},  {"LAB", "alicex"}, {"LAB", "# accounts"},
    };
    static const char *const disabled[][2] = {{"", "off"}, {"", "none"}, {"LAB", "empty"}, {"", "open"}};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        NtlmUser found = {NULL};
        assert_int_equal(find_in(accounts, names[i][0], names[i][1], &found), NTLM_USER_UNKNOWN);
        assert_null(found.user);
    }
    for (size_t i = 0; i < ARRAY_SIZE(disabled); i++) {
        NtlmUser found = {NULL};
        assert_int_equal(find_in(accounts, disabled[i][0], disabled[i][1], &found), NTLM_USER_DISABLED);
        assert_null(found.user);
    }
}

static void test_two_lines_for_one_account(void **state)
{
    NtlmUser found = {NULL};
    assert_int_equal(find_in("LAB:alice:a\nlab:Alice:b\n", "LAB", "alice", &found), NTLM_USER_AMBIGUOUS);
    /* Also where the domain is said once and meant once. */
    assert_int_equal(
        find_in("HOST:alice:a\nalice:1:" CROSSED_OUT ":" PASSWORD_HASH ":\n", "", "alice", &found),
        NTLM_USER_AMBIGUOUS);
    assert_int_equal(find_in("LAB:alice:a\nLAB:bob:b\n", "LAB", "alice", &found), 0);
    ntlm_user_deinit(&found);
}

static void test_a_file_that_is_not_understood(void **state)
{
    static const char *const texts[] = {
        "alice\n",
        "LAB:alice\n",
        "LAB::password\n",
        "LAB\\x:alice:password\n",
        "LAB:al/ice:password\n",
        "LAB:alice@LAB.TEST:password\n",
        "LAB:al\\ice:password\n",
        "alice:1:" CROSSED_OUT ":A4F4:\n",
        "\\alice:1:" CROSSED_OUT ":" PASSWORD_HASH ":\n",
        "LAB\\:1:" CROSSED_OUT ":" PASSWORD_HASH ":\n",
        "LAB\\a\\b:1:" CROSSED_OUT ":" PASSWORD_HASH ":\n",
        "LAB:ali\tce:password\n",
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        NtlmUser found = {NULL};
        char text[256];
        const NtlmUserQuery query = {.own_domain = "HOST", .domain = "LAB", .user = "bob"};
        unsigned line = 0;
        /* Not even accounts of other lines. */
        snprintf(text, sizeof(text), "LAB:bob:b\n%s", texts[i]);
        assert_int_equal(ntlm_user_text_find(text, strlen(text), &query, &found, &line), NTLM_USER_MALFORMED);
        assert_int_equal(line, 2);
    }
    NtlmUser found = {NULL};
    unsigned line;
    const NtlmUserQuery query = {.own_domain = "HOST", .domain = "LAB", .user = "bob"};
    assert_int_equal(ntlm_user_text_find("LAB:bob:b\0\n", 11, &query, &found, &line), NTLM_USER_MALFORMED);
    assert_int_equal(find_in(file, "LAB", "alice", &found), NTLM_USER_MALFORMED);
}

static void write_text(const char *path, const char *text, mode_t mode)
{
    FILE *stream = fopen(path, "w");
    assert_non_null(stream);
    assert_true(fputs(text, stream) >= 0);
    assert_int_equal(fclose(stream), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void test_file_is_not_for_everybody(void **state)
{
    static const mode_t open_modes[] = {0604, 0602, 0620, 0644, 0666};
    const NtlmUserQuery query = {.own_domain = "HOST", .domain = "LAB", .user = "alice"};
    char path[] = "/tmp/mantle-users.XXXXXX";
    SecFailure failure;
    NtlmUser found = {NULL};
    const int fd = mkstemp(path);

    assert_true(fd >= 0);
    close(fd);
    for (size_t i = 0; i < ARRAY_SIZE(open_modes); i++) {
        write_text(path, accounts, open_modes[i]);
        assert_int_equal(ntlm_user_file_find(path, &query, &found, &failure), SEC_FAILED);
        assert_non_null(strstr(failure.sentence, "0600"));
    }
    write_text(path, accounts, 0640);
    assert_int_equal(ntlm_user_file_find(path, &query, &found, &failure), 0);
    ntlm_user_deinit(&found);
    write_text(path, "LAB:alice\n", 0600);
    assert_int_equal(ntlm_user_file_find(path, &query, &found, &failure), SEC_FAILED);
    assert_non_null(strstr(failure.sentence, "line 1"));
    write_text(path, "LAB:alice:a\nLAB:ALICE:b\n", 0600);
    assert_int_equal(ntlm_user_file_find(path, &query, &found, &failure), SEC_FAILED);
    assert_non_null(strstr(failure.sentence, "two lines"));
    write_text(path, "", 0600);
    assert_int_equal(ntlm_user_file_find(path, &query, &found, &failure), NTLM_USER_UNKNOWN);
    assert_int_equal(truncate(path, NTLM_USER_FILE_MAX + 1), 0);
    assert_int_equal(ntlm_user_file_find(path, &query, &found, &failure), SEC_FAILED);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(ntlm_user_file_find(path, &query, &found, &failure), SEC_FAILED);
    assert_int_equal(ntlm_user_file_find("/tmp", &query, &found, &failure), SEC_FAILED);
}

static void test_credential_names(void **state)
{
    static const char *const fit[][2] = {
        {"LAB\\alice", "LAB\\alice"}, {"alice@LAB", "LAB\\alice"}, {"alice", ".\\alice"},
        {".\\alice", ".\\alice"},     {"\\alice", ".\\alice"},
    };
    static const char *const unfit[] = {"",         "LAB\\", "@LAB", "LAB\\a\\b", "a@b@c",
                                        "LAB\\a@b", "a:b",   "a/b",  "a\nb"};
    SecFailure failure;

    for (size_t i = 0; i < ARRAY_SIZE(fit); i++) {
        _cleanup_(ntlm_credential_unrefp) NtlmCredential *credential = NULL;
        assert_int_equal(ntlm_credential_new(fit[i][0], "p", NULL, &credential, &failure), 0);
        assert_string_equal(ntlm_credential_principal(credential), fit[i][1]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(unfit); i++) {
        NtlmCredential *credential;
        assert_int_equal(ntlm_credential_new(unfit[i], "p", NULL, &credential, &failure), SEC_FAILED);
    }
}

static void test_credential_has_a_password_or_a_hash(void **state)
{
    static const uint8_t hash[NTLM_KEY] = {1, 2, 3};
    _cleanup_(ntlm_credential_unrefp) NtlmCredential *credential = NULL, *other = NULL;
    SecFailure failure;

    assert_true(ntlm_credential_new("LAB\\alice", NULL, NULL, &other, &failure) < 0);
    assert_true(ntlm_credential_new("LAB\\alice", "p", hash, &other, &failure) < 0);
    assert_int_equal(ntlm_credential_new("LAB\\alice", "p\xff", NULL, &other, &failure), SEC_FAILED);
    assert_int_equal(ntlm_credential_new("LAB\\alice", NULL, hash, &credential, &failure), 0);
    assert_memory_equal(ntlm_credential_hash(credential), hash, NTLM_KEY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found_under_the_file_s_spelling),
        cmocka_unit_test(test_hash_of_password_and_hash_in_the_file),
        cmocka_unit_test(test_nobody_else),
        cmocka_unit_test(test_two_lines_for_one_account),
        cmocka_unit_test(test_a_file_that_is_not_understood),
        cmocka_unit_test(test_file_is_not_for_everybody),
        cmocka_unit_test(test_credential_names),
        cmocka_unit_test(test_credential_has_a_password_or_a_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
