/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/endpoint-message.h"
#include "rpc/stub.h"

const Guid IID_ENDPOINT_MAPPER = {
    0xe1af8308, 0x5d1f, 0x11c9, {0x91, 0xa4, 0x08, 0x00, 0x2b, 0x14, 0xa0, 0xfa}};

bool endpoint_handle_is_null(const EndpointHandle *handle)
{
    return handle->attributes == 0 && guid_is_null(&handle->id);
}

void endpoint_handle_read(Reader *reader, EndpointHandle *ret_handle)
{
    ret_handle->attributes = ndr_u32_read(reader);
    ret_handle->id = reader_guid(reader);
}

void endpoint_handle_write(Writer *writer, const EndpointHandle *handle)
{
    ndr_u32_write(writer, handle->attributes);
    writer_guid(writer, &handle->id);
}

/* [in, ptr] UUID *object */
static bool object_read(Reader *reader, Guid *ret_object)
{
    if (!ndr_referent_read(reader)) return false;
    *ret_object = reader_guid(reader);
    return true;
}

static void object_write(Writer *writer, unsigned index, bool present, const Guid *object)
{
    ndr_referent_write(writer, index, present);
    if (present) writer_guid(writer, object);
}

/* [range(0, 500)]: more is refused as malformed. */
static uint32_t max_read(Reader *reader)
{
    uint32_t max = ndr_u32_read(reader);
    if (max > ENDPOINT_PAGE_MAX) reader_fail(reader);
    return max;
}

/* twr_t: a conformant structure. */
static void tower_read(Reader *reader, const uint8_t **ret_tower, size_t *ret_length)
{
    uint32_t maximum = ndr_u32_read(reader), length = reader_u32(reader);
    if (length != maximum || length > ENDPOINT_TOWER_MAX) reader_fail(reader);
    *ret_tower = reader_bytes(reader, length);
    *ret_length = *ret_tower ? length : 0;
}

static void tower_write(Writer *writer, const uint8_t *tower, size_t length)
{
    ndr_u32_write(writer, (uint32_t)length);
    writer_u32(writer, (uint32_t)length);
    writer_bytes(writer, tower, length);
}

void ept_lookup_in_read(Reader *reader, EptLookupIn *ret_in)
{
    EptLookupIn in = {0};
    *ret_in = in;
    in.match = ndr_u32_read(reader);
    in.has_object = object_read(reader, &in.object);
    in.has_interface = object_read(reader, &in.iface.uuid);
    if (in.has_interface) {
        in.iface.major = reader_u16(reader);
        in.iface.minor = reader_u16(reader);
    }
    in.version = ndr_u32_read(reader);
    endpoint_handle_read(reader, &in.handle);
    in.max = max_read(reader);
    if (!reader->failed) *ret_in = in;
}

void ept_lookup_in_write(Writer *writer, const EptLookupIn *in)
{
    ndr_u32_write(writer, in->match);
    object_write(writer, 0, in->has_object, &in->object);
    object_write(writer, 1, in->has_interface, &in->iface.uuid);
    if (in->has_interface) {
        writer_u16(writer, in->iface.major);
        writer_u16(writer, in->iface.minor);
    }
    ndr_u32_write(writer, in->version);
    endpoint_handle_write(writer, &in->handle);
    writer_u32(writer, in->max);
}

void ept_map_in_read(Reader *reader, EptMapIn *ret_in)
{
    EptMapIn in = {0};
    *ret_in = in;
    in.has_object = object_read(reader, &in.object);
    if (ndr_referent_read(reader)) tower_read(reader, &in.tower, &in.tower_length);
    endpoint_handle_read(reader, &in.handle);
    in.max = max_read(reader);
    if (!reader->failed) *ret_in = in;
}

void ept_map_in_write(Writer *writer, const EptMapIn *in)
{
    object_write(writer, 0, in->has_object, &in->object);
    ndr_referent_write(writer, 1, in->tower != NULL);
    if (in->tower) tower_write(writer, in->tower, in->tower_length);
    endpoint_handle_write(writer, &in->handle);
    writer_u32(writer, in->max);
}

/* [string] char annotation[ept_max_annotation_size]: a varying array with its NUL. */
static void annotation_read(Reader *reader, char annotation[ENDPOINT_ANNOTATION_SIZE])
{
    uint32_t offset = reader_u32(reader), length = reader_u32(reader);
    if (offset != 0 || length < 1 || length > ENDPOINT_ANNOTATION_SIZE) reader_fail(reader);
    const uint8_t *text = reader_bytes(reader, length);
    if (!text) return;
    if (memchr(text, 0, length) != text + length - 1) reader_fail(reader);
    memcpy(annotation, text, length);
}

static void annotation_write(Writer *writer, const char *annotation)
{
    size_t length = strnlen(annotation, ENDPOINT_ANNOTATION_SIZE - 1);
    writer_u32(writer, 0);
    writer_u32(writer, (uint32_t)length + 1);
    writer_bytes(writer, annotation, length);
    writer_u8(writer, 0);
}

/* Elements first, then the towers that they point to. */
static void records_read(Reader *reader, bool map, EndpointRecord *records, uint32_t count)
{
    static const uint8_t there; /* until the tower itself is read */
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        EndpointRecord *record = &records[i];
        *record = (EndpointRecord){0};
        reader_align(reader, 4);
        if (!map) record->object = reader_guid(reader);
        if (ndr_referent_read(reader)) record->tower = &there;
        if (!map) annotation_read(reader, record->annotation);
    }
    for (uint32_t i = 0; i < count && !reader->failed; i++)
        if (records[i].tower) tower_read(reader, &records[i].tower, &records[i].tower_length);
}

void ept_out_read(Reader *reader, bool map, EndpointRecord *records, EptOut *ret_out)
{
    EptOut out = {.max = ret_out->max, .records = records};
    *ret_out = out;
    endpoint_handle_read(reader, &out.handle);
    out.count = ndr_u32_read(reader);
    uint32_t maximum = ndr_u32_read(reader), offset = reader_u32(reader), count = reader_u32(reader);
    if (maximum != out.max || offset != 0 || count != out.count || count > maximum) reader_fail(reader);
    if (reader_count(reader, count, 4)) records_read(reader, map, records, count);
    out.status = ndr_u32_read(reader);
    if (!reader->failed) *ret_out = out;
}

void ept_out_write(Writer *writer, bool map, const EptOut *out)
{
    endpoint_handle_write(writer, &out->handle);
    writer_u32(writer, out->count);
    writer_u32(writer, out->max);
    writer_u32(writer, 0);
    writer_u32(writer, out->count);
    for (uint32_t i = 0; i < out->count; i++) {
        const EndpointRecord *record = &out->records[i];
        writer_align(writer, 4, 0);
        if (!map) writer_guid(writer, &record->object);
        ndr_referent_write(writer, i, record->tower != NULL);
        if (!map) annotation_write(writer, record->annotation);
    }
    for (uint32_t i = 0; i < out->count; i++)
        if (out->records[i].tower) tower_write(writer, out->records[i].tower, out->records[i].tower_length);
    ndr_u32_write(writer, out->status);
}
