/* SPDX-License-Identifier: Apache-2.0 */
/* SIDs and security descriptors as text, [MS-DTYP] 2.5.1. What is returned is freed with LocalFree
 * (winbase.h). */
#pragma once
#include "winnt.h"

/* "S-1-5-21-...". FALSE with ERROR_INVALID_SID, ERROR_INVALID_PARAMETER, ERROR_NOT_ENOUGH_MEMORY.
 * sdk:ConvertSidToStringSidW */
MANTLE_API BOOL ConvertSidToStringSidW(PSID Sid, LPWSTR *StringSid);
#define ConvertSidToStringSid ConvertSidToStringSidW
/* "S-1-5-18" or an abbreviation of SDDL ("SY"). ERROR_INVALID_SID, ERROR_INVALID_PARAMETER,
 * ERROR_NOT_ENOUGH_MEMORY. sdk:ConvertStringSidToSidW */
MANTLE_API BOOL ConvertStringSidToSidW(LPCWSTR StringSid, PSID *Sid);
#define ConvertStringSidToSid ConvertStringSidToSidW

#define SDDL_REVISION_1 1
#define SDDL_REVISION   SDDL_REVISION_1

/* "O:SYG:SYD:(A;;CC;;;WD)" as a self-relative descriptor; *Size (may be NULL) its bytes.
 * ERROR_INVALID_PARAMETER: no SDDL, or what Mantle does not evaluate (GetErrorInfo says what, where): entries
 * of objects or with conditions, abbreviations relative to a domain; ERROR_UNKNOWN_REVISION;
 * ERROR_NOT_ENOUGH_MEMORY. sdk:ConvertStringSecurityDescriptorToSecurityDescriptorW */
MANTLE_API BOOL ConvertStringSecurityDescriptorToSecurityDescriptorW(LPCWSTR StringSecurityDescriptor,
                                                                     DWORD StringSDRevision,
                                                                     PSECURITY_DESCRIPTOR *SecurityDescriptor,
                                                                     PULONG SecurityDescriptorSize);
#define ConvertStringSecurityDescriptorToSecurityDescriptor                                                  \
    ConvertStringSecurityDescriptorToSecurityDescriptorW
/* The other way; SecurityInformation says which parts, *Length (may be NULL) counts characters with the NUL.
 * ERROR_INVALID_SECURITY_DESCR, ERROR_UNKNOWN_REVISION, ERROR_INVALID_PARAMETER, ERROR_NOT_ENOUGH_MEMORY.
 * sdk:ConvertSecurityDescriptorToStringSecurityDescriptorW */
MANTLE_API BOOL ConvertSecurityDescriptorToStringSecurityDescriptorW(PSECURITY_DESCRIPTOR SecurityDescriptor,
                                                                     DWORD RequestedStringSDRevision,
                                                                     SECURITY_INFORMATION SecurityInformation,
                                                                     LPWSTR *StringSecurityDescriptor,
                                                                     PULONG StringSecurityDescriptorLen);
#define ConvertSecurityDescriptorToStringSecurityDescriptor                                                  \
    ConvertSecurityDescriptorToStringSecurityDescriptorW
