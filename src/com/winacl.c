/* SPDX-License-Identifier: Apache-2.0 */
/* Access control lists in a program's memory. A list is trusted to be as long as it says, and nothing else.
 */
#include <string.h>
#include "com/windescriptor.h"
#include "securitybaseapi.h"
#include "winbase.h"
#include "winerror.h"

#define ACE_FLAGS_INHERITANCE                                                                                \
    (OBJECT_INHERIT_ACE | CONTAINER_INHERIT_ACE | NO_PROPAGATE_INHERIT_ACE | INHERIT_ONLY_ACE | INHERITED_ACE)

static BOOL result(DWORD error)
{
    if (error) SetLastError(error);
    return !error;
}

static bool revision_is_known(DWORD revision)
{
    return revision >= ACL_REVISION && revision <= ACL_REVISION_DS;
}

/* The offset behind the entry at `offset`; 0: it does not lie within the list. */
static DWORD ace_end(const ACL *acl, DWORD offset)
{
    const ACE_HEADER *ace = (const ACE_HEADER *)((const BYTE *)acl + offset);

    if (acl->AclSize - offset < sizeof(*ace) || ace->AceSize < sizeof(*ace) || ace->AceSize % 4 ||
        ace->AceSize > acl->AclSize - offset)
        return 0;
    return offset + ace->AceSize;
}

/* The offset of an entry; that of number AceCount is where the next one goes. 0: the list is not valid. */
static DWORD ace_offset(const ACL *acl, DWORD index)
{
    DWORD offset = sizeof(*acl);

    for (DWORD i = 0; i < index && offset; i++)
        offset = ace_end(acl, offset);
    return offset;
}

bool win_acl_is_valid(const ACL *acl)
{
    return acl && revision_is_known(acl->AclRevision) && acl->AclSize >= sizeof(*acl) &&
           ace_offset(acl, acl->AceCount);
}

BOOL IsValidAcl(PACL pAcl)
{
    return win_acl_is_valid(pAcl);
}

BOOL InitializeAcl(PACL pAcl, DWORD nAclLength, DWORD dwAclRevision)
{
    if (!pAcl || nAclLength > UINT16_MAX ||
        (dwAclRevision != ACL_REVISION && dwAclRevision != ACL_REVISION_DS))
        return result(ERROR_INVALID_PARAMETER);
    if (nAclLength < sizeof(ACL)) return result(ERROR_INSUFFICIENT_BUFFER);
    *pAcl = (ACL){.AclRevision = (BYTE)dwAclRevision, .AclSize = (WORD)(nAclLength & ~3u)};
    return TRUE;
}

BOOL GetAclInformation(PACL pAcl, LPVOID pAclInformation, DWORD nAclInformationLength,
                       ACL_INFORMATION_CLASS dwAclInformationClass)
{
    ACL_REVISION_INFORMATION revision;
    ACL_SIZE_INFORMATION size;

    if (!pAclInformation) return result(ERROR_INVALID_PARAMETER);
    if (!win_acl_is_valid(pAcl)) return result(ERROR_INVALID_ACL);
    switch (dwAclInformationClass) {
    case AclRevisionInformation:
        if (nAclInformationLength < sizeof(revision)) return result(ERROR_INSUFFICIENT_BUFFER);
        revision.AclRevision = pAcl->AclRevision;
        memcpy(pAclInformation, &revision, sizeof(revision));
        return TRUE;
    case AclSizeInformation:
        if (nAclInformationLength < sizeof(size)) return result(ERROR_INSUFFICIENT_BUFFER);
        size.AceCount = pAcl->AceCount;
        size.AclBytesInUse = ace_offset(pAcl, pAcl->AceCount);
        size.AclBytesFree = pAcl->AclSize - size.AclBytesInUse;
        memcpy(pAclInformation, &size, sizeof(size));
        return TRUE;
    }
    return result(ERROR_INVALID_PARAMETER);
}

static DWORD add_ace(PACL acl, DWORD revision, BYTE type, DWORD flags, DWORD mask, PSID sid)
{
    DWORD sid_size, offset, size;

    if (!win_acl_is_valid(acl)) return ERROR_INVALID_ACL;
    if (!IsValidSid(sid)) return ERROR_INVALID_SID;
    if (!revision_is_known(revision)) return ERROR_REVISION_MISMATCH;
    if (flags & ~(DWORD)ACE_FLAGS_INHERITANCE) return ERROR_INVALID_FLAGS;
    sid_size = GetLengthSid(sid);
    offset = ace_offset(acl, acl->AceCount);
    size = (DWORD)offsetof(ACCESS_ALLOWED_ACE, SidStart) + sid_size;
    if (size > acl->AclSize - offset || acl->AceCount == UINT16_MAX) return ERROR_ALLOTTED_SPACE_EXCEEDED;
    ACCESS_ALLOWED_ACE *ace = (ACCESS_ALLOWED_ACE *)((BYTE *)acl + offset);
    ace->Header = (ACE_HEADER){type, (BYTE)flags, (WORD)size};
    ace->Mask = mask;
    memcpy((BYTE *)ace + offsetof(ACCESS_ALLOWED_ACE, SidStart), sid, sid_size);
    acl->AceCount++;
    if (revision > acl->AclRevision) acl->AclRevision = (BYTE)revision;
    return ERROR_SUCCESS;
}

BOOL AddAccessAllowedAceEx(PACL pAcl, DWORD dwAceRevision, DWORD AceFlags, DWORD AccessMask, PSID pSid)
{
    return result(add_ace(pAcl, dwAceRevision, ACCESS_ALLOWED_ACE_TYPE, AceFlags, AccessMask, pSid));
}

BOOL AddAccessAllowedAce(PACL pAcl, DWORD dwAceRevision, DWORD AccessMask, PSID pSid)
{
    return AddAccessAllowedAceEx(pAcl, dwAceRevision, 0, AccessMask, pSid);
}

BOOL AddAccessDeniedAceEx(PACL pAcl, DWORD dwAceRevision, DWORD AceFlags, DWORD AccessMask, PSID pSid)
{
    return result(add_ace(pAcl, dwAceRevision, ACCESS_DENIED_ACE_TYPE, AceFlags, AccessMask, pSid));
}

BOOL AddAccessDeniedAce(PACL pAcl, DWORD dwAceRevision, DWORD AccessMask, PSID pSid)
{
    return AddAccessDeniedAceEx(pAcl, dwAceRevision, 0, AccessMask, pSid);
}

BOOL GetAce(PACL pAcl, DWORD dwAceIndex, LPVOID *pAce)
{
    if (!pAce) return result(ERROR_INVALID_PARAMETER);
    if (!win_acl_is_valid(pAcl)) return result(ERROR_INVALID_ACL);
    if (dwAceIndex >= pAcl->AceCount) return result(ERROR_INVALID_PARAMETER);
    *pAce = (BYTE *)pAcl + ace_offset(pAcl, dwAceIndex);
    return TRUE;
}

BOOL DeleteAce(PACL pAcl, DWORD dwAceIndex)
{
    if (!win_acl_is_valid(pAcl)) return result(ERROR_INVALID_ACL);
    if (dwAceIndex >= pAcl->AceCount) return result(ERROR_INVALID_PARAMETER);
    DWORD offset = ace_offset(pAcl, dwAceIndex), end = ace_offset(pAcl, dwAceIndex + 1);
    DWORD used = ace_offset(pAcl, pAcl->AceCount);
    memmove((BYTE *)pAcl + offset, (BYTE *)pAcl + end, used - end);
    memset((BYTE *)pAcl + used - (end - offset), 0, end - offset);
    pAcl->AceCount--;
    return TRUE;
}
