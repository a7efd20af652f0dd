/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access control lists, [MS-DTYP] 2.4.4 and 2.4.5. The kinds of entries that are understood all consist of a
 * mask and a SID. The others (of objects, with conditions, with claims) are refused by name: an entry that
 * nobody evaluates would be a promise that nobody keeps.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "sec/sid.h"

#define ACL_ACES_MAX 1024u
#define ACL_SIZE_MAX 65532u /* the size stands in 16 bits, and is a multiple of 4 */

/* AceType */
#define ACE_TYPE_ALLOWED 0x00
#define ACE_TYPE_DENIED  0x01
#define ACE_TYPE_AUDIT   0x02
#define ACE_TYPE_LABEL   0x11

/* AceFlags */
#define ACE_OBJECT_INHERIT    0x01
#define ACE_CONTAINER_INHERIT 0x02
#define ACE_NO_PROPAGATE      0x04
#define ACE_INHERIT_ONLY      0x08 /* says nothing about the object itself */
#define ACE_INHERITED         0x10
#define ACE_SUCCESSFUL        0x40 /* of audit entries */
#define ACE_FAILED            0x80
#define ACE_FLAGS             0xDF

typedef struct Ace {
    uint8_t type, flags;
    uint32_t mask;
    Sid sid;
} Ace;

typedef enum AclKind { ACL_DACL, ACL_SACL } AclKind;

typedef struct Acl {
    size_t count;
    Ace aces[];
} Acl;

/* A copy of the entries, freed with free(). 0, -ENOMEM, -E2BIG (more than fit into a list on the wire),
 * -EOPNOTSUPP (an entry of another type than lists of this kind have here). */
int acl_new(AclKind kind, const Ace *aces, size_t count, Acl **ret_acl) must_use;
/* Reads one list, with the bytes that its size counts; free(). Returns as acl_new(), or -EBADMSG; then
 * *ret_type is the type of the entry that is not understood (may be NULL). */
int acl_read(Reader *reader, AclKind kind, Acl **ret_acl, uint8_t *ret_type) must_use;
void acl_write(Writer *writer, const Acl *acl);
bool acl_equal(const Acl *a, const Acl *b);
/* "ACCESS_ALLOWED_OBJECT_ACE_TYPE"; "an unknown type". */
const char *ace_type_name(uint8_t type);
