/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verification trailer of a request: what its sender says of the header, behind the arguments, where it
 * is signed with them. [MS-RPCE] 2.2.2.13
 *
 * Where the arguments end is known only to who decodes them. The trailer ends where the stub ends, so it is
 * looked for from there backwards, and the last one that ends there is the one: whatever bytes an argument
 * holds, the sender's own trailer lies behind them.
 */
#pragma once
#include "pdu/pdu.h"

#define PDU_VERIFICATION_MAX 256 /* bytes at a stub's end in which one is looked for; known commands: 84 */

#define PDU_CLIENT_SIGNS_HEADERS 0x00000001u /* CLIENT_SUPPORT_HEADER_SIGNING */

typedef struct PduVerification {
    bool has_bits, has_context, has_header;
    uint32_t bits;
    PduSyntax abstract, transfer;
    uint8_t type, drep[4]; /* from here on: the request's header */
    uint32_t call_id;
    uint16_t context_id, opnum;
} PduVerification;

enum {
    PDU_NO_VERIFICATION = 1,  /* there is none */
    PDU_BAD_VERIFICATION = 2, /* a command twice, of a wrong length, or unknown and not to be passed over */
};

/* The trailer at the end of a whole stub, and where it begins. 0 or a condition. */
int pdu_verification_find(const uint8_t *stub, size_t length, size_t *ret_offset,
                          PduVerification *ret_verification) must_use;
/* Appends one to a stub that begins at `start` in the writer, padding included. At least one command. */
void pdu_put_verification(Writer *writer, size_t start, const PduVerification *verification);
