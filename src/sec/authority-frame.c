/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/authority-frame.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "base/reader.h"
#include "base/writer.h"
#include "io/wait.h"

/* Room for one more than a frame may have, so that a second one is seen and closed. */
#define DESCRIPTORS_SEEN 2u

static void wipe(uint8_t **data, size_t length)
{
    if (*data) explicit_bzero(*data, length);
    free(*data);
    *data = NULL;
}

void authority_frame_in_init(AuthorityFrameIn *frame, size_t limit)
{
    *frame = (AuthorityFrameIn){.limit = limit, .fd = -1};
}

void authority_frame_in_reset(AuthorityFrameIn *frame)
{
    wipe(&frame->data, frame->length);
    if (frame->fd >= 0) close(frame->fd);
    authority_frame_in_init(frame, frame->limit);
}

/* Takes the descriptors of what was read. */
static int take_descriptors(AuthorityFrameIn *frame, struct msghdr *message)
{
    int result = message->msg_flags & MSG_CTRUNC ? -EMFILE : 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(header) + i * sizeof(fd), sizeof(fd));
            if (frame->fd < 0) {
                frame->fd = fd;
                continue;
            }
            close(fd);
            if (result == 0) result = -EBADMSG;
        }
    }
    return result;
}

static int receive(AuthorityFrameIn *frame, int socket, void *buffer, size_t size, size_t *ret_size)
{
    union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(DESCRIPTORS_SEEN * sizeof(int))];
    } control;
    struct iovec piece = {buffer, size};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    ssize_t got;
    do
        got = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got < 0) return errno == EAGAIN ? IO_AGAIN : -errno;
    int result = take_descriptors(frame, &message);
    if (result != 0) return result;
    if (got == 0) return IO_CLOSED;
    *ret_size = (size_t)got;
    return 0;
}

static int take_header(AuthorityFrameIn *frame)
{
    Reader reader;
    reader_init(&reader, frame->header, sizeof(frame->header));
    uint32_t length = reader_u32(&reader);
    frame->patience = reader_u32(&reader);
    if (length == 0 || length > frame->limit) return -EBADMSG;
    frame->data = malloc(length);
    if (!frame->data) return -ENOMEM;
    frame->length = length;
    return 0;
}

int authority_frame_in_read(AuthorityFrameIn *frame, int socket)
{
    while (!frame->data || frame->got < AUTHORITY_FRAME_HEADER + (size_t)frame->length) {
        bool header = frame->got < AUTHORITY_FRAME_HEADER;
        uint8_t *to = header ? frame->header + frame->got : frame->data + frame->got - AUTHORITY_FRAME_HEADER;
        size_t size = AUTHORITY_FRAME_HEADER + (header ? 0 : frame->length) - frame->got, got = 0;
        int result = receive(frame, socket, to, size, &got);
        if (result != 0) return result;
        frame->got += got;
        if (header && frame->got == AUTHORITY_FRAME_HEADER) result = take_header(frame);
        if (result != 0) return result;
    }
    return 0;
}

int authority_frame_out_set(AuthorityFrameOut *frame, const uint8_t *message, size_t length,
                            uint32_t patience, int fd)
{
    Writer writer;
    authority_frame_out_deinit(frame);
    uint8_t *data = malloc(AUTHORITY_FRAME_HEADER + length);
    if (!data) return -ENOMEM;
    writer_init_fixed(&writer, data, AUTHORITY_FRAME_HEADER + length);
    writer_u32(&writer, (uint32_t)length);
    writer_u32(&writer, patience);
    writer_bytes(&writer, message, length);
    *frame = (AuthorityFrameOut){.data = data, .length = writer.length, .fd = fd};
    return writer_status(&writer);
}

void authority_frame_out_deinit(AuthorityFrameOut *frame)
{
    wipe(&frame->data, frame->length);
    *frame = (AuthorityFrameOut){.fd = -1};
}

/* The descriptor goes with the first byte. */
static void attach(struct msghdr *message, void *control, size_t size, int fd)
{
    memset(control, 0, size);
    message->msg_control = control;
    message->msg_controllen = size;
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(fd));
    memcpy(CMSG_DATA(header), &fd, sizeof(fd));
}

int authority_frame_out_write(AuthorityFrameOut *frame, int socket)
{
    union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(sizeof(int))];
    } control;
    while (frame->sent < frame->length) {
        struct iovec piece = {frame->data + frame->sent, frame->length - frame->sent};
        struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
        if (frame->sent == 0 && frame->fd >= 0)
            attach(&message, control.bytes, sizeof(control.bytes), frame->fd);
        ssize_t put = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return errno == EAGAIN ? IO_AGAIN : -errno;
        frame->sent += (size_t)put;
    }
    return 0;
}
