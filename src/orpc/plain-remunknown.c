/* SPDX-License-Identifier: Apache-2.0 */
/* Stubs of IRemUnknown and IRemUnknown2. */
#include "orpc/plain.h"
#include "rpc/stub.h"

const Guid IID_REM_UNKNOWN = {0x00000131, 0, 0, {0xc0, 0, 0, 0, 0, 0, 0, 0x46}};
const Guid IID_REM_UNKNOWN2 = {0x00000143, 0, 0, {0xc0, 0, 0, 0, 0, 0, 0, 0x46}};

static void read_iids(Reader *reader, RemQueryInterfaceIn *in)
{
    uint16_t count = reader_u16(reader);
    if (count > PLAIN_INTERFACES_MAX) reader_fail(reader);
    in->iids = ndr_array_read(reader, count, sizeof(Guid), 4);
    in->iid_count = in->iids ? count : 0;
}

static void write_iids(Writer *writer, const RemQueryInterfaceIn *in)
{
    writer_u16(writer, in->iid_count);
    ndr_array_write(writer, in->iids, in->iid_count, sizeof(Guid), 4);
}

/* [in] REFIPID ripid, [in] unsigned long cRefs, [in] unsigned short cIids, [in, size_is(cIids)] IID *iids */
void rem_query_interface_in_read(Reader *reader, RemQueryInterfaceIn *ret_in)
{
    *ret_in = (RemQueryInterfaceIn){0};
    reader_align(reader, 4);
    ret_in->ipid = reader_guid(reader);
    ret_in->public_refs = reader_u32(reader);
    read_iids(reader, ret_in);
}

void rem_query_interface_in_write(Writer *writer, const RemQueryInterfaceIn *in)
{
    writer_align(writer, 4, 0);
    writer_guid(writer, &in->ipid);
    writer_u32(writer, in->public_refs);
    write_iids(writer, in);
}

/* The same without cRefs. */
void rem_query_interface2_in_read(Reader *reader, RemQueryInterfaceIn *ret_in)
{
    *ret_in = (RemQueryInterfaceIn){0};
    reader_align(reader, 4);
    ret_in->ipid = reader_guid(reader);
    read_iids(reader, ret_in);
}

void rem_query_interface2_in_write(Writer *writer, const RemQueryInterfaceIn *in)
{
    writer_align(writer, 4, 0);
    writer_guid(writer, &in->ipid);
    write_iids(writer, in);
}

/* REMQIRESULT: HRESULT hResult; STDOBJREF std, which aligns to 8. */
static void read_result(Reader *reader, RemQueryResult *ret_result)
{
    reader_align(reader, 8);
    ret_result->status = (HRESULT)reader_u32(reader);
    reader_align(reader, 8);
    std_objref_read(reader, &ret_result->std);
}

/* The maximum count of an array of results, each at least `size` bytes; no more than the caller has room for.
 */
static uint32_t read_count(Reader *reader, size_t size, size_t capacity)
{
    uint32_t count = ndr_u32_read(reader);
    if (count > capacity) reader_fail(reader);
    return reader_count(reader, count, size) ? count : 0;
}

/* [out, size_is(,cIids)] PREMQIRESULT *ppQIResults */
size_t rem_query_interface_out_read(Reader *reader, RemQueryResult *ret_results, size_t capacity,
                                    HRESULT *ret_status)
{
    uint32_t count = 0;
    if (ndr_referent_read(reader)) count = read_count(reader, QI_RESULT_SIZE, capacity);
    for (uint32_t i = 0; i < count; i++)
        read_result(reader, &ret_results[i]);
    *ret_status = (HRESULT)ndr_u32_read(reader);
    return reader->failed ? 0 : count;
}

void rem_query_interface_out_write(Writer *writer, const RemQueryResult *results, uint16_t count,
                                   HRESULT status)
{
    ndr_referent_write(writer, 0, results != NULL);
    if (results) ndr_u32_write(writer, count);
    for (uint16_t i = 0; results && i < count; i++) {
        writer_align(writer, 8, 0);
        writer_u32(writer, (uint32_t)results[i].status);
        writer_align(writer, 8, 0);
        std_objref_write(writer, &results[i].std);
    }
    ndr_u32_write(writer, (uint32_t)status);
}

/* [out, size_is(cIids)] HRESULT *phr, [out, size_is(cIids)] PMInterfacePointerInternal *ppMIF: all pointers,
 * then what they point to. */
size_t rem_query_interface2_out_read(Reader *reader, RemQuery2Result *ret_results, size_t capacity,
                                     HRESULT *ret_status)
{
    uint32_t count = read_count(reader, 4, capacity);
    for (uint32_t i = 0; i < count; i++)
        ret_results[i] = (RemQuery2Result){.status = (HRESULT)reader_u32(reader)};
    const uint8_t *referents = ndr_array_read(reader, count, 4, 4);
    static const uint8_t null_pointer[4];
    for (uint32_t i = 0; referents && i < count; i++)
        if (memcmp(referents + 4 * i, null_pointer, 4) != 0)
            interface_pointer_read(reader, &ret_results[i].objref, &ret_results[i].objref_length);
    *ret_status = (HRESULT)ndr_u32_read(reader);
    return reader->failed ? 0 : count;
}

void rem_query_interface2_out_write(Writer *writer, const RemQuery2Result *results, uint16_t count,
                                    HRESULT status)
{
    ndr_u32_write(writer, count);
    for (uint16_t i = 0; i < count; i++)
        writer_u32(writer, (uint32_t)results[i].status);
    ndr_u32_write(writer, count);
    unsigned referent = 0;
    for (uint16_t i = 0; i < count; i++) {
        ndr_referent_write(writer, referent, results[i].objref != NULL);
        referent += results[i].objref != NULL;
    }
    for (uint16_t i = 0; i < count; i++)
        if (results[i].objref) interface_pointer_write(writer, results[i].objref, results[i].objref_length);
    ndr_u32_write(writer, (uint32_t)status);
}

/* [in] unsigned short cInterfaceRefs, [in, size_is(cInterfaceRefs)] REMINTERFACEREF InterfaceRefs[] */
void rem_references_in_read(Reader *reader, RemReferencesIn *ret_in)
{
    *ret_in = (RemReferencesIn){0};
    reader_align(reader, 2);
    uint16_t count = reader_u16(reader);
    if (count > PLAIN_INTERFACES_MAX) reader_fail(reader);
    ret_in->references = ndr_array_read(reader, count, REFERENCE_SIZE, 4);
    ret_in->count = ret_in->references ? count : 0;
}

RemReference rem_reference_at(const RemReferencesIn *in, size_t index)
{
    Reader reader;
    RemReference reference;
    reader_init(&reader, in->references + index * REFERENCE_SIZE, REFERENCE_SIZE);
    reference.ipid = reader_guid(&reader);
    reference.public_refs = reader_u32(&reader);
    reference.private_refs = reader_u32(&reader);
    return reference;
}

void rem_references_in_write(Writer *writer, const RemReference *references, uint16_t count)
{
    writer_align(writer, 2, 0);
    writer_u16(writer, count);
    ndr_u32_write(writer, count);
    for (uint16_t i = 0; i < count; i++) {
        writer_guid(writer, &references[i].ipid);
        writer_u32(writer, references[i].public_refs);
        writer_u32(writer, references[i].private_refs);
    }
}

size_t rem_add_ref_out_read(Reader *reader, HRESULT *ret_results, size_t capacity, HRESULT *ret_status)
{
    uint32_t count = read_count(reader, 4, capacity);
    for (uint32_t i = 0; i < count; i++)
        ret_results[i] = (HRESULT)reader_u32(reader);
    *ret_status = (HRESULT)ndr_u32_read(reader);
    return reader->failed ? 0 : count;
}

void rem_add_ref_out_write(Writer *writer, const HRESULT *results, uint16_t count, HRESULT status)
{
    ndr_u32_write(writer, count);
    for (uint16_t i = 0; i < count; i++)
        writer_u32(writer, (uint32_t)results[i]);
    ndr_u32_write(writer, (uint32_t)status);
}
