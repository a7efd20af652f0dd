/* SPDX-License-Identifier: Apache-2.0 */
/* Frames over a UNIX stream socket. */
#include "orpc/registrar-line.h"
#include <errno.h>
#include "base/time.h"
#include "io/pool.h"
#include "io/socket.h"

void registrar_line_init(RegistrarLine *line, int fd, void (*ready)(IoHandle *handle, uint32_t events),
                         void (*destroy)(IoHandle *handle))
{
    *line = (RegistrarLine){0};
    pthread_mutex_init(&line->write_lock, NULL);
    pthread_mutex_init(&line->read_lock, NULL);
    io_handle_init(&line->handle, fd, ready, destroy);
}

void registrar_line_deinit(RegistrarLine *line)
{
    registrar_frame_deinit(&line->frame);
    pthread_mutex_destroy(&line->read_lock);
    pthread_mutex_destroy(&line->write_lock);
    closep(&line->handle.fd);
}

static int parse_header(RegistrarLine *line)
{
    Reader reader;
    reader_init(&reader, line->header, sizeof(line->header));
    uint32_t length = reader_u32(&reader);
    line->frame.type = reader_u16(&reader);
    if (reader_u16(&reader) != 0 || length > REGISTRAR_FRAME_MAX) return -EBADMSG;
    line->frame.id = reader_u32(&reader);
    line->frame.length = length;
    line->frame.data = malloc(length ? length : 1);
    return line->frame.data ? 0 : -ENOMEM;
}

static int read_frame(RegistrarLine *line, RegistrarFrame *ret_frame)
{
    size_t got;
    while (line->have < REGISTRAR_HEADER_SIZE) {
        int r = io_read(line->handle.fd, line->header + line->have, REGISTRAR_HEADER_SIZE - line->have, &got);
        if (r) return r;
        line->have += got;
    }
    if (!line->frame.data) {
        int r = parse_header(line);
        if (r < 0) return r;
    }
    while (line->have < REGISTRAR_HEADER_SIZE + (size_t)line->frame.length) {
        size_t at = line->have - REGISTRAR_HEADER_SIZE;
        int r = io_read(line->handle.fd, line->frame.data + at, line->frame.length - at, &got);
        if (r) return r;
        line->have += got;
    }
    *ret_frame = line->frame;
    line->frame = (RegistrarFrame){0};
    line->have = 0;
    return 0;
}

int registrar_line_read(RegistrarLine *line, RegistrarFrame *ret_frame)
{
    pthread_mutex_lock(&line->read_lock);
    int r = read_frame(line, ret_frame);
    pthread_mutex_unlock(&line->read_lock);
    return r;
}

static bool is_answer(RegistrarType type)
{
    return type == REGISTRAR_WELCOME || type == REGISTRAR_RESULT;
}

/* Who asks reads its answers: nothing is waited for, or a few processes that do not would hold all threads of
 * mantled. */
static int write_answer(RegistrarLine *line, const Writer *frame)
{
    if (pthread_mutex_trylock(&line->write_lock) != 0) { /* an activation is being written, and may wait */
        if (io_pool_block_begin(false)) return -EBUSY;
        pthread_mutex_lock(&line->write_lock);
        io_pool_block_end();
    }
    int r = io_write_all(line->handle.fd, frame->data, frame->length, time_monotonic());
    pthread_mutex_unlock(&line->write_lock);
    return r;
}

int registrar_line_write(RegistrarLine *line, RegistrarType type, uint32_t id, const Writer *payload)
{
    size_t length = payload ? payload->length : 0;
    int r = payload ? writer_status(payload) : 0;
    if (r < 0) return r;
    if (length > REGISTRAR_FRAME_MAX) return -E2BIG;
    _cleanup_(writer_deinitp) Writer frame;
    writer_init(&frame, 0);
    writer_u32(&frame, (uint32_t)length);
    writer_u16(&frame, (uint16_t)type);
    writer_u16(&frame, 0);
    writer_u32(&frame, id);
    if (length) writer_bytes(&frame, payload->data, length);
    r = writer_status(&frame);
    if (r < 0) return r;
    if (is_answer(type)) return write_answer(line, &frame);
    pthread_mutex_lock(&line->write_lock);
    r = io_write_all(line->handle.fd, frame.data, frame.length, time_after(REGISTRAR_WRITE_TIMEOUT));
    pthread_mutex_unlock(&line->write_lock);
    return r;
}

void registrar_text_write(Writer *writer, const char *text)
{
    size_t length = strlen(text);
    if (length >= REGISTRAR_TEXT_SIZE) {
        length = REGISTRAR_TEXT_SIZE - 1;
        while (length && ((uint8_t)text[length] & 0xc0) == 0x80)
            length--;
    }
    writer_u16(writer, (uint16_t)length);
    writer_bytes(writer, text, length);
}

void registrar_text_read(Reader *reader, char ret_text[REGISTRAR_TEXT_SIZE])
{
    uint16_t length = reader_u16(reader);
    if (length >= REGISTRAR_TEXT_SIZE) reader_fail(reader);
    const uint8_t *text = reader_bytes(reader, reader->failed ? 0 : length);
    if (text && memchr(text, 0, length)) reader_fail(reader);
    if (reader->failed || !text) length = 0;
    if (length) memcpy(ret_text, text, length);
    ret_text[length] = '\0';
}
