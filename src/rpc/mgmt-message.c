/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/mgmt-message.h"
#include "rpc/stub.h"

const Guid IID_MGMT = {0xafa8bd80, 0x7d8a, 0x11c9, {0xbe, 0xf4, 0x08, 0x00, 0x2b, 0x10, 0x29, 0x89}};

/* rpc_if_id_vector_t: a count and as many pointers, behind a pointer; then what they point to. */
void mgmt_if_ids_write(Writer *writer, const PduSyntax *interfaces, uint32_t count, uint32_t status)
{
    ndr_referent_write(writer, 0, true);
    writer_u32(writer, count);
    writer_u32(writer, count);
    for (uint32_t i = 0; i < count; i++)
        ndr_referent_write(writer, i + 1, true);
    for (uint32_t i = 0; i < count; i++) {
        writer_guid(writer, &interfaces[i].uuid);
        writer_u16(writer, interfaces[i].major);
        writer_u16(writer, interfaces[i].minor);
    }
    writer_u32(writer, status);
}

static uint32_t if_ids_read(Reader *reader, PduSyntax *interfaces, uint32_t capacity)
{
    uint32_t maximum = reader_u32(reader), count = reader_u32(reader), found = 0;
    if (count != maximum || count > capacity) reader_fail(reader);
    if (!reader_count(reader, count, 4)) return 0;
    Reader referents = reader_sub(reader, (size_t)count * 4);
    for (uint32_t i = 0; i < count; i++) {
        if (!reader_u32(&referents)) continue;
        interfaces[found].uuid = reader_guid(reader);
        interfaces[found].major = reader_u16(reader);
        interfaces[found++].minor = reader_u16(reader);
    }
    return found;
}

void mgmt_if_ids_read(Reader *reader, PduSyntax *ret_interfaces, uint32_t capacity, uint32_t *ret_count,
                      uint32_t *ret_status)
{
    *ret_count = ndr_referent_read(reader) ? if_ids_read(reader, ret_interfaces, capacity) : 0;
    *ret_status = reader_u32(reader);
    if (reader->failed) *ret_count = 0;
}

uint32_t mgmt_stats_in_read(Reader *reader)
{
    uint32_t count = reader_u32(reader);
    if (count > MGMT_STATS_MAX) reader_fail(reader);
    return reader->failed ? 0 : count;
}

void mgmt_stats_write(Writer *writer, const uint32_t *statistics, uint32_t count, uint32_t status)
{
    writer_u32(writer, count);
    writer_u32(writer, count);
    for (uint32_t i = 0; i < count; i++)
        writer_u32(writer, statistics[i]);
    writer_u32(writer, status);
}

void mgmt_stats_read(Reader *reader, uint32_t ret_statistics[MGMT_STATS_MAX], uint32_t *ret_count,
                     uint32_t *ret_status)
{
    uint32_t count = reader_u32(reader);
    if (count > MGMT_STATS_MAX || reader_u32(reader) != count) reader_fail(reader);
    for (uint32_t i = 0; i < count && !reader->failed; i++)
        ret_statistics[i] = reader_u32(reader);
    *ret_status = reader_u32(reader);
    *ret_count = reader->failed ? 0 : count;
}

void mgmt_listening_write(Writer *writer, uint32_t status, bool listening)
{
    writer_u32(writer, status);
    writer_u32(writer, listening);
}

void mgmt_listening_read(Reader *reader, uint32_t *ret_status, bool *ret_listening)
{
    *ret_status = reader_u32(reader);
    *ret_listening = reader_u32(reader) != 0;
}

void mgmt_principal_in_read(Reader *reader, MgmtPrincipalIn *ret_in)
{
    MgmtPrincipalIn in;
    in.authn_service = reader_u32(reader);
    in.size = reader_u32(reader);
    if (in.size > MGMT_PRINCIPAL_MAX) reader_fail(reader);
    *ret_in = reader->failed ? (MgmtPrincipalIn){0} : in;
}

void mgmt_principal_in_write(Writer *writer, const MgmtPrincipalIn *in)
{
    writer_u32(writer, in->authn_service);
    writer_u32(writer, in->size);
}

void mgmt_principal_write(Writer *writer, uint32_t size, const char *name, uint32_t status)
{
    uint32_t length = size ? (uint32_t)strlen(name) + 1 : 0;
    writer_u32(writer, size);
    writer_u32(writer, 0);
    writer_u32(writer, length);
    writer_bytes(writer, name, length);
    ndr_u32_write(writer, status);
}

void mgmt_principal_read(Reader *reader, uint32_t size, const char **ret_name, uint32_t *ret_status)
{
    uint32_t maximum = reader_u32(reader), offset = reader_u32(reader), length = reader_u32(reader);
    if (maximum != size || offset != 0 || length > maximum) reader_fail(reader);
    const uint8_t *text = reader_bytes(reader, length);
    if (text && length && memchr(text, 0, length) != text + length - 1) reader_fail(reader);
    *ret_status = ndr_u32_read(reader);
    *ret_name = reader->failed || !length ? "" : (const char *)text;
}
