/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both messages are tables of fields: one row says which operations a field belongs to and where it lies in
 * the structure, so that what is written and what is read cannot drift apart.
 */
#include "sec/authority-message.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "sec/token.h"

#define OP(name)     (1u << AUTHORITY_##name)
#define HELD         (OP(OPEN_TOKEN) | OP(ACCOUNT))
#define LAUNCHES     (OP(LAUNCH) | OP(LAUNCH_AS))
#define CALLER       (OP(ACCEPT_FINISH) | OP(TRANSITION) | HELD)
#define FINISHES     (OP(INITIATE_FINISH) | OP(ACCEPT_FINISH))
#define STATUS(name) (1u << AUTHORITY_##name)
#define DONE         STATUS(DONE)
#define ANSWERED     (STATUS(DONE) | STATUS(RESTART))
#define ANY          (STATUS(DONE) | STATUS(REFUSED) | STATUS(RESTART))

typedef enum FieldKind {
    FIELD_U8,
    FIELD_BOOL,
    FIELD_U32,
    FIELD_U64,
    FIELD_TEXT,
    FIELD_BYTES,
    FIELD_SID,
    FIELD_GROUPS
} FieldKind;

typedef struct Field {
    FieldKind kind;
    size_t offset;
    unsigned operations, statuses; /* where it occurs; statuses of requests: DONE */
    bool needed;                   /* a text that may not be NULL, bytes that may not be empty */
    size_t limit;                  /* of bytes */
} Field;

#define REQUEST(kind, member, operations, needed, limit)                                                     \
    {                                                                                                        \
        kind, offsetof(AuthorityRequest, member), operations, DONE, needed, limit                            \
    }

static const Field request_fields[] = {
    REQUEST(FIELD_U8, service, OP(LOGON) | OP(INITIATE) | OP(ACCEPT), false, 0),
    REQUEST(FIELD_U8, source, OP(LOGON), false, 0),
    REQUEST(FIELD_BOOL, forwardable, OP(LOGON), false, 0),
    REQUEST(FIELD_TEXT, path, OP(LOGON), false, 0),
    REQUEST(FIELD_TEXT, principal, OP(LOGON), false, 0),
    REQUEST(FIELD_TEXT, principal, OP(TRANSITION), true, 0),
    REQUEST(FIELD_TEXT, password, OP(LOGON), false, 0),
    REQUEST(FIELD_U64, credential, OP(RELEASE) | OP(INITIATE) | OP(OPEN_TOKEN) | OP(LAUNCH_AS), false, 0),
    REQUEST(FIELD_BOOL, start, LAUNCHES, false, 0),
    REQUEST(FIELD_U8, level, OP(OPEN_TOKEN), false, 0),
    REQUEST(FIELD_BOOL, hands, OP(OPEN_TOKEN), false, 0),
    REQUEST(FIELD_U32, recipient, OP(OPEN_TOKEN), false, 0),
    REQUEST(FIELD_TEXT, target, OP(INITIATE), true, 0),
    REQUEST(FIELD_TEXT, target, OP(TRANSITION), false, 0),
    REQUEST(FIELD_U8, authn_level, OP(INITIATE) | OP(ACCEPT), false, 0),
    REQUEST(FIELD_U8, impersonation, OP(INITIATE), false, 0),
    REQUEST(FIELD_U64, conversation, FINISHES | OP(ABANDON), false, 0),
    REQUEST(FIELD_BYTES, token, FINISHES | OP(ACCEPT), false, AUTHORITY_TOKEN_MAX),
    REQUEST(FIELD_BYTES, token, OP(HELLO), true, AUTHORITY_SESSION_SIZE),
    REQUEST(FIELD_BYTES, token, LAUNCHES, true, AUTHORITY_CLSID_SIZE),
};

#define ANSWER(kind, member, operations, statuses, needed, limit)                                            \
    {                                                                                                        \
        kind, offsetof(AuthorityAnswer, member), operations, statuses, needed, limit                         \
    }
#define EVERY_OPERATION (~0u)

static const Field answer_fields[] = {
    ANSWER(FIELD_U32, code, EVERY_OPERATION, STATUS(REFUSED), false, 0),
    ANSWER(FIELD_TEXT, sentence, EVERY_OPERATION, STATUS(REFUSED), true, 0),
    ANSWER(FIELD_TEXT, sentence, OP(LOGON), DONE, false, 0),
    ANSWER(FIELD_U64, credential, OP(LOGON) | CALLER | LAUNCHES, DONE, false, 0),
    ANSWER(FIELD_U32, account, LAUNCHES, DONE, false, 0),
    ANSWER(FIELD_U32, process, LAUNCHES, DONE, false, 0),
    ANSWER(FIELD_U8, shows, OP(LOGON) | CALLER, DONE, false, 0),
    ANSWER(FIELD_U32, grants, OP(HELLO), DONE, false, 0),
    ANSWER(FIELD_U8, service, HELD, DONE, false, 0),
    ANSWER(FIELD_U8, origin, HELD, DONE, false, 0),
    ANSWER(FIELD_TEXT, principal, OP(LOGON) | CALLER, DONE, true, 0),
    ANSWER(FIELD_TEXT, server, OP(ACCEPT_FINISH), DONE, false, 0),
    ANSWER(FIELD_U64, expires, OP(LOGON) | CALLER, DONE, false, 0),
    ANSWER(FIELD_U64, conversation, OP(INITIATE) | OP(ACCEPT), DONE, false, 0),
    ANSWER(FIELD_BYTES, token, OP(INITIATE) | OP(INITIATE_FINISH), ANSWERED, true, AUTHORITY_TOKEN_MAX),
    ANSWER(FIELD_BYTES, token, OP(ACCEPT), ANY, false, AUTHORITY_TOKEN_MAX),
    ANSWER(FIELD_U32, enctype, FINISHES, DONE, false, 0),
    ANSWER(FIELD_U32, context_flags, FINISHES, DONE, false, 0),
    ANSWER(FIELD_BYTES, key, FINISHES, DONE, true, AUTHORITY_KEY_MAX),
    ANSWER(FIELD_U64, send_sequence, FINISHES, DONE, false, 0),
    ANSWER(FIELD_U64, receive_sequence, FINISHES, DONE, false, 0),
    ANSWER(FIELD_U64, session_expires, FINISHES, DONE, false, 0),
    ANSWER(FIELD_U8, level, CALLER, DONE, false, 0),
    ANSWER(FIELD_U32, account_flags, CALLER, DONE, false, 0),
    ANSWER(FIELD_SID, user, CALLER, DONE, false, 0),
    ANSWER(FIELD_GROUPS, groups, CALLER, DONE, false, 0),
};

static bool field_occurs(const Field *field, AuthorityOperation operation, AuthorityStatus status)
{
    return field->operations & 1u << operation && field->statuses & 1u << status;
}

/* Writing */

static void write_bytes(Writer *writer, const void *data, size_t length)
{
    writer_u32(writer, (uint32_t)length);
    writer_bytes(writer, data, length);
}

static void write_groups(Writer *writer, const AuthorityAnswer *answer)
{
    writer_u32(writer, (uint32_t)answer->group_count);
    for (size_t i = 0; i < answer->group_count; i++)
        sid_write(writer, &answer->groups[i]);
}

static void field_write(Writer *writer, const Field *field, const void *message)
{
    const void *at = (const char *)message + field->offset;
    const char *text;
    const AuthorityBytes *bytes;
    switch (field->kind) {
    case FIELD_U8:
        writer_u8(writer, *(const uint8_t *)at);
        break;
    case FIELD_BOOL:
        writer_u8(writer, *(const bool *)at);
        break;
    case FIELD_U32:
        writer_u32(writer, *(const uint32_t *)at);
        break;
    case FIELD_U64:
        writer_u64(writer, *(const uint64_t *)at);
        break;
    case FIELD_TEXT:
        text = *(const char *const *)at;
        write_bytes(writer, text, text ? strlen(text) + 1 : 0);
        break;
    case FIELD_BYTES:
        bytes = at;
        write_bytes(writer, bytes->data, bytes->length);
        break;
    case FIELD_SID:
        sid_write(writer, at);
        break;
    case FIELD_GROUPS:
        write_groups(writer, message);
        break;
    }
}

void authority_request_write(Writer *writer, const AuthorityRequest *request)
{
    writer_u32(writer, request->operation);
    for (size_t i = 0; i < ARRAY_SIZE(request_fields); i++)
        if (field_occurs(&request_fields[i], request->operation, AUTHORITY_DONE))
            field_write(writer, &request_fields[i], request);
}

void authority_answer_write(Writer *writer, const AuthorityAnswer *answer)
{
    writer_u32(writer, answer->operation);
    writer_u32(writer, answer->status);
    for (size_t i = 0; i < ARRAY_SIZE(answer_fields); i++)
        if (field_occurs(&answer_fields[i], answer->operation, answer->status))
            field_write(writer, &answer_fields[i], answer);
}

void authority_answer_refuse(AuthorityAnswer *answer, AuthorityOperation operation, const SecFailure *failure)
{
    *answer = (AuthorityAnswer){.operation = operation,
                                .status = AUTHORITY_REFUSED,
                                .code = failure->code,
                                .sentence = failure->sentence};
}

/* Reading */

/* A text in place: its NUL is its last byte and its only one. */
static void read_text(Reader *reader, const char **ret_text, bool needed)
{
    uint32_t length = reader_u32(reader);
    if (length > AUTHORITY_TEXT_MAX || (needed && length == 0)) reader_fail(reader);
    const char *text = (const char *)reader_bytes(reader, length);
    if (length > 0 && text && memchr(text, 0, length) != text + length - 1) reader_fail(reader);
    *ret_text = length > 0 && !reader->failed ? text : NULL;
}

static void read_bytes(Reader *reader, AuthorityBytes *ret_bytes, bool needed, size_t limit)
{
    uint32_t length = reader_u32(reader);
    if (length > limit || (needed && length == 0)) reader_fail(reader);
    ret_bytes->data = reader_bytes(reader, length);
    ret_bytes->length = ret_bytes->data ? length : 0;
}

static int read_groups(Reader *reader, AuthorityAnswer *answer)
{
    uint32_t count = reader_u32(reader);
    if (count > TOKEN_GROUPS_MAX || !reader_count(reader, count, 8)) {
        reader_fail(reader);
        return 0;
    }
    if (count == 0) return 0;
    answer->group_memory = calloc(count, sizeof(Sid));
    if (!answer->group_memory) return -ENOMEM;
    for (uint32_t i = 0; i < count; i++)
        sid_read(reader, &answer->group_memory[i]);
    answer->groups = answer->group_memory;
    answer->group_count = count;
    return 0;
}

/* 0 or -ENOMEM; what is wrong with the bytes is the reader's failure. */
static int field_read(Reader *reader, const Field *field, void *message)
{
    void *at = (char *)message + field->offset;
    uint8_t flag;
    switch (field->kind) {
    case FIELD_U8:
        *(uint8_t *)at = reader_u8(reader);
        break;
    case FIELD_BOOL:
        flag = reader_u8(reader);
        if (flag > 1) reader_fail(reader);
        *(bool *)at = flag == 1;
        break;
    case FIELD_U32:
        *(uint32_t *)at = reader_u32(reader);
        break;
    case FIELD_U64:
        *(uint64_t *)at = reader_u64(reader);
        break;
    case FIELD_TEXT:
        read_text(reader, at, field->needed);
        break;
    case FIELD_BYTES:
        read_bytes(reader, at, field->needed, field->limit);
        break;
    case FIELD_SID:
        sid_read(reader, at);
        break;
    case FIELD_GROUPS:
        return read_groups(reader, message);
    }
    return 0;
}

int authority_request_read(const uint8_t *data, size_t length, AuthorityRequest *ret_request)
{
    Reader reader;
    AuthorityRequest request = {0};
    reader_init(&reader, data, length);
    uint32_t operation = reader_u32(&reader);
    if (length > AUTHORITY_MESSAGE_MAX || operation == 0 || operation >= AUTHORITY_OPERATION_END)
        return -EBADMSG;
    request.operation = (AuthorityOperation)operation;
    for (size_t i = 0; i < ARRAY_SIZE(request_fields); i++)
        if (field_occurs(&request_fields[i], request.operation, AUTHORITY_DONE))
            (void)field_read(&reader, &request_fields[i], &request); /* no request has groups: no memory */
    int error = reader_end(&reader);
    if (error == 0 && request.level > TOKEN_LEVEL_DELEGATION) error = -EBADMSG;
    if (error == 0 && operation == AUTHORITY_HELLO && request.token.length != AUTHORITY_SESSION_SIZE)
        error = -EBADMSG;
    if (error == 0 && (1u << operation & LAUNCHES) && request.token.length != AUTHORITY_CLSID_SIZE)
        error = -EBADMSG;
    if (error == 0) *ret_request = request;
    return error;
}

int authority_answer_read(const uint8_t *data, size_t length, AuthorityAnswer *ret_answer)
{
    Reader reader;
    AuthorityAnswer answer = {0};
    reader_init(&reader, data, length);
    uint32_t operation = reader_u32(&reader), status = reader_u32(&reader);
    if (length > AUTHORITY_MESSAGE_MAX || operation == 0 || operation >= AUTHORITY_OPERATION_END ||
        status >= AUTHORITY_STATUS_END ||
        (status == AUTHORITY_RESTART && operation != AUTHORITY_INITIATE_FINISH))
        return -EBADMSG;
    answer.operation = (AuthorityOperation)operation;
    answer.status = (AuthorityStatus)status;
    int error = 0;
    for (size_t i = 0; i < ARRAY_SIZE(answer_fields) && error == 0; i++)
        if (field_occurs(&answer_fields[i], answer.operation, answer.status))
            error = field_read(&reader, &answer_fields[i], &answer);
    if (error == 0) error = reader_end(&reader);
    if (error == 0 && answer.level > TOKEN_LEVEL_DELEGATION) error = -EBADMSG;
    if (error != 0)
        authority_answer_deinit(&answer);
    else
        *ret_answer = answer;
    return error;
}

void authority_answer_deinit(AuthorityAnswer *answer)
{
    free(answer->group_memory);
    answer->group_memory = NULL;
    answer->groups = NULL;
    answer->group_count = 0;
}
