/* SPDX-License-Identifier: Apache-2.0 */
/* PDUs encoded into a writer. [C706] chapter 12, [MS-RPCE] 2.2.2 */
#include <errno.h>
#include <string.h>
#include "pdu/pdu.h"

#define OFFSET_TYPE        2
#define OFFSET_FLAGS       3
#define OFFSET_FRAG_LENGTH 8
#define OFFSET_AUTH_LENGTH 10
#define OBJECT_SIZE        16

static void fail(Writer *writer, int error)
{
    if (!writer->error) writer->error = error;
}

static void put_syntax(Writer *writer, const PduSyntax *syntax)
{
    writer_guid(writer, &syntax->uuid);
    writer_u16(writer, syntax->major);
    writer_u16(writer, syntax->minor);
}

/* Pads to a multiple of 4 counted from the start of the PDU, wherever that is in the writer. */
static uint8_t pad_from(Writer *writer, size_t first, size_t alignment)
{
    if (writer->error) return 0;
    size_t pad = -(writer->length - first) & (alignment - 1);
    writer_fill(writer, 0, pad);
    return (uint8_t)pad;
}

size_t pdu_begin(Writer *writer, PduType type, uint8_t flags, uint32_t call_id)
{
    size_t start = writer->length;
    writer_u8(writer, 5);
    writer_u8(writer, 0);
    writer_u8(writer, (uint8_t)type);
    writer_u8(writer, flags);
    writer_u32(writer, 0x10); /* drep: little-endian, ASCII, IEEE */
    writer_u32(writer, 0);    /* frag_length and auth_length are patched */
    writer_u32(writer, call_id);
    return start;
}

void pdu_end(Writer *writer, size_t start)
{
    if (writer->error) return;
    size_t length = writer->length - start;
    if (length > PDU_FRAGMENT_MAX)
        fail(writer, -E2BIG);
    else
        writer_patch_u16(writer, start + OFFSET_FRAG_LENGTH, (uint16_t)length);
}

void pdu_patch_lengths(Writer *writer, size_t start, size_t frag_length, size_t auth_length)
{
    if (writer->error) return;
    if (frag_length > PDU_FRAGMENT_MAX || auth_length > frag_length) {
        fail(writer, -E2BIG);
        return;
    }
    writer_patch_u16(writer, start + OFFSET_FRAG_LENGTH, (uint16_t)frag_length);
    writer_patch_u16(writer, start + OFFSET_AUTH_LENGTH, (uint16_t)auth_length);
}

void pdu_put_bind(Writer *writer, uint16_t max_xmit, uint16_t max_recv, uint32_t group, uint8_t context_count)
{
    writer_u16(writer, max_xmit);
    writer_u16(writer, max_recv);
    writer_u32(writer, group);
    writer_u8(writer, context_count);
    writer_fill(writer, 0, 3);
}

void pdu_put_context(Writer *writer, uint16_t id, const PduSyntax *abstract, const PduSyntax *transfers,
                     uint8_t transfer_count)
{
    writer_u16(writer, id);
    writer_u8(writer, transfer_count);
    writer_u8(writer, 0);
    put_syntax(writer, abstract);
    for (unsigned i = 0; i < transfer_count; i++)
        put_syntax(writer, &transfers[i]);
}

void pdu_put_bind_ack(Writer *writer, size_t start, uint16_t max_xmit, uint16_t max_recv, uint32_t group,
                      const char *address, uint8_t result_count)
{
    size_t length = strlen(address);
    writer_u16(writer, max_xmit);
    writer_u16(writer, max_recv);
    writer_u32(writer, group);
    /* An empty secondary address has length 0, as alter_context_resp of Windows. */
    writer_u16(writer, (uint16_t)(length ? length + 1 : 0));
    if (length >= UINT16_MAX)
        fail(writer, -E2BIG);
    else if (length)
        writer_bytes(writer, address, length + 1);
    (void)pad_from(writer, start, 4);
    writer_u8(writer, result_count);
    writer_fill(writer, 0, 3);
}

void pdu_put_result(Writer *writer, uint16_t result, uint16_t reason, const PduSyntax *transfer)
{
    static const PduSyntax none;
    writer_u16(writer, result);
    writer_u16(writer, reason);
    put_syntax(writer, transfer ? transfer : &none);
}

void pdu_put_bind_nak(Writer *writer, uint16_t reason)
{
    writer_u16(writer, reason);
    writer_u8(writer, 1); /* the one version there is: 5.0 */
    writer_u8(writer, 5);
    writer_u8(writer, 0);
    writer_fill(writer, 0, 3); /* padding: Windows sends it and Samba reads it */
}

void pdu_put_auth3(Writer *writer)
{
    writer_u32(writer, 0);
}

void pdu_put_request(Writer *writer, size_t start, uint32_t alloc_hint, uint16_t context_id, uint16_t opnum,
                     const Guid *object)
{
    writer_u32(writer, alloc_hint);
    writer_u16(writer, context_id);
    writer_u16(writer, opnum);
    if (!object) return;
    writer_guid(writer, object);
    if (!writer->error) writer->data[start + OFFSET_FLAGS] |= PDU_OBJECT_UUID;
}

void pdu_put_response(Writer *writer, uint32_t alloc_hint, uint16_t context_id, uint8_t cancel_count)
{
    writer_u32(writer, alloc_hint);
    writer_u16(writer, context_id);
    writer_u8(writer, cancel_count);
    writer_u8(writer, 0);
}

void pdu_put_fault(Writer *writer, uint16_t context_id, uint8_t cancel_count, uint32_t status)
{
    writer_u32(writer,
               0x20); /* alloc_hint as Windows fills it: no extended error information. [MS-RPCE] 2.2.2.8 */
    writer_u16(writer, context_id);
    writer_u8(writer, cancel_count);
    writer_u8(writer, 0);
    writer_u32(writer, status);
    writer_u32(writer, 0);
}

/* Stubs are padded counted from their own start, everything else from the start of the PDU. */
static size_t pad_origin(const Writer *writer, size_t start)
{
    uint8_t type = writer->data[start + OFFSET_TYPE], flags = writer->data[start + OFFSET_FLAGS];
    if (type == PDU_RESPONSE || type == PDU_FAULT) return start + PDU_STUB_OFFSET;
    if (type == PDU_REQUEST) return start + PDU_STUB_OFFSET + (flags & PDU_OBJECT_UUID ? OBJECT_SIZE : 0);
    return start;
}

size_t pdu_put_trailer(Writer *writer, size_t start, const PduTrailer *trailer, size_t alignment)
{
    if (writer->error) return 0;
    if (trailer->token_length > UINT16_MAX) {
        fail(writer, -E2BIG);
        return 0;
    }
    uint8_t pad = pad_from(writer, pad_origin(writer, start), alignment);
    writer_u8(writer, trailer->type);
    writer_u8(writer, trailer->level);
    writer_u8(writer, pad);
    writer_u8(writer, 0);
    writer_u32(writer, trailer->context_id);
    size_t token = writer->length;
    if (trailer->token)
        writer_bytes(writer, trailer->token, trailer->token_length);
    else
        writer_fill(writer, 0, trailer->token_length);
    if (writer->error) return 0;
    writer_patch_u16(writer, start + OFFSET_AUTH_LENGTH, (uint16_t)trailer->token_length);
    return token;
}
