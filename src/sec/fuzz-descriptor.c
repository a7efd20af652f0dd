/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a security descriptor, self-relative or as SDDL (the first byte chooses): what is accepted is
 * written, as bytes and as text, and read again as the same; and is evaluated for callers.
 * Decoder: src/sec/descriptor.c descriptor_parse|part|sid_part|acl_part
 * Decoder: src/sec/acl.c acl_read|ace_read
 * Decoder: src/sec/sddl.c parse_\w+|sddl_parse|check_type|list_flags|take|next_field|sid_text_length
 * Decoder: src/sec/sddl-words.c sddl_\w+_parse|sddl_letters_sid|find_word|parse_number
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "sec/access.h"
#include "sec/sddl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_equal(const SecurityDescriptor *a, const SecurityDescriptor *b)
{
    assert(a->has_owner == b->has_owner && a->has_group == b->has_group);
    assert(!a->has_owner || sid_equal(&a->owner, &b->owner));
    assert(!a->has_group || sid_equal(&a->group, &b->group));
    assert(acl_equal(a->dacl, b->dacl) && acl_equal(a->sacl, b->sacl));
}

static void check_bytes(const SecurityDescriptor *descriptor)
{
    _cleanup_(descriptor_freep) SecurityDescriptor *again = NULL;
    _cleanup_(writer_deinitp) Writer writer;

    writer_init(&writer, 0);
    descriptor_write(&writer, descriptor);
    if (writer_status(&writer) != 0) abort();
    int r = descriptor_parse(writer.data, writer.length, &again, NULL);
    /* Lists that overlap in what was read may not fit when they lie behind each other. */
    if (r != 0) abort();
    check_equal(descriptor, again);
    assert(descriptor->control == again->control);
}

static void check_text(const SecurityDescriptor *descriptor)
{
    _cleanup_(descriptor_freep) SecurityDescriptor *again = NULL;
    _cleanup_(freep) char *text = NULL;
    SecFailure failure;

    if (sddl_format(descriptor, (SddlParts){true, true, true, true}, &text) != 0) return; /* too long */
    if (!*text) return;
    if (sddl_parse(text, SDDL_STRICT, &again, &failure) != 0) abort();
    check_equal(descriptor, again);
}

static void check_access(const SecurityDescriptor *descriptor)
{
    static const AccessMapping mapping = {1, 2, 4, 7};
    _cleanup_(access_subject_freep) AccessSubject *subject = NULL;
    uint32_t granted = 0, maximum = 0;

    if (access_subject_new(NULL, false, NULL, &subject) != 0) abort();
    (void)access_check(descriptor, subject, RIGHT_MAXIMUM_ALLOWED, &mapping, &maximum);
    for (uint32_t bit = 1; bit; bit <<= 1) {
        if (bit == RIGHT_MAXIMUM_ALLOWED) continue;
        if (!access_check(descriptor, subject, bit, &mapping, &granted)) continue;
        /* What is granted alone is part of the maximum; without a list the maximum is what the mapping has.
         */
        assert(!descriptor->dacl || (granted & ~maximum) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(descriptor_freep) SecurityDescriptor *descriptor = NULL;

    if (size == 0) return 0;
    if (data[0] & 1) {
        _cleanup_(freep) char *text = strndup((const char *)data + 1, size - 1);
        SecFailure failure;
        if (!text || sddl_parse(text, SDDL_STRICT, &descriptor, &failure) != 0) return 0;
    } else if (descriptor_parse(data + 1, size - 1, &descriptor, NULL) != 0) {
        return 0;
    }
    check_bytes(descriptor);
    check_text(descriptor);
    check_access(descriptor);
    return 0;
}
