/* SPDX-License-Identifier: Apache-2.0 */
/* Security descriptors, [MS-DTYP] 2.4.6: whose something is, and who may do what with it. Immutable once
 * made. */
#pragma once
#include "sec/acl.h"

#define DESCRIPTOR_SIZE_MAX (128u * 1024)

/* Control */
#define DESCRIPTOR_OWNER_DEFAULTED 0x0001u
#define DESCRIPTOR_GROUP_DEFAULTED 0x0002u
#define DESCRIPTOR_DACL_PRESENT    0x0004u
#define DESCRIPTOR_DACL_DEFAULTED  0x0008u
#define DESCRIPTOR_SACL_PRESENT    0x0010u
#define DESCRIPTOR_SACL_DEFAULTED  0x0020u
#define DESCRIPTOR_DACL_AUTO_REQ   0x0100u
#define DESCRIPTOR_SACL_AUTO_REQ   0x0200u
#define DESCRIPTOR_DACL_AUTO       0x0400u
#define DESCRIPTOR_SACL_AUTO       0x0800u
#define DESCRIPTOR_DACL_PROTECTED  0x1000u
#define DESCRIPTOR_SACL_PROTECTED  0x2000u
#define DESCRIPTOR_RM_VALID        0x4000u
#define DESCRIPTOR_SELF_RELATIVE   0x8000u

typedef struct SecurityDescriptor {
    uint16_t control; /* DESCRIPTOR_SELF_RELATIVE is never set here */
    bool has_owner, has_group;
    Sid owner, group;
    Acl *dacl; /* NULL: no restriction, whether the list is absent or present and NULL. Empty: nobody */
    Acl *sacl;
} SecurityDescriptor;

/* Takes the lists over on success. 0, -ENOMEM. */
int descriptor_new(const SecurityDescriptor *spec, SecurityDescriptor **ret_descriptor) must_use;
SecurityDescriptor *descriptor_free(SecurityDescriptor *descriptor);
DEFINE_CLEANUP(SecurityDescriptor, descriptor_free)
/* Any bytes as a self-relative descriptor. 0, -ENOMEM, -E2BIG, -EBADMSG; -EOPNOTSUPP: a list has an entry
 * that is not understood, and *ret_type (may be NULL) is its type. */
int descriptor_parse(const void *bytes, size_t length, SecurityDescriptor **ret_descriptor,
                     uint8_t *ret_type) must_use;
/* The self-relative form. */
void descriptor_write(Writer *writer, const SecurityDescriptor *descriptor);
