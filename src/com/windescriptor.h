/* SPDX-License-Identifier: Apache-2.0 */
/* The structures of winnt.h, which programs own, as those of sec/. */
#pragma once
#include "sec/descriptor.h"
#include "winnt.h"

/* False: not a SID. */
bool win_sid_get(PSID source, Sid *ret_sid);
/* The bytes of a SID into a buffer of GetLengthSid() bytes. */
void win_sid_put(const Sid *sid, PSID target);
DWORD win_sid_size(const Sid *sid);
/* GlobalAlloc'ed, for LocalFree; NULL: out of memory. */
PSID win_sid_new(const Sid *sid);

/* A whole list within its own size, in a block that the program says is one. */
bool win_acl_is_valid(const ACL *acl);

/* The parts of a descriptor, absolute or self-relative. */
typedef struct WinParts {
    SECURITY_DESCRIPTOR_CONTROL control;
    PSID owner, group;
    PACL sacl, dacl;
} WinParts;
/* False: its revision is unknown. Nothing that it points to was looked at. */
bool win_descriptor_parts(PSECURITY_DESCRIPTOR descriptor, WinParts *ret_parts);
/* Either form as a copy. 0, ERROR_INVALID_SECURITY_DESCR (also: an entry that is not understood, and then
 * *ret_type, which may be NULL, says which), ERROR_NOT_ENOUGH_MEMORY. */
DWORD win_descriptor_read(PSECURITY_DESCRIPTOR descriptor, SecurityDescriptor **ret_descriptor,
                          uint8_t *ret_type) must_use;
