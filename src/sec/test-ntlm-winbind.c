/* SPDX-License-Identifier: Apache-2.0 */
/* What winbindd says of an account that it verified, as a caller, or as nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <winerror.h>
#include "sec/ntlm-winbind.h"
#include "sec/token.h"

#define ALICE 1103u
#define USERS 513u
#define GROUP (WBC_GROUP_ENABLED | 3u)

static WbcSid domain_sid(uint32_t rid)
{
    return (WbcSid){
        .revision = 1, .count = 5, .authority = {0, 0, 0, 0, 0, 5}, .subauthorities = {21, 10, 20, 30, rid}};
}

typedef struct Answer {
    WbcUser user;
    WbcGroup sids[6];
    char domain[32], account[32];
} Answer;

static void answer_init(Answer *answer)
{
    *answer = (Answer){
        .user = {.session_key = {1, 2, 3}, .sid_count = 6},
        .sids = {{domain_sid(ALICE), 0},
                 {domain_sid(USERS), 0},
                 {domain_sid(1200), GROUP},
                 {domain_sid(1201), GROUP | WBC_GROUP_DENY_ONLY},
                 {domain_sid(1202), 3},
                 {{1, 2, {0, 0, 0, 0, 0, 5}, {32, 545}}, GROUP}},
        .domain = "ADTEST",
        .account = "alice",
    };
    answer->user.domain_name = answer->domain;
    answer->user.account_name = answer->account;
    answer->user.sids = answer->sids;
}

static const NtlmQuery query = {.domain = "adtest", .user = "ALICE"};

static void test_account(void **state)
{
    static const char *const wanted[] = {"S-1-5-21-10-20-30-513", "S-1-5-21-10-20-30-1200", "S-1-5-32-545"};
    _cleanup_(ntlm_account_deinitp) NtlmAccount account = {NULL};
    Answer answer;
    SecFailure failure;
    char text[SID_STRING_SIZE];

    answer_init(&answer);
    assert_int_equal(ntlm_winbind_account(&query, &answer.user, &account, &failure), 0);
    assert_string_equal(account.principal, "ADTEST\\alice");
    sid_format(&account.user, text);
    assert_string_equal(text, "S-1-5-21-10-20-30-1103");
    assert_int_equal(account.group_count, ARRAY_SIZE(wanted));
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
        sid_format(&account.groups[i], text);
        assert_string_equal(text, wanted[i]);
    }
    assert_memory_equal(account.base_key, answer.user.session_key, NTLM_KEY);
}

static void refuse(const Answer *answer, const NtlmQuery *asked, const char *why)
{
    NtlmAccount account = {NULL};
    SecFailure failure = {0};

    assert_int_equal(ntlm_winbind_account(asked, &answer->user, &account, &failure), SEC_FAILED);
    assert_int_equal(failure.code, (uint32_t)SEC_E_LOGON_DENIED);
    assert_non_null(strstr(failure.sentence, why));
    assert_null(account.principal);
    assert_null(account.groups);
}

/* Another account than the one that the caller says to be is nobody, however well it was verified. */
static void test_another_account(void **state)
{
    static const NtlmQuery others[] = {{.domain = "ADTEST", .user = "bob"},
                                       {.domain = "OTHER", .user = "alice"},
                                       {.domain = "", .user = "alice"},
                                       {.domain = ".", .user = "alice"},
                                       {.domain = "ADTEST", .user = "alic"}};
    Answer answer;

    answer_init(&answer);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        refuse(&answer, &others[i], "another account");
    answer.user.account_name = NULL;
    refuse(&answer, &query, "another account");
    answer_init(&answer);
    answer.user.domain_name = NULL;
    refuse(&answer, &query, "another account");
    /* What could not be told from another kind of name is nobody's. */
    static const char *const unfit[] = {"", "a@b", "a\\b", "a/b"};
    for (size_t i = 0; i < ARRAY_SIZE(unfit); i++) {
        const NtlmQuery same = {.domain = "ADTEST", .user = unfit[i]};
        answer_init(&answer);
        strcpy(answer.account, unfit[i]);
        refuse(&answer, &same, "another account");
    }
}

static void test_sid(void **state)
{
    Answer answer;

    for (unsigned change = 0; change < 6; change++) {
        answer_init(&answer);
        WbcSid *sid = &answer.sids[0].sid;
        if (change == 0) answer.user.sid_count = 0;
        if (change == 1) sid->revision = 2;
        if (change == 2) sid->count = WBC_SUBAUTHS_MAX + 1;
        if (change == 3) sid->count = 4;
        if (change == 4) sid->authority[5] = 22; /* S-1-22-...: accounts of this machine have those */
        if (change == 5) sid->subauthorities[0] = 32;
        refuse(&answer, &query, "no SID");
    }
    answer_init(&answer);
    answer.sids[5].sid.count = WBC_SUBAUTHS_MAX + 1;
    refuse(&answer, &query, "groups");
}

static void test_guest(void **state)
{
    static const uint32_t flags[] = {WBC_USER_GUEST, WBC_USER_NO_ENCRYPTION, WBC_USER_LM_PASSWORD};
    Answer answer;

    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        answer_init(&answer);
        answer.user.user_flags = flags[i];
        refuse(&answer, &query, "guest");
    }
    answer_init(&answer);
    answer.sids[0].sid = domain_sid(501);
    refuse(&answer, &query, "guest");
}

static void test_without_a_key(void **state)
{
    Answer answer;

    answer_init(&answer);
    memset(answer.user.session_key, 0, sizeof(answer.user.session_key));
    refuse(&answer, &query, "session key");
}

/* As many groups as a token holds, and one more. */
static void test_many_groups(void **state)
{
    WbcGroup *sids = calloc(TOKEN_GROUPS_MAX + 2, sizeof(*sids));
    _cleanup_(ntlm_account_deinitp) NtlmAccount account = {NULL};
    SecFailure failure;
    Answer answer;

    assert_non_null(sids);
    answer_init(&answer);
    for (uint32_t i = 0; i < TOKEN_GROUPS_MAX + 2; i++)
        sids[i] = (WbcGroup){domain_sid(ALICE + i), GROUP};
    answer.user.sids = sids;
    answer.user.sid_count = TOKEN_GROUPS_MAX + 1;
    assert_int_equal(ntlm_winbind_account(&query, &answer.user, &account, &failure), 0);
    assert_int_equal(account.group_count, TOKEN_GROUPS_MAX);
    answer.user.sid_count++;
    refuse(&answer, &query, "groups");
    free(sids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_account),       cmocka_unit_test(test_another_account),
        cmocka_unit_test(test_sid),           cmocka_unit_test(test_guest),
        cmocka_unit_test(test_without_a_key), cmocka_unit_test(test_many_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
