/* SPDX-License-Identifier: Apache-2.0 */
/* Arena, secret and quota: sizes and limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <string.h>
#include "base/arena.h"
#include "base/quota.h"
#include "base/secret.h"

static bool is_zero(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (data[i]) return false;
    return true;
}

static void test_arena_zeroed_aligned(void **state)
{
    Arena arena;
    arena_init(&arena, 0);
    for (int life = 0; life < 3; life++) {
        for (size_t size = 0; size < 70000; size = size * 3 / 2 + 1) {
            uint8_t *piece = arena_alloc(&arena, size);
            assert_non_null(piece);
            assert_int_equal((uintptr_t)piece % 16, 0);
            assert_true(is_zero(piece, size));
            memset(piece, 0xaa, size);
        }
        arena_reset(&arena, 0);
        assert_int_equal(arena.used, 0);
    }
    arena_deinit(&arena);
    arena_deinit(&arena);
}

static void test_arena_pieces_are_disjoint(void **state)
{
    Arena arena;
    uint8_t *pieces[500];
    arena_init(&arena, 0);
    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
        pieces[i] = arena_alloc(&arena, i);
        assert_non_null(pieces[i]);
        memset(pieces[i], (uint8_t)i, i);
    }
    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++)
        for (size_t j = 0; j < i; j++)
            assert_int_equal(pieces[i][j], (uint8_t)i);
    arena_deinit(&arena);
}

static void test_arena_budget(void **state)
{
    Arena arena;
    arena_init(&arena, 64);
    assert_non_null(arena_alloc(&arena, 33)); /* charged as 48 */
    assert_int_equal(arena.used, 48);
    assert_null(arena_alloc(&arena, 17));
    assert_non_null(arena_alloc(&arena, 16));
    assert_null(arena_alloc(&arena, 0)); /* even nothing takes its 16 bytes */
    assert_int_equal(arena.used, 64);
    arena_reset(&arena, 16);
    assert_non_null(arena_alloc(&arena, 0));
    assert_null(arena_alloc(&arena, 1));
    arena_reset(&arena, 0);
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_null(arena_alloc(&arena, ARENA_PIECE_MAX + 1));
    assert_non_null(arena_alloc(&arena, ARENA_PIECE_MAX));
    assert_non_null(arena_alloc(&arena, 1));
    arena_deinit(&arena);
}

static void test_arena_dup(void **state)
{
    Arena arena;
    arena_init(&arena, 32);
    char *copy = arena_dup(&arena, "sixteen bytes...", 17);
    assert_string_equal(copy, "sixteen bytes...");
    assert_null(arena_dup(&arena, "x", 1));
    arena_deinit(&arena);
    arena_init(&arena, 0);
    assert_non_null(arena_dup(&arena, NULL, 0));
    arena_deinit(&arena);
}

static void test_secret(void **state)
{
    char source[] = "hunter2";
    Secret *secret = NULL;
    assert_int_equal(secret_new(source, 7, &secret), 0);
    source[0] = 'H';
    assert_int_equal(secret_length(secret), 7);
    assert_memory_equal(secret_data(secret), "hunter2", 7);
    assert_null(secret_free(secret));
    assert_null(secret_free(NULL));
    assert_int_equal(secret_new(NULL, 0, &secret), 0);
    assert_int_equal(secret_length(secret), 0);
    assert_null(secret_free(secret));
}

static void test_quota_edges(void **state)
{
    Quota quota;
    quota_init(&quota, 10);
    assert_true(quota_charge(&quota, 0));
    assert_true(quota_charge(&quota, 9));
    assert_false(quota_charge(&quota, 2));
    assert_true(quota_charge(&quota, 1));
    assert_true(quota_charge(&quota, 0));
    assert_false(quota_charge(&quota, 1));
    assert_false(quota_charge(&quota, SIZE_MAX));
    quota_release(&quota, 4);
    assert_false(quota_charge(&quota, 5));
    assert_true(quota_charge(&quota, 4));
    quota_init(&quota, 0);
    assert_false(quota_charge(&quota, 1));
}

static atomic_size_t most_seen;

static void *quota_worker(void *argument)
{
    Quota *quota = argument;
    size_t got = 0;
    for (int i = 0; i < 20000; i++) {
        if (!quota_charge(quota, 3)) continue;
        size_t used = atomic_load(&quota->used), most = atomic_load(&most_seen);
        while (used > most && !atomic_compare_exchange_weak(&most_seen, &most, used)) {
        }
        got++;
        quota_release(quota, 3);
    }
    return (void *)got;
}

static void test_quota_threads(void **state)
{
    Quota quota;
    pthread_t threads[4];
    size_t total = 0;
    quota_init(&quota, 7); /* room for two of four */
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, quota_worker, &quota), 0);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        void *got;
        assert_int_equal(pthread_join(threads[i], &got), 0);
        total += (size_t)got;
    }
    assert_true(total > 0);
    assert_true(atomic_load(&most_seen) <= 7);
    assert_int_equal(atomic_load(&quota.used), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena_zeroed_aligned),
        cmocka_unit_test(test_arena_pieces_are_disjoint),
        cmocka_unit_test(test_arena_budget),
        cmocka_unit_test(test_arena_dup),
        cmocka_unit_test(test_secret),
        cmocka_unit_test(test_quota_edges),
        cmocka_unit_test(test_quota_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
