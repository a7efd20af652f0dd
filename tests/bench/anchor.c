/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/anchor.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "sec/context.h"
#include "tests/bench/hardware.h"

#define PRIVACY      6
#define AES256       18
#define ACK_SIZE     16u
#define BUFFER_SIZE  (HARDWARE_STUB + 256u)
#define CHECK_ROUNDS 3u

static const uint8_t key[HARDWARE_KEY] = "thirty-two bytes for both sides";

/* Connections */

static void connect_pair(int ends[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof(address);
    const int on = 1;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || ends[0] < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(listener, 1) < 0 || getsockname(listener, (struct sockaddr *)&address, &length) < 0 ||
        connect(ends[0], (struct sockaddr *)&address, sizeof(address)) < 0)
        measure_fail("no connection over loopback: %m");
    ends[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (ends[1] < 0) measure_fail("no connection over loopback: %m");
    close(listener);
    for (unsigned i = 0; i < 2; i++)
        if (setsockopt(ends[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
            measure_fail("TCP_NODELAY: %m");
}

int anchor_start(void (*serve)(int fd, void *data), void *data, pid_t *ret_pid)
{
    int ends[2];

    connect_pair(ends);
    const pid_t parent = getpid(), pid = fork();
    if (pid < 0) measure_fail("fork: %m");
    if (pid == 0) {
        close(ends[0]);
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent) _exit(1);
        serve(ends[1], data);
        _exit(0);
    }
    close(ends[1]);
    *ret_pid = pid;
    return ends[0];
}

bool anchor_read(int fd, void *data, size_t length)
{
    for (uint8_t *next = data; length > 0;) {
        const ssize_t got = read(fd, next, length);
        if (got <= 0) return false;
        next += got;
        length -= (size_t)got;
    }
    return true;
}

void anchor_write(int fd, const void *data, size_t length)
{
    for (const uint8_t *next = data; length > 0;) {
        const ssize_t put = write(fd, next, length);
        if (put < 0) measure_fail("an anchor's connection broke: %m");
        next += put;
        length -= (size_t)put;
    }
}

/* Echo */

typedef struct Echo {
    AnchorEcho shape;
    int fd;
    HardwareSealer *request, *response; /* directions */
    uint8_t buffer[BUFFER_SIZE];
} Echo;

static size_t length_of(const AnchorPdu *pdu)
{
    return hardware_pdu_length(pdu->header, pdu->stub);
}

static void echo_serve(int fd, void *data)
{
    Echo *echo = data;
    const AnchorPdu *in = &echo->shape.request, *out = &echo->shape.response;

    while (anchor_read(fd, echo->buffer, length_of(in))) {
        if (!hardware_unseal(echo->request, echo->buffer, in->header, in->stub)) _exit(1);
        hardware_seal(echo->response, echo->buffer, out->header, out->stub);
        anchor_write(fd, echo->buffer, length_of(out));
    }
}

static void echo_run(void *data, unsigned count)
{
    Echo *echo = data;
    const AnchorPdu *out = &echo->shape.request, *in = &echo->shape.response;

    for (unsigned i = 0; i < count; i++) {
        hardware_seal(echo->request, echo->buffer, out->header, out->stub);
        anchor_write(echo->fd, echo->buffer, length_of(out));
        if (!anchor_read(echo->fd, echo->buffer, length_of(in)) ||
            !hardware_unseal(echo->response, echo->buffer, in->header, in->stub))
            measure_fail("an echo came back wrong");
    }
}

/* Padding belongs to what is sealed. */
static AnchorPdu padded(const AnchorPdu *pdu)
{
    return (AnchorPdu){pdu->header, (pdu->stub + 15) / 16 * 16};
}

Subject anchor_echo(const AnchorEcho *shape)
{
    Subject subject = {.run = echo_run};
    Echo *echo = calloc(1, sizeof(*echo));

    if (!echo) measure_fail("out of memory");
    echo->shape.request = padded(&shape->request);
    echo->shape.response = padded(&shape->response);
    echo->request = hardware_sealer_new(key, false, 0);
    echo->response = hardware_sealer_new(key, true, 0);
    echo->fd = anchor_start(echo_serve, echo, &subject.peers[0]);
    subject.data = echo;
    return subject;
}

static void plain_serve(int fd, void *data)
{
    Echo *echo = data;

    while (anchor_read(fd, echo->buffer, length_of(&echo->shape.request)))
        anchor_write(fd, echo->buffer, length_of(&echo->shape.response));
}

static void plain_run(void *data, unsigned count)
{
    Echo *echo = data;

    for (unsigned i = 0; i < count; i++) {
        anchor_write(echo->fd, echo->buffer, length_of(&echo->shape.request));
        if (!anchor_read(echo->fd, echo->buffer, length_of(&echo->shape.response)))
            measure_fail("an echo did not come back");
    }
}

Subject anchor_plain(const AnchorEcho *shape)
{
    Subject subject = {.run = plain_run};
    Echo *echo = calloc(1, sizeof(*echo));

    if (!echo) measure_fail("out of memory");
    echo->shape = *shape;
    echo->fd = anchor_start(plain_serve, echo, &subject.peers[0]);
    subject.data = echo;
    return subject;
}

/* Stream */

typedef struct Stream {
    AnchorStream shape;
    int fd;
    HardwareSealer *sealer;
    uint8_t buffer[BUFFER_SIZE];
} Stream;

static void stream_serve(int fd, void *data)
{
    Stream *stream = data;
    const AnchorPdu *pdu = &stream->shape.fragment;
    uint8_t request[ACK_SIZE];

    while (anchor_read(fd, request, sizeof(request)))
        for (unsigned i = 0; i < stream->shape.fragments; i++) {
            hardware_seal(stream->sealer, stream->buffer, pdu->header, pdu->stub);
            anchor_write(fd, stream->buffer, length_of(pdu));
        }
}

static void stream_run(void *data, unsigned count)
{
    Stream *stream = data;
    const AnchorPdu *pdu = &stream->shape.fragment;
    const uint8_t request[ACK_SIZE] = {0};

    while (count-- > 0) {
        anchor_write(stream->fd, request, sizeof(request));
        for (unsigned i = 0; i < stream->shape.fragments; i++)
            if (!anchor_read(stream->fd, stream->buffer, length_of(pdu)) ||
                !hardware_unseal(stream->sealer, stream->buffer, pdu->header, pdu->stub))
                measure_fail("a stream came wrong");
    }
}

AnchorStream anchor_stream_shape(size_t header, size_t payload, size_t on_wire)
{
    const size_t fragments = (on_wire - payload) / ANCHOR_LENGTH(header, 0);

    if (fragments == 0) measure_fail("%zu bytes cannot carry %zu", on_wire, payload);
    return (AnchorStream){padded(&(AnchorPdu){header, payload / fragments}), (unsigned)fragments};
}

Subject anchor_stream(const AnchorStream *shape)
{
    Subject subject = {.run = stream_run};
    Stream *stream = calloc(1, sizeof(*stream));

    if (!stream) measure_fail("out of memory");
    stream->shape = *shape;
    stream->shape.fragment = padded(&shape->fragment);
    stream->sealer = hardware_sealer_new(key, true, 0);
    stream->fd = anchor_start(stream_serve, stream, &subject.peers[0]);
    subject.data = stream;
    return subject;
}

/* The proof that an anchor's work is the project's */

static SecMessage message_of(uint8_t *pdu, size_t header, size_t stub)
{
    return (SecMessage){.header = pdu,
                        .header_length = header,
                        .stub = pdu + header,
                        .stub_length = stub,
                        .trailer = pdu + header + stub,
                        .token = pdu + header + stub + HARDWARE_TRAILER,
                        .token_length = HARDWARE_TOKEN,
                        .sign_header = true};
}

static SecContext *context_new(bool initiator)
{
    SecContext *context = NULL;
    const SecContextSpec spec = {.initiator = initiator,
                                 .enctype = AES256,
                                 .key = key,
                                 .key_length = sizeof(key),
                                 .expires = INT64_MAX};

    if (sec_context_new(&spec, &context) != 0) measure_fail("no security context");
    return context;
}

static void check_one(SecContext *context, HardwareSealer *in, HardwareSealer *out, size_t stub)
{
    enum { HEADER = 24 };
    uint8_t plain[HEADER + 512], pdu[sizeof(plain) + HARDWARE_TRAILER + HARDWARE_TOKEN] = {0};
    SecMessage message = message_of(pdu, HEADER, stub);

    for (size_t i = 0; i < sizeof(plain); i++)
        plain[i] = (uint8_t)(i * 7 + stub);
    memcpy(pdu, plain, HEADER + stub);
    hardware_seal(in, pdu, HEADER, stub);
    if (sec_context_unprotect(context, PRIVACY, &message) != 0 || memcmp(pdu, plain, HEADER + stub) != 0)
        measure_fail("what the anchor seals is not what Mantle unseals");
    if (sec_context_protect(context, PRIVACY, &message) != 0 || !hardware_unseal(out, pdu, HEADER, stub) ||
        memcmp(pdu, plain, HEADER + stub) != 0)
        measure_fail("what Mantle seals is not what the anchor unseals");
}

void anchor_check_bytes(void)
{
    _cleanup_(sec_context_freep) SecContext *initiator = context_new(true);
    _cleanup_(sec_context_freep) SecContext *acceptor = context_new(false);
    HardwareSealer *sealers[4];

    for (unsigned i = 0; i < 4; i++)
        sealers[i] = hardware_sealer_new(key, i % 2, 0);
    for (unsigned i = 0; i < CHECK_ROUNDS; i++) {
        check_one(initiator, sealers[1], sealers[0], 16 + 208 * i);
        check_one(acceptor, sealers[2], sealers[3], 16 + 208 * i);
    }
    for (unsigned i = 0; i < 4; i++)
        free(sealers[i]);
}
