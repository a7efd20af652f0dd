/* SPDX-License-Identifier: Apache-2.0 */
/* OBJREF in its four forms. */
#include "orpc/objref.h"
#include <errno.h>

#define EXTENDED_SIGNATURE 0x4e535956u /* [MS-DCOM] 2.2.18.7 */

void std_objref_read(Reader *reader, StdObjref *ret_std)
{
    ret_std->flags = reader_u32(reader);
    ret_std->public_refs = reader_u32(reader);
    ret_std->oxid = reader_u64(reader);
    ret_std->oid = reader_u64(reader);
    ret_std->ipid = reader_guid(reader);
}

void std_objref_write(Writer *writer, const StdObjref *std)
{
    writer_u32(writer, std->flags);
    writer_u32(writer, std->public_refs);
    writer_u64(writer, std->oxid);
    writer_u64(writer, std->oid);
    writer_guid(writer, &std->ipid);
}

static void read_rest(Reader *reader, Objref *objref)
{
    objref->data_length = reader_left(reader);
    objref->data = reader_bytes(reader, objref->data_length);
}

/* nElms is 1, then one DATAELEMENT: dataID, cbSize, cbRounded, Data. [MS-DCOM] 2.2.18.7, 2.2.18.8 */
static void read_extended(Reader *reader, Objref *objref)
{
    if (reader_u32(reader) != EXTENDED_SIGNATURE) reader_fail(reader);
    bindings_read(reader, &objref->resolver);
    if (reader_u32(reader) != 1) reader_fail(reader);
    if (reader_u32(reader) != EXTENDED_SIGNATURE) reader_fail(reader);
    objref->clsid = reader_guid(reader);
    uint32_t size = reader_u32(reader), rounded = reader_u32(reader);
    if (rounded < size || rounded - size > 7) reader_fail(reader);
    objref->data = reader_bytes(reader, size);
    objref->data_length = size;
    reader_skip(reader, rounded - size);
}

int objref_parse(const void *bytes, size_t length, Objref *ret_objref)
{
    Reader reader;
    Objref objref = {0};
    reader_init(&reader, bytes, length);
    if (reader_u32(&reader) != OBJREF_SIGNATURE) reader_fail(&reader);
    objref.kind = reader_u32(&reader);
    objref.iid = reader_guid(&reader);
    if (guid_is_null(&objref.iid)) reader_fail(&reader);
    if (objref.kind != OBJREF_CUSTOM) std_objref_read(&reader, &objref.std);
    switch (objref.kind) {
    case OBJREF_STANDARD:
        bindings_read(&reader, &objref.resolver);
        break;
    case OBJREF_HANDLER:
        objref.clsid = reader_guid(&reader);
        bindings_read(&reader, &objref.resolver);
        break;
    case OBJREF_CUSTOM:
        objref.clsid = reader_guid(&reader);
        (void)reader_u32(&reader); /* cbExtension: ignored on receipt. [MS-DCOM] 2.2.18.6 */
        objref.custom_reserved = reader_u32(&reader);
        read_rest(&reader, &objref);
        break;
    case OBJREF_EXTENDED:
        read_extended(&reader, &objref);
        break;
    default:
        reader_fail(&reader);
    }
    int r = reader_end(&reader);
    if (r < 0) return r;
    *ret_objref = objref;
    return 0;
}

static void write_extended(Writer *writer, const Objref *objref)
{
    size_t padding = -objref->data_length & 7;
    writer_u32(writer, EXTENDED_SIGNATURE);
    bindings_write(writer, &objref->resolver);
    writer_u32(writer, 1);
    writer_u32(writer, EXTENDED_SIGNATURE);
    writer_guid(writer, &objref->clsid);
    writer_u32(writer, (uint32_t)objref->data_length);
    writer_u32(writer, (uint32_t)(objref->data_length + padding));
    writer_bytes(writer, objref->data, objref->data_length);
    writer_fill(writer, 0, padding);
}

void objref_write(Writer *writer, const Objref *objref)
{
    writer_u32(writer, OBJREF_SIGNATURE);
    writer_u32(writer, objref->kind);
    writer_guid(writer, &objref->iid);
    if (objref->kind == OBJREF_CUSTOM) {
        writer_guid(writer, &objref->clsid);
        writer_u32(writer, 0);
        writer_u32(writer, objref->custom_reserved);
        writer_bytes(writer, objref->data, objref->data_length);
        return;
    }
    std_objref_write(writer, &objref->std);
    if (objref->kind == OBJREF_EXTENDED) {
        write_extended(writer, objref);
        return;
    }
    if (objref->kind == OBJREF_HANDLER) writer_guid(writer, &objref->clsid);
    bindings_write(writer, &objref->resolver);
}

void interface_pointer_read(Reader *reader, const uint8_t **ret_data, size_t *ret_length)
{
    reader_align(reader, 4);
    uint32_t maximum = reader_u32(reader), length = reader_u32(reader);
    if (maximum != length || length > OBJREF_SIZE_MAX) reader_fail(reader);
    *ret_data = reader_bytes(reader, length);
    *ret_length = *ret_data ? length : 0;
}

void interface_pointer_write(Writer *writer, const void *data, size_t length)
{
    size_t start = interface_pointer_begin(writer);
    writer_bytes(writer, data, length);
    interface_pointer_end(writer, start);
}

size_t interface_pointer_begin(Writer *writer)
{
    writer_align(writer, 4, 0);
    return writer_reserve(writer, 8);
}

void interface_pointer_end(Writer *writer, size_t start)
{
    uint32_t length = (uint32_t)(writer->length - start - 8);
    writer_patch_u32(writer, start, length);
    writer_patch_u32(writer, start + 4, length);
}
