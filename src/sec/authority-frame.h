/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The authority's messages on a UNIX stream socket: u32 length, u32 patience (milliseconds that the sender
 * waits for the answer, UINT32_MAX: no limit; 0 in answers), then the message. One descriptor at most goes
 * with it, as SCM_RIGHTS of its bytes. Both ends are hostile to the reader. Everything is wiped: requests
 * have passwords, answers session keys.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"

/* What the authority reads: the longest leg and texts, and no message that is longer. */
#define AUTHORITY_REQUEST_MAX  (96u * 1024)
#define AUTHORITY_FRAME_HEADER 8u

/* Reading */

typedef struct AuthorityFrameIn {
    size_t limit;
    uint8_t header[AUTHORITY_FRAME_HEADER];
    size_t got; /* of header and message */
    uint32_t length, patience;
    uint8_t *data; /* the message; owned */
    int fd;        /* that came with it, or -1; owned, CLOEXEC */
} AuthorityFrameIn;

/* `limit`: of the message, in bytes. */
void authority_frame_in_init(AuthorityFrameIn *frame, size_t limit);
/* Forgets the frame; the next one may be read. */
void authority_frame_in_reset(AuthorityFrameIn *frame);
/* Reads what there is of one frame, and nothing of the next. 0: it is complete; IO_AGAIN, IO_CLOSED (also in
 * the middle), -EBADMSG (empty, too long, a second descriptor), -EMFILE (a descriptor found no room here),
 * -ENOMEM, -errno. */
int authority_frame_in_read(AuthorityFrameIn *frame, int socket) must_use;

/* Writing */

typedef struct AuthorityFrameOut {
    uint8_t *data; /* header and message; owned */
    size_t length, sent;
    int fd; /* goes with the first byte, or -1; borrowed */
} AuthorityFrameOut;

/* Copies the message; `fd` must stay open until the first byte is sent. Frees what was there. 0, -ENOMEM. */
int authority_frame_out_set(AuthorityFrameOut *frame, const uint8_t *message, size_t length,
                            uint32_t patience, int fd) must_use;
void authority_frame_out_deinit(AuthorityFrameOut *frame);
/* 0: all is sent; IO_AGAIN, -EPIPE, -errno. */
int authority_frame_out_write(AuthorityFrameOut *frame, int socket) must_use;
