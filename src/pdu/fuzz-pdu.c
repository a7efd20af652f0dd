/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as one PDU; what decodes is walked to its end.
 * Decoder: src/pdu/decode.c
 * Decoder: src/pdu/verification.c
 */
#include <assert.h>
#include <string.h>
#include "pdu/fault.h"
#include "pdu/pdu.h"
#include "pdu/verification.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk_contexts(const Pdu *pdu)
{
    PduList list;
    PduContext context;
    unsigned count = 0;
    pdu_list_init(&list, &pdu->bind);
    for (; pdu_context_next(&list, &context); count++) {
        for (unsigned i = 0; i < context.transfer_count; i++) {
            PduSyntax syntax = pdu_context_transfer(&context, i);
            uint64_t bits = 0;
            if (!pdu_syntax_is_features(&syntax, &bits)) continue;
            PduSyntax again = pdu_syntax_from_features(bits);
            assert(pdu_syntax_equal(&syntax, &again));
        }
    }
    assert(count == pdu->bind.count);
}

static void walk_results(const Pdu *pdu)
{
    PduList list;
    PduResult result;
    unsigned count = 0;
    pdu_list_init(&list, &pdu->bind);
    while (pdu_result_next(&list, &result))
        count++;
    assert(count == pdu->bind.count);
}

static void walk_verification(const uint8_t *stub, size_t length)
{
    PduVerification verification;
    size_t offset;
    if (pdu_verification_find(stub, length, &offset, &verification) != 0) return;
    assert(offset < length && offset % 4 == 0);
}

static void walk_call(const Pdu *pdu, size_t size)
{
    PduSeal seal;
    pdu_seal_of(pdu, &seal);
    assert(seal.stub + seal.stub_length == seal.trailer && seal.pad_length <= seal.stub_length);
    assert(seal.trailer <= size && seal.length == size);
    if (pdu->header.type == PDU_FAULT) assert(fault_to_status(pdu->call.status) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Pdu pdu;
    int r = pdu_parse(data, size, &pdu);
    if (r) {
        assert(r > 0 && pdu_nak_reason(r) == PDU_NAK_VERSION && pdu_fault_status(r) == NCA_S_PROTO_ERROR);
        return 0;
    }
    if (pdu.trailer.token) assert(pdu.trailer.token + pdu.trailer.token_length == data + size);
    switch (pdu.header.type) {
    case PDU_BIND:
    case PDU_ALTER_CONTEXT:
        walk_contexts(&pdu);
        break;
    case PDU_BIND_ACK:
    case PDU_ALTER_CONTEXT_RESP:
        walk_results(&pdu);
        break;
    case PDU_REQUEST:
        walk_verification(data + pdu.call.stub_offset, pdu.call.stub_length - pdu.trailer.pad_length);
        walk_call(&pdu, size);
        break;
    case PDU_RESPONSE:
    case PDU_FAULT:
        walk_call(&pdu, size);
        break;
    default:
        break;
    }
    return 0;
}
