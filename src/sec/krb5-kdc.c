/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/krb5-kdc.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/time.h"
#include "io/address.h"
#include "io/resolve.h"
#include "io/socket.h"
#include "sec/krb5-private.h"

#define KDC_PORT        88
#define LENGTH_SIZE     4u /* RFC 4120 7.2.2: big-endian, the high bit reserved */
#define KDC_NEXT        48 /* condition of this file: go on with the next address or KDC */
#define KDC_MESSAGE_MAX (1u << 20)
/* A busy KDC drops connections: one that ends without a reply is tried again, this often in all. */
#define KDC_RETRIES_MAX 2u

typedef enum ExchangeState {
    STATE_PICK,
    STATE_RESOLVE,
    STATE_ADDRESS,
    STATE_CONNECT,
    STATE_SEND,
    STATE_RECEIVE,
    STATE_DONE
} ExchangeState;

struct KdcExchange {
    KerberosConfig *config;
    char **kdcs;
    unsigned kdc_count, kdc_tried, kdc_first;
    uint64_t deadline, share; /* of the exchange, of the present KDC */
    ExchangeState state;
    IoHost host;
    IoResolve *resolve;
    IoAddressList *addresses;
    size_t address_at;
    unsigned retries;
    int fd;
    uint8_t *request, *reply;
    size_t request_length, sent, received, reply_length;
    uint8_t header[LENGTH_SIZE];
    char cause[KDC_CAUSE_MAX];
};

int kdc_exchange_new(KerberosConfig *config, const char *realm, const uint8_t *request, size_t length,
                     uint64_t deadline, KdcExchange **ret_exchange, SecFailure *failure)
{
    if (length > KDC_MESSAGE_MAX) return -ENOMEM;
    _cleanup_(kdc_exchange_freep) KdcExchange *exchange = calloc(1, sizeof(*exchange));
    if (!exchange) return -ENOMEM;
    exchange->fd = -1;
    exchange->config = kerberos_config_ref(config);
    exchange->deadline = deadline;
    exchange->request_length = length + LENGTH_SIZE;
    exchange->request = malloc(exchange->request_length);
    if (!exchange->request) return -ENOMEM;
    for (unsigned i = 0; i < LENGTH_SIZE; i++)
        exchange->request[i] = (uint8_t)(length >> (24 - 8 * i));
    memcpy(exchange->request + LENGTH_SIZE, request, length);
    int result = kerberos_config_kdcs(config, realm, &exchange->kdcs, failure);
    if (result != 0) return result;
    while (exchange->kdcs && exchange->kdcs[exchange->kdc_count])
        exchange->kdc_count++;
    exchange->kdc_first =
        exchange->kdc_count ? kerberos_config_preferred_kdc(config) % exchange->kdc_count : 0;
    (void)snprintf(exchange->cause, sizeof(exchange->cause), "no answer in time");
    *ret_exchange = TAKE_PTR(exchange);
    return 0;
}

/* Forgets what belongs to one address. */
static void exchange_hang_up(KdcExchange *exchange)
{
    if (exchange->fd >= 0) close(exchange->fd);
    exchange->fd = -1;
    free(exchange->reply);
    exchange->reply = NULL;
    exchange->sent = exchange->received = exchange->reply_length = 0;
}

KdcExchange *kdc_exchange_free(KdcExchange *exchange)
{
    if (!exchange) return NULL;
    exchange_hang_up(exchange);
    io_resolve_free(exchange->resolve);
    free(exchange->addresses);
    kerberos_kdcs_free(exchange->kdcs);
    free(exchange->request);
    kerberos_config_unref(exchange->config);
    free(exchange);
    return NULL;
}

/* Notes why the present address or KDC is of no use. */
static int exchange_next(KdcExchange *exchange, const char *why)
{
    char text[IO_ADDRESS_STRING_SIZE + IO_HOST_SIZE], quoted[SEC_QUOTE_SIZE];
    io_host_format(&exchange->host, text);
    (void)snprintf(exchange->cause, sizeof(exchange->cause), "%s: %s", sec_quote(text, quoted), why);
    exchange_hang_up(exchange);
    return KDC_NEXT;
}

/* The KDC ended the connection without a reply. */
static int exchange_dropped(KdcExchange *exchange)
{
    int result = exchange_next(exchange, "it closed the connection");
    if (exchange->retries == KDC_RETRIES_MAX) return result;
    exchange->retries++;
    exchange->address_at--;
    return result;
}

static int step_pick(KdcExchange *exchange, IoWait *ret_wait)
{
    if (exchange->kdc_count == 0) return KDC_UNKNOWN;
    if (exchange->kdc_tried == exchange->kdc_count) return KDC_UNREACHABLE;
    unsigned left = exchange->kdc_count - exchange->kdc_tried;
    const char *entry = exchange->kdcs[(exchange->kdc_first + exchange->kdc_tried++) % exchange->kdc_count];
    uint64_t now = time_monotonic();
    if (now >= exchange->deadline) return KDC_UNREACHABLE;
    exchange->share = exchange->deadline == TIME_NEVER ? TIME_NEVER : now + (exchange->deadline - now) / left;
    exchange->host = (IoHost){0};
    if (io_host_parse(entry, &exchange->host) != 0) {
        char quoted[SEC_QUOTE_SIZE];
        (void)snprintf(exchange->cause, sizeof(exchange->cause), "%s: not a host and port",
                       sec_quote(entry, quoted));
        return 0; /* stays in STATE_PICK */
    }
    if (exchange->host.port == 0) exchange->host.port = KDC_PORT;
    io_resolve_free(exchange->resolve);
    exchange->resolve = NULL;
    int error = io_resolve_new(exchange->host.name, exchange->host.port, &exchange->resolve);
    if (error == -ENOMEM) return error;
    if (error != 0) return exchange_next(exchange, strerror(-error));
    exchange->state = STATE_RESOLVE;
    return 0;
}

static int step_resolve(KdcExchange *exchange, IoWait *ret_wait)
{
    free(exchange->addresses);
    exchange->addresses = NULL;
    int result = io_resolve_step(exchange->resolve, &exchange->addresses, ret_wait);
    if (result == IO_AGAIN || result == -ENOMEM) return result;
    if (result != 0)
        return exchange_next(exchange, result == -ENOENT ? "no such host name" : strerror(-result));
    exchange->address_at = 0;
    exchange->state = STATE_ADDRESS;
    return 0;
}

static int step_address(KdcExchange *exchange, IoWait *ret_wait)
{
    if (exchange->address_at == exchange->addresses->count) {
        exchange->state = STATE_PICK;
        return 0;
    }
    int result = io_connect_start(&exchange->addresses->items[exchange->address_at++], &exchange->fd);
    if (result < 0) {
        exchange->fd = -1;
        return exchange_next(exchange, strerror(-result));
    }
    exchange->state = result == IO_AGAIN ? STATE_CONNECT : STATE_SEND;
    return 0;
}

static int step_connect(KdcExchange *exchange, IoWait *ret_wait)
{
    int result = io_connect_finish(exchange->fd);
    *ret_wait = (IoWait){.fd = exchange->fd, .events = POLLOUT};
    if (result == IO_AGAIN) return IO_AGAIN;
    if (result < 0) return exchange_next(exchange, strerror(-result));
    exchange->state = STATE_SEND;
    return 0;
}

static int step_send(KdcExchange *exchange, IoWait *ret_wait)
{
    size_t written;
    int result = io_write(exchange->fd, exchange->request + exchange->sent,
                          exchange->request_length - exchange->sent, &written);
    *ret_wait = (IoWait){.fd = exchange->fd, .events = POLLOUT};
    if (result == IO_AGAIN) return IO_AGAIN;
    if (result < 0) return exchange_next(exchange, strerror(-result));
    exchange->sent += written;
    if (exchange->sent == exchange->request_length) exchange->state = STATE_RECEIVE;
    return 0;
}

/* The four bytes of length are here: makes room for the reply. */
static int reply_begin(KdcExchange *exchange)
{
    uint32_t length = 0;
    for (unsigned i = 0; i < LENGTH_SIZE; i++)
        length = length << 8 | exchange->header[i];
    if (length == 0 || length > KDC_REPLY_MAX)
        return exchange_next(exchange, "its reply is no Kerberos message");
    exchange->reply = malloc(length);
    if (!exchange->reply) return -ENOMEM;
    exchange->reply_length = length;
    return 0;
}

static int step_receive(KdcExchange *exchange, IoWait *ret_wait)
{
    bool in_header = exchange->received < LENGTH_SIZE;
    size_t got, at = in_header ? exchange->received : exchange->received - LENGTH_SIZE;
    uint8_t *target = in_header ? exchange->header + at : exchange->reply + at;
    size_t room = in_header ? LENGTH_SIZE - at : exchange->reply_length - at;
    int result = io_read(exchange->fd, target, room, &got);
    *ret_wait = (IoWait){.fd = exchange->fd, .events = POLLIN};
    if (result == IO_AGAIN) return IO_AGAIN;
    if (result == IO_CLOSED || result == -ECONNRESET) return exchange_dropped(exchange);
    if (result < 0) return exchange_next(exchange, strerror(-result));
    exchange->received += got;
    if (exchange->received == LENGTH_SIZE && in_header) return reply_begin(exchange);
    if (exchange->received == LENGTH_SIZE + exchange->reply_length) {
        exchange->state = STATE_DONE;
        unsigned answered = (exchange->kdc_first + exchange->kdc_tried - 1) % exchange->kdc_count;
        kerberos_config_prefer_kdc(exchange->config, answered);
    }
    return 0;
}

/* What the state does next: stays or sets the next one (0), waits (IO_AGAIN), gives an address up (KDC_NEXT).
 */
static int (*const steps[])(KdcExchange *, IoWait *) = {
    [STATE_PICK] = step_pick,       [STATE_RESOLVE] = step_resolve, [STATE_ADDRESS] = step_address,
    [STATE_CONNECT] = step_connect, [STATE_SEND] = step_send,       [STATE_RECEIVE] = step_receive,
};

int kdc_exchange_step(KdcExchange *exchange, IoWait *ret_wait)
{
    while (exchange->state != STATE_DONE) {
        /* After the KDC's share of the time, before waiting any longer. */
        int result = exchange->state != STATE_PICK && time_monotonic() >= exchange->share
                         ? exchange_next(exchange, "no answer in time")
                         : 0;
        bool late = result == KDC_NEXT;
        if (!late) result = steps[exchange->state](exchange, ret_wait);
        if (result == IO_AGAIN) {
            ret_wait->deadline = exchange->share;
            return IO_AGAIN;
        }
        if (result == KDC_NEXT) {
            /* Another address of the same host while there is time for it. */
            bool more = !late && exchange->state != STATE_RESOLVE && exchange->state != STATE_PICK;
            exchange->state = more ? STATE_ADDRESS : STATE_PICK;
        } else if (result != 0) {
            return result;
        }
    }
    return 0;
}

const uint8_t *kdc_exchange_reply(const KdcExchange *exchange, size_t *ret_length)
{
    *ret_length = exchange->reply_length;
    return exchange->reply;
}

const char *kdc_exchange_cause(const KdcExchange *exchange)
{
    return exchange->cause;
}
