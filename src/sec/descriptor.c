/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/descriptor.h"
#include <errno.h>
#include <stdlib.h>

#define DESCRIPTOR_REVISION 1
#define DESCRIPTOR_HEADER   20u

int descriptor_new(const SecurityDescriptor *spec, SecurityDescriptor **ret_descriptor)
{
    SecurityDescriptor *descriptor = malloc(sizeof(*descriptor));

    if (!descriptor) return -ENOMEM;
    *descriptor = *spec;
    descriptor->control &= (uint16_t)~DESCRIPTOR_SELF_RELATIVE;
    if (descriptor->dacl) descriptor->control |= DESCRIPTOR_DACL_PRESENT;
    if (descriptor->sacl) descriptor->control |= DESCRIPTOR_SACL_PRESENT;
    *ret_descriptor = descriptor;
    return 0;
}

SecurityDescriptor *descriptor_free(SecurityDescriptor *descriptor)
{
    if (!descriptor) return NULL;
    free(descriptor->dacl);
    free(descriptor->sacl);
    free(descriptor);
    return NULL;
}

/* What an offset of the header points at; parts may lie in any order and even overlap, so each is bounded by
 * the whole only. */
static Reader part(const void *bytes, size_t length, uint32_t offset)
{
    Reader reader;

    reader_init(&reader, bytes, length);
    if (offset < DESCRIPTOR_HEADER) reader_fail(&reader);
    reader_skip(&reader, offset);
    return reader;
}

static int sid_part(const void *bytes, size_t length, uint32_t offset, bool *ret_has, Sid *ret_sid)
{
    if (offset == 0) return 0;
    Reader reader = part(bytes, length, offset);
    sid_read(&reader, ret_sid);
    *ret_has = true;
    return reader_status(&reader);
}

static int acl_part(const void *bytes, size_t length, uint32_t offset, AclKind kind, Acl **ret_acl,
                    uint8_t *ret_type)
{
    if (offset == 0) return 0;
    Reader reader = part(bytes, length, offset);
    return acl_read(&reader, kind, ret_acl, ret_type);
}

int descriptor_parse(const void *bytes, size_t length, SecurityDescriptor **ret_descriptor, uint8_t *ret_type)
{
    _cleanup_(descriptor_freep) SecurityDescriptor *descriptor = NULL;
    uint32_t owner, group, sacl, dacl;
    Reader reader;
    int r;

    if (length > DESCRIPTOR_SIZE_MAX) return -E2BIG;
    reader_init(&reader, bytes, length);
    if (reader_u8(&reader) != DESCRIPTOR_REVISION) reader_fail(&reader);
    reader_skip(&reader, 1);
    uint16_t control = reader_u16(&reader);
    owner = reader_u32(&reader);
    group = reader_u32(&reader);
    sacl = reader_u32(&reader);
    dacl = reader_u32(&reader);
    if (reader_status(&reader) < 0 || !(control & DESCRIPTOR_SELF_RELATIVE)) return -EBADMSG;
    /* [MS-DTYP] 2.4.6: what is not present has no offset. */
    if ((dacl && !(control & DESCRIPTOR_DACL_PRESENT)) || (sacl && !(control & DESCRIPTOR_SACL_PRESENT)))
        return -EBADMSG;
    descriptor = calloc(1, sizeof(*descriptor));
    if (!descriptor) return -ENOMEM;
    descriptor->control = control & (uint16_t)~DESCRIPTOR_SELF_RELATIVE;
    r = sid_part(bytes, length, owner, &descriptor->has_owner, &descriptor->owner);
    if (r == 0) r = sid_part(bytes, length, group, &descriptor->has_group, &descriptor->group);
    if (r == 0) r = acl_part(bytes, length, sacl, ACL_SACL, &descriptor->sacl, ret_type);
    if (r == 0) r = acl_part(bytes, length, dacl, ACL_DACL, &descriptor->dacl, ret_type);
    if (r < 0) return r;
    *ret_descriptor = TAKE_PTR(descriptor);
    return 0;
}

/* Here begins the part whose offset is reserved there. */
static void begin_part(Writer *writer, size_t start, size_t reserved)
{
    writer_patch_u32(writer, reserved, (uint32_t)(writer->length - start));
}

void descriptor_write(Writer *writer, const SecurityDescriptor *descriptor)
{
    size_t start = writer->length;

    writer_u8(writer, DESCRIPTOR_REVISION);
    writer_u8(writer, 0);
    writer_u16(writer, descriptor->control | DESCRIPTOR_SELF_RELATIVE);
    size_t owner = writer_reserve(writer, 4), group = writer_reserve(writer, 4);
    size_t sacl = writer_reserve(writer, 4), dacl = writer_reserve(writer, 4);
    if (descriptor->sacl) {
        begin_part(writer, start, sacl);
        acl_write(writer, descriptor->sacl);
    }
    if (descriptor->dacl) {
        begin_part(writer, start, dacl);
        acl_write(writer, descriptor->dacl);
    }
    if (descriptor->has_owner) {
        begin_part(writer, start, owner);
        sid_write(writer, &descriptor->owner);
    }
    if (descriptor->has_group) {
        begin_part(writer, start, group);
        sid_write(writer, &descriptor->group);
    }
}
