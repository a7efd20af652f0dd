/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DCE/RPC connection-oriented PDUs: decoded in place, encoded into a writer. Pure.
 *
 * Little-endian, ASCII, IEEE only (design decision 1). A decoded Pdu points into the caller's bytes
 * and owns nothing; lists (presentation contexts, results) are checked by pdu_parse() and then walked.
 */
#pragma once
#include "base/cleanup.h"
#include "base/reader.h"
#include "base/writer.h"

#define PDU_HEADER_SIZE   16
#define PDU_STUB_OFFSET   24    /* where the stub of a request or response starts; 16 more with an object */
#define PDU_TRAILER_SIZE  8     /* sec_trailer without the token */
#define PDU_FRAGMENT_MAX  65535 /* frag_length has 16 bits */
#define PDU_FRAGMENT_MIN  1432  /* every implementation must take this much. [C706] 12.6.3.1 */
#define PDU_FRAGMENT_OURS 5840  /* what we announce and what Windows announces */
#define PDU_AUTH_PAD      16    /* stubs are padded to this before the sec_trailer. [MS-RPCE] 2.2.2.11 */

typedef enum PduType {
    PDU_REQUEST = 0,
    PDU_RESPONSE = 2,
    PDU_FAULT = 3,
    PDU_BIND = 11,
    PDU_BIND_ACK = 12,
    PDU_BIND_NAK = 13,
    PDU_ALTER_CONTEXT = 14,
    PDU_ALTER_CONTEXT_RESP = 15,
    PDU_AUTH3 = 16,
    PDU_SHUTDOWN = 17,
    PDU_CANCEL = 18,
    PDU_ORPHANED = 19,
    PDU_TYPES = 20, /* how many values a table indexed by type needs */
} PduType;

#define PDU_FIRST_FRAG      0x01u
#define PDU_LAST_FRAG       0x02u
#define PDU_PENDING_CANCEL  0x04u /* request, response, fault */
#define PDU_HEADER_SIGN     0x04u /* bind, bind_ack, alter_context and its answer */
#define PDU_CONC_MPX        0x10u
#define PDU_DID_NOT_EXECUTE 0x20u
#define PDU_MAYBE           0x40u
#define PDU_OBJECT_UUID     0x80u

/* bind_nak reasons. [C706] 12.6.3.1, [MS-RPCE] 2.2.2.5 */
#define PDU_NAK_NOT_SPECIFIED 0
#define PDU_NAK_CONGESTION    1
#define PDU_NAK_LIMIT         2
#define PDU_NAK_VERSION       4
#define PDU_NAK_AUTH_TYPE     8
#define PDU_NAK_CHECKSUM      9

/* Results of one presentation context, and the reasons for PDU_RESULT_PROVIDER. [MS-RPCE] 2.2.2.4 */
#define PDU_RESULT_ACCEPTED 0
#define PDU_RESULT_USER     1
#define PDU_RESULT_PROVIDER 2
#define PDU_RESULT_FEATURES 3 /* negotiate_ack: `reason` holds the feature bits */
#define PDU_REASON_NONE     0
#define PDU_REASON_ABSTRACT 1
#define PDU_REASON_TRANSFER 2
#define PDU_REASON_LIMIT    3

/* Bind-time feature bits. [MS-RPCE] 2.2.2.14 */
#define PDU_FEATURE_SECURITY_MULTIPLEX 0x01u
#define PDU_FEATURE_KEEP_ON_ORPHAN     0x02u

/* A syntax: an interface or a transfer syntax. The minor version is in the high half. */
typedef struct PduSyntax {
    Guid uuid;
    uint16_t major, minor;
} PduSyntax;

extern const PduSyntax pdu_syntax_ndr;   /* NDR 2.0 */
extern const PduSyntax pdu_syntax_ndr64; /* known, and not spoken (design decision 1) */
bool pdu_syntax_equal(const PduSyntax *a, const PduSyntax *b);
/* The feature negotiation syntax with these bits; and the reverse. */
PduSyntax pdu_syntax_from_features(uint64_t bits);
bool pdu_syntax_is_features(const PduSyntax *syntax, uint64_t *ret_bits);

typedef struct PduHeader {
    uint8_t minor, type, flags;
    uint16_t frag_length, auth_length;
    uint32_t call_id;
} PduHeader;

/* The sec_trailer and the token after it. token == NULL: the PDU has none. */
typedef struct PduTrailer {
    uint8_t type, level, pad_length;
    uint32_t context_id;
    size_t offset; /* of the sec_trailer from the start of the PDU */
    const uint8_t *token;
    size_t token_length;
} PduTrailer;

/* bind and alter_context; with `address` and results instead of contexts: their answers. */
typedef struct PduBind {
    uint16_t max_xmit, max_recv;
    uint32_t group;
    uint8_t count; /* of contexts or results */
    const uint8_t
        *list; /* their bytes, checked by pdu_parse(); walk with pdu_context_next, pdu_result_next */
    size_t list_length;
    const char *address; /* answers only: secondary address, not NUL-terminated */
    size_t address_length;
} PduBind;

typedef struct PduNak {
    uint16_t reason;
    uint8_t version_count;
    const uint8_t *versions; /* pairs of major, minor */
} PduNak;

/* request, response and fault. `stub` includes `trailer.pad_length` bytes of padding at its end. */
typedef struct PduCall {
    uint32_t alloc_hint;
    uint16_t context_id;
    uint16_t opnum;       /* request */
    bool has_object;      /* request */
    Guid object;          /* request */
    uint8_t cancel_count; /* response, fault */
    uint8_t fault_flags;  /* fault: bit 0, extended error information follows */
    uint32_t status;      /* fault */
    size_t stub_offset, stub_length;
} PduCall;

typedef struct Pdu {
    PduHeader header;
    PduTrailer trailer;
    union {
        PduBind bind; /* bind, bind_ack, alter_context, alter_context_resp */
        PduNak nak;
        PduCall call;
    };
} Pdu;

/* Named conditions of the decoders. What they are on the wire: pdu_nak_reason(), pdu_fault_status(). */
enum {
    PDU_BAD_VERSION = 1, /* rpc_vers is not 5.0 or 5.1 */
    PDU_BAD_DREP,        /* not little-endian, ASCII, IEEE */
    PDU_BAD_TYPE,        /* not a connection-oriented PDU type */
    PDU_BAD_LENGTH,      /* frag_length too small for the type, or not the bytes given */
    PDU_BAD_BODY,        /* counts, lists or strings that do not fit */
    PDU_BAD_TRAILER,     /* sec_trailer misplaced, misaligned or with more padding than body */
};
uint8_t pdu_nak_reason(int condition);
uint32_t pdu_fault_status(int condition);
/* In words, and a PDU type's name as in [C706]: static, for logs. */
const char *pdu_condition_text(int condition);
const char *pdu_type_name(uint8_t type);

/* Decode */
/* The first 16 bytes. 0, or a condition (not PDU_BAD_BODY, PDU_BAD_TRAILER). On PDU_BAD_TYPE and
 * PDU_BAD_VERSION the rest of the header is not to be believed, so nothing is returned. */
int pdu_header_parse(const uint8_t bytes[PDU_HEADER_SIZE], PduHeader *ret_header) must_use;
/* One whole fragment of exactly `length` bytes. 0 or a condition. */
int pdu_parse(const uint8_t *data, size_t length, Pdu *ret_pdu) must_use;

typedef struct PduContext {
    uint16_t id;
    PduSyntax abstract;
    uint8_t transfer_count;
    const uint8_t *transfers; /* 20 bytes each: pdu_context_transfer */
} PduContext;
typedef struct PduResult {
    uint16_t result, reason;
    PduSyntax transfer;
} PduResult;
typedef struct PduList {
    Reader reader;
    unsigned left;
} PduList;

void pdu_list_init(PduList *list, const PduBind *bind);
/* The next element; false at the end. */
bool pdu_context_next(PduList *list, PduContext *ret_context);
bool pdu_result_next(PduList *list, PduResult *ret_result);
PduSyntax pdu_context_transfer(const PduContext *context, unsigned index);

/* Encode: pdu_begin, one pdu_put_*, perhaps pdu_put_trailer, pdu_end. Several PDUs may follow each other in
 * one writer. Errors stay in the writer; a PDU above PDU_FRAGMENT_MAX is -E2BIG. */
/* Returns where the PDU starts. */
size_t pdu_begin(Writer *writer, PduType type, uint8_t flags, uint32_t call_id);
/* Patches frag_length (and auth_length 0 when there was no trailer). */
void pdu_end(Writer *writer, size_t start);
/* Patches both lengths of a PDU whose header is in the writer and whose other parts lie elsewhere
 * (pdu_seal_layout). */
void pdu_patch_lengths(Writer *writer, size_t start, size_t frag_length, size_t auth_length);
void pdu_put_bind(Writer *writer, uint16_t max_xmit, uint16_t max_recv, uint32_t group,
                  uint8_t context_count);
void pdu_put_context(Writer *writer, uint16_t id, const PduSyntax *abstract, const PduSyntax *transfers,
                     uint8_t transfer_count);
/* `address` is the secondary address (the port in text; "" in alter_context_resp). */
void pdu_put_bind_ack(Writer *writer, size_t start, uint16_t max_xmit, uint16_t max_recv, uint32_t group,
                      const char *address, uint8_t result_count);
void pdu_put_result(Writer *writer, uint16_t result, uint16_t reason, const PduSyntax *transfer);
void pdu_put_bind_nak(Writer *writer, uint16_t reason);
void pdu_put_auth3(Writer *writer);
/* The part before the stub; `object` NULL: none (the caller's flags of pdu_begin are completed). */
void pdu_put_request(Writer *writer, size_t start, uint32_t alloc_hint, uint16_t context_id, uint16_t opnum,
                     const Guid *object);
void pdu_put_response(Writer *writer, uint32_t alloc_hint, uint16_t context_id, uint8_t cancel_count);
void pdu_put_fault(Writer *writer, uint16_t context_id, uint8_t cancel_count, uint32_t status);
/* Pads to `alignment` (4 or 16) from the start of the stub or body, writes the sec_trailer and the token, or
 * room (zeroes) for it when `token` is NULL. auth_length is patched. Returns the offset of the token in the
 * writer. */
size_t pdu_put_trailer(Writer *writer, size_t start, const PduTrailer *trailer, size_t alignment);

/* Sealing geometry of one request or response fragment; offsets from the start of the PDU:
 *   [0, stub) header: signed   [stub, trailer) stub and padding: sealed   [trailer, token) sec_trailer:
 * signed   token */
typedef struct PduSeal {
    size_t stub, stub_length; /* with padding */
    size_t trailer, token, token_length;
    size_t length; /* frag_length */
    uint8_t pad_length;
} PduSeal;

/* Where everything goes for `stub_length` plain bytes. 0, or PDU_BAD_LENGTH when that is no fragment. */
int pdu_seal_layout(bool has_object, size_t stub_length, size_t token_length, PduSeal *ret_seal) must_use;
/* The same of a received PDU that has a trailer. */
void pdu_seal_of(const Pdu *pdu, PduSeal *ret_seal);
/* The most stub bytes of a fragment of at most `fragment_max` bytes, all but the last fragment a multiple
 * of 16. token_length 0: no trailer. */
size_t pdu_stub_room(size_t fragment_max, bool has_object, size_t token_length);
