/* SPDX-License-Identifier: Apache-2.0 */
/* SIDs as programs make and take them apart. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/utf16.h"
#include "com/windescriptor.h"
#include "sddl.h"
#include "sec/sddl.h"
#include "securitybaseapi.h"
#include "winbase.h"
#include "winerror.h"

#define ALLOCATE_MAX 8 /* subauthorities of AllocateAndInitializeSid */

static BOOL result(DWORD error)
{
    if (error) SetLastError(error);
    return !error;
}

bool win_sid_get(PSID source, Sid *ret_sid)
{
    const SID *from = source;

    if (!IsValidSid(source)) return false;
    Sid sid = {.count = from->SubAuthorityCount};
    for (size_t i = 0; i < sizeof(from->IdentifierAuthority.Value); i++)
        sid.authority = sid.authority << 8 | from->IdentifierAuthority.Value[i];
    memcpy(sid.subauthorities, from->SubAuthority, sid.count * sizeof(uint32_t));
    *ret_sid = sid;
    return true;
}

DWORD win_sid_size(const Sid *sid)
{
    return GetSidLengthRequired(sid->count);
}

void win_sid_put(const Sid *sid, PSID target)
{
    Writer writer;

    writer_init_fixed(&writer, target, win_sid_size(sid));
    sid_write(&writer, sid);
}

PSID win_sid_new(const Sid *sid)
{
    PSID copy = GlobalAlloc(GMEM_FIXED, win_sid_size(sid));

    if (copy) win_sid_put(sid, copy);
    return copy;
}

DWORD GetSidLengthRequired(UCHAR nSubAuthorityCount)
{
    return 8 + 4u * nSubAuthorityCount;
}

BOOL InitializeSid(PSID Sid_, PSID_IDENTIFIER_AUTHORITY pIdentifierAuthority, BYTE nSubAuthorityCount)
{
    SID *sid = Sid_;

    if (!sid || !pIdentifierAuthority || nSubAuthorityCount > SID_MAX_SUB_AUTHORITIES)
        return result(ERROR_INVALID_PARAMETER);
    sid->Revision = SID_REVISION;
    sid->SubAuthorityCount = nSubAuthorityCount;
    sid->IdentifierAuthority = *pIdentifierAuthority;
    return TRUE;
}

PSID_IDENTIFIER_AUTHORITY GetSidIdentifierAuthority(PSID pSid)
{
    return &((SID *)pSid)->IdentifierAuthority;
}

PDWORD GetSidSubAuthority(PSID pSid, DWORD nSubAuthority)
{
    return &((SID *)pSid)->SubAuthority[nSubAuthority];
}

PUCHAR GetSidSubAuthorityCount(PSID pSid)
{
    return &((SID *)pSid)->SubAuthorityCount;
}

BOOL CopySid(DWORD nDestinationSidLength, PSID pDestinationSid, PSID pSourceSid)
{
    if (!IsValidSid(pSourceSid)) return result(ERROR_INVALID_SID);
    DWORD length = GetLengthSid(pSourceSid);
    if (!pDestinationSid || nDestinationSidLength < length) return result(ERROR_INSUFFICIENT_BUFFER);
    memmove(pDestinationSid, pSourceSid, length);
    return TRUE;
}

BOOL AllocateAndInitializeSid(PSID_IDENTIFIER_AUTHORITY pIdentifierAuthority, BYTE nSubAuthorityCount,
                              DWORD nSubAuthority0, DWORD nSubAuthority1, DWORD nSubAuthority2,
                              DWORD nSubAuthority3, DWORD nSubAuthority4, DWORD nSubAuthority5,
                              DWORD nSubAuthority6, DWORD nSubAuthority7, PSID *pSid)
{
    const DWORD given[ALLOCATE_MAX] = {nSubAuthority0, nSubAuthority1, nSubAuthority2, nSubAuthority3,
                                       nSubAuthority4, nSubAuthority5, nSubAuthority6, nSubAuthority7};

    if (!pIdentifierAuthority || !pSid || nSubAuthorityCount == 0 || nSubAuthorityCount > ALLOCATE_MAX)
        return result(ERROR_INVALID_PARAMETER);
    SID *sid = malloc(GetSidLengthRequired(nSubAuthorityCount));
    if (!sid) return result(ERROR_NOT_ENOUGH_MEMORY);
    (void)InitializeSid(sid, pIdentifierAuthority, nSubAuthorityCount); /* the count is right */
    memcpy(sid->SubAuthority, given, nSubAuthorityCount * sizeof(DWORD));
    *pSid = sid;
    return TRUE;
}

PVOID FreeSid(PSID pSid)
{
    free(pSid);
    return NULL;
}

/* Well-known SIDs */

#define NT(rid)                                                                                              \
    {                                                                                                        \
        .count = 1, .authority = 5, .subauthorities = { rid }                                                \
    }
#define BUILTIN(rid)                                                                                         \
    {                                                                                                        \
        .count = 2, .authority = 5, .subauthorities = { 32, rid }                                            \
    }
#define OTHER(first, rid)                                                                                    \
    {                                                                                                        \
        .count = 1, .authority = (first), .subauthorities = { rid }                                          \
    }

static const struct {
    WELL_KNOWN_SID_TYPE type;
    Sid sid;
} known[] = {
    {WinNullSid, OTHER(0, 0)},
    {WinWorldSid, OTHER(1, 0)},
    {WinLocalSid, OTHER(2, 0)},
    {WinCreatorOwnerSid, OTHER(3, 0)},
    {WinCreatorGroupSid, OTHER(3, 1)},
    {WinCreatorOwnerRightsSid, OTHER(3, 4)},
    {WinNetworkSid, NT(2)},
    {WinInteractiveSid, NT(4)},
    {WinServiceSid, NT(6)},
    {WinAnonymousSid, NT(7)},
    {WinSelfSid, NT(10)},
    {WinAuthenticatedUserSid, NT(11)},
    {WinLocalSystemSid, NT(18)},
    {WinLocalServiceSid, NT(19)},
    {WinNetworkServiceSid, NT(20)},
    {WinBuiltinAdministratorsSid, BUILTIN(544)},
    {WinBuiltinUsersSid, BUILTIN(545)},
    {WinBuiltinGuestsSid, BUILTIN(546)},
    {WinBuiltinPowerUsersSid, BUILTIN(547)},
    {WinBuiltinDCOMUsersSid, BUILTIN(562)},
};

static const Sid *find_known(WELL_KNOWN_SID_TYPE type)
{
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (known[i].type == type) return &known[i].sid;
    return NULL;
}

BOOL CreateWellKnownSid(WELL_KNOWN_SID_TYPE WellKnownSidType, PSID DomainSid, PSID pSid, DWORD *cbSid)
{
    const Sid *sid = find_known(WellKnownSidType);
    (void)DomainSid;

    if (!sid || !cbSid) return result(ERROR_INVALID_PARAMETER);
    DWORD room = *cbSid;
    *cbSid = win_sid_size(sid);
    if (!pSid || room < *cbSid) return result(ERROR_INSUFFICIENT_BUFFER);
    win_sid_put(sid, pSid);
    return TRUE;
}

BOOL IsWellKnownSid(PSID pSid, WELL_KNOWN_SID_TYPE WellKnownSidType)
{
    const Sid *sid = find_known(WellKnownSidType);
    Sid given;

    return sid && win_sid_get(pSid, &given) && sid_equal(sid, &given);
}

BOOL ConvertStringSidToSidW(LPCWSTR StringSid, PSID *Sid_)
{
    _cleanup_(freep) char *text = NULL;
    Sid sid;

    if (!StringSid || !Sid_) return result(ERROR_INVALID_PARAMETER);
    int r = utf8_from_utf16(StringSid, utf16_length(StringSid), &text);
    if (r < 0) return result(r == -ENOMEM ? ERROR_NOT_ENOUGH_MEMORY : ERROR_INVALID_SID);
    if (sddl_sid_parse(text, &sid) < 0) return result(ERROR_INVALID_SID);
    PSID made = win_sid_new(&sid);
    if (!made) return result(ERROR_NOT_ENOUGH_MEMORY);
    *Sid_ = made;
    return TRUE;
}
