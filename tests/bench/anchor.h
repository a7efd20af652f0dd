/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the project is measured against: the least that the same bytes can cost. Each anchor is a process at
 * the other end of a TCP connection over loopback that answers until the connection is closed.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "tests/bench/measure.h"

/* Bytes of a PDU on the wire: header | stub | sec_trailer | token. */
#define ANCHOR_LENGTH(header, stub) ((header) + (stub) + 8u + 76u)

/* A sealed PDU as it lies on the wire. */
typedef struct AnchorPdu {
    size_t header, stub;
} AnchorPdu;

/* Sealed requests that are answered by sealed responses; nothing else. */
typedef struct AnchorEcho {
    AnchorPdu request, response;
} AnchorEcho;
Subject anchor_echo(const AnchorEcho *shape);

/* The same lengths, unsealed. */
Subject anchor_plain(const AnchorEcho *shape);

/* A short request, answered by `fragments` sealed PDUs one after the other: one operation. */
typedef struct AnchorStream {
    AnchorPdu fragment;
    unsigned fragments;
} AnchorStream;
Subject anchor_stream(const AnchorStream *shape);
/* The stream of `payload` bytes that took `on_wire` bytes, in fragments with headers of `header` bytes. */
AnchorStream anchor_stream_shape(size_t header, size_t payload, size_t on_wire);

/* TLS 1.3 with AES-256-GCM: so many bytes there and back. */
Subject anchor_tls(size_t length);

/* ONC RPC by libtirpc with krb5p: so many bytes there and back. In a lab. */
Subject anchor_tirpc(size_t length);

/* Shared by the anchors. */

/* Forks; `serve` runs in the child with its end of a new connection and what it returns to is the end.
 * Returns the parent's end. */
int anchor_start(void (*serve)(int fd, void *data), void *data, pid_t *ret_pid);
/* False: the connection is closed. */
bool anchor_read(int fd, void *data, size_t length);
void anchor_write(int fd, const void *data, size_t length);
/* Both ends make the same bytes: sealed there, unsealed here by sec/context, and the reverse. */
void anchor_check_bytes(void);
