/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the authority's requests (first byte even) and answers (odd). What is read is written again to
 * the same bytes.
 *
 * Decoder: src/sec/authority-message.c (?!write|authority_answer_refuse|.*_write).*
 */
#include <assert.h>
#include <string.h>
#include "sec/authority-message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const Writer *writer, const uint8_t *data, size_t size)
{
    assert(writer_status(writer) == 0 && writer->length == size);
    assert(memcmp(writer->data, data, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AuthorityRequest request;
    AuthorityAnswer answer;
    _cleanup_(writer_deinitp) Writer writer;
    writer_init(&writer, 0);
    if (size == 0) return 0;
    bool is_request = data[0] % 2 == 0;
    data++;
    size--;
    if (is_request && authority_request_read(data, size, &request) == 0) {
        authority_request_write(&writer, &request);
        check(&writer, data, size);
    } else if (!is_request && authority_answer_read(data, size, &answer) == 0) {
        authority_answer_write(&writer, &answer);
        check(&writer, data, size);
        authority_answer_deinit(&answer);
    }
    return 0;
}
