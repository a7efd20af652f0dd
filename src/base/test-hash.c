/* SPDX-License-Identifier: Apache-2.0 */
/* SipHash against its published vectors, and the hash map against a plain array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/hash.h"

static void test_siphash_vectors(void **state)
{
    /* key 00..0f, data 00..: the reference implementation's vectors_sip64 for these lengths */
    static const uint64_t key[2] = {0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull};
    uint8_t data[16];
    for (uint8_t i = 0; i < sizeof(data); i++)
        data[i] = i;
    assert_true(hash_siphash(key, data, 0) == 0x726fdb47dd0e0e31ull);
    assert_true(hash_siphash(key, data, 1) == 0x74f839c593dc67fdull);
    assert_true(hash_siphash(key, data, 8) == 0x93f5f5799a932462ull);
    assert_true(hash_siphash(key, data, 15) == 0xa129ca6149be45e5ull); /* the paper's appendix A */
    assert_true(hash_bytes(data, 8) == hash_bytes(data, 8));
    assert_true(hash_bytes(data, 8) != hash_bytes(data, 9));
}

static void test_put_get_remove(void **state)
{
    _cleanup_(hashmap_freep) HashMap *map = NULL;
    int a, b, c;
    assert_int_equal(hashmap_new(&map), 0);
    assert_null(hashmap_get(map, "x", 1));
    assert_null(hashmap_remove(map, "x", 1));
    assert_int_equal(hashmap_put(map, "x", 1, &a), 0);
    assert_int_equal(hashmap_put(map, "x", 1, &b), -EEXIST);
    assert_ptr_equal(hashmap_get(map, "x", 1), &a);
    assert_null(hashmap_get(map, "x", 2)); /* "x\0" is another key */
    assert_int_equal(hashmap_put(map, NULL, 0, &c), 0);
    assert_ptr_equal(hashmap_get(map, "", 0), &c);
    assert_int_equal(hashmap_count(map), 2);
    assert_ptr_equal(hashmap_remove(map, "x", 1), &a);
    assert_null(hashmap_get(map, "x", 1));
    assert_int_equal(hashmap_put(map, "x", 1, &b), 0);
    assert_ptr_equal(hashmap_get(map, "x", 1), &b);
}

static void test_key_is_copied(void **state)
{
    /* 16 bytes live in the slot, 17 in memory of their own */
    for (size_t length = 15; length <= 18; length++) {
        _cleanup_(hashmap_freep) HashMap *map = NULL;
        char key[18] = "abcdefghijklmnopq";
        assert_int_equal(hashmap_new(&map), 0);
        assert_int_equal(hashmap_put(map, key, length, map), 0);
        key[length - 1] ^= 1;
        assert_null(hashmap_get(map, key, length));
        key[length - 1] ^= 1;
        assert_ptr_equal(hashmap_get(map, key, length), map);
        assert_ptr_equal(hashmap_remove(map, key, length), map);
    }
}

enum { MANY = 5000 };

static size_t make_key(size_t i, char key[40])
{
    return (size_t)snprintf(key, 40, i % 2 ? "%zu" : "a much longer key than fits %zu", i);
}

static void test_against_array(void **state)
{
    static char values[MANY];
    static bool present[MANY];
    _cleanup_(hashmap_freep) HashMap *map = NULL;
    char key[40];
    size_t count = 0;
    uint32_t random = 1;
    assert_int_equal(hashmap_new(&map), 0);
    for (size_t step = 0; step < 10 * MANY; step++) {
        random = random * 1664525u + 1013904223u;
        size_t i = (random >> 8) % MANY, length = make_key(i, key);
        if (random >> 31) {
            assert_int_equal(hashmap_put(map, key, length, &values[i]), present[i] ? -EEXIST : 0);
            count += !present[i];
            present[i] = true;
        } else {
            assert_ptr_equal(hashmap_remove(map, key, length), present[i] ? &values[i] : NULL);
            count -= present[i];
            present[i] = false;
        }
        assert_int_equal(hashmap_count(map), count);
    }
    for (size_t i = 0; i < MANY; i++) {
        size_t length = make_key(i, key);
        assert_ptr_equal(hashmap_get(map, key, length), present[i] ? &values[i] : NULL);
    }
}

static void test_walk_and_remove(void **state)
{
    static size_t values[MANY];
    _cleanup_(hashmap_freep) HashMap *map = NULL;
    assert_int_equal(hashmap_new(&map), 0);
    HashIterator none = {0};
    assert_null(hashmap_next(map, &none));
    for (size_t i = 0; i < MANY; i++) {
        values[i] = i;
        assert_int_equal(hashmap_put(map, &i, sizeof(i), &values[i]), 0);
    }
    /* every entry is seen exactly once, though each second is removed while it is the current one */
    HashIterator walk = {0};
    size_t seen = 0;
    for (size_t *value; (value = hashmap_next(map, &walk)); seen++) {
        size_t i = (size_t)(value - values);
        assert_int_equal(*value, i);
        *value = SIZE_MAX;
        if (i % 2) assert_ptr_equal(hashmap_remove(map, &i, sizeof(i)), value);
    }
    assert_int_equal(seen, MANY);
    assert_int_equal(hashmap_count(map), MANY / 2);
    for (size_t i = 0; i < MANY; i++)
        assert_ptr_equal(hashmap_get(map, &i, sizeof(i)), i % 2 ? NULL : &values[i]);
}

static void test_free_empty(void **state)
{
    assert_null(hashmap_free(NULL));
    HashMap *map = NULL;
    assert_int_equal(hashmap_new(&map), 0);
    assert_null(hashmap_free(map));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_siphash_vectors), cmocka_unit_test(test_put_get_remove),
        cmocka_unit_test(test_key_is_copied),   cmocka_unit_test(test_against_array),
        cmocka_unit_test(test_walk_and_remove), cmocka_unit_test(test_free_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
