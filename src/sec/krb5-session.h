/* SPDX-License-Identifier: Apache-2.0 */
/* What both ends of a raw Kerberos conversation in DCE style share ([MS-KILE] 3.4.5.1, RFC 4121, RFC 4757
 * framing). */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "base/reader.h"
#include "base/secret.h"
#include "base/writer.h"

/* RFC 4121 4.1.1.1, [MS-KILE] 3.2.5.2 */
enum {
    GSS_FLAG_DELEG = 0x0001,
    GSS_FLAG_MUTUAL = 0x0002,
    GSS_FLAG_REPLAY = 0x0004,
    GSS_FLAG_SEQUENCE = 0x0008,
    GSS_FLAG_CONF = 0x0010,
    GSS_FLAG_INTEG = 0x0020,
    GSS_FLAG_DCE_STYLE = 0x1000,
    GSS_FLAG_IDENTIFY = 0x2000,
};
#define GSS_CHECKSUM_TYPE      0x8003
#define GSS_CHECKSUM_BINDINGS  16u /* length of the channel bindings' hash */
#define GSS_CHECKSUM_MIN       24u
#define GSS_CHECKSUM_DELEG_MIN 28u

/* Token ids of RFC 4121 4.1 inside the framing of RFC 2743 3.1. */
enum { FRAME_AP_REQ = 0x0100, FRAME_AP_REP = 0x0200, FRAME_ERROR = 0x0300 };

/* Longest token of a peer: auth_length of a PDU is 16 bits wide. */
#define KERBEROS_TOKEN_MAX 65535u

/* What a conversation ends with. */
typedef struct KerberosSession {
    int32_t enctype;
    Secret *key; /* the acceptor's subkey */
    uint64_t send_sequence, receive_sequence;
    int64_t expires; /* the ticket's end, seconds since 1970 */
} KerberosSession;

/* The checksum in an AP-REQ's authenticator, RFC 4121 4.1.1. */
typedef struct GssChecksum {
    uint32_t flags;
    const uint8_t *delegated; /* KRB-CRED; NULL without GSS_FLAG_DELEG */
    size_t delegated_length;
} GssChecksum;

/* Points into `data`. 0, -EBADMSG. */
int gss_checksum_read(const uint8_t *data, size_t length, GssChecksum *ret_checksum) must_use;

void kerberos_session_deinit(KerberosSession *session);

/* The message inside the framing 60 len OID `id`. False and nothing set when `token` is not framed like that.
 */
bool kerberos_unframe(const uint8_t *token, size_t length, uint16_t id, Reader *ret_message);
void kerberos_frame(uint16_t id, const void *message, size_t length, Writer *writer);
