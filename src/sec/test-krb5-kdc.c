/* SPDX-License-Identifier: Apache-2.0 */
/* Exchanges with KDCs over TCP (RFC 4120 7.2.2), some of which answer what no KDC should. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <cmocka.h>
#include "base/time.h"
#include "io/address.h"
#include "io/socket.h"
#include "sec/krb5-kdc.h"
#include "sec/krb5-private.h"

#define REQUEST  "a request"
#define PATIENCE (10 * NS_PER_SECOND)

/* One KDC: what it sends to every client, in pieces of `piece` bytes; then it hangs up or says nothing. */
typedef struct Kdc {
    const uint8_t *bytes;
    size_t length, piece;
    bool silent;
    int listener, end[2];
    uint16_t port;
    pthread_t thread;
    bool asked;
} Kdc;

static void serve_one(Kdc *kdc, int fd)
{
    uint8_t request[4 + sizeof(REQUEST)];
    if (io_read_all(fd, request, sizeof(request), time_after(PATIENCE)) == 0)
        kdc->asked = memcmp(request, "\0\0\0\x0a" REQUEST, sizeof(request)) == 0;
    for (size_t sent = 0; sent < kdc->length; sent += kdc->piece) {
        size_t left = kdc->length - sent;
        if (io_write_all(fd, kdc->bytes + sent, left < kdc->piece ? left : kdc->piece,
                         time_after(PATIENCE)) != 0)
            break; /* the client has had enough */
        if (kdc->piece == 1) (void)usleep(1000);
    }
    if (kdc->silent) (void)poll(&(struct pollfd){kdc->end[0], POLLIN, 0}, 1, -1);
    close(fd);
}

static void *serve(void *data)
{
    Kdc *kdc = data;
    IoAddress peer;
    struct pollfd wait[2] = {{kdc->listener, POLLIN, 0}, {kdc->end[0], POLLIN, 0}};
    while (!wait[1].revents) {
        int fd;
        if (io_accept(kdc->listener, &fd, &peer) == 0)
            serve_one(kdc, fd);
        else
            (void)poll(wait, 2, -1);
    }
    return NULL;
}

static void kdc_start(Kdc *kdc)
{
    IoAddress address;
    if (!kdc->piece) kdc->piece = 65536;
    assert_int_equal(io_address_parse("127.0.0.1", 0, &address), 0);
    assert_int_equal(io_listen(&address, 0, &kdc->listener), 0);
    socklen_t length = sizeof(address.any);
    assert_int_equal(getsockname(kdc->listener, (struct sockaddr *)&address.any, &length), 0);
    kdc->port = io_address_port(&address);
    assert_int_equal(pipe(kdc->end), 0);
    assert_int_equal(pthread_create(&kdc->thread, NULL, serve, kdc), 0);
}

static void kdc_stop(Kdc *kdc)
{
    close(kdc->end[1]);
    assert_int_equal(pthread_join(kdc->thread, NULL), 0);
    close(kdc->end[0]);
    close(kdc->listener);
}

static KerberosConfig *config_of(const Kdc *kdcs, size_t count, int *ret_file)
{
    char text[512] = "[realms]\n LAB.TEST = {\n", path[64];
    KerberosConfig *config = NULL;
    SecFailure failure;
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(text);
        (void)snprintf(text + length, sizeof(text) - length, "  kdc = 127.0.0.1:%u\n", kdcs[i].port);
    }
    strcat(text, " }\n");
    *ret_file = memfd_create("krb5.conf", MFD_CLOEXEC);
    assert_int_equal(write(*ret_file, text, strlen(text)), strlen(text));
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", *ret_file);
    assert_int_equal(kerberos_config_new(path, false, &config, &failure), 0);
    return config;
}

/* Asks the KDCs in order; what the exchange ends with. The reply is that of the last one. */
static int ask(Kdc *kdcs, size_t count, uint64_t patience, const void *reply, size_t length,
               const char *cause)
{
    int file;
    IoWait wait;
    KdcExchange *exchange;
    SecFailure failure;
    for (size_t i = 0; i < count; i++)
        kdc_start(&kdcs[i]);
    KerberosConfig *config = config_of(kdcs, count, &file);
    assert_int_equal(kdc_exchange_new(config, "LAB.TEST", (const uint8_t *)REQUEST, sizeof(REQUEST),
                                      time_after(patience), &exchange, &failure),
                     0);
    int result;
    while ((result = kdc_exchange_step(exchange, &wait)) == IO_AGAIN) {
        int r = io_wait(&wait);
        assert_true(r == 0 || r == -ETIMEDOUT);
    }
    if (result == 0) {
        size_t got;
        const uint8_t *bytes = kdc_exchange_reply(exchange, &got);
        assert_int_equal(got, length);
        assert_memory_equal(bytes, reply, length);
    }
    if (cause && !strstr(kdc_exchange_cause(exchange), cause)) fail_msg("%s", kdc_exchange_cause(exchange));
    kdc_exchange_free(exchange);
    kerberos_config_unref(config);
    close(file);
    for (size_t i = 0; i < count; i++)
        kdc_stop(&kdcs[i]);
    return result;
}

static const uint8_t good[] = "\0\0\0\5reply";
#define THE_REPLY "reply", 5

static void test_replies(void **state)
{
    for (size_t piece = 1; piece <= 10; piece++) {
        Kdc kdc = {.bytes = good, .length = 9, .piece = piece, .silent = true};
        assert_int_equal(ask(&kdc, 1, PATIENCE, THE_REPLY, NULL), 0);
        assert_true(kdc.asked);
    }
}

static void test_longest(void **state)
{
    for (unsigned over = 0; over < 2; over++) {
        size_t length = KDC_REPLY_MAX + over;
        uint8_t *bytes = calloc(1, length + 4);
        assert_non_null(bytes);
        for (unsigned i = 0; i < 4; i++)
            bytes[i] = (uint8_t)(length >> (24 - 8 * i));
        memset(bytes + 4, 'r', length);
        Kdc kdc = {.bytes = bytes, .length = length + 4, .silent = true};
        int result = ask(&kdc, 1, PATIENCE, bytes + 4, length, over ? "no Kerberos message" : NULL);
        assert_int_equal(result, over ? KDC_UNREACHABLE : 0);
        free(bytes);
    }
}

/* What is no reply is the next KDC's turn, and an error when there is none. */
static void test_no_reply(void **state)
{
    static const struct {
        Kdc kdc;
        const char *cause;
    } rows[] = {
        {{.bytes = (const uint8_t *)"\0\0\0\0reply", .length = 9, .silent = true}, "no Kerberos message"},
        {{.bytes = (const uint8_t *)"\xff\xff\xff\xffreply", .length = 9, .silent = true},
         "no Kerberos message"},
        {{.bytes = (const uint8_t *)"HTTP/1.1 400 Bad Request\r\n\r\n", .length = 28}, "no Kerberos message"},
        {{.bytes = good, .length = 8}, "closed the connection"},
        {{.bytes = good, .length = 3}, "closed the connection"},
        {{.bytes = good, .length = 0}, "closed the connection"},
        {{.bytes = good, .length = 8, .silent = true}, "no answer in time"},
        {{.bytes = good, .length = 0, .silent = true}, "no answer in time"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        Kdc kdcs[2] = {rows[i].kdc, {.bytes = good, .length = 9}};
        uint64_t patience = strstr(rows[i].cause, "time") ? NS_PER_SECOND / 2 : PATIENCE;
        assert_int_equal(ask(kdcs, 2, patience, THE_REPLY, NULL), 0);
        assert_true(kdcs[0].asked && kdcs[1].asked);
        Kdc alone = rows[i].kdc;
        assert_int_equal(ask(&alone, 1, patience, NULL, 0, rows[i].cause), KDC_UNREACHABLE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_longest),
        cmocka_unit_test(test_no_reply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
