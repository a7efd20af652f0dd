/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between a COM server process and mantled. */
#include "orpc/registrar-message.h"
#include <errno.h>

static Reader open_frame(const RegistrarFrame *frame)
{
    Reader reader;
    reader_init(&reader, frame->data, frame->length);
    return reader;
}

int registrar_hello_read(const RegistrarFrame *frame, RegistrarHello *ret_hello)
{
    Reader reader = open_frame(frame);
    RegistrarHello hello = {0};
    if (reader_u32(&reader) != REGISTRAR_MAGIC) reader_fail(&reader);
    hello.protocol = reader_u32(&reader);
    /* What another version sends after this is unknown: it is told so instead of being misread. */
    if (reader_status(&reader) == 0 && hello.protocol != REGISTRAR_PROTOCOL) {
        *ret_hello = hello;
        return 0;
    }
    hello.oxid = reader_u64(&reader);
    hello.rem_unknown = reader_guid(&reader);
    hello.port = reader_u16(&reader);
    hello.authn_hint = reader_u32(&reader);
    registrar_text_read(&reader, hello.principal);
    if (reader_left(&reader) > 0) {
        hello.services = reader_u32(&reader);
        const uint8_t local = reader_left(&reader) > 0 ? reader_u8(&reader) : 0;
        hello.local = local;
        if (local > 1 || (!hello.services && !local)) reader_fail(&reader); /* one way to say nothing */
    }
    if (!hello.oxid || !hello.port) reader_fail(&reader);
    int r = reader_end(&reader);
    if (r < 0) return r;
    *ret_hello = hello;
    return 0;
}

void registrar_hello_write(Writer *writer, const RegistrarExporter *exporter)
{
    writer_u32(writer, REGISTRAR_MAGIC);
    writer_u32(writer, REGISTRAR_PROTOCOL);
    writer_u64(writer, exporter->oxid);
    writer_guid(writer, &exporter->rem_unknown);
    writer_u16(writer, exporter->port);
    writer_u32(writer, exporter->authn_hint);
    registrar_text_write(writer, exporter->principal ? exporter->principal : "");
    if (exporter->services || exporter->local) writer_u32(writer, exporter->services); /* else all */
    if (exporter->local) writer_u8(writer, 1);
}

int registrar_activation_read(const RegistrarFrame *frame, RegistrarActivation *ret_request,
                              char caller[REGISTRAR_TEXT_SIZE])
{
    Reader reader = open_frame(frame);
    RegistrarActivation request = {.caller = caller};
    request.class_object = reader_u8(&reader) != 0;
    request.client_impersonating = reader_u8(&reader) != 0;
    request.authn_level = reader_u8(&reader);
    request.clsid = reader_guid(&reader);
    request.cookie = reader_u32(&reader);
    request.class_context = reader_u32(&reader);
    request.causality = reader_guid(&reader);
    registrar_text_read(&reader, caller);
    request.iid_count = reader_u32(&reader);
    if (request.iid_count < 1 || request.iid_count > ACTIVATION_IIDS_MAX) reader_fail(&reader);
    if (reader_count(&reader, request.iid_count, sizeof(Guid)))
        request.iids = reader_bytes(&reader, request.iid_count * sizeof(Guid));
    int r = reader_end(&reader);
    if (r < 0) return r;
    *ret_request = request;
    return 0;
}

void registrar_activation_write(Writer *writer, const RegistrarActivation *request)
{
    writer_u8(writer, request->class_object);
    writer_u8(writer, request->client_impersonating);
    writer_u8(writer, request->authn_level);
    writer_guid(writer, &request->clsid);
    writer_u32(writer, request->cookie);
    writer_u32(writer, request->class_context);
    writer_guid(writer, &request->causality);
    registrar_text_write(writer, request->caller ? request->caller : "");
    writer_u32(writer, request->iid_count);
    writer_bytes(writer, request->iids, request->iid_count * sizeof(Guid));
}

int registrar_result_read(const RegistrarFrame *frame, HRESULT *ret_status,
                          char ret_sentence[REGISTRAR_TEXT_SIZE])
{
    Reader reader = open_frame(frame);
    HRESULT status = (HRESULT)reader_u32(&reader);
    registrar_text_read(&reader, ret_sentence);
    int r = reader_end(&reader);
    if (r < 0) return r;
    *ret_status = status;
    return 0;
}

void registrar_result_write(Writer *writer, HRESULT status, const char *sentence)
{
    writer_u32(writer, (uint32_t)status);
    registrar_text_write(writer, sentence);
}
