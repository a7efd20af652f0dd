/* SPDX-License-Identifier: Apache-2.0 */
/* The messages of [MS-NLMP] 4.2, and how they can be wrong. */
#include "sec/ntlm-message.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* 4.2.4.3 */
static const uint8_t challenge[] = "NTLMSSP\0\x02\0\0\0\x0c\0\x0c\0\x38\0\0\0\x33\x82\x8a\xe2\x01\x23\x45\x67"
                                   "\x89\xab\xcd\xef\0\0\0\0\0\0\0\0"
                                   "\x24\0\x24\0\x44\0\0\0\x06\0\x70\x17\0\0\0\x0fS\0e\0r\0v\0e\0r\0\x02\0"
                                   "\x0c\0D\0o\0m\0a\0i\0n\0\x01\0\x0c\0"
                                   "S\0e\0r\0v\0e\0r\0\0\0\0";
#define CHALLENGE_LENGTH 0x68u

static const uint8_t authenticate[] =
    "NTLMSSP\0\x03\0\0\0\x18\0\x18\0\x6c\0\0\0\x54\0\x54\0\x84\0\0\0\x0c\0\x0c\0\x48\0\0\0\x08\0\x08\0\x54\0"
    "\0\0"
    "\x10\0\x10\0\x5c\0\0\0\x10\0\x10\0\xd8\0\0\0\x35\x82\x88\xe2\x05\x01\x28\x0a\0\0\0\x0f"
    "D\0o\0m\0a\0i\0n\0U\0s\0e\0r\0C\0O\0M\0P\0U\0T\0E\0R\0"
    "\x86\xc3\x50\x97\xac\x9c\xec\x10\x25\x54\x76\x4a\x57\xcc\xcc\x19\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa"
    "\x68\xcd\x0a\xb8\x51\xe5\x1c\x96\xaa\xbc\x92\x7b\xeb\xef\x6a\x1c\x01\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
    "\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\0\0\0\0\x02\0\x0c\0D\0o\0m\0a\0i\0n\0\x01\0\x0c\0S\0e\0r\0v\0e\0r\0"
    "\0\0\0\0\0\0\0\0\xc5\xda\xd2\x54\x4f\xc9\x79\x90\x94\xce\x1c\xe9\x0b\xc9\xd0\x3e";
#define AUTHENTICATE_LENGTH 0xe8u

/* Where fields and values lie in it. */
enum {
    LM = 12,
    NT = 20,
    DOMAIN_NAME = 28,
    USER_NAME = 36,
    KEY = 52,
    FLAGS = 60,
    RESPONSE = 0x84,
    PAIRS = 0xb0
};

static int read_copy(const uint8_t *data, size_t length, NtlmAuthenticate *ret_message)
{
    uint8_t *block = malloc(length ? length : 1); /* a read behind its end is seen by a sanitizer */
    assert_non_null(block);
    memcpy(block, data, length);
    int r = ntlm_authenticate_read(block, length, ret_message);
    free(block);
    return r;
}

static void expect_changed(size_t at, uint16_t value, int expected)
{
    uint8_t copy[AUTHENTICATE_LENGTH];
    NtlmAuthenticate message;
    memcpy(copy, authenticate, sizeof(copy));
    copy[at] = (uint8_t)value;
    copy[at + 1] = (uint8_t)(value >> 8);
    assert_int_equal(read_copy(copy, sizeof(copy), &message), expected);
}

static void test_vectors(void **state)
{
    NtlmChallenge server;
    NtlmAuthenticate client;
    char *text;

    assert_int_equal(ntlm_challenge_read(challenge, CHALLENGE_LENGTH, &server), 0);
    assert_int_equal(server.flags, 0xe28a8233);
    assert_memory_equal(server.challenge, "\x01\x23\x45\x67\x89\xab\xcd\xef", 8);
    assert_false(server.timestamp);
    assert_int_equal(ntlm_authenticate_read(authenticate, AUTHENTICATE_LENGTH, &client), 0);
    assert_int_equal(client.flags, 0xe2888235);
    assert_false(client.anonymous);
    assert_null(client.mic);
    assert_int_equal(client.nt_response.length, 0x54);
    assert_int_equal(ntlm_name_text(client.domain, &text), 0);
    assert_string_equal(text, "Domain");
    free(text);
    assert_int_equal(ntlm_name_text(client.user, &text), 0);
    assert_string_equal(text, "User");
    free(text);
}

static void test_cut_off_anywhere(void **state)
{
    NtlmAuthenticate client;
    NtlmChallenge server;
    uint32_t flags;
    static const uint8_t negotiate[32] = "NTLMSSP\0\x01\0\0\0\x01\x02\x03\x04";

    for (size_t length = 0; length < AUTHENTICATE_LENGTH; length++)
        assert_int_equal(read_copy(authenticate, length, &client), -EBADMSG);
    for (size_t length = 0; length < CHALLENGE_LENGTH; length++)
        assert_int_equal(ntlm_challenge_read(challenge, length, &server), -EBADMSG);
    for (size_t length = 0; length < sizeof(negotiate); length++)
        assert_int_equal(ntlm_negotiate_read(negotiate, length, &flags), -EBADMSG);
    assert_int_equal(ntlm_negotiate_read(negotiate, sizeof(negotiate), &flags), 0);
    assert_int_equal(flags, 0x04030201);
    assert_int_equal(ntlm_negotiate_read(challenge, CHALLENGE_LENGTH, &flags), -EBADMSG);
    assert_int_equal(ntlm_challenge_read(authenticate, AUTHENTICATE_LENGTH, &server), -EBADMSG);
    assert_int_equal(read_copy(challenge, CHALLENGE_LENGTH, &client), -EBADMSG);
}

static void test_fields_that_lie(void **state)
{
    expect_changed(NT, 24, NTLM_OLD_RESPONSE); /* NTLMv1 */
    expect_changed(NT, 43, NTLM_OLD_RESPONSE);
    expect_changed(NT, 0xffff, -EBADMSG);
    expect_changed(NT + 4, 0xffff, -EBADMSG); /* behind the end */
    expect_changed(NT + 4, 60, -EBADMSG);     /* in the header */
    expect_changed(KEY, 0, -EBADMSG);         /* gss-ntlmssp would read 16 bytes at NULL */
    expect_changed(KEY, 15, -EBADMSG);
    expect_changed(LM, 0, 0);
    expect_changed(LM, 1, -EBADMSG);
    expect_changed(LM, 16, -EBADMSG);
    expect_changed(USER_NAME, 7, -EBADMSG); /* half a character */
    expect_changed(0x54, 0, -EBADMSG);      /* a NUL in the name */
    expect_changed(0x54, 0x0a, -EBADMSG);   /* a control character */
    expect_changed(0x54, 0xd800, -EBADMSG); /* half a surrogate pair */
    expect_changed(0x54, 0x85, -EBADMSG);
    expect_changed(0x54, 0x416, 0);
    expect_changed(RESPONSE + 16, 0x0102, -EBADMSG); /* RespType, HiRespType */
    expect_changed(RESPONSE + 16, 0x0201, -EBADMSG);
}

static void test_names_that_are_too_long(void **state)
{
    uint8_t copy[AUTHENTICATE_LENGTH + 2 * NTLM_NAME_MAX + 2];
    NtlmAuthenticate message;

    memset(copy, 'a', sizeof(copy));
    memcpy(copy, authenticate, AUTHENTICATE_LENGTH);
    for (size_t i = AUTHENTICATE_LENGTH + 1; i < sizeof(copy); i += 2)
        copy[i] = 0;
    copy[USER_NAME + 4] = (uint8_t)AUTHENTICATE_LENGTH;
    copy[USER_NAME] = (uint8_t)(2 * NTLM_NAME_MAX);
    copy[USER_NAME + 1] = (uint8_t)((2 * NTLM_NAME_MAX) >> 8);
    assert_int_equal(read_copy(copy, sizeof(copy), &message), 0);
    copy[USER_NAME] += 2;
    assert_int_equal(read_copy(copy, sizeof(copy), &message), -EBADMSG);
}

static void test_anonymous(void **state)
{
    uint8_t copy[AUTHENTICATE_LENGTH];
    NtlmAuthenticate message;
    static const struct {
        size_t at;
        uint8_t value;
    } changes[] = {{NT, 0}, {USER_NAME, 0}, {FLAGS + 1, 0x8a}};

    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        memcpy(copy, authenticate, sizeof(copy));
        copy[changes[i].at] = changes[i].value;
        assert_int_equal(read_copy(copy, sizeof(copy), &message), 0);
        assert_true(message.anonymous);
    }
}

static void test_target_information(void **state)
{
    expect_changed(PAIRS, 1, -EBADMSG);        /* the second pair's number: twice */
    expect_changed(PAIRS, 6, -EBADMSG);        /* flags of 12 bytes */
    expect_changed(PAIRS, 7, -EBADMSG);        /* a timestamp of 12 bytes */
    expect_changed(PAIRS, 10, -EBADMSG);       /* a hash of 12 bytes */
    expect_changed(PAIRS, 99, 0);              /* one that nobody knows */
    expect_changed(PAIRS, 0, -EBADMSG);        /* an end that has a length */
    expect_changed(PAIRS + 2, 0xff, -EBADMSG); /* longer than what is left */
    expect_changed(NT, 0x4c, -EBADMSG);        /* no end */
}

/* Flags and timestamp are read where they are, and the MIC lies where the specification has it. */
static void test_mic_and_timestamp(void **state)
{
    uint8_t copy[AUTHENTICATE_LENGTH], server[CHALLENGE_LENGTH];
    NtlmAuthenticate message;
    NtlmChallenge read;

    memcpy(copy, authenticate, sizeof(copy));
    memcpy(copy + PAIRS, "\x06\0\x04\0\x02\0\0\0\x63\0\x04\0\0\0\0\0", 16);
    assert_int_equal(ntlm_authenticate_read(copy, sizeof(copy), &message), 0);
    assert_ptr_equal(message.mic, copy + 72);
    copy[PAIRS + 4] = 0x01;
    assert_int_equal(ntlm_authenticate_read(copy, sizeof(copy), &message), 0);
    assert_null(message.mic);
    memcpy(server, challenge, sizeof(server));
    memcpy(server + 0x44, "\x07\0\x08\0\1\2\3\4\5\6\7\x08\x63\0\0\0", 16);
    assert_int_equal(ntlm_challenge_read(server, sizeof(server), &read), 0);
    assert_true(read.timestamp);
    memset(server + 0x48, 0, 8);
    assert_int_equal(ntlm_challenge_read(server, sizeof(server), &read), 0);
    assert_false(read.timestamp);
}

static void test_set_flags(void **state)
{
    uint8_t copy[AUTHENTICATE_LENGTH];
    NtlmAuthenticate message;
    memcpy(copy, authenticate, sizeof(copy));
    ntlm_authenticate_set_flags(copy, 0x12345679);
    assert_int_equal(ntlm_authenticate_read(copy, sizeof(copy), &message), 0);
    assert_int_equal(message.flags, 0x12345679);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),           cmocka_unit_test(test_cut_off_anywhere),
        cmocka_unit_test(test_fields_that_lie),   cmocka_unit_test(test_names_that_are_too_long),
        cmocka_unit_test(test_anonymous),         cmocka_unit_test(test_target_information),
        cmocka_unit_test(test_mic_and_timestamp), cmocka_unit_test(test_set_flags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
