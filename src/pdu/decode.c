/* SPDX-License-Identifier: Apache-2.0 */
/* PDUs decoded in place. [C706] chapter 12, [MS-RPCE] 2.2.2 */
#include <string.h>
#include "pdu/fault.h"
#include "pdu/pdu.h"

#define DREP_LITTLE_ENDIAN_ASCII 0x10
#define DREP_IEEE                0x00
#define SYNTAX_SIZE              20
#define CONTEXT_FIXED_SIZE       (4 + SYNTAX_SIZE)
#define RESULT_SIZE              (4 + SYNTAX_SIZE)
#define AUTH_ALIGNMENT           4

static int parse_bind(Reader *reader, Pdu *pdu);
static int parse_bind_ack(Reader *reader, Pdu *pdu);
static int parse_bind_nak(Reader *reader, Pdu *pdu);
static int parse_call(Reader *reader, Pdu *pdu);
static int parse_fault(Reader *reader, Pdu *pdu);
static int parse_nothing(Reader *reader, Pdu *pdu);

/* `body` is the least length of what follows the common header. `strict`: nothing but padding may follow it.
 */
static const struct {
    int (*parse)(Reader *reader, Pdu *pdu);
    uint8_t body;
    bool strict;
} type_table[PDU_TYPES] = {
    [PDU_REQUEST] = {parse_call, 8, false},
    [PDU_RESPONSE] = {parse_call, 8, false},
    [PDU_FAULT] = {parse_fault, 16, false},
    [PDU_BIND] = {parse_bind, 9, true}, /* an empty list may end with its count */
    [PDU_BIND_ACK] = {parse_bind_ack, 16, true},
    [PDU_BIND_NAK] = {parse_bind_nak, 2, false},  /* a signature and extended errors may follow */
    [PDU_ALTER_CONTEXT] = {parse_bind, 9, false}, /* Impacket repeats elements that it does not count */
    [PDU_ALTER_CONTEXT_RESP] = {parse_bind_ack, 16, false}, /* a sec_trailer without a token may follow */
    [PDU_AUTH3] = {parse_nothing, 4, false},                /* four bytes of any value */
    [PDU_SHUTDOWN] = {parse_nothing, 0, false},
    [PDU_CANCEL] = {parse_nothing, 0, false},
    [PDU_ORPHANED] = {parse_nothing, 0, false},
};

uint8_t pdu_nak_reason(int condition)
{
    /* "The server detected a protocol error": one reason for every malformation. [MS-RPCE] 2.2.2.5 */
    (void)condition;
    return PDU_NAK_VERSION;
}

uint32_t pdu_fault_status(int condition)
{
    (void)condition;
    return NCA_S_PROTO_ERROR; /* [MS-RPCE] 3.3.3.5.7 */
}

const char *pdu_condition_text(int condition)
{
    static const char *const texts[] = {
        [PDU_BAD_VERSION] = "not version 5 of the protocol",
        [PDU_BAD_DREP] = "not little-endian, ASCII and IEEE",
        [PDU_BAD_TYPE] = "no type of PDU that there is",
        [PDU_BAD_LENGTH] = "malformed: a length that does not fit",
        [PDU_BAD_BODY] = "malformed: counts or lists that do not fit",
        [PDU_BAD_TRAILER] = "malformed: the sec_trailer is not where it should be",
    };
    const char *text = condition > 0 && (size_t)condition < ARRAY_SIZE(texts) ? texts[condition] : NULL;
    return text ? text : "malformed";
}

const char *pdu_type_name(uint8_t type)
{
    static const char *const names[PDU_TYPES] = {
        [PDU_REQUEST] = "request",
        [PDU_RESPONSE] = "response",
        [PDU_FAULT] = "fault",
        [PDU_BIND] = "bind",
        [PDU_BIND_ACK] = "bind_ack",
        [PDU_BIND_NAK] = "bind_nak",
        [PDU_ALTER_CONTEXT] = "alter_context",
        [PDU_ALTER_CONTEXT_RESP] = "alter_context_resp",
        [PDU_AUTH3] = "rpc_auth_3",
        [PDU_SHUTDOWN] = "shutdown",
        [PDU_CANCEL] = "co_cancel",
        [PDU_ORPHANED] = "orphaned",
    };
    return type < PDU_TYPES && names[type] ? names[type] : "PDU";
}

int pdu_header_parse(const uint8_t bytes[PDU_HEADER_SIZE], PduHeader *ret_header)
{
    Reader reader;
    reader_init(&reader, bytes, PDU_HEADER_SIZE);
    uint8_t major = reader_u8(&reader);
    PduHeader header = {0};
    header.minor = reader_u8(&reader);
    header.type = reader_u8(&reader);
    header.flags = reader_u8(&reader);
    uint8_t integers = reader_u8(&reader), floats = reader_u8(&reader);
    reader_skip(&reader, 2);
    header.frag_length = reader_u16(&reader);
    header.auth_length = reader_u16(&reader);
    header.call_id = reader_u32(&reader);

    if (major != 5 || header.minor > 1) return PDU_BAD_VERSION;
    if (integers != DREP_LITTLE_ENDIAN_ASCII || floats != DREP_IEEE) return PDU_BAD_DREP;
    if (header.type >= PDU_TYPES || !type_table[header.type].parse) return PDU_BAD_TYPE;
    size_t least = PDU_HEADER_SIZE + type_table[header.type].body;
    if (header.auth_length) least += PDU_TRAILER_SIZE + header.auth_length;
    if (header.frag_length < least) return PDU_BAD_LENGTH;
    *ret_header = header;
    return 0;
}

/* The sec_trailer lies at frag_length - auth_length - 8, aligned to 4 (Windows aligns stubs to 16, Impacket
 * to 4). */
static int parse_trailer(const uint8_t *data, Pdu *pdu)
{
    pdu->trailer.offset = pdu->header.frag_length;
    if (pdu->header.auth_length == 0) return 0;
    size_t offset = pdu->header.frag_length - pdu->header.auth_length - PDU_TRAILER_SIZE;
    if (offset % AUTH_ALIGNMENT != 0) return PDU_BAD_TRAILER;

    Reader reader;
    reader_init(&reader, data + offset, PDU_TRAILER_SIZE);
    pdu->trailer.offset = offset;
    pdu->trailer.type = reader_u8(&reader);
    pdu->trailer.level = reader_u8(&reader);
    pdu->trailer.pad_length = reader_u8(&reader);
    reader_skip(&reader, 1);
    pdu->trailer.context_id = reader_u32(&reader);
    pdu->trailer.token = data + offset + PDU_TRAILER_SIZE;
    pdu->trailer.token_length = pdu->header.auth_length;
    /* Only where there is a stub does it say where that ends; elsewhere Windows' limit is all that is
     * checked. */
    size_t body = offset > PDU_STUB_OFFSET ? offset - PDU_STUB_OFFSET : 0;
    return pdu->trailer.pad_length > body ? PDU_BAD_TRAILER : 0;
}

int pdu_parse(const uint8_t *data, size_t length, Pdu *ret_pdu)
{
    if (length < PDU_HEADER_SIZE) return PDU_BAD_LENGTH;
    Pdu pdu = {0};
    int r = pdu_header_parse(data, &pdu.header);
    if (r) return r;
    if (pdu.header.frag_length != length) return PDU_BAD_LENGTH;
    r = parse_trailer(data, &pdu);
    if (r) return r;

    Reader reader; /* ends where the sec_trailer begins */
    reader_init(&reader, data, pdu.trailer.offset);
    reader_skip(&reader, PDU_HEADER_SIZE);
    r = type_table[pdu.header.type].parse(&reader, &pdu);
    if (r) return r;
    if (reader_status(&reader) < 0) return PDU_BAD_BODY;
    if (type_table[pdu.header.type].strict && reader_left(&reader) >= (pdu.trailer.token ? PDU_AUTH_PAD : 1))
        return PDU_BAD_BODY;
    *ret_pdu = pdu;
    return 0;
}

static PduSyntax read_syntax(Reader *reader)
{
    PduSyntax syntax;
    syntax.uuid = reader_guid(reader);
    syntax.major = reader_u16(reader);
    syntax.minor = reader_u16(reader);
    return syntax;
}

/* p_cont_elem_t: p_cont_id u16, n_transfer_syn u8, reserved u8, abstract_syntax, transfer_syntaxes[] */
static void read_context(Reader *reader, PduContext *context)
{
    context->id = reader_u16(reader);
    context->transfer_count = reader_u8(reader);
    reader_skip(reader, 1);
    context->abstract = read_syntax(reader);
    context->transfers = reader_bytes(reader, (size_t)context->transfer_count * SYNTAX_SIZE);
}

/* max_xmit_frag u16, max_recv_frag u16, assoc_group_id u32, n_context_elem u8, reserved u8, reserved2 u16,
 * p_cont_elem[]. [C706] 12.6.4.3 */
static int parse_bind(Reader *reader, Pdu *pdu)
{
    PduBind *bind = &pdu->bind;
    bind->max_xmit = reader_u16(reader);
    bind->max_recv = reader_u16(reader);
    bind->group = reader_u32(reader);
    bind->count = reader_u8(reader);
    if (bind->count > 0 || reader_left(reader) >= 3) reader_skip(reader, 3);
    if (!reader_count(reader, bind->count, CONTEXT_FIXED_SIZE)) return PDU_BAD_BODY;
    size_t first = reader->offset;
    for (unsigned i = 0; i < bind->count; i++) {
        PduContext context;
        read_context(reader, &context);
    }
    bind->list = reader->data + first;
    bind->list_length = reader->offset - first;
    return 0;
}

/* max_xmit_frag, max_recv_frag, assoc_group_id, sec_addr (u16 length with NUL, bytes), pad to 4, n_results
 * u8, reserved u8, reserved2 u16, p_results[]. [C706] 12.6.4.4 */
static int parse_bind_ack(Reader *reader, Pdu *pdu)
{
    PduBind *bind = &pdu->bind;
    bind->max_xmit = reader_u16(reader);
    bind->max_recv = reader_u16(reader);
    bind->group = reader_u32(reader);
    size_t length = reader_u16(reader);
    bind->address = (const char *)reader_bytes(reader, length);
    if (bind->address && length > 0) {
        if (bind->address[length - 1] != '\0') return PDU_BAD_BODY;
        bind->address_length = length - 1;
    }
    reader_align(reader, AUTH_ALIGNMENT);
    bind->count = reader_u8(reader);
    reader_skip(reader, 3);
    bind->list_length = (size_t)bind->count * RESULT_SIZE;
    bind->list = reader_bytes(reader, bind->list_length);
    return 0;
}

/* provider_reject_reason u16, n_protocols u8, (major, minor)[]. The list is only informative and often
 * missing. */
static int parse_bind_nak(Reader *reader, Pdu *pdu)
{
    pdu->nak.reason = reader_u16(reader);
    if (reader_left(reader) == 0) return 0;
    uint8_t count = reader_u8(reader);
    const uint8_t *versions = reader_left(reader) >= 2u * count ? reader_bytes(reader, 2u * count) : NULL;
    if (versions) {
        pdu->nak.version_count = count;
        pdu->nak.versions = versions;
    }
    return 0;
}

/* What is left of the body is stub and padding. */
static int take_stub(Reader *reader, Pdu *pdu)
{
    if (reader_status(reader) < 0) return PDU_BAD_BODY;
    pdu->call.stub_offset = reader->offset;
    pdu->call.stub_length = reader_left(reader);
    return pdu->trailer.pad_length > pdu->call.stub_length ? PDU_BAD_TRAILER : 0;
}

/* request:  alloc_hint u32, p_cont_id u16, opnum u16, object uuid if PFC_OBJECT_UUID, stub
 * response: alloc_hint u32, p_cont_id u16, cancel_count u8, reserved u8, stub. [C706] 12.6.4.9, 12.6.4.10 */
static int parse_call(Reader *reader, Pdu *pdu)
{
    PduCall *call = &pdu->call;
    call->alloc_hint = reader_u32(reader);
    call->context_id = reader_u16(reader);
    if (pdu->header.type == PDU_REQUEST) {
        call->opnum = reader_u16(reader);
        call->has_object = pdu->header.flags & PDU_OBJECT_UUID;
        if (call->has_object) call->object = reader_guid(reader);
    } else {
        call->cancel_count = reader_u8(reader);
        reader_skip(reader, 1);
    }
    return take_stub(reader, pdu);
}

/* alloc_hint u32, p_cont_id u16, cancel_count u8, flags u8, status u32, reserved2 u32. [MS-RPCE] 2.2.2.8 */
static int parse_fault(Reader *reader, Pdu *pdu)
{
    PduCall *call = &pdu->call;
    call->alloc_hint = reader_u32(reader);
    call->context_id = reader_u16(reader);
    call->cancel_count = reader_u8(reader);
    call->fault_flags = reader_u8(reader);
    call->status = reader_u32(reader);
    reader_skip(reader, 4);
    return take_stub(reader, pdu);
}

static int parse_nothing(Reader *reader, Pdu *pdu)
{
    (void)reader;
    (void)pdu;
    return 0;
}

void pdu_list_init(PduList *list, const PduBind *bind)
{
    reader_init(&list->reader, bind->list, bind->list_length);
    list->left = bind->count;
}

bool pdu_context_next(PduList *list, PduContext *ret_context)
{
    if (list->left == 0) return false;
    PduContext context;
    read_context(&list->reader, &context);
    if (reader_status(&list->reader) < 0) return false;
    list->left--;
    *ret_context = context;
    return true;
}

bool pdu_result_next(PduList *list, PduResult *ret_result)
{
    if (list->left == 0) return false;
    PduResult result;
    result.result = reader_u16(&list->reader);
    result.reason = reader_u16(&list->reader);
    result.transfer = read_syntax(&list->reader);
    if (reader_status(&list->reader) < 0) return false;
    list->left--;
    *ret_result = result;
    return true;
}

PduSyntax pdu_context_transfer(const PduContext *context, unsigned index)
{
    Reader reader;
    reader_init(&reader, context->transfers, (size_t)context->transfer_count * SYNTAX_SIZE);
    reader_skip(&reader, (size_t)index * SYNTAX_SIZE);
    return read_syntax(&reader);
}
