/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a SID, binary or text (the first byte chooses): what is accepted is written and read again as
 * the same.
 * Decoder: src/sec/sid.c sid_parse|sid_read|parse_number
 */
#include <assert.h>
#include <stdlib.h>
#include "sec/sid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const Sid *sid)
{
    Sid again;
    char text[SID_STRING_SIZE];
    sid_format(sid, text);
    if (sid_parse(text, &again) != 0) abort();
    assert(sid_equal(sid, &again));
}

static void check_binary(const Sid *sid)
{
    Sid again;
    uint8_t bytes[8 + 4 * SID_SUBAUTHORITIES_MAX];
    Writer writer;
    Reader reader;
    writer_init_fixed(&writer, bytes, sizeof(bytes));
    sid_write(&writer, sid);
    assert(writer_status(&writer) == 0);
    reader_init(&reader, bytes, writer.length);
    sid_read(&reader, &again);
    if (reader_end(&reader) != 0) abort();
    assert(sid_equal(sid, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Sid sid;
    if (size == 0) return 0;
    if (data[0] & 1) {
        _cleanup_(freep) char *text = strndup((const char *)data + 1, size - 1);
        if (!text || sid_parse(text, &sid) != 0) return 0;
    } else {
        Reader reader;
        reader_init(&reader, data + 1, size - 1);
        sid_read(&reader, &sid);
        if (reader_status(&reader) != 0) return 0;
    }
    assert(sid.count <= SID_SUBAUTHORITIES_MAX && sid.authority >> 48 == 0);
    check_text(&sid);
    check_binary(&sid);
    return 0;
}
