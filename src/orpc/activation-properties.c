/* SPDX-License-Identifier: Apache-2.0 */
/* The activation properties, one by one ([MS-DCOM] 2.2.22.2). */
#include <assert.h>
#include <errno.h>
#include "orpc/activation.h"
#include "orpc/activation-private.h"

#define PICKLE_VERSION       1
#define PICKLE_LITTLE_ENDIAN 0x10
#define PICKLE_FILLER        0xccccccccu
#define CONTEXT_BY_VALUE     2 /* CTXMSHLFLAGS_BYVAL */

static const Guid clsid_context_marshaler = WELL_KNOWN(0x33b);
static const Guid iid_context = WELL_KNOWN(0x1c0);

/* Common header: version, endianness, length 8, filler; private header: object length, filler. */
Reader pickle_read(Reader *reader)
{
    if (reader_u8(reader) != PICKLE_VERSION) reader_fail(reader);
    if (reader_u8(reader) != PICKLE_LITTLE_ENDIAN) reader_fail(reader);
    if (reader_u16(reader) != 8) reader_fail(reader);
    (void)reader_u32(reader);
    uint32_t length = reader_u32(reader);
    (void)reader_u32(reader);
    return reader_sub(reader, length);
}

size_t pickle_begin(Writer *writer)
{
    assert(writer->error || writer->length % 8 == 0);
    size_t start = writer->length;
    writer_u8(writer, PICKLE_VERSION);
    writer_u8(writer, PICKLE_LITTLE_ENDIAN);
    writer_u16(writer, 8);
    writer_u32(writer, PICKLE_FILLER);
    writer_u32(writer, 0);
    writer_u32(writer, 0);
    return start;
}

void pickle_end(Writer *writer, size_t start)
{
    writer_align(writer, 8, 0);
    writer_patch_u32(writer, start + 8, (uint32_t)(writer->length - start - PICKLE_HEADERS_SIZE));
}

static Reader open_property(const ActivationProperty *property)
{
    Reader reader;
    reader_init(&reader, property->data, property->length);
    return pickle_read(&reader);
}

Guid activation_guid(const uint8_t *array, uint32_t index)
{
    Reader reader;
    reader_init(&reader, array + (size_t)index * sizeof(Guid), sizeof(Guid));
    return reader_guid(&reader);
}

/* InstantiationInfoData: classId, classCtx, actvflags, fIsSurrogate, cIID, instFlag, pIID, thisSize,
 * clientCOMVersion */
int instantiation_info_parse(const ActivationProperty *property, InstantiationInfo *ret_info)
{
    Reader reader = open_property(property);
    InstantiationInfo info = {0};
    info.clsid = reader_guid(&reader);
    info.class_context = reader_u32(&reader);
    info.flags = reader_u32(&reader);
    (void)reader_u32(&reader);
    info.iid_count = reader_u32(&reader);
    (void)reader_u32(&reader);
    bool has_iids = ndr_referent_read(&reader);
    (void)reader_u32(&reader); /* thisSize: "SHOULD be ignored on receipt" */
    com_version_read(&reader, &info.client);
    if (!has_iids || info.iid_count < 1 || info.iid_count > ACTIVATION_IIDS_MAX) reader_fail(&reader);
    info.iids = ndr_array_read(&reader, info.iid_count, sizeof(Guid), 4);
    int r = reader_status(&reader);
    if (r < 0) return r;
    *ret_info = info;
    return 0;
}

void instantiation_info_write(Writer *writer, const InstantiationInfo *info)
{
    size_t start = pickle_begin(writer);
    writer_guid(writer, &info->clsid);
    writer_u32(writer, info->class_context);
    writer_u32(writer, info->flags);
    writer_u32(writer, 0);
    writer_u32(writer, info->iid_count);
    writer_u32(writer, 0);
    ndr_referent_write(writer, 0, true);
    size_t size = writer_reserve(writer, 4);
    com_version_write(writer, info->client);
    ndr_array_write(writer, info->iids, info->iid_count, sizeof(Guid), 4);
    pickle_end(writer, start);
    writer_patch_u32(writer, size, (uint32_t)(writer->length - start));
}

/* The fields both definitions of SpecialPropertiesData share; what follows is reserved. [MS-DCOM] 2.2.22.2.2
 */
int special_properties_parse(const ActivationProperty *property, SpecialProperties *ret_special)
{
    Reader reader = open_property(property);
    SpecialProperties special = {0};
    special.session_id = reader_u32(&reader);
    special.remote_session = reader_u32(&reader);
    special.client_impersonating = reader_u32(&reader);
    special.has_partition = reader_u32(&reader);
    special.default_authn_level = reader_u32(&reader);
    special.partition = reader_guid(&reader);
    special.prt_flags = reader_u32(&reader);
    special.original_class_context = reader_u32(&reader);
    special.flags = reader_u32(&reader);
    int r = reader_status(&reader);
    if (r < 0) return r;
    *ret_special = special;
    return 0;
}

void special_properties_write(Writer *writer, const SpecialProperties *special)
{
    size_t start = pickle_begin(writer);
    writer_u32(writer, special->session_id);
    writer_u32(writer, special->remote_session);
    writer_u32(writer, special->client_impersonating);
    writer_u32(writer, special->has_partition);
    writer_u32(writer, special->default_authn_level);
    writer_guid(writer, &special->partition);
    writer_u32(writer, special->prt_flags);
    writer_u32(writer, special->original_class_context);
    writer_u32(writer, special->flags);
    writer_u32(writer, 0); /* Reserved1 */
    writer_align(writer, 8, 0);
    writer_u64(writer, 0);      /* Reserved2 */
    writer_fill(writer, 0, 20); /* Reserved3[5] */
    pickle_end(writer, start);
}

/* ActivationContextInfoData: clientOK, bReserved1, dwReserved1, dwReserved2, pIFDClientCtx, pIFDPrototypeCtx
 */
int activation_context_parse(const ActivationProperty *property, ActivationContext *ret_context)
{
    Reader reader = open_property(property);
    ActivationContext context = {0};
    reader_skip(&reader, 16);
    bool has_client = ndr_referent_read(&reader), has_prototype = ndr_referent_read(&reader);
    if (has_client) interface_pointer_read(&reader, &context.client, &context.client_length);
    if (has_prototype) interface_pointer_read(&reader, &context.prototype, &context.prototype_length);
    int r = reader_status(&reader);
    if (r < 0) return r;
    *ret_context = context;
    return 0;
}

void activation_context_write(Writer *writer, const ActivationContext *context)
{
    size_t start = pickle_begin(writer);
    writer_fill(writer, 0, 16);
    ndr_referent_write(writer, 0, context->client != NULL);
    ndr_referent_write(writer, context->client != NULL, context->prototype != NULL);
    if (context->client) interface_pointer_write(writer, context->client, context->client_length);
    if (context->prototype) interface_pointer_write(writer, context->prototype, context->prototype_length);
    pickle_end(writer, start);
}

/* Context: versions, ContextId, Flags, Reserved, dwNumExtents, cbExtents, MshlFlags, Count, Frozen */
void client_context_write(Writer *writer, const Guid *context_id)
{
    uint8_t bytes[48];
    Writer context;
    writer_init_fixed(&context, bytes, sizeof(bytes));
    writer_u16(&context, 1);
    writer_u16(&context, 1);
    writer_guid(&context, context_id);
    writer_u32(&context, CONTEXT_BY_VALUE);
    writer_fill(&context, 0, 20);
    writer_u32(&context, 1);
    objref_write(writer, &(Objref){.kind = OBJREF_CUSTOM,
                                   .iid = iid_context,
                                   .clsid = clsid_context_marshaler,
                                   .custom_reserved = sizeof(bytes),
                                   .data = bytes,
                                   .data_length = sizeof(bytes)});
}

/* A conformant varying string of UTF-16 with its NUL; the two counts agree and the offset is 0. */
static const uint8_t *read_string(Reader *reader, uint32_t *ret_units)
{
    uint32_t maximum = ndr_u32_read(reader), offset = reader_u32(reader), units = reader_u32(reader);
    if (offset || units > maximum || !units) reader_fail(reader);
    if (!reader_count(reader, units, 2)) return NULL;
    const uint8_t *text = reader_bytes(reader, (size_t)units * 2);
    if (text && (text[2 * units - 2] || text[2 * units - 1])) reader_fail(reader);
    *ret_units = units;
    return text;
}

/* LocationInfoData: machineName, processId, apartmentId, contextId: "The server MUST ignore this structure".
 */
int server_location_parse(const ActivationProperty *property)
{
    Reader reader = open_property(property);
    uint32_t units = 0;
    bool has_name = ndr_referent_read(&reader);
    reader_skip(&reader, 12);
    if (has_name) (void)read_string(&reader, &units);
    return reader_status(&reader);
}

void server_location_write(Writer *writer)
{
    size_t start = pickle_begin(writer);
    writer_fill(writer, 0, 16);
    pickle_end(writer, start);
}

/* SecurityInfoData: dwAuthnFlags, pServerInfo, pdwReserved; COSERVERINFO: dwReserved1, pwszName, pdwReserved,
 * dwReserved2 */
int security_info_parse(const ActivationProperty *property, SecurityInfo *ret_info)
{
    Reader reader = open_property(property);
    SecurityInfo info = {0};
    (void)reader_u32(&reader);
    info.has_server = ndr_referent_read(&reader);
    bool has_reserved = ndr_referent_read(&reader);
    if (info.has_server) {
        (void)reader_u32(&reader);
        bool has_name = ndr_referent_read(&reader), has_inner = ndr_referent_read(&reader);
        (void)reader_u32(&reader);
        if (has_name) info.server = read_string(&reader, &info.server_units);
        if (has_inner) (void)ndr_u32_read(&reader);
    }
    if (has_reserved) (void)ndr_u32_read(&reader);
    int r = reader_status(&reader);
    if (r < 0) return r;
    *ret_info = info;
    return 0;
}

void security_info_write(Writer *writer, const SecurityInfo *info)
{
    size_t start = pickle_begin(writer);
    writer_u32(writer, 0);
    ndr_referent_write(writer, 0, info->has_server);
    ndr_referent_write(writer, 0, false);
    if (info->has_server) {
        writer_u32(writer, 0);
        ndr_referent_write(writer, 1, info->server != NULL);
        ndr_referent_write(writer, 0, false);
        writer_u32(writer, 0);
    }
    if (info->has_server && info->server) {
        writer_u32(writer, info->server_units);
        writer_u32(writer, 0);
        writer_u32(writer, info->server_units);
        writer_bytes(writer, info->server, (size_t)info->server_units * 2);
    }
    pickle_end(writer, start);
}

/* ScmRequestInfoData: pdwReserved, remoteRequest; then ClientImpLevel, cRequestedProtseqs, pRequestedProtseqs
 */
int scm_request_parse(const ActivationProperty *property, ScmRequest *ret_request)
{
    Reader reader = open_property(property);
    ScmRequest request = {0};
    bool has_reserved = ndr_referent_read(&reader), has_request = ndr_referent_read(&reader);
    if (has_reserved) (void)ndr_u32_read(&reader);
    if (!has_request) reader_fail(&reader); /* "This field MUST NOT be NULL" */
    request.client_level = ndr_u32_read(&reader);
    uint16_t count = reader_u16(&reader);
    bool has_protseqs = ndr_referent_read(&reader);
    if (count > ACTIVATION_PROTSEQS_MAX || (count > 0 && !has_protseqs)) reader_fail(&reader);
    if (has_protseqs && ndr_u32_read(&reader) != count) reader_fail(&reader);
    for (uint16_t i = 0; i < count && !reader.failed; i++)
        request.protseqs[i] = reader_u16(&reader);
    request.protseq_count = count;
    int r = reader_status(&reader);
    if (r < 0) return r;
    *ret_request = request;
    return 0;
}

void scm_request_write(Writer *writer, const ScmRequest *request)
{
    size_t start = pickle_begin(writer);
    ndr_referent_write(writer, 0, false);
    ndr_referent_write(writer, 0, true);
    writer_u32(writer, request->client_level);
    writer_u16(writer, request->protseq_count);
    ndr_referent_write(writer, 1, true);
    writer_u32(writer, request->protseq_count);
    for (uint16_t i = 0; i < request->protseq_count; i++)
        writer_u16(writer, request->protseqs[i]);
    pickle_end(writer, start);
}

/* ScmReplyInfoData: pdwReserved, remoteReply; then Oxid, pdsaOxidBindings, ipidRemUnknown, authnHint,
 * serverVersion */
int scm_reply_parse(const ActivationProperty *property, ScmReply *ret_reply)
{
    Reader reader = open_property(property);
    ScmReply reply = {0};
    bool has_reserved = ndr_referent_read(&reader), has_reply = ndr_referent_read(&reader);
    if (has_reserved) (void)ndr_u32_read(&reader);
    if (!has_reply) reader_fail(&reader);
    reader_align(&reader, 8);
    reply.oxid = reader_u64(&reader);
    if (!ndr_referent_read(&reader)) reader_fail(&reader); /* "MUST NOT be NULL" */
    reply.rem_unknown = reader_guid(&reader);
    reply.authn_hint = reader_u32(&reader);
    com_version_read(&reader, &reply.server);
    bindings_read_ndr(&reader, &reply.bindings);
    int r = reader_status(&reader);
    if (r < 0) return r;
    *ret_reply = reply;
    return 0;
}

void scm_reply_write(Writer *writer, const ScmReply *reply)
{
    size_t start = pickle_begin(writer);
    ndr_referent_write(writer, 0, false);
    ndr_referent_write(writer, 0, true);
    writer_align(writer, 8, 0);
    writer_u64(writer, reply->oxid);
    ndr_referent_write(writer, 1, true);
    writer_guid(writer, &reply->rem_unknown);
    writer_u32(writer, reply->authn_hint);
    com_version_write(writer, reply->server);
    bindings_write_ndr(writer, &reply->bindings);
    pickle_end(writer, start);
}

static uint32_t u32_at(const uint8_t *array, uint32_t index)
{
    Reader reader;
    reader_init(&reader, array + (size_t)index * 4, 4);
    return reader_u32(&reader);
}

/* PropsOutInfo: cIfs, piid, phresults, ppIntfData. "For each array location containing a zero value, a
 * non-NULL MInterfacePointer pointer MUST be present": a reply that breaks this is refused. */
int props_out_parse(const ActivationProperty *property, PropsOut *ret_props)
{
    Reader reader = open_property(property);
    PropsOut props = {0};
    props.count = reader_u32(&reader);
    bool has_iids = ndr_referent_read(&reader), has_statuses = ndr_referent_read(&reader);
    bool has_interfaces = ndr_referent_read(&reader);
    if (!has_iids || !has_statuses || !has_interfaces || props.count < 1 || props.count > ACTIVATION_IIDS_MAX)
        reader_fail(&reader);
    props.iids = ndr_array_read(&reader, props.count, sizeof(Guid), 4);
    props.statuses = ndr_array_read(&reader, props.count, 4, 4);
    props.referents = ndr_array_read(&reader, props.count, 4, 4);
    props.objrefs = reader;
    for (uint32_t i = 0; i < props.count && !reader.failed; i++) {
        const uint8_t *data;
        size_t length;
        bool present = u32_at(props.referents, i) != 0;
        if (present != (u32_at(props.statuses, i) == 0)) reader_fail(&reader);
        if (present) interface_pointer_read(&reader, &data, &length);
    }
    int r = reader_status(&reader);
    if (r < 0) return r;
    *ret_props = props;
    return 0;
}

bool props_out_next(PropsOut *props, ActivationResult *ret_result)
{
    if (props->position >= props->count) return false;
    uint32_t index = props->position++;
    *ret_result = (ActivationResult){.iid = activation_guid(props->iids, index),
                                     .status = (HRESULT)u32_at(props->statuses, index)};
    if (u32_at(props->referents, index))
        interface_pointer_read(&props->objrefs, &ret_result->objref, &ret_result->objref_length);
    return true;
}

void props_out_write(Writer *writer, const ActivationResult *results, uint32_t count)
{
    size_t start = pickle_begin(writer);
    writer_u32(writer, count);
    for (unsigned i = 0; i < 3; i++)
        ndr_referent_write(writer, i, true);
    writer_u32(writer, count);
    for (uint32_t i = 0; i < count; i++)
        writer_guid(writer, &results[i].iid);
    writer_u32(writer, count);
    for (uint32_t i = 0; i < count; i++)
        writer_u32(writer, (uint32_t)results[i].status);
    writer_u32(writer, count);
    unsigned referent = 3;
    for (uint32_t i = 0; i < count; i++) {
        ndr_referent_write(writer, referent, results[i].objref != NULL);
        referent += results[i].objref != NULL;
    }
    for (uint32_t i = 0; i < count; i++)
        if (results[i].objref) interface_pointer_write(writer, results[i].objref, results[i].objref_length);
    pickle_end(writer, start);
}
