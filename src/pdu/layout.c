/* SPDX-License-Identifier: Apache-2.0 */
/* Syntaxes, and the geometry of sealed fragments. */
#include <string.h>
#include "pdu/pdu.h"

#define OBJECT_SIZE   16
#define STUB_GRANULE  8 /* every fragment but the last carries a multiple of this. [C706] 12.6.3 */
#define FEATURE_MAJOR 1
#define FEATURE_MINOR 0

const PduSyntax pdu_syntax_ndr = {
    {0x8a885d04, 0x1ceb, 0x11c9, {0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60}}, 2, 0};

const PduSyntax pdu_syntax_ndr64 = {
    {0x71710533, 0xbeba, 0x4937, {0x83, 0x19, 0xb5, 0xdb, 0xef, 0x9c, 0xcc, 0x36}}, 1, 0};

/* [MS-RPCE] 3.3.1.5.3: only the prefix is fixed, the last eight bytes are the bits. */
static const Guid feature_prefix = {0x6cb71c2c, 0x9812, 0x4540, {0}};

bool pdu_syntax_equal(const PduSyntax *a, const PduSyntax *b)
{
    return guid_equal(&a->uuid, &b->uuid) && a->major == b->major && a->minor == b->minor;
}

PduSyntax pdu_syntax_from_features(uint64_t bits)
{
    PduSyntax syntax = {feature_prefix, FEATURE_MAJOR, FEATURE_MINOR};
    for (unsigned i = 0; i < 8; i++)
        syntax.uuid.data4[i] = (uint8_t)(bits >> (8 * i));
    return syntax;
}

bool pdu_syntax_is_features(const PduSyntax *syntax, uint64_t *ret_bits)
{
    const Guid *uuid = &syntax->uuid;
    if (uuid->data1 != feature_prefix.data1 || uuid->data2 != feature_prefix.data2 ||
        uuid->data3 != feature_prefix.data3)
        return false;
    if (syntax->major != FEATURE_MAJOR || syntax->minor != FEATURE_MINOR) return false;
    uint64_t bits = 0;
    for (unsigned i = 0; i < 8; i++)
        bits |= (uint64_t)uuid->data4[i] << (8 * i);
    *ret_bits = bits;
    return true;
}

int pdu_seal_layout(bool has_object, size_t stub_length, size_t token_length, PduSeal *ret_seal)
{
    if (stub_length > PDU_FRAGMENT_MAX || token_length > PDU_FRAGMENT_MAX) return PDU_BAD_LENGTH;
    PduSeal seal = {0};
    seal.stub = PDU_STUB_OFFSET + (has_object ? OBJECT_SIZE : 0);
    seal.pad_length = (uint8_t)(-stub_length & (PDU_AUTH_PAD - 1));
    seal.stub_length = stub_length + seal.pad_length;
    seal.trailer = seal.stub + seal.stub_length;
    seal.token = seal.trailer + PDU_TRAILER_SIZE;
    seal.token_length = token_length;
    seal.length = seal.token + token_length;
    if (seal.length > PDU_FRAGMENT_MAX) return PDU_BAD_LENGTH;
    *ret_seal = seal;
    return 0;
}

void pdu_seal_of(const Pdu *pdu, PduSeal *ret_seal)
{
    *ret_seal = (PduSeal){
        .stub = pdu->call.stub_offset,
        .stub_length = pdu->call.stub_length,
        .trailer = pdu->trailer.offset,
        .token = pdu->trailer.offset + PDU_TRAILER_SIZE,
        .token_length = pdu->trailer.token_length,
        .length = pdu->header.frag_length,
        .pad_length = pdu->trailer.pad_length,
    };
}

size_t pdu_stub_room(size_t fragment_max, bool has_object, size_t token_length)
{
    size_t fixed = PDU_STUB_OFFSET + (has_object ? OBJECT_SIZE : 0);
    if (token_length) fixed += PDU_TRAILER_SIZE + token_length;
    if (fragment_max > PDU_FRAGMENT_MAX) fragment_max = PDU_FRAGMENT_MAX;
    if (fragment_max <= fixed) return 0;
    size_t granule = token_length ? PDU_AUTH_PAD : STUB_GRANULE;
    return (fragment_max - fixed) & ~(granule - 1);
}
