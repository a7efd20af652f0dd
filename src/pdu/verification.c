/* SPDX-License-Identifier: Apache-2.0 */
#include "pdu/verification.h"

#define SIGNATURE_SIZE 8
#define COMMAND_SIZE   4
#define ALIGNMENT      4

/* SEC_VT.command: the low 14 bits are the type */
#define TYPE_MASK    0x3fffu
#define TYPE_BITMASK 1u
#define TYPE_CONTEXT 2u
#define TYPE_HEADER  3u
#define FLAG_END     0x4000u
#define FLAG_MUST    0x8000u

#define BITMASK_SIZE 4
#define CONTEXT_SIZE 40
#define HEADER_SIZE  16

static const uint8_t signature[SIGNATURE_SIZE] = {0x8a, 0xe3, 0x13, 0x71, 0x02, 0xf4, 0x36, 0x71};

static PduSyntax read_syntax(Reader *reader)
{
    PduSyntax syntax = {.uuid = reader_guid(reader)};
    syntax.major = reader_u16(reader);
    syntax.minor = reader_u16(reader);
    return syntax;
}

/* rpc_sec_vt_header2: PTYPE u8, Reserved1 u8, Reserved2 u16, drep[4], call_id u32, p_cont_id u16, opnum u16
 */
static void read_header(Reader *reader, PduVerification *verification)
{
    verification->type = reader_u8(reader);
    reader_skip(reader, 3);
    for (size_t i = 0; i < sizeof(verification->drep); i++)
        verification->drep[i] = reader_u8(reader);
    verification->call_id = reader_u32(reader);
    verification->context_id = reader_u16(reader);
    verification->opnum = reader_u16(reader);
}

/* One command's body. False: not as it has to be. */
static bool read_command(Reader *body, unsigned command, PduVerification *verification)
{
    const size_t length = reader_left(body);
    switch (command & TYPE_MASK) {
    case TYPE_BITMASK:
        if (verification->has_bits || length != BITMASK_SIZE) return false;
        verification->has_bits = true;
        verification->bits = reader_u32(body);
        return true;
    case TYPE_CONTEXT:
        if (verification->has_context || length != CONTEXT_SIZE) return false;
        verification->has_context = true;
        verification->abstract = read_syntax(body);
        verification->transfer = read_syntax(body);
        return true;
    case TYPE_HEADER:
        if (verification->has_header || length != HEADER_SIZE) return false;
        verification->has_header = true;
        read_header(body, verification);
        return true;
    default:
        return !(command & FLAG_MUST);
    }
}

/* The commands behind a signature. PDU_NO_VERIFICATION: they do not end where the stub ends. */
static int read_commands(const uint8_t *data, size_t length, PduVerification *ret_verification)
{
    PduVerification verification = {0};
    Reader reader;
    unsigned command = 0;
    bool good = true;
    reader_init(&reader, data, length);
    while (!(command & FLAG_END)) {
        command = reader_u16(&reader);
        const size_t size = reader_u16(&reader);
        Reader body;
        const uint8_t *bytes = reader_bytes(&reader, size);
        if (!bytes || size % ALIGNMENT != 0) return PDU_NO_VERIFICATION;
        reader_init(&body, bytes, size);
        good = read_command(&body, command, &verification) && good;
    }
    if (reader_left(&reader) > 0) return PDU_NO_VERIFICATION;
    if (good) *ret_verification = verification;
    return good ? 0 : PDU_BAD_VERIFICATION;
}

int pdu_verification_find(const uint8_t *stub, size_t length, size_t *ret_offset,
                          PduVerification *ret_verification)
{
    const size_t least = SIGNATURE_SIZE + COMMAND_SIZE;
    if (length < least) return PDU_NO_VERIFICATION;
    size_t offset = (length - least) & ~(size_t)(ALIGNMENT - 1);
    for (;; offset -= ALIGNMENT) {
        if (length - offset > PDU_VERIFICATION_MAX) return PDU_NO_VERIFICATION;
        if (memcmp(stub + offset, signature, SIGNATURE_SIZE) == 0) {
            const size_t body = offset + SIGNATURE_SIZE;
            int r = read_commands(stub + body, length - body, ret_verification);
            if (r == 0) *ret_offset = offset;
            if (r != PDU_NO_VERIFICATION) return r;
        }
        if (offset == 0) return PDU_NO_VERIFICATION;
    }
}

static void put_syntax(Writer *writer, const PduSyntax *syntax)
{
    writer_guid(writer, &syntax->uuid);
    writer_u16(writer, syntax->major);
    writer_u16(writer, syntax->minor);
}

static void put_command(Writer *writer, unsigned type, bool last, uint16_t length)
{
    writer_u16(writer, (uint16_t)(type | (last ? FLAG_END : 0)));
    writer_u16(writer, length);
}

void pdu_put_verification(Writer *writer, size_t start, const PduVerification *verification)
{
    writer_fill(writer, 0, (start - writer->length) & (ALIGNMENT - 1));
    writer_bytes(writer, signature, SIGNATURE_SIZE);
    if (verification->has_bits) {
        put_command(writer, TYPE_BITMASK, !verification->has_context && !verification->has_header,
                    BITMASK_SIZE);
        writer_u32(writer, verification->bits);
    }
    if (verification->has_context) {
        put_command(writer, TYPE_CONTEXT, !verification->has_header, CONTEXT_SIZE);
        put_syntax(writer, &verification->abstract);
        put_syntax(writer, &verification->transfer);
    }
    if (verification->has_header) {
        put_command(writer, TYPE_HEADER, true, HEADER_SIZE);
        writer_u8(writer, verification->type);
        writer_fill(writer, 0, 3);
        writer_bytes(writer, verification->drep, sizeof(verification->drep));
        writer_u32(writer, verification->call_id);
        writer_u16(writer, verification->context_id);
        writer_u16(writer, verification->opnum);
    }
}
