/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One end of the line between a COM server process and mantled: frames over a UNIX stream socket, and what is
 * in them.
 *
 * Frame: length of the payload u32, type u16, zero u16, id u32, payload; little-endian. A request has an id
 * of its own and its answer repeats it. Texts are a u16 length and UTF-8.
 */
#pragma once
#include <pthread.h>
#include "base/reader.h"
#include "base/writer.h"
#include "io/loop.h"
#include "io/wait.h"

#define REGISTRAR_MAGIC       0x5243544du /* "MTCR" */
#define REGISTRAR_PROTOCOL    1u
#define REGISTRAR_FRAME_MAX   (1024u * 1024) /* payload */
#define REGISTRAR_HEADER_SIZE 12
#define REGISTRAR_WRITE_TIMEOUT                                                                              \
    (2 * NS_PER_SECOND)         /* then the other end does not read, and the line ends                       \
                                 */
#define REGISTRAR_TEXT_SIZE 512 /* with NUL */

typedef enum RegistrarType {
    REGISTRAR_HELLO = 1,    /* process: magic, protocol, OXID, IPID, port, hint, principal, services */
    REGISTRAR_WELCOME,      /* mantled: ping period, resolver bindings */
    REGISTRAR_RESULT,       /* mantled: HRESULT, sentence */
    REGISTRAR_ADD_CLASS,    /* process: CLSID, cookie, flags */
    REGISTRAR_REMOVE_CLASS, /* process: cookie */
    REGISTRAR_ADD_OID,      /* process: OID; no answer */
    REGISTRAR_REMOVE_OID,   /* process: OID; no answer */
    REGISTRAR_ACTIVATE,     /* mantled: see registrar_activation_write */
    REGISTRAR_ANSWER,       /* process: HRESULT, count, (HRESULT, length, OBJREF)... */
    REGISTRAR_RUN_DOWN,     /* mantled: OID; no answer */
} RegistrarType;

typedef struct RegistrarFrame {
    uint16_t type;
    uint32_t id;
    uint8_t *data; /* owned */
    uint32_t length;
} RegistrarFrame;

typedef struct RegistrarLine {
    IoHandle handle;
    pthread_mutex_t write_lock;
    pthread_mutex_t read_lock; /* orders what several threads of the loop read one after the other */
    uint8_t header[REGISTRAR_HEADER_SIZE];
    size_t have; /* bytes read of header and payload */
    RegistrarFrame frame;
} RegistrarLine;

/* Takes over the descriptor; `destroy` of the handle ends with registrar_line_deinit(). */
void registrar_line_init(RegistrarLine *line, int fd, void (*ready)(IoHandle *handle, uint32_t events),
                         void (*destroy)(IoHandle *handle));
void registrar_line_deinit(RegistrarLine *line);
/* The next whole frame, owned by the caller: registrar_frame_deinit(). 0, IO_AGAIN, IO_CLOSED, -EBADMSG (the
 * other end does not speak this protocol), -ENOMEM, -errno. One thread at a time. */
int registrar_line_read(RegistrarLine *line, RegistrarFrame *ret_frame) must_use;
/* Writes one frame whole; any thread. 0, -ETIMEDOUT, -errno: the line is of no use any more. */
int registrar_line_write(RegistrarLine *line, RegistrarType type, uint32_t id,
                         const Writer *payload) must_use;
static inline void registrar_frame_deinit(RegistrarFrame *frame)
{
    free(frame->data);
    *frame = (RegistrarFrame){0};
}

/* Cut at REGISTRAR_TEXT_SIZE - 1 bytes, between characters. */
void registrar_text_write(Writer *writer, const char *text);
void registrar_text_read(Reader *reader, char ret_text[REGISTRAR_TEXT_SIZE]);
