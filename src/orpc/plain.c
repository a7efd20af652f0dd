/* SPDX-License-Identifier: Apache-2.0 */
/* Stubs of IObjectExporter and IRemoteSCMActivator. */
#include "orpc/plain.h"
#include "rpc/stub.h"

const Guid IID_OBJECT_EXPORTER = {
    0x99fcfec4, 0x5260, 0x101b, {0xbb, 0xcb, 0x00, 0xaa, 0x00, 0x21, 0x34, 0x7a}};
const Guid IID_SCM_ACTIVATOR = {0x000001a0, 0, 0, {0xc0, 0, 0, 0, 0, 0, 0, 0x46}};

Guid plain_guid(const uint8_t *array, size_t index)
{
    Reader reader;
    reader_init(&reader, array + index * sizeof(Guid), sizeof(Guid));
    return reader_guid(&reader);
}

uint64_t plain_u64(const uint8_t *array, size_t index)
{
    Reader reader;
    reader_init(&reader, array + index * 8, 8);
    return reader_u64(&reader);
}

/* [in] OXID *pOxid, [in] unsigned short cRequestedProtseqs, [in, ref, size_is] unsigned short
 * arRequestedProtseqs[] */
void resolve_oxid_in_read(Reader *reader, ResolveOxidIn *ret_in)
{
    *ret_in = (ResolveOxidIn){0};
    ret_in->oxid = reader_u64(reader);
    uint16_t count = reader_u16(reader);
    if (ndr_u32_read(reader) != count || count > PLAIN_PROTSEQS_MAX) reader_fail(reader);
    if (!reader_count(reader, count, 2)) return;
    for (uint16_t i = 0; i < count; i++)
        ret_in->protseqs[i] = reader_u16(reader);
    ret_in->protseq_count = count;
}

void resolve_oxid_in_write(Writer *writer, const ResolveOxidIn *in)
{
    writer_u64(writer, in->oxid);
    writer_u16(writer, in->protseq_count);
    ndr_u32_write(writer, in->protseq_count);
    for (uint16_t i = 0; i < in->protseq_count; i++)
        writer_u16(writer, in->protseqs[i]);
}

static void read_bindings(Reader *reader, Bindings *ret_bindings)
{
    *ret_bindings = (Bindings){0};
    if (ndr_referent_read(reader)) bindings_read_ndr(reader, ret_bindings);
}

static void write_bindings(Writer *writer, const Bindings *bindings)
{
    ndr_referent_write(writer, 0, bindings->data != NULL);
    if (bindings->data) bindings_write_ndr(writer, bindings);
}

/* [out, ref] DUALSTRINGARRAY **ppdsaOxidBindings, IPID *pipidRemUnknown, DWORD *pAuthnHint, COMVERSION
 * *pComVersion */
void resolve_oxid_out_read(Reader *reader, bool with_version, ResolveOxidOut *ret_out)
{
    *ret_out = (ResolveOxidOut){0};
    read_bindings(reader, &ret_out->bindings);
    reader_align(reader, 4);
    ret_out->rem_unknown = reader_guid(reader);
    ret_out->authn_hint = reader_u32(reader);
    if (with_version) com_version_read(reader, &ret_out->version);
    ret_out->status = ndr_u32_read(reader);
}

void resolve_oxid_out_write(Writer *writer, bool with_version, const ResolveOxidOut *out)
{
    write_bindings(writer, &out->bindings);
    writer_align(writer, 4, 0);
    writer_guid(writer, &out->rem_unknown);
    writer_u32(writer, out->authn_hint);
    if (with_version) com_version_write(writer, out->version);
    ndr_u32_write(writer, out->status);
}

uint64_t simple_ping_in_read(Reader *reader)
{
    return reader_u64(reader);
}

void simple_ping_in_write(Writer *writer, uint64_t set)
{
    writer_u64(writer, set);
}

/* [in, unique, size_is(count)] OID[]; a null pointer goes with a count of 0 only. */
static const uint8_t *read_oids(Reader *reader, uint16_t count)
{
    if (ndr_referent_read(reader)) return ndr_array_read(reader, count, 8, 8);
    if (count) reader_fail(reader);
    return NULL;
}

static void write_oids(Writer *writer, unsigned referent, const uint8_t *oids, uint16_t count)
{
    ndr_referent_write(writer, referent, count > 0);
    if (count) ndr_array_write(writer, oids, count, 8, 8);
}

void complex_ping_in_read(Reader *reader, ComplexPingIn *ret_in)
{
    *ret_in = (ComplexPingIn){0};
    ret_in->set = reader_u64(reader);
    ret_in->sequence = reader_u16(reader);
    uint16_t add = reader_u16(reader), remove = reader_u16(reader);
    ret_in->add = read_oids(reader, add);
    ret_in->remove = read_oids(reader, remove);
    if (reader->failed) return;
    ret_in->add_count = add;
    ret_in->remove_count = remove;
}

void complex_ping_in_write(Writer *writer, const ComplexPingIn *in)
{
    writer_u64(writer, in->set);
    writer_u16(writer, in->sequence);
    writer_u16(writer, in->add_count);
    writer_u16(writer, in->remove_count);
    write_oids(writer, 0, in->add, in->add_count);
    write_oids(writer, in->add_count > 0, in->remove, in->remove_count);
}

void complex_ping_out_read(Reader *reader, ComplexPingOut *ret_out)
{
    ret_out->set = reader_u64(reader);
    ret_out->backoff = reader_u16(reader);
    ret_out->status = ndr_u32_read(reader);
}

void complex_ping_out_write(Writer *writer, const ComplexPingOut *out)
{
    writer_u64(writer, out->set);
    writer_u16(writer, out->backoff);
    ndr_u32_write(writer, out->status);
}

uint32_t plain_status_read(Reader *reader)
{
    return ndr_u32_read(reader);
}

void plain_status_write(Writer *writer, uint32_t status)
{
    ndr_u32_write(writer, status);
}

/* [out, ref] COMVERSION *pComVersion, DUALSTRINGARRAY **ppdsaOrBindings, DWORD *pReserved */
void server_alive2_out_read(Reader *reader, ServerAlive2Out *ret_out)
{
    *ret_out = (ServerAlive2Out){0};
    com_version_read(reader, &ret_out->version);
    read_bindings(reader, &ret_out->bindings);
    (void)ndr_u32_read(reader); /* pReserved: ignored by the recipient */
    ret_out->status = ndr_u32_read(reader);
}

void server_alive2_out_write(Writer *writer, const ServerAlive2Out *out)
{
    com_version_write(writer, out->version);
    write_bindings(writer, &out->bindings);
    ndr_u32_write(writer, 0);
    ndr_u32_write(writer, out->status);
}

/* IRemoteSCMActivator */
static void read_interface(Reader *reader, const uint8_t **ret_data, size_t *ret_length)
{
    *ret_data = NULL;
    *ret_length = 0;
    if (ndr_referent_read(reader)) interface_pointer_read(reader, ret_data, ret_length);
}

static void write_interface(Writer *writer, const uint8_t *data, size_t length)
{
    ndr_referent_write(writer, 0, data != NULL);
    if (data) interface_pointer_write(writer, data, length);
}

void activate_in_read(Reader *reader, uint16_t opnum, ActivateIn *ret_in)
{
    const uint8_t *outer;
    size_t outer_length;
    *ret_in = (ActivateIn){0};
    orpc_this_read(reader, &ret_in->orpc);
    /* pUnkOuter "MUST be NULL and MUST be ignored by the recipient". [MS-DCOM] 3.1.2.5.2.3.3 */
    if (opnum == OP_CREATE_INSTANCE) read_interface(reader, &outer, &outer_length);
    read_interface(reader, &ret_in->objref, &ret_in->objref_length);
}

void activate_in_write(Writer *writer, uint16_t opnum, const ActivateIn *in)
{
    orpc_this_write(writer, &in->orpc);
    if (opnum == OP_CREATE_INSTANCE) write_interface(writer, NULL, 0);
    write_interface(writer, in->objref, in->objref_length);
}

void activate_out_read(Reader *reader, ActivateOut *ret_out)
{
    *ret_out = (ActivateOut){0};
    orpc_that_read(reader, &ret_out->orpc);
    read_interface(reader, &ret_out->objref, &ret_out->objref_length);
    ret_out->status = (HRESULT)ndr_u32_read(reader);
}

void activate_out_write(Writer *writer, const ActivateOut *out)
{
    orpc_that_write(writer, &out->orpc);
    write_interface(writer, out->objref, out->objref_length);
    ndr_u32_write(writer, (uint32_t)out->status);
}
