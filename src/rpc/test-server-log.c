/* SPDX-License-Identifier: Apache-2.0 */
/* The log of refused peers by itself: what is told when a minute is over, and a crowd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <malloc.h>
#include "base/time.h"
#include "rpc/server-log.h"
#include "sec/token.h"

#define HOUR           3600u
#define CROWD          200000u
#define PATIENT        (30 * NS_PER_SECOND)
#define ALLOCATORS_OWN 8192u /* what sanitizers hold beside it */

static char last[SERVER_LOG_LINE];
static size_t count;

static void take_line(void *context, int priority, const char *sentence)
{
    (void)priority;
    assert_ptr_equal(context, &count);
    (void)snprintf(last, sizeof(last), "%s", sentence);
    count++;
}

static IoLoop *loop;
static ServerLog *log_of(unsigned seconds)
{
    ServerLog *log;
    count = 0;
    last[0] = 0;
    assert_int_equal(io_loop_new(&loop), 0);
    assert_int_equal(server_log_new(loop, take_line, &count, seconds, &log), 0);
    return log;
}

static void log_end(ServerLog *log)
{
    assert_null(server_log_free(log));
    io_loop_free(loop);
}

static IoAddress address_of(unsigned number)
{
    IoAddress address;
    char text[32];
    (void)snprintf(text, sizeof(text), "10.%u.%u.%u", number >> 16 & 255, number >> 8 & 255, number & 255);
    assert_int_equal(io_address_parse(text, 1024, &address), 0);
    return address;
}

static Token *token_of(const char *principal)
{
    Token *token;
    const TokenSpec spec = {.kind = TOKEN_KIND_IMPERSONATION,
                            .level = TOKEN_LEVEL_IMPERSONATION,
                            .principal = principal,
                            .user = SID_AUTHENTICATED,
                            .from_network = true,
                            .expires = INT64_MAX};
    assert_int_equal(token_new(&spec, &token), 0);
    return token;
}

static void refuse(ServerLog *log, unsigned number, const Token *token, const char *why)
{
    const IoAddress address = address_of(number);
    const ServerLogRecord record = {.address = &address, .token = token, .why = why};
    server_log_refused(log, &record);
}

/* The port is no part of who it is; the reason is. */
static void test_pairs(void **state)
{
    (void)state;
    ServerLog *log = log_of(HOUR);
    IoAddress address = address_of(1);
    for (uint16_t port = 1; port < 100; port++) {
        io_address_set_port(&address, port);
        server_log_refused(log, &(ServerLogRecord){.address = &address, .why = "one"});
    }
    assert_int_equal(count, 1);
    assert_string_equal(last, "refused 10.0.0.1:1: one");
    refuse(log, 1, NULL, "two");
    assert_int_equal(count, 2);
    refuse(log, 2, NULL, "two");
    assert_int_equal(count, 3);
    Token *alice = token_of("alice@LAB.TEST"), *bob = token_of("bob@LAB.TEST");
    refuse(log, 1, alice, "two"); /* a caller is not the address that it calls from */
    assert_int_equal(count, 4);
    refuse(log, 2, alice, "two"); /* and the same one everywhere */
    assert_int_equal(count, 4);
    refuse(log, 1, bob, "two");
    assert_int_equal(count, 5);
    assert_string_equal(last, "refused 10.0.0.1:1024 as bob@LAB.TEST: two");
    server_log_refused(NULL, &(ServerLogRecord){.address = &address, .why = "nobody listens"});
    log_end(log);
    assert_int_equal(count, 7); /* "98 more times", and alice once */
    token_unref(alice);
    token_unref(bob);
}

static void test_all_of_a_line(void **state)
{
    (void)state;
    ServerLog *log = log_of(HOUR);
    const IoAddress address = address_of(1);
    server_log_refused(
        log,
        &(ServerLogRecord){
            .address = &address, .why = "why", .what = "bind", .answer = "bind_nak 4", .detail = "in words"});
    assert_string_equal(last, "refused 10.0.0.1:1024: bind: why: in words; answered bind_nak 4");
    log_end(log);
    assert_int_equal(count, 1);
}

/* Nobody writes a line of his own by his name. */
static void test_names_are_quoted(void **state)
{
    (void)state;
    ServerLog *log = log_of(HOUR);
    Token *token = token_of("eve\n\033[2Jrefused alice@LAB.TEST");
    refuse(log, 1, token, "why");
    assert_null(strpbrk(last, "\n\033"));
    assert_non_null(strstr(last, "as eve??[2Jrefused"));
    refuse(log, 1, token, "why");
    log_end(log);
    assert_int_equal(count, 2);
    assert_null(strpbrk(last, "\n\033"));
    token_unref(token);
}

/* Until `wanted` lines were written; what the clock does here is only to end the log's period. */
static void serve_until(size_t wanted)
{
    const uint64_t deadline = time_after(PATIENT);
    while (count < wanted && time_monotonic() < deadline)
        if (io_loop_step(loop, time_after(NS_PER_SECOND / 10)) == IO_STOPPED) break;
    assert_int_equal(count, wanted);
}

/* When the period is over the count is told, and stands for the next period's line; then there is silence. */
static void test_the_minute_ends(void **state)
{
    (void)state;
    ServerLog *log = log_of(1);
    const uint64_t start = time_monotonic();
    for (unsigned i = 0; i < 100; i++)
        refuse(log, 1, NULL, "why");
    if (time_monotonic() - start > NS_PER_SECOND / 2) { /* too slow a machine to tell */
        log_end(log);
        skip();
    }
    assert_int_equal(count, 1);
    serve_until(2);
    assert_true(time_monotonic() - start >= NS_PER_SECOND);
    assert_string_equal(last, "refused 10.0.0.1 99 more times: why");
    refuse(log, 1, NULL, "why");
    if (count == 2) { /* within the next period, unless the machine is that slow */
        serve_until(3);
        assert_true(time_monotonic() - start >= 2 * NS_PER_SECOND);
        assert_string_equal(last, "refused 10.0.0.1 1 more times: why");
    }
    log_end(log);
    assert_int_equal(count, 3);
}

size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t held_bytes(void)
{
    if (__sanitizer_get_current_allocated_bytes) return __sanitizer_get_current_allocated_bytes();
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* A crowd of addresses takes no memory and few lines, and hides no caller. */
static void test_a_crowd(void **state)
{
    (void)state;
    ServerLog *log = log_of(HOUR);
    Token *alice = token_of("alice@LAB.TEST");
    refuse(log, 0, NULL, "why");
    const size_t bytes = held_bytes();
    for (unsigned i = 1; i < CROWD; i++)
        refuse(log, i, NULL, "why");
    assert_true(held_bytes() <= bytes + ALLOCATORS_OWN);
    assert_int_equal(count, SERVER_LOG_PEERS + 1);
    assert_non_null(strstr(last, "no more of them are named"));
    refuse(log, 7, NULL, "another reason"); /* one more line for each reason */
    assert_int_equal(count, SERVER_LOG_PEERS + 2);
    for (unsigned i = 0; i < CROWD; i++)
        refuse(log, i, NULL, "another reason");
    assert_int_equal(count, SERVER_LOG_PEERS + 2);
    refuse(log, 7, alice, "why");
    assert_int_equal(count, SERVER_LOG_PEERS + 3);
    assert_string_equal(last, "refused 10.0.0.7:1024 as alice@LAB.TEST: why");
    assert_true(held_bytes() <= bytes + ALLOCATORS_OWN);
    count = 0;
    log_end(log);
    assert_int_equal(count, 2); /* how many others there were, for each reason */
    token_unref(alice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_all_of_a_line),
        cmocka_unit_test(test_names_are_quoted),
        cmocka_unit_test(test_the_minute_ends),
        cmocka_unit_test(test_a_crowd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
