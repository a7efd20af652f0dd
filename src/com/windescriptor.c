/* SPDX-License-Identifier: Apache-2.0 */
/* Security descriptors in a program's memory. */
#include "com/windescriptor.h"
#include <errno.h>
#include <string.h>
#include "securitybaseapi.h"
#include "winbase.h"
#include "winerror.h"

#define CONTROL_SETTABLE                                                                                     \
    (SE_DACL_AUTO_INHERIT_REQ | SE_SACL_AUTO_INHERIT_REQ | SE_DACL_AUTO_INHERITED | SE_SACL_AUTO_INHERITED | \
     SE_DACL_PROTECTED | SE_SACL_PROTECTED)

static BOOL result(DWORD error)
{
    if (error) SetLastError(error);
    return !error;
}

static void *at(PSECURITY_DESCRIPTOR descriptor, DWORD offset)
{
    return offset ? (BYTE *)descriptor + offset : NULL;
}

bool win_descriptor_parts(PSECURITY_DESCRIPTOR descriptor, WinParts *ret_parts)
{
    const SECURITY_DESCRIPTOR_RELATIVE *relative = descriptor;
    const SECURITY_DESCRIPTOR *absolute = descriptor;

    if (!descriptor || relative->Revision != SECURITY_DESCRIPTOR_REVISION) return false;
    *ret_parts = (WinParts){.control = relative->Control};
    if (relative->Control & SE_SELF_RELATIVE) {
        ret_parts->owner = at(descriptor, relative->Owner);
        ret_parts->group = at(descriptor, relative->Group);
        if (relative->Control & SE_SACL_PRESENT) ret_parts->sacl = at(descriptor, relative->Sacl);
        if (relative->Control & SE_DACL_PRESENT) ret_parts->dacl = at(descriptor, relative->Dacl);
    } else {
        ret_parts->owner = absolute->Owner;
        ret_parts->group = absolute->Group;
        if (absolute->Control & SE_SACL_PRESENT) ret_parts->sacl = absolute->Sacl;
        if (absolute->Control & SE_DACL_PRESENT) ret_parts->dacl = absolute->Dacl;
    }
    return true;
}

static bool parts_are_valid(const WinParts *parts)
{
    return (!parts->owner || IsValidSid(parts->owner)) && (!parts->group || IsValidSid(parts->group)) &&
           (!parts->sacl || win_acl_is_valid(parts->sacl)) && (!parts->dacl || win_acl_is_valid(parts->dacl));
}

BOOL IsValidSecurityDescriptor(PSECURITY_DESCRIPTOR pSecurityDescriptor)
{
    WinParts parts;

    return win_descriptor_parts(pSecurityDescriptor, &parts) && parts_are_valid(&parts);
}

static DWORD sid_length(PSID sid)
{
    return sid ? GetLengthSid(sid) : 0;
}

/* Rounded up: what follows lies at multiples of 4. */
static DWORD acl_length(const ACL *acl)
{
    return acl ? (acl->AclSize + 3u) & ~3u : 0;
}

static DWORD parts_length(const WinParts *parts)
{
    return (DWORD)sizeof(SECURITY_DESCRIPTOR_RELATIVE) + sid_length(parts->owner) + sid_length(parts->group) +
           acl_length(parts->sacl) + acl_length(parts->dacl);
}

DWORD GetSecurityDescriptorLength(PSECURITY_DESCRIPTOR pSecurityDescriptor)
{
    WinParts parts;

    return win_descriptor_parts(pSecurityDescriptor, &parts) ? parts_length(&parts) : 0;
}

static DWORD place(BYTE *target, DWORD *used, const void *part, DWORD size, DWORD room)
{
    DWORD offset = *used;

    if (!part) return 0;
    memcpy(target + offset, part, size);
    *used += room;
    return offset;
}

/* Into parts_length() zeroed bytes. */
static void flatten(const WinParts *parts, BYTE *target)
{
    SECURITY_DESCRIPTOR_RELATIVE header = {.Revision = SECURITY_DESCRIPTOR_REVISION,
                                           .Control = parts->control | SE_SELF_RELATIVE};
    DWORD used = sizeof(header);

    if (parts->sacl)
        header.Sacl = place(target, &used, parts->sacl, parts->sacl->AclSize, acl_length(parts->sacl));
    if (parts->dacl)
        header.Dacl = place(target, &used, parts->dacl, parts->dacl->AclSize, acl_length(parts->dacl));
    header.Owner = place(target, &used, parts->owner, sid_length(parts->owner), sid_length(parts->owner));
    header.Group = place(target, &used, parts->group, sid_length(parts->group), sid_length(parts->group));
    memcpy(target, &header, sizeof(header));
}

DWORD win_descriptor_read(PSECURITY_DESCRIPTOR source, SecurityDescriptor **ret_descriptor, uint8_t *ret_type)
{
    _cleanup_(freep) BYTE *bytes = NULL;
    WinParts parts;
    DWORD length;

    if (!win_descriptor_parts(source, &parts) || !parts_are_valid(&parts))
        return ERROR_INVALID_SECURITY_DESCR;
    length = parts_length(&parts);
    bytes = calloc(1, length);
    if (!bytes) return ERROR_NOT_ENOUGH_MEMORY;
    flatten(&parts, bytes);
    int r = descriptor_parse(bytes, length, ret_descriptor, ret_type);
    if (r < 0) return r == -ENOMEM ? ERROR_NOT_ENOUGH_MEMORY : ERROR_INVALID_SECURITY_DESCR;
    return ERROR_SUCCESS;
}

/* Making and changing absolute ones */

BOOL InitializeSecurityDescriptor(PSECURITY_DESCRIPTOR pSecurityDescriptor, DWORD dwRevision)
{
    SECURITY_DESCRIPTOR *target = pSecurityDescriptor;

    if (!target) return result(ERROR_INVALID_PARAMETER);
    if (dwRevision != SECURITY_DESCRIPTOR_REVISION) return result(ERROR_UNKNOWN_REVISION);
    *target = (SECURITY_DESCRIPTOR){.Revision = SECURITY_DESCRIPTOR_REVISION};
    return TRUE;
}

/* NULL, and the error is set: not an absolute descriptor. */
static SECURITY_DESCRIPTOR *absolute(PSECURITY_DESCRIPTOR descriptor)
{
    SECURITY_DESCRIPTOR *target = descriptor;
    DWORD error = ERROR_SUCCESS;

    if (!target)
        error = ERROR_INVALID_PARAMETER;
    else if (target->Revision != SECURITY_DESCRIPTOR_REVISION)
        error = ERROR_UNKNOWN_REVISION;
    else if (target->Control & SE_SELF_RELATIVE)
        error = ERROR_INVALID_SECURITY_DESCR;
    return result(error) ? target : NULL;
}

static void set_control(SECURITY_DESCRIPTOR *target, unsigned bit, BOOL on)
{
    target->Control = (WORD)(on ? target->Control | bit : target->Control & ~bit);
}

BOOL SetSecurityDescriptorDacl(PSECURITY_DESCRIPTOR pSecurityDescriptor, BOOL bDaclPresent, PACL pDacl,
                               BOOL bDaclDefaulted)
{
    SECURITY_DESCRIPTOR *target = absolute(pSecurityDescriptor);

    if (!target) return FALSE;
    target->Dacl = bDaclPresent ? pDacl : NULL;
    set_control(target, SE_DACL_PRESENT, bDaclPresent);
    set_control(target, SE_DACL_DEFAULTED, bDaclPresent && bDaclDefaulted);
    return TRUE;
}

BOOL SetSecurityDescriptorSacl(PSECURITY_DESCRIPTOR pSecurityDescriptor, BOOL bSaclPresent, PACL pSacl,
                               BOOL bSaclDefaulted)
{
    SECURITY_DESCRIPTOR *target = absolute(pSecurityDescriptor);

    if (!target) return FALSE;
    target->Sacl = bSaclPresent ? pSacl : NULL;
    set_control(target, SE_SACL_PRESENT, bSaclPresent);
    set_control(target, SE_SACL_DEFAULTED, bSaclPresent && bSaclDefaulted);
    return TRUE;
}

BOOL SetSecurityDescriptorOwner(PSECURITY_DESCRIPTOR pSecurityDescriptor, PSID pOwner, BOOL bOwnerDefaulted)
{
    SECURITY_DESCRIPTOR *target = absolute(pSecurityDescriptor);

    if (!target) return FALSE;
    if (pOwner && !IsValidSid(pOwner)) return result(ERROR_INVALID_SID);
    target->Owner = pOwner;
    set_control(target, SE_OWNER_DEFAULTED, bOwnerDefaulted);
    return TRUE;
}

BOOL SetSecurityDescriptorGroup(PSECURITY_DESCRIPTOR pSecurityDescriptor, PSID pGroup, BOOL bGroupDefaulted)
{
    SECURITY_DESCRIPTOR *target = absolute(pSecurityDescriptor);

    if (!target) return FALSE;
    if (pGroup && !IsValidSid(pGroup)) return result(ERROR_INVALID_SID);
    target->Group = pGroup;
    set_control(target, SE_GROUP_DEFAULTED, bGroupDefaulted);
    return TRUE;
}

BOOL SetSecurityDescriptorControl(PSECURITY_DESCRIPTOR pSecurityDescriptor,
                                  SECURITY_DESCRIPTOR_CONTROL ControlBitsOfInterest,
                                  SECURITY_DESCRIPTOR_CONTROL ControlBitsToSet)
{
    SECURITY_DESCRIPTOR *target = absolute(pSecurityDescriptor);

    if (!target) return FALSE;
    if (ControlBitsOfInterest & ~CONTROL_SETTABLE || ControlBitsToSet & ~ControlBitsOfInterest)
        return result(ERROR_INVALID_PARAMETER);
    target->Control = (WORD)((target->Control & ~ControlBitsOfInterest) | ControlBitsToSet);
    return TRUE;
}

/* Looking at either */

static bool look(PSECURITY_DESCRIPTOR descriptor, WinParts *ret_parts)
{
    return result(win_descriptor_parts(descriptor, ret_parts) ? ERROR_SUCCESS : ERROR_INVALID_SECURITY_DESCR);
}

BOOL GetSecurityDescriptorControl(PSECURITY_DESCRIPTOR pSecurityDescriptor,
                                  PSECURITY_DESCRIPTOR_CONTROL pControl, LPDWORD lpdwRevision)
{
    WinParts parts;

    if (!pControl || !lpdwRevision) return result(ERROR_INVALID_PARAMETER);
    if (!look(pSecurityDescriptor, &parts)) return FALSE;
    *pControl = parts.control;
    *lpdwRevision = SECURITY_DESCRIPTOR_REVISION;
    return TRUE;
}

BOOL GetSecurityDescriptorDacl(PSECURITY_DESCRIPTOR pSecurityDescriptor, LPBOOL lpbDaclPresent, PACL *pDacl,
                               LPBOOL lpbDaclDefaulted)
{
    WinParts parts;

    if (!lpbDaclPresent || !pDacl || !lpbDaclDefaulted) return result(ERROR_INVALID_PARAMETER);
    if (!look(pSecurityDescriptor, &parts)) return FALSE;
    *lpbDaclPresent = !!(parts.control & SE_DACL_PRESENT);
    *pDacl = parts.dacl;
    *lpbDaclDefaulted = !!(parts.control & SE_DACL_DEFAULTED);
    return TRUE;
}

BOOL GetSecurityDescriptorSacl(PSECURITY_DESCRIPTOR pSecurityDescriptor, LPBOOL lpbSaclPresent, PACL *pSacl,
                               LPBOOL lpbSaclDefaulted)
{
    WinParts parts;

    if (!lpbSaclPresent || !pSacl || !lpbSaclDefaulted) return result(ERROR_INVALID_PARAMETER);
    if (!look(pSecurityDescriptor, &parts)) return FALSE;
    *lpbSaclPresent = !!(parts.control & SE_SACL_PRESENT);
    *pSacl = parts.sacl;
    *lpbSaclDefaulted = !!(parts.control & SE_SACL_DEFAULTED);
    return TRUE;
}

BOOL GetSecurityDescriptorOwner(PSECURITY_DESCRIPTOR pSecurityDescriptor, PSID *pOwner,
                                LPBOOL lpbOwnerDefaulted)
{
    WinParts parts;

    if (!pOwner || !lpbOwnerDefaulted) return result(ERROR_INVALID_PARAMETER);
    if (!look(pSecurityDescriptor, &parts)) return FALSE;
    *pOwner = parts.owner;
    *lpbOwnerDefaulted = !!(parts.control & SE_OWNER_DEFAULTED);
    return TRUE;
}

BOOL GetSecurityDescriptorGroup(PSECURITY_DESCRIPTOR pSecurityDescriptor, PSID *pGroup,
                                LPBOOL lpbGroupDefaulted)
{
    WinParts parts;

    if (!pGroup || !lpbGroupDefaulted) return result(ERROR_INVALID_PARAMETER);
    if (!look(pSecurityDescriptor, &parts)) return FALSE;
    *pGroup = parts.group;
    *lpbGroupDefaulted = !!(parts.control & SE_GROUP_DEFAULTED);
    return TRUE;
}

/* From one form to the other */

BOOL MakeSelfRelativeSD(PSECURITY_DESCRIPTOR pAbsoluteSecurityDescriptor,
                        PSECURITY_DESCRIPTOR pSelfRelativeSecurityDescriptor, LPDWORD lpdwBufferLength)
{
    WinParts parts;

    if (!lpdwBufferLength) return result(ERROR_INVALID_PARAMETER);
    if (!IsValidSecurityDescriptor(pAbsoluteSecurityDescriptor) ||
        !win_descriptor_parts(pAbsoluteSecurityDescriptor, &parts))
        return result(ERROR_INVALID_SECURITY_DESCR);
    if (parts.control & SE_SELF_RELATIVE) return result(ERROR_BAD_DESCRIPTOR_FORMAT);
    DWORD room = *lpdwBufferLength;
    *lpdwBufferLength = parts_length(&parts);
    if (!pSelfRelativeSecurityDescriptor || room < *lpdwBufferLength)
        return result(ERROR_INSUFFICIENT_BUFFER);
    memset(pSelfRelativeSecurityDescriptor, 0, *lpdwBufferLength);
    flatten(&parts, pSelfRelativeSecurityDescriptor);
    return TRUE;
}

/* A buffer and its size, which becomes the needed one; false: it does not fit. */
static bool claim(const void *buffer, LPDWORD size, DWORD needed)
{
    bool fits = needed == 0 || (buffer && *size >= needed);

    *size = needed;
    return fits;
}

BOOL MakeAbsoluteSD(PSECURITY_DESCRIPTOR pSelfRelativeSecurityDescriptor,
                    PSECURITY_DESCRIPTOR pAbsoluteSecurityDescriptor,
                    LPDWORD lpdwAbsoluteSecurityDescriptorSize, PACL pDacl, LPDWORD lpdwDaclSize, PACL pSacl,
                    LPDWORD lpdwSaclSize, PSID pOwner, LPDWORD lpdwOwnerSize, PSID pPrimaryGroup,
                    LPDWORD lpdwPrimaryGroupSize)
{
    SECURITY_DESCRIPTOR *target = pAbsoluteSecurityDescriptor;
    WinParts parts;

    if (!lpdwAbsoluteSecurityDescriptorSize || !lpdwDaclSize || !lpdwSaclSize || !lpdwOwnerSize ||
        !lpdwPrimaryGroupSize)
        return result(ERROR_INVALID_PARAMETER);
    if (!IsValidSecurityDescriptor(pSelfRelativeSecurityDescriptor) ||
        !win_descriptor_parts(pSelfRelativeSecurityDescriptor, &parts))
        return result(ERROR_INVALID_SECURITY_DESCR);
    if (!(parts.control & SE_SELF_RELATIVE)) return result(ERROR_BAD_DESCRIPTOR_FORMAT);
    bool fits = claim(target, lpdwAbsoluteSecurityDescriptorSize, sizeof(*target));
    fits &= claim(pDacl, lpdwDaclSize, acl_length(parts.dacl));
    fits &= claim(pSacl, lpdwSaclSize, acl_length(parts.sacl));
    fits &= claim(pOwner, lpdwOwnerSize, sid_length(parts.owner));
    fits &= claim(pPrimaryGroup, lpdwPrimaryGroupSize, sid_length(parts.group));
    if (!fits) return result(ERROR_INSUFFICIENT_BUFFER);
    *target = (SECURITY_DESCRIPTOR){.Revision = SECURITY_DESCRIPTOR_REVISION,
                                    .Control = parts.control & (WORD)~SE_SELF_RELATIVE};
    if (parts.dacl) target->Dacl = memcpy(pDacl, parts.dacl, parts.dacl->AclSize);
    if (parts.sacl) target->Sacl = memcpy(pSacl, parts.sacl, parts.sacl->AclSize);
    if (parts.owner) target->Owner = memcpy(pOwner, parts.owner, sid_length(parts.owner));
    if (parts.group) target->Group = memcpy(pPrimaryGroup, parts.group, sid_length(parts.group));
    return TRUE;
}
