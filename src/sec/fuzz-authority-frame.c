/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes on the authority's socket, as frames, with none to three descriptors (low bits of the first
 * byte) and at once or byte by byte (its highest bit). Nothing that came with them stays open.
 *
 * Decoder: src/sec/authority-frame.c (?!authority_frame_out|attach).*
 */
#include <assert.h>
#include <string.h>
#include <sys/socket.h>
#include "io/wait.h"
#include "sec/authority-frame.h"

#define INPUT_MAX       (64u * 1024) /* what a socket takes without a reader */
#define DESCRIPTORS_MAX 3u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put(int socket, const uint8_t *data, size_t size, unsigned descriptors)
{
    union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
    } control = {0};
    struct iovec piece = {(void *)data, size};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    if (descriptors) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(descriptors * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(descriptors * sizeof(int));
        for (unsigned i = 0; i < descriptors; i++)
            memcpy(CMSG_DATA(header) + i * sizeof(int), &socket, sizeof(int));
    }
    ssize_t sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    assert(sent == (ssize_t)size);
    (void)sent;
}

/* Reads all frames that are there. */
static int drain(AuthorityFrameIn *in, int socket)
{
    int result;
    while ((result = authority_frame_in_read(in, socket)) == 0) {
        assert(in->length > 0 && in->length <= AUTHORITY_REQUEST_MAX && in->got == in->length + 8u);
        authority_frame_in_reset(in);
        assert(!in->data && in->fd < 0);
    }
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AuthorityFrameIn in;
    int ends[2], result = IO_AGAIN;
    if (size < 2 || size > INPUT_MAX || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0) return 0;
    unsigned descriptors = data[0] & 3;
    bool slowly = data[0] & 0x80;
    authority_frame_in_init(&in, AUTHORITY_REQUEST_MAX);
    for (size_t at = 1; at < size && result == IO_AGAIN;) {
        size_t length = slowly ? 1 : size - at;
        put(ends[0], data + at, length, at == 1 ? descriptors : 0);
        result = drain(&in, ends[1]);
        at += length;
    }
    close(ends[0]);
    if (result == IO_AGAIN) assert(drain(&in, ends[1]) == IO_CLOSED);
    authority_frame_in_reset(&in);
    close(ends[1]);
    return 0;
}
