/* SPDX-License-Identifier: Apache-2.0 */
#include "sec/acl.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ACL_REVISION    2
#define ACL_REVISION_DS 4 /* entries of objects may occur */
#define ACL_HEADER      8
#define ACE_HEADER      8u /* with the mask */
#define ACE_SIZE_MIN    16u

static const char *const type_names[] = {
    "ACCESS_ALLOWED_ACE_TYPE",
    "ACCESS_DENIED_ACE_TYPE",
    "SYSTEM_AUDIT_ACE_TYPE",
    "SYSTEM_ALARM_ACE_TYPE",
    "ACCESS_ALLOWED_COMPOUND_ACE_TYPE",
    "ACCESS_ALLOWED_OBJECT_ACE_TYPE",
    "ACCESS_DENIED_OBJECT_ACE_TYPE",
    "SYSTEM_AUDIT_OBJECT_ACE_TYPE",
    "SYSTEM_ALARM_OBJECT_ACE_TYPE",
    "ACCESS_ALLOWED_CALLBACK_ACE_TYPE",
    "ACCESS_DENIED_CALLBACK_ACE_TYPE",
    "ACCESS_ALLOWED_CALLBACK_OBJECT_ACE_TYPE",
    "ACCESS_DENIED_CALLBACK_OBJECT_ACE_TYPE",
    "SYSTEM_AUDIT_CALLBACK_ACE_TYPE",
    "SYSTEM_ALARM_CALLBACK_ACE_TYPE",
    "SYSTEM_AUDIT_CALLBACK_OBJECT_ACE_TYPE",
    "SYSTEM_ALARM_CALLBACK_OBJECT_ACE_TYPE",
    "SYSTEM_MANDATORY_LABEL_ACE_TYPE",
    "SYSTEM_RESOURCE_ATTRIBUTE_ACE_TYPE",
    "SYSTEM_SCOPED_POLICY_ID_ACE_TYPE",
};

const char *ace_type_name(uint8_t type)
{
    return type < ARRAY_SIZE(type_names) ? type_names[type] : "an unknown type";
}

static bool type_fits(AclKind kind, uint8_t type)
{
    switch (kind) {
    case ACL_DACL:
        return type == ACE_TYPE_ALLOWED || type == ACE_TYPE_DENIED;
    case ACL_SACL:
        return type == ACE_TYPE_AUDIT || type == ACE_TYPE_LABEL;
    }
    return false;
}

static size_t sid_size(const Sid *sid)
{
    return 8u + 4u * sid->count;
}

int acl_new(AclKind kind, const Ace *aces, size_t count, Acl **ret_acl)
{
    size_t size = ACL_HEADER;

    if (count > ACL_ACES_MAX) return -E2BIG;
    for (size_t i = 0; i < count; i++) {
        if (!type_fits(kind, aces[i].type)) return -EOPNOTSUPP;
        size += ACE_HEADER + sid_size(&aces[i].sid);
    }
    if (size > ACL_SIZE_MAX) return -E2BIG;
    Acl *acl = calloc(1, sizeof(*acl) + count * sizeof(acl->aces[0]));
    if (!acl) return -ENOMEM;
    acl->count = count;
    if (count) memcpy(acl->aces, aces, count * sizeof(*aces));
    *ret_acl = acl;
    return 0;
}

/* [MS-DTYP] 2.4.4.1: type, flags, size, then what the type has. Sizes are multiples of 4. */
static int ace_read(Reader *reader, AclKind kind, Ace *ret_ace, uint8_t *ret_type)
{
    Ace ace = {.type = reader_u8(reader), .flags = reader_u8(reader)};
    size_t size = reader_u16(reader);

    if (reader_status(reader) < 0 || size < ACE_SIZE_MIN || size % 4) return -EBADMSG;
    Reader body = reader_sub(reader, size - 4);
    if (reader_status(reader) < 0) return -EBADMSG;
    if (!type_fits(kind, ace.type)) {
        if (ret_type) *ret_type = ace.type;
        return -EOPNOTSUPP;
    }
    ace.mask = reader_u32(&body);
    sid_read(&body, &ace.sid);
    if (reader_end(&body) < 0 || ace.flags & ~ACE_FLAGS) return -EBADMSG;
    *ret_ace = ace;
    return 0;
}

/* [MS-DTYP] 2.4.5: behind the entries there may be room for more. */
int acl_read(Reader *reader, AclKind kind, Acl **ret_acl, uint8_t *ret_type)
{
    _cleanup_(freep) Acl *acl = NULL;
    uint8_t revision = reader_u8(reader);
    int r = 0;

    reader_skip(reader, 1);
    size_t size = reader_u16(reader), count = reader_u16(reader);
    reader_skip(reader, 2);
    if (reader_status(reader) < 0 || (revision != ACL_REVISION && revision != ACL_REVISION_DS) ||
        size < ACL_HEADER || size % 4)
        return -EBADMSG;
    Reader body = reader_sub(reader, size - ACL_HEADER);
    if (reader_status(reader) < 0 || !reader_count(&body, count, ACE_SIZE_MIN)) return -EBADMSG;
    if (count > ACL_ACES_MAX) return -E2BIG;
    acl = calloc(1, sizeof(*acl) + count * sizeof(acl->aces[0]));
    if (!acl) return -ENOMEM;
    for (; r == 0 && acl->count < count; acl->count++)
        r = ace_read(&body, kind, &acl->aces[acl->count], ret_type);
    if (r < 0) return r;
    *ret_acl = TAKE_PTR(acl);
    return 0;
}

void acl_write(Writer *writer, const Acl *acl)
{
    size_t start = writer->length;

    writer_u8(writer, ACL_REVISION);
    writer_u8(writer, 0);
    size_t size = writer_reserve(writer, 2);
    writer_u16(writer, (uint16_t)acl->count);
    writer_u16(writer, 0);
    for (size_t i = 0; i < acl->count; i++) {
        const Ace *ace = &acl->aces[i];

        writer_u8(writer, ace->type);
        writer_u8(writer, ace->flags);
        writer_u16(writer, (uint16_t)(ACE_HEADER + sid_size(&ace->sid)));
        writer_u32(writer, ace->mask);
        sid_write(writer, &ace->sid);
    }
    writer_patch_u16(writer, size, (uint16_t)(writer->length - start));
}

static bool ace_equal(const Ace *a, const Ace *b)
{
    return a->type == b->type && a->flags == b->flags && a->mask == b->mask && sid_equal(&a->sid, &b->sid);
}

bool acl_equal(const Acl *a, const Acl *b)
{
    if (!a || !b) return a == b;
    if (a->count != b->count) return false;
    for (size_t i = 0; i < a->count; i++)
        if (!ace_equal(&a->aces[i], &b->aces[i])) return false;
    return true;
}
