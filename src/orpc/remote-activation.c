/* SPDX-License-Identifier: Apache-2.0 */
/* The stub of IActivation::RemoteActivation. */
#include "orpc/remote-activation.h"
#include "rpc/stub.h"

const Guid IID_ACTIVATION = {0x4d9f4ab8, 0x7d1c, 0x11cf, {0x86, 0x1e, 0x00, 0x20, 0xaf, 0x6e, 0x7c, 0x57}};

/* [in, string, unique] wchar_t *pwszObjectName: only that it is there matters. */
static bool read_name(Reader *reader)
{
    if (!ndr_referent_read(reader)) return false;
    uint32_t maximum = ndr_u32_read(reader), offset = reader_u32(reader), units = reader_u32(reader);
    if (offset || units > maximum) reader_fail(reader);
    if (reader_count(reader, units, 2)) reader_skip(reader, (size_t)units * 2);
    return true;
}

static bool read_storage(Reader *reader)
{
    const uint8_t *data;
    size_t length;
    if (!ndr_referent_read(reader)) return false;
    interface_pointer_read(reader, &data, &length);
    return true;
}

void remote_activation_in_read(Reader *reader, RemoteActivationIn *ret_in)
{
    RemoteActivationIn in = {0};
    *ret_in = in;
    orpc_this_read(reader, &in.orpc);
    in.clsid = reader_guid(reader);
    in.has_name = read_name(reader);
    in.has_storage = read_storage(reader);
    in.client_level = ndr_u32_read(reader);
    in.mode = reader_u32(reader);
    in.iid_count = reader_u32(reader);
    if (in.iid_count < 1 || in.iid_count > ACTIVATION_IIDS_MAX) reader_fail(reader);
    /* [in, unique, size_is(Interfaces)] IID *pIIDs: null makes no sense with at least one interface. */
    if (!ndr_referent_read(reader)) reader_fail(reader);
    in.iids = ndr_array_read(reader, in.iid_count, sizeof(Guid), 4);
    in.protseq_count = reader_u16(reader);
    if (ndr_u32_read(reader) != in.protseq_count || in.protseq_count > ACTIVATION_PROTSEQS_MAX)
        reader_fail(reader);
    for (uint16_t i = 0; i < in.protseq_count && !reader->failed; i++)
        in.protseqs[i] = reader_u16(reader);
    if (!reader->failed) *ret_in = in;
}

void remote_activation_in_write(Writer *writer, const RemoteActivationIn *in)
{
    orpc_this_write(writer, &in->orpc);
    writer_guid(writer, &in->clsid);
    ndr_referent_write(writer, 0, false);
    ndr_referent_write(writer, 0, false);
    writer_u32(writer, in->client_level);
    writer_u32(writer, in->mode);
    writer_u32(writer, in->iid_count);
    ndr_referent_write(writer, 0, true);
    ndr_array_write(writer, in->iids, in->iid_count, sizeof(Guid), 4);
    writer_u16(writer, in->protseq_count);
    ndr_u32_write(writer, in->protseq_count);
    for (uint16_t i = 0; i < in->protseq_count; i++)
        writer_u16(writer, in->protseqs[i]);
}

/* ppInterfaceData: pointers, then what they point to; then pResults. */
static uint32_t read_results(Reader *reader, ActivationResult *results, uint32_t capacity)
{
    uint32_t count = ndr_u32_read(reader);
    if (count > capacity) reader_fail(reader);
    if (!reader_count(reader, count, 4)) return 0;
    Reader referents = reader_sub(reader, (size_t)count * 4);
    for (uint32_t i = 0; i < count; i++) {
        results[i] = (ActivationResult){0};
        if (reader_u32(&referents))
            interface_pointer_read(reader, &results[i].objref, &results[i].objref_length);
    }
    if (ndr_u32_read(reader) != count || !reader_count(reader, count, 4)) reader_fail(reader);
    for (uint32_t i = 0; i < count && !reader->failed; i++)
        results[i].status = (HRESULT)reader_u32(reader);
    return count;
}

void remote_activation_out_read(Reader *reader, ActivationResult *ret_results, uint32_t capacity,
                                RemoteActivationOut *ret_out)
{
    RemoteActivationOut out = {0};
    *ret_out = out;
    orpc_that_read(reader, &out.orpc);
    reader_align(reader, 8);
    out.scm.oxid = reader_u64(reader);
    if (ndr_referent_read(reader)) bindings_read_ndr(reader, &out.scm.bindings);
    reader_align(reader, 4);
    out.scm.rem_unknown = reader_guid(reader);
    out.scm.authn_hint = reader_u32(reader);
    com_version_read(reader, &out.scm.server);
    out.result = (HRESULT)ndr_u32_read(reader);
    out.count = read_results(reader, ret_results, capacity);
    out.results = ret_results;
    out.status = ndr_u32_read(reader);
    if (!reader->failed) *ret_out = out;
}

void remote_activation_out_write(Writer *writer, const RemoteActivationOut *out)
{
    bool made = out->result >= 0;
    orpc_that_write(writer, &out->orpc);
    writer_align(writer, 8, 0);
    writer_u64(writer, out->scm.oxid);
    ndr_referent_write(writer, 0, out->scm.bindings.data != NULL);
    if (out->scm.bindings.data) bindings_write_ndr(writer, &out->scm.bindings);
    writer_align(writer, 4, 0);
    writer_guid(writer, &out->scm.rem_unknown);
    writer_u32(writer, out->scm.authn_hint);
    com_version_write(writer, out->scm.server);
    ndr_u32_write(writer, (uint32_t)out->result);
    ndr_u32_write(writer, out->count);
    for (uint32_t i = 0; i < out->count; i++)
        ndr_referent_write(writer, 1 + i, made && out->results[i].objref);
    for (uint32_t i = 0; made && i < out->count; i++)
        if (out->results[i].objref)
            interface_pointer_write(writer, out->results[i].objref, out->results[i].objref_length);
    ndr_u32_write(writer, out->count);
    for (uint32_t i = 0; i < out->count; i++)
        writer_u32(writer, made ? (uint32_t)out->results[i].status : 0);
    ndr_u32_write(writer, out->status);
}
