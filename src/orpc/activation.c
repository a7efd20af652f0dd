/* SPDX-License-Identifier: Apache-2.0 */
/* The activation properties BLOB: container, and the two whole messages. */
#include "orpc/activation.h"
#include <errno.h>
#include "orpc/activation-private.h"

const Guid CLSID_ACTIVATION_IN = WELL_KNOWN(0x338);
const Guid CLSID_ACTIVATION_OUT = WELL_KNOWN(0x339);
const Guid CLSID_INSTANTIATION_INFO = WELL_KNOWN(0x1ab);
const Guid CLSID_SPECIAL_PROPERTIES = WELL_KNOWN(0x1b9);
const Guid CLSID_ACTIVATION_CONTEXT = WELL_KNOWN(0x1a5);
const Guid CLSID_SERVER_LOCATION = WELL_KNOWN(0x1a4);
const Guid CLSID_SECURITY_INFO = WELL_KNOWN(0x1a6);
const Guid CLSID_SCM_REQUEST = WELL_KNOWN(0x1aa);
const Guid CLSID_SCM_REPLY = WELL_KNOWN(0x1b6);
const Guid CLSID_INSTANCE_INFO = WELL_KNOWN(0x1ad);
static const Guid iid_activation_in = WELL_KNOWN(0x1a2);
static const Guid iid_activation_out = WELL_KNOWN(0x1a3);

/* CustomHeader: totalSize, headerSize, dwReserved, destCtx, cIfs, classInfoClsid, pclsid, pSizes,
 * pdwReserved; sizes count from the first byte of its pickle. */
typedef struct CustomHeader {
    uint32_t total, header, destination, count;
    const uint8_t *clsids, *sizes;
} CustomHeader;

static int parse_header(Reader *reader, CustomHeader *ret_header)
{
    Reader object = pickle_read(reader);
    CustomHeader header = {0};
    header.total = reader_u32(&object);
    header.header = reader_u32(&object);
    (void)reader_u32(&object);
    header.destination = reader_u32(&object);
    header.count = reader_u32(&object);
    (void)reader_guid(&object);
    bool has_clsids = ndr_referent_read(&object), has_sizes = ndr_referent_read(&object);
    bool has_reserved = ndr_referent_read(&object);
    if (!has_clsids || !has_sizes || header.count < 1 || header.count > ACTIVATION_PROPERTIES_MAX)
        reader_fail(&object);
    header.clsids = ndr_array_read(&object, header.count, sizeof(Guid), 4);
    header.sizes = ndr_array_read(&object, header.count, 4, 4);
    if (has_reserved) (void)ndr_u32_read(&object); /* ignored on receipt */
    *ret_header = header;
    return reader_status(&object);
}

static int parse_blob(const uint8_t *data, size_t length, ActivationBlob *ret_blob)
{
    Reader reader;
    reader_init(&reader, data, length);
    uint32_t size = reader_u32(&reader);
    (void)reader_u32(&reader); /* dwReserved */
    Reader body = reader_sub(&reader, size), start = body;
    CustomHeader header;
    if (reader_status(&reader) < 0 || parse_header(&body, &header) < 0) return -EBADMSG;
    /* Some peers pad the header without counting the padding in the pickle: headerSize says where properties
     * start. */
    if (header.header < body.offset || header.total > size) return -EBADMSG;
    body = start;
    reader_skip(&body, header.header);
    *ret_blob = (ActivationBlob){.destination = header.destination, .count = header.count};
    for (uint32_t i = 0; i < header.count; i++) {
        Reader at;
        reader_init(&at, header.sizes + 4 * i, 4);
        ActivationProperty *property = &ret_blob->properties[i];
        property->clsid = activation_guid(header.clsids, i);
        property->length = reader_u32(&at);
        property->data = reader_bytes(&body, property->length);
    }
    return reader_status(&body);
}

int activation_blob_parse(const void *objref_bytes, size_t length, const Guid *clsid,
                          ActivationBlob *ret_blob)
{
    Objref objref;
    ActivationBlob blob;
    int r = objref_parse(objref_bytes, length, &objref);
    if (r < 0) return r;
    if (objref.kind != OBJREF_CUSTOM || !guid_equal(&objref.clsid, clsid)) return -EBADMSG;
    r = parse_blob(objref.data, objref.data_length, &blob);
    if (r < 0) return r;
    *ret_blob = blob;
    return 0;
}

static void write_header(Writer *writer, const ActivationBlob *blob)
{
    size_t start = pickle_begin(writer);
    size_t total = writer_reserve(writer, 4), header = writer_reserve(writer, 4);
    writer_u32(writer, 0);
    writer_u32(writer, blob->destination);
    writer_u32(writer, blob->count);
    writer_fill(writer, 0, sizeof(Guid)); /* classInfoClsid */
    ndr_referent_write(writer, 0, true);
    ndr_referent_write(writer, 1, true);
    ndr_referent_write(writer, 0, false);
    writer_u32(writer, blob->count);
    for (uint32_t i = 0; i < blob->count; i++)
        writer_guid(writer, &blob->properties[i].clsid);
    writer_u32(writer, blob->count);
    size_t sum = 0;
    for (uint32_t i = 0; i < blob->count; i++) {
        writer_u32(writer, (uint32_t)blob->properties[i].length);
        sum += blob->properties[i].length;
    }
    pickle_end(writer, start);
    writer_patch_u32(writer, header, (uint32_t)(writer->length - start));
    writer_patch_u32(writer, total, (uint32_t)(writer->length - start + sum));
}

void activation_blob_write(Writer *writer, const Guid *clsid, const ActivationBlob *blob)
{
    _cleanup_(writer_deinitp) Writer data;
    writer_init(&data, OBJREF_SIZE_MAX);
    size_t size = writer_reserve(&data, 4);
    writer_u32(&data, 0);
    size_t start = data.length;
    write_header(&data, blob);
    for (uint32_t i = 0; i < blob->count; i++)
        writer_bytes(&data, blob->properties[i].data, blob->properties[i].length);
    writer_patch_u32(&data, size, (uint32_t)(data.length - start));
    if (writer_status(&data) < 0) {
        if (!writer->error) writer->error = writer_status(&data);
        return;
    }
    bool is_reply = guid_equal(clsid, &CLSID_ACTIVATION_OUT);
    objref_write(writer, &(Objref){.kind = OBJREF_CUSTOM,
                                   .iid = is_reply ? iid_activation_out : iid_activation_in,
                                   .clsid = *clsid,
                                   /* "any arbitrary value"; this one is what Windows sends */
                                   .custom_reserved = (uint32_t)data.length + 8,
                                   .data = data.data,
                                   .data_length = data.length});
}

const ActivationProperty *activation_blob_find(const ActivationBlob *blob, const Guid *clsid)
{
    for (uint32_t i = 0; i < blob->count; i++)
        if (guid_equal(&blob->properties[i].clsid, clsid)) return &blob->properties[i];
    return NULL;
}

static bool has_duplicates(const ActivationBlob *blob)
{
    for (uint32_t i = 0; i < blob->count; i++)
        if (activation_blob_find(blob, &blob->properties[i].clsid) != &blob->properties[i]) return true;
    return false;
}

int activation_request_parse(const void *objref, size_t length, ActivationRequest *ret_request)
{
    ActivationBlob blob;
    ActivationRequest request = {0}; /* what is optional and missing stays so */
    int r = activation_blob_parse(objref, length, &CLSID_ACTIVATION_IN, &blob);
    if (r < 0) return r;
    const ActivationProperty *instantiation = activation_blob_find(&blob, &CLSID_INSTANTIATION_INFO);
    const ActivationProperty *scm = activation_blob_find(&blob, &CLSID_SCM_REQUEST);
    const ActivationProperty *location = activation_blob_find(&blob, &CLSID_SERVER_LOCATION);
    const ActivationProperty *special = activation_blob_find(&blob, &CLSID_SPECIAL_PROPERTIES);
    const ActivationProperty *context = activation_blob_find(&blob, &CLSID_ACTIVATION_CONTEXT);
    if (has_duplicates(&blob) || !instantiation || !scm || !location) return -EBADMSG;
    r = instantiation_info_parse(instantiation, &request.instantiation);
    if (r == 0) r = scm_request_parse(scm, &request.scm);
    if (r == 0) r = server_location_parse(location);
    if (r == 0 && special) r = special_properties_parse(special, &request.special);
    if (r == 0 && context) r = activation_context_parse(context, &request.context);
    if (r < 0) return r;
    request.has_special = special != NULL;
    request.has_instance_info = activation_blob_find(&blob, &CLSID_INSTANCE_INFO) != NULL;
    *ret_request = request;
    return 0;
}

/* Properties are collected one after the other in a scratch writer, which may move while it grows: remember
 * offsets. */
static void note_property(ActivationBlob *blob, const Guid *clsid, size_t start, const Writer *scratch)
{
    blob->properties[blob->count++] =
        (ActivationProperty){.clsid = *clsid, .data = NULL, .length = scratch->length - start};
}

static int write_collected(Writer *writer, const Guid *clsid, ActivationBlob *blob, const Writer *scratch)
{
    int r = writer_status(scratch);
    if (r < 0) return r;
    const uint8_t *data = scratch->data;
    for (uint32_t i = 0; i < blob->count; data += blob->properties[i++].length)
        blob->properties[i].data = data;
    activation_blob_write(writer, clsid, blob);
    return writer_status(writer);
}

int activation_request_write(Writer *writer, const ActivationRequest *request)
{
    _cleanup_(writer_deinitp) Writer scratch;
    writer_init(&scratch, OBJREF_SIZE_MAX);
    ActivationBlob blob = {.destination = DESTINATION_DIFFERENT_MACHINE};
    size_t start = 0;
    if (request->has_special) {
        special_properties_write(&scratch, &request->special);
        note_property(&blob, &CLSID_SPECIAL_PROPERTIES, start, &scratch);
    }
    start = scratch.length;
    instantiation_info_write(&scratch, &request->instantiation);
    note_property(&blob, &CLSID_INSTANTIATION_INFO, start, &scratch);
    start = scratch.length;
    activation_context_write(&scratch, &request->context);
    note_property(&blob, &CLSID_ACTIVATION_CONTEXT, start, &scratch);
    start = scratch.length;
    server_location_write(&scratch);
    note_property(&blob, &CLSID_SERVER_LOCATION, start, &scratch);
    start = scratch.length;
    scm_request_write(&scratch, &request->scm);
    note_property(&blob, &CLSID_SCM_REQUEST, start, &scratch);
    return write_collected(writer, &CLSID_ACTIVATION_IN, &blob, &scratch);
}

int activation_reply_parse(const void *objref, size_t length, PropsOut *ret_props, ScmReply *ret_scm)
{
    ActivationBlob blob;
    PropsOut props;
    ScmReply scm;
    int r = activation_blob_parse(objref, length, &CLSID_ACTIVATION_OUT, &blob);
    if (r < 0) return r;
    const ActivationProperty *out = activation_blob_find(&blob, &CLSID_ACTIVATION_OUT);
    const ActivationProperty *reply = activation_blob_find(&blob, &CLSID_SCM_REPLY);
    if (has_duplicates(&blob) || !out || !reply) return -EBADMSG;
    r = props_out_parse(out, &props);
    if (r == 0) r = scm_reply_parse(reply, &scm);
    if (r < 0) return r;
    *ret_props = props;
    *ret_scm = scm;
    return 0;
}

int activation_reply_write(Writer *writer, const ActivationResult *results, uint32_t count,
                           const ScmReply *scm)
{
    _cleanup_(writer_deinitp) Writer scratch;
    writer_init(&scratch, OBJREF_SIZE_MAX);
    ActivationBlob blob = {.destination = DESTINATION_DIFFERENT_MACHINE};
    props_out_write(&scratch, results, count);
    note_property(&blob, &CLSID_ACTIVATION_OUT, 0, &scratch);
    size_t start = scratch.length;
    scm_reply_write(&scratch, scm);
    note_property(&blob, &CLSID_SCM_REPLY, start, &scratch);
    return write_collected(writer, &CLSID_ACTIVATION_OUT, &blob, &scratch);
}
