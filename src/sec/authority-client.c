/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/authority-client.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/time.h"

/* Room for every field of a request but its texts and token. */
#define REQUEST_FIXED_SIZE 256u

static int text_size(const char *text, size_t *size)
{
    size_t length = text ? strlen(text) + 1 : 0;
    *size += length;
    return length > AUTHORITY_TEXT_MAX ? -EINVAL : 0;
}

int authority_ask(Authority *authority, const AuthorityRequest *request, uint64_t deadline,
                  AuthorityCall **ret_call)
{
    size_t size = REQUEST_FIXED_SIZE + request->token.length;
    if (request->token.length > AUTHORITY_TOKEN_MAX || text_size(request->path, &size) != 0 ||
        text_size(request->principal, &size) != 0 || text_size(request->password, &size) != 0 ||
        text_size(request->target, &size) != 0)
        return -EINVAL;
    uint8_t *buffer = malloc(size);
    if (!buffer) return -ENOMEM;
    Writer writer;
    writer_init_fixed(&writer, buffer, size); /* never moves: no copy of a password stays behind */
    authority_request_write(&writer, request);
    int result = writer_status(&writer);
    if (result == 0) result = authority_call_new(authority, buffer, writer.length, deadline, ret_call);
    explicit_bzero(buffer, size);
    free(buffer);
    return result;
}

int authority_ask_step(AuthorityCall *call, AuthorityOperation operation, IoWait *ret_wait,
                       AuthorityAnswer *ret_answer, SecFailure *failure)
{
    int result = authority_call_step(call, ret_wait);
    if (result != 0) return result;
    size_t length;
    const uint8_t *bytes = authority_call_answer(call, &length);
    AuthorityAnswer answer;
    result = authority_answer_read(bytes, length, &answer);
    if (result != 0) return result;
    if (answer.operation != operation) {
        authority_answer_deinit(&answer);
        return -EBADMSG;
    }
    *ret_answer = answer;
    if (answer.status == AUTHORITY_RESTART) return SEC_RESTART;
    if (answer.status == AUTHORITY_DONE) return 0;
    sec_failure_set(failure, answer.code, "%s", answer.sentence);
    return SEC_FAILED;
}

void authority_tell(Authority *authority, const AuthorityRequest *request)
{
    IoWait wait;
    _cleanup_(authority_call_freep) AuthorityCall *call = NULL;
    if (authority_ask(authority, request, TIME_NEVER, &call) != 0) return;
    if (authority_call_step(call, &wait) != 0) return; /* neither waits nor has an answer worth reading */
}
