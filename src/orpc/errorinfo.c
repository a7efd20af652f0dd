/* SPDX-License-Identifier: Apache-2.0 */
/* The error information extent: an OBJREF_CUSTOM whose data is the object itself ([MS-DCOM] 2.2.21.2). */
#include <errno.h>
#include "base/utf16.h"
#include "orpc/objref.h"
#include "orpc/orpcthis.h"

#define TEXT_PRESENT 0xffffffffu

const Guid ORPC_EXTENT_ERROR = {0x0000031c, 0, 0, {0xc0, 0, 0, 0, 0, 0, 0, 0x46}};
static const Guid clsid_error_object = {0x0000031b, 0, 0, {0xc0, 0, 0, 0, 0, 0, 0, 0x46}};
static const Guid iid_error_info = {
    0x1cf2b120, 0x547d, 0x101b, {0x8e, 0x65, 0x08, 0x00, 0x2b, 0x2b, 0xd1, 0x19}};

/* ErrorInfoString: dwMax, dwOffSet, dwActual (both counts include the NUL), Name. */
static void write_text(Writer *writer, const char16_t *text)
{
    if (!text) {
        writer_u32(writer, 0);
        return;
    }
    size_t length = utf16_length(text);
    if (length > ORPC_ERROR_TEXT_MAX) length = ORPC_ERROR_TEXT_MAX;
    writer_u32(writer, TEXT_PRESENT);
    writer_u32(writer, (uint32_t)length + 1);
    writer_u32(writer, 0);
    writer_u32(writer, (uint32_t)length + 1);
    writer_bytes(writer, text, length * 2);
    writer_u16(writer, 0);
}

void orpc_error_info_write(Writer *writer, const OrpcErrorInfo *info)
{
    _cleanup_(writer_deinitp) Writer data;
    writer_init(&data, 0);
    writer_u32(&data, 0); /* dwVersion */
    writer_u32(&data, info->help_context);
    writer_guid(&data, &info->iid);
    write_text(&data, info->source);
    write_text(&data, info->description);
    write_text(&data, info->help_file);
    if (writer_status(&data) < 0) {
        if (!writer->error) writer->error = writer_status(&data);
        return;
    }
    objref_write(writer, &(Objref){.kind = OBJREF_CUSTOM,
                                   .iid = iid_error_info,
                                   .clsid = clsid_error_object,
                                   .custom_reserved = (uint32_t)data.length,
                                   .data = data.data,
                                   .data_length = data.length});
}

/* A copy of a NUL-terminated string, or NULL when it is not present. -ENOMEM. */
static int read_text(Reader *reader, char16_t **ret_text)
{
    *ret_text = NULL;
    uint32_t signature = reader_u32(reader);
    if (signature != TEXT_PRESENT) {
        if (signature) reader_fail(reader);
        return 0;
    }
    uint32_t maximum = reader_u32(reader), offset = reader_u32(reader), units = reader_u32(reader);
    if (offset || maximum != units || units > ORPC_ERROR_TEXT_MAX + 1) reader_fail(reader);
    if (!reader_count(reader, units, 2)) return 0;
    char16_t *text = calloc((size_t)units + 1, sizeof(*text));
    if (!text) return -ENOMEM;
    reader_copy(reader, text, (size_t)units * 2);
    *ret_text = text;
    return 0;
}

static int parse(const Objref *objref, OrpcErrorInfo *info)
{
    Reader reader;
    reader_init(&reader, objref->data, objref->data_length);
    if (reader_u32(&reader) != 0) reader_fail(&reader);
    info->help_context = reader_u32(&reader);
    info->iid = reader_guid(&reader);
    int r = read_text(&reader, (char16_t **)&info->source);
    if (r == 0) r = read_text(&reader, (char16_t **)&info->description);
    if (r == 0) r = read_text(&reader, (char16_t **)&info->help_file);
    if (r < 0) return r;
    return reader_status(&reader);
}

int orpc_error_info_find(const OrpcExtent *extents, uint32_t count, OrpcErrorInfo *ret_info)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!guid_equal(&extents[i].id, &ORPC_EXTENT_ERROR)) continue;
        Objref objref;
        if (objref_parse(extents[i].data, extents[i].size, &objref) < 0 || objref.kind != OBJREF_CUSTOM ||
            !guid_equal(&objref.clsid, &clsid_error_object))
            return -EBADMSG;
        OrpcErrorInfo info = {0};
        int r = parse(&objref, &info);
        if (r < 0) {
            orpc_error_info_deinit(&info);
            return r;
        }
        *ret_info = info;
        return 0;
    }
    return -ENOENT;
}

void orpc_error_info_deinit(OrpcErrorInfo *info)
{
    free((void *)info->source);
    free((void *)info->description);
    free((void *)info->help_file);
    *info = (OrpcErrorInfo){0};
}
