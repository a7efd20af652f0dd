/* SPDX-License-Identifier: Apache-2.0 */
/* AccessCheck and SDDL under their Windows names. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/utf16.h"
#include "com/access.h"
#include "com/errorinfo.h"
#include "com/handle.h"
#include "com/process.h"
#include "com/thread.h"
#include "com/windescriptor.h"
#include "sddl.h"
#include "sec/access.h"
#include "sec/sddl.h"
#include "securitybaseapi.h"
#include "winbase.h"
#include "winerror.h"

_Static_assert(RIGHT_MAXIMUM_ALLOWED == MAXIMUM_ALLOWED && RIGHT_GENERIC_READ == GENERIC_READ &&
                   RIGHT_SYSTEM_SECURITY == ACCESS_SYSTEM_SECURITY &&
                   ACE_TYPE_DENIED == ACCESS_DENIED_ACE_TYPE &&
                   DESCRIPTOR_DACL_PROTECTED == SE_DACL_PROTECTED,
               "same numbers");

static BOOL result(DWORD error)
{
    if (error) SetLastError(error);
    return !error;
}

/* A caller of this process's, as a token says it: how it came says the token, too. */
static DWORD make_subject(const Token *token, AccessSubject **ret_subject)
{
    AccessAdministrators administrators;

    if (FAILED(access_administrators(&administrators))) return ERROR_INVALID_DATA;
    int r = access_subject_new(token, !token_is_from_network(token), &administrators, ret_subject);
    return r < 0 ? ERROR_NOT_ENOUGH_MEMORY : ERROR_SUCCESS;
}

static DWORD client_token(HANDLE handle, Token **ret_token)
{
    _cleanup_(token_unrefp) Token *token = NULL;
    DWORD error = handle_token(handle, TOKEN_QUERY, &token, NULL);

    if (error) return error;
    if (token_kind(token) != TOKEN_KIND_IMPERSONATION) return ERROR_NO_IMPERSONATION_TOKEN;
    if (token_level(token) < TOKEN_LEVEL_IDENTIFICATION) return ERROR_BAD_IMPERSONATION_LEVEL;
    *ret_token = TAKE_PTR(token);
    return ERROR_SUCCESS;
}

static DWORD check(PSECURITY_DESCRIPTOR source, HANDLE handle, DWORD desired, const GENERIC_MAPPING *mapping,
                   DWORD *ret_granted, bool *ret_allowed)
{
    const AccessMapping meaning = {mapping->GenericRead, mapping->GenericWrite, mapping->GenericExecute,
                                   mapping->GenericAll};
    _cleanup_(descriptor_freep) SecurityDescriptor *descriptor = NULL;
    _cleanup_(access_subject_freep) AccessSubject *subject = NULL;
    _cleanup_(token_unrefp) Token *token = NULL;
    DWORD error;

    if (desired & RIGHT_GENERIC) return ERROR_GENERIC_NOT_MAPPED;
    error = client_token(handle, &token);
    if (!error) error = win_descriptor_read(source, &descriptor, NULL);
    if (error) return error;
    if (!descriptor->has_owner || !descriptor->has_group) return ERROR_INVALID_SECURITY_DESCR;
    error = make_subject(token, &subject);
    if (!error) *ret_allowed = access_check(descriptor, subject, desired, &meaning, ret_granted);
    return error;
}

BOOL AccessCheck(PSECURITY_DESCRIPTOR pSecurityDescriptor, HANDLE ClientToken, DWORD DesiredAccess,
                 PGENERIC_MAPPING GenericMapping, PPRIVILEGE_SET PrivilegeSet, LPDWORD PrivilegeSetLength,
                 LPDWORD GrantedAccess, LPBOOL AccessStatus)
{
    DWORD granted = 0, room, error;
    bool allowed = false;

    if (!GenericMapping || !GrantedAccess || !AccessStatus || !PrivilegeSetLength)
        return result(ERROR_INVALID_PARAMETER);
    room = *PrivilegeSetLength;
    if (!PrivilegeSet || room < sizeof(*PrivilegeSet)) {
        *PrivilegeSetLength = sizeof(*PrivilegeSet);
        return result(ERROR_INSUFFICIENT_BUFFER);
    }
    error = check(pSecurityDescriptor, ClientToken, DesiredAccess, GenericMapping, &granted, &allowed);
    if (error) return result(error);
    memset(PrivilegeSet, 0, sizeof(*PrivilegeSet));
    *GrantedAccess = granted;
    *AccessStatus = allowed;
    if (!allowed) SetLastError(ERROR_ACCESS_DENIED);
    return TRUE;
}

VOID MapGenericMask(PDWORD AccessMask, PGENERIC_MAPPING GenericMapping)
{
    const AccessMapping meaning = {GenericMapping->GenericRead, GenericMapping->GenericWrite,
                                   GenericMapping->GenericExecute, GenericMapping->GenericAll};

    *AccessMask = access_map_generic(*AccessMask, &meaning);
}

/* sdk:CheckTokenMembership: NULL is the thread's impersonation token, else the process's. */
static DWORD member_token(HANDLE handle, Token **ret_token)
{
    Token *token;

    if (handle) return client_token(handle, ret_token);
    token = thread_token();
    if (!token && FAILED(process_token(&token))) return ERROR_NO_SUCH_LOGON_SESSION;
    *ret_token = token_ref(token);
    return ERROR_SUCCESS;
}

BOOL CheckTokenMembership(HANDLE TokenHandle, PSID SidToCheck, PBOOL IsMember)
{
    _cleanup_(access_subject_freep) AccessSubject *subject = NULL;
    _cleanup_(token_unrefp) Token *token = NULL;
    DWORD error;
    Sid sid;

    if (!IsMember) return result(ERROR_INVALID_PARAMETER);
    if (!win_sid_get(SidToCheck, &sid)) return result(ERROR_INVALID_SID);
    error = member_token(TokenHandle, &token);
    if (!error) error = make_subject(token, &subject);
    if (!error) *IsMember = access_subject_has(subject, &sid);
    return result(error);
}

/* SDDL */

static DWORD parse_text(LPCWSTR wide, SecurityDescriptor **ret_descriptor)
{
    _cleanup_(freep) char *text = NULL;
    SecFailure failure = {0};
    int r = utf8_from_utf16(wide, utf16_length(wide), &text);

    if (r < 0) return r == -ENOMEM ? ERROR_NOT_ENOUGH_MEMORY : ERROR_INVALID_PARAMETER;
    r = sddl_parse(text, SDDL_STRICT, ret_descriptor, &failure);
    if (r < 0) return ERROR_NOT_ENOUGH_MEMORY;
    if (r == 0) return ERROR_SUCCESS;
    (void)com_error_from_failure(&failure); /* the sentence is for GetErrorInfo */
    return failure.code;
}

BOOL ConvertStringSecurityDescriptorToSecurityDescriptorW(LPCWSTR StringSecurityDescriptor,
                                                          DWORD StringSDRevision,
                                                          PSECURITY_DESCRIPTOR *SecurityDescriptor_,
                                                          PULONG SecurityDescriptorSize)
{
    _cleanup_(descriptor_freep) SecurityDescriptor *descriptor = NULL;
    _cleanup_(writer_deinitp) Writer writer;
    DWORD error;

    writer_init(&writer, 0);
    if (!StringSecurityDescriptor || !SecurityDescriptor_) return result(ERROR_INVALID_PARAMETER);
    if (StringSDRevision != SDDL_REVISION_1) return result(ERROR_UNKNOWN_REVISION);
    error = parse_text(StringSecurityDescriptor, &descriptor);
    if (error) return result(error);
    descriptor_write(&writer, descriptor);
    PSECURITY_DESCRIPTOR made = writer_status(&writer) == 0 ? GlobalAlloc(GMEM_FIXED, writer.length) : NULL;
    if (!made) return result(ERROR_NOT_ENOUGH_MEMORY);
    memcpy(made, writer.data, writer.length);
    *SecurityDescriptor_ = made;
    if (SecurityDescriptorSize) *SecurityDescriptorSize = (ULONG)writer.length;
    return TRUE;
}

static DWORD format_text(const SecurityDescriptor *descriptor, SECURITY_INFORMATION information,
                         LPWSTR *ret_text, ULONG *ret_units)
{
    const SddlParts parts = {.owner = information & OWNER_SECURITY_INFORMATION,
                             .group = information & GROUP_SECURITY_INFORMATION,
                             .dacl = information & DACL_SECURITY_INFORMATION,
                             .sacl = information & SACL_SECURITY_INFORMATION};
    _cleanup_(freep) char *text = NULL;
    _cleanup_(freep) char16_t *wide = NULL;
    size_t length;

    int r = sddl_format(descriptor, parts, &text);
    if (r < 0) return r == -ENOMEM ? ERROR_NOT_ENOUGH_MEMORY : ERROR_INVALID_SECURITY_DESCR;
    if (utf16_from_utf8(text, &wide, &length) < 0) return ERROR_NOT_ENOUGH_MEMORY;
    LPWSTR made = GlobalAlloc(GMEM_FIXED, (length + 1) * sizeof(*made));
    if (!made) return ERROR_NOT_ENOUGH_MEMORY;
    memcpy(made, wide, (length + 1) * sizeof(*made));
    *ret_text = made;
    *ret_units = (ULONG)length + 1;
    return ERROR_SUCCESS;
}

BOOL ConvertSecurityDescriptorToStringSecurityDescriptorW(PSECURITY_DESCRIPTOR SecurityDescriptor_,
                                                          DWORD RequestedStringSDRevision,
                                                          SECURITY_INFORMATION SecurityInformation,
                                                          LPWSTR *StringSecurityDescriptor,
                                                          PULONG StringSecurityDescriptorLen)
{
    _cleanup_(descriptor_freep) SecurityDescriptor *descriptor = NULL;
    ULONG units;
    DWORD error;

    if (!SecurityDescriptor_ || !StringSecurityDescriptor) return result(ERROR_INVALID_PARAMETER);
    if (RequestedStringSDRevision != SDDL_REVISION_1) return result(ERROR_UNKNOWN_REVISION);
    error = win_descriptor_read(SecurityDescriptor_, &descriptor, NULL);
    if (!error) error = format_text(descriptor, SecurityInformation, StringSecurityDescriptor, &units);
    if (!error && StringSecurityDescriptorLen) *StringSecurityDescriptorLen = units;
    return result(error);
}
