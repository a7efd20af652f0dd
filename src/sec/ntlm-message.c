/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/ntlm-message.h"
#include <errno.h>
#include <string.h>
#include "base/reader.h"
#include "base/utf16.h"

#define NEGOTIATE_FLAGS      12u
#define CHALLENGE_FLAGS      20u
#define AUTHENTICATE_KEY     52u /* EncryptedRandomSessionKeyFields */
#define AUTHENTICATE_FLAGS   60u
#define AUTHENTICATE_FIXED   64u /* up to and including the flags */
#define AUTHENTICATE_MIC     72u
#define AUTHENTICATE_PAYLOAD 88u
#define CLIENT_CHALLENGE     28u /* of the NTLMv2 response, before its AV pairs */

enum { NEGOTIATE = 1, CHALLENGE = 2, AUTHENTICATE = 3 };

/* AV_PAIR, 2.2.2.1 */
enum {
    AV_EOL = 0,
    AV_FLAGS = 6,
    AV_TIMESTAMP = 7,
    AV_TARGET_NAME = 9,
    AV_CHANNEL_BINDINGS = 10,
    AV_KNOWN = 32
};
#define AV_FLAG_MIC 0x2u

typedef struct TargetInfo {
    bool timestamp;
    uint32_t flags;
    NtlmBytes target;
} TargetInfo;

static void read_start(Reader *reader, const uint8_t *data, size_t length, uint32_t type)
{
    reader_init(reader, data, length);
    const uint8_t *signature = reader_bytes(reader, 8);
    if (length > NTLM_MESSAGE_MAX || !signature || memcmp(signature, "NTLMSSP", 8) != 0 ||
        reader_u32(reader) != type)
        reader_fail(reader);
}

/* Len, MaxLen, BufferOffset: bytes of the payload, which starts at `payload`. Overlaps are no harm: nothing
 * is written. */
static NtlmBytes read_field(Reader *reader, size_t payload)
{
    const size_t length = reader_u16(reader);
    reader_skip(reader, 2); /* MaxLen: to be ignored */
    const size_t offset = reader_u32(reader);

    if (length == 0) return (NtlmBytes){NULL, 0};
    if (offset < payload || offset > reader->length || length > reader->length - offset) {
        reader_fail(reader);
        return (NtlmBytes){NULL, 0};
    }
    return (NtlmBytes){reader->data + offset, length};
}

/* AV pairs up to an EOL, each at most once; what follows the EOL is padding. */
static void read_target_info(Reader *info, TargetInfo *ret_info)
{
    uint32_t seen = 0;

    if (info->length > NTLM_TARGET_MAX) reader_fail(info);
    for (;;) {
        const unsigned id = reader_u16(info);
        const size_t length = reader_u16(info);
        if (info->failed) return;
        if (id == AV_EOL) {
            if (length != 0) reader_fail(info);
            return;
        }
        if (id < AV_KNOWN && seen & 1u << id) reader_fail(info);
        if (id < AV_KNOWN) seen |= 1u << id;
        Reader value = reader_sub(info, length);
        if (id == AV_FLAGS)
            ret_info->flags = reader_u32(&value);
        else if (id == AV_TIMESTAMP)
            ret_info->timestamp = reader_u64(&value) != 0;
        else if (id == AV_CHANNEL_BINDINGS)
            reader_skip(&value, NTLM_KEY);
        else if (id == AV_TARGET_NAME)
            ret_info->target = (NtlmBytes){reader_bytes(&value, length), length};
        else
            continue; /* names, and what is not known */
        if (reader_end(&value) != 0) reader_fail(info);
    }
}

int ntlm_negotiate_read(const uint8_t *data, size_t length, uint32_t *ret_flags)
{
    Reader reader;
    read_start(&reader, data, length, NEGOTIATE);
    const uint32_t flags = reader_u32(&reader);
    reader_skip(&reader, 16); /* where domain and workstation would be: nobody believes them */
    if (reader_status(&reader) != 0) return -EBADMSG;
    *ret_flags = flags;
    return 0;
}

int ntlm_challenge_read(const uint8_t *data, size_t length, NtlmChallenge *ret_challenge)
{
    Reader reader, info_reader;
    TargetInfo info = {0};
    NtlmChallenge message = {0};

    read_start(&reader, data, length, CHALLENGE);
    const NtlmBytes name = read_field(&reader, 48);
    message.flags = reader_u32(&reader);
    message.challenge = reader_bytes(&reader, NTLM_CHALLENGE);
    reader_skip(&reader, 8);
    const NtlmBytes target_info = read_field(&reader, 48);
    reader_skip(&reader, 8); /* Version */
    if (reader_status(&reader) != 0) return -EBADMSG;
    /* gss-ntlmssp 1.2.0 ends the process over a name that is said to be there and is empty. */
    if (message.flags & (NTLM_TARGET_DOMAIN | NTLM_TARGET_SERVER) && name.length == 0) return -EBADMSG;
    if (message.flags & NTLM_TARGET_INFO) {
        reader_init(&info_reader, target_info.data, target_info.length);
        read_target_info(&info_reader, &info);
        if (reader_status(&info_reader) != 0) return -EBADMSG;
    }
    message.timestamp = info.timestamp;
    *ret_challenge = message;
    return 0;
}

static bool name_is_fit(NtlmBytes name)
{
    char16_t units[NTLM_NAME_MAX];
    const size_t count = name.length / sizeof(units[0]);

    if (name.length % sizeof(units[0]) != 0 || count > NTLM_NAME_MAX) return false;
    if (count > 0) memcpy(units, name.data, name.length);
    for (const char16_t *at = units; at < units + count;) {
        const int32_t c = utf16_next(&at, units + count);
        if (c < 0x20 || (c >= 0x7f && c < 0xa0)) return false;
    }
    return true;
}

/* NTLMv2_RESPONSE, 2.2.2.8. */
static bool read_response(NtlmBytes response, TargetInfo *ret_info)
{
    Reader reader;
    reader_init(&reader, response.data, response.length);
    reader_skip(&reader, NTLM_PROOF);
    if (reader_u8(&reader) != 1 || reader_u8(&reader) != 1) reader_fail(&reader); /* RespType, HiRespType */
    reader_skip(&reader, CLIENT_CHALLENGE - 2);
    read_target_info(&reader, ret_info);
    return reader_status(&reader) == 0;
}

int ntlm_authenticate_read(const uint8_t *data, size_t length, NtlmAuthenticate *ret_message)
{
    Reader reader;
    TargetInfo info = {0};
    NtlmAuthenticate message = {0};

    read_start(&reader, data, length, AUTHENTICATE);
    message.lm_response = read_field(&reader, AUTHENTICATE_FIXED);
    message.nt_response = read_field(&reader, AUTHENTICATE_FIXED);
    message.domain = read_field(&reader, AUTHENTICATE_FIXED);
    message.user = read_field(&reader, AUTHENTICATE_FIXED);
    (void)read_field(&reader, AUTHENTICATE_FIXED); /* Workstation: whatever the client likes */
    const NtlmBytes key = read_field(&reader, AUTHENTICATE_FIXED);
    message.flags = reader_u32(&reader);
    reader_skip(&reader,
                AUTHENTICATE_PAYLOAD - AUTHENTICATE_FIXED); /* Version and MIC; shorter ones are padded */
    if (length < AUTHENTICATE_PAYLOAD || reader_status(&reader) != 0) return -EBADMSG;
    if (!name_is_fit(message.domain) || !name_is_fit(message.user)) return -EBADMSG;
    message.anonymous =
        message.user.length == 0 || message.nt_response.length == 0 || (message.flags & NTLM_ANONYMOUS) != 0;
    if (!message.anonymous) {
        if (message.nt_response.length < NTLM_RESPONSE_MIN) return NTLM_OLD_RESPONSE;
        const bool key_may_lack = !(message.flags & (uint32_t)NTLM_KEY_EXCHANGE) && key.length == 0;
        if ((key.length != NTLM_KEY && !key_may_lack) ||
            (message.lm_response.length != 0 && message.lm_response.length != NTLM_RESPONSE_LM) ||
            !read_response(message.nt_response, &info))
            return -EBADMSG;
        if (message.flags & (uint32_t)NTLM_KEY_EXCHANGE) message.session_key = key.data;
        if (info.flags & AV_FLAG_MIC) message.mic = data + AUTHENTICATE_MIC;
        if (name_is_fit(info.target)) message.target = info.target;
    }
    *ret_message = message;
    return 0;
}

int ntlm_message_mic(const uint8_t session_key[NTLM_KEY], NtlmBytes negotiate, NtlmBytes challenge,
                     NtlmBytes authenticate, const uint8_t *mic, uint8_t ret_mic[NTLM_KEY])
{
    static const uint8_t zero[NTLM_KEY];
    const size_t before = (size_t)(mic - authenticate.data), after = before + NTLM_KEY;
    const NtlmBytes parts[] = {negotiate,
                               challenge,
                               {authenticate.data, before},
                               {zero, sizeof(zero)},
                               {authenticate.data + after, authenticate.length - after}};
    return ntlm_hmac(session_key, parts, ARRAY_SIZE(parts), ret_mic) ? 0 : -EIO;
}

static void set_flags(uint8_t *at, uint32_t flags)
{
    flags = htole32(flags);
    memcpy(at, &flags, sizeof(flags));
}

void ntlm_negotiate_set_flags(uint8_t *data, uint32_t flags)
{
    set_flags(data + NEGOTIATE_FLAGS, flags);
}

void ntlm_challenge_set_flags(uint8_t *data, uint32_t flags)
{
    set_flags(data + CHALLENGE_FLAGS, flags);
}

void ntlm_authenticate_set_flags(uint8_t *data, uint32_t flags)
{
    set_flags(data + AUTHENTICATE_FLAGS, flags);
}

void ntlm_authenticate_drop_key(uint8_t *data)
{
    memset(data + AUTHENTICATE_KEY, 0, 4); /* Len and MaxLen */
}

int ntlm_name_text(NtlmBytes name, char **ret_text)
{
    char16_t units[NTLM_NAME_MAX];

    if (name.length > sizeof(units)) return -EILSEQ;
    if (name.length > 0) memcpy(units, name.data, name.length);
    return utf8_from_utf16(units, name.length / sizeof(units[0]), ret_text);
}
