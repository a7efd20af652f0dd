/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/token.h"
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static TokenSpec alice_spec(void)
{
    static const Sid groups[] = {{.count = 2, .authority = 5, .subauthorities = {32, 544}},
                                 {.count = 1, .authority = 5, .subauthorities = {11}}};
    TokenSpec spec = {
        .kind = TOKEN_KIND_PRIMARY,
        .level = TOKEN_LEVEL_DELEGATION,
        .principal = "alice@LAB.TEST",
        .groups = groups,
        .group_count = ARRAY_SIZE(groups),
        .account_flags = 0x10,
        .expires = 1234567,
    };
    assert_int_equal(sid_from_principal(spec.principal, &spec.user), 0);
    return spec;
}

static void test_copies(void **state)
{
    TokenSpec spec = alice_spec();
    char name[] = "alice@LAB.TEST";
    Sid groups[2] = {spec.groups[0], spec.groups[1]};
    _cleanup_(token_unrefp) Token *token = NULL;
    size_t count;

    spec.principal = name;
    spec.groups = groups;
    assert_int_equal(token_new(&spec, &token), 0);
    name[0] = 'b';
    groups[0] = SID_ANONYMOUS;
    assert_string_equal(token_principal(token), "alice@LAB.TEST");
    assert_true(sid_equal(token_user(token), &spec.user));
    assert_true(sid_equal(&token_groups(token, &count)[0], &SID_ADMINISTRATORS));
    assert_int_equal(count, 2);
    assert_int_equal(token_kind(token), TOKEN_KIND_PRIMARY);
    assert_int_equal(token_level(token), TOKEN_LEVEL_DELEGATION);
    assert_int_equal(token_account_flags(token), 0x10);
    assert_int_equal(token_expires(token), 1234567);
    assert_null(token_credential(token));
    assert_false(token_is_delegated(token));
    assert_false(token_is_from_network(token));
}

static void test_groups_limit(void **state)
{
    Sid groups[TOKEN_GROUPS_MAX + 1] = {0};
    TokenSpec spec = alice_spec();
    Token *token = NULL;

    spec.groups = groups;
    spec.group_count = TOKEN_GROUPS_MAX + 1;
    assert_int_equal(token_new(&spec, &token), -E2BIG);
    assert_null(token);
    spec.group_count = TOKEN_GROUPS_MAX;
    assert_int_equal(token_new(&spec, &token), 0);
    token = token_unref(token);
    assert_null(token);
}

static void test_identifiers(void **state)
{
    TokenSpec spec = alice_spec();
    _cleanup_(token_unrefp) Token *a = NULL, *b = NULL, *copy = NULL;

    assert_int_equal(token_new(&spec, &a), 0);
    assert_int_equal(token_new(&spec, &b), 0);
    assert_int_equal(token_duplicate(a, TOKEN_KIND_IMPERSONATION, TOKEN_LEVEL_DELEGATION, &copy), 0);
    assert_true(token_modified_id(a) != 0);
    assert_true(token_modified_id(a) != token_modified_id(b));
    assert_true(token_modified_id(copy) != token_modified_id(a));
    assert_true(token_authentication_id(a) != token_authentication_id(b)); /* two logons */
    assert_true(token_authentication_id(copy) == token_authentication_id(a));
    Token *same = token_ref(a);
    assert_true(token_modified_id(same) == token_modified_id(a));
    token_unref(same);
}

static void test_levels(void **state)
{
    static const TokenLevel levels[] = {TOKEN_LEVEL_ANONYMOUS, TOKEN_LEVEL_IDENTIFICATION,
                                        TOKEN_LEVEL_IMPERSONATION, TOKEN_LEVEL_DELEGATION};
    TokenSpec spec = alice_spec();

    spec.kind = TOKEN_KIND_IMPERSONATION;
    spec.from_network = true;
    for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
        _cleanup_(token_unrefp) Token *token = NULL;
        spec.level = levels[i];
        assert_int_equal(token_new(&spec, &token), 0);
        for (size_t j = 0; j < ARRAY_SIZE(levels); j++) {
            _cleanup_(token_unrefp) Token *copy = NULL, *primary = NULL;
            int r = token_duplicate(token, TOKEN_KIND_IMPERSONATION, levels[j], &copy);
            assert_int_equal(r, levels[j] > levels[i] ? -EPERM : 0);
            if (r == 0) {
                assert_int_equal(token_level(copy), levels[j]);
                assert_true(token_is_from_network(copy));
                assert_string_equal(token_principal(copy), "alice@LAB.TEST");
            } else {
                assert_null(copy);
            }
            r = token_duplicate(token, TOKEN_KIND_PRIMARY, levels[j], &primary);
            assert_int_equal(r, levels[j] > levels[i] || levels[i] < TOKEN_LEVEL_IMPERSONATION ? -EPERM : 0);
        }
    }
}

static void test_anonymous(void **state)
{
    _cleanup_(token_unrefp) Token *token = NULL;
    size_t count = 9;

    assert_int_equal(token_new_anonymous(&token), 0);
    assert_int_equal(token_level(token), TOKEN_LEVEL_ANONYMOUS);
    assert_string_equal(token_principal(token), "");
    assert_true(sid_equal(token_user(token), &SID_ANONYMOUS));
    token_groups(token, &count);
    assert_int_equal(count, 0);
    assert_null(token_credential(token));
}

#define THREADS 4
#define ROUNDS  2000
static uint64_t ids[THREADS][ROUNDS];

static void *make_tokens(void *argument)
{
    uint64_t *mine = argument;
    for (size_t i = 0; i < ROUNDS; i++) {
        _cleanup_(token_unrefp) Token *token = NULL;
        if (token_new_anonymous(&token) < 0) return NULL;
        mine[i] = token_modified_id(token);
    }
    return argument;
}

static int compare_ids(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;
    return *left < *right ? -1 : *left > *right;
}

static void test_identifiers_are_unique_across_threads(void **state)
{
    pthread_t threads[THREADS];
    void *result;

    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_tokens, ids[i]), 0);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_non_null(result);
    }
    uint64_t *all = &ids[0][0];
    qsort(all, THREADS * ROUNDS, sizeof(*all), compare_ids);
    for (size_t i = 1; i < THREADS * ROUNDS; i++)
        assert_true(all[i - 1] < all[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies),      cmocka_unit_test(test_groups_limit),
        cmocka_unit_test(test_identifiers), cmocka_unit_test(test_levels),
        cmocka_unit_test(test_anonymous),   cmocka_unit_test(test_identifiers_are_unique_across_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
