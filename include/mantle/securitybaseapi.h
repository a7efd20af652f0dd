/* SPDX-License-Identifier: Apache-2.0 */
/* Impersonation, copies of tokens, what is in them, SIDs, access control lists, security descriptors,
 * AccessCheck. Errors: as in processthreadsapi.h. */
#pragma once
#include "winnt.h"

/* Makes this thread act as a token of either kind: a primary token counts as one at SecurityImpersonation
 * that keeps its credential. The handle needs TOKEN_QUERY | TOKEN_IMPERSONATE, a primary one TOKEN_QUERY |
 * TOKEN_DUPLICATE, and may be closed afterwards. ERROR_INVALID_HANDLE, ERROR_ACCESS_DENIED.
 * sdk:ImpersonateLoggedOnUser */
MANTLE_API BOOL ImpersonateLoggedOnUser(HANDLE hToken);
/* Ends every impersonation of this thread, whoever began it. Inside a call that used CoImpersonateClient use
 * CoRevertToSelf instead. sdk:RevertToSelf */
MANTLE_API BOOL RevertToSelf(void);
/* A second token of a kind and, for TokenImpersonation, of a level (the new token's own identity state: a new
 * ModifiedId). The level of an impersonation token cannot rise: ERROR_BAD_IMPERSONATION_LEVEL, also for a
 * primary copy of one below SecurityImpersonation. dwDesiredAccess 0: that of the old handle.
 * ERROR_ACCESS_DENIED: it lacks TOKEN_DUPLICATE; ERROR_INVALID_HANDLE; ERROR_INVALID_PARAMETER (level, kind,
 * a security descriptor). sdk:DuplicateTokenEx */
MANTLE_API BOOL DuplicateTokenEx(HANDLE hExistingToken, DWORD dwDesiredAccess,
                                 LPSECURITY_ATTRIBUTES lpTokenAttributes,
                                 SECURITY_IMPERSONATION_LEVEL ImpersonationLevel, TOKEN_TYPE TokenType,
                                 PHANDLE phNewToken);
/* Writes what winnt.h names for a class, and the bytes it needs to *ReturnLength, also when they do not fit:
 * ERROR_INSUFFICIENT_BUFFER. ERROR_INVALID_HANDLE; ERROR_ACCESS_DENIED: the handle lacks TOKEN_QUERY;
 * ERROR_INVALID_PARAMETER: the level of a primary token; ERROR_NOT_SUPPORTED: the class.
 * sdk:GetTokenInformation */
MANTLE_API BOOL GetTokenInformation(HANDLE TokenHandle, TOKEN_INFORMATION_CLASS TokenInformationClass,
                                    LPVOID TokenInformation, DWORD TokenInformationLength,
                                    PDWORD ReturnLength);

/* SIDs; the pointers must be to whole SIDs. sdk:EqualSid, sdk:GetLengthSid, sdk:IsValidSid */
MANTLE_API BOOL EqualSid(PSID pSid1, PSID pSid2);
MANTLE_API DWORD GetLengthSid(PSID pSid);
MANTLE_API BOOL IsValidSid(PSID pSid);
/* Writes identifier authority and count; the subauthorities are set through GetSidSubAuthority. FALSE with
 * ERROR_INVALID_PARAMETER: more than SID_MAX_SUB_AUTHORITIES. sdk:InitializeSid */
MANTLE_API BOOL InitializeSid(PSID Sid, PSID_IDENTIFIER_AUTHORITY pIdentifierAuthority,
                              BYTE nSubAuthorityCount);
MANTLE_API DWORD GetSidLengthRequired(UCHAR nSubAuthorityCount);
/* These three point into the SID. sdk:GetSidSubAuthority, sdk:GetSidIdentifierAuthority */
MANTLE_API PSID_IDENTIFIER_AUTHORITY GetSidIdentifierAuthority(PSID pSid);
MANTLE_API PDWORD GetSidSubAuthority(PSID pSid, DWORD nSubAuthority);
MANTLE_API PUCHAR GetSidSubAuthorityCount(PSID pSid);
/* ERROR_INVALID_SID; ERROR_INSUFFICIENT_BUFFER. sdk:CopySid */
MANTLE_API BOOL CopySid(DWORD nDestinationSidLength, PSID pDestinationSid, PSID pSourceSid);
/* Freed with FreeSid. ERROR_INVALID_PARAMETER (1 to 8 subauthorities); ERROR_NOT_ENOUGH_MEMORY.
 * sdk:AllocateAndInitializeSid */
MANTLE_API BOOL AllocateAndInitializeSid(PSID_IDENTIFIER_AUTHORITY pIdentifierAuthority,
                                         BYTE nSubAuthorityCount, DWORD nSubAuthority0, DWORD nSubAuthority1,
                                         DWORD nSubAuthority2, DWORD nSubAuthority3, DWORD nSubAuthority4,
                                         DWORD nSubAuthority5, DWORD nSubAuthority6, DWORD nSubAuthority7,
                                         PSID *pSid);
/* NULL. sdk:FreeSid */
MANTLE_API PVOID FreeSid(PSID pSid);
/* *cbSid: the size of the buffer, then that of the SID. There are no domains: DomainSid is not looked at.
 * ERROR_INSUFFICIENT_BUFFER; ERROR_INVALID_PARAMETER: the type is not one of winnt.h. sdk:CreateWellKnownSid
 */
MANTLE_API BOOL CreateWellKnownSid(WELL_KNOWN_SID_TYPE WellKnownSidType, PSID DomainSid, PSID pSid,
                                   DWORD *cbSid);
MANTLE_API BOOL IsWellKnownSid(PSID pSid, WELL_KNOWN_SID_TYPE WellKnownSidType);

/* Access control lists. Their memory is the program's. */

/* An empty list in nAclLength bytes. ERROR_INVALID_PARAMETER: more than 65,535, or a revision other than
 * ACL_REVISION and ACL_REVISION_DS; ERROR_INSUFFICIENT_BUFFER. sdk:InitializeAcl */
MANTLE_API BOOL InitializeAcl(PACL pAcl, DWORD nAclLength, DWORD dwAclRevision);
/* Revision, and that the entries lie within the list. sdk:IsValidAcl */
MANTLE_API BOOL IsValidAcl(PACL pAcl);
/* AclRevisionInformation, AclSizeInformation. ERROR_INSUFFICIENT_BUFFER; ERROR_INVALID_PARAMETER;
 * ERROR_INVALID_ACL. sdk:GetAclInformation */
MANTLE_API BOOL GetAclInformation(PACL pAcl, LPVOID pAclInformation, DWORD nAclInformationLength,
                                  ACL_INFORMATION_CLASS dwAclInformationClass);
/* An entry at the end. ERROR_ALLOTTED_SPACE_EXCEEDED: the list has no room for it; ERROR_INVALID_ACL;
 * ERROR_INVALID_SID; ERROR_REVISION_MISMATCH; ERROR_INVALID_FLAGS. sdk:AddAccessAllowedAce,
 * sdk:AddAccessDeniedAceEx */
MANTLE_API BOOL AddAccessAllowedAce(PACL pAcl, DWORD dwAceRevision, DWORD AccessMask, PSID pSid);
MANTLE_API BOOL AddAccessAllowedAceEx(PACL pAcl, DWORD dwAceRevision, DWORD AceFlags, DWORD AccessMask,
                                      PSID pSid);
MANTLE_API BOOL AddAccessDeniedAce(PACL pAcl, DWORD dwAceRevision, DWORD AccessMask, PSID pSid);
MANTLE_API BOOL AddAccessDeniedAceEx(PACL pAcl, DWORD dwAceRevision, DWORD AceFlags, DWORD AccessMask,
                                     PSID pSid);
/* *pAce points into the list. ERROR_INVALID_PARAMETER: there is none of this number; ERROR_INVALID_ACL.
 * sdk:GetAce */
MANTLE_API BOOL GetAce(PACL pAcl, DWORD dwAceIndex, LPVOID *pAce);
/* sdk:DeleteAce */
MANTLE_API BOOL DeleteAce(PACL pAcl, DWORD dwAceIndex);

/* Security descriptors. The setters take absolute ones, keep the pointers they are given, and fail with
 * ERROR_INVALID_SECURITY_DESCR for self-relative ones; the getters take both and point into them. */

/* Absolute and empty: no owner, no group, no lists; that is, no restriction. ERROR_UNKNOWN_REVISION.
 * sdk:InitializeSecurityDescriptor */
MANTLE_API BOOL InitializeSecurityDescriptor(PSECURITY_DESCRIPTOR pSecurityDescriptor, DWORD dwRevision);
/* sdk:IsValidSecurityDescriptor */
MANTLE_API BOOL IsValidSecurityDescriptor(PSECURITY_DESCRIPTOR pSecurityDescriptor);
/* What it takes self-relative. The descriptor must be valid. sdk:GetSecurityDescriptorLength */
MANTLE_API DWORD GetSecurityDescriptorLength(PSECURITY_DESCRIPTOR pSecurityDescriptor);
MANTLE_API BOOL GetSecurityDescriptorControl(PSECURITY_DESCRIPTOR pSecurityDescriptor,
                                             PSECURITY_DESCRIPTOR_CONTROL pControl, LPDWORD lpdwRevision);
/* Of SE_DACL_AUTO_INHERIT_REQ to SE_SACL_PROTECTED. ERROR_INVALID_PARAMETER: others.
 * sdk:SetSecurityDescriptorControl */
MANTLE_API BOOL SetSecurityDescriptorControl(PSECURITY_DESCRIPTOR pSecurityDescriptor,
                                             SECURITY_DESCRIPTOR_CONTROL ControlBitsOfInterest,
                                             SECURITY_DESCRIPTOR_CONTROL ControlBitsToSet);
/* bDaclPresent with pDacl NULL: everybody may do everything. sdk:SetSecurityDescriptorDacl */
MANTLE_API BOOL SetSecurityDescriptorDacl(PSECURITY_DESCRIPTOR pSecurityDescriptor, BOOL bDaclPresent,
                                          PACL pDacl, BOOL bDaclDefaulted);
MANTLE_API BOOL GetSecurityDescriptorDacl(PSECURITY_DESCRIPTOR pSecurityDescriptor, LPBOOL lpbDaclPresent,
                                          PACL *pDacl, LPBOOL lpbDaclDefaulted);
MANTLE_API BOOL SetSecurityDescriptorSacl(PSECURITY_DESCRIPTOR pSecurityDescriptor, BOOL bSaclPresent,
                                          PACL pSacl, BOOL bSaclDefaulted);
MANTLE_API BOOL GetSecurityDescriptorSacl(PSECURITY_DESCRIPTOR pSecurityDescriptor, LPBOOL lpbSaclPresent,
                                          PACL *pSacl, LPBOOL lpbSaclDefaulted);
/* ERROR_INVALID_SID. sdk:SetSecurityDescriptorOwner */
MANTLE_API BOOL SetSecurityDescriptorOwner(PSECURITY_DESCRIPTOR pSecurityDescriptor, PSID pOwner,
                                           BOOL bOwnerDefaulted);
MANTLE_API BOOL GetSecurityDescriptorOwner(PSECURITY_DESCRIPTOR pSecurityDescriptor, PSID *pOwner,
                                           LPBOOL lpbOwnerDefaulted);
MANTLE_API BOOL SetSecurityDescriptorGroup(PSECURITY_DESCRIPTOR pSecurityDescriptor, PSID pGroup,
                                           BOOL bGroupDefaulted);
MANTLE_API BOOL GetSecurityDescriptorGroup(PSECURITY_DESCRIPTOR pSecurityDescriptor, PSID *pGroup,
                                           LPBOOL lpbGroupDefaulted);
/* Each buffer's size goes in and the needed one comes out, also when one is too small:
 * ERROR_INSUFFICIENT_BUFFER. ERROR_BAD_DESCRIPTOR_FORMAT: it is absolute already. sdk:MakeAbsoluteSD */
MANTLE_API BOOL MakeAbsoluteSD(PSECURITY_DESCRIPTOR pSelfRelativeSecurityDescriptor,
                               PSECURITY_DESCRIPTOR pAbsoluteSecurityDescriptor,
                               LPDWORD lpdwAbsoluteSecurityDescriptorSize, PACL pDacl, LPDWORD lpdwDaclSize,
                               PACL pSacl, LPDWORD lpdwSaclSize, PSID pOwner, LPDWORD lpdwOwnerSize,
                               PSID pPrimaryGroup, LPDWORD lpdwPrimaryGroupSize);
/* ERROR_INSUFFICIENT_BUFFER; ERROR_BAD_DESCRIPTOR_FORMAT: it is self-relative already. sdk:MakeSelfRelativeSD
 */
MANTLE_API BOOL MakeSelfRelativeSD(PSECURITY_DESCRIPTOR pAbsoluteSecurityDescriptor,
                                   PSECURITY_DESCRIPTOR pSelfRelativeSecurityDescriptor,
                                   LPDWORD lpdwBufferLength);

/* Replaces the generic rights by what they mean. sdk:MapGenericMask */
MANTLE_API VOID MapGenericMask(PDWORD AccessMask, PGENERIC_MAPPING GenericMapping);
/*
 * Whether the bearer of a token is granted DesiredAccess by a descriptor: *AccessStatus, and if not
 * GetLastError is ERROR_ACCESS_DENIED. MAXIMUM_ALLOWED: *GrantedAccess has all that is granted. FALSE:
 * nothing was checked. Nobody has privileges, so ACCESS_SYSTEM_SECURITY is never granted. Entries that are
 * not allowed or denied entries of a SID make the descriptor invalid; they are never passed over.
 *
 * The token is an impersonation token at SecurityIdentification or above (ERROR_NO_IMPERSONATION_TOKEN,
 * ERROR_BAD_IMPERSONATION_LEVEL) on a handle with TOKEN_QUERY. ERROR_INVALID_SECURITY_DESCR: not valid, or
 * without owner or group. ERROR_GENERIC_NOT_MAPPED: DesiredAccess has generic rights. sdk:AccessCheck
 */
MANTLE_API BOOL AccessCheck(PSECURITY_DESCRIPTOR pSecurityDescriptor, HANDLE ClientToken, DWORD DesiredAccess,
                            PGENERIC_MAPPING GenericMapping, PPRIVILEGE_SET PrivilegeSet,
                            LPDWORD PrivilegeSetLength, LPDWORD GrantedAccess, LPBOOL AccessStatus);
/* Whether a token (NULL: the thread's, else the process's) has a SID, as AccessCheck sees it.
 * sdk:CheckTokenMembership */
MANTLE_API BOOL CheckTokenMembership(HANDLE TokenHandle, PSID SidToCheck, PBOOL IsMember);
